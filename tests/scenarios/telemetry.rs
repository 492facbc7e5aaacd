//! Metrics and logs. All log lines of a request have its correlation id, from the API over stream, bus and queue to a recharge
//! and a mail.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::SystemTime;

use local::faults::{Fault, Kind, Target};
use reqwest::Method;
use scenarios::{Answer, World, call, list, rated};
use serde_json::{Value, json};
use telemetry::Emf;
use tracing::Dispatch;
use tracing_subscriber::EnvFilter;

const NOW: &str = "2026-11-22T12:00:00Z";
const START: &str = "2026-11-22T08:00:00Z";
const NUMBER: &str = "+33142687654";

/// The log lines of this test's thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A second subscriber. With only one, tracing asks for its interest in a log line on the first thread that reaches the line, and
/// keeps the answer for all threads. That may be the thread of another test, without a subscriber. With two it asks them all.
static ANOTHER: LazyLock<Dispatch> =
    LazyLock::new(|| Dispatch::new(lambda::logs(EnvFilter::new("off"), io::sink)));

impl Log {
    /// Begins to capture the log in the format of the functions, at this level.
    fn begin(level: &str) -> (Self, tracing::subscriber::DefaultGuard) {
        LazyLock::force(&ANOTHER);
        let log = Self::default();
        let writer = log.clone();
        let logs = lambda::logs(EnvFilter::new(level), move || writer.clone());
        (log, tracing::subscriber::set_default(logs))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The messages of the lines with this correlation id.
    fn because_of(&self, cause: &str) -> Vec<String> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
        let caused = lines.filter(|line| {
            let spans = line["spans"].as_array().into_iter().flatten();
            spans.filter_map(|span| span["correlation"].as_str()).any(|id| id == cause)
                || line["causes"].as_str().is_some_and(|causes| causes.split(' ').any(|id| id == cause))
        });
        caused.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }
}

/// An account with 100.00, an auto-recharge of 60.00 at 50.00, and a recipient.
async fn world() -> World {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    let operator = &world.operator;
    let recipients = json!({ "notificationEmails": ["ada@example.com"] });
    operator.send(Method::PATCH, "/v1/accounts/a", &[], recipients).await.expect(200);
    operator.buy("a", "funds", json!({ "amount": "100.00" })).await.expect(201);
    let settings = json!({ "enabled": true, "triggerAmount": "50.00", "rechargeAmount": "60.00" });
    operator.send(Method::PUT, "/v1/accounts/a/auto-recharge", &[], settings).await.expect(200);
    world.drain().await;
    world
}

/// The id that API Gateway gave a request.
fn id_of(answer: &Answer) -> String {
    answer.headers["apigw-requestid"].to_str().unwrap().to_owned()
}

