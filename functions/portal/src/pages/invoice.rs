//! An invoice: how its amount comes about and what became of it, and its files. The operator marks it as paid or cancels it here.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use contract::{Account, Invoice};
use domain::Locale;
use domain::time::Month;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value, json};

use super::receipts;
use crate::Portal;
use crate::account_view::Tag;
use crate::api::{ApiError, Document};
use crate::failure::Failure;
use crate::figures::{self, When};
use crate::form::{Errors, Field, FieldKind};
use crate::frame::{Frame, Notice, Place, Tone, show_form};
use crate::session::Visit;
use crate::words::{FormWords, InvoiceWords};

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/accounts/{id}/invoices/{invoice}", get(page_or_file))
        .route("/accounts/{id}/invoices/{invoice}/paid", get(show_paid).post(mark_paid))
        .route("/accounts/{id}/invoices/{invoice}/void", get(show_void).post(void))
}

/// The parts that a file of calls is put together from. The API's parts have about 2.5 MB each.
const CSV_PARTS: usize = 4;

/// The notices after saving.
const PAID: &str = "paid";
const VOID: &str = "void";

/// The address of an invoice's page.
pub(super) fn path_of(id: &str, invoice: &str) -> String {
    format!("/accounts/{id}/invoices/{invoice}")
}

/// The name of an invoice's month.
pub(super) fn month_of(invoice: &Invoice, locale: Locale) -> String {
    Month::parse(&invoice.month).map_or_else(|| invoice.month.clone(), |month| wording::month(month, locale))
}

/// The state of an invoice.
pub(super) fn tag_of(invoice: &Invoice, locale: Locale) -> Tag {
    let t = InvoiceWords(locale);
    let (tone, text) = match invoice.state.as_str() {
        OPEN if invoice.overdue => (Tone::Bad, t.overdue()),
        OPEN => (Tone::Warn, t.open()),
        "paid" => (Tone::Good, t.paid()),
        "void" => (Tone::Info, t.void()),
        other => (Tone::Info, wording::one_line(other)),
    };
    Tag { tone, text }
}

/// The API's state of an invoice that is to be paid.
pub(super) const OPEN: &str = "open";

/// The label and the address of an invoice as a PDF, and of its calls as CSV.
pub(super) fn files_of(id: &str, invoice: &Invoice, locale: Locale) -> [(String, String); 2] {
    let t = InvoiceWords(locale);
    let path = path_of(id, &invoice.invoice_id);
    [(t.pdf(invoice.number), format!("{path}.pdf")), (t.csv(invoice.number), format!("{path}.csv"))]
}

#[derive(Template)]
#[template(path = "invoice.html")]
struct Page {
    frame: Frame,
    t: InvoiceWords,
    /// The page's own address.
    path: String,
    number: u64,
    tag: Tag,
    amounts: Vec<(String, String)>,
    dates: Vec<(String, When)>,
    facts: Vec<(String, String)>,
    files: [(String, String); 2],
    /// Whether the person may mark it as paid or cancel it.
    may_end: bool,
    receipts: String,
}

/// Reads the account and the invoice.
async fn read(visit: &Visit, id: &str, invoice: &str) -> Result<(Account, Invoice), Failure> {
    let call = visit.api().get(&["accounts", id, "invoices", invoice]);
    let (account, invoice) = tokio::join!(visit.api().account(id), call.answer::<Invoice>());
    Ok((account?, invoice?))
}

async fn page_or_file(visit: Visit, Path((id, name)): Path<(String, String)>) -> Result<Response, Failure> {
    match name.rsplit_once('.') {
        Some((invoice, "pdf")) => {
            let call = visit.api().get(&["accounts", &id, "invoices", invoice]);
            let document = Box::pin(call.document("application/pdf")).await?;
            Ok(document.into_named("inline", "invoice.pdf"))
        }
        Some((invoice, "csv")) => match Box::pin(calls(&visit, &id, invoice)).await? {
            Some(document) => Ok(document.into_named("attachment", "invoice.csv")),
            None => {
                let t = InvoiceWords(visit.locale);
                let too_large = Notice::new(Tone::Warn, t.too_large(), t.too_large_text());
                let page = Box::pin(page(&visit, &id, invoice, Some(too_large))).await?;
                Ok((StatusCode::PAYLOAD_TOO_LARGE, page).into_response())
            }
        },
        Some(_) => Err(Failure::NotFound),
        None => {
            let t = InvoiceWords(visit.locale);
            let notice = match visit.said() {
                Some(PAID) => Some(t.marked_paid()),
                Some(VOID) => Some(t.cancelled()),
                _ => None,
            };
            let notice = notice.map(|title| Notice::new(Tone::Good, title, String::new()));
            Box::pin(page(&visit, &id, &name, notice)).await
        }
    }
}

