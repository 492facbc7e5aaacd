//! Injected faults.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::client::Stripe;

async fn customers(stripe: &Stripe) -> usize {
    stripe.get("/v1/customers").await.ok()["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn nobody_answers_before_or_after_the_call_was_carried_out() {
    let stripe = Stripe::start().await;
    for (kind, is_timeout) in [(json!("timeout"), true), (json!("close"), false)] {
        for (moment, created) in [("before", 0), ("after", 1)] {
            let there = customers(&stripe).await;
            stripe.arm(moment, kind.clone()).await;
            let call = stripe.form("/v1/customers", &[("name", "Acme")]);
            let error = call.timeout(Duration::from_millis(500)).send().await.unwrap_err();
            assert_eq!(error.is_timeout(), is_timeout, "{error:?}");
            assert_eq!(customers(&stripe).await, there + created, "{kind} {moment}");
        }
    }
}

#[tokio::test]
async fn a_call_that_was_carried_out_is_found_under_its_key() {
    let stripe = Stripe::start().await;
    stripe.arm("after", json!("close")).await;
    let form = [("name", "Acme")];
    let lost = stripe.form("/v1/customers", &form).header("idempotency-key", "key").send().await;
    assert!(lost.is_err());
    let found = stripe.post_once("key", "/v1/customers", &form).await;
    assert_eq!(found.headers["idempotent-replayed"], "true");
    assert_eq!(customers(&stripe).await, 1);
}

#[tokio::test]
async fn calls_are_refused_as_asked() {
    let stripe = Stripe::start().await;
    for (status, code, should_retry) in [
        (429, json!("rate_limit"), Some("true")),
        (409, json!("lock_timeout"), None),
        (401, Value::Null, None),
        (500, Value::Null, Some("false")),
    ] {
        let should_retry_bool = should_retry.map(|should_retry| should_retry == "true");
        let kind = json!({ "answer": { "status": status, "should_retry": should_retry_bool } });
        stripe.arm("before", kind).await;
        let answer = stripe.post("/v1/customers", &[]).await;
        let header =
            answer.headers.get("stripe-should-retry").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header.as_deref(), should_retry, "{status}");
        assert_eq!(answer.error(status)["code"], code, "{status}");
    }
    assert_eq!(customers(&stripe).await, 0);
}

#[tokio::test]
async fn an_error_can_be_kept_under_its_key() {
    let stripe = Stripe::start().await;
    for kept in [false, true] {
        let key = format!("key {kept}");
        stripe.arm("after", json!({ "answer": { "status": 500, "kept": kept } })).await;
        stripe.post_once(&key, "/v1/customers", &[]).await.error(500);
        let again = stripe.post_once(&key, "/v1/customers", &[]).await;
        let expected = if kept { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
        assert_eq!(again.status, expected);
        assert_eq!(again.headers["idempotent-replayed"], "true");
    }
}

#[tokio::test]
async fn the_calls_so_far_are_listed() {
    let stripe = Stripe::start().await;
    stripe.post_once("key", "/v1/customers", &[("metadata[a]", "b")]).await.ok();
    let calls = stripe.get_fake("/calls").await;
    let expected = json!([{
        "method": "POST",
        "path": "/v1/customers",
        "parameters": "metadata%5Ba%5D=b",
        "idempotency_key": "key",
    }]);
    assert_eq!(calls["calls"], expected);
}
