//! The balance of past days, and statements. Days are in UTC, and an entry counts on the day on which it was posted.

use domain::Money;
use domain::account::DayEnd;
use domain::movements::Movements;
use domain::statement::{Destination, Line, LineKind};
use domain::time::{Days, last_instant_of};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::PostUsage;
use crate::funds::Lot;

/// An account at the end of a day.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DayEnd)]
pub struct BalanceAt {
    /// The day, in UTC.
    pub date: Date,
    /// The lots' unspent funds, less what is owed.
    pub balance: String,
    /// The balance without lots that had expired by then.
    pub available: String,
    /// The charges that no funds covered.
    pub owed: String,
    /// The charges that the next invoice would have asked for.
    pub post_usage: PostUsage,
    /// The lots with funds, oldest expiry first. An expired lot is among them until its expiry is booked.
    pub lots: Vec<Lot>,
}

impl BalanceAt {
    /// The account at the end of this day, or at `now` if the day is not over.
    pub fn show(end: &DayEnd, date: Date, now: Timestamp) -> Self {
        Self {
            date,
            balance: end.balance.to_string(),
            available: available_on(end, date, now),
            owed: end.owed.to_string(),
            post_usage: (&end.post_usage).into(),
            lots: end.lots.iter().map(Lot::from).collect(),
        }
    }
}

/// The balance available at the end of a day, or at `now` if the day is not over.
fn available_on(end: &DayEnd, date: Date, now: Timestamp) -> String {
    end.available(last_instant_of(date).min(now)).to_string()
}

/// The balances of consecutive days, and how each became the next.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Balances {
    /// One for each day, oldest first.
    pub days: Vec<DayBalance>,
}

/// The balance at the end of a day, and what moved it on the day: the balance at the end of the day before, plus `added`, less `spent`,
/// less `expired`, plus `other` is the balance exactly. An entry counts on the day on which it was posted.
///
/// The four amounts are left out for a day on which earlier software, which did not count them, changed the account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DayBalance {
    /// The day, in UTC.
    pub date: Date,
    /// The lots' unspent funds, less what was owed.
    pub balance: String,
    /// The balance without lots that had expired by then.
    pub available: String,
    /// The charges for calls, less those that reversals took back; below zero where these are more. What is left to an invoice moves
    /// no balance, and is not part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "12.3400")]
    pub spent: Option<String>,
    /// The funds from purchases and recharges.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "50.0000")]
    pub added: Option<String>,
    /// The funds that expired. They are booked 72 hours after their expiry, and leave the balance then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0.0000")]
    pub expired: Option<String>,
    /// What everything else added, or took where it is below zero: adjustments, and what was owed and became post-usage as the account
    /// switched.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0.0000")]
    pub other: Option<String>,
}

impl DayBalance {
    /// The balance at the end of this day, or at `now` if the day is not over.
    pub fn show(end: &DayEnd, date: Date, now: Timestamp) -> Self {
        let movements =
            if end.day == date { end.movements } else { Some(Movements::none(end.balance.currency())) };
        let shown = |part: fn(Movements) -> Money| movements.map(|movements| part(movements).to_string());
        Self {
            date,
            balance: end.balance.to_string(),
            available: available_on(end, date, now),
            spent: shown(|movements| movements.spent),
            added: shown(|movements| movements.added),
            expired: shown(|movements| movements.expired),
            other: shown(|movements| movements.other),
        }
    }
}

/// How the opening balance of a period became its closing balance. The opening balance and the `amount` of all lines add up to
/// the closing balance exactly. So do the opening `postUsage` and that of all lines.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// The account.
    pub account_id: String,
    /// The organization's name.
    pub name: String,
    /// The currency's code in ISO 4217.
    pub currency: String,
    /// The first day.
    pub from: Date,
    /// The last day, which is part of the period.
    pub to: Date,
    /// The time zone of all days: `UTC`.
    #[schema(example = "UTC")]
    pub time_zone: String,
    /// Whether all days are over. Entries of late records count on the day on which they are posted, so a complete statement
    /// stays as it is.
    pub complete: bool,
    /// The balance before the first day.
    pub opening: StatementBalance,
    /// The sums of the entries that were posted in the period.
    pub lines: Vec<StatementLine>,
    /// The balance at the end of the last day.
    pub closing: StatementBalance,
    /// The lots with funds at the end of the last day, oldest expiry first.
    pub lots: Vec<Lot>,
}

