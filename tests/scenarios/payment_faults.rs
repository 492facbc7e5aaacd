//! Payments under faults (F3-F5, F9, F10, R4, N11), in two ways:
//!
//! - *pairs*: two calls of a history fail, whichever two they are. `FAULT_PAIRS=all` tries all pairs; otherwise one of
//!   [`ONE_PAIR_OF`] is tried;
//! - *random histories*: purchases, recharges, refunds, disputes, messages, and people who come back to old pages, in any order, with
//!   faults among them. `PAYMENT_HISTORIES` says how many, and `PAYMENT_SEED` which is the first.
//!
//! In the end each charge that the card processor has made is one lot, and what it has paid back has left the books once.

mod side;

use std::collections::{BTreeMap, BTreeSet};
use std::env;

use domain::{Currency, Money};
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use local::faults::{Fault, Kind, Target};
use local::queues::Delivery;
use reqwest::Method;
use scenarios::{Answer, World, list, rated};
use serde_json::{Value, json};

use side::{Fate, HAPPENINGS, Object, Side};

const START: &str = "2026-11-22T10:00:00Z";
const CALL: &str = "2026-11-22T09:00:00Z";

/// How a call fails. A death before a call is the same as a death after the call before it.
const KINDS: [Kind; 3] = [Kind::DeathAfter, Kind::LostReply, Kind::Down];

/// How many pairs stand for each other in a usual run.
const ONE_PAIR_OF: usize = 40;

/// How many random histories each test has in a usual run.
const HISTORIES: u64 = 40;

/// A recharge waits for its card's owner for 30 days (R4).
const LONGER_THAN_PEOPLE_HAVE: SignedDuration = SignedDuration::from_hours(24 * 40);

/// More calls than any history makes.
const MANY: usize = 500;

const WANTS_OWNER: &str = "pm_card_authenticationRequired";

/// An account whose payments fail.
struct Till<'a> {
    world: &'a World,
    account: String,
    side: Side<'a>,
}

impl<'a> Till<'a> {
    async fn open(world: &'a World, account: String) -> Self {
        world.account(&account).await;
        let told = json!({ "notificationEmails": [format!("ada@{account}.example")] });
        world.operator.send(Method::PATCH, &format!("/v1/accounts/{account}"), &[], told).await.expect(200);
        Self { world, account, side: Side::of(world) }
    }

    fn path(&self, what: &str) -> String {
        format!("/v1/accounts/{}/{what}", self.account)
    }

    fn now(&self) -> Timestamp {
        self.world.host.machine().clock.now()
    }

    async fn put(&self, what: &str, body: Value) {
        self.world.operator.send(Method::PUT, &self.path(what), &[], body).await.expect(200);
    }

    async fn save_card(&self, token: &str) {
        self.put("payment-method", json!({ "paymentMethod": token })).await;
    }

    async fn turn_on(&self) {
        let on = json!({ "enabled": true, "triggerAmount": "50", "rechargeAmount": "50" });
        self.put("auto-recharge", on).await;
    }

    async fn purchases(&self) -> Vec<Value> {
        let answer = self.world.operator.get(&self.path("purchases?limit=100")).await.expect(200);
        list(&answer, "purchases").to_vec()
    }

    async fn objects(&self) -> Vec<Object> {
        self.side.objects(&self.account).await
    }

    /// A message of the processor that something has moved: `charge` or `repayments`.
    async fn tell(&self, subject: &str, intent: &str, payment: &str) -> bool {
        self.world.tell_here(&self.account, payment, subject, intent).await
    }

    /// A message that the account is low, as the queue delivers it.
    async fn tell_low(&self) {
        self.world.recharge_here(&self.account).await;
    }

    /// Turns auto-recharge off, and lets all that waits for people run out.
    async fn give_up(&self) {
        self.put("auto-recharge", json!({ "enabled": false })).await;
        for _ in 0..2 {
            self.world.recover_at(&(self.now() + LONGER_THAN_PEOPLE_HAVE).to_string()).await;
        }
    }

