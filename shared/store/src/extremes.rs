//! Every change that a decision makes can be stored and read back, up to the limits of every number (S4).

use domain::adjustment::{self, AdjustmentRequest};
use domain::change::Change;
use domain::debit::Terms;
use domain::money::MAX_UNITS;
use domain::profile::{Author, Card, PaymentMethod};
use domain::purchase::{self, PurchaseLimits, PurchaseRequest};
use domain::recharge::{self, NewSettings, Policy};
use domain::settlement;
use domain::time::{cut_to_second, in_range};
use domain::usage::MAX_DURATION_SECONDS;
use domain::{
    Account, AccountId, BillingModel, CardPayment, Currency, Fingerprint, PaymentId, Pools, Profile,
    RateTable, RecordId, UsageRecord, debit, expiry,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::account_item::{core_from_item, core_to_item};
use crate::entry_item::{entry_from_item, entry_to_item};
use crate::payment_item::{payment_from_item, payment_to_item};
use crate::shapes;

/// A step. Amounts are given in ten-thousandths of the largest amount (`parts`), plus ledger units.
#[derive(Clone, Debug)]
enum Op {
    Debit { parts: u32, units: i64, seconds: u32, revision: u32, records: usize },
    Add { parts: u32, units: i64, expires_in_hours: Option<i64> },
    Take { parts: u32, units: i64 },
    Buy { parts: u32 },
    Recharge,
    Close,
    Sweep,
    Wait { hours: i64 },
}

fn parts() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(10_000), Just(9_999), Just(5_000), 0..=10_000u32]
}

fn units() -> impl Strategy<Value = i64> {
    prop_oneof![Just(-1), Just(0), Just(1), -1_000..1_000i64]
}

fn op() -> impl Strategy<Value = Op> {
    let seconds = prop_oneof![Just(0), Just(MAX_DURATION_SECONDS), 0..=MAX_DURATION_SECONDS];
    let revision = prop_oneof![Just(1), Just(u32::MAX), 1..=u32::MAX];
    let expires_in_hours = proptest::option::of(prop_oneof![Just(1), 1..100_000i64]);
    prop_oneof![
        8 => (parts(), units(), seconds, revision, prop_oneof![1..3usize, 80..95usize]).prop_map(
            |(parts, units, seconds, revision, records)| Op::Debit { parts, units, seconds, revision, records }
        ),
        3 => (parts(), units(), expires_in_hours)
            .prop_map(|(parts, units, expires_in_hours)| Op::Add { parts, units, expires_in_hours }),
        2 => (parts(), units()).prop_map(|(parts, units)| Op::Take { parts, units }),
        2 => parts().prop_map(|parts| Op::Buy { parts }),
        2 => Just(Op::Recharge),
        3 => Just(Op::Close),
        1 => Just(Op::Sweep),
        2 => (0..10_000i64).prop_map(|hours| Op::Wait { hours }),
    ]
}

/// An account, and the state that a caller of the domain keeps beside it.
struct World {
    account: Account,
    profile: Profile,
    policy: Policy,
    now: Timestamp,
    open: Vec<CardPayment>,
    named: u32,
}

impl World {
    fn open(currency: Currency, billing_model: BillingModel, now: Timestamp) -> Self {
        let card = Card { brand: "visa".into(), last4: "4242".into(), exp_month: 12, exp_year: 2034 };
        let method = PaymentMethod { customer: "cus_1".into(), token: "pm_1".into(), card };
        let limits = PurchaseLimits::parse(&format!("{currency}=1..999999999999999")).unwrap();
        let id = AccountId::parse("contoso").unwrap();
        let mut world = Self {
            account: Account::open(id, currency, billing_model, now),
            profile: Profile { payment_method: Some(method), ..Profile::default() },
            policy: Policy { limits, a_day: u32::MAX },
            now,
            open: Vec::new(),
            named: 0,
        };
        let largest = Some(Decimal::from(999_999_999_999_999_i64));
        let on = NewSettings {
            enabled: true,
            trigger: largest,
            amount: largest,
            monthly_limit: None,
            by: Author::new("ada", None),
        };
        if let Ok(decision) =
            recharge::configure(&world.account, &world.profile, now, &on, &world.policy.limits)
        {
            world.take(decision.change);
        }
        world
    }

    fn name(&mut self) -> String {
        self.named += 1;
        format!("n{}", self.named)
    }

    fn amount(&self, parts: u32, units: i64) -> Decimal {
        let digits = self.account.currency.ledger_digits();
        let whole = (MAX_UNITS * Decimal::from(parts) / Decimal::from(10_000)).trunc();
        (whole + Decimal::new(units, digits)).max(Decimal::ZERO)
    }

