//! Refunds and disputes.

use serde_json::{Value, json};

use crate::client::{Stripe, id};

#[tokio::test]
async fn a_charge_is_refunded_in_parts_and_no_further() {
    let stripe = Stripe::start().await;
    let intent = stripe.paid("pm_card_visa").await;
    let form = |amount| [("payment_intent", intent.as_str()), ("amount", amount), ("metadata[key]", "k")];
    let part = stripe.post("/v1/refunds", &form("400")).await.ok();
    assert_eq!(part["status"], "succeeded");
    assert_eq!(part["metadata"]["key"], "k");
    let too_much = stripe.post("/v1/refunds", &form("601")).await.error(400);
    assert_eq!(too_much["param"], "amount");
    let rest = stripe.fake(&format!("/charges/{intent}/refund"), json!({})).await;
    assert_eq!(rest["amount"], 600);
    let over = stripe.post("/v1/refunds", &form("1")).await.error(400);
    assert_eq!(over["code"], "charge_already_refunded");

    let list = stripe.get(&format!("/v1/refunds?payment_intent={intent}")).await.ok();
    let amounts: Vec<_> = list["data"].as_array().unwrap().iter().map(|refund| &refund["amount"]).collect();
    assert_eq!(amounts, [&json!(600), &json!(400)]);
    let charge = &stripe.look_up(&intent).await["latest_charge"];
    assert_eq!(charge["amount_refunded"], 1000);
    assert_eq!(charge["refunded"], true);
}

#[tokio::test]
async fn nothing_is_refunded_of_what_was_not_charged() {
    let stripe = Stripe::start().await;
    let intent = stripe.intent("pm_card_chargeDeclined").await;
    stripe.post("/v1/refunds", &[("payment_intent", &intent)]).await.error(400);
    stripe.confirm(&intent, &[]).await.error(402);
    stripe.post("/v1/refunds", &[("payment_intent", &intent)]).await.error(400);
    stripe.post("/v1/refunds", &[("payment_intent", "pi_none")]).await.error(400);
    stripe.post("/v1/refunds", &[]).await.error(400);
}

#[tokio::test]
async fn a_refund_that_fails_is_taken_off_the_charge_again() {
    let stripe = Stripe::start().await;
    for token in ["pm_card_visa", "pm_card_pendingRefund"] {
        let intent = stripe.paid(token).await;
        let refund = id(&stripe.post("/v1/refunds", &[("payment_intent", &intent)]).await.ok());
        let failed = stripe.fake(&format!("/refunds/{refund}/fail"), json!({})).await;
        assert_eq!(failed["status"], "failed");
        assert_eq!(failed["failure_reason"], "lost_or_stolen_card");
        assert_eq!(stripe.look_up(&intent).await["latest_charge"]["amount_refunded"], 0);
        assert_eq!(stripe.events().await.last().unwrap(), "refund.failed");
        stripe.post("/v1/refunds", &[("payment_intent", &intent)]).await.ok();
    }
}

#[tokio::test]
async fn a_refund_can_take_its_time() {
    let stripe = Stripe::start().await;
    let intent = stripe.paid("pm_card_pendingRefund").await;
    let refund = stripe.post("/v1/refunds", &[("payment_intent", &intent)]).await.ok();
    assert_eq!(refund["status"], "pending");
    let path = format!("/refunds/{}", id(&refund));
    assert_eq!(stripe.fake(&format!("{path}/succeed"), json!({})).await["status"], "succeeded");
    let late = stripe.request(reqwest::Method::POST, &format!("/_fake{path}/cancel"));
    assert_eq!(late.send().await.unwrap().status(), 400);
}

