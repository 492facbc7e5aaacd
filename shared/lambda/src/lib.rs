//! Running on AWS Lambda: the start of every function's `main`, and the steps around each event.
//!
//! | file | what |
//! |---|---|
//! | `function` | the start of a function, its logs and metrics, and its events |
//! | [`aws`] | the configuration of the clients of AWS's services |
//! | [`settings`] | environment variables |
//! | [`queue`] | messages, as an SQS queue delivers them |
//! | `schedule` | the input that EventBridge Scheduler sends |
//!
//! ```no_run
//! # use std::convert::Infallible;
//! # use lambda::{Function, Scheduled};
//! # use lambda_runtime::LambdaEvent;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), lambda_runtime::Error> {
//! let function = Function::start()?;
//! let store = lambda::settings::store_from_env().await?;
//! let answer = async |event: LambdaEvent<Scheduled>| Ok::<_, Infallible>(event.payload.time);
//! function.run(store.warm_up(), answer).await
//! # }
//! ```

pub mod aws;
mod function;
pub mod queue;
mod schedule;
pub mod settings;

pub use function::{Function, logs, until};
pub use queue::Delivery;
pub use schedule::Scheduled;
