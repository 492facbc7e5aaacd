//! Charges with an unknown outcome: recovery resolves each to exactly one lot or none (F5).
//!
//! The process of a purchase, or that of recovery, dies, pauses or races at every step. The books must agree with the charges in
//! the processor's own records.

use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use domain::dispute::SeenDispute;
use domain::profile::PaymentMethod;
use domain::recharge::Policy;
use domain::refund::SeenRefund;
use domain::{AccountId, PaymentId};
use jiff::Timestamp;
use local::faults::{Fault, Kind, Target};
use payments::{
    Confirmation, Intent, NewIntent, NewRefund, NewSetUp, Portal, Processor, ProcessorError,
    ProcessorMessage, SetUp, SetUpState,
};
use recharge::Leases;
use scenarios::{Answer, World, bounded};
use serde_json::{Value, json};

/// Recovery queries each of the eight shards for due accounts.
const CALLS_TO_FIND_WHAT_IS_DUE: usize = 8;

/// More calls than any purchase or recovery makes.
const MANY: usize = 60;

fn euros(amount: &str) -> Value {
    json!({ "amount": amount })
}

async fn purchases(world: &World, account: &str) -> Vec<Value> {
    let answer = world.operator.get(&format!("/v1/accounts/{account}/purchases")).await.expect(200);
    answer["purchases"].as_array().expect("a list").clone()
}

async fn lots(world: &World, account: &str) -> usize {
    let answer = world.operator.get(&format!("/v1/accounts/{account}/lots")).await.expect(200);
    answer["lots"].as_array().expect("a list").len()
}

/// Asserts that the purchase `k` is resolved: nothing is open, there is one charge and one lot or neither, and a repeat of the
/// key gives the final state and charges nothing. Returns whether it was charged.
async fn assert_resolved(world: &World, account: &str, story: &str) -> bool {
    let charges = world.operator.charges(account).await.len();
    assert!(charges <= 1, "{story}: charged {charges} times");
    assert_eq!(lots(world, account).await, charges, "{story}: each charge is a lot");
    world.operator.assert_books_balance(account).await;
    assert_eq!(world.recover().await.looked_at, 0, "{story}: nothing is open");
    let listed = purchases(world, account).await;
    let Some(purchase) = listed.first() else {
        assert_eq!(charges, 0, "{story}");
        return false;
    };
    assert_eq!(listed.len(), 1, "{story}");
    let again = world.operator.buy(account, "k", euros("50")).await;
    if charges == 1 {
        assert_eq!(purchase["status"], "succeeded", "{story}");
        assert_eq!(purchase["receiptNumber"], 1, "{story}: F8");
        assert_eq!(again.expect(201), *purchase, "{story}");
    } else {
        assert_eq!(purchase["status"], "declined", "{story}");
        assert_eq!(purchase["declineReason"], "abandoned", "{story}");
        assert_eq!(again.expect(402)["purchase"], *purchase, "{story}");
    }
    assert_eq!(world.operator.charges(account).await.len(), charges, "{story}: the repeat charges nothing");
    charges == 1
}

