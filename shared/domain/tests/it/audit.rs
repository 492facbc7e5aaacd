//! The audit finds nothing in the books of a random history, even if it reads them while the history goes on. It finds every
//! damage done to them.

use domain::audit::{Audit, Finding, MAX_FINDINGS};
use domain::card_payment::{CardPayment, CardPaymentState, Repayments};
use domain::invoice::{Invoice, InvoiceState, UnpaidInvoice, Voided};
use domain::journal::EntryDetails;
use domain::lot::Draw;
use domain::{Account, BillingModel, JournalEntry, JournalKey, Money, Payment, PaymentId};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rust_decimal::Decimal;

use crate::given::{currency, hours};
use crate::history::{Op, any_beginning, any_history};
use crate::property::World;

/// The contents of the tables for one account.
#[derive(Clone)]
struct Tables {
    account: Account,
    payments: Vec<Payment>,
    rows: Vec<JournalEntry>,
}

impl Tables {
    fn of(world: &World) -> Self {
        let mut payments: Vec<_> = world.books.payments.values().cloned().collect();
        payments.sort_by_key(Payment::id);
        // A query of the journal returns entries by key, newest first.
        let mut rows = world.books.rows.clone();
        rows.sort_by(|one, two| two.key.cmp(&one.key));
        Self { account: world.account.clone(), payments, rows }
    }

    /// The findings of two audits of tables that do not change between them.
    fn findings(&self) -> Vec<Finding> {
        let first = look(Audit::of(&self.account), self, self, self);
        look(Audit::again(&self.account, &first), self, self, self)
    }
}

