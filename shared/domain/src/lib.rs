//! The decisions of Communications Credits, as plain functions.
//!
//! Every decision is a pure function of (account, input, now): no AWS, no async, no clock, no randomness.
//! A handler loads an [`Account`], calls a deciding function, and hands the [`Decision`] to the store, which commits it
//! in one transaction.
//!
//! The table lists the files from the ground up: a file imports only files above it in the table.
//!
//! | file | what it is | rules |
//! |---|---|---|
//! | [`money`] | an amount and its currency | T3 |
//! | [`time`] | instants and months | T1, F1 |
//! | [`id`] | typed ids and fingerprints | S2, F3 |
//! | [`changed_days`] | days whose usage is to be totalled again | |
//! | [`lot`] | funds bought at one instant | F1, F7, S1, S10 |
//! | [`journal_key`] | the kind and key of a journal entry | S2, S3 |
//! | [`usage`] | a usage record (CDR) | S2, S4, S6 |
//! | [`emergency`] | emergency numbers | C3 |
//! | [`pool`] | pools of included minutes, and their use | S7, N8 |
//! | [`hold`] | what calls in progress may need | C1 |
//! | [`limits`] | spending limits | C2 |
//! | [`profile`] | an organization's name, recipients, cards and pools | A1, F10, S7 |
//! | [`invoice`] | what an account that pays after use is asked for | S8, T3 |
//! | [`refund`] | a part of a charge that goes back to its card | F9, T3 |
//! | [`dispute`] | a charge that its card's owner wants back | F9 |
//! | [`card_payment`] | a purchase or recharge, from intention to outcome | F3-F5, F10 |
//! | [`payment`] | a row of `payments`: a card payment, an adjustment or an invoice | F3, F9, S8 |
//! | [`rate`] | published rates, and rating a record by them | S5 |
//! | [`rejected_record`] | a record from the queue that was rejected | S3 |
//! | [`recharge::state`] | the settings and state of auto-recharge | R1, R7 |
//! | [`event`] | an event of a commit | E3, N1-N10 |
//! | [`journal`] | a journal entry | S2 |
//! | [`movements`] | how the balance moved on a day | T2 |
//! | [`account`] | an organization's wallet | A1-A3, T2 |
//! | [`change`] | what one commit writes | |
//! | [`draft`] | an account being decided on | T1, F7, S1, S8, R2, N3, N4 |
//! | [`funding`] | what pays for a charge | S1, S8, S10, F9 |
//! | [`declines`] | how often cards were declined | F4 |
//! | [`purchase`] | limits of purchases, and opening one | F1, F2, F4, F6, F11 |
//! | [`recharge`] | auto-recharge: settings, rule and outcome | R1-R7, F10 |
//! | [`settlement`] | the card processor's answer becomes one lot or none | F3-F5, F7, F8, F10 |
//! | [`returning`] | what an entry took goes back where it came from | S11, F7, F9 |
//! | [`refunding`] | funds leave their lot, go back to the card, or return | F9, F7, T3 |
//! | [`disputing`] | funds leave their lot while their purchase is disputed | F9, F7 |
//! | [`settings`] | changing profile, cards and warning amount | A1, F10, N4, N9 |
//! | [`adjustment`] | the operator's corrections | F9 |
//! | [`debit`] | paying for usage | S1-S7, S9, S10 |
//! | [`authorization`] | whether a call may start, and how long it may last | C1-C4 |
//! | [`unrated`] | paying for usage that had no rate when it came | S9 |
//! | [`reversal`] | taking a charge back | S11 |
//! | [`invoicing`] | how invoices come to be and end | S8, N12 |
//! | [`expiry`] | the nightly sweep | E1-E3, N13 |
//! | [`statement`] | what the balance was made of in a period, by posting | T2, T3 |
//! | [`usage_report`] | what calls came to, by day and dimension | S5-S7, S9, S11 |
//! | [`audit`] | whether the books hold | invariants 1-6, F8 |

pub mod account;
pub mod adjustment;
pub mod audit;
pub mod authorization;
pub mod card_payment;
pub mod change;
pub mod changed_days;
pub mod debit;
pub mod declines;
pub mod dispute;
pub mod disputing;
pub mod draft;
pub mod emergency;
pub mod event;
pub mod expiry;
pub mod funding;
pub mod hold;
pub mod id;
pub mod invoice;
pub mod invoicing;
pub mod journal;
pub mod journal_key;
pub mod limits;
pub mod lot;
pub mod money;
pub mod movements;
pub mod payment;
pub mod pool;
pub mod profile;
pub mod purchase;
pub mod rate;
pub mod recharge;
pub mod refund;
pub mod refunding;
pub mod rejected_record;
pub mod returning;
pub mod reversal;
pub mod settings;
pub mod settlement;
pub mod statement;
pub mod time;
pub mod unrated;
pub mod usage;
pub mod usage_report;

pub use account::{Account, BillingModel, Status};
pub use card_payment::{CardPayment, CardPaymentKind, CardPaymentState};
pub use change::Decision;
pub use draft::Draft;
pub use event::EventDetails;
pub use id::{AccountId, Fingerprint, LotId, MessageId, PaymentId, PaymentKind, RecordId};
pub use invoice::Invoice;
pub use journal::JournalEntry;
pub use journal_key::{EntryKind, JournalKey};
pub use lot::Lot;
pub use money::{Currency, Money};
pub use payment::{Adjustment, Payment};
pub use pool::Pools;
pub use profile::{Locale, Profile};
pub use rate::RateTable;
pub use rejected_record::RejectedRecord;
pub use usage::{Service, UsageRecord};
