//! Random histories of an account. After every step the account, its journal entries and its events are those of the naive model,
//! and all invariants hold.

use std::collections::{BTreeSet, HashMap};

use domain::adjustment::{self, AdjustmentRefusal, AdjustmentRequest};
use domain::change::Change;
use domain::event::{Expiring, UnusedFunds};
use domain::hold::Holds;
use domain::invoicing;
use domain::journal::EntryDetails;
use domain::lot::Draw;
use domain::purchase::{self, PurchaseLimits, PurchaseRefusal};
use domain::settlement;
use domain::time::{LATE_RECORDS, Month};
use domain::usage::Number;
use domain::{
    Account, BillingModel, CardPayment, EventDetails, Fingerprint, JournalKey, Money, Payment, RateTable,
    RecordId, Service, Status, UsageRecord, debit, expiry,
};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rust_decimal::Decimal;

use crate::books::{Books, warning_days};
use crate::given::{account, at, call, card_holder, currency, hours, money, payment_id, priced, purchase_of};
use crate::history::{
    Altered, Closing, Cost, DESTINATIONS, Expiry, Op, Sent, Size, UNIT, Wait, When, any_beginning,
    any_history,
};
use crate::model::{self, Charge, DAY, HOUR, Model, Ms, Price, Refusal, SECOND, Told, Units};

/// The account, the model that must agree with it, and the state that a caller of the domain keeps.
pub(crate) struct World {
    pub(crate) account: Account,
    model: Model,
    pub(crate) books: Books,
    rates: RateTable,
    clock: Ms,
    open: Vec<CardPayment>,
    /// All records that were sent.
    sent: Vec<(UsageRecord, model::Call)>,
    /// The records in the journal, which the store would find there (S2).
    accepted: HashMap<JournalKey, (UsageRecord, model::Call)>,
    named: u32,
    corners: BTreeSet<&'static str>,
}

impl World {
    pub(crate) fn begin((code, billing_model, now): (&str, BillingModel, Timestamp)) -> Self {
        let account = account(code, billing_model, now);
        let digits = account.currency.minor_digits();
        // A dinar is ten units.
        let unit = if code == "KWD" { 10 * UNIT } else { UNIT };
        let prices = prices(if code == "JPY" { 100 } else { 1 });
        let prepaid = billing_model == BillingModel::Prepaid;
        Self {
            rates: published(&prices, code),
            model: Model::new(prepaid, digits, (50 * unit, 100_000 * unit), prices, now.as_millisecond()),
            books: Books::of(&account),
            clock: now.as_millisecond(),
            account,
            open: Vec::new(),
            sent: Vec::new(),
            accepted: HashMap::new(),
            named: 0,
            corners: BTreeSet::new(),
        }
    }

    pub(crate) fn step(&mut self, op: &Op) {
        match op {
            Op::Wait(wait) => self.wait(wait),
            Op::SetBack(minutes) => self.clock -= minutes * 60 * SECOND,
            Op::Open(units) => self.open(*units),
            Op::Close(which, how) => self.close(*which, *how),
            Op::Add(units, expiry) => {
                let expires = match expiry {
                    Expiry::Usual => None,
                    Expiry::In(ms) => Some(self.now() + ms),
                    Expiry::With(which) => self.lot(*which).map(|lot| lot.expires),
                };
                self.adjust(self.scaled(*units), expires, false);
            }
            Op::Take(size, allow_negative) => {
                let units = self.size(*size);
                self.adjust(-units, None, *allow_negative);
            }
            Op::Debit(sent) => self.debit(sent),
            Op::Sweep => self.sweep(),
            Op::SweepAfter(wait) => {
                self.wait(wait);
                self.sweep();
            }
            Op::RunInvoicesAfter(wait) => {
                self.wait(wait);
                self.run_invoices();
            }
            Op::EndInvoice(which, paid) => self.end_invoice(*which, *paid),
        }
        self.agree();
    }

    fn wait(&mut self, wait: &Wait) {
        let ms = match wait {
            Wait::Milliseconds(count) => *count,
            Wait::Minutes(count) => count * 60 * SECOND,
            Wait::Hours(count) => count * HOUR,
            Wait::Days(count) => count * DAY,
            Wait::ForLot { which, hours, off } => {
                self.lot(*which).map_or(0, |lot| lot.expires + hours * HOUR + off - self.clock)
            }
        };
        self.clock += ms.max(0);
    }

