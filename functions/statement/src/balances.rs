//! Reads the balance at the end of past days (T2).
//!
//! A stored end of a day answers for its day and for all days after it without a change. For the day of the account's last
//! change and for all later days, the account itself answers.

use api::{Problem, Reply, Request};
use contract::{BalanceAt, Balances, Code, DayBalance};
use domain::Account;
use domain::account::DayEnd;
use domain::time::{Days, day_of};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::{Ports, READERS};

/// A period has at most this many days, which are thirteen months and some days.
pub(crate) const LONGEST_PERIOD: i32 = 400;

/// Read the balance at the end of a day
///
/// The day is in UTC. For today, the answer is the balance now.
///
/// For operator, admin and viewer.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/balance",
    operation_id = "getBalance",
    tag = "Statements",
    params(
        ("id" = String, Path, description = "The account"),
        ("at" = Date, Query, description = "The day, from the account's creation to today"),
    ),
    responses(
        (status = 200, description = "The account at the end of the day", body = BalanceAt),
        (status = 422, description = "`at` is no day, lies in the future, or before the account was created", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn balance(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&READERS)?;
    let date = day(request, "at")?;
    let account = ports.store.account(&id).await?.ok_or(Problem::NoAccount)?;
    let now = now_of(request, &account);
    is_over_or_today("at", date, now)?;
    exists("at", date, &account)?;
    let end = end_of(ports, &account, date, "at").await?;
    Ok(Reply::json(200, &BalanceAt::show(&end, date, now)))
}

/// List balances by day
///
/// The answer has the balance at the end of each day, in UTC, and what moved it on the day: what was spent, what was added, what
/// expired, and other changes. For today it is the balance now. Days before the account was created are left out.
///
/// For operator, admin and viewer.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/balances",
    operation_id = "listBalances",
    tag = "Statements",
    params(
        ("id" = String, Path, description = "The account"),
        ("from" = Date, Query, description = "The first day"),
        ("to" = Date, Query, description = "The last day, at most today and 399 days after the first"),
    ),
    responses(
        (status = 200, description = "The balance of each day", body = Balances),
        (status = 422, description = "A parameter is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn balances(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&READERS)?;
    let days = period(request)?;
    let account = ports.store.account(&id).await?.ok_or(Problem::NoAccount)?;
    let now = now_of(request, &account);
    is_over_or_today("to", days.last(), now)?;
    exists("to", days.last(), &account)?;

    let first = days.first().max(day_of(account.created_at));
    let mut by_day = ByDay { days: Vec::new(), next: first, now };
    let mut current = end_of(ports, &account, first, "from").await?;
    let days = Days::between(first, days.last()).expect("the account existed on the last day");
    let mut after = None;
    loop {
        let (ends, next) = ports.store.day_ends(&id, days, after).await?;
        for end in ends {
            by_day.carry(&current, end.day);
            current = end;
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    // A commit since the account was read may have stored the end of the same day, which is newer.
    let latest = DayEnd::of(&account);
    if latest.day <= days.last() && latest.version > current.version {
        by_day.carry(&current, latest.day);
        current = latest;
    }
    by_day.carry(&current, days.last().tomorrow().expect("the day after a kept day exists"));
    Ok(Reply::json(200, &Balances { days: by_day.days }))
}

/// The balances of the days so far.
struct ByDay {
    days: Vec<DayBalance>,
    next: Date,
    now: Timestamp,
}

impl ByDay {
    /// Gives the days up to another one, which is left out, the balance that the account had since an earlier day. Nothing moved it
    /// since.
    fn carry(&mut self, end: &DayEnd, until: Date) {
        while self.next < until {
            self.days.push(DayBalance::show(end, self.next, self.now));
            self.next = self.next.tomorrow().expect("the day after a kept day exists");
        }
    }
}

/// The account at the end of a day that is not before its creation. `field` is the parameter that gave the day.
pub(crate) async fn end_of(
    ports: &Ports,
    account: &Account,
    day: Date,
    field: &'static str,
) -> Result<DayEnd, Problem> {
    let latest = DayEnd::of(account);
    if day >= latest.day {
        return Ok(latest);
    }
    // Earlier versions stored no ends of days.
    let not_kept = || {
        let expected = "expected a later day: the balances of this day were not kept";
        Problem::field(field, Code::OutOfRange, expected)
    };
    ports.store.day_end_at_or_before(&account.id, day).await?.ok_or_else(not_kept)
}

/// The parameters `from` and `to`: a first and a last day.
pub(crate) fn period(request: &Request) -> Result<Days, Problem> {
    let (from, to) = api::problem::both(day(request, "from"), day(request, "to"))?;
    let wrong = |expected: String| Problem::field("to", Code::OutOfRange, expected);
    let days = Days::between(from, to).ok_or_else(|| wrong("expected a day on or after from".to_owned()))?;
    if days.count() > LONGEST_PERIOD {
        return Err(wrong(format!("expected a period of at most {LONGEST_PERIOD} days")));
    }
    Ok(days)
}

fn day(request: &Request, field: &'static str) -> Result<Date, Problem> {
    let missing = || Problem::field(field, Code::Missing, "expected a day such as 2026-11-22");
    request.query_day(field)?.ok_or_else(missing)
}

/// The instant of the request, but never earlier than the account's last change (T1).
pub(crate) fn now_of(request: &Request, account: &Account) -> Timestamp {
    request.now().max(account.as_of)
}

/// Refuses a day in the future.
pub(crate) fn is_over_or_today(field: &'static str, day: Date, now: Timestamp) -> Result<(), Problem> {
    let today = day_of(now);
    if day <= today {
        return Ok(());
    }
    Err(Problem::field(field, Code::OutOfRange, format!("expected today, {today}, or an earlier day")))
}

/// Refuses a day before the account was created.
pub(crate) fn exists(field: &'static str, day: Date, account: &Account) -> Result<(), Problem> {
    let created = day_of(account.created_at);
    if day >= created {
        return Ok(());
    }
    let expected = format!("expected {created}, the day on which the account was created, or a later day");
    Err(Problem::field(field, Code::OutOfRange, expected))
}
