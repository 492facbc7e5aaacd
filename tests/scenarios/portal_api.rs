//! What a portal needs of the API beside the rules: who the caller is, limits and their use, what settings would do, and the
//! transactions of a period in one file.

use reqwest::Method;
use scenarios::{Api, World, call, list, rated};
use serde_json::{Value, json};

const NOW: &str = "2026-11-22T12:00:00Z";

#[tokio::test]
async fn x1_a_caller_is_told_its_roles_and_the_accounts_that_it_reaches() {
    let world = World::start().await;
    world.set_time(NOW);
    for account in ["b", "a", "c"] {
        world.account(account).await;
    }
    world.operator.buy("a", "k", json!({ "amount": "50" })).await.expect(201);
    let caller = world.client("admin", &["b", "missing", "a"]).get("/v1/caller").await.expect(200);
    assert_eq!(caller["roles"], json!(["admin"]));
    let accounts: Vec<_> = list(&caller, "accounts").iter().map(|account| &account["accountId"]).collect();
    assert_eq!(accounts, ["a", "b"], "by id, and only those that there are");
    let first = &caller["accounts"][0];
    let found = [&first["status"], &first["available"], &first["currency"]];
    assert_eq!(found, ["active", "50.0000", "EUR"]);
    let operator = world.operator.get("/v1/caller").await.expect(200);
    assert_eq!((&operator["roles"], &operator["accounts"]), (&json!(["operator"]), &json!([])));
}

#[tokio::test]
async fn f2_an_account_shows_the_limits_of_its_purchases() {
    let world = World::start().await;
    world.account("a").await;
    world.account_in("yen", "JPY").await;
    let limits = async |account: &str| world.operator.account(account).await["limits"].clone();
    let euros = limits("a").await;
    assert_eq!(euros["purchase"], json!({ "minimum": "50.0000", "maximum": "100000.0000" }));
    assert_eq!(euros["rechargesPerDay"], 10);
    assert_eq!(limits("yen").await["purchase"]["minimum"], "5000.00");
}

#[tokio::test]
async fn r2_a_preview_of_auto_recharge_says_what_would_be_charged_and_changes_nothing() {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    world.operator.buy("a", "k", json!({ "amount": "60" })).await.expect(201);
    let path = "/v1/accounts/a/auto-recharge";
    let preview =
        async |settings: Value| world.operator.post("/v1/accounts/a/auto-recharge/preview", settings).await;
    let settings = |trigger: &str, amount: &str, limit: Value| json!({ "enabled": true, "triggerAmount": trigger, "rechargeAmount": amount, "monthlyLimit": limit });
    let before = world.operator.account("a").await;
    assert_eq!(preview(settings("59.99", "50", Value::Null)).await.expect(200), json!({}));
    assert_eq!(
        preview(settings("60", "50", Value::Null)).await.expect(200),
        json!({ "chargesNow": "50.0000" })
    );
    // One amount does not lift the balance above the trigger, so three are charged, or as many as the limit allows.
    let low = preview(settings("200", "50", Value::Null)).await.expect(200);
    assert_eq!(low, json!({ "chargesNow": "150.0000" }));
    let limited = preview(settings("200", "50", json!("110"))).await.expect(200);
    assert_eq!(limited, json!({ "chargesNow": "100.0000" }));
    assert_eq!(preview(json!({ "enabled": false })).await.expect(200), json!({}));
    let problem = preview(settings("1", "50", Value::Null)).await.problem(422);
    assert_eq!(problem["errors"][0]["field"], "triggerAmount");
    assert_eq!(world.operator.account("a").await, before);

    // What is announced is what happens.
    world.operator.send(Method::PUT, path, &[], settings("200", "50", Value::Null)).await.expect(200);
    world.drain().await;
    let purchases = world.operator.get("/v1/accounts/a/purchases").await.expect(200);
    assert_eq!(purchases["purchases"][0]["amount"], "150.0000");
    // With the month's limit used up, a charge that is wanted would be held back.
    let used = preview(settings("1000", "50", json!("160"))).await.expect(200);
    assert_eq!(used, json!({ "heldBackBy": "monthly" }));
}

