//! The `reconcile` function on AWS Lambda.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lambda::settings::store_from_env;
use lambda::{Function, until};
use lambda_runtime::{Error, LambdaEvent};
use reconcile::{Limits, Ports, Request};

/// Time kept in reserve before the Lambda deadline, to answer.
const TO_ANSWER: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let ports =
        Ports { store: store_from_env().await?, limits: Limits::default(), clock: Arc::new(Timestamp::now) };
    let reconcile = async |event: LambdaEvent<Request>| {
        reconcile::handle(event.payload, &ports, until(&event.context, TO_ANSWER)).await
    };
    function.run(ports.store.warm_up(), reconcile).await
}
