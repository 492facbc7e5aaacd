//! Reconciliation of live tables (invariants 1 to 6, F8). It finds nothing in the books of the product, even while they change.
//! It finds every alteration of the tables. Its cost follows the number of entries, and its rate is limited.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use local::faults::{Fault, Kind, Target};
use reconcile::{Limits, Ports, ReconcileError, Request};
use reqwest::Method;
use rust_decimal::Decimal;
use scenarios::{World, call, list, rated};
use serde_json::{Value, json};
use telemetry::Emf;
use tokio::time::Instant;

use crate::telemetry::written_first;

type Item = HashMap<String, AttributeValue>;

const NOW: &str = "2026-11-22T12:00:00Z";
const START: &str = "2026-11-22T08:00:00Z";
const RUN: &str = "/_local/run/reconcile";

async fn reconcile(world: &World, request: Value) -> Value {
    world.operator.post(RUN, request).await.expect(200)
}

/// Asserts that all accounts were reconciled and nothing differs.
#[track_caller]
fn assert_holds(summary: &Value, accounts: usize) {
    let expected = json!({
        "accounts": accounts,
        "rows": summary["rows"],
        "differing": 0,
        "differences": 0,
        "unread": 0,
        "findings": [],
    });
    assert_eq!(*summary, expected);
}

fn names(summary: &Value) -> Vec<&str> {
    list(summary, "findings").iter().map(|finding| finding["finding"].as_str().unwrap()).collect()
}

/// An account with lots, calls, an unrated record, adjustments, a declined purchase and a purchase that waits for the owner.
async fn usual(world: &World, id: &str) {
    world.account(id).await;
    let declined = json!({ "amount": "60", "paymentMethod": "pm_card_chargeDeclined" });
    world.operator.buy(id, "declined", declined).await.expect(402);
    for key in ["one", "two"] {
        world.operator.buy(id, key, json!({ "amount": "50.00" })).await.expect(201);
    }
    let pending = json!({ "amount": "60", "paymentMethod": "pm_card_authenticationRequired" });
    world.operator.buy(id, "pending", pending).await.expect(202);
    let mut records: Vec<_> = (0..10).map(|number| rated(&format!("r{number}"), START, "1.2345")).collect();
    records.push(call("unrated", START, "+9990001234", 60));
    world.operator.debit(id, &records).await.expect(200);
    world.operator.adjust(id, "more", json!({ "amount": "5.1234", "reason": "goodwill" })).await.expect(201);
    world.operator.adjust(id, "less", json!({ "amount": "-2.5", "reason": "mistake" })).await.expect(201);
}

