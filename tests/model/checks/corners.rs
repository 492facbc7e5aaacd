//! The corners of the rules that the generator must reach, and how often it does.

use std::collections::BTreeMap;
use std::fmt;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use model::{Answer, Charge, Month, Rate, Rated, Record, Reversal, Step};
use rust_decimal::Decimal;

use crate::random_months::Seen;

/// How often each corner must be reached in 2,500 months.
const LEAST: u64 = 100;

const LATE: SignedDuration = SignedDuration::from_hours(72);

/// How often each corner was reached.
#[derive(Default)]
pub(crate) struct Corners {
    reached: BTreeMap<&'static str, u64>,
}

impl Corners {
    pub(crate) fn count(&mut self, step: &Step, seen: &Seen) {
        let mut corners = answers(step, &seen.answer);
        corners.extend(accounts(seen));
        corners.extend(switches(step, seen));
        match (&seen.answer, step) {
            (Answer::Accepted(charge), Step::Call(record)) => {
                corners.extend(charges(seen, charge));
                corners.extend(calls(seen, record, charge));
                corners.extend(lateness(seen, record, charge));
                corners.extend(rates(seen, record));
            }
            (Answer::Unrated, Step::Call(record)) => corners.extend(rates(seen, record)),
            (Answer::Rated(rated), _) => {
                for rated in rated {
                    corners.extend(charges(seen, &rated.charge));
                    corners.extend(rated_later(seen, rated));
                }
                corners.push(("an unrated record is rated", !rated.is_empty()));
                corners.push(("rating finds nothing", rated.is_empty()));
            }
            (Answer::Reversed(reversal), _) => corners.extend(reversals(seen, reversal)),
            (Answer::Set, Step::SetAutoRecharge { trigger, amount }) => {
                let available = seen.after.available;
                let twice = seen.after.recharge_wanted == Some(amount + amount);
                corners.push(("the trigger is exactly what is available", available == *trigger));
                corners.push((
                    "a recharge would lift the balance exactly to the trigger",
                    twice && available + amount == *trigger,
                ));
            }
            (Answer::Added(added), _) => {
                corners.push(("new funds repay what is owed", added.repaid > Decimal::ZERO));
                corners.push(("new funds leave something owed", seen.after.owed > Decimal::ZERO));
            }
            (Answer::Taken(taken), _) => {
                corners.push(("an adjustment leaves something owed", taken.owed > Decimal::ZERO));
                corners.push(("an adjustment is post-usage", taken.post_usage > Decimal::ZERO));
                corners.push(("an adjustment takes all there is", seen.after.available.is_zero()));
            }
            (Answer::Swept(booked), _) => {
                corners.push(("a sweep books nothing", booked.is_empty()));
                corners.push(("a sweep books several lots", booked.len() > 1));
                let at_72_hours = booked.iter().any(|lot| lot.expired_at + LATE == seen.now);
                corners.push(("a sweep books a lot at its 72 hours", at_72_hours));
            }
            _ => {}
        }
        for (corner, reached) in corners {
            *self.reached.entry(corner).or_default() += u64::from(reached);
        }
    }

    /// The corners that were reached less often than they should be.
    pub(crate) fn rare(&self) -> Vec<(&'static str, u64)> {
        let too_rare = |(corner, times): (&&'static str, &u64)| (*times < LEAST).then_some((*corner, *times));
        self.reached.iter().filter_map(too_rare).collect()
    }
}

impl fmt::Display for Corners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reached.iter().try_for_each(|(corner, times)| writeln!(f, "{times:>8} {corner}"))
    }
}

