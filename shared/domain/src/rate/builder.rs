//! Makes the bytes of a rate file from rows in any order.

use std::collections::HashMap;
use std::hash::Hash;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::table::{
    BEGINNINGS, FINGERPRINT, HEADER_BYTES, KEY_BYTES, LINK_BYTES, LONGEST_INCREMENT, MAGIC, SECTION_BYTES,
    TERMS_BYTES, VERSION, digest, is_price,
};
use super::{Prefix, Rate, RateTable};
use crate::money::Currency;
use crate::usage::Service;

/// The most bytes of a destination's name.
const LONGEST_DESTINATION: usize = u8::MAX as usize;

/// Collects rates, and makes a [`RateTable`] of them.
///
/// ```
/// use domain::rate::{Prefix, Rate, RateTableBuilder};
/// use domain::usage::Number;
/// use domain::{Currency, Service};
///
/// let eur = Currency::parse("EUR").unwrap();
/// let rate = Rate {
///     prefix: Prefix::parse("33").unwrap(),
///     destination: "France",
///     country: "FR",
///     per_minute: "0.0190".parse().unwrap(),
///     connection_fee: "0".parse().unwrap(),
///     first_increment: 60,
///     next_increment: 60,
///     effective_from: "2025-01-01T00:00:00Z".parse().unwrap(),
/// };
/// let mut builder = RateTableBuilder::default();
/// builder.add(Service::UserOut, eur, &rate).unwrap();
/// let table = builder.build().unwrap();
///
/// let number = Number::parse("+33123456789").unwrap();
/// assert_eq!(table.find(Service::UserOut, &number, eur, rate.effective_from), Some(rate));
///
/// let mut builder = RateTableBuilder::default();
/// let refused = builder.add(Service::UserOut, eur, &Rate { first_increment: 0, ..rate }).unwrap_err();
/// assert_eq!(refused.to_string(), "firstIncrement: expected 1 to 3600 seconds");
/// ```
#[derive(Debug, Default)]
pub struct RateTableBuilder {
    rows: Vec<Row>,
    destinations: Interned<(String, [u8; 2])>,
}

/// A value that a rate cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {expected}")]
pub struct InvalidRate {
    /// The field, as the columns of a deck are named.
    pub field: &'static str,
    /// What was expected of it.
    pub expected: &'static str,
}

/// Two rates of one service and currency take effect at once for the same prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("prefix: {prefix} has a row of the same service, currency and effectiveFrom already")]
pub struct TwoAtOnce {
    /// The prefix.
    pub prefix: Prefix,
    /// The places of the two among the rates that were added, counted from zero.
    pub places: [usize; 2],
}

#[derive(Debug)]
struct Row {
    service: Service,
    currency: Currency,
    prefix: Prefix,
    effective_from: Timestamp,
    terms: [u8; TERMS_BYTES],
    destination: u32,
    place: usize,
}

impl Row {
    /// The section that it belongs to, and its order among them.
    fn section(&self) -> (Service, &'static str) {
        (self.service, self.currency.code())
    }

    fn order(&self) -> ((Service, &'static str), Prefix, Timestamp) {
        (self.section(), self.prefix, self.effective_from)
    }
}

impl InvalidRate {
    /// A price is not one.
    pub const fn price(field: &'static str) -> Self {
        Self {
            field,
            expected: "expected a price of zero or more, below a million, with at most 12 decimals",
        }
    }

    /// An increment is not one.
    pub const fn increment(field: &'static str) -> Self {
        Self { field, expected: "expected 1 to 3600 seconds" }
    }

    const COUNTRY: Self = Self { field: "country", expected: "expected two capital letters, or nothing" };
    const DESTINATION: Self = Self { field: "destination", expected: "expected at most 255 bytes of UTF-8" };
}

impl RateTableBuilder {
    /// Adds a rate.
    ///
    /// # Errors
    ///
    /// [`InvalidRate`] for the first value that a rate cannot have.
    pub fn add(&mut self, service: Service, currency: Currency, rate: &Rate<'_>) -> Result<(), InvalidRate> {
        let destination = (destination(rate)?, country(rate)?);
        self.rows.push(Row {
            service,
            currency,
            prefix: rate.prefix,
            effective_from: rate.effective_from,
            terms: terms(rate)?,
            destination: self.destinations.index(destination),
            place: self.rows.len(),
        });
        Ok(())
    }

