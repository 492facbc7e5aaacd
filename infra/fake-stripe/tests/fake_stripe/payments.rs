//! Payment intents, from state to state.

use serde_json::{Value, json};

use crate::client::{Stripe, id, text};

#[tokio::test]
async fn a_card_is_charged_when_the_intent_is_confirmed() {
    let stripe = Stripe::start().await;
    let intent = stripe.intent("pm_card_visa").await;
    assert_eq!(stripe.look_up(&intent).await["status"], "requires_confirmation");
    assert_eq!(stripe.look_up(&intent).await["latest_charge"], Value::Null);

    let charged = stripe.confirm(&intent, &[("off_session", "true")]).await.ok();
    assert_eq!(charged["status"], "succeeded");
    assert_eq!(charged["amount_received"], 1000);
    let charge = stripe.look_up(&intent).await["latest_charge"].clone();
    assert_eq!(charge["status"], "succeeded");
    assert_eq!(charge["payment_intent"], *intent);

    let again = stripe.confirm(&intent, &[]).await.error(400);
    assert_eq!(again["code"], "payment_intent_unexpected_state");
    assert_eq!(again["payment_intent"]["status"], "succeeded");
    let events = stripe.events().await;
    assert_eq!(events[2..], ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]);
}

#[tokio::test]
async fn a_decline_is_not_final() {
    let stripe = Stripe::start().await;
    let intent = stripe.intent("pm_card_chargeDeclinedInsufficientFunds").await;
    let declined = stripe.confirm(&intent, &[]).await.error(402);
    assert_eq!(declined["type"], "card_error");
    assert_eq!(declined["code"], "card_declined");
    assert_eq!(declined["decline_code"], "insufficient_funds");
    assert_eq!(declined["payment_intent"]["id"], *intent);

    let object = stripe.look_up(&intent).await;
    assert_eq!(object["status"], "requires_payment_method");
    assert_eq!(object["payment_method"], Value::Null);
    assert_eq!(object["last_payment_error"]["decline_code"], "insufficient_funds");
    assert_eq!(object["latest_charge"]["outcome"]["reason"], "insufficient_funds");
    assert_eq!(object["latest_charge"]["failure_code"], "card_declined");

    let without_card = stripe.confirm(&intent, &[]).await.error(400);
    assert_eq!(without_card["code"], "payment_intent_unexpected_state");
    let other_card = [("payment_method", "pm_card_visa")];
    assert_eq!(stripe.confirm(&intent, &other_card).await.ok()["status"], "succeeded");
}

#[tokio::test]
async fn every_decline_says_whether_to_try_again() {
    let stripe = Stripe::start().await;
    for (token, code, reason, advice) in [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline", json!("try_again_later")),
        ("pm_card_chargeDeclinedLostCard", "card_declined", "lost_card", json!("do_not_try_again")),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card", json!("do_not_try_again")),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc", json!("confirm_card_data")),
        ("pm_card_radarBlock", "card_declined", "highest_risk_level", Value::Null),
    ] {
        let intent = stripe.intent(token).await;
        assert_eq!(stripe.confirm(&intent, &[]).await.error(402)["code"], code, "{token}");
        let charge = stripe.look_up(&intent).await["latest_charge"].clone();
        assert_eq!(charge["outcome"]["reason"], reason, "{token}");
        assert_eq!(charge["outcome"]["advice_code"], advice, "{token}");
        let is_blocked = charge["outcome"]["type"] == "blocked";
        assert_eq!(is_blocked, token == "pm_card_radarBlock");
    }
}

#[tokio::test]
async fn a_card_whose_last_month_is_over_has_expired() {
    let stripe = Stripe::start().await;
    let (customer, card) = stripe.customer_with("pm_card_visa").await;
    stripe.fake("/clock", json!({ "now": "2026-12-31T23:59:59Z" })).await;
    stripe.fake(&format!("/payment_methods/{card}"), json!({ "exp_month": 12, "exp_year": 2026 })).await;
    let form = [
        ("amount", "1000"),
        ("currency", "usd"),
        ("customer", &customer),
        ("payment_method", &card),
        ("confirm", "true"),
    ];
    stripe.post("/v1/payment_intents", &form).await.ok();
    stripe.fake("/clock", json!({ "advance_seconds": 1 })).await;
    assert_eq!(stripe.post("/v1/payment_intents", &form).await.error(402)["code"], "expired_card");
}

