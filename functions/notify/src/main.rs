//! The `notify` function on AWS Lambda: events from its queue.

use std::convert::Infallible;

use api::runtime::{Function, setting, store_from_env};
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent};
use notices::Claims;
use notify::Ports;

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
    };
    let tell =
        async |event: LambdaEvent<SqsEvent>| Ok::<_, Infallible>(notify::handle(event.payload, &ports).await);
    function.run(ports.store.warm_up(), tell).await
}
