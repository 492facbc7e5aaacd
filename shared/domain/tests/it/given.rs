//! Constructors for the accounts, amounts, records and requests of the tests.

use domain::debit::Terms;
use domain::profile::{Card, PaymentMethod};
use domain::purchase::PurchaseRequest;
use domain::usage::Number;
use domain::{
    Account, AccountId, BillingModel, Currency, Fingerprint, Lot, LotId, Money, PaymentId, Pools, Profile,
    RateTable, RecordId, Service, UsageRecord,
};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

pub(crate) fn millis(count: i64) -> SignedDuration {
    SignedDuration::from_millis(count)
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(crate) fn money(text: &str, code: &str) -> Money {
    Money::new(decimal(text), currency(code)).unwrap()
}

pub(crate) fn payment_id(id: &str) -> PaymentId {
    PaymentId::parse(id).unwrap()
}

/// An account without funds.
pub(crate) fn account(code: &str, billing_model: BillingModel, now: Timestamp) -> Account {
    Account::open(AccountId::parse("contoso").unwrap(), currency(code), billing_model, now)
}

/// An account on 1 January 2027 with these lots, each as (id, expiry, remaining amount).
pub(crate) fn with_lots(code: &str, billing_model: BillingModel, lots: &[(&str, &str, &str)]) -> Account {
    let now = at("2027-01-01T00:00:00Z");
    let mut account = account(code, billing_model, now);
    for &(id, expires_at, remaining) in lots {
        let amount = money(remaining, code);
        let lot = Lot::new(LotId::parse(id).unwrap(), account.created_at, at(expires_at), amount, now);
        account.lots.push(lot);
    }
    account.lots.sort_by_key(|lot| lot.expires_at);
    account.depletion_told = !account.available(now).is_positive();
    account
}

/// A prepaid account in euros with these lots.
pub(crate) fn euros(lots: &[(&str, &str, &str)]) -> Account {
    with_lots("EUR", BillingModel::Prepaid, lots)
}

/// A prepaid account in euros that owes this amount.
pub(crate) fn owing(owed: &str) -> Account {
    Account { owed: money(owed, "EUR"), ..euros(&[]) }
}

/// The same account, last changed at this instant.
pub(crate) fn changed_at(account: Account, now: Timestamp) -> Account {
    Account { as_of: now, ..account }
}

/// A call of this length that ended at this instant. Without a charge it is to be rated.
pub(crate) fn call(id: &str, ended_at: Timestamp, seconds: u32, charge: Option<&str>) -> UsageRecord {
    UsageRecord {
        id: RecordId::parse(id).unwrap(),
        revision: 1,
        call_id: None,
        user_id: None,
        service: Service::UserOut,
        service_by_rates: false,
        number: Number::parse("+33123456789").unwrap(),
        started_at: ended_at - SignedDuration::from_secs(seconds.into()),
        duration_seconds: seconds,
        charge: charge.map(decimal),
        currency: None,
        plan: None,
        user_country: None,
        cost_centre: None,
        hold_id: None,
    }
}

/// Charges at these rates, on an account without pools.
pub(crate) fn priced(rates: &RateTable) -> Terms<'_> {
    static NO_POOLS: Pools = Pools { version: 0, list: Vec::new() };
    Terms { rates, pools: &NO_POOLS }
}

/// A profile with a card.
pub(crate) fn card_holder() -> Profile {
    let card = Card { brand: "visa".into(), last4: "4242".into(), exp_month: 12, exp_year: 2040 };
    let method = PaymentMethod { customer: "cus_1".into(), token: "pm_1".into(), card };
    Profile { payment_method: Some(method), po_number: Some("PO-7".into()), ..Profile::default() }
}

pub(crate) fn purchase_of(id: &str, amount: Decimal) -> PurchaseRequest {
    PurchaseRequest { id: payment_id(id), fingerprint: Fingerprint::of([id]), amount, method: None }
}
