//! "Usage": the calls of a month by user, destination, day and further dimensions.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use contract::{UsageFigures, UsageGroup, UsageReport};
use domain::time::Month;
use domain::{Locale, Service};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Deserialize;
use wording::glossary;

use crate::Portal;
use crate::failure::Failure;
use crate::figures;
use crate::frame::{Frame, Notice, Place, Tone};
use crate::pages::transactions::file_name;
use crate::session::Visit;
use crate::words::UsageWords;

/// Rows of the table; all others are summed up.
const TOP: &str = "50";

/// Days of a month at most, which are never summed up.
const ALL_DAYS: &str = "31";

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/accounts/{id}/usage", get(show)).route("/accounts/{id}/usage.csv", get(csv))
}

/// A dimension of reports.
#[derive(Clone, Copy, Debug)]
struct Dimension {
    name: &'static str,
    tab: fn(UsageWords) -> String,
    column: fn(UsageWords) -> String,
}

const DIMENSIONS: [Dimension; 7] = [
    Dimension { name: "user", tab: UsageWords::by_user, column: UsageWords::user },
    Dimension { name: "destination", tab: UsageWords::by_destination, column: UsageWords::destination },
    Dimension { name: "country", tab: UsageWords::by_country, column: UsageWords::country },
    Dimension { name: "service", tab: UsageWords::by_service, column: UsageWords::service },
    Dimension { name: "plan", tab: UsageWords::by_plan, column: UsageWords::plan },
    Dimension { name: "costCentre", tab: UsageWords::by_cost_centre, column: UsageWords::cost_centre },
    Dimension { name: "day", tab: UsageWords::by_day, column: UsageWords::day },
];

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Asked {
    month: String,
    group_by: String,
}

impl Default for Asked {
    fn default() -> Self {
        Self { month: String::new(), group_by: DIMENSIONS[0].name.to_owned() }
    }
}

impl Asked {
    fn dimension(&self) -> Dimension {
        let named = DIMENSIONS.into_iter().find(|dimension| dimension.name == self.group_by);
        named.unwrap_or(DIMENSIONS[0])
    }

    /// The month that was asked for, if it has begun.
    fn month(&self, this_month: Month) -> Option<Month> {
        let asked = if self.month.is_empty() { Some(this_month) } else { Month::parse(&self.month) };
        asked.filter(|month| *month <= this_month)
    }
}

#[derive(Template)]
#[template(path = "usage.html")]
struct Page {
    frame: Frame,
    t: UsageWords,
    heading: String,
    total: String,
    tabs: Vec<(String, String, bool)>,
    months: Vec<(String, String)>,
    column: String,
    rows: Vec<Row>,
    csv: String,
    currency: String,
    none: String,
    /// Bars of the days: left edge, height from the bottom, and the text of each.
    bars: Vec<Bar>,
    chart_title: String,
}

struct Row {
    key: String,
    is_name: bool,
    calls: String,
    minutes: String,
    covered: String,
    charge: String,
    /// The share of the total charge in per cent.
    share: u32,
}

struct Bar {
    x: u32,
    y: u32,
    height: u32,
    label: String,
}

/// The size of the chart, in its own units.
const CHART_HEIGHT: u32 = 120;
const BAR_STEP: u32 = 20;

async fn show(visit: Visit, Path(id): Path<String>, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let t = UsageWords(visit.locale);
    let this_month = Month::of(visit.now);
    let asked_month = asked.month(this_month);
    let month = asked_month.unwrap_or(this_month);
    let dimension = asked.dimension();
    let is_by_day = dimension.name == "day";
    let report = visit
        .api()
        .get(&["accounts", &id, "usage"])
        .query("month", &month.to_string())
        .query("groupBy", dimension.name)
        .query("top", if is_by_day { ALL_DAYS } else { TOP });
    let (account, report) = tokio::try_join!(visit.api().account(&id), report.answer::<UsageReport>())?;

    let here = format!("/accounts/{}/usage", account.account_id);
    let address =
        |month: Month, dimension: Dimension| format!("{here}?month={month}&groupBy={}", dimension.name);
    let named = |month| wording::month(month, visit.locale);
    let mut months = vec![(t.previous(named(month.previous())), address(month.previous(), dimension))];
    if month < this_month {
        // A month ends where the next one begins.
        let next = Month::of(month.end());
        months.push((t.next(named(next)), address(next, dimension)));
    }
    let mut groups: Vec<_> = report.groups.iter().collect();
    if is_by_day {
        // The report has the greatest charge first.
        groups.sort_by_key(|group| group.key.as_deref());
    }
    let mut rows: Vec<_> = groups.into_iter().map(|group| row(group, dimension, &report, t)).collect();
    rows.extend(report.others.as_ref().map(|others| figures_row(t.others(), false, others, &report, t.0)));
    let bars = if is_by_day { bars(&report, visit.locale) } else { Vec::new() };
    let notice = if asked_month.is_none() {
        Some(Notice::new(Tone::Bad, t.not_a_month(), String::new()))
    } else if report.pending.is_empty() {
        None
    } else {
        Some(Notice::new(Tone::Info, t.pending(), String::new()))
    };
    let page = Page {
        t,
        heading: t.heading(named(month)),
        total: total(&report, t),
        tabs: DIMENSIONS
            .iter()
            .map(|each| ((each.tab)(t), address(month, *each), each.name == dimension.name))
            .collect(),
        months,
        column: (dimension.column)(t),
        rows,
        csv: format!("/accounts/{}/usage.csv?month={month}&groupBy={}", account.account_id, dimension.name),
        currency: report.currency.clone(),
        none: t.none(named(month)),
        bars,
        chart_title: t.chart(named(month)),
        frame: visit.frame_of(&account, t.title().to_owned(), Place::Usage).noticing(notice),
    };
    let status = if asked_month.is_some() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, crate::frame::show(&page)).into_response())
}