/// The amounts of a dispute's movements of funds.
fn movements(dispute: &Value) -> Vec<i64> {
    let movements = dispute["balance_transactions"].as_array().unwrap();
    movements.iter().map(|movement| movement["amount"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_dispute_takes_the_funds_and_gives_them_back_when_won() {
    let stripe = Stripe::start().await;
    let intent = stripe.paid("pm_card_visa").await;
    let path = format!("/charges/{intent}/dispute");
    let opened = stripe.fake(&path, json!({ "amount": 700 })).await;
    assert_eq!(opened["status"], "needs_response");
    assert_eq!(movements(&opened), [-700]);
    let refused = stripe.post("/v1/refunds", &[("payment_intent", &intent)]).await.error(400);
    assert_eq!(refused["code"], "charge_disputed");

    stripe.fake(&format!("{path}/close"), json!({ "outcome": "won" })).await;
    let dispute = stripe.get(&format!("/v1/disputes?payment_intent={intent}")).await.ok()["data"][0].clone();
    assert_eq!(dispute["status"], "won");
    assert_eq!(movements(&dispute), [-700, 700]);
    stripe.post("/v1/refunds", &[("payment_intent", &intent)]).await.ok();
    let events = stripe.events().await;
    assert_eq!(
        events[5..9],
        [
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.closed",
            "charge.dispute.funds_reinstated",
        ]
    );
}

#[tokio::test]
async fn some_cards_dispute_at_once() {
    let stripe = Stripe::start().await;
    for (token, status) in [
        ("pm_card_createDispute", "needs_response"),
        ("pm_card_createDisputeInquiry", "warning_needs_response"),
    ] {
        let intent = stripe.paid(token).await;
        let list = stripe.get(&format!("/v1/disputes?payment_intent={intent}")).await.ok();
        assert_eq!(list["data"][0]["status"], status);
        assert_eq!(stripe.look_up(&intent).await["latest_charge"]["disputed"], true);
    }
}

#[tokio::test]
async fn a_lost_dispute_may_return_a_part() {
    let stripe = Stripe::start().await;
    let intent = stripe.paid("pm_card_visa").await;
    let path = format!("/charges/{intent}/dispute");
    let dispute = id(&stripe.fake(&path, json!({})).await);
    stripe.fake(&format!("{path}/close"), json!({ "outcome": "lost", "returned": 300 })).await;
    let dispute = stripe.get(&format!("/v1/disputes/{dispute}")).await.ok();
    assert_eq!(dispute["status"], "lost");
    assert_eq!(dispute["amount"], 1000);
    assert_eq!(movements(&dispute), [-1000, 300]);
}

#[tokio::test]
async fn an_inquiry_moves_no_funds_until_it_becomes_a_dispute() {
    let stripe = Stripe::start().await;
    let closed = stripe.paid("pm_card_visa").await;
    let inquiry = stripe.fake(&format!("/charges/{closed}/dispute"), json!({ "inquiry": true })).await;
    assert_eq!(inquiry["status"], "warning_needs_response");
    assert_eq!(movements(&inquiry), [0; 0]);
    let close = format!("/charges/{closed}/dispute/close");
    let ended = stripe.fake(&close, json!({ "outcome": "warning_closed" })).await;
    assert_eq!(ended["status"], "warning_closed");

    let escalated = stripe.paid("pm_card_visa").await;
    let path = format!("/charges/{escalated}/dispute");
    stripe.fake(&path, json!({ "inquiry": true })).await;
    let dispute = stripe.fake(&format!("{path}/withdraw"), json!({})).await;
    assert_eq!(dispute["status"], "needs_response");
    assert_eq!(movements(&dispute), [-1000]);
    let back = stripe.fake(&format!("{path}/reinstate"), json!({ "amount": 1000 })).await;
    assert_eq!(movements(&back), [-1000, 1000]);
    stripe.fake(&format!("{path}/close"), json!({ "outcome": "won" })).await;
    let list = stripe.get(&format!("/v1/disputes?payment_intent={escalated}")).await.ok();
    assert_eq!(movements(&list["data"][0]), [-1000, 1000], "the funds come back once");
}
