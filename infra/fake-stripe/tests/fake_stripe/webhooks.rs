//! Events, and their deliveries.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use fake_stripe::{Endpoint, Options, Policy};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::client::{Stripe, id, text};

/// An endpoint that keeps what is delivered.
struct Receiver {
    url: String,
    seen: Arc<Mutex<Vec<Value>>>,
    /// One permit for each delivery.
    came: Arc<Semaphore>,
    status: Arc<Mutex<StatusCode>>,
}

impl Receiver {
    async fn start() -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let came = Arc::new(Semaphore::new(0));
        let status = Arc::new(Mutex::new(StatusCode::OK));
        let (kept, told, answered) = (Arc::clone(&seen), Arc::clone(&came), Arc::clone(&status));
        let receive = move |headers: HeaderMap, body: String| async move {
            assert!(headers["stripe-signature"].to_str().unwrap().contains(",v1="), "{headers:?}");
            kept.lock().unwrap().push(serde_json::from_str(&body).unwrap());
            told.add_permits(1);
            *answered.lock().unwrap()
        };
        let router = Router::new().fallback(receive);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, seen, came, status }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint { url: self.url.clone(), secrets: vec!["whsec_1".to_owned()] }
    }

    /// The ids of the events so far.
    fn ids(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(id).collect()
    }
}

async fn ids(stripe: &Stripe, query: &str) -> Vec<String> {
    let list = stripe.get(&format!("/v1/events?{query}")).await.ok();
    list["data"].as_array().unwrap().iter().rev().map(id).collect()
}

async fn start(receiver: &Receiver) -> Stripe {
    Stripe::start_with(Options { webhook: Some(receiver.endpoint()), ..Options::default() }).await
}

#[tokio::test]
async fn events_are_delivered_by_request() {
    let receiver = Receiver::start().await;
    let stripe = start(&receiver).await;
    stripe.customer().await;
    stripe.customer().await;
    assert_eq!(receiver.ids(), [""; 0]);
    let waiting = ids(&stripe, "delivery_success=false").await;
    assert_eq!(waiting.len(), 2);

    let report = stripe.fake("/deliveries/run", json!({})).await;
    assert_eq!(report["deliveries"][0]["status"], 200);
    assert_eq!(receiver.ids(), waiting);
    assert_eq!(ids(&stripe, "delivery_success=false").await, [""; 0]);
    assert_eq!(ids(&stripe, "delivery_success=true").await, waiting);
    stripe.fake("/deliveries/run", json!({})).await;
    assert_eq!(receiver.ids().len(), 2);
}

#[tokio::test]
async fn chosen_events_are_delivered_in_any_order_and_again() {
    let receiver = Receiver::start().await;
    let stripe = start(&receiver).await;
    stripe.customer().await;
    stripe.customer().await;
    let [first, second] = <[String; 2]>::try_from(ids(&stripe, "").await).unwrap();
    let order = [&second, &first, &second];
    stripe.fake("/deliveries/run", json!({ "events": order })).await;
    assert_eq!(receiver.ids().iter().collect::<Vec<_>>(), order);
}

#[tokio::test]
async fn a_refused_delivery_is_tried_again() {
    let receiver = Receiver::start().await;
    let stripe = start(&receiver).await;
    stripe.customer().await;
    *receiver.status.lock().unwrap() = StatusCode::SERVICE_UNAVAILABLE;
    let report = stripe.fake("/deliveries/run", json!({})).await;
    assert_eq!(report["deliveries"][0]["status"], 503);
    assert_eq!(ids(&stripe, "delivery_success=false").await.len(), 1);
    *receiver.status.lock().unwrap() = StatusCode::OK;
    stripe.fake("/deliveries/run", json!({})).await;
    assert_eq!(receiver.ids().len(), 2);
    assert_eq!(ids(&stripe, "delivery_success=false").await.len(), 0);
}

#[tokio::test]
async fn events_are_lost_and_repeated_as_asked() {
    let receiver = Receiver::start().await;
    let stripe = start(&receiver).await;
    for _ in 0..3 {
        stripe.customer().await;
    }
    let all = ids(&stripe, "").await;
    stripe.fake("/deliveries", json!({ "lose": 2, "duplicates": 1, "shuffle": true })).await;
    stripe.fake("/deliveries/run", json!({})).await;
    assert_eq!(receiver.ids(), [all[2].clone(), all[2].clone()]);
    assert_eq!(ids(&stripe, "delivery_success=false").await, all[..2]);
    assert_eq!(stripe.get_fake("/deliveries").await["lose"], 0);
}

#[tokio::test]
async fn events_are_delivered_as_they_happen_if_asked() {
    let receiver = Receiver::start().await;
    let policy = Policy { automatic: true, ..Policy::default() };
    let options = Options { webhook: Some(receiver.endpoint()), policy, ..Options::default() };
    let stripe = Stripe::start_with(options).await;
    stripe.customer().await;
    let came = tokio::time::timeout(Duration::from_secs(30), receiver.came.acquire()).await;
    came.expect("the event is delivered").unwrap().forget();
    assert_eq!(receiver.ids(), ids(&stripe, "").await);
}

#[tokio::test]
async fn an_event_names_its_request_and_has_the_object_as_it_was() {
    let stripe = Stripe::start().await;
    let customer = stripe.post_once("key", "/v1/customers", &[("name", "Acme")]).await;
    let request = customer.headers["request-id"].to_str().unwrap().to_owned();
    let customer = customer.ok();
    stripe.post(&format!("/v1/customers/{}", id(&customer)), &[("name", "Other")]).await.ok();
    let created = stripe.get("/v1/events?type=customer.created").await.ok()["data"][0].clone();
    assert_eq!(created["data"]["object"], customer);
    assert_eq!(created["request"], json!({ "id": request, "idempotency_key": "key" }));
    assert_eq!(created["pending_webhooks"], 0);
    let one = stripe.get(&format!("/v1/events/{}", id(&created))).await.ok();
    assert_eq!(one, created);
}

#[tokio::test]
async fn events_are_listed_by_type() {
    let stripe = Stripe::start().await;
    stripe.paid("pm_card_visa").await;
    let types = async |query: &str| -> Vec<String> {
        let list = stripe.get(&format!("/v1/events?{query}")).await.ok();
        list["data"].as_array().unwrap().iter().map(|event| text(&event["type"])).collect()
    };
    assert_eq!(
        types("types[]=charge.succeeded&types[]=customer.created").await,
        ["charge.succeeded", "customer.created"]
    );
    assert_eq!(types("type=payment_intent.*").await, ["payment_intent.succeeded", "payment_intent.created"]);
    assert_eq!(types("created[gt]=99999999999").await, [""; 0]);
}
