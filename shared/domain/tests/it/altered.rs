//! The parts of a journal entry must agree with each other (invariants 2 and 5). The audit finds an entry with a single part
//! that does not agree, and finds nothing in an entry at the limits of what is allowed.

use domain::audit::{Audit, DayMovements, DaySum, Finding, HeldSum, Row};
use domain::journal::{EntryDetails, JournalEntry, Reversal};
use domain::lot::Draw;
use domain::purchase::{self, PurchaseLimits};
use domain::rate::RatingBasis;
use domain::rejected_record::{Message, RejectedRecord, RejectionStatus};
use domain::time::Month;
use domain::usage_report::Dimension;
use domain::{
    BillingModel, CardPaymentKind, EntryKind, Fingerprint, JournalKey, LotId, MessageId, Money, Payment,
    PaymentId, UsageRecord,
};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::given::{account, at, call, card_holder, currency, decimal, payment_id, purchase_of};

const NOON: &str = "2027-01-10T12:00:00Z";

const AMOUNTS: &str = "its amounts do not add up";

fn euros(text: &str) -> Money {
    Money::sum(decimal(text), currency("EUR")).unwrap()
}

/// A journal entry with these details and amounts. Its key and fingerprint are right.
fn row(details: &EntryDetails, amount: &str, drawn: &str, post_usage: &str) -> JournalEntry {
    let (key, fingerprint) = match details {
        EntryDetails::Usage { record, .. } | EntryDetails::Unrated { record } => {
            (record.key(), record.fingerprint(currency("EUR")))
        }
        EntryDetails::Rejected(rejection) => (rejection.key(), Fingerprint::of([rejection.text.as_str()])),
        EntryDetails::Funds { kind, payment, .. } => {
            (JournalKey::payment(at(NOON), (*kind).into(), payment), Fingerprint::of(["asked for"]))
        }
        EntryDetails::Adjustment { payment, .. } => {
            (JournalKey::payment(at(NOON), EntryKind::Adjustment, payment), Fingerprint::of(["asked for"]))
        }
        EntryDetails::Expiry { lot, returned_by } => {
            let key = returned_by.as_ref().map(|key| key.forfeit(lot));
            (key.unwrap_or_else(|| JournalKey::expiry(at(NOON), lot)), Fingerprint::of([lot.as_str()]))
        }
        EntryDetails::Reversal(reversal) => {
            (reversal.record.key().reversal(), Fingerprint::of([reversal.of.as_str()]))
        }
        EntryDetails::Refund { refund, .. } => {
            (JournalKey::payment(at(NOON), EntryKind::Refund, refund), Fingerprint::of([refund.as_str()]))
        }
        EntryDetails::RefundReturned { refund, .. } => (
            JournalKey::payment(at(NOON), EntryKind::Refund, refund).refund_return(),
            Fingerprint::of([refund.as_str()]),
        ),
        EntryDetails::Dispute { dispute, .. } => {
            (JournalKey::payment(at(NOON), EntryKind::Dispute, dispute), Fingerprint::of([dispute.as_str()]))
        }
        EntryDetails::DisputeEnded { dispute, .. } => (
            JournalKey::payment(at(NOON), EntryKind::Dispute, dispute).dispute_end(),
            Fingerprint::of([dispute.as_str()]),
        ),
        EntryDetails::Switch => (JournalKey::switch(at(NOON), 0), Fingerprint::of(["switch"])),
        EntryDetails::Invoice { month, .. } => {
            (JournalKey::invoice(*month), Fingerprint::of([month.to_string().as_str()]))
        }
    };
    let draw = Draw { lot: lot(), amount: euros(drawn), expires_at: at(NOON), began: None };
    JournalEntry {
        key,
        at: at(NOON),
        posted_at: at(NOON),
        amount: euros(amount),
        balance: euros(amount),
        version: 0,
        sequence: 0,
        draws: if draw.amount.is_zero() { Vec::new() } else { vec![draw] },
        post_usage: euros(post_usage),
        fingerprint,
        requires: None,
        unmarks: None,
        lasting: None,
        details: details.clone(),
    }
}

