//! The product through its front door: a host, HTTP, and what must hold.

mod access;
mod bad_input;
mod batches;
mod contention;
mod files;
mod kill;
mod listings;
mod purchases;
mod start;
mod tour;
