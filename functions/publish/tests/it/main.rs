//! The function with the real SDK over HTTP, against a bus that refuses entries as a test tells it to.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_eventbridge::config::retry::RetryConfig;
use aws_sdk_eventbridge::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use publish::{Bucket, BusError, Ports, Redrive, RedriveError, Redriven};
use serde_json::{Value, json};
use store::{Store, Tables};
use tokio::net::TcpListener;
use tokio::time::Instant;

/// The bus's answer to a request.
#[derive(Clone)]
enum Answer {
    /// A 200 that refuses the entries at these places.
    Refuse(&'static [usize]),
    /// A 200 that refuses the entries at these places with this code, and throttles those at the others.
    RefuseFor(&'static str, &'static [usize], &'static [usize]),
    /// An error.
    Fail(StatusCode, &'static str),
}

/// Stands in for the bus and for the bucket of undelivered records. The bus gives the prepared answers, and then accepts
/// every request.
#[derive(Clone, Default)]
struct Bus {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<Vec<Value>>>>,
    objects: Arc<Mutex<BTreeMap<String, Value>>>,
    bucket_is_down: Arc<AtomicBool>,
}

impl Bus {
    async fn start(answers: impl IntoIterator<Item = Answer>) -> (Self, Ports) {
        let bus = Self::default();
        bus.answers.lock().unwrap().extend(answers);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/", post(put_events))
            .route("/undelivered", get(list_objects))
            .route("/undelivered/", get(list_objects))
            .route("/undelivered/{*key}", put(put_object).get(get_object).delete(delete_object))
            .with_state(bus.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let config = aws_config::SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("local"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .endpoint_url(format!("http://{address}"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .retry_config(RetryConfig::disabled())
            .build();
        let ports = Ports {
            bus: aws_sdk_eventbridge::Client::new(&config),
            bus_name: "credits".to_owned(),
            undelivered: Bucket::new(aws_sdk_s3::Client::new(&config), "undelivered"),
            store: Arc::new(unused_store()),
        };
        (bus, ports)
    }

    /// The ids of the events in each request.
    fn ids(&self) -> Vec<Vec<String>> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .map(|entries| entries.iter().map(|entry| text(&detail(entry)["id"])).collect())
            .collect()
    }

    /// The sequence numbers of the records in each object, in the order of the objects' keys.
    fn stored(&self) -> Vec<Vec<String>> {
        let objects = self.objects.lock().unwrap();
        let numbers = |object: &Value| {
            let records = object["payload"]["Records"].as_array().unwrap();
            records.iter().map(|record| text(&record["dynamodb"]["SequenceNumber"])).collect()
        };
        objects.values().map(numbers).collect()
    }

    /// Stores a batch, as the mapping does when it gives the batch up.
    fn store_batch(&self, key: &str, records: &[Value]) {
        let payload = json!({ "Records": records }).to_string();
        self.objects.lock().unwrap().insert(key.to_owned(), json!({ "version": "1.0", "payload": payload }));
    }
}

async fn put_object(State(bus): State<Bus>, Path(key): Path<String>, body: String) -> StatusCode {
    if bus.bucket_is_down.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    bus.objects.lock().unwrap().insert(key, serde_json::from_str(&body).unwrap());
    StatusCode::OK
}

async fn get_object(State(bus): State<Bus>, Path(key): Path<String>) -> String {
    bus.objects.lock().unwrap()[&key].to_string()
}

async fn delete_object(State(bus): State<Bus>, Path(key): Path<String>) -> StatusCode {
    bus.objects.lock().unwrap().remove(&key).unwrap();
    StatusCode::NO_CONTENT
}

async fn list_objects(State(bus): State<Bus>, Query(asked): Query<BTreeMap<String, String>>) -> String {
    let objects = bus.objects.lock().unwrap();
    let after = asked.get("start-after").cloned().unwrap_or_default();
    // Two keys a page, so that there are several pages.
    let keys = objects.keys().filter(|key| **key > after).take(2);
    let contents: Vec<_> = keys.map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect();
    format!("<ListBucketResult>{}</ListBucketResult>", contents.concat())
}

/// A store that no test uses: handling a batch of the stream touches no table.
fn unused_store() -> Store {
    let config = aws_sdk_dynamodb::Config::builder().behavior_version(BehaviorVersion::v2026_01_12()).build();
    Store::new(aws_sdk_dynamodb::Client::from_conf(config), Tables::default())
}

async fn put_events(State(bus): State<Bus>, body: String) -> (StatusCode, Json<Value>) {
    let body: Value = serde_json::from_str(&body).unwrap();
    let entries = body["Entries"].as_array().unwrap().clone();
    let count = entries.len();
    bus.requests.lock().unwrap().push(entries);
    let (code, refused, throttled): (_, &[usize], &[usize]) = match bus.answers.lock().unwrap().pop_front() {
        Some(Answer::Fail(status, code)) => return (status, Json(json!({ "__type": code }))),
        Some(Answer::Refuse(places)) => ("", &[], places),
        Some(Answer::RefuseFor(code, refused, throttled)) => (code, refused, throttled),
        None => ("", &[], &[]),
    };
    let result = |place| {
        if throttled.contains(&place) {
            json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "slow down" })
        } else if refused.contains(&place) {
            json!({ "ErrorCode": code, "ErrorMessage": "no" })
        } else {
            json!({ "EventId": place.to_string() })
        }
    };
    let results: Vec<_> = (0..count).map(result).collect();
    let failed = refused.len() + throttled.len();
    (StatusCode::OK, Json(json!({ "FailedEntryCount": failed, "Entries": results })))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn detail(entry: &Value) -> Value {
    serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap()
}

/// The stream's record of an account's commit.
fn record(version: u32, events: &Value) -> Value {
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
                "facts": { "S": events.to_string() },
            },
            "SequenceNumber": format!("10{version}"),
            "SizeBytes": 1,
        },
    })
}

/// The record of a commit with this many events.
fn commit(version: u32, events: usize) -> Value {
    let event = json!({ "type": "BalanceLow", "available": { "amount": "1.0000", "currency": "EUR" } });
    record(version, &vec![event; events].into())
}

/// Hands a batch to the function. Returns the sequence numbers of the records that failed.
async fn publish(records: Vec<Value>, ports: &Ports) -> Vec<String> {
    let batch = serde_json::from_value(json!({ "Records": records })).unwrap();
    let response = publish::handle(batch, ports).await;
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier.unwrap()).collect()
}