#[tokio::test]
async fn r6_a_preview_says_what_resuming_auto_recharge_would_charge() {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    world.operator.buy("a", "k", json!({ "amount": "100" })).await.expect(201);
    let settings = json!({ "enabled": true, "triggerAmount": "50", "rechargeAmount": "50" });
    let path = "/v1/accounts/a/auto-recharge";
    world.operator.send(Method::PUT, path, &[], settings.clone()).await.expect(200);
    let lost = json!({ "paymentMethod": "pm_card_chargeDeclinedLostCard" });
    world.operator.send(Method::PUT, "/v1/accounts/a/payment-method", &[], lost).await.expect(200);
    world.operator.debit("a", &[rated("r1", "2026-11-22T09:00:00Z", "80")]).await.expect(200);
    world.drain().await;
    assert_eq!(world.operator.account("a").await["autoRecharge"]["state"], "stopped");
    let preview = async || {
        let answer = world.operator.post("/v1/accounts/a/auto-recharge/preview", settings.clone()).await;
        answer.expect(200)
    };
    assert_eq!(preview().await, json!({ "chargesIfResumed": "50.0000" }));
    let poor = json!({ "paymentMethod": "pm_card_chargeDeclinedInsufficientFunds" });
    world.operator.send(Method::PUT, "/v1/accounts/a/payment-method", &[], poor).await.expect(200);
    world.drain().await;
    assert_eq!(world.operator.account("a").await["autoRecharge"]["state"], "waiting");
    assert_eq!(preview().await, json!({ "chargesIfResumed": "50.0000" }), "a new card is charged at once");
    let other_card = json!({ "amount": "100", "paymentMethod": "pm_card_visa" });
    world.operator.buy("a", "by-another-card", other_card).await.expect(201);
    assert_eq!(preview().await, json!({}), "the balance is high enough");
}

#[tokio::test]
async fn c2_the_use_of_limits_names_the_users_who_have_spent_most() {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    world.operator.buy("a", "k", json!({ "amount": "60" })).await.expect(201);
    let path = "/v1/accounts/a/limits";
    let without = world.operator.get(path).await.expect(200);
    assert_eq!((&without["users"], &without["month"]), (&json!([]), &json!("2026-11")));
    let limits = json!({ "perUserMonthly": "2", "perDay": "30" });
    world.operator.send(Method::PUT, path, &[], limits).await.expect(200);
    let of_user = |mut value: Value, user: &str| {
        value["userId"] = json!(user);
        value
    };
    let records: Vec<_> = [("bob", "1.5000"), ("ada", "2.5000"), ("eve", "0.2500"), ("eve", "0.2500")]
        .iter()
        .enumerate()
        .map(|(number, (user, charge))| of_user(rated(&number.to_string(), NOW, charge), user))
        .collect();
    world.operator.debit("a", &records).await.expect(200);
    let ask = of_user(
        json!({ "callId": "c", "service": "userOut", "number": "+33123456789", "maxDurationSeconds": 60 }),
        "eve",
    );
    world.operator.post("/v1/accounts/a/authorizations", ask).await.expect(200);
    let viewer = world.client("viewer", &["a"]);
    let shown = viewer.get(path).await.expect(200);
    assert_eq!(shown["limits"]["spentToday"], "4.5000");
    assert_eq!(
        shown["users"],
        json!([
            { "userId": "ada", "spent": "2.5000", "held": "0.0000", "reached": true },
            { "userId": "bob", "spent": "1.5000", "held": "0.0000", "reached": false },
            { "userId": "eve", "spent": "0.5000", "held": "0.0190", "reached": false },
        ])
    );
    world.set_time("2026-12-01T00:00:00Z");
    assert_eq!(viewer.get(path).await.expect(200)["users"], json!([]));
}