    fn open(&mut self, units: Units) {
        let id = self.name("pur");
        let units = self.scaled(units);
        let request = purchase_of(&id, self.decimal(units));
        let limits = PurchaseLimits::default();
        let decided = purchase::open(&self.account, &card_holder(), self.event(), &request, &limits);
        let expected = self.model.open(self.clock, &id, units);
        match (decided, expected) {
            (Ok(decision), Ok(commit)) => {
                self.open.push(decision.answer);
                self.settle(decision.change, Some(&commit));
            }
            (Err(refusal), Err(expected)) => {
                let refusal = match refusal {
                    PurchaseRefusal::BelowMinimum { .. } => Refusal::BelowMinimum,
                    PurchaseRefusal::AboveMaximum { .. } => Refusal::AboveMaximum,
                    PurchaseRefusal::NotChargeable { .. } => Refusal::NotChargeable,
                    PurchaseRefusal::PostUsage => Refusal::PostUsage,
                    other => panic!("refused: {other}"),
                };
                assert_eq!(refusal, expected);
            }
            (decided, expected) => panic!("decided {decided:?}, expected {expected:?}"),
        }
    }

    fn close(&mut self, which: usize, how: Closing) {
        if self.open.is_empty() {
            return;
        }
        let payment = self.open.remove(which % self.open.len());
        let (account, now) = (&self.account, self.event());
        let (id, amount) = (payment.id.as_str(), units(payment.amount));
        let later = now + hours(1);
        let (decision, commit) = match how {
            Closing::Succeeds => {
                let asked = payment.created_at.as_millisecond();
                let commit = self.model.succeed(self.clock, id, asked, amount);
                (settlement::succeed(account, now, &payment, "pi_1"), commit)
            }
            Closing::Declines => {
                let commit = self.model.decline(self.clock, id, amount);
                (settlement::decline(account, now, &payment, "card_declined"), commit)
            }
            Closing::WantsItsOwner => {
                let url = "https://example.com/act";
                let decision = settlement::await_owner(account, now, &payment, "pi_1", url, later);
                (decision, self.model.look_later(self.clock))
            }
            Closing::StaysUnknown => {
                let decision = settlement::still_unknown(account, now, &payment, later);
                (decision, self.model.look_later(self.clock))
            }
        };
        let decision = decision.expect("it was open");
        if decision.answer.is_open() {
            self.open.push(decision.answer);
        }
        self.settle(decision.change, Some(&commit));
    }

    fn adjust(&mut self, units: Units, expires: Option<Ms>, allow_negative: bool) {
        let id = self.name("adj");
        let request = AdjustmentRequest {
            id: payment_id(&id),
            fingerprint: Fingerprint::of([id.as_str()]),
            amount: self.decimal(units),
            reason: "goodwill".into(),
            author: "ada".into(),
            expires_at: expires.map(instant),
            allow_negative,
        };
        let decided = adjustment::decide(&self.account, self.event(), &request);
        match (decided, self.model.adjust(self.clock, &id, units, expires, allow_negative)) {
            (Ok(decision), Ok(commit)) => {
                let last = decision.change.as_ref().and_then(|change| change.entries.last());
                assert_eq!(last, Some(&decision.answer), "the answer is the row");
                self.settle(decision.change, Some(&commit));
            }
            (Err(refusal), Err(expected)) => {
                let refusal = match refusal {
                    AdjustmentRefusal::Zero => Refusal::Zero,
                    AdjustmentRefusal::Expiry => Refusal::Expiry,
                    AdjustmentRefusal::BeyondAvailable { available } => {
                        Refusal::BeyondAvailable(self::units(available))
                    }
                    other => panic!("refused: {other}"),
                };
                assert_eq!(refusal, expected);
            }
            (decided, expected) => panic!("decided {decided:?}, expected {expected:?}"),
        }
    }