fn down(times: usize) -> Vec<Answer> {
    vec![Answer::Fail(StatusCode::INTERNAL_SERVER_ERROR, "InternalException"); times]
}

#[tokio::test]
async fn each_event_is_an_entry_at_most_ten_a_request() {
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

/// The record of a commit that cannot be read.
fn unreadable(version: u32) -> Value {
    let mut poison = commit(version, 1);
    poison["dynamodb"]["NewImage"]["facts"]["S"] = "[".into();
    poison
}

async fn redrive(after: Option<&str>, ports: &Ports, until: Instant) -> Redriven {
    publish::redrive(Redrive { after: after.map(str::to_owned) }, ports, until).await.unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

#[tokio::test]
async fn n11_a_record_that_cannot_be_read_is_stored_and_the_others_are_published() {
    let (bus, ports) = Bus::start([]).await;
    let records = vec![commit(1, 1), unreadable(2), json!({ "no": "record" }), commit(3, 1)];
    assert!(publish(records.clone(), &ports).await.is_empty());
    assert_eq!(bus.ids(), [["a#1#0", "a#3#0"]]);
    assert_eq!(bus.stored(), [["102"]]);
    let object = bus.objects.lock().unwrap().values().next().unwrap().clone();
    let expected = json!({ "why": "its facts cannot be read: EOF while parsing a list at line 1 column 1", "payload": { "Records": [records[1]] } });
    assert_eq!(object, expected, "the record is stored as it was delivered");
    // A record that is delivered again is stored once.
    assert!(publish(records, &ports).await.is_empty());
    assert_eq!(bus.stored(), [["102"]]);
}

#[tokio::test]
async fn n11_an_entry_that_is_refused_for_good_is_stored_and_no_other_is_lost_or_out_of_order() {
    let answers = [
        Answer::RefuseFor("MalformedDetail", &[1], &[0, 3]),
        Answer::RefuseFor("InvalidArgument", &[1], &[]),
    ];
    let (bus, ports) = Bus::start(answers).await;
    let records = vec![commit(1, 1), commit(2, 2), commit(3, 1), commit(4, 1)];
    assert!(publish(records, &ports).await.is_empty());
    let all = vec!["a#1#0", "a#2#0", "a#2#1", "a#3#0", "a#4#0"];
    assert_eq!(bus.ids(), [all, vec!["a#1#0", "a#3#0"]], "entries that are refused for now are sent again");
    assert_eq!(bus.stored(), [["102"], ["103"]]);
}

#[tokio::test]
async fn n11_of_a_request_that_is_invalid_each_entry_is_tried_alone() {
    for status in [StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE] {
        let invalid = Answer::Fail(status, "ValidationException");
        let (bus, ports) = Bus::start([invalid.clone(), Answer::Refuse(&[]), invalid]).await;
        assert!(publish(vec![commit(1, 1), commit(2, 1), commit(3, 1)], &ports).await.is_empty());
        assert_eq!(bus.ids(), [vec!["a#1#0", "a#2#0", "a#3#0"], vec!["a#1#0"], vec!["a#2#0"], vec!["a#3#0"]]);
        assert_eq!(bus.stored(), [["102"]]);
    }
}

#[tokio::test]
async fn n11_a_missing_permission_or_bus_is_an_outage_and_no_poison() {
    let answers = [
        Answer::Fail(StatusCode::BAD_REQUEST, "AccessDeniedException"),
        Answer::Fail(StatusCode::BAD_REQUEST, "ResourceNotFoundException"),
        Answer::Fail(StatusCode::FORBIDDEN, "UnrecognizedClientException"),
    ];
    for answer in answers {
        let (bus, ports) = Bus::start([answer]).await;
        assert_eq!(publish(vec![commit(1, 1), commit(2, 1)], &ports).await, ["101", "102"]);
        assert_eq!(bus.stored(), Vec::<Vec<String>>::new());
    }
    let denied = Answer::RefuseFor("NotAuthorizedForSourceException", &[0], &[]);
    let (bus, ports) = Bus::start(vec![denied; 4]).await;
    assert_eq!(publish(vec![commit(1, 1), commit(2, 1)], &ports).await, ["101", "102"]);
    assert_eq!(bus.stored(), Vec::<Vec<String>>::new());
}

#[tokio::test]
async fn n11_what_comes_after_an_outage_is_not_stored_but_tried_again() {
    let (bus, ports) = Bus::start(down(4)).await;
    let records = vec![unreadable(1), commit(2, 1), unreadable(3)];
    assert_eq!(publish(records, &ports).await, ["102", "103"]);
    assert_eq!(bus.stored(), [["101"]]);
}

#[tokio::test]
async fn n11_a_record_that_cannot_be_stored_fails_with_all_that_follows() {
    let (bus, ports) = Bus::start([]).await;
    bus.bucket_is_down.store(true, Ordering::SeqCst);
    let records = vec![commit(1, 1), unreadable(2), commit(3, 1)];
    assert_eq!(publish(records, &ports).await, ["102", "103"]);
}

#[tokio::test]
async fn n11_what_was_stored_is_published_with_the_ids_it_would_have_had() {
    let (bus, ports) = Bus::start([Answer::RefuseFor("MalformedDetail", &[1], &[])]).await;
    publish(vec![commit(1, 1), commit(2, 2)], &ports).await;
    bus.store_batch("aws/lambda/u/s/2026/11/27/x", &[commit(5, 1), unreadable(6), commit(7, 1)]);
    bus.store_batch("aws/lambda/u/s/2026/11/27/y", &[commit(8, 1)]);
    bus.requests.lock().unwrap().clear();

    let done = redrive(None, &ports, soon()).await;
    assert_eq!(done, Redriven { objects: 3, events: 5, left: 1, next: None });
    assert_eq!(bus.ids(), [vec!["a#5#0", "a#7#0"], vec!["a#8#0"], vec!["a#2#0", "a#2#1"]]);
    assert_eq!(bus.stored(), [["106"]], "the record that cannot be published stays");
    assert_eq!(redrive(None, &ports, soon()).await, Redriven { left: 1, ..Redriven::default() });
}

#[tokio::test]
async fn n11_a_redrive_goes_on_where_time_was_up_and_an_outage_deletes_nothing() {
    let (bus, ports) = Bus::start([]).await;
    for key in ["a", "b", "c"] {
        bus.store_batch(key, &[commit(1, 1)]);
    }
    let first = redrive(None, &ports, Instant::now()).await;
    assert_eq!(first, Redriven { objects: 1, events: 1, left: 0, next: Some("a".to_owned()) });

    bus.answers.lock().unwrap().extend(down(4));
    let broken = publish::redrive(Redrive { after: first.next.clone() }, &ports, soon()).await;
    assert!(matches!(broken, Err(RedriveError::Bus(BusError::Unavailable { .. }))), "{broken:?}");
    assert_eq!(bus.objects.lock().unwrap().len(), 2);

    let rest = redrive(first.next.as_deref(), &ports, soon()).await;
    assert_eq!(rest, Redriven { objects: 2, events: 2, left: 0, next: None });
    assert!(bus.objects.lock().unwrap().is_empty());
}

#[tokio::test]
async fn n11_an_object_that_is_no_list_of_records_stays_and_stops_nothing() {
    let (bus, ports) = Bus::start([]).await;
    bus.objects.lock().unwrap().insert("a".to_owned(), json!({ "hello": 1 }));
    bus.store_batch("b", &[commit(1, 1)]);
    let done = redrive(None, &ports, soon()).await;
    assert_eq!(done, Redriven { objects: 1, events: 1, left: 1, next: None });
    assert_eq!(bus.objects.lock().unwrap().len(), 1);
}
