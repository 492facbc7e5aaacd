//! The corners of the rules that the generator must reach, and how often it does.

use std::collections::BTreeMap;
use std::fmt;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use model::{
    Answer, CallRequest, Charge, HoldName, Leg, LiveHold, Month, NamedHold, Rate, Rated, Record, Refusal,
    ReleasedHolds, Reversal, Step,
};
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
        corners.extend(authorizations(step, seen));
        corners.extend(ends_of_holds(step, seen));
        corners.extend(limits(step, seen));
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
        ("a step happens as a hold lapses", seen.lapses_now),
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

/// The hold of this leg.
fn hold_of<'a>(holds: &'a [LiveHold], leg: &Leg) -> Option<&'a LiveHold> {
    let is_of_leg =
        |hold: &&LiveHold| (&hold.call, hold.service, &hold.number) == (&leg.call, leg.service, &leg.number);
    holds.iter().find(is_of_leg)
}

/// Corners of authorizations and extensions.
fn authorizations(step: &Step, seen: &Seen) -> Reached {
    let (leg, max, node) = match step {
        Step::Authorize(request) => (&request.leg, request.max_seconds, request.node.as_ref()),
        Step::Extend { hold, max_seconds } => (&hold.leg, *max_seconds, None),
        _ => return Vec::new(),
    };
    let Answer::Authorized(answer) = &seen.answer else {
        return vec![("an extension finds no hold", matches!(step, Step::Extend { .. }))];
    };
    let (before, after) = (hold_of(&seen.before.holds, leg), hold_of(&seen.after.holds, leg));
    let is_extension = before.is_some();
    let is_allowed = answer.refusal.is_none();
    let is_new = !is_extension && answer.hold.is_some();
    let is_longer = before.is_some_and(|before| before.granted_seconds < answer.granted_seconds);
    let moved = before.is_some_and(|before| after.is_some_and(|after| after.node != before.node));
    let refused = |refusal| answer.refusal == Some(refusal);
    let held: u64 = after.into_iter().flat_map(|hold| hold.minutes.values()).sum();
    let amount = after.map(|hold| hold.amount).unwrap_or_default();
    let lapse = after.map(|hold| hold.lapses_at.duration_since(seen.now));
    let last_month = before.is_some_and(|before| Month::of(before.authorized_at) < Month::of(seen.now));
    let mut corners = vec![
        ("a call is authorized", is_new),
        ("a leg gets a second hold", is_new && answer.hold > Some(1)),
        ("a call is granted all it asks for", is_new && answer.granted_seconds == max),
        ("a call is granted less than it asks for", is_new && answer.granted_seconds < max),
        ("a call gets less than its maximum less the margin", is_new && answer.granted_seconds + 60 < max),
        ("a call needs no hold", is_allowed && answer.hold.is_none() && seen.before.post_usage.is_none()),
        (
            "a post-usage call needs no hold",
            is_allowed && answer.hold.is_none() && seen.before.post_usage.is_some(),
        ),
        ("a post-usage call has a hold", is_new && seen.before.post_usage.is_some()),
        ("a call has no rate", refused(Refusal::NoRate) && !is_extension),
        ("funds do not pay for a call", refused(Refusal::InsufficientFunds) && !is_extension),
        ("minutes are held and no funds", is_new && held > 0 && amount.is_zero()),
        ("minutes and funds are held", is_new && held > 0 && !amount.is_zero()),
        ("minutes pay for a call although nothing is spendable", {
            is_new && seen.before.available - seen.before.held < Decimal::ZERO
        }),
        ("minutes of several pools are held", is_new && after.is_some_and(|hold| hold.minutes.len() > 1)),
        ("a lot expires before the longest call ends", {
            let end = seen.now + SignedDuration::from_secs(i64::from(max));
            let granted = seen.now + SignedDuration::from_secs(i64::from(answer.granted_seconds));
            let expires = |lot: &model::LotFunds| granted < lot.expires_at && lot.expires_at <= end;
            is_new && seen.before.lots.iter().any(expires)
        }),
        (
            "a lapse is rounded up to an hour",
            lapse.is_some_and(|lapse| lapse > SignedDuration::from_mins(125)),
        ),
        ("an authorization closes a month", is_new && seen.before.post_usage != seen.after.post_usage),
        ("a slow switch authorizes a call", is_new && seen.goes_back),
    ];
    if is_extension {
        corners.extend([
            ("a call is extended", is_allowed && is_longer),
            ("a call is extended by less than it asks for", is_longer && answer.granted_seconds + 60 < max),
            ("a lot expires before the longest extended call ends", {
                let start = before.map_or(seen.now, |before| before.authorized_at);
                let end = start + SignedDuration::from_secs(i64::from(max));
                let granted = start + SignedDuration::from_secs(i64::from(answer.granted_seconds));
                let expires = |lot: &model::LotFunds| granted < lot.expires_at && lot.expires_at <= end;
                is_longer && seen.before.lots.iter().any(expires)
            }),
            ("a call is asked for again", is_allowed && !is_longer),
            ("a call is extended that began in the month before", is_longer && last_month),
            ("funds do not pay for an extension", refused(Refusal::InsufficientFunds)),
            ("a call has no rate any more", refused(Refusal::NoRate)),
            ("a slow switch extends a call", is_longer && seen.goes_back),
            ("a call moves to another switch", moved),
            ("a call moves to another switch and is refused", moved && !is_allowed),
            ("another user asks about a leg", {
                let user = before.and_then(|before| before.user.as_ref());
                matches!(step, Step::Authorize(request) if node.is_some() && request.user.as_ref() != user)
            }),
        ]);
    }
    corners
}

