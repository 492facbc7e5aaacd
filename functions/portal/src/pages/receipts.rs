//! "Receipts and invoices": every payment with its receipt, every invoice, and the PO number that is printed on them.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, Query};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use contract::{Account, Invoice, Invoices};
use domain::Locale;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use wording::glossary;

use super::add_funds::Begun;
use super::invoice;
use super::purchase::{Payment, Payments, path_of};
use super::settings::{self, Both, Difference, LastChanged, Outcome, Seen, save};
use crate::Portal;
use crate::account_view::{self, Tag};
use crate::address::with_query;
use crate::api::ApiError;
use crate::failure::Failure;
use crate::figures;
use crate::form::{Errors, Field, FieldKind};
use crate::frame::{Frame, Notice, Place, Tone};
use crate::session::Visit;
use crate::words::{FormWords, ReceiptsWords};

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/accounts/{id}/receipts", get(show))
        .route("/accounts/{id}/receipts/po-number", get(show_po_number).post(save_po_number))
        .route("/accounts/{id}/receipts/{file}", get(receipt))
}

/// Rows of a table.
const ROWS: &str = "50";

/// The notice of the page after saving.
const SAVED: &str = "saved";
const REMOVED: &str = "removed";

/// The query of the page's address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// Where the table of payments begins.
    cursor: String,
    /// Where the table of invoices begins.
    invoices: String,
}

impl Asked {
    /// The page's address with these places.
    fn address(&self, id: &str) -> String {
        let places = [("cursor", self.cursor.as_str()), ("invoices", &self.invoices)];
        with_query(&address_of(id), places)
    }
}

/// The page's address.
pub(super) fn address_of(id: &str) -> String {
    format!("/accounts/{id}/receipts")
}

/// A payment's row.
struct PaymentRow {
    at: String,
    instant: String,
    href: String,
    kind: String,
    amount: String,
    card: String,
    tag: Tag,
    /// The labels and the addresses of its receipt and credit notes.
    documents: Vec<(String, String)>,
}

/// An invoice's row.
struct InvoiceRow {
    /// The label and the address of its page.
    link: (String, String),
    month: String,
    amount: String,
    tag: Tag,
    /// When it is due, or was paid.
    when: Option<(String, String)>,
    /// The labels and the addresses of its files.
    files: [(String, String); 2],
}

/// A table, and the addresses of its newest and its older rows.
struct Table<R> {
    rows: Vec<R>,
    newest: Option<String>,
    older: Option<String>,
}

#[derive(Template)]
#[template(path = "receipts.html")]
struct Page {
    frame: Frame,
    t: ReceiptsWords,
    id: String,
    /// The page's own address.
    here: String,
    po_number: Option<String>,
    may_change: bool,
    /// None if they could not be read.
    payments: Option<Table<PaymentRow>>,
    /// The same.
    invoices: Option<Table<InvoiceRow>>,
    /// Whether invoices are of no interest: the account has none and pays before use.
    without_invoices: bool,
}

async fn show(visit: Visit, Path(id): Path<String>, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    Ok(crate::frame::show(&Box::pin(page(&visit, &id, &asked)).await?))
}

