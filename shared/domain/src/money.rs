//! Money: an exact amount that knows its currency and refuses to mix (T3).
//!
//! The ledger is exact to the currency's minor unit plus two decimals (EUR 0.0001, JPY 0.01, KWD 0.00001);
//! cards, refunds and receipts are in minor units.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use rust_decimal::{Decimal, RoundingStrategy};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// No amount reaches 10^15 units, and neither does what an account holds, owes, or is to be invoiced for (S4): a larger
/// one is a mistake.
pub const MAX_UNITS: Decimal = Decimal::from_parts(0xA4C6_8000, 0x3_8D7E, 0, false, 0);

/// No sum of them reaches 10^18 units; a larger one is damaged, and a million of such sums add up without overflow.
pub const MAX_SUM: Decimal = Decimal::from_parts(0xA764_0000, 0xDE0_B6B3, 0, false, 0);

/// How much finer than the minor unit the ledger is, in decimals (T3).
const LEDGER_EXTRA_DIGITS: u32 = 2;

/// An ISO 4217 currency that has a minor unit (so not gold, nor the testing code).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

/// The code is not an ISO 4217 currency that money is kept in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an ISO 4217 currency code such as EUR")]
pub struct UnknownCurrency;

impl Currency {
    /// Reads a three-letter code in capitals.
    ///
    /// ```
    /// use domain::Currency;
    /// assert_eq!(Currency::parse("JPY").unwrap().minor_digits(), 0);
    /// assert!(Currency::parse("eur").is_err());
    /// assert!(Currency::parse("XAU").is_err(), "gold has no minor unit");
    /// ```
    pub fn parse(code: &str) -> Result<Self, UnknownCurrency> {
        iso_currency::Currency::from_code(code)
            .filter(|currency| currency.exponent().is_some())
            .map(Self)
            .ok_or(UnknownCurrency)
    }

    /// Whether this is money that people pay with today: neither withdrawn, nor a fund, nor a unit of account.
    ///
    /// ```
    /// use domain::Currency;
    /// let in_circulation = |code| Currency::parse(code).unwrap().in_circulation();
    /// assert!(in_circulation("EUR") && in_circulation("VES"));
    /// assert!(!in_circulation("HRK"), "Croatia has paid in euros since 2023");
    /// assert!(!in_circulation("CHE"), "the WIR euro is a fund");
    /// ```
    pub fn in_circulation(self) -> bool {
        use iso_currency::Currency::VES;
        // The crate takes the digital bolívar (VED) for the successor of the bolívar (VES). ISO 4217's list of current
        // currencies has both, and prices are in VES.
        let withdrawn = self.0.is_superseded().is_some() && self.0 != VES;
        !(withdrawn || self.0.is_fund() || self.0.is_special())
    }

    /// The three-letter code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// The sign that people write for it, such as `€`. Several currencies share a sign.
    ///
    /// ```
    /// use domain::Currency;
    /// assert_eq!(Currency::parse("CAD").unwrap().sign(), "$");
    /// ```
    pub fn sign(self) -> String {
        self.0.symbol().symbol
    }

    /// Decimals of the minor unit: EUR 2, JPY 0, KWD 3.
    pub fn minor_digits(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }

