//! What Communications Credits decides, as plain functions.
//!
//! Everything here is a pure function of (account, input, now): no AWS, no async, no clock, no randomness.
//! A handler loads an [`Account`], calls one of the deciding functions, and hands the [`Decision`] to the
//! store, which commits it in one transaction.
//!
//! | file | noun | rules |
//! |---|---|---|
//! | [`money`] | an amount and its currency | T3 |
//! | [`time`] | instants, months | T1, F1 |
//! | [`id`] | typed ids, fingerprints | S2, F3 |
//! | [`lot`] | funds bought at one instant | F1, F7, S1, S10 |
//! | [`account`] | the wallet | A1-A3, T2 |
//! | [`profile`] | whose it is, and its cards | A1, F10 |
//! | [`draft`] | an account being decided on | T1, F7, S1, S8, R2, N3, N4 |
//! | [`journal`] | one row of the journal | S2 |
//! | [`fact`] | what a commit tells the world | E3, N1-N10 |
//! | [`rate`] | published rates | S5 |
//! | [`usage`] | a usage record (CDR) | S2, S4, S6 |
//! | [`debit`] | paying for usage | S1-S6, S9, S10 |
//! | [`rejection`] | a refused record that nobody waits for | S3 |
//! | [`payment`] | a charge from intent to outcome | F3-F5 |
//! | [`purchase`] | buying funds | F1-F7, F10, F11 |
//! | [`recharge`] | auto-recharge | R1-R7, F10 |
//! | [`adjustment`] | the operator's corrections | F9 |
//! | [`expiry`] | the nightly sweep | E1-E3 |
//! | [`audit`] | whether the books hold | invariants 1-6, F8 |

pub mod account;
pub mod adjustment;
pub mod audit;
pub mod debit;
pub mod draft;
pub mod expiry;
pub mod fact;
pub mod id;
pub mod journal;
pub mod lot;
pub mod money;
pub mod payment;
pub mod profile;
pub mod purchase;
pub mod rate;
pub mod recharge;
pub mod rejection;
pub mod time;
pub mod usage;

pub use account::{Account, BillingModel, Status};
pub use draft::{Decision, Draft};
pub use fact::Fact;
pub use id::{AccountId, Fingerprint, LotId, MessageId, PaymentId, RecordId};
pub use journal::{EntryKind, JournalEntry, JournalKey};
pub use lot::Lot;
pub use money::{Currency, Money};
pub use payment::{Payment, PaymentKind, PaymentState};
pub use profile::{Locale, Profile};
pub use rate::RateTable;
pub use rejection::Rejection;
pub use usage::{Service, UsageRecord};
