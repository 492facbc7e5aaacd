//! The usage report: what the calls of a period came to, by one dimension.

use api::csv::{text_cell, written};
use api::problem::both;
use api::{Problem, Reply, Request, Role};
use contract::names::DimensionName;
use contract::{Code, UsageFigures, UsageGroup, UsageReport};
use domain::changed_days::Days;
use domain::time::{Month, day_of, in_range};
use domain::usage_report::{Dimension, Ranked, ranked};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::Timed;
use crate::totals::{self, Totals};

/// The roles that may read a report.
const READERS: [Role; 3] = [Role::Operator, Role::Admin, Role::Viewer];

/// A period has at most this many days: a leap year.
const MOST_DAYS: usize = 366;

/// A report has at most this many groups, so that its JSON is far below Lambda's 6 MB.
const MOST_GROUPS: usize = 10_000;

/// Seconds after which a caller repeats a request that left days pending.
const RETRY_AFTER_SECONDS: u32 = 1;

/// The columns of a report.
const COLUMNS: [&str; 7] = ["row", "key", "calls", "minutes", "billedMinutes", "includedMinutes", "charge"];

/// Report usage by a dimension
///
/// The report counts the calls that started in a period of at most 366 days (UTC). A reversed call does not count. A call
/// without a rate counts with its duration, without a charge, a destination or a country. The groups with the greatest charges
/// come first; `top=10` gives the ten greatest, and all others together.
///
/// The totals of past days are stored, and a report reads them. It totals days from the journal that are new or have changed
/// since, as far as the time of a request goes: about 100,000 calls. Days that it does not reach are not counted, and are listed in
/// `pending`. Send the same request again after `Retry-After` seconds until there are none; it goes on where it stopped.
///
/// With `Accept: text/csv` the report is CSV in UTF-8 with a byte order mark. Its column `row` is `group`, `others` or
/// `pending`, so that the figures of all rows sum up to the total. A key that a spreadsheet would take for a number, a date or a
/// formula is written as `="text"`, with its quotes doubled. If it is longer than 127 characters, it is written in parts that are
/// joined by `&`.
///
/// For operator, admin and viewer.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/usage",
    operation_id = "reportUsage",
    tag = "Usage",
    params(
        ("id" = String, Path, description = "The account"),
        ("month" = Option<String>, Query, nullable = false, pattern = "^[2-8][0-9]{3}-(0[1-9]|1[0-2])$", description = "The month (UTC); this month if neither it nor `from` and `to` are given"),
        ("from" = Option<Date>, Query, nullable = false, description = "The first day of the period; needs `to`, and is not allowed with `month`"),
        ("to" = Option<Date>, Query, nullable = false, description = "The day after the last day of the period; needs `from`"),
        ("groupBy" = Option<DimensionName>, Query, nullable = false, description = "The dimension; `day` by default. `country` is that of the destination"),
        ("top" = Option<u16>, Query, nullable = false, minimum = 1, maximum = 10_000, description = "The number of groups; 10,000 by default"),
    ),
    responses(
        (status = 200, description = "The report", content(
            (UsageReport = "application/json"),
            (String = "text/csv"),
        ), headers(("Retry-After" = u32, description = "Seconds after which to send the same request again; only where days are pending"))),
        (status = 422, description = "A parameter is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn report(request: &Request, Timed { ports, until }: Timed<'_>) -> Result<Reply, Problem> {
    let id = request.account(&READERS)?;
    let (days, (dimension, top)) = both(period(request), both(dimension(request), top(request)))?;
    let totals = totals::of_period(&ports.store, &id, days, dimension, request.now(), until).await?;
    let Totals { account, groups, pending } = totals.ok_or(Problem::NoAccount)?;
    let Ranked { groups, others, total } = ranked(groups, account.currency, top);
    let report = UsageReport {
        as_of: account.as_of.into(),
        from: days.first,
        to: days.last.tomorrow().expect("days are of the years 2000 to 9000"),
        group_by: dimension.as_str().to_owned(),
        currency: account.currency.code().to_owned(),
        groups: groups.iter().map(|(key, figures)| UsageGroup::of(key.as_deref(), figures)).collect(),
        others: others.as_ref().map(UsageFigures::from),
        total: (&total).into(),
        pending,
    };
    let as_csv = request.header("accept").is_some_and(|accept| accept.starts_with("text/csv"));
    let reply = if as_csv { csv(&report, dimension)? } else { Reply::json(200, &report) };
    let is_whole = report.pending.is_empty();
    Ok(if is_whole { reply } else { reply.with_header("retry-after", &RETRY_AFTER_SECONDS.to_string()) })
}

/// The days that a request asks for.
fn period(request: &Request) -> Result<Days, Problem> {
    let (month, (from, to)) = both(month(request), both(date(request, "from"), date(request, "to")))?;
    match (month, from, to) {
        (None, Some(from), Some(to)) => days_between(from, to),
        (month, None, None) => Ok(days_of(month.unwrap_or_else(|| Month::of(request.now())))),
        (None, None, Some(_)) => {
            Err(Problem::field("from", Code::Missing, "expected a day, since there is a to"))
        }
        (None, Some(_), None) => {
            Err(Problem::field("to", Code::Missing, "expected a day, since there is a from"))
        }
        (Some(_), ..) => Err(Problem::field("month", Code::NotAllowed, "expected none with from and to")),
    }
}

fn month(request: &Request) -> Result<Option<Month>, Problem> {
    let wrong = || Problem::field("month", Code::WrongFormat, "expected a month such as 2026-11");
    request.query("month").map(|text| Month::parse(text).ok_or_else(wrong)).transpose()
}

fn date(request: &Request, name: &str) -> Result<Option<Date>, Problem> {
    let expected = "expected a day such as 2026-11-22";
    // The parser of dates takes other forms as well, such as one with a time.
    let parse = |text: &str| text.parse::<Date>().ok().filter(|_| text.len() == "2026-11-22".len());
    let Some(text) = request.query(name) else { return Ok(None) };
    let date = parse(text).ok_or_else(|| Problem::field(name, Code::WrongFormat, expected))?;
    let is_kept = date.to_zoned(TimeZone::UTC).is_ok_and(|zoned| in_range(zoned.timestamp()));
    let expected = format!("{expected}, of the years 2000 to 9000");
    if is_kept { Ok(Some(date)) } else { Err(Problem::field(name, Code::OutOfRange, expected)) }
}

fn days_between(from: Date, to: Date) -> Result<Days, Problem> {
    let last = to.yesterday().expect("the day is after the year 1999");
    let days = Days { first: from, last };
    if from > last || days.iter().nth(MOST_DAYS).is_some() {
        let expected = format!("expected a day after from, and at most {MOST_DAYS} days after it");
        return Err(Problem::field("to", Code::OutOfRange, expected));
    }
    Ok(days)
}

fn days_of(month: Month) -> Days {
    let first = day_of(month.start());
    Days { first, last: first.last_of_month() }
}

fn dimension(request: &Request) -> Result<Dimension, Problem> {
    let unknown = || {
        let names = Dimension::ALL.map(Dimension::as_str).join(", ");
        Problem::field("groupBy", Code::NotAllowed, format!("expected one of {names}"))
    };
    request.query("groupBy").map_or(Ok(Dimension::Day), |name| Dimension::parse(name).ok_or_else(unknown))
}

fn top(request: &Request) -> Result<usize, Problem> {
    let expected = format!("a number from 1 to {MOST_GROUPS}");
    let top = request.query_as("top", &expected)?.unwrap_or(MOST_GROUPS);
    let wrong = || Problem::field("top", Code::OutOfRange, format!("expected {expected}"));
    if (1..=MOST_GROUPS).contains(&top) { Ok(top) } else { Err(wrong()) }
}

/// The report as CSV. Days, services and countries are names that the service forms; other keys were sent by a caller.
fn csv(report: &UsageReport, dimension: Dimension) -> Result<Reply, Problem> {
    let is_formed = matches!(dimension, Dimension::Day | Dimension::Service | Dimension::Country);
    let shown = |key: &String| if is_formed { key.clone() } else { text_cell(key) };
    let groups = report.groups.iter().map(|group| {
        let key = group.key.as_ref().map(shown).unwrap_or_default();
        cells("group", key, Some(&group.figures))
    });
    let others = report.others.iter().map(|figures| cells("others", String::new(), Some(figures)));
    let pending = report.pending.iter().map(|day| cells("pending", day.to_string(), None));
    written(COLUMNS, groups.chain(others).chain(pending))
}

fn cells(row: &str, key: String, figures: Option<&UsageFigures>) -> [String; 7] {
    let cell = |of: fn(&UsageFigures) -> String| figures.map(of).unwrap_or_default();
    [
        row.to_owned(),
        key,
        cell(|figures| figures.calls.to_string()),
        cell(|figures| figures.minutes.clone()),
        cell(|figures| figures.billed_minutes.clone()),
        cell(|figures| figures.included_minutes.to_string()),
        cell(|figures| figures.charge.clone()),
    ]
}
