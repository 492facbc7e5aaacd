//! Tests of the product from end to end, over HTTP against the one-machine host.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test at its line")]

mod access;
mod adjustments;
mod authorizations;
mod bad_input;
mod batches;
mod card_setup;
mod charges;
mod combined;
mod concurrency;
mod contention;
mod contract;
mod costs;
mod declines;
mod demo;
mod events;
mod expiry;
mod files;
mod invoices;
mod issuer;
mod kill;
mod listings;
mod lost_replies;
mod mailbox;
mod mails;
mod pools;
mod portal_api;
mod purchases;
mod queue_debits;
mod receipts;
mod recharge;
mod reconcile;
mod recovery;
mod reversals;
mod start;
mod statements;
mod switch;
mod telemetry;
mod tour;
mod undelivered;
mod unrated;
mod usage_reports;
mod watched;
mod web_sites;
