//! The environment of the tests: a database, an office that stands in for SES, and a wire to both that can be cut.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use aws_sdk_sesv2::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use domain::change::Change;
use domain::event::Event;
use domain::{
    Account, AccountId, BillingModel, CardPayment, Currency, Decision, Draft, EventDetails, Money, Payment,
    Profile,
};
use notify::Ports;
use serde_json::{Value, json};
use store::MailLeases;
use store::{Store, Tables};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Longer than any test takes; for leases and time-outs.
pub(crate) const LONG: Duration = Duration::from_mins(10);

/// Over soon; for leases and time-outs.
pub(crate) const SHORT: Duration = Duration::from_millis(100);

pub(crate) const FROM: &str = "credits@example.com";

pub(crate) struct World {
    pub(crate) ports: Ports,
    pub(crate) office: Arc<Office>,
    pub(crate) wire: Arc<Cut>,
}

impl World {
    pub(crate) async fn with_lease(lease: Duration) -> Self {
        let wire = Arc::new(Cut::default());
        let http = SharedHttpClient::new(Wire {
            inner: aws_smithy_http_client::Builder::new().build_http(),
            cut: wire.clone(),
        });
        let office = Arc::new(Office::default());
        let (database, ses) = (open_database().await, office.clone().open().await);
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::v2026_01_12())
            .region(Region::new("local"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(format!("http://{database}"))
            .http_client(http.clone());
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(config.build());
        let config = aws_sdk_sesv2::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("local"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(format!("http://{ses}"))
            .http_client(http);
        let leases = MailLeases::new(dynamodb.clone(), "notices", lease);
        leases.create_table().await.unwrap();
        let tables = Tables::default();
        tables.create(&dynamodb).await.unwrap();
        let ports = Ports {
            store: Arc::new(Store::new(dynamodb, tables)),
            mailer: aws_sdk_sesv2::Client::from_conf(config.build()),
            leases,
            from: FROM.to_owned(),
            portal: "https://credits.example.com".to_owned(),
            configuration_set: None,
            patience: LONG,
        };
        Self { ports, office, wire }
    }

    /// Creates an account with these recipients and this payment.
    pub(crate) async fn account(&self, id: &str, recipients: &[String], payment: Option<CardPayment>) {
        let profile = Profile {
            name: format!("{id} Ltd"),
            notification_emails: recipients.to_vec(),
            ..Profile::default()
        };
        let account = Account::open(
            AccountId::parse(id).unwrap(),
            Currency::parse("EUR").unwrap(),
            BillingModel::Prepaid,
            "2026-11-25T09:00:00Z".parse().unwrap(),
        );
        let payment = payment.map(Payment::from);
        let change = Change { profile: Some(profile), payment, ..Change::of(account) };
        assert!(self.ports.store.create(&change).await.unwrap());
    }

    pub(crate) async fn set_recipients(&self, id: &str, recipients: &[String]) {
        let id = AccountId::parse(id).unwrap();
        let changed = self.ports.store.apply_with_profile(&id, |account, profile| {
            let mut draft = Draft::on(account, account.as_of);
            draft.set_profile(Profile { notification_emails: recipients.to_vec(), ..profile.clone() });
            Ok::<Decision<()>, std::convert::Infallible>(draft.finish(()))
        });
        changed.await.unwrap();
    }

    /// The account's version, which each commit raises.
    pub(crate) async fn version(&self, id: &str) -> u64 {
        let id = AccountId::parse(id).unwrap();
        self.ports.store.account_with_profile(&id).await.unwrap().unwrap().0.version
    }

    /// Delivers an event once. Returns whether it was acknowledged.
    pub(crate) async fn deliver(&self, event: &Event) -> bool {
        deliver(&self.ports, event).await
    }

    /// Delivers an event until it is acknowledged, as a queue does.
    pub(crate) async fn deliver_until_done(&self, event: &Event) {
        for _ in 0..100 {
            if self.deliver(event).await {
                return;
            }
            tokio::time::sleep(SHORT / 4).await;
        }
        panic!("{} was delivered a hundred times and not acknowledged", event.id);
    }

    /// Delivers an event once. Returns whether it was acknowledged, or `None` if the process died.
    pub(crate) async fn deliver_unless_killed(&self, event: &Event) -> Option<bool> {
        tokio::select! {
            biased;
            done = self.deliver(event) => Some(done),
            () = self.wire.died.notified() => None,
        }
    }
}

pub(crate) async fn deliver(ports: &Ports, event: &Event) -> bool {
    deliver_until(ports, event, Instant::now() + 2 * LONG).await
}

/// Delivers an event to a function whose time ends at `until`. Returns whether it was acknowledged.
pub(crate) async fn deliver_until(ports: &Ports, event: &Event, until: Instant) -> bool {
    let body = json!({ "detail-type": "x", "source": Event::SOURCE, "detail": event });
    let batch = json!({ "Records": [
        { "messageId": "m", "body": body.to_string(), "attributes": { "SentTimestamp": "1764064800123" } },
    ]});
    let batch: SqsEvent = serde_json::from_value(batch).unwrap();
    notify::handle(batch, ports, until).await.batch_item_failures.is_empty()
}

pub(crate) fn event(account: &str, version: u64, details: EventDetails) -> Event {
    Event {
        id: Event::id(account, version, 0),
        account_id: account.to_owned(),
        version,
        at: "2026-11-25T10:00:00Z".parse().unwrap(),
        correlation_id: None,
        republished: false,
        details,
    }
}

pub(crate) fn euros(amount: &str) -> Money {
    Money::new(amount.parse().unwrap(), Currency::parse("EUR").unwrap()).unwrap()
}

pub(crate) fn depleted(account: &str, version: u64) -> Event {
    event(account, version, EventDetails::BalanceDepleted { available: euros("0") })
}

pub(crate) fn addresses(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{name}@example.com")).collect()
}

async fn open_database() -> SocketAddr {
    let database = dynoxide::Database::memory().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, std::future::pending()));
    address
}

