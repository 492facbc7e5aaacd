//! The demo organization, which an empty store starts with: a card, funds, plans with included minutes, and some weeks of
//! calls that show every kind of charge.

use anyhow::{Context, ensure};
use api::ApiGatewayV2httpResponse;
use aws_lambda_events::encodings::Body;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::Machine;
use crate::functions::ApiFunction;

/// The demo organization's account.
pub const ACCOUNT: &str = "demo";

/// The time since the demo organization's account was created. The calls follow from then on.
const AGE: SignedDuration = SignedDuration::from_hours(26 * 24);

/// Sets up the demo organization unless there are accounts already. After a crash it goes on where it stopped: the card
/// is saved last, and all instants follow from the account's creation.
pub async fn set_up(machine: &Machine) -> anyhow::Result<()> {
    let operator = Operator { machine, at: machine.clock.now() - AGE, account: ACCOUNT };
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
    let at = |hours: i64| Operator {
        machine,
        at: created_at + SignedDuration::from_hours(hours),
        account: ACCOUNT,
    };
    let purchase = json!({ "amount": "100.00", "paymentMethod": "pm_card_visa" });
    at(0).call("POST /v1/accounts/{id}/purchases", "demo-funds", purchase).await?;
    let pools = json!({ "pools": [
        { "plan": "MCOPSTN5", "country": "FR", "licences": 1 },
        { "plan": "MCOMEETADD", "country": "FR", "licences": 1 },
    ] });
    at(0).call("PUT /v1/accounts/{id}/pools", "", pools).await?;
    for (hours, call) in calls(created_at) {
        at(hours + 2).call("POST /v1/accounts/{id}/debits", "", json!({ "records": [call] })).await?;
    }
    let (hours, wrong) = wrong_call(created_at);
    at(hours + 2).call("POST /v1/accounts/{id}/debits", "", json!({ "records": [wrong] })).await?;
    let reversal = json!({ "startedAt": wrong["startedAt"], "reason": "recorded with the wrong duration" });
    let path = json!({ "id": ACCOUNT, "recordId": wrong["id"] });
    let reversed =
        at(hours + 3).answer("POST /v1/accounts/{id}/usage/{recordId}/reversal", path, "", reversal).await?;
    ensure!(reversed.status_code == 200, "the reversal answered {}", reversed.status_code);
    let mut corrected = wrong;
    corrected["revision"] = json!(2);
    corrected["durationSeconds"] = json!(180);
    at(hours + 4).call("POST /v1/accounts/{id}/debits", "", json!({ "records": [corrected] })).await?;
    let card = json!({ "paymentMethod": "pm_card_visa" });
    at(hours + 5).call("PUT /v1/accounts/{id}/payment-method", "", card).await?;
    Ok(())
}

/// Calls of each kind, each with the hours between the account's creation and its start.
fn calls(created_at: Timestamp) -> Vec<(i64, Value)> {
    let call = |hours: i64, service: &str, called: &str, user: &str, seconds: u32| {
        let call = json!({
            "id": format!("demo-{hours}"),
            "userId": user,
            "service": service,
            "number": called,
            "startedAt": created_at + SignedDuration::from_hours(hours),
            "durationSeconds": seconds,
        });
        (hours, call)
    };
    let with = |(hours, mut call): (i64, Value), fields: Value| {
        let fields = fields.as_object().cloned().unwrap_or_default();
        call.as_object_mut().expect("a call is an object").extend(fields);
        (hours, call)
    };
    let planned = |call| with(call, json!({ "plan": "MCOPSTN5", "userCountry": "FR" }));
    vec![
        // The plan's 120 minutes include the first two calls, and 14 minutes of the third.
        planned(call(6, "userOut", "+33140000***", "ada@example.com", 2_712)),
        planned(call(30, "userOut", "+33240000***", "grace@example.com", 3_600)),
        planned(call(54, "userOut", "+33340000***", "ada@example.com", 2_400)),
        planned(call(78, "userOut", "+14255550***", "grace@example.com", 1_205)),
        with(
            call(102, "conferenceOut", "+4930000***", "ada@example.com", 2_710),
            json!({ "plan": "MCOMEETADD", "userCountry": "FR" }),
        ),
        call(126, "tollFreeIn", "+18005550***", "attendant@example.com", 95),
        call(150, "premium", "+33899000***", "grace@example.com", 61),
        with(
            call(174, "userOut", "+8835100012***", "ada@example.com", 300),
            json!({ "charge": "4.5000", "currency": "EUR" }),
        ),
        call(198, "userOut", "+33140000***", "ada@example.com", 0),
        call(222, "userOut", "+9990001***", "grace@example.com", 60),
    ]
}

/// A call that is reversed, and sent again as a further revision.
fn wrong_call(created_at: Timestamp) -> (i64, Value) {
    let hours = 246;
    let call = json!({
        "id": format!("demo-{hours}"),
        "userId": "grace@example.com",
        "service": "userOut",
        "number": "+4930000***",
        "startedAt": created_at + SignedDuration::from_hours(hours),
        "durationSeconds": 18_000,
    });
    (hours, call)
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
        let headers = json!({ "content-type": "application/json", "idempotency-key": idempotency_key });
        self.send(route, path, headers, body).await
    }

    /// Reads a document of this content type.
    pub(crate) async fn document(
        &self,
        route: &str,
        path: Value,
        content_type: &str,
    ) -> anyhow::Result<ApiGatewayV2httpResponse> {
        self.send(route, path, json!({ "accept": content_type }), Value::Null).await
    }

    async fn send(
        &self,
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
