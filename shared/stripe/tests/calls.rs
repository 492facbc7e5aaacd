//! Calls to a server that answers as it is told: repeats, time-outs, keys, declines and lists.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test at its line")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use stripe::checkout::{NewSession, SessionStatus};
use stripe::payment_intent::{IntentStatus, NewPaymentIntent, Presence};
use stripe::refund::{NewRefund, RefundStatus};
use stripe::{Client, Error, KeySource, Limits, Metadata, NoKey, SecretKey};

/// What the server does with a request.
enum Answer {
    /// Status, `Stripe-Should-Retry` and body.
    Reply(u16, Option<&'static str>, &'static str),
    /// No answer for longer than the client waits.
    Silence,
    /// The connection ends without an answer.
    HangUp,
}

/// A request that the server has seen.
struct Seen {
    method: Method,
    uri: String,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

const ONE_TRY: Duration = Duration::from_secs(5);
const LIMITS: Limits =
    Limits { one_try: ONE_TRY, all_tries: Duration::from_mins(1), tries: 3, pause: Duration::ZERO };

const UNCONFIRMED: &str = r#"{"id": "pi_1", "status": "requires_confirmation", "amount": 5000, "currency": "eur", "customer": "cus_1"}"#;
const CHARGED: &str = r#"{"id": "pi_1", "status": "succeeded", "amount": 5000, "amount_received": 5000, "currency": "eur",
    "customer": "cus_1", "latest_charge": {"id": "ch_1", "failure_code": null}}"#;

impl Server {
    async fn start(answers: impl IntoIterator<Item = Answer>) -> (Self, String) {
        let server = Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        (server, url)
    }

    async fn with_client(answers: impl IntoIterator<Item = Answer>) -> (Self, Client) {
        let (server, url) = Self::start(answers).await;
        (server, Client::new(&url, Arc::new(SecretKey::new("sk_test_1")), LIMITS))
    }

    fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn answer(
    State(server): State<Server>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = String::from_utf8(body.to_vec()).unwrap();
    server.seen.lock().unwrap().push(Seen { method, uri: uri.to_string(), headers, body });
    let answer = server.answers.lock().unwrap().pop_front().expect("no further call");
    match answer {
        Answer::Silence => std::future::pending().await,
        // It ends the connection's task, as a panic does, and writes nothing.
        Answer::HangUp => std::panic::resume_unwind(Box::new(())),
        Answer::Reply(status, should_retry, body) => {
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            response.headers_mut().insert("request-id", "req_1".parse().unwrap());
            if let Some(should_retry) = should_retry {
                response.headers_mut().insert("stripe-should-retry", should_retry.parse().unwrap());
            }
            response
        }
    }
}

fn reply(status: u16, body: &'static str) -> Answer {
    Answer::Reply(status, None, body)
}

async fn create(client: &Client) -> Result<stripe::payment_intent::PaymentIntent, Error> {
    let metadata = Metadata::from([("payment".to_owned(), "pur_1".to_owned())]);
    let new = NewPaymentIntent {
        amount: 5_000,
        currency: "eur",
        customer: "cus_1",
        payment_method: "pm_1",
        metadata: &metadata,
    };
    client.create_payment_intent(&new, "pur_1:1").await
}

#[tokio::test]
async fn a_request_names_key_version_and_values() {
    let (server, client) = Server::with_client([reply(200, UNCONFIRMED)]).await;
    let intent = create(&client).await.unwrap();
    assert_eq!((intent.id.as_str(), intent.status), ("pi_1", IntentStatus::RequiresConfirmation));
    let [seen] = server.seen().try_into().ok().unwrap();
    assert_eq!((seen.method.as_str(), seen.uri.as_str()), ("POST", "/v1/payment_intents"));
    assert_eq!(seen.header("authorization"), Some("Bearer sk_test_1"));
    assert_eq!(seen.header("stripe-version"), Some("2026-05-27.dahlia"));
    assert_eq!(seen.header("idempotency-key"), Some("pur_1:1"));
    assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(
        seen.body,
        "amount=5000&currency=eur&customer=cus_1&payment_method=pm_1&payment_method_types%5B0%5D=card\
         &confirmation_method=automatic&expand%5B0%5D=latest_charge&metadata%5Bpayment%5D=pur_1"
    );
}

#[tokio::test]
async fn a_page_for_a_card_saves_it_and_charges_nothing() {
    let open = r#"{"id": "cs_1", "url": "https://pay.example/cs_1", "status": "open", "customer": "cus_1", "setup_intent": "seti_1"}"#;
    let complete = r#"{"id": "cs_1", "url": null, "status": "complete", "customer": "cus_1", "setup_intent": {"id": "seti_1",
        "payment_method": {"id": "pm_1", "customer": "cus_1",
            "card": {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}}}}"#;
    let (server, client) = Server::with_client([reply(200, open), reply(200, complete)]).await;
    let metadata = Metadata::from([("account".to_owned(), "a-1".to_owned())]);
    let new = NewSession {
        customer: "cus_1",
        return_url: "https://credits.example/cards",
        expires_at: jiff::Timestamp::from_second(1_800_000_000).unwrap(),
        metadata: &metadata,
    };
    let session = client.create_session(&new, "card_1").await.unwrap();
    assert_eq!((session.status.clone(), session.payment_method()), (SessionStatus::Open, None));
    let session = client.session("cs_1").await.unwrap();
    let method = session.payment_method().unwrap();
    assert_eq!(
        (method.id.as_str(), method.customer(), session.customer()),
        ("pm_1", Some("cus_1"), Some("cus_1"))
    );
    assert_eq!(method.card.as_ref().unwrap().last4, "4242");
    let [created, read] = server.seen().try_into().ok().unwrap();
    assert_eq!((created.method.as_str(), created.uri.as_str()), ("POST", "/v1/checkout/sessions"));
    assert_eq!(
        created.body,
        "mode=setup&payment_method_types%5B0%5D=card&customer=cus_1&success_url=https%3A%2F%2Fcredits.example%2Fcards\
         &cancel_url=https%3A%2F%2Fcredits.example%2Fcards&expires_at=1800000000&metadata%5Baccount%5D=a-1"
    );
    assert_eq!(read.uri, "/v1/checkout/sessions/cs_1?expand%5B0%5D=setup_intent.payment_method");
    assert_eq!(read.header("idempotency-key"), None);
}

