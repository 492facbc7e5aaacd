//! Tools for the scenarios: a host for each test, clients with tokens, and the check that books balance.

mod log_reader;
mod typed;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use dynoxide::ImportOptions;
use dynoxide::types::AttributeValue;
use jiff::Timestamp;
use local::faults::{Call, Fault, Faults, Kind, Pause, Target, watched};
use local::queues::Delivery;
use local::tokens::TokenRequest;
use local::{Config, Host, ProcessorChoice, Storage};
use rates::PublishedRates;
use recharge::{Leases, RecoverError, Summary};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use store::{Store, Tables};

/// The longest wait of a test.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A host with its own database and port.
pub struct World {
    /// The host.
    pub host: Host,
    /// The operator's client.
    pub operator: Api,
}

/// A client with a token.
#[derive(Clone, Debug)]
pub struct Api {
    http: Client,
    url: String,
    token: String,
}

/// What a card processor says of an account's charges.
#[derive(Clone, Copy, Debug, Default)]
pub struct Charged {
    /// All that it has charged.
    pub amount: Decimal,
    /// What cards have back.
    pub back: Decimal,
    /// What open disputes are about.
    pub disputed: Decimal,
}

/// Capacity units of DynamoDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Units {
    /// Read units.
    pub read: Decimal,
    /// Write units.
    pub write: Decimal,
}

impl std::ops::Sub for Units {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { read: self.read - before.read, write: self.write - before.write }
    }
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The JSON body, or a text body as a JSON string.
    pub body: Value,
}

impl World {
    /// Starts a host in memory, without the demo organizations.
    pub async fn start() -> Self {
        Self::with(Storage::Memory, false, ProcessorChoice::Sandbox).await
    }

    /// Starts a host in memory with the demo organizations, as the README does.
    pub async fn demo() -> Self {
        Self::with(Storage::Memory, true, ProcessorChoice::Sandbox).await
    }

    /// Starts a host that stores its data in an empty folder, with the demo organizations and a clock that stands at this instant.
    pub async fn demo_at(folder: &Path, instant: &str) -> Self {
        std::fs::write(folder.join("clock"), instant).expect("the folder can be written to");
        Self::with(Storage::Folder(folder.to_owned()), true, ProcessorChoice::Sandbox).await
    }

    /// Starts a host that stores its data in a folder.
    pub async fn on_disk(folder: &Path) -> Self {
        Self::with(Storage::Folder(folder.to_owned()), false, ProcessorChoice::Sandbox).await
    }

    /// Starts a host in memory with the demo organizations, as `cargo run -- --processor fake` does.
    pub async fn demo_over_stripe() -> Self {
        Self::with(Storage::Memory, true, ProcessorChoice::Fake).await
    }

    /// Starts a host in memory that charges cards through Stripe's API, which a fake answers.
    pub async fn over_stripe() -> Self {
        Self::with(Storage::Memory, false, ProcessorChoice::Fake).await
    }

    async fn with(storage: Storage, demo: bool, processor: ProcessorChoice) -> Self {
        log_reader::begin();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let host = Host::start(Config { address, storage, demo, processor }).await.expect("the host starts");
        let operator = Api::of(&host, "operator", &[]);
        Self { host, operator }
    }

    /// A client with another role.
    pub fn client(&self, role: &str, accounts: &[&str]) -> Api {
        Api::of(&self.host, role, accounts)
    }

    /// Creates an account in EUR with a saved card.
    pub async fn account(&self, id: &str) {
        self.account_in(id, "EUR").await;
    }

    /// Creates an account in another currency with a saved card.
    pub async fn account_in(&self, id: &str, currency: &str) {
        let account = json!({ "accountId": id, "name": id, "currency": currency });
        self.operator.post("/v1/accounts", account).await.expect(201);
        let card = json!({ "paymentMethod": "pm_card_visa" });
        self.operator
            .send(Method::PUT, &format!("/v1/accounts/{id}/payment-method"), &[], card)
            .await
            .expect(200);
        self.drain().await;
    }

