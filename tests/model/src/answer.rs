//! Answers to steps, and the visible state of an account.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Month, RecordKey, Service};

/// The outcome of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// A purchase, a recharge or a positive adjustment added a lot.
    Added(Added),
    /// A negative adjustment took funds.
    Taken(Taken),
    /// The rules forbid the step, and nothing changed: F6, F9, S8.
    Refused,
    /// Settings, pools or rates were replaced.
    Set,
    /// A usage record was charged.
    Accepted(Charge),
    /// The same thing was there already, and nothing changed.
    Duplicate,
    /// Something else was there already under the same id, and nothing changed. For a revision also: the one
    /// before is not reversed.
    Conflict,
    /// A usage record without a rate was kept (S9).
    Unrated,
    /// A usage record that is not valid (T1, S4), and nothing changed.
    Invalid,
    /// A usage entry was reversed.
    Reversed(Reversal),
    /// There is no such usage entry to reverse, and nothing changed.
    NotFound,
    /// These unrated records were charged, in the order of their arrival.
    Rated(Vec<Rated>),
    /// The sweep booked these lots' funds.
    Swept(Vec<Forfeited>),
    /// A switch was told whether a call may start or go on, and for how long.
    Authorized(Authorization),
    /// So many holds were released.
    Released(usize),
}

/// C1, C4: whether a call may start, or last longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authorization {
    /// Why the call may not start, or not last longer.
    #[serde(default)]
    pub refusal: Option<Refusal>,
    /// How long the call may last, counted from its authorization. A refused extension leaves what was granted.
    pub granted_seconds: u32,
    /// The call's hold: which of the holds of its leg it is, from 1.
    #[serde(default)]
    pub hold: Option<usize>,
}

/// C1, C2: why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Refusal {
    /// Minutes and funds do not pay for the call.
    InsufficientFunds,
    /// A spending limit refuses it.
    LimitReached,
    /// It has no published rate.
    NoRate,
    /// The account has as many holds as it may have.
    TooManyHolds,
}

/// How a new lot came to be.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Added {
    /// F7: the part of the new funds that repaid the owed amount.
    pub repaid: Decimal,
    /// When the lot expires.
    pub expires_at: Timestamp,
}

/// Where an amount was taken from. The three parts add up to it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Taken {
    /// Each lot's part, by lot id.
    pub lots: BTreeMap<String, Decimal>,
    /// The part that is owed (prepaid).
    pub owed: Decimal,
    /// The part that the open month collects (post-usage).
    pub post_usage: Decimal,
}

/// The charge of a call, with its rating basis.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Charge {
    /// The price of the call.
    pub charge: Decimal,
    /// The billed duration, if the charge was computed and not sent with the record (S6).
    pub billed_seconds: Option<u32>,
    /// Included minutes that the call took, by pool id.
    pub minutes: BTreeMap<String, u64>,
    /// Where the charge was taken from.
    pub taken: Taken,
}

/// S11: the parts that a reversal gave back.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Reversal {
    /// The amount that the balance gained, before `forfeited` left it again.
    pub amount: Decimal,
    /// Included minutes that went back, by pool id.
    pub minutes: BTreeMap<String, u64>,
    /// The part that was owed and is now deducted from the owed amount.
    pub owed_back: Decimal,
    /// The part that was owed and has been repaid since. It is the amount of a new lot.
    pub new_lot: Decimal,
    /// F7: the part that came from lots and repaid the owed amount.
    pub repaid: Decimal,
    /// The parts that went back to their lots, by lot id.
    pub returned: BTreeMap<String, Decimal>,
    /// The parts that were forfeited at once, since the 72 hours after their lots' expiry are over, by lot id.
    pub forfeited: BTreeMap<String, Decimal>,
    /// The part that was credited to the open month (post-usage).
    pub post_usage: Decimal,
    /// Whether the record was unrated, so that there was nothing to give back.
    pub was_unrated: bool,
}

/// S9: an unrated record that was charged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rated {
    /// The record.
    pub key: RecordKey,
    /// Its charge.
    pub charge: Charge,
}

/// E1: expired funds that were booked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Forfeited {
    /// The lot.
    pub lot: String,
    /// When it expired, which is the date of the journal entry.
    pub expired_at: Timestamp,
    /// The lot's rest.
    pub amount: Decimal,
}

