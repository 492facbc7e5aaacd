//! Records in the API's own format: `{"records": [usage record]}` (S3, S4). A message of the queue also has the account's id.
//! Each record is read on its own. An unknown field in a record makes that record invalid; an unknown field beside `records`
//! makes the whole body invalid.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use domain::usage::{InvalidRecord, MAX_DURATION_SECONDS, Number, Service};
use domain::{Currency, UsageRecord, time};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::value::RawValue;

use crate::object::{self, Object};
use crate::report::{alpha2, at, kept_id, limited, record_id, whole_number};
use crate::{MAX_RECORDS, ReadError, Row, WHOLE_RECORD, amount};

const FIELDS: [&str; 14] = [
    "id",
    "revision",
    "callId",
    "userId",
    "service",
    "number",
    "startedAt",
    "durationSeconds",
    "charge",
    "currency",
    "plan",
    "userCountry",
    "costCentre",
    "holdId",
];

type Fields<'a> = Object<'a, 14>;

/// An amount is not a JSON number, since a client that holds numbers as floats would lose digits before it sends them.
const AMOUNT_EXPECTED: &str = "expected a string such as \"0.1234\", zero or more";

/// Reads a body of 1 to [`MAX_RECORDS`] records.
pub(crate) fn read(body: &str) -> Result<Vec<Row>, ReadError> {
    let request = object_of(body, &["records"])?;
    Ok(records(&request)?.into_iter().map(row).collect())
}

/// Records of one account, as a message of the queue carries them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The account's id, as it was sent.
    pub account_id: Cow<'a, str>,
    /// The records, in order.
    pub rows: Vec<Row>,
    /// The text of each record, as it was sent.
    pub texts: Vec<&'a str>,
}

/// Reads the body of a message: `{"accountId": "…", "records": [usage record]}`, 1 to [`MAX_RECORDS`] of them.
///
/// # Errors
///
/// [`ReadError`] if the message as a whole cannot be read. No record of it is returned then.
///
/// - [`ReadError::Unreadable`]: the message is not JSON.
/// - [`ReadError::Invalid`]: `accountId` is not one string, `records` is not one list or is empty, or another field is there.
/// - [`ReadError::TooMany`]: there are more than [`MAX_RECORDS`] records.
///
/// # Example
///
/// ```
/// let body = r#"{"accountId": "contoso", "records": [{"id": "a"}, 7]}"#;
/// let message = cdr::read_message(body).unwrap();
/// assert_eq!(message.account_id, "contoso");
/// assert_eq!(message.texts, [r#"{"id": "a"}"#, "7"]);
/// assert_eq!(message.rows[0].id.as_deref(), Some("a"));
/// assert!(cdr::read_message(r#"{"records": [{"id": "a"}]}"#).is_err(), "the account is missing");
/// ```
pub fn read_message(body: &str) -> Result<Message<'_>, ReadError> {
    let message = object_of(body, &["accountId", "records"])?;
    if message.twice == Some("accountId") {
        return Err(ReadError::invalid("accountId", "given twice"));
    }
    let account_id = message.get("accountId").and_then(object::string);
    let account_id = account_id.ok_or_else(|| ReadError::invalid("accountId", "expected a string"))?;
    let records = records(&message)?;
    let texts = records.iter().map(|raw| raw.get()).collect();
    Ok(Message { account_id, rows: records.into_iter().map(row).collect(), texts })
}

/// Parses a body, which must be an object with no other fields than these.
fn object_of<'a, const N: usize>(
    body: &'a str,
    names: &'static [&'static str; N],
) -> Result<Object<'a, N>, ReadError> {
    let object = Object::read(object::document(body)?, names)
        .ok_or_else(|| ReadError::invalid("records", "expected an object with this list"))?;
    match object.unknown {
        Some(name) => {
            let expected = format!("expected only {}: this field is unknown", names.join(" and "));
            Err(ReadError::invalid(name, expected))
        }
        None => Ok(object),
    }
}

fn records<'a, const N: usize>(request: &Object<'a, N>) -> Result<Vec<&'a RawValue>, ReadError> {
    let records = object::list(request, "records", MAX_RECORDS)?;
    if records.is_empty() {
        return Err(ReadError::invalid("records", format!("expected 1 to {MAX_RECORDS} records")));
    }
    Ok(records)
}

