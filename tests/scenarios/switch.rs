//! The switch to paying after use (S8), its mails (N12), and removing cards.

use reqwest::Method;
use scenarios::{World, decimal, list, rated};
use serde_json::{Value, json};

const NOW: &str = "2026-11-22T12:00:00Z";
const START: &str = "2026-11-22T08:00:00Z";

/// An account with recipients, a card and, if asked for, auto-recharge that adds 50 at 60.
async fn world(recharges: bool) -> World {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    let emails = json!({ "notificationEmails": ["ada@a.example"] });
    world.operator.send(Method::PATCH, "/v1/accounts/a", &[], emails).await.expect(200);
    world.operator.buy("a", "k", json!({ "amount": "100.00" })).await.expect(201);
    if recharges {
        let on = json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "50" });
        world.operator.send(Method::PUT, "/v1/accounts/a/auto-recharge", &[], on).await.expect(200);
    }
    world.drain().await;
    world
}

async fn switch(world: &World) -> Value {
    let to = json!({ "billingModel": "postUsage" });
    world.operator.send(Method::PATCH, "/v1/accounts/a", &[], to).await.expect(200)
}

async fn spend(world: &World, id: &str, charge: &str) -> Value {
    let answer = world.operator.debit("a", &[rated(id, START, charge)]).await.expect(200);
    world.drain().await;
    answer
}

async fn subjects(world: &World) -> Vec<String> {
    world.drain().await;
    let mails = world.operator.get("/_local/mail?to=ada@a.example").await.expect(200);
    mails.as_array().unwrap().iter().map(|mail| mail["subject"].as_str().unwrap().to_owned()).collect()
}

async fn assert_reconciled(world: &World) {
    let found = world.operator.post("/_local/run/reconcile", Value::Null).await.expect(200);
    assert_eq!(found["findings"], json!([]), "{found}");
}

