//! Names that are stored, published and answered: each value has the one that it is serialized with, and is found by it.

use std::fmt::Debug;

use domain::account::Status;
use domain::recharge::{Limit, Safeguard};
use domain::rejected_record::RejectionStatus;
use domain::{BillingModel, CardPaymentKind, EntryKind, Locale, PaymentKind, Service};
use serde::Serialize;

/// Checks that each of these values is serialized as `name` says.
fn serialized_as<T: Copy + Debug + Serialize>(values: &[T], name: impl Fn(T) -> &'static str) {
    for &value in values {
        assert_eq!(serde_json::to_string(&value).unwrap(), format!("{:?}", name(value)), "{value:?}");
    }
}

/// Checks that each of these values is found by its name, and none by another.
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
    serialized_as(&[Safeguard::Runaway], Safeguard::as_str);
    found(&[Safeguard::Runaway], Safeguard::as_str, Safeguard::parse);
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
