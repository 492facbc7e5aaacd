//! Statements, and the balance at the end of past days (T2, T3).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;
use rust_decimal::Decimal;
use scenarios::{Answer, Api, World, call, decimal, list, rated};
use serde_json::{Value, json};

use crate::reconcile::{tables, text};

type Item = HashMap<String, AttributeValue>;

const NOVEMBER: &str = "from=2026-11-01&to=2026-11-30";

async fn statement(api: &Api, account: &str, query: &str) -> Value {
    let statement = api.get(&format!("/v1/accounts/{account}/statement?{query}")).await.expect(200);
    assert_adds_up(&statement);
    statement
}

async fn as_type(api: &Api, account: &str, query: &str, accept: &str) -> Answer {
    let path = format!("/v1/accounts/{account}/statement?{query}");
    api.send_text(Method::GET, &path, &[("accept", accept)], "").await
}

async fn pdf_text(api: &Api, account: &str, query: &str) -> String {
    let path = format!("/v1/accounts/{account}/statement?{query}");
    let (headers, pdf) = api.get_bytes_as(&path, "application/pdf").await;
    assert_eq!(headers["content-type"], "application/pdf");
    let text = pdf_extract::extract_text_from_mem(&pdf).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn assert_adds_up(statement: &Value) {
    for (end, part) in [("balance", "amount"), ("postUsage", "postUsage")] {
        let moved: Decimal = list(statement, "lines").iter().map(|line| decimal(&line[part])).sum();
        let sum = decimal(&statement["opening"][end]) + moved;
        assert_eq!(sum, decimal(&statement["closing"][end]), "{end} of {statement}");
    }
    let unspent: Decimal = list(statement, "lots").iter().map(|lot| decimal(&lot["remaining"])).sum();
    let closing = &statement["closing"];
    assert_eq!(unspent - decimal(&closing["owed"]), decimal(&closing["balance"]), "the lots of {statement}");
}

/// The kind, service and destination of a line.
fn name_of(line: &Value) -> String {
    let part = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
    [part("kind"), part("service"), part("destination")].join(" ")
}

/// The count, amount and charge of each line, by its name.
fn lines_of(statement: &Value) -> BTreeMap<String, (u64, String, String)> {
    let line = |line: &Value| {
        let charge = line["charge"].as_str().unwrap_or("-").to_owned();
        (
            name_of(line),
            (line["count"].as_u64().unwrap(), line["amount"].as_str().unwrap().to_owned(), charge),
        )
    };
    list(statement, "lines").iter().map(line).collect()
}

/// A part of a line of a statement.
#[track_caller]
fn line<'a>(statement: &'a Value, name: &str) -> &'a Value {
    let found = list(statement, "lines").iter().find(|line| name_of(line) == name);
    found.unwrap_or_else(|| panic!("no {name} in {statement}"))
}

async fn debit(world: &World, account: &str, records: &[Value]) {
    let answer = world.operator.debit(account, records).await.expect(200);
    assert_eq!(answer["rejected"], 0, "{answer}");
    world.drain().await;
}

/// An account that was opened in October, and had entries of all kinds but invoices in November.
async fn busy() -> World {
    let world = World::start().await;
    world.set_time("2026-10-20T10:00:00Z");
    world.account("contoso").await;
    world.operator.buy("contoso", "first", json!({ "amount": "100" })).await.expect(201);

    world.set_time("2026-11-02T09:00:00Z");
    world.operator.buy("contoso", "second", json!({ "amount": "50" })).await.expect(201);
    let gift = json!({ "amount": "5", "reason": "gift", "expiresAt": "2026-11-10T00:00:00Z" });
    world.operator.adjust("contoso", "more", gift).await.expect(201);
    world
        .operator
        .adjust("contoso", "less", json!({ "amount": "-2.5", "reason": "mistake" }))
        .await
        .expect(201);
    let start = "2026-11-02T08:00:00Z";
    let calls = [
        call("de", start, "+4930123456", 600),
        call("fr-1", start, "+33123456789", 61),
        call("fr-2", start, "+33123456789", 60),
        call("unrated", start, "+9990001234", 60),
        rated("given", start, "1.2345"),
    ];
    debit(&world, "contoso", &calls).await;

    world.set_time("2026-11-05T09:00:00Z");
    let reversal = json!({ "startedAt": start, "reason": "a mistake" });
    world.operator.post("/v1/accounts/contoso/usage/fr-2/reversal", reversal).await.expect(200);
    world.set_time("2026-11-14T00:15:00Z");
    world.operator.post("/_local/run/expire", json!({})).await.expect(200);

    // A record of October comes in November.
    world.set_time("2026-11-20T23:59:59.999Z");
    debit(&world, "contoso", &[rated("late", "2026-10-25T08:00:00Z", "3.0000")]).await;
    let on = json!({ "enabled": true, "triggerAmount": "149", "rechargeAmount": "50" });
    world.operator.send(Method::PUT, "/v1/accounts/contoso/auto-recharge", &[], on).await.expect(200);
    world.drain().await;
    let mut bad = rated("bad", start, "1");
    bad["service"] = json!("fax");
    let message = json!({ "accountId": "contoso", "records": [bad] });
    world.operator.post("/_local/queues/debits", message).await.expect(202);
    world.drain().await;

    world.set_time("2026-12-03T12:00:00Z");
    debit(&world, "contoso", &[call("december", "2026-12-03T11:00:00Z", "+4930123456", 60)]).await;
    world
}

