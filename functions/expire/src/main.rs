//! The `expire` function on AWS Lambda.

use api::Scheduled;
use api::runtime::{start_logs, store_from_env};
use expire::Ports;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let ports = Ports { store: store_from_env().await? };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Scheduled>| {
        expire::handle(event.payload, &ports).await.map_err(Error::from)
    }))
    .await
}
