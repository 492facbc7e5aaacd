//! Amounts that people type into forms.

use domain::money::MoneyError;
use domain::{Currency, Locale, Money};

use crate::number;

/// A typed amount has at most so many characters.
const LONGEST: usize = 30;

/// Why a typed text is not taken as an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypedAmountError {
    /// Nothing was typed.
    Empty,
    /// It is no amount.
    NotAnAmount,
    /// It is too large or too long for an amount.
    TooLarge,
    /// It is an amount in the writing of another language.
    WrittenOtherwise {
        /// The amount.
        meant: Money,
    },
    /// It can be read in two ways.
    Ambiguous {
        /// The amount if the mark groups thousands.
        grouped: Money,
        /// The amount if the mark stands before decimals.
        decimal: Money,
    },
    /// It has more decimals than the currency.
    TooManyDecimals,
}

/// Reads an amount that a person typed, in the language of the page.
///
/// Spaces of every kind and apostrophes group thousands in both languages. English also groups with commas, and has a point before
/// decimals. French has a comma or a point before decimals. A text that the language reads in two ways, or that another language
/// would read otherwise, is refused and not guessed. The currency's code or sign may stand at either end, and digits and marks of a
/// Japanese keyboard count as the plain ones.
///
/// # Errors
///
/// A [`TypedAmountError`], whose [`text`](TypedAmountError::text) says what to write.
///
/// # Example
///
/// ```
/// use domain::Currency;
/// use wording::{Locale, TypedAmountError, typed_amount};
///
/// let eur = Currency::parse("EUR").unwrap();
/// assert_eq!(typed_amount("1 234,50 €", eur, Locale::Fr).unwrap().to_string(), "1234.5000");
/// let refused = typed_amount("40,23", eur, Locale::En).unwrap_err();
/// assert_eq!(refused.text(eur, Locale::En), "Write 40.23.");
/// ```
pub fn typed_amount(text: &str, currency: Currency, locale: Locale) -> Result<Money, TypedAmountError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TypedAmountError::Empty);
    }
    if text.chars().count() > LONGEST {
        return Err(TypedAmountError::TooLarge);
    }
    let text: String = text.chars().map(plain).collect();
    let figure = Figure::read(without_currency(&text, currency)).ok_or(TypedAmountError::NotAnAmount)?;
    figure.amount(currency, locale)
}

/// The plain character for one of a Japanese keyboard, for a space of any kind, and for an apostrophe.
fn plain(typed: char) -> char {
    match typed {
        // The full-width forms of `!` to `~` are in the order of ASCII.
        '\u{ff01}'..='\u{ff5e}' => u8::try_from(u32::from(typed) - 0xff01 + 0x21).map_or(typed, char::from),
        '\u{ffe5}' => '¥',
        '\u{3002}' => '.',
        '\u{3001}' => ',',
        '\u{2018}' | '\u{2019}' | '\u{02bc}' => '\'',
        space if space.is_whitespace() => ' ',
        other => other,
    }
}

/// The text without the currency's own code or sign at its beginning or at its end.
fn without_currency(text: &str, currency: Currency) -> &str {
    let sign = currency.sign();
    for mark in [currency.code(), &sign] {
        if let Some(start) = text.get(..mark.len()).filter(|start| start.eq_ignore_ascii_case(mark)) {
            return text[start.len()..].trim();
        }
        let end = text.len().saturating_sub(mark.len());
        if text.get(end..).is_some_and(|tail| tail.eq_ignore_ascii_case(mark)) {
            return text[..end].trim();
        }
    }
    text
}

/// A figure as it is written: parts of digits, and the marks between them.
struct Figure<'a> {
    parts: Vec<&'a str>,
    marks: Vec<char>,
}

