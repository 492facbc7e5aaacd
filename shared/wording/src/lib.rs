//! The words of pages, mails and documents, and amounts and dates as people write them, in English and in French (A1).
//!
//! | file | what |
//! |---|---|
//! | [`words!`] | defines texts in both languages |
//! | [`glossary`] | the words of the product |
//! | [`recharge`] | the states of auto-recharge in words |
//! | `country` | countries, and the destinations of calls |
//! | `card` | cards, and why a bank declines one |
//! | `typed` | amounts that people type into forms |
//! | `text` | the typography of a language, and texts from outside |
//!
//! The rules of amounts and dates come from Unicode's CLDR, through ICU4X.

mod card;
mod country;
pub mod glossary;
pub mod recharge;
mod text;
mod typed;
mod words;

pub use domain::Locale;

pub use country::{country, destination};

pub use card::{Decline, card, card_brand, decline};
pub use text::{author, one_line, typeset};
pub use typed::{TypedAmountError, typed_amount};

use domain::Money;
use domain::time::Month;
use fixed_decimal::Decimal;
use icu_calendar::{Date, Iso};
use icu_datetime::DateTimeFormatter;
use icu_datetime::fieldsets::{YM, YMD};
use icu_decimal::DecimalFormatter;
use icu_decimal::options::DecimalFormatterOptions;
use icu_locale_core::{Locale as IcuLocale, locale};
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

/// An amount with its currency: `EUR 1,234.50` in English, `1 234,50 EUR` in French. It has as many decimals as the currency's
/// minor unit. An amount that is not whole in minor units has as many as the ledger keeps.
///
/// # Example
///
/// ```
/// use domain::{Currency, Locale, Money};
/// let amount = Money::new("1234.5".parse().unwrap(), Currency::parse("EUR").unwrap()).unwrap();
/// assert_eq!(wording::amount(amount, Locale::En), "EUR\u{a0}1,234.50");
/// assert_eq!(wording::amount(amount, Locale::Fr), "1\u{202f}234,50\u{a0}EUR");
/// ```
pub fn amount(money: Money, locale: Locale) -> String {
    let number = number(money, locale);
    match locale {
        Locale::En => format!("{}\u{a0}{number}", money.currency()),
        Locale::Fr => format!("{number}\u{a0}{}", money.currency()),
    }
}

/// An amount without its currency, with every decimal that the ledger keeps: `1,234.5000` in English, `1 234,5000` in French.
/// The amounts of a column have the same number of decimals so.
pub fn exact(money: Money, locale: Locale) -> String {
    grouped(&with_decimals(money, money.currency().ledger_digits()), locale)
}

/// A whole number: `1,234` in English, `1 234` in French.
pub fn count(count: u64, locale: Locale) -> String {
    grouped(&Decimal::from(count), locale)
}

/// An amount without its currency, as it stands in the field of a form: `1,234.50` in English, `1 234,50` in French. It has as many
/// decimals as [`amount`] gives it.
pub fn number(money: Money, locale: Locale) -> String {
    let currency = money.currency();
    let decimals =
        if money.minor_units().is_some() { currency.minor_digits() } else { currency.ledger_digits() };
    grouped(&with_decimals(money, decimals), locale)
}

fn with_decimals(money: Money, decimals: u32) -> Decimal {
    let mut digits: Decimal =
        money.amount().normalize().to_string().parse().expect("an amount is a decimal number");
    digits.pad_end(-i16::try_from(decimals).expect("a currency has few decimals"));
    digits
}

/// The digits as the language groups them.
fn grouped(digits: &Decimal, locale: Locale) -> String {
    let formatter = DecimalFormatter::try_new(icu(locale).into(), DecimalFormatterOptions::default());
    formatter.expect("the languages are compiled in").format(digits).to_string()
}

/// A month: `November 2026` in English, `novembre 2026` in French.
pub fn month(month: Month, locale: Locale) -> String {
    let (year, number) = month.year_and_number();
    let first =
        Date::<Iso>::try_new_iso(year.into(), number.unsigned_abs(), 1).expect("a month has a first day");
    let formatter = DateTimeFormatter::try_new(icu(locale).into(), YM::long());
    formatter.expect("the languages are compiled in").format(&first).to_string()
}

/// A month after a noun: `of October 2026` in English, `d’octobre 2026` in French, which elides before a vowel.
pub fn of_month(month: Month, locale: Locale) -> String {
    let name = self::month(month, locale);
    match locale {
        Locale::En => format!("of {name}"),
        Locale::Fr if name.starts_with(['a', 'o']) => format!("d’{name}"),
        Locale::Fr => format!("de {name}"),
    }
}

/// A date in UTC: `25 November 2026` in English, `25 novembre 2026` in French, and `1er novembre 2026` for the first of a month.
pub fn date(instant: Timestamp, locale: Locale) -> String {
    day(instant.to_zoned(TimeZone::UTC).date(), locale)
}