#[tokio::test]
async fn s8_without_auto_recharge_funds_are_used_first_and_the_rest_is_post_usage() {
    let world = world(false).await;
    let preview = world.operator.get("/v1/accounts/a/billing-model/preview").await.expect(200);
    assert_eq!((&preview["becomes"], &preview["heldUpByAutoRecharge"]), (&json!("complete"), &json!(false)));
    assert_eq!((&preview["funds"], &preview["owed"]), (&json!("100.0000"), &json!("0.0000")));
    assert_eq!(list(&preview, "lots").len(), 1);

    let account = switch(&world).await;
    assert_eq!((&account["billingModel"], &account["switch"]), (&json!("postUsage"), &json!("complete")));
    let subjects = subjects(&world).await;
    assert!(
        subjects.iter().any(|subject| subject.starts_with("Your calls are now invoiced after use")),
        "{subjects:?}"
    );
    // The charge that empties the lot is split.
    spend(&world, "one", "103.50").await;
    let account = world.operator.account("a").await;
    assert_eq!((&account["balance"], &account["status"]), (&json!("0.0000"), &json!("active")));
    assert_eq!(account["postUsage"], json!({ "month": "2026-11", "amount": "3.5000" }));

    let refused = world.operator.buy("a", "again", json!({ "amount": "50.00" })).await.problem(409);
    assert_eq!(refused["code"], "postUsageAccount");
    let on = json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "50" });
    let refused =
        world.operator.send(Method::PUT, "/v1/accounts/a/auto-recharge", &[], on).await.problem(409);
    assert_eq!(refused["code"], "postUsageAccount");
    let back = json!({ "billingModel": "prepaid" });
    let refused = world.operator.send(Method::PATCH, "/v1/accounts/a", &[], back).await.problem(409);
    assert_eq!(refused["code"], "noWayBack");
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s8_while_auto_recharge_is_on_the_account_refills_and_never_switches() {
    let world = world(true).await;
    let preview = world.operator.get("/v1/accounts/a/billing-model/preview").await.expect(200);
    assert_eq!((&preview["becomes"], &preview["heldUpByAutoRecharge"]), (&json!("pending"), &json!(true)));
    let account = switch(&world).await;
    assert_eq!((&account["billingModel"], &account["switch"]), (&json!("postUsage"), &json!("pending")));
    assert!(
        subjects(&world).await.iter().any(|subject| subject.starts_with("Auto-recharge holds up the switch"))
    );

    for (id, charge) in [("one", "90.00"), ("two", "200.00"), ("three", "75.00")] {
        spend(&world, id, charge).await;
        let account = world.operator.account("a").await;
        assert_eq!(account["postUsage"]["amount"], "0.0000", "no post-usage charge ever happens");
        assert!(decimal(&account["available"]) > decimal(&json!("60")), "{account}");
    }
    assert!(world.operator.charges("a").await.len() >= 3);
    world.operator.buy("a", "again", json!({ "amount": "50.00" })).await.problem(409);

    // A declined card stops auto-recharge, which is still on.
    let bad = json!({ "paymentMethod": "pm_card_chargeDeclinedLostCard" });
    world.operator.send(Method::PUT, "/v1/accounts/a/payment-method", &[], bad).await.expect(200);
    spend(&world, "four", "300.00").await;
    let account = world.operator.account("a").await;
    assert_eq!(
        (&account["autoRecharge"]["state"], &account["switch"]),
        (&json!("stopped"), &json!("pending"))
    );
    let owed = account["owed"].clone();
    assert!(decimal(&owed) > decimal(&json!("0")), "{account}");

    let off = json!({ "enabled": false });
    let account =
        world.operator.send(Method::PUT, "/v1/accounts/a/auto-recharge", &[], off).await.expect(200);
    assert_eq!((&account["switch"], &account["owed"]), (&json!("complete"), &json!("0.0000")));
    assert_eq!((&account["postUsage"]["amount"], &account["balance"]), (&owed, &json!("0.0000")));
    let rows = world.operator.get("/v1/accounts/a/transactions?kind=switch").await.expect(200);
    let row = &rows["transactions"][0];
    assert_eq!((&row["amount"], &row["postUsage"]), (&owed, &owed));
    let path = "/v1/accounts/a/statement?from=2026-11-22&to=2026-11-22";
    let statement = world.operator.get(path).await.expect(200);
    let line = list(&statement, "lines").iter().find(|line| line["kind"] == "switch").cloned();
    let moved = json!({ "kind": "switch", "count": 1, "amount": owed, "postUsage": owed });
    assert_eq!(line, Some(moved));
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s8_removing_the_card_completes_the_switch() {
    let world = world(true).await;
    let backup = json!({ "paymentMethod": "pm_card_visa", "backup": "pm_card_mastercard" });
    world.operator.send(Method::PUT, "/v1/accounts/a/payment-method", &[], backup).await.expect(200);
    switch(&world).await;
    let remove =
        async |path: &str| world.operator.send(Method::DELETE, path, &[], Value::Null).await.expect(200);
    let account = remove("/v1/accounts/a/payment-method/backup").await;
    assert_eq!((&account["backup"], &account["switch"]), (&Value::Null, &json!("pending")));
    let account = remove("/v1/accounts/a/payment-method").await;
    assert_eq!((&account["paymentMethod"], &account["switch"]), (&Value::Null, &json!("complete")));
    assert_eq!(account["autoRecharge"]["state"], "off");
    assert_eq!(remove("/v1/accounts/a/payment-method").await, account, "nothing is left to remove");
    let viewer = world.client("viewer", &["a"]);
    viewer.send(Method::DELETE, "/v1/accounts/a/payment-method", &[], Value::Null).await.problem(403);
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn f10_removing_the_card_turns_auto_recharge_off_and_withdraws_an_open_recharge() {
    let world = world(true).await;
    let asks = json!({ "paymentMethod": "pm_card_authenticationRequired" });
    world.operator.send(Method::PUT, "/v1/accounts/a/payment-method", &[], asks).await.expect(200);
    spend(&world, "one", "60.00").await;
    assert_eq!(world.operator.account("a").await["autoRecharge"]["state"], "needsAction");
    let account = world
        .operator
        .send(Method::DELETE, "/v1/accounts/a/payment-method", &[], Value::Null)
        .await
        .expect(200);
    assert_eq!((&account["autoRecharge"]["state"], &account["switch"]), (&json!("off"), &Value::Null));
    let listed = world.operator.get("/v1/accounts/a/purchases?limit=1").await.expect(200);
    assert_eq!(listed["purchases"][0]["status"], "declined", "{listed}");
    // Without a card, nothing can be bought or turned on.
    world.operator.buy("a", "again", json!({ "amount": "50.00" })).await.problem(422);
    let on = json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "50" });
    world.operator.send(Method::PUT, "/v1/accounts/a/auto-recharge", &[], on).await.problem(409);
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s8_funds_that_arrive_after_the_switch_are_used_first() {
    let world = world(false).await;
    // A purchase waits for its owner while the account switches.
    let body = json!({ "amount": "50.00", "paymentMethod": "pm_card_authenticationRequired" });
    let waiting = world.operator.buy("a", "late", body).await.expect(202);
    switch(&world).await;
    let url = waiting["nextAction"]["url"].as_str().unwrap();
    let page = &url[url.find("/_local/").unwrap()..];
    world.operator.get(page).await.expect(200);
    let intent = page.rsplit('/').next().unwrap();
    world.host.machine().functions.sandbox().authenticate(intent, true).await.unwrap();
    world.recover().await;
    world.drain().await;
    spend(&world, "one", "151.00").await;
    let account = world.operator.account("a").await;
    assert_eq!((&account["balance"], &account["postUsage"]["amount"]), (&json!("0.0000"), &json!("1.0000")));
    assert_reconciled(&world).await;
}
