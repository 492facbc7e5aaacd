//! The product through its front door: a host, HTTP, and what must hold.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod adjustments;
mod charges;
mod concurrency;
mod purchases;
mod recovery;
