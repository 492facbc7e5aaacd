//! Refunds and disputes (F9, F7, T3), and the worked examples V18 and V19. In random histories the card gets back what the books say
//! it does, and the audit finds nothing.

use std::collections::BTreeMap;

use domain::audit::Audit;
use domain::card_payment::{CardPayment, CardPaymentState, MAX_REPAYMENTS, Repayments};
use domain::dispute::{Dispute, DisputePhase, DisputeState, SeenDispute};
use domain::hold::{HeldSums, Hold, Leg};
use domain::journal::EntryDetails;
use domain::profile::Author;
use domain::recharge::{NewSettings, Safeguard, State};
use domain::refund::{RefundState, RefundStatus, SeenRefund};
use domain::refunding::{Contradiction, RefundRefusal, RefundRequest};
use domain::usage::Number;
use domain::{
    Account, BillingModel, Decision, EntryKind, EventDetails, Fingerprint, Invoice, JournalEntry, Money,
    Payment, PaymentId, Service, disputing, expiry, purchase, recharge, refunding, settlement,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::given::{account, at, call, card_holder, decimal, hours, money, payment_id, purchase_of};
use crate::scenarios::pay_for;

const NOON: &str = "2027-01-10T12:00:00Z";

fn eur(text: &str) -> Money {
    money(text, "EUR")
}

/// An account, its purchases, and everything that was committed on it.
#[derive(Clone)]
struct World {
    account: Account,
    now: Timestamp,
    payments: BTreeMap<PaymentId, CardPayment>,
    invoices: Vec<Invoice>,
    rows: Vec<JournalEntry>,
    events: Vec<EventDetails>,
    calls: u32,
    /// What calls cost, paid by the balance or left to invoices.
    spent: Decimal,
}

impl World {
    fn new(model: BillingModel) -> Self {
        Self {
            account: account("EUR", model, at(NOON)),
            now: at(NOON),
            payments: BTreeMap::new(),
            invoices: Vec::new(),
            rows: Vec::new(),
            events: Vec::new(),
            calls: 0,
            spent: Decimal::ZERO,
        }
    }

    /// A prepaid account with a purchase of this amount, `pur_1`.
    fn with_purchase(amount: &str) -> Self {
        let mut world = Self::new(BillingModel::Prepaid);
        world.buy("pur_1", amount);
        world
    }

    fn commit<T>(&mut self, decision: Decision<T>) -> T {
        let Some(change) = decision.change else { return decision.answer };
        assert_eq!(change.account.version, self.account.version + 1);
        if let Some(Payment::Card(payment)) = change.payment {
            let before = self.payments.insert(payment.id.clone(), payment.clone());
            assert_eq!(payment.revision, before.map_or(1, |before| before.revision + 1));
        }
        let closed = change.closed.iter();
        self.invoices.extend(closed.map(|closed| Invoice::of(&self.account.id, closed, &card_holder())));
        self.account = change.account;
        self.rows.extend(change.entries);
        self.events.extend(change.events);
        decision.answer
    }

    fn buy(&mut self, id: &str, amount: &str) {
        let request = purchase_of(id, decimal(amount));
        let limits = purchase::PurchaseLimits::parse("EUR=1..100000").unwrap();
        // A switch forbids purchases, but not that an earlier one succeeds.
        let model = std::mem::replace(&mut self.account.billing_model, BillingModel::Prepaid);
        let opened = purchase::open(&self.account, &card_holder(), self.now, &request, &limits).unwrap();
        let opened = self.commit(opened);
        self.account.billing_model = model;
        let paid = settlement::succeed(&self.account, self.now, &opened, &format!("pi_{id}")).unwrap();
        self.commit(paid);
    }

    fn spend(&mut self, amount: &str) {
        self.calls += 1;
        let record = call(&format!("c{}", self.calls), self.now, 60, Some(amount));
        self.spent += decimal(amount);
        let charged = pay_for(&self.account, self.now, &[record]);
        self.commit(charged);
    }

    fn pass(&mut self, hours: i64) {
        self.now += SignedDuration::from_hours(hours);
    }

    fn payment(&self, id: &str) -> &CardPayment {
        &self.payments[&payment_id(id)]
    }

    fn open(&mut self, purchase: &str, refund: &str) -> Result<Money, RefundRefusal> {
        let request = RefundRequest {
            id: payment_id(refund),
            fingerprint: Fingerprint::of(["asked"]),
            reason: "cancelled".into(),
            author: "ada".into(),
        };
        let payment = self.payment(purchase).clone();
        let opened = refunding::open(&self.account, &payment, self.now, &request, self.now, None)?;
        let opened = self.commit(opened);
        Ok(opened.repayments().unwrap().refund(&payment_id(refund)).unwrap().amount)
    }

    fn seen(&mut self, purchase: &str, seen: &SeenRefund) -> Result<(), Contradiction> {
        let payment = self.payment(purchase).clone();
        let decision = refunding::follow(&self.account, &payment, self.now, seen)?;
        self.commit(decision);
        Ok(())
    }

    fn give_back(&mut self, purchase: &str, refund: &str) {
        let payment = self.payment(purchase).clone();
        let decision =
            refunding::give_back(&self.account, &payment, self.now, &payment_id(refund), "never sent");
        self.commit(decision);
    }

    fn dispute(&mut self, purchase: &str, amount: &str, phase: DisputePhase) -> Result<(), Contradiction> {
        let seen = SeenDispute { id: "dp_1".into(), amount: eur(amount), reason: "fraudulent".into(), phase };
        self.follow_dispute(purchase, &seen)
    }

    fn follow_dispute(&mut self, purchase: &str, seen: &SeenDispute) -> Result<(), Contradiction> {
        let payment = self.payment(purchase).clone();
        let decision = disputing::follow(&self.account, &payment, self.now, seen)?;
        self.commit(decision);
        Ok(())
    }

    /// The account as text, such as `pur_1 40.0000, owed 1.0000, after use 1.0000`.
    fn stands(&self) -> String {
        let lots = self.account.lots.iter().map(|lot| format!("{} {}", lot.id, lot.remaining));
        let others = [("owed", self.account.owed), ("after use", self.account.post_usage.amount)];
        let others = others.iter().filter(|(_, amount)| !amount.is_zero());
        let parts: Vec<_> = lots.chain(others.map(|(name, amount)| format!("{name} {amount}"))).collect();
        parts.join(", ")
    }

    /// The entries of refunds, disputes and forfeits, each as `refund -40.0000`.
    fn moves(&self) -> Vec<String> {
        let of = |row: &&JournalEntry| {
            matches!(row.details.kind(), EntryKind::Refund | EntryKind::Dispute | EntryKind::Expiry)
        };
        let text = |row: &JournalEntry| format!("{} {}", row.details.kind().as_str(), row.amount);
        self.rows.iter().filter(of).map(text).collect()
    }

    fn told(&self, which: impl Fn(&EventDetails) -> bool) -> usize {
        self.events.iter().filter(|event| which(event)).count()
    }

    /// Checks the books as the audit does, and what the cards have against what the account has.
    fn check(&self) {
        let mut audit = Audit::of(&self.account);
        self.payments.values().for_each(|payment| audit.payment(&Payment::Card(payment.clone())));
        self.invoices.iter().for_each(|invoice| audit.payment(&Payment::Invoice(invoice.clone())));
        self.rows.iter().for_each(|row| audit.row(row));
        assert_eq!(audit.finish(self.account.version), []);
        let sum = |part: fn(&CardPayment) -> Decimal| self.payments.values().map(part).sum::<Decimal>();
        let captured = sum(|payment| payment.amount.amount());
        let refunded =
            sum(|payment| payment.repayments().unwrap().refunded(payment.amount.currency()).amount());
        let disputed = sum(|payment| {
            let disputes = payment.repayments().unwrap().disputes.iter();
            disputes.filter_map(|dispute| dispute.lost().or(dispute.frozen())).map(Money::amount).sum()
        });
        let forfeited: Decimal = self
            .rows
            .iter()
            .filter(|row| matches!(row.details, EntryDetails::Expiry { .. }))
            .map(|row| -row.amount.amount())
            .sum();
        let invoiced: Decimal = self
            .rows
            .iter()
            .filter(|row| matches!(row.details, EntryDetails::Invoice { .. }))
            .map(|row| -row.post_usage.amount())
            .sum();
        let claims = self.account.post_usage.amount.amount() + invoiced;
        assert_eq!(
            self.account.balance().amount() - claims,
            captured - self.spent - refunded - disputed - forfeited,
            "what cards were charged less what they have back, what calls cost and what was forfeited"
        );
    }
}

fn of_processor(id: &str, key: Option<&str>, amount: &str, status: RefundStatus) -> SeenRefund {
    SeenRefund { id: id.into(), key: key.map(str::to_owned), amount: eur(amount), status }
}

fn failed() -> RefundStatus {
    RefundStatus::Failed { reason: "lost_or_stolen_card".into() }
}

// Worked examples.

#[test]
fn v18_a_refund_returns_the_unspent_part_in_minor_units() {
    let mut world = World::with_purchase("100");
    world.spend("30.0050");
    let mut held = world.clone();
    assert_eq!(world.open("pur_1", "ref_1"), Ok(eur("69.99")));
    assert_eq!(world.stands(), "pur_1 0.0050");
    world.check();

    hold(&mut held, "20");
    assert_eq!(held.open("pur_1", "ref_1"), Ok(eur("49.99")));
    assert_eq!(held.stands(), "pur_1 20.0050");
    held.check();
}

/// Sets funds aside for a call in progress (C1).
fn hold(world: &mut World, amount: &str) {
    let leg = Leg {
        call_id: "call-1".into(),
        service: Service::UserOut,
        number: Number::parse("+33123456789").unwrap(),
    };
    let hold = Hold {
        leg,
        user_id: None,
        plan: None,
        user_country: None,
        node: None,
        authorized_at: world.now,
        asked_seconds: 3600,
        granted_seconds: 3600,
        amount: eur(amount),
        minutes: Vec::new(),
        lapses_at: world.now + hours(1),
        counts_since: None,
        version: world.account.version,
    };
    world.account.held = HeldSums::of([&hold]);
}

#[test]
fn v19_a_dispute_freezes_what_is_unspent() {
    let mut opened = World::with_purchase("100");
    arm(&mut opened);
    opened.spend("60");
    opened.dispute("pur_1", "100", DisputePhase::Open).unwrap();
    assert_eq!(opened.stands(), "");
    assert_eq!(opened.account.balance(), eur("0"));
    assert_eq!(opened.account.recharge.state, State::Paused { why: Safeguard::Dispute });
    opened.check();

    let mut lost = opened.clone();
    lost.dispute("pur_1", "100", DisputePhase::Lost { lost: eur("100") }).unwrap();
    assert_eq!(lost.stands(), "owed 60.0000");
    assert_eq!(lost.account.balance(), eur("-60"));
    lost.check();

    let mut won = opened;
    won.dispute("pur_1", "100", DisputePhase::Won).unwrap();
    assert_eq!(won.stands(), "pur_1 40.0000");
    won.check();
    assert_eq!(won.account.recharge.state, State::Paused { why: Safeguard::Dispute }, "until it is resumed");
}

/// Turns auto-recharge on: it adds 50 at 1.
fn arm(world: &mut World) {
    let new = NewSettings {
        enabled: true,
        trigger: Some(decimal("1")),
        amount: Some(decimal("50")),
        monthly_limit: None,
        by: Author::new("ada", None),
    };
    let limits = purchase::PurchaseLimits::parse("EUR=1..100000").unwrap();
    let decision = recharge::configure(&world.account, &card_holder(), world.now, &new, &limits).unwrap();
    world.commit(decision);
}

// Refunds.

#[test]
fn f9_a_refund_goes_from_open_to_paid_and_has_a_credit_note() {
    let mut world = World::with_purchase("100");
    arm(&mut world);
    world.spend("42.10");
    assert_eq!(world.open("pur_1", "ref_1"), Ok(eur("57.90")));
    let [open] = &world.account.open_refunds[..] else { panic!("recovery finds it through the account") };
    assert_eq!((open.id.as_str(), open.payment.as_str()), ("ref_1", "pur_1"));
    assert_eq!(world.account.due_for_recharge(), Some(open.recover_at));
    assert_eq!(world.account.recharge.state, State::Paused { why: Safeguard::Refund });
    for status in [RefundStatus::Pending, RefundStatus::Succeeded, RefundStatus::Pending] {
        world.seen("pur_1", &of_processor("re_1", Some("ref_1"), "57.90", status)).unwrap();
    }
    assert_eq!((world.account.open_refunds.len(), world.account.credit_notes), (0, 1));
    assert_eq!(world.moves(), ["refund -57.9000"], "once");
    let paused_once = world.told(|event| matches!(event, EventDetails::RechargePaused { .. }));
    let told = world.told(|event| {
        matches!(event, EventDetails::FundsRefunded { credit_note_number: 1, recharge_paused: true, .. })
    });
    assert_eq!((paused_once, told), (1, 1));
    world.check();
}

#[test]
fn f9_nothing_is_refunded_where_nothing_can_be() {
    let mut spent = World::with_purchase("100");
    spent.spend("99.9950");
    assert_eq!(spent.open("pur_1", "ref_1"), Err(RefundRefusal::NothingUnspent), "less than a cent is left");
    let mut expired = World::with_purchase("100");
    expired.pass(365 * 24);
    assert_eq!(expired.open("pur_1", "ref_1"), Err(RefundRefusal::NothingUnspent), "the lot has expired");
    let mut disputed = World::with_purchase("100");
    disputed.dispute("pur_1", "30", DisputePhase::Open).unwrap();
    assert_eq!(disputed.open("pur_1", "ref_1"), Err(RefundRefusal::Disputed));
    let mut owing = World::with_purchase("100");
    owing.dispute("pur_1", "100", DisputePhase::Open).unwrap();
    owing.dispute("pur_1", "100", DisputePhase::Lost { lost: eur("100") }).unwrap();
    assert_eq!(owing.open("pur_1", "ref_1"), Err(RefundRefusal::NothingUnspent), "the card has it already");
    let mut twice = World::with_purchase("100");
    twice.open("pur_1", "ref_1").unwrap();
    assert_eq!(twice.open("pur_1", "ref_2"), Err(RefundRefusal::NothingUnspent), "it has been refunded");
    let payment = CardPayment {
        state: CardPaymentState::Declined { reason: "card_declined".into() },
        ..spent.payment("pur_1").clone()
    };
    assert_eq!(
        refunding::refundable(&spent.account, &payment, spent.now, None),
        Err(RefundRefusal::NotCharged)
    );
}

#[test]
fn f9_a_purchase_is_refunded_again_and_again() {
    let mut world = World::with_purchase("100");
    hold(&mut world, "60");
    assert_eq!(world.open("pur_1", "ref_1"), Ok(eur("40")));
    world.pass(2);
    world.spend("10");
    assert_eq!(world.open("pur_1", "ref_2"), Ok(eur("50")));
    for (number, key, amount) in [("re_1", "ref_1", "40"), ("re_2", "ref_2", "50")] {
        world.seen("pur_1", &of_processor(number, Some(key), amount, RefundStatus::Succeeded)).unwrap();
    }
    assert_eq!(world.account.credit_notes, 2);
    assert_eq!(world.stands(), "");
    world.check();
}

#[test]
fn f9_a_debit_that_was_earlier_leaves_less_to_refund() {
    let mut world = World::with_purchase("100");
    world.buy("pur_2", "50");
    assert_eq!(world.open("pur_1", "ref_1"), Ok(eur("100")));
    world.spend("20");
    assert_eq!(world.stands(), "pur_2 30.0000", "calls draw on what is left");
    assert_eq!(world.open("pur_2", "ref_2"), Ok(eur("30")));
    world.check();
}

#[test]
fn f9_a_refund_that_the_processor_never_saw_returns_once() {
    let mut world = World::with_purchase("100");
    world.open("pur_1", "ref_1").unwrap();
    world.spend("10");
    assert_eq!(world.stands(), "owed 10.0000");
    world.give_back("pur_1", "ref_1");
    world.give_back("pur_1", "ref_1");
    assert_eq!(world.stands(), "pur_1 90.0000", "F7: it repays what is owed first");
    assert_eq!(world.moves(), ["refund -100.0000", "refund 100.0000"]);
    assert_eq!(world.account.credit_notes, 0);
    world.check();
}

#[test]
fn f9_a_refund_that_was_given_up_and_arrives_after_all_leaves_once_more() {
    let mut world = World::with_purchase("100");
    world.open("pur_1", "ref_1").unwrap();
    world.give_back("pur_1", "ref_1");
    world.spend("30");
    let seen = of_processor("re_1", Some("ref_1"), "100", RefundStatus::Succeeded);
    world.seen("pur_1", &seen).unwrap();
    world.seen("pur_1", &seen).unwrap();
    assert_eq!(world.stands(), "owed 30.0000");
    assert_eq!(world.account.credit_notes, 1);
    world.seen("pur_1", &of_processor("re_1", Some("ref_1"), "100", failed())).unwrap();
    assert_eq!(world.stands(), "pur_1 70.0000");
    world.check();
}

#[test]
fn f9_a_refund_that_fails_after_it_was_told_comes_back() {
    let mut world = World::with_purchase("100");
    world.open("pur_1", "ref_1").unwrap();
    world.seen("pur_1", &of_processor("re_1", Some("ref_1"), "100", RefundStatus::Succeeded)).unwrap();
    world.pass(21 * 24);
    for _ in 0..2 {
        world.seen("pur_1", &of_processor("re_1", Some("ref_1"), "100", failed())).unwrap();
    }
    // What the processor said before is too late.
    world.seen("pur_1", &of_processor("re_1", Some("ref_1"), "100", RefundStatus::Succeeded)).unwrap();
    assert_eq!(world.stands(), "pur_1 100.0000");
    assert_eq!(world.moves(), ["refund -100.0000", "refund 100.0000"]);
    let told =
        world.told(|event| matches!(event, EventDetails::RefundReturned { credit_note_number: Some(1), .. }));
    assert_eq!(told, 1);
    assert_eq!(world.open("pur_1", "ref_2"), Ok(eur("100")), "it can be refunded again");
    world.check();
}

#[test]
fn s11_what_returns_to_a_lot_whose_late_records_are_over_is_forfeited() {
    let mut world = World::with_purchase("100");
    world.open("pur_1", "ref_1").unwrap();
    world.seen("pur_1", &of_processor("re_1", Some("ref_1"), "100", RefundStatus::Succeeded)).unwrap();
    world.pass(365 * 24 + 71);
    let mut in_time = world.clone();
    in_time.seen("pur_1", &of_processor("re_1", Some("ref_1"), "100", failed())).unwrap();
    assert_eq!(in_time.stands(), "pur_1 100.0000");
    in_time.check();
    world.pass(1);
    world.seen("pur_1", &of_processor("re_1", Some("ref_1"), "100", failed())).unwrap();
    assert_eq!(world.stands(), "");
    assert_eq!(world.moves(), ["refund -100.0000", "refund 100.0000", "expiry -100.0000"]);
    world.check();
}

#[test]
fn f9_a_refund_from_the_dashboard_is_posted_once_and_what_the_lot_lacks_is_owed() {
    let mut world = World::with_purchase("100");
    world.spend("60");
    for status in [RefundStatus::Pending, RefundStatus::Succeeded] {
        world.seen("pur_1", &of_processor("re_9", None, "100", status)).unwrap();
    }
    assert_eq!(world.stands(), "owed 60.0000");
    assert_eq!((world.moves(), world.account.credit_notes), (vec!["refund -100.0000".to_owned()], 1));
    let told = world.told(|event| {
        matches!(event, EventDetails::FundsRefunded { beyond_lot: Some(beyond), .. } if *beyond == eur("60"))
    });
    assert_eq!(told, 1);
    // Somebody repays it, and then the refund fails.
    world.buy("pur_2", "80");
    assert_eq!(world.stands(), "pur_2 20.0000");
    world.pass(24);
    world.seen("pur_1", &of_processor("re_9", None, "100", failed())).unwrap();
    let [first, second, third] = &world.account.lots[..] else { panic!("{}", world.stands()) };
    assert_eq!((first.id.as_str(), first.remaining), ("pur_1", eur("40")), "what the lot gave");
    assert_eq!((second.id.as_str(), second.remaining), ("pur_2", eur("20")));
    assert_eq!(third.remaining, eur("60"), "what was repaid since is a lot of its own");
    world.check();
}

#[test]
fn f9_what_a_lot_lacks_is_post_usage_once_the_switch_is_complete() {
    let mut world = World::new(BillingModel::PostUsage);
    world.buy("pur_1", "100");
    world.spend("60");
    world.seen("pur_1", &of_processor("re_9", None, "100", RefundStatus::Succeeded)).unwrap();
    assert_eq!(world.stands(), "after use 60.0000");
    world.check();
    world.seen("pur_1", &of_processor("re_9", None, "100", failed())).unwrap();
    assert_eq!(world.stands(), "pur_1 40.0000");
    world.check();
}

#[test]
fn f9_the_processor_cannot_contradict_the_books_unnoticed() {
    let mut world = World::with_purchase("100");
    world.open("pur_1", "ref_1").unwrap();
    let differs = world.seen("pur_1", &of_processor("re_1", Some("ref_1"), "99", RefundStatus::Succeeded));
    assert_eq!(differs, Err(Contradiction::Amount { seen: eur("99"), expected: eur("100") }));
    for amount in ["100.01", "0"] {
        let seen = of_processor("re_2", None, amount, RefundStatus::Succeeded);
        let refused = Err(Contradiction::Amount { seen: eur(amount), expected: eur("100") });
        assert_eq!(world.seen("pur_1", &seen), refused);
    }
    assert_eq!(world.seen("pur_1", &of_processor("re_2", None, "5", failed())), Ok(()), "it never was");
    assert_eq!(world.moves(), ["refund -100.0000"]);
}

#[test]
fn f9_a_payment_keeps_so_many_refunds_and_disputes() {
    let mut world = World::with_purchase("1000");
    for number in 0..MAX_REPAYMENTS {
        let seen = of_processor(&format!("re_{number}"), None, "1", RefundStatus::Succeeded);
        world.seen("pur_1", &seen).unwrap();
    }
    let seen = of_processor("re_more", None, "1", RefundStatus::Succeeded);
    assert_eq!(world.seen("pur_1", &seen), Err(Contradiction::TooMany));
    assert_eq!(world.dispute("pur_1", "1", DisputePhase::Open), Err(Contradiction::TooMany));
    assert_eq!(world.open("pur_1", "ref_1"), Err(RefundRefusal::TooMany));
    world.check();
}

// Disputes.

#[test]
fn f9_an_inquiry_moves_nothing() {
    let mut world = World::with_purchase("100");
    for phase in [DisputePhase::Inquiry, DisputePhase::Inquiry] {
        world.dispute("pur_1", "100", phase).unwrap();
    }
    assert_eq!((world.stands(), world.moves()), ("pur_1 100.0000".to_owned(), Vec::new()));
    assert_eq!(world.told(|event| matches!(event, EventDetails::DisputeInquiry { .. })), 1);
    let mut closed = world.clone();
    closed.dispute("pur_1", "100", DisputePhase::InquiryClosed).unwrap();
    assert_eq!(closed.payment("pur_1").repayments().unwrap().disputes[0].state, DisputeState::Dropped);
    assert_eq!(closed.open("pur_1", "ref_1"), Ok(eur("100")));
    closed.check();
    world.dispute("pur_1", "100", DisputePhase::Open).unwrap();
    assert_eq!(world.moves(), ["dispute -100.0000"]);
    world.check();
}

#[test]
fn f9_a_dispute_is_posted_once_in_whatever_order_it_is_seen() {
    let mut world = World::with_purchase("100");
    world.spend("60");
    for phase in [DisputePhase::Open, DisputePhase::Open, DisputePhase::Inquiry, DisputePhase::InquiryClosed]
    {
        world.dispute("pur_1", "100", phase).unwrap();
    }
    for phase in
        [DisputePhase::Lost { lost: eur("100") }, DisputePhase::Open, DisputePhase::Lost { lost: eur("100") }]
    {
        world.dispute("pur_1", "100", phase).unwrap();
    }
    assert_eq!(world.moves(), ["dispute -40.0000", "dispute -60.0000"]);
    assert_eq!(world.dispute("pur_1", "100", DisputePhase::Won), Err(Contradiction::Ended));
    let less = DisputePhase::Lost { lost: eur("90") };
    let contradicts = Contradiction::Amount { seen: eur("90"), expected: eur("100") };
    assert_eq!(world.dispute("pur_1", "100", less), Err(contradicts));
    world.check();
}

#[test]
fn f9_a_dispute_that_is_first_seen_when_it_is_lost_is_posted_whole() {
    let mut world = World::with_purchase("100");
    world.spend("60");
    world.dispute("pur_1", "100", DisputePhase::Lost { lost: eur("100") }).unwrap();
    assert_eq!(world.moves(), ["dispute -40.0000", "dispute -60.0000"]);
    world.check();
    let mut won = World::with_purchase("100");
    won.dispute("pur_1", "100", DisputePhase::Won).unwrap();
    assert!(won.moves().is_empty(), "its funds never left");
    won.check();
}

#[test]
fn f9_a_dispute_that_is_lost_in_part_returns_a_part() {
    // (spent, lost, what stands then)
    let cases = [
        ("60", "100", "owed 60.0000"),
        ("60", "40", ""),
        ("60", "25", "pur_1 15.0000"),
        ("60", "70", "owed 30.0000"),
        ("0.0050", "100", "owed 0.0050"),
    ];
    for (spent, lost, then) in cases {
        let mut world = World::with_purchase("100");
        world.spend(spent);
        world.dispute("pur_1", "100", DisputePhase::Open).unwrap();
        world.dispute("pur_1", "100", DisputePhase::Lost { lost: eur(lost) }).unwrap();
        assert_eq!(world.stands(), then, "{spent} spent, {lost} lost");
        world.check();
    }
}

#[test]
fn f9_a_lost_dispute_is_post_usage_once_the_switch_is_complete() {
    let mut world = World::new(BillingModel::PostUsage);
    world.buy("pur_1", "100");
    world.spend("60");
    world.dispute("pur_1", "100", DisputePhase::Lost { lost: eur("100") }).unwrap();
    assert_eq!(world.stands(), "after use 60.0000");
    world.check();
}

#[test]
fn f9_a_dispute_that_was_won_is_restored_before_a_later_refund() {
    let mut world = World::with_purchase("100");
    world.spend("60");
    world.dispute("pur_1", "100", DisputePhase::Open).unwrap();
    world.dispute("pur_1", "100", DisputePhase::Won).unwrap();
    assert_eq!(world.open("pur_1", "ref_1"), Ok(eur("40")));
    world.check();
}

#[test]
fn f9_a_refund_after_a_lost_dispute_takes_account_of_it() {
    let mut world = World::with_purchase("100");
    world.dispute("pur_1", "30", DisputePhase::Open).unwrap();
    world.dispute("pur_1", "30", DisputePhase::Lost { lost: eur("30") }).unwrap();
    assert_eq!(world.open("pur_1", "ref_1"), Ok(eur("70")));
    assert_eq!(world.stands(), "");
    world.check();
}

#[test]
fn f7_a_dispute_that_is_won_repays_what_is_owed_first() {
    let mut world = World::with_purchase("100");
    world.dispute("pur_1", "100", DisputePhase::Open).unwrap();
    world.spend("30");
    world.dispute("pur_1", "100", DisputePhase::Won).unwrap();
    assert_eq!(world.stands(), "pur_1 70.0000");
    world.check();
}

#[test]
fn f9_a_dispute_of_more_than_was_charged_is_one_of_the_charge() {
    let mut world = World::with_purchase("100");
    world.spend("60");
    world.dispute("pur_1", "100.40", DisputePhase::Open).unwrap();
    world.dispute("pur_1", "100.40", DisputePhase::Lost { lost: eur("100.40") }).unwrap();
    assert_eq!(world.moves(), ["dispute -40.0000", "dispute -60.0000"]);
    world.dispute("pur_1", "100.40", DisputePhase::Lost { lost: eur("100.40") }).unwrap();
    world.check();
}

#[test]
fn f9_a_dispute_in_another_currency_is_a_contradiction() {
    let mut world = World::with_purchase("100");
    let dollars = money("60", "USD");
    let lost = DisputePhase::Lost { lost: dollars };
    let seen = Contradiction::Amount { seen: dollars, expected: eur("60") };
    assert_eq!(world.dispute("pur_1", "60", lost), Err(seen));
    assert!(world.moves().is_empty());
}

#[test]
fn f9_an_inquiry_becomes_a_dispute_of_as_much_as_the_bank_says_then() {
    let mut world = World::with_purchase("100");
    world.dispute("pur_1", "60", DisputePhase::Inquiry).unwrap();
    world.dispute("pur_1", "100", DisputePhase::Open).unwrap();
    assert_eq!(world.moves(), ["dispute -100.0000"]);
    world.check();
}

#[test]
fn f9_a_lost_dispute_takes_what_has_come_back_to_its_lot_meanwhile() {
    for (model, then) in
        [(BillingModel::Prepaid, "owed 20.0000"), (BillingModel::PostUsage, "after use 20.0000")]
    {
        let mut world = World::new(model);
        world.buy("pur_1", "100");
        world.spend("20");
        world.open("pur_1", "ref_1").unwrap();
        world.dispute("pur_1", "100", DisputePhase::Open).unwrap();
        assert_eq!(world.stands(), "");
        world.give_back("pur_1", "ref_1");
        assert_eq!(world.stands(), "pur_1 80.0000");
        world.dispute("pur_1", "100", DisputePhase::Lost { lost: eur("100") }).unwrap();
        assert_eq!(world.stands(), then);
        world.check();
    }
}

// Auto-recharge.

#[test]
fn f9_auto_recharge_stays_paused_until_it_is_resumed() {
    let mut world = World::with_purchase("100");
    arm(&mut world);
    world.open("pur_1", "ref_1").unwrap();
    let policy = recharge::Policy::default();
    let looked = recharge::look(&world.account, &card_holder(), world.now, world.now, &policy);
    assert!(looked.answer.is_none(), "nothing is charged, though nothing is left");
    let resumed = recharge::resume(&world.account, world.now, "ada").unwrap();
    world.commit(resumed);
    assert_eq!(world.account.recharge.state, State::Armed);
    world.dispute("pur_1", "100", DisputePhase::Open).unwrap();
    assert_eq!(world.account.recharge.state, State::Paused { why: Safeguard::Dispute });
}

#[test]
fn r3_a_charge_that_is_open_while_auto_recharge_pauses_is_still_the_only_one() {
    let mut world = World::with_purchase("100");
    arm(&mut world);
    world.spend("99.5");
    let policy =
        recharge::Policy { limits: purchase::PurchaseLimits::parse("EUR=1..100000").unwrap(), a_day: 10 };
    let look = |world: &World| recharge::look(&world.account, &card_holder(), world.now, world.now, &policy);
    let opened = look(&world);
    let open = world.commit(opened).expect("it is low");
    world.dispute("pur_1", "100", DisputePhase::Open).unwrap();
    let resumed = recharge::resume(&world.account, world.now, "ada").unwrap();
    world.commit(resumed);
    let looked = look(&world);
    assert!(looked.answer.is_none(), "one charge is open");
    let paid = settlement::succeed(&world.account, world.now, &open, "pi_2").unwrap();
    world.commit(paid);
    assert_eq!(world.account.recharge.state, State::Armed);
    world.check();
}

// Random histories.

#[derive(Clone, Debug)]
enum Op {
    Buy(u32),
    Spend(u32),
    Pass(i64),
    Sweep,
    Refund(usize),
    /// What the processor says of an open or paid refund.
    Answer(usize, bool),
    GiveUp(usize),
    FromDashboard(usize, u32),
    Dispute(usize, u32),
    End(usize, u32),
    Switch,
}

fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (1_u32..200).prop_map(Op::Buy),
        4 => (1_u32..800_000).prop_map(Op::Spend),
        2 => prop_oneof![0_i64..100, 8_000_i64..9_000].prop_map(Op::Pass),
        1 => Just(Op::Sweep),
        4 => any::<usize>().prop_map(Op::Refund),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(which, ok)| Op::Answer(which, ok)),
        1 => any::<usize>().prop_map(Op::GiveUp),
        1 => (any::<usize>(), 1_u32..200).prop_map(|(which, amount)| Op::FromDashboard(which, amount)),
        2 => (any::<usize>(), 1_u32..200).prop_map(|(which, amount)| Op::Dispute(which, amount)),
        2 => (any::<usize>(), 0_u32..200).prop_map(|(which, lost)| Op::End(which, lost)),
        1 => Just(Op::Switch),
    ]
}

