//! Messages of the card processor: verified, queued, and handled by what the processor and the books say (F3-F5, F10).

use std::slice;

use domain::{AccountId, Currency, Money, PaymentId};
use jiff::{SignedDuration, Timestamp};
use local::faults::{Fault, Kind, Target};
use local::functions::WEBHOOK_SECRET;
use local::queues::Delivery;
use payments::{Confirmation, NewIntent, Processor};
use reqwest::{Client, Method};
use scenarios::{World, bounded};
use serde_json::{Value, json};
use stripe::webhook::EndpointSecret;

const NOON: &str = "2026-11-22T12:00:00Z";

async fn world() -> World {
    let world = World::start().await;
    world.set_time(NOON);
    world.account("a").await;
    world
}

fn now(world: &World) -> Timestamp {
    world.host.machine().clock.now()
}

/// The header `Stripe-Signature` of a body.
fn signature(body: &str, secret: &str, at: Timestamp) -> String {
    EndpointSecret::new(secret).sign(body.as_bytes(), at)
}

/// A message of this type about an object.
fn message(kind: &str, object: &Value) -> Value {
    json!({
        "id": format!("evt_{:016x}", fastrand::u64(..)),
        "object": "event",
        "type": kind,
        "livemode": false,
        "created": 1_795_348_800,
        "data": { "object": object },
    })
}

/// A message about a charge, as Stripe sends it: the object has the metadata that it was created with.
fn about_charge(kind: &str, intent: &str, payment: &str) -> Value {
    let metadata = json!({ "account": "a", "payment": payment, "attempt": "1" });
    message(kind, &json!({ "id": intent, "object": "payment_intent", "metadata": metadata }))
}