async fn page(visit: &Visit, id: &str, invoice: &str, notice: Option<Notice>) -> Result<Response, Failure> {
    let (account, invoice) = read(visit, id, invoice).await?;
    let (id, locale) = (&account.account_id, visit.locale);
    let t = InvoiceWords(locale);
    let page = Page {
        frame: visit.frame_of(&account, t.title(invoice.number), Place::Receipts).noticing(notice),
        t,
        path: path_of(id, &invoice.invoice_id),
        number: invoice.number,
        tag: tag_of(&invoice, locale),
        amounts: amounts(&invoice, t),
        dates: dates(&invoice, t),
        facts: facts(&invoice, visit.is_operator(), t),
        files: files_of(id, &invoice, locale),
        may_end: visit.is_operator() && invoice.state == OPEN,
        receipts: receipts::address_of(id),
    };
    Ok(crate::frame::show(&page))
}

/// How the amount comes about. What is carried is left out where nothing is. Only an open invoice is to be paid.
fn amounts(invoice: &Invoice, t: InvoiceWords) -> Vec<(String, String)> {
    let amount = |amount: &str| figures::amount(amount, &invoice.currency, t.0);
    let carried = |label: String, text: &str| {
        let is_zero = figures::money(text, &invoice.currency).is_some_and(|money| money.is_zero());
        (!is_zero).then(|| (label, amount(text)))
    };
    let of_month = Month::parse(&invoice.month)
        .map_or_else(|| format!("({})", invoice.month), |month| wording::of_month(month, t.0));
    let total = if invoice.state == OPEN { t.total() } else { t.amount() };
    let rows = [
        Some((t.charges(of_month), amount(&invoice.charges))),
        carried(t.carried_in(), &invoice.carried_in),
        Some((total, figures::rounded(&invoice.amount, &invoice.currency, t.0))),
        carried(t.carried_over(), &invoice.carried_over),
    ];
    rows.into_iter().flatten().collect()
}

fn dates(invoice: &Invoice, t: InvoiceWords) -> Vec<(String, When)> {
    let day = |label, instant: contract::Instant| (label, When::day(instant, t.0));
    let rows = [
        Some(day(t.issued(), invoice.issued_at)),
        (invoice.state == OPEN).then(|| day(t.due_on(), invoice.due_at)),
        invoice.paid_at.map(|at| day(t.paid_at(), at)),
        invoice.voided_at.map(|at| day(t.voided_at(), at)),
    ];
    rows.into_iter().flatten().collect()
}

fn facts(invoice: &Invoice, is_operator: bool, t: InvoiceWords) -> Vec<(String, String)> {
    let fact = |label: String, text: &Option<String>| text.clone().map(|text| (label, text));
    let rows = [
        Some((t.name(), invoice.name.clone())),
        fact(t.po_number().to_owned(), &invoice.po_number),
        fact(t.reference(), &invoice.reference),
        fact(t.reason(), &invoice.reason),
        fact(t.by(), &invoice.by).filter(|_| is_operator),
    ];
    rows.into_iter().flatten().collect()
}

/// The calls of an invoice in one file. None if they are too many for one.
async fn calls(visit: &Visit, id: &str, invoice: &str) -> Result<Option<Document>, ApiError> {
    let part = async |cursor: Option<&str>| {
        let call = visit.api().get(&["accounts", id, "invoices", invoice]);
        let call = if let Some(cursor) = cursor { call.query("cursor", cursor) } else { call };
        Box::pin(call.document("text/csv")).await
    };
    let mut whole = part(None).await?;
    let mut rows = whole.body.to_vec();
    for _ in 1..CSV_PARTS {
        let Some(next) = whole.next.take() else { break };
        let further = part(Some(&next)).await?;
        rows.extend_from_slice(without_heading(&further.body));
        whole.next = further.next;
    }
    let is_whole = whole.next.is_none();
    Ok(is_whole.then(|| Document { body: rows.into(), ..whole }))
}

