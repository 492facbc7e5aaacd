//! Usage reports: what calls came to, by day of their start (UTC) and by a dimension such as user or destination.
//!
//! The totals of a day are folded from the journal, and are right as long as no commit changes the day
//! ([`ChangedDays`](crate::changed_days::ChangedDays)). Of the entries of one record, the last one decides:
//!
//! | the record was | it counts |
//! |---|---|
//! | charged for, at once or later | as a call with its charge, its billed and its included minutes |
//! | kept without a rate (S9) | as a call with its duration; it has no charge, and neither destination nor country |
//! | reversed (S11) | not at all |
//!
//! A record that came with its charge (S6) has its duration as billed, since its increments are not known.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::account::Account;
use crate::change::Decision;
use crate::changed_days::Days;
use crate::draft::Draft;
use crate::journal::{EntryDetails, JournalEntry};
use crate::journal_key::JournalKey;
use crate::money::{Currency, Money};
use crate::rate::RatingBasis;
use crate::time::day_of;
use crate::usage::UsageRecord;

/// What calls are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// The day of the call's start (UTC).
    Day,
    /// The user.
    User,
    /// The destination of the rate.
    Destination,
    /// The country of the destination.
    Country,
    /// The service.
    Service,
    /// The plan.
    Plan,
    /// The cost centre.
    CostCentre,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: [Self; 7] = [
        Self::Day,
        Self::User,
        Self::Destination,
        Self::Country,
        Self::Service,
        Self::Plan,
        Self::CostCentre,
    ];

    /// The API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::User => "user",
            Self::Destination => "destination",
            Self::Country => "country",
            Self::Service => "service",
            Self::Plan => "plan",
            Self::CostCentre => "costCentre",
        }
    }

    /// The dimension of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == name)
    }
}

/// What calls came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The number of calls.
    pub calls: u64,
    /// Their durations.
    pub seconds: u64,
    /// Their durations, rounded up to the increments.
    pub billed_seconds: u64,
    /// The minutes that pools gave.
    pub included_minutes: u64,
    /// Their charges, however they were paid.
    pub charge: Money,
}

impl Figures {
    /// Of no calls.
    pub fn zero(currency: Currency) -> Self {
        let charge = Money::zero(currency);
        Self { calls: 0, seconds: 0, billed_seconds: 0, included_minutes: 0, charge }
    }

    /// Adds those of other calls.
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.seconds += other.seconds;
        self.billed_seconds += other.billed_seconds;
        self.included_minutes += other.included_minutes;
        self.charge += other.charge;
    }
}

/// Figures by key. Calls without the dimension, such as those of no user, are under `None`.
pub type Groups = BTreeMap<Option<String>, Figures>;

/// Adds the figures of other calls to groups.
pub fn add_groups(groups: &mut Groups, others: Groups) {
    for (key, figures) in others {
        match groups.get_mut(&key) {
            Some(group) => group.add(&figures),
            None => {
                groups.insert(key, figures);
            }
        }
    }
}

/// The totals of a day, by each dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayTotals {
    /// The day.
    pub day: Date,
    groups: [Groups; Dimension::ALL.len()],
}

impl DayTotals {
    fn empty(day: Date) -> Self {
        Self { day, groups: Default::default() }
    }

    /// The groups of a dimension.
    pub fn by(&self, dimension: Dimension) -> &Groups {
        &self.groups[dimension as usize]
    }

    /// The groups of a dimension, without the others.
    pub fn into_groups(mut self, dimension: Dimension) -> Groups {
        std::mem::take(&mut self.groups[dimension as usize])
    }

    fn count(&mut self, record: &UsageRecord, basis: Option<&RatingBasis>, figures: &Figures) {
        let (destination, country) = match basis {
            Some(RatingBasis::Rated { destination, country, .. }) => {
                (Some(destination.clone()), Some(country.clone()).filter(|country| !country.is_empty()))
            }
            _ => (None, None),
        };
        for dimension in Dimension::ALL {
            let key = match dimension {
                Dimension::Day => Some(self.day.to_string()),
                Dimension::User => record.user_id.clone(),
                Dimension::Destination => destination.clone(),
                Dimension::Country => country.clone(),
                Dimension::Service => Some(record.service.as_str().to_owned()),
                Dimension::Plan => record.plan.clone(),
                Dimension::CostCentre => record.cost_centre.clone(),
            };
            let groups = &mut self.groups[dimension as usize];
            groups.entry(key).or_insert_with(|| Figures::zero(figures.charge.currency())).add(figures);
        }
    }
}

