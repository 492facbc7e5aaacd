//! The `recharge` function on AWS Lambda.

use api::Scheduled;
use api::runtime::{processor_from_env, start_logs, store_from_env};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use recharge::Ports;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let ports = Ports { store: store_from_env().await?, processor: processor_from_env().await? };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Scheduled>| {
        recharge::handle(event.payload, &ports).await.map_err(Error::from)
    }))
    .await
}
