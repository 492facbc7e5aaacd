//! "Transactions": every change of the balance, with its reason to the last decimal.

use std::ops::RangeInclusive;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query};
use axum::response::Response;
use axum::routing::get;
use contract::{Account, Lot, Lots, Transaction, Transactions, Why};
use domain::{EntryKind, Locale};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;
use serde::Deserialize;
use wording::glossary;

use crate::Portal;
use crate::address::with_query;
use crate::api::{ApiError, Call, Client};
use crate::failure::Failure;
use crate::figures;
use crate::form::{Errors, Field, FieldKind};
use crate::frame::{Frame, Place, show_form};
use crate::session::Visit;
use crate::words::TransactionsWords;

/// Rows of a page, which stays below 25 KB with the reasons of their charges.
const ROWS: &str = "30";

/// The years that a filter may have. The API refuses some days outside them, and the calendar ends soon after them.
const YEARS: RangeInclusive<i16> = 2000..=8999;

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
            text => {
                let day = text.parse::<Date>().ok().filter(|day| YEARS.contains(&day.year()));
                if day.is_none() {
                    errors.add(name, t.not_a_date());
                }
                day
            }
        };
        let period = Period { from: day("from", &self.from), to: day("to", &self.to) };
        if period.from.zip(period.to).is_some_and(|(from, to)| from > to) {
            errors.add("from", t.days_out_of_order());
        }
        if errors.is_empty() { Ok(period) } else { Err(errors) }
    }

    /// This page of the account's transactions, or the file of it, with the same filter.
    fn address(&self, page: &str, cursor: &str) -> String {
        let filter = [("from", self.from.as_str()), ("to", &self.to), ("kind", &self.kind)];
        with_query(page, filter.into_iter().chain([("cursor", cursor)]))
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
    call.query_if_given("kind", kind)
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
    /// The address of the file. None if the filter has errors.
    csv: Option<String>,
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
        call.query_if_given("cursor", &asked.cursor).answer().await
    };
    // Without the unspent funds, a charge names the funds that paid it by their id.
    let lots = async { Ok(visit.api().get(&["accounts", &id, "lots"]).answer::<Lots>().await.ok()) };
    let (account, listed, lots) = tokio::try_join!(visit.api().account(&id), listed, lots)?;
    let lots = lots.map_or_else(Vec::new, |lots| lots.lots);
    let page = page(&visit, &account, &asked, errors, &listed, &lots);
    Ok(show_form(&page, &page.errors))
}

fn page(
    visit: &Visit,
    account: &Account,
    asked: &Asked,
    errors: Errors,
    listed: &Transactions,
    lots: &[Lot],
) -> Page {
    let t = TransactionsWords(visit.locale);
    let date = |name, label: String, value: &str| {
        Field::new(FieldKind::Date, name, label).hint(t.date_hint()).value(value).error(errors.of(name))
    };
    let here = format!("/accounts/{}/transactions", account.account_id);
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
        quick: quick_periods(visit.now, t).map(|(label, asked)| (label, asked.address(&here, ""))).into(),
        rows: listed
            .transactions
            .iter()
            .map(|row| Row::of(row, &account.currency, lots, visit.locale))
            .collect(),
        is_filtered: asked.is_filter(),
        csv: errors.is_empty().then(|| asked.address(&format!("{here}.csv"), "")),
        older: listed.next.as_deref().map(|next| asked.address(&here, next)),
        newest: (!asked.cursor.is_empty()).then(|| asked.address(&here, "")),
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
            let name = format!("transactions-{}.csv", file_name(&id));
            Ok(document.into_file("attachment", &name))
        }
        Err(ApiError::Problem(problem)) if problem.status == 413 => {
            let mut errors = Errors::default();
            errors.add("from", t.too_long_for_csv());
            let none = Transactions { transactions: Vec::new(), next: None };
            let account = visit.api().account(&id).await?;
            let page = page(&visit, &account, &asked, errors, &none, &[]);
            Ok(show_form(&page, &page.errors))
        }
        Err(problem) => Err(problem.into()),
    }
}

