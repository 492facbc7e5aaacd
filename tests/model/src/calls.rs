//! Usage records: accepted once, charged, rated later, reversed (S1 to S11).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::funds::{LATE, oldest_expiry_first};
use crate::pools::take_minutes;
use crate::rating::{billed_seconds, minutes_needed, price, rate_of, round_charge};
use crate::{
    Answer, Billing, Charge, EntryKind, Model, Month, Rate, Rated, Record, RecordKey, Reversal, SentCharge,
    Taken, pools,
};

/// T1: how far after now a call may start.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// A usage record that was accepted or kept, its charge, and whether it was reversed.
#[derive(Debug, Clone)]
pub(crate) struct Usage {
    pub(crate) key: RecordKey,
    pub(crate) record: Record,
    /// None while the record is unrated (S9).
    pub(crate) charge: Option<Charge>,
    /// When the charge was posted. None while the record is unrated.
    pub(crate) posted: Option<Posted>,
    /// Whether the usage entry was reversed (S11).
    pub(crate) reversed: bool,
}

/// When a charge was posted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Posted {
    pub(crate) at: Timestamp,
    pub(crate) step: u64,
}

impl Usage {
    /// S9: whether the record is still to be rated.
    pub(crate) fn awaits_rate(&self) -> bool {
        self.charge.is_none() && !self.reversed
    }
}

/// The price and the included minutes of a record, before anything is taken.
struct Rating {
    charge: Decimal,
    billed_seconds: Option<u32>,
    minutes: BTreeMap<String, u64>,
}

impl Model {
    /// A usage record arrives.
    pub(crate) fn call(&mut self, now: Timestamp, record: &Record) -> Answer {
        if record.revision < 1 || record.start() > now + AHEAD {
            return Answer::Invalid;
        }
        // S2: the same record in another currency is a conflict, though it would not be valid as a new one.
        if let Some(earlier) = self.find(&record.key()) {
            return if is_same(&earlier.record, record) { Answer::Duplicate } else { Answer::Conflict };
        }
        if !self.is_charge_valid(record) {
            return Answer::Invalid;
        }
        if record.revision > 1 && !self.is_reversed(&before(record)) {
            return Answer::Conflict;
        }
        self.begin_change(now);
        self.end_hold(now, record);
        let charge = self.charge(now, record);
        let posted = Posted { at: now, step: self.step };
        self.usage.push(Usage {
            key: record.key(),
            record: record.clone(),
            charge: charge.clone(),
            posted: charge.is_some().then_some(posted),
            reversed: false,
        });
        match charge {
            Some(charge) => Answer::Accepted(charge),
            None => {
                self.enter(record.start(), now, EntryKind::Unrated, &record.key().to_string(), Decimal::ZERO);
                Answer::Unrated
            }
        }
    }

    /// S4: a record that costs something is in the account's currency, and one that costs nothing in any.
    fn is_charge_valid(&self, record: &Record) -> bool {
        match &record.charge {
            None => true,
            Some(SentCharge { amount, currency }) => {
                amount.is_zero() || (*amount > Decimal::ZERO && currency == self.currency.code())
            }
        }
    }

    fn find(&self, key: &RecordKey) -> Option<&Usage> {
        self.usage.iter().find(|usage| usage.key == *key)
    }

    fn is_reversed(&self, key: &RecordKey) -> bool {
        self.find(key).is_some_and(|usage| usage.reversed)
    }

    /// S9: each unrated record that has a rate now is charged, as if it arrived now.
    pub(crate) fn rate_unrated(&mut self, now: Timestamp) -> Answer {
        let mut rated = Vec::new();
        for index in 0..self.usage.len() {
            let record = self.usage[index].record.clone();
            let has_rate = rate_of(&self.rates, &record, self.currency).is_some();
            if self.usage[index].awaits_rate() && has_rate {
                self.begin_change(now);
                let charge = self.charge(now, &record).expect("the record has a rate");
                self.usage[index].charge = Some(charge.clone());
                self.usage[index].posted = Some(Posted { at: now, step: self.step });
                rated.push(Rated { key: record.key(), charge });
            }
        }
        Answer::Rated(rated)
    }

    /// Rates a record and takes its charge and its minutes. Gives none, and takes nothing, if there is no rate.
    fn charge(&mut self, now: Timestamp, record: &Record) -> Option<Charge> {
        let Rating { charge, billed_seconds, minutes } = self.rating(now, record)?;
        for (pool, minutes) in &minutes {
            *self.pool_minutes.entry((pool.clone(), Month::of(record.start()))).or_default() += minutes;
        }
        let taken = self.take(now, record, charge);
        let posted = -(charge - taken.post_usage);
        self.enter(record.start(), now, EntryKind::Usage, &record.key().to_string(), posted);
        Some(Charge { charge, billed_seconds, minutes, taken })
    }

    fn rating(&self, now: Timestamp, record: &Record) -> Option<Rating> {
        if let Some(sent) = &record.charge {
            // S6: the record arrived rated, and uses no pool (S7).
            let charge = round_charge(sent.amount, self.currency);
            return Some(Rating { charge, billed_seconds: None, minutes: BTreeMap::new() });
        }
        if record.duration_seconds == 0 {
            // S5: a zero-second call is free, so it needs no rate.
            return Some(Rating { charge: Decimal::ZERO, billed_seconds: Some(0), minutes: BTreeMap::new() });
        }
        let rate = rate_of(&self.rates, record, self.currency)?;
        let billed_seconds = billed_seconds(rate, record.duration_seconds);
        let minutes = take_minutes(&self.minutes_left(now, record, rate), minutes_needed(billed_seconds));
        let charge = price(rate, billed_seconds, minutes.values().sum(), self.currency);
        Some(Rating { charge, billed_seconds: Some(billed_seconds), minutes })
    }

