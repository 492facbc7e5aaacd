//! Many requests at once on one account, with and without faults of the database: each record is charged once (S2), and a request
//! that cannot be served is answered 503 with `Retry-After` and changes nothing.

use std::collections::HashMap;

use futures_util::future::join_all;
use local::faults::{Call, Fault, Kind, Target};
use rust_decimal::Decimal;
use scenarios::{World, decimal, rated};
use serde_json::{Value, json};

const START: &str = "2026-11-22T09:00:00Z";
const NOW: &str = "2026-11-22T10:00:00Z";

/// The store's limit of tries, plus a few calls outside the decision.
const MOST_TRIES: usize = 30;

fn hundred_and_fifty_records_fifty_of_them_twice() -> Vec<Value> {
    let record = |number: usize| rated(&format!("r{number}"), START, &format!("0.{:04}", 100 + number));
    (0..200).map(|number| record(number % 150)).collect()
}

async fn funded_world() -> World {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    world.operator.buy("a", "funds", json!({ "amount": "50" })).await.expect(201);
    world
}

/// Sends each record in a request of its own, all at once. Returns the number of records that were charged now.
async fn debit_each_at_once(world: &World, records: &[Value]) -> usize {
    let answers =
        join_all(records.iter().map(|record| world.operator.debit("a", std::slice::from_ref(record)))).await;
    let mut charged = 0;
    for answer in answers {
        let body = answer.expect(200);
        assert_eq!(body["accepted"], 1, "{body}");
        charged += usize::from(body["results"][0]["status"] == "accepted");
    }
    charged
}

