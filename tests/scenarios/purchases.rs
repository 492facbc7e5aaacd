//! Buying funds: one charge and one lot, or neither (F1-F4, F6, F7, F11).

use std::collections::HashSet;
use std::ops::Range;

use domain::adjustment::{self, AdjustmentRefusal, AdjustmentRequest};
use domain::change::Change;
use domain::{AccountId, Decision, Fingerprint, PaymentId, PaymentKind};
use futures_util::future::join_all;
use scenarios::{World, bounded, rated};
use serde_json::{Value, json};

fn euros(amount: &str) -> Value {
    json!({ "amount": amount })
}

async fn lots(world: &World, account: &str) -> Vec<Value> {
    let answer = world.operator.get(&format!("/v1/accounts/{account}/lots")).await.expect(200);
    answer["lots"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn f1_a_purchase_charges_the_card_and_adds_a_lot_of_twelve_months() {
    let world = World::start().await;
    world.set_time("2028-02-29T10:00:00Z");
    world.account("a").await;
    let purchase = world.operator.buy("a", "k", euros("100.00")).await.expect(201);
    assert_eq!(purchase["status"], "succeeded");
    assert_eq!(purchase["expiresAt"], "2029-02-28T10:00:00.000Z");
    assert_eq!(purchase["receiptNumber"], 1);
    let account = world.operator.account("a").await;
    assert_eq!((&account["balance"], &account["status"]), (&json!("100.0000"), &json!("active")));
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f1_a_new_purchase_never_extends_an_older_lot() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    world.account("a").await;
    for (instant, key) in [("2026-11-22T10:00:00Z", "first"), ("2027-05-01T10:00:00Z", "second")] {
        world.set_time(instant);
        world.operator.buy("a", key, euros("50")).await.expect(201);
    }
    let expiries: Vec<_> = lots(&world, "a").await.iter().map(|lot| lot["expiresAt"].clone()).collect();
    assert_eq!(expiries, ["2027-11-22T10:00:00.000Z", "2028-05-01T10:00:00.000Z"]);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f2_an_amount_outside_the_currencys_limits_is_refused_and_the_limit_named() {
    let world = World::start().await;
    world.account("eur").await;
    world.account_in("jpy", "JPY").await;
    for (account, amount, status, said) in [
        ("eur", "49.99", 422, "50"),
        ("eur", "50", 201, ""),
        ("eur", "100000", 201, ""),
        ("eur", "100000.01", 422, "100000"),
        ("eur", "0", 422, "50"),
        ("eur", "-50", 422, "50"),
        ("eur", "50.001", 422, "2 decimals"),
        ("jpy", "4999", 422, "5000"),
        ("jpy", "5000", 201, ""),
        ("jpy", "10000000", 201, ""),
        ("jpy", "10000001", 422, "10000000"),
        ("jpy", "5000.5", 422, "decimals"),
    ] {
        let answer = world.operator.buy(account, amount, euros(amount)).await;
        let body = answer.expect(status);
        if status == 422 {
            assert_eq!(body["errors"][0]["field"], "amount", "{body}");
            let detail = body["errors"][0]["detail"].as_str().unwrap().replace([',', ' '], "");
            assert!(detail.contains(&said.replace(' ', "")), "{amount}: {body}");
        }
    }
    for (account, charges) in [("eur", 2), ("jpy", 2)] {
        assert_eq!(world.operator.charges(account).await.len(), charges);
        world.operator.assert_books_balance(account).await;
    }
}

#[tokio::test]
async fn f3_twenty_identical_purchases_at_the_same_instant_are_one_charge_and_one_lot() {
    let world = World::start().await;
    world.account("a").await;
    let answers = join_all((0..20).map(|_| world.operator.buy("a", "k", euros("75.50")))).await;
    let mut named = HashSet::new();
    for answer in answers {
        assert!([201, 202].contains(&answer.status), "{answer:?}");
        named.insert(answer.body["purchaseId"].to_string());
    }
    assert_eq!(named.len(), 1, "all answers give the same purchase");
    assert_eq!(world.operator.charges("a").await.len(), 1);
    assert_eq!(lots(&world, "a").await.len(), 1);
    assert_eq!(world.operator.buy("a", "k", euros("75.5")).await.expect(201)["status"], "succeeded");
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f3_different_purchases_at_the_same_instant_are_each_charged_once() {
    let world = World::start().await;
    world.account("a").await;
    let keys: Vec<_> = (0..10).map(|number| format!("k{number}")).collect();
    let answers = join_all(keys.iter().map(|key| world.operator.buy("a", key, euros("50")))).await;
    let receipts: HashSet<_> =
        answers.into_iter().map(|answer| answer.expect(201)["receiptNumber"].as_u64().unwrap()).collect();
    assert_eq!(receipts, (1..=10).collect(), "F8: numbered without gaps");
    assert_eq!(world.operator.charges("a").await.len(), 10);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f3_the_same_key_with_another_body_is_refused_and_changes_nothing() {
    let world = World::start().await;
    world.account("a").await;
    world.operator.buy("a", "k", euros("50")).await.expect(201);
    for other in [euros("51"), json!({ "amount": "50", "paymentMethod": "pm_card_mastercard" })] {
        world.operator.buy("a", "k", other).await.expect(409);
    }
    assert_eq!(world.operator.charges("a").await.len(), 1);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f3_a_key_is_required_and_limited() {
    let world = World::start().await;
    world.account("a").await;
    let path = "/v1/accounts/a/purchases";
    let problem = world.operator.post(path, euros("50")).await.expect(422);
    assert_eq!(problem["errors"][0]["field"], "Idempotency-Key");
    world.operator.buy("a", &"k".repeat(256), euros("50")).await.expect(422);
    world.operator.buy("a", &"k".repeat(255), euros("50")).await.expect(201);
}

#[tokio::test]
async fn f3_the_same_key_on_another_account_is_another_purchase() {
    let world = World::start().await;
    for account in ["a", "b"] {
        world.account(account).await;
        world.operator.buy(account, "k", euros("50")).await.expect(201);
        world.operator.assert_books_balance(account).await;
    }
}

#[tokio::test]
async fn f4_a_declined_card_credits_nothing_and_says_why() {
    let world = World::start().await;
    world.account("a").await;
    for (card, reason) in [
        ("pm_card_chargeDeclined", "card_declined"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ("pm_card_chargeDeclinedLostCard", "lost_card"),
    ] {
        let body = json!({ "amount": "50", "paymentMethod": card });
        let first = world.operator.buy("a", card, body.clone()).await.expect(402);
        assert_eq!(first["purchase"]["status"], "declined");
        assert_eq!(first["purchase"]["declineReason"], reason);
        let again = world.operator.buy("a", card, body).await.expect(402);
        assert_eq!(again["purchase"], first["purchase"], "F3: the outcome never changes");
    }
    assert!(world.operator.charges("a").await.is_empty());
    assert!(world.operator.transactions("a").await.is_empty());
    world.operator.buy("a", "a new key", euros("50")).await.expect(422);
    world.operator.buy("a", "a-new-key", euros("50")).await.expect(201);
    assert_eq!(world.operator.charges("a").await.len(), 1, "a new key is a new attempt");
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f4_a_card_that_the_processor_does_not_know_is_a_problem_of_its_field() {
    let world = World::start().await;
    world.account("a").await;
    let body = json!({ "amount": "50", "paymentMethod": "pm_nobody" });
    let problem = world.operator.buy("a", "k", body).await.expect(422);
    assert_eq!(problem["errors"][0]["field"], "paymentMethod");
    world.operator.buy("a", "k", euros("50")).await.expect(201);
}

#[tokio::test]
async fn f4_without_any_card_nothing_can_be_bought() {
    let world = World::start().await;
    let account = json!({ "accountId": "a", "name": "a", "currency": "EUR" });
    world.operator.post("/v1/accounts", account).await.expect(201);
    let problem = world.operator.buy("a", "k", euros("50")).await.expect(422);
    assert_eq!(problem["errors"][0]["field"], "paymentMethod");
    let body = json!({ "amount": "50", "paymentMethod": "pm_card_mastercard" });
    let purchase = world.operator.buy("a", "k", body).await.expect(201);
    assert_eq!(purchase["card"]["last4"], "4444");
}

#[tokio::test]
async fn f6_a_post_usage_account_cannot_buy_and_spends_what_it_has() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    let account = json!({ "accountId": "a", "name": "a", "currency": "EUR", "billingModel": "postUsage" });
    world.operator.post("/v1/accounts", account).await.expect(201);
    let card = json!({ "amount": "50", "paymentMethod": "pm_card_visa" });
    world.operator.buy("a", "k", card).await.expect(409);
    let funds = json!({ "amount": "50", "reason": "left over from before" });
    world.operator.adjust("a", "k", funds).await.expect(201);
    let record = rated("r1", "2026-11-22T09:00:00Z", "20");
    assert_eq!(world.operator.debit("a", &[record]).await.expect(200)["balance"], "30.0000");
    assert_eq!(world.operator.charges("a").await.len(), 0);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f7_what_is_owed_is_repaid_first() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    world.account("a").await;
    let debit = world.operator.debit("a", &[rated("r1", "2026-11-22T09:00:00Z", "3")]).await.expect(200);
    assert_eq!(debit["balance"], "-3.0000", "A2: a finished call is always recorded");
    assert_eq!(world.operator.account("a").await["status"], "depleted");
    world.operator.buy("a", "k", euros("50")).await.expect(201);
    let lots = lots(&world, "a").await;
    assert_eq!((&lots[0]["amount"], &lots[0]["remaining"]), (&json!("50.0000"), &json!("47.0000")));
    let account = world.operator.account("a").await;
    assert_eq!((&account["balance"], &account["owed"]), (&json!("47.0000"), &json!("0.0000")));
    world.operator.assert_books_balance("a").await;
}

/// Makes the adjustments of the operator directly in the store, which is faster than over HTTP.
async fn add_lots(world: &World, account: &str, numbers: Range<u32>) {
    let machine = world.host.machine();
    let (id, now) = (AccountId::parse(account).unwrap(), machine.clock.now());
    let made = machine.functions.purchase_ports().store.apply(&id, |before, _| {
        let mut account = before.clone();
        let mut entries = Vec::new();
        for number in numbers.clone() {
            let key = format!("lot-{number}");
            let request = AdjustmentRequest {
                id: PaymentId::derive(&id, PaymentKind::Adjustment, &key),
                fingerprint: Fingerprint::of([key.as_str()]),
                amount: 1.into(),
                reason: "one of many".to_owned(),
                author: "operator".to_owned(),
                expires_at: None,
                allow_negative: false,
            };
            let change = adjustment::decide(&account, now, &request)?.change.expect("a lot");
            account = change.account;
            entries.extend(change.entries);
        }
        account.version = before.version + 1;
        let change = Change { entries, ..Change::of(account) };
        Ok::<_, AdjustmentRefusal>(Decision { change: Some(change), answer: () })
    });
    made.await.unwrap();
}

#[tokio::test]
async fn f11_with_five_hundred_lots_nothing_is_charged() {
    let world = World::start().await;
    world.account("a").await;
    for group in 0..5 {
        add_lots(&world, "a", group * 98..(group + 1) * 98).await;
    }
    for number in 490..499 {
        let body = json!({ "amount": "1", "reason": "one of many" });
        world.operator.adjust("a", &format!("lot-{number}"), body).await.expect(201);
    }
    // Two purchases at once, with room for one, since a pending purchase counts. Each overtakes a repeat of itself that has read
    // that the key is new. The repeat must get the same answer, not a refusal for lack of room.
    let mut repeats = ["one", "other"].map(|key| Box::pin(world.buy_here("a", key, euros("50"))));
    let [one_repeat, other_repeat] = &mut repeats;
    let one_held = world.run_to(1, &mut one_repeat.as_mut()).await.expect_err("it makes more calls");
    let other_held = world.run_to(1, &mut other_repeat.as_mut()).await.expect_err("it makes more calls");
    let buy = |key| world.operator.buy("a", key, euros("50"));
    let (one, other) = tokio::join!(buy("one"), buy("other"));
    drop((one_held, other_held));
    let statuses = [one.status, other.status];
    assert!([[201, 409], [409, 201]].contains(&statuses), "{statuses:?}");
    let repeated: Vec<_> = bounded(join_all(repeats)).await.iter().map(|answer| answer.status).collect();
    assert_eq!(repeated, statuses);
    world.operator.buy("a", "late", euros("50")).await.expect(409);
    let body = json!({ "amount": "1", "reason": "too many" });
    world.operator.adjust("a", "too-many", body).await.expect(409);
    assert_eq!(world.operator.charges("a").await.len(), 1);
    assert_eq!(lots(&world, "a").await.len(), 500);
    world.operator.assert_books_balance("a").await;
}