/// Sends a body with this signature. Returns the status and the answer.
async fn post(world: &World, body: &str, signature: &str) -> (u16, Value) {
    let url = format!("{}/v1/webhooks/stripe", world.host.url());
    let request = Client::new().post(url).header("content-type", "application/json; charset=utf-8");
    let sent = request.header("stripe-signature", signature).body(body.to_owned()).send();
    let answer = bounded(sent).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

/// Sends a message as the card processor does. Returns the status.
async fn send(world: &World, message: &Value) -> u16 {
    let body = message.to_string();
    post(world, &body, &signature(&body, WEBHOOK_SECRET, now(world))).await.0
}

/// Sends messages that must be taken, and waits for all that follows.
async fn tell(world: &World, messages: &[Value]) {
    for message in messages {
        assert_eq!(send(world, message).await, 200, "{message}");
    }
    world.drain().await;
}

async fn purchase(world: &World, payment: &str) -> Value {
    world.operator.get(&format!("/v1/accounts/a/purchases/{payment}")).await.expect(200)
}

async fn lots(world: &World) -> usize {
    world.operator.get("/v1/accounts/a/lots").await.expect(200)["lots"].as_array().unwrap().len()
}

/// How often `recharge` has run.
async fn runs(world: &World) -> u64 {
    let metrics = world.operator.get("/_local/metrics").await.expect(200);
    metrics["functions"]["recharge"]["invocations"].as_u64().unwrap()
}

async fn save_card(world: &World, token: &str) {
    let card = json!({ "paymentMethod": token });
    world.operator.send(Method::PUT, "/v1/accounts/a/payment-method", &[], card).await.expect(200);
}

/// A purchase that waits for the card's owner: its id, and the processor's object.
async fn waiting(world: &World, key: &str) -> (String, String) {
    save_card(world, "pm_card_authenticationRequired").await;
    let asked = world.operator.buy("a", key, json!({ "amount": "50" })).await.expect(202);
    let url = asked["nextAction"]["url"].as_str().unwrap();
    let intent = url.rsplit('/').next().unwrap().to_owned();
    (asked["purchaseId"].as_str().unwrap().to_owned(), intent)
}

/// What the card's owner does at the processor's page, without any word of it to this system.
async fn decide(world: &World, intent: &str, approved: bool) {
    world.host.machine().functions.sandbox().authenticate(intent, approved).await.unwrap();
}

/// Charges a card for a payment with an object that the payment's row does not have.
async fn charge_besides(world: &World, payment: &str) -> String {
    let sandbox = world.host.machine().functions.sandbox();
    let (account, payment) = (AccountId::parse("a").unwrap(), PaymentId::parse(payment).unwrap());
    let method = sandbox.save_method(&account, None, "pm_card_visa").await.unwrap();
    let amount = Money::of_minor_units(5_000, Currency::parse("EUR").unwrap());
    let key = format!("{payment}:9");
    let new =
        NewIntent { key: &key, account: &account, payment: &payment, attempt: 9, amount, method: &method };
    let intent = sandbox.create(&new).await.unwrap();
    let key = format!("{key}:confirm");
    let confirmation = Confirmation {
        intent: &intent.id,
        token: &method.token,
        key: &key,
        return_url: "http://portal",
        owner_is_present: true,
    };
    sandbox.confirm(&confirmation).await.unwrap().id
}

/// The refunds in the processor's record: the charge's amount for each.
async fn refunds(world: &World) -> Vec<String> {
    let account = AccountId::parse("a").unwrap();
    let records = world.host.machine().functions.sandbox().records(&account).await.unwrap();
    let refunds = records.into_iter().filter(|record| record.id.starts_with("re_"));
    refunds.map(|refund| refund.amount.to_string()).collect()
}

#[tokio::test]
async fn a_message_needs_a_signature_of_now_with_the_secret() {
    let world = world().await;
    let (id, intent) = waiting(&world, "k").await;
    decide(&world, &intent, true).await;
    let body = about_charge("payment_intent.succeeded", &intent, &id).to_string();
    let at = now(&world);
    let minutes = |minutes: i64| at - SignedDuration::from_mins(minutes);
    let forged = body.replace(&intent, "pi_other");
    for (signature, why) in [
        (String::new(), "there is none"),
        (signature(&body, "whsec_other", at), "another secret"),
        (signature(&forged, WEBHOOK_SECRET, at), "another body"),
        (signature(&body, WEBHOOK_SECRET, minutes(6)), "it is old"),
    ] {
        let (status, problem) = post(&world, &body, &signature).await;
        assert_eq!((status, &problem["code"]), (400, &json!("unreadable")), "{why}");
        assert!(problem["detail"].as_str().unwrap().contains("Stripe-Signature"), "{why}: {problem}");
    }
    world.drain().await;
    assert_eq!(purchase(&world, &id).await["status"], "needsAction");
    assert_eq!(post(&world, &body, &signature(&body, WEBHOOK_SECRET, minutes(4))).await.0, 200);
    world.drain().await;
    assert_eq!(purchase(&world, &id).await["status"], "succeeded");
}

#[tokio::test]
async fn a_message_that_cannot_be_queued_is_sent_again() {
    let world = world().await;
    let (id, intent) = waiting(&world, "k").await;
    decide(&world, &intent, true).await;
    let message = about_charge("payment_intent.succeeded", &intent, &id);
    world.take_down(Target::Queue);
    assert_eq!(send(&world, &message).await, 503);
    world.faults().disarm();
    world.drain().await;
    assert_eq!(purchase(&world, &id).await["status"], "needsAction");
    tell(&world, &[message]).await;
    assert_eq!(purchase(&world, &id).await["status"], "succeeded");
}

#[tokio::test]
async fn a_message_from_which_nothing_follows_is_taken() {
    let world = world().await;
    let before = runs(&world).await;
    for kind in ["invoice.paid", "payment_intent.created", "of.a.later.year"] {
        assert_eq!(send(&world, &about_charge(kind, "pi_1", "pur_1")).await, 200, "{kind}");
    }
    let payment_session = json!({ "id": "cs_1", "mode": "payment", "metadata": {} });
    tell(&world, &[message("checkout.session.completed", &payment_session)]).await;
    assert_eq!(runs(&world).await, before, "nothing was queued");
}

#[tokio::test]
async fn f5_messages_that_come_twice_late_and_in_any_order_make_one_lot() {
    let world = world().await;
    let (id, intent) = waiting(&world, "k").await;
    world.host.machine().queues.deliver(Delivery {
        duplicates: 2,
        shuffle: true,
        impatient: true,
        ..Delivery::default()
    });
    let failed = about_charge("payment_intent.payment_failed", &intent, &id);
    let succeeded = about_charge("payment_intent.succeeded", &intent, &id);
    // The owner refuses at first, and then pays on the page that is still open. Both messages come after that.
    decide(&world, &intent, false).await;
    decide(&world, &intent, true).await;
    tell(&world, &[failed.clone(), succeeded.clone(), failed.clone()]).await;
    assert_eq!(purchase(&world, &id).await["status"], "succeeded", "failed, then succeeded, the same object");
    // Messages of an earlier state come after all of that.
    tell(&world, &[failed, about_charge("payment_intent.requires_action", &intent, &id), succeeded]).await;
    assert_eq!(purchase(&world, &id).await["status"], "succeeded");
    assert_eq!(lots(&world).await, 1);
    assert!(refunds(&world).await.is_empty());
}

#[tokio::test]
async fn f5_a_lost_message_only_delays() {
    let world = world().await;
    let (id, intent) = waiting(&world, "k").await;
    decide(&world, &intent, true).await;
    world.lose_events();
    tell(&world, &[about_charge("payment_intent.succeeded", &intent, &id)]).await;
    assert_eq!(purchase(&world, &id).await["status"], "needsAction");
    world.recover_at("2026-11-22T13:05:00Z").await;
    assert_eq!(purchase(&world, &id).await["status"], "succeeded");
    assert_eq!(lots(&world).await, 1);
}

#[tokio::test]
async fn f5_a_message_whose_lot_could_not_be_added_comes_again() {
    for (target, kind) in
        [(Target::Database, Kind::Down), (Target::Database, Kind::LostReply), (Target::Processor, Kind::Down)]
    {
        let world = world().await;
        let (id, intent) = waiting(&world, "k").await;
        decide(&world, &intent, true).await;
        world.drain().await;
        let mut fault = Fault { target: Some(target), kind, skip: 0, count: usize::MAX };
        if kind == Kind::LostReply {
            fault.count = 2;
        }
        world.faults().arm(fault);
        let message = about_charge("payment_intent.succeeded", &intent, &id);
        assert_eq!(send(&world, &message).await, 200, "the message is stored");
        if kind == Kind::Down {
            // The queue's first try fails, and its second comes a second later.
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        world.faults().disarm();
        world.drain().await;
        assert_eq!(purchase(&world, &id).await["status"], "succeeded", "{target:?} {kind:?}");
        assert_eq!(lots(&world).await, 1, "{target:?} {kind:?}");
    }
}

#[tokio::test]
async fn f5_a_charge_besides_that_of_the_payment_makes_no_lot() {
    let world = world().await;
    let bought = world.operator.buy("a", "k", json!({ "amount": "50" })).await.expect(201);
    let id = bought["purchaseId"].as_str().unwrap();
    let other = charge_besides(&world, id).await;
    tell(&world, &[about_charge("payment_intent.succeeded", &other, id)]).await;
    assert_eq!(lots(&world).await, 1);
    assert!(refunds(&world).await.is_empty(), "the operator decides");
}

#[tokio::test]
async fn f5_a_charge_of_a_declined_payment_is_paid_back_once() {
    let world = world().await;
    save_card(&world, "pm_card_chargeDeclined").await;
    let declined = world.operator.buy("a", "k", json!({ "amount": "50" })).await.expect(402);
    let id = declined["purchase"]["purchaseId"].as_str().unwrap();
    let charged = charge_besides(&world, id).await;
    let message = about_charge("payment_intent.succeeded", &charged, id);
    tell(&world, &[message.clone(), message]).await;
    assert_eq!(refunds(&world).await, ["50.0000"]);
    assert_eq!(lots(&world).await, 0);
    assert_eq!(purchase(&world, id).await["status"], "declined");
}

#[tokio::test]
async fn a_message_of_another_system_or_mode_is_left_alone() {
    let world = world().await;
    let (id, intent) = waiting(&world, "k").await;
    decide(&world, &intent, true).await;
    let mut live = about_charge("payment_intent.succeeded", &intent, &id);
    live["livemode"] = true.into();
    let session = json!({ "id": "cs_unknown", "mode": "setup", "metadata": { "account": "a" } });
    let card = json!({ "id": "pm_1", "customer": "theirs" });
    tell(
        &world,
        &[
            live,
            about_charge("payment_intent.succeeded", "pi_unknown", "pur_unknown"),
            message("payment_intent.succeeded", &json!({ "id": "pi_unknown", "metadata": {} })),
            message("checkout.session.completed", &session),
            message("payment_method.updated", &card),
            message("customer.deleted", &json!({ "id": "theirs" })),
        ],
    )
    .await;
    assert_eq!(purchase(&world, &id).await["status"], "needsAction");
    let dead = world.operator.get("/_local/dead-letters").await.expect(200);
    assert_eq!(dead["deadLetters"], json!([]), "all of them are handled");
    // The processor says whose charge it is if the message does not.
    tell(&world, &[message("payment_intent.succeeded", &json!({ "id": intent }))]).await;
    assert_eq!(purchase(&world, &id).await["status"], "succeeded");
}

#[tokio::test]
async fn f10_a_card_is_saved_although_the_person_never_came_back() {
    let world = world().await;
    let admin = world.client("admin", &["a"]);
    let begun = admin.post("/v1/accounts/a/payment-method/setup", json!({})).await.expect(200);
    let set_up = begun["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let done = message(
        "checkout.session.completed",
        &json!({
            "id": set_up,
            "mode": "setup",
            "metadata": { "account": "a" },
        }),
    );
    tell(&world, slice::from_ref(&done)).await;
    assert_eq!(world.operator.account("a").await["paymentMethod"]["last4"], "4242", "it is still open");
    let sandbox = world.host.machine().functions.sandbox();
    sandbox.enter_card(&set_up, "pm_card_mastercard", now(&world)).await.unwrap();
    tell(&world, &[done.clone(), done.clone()]).await;
    let saved = world.operator.account("a").await;
    assert_eq!(saved["paymentMethod"]["last4"], "4444");
    save_card(&world, "pm_card_visa").await;
    tell(&world, &[done]).await;
    assert_eq!(world.operator.account("a").await["paymentMethod"]["last4"], "4242", "the message is old");
}