type Reached = Vec<(&'static str, bool)>;

fn answers(step: &Step, answer: &Answer) -> Reached {
    let is_record = matches!(step, Step::Call(_));
    let is_revision = matches!(step, Step::Call(record) if record.revision > 1);
    let is_funds = matches!(step, Step::Buy { .. } | Step::Recharge { .. } | Step::Adjust { .. });
    let is_reversal = matches!(step, Step::Reverse(_));
    let duplicate = matches!(answer, Answer::Duplicate);
    let conflict = matches!(answer, Answer::Conflict);
    let refused = matches!(answer, Answer::Refused);
    vec![
        ("a purchase adds a lot", matches!((step, answer), (Step::Buy { .. }, Answer::Added(_)))),
        ("a recharge adds a lot", matches!((step, answer), (Step::Recharge { .. }, Answer::Added(_)))),
        ("an adjustment adds a lot", matches!((step, answer), (Step::Adjust { .. }, Answer::Added(_)))),
        ("an adjustment takes funds", matches!(answer, Answer::Taken(_))),
        ("an adjustment is refused", refused && matches!(step, Step::Adjust { .. })),
        (
            "a purchase or recharge is refused",
            refused && matches!(step, Step::Buy { .. } | Step::Recharge { .. }),
        ),
        ("auto-recharge is refused", refused && matches!(step, Step::SetAutoRecharge { .. })),
        ("funds are a duplicate", is_funds && duplicate),
        ("funds are a conflict", is_funds && conflict),
        ("settings are set", matches!(answer, Answer::Set)),
        ("a record is accepted", matches!(answer, Answer::Accepted(_))),
        ("a record is a duplicate", is_record && duplicate),
        ("a record is a conflict", is_record && conflict),
        ("a record is a conflict by its currency", {
            conflict
                && matches!(step, Step::Call(record) if record.charge.as_ref().is_some_and(|c| c.currency == "SEK"))
        }),
        ("a record is unrated", matches!(answer, Answer::Unrated)),
        ("a record is invalid", matches!(answer, Answer::Invalid)),
        ("a revision is accepted", is_revision && matches!(answer, Answer::Accepted(_))),
        ("a revision is a conflict", is_revision && conflict),
        ("a reversal is done", matches!(answer, Answer::Reversed(_))),
        ("a reversal is a duplicate", is_reversal && duplicate),
        ("a reversal finds nothing", matches!(answer, Answer::NotFound)),
        ("a sweep books something", matches!(answer, Answer::Swept(booked) if !booked.is_empty())),
    ]
}

/// Corners of the account's state.
fn accounts(seen: &Seen) -> Reached {
    let (before, after) = (&seen.before, &seen.after);
    let expired_funds = after.balance != after.available;
    let new_invoice = after.invoices.len() > before.invoices.len();
    let closed = match (&before.post_usage, &after.post_usage) {
        (Some(before), Some(after)) => before.month != after.month,
        _ => false,
    };
    let carried = before.post_usage.as_ref().map(|open| open.amount).unwrap_or_default();
    let half = Decimal::new(5, seen.minor_digits + 1);
    let twins = after.lots.windows(2).any(|lots| lots[0].expires_at == lots[1].expires_at);
    vec![
        ("a step carries an earlier instant", seen.goes_back),
        ("something is owed", after.owed > Decimal::ZERO),
        (
            "something is owed, and there are funds for late records",
            after.owed > Decimal::ZERO && expired_funds,
        ),
        ("two lots expire at one instant", twins),
        ("a recharge is wanted", after.recharge_wanted.is_some()),
        (
            "a recharge begins to be wanted",
            before.recharge_wanted.is_none() && after.recharge_wanted.is_some(),
        ),
        ("a month is invoiced", new_invoice),
        ("a month closes with an amount below zero", closed && carried < Decimal::ZERO),
        (
            "a month closes with an amount that rounds to zero",
            closed && !new_invoice && carried > Decimal::ZERO,
        ),
        ("a month closes at half a minor unit", closed && carried % (half + half) == half),
        (
            "an invoice carries something",
            new_invoice && carried != carried.trunc_with_scale(seen.minor_digits),
        ),
        (
            "the open month is below zero",
            after.post_usage.as_ref().is_some_and(|open| open.amount < Decimal::ZERO),
        ),
    ]
}

/// Corners of the switch to paying after use.
fn switches(step: &Step, seen: &Seen) -> Reached {
    let (before, after) = (&seen.before, &seen.after);
    let completed = before.post_usage.is_none() && after.post_usage.is_some();
    let charge = match &seen.answer {
        Answer::Accepted(charge) => Some(charge),
        _ => None,
    };
    let is_funds = |wanted: bool| wanted && before.switch_pending;
    vec![
        ("a switch waits for auto-recharge", !before.switch_pending && after.switch_pending),
        ("a switch is complete at once", completed && matches!(step, Step::Switch)),
        ("a switch is complete as auto-recharge is turned off", completed && matches!(step, Step::TurnOff)),
        ("a switch is complete as the card is removed", completed && matches!(step, Step::RemoveCard)),
        ("a switch moves what is owed", completed && before.owed > Decimal::ZERO),
        ("a switch leaves funds to use first", completed && after.balance > Decimal::ZERO),
        (
            "an account whose switch is pending is recharged",
            is_funds(matches!((step, &seen.answer), (Step::Recharge { .. }, Answer::Added(_)))),
        ),
        (
            "an account whose switch is pending cannot buy",
            is_funds(matches!((step, &seen.answer), (Step::Buy { .. }, Answer::Refused))),
        ),
        (
            "a call is owed while the switch is pending",
            before.switch_pending && charge.is_some_and(|charge| charge.taken.owed > Decimal::ZERO),
        ),
        ("a charge from before the switch is credited to the open month", {
            after.post_usage.is_some()
                && seen.reversed.as_ref().is_some_and(|(_, charge)| charge.taken.owed > Decimal::ZERO)
        }),
    ]
}

/// Corners of a charge: its minutes and its parts.
fn charges(seen: &Seen, charge: &Charge) -> Reached {
    let covered: u64 = charge.minutes.values().sum();
    let needed = u64::from(charge.billed_seconds.unwrap_or(0).div_ceil(60));
    let expires_at =
        |id: &String| seen.before.lots.iter().find(|lot| lot.id == *id).map(|lot| lot.expires_at);
    let is_expired = |id: &String| expires_at(id).is_some_and(|expires_at| expires_at <= seen.now);
    let from_expired = charge.taken.lots.keys().any(is_expired);
    let from_live = charge.taken.lots.keys().any(|id| !is_expired(id));
    let beyond_lots = charge.taken.owed + charge.taken.post_usage > Decimal::ZERO;
    vec![
        ("pools cover a call whole", covered > 0 && covered == needed),
        ("pools end within a call", covered > 0 && covered < needed),
        ("a call combines pools", charge.minutes.len() > 1),
        ("a call combines pools, and they end within it", charge.minutes.len() > 1 && covered < needed),
        ("a call draws on several lots", charge.taken.lots.len() > 1),
        ("a call draws on a lot that has expired", from_expired),
        ("a call draws on expired and on live lots", from_expired && from_live),
        ("a call is taken from lots and beyond", !charge.taken.lots.is_empty() && beyond_lots),
        ("a call is owed", charge.taken.owed > Decimal::ZERO),
        ("a call is post-usage", charge.taken.post_usage > Decimal::ZERO),
        (
            "a call is charged beyond lots while others' funds wait for late records",
            beyond_lots && { seen.after.lots.iter().any(|lot| lot.expires_at <= seen.now) },
        ),
    ]
}

/// Corners of a record that is accepted.
fn calls(seen: &Seen, record: &Record, charge: &Charge) -> Reached {
    let month = Month::of(record.start());
    let this_month = Month::of(seen.now);
    let pools_of = |month: Month| seen.before.pools.iter().filter(move |pool| pool.month == month);
    let grown = pools_of(month).any(|pool| {
        let twin = seen.before.pools.iter().find(|other| other.pool == pool.pool && other.month != month);
        charge.minutes.contains_key(&pool.pool) && twin.is_none_or(|other| other.size < pool.size)
    });
    let is_listed = |id: &String| {
        let of_users = |(plan, country): &(String, String)| id.starts_with(&format!("{plan}/{country}"));
        seen.listed.iter().any(of_users)
    };
    let sent = record.charge.as_ref();
    vec![
        ("a call lasts zero seconds", record.duration_seconds == 0 && sent.is_none()),
        ("a record arrives with its charge", sent.is_some_and(|sent| sent.amount > Decimal::ZERO)),
        ("a record costs nothing in a foreign currency", sent.is_some_and(|sent| sent.currency == "CHF")),
        ("a call of last month uses its pool", month == this_month.previous() && !charge.minutes.is_empty()),
        ("a call uses a pool that grew", grown),
        (
            "a call uses a pool that is not listed any more",
            charge.minutes.keys().any(|pool| !is_listed(pool)),
        ),
        ("a call of an earlier month uses no pool", month < this_month.previous() && record.plan.is_some()),
        ("a call starts after now", record.start() > seen.now),
        ("a call starts in the month after now", month > this_month),
        ("a call ends after now", record.end() > seen.now),
        (
            "increments of 30 and 6",
            charge.billed_seconds.is_some_and(|billed| billed % 60 != 0 && billed % 6 == 0),
        ),
        ("increments of 1", charge.billed_seconds.is_some_and(|billed| billed % 6 != 0)),
    ]
}

/// Corners of the file of rates.
fn rates(seen: &Seen, record: &Record) -> Reached {
    let day = record.start().to_zoned(TimeZone::UTC).date();
    let rates = seen.rates.iter().filter(|rate| rate.service == record.service);
    let (own, foreign): (Vec<&Rate>, Vec<&Rate>) = rates
        .filter(|rate| record.number[1..].starts_with(&rate.prefix))
        .partition(|rate| rate.currency != "USD");
    let (in_force, later): (Vec<&Rate>, Vec<&Rate>) =
        own.into_iter().partition(|rate| rate.effective_from <= day);
    let longest = in_force.iter().map(|rate| rate.prefix.len()).max();
    let of_longest = in_force.iter().filter(|rate| Some(rate.prefix.len()) == longest).count();
    let is_rated = record.charge.is_none() && record.duration_seconds > 0;
    let longer_later = later.iter().any(|rate| Some(rate.prefix.len()) > longest);
    vec![
        ("a call has rates of several prefixes", is_rated && in_force.len() > of_longest),
        ("a call has several rates of one prefix", is_rated && of_longest > 1),
        ("a call's rate is replaced later", is_rated && longest.is_some() && !later.is_empty()),
        ("a longer prefix comes into force after a call", is_rated && longest.is_some() && longer_later),
        ("the only rate comes into force after a call", is_rated && longest.is_none() && !later.is_empty()),
        ("the only rate is in another currency", is_rated && longest.is_none() && !foreign.is_empty()),
    ]
}

/// Corners of a record that is charged when a rate is published.
fn rated_later(seen: &Seen, rated: &Rated) -> Reached {
    let ends_of_lots = seen.before.lots.iter().filter(|lot| rated.charge.taken.lots.contains_key(&lot.id));
    let last_month = Month::of(seen.now).previous();
    let uses_minutes = !rated.charge.minutes.is_empty();
    vec![
        ("a record rated later uses minutes", uses_minutes),
        (
            "a record rated later uses last month's",
            uses_minutes && Month::of(rated.key.started_at) == last_month,
        ),
        ("a record rated later uses lots that have expired", {
            ends_of_lots.into_iter().any(|lot| lot.expires_at <= seen.now)
        }),
    ]
}

/// Corners of the 72 hours.
fn lateness(seen: &Seen, record: &Record, charge: &Charge) -> Reached {
    let limit = record.end() + LATE;
    let costs = charge.charge > Decimal::ZERO;
    let had_funds = |from: Timestamp, until: Timestamp| {
        seen.before.lots.iter().any(|lot| from < lot.expires_at && lot.expires_at <= until)
    };
    let outlived = had_funds(record.end(), seen.now);
    vec![
        ("a record arrives exactly 72 hours after the end", seen.now == limit && costs),
        ("a record arrives too late for a lot that has expired", seen.now > limit && costs && outlived),
        ("a call ended after a lot's expiry", costs && had_funds(Timestamp::MIN, record.end().min(seen.now))),
        ("a call ends after the expiry of a live lot", costs && had_funds(seen.now, record.end())),
        (
            "a call ends at a lot's expiry",
            costs && seen.before.lots.iter().any(|lot| lot.expires_at == record.end()),
        ),
    ]
}

/// Corners of a reversal.
fn reversals(seen: &Seen, reversal: &Reversal) -> Reached {
    let Some((key, charge)) = &seen.reversed else {
        return vec![("a reversal of an unrated record", reversal.was_unrated)];
    };
    let had_funds = |id: &String| seen.before.lots.iter().any(|lot| lot.id == *id);
    let is_expired =
        |id: &String| seen.after.lots.iter().any(|lot| lot.id == *id && lot.expires_at <= seen.now);
    let this_month = Month::of(seen.now);
    let is_old = Month::of(key.started_at) < this_month.previous();
    let open = seen.after.post_usage.as_ref();
    let credits_a_closed_month = open.is_some_and(|open| open.month > Month::of(key.started_at));
    let repaid = reversal.repaid > Decimal::ZERO;
    vec![
        ("a reversal gives minutes back", !reversal.minutes.is_empty()),
        ("a reversal comes too late for minutes", is_old && !charge.minutes.is_empty()),
        ("a reversal reduces what is owed", reversal.owed_back > Decimal::ZERO),
        ("a reversal adds a lot", reversal.new_lot > Decimal::ZERO),
        (
            "a reversal reduces what is owed and adds a lot",
            reversal.owed_back > Decimal::ZERO && reversal.new_lot > Decimal::ZERO,
        ),
        ("a reversal repays from lots", repaid),
        ("a reversal repays, and the rest goes back", repaid && !reversal.returned.is_empty()),
        ("a reversal repays, and the rest is forfeited", repaid && !reversal.forfeited.is_empty()),
        ("a reversal returns to an emptied lot", reversal.returned.keys().any(|id| !had_funds(id))),
        ("a reversal returns to an expired lot", reversal.returned.keys().any(is_expired)),
        ("a reversal returns to several lots", reversal.returned.len() > 1),
        ("a reversal forfeits", !reversal.forfeited.is_empty()),
        ("a reversal forfeits, and returns", !reversal.forfeited.is_empty() && !reversal.returned.is_empty()),
        ("a reversal forfeits from several lots", reversal.forfeited.len() > 1),
        ("a reversal credits the open month", reversal.post_usage > Decimal::ZERO),
        (
            "a reversal of a closed month credits the open one",
            reversal.post_usage > Decimal::ZERO && credits_a_closed_month,
        ),
        ("a reversal of a record that was rated later", seen.rated_later && open.is_none()),
        ("a reversal of a record that was rated later (post-usage)", seen.rated_later && open.is_some()),
        ("a reversal of a revision", key.revision > 1),
    ]
}
