//! Tests of the mails.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test at its line")]

mod given;
mod mails;
mod outside;