async fn page(visit: &Visit, id: &str, asked: &Asked) -> Result<Page, Failure> {
    let t = ReceiptsWords(visit.locale);
    let list = |what: &str, cursor: &str| {
        visit.api().get(&["accounts", id, what]).query("limit", ROWS).query_if_given("cursor", cursor)
    };
    let payments = list("purchases", &asked.cursor).answer::<Payments>();
    let invoices = list("invoices", &asked.invoices).answer::<Invoices>();
    let (account, payments, invoices) = tokio::join!(visit.api().account(id), payments, invoices);
    let account = account?;
    let id = &account.account_id;
    let notice = match visit.said() {
        Some(SAVED) => Some(Notice::new(Tone::Good, t.po_number_saved(), t.po_number_saved_text())),
        Some(REMOVED) => Some(Notice::new(Tone::Good, t.po_number_removed(), t.po_number_removed_text())),
        _ => None,
    };
    let payments = payments.ok().map(|payments| Table {
        rows: payments.purchases.iter().map(|payment| PaymentRow::of(id, payment, t)).collect(),
        newest: newest(&asked.cursor, &Asked { cursor: String::new(), ..asked.clone() }, id),
        older: payments.next.map(|cursor| Asked { cursor, ..asked.clone() }.address(id)),
    });
    let invoices = invoices.ok().map(|invoices| Table {
        rows: invoices.invoices.iter().map(|invoice| InvoiceRow::of(id, invoice, t)).collect(),
        newest: newest(&asked.invoices, &Asked { invoices: String::new(), ..asked.clone() }, id),
        older: invoices.next.map(|invoices| Asked { invoices, ..asked.clone() }.address(id)),
    });
    let has_none = invoices.as_ref().is_some_and(|invoices| invoices.rows.is_empty());
    let without_invoices = account.billing_model == "prepaid" && has_none && asked.invoices.is_empty();
    Ok(Page {
        frame: visit.frame_of(&account, t.title(), Place::Receipts).noticing(notice),
        t,
        here: asked.address(id),
        id: id.clone(),
        po_number: account.po_number.clone(),
        may_change: visit.may_change(),
        payments,
        invoices,
        without_invoices,
    })
}

/// The address of the newest rows, unless they are shown.
fn newest(cursor: &str, without: &Asked, id: &str) -> Option<String> {
    (!cursor.is_empty()).then(|| without.address(id))
}

impl PaymentRow {
    fn of(id: &str, payment: &Payment, t: ReceiptsWords) -> Self {
        let at: Timestamp = payment.created_at.into();
        let purchase = &payment.purchase_id;
        let receipt = |number| (t.receipt_link(number), format!("{}/{purchase}.pdf", address_of(id)));
        let notes = payment.credit_notes(id).map(|(number, href)| (t.credit_note_link(number), href));
        Self {
            at: figures::minute(at, t.0),
            instant: at.to_string(),
            href: path_of(id, purchase),
            kind: glossary::transaction_kind(&payment.kind, t.0).into_owned(),
            amount: payment.amount_in(t.0),
            card: payment.card.as_ref().map(|card| account_view::card(card, t.0)).unwrap_or_default(),
            tag: payment.tag(t.0),
            documents: payment.receipt_number.map(receipt).into_iter().chain(notes).collect(),
        }
    }
}

impl InvoiceRow {
    fn of(id: &str, invoice: &Invoice, t: ReceiptsWords) -> Self {
        let date = |instant: contract::Instant, say: &dyn Fn(String) -> String| {
            let instant = Timestamp::from(instant);
            (instant.to_string(), say(wording::date(instant, t.0)))
        };
        Self {
            link: (t.invoice_link(invoice.number), invoice::path_of(id, &invoice.invoice_id)),
            month: invoice::month_of(invoice, t.0),
            amount: figures::rounded(&invoice.amount, &invoice.currency, t.0),
            tag: invoice::tag_of(invoice, t.0),
            when: match (invoice.state.as_str(), invoice.paid_at) {
                (invoice::OPEN, _) => Some(date(invoice.due_at, &|day| t.due(day))),
                (_, Some(paid_at)) => Some(date(paid_at, &|day| t.paid_on(day))),
                _ => None,
            },
            files: invoice::files_of(id, invoice, t.0),
        }
    }
}

async fn receipt(visit: Visit, Path((id, name)): Path<(String, String)>) -> Result<Response, Failure> {
    let purchase = name.strip_suffix(".pdf").ok_or(Failure::NotFound)?;
    let call = visit.api().get(&["accounts", &id, "purchases", purchase, "receipt"]);
    let document = Box::pin(call.document("application/pdf")).await?;
    Ok(document.into_named("inline", "receipt.pdf"))
}

