//! The published rates as a rate file has them: bytes that are searched where they are, without parsing.
//!
//! All numbers are little-endian. The parts follow one another without gaps, so the counts in the header give every place
//! and the file's length:
//!
//! | part | one item |
//! |---|---|
//! | header | magic, version, the counts of the other parts, fingerprint: 48 bytes |
//! | sections | one for each service and currency, in order: service, currency, first row, end: 12 bytes |
//! | index | for each section, the first row of each three digits that a key can begin with, and the end: 1,001 rows, 4 bytes each |
//! | keys | one for each row, by prefix and date of effect within the section: the prefix, 8 bytes |
//! | links | one for each row: next candidate, terms, place (4 bytes each) and length of the destination's name, country (2), digits of the next candidate |
//! | terms | distinct prices, increments and dates: 34 bytes |
//! | names | distinct names of destinations, in UTF-8 |
//!
//! A look-up takes from the index the rows that begin with the number's first three digits, and searches them for the last key
//! that is not after the number. The rate of the number is there, or at one of the candidates that the links lead to: first the
//! earlier rows of the same prefix, then those of the longest shorter prefix, and so on.

use std::fmt;
use std::ops::Range;

use jiff::Timestamp;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use super::builder::RateTableBuilder;
use super::{Prefix, Rate};
use crate::id::Fingerprint;
use crate::money::Currency;
use crate::usage::{Number, Service};

/// The first bytes of every rate file.
pub(super) const MAGIC: [u8; 8] = *b"CCRATES\n";

/// The version of the layout that this code writes and reads.
pub(super) const VERSION: u32 = 1;

pub(super) const HEADER_BYTES: usize = 48;
/// Where the header has the fingerprint of everything else.
pub(super) const FINGERPRINT: Range<usize> = 32..HEADER_BYTES;
pub(super) const SECTION_BYTES: usize = 12;
pub(super) const KEY_BYTES: usize = 8;
pub(super) const LINK_BYTES: usize = 16;
pub(super) const TERMS_BYTES: usize = 34;

/// What three digits can be, from `000` to `999`. A prefix of fewer digits counts as if zeros followed.
pub(super) const BEGINNINGS: u32 = 1_000;
pub(super) const INDEX_BYTES: usize = (BEGINNINGS as usize + 1) * 4;

/// Prices have at most this many decimals.
pub(super) const PRICE_DECIMALS: u32 = 12;

/// Increments have at most this many seconds.
pub(super) const LONGEST_INCREMENT: u16 = 3600;

/// Why a file is no rate file that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateFileError {
    /// It does not begin as a rate file does.
    #[error("the rate file does not begin as one does; `cargo xtask rates` makes one from CSV")]
    Foreign,
    /// Another version of this software wrote it.
    #[error(
        "the rate file has version {found} of the layout, not {VERSION}; make it anew with `cargo xtask rates`"
    )]
    Version {
        /// The version of the file.
        found: u32,
    },
    /// Bytes are missing, or there are too many.
    #[error("the rate file has {found} bytes, not {expected}")]
    Length {
        /// The bytes that the header announces.
        expected: u64,
        /// The bytes that there are.
        found: u64,
    },
    /// Its bytes are not those that were written.
    #[error("the rate file is damaged")]
    Damaged,
}

/// All published rates.
pub struct RateTable {
    bytes: Box<dyn AsRef<[u8]> + Send + Sync>,
    sections: Vec<Section>,
    index: Range<usize>,
    keys: Range<usize>,
    links: Range<usize>,
    terms: Range<usize>,
    names: Range<usize>,
}

/// The rows of a service in a currency.
#[derive(Debug)]
struct Section {
    service: Service,
    currency: Currency,
    rows: Range<usize>,
}

/// The rows of a section, borrowed from the table's bytes. Rows are counted over all sections.
#[derive(Clone, Copy)]
struct Rows<'a> {
    first: usize,
    end: usize,
    index: &'a [u8; INDEX_BYTES],
    keys: &'a [[u8; KEY_BYTES]],
    links: &'a [[u8; LINK_BYTES]],
    terms: &'a [[u8; TERMS_BYTES]],
    names: &'a [u8],
}

