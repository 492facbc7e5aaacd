//! Holds: funds and included minutes that calls in progress may need (C1).
//!
//! A hold is one item of its own, and the account has the sums of its live holds by the instant at which they lapse. So a
//! decision needs the sums alone, however many calls are in progress, and a hold whose debit never comes frees itself.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::id::Fingerprint;
use crate::money::{Currency, Money};
use crate::pool::HeldMinutes;
use crate::time::Month;
use crate::usage::{Number, Service, UsageRecord};

/// A hold lapses this long after the call's start and its granted time, at the earliest.
const LAPSES_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Lapses are rounded up to full steps of this length.
const STEP: SignedDuration = SignedDuration::from_mins(5);

/// Lapses that are further away are rounded up to full hours.
const STEPS_UNTIL: SignedDuration = SignedDuration::from_hours(2);

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A call that is billed: one leg of it, as the platform authorizes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The call.
    pub call_id: String,
    /// The service.
    pub service: Service,
    /// The number that decides the rate.
    pub number: Number,
}

/// The place of a hold among those of an account: 36 hexadecimal digits, of which the first 20 are those of its call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HoldKey(String);

/// The digits of a call.
const CALL_DIGITS: usize = 20;
/// The digits of its service and number.
const LEG_DIGITS: usize = 16;
/// What every hold's id begins with.
const ID_PREFIX: &str = "hold_";

impl HoldKey {
    /// The key of a leg's hold.
    pub fn of(leg: &Leg) -> Self {
        let of_leg = Fingerprint::of([leg.service.as_str(), leg.number.as_str()]);
        Self(format!("{}{}", Self::of_call(&leg.call_id), &of_leg.as_str()[..LEG_DIGITS]))
    }

    /// What the keys of a call's legs begin with.
    pub fn of_call(call_id: &str) -> String {
        Fingerprint::of([call_id]).as_str()[..CALL_DIGITS].to_owned()
    }

    /// The keys under which the hold may be that a record ends: first that of the id which it names, then that of the leg which it
    /// describes. An id stands for its leg, so the id of an earlier hold of the leg will do.
    pub fn of_record(record: &UsageRecord) -> impl Iterator<Item = Self> {
        let named = record.hold_id.as_deref().and_then(HoldId::parse).map(|id| id.key());
        let of_leg = record.call_id.clone().map(|call_id| {
            Self::of(&Leg { call_id, service: record.service, number: record.number.clone() })
        });
        named.into_iter().chain(of_leg)
    }

    /// The key that was stored.
    pub fn from_stored(text: &str) -> Option<Self> {
        let is_key = text.len() == CALL_DIGITS + LEG_DIGITS && text.bytes().all(is_digit);
        is_key.then(|| Self(text.to_owned()))
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')
}

/// The id of a hold: `hold_`, its key, and the instant at which its call was authorized. A leg that is authorized anew after its
/// hold has ended gets another id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldId(String);

impl HoldId {
    /// The id of the hold that was taken for a leg at this instant.
    pub fn of(leg: &Leg, authorized_at: Timestamp) -> Self {
        Self(format!("{ID_PREFIX}{}{:x}", HoldKey::of(leg).as_str(), authorized_at.as_millisecond()))
    }

