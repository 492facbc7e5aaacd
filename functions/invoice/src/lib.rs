//! Closes months with invoices, and ends invoices (S8, N12).
//!
//! | file | what |
//! |---|---|
//! | [`run`] | the nightly run: months that no other commit closed, and reminders |
//! | [`end`] | the operator marks an invoice as paid, or cancels it |

pub mod end;
pub mod run;

use std::sync::Arc;

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use store::Store;

/// The ports of the handler.
#[derive(Clone)]
pub struct Ports {
    /// Accounts, journals and payments.
    pub store: Arc<Store>,
}

api::routes! { &Ports;
    "POST /v1/accounts/{id}/invoices/{invoiceId}/paid" () => end::pay,
    "POST /v1/accounts/{id}/invoices/{invoiceId}/void" () => end::void,
}

/// Answers one request.
pub async fn handle(event: ApiGatewayV2httpRequest, ports: &Ports) -> ApiGatewayV2httpResponse {
    api::answer(event, ROUTES, async |request| route(request, ports).await).await
}
