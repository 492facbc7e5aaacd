//! The `account` function on AWS Lambda.

use std::convert::Infallible;

use account::Ports;
use api::ApiGatewayV2httpRequest;
use api::runtime::{PublishedRates, limits_from_env, processor_from_env, start_logs, store_from_env};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let ports = Ports {
        store: store_from_env().await?,
        processor: processor_from_env().await?,
        rates: PublishedRates::from_env()?,
        limits: limits_from_env()?,
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        Ok::<_, Infallible>(account::handle(event.payload, &ports).await)
    }))
    .await
}