#[tokio::test]
async fn a_cancelled_intent_is_never_charged() {
    let stripe = Stripe::start().await;
    for token in ["pm_card_visa", "pm_card_chargeDeclined", "pm_card_authenticationRequired"] {
        let intent = stripe.intent(token).await;
        if token != "pm_card_visa" {
            stripe.confirm(&intent, &[("return_url", "https://portal.example/")]).await;
        }
        let cancel = format!("/v1/payment_intents/{intent}/cancel");
        let reason = [("cancellation_reason", "abandoned")];
        let cancelled = stripe.post(&cancel, &reason).await.ok();
        assert_eq!(cancelled["status"], "canceled");
        assert_eq!(cancelled["last_payment_error"], Value::Null);
        let refused = stripe.confirm(&intent, &[("payment_method", "pm_card_visa")]).await.error(400);
        assert_eq!(refused["code"], "payment_intent_unexpected_state");
        let decided = stripe
            .fake(&format!("/payment_intents/{intent}/authenticate"), json!({ "approved": true }))
            .await;
        assert_eq!(decided["status"], "canceled");
    }
    let paid = stripe.paid("pm_card_visa").await;
    let refused = stripe.post(&format!("/v1/payment_intents/{paid}/cancel"), &[]).await.error(400);
    assert_eq!(refused["code"], "payment_intent_unexpected_state");
    assert_eq!(refused["payment_intent"]["status"], "succeeded");
}

#[tokio::test]
async fn off_session_a_charge_that_wants_its_owner_is_declined() {
    let stripe = Stripe::start().await;
    let intent = stripe.intent("pm_card_authenticationRequired").await;
    let refused = stripe.confirm(&intent, &[("off_session", "true")]).await.error(402);
    assert_eq!(refused["code"], "authentication_required");
    assert_eq!(refused["payment_intent"]["status"], "requires_payment_method");
    let card = id(&refused["payment_intent"]["last_payment_error"]["payment_method"]);

    let form = [("payment_method", card.as_str()), ("return_url", "https://portal.example/back?a=b")];
    let asked = stripe.confirm(&intent, &form).await.ok();
    assert_eq!(asked["status"], "requires_action");
    assert_eq!(asked["next_action"]["type"], "redirect_to_url");
}

#[tokio::test]
async fn a_card_that_was_set_up_on_a_page_is_charged_without_its_owner() {
    let stripe = Stripe::start().await;
    let attached = stripe.intent("pm_card_authenticationRequiredOnSetup").await;
    stripe.confirm(&attached, &[("off_session", "true")]).await.error(402);

    let customer = stripe.customer().await;
    let form = [
        ("mode", "setup"),
        ("currency", "usd"),
        ("customer", &customer),
        ("success_url", "https://portal.example/"),
    ];
    let session = stripe.post("/v1/checkout/sessions", &form).await.ok();
    let enter = format!("/checkout/sessions/{}/enter", id(&session));
    stripe.fake(&enter, json!({ "card": "pm_card_authenticationRequiredOnSetup" })).await;
    let cards = stripe.get(&format!("/v1/customers/{customer}/payment_methods")).await.ok();
    let card = id(&cards["data"][0]);
    let form = [
        ("amount", "1000"),
        ("currency", "usd"),
        ("customer", &customer),
        ("payment_method", &card),
        ("confirm", "true"),
        ("off_session", "true"),
    ];
    assert_eq!(stripe.post("/v1/payment_intents", &form).await.ok()["status"], "succeeded");
}

/// Answers the page that an intent leads its owner to. Returns where it leads back to.
async fn decide(stripe: &Stripe, intent: &str, decision: &str) -> String {
    let asked = stripe.confirm(intent, &[("return_url", "https://portal.example/back?a=b")]).await.ok();
    let url = text(&asked["next_action"]["redirect_to_url"]["url"]);
    let page = stripe.http.get(&url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("1000 USD") && page.contains("value=\"refuse\""), "{page}");
    let form = format!("decision={decision}");
    let answer =
        stripe.http.post(&url).header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 303);
    let page = stripe.http.get(&url).send().await.unwrap().text().await.unwrap();
    assert!(!page.contains("<button"), "{page}");
    answer.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_owner_decides_on_a_page() {
    let stripe = Stripe::start().await;
    for (token, decision, status, code) in [
        ("pm_card_authenticationRequired", "approve", "succeeded", Value::Null),
        (
            "pm_card_authenticationRequired",
            "refuse",
            "requires_payment_method",
            json!("payment_intent_authentication_failure"),
        ),
        (
            "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
            "approve",
            "requires_payment_method",
            json!("card_declined"),
        ),
    ] {
        let intent = stripe.intent(token).await;
        let back = decide(&stripe, &intent, decision).await;
        assert!(
            back.starts_with(&format!("https://portal.example/back?a=b&payment_intent={intent}&")),
            "{back}"
        );
        let object = stripe.look_up(&intent).await;
        assert_eq!(object["status"], status);
        assert_eq!(object["last_payment_error"]["code"], code);
        assert_eq!(object["next_action"], Value::Null);
    }
}