/// A text as part of a file's name.
pub(crate) fn file_name(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

impl Row {
    /// `lots` are the unspent funds, by which the funds of a charge are described.
    pub(crate) fn of(row: &Transaction, currency: &str, lots: &[Lot], locale: Locale) -> Self {
        let t = TransactionsWords(locale);
        let at: Timestamp = row.at.into();
        let is_charge = row.kind == "usage";
        Self {
            at: figures::minute(at, locale),
            machine_at: at.to_string(),
            what: what(row, currency, t),
            user: row.user_id.clone(),
            is_credit: figures::is_positive(&row.amount),
            amount: signed(&row.amount, currency, locale),
            balance: figures::exact(&row.balance, currency, locale),
            why: why(row, currency, lots, t),
            reason: row.reason.clone().filter(|_| !is_code(row)),
            purchase: row.purchase_id.clone(),
            is_charge,
        }
    }
}

fn signed(amount: &str, currency: &str, locale: Locale) -> String {
    let shown = figures::exact(amount, currency, locale);
    if figures::is_positive(amount) { format!("+{shown}") } else { shown }
}

/// Whether the transaction's reason is a code of the card processor, and no text that a person wrote.
fn is_code(row: &Transaction) -> bool {
    row.kind == "dispute" || row.kind == "refund" && row.returned.is_some()
}

/// What became of a refund or a dispute, as far as the transaction knows.
fn outcome(row: &Transaction, t: TransactionsWords) -> Option<String> {
    let is_uncovered = row.amount.starts_with('-') || row.post_usage.is_some();
    match row.kind.as_str() {
        "refund" => row.returned.as_ref().map(|_| t.refund_failed()),
        // Only the transaction that opens a dispute has the reason for it.
        "dispute" if row.reason.is_some() => Some(t.dispute_opened()),
        "dispute" if row.returned.is_some() => Some(t.dispute_returned()),
        "dispute" if is_uncovered => Some(t.dispute_lost()),
        "dispute" => Some(t.dispute_ended()),
        _ => None,
    }
}

/// A short description of the transaction.
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
            (Some(Why::Rated { destination, .. }), Some("tollFreeIn" | "tollIn")) => {
                t.call_from(wording::destination(destination, locale))
            }
            (Some(Why::Rated { destination, .. }), _) => t.call_to(wording::destination(destination, locale)),
            _ if row.kind == "usage" => t.call_with(isolated(&number)),
            _ => isolated(&number),
        });
        parts.extend(row.duration_seconds.map(|seconds| duration(seconds, t)));
    }
    if row.kind == "unrated" {
        parts.push(t.no_rate_yet());
    }
    if row.kind == "rejected" {
        parts.push(t.not_accepted());
    }
    parts.extend(outcome(row, t));
    // An amount that no funds pay for does not move the balance, so it would not show otherwise.
    parts.extend(row.post_usage.as_ref().map(|amount| {
        let shown = |amount: &str| figures::amount(amount, currency, locale);
        // An invoice takes its amount off what is to be invoiced.
        match amount.strip_prefix('-').filter(|_| row.kind == "invoice") {
            Some(invoiced) => t.invoiced(shown(invoiced)),
            None => t.post_usage(shown(amount)),
        }
    }));
    parts.join(", ")
}

/// A number that is written from left to right, also in a text that runs from right to left.
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
fn why(row: &Transaction, currency: &str, lots: &[Lot], t: TransactionsWords) -> Vec<String> {
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
            lines.extend(included_minutes.iter().map(|part| {
                if figures::is_singular(part.minutes, locale) {
                    t.by_plan_one(part.minutes, &part.pool)
                } else {
                    t.by_plan(part.minutes, &part.pool)
                }
            }));
            let included: u64 = included_minutes.iter().map(|part| part.minutes).sum();
            let paid = billed_seconds.saturating_sub(60 * included);
            if paid > 0 {
                let minutes = format_minutes(paid, locale);
                let price = figures::amount(per_minute, currency, locale);
                let is_one = figures::is_singular(Decimal::from(paid) / Decimal::from(60), locale);
                let mut line = if is_one { t.by_rate_one(minutes, price) } else { t.by_rate(minutes, price) };
                if figures::is_positive(connection_fee) {
                    line = format!(
                        "{line}, {}",
                        t.connection(figures::amount(connection_fee, currency, locale))
                    );
                }
                lines.push(line);
            }
            let since = wording::date((*effective_from).into(), locale);
            lines.push(format!(
                "{}, {}, {}",
                t.prefix(prefix, wording::destination(destination, locale)),
                t.in_force(since),
                billed_in(increments, t)
            ));
        }
        Some(Why::AsRated) => lines.push(t.as_rated()),
        Some(Why::ZeroDuration) => lines.push(t.zero_duration()),
        None => {}
    }
    lines.extend(row.lots.iter().map(|draw| {
        let amount = figures::amount(&draw.amount, currency, locale);
        match lots.iter().find(|lot| lot.lot_id == draw.lot_id) {
            Some(lot) => t.funds_of_day(amount, wording::date(lot.purchased_at.into(), locale)),
            None => t.funds_used(amount, &draw.lot_id),
        }
    }));
    lines.extend(row.record_id.as_ref().map(|id| t.record(id)));
    lines
}

