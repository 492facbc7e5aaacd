//! A client of the fake.

use fake_stripe::{Fake, Options};
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// A fake with a client of it.
pub(crate) struct Stripe {
    pub(crate) fake: Fake,
    pub(crate) http: Client,
    pub(crate) key: &'static str,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The object, if the call succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// The error, if the call was refused with this status.
    #[track_caller]
    pub(crate) fn error(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body["error"].clone()
    }
}

impl Stripe {
    pub(crate) async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    pub(crate) async fn start_with(options: Options) -> Self {
        let fake = Fake::start(options).await.unwrap();
        let http = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { fake, http, key: "sk_test_1" }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.fake.url())).bearer_auth(self.key)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        answer(self.form(path, form)).await
    }

    pub(crate) async fn post_once(&self, key: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        answer(self.form(path, form).header("idempotency-key", key)).await
    }

    pub(crate) fn form(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let form_type = "application/x-www-form-urlencoded";
        self.request(Method::POST, path).header("content-type", form_type).body(form)
    }

    /// Calls a route that only the fake has.
    pub(crate) async fn fake(&self, path: &str, body: Value) -> Value {
        let response = self.request(Method::POST, &format!("/_fake{path}")).json(&body).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub(crate) async fn get_fake(&self, path: &str) -> Value {
        self.get(&format!("/_fake{path}")).await.ok()
    }

    /// A new customer's id.
    pub(crate) async fn customer(&self) -> String {
        id(&self.post("/v1/customers", &[("metadata[account]", "acc_1")]).await.ok())
    }

    /// A new customer with a card.
    pub(crate) async fn customer_with(&self, token: &str) -> (String, String) {
        let customer = self.customer().await;
        let attach = format!("/v1/payment_methods/{token}/attach");
        let card = id(&self.post(&attach, &[("customer", &customer)]).await.ok());
        (customer, card)
    }

    /// A new payment intent of 10 dollars with this card, unconfirmed.
    pub(crate) async fn intent(&self, token: &str) -> String {
        let (customer, card) = self.customer_with(token).await;
        let form = [
            ("amount", "1000"),
            ("currency", "usd"),
            ("customer", &customer),
            ("payment_method", &card),
            ("payment_method_types[]", "card"),
        ];
        id(&self.post("/v1/payment_intents", &form).await.ok())
    }

    pub(crate) async fn confirm(&self, intent: &str, form: &[(&str, &str)]) -> Answer {
        self.post(&format!("/v1/payment_intents/{intent}/confirm"), form).await
    }

    pub(crate) async fn look_up(&self, intent: &str) -> Value {
        self.get(&format!("/v1/payment_intents/{intent}?expand[]=latest_charge")).await.ok()
    }

    /// A payment intent that was charged.
    pub(crate) async fn paid(&self, token: &str) -> String {
        let intent = self.intent(token).await;
        self.confirm(&intent, &[]).await.ok();
        intent
    }

    /// The types of all events, from the oldest to the newest.
    pub(crate) async fn events(&self) -> Vec<String> {
        let list = self.get("/v1/events?limit=100").await.ok();
        list["data"].as_array().unwrap().iter().rev().map(|event| text(&event["type"])).collect()
    }

    /// Lets the next calls fail.
    pub(crate) async fn arm(&self, moment: &str, kind: Value) {
        self.fake("/faults", json!({ "moment": moment, "kind": kind })).await;
    }
}

async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, body: response.json().await.unwrap() }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

pub(crate) fn id(object: &Value) -> String {
    text(&object["id"])
}
