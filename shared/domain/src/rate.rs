//! Published rates: what a minute costs, by service, currency and longest E.164 prefix (S5).

use std::collections::HashMap;
use std::io::Read;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::{Currency, Money};
use crate::usage::{Number, Service, UsageRecord};

/// One published price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// E.164 digits that a number must begin with.
    pub prefix: String,
    /// The destination's name.
    pub destination: String,
    /// ISO 3166-1 alpha-2; empty where there is none.
    pub country: String,
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

impl Rate {
    /// Its place in the order of a service's rates.
    fn place(&self) -> (&str, Timestamp) {
        (&self.prefix, self.effective_from)
    }

    /// Seconds billed for a call: up to the first increment, then to following ones (S5).
    pub fn billed_seconds(&self, duration_seconds: u32) -> u64 {
        let (duration, first, next) =
            (u64::from(duration_seconds), u64::from(self.first_increment), u64::from(self.next_increment));
        first + duration.saturating_sub(first).div_ceil(next) * next
    }

    /// Connection fee + per-minute price x billed minutes, rounded once, half away from zero (S5).
    pub fn charge(&self, billed_seconds: u64, currency: Currency) -> Money {
        let minutes_price = self.per_minute * Decimal::from(billed_seconds) / Decimal::from(60);
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
    },
    /// It arrived with its charge (S6).
    AsRated,
    /// A call of zero seconds is free (S5).
    ZeroDuration,
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

/// A row of the rate file that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("rates, line {line}: {detail}")]
pub struct RateFileError {
    /// The line, from 1.
    pub line: u64,
    /// The column and what was expected.
    pub detail: String,
}

/// All published rates.
#[derive(Debug, Default)]
pub struct RateTable {
    /// By prefix, then by when they take effect.
    by_service: HashMap<(Service, Currency), Vec<Rate>>,
}

/// The columns of a rate file; see `infra/rates/README.md`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Row<'a> {
    service: &'a str,
    prefix: &'a str,
    destination: &'a str,
    country: &'a str,
    currency: &'a str,
    per_minute: &'a str,
    connection_fee: &'a str,
    first_increment: &'a str,
    next_increment: &'a str,
    effective_from: &'a str,
}

impl Row<'_> {
    fn read(&self) -> Result<((Service, Currency), Rate), String> {
        let service = Service::parse(self.service)
            .ok_or("service: expected tollFreeIn, tollIn, conferenceOut, userOut or premium")?;
        let currency = Currency::parse(self.currency).map_err(|problem| format!("currency: {problem}"))?;
        let digits = (1..=15).contains(&self.prefix.len()) && self.prefix.bytes().all(|b| b.is_ascii_digit());
        if !digits {
            return Err("prefix: expected 1 to 15 digits, without '+'".into());
        }
        let rate = Rate {
            prefix: self.prefix.into(),
            destination: self.destination.into(),
            country: self.country.into(),
            per_minute: price("perMinute", self.per_minute)?,
            connection_fee: price("connectionFee", self.connection_fee)?,
            first_increment: increment("firstIncrement", self.first_increment)?,
            next_increment: increment("nextIncrement", self.next_increment)?,
            effective_from: effective_from(self.effective_from)?,
        };
        Ok(((service, currency), rate))
    }
}

impl RateTable {
    /// Reads a rate file (CSV in UTF-8). A bad row refuses the whole file and names its line, since half a price list would
    /// charge wrong.
    ///
    /// ```
    /// use domain::RateTable;
    /// let header = "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom\n";
    /// let file = format!("{header}userOut,33,France,FR,EUR,-1,0,60,60,2025-01-01\n");
    /// let problem = RateTable::parse(file.as_bytes()).unwrap_err();
    /// assert_eq!(problem.to_string(), "rates, line 2: perMinute: expected a price of zero or more, below a million");
    /// ```
    pub fn parse(file: impl Read) -> Result<Self, RateFileError> {
        let mut lines: HashMap<_, Vec<_>> = HashMap::new();
        let mut reader = csv::Reader::from_reader(file);
        let headers = reader.headers().map_err(|problem| at_line(1, &problem))?.clone();
        let mut record = csv::StringRecord::new();
        loop {
            let more = reader.read_record(&mut record);
            let line = record.position().map_or_else(|| reader.position().line(), csv::Position::line);
            if !more.map_err(|problem| at_line(line, &problem))? {
                break;
            }
            let row: Row<'_> =
                record.deserialize(Some(&headers)).map_err(|problem| at_line(line, &problem))?;
            let (service, rate) = row.read().map_err(|detail| RateFileError { line, detail })?;
            lines.entry(service).or_default().push((line, rate));
        }
        let by_service = lines.into_iter().map(|(service, lines)| Ok((service, in_order(lines)?)));
        Ok(Self { by_service: by_service.collect::<Result<_, _>>()? })
    }

