//! Amounts as Stripe counts them: whole numbers of a unit that is the currency's minor unit for most currencies, but not for all.
//!
//! | currencies | ISO 4217 | Stripe |
//! |---|---|---|
//! | EUR, USD, … | cents | cents |
//! | JPY, KRW, … | whole | whole |
//! | ISK, UGX | whole | hundredths, which must be whole: UGX 5 is 500 |
//! | MGA | fifths, written with two decimals | whole |
//! | BHD, JOD, KWD, OMR, TND | thousandths | thousandths, the last digit 0: KWD 5.120 is 5120 |
//!
//! Source: Stripe's documentation, "Supported currencies". Stripe accepts further currencies; this list has those whose smallest
//! charge is known here. Where Stripe publishes none, the smallest is above what half a US dollar is worth, as its rule asks for.

/// The largest charge: Stripe accepts eight digits.
const LARGEST: i64 = 99_999_999;

/// How Stripe counts amounts of a currency, and which it charges. The amounts are in Stripe's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Decimals of Stripe's unit.
    digits: u32,
    /// Every amount is a multiple of it.
    step: i64,
    /// The smallest charge.
    smallest: i64,
}

/// An amount that Stripe cannot charge or pay back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the amount is not one that Stripe can charge")]
pub struct NotChargeable;

const fn cents(code: &'static str, smallest: i64) -> (&'static str, Terms) {
    (code, Terms { digits: 2, step: 1, smallest })
}

const fn whole(code: &'static str, smallest: i64) -> (&'static str, Terms) {
    (code, Terms { digits: 0, step: 1, smallest })
}

const fn whole_in_hundredths(code: &'static str, smallest: i64) -> (&'static str, Terms) {
    (code, Terms { digits: 2, step: 100, smallest: smallest * 100 })
}

const fn thousandths(code: &'static str, smallest: i64) -> (&'static str, Terms) {
    (code, Terms { digits: 3, step: 10, smallest })
}

const CURRENCIES: [(&str, Terms); 43] = [
    cents("AED", 200),
    cents("AUD", 50),
    cents("BRL", 50),
    cents("CAD", 50),
    cents("CHF", 50),
    cents("CZK", 1_500),
    cents("DKK", 250),
    cents("EUR", 50),
    cents("GBP", 30),
    cents("HKD", 400),
    cents("HUF", 17_500),
    cents("ILS", 200),
    cents("INR", 5_000),
    cents("MAD", 600),
    cents("MXN", 1_000),
    cents("MYR", 200),
    cents("NOK", 300),
    cents("NZD", 50),
    cents("PHP", 3_500),
    cents("PLN", 200),
    cents("RON", 250),
    cents("SAR", 250),
    cents("SEK", 600),
    cents("SGD", 50),
    cents("THB", 2_000),
    cents("TRY", 4_000),
    cents("USD", 50),
    cents("ZAR", 1_200),
    whole("CLP", 600),
    whole("JPY", 50),
    whole("KRW", 1_000),
    whole("MGA", 3_000),
    whole("VND", 20_000),
    whole("XAF", 400),
    whole("XOF", 400),
    whole("XPF", 80),
    whole_in_hundredths("ISK", 100),
    whole_in_hundredths("UGX", 2_500),
    thousandths("BHD", 250),
    thousandths("JOD", 500),
    thousandths("KWD", 200),
    thousandths("OMR", 250),
    thousandths("TND", 2_000),
];

impl Terms {
    /// The terms of a currency, by its ISO 4217 code in capitals; none if Stripe does not charge it here.
    ///
    /// ```
    /// use stripe::amount::Terms;
    /// assert_eq!(Terms::of("UGX").unwrap().to_stripe(5_000, 0), Ok(500_000));
    /// assert_eq!(Terms::of("XAU"), None);
    /// ```
    pub fn of(code: &str) -> Option<Self> {
        CURRENCIES.iter().find(|(known, _)| *known == code).map(|(_, terms)| *terms)
    }