    /// Asserts that nothing is open, and that nothing was charged, paid back or credited twice or never. Returns the number of charges.
    async fn assert_settled(&self, story: &str) -> usize {
        assert_eq!(self.world.recover().await.looked_at, 0, "{story}: nothing is open");
        let mut charges = BTreeMap::new();
        for Object { id, payment, fate } in self.objects().await {
            assert_ne!(fate, Fate::Payable, "{story}: {id}");
            *charges.entry(payment.to_string()).or_insert(0) += u32::from(fate == Fate::Charged);
        }
        let purchases = self.purchases().await;
        let ids = |list: &[Value]| -> BTreeSet<String> {
            list.iter().map(|purchase| purchase["purchaseId"].as_str().unwrap().to_owned()).collect()
        };
        let (declined, paid): (Vec<_>, Vec<_>) =
            purchases.iter().cloned().partition(|purchase| purchase["status"] == "declined");
        for id in ids(&declined) {
            assert_eq!(charges.remove(&id).unwrap_or_default(), 0, "{story}: {id} was declined");
        }
        for id in ids(&paid) {
            assert_eq!(charges.remove(&id), Some(1), "{story}: {id} was charged");
        }
        charges.retain(|_, charges| *charges > 0);
        assert!(charges.is_empty(), "{story}: charges without a purchase: {charges:?}");

        let receipts = paid.iter().map(|purchase| purchase["receiptNumber"].as_u64().unwrap());
        assert_numbered("receipts", receipts, story);
        let refunds = purchases.iter().filter_map(|purchase| purchase["refunds"].as_array()).flatten();
        let notes = refunds.filter_map(|refund| refund["creditNoteNumber"].as_u64());
        assert_numbered("credit notes", notes, story);
        self.side.assert_books_agree(&self.account).await;
        paid.len()
    }

    /// The mails that have this line with a number, by their numbers.
    async fn numbers_told(&self, line: &str) -> Vec<u64> {
        let path = format!("/_local/mail?to=ada@{}.example", self.account);
        let mails = self.world.operator.get(&path).await.expect(200);
        let texts = mails.as_array().unwrap().iter().map(|mail| mail["text"].as_str().unwrap());
        let numbers = texts.filter_map(|text| text.lines().find_map(|read| read.strip_prefix(line)));
        let mut numbers: Vec<_> = numbers.map(|number| number.trim().parse().unwrap()).collect();
        numbers.sort_unstable();
        numbers
    }
}

/// Asserts that numbers have no gap, and that none is there twice (F8).
fn assert_numbered(what: &str, numbers: impl Iterator<Item = u64>, story: &str) {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_unstable();
    let wanted: Vec<_> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, wanted, "{story}: {what}");
}

/// A flow that pairs of faults are tried on: one act is done, done again, and recovered.
#[derive(Clone, Copy, Debug)]
enum Flow {
    /// A person buys.
    Purchase,
    /// Auto-recharge charges the card.
    Recharge,
    /// The card is declined, and the backup is charged.
    Backup,
    /// A recharge waits for the card's owner, who comes.
    Confirmation,
    /// The operator refunds what is unspent.
    Refund,
    /// The processor says that a card's owner has confirmed.
    Charged,
    /// The processor says that a charge is disputed.
    Disputed,
    /// The processor says that the bank has decided for us.
    Won,
}

impl Flow {
    /// Prepares the act, without a fault. Answers with the purchase and the processor's object, if there are any.
    async fn prepare(self, till: &Till<'_>) -> (String, String) {
        let operator = &till.world.operator;
        match self {
            Self::Purchase => {}
            Self::Recharge => till.turn_on().await,
            Self::Backup => {
                let cards =
                    json!({ "paymentMethod": "pm_card_chargeDeclined", "backup": "pm_card_mastercard" });
                till.put("payment-method", cards).await;
                till.turn_on().await;
            }
            Self::Confirmation => {
                till.save_card(WANTS_OWNER).await;
                till.turn_on().await;
                till.tell_low().await;
            }
            Self::Refund | Self::Disputed => {
                operator.buy(&till.account, "k", json!({ "amount": "100" })).await.expect(201);
                operator.debit(&till.account, &[rated("spent", CALL, "40")]).await.expect(200);
            }
            Self::Won => {
                operator.buy(&till.account, "k", json!({ "amount": "100" })).await.expect(201);
            }
            Self::Charged => {
                till.save_card(WANTS_OWNER).await;
                operator.buy(&till.account, "k", json!({ "amount": "50" })).await.expect(202);
            }
        }
        let Some(object) = till.objects().await.pop() else { return (String::new(), String::new()) };
        match self {
            Self::Charged => till.side.decide(&object.id, true).await,
            Self::Disputed | Self::Won => {
                let sandbox = till.world.host.machine().functions.sandbox();
                let eur = Currency::parse("EUR").unwrap();
                let amount = Money::of_minor_units(10_000, eur);
                let dispute = sandbox.dispute(&object.id, amount, false).await.unwrap();
                if matches!(self, Self::Won) {
                    assert!(till.tell("repayments", &object.id, object.payment.as_str()).await);
                    sandbox.end_dispute(&dispute, Money::zero(eur)).await.unwrap();
                }
            }
            _ => {}
        }
        (object.payment.to_string(), object.id)
    }

