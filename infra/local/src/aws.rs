//! The endpoint that the SDK's clients of EventBridge, SQS, SES and S3 talk to, on a loopback port of its own: `PutEvents`,
//! `SendMessage`, SES v2's `SendEmail`, and the requests of `publish` to the bucket of undelivered records.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router, middleware};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::browsers;
use crate::bucket::{self, Bucket};
use crate::faults::{Faults, Kind, Target, Wire};
use crate::mail::{self, Mailbox};
use crate::queues::{Arrival, Queues};

/// The most entries that `PutEvents` takes.
const MAX_ENTRIES: usize = 10;

/// The end of the URL of the queue of the card processor's messages.
const PROCESSOR_QUEUE: &str = "000000000000/processor";

/// The largest mail that SES takes.
const MAX_MAIL_BYTES: usize = 40 * 1024 * 1024;

/// The parts that answer requests.
#[derive(Clone)]
struct Services {
    queues: Arc<Queues>,
    mailbox: Arc<Mailbox>,
    bucket: Arc<Bucket>,
    faults: Arc<Faults>,
}

/// The endpoint. It is served until this is dropped.
pub struct Aws {
    address: SocketAddr,
    faults: Arc<Faults>,
    server: JoinHandle<()>,
}

impl Drop for Aws {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Aws {
    /// Serves the endpoint.
    pub(crate) async fn serve(
        queues: Arc<Queues>,
        mailbox: Arc<Mailbox>,
        bucket: Arc<Bucket>,
        faults: Arc<Faults>,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let router = Router::new()
            .route("/", post(bus_or_queue))
            .route("/v2/email/outbound-emails", post(send_email))
            .route(&format!("/{}", bucket::NAME), get(list_objects))
            .route(&format!("/{}/", bucket::NAME), get(list_objects))
            .route(
                &format!("/{}/{{*key}}", bucket::NAME),
                put(put_object).get(get_object).delete(delete_object),
            )
            .layer(DefaultBodyLimit::max(MAX_MAIL_BYTES))
            .layer(middleware::from_fn(browsers::keep_out))
            .with_state(Services { queues, mailbox, bucket, faults: faults.clone() });
        let server = tokio::spawn(async move {
            if let Err(problem) = axum::serve(listener, router).await {
                tracing::error!(%problem, "the endpoint of bus, queues, mail and bucket ended");
            }
        });
        Ok(Self { address, faults, server })
    }