    /// The id with this text. `None` if no hold can have it.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(ID_PREFIX)?;
        let has_instant = digits.len() > CALL_DIGITS + LEG_DIGITS && text.len() <= 64;
        (has_instant && digits.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// The key of the hold.
    pub fn key(&self) -> HoldKey {
        HoldKey(self.0[ID_PREFIX.len()..][..CALL_DIGITS + LEG_DIGITS].to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Funds and minutes that are set aside for a call in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The leg that it was taken for.
    pub leg: Leg,
    /// Whose usage the call is.
    pub user_id: Option<String>,
    /// The plan or licence that the call is made on.
    pub plan: Option<String>,
    /// The user's country, ISO 3166-1 alpha-2.
    pub user_country: Option<String>,
    /// The switch that asked.
    pub node: Option<String>,
    /// When the call was authorized. The hold counts this as the call's start.
    pub authorized_at: Timestamp,
    /// How long the call may last in all, as the latest request asked.
    pub asked_seconds: u32,
    /// How long it may last in all.
    pub granted_seconds: u32,
    /// The funds that it sets aside.
    pub amount: Money,
    /// The minutes of pools that it sets aside, in the month of the call's start.
    pub minutes: Vec<HeldMinutes>,
    /// From this instant on it is over.
    pub lapses_at: Timestamp,
    /// If its user's limit counts it: the instant at which that limit was set (C2).
    pub counts_since: Option<Timestamp>,
    /// The account's version of the commit that wrote it.
    pub version: u64,
}

impl Hold {
    /// Its key.
    pub fn key(&self) -> HoldKey {
        HoldKey::of(&self.leg)
    }

    /// Its id.
    pub fn id(&self) -> HoldId {
        HoldId::of(&self.leg, self.authorized_at)
    }

    /// Whether it is not over yet.
    pub fn lives_at(&self, now: Timestamp) -> bool {
        now < self.lapses_at
    }

    /// When a hold lapses that is written now: [`LAPSES_AFTER`] after the end of the granted time, rounded up, so that the account
    /// has few sums.
    pub(crate) fn lapse(authorized_at: Timestamp, granted_seconds: u32, now: Timestamp) -> Timestamp {
        let at_the_earliest =
            authorized_at + SignedDuration::from_secs(granted_seconds.into()) + LAPSES_AFTER;
        let in_steps = rounded_up(at_the_earliest, STEP);
        if in_steps <= now + STEPS_UNTIL { in_steps } else { rounded_up(at_the_earliest, HOUR) }
    }
}

fn rounded_up(instant: Timestamp, step: SignedDuration) -> Timestamp {
    let step = step.as_secs();
    let seconds = instant.as_second() + i64::from(instant.subsec_nanosecond() > 0);
    let rounded = seconds + (step - seconds.rem_euclid(step)) % step;
    Timestamp::from_second(rounded).expect("holds are far from the end of time")
}

/// Holds that were read, by key.
pub type Holds = HashMap<HoldKey, Hold>;

/// The sums of an account's holds, by the instant at which they lapse, soonest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldSums(Vec<HeldSum>);

/// The sums of the holds that lapse at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldSum {
    /// The instant.
    pub lapses_at: Timestamp,
    /// The number of holds.
    pub holds: u32,
    /// The funds that they set aside.
    pub amount: Money,
    /// The minutes of pools that they set aside, by month and number.
    pub minutes: Vec<HeldMinutesOfMonth>,
}

/// Minutes of a pool that are held for calls of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldMinutesOfMonth {
    /// The month (UTC) in which the calls start.
    pub month: Month,
    /// The pool's number.
    pub number: u16,
    /// The minutes, above zero.
    pub minutes: u64,
}

impl HeldSums {
    /// The sums that were stored, soonest lapse first. `None` if they are in another order.
    pub fn from_stored(sums: Vec<HeldSum>) -> Option<Self> {
        sums.is_sorted_by(|a, b| a.lapses_at < b.lapses_at).then_some(Self(sums))
    }

    /// The sums of these holds.
    pub fn of<'a>(holds: impl IntoIterator<Item = &'a Hold>) -> Self {
        let mut sums = Self::default();
        holds.into_iter().for_each(|hold| sums.add(hold));
        sums
    }

    /// The sums, soonest lapse first.
    pub fn iter(&self) -> impl Iterator<Item = &HeldSum> {
        self.0.iter()
    }

    fn live(&self, now: Timestamp) -> impl Iterator<Item = &HeldSum> {
        self.0.iter().filter(move |sum| now < sum.lapses_at)
    }

    /// The sums of live holds alone.
    #[must_use]
    pub fn live_at(&self, now: Timestamp) -> Self {
        Self(self.live(now).cloned().collect())
    }

    /// The number of live holds.
    pub fn count(&self, now: Timestamp) -> u32 {
        self.live(now).map(|sum| sum.holds).sum()
    }

