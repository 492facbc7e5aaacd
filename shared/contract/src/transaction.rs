//! Journal entries as answers show them: transactions, with the details of calls.

use domain::journal::{EntryDetails, JournalEntry, ReturnedLot, Reversal};
use domain::lot::Draw;
use domain::pool::IncludedMinutes;
use domain::{AccountId, JournalKey, Money, UsageRecord, rate, rejected_record};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::code::{Code, FieldError};
use crate::instant::Instant;

/// The rating basis: why a record has its charge.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "rule", rename_all = "camelCase")]
pub enum Why {
    /// The published rates gave the charge: connection fee + price per minute x billed seconds / 60, less the included minutes.
    /// A call that is covered by included minutes costs nothing.
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
        /// The minutes that pools gave; each counts 60 billed seconds.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        included_minutes: Vec<PoolMinutes>,
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
                country: _,
                per_minute,
                connection_fee,
                billed_seconds,
                increments,
                effective_from,
                included,
            } => Self::Rated {
                prefix,
                destination,
                per_minute: per_minute.to_string(),
                connection_fee: connection_fee.to_string(),
                billed_seconds,
                increments,
                effective_from: effective_from.into(),
                included_minutes: included.iter().map(PoolMinutes::from).collect(),
            },
            rate::RatingBasis::AsRated => Self::AsRated,
            rate::RatingBasis::ZeroDuration => Self::ZeroDuration,
        }
    }
}

/// Minutes that a pool gave to a call, or got back.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PoolMinutes {
    /// The pool's `poolId`.
    #[schema(example = "MCOPSTN1/FR")]
    pub pool: String,
    /// The minutes.
    pub minutes: u64,
}

impl From<&IncludedMinutes> for PoolMinutes {
    fn from(included: &IncludedMinutes) -> Self {
        Self { pool: included.pool.clone(), minutes: included.minutes }
    }
}

/// What a reversal, a refund that failed or the end of a dispute returned.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Returned {
    /// The transaction that had taken it.
    pub transaction_id: String,
    /// The amounts that went back to lots. An amount in a lot whose late records are over is forfeited by a transaction of its
    /// own, whose `returnedBy` is this transaction.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<LotDraw>,
    /// The lot of the part that was owed and had been repaid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_lot: Option<NewLot>,
    /// The amount that repaid what was owed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repaid: Option<String>,
    /// The minutes that pools got back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub included_minutes: Vec<PoolMinutes>,
}

/// A lot that a returning transaction added.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewLot {
    /// The lot.
    pub lot_id: String,
    /// Its funds.
    pub amount: String,
    /// The instant at which they expire.
    pub expires_at: Instant,
}

impl Returned {
    /// What an entry of this amount returned of what the entry with the key `of` had taken.
    fn of(of: &str, amount: Money, returned: &[Draw], lot: Option<&ReturnedLot>) -> Self {
        let to_lots = returned.iter().map(|draw| draw.amount);
        let to_new_lot = lot.map(|lot| lot.amount);
        let repaid = to_lots.chain(to_new_lot).fold(amount, |rest, part| rest - part);
        Self {
            transaction_id: of.to_owned(),
            lots: returned.iter().map(LotDraw::from).collect(),
            new_lot: lot.map(|lot| NewLot {
                lot_id: lot.id.to_string(),
                amount: lot.amount.to_string(),
                expires_at: lot.expires_at.into(),
            }),
            repaid: shown_unless_zero(repaid),
            included_minutes: Vec::new(),
        }
    }

    /// What a reversal of this amount returned.
    fn of_reversal(reversal: &Reversal, amount: Money) -> Self {
        let Reversal { of, returned, lot, included, .. } = reversal;
        Self {
            included_minutes: included.iter().map(PoolMinutes::from).collect(),
            ..Self::of(of.as_str(), amount, returned, lot.as_ref())
        }
    }
}

