//! An invoice as PDF: what it asks for, how that comes about, and the calls of its month.

use domain::invoice::{Invoice, InvoiceState, Paid, Voided};
use domain::statement::{LineKind, Lines};
use domain::{Locale, Money};
use wording::{amount, date, exact, glossary};

use crate::calls::{self, groups};
use crate::invoice_words::Words;
use crate::table_pages::{self, Row, Table};
use crate::{outside, statement_words};

/// The data of an invoice on paper.
#[derive(Clone, Copy, Debug)]
pub struct Paper<'a> {
    /// The invoice.
    pub invoice: &'a Invoice,
    /// The entries that were posted in its month; none if there are too many of them.
    pub lines: Option<&'a Lines>,
    /// The language.
    pub locale: Locale,
}

impl Paper<'_> {
    /// Draws it as PDF. Equal invoices give equal bytes.
    pub fn pdf(&self) -> Vec<u8> {
        let (words, locale) = (Words::of(self.locale), self.locale);
        let Invoice { account, closed, name, po_number, .. } = self.invoice;
        let heading = format!("{} {}", words.heading, closed.number);
        let month = wording::month(closed.month, locale);
        let said = |label: &str, value: &str| format!("{label}{} {value}", words.colon);
        let mut below = vec![
            outside::organization(name, account, locale),
            said(words.account, account.as_str()),
            said(words.month, &month),
            said(words.issued, &date(closed.issued_at, locale)),
            said(words.due, &date(closed.due_at, locale)),
        ];
        below.extend(po_number.as_ref().map(|number| said(words.po_number, &outside::text(number, locale))));
        below.extend(self.standing(words));
        let calls = self.lines.and_then(|lines| calls::table(lines, locale));
        table_pages::draw(&table_pages::Paper {
            product: glossary::product(locale),
            title: format!("{heading}, {name}, {month}"),
            language: words.language,
            heading,
            below,
            tables: std::iter::once(self.sum(words)).chain(calls).collect(),
            page: statement_words::Words::of(locale).page,
        })
    }

    /// The lines that say what is to be paid, and how the invoice ended if it did. Nothing is to be paid any more for one that ended.
    fn standing(&self, words: &Words) -> Vec<String> {
        let asked = amount(self.invoice.closed.amount, self.locale);
        let to_pay = format!("{}{} {asked}", words.to_pay, words.colon);
        match &self.invoice.state {
            InvoiceState::Open => vec![to_pay],
            InvoiceState::Paid(Paid { reference, at, .. }) => {
                let paid = format!("{} {}.", words.paid, date(*at, self.locale));
                let reference = outside::text(reference, self.locale);
                vec![format!("{paid} {}{} {reference}", words.reference, words.colon)]
            }
            InvoiceState::Void(Voided { reason, at, .. }) => {
                let reason = outside::text(reason, self.locale);
                vec![format!("{} {}{} {reason}", words.void, date(*at, self.locale), words.colon)]
            }
        }
    }

    /// How the amount comes about.
    fn sum(&self, words: &Words) -> Table {
        let (closed, locale) = (&self.invoice.closed, self.locale);
        let of_statements = statement_words::Words::of(locale);
        let plain = |name: &str, value: Money| Row::plain([name.to_owned(), exact(value, locale)]);
        let mut rows = Vec::new();
        let mut charges = closed.charges;
        match self.lines {
            None => rows.push(plain(words.charges, charges)),
            Some(lines) => {
                let is_asked = |kind: &LineKind| *kind != LineKind::Invoice;
                charges = lines.sum(is_asked).post_usage;
                let groups = groups(lines, of_statements).into_iter();
                let invoiced = of_statements.name(&LineKind::Invoice);
                let asked = groups.filter(|(name, line)| !line.post_usage.is_zero() && *name != invoiced);
                rows.extend(asked.map(|(name, line)| plain(name, line.post_usage)));
            }
        }
        // Invoices of months that older software opened count among their charges what the months before carried over.
        let carried_in = closed.amount + closed.carried_over - charges;
        if !carried_in.is_zero() {
            rows.push(plain(words.carried_in, carried_in));
        }
        if !closed.carried_over.is_zero() {
            rows.push(plain(words.carried_over, -closed.carried_over));
        }
        rows.push(Row::bold([words.amount.to_owned(), exact(closed.amount, locale)]));
        let too_many = self.lines.is_none().then_some(words.too_many);
        let note = [Some(words.no_tax), too_many].into_iter().flatten().collect::<Vec<_>>().join(" ");
        Table {
            heading: words.sum.to_owned(),
            columns: vec!["", of_statements.amount],
            rows,
            note: Some(format!("{note} {} {}.", words.amounts_in, closed.amount.currency())),
        }
    }
}
