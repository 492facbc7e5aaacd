//! Events and situations for the tests of mails.

use domain::card_payment::{Backup, Repayments};
use domain::event::{
    Event, Expired, Expiring, NewAutoRecharge, NewCards, NewValues, PoolShare, Setting, ShownCard,
    UnusedFunds,
};
use domain::profile::{Author, Card, PaymentMethod};
use domain::recharge::{Limit, Safeguard, State};
use domain::time::Month;
use domain::{
    AccountId, BillingModel, CardPayment, CardPaymentKind, CardPaymentState, Currency, EventDetails,
    Fingerprint, Locale, LotId, Money, PaymentId, PaymentKind, Profile,
};
use jiff::Timestamp;
use notices::{Mail, Occasion, Reader};

pub(crate) const PORTAL: &str = "https://credits.example.com/";

pub(crate) fn euros(amount: &str) -> Money {
    Money::new(amount.parse().unwrap(), Currency::parse("EUR").unwrap()).unwrap()
}

pub(crate) fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn contoso(locale: Locale) -> Profile {
    let card = Card { brand: "visa".to_owned(), last4: "4242".to_owned(), exp_month: 12, exp_year: 2026 };
    let method = PaymentMethod { customer: "cus_1".to_owned(), token: "pm_1".to_owned(), card };
    Profile { name: "Contoso".to_owned(), locale, payment_method: Some(method), ..Profile::default() }
}

pub(crate) fn payment_id() -> PaymentId {
    PaymentId::parse("pur_0f343b0931126a20f133d67c2b018a3b").unwrap()
}

fn payment(kind: CardPaymentKind) -> CardPayment {
    let card =
        Card { brand: "mastercard".to_owned(), last4: "4444".to_owned(), exp_month: 12, exp_year: 2034 };
    CardPayment {
        account: AccountId::parse("contoso").unwrap(),
        id: payment_id(),
        kind,
        created_at: instant("2026-11-25T09:05:00Z"),
        amount: euros("50"),
        fingerprint: Fingerprint::of([]),
        attempt: 1,
        method: PaymentMethod { customer: "cus_1".to_owned(), token: "pm_1".to_owned(), card },
        backup: Backup::None,
        po_number: (kind == CardPaymentKind::Purchase).then(|| "PO-2026-118".to_owned()),
        recharge_amounts: None,
        revision: 3,
        state: CardPaymentState::Succeeded {
            intent: "pi_1".to_owned(),
            receipt_number: 7,
            repayments: Repayments::default(),
        },
    }
}

/// The reader of a mail, and the state of the account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub billing: BillingModel,
    pub recharge: State,
    pub reader: Reader,
}

pub(crate) const PREPAID: Situation =
    Situation { billing: BillingModel::Prepaid, recharge: State::Off, reader: Reader::Recipient };
const POST_USAGE: Situation = Situation { billing: BillingModel::PostUsage, ..PREPAID };

/// The mail about an event, for a prepaid account without auto-recharge.
pub(crate) fn mail(event: EventDetails, profile: &Profile) -> Option<Mail> {
    mail_in(PREPAID, event, profile)
}

pub(crate) fn mail_in(situation: Situation, event: EventDetails, profile: &Profile) -> Option<Mail> {
    let Situation { billing, recharge, reader } = situation;
    let kind = match event {
        EventDetails::FundsAdded { kind, .. } => Some(kind),
        EventDetails::RechargeFailed { .. }
        | EventDetails::RechargeNeedsAction { .. }
        | EventDetails::RechargeStopped { .. } => Some(PaymentKind::Recharge),
        _ => None,
    };
    let payment = kind.and_then(CardPaymentKind::of).map(payment);
    let event = Event {
        id: Event::id("contoso", 12, 0),
        account_id: "contoso".to_owned(),
        version: 12,
        at: instant("2026-11-25T09:05:30Z"),
        correlation_id: None,
        republished: false,
        details: event,
    };
    let payment = payment.as_ref();
    Mail::about(&Occasion { event: &event, profile, billing, recharge, reader, payment, portal: PORTAL })
}

pub(crate) fn funds_added(kind: PaymentKind) -> EventDetails {
    EventDetails::FundsAdded {
        kind,
        payment_id: payment_id(),
        amount: euros("1250"),
        expires_at: instant("2027-11-25T09:05:00Z"),
        receipt_number: Some(7),
        recharge_amounts: (kind == PaymentKind::Recharge).then_some(1),
    }
}