    /// Stores this many copies of an account, as `{name}-{number}`, spread over the shards of due accounts. They have no
    /// journal.
    pub fn copy_account(&self, account: &str, name: &str, count: usize) {
        let engine = self.host.database().engine();
        let parts = ["core", "profile"].map(|part| {
            let key = json!({ "accountId": { "S": account }, "part": { "S": part } });
            let request = json!({ "TableName": "accounts", "Key": key });
            let request = serde_json::from_value(request).expect("a request");
            engine.get_item(request).expect("the engine answers").item.expect("a part")
        });
        let copies = (0..count).flat_map(|number| {
            parts.iter().cloned().map(move |mut part| {
                part.insert("accountId".into(), AttributeValue::S(format!("{name}-{number}")));
                if let Some(shard) = part.get_mut("dueExpireShard") {
                    *shard = AttributeValue::S((number % 8).to_string());
                }
                part
            })
        });
        let imported = engine.import_items("accounts", copies.collect(), ImportOptions::default());
        assert_eq!(imported.expect("the engine takes them").items_imported, 2 * count);
    }

    /// Charges an account for records that one transaction holds. Returns the request that commits them, for an engine that is
    /// to commit its like.
    pub async fn commit_of(&self, account: &str, records: &[Value]) -> Value {
        self.record(Target::Database).await;
        self.operator.debit(account, records).await.expect(200);
        let calls = self.faults().take_record();
        let call = calls.iter().find(|call| call.operation == "TransactWriteItems").expect("a commit");
        let mut request: Value = serde_json::from_str(&call.body).expect("JSON");
        request.as_object_mut().expect("an object").remove("ClientRequestToken");
        request
    }

    /// Waits until nothing is in flight. Returns the capacity units that a function has consumed so far.
    pub async fn units(&self, function: &str) -> Units {
        self.drain().await;
        let metrics = self.host.machine().functions.metrics();
        let metrics = metrics.iter().find(|metrics| metrics.name == function).expect("a function");
        // Units are multiples of a half, so their text is exact.
        let exact = |units: f64| units.to_string().parse().expect("a number");
        Units { read: exact(metrics.read_units), write: exact(metrics.write_units) }
    }

    /// Settings for the functions as separate programs, which use this host's tables, bus and mailbox, and this rate file.
    pub fn settings(&self, rates: &Path) -> Vec<(&'static str, String)> {
        let rates = rates.to_str().expect("a path in UTF-8");
        let (database, aws) = (self.host.database().url(), self.host.aws().url());
        let fixed = [
            ("AWS_REGION", "local"),
            ("AWS_ACCESS_KEY_ID", "anybody"),
            ("AWS_SECRET_ACCESS_KEY", "anything"),
            ("ACCOUNTS_TABLE", "accounts"),
            ("JOURNAL_TABLE", "journal"),
            ("PAYMENTS_TABLE", "payments"),
            ("NOTICES_TABLE", "notices"),
            ("SANDBOX_TABLE", "sandbox"),
            ("AUTHENTICATION_PAGE", "http://localhost/authenticate"),
            ("CARD_PAGE", "http://localhost/cards"),
            ("EVENT_BUS", "local"),
            ("UNDELIVERED_BUCKET", "undelivered"),
            ("STRIPE_WEBHOOK_SECRET_ARN", "webhook-secrets"),
            ("MAIL_FROM", "credits@localhost"),
            ("PORTAL_URL", "http://localhost"),
            ("RATES_FILE", rates),
        ];
        let mut settings: Vec<_> = fixed.map(|(name, value)| (name, value.to_owned())).into();
        settings.extend([
            ("AWS_ENDPOINT_URL_DYNAMODB", database),
            ("AWS_ENDPOINT_URL_EVENTBRIDGE", aws.clone()),
            ("AWS_ENDPOINT_URL_S3", aws.clone()),
            ("AWS_ENDPOINT_URL_SESV2", aws.clone()),
            ("AWS_ENDPOINT_URL_SQS", aws),
            ("PROCESSOR_QUEUE_URL", self.host.aws().processor_queue()),
        ]);
        settings
    }