    /// S7: what the pools that match a call have left in the month of its start, in the order of their use.
    pub(crate) fn minutes_left(&self, now: Timestamp, record: &Record, rate: &Rate) -> Vec<(String, u64)> {
        let month = Month::of(record.start());
        if !has_pools(month, now) {
            return Vec::new();
        }
        let mut pools = Vec::new();
        for (id, pool) in self.pool_lists.in_order() {
            if pools::matches(pool, record, &rate.country) {
                // Calls that started ahead of their month may have used more than the month's own size.
                let left =
                    self.pool_lists.size(&id, month).saturating_sub(self.pool_minutes_used(&id, month));
                pools.push((id, left));
            }
        }
        pools
    }

    /// Takes a call's charge from lots.
    ///
    /// S10: within 72 hours of the call's end, lots that were usable at its end come first, also those that expired
    /// since. S1: then come lots that are live now. The rest is owed or post-usage.
    fn take(&mut self, now: Timestamp, record: &Record, charge: Decimal) -> Taken {
        let end = record.end();
        let mut lots = BTreeMap::new();
        if now <= end + LATE {
            lots = self.draw(charge, |lot| lot.is_live(end));
        }
        let uncovered = charge - lots.values().sum::<Decimal>();
        // No lot gives twice: if anything is uncovered, the lots above are empty.
        lots.extend(self.draw(uncovered, |lot| lot.is_live(now)));
        self.take_the_rest(charge, lots)
    }

    /// S11: reverses a usage entry, once.
    pub(crate) fn reverse(&mut self, now: Timestamp, key: &RecordKey) -> Answer {
        let Some(index) = self.usage.iter().position(|usage| usage.key == *key) else {
            return Answer::NotFound;
        };
        if self.usage[index].reversed {
            return Answer::Duplicate;
        }
        self.begin_change(now);
        self.usage[index].reversed = true;
        let reversal = match self.usage[index].charge.clone() {
            // S9: nothing was charged, and the record is not rated any more.
            None => Reversal { was_unrated: true, ..Reversal::default() },
            Some(charge) => self.give_back(now, key, &charge),
        };
        self.enter(now, now, EntryKind::Reversal, &key.to_string(), reversal.amount);
        for (lot, forfeited) in &reversal.forfeited {
            self.enter(now, now, EntryKind::Expiry, lot, -forfeited);
        }
        Answer::Reversed(reversal)
    }

    /// S11: gives back the parts of a charge in this order: minutes, the part that was owed, the post-usage part, and
    /// the parts from lots.
    fn give_back(&mut self, now: Timestamp, key: &RecordKey, charge: &Charge) -> Reversal {
        let mut reversal = Reversal::default();

        let month = Month::of(key.started_at);
        if has_pools(month, now) {
            reversal.minutes.clone_from(&charge.minutes);
            for (pool, minutes) in &charge.minutes {
                *self.pool_minutes.entry((pool.clone(), month)).or_default() -= minutes;
            }
        }

        reversal.post_usage = charge.taken.post_usage;
        if self.billing == Billing::PostUsage {
            // S8, S11: once the switch is complete, nothing is owed any more.
            reversal.post_usage += charge.taken.owed;
        } else {
            reversal.owed_back = self.repay(charge.taken.owed);
            reversal.new_lot = charge.taken.owed - reversal.owed_back;
        }
        if reversal.new_lot > Decimal::ZERO {
            self.add_lot_of_reversal(now, format!("rev:{key}"), reversal.new_lot);
        }
        self.open_month.amount -= reversal.post_usage;

        self.return_to_lots(now, &charge.taken.lots, &mut reversal);

        reversal.amount = charge.charge - reversal.post_usage;
        reversal
    }

    /// S11: the parts from lots first repay the owed amount (F7), beginning with the lot of the oldest expiry. The rest
    /// goes back to those very lots. A part is forfeited at once if the 72 hours after its lot's expiry are over.
    fn return_to_lots(&mut self, now: Timestamp, drawn: &BTreeMap<String, Decimal>, reversal: &mut Reversal) {
        let mut lots: Vec<_> = self.lots.iter().filter(|lot| drawn.contains_key(&lot.id)).cloned().collect();
        lots.sort_by(oldest_expiry_first);
        for lot in lots {
            let repaid = self.repay(drawn[&lot.id]);
            let rest = drawn[&lot.id] - repaid;
            reversal.repaid += repaid;
            if rest.is_zero() {
                continue;
            }
            if lot.is_over(now) {
                reversal.forfeited.insert(lot.id, rest);
            } else {
                let returned_to = self.lot_mut(&lot.id);
                if returned_to.remaining.is_zero() {
                    // E3: warnings that came while the lot was empty are not given any more.
                    returned_to.note_warnings(now);
                }
                returned_to.remaining += rest;
                reversal.returned.insert(lot.id, rest);
            }
        }
    }
}

/// S2: whether two records with the same key are the same call. Numbers, plans and countries are not compared.
fn is_same(one: &Record, other: &Record) -> bool {
    one.duration_seconds == other.duration_seconds
        && one.service == other.service
        && one.charge == other.charge
}

/// S2: the key of the revision before.
fn before(record: &Record) -> RecordKey {
    let key = record.key();
    RecordKey { revision: key.revision - 1, ..key }
}

/// S7, S11: months before the last one have no pools. A call may start up to five minutes after now (T1), so its month may
/// be the next one.
fn has_pools(month: Month, now: Timestamp) -> bool {
    month >= Month::of(now).previous()
}