impl RateTable {
    /// Opens the bytes of a rate file. This takes as long for many rows as for few: rows are checked when they are read, and
    /// a row that is damaged is passed over.
    ///
    /// # Errors
    ///
    /// [`RateFileError`] if the bytes are no rate file of this version, or not all of one.
    ///
    /// ```
    /// use domain::rate::RateFileError;
    /// use domain::{Currency, RateTable, Service};
    ///
    /// let empty = RateTable::default();
    /// let same = RateTable::open(empty.as_bytes().to_vec()).unwrap();
    /// assert_eq!(same.fingerprint(), empty.fingerprint());
    /// assert_eq!(RateTable::open("service,prefix").unwrap_err(), RateFileError::Foreign);
    /// ```
    pub fn open(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Result<Self, RateFileError> {
        let all = bytes.as_ref();
        if !all.starts_with(&MAGIC) {
            return Err(RateFileError::Foreign);
        }
        let cut = RateFileError::Length { expected: HEADER_BYTES as u64, found: all.len() as u64 };
        let count = |place: usize| u32_at(all, place).ok_or(cut);
        let found = count(8)?;
        if found != VERSION {
            return Err(RateFileError::Version { found });
        }
        let mut end = HEADER_BYTES as u64;
        let mut part = |items: u32, item_bytes: usize| {
            let begin = end;
            end += u64::from(items) * item_bytes as u64;
            begin..end
        };
        let [section_count, row_count, terms_count, name_bytes] =
            [count(12)?, count(16)?, count(20)?, count(24)?];
        let sections = part(section_count, SECTION_BYTES);
        let index = part(section_count, INDEX_BYTES);
        let keys = part(row_count, KEY_BYTES);
        let links = part(row_count, LINK_BYTES);
        let terms = part(terms_count, TERMS_BYTES);
        let names = part(name_bytes, 1);
        if end != all.len() as u64 {
            return Err(RateFileError::Length { expected: end, found: all.len() as u64 });
        }
        let [sections, index, keys, links, terms, names] =
            [sections, index, keys, links, terms, names].map(in_memory);
        let sections = all[sections].as_chunks().0.iter();
        let sections = sections.map(|bytes| Section::read(bytes, row_count as usize));
        let sections = sections.collect::<Option<_>>().ok_or(RateFileError::Damaged)?;
        Ok(Self { sections, index, keys, links, terms, names, bytes: Box::new(bytes) })
    }

    /// Compares every byte with the fingerprint. [`RateTable::open`] leaves this out, since it takes the longer the more rows
    /// there are.
    ///
    /// # Errors
    ///
    /// [`RateFileError::Damaged`] if a byte is not what was written.
    pub fn verify(&self) -> Result<(), RateFileError> {
        let bytes = self.as_bytes();
        let stored = bytes.get(FINGERPRINT).ok_or(RateFileError::Damaged)?;
        if digest(bytes) == *stored { Ok(()) } else { Err(RateFileError::Damaged) }
    }

    /// The bytes of the rate file.
    pub fn as_bytes(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }

    /// Half a SHA-256 over the contents. Tables of the same rates have the same one, whatever order the rates came in.
    pub fn fingerprint(&self) -> Fingerprint {
        let half = self.as_bytes().get(FINGERPRINT).and_then(<[u8]>::first_chunk);
        Fingerprint::from_stored(format!("{:032x}", u128::from_be_bytes(half.copied().unwrap_or_default())))
    }

    /// The rate for a number: the longest prefix that has one in force at `started_at`.
    pub fn find(
        &self,
        service: Service,
        number: &Number,
        currency: Currency,
        started_at: Timestamp,
    ) -> Option<Rate<'_>> {
        self.applying(service, Prefix::parse(number.e164_digits()?).ok()?, currency, started_at)
    }

