//! Amounts in requests. They are decimal strings, so that no client writes them through a float.

use std::borrow::Cow;
use std::fmt;

use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// An amount, written as a decimal string such as `"12.34"`: up to 15 digits before the point and ten after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount(pub Decimal);

const EXPECTED: &str = "a decimal string such as \"12.34\"";

impl Amount {
    /// Parses plain decimal notation: an optional minus, digits, and an optional point with digits. Returns `None` for
    /// anything else, and for more digits than an amount may have.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let plain = all_digits(whole) && all_digits(fraction) && whole.len() <= 15 && fraction.len() <= 10;
        if plain { text.parse().ok().map(Self) } else { None }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Amount;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
                Amount::parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(r"^-?\d{1,15}(\.\d{1,10})?$"))
            .description(Some("An exact amount in units of the account's currency"))
            .examples(["12.34"])
            .into()
    }
}

impl ToSchema for Amount {
    fn name() -> Cow<'static, str> {
        "Amount".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_plain_decimal_strings() {
        for good in ["0", "12.34", "-5.00", "0.0001", "100000"] {
            assert!(serde_json::from_str::<Amount>(&format!("\"{good}\"")).is_ok(), "{good}");
        }
        for bad in [
            "12.34",
            "\"1e3\"",
            "\"+1\"",
            "\"1_000\"",
            "\"\"",
            "\".5\"",
            "\"5.\"",
            "\"--1\"",
            "\"1234567890123456\"",
            "null",
        ] {
            let problem = serde_json::from_str::<Amount>(bad).unwrap_err().to_string();
            assert!(problem.contains(EXPECTED), "{bad}: {problem}");
        }
    }
}
