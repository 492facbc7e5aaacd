//! The cost of requests in capacity units of DynamoDB, as docs/costs.md gives it.

use reqwest::Method;
use rust_decimal::Decimal;
use scenarios::{Units, World, call, list, rated};
use serde_json::{Value, json};

const NOW: &str = "2026-11-22T12:00:00Z";
const START: &str = "2026-11-22T08:00:00Z";

/// An account with four lots, a card and recipients.
async fn world() -> World {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    for key in ["one", "two", "three", "four"] {
        world.operator.buy("a", key, json!({ "amount": "50.00" })).await.expect(201);
    }
    world
}

fn units(read: u32, write: usize) -> Units {
    Units { read: read.into(), write: write.into() }
}

/// The write units of a batch of this many records.
fn batch(records: usize) -> usize {
    (records + records.div_ceil(99)) * 2
}

fn records(name: &str, count: usize) -> Vec<Value> {
    (0..count).map(|number| rated(&format!("{name}-{number}"), START, "0.0100")).collect()
}

#[tokio::test]
async fn a_single_debit_is_one_transaction_of_4_write_units_and_reads_nothing_once_warm() {
    let world = world().await;
    let mut before = world.units("debit").await;
    for number in 0..5 {
        world.operator.debit("a", &records(&format!("r{number}"), 1)).await.expect(200);
        let after = world.units("debit").await;
        // The first debit reads the account, which the process does not have in memory.
        let expected = if number == 0 { units(1, 4) } else { units(0, 4) };
        assert_eq!(after - before, expected, "debit {number}");
        before = after;
    }
}

#[tokio::test]
async fn a_debit_after_the_commit_of_another_function_reads_once() {
    let world = world().await;
    world.operator.debit("a", &records("first", 1)).await.expect(200);
    // Another function commits, so the account in this one's memory is old.
    world.operator.buy("a", "five", json!({ "amount": "50.00" })).await.expect(201);
    let before = world.units("debit").await;
    world.operator.debit("a", &records("second", 1)).await.expect(200);
    assert_eq!(world.units("debit").await - before, units(1, 4));
}

#[tokio::test]
async fn a_batch_of_n_costs_two_units_for_each_record_and_for_each_99() {
    let world = world().await;
    world.operator.debit("a", &records("warm", 1)).await.expect(200);
    for count in [1, 2, 50, 98, 99, 100, 198, 199, 500, 1_000] {
        let before = world.units("debit").await;
        world.operator.debit("a", &records(&format!("of-{count}"), count)).await.expect(200);
        assert_eq!(world.units("debit").await - before, units(0, batch(count)), "{count} records");
    }
    assert_eq!(batch(99), 200);
}

#[tokio::test]
async fn s9_a_record_without_a_rate_costs_two_units_more() {
    let world = world().await;
    world.operator.debit("a", &records("warm", 1)).await.expect(200);
    // 49 records, each with a marker, fill a transaction together with the account.
    for (count, commits) in [(1, 1), (49, 1), (50, 2), (98, 2)] {
        let unrated: Vec<_> =
            (0..count).map(|number| call(&format!("u-{count}-{number}"), START, "+9990001234", 60)).collect();
        let before = world.units("debit").await;
        let answer = world.operator.debit("a", &unrated).await.expect(200);
        assert!(list(&answer, "results").iter().all(|result| result["status"] == "unrated"));
        assert_eq!(
            world.units("debit").await - before,
            units(0, (2 * count + commits) * 2),
            "{count} records"
        );
    }
}

#[tokio::test]
async fn a_debit_that_changes_nothing_writes_nothing_and_reads_once() {
    let world = world().await;
    let sent = records("r", 50);
    world.operator.debit("a", &sent).await.expect(200);
    let mut invalid = rated("r-0", START, "0.0100");
    invalid["startedAt"] = json!("2026-11-23T00:00:00Z");
    for (what, records) in [("duplicates", sent), ("an invalid record", vec![invalid])] {
        let before = world.units("debit").await;
        world.operator.debit("a", &records).await.expect(200);
        // DynamoDB bills a refused transaction too, but does not return its units.
        assert_eq!(world.units("debit").await - before, units(1, 0), "{what}");
    }
}

