//! The function against a bus that refuses as it is told to: the real SDK over HTTP.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use aws_sdk_eventbridge::config::retry::RetryConfig;
use aws_sdk_eventbridge::config::{BehaviorVersion, Credentials, Region};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use publish::Ports;
use serde_json::{Value, json};
use store::{Store, Tables};
use tokio::net::TcpListener;

/// What the bus answers to a request.
#[derive(Clone)]
enum Answer {
    /// A 200 that refuses the entries at these places.
    Refuse(&'static [usize]),
    /// An error.
    Fail(StatusCode, &'static str),
}

/// Takes everything once it has given the answers it was told to.
#[derive(Clone, Default)]
struct Bus {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<Vec<Value>>>>,
}

impl Bus {
    async fn start(answers: impl IntoIterator<Item = Answer>) -> (Self, Ports) {
        let bus = Self::default();
        bus.answers.lock().unwrap().extend(answers);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", post(put_events)).with_state(bus.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let config = aws_sdk_eventbridge::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("local"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(format!("http://{address}"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .retry_config(RetryConfig::disabled());
        let ports = Ports {
            bus: aws_sdk_eventbridge::Client::from_conf(config.build()),
            bus_name: "credits".to_owned(),
            store: Arc::new(unused_store()),
        };
        (bus, ports)
    }

    /// The ids of what each request carried.
    fn ids(&self) -> Vec<Vec<String>> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .map(|entries| entries.iter().map(|entry| text(&detail(entry)["id"])).collect())
            .collect()
    }
}

/// A batch of the stream touches no table.
fn unused_store() -> Store {
    let config = aws_sdk_dynamodb::Config::builder().behavior_version(BehaviorVersion::v2026_01_12()).build();
    Store::new(aws_sdk_dynamodb::Client::from_conf(config), Tables::default())
}

async fn put_events(State(bus): State<Bus>, body: String) -> (StatusCode, Json<Value>) {
    let body: Value = serde_json::from_str(&body).unwrap();
    let entries = body["Entries"].as_array().unwrap().clone();
    let count = entries.len();
    bus.requests.lock().unwrap().push(entries);
    let refused = match bus.answers.lock().unwrap().pop_front() {
        Some(Answer::Fail(status, code)) => return (status, Json(json!({ "__type": code }))),
        Some(Answer::Refuse(places)) => places,
        None => &[],
    };
    let result = |place| {
        if refused.contains(&place) {
            json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "slow down" })
        } else {
            json!({ "EventId": place.to_string() })
        }
    };
    let results: Vec<_> = (0..count).map(result).collect();
    (StatusCode::OK, Json(json!({ "FailedEntryCount": refused.len(), "Entries": results })))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn detail(entry: &Value) -> Value {
    serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap()
}

/// A commit of an account, as the stream tells it.
fn record(version: u32, facts: &Value) -> Value {
    json!({
        "eventID": version.to_string(),
        "eventName": "MODIFY",
        "awsRegion": "local",
        "dynamodb": {
            "NewImage": {
                "accountId": { "S": "a" },
                "part": { "S": "core" },
                "version": { "N": version.to_string() },
                "asOf": { "N": "1764064800123" },
                "facts": { "S": facts.to_string() },
            },
            "SequenceNumber": format!("10{version}"),
            "SizeBytes": 1,
        },
    })
}

/// A commit with so many facts.
fn commit(version: u32, facts: usize) -> Value {
    let fact = json!({ "type": "BalanceLow", "available": { "amount": "1.0000", "currency": "EUR" } });
    record(version, &vec![fact; facts].into())
}

/// Hands a batch on; gives the sequence numbers of what failed.
async fn publish(records: Vec<Value>, ports: &Ports) -> Vec<String> {
    let batch = serde_json::from_value(json!({ "Records": records })).unwrap();
    let response = publish::handle(batch, ports).await;
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier.unwrap()).collect()
}

fn down(times: usize) -> Vec<Answer> {
    vec![Answer::Fail(StatusCode::INTERNAL_SERVER_ERROR, "InternalException"); times]
}

