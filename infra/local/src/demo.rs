//! The demo organization, which an empty store starts with: a card, funds, and an hour of calls.

use anyhow::{Context, ensure};
use api::ApiGatewayV2httpResponse;
use aws_lambda_events::encodings::Body;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::Machine;
use crate::functions::ApiFunction;

/// The demo organization's account.
pub const ACCOUNT: &str = "demo";

/// Sets up the demo organization unless there are accounts already. After a crash it goes on where it stopped: the card
/// is saved last, and all instants follow from the account's creation.
pub async fn set_up(machine: &Machine) -> anyhow::Result<()> {
    let now = machine.clock.now();
    let operator = Operator { machine, at: now - SignedDuration::from_hours(2), account: ACCOUNT };
    let listed = operator.call("GET /v1/accounts", "", Value::Null).await?;
    let account = match listed["accounts"].as_array().context("a list of accounts")?.as_slice() {
        [] => {
            let account = json!({
                "accountId": ACCOUNT,
                "name": "Demo organization",
                "currency": "EUR",
                "notificationEmails": ["telephony@example.com"],
            });
            operator.call("POST /v1/accounts", "", account).await?
        }
        [half_made] if half_made["accountId"] == ACCOUNT && half_made["paymentMethod"].is_null() => {
            half_made.clone()
        }
        _ => return Ok(()),
    };
    let created_at: Timestamp = account["createdAt"].as_str().context("an instant")?.parse()?;
    let operator = Operator { machine, at: created_at, account: ACCOUNT };
    let purchase = json!({ "amount": "100.00", "paymentMethod": "pm_card_visa" });
    operator.call("POST /v1/accounts/{id}/purchases", "demo-funds", purchase).await?;

    let operator = Operator { machine, at: now, account: ACCOUNT };
    let debits = json!({ "records": calls(created_at + SignedDuration::from_hours(1)) });
    operator.call("POST /v1/accounts/{id}/debits", "", debits).await?;
    let card = json!({ "paymentMethod": "pm_card_visa" });
    operator.call("PUT /v1/accounts/{id}/payment-method", "", card).await?;
    Ok(())
}

fn calls(start: Timestamp) -> Vec<Value> {
    let call = |number: i64, service: &str, called: &str, user: &str, seconds: u32| {
        json!({
            "id": format!("demo-{number}"),
            "userId": user,
            "service": service,
            "number": called,
            "startedAt": start + SignedDuration::from_mins(7 * number),
            "durationSeconds": seconds,
        })
    };
    vec![
        call(1, "userOut", "+33140000***", "ada@example.com", 312),
        call(2, "userOut", "+14255550***", "grace@example.com", 1_205),
        call(3, "tollFreeIn", "+18005550***", "attendant@example.com", 95),
        call(4, "conferenceOut", "+4930000***", "ada@example.com", 2_710),
        call(5, "premium", "+33899000***", "grace@example.com", 61),
    ]
}

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
        let answer = self.answer(route, path, idempotency_key, body).await?;
        let Some(Body::Text(text)) = answer.body else { return Ok(Value::Null) };
        ensure!(answer.status_code < 300, "{route} answered {}: {text}", answer.status_code);
        Ok(serde_json::from_str(&text)?)
    }

    /// Calls a route, which may have a query behind it. Returns the answer with any status.
    pub(crate) async fn answer(
        &self,
        route: &str,
        path: Value,
        idempotency_key: &str,
        body: Value,
    ) -> anyhow::Result<ApiGatewayV2httpResponse> {
        let (route, query) = route.split_once('?').unwrap_or((route, ""));
        let event = json!({
            "version": "2.0",
            "routeKey": route,
            "rawPath": "/",
            "rawQueryString": query,
            "headers": { "content-type": "application/json", "idempotency-key": idempotency_key },
            "pathParameters": path,
            "requestContext": {
                "authorizer": { "jwt": { "claims": { "sub": "operator@local", "role": "operator" } } },
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