    /// The amount in Stripe's unit. `minor_units` are of the currency's own minor unit, which has `minor_digits` decimals.
    ///
    /// # Errors
    ///
    /// [`NotChargeable`] if Stripe has no such amount: it is zero or less, too large, or has a smaller part than Stripe counts. The
    /// smallest charge is another matter, since a refund may be smaller.
    pub fn to_stripe(self, minor_units: i64, minor_digits: u32) -> Result<i64, NotChargeable> {
        let scaled = rescaled(minor_units, minor_digits, self.digits).ok_or(NotChargeable)?;
        let is_counted = (1..=LARGEST).contains(&scaled) && scaled % self.step == 0;
        if is_counted { Ok(scaled) } else { Err(NotChargeable) }
    }

    /// The amount in the currency's own minor unit; none if it has no such amount.
    pub fn from_stripe(self, units: i64, minor_digits: u32) -> Option<i64> {
        rescaled(units, self.digits, minor_digits)
    }

    /// The smallest and the largest charge, in the currency's own minor unit. Each charge is a multiple of [`step`](Self::step).
    pub fn range(self, minor_digits: u32) -> (i64, i64) {
        let largest = LARGEST / self.step * self.step;
        let in_minor_units = |units| rescaled_down(units, self.digits, minor_digits);
        (in_minor_units(self.smallest), in_minor_units(largest))
    }

    /// The smallest difference between two amounts, in the currency's own minor unit. A refund is rounded down to a multiple of it.
    pub fn step(self, minor_digits: u32) -> i64 {
        rescaled_down(self.step, self.digits, minor_digits).max(1)
    }
}

/// A number of 10^-`from` as a number of 10^-`to`, if it is whole.
fn rescaled(number: i64, from: u32, to: u32) -> Option<i64> {
    let factor = 10_i64.pow(from.abs_diff(to));
    if to >= from { number.checked_mul(factor) } else { (number % factor == 0).then_some(number / factor) }
}

/// The same, rounded towards zero.
fn rescaled_down(number: i64, from: u32, to: u32) -> i64 {
    let factor = 10_i64.pow(from.abs_diff(to));
    if to >= from { number * factor } else { number / factor }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str) -> Terms {
        Terms::of(code).unwrap()
    }

    #[test]
    fn most_currencies_are_counted_in_their_minor_unit() {
        assert_eq!(of("EUR").to_stripe(5_000, 2), Ok(5_000));
        assert_eq!(of("JPY").to_stripe(5_000, 0), Ok(5_000));
    }

    #[test]
    fn uganda_shillings_are_sent_in_hundredths() {
        assert_eq!(of("UGX").to_stripe(5_000, 0), Ok(500_000));
        assert_eq!(of("UGX").from_stripe(500_000, 0), Some(5_000));
        assert_eq!(of("UGX").from_stripe(50, 0), None);
        assert_eq!(of("ISK").range(0), (100, 999_999));
        assert_eq!(of("ISK").step(0), 1);
    }

    #[test]
    fn ariary_have_no_decimals() {
        assert_eq!(of("MGA").to_stripe(500_000, 2), Ok(5_000));
        assert_eq!(of("MGA").to_stripe(500_020, 2), Err(NotChargeable));
        assert_eq!(of("MGA").step(2), 100);
    }

    #[test]
    fn dinars_end_in_a_zero() {
        assert_eq!(of("KWD").to_stripe(5_120, 3), Ok(5_120));
        assert_eq!(of("KWD").to_stripe(5_121, 3), Err(NotChargeable));
        assert_eq!(of("KWD").step(3), 10);
        assert_eq!(of("KWD").range(3), (200, 99_999_990));
    }

    #[test]
    fn eight_digits_are_the_most() {
        assert_eq!(of("EUR").to_stripe(99_999_999, 2), Ok(99_999_999));
        assert_eq!(of("EUR").to_stripe(100_000_000, 2), Err(NotChargeable));
        assert_eq!(of("UGX").to_stripe(i64::MAX, 0), Err(NotChargeable));
        assert_eq!(of("EUR").to_stripe(0, 2), Err(NotChargeable));
    }

    #[test]
    fn every_currency_is_there_once_and_can_be_charged() {
        for (code, terms) in CURRENCIES {
            assert_eq!(of(code), terms, "{code} is there twice");
            assert!(terms.smallest % terms.step == 0 && terms.smallest < LARGEST, "{code}");
        }
    }
}
