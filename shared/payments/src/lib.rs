//! Charging cards through a processor: once, or not at all (F3-F5).
//!
//! - [`processor`]: the port, with all that a card processor must be able to do;
//! - [`portal`]: where the processor's own pages lead back to;
//! - [`sandbox`]: a processor with test cards and a record of its own, for machines without network;
//! - [`cashier`]: the steps of a charge;
//! - [`recovery`]: settling a charge whose process died between two steps, or whose card's owner was to confirm it.

pub mod cashier;
pub mod portal;
pub mod processor;
pub mod recovery;
pub mod sandbox;

pub use cashier::{Cashier, LeaseClock};
pub use portal::Portal;
pub use processor::{
    CompleteSetUp, Intent, IntentState, NewIntent, NewSetUp, Processor, ProcessorError, Refund, SetUp,
    SetUpState,
};
pub use recovery::Recovery;
pub use sandbox::Sandbox;
