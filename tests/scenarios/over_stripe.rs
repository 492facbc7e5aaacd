//! The whole host over Stripe's API, which a fake answers: what people do on the processor's pages comes back by the webhook.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use scenarios::{World, list, rated};
use serde_json::{Value, json};

const WANTS_OWNER: &str = "pm_card_authenticationRequired";

/// How often a test asks whether a message of the processor has had its effect, every 20 ms.
const PATIENCE: usize = 500;

async fn world() -> World {
    let world = World::over_stripe().await;
    world.account("a").await;
    world
}

/// Presses a button of a page of the processor. Returns where the answer leads.
async fn press(page: &str, form: &'static str) -> String {
    let browser = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    let sent = browser.post(page).header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer = sent.send().await.unwrap();
    assert!(answer.status().is_redirection(), "{page}: {}", answer.status());
    answer.headers()[LOCATION].to_str().unwrap().to_owned()
}

/// Reads the path until the answer is as wanted.
async fn until(world: &World, path: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..PATIENCE {
        let read = world.operator.get(path).await.expect(200);
        if is_wanted(&read) {
            return read;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{path}: {}", world.operator.get(path).await.body);
}

async fn put(world: &World, path: &str, body: Value) {
    world.operator.send(Method::PUT, &format!("/v1/accounts/a/{path}"), &[], body).await.expect(200);
}

#[tokio::test]
async fn f3_a_purchase_is_charged_once_and_a_decline_says_why() {
    let world = world().await;
    let bought = world.operator.buy("a", "k", json!({ "amount": "50" })).await.expect(201);
    assert_eq!(world.operator.buy("a", "k", json!({ "amount": "50" })).await.expect(201), bought);
    for (card, reason) in [
        ("pm_card_chargeDeclined", "card_declined"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedLostCard", "lost_card"),
    ] {
        let body = json!({ "amount": "50", "paymentMethod": card });
        let declined = world.operator.buy("a", card, body).await.expect(402);
        assert_eq!(declined["purchase"]["declineReason"], reason, "{card}");
    }
    assert_eq!(world.operator.account("a").await["balance"], "50.0000");
}

#[tokio::test]
async fn f4_the_owner_confirms_on_the_processors_page() {
    let world = world().await;
    for (form, status) in [("decision=approve", "succeeded"), ("decision=refuse", "declined")] {
        let body = json!({ "amount": "50", "paymentMethod": WANTS_OWNER });
        let asked = world.operator.buy("a", form, body).await.expect(202);
        let back = press(asked["nextAction"]["url"].as_str().unwrap(), form).await;
        let id = asked["purchaseId"].as_str().unwrap();
        assert!(back.starts_with(&format!("{}/accounts/a/purchases/{id}", world.host.url())), "{back}");
        let path = format!("/v1/accounts/a/purchases/{id}");
        let ended = until(&world, &path, |purchase| purchase["status"] != "needsAction").await;
        assert_eq!(ended["status"], status, "{ended}");
    }
    assert_eq!(world.operator.account("a").await["balance"], "50.0000");
}

#[tokio::test]
async fn f10_a_card_that_is_entered_on_the_processors_page_is_saved() {
    let world = world().await;
    let begun = world.operator.post("/v1/accounts/a/payment-method/setup", json!({})).await.expect(200);
    let back = press(begun["url"].as_str().unwrap(), "card=pm_card_mastercard").await;
    assert_eq!(back, format!("{}/accounts/a/payment-method?from=processor", world.host.url()));
    let saved = until(&world, "/v1/accounts/a", |account| account["paymentMethod"]["last4"] != "4242").await;
    assert_eq!(saved["paymentMethod"]["last4"], "4444");
    world.operator.buy("a", "k", json!({ "amount": "50" })).await.expect(201);
}

#[tokio::test]
async fn r4_a_recharge_waits_for_the_owner_on_our_page() {
    let world = world().await;
    world.operator.buy("a", "first", json!({ "amount": "110" })).await.expect(201);
    put(&world, "payment-method", json!({ "paymentMethod": WANTS_OWNER })).await;
    let on = json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "50" });
    put(&world, "auto-recharge", on).await;
    let now = world.host.machine().clock.now().to_string();
    world.operator.debit("a", &[rated("r", &now, "60")]).await.expect(200);
    world.drain().await;
    assert_eq!(world.operator.account("a").await["autoRecharge"]["state"], "needsAction");
    let listed = world.operator.get("/v1/accounts/a/purchases?limit=1").await.expect(200);
    let waiting = &list(&listed, "purchases")[0];
    let id = waiting["purchaseId"].as_str().unwrap();
    assert!(waiting["nextAction"]["url"].as_str().unwrap().starts_with(world.host.url()), "{waiting}");
    let asked = world.operator.confirm("a", id).await.expect(200);
    assert_eq!(world.operator.confirm("a", id).await.expect(200), asked, "a second press does no harm");
    press(asked["nextAction"]["url"].as_str().unwrap(), "decision=approve").await;
    let armed = |account: &Value| account["autoRecharge"]["state"] == "armed";
    assert_eq!(until(&world, "/v1/accounts/a", armed).await["balance"], "100.0000");
}

#[tokio::test]
async fn the_fake_goes_by_the_clock_of_the_host() {
    let world = world().await;
    world.set_time("2031-05-06T12:00:00Z");
    let body = json!({ "amount": "50", "paymentMethod": WANTS_OWNER });
    let asked = world.operator.buy("a", "k", body).await.expect(202);
    press(asked["nextAction"]["url"].as_str().unwrap(), "decision=approve").await;
    // A message that was signed at another time would be refused.
    until(&world, "/v1/accounts/a", |account| account["balance"] == "50.0000").await;
}

/// Stripe counts Kuwaiti dinars, which have three decimals, by the hundredth.
#[tokio::test]
async fn t3_a_refund_is_rounded_down_to_what_stripe_pays_back() {
    let world = World::over_stripe().await;
    world.account_in("a", "KWD").await;
    let bought = world.operator.buy("a", "k", json!({ "amount": "50.12" })).await.expect(201);
    let now = world.host.machine().clock.now().to_string();
    world.operator.debit("a", &[rated("r", &now, "0.005")]).await.expect(200);
    let id = bought["purchaseId"].as_str().unwrap();
    let shown = world.operator.get(&format!("/v1/accounts/a/purchases/{id}")).await.expect(200);
    assert_eq!(shown["refundableAmount"], "50.11000");
    let refunded = world.operator.refund("a", id, "r").await.expect(201);
    assert_eq!(refunded["refundedAmount"], "50.11000");
    assert_eq!(world.operator.account("a").await["balance"], "0.00500");
}

#[tokio::test]
async fn the_demo_organizations_pay_through_stripe() {
    let world = World::demo_over_stripe().await;
    let listed = world.operator.get("/v1/accounts/demo/purchases").await.expect(200);
    let statuses =
        |wanted: &str| list(&listed, "purchases").iter().filter(|one| one["status"] == wanted).count();
    assert!(statuses("succeeded") > 3 && statuses("declined") > 0, "{listed}");
}

#[tokio::test]
async fn x2_a_card_of_another_organization_is_refused() {
    let world = world().await;
    world.account("b").await;
    let begun = world.operator.post("/v1/accounts/a/payment-method/setup", json!({})).await.expect(200);
    press(begun["url"].as_str().unwrap(), "card=pm_card_mastercard").await;
    until(&world, "/v1/accounts/a", |account| account["paymentMethod"]["last4"] == "4444").await;
    let id = domain::AccountId::parse("a").unwrap();
    let store = &world.host.machine().functions.purchase_ports().store;
    let (_, profile) = store.account_with_profile(&id).await.unwrap().unwrap();
    let token = profile.payment_method.unwrap().token;
    let body = json!({ "amount": "50", "paymentMethod": token });
    world.operator.buy("b", "k", body.clone()).await.problem(422);
    world.operator.buy("a", "k", body).await.expect(201);
}
