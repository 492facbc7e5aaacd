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
use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse, Parameters, Problem, Role};
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
    /// Published rates.
    pub rates: PublishedRates,
    /// The operator's limits of what is charged at once (F2).
    pub limits: PurchaseLimits,
}

/// The routes that this function answers.
pub const ROUTES: &[&str] = &[
    "POST /v1/accounts",
    "GET /v1/accounts",
    "GET /v1/accounts/{id}",
    "PATCH /v1/accounts/{id}",
    "PUT /v1/accounts/{id}/auto-recharge",
    "POST /v1/accounts/{id}/auto-recharge/resume",
    "PUT /v1/accounts/{id}/payment-method",
    "GET /v1/accounts/{id}/purchases",
    "GET /v1/accounts/{id}/purchases/{purchaseId}",
    "GET /v1/accounts/{id}/purchases/{purchaseId}/receipt",
    "GET /v1/accounts/{id}/lots",
    "GET /v1/accounts/{id}/transactions",
    "GET /v1/accounts/{id}/usage/{recordId}",
    "GET /v1/rates",
    "GET /v1/unrated",
];

/// The parameters of their queries.
pub const PARAMETERS: Parameters = &[
    ("GET /v1/accounts", &["cursor", "limit"]),
    ("GET /v1/accounts/{id}/purchases", &["cursor", "limit"]),
    (
        "GET /v1/accounts/{id}/transactions",
        &["from", "to", "kind", "cursor", "limit", "transactionId", "recordId", "startedAt", "revision"],
    ),
    ("GET /v1/accounts/{id}/usage/{recordId}", &["startedAt", "revision"]),
    ("GET /v1/rates", &["service", "number", "currency"]),
    ("GET /v1/unrated", &["cursor", "limit"]),
];

/// This function's part of the API's document.
#[derive(OpenApi)]
#[openapi(paths(
    open::create,
    read::list,
    read::show,
    settings::change,
    auto_recharge::set,
    auto_recharge::resume,
    settings::set_payment_method,
    read::purchases,
    read::purchase,
    receipt::show,
    read::lots,
    journal::transactions,
    journal::usage_record,
    journal::unrated,
    rates::rate,
))]
pub struct Doc;

/// Who may read an account's books.
const READERS: [Role; 3] = [Role::Operator, Role::Admin, Role::Viewer];

/// Answers one request.
pub async fn handle(event: ApiGatewayV2httpRequest, ports: &Ports) -> ApiGatewayV2httpResponse {
    api::answer(event, PARAMETERS, async |request| match request.route() {
        "POST /v1/accounts" => open::create(request, ports).await,
        "GET /v1/accounts" => read::list(request, ports).await,
        "GET /v1/accounts/{id}" => read::show(request, ports).await,
        "PATCH /v1/accounts/{id}" => settings::change(request, ports).await,
        "PUT /v1/accounts/{id}/auto-recharge" => auto_recharge::set(request, ports).await,
        "POST /v1/accounts/{id}/auto-recharge/resume" => auto_recharge::resume(request, ports).await,
        "PUT /v1/accounts/{id}/payment-method" => settings::set_payment_method(request, ports).await,
        "GET /v1/accounts/{id}/purchases" => read::purchases(request, ports).await,
        "GET /v1/accounts/{id}/purchases/{purchaseId}" => read::purchase(request, ports).await,
        "GET /v1/accounts/{id}/purchases/{purchaseId}/receipt" => receipt::show(request, ports).await,
        "GET /v1/accounts/{id}/lots" => read::lots(request, ports).await,
        "GET /v1/accounts/{id}/transactions" => journal::transactions(request, ports).await,
        "GET /v1/accounts/{id}/usage/{recordId}" => journal::usage_record(request, ports).await,
        "GET /v1/rates" => rates::rate(request, ports),
        "GET /v1/unrated" => journal::unrated(request, ports).await,
        _ => Err(Problem::NotFound("route")),
    })
    .await
}