fn lot() -> LotId {
    LotId::parse("pur_1").unwrap()
}

/// The `Altered` finding of the audit on this entry alone, if any.
fn altered(row: &JournalEntry) -> Option<&'static str> {
    let account = account("EUR", BillingModel::Prepaid, at(NOON));
    let mut audit = Audit::of(&account);
    audit.row(row);
    audit.finish(0).into_iter().find_map(|finding| match finding {
        Finding::Altered { key, what } => {
            assert_eq!(key, row.key);
            Some(what)
        }
        _ => None,
    })
}

fn record() -> UsageRecord {
    call("r", at(NOON), 60, Some("10"))
}

fn usage() -> EntryDetails {
    EntryDetails::Usage { record: record(), charge: euros("10"), basis: RatingBasis::AsRated }
}

fn rejected() -> EntryDetails {
    EntryDetails::Rejected(RejectedRecord {
        message: Message { id: MessageId::parse("m").unwrap(), sent_at: at(NOON) },
        index: 7,
        record_id: None,
        status: RejectionStatus::Invalid,
        field: "service".into(),
        detail: "expected one".into(),
        text: "{}".into(),
    })
}

fn funds() -> EntryDetails {
    let expires_at: Timestamp = at("2028-01-10T12:00:00Z");
    EntryDetails::Funds { kind: CardPaymentKind::Purchase, payment: payment_id("pur_1"), expires_at }
}

fn adjustment(expires_at: Option<Timestamp>) -> EntryDetails {
    EntryDetails::Adjustment {
        payment: payment_id("adj_1"),
        reason: "goodwill".into(),
        author: "ada".into(),
        expires_at,
    }
}

fn expiry() -> EntryDetails {
    EntryDetails::Expiry { lot: lot(), returned_by: None }
}

/// The invoice of the month of [`NOON`].
fn of_month() -> PaymentId {
    PaymentId::of_invoice(Month::of(at(NOON)))
}

fn invoice() -> EntryDetails {
    EntryDetails::Invoice { month: Month::of(at(NOON)), number: None }
}

/// The reversal of a charge of 10, which returned this much to a lot.
fn reversal(returned: &str) -> EntryDetails {
    let returned = Draw { lot: lot(), amount: euros(returned), expires_at: at(NOON), began: None };
    EntryDetails::Reversal(Reversal {
        record: record(),
        of: record().key().rated(),
        charge: Some(euros("10")),
        returned: vec![returned],
        lot: None,
        included: Vec::new(),
        on_void_invoice: euros("0"),
        reason: "wrong number".into(),
        author: "ada".into(),
    })
}

fn refund() -> EntryDetails {
    EntryDetails::Refund {
        payment: payment_id("pur_1"),
        refund: payment_id("ref_1"),
        reason: Some("cancelled".into()),
        author: Some("ada".into()),
    }
}

/// The return of a refund, of which this much went to its lot.
fn refund_returned(returned: &str) -> EntryDetails {
    EntryDetails::RefundReturned {
        payment: payment_id("pur_1"),
        refund: payment_id("ref_1"),
        reason: "expired_or_canceled_card".into(),
        returned: vec![Draw { lot: lot(), amount: euros(returned), expires_at: at(NOON), began: None }],
        lot: None,
    }
}

fn dispute() -> EntryDetails {
    EntryDetails::Dispute {
        payment: payment_id("pur_1"),
        dispute: payment_id("dsp_1"),
        reason: "fraudulent".into(),
    }
}

/// The end of a dispute, of which this much went to its lot.
fn dispute_ended(lost: &str, returned: &str) -> EntryDetails {
    EntryDetails::DisputeEnded {
        payment: payment_id("pur_1"),
        dispute: payment_id("dsp_1"),
        lost: euros(lost),
        returned: vec![Draw { lot: lot(), amount: euros(returned), expires_at: at(NOON), began: None }],
    }
}

