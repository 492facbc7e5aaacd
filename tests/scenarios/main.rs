//! The product through its front door: a host, HTTP, and what must hold.

mod contention;
mod kill;
mod purchases;
mod start;
mod tour;