fn row(raw: &RawValue) -> Row {
    let Some(fields) = Object::read(raw, &FIELDS) else {
        let problem = InvalidRecord::new(WHOLE_RECORD, "expected a JSON object");
        return Row { id: None, line: None, record: Err(problem) };
    };
    let id = fields.get("id").and_then(object::string).and_then(|id| kept_id(&id));
    Row { id, line: None, record: record(&fields) }
}

fn record(fields: &Fields<'_>) -> Result<UsageRecord, InvalidRecord> {
    if let Some(name) = &fields.unknown {
        return Err(InvalidRecord::new(name.clone(), "unknown field"));
    }
    if let Some(name) = fields.twice {
        return Err(InvalidRecord::new(name, "given twice"));
    }
    Ok(UsageRecord {
        id: required("id", parsed(fields, "id", record_id)?)?,
        revision: whole(fields, "revision", 1..=u32::MAX)?.unwrap_or(1),
        call_id: text(fields, "callId", 128)?,
        user_id: text(fields, "userId", 128)?,
        service: required("service", parsed(fields, "service", service)?)?,
        service_by_rates: false,
        number: required("number", parsed(fields, "number", Number::parse)?)?,
        started_at: required("startedAt", parsed(fields, "startedAt", instant)?)?,
        duration_seconds: required(
            "durationSeconds",
            whole(fields, "durationSeconds", 0..=MAX_DURATION_SECONDS)?,
        )?,
        charge: parsed(fields, "charge", charge)?,
        currency: parsed(fields, "currency", Currency::parse)?,
        plan: text(fields, "plan", 64)?,
        user_country: parsed(fields, "userCountry", country)?,
        cost_centre: text(fields, "costCentre", 64)?,
        hold_id: text(fields, "holdId", 64)?,
    })
}

fn required<T>(name: &'static str, value: Option<T>) -> Result<T, InvalidRecord> {
    value.ok_or_else(|| InvalidRecord::new(name, "expected a value: it is missing"))
}

/// Parses the string of a field. Returns `None` if the field is absent.
fn parsed<T, P: ToString>(
    fields: &Fields<'_>,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, P>,
) -> Result<Option<T>, InvalidRecord> {
    let Some(raw) = fields.get(name) else { return Ok(None) };
    let expected = if name == "charge" { AMOUNT_EXPECTED } else { "expected a string" };
    let text = object::string(raw).ok_or(expected).map_err(at(name))?;
    parse(&text).map(Some).map_err(at(name))
}

fn text(fields: &Fields<'_>, name: &'static str, max_chars: usize) -> Result<Option<String>, InvalidRecord> {
    Ok(parsed(fields, name, |text| limited(text, max_chars))?.flatten())
}

/// Reads a whole number. In JSON, `60.0` is one (S4).
fn whole(
    fields: &Fields<'_>,
    name: &'static str,
    range: RangeInclusive<u32>,
) -> Result<Option<u32>, InvalidRecord> {
    let Some(raw) = fields.get(name) else { return Ok(None) };
    let number = whole_number(raw.get()).filter(|number| range.contains(number));
    let expected = || format!("expected a whole number from {} to {}", range.start(), range.end());
    number.ok_or_else(expected).map(Some).map_err(at(name))
}

fn service(text: &str) -> Result<Service, String> {
    Service::parse(text)
        .ok_or_else(|| format!("expected one of {}", Service::ALL.map(Service::as_str).join(", ")))
}

fn instant(text: &str) -> Result<Timestamp, &'static str> {
    let instant = text.parse().ok().map(time::cut_to_second).filter(|instant| time::in_range(*instant));
    instant
        .ok_or("expected an instant after the year 1999, with its offset, such as \"2026-11-22T07:43:00Z\"")
}

fn charge(text: &str) -> Result<Decimal, &'static str> {
    amount::plain(text).ok_or(AMOUNT_EXPECTED)
}

fn country(text: &str) -> Result<String, &'static str> {
    alpha2(text).ok_or("expected two letters such as \"FR\"")
}
