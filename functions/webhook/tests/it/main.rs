//! The webhook against a queue that notes what it is sent.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test at its line")]

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};
use payments::{ProcessorMessage, Subject};
use serde_json::{Value, json};
use stripe::webhook::EndpointSecret;
use tokio::net::TcpListener;
use webhook::Ports;

const NOW: &str = "2026-11-22T12:00:00Z";

/// The messages that a queue was sent.
#[derive(Clone, Default)]
struct Queue {
    sent: Arc<Mutex<Vec<Value>>>,
    is_down: bool,
}

impl Queue {
    fn up() -> Self {
        Self::default()
    }

    fn down() -> Self {
        Self { is_down: true, ..Self::default() }
    }

    /// Serves it. Returns the function's ports.
    async fn ports(&self, secrets: &str) -> Ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("local"))
            .credentials_provider(Credentials::new("anybody", "anything", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .endpoint_url(&url);
        Ports {
            secrets: webhook::secrets(secrets),
            sqs: aws_sdk_sqs::Client::from_conf(config.build()),
            queue_url: format!("{url}/000000000000/processor"),
        }
    }

    fn messages(&self) -> Vec<ProcessorMessage> {
        let sent = self.sent.lock().unwrap();
        sent.iter().map(|body| serde_json::from_value(body.clone()).unwrap()).collect()
    }
}

async fn take(queue: State<Queue>, headers: HeaderMap, body: String) -> Response {
    assert_eq!(headers["x-amz-target"], "AmazonSQS.SendMessage");
    if queue.is_down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let request: Value = serde_json::from_str(&body).unwrap();
    let message = request["MessageBody"].as_str().unwrap();
    queue.sent.lock().unwrap().push(serde_json::from_str(message).unwrap());
    Json(json!({ "MessageId": "one" })).into_response()
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A message about a charge. Its object says more than its ids.
fn message() -> String {
    let object = json!({
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 5_000,
        "status": "succeeded",
        "metadata": { "account": "contoso", "payment": "pur_1", "attempt": "1" },
    });
    let message = json!({
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "livemode": false,
        "created": now().as_second(),
        "data": { "object": object },
    });
    // Stripe indents the bodies, and signs them as they are.
    format!("{message:#}")
}

fn request(body: &str, signature: Option<&str>, is_base64: bool) -> ApiGatewayV2httpRequest {
    let mut headers = json!({ "content-type": "application/json; charset=utf-8" });
    if let Some(signature) = signature {
        headers["stripe-signature"] = signature.into();
    }
    let body = if is_base64 { BASE64_STANDARD.encode(body) } else { body.to_owned() };
    let event = json!({
        "version": "2.0",
        "routeKey": webhook::ROUTE,
        "headers": headers,
        "requestContext": {
            "http": { "method": "POST" },
            "requestId": "request-1",
            "timeEpoch": now().as_millisecond(),
        },
        "body": body,
        "isBase64Encoded": is_base64,
    });
    serde_json::from_value(event).unwrap()
}

fn signed(secret: &str, at: Timestamp) -> String {
    EndpointSecret::new(secret).sign(message().as_bytes(), at)
}

/// The answer to the message with this signature.
async fn answer(ports: &Ports, signature: Option<&str>) -> ApiGatewayV2httpResponse {
    webhook::handle(request(&message(), signature, false), ports).await
}

#[tokio::test]
async fn only_the_type_and_the_ids_are_queued() {
    let queue = Queue::up();
    let ports = queue.ports("whsec_one").await;
    assert_eq!(answer(&ports, Some(&signed("whsec_one", now()))).await.status_code, 200);
    let sent = queue.sent.lock().unwrap().clone();
    let expected = json!({
        "id": "evt_1",
        "type": "payment_intent.succeeded",
        "isLive": false,
        "account": "contoso",
        "payment": "pur_1",
        "subject": "charge",
        "intent": "pi_1",
        "correlationId": "request-1",
    });
    assert_eq!(sent, [expected]);
}

#[tokio::test]
async fn a_message_without_a_valid_signature_is_refused_and_not_queued() {
    let queue = Queue::up();
    let ports = queue.ports("whsec_one").await;
    let old = now() - SignedDuration::from_secs(301);
    let cases = [
        (None, "form"),
        (Some("t=1,v1=".to_owned()), "matches"),
        (Some(signed("whsec_two", now())), "matches"),
        (Some(signed("", now())), "matches"),
        (Some(signed("whsec_one", old)), "older"),
    ];
    for (signature, said) in cases {
        let answer = answer(&ports, signature.as_deref()).await;
        let body = serde_json::to_value(&answer).unwrap()["body"].as_str().unwrap().to_owned();
        assert_eq!(answer.status_code, 400, "{signature:?}");
        assert!(body.contains("Stripe-Signature") && body.contains(said), "{signature:?}: {body}");
    }
    assert!(queue.messages().is_empty());
}

#[tokio::test]
async fn while_the_secret_is_replaced_both_are_valid() {
    let queue = Queue::up();
    let ports = queue.ports("whsec_new,whsec_old").await;
    for secret in ["whsec_new", "whsec_old"] {
        assert_eq!(answer(&ports, Some(&signed(secret, now()))).await.status_code, 200, "{secret}");
    }
    assert_eq!(answer(&ports, Some(&signed("whsec_older", now()))).await.status_code, 400);
    assert_eq!(queue.messages().len(), 2);
}

#[tokio::test]
async fn without_a_secret_nothing_is_valid() {
    let queue = Queue::up();
    for none in ["", ",", " "] {
        let ports = queue.ports(none).await;
        assert_eq!(answer(&ports, Some(&signed("", now()))).await.status_code, 400, "{none:?}");
    }
}

#[tokio::test]
async fn the_signature_is_of_the_bytes_also_if_the_event_has_them_as_base64() {
    let queue = Queue::up();
    let ports = queue.ports("whsec_one").await;
    let signature = signed("whsec_one", now());
    let answer = webhook::handle(request(&message(), Some(&signature), true), &ports).await;
    assert_eq!(answer.status_code, 200);
    assert_eq!(queue.messages()[0].subject, Subject::Charge { intent: "pi_1".to_owned() });
    // The same JSON in other bytes has another signature.
    let message: Value = serde_json::from_str(&message()).unwrap();
    let answer = webhook::handle(request(&message.to_string(), Some(&signature), false), &ports).await;
    assert_eq!(answer.status_code, 400);
}

#[tokio::test]
async fn a_message_that_is_not_in_the_queue_is_not_acknowledged() {
    let ports = Queue::down().ports("whsec_one").await;
    let answer = answer(&ports, Some(&signed("whsec_one", now()))).await;
    assert_eq!(answer.status_code, 503);
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_message_of_an_unknown_type_is_acknowledged_and_not_queued() {
    let queue = Queue::up();
    let ports = queue.ports("whsec_one").await;
    let body = message().replace("payment_intent.succeeded", "of.a.later.year");
    let signature = EndpointSecret::new("whsec_one").sign(body.as_bytes(), now());
    let answer = webhook::handle(request(&body, Some(&signature), false), &ports).await;
    assert_eq!(answer.status_code, 200);
    assert!(queue.messages().is_empty());
}
