//! The `recharge` function on AWS Lambda: events from its queue, and a schedule.

use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use lambda::settings::{policy_from_env, portal_from_env, processor_from_env, store_from_env};
use lambda::{Function, Scheduled};
use lambda_runtime::{Error, LambdaEvent};
use recharge::{Ports, RecoverError, Summary};
use serde::{Deserialize, Serialize};

/// An event that the function is invoked with.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wake {
    Queue(SqsEvent),
    Schedule(Scheduled),
}

/// The response to each event.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Queue(SqsBatchResponse),
    Schedule(Summary),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let ports = Ports {
        store: store_from_env().await?,
        processor: processor_from_env().await?,
        portal: portal_from_env()?,
        policy: policy_from_env()?,
        lease_clock: Arc::new(Timestamp::now),
    };
    let wake = async |event: LambdaEvent<Wake>| match event.payload {
        Wake::Queue(batch) => {
            Ok::<_, RecoverError>(Answer::Queue(recharge::handle_queue(batch, &ports).await))
        }
        Wake::Schedule(event) => recharge::handle(event, &ports).await.map(Answer::Schedule),
    };
    function.run(ports.store.warm_up(), wake).await
}