    /// The rate for every number of a prefix, as far as no longer prefix has a rate of its own.
    pub fn applying(
        &self,
        service: Service,
        prefix: Prefix,
        currency: Currency,
        at: Timestamp,
    ) -> Option<Rate<'_>> {
        self.rows(service, currency)?.find(prefix, at)
    }

    /// Whether the premium table knows this number better than the ordinary one: by a longer prefix, since
    /// both may have a row for its whole country.
    pub fn is_premium(&self, number: &Number, currency: Currency, started_at: Timestamp) -> bool {
        let digits = |service| self.digits(service, number, currency, started_at);
        digits(Service::Premium) > digits(Service::UserOut)
    }

    /// Whether the toll-free table knows this number better than that of other inbound numbers.
    pub fn is_toll_free(&self, number: &Number, currency: Currency, started_at: Timestamp) -> bool {
        let digits = |service| self.digits(service, number, currency, started_at);
        digits(Service::TollFreeIn) > digits(Service::TollIn)
    }

    /// The digits of the longest prefix of a number that has a rate; zero if none has.
    fn digits(&self, service: Service, number: &Number, currency: Currency, started_at: Timestamp) -> usize {
        self.find(service, number, currency, started_at).map_or(0, |rate| rate.prefix.digits())
    }

    /// The services and currencies that have rates, with the number of their rows: by service, then by currency code.
    pub fn sections(&self) -> impl Iterator<Item = (Service, Currency, usize)> + '_ {
        self.sections.iter().map(|section| (section.service, section.currency, section.rows.len()))
    }

    /// The rates of a service in a currency, by prefix, then by date of effect. With `from`, they begin at that prefix.
    pub fn rates(
        &self,
        service: Service,
        currency: Currency,
        from: Option<Prefix>,
    ) -> impl Iterator<Item = Rate<'_>> {
        self.rows(service, currency).into_iter().flat_map(move |rows| {
            let begin = from.map_or(rows.first, |from| rows.begin(from, |key| key < from.key()));
            (begin..rows.end).filter_map(move |row| rows.read(row))
        })
    }

    fn rows(&self, service: Service, currency: Currency) -> Option<Rows<'_>> {
        let is_asked = |section: &Section| section.service == service && section.currency == currency;
        let place = self.sections.iter().position(is_asked)?;
        let Range { start: first, end } = self.sections[place].rows;
        let bytes = self.as_bytes();
        let part = |part: &Range<usize>| bytes.get(part.clone());
        Some(Rows {
            first,
            end,
            index: part(&self.index)?.as_chunks().0.get(place)?,
            keys: part(&self.keys)?.as_chunks().0,
            links: part(&self.links)?.as_chunks().0,
            terms: part(&self.terms)?.as_chunks().0,
            names: part(&self.names)?,
        })
    }
}

impl Section {
    fn read(bytes: &[u8; SECTION_BYTES], row_count: usize) -> Option<Self> {
        let service = *Service::ALL.get(usize::from(bytes[0]))?;
        let currency = Currency::parse(std::str::from_utf8(&bytes[1..4]).ok()?).ok()?;
        let (first, end) = (u32_at(bytes, 4)? as usize, u32_at(bytes, 8)? as usize);
        (first <= end && end <= row_count).then_some(Self { service, currency, rows: first..end })
    }
}

impl<'a> Rows<'a> {
    /// The first row whose key is not before `prefix` as `is_before` has it, which may take equal ones for earlier ones.
    fn begin(self, prefix: Prefix, is_before: impl Fn(u64) -> bool) -> usize {
        let indexed = |place: usize| u32_at(self.index, place * 4).unwrap_or_default() as usize;
        let place = prefix.beginning() as usize;
        // In a damaged file the index could lead to other sections.
        let [begin, end] = [indexed(place), indexed(place + 1)].map(|row| row.clamp(self.first, self.end));
        let keys = self.keys.get(begin..end).unwrap_or_default();
        begin + keys.partition_point(|key| is_before(u64::from_le_bytes(*key)))
    }

    /// The rate that applies to a number. A row's place is its number plus one.
    ///
    /// The prefixes of all candidates begin the key that the search ends at. So those that are no longer than what this key and
    /// the number have in common begin the number too, and their own keys need not be read.
    fn find(self, number: Prefix, at: Timestamp) -> Option<Rate<'a>> {
        let mut place = self.begin(number, |key| key <= number.key());
        let key = Prefix::of_key(u64::from_le_bytes(*self.keys.get(place.checked_sub(1)?)?))?;
        let common = key.common_digits(number);
        let mut digits = key.digits();
        while place > self.first {
            let link = Link::read(self.links.get(place - 1)?);
            if digits <= common {
                let terms = self.terms(link)?;
                if terms.effective_from()? <= at {
                    return self.rate(number.first(digits)?, link, terms);
                }
            }
            // In a damaged file a link could lead forwards, and the search would not end.
            if link.previous >= place {
                return None;
            }
            (place, digits) = (link.previous, link.previous_digits);
        }
        None
    }

    fn read(self, row: usize) -> Option<Rate<'a>> {
        let link = Link::read(self.links.get(row)?);
        let prefix = Prefix::of_key(u64::from_le_bytes(*self.keys.get(row)?))?;
        self.rate(prefix, link, self.terms(link)?)
    }

    fn terms(self, link: Link<'_>) -> Option<Terms<'a>> {
        self.terms.get(link.terms).map(Terms)
    }

    fn rate(self, prefix: Prefix, link: Link<'a>, terms: Terms<'_>) -> Option<Rate<'a>> {
        let name = self.names.get(link.name..)?.get(..link.name_bytes)?;
        Some(Rate {
            prefix,
            destination: std::str::from_utf8(name).ok()?,
            country: std::str::from_utf8(link.country).ok()?.trim_end_matches('\0'),
            per_minute: terms.price(0)?,
            connection_fee: terms.price(9)?,
            first_increment: terms.increment(18)?,
            next_increment: terms.increment(20)?,
            effective_from: terms.effective_from()?,
        })
    }
}

