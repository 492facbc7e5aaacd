//! Injects faults into the calls from functions to the database, the card processor and the AWS services.
//!
//! The database's faults are injected below the SDK, in its HTTP client, so that the SDK's own retries are tested as well.
//! A *death* never answers: the process that waits for the answer stops at that step, as if it were killed. A *pause*
//! holds a call back until it is resumed, so that two processes can be led through every interleaving. A *brake* lets
//! transactions through no faster than DynamoDB writes to one partition.
//!
//! A host does many things at once: while a test leads one process from call to call, the stream is published and mails
//! are sent. Deaths at a step, pauses and records of one process therefore concern only the process that is [`watched`].

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use domain::dispute::SeenDispute;
use domain::profile::PaymentMethod;
use domain::refund::SeenRefund;
use domain::{AccountId, PaymentId};
use jiff::Timestamp;
use payments::{
    Confirmation, Intent, NewIntent, NewRefund, NewSetUp, Processor, ProcessorError, ProcessorMessage, SetUp,
    SetUpState,
};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

/// The service that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// DynamoDB, as the functions call it.
    Database,
    /// The card processor.
    Processor,
    /// EventBridge.
    Bus,
    /// SQS, as `webhook` calls it.
    Queue,
    /// SES.
    Mail,
    /// S3: the bucket of undelivered records.
    Bucket,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A transaction that reads or writes conflicts with another one (database only; other calls go through).
    Conflict,
    /// An entry of a request is refused inside a 200 (bus only; other calls go through).
    Partial,
    /// All entries of a request are refused for good inside a 200 (bus only; other calls go through).
    Refused,
    /// The call is refused because of too many requests.
    Throttle,
    /// The call is made, and the reply is lost.
    LostReply,
    /// The call is not made, and nobody answers.
    Down,
    /// The call is not made, and the caller dies.
    #[serde(skip_deserializing)]
    DeathBefore,
    /// The call is made, and the caller dies.
    #[serde(skip_deserializing)]
    DeathAfter,
}

/// Calls that are to fail.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The service that is called; the database and the card processor if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// How they fail.
    pub kind: Kind,
    /// The number of calls that go through first.
    #[serde(default)]
    pub skip: usize,
    /// The number of calls that fail.
    pub count: usize,
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The operation's name.
    pub operation: String,
    /// The body that was sent.
    pub body: String,
}

/// Holds a coming call back before it is made. Dropping this, or disarming, lets the call go through.
#[derive(Debug)]
pub struct Pause {
    gate: Arc<Gate>,
}

impl Pause {
    /// Waits until the call is held back.
    pub async fn reached(&self) {
        self.gate.reached.notified().await;
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        self.gate.resumed.close();
    }
}

#[derive(Debug)]
struct Gate {
    reached: Notify,
    /// Closed when the call may go through. It never has permits.
    resumed: Semaphore,
}

impl Gate {
    async fn hold(&self) {
        self.reached.notify_one();
        // The wait ends with an error when the semaphore is closed; it never ends otherwise.
        let _ = self.resumed.acquire().await;
    }
}

tokio::task_local! {
    static WATCHED: ();
}

/// Does `work` as the process that a test watches. A task that it spawns is watched only in its calls through
/// [`Database::watched_client`](crate::database::Database::watched_client).
pub fn watched<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    WATCHED.scope((), work)
}

/// Whether the call that is being made is one of the watched process.
fn is_watched() -> bool {
    WATCHED.try_with(|()| ()).is_ok()
}

/// The calls that a fault or a record concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Anybodys,
    OfWatched,
}

impl Whose {
    /// Whether the call that is being made is one of these.
    fn is_meant(self) -> bool {
        self == Self::Anybodys || is_watched()
    }
}

#[derive(Debug)]
struct Record {
    of: Target,
    by: Whose,
    calls: Vec<Call>,
}

/// The faults to come and, on request, a record of the calls made.
#[derive(Debug, Default)]
pub struct Faults {
    armed: Mutex<Vec<(Whose, Fault)>>,
    pauses: Mutex<Vec<(usize, Arc<Gate>)>>,
    died: Notify,
    record: Mutex<Option<Record>>,
    brake: Mutex<Option<Brake>>,
    /// It outlasts the armed faults: a try whose reply was lost is repeated after its fault is over.
    may_lose_replies: AtomicBool,
}

/// A limit to how fast transactions are written: a leaky bucket.
#[derive(Debug)]
struct Brake {
    items_a_second: u32,
    /// When everything that was let in so far has leaked out.
    free_at: Instant,
}

/// The most unused time that later transactions may use up, so that a client that works between two transactions still
/// reaches the limit.
const SAVED_UP: Duration = Duration::from_secs(1);

