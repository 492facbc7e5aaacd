//! Rating: the price of a call (S5, S7, S9).

use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::{Currency, Rate, Record};

/// S5, S9: the rate of a call. Of the rows in force on the day (UTC) of the call's start, those with the longest
/// prefix count, and of them the one that came into force last.
pub(crate) fn rate_of<'a>(rates: &'a [Rate], record: &Record, currency: Currency) -> Option<&'a Rate> {
    let day: Date = record.start().to_zoned(TimeZone::UTC).date();
    let digits = record.number.trim_start_matches('+');
    rates
        .iter()
        .filter(|rate| rate.service == record.service)
        .filter(|rate| rate.currency == currency.code())
        .filter(|rate| rate.effective_from <= day)
        .filter(|rate| digits.starts_with(&rate.prefix))
        .max_by_key(|rate| (rate.prefix.len(), rate.effective_from))
}

/// S5: the duration, rounded up to the first increment, then to following increments.
pub(crate) fn billed_seconds(rate: &Rate, duration_seconds: u32) -> u32 {
    if duration_seconds == 0 {
        return 0;
    }
    let mut billed = rate.first_increment;
    while billed < duration_seconds {
        billed += rate.next_increment;
    }
    billed
}

/// S7: how many minutes a call takes from pools at most.
pub(crate) fn minutes_needed(billed_seconds: u32) -> u64 {
    u64::from(billed_seconds.div_ceil(60))
}

/// S5, S7: the price of a call, some minutes of which pools may cover.
pub(crate) fn price(rate: &Rate, billed_seconds: u32, covered_minutes: u64, currency: Currency) -> Decimal {
    if covered_minutes == minutes_needed(billed_seconds) {
        // Pools cover the call whole, or it lasted zero seconds.
        return Decimal::ZERO;
    }
    let uncovered_seconds = Decimal::from(billed_seconds) - Decimal::from(60 * covered_minutes);
    let exact = rate.per_minute * uncovered_seconds / Decimal::from(60) + rate.connection_fee;
    round_charge(exact, currency)
}

/// T3, S5: charges are rounded once, half away from zero.
pub(crate) fn round_charge(exact: Decimal, currency: Currency) -> Decimal {
    exact.round_dp_with_strategy(currency.charge_digits(), RoundingStrategy::MidpointAwayFromZero)
}
