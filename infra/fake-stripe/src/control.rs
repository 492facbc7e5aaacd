//! `/_fake/…`: what cardholders, banks, networks and the dashboard do, and faults, by request.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::faults::Fault;
use crate::refusal::Refusal;
use crate::state::State;
use crate::webhooks::{Endpoint, Policy, Run, deliver};
use crate::{
    Shared, cards, charges, checkout, customers, disputes, lock, payment_intents, payment_methods, refunds,
};

type Fake = Extract<Arc<Shared>>;
type Answer = Result<Json<Value>, Refusal>;

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_fake/faults", get(armed).post(arm).delete(disarm))
        .route("/_fake/release", post(release))
        .route("/_fake/calls", get(calls).delete(forget_calls))
        .route("/_fake/clock", get(clock).post(set_clock).delete(release_clock))
        .route("/_fake/keys", post(set_keys))
        .route("/_fake/search", post(index))
        .route("/_fake/payment_methods/{id}", post(update_card))
        .route("/_fake/payment_methods/{id}/detach", post(detach_card))
        .route("/_fake/customers/{id}/delete", post(delete_customer))
        .route("/_fake/checkout/sessions/{id}/enter", post(enter_card))
        .route("/_fake/payment_intents/{id}", post(contradict))
        .route("/_fake/payment_intents/{id}/authenticate", post(authenticate))
        .route("/_fake/payment_intents/{id}/settle", post(settle))
        .route("/_fake/charges/{id}/refund", post(refund))
        .route("/_fake/refunds/{id}/{step}", post(move_refund))
        .route("/_fake/charges/{id}/dispute", post(dispute))
        .route("/_fake/charges/{id}/dispute/{step}", post(move_dispute))
        .route("/_fake/webhook", post(set_webhook))
        .route("/_fake/deliveries", get(policy).post(set_policy))
        .route("/_fake/deliveries/run", post(run_deliveries))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.body())).into_response()
    }
}

/// Reads a body. An empty one has no fields.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Refusal::plain(&error.to_string()))
}

fn change(shared: &Shared, change: impl FnOnce(&mut State) -> Result<Value, Refusal>) -> Answer {
    shared.change(change).map(Json)
}

async fn armed(Extract(shared): Fake) -> Json<Value> {
    Json(json!({ "faults": lock(&shared.faults).0 }))
}

async fn arm(Extract(shared): Fake, body: Bytes) -> Result<StatusCode, Refusal> {
    lock(&shared.faults).0.push(read::<Fault>(&body)?);
    Ok(StatusCode::NO_CONTENT)
}

async fn disarm(Extract(shared): Fake) -> StatusCode {
    lock(&shared.faults).0.clear();
    StatusCode::NO_CONTENT
}

async fn release(Extract(shared): Fake) -> StatusCode {
    shared.released.notify_waiters();
    StatusCode::NO_CONTENT
}

async fn calls(Extract(shared): Fake) -> Json<Value> {
    Json(json!({ "calls": *lock(&shared.calls) }))
}

async fn forget_calls(Extract(shared): Fake) -> StatusCode {
    lock(&shared.calls).clear();
    StatusCode::NO_CONTENT
}

