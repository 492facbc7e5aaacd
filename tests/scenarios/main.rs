//! The product through its front door: a host, HTTP, and what must hold.

mod purchases;
mod recovery;
