//! The PSTN usage report: CSV, plain or in a zip, read by column name (S3, S4). A bad row is reported with its line, and the
//! others are read.

use std::borrow::Cow;
use std::io::{Cursor, Read as _};

use domain::usage::InvalidRecord;
use zip::ZipArchive;

use crate::report::{self, Columns, kept_id};
use crate::rows::{MAX_CELLS, RawRow, Rows};
use crate::{Context, MAX_ROWS, MAX_UNZIPPED_BYTES, ReadError, Row, WHOLE_RECORD};

const NAMES: Columns<&str> = Columns {
    id: "UsageId",
    call_id: "Call ID",
    user_id: "AAD ObjectId",
    call_type: "Call Type",
    number_type: "Number Type",
    number: "Destination Number",
    started_at: "Start Time",
    duration: "Duration Seconds",
    charge: "Charge",
    connection_fee: "Connection Fee",
    currency: "Currency",
    plan: "Capability",
    country: "User Location",
};

/// Columns that a report may lack. `Connection Fee` is not among them, since the sums would be too low without it.
const OPTIONAL: [&str; 5] = [NAMES.call_id, NAMES.user_id, NAMES.number_type, NAMES.plan, NAMES.country];

/// The positions of the columns in a file.
struct Layout {
    columns: usize,
    places: Columns<Option<usize>>,
}

/// Reads a file of up to [`MAX_ROWS`] rows. It may have a header alone.
pub(crate) fn read(text: &str, context: &Context<'_>) -> Result<Vec<Row>, ReadError> {
    let mut rows = Rows::of(text);
    let layout = layout(rows.next())?;
    let read = rows.by_ref().take(MAX_ROWS).map(|raw| row(&raw, &layout, context)).collect();
    match rows.count() {
        0 => Ok(read),
        more => Err(ReadError::TooMany { limit: MAX_ROWS, found: MAX_ROWS + more }),
    }
}

fn layout(header: Option<RawRow<'_>>) -> Result<Layout, ReadError> {
    let header = match header {
        None => Vec::new(),
        Some(RawRow { cells: Some(cells), .. }) => cells,
        Some(RawRow { line, cells: None }) => {
            return Err(ReadError::unreadable(format!(
                "line {line}: expected quotes in pairs around a column's name"
            )));
        }
    };
    if header.len() >= MAX_CELLS {
        return Err(ReadError::invalid("header", format!("expected fewer than {MAX_CELLS} columns")));
    }
    let places = NAMES.try_map(|name| place(&header, name))?;
    Ok(Layout { columns: header.len(), places })
}

fn place(header: &[Cow<'_, str>], name: &str) -> Result<Option<usize>, ReadError> {
    let mut places = header
        .iter()
        .enumerate()
        .filter(|(_, cell)| cell.trim().eq_ignore_ascii_case(name))
        .map(|(at, _)| at);
    match (places.next(), places.next()) {
        (None, _) if !OPTIONAL.contains(&name) => {
            Err(ReadError::invalid(name, "expected a column of this name in the first line"))
        }
        (_, Some(_)) => Err(ReadError::invalid(name, "expected one column of this name, found several")),
        (place, None) => Ok(place),
    }
}

fn row(raw: &RawRow<'_>, layout: &Layout, context: &Context<'_>) -> Row {
    let broken = |detail: String| Row {
        id: None,
        line: Some(raw.line),
        record: Err(InvalidRecord::new(WHOLE_RECORD, detail)),
    };
    let Some(cells) = &raw.cells else {
        return broken("expected quotes in pairs around a cell: one is not closed, or stands inside".into());
    };
    if cells.len() != layout.columns {
        // It is unknown which cell belongs to which column, so not even the id is read.
        return broken(format!(
            "expected {} cells, as in the first line, found {}",
            layout.columns,
            cells.len()
        ));
    }
    let cells = layout.places.map(|place| place.map_or("", |place| cells[place].trim()));
    Row { id: kept_id(cells.id), line: Some(raw.line), record: report::record(&NAMES, &cells, context) }
}

/// Unzips the report: the only `PSTN.calls*.csv`, or the only `.csv` if there is no such file.
pub(crate) fn unzip(body: &[u8]) -> Result<Vec<u8>, ReadError> {
    let broken =
        |problem: &dyn std::fmt::Display| ReadError::unreadable(format!("expected a zip: {problem}"));
    let mut archive = ZipArchive::new(Cursor::new(body)).map_err(|problem| broken(&problem))?;
    let member = archive.by_index(report_in(&archive)?).map_err(|problem| broken(&problem))?;
    // The bytes are counted as they are read, since the size that a zip declares may be false.
    let mut report = Vec::new();
    member.take(MAX_UNZIPPED_BYTES + 1).read_to_end(&mut report).map_err(|problem| broken(&problem))?;
    if report.len() as u64 > MAX_UNZIPPED_BYTES {
        let detail = format!("expected at most {} MB unzipped", MAX_UNZIPPED_BYTES / (1024 * 1024));
        return Err(ReadError::TooLarge { detail });
    }
    Ok(report)
}

fn report_in(archive: &ZipArchive<Cursor<&[u8]>>) -> Result<usize, ReadError> {
    let (mut reports, mut others) = (Vec::new(), Vec::new());
    for (index, path) in archive.file_names_raw().enumerate() {
        let path = path.to_ascii_lowercase();
        let name = path.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
        // A name that begins with a dot is that of a hidden file, or of one that macOS adds.
        if name.ends_with(b".csv") && !name.starts_with(b".") {
            if name.starts_with(b"pstn.calls") { reports.push(index) } else { others.push(index) }
        }
    }
    let candidates = if reports.is_empty() { others } else { reports };
    match candidates[..] {
        [index] => Ok(index),
        _ => Err(ReadError::invalid(
            "zip",
            format!("expected one file named PSTN.calls*.csv, or one .csv, found {}", candidates.len()),
        )),
    }
}
