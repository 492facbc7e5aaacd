//! The account page of the one-machine host, the target of the links in mails (F3, F4, R1, R7).

use reqwest::Method;
use scenarios::{Answer, World, decimal, rated};
use serde_json::json;

/// Sends a form and follows the redirect, as a browser does.
async fn send(world: &World, method: Method, path: &str, form: &str) -> Answer {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    world.operator.send_text(method, path, &headers, form.to_owned()).await
}

async fn page(world: &World, id: &str) -> String {
    text(send(world, Method::GET, &format!("/accounts/{id}"), "").await, 200)
}

async fn post(world: &World, path: &str, form: &str, status: u16) -> String {
    text(send(world, Method::POST, path, form).await, status)
}

#[track_caller]
fn text(answer: Answer, status: u16) -> String {
    let page = answer.expect(status).as_str().expect("a page").to_owned();
    page.replace('\u{a0}', " ")
}

#[track_caller]
fn assert_says(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "no {part:?} in {page}");
    }
}

/// The idempotency key in the form for buying funds.
#[track_caller]
fn key_of(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"key\" value=\"").expect("a key");
    rest.split_once('"').expect("its end").0.to_owned()
}

#[tokio::test]
async fn the_page_has_a_section_for_each_link_of_a_mail() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    world.account("a").await;
    world.operator.buy("a", "k", json!({ "amount": "100" })).await.expect(201);
    let page = page(&world, "a").await;
    for id in ["funds", "auto-recharge", "payment-method", "recipients", "receipts"] {
        assert!(page.contains(&format!("<section id=\"{id}\"")), "{id}");
    }
    assert_says(
        &page,
        &[
            "<strong>EUR 100.00</strong>",
            "EUR 100.00 on 22 November 2027, 10:00 UTC",
            "<strong>Off</strong>",
            "visa ending in 4242",
            ">Receipt 1</a>",
        ],
    );
    send(&world, Method::GET, "/accounts/nobody", "").await.expect(404);
    send(&world, Method::POST, "/accounts/nobody/purchases", "key=k&amount=50").await.expect(404);
}

#[tokio::test]
async fn the_home_page_links_to_the_account_page() {
    let world = World::demo().await;
    let home = text(send(&world, Method::GET, "/", "").await, 200);
    assert_says(&home, &["href=\"/accounts/demo\""]);
    assert_says(&page(&world, "demo").await, &["Demo organization"]);
}

