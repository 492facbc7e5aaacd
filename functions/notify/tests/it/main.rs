//! Mails to recipients under failures and repeated deliveries: no recipient is left out (N11).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod death;
mod leases;
mod people;
mod repeats;
mod world;
