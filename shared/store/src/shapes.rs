//! An item of every shape is read as it was written. A damaged item is an error that names the attribute.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::card_payment::{Backup, CardPayment, CardPaymentKind, CardPaymentState, Repayments};
use domain::dispute::{Dispute, DisputeState};
use domain::invoice::{ClosedMonth, InvoiceState, Paid, Voided};
use domain::journal::{EntryDetails, JournalEntry, Lasting, ReturnedLot, Reversal};
use domain::journal_key::JournalKey;
use domain::lot::{Began, Draw};
use domain::pool::IncludedMinutes;
use domain::profile::{Card, PaymentMethod};
use domain::rate::RatingBasis;
use domain::refund::{Origin, Payout, Refund, RefundState};
use domain::rejected_record::{Message, RejectedRecord, RejectionStatus};
use domain::time::Month;
use domain::usage::{Number, Service, UsageRecord};
use domain::{
    AccountId, Adjustment, Currency, EventDetails, Fingerprint, Invoice, LotId, MessageId, Money, Payment,
    PaymentId, RecordId,
};
use jiff::{SignedDuration, Timestamp};

use crate::entry_item::{entry_from_item, entry_to_item, marker_from_item, marker_to_item};
use crate::error::StoreError;
use crate::item::{Item, Reader, Writer};
use crate::payment_item::{payment_from_item, payment_to_item};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-22T07:43:00.123Z")
}

fn eur() -> Currency {
    Currency::parse("EUR").unwrap()
}

fn euros(text: &str) -> Money {
    Money::sum(text.parse().unwrap(), eur()).unwrap()
}

fn account() -> AccountId {
    AccountId::parse("contoso").unwrap()
}

fn payment_id() -> PaymentId {
    PaymentId::parse("pur_1").unwrap()
}

fn lot() -> LotId {
    LotId::parse("pur_1").unwrap()
}

fn method(token: &str) -> PaymentMethod {
    let card = Card { brand: "visa".into(), last4: "4242".into(), exp_month: 12, exp_year: 2030 };
    PaymentMethod { customer: "cus_1".into(), token: token.into(), card }
}

/// A record with all optional fields, and one with none.
pub(crate) fn records() -> [UsageRecord; 2] {
    let bare = UsageRecord {
        id: RecordId::parse("rec-1").unwrap(),
        revision: 1,
        call_id: None,
        user_id: None,
        service: Service::UserOut,
        service_by_rates: false,
        number: Number::parse("+33123456789").unwrap(),
        started_at: at("2026-11-21T09:05:12Z"),
        duration_seconds: 61,
        charge: None,
        currency: None,
        plan: None,
        user_country: None,
        cost_centre: None,
        hold_id: None,
    };
    let full = UsageRecord {
        revision: 2,
        call_id: Some("call".into()),
        user_id: Some("user".into()),
        service: Service::Premium,
        service_by_rates: true,
        number: Number::as_reported("112").unwrap(),
        charge: Some("0.0195".parse().unwrap()),
        currency: Some(eur()),
        plan: Some("plan".into()),
        user_country: Some("FR".into()),
        cost_centre: Some("cost centre".into()),
        hold_id: Some("hold".into()),
        ..bare.clone()
    };
    [full, bare]
}

fn rejection(record_id: Option<&str>, status: RejectionStatus) -> RejectedRecord {
    RejectedRecord {
        message: Message { id: MessageId::parse("m-1").unwrap(), sent_at: now() },
        index: 7,
        record_id: record_id.map(str::to_owned),
        status,
        field: "service".into(),
        detail: "expected one".into(),
        text: "{}".into(),
    }
}

