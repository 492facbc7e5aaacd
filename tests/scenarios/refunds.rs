//! Refunds and disputes (F9): the funds leave the lot once, and the card has them back once, or they return. Every step of a refund
//! may be the last of its process, and the card processor does things by itself.

use std::pin::pin;

use domain::{AccountId, Currency, Money};
use local::faults::{Fault, Kind, Target};
use payments::Processor;
use reqwest::Method;
use scenarios::{Answer, World, bounded, decimal, list, rated};
use serde_json::{Value, json};

const START: &str = "2026-11-22T10:00:00Z";
const CALL: &str = "2026-11-22T09:00:00Z";
/// Two minutes after the start a refund's process is dead.
const LATER: &str = "2026-11-22T10:05:00Z";

/// More calls than any refund or recovery makes.
const MANY: usize = 60;

/// Buys 100 EUR and spends some of it. Answers with the purchase's id.
async fn bought(world: &World, account: &str, spent: &str) -> String {
    world.account(account).await;
    let purchase = world.operator.buy(account, "k", json!({ "amount": "100.00" })).await.expect(201);
    if spent != "0" {
        world.operator.debit(account, &[rated("spent", CALL, spent)]).await.expect(200);
    }
    purchase["purchaseId"].as_str().unwrap().to_owned()
}

async fn purchase(world: &World, account: &str, id: &str) -> Value {
    world.operator.get(&format!("/v1/accounts/{account}/purchases/{id}")).await.expect(200)
}

/// The amounts of the entries of one kind, oldest first.
async fn moves(world: &World, account: &str, kind: &str) -> Vec<String> {
    let all = world.operator.transactions(account).await;
    let of_kind = all.iter().rev().filter(|row| row["kind"] == kind);
    of_kind.map(|row| row["amount"].as_str().unwrap().to_owned()).collect()
}

