//! A declined payment, until its object at the card processor is cancelled: its customer can still pay it with another
//! card, on a page that is open already. Whoever acts in between, what is captured is what becomes a lot (F4, F5, F10).

use std::pin::{Pin, pin};

use domain::AccountId;
use local::faults::{Kind, Pause};
use payments::IntentState;
use reqwest::Method;
use scenarios::{World, bounded, rated};
use serde_json::{Value, json};

const NOON: &str = "2026-11-22T12:00:00Z";
const START: &str = "2026-11-22T08:00:00Z";

/// More calls than any charge or recovery makes.
const MANY: usize = 80;

const DECLINED: &str = "pm_card_chargeDeclined";
const WANTS_OWNER: &str = "pm_card_authenticationRequired";
const GOOD: &str = "pm_card_visa";

/// What else happens to a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// The customer pays every object that a page still offers.
    CustomerPays,
    /// The scheduled recovery runs, and respects no lease.
    Recovery,
    /// Auto-recharge is turned off, which withdraws an open charge.
    Withdrawal,
}

use Event::{CustomerPays, Recovery, Withdrawal};

/// Every order of one or two of them, and two orders of all.
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

/// The customer pays on every page that may still be open.
async fn customer_pays(world: &World, account: &str) {
    let sandbox = world.host.machine().functions.sandbox();
    let account = AccountId::parse(account).unwrap();
    for object in sandbox.records(&account).await.unwrap() {
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

/// An account with these cards that is low, with every event lost: its recharge begins when a test says so.
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

/// Once everybody is done, and the customer has tried each page again: nothing is open, no object can be paid any more,
/// the shortfall was charged once at most, and every capture is a lot.
async fn assert_captures_are_lots(world: &World, account: &str, story: &str) {
    world.recover().await;
    customer_pays(world, account).await;
    world.recover().await;
    assert_eq!(world.recover().await.looked_at, 0, "{story}: something is still open");
    let id = AccountId::parse(account).unwrap();
    for object in world.host.machine().functions.sandbox().records(&id).await.unwrap() {
        let is_final = matches!(object.state, IntentState::Succeeded | IntentState::Cancelled { .. });
        assert!(is_final, "{story}: {object:?} can still be paid");
    }
    let charges = world.operator.charges(account).await;
    assert!(charges.len() <= 2, "{story}: more than the purchase and one recharge: {charges:?}");
    world.operator.assert_books_balance(account).await;
    // It is due no more, so that later recoveries make their own calls only.
    turn_off(world, account).await;
}

async fn let_go(held: Option<Pause>, work: Pin<&mut impl Future<Output = ()>>) {
    if let Some(held) = held {
        drop(held);
        bounded(work).await;
    }
}

/// Holds a recharge with these cards back before each of its calls, and lets each order of events happen there.
async fn interleave_recharges(card: &str, backup: Option<&str>, at_least: usize) {
    let world = World::start().await;
    world.set_time(NOON);
    world.lose_events();
    for (number, order) in ORDERS.iter().enumerate() {
        for step in 0.. {
            assert!(step < MANY, "a recharge comes to an end");
            let account = format!("a-{number}-{step}");
            low(&world, &account, card, backup).await;
            let mut recharging = pin!(world.recharge_here(&account));
            let held = world.run_to(step, &mut recharging).await.err();
            let is_over = held.is_none();
            happen(&world, &account, order).await;
            let_go(held, recharging).await;
            assert_captures_are_lots(&world, &account, &format!("{order:?} after {step} calls")).await;
            if is_over {
                assert!(step >= at_least, "it makes a call for each step, not {step}");
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
async fn f10_a_card_that_wants_its_owner_and_a_declined_backup_are_one_charge_at_most() {
    interleave_recharges(WANTS_OWNER, Some(DECLINED), 5).await;
}

#[tokio::test]
async fn f4_a_purchase_answers_declined_only_once_nobody_can_pay_it_any_more() {
    let world = World::start().await;
    world.set_time(NOON);
    let body = json!({ "amount": "50", "paymentMethod": DECLINED });
    for (number, order) in ORDERS.iter().filter(|order| !order.contains(&Withdrawal)).enumerate() {
        for step in 0.. {
            assert!(step < MANY, "a purchase comes to an end");
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
                assert!(charged.is_empty(), "{story}: declined, and charged: {charged:?}");
            }
            assert_captures_are_lots(&world, &account, &story).await;
            if is_over {
                assert_eq!(answer.expect(402)["purchase"]["declineReason"], "card_declined");
                assert!(step >= 7, "it makes a call for each step, not {step}");
                break;
            }
        }
    }
}

/// A recharge dies after its card was declined; the customer pays between two calls of the recovery.
#[tokio::test]
async fn f5_a_customer_who_pays_while_recovery_looks_has_a_lot() {
    let world = World::start().await;
    world.set_time(NOON);
    world.lose_events();
    let mut charged = Vec::new();
    for step in 0.. {
        assert!(step < MANY, "a recovery comes to an end");
        let account = format!("a-{step}");
        low(&world, &account, DECLINED, None).await;
        // It reads the account, opens the payment, creates, notes, and confirms.
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
    assert!(charged[0] && !charged[charged.len() - 1], "paid in time, and too late: {charged:?}");
}

/// A lost reply to the cancellation does not lose the reason of the decline (R4): it is tried again an hour later, not at once.
#[tokio::test]
async fn r4_a_decline_whose_cancellation_is_not_answered_keeps_its_reason() {
    let world = World::start().await;
    world.set_time(NOON);
    world.lose_events();
    low(&world, "a", DECLINED, None).await;
    world.arm(Kind::LostReply, 5, 1);
    world.unless_killed(world.recharge_here("a")).await.expect("it goes on");
    let state = async || world.operator.account("a").await["autoRecharge"].clone();
    assert_eq!(state().await["state"], "charging", "nobody knows yet whether it can still be paid");
    world.faults().disarm();
    world.recover_at("2026-11-22T12:02:00Z").await;
    let waiting = state().await;
    assert_eq!(
        (&waiting["state"], &waiting["why"], &waiting["until"]),
        (&json!("waiting"), &json!("card_declined"), &json!("2026-11-22T13:02:00.000Z"))
    );
    assert_captures_are_lots(&world, "a", "a lost reply").await;
}

/// A message that comes back late opens a payment whose lease begins now: recovery leaves it alone.
#[tokio::test]
async fn f5_recovery_leaves_a_charge_alone_that_a_late_message_began() {
    let world = World::start().await;
    world.set_time(NOON);
    world.lose_events();
    low(&world, "a", GOOD, None).await;
    world.set_time("2026-11-22T12:30:00Z");
    let mut recharging = pin!(world.recharge_sent_at("a", NOON));
    // It reads the account, opens the payment and creates the object: it is about to note it.
    let held = world.run_to(3, &mut recharging).await.expect_err("it makes more calls");
    assert_eq!(world.recover_at("2026-11-22T12:31:59Z").await.looked_at, 0);
    drop(held);
    bounded(recharging).await;
    let listed: Value = world.operator.get("/v1/accounts/a/purchases?limit=1").await.expect(200);
    assert_eq!(listed["purchases"][0]["status"], "succeeded", "{listed}");
    world.operator.assert_books_balance("a").await;
}
