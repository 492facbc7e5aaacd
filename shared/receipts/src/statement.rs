//! The statement of a period as PDF: the balance, what is left to invoices, calls by service and destination, and the lots.

use domain::account::DayEnd;
use domain::statement::{Destination, Line, LineKind, Statement};
use domain::time::{Days, last_instant_of};
use domain::{Account, Locale, Money, Profile, Service};
use jiff::Timestamp;
use wording::{amount, count, date_and_time, exact};

use crate::statement_words::{Words, service};
use crate::table_pages::{self, Row, RowKind, Table};

/// The data of a statement on paper.
#[derive(Clone, Copy, Debug)]
pub struct Paper<'a> {
    /// The account.
    pub account: &'a Account,
    /// Its profile.
    pub profile: &'a Profile,
    /// The days of the period.
    pub days: Days,
    /// The statement.
    pub statement: &'a Statement,
    /// When it is drawn.
    pub now: Timestamp,
}

impl Paper<'_> {
    /// Draws it as PDF. Equal statements give equal bytes.
    pub fn pdf(&self) -> Vec<u8> {
        let words = Words::of(self.locale());
        let period = self.period();
        let name = &self.profile.name;
        let mut below = vec![
            name.clone(),
            format!("{}{} {}", words.account, words.colon, self.account.id),
            period.clone(),
            format!("{} {}.", words.reading, self.account.currency),
        ];
        if self.now < self.days.end() {
            below.push(words.provisional.to_owned());
        }
        let tables =
            [Some(self.balance(words)), self.post_usage(words), self.calls(words), Some(self.lots(words))];
        table_pages::draw(&table_pages::Paper {
            title: format!("{}, {name}, {period}", words.heading),
            language: words.language,
            heading: words.heading.to_owned(),
            below,
            tables: tables.into_iter().flatten().collect(),
            page: words.page,
        })
    }

    fn locale(&self) -> Locale {
        self.profile.locale
    }

    fn period(&self) -> String {
        let [first, last] = [self.days.first(), self.days.last()].map(|day| wording::day(day, self.locale()));
        match self.locale() {
            _ if first == last => first,
            Locale::En => format!("{first} to {last}"),
            Locale::Fr => format!("du {first} au {last}"),
        }
    }

    /// The sums of entries of one name, in the order of the lines.
    fn groups(&self, words: &Words) -> Vec<(&'static str, Line)> {
        let lines = self.statement.lines();
        let mut names: Vec<_> = lines.iter().map(|(kind, _)| words.name(kind)).collect();
        names.dedup();
        names.into_iter().map(|name| (name, lines.sum(|kind| words.name(kind) == name))).collect()
    }

    fn balance(&self, words: &Words) -> Table {
        let locale = self.locale();
        let (opening, closing) = (self.statement.opening(), self.statement.closing());
        // The entries of a group move the balance in one direction, so their sum is zero only if none moves it.
        let moved = self.groups(words).into_iter().filter(|(_, line)| !line.amount.is_zero());
        let moved = moved.map(|(name, line)| {
            Row::plain([name.to_owned(), count(line.entries, locale), exact(line.amount, locale)])
        });
        let end = |name: &str, end: &DayEnd| {
            Row::bold([name.to_owned(), String::new(), exact(end.balance, locale)])
        };
        let rows = std::iter::once(end(words.opening, opening))
            .chain(moved)
            .chain(std::iter::once(end(words.closing, closing)));
        let available = closing.available(last_instant_of(self.days.last()).min(self.now));
        let said = |name: &str, money: Money| format!("{name}{} {}. ", words.colon, amount(money, locale));
        let mut note = said(words.available, available);
        if closing.owed.is_positive() {
            note.push_str(&said(words.owed, closing.owed));
        }
        Table {
            heading: words.balance.to_owned(),
            columns: vec!["", words.entries, words.amount],
            rows: rows.collect(),
            note: Some(note.trim_end().to_owned()),
        }
    }

    /// What is left to invoices, if anything was at any time of the period.
    fn post_usage(&self, words: &Words) -> Option<Table> {
        let locale = self.locale();
        let moved: Vec<_> =
            self.groups(words).into_iter().filter(|(_, line)| !line.post_usage.is_zero()).collect();
        let opening = self.statement.opening().post_usage.amount;
        if moved.is_empty() && opening.is_zero() {
            return None;
        }
        let closing = self.statement.closing().post_usage.amount;
        let end = |name: &str, left: Money| Row::bold([name.to_owned(), exact(left, locale)]);
        let moved = moved
            .into_iter()
            .map(|(name, line)| Row::plain([name.to_owned(), exact(line.post_usage, locale)]));
        let rows = std::iter::once(end(words.opening, opening))
            .chain(moved)
            .chain(std::iter::once(end(words.closing, closing)));
        Some(Table {
            heading: words.post_usage.to_owned(),
            columns: vec!["", words.amount],
            rows: rows.collect(),
            note: None,
        })
    }

    /// Calls by service and destination, if there are any.
    fn calls(&self, words: &Words) -> Option<Table> {
        let lines = self.statement.lines();
        let total = lines.sum(is_call);
        let note = self.note_of_calls(words);
        if total.entries == 0 && note.is_none() {
            return None;
        }
        let splits = lines.iter().any(|(kind, line)| is_call(kind) && !line.post_usage.is_zero());
        let mut columns = vec![words.destination, words.count, words.time, words.minutes, words.charge];
        if splits {
            columns.extend([words.from_balance, words.to_invoice]);
        }
        let cells = |name: String, line: &Line| self.cells_of_calls(name, line, splits);
        let mut rows = Vec::new();
        for of in Service::ALL {
            let is_of_service = |kind: &LineKind| matches!(kind, LineKind::Usage(other, _) if *other == of);
            let sum = lines.sum(is_of_service);
            if sum.entries == 0 {
                continue;
            }
            rows.push(Row { kind: RowKind::Bold, cells: cells(service(of, self.locale()).to_owned(), &sum) });
            for (kind, line) in lines.iter() {
                let LineKind::Usage(other, destination) = kind else { continue };
                if *other == of {
                    let name = match destination {
                        Destination::Named(name) => name.clone(),
                        Destination::Unnamed => words.other.to_owned(),
                    };
                    rows.push(Row { kind: RowKind::Indented, cells: cells(name, line) });
                }
            }
        }
        rows.push(Row { kind: RowKind::Bold, cells: cells(words.total.to_owned(), &total) });
        Some(Table { heading: words.calls.to_owned(), columns, rows, note })
    }

    fn cells_of_calls(&self, name: String, line: &Line, splits: bool) -> Vec<String> {
        let locale = self.locale();
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
    fn note_of_calls(&self, words: &Words) -> Option<String> {
        let lines = self.statement.lines();
        let counts = [
            (words.unrated, lines.sum(|kind| *kind == LineKind::Unrated).entries),
            (words.rejected, lines.sum(|kind| *kind == LineKind::Rejected).entries),
        ];
        let said = counts.into_iter().filter(|(_, entries)| *entries > 0);
        let said: Vec<_> = said
            .map(|(name, entries)| format!("{name}{} {}.", words.colon, count(entries, self.locale())))
            .collect();
        (!said.is_empty()).then(|| said.join(" "))
    }

    fn lots(&self, words: &Words) -> Table {
        let locale = self.locale();
        let lots = &self.statement.closing().lots;
        let mut rows: Vec<_> = lots
            .iter()
            .map(|lot| {
                Row::plain([
                    date_and_time(lot.purchased_at, locale),
                    date_and_time(lot.expires_at, locale),
                    exact(lot.amount, locale),
                    exact(lot.remaining, locale),
                ])
            })
            .collect();
        let note = lots.is_empty().then(|| words.no_lots.to_owned());
        if !lots.is_empty() {
            let nothing = Money::zero(self.account.currency);
            let unspent = lots.iter().fold(nothing, |sum, lot| sum + lot.remaining);
            let total = words.total.to_owned();
            rows.push(Row::bold([total, String::new(), String::new(), exact(unspent, locale)]));
        }
        Table {
            heading: words.lots.to_owned(),
            columns: vec![words.purchased, words.expires, words.began, words.remaining],
            rows,
            note,
        }
    }
}

fn is_call(kind: &LineKind) -> bool {
    matches!(kind, LineKind::Usage(..))
}

impl Row {
    fn plain<const N: usize>(cells: [String; N]) -> Self {
        Self { kind: RowKind::Plain, cells: cells.into() }
    }

    fn bold<const N: usize>(cells: [String; N]) -> Self {
        Self { kind: RowKind::Bold, cells: cells.into() }
    }
}

/// Hours, minutes and seconds: `1,204:05:30`.
fn duration(seconds: u64, locale: Locale) -> String {
    format!("{}:{:02}:{:02}", count(seconds / 3_600, locale), seconds / 60 % 60, seconds % 60)
}