async fn clock(Extract(shared): Fake) -> Json<Value> {
    Json(shared.change(|state| json!({ "now": state.now(), "set": state.set_to.is_some() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTime {
    now: Option<Timestamp>,
    advance_seconds: Option<i64>,
}

async fn set_clock(shared: Fake, body: Bytes) -> Result<Json<Value>, Refusal> {
    let new: NewTime = read(&body)?;
    shared.change(|state| {
        let now = state.instant();
        let time = match (new.now, new.advance_seconds) {
            (Some(time), None) => Some(time),
            (None, Some(seconds)) => now.checked_add(SignedDuration::from_secs(seconds)).ok(),
            _ => None,
        };
        state.set_to = Some(time.ok_or_else(|| Refusal::plain("expected either now or advance_seconds"))?);
        Ok(())
    })?;
    Ok(clock(shared).await)
}

async fn release_clock(shared: Fake) -> Json<Value> {
    shared.change(|state| state.set_to = None);
    clock(shared).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    keys: Vec<String>,
}

async fn set_keys(Extract(shared): Fake, body: Bytes) -> Result<StatusCode, Refusal> {
    let Keys { keys } = read(&body)?;
    shared.change(|state| state.keys = keys);
    Ok(StatusCode::NO_CONTENT)
}

/// Tells searches of every customer.
async fn index(Extract(shared): Fake) -> StatusCode {
    shared.change(|state| {
        let ids: Vec<_> = state.tables.customers.oldest().map(|customer| customer.id.clone()).collect();
        for id in ids {
            if let Some(customer) = state.tables.customers.get_mut(&id) {
                customer.is_indexed = true;
            }
        }
    });
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCard {
    exp_month: Option<i64>,
    exp_year: Option<i64>,
    last4: Option<String>,
}

async fn update_card(Extract(shared): Fake, Path(id): Path<String>, body: Bytes) -> Answer {
    let new: NewCard = read(&body)?;
    change(&shared, |state| {
        let method = state.tables.payment_methods.get(&id);
        let mut method = method.ok_or_else(|| Refusal::no_object("PaymentMethod", &id, None))?.clone();
        method.exp_month = new.exp_month.unwrap_or(method.exp_month);
        method.exp_year = new.exp_year.unwrap_or(method.exp_year);
        method.last4 = new.last4.unwrap_or(method.last4);
        Ok(payment_methods::changed(state, method, "payment_method.automatically_updated"))
    })
}

async fn detach_card(Extract(shared): Fake, Path(id): Path<String>) -> Answer {
    change(&shared, |state| payment_methods::detach(state, &id))
}

async fn delete_customer(Extract(shared): Fake, Path(id): Path<String>) -> Answer {
    change(&shared, |state| customers::delete(state, &id))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    card: String,
}

async fn enter_card(Extract(shared): Fake, Path(id): Path<String>, body: Bytes) -> Answer {
    let Chosen { card } = read(&body)?;
    let card = cards::by_token(&card).ok_or_else(|| Refusal::no_object("PaymentMethod", &card, None))?;
    change(&shared, |state| Ok(checkout::enter(state, &id, card)?.json()))
}

async fn contradict(Extract(shared): Fake, Path(id): Path<String>, body: Bytes) -> Answer {
    let new = read(&body)?;
    change(&shared, |state| payment_intents::contradict(state, &id, new))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    approved: bool,
}

async fn authenticate(Extract(shared): Fake, Path(id): Path<String>, body: Bytes) -> Answer {
    let Decision { approved } = read(&body)?;
    change(&shared, |state| Ok(payment_intents::authenticate(state, &id, approved)?.json()))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settlement {
    declined: bool,
}

async fn settle(Extract(shared): Fake, Path(id): Path<String>, body: Bytes) -> Answer {
    let Settlement { declined } = read(&body)?;
    change(&shared, |state| payment_intents::settle(state, &id, declined))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Repayment {
    amount: Option<i64>,
}

async fn refund(Extract(shared): Fake, Path(id): Path<String>, body: Bytes) -> Answer {
    let Repayment { amount } = read(&body)?;
    change(&shared, |state| {
        let charge = charges::paid(state, &id).cloned();
        let charge = charge.ok_or_else(|| Refusal::no_object("charge", &id, None))?;
        refunds::make(state, charge, amount, Some("requested_by_customer".to_owned()), Map::new())
    })
}

fn no_step(step: &str) -> Refusal {
    Refusal::no_object("step", step, None)
}

async fn move_refund(Extract(shared): Fake, Path((id, step)): Path<(String, String)>) -> Answer {
    let (status, reason) = match step.as_str() {
        "fail" => (refunds::Status::Failed, Some("lost_or_stolen_card".to_owned())),
        "succeed" => (refunds::Status::Succeeded, None),
        "cancel" => (refunds::Status::Canceled, None),
        _ => return Err(no_step(&step)),
    };
    change(&shared, |state| refunds::move_on(state, &id, status, reason))
}

async fn dispute(Extract(shared): Fake, Path(id): Path<String>, body: Bytes) -> Answer {
    let opening = read(&body)?;
    change(&shared, |state| {
        let charge = disputes::paid(state, &id)?;
        Ok(disputes::open(state, charge, opening))
    })
}

async fn move_dispute(
    Extract(shared): Fake,
    Path((id, step)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    match step.as_str() {
        "withdraw" => change(&shared, |state| disputes::withdraw(state, &id)),
        "reinstate" => {
            let funds = read(&body)?;
            change(&shared, |state| disputes::reinstate(state, &id, funds))
        }
        "close" => {
            let closing = read(&body)?;
            change(&shared, |state| disputes::close(state, &id, &closing))
        }
        _ => Err(no_step(&step)),
    }
}

async fn set_webhook(Extract(shared): Fake, body: Bytes) -> Result<StatusCode, Refusal> {
    let endpoint: Endpoint = read(&body)?;
    shared.change(|state| state.endpoint = Some(endpoint));
    Ok(StatusCode::NO_CONTENT)
}

async fn policy(Extract(shared): Fake) -> Json<Policy> {
    Json(shared.policy())
}

async fn set_policy(Extract(shared): Fake, body: Bytes) -> Result<StatusCode, Refusal> {
    let policy: Policy = read(&body)?;
    shared.change(|state| state.policy = policy);
    shared.happened.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

async fn run_deliveries(Extract(shared): Fake, body: Bytes) -> Answer {
    let run: Run = read(&body)?;
    Ok(Json(json!({ "deliveries": deliver(&shared, run).await })))
}
