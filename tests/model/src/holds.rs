//! Holds: what is set aside for calls that were authorized (C1, C4).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::pools::take_minutes;
use crate::rating::{minutes_needed, price, rate_of};
use crate::{
    Answer, Authorization, Billing, CallRequest, Currency, HoldName, Leg, LiveHold, Model, Month, NamedHold,
    Rate, Record, Refusal, ReleasedHolds,
};

/// C1: how many live holds an account may have.
const MOST_HOLDS: usize = 5_000;

const FIVE_MINUTES: i64 = 5 * 60;
const HOUR: i64 = 3_600;

/// A hold. It is kept for ever, also when it has ended.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    pub(crate) name: HoldName,
    pub(crate) user: Option<String>,
    pub(crate) plan: Option<String>,
    pub(crate) user_country: Option<String>,
    pub(crate) node: Option<String>,
    /// The call's start.
    pub(crate) authorized_at: Timestamp,
    /// The maximum of the last request that was accepted.
    pub(crate) asked_seconds: u32,
    pub(crate) granted_seconds: u32,
    pub(crate) amount: Decimal,
    pub(crate) minutes: BTreeMap<String, u64>,
    pub(crate) lapses_at: Timestamp,
    /// Whether a debit ended it, or it was released.
    pub(crate) ended: bool,
    /// The step that took it.
    pub(crate) taken_in: u64,
}

impl Hold {
    /// C1: a hold lives as long as now < lapse.
    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        !self.ended && now < self.lapses_at
    }

    pub(crate) fn is(&self, other: &Hold) -> bool {
        self.name == other.name
    }

    /// The call as its record would describe it. Rates and pools choose by it.
    fn record(&self) -> Record {
        Record {
            id: String::new(),
            revision: 1,
            service: self.name.leg.service,
            number: self.name.leg.number.clone(),
            started_at: self.authorized_at,
            duration_seconds: 0,
            charge: None,
            plan: self.plan.clone(),
            user_country: self.user_country.clone(),
            user: self.user.clone(),
            call: Some(self.name.leg.call.clone()),
            hold: None,
        }
    }

    /// C1: a hold lapses 15 minutes after the granted time, rounded up to full five minutes. If that is more than two hours away, it is
    /// rounded up to a full hour instead.
    fn lapse(&self, now: Timestamp) -> Timestamp {
        let granted = SignedDuration::from_secs(i64::from(self.granted_seconds));
        let exact = self.authorized_at + granted + SignedDuration::from_mins(15);
        let in_minutes = round_up(exact, FIVE_MINUTES);
        if in_minutes > now + SignedDuration::from_hours(2) { round_up(exact, HOUR) } else { in_minutes }
    }
}

/// The first instant from `instant` on that is a whole number of `step` seconds after 1970 (UTC).
fn round_up(instant: Timestamp, step: i64) -> Timestamp {
    let whole = Timestamp::from_second(instant.as_second() / step * step).expect("it is after 1970");
    if whole == instant { whole } else { whole + SignedDuration::from_secs(step) }
}

/// C1: what may pay for a call.
struct Means {
    currency: Currency,
    rate: Rate,
    start: Timestamp,
    /// Expiry and rest of every lot.
    lots: Vec<(Timestamp, Decimal)>,
    /// The owed amount, and what other calls hold.
    bound: Decimal,
    /// Whether the call needs funds.
    needs_funds: bool,
    /// What the limits leave, if any binds.
    limit: Option<Decimal>,
    /// Free minutes of the pools that match, in the order of their use.
    pools: Vec<(String, u64)>,
}

impl Means {
    /// Price and minutes of a call that is billed for so many seconds.
    fn need(&self, billed_seconds: u32) -> (Decimal, BTreeMap<String, u64>) {
        let minutes = take_minutes(&self.pools, minutes_needed(billed_seconds));
        let price = price(&self.rate, billed_seconds, minutes.values().sum(), self.currency);
        (price, minutes)
    }

