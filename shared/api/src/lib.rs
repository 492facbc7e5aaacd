//! The HTTP contract, shared by every function that answers people and platforms.
//!
//! | file | what |
//! |---|---|
//! | [`access`] | who may do what (X1) |
//! | [`problem`] | every error, as `application/problem+json` |
//! | [`request`] | an API Gateway v2 event, read |
//! | [`reply`] | an answer, written |
//! | [`view`] | accounts, lots, purchases and transactions as they are shown |
//! | [`amount`] | amounts in requests |
//! | [`schedule`] | what the Scheduler sends |
//! | [`queue`] | events of the bus, as a queue delivers them |
//! | [`runtime`] | what every function's `main` does before its first event |

pub mod access;
pub mod amount;
pub mod problem;
pub mod queue;
pub mod reply;
pub mod request;
pub mod runtime;
pub mod schedule;
pub mod view;

pub use access::{Caller, Role};
pub use amount::Amount;
pub use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
pub use problem::{FieldError, Problem};
pub use queue::Delivery;
pub use reply::Reply;
pub use request::Request;
pub use schedule::Scheduled;

/// Answers an event: reads it, lets `route` answer, and turns what went wrong into a problem.
///
/// A failure of ours is logged here, once, where it is handled.
pub async fn answer<F>(event: ApiGatewayV2httpRequest, route: F) -> ApiGatewayV2httpResponse
where
    F: AsyncFnOnce(&Request) -> Result<Reply, Problem>,
{
    let request = Request::read(event);
    let result = match &request {
        // On the heap: a handler's future is deep, and moved often.
        Ok(request) => Box::pin(route(request)).await,
        Err(problem) => Err(problem.clone()),
    };
    result
        .unwrap_or_else(|problem| {
            let (route, id) = request.as_ref().map_or(("", ""), |request| (request.route(), request.id()));
            if problem.status() >= 500 {
                tracing::error!(route, request = id, %problem, "a request failed");
            }
            problem.into_reply()
        })
        .into_event()
}
