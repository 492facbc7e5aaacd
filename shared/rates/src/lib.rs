//! Reading the file of published rates. It is CSV in UTF-8; `infra/rates/README.md` describes it (S5).

mod published;

use std::io::Read;

use domain::rate::{Rate, RateTable};
use domain::{Currency, Service};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::Deserialize;

pub use published::PublishedRates;

/// A row of the rate file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rates, line {line}: {detail}")]
pub struct RateFileError {
    /// The line, from 1.
    pub line: u64,
    /// The column and what was expected.
    pub detail: String,
}

/// Reads a rate file. One bad row makes the whole file unusable, since charges from part of a price list would be wrong.
///
/// # Errors
///
/// [`RateFileError`] with the line that cannot be used: it is not valid CSV, a column is missing or unknown, a value is not what
/// its column expects, or an earlier row has the same service, currency, prefix and instant.
///
/// # Example
///
/// ```
/// let header = "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom\n";
/// let file = format!("{header}userOut,33,France,FR,EUR,-1,0,60,60,2025-01-01\n");
/// let problem = rates::read(file.as_bytes()).unwrap_err();
/// assert_eq!(problem.to_string(), "rates, line 2: perMinute: expected a price of zero or more, below a million");
/// ```
pub fn read(file: impl Read) -> Result<RateTable, RateFileError> {
    let mut reader = csv::Reader::from_reader(file);
    let headers = reader.headers().map_err(|problem| at_line(1, &problem))?.clone();
    let (mut lines, mut rates) = (Vec::new(), Vec::new());
    let mut record = csv::StringRecord::new();
    loop {
        let more = reader.read_record(&mut record);
        let line = record.position().map_or_else(|| reader.position().line(), csv::Position::line);
        if !more.map_err(|problem| at_line(line, &problem))? {
            break;
        }
        let row: Row<'_> = record.deserialize(Some(&headers)).map_err(|problem| at_line(line, &problem))?;
        rates.push(row.read().map_err(|detail| RateFileError { line, detail })?);
        lines.push(line);
    }
    RateTable::new(rates)
        .map_err(|twice| RateFileError { line: lines[twice.place], detail: twice.to_string() })
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

fn at_line(line: u64, problem: &csv::Error) -> RateFileError {
    RateFileError { line, detail: problem.to_string() }
}

/// A price has at most this many characters, so that all its digits are kept.
const LONGEST_PRICE: usize = 25;

fn price(column: &str, text: &str) -> Result<Decimal, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    Some(text)
        .filter(|text| is_plain && text.len() <= LONGEST_PRICE)
        .and_then(|text| text.parse::<Decimal>().ok())
        .filter(|price| (Decimal::ZERO..Decimal::from(1_000_000)).contains(price))
        .ok_or_else(|| format!("{column}: expected a price of zero or more, below a million"))
}

fn increment(column: &str, text: &str) -> Result<u32, String> {
    Some(text)
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
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

    #[test]
    fn a_bad_row_names_its_line() {
        let good = "userOut,33,France,FR,EUR,0.02,0,60,60,2025-01-01\n";
        for (bad, said) in [
            ("userOut,+33,France,FR,EUR,0.02,0,60,60,2025-01-01", "prefix: expected"),
            ("userOut,34,Spain,ES,EUR,abc,0,60,60,2025-01-01", "perMinute: expected"),
            ("userOut,34,Spain,ES,EUR,1_0,0,60,60,2025-01-01", "perMinute: expected"),
            (
                "userOut,34,Spain,ES,EUR,0.00000000000000000000000001,0,60,60,2025-01-01",
                "perMinute: expected",
            ),
            ("userOut,34,Spain,ES,EUR,0.02,1000000,60,60,2025-01-01", "connectionFee: expected"),
            ("userOut,34,Spain,ES,EUR,0.02,0,0,60,2025-01-01", "firstIncrement: expected"),
            ("userOut,34,Spain,ES,EUR,0.02,0,+60,60,2025-01-01", "firstIncrement: expected"),
            ("userOut,34,Spain,ES,EUR,0.02,0,60,3601,2025-01-01", "nextIncrement: expected"),
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
            let problem = read(format!("{HEADER}{good}{bad}\n").as_bytes()).unwrap_err();
            assert_eq!(problem.line, 3, "{bad}");
            assert!(problem.detail.contains(said), "{bad}: {}", problem.detail);
        }
        let problem = read(&b"service,prefix\nuserOut,33\n"[..]).unwrap_err();
        assert!(problem.detail.contains("missing field"), "{problem}");
    }
}