#[tokio::test]
async fn f3_a_form_that_is_sent_twice_buys_once() {
    let world = World::start().await;
    world.account("a").await;
    let key = key_of(&page(&world, "a").await);
    for _ in 0..2 {
        let bought = post(&world, "/accounts/a/purchases", &format!("key={key}&amount=75.50"), 200).await;
        assert_says(&bought, &["The card was charged", "<strong>EUR 75.50</strong>", ">Receipt 1</a>"]);
        assert_ne!(key_of(&bought), key, "the form for the next purchase has another key");
    }
    assert_eq!(world.operator.charges("a").await.len(), 1);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn a_refused_form_shows_the_problem_and_the_entered_values() {
    let world = World::start().await;
    world.account("a").await;
    let refused = post(&world, "/accounts/a/purchases", "key=one&amount=5", 422).await;
    assert_says(&refused, &["expected at least 50 EUR", "value=\"5\"", "role=\"alert\""]);

    let form = "enabled=on&rechargeAmount=60&triggerAmount=&monthlyLimit=%3C55";
    let refused = post(&world, "/accounts/a/auto-recharge", form, 422).await;
    assert_says(&refused, &["value=\"60\"", "value=\"&#60;55\"", " checked>", "aria-invalid=\"true\""]);

    let refused = post(&world, "/accounts/a/payment-method", "paymentMethod=pm_nobody", 422).await;
    assert_says(&refused, &["expected a token that the card processor knows"]);

    let without_card = json!({ "accountId": "b", "name": "b", "currency": "JPY" });
    world.operator.post("/v1/accounts", without_card).await.expect(201);
    let refused = post(&world, "/accounts/b/purchases", "key=one&amount=5000", 422).await;
    assert_says(&refused, &["no saved payment method", "value=\"5000\""]);
}

#[tokio::test]
async fn f4_a_decline_is_shown_and_the_card_can_be_replaced() {
    let world = World::start().await;
    world.account("a").await;
    let card = "paymentMethod=pm_card_chargeDeclinedInsufficientFunds&backup=pm_card_mastercard";
    let saved = post(&world, "/accounts/a/payment-method", card, 200).await;
    assert_says(&saved, &["The card was saved.", "visa ending in 9995", "mastercard ending in 4444"]);
    assert_says(&saved, &["value=\"pm_card_chargeDeclinedInsufficientFunds\" selected"]);

    let form = format!("key={}&amount=50", key_of(&saved));
    let declined = post(&world, "/accounts/a/purchases", &form, 402).await;
    assert_says(&declined, &["declined: insufficient funds", "value=\"50\""]);

    let asking =
        post(&world, "/accounts/a/payment-method", "paymentMethod=pm_card_authenticationRequired", 200);
    assert_says(&asking.await, &["<dt>Backup</dt><dd>none</dd>"]);
    let form = format!("key={}&amount=50", key_of(&declined));
    let asked = post(&world, "/accounts/a/purchases", &form, 200).await;
    assert_says(&asked, &["It is not decided yet", "waits for its owner", ">Confirm</a>"]);
}

#[tokio::test]
async fn r7_auto_recharge_is_set_shown_and_resumed() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    world.account("a").await;
    world.operator.buy("a", "k", json!({ "amount": "100" })).await.expect(201);
    let form = "enabled=on&rechargeAmount=50&triggerAmount=50.00&monthlyLimit=";
    let set = post(&world, "/accounts/a/auto-recharge", form, 200).await;
    assert_says(&set, &["Auto-recharge was saved.", "<strong>On</strong>", "value=\"50.00\"", " checked>"]);
    let settings = world.operator.account("a").await["autoRecharge"].clone();
    assert_eq!(decimal(&settings["rechargeAmount"]), 50.into());
    assert!(settings["monthlyLimit"].is_null());

    post(&world, "/accounts/a/payment-method", "paymentMethod=pm_card_chargeDeclinedLostCard", 200).await;
    world.operator.debit("a", &[rated("r1", "2026-11-22T09:00:00Z", "60")]).await.expect(200);
    world.drain().await;
    let stopped = page(&world, "a").await;
    assert_says(
        &stopped,
        &["<strong>Stopped</strong>", "<dd>lost card</dd>", "Last failure", ">Resume</button>"],
    );
    assert_says(&stopped, &["declined: lost card", "auto-recharge</td>"]);
    let other_card = json!({ "amount": "100", "paymentMethod": "pm_card_visa" });
    world.operator.buy("a", "by-another-card", other_card).await.expect(201);
    let resumed = post(&world, "/accounts/a/auto-recharge/resume", "", 200).await;
    assert_says(&resumed, &["Auto-recharge was resumed.", "<strong>On</strong>"]);
    let refused = post(&world, "/accounts/a/auto-recharge/resume", "", 409).await;
    assert_says(&refused, &["neither paused nor stopped"]);

    let off = post(&world, "/accounts/a/auto-recharge", "rechargeAmount=50&triggerAmount=50", 200).await;
    assert_says(&off, &["<strong>Off</strong>", "Auto-recharge is recommended"]);
    assert_eq!(world.operator.account("a").await["autoRecharge"]["enabled"], false);
}

