//! The way of an event from its commit to the functions: stream, `publish`, bus, queue. Events arrive at least once, in any
//! order, despite every failure on the way, and one shortfall is charged once (R2, R3).

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    DeleteGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate, StreamSpecification,
};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use domain::AccountId;
use domain::account::DayEnd;
use domain::event::Event;
use local::database::Database;
use local::faults::{Call, Fault, Kind, Target, watched};
use publish::{Republish, RepublishError};
use reqwest::Method;
use scenarios::{Answer, Api, World, bounded, decimal, list, rated};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::kill::Process;
use crate::reconcile::{set, tables, text};

const NOW: &str = "2026-11-22T12:00:00Z";
const START: &str = "2026-11-22T08:00:00Z";

/// A fault that does not end.
const ALWAYS: usize = usize::MAX;

/// An account with 100.00 and an auto-recharge of 60.00 at 50.00.
async fn armed(api: &Api, account: &str) {
    let new = json!({ "accountId": account, "name": account, "currency": "EUR" });
    api.post("/v1/accounts", new).await.expect(201);
    let card = json!({ "paymentMethod": "pm_card_visa" });
    api.send(Method::PUT, &format!("/v1/accounts/{account}/payment-method"), &[], card).await.expect(200);
    api.buy(account, "funds", json!({ "amount": "100.00" })).await.expect(201);
    let settings = json!({ "enabled": true, "triggerAmount": "50.00", "rechargeAmount": "60.00" });
    api.send(Method::PUT, &format!("/v1/accounts/{account}/auto-recharge"), &[], settings).await.expect(200);
}

async fn world() -> World {
    let world = World::start().await;
    world.set_time(NOW);
    armed(&world.operator, "a").await;
    world.drain().await;
    world
}

/// The debit that leaves 40.00.
async fn fall_to_the_trigger(api: &Api, account: &str) {
    api.debit(account, &[rated("call", START, "60.0000")]).await.expect(200);
}

/// Asserts that the card was charged for the first funds and for one recharge.
async fn assert_recharged_once(api: &Api, account: &str) {
    let amounts: Vec<_> =
        api.charges(account).await.iter().map(|charge| decimal(&charge["amount"]).normalize()).collect();
    assert_eq!(amounts.len(), 2, "{amounts:?}");
    let shown = api.account(account).await;
    assert_eq!(shown["balance"], "100.0000", "{shown}");
    assert_eq!(shown["autoRecharge"]["state"], "armed");
    api.assert_books_balance(account).await;
}

fn fault(target: Target, kind: Kind, count: usize) -> Fault {
    Fault { target: Some(target), kind, skip: 0, count }
}

async fn deliver(world: &World, delivery: Value) {
    world.operator.post("/_local/delivery", delivery).await.expect(204);
}

async fn dead_letters(world: &World) -> Vec<Value> {
    let answer = world.operator.get("/_local/dead-letters").await.expect(200);
    list(&answer, "deadLetters").to_vec()
}

/// The invocations and errors of a function, from the metrics.
async fn runs(api: &Api, function: &str) -> (u64, u64) {
    let metrics = api.get("/_local/metrics").await.expect(200);
    let number = |name: &str| metrics["functions"][function][name].as_u64().expect("a number");
    (number("invocations"), number("errors"))
}