    /// C1: whether minutes and funds pay for so many seconds. Only lots that expire after the call's end count. Minutes that cover
    /// the whole call pay for it, whatever is spendable.
    ///
    /// An extension may be asked for after the end that it is about. A lot that has expired since then pays for the call (S10), so it counts.
    fn pay_for(&self, billed_seconds: u32) -> bool {
        let (price, minutes) = self.need(billed_seconds);
        if minutes.values().sum::<u64>() == minutes_needed(billed_seconds) {
            return true;
        }
        let end = self.start + SignedDuration::from_secs(i64::from(billed_seconds));
        let outlives = |(expires_at, _): &&(Timestamp, Decimal)| end < *expires_at;
        let funds: Decimal = self.lots.iter().filter(outlives).map(|(_, rest)| rest).sum();
        let spendable = funds - self.bound;
        (!self.needs_funds || price <= spendable) && self.limit.is_none_or(|limit| price <= limit)
    }

    /// C1: D, the longest billable duration that is paid for, at most `max` rounded up to an increment. Zero if there is none.
    ///
    /// A longer call never costs less, and no more lots outlive it. So if a duration is not paid for, no longer one is, and halving finds
    /// the longest.
    fn longest(&self, max: u32) -> u32 {
        let duration = |increments: u32| match increments {
            0 => 0,
            _ => self.rate.first_increment + (increments - 1) * self.rate.next_increment,
        };
        let mut paid = 0;
        let mut unpaid =
            1 + max.saturating_sub(self.rate.first_increment).div_ceil(self.rate.next_increment) + 1;
        while unpaid - paid > 1 {
            let middle = paid.midpoint(unpaid);
            if self.pay_for(duration(middle)) { paid = middle } else { unpaid = middle }
        }
        duration(paid)
    }
}

/// How the question whether a call may last so long is decided.
enum Decision {
    /// So many seconds are granted, and this is held.
    Granted { seconds: u32, amount: Decimal, minutes: BTreeMap<String, u64> },
    /// So many seconds are granted, and no hold is needed.
    Free { seconds: u32 },
    /// No second is granted beyond those that were granted before.
    Refused(Refusal),
    /// It may last as long as it asks for already, but for the margin.
    Enough,
}

impl Model {
    /// C1: may a call start?
    pub(crate) fn authorize(&mut self, now: Timestamp, request: &CallRequest) -> Answer {
        let of_leg = |hold: &Hold| hold.name.leg == request.leg;
        if let Some(index) = self.holds.iter().position(|hold| of_leg(hold) && hold.is_live(now)) {
            // A hold keeps its user: a request that names another one extends nothing.
            let Hold { user, granted_seconds, .. } = &self.holds[index];
            let max = if *user == request.user { request.max_seconds } else { *granted_seconds };
            return self.ask_again(now, index, max, request.node.as_ref());
        }
        let nth = self.holds.iter().filter(|hold| of_leg(hold)).count() + 1;
        let mut hold = Hold {
            name: HoldName { leg: request.leg.clone(), nth },
            user: request.user.clone(),
            plan: request.plan.clone(),
            user_country: request.user_country.clone(),
            node: request.node.clone(),
            authorized_at: now,
            asked_seconds: request.max_seconds,
            granted_seconds: 0,
            amount: Decimal::ZERO,
            minutes: BTreeMap::new(),
            lapses_at: now,
            ended: false,
            taken_in: self.step,
        };
        match self.decide(now, &hold, request.max_seconds) {
            Decision::Refused(refusal) => refused(refusal),
            Decision::Enough => unreachable!("a call without a hold has no grant yet"),
            Decision::Free { seconds } => allowed(seconds, None),
            Decision::Granted { .. } if self.live_holds(now).count() >= MOST_HOLDS => {
                refused(Refusal::TooManyHolds)
            }
            Decision::Granted { seconds, amount, minutes } => {
                self.begin_change(now);
                hold.granted_seconds = seconds;
                hold.amount = amount;
                hold.minutes = minutes;
                hold.lapses_at = hold.lapse(now);
                self.holds.push(hold);
                allowed(seconds, Some(nth))
            }
        }
    }

    /// C4: may a call last longer?
    pub(crate) fn extend(&mut self, now: Timestamp, name: &HoldName, max: u32) -> Answer {
        let found = self.holds.iter().position(|hold| hold.name == *name && hold.is_live(now));
        found.map_or(Answer::NotFound, |index| self.ask_again(now, index, max, None))
    }

