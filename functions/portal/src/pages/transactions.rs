//! "Transactions": every change of the balance, with its reason to the last decimal.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use contract::{Account, Transaction, Transactions, Why};
use domain::{EntryKind, Locale};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;
use wording::glossary;

use crate::Portal;
use crate::api::{ApiError, Call, Client};
use crate::failure::Failure;
use crate::figures;
use crate::form::{Errors, Field, FieldKind};
use crate::frame::{Frame, Place};
use crate::session::Visit;
use crate::words::TransactionsWords;

/// Rows of a page, which stays below 25 KB with the reasons of their charges.
const ROWS: &str = "30";

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/accounts/{id}/transactions", get(show))
        .route("/accounts/{id}/transactions.csv", get(csv))
}

/// The query of the page's address, as the filter's form sends it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    from: String,
    to: String,
    kind: String,
    cursor: String,
}

/// A filter that the API can be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Period {
    from: Option<Date>,
    /// The last day, which is part of the period.
    to: Option<Date>,
}

impl Asked {
    fn period(&self, t: TransactionsWords) -> Result<Period, Errors> {
        let mut errors = Errors::default();
        let mut day = |name, text: &str| match text.trim() {
            "" => None,
            text => match text.parse::<Date>() {
                Ok(day) => Some(day),
                Err(_) => {
                    errors.add(name, t.not_a_date());
                    None
                }
            },
        };
        let period = Period { from: day("from", &self.from), to: day("to", &self.to) };
        if period.from.zip(period.to).is_some_and(|(from, to)| from > to) {
            errors.add("from", t.days_out_of_order());
        }
        if errors.is_empty() { Ok(period) } else { Err(errors) }
    }

    /// The same filter as a query.
    fn query(&self, cursor: Option<&str>) -> String {
        let fields = [("from", self.from.as_str()), ("to", &self.to), ("kind", &self.kind)];
        let fields = fields.into_iter().chain(cursor.map(|cursor| ("cursor", cursor)));
        let given = fields.filter(|(_, value)| !value.is_empty());
        form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish()
    }

    fn is_filter(&self) -> bool {
        [&self.from, &self.to, &self.kind].iter().any(|field| !field.is_empty())
    }
}

/// The request for the transactions of a period.
fn list<'a>(api: Client<'a>, id: &str, period: Period, kind: &str) -> Call<'a> {
    let mut call = api.get(&["accounts", id, "transactions"]);
    if let Some(from) = period.from {
        call = call.query("from", &start_of(from).to_string());
    }
    // The API's period ends before `to`, and a person means the whole last day.
    if let Some(after) = period.to.and_then(|to| to.checked_add(1.day()).ok()) {
        call = call.query("to", &start_of(after).to_string());
    }
    if kind.is_empty() { call } else { call.query("kind", kind) }
}

fn start_of(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).expect("a day of the years that the calendar has").timestamp()
}

#[derive(Template)]
#[template(path = "transactions.html")]
struct Page {
    frame: Frame,
    t: TransactionsWords,
    id: String,
    errors: Errors,
    from: Field,
    to: Field,
    kinds: Vec<Kind>,
    quick: Vec<(String, String)>,
    rows: Vec<Row>,
    is_filtered: bool,
    csv: String,
    older: Option<String>,
    newest: Option<String>,
}

/// A kind in the filter's list.
struct Kind {
    name: &'static str,
    label: String,
    is_chosen: bool,
}

/// A row of the table.
pub(crate) struct Row {
    pub(crate) at: String,
    pub(crate) machine_at: String,
    pub(crate) what: String,
    /// The user of a call.
    pub(crate) user: Option<String>,
    pub(crate) amount: String,
    pub(crate) is_credit: bool,
    pub(crate) balance: String,
    /// Why it has this amount, a line each.
    pub(crate) why: Vec<String>,
    /// The reason that somebody gave.
    pub(crate) reason: Option<String>,
    /// The purchase that it belongs to.
    pub(crate) purchase: Option<String>,
    pub(crate) is_charge: bool,
}

async fn show(visit: Visit, Path(id): Path<String>, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let t = TransactionsWords(visit.locale);
    let (period, errors) = match asked.period(t) {
        Ok(period) => (period, Errors::default()),
        Err(errors) => (Period::default(), errors),
    };
    let listed = async {
        if !errors.is_empty() {
            return Ok(Transactions { transactions: Vec::new(), next: None });
        }
        let call = list(visit.api(), &id, period, &asked.kind).query("limit", ROWS);
        let call = if asked.cursor.is_empty() { call } else { call.query("cursor", &asked.cursor) };
        call.answer().await
    };
    let (account, listed) = tokio::try_join!(visit.api().account(&id), listed)?;
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = page(&visit, &account, &asked, errors, &listed);
    Ok((status, crate::frame::show(&page)).into_response())
}

