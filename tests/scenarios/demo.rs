//! The demo organizations show the same things on whatever day they are made, and their books balance.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use scenarios::{World, decimal, list};
use serde_json::{Value, json};

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

fn instant(value: &Value) -> Timestamp {
    value.as_str().expect("an instant").parse().expect("an instant")
}

/// The number of rows of a kind.
fn count(rows: &[Value], kind: &str) -> usize {
    rows.iter().filter(|row| row["kind"] == kind).count()
}

async fn subjects(world: &World, to: &str) -> Vec<String> {
    let mails = world.operator.get(&format!("/_local/mail?to={to}")).await.expect(200);
    mails.as_array().unwrap().iter().map(|mail| mail["subject"].as_str().unwrap().to_owned()).collect()
}

/// Makes the demo organizations at an instant, and checks what they show.
async fn assert_made_at(now: &str) {
    let folder = tempfile::tempdir().unwrap();
    let world = World::demo_at(folder.path(), now).await;
    world.drain().await;
    let dead = world.operator.get("/_local/dead-letters").await.expect(200);
    assert_eq!(dead["deadLetters"], json!([]), "{now}");
    let reconciled = world.operator.post("/_local/run/reconcile", Value::Null).await.expect(200);
    assert_eq!(reconciled["findings"], json!([]), "{now}");
    let now = now.parse().unwrap();
    Box::pin(assert_prepaid(&world, now)).await;
    Box::pin(assert_post_usage(&world, now)).await;
}

async fn assert_prepaid(world: &World, now: Timestamp) {
    let account = world.operator.account("demo").await;
    let age = now.duration_since(instant(&account["createdAt"]));
    assert!(age > days(366) && age < days(393), "12 to 13 months: {account}");
    let balance = decimal(&account["balance"]);
    assert!((Decimal::from(60)..=Decimal::from(200)).contains(&balance), "{account}");
    assert_eq!((&account["available"], &account["status"]), (&account["balance"], &json!("active")));
    assert_eq!(account["autoRecharge"]["state"], "armed", "{account}");
    assert_eq!(
        (&account["poNumber"], &account["paymentMethod"]["brand"]),
        (&json!("PO-4711"), &json!("mastercard"))
    );
    assert_eq!(list(&account, "pools").len(), 2);
    let limits = &account["limits"];
    assert!(limits["perUserMonthly"].is_string() && limits["perDay"].is_string(), "{limits}");

    let lots = world.operator.get("/v1/accounts/demo/lots").await.expect(200);
    let left = |lot: &Value| instant(&lot["expiresAt"]).duration_since(now);
    for (from, to) in [(0, 30), (30, 90), (90, 366)] {
        let in_time = |lot: &&Value| left(lot) > days(from) && left(lot) <= days(to);
        assert!(list(&lots, "lots").iter().any(|lot| in_time(&lot)), "{from} to {to} days: {lots}");
    }

    let rows = world.operator.transactions("demo").await;
    for (kind, expected) in
        [("purchase", 3), ("expiry", 1), ("adjustment", 3), ("reversal", 2), ("unrated", 1), ("rejected", 1)]
    {
        assert_eq!(count(&rows, kind), expected, "{kind}");
    }
    let recharges = count(&rows, "recharge");
    assert!((4..=12).contains(&recharges), "{recharges} recharges");
    let expired = rows.iter().find(|row| row["kind"] == "expiry").expect("an expiry");
    assert!(decimal(&expired["amount"]) <= Decimal::from(-5), "{expired}");
    let usage: Vec<_> = rows.iter().filter(|row| row["kind"] == "usage").collect();
    let lately = usage.iter().filter(|row| instant(&row["at"]) > now - days(60)).count();
    assert!(usage.len() > 500 && usage.len() < 900, "{} calls", usage.len());
    assert!(lately > 100 && lately < usage.len() / 2, "{lately} calls of {}", usage.len());
    for rule in ["rated", "asRated", "zeroDuration"] {
        assert!(usage.iter().any(|row| row["why"]["rule"] == rule), "{rule}");
    }
    for service in ["userOut", "conferenceOut", "tollFreeIn", "premium"] {
        assert!(usage.iter().any(|row| row["service"] == service), "{service}");
    }
    let covered = |row: &&&Value| row["includedMinutes"].as_u64().is_some_and(|minutes| minutes > 0);
    let paid = |row: &&&Value| decimal(&row["charge"]) > Decimal::ZERO;
    assert!(usage.iter().any(|row| covered(&row) && !paid(&row)), "a call within a plan");
    assert!(usage.iter().any(|row| covered(&row) && paid(&row)), "a call that goes beyond a plan");

    let purchases = world.operator.get("/v1/accounts/demo/purchases?limit=100").await.expect(200);
    let purchases = list(&purchases, "purchases");
    let declined: Vec<_> = purchases.iter().filter(|purchase| purchase["status"] == "declined").collect();
    assert_eq!(declined.len(), 3, "one recharge was tried three times: {declined:?}");
    for purchase in declined {
        assert_eq!(
            (&purchase["kind"], &purchase["declineReason"]),
            (&json!("recharge"), &json!("insufficient_funds"))
        );
    }
    assert!(
        purchases
            .iter()
            .all(|purchase| purchase["status"] == "declined" || purchase["status"] == "succeeded")
    );
    world.operator.assert_books_balance("demo").await;
    let subjects = subjects(world, "telephony@example.com").await;
    assert!(subjects.len() > 20, "{subjects:?}");
}

