//! Transactions, statements and published rates as CSV.

use api::csv::{text_cell, written};
use api::{Problem, Reply};
use contract::{ListedRate, Lot, RejectedRecord, Statement, StatementBalance, StatementLine, Transaction};
use domain::Money;
use jiff::civil::Date;

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

/// An answer has at most about this many bytes of CSV.
const MAX_BYTES: usize = 5_000_000;

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

/// All transactions of a period. A function's answer has at most 6 MB, of which its envelope takes some.
pub fn whole(transactions: &[Transaction]) -> Result<Reply, Problem> {
    if transactions.iter().map(size_of_row).sum::<usize>() > MAX_BYTES {
        let most = format!("more than {MAX_BYTES} bytes of CSV; narrow the period with from and to");
        return Err(Problem::TooLarge(most));
    }
    reply(transactions)
}

/// A page of the entries that an invoice asks for: the columns of transactions, and the part of each that it asks for.
pub fn invoice(entries: &[(Transaction, Money)]) -> Result<Reply, Problem> {
    let cells = |(row, asked): &(Transaction, Money)| and_last(cells(row), asked.to_string());
    written(and_last(COLUMNS, "postUsage"), entries.iter().map(cells))
}

/// About how many bytes these entries take.
pub fn size_of(entries: &[(Transaction, Money)]) -> usize {
    entries.iter().map(|(row, _)| size_of_row(row)).sum()
}

/// About how many bytes a transaction takes: for each cell also a comma, and the quotes of a text that a spreadsheet must not take
/// for a number.
fn size_of_row(row: &Transaction) -> usize {
    const BESIDE_A_CELL: usize = 8;
    cells(row).iter().map(|cell| cell.len() + BESIDE_A_CELL).sum()
}

/// The cells of a row and a further one.
fn and_last<T: Default>(cells: [T; 16], last: T) -> [T; 17] {
    let mut cells = cells.into_iter().chain([last]);
    std::array::from_fn(|_| cells.next().unwrap_or_default())
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