/// Corners of debits and releases, which end holds, and of lapses.
fn ends_of_holds(step: &Step, seen: &Seen) -> Reached {
    if let Step::Release(which) = step {
        let Answer::Released(released) = seen.answer else { return Vec::new() };
        return vec![
            ("a hold is released", matches!(which, ReleasedHolds::One(_)) && released == 1),
            ("a call's holds are released", matches!(which, ReleasedHolds::OfCall(_)) && released > 0),
            (
                "several legs of a call are released",
                matches!(which, ReleasedHolds::OfCall(_)) && released > 1,
            ),
            ("a switch's holds are released", matches!(which, ReleasedHolds::OfNode(_)) && released > 0),
            ("a release finds nothing", released == 0),
        ];
    }
    let Step::Call(record) = step else { return Vec::new() };
    let is_kept = matches!(seen.answer, Answer::Accepted(_) | Answer::Unrated);
    let ended = seen.before.holds.len() - seen.after.holds.len();
    let named = match &record.hold {
        Some(NamedHold::Id(name)) => Some(name),
        _ => None,
    };
    let by_call = record.hold.is_none() && record.call.is_some();
    let call = record.call.clone().unwrap_or_default();
    let leg = Leg { call, service: record.service, number: record.number.clone() };
    let of_leg = hold_of(&seen.before.holds, named.map_or(&leg, |name| &name.leg));
    let is_live = of_leg.is_some_and(|hold| named.is_none_or(|name| name.nth <= hold.nth));
    let charge = match &seen.answer {
        Answer::Accepted(charge) => charge.charge,
        _ => Decimal::ZERO,
    };
    let ended_of_other_leg = named.is_some_and(|name| ended > 0 && name.leg != leg && record.call.is_some());
    let was_released = |name: &HoldName| seen.released.contains(&(name.leg.clone(), name.nth));
    let has_lapsed = |name: &HoldName| seen.lapsed.contains(&(name.leg.clone(), name.nth));
    let held_elsewhere = |pool: &String| seen.after.holds.iter().any(|hold| hold.minutes.contains_key(pool));
    vec![
        ("a debit ends a hold by its id", named.is_some() && ended == 1),
        ("a debit ends a hold by its call", by_call && ended == 1),
        ("an unrated record ends a hold", ended == 1 && matches!(seen.answer, Answer::Unrated)),
        ("a debit costs more than its hold", ended == 1 && of_leg.is_some_and(|hold| hold.amount < charge)),
        ("a debit names a hold of another leg", ended_of_other_leg),
        ("a debit names a hold that has ended", {
            is_kept && named.is_some_and(|name| name.nth < 999) && !is_live && of_leg.is_none()
        }),
        ("a debit names a hold that was released", is_kept && named.is_some_and(was_released)),
        ("a debit names a hold that has lapsed", is_kept && named.is_some_and(has_lapsed)),
        ("a debit names an earlier hold of a leg with a live one", {
            is_kept && of_leg.zip(named).is_some_and(|(hold, name)| name.nth < hold.nth)
        }),
        ("a debit names a hold that never was", is_kept && named.is_some_and(|name| name.nth == 999)),
        ("a debit has a foreign id, and its leg a hold", {
            is_kept && matches!(record.hold, Some(NamedHold::Foreign(_))) && ended == 1
        }),
        ("an invalid record names a live hold", is_live && matches!(seen.answer, Answer::Invalid)),
        ("a duplicate names a live hold", is_live && matches!(seen.answer, Answer::Duplicate)),
        ("a debit of another number has the call of a live hold", {
            is_kept
                && by_call
                && ended == 0
                && seen.before.holds.iter().any(|hold| Some(&hold.call) == record.call.as_ref())
        }),
        ("a debit uses minutes of a pool that holds bind", {
            matches!(&seen.answer, Answer::Accepted(charge) if charge.minutes.keys().any(held_elsewhere))
        }),
    ]
}

