//! Published rates: what a minute costs, by service, currency and longest E.164 prefix (S5).
//!
//! | file | what it is |
//! |---|---|
//! | [`Prefix`] (`rate/prefix.rs`) | the first digits of a number |
//! | [`RateTable`] (`rate/table.rs`) | the published rates, read from the bytes of a rate file |
//! | [`RateTableBuilder`] (`rate/builder.rs`) | makes these bytes from rows |

mod builder;
mod prefix;
mod table;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::{Currency, Money};
use crate::pool::IncludedMinutes;
use crate::usage::UsageRecord;

pub use builder::{InvalidRate, RateTableBuilder, TwoAtOnce};
pub use prefix::{InvalidPrefix, Prefix};
pub use table::{RateFileError, RateTable};

/// One published price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate<'a> {
    /// E.164 digits that a number must begin with.
    pub prefix: Prefix,
    /// The destination's name.
    pub destination: &'a str,
    /// ISO 3166-1 alpha-2; empty where there is none.
    pub country: &'a str,
    /// Price of 60 seconds.
    pub per_minute: Decimal,
    /// Added once to a call longer than zero seconds.
    pub connection_fee: Decimal,
    /// The first increment, in seconds: the least that is billed.
    pub first_increment: u32,
    /// The following increments, in seconds.
    pub next_increment: u32,
    /// It is in force for calls that start from this instant.
    pub effective_from: Timestamp,
}

impl Rate<'_> {
    /// Seconds billed for a call: up to the first increment, then to following ones (S5).
    pub fn billed_seconds(&self, duration_seconds: u32) -> u64 {
        let (duration, first, next) =
            (u64::from(duration_seconds), u64::from(self.first_increment), u64::from(self.next_increment));
        first + duration.saturating_sub(first).div_ceil(next) * next
    }

    /// Connection fee + per-minute price x billed minutes, rounded once, half away from zero (S5). Included minutes count as
    /// billed, and are not paid for. A call that has no other minutes costs nothing (S7).
    pub fn charge(&self, billed_seconds: u64, included_minutes: u64, currency: Currency) -> Money {
        let paid_seconds = billed_seconds.saturating_sub(60 * included_minutes);
        if paid_seconds == 0 {
            return Money::zero(currency);
        }
        let minutes_price = self.per_minute * Decimal::from(paid_seconds) / Decimal::from(60);
        Money::rounded(self.connection_fee + minutes_price, currency)
            .expect("a rate below a million over at most 31 days is far below the largest amount")
    }
}

/// The rating basis: why a call costs what it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RatingBasis {
    /// From the published rates.
    Rated {
        /// The prefix that matched.
        prefix: String,
        /// Its destination.
        destination: String,
        /// The destination's country, ISO 3166-1 alpha-2; empty where there is none, and in entries of older versions.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        country: String,
        /// Price of 60 seconds.
        per_minute: Decimal,
        /// Price of the connection.
        connection_fee: Decimal,
        /// Seconds billed.
        billed_seconds: u64,
        /// First and following increment, in seconds: `60/60`.
        increments: String,
        /// Since when the rate is in force.
        effective_from: Timestamp,
        /// The minutes that pools gave; the rest is paid for (S7).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        included: Vec<IncludedMinutes>,
    },
    /// It arrived with its charge (S6).
    AsRated,
    /// A call of zero seconds is free (S5).
    ZeroDuration,
}

impl RatingBasis {
    /// The minutes that pools gave.
    pub fn included(&self) -> &[IncludedMinutes] {
        match self {
            Self::Rated { included, .. } => included,
            Self::AsRated | Self::ZeroDuration => &[],
        }
    }
}

/// A call and its price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatedCall {
    /// The price, before anything pays it.
    pub price: Money,
    /// The reason for this price, with the seconds billed.
    pub basis: RatingBasis,
}

/// The result of rating a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RatingResult {
    /// It has a price.
    Rated(RatedCall),
    /// No rate is published for it (S9).
    Unrated,
}

impl RatingResult {
    fn rated(price: Money, basis: RatingBasis) -> Self {
        Self::Rated(RatedCall { price, basis })
    }
}

impl RateTable {
    /// Rates a record: by the price it arrived with (S6), as free (S5), by a published rate (S5), or not at all (S9).
    /// `minutes_for` gives the included minutes of a call to a country, of so many billed seconds (S7).
    pub fn rate(
        &self,
        record: &UsageRecord,
        given: Option<Money>,
        currency: Currency,
        minutes_for: impl FnOnce(&str, u64) -> Vec<IncludedMinutes>,
    ) -> RatingResult {
        if let Some(price) = given {
            return RatingResult::rated(price, RatingBasis::AsRated);
        }
        if record.duration_seconds == 0 {
            return RatingResult::rated(Money::zero(currency), RatingBasis::ZeroDuration);
        }
        let Some(rate) = self.find(record.service, &record.number, currency, record.started_at) else {
            return RatingResult::Unrated;
        };
        let billed_seconds = rate.billed_seconds(record.duration_seconds);
        let included = minutes_for(rate.country, billed_seconds);
        let included_minutes = included.iter().map(|included| included.minutes).sum();
        let basis = RatingBasis::Rated {
            prefix: rate.prefix.to_string(),
            destination: rate.destination.to_owned(),
            country: rate.country.to_owned(),
            per_minute: rate.per_minute,
            connection_fee: rate.connection_fee,
            billed_seconds,
            increments: format!("{}/{}", rate.first_increment, rate.next_increment),
            effective_from: rate.effective_from,
            included,
        };
        RatingResult::rated(rate.charge(billed_seconds, included_minutes, currency), basis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s5_increments_and_one_rounding() {
        let eur = Currency::parse("EUR").unwrap();
        let rate = |per_minute: &str, fee: &str, first, next| Rate {
            prefix: Prefix::parse("1").unwrap(),
            destination: "",
            country: "",
            per_minute: per_minute.parse().unwrap(),
            connection_fee: fee.parse().unwrap(),
            first_increment: first,
            next_increment: next,
            effective_from: Timestamp::UNIX_EPOCH,
        };
        for (rate, duration, billed, charge) in [
            (rate("0.02", "0", 60, 60), 1, 60, "0.0200"),
            (rate("0.02", "0", 60, 60), 60, 60, "0.0200"),
            (rate("0.02", "0", 60, 60), 61, 120, "0.0400"),
            (rate("0.02", "0", 30, 6), 31, 36, "0.0120"),
            (rate("0.01", "0", 1, 1), 100, 100, "0.0167"),
            (rate("0.0003", "0.00005", 1, 1), 10, 10, "0.0001"),
            (rate("0.35", "0.1", 60, 60), 600, 600, "3.6000"),
        ] {
            assert_eq!(rate.billed_seconds(duration), billed, "{duration}");
            assert_eq!(rate.charge(billed, 0, eur).to_string(), charge);
        }
        // V2 and V3: the end of a pool lies within a minute.
        for (rate, billed, included, charge) in [
            (rate("0.06", "0", 1, 1), 90, 1, "0.0300"),
            (rate("0.06", "0", 1, 1), 61, 2, "0.0000"),
            (rate("0.02", "0.05", 30, 6), 42, 1, "0.0000"),
            (rate("0.02", "0.05", 60, 60), 3060, 20, "0.6700"),
        ] {
            assert_eq!(rate.charge(billed, included, eur).to_string(), charge);
        }
    }
}
