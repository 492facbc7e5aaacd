//! A refund of what is unspent of a purchase, which the operator makes. For everybody else the page does not exist.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, Query};
use axum::http::Method;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use contract::{Account, Purchase};
use serde::Deserialize;
use serde_json::json;

use super::purchase::{REFUNDED, path_of};
use crate::Portal;
use crate::account_view;
use crate::address::with_query;
use crate::api::{ApiError, Problem};
use crate::failure::Failure;
use crate::figures;
use crate::form::{Errors, Field, FieldKind};
use crate::frame::{Frame, Place, show_form};
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
    button: String,
}

async fn ask(
    visit: Visit,
    Path((id, purchase_id)): Path<(String, String)>,
    Query(typed): Query<Typed>,
) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    if typed.key.is_empty() {
        // The key is part of the address, so a reload of this page stands for the same refund.
        let key = random::text();
        let keyed = with_query(&address_of(&id, &purchase_id), [("key", key.as_str())]);
        return Ok(Redirect::to(&keyed).into_response());
    }
    let (purchase, account) = read(&visit, &id, &purchase_id).await?;
    Ok(page(&visit, &account, &purchase, typed, Errors::default()))
}

async fn read(visit: &Visit, id: &str, purchase_id: &str) -> Result<(Purchase, Account), ApiError> {
    let path = ["accounts", id, "purchases", purchase_id];
    tokio::try_join!(visit.api().get(&path).answer::<Purchase>(), visit.api().account(id))
}

fn page(visit: &Visit, account: &Account, purchase: &Purchase, typed: Typed, errors: Errors) -> Response {
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
                button: t.refund(shown(amount)),
            };
            ([Some(goes_back), pauses].into_iter().flatten().collect(), Some(form))
        }
        None => (vec![t.nothing()], None),
    };
    let back = path_of(&account.account_id, &purchase.purchase_id);
    let page = Page { frame, t, errors, texts, form, back };
    show_form(&page, &page.errors)
}

async fn refund(
    visit: Visit,
    Path((id, purchase_id)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    visit.must_be_operator()?;
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
            Ok(page(&visit, &account, &purchase, Typed { key, ..typed }, errors))
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
