//! Usage reports: the totals of a period by each dimension, from the journal and as they were stored.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use local::faults::{Fault, Kind, Target};
use report::Ports;
use reqwest::Method;
use rust_decimal::Decimal;
use scenarios::{Answer, Api, World, call, decimal, list, rated};
use serde_json::{Value, json};
use store::{Store, Tables};
use tokio::time::Instant;

const NOW: &str = "2026-11-22T12:00:00Z";
const DIMENSIONS: [&str; 7] = ["day", "user", "destination", "country", "service", "plan", "costCentre"];

/// By charge, the greatest first. The second of a's calls ends the pool within its second minute.
const DAYS: [&str; 3] =
    ["2026-11-21 2 1.50 2.00 0 2.5195", "2026-11-20 2 2.52 4.00 3 0.0190", "2026-11-22 1 1.00 0.00 0 0.0000"];
const USERS: [&str; 3] =
    ["null 1 1.00 1.00 0 2.5000", "bob 2 1.50 1.00 0 0.0195", "ada 2 2.52 4.00 3 0.0190"];
const DESTINATIONS: [&str; 3] =
    ["null 2 2.00 1.00 0 2.5000", "Germany 1 0.50 1.00 0 0.0195", "France 2 2.52 4.00 3 0.0190"];
const COUNTRIES: [&str; 3] =
    ["null 2 2.00 1.00 0 2.5000", "DE 1 0.50 1.00 0 0.0195", "FR 2 2.52 4.00 3 0.0190"];
const SERVICES: [&str; 2] = ["tollFreeIn 1 1.00 1.00 0 2.5000", "userOut 4 4.02 5.00 3 0.0385"];
const PLANS: [&str; 3] = ["null 1 1.00 1.00 0 2.5000", "P2 2 1.50 1.00 0 0.0195", "P1 2 2.52 4.00 3 0.0190"];
const COST_CENTRES: [&str; 3] =
    ["null 1 1.00 1.00 0 2.5000", "Sales 2 1.50 1.00 0 0.0195", "R&D 2 2.52 4.00 3 0.0190"];

async fn world() -> World {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    world
}

/// A call with a user, a plan and a cost centre.
fn call_of(id: &str, start: &str, number: &str, seconds: u32, [user, plan, cost_centre]: [&str; 3]) -> Value {
    let mut record = call(id, start, number, seconds);
    record["userId"] = json!(user);
    record["plan"] = json!(plan);
    record["userCountry"] = json!("FR");
    record["costCentre"] = json!(cost_centre);
    record
}

async fn report(api: &Api, query: &str) -> Value {
    api.get(&format!("/v1/accounts/a/usage?{query}")).await.expect(200)
}

/// The report of the month by a dimension, as `key calls minutes billed included charge` for each group.
async fn groups(world: &World, dimension: &str) -> Vec<String> {
    let report = report(&world.operator, &format!("groupBy={dimension}")).await;
    assert_eq!(report["pending"], json!([]));
    list(&report, "groups")
        .iter()
        .map(|group| format!("{} {}", text(&group["key"]), figures(group)))
        .collect()
}

