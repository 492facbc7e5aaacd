//! The size and start time of each function, compared with an empty one: `cargo xtask budget`.
//!
//! Every program is started as Lambda starts it, in alternation with the others, with a Runtime API on loopback. Its start is the
//! time from spawn to the first `next`. Then it gets its event twice, for a first and a warm invocation. The warm-up call, which
//! the first event waits for, is shown separately. Tables, bus and mailbox are those of the one-machine host. Fails if a start exceeds the
//! budget.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "sizes and times, not money")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use reqwest::Method;
use scenarios::{World, bounded};
use serde_json::{Value, json};
use stripe::webhook::EndpointSecret;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// The number of starts of each program.
const ROUNDS: usize = 15;

/// The longest start, as a multiple of the empty function's.
const MOST_TIMES_EMPTY: f64 = 3.0;
/// The longest start.
const LONGEST_START: Duration = Duration::from_millis(12);

/// The empty function, with which the others are compared.
const EMPTY: &str = "empty";

/// The functions and their events, in the order of the table.
fn events() -> Vec<(&'static str, Value)> {
    let scheduled = json!({ "time": Timestamp::now() });
    let depleted = json!({
        "type": "BalanceDepleted",
        "available": { "amount": "0", "currency": "EUR" },
        "id": "acme#7#0",
        "accountId": "acme",
        "version": 7,
        "at": Timestamp::now(),
    });
    vec![
        (EMPTY, json!({})),
        ("account", request("GET", "", None)),
        ("statement", request("GET", "/lots", None)),
        ("report", request("GET", "/usage", None)),
        ("purchase", request("POST", "/purchases", Some(json!({ "amount": "50.00" })))),
        ("debit", request("POST", "/debits", Some(json!({ "records": [call()] })))),
        ("authorize", request("POST", "/authorizations", Some(question()))),
        ("invoice", scheduled.clone()),
        ("expire", scheduled.clone()),
        ("recharge", scheduled.clone()),
        ("reconcile", json!({ "accountId": "acme" })),
        ("publish", stream_event()),
        ("notify", queue_event(&json!({ "detail": depleted }))),
        ("portal", page("/sign-in")),
        ("webhook", signed_message()),
    ]
}

/// The question whether a call may start.
fn question() -> Value {
    json!({ "callId": "call", "service": "userOut", "number": "+33140000000" })
}

/// A finished call of three minutes.
fn call() -> Value {
    let started_at = Timestamp::now() - Duration::from_hours(1);
    json!({
        "id": "call",
        "service": "userOut",
        "number": "+33140000***",
        "startedAt": started_at,
        "durationSeconds": 185,
    })
}

/// A request of the operator, as API Gateway sends it.
fn request(method: &str, below_account: &str, body: Option<Value>) -> Value {
    json!({
        "version": "2.0",
        "routeKey": format!("{method} /v1/accounts/{{id}}{below_account}"),
        "rawPath": format!("/v1/accounts/acme{below_account}"),
        "rawQueryString": "",
        "headers": { "content-type": "application/json", "idempotency-key": "one" },
        "pathParameters": { "id": "acme" },
        "requestContext": {
            "authorizer": { "jwt": { "claims": { "sub": "operator", "role": "operator" } } },
            "http": { "method": method },
            "requestId": "budget",
            "timeEpoch": Timestamp::now().as_millisecond(),
        },
        "body": body.map(|body| body.to_string()),
        "isBase64Encoded": false,
    })
}

/// A message of the card processor, signed with the secret that [`secret`] answers.
fn signed_message() -> Value {
    let (now, object) =
        (Timestamp::now(), json!({ "id": "pi_1", "object": "payment_intent", "metadata": {} }));
    let body = json!({
        "id": "evt_1",
        "type": "payment_intent.succeeded",
        "livemode": false,
        "created": now.as_second(),
        "data": { "object": object },
    });
    let body = body.to_string();
    let signature = EndpointSecret::new(&secret_text()).sign(body.as_bytes(), now);
    json!({
        "version": "2.0",
        "routeKey": "POST /v1/webhooks/stripe",
        "rawPath": "/v1/webhooks/stripe",
        "rawQueryString": "",
        "headers": { "content-type": "application/json", "stripe-signature": signature },
        "requestContext": {
            "http": { "method": "POST" },
            "requestId": "budget",
            "timeEpoch": now.as_millisecond(),
        },
        "body": body,
        "isBase64Encoded": false,
    })
}

/// A browser's request for a page, as API Gateway sends it.
fn page(path: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "accept-language": "fr", "accept-encoding": "gzip", "host": "localhost" },
        "requestContext": {
            "http": { "method": "GET", "path": path },
            "requestId": "budget",
            "timeEpoch": Timestamp::now().as_millisecond(),
        },
        "isBase64Encoded": false,
    })
}

