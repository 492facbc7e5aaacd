//! The version of Stripe's API that the fake has.

/// The version, as the header `Stripe-Version` and each event name it.
pub const VERSION: &str = "2026-05-27.dahlia";
