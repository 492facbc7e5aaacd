//! The calls of a demo organization: always the same ones on the days after its account was created, apart from its weekends.

use std::ops::RangeInclusive;

use domain::time::{Days, day_of};
use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The organization that makes the calls.
pub(super) struct Organization {
    /// The beginning of the records' ids.
    pub(super) account: &'static str,
    /// The users and their cost centres.
    pub(super) people: &'static [(&'static str, &'static str)],
    /// The attendant that answers the toll-free number.
    pub(super) attendant: &'static str,
    /// The plan of its users, who are in France.
    pub(super) plan: &'static str,
    /// The seed of what is random about the calls of the first day. Each day has the next one.
    pub(super) seed: u64,
}

/// A finished call.
pub(super) struct Call {
    started_at: Timestamp,
    /// When it ended.
    pub(super) ended_at: Timestamp,
    /// Its usage record.
    pub(super) record: Value,
}

/// A kind of call.
struct Kind {
    /// How many of a hundred calls are of this kind.
    percent: u32,
    service: &'static str,
    /// The number, in which each `#` is any digit.
    number: &'static str,
    minutes: RangeInclusive<u32>,
    terms: Terms,
}

/// The payment for a call.
#[derive(Clone, Copy)]
enum Terms {
    /// The published rate.
    Rate,
    /// The user's plan, as far as it includes the call.
    Plan,
    /// The audio conferencing plan, as far as it includes the call.
    Conferencing,
    /// The charge that came with the record.
    Charge(&'static str),
}

static KINDS: [Kind; 17] = [
    kind(24, "userOut", "+331####0***", 2..=24, Terms::Plan),
    kind(8, "userOut", "+336####0***", 1..=15, Terms::Plan),
    kind(12, "userOut", "+4930####***", 2..=25, Terms::Plan),
    kind(8, "userOut", "+49151####***", 3..=20, Terms::Rate),
    kind(6, "userOut", "+4420#####***", 2..=25, Terms::Plan),
    kind(4, "userOut", "+3491####***", 2..=25, Terms::Rate),
    kind(5, "userOut", "+1425####***", 5..=35, Terms::Plan),
    kind(5, "userOut", "+4176####***", 2..=15, Terms::Rate),
    kind(3, "userOut", "+2126#####***", 2..=12, Terms::Rate),
    kind(2, "userOut", "+813#####***", 5..=20, Terms::Rate),
    kind(7, "conferenceOut", "+49151####***", 15..=60, Terms::Conferencing),
    kind(4, "conferenceOut", "+1425####***", 20..=75, Terms::Conferencing),
    kind(5, "tollFreeIn", "+33800120***", 1..=18, Terms::Rate),
    kind(3, "tollFreeIn", "+18005550***", 1..=18, Terms::Rate),
    kind(2, "premium", "+33899###***", 1..=3, Terms::Rate),
    kind(1, "userOut", "+88351000####***", 3..=6, Terms::Charge("4.5000")),
    kind(1, "userOut", "+331####0***", 0..=0, Terms::Plan),
];

const fn kind(
    percent: u32,
    service: &'static str,
    number: &'static str,
    minutes: RangeInclusive<u32>,
    terms: Terms,
) -> Kind {
    Kind { percent, service, number, minutes, terms }
}

/// The calls that an organization has made between the account's creation and `until`, in the order of their ends. `a_day` says
/// how many a working day has, by the days since the creation.
pub(super) fn calls(
    of: &Organization,
    created_at: Timestamp,
    until: Timestamp,
    a_day: impl Fn(i64) -> RangeInclusive<u32>,
) -> Vec<Call> {
    let first_day = day_of(created_at);
    let days = Days::between(first_day, day_of(until)).expect("the account was created before");
    let mut calls = Vec::new();
    for (day, seed) in (0..i64::from(days.count())).zip(of.seed..) {
        let midnight = days.start() + SignedDuration::from_hours(24 * day);
        // Each day has a seed of its own, so that a weekend does not change the calls of other days.
        let mut random = fastrand::Rng::with_seed(seed);
        let is_weekend = matches!(day_of(midnight).weekday(), Weekday::Saturday | Weekday::Sunday);
        for number in 0..random.u32(if is_weekend { 0..=1 } else { a_day(day) }) {
            let id = format!("{}-{day}-{number}", of.account);
            calls.push(call(of, &id, midnight, &mut random));
        }
    }
    calls.retain(|call| call.started_at >= created_at && call.ended_at <= until);
    calls.sort_by_key(|call| call.ended_at);
    calls
}

/// Takes the records of the calls that have ended by this instant.
pub(super) fn ended_by(calls: &mut Vec<Call>, at: Timestamp) -> Vec<Value> {
    let ended = calls.partition_point(|call| call.ended_at <= at);
    calls.drain(..ended).map(|call| call.record).collect()
}

/// A call between 7:00 and 17:00 UTC.
fn call(of: &Organization, id: &str, midnight: Timestamp, random: &mut fastrand::Rng) -> Call {
    let started_at = midnight + SignedDuration::from_secs(random.i64(7 * 3_600..17 * 3_600));
    let kind = any_kind(random);
    let seconds = random.u32(60 * kind.minutes.start()..=60 * kind.minutes.end());
    let mut digit = |place: char| if place == '#' { random.digit(10) } else { place };
    let number: String = kind.number.chars().map(&mut digit).collect();
    let (user, cost_centre) = of.people[random.usize(..of.people.len())];
    let mut record = json!({
        "id": id,
        "userId": if kind.service == "tollFreeIn" { of.attendant } else { user },
        "service": kind.service,
        "number": number,
        "startedAt": started_at,
        "durationSeconds": seconds,
        "costCentre": cost_centre,
    });
    match kind.terms {
        Terms::Rate => {}
        Terms::Plan => {
            record["plan"] = of.plan.into();
            record["userCountry"] = "FR".into();
        }
        Terms::Conferencing => {
            record["plan"] = "MCOMEETADD".into();
            record["userCountry"] = "FR".into();
        }
        Terms::Charge(charge) => {
            record["charge"] = charge.into();
            record["currency"] = "EUR".into();
        }
    }
    let ended_at = started_at + SignedDuration::from_secs(seconds.into());
    Call { started_at, ended_at, record }
}

fn any_kind(random: &mut fastrand::Rng) -> &'static Kind {
    let mut left = random.u32(0..100);
    for kind in &KINDS {
        match left.checked_sub(kind.percent) {
            Some(rest) => left = rest,
            None => return kind,
        }
    }
    unreachable!("the kinds are a hundred per cent")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const ORGANIZATION: Organization = Organization {
        account: "a",
        people: &[("ada", "sales"), ("grace", "support")],
        attendant: "attendant",
        plan: "MCOPSTN5",
        seed: 1,
    };

