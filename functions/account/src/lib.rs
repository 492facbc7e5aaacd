//! Creates, changes and reads accounts.
//!
//! | file | routes |
//! |---|---|
//! | [`caller`] | who the caller is (X1) |
//! | [`open`] | create an account (A1) |
//! | [`read`] | read one, list all |
//! | [`settings`] | change its profile, its cards, its warning amount and its billing model (A1, F10, N4, S8) |
//! | [`set_up`] | let a card be entered on the processor's own page (F10, X2) |
//! | [`limits`] | its spending limits, their use, and the margin of its calls (C1, C2) |
//! | [`pools`] | set its pools of included minutes (S7) |
//! | [`plans`] | the catalogue of plans (S7) |
//! | [`auto_recharge`] | set auto-recharge, resume it (R1, R5, R6) |

pub mod auto_recharge;
pub mod caller;
pub mod limits;
pub mod open;
pub mod plans;
pub mod pools;
pub mod read;
pub mod set_up;
pub mod settings;

use std::sync::Arc;

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use domain::recharge::Policy;
use payments::{Portal, Processor};
use store::Store;

/// The ports of the handler.
#[derive(Clone)]
pub struct Ports {
    /// Accounts and payments.
    pub store: Arc<Store>,
    /// The card processor.
    pub processor: Arc<dyn Processor>,
    /// The portal, to which the processor's pages lead back.
    pub portal: Portal,
    /// The operator's limits of card payments (F2, R6).
    pub policy: Policy,
}

api::routes! { &Ports;
    "POST /v1/accounts" () => open::create,
    "GET /v1/accounts" ("cursor", "limit") => read::list,
    "GET /v1/accounts/{id}" () => read::show,
    "PATCH /v1/accounts/{id}" () => settings::change,
    "POST /v1/accounts/{id}/auto-recharge/preview" () => auto_recharge::preview,
    "PUT /v1/accounts/{id}/auto-recharge" () => auto_recharge::set,
    "POST /v1/accounts/{id}/auto-recharge/resume" () => auto_recharge::resume,
    "PUT /v1/accounts/{id}/payment-method" () => settings::set_payment_method,
    "POST /v1/accounts/{id}/payment-method/setup" () => set_up::begin,
    "DELETE /v1/accounts/{id}/payment-method" () => settings::remove_payment_method,
    "DELETE /v1/accounts/{id}/payment-method/backup" () => settings::remove_backup,
    "GET /v1/accounts/{id}/billing-model/preview" () => settings::preview_switch,
    "PUT /v1/accounts/{id}/pools" () => pools::set,
    "GET /v1/accounts/{id}/limits" () => limits::show,
    "PUT /v1/accounts/{id}/limits" () => limits::set,
    "GET /v1/caller" () => caller::show,
    "GET /v1/plans" () => plans::list,
}

/// Answers one request.
pub async fn handle(event: ApiGatewayV2httpRequest, ports: &Ports) -> ApiGatewayV2httpResponse {
    api::answer(event, ROUTES, async |request| route(request, ports).await).await
}