/// The details of every kind of entry.
fn entries() -> Vec<EntryDetails> {
    let rated = RatingBasis::Rated {
        prefix: "33".into(),
        destination: "France".into(),
        country: "FR".into(),
        per_minute: "0.0195".parse().unwrap(),
        connection_fee: "0.1".parse().unwrap(),
        billed_seconds: 120,
        increments: "60/60".into(),
        effective_from: now(),
        included: Vec::new(),
    };
    let with_minutes = match rated.clone() {
        RatingBasis::Rated { prefix, destination, per_minute, connection_fee, billed_seconds, .. } => {
            let country = String::new();
            let included = vec![minutes()];
            let (increments, effective_from) = ("30/6".into(), now());
            RatingBasis::Rated {
                prefix,
                destination,
                country,
                per_minute,
                connection_fee,
                billed_seconds,
                increments,
                effective_from,
                included,
            }
        }
        other => other,
    };
    let mut entries = Vec::new();
    for record in records() {
        for basis in [rated.clone(), with_minutes.clone(), RatingBasis::AsRated, RatingBasis::ZeroDuration] {
            entries.push(EntryDetails::Usage { record: record.clone(), charge: euros("0.139"), basis });
        }
        entries.push(EntryDetails::Unrated { record });
    }
    entries.push(EntryDetails::Rejected(rejection(Some("rec-1"), RejectionStatus::Conflict)));
    entries.push(EntryDetails::Rejected(rejection(None, RejectionStatus::Invalid)));
    for kind in [CardPaymentKind::Purchase, CardPaymentKind::Recharge] {
        entries.push(EntryDetails::Funds {
            kind,
            payment: payment_id(),
            expires_at: at("2027-11-22T07:43:00.123Z"),
        });
    }
    for expires_at in [None, Some(at("2027-11-22T07:43:00.123Z"))] {
        let (reason, author) = ("goodwill".into(), "ada".into());
        entries.push(EntryDetails::Adjustment { payment: payment_id(), reason, author, expires_at });
    }
    for returned_by in
        [None, Some(JournalKey::from_stored("2026-11-22T07:43:00.123Z#usage#rec-1#1#reversal"))]
    {
        entries.push(EntryDetails::Expiry { lot: lot(), returned_by });
    }
    entries.extend(reversals().map(EntryDetails::Reversal));
    entries.push(EntryDetails::Switch);
    entries.extend(repayment_entries());
    for number in [None, Some(7)] {
        entries.push(EntryDetails::Invoice { month: Month::of(now()), number });
    }
    entries
}

/// Entries of refunds and disputes, with and without their optional parts.
fn repayment_entries() -> [EntryDetails; 6] {
    let (payment, expires_at) = (payment_id(), at("2027-11-22T07:43:00.123Z"));
    let [refund, dispute] = ["ref_1", "dsp_1"].map(|id| PaymentId::parse(id).unwrap());
    let text = |text: &str| Some(text.to_owned());
    let returned = vec![Draw { lot: lot(), amount: euros("0.1"), expires_at, began: None }];
    let asked = |reason, author| EntryDetails::Refund {
        payment: payment.clone(),
        refund: refund.clone(),
        reason,
        author,
    };
    let failed = |returned, lot| EntryDetails::RefundReturned {
        payment: payment.clone(),
        refund: refund.clone(),
        reason: "expired_or_canceled_card".into(),
        returned,
        lot,
    };
    let rest = ReturnedLot { id: LotId::of_reversal("k"), amount: euros("0.039"), expires_at };
    [
        asked(text("cancelled"), text("ada")),
        asked(None, None),
        failed(returned.clone(), Some(rest)),
        failed(Vec::new(), None),
        EntryDetails::Dispute {
            payment: payment.clone(),
            dispute: dispute.clone(),
            reason: "fraudulent".into(),
        },
        EntryDetails::DisputeEnded { payment: payment.clone(), dispute, lost: euros("0"), returned },
    ]
}

/// Refunds and disputes in every state.
fn repayments() -> Repayments {
    let operator = Origin::Operator {
        reason: "cancelled".into(),
        author: "ada".into(),
        fingerprint: Fingerprint::of(["asked"]),
    };
    let payout = |credit_note| Payout { processor_id: "re_1".into(), credit_note, at: now() };
    let reason = || "expired_or_canceled_card".to_owned();
    let refunds = [
        (operator.clone(), "0", RefundState::Open),
        (operator.clone(), "0", RefundState::Paid(payout(1))),
        (Origin::Processor, "0.039", RefundState::Paid(payout(2))),
        (operator, "0", RefundState::Returned { paid: None, at: now(), reason: reason() }),
        (
            Origin::Processor,
            "1",
            RefundState::Returned { paid: Some(payout(3)), at: now(), reason: reason() },
        ),
    ];
    let refund = |(origin, post_usage, state): (Origin, &str, RefundState)| Refund {
        id: PaymentId::parse("ref_1").unwrap(),
        created_at: now(),
        amount: euros("10"),
        from_lot: euros("9"),
        post_usage: euros(post_usage),
        origin,
        state,
    };
    let (frozen, lost) = (euros("0.039"), euros("10"));
    let disputes = [
        DisputeState::Inquiry,
        DisputeState::Open { frozen },
        DisputeState::Won { frozen, at: now() },
        DisputeState::Lost { frozen, lost, at: now() },
        DisputeState::Dropped,
    ];
    let dispute = |state| Dispute {
        id: PaymentId::parse("dsp_1").unwrap(),
        processor_id: "dp_1".into(),
        created_at: now(),
        amount: euros("10"),
        reason: "fraudulent".into(),
        state,
    };
    Repayments { refunds: refunds.map(refund).into(), disputes: disputes.map(dispute).into() }
}