/// A recharge of several recharge amounts.
fn recharged_at_once() -> EventDetails {
    let EventDetails::FundsAdded { kind, payment_id, expires_at, receipt_number, .. } =
        funds_added(PaymentKind::Recharge)
    else {
        unreachable!("funds were added")
    };
    let (amount, recharge_amounts) = (euros("150"), Some(3));
    EventDetails::FundsAdded { kind, payment_id, amount, expires_at, receipt_number, recharge_amounts }
}

pub(crate) fn recharge_failed(reason: &str, retry_at: Option<&str>) -> EventDetails {
    EventDetails::RechargeFailed {
        payment_id: payment_id(),
        amount: euros("50"),
        reason: reason.to_owned(),
        retry_at: retry_at.map(instant),
    }
}

pub(crate) fn changed(fields: &[Setting]) -> EventDetails {
    let card = |brand: &str, last4: &str| ShownCard { brand: brand.to_owned(), last4: last4.to_owned() };
    let has = |setting| fields.contains(&setting);
    let recipients = ["ada@contoso.example", "eve@contoso.example"].map(str::to_owned);
    let new = NewValues {
        notification_emails: has(Setting::NotificationEmails).then(|| recipients.to_vec()),
        payment_method: has(Setting::PaymentMethod)
            .then(|| NewCards { card: Some(card("visa", "4242")), backup: Some(card("amex", "0005")) }),
        auto_recharge: has(Setting::AutoRecharge).then(|| NewAutoRecharge {
            enabled: true,
            resumed: false,
            recharge_amount: Some(euros("50")),
            trigger_amount: Some(euros("60")),
            monthly_limit: None,
        }),
    };
    EventDetails::SettingsChanged {
        fields: fields.to_vec(),
        by: "ada@contoso.example".to_owned(),
        added_recipients: Vec::new(),
        removed_recipients: Vec::new(),
        new,
    }
}

/// A change of cards that the card processor made.
pub(crate) fn cards_followed(has_card: bool) -> EventDetails {
    let mut fields = vec![Setting::PaymentMethod];
    let card = has_card.then(|| ShownCard { brand: "visa".to_owned(), last4: "1881".to_owned() });
    let mut new = NewValues { payment_method: Some(NewCards { card, backup: None }), ..NewValues::default() };
    if !has_card {
        fields.push(Setting::AutoRecharge);
        new.auto_recharge = Some(NewAutoRecharge {
            enabled: false,
            resumed: false,
            recharge_amount: Some(euros("50")),
            trigger_amount: Some(euros("60")),
            monthly_limit: None,
        });
    }
    EventDetails::SettingsChanged {
        fields,
        by: Author::CARD_PROCESSOR.to_owned(),
        added_recipients: Vec::new(),
        removed_recipients: Vec::new(),
        new,
    }
}

/// A change of auto-recharge alone.
fn recharge_changed(enabled: bool, resumed: bool) -> EventDetails {
    let amounts = [Some(euros("50")), Some(euros("60")), Some(euros("500"))];
    let [recharge_amount, trigger_amount, monthly_limit] = amounts;
    let set = NewAutoRecharge { enabled, resumed, recharge_amount, trigger_amount, monthly_limit };
    EventDetails::SettingsChanged {
        fields: vec![Setting::AutoRecharge],
        by: "ada@contoso.example".to_owned(),
        added_recipients: Vec::new(),
        removed_recipients: Vec::new(),
        new: NewValues { auto_recharge: Some(set), ..NewValues::default() },
    }
}

pub(crate) fn stopped(reason: &str) -> EventDetails {
    EventDetails::RechargeStopped {
        reason: reason.to_owned(),
        payment_id: Some(payment_id()),
        amount: Some(euros("50")),
    }
}

/// Lots, each as (amount, expiry), and their sum.
fn unused(lots: &[(&str, &str)]) -> (Money, Vec<UnusedFunds>) {
    let lots = lots.iter().map(|(amount, expires_at)| UnusedFunds {
        lot_id: LotId::of(&payment_id()),
        amount: euros(amount),
        expires_at: instant(expires_at),
    });
    let lots: Vec<_> = lots.collect();
    (lots.iter().fold(euros("0"), |sum, lot| sum + lot.amount), lots)
}

pub(crate) fn expiring(lots: &[(&str, &str)]) -> EventDetails {
    let (amount, lots) = unused(lots);
    EventDetails::FundsExpiring(Expiring { amount, days: 30, lots })
}

pub(crate) fn expired(lots: &[(&str, &str)]) -> EventDetails {
    let (amount, lots) = unused(lots);
    EventDetails::FundsExpired(Expired { amount, lots })
}

fn limited(why: Limit) -> EventDetails {
    EventDetails::RechargeLimited { why, until: instant("2026-12-01T00:00:00Z") }
}

