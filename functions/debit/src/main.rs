//! The `debit` function on AWS Lambda.

use std::convert::Infallible;

use api::ApiGatewayV2httpRequest;
use api::runtime::{Function, PublishedRates, store_from_env};
use debit::Ports;
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    // The rates first, since they are read beside the rest.
    let ports = Ports { rates: PublishedRates::from_env()?, store: store_from_env().await? };
    let answer =
        async |event: ApiGatewayV2httpRequest| Ok::<_, Infallible>(debit::handle(event, &ports).await);
    function.run(ports.store.warm_up(), answer).await
}