    /// Sets the clock, which stands still from then on.
    pub fn set_time(&self, instant: &str) {
        self.host.machine().clock.set(instant.parse().expect("an instant")).expect("the clock is set");
    }

    /// The faults of the host's services.
    pub fn faults(&self) -> &Faults {
        &self.host.machine().faults
    }

    /// Makes calls to the database or the card processor fail, in the work that `unless_killed` watches.
    pub fn arm(&self, kind: Kind, skip: usize, count: usize) {
        self.faults().arm_watched(Fault { target: None, kind, skip, count });
    }

    /// Waits until nothing is in flight, and then makes calls of any process fail.
    pub async fn fail(&self, fault: Fault) {
        self.drain().await;
        self.faults().arm(fault);
    }

    /// Waits until nothing is in flight, and then records the calls of any process to this target.
    pub async fn record(&self, of: Target) {
        self.drain().await;
        self.faults().start_record(of);
    }

    /// Runs the work. Returns the calls that it made to the database in this task.
    pub async fn recorded<T>(&self, work: impl Future<Output = T>) -> (T, Vec<Call>) {
        self.faults().start_record_watched(Target::Database);
        let done = bounded(watched(work)).await;
        (done, self.faults().take_record())
    }

    /// Takes a service down until faults are disarmed.
    pub fn take_down(&self, target: Target) {
        self.faults().arm(Fault { target: Some(target), kind: Kind::Down, skip: 0, count: usize::MAX });
    }

    /// Runs the scheduled recovery at this instant. It respects leases.
    pub async fn recover_at(&self, instant: &str) -> Summary {
        let instant: Timestamp = instant.parse().expect("an instant");
        let functions = &self.host.machine().functions;
        Box::pin(functions.recover(instant, Leases::Respected)).await.expect("it recovers")
    }

    /// Loses every event from now on, on its way to the functions.
    pub fn lose_events(&self) {
        self.host.machine().queues.deliver(Delivery { lose: true, ..Delivery::default() });
    }

    /// Runs the recharge function with a message that the account is low. It runs in this task, so that it can be killed or held
    /// back.
    pub async fn recharge_here(&self, account: &str) {
        self.recharge_at(account, self.host.machine().clock.now()).await;
    }

    /// Like [`Self::recharge_here`], with a message that was sent at an earlier instant.
    pub async fn recharge_sent_at(&self, account: &str, sent_at: &str) {
        self.recharge_at(account, sent_at.parse().expect("an instant")).await;
    }

    /// Like [`Self::recharge_here`], for a run that may fail. Returns whether it did not.
    pub async fn try_recharge_here(&self, account: &str) -> bool {
        self.try_recharge_at(account, self.host.machine().clock.now()).await
    }

    async fn recharge_at(&self, account: &str, sent_at: Timestamp) {
        assert!(self.try_recharge_at(account, sent_at).await, "the message is handled");
    }

    async fn try_recharge_at(&self, account: &str, sent_at: Timestamp) -> bool {
        let event = json!({
            "id": format!("{account}#0#0"),
            "accountId": account,
            "version": 0,
            "at": sent_at,
            "type": "BalanceLow",
            "available": { "amount": "0", "currency": "EUR" },
        });
        let message = json!({ "detail-type": "BalanceLow", "detail": event });
        self.deliver_here(&message, sent_at).await
    }

    /// Runs the recharge function with a message of its queue, which was sent at this instant. It runs in this task, so that it can be
    /// killed or held back. Returns whether the message was handled, or is to come again.
    pub async fn deliver_here(&self, message: &Value, sent_at: Timestamp) -> bool {
        let message = json!({
            "messageId": "one",
            "body": message.to_string(),
            "attributes": { "SentTimestamp": sent_at.as_millisecond().to_string() },
        });
        let batch = serde_json::from_value(json!({ "Records": [message] })).expect("an event");
        let ports = self.host.machine().functions.recharge_ports();
        let answered = Box::pin(recharge::handle_queue(batch, ports)).await;
        answered.batch_item_failures.is_empty()
    }

