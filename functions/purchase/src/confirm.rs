//! Confirming a payment with the card's owner (R4): the bank wants the owner, who was not there when the card was charged.

use api::{Problem, Reply, Request, Role};
use contract::Purchase;

use crate::Ports;

/// Confirm a purchase
///
/// For a purchase or recharge that waits for the card's owner, who is there now. Its card is charged once more, and the answer is the
/// purchase as it is then: with the status `needsAction`, its `nextAction` is the page of the card processor where the owner
/// confirms it. A purchase that waits for nobody stays as it is, so the same request may be sent again.
///
/// For operator and admin.
#[utoipa::path(
    post,
    path = "/v1/accounts/{id}/purchases/{purchaseId}/confirm",
    operation_id = "confirmPurchase",
    tag = "Funds",
    params(
        ("id" = String, Path, description = "The account"),
        ("purchaseId" = String, Path, description = "The purchase"),
    ),
    responses(
        (status = 200, description = "The purchase", body = Purchase),
        (status = 404, description = "There is no such purchase", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn confirm(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let account = request.account(&[Role::Operator, Role::Admin])?;
    let none = || Problem::NotFound("purchase");
    let id = request.purchase_id().ok_or_else(none)?;
    let account = ports.store.account(&account).await?.ok_or(Problem::NoAccount)?;
    let payment = ports.store.card_payment(&account.id, &id).await?.ok_or_else(none)?;
    let confirmed = ports.cashier().confirm_with_owner(&account, payment, request.now()).await?;
    Ok(Reply::json(200, &Purchase::from(&confirmed)))
}