/// A pool of 3,000 minutes of which so many are used.
fn pool_used(used: u64) -> EventDetails {
    EventDetails::PoolUsed(PoolShare {
        pool: "MCOPSTN1/FR".to_owned(),
        month: Month::parse("2026-11").unwrap(),
        share: if used == 3_000 { 100 } else { 80 },
        used,
        size: 3_000,
    })
}

/// An invoice that was due 14 days and some hours before its event.
fn overdue() -> EventDetails {
    EventDetails::InvoiceOverdue {
        invoice_id: PaymentId::parse("inv_2026-09").unwrap(),
        number: 11,
        month: Month::parse("2026-09").unwrap(),
        amount: euros("1234.5"),
        due_at: instant("2026-11-11T06:00:00Z"),
        days: 14,
    }
}

/// An event for each kind of mail, with the name of its snapshot.
pub(crate) fn every_mail() -> Vec<(&'static str, Situation, EventDetails)> {
    let prepaid = |name, event| (name, PREPAID, event);
    let with =
        |name, recharge, event: &EventDetails| (name, Situation { recharge, ..PREPAID }, event.clone());
    let to = |name, reader, event| (name, Situation { reader, ..PREPAID }, event);
    let depleted = EventDetails::BalanceDepleted { available: euros("-1.25") };
    let zero = EventDetails::BalanceDepleted { available: euros("0") };
    let until = instant("2026-11-25T10:05:00Z");
    let warning = EventDetails::BalanceWarning { available: euros("19.7361"), amount: euros("20") };
    let mut many = vec![("50", "2026-12-25T08:00:00Z"); 20];
    many[19].1 = "2026-12-26T07:00:00Z";
    let mut mails = vec![
        prepaid("n1-recharge", funds_added(PaymentKind::Recharge)),
        prepaid("n1-recharge-several", recharged_at_once()),
        prepaid("n2-failed", recharge_failed("insufficient_funds", Some("2026-11-25T10:05:00Z"))),
        prepaid(
            "n2-needs-action",
            EventDetails::RechargeNeedsAction {
                payment_id: payment_id(),
                amount: euros("50"),
                url: "https://pay.example.com/confirm?intent=pi_1&lang=auto".to_owned(),
            },
        ),
        prepaid("n3-depleted", depleted.clone()),
        prepaid("n3-depleted-zero", zero.clone()),
        with("n3-depleted-armed", State::Armed, &depleted),
        with("n3-depleted-waiting", State::Waiting { until, failures: 1 }, &depleted),
        with("n3-depleted-needs-action", State::NeedsAction { failures: 0 }, &depleted),
        with("n3-depleted-limited", State::Limited { until, why: Limit::Monthly }, &depleted),
        with("n3-depleted-paused", State::Paused { why: Safeguard::Runaway }, &depleted),
        with("n3-depleted-stopped", State::Stopped, &depleted),
        ("n3-depleted-post-usage", POST_USAGE, zero),
        prepaid("n4-warning", warning.clone()),
        with("n4-warning-armed", State::Armed, &warning),
        ("n4-warning-post-usage", POST_USAGE, warning),
        prepaid("n8-80-percent", pool_used(2_400)),
        prepaid("n8-all", pool_used(3_000)),
        ("n8-80-percent-post-usage", POST_USAGE, pool_used(2_400)),
        prepaid("n12-switch-pending", EventDetails::SwitchPending),
        (
            "n12-switched",
            POST_USAGE,
            EventDetails::SwitchCompleted { owed: euros("0.30"), funds: euros("0") },
        ),
        (
            "n12-switched-with-funds",
            POST_USAGE,
            EventDetails::SwitchCompleted { owed: euros("0"), funds: euros("12.5") },
        ),
        (
            "n12-invoice",
            POST_USAGE,
            EventDetails::InvoiceIssued {
                invoice_id: PaymentId::parse("inv_2026-10").unwrap(),
                number: 12,
                month: Month::parse("2026-10").unwrap(),
                amount: euros("87.65"),
                due_at: instant("2026-12-01T06:00:00Z"),
            },
        ),
        ("n12-overdue", POST_USAGE, overdue()),
        prepaid("n5-expiring", expiring(&[("8.5", "2026-12-25T08:00:00Z")])),
        prepaid(
            "n5-expiring-several",
            expiring(&[("8.5", "2026-12-25T08:00:00Z"), ("0.0001", "2026-12-25T09:30:00Z")]),
        ),
        prepaid("n5-expiring-many", expiring(&many)),
        prepaid("n6-expired", expired(&[("8.5", "2026-11-22T08:00:00Z")])),
        prepaid(
            "n6-expired-several",
            expired(&[("8.5", "2026-11-21T08:00:00Z"), ("50", "2026-11-22T08:00:00Z")]),
        ),
        prepaid("n7-purchase", funds_added(PaymentKind::Purchase)),
        prepaid("n9-payment-method", changed(&[Setting::Name, Setting::PaymentMethod])),
        prepaid("n9-payment-renewed", cards_followed(true)),
        prepaid("n9-payment-forgotten", cards_followed(false)),
        prepaid("n9-auto-recharge", changed(&[Setting::AutoRecharge])),
        prepaid("n9-auto-recharge-off", recharge_changed(false, false)),
        prepaid("n9-auto-recharge-resumed", recharge_changed(true, true)),
        prepaid("n9-recipients", changed(&[Setting::NotificationEmails])),
        to("n9-recipients-added", Reader::Added, changed(&[Setting::NotificationEmails])),
        to("n9-recipients-removed", Reader::Removed, changed(&[Setting::NotificationEmails])),
        prepaid("n9-several", changed(&[Setting::NotificationEmails, Setting::AutoRecharge])),
        prepaid("n10-paused", EventDetails::RechargePaused { why: Safeguard::Runaway }),
        prepaid("n10-limited-monthly", limited(Limit::Monthly)),
        prepaid("n10-limited-maximum", limited(Limit::Maximum)),
        prepaid("n10-limited-lots", limited(Limit::Lots)),
        prepaid("n10-stopped", stopped("card_declined")),
        prepaid("n10-stopped-lost-card", stopped("lost_card")),
    ];
    mails.extend(mails_about_cards());
    mails
}