/// What a lot forfeits of returned funds.
fn forfeit() -> EntryDetails {
    EntryDetails::Expiry { lot: lot(), returned_by: Some(record().key().reversal()) }
}

/// A charge for a record that had no rate when it came.
fn rated_later() -> JournalEntry {
    JournalEntry { key: record().key().rated(), ..row(&usage(), "-10", "10", "0") }
}

/// An entry of each kind. Some kinds are in it twice: an adjustment that adds funds and one that takes them, a charge at once and
/// one later, an expiry and the forfeit of returned funds.
fn one_of_each() -> [JournalEntry; 16] {
    [
        row(&refund(), "-10", "10", "0"),
        row(&refund_returned("10"), "10", "0", "0"),
        row(&dispute(), "-10", "10", "0"),
        row(&dispute_ended("0", "10"), "10", "0", "0"),
        row(&EntryDetails::Switch, "10", "0", "10"),
        rated_later(),
        row(&reversal("10"), "10", "0", "0"),
        row(&forfeit(), "-10", "0", "0"),
        row(&usage(), "-10", "10", "0"),
        row(&EntryDetails::Unrated { record: record() }, "0", "0", "0"),
        row(&rejected(), "0", "0", "0"),
        row(&funds(), "10", "0", "0"),
        row(&adjustment(Some(at("2028-01-10T12:00:00Z"))), "10", "0", "0"),
        row(&adjustment(None), "-10", "10", "0"),
        row(&expiry(), "-10", "0", "0"),
        row(&invoice(), "0", "0", "-10"),
    ]
}

#[test]
fn an_entry_whose_amounts_do_not_add_up_is_found() {
    let unrated = EntryDetails::Unrated { record: record() };
    let added = adjustment(Some(at("2028-01-10T12:00:00Z")));
    let taken = adjustment(None);
    // (details, amount, drawn amount, post-usage part, whether they add up)
    let cases = [
        // A charge of 10: drawn from lots, owed, or on the invoice.
        (&usage(), "-10", "10", "0", true),
        (&usage(), "-10", "4", "0", true),
        (&usage(), "-10", "0", "0", true),
        (&usage(), "-6", "6", "4", true),
        (&usage(), "0", "0", "10", true),
        (&usage(), "-11", "10", "-1", false),
        (&usage(), "-11", "10", "0", false),
        (&usage(), "-6", "6", "3", false),
        (&usage(), "-10", "11", "0", false),
        (&usage(), "-6", "7", "4", false),
        (&usage(), "6", "0", "4", false),
        (&unrated, "0", "0", "0", true),
        (&unrated, "1", "0", "0", false),
        (&unrated, "0", "1", "0", false),
        (&unrated, "0", "0", "1", false),
        (&rejected(), "0", "0", "0", true),
        (&rejected(), "1", "0", "0", false),
        (&rejected(), "0", "1", "0", false),
        (&rejected(), "0", "0", "1", false),
        (&funds(), "0.0001", "0", "0", true),
        (&funds(), "0", "0", "0", false),
        (&funds(), "-1", "0", "0", false),
        (&funds(), "10", "1", "0", false),
        (&funds(), "10", "0", "1", false),
        (&added, "0.0001", "0", "0", true),
        (&added, "0", "0", "0", false),
        (&added, "-1", "0", "0", false),
        (&added, "10", "1", "0", false),
        (&added, "10", "0", "1", false),
        // The part that no lot covers is owed or on the invoice (F9), never both.
        (&taken, "-10", "10", "0", true),
        (&taken, "-10", "0", "0", true),
        (&taken, "-6", "6", "4", true),
        (&taken, "0", "0", "10", true),
        (&taken, "-11", "10", "-1", false),
        (&taken, "0", "0", "0", false),
        (&taken, "10", "0", "0", false),
        (&taken, "-10", "11", "0", false),
        (&taken, "-10", "4", "1", false),
        (&taken, "-10", "10", "-1", false),
        (&taken, "1", "0", "10", false),
        // A returned charge of 10: to lots, to what was owed, or off the invoice.
        (&reversal("10"), "10", "0", "0", true),
        (&reversal("4"), "10", "0", "0", true),
        (&reversal("4"), "4", "0", "-6", true),
        (&reversal("10"), "9", "0", "0", false),
        (&reversal("10"), "9", "0", "-1", false),
        (&reversal("4"), "11", "0", "1", false),
        (&reversal("4"), "10", "1", "0", false),
        // What the lot does not give is owed or on the invoice (F9), never both.
        (&refund(), "-10", "10", "0", true),
        (&refund(), "-10", "4", "0", true),
        (&refund(), "-6", "6", "4", true),
        (&refund(), "0", "0", "10", true),
        (&refund(), "-10", "4", "1", false),
        (&refund(), "-10", "11", "0", false),
        (&refund(), "0", "0", "0", false),
        (&refund(), "1", "0", "10", false),
        (&refund(), "-11", "11", "-1", false),
        (&refund_returned("10"), "10", "0", "0", true),
        (&refund_returned("4"), "10", "0", "0", true),
        (&refund_returned("4"), "4", "0", "-6", true),
        (&refund_returned("10"), "9", "0", "0", false),
        (&refund_returned("4"), "10", "1", "0", false),
        (&refund_returned("4"), "10", "0", "1", false),
        (&refund_returned("0"), "0", "0", "0", false),
        // What was owed is left to the invoice.
        (&EntryDetails::Switch, "10", "0", "10", true),
        (&EntryDetails::Switch, "10", "0", "9", false),
        (&EntryDetails::Switch, "0", "0", "0", false),
        (&EntryDetails::Switch, "10", "1", "10", false),
        (&expiry(), "-10", "0", "0", true),
        (&expiry(), "0", "0", "0", false),
        (&expiry(), "10", "0", "0", false),
        (&expiry(), "-10", "1", "0", false),
        (&expiry(), "-10", "0", "1", false),
        (&invoice(), "0", "0", "-10", true),
        (&invoice(), "0", "0", "0", true),
        (&invoice(), "1", "0", "-10", false),
        (&invoice(), "0", "1", "-10", false),
    ];
    assert_sums(&cases);
}

