//! What changes between two price lists, and for whom: for which service, currency and destination, at which prefixes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::rate::{Prefix, Rate};
use domain::{Currency, RateTable, Service};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::text::{named, shown};

/// What a call costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Terms {
    /// Price of 60 seconds.
    pub per_minute: Decimal,
    /// Added once to a call longer than zero seconds.
    pub connection_fee: Decimal,
    /// The first increment and the following ones, in seconds.
    pub increments: (u32, u32),
}

/// A change of what calls cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The service.
    pub service: Service,
    /// The currency.
    pub currency: Currency,
    /// The destination as the new price list names it, or the old one if the new list has no rate.
    pub destination: String,
    /// The prefixes whose numbers are concerned, in order.
    pub prefixes: Vec<Prefix>,
    /// The first start of a call that is concerned.
    pub from: Timestamp,
    /// The first later start that is not concerned, or concerned otherwise.
    pub until: Option<Timestamp>,
    /// What calls cost by the old price list.
    pub old: Option<Terms>,
    /// What calls cost by the new price list.
    pub new: Option<Terms>,
}

/// What a change is for those who call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// There was no rate.
    New,
    /// There is no rate any more.
    Removed,
    /// Price, fee or increments rise, and none falls.
    Dearer,
    /// Price, fee or increments fall, and none rises.
    Cheaper,
    /// Some rise and others fall.
    Mixed,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::New, Self::Removed, Self::Dearer, Self::Cheaper, Self::Mixed];

    /// The kind's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Removed => "removed",
            Self::Dearer => "dearer",
            Self::Cheaper => "cheaper",
            Self::Mixed => "dearer and cheaper",
        }
    }
}

/// Finds what changes from `old` to `new`, by service, currency and destination. Names of destinations are not compared.
///
/// The comparison is of what calls cost, not of rows: a new prefix with the price of the shorter prefix that covered its
/// numbers before is no change.
///
/// ```
/// let header = "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom\n";
/// let old = format!("{header}userOut,33,France,FR,EUR,0.0190,0,60,60,2025-01-01\n");
/// let new = format!("{old}userOut,33,France,FR,EUR,0.0210,0,60,60,2026-01-01\n");
/// let [old, new] = [old, new].map(|deck| rates::read(deck.as_bytes()).unwrap());
/// let changes = rates::diff::changes(&old, &new);
/// let expected = "userOut EUR France (33): dearer from 2026-01-01: 0.0190 a minute + 0 a call, 60/60 -> 0.0210 a minute + 0 a call, 60/60";
/// assert_eq!(changes[0].to_string(), expected);
/// ```
pub fn changes(old: &RateTable, new: &RateTable) -> Vec<Change> {
    let lists = [old, new];
    let mut sections: Vec<_> = lists
        .iter()
        .flat_map(|list| list.sections())
        .map(|(service, currency, _)| (service, currency))
        .collect();
    sections.sort_by_key(|(service, currency)| (*service, currency.code()));
    sections.dedup();
    sections.into_iter().flat_map(|(service, currency)| changes_of(lists, service, currency)).collect()
}

/// What a change has apart from its prefixes, in the order in which changes are listed.
type Key = (String, Timestamp, Option<Timestamp>, Option<Terms>, Option<Terms>);

fn changes_of(lists: [&RateTable; 2], service: Service, currency: Currency) -> Vec<Change> {
    let mut dates = BTreeMap::<_, BTreeSet<_>>::new();
    for rate in lists.into_iter().flat_map(|list| list.rates(service, currency, None)) {
        dates.entry(rate.prefix).or_default().insert(rate.effective_from);
    }
    let mut grouped = BTreeMap::<Key, Vec<Prefix>>::new();
    // The dates of the prefixes that begin the current one, shortest first.
    let mut covers: Vec<(Prefix, &BTreeSet<Timestamp>)> = Vec::new();
    for (prefix, own) in &dates {
        while covers.pop_if(|(cover, _)| !cover.begins(*prefix)).is_some() {}
        covers.push((*prefix, own));
        let dates: BTreeSet<_> = covers.iter().flat_map(|(_, dates)| dates.iter().copied()).collect();
        let at = |date| lists.map(|list| list.applying(service, *prefix, currency, date));
        for key in changes_at(&dates.into_iter().map(|date| (date, at(date))).collect::<Vec<_>>()) {
            grouped.entry(key).or_default().push(*prefix);
        }
    }
    let change = |((destination, from, until, old, new), prefixes)| Change {
        service,
        currency,
        destination,
        prefixes,
        from,
        until,
        old,
        new,
    };
    grouped.into_iter().map(change).collect()
}

