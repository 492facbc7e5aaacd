//! The `purchase` function on AWS Lambda.

use std::convert::Infallible;

use api::ApiGatewayV2httpRequest;
use lambda::Function;
use lambda::settings::{limits_from_env, portal_from_env, processor_from_env, store_from_env};
use lambda_runtime::{Error, LambdaEvent};
use purchase::Ports;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let ports = Ports {
        store: store_from_env().await?,
        processor: processor_from_env().await?,
        portal: portal_from_env()?,
        limits: limits_from_env()?,
    };
    let answer = async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        Ok::<_, Infallible>(purchase::handle(event.payload, &ports).await)
    };
    function.run(ports.store.warm_up(), answer).await
}
