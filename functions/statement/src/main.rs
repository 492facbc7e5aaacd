//! The `statement` function on AWS Lambda.

use std::convert::Infallible;

use api::ApiGatewayV2httpRequest;
use lambda::Function;
use lambda::settings::{charged_from_env, rates_from_env, store_from_env};
use lambda_runtime::{Error, LambdaEvent};
use statement::invoices::CSV_BYTES;
use statement::{Ports, SUMS_FOR};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let ports = Ports {
        rates: rates_from_env()?,
        charged: charged_from_env()?,
        store: store_from_env().await?,
        sums_for: SUMS_FOR,
        csv_bytes: CSV_BYTES,
    };
    let answer = async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        Ok::<_, Infallible>(statement::handle(event.payload, &ports).await)
    };
    function.run(ports.store.warm_up(), answer).await
}