#[tokio::test]
async fn s7_included_minutes_cost_nothing_more_and_a_process_reads_the_pools_once() {
    let world = world().await;
    let pools: Vec<_> = ["P1", "P2", "P3"]
        .map(|plan| {
            json!({
                "plan": plan, "country": "FR", "minutesPerLicence": 3_000, "licences": 10, "services": ["userOut"],
            })
        })
        .into();
    let pools = json!({ "pools": pools });
    world.operator.send(Method::PUT, "/v1/accounts/a/pools", &[], pools).await.expect(200);
    let planned = |id: String, plan: &str, start: &str| {
        let mut record = call(&id, start, "+33123456789", 60);
        record["plan"] = json!(plan);
        record["userCountry"] = json!("FR");
        record
    };
    let mut before = world.units("debit").await;
    for (number, plan) in ["P1", "P2", "P3", "P1"].into_iter().enumerate() {
        let record = planned(format!("r{number}"), plan, START);
        let answer = world.operator.debit("a", &[record]).await.expect(200);
        assert_eq!(answer["results"][0]["charge"], "0.0000");
        let after = world.units("debit").await;
        // The first debit reads the account, and then the account and its profile in a transaction, which counts twice.
        let expected = if number == 0 { units(1 + 4, 4) } else { units(0, 4) };
        assert_eq!(after - before, expected, "debit {number}");
        before = after;
    }
    let records: Vec<_> = (0..99).map(|number| planned(format!("of-99-{number}"), "P2", START)).collect();
    world.operator.debit("a", &records).await.expect(200);
    assert_eq!(world.units("debit").await - before, units(0, batch(99)));
}

#[tokio::test]
async fn s11_a_reversal_reads_the_account_and_three_keys_and_writes_an_entry() {
    let world = world().await;
    world.operator.debit("a", &records("r", 100)).await.expect(200);
    let before = world.units("debit").await;
    let body = json!({ "startedAt": START, "reason": "test" });
    world.operator.post("/v1/accounts/a/usage/r-0/reversal", body).await.expect(200);
    assert_eq!(world.units("debit").await - before, units(3 + 1, 4));
    // 33 records are read at once, and reversed in one commit.
    let named: Vec<_> =
        (1..100).map(|number| json!({ "id": format!("r-{number}"), "startedAt": START })).collect();
    let before = world.units("debit").await;
    let reversed =
        world.operator.post("/v1/accounts/a/reversals?reason=test", json!({ "records": named })).await;
    assert_eq!(reversed.expect(200)["counts"]["reversed"], 99);
    assert_eq!(world.units("debit").await - before, units(3 * (99 + 1), 2 * (99 + 3)));
}

#[tokio::test]
async fn a_purchase_costs_two_commits_and_a_write_of_the_processors_object() {
    let world = world().await;
    let before = world.units("purchase").await;
    world.operator.buy("a", "five", json!({ "amount": "50.00" })).await.expect(201);
    let cost = world.units("purchase").await - before;
    // Opening writes the account and the payment. Then the id of the processor's object is stored. Closing writes the account,
    // the payment and the journal entry.
    let items = 4 + 1 + 6;
    // The due time and the listing of the payment are entries of indexes, which are written as well. The due time of recovery
    // moves twice: to that of the payment, and back to the next expiry of a lot.
    let entries = 4 + 1 + 2;
    assert_eq!(cost.write, Decimal::from(items + entries));
    // One read finds out whether it is a repeat. Account and profile are read in a transaction, which counts twice.
    assert!(cost.read <= Decimal::from(1 + 4 + 1), "{cost:?}");
}

#[tokio::test]
async fn reads_cost_a_few_units() {
    let world = world().await;
    world.operator.debit("a", &records("r", 500)).await.expect(200);
    for number in 0..20 {
        world.account(&format!("other-{number}")).await;
    }
    // An entry has about 500 bytes, and a unit is 4 KB.
    for (path, at_most) in [
        ("/v1/accounts/a", 4),
        ("/v1/accounts/a/lots", 1),
        ("/v1/accounts/a/purchases?limit=4", 2),
        ("/v1/accounts/a/transactions?limit=10", 2),
        ("/v1/accounts/a/transactions?limit=100", 14),
        ("/v1/accounts/a/transactions?kind=purchase&from=2026-11-22T11:00:00Z", 2),
        ("/v1/accounts/a/balance?at=2026-11-22", 1),
        ("/v1/accounts/a/balances?from=2026-11-22&to=2026-11-22", 2),
        ("/v1/accounts/a/statement?from=2026-11-22&to=2026-11-22", 70),
        ("/v1/accounts/a/usage/r-7?startedAt=2026-11-22T08:00:00Z", 1),
        ("/v1/rates?service=userOut&number=33123456789&currency=EUR", 0),
        ("/v1/rates/list", 0),
        ("/v1/accounts?limit=10", 21),
        ("/v1/unrated", 8),
    ] {
        // One of the two functions answers it.
        let both = async || [world.units("account").await, world.units("statement").await];
        world.operator.get(path).await.expect(200);
        let [account, statement] = both().await;
        world.operator.get(path).await.expect(200);
        let after = both().await;
        let (of_account, of_statement) = (after[0] - account, after[1] - statement);
        let cost =
            Units { read: of_account.read + of_statement.read, write: of_account.write + of_statement.write };
        assert_eq!(cost.write, Decimal::ZERO, "{path}");
        assert!(cost.read <= Decimal::from(at_most), "{path} reads {}", cost.read);
    }
}

