//! Mails from end to end (N1-N11): from a commit over stream, bus and queue to a mailbox. Each arrives once, despite repeated and
//! shuffled deliveries and outages.

use std::collections::BTreeMap;

use local::faults::{Fault, Kind, Target};
use reqwest::Method;
use scenarios::{World, list, rated};
use serde_json::{Value, json};

const NOON: &str = "2026-11-22T12:00:00Z";
const START: &str = "2026-11-22T08:00:00Z";

/// An account with these recipients and this many euros. The mailbox is emptied.
async fn account(world: &World, id: &str, recipients: &[String], euros: &str) {
    world.account(id).await;
    change(world, id, json!({ "notificationEmails": recipients })).await;
    world.operator.buy(id, "first", json!({ "amount": euros })).await.expect(201);
    world.drain().await;
    world.operator.send(Method::DELETE, "/_local/mail", &[], Value::Null).await.expect(204);
}

/// Account `a` with 110 euros, and an auto-recharge of 50 at 60 with this card. The mailbox is emptied.
async fn account_charging(world: &World, card: &str, monthly_limit: Value) {
    account(world, "a", &one("ada@example.com"), "110").await;
    let mut settings = json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "50" });
    if !monthly_limit.is_null() {
        settings["monthlyLimit"] = monthly_limit;
    }
    put(world, "a", "auto-recharge", settings).await;
    put(world, "a", "payment-method", json!({ "paymentMethod": card })).await;
    world.drain().await;
    world.operator.send(Method::DELETE, "/_local/mail", &[], Value::Null).await.expect(204);
}

async fn change(world: &World, id: &str, changes: Value) {
    world.operator.send(Method::PATCH, &format!("/v1/accounts/{id}"), &[], changes).await.expect(200);
}

async fn put(world: &World, id: &str, what: &str, body: Value) {
    world.operator.send(Method::PUT, &format!("/v1/accounts/{id}/{what}"), &[], body).await.expect(200);
}

fn one(address: &str) -> Vec<String> {
    vec![address.to_owned()]
}

async fn mails(world: &World, to: &str) -> Vec<Value> {
    world.drain().await;
    let mails = world.operator.get(&format!("/_local/mail?to={to}")).await.expect(200);
    mails.as_array().expect("a list").clone()
}

