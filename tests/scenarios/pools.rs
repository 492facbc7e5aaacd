//! Included minutes (S7), and the mails about them (N8).

use futures_util::future::join_all;
use reqwest::Method;
use scenarios::{Answer, World, call, decimal, list};
use serde_json::{Value, json};

const NOW: &str = "2026-11-22T12:00:00Z";
const START: &str = "2026-11-22T08:00:00Z";

async fn set_pools(world: &World, pools: Value) -> Answer {
    world.operator.send(Method::PUT, "/v1/accounts/a/pools", &[], json!({ "pools": pools })).await
}

/// A pool of plan P1 for users in France: 60 minutes a licence, for calls to France.
fn pool(licences: u32) -> Value {
    json!({
        "plan": "P1", "country": "FR", "minutesPerLicence": 60, "licences": licences, "services": ["userOut"],
        "countries": ["FR"],
    })
}

/// A call of a user in France on plan P1.
fn planned(id: &str, started_at: &str, number: &str, seconds: u32) -> Value {
    let mut record = call(id, started_at, number, seconds);
    record["plan"] = json!("P1");
    record["userCountry"] = json!("FR");
    record
}

async fn world() -> World {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    world
}

#[tokio::test]
async fn s7_a_charge_says_which_pool_gave_how_many_minutes() {
    let world = world().await;
    set_pools(&world, json!([pool(2)])).await.expect(200);
    world.operator.buy("a", "k", json!({ "amount": "50.00" })).await.expect(201);

    // V1: the pool ends within the second call.
    let calls = [
        planned("one", START, "+33123456789", 6_000),
        planned("two", START, "+33123456789", 3_020),
        planned("abroad", START, "+4930123456", 60),
        call("without-a-plan", START, "+33123456789", 60),
    ];
    let answer = world.operator.debit("a", &calls).await.expect(200);
    let results = list(&answer, "results");
    assert_eq!(results[0]["charge"], "0.0000");
    assert_eq!(results[0]["why"]["includedMinutes"], json!([{ "pool": "P1/FR", "minutes": 100 }]));
    assert_eq!(results[1]["why"]["includedMinutes"], json!([{ "pool": "P1/FR", "minutes": 20 }]));
    let per_minute = decimal(&results[1]["why"]["perMinute"]);
    assert_eq!(decimal(&results[1]["charge"]), per_minute * rust_decimal::Decimal::from(31));
    for paid in &results[2..] {
        assert_eq!(paid["why"]["includedMinutes"], Value::Null, "{paid}");
        assert!(decimal(&paid["charge"]) > rust_decimal::Decimal::ZERO);
    }

    let account = world.operator.account("a").await;
    let expected = json!([
        { "month": "2026-11", "minutes": 120, "used": 120 },
        { "month": "2026-10", "minutes": 0, "used": 0 },
    ]);
    assert_eq!(account["pools"][0]["months"], expected);
    let transaction =
        &world.operator.get("/v1/accounts/a/usage/two?startedAt=2026-11-22T08:00:00Z").await.expect(200);
    assert_eq!(transaction["includedMinutes"], 20);

    let reversal = json!({ "startedAt": START, "reason": "wrong number" });
    let reversed = world.operator.post("/v1/accounts/a/usage/two/reversal", reversal).await.expect(200);
    assert_eq!(reversed["returned"]["includedMinutes"], json!([{ "pool": "P1/FR", "minutes": 20 }]));
    assert_eq!(world.operator.account("a").await["pools"][0]["months"][0]["used"], 100);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn a3_included_minutes_work_on_a_depleted_account() {
    let world = world().await;
    set_pools(&world, json!([pool(1)])).await.expect(200);
    let answer = world.operator.debit("a", &[planned("r", START, "+33123456789", 60)]).await.expect(200);
    assert_eq!((&answer["results"][0]["charge"], &answer["balance"]), (&json!("0.0000"), &json!("0.0000")));
}

#[tokio::test]
async fn s7_the_month_of_the_start_chooses_the_pool_month() {
    let world = World::start().await;
    world.set_time("2026-01-15T00:00:00Z");
    world.account("a").await;
    set_pools(&world, json!([pool(1)])).await.expect(200);
    // V5.
    world.set_time("2026-03-02T00:00:00Z");
    let calls = [
        planned("january", "2026-01-31T23:59:00Z", "+33123456789", 60),
        planned("february", "2026-02-28T10:00:00Z", "+33123456789", 60),
    ];
    let answer = world.operator.debit("a", &calls).await.expect(200);
    assert_eq!(answer["results"][0]["why"]["includedMinutes"], Value::Null);
    assert_eq!(answer["results"][1]["charge"], "0.0000");
    let months = &world.operator.account("a").await["pools"][0]["months"];
    assert_eq!((&months[0]["used"], &months[1]["used"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn s7_parallel_debits_and_reversals_never_give_a_minute_twice() {
    let world = world().await;
    set_pools(&world, json!([pool(1)])).await.expect(200);
    let processes = [world.debit_process(), world.debit_process()];
    let headers = json!({ "content-type": "application/json" });
    let soon = tokio::time::Instant::now() + std::time::Duration::from_mins(1);
    let sent = (0..100).map(|number| {
        let body = json!({ "records": [planned(&format!("r{number}"), START, "+33123456789", 60)] });
        let event = world.event("POST", "debits", "a", &headers, &body.to_string());
        let ports = processes[number % 2].clone();
        async move { Answer::from(Box::pin(debit::handle(event, &ports, soon)).await).expect(200) }
    });
    let reversals = (0..10).map(|number| {
        let operator = world.operator.clone();
        async move {
            let path = format!("/v1/accounts/a/usage/r{number}/reversal");
            // The record may not be there yet.
            operator.post(&path, json!({ "startedAt": START, "reason": "test" })).await;
        }
    });
    let (answers, _) = tokio::join!(join_all(sent), join_all(reversals));
    assert_eq!(answers.len(), 100);

    let rows = world.operator.transactions("a").await;
    let minutes = |kind: &str| -> u64 {
        rows.iter().filter(|row| row["kind"] == kind).filter_map(|row| row["includedMinutes"].as_u64()).sum()
    };
    let used = world.operator.account("a").await["pools"][0]["months"][0]["used"].as_u64().unwrap();
    assert_eq!(minutes("usage") - minutes("reversal"), used, "the minutes on entries are the pool's use");
    assert!(used <= 60, "{used} of 60 minutes are used");
    assert!(minutes("usage") >= 60, "the pool was used up at least once");
    let found = world.operator.post("/_local/run/reconcile", Value::Null).await.expect(200);
    assert_eq!(found["findings"], json!([]), "{found}");
}

#[tokio::test]
async fn s7_a_process_that_remembers_earlier_pools_uses_the_new_ones() {
    let world = world().await;
    set_pools(&world, json!([pool(1)])).await.expect(200);
    let used = world.operator.debit("a", &[planned("one", START, "+33123456789", 3_600)]).await.expect(200);
    assert_eq!(used["results"][0]["charge"], "0.0000");
    // V4: licences 1, then 3, then 2 in one month. The month keeps its largest size.
    for licences in [3, 2] {
        set_pools(&world, json!([pool(licences)])).await.expect(200);
    }
    let used = world.operator.debit("a", &[planned("two", START, "+33123456789", 7_200)]).await.expect(200);
    assert_eq!(used["results"][0]["charge"], "0.0000");
    let account = world.operator.account("a").await;
    assert_eq!(account["pools"][0]["months"][0], json!({ "month": "2026-11", "minutes": 180, "used": 180 }));
    // A removed pool stays until its minutes can no longer be used.
    set_pools(&world, json!([])).await.expect(200);
    world.set_time("2026-12-31T00:00:00Z");
    assert_eq!(world.operator.account("a").await["pools"][0]["licences"], 0);
}

#[tokio::test]
async fn s7_a_plan_of_the_catalogue_needs_no_terms() {
    let world = world().await;
    let plans = world.operator.get("/v1/plans").await.expect(200);
    assert!(list(&plans, "plans").len() >= 6, "{plans}");
    let set =
        set_pools(&world, json!([{ "plan": "MCOPSTN2", "country": "FR", "licences": 10 }])).await.expect(200);
    let shown: Vec<_> = list(&set, "pools")
        .iter()
        .map(|pool| (pool["poolId"].clone(), pool["minutesPerLicence"].clone(), pool["countries"].clone()))
        .collect();
    assert_eq!(
        shown,
        [
            (json!("MCOPSTN2/FR"), json!(1_200), json!(["FR"])),
            (json!("MCOPSTN2/FR/2"), json!(600), json!([])),
        ]
    );
    // Both pools include a call to France: the second goes on where the first ends.
    let mut record = planned("r", START, "+33123456789", 12_001 * 60);
    record["plan"] = json!("MCOPSTN2");
    let answer = world.operator.debit("a", &[record]).await.expect(200);
    let expected = json!([
        { "pool": "MCOPSTN2/FR", "minutes": 12_000 },
        { "pool": "MCOPSTN2/FR/2", "minutes": 1 },
    ]);
    assert_eq!(answer["results"][0]["why"]["includedMinutes"], expected);
}

#[tokio::test]
async fn a_wrong_pool_names_its_field_and_changes_nothing() {
    let world = world().await;
    set_pools(&world, json!([pool(1)])).await.expect(200);
    let before = world.operator.account("a").await;
    let with = |field: &str, value: Value| {
        let mut pool = pool(1);
        pool[field] = value;
        json!([pool])
    };
    for (pools, field, code) in [
        (with("plan", json!("")), "pools[0].plan", "wrongFormat"),
        (with("plan", json!("a/b")), "pools[0].plan", "wrongFormat"),
        (with("country", json!("France")), "pools[0].country", "wrongFormat"),
        (with("licences", json!(1_000_001)), "pools[0].licences", "outOfRange"),
        (with("licences", json!(-1)), "pools[0].licences", "wrongFormat"),
        (with("licences", Value::Null), "pools[0].licences", "wrongType"),
        (with("minutesPerLicence", json!(0)), "pools[0].minutesPerLicence", "outOfRange"),
        (with("minutesPerLicence", Value::Null), "pools[0].minutesPerLicence", "missing"),
        (with("services", json!([])), "pools[0].services", "missing"),
        (with("services", json!(["fax"])), "pools[0].services[0]", "notAllowed"),
        (with("services", Value::Null), "pools[0].services", "missing"),
        (with("countries", json!(["FR", "de"])), "pools[0].countries[1]", "wrongFormat"),
        (with("colour", json!(1)), "pools[0].colour", "wrongFormat"),
        (json!([{ "plan": "P9", "country": "FR", "licences": 1 }]), "pools[0].minutesPerLicence", "missing"),
        (json!(vec![pool(1); 51]), "pools", "tooLong"),
        (json!("none"), "pools", "wrongType"),
    ] {
        let problem = set_pools(&world, pools.clone()).await.problem(422);
        let error = &problem["errors"][0];
        assert_eq!((&error["field"], &error["code"]), (&json!(field), &json!(code)), "{pools}: {problem}");
    }
    assert_eq!(world.operator.account("a").await, before);
    let admin = world.client("admin", &["a"]);
    admin.send(Method::PUT, "/v1/accounts/a/pools", &[], json!({ "pools": [] })).await.problem(403);
}

#[tokio::test]
async fn n8_people_are_told_at_80_and_100_percent_once_for_each_month() {
    let world = World::start().await;
    world.set_time("2026-11-22T12:00:00Z");
    world.account("a").await;
    let emails = json!({ "notificationEmails": ["ada@a.example"] });
    world.operator.send(Method::PATCH, "/v1/accounts/a", &[], emails).await.expect(200);
    set_pools(&world, json!([pool(1)])).await.expect(200);
    let subjects = async || {
        world.drain().await;
        let mails = world.operator.get("/_local/mail?to=ada@a.example").await.expect(200);
        let subjects =
            mails.as_array().unwrap().iter().map(|mail| mail["subject"].as_str().unwrap().to_owned());
        subjects.filter(|subject| subject.contains("included minutes")).collect::<Vec<_>>()
    };
    let minutes = async |id: &str, start: &str, minutes: u32| {
        world.operator.debit("a", &[planned(id, start, "+33123456789", 60 * minutes)]).await.expect(200);
    };
    minutes("one", START, 47).await;
    assert_eq!(subjects().await.len(), 0, "47 of 60 minutes are below 80 %");
    minutes("two", START, 1).await;
    let told = subjects().await;
    assert_eq!(told, ["80% of the included minutes of P1/FR are used \u{2013} a"]);
    minutes("three", START, 5).await;
    minutes("four", START, 30).await;
    minutes("five", START, 30).await;
    let told = subjects().await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&"All included minutes of P1/FR are used \u{2013} a".to_owned()), "{told:?}");

    // A call that uses all of a month at once has one mail.
    world.set_time("2026-12-05T12:00:00Z");
    minutes("six", "2026-12-05T08:00:00Z", 60).await;
    assert_eq!(subjects().await.len(), 3);
}
