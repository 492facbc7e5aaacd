//! Journal entries as answers show them: transactions, with the details of calls.

use domain::journal::{EntryDetails, JournalEntry};
use domain::{AccountId, Money, UsageRecord, rate, rejected_record};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::code::{Code, FieldError};
use crate::instant::Instant;

/// Why a record cost what it did.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "rule", rename_all = "camelCase")]
pub enum Why {
    /// From the published rates: connection fee + price per minute x billed seconds / 60.
    #[serde(rename_all = "camelCase")]
    Rated {
        /// The E.164 prefix that matched.
        prefix: String,
        /// Its destination.
        destination: String,
        /// Price of 60 seconds.
        per_minute: String,
        /// Price of the connection.
        connection_fee: String,
        /// Seconds billed: the duration, rounded up to the increments.
        billed_seconds: u64,
        /// First and following increment in seconds.
        #[schema(example = "60/60")]
        increments: String,
        /// Since when the rate is in force.
        effective_from: Instant,
    },
    /// It arrived with its charge.
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

/// What a transaction took from a lot.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LotDraw {
    /// Which.
    pub lot_id: String,
    /// How much.
    pub amount: String,
}

/// A record that came through the queue and was refused, with what is needed to correct it and send it again.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Rejection)]
pub struct RejectedRecord {
    /// `invalid` or `conflict`.
    #[schema(example = "invalid")]
    pub status: String,
    /// The field, and what was expected of it.
    pub problem: FieldError,
    /// The message it came in, …
    pub message_id: String,
    /// … and its place there, from 0.
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

/// One row of the journal.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// Unique within the account.
    pub transaction_id: String,
    /// When it happened.
    pub at: Instant,
    /// When it was committed.
    pub posted_at: Instant,
    /// The account's version with its commit, …
    pub version: u64,
    /// … and its place there, from 0: together the order in which balances follow from each other.
    pub place: u32,
    /// What it is.
    #[schema(example = "usage")]
    pub kind: String,
    /// What it did to the balance.
    pub amount: String,
    /// The balance after it, in the order of commits. A listing is by `at`, so a late record stands among
    /// earlier rows.
    pub balance: String,
    /// The usage record's id, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_id: Option<String>,
    /// … its revision, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// … the call it belongs to, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// … and whose usage it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// What was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What the rate goes by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// How long it lasted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u32>,
    /// Who pays within the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_centre: Option<String>,
    /// What the call cost, however it was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
    /// Why it cost that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// Which lots paid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<LotDraw>,
    /// The part that the next invoice asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_usage: Option<String>,
    /// Why an adjustment was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// A record from the queue that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection: Option<RejectedRecord>,
    /// The purchase or recharge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_id: Option<String>,
    /// The lot that was added or forfeited.
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
    /// Newest first.
    pub transactions: Vec<Transaction>,
    /// The `cursor` of the next page. With `kind` a page may be short or empty: go on until there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A record without a rate, and the account that it belongs to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnratedRecord {
    /// Whose.
    pub account_id: String,
    /// The record as it is kept.
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
    /// Of all accounts.
    pub records: Vec<UnratedRecord>,
    /// The `cursor` of the next page; a page may be short or empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

fn shown_unless_zero(money: Money) -> Option<String> {
    (!money.is_zero()).then(|| money.to_string())
}
