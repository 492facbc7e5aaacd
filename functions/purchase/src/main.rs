//! The `purchase` function on AWS Lambda.

use std::convert::Infallible;

use api::ApiGatewayV2httpRequest;
use api::runtime::{processor_from_env, start_logs, store_from_env};
use domain::purchase::PurchaseLimits;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use purchase::Ports;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let limits = std::env::var("PURCHASE_LIMITS").unwrap_or_default();
    let ports = Ports {
        store: store_from_env().await?,
        processor: processor_from_env().await?,
        limits: PurchaseLimits::parse(&limits)?,
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        Ok::<_, Infallible>(purchase::handle(event.payload, &ports).await)
    }))
    .await
}
