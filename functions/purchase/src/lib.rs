//! Changes of an account's funds that a person asks for.
//!
//! - `POST /v1/accounts/{id}/purchases` (F1-F7, F11): [`buy`]
//! - `POST /v1/accounts/{id}/purchases/{purchaseId}/confirm` (R4): [`confirm`]
//! - `POST /v1/accounts/{id}/purchases/{purchaseId}/refund` (F9): [`refund`]
//! - `POST /v1/accounts/{id}/adjustments` (F9): [`adjust`]

pub mod adjust;
pub mod buy;
pub mod confirm;
mod idempotency;
pub mod refund;

use std::sync::Arc;

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use domain::purchase::PurchaseLimits;
use payments::{Cashier, Portal, Processor};
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

impl Ports {
    fn cashier(&self) -> Cashier<'_> {
        Cashier {
            store: &self.store,
            processor: self.processor.as_ref(),
            portal: &self.portal,
            lease_clock: None,
        }
    }
}

api::routes! { &Ports;
    "POST /v1/accounts/{id}/purchases" () => buy::buy,
    "POST /v1/accounts/{id}/purchases/{purchaseId}/confirm" () => confirm::confirm,
    "POST /v1/accounts/{id}/purchases/{purchaseId}/refund" () => refund::refund,
    "POST /v1/accounts/{id}/adjustments" () => adjust::adjust,
}

/// Answers one request.
pub async fn handle(event: ApiGatewayV2httpRequest, ports: &Ports) -> ApiGatewayV2httpResponse {
    api::answer(event, ROUTES, async |request| route(request, ports).await).await
}
