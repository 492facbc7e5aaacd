//! Lots: funds that arrive, are drawn and expire (F1, F6, F7, F9, S1, E1).

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use rust_decimal::Decimal;

use crate::{Added, Answer, Billing, EntryKind, Forfeited, Model, Step, Taken};

/// S10, E1: how long after its end a call may still draw on lots that expired since, and how long after its expiry a
/// lot is booked.
pub(crate) const LATE: SignedDuration = SignedDuration::from_hours(72);

/// Funds that arrived together and expire together.
#[derive(Debug, Clone)]
pub(crate) struct Lot {
    pub(crate) id: String,
    pub(crate) purchased_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) amount: Decimal,
    pub(crate) remaining: Decimal,
    /// E3: the warnings that were given or came too early to give, each in days before the expiry.
    pub(crate) warned: Vec<i64>,
}

/// E3: how many days before the expiry a lot with funds is warned of.
const WARNING_DAYS: [i64; 3] = [60, 30, 7];

impl Lot {
    fn new(now: Timestamp, id: String, expires_at: Timestamp, amount: Decimal, remaining: Decimal) -> Self {
        let mut lot = Self { id, purchased_at: now, expires_at, amount, remaining, warned: Vec::new() };
        lot.note_warnings(now);
        lot
    }

    /// E3: the warnings whose day has come, and that are not noted.
    fn due_warnings(&self, now: Timestamp) -> Vec<i64> {
        let has_come = |days: &i64| self.expires_at - SignedDuration::from_hours(24 * days) <= now;
        WARNING_DAYS.into_iter().filter(|days| has_come(days) && !self.warned.contains(days)).collect()
    }

    pub(crate) fn note_warnings(&mut self, now: Timestamp) {
        self.warned.extend(self.due_warnings(now));
    }

    /// F1: a lot is usable strictly before its expiry.
    pub(crate) fn is_live(&self, instant: Timestamp) -> bool {
        instant < self.expires_at
    }

    /// E1: whether the 72 hours after the expiry are over. No record can draw on the lot any more.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at + LATE <= now
    }
}

/// S1: the order in which lots are drawn on. Lots that expire together are ordered by id.
pub(crate) fn oldest_expiry_first(one: &Lot, other: &Lot) -> Ordering {
    (one.expires_at, &one.id).cmp(&(other.expires_at, &other.id))
}

/// F1: 12 calendar months later in UTC, clamped to the month's last day.
fn in_12_months(instant: Timestamp) -> Timestamp {
    let later = instant.to_zoned(TimeZone::UTC).checked_add(12.months());
    later.expect("the year after is within the range of dates").timestamp()
}

impl Model {
    /// F1: a settled purchase. F6, S8: an account that pays after use, or is about to, cannot buy.
    pub(crate) fn buy(&mut self, now: Timestamp, id: &str, amount: Decimal, step: &Step) -> Answer {
        if let Some(answer) = self.repeat(id, step) {
            return answer;
        }
        if self.billing != Billing::Prepaid {
            return Answer::Refused;
        }
        self.settle(now, EntryKind::Purchase, id, amount, step)
    }

    /// A settled recharge. S8: a pending switch does not stop auto-recharge, so an account that cannot buy is recharged when
    /// that is wanted, and with the wanted amount.
    pub(crate) fn recharge(&mut self, now: Timestamp, id: &str, amount: Decimal, step: &Step) -> Answer {
        if let Some(answer) = self.repeat(id, step) {
            return answer;
        }
        if self.billing != Billing::Prepaid && self.recharge_wanted(now) != Some(amount) {
            return Answer::Refused;
        }
        self.settle(now, EntryKind::Recharge, id, amount, step)
    }

    /// F10: only a card can be charged.
    fn settle(&mut self, now: Timestamp, kind: EntryKind, id: &str, amount: Decimal, step: &Step) -> Answer {
        if !self.has_card || amount <= Decimal::ZERO {
            return Answer::Refused;
        }
        self.begin_change(now);
        self.funds_steps.push(step.clone());
        self.add_funds(now, kind, id, amount, in_12_months(now))
    }

    /// F9: the operator adds or takes funds.
    pub(crate) fn adjust(
        &mut self,
        now: Timestamp,
        id: &str,
        amount: Decimal,
        expires_at: Option<Timestamp>,
        allow_negative: bool,
        step: &Step,
    ) -> Answer {
        if let Some(answer) = self.repeat(id, step) {
            return answer;
        }
        let too_much = amount < Decimal::ZERO && -amount > self.available(now) && !allow_negative;
        let expired = expires_at.is_some_and(|expires_at| expires_at <= now);
        if amount.is_zero() || too_much || expired {
            return Answer::Refused;
        }
        self.begin_change(now);
        self.funds_steps.push(step.clone());
        if amount > Decimal::ZERO {
            let expires_at = expires_at.unwrap_or_else(|| in_12_months(now));
            return self.add_funds(now, EntryKind::Adjustment, id, amount, expires_at);
        }
        let lots = self.draw(-amount, |lot| lot.is_live(now));
        let taken = self.take_the_rest(-amount, lots);
        self.enter(now, now, EntryKind::Adjustment, id, -(-amount - taken.post_usage));
        Answer::Taken(taken)
    }