/// How SES answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Works,
    Throttles,
    Down,
    /// The mail is sent, and the connection ends without a reply.
    LosesReplies,
    /// The mail is sent, and no reply comes before the time-out.
    AnswersTooLate,
}

/// Stands in for SES: accepts mails, except to addresses that begin with `bounce`.
#[derive(Debug, Default)]
pub(crate) struct Office {
    mood: Mutex<Mood>,
    mails: Mutex<Vec<Value>>,
    refused: Mutex<Vec<String>>,
}

impl Office {
    async fn open(self: Arc<Self>) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/v2/email/outbound-emails", post(take)).with_state(self);
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// The requests that it accepted.
    pub(crate) fn mails(&self) -> Vec<Value> {
        self.mails.lock().unwrap().clone()
    }

    /// The number of mails to each address.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for mail in self.mails() {
            *counts.entry(addressee(&mail)).or_default() += 1;
        }
        counts
    }

    /// The addresses that it refused, once for each refusal.
    pub(crate) fn refused(&self) -> Vec<String> {
        self.refused.lock().unwrap().clone()
    }

    pub(crate) fn forget(&self) {
        self.mails.lock().unwrap().clear();
    }
}

/// The counts if each recipient got one mail.
pub(crate) fn once(recipients: &[String]) -> BTreeMap<String, usize> {
    recipients.iter().map(|recipient| (recipient.clone(), 1)).collect()
}

pub(crate) fn addressee(mail: &Value) -> String {
    let to = mail["Destination"]["ToAddresses"].as_array().unwrap();
    assert_eq!(to.len(), 1, "a mail goes to one recipient: {to:?}");
    to[0].as_str().unwrap().to_owned()
}

async fn take(office: State<Arc<Office>>, Json(mail): Json<Value>) -> Response {
    let mood = *office.mood.lock().unwrap();
    let error = |status, name: &'static str| {
        (status, [("x-amzn-errortype", name)], Json(json!({ "message": "no" }))).into_response()
    };
    match mood {
        Mood::Throttles => return error(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException"),
        Mood::Down => return error(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        Mood::Works | Mood::LosesReplies | Mood::AnswersTooLate => {}
    }
    let to = addressee(&mail);
    if to.starts_with("bounce") {
        office.refused.lock().unwrap().push(to);
        return error(StatusCode::BAD_REQUEST, "MessageRejected");
    }
    office.mails.lock().unwrap().push(mail);
    if mood == Mood::LosesReplies {
        // Ends the connection without a reply.
        resume_unwind(Box::new("the reply is lost"));
    }
    if mood == Mood::AnswersTooLate {
        std::future::pending::<()>().await;
    }
    Json(json!({ "MessageId": "m" })).into_response()
}

/// The point of a call at which its caller dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    After,
    /// The caller lives; only the reply is lost.
    Never,
}

/// Counts calls to the database and to SES. The caller can be made to die at one of them.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    calls: Mutex<usize>,
    at: Mutex<Option<(usize, Moment)>>,
    died: Notify,
}

impl Cut {
    /// Begins to count. The caller dies at the call with this number.
    pub(crate) fn start(&self, at: Option<(usize, Moment)>) {
        *self.calls.lock().unwrap() = 0;
        *self.at.lock().unwrap() = at;
    }

    /// The number of calls since `start`.
    pub(crate) fn calls(&self) -> usize {
        *self.calls.lock().unwrap()
    }

    fn next(&self) -> Option<Moment> {
        let mut calls = self.calls.lock().unwrap();
        let at = self.at.lock().unwrap().filter(|(number, _)| *number == *calls);
        *calls += 1;
        at.map(|(_, moment)| moment)
    }
}

#[derive(Clone, Debug)]
struct Wire {
    inner: SharedHttpClient,
    cut: Arc<Cut>,
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, cut: self.cut.clone() })
    }
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    cut: Arc<Cut>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(moment) = self.cut.next() else { return self.inner.call(request) };
        let (inner, cut) = (self.inner.clone(), self.cut.clone());
        HttpConnectorFuture::new(async move {
            if moment != Moment::Before {
                inner.call(request).await?;
            }
            if moment == Moment::Never {
                return Err(ConnectorError::io("the connection was reset".into()));
            }
            cut.died.notify_one();
            std::future::pending().await
        })
    }
}
