//! People are told, whatever happens on the way: each once, and nobody is left out (N11).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod claims;
mod death;
mod people;
mod repeats;
mod world;