/// A record of the stream with one event.
fn stream_event() -> Value {
    let available = json!({ "amount": "0", "currency": "EUR" });
    let events = json!([{ "type": "BalanceDepleted", "available": available }]).to_string();
    json!({ "Records": [{
        "eventID": "1",
        "eventName": "MODIFY",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:000000000000:table/accounts/stream/1",
        "awsRegion": "eu-west-1",
        "eventVersion": "1.1",
        "dynamodb": {
            "ApproximateCreationDateTime": Timestamp::now().as_second(),
            "Keys": { "accountId": { "S": "acme" }, "part": { "S": "core" } },
            "NewImage": {
                "accountId": { "S": "acme" },
                "part": { "S": "core" },
                "version": { "N": "7" },
                "asOf": { "N": Timestamp::now().as_millisecond().to_string() },
                "facts": { "S": events },
            },
            "SequenceNumber": "1",
            "SizeBytes": 100,
            "StreamViewType": "NEW_IMAGE",
        },
    }]})
}

fn queue_event(body: &Value) -> Value {
    json!({ "Records": [{
        "messageId": "one",
        "body": body.to_string(),
        "attributes": { "SentTimestamp": Timestamp::now().as_millisecond().to_string() },
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:queue",
        "awsRegion": "eu-west-1",
    }]})
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench").map(PathBuf::from);
    let (Some(programs), Some(zips)) = (arguments.next(), arguments.next()) else {
        eprintln!("expected the folder of the programs, and that of their zips: run cargo xtask budget");
        return ExitCode::FAILURE;
    };
    let rates = rate_file();
    let mut measured: Vec<_> = events().into_iter().map(|(name, event)| Measured::new(name, event)).collect();
    for _ in 0..ROUNDS {
        for function in &mut measured {
            // Each run has a new host, so that it finds the same account.
            let world = World::start().await;
            world.account("acme").await;
            let recipient = json!({ "notificationEmails": ["ada@example.com"] });
            world.operator.send(Method::PATCH, "/v1/accounts/acme", &[], recipient).await.expect(200);
            world.drain().await;
            let run =
                bounded(run(&programs.join(function.name), &world, rates.path(), &function.event)).await;
            assert!(run.warm_up.is_some() || function.name == EMPTY, "{} did not warm up", function.name);
            function.runs.push(run);
            world.host.stop().await;
        }
    }
    report(&measured, &programs, &zips)
}

/// The rate file of the sample deck.
fn rate_file() -> NamedTempFile {
    let sample =
        rates::read(&include_bytes!("../../infra/rates/sample.csv")[..]).expect("the sample is valid");
    let file = NamedTempFile::new().expect("a file");
    fs::write(&file, sample.as_bytes()).expect("the file can be written");
    file
}

/// A function and the measurements of its runs.
struct Measured {
    name: &'static str,
    event: Value,
    runs: Vec<Run>,
}

/// The measurements of one process.
struct Run {
    start: Duration,
    /// The time of the warm-up call, which opens the connections, from its log. The empty function makes none.
    warm_up: Option<Duration>,
    first: Duration,
    warm: Duration,
    /// The resident memory at the first `next`, in kilobytes.
    memory: u64,
}

impl Measured {
    fn new(name: &'static str, event: Value) -> Self {
        Self { name, event, runs: Vec::new() }
    }

    /// The median of a time, in milliseconds.
    fn median(&self, time: impl Fn(&Run) -> Duration) -> f64 {
        let mut times: Vec<_> = self.runs.iter().map(time).collect();
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1_000.0
    }

    fn memory(&self) -> u64 {
        let mut sizes: Vec<_> = self.runs.iter().map(|run| run.memory).collect();
        sizes.sort_unstable();
        sizes[sizes.len() / 2]
    }
}

/// Prints the table. Fails if a start exceeds the budget.
fn report(measured: &[Measured], programs: &Path, zips: &Path) -> ExitCode {
    println!("medians of {ROUNDS} runs, in turns; times in milliseconds");
    println!(
        "{:<10} {:>9} {:>8} | {:>7} {:>7} {:>7} | {:>7} {:>7} | {:>7}",
        "function", "binary kB", "zip kB", "start", "x empty", "warm-up", "first", "warm", "RSS MB"
    );
    let empty = measured.iter().find(|one| one.name == EMPTY).expect("the empty one was measured");
    let empty = empty.median(|run| run.start);
    let mut within = true;
    for one in measured {
        let start = one.median(|run| run.start);
        let times = start / empty;
        let past = times > MOST_TIMES_EMPTY || start > LONGEST_START.as_secs_f64() * 1_000.0;
        within &= !past;
        println!(
            "{:<10} {:>9} {:>8} | {start:>7.2} {times:>7.2} {:>7.2} | {:>7.2} {:>7.2} | {:>7.1}{}",
            one.name,
            kilobytes(&programs.join(one.name)),
            kilobytes(&zips.join(one.name).with_extension("zip")),
            one.median(|run| run.warm_up.unwrap_or_default()),
            one.median(|run| run.first),
            one.median(|run| run.warm),
            one.memory() as f64 / 1_024.0,
            if past { "  past the budget" } else { "" },
        );
    }
    println!(
        "budget: a start of at most {MOST_TIMES_EMPTY} times the empty function's, and {LONGEST_START:?}"
    );
    if within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The size of a file; a dash for the zip of the empty function, which is not packaged.
fn kilobytes(file: &Path) -> String {
    std::fs::metadata(file).map_or("-".to_owned(), |file| (file.len() / 1_000).to_string())
}

/// A call of a process to the Runtime API.
enum Call {
    /// The process is ready for an event.
    Next,
    /// The process has answered.
    Response,
    /// The process has failed, with this message.
    Error(String),
}

/// A Runtime API for one process, which hands out one event at a time. It is also the Secrets Manager.
struct RuntimeApi {
    address: SocketAddr,
    events: UnboundedSender<Value>,
    calls: UnboundedReceiver<(Instant, Call)>,
    server: JoinHandle<()>,
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Clone)]
struct Desk {
    events: Arc<Mutex<UnboundedReceiver<Value>>>,
    calls: UnboundedSender<(Instant, Call)>,
}

