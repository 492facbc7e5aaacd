//! The `notify` function on AWS Lambda: events from its queue.

use std::convert::Infallible;
use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use lambda::settings::{setting, store_from_env};
use lambda::{Function, aws, until};
use lambda_runtime::{Error, LambdaEvent};
use notify::Ports;
use store::MailLeases;

/// Time kept in reserve before the Lambda deadline, to mark the last mail and to return the batch response.
const TO_ANSWER: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let config = aws::config().await;
    let ports = Ports {
        store: store_from_env().await?,
        mailer: aws_sdk_sesv2::Client::new(config),
        leases: MailLeases::new(
            aws_sdk_dynamodb::Client::new(config),
            setting("NOTICES_TABLE")?,
            MailLeases::LASTING,
        ),
        from: setting("MAIL_FROM")?,
        portal: setting("PORTAL_URL")?,
        configuration_set: std::env::var("MAIL_CONFIGURATION_SET").ok(),
        patience: notices::send::PATIENCE,
    };
    let tell = async |event: LambdaEvent<SqsEvent>| {
        let until = until(&event.context, TO_ANSWER);
        Ok::<_, Infallible>(notify::handle(event.payload, &ports, until).await)
    };
    function.run(ports.store.warm_up(), tell).await
}