    /// Delivers, in the same way, a message of the processor that something of a payment has moved: `charge` or `repayments`.
    pub async fn tell_here(&self, account: &str, payment: &str, subject: &str, intent: &str) -> bool {
        let message = json!({
            "id": "evt_1", "type": "something.moved", "isLive": false, "account": account, "payment": payment,
            "subject": subject, "intent": intent,
        });
        self.deliver_here(&message, self.host.machine().clock.now()).await
    }

    /// Waits until everything in flight is done, including all that follows from it.
    pub async fn drain(&self) {
        self.operator.drain().await;
    }

    /// Runs recovery on every open payment. It ignores leases.
    pub async fn recover(&self) -> Summary {
        self.try_recover().await.expect("it recovers")
    }

    /// The same for a run that may fail.
    pub async fn try_recover(&self) -> Result<Summary, RecoverError> {
        let machine = self.host.machine();
        let now = machine.clock.now();
        Box::pin(machine.functions.recover(now, Leases::Ignored)).await
    }

    /// Makes a purchase as the operator in this task, so that it can be killed or held back.
    pub async fn buy_here(&self, account: &str, key: &str, body: Value) -> Answer {
        self.post_here("purchases", account, key, body).await
    }

    /// Confirms a purchase, with the card's owner there, in the same way.
    pub async fn confirm_here(&self, account: &str, purchase: &str) -> Answer {
        let path = format!("purchases/{purchase}/confirm");
        let mut event = self.event("POST", &path, account, &json!({}), "");
        event.path_parameters.insert("purchaseId".to_owned(), purchase.to_owned());
        event.route_key = Some("POST /v1/accounts/{id}/purchases/{purchaseId}/confirm".to_owned());
        Box::pin(purchase::handle(event, self.host.machine().functions.purchase_ports())).await.into()
    }

    /// Makes an adjustment in the same way.
    pub async fn adjust_here(&self, account: &str, key: &str, body: Value) -> Answer {
        self.post_here("adjustments", account, key, body).await
    }

    /// Refunds a purchase in the same way.
    pub async fn refund_here(&self, account: &str, purchase: &str, key: &str) -> Answer {
        let headers = json!({ "content-type": "application/json", "idempotency-key": key });
        let what = "purchases/{purchaseId}/refund";
        let mut event = self.event("POST", what, account, &headers, r#"{"reason": "cancelled"}"#);
        event.path_parameters.insert("purchaseId".to_owned(), purchase.to_owned());
        Box::pin(purchase::handle(event, self.host.machine().functions.purchase_ports())).await.into()
    }

    /// Turns auto-recharge off in the same way.
    pub async fn turn_off_here(&self, account: &str) {
        let json = json!({ "content-type": "application/json" });
        let event = self.event("PUT", "auto-recharge", account, &json, r#"{"enabled": false}"#);
        let answer = Box::pin(account::handle(event, self.host.machine().functions.account_ports())).await;
        assert_eq!(answer.status_code, 200, "{:?}", answer.body);
    }

    async fn post_here(&self, what: &str, account: &str, key: &str, body: Value) -> Answer {
        let headers = json!({ "content-type": "application/json", "idempotency-key": key });
        let event = self.event("POST", what, account, &headers, &body.to_string());
        Box::pin(purchase::handle(event, self.host.machine().functions.purchase_ports())).await.into()
    }

    /// A request below `/v1/accounts/{id}/`, as API Gateway sends it to a function.
    pub fn event(
        &self,
        method: &str,
        what: &str,
        account: &str,
        headers: &Value,
        body: &str,
    ) -> ApiGatewayV2httpRequest {
        let event = json!({
            "version": "2.0",
            "routeKey": format!("{method} /v1/accounts/{{id}}/{what}"),
            "rawPath": format!("/v1/accounts/{account}/{what}"),
            "headers": headers,
            "pathParameters": { "id": account },
            "requestContext": {
                "authorizer": { "jwt": { "claims": { "sub": "operator", "role": "operator" } } },
                "http": { "method": method },
                "timeEpoch": self.host.machine().clock.now().as_millisecond(),
            },
            "body": body,
            "isBase64Encoded": false,
        });
        serde_json::from_value(event).expect("an event")
    }

    /// The debit function as a process of its own, whose calls are watched. It commits in tasks that its callers only wait for.
    pub fn debit_process(&self) -> debit::Ports {
        self.debit_process_at(self.host.machine().functions.debit_ports().rates.clone())
    }

    /// The same at other rates.
    pub fn debit_process_at(&self, rates: PublishedRates) -> debit::Ports {
        let store =
            Store::new(self.host.database().watched_client(&self.host.machine().faults), Tables::default());
        debit::Ports::new(store.into(), rates)
    }

    /// Runs the work until it is done or a fault of [`Self::arm`] kills it. Killed work is dropped, and the result is `None`.
    pub async fn unless_killed<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        bounded(async {
            tokio::select! {
                biased;
                done = watched(work) => Some(done),
                () = self.faults().death() => None,
            }
        })
        .await
    }

    /// Runs the work until it is done, or until it is held back before the next call after `calls`. Only calls in this task
    /// count, not those of a request that it sends to the host.
    pub async fn run_to<T>(
        &self,
        calls: usize,
        work: &mut Pin<&mut (impl Future<Output = T> + ?Sized)>,
    ) -> Result<T, Pause> {
        let pause = self.faults().pause(calls);
        let reached = bounded(async {
            tokio::select! {
                biased;
                done = watched(work) => Some(done),
                () = pause.reached() => None,
            }
        });
        reached.await.ok_or(pause)
    }
}

/// Waits for the work, for a limited time.
pub async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONGEST_WAIT, work).await.expect("it ends in time")
}

