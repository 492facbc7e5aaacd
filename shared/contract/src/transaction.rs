//! Journal entries as answers show them: transactions, with the details of calls.

use domain::journal::{EntryDetails, JournalEntry};
use domain::{AccountId, Money, UsageRecord, rate, rejected_record};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::code::{Code, FieldError};
use crate::instant::Instant;

/// The rating basis: why a record has its charge.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "rule", rename_all = "camelCase")]
pub enum Why {
    /// The published rates gave the charge: connection fee + price per minute x billed seconds / 60.
    #[serde(rename_all = "camelCase")]
    Rated {
        /// The E.164 prefix that matched the number.
        prefix: String,
        /// The destination of the prefix.
        destination: String,
        /// The price of 60 seconds.
        per_minute: String,
        /// The price of the connection.
        connection_fee: String,
        /// The billed seconds: the duration, rounded up to the increments.
        billed_seconds: u64,
        /// The first and the following increments in seconds.
        #[schema(example = "60/60")]
        increments: String,
        /// The instant since which the rate is in force.
        effective_from: Instant,
    },
    /// The record came with its charge.
    AsRated,
    /// A call of zero seconds is free.
    ZeroDuration,
}

impl From<&rate::RatingBasis> for Why {
    fn from(basis: &rate::RatingBasis) -> Self {
        match basis.clone() {
            rate::RatingBasis::Rated {
                prefix,
                destination,
                per_minute,
                connection_fee,
                billed_seconds,
                increments,
                effective_from,
            } => Self::Rated {
                prefix,
                destination,
                per_minute: per_minute.to_string(),
                connection_fee: connection_fee.to_string(),
                billed_seconds,
                increments,
                effective_from: effective_from.into(),
            },
            rate::RatingBasis::AsRated => Self::AsRated,
            rate::RatingBasis::ZeroDuration => Self::ZeroDuration,
        }
    }
}

/// The amount that a transaction drew on a lot.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LotDraw {
    /// The lot.
    pub lot_id: String,
    /// The amount.
    pub amount: String,
}

/// A rejected record of the queue, with all that is needed to correct it and send it again.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Rejection)]
pub struct RejectedRecord {
    /// `invalid` or `conflict`.
    #[schema(example = "invalid")]
    pub status: String,
    /// The wrong field, and what was expected of it.
    pub problem: FieldError,
    /// The id of the message that the record came in.
    pub message_id: String,
    /// The index of the record in the message, from 0.
    pub index: u32,
    /// The record as it was sent: its first 1,024 characters, and `…` for the rest.
    pub record: String,
}

impl From<&rejected_record::RejectedRecord> for RejectedRecord {
    fn from(rejected: &rejected_record::RejectedRecord) -> Self {
        let rejected_record::RejectedRecord { message, index, status, field, detail, text, .. } = rejected;
        Self {
            status: status.as_str().to_owned(),
            problem: FieldError::new(field, Code::of_record(*status), detail),
            message_id: message.id.to_string(),
            index: *index,
            record: text.clone(),
        }
    }
}

/// A journal entry.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// The transaction's id, which is unique within the account.
    pub transaction_id: String,
    /// The instant that the transaction is dated at, such as the start of a call.
    pub at: Instant,
    /// The instant at which the transaction was committed.
    pub posted_at: Instant,
    /// The account's version after the commit of the transaction.
    pub version: u64,
    /// The sequence of the transaction within its commit, from 0. Balances follow from each other in the order of `version` and `place`.
    pub place: u32,
    /// The kind of transaction.
    #[schema(example = "usage")]
    pub kind: String,
    /// The change of the balance.
    pub amount: String,
    /// The balance after the transaction, in the order of commits. A listing is in the order of `at`, so a late record stands
    /// among transactions that were committed earlier.
    pub balance: String,
    /// The id of the usage record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_id: Option<String>,
    /// The revision of the usage record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// The call that the usage record belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// The user of the usage record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The service that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The number that the rate is found by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The duration of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u32>,
    /// The cost centre that the organization charges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_centre: Option<String>,
    /// The charge for the call, whether funds covered it or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
    /// The rating basis of the charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// The amounts that the transaction drew on lots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<LotDraw>,
    /// The part of the charge that the next invoice will ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_usage: Option<String>,
    /// The reason of an adjustment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The author of an adjustment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The rejected record of the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection: Option<RejectedRecord>,
    /// The purchase or recharge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_id: Option<String>,
    /// The lot that was added, or that expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot_id: Option<String>,
}

