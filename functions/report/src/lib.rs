//! Reports usage by day and dimension. It stores the totals of days that are over, so that the next report reads them instead of
//! the journal.
//!
//! | file | what |
//! |---|---|
//! | [`usage`] | the route: its parameters, and the answer as JSON and CSV |
//! | [`totals`] | the totals of a period: stored ones, and those of changed days from the journal |

pub mod totals;
pub mod usage;

use std::sync::Arc;

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use store::Store;
use tokio::time::Instant;

/// The ports of the handler.
#[derive(Clone)]
pub struct Ports {
    /// Accounts and their journals.
    pub store: Arc<Store>,
}

/// The ports, and when a request ends.
#[derive(Clone, Copy)]
pub struct Timed<'a> {
    /// The ports.
    pub ports: &'a Ports,
    /// No day is begun after this instant.
    pub until: Instant,
}

api::routes! { Timed<'_>;
    "GET /v1/accounts/{id}/usage" ("month", "from", "to", "groupBy", "top") => usage::report,
}

/// Answers one request. Days that are not totalled by `until` are left to the next one.
pub async fn handle(
    event: ApiGatewayV2httpRequest,
    ports: &Ports,
    until: Instant,
) -> ApiGatewayV2httpResponse {
    api::answer(event, ROUTES, async |request| route(request, Timed { ports, until }).await).await
}
