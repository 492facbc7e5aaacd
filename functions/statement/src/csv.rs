//! Transactions, statements and published rates as CSV (RFC 4180), which programs read and people open in a spreadsheet.
//!
//! A spreadsheet reads a cell that looks like a number, a date or a formula as one: `+447900900123` becomes 4.479E+11, and
//! `=HYPERLINK(…)` runs. A text that could be taken for something else is therefore written as a formula that gives just
//! this text, `="+447900900123"`: see [`text_cell`]. [The decision](../../../docs/decisions/csv-cells.md) says why not with
//! an apostrophe.

use api::{Problem, Reply};
use contract::{ListedRate, Lot, RejectedRecord, Statement, StatementBalance, StatementLine, Transaction};
use jiff::civil::Date;

/// The byte order mark, by which a spreadsheet reads the file as UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The most characters of one text in a formula. A spreadsheet takes at most 255 UTF-16 units; a character has at most two.
const LONGEST_TEXT_IN_FORMULA: usize = 127;

/// The columns of transactions.
const COLUMNS: [&str; 16] = [
    "transactionId",
    "at",
    "postedAt",
    "kind",
    "amount",
    "balance",
    "recordId",
    "userId",
    "service",
    "number",
    "durationSeconds",
    "charge",
    "costCentre",
    "reason",
    "purchaseId",
    "includedMinutes",
];

/// The columns of rates, which are those of a deck.
const RATE_COLUMNS: [&str; 10] = [
    "service",
    "prefix",
    "destination",
    "country",
    "currency",
    "perMinute",
    "connectionFee",
    "firstIncrement",
    "nextIncrement",
    "effectiveFrom",
];

/// The columns of a statement.
const STATEMENT_COLUMNS: [&str; 14] = [
    "row",
    "dayUtc",
    "service",
    "destination",
    "count",
    "billedSeconds",
    "includedMinutes",
    "charge",
    "amount",
    "postUsage",
    "lotId",
    "purchasedAt",
    "expiresAt",
    "remaining",
];

/// A page of transactions.
pub fn reply(transactions: &[Transaction]) -> Result<Reply, Problem> {
    written(COLUMNS, transactions.iter().map(cells))
}

/// A page of rates.
pub fn rates(rates: &[ListedRate]) -> Result<Reply, Problem> {
    written(RATE_COLUMNS, rates.iter().map(rate_cells))
}

/// A statement.
pub fn statement(statement: &Statement) -> Result<Reply, Problem> {
    let opening = balance_cells("opening", statement.from, &statement.opening);
    let closing = balance_cells("closing", statement.to, &statement.closing);
    let rows = std::iter::once(opening)
        .chain(statement.lines.iter().map(line_cells))
        .chain(std::iter::once(closing))
        .chain(statement.lots.iter().map(lot_cells));
    written(STATEMENT_COLUMNS, rows)
}

