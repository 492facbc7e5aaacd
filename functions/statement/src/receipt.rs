//! The receipt of a purchase or recharge, as PDF (F8).

use api::{Problem, Reply, Request};
use receipts::Receipt;
use utoipa::ToSchema;

use crate::{Ports, READERS};

/// A PDF, as the API's document describes it.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Pdf(pub Vec<u8>);

/// Read a receipt
///
/// The receipt of a purchase or recharge that was charged. It has one page, in the account's language.
///
/// For operator, admin and viewer.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/purchases/{purchaseId}/receipt",
    operation_id = "getReceipt",
    tag = "Funds",
    params(
        ("id" = String, Path, description = "The account"),
        ("purchaseId" = String, Path, description = "The purchase"),
    ),
    responses(
        (status = 200, description = "The receipt; `Content-Disposition` names the file", body = inline(Pdf), content_type = "application/pdf"),
        (status = 404, description = "There is no such purchase, or it was not charged", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn show(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&READERS)?;
    let none = || Problem::NotFound("receipt");
    let purchase_id = request.purchase_id().ok_or_else(none)?;
    let payment = ports.store.card_payment(&id, &purchase_id).await?.ok_or_else(none)?;
    let (_, profile) = ports.store.account_with_profile(&id).await?.ok_or(Problem::NoAccount)?;
    let receipt = Receipt::of(&payment, &profile).ok_or_else(none)?;
    Ok(Reply::pdf(receipts::pdf(&receipt), &receipt.file_name()))
}