    /// Does it. It may die, and then goes no further.
    async fn act(self, till: &Till<'_>, purchase: &str, object: &str) {
        match self {
            Self::Purchase => {
                till.world.buy_here(&till.account, "k", json!({ "amount": "50" })).await;
            }
            Self::Recharge | Self::Backup => {
                till.world.try_recharge_here(&till.account).await;
            }
            Self::Confirmation => {
                till.world.confirm_here(&till.account, purchase).await;
            }
            Self::Refund => {
                till.world.refund_here(&till.account, purchase, "r").await;
            }
            Self::Charged => {
                till.tell("charge", object, purchase).await;
            }
            Self::Disputed | Self::Won => {
                till.tell("repayments", object, purchase).await;
            }
        }
    }

    /// Lets people act at the processor's page between two tries, where the flow has such a page.
    async fn between(self, till: &Till<'_>, object: &str) {
        if matches!(self, Self::Confirmation) {
            till.side.decide(object, true).await;
        }
    }

    /// Asserts that the act was done once or not at all, and returns whether it was done. A message is handled in any case.
    async fn assert_done(self, till: &Till<'_>, charges: usize, story: &str) -> bool {
        let rows = till.world.operator.transactions(&till.account).await;
        let of_kind = |kind: &str| -> Vec<_> {
            let rows = rows.iter().filter(|row| row["kind"] == kind);
            rows.map(|row| row["amount"].as_str().unwrap().to_owned()).collect()
        };
        match self {
            Self::Disputed => {
                assert_eq!(of_kind("dispute"), ["-60.0000"], "{story}: what was unspent is frozen, once");
                true
            }
            Self::Won => {
                assert_eq!(of_kind("dispute"), ["100.0000", "-100.0000"], "{story}: it returns once");
                true
            }
            Self::Charged => {
                assert_eq!(charges, 1, "{story}");
                true
            }
            Self::Refund => {
                let moved = of_kind("refund");
                let is_paid = moved == ["-60.0000"];
                assert!(
                    is_paid || moved.is_empty() || moved == ["60.0000", "-60.0000"],
                    "{story}: {moved:?}"
                );
                is_paid
            }
            Self::Purchase | Self::Recharge | Self::Backup | Self::Confirmation => {
                assert!(charges <= 1, "{story}: {charges} charges");
                charges == 1
            }
        }
    }

    /// One history with faults at these calls. Returns the number of calls of its own that it made, and whether it was done.
    async fn run(self, world: &World, account: String, faults: &[(usize, Kind)]) -> (usize, bool) {
        let story = format!("{self:?} {account} {faults:?}");
        let till = Till::open(world, account).await;
        let (purchase, object) = self.prepare(&till).await;
        for &(skip, kind) in faults {
            world.arm(kind, skip, 1);
        }
        // It never fires, and counts the calls.
        world.arm(Kind::Down, MANY, 1);
        world.unless_killed(self.act(&till, &purchase, &object)).await;
        self.between(&till, &object).await;
        world.unless_killed(self.act(&till, &purchase, &object)).await;
        let _ = world.unless_killed(world.try_recover()).await;
        let calls = MANY - world.faults().armed().last().expect("the counter is armed last").skip;
        world.faults().disarm();
        // The processor tells what the functions have not heard of, and recovery runs once more. Refunds and disputes are told again until
        // their payment is closed.
        let is_told = matches!(self, Self::Confirmation | Self::Charged | Self::Disputed | Self::Won);
        if is_told {
            assert!(till.tell("charge", &object, &purchase).await, "{story}");
        }
        world.recover().await;
        till.give_up().await;
        if is_told {
            assert!(till.tell("repayments", &object, &purchase).await, "{story}");
        }
        let charges = till.assert_settled(&story).await;
        (calls, self.assert_done(&till, charges, &story).await)
    }
}