    fn debit(&mut self, sent: &[Sent]) {
        let records: Vec<_> = sent.iter().filter_map(|sent| self.record(sent)).collect();
        self.sent.extend(records.iter().cloned());
        // A caller takes out the records that are in the journal or earlier in the request (S2).
        let mut fresh: Vec<&(UsageRecord, model::Call)> = Vec::new();
        for sent in &records {
            let (record, call) = sent;
            if let Some((accepted, first)) = self.accepted.get(&record.key()) {
                let same = record.repeats(accepted, self.account.currency);
                assert_eq!(same, accepted.repeats(record, self.account.currency), "in either order");
                assert_eq!(same, same_call(first, call), "S2: the same call, or a conflict");
            } else if fresh.iter().all(|(other, _)| other.key() != record.key()) {
                fresh.push(sent);
            }
        }
        if fresh.is_empty() {
            return;
        }
        let (records, calls): (Vec<_>, Vec<_>) =
            fresh.iter().map(|(record, call)| (record, call.clone())).unzip();
        let decision =
            debit::decide(&self.account, self.event(), &records, &[], priced(&self.rates), &Holds::new());
        let (commit, outcomes) = self.model.debit(self.clock, &calls);
        assert_eq!(decision.answer.outcomes.iter().map(outcome).collect::<Vec<_>>(), outcomes);
        let one_by_one = self.one_by_one(&records);
        for ((record, call), outcome) in records.into_iter().zip(calls).zip(&outcomes) {
            if !matches!(outcome, model::Outcome::Refused(_)) {
                self.accepted.insert(record.key(), (record.clone(), call));
            }
        }
        self.settle(decision.change, commit.as_ref());
        let changed = |account: &Account| -> Vec<_> {
            account.changed_days.spans().iter().map(|span| span.days).collect()
        };
        assert_eq!(changed(&one_by_one), changed(&self.account), "the same days have changed");
        let together = Account {
            version: one_by_one.version,
            changed_days: one_by_one.changed_days.clone(),
            ..self.account.clone()
        };
        assert_eq!(one_by_one, together, "S3: each record is decided on its own, in order");
    }

    /// The account after these records, each in a request of its own.
    fn one_by_one(&self, records: &[&UsageRecord]) -> Account {
        records.iter().fold(self.account.clone(), |account, record| {
            let decision =
                debit::decide(&account, self.event(), &[record], &[], priced(&self.rates), &Holds::new());
            decision.change.map_or(account, |change| change.account)
        })
    }

    fn sweep(&mut self) {
        let decision = expiry::sweep(&self.account, self.event());
        let commit = self.model.sweep(self.clock);
        let events = decision.change.as_ref().map_or(&[][..], |change| &change.events);
        let count = |lots: fn(&EventDetails) -> usize| events.iter().map(lots).sum::<usize>();
        let booked =
            count(|event| if let EventDetails::FundsExpired(told) = event { told.lots.len() } else { 0 });
        let warned =
            count(|event| if let EventDetails::FundsExpiring(told) = event { told.lots.len() } else { 0 });
        assert_eq!((decision.answer.booked, decision.answer.warned), (booked, warned));
        self.settle(decision.change, commit.as_ref());
        assert!(expiry::sweep(&self.account, self.event()).change.is_none(), "E1: again, nothing changes");
    }

    fn run_invoices(&mut self) {
        let decision = invoicing::look(&self.account, self.event());
        let commit = self.model.run_invoices(self.clock);
        self.settle(decision.change, commit.as_ref());
        let again = invoicing::look(&self.account, self.event());
        assert!(again.change.is_none(), "N12: again, nothing changes");
    }

    fn end_invoice(&mut self, which: usize, paid: bool) {
        if self.model.invoices.is_empty() {
            return;
        }
        let place = which % self.model.invoices.len();
        let invoices = self.books.payments.values().cloned().filter_map(Payment::invoice);
        let mut invoices: Vec<_> = invoices.collect();
        invoices.sort_by_key(|invoice| invoice.closed.number);
        let (invoice, now) = (&invoices[place], self.event());
        let decided = if paid {
            invoicing::pay(&self.account, invoice, now, "bank-1", invoice.closed.issued_at, "ada")
        } else {
            invoicing::void(&self.account, invoice, now, "a mistake", "ada")
        };
        let commit = self.model.end_invoice(self.clock, place, paid);
        match decided {
            Ok(decision) => self.settle(decision.change, commit.as_ref()),
            // It ended in the other way before.
            Err(_) => assert_eq!(commit, None),
        }
    }

    /// Commits the change, if there is one. The model must have made the same commit.
    fn settle(&mut self, change: Option<Change>, expected: Option<&model::Commit>) {
        let said = change.as_ref().map(|change| model::Commit { rows: rows(change), told: told(change) });
        let mut expected = expected.cloned();
        if let Some(commit) = &mut expected {
            commit.told.sort();
        }
        assert_eq!(said, expected);
        if let Some(change) = change {
            self.books.enter(&self.account, &change);
            self.corners.extend(corners(&self.account, &change));
            self.account = change.account;
        }
    }