/// The visible state of an account at one instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// T2: the lots' unspent funds − `owed`.
    pub balance: Decimal,
    /// T2: the same, without lots that have expired.
    pub available: Decimal,
    /// The owed amount.
    pub owed: Decimal,
    /// The month that is not closed yet. An account has none until its switch is complete.
    pub post_usage: Option<OpenMonth>,
    /// S8: whether a switch waits for auto-recharge to be off.
    pub switch_pending: bool,
    /// Lots with funds, oldest expiry first, then by id.
    pub lots: Vec<LotFunds>,
    /// Pools that have minutes in this month or the last, by month, then by id.
    pub pools: Vec<PoolUse>,
    /// Records that are unrated and not reversed, in the order of their arrival.
    pub unrated: Vec<RecordKey>,
    /// Invoices, oldest first.
    pub invoices: Vec<Invoice>,
    /// The sum of the journal entries' amounts, which is the balance.
    pub journal_sum: Decimal,
    /// R2, R3: the amount that auto-recharge would charge now, if it is on and the available balance is low enough.
    pub recharge_wanted: Option<Decimal>,
    /// C1: the sum of what live holds hold of the funds.
    pub held: Decimal,
    /// C1: live holds, by leg.
    pub holds: Vec<LiveHold>,
    /// C2: what the limit of the day counts of charges. None without that limit.
    pub spent_today: Option<Decimal>,
    /// C2: what the limit of users counts of charges in this month, by user. Users for whom that is zero are left out, and so is everyone
    /// without that limit.
    pub spent_by_user: BTreeMap<String, Decimal>,
}

/// C1: a hold that has not ended, was not released and has not lapsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LiveHold {
    /// The call.
    pub call: String,
    /// The kind of the call.
    pub service: Service,
    /// The number that the rate goes by.
    pub number: String,
    /// Which of the leg's holds it is, from 1.
    pub nth: usize,
    /// The user.
    #[serde(default)]
    pub user: Option<String>,
    /// The switch that took it.
    #[serde(default)]
    pub node: Option<String>,
    /// When the call was authorized, which counts as its start.
    pub authorized_at: Timestamp,
    /// How long the call may last.
    pub granted_seconds: u32,
    /// What is held of the funds.
    pub amount: Decimal,
    /// Included minutes that are held in the month of the call's start, by pool id.
    #[serde(default)]
    pub minutes: BTreeMap<String, u64>,
    /// From this instant on the hold counts no more.
    pub lapses_at: Timestamp,
}

/// A lot with funds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LotFunds {
    /// The purchase, recharge or adjustment that added it; `rev:` and the record's key for a reversal.
    pub id: String,
    /// When it was added.
    pub purchased_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The funds that were added.
    pub amount: Decimal,
    /// The funds that are left.
    pub remaining: Decimal,
}

/// A pool's minutes in one month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PoolUse {
    /// The pool, written `plan/country`; the second of the same plan and country `plan/country/2`, and so on.
    pub pool: String,
    /// The month (UTC).
    pub month: Month,
    /// Minutes that the month has.
    pub size: u64,
    /// Minutes that calls have used.
    pub used: u64,
}

/// S8: the month to which charges beyond lots are counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenMonth {
    /// The month (UTC) of the last change. It is closed by the first change after its end.
    pub month: Month,
    /// The charges so far less credits, and the amount that the month before carried over.
    pub amount: Decimal,
}

/// S8: the invoice of a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invoice {
    /// The month (UTC).
    pub month: Month,
    /// Its amount, in minor units.
    pub amount: Decimal,
}

/// A journal entry: one change of the balance, never edited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The instant that the entry is dated at: a call's start, a lot's expiry, else when it was posted.
    pub at: Timestamp,
    /// When it was posted.
    pub posted_at: Timestamp,
    /// The kind of change.
    pub kind: EntryKind,
    /// The id of the purchase, adjustment or lot, the record's key, or the invoice's month.
    pub subject: String,
    /// The amount that the balance gained (positive) or lost (negative).
    pub amount: Decimal,
}

/// The kind of a journal entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// A purchase added funds.
    Purchase,
    /// A recharge added funds.
    Recharge,
    /// The operator added or took funds.
    Adjustment,
    /// A call was charged.
    Usage,
    /// A record without a rate was kept.
    Unrated,
    /// A usage entry was reversed.
    Reversal,
    /// Funds were forfeited.
    Expiry,
    /// A month was invoiced, which does not change the balance.
    Invoice,
    /// What was owed became post-usage.
    Switch,
}