impl Api {
    fn of(host: &Host, role: &str, accounts: &[&str]) -> Self {
        let request = TokenRequest {
            role: role.to_owned(),
            accounts: accounts.iter().map(|&account| account.to_owned()).collect(),
            ..TokenRequest::default()
        };
        let token = host.machine().tokens.issue(request).expect("a token");
        Self::new(host.url(), &token)
    }

    /// A client of the host at `url`.
    pub fn new(url: &str, token: &str) -> Self {
        let http = Client::builder().timeout(LONGEST_WAIT).build().expect("a client");
        Self { http, url: url.to_owned(), token: token.to_owned() }
    }

    /// Waits until everything in flight is done, including all that follows from it. The host answers 504 after 30 s, which on a
    /// busy machine says nothing, so it is asked again.
    pub async fn drain(&self) {
        for _ in 0..10 {
            let answer = self.post("/_local/drain", Value::Null).await;
            if answer.status != 504 {
                answer.expect(200);
                return;
            }
        }
        panic!("there is work in flight after ten times 30 s");
    }

    /// Sends a GET request.
    pub async fn get(&self, path: &str) -> Answer {
        self.send_text(Method::GET, path, &[], String::new()).await
    }

    /// Sends a GET request for content that is not text, which must be answered 200.
    pub async fn get_bytes(&self, path: &str) -> (HeaderMap, Vec<u8>) {
        self.get_bytes_as(path, "*/*").await
    }

    /// The same for content of this type.
    pub async fn get_bytes_as(&self, path: &str, accept: &str) -> (HeaderMap, Vec<u8>) {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        let request = request.header("accept", accept);
        let response = request.send().await.expect("the host answers");
        assert_eq!(response.status(), 200, "{path}");
        let headers = response.headers().clone();
        (headers, response.bytes().await.expect("a body").to_vec())
    }

