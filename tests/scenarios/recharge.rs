//! Auto-recharge from end to end (R1-R7, F10): one shortfall is one payment, despite lost and repeated events, concurrency and
//! crashes. The processor's own records show the charges.

use std::pin::{Pin, pin};

use domain::{AccountId, PaymentId};
use local::faults::{Kind, Pause, Target};
use reqwest::Method;
use scenarios::{World, bounded, list, rated};
use serde_json::{Value, json};

const NOON: &str = "2026-11-22T12:00:00Z";
const START: &str = "2026-11-22T08:00:00Z";

/// More calls than any recharge makes.
const MANY: usize = 60;

/// An account with 110 EUR and an auto-recharge of 50 at 60.
async fn armed(world: &World, account: &str) {
    world.account(account).await;
    world.operator.buy(account, "first", json!({ "amount": "110" })).await.expect(201);
    set(world, account, json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "50" })).await;
}

async fn set(world: &World, account: &str, settings: Value) -> Value {
    let path = format!("/v1/accounts/{account}/auto-recharge");
    world.operator.send(Method::PUT, &path, &[], settings).await.expect(200)
}

async fn save_card(world: &World, account: &str, card: Value) -> Value {
    let path = format!("/v1/accounts/{account}/payment-method");
    world.operator.send(Method::PUT, &path, &[], card).await.expect(200)
}

async fn spend(world: &World, account: &str, id: &str, amount: &str) {
    let answer = world.operator.debit(account, &[rated(id, START, amount)]).await.expect(200);
    assert_eq!(answer["accepted"], 1, "{answer}");
}

async fn state(world: &World, account: &str) -> String {
    let shown = world.operator.account(account).await;
    shown["autoRecharge"]["state"].as_str().unwrap().to_owned()
}

/// The recharges, newest first, as (status, amount).
async fn recharges(world: &World, account: &str) -> Vec<(String, String)> {
    let listed = world.operator.get(&format!("/v1/accounts/{account}/purchases")).await.expect(200);
    let recharges = list(&listed, "purchases").iter().filter(|purchase| purchase["kind"] == "recharge");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    recharges.map(|recharge| (text(&recharge["status"]), text(&recharge["amount"]))).collect()
}

fn succeeded(amount: &str) -> (String, String) {
    ("succeeded".to_owned(), amount.to_owned())
}

