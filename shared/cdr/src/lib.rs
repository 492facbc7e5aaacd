//! Reading usage records from a request's body or a message (S3, S4, S6).
//!
//! [`read`] is a pure function of the bytes and a [`Context`]. A fault of the whole is a [`ReadError`]. A fault of one record is
//! that record's alone, and its neighbours are read (S3).
//! [`read_message`] does the same for a message of the queue.
//!
//! | file | noun | rules |
//! |---|---|---|
//! | `json` | our own records, and messages of them | S3, S4 |
//! | `graph` | a page of Microsoft Graph `pstnCallLogRow` | S4 |
//! | `pstn` | the PSTN usage report, as CSV or zipped | S3, S4 |
//! | `report` | what the two reports share: a row becomes a record | S4, S6 |
//! | `object` | JSON objects and lists, field by field | S3 |
//! | `rows` | RFC 4180 rows, where a broken one never takes others with it | S3 |
//! | `amount` | decimals, digit by digit | T3 |

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

/// The most records of our own in a request (S3).
pub const MAX_RECORDS: usize = 1_000;

/// The most rows in a file, CSV or Graph page (S3).
pub const MAX_ROWS: usize = 20_000;

/// The most bytes a zipped report may unzip to: 16 MB (S3).
pub const MAX_UNZIPPED_BYTES: u64 = 16 * 1024 * 1024;

/// The `field` of a problem that concerns the record as a whole: it is no object, or its quotes are broken.
pub const WHOLE_RECORD: &str = "record";

/// The format of usage records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Our own: `{"records": [usage record]}`.
    Json,
    /// A page of Microsoft Graph: `{"value": [pstnCallLogRow]}`.
    Graph,
    /// The PSTN usage report, `PSTN.calls.*.csv`.
    Csv,
    /// A zip with one such report in it.
    Zip,
}

impl Format {
    /// The format a `Content-Type` names; none where it names another. No header means our own JSON.
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
    /// The published rates, which tell premium numbers.
    pub rates: &'a RateTable,
    /// `?rate=all`: a report's row without a charge is left to be rated (S5).
    pub rate_all: bool,
}

/// One record as sent, readable or not, in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id as sent, where that can be read and has at most 128 characters: also when the record is bad, or
    /// when it is the id that is.
    pub id: Option<String>,
    /// The line it begins on, from 1, in a CSV.
    pub line: Option<u64>,
    /// The record, or its first problem under the name its source gives the field (`startedAt`,
    /// `startDateTime`, `Start Time`), or under [`WHOLE_RECORD`].
    pub record: Result<UsageRecord, InvalidRecord>,
}

/// Why nothing was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not what its `Content-Type` says: broken JSON, not UTF-8, not a zip. Status 400.
    #[error("{detail}")]
    Unreadable {
        /// What and where.
        detail: String,
    },
    /// Readable, but not a list of records: a field or column is missing or unknown. Status 422.
    #[error("{field}: {detail}")]
    Invalid {
        /// The field or column.
        field: String,
        /// What was expected.
        detail: String,
    },
    /// More records than one request may carry. Status 413.
    #[error("expected at most {limit} records, found {found}")]
    TooMany {
        /// [`MAX_RECORDS`] or [`MAX_ROWS`].
        limit: usize,
        /// As many were sent.
        found: usize,
    },
    /// More than [`MAX_UNZIPPED_BYTES`]. Status 413.
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

/// Reads every record of a request, in order. A bad one stays in its place as an [`InvalidRecord`] (S3).
///
/// # Errors
///
/// [`ReadError`] when the request as a whole cannot be taken; then nothing of it is.
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