impl<'a> Figure<'a> {
    /// Splits a text at its marks. Every part has digits and nothing else.
    fn read(text: &'a str) -> Option<Self> {
        let is_mark = |letter: char| matches!(letter, ' ' | '\'' | '.' | ',');
        let parts: Vec<_> = text.split(is_mark).collect();
        let digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let has_digits = parts.iter().all(digits);
        has_digits.then(|| Self { parts, marks: text.chars().filter(|letter| is_mark(*letter)).collect() })
    }

    fn amount(&self, currency: Currency, locale: Locale) -> Result<Money, TypedAmountError> {
        let last = self.marks.last().copied();
        match (self.grouped(), self.decimal(), locale) {
            (None, None, _) => Err(TypedAmountError::NotAnAmount),
            // One mark before three digits.
            (Some(grouped), Some(_), Locale::En) if last == Some(',') => money(&grouped, currency),
            (Some(grouped), Some(decimal), Locale::Fr) => money(&decimal, currency).or_else(|_| {
                let grouped = money(&grouped, currency)?;
                let decimal = money(cut(&decimal, currency), currency)?;
                Err(TypedAmountError::Ambiguous { grouped, decimal })
            }),
            (_, Some(decimal), _) => {
                let meant = money(&decimal, currency)?;
                let french_marks =
                    last == Some(',') || self.marks.iter().filter(|mark| **mark == '.').count() > 1;
                if locale == Locale::En && french_marks {
                    return Err(TypedAmountError::WrittenOtherwise { meant });
                }
                Ok(meant)
            }
            (Some(grouped), None, _) => {
                let meant = money(&grouped, currency)?;
                if locale == Locale::En && last == Some('.') {
                    return Err(TypedAmountError::WrittenOtherwise { meant });
                }
                Ok(meant)
            }
        }
    }

    /// The figure as a whole number, if its marks can group thousands.
    fn grouped(&self) -> Option<String> {
        are_groups(&self.parts, &self.marks).then(|| self.parts.concat())
    }

    /// The figure with its last part as decimals, if its last mark can stand before them.
    fn decimal(&self) -> Option<String> {
        let (mark, marks) = self.marks.split_last()?;
        let (decimals, whole) = self.parts.split_last()?;
        let is_decimal = matches!(mark, '.' | ',') && !marks.contains(mark) && are_groups(whole, marks);
        is_decimal.then(|| format!("{}.{decimals}", whole.concat()))
    }
}

/// Whether the marks are of one kind, and group the digits of a whole number by thousands.
fn are_groups(parts: &[&str], marks: &[char]) -> bool {
    let Some((first, others)) = parts.split_first() else { return false };
    let is_first = others.is_empty() || (first.len() <= 3 && !first.starts_with('0'));
    is_first && others.iter().all(|group| group.len() == 3) && marks.windows(2).all(|pair| pair[0] == pair[1])
}

/// A decimal number without the decimals that the currency lacks.
fn cut(decimal: &str, currency: Currency) -> &str {
    let Some(point) = decimal.find('.') else { return decimal };
    let end = match currency.minor_digits() as usize {
        0 => point,
        digits => decimal.len().min(point + 1 + digits),
    };
    &decimal[..end]
}

fn money(number: &str, currency: Currency) -> Result<Money, TypedAmountError> {
    // A zero counts, too: `1,000` may be a thousand.
    let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    if decimals > currency.minor_digits() as usize {
        return Err(TypedAmountError::TooManyDecimals);
    }
    let number = number.parse().map_err(|_| TypedAmountError::TooLarge)?;
    Money::in_minor_units(number, currency).map_err(|error| match error {
        MoneyError::TooPrecise { .. } => TypedAmountError::TooManyDecimals,
        MoneyError::TooLarge | MoneyError::SumTooLarge | MoneyError::AccountTooLarge => {
            TypedAmountError::TooLarge
        }
    })
}