#[test]
fn an_entry_of_a_dispute_whose_amounts_do_not_add_up_is_found() {
    let cases = [
        (&dispute(), "-10", "10", "0", true),
        (&dispute(), "0", "0", "0", true),
        (&dispute(), "-10", "9", "0", false),
        (&dispute(), "-10", "10", "1", false),
        (&dispute_ended("0", "10"), "10", "0", "0", true),
        (&dispute_ended("0", "4"), "10", "0", "0", true),
        (&dispute_ended("10", "0"), "-10", "0", "0", true),
        (&dispute_ended("10", "0"), "0", "0", "10", true),
        (&dispute_ended("10", "0"), "0", "0", "0", true),
        (&dispute_ended("10", "0"), "-5", "0", "5", false),
        (&dispute_ended("0", "10"), "9", "0", "0", false),
        (&dispute_ended("10", "1"), "-10", "0", "0", false),
        (&dispute_ended("10", "0"), "-10", "1", "0", true),
        (&dispute_ended("10", "0"), "-10", "11", "0", false),
        (&dispute_ended("10", "0"), "-5", "5", "5", true),
        (&dispute_ended("10", "0"), "-5", "4", "5", false),
        (&dispute_ended("0", "10"), "10", "1", "0", false),
        (&dispute_ended("-1", "0"), "-10", "0", "0", false),
    ];
    assert_sums(&cases);
}

/// Asserts of an amount, its draws and its post-usage whether they add up.
fn assert_sums(cases: &[(&EntryDetails, &str, &str, &str, bool)]) {
    for &(details, amount, drawn, post_usage, is_right) in cases {
        let found = altered(&row(details, amount, drawn, post_usage));
        let expected = if is_right { None } else { Some(AMOUNTS) };
        assert_eq!(found, expected, "{:?}: {amount}, draws {drawn}, post-usage {post_usage}", details.kind());
    }
}

