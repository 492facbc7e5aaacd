//! The `account` function on AWS Lambda.

use std::convert::Infallible;
use std::sync::Arc;

use account::Ports;
use api::ApiGatewayV2httpRequest;
use api::runtime::{PublishedRates, setting, start_logs, store_from_env};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use payments::Sandbox;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let sandbox = Sandbox::new(
        store::client_from_env().await,
        setting("SANDBOX_TABLE")?,
        setting("AUTHENTICATION_PAGE")?,
    );
    let ports = Ports {
        store: store_from_env().await?.into(),
        processor: Arc::new(sandbox),
        rates: PublishedRates::from_env()?,
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        Ok::<_, Infallible>(account::handle(event.payload, &ports).await)
    }))
    .await
}