/// The charge, the calls and the minutes of all groups.
fn total(report: &UsageReport, t: UsageWords) -> String {
    let total = &report.total;
    let calls = wording::count(total.calls, t.0);
    let calls =
        if figures::is_singular(total.calls, t.0) { t.count_call(calls) } else { t.count_calls(calls) };
    let is_one = total.minutes.parse::<Decimal>().is_ok_and(|minutes| figures::is_singular(minutes, t.0));
    let minutes = figures::decimal(&total.minutes, t.0);
    let minutes = if is_one { t.count_minute(minutes) } else { t.count_minutes(minutes) };
    t.total(figures::amount(&total.charge, &report.currency, t.0), calls, minutes)
}

fn row(group: &UsageGroup, dimension: Dimension, report: &UsageReport, t: UsageWords) -> Row {
    let is_name = matches!(dimension.name, "user" | "costCentre" | "plan");
    let key = match (group.key.as_deref(), dimension.name) {
        (None, "plan") => t.without_plan(),
        (None, _) => t.not_given(),
        (Some(key), "service") => {
            Service::parse(key).map_or(key, |service| glossary::service(service, t.0)).to_owned()
        }
        (Some(key), "country") => wording::country(key, t.0).to_owned(),
        (Some(key), "destination") => wording::destination(key, t.0),
        (Some(key), "day") => key.parse().map_or_else(|_| key.to_owned(), |day| wording::day(day, t.0)),
        (Some(key), _) => key.to_owned(),
    };
    figures_row(key, is_name, &group.figures, report, t.0)
}

fn figures_row(
    key: String,
    is_name: bool,
    figures: &UsageFigures,
    report: &UsageReport,
    locale: Locale,
) -> Row {
    Row {
        key,
        is_name,
        calls: wording::count(figures.calls, locale),
        minutes: figures::decimal(&figures.minutes, locale),
        covered: wording::count(figures.included_minutes, locale),
        charge: figures::exact(&figures.charge, &report.currency, locale),
        share: share(&figures.charge, &report.total.charge),
    }
}

/// The part of the whole in per cent, rounded.
fn share(part: &str, whole: &str) -> u32 {
    let (Ok(part), Ok(whole)) = (part.parse::<Decimal>(), whole.parse::<Decimal>()) else { return 0 };
    if whole.is_zero() {
        return 0;
    }
    (part * Decimal::ONE_HUNDRED / whole).round().to_u32().unwrap_or_default().min(100)
}

/// A bar for each day that has calls, as high as its charge is to the greatest of a day.
fn bars(report: &UsageReport, locale: Locale) -> Vec<Bar> {
    let charge = |group: &UsageGroup| group.figures.charge.parse::<Decimal>().unwrap_or_default();
    let greatest = report.groups.iter().map(charge).max().filter(|greatest| !greatest.is_zero());
    let Some(greatest) = greatest else { return Vec::new() };
    let days = report.groups.iter().filter_map(|group| {
        let day: jiff::civil::Date = group.key.as_deref()?.parse().ok()?;
        let height = (charge(group) * Decimal::from(CHART_HEIGHT) / greatest).ceil().to_u32()?;
        let label = format!(
            "{}: {}",
            wording::day(day, locale),
            figures::amount(&group.figures.charge, &report.currency, locale)
        );
        let x = u32::from(day.day().unsigned_abs() - 1) * BAR_STEP;
        Some(Bar { x, y: CHART_HEIGHT - height, height, label })
    });
    let mut bars: Vec<_> = days.collect();
    bars.sort_by_key(|bar| bar.x);
    bars
}

/// The report as a file.
async fn csv(visit: Visit, Path(id): Path<String>, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let month = asked.month(Month::of(visit.now)).ok_or(Failure::NotFound)?;
    let dimension = asked.dimension().name;
    let call = visit.api().get(&["accounts", &id, "usage"]);
    let call = call.query("month", &month.to_string()).query("groupBy", dimension);
    let document = call.document("text/csv").await?;
    let name = format!("usage-{}-{month}-{dimension}.csv", file_name(&id));
    Ok(document.into_file("attachment", &name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_to_come_is_none() {
        let this_month = Month::parse("2026-11").unwrap();
        let month = |month: &str| {
            Asked { month: month.into(), ..Asked::default() }.month(this_month).map(|month| month.to_string())
        };
        assert_eq!(month("").as_deref(), Some("2026-11"));
        assert_eq!(month("2025-12").as_deref(), Some("2025-12"));
        assert_eq!(month("2026-12"), None);
        assert_eq!(month("November"), None);
    }

    #[test]
    fn shares_are_of_the_whole() {
        for (part, whole, expected) in
            [("0.0000", "0.0000", 0), ("1.0000", "3.0000", 33), ("2.0000", "3.0000", 67), ("3", "3", 100)]
        {
            assert_eq!(share(part, whole), expected, "{part} {whole}");
        }
    }
}
