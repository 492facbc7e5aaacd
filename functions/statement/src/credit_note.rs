//! The credit note of a refund, as PDF (F8, F9).

use api::{Problem, Reply, Request};
use receipts::credit_note::CreditNote;

use crate::receipt::Pdf;
use crate::{Ports, READERS};

/// Read a credit note
///
/// The credit note of a refund that the card processor has taken. It has one page, in the account's language. If the refund failed
/// since, it says so.
///
/// For operator, admin and viewer.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/purchases/{purchaseId}/credit-notes/{number}",
    operation_id = "getCreditNote",
    tag = "Funds",
    params(
        ("id" = String, Path, description = "The account"),
        ("purchaseId" = String, Path, description = "The purchase"),
        ("number" = String, Path, pattern = "^[0-9]{1,18}$", description = "The `creditNoteNumber` of a refund of this purchase"),
    ),
    responses(
        (status = 200, description = "The credit note; `Content-Disposition` names the file", body = inline(Pdf), content_type = "application/pdf"),
        (status = 404, description = "There is no such purchase, or it has no such credit note", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn show(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&READERS)?;
    let none = || Problem::NotFound("credit note");
    let purchase_id = request.purchase_id().ok_or_else(none)?;
    let number: u64 = request.path("number").and_then(|number| number.parse().ok()).ok_or_else(none)?;
    let payment = ports.store.card_payment(&id, &purchase_id).await?.ok_or_else(none)?;
    let (_, profile) = ports.store.account_with_profile(&id).await?.ok_or(Problem::NoAccount)?;
    let credit_note = CreditNote::of(&payment, number, &profile).ok_or_else(none)?;
    Ok(Reply::pdf(credit_note.pdf(), &credit_note.file_name()))
}
