//! Names of values in the store, in events and in answers. A value is serialized by its name, and parsed from it.

use std::fmt::Debug;

use domain::account::Status;
use domain::event::{NewValues, Setting};
use domain::recharge::{Limit, Safeguard};
use domain::rejected_record::RejectionStatus;
use domain::{
    AccountId, Adjustment, BillingModel, CardPaymentKind, EntryKind, EventDetails, Fingerprint, JournalKey,
    Locale, MessageId, Payment, PaymentId, PaymentKind, Service,
};
use serde::Serialize;

use crate::given::money;

/// Checks that each of these values is serialized as its name.
fn serialized_as<T: Copy + Debug + Serialize>(values: &[T], name: impl Fn(T) -> &'static str) {
    for &value in values {
        assert_eq!(serde_json::to_string(&value).unwrap(), format!("{:?}", name(value)), "{value:?}");
    }
}

/// Checks that each of these values is parsed from its name, and that other names are refused.
fn found<T: Copy + Debug + PartialEq>(
    values: &[T],
    name: impl Fn(T) -> &'static str,
    parse: impl Fn(&str) -> Option<T>,
) {
    for &value in values {
        assert_eq!(parse(name(value)), Some(value));
    }
    for other in ["", "Purchase", "another"] {
        assert_eq!(parse(other), None, "{other:?}");
    }
}

#[test]
fn a_value_has_one_name() {
    serialized_as(&BillingModel::ALL, BillingModel::as_str);
    serialized_as(&Service::ALL, Service::as_str);
    found(&Service::ALL, Service::as_str, Service::parse);
    serialized_as(&EntryKind::ALL, EntryKind::as_str);
    found(&EntryKind::ALL, EntryKind::as_str, EntryKind::parse);
    serialized_as(&Locale::ALL, Locale::as_str);
    let kinds = [PaymentKind::Purchase, PaymentKind::Recharge, PaymentKind::Adjustment];
    serialized_as(&kinds, PaymentKind::as_str);
    found(&kinds, PaymentKind::as_str, PaymentKind::parse);
    let limits = [Limit::Monthly, Limit::Maximum, Limit::Lots];
    serialized_as(&limits, Limit::as_str);
    found(&limits, Limit::as_str, Limit::parse);
    let safeguards = [Safeguard::Runaway, Safeguard::Refund, Safeguard::Dispute];
    serialized_as(&safeguards, Safeguard::as_str);
    found(&safeguards, Safeguard::as_str, Safeguard::parse);
    let refusals = [RejectionStatus::Invalid, RejectionStatus::Conflict];
    serialized_as(&refusals, RejectionStatus::as_str);
    found(&refusals, RejectionStatus::as_str, RejectionStatus::parse);
}

#[test]
fn a_card_payment_is_a_purchase_or_a_recharge() {
    let kinds = [CardPaymentKind::Purchase, CardPaymentKind::Recharge];
    found(&kinds, CardPaymentKind::as_str, CardPaymentKind::parse);
    for kind in kinds {
        assert_eq!(PaymentKind::from(kind).as_str(), kind.as_str());
        assert_eq!(EntryKind::from(kind).as_str(), kind.as_str());
        assert_eq!(CardPaymentKind::of(kind.into()), Some(kind));
    }
    assert_eq!(CardPaymentKind::of(PaymentKind::Adjustment), None);
}

#[test]
fn a3_the_two_states_of_an_account_have_the_apis_names() {
    assert_eq!([Status::Active, Status::Depleted].map(Status::as_str), ["active", "depleted"]);
}

#[test]
fn s2_a_fingerprint_is_half_a_sha_256_over_its_parts_and_their_lengths() {
    // Computed with another program: SHA-256 of 1 as eight bytes, "a", 2 as eight bytes, "bc".
    assert_eq!(Fingerprint::of(["a", "bc"]).as_str(), "3fafa1cf2f19a7c1129beb20cf0983f7");
    assert_ne!(Fingerprint::of(["ab", "c"]), Fingerprint::of(["a", "bc"]));
    assert_eq!(Fingerprint::from_stored("kept").as_str(), "kept");
}

#[test]
fn s3_the_rejected_records_of_a_message_share_the_beginning_of_their_keys() {
    let sent_at = "2026-11-22T10:00:00Z".parse().unwrap();
    let [message, other] = ["m-1", "m-10"].map(|id| MessageId::parse(id).unwrap());
    let prefix = JournalKey::prefix_of_rejected(sent_at, &message);
    assert_eq!(prefix, "2026-11-22T10:00:00.000Z#rejected#m-1#");
    assert!(JournalKey::rejected(sent_at, &message, 7).as_str().starts_with(&prefix));
    assert!(!JournalKey::rejected(sent_at, &other, 7).as_str().starts_with(&prefix));
}

#[test]
fn n9_an_event_leaves_out_values_that_were_not_changed() {
    let changed = |new: NewValues| {
        let event = EventDetails::SettingsChanged {
            fields: vec![Setting::NotificationEmails],
            by: "ada".to_owned(),
            added_recipients: Vec::new(),
            removed_recipients: Vec::new(),
            new,
        };
        serde_json::to_value(event).unwrap()
    };
    assert_eq!(changed(NewValues::default()).get("new"), None);
    let emails = Some(vec!["ada@example.com".to_owned()]);
    let some = changed(NewValues { notification_emails: emails, ..NewValues::default() });
    assert_eq!(some["new"], serde_json::json!({ "notificationEmails": ["ada@example.com"] }));
}

#[test]
fn a_payment_is_a_card_payment_or_an_adjustment() {
    let account = AccountId::parse("a").unwrap();
    let adjustment = Adjustment {
        account: account.clone(),
        id: PaymentId::derive(&account, PaymentKind::Adjustment, "k"),
        created_at: "2026-11-22T10:00:00Z".parse().unwrap(),
        amount: money("5", "EUR"),
        fingerprint: Fingerprint::of(["5"]),
    };
    assert_eq!(Payment::Adjustment(adjustment.clone()).adjustment(), Some(adjustment.clone()));
    assert_eq!(Payment::Adjustment(adjustment).card(), None);
}
