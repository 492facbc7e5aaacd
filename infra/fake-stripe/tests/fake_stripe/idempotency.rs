//! Idempotency keys.

use fake_stripe::Options;
use serde_json::json;

use crate::client::Stripe;

#[tokio::test]
async fn a_key_gets_the_same_answer_again() {
    let stripe = Stripe::start().await;
    let form = [("name", "Acme")];
    let first = stripe.post_once("key", "/v1/customers", &form).await;
    let again = stripe.post_once("key", "/v1/customers", &form).await;
    assert!(!first.headers.contains_key("idempotent-replayed"));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.headers["original-request"], first.headers["request-id"]);
    assert_eq!(again.ok(), first.ok());
    assert_eq!(stripe.get("/v1/customers").await.ok()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let stripe = Stripe::start().await;
    stripe.post_once("key", "/v1/customers", &[("name", "Acme")]).await.ok();
    let other_body = stripe.post_once("key", "/v1/customers", &[("name", "Other")]).await.error(400);
    assert_eq!(other_body["type"], "idempotency_error");
    let form = [("amount", "1000"), ("currency", "usd")];
    let other_endpoint = stripe.post_once("key", "/v1/payment_intents", &form).await.error(400);
    assert_eq!(other_endpoint["type"], "idempotency_error");

    stripe.fake("/clock", json!({ "advance_seconds": 24 * 3600 })).await;
    stripe.post_once("key", "/v1/customers", &[("name", "Other")]).await.ok();
}

#[tokio::test]
async fn a_decline_is_kept_under_its_key() {
    let stripe = Stripe::start().await;
    let intent = stripe.intent("pm_card_chargeDeclined").await;
    let confirm = format!("/v1/payment_intents/{intent}/confirm");
    for _ in 0..2 {
        let declined = stripe.post_once("key", &confirm, &[]).await.error(402);
        assert_eq!(declined["code"], "card_declined");
    }
    let charges = stripe.get(&format!("/v1/charges?payment_intent={intent}")).await.ok();
    assert_eq!(charges["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_wrong_parameter_is_not_kept() {
    let stripe = Stripe::start().await;
    let path = "/v1/payment_intents";
    stripe.post_once("key", path, &[("currency", "usd")]).await.error(400);
    stripe.post_once("key", path, &[("currency", "usd"), ("amount", "1000")]).await.ok();
}

#[tokio::test]
async fn a_key_in_use_is_refused() {
    let stripe = Stripe::start().await;
    stripe.arm("before", json!("hold")).await;
    let form = [("name", "Acme")];
    let held = stripe.form("/v1/customers", &form).header("idempotency-key", "key");
    let held = tokio::spawn(held.send());
    // The fault is over once it holds the call.
    while stripe.get_fake("/faults").await != json!({ "faults": [] }) {
        tokio::task::yield_now().await;
    }
    let refused = stripe.post_once("key", "/v1/customers", &form).await.error(409);
    assert_eq!(refused["code"], "idempotency_key_in_use");
    stripe.fake("/release", json!({})).await;
    assert_eq!(held.await.unwrap().unwrap().status(), 200);
    let again = stripe.post_once("key", "/v1/customers", &form).await;
    assert_eq!(again.headers["idempotent-replayed"], "true");
}

#[tokio::test]
async fn what_is_in_the_file_survives() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { file: Some(folder.path().join("stripe.jsonl")), ..Options::default() };
    let stripe = Stripe::start_with(options()).await;
    let intent = stripe.intent("pm_card_visa").await;
    let confirm = format!("/v1/payment_intents/{intent}/confirm");
    let charged = stripe.post_once("key", &confirm, &[]).await.ok();
    let asked = stripe.intent("pm_card_authenticationRequired").await;
    stripe.confirm(&asked, &[("return_url", "https://portal.example/")]).await.ok();
    let events = stripe.events().await;
    drop(stripe);

    let stripe = Stripe::start_with(options()).await;
    assert_eq!(stripe.look_up(&intent).await["status"], "succeeded");
    assert_eq!(stripe.events().await, events);
    let again = stripe.post_once("key", &confirm, &[]).await;
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.ok(), charged);
    let page = &stripe.look_up(&asked).await["next_action"]["redirect_to_url"]["url"];
    assert_eq!(
        *page,
        format!("{}/authenticate/{asked}", stripe.fake.url()),
        "pages are where the fake is now"
    );
}