impl World {
    fn step(&mut self, op: &Op) {
        match op {
            Op::Buy(amount) => {
                let id = format!("pur_{}", self.payments.len() + 1);
                self.buy(&id, &amount.to_string());
            }
            Op::Spend(units) => self.spend(&Decimal::new((*units).into(), 4).to_string()),
            Op::Pass(hours) => self.pass(*hours),
            Op::Sweep => {
                let swept = expiry::sweep(&self.account, self.now);
                self.commit(swept);
            }
            Op::Refund(which) => {
                let id = format!("ref_{}", self.rows.len());
                self.on_purchase(*which, |world, purchase| {
                    let before = world.account.available(world.now);
                    if let Ok(amount) = world.open(purchase, &id) {
                        assert!(amount <= before, "only what is unspent");
                        assert!(amount.minor_units().is_some(), "T3: in minor units");
                    }
                });
            }
            Op::Answer(which, succeeds) => self.on_refund(*which, |world, purchase, id, amount| {
                let status = if *succeeds { RefundStatus::Succeeded } else { failed() };
                let seen = of_processor(&format!("re_{id}"), Some(id), &amount.to_string(), status);
                // Seen twice, it changes the books once.
                world.seen(purchase, &seen).unwrap();
                let version = world.account.version;
                world.seen(purchase, &seen).unwrap();
                assert_eq!(world.account.version, version);
            }),
            Op::GiveUp(which) => self.on_refund(*which, |world, purchase, id, _| {
                if world.account.open_refunds.iter().any(|open| open.id.as_str() == id) {
                    world.give_back(purchase, id);
                }
            }),
            Op::FromDashboard(which, amount) => {
                let id = format!("re_dashboard_{}", self.rows.len());
                self.on_purchase(*which, |world, purchase| {
                    let payment = world.payment(purchase);
                    let repayments = payment.repayments().unwrap();
                    let left = payment.amount - repayments.refunded(payment.amount.currency());
                    let amount = eur(&amount.to_string()).min(left);
                    if amount.is_positive() {
                        let seen = of_processor(&id, None, &amount.to_string(), RefundStatus::Succeeded);
                        world.seen(purchase, &seen).unwrap();
                    }
                });
            }
            Op::Dispute(which, amount) => {
                let id = format!("dp_{}", self.rows.len());
                self.on_purchase(*which, |world, purchase| {
                    let amount = eur(&amount.to_string()).min(world.payment(purchase).amount);
                    let seen =
                        SeenDispute { id, amount, reason: "fraudulent".into(), phase: DisputePhase::Open };
                    world.follow_dispute(purchase, &seen).unwrap();
                });
            }
            Op::End(which, lost) => self.on_purchase(*which, |world, purchase| {
                let disputes = &world.payment(purchase).repayments().unwrap().disputes;
                let Some(open) = disputes.iter().find(|dispute| dispute.is_open()).cloned() else { return };
                let lost = eur(&lost.to_string()).min(open.amount);
                let phase = if lost.is_zero() { DisputePhase::Won } else { DisputePhase::Lost { lost } };
                let Dispute { processor_id: id, amount, reason, .. } = open;
                world.follow_dispute(purchase, &SeenDispute { id, amount, reason, phase }).unwrap();
            }),
            Op::Switch => {
                if self.account.billing_model == BillingModel::Prepaid {
                    self.account.billing_model = BillingModel::Switching;
                    let swept = domain::Draft::on(&self.account, self.now).finish(());
                    self.commit(swept);
                }
            }
        }
        self.check();
    }