#[tokio::test]
async fn t3_a_month_with_entries_of_all_kinds_adds_up() {
    let world = busy().await;
    let statement = statement(&world.operator, "contoso", NOVEMBER).await;
    let expected = [
        ("purchase - -", 1, "50.0000", "-"),
        ("recharge - -", 1, "50.0000", "-"),
        ("adjustmentIn - -", 1, "5.0000", "-"),
        ("usage userOut Germany", 1, "-0.1950", "0.1950"),
        ("usage userOut France", 2, "-0.0570", "0.0570"),
        ("usage userOut -", 2, "-4.2345", "4.2345"),
        ("reversal userOut -", 1, "0.0190", "-0.0190"),
        ("expiry - -", 1, "-1.0325", "-"),
        ("adjustmentOut - -", 1, "-2.5000", "-"),
        ("unrated - -", 1, "0.0000", "-"),
        ("rejected - -", 1, "0.0000", "-"),
    ];
    let expected = expected.map(|(name, count, amount, charge)| {
        (name.to_owned(), (count, amount.to_owned(), charge.to_owned()))
    });
    assert_eq!(lines_of(&statement), BTreeMap::from(expected));
    let france = line(&statement, "usage userOut France");
    assert_eq!((&france["billedSeconds"], &france["includedMinutes"]), (&json!(180), &json!(0)));
    let given = line(&statement, "usage userOut -");
    assert_eq!(given["billedSeconds"], 120, "calls that came with their charge count with their duration");

    let figures =
        |end: &str| ["balance", "available", "owed", "postUsage"].map(|name| statement[end][name].clone());
    assert_eq!(figures("opening"), ["100.0000", "100.0000", "0.0000", "0.0000"]);
    assert_eq!(figures("closing"), ["197.0000", "197.0000", "0.0000", "0.0000"]);
    assert_eq!((&statement["currency"], &statement["timeZone"]), (&json!("EUR"), &json!("UTC")));
    assert_eq!((&statement["from"], &statement["to"]), (&json!("2026-11-01"), &json!("2026-11-30")));
    assert_eq!((&statement["name"], &statement["complete"]), (&json!("contoso"), &json!(true)));
    assert_eq!(list(&statement, "lots").len(), 3);
}

#[tokio::test]
async fn t3_the_statements_of_days_add_up_to_that_of_the_period() {
    let world = busy().await;
    let api = &world.operator;
    let all = statement(api, "contoso", "from=2026-10-01&to=2026-12-03").await;
    assert_eq!((&all["opening"]["balance"], &all["complete"]), (&json!("0.0000"), &json!(false)));
    assert_eq!(all["closing"]["balance"], api.account("contoso").await["balance"]);

    let mut sums: BTreeMap<String, [Decimal; 3]> = BTreeMap::new();
    let mut before = all["opening"].clone();
    let mut day: jiff::civil::Date = "2026-10-20".parse().unwrap();
    while day <= "2026-12-03".parse().unwrap() {
        let one = statement(api, "contoso", &format!("from={day}&to={day}")).await;
        assert_eq!(one["opening"]["balance"], before["balance"], "{day}");
        let at = api.get(&format!("/v1/accounts/contoso/balance?at={day}")).await.expect(200);
        for name in ["balance", "available", "owed"] {
            assert_eq!(at[name], one["closing"][name], "{name} of {day}");
        }
        assert_eq!((&at["lots"], &at["postUsage"]["amount"]), (&one["lots"], &one["closing"]["postUsage"]));
        before = one["closing"].clone();
        for line in list(&one, "lines") {
            let sum = sums.entry(name_of(line)).or_default();
            sum[0] += Decimal::from(line["count"].as_u64().unwrap());
            sum[1] += decimal(&line["amount"]);
            sum[2] += decimal(&line["postUsage"]);
        }
        day = day.tomorrow().unwrap();
    }
    let expected = list(&all, "lines").iter().map(|line| {
        let count = Decimal::from(line["count"].as_u64().unwrap());
        (name_of(line), [count, decimal(&line["amount"]), decimal(&line["postUsage"])])
    });
    assert_eq!(sums, expected.collect());
}