    /// Decimals the ledger keeps: the minor unit's plus two (T3).
    pub fn ledger_digits(self) -> u32 {
        self.minor_digits() + LEDGER_EXTRA_DIGITS
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// Why an amount is not one the ledger can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// More decimals than the ledger keeps (T3).
    #[error("expected at most {digits} decimals for {currency}")]
    TooPrecise {
        /// Decimals allowed.
        digits: u32,
        /// The currency that sets them.
        currency: Currency,
    },
    /// Beyond [`MAX_UNITS`].
    #[error("expected an amount below 1 000 000 000 000 000")]
    TooLarge,
    /// Beyond [`MAX_SUM`].
    #[error("expected a sum below 1 000 000 000 000 000 000")]
    SumTooLarge,
    /// Within [`MAX_UNITS`] by itself, and beyond it with what the account has already (S4).
    #[error("expected an amount that keeps the account's sums below 1 000 000 000 000 000")]
    AccountTooLarge,
}

/// An exact amount of one currency, positive or negative.
///
/// Arithmetic between two currencies is a programming error and panics: an account has one currency, and
/// what comes from outside is checked against it at the edge.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

impl Money {
    /// An amount the ledger can hold exactly.
    ///
    /// ```
    /// use domain::{Currency, Money};
    /// let eur = Currency::parse("EUR").unwrap();
    /// assert_eq!(Money::new("12.34".parse().unwrap(), eur).unwrap().to_string(), "12.3400");
    /// assert!(Money::new("0.00001".parse().unwrap(), eur).is_err());
    /// ```
    pub fn new(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        Self::with_digits(amount, currency, currency.ledger_digits())
    }

    /// An amount in whole minor units, as cards are charged (T3).
    ///
    /// # Errors
    ///
    /// [`MoneyError::TooPrecise`] for a fraction of a minor unit, [`MoneyError::TooLarge`] for more than the ledger keeps.
    ///
    /// ```
    /// use domain::{Currency, Money};
    /// let jpy = Currency::parse("JPY").unwrap();
    /// assert_eq!(Money::in_minor_units("500".parse().unwrap(), jpy).unwrap().to_string(), "500.00");
    /// assert!(Money::in_minor_units("500.5".parse().unwrap(), jpy).is_err());
    /// ```
    pub fn in_minor_units(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        Self::with_digits(amount, currency, currency.minor_digits())
    }

    /// What a ledger of such amounts adds up to: as exact as they are, and larger.
    ///
    /// # Errors
    ///
    /// The same as [`Money::new`], with a larger bound.
    pub fn sum(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        if amount.abs() >= MAX_SUM {
            return Err(MoneyError::SumTooLarge);
        }
        Self::exact(amount, currency, currency.ledger_digits())
    }

    fn with_digits(amount: Decimal, currency: Currency, digits: u32) -> Result<Self, MoneyError> {
        if amount.abs() >= MAX_UNITS {
            return Err(MoneyError::TooLarge);
        }
        Self::exact(amount, currency, digits)
    }

    fn exact(amount: Decimal, currency: Currency, digits: u32) -> Result<Self, MoneyError> {
        let amount = amount.normalize();
        if amount.scale() > digits {
            return Err(MoneyError::TooPrecise { digits, currency });
        }
        Ok(Self { amount, currency })
    }

    /// Rounds once, half away from zero, to what the ledger keeps (S5).
    ///
    /// # Errors
    ///
    /// [`MoneyError::TooLarge`] for more than the ledger keeps.
    ///
    /// ```
    /// use domain::{Currency, Money};
    /// let eur = Currency::parse("EUR").unwrap();
    /// assert_eq!(Money::rounded("0.00005".parse().unwrap(), eur).unwrap().to_string(), "0.0001");
    /// assert_eq!(Money::rounded("-0.00005".parse().unwrap(), eur).unwrap().to_string(), "-0.0001");
    /// ```
    pub fn rounded(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let rounded =
            amount.round_dp_with_strategy(currency.ledger_digits(), RoundingStrategy::MidpointAwayFromZero);
        Self::new(rounded, currency)
    }

    /// The largest sum that can be kept: one ledger unit below [`MAX_SUM`].
    pub fn largest_sum(currency: Currency) -> Self {
        Self { amount: MAX_SUM - Decimal::new(1, currency.ledger_digits()), currency }
    }

    /// Nothing, of this currency.
    pub fn zero(currency: Currency) -> Self {
        Self { amount: Decimal::ZERO, currency }
    }