#[tokio::test]
async fn the_first_commit_of_a_day_costs_two_units_more() {
    let world = world().await;
    world.operator.debit("a", &records("warm", 1)).await.expect(200);
    world.set_time("2026-11-23T12:00:00Z");
    for (name, count, expected) in [("first", 1, 4 + 2), ("second", 1, 4), ("third", 99, 200)] {
        let before = world.units("debit").await;
        world.operator.debit("a", &records(name, count)).await.expect(200);
        assert_eq!(world.units("debit").await - before, units(0, expected), "{name}");
    }
    // The end of the day is an item of the transaction, so 99 records need two commits.
    world.set_time("2026-11-24T12:00:00Z");
    let before = world.units("debit").await;
    world.operator.debit("a", &records("of-99", 99)).await.expect(200);
    assert_eq!(world.units("debit").await - before, units(0, 2 * (99 + 2) + 2));
}

#[tokio::test]
async fn an_entry_posted_over_three_days_late_costs_a_unit_more() {
    let world = world().await;
    world.set_time("2026-11-25T08:00:00Z");
    world.operator.debit("a", &records("warm", 1)).await.expect(200);
    let late = |id: &str, start: &str| [rated(id, start, "0.0100")];
    for (id, start, expected) in [("in-time", START, 4), ("late", "2026-11-22T07:59:59Z", 4 + 1)] {
        let before = world.units("debit").await;
        world.operator.debit("a", &late(id, start)).await.expect(200);
        assert_eq!(world.units("debit").await - before, units(0, expected), "{id}");
    }
}

#[tokio::test]
async fn a_statement_reads_the_entries_near_its_period_once() {
    let world = world().await;
    world.operator.debit("a", &records("first", 400)).await.expect(200);
    for day in 23..=29 {
        world.set_time(&format!("2026-11-{day}T12:00:00Z"));
        world.operator.debit("a", &records(&format!("of-{day}"), 1)).await.expect(200);
    }
    let statement = "statement?from=2026-11-28&to=2026-11-28";
    for (path, expected, written) in [
        ("balance?at=2026-11-22", 1 + 1, 0),
        ("balances?from=2026-11-22&to=2026-11-29", 1 + 1 + 1, 0),
        // The kept lines, the ends of the days, a page of the journal and one of the index of late entries.
        (statement, 4 + 2 + 2 + 2, 1),
        // The lines are kept now.
        (statement, 4 + 2 + 2, 0),
    ] {
        let before = world.units("statement").await;
        world.operator.get(&format!("/v1/accounts/a/{path}")).await.expect(200);
        let cost = world.units("statement").await - before;
        assert!(cost.read <= Decimal::from(expected), "{path}: {cost:?}");
        assert_eq!(cost.write, Decimal::from(written), "{path}");
    }
}

#[tokio::test]
async fn a_report_of_totalled_days_reads_their_groups_and_not_their_calls() {
    let world = world().await;
    let (days, users) = (20, 50);
    let call = |number: usize| {
        let start = format!("2026-11-{:02}T08:00:00Z", 1 + number % days);
        let mut record = rated(&format!("r-{number}"), &start, "0.0100");
        record["userId"] = json!(format!("0f8fad5b-d9cb-469f-a165-7086772{:05}", number / days % users));
        record
    };
    let cost = async |query: &str, calls: usize| {
        let before = world.units("report").await;
        let report = world.operator.get(&format!("/v1/accounts/a/usage?{query}")).await.expect(200);
        assert_eq!((&report["pending"], &report["total"]["calls"]), (&json!([]), &json!(calls)));
        world.units("report").await - before
    };
    for (first, calls) in [(0, 1_000), (1_000, 4_000)] {
        let records: Vec<_> = (first..calls).map(call).collect();
        for batch in records.chunks(1_000) {
            world.operator.debit("a", batch).await.expect(200);
        }
        // An entry has over 400 bytes, and a unit is 4 KB.
        let from_journal = cost("groupBy=user", calls).await;
        assert!(from_journal.read > Decimal::from(calls / 10), "{calls}: {from_journal:?}");
        // A group has up to 80 bytes, however many calls it counts.
        let by_user = cost("groupBy=user", calls).await;
        assert_eq!(by_user.write, Decimal::ZERO);
        assert!(by_user.read <= Decimal::from(1 + days * users * 80 / 4_096 + 1), "{calls}: {by_user:?}");
        let by_day = cost("groupBy=day", calls).await;
        assert_eq!(by_day, units(1 + 1, 0), "{calls}");
    }
}

