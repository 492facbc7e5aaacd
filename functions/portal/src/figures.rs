//! Amounts and instants of the API as people read them.

use domain::{Currency, Locale, Money};
use jiff::Timestamp;
use rust_decimal::Decimal;

/// An amount of the API. One that cannot be read, which the API never sends, is none.
pub(crate) fn money(amount: &str, currency: &str) -> Option<Money> {
    Money::new(amount.parse().ok()?, Currency::parse(currency).ok()?).ok()
}

/// The amount with its currency, to every decimal that it has. A text that is no amount is shown as the API wrote it.
pub(crate) fn amount(amount: &str, currency: &str, locale: Locale) -> String {
    match money(amount, currency) {
        Some(money) => with_minus(&wording::amount(money, locale)),
        None => format!("{amount} {currency}"),
    }
}

/// The amount with its currency, in whole minor units. A fraction is left out, so nobody reads more than there is.
pub(crate) fn rounded(amount: &str, currency: &str, locale: Locale) -> String {
    match money(amount, currency) {
        Some(money) => with_minus(&wording::amount(in_minor_units(money), locale)),
        None => format!("{amount} {currency}"),
    }
}

/// The amount with its currency, as an invoice rounds it: half up to whole minor units.
pub(crate) fn invoiced(amount: &str, currency: &str, locale: Locale) -> String {
    match money(amount, currency) {
        Some(money) => with_minus(&wording::amount(money.to_minor_units_half_up(), locale)),
        None => format!("{amount} {currency}"),
    }
}

/// The amount without its currency, to every decimal that the ledger keeps, for columns.
pub(crate) fn exact(amount: &str, currency: &str, locale: Locale) -> String {
    let shown = money(amount, currency).map(|money| wording::exact(money, locale));
    with_minus(&shown.unwrap_or_else(|| amount.to_owned()))
}

/// The text with minus signs in place of its hyphens. A number breaks before a hyphen, and a screen reader may leave it out.
pub(crate) fn with_minus(number: &str) -> String {
    number.replace('-', "\u{2212}")
}

/// A day and a minute, in UTC. The time does not break before its zone.
pub(crate) fn minute(instant: Timestamp, locale: Locale) -> String {
    wording::date_and_time(instant, locale).replace(" UTC", "\u{a0}UTC")
}

/// An instant as a page shows it, and as programs read it.
pub(crate) struct When {
    pub(crate) machine: String,
    pub(crate) text: String,
}

impl When {
    /// The day, in UTC.
    pub(crate) fn day(instant: impl Into<Timestamp>, locale: Locale) -> Self {
        let instant = instant.into();
        let day = domain::time::day_of(instant);
        Self { machine: day.to_string(), text: wording::day(day, locale) }
    }

    /// The day and the minute, in UTC.
    pub(crate) fn minute(instant: impl Into<Timestamp>, locale: Locale) -> Self {
        let instant = instant.into();
        Self { machine: instant.strftime("%Y-%m-%dT%H:%MZ").to_string(), text: minute(instant, locale) }
    }
}

fn in_minor_units(money: Money) -> Money {
    let digits = money.currency().minor_digits();
    let floor =
        money.amount().round_dp_with_strategy(digits, rust_decimal::RoundingStrategy::ToNegativeInfinity);
    Money::in_minor_units(floor, money.currency()).unwrap_or(money)
}

/// A number with two decimals as the language writes it.
pub(crate) fn decimal(number: &str, locale: Locale) -> String {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let Ok(whole) = whole.parse() else { return number.to_owned() };
    let whole = wording::count(whole, locale);
    match (decimals.trim_end_matches('0'), locale) {
        ("", _) => whole,
        (_, Locale::Fr) => format!("{whole},{decimals}"),
        (_, Locale::En) => format!("{whole}.{decimals}"),
    }
}

/// Whether a noun is in the singular after this number: after one, and in French after all numbers below two.
pub(crate) fn is_singular(number: impl Into<Decimal>, locale: Locale) -> bool {
    let number = number.into();
    match locale {
        Locale::En => number == Decimal::ONE,
        Locale::Fr => number < Decimal::TWO,
    }
}

/// Whether the amount is more than zero.
pub(crate) fn is_positive(amount: &str) -> bool {
    amount.parse::<Decimal>().is_ok_and(|amount| amount.is_sign_positive() && !amount.is_zero())
}

/// The whole days from now until then, begun ones included. None for an instant that is past.
pub(crate) fn days_until(now: Timestamp, then: Timestamp) -> Option<i64> {
    Some(wording::glossary::days_until(then, now)).filter(|days| *days > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_is_rounded_down_to_what_can_be_paid_with() {
        for (given, expected) in [
            ("87.6599", "EUR\u{a0}87.65"),
            ("87.65", "EUR\u{a0}87.65"),
            ("-0.0001", "EUR\u{a0}\u{2212}0.01"),
            ("0.0000", "EUR\u{a0}0.00"),
        ] {
            assert_eq!(rounded(given, "EUR", Locale::En), expected);
        }
        assert_eq!(rounded("1234.9", "JPY", Locale::En), "JPY\u{a0}1,234");
        assert_eq!(rounded("nonsense", "EUR", Locale::En), "nonsense EUR");
    }

    #[test]
    fn an_instant_has_a_text_for_people_and_one_for_programs() {
        let instant: Timestamp = "2026-11-28T23:59:59Z".parse().unwrap();
        let (day, minute) = (When::day(instant, Locale::En), When::minute(instant, Locale::Fr));
        assert_eq!((day.machine.as_str(), day.text.as_str()), ("2026-11-28", "28 November 2026"));
        assert_eq!(minute.machine, "2026-11-28T23:59Z");
        assert_eq!(minute.text, "28 novembre 2026 à 23:59\u{a0}UTC");
    }

    #[test]
    fn begun_days_count() {
        let at = |text: &str| text.parse().unwrap();
        let now = at("2026-11-28T12:00:00Z");
        assert_eq!(days_until(now, at("2026-11-28T12:00:01Z")), Some(1));
        assert_eq!(days_until(now, at("2026-11-29T12:00:00Z")), Some(1));
        assert_eq!(days_until(now, at("2026-11-29T12:00:01Z")), Some(2));
        assert_eq!(days_until(now, now), None);
    }

    #[test]
    fn one_is_singular_and_in_french_so_is_less_than_two() {
        for (number, english, french) in
            [("0", false, true), ("1.00", true, true), ("1.25", false, true), ("2", false, false)]
        {
            let number: Decimal = number.parse().unwrap();
            assert_eq!((is_singular(number, Locale::En), is_singular(number, Locale::Fr)), (english, french));
        }
    }

    #[test]
    fn decimals_are_written_in_the_language() {
        assert_eq!(decimal("1904.00", Locale::En), "1,904");
        assert_eq!(decimal("61.05", Locale::Fr), "61,05");
        assert_eq!(decimal("61.50", Locale::Fr), "61,50");
    }
}
