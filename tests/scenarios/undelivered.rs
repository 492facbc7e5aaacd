//! No event is lost (N11). Events that the bus refuses for good, and unreadable records of the stream, are stored in a bucket.
//! They are published once the fault is corrected, and each recipient gets one mail.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use local::faults::{Fault, Kind, Target};
use reqwest::Method;
use scenarios::{Api, World, bounded, list, rated};
use serde_json::{Value, json};

use crate::kill::Process;
use crate::reconcile::{set, tables, text};

const NOW: &str = "2026-11-22T12:00:00Z";
const START: &str = "2026-11-22T08:00:00Z";
const ALWAYS: usize = usize::MAX;

/// From now on the bus refuses every entry as invalid, until faults are disarmed.
fn refuse_events(world: &World) {
    let refused = Fault { target: Some(Target::Bus), kind: Kind::Refused, skip: 0, count: ALWAYS };
    world.faults().arm(refused);
}

async fn undelivered(api: &Api) -> Vec<Value> {
    let answer = api.get("/_local/undelivered").await.expect(200);
    list(&answer, "undelivered").to_vec()
}

async fn redrive(api: &Api) -> Value {
    let answer = api.post("/_local/undelivered/redrive", Value::Null).await.expect(200);
    api.drain().await;
    answer
}

/// The subjects of all mails, by recipient.
async fn mails(api: &Api) -> BTreeMap<String, Vec<String>> {
    let mut mails: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for mail in api.get("/_local/mail").await.expect(200).as_array().unwrap() {
        let text = |name: &str| mail[name].as_str().unwrap().to_owned();
        mails.entry(text("to")).or_default().push(text("subject"));
    }
    mails
}

/// An account with a recipient. The mailbox is emptied.
async fn account(world: &World, id: &str) {
    world.account(id).await;
    let recipients = json!({ "notificationEmails": [format!("{id}@example.com")] });
    world.operator.send(Method::PATCH, &format!("/v1/accounts/{id}"), &[], recipients).await.expect(200);
    world.drain().await;
    world.operator.send(Method::DELETE, "/_local/mail", &[], Value::Null).await.expect(204);
}

/// Events that no later commit repeats, and that no journal entry keeps.
fn said_once() -> Vec<Value> {
    let euros = |amount: &str| json!({ "amount": amount, "currency": "EUR" });
    let later = "2026-12-22T12:00:00Z";
    let payment = "rch_00000000000000000000000000000000";
    let url = "http://localhost/authenticate/pi_1";
    vec![
        json!({ "type": "RechargeFailed", "paymentId": payment, "amount": euros("50"), "reason": "card_declined", "retryAt": later }),
        json!({ "type": "RechargeNeedsAction", "paymentId": payment, "amount": euros("50"), "url": url }),
        json!({ "type": "RechargeLimited", "why": "monthly", "until": later }),
        json!({ "type": "RechargePaused", "why": "runaway" }),
        json!({ "type": "RechargeStopped", "reason": "card_declined" }),
        json!({ "type": "BalanceDepleted", "available": euros("-1") }),
        json!({ "type": "BalanceWarning", "available": euros("5"), "amount": euros("10") }),
        json!({ "type": "FundsExpiring", "lotId": payment, "amount": euros("50"), "expiresAt": later, "days": 30 }),
        json!({ "type": "SettingsChanged", "fields": ["autoRecharge"], "by": "ada" }),
    ]
}

/// Publishes each of these events with a commit of another account.
async fn say_all(world: &World) {
    for (number, event) in said_once().into_iter().enumerate() {
        let events = text(&json!([event]).to_string());
        let core = |item: &HashMap<String, AttributeValue>| item.get("part") == Some(&text("core"));
        set(&tables(world), "accounts", &format!("a{number}"), core, ("facts", events)).await;
    }
}

async fn world_of_many() -> World {
    let world = World::start().await;
    world.set_time(NOW);
    for number in 0..said_once().len() {
        let id = format!("a{number}");
        account(&world, &id).await;
        // This commit has no events, so no event has its version yet.
        world.operator.debit(&id, &[rated("r", START, "0.0100")]).await.expect(200);
    }
    world.drain().await;
    world
}

#[tokio::test]
async fn n11_refused_events_are_stored_published_later_and_mailed_once() {
    let good = world_of_many().await;
    say_all(&good).await;
    good.drain().await;
    let expected = mails(&good.operator).await;
    assert_eq!(expected.len(), said_once().len(), "each event has a mail: {expected:#?}");

    let world = world_of_many().await;
    refuse_events(&world);
    say_all(&world).await;
    world.drain().await;
    assert_eq!(mails(&world.operator).await, BTreeMap::new());
    let stored = undelivered(&world.operator).await;
    assert_eq!(stored.len(), said_once().len());
    for object in &stored {
        assert!(object["content"]["why"].as_str().unwrap().contains("InvalidArgument"), "{object}");
    }

    // The bus still refuses the events, so they stay in the bucket.
    let left = json!({ "objects": 0, "events": 0, "left": stored.len() });
    assert_eq!(redrive(&world.operator).await, left);
    assert_eq!(undelivered(&world.operator).await.len(), stored.len());

    world.faults().disarm();
    let done = json!({ "objects": stored.len(), "events": stored.len(), "left": 0 });
    assert_eq!(redrive(&world.operator).await, done);
    assert_eq!(mails(&world.operator).await, expected);
    assert!(undelivered(&world.operator).await.is_empty());
    assert_eq!(redrive(&world.operator).await, json!({ "objects": 0, "events": 0, "left": 0 }));
    assert_eq!(mails(&world.operator).await, expected, "each mail once");
}