/// The changes among the rates, old and new, that apply from each date on.
fn changes_at(dates: &[(Timestamp, [Option<Rate<'_>>; 2])]) -> Vec<Key> {
    let terms = |rates: &[Option<Rate<'_>>; 2]| rates.map(|rate| rate.map(|rate| Terms::from(&rate)));
    let runs: Vec<_> = dates.chunk_by(|(_, one), (_, other)| terms(one) == terms(other)).collect();
    let mut changes = Vec::new();
    for (place, run) in runs.iter().enumerate() {
        let (from, rates) = &run[0];
        let [old, new] = terms(rates);
        if old != new {
            let until = runs.get(place + 1).map(|next| next[0].0);
            let [old_rate, new_rate] = rates;
            let name = new_rate.or(*old_rate).map_or("", |rate| rate.destination);
            changes.push((name.to_owned(), *from, until, old, new));
        }
    }
    changes
}

impl From<&Rate<'_>> for Terms {
    fn from(rate: &Rate<'_>) -> Self {
        Self {
            per_minute: rate.per_minute,
            connection_fee: rate.connection_fee,
            increments: (rate.first_increment, rate.next_increment),
        }
    }
}

impl Change {
    /// What the change is for those who call.
    pub fn kind(&self) -> ChangeKind {
        let (Some(old), Some(new)) = (self.old, self.new) else {
            return if self.old.is_none() { ChangeKind::New } else { ChangeKind::Removed };
        };
        let orders = [
            new.per_minute.cmp(&old.per_minute),
            new.connection_fee.cmp(&old.connection_fee),
            new.increments.0.cmp(&old.increments.0),
            new.increments.1.cmp(&old.increments.1),
        ];
        match (orders.iter().any(|order| order.is_gt()), orders.iter().any(|order| order.is_lt())) {
            (true, true) => ChangeKind::Mixed,
            (_, false) => ChangeKind::Dearer,
            (false, true) => ChangeKind::Cheaper,
        }
    }
}

/// The number of changed prefixes of each kind, as one line.
///
/// ```
/// assert_eq!(rates::diff::counts(&[]), "new 0, removed 0, dearer 0, cheaper 0, dearer and cheaper 0");
/// ```
pub fn counts(changes: &[Change]) -> String {
    let count = |kind| {
        let of_kind = changes.iter().filter(|change| change.kind() == kind);
        format!("{} {}", kind.as_str(), of_kind.map(|change| change.prefixes.len()).sum::<usize>())
    };
    ChangeKind::ALL.map(count).join(", ")
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, next) = self.increments;
        write!(f, "{} a minute + {} a call, {first}/{next}", self.per_minute, self.connection_fee)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (service, prefixes, from) = (self.service.as_str(), named(&self.prefixes), shown(self.from));
        let terms =
            |terms: Option<Terms>| terms.map_or_else(|| "no rate".to_owned(), |terms| terms.to_string());
        write!(f, "{service} {} {} ({prefixes}): ", self.currency, self.destination)?;
        write!(f, "{} from {from}", self.kind().as_str())?;
        if let Some(until) = self.until {
            write!(f, " until {}", shown(until))?;
        }
        write!(f, ": {} -> {}", terms(self.old), terms(self.new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows as prefix, destination, price, fee, increments and date.
    fn list(rows: &[&str]) -> RateTable {
        let header =
            "prefix,destination,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom\n";
        let fixed = "service=userOut,country=,currency=EUR";
        let mut decks = crate::Decks::new(crate::Columns::default(), fixed.parse().unwrap());
        decks.add("deck", format!("{header}{}", rows.join("\n")).as_bytes());
        decks.build().unwrap()
    }

    #[test]
    fn changes_say_what_calls_cost_before_and_after() {
        let france = "33,France,0.02,0,60,60,2025-01-01";
        for (old, new, said) in [
            (vec![france], vec![france], vec![]),
            (vec![france], vec![france, "336,France,0.020,0,60,60,2026-01-01"], vec![]),
            (vec![france, "336,Mobile,0.02,0,60,60,2025-01-01"], vec![france], vec![]),
            (vec![france], vec!["33,French Republic,0.02,0,60,60,2025-01-01"], vec![]),
            (
                vec![france],
                vec![france, "34,Spain,0.03,0.1,30,6,2025-01-01"],
                vec![
                    "userOut EUR Spain (34): new from 2025-01-01: no rate -> 0.03 a minute + 0.1 a call, 30/6",
                ],
            ),
            (
                vec![france],
                vec![],
                vec![
                    "userOut EUR France (33): removed from 2025-01-01: 0.02 a minute + 0 a call, 60/60 -> no rate",
                ],
            ),
            (
                vec![france],
                vec![france, "336,Mobile,0.1,0,60,60,2026-01-01", "337,Mobile,0.1,0,60,60,2026-01-01"],
                vec![
                    "userOut EUR Mobile (336, 337): dearer from 2026-01-01: 0.02 a minute + 0 a call, 60/60 -> 0.1 a minute + 0 a call, 60/60",
                ],
            ),
            (
                vec![france, "33,France,0.03,0,60,60,2027-01-01"],
                vec![france, "33,France,0.03,0,60,60,2026-06-30T22:00:00Z"],
                vec![
                    "userOut EUR France (33): dearer from 2026-06-30T22:00:00Z until 2027-01-01: 0.02 a minute + 0 a call, 60/60 -> 0.03 a minute + 0 a call, 60/60",
                ],
            ),
            (
                vec![france, "336,Mobile,0.1,0,60,60,2025-01-01"],
                vec!["33,France,0.01,0,1,1,2025-01-01", "336,Mobile,0.09,0.1,60,60,2025-01-01"],
                vec![
                    "userOut EUR France (33): cheaper from 2025-01-01: 0.02 a minute + 0 a call, 60/60 -> 0.01 a minute + 0 a call, 1/1",
                    "userOut EUR Mobile (336): dearer and cheaper from 2025-01-01: 0.1 a minute + 0 a call, 60/60 -> 0.09 a minute + 0.1 a call, 60/60",
                ],
            ),
            (
                // The price of the shorter prefix shows where the longer one has been removed.
                vec![france, "336,Mobile,0.1,0,60,60,2026-01-01"],
                vec![france, "33,France,0.03,0,60,60,2027-01-01"],
                vec![
                    "userOut EUR France (33): dearer from 2027-01-01: 0.02 a minute + 0 a call, 60/60 -> 0.03 a minute + 0 a call, 60/60",
                    "userOut EUR France (336): cheaper from 2026-01-01 until 2027-01-01: 0.1 a minute + 0 a call, 60/60 -> 0.02 a minute + 0 a call, 60/60",
                    "userOut EUR France (336): cheaper from 2027-01-01: 0.1 a minute + 0 a call, 60/60 -> 0.03 a minute + 0 a call, 60/60",
                ],
            ),
        ] {
            let changes = changes(&list(&old), &list(&new));
            let sorted: BTreeSet<_> = changes.iter().map(Change::to_string).collect();
            assert_eq!(sorted, said.into_iter().map(str::to_owned).collect(), "{old:?} {new:?}");
        }
    }

    #[test]
    fn prefixes_are_counted_by_kind() {
        let old = list(&["33,France,0.02,0,60,60,2025-01-01", "44,UK,0.02,0,60,60,2025-01-01"]);
        let new = list(&[
            "33,France,0.03,0,60,60,2025-01-01",
            "49,Germany,1,0,60,60,2025-01-01",
            "491,Germany,1,0,60,60,2025-01-01",
        ]);
        let expected = "new 2, removed 1, dearer 1, cheaper 0, dearer and cheaper 0";
        assert_eq!(counts(&changes(&old, &new)), expected);
    }
}