    /// F3: the answer to an id that was there already.
    fn repeat(&self, id: &str, step: &Step) -> Option<Answer> {
        let has_id = |earlier: &&Step| match earlier {
            Step::Buy { id: other, .. }
            | Step::Recharge { id: other, .. }
            | Step::Adjust { id: other, .. } => other == id,
            _ => false,
        };
        let earlier = self.funds_steps.iter().find(has_id)?;
        Some(if earlier == step { Answer::Duplicate } else { Answer::Conflict })
    }

    fn add_funds(
        &mut self,
        now: Timestamp,
        kind: EntryKind,
        id: &str,
        amount: Decimal,
        expires_at: Timestamp,
    ) -> Answer {
        let repaid = self.repay(amount);
        self.lots.push(Lot::new(now, id.to_owned(), expires_at, amount, amount - repaid));
        self.enter(now, now, kind, id, amount);
        Answer::Added(Added { repaid, expires_at })
    }

    /// S11: adds a lot of 12 months for a part that was owed when the call was charged and has been repaid since. At
    /// this point nothing is owed any more, so the lot has nothing to repay.
    pub(crate) fn add_lot_of_reversal(&mut self, now: Timestamp, id: String, amount: Decimal) {
        let expires_at = in_12_months(now);
        self.lots.push(Lot::new(now, id, expires_at, amount, amount));
    }

    /// F7: repays as much of the owed amount as `funds` allow. Returns the repaid amount.
    pub(crate) fn repay(&mut self, funds: Decimal) -> Decimal {
        let repaid = funds.min(self.owed);
        self.owed -= repaid;
        repaid
    }

    /// S1: takes up to `amount` from the usable lots, oldest expiry first. Returns each lot's part.
    pub(crate) fn draw(
        &mut self,
        amount: Decimal,
        usable: impl Fn(&Lot) -> bool,
    ) -> BTreeMap<String, Decimal> {
        let mut lots: Vec<&mut Lot> = self.lots.iter_mut().filter(|lot| usable(lot)).collect();
        lots.sort_by(|one, other| oldest_expiry_first(one, other));
        let mut missing = amount;
        let mut drawn = BTreeMap::new();
        for lot in lots {
            let part = missing.min(lot.remaining);
            if part > Decimal::ZERO {
                lot.remaining -= part;
                missing -= part;
                drawn.insert(lot.id.clone(), part);
            }
        }
        drawn
    }

    /// S1, S8: the part of `amount` that no lot covers is owed or post-usage.
    pub(crate) fn take_the_rest(&mut self, amount: Decimal, lots: BTreeMap<String, Decimal>) -> Taken {
        let rest = amount - lots.values().sum::<Decimal>();
        match self.billing {
            Billing::Prepaid | Billing::Switching => {
                self.owed += rest;
                Taken { lots, owed: rest, post_usage: Decimal::ZERO }
            }
            Billing::PostUsage => {
                self.open_month.amount += rest;
                Taken { lots, owed: Decimal::ZERO, post_usage: rest }
            }
        }
    }

    /// E1: books the rest of each lot as forfeited once the 72 hours after its expiry are over. E3: gives the warnings that
    /// are due, which changes the account, too.
    pub(crate) fn sweep(&mut self, now: Timestamp) -> Answer {
        let mut over: Vec<Lot> = self.lots.clone();
        over.retain(|lot| lot.is_over(now) && lot.remaining > Decimal::ZERO);
        over.sort_by(oldest_expiry_first);
        let is_warned_of = |lot: &Lot| lot.remaining > Decimal::ZERO && !lot.due_warnings(now).is_empty();
        if !over.is_empty() || self.lots.iter().any(is_warned_of) {
            self.begin_change(now);
        }
        self.lots
            .iter_mut()
            .filter(|lot| lot.remaining > Decimal::ZERO)
            .for_each(|lot| lot.note_warnings(now));
        let mut booked = Vec::new();
        for lot in over {
            self.lot_mut(&lot.id).remaining = Decimal::ZERO;
            self.enter(lot.expires_at, now, EntryKind::Expiry, &lot.id, -lot.remaining);
            booked.push(Forfeited { lot: lot.id, expired_at: lot.expires_at, amount: lot.remaining });
        }
        Answer::Swept(booked)
    }

    pub(crate) fn lot_mut(&mut self, id: &str) -> &mut Lot {
        self.lots.iter_mut().find(|lot| lot.id == id).expect("lots are never removed")
    }
}
