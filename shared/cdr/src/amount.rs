//! Parsing amounts digit by digit. They stay exact, since no float is involved (T3).

use rust_decimal::Decimal;

/// Parses digits with an optional point and more digits: `12`, `0.1234`. Returns `None` for anything else, and for more digits
/// than can be kept exactly.
pub(crate) fn plain(text: &str) -> Option<Decimal> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (is_digits(whole) && is_digits(fraction)).then(|| Decimal::from_str_exact(text).ok())?
}

/// Parses an amount of a report. It may also have a minus sign and an exponent (`5E-2`), as JSON numbers may.
pub(crate) fn reported(text: &str) -> Option<Decimal> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let base = unsigned.split_once(['e', 'E']).map_or(unsigned, |(base, _)| base);
    // `Decimal` accepts more by itself, such as "1_000", and rounds past 28 digits, so `plain` checks the text first.
    let amount = if base == unsigned {
        plain(base)?
    } else {
        plain(base).and_then(|_| Decimal::from_scientific(unsigned).ok())?
    };
    Some(if unsigned == text { amount } else { -amount })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_decimals_are_exact() {
        for (text, digits) in [
            ("0", "0"),
            ("0.1234", "0.1234"),
            ("007.10", "7.10"),
            ("0.1234567890123456789012345678", "0.1234567890123456789012345678"),
        ] {
            assert_eq!(plain(text).unwrap().to_string(), digits);
        }
        for bad in ["", ".", "1.", ".5", "-1", "+1", "1e2", "1_000", "1,5", " 1", "NaN", "1.2.3", "٣"] {
            assert_eq!(plain(bad), None, "{bad}");
        }
        assert_eq!(plain(&"9".repeat(40)), None);
        assert_eq!(plain("0.12345678901234567890123456789"), None, "amounts are not rounded");
    }

    #[test]
    fn reported_amounts_may_have_a_sign_and_an_exponent() {
        for (text, digits) in [
            ("5E-2", "0.05"),
            ("5.0e-02", "0.050"),
            ("-1.5E+2", "-150"),
            ("1.5E1", "15"),
            ("0.03600", "0.03600"),
            ("1e-05", "0.00001"),
            ("0E0", "0"),
        ] {
            assert_eq!(reported(text).unwrap().to_string(), digits, "{text}");
        }
        for bad in ["", "-", "--1", "1e", "e5", "1e5e5", "1e999999999999", "1E-40", "1_0e2", "9e28", "1e--5"]
        {
            assert_eq!(reported(bad), None, "{bad}");
        }
    }
}
