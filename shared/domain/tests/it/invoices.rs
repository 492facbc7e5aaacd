//! Invoices: how months are closed, reminders given, and claims ended (S8, N12, T3).

use domain::invoice::{Invoice, InvoiceState, LONGEST_PAYMENT_TERM_DAYS};
use domain::invoicing::{self, InvoiceRefusal, Looked};
use domain::journal::{EntryDetails, JournalEntry};
use domain::profile::Author;
use domain::reversal::{self, Target};
use domain::settings::{self, NewSettings};
use domain::time::Month;
use domain::{Account, BillingModel, Decision, EventDetails, Money, Payment, PaymentId};
use jiff::Timestamp;

use crate::given::{account, at, call, card_holder, hours, millis, money};
use crate::scenarios::pay_for;

const NOVEMBER: &str = "2026-11-01T00:00:00Z";

fn november() -> Account {
    account("EUR", BillingModel::PostUsage, at(NOVEMBER))
}

fn after<T>(account: &Account, decision: &Decision<T>) -> Account {
    decision.change.as_ref().map_or_else(|| account.clone(), |change| change.account.clone())
}

/// The account after a charge at this instant.
fn charged(account: &Account, now: &str, charge: &str) -> Account {
    let (now, name) = (at(now), format!("c{}", account.version));
    after(account, &pay_for(account, now, &[call(&name, now, 60, Some(charge))]))
}

/// The account after a run of the invoices, and the invoice that it issued.
fn run(account: &Account, now: &str) -> (Account, Option<Invoice>) {
    let decision = invoicing::look(account, at(now));
    let closed = decision.change.as_ref().and_then(|change| change.closed.clone());
    let invoice = closed.map(|closed| Invoice::of(&account.id, &closed, &card_holder()));
    (after(account, &decision), invoice)
}

fn euros(text: &str) -> Money {
    money(text, "EUR")
}

/// The number and the amounts of an invoice: what it carries in, its charges, what it asks for, and what it carries over.
fn figures(invoice: &Invoice) -> (u64, [Money; 4]) {
    let closed = &invoice.closed;
    (closed.number, [closed.carried_in, closed.charges, closed.amount, closed.carried_over])
}

#[test]
fn v10_an_invoice_is_rounded_and_a_month_of_less_than_nothing_is_carried_over() {
    let books = charged(&november(), "2026-11-10T12:00:00Z", "10.0050");
    let (books, first) = run(&books, "2026-12-01T06:00:00Z");
    let expected = ["0", "10.0050", "10.01", "-0.0050"].map(euros);
    assert_eq!(figures(&first.unwrap()), (1, expected));

    let books = charged(&books, "2026-12-10T12:00:00Z", "0.0030");
    let (books, none) = run(&books, "2027-01-01T06:00:00Z");
    assert_eq!(none, None, "-0.0020 rounds to nothing");
    assert_eq!(books.due_for_invoice(), Some(at("2027-01-14T23:59:59.999Z")), "only a reminder is due");

    let books = charged(&books, "2027-01-10T12:00:00Z", "5.0020");
    let (books, third) = run(&books, "2027-02-01T06:00:00Z");
    assert_eq!(figures(&third.unwrap()), (2, ["-0.0020", "5.0020", "5.00", "0"].map(euros)));
    assert_eq!(books.post_usage.amount, euros("0"));
}

#[test]
fn s8_the_first_commit_after_the_end_of_a_month_closes_it_and_a_run_finds_nothing_to_do() {
    let books = charged(&november(), "2026-11-30T23:59:59.999Z", "1.5");
    assert_eq!(books.due_for_invoice(), Some(at("2026-12-01T00:00:00Z")));
    assert!(invoicing::look(&books, at("2026-11-30T23:59:59.999Z")).change.is_none());

    let december = at("2026-12-01T00:00:00Z");
    let decision = pay_for(&books, december, &[call("next", december, 60, Some("0.25"))]);
    let change = decision.change.as_ref().unwrap();
    let closed = change.closed.as_ref().unwrap();
    assert_eq!((closed.month, closed.amount), (Month::parse("2026-11").unwrap(), euros("1.5")));
    assert_eq!((closed.issued_at, closed.due_at), (december, at("2026-12-31T23:59:59.999Z")));
    let issued = EventDetails::InvoiceIssued {
        invoice_id: PaymentId::parse("inv_2026-11").unwrap(),
        number: 1,
        month: closed.month,
        amount: euros("1.5"),
        due_at: closed.due_at,
    };
    assert_eq!(change.events, std::slice::from_ref(&issued));
    let kept = change.entries[0].lasting.as_ref().map(|lasting| &lasting.details);
    assert_eq!(kept, Some(&issued), "the event can be published again");

    let books = after(&books, &decision);
    let again = invoicing::look(&books, at("2026-12-01T06:00:00Z"));
    assert!(again.change.is_none());
    assert_eq!(again.answer, Looked::default());
    assert_eq!(books.post_usage.amount, euros("0.25"), "a charge at the very end of a month is of the next");
}