#[tokio::test]
async fn the_local_metrics_give_the_same_costs() {
    let world = world().await;
    let before = local_metrics(&world).await;
    world.operator.debit("a", &records("r", 99)).await.expect(200);
    let after = local_metrics(&world).await;
    let added = |name: &str| after[name].as_f64().unwrap() - before[name].as_f64().unwrap();
    assert_eq!((added("invocations"), added("errors")), (1.0, 0.0));
    assert_eq!((added("readUnits"), added("writeUnits")), (1.0, 200.0));
}

/// What `/_local/metrics` says about the debit function. Its schedule has run once when the host starts.
async fn local_metrics(world: &World) -> Value {
    world.operator.get("/_local/metrics").await.expect(200)["functions"]["debit"].clone()
}

async fn ask(world: &World, call_id: &str, user_id: Value, seconds: u32) -> Value {
    let request = json!({
        "callId": call_id, "userId": user_id, "service": "userOut", "number": "+33123456789",
        "maxDurationSeconds": seconds,
    });
    world.operator.post("/v1/accounts/a/authorizations", request).await.expect(200)
}

fn record_of(call_id: &str) -> Value {
    let mut record = rated(call_id, START, "0.0100");
    record["callId"] = json!(call_id);
    record
}

#[tokio::test]
async fn c1_an_authorization_is_one_transaction_of_4_write_units_and_its_debit_costs_2_more() {
    let world = world().await;
    ask(&world, "warm", Value::Null, 60).await;
    for (call_id, user_id, expected) in [
        ("one", Value::Null, units(0, 4)),
        ("two", json!("ada"), units(0, 4)),
        // The transaction that finds the hold is billed, too, but its units are not returned. The account is read before the hold and
        // after it.
        ("one", Value::Null, units(3, 0)),
    ] {
        let before = world.units("authorize").await;
        ask(&world, call_id, user_id, 60).await;
        assert_eq!(world.units("authorize").await - before, expected, "{call_id}");
    }
    for (call_id, expected) in [("one", units(1, 6)), ("unknown", units(1, 4))] {
        let before = world.units("debit").await;
        world.operator.debit("a", &[record_of(call_id)]).await.expect(200);
        let cost = world.units("debit").await - before;
        assert!(cost.read <= expected.read && cost.write == expected.write, "{call_id}: {cost:?}");
    }
    // A limit of users costs one read and two write units more.
    let limits = json!({ "perUserMonthly": "100" });
    world.operator.send(Method::PUT, "/v1/accounts/a/limits", &[], limits).await.expect(200);
    ask(&world, "three", json!("ada"), 60).await;
    let before = world.units("authorize").await;
    ask(&world, "four", json!("ada"), 60).await;
    assert_eq!(world.units("authorize").await - before, units(1, 6));
    let before = world.units("debit").await;
    let mut record = record_of("four");
    record["userId"] = json!("ada");
    world.operator.debit("a", &[record]).await.expect(200);
    assert_eq!(world.units("debit").await - before, units(1, 8));
}

#[tokio::test]
async fn c1_a_debit_of_an_account_with_2_000_calls_in_progress_costs_as_much_as_one_with_few() {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    world.operator.buy("a", "one", json!({ "amount": "4000.00" })).await.expect(201);
    for number in 0..2_000 {
        // Their holds lapse at 13 instants.
        let answer = ask(&world, &number.to_string(), Value::Null, 60 + 300 * (number % 13)).await;
        assert_eq!(answer["allowed"], true, "{answer}");
    }
    for (call_id, expected) in [("elsewhere", units(1, 4)), ("7", units(1, 6))] {
        let before = world.units("debit").await;
        world.operator.debit("a", &[record_of(call_id)]).await.expect(200);
        let cost = world.units("debit").await - before;
        assert!(cost.read <= expected.read && cost.write == expected.write, "{call_id}: {cost:?}");
    }
}