    /// C4: an extension is to a total since the authorization, and is decided as C1 at this moment. A request for no more than is granted,
    /// and one that was accepted before and cannot be granted more, get what is granted. If it is refused, what was granted stays.
    ///
    /// A call that another switch asks for has moved to that switch, and its hold with it.
    fn ask_again(&mut self, now: Timestamp, index: usize, max: u32, node: Option<&String>) -> Answer {
        let hold = self.holds[index].clone();
        let mut next = Hold { node: node.or(hold.node.as_ref()).cloned(), ..hold.clone() };
        let mut refusal = None;
        if max > hold.granted_seconds {
            match self.decide(now, &hold, max) {
                Decision::Refused(_) if max == hold.asked_seconds => {}
                Decision::Refused(why) => refusal = Some(why),
                Decision::Enough => {}
                Decision::Free { seconds } => {
                    next.granted_seconds = seconds;
                    next.amount = Decimal::ZERO;
                    next.minutes = BTreeMap::new();
                }
                Decision::Granted { seconds, amount, minutes } => {
                    next.granted_seconds = seconds;
                    next.amount = amount;
                    next.minutes = minutes;
                }
            }
            if next.granted_seconds > hold.granted_seconds {
                next.asked_seconds = max;
                // A hold never lapses sooner because its call may last longer.
                next.lapses_at = next.lapse(now).max(hold.lapses_at);
            }
        }
        let moves = next.node != hold.node;
        if moves || next.granted_seconds > hold.granted_seconds {
            self.begin_change(now);
            self.holds[index] = next.clone();
        }
        let granted_seconds = next.granted_seconds;
        Answer::Authorized(Authorization { refusal, granted_seconds, hold: Some(hold.name.nth) })
    }

    /// C1, C2, C4: how long the call of `hold` may last from its authorization on.
    ///
    /// The limits are what refuses a call that would be granted more without them.
    fn decide(&self, now: Timestamp, hold: &Hold, max: u32) -> Decision {
        let Some(rate) = rate_of(&self.rates, &hold.record(), self.currency) else {
            return Decision::Refused(Refusal::NoRate);
        };
        let is_free = rate.per_minute.is_zero() && rate.connection_fee.is_zero();
        let means = self.means(now, hold, rate);
        if is_free || (!means.needs_funds && means.limit.is_none()) {
            return Decision::Free { seconds: max };
        }
        let granted = |means: &Means| {
            let longest = means.longest(max);
            (longest, max.min(longest.saturating_sub(self.limits.margin_seconds)))
        };
        let (longest, seconds) = granted(&means);
        if seconds > hold.granted_seconds {
            let (amount, minutes) = means.need(longest);
            return Decision::Granted { seconds, amount, minutes };
        }
        if longest >= max {
            return Decision::Enough;
        }
        let (_, without_limits) = granted(&Means { limit: None, ..means });
        Decision::Refused(if without_limits > seconds {
            Refusal::LimitReached
        } else {
            Refusal::InsufficientFunds
        })
    }

    /// What may pay for the call of `hold`, beside what other calls hold.
    fn means(&self, now: Timestamp, hold: &Hold, rate: &Rate) -> Means {
        let others: Vec<&Hold> = self.live_holds(now).filter(|other| !other.is(hold)).collect();
        let month = Month::of(hold.authorized_at);
        let mut pools = self.minutes_left(now, &hold.record(), rate);
        for (pool, left) in &mut pools {
            let of_month = others.iter().filter(|other| Month::of(other.authorized_at) == month);
            let taken: u64 = of_month.filter_map(|other| other.minutes.get(pool)).sum();
            *left = left.saturating_sub(taken);
        }
        Means {
            currency: self.currency,
            rate: rate.clone(),
            start: hold.authorized_at,
            lots: self.lots.iter().map(|lot| (lot.expires_at, lot.remaining)).collect(),
            bound: self.owed + others.iter().map(|other| other.amount).sum::<Decimal>(),
            needs_funds: self.billing != Billing::PostUsage,
            limit: self.left_of_limits(now, hold),
            pools,
        }
    }

    /// C1: releases every live hold that is meant. Releasing nothing changes nothing.
    pub(crate) fn release(&mut self, now: Timestamp, which: &ReleasedHolds) -> Answer {
        let is_meant = |hold: &Hold| match which {
            ReleasedHolds::One(name) => hold.name == *name,
            ReleasedHolds::OfCall(call) => hold.name.leg.call == *call,
            ReleasedHolds::OfNode(node) => hold.node.as_ref() == Some(node),
        };
        let released = self.live_holds(now).filter(|hold| is_meant(hold)).count();
        if released > 0 {
            self.begin_change(now);
        }
        self.holds
            .iter_mut()
            .filter(|hold| hold.is_live(now) && is_meant(hold))
            .for_each(|hold| hold.ended = true);
        Answer::Released(released)
    }

