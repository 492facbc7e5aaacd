//! The product through its front door: a host, HTTP, and what must hold.

mod access;
mod bad_input;
mod batches;
mod files;
mod listings;
mod contention;
mod kill;
mod purchases;
mod start;
mod tour;