#[tokio::test]
async fn f5_a_lost_reply_leaves_a_purchase_pending_until_recovery_finds_its_charge() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    world.account("a").await;
    let body = json!({ "amount": "50", "paymentMethod": "pm_sandbox_timeout" });
    let pending = world.operator.buy("a", "k", body.clone()).await.expect(202);
    assert_eq!(pending["status"], "pending");
    assert_eq!(world.operator.charges("a").await.len(), 1, "the card was charged");
    assert_eq!(lots(&world, "a").await, 0, "the reply was lost, so there is no lot yet");
    assert_eq!(world.operator.buy("a", "k", body.clone()).await.expect(202), pending);

    world.set_time("2026-11-22T12:34:56Z");
    let recovered = world.operator.post("/_local/run/recover", Value::Null).await.expect(200);
    assert_eq!(recovered, json!({ "lookedAt": 1, "closed": 1, "begun": 0, "fetched": 0 }));
    let purchase = world.operator.buy("a", "k", body).await.expect(201);
    assert_eq!(purchase["createdAt"], "2026-11-22T10:00:00.000Z");
    assert_eq!(purchase["expiresAt"], "2027-11-22T10:00:00.000Z", "F1: twelve months after the request");
    let transactions = world.operator.transactions("a").await;
    assert_eq!(transactions[0]["at"], "2026-11-22T10:00:00.000Z");
    assert_eq!(transactions[0]["postedAt"], "2026-11-22T12:34:56.000Z");
    world.operator.post("/_local/run/recover", Value::Null).await.expect(200);
    assert_eq!((world.operator.charges("a").await.len(), lots(&world, "a").await), (1, 1));
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f5_the_scheduled_recovery_leaves_a_first_attempt_its_two_minutes() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    world.account("a").await;
    let body = json!({ "amount": "50", "paymentMethod": "pm_sandbox_timeout" });
    world.operator.buy("a", "k", body.clone()).await.expect(202);
    assert_eq!(world.recover_at("2026-11-22T10:01:59.999Z").await.looked_at, 0);
    assert_eq!(world.operator.buy("a", "k", body.clone()).await.expect(202)["status"], "pending");
    assert_eq!(world.recover_at("2026-11-22T10:02:00Z").await.closed, 1);
    assert_eq!(world.operator.buy("a", "k", body).await.expect(201)["status"], "succeeded");
    assert_eq!(world.operator.charges("a").await.len(), 1);
    world.operator.assert_books_balance("a").await;
}

/// Buys with a card that needs its owner's confirmation. Returns the path of the page for it.
async fn ask_the_owner(world: &World) -> String {
    world.set_time("2026-11-22T10:00:00Z");
    world.account("a").await;
    let body = json!({ "amount": "50", "paymentMethod": "pm_card_authenticationRequired" });
    let waiting = world.operator.buy("a", "k", body).await.expect(202);
    assert_eq!(waiting["status"], "needsAction");
    let url = waiting["nextAction"]["url"].as_str().unwrap();
    url.strip_prefix(world.host.url()).expect("the sandbox's page").to_owned()
}

async fn repeat(world: &World) -> Answer {
    let body = json!({ "amount": "50", "paymentMethod": "pm_card_authenticationRequired" });
    world.operator.buy("a", "k", body).await
}

async fn decide(world: &World, page: &str, decision: &str) -> Answer {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    world.operator.send_text(reqwest::Method::POST, page, &form, format!("decision={decision}")).await
}

