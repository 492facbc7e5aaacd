//! Reading usage records from a request's body or a message (S3, S4, S6).
//!
//! [`read`] is a pure function of the bytes and a [`Context`]. If the request as a whole cannot be read, it returns a
//! [`ReadError`]. A fault in one record affects that record alone, and the others are read (S3). [`read_message`] does the same
//! for a message of the queue.
//!
//! | file | noun | rules |
//! |---|---|---|
//! | `json` | records in the API's own format, in requests and messages | S3, S4 |
//! | `graph` | a page of Microsoft Graph `pstnCallLogRow` | S4 |
//! | `pstn` | the PSTN usage report, as CSV or zipped | S3, S4 |
//! | `report` | the conversion of a row to a record, for both reports | S4, S6 |
//! | `object` | JSON objects and lists, field by field | S3 |
//! | `rows` | RFC 4180 rows, of which a broken one affects no other | S3 |
//! | `amount` | decimals, parsed digit by digit | T3 |

mod amount;
mod graph;
mod json;
mod object;
mod pstn;
mod report;
mod rows;

pub use json::{Message, read_message};

use domain::usage::InvalidRecord;
use domain::{Currency, RateTable, UsageRecord};

/// The most records in a JSON request or message (S3).
pub const MAX_RECORDS: usize = 1_000;

/// The most rows in a CSV file or a Graph page (S3).
pub const MAX_ROWS: usize = 20_000;

/// The most bytes a zipped report may unzip to: 16 MB (S3).
pub const MAX_UNZIPPED_BYTES: u64 = 16 * 1024 * 1024;

/// The `field` of a problem that concerns the record as a whole, such as broken quotes or a record that is not an object.
pub const WHOLE_RECORD: &str = "record";

/// The format of usage records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The API's own format: `{"records": [usage record]}`.
    Json,
    /// A page of Microsoft Graph: `{"value": [pstnCallLogRow]}`.
    Graph,
    /// The PSTN usage report, `PSTN.calls.*.csv`.
    Csv,
    /// A zip with one such report in it.
    Zip,
}

impl Format {
    /// The format that a `Content-Type` names. No header means [`Format::Json`]. Returns `None` if the type is unknown.
    /// Parameters and letter case do not matter.
    ///
    /// ```
    /// use cdr::Format;
    /// assert_eq!(Format::of_content_type(None), Some(Format::Json));
    /// assert_eq!(Format::of_content_type(Some("Text/CSV; charset=utf-8")), Some(Format::Csv));
    /// assert_eq!(Format::of_content_type(Some("text/plain")), None);
    /// ```
    pub fn of_content_type(content_type: Option<&str>) -> Option<Self> {
        let Some(content_type) = content_type else { return Some(Self::Json) };
        let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            "application/json" => Some(Self::Json),
            "application/vnd.microsoft.graph+json" => Some(Self::Graph),
            "text/csv" => Some(Self::Csv),
            "application/zip" => Some(Self::Zip),
            _ => None,
        }
    }
}

/// The context that reading needs besides the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The account's currency, for rows that name none.
    pub currency: Currency,
    /// The published rates, which determine the premium numbers.
    pub rates: &'a RateTable,
    /// Whether the request has `?rate=all`. A report's row without a charge is then left to be rated (S5).
    pub rate_all: bool,
}

/// One record of a request, valid or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The record's id as it was sent, if it is text of 1 to 128 printable ASCII characters. It is given even if the record, or
    /// the id itself, is invalid.
    pub id: Option<String>,
    /// The line of a CSV that the record begins on, from 1.
    pub line: Option<u64>,
    /// The record, or its first problem. The problem has the field's name in this format (`startedAt`, `startDateTime`,
    /// `Start Time`), or [`WHOLE_RECORD`].
    pub record: Result<UsageRecord, InvalidRecord>,
}

/// The reason why a request or message cannot be read as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The body is not what its `Content-Type` says: it is not JSON, not UTF-8 or not a zip. Status 400.
    #[error("{detail}")]
    Unreadable {
        /// What was expected, and where.
        detail: String,
    },
    /// The body is readable, but it is not a list of records: a field or column is missing or unknown. Status 422.
    #[error("{field}: {detail}")]
    Invalid {
        /// The field or column.
        field: String,
        /// What was expected.
        detail: String,
    },
    /// The request has more records than are allowed. Status 413.
    #[error("expected at most {limit} records, found {found}")]
    TooMany {
        /// [`MAX_RECORDS`] or [`MAX_ROWS`].
        limit: usize,
        /// The number of records that were sent.
        found: usize,
    },
    /// The report in a zip has more than [`MAX_UNZIPPED_BYTES`]. Status 413.
    #[error("{detail}")]
    TooLarge {
        /// What was expected.
        detail: String,
    },
}

impl ReadError {
    pub(crate) fn unreadable(detail: impl Into<String>) -> Self {
        Self::Unreadable { detail: detail.into() }
    }

    pub(crate) fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), detail: detail.into() }
    }
}

/// Reads every record of a request, in order. A bad record is returned at its position as an [`InvalidRecord`] (S3).
///
/// # Errors
///
/// [`ReadError`] if the request as a whole cannot be read. No record of it is returned then.
///
/// - [`ReadError::Unreadable`]: the body is not UTF-8, JSON or a zip, or the quotes in a CSV's header are broken.
/// - [`ReadError::Invalid`]: there is no list of records, the list of the JSON format is empty or has an unknown field beside it,
///   a column is missing or repeated, or a zip does not have exactly one report.
/// - [`ReadError::TooMany`]: there are more than [`MAX_RECORDS`] records or [`MAX_ROWS`] rows.
/// - [`ReadError::TooLarge`]: the report in a zip has more than [`MAX_UNZIPPED_BYTES`].
///
/// # Example
///
/// ```
/// use cdr::{Context, Format};
/// # use domain::{Currency, RateTable};
/// let currency = Currency::parse("EUR").unwrap();
/// let context = Context { currency, rates: &RateTable::default(), rate_all: false };
/// let body = br#"{"records": [{"id": "a", "durationSeconds": -1}]}"#;
/// let rows = cdr::read(Format::Json, body, &context).unwrap();
/// assert_eq!(rows[0].id.as_deref(), Some("a"));
/// assert_eq!(rows[0].record.as_ref().unwrap_err().field, "service", "the first problem");
/// ```
pub fn read(format: Format, body: &[u8], context: &Context<'_>) -> Result<Vec<Row>, ReadError> {
    match format {
        Format::Json => json::read(text(body)?),
        Format::Graph => graph::read(text(body)?, context),
        Format::Csv => pstn::read(text(body)?, context),
        Format::Zip => pstn::read(text(&pstn::unzip(body)?)?, context),
    }
}

/// The text of a body, without the byte order mark that some exports begin with.
fn text(body: &[u8]) -> Result<&str, ReadError> {
    match std::str::from_utf8(body) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(problem) => {
            let line = body[..problem.valid_up_to()].split(|byte| *byte == b'\n').count();
            Err(ReadError::unreadable(format!("expected UTF-8: line {line} is not")))
        }
    }
}
