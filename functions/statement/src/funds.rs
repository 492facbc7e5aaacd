//! Reads an account's lots, and the purchases and recharges that they come from.

use api::{PageParameters, Problem, Reply, Request};
use contract::{Lot, Lots, Purchase, Purchases};
use domain::refunding;

use crate::{Ports, READERS};

/// List an account's lots
///
/// For operator, admin and viewer.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/lots",
    operation_id = "listLots",
    tag = "Funds",
    params(("id" = String, Path, description = "The account")),
    responses((status = 200, description = "Lots with funds, oldest expiry first", body = Lots))
)]
pub async fn lots(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&READERS)?;
    let account = ports.store.account(&id).await?.ok_or(Problem::NoAccount)?;
    Ok(Reply::json(200, &Lots { lots: account.lots.iter().map(Lot::from).collect() }))
}

/// List purchases and recharges
///
/// For operator, admin and viewer.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/purchases",
    operation_id = "listPurchases",
    tag = "Funds",
    params(
        ("id" = String, Path, description = "The account"),
        PageParameters,
    ),
    responses((status = 200, description = "One page, newest first", body = Purchases))
)]
pub async fn purchases(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&READERS)?;
    let (cursor, limit) = request.page()?;
    ports.store.account_seen(&id).await?.ok_or(Problem::NoAccount)?;
    let page = ports.store.purchases(&id, cursor.as_ref(), limit).await?;
    let purchases = page.items.iter().map(Purchase::from).collect();
    Ok(Reply::json(200, &Purchases { purchases, next: page.next.map(|next| next.encoded()) }))
}

/// Read a purchase or recharge
///
/// For operator, admin and viewer.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/purchases/{purchaseId}",
    operation_id = "getPurchase",
    tag = "Funds",
    params(
        ("id" = String, Path, description = "The account"),
        ("purchaseId" = String, Path, description = "The purchase"),
    ),
    responses(
        (status = 200, description = "The purchase as it is now", body = Purchase),
        (status = 404, description = "There is no such purchase", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn purchase(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&READERS)?;
    let none = || Problem::NotFound("purchase");
    let purchase_id = request.purchase_id().ok_or_else(none)?;
    let payment = ports.store.card_payment(&id, &purchase_id).await?.ok_or_else(none)?;
    let mut purchase = Purchase::from(&payment);
    if purchase.status.is_charged() {
        let account = ports.store.account(&id).await?.ok_or(Problem::NoAccount)?;
        let refundable = refunding::refundable(&account, &payment, request.now(), ports.charged).ok();
        purchase.refundable_amount = refundable.map(|amount| amount.to_string());
    }
    Ok(Reply::json(200, &purchase))
}
