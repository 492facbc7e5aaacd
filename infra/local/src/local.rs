//! Routes that only the one-machine host has, under `/_local/`: tokens, time, schedules, faults, queues, mails, and the card
//! processor's record.

use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::time::in_range;
use jiff::{SignedDuration, Timestamp};
use publish::{Redrive, Republish, RepublishError};
use recharge::Leases;
use reconcile::ReconcileError;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::charges;
use crate::faults::Fault;
use crate::gateway::respond;
use crate::mail::Mail;
use crate::queues::{Delivery, Sent};
use crate::tokens::TokenRequest;
use crate::{Machine, document};
use api::Problem;
use contract::Code;

/// How long `drain` waits.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// The most further copies of an event.
const MAX_DUPLICATES: u32 = 1_000;

/// The largest message that SQS takes.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// The longest message group or deduplication id that SQS takes.
const MAX_ID_CHARS: usize = 128;

/// The routes.
pub fn router(machine: &Machine) -> Router {
    Router::new()
        .route("/_local/token", post(token))
        .route("/_local/time", get(time).post(set_time).delete(release_time))
        .route("/_local/run/{schedule}", post(run))
        .route("/_local/drain", post(drain))
        .route("/_local/metrics", get(metrics))
        .route("/_local/faults", get(armed_faults).post(arm_fault).delete(disarm_faults))
        .route("/_local/republish", post(republish))
        .route("/_local/undelivered", get(undelivered))
        .route("/_local/undelivered/redrive", post(redrive_undelivered))
        .route("/_local/delivery", post(deliver))
        .route("/_local/queues/debits", post(send).layer(DefaultBodyLimit::max(2 * MAX_MESSAGE_BYTES)))
        .route("/_local/dead-letters", get(dead_letters))
        .route("/_local/dead-letters/redrive", post(redrive))
        .route("/_local/mail", get(mails).delete(empty_mailbox))
        .route("/_local/charges/{account}", get(charges::list))
        .route("/_local/charges/{account}/{purchase}", post(charges::act))
        .route("/openapi.json", get(openapi))
        .with_state(machine.clone())
}

/// An error of these routes, in the API's own form.
pub(crate) struct Failure(pub(crate) Problem);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        respond(self.0.into_reply().into_event())
    }
}

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Problem::Internal(error.to_string()))
    }
}

pub(crate) fn wrong(field: &str, expected: &str) -> Failure {
    Failure(Problem::field(field, Code::Invalid, expected))
}

pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a str) -> Result<T, Failure> {
    serde_json::from_str(body).map_err(|problem| wrong("body", &problem.to_string()))
}

/// Issues a token, as JSON or bare with `Accept: text/plain`.
async fn token(machine: State<Machine>, headers: HeaderMap, body: String) -> Result<Response, Failure> {
    let request: TokenRequest = read(&body)?;
    if !["operator", "admin", "viewer", "platform"].contains(&request.role.as_str()) {
        return Err(wrong("role", "expected operator, admin, viewer or platform"));
    }
    let token = machine.tokens.issue(request)?;
    let wants_text = headers.get(header::ACCEPT).is_some_and(|accept| accept == "text/plain");
    Ok(if wants_text { token.into_response() } else { Json(json!({ "token": token })).into_response() })
}