fn minutes() -> IncludedMinutes {
    IncludedMinutes { pool: "P1/FR".into(), number: 7, minutes: 20 }
}

/// A reversal with all optional parts, and one of an unrated record.
fn reversals() -> [Reversal; 2] {
    let [full, bare] = records();
    let expires_at = at("2027-11-22T07:43:00.123Z");
    let returned = Draw { lot: lot(), amount: euros("0.1"), expires_at, began: None };
    let rated = Reversal {
        of: full.key().rated(),
        record: full,
        charge: Some(euros("0.139")),
        returned: vec![returned],
        lot: Some(ReturnedLot { id: LotId::of_reversal("k"), amount: euros("0.039"), expires_at }),
        included: vec![minutes()],
        on_void_invoice: euros("0.039"),
        reason: "wrong number".into(),
        author: "ada".into(),
    };
    let unrated = Reversal {
        of: bare.key(),
        record: bare,
        charge: None,
        returned: Vec::new(),
        lot: None,
        included: Vec::new(),
        on_void_invoice: euros("0"),
        ..rated.clone()
    };
    [rated, unrated]
}

pub(crate) fn row(details: EntryDetails) -> JournalEntry {
    JournalEntry {
        key: JournalKey::from_stored("2026-11-22T07:43:00.123Z#usage#rec-1#1"),
        at: now(),
        posted_at: at("2026-11-22T07:43:01Z"),
        amount: euros("-0.139"),
        balance: euros("99.861"),
        version: 7,
        sequence: 3,
        draws: Vec::new(),
        post_usage: euros("0"),
        fingerprint: Fingerprint::of(["content"]),
        requires: None,
        unmarks: None,
        lasting: None,
        details,
    }
}

#[test]
fn every_entry_is_read_as_it_was_written() {
    for entry in entries() {
        let bare = row(entry);
        let draws = [("pur_1", "0.1"), ("pur_2", "0.039")].map(|(id, amount)| Draw {
            lot: LotId::parse(id).unwrap(),
            amount: euros(amount),
            expires_at: at("2027-11-22T07:43:00.123Z"),
            began: (id == "pur_1").then(|| Began { purchased_at: now(), amount: euros("100") }),
        });
        let full = JournalEntry {
            draws: draws.into(),
            post_usage: euros("-0.0001"),
            lasting: Some(Lasting { number: 2, details: EventDetails::BalanceLow { available: euros("5") } }),
            ..bare.clone()
        };
        for row in [bare, full] {
            assert_eq!(entry_from_item(&entry_to_item(&account(), &row)).unwrap(), row);
        }
    }
}

fn succeeded(repayments: Repayments) -> CardPaymentState {
    CardPaymentState::Succeeded { intent: "pi_1".into(), receipt_number: 12, repayments }
}