/// Lets every two calls of a flow's history fail.
async fn try_pairs(flow: Flow) {
    let one_of = if env::var("FAULT_PAIRS").is_ok_and(|which| which == "all") { 1 } else { ONE_PAIR_OF };
    let world = World::start().await;
    world.set_time(START);
    world.lose_events();
    let (mut number, mut tried, mut done) = (0, 0, 0);
    for first in 0.. {
        let mut calls = None;
        for second in first + 1.. {
            assert!(second < MANY, "the history ends");
            for one in KINDS {
                for other in KINDS {
                    number += 1;
                    if number % one_of == 0 {
                        let account = format!("a{number}");
                        let (made, was_done) =
                            flow.run(&world, account, &[(first, one), (second, other)]).await;
                        calls = calls.max(Some(made));
                        tried += 1;
                        done += usize::from(was_done);
                    }
                }
            }
            if calls.is_some_and(|calls| second >= calls) {
                break;
            }
        }
        if calls.is_some_and(|calls| first >= calls) {
            break;
        }
    }
    println!("{flow:?}: {tried} pairs of faults, done in {done}");
    assert!(done > 0, "it is done in some of the histories");
}

#[tokio::test]
async fn f5_a_purchase_with_any_two_faults_is_one_lot_or_none() {
    try_pairs(Flow::Purchase).await;
}

#[tokio::test]
async fn r3_a_recharge_with_any_two_faults_is_one_lot_or_none() {
    try_pairs(Flow::Recharge).await;
}

#[tokio::test]
async fn f10_a_recharge_by_the_backup_with_any_two_faults_is_one_lot_or_none() {
    try_pairs(Flow::Backup).await;
}

#[tokio::test]
async fn r4_a_confirmation_with_any_two_faults_is_one_lot_or_none() {
    try_pairs(Flow::Confirmation).await;
}

#[tokio::test]
async fn f9_a_refund_with_any_two_faults_is_paid_once_or_returns() {
    try_pairs(Flow::Refund).await;
}

#[tokio::test]
async fn f5_a_message_of_a_charge_with_any_two_faults_adds_one_lot() {
    try_pairs(Flow::Charged).await;
}

#[tokio::test]
async fn f9_a_message_of_a_dispute_with_any_two_faults_freezes_once() {
    try_pairs(Flow::Disputed).await;
}

#[tokio::test]
async fn f9_a_message_of_a_won_dispute_with_any_two_faults_returns_once() {
    try_pairs(Flow::Won).await;
}

/// A random history of one account.
struct History<'a> {
    till: Till<'a>,
    random: Rng,
    /// The last answer to each key of a purchase that was final: its status and the purchase.
    answered: BTreeMap<String, (u16, String)>,
}

