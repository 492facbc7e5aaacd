//! The product's own client and the fake fit one another.
//!
//! `tests/stripe` runs this test with `CALLS` set to a file, and compares each request that is written there with Stripe's document.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use stripe::checkout::{NewSession, SessionStatus};
use stripe::payment_intent::{IntentStatus, NewPaymentIntent, PaymentIntent, Presence};
use stripe::refund::{NewRefund, RefundStatus};
use stripe::{Client, Error, Limits, Metadata, SecretKey};

use crate::client::Stripe;

const RETURN_URL: &str = "https://portal.example/back";

/// A client of the fake, with a customer.
struct Ours {
    client: Client,
    customer: String,
    metadata: Metadata,
}

impl Ours {
    async fn start(fake: &Stripe) -> Self {
        let client = Client::new(fake.fake.url(), Arc::new(SecretKey::new("sk_test_1")), Limits::default());
        let metadata = Metadata::from([("account".to_owned(), "acc_1".to_owned())]);
        let customer = client.create_customer(&metadata, "customer").await.unwrap().id;
        Self { client, customer, metadata }
    }

    /// Creates a charge of 50 euros with a card, and confirms it.
    async fn charge(&self, key: &str, card: &str, presence: Presence<'_>) -> PaymentIntent {
        let new = NewPaymentIntent {
            amount: 5000,
            currency: "eur",
            customer: &self.customer,
            payment_method: card,
            metadata: &self.metadata,
        };
        let created = self.client.create_payment_intent(&new, key).await.unwrap();
        assert_eq!(created.status, IntentStatus::RequiresConfirmation);
        let confirm = format!("{key}:confirm");
        self.client.confirm_payment_intent(&created.id, card, presence, &confirm).await.unwrap()
    }

    /// Saves a card of a test token.
    async fn save(&self, token: &str) -> String {
        self.client.attach_payment_method(token, &self.customer, token).await.unwrap().id
    }
}

#[tokio::test]
async fn every_call_of_our_client_is_one_that_the_fake_takes() {
    let fake = Stripe::start().await;
    let ours = Ours::start(&fake).await;
    save_a_card_on_a_page(&fake, &ours).await;
    charge_cards(&fake, &ours).await;
    pay_back(&fake, &ours).await;

    fake.fake("/webhook", json!({ "url": "http://127.0.0.1:1/", "secrets": ["whsec_1"] })).await;
    ours.client.create_customer(&ours.metadata, "another customer").await.unwrap();
    let kinds = ["customer.created", "charge.refunded"];
    let undelivered = ours.client.undelivered_events(&kinds, Timestamp::UNIX_EPOCH, 10).await.unwrap();
    assert_eq!(undelivered.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["customer.created"]);

    if let Some(file) = std::env::var_os("CALLS") {
        std::fs::write(file, fake.get_fake("/calls").await.to_string()).unwrap();
    }
}

async fn save_a_card_on_a_page(fake: &Stripe, ours: &Ours) {
    let new = NewSession {
        customer: &ours.customer,
        return_url: RETURN_URL,
        expires_at: Timestamp::now() + SignedDuration::from_hours(1),
        metadata: &ours.metadata,
    };
    let session = ours.client.create_session(&new, "session").await.unwrap();
    let enter = format!("/checkout/sessions/{}/enter", session.id);
    fake.fake(&enter, json!({ "card": "pm_card_mastercard" })).await;
    let complete = ours.client.session(&session.id).await.unwrap();
    assert_eq!(complete.status, SessionStatus::Complete);
    let card = complete.payment_method().unwrap();
    assert_eq!(ours.client.payment_method(&card.id).await.unwrap().card.as_ref().unwrap().last4, "4444");
    assert!(!ours.client.customer(&ours.customer).await.unwrap().deleted);
}

async fn charge_cards(fake: &Stripe, ours: &Ours) {
    let owner = Presence::OnSession { return_url: RETURN_URL };
    let declined = ours.charge("declined", &ours.save("pm_card_chargeDeclinedLostCard").await, owner).await;
    assert_eq!(declined.status, IntentStatus::RequiresPaymentMethod);
    let decline = declined.decline().unwrap();
    assert_eq!((decline.reason.as_str(), decline.is_final), ("lost_card", true));
    let cancelled = ours.client.cancel_payment_intent(&declined.id, "cancel").await.unwrap();
    assert_eq!(cancelled.status, IntentStatus::Canceled);
    assert_eq!(cancelled.decline().unwrap().reason, "lost_card", "the charge still says so");

    let careful = ours.save("pm_card_authenticationRequired").await;
    let absent = ours.charge("absent", &careful, Presence::OffSession).await;
    assert_eq!(absent.decline().unwrap().reason, "authentication_required");
    let asked = ours.charge("asked", &careful, owner).await;
    assert_eq!(asked.status, IntentStatus::RequiresAction);
    assert!(asked.confirmation_page().unwrap().starts_with(fake.fake.url()));
    fake.fake(&format!("/payment_intents/{}/authenticate", asked.id), json!({ "approved": true })).await;
    let charged = ours.client.payment_intent(&asked.id).await.unwrap();
    assert_eq!((charged.status, charged.amount_received), (IntentStatus::Succeeded, 5000));
    let late = ours.client.cancel_payment_intent(&asked.id, "cancel late").await;
    assert!(matches!(late, Err(Error::OtherState(_))), "{late:?}");
    let found =
        ours.client.find_payment_intent(&ours.customer, |intent| intent.id == asked.id).await.unwrap();
    assert_eq!(found.unwrap().id, asked.id);
}

async fn pay_back(fake: &Stripe, ours: &Ours) {
    let card = ours.save("pm_card_visa").await;
    let charged = ours.charge("charge", &card, Presence::OffSession).await;
    let new = NewRefund { payment_intent: &charged.id, amount: 2000, metadata: &ours.metadata };
    let refund = ours.client.create_refund(&new, "refund").await.unwrap();
    assert_eq!(refund.status, Some(RefundStatus::Succeeded));
    let refunds = ours.client.refunds_of(&charged.id).await.unwrap();
    assert_eq!(refunds.iter().map(|refund| refund.amount).collect::<Vec<_>>(), [2000]);
    fake.fake(&format!("/charges/{}/dispute", charged.id), json!({})).await;
    let disputes = ours.client.disputes_of(&charged.id).await.unwrap();
    assert_eq!(disputes.iter().map(|dispute| dispute.amount).collect::<Vec<_>>(), [5000]);
}
