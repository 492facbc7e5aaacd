//! The function as Lambda runs it: its own process, settings in the environment, events over the runtime's API, logs
//! and metrics on standard output. The tests stand for every function, since all have the same `main`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use serde_json::{Value, json};
use store::Tables;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::Notify;

const NAMESPACE: &str = "CommunicationsCredits/test";

/// Lambda's runtime API: hands out these events one by one, and records how each ended.
#[derive(Default)]
struct Lambda {
    events: Mutex<Vec<Value>>,
    ends: Mutex<Vec<(String, Value)>>,
    /// Notified when the function asks for an event and none is left.
    idle: Notify,
}

async fn next(State(lambda): State<Arc<Lambda>>) -> Response<Body> {
    let (event, number) = {
        let mut events = lambda.events.lock().unwrap();
        let event = (!events.is_empty()).then(|| events.remove(0));
        (event, events.len())
    };
    let Some(event) = event else {
        lambda.idle.notify_one();
        return std::future::pending().await;
    };
    Response::builder()
        .header("lambda-runtime-aws-request-id", format!("event-{number}"))
        .header("lambda-runtime-deadline-ms", "4102444800000")
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:local:000000000000:function:expire")
        .body(event.to_string().into())
        .unwrap()
}

async fn end(
    State(lambda): State<Arc<Lambda>>,
    Path((_, how)): Path<(String, String)>,
    what: String,
) -> StatusCode {
    lambda.ends.lock().unwrap().push((how, serde_json::from_str(&what).unwrap()));
    StatusCode::ACCEPTED
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn serve(database: dynoxide::Database) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, std::future::pending()));
    address
}

/// A database with the system's tables.
async fn database() -> (Client, SocketAddr) {
    let address = serve(dynoxide::Database::memory().unwrap()).await;
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("local"))
        .credentials_provider(Credentials::for_tests())
        .endpoint_url(format!("http://{address}"))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    let client = Client::from_conf(config.build());
    Tables::default().create(&client).await.unwrap();
    (client, address)
}

/// Runs the function on these events. Returns how each ended, and the lines that the function wrote.
async fn run(
    events: Vec<Value>,
    database: SocketAddr,
    settings: &[(&str, &str)],
) -> (Vec<(String, Value)>, Vec<Value>) {
    let lambda = Arc::new(Lambda { events: Mutex::new(events), ..Lambda::default() });
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{how}", post(end))
        .with_state(lambda.clone());
    let (listener, api) = listen().await;
    tokio::spawn(async move { axum::serve(listener, router).await });

    let mut function = Command::new(env!("CARGO_BIN_EXE_expire"))
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", api.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "expire-test")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_REGION", "local")
        .env("AWS_ACCESS_KEY_ID", "a")
        .env("AWS_SECRET_ACCESS_KEY", "s")
        .env("AWS_ENDPOINT_URL", format!("http://{database}"))
        .env("ACCOUNTS_TABLE", "accounts")
        .env("JOURNAL_TABLE", "journal")
        .env("PAYMENTS_TABLE", "payments")
        .envs(settings.iter().copied())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    tokio::time::timeout(Duration::from_mins(1), lambda.idle.notified())
        .await
        .expect("the function handles all events");
    function.start_kill().unwrap();
    let Output { stdout, .. } = function.wait_with_output().await.unwrap();
    let lines = String::from_utf8(stdout).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let ends = lambda.ends.lock().unwrap().clone();
    (ends, lines)
}

fn due_at(time: &str) -> Value {
    json!({ "version": "0", "id": "6c5b9d3e", "detail-type": "Scheduled Event", "time": time, "detail": "{}" })
}

/// Splits the lines into those of metrics and those of the log.
fn sorted(lines: Vec<Value>) -> (Vec<Value>, Vec<Value>) {
    lines.into_iter().partition(|line| !line["_aws"].is_null())
}

#[tokio::test]
async fn an_event_is_handled_logged_and_counted() {
    let events = vec![due_at("2026-11-22T00:15:00Z"), due_at("2026-11-23T00:15:00Z")];
    let settings = [("METRICS_NAMESPACE", NAMESPACE)];
    let (ends, lines) = run(events, database().await.1, &settings).await;
    let swept = ("response".to_owned(), json!({ "accounts": 0, "booked": 0, "warned": 0 }));
    assert_eq!(ends, [swept.clone(), swept]);

    let (metrics, logs) = sorted(lines);
    // The first line includes the warm-up's read; each run asks eight shards.
    let read: Vec<_> = metrics.iter().map(|line| line["ReadUnits"].as_f64().unwrap()).collect();
    assert_eq!(read, [5.0, 4.0], "{metrics:?}");
    assert!(metrics[0]["_aws"]["Timestamp"].as_u64().is_some_and(|at| at > 1_700_000_000_000));
    let directive = json!([{
        "Namespace": NAMESPACE,
        "Dimensions": [[]],
        "Metrics": [{ "Name": "ReadUnits", "Unit": "Count" }],
    }]);
    assert_eq!(metrics[0]["_aws"]["CloudWatchMetrics"], directive);

    let swept: Vec<_> = logs.iter().filter(|line| line["message"] == "swept").collect();
    assert_eq!(swept.len(), 2, "{logs:?}");
    for (line, id) in swept.into_iter().zip(["event-1", "event-0"]) {
        assert_eq!((&line["level"], &line["accounts"]), (&json!("INFO"), &json!(0)));
        let spans = json!([
            { "name": "function", "function": "expire-test" },
            { "name": "Lambda runtime invoke", "requestId": id },
            { "name": "because", "correlation": "6c5b9d3e" },
        ]);
        assert_eq!(line["spans"], spans);
    }
}

#[tokio::test]
async fn without_a_namespace_there_are_no_metrics() {
    let (ends, lines) = run(vec![due_at("2026-11-22T00:15:00Z")], database().await.1, &[]).await;
    assert_eq!(ends[0].0, "response");
    assert!(sorted(lines).0.is_empty());
}

#[tokio::test]
async fn a_failed_event_is_counted_too() {
    let (client, database) = database().await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let corrupt =
        client.put_item().table_name("accounts").item("accountId", text("a")).item("part", text("core"));
    let due = corrupt.item("dueExpireShard", text("3")).item("dueExpire", text("2026-11-01T00:00:00.000Z"));
    due.send().await.unwrap();
    let settings = [("METRICS_NAMESPACE", NAMESPACE)];
    let (ends, lines) = run(vec![due_at("2026-11-22T00:15:00Z")], database, &settings).await;
    assert_eq!(ends[0].0, "error", "{ends:?}");
    assert!(sorted(lines).0[0]["ReadUnits"].as_f64().is_some_and(|units| units > 5.0));
}

#[tokio::test]
async fn a_failure_says_whose_it_was_whatever_the_level_is() {
    // Without tables, neither the warm-up nor the sweep succeeds, and the function still runs.
    let database = serve(dynoxide::Database::memory().unwrap()).await;
    let (ends, lines) = run(vec![due_at("2026-11-22T00:15:00Z")], database, &[("RUST_LOG", "warn")]).await;
    assert_eq!(ends[0].0, "error", "{ends:?}");
    assert_eq!((&lines[0]["level"], &lines[0]["message"]), (&json!("WARN"), &json!("could not warm up")));
    assert_eq!(lines[0]["spans"], json!([{ "name": "function", "function": "expire-test" }]));
    let failure = lines.iter().find(|line| line["level"] == "ERROR").expect("the failure is logged");
    assert_eq!(failure["spans"][1]["requestId"], "event-0", "{failure}");
}