/// Corners of limits.
fn limits(step: &Step, seen: &Seen) -> Reached {
    let (before, after) = (&seen.before, &seen.after);
    let by_user = |snapshot: &model::Snapshot| -> Decimal { snapshot.spent_by_user.values().sum() };
    let charged = matches!(seen.answer, Answer::Accepted(_) | Answer::Rated(_));
    let (today, yesterday) = (after.spent_today.unwrap_or_default(), before.spent_today.unwrap_or_default());
    let is_reversal = matches!(seen.answer, Answer::Reversed(_));
    let costs = seen.reversed.as_ref().is_some_and(|(_, charge)| charge.charge > Decimal::ZERO);
    let has_limit = seen.limits.per_user.is_some() || seen.limits.per_day.is_some();
    let refused_leg = match (step, &seen.answer) {
        (
            Step::Authorize(CallRequest { leg, .. }) | Step::Extend { hold: HoldName { leg, .. }, .. },
            Answer::Authorized(answer),
        ) if answer.refusal == Some(Refusal::LimitReached) => Some(leg),
        _ => None,
    };
    let is_extension = refused_leg.is_some_and(|leg| hold_of(&before.holds, leg).is_some());
    let refused = refused_leg.is_some();
    let only = |of: bool, other: bool| refused && of && !other;
    let (users, day) = (seen.limits.per_user.is_some(), seen.limits.per_day.is_some());
    vec![
        ("a limit of users counts a charge", charged && by_user(before) < by_user(after)),
        ("a limit of the day counts a charge", charged && yesterday < today),
        (
            "a charge passes the limit of the day",
            charged && seen.limits.per_day.is_some_and(|limit| limit < today),
        ),
        ("a limit of users is reached", only(users, day)),
        ("a limit of the day is reached", only(day, users)),
        ("a limit is reached by what is held", {
            let spent = by_user(before).is_zero() && yesterday.is_zero();
            refused && spent && before.held > Decimal::ZERO
        }),
        ("a limit refuses an extension", is_extension),
        ("a limit refuses a post-usage call", refused && before.post_usage.is_some()),
        ("a reversal frees a limit of users", is_reversal && by_user(after) < by_user(before)),
        ("a reversal frees the limit of the day", is_reversal && today < yesterday),
        ("a reversal comes too late for a limit, or before it counted", {
            is_reversal && costs && has_limit && by_user(after) == by_user(before) && today == yesterday
        }),
        ("a limit is set while users have holds", {
            matches!(step, Step::SetLimits(new) if new.per_user.is_some() && !users)
                && before.holds.iter().any(|hold| hold.user.is_some())
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