    /// Rounded half up to whole minor units, as an invoice's total is (T3).
    #[must_use]
    pub fn to_minor_units_half_up(self) -> Self {
        let digits = self.currency.minor_digits();
        // "Up" is towards positive infinity: shift by half a unit and cut downwards.
        let half = Decimal::new(5, digits + 1);
        let amount =
            (self.amount + half).round_dp_with_strategy(digits, RoundingStrategy::ToNegativeInfinity);
        Self { amount: amount.normalize(), currency: self.currency }
    }

    /// Rounded down to so many decimals, as a refund is (T3).
    #[must_use]
    pub fn rounded_down(self, digits: u32) -> Self {
        let amount = self.amount.round_dp_with_strategy(digits, RoundingStrategy::ToNegativeInfinity);
        Self { amount: amount.normalize(), currency: self.currency }
    }

    /// So many minor units (cents).
    pub fn of_minor_units(units: i64, currency: Currency) -> Self {
        Self { amount: Decimal::new(units, currency.minor_digits()).normalize(), currency }
    }

    /// The count of the smallest amounts that the ledger keeps, hundredths of a minor unit. It is exact.
    ///
    /// ```
    /// use domain::{Currency, Money};
    /// let eur = Currency::parse("EUR").unwrap();
    /// assert_eq!(Money::new("12.3".parse().unwrap(), eur).unwrap().ledger_units(), 123_000);
    /// ```
    pub fn ledger_units(self) -> i128 {
        let mut units = self.amount;
        units.rescale(self.currency.ledger_digits());
        units.mantissa()
    }

    /// The count of minor units (cents), when the amount is a whole number of them.
    pub fn minor_units(self) -> Option<i64> {
        let mut units = self.amount.normalize();
        if units.scale() > self.currency.minor_digits() {
            return None;
        }
        units.rescale(self.currency.minor_digits());
        i64::try_from(units.mantissa()).ok()
    }

    /// The bare number.
    pub fn amount(self) -> Decimal {
        self.amount
    }

    /// The currency.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// More than zero.
    pub fn is_positive(self) -> bool {
        self.amount > Decimal::ZERO
    }

    /// Less than zero.
    pub fn is_negative(self) -> bool {
        self.amount < Decimal::ZERO
    }

    /// Exactly zero.
    pub fn is_zero(self) -> bool {
        self.amount.is_zero()
    }

    /// At least one minor unit: less is worth no mail.
    pub fn reaches_minor_unit(self) -> bool {
        self >= Self::of_minor_units(1, self.currency)
    }

    /// So many times as much.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { amount: self.amount * Decimal::from(times), ..self }
    }

    /// The smaller of the two.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        if self <= other { self } else { other }
    }

    fn same_currency(self, other: Self) -> Currency {
        assert_eq!(self.currency, other.currency, "amounts of two currencies never mix");
        self.currency
    }
}

impl fmt::Display for Money {
    /// The amount alone, with every decimal the ledger keeps: `12.3400`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.currency.ledger_digits() as usize;
        write!(f, "{:.digits$}", self.amount)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} {}", self.currency)
    }
}

/// An amount as events write it: `{"amount": "50.0000", "currency": "EUR"}`, so that it can be read alone.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InJson {
    amount: String,
    currency: String,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        InJson { amount: self.to_string(), currency: self.currency.to_string() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let InJson { amount, currency } = InJson::deserialize(deserializer)?;
        let currency = Currency::parse(&currency).map_err(serde::de::Error::custom)?;
        let amount = amount.parse().map_err(serde::de::Error::custom)?;
        Self::sum(amount, currency).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Money {
    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An exact amount of one currency",
            "type": "object",
            "properties": {
                "amount": { "description": "Units of the currency (euros, not cents), exact, with up to two decimals more than its minor unit", "type": "string", "pattern": r"^-?\d+(\.\d+)?$" },
                "currency": { "description": "ISO 4217 code", "type": "string", "pattern": "^[A-Z]{3}$" },
            },
            "required": ["amount", "currency"],
        })
    }
}