fn figures(figures: &Value) -> String {
    let names = ["calls", "minutes", "billedMinutes", "includedMinutes", "charge"];
    names.map(|name| text(&figures[name])).join(" ")
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The charge of the journal's calls, less those that were reversed, and their number.
async fn of_journal(world: &World) -> (Decimal, u64) {
    let rows = world.operator.transactions("a").await;
    let sign = |row: &Value| match row["kind"].as_str() {
        Some("usage") => 1,
        Some("reversal") => -1,
        _ => 0,
    };
    let charge = rows
        .iter()
        .filter(|row| sign(row) != 0)
        .map(|row| Decimal::from(sign(row)) * decimal(&row["charge"]));
    let calls: i64 = rows.iter().map(sign).sum();
    (charge.sum(), u64::try_from(calls).unwrap())
}

/// Asserts that the report by every dimension has the journal's calls, and that its groups sum up to its total.
async fn assert_reports_are_the_journal(world: &World) {
    let (charge, calls) = of_journal(world).await;
    for dimension in DIMENSIONS {
        let report = report(&world.operator, &format!("groupBy={dimension}")).await;
        assert_eq!(report["pending"], json!([]), "{dimension}");
        assert_eq!(
            (decimal(&report["total"]["charge"]), &report["total"]["calls"]),
            (charge, &json!(calls)),
            "{dimension}"
        );
        let sum: Decimal = list(&report, "groups").iter().map(|group| decimal(&group["charge"])).sum();
        assert_eq!(sum, charge, "{dimension}");
    }
}

/// The report function as a process of its own, in this task, so that it can be killed or held back. It begins no day after this
/// instant.
async fn report_here(world: &World, query: &str, until: Instant) -> Answer {
    let store =
        Store::new(world.host.database().watched_client(&world.host.machine().faults), Tables::default());
    let mut event = world.event("GET", "usage", "a", &json!({}), "");
    event.raw_query_string = Some(query.to_owned());
    Box::pin(report::handle(event, &Ports { store: store.into() }, until)).await.into()
}

/// Removes the changed days, as older software does.
async fn forget_changed_days(world: &World) {
    let tables = world.host.database().steady_client();
    let text = |text: &str| AttributeValue::S(text.into());
    let update =
        tables.update_item().table_name("accounts").key("accountId", text("a")).key("part", text("core"));
    update.update_expression("REMOVE changed").send().await.unwrap();
}

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

#[tokio::test]
async fn calls_are_grouped_by_every_dimension() {
    let world = world().await;
    let pool = json!({ "pools": [{
        "plan": "P1", "country": "FR", "minutesPerLicence": 3, "licences": 1, "services": ["userOut"],
    }] });
    world.operator.send(Method::PUT, "/v1/accounts/a/pools", &[], pool).await.expect(200);
    let (ada, bob) = (["ada", "P1", "R&D"], ["bob", "P2", "Sales"]);
    let mut inbound = rated("in", "2026-11-21T10:00:00Z", "2.5000");
    inbound["service"] = json!("tollFreeIn");
    let records = [
        call_of("a1", "2026-11-20T10:00:00Z", "+33123456789", 61, ada),
        call_of("a2", "2026-11-20T23:59:59Z", "+33123456789", 90, ada),
        call_of("b1", "2026-11-21T00:00:00Z", "+4930123456", 30, bob),
        inbound,
        call_of("u1", "2026-11-22T09:00:00Z", "+9990001234", 60, bob),
    ];
    world.operator.debit("a", &records).await.expect(200);
    // Twice: from the journal, and as the totals of past days were stored.
    for _ in 0..2 {
        for (dimension, expected) in [
            ("day", &DAYS[..]),
            ("user", &USERS[..]),
            ("destination", &DESTINATIONS[..]),
            ("country", &COUNTRIES[..]),
            ("service", &SERVICES[..]),
            ("plan", &PLANS[..]),
            ("costCentre", &COST_CENTRES[..]),
        ] {
            assert_eq!(groups(&world, dimension).await, expected, "{dimension}");
        }
    }
    let day = report(&world.operator, "from=2026-11-21&to=2026-11-22&groupBy=user").await;
    assert_eq!(
        (&day["from"], &day["to"], &day["currency"]),
        (&json!("2026-11-21"), &json!("2026-11-22"), &json!("EUR"))
    );
    assert_eq!(figures(&day["total"]), "2 1.50 2.00 0 2.5195");
    assert_eq!(report(&world.operator, "month=2026-10").await["groups"], json!([]));
}

#[tokio::test]
async fn s11_late_records_and_reversals_change_days_that_were_totalled() {
    let world = world().await;
    let records: Vec<_> = (0..30)
        .map(|number| {
            rated(&format!("r{number}"), &format!("2026-11-{:02}T10:00:00Z", 1 + number % 20), "1.0000")
        })
        .collect();
    world.operator.debit("a", &records).await.expect(200);
    assert_reports_are_the_journal(&world).await;

    world.operator.debit("a", &[rated("late", "2026-11-03T09:00:00Z", "0.5000")]).await.expect(200);
    assert_reports_are_the_journal(&world).await;
    let reversed: Vec<_> = (0..30)
        .filter(|number| number % 20 == 4)
        .map(|number| json!({ "id": format!("r{number}"), "startedAt": format!("2026-11-{:02}T10:00:00Z", 1 + number % 20) }))
        .collect();
    let path = "/v1/accounts/a/reversals?reason=test";
    world.operator.post(path, json!({ "records": reversed })).await.expect(200);
    assert_reports_are_the_journal(&world).await;
    // The day has entries and no calls, so its totals are replaced by none.
    assert_eq!(report(&world.operator, "from=2026-11-05&to=2026-11-06").await["groups"], json!([]));
    // A corrected record is a call of its own.
    let mut corrected = rated("r4", "2026-11-05T10:00:00Z", "0.2500");
    corrected["revision"] = json!(2);
    world.operator.debit("a", &[corrected]).await.expect(200);
    let day = report(&world.operator, "from=2026-11-05&to=2026-11-06").await;
    assert_eq!(figures(&day["total"]), "1 1.00 1.00 0 0.2500");
    assert_reports_are_the_journal(&world).await;
}

#[tokio::test]
async fn s9_a_record_that_is_charged_for_later_moves_to_its_destination_and_stays_one_call() {
    const HEADER: &str = "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom\n";
    let world = world().await;
    let records = ["u1", "u2"].map(|id| call(id, "2026-11-20T08:00:00Z", "+9990001234", 61));
    world.operator.debit("a", &records).await.expect(200);
    assert_eq!(groups(&world, "destination").await, ["null 2 2.03 0.00 0 0.0000"]);
    let reversal = json!({ "startedAt": "2026-11-20T08:00:00Z", "reason": "test" });
    world.operator.post("/v1/accounts/a/usage/u2/reversal", reversal.clone()).await.expect(200);
    assert_eq!(groups(&world, "destination").await, ["null 1 1.02 0.00 0 0.0000"]);

    let rates = format!("{HEADER}userOut,999,Nowhere,XX,EUR,0.10,0.05,60,60,2025-01-01\n");
    let ports = world.debit_process_at(rates::read(rates.as_bytes()).unwrap().into());
    let mut event = world.event("POST", "", "a", &json!({}), "");
    event.route_key = Some("POST /v1/unrated/rate".to_owned());
    event.path_parameters.clear();
    let answer: Answer = Box::pin(debit::handle(event, &ports, soon())).await.into();
    assert_eq!(answer.expect(200)["rated"], 1);
    for (dimension, key) in [("destination", "Nowhere"), ("country", "XX"), ("service", "userOut")] {
        assert_eq!(groups(&world, dimension).await, [format!("{key} 1 1.02 2.00 0 0.2500")], "{dimension}");
    }
    world.operator.post("/v1/accounts/a/usage/u1/reversal", reversal).await.expect(200);
    assert_eq!(groups(&world, "destination").await, [""; 0]);
}

#[tokio::test]
async fn the_greatest_groups_come_first_and_the_others_together() {
    let world = world().await;
    let records: Vec<_> = (0..25)
        .map(|number| {
            let mut record = rated(&format!("r{number}"), "2026-11-21T10:00:00Z", &format!("{number}.0000"));
            record["userId"] = json!(format!("user-{number:02}"));
            record
        })
        .collect();
    world.operator.debit("a", &records).await.expect(200);
    let top = report(&world.operator, "groupBy=user&top=10").await;
    let keys: Vec<_> = list(&top, "groups").iter().map(|group| text(&group["key"])).collect();
    let expected: Vec<_> = (15..25).rev().map(|number| format!("user-{number:02}")).collect();
    assert_eq!(keys, expected);
    assert_eq!(figures(&top["others"]), "15 15.00 15.00 0 105.0000");
    assert_eq!(figures(&top["total"]), "25 25.00 25.00 0 300.0000");
    let all = report(&world.operator, "groupBy=user&top=25").await;
    assert_eq!((list(&all, "groups").len(), &all["others"]), (25, &Value::Null));
}

#[tokio::test]
async fn a_report_as_csv_has_the_same_figures() {
    let world = world().await;
    let mut records = Vec::new();
    for (id, user, charge) in
        [("a", "=1+1", "3.0000"), ("b", "ada", "2.0000"), ("c", "bob", "1.0000"), ("d", "+33", "0.5000")]
    {
        let mut record = rated(id, "2026-11-21T10:00:00Z", charge);
        record["userId"] = json!(user);
        records.push(record);
    }
    records.push(rated("e", "2026-11-21T10:00:00Z", "2.5000"));
    world.operator.debit("a", &records).await.expect(200);
    let path = "/v1/accounts/a/usage?groupBy=user&top=3";
    let csv = world.operator.send_text(Method::GET, path, &[("accept", "text/csv")], "").await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(
        csv.expect(200),
        "\u{feff}row,key,calls,minutes,billedMinutes,includedMinutes,charge\n\
         group,\"=\"\"=1+1\"\"\",1,1.00,1.00,0,3.0000\n\
         group,,1,1.00,1.00,0,2.5000\n\
         group,ada,1,1.00,1.00,0,2.0000\n\
         others,,2,2.00,2.00,0,1.5000\n"
    );
    let csv =
        world.operator.send_text(Method::GET, "/v1/accounts/a/usage", &[("accept", "text/csv")], "").await;
    let csv = csv.expect(200);
    assert!(csv.as_str().unwrap().contains("\ngroup,2026-11-21,5,5.00,5.00,0,9.0000\n"), "{csv}");
}

#[tokio::test]
async fn days_that_are_not_reached_are_pending_and_not_counted() {
    let world = world().await;
    let records: Vec<_> = (1..=9)
        .map(|day| rated(&format!("r{day}"), &format!("2026-11-0{day}T10:00:00Z"), "1.0000"))
        .collect();
    world.operator.debit("a", &records[..5]).await.expect(200);
    assert_eq!(report(&world.operator, "month=2026-11").await["total"]["calls"], 5);
    world.operator.debit("a", &records[5..]).await.expect(200);
    let none_left = Instant::now();
    let answer = report_here(&world, "month=2026-11", none_left).await;
    assert_eq!(answer.headers["retry-after"], "1");
    let body = answer.expect(200);
    assert_eq!(body["pending"], json!(["2026-11-06", "2026-11-07", "2026-11-08", "2026-11-09"]));
    assert_eq!((&body["total"]["calls"], list(&body, "groups").len()), (&json!(5), 5));
    // Other periods do not wait for these days.
    let before = report_here(&world, "from=2026-11-01&to=2026-11-06", none_left).await;
    assert!(!before.headers.contains_key("retry-after"));
    assert_eq!(before.expect(200)["pending"], json!([]));

    let csv = json!({ "accept": "text/csv" });
    let mut event = world.event("GET", "usage", "a", &csv, "");
    event.raw_query_string = Some("month=2026-11".to_owned());
    let ports = Ports { store: world.host.machine().functions.report_ports().store.clone() };
    let answer = Box::pin(report::handle(event, &ports, none_left)).await;
    let body = serde_json::to_value(&answer.body).unwrap();
    assert!(body.as_str().unwrap().ends_with("pending,2026-11-08,,,,,\npending,2026-11-09,,,,,\n"), "{body}");
    assert_reports_are_the_journal(&world).await;
}

#[tokio::test]
async fn a_report_that_runs_out_of_time_has_the_latest_days_and_the_next_one_goes_on() {
    let world = world().await;
    let records: Vec<_> = (1..=9)
        .map(|day| rated(&format!("r{day}"), &format!("2026-11-0{day}T10:00:00Z"), "1.0000"))
        .collect();
    world.operator.debit("a", &records).await.expect(200);
    let mut time = Duration::from_millis(100);
    // It is held back before its third call, with which it stores the latest day, until its time is up.
    let body = loop {
        let until = Instant::now() + time;
        let mut work = std::pin::pin!(report_here(&world, "groupBy=service", until));
        if let Err(pause) = world.run_to(2, &mut work.as_mut()).await {
            tokio::time::sleep_until(until).await;
            drop(pause);
            break work.await.expect(200);
        }
        // The machine is too slow: its time was up before it began.
        time *= 2;
    };
    let pending: Vec<_> = (1..=8).map(|day| format!("2026-11-0{day}")).collect();
    assert_eq!((&body["pending"], &body["total"]["calls"]), (&json!(pending), &json!(1)));
    // The latest day is stored now, and is not among those that wait.
    let answer = report_here(&world, "groupBy=service", Instant::now()).await.expect(200);
    assert_eq!((&answer["pending"], &answer["total"]["calls"]), (&json!(pending), &json!(1)));
    assert_reports_are_the_journal(&world).await;
}

#[tokio::test]
async fn parallel_debits_and_reports_leave_the_totals_of_the_journal() {
    let world = world().await;
    let start = |number: usize| format!("2026-11-{:02}T10:00:{:02}Z", 1 + number % 7, number % 60);
    let records: Vec<_> =
        (0..240).map(|number| rated(&format!("r{number}"), &start(number), "0.0100")).collect();
    let debits = records.chunks(20).map(|chunk| world.operator.debit("a", chunk));
    let reports = (0..12).map(|number| {
        let query = format!("groupBy={}", DIMENSIONS[number % DIMENSIONS.len()]);
        let world = &world;
        async move { report(&world.operator, &query).await }
    });
    let (debited, _) = tokio::join!(join_all(debits), join_all(reports));
    for answer in debited {
        answer.expect(200);
    }
    assert_eq!(of_journal(&world).await, ("2.4".parse().unwrap(), 240));
    assert_reports_are_the_journal(&world).await;
    // What was stored meanwhile holds as well, once nothing changes any more.
    assert_reports_are_the_journal(&world).await;
    world.operator.assert_books_balance("a").await;
}

/// A process is held back before each of its calls in turn, while a late record comes. The next reports have it.
#[tokio::test]
async fn a_record_that_comes_between_two_steps_of_a_report_is_not_lost() {
    let world = world().await;
    world.operator.debit("a", &[rated("first", "2026-11-20T10:00:00Z", "1.0000")]).await.expect(200);
    for step in 0.. {
        let id = format!("before-{step}");
        world.operator.debit("a", &[rated(&id, "2026-11-20T10:00:00Z", "0.1000")]).await.expect(200);
        let mut work = std::pin::pin!(report_here(&world, "groupBy=user", soon()));
        let Err(pause) = world.run_to(step, &mut work.as_mut()).await else {
            assert!(step > 9, "{step} steps");
            break;
        };
        let id = format!("between-{step}");
        world.operator.debit("a", &[rated(&id, "2026-11-20T11:00:00Z", "0.0100")]).await.expect(200);
        // Another process totals the day at the same time, and may be faster.
        if step % 2 == 0 {
            assert_reports_are_the_journal(&world).await;
        }
        drop(pause);
        work.await.expect(200);
        assert_reports_are_the_journal(&world).await;
    }
}

#[tokio::test]
async fn a_process_that_dies_at_any_step_leaves_totals_that_the_next_report_puts_right() {
    let world = world().await;
    for kind in [Kind::DeathBefore, Kind::DeathAfter] {
        for step in 0.. {
            let id = format!("{kind:?}-{step}");
            let start = format!("2026-11-{:02}T10:00:00Z", 1 + step % 20);
            world.operator.debit("a", &[rated(&id, &start, "0.1000")]).await.expect(200);
            world.arm(kind, step, 1);
            let done = world.unless_killed(report_here(&world, "groupBy=user", soon())).await;
            world.faults().disarm();
            assert_reports_are_the_journal(&world).await;
            if let Some(answer) = done {
                answer.expect(200);
                assert!(step > 9, "{step} steps");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_lost_reply_changes_nothing() {
    let world = world().await;
    for skip in 0..14 {
        let start = format!("2026-11-{:02}T10:00:00Z", 1 + skip);
        world.operator.debit("a", &[rated(&format!("r{skip}"), &start, "0.1000")]).await.expect(200);
        world.fail(Fault { target: Some(Target::Database), kind: Kind::LostReply, skip, count: 1 }).await;
        report(&world.operator, "groupBy=user").await;
        world.faults().disarm();
        assert_reports_are_the_journal(&world).await;
    }
}

#[tokio::test]
async fn an_account_that_older_software_wrote_is_totalled_from_its_whole_journal() {
    let world = world().await;
    let starts =
        ["2024-02-29T23:59:59Z", "2026-10-31T23:59:59Z", "2026-11-01T00:00:00Z", "2026-11-22T11:00:00Z"];
    for (number, start) in starts.into_iter().enumerate() {
        world.operator.debit("a", &[rated(&format!("r{number}"), start, "1.0000")]).await.expect(200);
    }
    forget_changed_days(&world).await;
    for (query, calls) in [
        ("month=2024-02", 1),
        ("from=2026-01-01&to=2026-11-01", 1),
        ("month=2026-11", 2),
        ("month=2026-12", 0),
    ] {
        for _ in 0..2 {
            assert_eq!(report(&world.operator, query).await["total"]["calls"], calls, "{query}");
        }
    }
}

#[tokio::test]
async fn a_calls_day_is_the_one_of_its_start() {
    let world = world().await;
    let records = [
        rated("last", "2026-10-31T23:59:59Z", "1.0000"),
        rated("first", "2026-11-01T00:00:00Z", "2.0000"),
        rated("now", "2026-11-22T12:05:00Z", "4.0000"),
    ];
    world.operator.debit("a", &records).await.expect(200);
    for (query, charge) in [
        ("month=2026-10", "1.0000"),
        ("", "6.0000"),
        ("from=2026-10-31&to=2026-11-02", "3.0000"),
        ("from=2026-11-22&to=2026-11-23", "4.0000"),
    ] {
        assert_eq!(report(&world.operator, query).await["total"]["charge"], charge, "{query}");
    }
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let world = world().await;
    for (query, errors) in [
        ("month=2026-13", json!([["month", "wrongFormat"]])),
        ("month=2026-11&from=2026-11-01", json!([["month", "notAllowed"]])),
        ("from=2026-11-01", json!([["to", "missing"]])),
        ("to=2026-11-01", json!([["from", "missing"]])),
        ("from=2026-11-01T00:00:00&to=2026-11-02", json!([["from", "wrongFormat"]])),
        ("from=yesterday&to=today", json!([["from", "wrongFormat"], ["to", "wrongFormat"]])),
        ("from=1999-12-31&to=9001-01-01", json!([["from", "outOfRange"], ["to", "outOfRange"]])),
        ("from=2026-11-02&to=2026-11-02", json!([["to", "outOfRange"]])),
        ("from=2026-01-01&to=2027-01-03", json!([["to", "outOfRange"]])),
        ("groupBy=colour&top=0", json!([["groupBy", "notAllowed"], ["top", "outOfRange"]])),
        ("top=ten", json!([["top", "wrongFormat"]])),
        ("limit=10", json!([["limit", "unknown"]])),
    ] {
        let problem = world.operator.get(&format!("/v1/accounts/a/usage?{query}")).await.problem(422);
        let found: Vec<_> =
            list(&problem, "errors").iter().map(|error| json!([error["field"], error["code"]])).collect();
        assert_eq!(json!(found), errors, "{query}");
    }
    report(&world.operator, "from=2026-01-01&to=2027-01-02&top=10000").await;
}

#[tokio::test]
async fn x1_operators_admins_and_viewers_read_reports() {
    let world = world().await;
    for role in ["operator", "admin", "viewer"] {
        report(&world.client(role, &["a"]), "").await;
    }
    world.client("platform", &["a"]).get("/v1/accounts/a/usage").await.problem(403);
    world.client("viewer", &["b"]).get("/v1/accounts/a/usage").await.problem(404);
    world.operator.get("/v1/accounts/nobody/usage").await.problem(404);
}
