//! The `debit` function on AWS Lambda: requests of the API, and messages of its queue.

use std::convert::Infallible;

use api::runtime::{Function, PublishedRates, store_from_env};
use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use debit::Ports;
use lambda_runtime::{Error, LambdaEvent};
use serde::{Deserialize, Serialize};

/// What wakes it. A request has no `Records`; a batch of messages would pass for a request.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wake {
    Queue(SqsEvent),
    Request(Box<ApiGatewayV2httpRequest>),
}

/// What it answers to each.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Queue(SqsBatchResponse),
    Request(Box<ApiGatewayV2httpResponse>),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    // The rates first, since they are read beside the rest.
    let ports = Ports { rates: PublishedRates::from_env()?, store: store_from_env().await? };
    let answer = async |event: LambdaEvent<Wake>| {
        Ok::<_, Infallible>(match event.payload {
            Wake::Queue(batch) => Answer::Queue(debit::queue::handle(batch, &ports).await),
            Wake::Request(request) => Answer::Request(Box::new(debit::handle(*request, &ports).await)),
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
    }
}
