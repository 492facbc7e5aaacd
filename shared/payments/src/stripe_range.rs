//! The amounts that Stripe charges: what the limits of purchases must keep to (F2).

use ::stripe::amount::Terms;
use domain::purchase::ChargeRange;
use domain::{Currency, Money};

/// The amounts of a currency that Stripe charges. `None` if it does not charge the currency.
///
/// ```
/// use domain::Currency;
/// use payments::stripe_range::charged_by_stripe;
///
/// let range = charged_by_stripe(Currency::parse("KWD").unwrap()).unwrap();
/// assert_eq!((range.largest.to_string().as_str(), range.digits), ("99999.99", 2));
/// ```
pub fn charged_by_stripe(currency: Currency) -> Option<ChargeRange> {
    let terms = Terms::of(currency.code())?;
    let digits = currency.minor_digits();
    let (smallest, largest) = terms.range(digits);
    let units = |minor_units| Money::of_minor_units(minor_units, currency).amount();
    // Every step is a power of ten.
    let digits = digits - terms.step(digits).ilog10();
    Some(ChargeRange { smallest: units(smallest), largest: units(largest), digits })
}

#[cfg(test)]
mod tests {
    use domain::purchase::PurchaseLimits;

    use super::*;

    #[test]
    fn amounts_that_stripe_cannot_count_are_refused() {
        let limits = PurchaseLimits::default().within(charged_by_stripe).unwrap();
        for (code, amount, is_charged) in [
            ("EUR", "50.01", true),
            ("JPY", "10000000", true),
            ("MGA", "5000", true),
            ("MGA", "5000.2", false),
            ("UGX", "5000", true),
            ("UGX", "2499", false),
            ("KWD", "50.12", true),
            ("KWD", "50.125", false),
            ("KWD", "100000", false),
            ("XAF", "60000", true),
            ("LAK", "60000", false),
        ] {
            let checked = limits.check(amount.parse().unwrap(), Currency::parse(code).unwrap());
            assert_eq!(checked.is_ok(), is_charged, "{code} {amount}: {checked:?}");
        }
    }
}