    /// Asserts that the account agrees with the model.
    fn agree(&self) {
        let (account, model) = (&self.account, &self.model);
        let mut lots: Vec<_> = model.lots.iter().filter(|lot| lot.left > 0).collect();
        lots.sort_by_key(|lot| (lot.expires, &lot.id));
        let lots: Vec<_> = lots
            .iter()
            .map(|lot| (lot.id.as_str(), lot.purchased, lot.expires, lot.amount, lot.left))
            .collect();
        let actual: Vec<_> = account
            .lots
            .iter()
            .map(|lot| {
                let (from, to) = (lot.purchased_at.as_millisecond(), lot.expires_at.as_millisecond());
                (lot.id.as_str(), from, to, units(lot.amount), units(lot.remaining))
            })
            .collect();
        assert_eq!(actual, lots);
        assert_eq!((account.version, account.as_of.as_millisecond()), (model.version, model.as_of));
        assert_eq!((units(account.owed), units(account.post_usage.amount)), (model.owed, model.post_usage));
        assert_eq!(account.post_usage.month, Month::of(account.as_of));
        assert_eq!(account.receipts, model.receipts);
        let mut pending: Vec<_> = account.open_payments.iter().map(|open| open.id.as_str()).collect();
        let mut expected = model.pending.clone();
        pending.sort_unstable();
        expected.sort_unstable();
        assert_eq!(pending, expected);
        let now = instant(self.now());
        assert_eq!(account.balance().to_string(), model.text(model.balance()), "T2");
        assert_eq!(account.available(now).to_string(), model.text(model.available(self.now())), "T2");
        assert_eq!(account.status(now) == Status::Depleted, model.depleted(self.now()), "A3");
        let next = account.next_expiry(now).map(|lot| lot.expires_at.as_millisecond());
        assert_eq!(next, model.next_expiry(self.now()));
        assert_eq!(account.due_for_expiry().map(Timestamp::as_millisecond), model.due_for_expiry(), "E2");
    }

    fn record(&self, sent: &Sent) -> Option<(UsageRecord, model::Call)> {
        let (mut record, mut call) = match sent {
            Sent::New { when, seconds, cost, to } => {
                return Some(self.new_record(when, *seconds, *cost, *to));
            }
            Sent::Again(which, _) => self.sent.get(which % self.sent.len().max(1))?.clone(),
        };
        match sent {
            Sent::New { .. } | Sent::Again(_, Altered::Not) => {}
            // The number does not distinguish calls.
            Sent::Again(_, Altered::Number) => {
                record.number = Number::parse("+33987654321").unwrap();
                call.number = "+33987654321";
            }
            Sent::Again(_, Altered::Seconds) => {
                record.duration_seconds += 1;
                call.seconds += 1;
            }
            Sent::Again(_, Altered::Service) => {
                record.service = Service::ConferenceOut;
                call.service = "conferenceOut";
            }
            Sent::Again(_, Altered::Rates) => {
                let (service, name) = match record.service {
                    Service::UserOut => (Service::Premium, "premium"),
                    Service::Premium => (Service::UserOut, "userOut"),
                    other => (other, call.service),
                };
                (record.service, call.service) = (service, name);
            }
            Sent::Again(_, Altered::Charge) => {
                record.charge = Some(Decimal::ONE);
                record.currency = None;
                call.charge = Charge::Given(units(money("1", self.account.currency.code())));
            }
        }
        Some((record, call))
    }

