//! Saving a card that a person enters on the card processor's own page (F10, X2).

use local::faults::{Fault, Kind, Target};
use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode};
use scenarios::{Answer, World, list, rated};
use serde_json::{Value, json};

const NOON: &str = "2026-11-22T12:00:00Z";

async fn world() -> World {
    let world = World::start().await;
    world.set_time(NOON);
    world.account("a").await;
    world
}

/// Begins a set-up as this person. Returns the path of its page.
async fn begin(world: &World, body: Value) -> String {
    let admin = world.client("admin", &["a"]);
    let begun = admin.post("/v1/accounts/a/payment-method/setup", body).await.expect(200);
    begun["url"].as_str().unwrap().strip_prefix(world.host.url()).unwrap().to_owned()
}

/// Chooses a card on the page. Returns the status, and where the answer leads.
async fn choose(world: &World, page: &str, card: &str) -> (StatusCode, Option<String>) {
    let browser = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    let form = browser.post(format!("{}{page}", world.host.url()));
    let form = form.header("content-type", "application/x-www-form-urlencoded").body(format!("card={card}"));
    let answer = form.send().await.unwrap();
    let location = answer.headers().get(LOCATION).map(|location| location.to_str().unwrap().to_owned());
    (answer.status(), location)
}

/// Chooses a card, which must lead back to the portal.
async fn enter(world: &World, page: &str, card: &str) {
    let back = format!("{}/accounts/a/payment-method?from=processor", world.host.url());
    assert_eq!(choose(world, page, card).await, (StatusCode::SEE_OTHER, Some(back)));
    world.drain().await;
}

async fn put(world: &World, path: &str, body: Value) -> Answer {
    world.operator.send(Method::PUT, &format!("/v1/accounts/a/{path}"), &[], body).await
}

/// The last digits of the card and of the backup card.
async fn cards(world: &World) -> (Value, Value) {
    let account = world.operator.account("a").await;
    (account["paymentMethod"]["last4"].clone(), account["backup"]["last4"].clone())
}

async fn text_of(world: &World, page: &str) -> String {
    world.operator.get(page).await.expect(200).as_str().unwrap().to_owned()
}

#[tokio::test]
async fn f10_a_card_that_is_entered_on_the_processors_page_is_saved() {
    let world = world().await;
    let told = json!({ "notificationEmails": ["ada@example.com"] });
    world.operator.send(Method::PATCH, "/v1/accounts/a", &[], told).await.expect(200);
    let page = begin(&world, json!({})).await;
    assert_eq!(cards(&world).await, (json!("4242"), Value::Null), "beginning a set-up changes nothing");
    let shown = text_of(&world, &page).await;
    for part in ["4444", "is declined: insufficient funds", "Back without a card", "lang=\"en\""] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    world.drain().await;
    world.operator.send(Method::DELETE, "/_local/mail", &[], Value::Null).await.expect(204);
    enter(&world, &page, "pm_card_mastercard").await;
    assert_eq!(cards(&world).await, (json!("4444"), Value::Null));
    let mails = world.operator.get("/_local/mail?to=ada@example.com").await.expect(200);
    let [mail] = mails.as_array().unwrap().as_slice() else { panic!("one mail (N9): {mails}") };
    for part in ["4444", "admin"] {
        assert!(mail["text"].as_str().unwrap().contains(part), "the author began the set-up: {mail}");
    }
    let shown = text_of(&world, &page).await;
    assert!(shown.contains("A card was entered here") && !shown.contains("<form"), "{shown}");
}

#[tokio::test]
async fn f10_a_backup_card_needs_a_card_that_it_stands_in_for() {
    let world = world().await;
    let page = begin(&world, json!({ "backup": true })).await;
    assert!(text_of(&world, &page).await.contains("a backup card"));
    enter(&world, &page, "pm_card_mastercard").await;
    assert_eq!(cards(&world).await, (json!("4242"), json!("4444")));
    let main = begin(&world, json!({ "backup": false })).await;
    enter(&world, &main, "pm_card_chargeDeclined").await;
    assert_eq!(cards(&world).await, (json!("0002"), json!("4444")), "the backup stays");

    let path = "/v1/accounts/a/payment-method";
    world.operator.send(Method::DELETE, path, &[], Value::Null).await.expect(200);
    let backup = json!({ "backup": true });
    let refused = world.operator.post("/v1/accounts/a/payment-method/setup", backup).await.problem(409);
    assert_eq!(refused["code"], "noPaymentMethod");
}

#[tokio::test]
async fn x2_the_page_is_in_the_accounts_language_and_leads_back_without_a_card() {
    let world = world().await;
    let french = json!({ "locale": "fr" });
    world.operator.send(Method::PATCH, "/v1/accounts/a", &[], french).await.expect(200);
    let before = world.operator.account("a").await;
    let shown = text_of(&world, &begin(&world, json!({})).await).await;
    let back = format!("<a href=\"{}/accounts/a/payment-method?from=processor\">", world.host.url());
    for part in ["lang=\"fr\"", "est refusée : provision insuffisante", "Retour sans carte", &back] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("<script") && !shown.contains("<input"), "no field for a card's number: {shown}");
    assert_eq!(world.operator.account("a").await, before);
}

