//! The `recharge` function on AWS Lambda.

use std::sync::Arc;

use api::Scheduled;
use api::runtime::{setting, start_logs, store_from_env};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use payments::Sandbox;
use recharge::Ports;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let sandbox = Sandbox::new(
        store::client_from_env().await,
        setting("SANDBOX_TABLE")?,
        setting("AUTHENTICATION_PAGE")?,
    );
    let ports = Ports { store: store_from_env().await?.into(), processor: Arc::new(sandbox) };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Scheduled>| {
        recharge::handle(event.payload, &ports).await.map_err(Error::from)
    }))
    .await
}