#[test]
fn an_entry_with_the_key_of_another_is_found() {
    for row in one_of_each() {
        assert_eq!(altered(&row), None, "{row:?}");
        let other = JournalEntry { key: JournalKey::from_stored(format!("{}0", row.key)), ..row };
        assert_eq!(altered(&other), Some("its key is not what it is about"), "{other:?}");
    }
}

#[test]
fn an_entry_with_the_fingerprint_of_another_is_found() {
    for row in one_of_each() {
        let is_payments = matches!(row.details, EntryDetails::Funds { .. } | EntryDetails::Adjustment { .. });
        let other = JournalEntry { fingerprint: Fingerprint::of(["another"]), ..row };
        // The entry of a payment has the payment's fingerprint, which the audit compares with the payment.
        let expected = if is_payments { None } else { Some("its fingerprint is of something else") };
        assert_eq!(altered(&other), expected, "{other:?}");
    }
}

/// A finding and its expected texts: name, invariant or rule, key, and detail.
type Said = (Finding, &'static str, Option<&'static str>, Option<&'static str>, &'static str);

/// One finding of each kind about journal entries and payments (invariants 1 and 3).
fn findings_of_rows() -> Vec<Said> {
    let (journal, account, expected, found) = (decimal("5"), decimal("4"), decimal("3"), decimal("2"));
    let key = || JournalKey::from_stored("k");
    let payment = || payment_id("pur_1");
    let nowhere = || Row { version: 7, sequence: 1, keys: Vec::new() };
    let one = || Row { keys: vec![key()], ..nowhere() };
    let three = || Row { keys: vec![key(), key(), key()], ..nowhere() };
    let (inv1, inv3, pur) = (Some("invariant 1"), Some("invariant 3"), Some("pur_1"));
    vec![
        (Finding::Sum { journal, account }, "sum", inv1, None, "the journal adds up to 5, the balance is 4"),
        (
            Finding::Balance { row: nowhere(), expected, found },
            "balance",
            inv1,
            Some("version 7, sequence 1"),
            "at version 7, sequence 1, the row before makes it 3, the row says 2",
        ),
        (
            Finding::Balance { row: one(), expected, found },
            "balance",
            inv1,
            Some("k"),
            "at version 7, sequence 1, the row before makes it 3, the row says 2",
        ),
        (
            Finding::Sequence { row: three(), expected: 0 },
            "sequence",
            inv1,
            Some("k and 2 more"),
            "at version 7, sequence 1 comes where 0 is next",
        ),
        (
            Finding::Ahead { key: key(), row: 8, account: 7 },
            "ahead",
            inv1,
            Some("k"),
            "the row is of version 8, the account of version 7",
        ),
        (
            Finding::PaymentWithoutRow { payment: payment() },
            "paymentWithoutRow",
            inv3,
            pur,
            "the payment succeeded and has no row",
        ),
        (
            Finding::RowWithoutPayment { key: key(), payment: payment() },
            "rowWithoutPayment",
            inv3,
            Some("k"),
            "there is no payment pur_1 that succeeded",
        ),
        (
            Finding::PaymentDiffers { key: key(), what: "amount" },
            "paymentDiffers",
            inv3,
            Some("k"),
            "row and payment differ in amount",
        ),
        (
            Finding::ListedNotOpen { payment: payment() },
            "listedNotOpen",
            inv3,
            pur,
            "the account lists it as open, which it is not",
        ),
        (
            Finding::OpenNotListed { payment: payment() },
            "openNotListed",
            inv3,
            pur,
            "it is open and the account does not list it",
        ),
    ]
}

/// Stored totals that differ from three calls for 5.
fn totals(stored: Option<(u64, Decimal)>) -> Finding {
    let day = "2027-01-01".parse().unwrap();
    Finding::UsageTotals { day, dimension: Dimension::User, journal: (3, decimal("5")), stored }
}