async fn balance(world: &World, account: &str) -> String {
    world.operator.account(account).await["balance"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn v18_a_refund_returns_the_unspent_part_to_the_card() {
    let world = World::start().await;
    world.set_time(START);
    let id = bought(&world, "a", "30.0050").await;
    let refunded = world.operator.refund("a", &id, "r").await.expect(201);
    assert_eq!((&refunded["status"], &refunded["refundedAmount"]), (&json!("refunded"), &json!("69.9900")));
    let [refund] = list(&refunded, "refunds") else { panic!("one refund: {refunded}") };
    assert_eq!((&refund["status"], &refund["creditNoteNumber"]), (&json!("succeeded"), &json!(1)));
    assert_eq!((&refund["reason"], &refund["author"]), (&json!("cancelled"), &json!("operator@local")));
    assert_eq!(balance(&world, "a").await, "0.0050");
    assert_eq!(world.operator.charges("a").await[0]["back"], "69.9900");
    // The same key and body is the same refund for ever.
    world.set_time("2026-11-25T10:00:00Z");
    assert_eq!(world.operator.refund("a", &id, "r").await.expect(201), refunded);
    assert_eq!(moves(&world, "a", "refund").await, ["-69.9900"]);
    let [transaction, ..] = &world.operator.transactions("a").await[..] else { panic!("there are some") };
    assert_eq!((&transaction["kind"], &transaction["purchaseId"]), (&json!("refund"), &json!(id)));
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f9_a_refund_that_cannot_be_made_says_why_and_moves_nothing() {
    let world = World::start().await;
    world.set_time(START);
    let id = bought(&world, "a", "99.9950").await;
    let code = async |answer: Answer| answer.problem(409)["code"].clone();
    assert_eq!(code(world.operator.refund("a", &id, "r").await).await, "nothingToRefund");
    world.operator.refund("a", "pur_other", "r").await.expect(404);
    world.operator.refund("b", &id, "r").await.expect(404);
    let path = format!("/v1/accounts/a/purchases/{id}/refund");
    world.operator.post(&path, json!({ "reason": "cancelled" })).await.expect(422);
    let key = [("idempotency-key", "other")];
    world.operator.send(Method::POST, &path, &key, json!({ "reason": "" })).await.expect(422);

    let id = bought(&world, "c", "0").await;
    world.operator.happens("c", &id, json!({ "action": "dispute" })).await;
    assert_eq!(code(world.operator.refund("c", &id, "r").await).await, "purchaseDisputed");
    world.operator.happens("c", &id, json!({ "action": "win" })).await;
    world.operator.refund("c", &id, "r").await.expect(201);
    let path = format!("/v1/accounts/c/purchases/{id}/refund");
    let reused =
        world.operator.send(Method::POST, &path, &[("idempotency-key", "r")], json!({ "reason": "x" }));
    assert_eq!(code(reused.await).await, "idempotencyKeyReused");
    for account in ["a", "c"] {
        world.operator.assert_books_balance(account).await;
    }
}

#[tokio::test]
async fn f9_a_credit_note_is_a_pdf_and_says_if_its_refund_failed() {
    let world = World::start().await;
    world.set_time(START);
    let id = bought(&world, "a", "0").await;
    let path = format!("/v1/accounts/a/purchases/{id}/credit-notes/1");
    world.operator.get(&path).await.expect(404);
    world.operator.refund("a", &id, "r").await.expect(201);
    let (headers, note) = world.operator.get_bytes(&path).await;
    assert!(note.starts_with(b"%PDF-"));
    assert_eq!(headers["content-disposition"], "inline; filename=\"credit-note-A-0001.pdf\"");
    world.operator.happens("a", &id, json!({ "action": "failRefund" })).await;
    let (_, failed) = world.operator.get_bytes(&path).await;
    assert_ne!(failed, note);
    world.operator.get(&format!("/v1/accounts/a/purchases/{id}/credit-notes/2")).await.expect(404);
}

/// Asserts that the refund of a purchase, of which 60 is unspent, is either paid, once and with its credit note, or never was.
async fn assert_settled(world: &World, account: &str, id: &str) -> bool {
    let purchase = purchase(world, account, id).await;
    let back = world.operator.charges(account).await[0]["back"].clone();
    let refunds = purchase["refunds"].as_array().map_or(0, Vec::len);
    assert!(refunds <= 1, "{account}: {purchase}");
    let paid = decimal(&back) == decimal(&json!("60"));
    if paid {
        assert_eq!(purchase["refundedAmount"], "60.0000", "{account}");
        assert_eq!(purchase["refunds"][0]["status"], "succeeded", "{account}");
        assert_eq!(purchase["refunds"][0]["creditNoteNumber"], 1, "{account}");
        assert_eq!(balance(world, account).await, "0.0000", "{account}");
    } else {
        assert_eq!(back, "0.0000", "{account}");
        assert_eq!(balance(world, account).await, "60.0000", "{account}: the funds are back");
        if refunds == 1 {
            assert_eq!(purchase["refunds"][0]["status"], "failed", "{account}");
        }
    }
    assert_eq!(world.recover().await.looked_at, 0, "{account}: nothing is open");
    world.operator.assert_books_balance(account).await;
    paid
}

#[tokio::test]
async fn f9_a_refund_killed_at_any_step_is_paid_once_or_returns() {
    let world = World::start().await;
    world.set_time(START);
    for (kind, name) in [(Kind::DeathBefore, "before"), (Kind::DeathAfter, "after")] {
        let mut paid = Vec::new();
        for step in 0.. {
            assert!(step < MANY, "a refund ends");
            let account = format!("{name}-{step}");
            let id = bought(&world, &account, "40").await;
            world.arm(kind, step, 1);
            let answer = world.unless_killed(world.refund_here(&account, &id, "r")).await;
            world.faults().disarm();
            world.recover_at(LATER).await;
            paid.push(assert_settled(&world, &account, &id).await);
            if let Some(answer) = answer {
                answer.expect(201);
                break;
            }
        }
        assert!(paid.is_sorted(), "every step after the processor has it leads to a credit note: {paid:?}");
        assert!(paid.contains(&false) && paid.len() > 4, "{paid:?}");
    }
}

#[tokio::test]
async fn f9_recovery_of_a_refund_killed_at_any_step_and_run_again_gives_the_same() {
    let world = World::start().await;
    world.set_time(START);
    // The refund dies after the commit that opens it, or after the processor has it.
    for died_after in 0..8 {
        for (kind, name) in [(Kind::DeathBefore, "before"), (Kind::DeathAfter, "after")] {
            for step in (0..).step_by(2) {
                assert!(step < MANY, "a recovery ends");
                let account = format!("{died_after}-{name}-{step}");
                let id = bought(&world, &account, "40").await;
                world.arm(Kind::DeathAfter, died_after, 1);
                let died = world.unless_killed(world.refund_here(&account, &id, "r")).await.is_none();
                world.faults().disarm();
                world.arm(kind, step, 1);
                let first = world.unless_killed(world.recover()).await;
                world.faults().disarm();
                world.recover().await;
                assert_settled(&world, &account, &id).await;
                if first.is_some() || !died {
                    break;
                }
            }
        }
    }
}

/// The account that recovery's process remembers may be older than the refund that it gives back.
#[tokio::test]
async fn f9_a_process_gives_back_what_another_one_has_taken() {
    let world = World::start().await;
    world.set_time(START);
    let id = bought(&world, "a", "0").await;
    world.recharge_here("a").await;
    world.fail(Fault { target: Some(Target::Processor), kind: Kind::Down, skip: 0, count: 1 }).await;
    world.operator.refund("a", &id, "r").await.expect(202);
    world.faults().disarm();
    assert_eq!(world.recover_at(LATER).await.closed, 1);
    assert_eq!(balance(&world, "a").await, "100.0000");
    // The same with a dispute that is won.
    world.recharge_here("a").await;
    world.operator.happens("a", &id, json!({ "action": "dispute" })).await;
    world.operator.happens("a", &id, json!({ "action": "win" })).await;
    assert_eq!(balance(&world, "a").await, "100.0000");
    world.operator.assert_books_balance("a").await;
}

/// The processor tells of one thing in two messages, which two processes may handle at once.
#[tokio::test]
async fn f9_what_another_process_has_returned_meanwhile_returns_once() {
    let world = World::start().await;
    world.set_time(START);
    let sandbox = world.host.machine().functions.sandbox();
    // The slower process is held before each of the calls that come before its decision.
    for step in 0..3 {
        let account = format!("a{step}");
        let id = bought(&world, &account, "0").await;
        world.operator.happens(&account, &id, json!({ "action": "dispute" })).await;
        let records = sandbox.records(&AccountId::parse(&account).unwrap()).await.unwrap();
        let [charge] = &records[..] else { panic!("one charge: {records:?}") };
        let disputes = sandbox.disputes(&charge.id).await.unwrap();
        sandbox.end_dispute(&disputes[0].id, Money::zero(Currency::parse("EUR").unwrap())).await.unwrap();
        let tell = || world.tell_here(&account, &id, "repayments", &charge.id);
        let mut slower = pin!(tell());
        let held = world.run_to(step, &mut slower).await.expect_err("it has not decided yet");
        assert!(tell().await);
        drop(held);
        assert!(bounded(slower).await);
        assert_eq!(moves(&world, &account, "dispute").await, ["-100.0000", "100.0000"]);
        world.operator.assert_books_balance(&account).await;
    }
}

#[tokio::test]
async fn f9_a_processor_that_does_not_answer_leaves_a_refund_pending() {
    let world = World::start().await;
    world.set_time(START);
    for (account, kind, paid) in [("down", Kind::Down, false), ("lost", Kind::LostReply, true)] {
        let id = bought(&world, account, "40").await;
        world.fail(Fault { target: Some(Target::Processor), kind, skip: 0, count: 1 }).await;
        let pending = world.operator.refund(account, &id, "r").await.expect(202);
        assert_eq!(pending["refunds"][0]["status"], "pending");
        assert_eq!(balance(&world, account).await, "0.0000", "the funds have left first");
        assert_eq!(world.operator.refund(account, &id, "r").await.expect(202), pending);
        world.faults().disarm();
        assert_eq!(world.recover_at("2026-11-22T10:01:59.999Z").await.looked_at, 0, "its lease");
        world.take_down(Target::Processor);
        assert_eq!(world.recover_at("2026-11-22T10:02:00Z").await.closed, 0, "it cannot be asked");
        world.faults().disarm();
        assert_eq!(world.recover_at(LATER).await.closed, 1);
        assert_eq!(assert_settled(&world, account, &id).await, paid);
        let again = world.operator.refund(account, &id, "r").await;
        if paid {
            again.expect(201);
        } else {
            assert_eq!(again.problem(409)["code"], "refundFailed");
            world.operator.refund(account, &id, "again").await.expect(201);
            world.operator.assert_books_balance(account).await;
        }
    }
}

#[tokio::test]
async fn f9_a_refund_that_fails_weeks_later_comes_back_once() {
    let world = World::start().await;
    world.set_time(START);
    let id = bought(&world, "a", "40").await;
    world.operator.refund("a", &id, "r").await.expect(201);
    world.set_time("2026-12-13T10:00:00Z");
    world.operator.happens("a", &id, json!({ "action": "failRefund" })).await;
    assert_eq!(moves(&world, "a", "refund").await, ["-60.0000", "60.0000"]);
    let failed = purchase(&world, "a", &id).await;
    assert_eq!((&failed["status"], &failed["refunds"][0]["status"]), (&json!("succeeded"), &json!("failed")));
    // Anything else that happens there has the books compared again.
    world.operator.happens("a", &id, json!({ "action": "inquire" })).await;
    assert_eq!(moves(&world, "a", "refund").await.len(), 2);
    assert_eq!(world.operator.refund("a", &id, "again").await.expect(201)["refundedAmount"], "60.0000");
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f9_a_refund_from_the_dashboard_arrives_once_and_what_is_spent_is_owed() {
    let world = World::start().await;
    world.set_time(START);
    let id = bought(&world, "a", "60").await;
    world.operator.happens("a", &id, json!({ "action": "refund" })).await;
    assert_eq!(moves(&world, "a", "refund").await, ["-100.0000"]);
    let shown = purchase(&world, "a", &id).await;
    assert_eq!((&shown["status"], &shown["refundedAmount"]), (&json!("refunded"), &json!("100.0000")));
    assert_eq!(shown["refunds"][0]["creditNoteNumber"], 1);
    assert_eq!(shown["refunds"][0].get("reason"), None);
    assert_eq!(world.operator.account("a").await["owed"], "60.0000");
    world.operator.assert_books_balance("a").await;
}

/// Somebody may pay a charge back before its payment is closed.
#[tokio::test]
async fn f9_a_refund_told_while_its_payment_is_open_comes_again() {
    let world = World::start().await;
    world.set_time(START);
    world.account("a").await;
    let unanswered = json!({ "amount": "100", "paymentMethod": "pm_sandbox_timeout" });
    let pending = world.operator.buy("a", "k", unanswered).await.expect(202);
    let sandbox = world.host.machine().functions.sandbox();
    let records = sandbox.records(&AccountId::parse("a").unwrap()).await.unwrap();
    let [charge] = &records[..] else { panic!("one charge: {records:?}") };
    let amount = Money::of_minor_units(10_000, Currency::parse("EUR").unwrap());
    sandbox.refund_in_dashboard(&charge.id, amount).await.unwrap();
    let id = pending["purchaseId"].as_str().unwrap();
    let tell = || world.tell_here("a", id, "repayments", &charge.id);
    assert!(!tell().await, "it comes again");
    assert_eq!(world.recover_at(LATER).await.closed, 1);
    assert_eq!(balance(&world, "a").await, "100.0000");
    assert!(tell().await);
    assert_eq!(moves(&world, "a", "refund").await, ["-100.0000"]);
    assert_eq!(balance(&world, "a").await, "0.0000");
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn v19_a_dispute_freezes_what_is_unspent_until_it_ends() {
    let world = World::start().await;
    world.set_time(START);
    for (account, end, after) in [("lost", "lose", "-60.0000"), ("won", "win", "40.0000")] {
        let id = bought(&world, account, "60").await;
        let on = json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "50" });
        world.lose_events();
        let path = format!("/v1/accounts/{account}/auto-recharge");
        world.operator.send(Method::PUT, &path, &[], on).await.expect(200);
        world.operator.happens(account, &id, json!({ "action": "dispute" })).await;
        let shown = world.operator.account(account).await;
        assert_eq!(
            (&shown["balance"], &shown["autoRecharge"]["state"]),
            (&json!("0.0000"), &json!("paused"))
        );
        assert_eq!(shown["autoRecharge"]["why"], "dispute");
        assert_eq!(purchase(&world, account, &id).await["status"], "disputed");
        world.operator.happens(account, &id, json!({ "action": end })).await;
        assert_eq!(balance(&world, account).await, after);
        let disputed = purchase(&world, account, &id).await;
        assert_eq!(disputed["disputes"][0]["status"], if end == "win" { "won" } else { "lost" });
        world.operator.assert_books_balance(account).await;
        let resumed = world.operator.post(&format!("{path}/resume"), Value::Null).await.expect(200);
        assert_ne!(resumed["autoRecharge"]["state"], "paused");
    }
}

#[tokio::test]
async fn f9_refunds_and_debits_at_once_spend_nothing_twice() {
    let world = World::start().await;
    world.set_time(START);
    let id = bought(&world, "a", "40").await;
    let debits = async {
        for number in 0..20 {
            world.operator.debit("a", &[rated(&format!("r{number}"), CALL, "1")]).await.expect(200);
        }
    };
    let refunds = async {
        for number in 0..5 {
            let answer = world.operator.refund("a", &id, &format!("k{number}")).await;
            assert!([201, 409].contains(&answer.status), "{}", answer.body);
        }
    };
    tokio::join!(debits, refunds);
    let shown = purchase(&world, "a", &id).await;
    let back = decimal(&world.operator.charges("a").await[0]["back"]);
    assert_eq!(decimal(&shown["refundedAmount"]), back, "to the card, once");
    let spent = decimal(&json!("60"));
    let all = decimal(&json!("100"));
    assert_eq!(decimal(&world.operator.account("a").await["balance"]), all - spent - back);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn invariant_3_reconciling_finds_nothing_in_books_with_refunds_and_disputes() {
    let world = World::start().await;
    world.set_time(START);
    let id = bought(&world, "a", "40").await;
    world.operator.refund("a", &id, "r").await.expect(201);
    world.operator.happens("a", &id, json!({ "action": "failRefund" })).await;
    world.operator.happens("a", &id, json!({ "action": "refund", "amount": "70.00" })).await;
    let id = bought(&world, "b", "40").await;
    world.operator.happens("b", &id, json!({ "action": "inquire", "amount": "80.00" })).await;
    world.operator.happens("b", &id, json!({ "action": "dispute" })).await;
    world.operator.happens("b", &id, json!({ "action": "lose", "amount": "75.00" })).await;
    let summary = world.operator.post("/_local/run/reconcile", Value::Null).await.expect(200);
    assert_eq!((&summary["differences"], &summary["unread"]), (&json!(0), &json!(0)), "{summary}");
}
