//! The `webhook` function on AWS Lambda.

use std::convert::Infallible;

use api::ApiGatewayV2httpRequest;
use lambda::settings::setting;
use lambda::{Function, aws};
use lambda_runtime::{Error, LambdaEvent};
use webhook::Ports;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let ports = Ports {
        secrets: webhook::secrets(&aws::secret(&setting("STRIPE_WEBHOOK_SECRET_ARN")?).await?),
        sqs: aws_sdk_sqs::Client::new(aws::config().await),
        queue_url: setting("PROCESSOR_QUEUE_URL")?,
    };
    let answer = async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        Ok::<_, Infallible>(webhook::handle(event.payload, &ports).await)
    };
    let nothing_to_warm_up = async { Ok::<_, Infallible>(()) };
    function.run(nothing_to_warm_up, answer).await
}
