//! People are told, whatever happens on the way: each once, and nobody is left out (N11).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod death;
mod leases;
mod people;
mod repeats;
mod world;