/// The form of the PO number, and the purchase that it leads back to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct PoNumber {
    #[serde(flatten)]
    seen: Seen,
    #[serde(rename = "poNumber")]
    number: Option<String>,
    amount: Option<String>,
    key: Option<String>,
}

#[derive(Template)]
#[template(path = "po_number.html")]
struct PoNumberPage {
    frame: Frame,
    t: ReceiptsWords,
    id: String,
    errors: Errors,
    field: Field,
    is_read_only: bool,
    value: String,
    seen: Seen,
    purchase: Option<Begun>,
    back: String,
}

/// The address of the page of the PO number.
fn po_number_of(id: &str) -> String {
    format!("{}/po-number", address_of(id))
}

/// The settings that the form is about.
fn values(account: &Account) -> Vec<String> {
    vec![account.po_number.clone().unwrap_or_default()]
}

impl PoNumber {
    fn purchase(&self, account: &Account) -> Option<Begun> {
        let begun = Begun { amount: self.amount.clone()?, key: self.key.clone()? };
        begun.amount(&account.currency).is_some().then_some(begun)
    }
}

async fn show_po_number(
    visit: Visit,
    Path(id): Path<String>,
    Query(asked): Query<PoNumber>,
) -> Result<Response, Failure> {
    let account = Box::pin(visit.api().account(&id)).await?;
    let draft = visit.draft::<PoNumber>();
    let was_signed_out = draft.is_some() && visit.may_change();
    let form = draft.unwrap_or_else(|| PoNumber { seen: Seen::of(&account, values), ..asked });
    let mut page = po_number_page(&visit, &account, &form, Errors::default());
    page.frame.notice = was_signed_out.then(|| settings::signed_out(visit.locale));
    Ok(crate::frame::show(&page))
}

fn po_number_page(visit: &Visit, account: &Account, form: &PoNumber, errors: Errors) -> PoNumberPage {
    let t = ReceiptsWords(visit.locale);
    let id = &account.account_id;
    let mut frame = visit.frame_of(account, t.po_number(), Place::Receipts);
    frame.has_errors = !errors.is_empty();
    let saved = account.po_number.clone();
    let field = Field::new(FieldKind::Text, "poNumber", t.po_number().to_owned());
    let field = field.hint(t.po_number_hint()).error(errors.of("poNumber")).optional();
    let purchase = form.purchase(account);
    PoNumberPage {
        frame,
        field: field.value(form.number.clone().or_else(|| saved.clone()).unwrap_or_default()),
        value: saved.unwrap_or_else(|| t.no_po_number()),
        is_read_only: !visit.may_change(),
        seen: form.seen.clone(),
        back: purchase.as_ref().map_or_else(|| address_of(id), |begun| begun.review(id)),
        purchase,
        id: id.clone(),
        errors,
        t,
    }
}