/// The subjects of all mails to an address.
async fn subjects(world: &World, to: &str) -> Vec<String> {
    mails(world, to).await.iter().map(|mail| mail["subject"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn n11_a_period_republished_with_notify_mails_only_recipients_without_the_mail() {
    let world = World::start().await;
    world.set_time(NOON);
    account(&world, "a", &one("ada@example.com"), "100").await;
    change(&world, "a", json!({ "notificationEmails": ["ada@example.com", "late@example.com"] })).await;
    world.drain().await;
    world.operator.send(Method::DELETE, "/_local/mail", &[], Value::Null).await.expect(204);

    let period = json!({ "from": NOON, "to": "2026-11-23T00:00:00Z" });
    assert_eq!(world.operator.post("/_local/republish", period.clone()).await.expect(200)["events"], 1);
    assert_eq!(subjects(&world, "late@example.com").await, Vec::<String>::new(), "no mail without notify");

    let mut told = period;
    told["notify"] = true.into();
    world.operator.post("/_local/republish", told).await.expect(200);
    assert_eq!(subjects(&world, "late@example.com").await.len(), 1);
    assert_eq!(subjects(&world, "ada@example.com").await, Vec::<String>::new(), "she has had the mail");
}

#[tokio::test]
async fn n1_n7_funds_come_with_a_receipt() {
    let world = World::start().await;
    world.set_time(NOON);
    account(&world, "a", &one("ada@example.com"), "100").await;
    world.set_time("2026-11-22T12:30:00Z");
    world.operator.buy("a", "second", json!({ "amount": "50" })).await.expect(201);
    world.set_time("2026-11-22T13:00:00Z");
    put(
        &world,
        "a",
        "auto-recharge",
        json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "50" }),
    )
    .await;
    world.operator.debit("a", &[rated("r", START, "100")]).await.expect(200);
    let mails = mails(&world, "ada@example.com").await;
    // The mails are about the purchase, the change of auto-recharge, and the recharge.
    assert_eq!(mails.len(), 3, "{mails:#?}");
    let listed = world.operator.get("/v1/accounts/a/purchases").await.expect(200);
    for (purchase, number) in [(&list(&listed, "purchases")[1], 2), (&list(&listed, "purchases")[0], 3)] {
        assert_eq!(purchase["receiptNumber"], number);
        let id = purchase["purchaseId"].as_str().unwrap();
        let of_it: Vec<_> = mails.iter().filter(|mail| mail["text"].as_str().unwrap().contains(id)).collect();
        assert_eq!(of_it.len(), 1, "one mail links to receipt {number}");
        for part in ["text", "html"] {
            let text = of_it[0][part].as_str().unwrap().replace('\u{a0}', " ");
            assert!(text.contains("EUR 50.00") && text.contains("22 November 2027"), "{text}");
        }
    }
}

#[tokio::test]
async fn n2_n10_each_failed_attempt_is_a_mail_and_the_last_says_that_it_stopped() {
    let world = World::start().await;
    world.set_time(NOON);
    account_charging(&world, "pm_card_chargeDeclined", Value::Null).await;
    let mut attempts = 0;
    for instant in [
        NOON,
        "2026-11-22T13:00:00Z",
        "2026-11-22T19:00:00Z",
        "2026-11-23T19:00:00Z",
        "2026-11-26T19:00:00Z",
        "2026-12-26T19:00:00Z",
    ] {
        world.set_time(instant);
        for number in 0..40 {
            let record = rated(&format!("{instant}-{number}"), START, "0.5");
            world.operator.debit("a", &[record]).await.expect(200);
        }
        world.operator.debit("a", &[rated(instant, START, "40")]).await.expect(200);
        world.recover_at(instant).await;
        attempts += 1;
        let told = subjects(&world, "ada@example.com").await;
        let depleted = usize::from(attempts > 1);
        // The fifth decline stops auto-recharge. Its mail says so instead.
        let stopped = usize::from(attempts > 4);
        assert_eq!(told.len(), attempts.min(4) + depleted + stopped, "at {instant}: {told:#?}");
    }
}

#[tokio::test]
async fn r4_a_payment_that_needs_the_owner_is_one_mail_with_the_link() {
    let world = World::start().await;
    world.set_time(NOON);
    account_charging(&world, "pm_card_authenticationRequired", Value::Null).await;
    world.operator.debit("a", &[rated("r", START, "60")]).await.expect(200);
    for hour in 13..23 {
        world.drain().await;
        world.operator.debit("a", &[rated(&format!("r{hour}"), START, "1")]).await.expect(200);
        world.recover_at(&format!("2026-11-22T{hour}:30:00Z")).await;
    }
    let told = mails(&world, "ada@example.com").await;
    assert_eq!(told.len(), 1, "{told:#?}");
    let purchases = world.operator.get("/v1/accounts/a/purchases").await.expect(200);
    let page =
        format!("/accounts/a/purchases/{}", list(&purchases, "purchases")[0]["purchaseId"].as_str().unwrap());
    assert!(told[0]["text"].as_str().unwrap().contains(&page), "{}", told[0]["text"]);
}

#[tokio::test]
async fn n10_a_monthly_limit_is_one_mail() {
    let world = World::start().await;
    world.set_time(NOON);
    account_charging(&world, "pm_card_visa", json!("50")).await;
    for number in 0..20 {
        world.operator.debit("a", &[rated(&format!("r{number}"), START, "5")]).await.expect(200);
        world.drain().await;
        world.recover_at("2026-11-23T00:00:00Z").await;
    }
    // The mails are about the recharge that fits, and about the limit.
    let told = subjects(&world, "ada@example.com").await;
    assert_eq!(told.len(), 2, "{told:#?}");
}

#[tokio::test]
async fn n3_a_thousand_debits_around_zero_are_one_mail_for_each_crossing() {
    let world = World::start().await;
    world.set_time(NOON);
    account(&world, "a", &one("ada@example.com"), "50").await;
    for crossing in 1..=2 {
        let records: Vec<_> =
            (0..500).map(|number| rated(&format!("r{crossing}-{number}"), START, "0.2")).collect();
        for batch in records.chunks(10) {
            world.operator.debit("a", batch).await.expect(200);
        }
        let told = subjects(&world, "ada@example.com").await;
        // One mail for each crossing, and one receipt for the funds between two crossings.
        assert_eq!(told.len(), 2 * crossing - 1, "{told:#?}");
        world.operator.buy("a", &format!("k{crossing}"), json!({ "amount": "100" })).await.expect(201);
    }
}

#[tokio::test]
async fn n4_n5_n6_warning_amount_expiry_warnings_and_expiry_are_mails() {
    let world = World::start().await;
    world.set_time(NOON);
    account(&world, "a", &one("ada@example.com"), "100").await;
    change(&world, "a", json!({ "lowBalanceAmount": "30" })).await;
    for number in 0..10 {
        world.operator.debit("a", &[rated(&format!("r{number}"), START, "8")]).await.expect(200);
    }
    assert_eq!(subjects(&world, "ada@example.com").await.len(), 1, "N4: one mail");
    for (night, expected) in [
        ("2027-09-23T12:00:00Z", 2),
        ("2027-10-23T12:00:00Z", 3),
        ("2027-11-15T12:00:00Z", 4),
        ("2027-11-16T12:00:00Z", 4),
        ("2027-11-25T12:00:00Z", 6),
        ("2027-11-26T12:00:00Z", 6),
    ] {
        world.set_time(night);
        world.recover_at(night).await;
        world.operator.post("/_local/run/expire", Value::Null).await.expect(200);
        let told = subjects(&world, "ada@example.com").await;
        // The last two mails say that the funds have expired, and that the balance is used up.
        assert_eq!(told.len(), expected, "{night}: {told:#?}");
    }
}

#[tokio::test]
async fn n1_a_recharge_of_several_amounts_is_explained() {
    let world = World::start().await;
    world.set_time(NOON);
    account_charging(&world, "pm_card_visa", Value::Null).await;
    world.operator.debit("a", &[rated("r", START, "150")]).await.expect(200);
    let told = mails(&world, "ada@example.com").await;
    let recharged = told.iter().find(|mail| mail["subject"].as_str().unwrap().contains("auto-recharge"));
    let text = recharged.expect("a receipt")["text"].as_str().unwrap().replace('\u{a0}', " ");
    assert!(text.contains("EUR 150.00 (3 × EUR 50.00)"), "{text}");
    assert!(text.contains("One recharge of EUR 50.00 would not have lifted the balance above"), "{text}");
    let depleted = told.iter().find(|mail| mail["subject"].as_str().unwrap().contains("used up"));
    let text = depleted.expect("it crossed zero")["text"].as_str().unwrap().replace('\u{a0}', " ");
    assert!(text.contains("Owed: EUR 40.00") && text.contains("Auto-recharge is on"), "{text}");
    assert!(!text.contains("inutes"), "there are no minute plans yet: {text}");
}

#[tokio::test]
async fn n9_the_mail_of_a_change_gives_the_new_values() {
    let world = World::start().await;
    world.set_time(NOON);
    account_charging(&world, "pm_card_visa", Value::Null).await;
    let text = async || {
        let told = mails(&world, "ada@example.com").await;
        let text = told.last().expect("a mail")["text"].as_str().unwrap().replace('\u{a0}', " ");
        world.operator.send(Method::DELETE, "/_local/mail", &[], Value::Null).await.expect(204);
        text
    };
    let settings =
        json!({ "enabled": true, "triggerAmount": "70", "rechargeAmount": "80", "monthlyLimit": "500" });
    put(&world, "a", "auto-recharge", settings).await;
    let said = text().await;
    for row in [
        "Auto-recharge: on",
        "Add this amount: EUR 80.00",
        "When balance reaches: EUR 70.00",
        "Monthly limit: EUR 500.00",
    ] {
        assert!(said.contains(row), "{row}: {said}");
    }
    put(&world, "a", "auto-recharge", json!({ "enabled": false })).await;
    assert!(text().await.contains("Auto-recharge: off"));
    let cards = json!({ "paymentMethod": "pm_card_mastercard", "backup": "pm_card_visa" });
    put(&world, "a", "payment-method", cards).await;
    let said = text().await;
    for row in ["Card: Mastercard ending in 4444", "Backup card: Visa ending in 4242"] {
        assert!(said.contains(row), "{row}: {said}");
    }
    change(&world, "a", json!({ "notificationEmails": ["ada@example.com", "eve@example.com"] })).await;
    let told = mails(&world, "ada@example.com").await;
    assert_eq!(told[0]["subject"], "The recipients of notifications were changed");
    assert!(text().await.contains("Recipients: ada@example.com, eve@example.com"));
}

#[tokio::test]
async fn n4_setting_a_warning_amount_causes_no_warning() {
    let world = World::start().await;
    world.set_time(NOON);
    world.account("a").await;
    change(&world, "a", json!({ "notificationEmails": ["ada@example.com"] })).await;
    world.drain().await;
    world.operator.send(Method::DELETE, "/_local/mail", &[], Value::Null).await.expect(204);
    for amount in ["0", "30"] {
        change(&world, "a", json!({ "lowBalanceAmount": amount })).await;
        assert_eq!(
            subjects(&world, "ada@example.com").await,
            Vec::<String>::new(),
            "{amount}: the account has no funds"
        );
    }
    world.operator.buy("a", "k", json!({ "amount": "100" })).await.expect(201);
    change(&world, "a", json!({ "lowBalanceAmount": "100" })).await;
    assert_eq!(subjects(&world, "ada@example.com").await.len(), 1, "the receipt alone");
    world.operator.debit("a", &[rated("r1", START, "10")]).await.expect(200);
    assert_eq!(
        subjects(&world, "ada@example.com").await.len(),
        1,
        "the amount was set at or above the balance"
    );
    world.operator.buy("a", "l", json!({ "amount": "50" })).await.expect(201);
    world.operator.debit("a", &[rated("r2", START, "45")]).await.expect(200);
    let told = subjects(&world, "ada@example.com").await;
    assert_eq!(told.len(), 3, "a second receipt, and the warning of the next crossing: {told:#?}");
    assert!(told[2].starts_with("Your balance is down to"), "{told:#?}");
}

#[tokio::test]
async fn e3_ten_lots_of_one_day_are_one_mail_for_each_warning() {
    let world = World::start().await;
    world.set_time(NOON);
    account(&world, "a", &one("ada@example.com"), "50").await;
    for hour in 13..22 {
        world.set_time(&format!("2026-11-22T{hour}:00:00Z"));
        world.operator.buy("a", &format!("k{hour}"), json!({ "amount": "50" })).await.expect(201);
    }
    world.drain().await;
    for (night, expected) in [
        ("2027-09-24T00:15:00Z", &["Funds of EUR 500.00 expire on 22 November 2027"][..]),
        ("2027-10-24T00:15:00Z", &["Funds of EUR 500.00 expire on 22 November 2027"]),
        ("2027-11-16T00:15:00Z", &["Funds of EUR 500.00 expire on 22 November 2027"]),
        ("2027-11-26T00:15:00Z", &["Funds of EUR 500.00 have expired", "Your balance is used up"]),
    ] {
        world.operator.send(Method::DELETE, "/_local/mail", &[], Value::Null).await.expect(204);
        world.set_time(night);
        world.operator.post("/_local/run/expire", Value::Null).await.expect(200);
        let mut told = subjects(&world, "ada@example.com").await;
        told.sort();
        let expected: Vec<_> = expected.iter().map(|heading| format!("{heading} – a")).collect();
        assert_eq!(
            told.iter().map(|told| told.replace('\u{a0}', " ")).collect::<Vec<_>>(),
            expected,
            "{night}"
        );
    }
}

#[tokio::test]
async fn n10_a_lost_card_is_one_mail() {
    let world = World::start().await;
    world.set_time(NOON);
    account_charging(&world, "pm_card_chargeDeclinedLostCard", Value::Null).await;
    world.operator.debit("a", &[rated("r", START, "60")]).await.expect(200);
    let told = mails(&world, "ada@example.com").await;
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["subject"], "Auto-recharge has stopped – a");
    let text = told[0]["text"].as_str().unwrap();
    assert!(text.contains("reported as lost") && text.contains("save another card"), "{text}");
}