/// A further part of a CSV file without its first line, which names the columns again. No name of a column has a line break.
fn without_heading(part: &[u8]) -> &[u8] {
    let end = part.iter().position(|byte| *byte == b'\n');
    end.map_or(&[], |end| &part[end + 1..])
}

// ---- Paid

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Payment {
    reference: String,
    day: String,
}

impl Payment {
    /// The payment as the API takes it, or the errors of the form. It was made at the beginning of its day (UTC).
    fn check(&self, now: Timestamp, t: InvoiceWords) -> Result<Value, Errors> {
        let mut errors = Errors::default();
        let reference = self.reference.trim();
        if reference.is_empty() {
            errors.add("reference", FormWords(t.0).missing());
        }
        let day = self.day.trim().parse::<Date>().ok().and_then(|day| day.to_zoned(TimeZone::UTC).ok());
        match day.map(|day| day.timestamp()).filter(|day| *day <= now) {
            Some(paid_at) if errors.is_empty() => {
                Ok(json!({ "reference": reference, "paidAt": paid_at.to_string() }))
            }
            Some(_) => Err(errors),
            None => {
                errors.add("day", t.wrong_day());
                Err(errors)
            }
        }
    }
}

/// A form that ends an invoice.
#[derive(Template)]
#[template(path = "invoice_end.html")]
struct EndPage {
    frame: Frame,
    t: InvoiceWords,
    errors: Errors,
    total: String,
    month: String,
    consequences: Vec<String>,
    fields: Vec<Field>,
    button: String,
    /// The page of the invoice.
    back: String,
}

impl EndPage {
    fn new(visit: &Visit, account: &Account, invoice: &Invoice, heading: String, errors: Errors) -> Self {
        let mut frame = visit.frame_of(account, heading.clone(), Place::Receipts);
        frame.has_errors = !errors.is_empty();
        Self {
            frame,
            t: InvoiceWords(visit.locale),
            errors,
            total: figures::rounded(&invoice.amount, &invoice.currency, visit.locale),
            month: month_of(invoice, visit.locale),
            consequences: Vec::new(),
            fields: Vec::new(),
            button: heading,
            back: path_of(&account.account_id, &invoice.invoice_id),
        }
    }

    fn field(&mut self, kind: FieldKind, name: &'static str, label: String, hint: String, value: String) {
        let field = Field::new(kind, name, label).hint(hint).value(value).error(self.errors.of(name));
        self.fields.push(field);
    }

    fn show(mut self) -> Response {
        let labels: Vec<_> = self.fields.iter().map(|field| (field.name, field.label.as_str())).collect();
        self.errors = self.errors.labelled(&labels, self.t.0);
        show_form(&self, &self.errors)
    }
}

async fn show_paid(visit: Visit, Path((id, invoice)): Path<(String, String)>) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let today = domain::time::day_of(visit.now).to_string();
    let typed = visit.draft().unwrap_or(Payment { day: today, ..Payment::default() });
    paid_page(&visit, &id, &invoice, typed, Errors::default()).await
}

async fn paid_page(
    visit: &Visit,
    id: &str,
    invoice: &str,
    typed: Payment,
    errors: Errors,
) -> Result<Response, Failure> {
    let (account, invoice) = read(visit, id, invoice).await?;
    let t = InvoiceWords(visit.locale);
    let mut page = EndPage::new(visit, &account, &invoice, t.mark_paid(invoice.number), errors);
    page.consequences = vec![t.paid_is_final()];
    page.field(FieldKind::Text, "reference", t.reference(), t.reference_hint(), typed.reference);
    page.field(FieldKind::Date, "day", t.paid_at(), t.day_hint(), typed.day);
    Ok(page.show())
}