fn page(visit: &Visit, account: &Account, asked: &Asked, errors: Errors, listed: &Transactions) -> Page {
    let t = TransactionsWords(visit.locale);
    let date = |name, label: String, value: &str| {
        Field::new(FieldKind::Date, name, label).hint(t.date_hint()).value(value).error(errors.of(name))
    };
    let here = format!("/accounts/{}/transactions", account.account_id);
    let with = |query: String| if query.is_empty() { here.clone() } else { format!("{here}?{query}") };
    let kinds = EntryKind::ALL.map(EntryKind::as_str).map(|name| Kind {
        name,
        label: glossary::transaction_kind(name, visit.locale).into_owned(),
        is_chosen: asked.kind == name,
    });
    let mut frame = visit.frame_of(account, t.title().to_owned(), Place::Transactions);
    frame.has_errors = !errors.is_empty();
    Page {
        t,
        from: date("from", t.first_day(), &asked.from),
        to: date("to", t.last_day(), &asked.to),
        kinds: kinds.into(),
        quick: quick_periods(visit.now, t).map(|(label, asked)| (label, with(asked.query(None)))).into(),
        rows: listed.transactions.iter().map(|row| Row::of(row, &account.currency, visit.locale)).collect(),
        is_filtered: asked.is_filter(),
        csv: format!("/accounts/{}/transactions.csv?{}", account.account_id, asked.query(None)),
        older: listed.next.as_deref().map(|next| with(asked.query(Some(next)))),
        newest: (!asked.cursor.is_empty()).then(|| with(asked.query(None))),
        id: account.account_id.clone(),
        frame,
        errors,
    }
}

/// This month and the last one.
fn quick_periods(now: Timestamp, t: TransactionsWords) -> [(String, Asked); 2] {
    let today = now.to_zoned(TimeZone::UTC).date();
    let last = today.first_of_month().saturating_sub(1.day());
    let month = |day: Date| Asked {
        from: day.first_of_month().to_string(),
        to: day.last_of_month().to_string(),
        ..Asked::default()
    };
    [(t.this_month(), month(today)), (t.last_month(), month(last))]
}

/// The period as a file, whole.
async fn csv(visit: Visit, Path(id): Path<String>, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let t = TransactionsWords(visit.locale);
    let Ok(period) = asked.period(t) else { return Err(Failure::NotFound) };
    let call = list(visit.api(), &id, period, &asked.kind).query("whole", "true");
    match call.document("text/csv").await {
        Ok(document) => {
            let name = format!("attachment; filename=\"transactions-{}.csv\"", file_name(&id));
            let headers =
                [(header::CONTENT_TYPE, document.content_type), (header::CONTENT_DISPOSITION, name)];
            Ok((headers, document.body).into_response())
        }
        Err(ApiError::Problem(problem)) if problem.status == 413 => {
            let mut errors = Errors::default();
            errors.add("from", t.too_long_for_csv());
            let none = Transactions { transactions: Vec::new(), next: None };
            let account = visit.api().account(&id).await?;
            let page = page(&visit, &account, &asked, errors, &none);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, crate::frame::show(&page)).into_response())
        }
        Err(problem) => Err(problem.into()),
    }
}

/// A text as part of a file's name.
pub(crate) fn file_name(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

impl Row {
    pub(crate) fn of(row: &Transaction, currency: &str, locale: Locale) -> Self {
        let t = TransactionsWords(locale);
        let at: Timestamp = row.at.into();
        let is_charge = row.kind == "usage";
        Self {
            at: wording::date_and_time(at, locale),
            machine_at: at.to_string(),
            what: what(row, currency, t),
            user: row.user_id.clone(),
            is_credit: figures::is_positive(&row.amount),
            amount: signed(&row.amount, currency, locale),
            balance: exact(&row.balance, currency, locale),
            why: why(row, currency, t),
            reason: row.reason.clone(),
            purchase: row.purchase_id.clone(),
            is_charge,
        }
    }
}

fn exact(amount: &str, currency: &str, locale: Locale) -> String {
    let shown = figures::money(amount, currency).map(|money| wording::exact(money, locale));
    shown.unwrap_or_else(|| amount.to_owned()).replace('-', "\u{2212}")
}

fn signed(amount: &str, currency: &str, locale: Locale) -> String {
    let shown = exact(amount, currency, locale);
    if figures::is_positive(amount) { format!("+{shown}") } else { shown }
}

/// What happened, in a few words.
fn what(row: &Transaction, currency: &str, t: TransactionsWords) -> String {
    let locale = t.0;
    let is_call = ["usage", "reversal", "unrated"].contains(&row.kind.as_str());
    let mut parts = Vec::new();
    if row.kind != "usage" {
        parts.push(glossary::transaction_kind(&row.kind, locale).into_owned());
    }
    if is_call {
        let number = row.number.clone().unwrap_or_default();
        parts.push(match (&row.why, row.service.as_deref()) {
            (Some(Why::Rated { destination, .. }), Some("tollFreeIn" | "tollIn")) => t.call_from(destination),
            (Some(Why::Rated { destination, .. }), _) => t.call_to(destination),
            _ => t.call_with(isolated(&number)),
        });
        parts.extend(row.duration_seconds.map(|seconds| duration(seconds, t)));
    }
    if row.kind == "unrated" {
        parts.push(t.no_rate_yet());
    }
    if row.kind == "rejected" {
        parts.push(t.not_accepted());
    }
    // An amount that no funds pay for does not move the balance, so it would not show otherwise.
    parts.extend(row.post_usage.as_ref().map(|amount| t.post_usage(exact(amount, currency, locale))));
    parts.join(", ")
}

/// A number written from left to right, whatever stands around it.
fn isolated(number: &str) -> String {
    format!("\u{2066}{number}\u{2069}")
}

pub(crate) fn duration(seconds: u32, t: TransactionsWords) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => t.only_seconds(rest),
        (0, _) => t.minutes_seconds(minutes, rest),
        _ => t.hours_minutes(hours, minutes, rest),
    }
}

