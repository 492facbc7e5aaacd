//! Declined payments. Until the object at the card processor is cancelled, the customer can still pay it with another card on a
//! page that is open already. In every order of events, exactly the captured amounts become lots (F4, F5, F10).

use std::pin::{Pin, pin};

use domain::AccountId;
use local::faults::{Kind, Pause};
use payments::IntentState;
use reqwest::Method;
use scenarios::{World, bounded, rated};
use serde_json::{Value, json};

const NOON: &str = "2026-11-22T12:00:00Z";
const START: &str = "2026-11-22T08:00:00Z";

/// More calls than any recharge, purchase or recovery makes.
const MANY: usize = 80;

const DECLINED: &str = "pm_card_chargeDeclined";
const WANTS_OWNER: &str = "pm_card_authenticationRequired";
const GOOD: &str = "pm_card_visa";

/// An event in the middle of a recharge or purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// The customer pays every object that a page still offers.
    CustomerPays,
    /// Recovery runs and ignores leases.
    Recovery,
    /// Auto-recharge is turned off, which withdraws an open payment.
    Withdrawal,
}

use Event::{CustomerPays, Recovery, Withdrawal};

/// Every order of one or two events, and two orders of all three.
const ORDERS: [&[Event]; 11] = [
    &[CustomerPays],
    &[Recovery],
    &[Withdrawal],
    &[CustomerPays, Recovery],
    &[CustomerPays, Withdrawal],
    &[Recovery, CustomerPays],
    &[Recovery, Withdrawal],
    &[Withdrawal, CustomerPays],
    &[Withdrawal, Recovery],
    &[CustomerPays, Recovery, Withdrawal],
    &[Withdrawal, Recovery, CustomerPays],
];

/// The customer pays on every page that may still be open: the bank's, and ours that leads to it.
async fn customer_pays(world: &World, account: &str) {
    let sandbox = world.host.machine().functions.sandbox();
    let id = AccountId::parse(account).unwrap();
    for object in sandbox.records(&id).await.unwrap() {
        if object.state == IntentState::NeedsOwner {
            let payment = object.key.split(':').next().unwrap();
            world.operator.confirm(account, payment).await.expect(200);
        }
        sandbox.authenticate(&object.id, true).await.unwrap();
    }
}

async fn turn_off(world: &World, account: &str) {
    let path = format!("/v1/accounts/{account}/auto-recharge");
    world.operator.send(Method::PUT, &path, &[], json!({ "enabled": false })).await.expect(200);
}

async fn happen(world: &World, account: &str, events: &[Event]) {
    for event in events {
        match event {
            CustomerPays => customer_pays(world, account).await,
            Recovery => {
                Box::pin(world.recover()).await;
            }
            Withdrawal => turn_off(world, account).await,
        }
    }
}

/// A low account with these cards. Its events are lost, so that the recharge begins only when a test starts it.
async fn low(world: &World, account: &str, card: &str, backup: Option<&str>) {
    world.account(account).await;
    world.operator.buy(account, "first", json!({ "amount": "110" })).await.expect(201);
    let mut cards = json!({ "paymentMethod": card });
    if let Some(backup) = backup {
        cards["backup"] = backup.into();
    }
    let path = format!("/v1/accounts/{account}");
    world.operator.send(Method::PUT, &format!("{path}/payment-method"), &[], cards).await.expect(200);
    let on = json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "50" });
    world.operator.send(Method::PUT, &format!("{path}/auto-recharge"), &[], on).await.expect(200);
    world.operator.debit(account, &[rated("r", START, "60")]).await.expect(200);
    world.drain().await;
}

/// Runs recovery and lets the customer try each page again. Then nothing may be open, no object may still be payable, the
/// shortfall may be charged once at most, and every capture must be a lot.
async fn assert_captures_are_lots(world: &World, account: &str, story: &str) {
    world.recover().await;
    customer_pays(world, account).await;
    world.recover().await;
    assert_eq!(world.recover().await.looked_at, 0, "{story}: something is still open");
    let id = AccountId::parse(account).unwrap();
    for object in world.host.machine().functions.sandbox().records(&id).await.unwrap() {
        let is_final = matches!(object.state, IntentState::Succeeded { .. } | IntentState::Cancelled { .. });
        assert!(is_final, "{story}: {object:?} can still be paid");
    }
    let charges = world.operator.charges(account).await;
    assert!(charges.len() <= 2, "{story}: more than the purchase and one recharge: {charges:?}");
    world.operator.assert_books_balance(account).await;
    // The account is no longer due, so that later recoveries do not read it.
    turn_off(world, account).await;
}

async fn let_go(held: Option<Pause>, work: Pin<&mut impl Future<Output = ()>>) {
    if let Some(held) = held {
        drop(held);
        bounded(work).await;
    }
}

