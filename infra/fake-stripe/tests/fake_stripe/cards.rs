//! Customers, and their cards.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Stripe, id, text};

#[tokio::test]
async fn a_customer_is_found_once_the_index_has_it() {
    let stripe = Stripe::start().await;
    let customer = stripe.customer().await;
    let search = "/v1/customers/search?query=metadata%5B%27account%27%5D%3A%27acc_1%27";
    assert_eq!(stripe.get(search).await.ok()["data"], json!([]));

    stripe.fake("/clock", json!({ "advance_seconds": 61 })).await;
    assert_eq!(stripe.get(search).await.ok()["data"][0]["id"], *customer);

    let late = stripe.customer().await;
    assert_eq!(stripe.get(search).await.ok()["data"].as_array().unwrap().len(), 1);
    stripe.fake("/search", json!({})).await;
    assert_eq!(stripe.get(search).await.ok()["data"][0]["id"], *late);

    let other = "/v1/customers/search?query=metadata%5B%27account%27%5D%3A%27acc_2%27";
    assert_eq!(stripe.get(other).await.ok()["data"], json!([]));
}

#[tokio::test]
async fn a_deleted_customer_has_no_cards() {
    let stripe = Stripe::start().await;
    let (customer, card) = stripe.customer_with("pm_card_visa").await;
    stripe.delete(&format!("/v1/customers/{customer}")).await.ok();

    let deleted = stripe.get(&format!("/v1/customers/{customer}")).await.ok();
    assert_eq!(deleted, json!({ "id": customer, "object": "customer", "deleted": true }));
    let detached = stripe.get(&format!("/v1/payment_methods/{card}")).await.ok();
    assert_eq!(detached["customer"], Value::Null);
    let refused = stripe.post("/v1/payment_intents", &intent_of(&customer, &card)).await.error(400);
    assert_eq!(refused["code"], "resource_missing");
    let events = stripe.events().await;
    assert_eq!(events[2..], ["payment_method.detached", "customer.deleted"]);
}

fn intent_of<'a>(customer: &'a str, card: &'a str) -> [(&'static str, &'a str); 4] {
    [("amount", "1000"), ("currency", "usd"), ("customer", customer), ("payment_method", card)]
}

#[tokio::test]
async fn a_card_belongs_to_one_customer_for_ever() {
    let stripe = Stripe::start().await;
    let (owner, card) = stripe.customer_with("pm_card_visa").await;
    let other = stripe.customer().await;

    let attach = format!("/v1/payment_methods/{card}/attach");
    stripe.post(&attach, &[("customer", &owner)]).await.ok();
    stripe.post(&attach, &[("customer", &other)]).await.error(400);
    let refused = stripe.post("/v1/payment_intents", &intent_of(&other, &card)).await.error(400);
    assert_eq!(refused["param"], "payment_method");

    stripe.post(&format!("/v1/payment_methods/{card}/detach"), &[]).await.ok();
    for customer in [&owner, &other] {
        stripe.post(&attach, &[("customer", customer)]).await.error(400);
    }
    stripe.post("/v1/payment_intents", &intent_of(&owner, &card)).await.error(400);
    stripe.get(&format!("/v1/customers/{owner}/payment_methods/{card}")).await.error(404);
}

async fn session(stripe: &Stripe, customer: &str) -> Value {
    let form = [
        ("mode", "setup"),
        ("customer", customer),
        ("payment_method_types[]", "card"),
        ("success_url", "https://portal.example/back?session={CHECKOUT_SESSION_ID}"),
        ("cancel_url", "https://portal.example/cancel"),
        ("metadata[account]", "acc_1"),
        ("expand[]", "setup_intent"),
    ];
    stripe.post("/v1/checkout/sessions", &form).await.ok()
}

async fn page(stripe: &Stripe, object: &Value) -> String {
    let page = stripe.http.get(text(object)).send().await.unwrap();
    assert_eq!(page.status(), 200);
    page.text().await.unwrap()
}

