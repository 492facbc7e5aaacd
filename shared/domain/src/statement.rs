//! The statement of a period: how the opening balance became the closing balance (T2, T3).
//!
//! An entry counts on the day (UTC) on which it was posted, since balances follow the order of posting. Entries are folded into
//! a few [`Line`]s one after the other, so a statement takes the same memory however many entries the period has. Nothing is posted on
//! a day that is over, so its lines can be kept ([`Lines::merge`]). A statement adds up to the last decimal, or there is none
//! ([`Statement::new`]).

use std::collections::BTreeMap;

use crate::account::DayEnd;
use crate::card_payment::CardPaymentKind;
use crate::journal::{EntryDetails, JournalEntry};
use crate::money::{Currency, Money};
use crate::rate::RatingBasis;
use crate::usage::{Service, UsageRecord};

/// A statement has at most this many lines: services and destinations, and a few others. As PDF, so many take about 3 MB, and an
/// answer of Lambda has room for 4.5 MB.
pub const MAX_LINES: usize = 3_000;

/// Where calls went.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// The destination of the published rate.
    Named(String),
    /// No published rate gave the charge: the calls came with their charge, or lasted zero seconds.
    Unnamed,
}

/// The entries that a line sums up. Their order is that of the lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineKind {
    /// Funds that people bought.
    Purchase,
    /// Funds that auto-recharge bought.
    Recharge,
    /// Funds that the operator added.
    AdjustmentIn,
    /// Calls of a service to a destination.
    Usage(Service, Destination),
    /// Charges for calls of a service that were taken back.
    Reversal(Service),
    /// Funds that expired.
    Expiry,
    /// What the operator took.
    AdjustmentOut,
    /// Refunds to cards.
    Refund,
    /// Refunds that failed, whose funds returned.
    RefundReturned,
    /// Funds that left lots as their purchases were disputed.
    Dispute,
    /// Funds that returned to lots as disputes ended.
    DisputeReturned,
    /// The rest that disputes took as they were lost.
    DisputeLost,
    /// Invoices.
    Invoice,
    /// What was owed and became post-usage as the account switched.
    Switch,
    /// Calls without a rate, which are not charged for yet.
    Unrated,
    /// Records that were rejected.
    Rejected,
}

/// The sum of a group of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The number of entries.
    pub entries: u64,
    /// Of calls, the seconds billed by the published rates, and the duration of calls that came with their charge.
    pub billed_seconds: u64,
    /// The minutes that pools gave; negative where a reversal gave them back.
    pub included_minutes: i64,
    /// Of calls, the charges; negative where a reversal took them back.
    pub charge: Money,
    /// The effect on the balance.
    pub amount: Money,
    /// The effect on the amount that the next invoice asks for.
    pub post_usage: Money,
}

impl Line {
    fn empty(currency: Currency) -> Self {
        let nothing = Money::zero(currency);
        Self {
            entries: 0,
            billed_seconds: 0,
            included_minutes: 0,
            charge: nothing,
            amount: nothing,
            post_usage: nothing,
        }
    }

    fn add(&mut self, other: &Self) {
        self.entries += other.entries;
        self.billed_seconds += other.billed_seconds;
        self.included_minutes += other.included_minutes;
        self.charge += other.charge;
        self.amount += other.amount;
        self.post_usage += other.post_usage;
    }
}

/// There would be more than [`MAX_LINES`] lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the calls have more than {MAX_LINES} services and destinations")]
pub struct TooManyLines;

/// The lines of a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    currency: Currency,
    lines: BTreeMap<LineKind, Line>,
}

impl Lines {
    /// No lines yet.
    pub fn none(currency: Currency) -> Self {
        Self { currency, lines: BTreeMap::new() }
    }

    /// Adds an entry to its line.
    ///
    /// # Errors
    ///
    /// [`TooManyLines`] if the entry needs a line of its own and there is no room for one.
    pub fn add(&mut self, entry: &JournalEntry) -> Result<(), TooManyLines> {
        let (kind, line) = line_of(entry);
        self.add_line(kind, &line)
    }

    /// Lines that were kept.
    ///
    /// # Errors
    ///
    /// [`TooManyLines`] if there are too many.
    pub fn kept(
        currency: Currency,
        kept: impl IntoIterator<Item = (LineKind, Line)>,
    ) -> Result<Self, TooManyLines> {
        let mut lines = Self::none(currency);
        kept.into_iter().try_for_each(|(kind, line)| lines.add_line(kind, &line))?;
        Ok(lines)
    }

    /// Adds the lines of another period.
    ///
    /// # Errors
    ///
    /// [`TooManyLines`] if there would be too many.
    pub fn merge(&mut self, other: &Self) -> Result<(), TooManyLines> {
        other.iter().try_for_each(|(kind, line)| self.add_line(kind.clone(), line))
    }

    fn add_line(&mut self, kind: LineKind, line: &Line) -> Result<(), TooManyLines> {
        if self.lines.len() >= MAX_LINES && !self.lines.contains_key(&kind) {
            return Err(TooManyLines);
        }
        self.lines.entry(kind).or_insert_with(|| Line::empty(self.currency)).add(line);
        Ok(())
    }

