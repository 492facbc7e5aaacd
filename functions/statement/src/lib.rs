//! Reads an account's funds, transactions, statements, receipts and invoices, and the rates that calls are charged at. It writes
//! nothing but the lines of days that are over, which follow from the journal.
//!
//! | file | routes |
//! |---|---|
//! | [`funds`] | lots, purchases and recharges |
//! | [`receipt`] | the receipt of a purchase (F8) |
//! | [`credit_note`] | the credit note of a refund (F8, F9) |
//! | [`transactions`] | transactions, a record's transaction, records without a rate (S9) |
//! | [`balances`] | the balance at the end of past days (T2) |
//! | [`statement`] | the statement of a period (T2, T3) |
//! | [`invoices`] | invoices, one as JSON, CSV or PDF (S8) |
//! | `sums` | what was posted in a period, summed up by lines |
//! | [`csv`] | transactions, statements, invoices and rates as CSV |
//! | [`rates`] | the rates of a number (S5) |
//! | [`rate_list`] | the published rates (S5) |

pub mod balances;
pub mod credit_note;
pub mod csv;
pub mod funds;
pub mod invoices;
pub mod rate_list;
pub mod rates;
pub mod receipt;
pub mod statement;
mod sums;
pub mod transactions;

use std::sync::Arc;
use std::time::Duration;

use ::rates::PublishedRates;
use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse, Role};
use domain::purchase::ChargedAmounts;
use store::Store;
use tokio::time::Instant;

/// The ports of the handler.
#[derive(Clone)]
pub struct Ports {
    /// Accounts, journals and payments.
    pub store: Arc<Store>,
    /// Published rates.
    pub rates: PublishedRates,
    /// The amounts that the card processor charges and pays back. `None` if it counts every minor unit.
    pub charged: Option<ChargedAmounts>,
    /// How long a request may sum up days.
    pub sums_for: Duration,
    /// After about how many bytes a page of an invoice's CSV ends.
    pub csv_bytes: usize,
}

impl Ports {
    /// When a request that begins now has had its time to sum up days.
    fn until(&self) -> Instant {
        Instant::now() + self.sums_for
    }
}

/// How long a request sums up days on Lambda, well within the 29 seconds of the function.
pub const SUMS_FOR: Duration = Duration::from_secs(18);

api::routes! { &Ports;
    "GET /v1/accounts/{id}/purchases" ("cursor", "limit") => funds::purchases,
    "GET /v1/accounts/{id}/purchases/{purchaseId}" () => funds::purchase,
    "GET /v1/accounts/{id}/purchases/{purchaseId}/receipt" () => receipt::show,
    "GET /v1/accounts/{id}/purchases/{purchaseId}/credit-notes/{number}" () => credit_note::show,
    "GET /v1/accounts/{id}/lots" () => funds::lots,
    "GET /v1/accounts/{id}/balance" ("at") => balances::balance,
    "GET /v1/accounts/{id}/balances" ("from", "to") => balances::balances,
    "GET /v1/accounts/{id}/statement" ("from", "to") => statement::show,
    "GET /v1/accounts/{id}/invoices" ("cursor", "limit") => invoices::list,
    "GET /v1/accounts/{id}/invoices/{invoiceId}" ("cursor") => invoices::show,
    "GET /v1/accounts/{id}/transactions" (
        "from", "to", "kind", "cursor", "limit", "whole", "transactionId", "recordId", "startedAt", "revision"
    ) => transactions::transactions,
    "GET /v1/accounts/{id}/usage/{recordId}" ("startedAt", "revision") => transactions::usage_record,
    "GET /v1/unrated" ("cursor", "limit") => transactions::unrated,
    "GET /v1/rates" ("service", "number", "currency") => rates::rate,
    "GET /v1/rates/list" ("service", "currency", "country", "cursor", "limit") => rate_list::rates,
}

/// The roles that may read an account's funds, transactions and statements.
const READERS: [Role; 3] = [Role::Operator, Role::Admin, Role::Viewer];

/// Answers one request.
pub async fn handle(event: ApiGatewayV2httpRequest, ports: &Ports) -> ApiGatewayV2httpResponse {
    api::answer(event, ROUTES, async |request| route(request, ports).await).await
}