/// The balance at the beginning or at the end of a statement.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatementBalance {
    /// The lots' unspent funds, less what is owed.
    pub balance: String,
    /// The balance without lots that had expired.
    pub available: String,
    /// The charges that no funds covered.
    pub owed: String,
    /// The charges that the next invoice asks for.
    pub post_usage: String,
}

impl StatementBalance {
    fn show(end: &DayEnd, date: Date, now: Timestamp) -> Self {
        Self {
            balance: end.balance.to_string(),
            available: available_on(end, date, now),
            owed: end.owed.to_string(),
            post_usage: end.post_usage.amount.to_string(),
        }
    }
}

/// The sum of the entries of one kind; of calls, also of one service and destination.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatementLine {
    /// `purchase`, `recharge`, `adjustmentIn` (funds that the operator added), `usage`, `reversal`, `expiry`, `adjustmentOut`
    /// (what the operator took), `invoice`, `switch` (what was owed and became post-usage), `unrated` or `rejected`.
    #[schema(example = "usage")]
    pub kind: String,
    /// The service of calls, and of charges taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The destination of calls. Calls that came with their charge, or lasted zero seconds, have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// The number of entries.
    pub count: u64,
    /// The billed seconds of calls. A call that came with its charge counts with its duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billed_seconds: Option<u64>,
    /// The minutes that pools gave to calls; negative where reversals gave them back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub included_minutes: Option<i64>,
    /// The charges for calls, however they were paid; negative where reversals took them back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
    /// The change of the balance.
    pub amount: String,
    /// The change of what the next invoice asks for.
    pub post_usage: String,
}

impl StatementLine {
    fn show(kind: &LineKind, line: &Line) -> Self {
        let is_of_calls = matches!(kind, LineKind::Usage(..));
        let moves_charges = matches!(kind, LineKind::Usage(..) | LineKind::Reversal(_));
        Self {
            kind: name_of(kind).to_owned(),
            service: service_of(kind),
            destination: match kind {
                LineKind::Usage(_, Destination::Named(name)) => Some(name.clone()),
                _ => None,
            },
            count: line.entries,
            billed_seconds: is_of_calls.then_some(line.billed_seconds),
            included_minutes: moves_charges.then_some(line.included_minutes),
            charge: moves_charges.then(|| line.charge.to_string()),
            amount: line.amount.to_string(),
            post_usage: line.post_usage.to_string(),
        }
    }
}

fn name_of(kind: &LineKind) -> &'static str {
    match kind {
        LineKind::Purchase => "purchase",
        LineKind::Recharge => "recharge",
        LineKind::AdjustmentIn => "adjustmentIn",
        LineKind::Usage(..) => "usage",
        LineKind::Reversal(_) => "reversal",
        LineKind::Expiry => "expiry",
        LineKind::AdjustmentOut => "adjustmentOut",
        LineKind::Refund => "refund",
        LineKind::RefundReturned => "refundReturned",
        LineKind::Dispute => "dispute",
        LineKind::DisputeReturned => "disputeReturned",
        LineKind::DisputeLost => "disputeLost",
        LineKind::Invoice => "invoice",
        LineKind::Switch => "switch",
        LineKind::Unrated => "unrated",
        LineKind::Rejected => "rejected",
    }
}

fn service_of(kind: &LineKind) -> Option<String> {
    match kind {
        LineKind::Usage(service, _) | LineKind::Reversal(service) => Some(service.as_str().to_owned()),
        _ => None,
    }
}

impl Statement {
    /// The statement of an account for these days, as it stands at `now`.
    pub fn show(
        account: &domain::Account,
        profile: &domain::Profile,
        days: Days,
        statement: &domain::statement::Statement,
        now: Timestamp,
    ) -> Self {
        let (opening, closing) = (statement.opening(), statement.closing());
        Self {
            account_id: account.id.to_string(),
            name: profile.name.clone(),
            currency: account.currency.code().to_owned(),
            from: days.first(),
            to: days.last(),
            time_zone: "UTC".to_owned(),
            complete: days.end() <= now,
            opening: StatementBalance::show(opening, domain::time::day_before(days.first()), now),
            lines: statement.lines().iter().map(|(kind, line)| StatementLine::show(kind, line)).collect(),
            closing: StatementBalance::show(closing, days.last(), now),
            lots: closing.lots.iter().map(Lot::from).collect(),
        }
    }
}
