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
        Some(money) => wording::amount(money, locale),
        None => format!("{amount} {currency}"),
    }
}

/// The amount with its currency, in whole minor units. A fraction is left out, so nobody reads more than there is.
pub(crate) fn rounded(amount: &str, currency: &str, locale: Locale) -> String {
    match money(amount, currency) {
        Some(money) => wording::amount(in_minor_units(money), locale),
        None => format!("{amount} {currency}"),
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
            ("-0.0001", "EUR\u{a0}-0.01"),
            ("0.0000", "EUR\u{a0}0.00"),
        ] {
            assert_eq!(rounded(given, "EUR", Locale::En), expected);
        }
        assert_eq!(rounded("1234.9", "JPY", Locale::En), "JPY\u{a0}1,234");
        assert_eq!(rounded("nonsense", "EUR", Locale::En), "nonsense EUR");
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