/// The amount that a transaction drew on a lot, or returned to it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LotDraw {
    /// The lot.
    pub lot_id: String,
    /// The amount.
    pub amount: String,
}

impl From<&Draw> for LotDraw {
    fn from(draw: &Draw) -> Self {
        Self { lot_id: draw.lot.to_string(), amount: draw.amount.to_string() }
    }
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
    /// The charge for the call, whether funds covered it or not. A reversal has the charge that it took back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
    /// The rating basis of the charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// The amounts that the transaction drew on lots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<LotDraw>,
    /// The minutes that pools gave to the call, or that a reversal gave back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub included_minutes: Option<u64>,
    /// What a reversal, a refund that failed or the end of a dispute returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned: Option<Returned>,
    /// The transaction that returned the funds which expired at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned_by: Option<String>,
    /// The part of the charge that the next invoice will ask for; negative where a reversal takes it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_usage: Option<String>,
    /// The reason of an adjustment, reversal, refund or dispute, and why a refund failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The author of an adjustment, reversal or refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The rejected record of the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection: Option<RejectedRecord>,
    /// The purchase or recharge, also of a refund or a dispute.
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
            lots: entry.draws.iter().map(LotDraw::from).collect(),
            included_minutes: None,
            returned: None,
            returned_by: None,
            post_usage: shown_unless_zero(entry.post_usage),
            reason: None,
            author: None,
            rejection: None,
            purchase_id: None,
            lot_id: None,
        };
        shown.with_details(entry)
    }
}

impl Transaction {
    fn with_details(self, entry: &JournalEntry) -> Self {
        match &entry.details {
            EntryDetails::Usage { record, charge, basis } => Self {
                charge: Some(charge.to_string()),
                why: Some(basis.into()),
                included_minutes: total_minutes(basis.included()),
                ..self.with_record(record)
            },
            EntryDetails::Reversal(reversal) => Self {
                charge: reversal.charge.map(|charge| charge.to_string()),
                included_minutes: total_minutes(&reversal.included),
                returned: Some(Returned::of_reversal(reversal, entry.amount)),
                reason: Some(reversal.reason.clone()),
                author: Some(reversal.author.clone()),
                ..self.with_record(&reversal.record)
            },
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
            EntryDetails::Refund { payment, reason, author, .. } => Self {
                purchase_id: Some(payment.to_string()),
                reason: reason.clone(),
                author: author.clone(),
                ..self
            },
            EntryDetails::RefundReturned { payment, reason, returned, lot, .. } => Self {
                purchase_id: Some(payment.to_string()),
                reason: Some(reason.clone()),
                returned: Some(Returned::of(taken_by(&entry.key), entry.amount, returned, lot.as_ref())),
                ..self
            },
            EntryDetails::Dispute { payment, reason, .. } => {
                Self { purchase_id: Some(payment.to_string()), reason: Some(reason.clone()), ..self }
            }
            EntryDetails::DisputeEnded { payment, returned, .. } => Self {
                purchase_id: Some(payment.to_string()),
                returned: (entry.amount.is_positive())
                    .then(|| Returned::of(taken_by(&entry.key), entry.amount, returned, None)),
                ..self
            },
            EntryDetails::Expiry { lot, returned_by } => Self {
                lot_id: Some(lot.to_string()),
                returned_by: returned_by.as_ref().map(ToString::to_string),
                ..self
            },
            EntryDetails::Switch | EntryDetails::Invoice { .. } => self,
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

/// The key of the entry that had taken what the entry with this key returns: a refund's, or a dispute's.
fn taken_by(key: &JournalKey) -> &str {
    key.as_str().rsplit_once('#').map_or(key.as_str(), |(taken_by, _)| taken_by)
}

fn total_minutes(included: &[IncludedMinutes]) -> Option<u64> {
    (!included.is_empty()).then(|| included.iter().map(|included| included.minutes).sum())
}

fn shown_unless_zero(money: Money) -> Option<String> {
    (!money.is_zero()).then(|| money.to_string())
}