#[tokio::test]
async fn a_late_record_counts_on_the_day_on_which_it_was_posted() {
    let world = busy().await;
    let before = statement(&world.operator, "contoso", "from=2026-10-01&to=2026-10-31").await;
    assert_eq!(lines_of(&before).into_keys().collect::<Vec<_>>(), ["purchase - -"]);
    // Another record of October comes in December. The statements of October and November stay as they are.
    let november = statement(&world.operator, "contoso", NOVEMBER).await;
    debit(&world, "contoso", &[rated("later", "2026-10-25T08:00:00Z", "7.0000")]).await;
    assert_eq!(statement(&world.operator, "contoso", "from=2026-10-01&to=2026-10-31").await, before);
    assert_eq!(statement(&world.operator, "contoso", NOVEMBER).await, november);
    let december = statement(&world.operator, "contoso", "from=2026-12-01&to=2026-12-03").await;
    assert_eq!(line(&december, "usage userOut -")["amount"], "-7.0000");
}

#[tokio::test]
async fn s8_the_part_that_invoices_ask_for_adds_up_too() {
    let world = World::start().await;
    world.set_time("2026-11-10T12:00:00Z");
    let later = json!({ "accountId": "later", "name": "l", "currency": "EUR", "billingModel": "postUsage" });
    world.operator.post("/v1/accounts", later).await.expect(201);
    world
        .operator
        .adjust("later", "funds", json!({ "amount": "5", "reason": "old funds" }))
        .await
        .expect(201);
    debit(&world, "later", &[rated("r", "2026-11-10T08:00:00Z", "8.1234")]).await;
    world.set_time("2026-12-01T00:00:00Z");
    debit(&world, "later", &[rated("s", "2026-12-01T00:00:00Z", "1")]).await;

    let november = statement(&world.operator, "later", NOVEMBER).await;
    let used = line(&november, "usage userOut -");
    let parts = ["charge", "amount", "postUsage"].map(|name| used[name].clone());
    assert_eq!(parts, ["8.1234", "-5.0000", "3.1234"]);
    assert_eq!(november["closing"]["postUsage"], "3.1234");
    let day = balances(&world, "later", "from=2026-11-10&to=2026-11-10").await;
    assert_eq!(day[0]["spent"], "5.0000", "the rest moves no balance");
    let december = statement(&world.operator, "later", "from=2026-12-01&to=2026-12-01").await;
    assert_eq!(line(&december, "invoice - -")["postUsage"], "-3.1200");
    assert_eq!(december["opening"]["postUsage"], "3.1234");
    assert_eq!(december["closing"]["postUsage"], "1.0034", "what rounding carried, and the call of December");
    let pdf = pdf_text(&world.operator, "later", "from=2026-12-01&to=2026-12-01").await;
    assert!(pdf.contains("Invoiced -3.1200 Closing balance 1.0034"), "{pdf}");
}