    #[test]
    fn the_kinds_are_a_hundred_per_cent() {
        assert_eq!(KINDS.iter().map(|kind| kind.percent).sum::<u32>(), 100);
    }

    #[test]
    fn calls_of_a_month_are_of_every_service_and_mostly_on_working_days() {
        let (from, until) = ("2028-02-29T23:59:00Z", "2028-03-31T11:30:00Z");
        let (from, until): (Timestamp, Timestamp) = (from.parse().unwrap(), until.parse().unwrap());
        let mut calls = calls(&ORGANIZATION, from, until, |_| 5..=9);
        assert!(calls.is_sorted_by_key(|call| call.ended_at));
        let text = |call: &Call, field: &str| call.record[field].as_str().unwrap().to_owned();
        let services: HashSet<_> = calls.iter().map(|call| text(call, "service")).collect();
        assert_eq!(services.len(), 4, "{services:?}");
        let ids: HashSet<_> = calls.iter().map(|call| text(call, "id")).collect();
        assert_eq!(ids.len(), calls.len());
        assert!(calls.iter().all(|call| call.started_at >= from && call.ended_at <= until));
        let on_weekends = calls
            .iter()
            .filter(|call| matches!(day_of(call.started_at).weekday(), Weekday::Saturday | Weekday::Sunday));
        let on_weekends = on_weekends.count();
        assert!(on_weekends > 0 && on_weekends <= 8, "{on_weekends}");

        let all = calls.len();
        let first = ended_by(&mut calls, "2028-03-10T00:00:00Z".parse().unwrap());
        assert!(!first.is_empty() && first.len() + calls.len() == all);
    }
}