async fn save_po_number(
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Form<PoNumber>,
) -> Result<Response, Failure> {
    visit.must_change()?;
    let number = form.number.clone().unwrap_or_default();
    let body = json!({ "poNumber": number });
    let path = ["accounts", id.as_str()];
    let is_as_wanted = |account: &Account| account.po_number.as_deref().unwrap_or_default() == number.trim();
    match Box::pin(save(&visit, Method::PATCH, &path, body, &form.seen, values, is_as_wanted)).await {
        Ok(Outcome::Changed(account)) => Ok(changed(&visit, &account, &form)),
        Ok(Outcome::Saved(account)) => {
            let id = &account.account_id;
            Ok(match form.purchase(&account) {
                Some(begun) => Redirect::to(&begun.review(id)).into_response(),
                None => {
                    let said = if account.po_number.is_some() { SAVED } else { REMOVED };
                    visit.lead_to(&address_of(id), said)
                }
            })
        }
        Err(ApiError::Problem(problem)) if problem.status == 422 => {
            let account = Box::pin(visit.api().account(&id)).await?;
            let mut errors = Errors::default();
            errors.add("poNumber", wrong_number(&number, visit.locale));
            let page = po_number_page(&visit, &account, &form, errors);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, crate::frame::show(&page)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// The page that shows the PO number of now beside that of the form.
fn changed(visit: &Visit, account: &Account, form: &PoNumber) -> Response {
    let t = ReceiptsWords(visit.locale);
    let number = form.number.clone().unwrap_or_default();
    let shown = |number: &str| if number.is_empty() { t.no_po_number() } else { number.to_owned() };
    let path = po_number_of(&account.account_id);
    let purchase = form.purchase(account);
    let mut fields = vec![("poNumber", number.clone())];
    if let Some(Begun { amount, key }) = purchase.clone() {
        fields.extend([("amount", amount), ("key", key)]);
    }
    let both = Both {
        place: Place::Receipts,
        path: purchase.map_or_else(|| path.clone(), |begun| begun.address(&path)),
        settings: vec![Difference {
            label: t.po_number().to_owned(),
            now: shown(account.po_number.as_deref().unwrap_or_default()),
            yours: shown(number.trim()),
        }],
        fields,
        last: LastChanged::of(account.settings_changed.other.as_ref(), visit.locale),
    };
    settings::changed(visit, account, values, both)
}

/// The most characters of a PO number.
const LONGEST_PO_NUMBER: usize = 64;

/// The error of a PO number that the API refused.
fn wrong_number(number: &str, locale: Locale) -> String {
    if number.trim().chars().count() > LONGEST_PO_NUMBER {
        ReceiptsWords(locale).po_number_too_long()
    } else {
        FormWords(locale).wrong()
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::example::account;
    use super::*;

    #[test]
    fn each_table_has_a_place_of_its_own() {
        let asked = Asked { cursor: "a b".into(), invoices: "c".into() };
        assert_eq!(asked.address("x"), "/accounts/x/receipts?cursor=a+b&invoices=c");
        let first = Asked { cursor: String::new(), ..asked };
        assert_eq!(newest("a b", &first, "x").unwrap(), "/accounts/x/receipts?invoices=c");
        assert_eq!((newest("", &first, "x"), Asked::default().address("x")), (None, address_of("x")));
    }

    #[test]
    fn an_invoice_says_what_is_to_be_done() {
        let row = |changes| {
            let invoice = invoice::tests::invoice(changes);
            InvoiceRow::of("a", &invoice, ReceiptsWords(Locale::En))
        };
        let open = row(json!({}));
        assert_eq!(open.link, ("Invoice 7".to_owned(), "/accounts/a/invoices/inv_2026-11".to_owned()));
        assert_eq!((open.month.as_str(), open.amount.as_str()), ("November 2026", "EUR\u{a0}87.65"));
        assert_eq!(open.when.unwrap().1, "due on 1 January 2027");
        assert_eq!(open.files[1].1, "/accounts/a/invoices/inv_2026-11.csv");
        let paid = row(json!({ "state": "paid", "paidAt": "2026-12-20T10:00:00.000Z" }));
        assert_eq!(paid.when.unwrap().1, "on 20 December 2026");
        assert_eq!(row(json!({ "state": "void" })).when, None);
    }

    #[test]
    fn the_form_leads_back_to_the_purchase_that_it_was_opened_from() {
        let form = |amount: &str, key: &str| PoNumber {
            amount: Some(amount.to_owned()),
            key: Some(key.to_owned()),
            ..PoNumber::default()
        };
        let account = account(json!({}));
        assert!(form("200.00", &"k".repeat(24)).purchase(&account).is_some());
        assert!(form("200.001", &"k".repeat(24)).purchase(&account).is_none());
        assert!(form("200.00", "//evil.example").purchase(&account).is_none());
    }
}