/// Holds back a recharge with these cards before each of its calls in turn, and runs each order of events there.
async fn interleave_recharges(card: &str, backup: Option<&str>, at_least: usize) {
    let world = World::start().await;
    world.set_time(NOON);
    world.lose_events();
    for (number, order) in ORDERS.iter().enumerate() {
        for step in 0.. {
            assert!(step < MANY, "a recharge ends");
            let account = format!("a-{number}-{step}");
            low(&world, &account, card, backup).await;
            let mut recharging = pin!(world.recharge_here(&account));
            let held = world.run_to(step, &mut recharging).await.err();
            let is_over = held.is_none();
            happen(&world, &account, order).await;
            let_go(held, recharging).await;
            assert_captures_are_lots(&world, &account, &format!("{order:?} after {step} calls")).await;
            if is_over {
                assert!(step >= at_least, "there are at least as many calls as steps, not {step}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn f5_a_declined_recharge_is_final_once_its_object_is_cancelled() {
    interleave_recharges(DECLINED, None, 6).await;
}

#[tokio::test]
async fn f10_a_declined_object_is_cancelled_before_the_backup_is_charged() {
    interleave_recharges(DECLINED, Some(GOOD), 10).await;
}

#[tokio::test]
async fn f10_a_card_that_needs_its_owner_and_a_declined_backup_are_one_charge_at_most() {
    interleave_recharges(WANTS_OWNER, Some(DECLINED), 5).await;
}

#[tokio::test]
async fn f4_a_purchase_is_answered_declined_only_after_its_object_is_cancelled() {
    let world = World::start().await;
    world.set_time(NOON);
    let body = json!({ "amount": "50", "paymentMethod": DECLINED });
    for (number, order) in ORDERS.iter().filter(|order| !order.contains(&Withdrawal)).enumerate() {
        for step in 0.. {
            assert!(step < MANY, "a purchase ends");
            let account = format!("a-{number}-{step}");
            world.account(&account).await;
            let story = format!("{order:?} after {step} calls");
            let mut buying = pin!(world.buy_here(&account, "k", body.clone()));
            let (answer, is_over) = match world.run_to(step, &mut buying).await {
                Ok(answer) => (answer, true),
                Err(held) => {
                    happen(&world, &account, order).await;
                    drop(held);
                    (bounded(buying).await, false)
                }
            };
            if answer.status == 402 {
                let charged = world.operator.charges(&account).await;
                assert!(charged.is_empty(), "{story}: declined and still charged: {charged:?}");
            }
            assert_captures_are_lots(&world, &account, &story).await;
            if is_over {
                assert_eq!(answer.expect(402)["purchase"]["declineReason"], "card_declined");
                assert!(step >= 7, "there are at least as many calls as steps, not {step}");
                break;
            }
        }
    }
}

/// A recharge dies after the decline of its card. The customer pays between two calls of recovery.
#[tokio::test]
async fn f5_a_customer_who_pays_during_recovery_gets_a_lot() {
    let world = World::start().await;
    world.set_time(NOON);
    world.lose_events();
    let mut charged = Vec::new();
    for step in 0.. {
        assert!(step < MANY, "a recovery ends");
        let account = format!("a-{step}");
        low(&world, &account, DECLINED, None).await;
        // Its calls: read the account, open the payment, create the object, store its id, confirm.
        world.arm(Kind::DeathAfter, 4, 1);
        assert!(world.unless_killed(world.recharge_here(&account)).await.is_none());
        world.faults().disarm();
        let mut recovering = pin!(async {
            world.recover().await;
        });
        let held = world.run_to(step, &mut recovering).await.err();
        let is_over = held.is_none();
        customer_pays(&world, &account).await;
        let_go(held, recovering).await;
        assert_captures_are_lots(&world, &account, &format!("after {step} calls")).await;
        charged.push(world.operator.charges(&account).await.len() == 2);
        if is_over {
            break;
        }
    }
    assert!(charged[0] && !charged[charged.len() - 1], "first in time, last too late: {charged:?}");
}

/// A lost reply to the cancellation does not lose the reason of the decline: the retry is an hour later, not at once (R4).
#[tokio::test]
async fn r4_a_decline_keeps_its_reason_if_the_reply_to_the_cancellation_is_lost() {
    let world = World::start().await;
    world.set_time(NOON);
    world.lose_events();
    low(&world, "a", DECLINED, None).await;
    world.arm(Kind::LostReply, 5, 1);
    world.unless_killed(world.recharge_here("a")).await.expect("a lost reply does not kill it");
    let state = async || world.operator.account("a").await["autoRecharge"].clone();
    assert_eq!(state().await["state"], "charging", "it is unknown whether the object can still be paid");
    world.faults().disarm();
    world.recover_at("2026-11-22T12:02:00Z").await;
    let waiting = state().await;
    assert_eq!(
        (&waiting["state"], &waiting["why"], &waiting["until"]),
        (&json!("waiting"), &json!("card_declined"), &json!("2026-11-22T13:02:00.000Z"))
    );
    assert_captures_are_lots(&world, "a", "a lost reply").await;
}

/// The lease of a payment runs from the attempt, even if its message was sent half an hour before. Recovery leaves it alone.
#[tokio::test]
async fn f5_recovery_leaves_the_payment_of_a_late_message_alone() {
    let world = World::start().await;
    world.set_time(NOON);
    world.lose_events();
    low(&world, "a", GOOD, None).await;
    world.set_time("2026-11-22T12:30:00Z");
    let mut recharging = pin!(world.recharge_sent_at("a", NOON));
    // It has read the account, opened the payment and created the object. Its next call stores the object's id.
    let held = world.run_to(3, &mut recharging).await.expect_err("it makes more calls");
    assert_eq!(world.recover_at("2026-11-22T12:31:59Z").await.looked_at, 0);
    drop(held);
    bounded(recharging).await;
    let listed: Value = world.operator.get("/v1/accounts/a/purchases?limit=1").await.expect(200);
    assert_eq!(listed["purchases"][0]["status"], "succeeded", "{listed}");
    world.operator.assert_books_balance("a").await;
}
