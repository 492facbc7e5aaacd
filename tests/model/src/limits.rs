//! Spending limits: how much the calls of a user may cost in a month, and those of the account in a day (C2).

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use crate::calls::{Posted, Usage};
use crate::holds::Hold;
use crate::step::usual_margin;
use crate::{Answer, Model, Month, NewLimits};

/// C1, C2: the limits and the margin of the account.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) per_user: Option<Limit>,
    pub(crate) per_day: Option<Limit>,
    pub(crate) margin_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_user: None, per_day: None, margin_seconds: usual_margin() }
    }
}

/// A limit, and since which step it counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) amount: Decimal,
    pub(crate) since: u64,
}

impl Model {
    /// C2: a limit counts from when it was set. Changing only its amount keeps counting; removing it and setting it again starts anew.
    pub(crate) fn set_limits(&mut self, now: Timestamp, new: &NewLimits) -> Answer {
        let limits = &self.limits;
        let present = (limits.per_user.map(|limit| limit.amount), limits.per_day.map(|limit| limit.amount));
        if present == (new.per_user, new.per_day) && limits.margin_seconds == new.margin_seconds {
            return Answer::Set;
        }
        self.begin_change(now);
        let step = self.step;
        let limit = |amount: Option<Decimal>, before: Option<Limit>| {
            amount.map(|amount| Limit { amount, since: before.map_or(step, |before| before.since) })
        };
        self.limits = Limits {
            per_user: limit(new.per_user, self.limits.per_user),
            per_day: limit(new.per_day, self.limits.per_day),
            margin_seconds: new.margin_seconds,
        };
        Answer::Set
    }

    /// C2: what the limits leave for a call of this user, beside what `own` holds. It is negative once a limit is passed. None if no
    /// limit binds the call: a call without a user has no limit of a user.
    pub(crate) fn left_of_limits(&self, now: Timestamp, own: &Hold) -> Option<Decimal> {
        let others = || self.live_holds(now).filter(|hold| !hold.is(own));
        let of_day = self.limits.per_day.map(|limit| {
            let held: Decimal = others().map(|hold| hold.amount).sum();
            limit.amount - self.spent_on_day(now, limit) - held
        });
        let of_user = self.limits.per_user.zip(own.user.as_ref()).map(|(limit, user)| {
            let counts = |hold: &&Hold| hold.user.as_ref() == Some(user) && hold.taken_in > limit.since;
            let held: Decimal = others().filter(counts).map(|hold| hold.amount).sum();
            limit.amount - self.spent_by(user, now, limit) - held
        });
        of_day.into_iter().chain(of_user).min()
    }

    fn spent_on_day(&self, now: Timestamp, limit: Limit) -> Decimal {
        self.spent(limit, |posted, _| day_of(posted.at) == day_of(now))
    }

    fn spent_by(&self, user: &str, now: Timestamp, limit: Limit) -> Decimal {
        self.spent(limit, |posted, usage| {
            Month::of(posted.at) == Month::of(now) && usage.record.user.as_deref() == Some(user)
        })
    }

    /// C2: charges count by when they were posted, and pool minutes are free. A charge that was reversed in its period counts no more;
    /// nothing can have been reversed later than in the present period.
    fn spent(&self, limit: Limit, is_meant: impl Fn(Posted, &Usage) -> bool) -> Decimal {
        let mut spent = Decimal::ZERO;
        for usage in self.usage.iter().filter(|usage| !usage.reversed) {
            if let (Some(posted), Some(charge)) = (usage.posted, &usage.charge)
                && posted.step > limit.since
                && is_meant(posted, usage)
            {
                spent += charge.charge;
            }
        }
        spent
    }

    pub(crate) fn spent_today(&self, now: Timestamp) -> Option<Decimal> {
        self.limits.per_day.map(|limit| self.spent_on_day(now, limit))
    }

    pub(crate) fn spent_by_user(&self, now: Timestamp) -> BTreeMap<String, Decimal> {
        let Some(limit) = self.limits.per_user else { return BTreeMap::new() };
        let users = self.usage.iter().filter_map(|usage| usage.record.user.as_ref());
        let sum = |user: &String| (user.clone(), self.spent_by(user, now, limit));
        let mut spent: BTreeMap<String, Decimal> = users.map(sum).collect();
        spent.retain(|_, spent| !spent.is_zero());
        spent
    }
}

fn day_of(instant: Timestamp) -> Date {
    instant.to_zoned(TimeZone::UTC).date()
}