#[tokio::test]
async fn f4_an_approval_of_the_owner_leads_to_one_lot() {
    let world = World::start().await;
    let page = ask_the_owner(&world).await;
    let asking = world.operator.get(&page).await.expect(200);
    for part in ["<form", "a wants to pay <strong>EUR\u{a0}50.00</strong>"] {
        assert!(asking.as_str().unwrap().contains(part), "{asking}");
    }
    assert_eq!(lots(&world, "a").await, 0);
    for _ in 0..2 {
        decide(&world, &page, "approve").await.expect(200);
        assert_eq!(repeat(&world).await.expect(201)["status"], "succeeded");
    }
    let decided = decide(&world, &page, "refuse").await.expect(200);
    let purchase = repeat(&world).await.expect(201)["purchaseId"].as_str().unwrap().to_owned();
    let back =
        format!("<a href=\"{}/accounts/a/purchases/{purchase}\">Back to the purchase", world.host.url());
    for decided in [decided, world.operator.get(&page).await.expect(200)] {
        let decided = decided.as_str().unwrap().to_owned();
        assert!(decided.contains(&back), "{decided}");
        assert!(
            decided.contains("was confirmed") && !decided.contains("<form"),
            "the first decision is final: {decided}"
        );
    }
    assert_eq!((world.operator.charges("a").await.len(), lots(&world, "a").await), (1, 1));
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f4_a_refusal_of_the_owner_leads_to_no_lot() {
    let world = World::start().await;
    let page = ask_the_owner(&world).await;
    decide(&world, &page, "perhaps").await.expect(422);
    decide(&world, &page, "refuse").await.expect(200);
    let declined = repeat(&world).await.expect(402);
    assert_eq!(declined["purchase"]["declineReason"], "authentication_required");
    let decided = world.operator.get(&page).await.expect(200);
    assert!(decided.as_str().unwrap().contains("nothing was charged"), "{decided}");
    world.operator.get("/_local/authenticate/pi_unknown").await.expect(404);
    decide(&world, &page, "approve").await.expect(200);
    assert_eq!((world.operator.charges("a").await.len(), lots(&world, "a").await), (0, 0));
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f5_recovery_gives_the_owner_of_a_card_twenty_four_hours() {
    let world = World::start().await;
    let page = ask_the_owner(&world).await;
    for before in ["2026-11-22T10:05:00Z", "2026-11-22T18:00:00Z", "2026-11-23T09:59:59.999Z"] {
        world.recover_at(before).await;
        assert_eq!(repeat(&world).await.expect(202)["status"], "needsAction", "{before}");
    }
    world.recover_at("2026-11-23T10:00:00Z").await;
    let declined = repeat(&world).await.expect(402);
    assert_eq!(declined["purchase"]["status"], "declined");
    assert_eq!(declined["purchase"]["declineReason"], "abandoned");
    world.set_time("2026-11-23T10:00:01Z");
    decide(&world, &page, "approve").await.expect(200);
    assert_eq!((world.operator.charges("a").await.len(), lots(&world, "a").await), (0, 0), "too late");
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f5_an_approval_that_only_recovery_sees_is_a_lot() {
    let world = World::start().await;
    let page = ask_the_owner(&world).await;
    let intent = page.rsplit('/').next().unwrap();
    world.host.machine().functions.sandbox().authenticate(intent, true).await.unwrap();
    assert_eq!(world.recover_at("2026-11-22T11:00:00Z").await.closed, 1);
    assert_eq!(repeat(&world).await.expect(201)["status"], "succeeded");
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f5_a_processor_that_is_down_for_an_hour_leaves_purchases_pending() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    // The processor goes down before it has the charge, before the confirmation, or after it.
    for (account, up_for, charged) in [("unseen", 0, false), ("unconfirmed", 1, false), ("charged", 2, true)]
    {
        world.account(account).await;
        let kind = if charged { Kind::LostReply } else { Kind::Down };
        let skip = if charged { 1 } else { up_for };
        world.fail(Fault { target: Some(Target::Processor), kind, skip, count: 1 }).await;
        let pending = world.operator.buy(account, "k", euros("50")).await.expect(202);
        assert_eq!(pending["status"], "pending", "{account}");
        world.faults().disarm();
        world.take_down(Target::Processor);
        for minutes in (5..60).step_by(5) {
            world.recover_at(&format!("2026-11-22T10:{minutes:02}:00Z")).await;
            let pending = world.operator.buy(account, "k", euros("50")).await.expect(202);
            assert_eq!(pending["status"], "pending", "{account} after {minutes} minutes");
        }
        world.faults().disarm();
        world.recover_at("2026-11-22T11:05:00Z").await;
        assert_eq!(assert_resolved(&world, account, account).await, charged);
    }
}

/// A processor that refuses every request, as after a revocation of the credentials.
struct Mute;

#[async_trait]
impl Processor for Mute {
    async fn set_up(&self, _: &NewSetUp<'_>) -> Result<SetUp, ProcessorError> {
        Err(refused())
    }

    async fn look_up_set_up(&self, _: &str) -> Result<SetUpState, ProcessorError> {
        Err(refused())
    }

    async fn save_method(
        &self,
        _: &AccountId,
        _: Option<&str>,
        _: &str,
    ) -> Result<PaymentMethod, ProcessorError> {
        Err(refused())
    }

    async fn look_up_method(&self, _: &PaymentMethod) -> Result<Option<PaymentMethod>, ProcessorError> {
        Err(refused())
    }

    async fn account_of(&self, _: &str) -> Result<Option<AccountId>, ProcessorError> {
        Err(refused())
    }

    async fn create(&self, _: &NewIntent<'_>) -> Result<Intent, ProcessorError> {
        Err(refused())
    }

    async fn confirm(&self, _: &Confirmation<'_>) -> Result<Intent, ProcessorError> {
        Err(refused())
    }

    async fn look_up(&self, _: &str) -> Result<Intent, ProcessorError> {
        Err(refused())
    }

    async fn find(&self, _: &str, _: &str) -> Result<Option<Intent>, ProcessorError> {
        Err(refused())
    }

    async fn payment_of(&self, _: &str) -> Result<Option<(AccountId, PaymentId)>, ProcessorError> {
        Err(refused())
    }

    async fn cancel(&self, _: &str) -> Result<Intent, ProcessorError> {
        Err(refused())
    }

    async fn refund(&self, _: &NewRefund<'_>) -> Result<SeenRefund, ProcessorError> {
        Err(refused())
    }

    async fn refunds(&self, _: &str) -> Result<Vec<SeenRefund>, ProcessorError> {
        Err(refused())
    }

    async fn disputes(&self, _: &str) -> Result<Vec<SeenDispute>, ProcessorError> {
        Err(refused())
    }

    async fn is_live(&self) -> Result<bool, ProcessorError> {
        Err(refused())
    }

    async fn undelivered(&self, _: Timestamp, _: usize) -> Result<Vec<ProcessorMessage>, ProcessorError> {
        Err(refused())
    }
}

fn refused() -> ProcessorError {
    ProcessorError::Refused { reason: "invalid_api_key".to_owned() }
}

#[tokio::test]
async fn f5_a_processor_that_refuses_every_request_leaves_a_purchase_pending() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    for (account, died_after, charged) in [("created", 3, false), ("charged", 5, true)] {
        world.account(account).await;
        world.arm(Kind::DeathAfter, died_after, 1);
        assert!(world.unless_killed(world.buy_here(account, "k", euros("50"))).await.is_none());
        let store = world.host.machine().functions.purchase_ports().store.clone();
        let now = world.host.machine().clock.now();
        let ports = recharge::Ports {
            store,
            processor: Arc::new(Mute),
            portal: Portal::new("http://portal"),
            policy: Policy::default(),
            lease_clock: Arc::new(move || now),
        };
        assert_eq!(recharge::recover(now, Leases::Ignored, &ports).await.unwrap().closed, 0);
        let pending = world.operator.buy(account, "k", euros("50")).await.expect(202);
        assert_eq!(pending["status"], "pending", "{account}");
        world.recover().await;
        assert_eq!(assert_resolved(&world, account, account).await, charged);
    }
}

#[tokio::test]
async fn f5_a_late_process_never_confirms_a_payment_that_recovery_abandoned() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    // The process pauses before this call.
    for (account, next_call) in
        [("before-create", "create"), ("before-note", "note"), ("before-confirm", "confirm")]
    {
        world.account(account).await;
        // The calls of a purchase, in their order.
        let calls = ["read", "load", "open", "create", "note", "confirm"];
        let skip = calls.iter().position(|call| *call == next_call).unwrap();
        let mut late = pin!(world.buy_here(account, "k", euros("50")));
        let asleep = world.run_to(skip, &mut late).await.expect_err("it pauses before this call");
        assert_eq!(world.recover_at("2026-11-22T10:05:00Z").await.closed, 1, "{account}");
        drop(asleep);
        let answer = bounded(late).await.expect(402);
        assert_eq!(answer["purchase"]["declineReason"], "abandoned", "{account}");
        assert!(!assert_resolved(&world, account, account).await);
        let records = world.operator.get(&format!("/_local/charges/{account}")).await.expect(200);
        assert!(records["charges"].as_array().unwrap().len() <= 1);
    }
}

#[tokio::test]
async fn f5_a_purchase_killed_at_any_step_is_one_charge_and_one_lot_or_neither() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    for (kind, name) in [(Kind::DeathBefore, "before"), (Kind::DeathAfter, "after")] {
        let mut charged = Vec::new();
        for step in 0.. {
            assert!(step < MANY, "a purchase ends");
            let account = format!("{name}-{step}");
            world.account(&account).await;
            world.arm(kind, step, 1);
            let answer = world.unless_killed(world.buy_here(&account, "k", euros("50"))).await;
            world.faults().disarm();
            world.recover_at("2026-11-22T10:05:00Z").await;
            charged.push(assert_resolved(&world, &account, &account).await);
            if let Some(answer) = answer {
                answer.expect(201);
                break;
            }
        }
        assert!(charged.is_sorted(), "every step after the charge leads to a lot: {charged:?}");
        assert!(charged.len() > 6, "there are more than six calls: {charged:?}");
    }
}