async fn mark_paid(
    visit: Visit,
    Path((id, invoice)): Path<(String, String)>,
    Form(typed): Form<Payment>,
) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let body = match typed.check(visit.now, InvoiceWords(visit.locale)) {
        Ok(body) => body,
        Err(errors) => return Box::pin(paid_page(&visit, &id, &invoice, typed, errors)).await,
    };
    match Box::pin(end(&visit, &id, &invoice, PAID, body, [("reference", "reference"), ("paidAt", "day")]))
        .await?
    {
        Ended::Done(response) => Ok(response),
        Ended::Refused(errors) => Box::pin(paid_page(&visit, &id, &invoice, typed, errors)).await,
    }
}

// ---- Void

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Cancellation {
    reason: String,
}

async fn show_void(visit: Visit, Path((id, invoice)): Path<(String, String)>) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let typed = visit.draft().unwrap_or_default();
    void_page(&visit, &id, &invoice, typed, Errors::default()).await
}

async fn void_page(
    visit: &Visit,
    id: &str,
    invoice: &str,
    typed: Cancellation,
    errors: Errors,
) -> Result<Response, Failure> {
    let (account, invoice) = read(visit, id, invoice).await?;
    let t = InvoiceWords(visit.locale);
    let mut page = EndPage::new(visit, &account, &invoice, t.cancel_invoice(invoice.number), errors);
    page.consequences = vec![t.nothing_to_pay(), t.nothing_credited(), t.void_is_final()];
    page.field(FieldKind::Text, "reason", t.reason(), t.reason_hint(), typed.reason);
    Ok(page.show())
}

async fn void(
    visit: Visit,
    Path((id, invoice)): Path<(String, String)>,
    Form(typed): Form<Cancellation>,
) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let reason = typed.reason.trim();
    if reason.is_empty() {
        let mut errors = Errors::default();
        errors.add("reason", FormWords(visit.locale).missing());
        return Box::pin(void_page(&visit, &id, &invoice, typed, errors)).await;
    }
    let body = json!({ "reason": reason });
    match Box::pin(end(&visit, &id, &invoice, VOID, body, [("reason", "reason")])).await? {
        Ended::Done(response) => Ok(response),
        Ended::Refused(errors) => Box::pin(void_page(&visit, &id, &invoice, typed, errors)).await,
    }
}

/// The outcome of a form that ends an invoice.
enum Ended {
    /// The answer, which leads to the invoice.
    Done(Response),
    Refused(Errors),
}

