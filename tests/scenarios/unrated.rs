//! Records without a rate, which are charged for once a rate is published (S9).

use std::time::Duration;

use debit::Ports;
use futures_util::future::join_all;
use reqwest::Method;
use scenarios::{Answer, World, call, list};
use serde_json::{Value, json};
use tokio::time::Instant;

const NOW: &str = "2026-11-22T12:00:00Z";
const START: &str = "2026-11-22T08:00:00Z";

/// A number of a country code that the sample file does not have.
const NUMBER: &str = "+9990001234";

const HEADER: &str = "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom\n";

/// The debit function with a newer rate file, as a process of its own.
fn with_rates(world: &World, rows: &str) -> Ports {
    let rates = rates::read(format!("{HEADER}{rows}").as_bytes()).unwrap();
    world.debit_process_at(rates.into())
}

async fn world(records: usize) -> World {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    world.operator.buy("a", "k", json!({ "amount": "50.00" })).await.expect(201);
    let records: Vec<_> = (0..records).map(|number| call(&format!("u{number}"), START, NUMBER, 61)).collect();
    world.operator.debit("a", &records).await.expect(200);
    world
}

/// Has one page of unrated records charged for.
async fn rate_page(world: &World, ports: &Ports, query: &str) -> Answer {
    let mut event = world.event("POST", "", "a", &json!({}), "");
    event.route_key = Some("POST /v1/unrated/rate".to_owned());
    event.path_parameters.clear();
    event.raw_query_string = Some(query.to_owned());
    Box::pin(debit::handle(event, ports, Instant::now() + Duration::from_mins(1))).await.into()
}

async fn unrated(world: &World) -> usize {
    let listed = world.operator.get("/v1/unrated?limit=100").await.expect(200);
    list(&listed, "records").len()
}

async fn assert_reconciled(world: &World) {
    world.operator.assert_books_balance("a").await;
    let found = world.operator.post("/_local/run/reconcile", Value::Null).await.expect(200);
    assert_eq!(found["findings"], json!([]), "{found}");
}

