//! The `publish` function on AWS Lambda: the stream of `accounts`, and requests to publish a period again or to publish
//! undelivered records.

use std::time::Duration;

use aws_lambda_events::streams::DynamoDbEventResponse;
use aws_sdk_eventbridge::Client;
use lambda::settings::{setting, store_from_env};
use lambda::{Function, aws, until};
use lambda_runtime::{Error, LambdaEvent};
use publish::{Batch, Bucket, Ports, Redrive, Redriven, Republish, Republished};
use serde::{Deserialize, Serialize};

/// Time kept in reserve before the Lambda deadline, to answer a request to publish a period again or to publish records.
const TO_ANSWER: Duration = Duration::from_secs(10);

/// An event that the function is invoked with.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wake {
    Stream(Batch),
    Republish { republish: Republish },
    Redrive { redrive: Redrive },
}

/// The response to each event.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Stream(DynamoDbEventResponse),
    Republish(Republished),
    Redrive(Redriven),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let bus_name = setting("EVENT_BUS")?;
    let config = aws::config().await;
    let ports = Ports {
        bus: Client::new(config),
        bus_name,
        undelivered: Bucket::new(aws_sdk_s3::Client::new(config), setting("UNDELIVERED_BUCKET")?),
        store: store_from_env().await?,
    };
    let wake = async |event: LambdaEvent<Wake>| {
        let until = until(&event.context, TO_ANSWER);
        Ok::<_, Error>(match event.payload {
            Wake::Stream(batch) => Answer::Stream(publish::handle(batch, &ports).await),
            Wake::Republish { republish } => {
                Answer::Republish(publish::republish(republish, &ports, until).await?)
            }
            Wake::Redrive { redrive } => Answer::Redrive(publish::redrive(redrive, &ports, until).await?),
        })
    };
    function.run(publish::warm_up(&ports), wake).await
}
