//! Receipts of purchases (F8).

use domain::{AccountId, PaymentId, PaymentKind};
use reqwest::Method;
use scenarios::{Api, World};
use serde_json::json;

fn path_of(account: &str, key: &str) -> String {
    let id = PaymentId::derive(&AccountId::parse(account).unwrap(), PaymentKind::Purchase, key);
    format!("/v1/accounts/{account}/purchases/{id}/receipt")
}

/// The text of a receipt.
async fn text_of(api: &Api, path: &str) -> String {
    let (headers, pdf) = api.get_bytes(path).await;
    assert_eq!(headers["content-type"], "application/pdf");
    pdf_extract::extract_text_from_mem(&pdf).unwrap()
}

#[tokio::test]
async fn f8_a_receipt_has_the_po_number_at_the_time_of_the_purchase() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    world.account("contoso").await;
    let change = async |change| {
        world.operator.send(Method::PATCH, "/v1/accounts/contoso", &[], change).await.expect(200);
    };
    change(json!({ "name": "Contoso GmbH", "poNumber": "PO-117" })).await;
    world.operator.buy("contoso", "first", json!({ "amount": "150" })).await.expect(201);
    change(json!({ "poNumber": "PO-118", "locale": "fr" })).await;
    world.operator.buy("contoso", "second", json!({ "amount": "50" })).await.expect(201);

    let viewer = world.client("viewer", &["contoso"]);
    let (headers, _) = viewer.get_bytes(&path_of("contoso", "first")).await;
    assert_eq!(headers["content-disposition"], "inline; filename=\"receipt-CONTOSO-0001.pdf\"");
    let first = text_of(&viewer, &path_of("contoso", "first")).await;
    for said in ["Reçu 1", "150,00\u{a0}EUR", "22 novembre 2026", "4242", "PO-117", "Contoso GmbH"] {
        assert!(first.contains(said), "no {said:?} in {first}");
    }
    let second = text_of(&viewer, &path_of("contoso", "second")).await;
    for said in ["Reçu 2", "50,00\u{a0}EUR", "22 novembre 2027", "PO-118"] {
        assert!(second.contains(said), "no {said:?} in {second}");
    }
}

#[tokio::test]
async fn f8_a_payment_that_was_not_charged_has_no_receipt() {
    let world = World::start().await;
    world.account("a").await;
    let declined = json!({ "amount": "50", "paymentMethod": "pm_card_chargeDeclined" });
    world.operator.buy("a", "declined", declined).await.expect(402);
    let asked = json!({ "amount": "50", "paymentMethod": "pm_card_authenticationRequired" });
    world.operator.buy("a", "asked", asked).await.expect(202);
    let adjustment = world.operator.adjust("a", "gift", json!({ "amount": "5", "reason": "r" })).await;
    let adjustment = adjustment.expect(201)["lotId"].as_str().unwrap().to_owned();
    for path in [
        path_of("a", "declined"),
        path_of("a", "asked"),
        path_of("a", "never"),
        format!("/v1/accounts/a/purchases/{adjustment}/receipt"),
        "/v1/accounts/a/purchases/no%20id/receipt".to_owned(),
        path_of("nobody", "declined"),
    ] {
        world.operator.get(&path).await.problem(404);
    }
}

#[tokio::test]
async fn x1_the_receipt_of_another_organization_is_not_found() {
    let world = World::start().await;
    world.account("a").await;
    world.operator.buy("a", "k", json!({ "amount": "50" })).await.expect(201);
    let path = path_of("a", "k");
    world.client("admin", &["b"]).get(&path).await.problem(404);
    world.client("platform", &["a"]).get(&path).await.problem(403);
    world.client("admin", &["a"]).get_bytes(&path).await;
}