    fn new_record(&self, when: &When, seconds: u32, cost: Cost, to: usize) -> (UsageRecord, model::Call) {
        let clock = self.clock.div_euclid(SECOND);
        let lasts = i64::from(seconds);
        let start = match when {
            When::Ended(ago) => clock - ago - lasts,
            When::EndedLate(off) => clock - 72 * 3600 + off - lasts,
            When::EndedAtExpiry(which, off) => {
                let end = self.lot(*which).map_or(clock, |lot| lot.expires.div_euclid(SECOND));
                end.min(clock) + off - lasts
            }
            When::Starts(ahead) => clock + ahead,
        };
        let (service, number) = DESTINATIONS[to];
        let too_fine = Decimal::new(15, self.account.currency.ledger_digits() + 1);
        let (charge, charged) = match cost {
            Cost::ToRate => (None, Charge::ToRate),
            Cost::Given(size) => (Some(self.decimal(self.size(size))), Charge::Given(self.size(size))),
            Cost::TooFine => (Some(too_fine), Charge::Bad("charge")),
            Cost::Negative => (Some(-Decimal::ONE), Charge::Bad("charge")),
            Cost::OtherCurrency => (Some(Decimal::ONE), Charge::Bad("currency")),
            Cost::FreeInOtherCurrency => (Some(Decimal::ZERO), Charge::Given(0)),
        };
        let other = matches!(cost, Cost::OtherCurrency | Cost::FreeInOtherCurrency).then(|| currency("USD"));
        let by_rates = ["userOut", "premium"].contains(&service) && self.sent.len() % 2 == 1;
        // The id may be that of an earlier record. With another start it is another record (S2).
        let id = format!("call{}", self.sent.len() + to);
        let record = UsageRecord {
            id: RecordId::parse(&*id).unwrap(),
            revision: 1,
            call_id: None,
            user_id: None,
            service: Service::parse(service).unwrap(),
            service_by_rates: by_rates,
            number: Number::parse(number).unwrap(),
            started_at: Timestamp::from_second(start).unwrap(),
            duration_seconds: seconds,
            charge,
            currency: other,
            plan: None,
            user_country: None,
            cost_centre: None,
            hold_id: None,
        };
        let call = model::Call {
            id,
            start: start * SECOND,
            seconds: lasts,
            service,
            by_rates,
            number,
            charge: charged,
            in_other_currency: other.is_some(),
        };
        (record, call)
    }

    /// The instant of the request or message.
    fn event(&self) -> Timestamp {
        instant(self.clock)
    }

    /// The current instant: never earlier than the account's last change (T1).
    fn now(&self) -> Ms {
        self.clock.max(self.model.as_of)
    }

    fn lot(&self, which: usize) -> Option<&model::Lot> {
        let lots: Vec<_> = self.model.lots.iter().filter(|lot| lot.left > 0).collect();
        (!lots.is_empty()).then(|| lots[which % lots.len()])
    }

    fn size(&self, size: Size) -> Units {
        match size {
            Size::Units(units) => self.scaled(units),
            Size::Available(off) => (self.model.available(self.now()) + off).max(0),
        }
    }

    /// The same amount in the account's ledger units. With five ledger decimals the last one is used as well.
    fn scaled(&self, units: Units) -> Units {
        if self.account.currency.minor_digits() == 3 && units % 100 == 0 {
            units * 10
        } else if self.account.currency.minor_digits() == 3 {
            units * 10 + units % 10
        } else {
            units
        }
    }

    fn decimal(&self, units: Units) -> Decimal {
        Decimal::from_i128_with_scale(units, self.account.currency.ledger_digits())
    }

    fn name(&mut self, prefix: &str) -> String {
        self.named += 1;
        // Ids do not sort in the order of creation, so that no test depends on it.
        format!("{prefix}_{:02x}_{}", self.named * 89 % 256, self.named)
    }
}

/// Whether two records of one key describe the same call (S2): duration, service and charge as they were sent, and whether the
/// currency is another than the account's.
fn same_call(one: &model::Call, other: &model::Call) -> bool {
    let sent = |call: &model::Call| {
        let went_out = call.service == "userOut" || call.service == "premium";
        let service = if went_out && (one.by_rates || other.by_rates) { "out" } else { call.service };
        (call.seconds, service, call.charge, call.in_other_currency)
    };
    sent(one) == sent(other)
}

/// Rare situations in a history: see [`corners`].
const CORNERS: [&str; 24] = [
    "a late record draws on a lot that has expired",
    "a record that is too late draws on usable lots",
    "a call is free",
    "lots that expire together pay one charge",
    "a charge is paid in part after use",
    "a call ends exactly at an expiry",
    "a record comes exactly 72 h late",
    "a call has no rate",
    "funds repay an owed amount",
    "funds arrive after their expiry",
    "an adjustment owes",
    "a lot is forfeited",
    "a lot is forfeited to the millisecond",
    "a month is invoiced",
    "an invoice carries a rest over",
    "an invoice is overdue by 14 days",
    "an invoice is overdue by 30 days",
    "an invoice is paid",
    "an invoice is void",
    "60 days are warned of",
    "30 days are warned of",
    "7 days are warned of",
    "the available balance crosses zero",
    "the available balance becomes exactly zero",
];

