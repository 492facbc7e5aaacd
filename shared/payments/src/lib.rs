//! Charging cards through a processor: once, or not at all (F3-F5).
//!
//! - [`processor`]: the port, with all that a card processor must be able to do;
//! - [`portal`]: where the processor's own pages lead back to;
//! - [`sandbox`]: a processor with test cards and a record of its own, for machines without network;
//! - [`cashier`]: the steps of a charge;
//! - [`set_up`]: saving a card that a person has entered;
//! - [`recovery`]: settling a charge whose process died between two steps, or whose card's owner was to confirm it;
//! - [`message`]: a message of the processor, that one of its objects has changed;
//! - [`handle_message`]: what follows from it;
//! - [`repayments`]: the steps of a refund, and what the processor says about refunds and disputes (F9);
//! - [`stripe_message`]: which of Stripe's events are such messages;
//! - [`stripe`]: Stripe as the processor;
//! - [`stripe_range`]: the amounts that it charges.

pub mod cashier;
pub mod handle_message;
pub mod message;
pub mod portal;
pub mod processor;
pub mod recovery;
pub mod repayments;
pub mod sandbox;
pub mod set_up;
pub mod stripe;
pub mod stripe_message;
pub mod stripe_range;

pub use cashier::{Cashier, LeaseClock};
pub use handle_message::MessageError;
pub use message::{ProcessorMessage, Subject};
pub use portal::Portal;
pub use processor::{
    CompleteSetUp, Confirmation, Intent, IntentState, NewIntent, NewRefund, NewSetUp, Processor,
    ProcessorError, SetUp, SetUpState,
};
pub use recovery::Recovery;
pub use sandbox::Sandbox;
pub use set_up::SetUpError;
pub use stripe::Stripe;