#[tokio::test]
async fn n3_a_debit_past_the_warning_amount_and_zero_is_one_mail() {
    let world = World::start().await;
    world.set_time(NOON);
    account(&world, "a", &one("ada@example.com"), "50").await;
    change(&world, "a", json!({ "lowBalanceAmount": "30" })).await;
    world.operator.debit("a", &[rated("r", START, "60")]).await.expect(200);
    assert_eq!(subjects(&world, "ada@example.com").await, ["Your balance is used up – a"]);
}

#[tokio::test]
async fn an_amount_below_a_minor_unit_causes_no_mail() {
    let world = World::start().await;
    world.set_time(NOON);
    world.account("a").await;
    change(&world, "a", json!({ "notificationEmails": ["ada@example.com"] })).await;
    let crumb = json!({ "amount": "0.0001", "reason": "a crumb" });
    for key in ["spent", "kept"] {
        world.operator.adjust("a", key, crumb.clone()).await.expect(201);
    }
    world.drain().await;
    world.operator.send(Method::DELETE, "/_local/mail", &[], Value::Null).await.expect(204);
    world.operator.debit("a", &[rated("r", START, "0.0001")]).await.expect(200);
    for night in
        ["2027-09-24T00:15:00Z", "2027-10-24T00:15:00Z", "2027-11-16T00:15:00Z", "2027-11-26T00:15:00Z"]
    {
        world.set_time(night);
        world.operator.post("/_local/run/expire", Value::Null).await.expect(200);
    }
    assert_eq!(world.operator.account("a").await["balance"], "0.0000", "the expiry was booked");
    assert_eq!(subjects(&world, "ada@example.com").await, Vec::<String>::new());
}