    /// The endpoint's URL, for clients in other processes.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of the bus, over a wire that injects faults.
    pub fn bus(&self) -> aws_sdk_eventbridge::Client {
        let config = aws_sdk_eventbridge::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("local"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(self.url())
            .http_client(Wire::shared(self.faults.clone(), Target::Bus));
        aws_sdk_eventbridge::Client::from_conf(config.build())
    }

    /// A client of the queues, over such a wire.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("local"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(self.url())
            .http_client(Wire::shared(self.faults.clone(), Target::Queue));
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    /// The URL of the queue of the card processor's messages.
    pub fn processor_queue(&self) -> String {
        format!("{}/{PROCESSOR_QUEUE}", self.url())
    }

    /// A client that sends mails, over such a wire.
    pub fn mail(&self) -> aws_sdk_sesv2::Client {
        let config = aws_sdk_sesv2::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("local"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(self.url())
            .http_client(Wire::shared(self.faults.clone(), Target::Mail));
        aws_sdk_sesv2::Client::from_conf(config.build())
    }

    /// A client of the bucket, over such a wire.
    pub(crate) fn bucket(&self) -> publish::Bucket {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("local"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(self.url())
            .force_path_style(true)
            .http_client(Wire::shared(self.faults.clone(), Target::Bucket));
        publish::Bucket::new(aws_sdk_s3::Client::from_conf(config.build()), bucket::NAME)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEvents {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    source: String,
    detail_type: String,
    detail: String,
    /// Seconds since 1970: EventBridge keeps no fraction.
    time: Option<serde_json::Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    queue_url: String,
    message_body: String,
}

/// EventBridge and SQS name the operation in a header.
async fn bus_or_queue(services: State<Services>, headers: HeaderMap, body: String) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let answered = match target {
        Some("AWSEvents.PutEvents") => match serde_json::from_str::<PutEvents>(&body) {
            Ok(request) if (1..=MAX_ENTRIES).contains(&request.entries.len()) => {
                put_events(&services, request.entries).await
            }
            Ok(_) => return refusal("ValidationException", "expected 1 to 10 entries"),
            Err(problem) => return refusal("ValidationException", &problem.to_string()),
        },
        Some("AmazonSQS.SendMessage") => match serde_json::from_str::<SendMessage>(&body) {
            Ok(request) if request.queue_url.ends_with(PROCESSOR_QUEUE) => {
                send_message(&services, request.message_body).await
            }
            Ok(_) => return refusal("QueueDoesNotExist", "expected the queue of the card processor"),
            Err(problem) => return refusal("InvalidMessageContents", &problem.to_string()),
        },
        _ => return refusal("UnknownOperationException", "expected PutEvents or SendMessage"),
    };
    answered.unwrap_or_else(|problem| failure(&problem))
}

/// Answers once the message is stored.
async fn send_message(services: &Services, body: String) -> rusqlite::Result<Response> {
    let id = services.queues.send_to_processor(body).await?;
    Ok(Json(json!({ "MessageId": id })).into_response())
}

/// Answers once all accepted entries are stored. An entry that is not JSON is refused without the others.
async fn put_events(services: &Services, entries: Vec<Entry>) -> rusqlite::Result<Response> {
    let mut refused: Vec<_> = entries
        .iter()
        .map(|entry| serde_json::from_str::<Value>(&entry.detail).is_err().then_some("MalformedDetail"))
        .collect();
    match services.faults.refuses_entries() {
        Some(Kind::Refused) => refused.fill(Some("InvalidArgument")),
        Some(_) => refused[0] = Some("InternalFailure"),
        None => {}
    }
    let taken = entries.into_iter().zip(&refused).filter(|(_, refused)| refused.is_none());
    let arrivals = taken.map(|(entry, _)| Arrival {
        source: entry.source,
        detail_type: entry.detail_type,
        at: entry.time.and_then(|seconds| instant_of(&seconds)),
        detail: serde_json::from_str(&entry.detail).expect("the detail was parsed before"),
    });
    let mut ids = services.queues.put(arrivals.collect()).await?.into_iter();
    let results: Vec<_> = refused
        .iter()
        .map(|refused| match refused {
            Some(code) => json!({ "ErrorCode": code, "ErrorMessage": "The entry was refused." }),
            None => json!({ "EventId": ids.next() }),
        })
        .collect();
    let failed = refused.iter().flatten().count();
    Ok(Json(json!({ "FailedEntryCount": failed, "Entries": results })).into_response())
}

/// The whole seconds of a number that may be written with a fraction.
fn instant_of(seconds: &serde_json::Number) -> Option<Timestamp> {
    let whole = seconds.to_string().split('.').next().and_then(|digits| digits.parse().ok());
    Timestamp::from_second(whole?).ok()
}

async fn send_email(services: State<Services>, body: String) -> Response {
    match serde_json::from_str(&body) {
        Ok(mail) => services.mailbox.send(mail).await.unwrap_or_else(|problem| failure(&problem)),
        Err(problem) => mail::refusal("BadRequestException", &problem.to_string()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ListObjects {
    start_after: Option<String>,
    max_keys: u32,
}

async fn list_objects(services: State<Services>, Query(list): Query<ListObjects>) -> Response {
    let listed = services.bucket.list_objects(list.start_after, list.max_keys).await;
    listed.unwrap_or_else(|problem| failure(&problem))
}

async fn put_object(services: State<Services>, Path(key): Path<String>, body: Bytes) -> Response {
    let stored = services.bucket.put(key, body.to_vec()).await;
    stored.map_or_else(|problem| failure(&problem), |()| StatusCode::OK.into_response())
}

async fn get_object(services: State<Services>, Path(key): Path<String>) -> Response {
    services.bucket.get_object(key).await.unwrap_or_else(|problem| failure(&problem))
}

async fn delete_object(services: State<Services>, Path(key): Path<String>) -> Response {
    services.bucket.delete_object(key).await.unwrap_or_else(|problem| failure(&problem))
}

fn refusal(code: &str, message: &str) -> Response {
    let body = json!({ "__type": code, "message": message }).to_string();
    (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], body).into_response()
}

fn failure(problem: &rusqlite::Error) -> Response {
    tracing::error!(%problem, "an event, a message, a mail or an object could not be stored");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
