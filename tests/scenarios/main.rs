//! The product through its front door: a host, HTTP, and what must hold.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]
#![expect(clippy::large_futures, reason = "speed is not what these are about")]

mod access;
mod bad_input;
mod batches;
mod contention;
mod costs;
mod expiry;
mod files;
mod kill;
mod listings;
mod purchases;
mod recovery;
mod start;
mod tour;