/// The rare situations that a commit has reached.
fn corners(before: &Account, change: &Change) -> Vec<&'static str> {
    let after = &change.account;
    let now = after.as_of;
    let mut corners = Vec::new();
    let mut reached = |corner, happened: bool| corners.extend(happened.then_some(corner));
    for row in &change.entries {
        let paid_by = |test: &dyn Fn(&Draw) -> bool| row.draws.iter().any(test);
        match &row.details {
            EntryDetails::Usage { record, charge, .. } => {
                let too_late = now > record.ended_at() + LATE_RECORDS;
                reached(
                    "a late record draws on a lot that has expired",
                    paid_by(&|draw| draw.expires_at <= now),
                );
                reached("a record that is too late draws on usable lots", too_late && !row.draws.is_empty());
                reached("a call is free", charge.is_zero());
                let expiries: Vec<_> = row.draws.iter().map(|draw| draw.expires_at).collect();
                reached(
                    "lots that expire together pay one charge",
                    expiries.windows(2).any(|two| two[0] == two[1]),
                );
                reached(
                    "a charge is paid in part after use",
                    row.post_usage.is_positive() && !row.draws.is_empty(),
                );
                let on_time = before.lots.iter().any(|lot| record.ended_at() == lot.expires_at);
                reached("a call ends exactly at an expiry", on_time);
                reached("a record comes exactly 72 h late", now == record.ended_at() + LATE_RECORDS);
            }
            EntryDetails::Unrated { .. } => reached("a call has no rate", true),
            EntryDetails::Rejected(rejection) => panic!("no history has rejected records: {rejection:?}"),
            EntryDetails::Reversal(_)
            | EntryDetails::Switch
            | EntryDetails::Refund { .. }
            | EntryDetails::RefundReturned { .. }
            | EntryDetails::Dispute { .. }
            | EntryDetails::DisputeEnded { .. } => {
                panic!("no history has reversals, switches, refunds or disputes: {row:?}")
            }
            EntryDetails::Funds { expires_at, .. } => {
                reached("funds repay an owed amount", before.owed.is_positive());
                reached("funds arrive after their expiry", *expires_at <= now);
            }
            EntryDetails::Adjustment { .. } => reached("an adjustment owes", before.owed < after.owed),
            EntryDetails::Expiry { lot, .. } => {
                reached("a lot is forfeited", true);
                let lot = before.lots.iter().find(|other| other.id == *lot);
                reached(
                    "a lot is forfeited to the millisecond",
                    lot.is_some_and(|lot| lot.books_at() == now),
                );
            }
            EntryDetails::Invoice { .. } => {
                reached("a month is invoiced", true);
                reached("an invoice carries a rest over", after.post_usage.amount.minor_units().is_none());
            }
        }
    }
    for event in &change.events {
        match event {
            EventDetails::FundsExpiring(Expiring { days: 60, .. }) => reached("60 days are warned of", true),
            EventDetails::FundsExpiring(Expiring { days: 30, .. }) => reached("30 days are warned of", true),
            EventDetails::FundsExpiring(_) => reached("7 days are warned of", true),
            EventDetails::InvoiceOverdue { days: 14, .. } => {
                reached("an invoice is overdue by 14 days", true);
            }
            EventDetails::InvoiceOverdue { .. } => reached("an invoice is overdue by 30 days", true),
            EventDetails::InvoicePaid { .. } => reached("an invoice is paid", true),
            EventDetails::InvoiceVoided { .. } => reached("an invoice is void", true),
            EventDetails::BalanceDepleted { available } => {
                reached("the available balance crosses zero", available.is_negative());
                reached("the available balance becomes exactly zero", available.is_zero());
            }
            _ => {}
        }
    }
    corners
}

fn rows(change: &Change) -> Vec<model::Row> {
    let row = |row: &domain::JournalEntry| model::Row {
        key: row.key.as_str().replace("#unrated#", "#usage#"),
        at: row.at.as_millisecond(),
        amount: units(row.amount),
        balance: units(row.balance),
        draws: row.draws.iter().map(|draw| (draw.lot.to_string(), units(draw.amount))).collect(),
        post_usage: units(row.post_usage),
    };
    change.entries.iter().map(row).collect()
}