#[test]
fn s8_a_month_with_nothing_in_it_has_no_invoice() {
    for model in [BillingModel::PostUsage, BillingModel::Prepaid] {
        let idle = account("EUR", model, at(NOVEMBER));
        assert_eq!(idle.due_for_invoice(), None);
        assert!(invoicing::look(&idle, at("2027-11-01T06:00:00Z")).change.is_none());
    }
    let free = charged(&november(), "2026-11-10T12:00:00Z", "0.0049");
    let (later, invoice) = run(&free, "2027-11-01T06:00:00Z");
    assert_eq!((invoice, later), (None, free));
}

/// The reminders of a run, as (number, days).
fn reminders(decision: &Decision<Looked>) -> Vec<(u64, u16)> {
    let events = decision.change.iter().flat_map(|change| &change.events);
    let of = |event: &EventDetails| match event {
        EventDetails::InvoiceOverdue { number, days, .. } => Some((*number, *days)),
        _ => None,
    };
    events.filter_map(of).collect()
}

#[test]
fn n12_people_are_reminded_14_and_30_days_after_an_invoice_was_due_each_once() {
    let books = charged(&november(), "2026-11-10T12:00:00Z", "3");
    let (mut books, _) = run(&books, "2026-12-01T00:00:00Z");
    let due = at("2026-12-31T23:59:59.999Z");
    for (now, told) in [
        (due, None),
        (due + hours(14 * 24) - millis(1), None),
        (due + hours(14 * 24), Some(14)),
        (due + hours(14 * 24 + 1), None),
        (due + hours(30 * 24) - millis(1), None),
        (due + hours(30 * 24), Some(30)),
        (due + hours(300 * 24), None),
    ] {
        let decision = invoicing::look(&books, now);
        assert_eq!(reminders(&decision), told.map(|days| (1, days)).into_iter().collect::<Vec<_>>(), "{now}");
        assert_eq!(decision.answer.reminded, reminders(&decision).len());
        books = after(&books, &decision);
    }
    assert_eq!(books.due_for_invoice(), None);
}

#[test]
fn n12_a_run_that_comes_late_gives_the_last_reminder_alone_and_several_invoices_have_one_each() {
    let books = charged(&november(), "2026-11-10T12:00:00Z", "3");
    let (books, _) = run(&books, "2026-12-01T00:00:00Z");
    let books = charged(&books, "2026-12-10T12:00:00Z", "4");
    let (books, _) = run(&books, "2027-01-01T00:00:00Z");
    // The first is due on 31 December, the second on 31 January.
    let decision = invoicing::look(&books, at("2027-02-15T06:00:00Z"));
    assert_eq!(reminders(&decision), [(1, 30), (2, 14)]);
    assert_eq!(after(&books, &decision).due_for_invoice(), Some(at("2027-03-02T23:59:59.999Z")));
}

#[test]
fn s8_the_operator_sets_when_invoices_are_due() {
    let set = |account: &Account, now: &str, days: u16| {
        let profile = card_holder();
        let new = NewSettings {
            profile: profile.clone(),
            warning: None,
            billing_model: None,
            payment_term_days: days,
            by: Author::new("ada", None),
        };
        after(account, &settings::change(account, &profile, at(now), new).unwrap())
    };
    let books = set(&november(), "2026-11-02T00:00:00Z", LONGEST_PAYMENT_TERM_DAYS);
    let books = charged(&books, "2026-11-10T12:00:00Z", "3");
    // The commit that changes the term closes November with the term from before.
    let books = set(&books, "2026-12-01T00:00:00Z", 1);
    assert_eq!(books.unpaid[0].due_at, at("2027-12-01T23:59:59.999Z"));
    let books = charged(&books, "2026-12-10T12:00:00Z", "3");
    let (books, _) = run(&books, "2027-01-01T06:00:00Z");
    assert_eq!(books.unpaid[1].due_at, at("2027-01-02T23:59:59.999Z"));
}

/// The invoice of November, of 3.00, and the account that has it.
fn issued() -> (Account, Invoice) {
    let books = charged(&november(), "2026-11-10T12:00:00Z", "3");
    let (books, invoice) = run(&books, "2026-12-01T06:00:00Z");
    (books, invoice.unwrap())
}

fn pay(
    account: &Account,
    invoice: &Invoice,
    reference: &str,
    paid_at: Timestamp,
) -> Result<Decision<Invoice>, InvoiceRefusal> {
    invoicing::pay(account, invoice, at("2026-12-20T12:00:00Z"), reference, paid_at, "ada")
}