async fn time(machine: State<Machine>) -> Json<Value> {
    Json(json!({ "now": machine.clock.now(), "set": machine.clock.set_to().is_some() }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewTime {
    now: Option<Timestamp>,
    advance_seconds: Option<i64>,
}

/// Sets the clock, which then stands still. It runs no schedule.
async fn set_time(machine: State<Machine>, body: String) -> Result<Json<Value>, Failure> {
    let instant = match read(&body)? {
        NewTime { now: Some(now), advance_seconds: None } => Some(now),
        NewTime { now: None, advance_seconds: Some(seconds) } => {
            machine.clock.now().checked_add(SignedDuration::from_secs(seconds)).ok()
        }
        _ => return Err(wrong("body", "expected either now or advanceSeconds")),
    };
    let instant = instant.filter(|instant| in_range(*instant));
    machine
        .clock
        .set(instant.ok_or_else(|| wrong("body", "expected an instant of the years 2000 to 9000"))?)?;
    Ok(Json(json!({ "now": machine.clock.now() })))
}

/// Lets the clock follow the machine's time again.
async fn release_time(machine: State<Machine>) -> Result<Json<Value>, Failure> {
    machine.clock.release()?;
    Ok(time(machine).await)
}

/// Runs a schedule now. The body may tell `reconcile` which accounts to reconcile.
async fn run(
    machine: State<Machine>,
    Path(schedule): Path<String>,
    body: String,
) -> Result<Response, Failure> {
    let now = machine.clock.now();
    match schedule.as_str() {
        "expire" => Ok(Json(machine.functions.expire(now).await?).into_response()),
        "invoice" => Ok(Json(machine.functions.invoice(now).await?).into_response()),
        "rate" => Ok(Json(machine.functions.rate(now).await?).into_response()),
        "recover" => Ok(Json(machine.functions.recover(now, Leases::Ignored).await?).into_response()),
        "reconcile" => {
            let request: Option<reconcile::Request> = if body.is_empty() { None } else { read(&body)? };
            match machine.functions.reconcile(request.unwrap_or_default()).await {
                Ok(summary) => Ok(Json(summary).into_response()),
                Err(ReconcileError::NoAccount(_)) => Err(Failure(Problem::NoAccount)),
                Err(problem) => Err(problem.into()),
            }
        }
        _ => {
            Err(Failure(Problem::NotFound("schedule; expected expire, invoice, rate, recover or reconcile")))
        }
    }
}

async fn drain(machine: State<Machine>) -> Result<StatusCode, Failure> {
    match tokio::time::timeout(DRAIN_TIMEOUT, machine.drain()).await {
        Ok(drained) => Ok(drained.map(|()| StatusCode::OK)?),
        Err(_) => Ok(StatusCode::GATEWAY_TIMEOUT),
    }
}

/// Publishes a period again, with the same ids of events.
async fn republish(machine: State<Machine>, body: String) -> Result<Response, Failure> {
    let request: Republish = read(&body)?;
    match machine.functions.republish(request).await {
        Ok(republished) => Ok(Json(republished).into_response()),
        Err(RepublishError::Period) => Err(wrong("to", "expected an instant after from")),
        Err(RepublishError::Both) => Err(wrong("after", "expected it without accountId")),
        Err(problem) => Err(problem.into()),
    }
}

/// Lists the records of the stream that could not be published.
async fn undelivered(machine: State<Machine>) -> Result<Json<Value>, Failure> {
    Ok(Json(json!({ "undelivered": machine.bucket.list().await? })))
}

/// Publishes undelivered records, with the ids that their events would have had.
async fn redrive_undelivered(machine: State<Machine>, body: String) -> Result<Response, Failure> {
    let request: Option<Redrive> = if body.is_empty() { None } else { read(&body)? };
    Ok(Json(machine.functions.redrive(request.unwrap_or_default()).await?).into_response())
}

/// Sets how events are delivered from now on, such as repeatedly or out of order.
async fn deliver(machine: State<Machine>, body: String) -> Result<StatusCode, Failure> {
    let delivery: Delivery = read(&body)?;
    if delivery.duplicates > MAX_DUPLICATES {
        return Err(wrong("duplicates", "expected at most 1000"));
    }
    machine.queues.deliver(delivery);
    Ok(StatusCode::NO_CONTENT)
}

/// The attributes of a message, with SQS's names.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SendMessage {
    /// If it is left out, the account in the message.
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

/// Sends a message to the FIFO queue of `debit`, as a platform does with SQS's `SendMessage`. The message is stored as it
/// is, since the function refuses one that it cannot read.
async fn send(
    machine: State<Machine>,
    Query(attributes): Query<SendMessage>,
    body: String,
) -> Result<(StatusCode, Json<Value>), Failure> {
    if body.is_empty() {
        return Err(wrong("body", "expected a message"));
    }
    if body.len() > MAX_MESSAGE_BYTES {
        return Err(Failure(Problem::TooLarge("expected a message of at most 1 MiB".to_owned())));
    }
    let account = || Some(serde_json::from_str::<Value>(&body).ok()?["accountId"].as_str()?.to_owned());
    let group = attributes.message_group_id.or_else(account).filter(|group| is_message_attribute(group));
    let group =
        group.ok_or_else(|| wrong("messageGroupId", "expected an account's id, here or in the message"))?;
    let deduplication_id = attributes.message_deduplication_id;
    if !deduplication_id.as_deref().is_none_or(is_message_attribute) {
        return Err(wrong("messageDeduplicationId", "expected 1 to 128 visible ASCII characters"));
    }
    let message_id = machine.queues.send(Sent { group, deduplication_id, body }).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "messageId": message_id }))))
}

fn is_message_attribute(text: &str) -> bool {
    (1..=MAX_ID_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

async fn dead_letters(machine: State<Machine>) -> Result<Json<Value>, Failure> {
    Ok(Json(json!({ "deadLetters": machine.queues.dead_letters().await? })))
}

async fn redrive(machine: State<Machine>) -> Result<Json<Value>, Failure> {
    Ok(Json(json!({ "redriven": machine.queues.redrive().await? })))
}

#[derive(Deserialize)]
struct Recipient {
    to: Option<String>,
}

async fn mails(
    machine: State<Machine>,
    Query(Recipient { to }): Query<Recipient>,
) -> Result<Json<Vec<Mail>>, Failure> {
    Ok(Json(machine.mailbox.list(to).await?))
}

async fn empty_mailbox(machine: State<Machine>) -> Result<StatusCode, Failure> {
    machine.mailbox.empty().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn metrics(machine: State<Machine>) -> Json<Value> {
    let functions: Map<_, _> = machine
        .functions
        .metrics()
        .into_iter()
        .map(|metrics| (metrics.name.to_owned(), json!(metrics)))
        .collect();
    Json(json!({ "functions": functions }))
}

/// Lists the faults that are still to happen.
async fn armed_faults(machine: State<Machine>) -> Json<Value> {
    Json(json!({ "faults": machine.faults.armed() }))
}

async fn arm_fault(machine: State<Machine>, body: String) -> Result<StatusCode, Failure> {
    let fault: Fault = read(&body)?;
    if fault.count == 0 {
        return Err(wrong("count", "expected at least 1"));
    }
    machine.faults.arm(fault);
    Ok(StatusCode::NO_CONTENT)
}

async fn disarm_faults(machine: State<Machine>) -> StatusCode {
    machine.faults.disarm();
    StatusCode::NO_CONTENT
}

async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(document::openapi())
}