fn told(change: &Change) -> Vec<Told> {
    let mut told: Vec<_> = change.events.iter().flat_map(|it| event(it, change.account.as_of)).collect();
    told.sort();
    told
}

/// An event in the model's terms, which has one for each lot.
fn event(event: &EventDetails, now: Timestamp) -> Vec<Told> {
    match event {
        EventDetails::FundsAdded { payment_id, amount, expires_at, receipt_number, .. } => {
            vec![Told::Added {
                id: payment_id.to_string(),
                amount: units(*amount),
                expires: expires_at.as_millisecond(),
                receipt: *receipt_number,
            }]
        }
        EventDetails::PaymentDeclined { payment_id, amount, .. } => {
            vec![Told::Declined { id: payment_id.to_string(), amount: units(*amount) }]
        }
        EventDetails::BalanceDepleted { available } => vec![Told::Depleted { available: units(*available) }],
        EventDetails::FundsExpiring(Expiring { lots, .. }) => {
            let expiring = |lot: &UnusedFunds| Told::Expiring {
                lot: lot.lot_id.to_string(),
                amount: units(lot.amount),
                expires: lot.expires_at.as_millisecond(),
                days: warning_days(lot.expires_at, now).into(),
            };
            lots.iter().map(expiring).collect()
        }
        EventDetails::FundsExpired(expired) => {
            let of_lot = |lot: &UnusedFunds| Told::Expired {
                lot: lot.lot_id.to_string(),
                amount: units(lot.amount),
                at: lot.expires_at.as_millisecond(),
            };
            expired.lots.iter().map(of_lot).collect()
        }
        EventDetails::InvoiceIssued { number, amount, due_at, .. } => vec![Told::Issued {
            number: place(*number),
            amount: units(*amount),
            due: due_at.as_millisecond(),
        }],
        EventDetails::InvoiceOverdue { number, days, .. } => {
            vec![Told::Overdue { number: place(*number), days: (*days).into() }]
        }
        EventDetails::InvoicePaid { number, .. } => vec![Told::Paid { number: place(*number) }],
        EventDetails::InvoiceVoided { number, .. } => vec![Told::Voided { number: place(*number) }],
        _ => panic!("an event that no history causes: {event:?}"),
    }
}

fn place(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

fn outcome(outcome: &debit::Outcome) -> model::Outcome {
    match outcome {
        debit::Outcome::Charged { charge, .. } => model::Outcome::Charged(units(*charge)),
        debit::Outcome::Unrated => model::Outcome::Unrated,
        debit::Outcome::Invalid(problem) => model::Outcome::Refused(problem.field.to_string()),
    }
}

fn units(money: Money) -> Units {
    let mut amount = money.amount().normalize();
    let digits = money.currency().ledger_digits();
    assert!(amount.scale() <= digits, "T3: {amount} is finer than the ledger");
    amount.rescale(digits);
    amount.mantissa()
}

fn instant(ms: Ms) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

/// Prices whose charges need rounding at the half; two of them follow each other. All are multiplied by `times`.
fn prices(times: i128) -> Vec<Price> {
    let price = |service, prefix, per_minute, fee, (first, next), year| Price {
        service,
        prefix,
        per_minute: per_minute * times,
        fee: fee * times,
        first,
        next,
        from: model::days_before(year, 1, 1) * DAY,
    };
    vec![
        price("userOut", "33", 12_300, 0, (1, 1), 2020),
        price("userOut", "33", 20_000, 50, (60, 60), 2028),
        price("userOut", "336", 350_000, 100_000, (30, 6), 2020),
        price("tollFreeIn", "1800", 45_678, 0, (60, 60), 2028),
    ]
}

fn published(prices: &[Price], code: &str) -> RateTable {
    let row = |price: &Price| {
        let [per_minute, fee] =
            [price.per_minute, price.fee].map(|micros| Decimal::from_i128_with_scale(micros, 6));
        let Price { service, prefix, first, next, from, .. } = price;
        format!("{service},{prefix},Somewhere,,{code},{per_minute},{fee},{first},{next},{}", instant(*from))
    };
    let header = "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,\
                  effectiveFrom";
    let lines: Vec<_> = std::iter::once(header.to_owned()).chain(prices.iter().map(row)).collect();
    rates::read(lines.join("\n").as_bytes()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn every_history_agrees_with_the_model(beginning in any_beginning(), history in any_history()) {
        let mut world = World::begin(beginning);
        for op in &history {
            world.step(op);
        }
    }
}

/// The property above is only as good as the situations that its histories reach.
#[test]
fn histories_reach_every_corner() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for _ in 0..200 {
        let history = (any_beginning(), any_history()).new_tree(&mut runner).unwrap();
        let (beginning, history) = history.current();
        let mut world = World::begin(beginning);
        for op in &history {
            world.step(op);
        }
        reached.extend(world.corners);
    }
    assert_eq!(reached, BTreeSet::from(CORNERS));
}

/// A step in the life of an account, for the comparison of sweeps.
#[derive(Clone, Debug)]
enum Event {
    /// Funds that expire after this many days.
    Funds { amount: u32, days: i64 },
    /// A call that ended this many hours ago.
    Call { amount: u32, hours_ago: i64 },
    /// The operator takes funds back.
    Correction { amount: u32 },
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => (1..500_u32, 1..20_i64).prop_map(|(amount, days)| Event::Funds { amount, days }),
        3 => (1..300_u32, 0..100_i64).prop_map(|(amount, hours_ago)| Event::Call { amount, hours_ago }),
        1 => (1..100_u32).prop_map(|amount| Event::Correction { amount }),
    ]
}