#[tokio::test]
async fn a_charge_can_take_its_time() {
    let stripe = Stripe::start().await;
    for (declined, status) in [(false, "succeeded"), (true, "requires_payment_method")] {
        let intent = stripe.paid("pm_fake_processing").await;
        assert_eq!(stripe.look_up(&intent).await["status"], "processing");
        stripe.post(&format!("/v1/payment_intents/{intent}/cancel"), &[]).await.error(400);
        stripe.confirm(&intent, &[]).await.error(400);
        stripe.fake(&format!("/payment_intents/{intent}/settle"), json!({ "declined": declined })).await;
        assert_eq!(stripe.look_up(&intent).await["status"], status);
    }
}

#[tokio::test]
async fn an_object_can_contradict_its_creation() {
    let stripe = Stripe::start().await;
    let intent = stripe.paid("pm_card_visa").await;
    let wrong = json!({ "status": "requires_capture", "amount_received": 1, "currency": "eur" });
    stripe.fake(&format!("/payment_intents/{intent}"), wrong).await;
    let object = stripe.look_up(&intent).await;
    assert_eq!(object["status"], "requires_capture");
    assert_eq!(object["amount_received"], 1);
    assert_eq!(object["currency"], "eur");
}

#[tokio::test]
async fn the_intents_of_a_customer_are_listed_page_by_page() {
    let stripe = Stripe::start().await;
    stripe.intent("pm_card_visa").await;
    let (customer, card) = stripe.customer_with("pm_card_visa").await;
    let form = [
        ("amount", "1000"),
        ("currency", "usd"),
        ("customer", customer.as_str()),
        ("payment_method", card.as_str()),
    ];
    let mut created = Vec::new();
    for _ in 0..5 {
        created.push(id(&stripe.post("/v1/payment_intents", &form).await.ok()));
    }
    created.reverse();

    let list = format!("/v1/payment_intents?customer={customer}&limit=2");
    let mut seen = Vec::new();
    let mut next = list.clone();
    loop {
        let page = stripe.get(&next).await.ok();
        seen.extend(page["data"].as_array().unwrap().iter().map(id));
        if page["has_more"] == false {
            break;
        }
        next = format!("{list}&starting_after={}", seen.last().unwrap());
    }
    assert_eq!(seen, created);
    let before = stripe.get(&format!("{list}&ending_before={}", created[3])).await.ok();
    let before: Vec<_> = before["data"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(before, created[1..3]);
    stripe.get(&format!("{list}&starting_after=pi_none")).await.error(400);
    stripe.get("/v1/payment_intents?limit=101").await.error(400);
}

#[tokio::test]
async fn wrong_amounts_and_parameters_are_refused() {
    let stripe = Stripe::start().await;
    for (amount, currency, code) in [
        ("49", "usd", json!("amount_too_small")),
        ("100000000", "usd", json!("amount_too_large")),
        ("150", "isk", Value::Null),
        ("10001", "kwd", Value::Null),
        ("1.5", "usd", json!("parameter_invalid_integer")),
        ("1000", "xxx", Value::Null),
    ] {
        let form = [("amount", amount), ("currency", currency)];
        let refused = stripe.post("/v1/payment_intents", &form).await.error(400);
        assert_eq!(refused["code"], code, "{amount} {currency}");
    }
    let form = [("amount", "1000"), ("currency", "usd"), ("colour", "red")];
    assert_eq!(stripe.post("/v1/payment_intents", &form).await.error(400)["code"], "parameter_unknown");
    let form = [("amount", "1000"), ("currency", "usd"), ("off_session", "true")];
    stripe.post("/v1/payment_intents", &form).await.error(400);
    assert_eq!(stripe.get("/v1/payment_intents").await.ok()["data"], json!([]));
    stripe.get("/v1/payment_intents?expand[]=data.colour").await.ok();
    stripe.intent("pm_card_visa").await;
    stripe.get("/v1/payment_intents?expand[]=data.colour").await.error(400);
}