/// Why the row has its amount, a line each.
fn why(row: &Transaction, currency: &str, t: TransactionsWords) -> Vec<String> {
    let locale = t.0;
    let mut lines = Vec::new();
    match &row.why {
        Some(Why::Rated {
            prefix,
            destination,
            per_minute,
            connection_fee,
            billed_seconds,
            increments,
            effective_from,
            included_minutes,
        }) => {
            lines.extend(included_minutes.iter().map(|part| t.by_plan(part.minutes, &part.pool)));
            let included: u64 = included_minutes.iter().map(|part| part.minutes).sum();
            let paid = billed_seconds.saturating_sub(60 * included);
            if paid > 0 {
                let minutes = format_minutes(paid, locale);
                let mut line = t.by_rate(minutes, exact(per_minute, currency, locale));
                if figures::is_positive(connection_fee) {
                    line = format!("{line}, {}", t.connection(exact(connection_fee, currency, locale)));
                }
                lines.push(line);
            }
            let since = wording::date((*effective_from).into(), locale);
            lines.push(format!(
                "{}, {}, {}",
                t.prefix(prefix, destination),
                t.in_force(since),
                t.increments(increments)
            ));
        }
        Some(Why::AsRated) => lines.push(t.as_rated()),
        Some(Why::ZeroDuration) => lines.push(t.zero_duration()),
        None => {}
    }
    lines.extend(
        row.lots.iter().map(|draw| t.funds_used(exact(&draw.amount, currency, locale), &draw.lot_id)),
    );
    lines.extend(row.record_id.as_ref().map(|id| t.record(id)));
    lines
}

/// Seconds as minutes, with two decimals unless they are whole.
fn format_minutes(seconds: u64, locale: Locale) -> String {
    let hundredths = (seconds * 100 + 30) / 60;
    let whole = wording::count(hundredths / 100, locale);
    match hundredths % 100 {
        0 => whole,
        rest => format!("{whole}{}{rest:02}", if locale == Locale::Fr { ',' } else { '.' }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: &str, to: &str) -> Asked {
        Asked { from: from.into(), to: to.into(), ..Asked::default() }
    }

    #[test]
    fn a_period_is_whole_days_and_its_first_is_not_after_its_last() {
        let t = TransactionsWords(Locale::En);
        let period = asked("2026-11-01", " 2026-11-30 ").period(t).unwrap();
        assert_eq!(period.to, Some("2026-11-30".parse().unwrap()));
        assert_eq!(asked("", "").period(t).unwrap(), Period::default());
        assert!(asked("2026-11-30", "2026-11-30").period(t).is_ok());
        assert!(asked("2026-12-01", "2026-11-30").period(t).unwrap_err().of("from").is_some());
        assert!(asked("28.11.2026", "").period(t).unwrap_err().of("from").is_some());
        assert!(asked("", "2026-02-30").period(t).unwrap_err().of("to").is_some());
    }

    #[test]
    fn last_month_of_january_is_december() {
        let now = "2027-01-31T23:59:59Z".parse().unwrap();
        let [_, (_, last)] = quick_periods(now, TransactionsWords(Locale::En));
        assert_eq!((last.from.as_str(), last.to.as_str()), ("2026-12-01", "2026-12-31"));
    }

    #[test]
    fn minutes_are_written_in_the_language() {
        assert_eq!(format_minutes(720, Locale::En), "12");
        assert_eq!(format_minutes(75, Locale::Fr), "1,25");
        assert_eq!(format_minutes(360_000_060, Locale::En), "6,000,001");
    }
}
