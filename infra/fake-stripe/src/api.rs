//! `/v1/…`: the calls of Stripe's API.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::Value;

use crate::faults::{self, Kind, Moment};
use crate::form::Form;
use crate::idempotency::{self, Kept};
use crate::refusal::Refusal;
use crate::server::close;
use crate::state::{Cause, State, new_id};
use crate::version::VERSION;
use crate::{
    Shared, charges, checkout, customers, disputes, events, lock, payment_intents, payment_methods, refunds,
    setup_intents,
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const STRIPE_VERSION: HeaderName = HeaderName::from_static("stripe-version");
const MAX_KEY_CHARS: usize = 255;
/// The most calls that are remembered.
const MAX_CALLS: usize = 10_000;

/// A call of the API, for tests that count them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Call {
    method: String,
    path: String,
    parameters: String,
    idempotency_key: Option<String>,
}

/// The routes.
fn route(state: &mut State, method: &Method, path: &str, form: &mut Form) -> Result<Value, Refusal> {
    let segments: Vec<_> = path.trim_start_matches("/v1/").split('/').collect();
    match (method.as_str(), &segments[..]) {
        ("POST", ["customers"]) => customers::create(state, form),
        ("GET", ["customers"]) => customers::list(state, form),
        ("GET", ["customers", "search"]) => customers::search(state, form),
        ("GET", ["customers", id]) => customers::retrieve(state, id),
        ("POST", ["customers", id]) => customers::update(state, id, form),
        ("DELETE", ["customers", id]) => customers::delete(state, id),
        ("GET", ["customers", id, "payment_methods"]) => payment_methods::list(state, path, id, form),
        ("GET", ["customers", id, "payment_methods", method]) => {
            payment_methods::of_customer(state, id, method)
        }

        ("GET", ["payment_methods"]) => {
            let customer = form.required("customer")?;
            payment_methods::list(state, path, &customer, form)
        }
        ("GET", ["payment_methods", id]) => payment_methods::retrieve(state, id),
        ("POST", ["payment_methods", id]) => payment_methods::update(state, id, form),
        ("POST", ["payment_methods", id, "attach"]) => payment_methods::attach(state, id, form),
        ("POST", ["payment_methods", id, "detach"]) => payment_methods::detach(state, id),

        ("GET", ["setup_intents", id]) => setup_intents::retrieve(state, id),
        ("POST", ["checkout", "sessions"]) => checkout::create(state, form),
        ("GET", ["checkout", "sessions"]) => checkout::list(state, form),
        ("GET", ["checkout", "sessions", id]) => checkout::retrieve(state, id),
        ("POST", ["checkout", "sessions", id, "expire"]) => checkout::expire(state, id),

        ("POST", ["payment_intents"]) => payment_intents::create(state, form),
        ("GET", ["payment_intents"]) => payment_intents::list(state, form),
        ("GET", ["payment_intents", id]) => payment_intents::retrieve(state, id),
        ("POST", ["payment_intents", id, "confirm"]) => payment_intents::confirm(state, id, form),
        ("POST", ["payment_intents", id, "cancel"]) => payment_intents::cancel(state, id, form),

        ("GET", ["charges"]) => charges::list(state, form),
        ("GET", ["charges", id]) => charges::retrieve(state, id),
        ("POST", ["refunds"]) => refunds::create(state, form),
        ("GET", ["refunds"]) => refunds::list(state, form),
        ("GET", ["refunds", id]) => refunds::retrieve(state, id),
        ("GET", ["disputes"]) => disputes::list(state, form),
        ("GET", ["disputes", id]) => disputes::retrieve(state, id),
        ("GET", ["events"]) => events::list(state, form),
        ("GET", ["events", id]) => events::retrieve(state, id),

        _ => {
            let message = format!("Unrecognized request URL ({method}: {path}).");
            Err(Refusal::new(StatusCode::NOT_FOUND, "invalid_request_error", None, &message))
        }
    }
}