#[tokio::test]
async fn a_refund_names_its_charge_and_amount() {
    let made = r#"{"id": "re_1", "amount": 200, "currency": "eur", "status": "pending", "metadata": {"refund": "ref_1"}}"#;
    let (server, client) = Server::with_client([reply(200, made)]).await;
    let metadata = Metadata::from([("refund".to_owned(), "ref_1".to_owned())]);
    let new = NewRefund { payment_intent: "pi_1", amount: 200, metadata: &metadata };
    let refund = client.create_refund(&new, "ref_1").await.unwrap();
    assert_eq!((refund.amount, refund.status), (200, Some(RefundStatus::Pending)));
    let [seen] = server.seen().try_into().ok().unwrap();
    assert_eq!((seen.method.as_str(), seen.uri.as_str()), ("POST", "/v1/refunds"));
    assert_eq!(seen.header("idempotency-key"), Some("ref_1"));
    assert_eq!(seen.body, "payment_intent=pi_1&amount=200&metadata%5Brefund%5D=ref_1");
}

#[tokio::test]
async fn events_that_were_not_delivered_are_listed_by_kind() {
    let page = r#"{"data": [
        {"id": "evt_2", "type": "refund.failed", "livemode": false, "created": 2, "data": {"object": {"id": "re_2"}}},
        {"id": "evt_1", "type": "refund.failed", "livemode": false, "created": 1, "data": {"object": {"id": "re_1"}}}],
        "has_more": true}"#;
    let (server, client) = Server::with_client([reply(200, page)]).await;
    let since = jiff::Timestamp::from_second(1).unwrap();
    let kinds = ["refund.failed", "charge.dispute.created"];
    let events = client.undelivered_events(&kinds, since, 1).await.unwrap();
    assert_eq!(events.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["evt_2"]);
    let [seen] = server.seen().try_into().ok().unwrap();
    assert_eq!(
        seen.uri,
        "/v1/events?delivery_success=false&created%5Bgte%5D=1&types%5B0%5D=refund.failed\
         &types%5B1%5D=charge.dispute.created&limit=100"
    );
}