    /// Makes the table.
    ///
    /// # Errors
    ///
    /// [`TwoAtOnce`] for each rate that takes effect at the same instant as another of its service, currency and prefix.
    pub fn build(self) -> Result<RateTable, Vec<TwoAtOnce>> {
        let Self { mut rows, destinations: given } = self;
        rows.sort_by_key(Row::order);
        let at_once = rows.array_windows().filter(|[one, other]| one.order() == other.order());
        let at_once: Vec<_> = at_once
            .map(|[one, other]| TwoAtOnce { prefix: one.prefix, places: [one.place, other.place] })
            .collect();
        if !at_once.is_empty() {
            return Err(at_once);
        }
        // Interned anew, in the order of the rows, so that the bytes do not depend on the order in which rows were added.
        let mut terms = Interned::default();
        let mut parts = Parts::default();
        for section in rows.chunk_by(|one, other| one.section() == other.section()) {
            let previous = previous_candidates(section, parts.keys.len());
            parts.add_section(section);
            for (row, previous) in section.iter().zip(previous) {
                let (name, country) = &given.items[row.destination as usize];
                parts.add_row(row, previous, terms.index(row.terms), name, *country);
            }
        }
        Ok(RateTable::open(parts.joined(&terms.items)).expect("the bytes are laid out as they are read"))
    }
}

/// For each row of a section, the place and the digits of the next candidate for numbers that this row does not apply to. The
/// place of the section's first row is one after `before`, and 0 means that there is none.
fn previous_candidates(rows: &[Row], before: usize) -> Vec<(u32, u8)> {
    // The last rows of the prefixes that begin the current one, shortest first.
    let mut open: Vec<(Prefix, u32)> = Vec::new();
    let candidates = rows.iter().zip(1..).map(|(row, place)| {
        while open.pop_if(|(prefix, _)| !prefix.begins(row.prefix)).is_some() {}
        let digits = |prefix: Prefix| u8::try_from(prefix.digits()).expect("a prefix has at most 15 digits");
        let previous = open.last().map_or((0, 0), |(prefix, place)| (*place, digits(*prefix)));
        open.pop_if(|(prefix, _)| *prefix == row.prefix);
        open.push((row.prefix, count(before + place)));
        previous
    });
    candidates.collect()
}

/// The parts of a rate file; see `table.rs`.
#[derive(Default)]
struct Parts {
    sections: Vec<[u8; SECTION_BYTES]>,
    index: Vec<u8>,
    keys: Vec<[u8; KEY_BYTES]>,
    links: Vec<[u8; LINK_BYTES]>,
    names: String,
    places_of_names: HashMap<String, u32>,
}

impl Parts {
    /// Begins a section of these rows, which the caller adds next.
    fn add_section(&mut self, rows: &[Row]) {
        let (service, currency) = rows[0].section();
        let service = Service::ALL.iter().position(|other| *other == service).unwrap_or_default();
        let first = self.keys.len();
        let mut bytes = [0; SECTION_BYTES];
        bytes[0] = u8::try_from(service).expect("there are few services");
        bytes[1..4].copy_from_slice(currency.as_bytes());
        bytes[4..8].copy_from_slice(&count(first).to_le_bytes());
        bytes[8..].copy_from_slice(&count(first + rows.len()).to_le_bytes());
        self.sections.push(bytes);
        for beginning in 0..=BEGINNINGS {
            let before = rows.partition_point(|row| row.prefix.beginning() < beginning);
            self.index.extend(count(first + before).to_le_bytes());
        }
    }

    fn add_row(
        &mut self,
        row: &Row,
        (previous, digits): (u32, u8),
        terms: u32,
        name: &str,
        country: [u8; 2],
    ) {
        self.keys.push(row.prefix.key().to_le_bytes());
        let mut bytes = [0; LINK_BYTES];
        bytes[..4].copy_from_slice(&previous.to_le_bytes());
        bytes[4..8].copy_from_slice(&terms.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.place_of(name).to_le_bytes());
        bytes[12] = u8::try_from(name.len()).expect("a longer name is refused");
        bytes[13..15].copy_from_slice(&country);
        bytes[15] = digits;
        self.links.push(bytes);
    }

