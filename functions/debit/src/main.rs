//! The `debit` function on AWS Lambda: requests of the API, messages of its queue, and a schedule.

use std::time::Duration;

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use debit::Ports;
use debit::batch::BatchError;
use debit::unrated::Summary;
use lambda::settings::{rates_from_env, store_from_env};
use lambda::{Function, Scheduled, until};
use lambda_runtime::{Error, LambdaEvent};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Time kept in reserve before the Lambda deadline, to answer a batch or a request.
const TO_ANSWER: Duration = Duration::from_secs(3);

/// An event that the function is invoked with.
enum Wake {
    Queue(SqsEvent),
    Request(Box<ApiGatewayV2httpRequest>),
    Schedule(Scheduled),
}

impl<'de> Deserialize<'de> for Wake {
    /// A batch has `Records`, a request its `requestContext`, and a scheduled run neither. Every field of a request is optional, so
    /// an unreadable batch would parse as a request and its messages would be acknowledged unprocessed.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = Value::deserialize(deserializer)?;
        let has = |field: &str| event.get(field).is_some();
        let wake = if has("Records") {
            serde_json::from_value(event).map(Self::Queue)
        } else if has("requestContext") {
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
    Queue(SqsBatchResponse),
    Request(Box<ApiGatewayV2httpResponse>),
    Schedule(Summary),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let ports = Ports::new(store_from_env().await?, rates_from_env()?);
    let answer = async |event: LambdaEvent<Wake>| {
        let until = until(&event.context, TO_ANSWER);
        Ok::<_, BatchError>(match event.payload {
            Wake::Queue(batch) => Answer::Queue(debit::queue::handle(batch, &ports, until).await),
            Wake::Request(request) => Answer::Request(Box::new(debit::handle(*request, &ports, until).await)),
            Wake::Schedule(event) => Answer::Schedule(debit::unrated::handle(event, &ports, until).await?),
        })
    };
    function.run(ports.store.warm_up(), answer).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requests_and_messages_are_told_apart() {
        let request = json!({
            "version": "2.0",
            "routeKey": "POST /v1/accounts/{id}/debits",
            "rawPath": "/v1/accounts/a/debits",
            "rawQueryString": "rate=all",
            "headers": { "content-type": "application/json" },
            "queryStringParameters": { "rate": "all" },
            "pathParameters": { "id": "a" },
            "requestContext": {
                "authorizer": { "jwt": { "claims": { "sub": "p", "role": "platform" }, "scopes": null } },
                "http": { "method": "POST", "path": "/v1/accounts/a/debits" },
                "requestId": "r",
                "timeEpoch": 1_764_064_800_123_u64,
            },
            "body": "{\"records\": []}",
            "isBase64Encoded": false,
        });
        let alone: ApiGatewayV2httpRequest = serde_json::from_value(request.clone()).unwrap();
        let Ok(Wake::Request(read)) = serde_json::from_str(&request.to_string()) else { panic!("a request") };
        assert_eq!(*read, alone);
        let message = json!({ "messageId": "m", "body": "{}", "attributes": { "MessageGroupId": "a" } });
        let batch = json!({ "Records": [message] }).to_string();
        let Ok(Wake::Queue(read)) = serde_json::from_str(&batch) else { panic!("a batch") };
        assert_eq!(read.records.len(), 1);
        let run = json!({ "time": "2026-11-22T00:15:00Z", "id": "d32c5kddcf5bb8c3" }).to_string();
        let Ok(Wake::Schedule(read)) = serde_json::from_str(&run) else { panic!("a scheduled run") };
        assert_eq!(read.id.as_deref(), Some("d32c5kddcf5bb8c3"));
        assert!(serde_json::from_str::<Wake>("{}").is_err(), "an event of another kind is refused");
        let unreadable = json!({ "Records": [{ "messageId": 7, "body": "{}" }] }).to_string();
        assert!(
            serde_json::from_str::<Wake>(&unreadable).is_err(),
            "an unreadable batch is refused, so it comes back"
        );
    }
}
