//! The product through its front door: a host, HTTP, and what must hold.

mod access;
mod bad_input;
mod batches;
mod costs;
mod expiry;
mod files;
mod listings;
mod purchases;