/// The tables at the beginning of a history and after each of its steps.
fn live(beginning: (&'static str, BillingModel, Timestamp), history: &[Op]) -> Vec<Tables> {
    let mut world = World::begin(beginning);
    let mut states = vec![Tables::of(&world)];
    for op in history {
        world.step(op);
        states.push(Tables::of(&world));
    }
    states
}

/// Continues an audit: reads payments, then journal entries, then the account's version, each from its own state of the tables.
fn look(mut audit: Audit<'_>, payments: &Tables, rows: &Tables, latest: &Tables) -> Vec<Finding> {
    payments.payments.iter().for_each(|payment| audit.payment(payment));
    rows.rows.iter().for_each(|row| audit.row(row));
    let version = if audit.is_behind() { latest.account.version } else { 0 };
    audit.finish(version)
}

proptest! {
    // Each case audits every state of its history, so that fewer cases are enough.
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_audit_finds_nothing_after_any_history(beginning in any_beginning(), history in any_history()) {
        for tables in live(beginning, &history) {
            prop_assert_eq!(look(Audit::of(&tables.account), &tables, &tables, &tables), []);
        }
    }

    /// Later entries do not distort the sums, so a first audit of an account that keeps changing is enough. Only a payment that
    /// opens or closes between the reads needs a second one.
    #[test]
    fn a_first_audit_leaves_out_later_entries(beginning in any_beginning(), history in any_history()) {
        let states = live(beginning, &history);
        let last = states.last().expect("there is a beginning");
        for tables in &states {
            let found = look(Audit::of(&tables.account), last, last, last);
            let are_open = |finding: &Finding| ["listedNotOpen", "openNotListed"].contains(&finding.name());
            prop_assert!(found.iter().all(are_open), "{:?}", found);
        }
    }
}

proptest! {
    /// Each read of the two audits is at another moment of the history. The first audit may miss the entries of the account's
    /// latest commit, as an eventually consistent read does.
    #[test]
    fn an_account_that_changes_during_the_audit_has_no_findings(
        beginning in any_beginning(),
        history in any_history(),
        moments in prop::collection::vec(any::<prop::sample::Index>(), 8),
        shown in any::<bool>(),
    ) {
        let states = live(beginning, &history);
        let mut moments: Vec<_> = moments.iter().map(|moment| moment.index(states.len())).collect();
        moments.sort_unstable();
        let [account, payments, rows, latest, again @ ..] = &*moments else { panic!("eight moments") };
        let mut seen = states[*rows].clone();
        if !shown {
            let version = states[*account].account.version;
            seen.rows.retain(|row| row.version != version);
        }
        let audit = Audit::of(&states[*account].account);
        let first = look(audit, &states[*payments], &seen, &states[*latest]);
        let [account, payments, rows, latest] = again else { panic!("four moments") };
        let audit = Audit::again(&states[*account].account, &first);
        let second = look(audit, &states[*payments], &states[*rows], &states[*latest]);
        prop_assert_eq!(second, []);
    }
}

/// A damage to the books: its description, a finding that it must cause, and the change, which returns `None` if the books have
/// nothing to damage in this way.
type Damage = (&'static str, &'static str, fn(&mut Tables, usize) -> Option<()>);

const DAMAGES: [Damage; 47] = [
    ("a row's amount", "sum", |tables, pick| {
        let row = any_of(&mut tables.rows, pick, |_| true)?;
        row.amount = more(row.amount);
        Some(())
    }),
    ("a row's balance", "balance", |tables, pick| {
        let row = any_of(&mut tables.rows, pick, |_| true)?;
        row.balance = more(row.balance);
        Some(())
    }),
    ("a row that moved money is gone", "sum", |tables, pick| {
        let key = any_of(&mut tables.rows, pick, |row| !row.amount.is_zero())?.key.clone();
        tables.rows.retain(|row| row.key != key);
        Some(())
    }),
    ("a row is gone from the middle of its commit", "sequence", |tables, pick| {
        let rows = tables.rows.clone();
        let next = |row: &JournalEntry| (row.version, row.sequence + 1);
        let has_next =
            |row: &JournalEntry| rows.iter().any(|other| (other.version, other.sequence) == next(row));
        let key = any_of(&mut tables.rows, pick, has_next)?.key.clone();
        tables.rows.retain(|row| row.key != key);
        Some(())
    }),
    ("a row stands twice", "sequence", |tables, pick| {
        let row = any_of(&mut tables.rows, pick, |_| true)?;
        let key = JournalKey::from_stored(format!("{}#again", row.key));
        let again = JournalEntry { key, ..row.clone() };
        tables.rows.push(again);
        Some(())
    }),
    ("a row's place", "sequence", |tables, pick| {
        any_of(&mut tables.rows, pick, |_| true)?.sequence += 1;
        Some(())
    }),
    ("a row's version is another one's", "sequence", |tables, pick| {
        let first = tables.rows.iter().map(|row| row.version).min()?;
        any_of(&mut tables.rows, pick, |row| row.version > first && row.sequence == 0)?.version = first;
        Some(())
    }),
    ("the account is an older one", "ahead", |tables, _| {
        tables.account.version = tables.rows.iter().map(|row| row.version).max()? - 1;
        Some(())
    }),
    ("a row draws on another lot", "lot", |tables, pick| {
        let row = any_of(&mut tables.rows, pick, |row| !row.draws.is_empty())?;
        row.draws[0].lot = domain::LotId::parse("pur_none").unwrap();
        Some(())
    }),
    ("a row draws less", "lot", |tables, pick| {
        let row = any_of(&mut tables.rows, pick, |row| !row.draws.is_empty())?;
        row.draws.pop();
        Some(())
    }),
    ("a row draws more", "lot", |tables, pick| {
        let row = any_of(&mut tables.rows, pick, |row| !row.draws.is_empty())?;
        let draw = row.draws[0].clone();
        row.draws.push(Draw { amount: unit(draw.amount), ..draw });
        Some(())
    }),
    ("a row's post-usage", "postUsage", |tables, pick| {
        let row = any_of(&mut tables.rows, pick, |_| true)?;
        row.post_usage = more(row.post_usage);
        Some(())
    }),
    ("the account's post-usage", "postUsage", |tables, _| {
        tables.account.post_usage.amount = more(tables.account.post_usage.amount);
        Some(())
    }),
    ("a lot's funds", "lot", |tables, pick| {
        let lot = any_of(&mut tables.account.lots, pick, |lot| lot.remaining < lot.amount)?;
        lot.remaining = more(lot.remaining);
        Some(())
    }),
    ("a lot's funds, and as much is owed", "owed", |tables, pick| {
        let lot = any_of(&mut tables.account.lots, pick, |lot| lot.remaining < lot.amount)?;
        lot.remaining = more(lot.remaining);
        tables.account.owed = more(tables.account.owed);
        Some(())
    }),
    ("funds are in the wrong lot", "lot", |tables, _| {
        let one = any_of(&mut tables.account.lots, 0, |lot| lot.remaining < lot.amount)?;
        one.remaining = more(one.remaining);
        let id = one.id.clone();
        let two =
            any_of(&mut tables.account.lots, 0, |lot| lot.id != id && lot.remaining > unit(lot.amount))?;
        two.remaining = two.remaining - unit(two.remaining);
        Some(())
    }),
    ("a lot has more than it began with", "unsound", |tables, pick| {
        let lot = any_of(&mut tables.account.lots, pick, |_| true)?;
        lot.remaining = more(lot.amount);
        Some(())
    }),
    ("a lot's expiry", "lotTerms", |tables, pick| {
        any_of(&mut tables.account.lots, pick, |_| true)?.expires_at += hours(1);
        Some(())
    }),
    ("a lot's amount", "lotTerms", |tables, pick| {
        let lot = any_of(&mut tables.account.lots, pick, |_| true)?;
        lot.amount = more(lot.amount);
        Some(())
    }),
    ("a lot is gone", "lot", |tables, pick| {
        let id = any_of(&mut tables.account.lots, pick, |_| true)?.id.clone();
        tables.account.lots.retain(|lot| lot.id != id);
        Some(())
    }),
    ("a lot comes from nowhere", "lotTerms", |tables, pick| {
        let mut lot = any_of(&mut tables.account.lots, pick, |_| true)?.clone();
        lot.id = domain::LotId::parse("pur_none").unwrap();
        tables.account.lots.push(lot);
        Some(())
    }),
    ("the owed amount", "owed", |tables, _| {
        tables.account.owed = more(tables.account.owed);
        Some(())
    }),
    ("a payment is gone", "rowWithoutPayment", |tables, pick| {
        let id = any_of(&mut tables.payments, pick, is_settled)?.id();
        tables.payments.retain(|payment| payment.id() != id);
        Some(())
    }),
    ("a payment's amount", "paymentDiffers", |tables, pick| {
        let amount = match any_of(&mut tables.payments, pick, is_settled)? {
            Payment::Card(payment) => &mut payment.amount,
            Payment::Adjustment(adjustment) => &mut adjustment.amount,
            Payment::Invoice(_) => return None,
        };
        *amount = more(*amount);
        Some(())
    }),
    ("a payment that succeeded is declined", "rowWithoutPayment", |tables, pick| {
        let payment = any_card(&mut tables.payments, pick, has_succeeded)?;
        payment.state = CardPaymentState::Declined { reason: "card_declined".into() };
        Some(())
    }),
    ("a payment that was declined has succeeded", "paymentWithoutRow", |tables, pick| {
        let is_declined = |card: &CardPayment| matches!(card.state, CardPaymentState::Declined { .. });
        let payment = any_card(&mut tables.payments, pick, is_declined)?;
        payment.state = CardPaymentState::Succeeded {
            intent: "pi_1".into(),
            receipt_number: 1,
            repayments: Repayments::default(),
        };
        Some(())
    }),
    ("a payment's row is gone", "paymentWithoutRow", |tables, pick| {
        let is_one = |row: &JournalEntry| {
            matches!(row.details, EntryDetails::Funds { .. } | EntryDetails::Adjustment { .. })
        };
        let key = any_of(&mut tables.rows, pick, is_one)?.key.clone();
        tables.rows.retain(|row| row.key != key);
        Some(())
    }),
    ("an open payment is gone", "listedNotOpen", |tables, pick| {
        let id = any_card(&mut tables.payments, pick, CardPayment::is_open)?.id.clone();
        tables.payments.retain(|payment| payment.id() != id);
        Some(())
    }),
    ("an open payment is declined by itself", "listedNotOpen", |tables, pick| {
        let payment = any_card(&mut tables.payments, pick, CardPayment::is_open)?;
        payment.state = CardPaymentState::Declined { reason: "card_declined".into() };
        Some(())
    }),
    ("the account forgets an open payment", "openNotListed", |tables, _| {
        tables.account.open_payments.pop().map(|_| ())
    }),
    ("a receipt's number", "receipt", |tables, pick| {
        let payment = any_card(&mut tables.payments, pick, has_succeeded)?;
        let CardPaymentState::Succeeded { receipt_number, .. } = &mut payment.state else { return None };
        *receipt_number += 1;
        Some(())
    }),
    ("the account's receipts", "receipts", |tables, _| {
        tables.account.receipts += 1;
        Some(())
    }),
    ("a record's duration", "altered", |tables, pick| {
        let is_call = |row: &JournalEntry| {
            matches!(row.details, EntryDetails::Usage { .. } | EntryDetails::Unrated { .. })
        };
        match &mut any_of(&mut tables.rows, pick, is_call)?.details {
            EntryDetails::Usage { record, .. } | EntryDetails::Unrated { record } => {
                record.duration_seconds += 1;
            }
            _ => return None,
        }
        Some(())
    }),
    ("a record's start", "altered", |tables, pick| {
        let is_call = |row: &JournalEntry| {
            matches!(row.details, EntryDetails::Usage { .. } | EntryDetails::Unrated { .. })
        };
        match &mut any_of(&mut tables.rows, pick, is_call)?.details {
            EntryDetails::Usage { record, .. } | EntryDetails::Unrated { record } => {
                record.started_at += hours(1);
            }
            _ => return None,
        }
        Some(())
    }),
    ("a row's charge", "altered", |tables, pick| {
        let is_call = |row: &JournalEntry| matches!(row.details, EntryDetails::Usage { .. });
        let row = any_of(&mut tables.rows, pick, is_call)?;
        let EntryDetails::Usage { charge, .. } = &mut row.details else { return None };
        *charge = more(*charge);
        Some(())
    }),
    ("an invoice moves money", "altered", |tables, pick| {
        let is_invoice = |row: &JournalEntry| matches!(row.details, EntryDetails::Invoice { .. });
        let row = any_of(&mut tables.rows, pick, is_invoice)?;
        row.amount = more(row.amount);
        Some(())
    }),
    ("an invoice is gone", "rowWithoutPayment", |tables, pick| {
        let id = any_invoice(&mut tables.payments, pick)?.id();
        tables.payments.retain(|payment| payment.id() != id);
        Some(())
    }),
    ("an invoice's row is gone", "paymentWithoutRow", |tables, pick| {
        let key = JournalKey::invoice(any_invoice(&mut tables.payments, pick)?.closed.month);
        tables.rows.retain(|row| row.key != key);
        Some(())
    }),
    ("an invoice's amount", "paymentDiffers", |tables, pick| {
        let closed = &mut any_invoice(&mut tables.payments, pick)?.closed;
        closed.amount = more(closed.amount);
        Some(())
    }),
    ("an invoice's charges", "alteredInvoice", |tables, pick| {
        let closed = &mut any_invoice(&mut tables.payments, pick)?.closed;
        closed.charges = more(closed.charges);
        Some(())
    }),
    ("an invoice's number, in its row too", "invoiceNumber", |tables, pick| {
        let closed = &mut any_invoice(&mut tables.payments, pick)?.closed;
        closed.number += 1;
        let row = tables.rows.iter_mut().find(|row| row.key == JournalKey::invoice(closed.month));
        let EntryDetails::Invoice { number, .. } = &mut row?.details else { return None };
        *number = Some(closed.number);
        Some(())
    }),
    ("the account's invoices", "invoices", |tables, _| {
        tables.account.invoices += 1;
        Some(())
    }),
    ("the account's void invoices", "voidInvoices", |tables, _| {
        tables.account.void_invoices += 1;
        Some(())
    }),
    ("an open invoice is void by itself", "listedNotOpen", |tables, pick| {
        let unpaid = any_of(&mut tables.account.unpaid, pick, |_| true)?.month;
        let is_it = |payment: &Payment| payment.id() == PaymentId::of_invoice(unpaid);
        let Payment::Invoice(invoice) = any_of(&mut tables.payments, pick, is_it)? else { return None };
        let (reason, by) = ("test".to_owned(), "ada".to_owned());
        invoice.state = InvoiceState::Void(Voided { reason, by, at: invoice.closed.issued_at });
        Some(())
    }),
    ("the account forgets an unpaid invoice", "openNotListed", |tables, _| {
        // After the last reminder the account need not list it.
        let is_to_come = |unpaid: &UnpaidInvoice| unpaid.due_at + hours(30 * 24) > tables.account.as_of;
        tables.account.unpaid.pop_if(|unpaid| is_to_come(unpaid)).map(|_| ())
    }),
    ("the account's movements of the day", "movements", |tables, _| {
        let movements = tables.account.movements.as_mut()?;
        movements.spent = more(movements.spent);
        Some(())
    }),
    ("a row's currency", "currency", |tables, pick| {
        let row = any_of(&mut tables.rows, pick, |_| true)?;
        row.amount = Money::sum(row.amount.amount().trunc(), currency("HUF")).unwrap();
        Some(())
    }),
];

fn is_settled(payment: &Payment) -> bool {
    match payment {
        Payment::Card(payment) => has_succeeded(payment),
        Payment::Adjustment(_) => true,
        Payment::Invoice(_) => false,
    }
}

fn has_succeeded(payment: &CardPayment) -> bool {
    matches!(payment.state, CardPaymentState::Succeeded { .. })
}

/// One of the card payments that satisfy the condition.
fn any_card(
    all: &mut [Payment],
    pick: usize,
    is_so: impl Fn(&CardPayment) -> bool,
) -> Option<&mut CardPayment> {
    let is_so = |payment: &Payment| matches!(payment, Payment::Card(card) if is_so(card));
    match any_of(all, pick, is_so)? {
        Payment::Card(payment) => Some(payment),
        Payment::Adjustment(_) | Payment::Invoice(_) => None,
    }
}

/// One of the invoices.
fn any_invoice(all: &mut [Payment], pick: usize) -> Option<&mut Invoice> {
    match any_of(all, pick, |payment| matches!(payment, Payment::Invoice(_)))? {
        Payment::Invoice(invoice) => Some(invoice),
        Payment::Card(_) | Payment::Adjustment(_) => None,
    }
}

/// One of the elements that satisfy the condition.
fn any_of<T>(all: &mut [T], pick: usize, is_so: impl Fn(&T) -> bool) -> Option<&mut T> {
    let mut those: Vec<_> = all.iter_mut().filter(|one| is_so(one)).collect();
    if those.is_empty() { None } else { Some(those.swap_remove(pick % those.len())) }
}

/// The smallest amount of a currency.
fn unit(money: Money) -> Money {
    let currency = money.currency();
    Money::sum(Decimal::new(1, currency.ledger_digits()), currency).unwrap()
}

fn more(money: Money) -> Money {
    money + unit(money)
}

#[test]
fn every_damage_is_found() {
    let mut runner = TestRunner::deterministic();
    let mut done = [0; DAMAGES.len()];
    for pick in 0..150 {
        let (beginning, history) = (any_beginning(), any_history()).new_tree(&mut runner).unwrap().current();
        let tables = live(beginning, &history).pop().expect("there is a beginning");
        for (place, (what, expected, damage)) in DAMAGES.iter().enumerate() {
            let mut damaged = tables.clone();
            if damage(&mut damaged, pick).is_none() {
                continue;
            }
            done[place] += 1;
            let found = damaged.findings();
            let names: Vec<_> = found.iter().map(Finding::name).collect();
            assert!(names.contains(expected), "{what}: found {found:?}");
        }
    }
    for ((what, ..), done) in DAMAGES.iter().zip(done) {
        assert!(done >= 5, "{what}: done {done} times");
    }
}

/// The tables after a history with more than 30 journal entries.
fn busy() -> Tables {
    let mut runner = TestRunner::deterministic();
    loop {
        let (beginning, history) = (any_beginning(), any_history()).new_tree(&mut runner).unwrap().current();
        let tables = live(beginning, &history).pop().expect("there is a beginning");
        if tables.rows.len() > 30 {
            return tables;
        }
    }
}

#[test]
fn a_second_audit_names_the_key_of_the_entry() {
    let mut tables = busy();
    let row = any_of(&mut tables.rows, 7, |row| row.version > 3).unwrap();
    row.balance = more(row.balance);
    let key = row.key.to_string();
    let keys: Vec<_> = tables.findings().iter().filter_map(Finding::key).collect();
    assert!(keys.contains(&key), "{key} is among {keys:?}");
}

#[test]
fn an_audit_reports_a_limited_number_of_findings() {
    let mut tables = busy();
    let row = tables.rows[0].clone();
    for number in 0..2 * MAX_FINDINGS {
        let key = JournalKey::from_stored(format!("{}#{number}", row.key));
        tables.rows.push(JournalEntry { key, ..row.clone() });
    }
    assert_eq!(tables.findings().len(), MAX_FINDINGS);
}

#[test]
fn an_empty_account_has_no_findings() {
    let tables = busy();
    let account =
        Account::open(tables.account.id, currency("EUR"), BillingModel::Prepaid, tables.account.created_at);
    let empty = Tables { account, payments: Vec::new(), rows: Vec::new() };
    assert_eq!(empty.findings(), []);
}
