//! Amounts and instants of the API as people read them.

use domain::{Currency, Locale, Money};
use jiff::Timestamp;
use rust_decimal::Decimal;

/// An amount of the API. One that cannot be read, which the API never sends, is none.
pub(crate) fn money(amount: &str, currency: &str) -> Option<Money> {
    Money::new(amount.parse().ok()?, Currency::parse(currency).ok()?).ok()
}

/// The amount with its currency, to every decimal that it has. What cannot be read is shown as the API wrote it.
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

/// The text with minus signs in place of its hyphens. A number breaks before a hyphen, and a screen reader may leave it out.
pub(crate) fn with_minus(number: &str) -> String {
    number.replace('-', "\u{2212}")
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
        Self {
            machine: instant.strftime("%Y-%m-%dT%H:%MZ").to_string(),
            text: wording::date_and_time(instant, locale),
        }
    }
}

fn in_minor_units(money: Money) -> Money {
    let digits = money.currency().minor_digits();
    let floor =
        money.amount().round_dp_with_strategy(digits, rust_decimal::RoundingStrategy::ToNegativeInfinity);
    Money::in_minor_units(floor, money.currency()).unwrap_or(money)
}

/// Whether the amount is more than zero.
pub(crate) fn is_positive(amount: &str) -> bool {
    amount.parse::<Decimal>().is_ok_and(|amount| amount.is_sign_positive() && !amount.is_zero())
}

/// The whole days from now until then, begun ones included. None for what is past.
pub(crate) fn days_until(now: Timestamp, then: Timestamp) -> Option<i64> {
    const SECONDS_A_DAY: i64 = 24 * 3600;
    let seconds = then.duration_since(now).as_secs();
    (seconds > 0).then(|| (seconds + SECONDS_A_DAY - 1) / SECONDS_A_DAY)
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
        assert_eq!(minute.text, "28 novembre 2026 à 23:59 UTC");
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
}