fn written<const N: usize>(
    columns: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Result<Reply, Problem> {
    let broken = |problem: String| Problem::Internal(format!("a page as CSV: {problem}"));
    let mut writer = ::csv::Writer::from_writer(BYTE_ORDER_MARK.as_bytes().to_vec());
    writer.write_record(columns).map_err(|problem| broken(problem.to_string()))?;
    for row in rows {
        writer.write_record(row).map_err(|problem| broken(problem.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|problem| broken(problem.to_string()))?;
    String::from_utf8(bytes).map(Reply::csv).map_err(|problem| broken(problem.to_string()))
}

/// The cells of a rate. Only its destination is a text that somebody wrote. A prefix has at most 15 digits, which a spreadsheet
/// keeps.
fn rate_cells(ListedRate { service, currency, rate }: &ListedRate) -> [String; 10] {
    [
        service.clone(),
        rate.prefix.clone(),
        text_cell(&rate.destination),
        rate.country.clone(),
        currency.clone(),
        rate.per_minute.clone(),
        rate.connection_fee.clone(),
        rate.first_increment.to_string(),
        rate.next_increment.to_string(),
        rate.effective_from.to_string(),
    ]
}

/// The cells of a row of a statement, from the values of some columns.
fn row_of(values: &[(&str, String)]) -> [String; 14] {
    let value = |column| values.iter().find(|(name, _)| *name == column).map(|(_, value)| value.clone());
    STATEMENT_COLUMNS.map(|column| value(column).unwrap_or_default())
}

fn balance_cells(row: &str, day: Date, balance: &StatementBalance) -> [String; 14] {
    row_of(&[
        ("row", row.to_owned()),
        ("dayUtc", day.to_string()),
        ("amount", balance.balance.clone()),
        ("postUsage", balance.post_usage.clone()),
    ])
}

/// The cells of a line. Only the destination is a text that somebody wrote.
fn line_cells(line: &StatementLine) -> [String; 14] {
    let destination = line.destination.as_deref().map(text_cell);
    row_of(&[
        ("row", line.kind.clone()),
        ("service", line.service.clone().unwrap_or_default()),
        ("destination", destination.unwrap_or_default()),
        ("count", line.count.to_string()),
        ("billedSeconds", line.billed_seconds.map(|seconds| seconds.to_string()).unwrap_or_default()),
        ("includedMinutes", line.included_minutes.map(|minutes| minutes.to_string()).unwrap_or_default()),
        ("charge", line.charge.clone().unwrap_or_default()),
        ("amount", line.amount.clone()),
        ("postUsage", line.post_usage.clone()),
    ])
}

fn lot_cells(lot: &Lot) -> [String; 14] {
    row_of(&[
        ("row", "lot".to_owned()),
        ("lotId", lot.lot_id.clone()),
        ("purchasedAt", lot.purchased_at.to_string()),
        ("expiresAt", lot.expires_at.to_string()),
        ("remaining", lot.remaining.clone()),
    ])
}

/// The cells of a row. Values that the service forms stay as they are: ids, which begin with an instant or a letter and
/// have a `#` or a `_`, instants, names and amounts. Other values were sent by a caller, and go through [`text_cell`].
fn cells(row: &Transaction) -> [String; 16] {
    let sent = |text: &Option<String>| text.as_deref().map(text_cell).unwrap_or_default();
    [
        row.transaction_id.clone(),
        row.at.to_string(),
        row.posted_at.to_string(),
        row.kind.clone(),
        row.amount.clone(),
        row.balance.clone(),
        sent(&row.record_id),
        sent(&row.user_id),
        row.service.clone().unwrap_or_default(),
        sent(&row.number),
        row.duration_seconds.map(|seconds| seconds.to_string()).unwrap_or_default(),
        row.charge.clone().unwrap_or_default(),
        sent(&row.cost_centre),
        sent(&reason(row)),
        row.purchase_id.clone().unwrap_or_default(),
        row.included_minutes.map(|minutes| minutes.to_string()).unwrap_or_default(),
    ]
}

/// The reason of an adjustment or reversal, or of a record's rejection.
fn reason(row: &Transaction) -> Option<String> {
    let refused = row.rejection.as_ref().map(|RejectedRecord { status, problem, .. }| {
        format!("{}: {}: {}", status, problem.field, problem.detail)
    });
    row.reason.clone().or(refused)
}

/// A cell that a spreadsheet shows as exactly this text.
///
/// A text that begins with a letter, has no digit and is no truth value is read as text, and stays as it is. Any other text
/// becomes `="text"`, with its quotes doubled; a text of more than 127 characters becomes `="part"&"part"`. No text that
/// stays as it is begins with `=`, so a program can tell the two apart.
///
/// ```
/// use statement::csv::text_cell;
/// assert_eq!(text_cell("ada@contoso.example"), "ada@contoso.example");
/// assert_eq!(text_cell("+447900900123"), "=\"+447900900123\"");
/// assert_eq!(text_cell("=HYPERLINK(\"x\")"), "=\"=HYPERLINK(\"\"x\"\")\"");
/// ```
pub fn text_cell(text: &str) -> String {
    let is_letter_first = text.chars().next().is_none_or(char::is_alphabetic);
    let is_truth_value = ["TRUE", "FALSE", "VRAI", "FAUX"].iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_letter_first && !is_truth_value && !text.contains(char::is_numeric) {
        return text.to_owned();
    }
    let characters: Vec<char> = text.chars().collect();
    let parts = characters.chunks(LONGEST_TEXT_IN_FORMULA).map(|part| {
        let part: String = part.iter().collect();
        format!("\"{}\"", part.replace('"', "\"\""))
    });
    format!("={}", parts.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text that a cell stands for, as docs/decisions/csv-cells.md tells programs to read it.
    fn text_of(cell: &str) -> String {
        let Some(mut rest) = cell.strip_prefix('=') else { return cell.to_owned() };
        let mut text = String::new();
        while let Some(quoted) = rest.strip_prefix('"') {
            let mut characters = quoted.char_indices();
            rest = loop {
                match characters.next() {
                    Some((end, '"')) if quoted[end + 1..].starts_with('"') => {
                        text.push('"');
                        characters.next();
                    }
                    Some((end, '"')) => break &quoted[end + 1..],
                    Some((_, character)) => text.push(character),
                    None => panic!("{cell} has an open quote"),
                }
            };
            rest = rest.strip_prefix('&').unwrap_or(rest);
        }
        assert_eq!(rest, "", "{cell}");
        text
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_a_formula_that_gives_it() {
        for text in [
            "+447900900123",
            "=1+1",
            "-2+3+cmd",
            "@SUM(A1)",
            "\u{ff1d}1+1",
            "\u{ff0b}1",
            "\u{ff0d}1",
            "\u{ff20}SUM",
            "\n=1",
            "\r=1",
            "\t=1",
            " =1",
            "\u{a0}=1",
            "\u{feff}=1",
            "0001",
            "1e5",
            "MAR1",
            "2026-11-22",
            "true",
            "Faux",
            "#N/A",
            "'+33",
            "\"quoted\"",
            &"\"".repeat(300),
            &"9é😀".repeat(200),
        ] {
            let cell = text_cell(text);
            assert!(cell.starts_with("=\"") && cell.ends_with('"'), "{cell}");
            assert_eq!(text_of(&cell), text);
            let longest = cell[1..].split("\"&\"").map(|part| part.encode_utf16().count()).max();
            assert!(longest.is_some_and(|longest| longest <= 2 * 255 + 2), "{cell}");
        }
        for text in ["", "Zoë", "a,b", "two\nlines", "Ada \"the Countess\"", "ada@contoso.example", "Ελένη"]
        {
            assert_eq!(text_cell(text), text);
            assert_eq!(text_of(text), text);
        }
    }
}