/// Carries out a call, and replaces ids in its answer by the objects that `expand[]` names.
fn carry_out(state: &mut State, method: &Method, path: &str, parameters: &str) -> Result<Value, Refusal> {
    let mut form = Form::parse(parameters);
    let expand = form.list("expand");
    let mut answer = route(state, method, path, &mut form)?;
    form.finish()?;
    state.expand(&mut answer, &expand)?;
    Ok(answer)
}

/// Answers a call: checks its key, meets faults, replays what was answered before, or carries it out.
pub(crate) async fn answer(
    Extract(shared): Extract<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request_id = new_id("req");
    let parameters = match method {
        Method::POST => String::from_utf8_lossy(&body).into_owned(),
        _ => uri.query().unwrap_or_default().to_owned(),
    };
    // Stripe accepts the header on every request, and uses it on POST alone.
    let key =
        Some(&headers).filter(|_| method == Method::POST).and_then(|headers| text(headers, &IDEMPOTENCY_KEY));
    let request =
        Request { method, path: uri.path().to_owned(), parameters, key: key.map(str::to_owned), request_id };
    remember(&shared, &request);
    if let Err(refusal) = check(&shared, &headers, &request) {
        return request.refuse(&refusal);
    }
    meet_and_do(&shared, &request).await
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

struct Request {
    method: Method,
    path: String,
    parameters: String,
    key: Option<String>,
    request_id: String,
}

impl Request {
    fn endpoint(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn respond(&self, status: StatusCode, body: String) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (HeaderName::from_static("request-id"), self.request_id.as_str()),
            (STRIPE_VERSION, VERSION),
        ];
        let mut response = (status, headers, body).into_response();
        if let Some(key) = self.key.as_deref().and_then(|key| key.parse().ok()) {
            response.headers_mut().insert(IDEMPOTENCY_KEY, key);
        }
        response
    }

    fn refuse(&self, refusal: &Refusal) -> Response {
        self.respond(refusal.status, refusal.body().to_string())
    }

    fn respond_kept(&self, kept: &Kept, is_replay: bool) -> Response {
        let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = self.respond(status, kept.answer.clone());
        if is_replay {
            let headers = response.headers_mut();
            headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
            if let Ok(original) = kept.request_id.parse() {
                headers.insert("original-request", original);
            }
        }
        response
    }

    /// The answer as it is kept for a repeated key.
    fn kept(&self, key: &str, at: i64, status: StatusCode, answer: &Value) -> Kept {
        Kept {
            key: key.to_owned(),
            endpoint: self.endpoint(),
            parameters: self.parameters.clone(),
            at,
            request_id: self.request_id.clone(),
            status: status.as_u16(),
            answer: answer.to_string(),
        }
    }
}

fn remember(shared: &Shared, request: &Request) {
    let mut calls = lock(&shared.calls);
    if calls.len() < MAX_CALLS {
        calls.push(Call {
            method: request.method.to_string(),
            path: request.path.clone(),
            parameters: request.parameters.clone(),
            idempotency_key: request.key.clone(),
        });
    }
}

/// Checks the headers.
fn check(shared: &Shared, headers: &HeaderMap, request: &Request) -> Result<(), Refusal> {
    let unauthorized =
        |message| Err(Refusal::new(StatusCode::UNAUTHORIZED, "invalid_request_error", None, message));
    let key = text(headers, &header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let Some(key) = key else {
        return unauthorized("You did not provide an API key.");
    };
    let accepted = shared.change(|state| state.keys.clone());
    let is_test_key = key.starts_with("sk_test_") || key.starts_with("rk_test_");
    if !is_test_key || !(accepted.is_empty() || accepted.iter().any(|accepted| accepted == key)) {
        return unauthorized("Invalid API Key provided");
    }
    let version = text(headers, &STRIPE_VERSION);
    if version.is_some_and(|version| version != VERSION) {
        return Err(Refusal::plain(&format!("The fake knows no Stripe API version but {VERSION}")));
    }
    let is_form = text(headers, &header::CONTENT_TYPE)
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if request.method == Method::POST && !request.parameters.is_empty() && !is_form {
        return Err(Refusal::plain("Invalid request: the body must be form-encoded."));
    }
    if request.key.as_ref().is_some_and(|key| key.chars().count() > MAX_KEY_CHARS) {
        return Err(Refusal::plain("The idempotency key can be at most 255 characters long."));
    }
    Ok(())
}

/// Marks the idempotency key of a request as in use, until this is dropped.
struct InUse<'a> {
    shared: &'a Shared,
    key: &'a str,
}