#[tokio::test]
async fn t2_the_balance_at_the_end_of_a_day_lasts_until_the_next_change() {
    let world = World::start().await;
    world.set_time("2026-11-10T12:00:00Z");
    world.account("a").await;
    let funds = json!({ "amount": "10", "reason": "r", "expiresAt": "2026-11-15T00:00:00Z" });
    world.operator.adjust("a", "short", funds).await.expect(201);
    world.operator.adjust("a", "long", json!({ "amount": "20", "reason": "r" })).await.expect(201);
    world.set_time("2026-11-12T23:59:59.999Z");
    debit(&world, "a", &[rated("last", "2026-11-12T12:00:00Z", "1")]).await;
    world.set_time("2026-11-13T00:00:00Z");
    debit(&world, "a", &[rated("first", "2026-11-12T12:00:00Z", "2")]).await;
    world.set_time("2026-11-18T00:15:00Z");
    world.operator.post("/_local/run/expire", json!({})).await.expect(200);
    world.set_time("2026-11-20T12:00:00Z");

    let expected = [
        ("2026-11-10", "30.0000", "30.0000", [0, 0, 0, 30]),
        ("2026-11-11", "30.0000", "30.0000", [0; 4]),
        ("2026-11-12", "29.0000", "29.0000", [1, 0, 0, 0]),
        ("2026-11-13", "27.0000", "27.0000", [2, 0, 0, 0]),
        // The lot can be used on the whole of its last day.
        ("2026-11-14", "27.0000", "27.0000", [0; 4]),
        ("2026-11-15", "27.0000", "20.0000", [0; 4]),
        ("2026-11-16", "27.0000", "20.0000", [0; 4]),
        ("2026-11-17", "27.0000", "20.0000", [0; 4]),
        ("2026-11-18", "20.0000", "20.0000", [0, 0, 7, 0]),
        ("2026-11-19", "20.0000", "20.0000", [0; 4]),
        ("2026-11-20", "20.0000", "20.0000", [0; 4]),
    ];
    let by_day =
        world.operator.get("/v1/accounts/a/balances?from=2026-11-01&to=2026-11-20").await.expect(200);
    let day = |(date, balance, available, moved): (&str, &str, &str, [u32; 4])| {
        let [spent, added, expired, other] = moved.map(|amount| format!("{amount}.0000"));
        json!({
            "date": date, "balance": balance, "available": available,
            "spent": spent, "added": added, "expired": expired, "other": other,
        })
    };
    let all: Value = expected.into_iter().map(day).collect();
    assert_eq!(by_day["days"], all, "days before the account are left out");
    for (date, balance, available, _) in expected {
        let at = world.operator.get(&format!("/v1/accounts/a/balance?at={date}")).await.expect(200);
        assert_eq!(
            (&at["date"], &at["balance"], &at["available"]),
            (&json!(date), &json!(balance), &json!(available))
        );
    }
    for (from, to) in
        [("2026-11-11", "2026-11-11"), ("2026-11-14", "2026-11-18"), ("2026-11-19", "2026-11-20")]
    {
        let part =
            world.operator.get(&format!("/v1/accounts/a/balances?from={from}&to={to}")).await.expect(200);
        let days = expected.into_iter().filter(|(date, ..)| (from..=to).contains(date));
        assert_eq!(part["days"], days.map(day).collect::<Value>(), "{from} to {to}");
    }
}

/// The days of a period, each with its balance and its movements.
async fn balances(world: &World, account: &str, query: &str) -> Vec<Value> {
    let path = format!("/v1/accounts/{account}/balances?{query}");
    list(&world.operator.get(&path).await.expect(200), "days").to_vec()
}

#[tokio::test]
async fn t2_what_moved_the_balance_leads_from_each_day_to_the_next() {
    let world = busy().await;
    let days = balances(&world, "contoso", ALL).await;
    let mut before = Decimal::ZERO;
    for day in &days {
        let [spent, added, expired, other] =
            ["spent", "added", "expired", "other"].map(|name| decimal(&day[name]));
        before += added - spent - expired + other;
        assert_eq!(before, decimal(&day["balance"]), "{day}");
    }
    let moved = |date: &str| {
        let day = days.iter().find(|day| day["date"] == date).unwrap();
        ["spent", "added", "expired", "other"].map(|name| day[name].as_str().unwrap().to_owned())
    };
    assert_eq!(moved("2026-11-02"), ["1.4865", "50.0000", "0.0000", "2.5000"]);
    assert_eq!(moved("2026-11-03"), ["0.0000"; 4]);
    assert_eq!(moved("2026-11-05"), ["-0.0190", "0.0000", "0.0000", "0.0000"], "a call was taken back");
    assert_eq!(moved("2026-11-14"), ["0.0000", "0.0000", "1.0325", "0.0000"]);
    assert_eq!(
        moved("2026-11-20"),
        ["3.0000", "50.0000", "0.0000", "0.0000"],
        "a late record and a recharge"
    );
    assert_eq!(moved("2026-12-03")[0], "0.0195", "today so far");

    // The sums of a month are those of its statement.
    let november = statement(&world.operator, "contoso", NOVEMBER).await;
    let of_lines = |kinds: &[&str]| -> Decimal {
        let lines = list(&november, "lines").iter();
        lines
            .filter(|line| kinds.contains(&line["kind"].as_str().unwrap()))
            .map(|line| decimal(&line["amount"]))
            .sum()
    };
    let of_days = |name: &str| -> Decimal {
        let days = days.iter().filter(|day| day["date"].as_str().unwrap().starts_with("2026-11"));
        days.map(|day| decimal(&day[name])).sum()
    };
    assert_eq!(of_days("spent"), -of_lines(&["usage", "reversal"]));
    assert_eq!(of_days("added"), of_lines(&["purchase", "recharge"]));
    assert_eq!(of_days("expired"), -of_lines(&["expiry"]));
    assert_eq!(of_days("other"), of_lines(&["adjustmentIn", "adjustmentOut", "switch"]));

    // An earlier version ended this day, and did not count its movements.
    let update = tables(&world).update_item().table_name("accounts").key("accountId", text("contoso"));
    let update = update.key("part", text("day#2026-11-05")).update_expression("REMOVE moved");
    update.send().await.unwrap();
    let some = balances(&world, "contoso", "from=2026-11-04&to=2026-11-06").await;
    let known: Vec<_> = some.iter().map(|day| day.get("spent").is_some()).collect();
    assert_eq!(known, [true, false, true]);
    assert_eq!(some[1]["balance"], some[2]["balance"]);
}

