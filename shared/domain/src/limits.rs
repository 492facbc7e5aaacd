//! Spending limits: how much calls may cost a user in a month, and the account in a day (C2).
//!
//! A limit counts charges by when they were posted, from the instant on at which it was set. What a user has spent is kept beside
//! the account; what the account has spent today is part of it.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::money::Money;
use crate::time::{Month, day_of};

/// Switches cut a call late by up to this many seconds, unless the account has its own number (C1).
pub const MARGIN_SECONDS: u32 = 2;

/// The margin is at most this long.
pub const MAX_MARGIN_SECONDS: u32 = 60;

/// The limits of an account, and the margin of its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How much the calls of each user may cost in a month (UTC).
    pub per_user_monthly: Option<Limit>,
    /// How much the calls of the account may cost in a day (UTC).
    pub per_day: Option<DayLimit>,
    /// How many seconds of what is held a call is not granted.
    pub margin_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_user_monthly: None, per_day: None, margin_seconds: MARGIN_SECONDS }
    }
}

/// A limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The amount.
    pub amount: Money,
    /// Since when it counts.
    pub since: Timestamp,
}

/// The limit of a day, and what counts towards it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayLimit {
    /// The limit.
    pub limit: Limit,
    /// The day (UTC) of the latest charge.
    pub day: Date,
    /// What was charged on that day.
    pub spent: Money,
}

impl DayLimit {
    /// What was charged on the day of this instant.
    pub fn spent_on(&self, now: Timestamp) -> Money {
        if self.day == day_of(now) { self.spent } else { Money::zero(self.spent.currency()) }
    }
}

/// What a user has spent in a month, and what is held for the user's calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSpending {
    /// What was charged in the month since the limit counts.
    pub spent: Money,
    /// What is held, by the instant at which it lapses.
    pub held: Vec<(Timestamp, Money)>,
}

impl UserSpending {
    /// What live holds hold.
    pub fn held(&self, now: Timestamp) -> Money {
        let live = self.held.iter().filter(|(lapses_at, _)| now < *lapses_at);
        live.fold(Money::zero(self.spent.currency()), |sum, (_, held)| sum + *held)
    }

    /// What was charged, and what live holds hold.
    pub fn total(&self, now: Timestamp) -> Money {
        self.spent + self.held(now)
    }
}

/// What a commit adds to the spending of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendingChange {
    /// The user.
    pub user_id: String,
    /// What is added to charges, by month and by the instant since which the limit counts.
    pub spent: Vec<(Month, Timestamp, Money)>,
    /// What is added to what is held, by the instant at which it lapses and the instant since which the limit counts.
    pub held: Vec<(Timestamp, Timestamp, Money)>,
    /// What was held until an instant that is over, to be forgotten, in the same order.
    pub lapsed: Vec<(Timestamp, Timestamp)>,
}