/// The mails about refunds and disputes, and about a card that expires.
fn mails_about_cards() -> [(&'static str, Situation, EventDetails); 12] {
    let prepaid = |name, event| (name, PREPAID, event);
    [
        prepaid("f9-refunded", refunded(None, true)),
        prepaid("f9-refunded-beyond-the-lot", refunded(Some("12.30"), false)),
        ("f9-refunded-post-usage", POST_USAGE, refunded(Some("12.30"), false)),
        prepaid("f9-refund-returned", refund_returned(Some(3), false)),
        prepaid("f9-refund-refused", refund_returned(None, true)),
        prepaid("f9-dispute-opened", dispute_opened("40", true)),
        prepaid("f9-dispute-opened-all-spent", dispute_opened("0", false)),
        prepaid("f9-dispute-won", dispute_ended("0", "40", "0", true)),
        prepaid("f9-dispute-lost", dispute_ended("50", "0", "10", true)),
        ("f9-dispute-lost-post-usage", POST_USAGE, dispute_ended("50", "0", "10", false)),
        prepaid("f9-dispute-lost-in-part", dispute_ended("30", "10", "0", false)),
        prepaid("n13-card", EventDetails::CardExpiring { month: Month::parse("2026-12").unwrap() }),
    ]
}

fn refund_id() -> PaymentId {
    PaymentId::parse("ref_5b1f0d0f3a6a4e1d9c0b7f0e6d2a9c11").unwrap()
}

fn dispute_id() -> PaymentId {
    PaymentId::parse("dsp_5b1f0d0f3a6a4e1d9c0b7f0e6d2a9c11").unwrap()
}

fn refunded(beyond_lot: Option<&str>, recharge_paused: bool) -> EventDetails {
    EventDetails::FundsRefunded {
        payment_id: payment_id(),
        refund_id: refund_id(),
        amount: euros("42.10"),
        credit_note_number: 3,
        beyond_lot: beyond_lot.map(euros),
        recharge_paused,
    }
}

fn refund_returned(credit_note_number: Option<u64>, recharge_paused: bool) -> EventDetails {
    EventDetails::RefundReturned {
        payment_id: payment_id(),
        refund_id: refund_id(),
        amount: euros("42.10"),
        credit_note_number,
        reason: "expired_or_canceled_card".to_owned(),
        recharge_paused,
    }
}

fn dispute_opened(frozen: &str, recharge_paused: bool) -> EventDetails {
    EventDetails::DisputeOpened {
        payment_id: payment_id(),
        dispute_id: dispute_id(),
        amount: euros("50"),
        frozen: euros(frozen),
        reason: "fraudulent".to_owned(),
        recharge_paused,
    }
}

fn dispute_ended(lost: &str, returned: &str, beyond_lot: &str, recharge_paused: bool) -> EventDetails {
    EventDetails::DisputeEnded {
        payment_id: payment_id(),
        dispute_id: dispute_id(),
        amount: euros("50"),
        lost: euros(lost),
        returned: euros(returned),
        beyond_lot: euros(beyond_lot),
        recharge_paused,
    }
}