/// Folds journal entries into the totals of their days, one day at a time.
#[derive(Debug)]
pub struct Folding {
    currency: Currency,
    day: Option<DayTotals>,
    /// Whether the day has an entry of a record.
    has_records: bool,
    /// The record whose last entry was counted.
    decided: Option<JournalKey>,
}

impl Folding {
    /// Of an account in this currency.
    pub fn new(currency: Currency) -> Self {
        Self { currency, day: None, has_records: false, decided: None }
    }

    /// The day that is being folded, if any entry was added.
    pub fn day(&self) -> Option<Date> {
        self.day.as_ref().map(|totals| totals.day)
    }

    /// Adds the next entry, the greatest key first. Returns the totals of the day after, if the entry is of an earlier day and the
    /// day after has entries of records.
    pub fn add(&mut self, entry: &JournalEntry) -> Option<DayTotals> {
        let day = day_of(entry.key.instant().unwrap_or(entry.at));
        let ended = if self.day() == Some(day) { None } else { self.end() };
        let totals = self.day.get_or_insert_with(|| DayTotals::empty(day));
        let Some(record) = entry.details.record() else { return ended };
        self.has_records = true;
        let key = record.key();
        if self.decided.as_ref() == Some(&key) {
            return ended;
        }
        let zero = Figures::zero(self.currency);
        let seconds = u64::from(record.duration_seconds);
        match &entry.details {
            EntryDetails::Usage { charge, basis, .. } => {
                let figures = Figures {
                    calls: 1,
                    seconds,
                    billed_seconds: billed_seconds(record, basis),
                    included_minutes: basis.included().iter().map(|included| included.minutes).sum(),
                    charge: *charge,
                };
                totals.count(record, Some(basis), &figures);
            }
            EntryDetails::Unrated { .. } => {
                totals.count(record, None, &Figures { calls: 1, seconds, ..zero });
            }
            _ => {}
        }
        self.decided = Some(key);
        ended
    }

    /// Ends the day that is being folded. Returns its totals if it has entries of records; they may be of no calls.
    pub fn end(&mut self) -> Option<DayTotals> {
        let has_records = std::mem::take(&mut self.has_records);
        self.day.take().filter(|_| has_records)
    }
}

fn billed_seconds(record: &UsageRecord, basis: &RatingBasis) -> u64 {
    match basis {
        RatingBasis::Rated { billed_seconds, .. } => *billed_seconds,
        RatingBasis::AsRated => record.duration_seconds.into(),
        RatingBasis::ZeroDuration => 0,
    }
}

/// Groups in the order of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// The groups with the greatest charges first; equal ones with the most calls first, then by key.
    pub groups: Vec<(Option<String>, Figures)>,
    /// The figures of all further groups, if there are any.
    pub others: Option<Figures>,
    /// The figures of all groups.
    pub total: Figures,
}

/// Ranks groups. All but the first `top` are taken together.
pub fn ranked(groups: Groups, currency: Currency, top: usize) -> Ranked {
    let sum = |groups: &[(Option<String>, Figures)]| {
        let mut sum = Figures::zero(currency);
        for (_, figures) in groups {
            sum.add(figures);
        }
        sum
    };
    let mut groups: Vec<_> = groups.into_iter().collect();
    let weight = |figures: &Figures| (figures.charge.amount(), figures.calls);
    groups.sort_by(|(key, a), (other, b)| weight(b).cmp(&weight(a)).then_with(|| key.cmp(other)));
    let total = sum(&groups);
    let rest = groups.split_off(top.min(groups.len()));
    let others = (!rest.is_empty()).then(|| sum(&rest));
    Ranked { groups, others, total }
}

/// Removes days whose totals were stored from the account's changed days, unless a commit has changed them since the account was
/// `read` in that version.
pub fn settle(account: &Account, now: Timestamp, read: u64, totalled: &[Days]) -> Decision<()> {
    let mut draft = Draft::on(account, now);
    let Account { changed_days, version, .. } = draft.account_mut();
    for days in totalled {
        changed_days.remove(*days, read, *version);
    }
    if *changed_days == account.changed_days { Decision::unchanged(()) } else { draft.finish(()) }
}