    /// Where a name is among the names, at whose end it is added if it is new.
    fn place_of(&mut self, name: &str) -> u32 {
        if let Some(place) = self.places_of_names.get(name) {
            return *place;
        }
        let place = count(self.names.len());
        self.names.push_str(name);
        self.places_of_names.insert(name.to_owned(), place);
        place
    }

    fn joined(&self, terms: &[[u8; TERMS_BYTES]]) -> Vec<u8> {
        let lengths = [self.sections.len(), self.keys.len(), terms.len(), self.names.len()];
        let counts = lengths.map(|length| count(length).to_le_bytes());
        let mut bytes = [&MAGIC[..], &VERSION.to_le_bytes(), counts.as_flattened()].concat();
        bytes.resize(HEADER_BYTES, 0);
        bytes.extend(self.sections.as_flattened());
        bytes.extend(&self.index);
        bytes.extend(self.keys.as_flattened());
        bytes.extend(self.links.as_flattened());
        bytes.extend(terms.as_flattened());
        bytes.extend(self.names.as_bytes());
        let fingerprint = digest(&bytes);
        bytes[FINGERPRINT].copy_from_slice(&fingerprint);
        bytes
    }
}

/// A count as a rate file has it.
fn count(items: usize) -> u32 {
    u32::try_from(items).expect("a price list has fewer than four thousand million of anything")
}

/// Distinct values, each known by its index.
#[derive(Debug)]
struct Interned<T> {
    items: Vec<T>,
    indices: HashMap<T, u32>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { items: Vec::new(), indices: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Interned<T> {
    /// The index of a value, which is added if it is new.
    fn index(&mut self, value: T) -> u32 {
        *self.indices.entry(value).or_insert_with_key(|value| {
            self.items.push(value.clone());
            count(self.items.len() - 1)
        })
    }
}

fn destination(rate: &Rate<'_>) -> Result<String, InvalidRate> {
    let fits = rate.destination.len() <= LONGEST_DESTINATION;
    fits.then(|| rate.destination.to_owned()).ok_or(InvalidRate::DESTINATION)
}

fn country(rate: &Rate<'_>) -> Result<[u8; 2], InvalidRate> {
    match *rate.country.as_bytes() {
        [] => Ok([0; 2]),
        [first @ b'A'..=b'Z', second @ b'A'..=b'Z'] => Ok([first, second]),
        _ => Err(InvalidRate::COUNTRY),
    }
}

fn terms(rate: &Rate<'_>) -> Result<[u8; TERMS_BYTES], InvalidRate> {
    let fields = [
        &price("perMinute", rate.per_minute)?[..],
        &price("connectionFee", rate.connection_fee)?,
        &increment("firstIncrement", rate.first_increment)?,
        &increment("nextIncrement", rate.next_increment)?,
        &rate.effective_from.as_second().to_le_bytes(),
        &rate.effective_from.subsec_nanosecond().to_le_bytes(),
    ];
    let mut bytes = [0; TERMS_BYTES];
    bytes.copy_from_slice(&fields.concat());
    Ok(bytes)
}

/// The digits of a price, then its decimals.
fn price(field: &'static str, price: Decimal) -> Result<[u8; 9], InvalidRate> {
    let digits = u64::try_from(price.mantissa()).ok().filter(|digits| is_price(*digits, price.scale()));
    let [b0, b1, b2, b3, b4, b5, b6, b7] = digits.ok_or(InvalidRate::price(field))?.to_le_bytes();
    // `is_price` allows few decimals.
    Ok([b0, b1, b2, b3, b4, b5, b6, b7, u8::try_from(price.scale()).unwrap_or_default()])
}

fn increment(field: &'static str, seconds: u32) -> Result<[u8; 2], InvalidRate> {
    let fits = u16::try_from(seconds).ok().filter(|seconds| (1..=LONGEST_INCREMENT).contains(seconds));
    Ok(fits.ok_or(InvalidRate::increment(field))?.to_le_bytes())
}