#[tokio::test]
async fn a_period_can_be_one_csv() {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    let record = |number: usize| call(&format!("r-{number:05}"), "2026-11-22T08:00:00Z", "+33123456789", 60);
    let records: Vec<_> = (0..1_500).map(record).collect();
    for records in records.chunks(1_000) {
        world.operator.debit("a", records).await.expect(200);
    }
    let csv = [("accept", "text/csv")];
    let whole = async |query: &str| {
        let path = format!("/v1/accounts/a/transactions?whole=true{query}");
        world.operator.send_text(Method::GET, &path, &csv, "").await
    };
    let answer = whole("").await;
    assert_eq!((answer.status, answer.headers.get("link")), (200, None));
    let text = answer.body.as_str().unwrap();
    assert_eq!(text.lines().count(), 1 + 1_500);
    assert!(text.lines().nth(1).unwrap().contains("r-01499"), "newest first");
    let none = whole("&to=2026-11-22T07:00:00Z").await;
    assert_eq!(none.body.as_str().unwrap().lines().count(), 1);

    let json = world.operator.get("/v1/accounts/a/transactions?whole=true").await.problem(422);
    assert_eq!(json["errors"][0]["field"], "whole");
    assert_eq!(whole("&limit=10").await.problem(422)["errors"][0]["field"], "limit");
    assert_eq!(whole("&whole=true").await.problem(422)["errors"][0]["code"], "repeated");

    let more: Vec<_> = (1_500..10_001).map(record).collect();
    for records in more.chunks(1_000) {
        world.operator.debit("a", records).await.expect(200);
    }
    let problem = whole("").await.problem(413);
    assert_eq!(problem["detail"], "more than 10000 transactions; narrow the period with from and to");
    world
        .operator
        .post(
            "/v1/accounts/a/usage/r-00000/reversal",
            json!({ "startedAt": "2026-11-22T08:00:00Z", "reason": "r" }),
        )
        .await
        .expect(200);
    assert_eq!(whole("&kind=reversal").await.body.as_str().unwrap().lines().count(), 2);
}

#[tokio::test]
async fn settings_that_somebody_else_has_changed_are_not_overwritten() {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    let seen = async || world.operator.account("a").await["settingsVersion"].as_str().unwrap().to_owned();
    let send = async |method: Method, path: &str, version: &str, body: Value| {
        let path = format!("/v1/accounts/a{path}");
        world.operator.send(method, &path, &[("if-match", version)], body).await
    };
    let card = json!({ "paymentMethod": "pm_card_visa" });
    let recharge = json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "50" });
    let changes = [
        (Method::PATCH, "", json!({ "name": "Another" })),
        (
            Method::PUT,
            "/payment-method",
            json!({ "paymentMethod": "pm_card_mastercard", "backup": "pm_card_visa" }),
        ),
        (Method::PUT, "/auto-recharge", recharge),
        (Method::PUT, "/limits", json!({ "perDay": "5" })),
        (Method::PUT, "/pools", json!({ "pools": [{ "plan": "MCOPSTN5", "country": "FR", "licences": 1 }] })),
        (Method::DELETE, "/payment-method/backup", Value::Null),
        (Method::DELETE, "/payment-method", Value::Null),
    ];
    world.operator.send(Method::PUT, "/v1/accounts/a/payment-method", &[], card).await.expect(200);
    for (method, path, body) in changes {
        let before = seen().await;
        let shown = world.operator.account("a").await;
        let problem = send(method.clone(), path, "\"0123\"", body.clone()).await.problem(412);
        assert_eq!(problem["code"], "settingsChanged", "{path}");
        assert_eq!(world.operator.account("a").await, shown, "{path}");
        send(method, path, &format!("\"{before}\""), body).await.expect(200);
        assert_ne!(seen().await, before, "{path}");
    }
    // Calls and funds change the account, but not its settings.
    let before = seen().await;
    let gift = json!({ "amount": "50", "reason": "gift", "expiresAt": "2027-11-22T00:00:00Z" });
    world.operator.adjust("a", "k", gift).await.expect(201);
    world.operator.debit("a", &[rated("r", NOW, "1")]).await.expect(200);
    assert_eq!(seen().await, before);
    send(Method::PATCH, "", "*", json!({ "name": "A third" })).await.expect(200);
}