#[tokio::test]
async fn r3_a_debit_far_below_the_trigger_is_one_charge() {
    let world = World::start().await;
    world.set_time(NOON);
    armed(&world, "a").await;
    spend(&world, "a", "r", "170").await;
    world.drain().await;
    assert_eq!(recharges(&world, "a").await, [succeeded("150.0000")]);
    let shown = world.operator.account("a").await;
    assert_eq!((&shown["available"], &shown["autoRecharge"]["state"]), (&json!("90.0000"), &json!("armed")));
    world.operator.assert_books_balance("a").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_twenty_debits_at_once_across_the_trigger_are_one_charge() {
    let world = World::start().await;
    world.set_time(NOON);
    armed(&world, "a").await;
    let debits = (0..20).map(|number| {
        let world = &world;
        async move { spend(world, "a", &format!("r{number}"), "3").await }
    });
    futures_util::future::join_all(debits).await;
    world.drain().await;
    assert_eq!(recharges(&world, "a").await, [succeeded("50.0000")]);
    assert_eq!(world.operator.account("a").await["available"], "100.0000");
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn r3_if_every_event_is_lost_recovery_charges_once() {
    let world = World::start().await;
    world.set_time(NOON);
    world.lose_events();
    armed(&world, "a").await;
    for number in 0..5 {
        spend(&world, "a", &format!("r{number}"), "12").await;
    }
    world.drain().await;
    assert_eq!(recharges(&world, "a").await, []);
    assert_eq!(world.recover_at("2026-11-22T12:09:59Z").await.begun, 0);
    assert_eq!(world.recover_at("2026-11-22T12:10:00Z").await.begun, 1);
    assert_eq!(world.recover_at("2026-11-22T12:15:00Z").await.begun, 0);
    assert_eq!(recharges(&world, "a").await, [succeeded("50.0000")]);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn r3_a_monthly_limit_reduces_the_payment_until_the_next_month() {
    let world = World::start().await;
    world.set_time("2026-11-30T23:50:00Z");
    world.account("a").await;
    world.operator.buy("a", "first", json!({ "amount": "110" })).await.expect(201);
    let settings = json!({
        "enabled": true, "triggerAmount": "60", "rechargeAmount": "50", "monthlyLimit": "120",
    });
    set(&world, "a", settings).await;
    spend(&world, "a", "r", "170").await;
    world.drain().await;
    let limited = world.operator.account("a").await["autoRecharge"].clone();
    assert_eq!((&limited["state"], &limited["why"]), (&json!("limited"), &json!("monthly")));
    assert_eq!(limited["until"], "2026-12-01T00:00:00.000Z");
    assert_eq!(world.recover_at("2026-11-30T23:59:59Z").await.begun, 0);
    world.set_time("2026-12-01T00:00:00Z");
    assert_eq!(world.recover_at("2026-12-01T00:00:00Z").await.begun, 1);
    world.drain().await;
    assert_eq!(recharges(&world, "a").await, [succeeded("50.0000"), succeeded("100.0000")]);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn r4_a_failing_card_is_tried_five_times_despite_debits_in_between() {
    let world = World::start().await;
    world.set_time(NOON);
    armed(&world, "a").await;
    save_card(&world, "a", json!({ "paymentMethod": "pm_card_chargeDeclined" })).await;
    spend(&world, "a", "r", "60").await;
    world.drain().await;
    let attempts = async || {
        let charges = world.operator.get("/_local/charges/a").await.expect(200);
        list(&charges, "charges").iter().filter(|charge| charge["charged"] == false).count()
    };
    assert_eq!((attempts().await, state(&world, "a").await.as_str()), (1, "waiting"));
    for (number, (almost, retry)) in [
        ("2026-11-22T12:59:59Z", "2026-11-22T13:00:00Z"),
        ("2026-11-22T18:59:59Z", "2026-11-22T19:00:00Z"),
        ("2026-11-23T18:59:59Z", "2026-11-23T19:00:00Z"),
        ("2026-11-26T18:59:59Z", "2026-11-26T19:00:00Z"),
    ]
    .into_iter()
    .enumerate()
    {
        // Many debits in between cause no attempt.
        world.set_time(almost);
        let records: Vec<_> =
            (0..250).map(|call| rated(&format!("c{number}-{call}"), START, "0.0001")).collect();
        for batch in records.chunks(25) {
            world.operator.debit("a", batch).await.expect(200);
        }
        world.recover_at(almost).await;
        world.drain().await;
        assert_eq!(attempts().await, number + 1, "before {retry}");
        world.set_time(retry);
        assert_eq!(world.recover_at(retry).await.begun, 1, "{retry}");
        world.drain().await;
        assert_eq!(attempts().await, number + 2, "{retry}");
    }
    let stopped = world.operator.account("a").await["autoRecharge"].clone();
    assert_eq!((&stopped["state"], &stopped["why"]), (&json!("stopped"), &json!("card_declined")));
    world.set_time("2026-12-22T12:00:00Z");
    spend(&world, "a", "late", "1").await;
    world.recover_at("2026-12-22T12:30:00Z").await;
    world.drain().await;
    assert_eq!(attempts().await, 5, "no attempt after the fifth");

    // A new card is charged at once.
    save_card(&world, "a", json!({ "paymentMethod": "pm_card_visa" })).await;
    world.drain().await;
    assert_eq!(recharges(&world, "a").await[0], succeeded("50.0000"));
    assert_eq!(state(&world, "a").await, "armed");
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn f10_a_declined_card_has_its_backup_charged() {
    let world = World::start().await;
    world.set_time(NOON);
    armed(&world, "a").await;
    let cards = json!({ "paymentMethod": "pm_card_chargeDeclined", "backup": "pm_card_mastercard" });
    save_card(&world, "a", cards).await;
    spend(&world, "a", "r", "60").await;
    world.drain().await;
    let listed = world.operator.get("/v1/accounts/a/purchases").await.expect(200);
    let recharge = &list(&listed, "purchases")[0];
    assert_eq!(
        (&recharge["status"], &recharge["card"]["brand"]),
        (&json!("succeeded"), &json!("mastercard"))
    );
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn r4_a_payment_that_needs_the_owner_waits_for_the_confirmation() {
    let world = World::start().await;
    world.set_time(NOON);
    armed(&world, "a").await;
    save_card(&world, "a", json!({ "paymentMethod": "pm_card_authenticationRequired" })).await;
    spend(&world, "a", "r", "60").await;
    world.drain().await;
    assert_eq!(state(&world, "a").await, "needsAction");
    // Unlike a purchase, it is not abandoned after a day.
    for day in 23..30 {
        world.recover_at(&format!("2026-11-{day}T12:00:00Z")).await;
    }
    world.drain().await;
    assert_eq!(state(&world, "a").await, "needsAction");
    let listed = world.operator.get("/v1/accounts/a/purchases").await.expect(200);
    let waiting = &list(&listed, "purchases")[0];
    let id = waiting["purchaseId"].as_str().unwrap();
    let ours = format!("{}/accounts/a/purchases/{id}", world.host.url());
    assert_eq!(waiting["nextAction"]["url"], ours, "the owner was not there, so the bank has no page yet");
    let confirmed = world.operator.confirm("a", id).await.expect(200);
    let url = confirmed["nextAction"]["url"].as_str().unwrap();
    let page = url.strip_prefix(world.host.url()).unwrap();
    assert!(page.starts_with("/_local/authenticate/"), "{page}");
    assert_eq!(world.operator.confirm("a", id).await.expect(200), confirmed, "a second press does no harm");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    world.operator.send_text(Method::POST, page, &form, "decision=approve").await.expect(200);
    world.drain().await;
    assert_eq!(
        (state(&world, "a").await.as_str(), recharges(&world, "a").await),
        ("armed", vec![succeeded("50.0000")])
    );
    let paid = world.operator.confirm("a", id).await.expect(200);
    assert_eq!(paid["status"], "succeeded", "an old page does no harm");
    assert_eq!(world.operator.charges("a").await.len(), 2, "the purchase and one recharge");
    world.operator.assert_books_balance("a").await;
}

/// A low account whose recharge waits for the card's owner. Returns the recharge's id.
async fn waiting_for_owner(world: &World, account: &str) -> String {
    armed(world, account).await;
    save_card(world, account, json!({ "paymentMethod": "pm_card_authenticationRequired" })).await;
    spend(world, account, "r", "60").await;
    world.drain().await;
    assert_eq!(state(world, account).await, "needsAction");
    let listed = world.operator.get(&format!("/v1/accounts/{account}/purchases")).await.expect(200);
    list(&listed, "purchases")[0]["purchaseId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn r4_auto_recharge_stops_if_the_owner_does_not_confirm_in_thirty_days() {
    let world = World::start().await;
    world.set_time(NOON);
    let (lazy, late) = (waiting_for_owner(&world, "lazy").await, waiting_for_owner(&world, "late").await);
    world.set_time("2026-12-22T11:59:59Z");
    let asked = world.operator.confirm("lazy", &lazy).await.expect(200);
    assert_eq!(asked["status"], "needsAction", "the owner turns back at the bank's page");
    // The person comes too late, before the recovery does.
    world.set_time("2026-12-22T12:00:00Z");
    assert_eq!(world.operator.confirm("late", &late).await.expect(200)["status"], "declined");
    world.recover().await;
    world.drain().await;
    for account in ["lazy", "late"] {
        let recharge = &world.operator.account(account).await["autoRecharge"];
        assert_eq!(
            (&recharge["state"], &recharge["why"]),
            (&json!("stopped"), &json!("authentication_required")),
            "{account}"
        );
        assert_eq!(recharges(&world, account).await, [("declined".to_owned(), "50.0000".to_owned())]);
        assert_eq!(world.operator.charges(account).await.len(), 1, "{account}: the purchase alone");
        world.operator.assert_books_balance(account).await;
    }
}

#[tokio::test]
async fn r5_a_recharge_that_was_withdrawn_is_not_charged_by_an_old_page() {
    let world = World::start().await;
    world.set_time(NOON);
    let id = waiting_for_owner(&world, "a").await;
    let intent = world.operator.charges("a").await.len();
    world.take_down(Target::Processor);
    let off = json!({ "enabled": false });
    world.operator.send(Method::PUT, "/v1/accounts/a/auto-recharge", &[], off).await.expect(200);
    world.faults().disarm();
    // The processor could not be asked to cancel it. The old page does that, and charges nothing.
    assert_eq!(world.operator.confirm("a", &id).await.expect(200)["status"], "declined");
    assert_eq!(world.operator.charges("a").await.len(), intent);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn r4_the_owners_confirmation_may_die_at_any_step() {
    let world = World::start().await;
    world.set_time(NOON);
    for (kind, name) in
        [(Kind::DeathBefore, "before"), (Kind::DeathAfter, "after"), (Kind::LostReply, "lost")]
    {
        for step in 0.. {
            assert!(step < MANY, "a confirmation ends");
            let account = format!("{name}-{step}");
            let id = waiting_for_owner(&world, &account).await;
            world.arm(kind, step, 1);
            let first = world.unless_killed(world.confirm_here(&account, &id)).await;
            let is_over = world.faults().armed().len() == 1;
            world.faults().disarm();
            world.recover().await;
            let asked = world.operator.confirm(&account, &id).await.expect(200);
            let page = asked["nextAction"]["url"].as_str().unwrap();
            let page = page.strip_prefix(world.host.url()).unwrap();
            let form = [("content-type", "application/x-www-form-urlencoded")];
            world.operator.send_text(Method::POST, page, &form, "decision=approve").await.expect(200);
            assert_eq!(recharges(&world, &account).await, [succeeded("50.0000")], "{account}: {first:?}");
            assert_eq!(assert_one_charge_at_most(&world, &account, &account).await, 1);
            if is_over {
                break;
            }
        }
    }
}

#[tokio::test]
async fn f10_a_new_card_replaces_the_payment_that_waits_for_the_owner() {
    let world = World::start().await;
    world.set_time(NOON);
    armed(&world, "a").await;
    save_card(&world, "a", json!({ "paymentMethod": "pm_card_authenticationRequired" })).await;
    spend(&world, "a", "r", "60").await;
    world.drain().await;
    save_card(&world, "a", json!({ "paymentMethod": "pm_card_visa" })).await;
    world.drain().await;
    // Both began at the same instant, so their order is not defined.
    let mut shown = recharges(&world, "a").await;
    shown.sort();
    assert_eq!(shown, [("declined".to_owned(), "50.0000".to_owned()), succeeded("50.0000")]);
    assert_eq!(world.operator.charges("a").await.len(), 2, "the purchase and one recharge");
    world.operator.assert_books_balance("a").await;
}

/// Asserts that no payment is open, that the charges are the funds added, and that the shortfall was charged once at most.
/// Returns the number of charges for it.
async fn assert_one_charge_at_most(world: &World, account: &str, story: &str) -> usize {
    let charged = world.operator.charges(account).await.len() - 1;
    assert!(charged <= 1, "{story}: charged {charged} times");
    world.operator.assert_books_balance(account).await;
    assert!(!["charging", "needsAction"].contains(&state(world, account).await.as_str()), "{story}");
    charged
}

/// Kills a recharge with these cards before and after each of its calls in turn, of which there must be more than `more_than`.
/// Recovery completes it.
async fn kill_at_every_step(cards: Value, more_than: usize) {
    let world = World::start().await;
    world.set_time(NOON);
    world.lose_events();
    for (kind, name) in [(Kind::DeathBefore, "before"), (Kind::DeathAfter, "after")] {
        for step in 0.. {
            assert!(step < MANY, "a recharge ends");
            let account = format!("{name}-{step}");
            armed(&world, &account).await;
            save_card(&world, &account, cards.clone()).await;
            spend(&world, &account, "r", "60").await;
            world.drain().await;
            world.arm(kind, step, 1);
            let done = world.unless_killed(world.recharge_here(&account)).await;
            world.faults().disarm();
            for minutes in [10, 15, 20] {
                world.recover_at(&format!("2026-11-22T12:{minutes}:00Z")).await;
            }
            let story = format!("killed {name} call {step}");
            assert_eq!(assert_one_charge_at_most(&world, &account, &story).await, 1, "{story}");
            assert_eq!(world.operator.account(&account).await["available"], "100.0000", "{story}");
            if done.is_some() {
                assert!(step > more_than, "there are more calls than steps, not {step}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn r3_recovery_completes_a_recharge_killed_at_any_step() {
    kill_at_every_step(json!({ "paymentMethod": "pm_card_visa" }), 6).await;
}

#[tokio::test]
async fn f10_recovery_completes_a_recharge_of_the_backup_killed_at_any_step() {
    let cards = json!({ "paymentMethod": "pm_card_chargeDeclined", "backup": "pm_card_visa" });
    kill_at_every_step(cards, 10).await;
}

/// Lets a held recharge go on after auto-recharge was turned off, and asserts that nothing more is charged.
async fn assert_nothing_follows(
    world: &World,
    account: &str,
    held: Option<Pause>,
    recharging: Pin<&mut impl Future<Output = ()>>,
) {
    let charged_by_then = world.operator.charges(account).await.len();
    if let Some(held) = held {
        drop(held);
        bounded(recharging).await;
    }
    world.recover().await;
    let story = format!("{account}: turned off, and then the charge went on");
    assert_one_charge_at_most(world, account, &story).await;
    assert_eq!(world.operator.charges(account).await.len(), charged_by_then, "{story}");
    assert_eq!(state(world, account).await, "off");
}

#[tokio::test]
async fn r5_no_charge_begins_after_turning_off_at_any_step() {
    let world = World::start().await;
    world.set_time(NOON);
    world.lose_events();
    for cards in [
        json!({ "paymentMethod": "pm_card_visa" }),
        json!({ "paymentMethod": "pm_card_chargeDeclined", "backup": "pm_card_visa" }),
    ] {
        let name = if cards["backup"].is_null() { "one" } else { "two" };
        for step in 0.. {
            assert!(step < MANY, "a recharge ends");
            let account = format!("{name}-{step}");
            armed(&world, &account).await;
            save_card(&world, &account, cards.clone()).await;
            spend(&world, &account, "r", "60").await;
            world.drain().await;
            let mut recharging = pin!(world.recharge_here(&account));
            let held = world.run_to(step, &mut recharging).await.err();
            let ended = held.is_none();
            set(&world, &account, json!({ "enabled": false })).await;
            assert_nothing_follows(&world, &account, held, recharging).await;
            if ended {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_no_charge_follows_turning_off_while_the_recharge_goes_on() {
    let world = World::start().await;
    world.set_time(NOON);
    world.lose_events();
    for step in 0.. {
        assert!(step < MANY, "a request ends");
        let mut ended = false;
        for steps_meanwhile in 0..5 {
            let account = format!("a-{step}-{steps_meanwhile}");
            armed(&world, &account).await;
            spend(&world, &account, "r", "60").await;
            world.drain().await;
            let mut recharging = pin!(world.recharge_here(&account));
            let held = world.run_to(2, &mut recharging).await.expect_err("its next call creates the object");
            let mut turning_off = pin!(world.turn_off_here(&account));
            let held_off = world.run_to(step, &mut turning_off).await.err();
            drop(held);
            let held = world.run_to(steps_meanwhile, &mut recharging).await.err();
            ended = held_off.is_none();
            if let Some(held_off) = held_off {
                drop(held_off);
                bounded(turning_off).await;
            }
            assert_nothing_follows(&world, &account, held, recharging).await;
        }
        if ended {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_the_backup_is_charged_once_if_the_refusal_is_handled_twice() {
    let world = World::start().await;
    world.set_time(NOON);
    for step in 0.. {
        assert!(step < MANY, "a recharge ends");
        let account = format!("a-{step}");
        armed(&world, &account).await;
        let cards = json!({ "paymentMethod": "pm_card_authenticationRequired", "backup": "pm_card_visa" });
        save_card(&world, &account, cards).await;
        spend(&world, &account, "r", "60").await;
        world.drain().await;
        assert_eq!(state(&world, &account).await, "needsAction");
        let machine = world.host.machine();
        let (functions, now) = (&machine.functions, machine.clock.now());
        let id = AccountId::parse(&account).unwrap();
        let records = functions.sandbox().records(&id).await.unwrap();
        let asked = records.iter().find(|record| record.key.starts_with("rch_")).expect("a recharge");
        let payment = PaymentId::parse(asked.key.split(':').next().unwrap()).unwrap();
        world.operator.confirm(&account, payment.as_str()).await.expect(200);
        functions.sandbox().authenticate(&asked.id, false).await.unwrap();

        let mut told = pin!(functions.payment_moved(&id, &payment, now));
        let held = world.run_to(step, &mut told).await.err();
        functions.payment_moved(&id, &payment, now).await.unwrap();
        let ended = held.is_none();
        if let Some(held) = held {
            drop(held);
            bounded(told).await.unwrap();
        }
        world.drain().await;
        assert_eq!(
            recharges(&world, &account).await,
            [succeeded("50.0000")],
            "handled again after {step} calls"
        );
        assert_eq!(state(&world, &account).await, "armed");
        if ended {
            break;
        }
    }
}

#[tokio::test]
async fn f10_a_new_card_at_any_step_is_still_one_charge() {
    let world = World::start().await;
    world.set_time(NOON);
    world.lose_events();
    for step in 0.. {
        assert!(step < MANY, "a recharge ends");
        let account = format!("a-{step}");
        armed(&world, &account).await;
        spend(&world, &account, "r", "60").await;
        world.drain().await;
        let mut recharging = pin!(world.recharge_here(&account));
        let held = world.run_to(step, &mut recharging).await.err();
        save_card(&world, &account, json!({ "paymentMethod": "pm_card_mastercard" })).await;
        let ended = held.is_none();
        if let Some(held) = held {
            drop(held);
            bounded(recharging).await;
        }
        world.recharge_here(&account).await;
        world.recover().await;
        let story = format!("a new card after {step} calls");
        assert_eq!(assert_one_charge_at_most(&world, &account, &story).await, 1, "{story}");
        if ended {
            break;
        }
    }
}

#[tokio::test]
async fn r3_an_unknown_outcome_is_resolved_to_one_lot() {
    let world = World::start().await;
    world.set_time(NOON);
    armed(&world, "a").await;
    save_card(&world, "a", json!({ "paymentMethod": "pm_sandbox_timeout" })).await;
    spend(&world, "a", "r", "60").await;
    world.drain().await;
    assert_eq!(state(&world, "a").await, "charging");
    spend(&world, "a", "s", "1").await;
    world.drain().await;
    assert_eq!(recharges(&world, "a").await.len(), 1, "no payment begins while another is open");
    world.recover_at("2026-11-22T12:02:00Z").await;
    world.drain().await;
    assert_eq!(recharges(&world, "a").await, [succeeded("50.0000")]);
    assert_eq!(state(&world, "a").await, "armed");
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn r1_settings_are_refused_with_the_field_that_is_wrong() {
    let world = World::start().await;
    world.set_time(NOON);
    world.account("a").await;
    let path = "/v1/accounts/a/auto-recharge";
    let before = world.operator.account("a").await;
    for (settings, field) in [
        (json!({ "enabled": true }), "triggerAmount"),
        (json!({ "enabled": true, "triggerAmount": "60" }), "rechargeAmount"),
        (json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "49.99" }), "rechargeAmount"),
        (json!({ "enabled": true, "triggerAmount": "0", "rechargeAmount": "50" }), "triggerAmount"),
        (
            json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "60", "monthlyLimit": "50" }),
            "monthlyLimit",
        ),
        (json!({ "enabled": "yes" }), "enabled"),
        (json!({ "enabled": true, "triggerAmount": 60, "rechargeAmount": "50" }), "triggerAmount"),
        (json!({ "enabled": false, "trigger": "60" }), "trigger"),
    ] {
        let problem = world.operator.send(Method::PUT, path, &[], settings.clone()).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], field, "{settings}");
    }
    let viewer = world.client("viewer", &["a"]);
    viewer.send(Method::PUT, path, &[], json!({ "enabled": false })).await.problem(403);
    world.operator.post(&format!("{path}/resume"), Value::Null).await.problem(409);
    assert_eq!(world.operator.account("a").await, before, "nothing changed");

    let account = json!({ "accountId": "cardless", "name": "cardless", "currency": "EUR" });
    world.operator.post("/v1/accounts", account).await.expect(201);
    let on = json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "50" });
    world
        .operator
        .send(Method::PUT, "/v1/accounts/cardless/auto-recharge", &[], on.clone())
        .await
        .problem(409);
    let post_usage = json!({
        "accountId": "later", "name": "later", "currency": "EUR", "billingModel": "postUsage",
    });
    world.operator.post("/v1/accounts", post_usage).await.expect(201);
    save_card(&world, "later", json!({ "paymentMethod": "pm_card_visa" })).await;
    world.operator.send(Method::PUT, "/v1/accounts/later/auto-recharge", &[], on).await.problem(409);
}
