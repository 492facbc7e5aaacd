//! Changes of an account's funds that a person asks for.
//!
//! - `POST /v1/accounts/{id}/purchases` (F1-F7, F11): [`buy`]
//! - `POST /v1/accounts/{id}/adjustments` (F9): [`adjust`]

pub mod adjust;
pub mod buy;
mod idempotency;

use std::sync::Arc;

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse, Parameters, Problem};
use domain::purchase::PurchaseLimits;
use payments::Processor;
use store::Store;
use utoipa::OpenApi;

/// The ports of the handler.
#[derive(Clone)]
pub struct Ports {
    /// Accounts, journals and payments.
    pub store: Arc<Store>,
    /// The card processor.
    pub processor: Arc<dyn Processor>,
    /// The operator's limits (F2).
    pub limits: PurchaseLimits,
}

/// The routes that this function answers.
pub const ROUTES: &[&str] = &["POST /v1/accounts/{id}/purchases", "POST /v1/accounts/{id}/adjustments"];

/// The parameters of their queries: none.
pub const PARAMETERS: Parameters = &[];

/// This function's part of the API's document.
#[derive(OpenApi)]
#[openapi(paths(buy::buy, adjust::adjust))]
pub struct Doc;

/// Answers one request.
pub async fn handle(event: ApiGatewayV2httpRequest, ports: &Ports) -> ApiGatewayV2httpResponse {
    api::answer(event, PARAMETERS, async |request| match request.route() {
        "POST /v1/accounts/{id}/purchases" => buy::buy(request, ports).await,
        "POST /v1/accounts/{id}/adjustments" => adjust::adjust(request, ports).await,
        _ => Err(Problem::NotFound("route")),
    })
    .await
}