/// Where a row leads.
#[derive(Clone, Copy)]
struct Link<'a> {
    /// The place of the next candidate; 0 if there is none.
    previous: usize,
    /// The digits of its prefix.
    previous_digits: usize,
    terms: usize,
    name: usize,
    name_bytes: usize,
    /// Two zeros if there is none.
    country: &'a [u8],
}

impl<'a> Link<'a> {
    fn read(bytes: &'a [u8; LINK_BYTES]) -> Self {
        let [previous, terms, name] =
            [0, 4, 8].map(|place| u32_at(bytes, place).unwrap_or_default() as usize);
        let [name_bytes, previous_digits] = [bytes[12], bytes[15]].map(usize::from);
        Self { previous, previous_digits, terms, name, name_bytes, country: &bytes[13..15] }
    }
}

/// Prices, increments and date of effect: for each price its digits (8 bytes) and decimals (1), then the increments (2 each),
/// then seconds (8) and nanoseconds (4) of the instant.
#[derive(Clone, Copy)]
struct Terms<'a>(&'a [u8; TERMS_BYTES]);

impl Terms<'_> {
    fn bytes<const N: usize>(self, place: usize) -> Option<[u8; N]> {
        self.0.get(place..)?.first_chunk().copied()
    }

    fn price(self, place: usize) -> Option<Decimal> {
        let (digits, [decimals]) = (u64::from_le_bytes(self.bytes(place)?), self.bytes(place + 8)?);
        is_price(digits, decimals.into())
            .then(|| Decimal::new(i64::try_from(digits).unwrap_or_default(), decimals.into()))
    }

    fn increment(self, place: usize) -> Option<u32> {
        let seconds = u16::from_le_bytes(self.bytes(place)?);
        (1..=LONGEST_INCREMENT).contains(&seconds).then_some(seconds.into())
    }

    fn effective_from(self) -> Option<Timestamp> {
        Timestamp::new(i64::from_le_bytes(self.bytes(22)?), i32::from_le_bytes(self.bytes(30)?)).ok()
    }
}

/// Whether a price is below a million and has few enough decimals. `Rate::charge` relies on this.
pub(super) fn is_price(digits: u64, decimals: u32) -> bool {
    const LIMITS: [u64; PRICE_DECIMALS as usize + 1] = {
        let mut limits = [1_000_000; PRICE_DECIMALS as usize + 1];
        let mut decimals = 1;
        while decimals < limits.len() {
            limits[decimals] = limits[decimals - 1] * 10;
            decimals += 1;
        }
        limits
    };
    LIMITS.get(decimals as usize).is_some_and(|limit| digits < *limit)
}

impl Default for RateTable {
    /// A table without rates.
    fn default() -> Self {
        RateTableBuilder::default().build().expect("no two of no rates take effect at once")
    }
}

impl fmt::Debug for RateTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateTable").field("sections", &self.sections).finish_non_exhaustive()
    }
}

/// Half a SHA-256 over the bytes of a rate file but the fingerprint itself.
pub(super) fn digest(bytes: &[u8]) -> [u8; 16] {
    let (before, after) = (&bytes[..FINGERPRINT.start], &bytes[FINGERPRINT.end..]);
    let whole: [u8; 32] = Sha256::new().chain_update(before).chain_update(after).finalize().into();
    *whole.first_chunk().expect("32 bytes have a first 16")
}

fn in_memory(part: Range<u64>) -> Range<usize> {
    let place = |place| usize::try_from(place).expect("a part ends before the end of bytes in memory");
    place(part.start)..place(part.end)
}

fn u32_at(bytes: &[u8], place: usize) -> Option<u32> {
    bytes.get(place..)?.first_chunk().copied().map(u32::from_le_bytes)
}