impl TypedAmountError {
    /// The message beside the field, which says how to write the amount.
    pub fn text(&self, currency: Currency, locale: Locale) -> String {
        match *self {
            Self::Empty | Self::NotAnAmount => write_such_as(&number(example(currency), locale), locale),
            Self::TooLarge => too_large(locale).to_owned(),
            Self::WrittenOtherwise { meant } => write(&number(meant, locale), locale),
            Self::Ambiguous { grouped, decimal } => {
                one_or_other(&number(grouped, locale), &number(decimal, locale), locale)
            }
            Self::TooManyDecimals => match currency.minor_digits() {
                0 => no_decimals(currency.code(), locale),
                digits => many_decimals(currency.code(), &digits.to_string(), locale),
            },
        }
    }
}

/// An amount that shows every mark of the language.
fn example(currency: Currency) -> Money {
    let units = match currency.minor_digits() {
        0 => 1_234,
        digits => 12_345 * 10_i64.pow(digits - 1),
    };
    Money::of_minor_units(units, currency)
}

crate::words! {
    fn write_such_as(amount: &str) {
        "Write an amount such as {amount}.", "Écrivez un montant comme {amount}.",
    }
    fn too_large() { "This amount is too large.", "Ce montant est trop grand." }
    fn write(amount: &str) { "Write {amount}.", "Écrivez {amount}." }
    fn one_or_other(grouped: &str, decimal: &str) { "{grouped} or {decimal}?", "{grouped} ou {decimal} ?" }
    fn no_decimals(currency: &str) { "{currency} has no decimals.", "{currency} n’a pas de décimales." }
    fn many_decimals(currency: &str, count: &str) {
        "{currency} has {count} decimals.", "{currency} a {count} décimales.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount;
    use proptest::prelude::*;

    /// Reads a text, and gives the amount without trailing zeros, or the message.
    fn read(text: &str, code: &str, locale: Locale) -> Result<String, String> {
        let currency = Currency::parse(code).unwrap();
        match typed_amount(text, currency, locale) {
            Ok(read) => Ok(read.amount().normalize().to_string()),
            Err(error) => Err(error.text(currency, locale).replace(['\u{a0}', '\u{202f}'], " ")),
        }
    }

    #[track_caller]
    fn assert_read(text: &str, code: &str, french: Result<&str, &str>, english: Result<&str, &str>) {
        for (locale, expected) in [(Locale::Fr, french), (Locale::En, english)] {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(read(text, code, locale), expected, "{text:?} in {locale:?}");
        }
    }

    #[test]
    fn amounts_are_read_in_the_language_of_the_page() {
        let write = "Write 1,234.50.";
        for text in [
            "1 234,50",
            "1234,50",
            "1234,5",
            "1\u{a0}234,50",
            "1\u{202f}234,50 EUR",
            "1'234,50",
            "1\u{2019}234,50",
        ] {
            assert_read(text, "EUR", Ok("1234.5"), Err(write));
        }
        for text in [
            "1\u{2009}234.50",
            "1 234.5",
            "1,234.50",
            "EUR 1,234.50",
            "eur1,234.50",
            "€1,234.50",
            "1234.50 €",
        ] {
            assert_read(text, "EUR", Ok("1234.5"), Ok("1234.5"));
        }
        assert_read("1.234,50", "EUR", Ok("1234.5"), Err(write));
        assert_read("40,23", "EUR", Ok("40.23"), Err("Write 40.23."));
        assert_read("40.23", "EUR", Ok("40.23"), Ok("40.23"));
        assert_read("1234567", "EUR", Ok("1234567"), Ok("1234567"));
        assert_read("1,234,567", "EUR", Ok("1234567"), Ok("1234567"));
        assert_read("1.234.567", "EUR", Ok("1234567"), Err("Write 1,234,567.00."));
        assert_read("1.234.567,5", "EUR", Ok("1234567.5"), Err("Write 1,234,567.50."));
        assert_read("5 000", "JPY", Ok("5000"), Ok("5000"));
        assert_read("\u{ffe5}５，０００", "JPY", Err("5 000 ou 5 ?"), Ok("5000"));
        assert_read("１２３．５０\u{3000}", "EUR", Ok("123.5"), Ok("123.5"));
        assert_read("$40", "CAD", Ok("40"), Ok("40"));
    }

    #[test]
    fn one_mark_before_three_digits_is_a_question_in_french() {
        assert_read("1,234", "EUR", Err("1 234,00 ou 1,23 ?"), Ok("1234"));
        assert_read("1.234", "EUR", Err("1 234,00 ou 1,23 ?"), Err("EUR has 2 decimals."));
        assert_read("1,000", "EUR", Err("1 000,00 ou 1,00 ?"), Ok("1000"));
        assert_read("1.000", "EUR", Err("1 000,00 ou 1,00 ?"), Err("EUR has 2 decimals."));
        assert_read("1,234", "KWD", Ok("1.234"), Ok("1234"));
        assert_read("1.234", "KWD", Ok("1.234"), Ok("1.234"));
        assert_read("1,234", "JPY", Err("1 234 ou 1 ?"), Ok("1234"));
        assert_read("0,123", "KWD", Ok("0.123"), Err("Write 0.123."));
    }

    #[test]
    fn decimals_that_the_currency_lacks_are_refused_and_not_rounded() {
        assert_read("5000,5", "JPY", Err("JPY n’a pas de décimales."), Err("JPY has no decimals."));
        assert_read("5000.5", "JPY", Err("JPY n’a pas de décimales."), Err("JPY has no decimals."));
        assert_read("1234.567", "EUR", Err("EUR a 2 décimales."), Err("EUR has 2 decimals."));
        assert_read("1.2345", "KWD", Err("KWD a 3 décimales."), Err("KWD has 3 decimals."));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        let (french, english) = ("Écrivez un montant comme 1 234,50.", "Write an amount such as 1,234.50.");
        for text in [
            "",
            " ",
            "-5",
            "+5",
            "\u{2212}5",
            "1e3",
            "EUR",
            "€",
            "1 23",
            "12 34,50",
            "1,23,456",
            "1  234",
            "1 234'567",
            "0 123",
            ".50",
            "40.",
            "1,234.5.6",
            "1.2,3,4",
            "USD 5",
            "$5",
            "５元",
            "1/2",
            "٣",
            "0x10",
            "∞",
        ] {
            assert_read(text, "EUR", Err(french), Err(english));
        }
        assert_eq!(read("x", "JPY", Locale::En), Err("Write an amount such as 1,234.".to_owned()));
        assert_eq!(read("x", "KWD", Locale::Fr), Err("Écrivez un montant comme 1 234,500.".to_owned()));
        for text in ["1234567890123456789012345678901", "1000000000000000", "999999999999999999999999999999"]
        {
            assert_read(text, "EUR", Err("Ce montant est trop grand."), Err("This amount is too large."));
        }
    }

    proptest! {
        #[test]
        fn an_amount_as_it_is_printed_is_read_back(
            units in 0_i64..100_000_000_000_000_000,
            currency in prop::sample::select(vec!["EUR", "USD", "JPY", "KWD", "CLF", "XOF"]),
            locale in prop::sample::select(Locale::ALL.to_vec()),
        ) {
            let currency = Currency::parse(currency).unwrap();
            let money = Money::of_minor_units(units / 10_i64.pow(2_u32.saturating_sub(currency.minor_digits())), currency);
            prop_assert_eq!(typed_amount(&amount(money, locale), currency, locale), Ok(money));
            prop_assert_eq!(typed_amount(&number(money, locale), currency, locale), Ok(money));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|[0-9 .,'€]{0,31}") {
            for (code, locale) in [("EUR", Locale::Fr), ("JPY", Locale::En)] {
                let currency = Currency::parse(code).unwrap();
                match typed_amount(&text, currency, locale) {
                    Ok(read) => prop_assert!(read.minor_units().is_some_and(|units| units >= 0)),
                    Err(error) => prop_assert!(!error.text(currency, locale).is_empty()),
                }
            }
        }
    }
}