impl PartialOrd for Money {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.same_currency(*other);
        self.amount.partial_cmp(&other.amount)
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { currency: self.same_currency(other), amount: self.amount + other.amount }
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { currency: self.same_currency(other), amount: self.amount - other.amount }
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        // Not `-amount`, which makes a zero negative.
        Self { amount: Decimal::ZERO - self.amount, ..self }
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str, code: &str) -> Money {
        Money::new(text.parse().unwrap(), Currency::parse(code).unwrap()).unwrap()
    }

    #[test]
    fn t3_the_ledger_keeps_two_decimals_more_than_the_minor_unit() {
        for (code, fits, too_fine) in
            [("EUR", "0.0001", "0.00001"), ("JPY", "0.01", "0.001"), ("KWD", "0.00001", "0.000001")]
        {
            let currency = Currency::parse(code).unwrap();
            assert!(Money::new(fits.parse().unwrap(), currency).is_ok(), "{code}");
            assert_eq!(
                Money::new(too_fine.parse().unwrap(), currency),
                Err(MoneyError::TooPrecise { digits: currency.ledger_digits(), currency })
            );
        }
    }

    #[test]
    fn t3_cards_are_charged_in_minor_units() {
        for (code, text, units) in
            [("EUR", "12.34", 1234), ("JPY", "5000", 5000), ("KWD", "1.234", 1234), ("EUR", "-3", -300)]
        {
            assert_eq!(money(text, code).minor_units(), Some(units), "{code} {text}");
        }
        assert_eq!(money("0.001", "EUR").minor_units(), None);
    }

    #[test]
    fn s5_rounds_half_away_from_zero() {
        let eur = Currency::parse("EUR").unwrap();
        for (exact, rounded) in
            [("0.00005", "0.0001"), ("-0.00005", "-0.0001"), ("0.000049", "0.0000"), ("0.00015", "0.0002")]
        {
            assert_eq!(
                Money::rounded(exact.parse().unwrap(), eur).unwrap(),
                money(rounded, "EUR"),
                "{exact}"
            );
        }
    }

    #[test]
    fn t3_an_invoice_rounds_half_up() {
        for (exact, total) in
            [("1.005", "1.01"), ("1.0049", "1.00"), ("-1.005", "-1.00"), ("-1.006", "-1.01")]
        {
            assert_eq!(money(exact, "EUR").to_minor_units_half_up(), money(total, "EUR"), "{exact}");
        }
        assert_eq!(money("10.5", "JPY").to_minor_units_half_up(), money("11", "JPY"));
    }

    #[test]
    #[should_panic(expected = "never mix")]
    fn two_currencies_never_mix() {
        let _ = money("1", "EUR") + money("1", "USD");
    }

    #[test]
    fn a_sum_beyond_the_limit_is_refused_at_the_edge() {
        let eur = Currency::parse("EUR").unwrap();
        assert_eq!(MAX_UNITS, Decimal::from(1_000_000_000_000_000_i64));
        let largest_sum = |code| Money::largest_sum(Currency::parse(code).unwrap()).to_string();
        let largest = ["999999999999999999.9999", "999999999999999999.99"];
        assert_eq!(["EUR", "JPY"].map(largest_sum), largest);
        assert_eq!(Money::new(MAX_UNITS, eur), Err(MoneyError::TooLarge));
        assert!(Money::sum(MAX_UNITS, eur).is_ok(), "what was accepted may add up to more");
        assert_eq!(MAX_SUM, MAX_UNITS * Decimal::ONE_THOUSAND);
        assert_eq!(Money::sum(-MAX_SUM, eur), Err(MoneyError::SumTooLarge));
    }

    #[test]
    fn shown_with_every_decimal() {
        assert_eq!(money("-3", "EUR").to_string(), "-3.0000");
        assert_eq!(money("5000", "JPY").to_string(), "5000.00");
        assert_eq!((-money("0", "EUR")).to_string(), "0.0000");
    }
}