impl Brake {
    /// The instant at which a transaction of this many items may begin.
    fn take(&mut self, items: u32) -> Instant {
        let now = Instant::now();
        let earliest = now.checked_sub(SAVED_UP).unwrap_or(now);
        self.free_at = self.free_at.max(earliest) + Duration::from_secs(items.into()) / self.items_a_second;
        self.free_at
    }
}

impl Faults {
    /// Makes coming calls of any process fail.
    pub fn arm(&self, fault: Fault) {
        self.push(Whose::Anybodys, fault);
    }

    /// Makes coming calls of the [`watched`] process fail.
    pub fn arm_watched(&self, fault: Fault) {
        self.push(Whose::OfWatched, fault);
    }

    fn push(&self, whose: Whose, fault: Fault) {
        self.may_lose_replies.store(true, Ordering::SeqCst);
        self.armed.lock().expect("no holder of this lock panics").push((whose, fault));
    }

    /// The faults that are still to come: how many calls go through first, and how many then fail.
    pub fn armed(&self) -> Vec<Fault> {
        let armed = self.armed.lock().expect("no holder of this lock panics");
        armed.iter().map(|(_, fault)| *fault).collect()
    }

    /// Whether a reply may be lost: since faults were armed, and until they are disarmed.
    pub(crate) fn may_lose_replies(&self) -> bool {
        self.may_lose_replies.load(Ordering::SeqCst)
    }

    /// Holds back a call of the [`watched`] process to the database or the card processor, after `skip` calls that go through.
    pub fn pause(&self, skip: usize) -> Pause {
        let gate = Arc::new(Gate { reached: Notify::new(), resumed: Semaphore::new(0) });
        self.pauses.lock().expect("no holder of this lock panics").push((skip, gate.clone()));
        Pause { gate }
    }

    /// From now on, transactions write at most this many items a second to the database, until faults are disarmed.
    pub fn slow_down(&self, items_a_second: u32) {
        let brake = Brake { items_a_second, free_at: Instant::now() };
        *self.brake.lock().expect("no holder of this lock panics") = Some(brake);
    }

    /// The instant at which this call may be made, if it is a transaction that writes and transactions are slowed down.
    fn slowed(&self, operation: &str, request: &HttpRequest) -> Option<Instant> {
        let mut brake = self.brake.lock().expect("no holder of this lock panics");
        let brake = brake.as_mut().filter(|_| operation == "TransactWriteItems")?;
        let body: Transaction = serde_json::from_slice(request.body().bytes()?).ok()?;
        Some(brake.take(u32::try_from(body.items.len()).expect("a transaction has at most 100 items")))
    }

    /// Lets everything go through again.
    pub fn disarm(&self) {
        *self.brake.lock().expect("no holder of this lock panics") = None;
        self.armed.lock().expect("no holder of this lock panics").clear();
        self.may_lose_replies.store(false, Ordering::SeqCst);
        for (_, gate) in self.pauses.lock().expect("no holder of this lock panics").drain(..) {
            gate.resumed.close();
        }
    }

    /// Waits until a process dies.
    pub async fn death(&self) {
        self.died.notified().await;
    }

    /// Records calls of any process over the wire to this target from now on.
    pub fn start_record(&self, of: Target) {
        self.record_calls(of, Whose::Anybodys);
    }

    /// Records calls of the [`watched`] process over the wire to this target from now on.
    pub fn start_record_watched(&self, of: Target) {
        self.record_calls(of, Whose::OfWatched);
    }

    fn record_calls(&self, of: Target, by: Whose) {
        let record = Record { of, by, calls: Vec::new() };
        *self.record.lock().expect("no holder of this lock panics") = Some(record);
    }

    /// Ends the record, and returns its calls.
    pub fn take_record(&self) -> Vec<Call> {
        let record = self.record.lock().expect("no holder of this lock panics").take();
        record.map(|record| record.calls).unwrap_or_default()
    }

    fn note(&self, target: Target, operation: &str, request: &HttpRequest) {
        let mut record = self.record.lock().expect("no holder of this lock panics");
        if let Some(record) = record.as_mut().filter(|record| record.of == target && record.by.is_meant()) {
            let body = request.body().bytes().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
            record.calls.push(Call { operation: operation.to_owned(), body });
        }
    }

    /// How the bus must refuse entries of the request that it answers, if it must: one entry for now, or all for good.
    pub(crate) fn refuses_entries(&self) -> Option<Kind> {
        self.next(Target::Bus, |kind| matches!(kind, Kind::Partial | Kind::Refused))
    }

