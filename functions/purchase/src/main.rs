//! The `purchase` function on AWS Lambda.

use std::convert::Infallible;

use api::ApiGatewayV2httpRequest;
use api::runtime::{limits_from_env, processor_from_env, start_logs, store_from_env};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use purchase::Ports;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let ports = Ports {
        store: store_from_env().await?,
        processor: processor_from_env().await?,
        limits: limits_from_env()?,
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        Ok::<_, Infallible>(purchase::handle(event.payload, &ports).await)
    }))
    .await
}
