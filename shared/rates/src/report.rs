//! What people should know about a price list before they publish it: overlaps, gaps and missing country codes. A list with
//! such warnings can be published.

use std::collections::BTreeSet;
use std::fmt;

use domain::rate::{Prefix, Rate};
use domain::{Currency, RateTable, Service};
use jiff::Timestamp;

use crate::text::{named, shown};

/// Assigned country codes.
const COUNTRY_CODES: &str = include_str!("../data/country-codes.txt");

/// Prefixes of a service and currency that one thing is to be said about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The service.
    pub service: Service,
    /// The currency.
    pub currency: Currency,
    /// What is to be said.
    pub kind: WarningKind,
    /// The prefixes, in order.
    pub prefixes: Vec<Prefix>,
}

/// What may be wrong with prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WarningKind {
    /// Overlap: the longest shorter prefix has rows of the same prices, increments, dates and destination, so these rows
    /// change nothing.
    Redundant,
    /// Overlap: a row repeats the one that it follows, with a later date.
    Repeated,
    /// Overlap: each next digit has a prefix of its own that is in force as early, so these rows apply to no whole number.
    Covered,
    /// Gap: the first row takes effect at this instant, which is later than the first of the service and currency, and no
    /// shorter prefix has one before.
    Late(Timestamp),
    /// Gap: the service has these prefixes in another currency only.
    OtherCurrency,
    /// Country codes without any row.
    MissingCountryCode,
}

/// Finds what is to be said about a price list, by service, then by currency.
///
/// ```
/// let header = "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom\n";
/// let rows = "userOut,33,France,FR,EUR,0.02,0,60,60,2025-01-01\nuserOut,331,France,FR,EUR,0.020,0,60,60,2025-01-01\n";
/// let table = rates::read(format!("{header}{rows}").as_bytes()).unwrap();
/// let warnings: Vec<_> = rates::report::warnings(&table).iter().map(ToString::to_string).collect();
/// let redundant = "userOut EUR: 1 prefix with the prices, increments, dates and destination of the shorter prefix that covers it: 331";
/// assert!(warnings.contains(&redundant.to_owned()));
/// ```
pub fn warnings(table: &RateTable) -> Vec<Warning> {
    let sections: Vec<_> = table.sections().map(|(service, currency, _)| (service, currency)).collect();
    let mut currencies: Vec<_> = sections.iter().map(|(_, currency)| *currency).collect();
    currencies.sort_by_key(|currency| currency.code());
    currencies.dedup();
    let mut warnings = Vec::new();
    for service in Service::ALL {
        let everywhere: BTreeSet<_> =
            currencies.iter().flat_map(|currency| prefixes(table, service, *currency)).collect();
        for currency in &currencies {
            let mut found = overlaps_and_late(table, service, *currency);
            let here: BTreeSet<_> = prefixes(table, service, *currency).collect();
            let elsewhere = everywhere.difference(&here).map(|prefix| (WarningKind::OtherCurrency, *prefix));
            found.extend(elsewhere);
            let missing = missing_country_codes(&here);
            found.extend(missing.map(|code| (WarningKind::MissingCountryCode, code)));
            found.sort_unstable();
            let by_kind = found.chunk_by(|(one, _), (other, _)| one == other);
            warnings.extend(by_kind.map(|found| Warning {
                service,
                currency: *currency,
                kind: found[0].0,
                prefixes: found.iter().map(|(_, prefix)| *prefix).collect(),
            }));
        }
    }
    warnings
}

fn prefixes(table: &RateTable, service: Service, currency: Currency) -> impl Iterator<Item = Prefix> {
    table.rates(service, currency, None).map(|rate| rate.prefix)
}

/// The assigned country codes that no prefix begins with, and that no prefix covers.
fn missing_country_codes(prefixes: &BTreeSet<Prefix>) -> impl Iterator<Item = Prefix> {
    country_codes().filter(|code| {
        let longer = prefixes.range(*code..).next().is_some_and(|prefix| code.begins(*prefix));
        !longer && !prefixes.iter().take_while(|prefix| *prefix <= code).any(|prefix| prefix.begins(*code))
    })
}

