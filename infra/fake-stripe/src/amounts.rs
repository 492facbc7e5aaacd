//! The amounts that Stripe takes in each currency. Source: docs.stripe.com/currencies.

use crate::refusal::Refusal;

/// The largest amount has eight digits.
const MAX: i64 = 99_999_999;

/// The currencies that are accepted for cards.
const CURRENCIES: &str = "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd \
    cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr \
    ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn \
    myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd \
    std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw";

/// The smallest amounts. Where Stripe lists none, it depends on the currency of settlement; the fake then takes any.
const MINIMUMS: [(&str, i64); 23] = [
    ("usd", 50),
    ("aed", 200),
    ("aud", 50),
    ("bgn", 100),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("huf", 17_500),
    ("inr", 50),
    ("jpy", 50),
    ("mxn", 1000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("pln", 200),
    ("ron", 200),
    ("sek", 300),
    ("sgd", 50),
];

/// Currencies without decimals that are sent in hundredths all the same, so that old integrations keep working.
const SENT_IN_HUNDREDTHS: [&str; 2] = ["isk", "ugx"];

/// Currencies with three decimals, of which the last must be 0.
const THREE_DECIMALS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// Checks a currency, and answers with its code in lower case.
pub(crate) fn currency(text: &str) -> Result<String, Refusal> {
    let code = text.to_ascii_lowercase();
    if CURRENCIES.split_ascii_whitespace().any(|known| known == code) {
        Ok(code)
    } else {
        Err(Refusal::plain(&format!("Invalid currency: {code}.")).at("currency"))
    }
}

/// Checks the amount of a charge.
pub(crate) fn check(amount: i64, currency: &str) -> Result<(), Refusal> {
    let minimum = MINIMUMS.iter().find(|(code, _)| *code == currency).map_or(1, |(_, minimum)| *minimum);
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(Refusal::invalid("parameter_invalid_integer", message).at("amount"));
    }
    if amount < minimum {
        let message = format!("Amount must be at least {minimum} {currency} in the smallest unit");
        return Err(Refusal::invalid("amount_too_small", &message).at("amount"));
    }
    if amount > MAX {
        let message = format!("Amount must be no more than {MAX} {currency} in the smallest unit");
        return Err(Refusal::invalid("amount_too_large", &message).at("amount"));
    }
    check_step(amount, currency)
}

/// Checks that an amount is one that the currency has.
pub(crate) fn check_step(amount: i64, currency: &str) -> Result<(), Refusal> {
    let step = if SENT_IN_HUNDREDTHS.contains(&currency) {
        100
    } else if THREE_DECIMALS.contains(&currency) {
        10
    } else {
        1
    };
    if amount % step == 0 {
        Ok(())
    } else {
        let message = format!("Invalid amount: amounts in {currency} must be evenly divisible by {step}.");
        Err(Refusal::plain(&message).at("amount"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_within_the_limits_pass() {
        for (amount, code) in
            [(50, "usd"), (99_999_999, "usd"), (50, "jpy"), (500, "isk"), (37_000, "ugx"), (1_230, "kwd")]
        {
            assert!(check(amount, code).is_ok(), "{amount} {code}");
        }
    }

    #[test]
    fn other_amounts_are_refused() {
        let refusal = |amount, code| check(amount, code).unwrap_err().code().map(str::to_owned);
        assert_eq!(refusal(49, "usd").as_deref(), Some("amount_too_small"));
        assert_eq!(refusal(0, "usd").as_deref(), Some("parameter_invalid_integer"));
        assert_eq!(refusal(100_000_000, "usd").as_deref(), Some("amount_too_large"));
        for (amount, code) in [(550, "isk"), (37_050, "ugx"), (1_234, "kwd"), (1_001, "tnd")] {
            assert_eq!(refusal(amount, code), None, "{amount} {code}");
        }
    }

    #[test]
    fn a_currency_is_known_in_either_case() {
        assert_eq!(currency("EUR").unwrap(), "eur");
        assert!(currency("xxx").is_err());
        assert!(currency("").is_err());
    }
}
