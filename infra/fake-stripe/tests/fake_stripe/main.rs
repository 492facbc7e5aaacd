//! The fake through HTTP, as an integration uses it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test at its line")]

mod client;

mod cards;
mod faults;
mod idempotency;
mod money_back;
mod our_client;
mod payments;
mod webhooks;
