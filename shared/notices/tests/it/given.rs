//! What the mails of these tests are about.

use domain::fact::{Event, Expired, Expiring, Setting, UnusedFunds};
use domain::payment::Backup;
use domain::profile::{Card, PaymentMethod};
use domain::recharge::{Limit, Safeguard};
use domain::{
    AccountId, BillingModel, Currency, Fact, Fingerprint, Locale, LotId, Money, Payment, PaymentId,
    PaymentKind, PaymentState, Profile,
};
use jiff::Timestamp;
use notices::{Mail, Occasion};

pub(crate) const PORTAL: &str = "https://credits.example.com/";

pub(crate) fn euros(amount: &str) -> Money {
    Money::new(amount.parse().unwrap(), Currency::parse("EUR").unwrap()).unwrap()
}

pub(crate) fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn contoso(locale: Locale) -> Profile {
    Profile { name: "Contoso".to_owned(), locale, ..Profile::default() }
}

pub(crate) fn payment_id() -> PaymentId {
    PaymentId::parse("pur_0f343b0931126a20f133d67c2b018a3b").unwrap()
}

fn payment(kind: PaymentKind) -> Payment {
    let card =
        Card { brand: "mastercard".to_owned(), last4: "4444".to_owned(), exp_month: 12, exp_year: 2034 };
    Payment {
        account: AccountId::parse("contoso").unwrap(),
        id: payment_id(),
        kind,
        created_at: instant("2026-11-25T09:05:00Z"),
        amount: euros("50"),
        content: Fingerprint::of([]),
        attempt: 1,
        method: Some(PaymentMethod { customer: "cus_1".to_owned(), token: "pm_1".to_owned(), card }),
        backup: Backup::None,
        po_number: (kind == PaymentKind::Purchase).then(|| "PO-2026-118".to_owned()),
        revision: 3,
        state: PaymentState::Succeeded { intent: "pi_1".to_owned(), receipt_number: 7 },
    }
}

/// The mail about a fact, for a prepaid account.
pub(crate) fn mail(fact: Fact, profile: &Profile) -> Option<Mail> {
    mail_for(BillingModel::Prepaid, fact, profile)
}

pub(crate) fn mail_for(billing: BillingModel, fact: Fact, profile: &Profile) -> Option<Mail> {
    let kind = match fact {
        Fact::FundsAdded { kind, .. } => Some(kind),
        Fact::RechargeFailed { .. } | Fact::RechargeNeedsAction { .. } | Fact::RechargeStopped { .. } => {
            Some(PaymentKind::Recharge)
        }
        _ => None,
    };
    let payment = kind.map(payment);
    let event = Event {
        id: Event::id("contoso", 12, 0),
        account_id: "contoso".to_owned(),
        version: 12,
        at: instant("2026-11-25T09:05:30Z"),
        correlation_id: None,
        republished: false,
        fact,
    };
    Mail::about(&Occasion { event: &event, profile, billing, payment: payment.as_ref(), portal: PORTAL })
}

pub(crate) fn funds_added(kind: PaymentKind) -> Fact {
    Fact::FundsAdded {
        kind,
        payment_id: payment_id(),
        amount: euros("1250"),
        expires_at: instant("2027-11-25T09:05:00Z"),
        receipt_number: Some(7),
    }
}

pub(crate) fn recharge_failed(reason: &str, retry_at: Option<&str>) -> Fact {
    Fact::RechargeFailed {
        payment_id: payment_id(),
        amount: euros("50"),
        reason: reason.to_owned(),
        retry_at: retry_at.map(instant),
    }
}

pub(crate) fn changed(fields: &[Setting]) -> Fact {
    Fact::SettingsChanged {
        fields: fields.to_vec(),
        by: "ada@contoso.example".to_owned(),
        removed_recipients: Vec::new(),
    }
}

pub(crate) fn stopped(reason: &str) -> Fact {
    Fact::RechargeStopped {
        reason: reason.to_owned(),
        payment_id: Some(payment_id()),
        amount: Some(euros("50")),
    }
}

/// Lots of these amounts, which expire at these instants.
fn unused(lots: &[(&str, &str)]) -> (Money, Vec<UnusedFunds>) {
    let lots = lots.iter().map(|(amount, expires_at)| UnusedFunds {
        lot_id: LotId::of(&payment_id()),
        amount: euros(amount),
        expires_at: instant(expires_at),
    });
    let lots: Vec<_> = lots.collect();
    (lots.iter().fold(euros("0"), |sum, lot| sum + lot.amount), lots)
}

pub(crate) fn expiring(lots: &[(&str, &str)]) -> Fact {
    let (amount, lots) = unused(lots);
    Fact::FundsExpiring(Expiring { amount, days: 30, lots })
}

pub(crate) fn expired(lots: &[(&str, &str)]) -> Fact {
    let (amount, lots) = unused(lots);
    Fact::FundsExpired(Expired { amount, lots })
}

fn limited(why: Limit) -> Fact {
    Fact::RechargeLimited { why, until: instant("2026-12-01T00:00:00Z") }
}

/// One of each mail.
pub(crate) fn every_mail() -> Vec<(&'static str, BillingModel, Fact)> {
    let prepaid = |name, fact| (name, BillingModel::Prepaid, fact);
    let depleted = Fact::BalanceDepleted { available: euros("-1.25") };
    let warning = Fact::BalanceWarning { available: euros("19.7361"), amount: euros("20") };
    let mut many = vec![("50", "2026-12-25T08:00:00Z"); 20];
    many[19].1 = "2026-12-26T07:00:00Z";
    vec![
        prepaid("n1-recharge", funds_added(PaymentKind::Recharge)),
        prepaid("n2-failed", recharge_failed("insufficient_funds", Some("2026-11-25T10:05:00Z"))),
        prepaid(
            "n2-needs-action",
            Fact::RechargeNeedsAction {
                payment_id: payment_id(),
                amount: euros("50"),
                url: "https://pay.example.com/confirm?intent=pi_1&lang=auto".to_owned(),
            },
        ),
        prepaid("n3-depleted", depleted.clone()),
        ("n3-depleted-post-usage", BillingModel::PostUsage, depleted),
        prepaid("n4-warning", warning.clone()),
        ("n4-warning-post-usage", BillingModel::PostUsage, warning),
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
        prepaid("n9-auto-recharge", changed(&[Setting::AutoRecharge])),
        prepaid("n9-recipients", changed(&[Setting::NotificationEmails])),
        prepaid("n9-several", changed(&[Setting::NotificationEmails, Setting::AutoRecharge])),
        prepaid("n10-paused", Fact::RechargePaused { why: Safeguard::Runaway }),
        prepaid("n10-limited-monthly", limited(Limit::Monthly)),
        prepaid("n10-limited-maximum", limited(Limit::Maximum)),
        prepaid("n10-limited-lots", limited(Limit::Lots)),
        prepaid("n10-stopped", stopped("card_declined")),
        prepaid("n10-stopped-lost-card", stopped("lost_card")),
    ]
}