    /// Sends a POST request with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[], body).await
    }

    /// Sends a request with a JSON body and headers.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/json"));
        self.send_text(method, path, &headers, body.to_string()).await
    }

    /// Sends any request.
    pub async fn send_text(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        self.try_send(method, path, headers, body).await.expect("the host answers")
    }

    /// Sends any request to a host that may be killed.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> reqwest::Result<Answer> {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.url))
            .bearer_auth(&self.token)
            .body(body);
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            request = request.header(name, HeaderValue::from_str(value).expect("a header's value"));
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        typed::check(&method, path, status, &body);
        Ok(Answer { status, headers, body })
    }

    /// Buys funds under a key.
    pub async fn buy(&self, account: &str, key: &str, body: Value) -> Answer {
        let path = format!("/v1/accounts/{account}/purchases");
        self.send(Method::POST, &path, &[("idempotency-key", key)], body).await
    }

    /// Confirms a purchase as the card's owner who is there.
    pub async fn confirm(&self, account: &str, purchase: &str) -> Answer {
        self.post(&format!("/v1/accounts/{account}/purchases/{purchase}/confirm"), Value::Null).await
    }

    /// Refunds a purchase under a key.
    pub async fn refund(&self, account: &str, purchase: &str, key: &str) -> Answer {
        let path = format!("/v1/accounts/{account}/purchases/{purchase}/refund");
        let body = json!({ "reason": "cancelled" });
        self.send(Method::POST, &path, &[("idempotency-key", key)], body).await
    }

    /// Lets something happen to the charge of a purchase at the card processor.
    pub async fn happens(&self, account: &str, purchase: &str, action: Value) {
        self.post(&format!("/_local/charges/{account}/{purchase}"), action).await.expect(200);
    }

    /// Adjusts funds under a key.
    pub async fn adjust(&self, account: &str, key: &str, body: Value) -> Answer {
        let path = format!("/v1/accounts/{account}/adjustments");
        self.send(Method::POST, &path, &[("idempotency-key", key)], body).await
    }

    /// Sends usage records.
    pub async fn debit(&self, account: &str, records: &[Value]) -> Answer {
        self.post(&format!("/v1/accounts/{account}/debits"), json!({ "records": records })).await
    }

    /// Sends a file of usage, with a query such as `?rate=all`.
    pub async fn debit_file(
        &self,
        account: &str,
        query: &str,
        content_type: &str,
        file: impl Into<reqwest::Body>,
    ) -> Answer {
        let path = format!("/v1/accounts/{account}/debits{query}");
        self.send_text(Method::POST, &path, &[("content-type", content_type)], file).await
    }

    /// The account.
    pub async fn account(&self, account: &str) -> Value {
        self.get(&format!("/v1/accounts/{account}")).await.expect(200)
    }

    /// All transactions, newest first, page by page.
    pub async fn transactions(&self, account: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/accounts/{account}/transactions?limit=100{cursor}");
            let page = self.get(&path).await.expect(200);
            all.extend(page["transactions"].as_array().expect("a list").iter().cloned());
            let Some(next) = page["next"].as_str() else { return all };
            cursor = format!("&cursor={next}");
        }
    }

    /// The card processor's own records of charges, in the order of its ids.
    pub async fn charges(&self, account: &str) -> Vec<Value> {
        let answer = self.get(&format!("/_local/charges/{account}")).await.expect(200);
        let charges = answer["charges"].as_array().expect("a list").clone();
        charges.into_iter().filter(|charge| charge["charged"] == true).collect()
    }

    /// Asserts that the books of an account balance, as far as invariants 1 to 4 can be checked through the API, and agree with the
    /// sandbox card processor.
    pub async fn assert_books_balance(&self, account: &str) {
        let charges = self.charges(account).await;
        let sum = |what: &str| charges.iter().map(|charge| decimal(&charge[what])).sum();
        let sums = Charged { amount: sum("amount"), back: sum("back"), disputed: sum("disputed") };
        self.assert_books_agree(account, &sums).await;
    }

    /// The same with what a card processor says.
    pub async fn assert_books_agree(&self, account: &str, at_processor: &Charged) {
        let shown = self.account(account).await;
        let rows = self.transactions(account).await;
        let sum: Decimal = rows.iter().map(|row| decimal(&row["amount"])).sum();
        assert_eq!(sum, decimal(&shown["balance"]), "the journal's sum is the balance");

        let lots = self.get(&format!("/v1/accounts/{account}/lots")).await.expect(200);
        let lots = lots["lots"].as_array().expect("a list").clone();
        let unspent: Decimal = lots.iter().map(|lot| decimal(&lot["remaining"])).sum();
        assert_eq!(unspent - decimal(&shown["owed"]), sum, "the lots less the owed amount are the balance");
        for lot in &lots {
            let (remaining, amount) = (decimal(&lot["remaining"]), decimal(&lot["amount"]));
            assert!(remaining > Decimal::ZERO && remaining <= amount, "{lot}");
        }

        let ids: std::collections::HashSet<_> =
            rows.iter().map(|row| row["transactionId"].to_string()).collect();
        assert_eq!(ids.len(), rows.len(), "every entry has a key of its own");

        let bought: Decimal = rows
            .iter()
            .filter(|row| row["kind"] == "purchase" || row["kind"] == "recharge")
            .map(|row| decimal(&row["amount"]))
            .sum();
        assert_eq!(bought, at_processor.amount, "the charges are the funds added");

        let repayments: Decimal = rows
            .iter()
            .filter(|row| row["kind"] == "refund" || row["kind"] == "dispute")
            .map(|row| decimal(&row["amount"]) - row.get("postUsage").map_or(Decimal::ZERO, decimal))
            .sum();
        let Charged { back, disputed, .. } = at_processor;
        let (least, most) = (-back - disputed, -back);
        assert!(
            least <= repayments && repayments <= most,
            "cards have {back} back, {disputed} is disputed: {repayments}"
        );
    }
}