    fn next(&self, target: Target, can_fail: impl Fn(Kind) -> bool) -> Option<Kind> {
        let mut armed = self.armed.lock().expect("no holder of this lock panics");
        let mut found = None;
        for (whose, fault) in armed.iter_mut() {
            let meant = match fault.target {
                Some(wanted) => wanted == target,
                None => matches!(target, Target::Database | Target::Processor),
            };
            let applies = meant && whose.is_meant() && can_fail(fault.kind);
            if applies && fault.skip > 0 {
                fault.skip -= 1;
            } else if applies && found.is_none() {
                fault.count -= 1;
                found = Some(fault.kind);
            }
        }
        armed.retain(|(_, fault)| fault.count > 0);
        found
    }

    /// The gate that holds back the call that is being made, if any.
    fn gate(&self) -> Option<Arc<Gate>> {
        if !is_watched() {
            return None;
        }
        let mut pauses = self.pauses.lock().expect("no holder of this lock panics");
        pauses.retain(|(_, gate)| !gate.resumed.is_closed());
        let reached = pauses.iter().position(|(skip, _)| *skip == 0);
        for (skip, _) in pauses.iter_mut() {
            *skip = skip.saturating_sub(1);
        }
        reached.map(|index| pauses.remove(index).1)
    }

    async fn die<T>(&self) -> T {
        self.died.notify_one();
        std::future::pending().await
    }
}

/// The body of a `TransactWriteItems`.
#[derive(Deserialize)]
struct Transaction {
    #[serde(rename = "TransactItems")]
    items: Vec<IgnoredAny>,
}

/// An HTTP client for the SDK that injects faults.
#[derive(Clone, Debug)]
pub struct Wire {
    inner: SharedHttpClient,
    faults: Arc<Faults>,
    target: Target,
}

impl Wire {
    /// A wire over the SDK's own HTTP client, without TLS, since it only talks to loopback.
    pub(crate) fn shared(faults: Arc<Faults>, target: Target) -> SharedHttpClient {
        Self::over(Builder::new().build_http(), faults, target)
    }

    /// A wire over this HTTP client.
    pub(crate) fn over(inner: SharedHttpClient, faults: Arc<Faults>, target: Target) -> SharedHttpClient {
        SharedHttpClient::new(Self { inner, faults, target })
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(FaultyConnector { inner, faults: self.faults.clone(), target: self.target })
    }
}

/// An HTTP client whose calls are those of the watched process, whichever task makes them.
#[derive(Debug)]
pub(crate) struct Watched<T>(pub(crate) T);

impl HttpClient for Watched<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Watched(self.0.http_connector(settings, components)))
    }
}

impl HttpConnector for Watched<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        WATCHED.sync_scope((), || self.0.call(request))
    }
}

#[derive(Debug)]
struct FaultyConnector {
    inner: SharedHttpConnector,
    faults: Arc<Faults>,
    target: Target,
}

impl HttpConnector for FaultyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
        let operation = operation.unwrap_or_default().to_owned();
        let target = self.target;
        self.faults.note(target, &operation, &request);
        let gate = if target == Target::Database { self.faults.gate() } else { None };
        let kind = self.faults.next(target, |kind| match kind {
            Kind::Conflict => operation.starts_with("Transact"),
            // The bus itself refuses entries.
            Kind::Partial | Kind::Refused => false,
            _ => true,
        });
        let slowed = if target == Target::Database { self.faults.slowed(&operation, &request) } else { None };
        if gate.is_none() && kind.is_none() && slowed.is_none() {
            return self.inner.call(request);
        }
        let (inner, faults) = (self.inner.clone(), self.faults.clone());
        HttpConnectorFuture::new(async move {
            if let Some(gate) = gate {
                gate.hold().await;
            }
            if let Some(instant) = slowed {
                tokio::time::sleep_until(instant).await;
            }
            match kind {
                None | Some(Kind::Partial | Kind::Refused) => inner.call(request).await,
                Some(Kind::Conflict) => Ok(refusal(400, CONFLICT)),
                Some(Kind::Throttle) if target == Target::Mail => Ok(too_many_mails()),
                Some(Kind::Throttle) => Ok(refusal(400, THROTTLED)),
                Some(Kind::Down) => {
                    Err(ConnectorError::io(io::Error::from(io::ErrorKind::ConnectionRefused).into()))
                }
                Some(Kind::LostReply) => {
                    inner.call(request).await?;
                    Err(ConnectorError::io("the connection was reset".into()))
                }
                Some(Kind::DeathBefore) => faults.die().await,
                Some(Kind::DeathAfter) => {
                    inner.call(request).await?;
                    faults.die().await
                }
            }
        })
    }
}

