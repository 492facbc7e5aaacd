//! The `invoice` function on AWS Lambda: requests of the API, and a schedule.

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use invoice::Ports;
use invoice::run::{RunError, Summary};
use lambda::settings::store_from_env;
use lambda::{Function, Scheduled};
use lambda_runtime::{Error, LambdaEvent};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// An event that the function is invoked with.
enum Wake {
    Request(Box<ApiGatewayV2httpRequest>),
    Schedule(Scheduled),
}

impl<'de> Deserialize<'de> for Wake {
    /// A request has its `requestContext`, and a scheduled run has none. Every field of a request is optional, so that a run would
    /// parse as a request.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = Value::deserialize(deserializer)?;
        let wake = if event.get("requestContext").is_some() {
            serde_json::from_value(event).map(Self::Request)
        } else {
            serde_json::from_value(event).map(Self::Schedule)
        };
        wake.map_err(D::Error::custom)
    }
}

/// The response to each event.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Request(Box<ApiGatewayV2httpResponse>),
    Schedule(Summary),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let ports = Ports { store: store_from_env().await? };
    let answer = async |event: LambdaEvent<Wake>| {
        Ok::<_, RunError>(match event.payload {
            Wake::Request(request) => Answer::Request(Box::new(invoice::handle(*request, &ports).await)),
            Wake::Schedule(event) => Answer::Schedule(invoice::run::handle(event, &ports).await?),
        })
    };
    function.run(ports.store.warm_up(), answer).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requests_and_runs_are_told_apart() {
        let request = json!({
            "version": "2.0",
            "routeKey": "POST /v1/accounts/{id}/invoices/{invoiceId}/paid",
            "rawPath": "/v1/accounts/a/invoices/inv_2026-11/paid",
            "rawQueryString": "",
            "headers": { "content-type": "application/json" },
            "pathParameters": { "id": "a", "invoiceId": "inv_2026-11" },
            "requestContext": {
                "authorizer": { "jwt": { "claims": { "sub": "o", "role": "operator" }, "scopes": null } },
                "http": { "method": "POST", "path": "/v1/accounts/a/invoices/inv_2026-11/paid" },
                "requestId": "r",
                "timeEpoch": 1_764_064_800_123_u64,
            },
            "body": "{}",
            "isBase64Encoded": false,
        });
        assert!(matches!(serde_json::from_value(request), Ok(Wake::Request(_))));
        let run = json!({ "time": "2026-12-01T06:00:00Z", "id": "d32c5kddcf5bb8c3" });
        let Ok(Wake::Schedule(read)) = serde_json::from_value(run) else { panic!("a scheduled run") };
        assert_eq!(read.id.as_deref(), Some("d32c5kddcf5bb8c3"));
        assert!(serde_json::from_value::<Wake>(json!({})).is_err(), "an event of another kind is refused");
    }
}