#[tokio::test]
async fn f5_recovery_killed_at_any_step_and_run_again_gives_the_same() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    // The purchase dies after one of the calls that leave it open: open, create, store the object's id, confirm.
    for died_after in 2..6 {
        for (kind, name) in [(Kind::DeathBefore, "before"), (Kind::DeathAfter, "after")] {
            for step in CALLS_TO_FIND_WHAT_IS_DUE - 1.. {
                assert!(step < MANY, "a recovery ends");
                let account = format!("{died_after}-{name}-{step}");
                world.account(&account).await;
                world.arm(Kind::DeathAfter, died_after, 1);
                let answer = world.unless_killed(world.buy_here(&account, "k", euros("50"))).await;
                assert!(answer.is_none(), "{account} should have died");
                world.arm(kind, step, 1);
                let first = world.unless_killed(world.recover()).await;
                world.faults().disarm();
                world.recover().await;
                let charged = assert_resolved(&world, &account, &account).await;
                assert_eq!(charged, died_after == 5, "{account}: recovery charges nothing itself");
                if first.is_some() {
                    break;
                }
            }
        }
    }
}

/// Interleaves two processes: the purchase makes `first` calls, recovery `recovery` calls, and the purchase `second` more. Then
/// recovery ends, and then the purchase. Returns whether recovery was held back, and not over before.
async fn take_turns(world: &World, account: &str, first: usize, recovery: usize, second: usize) -> bool {
    let mut buying = pin!(world.buy_here(account, "k", euros("50")));
    let held = world.run_to(first, &mut buying).await.expect_err("a purchase makes more calls");
    let mut recovering = pin!(world.recover());
    let recovery_held = world.run_to(recovery, &mut recovering).await.err();
    drop(held);
    let bought = world.run_to(second, &mut buying).await;
    let took_turns = recovery_held.is_some();
    if let Some(held) = recovery_held {
        drop(held);
        bounded(recovering).await;
    }
    let answer = match bought {
        Ok(answer) => answer,
        Err(held) => {
            drop(held);
            bounded(buying).await
        }
    };
    assert!([201, 202, 402].contains(&answer.status), "{account}: {answer:?}");
    took_turns
}

