//! The `publish` function on AWS Lambda: the stream of `accounts`, and requests to tell a period again.

use std::time::Duration;

use api::runtime::{Function, setting, store_from_env, until};
use aws_config::BehaviorVersion;
use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::streams::DynamoDbEventResponse;
use aws_sdk_eventbridge::Client;
use lambda_runtime::{Error, LambdaEvent};
use publish::{Ports, Republish, RepublishError, Republished};
use serde::{Deserialize, Serialize};

/// It ends telling a period so long before its time is up, to answer.
const TO_ANSWER: Duration = Duration::from_secs(10);

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
    let function = Function::start()?;
    let bus_name = setting("EVENT_BUS")?;
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12()).load().await;
    let ports = Ports { bus: Client::new(&config), bus_name, store: store_from_env().await? };
    let wake = async |event: LambdaEvent<Wake>| match event.payload {
        Wake::Stream(batch) => Ok::<_, RepublishError>(Answer::Stream(publish::handle(batch, &ports).await)),
        Wake::Republish { republish } => {
            let until = until(&event.context, TO_ANSWER);
            publish::republish(republish, &ports, until).await.map(Answer::Republish)
        }
    };
    function.run(publish::warm_up(&ports), wake).await
}