#[tokio::test]
async fn t1_a_clock_that_is_set_back_does_not_hide_the_last_change() {
    let world = World::start().await;
    world.set_time("2026-11-20T12:00:00Z");
    world.account("a").await;
    world.operator.buy("a", "k", json!({ "amount": "50" })).await.expect(201);
    world.set_time("2026-11-18T12:00:00Z");
    let at = world.operator.get("/v1/accounts/a/balance?at=2026-11-20").await.expect(200);
    assert_eq!(at["balance"], "50.0000");
    statement(&world.operator, "a", "from=2026-11-20&to=2026-11-20").await;
    let problem = world.operator.get("/v1/accounts/a/balance?at=2026-11-21").await.problem(422);
    assert_eq!(problem["errors"][0]["field"], "at");
}

#[tokio::test]
async fn a_statement_of_many_entries_reads_them_page_by_page() {
    let world = World::start().await;
    world.set_time("2026-11-20T12:00:00Z");
    world.account("a").await;
    world.operator.buy("a", "k", json!({ "amount": "100" })).await.expect(201);
    for (batch, start) in [("near", "2026-11-20T08:00:00Z"), ("late", "2026-11-02T08:00:00Z")] {
        let records: Vec<_> =
            (0..1_000).map(|number| rated(&format!("{batch}-{number}"), start, "0.0123")).collect();
        debit(&world, "a", &records).await;
    }
    debit(&world, "a", &[rated("one-more", "2026-11-20T08:00:00Z", "0.0001")]).await;
    let statement = statement(&world.operator, "a", NOVEMBER_SO_FAR).await;
    let used = line(&statement, "usage userOut -");
    assert_eq!((&used["count"], &used["charge"]), (&json!(2_001), &json!("24.6001")));
}

/// The statement function as a process of its own, in this task, which sums up days for so long.
async fn statement_within(world: &World, query: &str, sums_for: Duration) -> Answer {
    let ports = statement::Ports { sums_for, ..world.host.machine().functions.statement_ports().clone() };
    let mut event = world.event("GET", "statement", "contoso", &json!({}), "");
    event.raw_query_string = Some(query.to_owned());
    Box::pin(statement::handle(event, &ports)).await.into()
}

/// The kept lines of days.
async fn kept(world: &World) -> Vec<Item> {
    let parts = tables(world).query().table_name("accounts");
    let parts = parts.key_condition_expression("accountId = :account AND begins_with(part, :lines)");
    let parts = parts.expression_attribute_values(":account", text("contoso"));
    parts.expression_attribute_values(":lines", text("lines#")).send().await.unwrap().items().to_vec()
}

const ALL: &str = "from=2026-10-01&to=2026-12-03";

#[tokio::test]
async fn a_statement_whose_days_do_not_fit_a_request_goes_on_with_the_next() {
    let (world, whole) = (busy().await, busy().await);
    let unfinished = statement_within(&world, ALL, Duration::ZERO).await;
    assert_eq!(unfinished.headers["retry-after"], "5");
    let problem = unfinished.problem(503);
    assert_eq!(problem["code"], "unfinished");
    assert_eq!(problem["detail"], "6 days are left to be summed up; send the same request again");
    assert!(kept(&world).await.is_empty());
    let mut sums_for = Duration::from_micros(100);
    let statement = loop {
        let answer = statement_within(&world, ALL, sums_for).await;
        if answer.status != 503 {
            break answer.expect(200);
        }
        sums_for *= 2;
    };
    // The ids of purchases are random, so the lots differ.
    let expected = statement_within(&whole, ALL, Duration::from_mins(1)).await.expect(200);
    for part in ["opening", "lines", "closing"] {
        assert_eq!(statement[part], expected[part], "{part}");
    }
}