fn country_codes() -> impl Iterator<Item = Prefix> {
    let lines = COUNTRY_CODES.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).map(|code| Prefix::parse(code).expect("the list has digits only"))
}

/// Looks at the rows of a service and currency, prefix by prefix.
fn overlaps_and_late(table: &RateTable, service: Service, currency: Currency) -> Vec<(WarningKind, Prefix)> {
    let rows: Vec<_> = table.rates(service, currency, None).collect();
    let begin = rows.iter().map(|row| row.effective_from).min();
    let by_prefix: Vec<_> = rows.chunk_by(|one, other| one.prefix == other.prefix).collect();
    let mut found = Vec::new();
    // The rows of the prefixes that begin the current one, shortest first.
    let mut covers: Vec<&[Rate<'_>]> = Vec::new();
    for (place, rows) in by_prefix.iter().enumerate() {
        let (prefix, first) = (rows[0].prefix, rows[0].effective_from);
        while covers.pop_if(|cover| !cover[0].prefix.begins(prefix)).is_some() {}
        if covers.last().is_some_and(|cover| are_same(cover, rows)) {
            found.push((WarningKind::Redundant, prefix));
        }
        if rows.array_windows().any(|[one, other]| is_same(one, other)) {
            found.push((WarningKind::Repeated, prefix));
        }
        if is_covered(prefix, first, &by_prefix[place + 1..]) {
            found.push((WarningKind::Covered, prefix));
        }
        let is_late = Some(first) > begin && covers.iter().all(|cover| cover[0].effective_from >= first);
        if is_late {
            found.push((WarningKind::Late(first), prefix));
        }
        covers.push(rows);
    }
    found
}

/// Whether two rows differ in their prefixes and dates at most.
fn is_same(one: &Rate<'_>, other: &Rate<'_>) -> bool {
    *one == Rate { prefix: one.prefix, effective_from: one.effective_from, ..*other }
}

/// Whether two prefixes have the same rows.
fn are_same(some: &[Rate<'_>], others: &[Rate<'_>]) -> bool {
    let mut pairs = some.iter().zip(others);
    some.len() == others.len()
        && pairs.all(|(one, other)| is_same(one, other) && one.effective_from == other.effective_from)
}

/// Whether each of the ten prefixes with one digit more is in force from `first` at the latest. `later` are the rows of the
/// prefixes after this one.
fn is_covered(prefix: Prefix, first: Timestamp, later: &[&[Rate<'_>]]) -> bool {
    let longer = later.iter().take_while(|rows| prefix.begins(rows[0].prefix));
    let one_longer = longer.filter(|rows| rows[0].prefix.digits() == prefix.digits() + 1);
    one_longer.filter(|rows| rows[0].effective_from <= first).count() == 10
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, currency, kind, prefixes } = self;
        let (count, prefix) = (prefixes.len(), if prefixes.len() == 1 { "prefix" } else { "prefixes" });
        write!(f, "{} {currency}: {count} ", service.as_str())?;
        match kind {
            WarningKind::Redundant => write!(
                f,
                "{prefix} with the prices, increments, dates and destination of the shorter prefix that covers it"
            ),
            WarningKind::Repeated => write!(f, "{prefix} with a row that repeats the one before it"),
            WarningKind::Covered => write!(f, "{prefix} covered by longer ones for every next digit"),
            WarningKind::Late(from) => write!(f, "{prefix} without any rate before {}", shown(*from)),
            WarningKind::OtherCurrency => write!(f, "{prefix} with rates in another currency only"),
            WarningKind::MissingCountryCode => {
                write!(f, "missing country code{}", if count == 1 { "" } else { "s" })
            }
        }?;
        write!(f, ": {}", named(prefixes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(rows: &[&str]) -> Vec<String> {
        let header = "service,prefix,currency,perMinute,effectiveFrom,destination\n";
        let fixed = "country=,connectionFee=0,firstIncrement=60,nextIncrement=60";
        let mut decks = crate::Decks::new(crate::Columns::default(), fixed.parse().unwrap());
        decks.add("deck", format!("{header}{}", rows.join("\n")).as_bytes());
        let warnings = warnings(&decks.build().unwrap());
        let worth_it = warnings.iter().filter(|warning| warning.kind != WarningKind::MissingCountryCode);
        worth_it.map(Warning::to_string).collect()
    }

    #[test]
    fn overlaps_and_gaps_are_found() {
        let digits = |digits: std::ops::Range<u8>, from: &str| -> Vec<String> {
            digits.map(|digit| format!("userOut,33{digit},EUR,0.0{digit}1,{from},x")).collect()
        };
        let ten = digits(0..10, "2025-01-01");
        let nine = digits(0..9, "2025-01-01");
        let ten_later = digits(0..10, "2025-01-02");
        let with = |first: &'static str, rows: &'_ [String]| -> Vec<String> {
            said(&std::iter::once(first).chain(rows.iter().map(String::as_str)).collect::<Vec<_>>())
        };
        let france = "userOut,33,EUR,0.5,2025-01-01,France";
        assert_eq!(
            with(france, &ten),
            ["userOut EUR: 1 prefix covered by longer ones for every next digit: 33"]
        );
        assert_eq!(with(france, &nine), [""; 0]);
        assert_eq!(with(france, &ten_later), [""; 0]);
        for (rows, warnings) in [
            (vec![france, "userOut,336,EUR,0.5,2025-01-01,France mobile"], vec![]),
            (vec![france, "userOut,336,EUR,0.5,2026-01-01,France"], vec![]),
            (
                vec![
                    france,
                    "userOut,336,EUR,0.50,2025-01-01,France",
                    "userOut,3361,EUR,0.5,2025-01-01,France",
                ],
                vec![
                    "userOut EUR: 2 prefixes with the prices, increments, dates and destination of the shorter prefix that covers it: 336, 3361",
                ],
            ),
            (
                vec![france, "userOut,33,EUR,0.5,2026-01-01,France"],
                vec!["userOut EUR: 1 prefix with a row that repeats the one before it: 33"],
            ),
            (
                vec![france, "userOut,34,EUR,0.5,2026-01-01,Spain", "userOut,346,EUR,0.6,2026-01-01,Spain"],
                vec!["userOut EUR: 2 prefixes without any rate before 2026-01-01: 34, 346"],
            ),
            (vec![france, "userOut,336,EUR,0.6,2026-01-01,France"], vec![]),
            (
                vec![france, "userOut,33,USD,0.6,2025-01-01,France", "userOut,34,USD,0.6,2025-01-01,Spain"],
                vec!["userOut EUR: 1 prefix with rates in another currency only: 34"],
            ),
        ] {
            assert_eq!(said(&rows), warnings, "{rows:?}");
        }
    }

    #[test]
    fn missing_country_codes_are_found() {
        let missing = |prefixes: &[&str]| -> Vec<String> {
            let prefixes = prefixes.iter().map(|prefix| Prefix::parse(prefix).unwrap()).collect();
            missing_country_codes(&prefixes).map(|code| code.to_string()).collect()
        };
        assert_eq!(missing(&[]).len(), 218);
        assert_eq!(missing(&[]).len() - missing(&["33", "4930", "1"]).len(), 3);
        let all_of_2 = missing(&[]).iter().filter(|code| code.starts_with('2')).count();
        assert_eq!(missing(&[]).len() - missing(&["2"]).len(), all_of_2, "a shorter prefix covers them");
    }

    #[test]
    fn country_codes_are_distinct_and_none_begins_another() {
        let codes: BTreeSet<_> = country_codes().collect();
        assert!(codes.iter().all(|one| codes.iter().all(|other| one == other || !one.begins(*other))));
    }

    #[test]
    fn the_sample_has_every_country_code() {
        let sample = crate::read(&include_bytes!("../../../infra/rates/sample.csv")[..]).unwrap();
        let kinds: Vec<_> = warnings(&sample).iter().map(|warning| warning.kind).collect();
        assert!(!kinds.contains(&WarningKind::MissingCountryCode), "{kinds:?}");
    }
}
