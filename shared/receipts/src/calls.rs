//! What statements and invoices have in common: sums by kind, and the table of calls by service and destination.

use domain::statement::{Destination, Line, LineKind, Lines};
use domain::{Locale, Service};
use wording::{count, exact, glossary};

use crate::outside;
use crate::statement_words::Words;
use crate::table_pages::{Row, RowKind, Table};

/// The sums of entries of one name, in the order of the lines.
pub(crate) fn groups(lines: &Lines, words: &Words) -> Vec<(&'static str, Line)> {
    let mut names: Vec<_> = lines.iter().map(|(kind, _)| words.name(kind)).collect();
    names.dedup();
    names.into_iter().map(|name| (name, lines.sum(|kind| words.name(kind) == name))).collect()
}

/// Calls by service and destination, if there are any.
pub(crate) fn table(lines: &Lines, locale: Locale) -> Option<Table> {
    let words = Words::of(locale);
    let total = lines.sum(is_call);
    let note = note(lines, locale);
    if total.entries == 0 && note.is_none() {
        return None;
    }
    let splits = lines.iter().any(|(kind, line)| is_call(kind) && !line.post_usage.is_zero());
    let mut columns = vec![words.destination, words.count, words.time, words.minutes, words.charge];
    if splits {
        columns.extend([words.from_balance, words.to_invoice]);
    }
    let cells = |name: String, line: &Line| cells(name, line, splits, locale);
    let mut rows = Vec::new();
    for of in Service::ALL {
        let is_of_service = |kind: &LineKind| matches!(kind, LineKind::Usage(other, _) if *other == of);
        let sum = lines.sum(is_of_service);
        if sum.entries == 0 {
            continue;
        }
        rows.push(Row { kind: RowKind::Bold, cells: cells(glossary::service(of, locale).to_owned(), &sum) });
        for (kind, line) in lines.iter() {
            let LineKind::Usage(other, destination) = kind else { continue };
            if *other == of {
                let name = match destination {
                    Destination::Named(name) => outside::text(name, locale),
                    Destination::Unnamed => words.other.to_owned(),
                };
                rows.push(Row { kind: RowKind::Indented, cells: cells(name, line) });
            }
        }
    }
    rows.push(Row { kind: RowKind::Bold, cells: cells(words.total.to_owned(), &total) });
    Some(Table { heading: words.calls.to_owned(), columns, rows, note })
}

fn cells(name: String, line: &Line, splits: bool, locale: Locale) -> Vec<String> {
    let mut cells = vec![
        name,
        count(line.entries, locale),
        duration(line.billed_seconds, locale),
        count(line.included_minutes.unsigned_abs(), locale),
        exact(line.charge, locale),
    ];
    if splits {
        cells.extend([exact(-line.amount, locale), exact(line.post_usage, locale)]);
    }
    cells
}

/// The numbers of calls without a rate and of rejected records, if there are any.
fn note(lines: &Lines, locale: Locale) -> Option<String> {
    let words = Words::of(locale);
    let counts = [
        (words.unrated, lines.sum(|kind| *kind == LineKind::Unrated).entries),
        (words.rejected, lines.sum(|kind| *kind == LineKind::Rejected).entries),
    ];
    let said = counts.into_iter().filter(|(_, entries)| *entries > 0);
    let said: Vec<_> =
        said.map(|(name, entries)| format!("{name}{} {}.", words.colon, count(entries, locale))).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

fn is_call(kind: &LineKind) -> bool {
    matches!(kind, LineKind::Usage(..))
}

/// Hours, minutes and seconds: `1,204:05:30`.
fn duration(seconds: u64, locale: Locale) -> String {
    format!("{}:{:02}:{:02}", count(seconds / 3_600, locale), seconds / 60 % 60, seconds % 60)
}
