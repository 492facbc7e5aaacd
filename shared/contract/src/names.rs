//! Schemas of the names that a request may use. The names are taken from the domain, so that the OpenAPI document agrees with
//! it.
//!
//! Answers have no such schemas, since clients must expect new names there.

use std::borrow::Cow;

use domain::journal_key::EntryKind;
use domain::profile::MAX_NOTIFICATION_EMAILS;
use domain::usage_report::Dimension;
use domain::{BillingModel, Currency, Locale, Service};
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! names {
    ($(#[$doc:meta])* $name:ident, $schema:literal, $values:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some($values)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                $schema.into()
            }
        }
    };
}

names!(
    /// Services.
    ServiceName,
    "Service",
    Service::ALL.map(Service::as_str)
);

names!(
    /// Kinds of transactions.
    KindName,
    "TransactionKind",
    EntryKind::ALL.map(EntryKind::as_str)
);

names!(
    /// What a usage report is grouped by.
    DimensionName,
    "UsageDimension",
    Dimension::ALL.map(Dimension::as_str)
);

names!(
    /// Languages of the mails and receipts of an account.
    LocaleName,
    "Locale",
    Locale::ALL.map(Locale::as_str)
);

names!(
    /// Billing models of an account.
    BillingModelName,
    "BillingModel",
    BillingModel::ALL.map(BillingModel::as_str)
);

names!(
    /// Currencies of new accounts and of rates.
    CurrencyCode,
    "Currency",
    currencies()
);

/// The codes of all currencies in circulation.
fn currencies() -> impl Iterator<Item = &'static str> {
    let letters = || 'A'..='Z';
    let codes = letters().flat_map(move |a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
    let currencies = codes.filter_map(|code| Currency::parse(&String::from_iter(code)).ok());
    currencies.filter(|currency| currency.in_circulation()).map(Currency::code)
}

/// A list of distinct mail addresses.
#[derive(Clone, Copy, Debug)]
pub struct Emails;

impl PartialSchema for Emails {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::Custom("email".to_owned());
        let address = ObjectBuilder::new().schema_type(Type::String).format(Some(format));
        let addresses = ArrayBuilder::new().items(address).unique_items(true);
        addresses.max_items(Some(MAX_NOTIFICATION_EMAILS)).into()
    }
}

impl ToSchema for Emails {
    fn name() -> Cow<'static, str> {
        "Emails".into()
    }
}
