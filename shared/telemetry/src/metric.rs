//! All metrics, by name. docs/metrics.md has the same list, and the alarms of a deployment use no other names; tests check
//! both.

use metrics::{Label, counter};
use serde_json::{Value, json};

/// A metric: a count since the last time it was written.
#[derive(Debug)]
pub struct Metric {
    /// Its name in CloudWatch.
    pub name: &'static str,
    /// The dimension that it is counted by, if it has one.
    pub dimension: Option<&'static str>,
    /// What it counts, in the words of docs/metrics.md.
    pub what: &'static str,
    unit: Unit,
}

/// The unit of a metric's counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// One of what the metric counts.
    Whole,
    /// Half of one.
    Half,
    /// A unit that CloudWatch has no name for.
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
/// Questions of switches, by outcome.
pub const AUTHORIZATIONS: Metric = Metric {
    name: "Authorizations",
    dimension: Some("Outcome"),
    what: "questions of switches, extensions included: `allowed`, `insufficientFunds`, `limitReached`, `noRate`, `tooManyHolds`, or `unanswered` after 1.5 seconds, releases included",
    unit: Unit::Whole,
};
/// The sum of charges for usage, exact.
pub const CHARGED: Metric = Metric {
    name: "Charged",
    dimension: Some("Currency"),
    what: "what usage was charged, in hundredths of the currency's minor unit: an exact integer",
    unit: Unit::Other,
};
/// Commits that were decided again.
pub const COMMIT_RETRIES: Metric =
    whole("CommitRetries", "commits decided again: a lost race, a conflict, throttling");
/// Commits that were given up after the last try.
pub const COMMITS_GIVEN_UP: Metric =
    whole("CommitsGivenUp", "commits given up after the last try: the caller got a 503, or tries again");
/// Payments whose outcome is still unknown.
pub const PAYMENTS_PENDING: Metric = whole(
    "PaymentsPending",
    "payments that the five-minute recovery looked at without learning their outcome, but for those that wait for a person; 0 is written, too",
);
/// Charges that no lot stands for.
pub const CHARGES_WITHOUT_LOT: Metric = whole(
    "ChargesWithoutLot",
    "messages of the card processor about a charge that no lot stands for, because its payment was declined or has another charge",
);
/// Contradictions between the card processor and the books.
pub const PAYMENTS_CONTRADICTED: Metric = whole(
    "PaymentsContradicted",
    "looks at a payment, a refund or a dispute in which the card processor contradicts the books, such as by a charge of another amount",
);
/// Recharges, by outcome.
pub const RECHARGES: Metric = Metric {
    name: "Recharges",
    dimension: Some("Outcome"),
    what: "recharges that ended or cannot go on: `succeeded`, `declined`, `needsAction`, `limited`, `paused`, `stopped`",
    unit: Unit::Whole,
};
/// Mails that were sent.
pub const MAILS_SENT: Metric = whole("MailsSent", "mails sent");
/// Mails that failed and are tried again.
pub const MAILS_FAILED: Metric =
    whole("MailsFailed", "mails that SES did not take, or did not answer for, to be tried again");
/// Mails that were given up, although SES may have sent them.
pub const MAILS_GIVEN_UP: Metric =
    whole("MailsGivenUp", "mails given up after two sends that SES did not answer: they may have gone");
/// Mails whose address was refused for good.
pub const MAILS_REFUSED: Metric = whole("MailsRefused", "mails whose address was refused for good");
/// Events that were put on the bus.
pub const EVENTS_PUBLISHED: Metric = whole("EventsPublished", "events put on the bus");
/// Events that the bus did not take, and that are sent again.
pub const EVENTS_FAILED: Metric = whole("EventsFailed", "events that the bus did not take, to be sent again");
/// Records of the stream that were stored in the bucket.
pub const RECORDS_PARKED: Metric = whole(
    "RecordsParked",
    "records of the stream that cannot be read, or that the bus refuses for good: stored in the bucket of undelivered records",
);
/// Read units that the main tables consumed.
pub const READ_UNITS: Metric = halves("ReadUnits", "read units that the three main tables consumed");
/// Write units that the main tables consumed.
pub const WRITE_UNITS: Metric = halves("WriteUnits", "write units that the three main tables consumed");
/// Expired lots that were booked as forfeited.
pub const LOTS_BOOKED: Metric = whole("LotsBooked", "expired lots booked as forfeited");
/// Warnings of funds that will expire.
pub const WARNINGS: Metric = whole("Warnings", "warnings given of funds that will expire");
/// Accounts whose books were checked.
pub const ACCOUNTS_RECONCILED: Metric = whole("AccountsReconciled", "accounts whose books were checked");
/// Differences found in books.
pub const BOOKS_DIFFER: Metric = whole("BooksDiffer", "differences found in books; 0 is written, too");

/// Accounts whose books could not be read to the end.
pub const BOOKS_UNREAD: Metric = whole(
    "BooksUnread",
    "accounts whose books could not be read to the end, and one more if the run ended before the last account; 0 is written, too",
);

/// Months that the nightly run closed with invoices.
pub const MONTHS_CLOSED: Metric = whole(
    "MonthsClosed",
    "months that the nightly run closed with an invoice, because no other commit had closed them; 0 is written, too",
);

/// All metrics.
pub const ALL: [&Metric; 25] = [
    &DEBITS,
    &DEBITS_REJECTED,
    &AUTHORIZATIONS,
    &CHARGED,
    &COMMIT_RETRIES,
    &COMMITS_GIVEN_UP,
    &PAYMENTS_PENDING,
    &CHARGES_WITHOUT_LOT,
    &PAYMENTS_CONTRADICTED,
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
    &MONTHS_CLOSED,
];

impl Metric {
    /// Adds to the count. Adding 0 records nothing.
    pub fn add(&self, count: u64) {
        if count > 0 {
            self.report(count);
        }
    }

    /// Adds to the count and records even 0, so that a missing value means that the work did not run.
    pub fn report(&self, count: u64) {
        assert!(self.dimension.is_none(), "{} has a dimension", self.name);
        counter!(self.name).increment(count);
    }

    /// Adds to the count of this value of the dimension. Adding 0 records nothing.
    pub fn add_for(&self, value: &'static str, count: u64) {
        let dimension = self.dimension.expect("the metric has a dimension");
        if count > 0 {
            counter!(self.name, vec![Label::from_static_parts(dimension, value)]).increment(count);
        }
    }

    /// The metric of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|metric| metric.name == name)
    }

    /// The name of its unit in CloudWatch.
    pub fn unit(&self) -> &'static str {
        match self.unit {
            Unit::Whole | Unit::Half => "Count",
            Unit::Other => "None",
        }
    }

    /// The number that is written for a count.
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
    reason = "the count is capacity, not money, and halves below 2^52 are exact"
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