/// One finding of each kind that is about invoices.
fn findings_of_invoices() -> Vec<Said> {
    vec![
        (
            Finding::InvoiceNumber { invoice: of_month(), expected: 2, found: 3 },
            "invoiceNumber",
            Some("invariant 6"),
            Some("inv_2027-01"),
            "it is number 3, where 2 is next",
        ),
        (
            Finding::Invoices { journal: 3, account: 4 },
            "invoices",
            Some("invariant 6"),
            None,
            "the last invoice is number 3, the account counts 4",
        ),
        (
            Finding::VoidInvoices { invoices: 3, account: 4 },
            "voidInvoices",
            Some("invariant 6"),
            None,
            "3 invoices are void, the account counts 4",
        ),
        (
            Finding::AlteredInvoice { invoice: of_month(), what: AMOUNTS },
            "alteredInvoice",
            Some("invariant 6"),
            Some("inv_2027-01"),
            AMOUNTS,
        ),
    ]
}

/// One finding of each kind that is about sums of a day.
fn findings_of_days() -> Vec<Said> {
    vec![
        (
            Finding::DayLines {
                day: "2027-01-01".parse().unwrap(),
                journal: DaySum { entries: 3, amount: decimal("5"), post_usage: decimal("1") },
                kept: DaySum::default(),
            },
            "dayLines",
            Some("statements"),
            Some("lines#2027-01-01"),
            "the rows come to 3 entries of 5, and 1 for the invoice, the kept lines to 0 entries of 0, and 0 for the invoice",
        ),
        (
            Finding::Movements {
                journal: DayMovements { spent: decimal("5"), added: decimal("4"), ..DayMovements::default() },
                account: DayMovements {
                    spent: decimal("5"),
                    other: decimal("-1"),
                    ..DayMovements::default()
                },
            },
            "movements",
            Some("T2"),
            None,
            "the rows of the day come to 5 spent, 4 added, 0 expired and 0 other, the account says 5 spent, 0 added, 0 expired and -1 other",
        ),
        (
            totals(Some((2, decimal("4")))),
            "usageTotals",
            Some("usage reports"),
            Some("user#2027-01-01"),
            "the rows have 3 calls for 5, the totals 2 for 4",
        ),
        (
            totals(None),
            "usageTotals",
            Some("usage reports"),
            Some("user#2027-01-01"),
            "the rows have 3 calls for 5, the totals are not there",
        ),
    ]
}

/// One finding of each of the other kinds.
fn other_findings() -> Vec<Said> {
    let (journal, account) = (decimal("5"), decimal("4"));
    let key = || JournalKey::from_stored("k");
    let payment = || payment_id("pur_1");
    let (inv4, pur) = (Some("invariant 4"), Some("pur_1"));
    vec![
        (
            Finding::Receipt { payment: payment(), expected: 3, found: 4 },
            "receipt",
            Some("F8"),
            pur,
            "its receipt is number 4, where 3 is next",
        ),
        (
            Finding::Receipts { journal: 3, account: 4 },
            "receipts",
            Some("F8"),
            None,
            "the last receipt is number 3, the account counts 4",
        ),
        (
            Finding::CreditNote { refund: payment_id("ref_1"), expected: 3, found: 4 },
            "creditNote",
            Some("F8"),
            Some("ref_1"),
            "its credit note is number 4, where 3 is next",
        ),
        (
            Finding::CreditNotes { refunds: 3, account: 4 },
            "creditNotes",
            Some("F8"),
            None,
            "3 refunds have a credit note, the account counts 4",
        ),
        (Finding::Unsound { problem: "it is".into() }, "unsound", inv4, None, "it is"),
        (
            Finding::Lot { lot: lot(), journal, account },
            "lot",
            inv4,
            pur,
            "its rows leave 5 in it, the account 4",
        ),
        (Finding::LotTerms { lot: lot() }, "lotTerms", inv4, pur, "it is not as the row that added it says"),
        (Finding::Owed { journal, account }, "owed", inv4, None, "the rows leave 5 owed, the account owes 4"),
        (Finding::Altered { key: key(), what: AMOUNTS }, "altered", Some("invariant 5"), Some("k"), AMOUNTS),
        (
            Finding::PostUsage { journal, account },
            "postUsage",
            Some("invariant 6"),
            None,
            "the rows leave 5 to be invoiced, the account 4",
        ),
        (
            Finding::PoolUse { month: Month::of(at(NOON)), number: 3, journal: 5, account: 4 },
            "poolUse",
            Some("S7"),
            Some("2027-01#3"),
            "the rows used 5 minutes of it, the account counts 4",
        ),
        (
            Finding::Held {
                holds: HeldSum { holds: 2, amount: decimal("0.14"), minutes: 3 },
                account: HeldSum { holds: 1, amount: decimal("0.07"), minutes: 0 },
            },
            "held",
            Some("C1"),
            Some("hold#"),
            "there are 2 holds of 0.14 and 3 minutes, and the account counts 1 holds of 0.07 and 0 minutes",
        ),
        (
            Finding::Currency { item: "k".into() },
            "currency",
            Some("T3"),
            Some("k"),
            "it is in another currency than the account",
        ),
        (
            Finding::Unreadable { item: "k".into(), problem: "it is no row".into() },
            "unreadable",
            None,
            Some("k"),
            "it is no row",
        ),
    ]
}

