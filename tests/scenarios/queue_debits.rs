//! Finished calls through the FIFO queue (S3). Each message is applied once and in order within its account, despite repeated
//! deliveries, failures, crashes and unreadable messages. Each rejected record is kept and published once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use local::faults::{Fault, Kind, Target};
use reqwest::Method;
use rust_decimal::Decimal;
use scenarios::{Answer, Api, Units, World, call, decimal, list, rated};
use serde_json::{Value, json};

use crate::batches::{mistakes, with};
use crate::kill::Process;

const NOW: &str = "2026-11-22T12:00:00.000Z";
const START: &str = "2026-11-22T08:00:00Z";

fn message(account: &str, records: &[Value]) -> Value {
    json!({ "accountId": account, "records": records })
}

pub(crate) async fn send(api: &Api, message: &Value) -> String {
    let answer = api.post("/_local/queues/debits", message.clone()).await.expect(202);
    answer["messageId"].as_str().expect("an id").to_owned()
}

/// Sends a message as it is. The query may give its group.
async fn send_raw(api: &Api, query: &str, body: &str) -> Answer {
    let json = [("content-type", "application/json")];
    api.send_text(Method::POST, &format!("/_local/queues/debits{query}"), &json, body.to_owned()).await
}

async fn world(accounts: &[&str]) -> World {
    let world = World::start().await;
    world.set_time(NOW);
    for account in accounts {
        world.account(account).await;
        world.operator.buy(account, "funds", json!({ "amount": "100.00" })).await.expect(201);
    }
    world.drain().await;
    world
}

async fn deliver(world: &World, delivery: Value) {
    world.operator.post("/_local/delivery", delivery).await.expect(204);
}

async fn dead_letters(world: &World) -> Vec<Value> {
    let answer = world.operator.get("/_local/dead-letters").await.expect(200);
    list(&answer, "deadLetters").to_vec()
}

async fn rows_of(api: &Api, account: &str, kind: &str) -> Vec<Value> {
    let rows = api.transactions(account).await;
    rows.into_iter().filter(|row| row["kind"] == kind).collect()
}

