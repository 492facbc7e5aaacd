//! Adjustments by the operator: journal entries with a reason and an author, each made once (F9).

use std::pin::pin;

use futures_util::future::join_all;
use local::tokens::TokenRequest;
use scenarios::{Api, World, bounded, rated};
use serde_json::{Value, json};

fn adjustment(amount: &str) -> Value {
    json!({ "amount": amount, "reason": "goodwill" })
}

async fn world_at(instant: &str) -> World {
    let world = World::start().await;
    world.set_time(instant);
    world.account("a").await;
    world
}

async fn lots(world: &World) -> Vec<Value> {
    let answer = world.operator.get("/v1/accounts/a/lots").await.expect(200);
    answer["lots"].as_array().unwrap().clone()
}

#[tokio::test]
async fn f9_a_positive_adjustment_is_a_lot_of_twelve_months() {
    let world = world_at("2028-02-29T10:00:00Z").await;
    let row = world.operator.adjust("a", "k", adjustment("12.3456")).await.expect(201);
    assert_eq!((&row["kind"], &row["amount"]), (&json!("adjustment"), &json!("12.3456")));
    assert_eq!((&row["balance"], &row["reason"]), (&json!("12.3456"), &json!("goodwill")));
    let lots = lots(&world).await;
    assert_eq!(lots[0]["lotId"], row["lotId"]);
    assert_eq!(lots[0]["expiresAt"], "2029-02-28T10:00:00.000Z");
    assert_eq!(lots[0].get("purchaseId"), None, "there is no purchase");
    assert!(world.operator.charges("a").await.is_empty());
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f9_a_given_expiry_is_kept_and_must_be_in_the_future() {
    let world = world_at("2026-11-22T10:00:00Z").await;
    for (amount, expires_at, status) in [
        ("5", "2026-11-22T10:00:00.001Z", 201),
        ("5", "2030-01-01T00:00:00Z", 201),
        ("5", "2026-11-22T10:00:00Z", 422),
        ("5", "2025-01-01T00:00:00Z", 422),
        ("5", "9500-01-01T00:00:00Z", 422),
        ("-5", "2030-01-01T00:00:00Z", 422),
    ] {
        let body = json!({ "amount": amount, "reason": "goodwill", "expiresAt": expires_at });
        let answer = world.operator.adjust("a", &format!("{amount}@{expires_at}"), body).await.expect(status);
        if status == 422 {
            assert_eq!(answer["errors"][0]["field"], "expiresAt", "{answer}");
        }
    }
    let expiries: Vec<_> = lots(&world).await.iter().map(|lot| lot["expiresAt"].clone()).collect();
    assert_eq!(expiries, ["2026-11-22T10:00:00.001Z", "2030-01-01T00:00:00.000Z"]);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f9_a_negative_adjustment_draws_oldest_expiry_first() {
    let world = world_at("2026-11-22T10:00:00Z").await;
    for (key, expires_at) in [("later", "2027-06-01T00:00:00Z"), ("sooner", "2027-01-01T00:00:00Z")] {
        let body = json!({ "amount": "10", "reason": "funds", "expiresAt": expires_at });
        world.operator.adjust("a", key, body).await.expect(201);
    }
    let row = world.operator.adjust("a", "k", adjustment("-12")).await.expect(201);
    let drawn: Vec<_> = row["lots"].as_array().unwrap().iter().map(|draw| draw["amount"].clone()).collect();
    assert_eq!(drawn, ["10.0000", "2.0000"]);
    let lots = lots(&world).await;
    assert_eq!(lots.len(), 1);
    assert_eq!(
        (&lots[0]["remaining"], &lots[0]["expiresAt"]),
        (&json!("8.0000"), &json!("2027-06-01T00:00:00.000Z"))
    );
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f9_taking_more_than_is_available_needs_allow_negative() {
    let world = world_at("2026-11-22T10:00:00Z").await;
    world.operator.adjust("a", "funds", adjustment("5")).await.expect(201);
    world.operator.adjust("a", "too-much", adjustment("-5.0001")).await.expect(409);
    assert_eq!(world.operator.account("a").await["balance"], "5.0000", "nothing changed");
    let allowed = json!({ "amount": "-5.0001", "reason": "goodwill", "allowNegative": true });
    let row = world.operator.adjust("a", "told", allowed).await.expect(201);
    assert_eq!(row["balance"], "-0.0001");
    let account = world.operator.account("a").await;
    assert_eq!((&account["owed"], &account["status"]), (&json!("0.0001"), &json!("depleted")));
    world.operator.assert_books_balance("a").await;

    // An adjustment repays the owed amount first (F7).
    world.operator.adjust("a", "repay", adjustment("1")).await.expect(201);
    assert_eq!(lots(&world).await[0]["remaining"], "0.9999");
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f9_expired_funds_are_not_available_to_an_adjustment() {
    let world = world_at("2026-11-22T10:00:00Z").await;
    let body = json!({ "amount": "5", "reason": "funds", "expiresAt": "2026-11-23T00:00:00Z" });
    world.operator.adjust("a", "funds", body).await.expect(201);
    world.set_time("2026-11-23T00:00:00Z");
    world.operator.adjust("a", "k", adjustment("-1")).await.expect(409);
    let allowed = json!({ "amount": "-1", "reason": "goodwill", "allowNegative": true });
    world.operator.adjust("a", "told", allowed).await.expect(201);
    let account = world.operator.account("a").await;
    assert_eq!((&account["balance"], &account["owed"]), (&json!("4.0000"), &json!("1.0000")));
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f9_an_adjustment_names_its_author_and_reason() {
    let world = world_at("2026-11-22T10:00:00Z").await;
    let request =
        TokenRequest { role: "operator".into(), subject: Some("ada".into()), ..TokenRequest::default() };
    let ada = Api::new(world.host.url(), &world.host.machine().tokens.issue(request).unwrap());
    let body = json!({ "amount": "5", "reason": "  goodwill, ticket 42  " });
    ada.adjust("a", "k", body).await.expect(201);
    let rows = world.operator.transactions("a").await;
    assert_eq!((&rows[0]["author"], &rows[0]["reason"]), (&json!("ada"), &json!("goodwill, ticket 42")));
}

#[tokio::test]
async fn f9_an_invalid_adjustment_names_the_field() {
    let world = world_at("2026-11-22T10:00:00Z").await;
    for (body, field) in [
        (adjustment("0"), "amount"),
        (adjustment("0.00001"), "amount"),
        (adjustment("1000000000000000"), "amount"),
        (json!({ "amount": 5, "reason": "a number" }), "amount"),
        (json!({ "amount": "5" }), "reason"),
        (json!({ "amount": "5", "reason": " " }), "reason"),
        (json!({ "amount": "5", "reason": "x".repeat(501) }), "reason"),
        (json!({ "amount": "5", "reason": "x", "author": "somebody else" }), "author"),
    ] {
        let problem = world.operator.adjust("a", "k", body).await.expect(422);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let keyless = world.operator.post("/v1/accounts/a/adjustments", adjustment("5")).await.expect(422);
    assert_eq!(keyless["errors"][0]["field"], "Idempotency-Key");
    assert!(world.operator.transactions("a").await.is_empty());
    world.operator.adjust("a", "k", adjustment("5")).await.expect(201);
}

#[tokio::test]
async fn f9_only_the_operator_adjusts() {
    let world = world_at("2026-11-22T10:00:00Z").await;
    for role in ["admin", "viewer", "platform"] {
        world.client(role, &["a"]).adjust("a", "k", adjustment("5")).await.expect(403);
    }
    assert!(world.operator.transactions("a").await.is_empty());
}

#[tokio::test]
async fn f9_a_repeated_key_never_makes_a_second_adjustment() {
    let world = world_at("2026-11-22T10:00:00Z").await;
    let row = world.operator.adjust("a", "k", adjustment("5")).await.expect(201);
    world.set_time("2026-12-24T10:00:00Z");
    world.operator.adjust("a", "another", adjustment("-5")).await.expect(201);
    assert_eq!(world.operator.adjust("a", "k", adjustment("5.00")).await.expect(201), row);
    for other in [
        adjustment("6"),
        adjustment("-5"),
        json!({ "amount": "5", "reason": "another" }),
        json!({ "amount": "5", "reason": "goodwill", "allowNegative": true }),
        json!({ "amount": "5", "reason": "goodwill", "expiresAt": "2030-01-01T00:00:00Z" }),
    ] {
        world.operator.adjust("a", "k", other).await.expect(409);
    }
    assert_eq!(world.operator.transactions("a").await.len(), 2);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f9_twenty_identical_adjustments_at_once_are_one_row() {
    let world = world_at("2026-11-22T10:00:00Z").await;
    for amount in ["5", "-5"] {
        // The second amount is all that is available. Once it is taken, a repeat finds nothing left to take.
        let answers = join_all((0..20).map(|_| world.operator.adjust("a", amount, adjustment(amount)))).await;
        let rows: Vec<_> = answers.into_iter().map(|answer| answer.expect(201)).collect();
        assert!(rows.iter().all(|row| *row == rows[0]), "all answers give the same entry");
    }
    assert_eq!(world.operator.transactions("a").await.len(), 2);
    assert_eq!(world.operator.account("a").await["balance"], "0.0000");
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f9_an_adjustment_overtaken_by_its_repeat_gives_the_same_entry() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::on_disk(folder.path()).await;
    world.set_time("2026-11-22T10:00:00Z");
    world.account("a").await;
    world.operator.adjust("a", "funds", adjustment("5")).await.expect(201);
    world.host.stop().await;
    // A new process has no account in memory, so it reads before it decides.
    let world = World::on_disk(folder.path()).await;
    // It has read that the key is new. Then its repeat takes all that is available.
    let mut overtaken = pin!(world.adjust_here("a", "k", adjustment("-5")));
    let held = world.run_to(1, &mut overtaken).await.expect_err("it makes more calls");
    let row = world.operator.adjust("a", "k", adjustment("-5")).await.expect(201);
    drop(held);
    assert_eq!(bounded(overtaken).await.expect(201), row);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f9_adjustments_debits_and_purchases_at_once_keep_the_books() {
    let world = world_at("2026-11-22T10:00:00Z").await;
    let keys: Vec<_> = (0..10).map(|number| format!("k{number}")).collect();
    let adjusted = join_all(keys.iter().map(|key| world.operator.adjust("a", key, adjustment("5"))));
    let bought = join_all(keys.iter().map(|key| world.operator.buy("a", key, json!({ "amount": "50" }))));
    let debited = join_all(
        keys.iter()
            .map(async |key| world.operator.debit("a", &[rated(key, "2026-11-22T09:00:00Z", "2")]).await),
    );
    let (adjusted, bought, debited) = tokio::join!(adjusted, bought, debited);
    for answer in adjusted.into_iter().chain(bought) {
        answer.expect(201);
    }
    for answer in debited {
        assert_eq!(answer.expect(200)["accepted"], 1);
    }
    assert_eq!(world.operator.account("a").await["balance"], "530.0000");
    world.operator.assert_books_balance("a").await;
}