    /// The rate for a number: the longest prefix that has one in force at `started_at`.
    pub fn find(
        &self,
        service: Service,
        number: &Number,
        currency: Currency,
        started_at: Timestamp,
    ) -> Option<&Rate> {
        let rates = self.by_service.get(&(service, currency))?;
        let digits = number.e164_digits()?;
        (1..=digits.len()).rev().find_map(|len| {
            let prefix = &digits[..len];
            let first_later = rates.partition_point(|rate| rate.place() <= (prefix, started_at));
            rates[..first_later].last().filter(|rate| rate.prefix == prefix)
        })
    }

    /// Rates a record: by the price it arrived with (S6), as free (S5), by a published rate (S5), or not at all (S9).
    pub fn rate(&self, record: &UsageRecord, given: Option<Money>, currency: Currency) -> RatingResult {
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
        let basis = RatingBasis::Rated {
            prefix: rate.prefix.clone(),
            destination: rate.destination.clone(),
            per_minute: rate.per_minute,
            connection_fee: rate.connection_fee,
            billed_seconds,
            increments: format!("{}/{}", rate.first_increment, rate.next_increment),
            effective_from: rate.effective_from,
        };
        RatingResult::rated(rate.charge(billed_seconds, currency), basis)
    }

    /// Whether the premium table knows this number better than the ordinary one: by a longer prefix, since
    /// both may have a row for its whole country.
    pub fn is_premium(&self, number: &Number, currency: Currency, started_at: Timestamp) -> bool {
        let prefix_len =
            |service| self.find(service, number, currency, started_at).map_or(0, |rate| rate.prefix.len());
        prefix_len(Service::Premium) > prefix_len(Service::UserOut)
    }
}

/// The rates of one service, each with its line, in order; no two take effect at once for the same prefix.
fn in_order(mut lines: Vec<(u64, Rate)>) -> Result<Vec<Rate>, RateFileError> {
    lines.sort_by(|(_, a), (_, b)| a.place().cmp(&b.place()));
    if let Some([_, (line, rate)]) = lines.array_windows().find(|[(_, a), (_, b)]| a.place() == b.place()) {
        let detail = format!("prefix: {} has a row from that instant already", rate.prefix);
        return Err(RateFileError { line: *line, detail });
    }
    Ok(lines.into_iter().map(|(_, rate)| rate).collect())
}

fn at_line(line: u64, problem: &csv::Error) -> RateFileError {
    RateFileError { line, detail: problem.to_string() }
}

fn price(column: &str, text: &str) -> Result<Decimal, String> {
    text.parse::<Decimal>()
        .ok()
        .filter(|price| (Decimal::ZERO..Decimal::from(1_000_000)).contains(price))
        .ok_or_else(|| format!("{column}: expected a price of zero or more, below a million"))
}

fn increment(column: &str, text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|seconds| (1..=3600).contains(seconds))
        .ok_or_else(|| format!("{column}: expected 1 to 3600 seconds"))
}