const CONFLICT: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "Message":"Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict]",
    "CancellationReasons":[{"Code":"TransactionConflict","Message":"Transaction is ongoing for the item"}]}"#;

const THROTTLED: &str =
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Rate exceeded"}"#;

fn refusal(status: u16, body: &'static str) -> HttpResponse {
    let status = status.try_into().expect("the number is a status");
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}

/// SES names its errors in a header.
fn too_many_mails() -> HttpResponse {
    let mut response = refusal(429, r#"{"message":"Too many requests"}"#);
    response.headers_mut().insert("x-amzn-errortype", "TooManyRequestsException");
    response
}

/// A card processor that injects faults.
pub struct FaultyProcessor {
    inner: Arc<dyn Processor>,
    faults: Arc<Faults>,
}

impl FaultyProcessor {
    /// Injects faults into the calls to `inner`.
    pub fn new(inner: Arc<dyn Processor>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }

    async fn call<T>(
        &self,
        work: impl Future<Output = Result<T, ProcessorError>> + Send,
    ) -> Result<T, ProcessorError> {
        let lost = |what: &str| ProcessorError::Unknown(what.into());
        if let Some(gate) = self.faults.gate() {
            gate.hold().await;
        }
        match self
            .faults
            .next(Target::Processor, |kind| !matches!(kind, Kind::Conflict | Kind::Partial | Kind::Refused))
        {
            None | Some(Kind::Conflict | Kind::Partial | Kind::Refused) => work.await,
            Some(Kind::Throttle | Kind::Down) => Err(lost("the card processor is down")),
            Some(Kind::LostReply) => {
                work.await?;
                Err(lost("the card processor's reply was lost"))
            }
            Some(Kind::DeathBefore) => self.faults.die().await,
            Some(Kind::DeathAfter) => {
                work.await?;
                self.faults.die().await
            }
        }
    }
}

#[async_trait]
impl Processor for FaultyProcessor {
    async fn set_up(&self, new: &NewSetUp<'_>) -> Result<SetUp, ProcessorError> {
        self.call(self.inner.set_up(new)).await
    }

    async fn look_up_set_up(&self, set_up: &str) -> Result<SetUpState, ProcessorError> {
        self.call(self.inner.look_up_set_up(set_up)).await
    }

    async fn save_method(
        &self,
        account: &AccountId,
        customer: Option<&str>,
        token: &str,
    ) -> Result<PaymentMethod, ProcessorError> {
        self.call(self.inner.save_method(account, customer, token)).await
    }

    async fn look_up_method(&self, saved: &PaymentMethod) -> Result<Option<PaymentMethod>, ProcessorError> {
        self.call(self.inner.look_up_method(saved)).await
    }

    async fn account_of(&self, customer: &str) -> Result<Option<AccountId>, ProcessorError> {
        self.call(self.inner.account_of(customer)).await
    }

    async fn create(&self, new: &NewIntent<'_>) -> Result<Intent, ProcessorError> {
        self.call(self.inner.create(new)).await
    }

    async fn confirm(&self, confirmation: &Confirmation<'_>) -> Result<Intent, ProcessorError> {
        self.call(self.inner.confirm(confirmation)).await
    }

    async fn look_up(&self, intent: &str) -> Result<Intent, ProcessorError> {
        self.call(self.inner.look_up(intent)).await
    }

    async fn find(&self, customer: &str, key: &str) -> Result<Option<Intent>, ProcessorError> {
        self.call(self.inner.find(customer, key)).await
    }

    async fn payment_of(&self, intent: &str) -> Result<Option<(AccountId, PaymentId)>, ProcessorError> {
        self.call(self.inner.payment_of(intent)).await
    }

    async fn cancel(&self, intent: &str) -> Result<Intent, ProcessorError> {
        self.call(self.inner.cancel(intent)).await
    }

    async fn refund(&self, new: &NewRefund<'_>) -> Result<SeenRefund, ProcessorError> {
        self.call(self.inner.refund(new)).await
    }

    async fn refunds(&self, intent: &str) -> Result<Vec<SeenRefund>, ProcessorError> {
        self.call(self.inner.refunds(intent)).await
    }

    async fn disputes(&self, intent: &str) -> Result<Vec<SeenDispute>, ProcessorError> {
        self.call(self.inner.disputes(intent)).await
    }

    /// No fault is injected here: the answer is read from the key, without a call.
    async fn is_live(&self) -> Result<bool, ProcessorError> {
        self.inner.is_live().await
    }

    /// No fault is injected here. Faults are counted in the calls about payments, and every run of recovery ends with this one.
    async fn undelivered(
        &self,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<ProcessorMessage>, ProcessorError> {
        self.inner.undelivered(since, limit).await
    }
}