#[tokio::test]
async fn the_lines_of_days_are_kept_and_what_comes_later_does_not_move_those_of_days_that_are_over() {
    let world = busy().await;
    let days =
        |kept: &[Item]| kept.iter().map(|item| item["day"].as_s().unwrap().clone()).collect::<Vec<_>>();
    let first = statement(&world.operator, "contoso", ALL).await;
    let expected = ["2026-10-20", "2026-11-02", "2026-11-05", "2026-11-14", "2026-11-20"];
    assert_eq!(days(&kept(&world).await), expected, "an entry of this hour may not be found yet");
    let november = statement(&world.operator, "contoso", NOVEMBER).await;

    // A late record and a reversal count on the day on which they are posted.
    debit(&world, "contoso", &[rated("later", "2026-10-25T08:00:00Z", "7.0000")]).await;
    let reversal = json!({ "startedAt": "2026-11-02T08:00:00Z", "reason": "a mistake" });
    world.operator.post("/v1/accounts/contoso/usage/de/reversal", reversal).await.expect(200);
    assert_eq!(statement(&world.operator, "contoso", NOVEMBER).await, november);
    let second = statement(&world.operator, "contoso", ALL).await;
    assert_eq!(second["opening"], first["opening"]);
    let more = |name| decimal(&line(&second, name)["amount"]);
    assert_eq!(
        more("usage userOut -") - decimal(&line(&first, "usage userOut -")["amount"]),
        "-7".parse().unwrap()
    );

    // An hour after the account's last change, the lines of its day are kept, too. They hold until the next change.
    assert_eq!(kept(&world).await.len(), expected.len());
    world.set_time("2026-12-03T13:00:00Z");
    assert_eq!(statement(&world.operator, "contoso", ALL).await, second);
    let last = kept(&world).await.remove(expected.len());
    assert_eq!((last["day"].as_s().unwrap().as_str(), last.contains_key("version")), ("2026-12-03", true));
    let reads = async || world.units("statement").await.read;
    let before = reads().await;
    assert_eq!(statement(&world.operator, "contoso", ALL).await, second);
    let quick = reads().await - before;
    debit(&world, "contoso", &[rated("fourth", "2026-12-03T12:30:00Z", "0.5000")]).await;
    let before = reads().await;
    let third = statement(&world.operator, "contoso", ALL).await;
    assert!(reads().await - before > quick);
    let balance = |statement: &Value| decimal(&statement["closing"]["balance"]);
    assert_eq!(balance(&second) - balance(&third), "0.5".parse().unwrap());

    // Once the account has changed on a later day, they are kept for good.
    world.set_time("2026-12-04T00:30:00Z");
    debit(&world, "contoso", &[rated("fifth", "2026-12-04T00:10:00Z", "0.5000")]).await;
    assert_eq!(statement(&world.operator, "contoso", ALL).await["lines"], third["lines"]);
    let last = kept(&world).await.remove(expected.len());
    assert_eq!((last["day"].as_s().unwrap().as_str(), last.contains_key("version")), ("2026-12-03", false));

    // Reconciling compares them with the entries.
    let reconcile = async || world.operator.post("/_local/run/reconcile", Value::Null).await.expect(200);
    assert_eq!(reconcile().await["findings"], json!([]));
    let mut damaged = kept(&world).await.remove(1);
    let Some(AttributeValue::L(lines)) = damaged.get_mut("lines") else { panic!("{damaged:?}") };
    lines.pop();
    tables(&world).put_item().table_name("accounts").set_item(Some(damaged)).send().await.unwrap();
    let found = reconcile().await;
    let finding = &found["findings"][0];
    assert_eq!(
        (&finding["finding"], &finding["key"]),
        (&json!("dayLines"), &json!("lines#2026-11-02")),
        "{found}"
    );
}

const NOVEMBER_SO_FAR: &str = "from=2026-11-01&to=2026-11-20";

#[tokio::test]
async fn t3_a_statement_that_does_not_add_up_is_not_shown() {
    let world = busy().await;
    let tables = tables(&world);
    let query = tables.query().table_name("journal").key_condition_expression("accountId = :account");
    let rows = query.expression_attribute_values(":account", text("contoso")).send().await.unwrap();
    let row = rows.items().iter().find(|row| row["kind"] == text("adjustment")).unwrap();
    let delete = tables.delete_item().table_name("journal").key("accountId", row["accountId"].clone());
    delete.key("entry", row["entry"].clone()).send().await.unwrap();
    let path = format!("/v1/accounts/contoso/statement?{NOVEMBER}");
    world.operator.get(&path).await.problem(503);
    // The other months do not have the entry.
    statement(&world.operator, "contoso", "from=2026-10-01&to=2026-10-31").await;
    statement(&world.operator, "contoso", "from=2026-12-01&to=2026-12-03").await;
}

