//! The `report` function on AWS Lambda.

use std::convert::Infallible;
use std::time::Duration;

use api::ApiGatewayV2httpRequest;
use lambda::settings::store_from_env;
use lambda::{Function, until};
use lambda_runtime::{Error, LambdaEvent};
use report::Ports;

/// Time kept in reserve before the Lambda deadline, to store the totals of the day at hand and to answer.
const TO_ANSWER: Duration = Duration::from_secs(9);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let ports = Ports { store: store_from_env().await? };
    let answer = async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        let until = until(&event.context, TO_ANSWER);
        Ok::<_, Infallible>(report::handle(event.payload, &ports, until).await)
    };
    function.run(ports.store.warm_up(), answer).await
}