/// Ends an invoice: `how` is the API's name for it. `fields` are the API's fields with those of the form.
async fn end<const N: usize>(
    visit: &Visit,
    id: &str,
    invoice: &str,
    how: &str,
    body: Value,
    fields: [(&str, &'static str); N],
) -> Result<Ended, Failure> {
    let call = visit.api().call(Method::POST, &["accounts", id, "invoices", invoice, how]);
    match Box::pin(call.body(body).answer::<Invoice>()).await {
        Ok(ended) => Ok(Ended::Done(visit.lead_to(&path_of(id, &ended.invoice_id), how))),
        Err(ApiError::Problem(problem)) if problem.status == 409 => {
            let mut errors = Errors::default();
            errors.add(fields[0].1, InvoiceWords(visit.locale).ended());
            Ok(Ended::Refused(errors))
        }
        Err(ApiError::Problem(problem)) if problem.status == 422 => {
            Ok(Ended::Refused(Errors::of_problem(&problem, &fields, visit.locale)))
        }
        Err(problem) => Err(problem.into()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An invoice of November that differs in these values.
    pub(crate) fn invoice(changes: Value) -> Invoice {
        let mut invoice = json!({
            "invoiceId": "inv_2026-11", "number": 7, "month": "2026-11", "currency": "EUR", "carriedIn": "0",
            "charges": "87.6573", "amount": "87.6500", "carriedOver": "0.0073", "state": "open",
            "overdue": false, "issuedAt": "2026-12-02T00:00:00.000Z", "dueAt": "2027-01-01T00:00:00.000Z",
            "name": "A",
        });
        let Value::Object(changes) = changes else { panic!("changes are an object") };
        invoice.as_object_mut().unwrap().extend(changes);
        serde_json::from_value(invoice).unwrap()
    }

    #[test]
    fn a_further_part_of_a_file_has_no_heading() {
        assert_eq!(without_heading(b"\xef\xbb\xbfat,kind\r\n1,2\r\n3,4\r\n"), b"1,2\r\n3,4\r\n");
        assert_eq!(without_heading(b"at,kind"), b"");
    }

    #[test]
    fn an_amount_is_shown_as_the_sum_that_it_is() {
        let shown = |changes| amounts(&invoice(changes), InvoiceWords(Locale::En));
        let labels =
            |rows: &[(String, String)]| rows.iter().map(|(label, _)| label.clone()).collect::<Vec<_>>();
        let rows = shown(json!({}));
        assert_eq!(
            labels(&rows),
            ["Charges of November 2026", "Amount to pay", "Carried to the next invoice"]
        );
        assert_eq!(rows[1].1, "EUR\u{a0}87.65");
        assert_eq!(labels(&shown(json!({ "state": "void" })))[1], "Amount of the invoice");
        let rows = shown(json!({ "carriedIn": "-0.0050", "carriedOver": "0.0000" }));
        assert_eq!(
            labels(&rows),
            ["Charges of November 2026", "Carried from earlier months", "Amount to pay"]
        );
        assert_eq!(rows[1].1, "EUR\u{a0}\u{2212}0.0050");
    }

    #[test]
    fn a_state_has_its_colour_and_the_dates_that_matter() {
        let of = |changes| {
            let invoice = invoice(changes);
            let tag = tag_of(&invoice, Locale::En);
            let days =
                dates(&invoice, InvoiceWords(Locale::En)).into_iter().map(|(_, day)| day.text).collect();
            (tag.tone, tag.text, days)
        };
        let issued = "2 December 2026".to_owned();
        let due = "1 January 2027".to_owned();
        assert_eq!(of(json!({})), (Tone::Warn, "To be paid".to_owned(), vec![issued.clone(), due.clone()]));
        assert_eq!(
            of(json!({ "overdue": true })),
            (Tone::Bad, "Overdue".to_owned(), vec![issued.clone(), due])
        );
        let paid = json!({ "state": "paid", "paidAt": "2026-12-20T00:00:00.000Z" });
        let day = "20 December 2026".to_owned();
        assert_eq!(of(paid), (Tone::Good, "Paid".to_owned(), vec![issued.clone(), day.clone()]));
        let void = json!({ "state": "void", "voidedAt": "2026-12-20T00:00:00.000Z" });
        assert_eq!(of(void), (Tone::Info, "Cancelled".to_owned(), vec![issued.clone(), day]));
        assert_eq!(of(json!({ "state": "later" })), (Tone::Info, "later".to_owned(), vec![issued]));
    }

    #[test]
    fn a_payment_has_a_reference_and_a_day_that_has_begun() {
        let now = "2026-12-20T09:00:00Z".parse().unwrap();
        let check = |reference: &str, day: &str| {
            Payment { reference: reference.into(), day: day.into() }.check(now, InvoiceWords(Locale::Fr))
        };
        assert_eq!(
            check(" SEPA 4711 ", "2026-12-20").unwrap(),
            json!({ "reference": "SEPA 4711", "paidAt": "2026-12-20T00:00:00Z" })
        );
        for (reference, day, field) in [
            ("", "2026-12-20", "reference"),
            ("r", "2026-12-21", "day"),
            ("r", "", "day"),
            ("r", "soon", "day"),
        ] {
            assert!(check(reference, day).unwrap_err().of(field).is_some(), "{reference} {day}");
        }
    }

    #[test]
    fn only_the_operator_reads_who_ended_an_invoice() {
        let ended =
            invoice(json!({ "state": "paid", "reference": "SEPA 4711", "by": "otto", "poNumber": "7" }));
        let facts = |is_operator| {
            facts(&ended, is_operator, InvoiceWords(Locale::En))
                .into_iter()
                .map(|(_, text)| text)
                .collect::<Vec<_>>()
        };
        assert_eq!(facts(true), ["A", "7", "SEPA 4711", "otto"]);
        assert_eq!(facts(false), ["A", "7", "SEPA 4711"]);
    }
}
