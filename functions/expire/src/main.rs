//! The `expire` function on AWS Lambda.

use expire::Ports;
use lambda::settings::store_from_env;
use lambda::{Function, Scheduled};
use lambda_runtime::{Error, LambdaEvent};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let ports = Ports { store: store_from_env().await? };
    let sweep = async |event: LambdaEvent<Scheduled>| expire::handle(event.payload, &ports).await;
    function.run(ports.store.warm_up(), sweep).await
}