impl History<'_> {
    /// Does one thing, with up to two faults of its own and others around it, and waits for all that follows from it.
    async fn step(&mut self) {
        let choice = self.random.u8(..100);
        let faults: Vec<_> = (0..self.random.usize(..3))
            .map(|_| (self.random.usize(..16), KINDS[self.random.usize(..KINDS.len())]))
            .collect();
        for &(skip, kind) in &faults {
            self.till.world.arm(kind, skip, 1);
        }
        if self.random.u8(..4) == 0 {
            // The processor is down, or its reply is lost, for the host's own functions, which events and messages run.
            let kind = if self.random.bool() { Kind::LostReply } else { Kind::Down };
            let fault =
                Fault { target: Some(Target::Processor), kind, skip: self.random.usize(..3), count: 1 };
            self.till.world.faults().arm(fault);
        }
        if self.random.u8(..4) == 0 {
            self.till.side.disturb(&mut self.random).await;
        }
        println!("{} {choice} {faults:?}", self.till.now());
        match choice {
            0..22 => self.buy().await,
            22..28 => {
                self.till.world.unless_killed(self.till.world.try_recharge_here(&self.till.account)).await;
            }
            28..36 => self.confirm().await,
            36..46 => self.decide().await,
            46..54 => self.refund().await,
            54..62 => self.happen().await,
            62..72 => self.message().await,
            72..80 => {
                let _ = self.till.world.unless_killed(self.till.world.try_recover()).await;
            }
            80..88 => self.spend().await,
            88..92 => self.change_card().await,
            92..96 => self.change_recharge().await,
            _ => self.pass_time(),
        }
        if self.random.bool() {
            self.till.side.tell(&mut self.random).await;
        }
        self.till.world.drain().await;
        self.till.world.faults().disarm();
        self.till.side.calm_down().await;
    }

    /// Buys under one of a few keys, each of which always comes with the same body.
    async fn buy(&mut self) {
        let key = self.random.u32(..6);
        let mut body = json!({ "amount": (50 + key).to_string() });
        // With the other keys it is the saved card.
        if let Some(card) = self.till.side.cards().get(key as usize) {
            body["paymentMethod"] = json!(card);
        }
        let key = format!("k{key}");
        let Till { world, account, .. } = &self.till;
        let Some(answer) = world.unless_killed(world.buy_here(account, &key, body)).await else { return };
        let is_blocked = answer.status == 409 && answer.body["code"] == "tooManyDeclines";
        assert!(is_blocked || [201, 202, 402, 422, 503].contains(&answer.status), "{key}: {answer:?}");
        let purchase = match answer.status {
            201 => &answer.body["purchaseId"],
            402 => &answer.body["purchase"]["purchaseId"],
            _ => return,
        };
        let answer = (answer.status, purchase.as_str().unwrap().to_owned());
        assert_eq!(self.answered.entry(key).or_insert_with(|| answer.clone()), &answer, "a key has one end");
    }

    /// An object of one of its purchases and recharges, however old.
    async fn any_object(&mut self) -> Option<Object> {
        let objects = self.till.objects().await;
        self.random.choice(objects)
    }

    async fn confirm(&mut self) {
        let Some(Object { payment, .. }) = self.any_object().await else { return };
        let Till { world, account, .. } = &self.till;
        let answer = world.unless_killed(world.confirm_here(account, payment.as_str())).await;
        assert_answered(answer, &[200, 404, 409, 503]);
    }

    /// Somebody presses a button of the bank's page, which may be of a payment that is long over.
    async fn decide(&mut self) {
        let Some(object) = self.any_object().await else { return };
        self.till.side.decide(&object.id, self.random.bool()).await;
    }

    async fn refund(&mut self) {
        let Some(Object { payment, .. }) = self.any_object().await else { return };
        let key = format!("r{}", self.random.u8(..3));
        let Till { world, account, .. } = &self.till;
        let answer = world.unless_killed(world.refund_here(account, payment.as_str(), &key)).await;
        assert_answered(answer, &[201, 202, 404, 409, 503]);
    }

    /// Something happens at the processor by itself, if it can. The functions may not come to know of it.
    async fn happen(&mut self) {
        let Some(object) = self.any_object().await else { return };
        let action = self.random.choice(HAPPENINGS).unwrap();
        let amount = self.random.bool().then_some(20);
        self.till.side.happen(&self.till.account, &object, action, amount).await;
    }

    /// A message of the processor about any of its objects, which may be late and may have come before.
    async fn message(&mut self) {
        let Some(Object { id, payment, .. }) = self.any_object().await else { return };
        let subject = if self.random.bool() { "charge" } else { "repayments" };
        self.till.world.unless_killed(self.till.tell(subject, &id, payment.as_str())).await;
    }

    async fn spend(&mut self) {
        let charge = self.random.u8(5..60).to_string();
        let id = format!("r{}", self.random.u64(..));
        let record = rated(&id, &(self.till.now() - SignedDuration::from_mins(1)).to_string(), &charge);
        let answer = self.till.world.operator.debit(&self.till.account, &[record]).await;
        assert!([200, 503].contains(&answer.status), "{answer:?}");
    }

    async fn change_card(&mut self) {
        let mut body = json!({ "paymentMethod": self.random.choice(self.till.side.cards()).unwrap() });
        if self.random.bool() {
            body["backup"] = json!("pm_card_mastercard");
        }
        let path = self.till.path("payment-method");
        let answer = self.till.world.operator.send(Method::PUT, &path, &[], body).await;
        assert_answered(Some(answer), &[200, 503]);
    }

    async fn change_recharge(&mut self) {
        let operator = &self.till.world.operator;
        let answer = if self.random.u8(..3) == 0 {
            operator.post(&self.till.path("auto-recharge/resume"), Value::Null).await
        } else {
            let is_on = self.random.u8(..3) > 0;
            let on = json!({ "enabled": is_on, "triggerAmount": "50", "rechargeAmount": "50" });
            let settings = if is_on { on } else { json!({ "enabled": false }) };
            operator.send(Method::PUT, &self.till.path("auto-recharge"), &[], settings).await
        };
        assert_answered(Some(answer), &[200, 409, 422, 503]);
    }

    fn pass_time(&mut self) {
        let minutes = self.random.choice([1, 3, 70, 25 * 60, 8 * 24 * 60]).unwrap();
        self.till.world.set_time(&(self.till.now() + SignedDuration::from_mins(minutes)).to_string());
    }

    /// Lets all that is open end without a fault. Returns the number of charges.
    async fn end(self) -> usize {
        let story = &self.till.account;
        self.till.give_up().await;
        let world = self.till.world;
        world.set_time(&(self.till.now() + LONGER_THAN_PEOPLE_HAVE).to_string());
        // The processor tells once more what has happened.
        for Object { id, payment, .. } in self.till.objects().await {
            for subject in ["charge", "repayments"] {
                assert!(self.till.tell(subject, &id, payment.as_str()).await, "{story}");
            }
        }
        world.drain().await;
        let charges = self.till.assert_settled(story).await;
        let purchases = self.till.purchases().await;
        let numbers = |numbers: &mut dyn Iterator<Item = &Value>| {
            let mut numbers: Vec<_> = numbers.filter_map(Value::as_u64).collect();
            numbers.sort_unstable();
            numbers
        };
        let receipts = numbers(&mut purchases.iter().map(|purchase| &purchase["receiptNumber"]));
        assert_eq!(self.till.numbers_told("Receipt number: ").await, receipts, "{story}: N1, N7");
        let refunds = purchases.iter().filter_map(|purchase| purchase["refunds"].as_array()).flatten();
        let notes = numbers(&mut refunds.map(|refund| &refund["creditNoteNumber"]));
        assert_eq!(self.till.numbers_told("Credit note number: ").await, notes, "{story}: F9");
        charges
    }
}