/// Payments of every kind in every state, with and without their optional fields.
fn payments() -> Vec<Payment> {
    let states = [
        CardPaymentState::Open { intent: None },
        CardPaymentState::Open { intent: Some("pi_1".into()) },
        CardPaymentState::NeedsAction { intent: "pi_1".into(), url: "https://example.com/1".into() },
        succeeded(Repayments::default()),
        succeeded(repayments()),
        CardPaymentState::Declined { reason: "card_declined".into() },
    ];
    let backups = [
        Backup::None,
        Backup::Ready(method("pm_2")),
        Backup::Tried { first_decline: "card_declined".into() },
    ];
    let mut payments = Vec::new();
    for (number, state) in states.into_iter().enumerate() {
        let kinds = [CardPaymentKind::Purchase, CardPaymentKind::Recharge, CardPaymentKind::Recharge];
        for (kind, backup) in kinds.into_iter().zip(backups.clone()) {
            payments.push(Payment::from(CardPayment {
                account: account(),
                id: payment_id(),
                kind,
                created_at: now(),
                amount: euros("50"),
                fingerprint: Fingerprint::of(["content"]),
                attempt: 2,
                method: method("pm_1"),
                backup,
                po_number: (number % 2 == 0).then(|| "PO 1".into()),
                recharge_amounts: (number % 2 == 0).then_some(3),
                revision: 3,
                state: state.clone(),
            }));
        }
    }
    payments.push(Payment::from(Adjustment {
        account: account(),
        id: payment_id(),
        created_at: now(),
        amount: euros("-50"),
        fingerprint: Fingerprint::of(["content"]),
    }));
    payments.extend(invoices().map(Payment::from));
    payments
}

/// An invoice in each state.
fn invoices() -> [Invoice; 3] {
    let (by, at) = ("ada".to_owned(), now());
    let paid = Paid { reference: "bank-7".into(), at, by: by.clone() };
    let voided = Voided { reason: "a mistake".into(), at, by };
    let issued_at = at + SignedDuration::from_hours(24 * 10);
    let closed = ClosedMonth {
        month: Month::of(now()),
        number: 7,
        issued_at,
        due_at: issued_at + SignedDuration::from_hours(24 * 30),
        carried_in: euros("-0.005"),
        charges: euros("10.0099"),
        amount: euros("10"),
        carried_over: euros("0.0049"),
    };
    let states = [InvoiceState::Open, InvoiceState::Paid(paid), InvoiceState::Void(voided)];
    states.map(|state| Invoice {
        account: account(),
        closed: closed.clone(),
        name: "Contoso".into(),
        po_number: (state != InvoiceState::Open).then(|| "PO 1".into()),
        state,
        revision: 2,
    })
}

#[test]
fn every_payment_is_read_as_it_was_written() {
    for payment in payments() {
        assert_eq!(payment_from_item(&payment_to_item(&payment)).unwrap(), payment);
    }
}

#[test]
fn only_card_payments_are_in_the_index_of_purchases() {
    for payment in payments() {
        let is_listed = matches!(payment, Payment::Card(_));
        assert_eq!(payment_to_item(&payment).contains_key("created"), is_listed, "{payment:?}");
    }
}

#[test]
fn a_marker_names_its_entry() {
    let key = JournalKey::from_stored("2026-11-21T09:05:12.000Z#usage#rec-1#1");
    assert_eq!(marker_from_item(&marker_to_item(&account(), &key)).unwrap(), (account(), key));
    for (entry, problem) in [
        ("contoso", "a marker of an unrated record is corrupt: it names no account"),
        (
            "con toso#k",
            "a marker of an unrated record is corrupt: expected 1 to 64 letters, digits, '-', '_' or '.'",
        ),
    ] {
        let mut item = marker_to_item(&account(), &JournalKey::from_stored("k"));
        item.insert("entry".into(), AttributeValue::S(entry.into()));
        assert_eq!(marker_from_item(&item).unwrap_err().to_string(), problem);
    }
}

#[test]
fn an_item_of_a_newer_schema_is_refused() {
    let of_schema = |schema: &str| {
        let mut item =
            entry_to_item(&account(), &row(EntryDetails::Expiry { lot: lot(), returned_by: None }));
        item.insert("schema".into(), AttributeValue::N(schema.into()));
        entry_from_item(&item)
    };
    assert!(["5", "4", "3", "2", "1", "0"].into_iter().all(|schema| of_schema(schema).is_ok()));
    assert!(matches!(of_schema("6"), Err(StoreError::NewerSchema { found: 6, .. })));
}