/// The ids of the records in the order of their commits.
async fn order(api: &Api, account: &str) -> Vec<String> {
    let mut rows = rows_of(api, account, "usage").await;
    rows.sort_by_key(|row| (row["version"].as_u64(), row["place"].as_u64()));
    rows.iter().map(|row| text(&row["recordId"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

/// The events of a type that were put on the bus since the recording began.
fn told(world: &World, kind: &str) -> Vec<Value> {
    let entries = world.faults().take_record().into_iter().flat_map(|call| {
        let body: Value = serde_json::from_str(&call.body).unwrap();
        list(&body, "Entries").to_vec()
    });
    let events = entries.map(|entry| serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap());
    events.filter(|event: &Value| event["type"] == kind).collect()
}

#[tokio::test]
async fn s2_200_messages_of_several_accounts_with_resends_are_each_applied_once_in_order() {
    let accounts = ["a", "b", "c"];
    let world = world(&accounts).await;
    // The worst delivery that such a queue may make.
    deliver(&world, json!({ "duplicates": 1, "shuffle": true })).await;
    let mut random = fastrand::Rng::with_seed(7);
    let mut sent: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    let mut messages: Vec<Value> = Vec::new();
    for number in 0..200 {
        if number % 10 == 9 {
            // The same message again. The queue itself leaves it out within five minutes.
            let again = &messages[random.usize(..messages.len())];
            send(&world.operator, again).await;
            continue;
        }
        let account = random.choice(accounts).unwrap();
        let known = sent.entry(account).or_default();
        let mut records: Vec<_> = (0..random.usize(1..4))
            .map(|place| {
                rated(&format!("{number:03}-{place}"), START, &format!("0.{:04}", random.u16(1..999)))
            })
            .collect();
        known.extend(records.iter().cloned());
        if number % 4 == 0 {
            // A repeated record in another message.
            records.push(random.choice(&*known).unwrap().clone());
        }
        messages.push(message(account, &records));
        send(&world.operator, &messages[messages.len() - 1]).await;
    }
    world.drain().await;

    assert!(dead_letters(&world).await.is_empty());
    for account in accounts {
        let records = &sent[account];
        let expected: Vec<_> = records.iter().map(|record| text(&record["id"])).collect();
        assert_eq!(order(&world.operator, account).await, expected, "{account}: each record once, in order");
        let charged: Decimal = records.iter().map(|record| decimal(&record["charge"])).sum();
        let balance = decimal(&world.operator.account(account).await["balance"]);
        assert_eq!(balance, Decimal::from(100) - charged, "{account}");
        assert!(rows_of(&world.operator, account, "rejected").await.is_empty());
        world.operator.assert_books_balance(account).await;
    }
}

#[tokio::test]
async fn a_failing_message_holds_up_its_account_and_no_other() {
    let world = world(&["a", "b"]).await;
    // The first message cannot read its account: all three tries of the SDK fail.
    world.fail(Fault { target: Some(Target::Database), kind: Kind::Throttle, skip: 0, count: 3 }).await;
    let call = |account, number| message(account, &[rated(&format!("{number:02}"), START, "0.0100")]);
    send(&world.operator, &call("a", 0)).await;
    // The other messages are sent after the faults, since messages of one batch would share them.
    while !world.faults().armed().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for number in 0..12 {
        for account in ["a", "b"] {
            if (account, number) != ("a", 0) {
                send(&world.operator, &call(account, number)).await;
            }
        }
    }
    world.drain().await;
    let expected: Vec<_> = (0..12).map(|number| format!("{number:02}")).collect();
    for account in ["a", "b"] {
        assert_eq!(order(&world.operator, account).await, expected, "{account}");
    }
    let metrics = world.operator.get("/_local/metrics").await.expect(200);
    assert_eq!(metrics["functions"]["debit"]["errors"], 1, "one batch failed in part");
    assert!(dead_letters(&world).await.is_empty());
}

#[tokio::test]
async fn a_poison_message_is_a_dead_letter_while_the_rest_goes_on() {
    let world = world(&["a", "b"]).await;
    deliver(&world, json!({ "impatient": true })).await;
    let good = |account: &str, id: &str| message(account, &[rated(id, START, "0.0100")]).to_string();
    let poison = [
        ("a", "not JSON".to_owned()),
        ("a", json!({ "accountId": "a", "records": [] }).to_string()),
        ("a", json!({ "accountId": "a", "records": [1], "dryRun": true }).to_string()),
        ("a", message("a", &vec![json!(0); 1_001]).to_string()),
        ("a", good("b", "of-another-group")),
        ("nobody", good("nobody", "of-nobody")),
    ];
    for (place, (group, body)) in poison.iter().enumerate() {
        send_raw(&world.operator, &format!("?messageGroupId={group}"), body).await.expect(202);
        for account in ["a", "b"] {
            send_raw(&world.operator, "", &good(account, &format!("good-{place}"))).await.expect(202);
        }
    }
    world.drain().await;

    let dead = dead_letters(&world).await;
    // Their beginnings distinguish them.
    let beginning = |body: &Value| body.to_string().chars().take(120).collect::<String>();
    let bodies: Vec<_> = dead.iter().map(|letter| beginning(&letter["event"])).collect();
    let sent = poison.iter().map(|(_, body)| serde_json::from_str(body).unwrap_or_else(|_| json!(body)));
    let expected: Vec<_> = sent.map(|body| beginning(&body)).collect();
    assert_eq!(bodies, expected);
    assert!(dead.iter().all(|letter| letter["queue"] == "debits" && letter["receives"] == 20));
    for account in ["a", "b"] {
        let expected: Vec<_> = (0..poison.len()).map(|place| format!("good-{place}")).collect();
        assert_eq!(order(&world.operator, account).await, expected, "{account}");
        assert_eq!(world.operator.account(account).await["balance"], "99.9400");
    }

    // Once the account exists, its dead letter is handled when it is sent again.
    world.account("nobody").await;
    world.operator.post("/_local/dead-letters/redrive", Value::Null).await.expect(200);
    world.drain().await;
    assert_eq!(order(&world.operator, "nobody").await, ["of-nobody"]);
    assert_eq!(dead_letters(&world).await.len(), poison.len() - 1);
}

#[tokio::test]
async fn what_is_sent_to_the_queue_must_be_a_message() {
    let world = world(&["a"]).await;
    let good = message("a", &[rated("r", START, "0.0100")]).to_string();
    let long = "x".repeat(129);
    for (query, body, field) in [
        ("", "not JSON", "messageGroupId"),
        ("", r#"{"records": [1]}"#, "messageGroupId"),
        ("?messageGroupId=", good.as_str(), "messageGroupId"),
        (&*format!("?messageGroupId={long}"), &good, "messageGroupId"),
        (&format!("?messageDeduplicationId={long}"), &good, "messageDeduplicationId"),
    ] {
        let problem = send_raw(&world.operator, query, body).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], field, "{query}");
    }
    send_raw(&world.operator, "?messageGroupId=a", "").await.problem(422);
    send_raw(&world.operator, "?messageGroupId=a", &"x".repeat(1024 * 1024 + 1)).await.problem(413);

    let first = send_raw(&world.operator, "?messageDeduplicationId=one", &good).await.expect(202);
    let again =
        send_raw(&world.operator, "?messageGroupId=a&messageDeduplicationId=one", "{}").await.expect(202);
    assert_eq!(again, first, "the queue recognizes the deduplication id");
    world.drain().await;
    assert_eq!(order(&world.operator, "a").await, ["r"]);
}

/// Records of every kind. A record that must be rejected has its expected status and field.
fn mixed() -> Vec<(Value, Option<(&'static str, &'static str)>)> {
    let new = rated("new", START, "0.0100");
    let before = rated("before", START, "0.0100");
    let mut records = vec![
        (new.clone(), None),
        (new.clone(), None),
        (with(new, json!({ "durationSeconds": 61 })), Some(("conflict", "id"))),
        (before.clone(), None),
        (with(before.clone(), json!({ "charge": "0.0101" })), Some(("conflict", "id"))),
        (with(before, json!({ "currency": "USD" })), Some(("conflict", "id"))),
        (with(rated("usd", START, "0.0100"), json!({ "currency": "USD" })), Some(("invalid", "currency"))),
        (with(rated("second", START, "0.0100"), json!({ "revision": 2 })), Some(("conflict", "id"))),
        (call("unrated", START, "+9990001234", 60), None),
        (json!("no object"), Some(("invalid", "record"))),
        (rated("last", START, "0.0100"), None),
    ];
    for (place, (mistake, field)) in mistakes().into_iter().enumerate() {
        let wrong = with(rated(&format!("wrong-{place}"), START, "0.0200"), mistake);
        records.push((wrong, Some(("invalid", field))));
    }
    records
}

#[tokio::test]
async fn s3_a_rejected_record_is_kept_and_published_once_over_several_deliveries() {
    let world = world(&["a", "b"]).await;
    world.operator.debit("a", &[rated("before", START, "0.0100")]).await.expect(200);
    world.drain().await;
    world.record(Target::Bus).await;
    deliver(&world, json!({ "duplicates": 4 })).await;
    let mixed = mixed();
    let records: Vec<_> = mixed.iter().map(|(record, _)| record.clone()).collect();
    let id = send(&world.operator, &message("a", &records)).await;
    world.drain().await;

    let usage: BTreeSet<_> = order(&world.operator, "a").await.into_iter().collect();
    assert_eq!(usage, BTreeSet::from(["before", "last", "new"].map(str::to_owned)));
    assert_eq!(rows_of(&world.operator, "a", "unrated").await.len(), 1);
    assert_eq!(world.operator.account("a").await["balance"], "99.9700");

    let listed = world.operator.get("/v1/accounts/a/transactions?kind=rejected&limit=100").await.expect(200);
    let kept: BTreeMap<_, _> = list(&listed, "transactions")
        .iter()
        .map(|row| (row["rejection"]["index"].as_u64().expect("an index"), row))
        .collect();
    let refused =
        mixed.iter().enumerate().filter_map(|(index, (record, why))| Some((index, record, (*why)?)));
    let refused: Vec<_> = refused.collect();
    assert_eq!(list(&listed, "transactions").len(), refused.len());
    for (index, record, (status, field)) in &refused {
        let row = kept[&(*index as u64)];
        assert_eq!(row["transactionId"], format!("2026-11-22T12:00:00.000Z#rejected#{id}#{index:03}"));
        assert_eq!((&row["amount"], &row["at"]), (&json!("0.0000"), &json!(NOW)));
        assert_eq!(row["recordId"], record["id"], "{row}");
        let rejection = &row["rejection"];
        assert_eq!((&rejection["status"], &rejection["messageId"]), (&json!(status), &json!(id)), "{row}");
        assert_eq!(rejection["problem"]["field"], *field, "{row}");
        assert!(!text(&rejection["problem"]["detail"]).is_empty());
        // The record is kept as it was sent, so that it can be corrected.
        let as_sent: Value = serde_json::from_str(&text(&rejection["record"])).unwrap();
        assert_eq!(as_sent, **record);
    }
    let csv = world.operator.send_text(
        Method::GET,
        "/v1/accounts/a/transactions?kind=rejected",
        &[("accept", "text/csv")],
        "",
    );
    let csv = text(&csv.await.expect(200));
    assert!(csv.contains(",invalid: service: expected a value: it is missing,"), "{csv}");

    let events = told(&world, "UsageRejected");
    let places: Vec<_> = events.iter().map(|event| event["index"].as_u64().expect("an index")).collect();
    let distinct: BTreeSet<_> = places.iter().copied().collect();
    assert_eq!((places.len(), distinct.len()), (refused.len(), refused.len()), "one for each: {places:?}");
    for event in &events {
        let row = kept[&event["index"].as_u64().unwrap()];
        assert_eq!(event["messageId"], id);
        assert_eq!(event["recordId"], row["recordId"]);
        assert_eq!(event["status"], row["rejection"]["status"]);
        assert_eq!(event["field"], row["rejection"]["problem"]["field"]);
        assert_eq!(event["problem"], row["rejection"]["problem"]["detail"]);
        // The problem of a number has this number as its example.
        let said = event.to_string().replace("such as +33123456789", "");
        assert!(!said.contains("33123456789"), "the event must not have the number: {event}");
    }

    // A republished period has the same events with the same ids.
    world.record(Target::Bus).await;
    let period = json!({ "accountId": "a", "from": NOW, "to": "2026-11-22T12:00:01Z" });
    world.operator.post("/_local/republish", period).await.expect(200);
    let ids = |events: &[Value]| events.iter().map(|event| text(&event["id"])).collect::<BTreeSet<_>>();
    assert_eq!(ids(&told(&world, "UsageRejected")), ids(&events));
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn s3_a_rejected_record_is_kept_up_to_1024_characters() {
    let world = world(&["a"]).await;
    let long = with(rated("long", START, "0.0100"), json!({ "colour": "é".repeat(5_000) }));
    send(&world.operator, &message("a", &[long])).await;
    world.drain().await;
    let kept = rows_of(&world.operator, "a", "rejected").await;
    let record = text(&kept[0]["rejection"]["record"]);
    assert_eq!(record.chars().count(), 1_025);
    assert!(record.starts_with(r#"{"charge":"0.0100","colour":"éé"#) && record.ends_with("é…"), "{record}");
}

#[tokio::test]
async fn s3_a_thousand_rejected_records_are_kept() {
    let world = world(&["a"]).await;
    deliver(&world, json!({ "duplicates": 1 })).await;
    let records: Vec<_> = (0..1_000)
        .map(|number| match number % 3 {
            0 => rated(&format!("r{number}"), START, "0.0001"),
            1 => json!({ "id": format!("r{number}") }),
            _ => rated(&format!("r{}", number - 2), START, "0.0002"),
        })
        .collect();
    send(&world.operator, &message("a", &records)).await;
    world.drain().await;
    let places = async |kind: &str| rows_of(&world.operator, "a", kind).await.len();
    assert_eq!((places("usage").await, places("rejected").await), (334, 666));
    world.operator.assert_books_balance("a").await;
}

const MESSAGE_ID: &str = "059f36b4-87a3-44ab-83d2-661975830a7d";

/// A message as SQS delivers it.
pub(crate) fn delivered(id: &str, message: &Value, sent_at: &str) -> Value {
    let sent_at: jiff::Timestamp = sent_at.parse().unwrap();
    json!({
        "messageId": id,
        "body": message.to_string(),
        "attributes": {
            "SentTimestamp": sent_at.as_millisecond().to_string(),
            "MessageGroupId": message["accountId"],
        },
    })
}

/// Calls the function with a batch of these messages, as SQS does. Returns the ids of the failed ones.
pub(crate) async fn handed_to(ports: &debit::Ports, messages: &[Value]) -> Vec<String> {
    let batch = serde_json::from_value(json!({ "Records": messages })).unwrap();
    let until = tokio::time::Instant::now() + Duration::from_mins(1);
    let answered = Box::pin(debit::queue::handle(batch, ports, until)).await;
    answered.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

/// Calls the function with a batch of one message. Returns the number of failed messages.
async fn handed(world: &World, message: &Value, sent_at: &str) -> usize {
    let message = delivered(MESSAGE_ID, message, sent_at);
    handed_to(world.host.machine().functions.debit_ports(), &[message]).await.len()
}

#[tokio::test]
async fn t1_a_message_is_decided_at_the_instant_it_was_sent() {
    let world = world(&["a"]).await;
    world.set_time("2026-11-23T00:00:00Z");
    let starts = |id: &str, at: &str| rated(id, at, "0.0100");
    let records = [starts("in-time", "2026-11-22T12:15:00Z"), starts("ahead", "2026-11-22T12:15:01Z")];
    assert_eq!(handed(&world, &message("a", &records), "2026-11-22T12:10:00Z").await, 0);
    assert_eq!(order(&world.operator, "a").await, ["in-time"]);
    let rows = rows_of(&world.operator, "a", "usage").await;
    assert_eq!(rows[0]["postedAt"], "2026-11-22T12:10:00.000Z");
}

#[tokio::test]
async fn s3_a_rejected_record_stays_rejected_when_it_is_delivered_again() {
    let world = world(&["a"]).await;
    let ahead = message("a", &[rated("ahead", "2026-11-22T12:10:00Z", "0.0100")]);
    assert_eq!(handed(&world, &ahead, NOW).await, 0);
    // The account's time is later now, so that the record could be accepted.
    world.set_time("2026-11-22T13:00:00Z");
    world.operator.debit("a", &[rated("later", START, "0.0100")]).await.expect(200);
    assert_eq!(handed(&world, &ahead, NOW).await, 0);
    assert_eq!(order(&world.operator, "a").await, ["later"], "the rejection was published");
    assert_eq!(rows_of(&world.operator, "a", "rejected").await.len(), 1);
    // If it is sent again, it is another message.
    send(&world.operator, &ahead).await;
    world.drain().await;
    assert_eq!(order(&world.operator, "a").await, ["later", "ahead"]);
}

#[tokio::test]
async fn a_rejected_record_costs_two_units_and_a_repeated_delivery_writes_nothing() {
    let world = world(&["a"]).await;
    let good: Vec<_> = (0..20).map(|number| rated(&format!("r{number}"), START, "0.0100")).collect();
    let bad: Vec<_> = (0..2)
        .map(|number| with(rated(&format!("b{number}"), START, "0.0100"), json!({ "service": null })))
        .collect();
    world.operator.debit("a", &[rated("warm", START, "0.0100")]).await.expect(200);
    let version = async || world.operator.account("a").await["version"].as_u64().unwrap();
    let (before, earlier) = (world.units("debit").await, version().await);
    let sent = message("a", &[&good[..], &bad[..]].concat());
    assert_eq!(handed(&world, &sent, NOW).await, 0);
    let cost = world.units("debit").await - before;
    assert_eq!(version().await, earlier + 1, "one commit");
    // One transaction writes the account, with room for two events, and an entry for each record. The read looks for records that
    // were rejected before.
    assert_eq!(cost, Units { read: Decimal::ONE, write: Decimal::from(2 * (1 + 20 + 2)) });

    let before = world.units("debit").await;
    assert_eq!(handed(&world, &sent, NOW).await, 0);
    let cost = world.units("debit").await - before;
    assert_eq!(cost, Units { write: Decimal::ZERO, ..cost });
    assert!(cost.read <= Decimal::from(2), "{cost:?}");
    assert_eq!(version().await, earlier + 1);
}

/// More calls than the handling of any message makes.
const MANY: usize = 40;

#[tokio::test]
async fn a_process_that_dies_at_any_call_leaves_a_message_that_is_applied_once() {
    let mut deaths = 0;
    for kind in [Kind::DeathBefore, Kind::DeathAfter, Kind::LostReply, Kind::Conflict] {
        for skip in 0..MANY {
            let world = world(&["a"]).await;
            world.operator.debit("a", &[rated("before", START, "0.0100")]).await.expect(200);
            world.drain().await;
            let records: Vec<_> = (0..100)
                .map(|number| rated(&format!("r{number}"), START, "0.0100"))
                .chain([
                    json!({ "id": "bad" }),
                    rated("before", START, "0.0200"),
                    rated("r0", START, "0.0300"),
                ])
                .collect();
            let sent = message("a", &records);
            world.arm(kind, skip, 1);
            let process = world.debit_process();
            let delivered = [delivered(MESSAGE_ID, &sent, NOW)];
            let done = world.unless_killed(handed_to(&process, &delivered)).await.map(|failed| failed.len());
            let fault_met = world.faults().armed().is_empty();
            world.faults().disarm();
            deaths += usize::from(done.is_none());
            if done != Some(0) {
                assert_eq!(handed(&world, &sent, NOW).await, 0);
            }
            let story = format!("{kind:?} after {skip} calls");
            assert_eq!(rows_of(&world.operator, "a", "usage").await.len(), 101, "{story}");
            assert_eq!(rows_of(&world.operator, "a", "rejected").await.len(), 3, "{story}");
            assert_eq!(world.operator.account("a").await["balance"], "98.9900", "{story}");
            world.operator.assert_books_balance("a").await;
            if !fault_met {
                break;
            }
        }
    }
    assert!(deaths >= 8, "{deaths}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_killed_at_any_moment_applies_each_message_once() {
    const ACCOUNTS: [&str; 3] = ["a", "b", "c"];
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(fastrand::u64(..));
    println!("seed {}", random.get_seed());
    let process = Process::start(folder.path()).await;
    process.open(&ACCOUNTS).await;
    process.kill().await;

    let mut sent: Vec<(&str, Value)> = Vec::new();
    let mut unanswered: Vec<Value> = Vec::new();
    for round in 0..5 {
        let process = Process::start(folder.path()).await;
        let api = &process.operator;
        for body in unanswered.drain(..) {
            send(api, &body).await;
        }
        let alive = Duration::from_millis(random.u64(20..500));
        let traffic = async {
            for number in 0.. {
                let account = ACCOUNTS[random.usize(..ACCOUNTS.len())];
                let id = format!("{round}-{number}");
                let good = rated(&id, "2026-11-20T08:00:00Z", &format!("0.{:04}", random.u16(1..=9_999)));
                let bad = json!({ "id": format!("bad-{id}") });
                sent.push((account, good.clone()));
                let body = message(account, &[good, bad]);
                let json = [("content-type", "application/json")];
                let posted = api.try_send(Method::POST, "/_local/queues/debits", &json, body.to_string());
                unanswered.push(body);
                if let Ok(answer) = posted.await {
                    answer.expect(202);
                    unanswered.pop();
                }
            }
        };
        let _ = tokio::time::timeout(alive, traffic).await;
        process.kill().await;
        println!("killed after {alive:?}: {} sent, {} unanswered", sent.len(), unanswered.len());
    }

    let process = Process::start(folder.path()).await;
    let api = &process.operator;
    for body in unanswered.drain(..) {
        send(api, &body).await;
    }
    api.drain().await;
    for account in ACCOUNTS {
        let records: Vec<_> =
            sent.iter().filter(|(of, _)| *of == account).map(|(_, record)| record).collect();
        let expected: BTreeMap<_, _> =
            records.iter().map(|record| (text(&record["id"]), -decimal(&record["charge"]))).collect();
        let usage = rows_of(api, account, "usage").await;
        let applied: BTreeMap<_, _> =
            usage.iter().map(|row| (text(&row["recordId"]), decimal(&row["amount"]))).collect();
        assert_eq!(usage.len(), applied.len(), "{account}: each record once");
        assert_eq!(applied, expected, "{account}");
        let sum: Decimal = expected.values().sum();
        assert_eq!(decimal(&api.account(account).await["balance"]), sum);

        let rejected = rows_of(api, account, "rejected").await;
        let kept: BTreeSet<_> = rejected.iter().map(|row| text(&row["recordId"])).collect();
        assert_eq!(
            (rejected.len(), kept.len()),
            (records.len(), records.len()),
            "{account}: each rejected record is kept once"
        );
        api.assert_books_balance(account).await;
    }
}