/// The increments, in seconds, as `60/60`.
fn billed_in(increments: &str, t: TransactionsWords) -> String {
    match increments.split_once('/') {
        Some(("60", "60")) => t.whole_minutes(),
        Some(("1", "1")) => t.single_seconds(),
        Some((first, next)) => t.increments(first, next),
        None => increments.to_owned(),
    }
}

/// Seconds as minutes, with two decimals unless they are whole.
fn format_minutes(seconds: u64, locale: Locale) -> String {
    let hundredths = (seconds * 100 + 30) / 60;
    figures::decimal(&format!("{}.{:02}", hundredths / 100, hundredths % 100), locale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

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
        assert!(asked("2000-01-01", "8999-12-31").period(t).is_ok());
        for day in ["0026-11-01", "1999-12-31", "9000-01-01", "9999-12-31"] {
            assert!(asked(day, "").period(t).unwrap_err().of("from").is_some(), "{day}");
        }
    }

    #[test]
    fn last_month_of_january_is_december() {
        let now = "2027-01-31T23:59:59Z".parse().unwrap();
        let [_, (_, last)] = quick_periods(now, TransactionsWords(Locale::En));
        assert_eq!((last.from.as_str(), last.to.as_str()), ("2026-12-01", "2026-12-31"));
    }

    fn row(kind: &str, changes: Value) -> Row {
        let mut row = json!({
            "transactionId": "t", "at": "2026-11-25T09:20:00.000Z", "postedAt": "2026-11-25T09:20:00.000Z",
            "version": 1, "place": 0, "kind": kind, "amount": "0.0000", "balance": "0.0000",
        });
        let Value::Object(changes) = changes else { panic!("changes are an object") };
        row.as_object_mut().unwrap().extend(changes);
        Row::of(&serde_json::from_value(row).unwrap(), "EUR", &[], Locale::En)
    }

    #[test]
    fn an_invoice_says_its_amount() {
        let invoice = row("invoice", json!({ "postUsage": "-86.2000" }));
        assert_eq!(invoice.what, "Invoice, made for EUR\u{a0}86.20");
    }

    #[test]
    fn refunds_and_disputes_say_what_became_of_them_and_no_code() {
        let returned = json!({ "transactionId": "t0" });
        for (kind, changes, what, reason) in [
            ("refund", json!({ "reason": "closed" }), "Refund", Some("closed")),
            (
                "refund",
                json!({ "reason": "expired_or_canceled_card", "returned": returned }),
                "Refund, failed: the funds are back",
                None,
            ),
            ("dispute", json!({ "reason": "fraudulent", "amount": "-40" }), "Dispute, opened", None),
            ("dispute", json!({ "returned": returned }), "Dispute, ended: funds are back", None),
            ("dispute", json!({ "amount": "-40.0000" }), "Dispute, lost", None),
            ("dispute", json!({}), "Dispute, ended", None),
        ] {
            let row = row(kind, changes);
            assert_eq!((row.what.as_str(), row.reason.as_deref()), (what, reason));
        }
    }

    #[test]
    fn minutes_are_written_in_the_language() {
        assert_eq!(format_minutes(720, Locale::En), "12");
        assert_eq!(format_minutes(75, Locale::Fr), "1,25");
        assert_eq!(format_minutes(360_000_060, Locale::En), "6,000,001");
    }
}