    /// The funds that live holds set aside.
    pub fn amount(&self, currency: Currency, now: Timestamp) -> Money {
        self.live(now).fold(Money::zero(currency), |total, sum| total + sum.amount)
    }

    /// The minutes of a pool that live holds set aside for calls of a month.
    pub fn minutes(&self, month: Month, number: u16, now: Timestamp) -> u64 {
        let held = self.live(now).flat_map(|sum| &sum.minutes);
        held.filter(|held| (held.month, held.number) == (month, number)).map(|held| held.minutes).sum()
    }

    /// Forgets the sums of holds that have lapsed.
    pub(crate) fn forget_lapsed(&mut self, now: Timestamp) {
        self.0.retain(|sum| now < sum.lapses_at);
    }

    /// Adds a hold.
    pub(crate) fn add(&mut self, hold: &Hold) {
        let place = self.0.partition_point(|sum| sum.lapses_at < hold.lapses_at);
        if self.0.get(place).is_none_or(|sum| sum.lapses_at != hold.lapses_at) {
            let amount = Money::zero(hold.amount.currency());
            self.0
                .insert(place, HeldSum { lapses_at: hold.lapses_at, holds: 0, amount, minutes: Vec::new() });
        }
        let sum = &mut self.0[place];
        sum.holds += 1;
        sum.amount += hold.amount;
        let month = Month::of(hold.authorized_at);
        for HeldMinutes { number, minutes } in &hold.minutes {
            let list = &mut sum.minutes;
            let place = list.partition_point(|held| (held.month, held.number) < (month, *number));
            if list.get(place).is_none_or(|held| (held.month, held.number) != (month, *number)) {
                list.insert(place, HeldMinutesOfMonth { month, number: *number, minutes: 0 });
            }
            list[place].minutes += minutes;
        }
    }

    /// Takes a hold away that was added. In books that are damaged it may not be there: a sum never falls below zero, so that the call
    /// is charged for all the same.
    pub(crate) fn remove(&mut self, hold: &Hold) {
        let Some(sum) = self.0.iter_mut().find(|sum| sum.lapses_at == hold.lapses_at) else { return };
        sum.holds = sum.holds.saturating_sub(1);
        sum.amount -= sum.amount.min(hold.amount);
        let month = Month::of(hold.authorized_at);
        for HeldMinutes { number, minutes } in &hold.minutes {
            let of_pool = sum.minutes.iter_mut().find(|held| (held.month, held.number) == (month, *number));
            if let Some(held) = of_pool {
                held.minutes = held.minutes.saturating_sub(*minutes);
            }
        }
        sum.minutes.retain(|held| held.minutes > 0);
        self.0.retain(|sum| sum.holds > 0);
    }
}

/// A hold that a commit writes or removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldChange {
    /// It is written where none lives.
    New(Hold),
    /// It is written instead of the one of this version of the account.
    Instead(Hold, u64),
    /// It is removed.
    Gone(Hold),
}

