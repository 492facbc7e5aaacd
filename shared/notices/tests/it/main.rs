//! What people are told, mail by mail.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod given;
mod mails;
mod outside;