#[test]
fn an_error_names_the_damaged_attribute() {
    let text = |text: &str| AttributeValue::S(text.into());
    let number = |digits: &str| AttributeValue::N(digits.into());
    for (field, value, problem) in [
        ("kind", text("gift"), "kind has an unknown name"),
        ("kind", number("1"), "kind is not a text"),
        ("at", number("253402300800000"), "at is no instant of these books"),
        ("at", text("2026"), "at is not such a number"),
        ("version", number("-1"), "version is not such a number"),
        ("currency", text("EUX"), "currency: "),
        ("amount", number("0.00001"), "amount: "),
        ("lots", text("none"), "lots is not a list"),
        ("lots", AttributeValue::L(vec![text("pur_1")]), "lots is not a list of maps"),
        ("lotId", text("a b"), "lotId: expected an id such as pur_0123…"),
        ("postUsage", text("0"), "postUsage is not such a number"),
        ("fact", text("{"), "fact: "),
    ] {
        let mut item =
            entry_to_item(&account(), &row(EntryDetails::Expiry { lot: lot(), returned_by: None }));
        item.insert("factNumber".into(), number("0"));
        item.insert(field.into(), value);
        let found = entry_from_item(&item).unwrap_err().to_string();
        assert!(found.starts_with(&format!("a journal row is corrupt: {problem}")), "{field}: {found}");
    }
    let mut item = payment_to_item(&payments()[0]);
    item.insert("state".into(), text("lost"));
    let found = payment_from_item(&item).unwrap_err().to_string();
    assert_eq!(found, "a payment is corrupt: state \"lost\" is unknown");

    let adjustment = payments().into_iter().find(|payment| matches!(payment, Payment::Adjustment(_)));
    let adjustment = payment_to_item(&adjustment.unwrap());
    for (attribute, damaged) in [
        ("state", AttributeValue::S("open".into())),
        ("attempt", AttributeValue::N("1".into())),
        ("revision", AttributeValue::N("2".into())),
    ] {
        let mut item = adjustment.clone();
        item.insert(attribute.into(), damaged);
        let found = payment_from_item(&item).unwrap_err().to_string();
        assert!(found.starts_with("a payment is corrupt: an adjustment has state"), "{attribute}: {found}");
        item.remove(attribute);
        assert!(payment_from_item(&item).is_err(), "{attribute} is missing");
    }
}

#[test]
fn a_missing_attribute_is_read_as_none_and_others_as_written() {
    let item: Item = Writer::default()
        .text("text", "x")
        .flag("yes", true)
        .flag("no", false)
        .flag_if("set", true)
        .flag_if("unset", false)
        .money("money", euros("1.5"))
        .instant("instant", now())
        .instant_if("later", Some(now()))
        .instant_if("never", None)
        .map("map", Writer::default().text("text", "y"))
        .map_if("no map", None)
        .texts("texts", ["a".to_owned(), "b".to_owned()])
        .maps("no maps", [])
        .done();
    let reader = Reader::unversioned(&item, "a test");
    assert_eq!((reader.text("text").unwrap(), reader.text_if("text").unwrap()), ("x", Some("x".into())));
    assert_eq!(reader.text_if("none").unwrap(), None);
    assert_eq!((reader.flag("yes").unwrap(), reader.flag("no").unwrap()), (true, false));
    assert_eq!((reader.flag("set").unwrap(), reader.has("unset")), (true, false));
    assert_eq!(reader.money_if("money", eur()).unwrap(), Some(euros("1.5")));
    assert_eq!(reader.money_if("none", eur()).unwrap(), None);
    assert_eq!(reader.money_or_zero("money", eur()).unwrap(), euros("1.5"));
    assert_eq!(reader.money_or_zero("none", eur()).unwrap(), euros("0"));
    assert_eq!(
        (reader.instant("later").unwrap(), reader.instant_if("instant").unwrap()),
        (now(), Some(now()))
    );
    assert_eq!((reader.instant_if("never").unwrap(), reader.has("no map")), (None, false));
    assert_eq!(reader.map_if("map").unwrap().unwrap().text("text").unwrap(), "y");
    assert!(reader.map_if("none").unwrap().is_none());
    assert_eq!(reader.texts("texts").unwrap(), ["a", "b"]);
    assert!(reader.texts("none").unwrap().is_empty());
    assert!(reader.maps("no maps").unwrap().is_empty() && !reader.has("no maps"));
    for problem in [
        reader.flag("text").unwrap_err(),
        reader.texts("text").unwrap_err(),
        reader.map("text").err().unwrap(),
        reader.instant("text").unwrap_err(),
    ] {
        assert!(problem.to_string().starts_with("a test is corrupt: text is not "), "{problem}");
    }
}