fn assert_answered(answer: Option<Answer>, expected: &[u16]) {
    if let Some(answer) = answer {
        assert!(expected.contains(&answer.status), "{answer:?}");
    }
}

fn number_from(setting: &str, usual: u64) -> u64 {
    env::var(setting).map_or(usual, |number| number.parse().expect("a number"))
}

/// Random histories with a queue that delivers messages like this. The seeds of each part of the tests are their own.
async fn try_histories(part: u64, world: World, usual: u64, delivery: Delivery) {
    let (first, count) = (number_from("PAYMENT_SEED", 0), number_from("PAYMENT_HISTORIES", usual));
    world.set_time(START);
    world.host.machine().queues.deliver(delivery);
    let mut charges = 0;
    for seed in first..first + count {
        let account = format!("s{part}-{seed}");
        println!("{account}");
        let till = Till::open(&world, account).await;
        let mut history =
            History { till, random: Rng::with_seed(seed * PARTS + part), answered: BTreeMap::new() };
        for _ in 0..history.random.usize(5..30) {
            history.step().await;
        }
        charges += history.end().await;
    }
    println!("{charges} charges in {count} histories");
    assert!(charges > 0 || count < HISTORIES / 4, "cards are charged at all");
    let summary = world.operator.post("/_local/run/reconcile", Value::Null).await.expect(200);
    assert_eq!((&summary["differences"], &summary["unread"]), (&json!(0), &json!(0)), "{summary}");
}

const PARTS: u64 = 3;

#[tokio::test]
async fn f5_any_history_ends_with_a_lot_for_each_charge() {
    try_histories(0, World::start().await, HISTORIES, Delivery::default()).await;
}

#[tokio::test]
async fn f5_n11_any_history_with_events_twice_and_in_any_order_does() {
    let delivery = Delivery { duplicates: 2, shuffle: true, impatient: true, ..Delivery::default() };
    try_histories(1, World::start().await, HISTORIES, delivery).await;
}

#[tokio::test]
async fn f5_any_history_over_stripe_with_messages_lost_or_twice_does() {
    try_histories(2, World::over_stripe().await, HISTORIES / 4, Delivery::default()).await;
}