#[tokio::test]
async fn n11_an_unreadable_record_is_stored_and_later_ones_are_published() {
    let world = World::start().await;
    world.set_time(NOW);
    account(&world, "a").await;
    let poison = tables(&world).put_item().table_name("accounts").item("accountId", text("p"));
    let poison = poison.item("part", text("core")).item("facts", text("["));
    poison.send().await.unwrap();
    world.operator.buy("a", "k", json!({ "amount": "50.00" })).await.expect(201);
    world.drain().await;
    assert_eq!(mails(&world.operator).await.len(), 1);
    let stored = undelivered(&world.operator).await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0]["content"]["payload"]["Records"][0]["dynamodb"]["NewImage"]["facts"]["S"], "[");
    assert_eq!(stored[0]["at"], NOW);
    assert_eq!(redrive(&world.operator).await["left"], 1, "the record is still unreadable");
}

#[tokio::test]
async fn n11_nothing_is_lost_while_both_bus_and_bucket_fail() {
    let world = World::start().await;
    world.set_time(NOW);
    account(&world, "a").await;
    refuse_events(&world);
    world.take_down(Target::Bucket);
    world.operator.buy("a", "k", json!({ "amount": "50.00" })).await.expect(201);
    let failed = async || {
        let metrics = world.operator.get("/_local/metrics").await.expect(200);
        metrics["functions"]["publish"]["errors"].as_u64().unwrap()
    };
    bounded(async {
        while failed().await < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(undelivered(&world.operator).await.is_empty());
    assert!(world.host.database().stream().count().await.unwrap() > 0, "the record is still in the stream");

    world.faults().disarm();
    world.drain().await;
    assert_eq!(mails(&world.operator).await.len(), 1);
    assert!(undelivered(&world.operator).await.is_empty());
}

#[tokio::test]
async fn n11_the_mapping_stores_a_record_that_is_too_old_to_be_tried_again() {
    let world = World::start().await;
    world.set_time(NOW);
    account(&world, "a").await;
    world.take_down(Target::Bus);
    world.operator.buy("a", "k", json!({ "amount": "50.00" })).await.expect(201);
    world.operator.debit("a", &[rated("r", START, "50.0000")]).await.expect(200);
    let stream = world.host.database().stream();
    stream.age(SignedDuration::from_secs(82_800 - 3_600)).await.unwrap();
    let waits = tokio::time::timeout(Duration::from_secs(2), world.drain()).await;
    assert!(waits.is_err(), "the record is tried again during an outage");
    assert!(undelivered(&world.operator).await.is_empty());

    stream.age(SignedDuration::from_secs(2 * 3_600)).await.unwrap();
    world.drain().await;
    let stored = undelivered(&world.operator).await;
    assert!(!stored.is_empty());
    assert!(
        stored.iter().all(|object| object["key"].as_str().unwrap().starts_with("aws/lambda/")),
        "{stored:?}"
    );
    world.faults().disarm();
    assert_eq!(redrive(&world.operator).await["left"], 0);
    // The mails are the receipt and the one that the balance is used up.
    assert_eq!(mails(&world.operator).await["a@example.com"].len(), 2);
}

#[tokio::test]
async fn n11_undelivered_records_survive_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path()).await;
    process.operator.post("/_local/time", json!({ "now": NOW })).await.expect(200);
    process.open(&["a"]).await;
    process.operator.drain().await;
    let refused = json!({ "target": "bus", "kind": "refused", "count": 1_000_000 });
    process.operator.post("/_local/faults", refused).await.expect(204);
    let recipients = json!({ "notificationEmails": ["ada@example.com"] });
    process.operator.send(Method::PATCH, "/v1/accounts/a", &[], recipients).await.expect(200);
    process.operator.drain().await;
    assert_eq!(undelivered(&process.operator).await.len(), 1);
    process.kill().await;

    let process = Process::start(folder.path()).await;
    // The stream may deliver the record again, since the process was killed before it was marked as read. The mail goes once.
    assert_eq!(redrive(&process.operator).await, json!({ "objects": 1, "events": 1, "left": 0 }));
    process.operator.drain().await;
    assert_eq!(mails(&process.operator).await["ada@example.com"].len(), 1);
    process.kill().await;
}