#[tokio::test]
async fn a_card_is_entered_on_the_page_of_a_session() {
    let stripe = Stripe::start().await;
    let customer = stripe.customer().await;
    let open = session(&stripe, &customer).await;
    assert_eq!(open["setup_intent"]["status"], "requires_payment_method");
    let asks = page(&stripe, &open["url"]).await;
    assert!(asks.contains("value=\"pm_card_mastercard\"") && asks.contains("mastercard •••• 4444"), "{asks}");
    assert!(asks.contains("href=\"https://portal.example/cancel\""), "{asks}");

    let form = "card=pm_card_mastercard";
    let entered = stripe.http.post(text(&open["url"])).body(form);
    let entered = entered.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    assert_eq!(entered.status(), 303);
    let back = format!("https://portal.example/back?session={}", id(&open));
    assert_eq!(entered.headers()["location"], *back);

    let path = format!("/v1/checkout/sessions/{}?expand[]=setup_intent.payment_method", id(&open));
    let complete = stripe.get(&path).await.ok();
    assert_eq!(complete["status"], "complete");
    assert_eq!(complete["url"], Value::Null);
    assert_eq!(complete["metadata"]["account"], "acc_1");
    assert_eq!(complete["setup_intent"]["payment_method"]["card"]["last4"], "4444");
    assert_eq!(complete["setup_intent"]["payment_method"]["customer"], *customer);
    let saved = page(&stripe, &open["url"]).await;
    assert!(saved.contains("A card has been saved.") && !saved.contains("<button"), "{saved}");
    let events = stripe.events().await;
    assert_eq!(
        events[1..],
        [
            "setup_intent.created",
            "payment_method.attached",
            "setup_intent.succeeded",
            "checkout.session.completed"
        ]
    );
}

#[tokio::test]
async fn a_session_expires() {
    let stripe = Stripe::start().await;
    let customer = stripe.customer().await;
    let late = session(&stripe, &customer).await;
    let withdrawn = session(&stripe, &customer).await;
    let expire = format!("/v1/checkout/sessions/{}/expire", id(&withdrawn));
    assert_eq!(stripe.post(&expire, &[]).await.ok()["status"], "expired");
    stripe.post(&expire, &[]).await.error(400);

    stripe.fake("/clock", json!({ "advance_seconds": 24 * 3600 })).await;
    let gone = page(&stripe, &late["url"]).await;
    assert!(gone.contains("This page has expired."), "{gone}");
    let entered = stripe
        .fake(&format!("/checkout/sessions/{}/enter", id(&late)), json!({ "card": "pm_card_visa" }))
        .await;
    assert_eq!(entered["status"], "expired");
    let cards = stripe.get(&format!("/v1/customers/{customer}/payment_methods")).await.ok();
    assert_eq!(cards["data"], json!([]));
}

#[tokio::test]
async fn pages_are_in_the_language_of_the_person() {
    let stripe = Stripe::start().await;
    let open = session(&stripe, &stripe.customer().await).await;
    let page = stripe.http.get(text(&open["url"])).header("accept-language", "fr-CH").send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("lang=\"fr\"") && page.contains("est refusée"), "{page}");
}

#[tokio::test]
async fn networks_update_cards() {
    let stripe = Stripe::start().await;
    let (_, card) = stripe.customer_with("pm_card_visa").await;
    let new = json!({ "exp_month": 1, "exp_year": 2027, "last4": "1881" });
    stripe.fake(&format!("/payment_methods/{card}"), new).await;
    let updated = stripe.get(&format!("/v1/payment_methods/{card}")).await.ok();
    assert_eq!(updated["card"]["last4"], "1881");
    assert_eq!(updated["card"]["exp_year"], 2027);
    assert_eq!(stripe.events().await.last().unwrap(), "payment_method.automatically_updated");
}

#[tokio::test]
async fn only_known_keys_and_versions_are_served() {
    let mut stripe = Stripe::start().await;
    stripe.fake("/keys", json!({ "keys": ["rk_test_2"] })).await;
    stripe.get("/v1/customers").await.error(401);
    stripe.key = "rk_test_2";
    stripe.get("/v1/customers").await.ok();
    for key in ["sk_live_1", ""] {
        stripe.key = key;
        stripe.get("/v1/customers").await.error(401);
    }
    stripe.key = "rk_test_2";
    let request = stripe.request(Method::GET, "/v1/customers");
    let response = request.header("stripe-version", "2020-08-27").send().await.unwrap();
    assert_eq!(response.status(), 400);
    stripe.get("/v1/invoices").await.error(404);
}