#[tokio::test]
async fn s9_a_published_rate_charges_for_each_unrated_record_once() {
    let world = world(3).await;
    let before = world.operator.post("/v1/unrated/rate", Value::Null).await.expect(200);
    assert_eq!(
        before,
        json!({ "rated": 0, "stillUnrated": 3, "next": before["next"] }),
        "the rates are the same"
    );
    let ports = with_rates(
        &world,
        "userOut,999,Nowhere,,EUR,0.10,0.05,60,60,2025-01-01\nuserOut,999,Nowhere,,EUR,0.30,0.05,60,60,2026-11-22T09:00:00Z\n",
    );
    let rated = rate_page(&world, &ports, "").await.expect(200);
    assert_eq!((&rated["rated"], &rated["stillUnrated"]), (&json!(3), &json!(0)));
    assert_eq!(unrated(&world).await, 0);
    // The rate of the call's start, 0.10, for two minutes and the connection.
    assert_eq!(world.operator.account("a").await["balance"], "49.2500");
    let again = rate_page(&world, &ports, "").await.expect(200);
    assert_eq!(again, json!({ "rated": 0, "stillUnrated": 0 }));

    let path = format!("/v1/accounts/a/usage/u1?startedAt={START}");
    let charged = world.operator.get(&path).await.expect(200);
    assert_eq!((&charged["kind"], &charged["charge"]), (&json!("usage"), &json!("0.2500")));
    let repeated = world.operator.debit("a", &[call("u1", START, NUMBER, 61)]).await.expect(200);
    assert_eq!(repeated["results"][0]["status"], "duplicate");

    // It is reversed like any other.
    let body = json!({ "startedAt": START, "reason": "test" });
    let reversed = world.operator.post("/v1/accounts/a/usage/u1/reversal", body).await.expect(200);
    assert_eq!(reversed["returned"]["transactionId"], charged["transactionId"]);
    assert_eq!(world.operator.account("a").await["balance"], "49.5000");
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s9_pages_end_and_records_without_a_rate_stay() {
    let world = world(120).await;
    world.account("b").await;
    let other = [call("b1", START, "+2100001234", 60), call("b2", START, NUMBER, 60)];
    world.operator.debit("b", &other).await.expect(200);
    let ports = with_rates(&world, "userOut,999,Nowhere,,EUR,0.10,0,60,60,2025-01-01\n");
    let (mut rated, mut pages, mut query) = (0, 0, "limit=50".to_owned());
    loop {
        let page = rate_page(&world, &ports, &query).await.expect(200);
        rated += page["rated"].as_u64().unwrap();
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        query = format!("limit=50&cursor={next}");
    }
    assert_eq!((rated, unrated(&world).await), (121, 1));
    assert!(pages >= 3, "{pages} pages");
    assert_eq!(world.operator.account("b").await["balance"], "-0.1000");
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s9_parallel_runs_and_reversals_charge_for_each_record_once() {
    let world = world(60).await;
    let rate = "userOut,999,Nowhere,,EUR,0.10,0,60,60,2025-01-01\n";
    let processes = [with_rates(&world, rate), with_rates(&world, rate), with_rates(&world, rate)];
    let runs = processes.iter().map(|ports| rate_page(&world, ports, "limit=100"));
    let records: Vec<_> =
        (0..20).map(|number| json!({ "id": format!("u{number}"), "startedAt": START })).collect();
    let reversals = (0..3)
        .map(|_| world.operator.post("/v1/accounts/a/reversals?reason=test", json!({ "records": records })));
    tokio::join!(join_all(runs), join_all(reversals));
    // A run or reversal that was answered 503 is sent again.
    world
        .operator
        .post("/v1/accounts/a/reversals?reason=test", json!({ "records": records }))
        .await
        .expect(200);
    rate_page(&world, &processes[0], "limit=100").await.expect(200);
    assert_eq!(unrated(&world).await, 0);
    // 40 records cost two minutes each.
    assert_eq!(world.operator.account("a").await["balance"], "42.0000");
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s9_included_minutes_serve_a_record_that_is_charged_for_later() {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    let pool = json!({ "pools": [{
        "plan": "P1", "country": "FR", "minutesPerLicence": 3, "licences": 1, "services": ["userOut"],
    }] });
    world.operator.send(Method::PUT, "/v1/accounts/a/pools", &[], pool).await.expect(200);
    let records: Vec<_> = (0..2)
        .map(|number| {
            let mut record = call(&format!("u{number}"), START, NUMBER, 61);
            record["plan"] = json!("P1");
            record["userCountry"] = json!("FR");
            record
        })
        .collect();
    world.operator.debit("a", &records).await.expect(200);
    let ports = with_rates(&world, "userOut,999,Nowhere,,EUR,0.10,0,60,60,2025-01-01\n");
    rate_page(&world, &ports, "").await.expect(200);
    let account = world.operator.account("a").await;
    assert_eq!(
        (&account["balance"], &account["pools"][0]["months"][0]["used"]),
        (&json!("-0.1000"), &json!(3))
    );
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s9_only_the_operator_has_records_charged_for() {
    let world = world(1).await;
    let platform = world.client("platform", &["a"]);
    platform.post("/v1/unrated/rate", Value::Null).await.problem(403);
}

#[tokio::test]
async fn s9_a_schedule_charges_for_unrated_records_after_new_rates_until_an_hour_has_passed() {
    let world = world(2).await;
    let ports = with_rates(&world, "userOut,999,Nowhere,,EUR,0.10,0,60,60,2025-01-01\n");
    let run = async |time: &str| {
        let event = serde_json::from_value(json!({ "time": time })).unwrap();
        let summary =
            Box::pin(debit::unrated::handle(event, &ports, Instant::now() + Duration::from_mins(1)));
        let summary = summary.await.unwrap();
        (summary.rated, summary.still_unrated)
    };
    let late = async |id: &str| {
        // A process with the older rates finds the record unrated.
        world.operator.debit("a", &[call(id, START, NUMBER, 60)]).await.expect(200);
    };
    assert_eq!(run("2026-11-22T12:00:00Z").await, (2, 0));
    late("late").await;
    assert_eq!(run("2026-11-22T12:05:00Z").await, (1, 0));
    assert_eq!(run("2026-11-22T13:00:00Z").await, (0, 0));
    late("too-late").await;
    assert_eq!(run("2026-11-22T13:05:00Z").await, (0, 0), "the runs are over");
    assert_eq!(unrated(&world).await, 1);
    // The host's own rates are other ones, and have no rate for the record.
    let summary = world.operator.post("/_local/run/rate", Value::Null).await.expect(200);
    assert_eq!(summary, json!({ "failed": 0, "rated": 0, "stillUnrated": 1 }));
    assert_reconciled(&world).await;
}