#[tokio::test]
async fn the_books_of_a_busy_year_have_no_differences() {
    let world = World::start().await;
    world.set_time(NOW);
    usual(&world, "a").await;

    // An account that recharges: its card fails at first, and it owes in between (F7, R4).
    world.account("recharged").await;
    let on = json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "50" });
    world.operator.buy("recharged", "first", json!({ "amount": "110" })).await.expect(201);
    world.operator.send(Method::PUT, "/v1/accounts/recharged/auto-recharge", &[], on).await.expect(200);
    let card = |card: &str| json!({ "paymentMethod": card });
    let cards = "/v1/accounts/recharged/payment-method";
    world.operator.send(Method::PUT, cards, &[], card("pm_card_chargeDeclined")).await.expect(200);
    world.operator.debit("recharged", &[rated("far", START, "300")]).await.expect(200);
    world.drain().await;
    world.operator.send(Method::PUT, cards, &[], card("pm_card_visa")).await.expect(200);
    world.drain().await;

    // An account in yen, and a post-usage account whose month ends (S8).
    world.account_in("yen", "JPY").await;
    world.operator.buy("yen", "first", json!({ "amount": "5000" })).await.expect(201);
    world.operator.debit("yen", &[rated("r", START, "7000.55")]).await.expect(200);
    let later = json!({ "accountId": "later", "name": "l", "currency": "EUR", "billingModel": "postUsage" });
    world.operator.post("/v1/accounts", later).await.expect(201);
    let funds = json!({ "amount": "5", "reason": "old funds", "expiresAt": "2026-12-24T00:00:00Z" });
    world.operator.adjust("later", "funds", funds).await.expect(201);
    world.operator.debit("later", &[rated("r", START, "8.1234")]).await.expect(200);
    world.drain().await;
    assert_holds(&reconcile(&world, Value::Null).await, 4);

    // All funds expire, the waiting purchase is abandoned, and the month is invoiced.
    world.set_time("2028-01-01T00:15:00Z");
    world.operator.post("/_local/run/recover", Value::Null).await.expect(200);
    world.operator.post("/_local/run/expire", Value::Null).await.expect(200);
    world.operator.debit("later", &[rated("s", "2027-12-31T08:00:00Z", "1")]).await.expect(200);
    world.drain().await;
    let summary = reconcile(&world, Value::Null).await;
    assert_holds(&summary, 4);
    assert!(summary["rows"].as_u64().unwrap() > 40, "{summary}");
    let later = world.operator.transactions("later").await;
    assert!(later.iter().any(|row| row["kind"] == "invoice"), "{later:?}");
    assert_eq!(world.operator.account("a").await["balance"], "0.0000");
    let metrics = world.operator.get("/_local/metrics").await.expect(200);
    let mine = &metrics["functions"]["reconcile"];
    assert_eq!(
        (&mine["invocations"], &mine["errors"], &mine["writeUnits"]),
        (&json!(2), &json!(0), &json!(0.0))
    );
}

/// A client of the tables that meets no faults.
pub(crate) fn tables(world: &World) -> Client {
    world.host.database().steady_client()
}

pub(crate) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: &str) -> AttributeValue {
    AttributeValue::N(number.to_owned())
}

/// The first item of an account that satisfies the condition.
async fn item(tables: &Client, table: &str, account: &str, is_it: impl Fn(&Item) -> bool) -> Item {
    let query = tables.query().table_name(table).key_condition_expression("accountId = :account");
    let found = query.expression_attribute_values(":account", text(account)).send().await.unwrap();
    found.items().iter().find(|item| is_it(item)).cloned().unwrap_or_else(|| panic!("none in {table}"))
}

async fn put(tables: &Client, table: &str, item: Item) {
    tables.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
}

async fn delete(tables: &Client, table: &str, sort_key: &str, item: &Item) {
    let delete = tables.delete_item().table_name(table).key("accountId", item["accountId"].clone());
    delete.key(sort_key, item[sort_key].clone()).send().await.unwrap();
}

fn is(name: &'static str, value: &'static str) -> impl Fn(&Item) -> bool {
    move |item| item.get(name) == Some(&text(value))
}

/// Alters one attribute of an item.
pub(crate) async fn set(
    tables: &Client,
    table: &str,
    account: &str,
    is_it: impl Fn(&Item) -> bool,
    (name, value): (&str, AttributeValue),
) {
    let mut item = item(tables, table, account, is_it).await;
    item.insert(name.to_owned(), value);
    put(tables, table, item).await;
}