#[tokio::test]
async fn days_whose_balance_was_not_kept_are_refused() {
    let world = busy().await;
    let tables = tables(&world);
    // An earlier version kept no ends of days.
    let query = tables.query().table_name("accounts");
    let query = query.key_condition_expression("accountId = :account AND begins_with(part, :day)");
    let query = query.expression_attribute_values(":account", text("contoso"));
    let days = query.expression_attribute_values(":day", text("day#")).send().await.unwrap();
    for day in days.items() {
        let AttributeValue::S(part) = &day["part"] else { panic!("{day:?}") };
        if part.as_str() < "day#2026-11-05" {
            let delete = tables.delete_item().table_name("accounts").key("accountId", text("contoso"));
            delete.key("part", text(part)).send().await.unwrap();
        }
    }
    for (path, field) in [
        ("balance?at=2026-11-04", "at"),
        ("balances?from=2026-11-04&to=2026-11-06", "from"),
        ("statement?from=2026-11-05&to=2026-11-06", "from"),
        ("statement?from=2026-10-01&to=2026-11-04", "to"),
    ] {
        let problem = world.operator.get(&format!("/v1/accounts/contoso/{path}")).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], field, "{path}");
    }
    world.operator.get("/v1/accounts/contoso/balance?at=2026-11-05").await.expect(200);
    statement(&world.operator, "contoso", "from=2026-11-06&to=2026-12-03").await;
}

#[tokio::test]
async fn wrong_days_are_named() {
    let world = World::start().await;
    world.set_time("2026-11-20T12:00:00Z");
    world.account("a").await;
    let wrong = async |path: &str| {
        let problem = world.operator.get(&format!("/v1/accounts/a/{path}")).await.problem(422);
        let errors = list(&problem, "errors").iter();
        let errors: Vec<_> = errors
            .map(|error| (error["field"].to_string(), error["code"].as_str().unwrap().to_owned()))
            .collect();
        errors.into_iter().map(|(field, code)| (field.trim_matches('"').to_owned(), code)).collect::<Vec<_>>()
    };
    let both: &[(&str, &str)] = &[("from", "missing"), ("to", "missing")];
    for (path, expected) in [
        ("balance", &[("at", "missing")][..]),
        ("balance?at=", &[("at", "wrongFormat")]),
        ("balance?at=yesterday", &[("at", "wrongFormat")]),
        ("balance?at=2026-11-31", &[("at", "wrongFormat")]),
        ("balance?at=2026-11-20T12:00:00Z", &[("at", "wrongFormat")]),
        ("balance?at=1999-12-31", &[("at", "outOfRange")]),
        ("balance?at=2026-11-21", &[("at", "outOfRange")]),
        ("balance?at=2026-11-19", &[("at", "outOfRange")]),
        ("balance?at=2026-11-20&to=2026-11-20", &[("to", "unknown")]),
        ("balances", both),
        ("statement", both),
        ("balances?from=x&to=y", &[("from", "wrongFormat"), ("to", "wrongFormat")]),
        ("statement?from=2026-11-20&to=2026-11-19", &[("to", "outOfRange")]),
        ("statement?from=2026-11-20&to=2026-11-21", &[("to", "outOfRange")]),
        ("balances?from=2026-11-20&to=2026-11-21", &[("to", "outOfRange")]),
        ("statement?from=2025-10-16&to=2026-11-20", &[("to", "outOfRange")]),
        ("balances?from=2025-10-16&to=2026-11-20", &[("to", "outOfRange")]),
        ("statement?from=2026-10-01&to=2026-11-19", &[("to", "outOfRange")]),
    ] {
        let expected: Vec<_> =
            expected.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect();
        assert_eq!(wrong(path).await, expected, "{path}");
    }
    // 400 days are allowed.
    statement(&world.operator, "a", "from=2025-10-17&to=2026-11-20").await;
    world.operator.get("/v1/accounts/a/balances?from=2025-10-17&to=2026-11-20").await.expect(200);
}

