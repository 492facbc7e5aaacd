//! Everything that is counted, by name. docs/metrics.md is this list, and the alarms of a deployment read no other
//! names; tests see to both.

use metrics::{Label, counter};
use serde_json::{Value, json};

/// A metric: a count of what happened since the last time it was written.
#[derive(Debug)]
pub struct Metric {
    /// Its name in CloudWatch.
    pub name: &'static str,
    /// What it is counted by, if not just in all.
    pub dimension: Option<&'static str>,
    /// What it counts.
    pub what: &'static str,
    unit: Unit,
}

/// What one of a metric's counts is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// One.
    Whole,
    /// A half.
    Half,
    /// Something that CloudWatch has no name for.
    Other,
}

const fn whole(name: &'static str, what: &'static str) -> Metric {
    Metric { name, dimension: None, what, unit: Unit::Whole }
}

const fn halves(name: &'static str, what: &'static str) -> Metric {
    Metric { name, dimension: None, what, unit: Unit::Half }
}

/// Usage records that were posted, with a rate or without.
pub const DEBITS: Metric = whole("Debits", "usage records newly posted, with a rate or without");
/// Usage records that were not accepted.
pub const DEBITS_REJECTED: Metric = whole("DebitsRejected", "usage records answered `invalid` or `conflict`");
/// What usage was charged, exactly.
pub const CHARGED: Metric = Metric {
    name: "Charged",
    dimension: Some("Currency"),
    what: "what usage was charged, in hundredths of the currency's minor unit: an exact integer",
    unit: Unit::Other,
};
/// Commits that were decided again.
pub const COMMIT_RETRIES: Metric =
    whole("CommitRetries", "commits decided again: a lost race, a conflict, throttling");
/// Commits that were not made.
pub const COMMITS_GIVEN_UP: Metric =
    whole("CommitsGivenUp", "commits given up after the last try: the caller got a 503, or tries again");
/// Payments that stay undecided.
pub const PAYMENTS_PENDING: Metric = whole(
    "PaymentsPending",
    "payments that the five-minute recovery looked at without learning their outcome, but for those that wait for a person; 0 is written, too",
);
/// What auto-recharge came to.
pub const RECHARGES: Metric = Metric {
    name: "Recharges",
    dimension: Some("Outcome"),
    what: "recharges that ended or cannot go on: `succeeded`, `declined`, `needsAction`, `limited`, `paused`, `stopped`",
    unit: Unit::Whole,
};
/// Mails that went.
pub const MAILS_SENT: Metric = whole("MailsSent", "mails sent");
/// Mails that did not go yet.
pub const MAILS_FAILED: Metric =
    whole("MailsFailed", "mails that SES did not take, or did not answer for, to be tried again");
/// Mails that may have gone.
pub const MAILS_GIVEN_UP: Metric =
    whole("MailsGivenUp", "mails given up after two sends that SES did not answer: they may have gone");
/// Mails that never will.
pub const MAILS_REFUSED: Metric = whole("MailsRefused", "mails whose address was refused for good");
/// Events that are told.
pub const EVENTS_PUBLISHED: Metric = whole("EventsPublished", "events put on the bus");
/// Events that are not told yet.
pub const EVENTS_FAILED: Metric = whole("EventsFailed", "events that the bus did not take, to be sent again");
/// Records of the stream that were stored in the bucket.
pub const RECORDS_PARKED: Metric = whole(
    "RecordsParked",
    "records of the stream that cannot be read, or that the bus refuses for good: stored in the bucket of undelivered records",
);
/// Read units.
pub const READ_UNITS: Metric = halves("ReadUnits", "read units that the three main tables consumed");
/// Write units.
pub const WRITE_UNITS: Metric = halves("WriteUnits", "write units that the three main tables consumed");
/// Lots that were forfeited.
pub const LOTS_BOOKED: Metric = whole("LotsBooked", "expired lots booked as forfeited");
/// Lots that soon are.
pub const WARNINGS: Metric = whole("Warnings", "warnings given of funds that will expire");
/// Accounts whose books were checked.
pub const ACCOUNTS_RECONCILED: Metric = whole("AccountsReconciled", "accounts whose books were checked");
/// Books that are wrong.
pub const BOOKS_DIFFER: Metric = whole("BooksDiffer", "differences found in books; 0 is written, too");

/// Books of which nothing is known.
pub const BOOKS_UNREAD: Metric = whole(
    "BooksUnread",
    "accounts whose books could not be read to the end, and one more if the run ended before the last account; 0 is written, too",
);

/// All of them.
pub const ALL: [&Metric; 21] = [
    &DEBITS,
    &DEBITS_REJECTED,
    &CHARGED,
    &COMMIT_RETRIES,
    &COMMITS_GIVEN_UP,
    &PAYMENTS_PENDING,
    &RECHARGES,
    &MAILS_SENT,
    &MAILS_FAILED,
    &MAILS_GIVEN_UP,
    &MAILS_REFUSED,
    &EVENTS_PUBLISHED,
    &EVENTS_FAILED,
    &RECORDS_PARKED,
    &READ_UNITS,
    &WRITE_UNITS,
    &LOTS_BOOKED,
    &WARNINGS,
    &ACCOUNTS_RECONCILED,
    &BOOKS_DIFFER,
    &BOOKS_UNREAD,
];

impl Metric {
    /// Counts so many; none is not said.
    pub fn add(&self, count: u64) {
        if count > 0 {
            self.report(count);
        }
    }

    /// Counts so many, and says so when it is none: for what is silent only when it did not run.
    pub fn report(&self, count: u64) {
        assert!(self.dimension.is_none(), "{} is counted by something", self.name);
        counter!(self.name).increment(count);
    }

    /// Counts so many for this value of its dimension; none is not said.
    pub fn add_for(&self, value: &'static str, count: u64) {
        let dimension = self.dimension.expect("it is counted by something");
        if count > 0 {
            counter!(self.name, vec![Label::from_static_parts(dimension, value)]).increment(count);
        }
    }

    /// The metric of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|metric| metric.name == name)
    }

    /// Its unit, as CloudWatch calls it.
    pub fn unit(&self) -> &'static str {
        match self.unit {
            Unit::Whole | Unit::Half => "Count",
            Unit::Other => "None",
        }
    }

    /// A count of it, as it is written.
    pub(crate) fn value(&self, count: u64) -> Value {
        match self.unit {
            Unit::Half => half(count),
            Unit::Whole | Unit::Other => count.into(),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    reason = "capacity, not money: halves below 2^52"
)]
fn half(count: u64) -> Value {
    if count.is_multiple_of(2) { (count / 2).into() } else { json!(count as f64 / 2.0) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_lists_all_of_them() {
        let document = include_str!("../../../docs/metrics.md");
        let rows: Vec<_> = document.lines().filter(|line| line.starts_with("| `")).collect();
        let expected: Vec<_> = ALL
            .iter()
            .map(|metric| {
                let dimension = metric.dimension.map_or("–".to_owned(), |name| format!("`{name}`"));
                format!("| `{}` | {dimension} | {} | {} |", metric.name, metric.unit(), metric.what)
            })
            .collect();
        assert_eq!(rows, expected, "\n{}\n", expected.join("\n"));
    }

    #[test]
    fn no_two_have_one_name() {
        let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn units_come_in_halves() {
        let written = |metric: &Metric, count| metric.value(count).to_string();
        assert_eq!([0, 1, 2, 9].map(|halves| written(&READ_UNITS, halves)), ["0", "0.5", "1", "4.5"]);
        assert_eq!(written(&CHARGED, u64::MAX), "18446744073709551615", "money is exact");
    }
}