impl<'a> InUse<'a> {
    fn begin(shared: &'a Shared, key: &'a str) -> Option<Self> {
        let is_new = lock(&shared.in_progress).insert(key.to_owned());
        is_new.then(|| Self { shared, key })
    }
}

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        lock(&self.shared.in_progress).remove(self.key);
    }
}

/// Carries out a request and answers it. A fault may keep it from either.
async fn meet_and_do(shared: &Shared, request: &Request) -> Response {
    // The request listens for a release before it meets its fault, so that no release is missed.
    let released = shared.released.notified();
    let Some(fault) = lock(&shared.faults).meet(&request.method, &request.path) else {
        return do_once(shared, request, std::future::ready(())).await;
    };
    if let Kind::Hold = fault.kind {
        return do_once(shared, request, released).await;
    }
    if fault.moment == Moment::After {
        do_once(shared, request, std::future::ready(())).await;
    }
    match fault.kind {
        Kind::Timeout | Kind::Hold => {
            released.await;
            close()
        }
        Kind::Close => close(),
        Kind::Answer(answer) => answer_of_fault(shared, request, &answer),
    }
}

fn answer_of_fault(shared: &Shared, request: &Request, answer: &faults::Answer) -> Response {
    let refusal = answer.refusal();
    if let (true, Some(key)) = (answer.kept, &request.key) {
        shared.change(|state| {
            let kept = request.kept(key, state.now(), refusal.status, &refusal.body());
            state.tables.kept.put(kept);
        });
    }
    let mut response = request.refuse(&refusal);
    if let Some(should_retry) = answer.should_retry {
        let value = HeaderValue::from_static(if should_retry { "true" } else { "false" });
        response.headers_mut().insert("stripe-should-retry", value);
    }
    response
}

/// Carries out a request after a wait. One whose idempotency key is known gets the answer that the key has.
async fn do_once(shared: &Shared, request: &Request, wait: impl Future<Output = ()>) -> Response {
    let Some(key) = &request.key else {
        wait.await;
        return match shared.change(|state| begin(state, request)) {
            Ok(answer) => request.respond(StatusCode::OK, answer.to_string()),
            Err(refusal) => request.refuse(&refusal),
        };
    };
    let Some(in_use) = InUse::begin(shared, key) else {
        return request.refuse(&idempotency::in_use(key));
    };
    wait.await;
    let response = shared.change(|state| {
        match idempotency::replay(state, key, &request.endpoint(), &request.parameters) {
            Ok(Some(kept)) => return request.respond_kept(&kept, true),
            Ok(None) => {}
            Err(refusal) => return request.refuse(&refusal),
        }
        let (status, answer) = match begin(state, request) {
            Ok(answer) => (StatusCode::OK, answer),
            Err(refusal) if !refusal.is_result() => return request.refuse(&refusal),
            Err(refusal) => (refusal.status, refusal.body()),
        };
        let kept = request.kept(key, state.now(), status, &answer);
        let response = request.respond_kept(&kept, false);
        state.tables.kept.put(kept);
        response
    });
    drop(in_use);
    response
}

/// Carries out a request, whose events name it.
fn begin(state: &mut State, request: &Request) -> Result<Value, Refusal> {
    state.cause = Cause { id: Some(request.request_id.clone()), idempotency_key: request.key.clone() };
    let result = carry_out(state, &request.method, &request.path, &request.parameters);
    state.cause = Cause::default();
    result
}