/// The events that were put on the bus since the recording began.
fn told(world: &World) -> Vec<Value> {
    let calls = world.faults().take_record();
    let entries = calls.iter().flat_map(|call| {
        let body: Value = serde_json::from_str(&call.body).unwrap();
        list(&body, "Entries").to_vec()
    });
    entries.map(|entry| serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn one_id_leads_from_a_debit_to_its_recharge_and_its_mail() {
    let (log, _logging) = Log::begin("info");
    let world = world().await;
    world.record(Target::Bus).await;
    let debit = world.operator.debit("a", &[rated("call", START, "60.0000")]).await;
    assert_eq!(debit.status, 200);
    world.drain().await;

    let cause = id_of(&debit);
    let told = told(&world);
    let kinds: Vec<_> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["BalanceLow", "FundsAdded"]);
    assert!(told.iter().all(|event| event["correlationId"] == *cause), "{told:?}");
    let mails = world.operator.get("/_local/mail?to=ada@example.com").await.expect(200);
    assert!(mails.to_string().contains("60.00"), "{mails}");

    // The lines of the debit, its event, the recharge, the recharge's event, and the mail. An event may be handled before the
    // line of its publication is written.
    let mut lines = log.because_of(&cause);
    assert_eq!(lines.remove(0), "answered");
    lines.sort();
    assert_eq!(lines, ["handled", "handled", "published", "published"]);
}

#[tokio::test]
async fn a_scheduled_run_has_a_correlation_id_of_its_own() {
    let (log, _logging) = Log::begin("info");
    let world = world().await;
    world.lose_events();
    world.operator.debit("a", &[rated("call", START, "60.0000")]).await.expect(200);
    world.drain().await;
    world.record(Target::Bus).await;
    assert_eq!(world.recover_at("2026-11-22T12:10:00Z").await.begun, 1);
    world.drain().await;
    let told = told(&world);
    assert_eq!(told[0]["type"], "FundsAdded", "{told:?}");
    let messages = log.because_of(told[0]["correlationId"].as_str().unwrap());
    assert_eq!(messages, ["due accounts handled", "published"]);
}

#[tokio::test]
async fn every_operation_is_counted() {
    let metrics = Emf::new("n");
    let _counting = metrics::set_default_local_recorder(&metrics);
    let written = || {
        let mut lines = Vec::new();
        metrics.flush(SystemTime::now(), &mut lines).unwrap();
        let lines = String::from_utf8(lines).unwrap();
        let mut all = serde_json::Map::new();
        for line in lines.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            let dimension = directive["Dimensions"][0][0].as_str();
            let by = dimension.map_or(String::new(), |name| format!(" {}", line[name].as_str().unwrap()));
            for metric in list(directive, "Metrics") {
                let name = metric["Name"].as_str().unwrap();
                all.insert(format!("{name}{by}"), line[name].clone());
            }
        }
        // The reads depend on the accounts in each function's memory.
        all.remove("ReadUnits");
        Value::Object(all)
    };
    let world = world().await;
    let begun = written();
    assert_eq!((&begun["MailsSent"], begun.get("Debits")), (&json!(3), None), "{begun}");

    // Accepted and unrated records count as debits, conflicts and invalid ones as rejected. A duplicate is not counted.
    let mut conflict = rated("one", START, "1.2345");
    conflict["durationSeconds"] = json!(61);
    let mut invalid = rated("two", START, "1.0000");
    invalid["startedAt"] = json!("2026-11-23T00:00:00Z");
    let records = [
        rated("one", START, "1.2345"),
        rated("one", START, "1.2345"),
        conflict,
        invalid,
        call("three", START, "+9990001234", 60),
        rated("four", START, "0.0001"),
    ];
    world.operator.debit("a", &records).await.expect(200);
    let expected = json!({ "Debits": 3, "DebitsRejected": 2, "Charged EUR": 12_346, "WriteUnits": 10 });
    assert_eq!(written(), expected);

    // A debit that loses a race, the recharge that follows, and its mail.
    world.fail(Fault { target: Some(Target::Database), kind: Kind::Conflict, skip: 0, count: 2 }).await;
    world.operator.debit("a", &[rated("five", START, "60.0000")]).await.expect(200);
    world.drain().await;
    let counted = written();
    for (name, count) in [
        ("CommitRetries", 2),
        ("Charged EUR", 600_000),
        ("Recharges succeeded", 1),
        ("EventsPublished", 2),
        ("MailsSent", 1),
    ] {
        assert_eq!(counted[name], count, "{name} of {counted}");
    }
    assert!(counted.get("CommitsGivenUp").is_none(), "{counted}");

    // The mail system and the bus refuse a request once.
    for (target, kind) in [(Target::Mail, Kind::Throttle), (Target::Bus, Kind::Partial)] {
        world.fail(Fault { target: Some(target), kind, skip: 0, count: 1 }).await;
    }
    world.operator.post("/_local/delivery", json!({ "impatient": true })).await.expect(204);
    world.operator.buy("a", "more", json!({ "amount": "70.00" })).await.expect(201);
    world.drain().await;
    let counted = written();
    for (name, count) in [("EventsPublished", 1), ("EventsFailed", 1), ("MailsSent", 1), ("MailsFailed", 1)] {
        assert_eq!(counted[name], count, "{name} of {counted}");
    }

    // A year later the lots are warned of and then forfeited.
    world.host.machine().functions.expire("2027-11-16T00:15:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(written()["Warnings"], 3);
    world.host.machine().functions.expire("2027-11-26T00:15:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(written()["LotsBooked"], 3);
}

/// Flushes the metrics and returns the first line, which has those without dimensions.
pub(crate) fn written_first(metrics: &Emf) -> Value {
    let mut lines = Vec::new();
    metrics.flush(SystemTime::now(), &mut lines).unwrap();
    serde_json::from_slice(lines.split(|byte| *byte == b'\n').next().unwrap()).unwrap()
}

#[tokio::test]
async fn recovery_counts_open_payments_and_writes_zero_too() {
    let metrics = Emf::new("n");
    let _counting = metrics::set_default_local_recorder(&metrics);
    let pending = || written_first(&metrics)["PaymentsPending"].clone();
    let world = world().await;
    world.recover_at("2026-11-22T12:05:00Z").await;
    assert_eq!(pending(), 0);
    world.take_down(Target::Processor);
    world.operator.buy("a", "more", json!({ "amount": "70.00" })).await.expect(202);
    world.recover_at("2026-11-22T13:00:00Z").await;
    assert_eq!(pending(), 1);
    world.faults().disarm();
    world.recover_at("2026-11-22T13:30:00Z").await;
    assert_eq!(pending(), 0);
    // A payment that waits for the owner is looked at, but not counted as pending.
    let unconfirmed = json!({ "amount": "80.00", "paymentMethod": "pm_card_authenticationRequired" });
    world.operator.buy("a", "unconfirmed", unconfirmed).await.expect(202);
    let run = world.recover_at("2026-11-22T18:00:00Z").await;
    assert_eq!((run.looked_at, run.closed), (1, 0));
    assert_eq!(pending(), 0);
    // It is counted if it is unknown whether it still waits.
    world.take_down(Target::Processor);
    let run = world.recover_at("2026-11-22T20:00:00Z").await;
    assert_eq!((run.looked_at, run.closed), (1, 0));
    assert_eq!(pending(), 1);
}

#[tokio::test]
async fn x2_no_number_token_or_address_is_logged() {
    let ours = "account api cdr contract debit domain expire lambda local notices notify payments publish purchase \
         rates receipts recharge reconcile report statement store telemetry wording";
    let level: Vec<_> = ours.split(' ').map(|part| format!("{part}=trace")).collect();
    let (log, _logging) = Log::begin(&format!("info,{}", level.join(",")));
    let world = world().await;
    for kind in [Kind::Conflict, Kind::Throttle, Kind::Down, Kind::LostReply] {
        for target in [Target::Database, Target::Bus, Target::Mail, Target::Processor] {
            world.faults().arm(Fault { target: Some(target), kind, skip: 1, count: 2 });
        }
        let name = format!("{kind:?}");
        let records = [call(&name, START, NUMBER, 60), rated(&format!("{name}-rated"), START, "1.0000")];
        world.operator.debit("a", &records).await;
        world.operator.buy("a", &name, json!({ "amount": "60.00" })).await;
        let card = json!({ "paymentMethod": "pm_card_mastercard" });
        world.operator.send(Method::PUT, "/v1/accounts/a/payment-method", &[], card).await;
        world.operator.get(&format!("/v1/rates?service=userOut&number={}&currency=EUR", &NUMBER[1..])).await;
        world.faults().disarm();
    }
    world.operator.post("/_local/delivery", json!({ "impatient": true })).await.expect(204);
    world.drain().await;
    let text = log.text();
    assert!(text.contains("answered") && text.contains("handled"), "{text}");
    for secret in [&NUMBER[1..], "33123456789", "pm_card", "ada@example.com", "Bearer"] {
        assert!(
            !text.contains(secret),
            "{secret} in {}",
            text.lines().find(|line| line.contains(secret)).unwrap()
        );
    }
}
