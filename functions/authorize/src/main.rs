//! The `authorize` function on AWS Lambda.

use std::convert::Infallible;

use api::ApiGatewayV2httpRequest;
use authorize::Ports;
use lambda::Function;
use lambda::settings::{rates_from_env, store_from_env};
use lambda_runtime::{Error, LambdaEvent};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let ports = Ports { store: store_from_env().await?, rates: rates_from_env()? };
    let answer = async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        Ok::<_, Infallible>(authorize::handle(event.payload, &ports).await)
    };
    function.run(ports.store.warm_up(), answer).await
}