#[tokio::test]
async fn a_call_is_sent_again_with_the_same_key() {
    let busy = r#"{"error": {"type": "invalid_request_error", "code": "lock_timeout"}}"#;
    for failure in [reply(500, ""), reply(503, ""), reply(429, busy), reply(409, busy), Answer::HangUp] {
        let (server, client) = Server::with_client([failure, reply(200, CHARGED)]).await;
        assert_eq!(create(&client).await.unwrap().status, IntentStatus::Succeeded);
        let seen = server.seen();
        assert_eq!(seen.len(), 2);
        assert_eq!(
            (seen[0].header("idempotency-key"), &seen[0].body),
            (seen[1].header("idempotency-key"), &seen[1].body)
        );
    }
}

#[tokio::test]
async fn stripe_says_whether_to_send_it_again() {
    let refusal = r#"{"error": {"type": "invalid_request_error", "code": "parameter_invalid"}}"#;
    let answers = [Answer::Reply(400, Some("true"), refusal), reply(200, CHARGED)];
    let (server, client) = Server::with_client(answers).await;
    create(&client).await.unwrap();
    assert_eq!(server.seen().len(), 2);

    let (server, client) = Server::with_client([Answer::Reply(500, Some("false"), "")]).await;
    assert!(matches!(create(&client).await, Err(Error::Failed(_))));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn three_tries_are_the_most() {
    let (server, client) = Server::with_client([reply(500, ""), reply(502, ""), reply(503, "")]).await;
    let error = create(&client).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().status, 503);
    assert_eq!(error.refusal().unwrap().request_id.as_deref(), Some("req_1"));
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_try_that_was_lost_may_have_been_carried_out() {
    let busy = || reply(429, "");
    let (_server, client) = Server::with_client([busy(), busy(), busy()]).await;
    assert!(matches!(create(&client).await, Err(Error::Unavailable(_))));
    for lost in [Answer::HangUp, reply(500, "")] {
        let (_server, client) = Server::with_client([lost, busy(), busy()]).await;
        assert!(matches!(create(&client).await, Err(Error::Failed(_))));
    }
}

#[tokio::test]
async fn silence_is_no_answer() {
    let (server, url) = Server::start([Answer::Silence, Answer::Silence, Answer::Silence]).await;
    let limits = Limits { one_try: Duration::from_millis(50), ..LIMITS };
    let client = Client::new(&url, Arc::new(SecretKey::new("sk_test_1")), limits);
    assert!(matches!(create(&client).await, Err(Error::NoAnswer(_))));
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn nobody_there_is_no_answer() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(&url, Arc::new(SecretKey::new("sk_test_1")), LIMITS);
    assert!(matches!(create(&client).await, Err(Error::NoAnswer(_))));
}

#[tokio::test]
async fn a_key_is_not_sent_unencrypted_to_another_machine() {
    // An address set aside for documentation, where nobody is.
    let client = Client::new("http://192.0.2.1", Arc::new(SecretKey::new("sk_test_1")), LIMITS);
    let Err(Error::NoAnswer(error)) = create(&client).await else { panic!("an answer") };
    assert!(error.downcast_ref::<reqwest::Error>().unwrap().is_builder());
}

#[tokio::test]
async fn a_success_that_cannot_be_read_is_no_answer() {
    let (_server, client) = Server::with_client([reply(200, "<html>")]).await;
    assert!(matches!(create(&client).await, Err(Error::NoAnswer(_))));
}

/// Keys that change each time they are read.
struct Rotating(AtomicUsize);

#[async_trait]
impl KeySource for Rotating {
    async fn read(&self) -> Result<SecretKey, NoKey> {
        Ok(SecretKey::new(&format!("sk_test_{}", self.0.fetch_add(1, Ordering::Relaxed))))
    }
}

#[tokio::test]
async fn a_refused_key_is_read_again_once() {
    let answers = [401, 500, 200, 200, 401, 401].map(|status| match status {
        200 => reply(200, CHARGED),
        other => reply(other, ""),
    });
    let (server, url) = Server::start(answers).await;
    let client = Client::new(&url, Arc::new(Rotating(AtomicUsize::new(0))), LIMITS);
    create(&client).await.unwrap();
    create(&client).await.unwrap();
    assert!(matches!(create(&client).await, Err(Error::Unavailable(_))));
    let keys: Vec<_> =
        server.seen().iter().map(|seen| seen.header("authorization").unwrap().to_owned()).collect();
    let expected = [0, 1, 1, 1, 1, 2].map(|number| format!("Bearer sk_test_{number}"));
    assert_eq!(keys, expected);
}

#[tokio::test]
async fn a_decline_is_an_answer() {
    let declined = r#"{"error": {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
        "payment_intent": {"id": "pi_1", "status": "requires_payment_method", "amount": 5000, "currency": "eur",
            "customer": "cus_1", "latest_charge": "ch_1",
            "last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds"}}}}"#;
    let (server, client) = Server::with_client([reply(402, declined)]).await;
    let intent =
        client.confirm_payment_intent("pi_1", "pm_1", Presence::OffSession, "pur_1:1:confirm").await.unwrap();
    assert_eq!(intent.status, IntentStatus::RequiresPaymentMethod);
    assert_eq!(intent.decline().unwrap().reason, "insufficient_funds");
    let [seen] = server.seen().try_into().ok().unwrap();
    assert_eq!(seen.body, "payment_method=pm_1&off_session=true&expand%5B0%5D=latest_charge");
}

