//! Messages of Stripe, from the fake, about saved cards (F10), and messages that it could not deliver.

use std::time::Duration;

use domain::AccountId;
use domain::profile::PaymentMethod;
use reqwest::Client;
use scenarios::{World, bounded};
use serde_json::{Value, json};

/// How often a test asks whether a message has had its effect, every 20 ms.
const PATIENCE: usize = 500;

/// An account with a card at Stripe, and with auto-recharge on.
async fn world() -> World {
    let world = World::over_stripe().await;
    world.account("a").await;
    world.operator.buy("a", "k", json!({ "amount": "100" })).await.expect(201);
    let on = json!({ "enabled": true, "triggerAmount": "50", "rechargeAmount": "50" });
    let path = "/v1/accounts/a/auto-recharge";
    world.operator.send(reqwest::Method::PUT, path, &[], on).await.expect(200);
    world.drain().await;
    world
}

/// The saved card, with its names at Stripe.
async fn saved(world: &World) -> Option<PaymentMethod> {
    let store = &world.host.machine().functions.purchase_ports().store;
    let (_, profile) = store.account_with_profile(&AccountId::parse("a").unwrap()).await.unwrap().unwrap();
    profile.payment_method
}

/// Does something at Stripe: as the cardholder's bank, or in the dashboard.
async fn at_stripe(world: &World, path: &str, body: &Value) {
    let url = format!("{}/_fake/{path}", world.host.stripe().unwrap());
    let answer = bounded(Client::new().post(url).body(body.to_string()).send()).await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
}

/// Reads the account until it is as wanted.
async fn until(world: &World, is_wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..PATIENCE {
        let read = world.operator.account("a").await;
        if is_wanted(&read) {
            return read;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{}", world.operator.account("a").await);
}

fn has_no_card(account: &Value) -> bool {
    account["paymentMethod"].is_null()
}

#[tokio::test]
async fn f10_a_card_that_its_network_renews_gets_its_new_data() {
    let world = world().await;
    let card = saved(&world).await.unwrap();
    let new = json!({ "exp_month": 7, "exp_year": 2039, "last4": "1881" });
    at_stripe(&world, &format!("payment_methods/{}", card.token), &new).await;
    let account = until(&world, |account| account["paymentMethod"]["last4"] == "1881").await;
    assert_eq!(account["autoRecharge"]["state"], "armed");
    let renewed = saved(&world).await.unwrap();
    assert_eq!((renewed.card.exp_month, renewed.card.exp_year), (7, 2039));
    assert_eq!((renewed.token, renewed.customer), (card.token, card.customer));
}

#[tokio::test]
async fn f10_without_its_card_auto_recharge_is_off() {
    for deletes_customer in [false, true] {
        let world = world().await;
        let card = saved(&world).await.unwrap();
        let path = if deletes_customer {
            format!("customers/{}/delete", card.customer)
        } else {
            format!("payment_methods/{}/detach", card.token)
        };
        at_stripe(&world, &path, &json!({})).await;
        let account = until(&world, has_no_card).await;
        assert_eq!(account["autoRecharge"]["state"], "off", "{path}");
        assert_eq!(account["settingsChanged"]["paymentMethod"]["by"], "card processor", "{path}");
    }
}

#[tokio::test]
async fn f10_a_message_that_was_not_delivered_is_fetched_by_the_five_minute_run() {
    let world = world().await;
    let card = saved(&world).await.unwrap();
    at_stripe(&world, "deliveries", &json!({ "automatic": false })).await;
    at_stripe(&world, &format!("payment_methods/{}/detach", card.token), &json!({})).await;
    world.drain().await;
    assert!(saved(&world).await.is_some(), "nobody has told");
    let fetched = world.recover().await.fetched;
    assert!(fetched > 0);
    assert!(saved(&world).await.is_none());
    let version = world.operator.account("a").await["version"].clone();
    assert_eq!(world.recover().await.fetched, fetched, "it reads the same messages again");
    assert_eq!(world.operator.account("a").await["version"], version, "and they change nothing");
}