#[tokio::test]
async fn f10_the_same_form_twice_saves_one_card_once() {
    let world = world().await;
    let page = begin(&world, json!({})).await;
    enter(&world, &page, "pm_card_mastercard").await;
    let saved = world.operator.account("a").await;
    for card in ["pm_card_mastercard", "pm_card_chargeDeclined"] {
        enter(&world, &page, card).await;
        assert_eq!(world.operator.account("a").await, saved, "{card}: the set-up keeps its first card");
    }
    // The processor's message comes once more after another card was saved.
    put(&world, "payment-method", json!({ "paymentMethod": "pm_card_visa" })).await.expect(200);
    enter(&world, &page, "pm_card_mastercard").await;
    assert_eq!(cards(&world).await.0, "4242", "the replaced card does not come back");
    // The same holds for a set-up that changed nothing, since its card was saved already.
    let same = begin(&world, json!({})).await;
    enter(&world, &same, "pm_card_visa").await;
    put(&world, "payment-method", json!({ "paymentMethod": "pm_card_mastercard" })).await.expect(200);
    enter(&world, &same, "pm_card_visa").await;
    assert_eq!(cards(&world).await.0, "4444");
}

#[tokio::test]
async fn f10_a_card_that_could_not_be_saved_is_saved_when_the_message_comes_again() {
    let world = world().await;
    for (target, kind) in [(Target::Processor, Kind::Down), (Target::Database, Kind::Down)] {
        let page = begin(&world, json!({})).await;
        let before = cards(&world).await;
        world.fail(Fault { target: Some(target), kind, skip: 0, count: usize::MAX }).await;
        let card = if before.0 == "4242" { "pm_card_mastercard" } else { "pm_card_visa" };
        assert_eq!(choose(&world, &page, card).await.0, StatusCode::SERVICE_UNAVAILABLE, "{target:?}");
        world.faults().disarm();
        assert_eq!(cards(&world).await, before, "{target:?}");
        enter(&world, &page, card).await;
        assert_ne!(cards(&world).await, before, "{target:?}");
    }
    world.take_down(Target::Processor);
    world.operator.post("/v1/accounts/a/payment-method/setup", json!({})).await.problem(503);
}

#[tokio::test]
async fn f10_a_page_takes_no_card_after_a_day() {
    let world = world().await;
    let (late, in_time) = (begin(&world, json!({})).await, begin(&world, json!({})).await);
    world.set_time("2026-11-23T11:59:59.999Z");
    enter(&world, &in_time, "pm_card_mastercard").await;
    world.set_time("2026-11-23T12:00:00Z");
    assert_eq!(choose(&world, &late, "pm_card_chargeDeclined").await, (StatusCode::OK, None));
    let shown = text_of(&world, &late).await;
    assert!(shown.contains("no card was saved") && !shown.contains("<form"), "{shown}");
    assert_eq!(cards(&world).await.0, "4444");
}

#[tokio::test]
async fn x1_a_set_up_is_for_those_who_may_change_the_account() {
    let world = world().await;
    world.account("b").await;
    let path = "/v1/accounts/a/payment-method/setup";
    for role in ["viewer", "platform"] {
        world.client(role, &["a"]).post(path, json!({})).await.problem(403);
    }
    let theirs = world.client("admin", &["b"]).post(path, json!({})).await.problem(404);
    let nobodys = "/v1/accounts/nobody/payment-method/setup";
    assert_eq!(theirs, world.client("admin", &["b"]).post(nobodys, json!({})).await.problem(404));
    for (body, code) in [(json!({ "backup": "yes" }), "wrongType"), (json!({ "color": 1 }), "unknown")] {
        assert_eq!(world.operator.post(path, body).await.problem(422)["errors"][0]["code"], code);
    }
    let page = begin(&world, json!({})).await;
    for card in ["pm_nobody_knows", "4242424242424242", ""] {
        assert_eq!(choose(&world, &page, card).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{card}");
    }
    for unknown in ["/_local/cards/cs_0", "/_local/cards/pi_0"] {
        world.operator.get(unknown).await.problem(404);
        assert_eq!(choose(&world, unknown, "pm_card_visa").await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(cards(&world).await, (json!("4242"), Value::Null));
}

#[tokio::test]
async fn f10_a_failed_recharge_is_charged_at_once_to_a_card_that_is_entered() {
    let world = world().await;
    world.operator.buy("a", "first", json!({ "amount": "110" })).await.expect(201);
    put(&world, "payment-method", json!({ "paymentMethod": "pm_card_chargeDeclined" })).await.expect(200);
    let on = json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "50" });
    put(&world, "auto-recharge", on).await.expect(200);
    world.operator.debit("a", &[rated("r", "2026-11-22T08:00:00Z", "60")]).await.expect(200);
    world.drain().await;
    assert_eq!(world.operator.account("a").await["autoRecharge"]["state"], "waiting");
    let page = begin(&world, json!({})).await;
    enter(&world, &page, "pm_card_mastercard").await;
    let account = world.operator.account("a").await;
    assert_eq!(
        (&account["autoRecharge"]["state"], &account["available"]),
        (&json!("armed"), &json!("100.0000"))
    );
    let purchases = world.operator.get("/v1/accounts/a/purchases").await.expect(200);
    let recharges = list(&purchases, "purchases").iter().filter(|purchase| purchase["kind"] == "recharge");
    let charged: Vec<_> = recharges
        .filter(|recharge| recharge["status"] == "succeeded")
        .map(|recharge| &recharge["card"]["last4"])
        .collect();
    assert_eq!(charged, ["4444"]);
    world.operator.assert_books_balance("a").await;
}