    fn on_purchase(&mut self, which: usize, act: impl FnOnce(&mut Self, &str)) {
        if !self.payments.is_empty() {
            let id = self.payments.keys().nth(which % self.payments.len()).unwrap().to_string();
            act(self, &id);
        }
    }

    fn on_refund(&mut self, which: usize, act: impl FnOnce(&mut Self, &str, &str, Decimal)) {
        let of = |payment: &CardPayment| {
            let Repayments { refunds, .. } = payment.repayments().unwrap();
            let ours = refunds.iter().filter(|refund| refund.id.as_str().len() < 16);
            let kept = ours.filter(|refund| !refund.is_returned() || refund.payout().is_some());
            kept.map(|refund| (payment.id.to_string(), refund.id.to_string(), refund.amount.amount()))
                .collect::<Vec<_>>()
        };
        let all: Vec<_> = self.payments.values().flat_map(of).collect();
        if !all.is_empty() {
            let (purchase, refund, amount) = &all[which % all.len()];
            act(self, purchase, refund, *amount);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_history_of_refunds_and_disputes_keeps_the_books(ops in prop::collection::vec(any_op(), 1..60)) {
        let mut world = World::with_purchase("100");
        for op in &ops {
            world.step(op);
        }
        let open: Vec<_> = world.payments.values().flat_map(|payment| &payment.repayments().unwrap().refunds).collect();
        for refund in open {
            prop_assert_eq!(
                refund.state == RefundState::Open,
                world.account.open_refunds.iter().any(|open| open.id == refund.id)
            );
        }
    }
}