/// Applies the events, each after its hours of waiting, and sweeps before those that are marked, if `sweeping` is set. At the end
/// it sweeps until nothing is due. Returns the account and its journal entries.
fn live(
    billing_model: BillingModel,
    events: &[(i64, bool, Event)],
    sweeping: bool,
) -> (Account, Vec<String>) {
    let mut now = at("2027-01-20T00:00:00Z");
    let mut account = account("EUR", billing_model, now);
    let mut rows = Vec::new();
    let mut commit = |account: &mut Account, change: Option<Change>| {
        let Some(change) = change else { return false };
        rows.extend(
            change
                .entries
                .iter()
                .map(|row| format!("{} {} {} {:?}", row.key, row.amount, row.post_usage, row.draws)),
        );
        *account = change.account;
        true
    };
    for (index, (wait, sweep, event)) in events.iter().enumerate() {
        now += hours(*wait);
        if *sweep && sweeping {
            let swept = expiry::sweep(&account, now).change;
            commit(&mut account, swept);
        }
        let id = format!("adj_{index}");
        let adjust = |amount: Decimal, expires_at| AdjustmentRequest {
            id: payment_id(&id),
            fingerprint: Fingerprint::of([id.as_str()]),
            amount,
            reason: "goodwill".into(),
            author: "ada".into(),
            expires_at,
            allow_negative: false,
        };
        let change = match *event {
            Event::Funds { amount, days } => {
                let request = adjust(amount.into(), Some(now + hours(24 * days)));
                adjustment::decide(&account, now, &request).unwrap().change
            }
            Event::Correction { amount } => {
                let request = adjust(-Decimal::from(amount), None);
                adjustment::decide(&account, now, &request).ok().and_then(|decision| decision.change)
            }
            Event::Call { amount, hours_ago } => {
                let charge = format!("{amount}.0049");
                let record = call(&format!("call{index}"), now - hours(hours_ago), 60, Some(&*charge));
                debit::decide(&account, now, &[&record], &[], priced(&RateTable::default()), &Holds::new())
                    .change
            }
        };
        commit(&mut account, change);
    }
    let last = call("last", now, 0, None);
    let change =
        debit::decide(&account, now, &[&last], &[], priced(&RateTable::default()), &Holds::new()).change;
    commit(&mut account, change);
    loop {
        let swept = expiry::sweep(&account, now).change;
        if !commit(&mut account, swept) {
            break;
        }
    }
    rows.sort();
    (account, rows)
}

proptest! {
    #[test]
    fn e1_the_times_of_sweeps_change_no_entry(
        post_usage in any::<bool>(),
        events in prop::collection::vec((0..60_i64, any::<bool>(), any_event()), 1..40),
    ) {
        let billing_model = if post_usage { BillingModel::PostUsage } else { BillingModel::Prepaid };
        let (swept_often, rows) = live(billing_model, &events, true);
        let (swept_late, same_rows) = live(billing_model, &events, false);
        prop_assert_eq!(rows, same_rows);
        prop_assert_eq!(swept_often.lots, swept_late.lots);
        prop_assert_eq!(swept_often.owed, swept_late.owed);
        prop_assert_eq!(swept_often.post_usage, swept_late.post_usage);
    }
}