    /// C1: a record that is accepted or kept ends the hold of the leg that it names by an id, or else of the leg that it describes by call,
    /// service and number.
    ///
    /// The id of an earlier hold of a leg ends the leg's present hold, since the record is of the same leg.
    pub(crate) fn end_hold(&mut self, now: Timestamp, record: &Record) {
        let named = match &record.hold {
            Some(NamedHold::Id(name)) => Some(name.leg.clone()),
            _ => None,
        };
        let described = record.call.as_ref().map(|call| {
            let (service, number) = (record.service, record.number.clone());
            Leg { call: call.clone(), service, number }
        });
        let live_of =
            |leg: &Leg| self.holds.iter().position(|hold| hold.name.leg == *leg && hold.is_live(now));
        let meant = named.iter().chain(&described).find_map(live_of);
        if let Some(meant) = meant {
            self.holds[meant].ended = true;
        }
    }

    pub(crate) fn live_holds(&self, now: Timestamp) -> impl Iterator<Item = &Hold> {
        self.holds.iter().filter(move |hold| hold.is_live(now))
    }

    /// The live holds as they look from outside, by leg.
    pub(crate) fn holds_seen(&self, now: Timestamp) -> Vec<LiveHold> {
        let seen = |hold: &Hold| LiveHold {
            call: hold.name.leg.call.clone(),
            service: hold.name.leg.service,
            number: hold.name.leg.number.clone(),
            nth: hold.name.nth,
            user: hold.user.clone(),
            node: hold.node.clone(),
            authorized_at: hold.authorized_at,
            granted_seconds: hold.granted_seconds,
            amount: hold.amount,
            minutes: hold.minutes.clone(),
            lapses_at: hold.lapses_at,
        };
        let mut holds: Vec<LiveHold> = self.live_holds(now).map(seen).collect();
        holds.sort_by(|a, b| (&a.call, a.service, &a.number).cmp(&(&b.call, b.service, &b.number)));
        holds
    }
}

fn allowed(granted_seconds: u32, hold: Option<usize>) -> Answer {
    Answer::Authorized(Authorization { refusal: None, granted_seconds, hold })
}

fn refused(refusal: Refusal) -> Answer {
    Answer::Authorized(Authorization { refusal: Some(refusal), granted_seconds: 0, hold: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Service;
    use crate::random::Random;

    fn means(random: &mut Random) -> Means {
        let start: Timestamp = "2027-01-10T12:00:00Z".parse().unwrap();
        let (first_increment, next_increment) = *random.pick(&[(60, 60), (30, 6), (1, 1), (60, 1), (7, 90)]);
        let mut units = |most| Decimal::new(random.between(0, most), 4);
        let (per_minute, connection_fee) = (units(2_000), units(900));
        let lots = [(300, units(3_000)), (1_200, units(3_000)), (9_999_999, units(9_000))];
        let limit = units(9_000);
        Means {
            currency: Currency::Eur,
            rate: Rate {
                service: Service::UserOut,
                prefix: String::new(),
                country: String::new(),
                currency: String::new(),
                per_minute,
                connection_fee,
                first_increment,
                next_increment,
                effective_from: "2025-01-01".parse().unwrap(),
            },
            start,
            lots: lots.map(|(seconds, rest)| (start + SignedDuration::from_secs(seconds), rest)).to_vec(),
            bound: units(4_000),
            needs_funds: random.chance(80),
            limit: random.chance(50).then_some(limit),
            pools: vec![("a".to_owned(), random.weighted(&[(2, 0), (1, 3)])), ("b".to_owned(), 2)],
        }
    }

    #[test]
    fn halving_finds_the_longest_duration_that_is_paid_for() {
        let mut random = Random::new(1);
        for _ in 0..500 {
            let means = means(&mut random);
            let max = u32::try_from(random.between(1, 3_600)).unwrap();
            let Rate { first_increment, next_increment, .. } = means.rate;
            let mut longest = 0;
            let mut billed = first_increment;
            loop {
                if means.pay_for(billed) {
                    longest = billed;
                }
                if billed >= max {
                    break;
                }
                billed += next_increment;
            }
            assert_eq!(means.longest(max), longest);
        }
    }
}