#[tokio::test]
async fn a_statement_as_csv_has_balances_lines_and_lots() {
    let world = busy().await;
    let answer = as_type(&world.operator, "contoso", NOVEMBER, "text/csv").await;
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(
        answer.headers["content-disposition"],
        "attachment; filename=\"statement-CONTOSO-2026-11-01-2026-11-30.csv\""
    );
    let body = answer.expect(200);
    let csv = body.as_str().unwrap().strip_prefix('\u{feff}').expect("a byte order mark");
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(
        rows[0],
        [
            "row",
            "dayUtc",
            "service",
            "destination",
            "count",
            "billedSeconds",
            "includedMinutes",
            "charge",
            "amount",
            "postUsage",
            "lotId",
            "purchasedAt",
            "expiresAt",
            "remaining"
        ]
    );
    assert_eq!(rows[1][..2], ["opening", "2026-11-01"]);
    assert_eq!(rows[1][8], "100.0000");
    let germany = rows.iter().find(|row| row[3] == "Germany").unwrap();
    assert_eq!(
        germany[..10],
        ["usage", "", "userOut", "Germany", "1", "600", "0", "0.1950", "-0.1950", "0.0000"]
    );
    let closing = rows.iter().position(|row| row[0] == "closing").unwrap();
    let sum: Decimal = rows[1..closing].iter().map(|row| row[8].parse::<Decimal>().unwrap()).sum();
    assert_eq!((rows[closing][1], rows[closing][8].parse().unwrap()), ("2026-11-30", sum));
    let lots = &rows[closing + 1..];
    let unspent: Decimal = lots.iter().map(|row| row[13].parse::<Decimal>().unwrap()).sum();
    assert_eq!((lots.len(), unspent), (3, sum));
    assert!(lots.iter().all(|row| row[0] == "lot" && row[8].is_empty()), "{lots:?}");
}

#[tokio::test]
async fn a_statement_as_pdf_is_in_the_accounts_language() {
    let world = busy().await;
    let viewer = world.client("viewer", &["contoso"]);
    let english = pdf_text(&viewer, "contoso", NOVEMBER).await;
    let french = json!({ "locale": "fr", "name": "Société Contoso" });
    world.operator.send(Method::PATCH, "/v1/accounts/contoso", &[], french).await.expect(200);
    let french = pdf_text(&viewer, "contoso", "from=2026-11-01&to=2026-12-03").await;
    for (text, said) in [
        (&english, "1 November 2026 to 30 November 2026"),
        (&english, "Days are in UTC"),
        (&english, "Opening balance 100.0000"),
        (&english, "Funds bought 1 50.0000 Funds added by auto-recharge 1 50.0000"),
        (&english, "Calls 5 -4.4865 Calls taken back 1 0.0190 Expired funds 1 -1.0325"),
        (&english, "Closing balance 197.0000"),
        (&english, "Germany 1 0:10:00 0 0.1950"),
        (&english, "Other calls 2 0:02:00 0 4.2345"),
        (&english, "in no charge: 1. Rejected records: 1."),
        (&english, "2 November 2026, 09:00 UTC 2 November 2027, 09:00 UTC 50.0000"),
        (&french, "Société Contoso"),
        (&french, "Compte : contoso"),
        (&french, "du 1er novembre 2026 au 3 décembre 2026"),
        (&french, "Le dernier jour n’est pas terminé."),
        (&french, "Appels annulés 1 0,0190"),
    ] {
        assert!(text.contains(said), "no {said:?} in {text}");
    }
    assert!(!english.contains("not over"), "{english}");
}

#[tokio::test]
async fn a_statement_says_which_minutes_were_included() {
    let world = World::start().await;
    world.set_time("2026-11-20T12:00:00Z");
    world.account("a").await;
    let pool = json!({
        "plan": "MCOPSTN2", "country": "FR", "minutesPerLicence": 10, "licences": 1, "services": ["userOut"]
    });
    let pools = json!({ "pools": [pool] });
    world.operator.send(Method::PUT, "/v1/accounts/a/pools", &[], pools).await.expect(200);
    let mut record = call("r", "2026-11-20T08:00:00Z", "+4930123456", 600);
    record["plan"] = json!("MCOPSTN2");
    record["userCountry"] = json!("FR");
    debit(&world, "a", &[record]).await;
    let reversal = json!({ "startedAt": "2026-11-20T08:00:00Z", "reason": "a mistake" });
    world.set_time("2026-11-21T12:00:00Z");
    world.operator.post("/v1/accounts/a/usage/r/reversal", reversal).await.expect(200);
    let statement = statement(&world.operator, "a", "from=2026-11-20&to=2026-11-21").await;
    let minutes = |name: &str| line(&statement, name)["includedMinutes"].clone();
    assert_eq!((minutes("usage userOut Germany"), minutes("reversal userOut -")), (json!(10), json!(-10)));
}