#[tokio::test]
async fn each_fact_is_an_entry_at_most_ten_a_request() {
    let (bus, ports) = Bus::start([]).await;
    let profile = json!({
        "eventID": "p", "eventName": "MODIFY", "awsRegion": "local",
        "dynamodb": { "NewImage": { "part": { "S": "profile" } }, "SequenceNumber": "1", "SizeBytes": 1 },
    });
    let failed = publish(vec![commit(1, 1), profile, commit(2, 9), commit(3, 2)], &ports).await;
    assert!(failed.is_empty(), "{failed:?}");
    let counts: Vec<_> = bus.ids().iter().map(Vec::len).collect();
    assert_eq!(counts, [10, 2]);

    let requests = bus.requests.lock().unwrap();
    let expected = json!({
        "EventBusName": "credits",
        "Source": "communications-credits",
        "DetailType": "BalanceLow",
        "Detail": requests[0][9]["Detail"],
        "Time": requests[0][9]["Time"],
    });
    assert_eq!(requests[0][9], expected);
    assert!(expected["Time"].to_string().starts_with("1764064800"), "{expected}");
    let event = json!({
        "id": "a#2#8",
        "accountId": "a",
        "version": 2,
        "at": "2025-11-25T10:00:00.123Z",
        "type": "BalanceLow",
        "available": { "amount": "1.0000", "currency": "EUR" },
    });
    assert_eq!(detail(&expected), event);
}

#[tokio::test]
async fn a_request_has_at_most_256_kb() {
    let (bus, ports) = Bus::start([]).await;
    let long = json!({ "type": "News", "text": "x".repeat(100_000) });
    assert!(publish(vec![record(1, &vec![long; 5].into())], &ports).await.is_empty());
    let counts: Vec<_> = bus.ids().iter().map(Vec::len).collect();
    assert_eq!(counts, [2, 2, 1]);
}

#[tokio::test]
async fn only_what_was_refused_is_sent_again() {
    let (bus, ports) = Bus::start([Answer::Refuse(&[0, 2]), Answer::Refuse(&[1])]).await;
    assert!(publish(vec![commit(1, 1), commit(2, 2), commit(3, 1)], &ports).await.is_empty());
    assert_eq!(bus.ids(), [vec!["a#1#0", "a#2#0", "a#2#1", "a#3#0"], vec!["a#1#0", "a#2#1"], vec!["a#2#1"]]);
}

#[tokio::test]
async fn what_is_refused_again_and_again_fails_with_all_that_follows() {
    let always = [Answer::Refuse(&[2]), Answer::Refuse(&[0]), Answer::Refuse(&[0]), Answer::Refuse(&[0])];
    let (bus, ports) = Bus::start(always).await;
    let failed = publish(vec![commit(1, 1), commit(2, 2), commit(3, 1)], &ports).await;
    assert_eq!(failed, ["102", "103"], "the first commit is on the bus");
    assert_eq!(bus.ids().len(), 4);
}

#[tokio::test]
async fn what_goes_before_a_failed_request_is_on_the_bus() {
    let mut answers = vec![Answer::Refuse(&[])];
    answers.extend(down(4));
    let (bus, ports) = Bus::start(answers).await;
    let failed = publish(vec![commit(1, 9), commit(2, 1), commit(3, 5), commit(4, 5)], &ports).await;
    assert_eq!(failed, ["103", "104"]);
    assert_eq!(bus.ids().len(), 5);
}

#[tokio::test]
async fn a_bus_that_is_down_for_a_moment_is_asked_again() {
    let (bus, ports) = Bus::start(down(3)).await;
    assert!(publish(vec![commit(1, 1)], &ports).await.is_empty());
    assert_eq!(bus.ids(), [["a#1#0"], ["a#1#0"], ["a#1#0"], ["a#1#0"]]);
}

#[tokio::test]
async fn a_request_that_is_not_allowed_is_not_repeated() {
    let denied = Answer::Fail(StatusCode::BAD_REQUEST, "AccessDeniedException");
    let (bus, ports) = Bus::start([denied]).await;
    assert_eq!(publish(vec![commit(1, 1), commit(2, 1)], &ports).await, ["101", "102"]);
    assert_eq!(bus.ids().len(), 1);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_fails_with_all_that_follows_and_none_before() {
    let (bus, ports) = Bus::start([]).await;
    let mut poison = commit(2, 1);
    poison["dynamodb"]["NewImage"]["facts"]["S"] = "[".into();
    let failed = publish(vec![commit(1, 1), poison, commit(3, 1)], &ports).await;
    assert_eq!(failed, ["102", "103"]);
    assert_eq!(bus.ids(), [["a#1#0"]]);
}
