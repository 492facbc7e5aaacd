//! Charging cards through a processor: once, or not at all (F3-F5).
//!
//! - [`processor`]: the port, what a card processor must be able to do for us;
//! - [`sandbox`]: a processor with test cards and a record of its own, for machines without network;
//! - [`cashier`]: the steps of a charge, and their recovery when a process dies between them.

pub mod cashier;
pub mod processor;
pub mod sandbox;

pub use cashier::{Cashier, LeaseClock, Recovered};
pub use processor::{Intent, IntentState, NewIntent, Processor, ProcessorError, Refund};
pub use sandbox::Sandbox;