/// Waits until the condition holds.
async fn until(so: impl AsyncFn() -> bool) {
    bounded(async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// The events that these calls put on the bus.
fn told(calls: &[Call]) -> Vec<Value> {
    let entries = calls.iter().flat_map(|call| {
        let body: Value = serde_json::from_str(&call.body).unwrap();
        list(&body, "Entries").to_vec()
    });
    entries.map(|entry| serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn r2_a_debit_to_the_trigger_is_charged_once_through_its_event() {
    let world = world().await;
    let before = runs(&world.operator, "recharge").await;
    fall_to_the_trigger(&world.operator, "a").await;
    world.drain().await;
    assert_recharged_once(&world.operator, "a").await;
    assert_eq!(runs(&world.operator, "recharge").await, (before.0 + 1, before.1));
    assert!(dead_letters(&world).await.is_empty());
}

#[tokio::test]
async fn a_commit_without_events_does_not_invoke_publish() {
    let world = world().await;
    let before = runs(&world.operator, "publish").await;
    assert!(before.0 > 0);
    for number in 0..20 {
        world.operator.debit("a", &[rated(&format!("r{number}"), START, "0.0100")]).await.expect(200);
    }
    world.drain().await;
    assert_eq!(runs(&world.operator, "publish").await, before);
}

#[tokio::test]
async fn r3_a_hundred_copies_in_any_order_are_one_charge() {
    let world = world().await;
    armed(&world.operator, "b").await;
    deliver(&world, json!({ "duplicates": 99, "shuffle": true })).await;
    let before = runs(&world.operator, "recharge").await;
    for account in ["a", "b"] {
        fall_to_the_trigger(&world.operator, account).await;
    }
    world.drain().await;
    for account in ["a", "b"] {
        assert_recharged_once(&world.operator, account).await;
    }
    let after = runs(&world.operator, "recharge").await;
    assert!(after.0 - before.0 >= 20, "batches of ten messages: {before:?} {after:?}");
    assert_eq!(after.1, before.1);
}

#[tokio::test]
async fn an_outage_of_the_bus_loses_no_event() {
    for kind in [Kind::Down, Kind::Throttle] {
        let world = world().await;
        world.record(Target::Bus).await;
        world.faults().arm(fault(Target::Bus, kind, ALWAYS));
        fall_to_the_trigger(&world.operator, "a").await;
        armed(&world.operator, "b").await;
        until(async || runs(&world.operator, "publish").await.1 > 0).await;
        assert_eq!(world.operator.charges("a").await.len(), 1, "the event is not delivered");

        world.faults().disarm();
        world.drain().await;
        assert_recharged_once(&world.operator, "a").await;
        let kinds: BTreeSet<_> = told(&world.faults().take_record())
            .iter()
            .map(|event| format!("{} {}", event["accountId"], event["type"]))
            .collect();
        let expected =
            [r#""a" "BalanceLow""#, r#""a" "FundsAdded""#, r#""b" "FundsAdded""#, r#""b" "SettingsChanged""#];
        for expected in expected {
            assert!(kinds.contains(expected), "{expected} of {kinds:?}");
        }
    }
}

#[tokio::test]
async fn an_entry_that_the_bus_refuses_is_sent_again() {
    let world = world().await;
    world.record(Target::Bus).await;
    world.faults().arm(fault(Target::Bus, Kind::Partial, 2));
    fall_to_the_trigger(&world.operator, "a").await;
    world.drain().await;
    assert_recharged_once(&world.operator, "a").await;
    let low: Vec<_> = told(&world.faults().take_record())
        .into_iter()
        .filter(|event| event["type"] == "BalanceLow")
        .map(|event| event["id"].clone())
        .collect();
    assert_eq!(low.len(), 3, "refused twice, then accepted: {low:?}");
    assert!(low.iter().all(|id| *id == low[0]));
    assert_eq!(runs(&world.operator, "publish").await.1, 0, "publish retries without failing");
}

#[tokio::test]
async fn a_lost_reply_of_the_bus_leads_to_one_charge() {
    let world = world().await;
    world.fail(fault(Target::Bus, Kind::LostReply, 1)).await;
    fall_to_the_trigger(&world.operator, "a").await;
    world.drain().await;
    assert_recharged_once(&world.operator, "a").await;
}

#[tokio::test]
async fn a_poison_message_is_a_dead_letter_while_others_go_on() {
    let world = world().await;
    deliver(&world, json!({ "impatient": true })).await;
    let poison = PutEventsRequestEntry::builder()
        .source(Event::SOURCE)
        .detail_type("BalanceLow")
        .detail(json!({ "no": "event of ours" }).to_string());
    world.host.aws().bus().put_events().entries(poison.build()).send().await.unwrap();
    fall_to_the_trigger(&world.operator, "a").await;
    world.drain().await;
    assert_recharged_once(&world.operator, "a").await;

    let dead = dead_letters(&world).await;
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert_eq!((&dead[0]["queue"], &dead[0]["receives"]), (&json!("recharge"), &json!(20)));
    assert_eq!(dead[0]["event"]["detail"], json!({ "no": "event of ours" }));
}

#[tokio::test]
async fn a_dead_letter_is_handled_when_it_is_sent_again() {
    let world = world().await;
    deliver(&world, json!({ "impatient": true })).await;
    world.fail(fault(Target::Bus, Kind::Down, ALWAYS)).await;
    fall_to_the_trigger(&world.operator, "a").await;
    // The event is delivered, but the function that handles it cannot use the database.
    world.faults().disarm();
    world.faults().arm(fault(Target::Database, Kind::Throttle, ALWAYS));
    until(async || !dead_letters(&world).await.is_empty()).await;
    world.faults().disarm();
    assert_eq!(world.operator.charges("a").await.len(), 1);

    let redriven = world.operator.post("/_local/dead-letters/redrive", Value::Null).await.expect(200);
    assert_eq!(redriven, json!({ "redriven": 1 }));
    world.drain().await;
    assert_recharged_once(&world.operator, "a").await;
    assert!(dead_letters(&world).await.is_empty());
}

#[tokio::test]
async fn drain_waits_for_a_message_in_back_off() {
    let world = world().await;
    let poison =
        PutEventsRequestEntry::builder().source(Event::SOURCE).detail_type("BalanceLow").detail("{}");
    world.host.aws().bus().put_events().entries(poison.build()).send().await.unwrap();
    let drained = tokio::time::timeout(Duration::from_secs(2), world.drain()).await;
    assert!(drained.is_err(), "a message in back-off is in flight");
}

#[tokio::test]
async fn a_republished_period_has_the_same_events() {
    let world = world().await;
    world.record(Target::Bus).await;
    armed(&world.operator, "b").await;
    for account in ["a", "b"] {
        world.operator.buy(account, "more", json!({ "amount": "70.00" })).await.expect(201);
        world.operator.buy(account, "again", json!({ "amount": "80.00" })).await.expect(201);
    }
    world.drain().await;
    let first: Vec<_> = told(&world.faults().take_record());
    let lasting = |account: Option<&str>, events: &[Value]| {
        let mut events: Vec<_> = events
            .iter()
            .filter(|event| event["type"] == "FundsAdded")
            .filter(|event| account.is_none_or(|account| event["accountId"] == account))
            .cloned()
            .collect();
        // The correlation id is not kept.
        for event in &mut events {
            event.as_object_mut().unwrap().remove("correlationId");
        }
        events.sort_by_key(|event| event["id"].to_string());
        events
    };

    let period = |account: Option<&str>, from: &str, to: &str| {
        let mut period = json!({ "from": from, "to": to, "notify": true });
        if let Some(account) = account {
            period["accountId"] = account.into();
        }
        period
    };
    let republish = async |period: Value| -> (Answer, Vec<Value>) {
        world.record(Target::Bus).await;
        let answer = world.operator.post("/_local/republish", period).await;
        (answer, told(&world.faults().take_record()))
    };
    let next_day = "2026-11-23T00:00:00Z";
    let (answer, again) = republish(period(Some("b"), NOW, next_day)).await;
    assert_eq!(answer.expect(200), json!({ "accounts": 1, "events": 3, "unread": 0 }));
    assert_eq!(lasting(Some("b"), &again), lasting(Some("b"), &first), "events of one account");
    assert_eq!(again.len(), 3);

    let (answer, again) = republish(period(None, NOW, next_day)).await;
    // The event of the first funds of account `a` was published before the recording began.
    assert_eq!(answer.expect(200), json!({ "accounts": 2, "events": 6, "unread": 0 }));
    let ids =
        |events: Vec<Value>| events.into_iter().map(|event| event["id"].to_string()).collect::<BTreeSet<_>>();
    assert!(ids(lasting(None, &again)).is_superset(&ids(lasting(None, &first))), "events of all accounts");

    let (_, again) = republish(json!({ "from": NOW, "to": next_day })).await;
    assert!(again.len() == 6 && again.iter().all(|event| event["republished"] == true), "{again:?}");

    let (answer, again) = republish(period(None, "2026-11-22T00:00:00Z", NOW)).await;
    assert_eq!(answer.expect(200), json!({ "accounts": 2, "events": 0, "unread": 0 }), "it ends before `to`");
    assert!(again.is_empty());
    let (answer, _) = republish(period(None, NOW, NOW)).await;
    assert_eq!(answer.problem(422)["errors"][0]["field"], "to");

    let mut the_rest = period(None, NOW, next_day);
    the_rest["after"] = "a".into();
    let (answer, again) = republish(the_rest).await;
    assert_eq!(answer.expect(200), json!({ "accounts": 1, "events": 3, "unread": 0 }));
    assert!(again.iter().all(|event| event["accountId"] == "b"), "{again:?}");
    let mut both = period(Some("a"), NOW, next_day);
    both["after"] = "a".into();
    let (answer, _) = republish(both).await;
    assert_eq!(answer.problem(422)["errors"][0]["field"], "after");
}

#[tokio::test]
async fn a_republication_continues_after_its_time_is_up_and_counts_unreadable_accounts() {
    let world = world().await;
    armed(&world.operator, "b").await;
    armed(&world.operator, "c").await;
    world.drain().await;
    let ports = world.host.machine().functions.publish_ports();
    let request = |account_id: Option<&str>| -> Republish {
        let period = json!({ "accountId": account_id, "from": NOW, "to": "2026-11-23T00:00:00Z" });
        serde_json::from_value(period).unwrap()
    };
    // Without any time no account is published. The error names the first one.
    let none = publish::republish(request(None), ports, Instant::now()).await;
    assert!(matches!(&none, Err(RepublishError::OutOfTime(id)) if id.as_str() == "a"), "{none:?}");

    // Account `b` takes all the time, since the last query of its journal is slow. It comes after the listing, two queries of `a`
    // and one of `b`.
    let until = Instant::now() + Duration::from_secs(5);
    let slow = world.faults().pause(4);
    let time_passes = async {
        tokio::time::timeout_at(until, slow.reached()).await.expect("the other queries are fast");
        tokio::time::sleep_until(until).await;
        drop(slow);
    };
    let (part, ()) = tokio::join!(watched(publish::republish(request(None), ports, until)), time_passes);
    let part = part.unwrap();
    assert_eq!((part.accounts, part.next.as_ref().map(AccountId::as_str)), (2, Some("b")), "{part:?}");
    let rest = Republish { after: part.next, ..request(None) };
    let rest = publish::republish(rest, ports, soon()).await.unwrap();
    assert_eq!((rest.accounts, rest.next), (1, None));

    // An entry of `b` is damaged.
    set(&tables(&world), "journal", "b", |row| row.contains_key("fact"), ("fact", text("["))).await;
    let others = publish::republish(request(None), ports, soon()).await.unwrap();
    assert_eq!((others.accounts, others.unread), (2, 1));
    let alone = publish::republish(request(Some("b")), ports, soon()).await;
    assert!(matches!(alone, Err(RepublishError::Store(_))), "{alone:?}");
}

/// The types of the events of a republished period.
async fn told_again(world: &World, from: &str, to: &str) -> Vec<String> {
    world.record(Target::Bus).await;
    let period = json!({ "from": from, "to": to, "notify": true });
    world.operator.post("/_local/republish", period).await.expect(200);
    let events = told(&world.faults().take_record());
    events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_republished_period_has_the_entries_posted_in_it() {
    let world = World::start().await;
    world.set_time("2026-01-01T00:00:00Z");
    world.account("a").await;
    world.operator.buy("a", "k", json!({ "amount": "100.00" })).await.expect(201);
    // The lot expires on 1 January 2027. The nightly sweep is late and books it in February.
    world.set_time("2027-02-01T00:00:00Z");
    world.operator.post("/_local/run/expire", json!({})).await.expect(200);
    // A purchase of 09:00 waits for the card's owner until 15:00.
    world.set_time("2027-02-02T09:00:00Z");
    let asked = json!({ "amount": "60", "paymentMethod": "pm_card_authenticationRequired" });
    let waiting = world.operator.buy("a", "late", asked).await.expect(202);
    world.set_time("2027-02-02T15:00:00Z");
    let intent = waiting["nextAction"]["url"].as_str().unwrap().rsplit('/').next().unwrap();
    world.host.machine().functions.sandbox().authenticate(intent, true).await.unwrap();
    world.recover_at("2027-02-02T15:00:00Z").await;
    world.drain().await;
    assert_eq!(world.operator.account("a").await["balance"], "60.0000");

    for (from, to, expected) in [
        ("2026-12-31T00:00:00Z", "2027-01-31T23:59:59Z", &[][..]),
        ("2027-01-31T23:59:00Z", "2027-02-01T00:00:00Z", &[]),
        ("2027-02-01T00:00:00Z", "2027-02-01T00:00:00.001Z", &["FundsExpired"]),
        ("2027-02-02T08:59:00Z", "2027-02-02T14:59:00Z", &[]),
        ("2027-02-02T15:00:00Z", "2027-02-02T15:01:00Z", &["FundsAdded"]),
        // A long period has each event once, whether its entry was posted late or not.
        ("2026-01-01T00:00:00Z", "2027-03-01T00:00:00Z", &["FundsAdded", "FundsAdded", "FundsExpired"]),
    ] {
        let mut again = told_again(&world, from, to).await;
        again.sort_unstable();
        assert_eq!(again, expected, "{from} to {to}");
    }
}

#[tokio::test]
async fn an_old_store_gets_the_index_of_late_entries() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("database.sqlite");
    let world = World::on_disk(folder.path()).await;
    world.host.stop().await;
    let database = Database::open(Some(&file)).await.unwrap();
    let client = database.steady_client();
    let delete = DeleteGlobalSecondaryIndexAction::builder().index_name("latePosted").build().unwrap();
    let update = GlobalSecondaryIndexUpdate::builder().delete(delete).build();
    client.update_table().table_name("journal").global_secondary_index_updates(update).send().await.unwrap();
    let described = client.describe_table().table_name("journal").send().await.unwrap();
    assert_eq!(described.table().unwrap().global_secondary_indexes().len(), 0);
    drop(database);

    let world = World::on_disk(folder.path()).await;
    world.set_time("2026-01-01T00:00:00Z");
    world.account("a").await;
    world.operator.buy("a", "k", json!({ "amount": "100.00" })).await.expect(201);
    world.set_time("2027-02-01T00:00:00Z");
    world.operator.post("/_local/run/expire", json!({})).await.expect(200);
    world.drain().await;
    let again = told_again(&world, "2027-02-01T00:00:00Z", "2027-02-01T01:00:00Z").await;
    assert_eq!(again, ["FundsExpired"]);
}

#[tokio::test]
async fn the_end_of_a_day_is_stored_and_not_published() {
    let world = world().await;
    let store = world.host.machine().functions.publish_ports().store.clone();
    let (id, day) = (AccountId::parse("a").unwrap(), "2026-11-22".parse().unwrap());
    assert_eq!(store.day_end_at_or_before(&id, day).await.unwrap(), None);
    let before = store.account(&id).await.unwrap().unwrap();
    let runs_before = runs(&world.operator, "publish").await;

    world.set_time("2026-11-24T12:00:00Z");
    for id in ["one", "two"] {
        world.operator.debit("a", &[rated(id, START, "1.0000")]).await.expect(200);
    }
    world.drain().await;
    let stored = store.day_end_at_or_before(&id, day).await.unwrap().unwrap();
    assert_eq!(Some(stored), DayEnd::before(&before, "2026-11-24T12:00:00Z".parse().unwrap()));
    assert_eq!(runs(&world.operator, "publish").await, runs_before);
    world.operator.assert_books_balance("a").await;
}

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

#[tokio::test]
async fn published_records_are_deleted_from_the_stream() {
    let world = world().await;
    let folder = tempfile::tempdir().unwrap();
    let on_disk = World::on_disk(folder.path()).await;
    on_disk.set_time(NOW);
    armed(&on_disk.operator, "a").await;
    for world in [world, on_disk] {
        for number in 0..30 {
            world.operator.debit("a", &[rated(&format!("r{number}"), START, "0.0100")]).await.expect(200);
        }
        world.drain().await;
        until(async || world.host.database().stream().count().await.unwrap() == 0).await;
    }
}

#[tokio::test]
async fn a_restarted_host_publishes_the_events_of_before() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::on_disk(folder.path()).await;
    world.set_time(NOW);
    armed(&world.operator, "a").await;
    world.drain().await;
    world.fail(fault(Target::Bus, Kind::Down, ALWAYS)).await;
    fall_to_the_trigger(&world.operator, "a").await;
    world.host.stop().await;

    let world = World::on_disk(folder.path()).await;
    world.drain().await;
    assert_recharged_once(&world.operator, "a").await;
}

#[tokio::test]
async fn an_old_store_gets_the_stream() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("database.sqlite");
    let world = World::on_disk(folder.path()).await;
    world.host.stop().await;
    let database = Database::open(Some(&file)).await.unwrap();
    let off = StreamSpecification::builder().stream_enabled(false).build().unwrap();
    let client = database.steady_client();
    client.update_table().table_name("accounts").stream_specification(off).send().await.unwrap();
    let described = client.describe_table().table_name("accounts").send().await.unwrap();
    assert_eq!(described.table().unwrap().stream_specification(), None);
    drop(database);

    let world = World::on_disk(folder.path()).await;
    world.set_time(NOW);
    armed(&world.operator, "a").await;
    fall_to_the_trigger(&world.operator, "a").await;
    world.drain().await;
    assert_recharged_once(&world.operator, "a").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_killed_at_any_moment_loses_no_event() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(fastrand::u64(..));
    println!("seed {}", random.get_seed());
    for round in 0..6 {
        let account = format!("a{round}");
        let process = Process::start(folder.path()).await;
        process.operator.post("/_local/time", json!({ "now": NOW })).await.expect(200);
        armed(&process.operator, &account).await;
        if round == 0 {
            let down = json!({ "target": "bus", "kind": "down", "count": 1_000_000 });
            process.operator.post("/_local/faults", down).await.expect(204);
        }
        fall_to_the_trigger(&process.operator, &account).await;
        tokio::time::sleep(Duration::from_millis(random.u64(0..60))).await;
        process.kill().await;

        let process = Process::start(folder.path()).await;
        process.operator.drain().await;
        let shown = process.operator.account(&account).await;
        let begun = shown["autoRecharge"]["state"] == "charging" || shown["balance"] == "100.0000";
        assert!(begun, "the event was delivered: {shown}");
        // Recovery ends the payment if its process died.
        process.operator.post("/_local/run/recover", Value::Null).await.expect(200);
        process.operator.drain().await;
        assert_recharged_once(&process.operator, &account).await;
        process.kill().await;
    }
}