    /// Applies a change, after asserting that each of its items is read as it was written.
    fn take(&mut self, change: Option<Change>) {
        let Some(change) = change else { return };
        let id = &change.account.id;
        let core = core_to_item(&change.account, &change.events, None);
        assert_eq!(core_from_item(&core).expect("a stored account can be read"), change.account);
        for entry in &change.entries {
            let mut read = entry_from_item(&entry_to_item(id, entry)).expect("a stored entry can be read");
            // The entry that it requires is checked by the commit, and not stored.
            read.requires.clone_from(&entry.requires);
            assert_eq!(read, *entry);
        }
        if let Some(payment) = &change.payment {
            let read = payment_from_item(&payment_to_item(payment)).expect("a stored payment can be read");
            assert_eq!(read, *payment);
            self.open.retain(|open| open.id != payment.id());
            self.open.extend(payment.clone().card().filter(CardPayment::is_open));
        }
        self.account = change.account;
    }

    fn step(&mut self, op: &Op) {
        let (account, now) = (self.account.clone(), self.now);
        match *op {
            Op::Debit { parts, units, seconds, revision, records } => {
                let charge = Some(self.amount(parts, units));
                let record = |world: &mut Self| UsageRecord { charge, revision, ..world.call(seconds) };
                let records: Vec<_> = (0..records).map(|_| record(self)).collect();
                let records: Vec<_> = records.iter().collect();
                let terms = Terms { rates: &RateTable::default(), pools: &Pools::default() };
                let decided = debit::decide(&account, now, &records, &[], terms, &domain::hold::Holds::new());
                self.take(decided.change);
            }
            Op::Add { parts, units, expires_in_hours } => {
                let expires_at = expires_in_hours.map(|hours| now + SignedDuration::from_hours(hours));
                self.adjust(self.amount(parts, units), expires_at.filter(|it| in_range(*it)));
            }
            Op::Take { parts, units } => self.adjust(-self.amount(parts, units), None),
            Op::Buy { parts } => {
                let id = self.name();
                let request = PurchaseRequest {
                    id: PaymentId::parse(&*id).unwrap(),
                    fingerprint: Fingerprint::of([&*id]),
                    amount: self.amount(parts, 0),
                    method: None,
                };
                let opened = purchase::open(&account, &self.profile, now, &request, &self.policy.limits);
                self.take(opened.ok().and_then(|opened| opened.change));
            }
            Op::Recharge => {
                let looked = recharge::look(&account, &self.profile, now, now, &self.policy);
                self.take(looked.change);
            }
            Op::Close => {
                if let Some(payment) = self.open.first() {
                    let closed = settlement::succeed(&account, now, payment, "pi_1").unwrap();
                    self.take(closed.change);
                }
            }
            Op::Sweep => self.take(expiry::sweep(&account, now).change),
            Op::Wait { hours } => {
                let later = now + SignedDuration::from_hours(hours);
                self.now = if in_range(later) { later } else { now };
            }
        }
    }

    fn adjust(&mut self, amount: Decimal, expires_at: Option<Timestamp>) {
        let id = self.name();
        let request = AdjustmentRequest {
            id: PaymentId::parse(&*id).unwrap(),
            fingerprint: Fingerprint::of([&*id]),
            amount,
            reason: "goodwill".into(),
            author: "ada".into(),
            expires_at,
            allow_negative: true,
        };
        let decided = adjustment::decide(&self.account, self.now, &request);
        self.take(decided.ok().and_then(|decided| decided.change));
    }

    fn call(&mut self, seconds: u32) -> UsageRecord {
        let [_, bare] = shapes::records();
        UsageRecord {
            id: RecordId::parse(self.name()).unwrap(),
            started_at: cut_to_second(self.now),
            duration_seconds: seconds,
            ..bare
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s4_every_change_of_a_decision_can_be_read_back(
        code in prop_oneof![Just("EUR"), Just("JPY"), Just("KWD")],
        billing_model in prop_oneof![Just(BillingModel::Prepaid), Just(BillingModel::PostUsage)],
        begins in prop_oneof![Just("2000-01-01T00:00:00Z"), Just("2026-11-22T10:00:00Z"), Just("9000-12-30T00:00:00Z")],
        ops in proptest::collection::vec(op(), 1..120),
    ) {
        let mut world = World::open(Currency::parse(code).unwrap(), billing_model, begins.parse().unwrap());
        for op in &ops {
            world.step(op);
        }
    }
}
