//! Requests of the host itself, without a token or the network.

use anyhow::{Context, ensure};
use api::ApiGatewayV2httpResponse;
use aws_lambda_events::encodings::Body;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Machine;
use crate::functions::ApiFunction;

/// Calls functions as API Gateway would, as the operator, at an instant and about one account.
pub(crate) struct Operator<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) at: Timestamp,
    pub(crate) account: &'a str,
}

impl Operator<'_> {
    /// Calls a route. Fails unless the answer is a success.
    pub(crate) async fn call(
        &self,
        route: &str,
        idempotency_key: &str,
        body: Value,
    ) -> anyhow::Result<Value> {
        let path = json!({ "id": self.account });
        success(route, self.answer(route, path, idempotency_key, body).await?)
    }

    /// Calls a route in the name of an administrator of the account. Fails unless the answer is a success.
    pub(super) async fn call_as(
        &self,
        administrator: &str,
        route: &str,
        idempotency_key: &str,
        body: Value,
    ) -> anyhow::Result<Value> {
        let accounts = format!("[{}]", self.account);
        let claims = json!({ "sub": administrator, "role": "admin", "accounts": accounts });
        let path = json!({ "id": self.account });
        success(route, self.send(claims, route, path, headers(idempotency_key), body).await?)
    }

    /// Calls a route, which may have a query behind it. Returns the answer with any status.
    pub(crate) async fn answer(
        &self,
        route: &str,
        path: Value,
        idempotency_key: &str,
        body: Value,
    ) -> anyhow::Result<ApiGatewayV2httpResponse> {
        self.send(operator(), route, path, headers(idempotency_key), body).await
    }

    async fn send(
        &self,
        claims: Value,
        route: &str,
        path: Value,
        headers: Value,
        body: Value,
    ) -> anyhow::Result<ApiGatewayV2httpResponse> {
        let (route, query) = route.split_once('?').unwrap_or((route, ""));
        let event = json!({
            "version": "2.0",
            "routeKey": route,
            "rawPath": "/",
            "rawQueryString": query,
            "headers": headers,
            "pathParameters": path,
            "requestContext": {
                "authorizer": { "jwt": { "claims": claims } },
                "http": { "method": route.split(' ').next() },
                "timeEpoch": self.at.as_millisecond(),
            },
            "body": if body.is_null() { String::new() } else { body.to_string() },
            "isBase64Encoded": false,
        });
        let function = ApiFunction::of(route).with_context(|| format!("there is no route {route}"))?;
        Ok(self.machine.functions.answer(function, serde_json::from_value(event)?).await)
    }
}

/// The claims of the host's own requests.
fn operator() -> Value {
    json!({ "sub": "operator@local", "role": "operator" })
}

fn headers(idempotency_key: &str) -> Value {
    json!({ "content-type": "application/json", "idempotency-key": idempotency_key })
}

/// The body of an answer, which must be a success.
fn success(route: &str, answer: ApiGatewayV2httpResponse) -> anyhow::Result<Value> {
    let Some(Body::Text(text)) = answer.body else { return Ok(Value::Null) };
    ensure!(answer.status_code < 300, "{route} answered {}: {text}", answer.status_code);
    Ok(serde_json::from_str(&text)?)
}
