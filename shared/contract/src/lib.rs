//! The shapes of the API's answers, shared by the functions that write them and the clients that read them.
//!
//! | file | what |
//! |---|---|
//! | `account` | accounts, their cards and auto-recharge |
//! | `caller` | the holder of a token |
//! | `funds` | lots, purchases and recharges |
//! | `transaction` | journal entries, and records without a rate |
//! | `authorization` | answers to switches |
//! | `debit` | results of usage records |
//! | `usage` | usage reports |
//! | `reversal` | results of reversals, and of rating records later |
//! | `rate` | published rates |
//! | `invoice` | invoices |
//! | `statement` | the balance of past days, and statements |
//! | `problem` | the body of every error |
//! | `code` | stable error codes |
//! | `amount`, `instant` | amounts and instants on the wire |
//! | [`names`] | schemas of the names that a request may use |
//!
//! Amounts are decimal strings with every decimal that the ledger keeps. Instants are RFC 3339 in UTC. A value that may get
//! further names later is a `String`, so that a client can read the answers of a later version. A client ignores unknown fields
//! for the same reason.
//!
//! ```
//! let body = r#"{"lots": [{"lotId": "lot_1", "purchasedAt": "2026-11-22T07:43:00.000Z", "expiresAt": "2027-11-22T07:43:00.000Z",
//!     "amount": "50.00", "remaining": "12.3400", "later": "a field of a later version"}]}"#;
//! let answer: contract::Lots = serde_json::from_str(body).unwrap();
//! assert_eq!(answer.lots[0].remaining, "12.3400");
//! ```

mod account;
mod amount;
mod authorization;
mod caller;
mod code;
mod debit;
mod funds;
mod instant;
mod invoice;
pub mod names;
mod problem;
mod rate;
mod reversal;
mod statement;
mod transaction;
mod usage;

pub use account::{
    Account, Accounts, AutoRecharge, Card, CardPage, LastChange, Limits, LimitsUse, NextExpiry, Plan, Plans,
    Pool, PoolMonth, PostUsage, PurchaseLimits, RechargeFailure, RechargePreview, SettingsChanged,
    SwitchPreview, UserSpending,
};
pub use amount::Amount;
pub use authorization::Authorization;
pub use caller::{Caller, CallerAccount};
pub use code::{Code, FieldError};
pub use debit::{Counts, Debits, RecordProblem, RecordResult, RecordStatus};
pub use funds::{Lot, Lots, NextAction, Purchase, PurchaseStatus, Purchases};
pub use instant::Instant;
pub use invoice::{Invoice, Invoices};
pub use problem::ProblemBody;
pub use rate::{ListedRate, Rate, RateFound, Rates};
pub use reversal::{RatedNow, ReversalCounts, ReversalResult, ReversalStatus, Reversals};
pub use statement::{BalanceAt, Balances, DayBalance, Statement, StatementBalance, StatementLine};
pub use transaction::{
    LotDraw, NewLot, PoolMinutes, RejectedRecord, Returned, Transaction, Transactions, UnratedRecord,
    UnratedRecords, Why,
};
pub use usage::{UsageFigures, UsageGroup, UsageReport};