fn void(account: &Account, invoice: &Invoice, reason: &str) -> Result<Decision<Invoice>, InvoiceRefusal> {
    invoicing::void(account, invoice, at("2026-12-20T12:00:00Z"), reason, "ada")
}

#[test]
fn s8_an_invoice_is_paid_once_and_nobody_is_reminded_of_it() {
    let (books, invoice) = issued();
    let paid_at = at("2026-12-19T00:00:00Z");
    assert_eq!(
        pay(&books, &invoice, "b", at("2026-12-20T12:00:00.001Z")).unwrap_err(),
        InvoiceRefusal::NotYet
    );
    let decision = pay(&books, &invoice, "bank-7", paid_at).unwrap();
    let paid = &decision.answer;
    assert!(matches!(&paid.state, InvoiceState::Paid(paid)
        if (paid.reference.as_str(), paid.at, paid.by.as_str()) == ("bank-7", paid_at, "ada")));
    assert_eq!((paid.revision, &paid.closed), (2, &invoice.closed));
    let change = decision.change.as_ref().unwrap();
    assert_eq!(change.payment, Some(Payment::from(paid.clone())));
    assert!(matches!(&change.events[..], [EventDetails::InvoicePaid { number: 1, .. }]));
    assert!(change.entries.is_empty(), "no money of the account moves");
    let books = after(&books, &decision);
    assert_eq!((books.unpaid.len(), books.due_for_invoice()), (0, None));

    let again = pay(&books, paid, "bank-7", paid_at).unwrap();
    assert_eq!((again.change.is_none(), &again.answer), (true, paid));
    assert_eq!(pay(&books, paid, "bank-8", paid_at).unwrap_err(), InvoiceRefusal::PaidOtherwise);
    assert_eq!(pay(&books, paid, "bank-7", at(NOVEMBER)).unwrap_err(), InvoiceRefusal::PaidOtherwise);
    assert_eq!(void(&books, paid, "a mistake").unwrap_err(), InvoiceRefusal::Paid);
}

#[test]
fn s8_an_account_that_was_read_before_the_invoice_was_issued_is_read_again() {
    let before = charged(&november(), "2026-11-10T12:00:00Z", "3");
    let (_, invoice) = run(&before, "2026-12-01T06:00:00Z");
    let invoice = invoice.unwrap();
    let decided = [pay(&before, &invoice, "bank-7", at(NOVEMBER)), void(&before, &invoice, "a mistake")];
    assert!(decided.into_iter().all(|decided| decided.unwrap().change.is_none()));
}

#[test]
fn s8_a_void_invoice_is_over_and_cannot_be_paid() {
    let (books, invoice) = issued();
    let decision = void(&books, &invoice, "a mistake").unwrap();
    let voided = &decision.answer;
    assert!(matches!(&voided.state, InvoiceState::Void(voided)
        if (voided.reason.as_str(), voided.by.as_str()) == ("a mistake", "ada")
            && voided.at == at("2026-12-20T12:00:00Z")));
    let books = after(&books, &decision);
    assert_eq!((books.unpaid.len(), books.post_usage.amount), (0, euros("0")), "nothing is credited");
    assert_eq!(books.void_invoices, 1);
    assert!(void(&books, voided, "a mistake").unwrap().change.is_none());
    assert_eq!(void(&books, voided, "another").unwrap_err(), InvoiceRefusal::Void);
    assert_eq!(pay(&books, voided, "bank-7", at(NOVEMBER)).unwrap_err(), InvoiceRefusal::Void);
    assert!(
        !voided.is_overdue(at("2028-01-01T00:00:00Z"))
            && invoice.is_overdue(invoice.closed.due_at + millis(1))
    );
    assert!(!invoice.is_overdue(invoice.closed.due_at));
}

#[test]
fn s8_a_reversal_credits_the_open_month_unless_a_void_invoice_asked_for_the_call() {
    let now = at("2026-11-10T12:00:00Z");
    let decision = pay_for(&november(), now, &[call("c", now, 60, Some("3"))]);
    let entry: &JournalEntry = &decision.change.as_ref().unwrap().entries[0];
    let (books, _) = run(&after(&november(), &decision), "2026-12-01T06:00:00Z");
    for (on_void_invoice, credited) in [(false, "3"), (true, "0")] {
        let target = Target { entry, on_void_invoice, reason: "wrong number", author: "ada" };
        let decision = reversal::decide(&books, at("2026-12-20T12:00:00Z"), &[target]);
        assert_eq!(decision.answer, [Ok(())]);
        let change = decision.change.unwrap();
        assert_eq!(change.account.post_usage.amount, -euros(credited));
        let EntryDetails::Reversal(reversal) = &change.entries[0].details else { panic!("a reversal") };
        assert_eq!(reversal.charge, Some(euros("3")));
        assert_eq!(reversal.on_void_invoice, euros("3") - euros(credited));
    }
}