    /// Checks that the lines lead from one end of a day to another.
    ///
    /// # Errors
    ///
    /// [`DoesNotAddUp`] if they do not: an entry is missing, or is one too many.
    pub fn lead(&self, opening: &DayEnd, closing: &DayEnd) -> Result<(), DoesNotAddUp> {
        let moved = self.sum(|_| true);
        let balance = opening.balance + moved.amount;
        let post_usage = opening.post_usage.amount + moved.post_usage;
        let (expected, expected_post_usage) = (closing.balance, closing.post_usage.amount);
        if (balance, post_usage) == (expected, expected_post_usage) {
            Ok(())
        } else {
            Err(DoesNotAddUp { balance, post_usage, expected, expected_post_usage })
        }
    }

    /// The lines, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&LineKind, &Line)> {
        self.lines.iter()
    }

    /// The sum of the lines that are chosen.
    pub fn sum(&self, chosen: impl Fn(&LineKind) -> bool) -> Line {
        let mut sum = Line::empty(self.currency);
        self.lines.iter().filter(|(kind, _)| chosen(kind)).for_each(|(_, line)| sum.add(line));
        sum
    }
}

/// The line of an entry, with this entry alone.
fn line_of(entry: &JournalEntry) -> (LineKind, Line) {
    let moved = Line {
        entries: 1,
        amount: entry.amount,
        post_usage: entry.post_usage,
        ..Line::empty(entry.amount.currency())
    };
    match &entry.details {
        EntryDetails::Funds { kind: CardPaymentKind::Purchase, .. } => (LineKind::Purchase, moved),
        EntryDetails::Funds { kind: CardPaymentKind::Recharge, .. } => (LineKind::Recharge, moved),
        EntryDetails::Adjustment { expires_at: Some(_), .. } => (LineKind::AdjustmentIn, moved),
        EntryDetails::Adjustment { expires_at: None, .. } => (LineKind::AdjustmentOut, moved),
        EntryDetails::Usage { record, charge, basis } => {
            let (destination, billed_seconds) = billed(record, basis);
            let minutes = basis.included().iter().map(|included| included.minutes).sum();
            let included_minutes = signed(minutes);
            let line = Line { billed_seconds, included_minutes, charge: *charge, ..moved };
            (LineKind::Usage(record.service, destination), line)
        }
        EntryDetails::Reversal(reversal) => {
            let minutes = reversal.included.iter().map(|included| included.minutes).sum();
            let charge = reversal.charge.map_or(moved.charge, |charge| -charge);
            let line = Line { included_minutes: -signed(minutes), charge, ..moved };
            (LineKind::Reversal(reversal.record.service), line)
        }
        EntryDetails::Refund { .. } => (LineKind::Refund, moved),
        EntryDetails::RefundReturned { .. } => (LineKind::RefundReturned, moved),
        EntryDetails::Dispute { .. } => (LineKind::Dispute, moved),
        EntryDetails::DisputeEnded { .. } => {
            let returns = entry.amount.is_positive();
            (if returns { LineKind::DisputeReturned } else { LineKind::DisputeLost }, moved)
        }
        EntryDetails::Expiry { .. } => (LineKind::Expiry, moved),
        EntryDetails::Invoice { .. } => (LineKind::Invoice, moved),
        EntryDetails::Switch => (LineKind::Switch, moved),
        EntryDetails::Unrated { .. } => (LineKind::Unrated, moved),
        EntryDetails::Rejected(_) => (LineKind::Rejected, moved),
    }
}

/// The destination of a call and its billed seconds.
fn billed(record: &UsageRecord, basis: &RatingBasis) -> (Destination, u64) {
    match basis {
        RatingBasis::Rated { destination, billed_seconds, .. } if !destination.is_empty() => {
            (Destination::Named(destination.clone()), *billed_seconds)
        }
        RatingBasis::Rated { billed_seconds, .. } => (Destination::Unnamed, *billed_seconds),
        RatingBasis::AsRated => (Destination::Unnamed, record.duration_seconds.into()),
        RatingBasis::ZeroDuration => (Destination::Unnamed, 0),
    }
}

fn signed(minutes: u64) -> i64 {
    i64::try_from(minutes).expect("a call lasts at most 31 days")
}

/// The lines do not lead from the opening to the closing balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the entries leave a balance of {balance} and {post_usage} to invoices, where {expected} and {expected_post_usage} are"
)]
pub struct DoesNotAddUp {
    balance: Money,
    post_usage: Money,
    expected: Money,
    expected_post_usage: Money,
}

/// A statement that adds up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    opening: DayEnd,
    lines: Lines,
    closing: DayEnd,
}

impl Statement {
    /// The statement of the entries between the ends of two days.
    ///
    /// # Errors
    ///
    /// [`DoesNotAddUp`] if the lines do not lead from the opening to the closing balance, or from what was left to invoices
    /// then to what is left to them now.
    pub fn new(opening: DayEnd, lines: Lines, closing: DayEnd) -> Result<Self, DoesNotAddUp> {
        lines.lead(&opening, &closing)?;
        Ok(Self { opening, lines, closing })
    }

    /// The account at the end of the day before the period.
    pub fn opening(&self) -> &DayEnd {
        &self.opening
    }

    /// What happened in the period.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// The account at the end of the period.
    pub fn closing(&self) -> &DayEnd {
        &self.closing
    }
}