#[tokio::test]
async fn f8_a_receipt_opens_from_the_list() {
    let world = World::start().await;
    world.account("a").await;
    world.operator.buy("a", "k", json!({ "amount": "50" })).await.expect(201);
    let page = page(&world, "a").await;
    let (_, rest) = page.split_once("href=\"/accounts/a/receipts/").expect("a link");
    let purchase = rest.split_once('"').expect("its end").0;
    let (headers, pdf) = world.operator.get_bytes(&format!("/accounts/a/receipts/{purchase}")).await;
    assert_eq!(headers["content-type"], "application/pdf");
    assert!(pdf_extract::extract_text_from_mem(&pdf).unwrap().contains("Receipt 1"));
    world.operator.get("/accounts/a/receipts/pur_none").await.problem(404);
}

#[tokio::test]
async fn recipients_are_shown_and_changed() {
    let world = World::start().await;
    world.account("a").await;
    let form = "emails=ada%40example.com%0D%0Agrace%40example.com,+eve%40example.com";
    let saved = post(&world, "/accounts/a/recipients", form, 200).await;
    assert_says(
        &saved,
        &["The recipients were saved", "ada@example.com\ngrace@example.com\neve@example.com"],
    );
    let account = world.operator.account("a").await;
    assert_eq!(
        account["notificationEmails"],
        json!(["ada@example.com", "grace@example.com", "eve@example.com"])
    );
    let refused = post(&world, "/accounts/a/recipients", "emails=ada%40example.com%0D%0Agrace", 422).await;
    assert_says(&refused, &["number 2: expected an address such as", "ada@example.com\r\ngrace</textarea>"]);
    post(&world, "/accounts/a/recipients", "emails=", 200).await;
    assert_eq!(world.operator.account("a").await["notificationEmails"], json!([]));
}

#[tokio::test]
async fn a_decimal_comma_is_accepted_and_an_ambiguous_amount_refused() {
    let world = World::start().await;
    world.account("a").await;
    let bought = post(&world, "/accounts/a/purchases", "key=one&amount=100,50", 200).await;
    assert_says(&bought, &["<strong>EUR 100.50</strong>"]);
    let plain = "expected an amount such as 1000.50, without a separator of thousands";
    let refused = post(&world, "/accounts/a/purchases", "key=two&amount=1,000", 422).await;
    assert_says(&refused, &[plain, "value=\"1,000\"", "name=\"key\" value=\"two\""]);
    let form = "enabled=on&rechargeAmount=50,5&triggerAmount=1,000&monthlyLimit=";
    let refused = post(&world, "/accounts/a/auto-recharge", form, 422).await;
    assert_says(&refused, &[plain, "value=\"50,5\""]);
    let form = "enabled=on&rechargeAmount=50,5&triggerAmount=60&monthlyLimit=";
    post(&world, "/accounts/a/auto-recharge", form, 200).await;
    assert_eq!(world.operator.account("a").await["autoRecharge"]["rechargeAmount"], "50.5000");
}

#[tokio::test]
async fn a_recharge_of_several_amounts_is_explained() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    world.account("a").await;
    world.operator.buy("a", "k", json!({ "amount": "100" })).await.expect(201);
    let form = "enabled=on&rechargeAmount=50&triggerAmount=50&monthlyLimit=";
    post(&world, "/accounts/a/auto-recharge", form, 200).await;
    assert!(!page(&world, "a").await.contains("several times at once, one would not"), "no recharge yet");
    world.operator.debit("a", &[rated("r", "2026-11-22T08:00:00Z", "170")]).await.expect(200);
    world.drain().await;
    let listed = world.operator.get("/v1/accounts/a/purchases").await.expect(200);
    assert_eq!(
        (&listed["purchases"][0]["amount"], &listed["purchases"][0]["rechargeAmounts"]),
        (&json!("150.0000"), &json!(3))
    );
    assert!(listed["purchases"][1]["rechargeAmounts"].is_null(), "a purchase has no recharge amounts");
    let page = page(&world, "a").await;
    assert_says(&page, &["EUR 150.00<br><span class=\"muted\">3 × EUR 50.00</span>"]);
    assert_says(&page, &["several times at once, one would not have lifted the balance above the trigger"]);
}
