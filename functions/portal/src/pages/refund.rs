//! A refund of what is unspent of a purchase, which the operator makes. For everybody else the page does not exist.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, Query};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use contract::{Account, Purchase};
use domain::{AccountId, PaymentId};
use serde::Deserialize;
use serde_json::json;

use super::purchase::{REFUNDED, path_of};
use super::settings;
use crate::Portal;
use crate::account_view;
use crate::address::with_query;
use crate::api::{ApiError, Problem};
use crate::failure::Failure;
use crate::figures;
use crate::form::{Errors, Field, FieldKind};
use crate::frame::{Frame, Notice, Place, Tone, show_form};
use crate::random;
use crate::session::Visit;
use crate::words::RefundWords;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/accounts/{id}/purchases/{purchaseId}/refund", get(ask).post(refund))
}

/// The address of the page.
pub(super) fn address_of(account: &str, purchase: &str) -> String {
    format!("{}/refund", path_of(account, purchase))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    reason: String,
    key: String,
    /// The amount that the button has shown.
    amount: String,
}

#[derive(Template)]
#[template(path = "refund.html")]
struct Page {
    frame: Frame,
    t: RefundWords,
    errors: Errors,
    /// The sentences above the form, or in its place.
    texts: Vec<String>,
    /// None if nothing can be refunded.
    form: Option<AskedForm>,
    back: String,
}

struct AskedForm {
    reason: Field,
    key: String,
    amount: String,
    button: String,
}

async fn ask(
    visit: Visit,
    Path((id, purchase_id)): Path<(String, String)>,
    Query(asked): Query<Typed>,
) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let draft = visit.draft::<Typed>();
    let was_signed_out = draft.is_some();
    let typed = draft.unwrap_or(asked);
    if typed.key.is_empty() {
        // The key is part of the address, so a reload of this page stands for the same refund.
        let key = random::text();
        let keyed = with_query(&address_of(&id, &purchase_id), [("key", key.as_str())]);
        return Ok(Redirect::to(&keyed).into_response());
    }
    let (purchase, account) = read(&visit, &id, &purchase_id).await?;
    let mut page = page(&visit, &account, &purchase, typed, Errors::default());
    page.frame.notice = was_signed_out.then(|| settings::signed_out(visit.locale));
    Ok(crate::frame::show(&page))
}

async fn read(visit: &Visit, id: &str, purchase_id: &str) -> Result<(Purchase, Account), ApiError> {
    let path = ["accounts", id, "purchases", purchase_id];
    tokio::try_join!(visit.api().get(&path).answer::<Purchase>(), visit.api().account(id))
}

fn page(visit: &Visit, account: &Account, purchase: &Purchase, typed: Typed, errors: Errors) -> Page {
    let t = RefundWords(visit.locale);
    let shown = |amount: &str| figures::amount(amount, &purchase.currency, visit.locale);
    let mut frame = visit.frame_of(account, t.title(), Place::Elsewhere);
    frame.has_errors = !errors.is_empty();
    let reason = Field::new(FieldKind::Text, "reason", t.reason()).value(typed.reason).hint(t.reason_hint());
    let (texts, form) = match &purchase.refundable_amount {
        Some(amount) => {
            let card = purchase.card.as_ref().map(|card| account_view::card(card, visit.locale));
            let goes_back = match card {
                Some(card) => t.goes_back(shown(amount), shown(&purchase.amount), card),
                None => t.goes_back_unnamed(shown(amount), shown(&purchase.amount)),
            };
            let pauses = account.auto_recharge.enabled.then(|| t.pauses());
            let form = AskedForm {
                reason: reason.error(errors.of("reason")),
                key: typed.key,
                amount: amount.clone(),
                button: t.refund(shown(amount)),
            };
            ([Some(goes_back), pauses].into_iter().flatten().collect(), Some(form))
        }
        None if is_disputed(purchase) => (vec![t.disputed()], None),
        None => (vec![t.nothing()], None),
    };
    let back = path_of(&account.account_id, &purchase.purchase_id);
    Page { frame, t, errors, texts, form, back }
}

/// Whether a dispute withholds funds of the purchase, so that it cannot be refunded.
fn is_disputed(purchase: &Purchase) -> bool {
    purchase.disputes.iter().any(|dispute| dispute.frozen_amount.is_some() && dispute.ended_at.is_none())
}

/// Whether the refund that the form stands for was made before.
fn was_made(purchase: &Purchase, account: &AccountId, typed: &Typed) -> bool {
    let Ok(purchase_id) = PaymentId::parse(&purchase.purchase_id) else { return false };
    let id = PaymentId::of_refund(account, &purchase_id, &typed.key);
    purchase.refunds.iter().any(|refund| refund.refund_id == id.as_str())
}

async fn refund(
    visit: Visit,
    Path((id, purchase_id)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let account_id = AccountId::parse(id.as_str()).map_err(|_| Failure::NotFound)?;
    let (purchase, account) = read(&visit, &id, &purchase_id).await?;
    let is_as_shown = purchase.refundable_amount.as_ref() == Some(&typed.amount);
    if !is_as_shown && !was_made(&purchase, &account_id, &typed) {
        let mut page = page(&visit, &account, &purchase, typed, Errors::default());
        page.frame.notice = Some(Notice::new(Tone::Warn, page.t.changed(), page.t.changed_text()));
        return Ok((StatusCode::CONFLICT, crate::frame::show(&page)).into_response());
    }
    let path = ["accounts", &id, "purchases", &purchase_id, "refund"];
    let call = visit.api().call(Method::POST, &path);
    let call = call.idempotency_key(&typed.key).body(json!({ "reason": typed.reason.trim() }));
    match call.answer::<Purchase>().await {
        Ok(_) => Ok(visit.lead_to(&path_of(&id, &purchase_id), REFUNDED)),
        Err(ApiError::Problem(problem)) if [409, 422].contains(&problem.status) => {
            let (purchase, account) = read(&visit, &id, &purchase_id).await?;
            let errors = errors_of(&problem, RefundWords(visit.locale));
            // The key stands for what was refused. Another try is another refund.
            let key = if problem.status == 422 { typed.key } else { random::text() };
            let page = page(&visit, &account, &purchase, Typed { key, ..typed }, errors);
            Ok(show_form(&page, &page.errors))
        }
        Err(problem) => Err(problem.into()),
    }
}

fn errors_of(problem: &Problem, t: RefundWords) -> Errors {
    let mut errors = Errors::default();
    let text = match problem.code.as_str() {
        "nothingToRefund" => t.nothing(),
        "purchaseDisputed" => t.disputed(),
        "tooManyRefunds" => t.too_many(),
        "refundFailed" => t.failed(),
        "idempotencyKeyReused" => t.key_reused(),
        _ => return Errors::of_problem(problem, &[("reason", "reason")], t.0),
    };
    errors.add("reason", text);
    errors
}
