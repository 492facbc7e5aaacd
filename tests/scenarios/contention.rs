//! Many clients at one account at the same time: the requests of all succeed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::future::join_all;
use rust_decimal::Decimal;
use scenarios::{World, decimal, rated};
use serde_json::json;

const CLIENTS: usize = 40;

fn reads_of_debit(world: &World) -> f64 {
    let metrics = world.host.machine().functions.metrics();
    metrics.iter().find(|metrics| metrics.name == "debit").expect("there is one").read_units
}

#[tokio::test]
async fn debits_of_one_process_do_not_race_each_other() {
    let world = World::start().await;
    world.account("a").await;
    let start = "2026-11-20T08:00:00Z";
    world.operator.debit("a", &[rated("first", start, "1.00")]).await.expect(200);

    let reads = reads_of_debit(&world);
    join_all((0..CLIENTS).map(async |client| {
        let record = rated(&format!("call-{client}"), start, "0.2500");
        let answer = world.operator.debit("a", &[record]).await.expect(200);
        assert_eq!(answer["results"][0]["status"], "accepted");
    }))
    .await;
    // A debit that loses a race reads the account again.
    assert!(reads_of_debit(&world) <= reads, "no debit lost a race");

    let account = world.operator.account("a").await;
    assert_eq!(decimal(&account["balance"]), Decimal::from(-1 - i64::try_from(CLIENTS).unwrap() / 4));
    world.operator.assert_books_balance("a").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_succeeds_while_calls_stream_in() {
    let world = World::start().await;
    world.account("a").await;
    let over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..16)
        .map(|client| {
            let (api, over) = (world.operator.clone(), over.clone());
            tokio::spawn(async move {
                for number in 0.. {
                    if over.load(Ordering::Relaxed) {
                        return number;
                    }
                    let record = rated(&format!("{client}-{number}"), "2026-11-20T08:00:00Z", "0.0100");
                    api.debit("a", &[record]).await.expect(200);
                }
                unreachable!("numbers do not end")
            })
        })
        .collect();
    for number in 0..10 {
        let start = Instant::now();
        let body = json!({ "amount": "50.00" });
        world.operator.buy("a", &format!("k-{number}"), body).await.expect(201);
        println!("bought in {:?}", start.elapsed());
    }
    over.store(true, Ordering::Relaxed);
    let calls: u32 = join_all(callers).await.into_iter().map(|calls| calls.expect("no panic")).sum();
    println!("{calls} calls meanwhile");

    let account = world.operator.account("a").await;
    assert_eq!(decimal(&account["balance"]), Decimal::from(500) - Decimal::new(calls.into(), 2));
    world.operator.assert_books_balance("a").await;
}
