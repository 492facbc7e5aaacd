//! The statement of a period as PDF: the balance, what is left to invoices, calls by service and destination, and the lots.

use domain::account::DayEnd;
use domain::statement::Statement;
use domain::time::{Days, last_instant_of};
use domain::{Account, Locale, Money, Profile};
use jiff::Timestamp;
use wording::{amount, count, date_and_time, exact, glossary};

use crate::calls::{self, groups};
use crate::outside;
use crate::statement_words::Words;
use crate::table_pages::{self, Row, Table};

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
            outside::organization(name, &self.account.id, self.locale()),
            format!("{}{} {}", words.account, words.colon, self.account.id),
            period.clone(),
            format!("{} {}.", words.reading, self.account.currency),
        ];
        if self.now < self.days.end() {
            below.push(words.provisional.to_owned());
        }
        let tables = [
            Some(self.balance(words)),
            self.post_usage(words),
            calls::table(self.statement.lines(), self.locale()),
            Some(self.lots(words)),
        ];
        table_pages::draw(&table_pages::Paper {
            product: glossary::product(self.locale()),
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

    fn balance(&self, words: &Words) -> Table {
        let locale = self.locale();
        let (opening, closing) = (self.statement.opening(), self.statement.closing());
        // The entries of a group move the balance in one direction, so their sum is zero only if none moves it.
        let moved =
            groups(self.statement.lines(), words).into_iter().filter(|(_, line)| !line.amount.is_zero());
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
        let moved: Vec<_> = groups(self.statement.lines(), words)
            .into_iter()
            .filter(|(_, line)| !line.post_usage.is_zero())
            .collect();
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