#[tokio::test]
async fn n9_a_change_of_recipients_is_mailed_to_removed_ones_too_and_names_the_author() {
    let world = World::start().await;
    world.set_time(NOON);
    let both = [one("ada@example.com"), one("grace@example.com")].concat();
    account(&world, "a", &both, "100").await;
    change(&world, "a", json!({ "name": "Another name" })).await;
    assert_eq!(subjects(&world, "ada@example.com").await.len(), 0, "a change of the name is no mail");
    // A recipient gets one mail a day about being added or removed. These were added today, so the test goes on tomorrow.
    world.set_time("2026-11-23T12:00:00Z");
    change(&world, "a", json!({ "notificationEmails": ["grace@example.com", "eve@example.com"] })).await;
    for address in ["ada@example.com", "grace@example.com", "eve@example.com"] {
        let told = mails(&world, address).await;
        assert_eq!(told.len(), 1, "{address}");
        assert!(told[0]["text"].as_str().unwrap().contains("local"), "no author in {}", told[0]["text"]);
    }
    put(&world, "a", "payment-method", json!({ "paymentMethod": "pm_card_mastercard" })).await;
    assert_eq!(subjects(&world, "ada@example.com").await.len(), 1);
    assert_eq!(subjects(&world, "eve@example.com").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n11_each_recipient_has_each_mail_once_over_a_hundred_deliveries() {
    let world = World::start().await;
    world.set_time(NOON);
    let recipients = |account: &str| -> Vec<String> {
        let name = |number| if number == 7 && account == "a" { "bounce" } else { "person" };
        (0..20).map(|number| format!("{}-{number}@{account}.example", name(number))).collect()
    };
    for id in ["a", "b"] {
        account(&world, id, &recipients(id), "50").await;
    }
    world.operator.post("/_local/delivery", json!({ "duplicates": 99, "shuffle": true })).await.expect(204);
    for id in ["a", "b"] {
        world.operator.debit(id, &[rated("r", START, "50")]).await.expect(200);
    }
    world.drain().await;
    let all = world.operator.get("/_local/mail").await.expect(200);
    let mut got: BTreeMap<String, usize> = BTreeMap::new();
    for mail in all.as_array().unwrap() {
        *got.entry(mail["to"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(got.len(), 39, "{got:#?}");
    assert!(got.values().all(|&times| times == 1), "{got:#?}");
}

#[tokio::test]
async fn n11_an_outage_of_mail_or_bus_neither_loses_nor_repeats_a_mail() {
    let world = World::start().await;
    world.set_time(NOON);
    for target in [Target::Mail, Target::Bus] {
        let id = format!("{target:?}");
        let to = format!("{id}@example.com");
        account(&world, &id, &[one(&to), one("bounce@example.com")].concat(), "50").await;
        world.fail(Fault { target: Some(target), kind: Kind::Down, skip: 0, count: 3 }).await;
        world.operator.debit(&id, &[rated("r", START, "50")]).await.expect(200);
        world.operator.buy(&id, "more", json!({ "amount": "50" })).await.expect(201);
        let told = subjects(&world, &to).await;
        assert_eq!(told.len(), 2, "{id}: {told:#?}");
    }
}

#[tokio::test]
async fn n_mails_are_in_the_accounts_language() {
    let world = World::start().await;
    world.set_time(NOON);
    account(&world, "a", &one("ada@example.com"), "50").await;
    change(&world, "a", json!({ "locale": "fr" })).await;
    world.operator.buy("a", "more", json!({ "amount": "1234.5" })).await.expect(201);
    let told = mails(&world, "ada@example.com").await;
    let text = told[0]["text"].as_str().unwrap().replace(['\u{a0}', '\u{202f}'], " ");
    assert!(text.contains("1 234,50 EUR") && text.contains("22 novembre 2027"), "{text}");
    assert!(told[0]["html"].as_str().unwrap().contains("lang=\"fr\""));
    let told = subjects(&world, "ada@example.com").await;
    assert_eq!(told.len(), 1, "{told:?}");
}
