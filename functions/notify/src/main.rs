//! The `notify` function on AWS Lambda: events from its queue.

use std::convert::Infallible;
use std::time::Duration;

use api::runtime::{Function, setting, store_from_env, until};
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent};
use notices::Claims;
use notify::Ports;

/// Time kept to mark the last mail and to answer.
const TO_ANSWER: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let ports = Ports {
        store: store_from_env().await?,
        mailer: notices::send::client_from_env().await,
        claims: Claims::new(store::client_from_env().await, setting("NOTICES_TABLE")?, Claims::LEASE),
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