impl From<&JournalEntry> for Transaction {
    fn from(entry: &JournalEntry) -> Self {
        let shown = Self {
            transaction_id: entry.key.to_string(),
            at: entry.at.into(),
            posted_at: entry.posted_at.into(),
            version: entry.version,
            place: entry.sequence,
            kind: entry.details.kind().as_str().to_owned(),
            amount: entry.amount.to_string(),
            balance: entry.balance.to_string(),
            record_id: None,
            revision: None,
            call_id: None,
            user_id: None,
            service: None,
            number: None,
            duration_seconds: None,
            cost_centre: None,
            charge: None,
            why: None,
            lots: (entry.draws.iter())
                .map(|draw| LotDraw { lot_id: draw.lot.to_string(), amount: draw.amount.to_string() })
                .collect(),
            post_usage: shown_unless_zero(entry.post_usage),
            reason: None,
            author: None,
            rejection: None,
            purchase_id: None,
            lot_id: None,
        };
        shown.with_details(&entry.details)
    }
}

impl Transaction {
    fn with_details(self, details: &EntryDetails) -> Self {
        match details {
            EntryDetails::Usage { record, charge, basis } => {
                Self { charge: Some(charge.to_string()), why: Some(basis.into()), ..self.with_record(record) }
            }
            EntryDetails::Unrated { record } => self.with_record(record),
            EntryDetails::Rejected(rejected) => {
                Self { record_id: rejected.record_id.clone(), rejection: Some(rejected.into()), ..self }
            }
            EntryDetails::Funds { payment, .. } => {
                Self { purchase_id: Some(payment.to_string()), lot_id: Some(payment.to_string()), ..self }
            }
            EntryDetails::Adjustment { payment, reason, author, expires_at } => Self {
                reason: Some(reason.clone()),
                author: Some(author.clone()),
                lot_id: expires_at.map(|_| payment.to_string()),
                ..self
            },
            EntryDetails::Expiry { lot } => Self { lot_id: Some(lot.to_string()), ..self },
            EntryDetails::Invoice { .. } => self,
        }
    }

    fn with_record(self, record: &UsageRecord) -> Self {
        Self {
            record_id: Some(record.id.to_string()),
            revision: Some(record.revision),
            call_id: record.call_id.clone(),
            user_id: record.user_id.clone(),
            service: Some(record.service.as_str().to_owned()),
            number: Some(record.number.as_str().to_owned()),
            duration_seconds: Some(record.duration_seconds),
            cost_centre: record.cost_centre.clone(),
            ..self
        }
    }
}

/// One page of transactions.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Transactions {
    /// Transactions, newest first.
    pub transactions: Vec<Transaction>,
    /// The `cursor` of the next page. With `kind` a page may be short or empty: go on until there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A record without a rate, and the account that it belongs to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnratedRecord {
    /// The account.
    pub account_id: String,
    /// The journal entry of the record.
    #[serde(flatten)]
    pub transaction: Transaction,
}

impl UnratedRecord {
    /// The answer for an entry of this account's journal.
    pub fn show(account: &AccountId, entry: &JournalEntry) -> Self {
        Self { account_id: account.to_string(), transaction: entry.into() }
    }
}

/// One page of records without a rate.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UnratedRecords {
    /// Records of all accounts.
    pub records: Vec<UnratedRecord>,
    /// The `cursor` of the next page; a page may be short or empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

fn shown_unless_zero(money: Money) -> Option<String> {
    (!money.is_zero()).then(|| money.to_string())
}
