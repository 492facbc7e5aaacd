//! Reading usage records, format by format.
#![cfg(test)]

mod bytes;
mod csv_report;
mod graph;
mod json;
mod samples;
mod zip_report;

use cdr::{Context, Format, ReadError, Row, read};
use domain::usage::InvalidRecord;
use domain::{Currency, UsageRecord};

const RATES: &str = "\
service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom
userOut,33,France,FR,EUR,0.02,0,60,60,2025-01-01
premium,3389,France premium,FR,EUR,2,0,60,60,2025-01-01
";

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn read_in(code: &str, rate_all: bool, format: Format, body: &[u8]) -> Result<Vec<Row>, ReadError> {
    let rates = rates::read(RATES.as_bytes()).unwrap();
    read(format, body, &Context { currency: currency(code), rates: &rates, rate_all })
}

fn rows(format: Format, body: impl AsRef<[u8]>) -> Vec<Row> {
    read_in("EUR", false, format, body.as_ref()).unwrap()
}

fn refused(format: Format, body: impl AsRef<[u8]>) -> ReadError {
    read_in("EUR", false, format, body.as_ref()).unwrap_err()
}

/// The field that the error of the whole request names.
fn refused_field(format: Format, body: impl AsRef<[u8]>) -> String {
    match refused(format, body) {
        ReadError::Invalid { field, .. } => field,
        other => panic!("expected a field, not {other:?}"),
    }
}

fn only(mut rows: Vec<Row>) -> Row {
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

fn record(row: Row) -> UsageRecord {
    row.record.unwrap()
}

fn problem(row: Row) -> InvalidRecord {
    row.record.unwrap_err()
}

fn charge(record: &UsageRecord) -> Option<String> {
    record.charge.map(|charge| charge.to_string())
}