/// Asserts that each record has one entry with its charge, and that the balance is exact.
async fn assert_each_charged_once(world: &World, records: &[Value]) {
    let expected: HashMap<_, _> =
        records.iter().map(|record| (record["id"].clone(), -decimal(&record["charge"]))).collect();
    let rows = world.operator.transactions("a").await;
    let usage: Vec<_> = rows.iter().filter(|row| row["kind"] == "usage").collect();
    assert_eq!(usage.len(), expected.len(), "one entry per record");
    for row in &usage {
        assert_eq!(decimal(&row["amount"]), expected[&row["recordId"]], "{row}");
    }
    let spent: Decimal = expected.values().sum();
    assert_eq!(decimal(&world.operator.account("a").await["balance"]), Decimal::from(50) + spent);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s2_two_hundred_concurrent_debits_charge_each_record_once() {
    let world = funded_world().await;
    let records = hundred_and_fifty_records_fifty_of_them_twice();
    assert_eq!(debit_each_at_once(&world, &records).await, 150, "the repeats are duplicates");
    assert_each_charged_once(&world, &records).await;
    assert_eq!(debit_each_at_once(&world, &records[..20]).await, 0, "later repeats are duplicates too");
    assert_each_charged_once(&world, &records).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s2_conflicts_throttling_and_lost_replies_charge_nothing_twice() {
    let world = funded_world().await;
    let records = hundred_and_fifty_records_fifty_of_them_twice();
    world.drain().await;
    // The faults are spread out, so that no call meets more of them than it has tries.
    for (number, kind) in
        [Kind::Conflict, Kind::LostReply, Kind::Throttle].into_iter().cycle().take(90).enumerate()
    {
        world.faults().arm(Fault { target: Some(Target::Database), kind, skip: 3 + 4 * number, count: 1 });
    }
    let charged = debit_each_at_once(&world, &records).await;
    world.faults().disarm();
    assert!(charged <= 150, "a record whose reply was lost may be answered as a duplicate");
    assert_each_charged_once(&world, &records).await;
}

#[tokio::test]
async fn s2_a_debit_whose_replies_are_lost_repeatedly_is_charged_once() {
    let world = funded_world().await;
    let records: Vec<_> = (0..3).map(|number| rated(&format!("r{number}"), START, "0.5")).collect();
    // The SDK tries three times. Then the store decides again on a fresh read.
    for (record, lost) in records.iter().zip([1, 3, 4]) {
        world
            .fail(Fault { target: Some(Target::Database), kind: Kind::LostReply, skip: 0, count: lost })
            .await;
        let answer = world.operator.debit("a", std::slice::from_ref(record)).await;
        world.faults().disarm();
        assert!([200, 503].contains(&answer.status), "{answer:?}");
        if answer.status == 503 {
            world.operator.debit("a", std::slice::from_ref(record)).await.expect(200);
        }
    }
    assert_each_charged_once(&world, &records).await;
}

/// The reads that are not strongly consistent. A decision must not use one, nor an index, which lags behind.
fn weak_reads(calls: &[Call]) -> Vec<&Call> {
    let is_weak = |call: &&Call| {
        let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
        match call.operation.as_str() {
            "GetItem" | "Query" => body["ConsistentRead"] != true,
            "BatchGetItem" => {
                let tables = body["RequestItems"].as_object().expect("tables");
                tables.values().any(|table| table["ConsistentRead"] != true)
            }
            // Transactions are always consistent.
            "TransactWriteItems" | "TransactGetItems" => false,
            _ => true,
        }
    };
    calls.iter().filter(is_weak).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s2_every_decision_on_a_debit_is_made_on_consistent_reads() {
    let world = funded_world().await;
    let mut foreign = rated("r1", START, "0.5");
    foreign["currency"] = json!("USD");
    world.record(Target::Database).await;
    let records: Vec<_> = (0..20).map(|number| rated(&format!("r{}", number % 15), START, "0.5")).collect();
    debit_each_at_once(&world, &records).await;
    world.operator.debit("a", &records).await.expect(200);
    let conflict = world.operator.debit("a", &[foreign]).await.expect(200);
    assert_eq!(conflict["results"][0]["status"], "conflict");
    let calls = world.faults().take_record();
    for operation in ["GetItem", "BatchGetItem", "TransactWriteItems"] {
        assert!(calls.iter().any(|call| call.operation == operation), "no {operation} was seen");
    }
    assert!(weak_reads(&calls).is_empty(), "{:?}", weak_reads(&calls));
}

#[tokio::test]
async fn f3_every_decision_on_a_purchase_or_adjustment_is_made_on_consistent_reads() {
    let world = funded_world().await;
    // Without events, no function reads the account to send a mail.
    world.lose_events();
    world.record(Target::Database).await;
    for key in ["funds", "more"] {
        world.operator.buy("a", key, json!({ "amount": "50" })).await.expect(201);
        world.operator.adjust("a", key, json!({ "amount": "-5", "reason": "x" })).await.expect(201);
        world.operator.adjust("a", key, json!({ "amount": "-5", "reason": "x" })).await.expect(201);
    }
    let calls = world.faults().take_record();
    // Storing the id of the processor's object is a conditional write of its own.
    let calls: Vec<_> = calls.into_iter().filter(|call| call.operation != "PutItem").collect();
    assert!(weak_reads(&calls).is_empty(), "{:?}", weak_reads(&calls));
}

#[tokio::test]
async fn f3_a_purchase_succeeds_despite_conflicts_throttling_and_lost_replies() {
    let world = funded_world().await;
    for (number, kind) in [Kind::Conflict, Kind::Throttle, Kind::LostReply].into_iter().enumerate() {
        for skip in 0..6 {
            let key = format!("{number}-{skip}");
            world.fail(Fault { target: Some(Target::Database), kind, skip, count: 1 }).await;
            world.operator.buy("a", &key, json!({ "amount": "50" })).await.expect(201);
            world.faults().disarm();
        }
    }
    assert_eq!(world.operator.charges("a").await.len(), 1 + 3 * 6);
    world.operator.assert_books_balance("a").await;
}

/// Asserts that a fault which does not end leads to a limited number of tries and to a 503 with `Retry-After`, and changes
/// nothing. Once the fault is over, the same requests succeed.
async fn assert_bounded(kind: Kind) {
    let world = funded_world().await;
    let before = (world.operator.account("a").await, world.operator.transactions("a").await);
    let debit = || world.operator.debit("a", &[]);
    debit().await.expect(422);
    let record = [rated("r1", START, "0.5")];
    world.record(Target::Database).await;
    world.faults().arm(Fault { target: Some(Target::Database), kind, skip: 0, count: usize::MAX });
    let (debited, bought, adjusted) = tokio::join!(
        world.operator.debit("a", &record),
        world.operator.buy("a", "k", json!({ "amount": "50" })),
        world.operator.adjust("a", "k", json!({ "amount": "5", "reason": "x" })),
    );
    world.faults().disarm();
    let calls = world.faults().take_record().len();
    assert!(
        calls <= 3 * 3 * MOST_TRIES,
        "{kind:?}: {calls} calls of three requests, each tried by the SDK too"
    );
    for answer in [debited, bought, adjusted] {
        assert_eq!(answer.headers["retry-after"], "5", "{kind:?}");
        answer.expect(503);
    }
    let after = (world.operator.account("a").await, world.operator.transactions("a").await);
    assert_eq!(after, before, "{kind:?}");
    assert_eq!(world.operator.charges("a").await.len(), 1, "{kind:?}");

    assert_eq!(world.operator.debit("a", &record).await.expect(200)["results"][0]["status"], "accepted");
    world.operator.buy("a", "k", json!({ "amount": "50" })).await.expect(201);
    world.operator.adjust("a", "k", json!({ "amount": "5", "reason": "x" })).await.expect(201);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn s2_a_conflict_that_never_ends_is_a_503_and_nothing_changes() {
    assert_bounded(Kind::Conflict).await;
}

#[tokio::test]
async fn s2_throttling_that_never_ends_is_a_503_and_nothing_changes() {
    assert_bounded(Kind::Throttle).await;
}

#[tokio::test]
async fn s2_a_database_that_is_down_is_a_503_and_nothing_changes() {
    assert_bounded(Kind::Down).await;
}
