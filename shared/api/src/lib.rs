//! The HTTP layer that all functions of the API share. The crate `contract` has the shapes of answers.
//!
//! | file | what |
//! |---|---|
//! | [`access`] | authorization by role and account (X1) |
//! | [`routes`](mod@routes) | a function's routes, in one list |
//! | [`request`] | reading an API Gateway v2 event |
//! | [`fields`] | the fields of a JSON body |
//! | [`reply`] | writing an answer |
//! | [`csv`](mod@csv) | writing one as CSV |
//! | [`problem`] | every error, as `application/problem+json` |

pub mod access;
pub mod csv;
pub mod fields;
pub mod problem;
pub mod reply;
pub mod request;
pub mod routes;

pub use access::{Caller, Role};
pub use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
pub use fields::{Change, Fields};
pub use problem::Problem;
pub use reply::Reply;
pub use request::{PageParameters, Request, SeenSettings, SignedRequest};
pub use routes::Routes;

use domain::AccountId;
use telemetry::Correlation;
use telemetry::correlation::because_of;

/// Answers an event: reads the request, calls `route`, and turns an error into a problem. A query parameter that the route does
/// not list is refused.
///
/// Each request is logged here in one line, and a failure with status 500 or above together with its cause. All log lines of a
/// request have its correlation id.
pub async fn answer<F>(event: ApiGatewayV2httpRequest, routes: Routes, route: F) -> ApiGatewayV2httpResponse
where
    F: AsyncFnOnce(&Request) -> Result<Reply, Problem>,
{
    logged(event, async |event| {
        let listed = routes.iter().find(|(listed, _)| Some(*listed) == event.route_key.as_deref());
        let request = Request::read(event, listed.map_or(&[], |(_, names)| names))?;
        route(&request).await
    })
    .await
}

/// Answers an event that has no token, since the sender is known by a signature. `route` checks it. Everything else is as in
/// [`answer`].
pub async fn answer_signed<F>(event: ApiGatewayV2httpRequest, route: F) -> ApiGatewayV2httpResponse
where
    F: AsyncFnOnce(&SignedRequest) -> Result<Reply, Problem>,
{
    logged(event, async |event| route(&SignedRequest::read(event)?).await).await
}

/// Does `work` with the event's correlation id, logs its result, and turns it into an answer.
async fn logged<F>(event: ApiGatewayV2httpRequest, work: F) -> ApiGatewayV2httpResponse
where
    F: AsyncFnOnce(ApiGatewayV2httpRequest) -> Result<Reply, Problem>,
{
    let cause = event.request_context.request_id.as_deref().and_then(Correlation::parse);
    because_of(cause, async {
        let route_key = event.route_key.clone();
        let account = event.path_parameters.get("id").and_then(|id| AccountId::parse(id.as_str()).ok());
        let account = account.as_ref().map(AccountId::as_str);
        let result = work(event).await;
        let status = result.as_ref().map_or_else(Problem::status, Reply::status);
        match &result {
            Err(problem) if status >= 500 => {
                tracing::error!(route = route_key, account, status, %problem, "a request failed");
            }
            _ => tracing::info!(route = route_key, account, status, "answered"),
        }
        result.unwrap_or_else(Problem::into_reply).into_event()
    })
    .await
}