#[tokio::test]
async fn n9_an_account_shows_who_changed_each_group_of_settings_last() {
    let world = World::start().await;
    world.set_time(NOW);
    let new = json!({ "accountId": "a", "name": "a", "currency": "EUR" });
    let created = world.operator.post("/v1/accounts", new.clone()).await.expect(201);
    assert_eq!(created.get("settingsChanged"), None);
    let named = |subject: &str, name: Option<&str>| {
        let request = json!({ "role": "admin", "accounts": ["a"], "subject": subject, "name": name });
        let request = serde_json::from_value(request).unwrap();
        let token = world.host.machine().tokens.issue(request).unwrap();
        Api::new(world.host.url(), &token)
    };
    let (ada, bob) = (named("ada", Some("Ada Lovelace")), named("bob", Some("bob@example.com")));
    let put = async |api: &Api, path: &str, body: Value| {
        api.send(Method::PUT, &format!("/v1/accounts/a/{path}"), &[], body).await.expect(200)
    };
    put(&ada, "payment-method", json!({ "paymentMethod": "pm_card_visa" })).await;
    let on = json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "50" });
    put(&ada, "auto-recharge", on.clone()).await;
    world.drain().await;
    world.set_time("2026-11-23T12:00:00Z");
    put(&bob, "limits", json!({ "perDay": "5" })).await;
    let pools = json!({ "pools": [{ "plan": "MCOPSTN5", "country": "FR", "licences": 1 }] });
    put(&world.operator, "pools", pools).await;
    let warning = json!({ "lowBalanceAmount": "20" });
    bob.send(Method::PATCH, "/v1/accounts/a", &[], warning).await.expect(200);
    let expected = json!({
        "autoRecharge": { "at": "2026-11-22T12:00:00.000Z", "by": "ada", "byName": "Ada Lovelace" },
        "paymentMethod": { "at": "2026-11-22T12:00:00.000Z", "by": "ada", "byName": "Ada Lovelace" },
        "notifications": { "at": "2026-11-23T12:00:00.000Z", "by": "bob" },
        "limits": { "at": "2026-11-23T12:00:00.000Z", "by": "bob" },
        "pools": { "at": "2026-11-23T12:00:00.000Z", "by": "operator@local" },
    });
    let shown = async || world.client("viewer", &["a"]).account("a").await;
    assert_eq!(shown().await["settingsChanged"], expected);

    // The same settings again are no change, nor are calls.
    let before = shown().await;
    world.set_time("2026-11-24T12:00:00Z");
    put(&bob, "auto-recharge", on).await;
    world.operator.debit("a", &[rated("r", NOW, "1")]).await.expect(200);
    let after = shown().await;
    assert_eq!(after["settingsChanged"], expected);
    assert_eq!(after["settingsVersion"], before["settingsVersion"]);

    // The request that created the account can still be sent again, as its profile has not changed.
    let plain = json!({ "accountId": "b", "name": "b", "currency": "EUR" });
    world.operator.post("/v1/accounts", plain.clone()).await.expect(201);
    let limits = json!({ "perDay": "5" });
    world.operator.send(Method::PUT, "/v1/accounts/b/limits", &[], limits).await.expect(200);
    world.operator.post("/v1/accounts", plain).await.expect(201);
}

#[tokio::test]
async fn f5_an_account_names_the_purchases_that_have_no_outcome_yet() {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    let open = async || world.operator.account("a").await["openPurchases"].clone();
    assert_eq!(open().await, json!([]));
    let asked = json!({ "amount": "60", "paymentMethod": "pm_card_authenticationRequired" });
    let waits = world.operator.buy("a", "waits", asked).await.expect(202)["purchaseId"].clone();
    world.set_time("2026-11-22T12:01:00Z");
    for key in ["1", "2", "3"] {
        world.operator.buy("a", key, json!({ "amount": "50" })).await.expect(201);
    }
    let newest = world.operator.get("/v1/accounts/a/purchases?limit=3").await.expect(200);
    assert!(list(&newest, "purchases").iter().all(|purchase| purchase["purchaseId"] != waits));
    assert_eq!(open().await, json!([waits]), "however many came after it");
    world.set_time("2026-11-23T12:00:00Z");
    world.operator.post("/_local/run/recover", json!({})).await.expect(200);
    assert_eq!(open().await, json!([]));
}
