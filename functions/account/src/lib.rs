//! Accounts are created, read and set up: everything that neither buys nor spends.
//!
//! | file | routes |
//! |---|---|
//! | [`open`] | create an account (A1) |
//! | [`settings`] | change its profile, its cards and its warning amount (A1, F10, N4) |
//! | [`auto_recharge`] | set auto-recharge, resume it (R1, R5, R6) |
//! | [`read`] | accounts, lots, purchases |
//! | [`receipt`] | the receipt of a purchase (F8) |
//! | [`journal`] | transactions, a record's transaction, records without a rate (S9) |
//! | [`csv`] | transactions as CSV |
//! | [`rates`] | what a number costs |

pub mod auto_recharge;
pub mod csv;
pub mod journal;
pub mod open;
pub mod rates;
pub mod read;
pub mod receipt;
pub mod settings;

use std::sync::Arc;

use api::runtime::PublishedRates;
use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse, Role};
use domain::purchase::PurchaseLimits;
use payments::Processor;
use store::Store;

/// The ports of the handler.
#[derive(Clone)]
pub struct Ports {
    /// Accounts, journals and payments.
    pub store: Arc<Store>,
    /// The card processor.
    pub processor: Arc<dyn Processor>,
    /// Published rates.
    pub rates: PublishedRates,
    /// The operator's limits of what is charged at once (F2).
    pub limits: PurchaseLimits,
}

api::routes! { &Ports;
    "POST /v1/accounts" () => open::create,
    "GET /v1/accounts" ("cursor", "limit") => read::list,
    "GET /v1/accounts/{id}" () => read::show,
    "PATCH /v1/accounts/{id}" () => settings::change,
    "PUT /v1/accounts/{id}/auto-recharge" () => auto_recharge::set,
    "POST /v1/accounts/{id}/auto-recharge/resume" () => auto_recharge::resume,
    "PUT /v1/accounts/{id}/payment-method" () => settings::set_payment_method,
    "GET /v1/accounts/{id}/purchases" ("cursor", "limit") => read::purchases,
    "GET /v1/accounts/{id}/purchases/{purchaseId}" () => read::purchase,
    "GET /v1/accounts/{id}/purchases/{purchaseId}/receipt" () => receipt::show,
    "GET /v1/accounts/{id}/lots" () => read::lots,
    "GET /v1/accounts/{id}/transactions" (
        "from", "to", "kind", "cursor", "limit", "transactionId", "recordId", "startedAt", "revision"
    ) => journal::transactions,
    "GET /v1/accounts/{id}/usage/{recordId}" ("startedAt", "revision") => journal::usage_record,
    "GET /v1/unrated" ("cursor", "limit") => journal::unrated,
    "GET /v1/rates" ("service", "number", "currency") => rates::rate,
}

/// Who may read an account's books.
const READERS: [Role; 3] = [Role::Operator, Role::Admin, Role::Viewer];

/// Answers one request.
pub async fn handle(event: ApiGatewayV2httpRequest, ports: &Ports) -> ApiGatewayV2httpResponse {
    api::answer(event, ROUTES, async |request| route(request, ports).await).await
}
