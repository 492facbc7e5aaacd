//! The `publish` function on AWS Lambda: the stream of `accounts`, and requests to tell a period again.

use api::runtime::{start_logs, store_from_env};
use aws_config::BehaviorVersion;
use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::streams::DynamoDbEventResponse;
use aws_sdk_eventbridge::Client;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use publish::{Ports, Republish, Republished};
use serde::{Deserialize, Serialize};

/// What wakes it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wake {
    Stream(Event),
    Republish { republish: Republish },
}

/// What it answers to each.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Stream(DynamoDbEventResponse),
    Republish(Republished),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let bus_name = std::env::var("EVENT_BUS").map_err(|_| "the setting EVENT_BUS is missing")?;
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12()).load().await;
    let ports = Ports { bus: Client::new(&config), bus_name, store: store_from_env().await? };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Wake>| match event.payload {
        Wake::Stream(batch) => Ok(Answer::Stream(publish::handle(batch, &ports).await)),
        Wake::Republish { republish } => {
            publish::republish(republish, &ports).await.map(Answer::Republish).map_err(Error::from)
        }
    }))
    .await
}
