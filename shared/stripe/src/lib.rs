//! A client of the calls of Stripe's API that charge, pay back and save cards.
//!
//! - [`Client`]: the connection, the secret key, the repeats and the errors of every call;
//! - [`payment_intent`], [`checkout`], [`customer`], [`payment_method`], [`refund`], [`dispute`], [`event`]: the calls and objects, by
//!   resource;
//! - [`webhook`]: verifying what Stripe delivers;
//! - [`amount`]: amounts as Stripe counts them.
//!
//! Types have the fields that the product uses, and no others. A status that this version does not know is kept as
//! `Unknown`, so that it is never taken for another.
//!
//! Source of all shapes: Stripe's API reference, version [`VERSION`].

pub mod amount;
pub mod checkout;
mod client;
pub mod customer;
pub mod dispute;
mod error;
pub mod event;
mod object;
pub mod payment_intent;
pub mod payment_method;
pub mod refund;
mod secret;
pub mod webhook;

pub use client::{Client, Limits};
pub use error::{Error, Refusal};
pub use object::{Expandable, Metadata};
pub use secret::{KeySource, NoKey, SecretKey};

/// The version of the API that every request names. Answers have the shapes of this version until the next one is chosen here.
pub const VERSION: &str = "2026-05-27.dahlia";