#[test]
fn a_finding_gives_the_invariant_the_key_and_the_detail() {
    let findings = [findings_of_rows(), findings_of_invoices(), findings_of_days(), other_findings()];
    for (finding, name, rule, key, says) in findings.into_iter().flatten() {
        assert_eq!((finding.name(), finding.rule()), (name, rule));
        assert_eq!(finding.key().as_deref(), key, "{name}");
        assert_eq!(finding.to_string(), says, "{name}");
    }
}

#[test]
fn an_audit_counts_its_items_and_reports_unreadable_ones() {
    let account = account("EUR", BillingModel::Prepaid, at(NOON));
    let asked_for = purchase_of("pur_1", decimal("50"));
    let open =
        purchase::open(&account, &card_holder(), at(NOON), &asked_for, &PurchaseLimits::default()).unwrap();
    let mut audit = Audit::of(&account);
    assert_eq!(audit.size(), 0);
    audit.payment(&Payment::from(open.answer));
    audit.row(&row(&invoice(), "0", "0", "0"));
    assert_eq!(audit.size(), 2);
    audit.unreadable("k".into(), "it is no row".into());
    let unreadable = Finding::Unreadable { item: "k".into(), problem: "it is no row".into() };
    assert!(audit.finish(0).contains(&unreadable));
}

#[test]
fn an_audit_names_the_newest_commit_that_the_account_does_not_know() {
    let account = account("EUR", BillingModel::Prepaid, at(NOON));
    let of_commit = |version, key: &str| JournalEntry {
        version,
        key: JournalKey::from_stored(key),
        ..row(&invoice(), "0", "0", "0")
    };
    let mut level = Audit::of(&account);
    level.row(&JournalEntry { version: account.version, ..row(&invoice(), "0", "0", "0") });
    assert!(!level.is_behind());
    let ahead = |latest| {
        let mut audit = Audit::of(&account);
        for (version, key) in [(5, "a"), (7, "b"), (7, "c"), (6, "d")] {
            audit.row(&of_commit(version, key));
        }
        assert!(audit.is_behind());
        let findings = audit.finish(latest);
        findings.into_iter().find(|finding| matches!(finding, Finding::Ahead { .. }))
    };
    let newest = Finding::Ahead { key: JournalKey::from_stored("b"), row: 7, account: 6 };
    assert_eq!((ahead(6), ahead(7)), (Some(newest), None));
}

#[test]
fn an_audit_finds_draws_on_a_lot_that_nothing_added() {
    let account = account("EUR", BillingModel::Prepaid, at(NOON));
    let mut audit = Audit::of(&account);
    audit.row(&row(&usage(), "-10", "10", "0"));
    let drawn = Finding::Lot { lot: lot(), journal: decimal("-10"), account: Decimal::ZERO };
    assert!(audit.finish(0).contains(&drawn));
}