/// Damages the books of an account in this way.
async fn damage(tables: &Client, account: &str, how: &str) {
    let core = is("part", "core");
    match how {
        "amount" => set(tables, "journal", account, is("kind", "usage"), ("amount", number("-1.2346"))).await,
        "balance" => set(tables, "journal", account, is("kind", "usage"), ("balance", number("1"))).await,
        "row gone" => {
            let row = item(tables, "journal", account, is("kind", "usage")).await;
            delete(tables, "journal", "entry", &row).await;
        }
        "row twice" => {
            let mut row = item(tables, "journal", account, is("kind", "usage")).await;
            let again = format!("{}0", row["entry"].as_s().unwrap());
            row.insert("entry".to_owned(), text(&again));
            put(tables, "journal", row).await;
        }
        "purchase gone" => {
            let payment = item(tables, "payments", account, is("state", "succeeded")).await;
            delete(tables, "payments", "paymentId", &payment).await;
        }
        "adjustment gone" => {
            let payment = item(tables, "payments", account, is("state", "posted")).await;
            delete(tables, "payments", "paymentId", &payment).await;
        }
        "purchase unposted" => {
            let row = item(tables, "journal", account, is("kind", "purchase")).await;
            delete(tables, "journal", "entry", &row).await;
        }
        "charged" => {
            set(tables, "payments", account, is("state", "succeeded"), ("amount", number("51"))).await;
        }
        "receipt" => {
            set(tables, "payments", account, is("state", "succeeded"), ("receipt", number("7"))).await;
        }
        "waiting gone" => {
            let payment = item(tables, "payments", account, is("state", "needsAction")).await;
            delete(tables, "payments", "paymentId", &payment).await;
        }
        "forgotten" => set(tables, "accounts", account, core, ("open", AttributeValue::L(Vec::new()))).await,
        "lots" => set(tables, "accounts", account, core, ("lots", AttributeValue::L(Vec::new()))).await,
        "post-usage" => set(tables, "accounts", account, core, ("postUsage", number("3"))).await,
        "pool use" => {
            // Five minutes of a pool in November 2026, of which 80 % was told.
            let bytes = [[7, 234].as_slice(), &[11, 0, 0], &5_u64.to_be_bytes(), &[80]].concat();
            set(tables, "accounts", account, core, ("poolUse", AttributeValue::B(bytes.into()))).await;
        }
        "older" => set(tables, "accounts", account, core, ("version", number("5"))).await,
        "unsound" => set(tables, "accounts", account, core, ("owed", number("-1"))).await,
        "illegible" => set(tables, "accounts", account, core, ("owed", text("much"))).await,
        "newer" => set(tables, "journal", account, is("kind", "usage"), ("schema", number("9"))).await,
        "too fine" => {
            set(tables, "journal", account, is("kind", "usage"), ("amount", number("-1.23456"))).await;
        }
        // Such amounts cannot be summed, and no month follows such an instant.
        "too much" => {
            let all_that_it_holds = number("79228162514264337593543950335");
            set(tables, "journal", account, is("kind", "usage"), ("amount", all_that_it_holds)).await;
        }
        "too late" => {
            let end_of_time = number("253402207200000");
            set(tables, "journal", account, is("kind", "purchase"), ("expiresAt", end_of_time)).await;
        }
        "currency" => {
            set(tables, "journal", account, is("kind", "usage"), ("currency", text("USD"))).await;
        }
        _ => panic!("{how}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_alteration_of_the_tables_is_found() {
    let world = World::start().await;
    world.set_time(NOW);
    let tables = tables(&world);
    // Each damage with the findings that it must cause.
    let damages: [(&str, &[&str]); 22] = [
        ("amount", &["sum", "balance", "altered"]),
        ("balance", &["balance"]),
        ("row gone", &["sum", "balance", "lot"]),
        ("row twice", &["sum", "sequence", "altered"]),
        ("purchase gone", &["rowWithoutPayment"]),
        ("adjustment gone", &["rowWithoutPayment"]),
        ("purchase unposted", &["paymentWithoutRow", "lotTerms", "sum"]),
        ("charged", &["paymentDiffers"]),
        ("receipt", &["receipt"]),
        ("waiting gone", &["listedNotOpen"]),
        ("forgotten", &["openNotListed"]),
        ("lots", &["sum", "lot"]),
        ("post-usage", &["postUsage"]),
        ("pool use", &["poolUse"]),
        ("older", &["ahead"]),
        ("unsound", &["unsound", "owed"]),
        ("illegible", &["unreadable"]),
        ("newer", &["unreadable", "sum"]),
        ("too fine", &["unreadable", "sum"]),
        ("too much", &["unreadable", "sum"]),
        ("too late", &["unreadable", "sum"]),
        ("currency", &["currency"]),
    ];
    for (place, (how, _)) in damages.iter().enumerate() {
        usual(&world, &format!("a{place:02}")).await;
        damage(&tables, &format!("a{place:02}"), how).await;
    }
    usual(&world, "whole").await;
    world.drain().await;
    let one = async |place: usize| reconcile(&world, json!({ "accountId": format!("a{place:02}") })).await;
    let summaries = join_all((0..damages.len()).map(one)).await;
    for ((how, expected), summary) in damages.iter().zip(&summaries) {
        let found = names(summary);
        assert!(expected.iter().all(|name| found.contains(name)), "{how}: {summary:#}");
        assert_eq!((&summary["accounts"], &summary["differing"]), (&json!(1), &json!(1)), "{how}");
        for finding in list(summary, "findings") {
            let shown = finding.to_string();
            assert!(!shown.contains("+33123456789"), "X2: {shown}");
        }
    }
    assert_holds(&reconcile(&world, json!({ "accountId": "whole" })).await, 1);

    // One run over all accounts finds the same differences.
    let summary = reconcile(&world, Value::Null).await;
    assert_eq!((&summary["accounts"], &summary["differing"]), (&json!(23), &json!(22)), "{summary:#}");
    let single: u64 = summaries.iter().map(|summary| summary["differences"].as_u64().unwrap()).sum();
    assert_eq!(summary["differences"], single);
}

#[tokio::test]
async fn a_finding_names_the_account_the_rule_and_the_row() {
    let world = World::start().await;
    world.set_time(NOW);
    usual(&world, "a").await;
    damage(&tables(&world), "a", "balance").await;
    let summary = reconcile(&world, Value::Null).await;
    // The findings are about the entry itself and the next one.
    let [first, second] = list(&summary, "findings") else { panic!("{summary:#}") };
    let expected = json!({
        "accountId": "a",
        "finding": "balance",
        "rule": "invariant 1",
        "key": "2026-11-22T08:00:00.000Z#usage#r0#1",
        "detail": "at version 11, sequence 0, the row before makes it 98.7655, the row says 1",
    });
    assert_eq!(*first, expected);
    assert_eq!(second["key"], "2026-11-22T08:00:00.000Z#usage#r1#1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_changes_while_it_is_read_has_no_difference() {
    let world = World::start().await;
    world.set_time(NOW);
    usual(&world, "a").await;
    let (done, is_done) = tokio::sync::watch::channel(false);
    let debits = async {
        for number in (0..).take_while(|_| !*is_done.borrow()) {
            let records = [rated(&format!("m{number}"), START, "0.0100")];
            world.operator.debit("a", &records).await.expect(200);
        }
    };
    let payments = async {
        for number in (0..).take_while(|_| !*is_done.borrow()) {
            let key = format!("m{number}");
            world.operator.buy("a", &key, json!({ "amount": "50" })).await.expect(201);
            let declined = json!({ "amount": "60", "paymentMethod": "pm_card_chargeDeclined" });
            world.operator.buy("a", &format!("{key}-no"), declined).await.expect(402);
            world.operator.adjust("a", &key, json!({ "amount": "-1", "reason": "x" })).await.expect(201);
        }
    };
    let looks = async {
        for _ in 0..4 {
            assert_holds(&reconcile(&world, Value::Null).await, 1);
        }
        done.send_replace(true);
    };
    tokio::join!(debits, payments, looks);
    assert_holds(&reconcile(&world, Value::Null).await, 1);
}

#[tokio::test]
async fn the_cost_follows_the_entries_and_the_rate_is_limited() {
    let world = World::start().await;
    world.set_time(NOW);
    for number in 0..20 {
        world.account(&format!("small-{number:02}")).await;
    }
    let before = world.units("reconcile").await;
    assert_holds(&reconcile(&world, Value::Null).await, 20);
    let small = world.units("reconcile").await - before;
    // The account, payments, journal and holds of each account are read, and its entry in the listing.
    assert!(small.read >= Decimal::from(20 * 2) && small.read <= Decimal::from(20 * 4 + 2), "{small:?}");
    assert_eq!(small.write, Decimal::ZERO);

    usual(&world, "large").await;
    for batch in 0..3 {
        let record = |number| rated(&format!("r{batch}-{number}"), START, "0.0010");
        world.operator.debit("large", &(0..1_000).map(record).collect::<Vec<_>>()).await.expect(200);
    }
    let before = world.units("reconcile").await;
    let summary = reconcile(&world, json!({ "accountId": "large" })).await;
    assert_holds(&summary, 1);
    let large = world.units("reconcile").await - before;
    // An entry has about 500 bytes, and a unit is 4 KB.
    let rows = Decimal::from(summary["rows"].as_u64().unwrap());
    assert!(rows > Decimal::from(3_000));
    assert!(large.read >= rows / Decimal::from(16) && large.read <= rows / Decimal::from(6), "{large:?}");

    // At 200 units a second, it has waited for all that it read before the last page, which has about 125 units.
    let before = world.units("reconcile").await;
    let began = Instant::now();
    let slow = limited(&world, Limits { units_a_second: 200, ..Limits::default() });
    let everything = reconcile::handle(Request::default(), &slow, began + Duration::from_mins(1)).await;
    assert_eq!(everything.unwrap().accounts, 21);
    let took = began.elapsed();
    let cost = world.units("reconcile").await - before;
    let millis = Decimal::from(u64::try_from(took.as_millis()).unwrap());
    assert!(
        cost.read <= millis * Decimal::from(200) / Decimal::from(1_000) + Decimal::from(140),
        "{cost:?} in {took:?}"
    );
}

#[tokio::test]
async fn stored_totals_of_usage_that_differ_from_the_journal_are_found() {
    let world = World::start().await;
    world.set_time(NOW);
    usual(&world, "a").await;
    let past = |id: &str, day: u32| rated(id, &format!("2026-11-{day:02}T08:00:00Z"), "1.0000");
    world.operator.debit("a", &[past("p1", 1), past("p2", 2), past("p3", 20)]).await.expect(200);
    let path = "/v1/accounts/a/usage?month=2026-11";
    world.operator.get(path).await.expect(200);
    assert_holds(&reconcile(&world, Value::Null).await, 1);

    let tables = tables(&world);
    let totals = |part: &'static str| is("part", part);
    let by_user = "usage#user#2026-11-01#0000";
    set(&tables, "accounts", "a", totals(by_user), ("groups", AttributeValue::L(Vec::new()))).await;
    let gone = item(&tables, "accounts", "a", totals("usage#plan#2026-11-20#0000")).await;
    delete(&tables, "accounts", "part", &gone).await;
    set(&tables, "accounts", "a", totals("usage#day#2026-11-02#0000"), ("version", text("7"))).await;
    let found = reconcile(&world, Value::Null).await;
    assert_eq!(names(&found), ["unreadable", "usageTotals", "usageTotals"]);
    let keys: Vec<_> =
        list(&found, "findings").iter().map(|finding| finding["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["day#2026-11-01", "user#2026-11-01", "plan#2026-11-20"]);
    assert_eq!(list(&found, "findings")[1]["detail"], "the rows have 1 calls for 1, the totals 0 for 0");

    // A later call on these days has them totalled again, and what differed is replaced.
    let later = [past("l1", 1), past("l2", 2), past("l3", 20)];
    world.operator.debit("a", &later).await.expect(200);
    assert_holds(&reconcile(&world, Value::Null).await, 1);
}

/// The ports of the function, with other limits.
fn limited(world: &World, limits: Limits) -> Ports {
    Ports { limits, ..world.host.machine().functions.reconcile_ports().clone() }
}

#[tokio::test]
async fn an_account_with_more_rows_than_can_be_sorted_is_counted_as_unread() {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("small").await;
    usual(&world, "usual").await;
    let ports = limited(&world, Limits { max_rows: 15, ..Limits::default() });
    let until = Instant::now() + Duration::from_mins(1);
    let summary = reconcile::handle(Request::default(), &ports, until).await.unwrap();
    assert_eq!((summary.accounts, summary.unread, summary.next), (1, 1, None));
}

#[tokio::test]
async fn a_run_whose_time_is_up_gives_the_account_at_which_the_next_continues() {
    let world = World::start().await;
    world.set_time(NOW);
    for number in 0..120 {
        let account = json!({ "accountId": format!("a{number:03}"), "name": "n", "currency": "EUR" });
        world.operator.post("/v1/accounts", account).await.expect(201);
    }
    world.drain().await;
    // Each account costs two or three units, so all take more than two seconds.
    let ports = limited(&world, Limits { units_a_second: 100, ..Limits::default() });
    let (mut accounts, mut runs, mut after) = (0, 0, None);
    loop {
        let until = Instant::now() + Duration::from_secs(1);
        let request = Request { after: after.take(), ..Request::default() };
        let summary = reconcile::handle(request, &ports, until).await.unwrap();
        assert_eq!((summary.differences, summary.unread), (0, 0));
        (accounts, runs, after) = (accounts + summary.accounts, runs + 1, summary.next);
        if after.is_none() {
            break;
        }
    }
    assert_eq!(accounts, 120, "each account once");
    assert!(runs >= 3, "{runs} runs");

    // A run without any time still makes progress.
    let summary = reconcile::handle(Request::default(), &ports, Instant::now()).await.unwrap();
    let next = summary.next.map(|id| id.to_string());
    assert_eq!((summary.accounts, summary.unread, next.as_deref()), (0, 1, Some("a000")));

    // If the listing fails, the results of before are counted all the same.
    let metrics = Emf::new("n");
    let counting = metrics::set_default_local_recorder(&metrics);
    let a_page = 1 + 100 * 4;
    world
        .fail(Fault { target: Some(Target::Database), kind: Kind::Down, skip: a_page, count: usize::MAX })
        .await;
    let ports = limited(&world, Limits::default());
    let until = Instant::now() + Duration::from_mins(1);
    let broken = reconcile::handle(Request::default(), &ports, until).await;
    assert!(matches!(broken, Err(ReconcileError::Listing(_))), "{broken:?}");
    drop(counting);
    world.faults().disarm();
    let told = written_first(&metrics);
    assert_eq!(
        (&told["AccountsReconciled"], &told["BooksDiffer"], &told["BooksUnread"]),
        (&json!(100), &json!(0), &json!(1))
    );

    let part = reconcile(&world, json!({ "after": "a009", "to": "a029" })).await;
    assert_holds(&part, 20);
    assert_holds(&reconcile(&world, json!({ "after": "a119" })).await, 0);
    assert_holds(&reconcile(&world, json!({ "after": "a019x", "to": "a020x" })).await, 1);
}

#[tokio::test]
async fn an_account_that_cannot_be_read_is_counted_and_the_others_are_reconciled() {
    let world = World::start().await;
    world.set_time(NOW);
    for id in ["a", "b", "c"] {
        world.account(id).await;
    }
    // The listing and the first account are read. Then all three tries of the SDK fail.
    let throttled = Fault { target: Some(Target::Database), kind: Kind::Throttle, skip: 4, count: 3 };
    world.fail(throttled).await;
    let summary = reconcile(&world, Value::Null).await;
    assert_eq!(
        (&summary["accounts"], &summary["unread"], &summary["differences"]),
        (&json!(2), &json!(1), &json!(0)),
        "{summary}"
    );
    assert_holds(&reconcile(&world, Value::Null).await, 3);
}

#[tokio::test]
async fn an_unknown_account_is_a_problem() {
    let world = World::start().await;
    world.operator.post(RUN, json!({ "accountId": "nobody" })).await.problem(404);
    world.operator.post(RUN, json!({ "accountId": "no body" })).await.problem(422);
    assert_holds(&reconcile(&world, Value::Null).await, 0);
    // The `account` in an event of the Scheduler is an account of AWS, and is ignored.
    let scheduled =
        json!({ "time": NOW, "account": "123456789012", "source": "aws.scheduler", "detail": "{}" });
    assert_holds(&reconcile(&world, scheduled).await, 0);
}