#[tokio::test]
async fn a_refused_confirmation_is_no_decline() {
    let refused = r#"{"error": {"type": "invalid_request_error", "code": "parameter_invalid_empty", "param": "return_url",
        "payment_intent": {"id": "pi_1", "status": "requires_confirmation", "amount": 5000, "currency": "eur", "customer": "cus_1"}}}"#;
    let (_server, client) = Server::with_client([reply(400, refused)]).await;
    let presence = Presence::OnSession { return_url: "" };
    let result = client.confirm_payment_intent("pi_1", "pm_1", presence, "pur_1:1:confirm").await;
    assert!(matches!(result, Err(Error::Refused(_))));
}

#[tokio::test]
async fn a_cancellation_of_a_charge_says_so() {
    let charged = r#"{"error": {"type": "invalid_request_error", "code": "payment_intent_unexpected_state",
        "payment_intent": {"id": "pi_1", "status": "succeeded", "amount": 5000, "currency": "eur", "customer": "cus_1"}}}"#;
    let (_server, client) = Server::with_client([reply(400, charged)]).await;
    assert!(matches!(client.cancel_payment_intent("pi_1", "pi_1:cancel").await, Err(Error::OtherState(_))));
}

#[tokio::test]
async fn a_list_is_read_to_its_end() {
    let first = r#"{"data": [{"id": "re_2", "amount": 1, "currency": "eur", "status": "succeeded", "payment_intent": "pi_1",
        "created": 2}], "has_more": true}"#;
    let last = r#"{"data": [{"id": "re_1", "amount": 1, "currency": "eur", "status": "odd", "payment_intent": "pi_1",
        "created": 1}], "has_more": false}"#;
    let (server, client) = Server::with_client([reply(200, first), reply(200, last)]).await;
    let refunds = client.refunds_of("pi_1").await.unwrap();
    assert_eq!(refunds.iter().map(|refund| refund.id.as_str()).collect::<Vec<_>>(), ["re_2", "re_1"]);
    let uris: Vec<_> = server.seen().into_iter().map(|seen| seen.uri).collect();
    assert_eq!(
        uris,
        [
            "/v1/refunds?payment_intent=pi_1&limit=100",
            "/v1/refunds?payment_intent=pi_1&limit=100&starting_after=re_2"
        ]
    );
}

#[tokio::test]
async fn a_search_ends_where_it_finds() {
    let page = r#"{"data": [
        {"id": "pi_3", "status": "succeeded", "amount": 1, "currency": "eur", "customer": "cus_1", "metadata": {}},
        {"id": "pi_2", "status": "succeeded", "amount": 1, "currency": "eur", "customer": "cus_1",
            "metadata": {"payment": "pur_1"}}], "has_more": true}"#;
    let (server, client) = Server::with_client([reply(200, page)]).await;
    let is_wanted = |intent: &stripe::payment_intent::PaymentIntent| intent.metadata.contains_key("payment");
    let found = client.find_payment_intent("cus_1", is_wanted).await.unwrap();
    assert_eq!(found.unwrap().id, "pi_2");
    assert_eq!(server.seen().len(), 1);
}
