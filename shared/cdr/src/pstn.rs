//! The PSTN usage report: CSV read by column name, from a zip if need be (S3, S4). A bad row is reported with
//! its line, and the others are read.

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

/// Columns a report can do without: no money hangs on them alone. A missing `Connection Fee` would lose some.
const OPTIONAL: [&str; 5] = [NAMES.call_id, NAMES.user_id, NAMES.number_type, NAMES.plan, NAMES.country];

/// Where the columns stand in a file.
struct Layout {
    columns: usize,
    places: Columns<Option<usize>>,
}

/// Reads a file of up to [`MAX_ROWS`] rows; it may have none but its header.
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
        // No cell can be told from another, not even the id.
        return broken(format!(
            "expected {} cells, as in the first line, found {}",
            layout.columns,
            cells.len()
        ));
    }
    let cells = layout.places.map(|place| place.map_or("", |place| cells[place].trim()));
    Row { id: kept_id(cells.id), line: Some(raw.line), record: report::record(&NAMES, &cells, context) }
}

/// The report in a zip: the one `PSTN.calls*.csv`, or else the only `.csv`.
pub(crate) fn unzip(body: &[u8]) -> Result<Vec<u8>, ReadError> {
    let broken =
        |problem: &dyn std::fmt::Display| ReadError::unreadable(format!("expected a zip: {problem}"));
    let mut archive = ZipArchive::new(Cursor::new(body)).map_err(|problem| broken(&problem))?;
    let member = archive.by_index(report_in(&archive)?).map_err(|problem| broken(&problem))?;
    // Counted as it is read: what a zip says of itself may be a lie.
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
        // A name with a dot in front is hidden, or what macOS adds beside a file.
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