impl HoldChange {
    /// The hold.
    pub fn hold(&self) -> &Hold {
        match self {
            Self::New(hold) | Self::Instead(hold, _) | Self::Gone(hold) => hold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn leg(call_id: &str) -> Leg {
        let number = Number::parse("+33123456789").unwrap();
        Leg { call_id: call_id.to_owned(), service: Service::UserOut, number }
    }

    fn hold(authorized_at: &str, granted_seconds: u32, amount: &str, minutes: &[(u16, u64)]) -> Hold {
        let authorized_at = at(authorized_at);
        let eur = Currency::parse("EUR").unwrap();
        Hold {
            leg: leg("c"),
            user_id: None,
            plan: None,
            user_country: None,
            node: None,
            authorized_at,
            asked_seconds: granted_seconds,
            granted_seconds,
            amount: Money::new(amount.parse().unwrap(), eur).unwrap(),
            minutes: minutes.iter().map(|&(number, minutes)| HeldMinutes { number, minutes }).collect(),
            lapses_at: Hold::lapse(authorized_at, granted_seconds, authorized_at),
            counts_since: None,
            version: 1,
        }
    }

    #[test]
    fn c1_lapses_are_rounded_up_to_five_minutes_and_beyond_two_hours_to_an_hour() {
        let now = at("2026-11-28T12:00:00Z");
        for (granted, lapses_at) in [
            (1, "2026-11-28T12:20:00Z"),
            (300, "2026-11-28T12:20:00Z"),
            (301, "2026-11-28T12:25:00Z"),
            (6_300, "2026-11-28T14:00:00Z"),
            (6_301, "2026-11-28T15:00:00Z"),
            (86_400, "2026-11-29T13:00:00Z"),
        ] {
            assert_eq!(Hold::lapse(now, granted, now), at(lapses_at), "{granted}");
        }
        let later = at("2026-11-28T12:00:00.001Z");
        assert_eq!(Hold::lapse(later, 300, later), at("2026-11-28T12:25:00Z"));
    }

    #[test]
    fn an_account_has_at_most_48_sums() {
        let mut sums = HeldSums::default();
        let start = at("2026-11-28T12:03:00Z");
        let mut most = 0;
        for minute in 0..60 * 30 {
            let now = start + SignedDuration::from_mins(minute);
            sums.forget_lapsed(now);
            for granted in [1, 1_800, 3_600, 86_400] {
                sums.add(&hold(&now.to_string(), granted, "0.07", &[]));
            }
            if minute > 60 * 25 {
                for granted in (0..86_400).step_by(300) {
                    sums.add(&hold(&now.to_string(), granted, "0.07", &[]));
                }
            }
            most = most.max(sums.iter().count());
        }
        assert!(most > 40, "{most}");
        assert!(most <= 48, "{most}");
    }

    #[test]
    fn what_is_added_can_be_taken_away() {
        let eur = Currency::parse("EUR").unwrap();
        let holds = [
            hold("2026-11-28T12:00:00Z", 300, "0.07", &[(0, 5), (3, 1)]),
            hold("2026-11-28T12:00:00Z", 300, "1.0001", &[(3, 2)]),
            hold("2026-10-31T23:59:59Z", 300, "0", &[(3, 2)]),
            hold("2026-11-28T12:10:00Z", 3_600, "0", &[(1, 60)]),
        ];
        let mut sums = HeldSums::of(&holds);
        let now = at("2026-11-28T12:19:59Z");
        assert_eq!((sums.count(now), sums.amount(eur, now).to_string()), (3, "1.0701".to_owned()));
        let november = Month::of(now);
        assert_eq!([0, 1, 2, 3].map(|number| sums.minutes(november, number, now)), [5, 60, 0, 3]);
        assert_eq!(sums.minutes(november.previous(), 3, now), 0, "it has lapsed");
        assert_eq!(sums.count(at("2026-11-28T12:20:00Z")), 1);
        for hold in &holds {
            sums.remove(hold);
        }
        assert_eq!(sums, HeldSums::default());
        sums.remove(&holds[0]);
        assert_eq!(sums, HeldSums::default(), "in damaged books");
    }

    #[test]
    fn a_hold_is_found_by_its_id_and_its_leg() {
        let id = HoldId::of(&leg("c"), at("2026-11-28T12:00:00Z"));
        assert_eq!(HoldId::parse(id.as_str()), Some(id.clone()));
        assert_eq!(id.key(), HoldKey::of(&leg("c")));
        assert!(id.key().as_str().starts_with(&HoldKey::of_call("c")));
        assert_ne!(id.key(), HoldKey::of(&leg("d")));
        assert_ne!(id, HoldId::of(&leg("c"), at("2026-11-28T12:00:00.001Z")));
        assert!(id.as_str().len() <= 64, "a record takes it");
        for foreign in ["", "hold_", "hold_12", "hold_é", &id.as_str().to_uppercase(), &id.as_str()[..41]] {
            assert_eq!(HoldId::parse(foreign), None, "{foreign}");
        }
    }
}