fn effective_from(text: &str) -> Result<Timestamp, String> {
    const DATE: usize = "2025-01-01".len();
    let midnight = || TimeZone::UTC.to_timestamp(text.parse::<Date>().ok()?.into()).ok();
    let effective = if text.len() <= DATE { midnight() } else { text.parse().ok() };
    effective.ok_or_else(|| "effectiveFrom: expected a date such as 2025-01-01 or an instant".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom\n";

    fn table(rows: &str) -> Result<RateTable, RateFileError> {
        RateTable::parse(format!("{HEADER}{rows}").as_bytes())
    }

    fn find(table: &RateTable, number: &str, at: &str) -> Option<String> {
        let eur = Currency::parse("EUR").unwrap();
        let number = Number::parse(number).unwrap();
        table.find(Service::UserOut, &number, eur, at.parse().unwrap()).map(|rate| rate.destination.clone())
    }

    #[test]
    fn s5_the_longest_prefix_in_force_when_the_call_started() {
        let mut rows = [
            "userOut,33,France,FR,EUR,0.02,0,60,60,2025-01-01\n",
            "userOut,33,France 2026,FR,EUR,0.03,0,60,60,2026-01-01T00:00:00Z\n",
            "userOut,336,France mobile,FR,EUR,0.1,0,60,60,20260601\n",
            "userOut,4,Not France,,EUR,0.02,0,60,60,2025-01-01\n",
            "userOut,33,France in dollars,FR,USD,0.02,0,60,60,2025-01-01\n",
            "premium,33,Premium,FR,EUR,9,0,60,60,2025-01-01\n",
        ];
        let in_order = table(&rows.concat()).unwrap();
        rows.reverse();
        let reversed = table(&rows.concat()).unwrap();
        for (number, at, destination) in [
            ("+33123", "2025-01-01T00:00:00Z", Some("France")),
            ("+33123", "2024-12-31T23:59:59Z", None),
            ("+33123", "2026-01-01T00:00:00Z", Some("France 2026")),
            ("+33612", "2026-06-01T00:00:00Z", Some("France mobile")),
            ("+33612", "2026-05-31T00:00:00Z", Some("France 2026")),
            ("+336**", "2026-07-01T00:00:00Z", Some("France mobile")),
            ("+33***", "2026-07-01T00:00:00Z", Some("France 2026")),
            ("+34123", "2026-07-01T00:00:00Z", None),
        ] {
            assert_eq!(find(&in_order, number, at).as_deref(), destination, "{number} {at}");
            assert_eq!(find(&reversed, number, at).as_deref(), destination, "{number} {at}, rows reversed");
        }
    }

    #[test]
    fn s5_increments_and_one_rounding() {
        let eur = Currency::parse("EUR").unwrap();
        let rate = |per_minute: &str, fee: &str, first, next| Rate {
            prefix: "1".into(),
            destination: String::new(),
            country: String::new(),
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
            assert_eq!(rate.charge(billed, eur).to_string(), charge);
        }
    }

    #[test]
    fn a_bad_row_names_its_line() {
        let good = "userOut,33,France,FR,EUR,0.02,0,60,60,2025-01-01\n";
        for (bad, said) in [
            ("userOut,+33,France,FR,EUR,0.02,0,60,60,2025-01-01", "prefix: expected"),
            ("userOut,34,Spain,ES,EUR,abc,0,60,60,2025-01-01", "perMinute: expected"),
            ("userOut,34,Spain,ES,EUR,0.02,0,0,60,2025-01-01", "firstIncrement: expected"),
            ("userOut,34,Spain,ES,XYZ,0.02,0,60,60,2025-01-01", "currency: expected"),
            ("fax,34,Spain,ES,EUR,0.02,0,60,60,2025-01-01", "service: expected"),
            ("userOut,34,Spain,ES,EUR,0.02,0,60,60,soon", "effectiveFrom: expected"),
            ("userOut,34,Spain,ES,EUR,0.02,0,60,60,2025-13-01", "effectiveFrom: expected"),
            ("userOut,33,France,FR,EUR,0.03,0,60,60,2025-01-01", "prefix: 33 has a row"),
            (
                "userOut,33,France,FR,EUR,0.03,0,60,60,2025-01-01T00:00:00Z\nuserOut,32,,,EUR,1,0,1,1,2025-01-01",
                "prefix: 33 has a row",
            ),
            ("userOut,34,Spain", "found record with 3 fields"),
        ] {
            let problem = table(&format!("{good}{bad}\n")).unwrap_err();
            assert_eq!(problem.line, 3, "{bad}");
            assert!(problem.detail.contains(said), "{bad}: {}", problem.detail);
        }
        let problem = RateTable::parse(&b"service,prefix\nuserOut,33\n"[..]).unwrap_err();
        assert!(problem.detail.contains("missing field"), "{problem}");
    }

    #[test]
    fn a_number_is_premium_when_the_premium_table_knows_it_better() {
        let table = table(
            "userOut,33,France,FR,EUR,0.02,0,60,60,2025-01-01\n\
             premium,33,France,FR,EUR,0.02,0,60,60,2025-01-01\n\
             premium,3389,France premium,FR,EUR,2,0,60,60,2025-01-01\n",
        )
        .unwrap();
        let eur = Currency::parse("EUR").unwrap();
        let is = |number| {
            table.is_premium(&Number::parse(number).unwrap(), eur, "2026-01-01T00:00:00Z".parse().unwrap())
        };
        assert!(is("+33899000000"));
        assert!(!is("+33123456789"));
        assert!(!is("+49123456789"));
    }
}