async fn assert_post_usage(world: &World, now: Timestamp) {
    let account = world.operator.account("demo-post").await;
    assert_eq!((&account["billingModel"], &account["switch"]), (&json!("postUsage"), &json!("complete")));
    assert_eq!((&account["locale"], &account["balance"]), (&json!("fr"), &json!("0.0000")));
    assert_eq!(account["postUsage"]["month"], now.strftime("%Y-%m").to_string());
    assert!(decimal(&account["postUsage"]["amount"]) > Decimal::ZERO, "{account}");

    let invoices = world.operator.get("/v1/accounts/demo-post/invoices").await.expect(200);
    let invoices = list(&invoices, "invoices");
    assert!(invoices.len() >= 2, "{invoices:?}");
    for (number, invoice) in invoices.iter().enumerate() {
        let state = if number == 0 { "open" } else { "paid" };
        assert_eq!((&invoice["state"], &invoice["overdue"]), (&json!(state), &json!(false)), "{invoice}");
        assert!(decimal(&invoice["amount"]) > Decimal::ONE, "{invoice}");
    }
    let rows = world.operator.transactions("demo-post").await;
    assert!(count(&rows, "recharge") >= 1 && count(&rows, "usage") > 200, "{} rows", rows.len());
    let subjects = subjects(world, "compta@example.com").await;
    assert!(subjects.iter().any(|subject| subject.contains("Facture")), "{subjects:?}");
}

#[tokio::test]
async fn on_an_ordinary_day() {
    assert_made_at("2026-11-28T15:46:12.345Z").await;
}

#[tokio::test]
async fn on_the_last_day_of_february() {
    assert_made_at("2027-02-28T08:00:00Z").await;
}

#[tokio::test]
async fn on_a_leap_day() {
    assert_made_at("2028-02-29T23:59:59.999Z").await;
}

#[tokio::test]
async fn in_the_first_moment_of_a_year() {
    assert_made_at("2027-01-01T00:00:00Z").await;
}

#[tokio::test]
async fn in_the_last_minute_of_a_quarter() {
    assert_made_at("2027-03-31T23:59:00Z").await;
}

#[tokio::test]
async fn in_the_first_hours_of_a_month_before_its_invoices() {
    assert_made_at("2029-07-01T02:30:00Z").await;
}

#[tokio::test]
async fn half_made_ones_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::on_disk(folder.path()).await;
    world.account("demo").await;
    world.operator.buy("demo", "demo-funds", json!({ "amount": "77.00" })).await.expect(201);
    world.host.stop().await;

    // A process that ends while it makes them leaves this file.
    let unfinished = folder.path().join("demo-unfinished");
    std::fs::write(&unfinished, "").unwrap();
    let world = World::demo_at(folder.path(), "2026-11-28T12:00:00Z").await;
    assert!(!unfinished.exists());
    let rows = world.operator.transactions("demo").await;
    assert!(rows.len() > 300 && rows.iter().all(|row| row["amount"] != "77.0000"));
    let balance = world.operator.account("demo-post").await["balance"].clone();
    world.host.stop().await;

    // Those that are there stay as they are.
    let world = World::demo_at(folder.path(), "2026-11-28T12:00:00Z").await;
    assert_eq!(world.operator.transactions("demo").await, rows);
    assert_eq!(world.operator.account("demo-post").await["balance"], balance);
}
