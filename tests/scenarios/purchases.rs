//! Buying funds: one charge and one lot, or neither (F1-F7).

use scenarios::World;
use serde_json::json;

#[tokio::test]
async fn f1_a_purchase_charges_the_card_and_adds_a_lot_of_twelve_months() {
    let world = World::start().await;
    world.set_time("2028-02-29T10:00:00Z");
    world.account("a").await;
    let purchase = world.operator.buy("a", "k", json!({ "amount": "100.00" })).await.expect(201);
    assert_eq!(purchase["status"], "succeeded");
    assert_eq!(purchase["expiresAt"], "2029-02-28T10:00:00Z");
    assert_eq!(purchase["receiptNumber"], 1);
    let account = world.operator.account("a").await;
    assert_eq!((&account["balance"], &account["status"]), (&json!("100.0000"), &json!("active")));
    world.operator.assert_books_balance("a").await;
}
