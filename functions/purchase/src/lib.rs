//! Changes of an account's funds that a person asks for.
//!
//! - `POST /v1/accounts/{id}/purchases` (F1-F7, F11): [`buy`]
//! - `POST /v1/accounts/{id}/adjustments` (F9): [`adjust`]

pub mod adjust;
pub mod buy;
mod idempotency;

use std::sync::Arc;

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use domain::purchase::PurchaseLimits;
use payments::{Portal, Processor};
use store::Store;

/// The ports of the handler.
#[derive(Clone)]
pub struct Ports {
    /// Accounts, journals and payments.
    pub store: Arc<Store>,
    /// The card processor.
    pub processor: Arc<dyn Processor>,
    /// The portal, to which the processor's pages lead back.
    pub portal: Portal,
    /// The operator's limits (F2).
    pub limits: PurchaseLimits,
}

api::routes! { &Ports;
    "POST /v1/accounts/{id}/purchases" () => buy::buy,
    "POST /v1/accounts/{id}/adjustments" () => adjust::adjust,
}

/// Answers one request.
pub async fn handle(event: ApiGatewayV2httpRequest, ports: &Ports) -> ApiGatewayV2httpResponse {
    api::answer(event, ROUTES, async |request| route(request, ports).await).await
}