#[tokio::test]
async fn f5_recovery_and_the_first_process_may_interleave_in_any_way() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    let mut interleavings = 0;
    // The last call of the purchase is to open, to create, to store the object's id, or to confirm.
    for first in 3..7 {
        for second in 0..7 - first {
            for recovery in CALLS_TO_FIND_WHAT_IS_DUE.. {
                assert!(recovery < MANY, "a recovery ends");
                let account = format!("{first}-{recovery}-{second}");
                world.account(&account).await;
                let took_turns = take_turns(&world, &account, first, recovery, second).await;
                world.recover().await;
                assert_resolved(&world, &account, &account).await;
                if !took_turns {
                    break;
                }
                interleavings += 1;
            }
        }
    }
    assert!(interleavings > 30, "only {interleavings} interleavings");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f5_recoveries_and_repeats_all_at_once_are_one_lot() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    for round in 0..10 {
        let account = format!("a{round}");
        world.account(&account).await;
        let buy = || world.operator.buy(&account, "k", euros("50"));
        let answers = tokio::join!(buy(), world.recover(), buy(), world.recover(), buy(), world.recover());
        for answer in [answers.0, answers.2, answers.4] {
            assert!([201, 202, 402].contains(&answer.status), "{answer:?}");
        }
        world.recover().await;
        assert_resolved(&world, &account, &account).await;
    }
}