impl From<ApiGatewayV2httpResponse> for Answer {
    fn from(answer: ApiGatewayV2httpResponse) -> Self {
        let body = serde_json::to_value(&answer.body).expect("a text");
        Self {
            status: u16::try_from(answer.status_code).expect("a status"),
            headers: answer.headers,
            body: body.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
        }
    }
}

impl Answer {
    /// The body of the answer, which must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// The body of a problem with this status. It must have the fields that every problem has.
    #[track_caller]
    pub fn problem(self, status: u16) -> Value {
        let content_type = self.headers.get("content-type").and_then(|value| value.to_str().ok());
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(content_type, Some("application/problem+json"), "{}", self.body);
        assert_eq!(self.body["status"], status, "{}", self.body);
        for field in ["type", "title", "code"] {
            let says_something = self.body[field].as_str().is_some_and(|text| !text.is_empty());
            assert!(says_something, "no {field} in {}", self.body);
        }
        if status == 422 {
            let errors = self.body["errors"].as_array().filter(|errors| !errors.is_empty());
            let complete = |error: &Value| {
                ["field", "code", "detail"]
                    .iter()
                    .all(|part| error[part].as_str().is_some_and(|text| !text.is_empty()))
            };
            assert!(errors.is_some_and(|errors| errors.iter().all(complete)), "{}", self.body);
        }
        self.body
    }
}

/// Parses an amount of the API.
#[track_caller]
pub fn decimal(amount: &Value) -> Decimal {
    amount.as_str().unwrap_or_else(|| panic!("{amount} is not an amount")).parse().expect("an amount")
}

/// A usage record with a charge.
pub fn rated(id: &str, started_at: &str, charge: &str) -> Value {
    json!({
        "id": id,
        "service": "userOut",
        "number": "+33123456789",
        "startedAt": started_at,
        "durationSeconds": 60,
        "charge": charge,
    })
}

/// A usage record of a user's call without a charge, to be rated.
pub fn call(id: &str, started_at: &str, number: &str, seconds: u32) -> Value {
    json!({
        "id": id,
        "service": "userOut",
        "number": number,
        "startedAt": started_at,
        "durationSeconds": seconds,
    })
}

/// The list in a field of a body.
#[track_caller]
pub fn list<'a>(body: &'a Value, name: &str) -> &'a [Value] {
    body[name].as_array().unwrap_or_else(|| panic!("no {name} in {body}"))
}