/// A calendar day, as [`date`] writes it.
pub fn day(day: civil::Date, locale: Locale) -> String {
    let (month, day_of_month) = (day.month().unsigned_abs(), day.day().unsigned_abs());
    let date =
        Date::<Iso>::try_new_iso(day.year().into(), month, day_of_month).expect("a civil date is valid");
    let formatter = DateTimeFormatter::try_new(icu(locale).into(), YMD::long());
    let date = formatter.expect("the languages are compiled in").format(&date).to_string();
    match (locale, date.strip_prefix("1 ")) {
        // CLDR gives the cardinal number; French writes the first of a month as an ordinal.
        (Locale::Fr, Some(month)) => format!("1er {month}"),
        _ => date,
    }
}

/// A date and the time to the minute, in UTC: `25 November 2026, 09:05 UTC`.
///
/// # Example
///
/// ```
/// use domain::Locale;
/// let instant = "2026-11-25T23:05:59Z".parse().unwrap();
/// assert_eq!(wording::date_and_time(instant, Locale::En), "25 November 2026, 23:05 UTC");
/// assert_eq!(wording::date_and_time(instant, Locale::Fr), "25 novembre 2026 à 23:05 UTC");
/// ```
pub fn date_and_time(instant: Timestamp, locale: Locale) -> String {
    let minute = instant.to_zoned(TimeZone::UTC).strftime("%H:%M").to_string();
    match locale {
        Locale::En => format!("{}, {minute} UTC", date(instant, locale)),
        Locale::Fr => format!("{} à {minute} UTC", date(instant, locale)),
    }
}

/// The locale for ICU4X. English is that of Great Britain, with the day before the month.
fn icu(locale: Locale) -> IcuLocale {
    match locale {
        Locale::En => locale!("en-GB"),
        Locale::Fr => locale!("fr"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Currency;

    #[test]
    fn amounts_are_written_as_people_write_them() {
        for (text, code, english, french) in [
            ("50", "EUR", "EUR 50.00", "50,00 EUR"),
            ("-0.0001", "EUR", "EUR -0.0001", "-0,0001 EUR"),
            ("1234567.891", "EUR", "EUR 1,234,567.8910", "1 234 567,8910 EUR"),
            ("5000", "JPY", "JPY 5,000", "5 000 JPY"),
            ("0.05", "JPY", "JPY 0.05", "0,05 JPY"),
            ("1.5", "KWD", "KWD 1.500", "1,500 KWD"),
        ] {
            let money = Money::new(text.parse().unwrap(), Currency::parse(code).unwrap()).unwrap();
            let plain = |text: String| text.replace(['\u{a0}', '\u{202f}'], " ");
            assert_eq!(plain(amount(money, Locale::En)), english);
            assert_eq!(plain(amount(money, Locale::Fr)), french);
        }
    }

    #[test]
    fn exact_amounts_have_every_decimal_of_the_ledger() {
        for (text, code, english) in [
            ("50", "EUR", "50.0000"),
            ("-1234.5", "EUR", "-1,234.5000"),
            ("0", "JPY", "0.00"),
            ("1", "KWD", "1.00000"),
        ] {
            let money = Money::new(text.parse().unwrap(), Currency::parse(code).unwrap()).unwrap();
            assert_eq!(exact(money, Locale::En), english);
        }
    }

    #[test]
    fn counts_and_months_are_written_as_people_write_them() {
        let november = Month::parse("2026-11").unwrap();
        assert_eq!((count(1_234, Locale::En), count(7, Locale::En)), ("1,234".into(), "7".into()));
        assert_eq!(count(1_234, Locale::Fr), "1\u{202f}234");
        assert_eq!(month(november, Locale::En), "November 2026");
        assert_eq!(month(november, Locale::Fr), "novembre 2026");
        assert_eq!(of_month(november, Locale::En), "of November 2026");
        for (name, french) in
            [("2026-11", "de novembre 2026"), ("2026-10", "d’octobre 2026"), ("2026-04", "d’avril 2026")]
        {
            assert_eq!(of_month(Month::parse(name).unwrap(), Locale::Fr), french);
        }
    }

    #[test]
    fn dates_are_in_utc() {
        let instant = "2026-11-25T23:05:59Z".parse().unwrap();
        assert_eq!(date(instant, Locale::En), "25 November 2026");
        assert_eq!(date(instant, Locale::Fr), "25 novembre 2026");
        assert_eq!(date_and_time(instant, Locale::En), "25 November 2026, 23:05 UTC");
        assert_eq!(date_and_time(instant, Locale::Fr), "25 novembre 2026 à 23:05 UTC");
        let first = "2026-12-01T00:00:00Z".parse().unwrap();
        assert_eq!(date(first, Locale::En), "1 December 2026");
        assert_eq!(date(first, Locale::Fr), "1er décembre 2026");
    }
}