impl Desk {
    fn note(&self, call: Call) {
        // The receiver is dropped once the run is over.
        let _ = self.calls.send((Instant::now(), call));
    }
}

impl RuntimeApi {
    async fn serve() -> Self {
        let (events, next) = unbounded_channel();
        let (noted, calls) = unbounded_channel();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next_event))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .route("/", post(secret))
            .with_state(Desk { events: Arc::new(Mutex::new(next)), calls: noted });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, events, calls, server }
    }

    /// The time from handing out the event to its answer. Waits until the process asks for the next event.
    async fn invoke(&mut self, event: &Value) -> Duration {
        let given = Instant::now();
        self.events.send(event.clone()).expect("the process waits for an event");
        let answered = self.expect(|call| matches!(call, Call::Response)).await;
        self.expect(|call| matches!(call, Call::Next)).await;
        answered - given
    }

    async fn expect(&mut self, wanted: impl Fn(&Call) -> bool) -> Instant {
        match self.calls.recv().await.expect("it serves") {
            (at, call) if wanted(&call) => at,
            (_, Call::Error(problem)) => panic!("the function failed: {problem}"),
            _ => panic!("the function called the Runtime API out of turn"),
        }
    }
}

/// Starts a program and invokes it twice with the event.
async fn run(program: &Path, world: &World, rates: &Path, event: &Value) -> Run {
    let mut api = RuntimeApi::serve().await;
    let mut command = command(program, &api, world, rates);
    let spawned = Instant::now();
    let mut process = command.spawn().expect("the program starts");
    let ready = api.expect(|call| matches!(call, Call::Next)).await;
    let memory = resident(&process);
    let first = api.invoke(event).await;
    let warm = api.invoke(event).await;
    process.start_kill().expect("it runs until it is killed");
    let log = process.wait_with_output().await.expect("it has ended").stdout;
    Run { start: ready - spawned, warm_up: warm_up(&log), first, warm, memory }
}

/// The time of the warm-up call, from the log.
fn warm_up(log: &[u8]) -> Option<Duration> {
    let mut lines =
        serde_json::Deserializer::from_slice(log).into_iter().map(|line| line.expect("a line is JSON"));
    let line = lines.find(|line: &Value| line["message"] == "warmed up")?;
    Some(Duration::from_micros(line["microseconds"].as_u64().expect("a number")))
}

/// The command that starts a program as Lambda does, with its settings alone.
fn command(program: &Path, api: &RuntimeApi, world: &World, rates: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", program.file_name().expect("a program has a name"))
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "budget")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "budget")
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", format!("http://{}", api.address))
        .env("SESSION_KEYS_SECRET", "session-keys")
        .env("API_URL", world.host.url())
        .env("OIDC_ISSUER", world.host.url())
        .env("OIDC_CLIENT_ID", "portal")
        .env("OIDC_SCOPES", "profile")
        .envs(world.settings(rates))
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn next_event(State(desk): State<Desk>) -> Response {
    desk.note(Call::Next);
    let event = desk.events.lock().await.recv().await;
    let deadline = Timestamp::now() + Duration::from_mins(1);
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.as_millisecond().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-west-1:000000000000:function:budget".to_owned(),
        ),
    ];
    match event {
        Some(event) => (headers, axum::Json(event)).into_response(),
        None => StatusCode::GONE.into_response(),
    }
}

async fn answered(State(desk): State<Desk>, _: String) -> StatusCode {
    desk.note(Call::Response);
    StatusCode::ACCEPTED
}

/// A key of 66 bytes as base64, as the stack generates it for the portal. It will do as a secret of the webhook.
fn secret_text() -> String {
    "a".repeat(88)
}

/// The answer of Secrets Manager to `GetSecretValue`.
async fn secret() -> Response {
    let secret = json!({ "Name": "secret", "SecretString": secret_text() });
    ([("content-type", "application/x-amz-json-1.1")], secret.to_string()).into_response()
}

async fn failed(State(desk): State<Desk>, problem: String) -> StatusCode {
    desk.note(Call::Error(problem));
    StatusCode::ACCEPTED
}

/// The resident memory of the process, in kilobytes.
fn resident(process: &Child) -> u64 {
    let id = process.id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs on Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux gives it");
    line.trim().trim_end_matches("kB").trim().parse().expect("a number")
}
