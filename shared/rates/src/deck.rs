//! Reading decks: CSV in UTF-8 with one row for each service, prefix, currency and date of effect.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::str::FromStr;

use csv::{ErrorKind, Position, StringRecord, Trim};
use domain::rate::{InvalidRate, Prefix, Rate, RateTableBuilder};
use domain::{Currency, RateTable, Service};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

/// The most bad rows that are named. Others are only counted.
pub const NAMED: usize = 20;

/// The columns of a deck, as `infra/rates/README.md` describes them.
const COLUMNS: [&str; 10] = [
    "service",
    "prefix",
    "destination",
    "country",
    "currency",
    "perMinute",
    "connectionFee",
    "firstIncrement",
    "nextIncrement",
    "effectiveFrom",
];

/// A value for some of the columns, by their names. An empty text gives none.
///
/// ```
/// use rates::Columns;
/// let columns: Columns = "prefix=Dial Code,perMinute=Rate".parse().unwrap();
/// assert_eq!(columns.to_string(), "perMinute=Rate,prefix=Dial Code");
/// assert!("price=Rate".parse::<Columns>().unwrap_err().to_string().starts_with("price is not a column"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns(BTreeMap<&'static str, String>);

/// A text that gives no values for columns.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidColumns {
    /// A part has no `=`.
    #[error("expected column=value, not {0:?}")]
    NoValue(String),
    /// A column has another name.
    #[error("{0} is not a column; expected one of {columns}", columns = COLUMNS.join(", "))]
    Unknown(String),
}

impl FromStr for Columns {
    type Err = InvalidColumns;

    fn from_str(text: &str) -> Result<Self, InvalidColumns> {
        let parts = text.split(',').filter(|_| !text.is_empty()).map(|part| {
            let (name, value) =
                part.split_once('=').ok_or_else(|| InvalidColumns::NoValue(part.to_owned()))?;
            let column = COLUMNS.into_iter().find(|column| *column == name.trim());
            let column = column.ok_or_else(|| InvalidColumns::Unknown(name.trim().to_owned()))?;
            Ok((column, value.trim().to_owned()))
        });
        parts.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.0.iter().map(|(column, value)| format!("{column}={value}")).collect();
        f.write_str(&parts.join(","))
    }
}

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{deck}, line {line}: {detail}")]
pub struct BadRow {
    /// The name of the deck.
    pub deck: String,
    /// The line, from 1.
    pub line: u64,
    /// The column and what was expected.
    pub detail: String,
}

/// The rows for which decks make no price list. One is enough, since charges from part of a price list would be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadDecks {
    /// The first of them, at most [`NAMED`].
    pub rows: Vec<BadRow>,
    /// The number of further ones.
    pub more: usize,
}

impl fmt::Display for BadDecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = self.rows.iter().map(BadRow::to_string).collect();
        f.write_str(&rows.join("\n"))?;
        if self.more > 0 { write!(f, "\nand {} more bad rows", self.more) } else { Ok(()) }
    }
}

impl std::error::Error for BadDecks {}

/// Reads one deck whose columns have their own names.
///
/// # Errors
///
/// [`BadDecks`] with the lines that cannot be used: see [`Decks::add`].
///
/// # Example
///
/// ```
/// let header = "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom\n";
/// let deck = format!("{header}userOut,33,France,FR,EUR,-1,0,60,60,2025-01-01\n");
/// let problem = rates::read(deck.as_bytes()).unwrap_err();
/// let expected = "expected a price of zero or more, below a million, with at most 12 decimals, not \"-1\"";
/// assert_eq!(problem.to_string(), format!("rates, line 2: perMinute: {expected}"));
/// ```
pub fn read(deck: impl Read) -> Result<RateTable, BadDecks> {
    let mut decks = Decks::default();
    decks.add("rates", deck);
    decks.build()
}

/// Decks that together make one price list.
///
/// ```
/// use rates::Decks;
/// let deck = "Rate,Dial Code,Name\n0.0190,+33 6,France mobile\n";
/// let fixed = "service=userOut,country=FR,currency=EUR,connectionFee=0,firstIncrement=60,nextIncrement=60,effectiveFrom=2025-01-01";
/// let mut decks =
///     Decks::new("perMinute=Rate,prefix=Dial Code,destination=Name".parse().unwrap(), fixed.parse().unwrap());
/// decks.add("france.csv", deck.as_bytes());
/// assert_eq!(decks.build().unwrap().sections().map(|(_, _, rows)| rows).sum::<usize>(), 1);
/// ```
#[derive(Debug, Default)]
pub struct Decks {
    names: Columns,
    fixed: Columns,
    builder: RateTableBuilder,
    /// The deck and the line of each row in the builder.
    lines: Vec<(usize, u64)>,
    decks: Vec<String>,
    ignored: Vec<String>,
    bad: Vec<BadRow>,
    bad_count: usize,
}

impl Decks {
    /// No decks yet. Their columns have these `names` in place of their own, and `fixed` values if they are missing.
    pub fn new(names: Columns, fixed: Columns) -> Self {
        Self { names, fixed, ..Self::default() }
    }

    /// Reads a deck.
    ///
    /// Rows may be in any order, and columns too. A byte order mark, spaces around a cell, rows without any value, and columns
    /// that have neither a name nor values are passed over. A cell may be a formula that gives a text, such as `="33"`. A prefix may
    /// begin with `+` and have spaces within. Columns of
    /// other names are passed over only if names or fixed values were given, and [`Decks::ignored`] lists them; without, they
    /// are errors.
    ///
    /// What is wrong with it is an error of [`Decks::build`].
    pub fn add(&mut self, name: &str, deck: impl Read) {
        self.decks.push(name.to_owned());
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(deck);
        let places = match reader.headers() {
            Ok(headers) => self.places(&headers.clone()),
            Err(problem) => Err(problem.to_string()),
        };
        let places = match places {
            Ok(places) => places,
            Err(detail) => return self.refuse(1, detail),
        };
        let mut cells = StringRecord::new();
        loop {
            let more = reader.read_record(&mut cells);
            let line = cells.position().map_or_else(|| reader.position().line(), Position::line);
            match more {
                Ok(false) => return,
                Ok(true) if cells.iter().all(str::is_empty) => {}
                Ok(true) => self.row(line, &places, &cells),
                Err(problem) => {
                    self.refuse(line, problem.to_string());
                    if !matches!(problem.kind(), ErrorKind::Utf8 { .. }) {
                        return;
                    }
                }
            }
        }
    }

    /// Columns that were passed over, each with its deck.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Makes the price list.
    ///
    /// # Errors
    ///
    /// [`BadDecks`] if a row is not valid CSV, a column is missing or unknown, a value is not what its column expects, or two
    /// rows have the same service, currency, prefix and instant.
    pub fn build(mut self) -> Result<RateTable, BadDecks> {
        let builder = std::mem::take(&mut self.builder);
        let table = builder.build().map_err(|at_once| {
            for twice in at_once {
                let [one, other] = twice.places.map(|place| self.lines[place]);
                let ((first, first_line), (deck, line)) = if one <= other { (one, other) } else { (other, one) };
                let same = if first == deck { String::new() } else { format!(" of {}", self.decks[first]) };
                let detail = format!(
                    "prefix: line {first_line}{same} has {} with the same service, currency and effectiveFrom",
                    twice.prefix
                );
                self.refuse_in(deck, line, detail);
            }
        });
        if self.bad_count == 0
            && let Ok(table) = table
        {
            return Ok(table);
        }
        self.bad.sort_by_key(|row| (self.decks.iter().position(|deck| *deck == row.deck), row.line));
        Err(BadDecks { more: self.bad_count - self.bad.len(), rows: self.bad })
    }

    fn refuse(&mut self, line: u64, detail: String) {
        self.refuse_in(self.decks.len() - 1, line, detail);
    }

    fn refuse_in(&mut self, deck: usize, line: u64, detail: String) {
        self.bad_count += 1;
        if self.bad.len() < NAMED {
            self.bad.push(BadRow { deck: self.decks[deck].clone(), line, detail });
        }
    }

    /// The name that decks have for a column.
    fn name(&self, column: &'static str) -> &str {
        self.names.0.get(column).map_or(column, String::as_str)
    }

    /// Where each column's cell is in the rows of a deck.
    fn places(&mut self, headers: &StringRecord) -> Result<Places, String> {
        let mut places =
            Places { columns: [None; COLUMNS.len()], headers: headers.len(), unnamed: Vec::new() };
        let as_documented = self.names.0.is_empty() && self.fixed.0.is_empty();
        for (place, header) in headers.iter().enumerate() {
            match COLUMNS.into_iter().position(|column| self.name(column) == header) {
                Some(column) if places.columns[column].is_some() => {
                    return Err(format!("{header}: two columns have this name"));
                }
                Some(column) => places.columns[column] = Some(place),
                None if header.is_empty() => places.unnamed.push(place),
                None if as_documented => {
                    return Err(format!("{header}: expected columns of these names: {}", COLUMNS.join(", ")));
                }
                None => self.ignored.push(format!("{}: {header}", self.decks[self.decks.len() - 1])),
            }
        }
        let is_missing = |(column, place): (&'static str, Option<usize>)| {
            (place.is_none() && !self.fixed.0.contains_key(column)).then(|| self.name(column))
        };
        let missing: Vec<_> = COLUMNS.into_iter().zip(places.columns).filter_map(is_missing).collect();
        if missing.is_empty() { Ok(places) } else { Err(format!("missing columns: {}", missing.join(", "))) }
    }

    fn row(&mut self, line: u64, places: &Places, cells: &StringRecord) {
        if let Err(detail) = places.check(cells) {
            return self.refuse(line, detail);
        }
        let values: [Cow<'_, str>; COLUMNS.len()] =
            std::array::from_fn(|column| match places.columns[column] {
                Some(place) => text_of(&cells[place]),
                None => self.fixed.0[COLUMNS[column]].as_str().into(),
            });
        let values = values.each_ref().map(|value| &**value);
        let added = read_values(values)
            .and_then(|(service, currency, rate)| self.builder.add(service, currency, &rate));
        match added {
            Ok(()) => self.lines.push((self.decks.len() - 1, line)),
            Err(InvalidRate { field, expected }) => {
                let value = COLUMNS.into_iter().zip(values).find(|(column, _)| *column == field);
                let value = value.map_or("", |(_, value)| value);
                self.refuse(line, format!("{}: {expected}, not {value:?}", self.name(field)));
            }
        }
    }
}

/// Reads the values of a row, in the order of [`COLUMNS`].
fn read_values(values: [&str; COLUMNS.len()]) -> Result<(Service, Currency, Rate<'_>), InvalidRate> {
    let invalid = |field, expected| InvalidRate { field, expected };
    let [service, prefix, destination, country, currency, per_minute, fee, first, next, from] = values;
    let service = Service::parse(service)
        .ok_or(invalid("service", "expected tollFreeIn, tollIn, conferenceOut, userOut or premium"))?;
    let currency = Currency::parse(currency)
        .map_err(|_| invalid("currency", "expected an ISO 4217 currency code such as EUR"))?;
    let prefix = read_prefix(prefix)
        .ok_or(invalid("prefix", "expected 1 to 15 digits that begin with a country code"))?;
    let rate = Rate {
        prefix,
        destination,
        country,
        per_minute: read_price(per_minute).ok_or(InvalidRate::price("perMinute"))?,
        connection_fee: read_price(fee).ok_or(InvalidRate::price("connectionFee"))?,
        first_increment: read_seconds(first).ok_or(InvalidRate::increment("firstIncrement"))?,
        next_increment: read_seconds(next).ok_or(InvalidRate::increment("nextIncrement"))?,
        effective_from: read_instant(from)
            .ok_or(invalid("effectiveFrom", "expected a date such as 2025-01-01 or an instant"))?,
    };
    Ok((service, currency, rate))
}

/// Where the cells of a row are.
struct Places {
    columns: [Option<usize>; COLUMNS.len()],
    /// The cells of the header.
    headers: usize,
    /// Columns without a name.
    unnamed: Vec<usize>,
}

impl Places {
    /// Checks that a row has the cells that the header announces, and no others.
    fn check(&self, cells: &StringRecord) -> Result<(), String> {
        let beyond = self.unnamed.iter().copied().chain(self.headers..cells.len());
        let stray = beyond.filter_map(|place| cells.get(place)).find(|cell| !cell.is_empty());
        if let Some(stray) = stray {
            return Err(format!("{stray:?} is in a column without a name"));
        }
        let named = self.columns.iter().flatten().max().map_or(0, |last| last + 1);
        if cells.len() < named {
            return Err(format!("expected {named} cells, not {}", cells.len()));
        }
        Ok(())
    }
}

/// The text of a cell. Spreadsheets have texts that look like numbers as formulas: `="33"`, and long ones in parts, `="3"&"3"`.
fn text_of(cell: &str) -> Cow<'_, str> {
    formula_text(cell).map_or(cell.into(), Cow::Owned)
}

fn formula_text(cell: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = cell.strip_prefix('=')?;
    loop {
        rest = rest.strip_prefix('"')?;
        loop {
            let (part, after) = rest.split_once('"')?;
            text.push_str(part);
            rest = after;
            let Some(after) = rest.strip_prefix('"') else { break };
            text.push('"');
            rest = after;
        }
        if rest.is_empty() {
            return Some(text);
        }
        rest = rest.strip_prefix('&')?;
    }
}

/// No country code begins with zero, so that `00` before a number is not taken for a part of it.
fn read_prefix(text: &str) -> Option<Prefix> {
    let digits: String = text.strip_prefix('+').unwrap_or(text).split(' ').collect();
    Prefix::parse(&digits).ok().filter(|_| !digits.starts_with('0'))
}

fn read_price(text: &str) -> Option<Decimal> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| is_plain)
}

fn read_seconds(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn read_instant(text: &str) -> Option<Timestamp> {
    const DATE: usize = "2025-01-01".len();
    let midnight = || TimeZone::UTC.to_timestamp(text.parse::<Date>().ok()?.into()).ok();
    if text.len() <= DATE { midnight() } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom\n";
    const GOOD: &str = "userOut,33,France,FR,EUR,0.02,0,60,60,2025-01-01\n";

    /// The prefixes and prices of a table, in order.
    fn prices(table: &RateTable) -> Vec<(String, String)> {
        let rates = table.sections().flat_map(|(service, currency, _)| table.rates(service, currency, None));
        rates.map(|rate| (rate.prefix.to_string(), rate.per_minute.to_string())).collect()
    }

    #[test]
    fn a_bad_row_names_its_line_and_column() {
        for (bad, said) in [
            ("userOut,33-34,France,FR,EUR,0.02,0,60,60,2025-01-01", "prefix: expected 1 to 15 digits"),
            ("userOut,0033,France,FR,EUR,0.02,0,60,60,2025-01-01", "prefix: expected 1 to 15 digits"),
            ("userOut,++33,France,FR,EUR,0.02,0,60,60,2025-01-01", "prefix: expected 1 to 15 digits"),
            ("userOut,34,Spain,es,EUR,0.02,0,60,60,2025-01-01", "country: expected two capital letters"),
            ("userOut,34,Spain,ES,EUR,abc,0,60,60,2025-01-01", "perMinute: expected a price"),
            ("userOut,34,Spain,ES,EUR,1_0,0,60,60,2025-01-01", "perMinute: expected a price"),
            ("userOut,34,Spain,ES,EUR,-1,0,60,60,2025-01-01", "perMinute: expected a price"),
            ("userOut,34,Spain,ES,EUR,0.0000000000001,0,60,60,2025-01-01", "perMinute: expected a price"),
            ("userOut,34,Spain,ES,EUR,0.02,1000000,60,60,2025-01-01", "connectionFee: expected a price"),
            ("userOut,34,Spain,ES,EUR,0.02,0,0,60,2025-01-01", "firstIncrement: expected 1 to 3600"),
            ("userOut,34,Spain,ES,EUR,0.02,0,+60,60,2025-01-01", "firstIncrement: expected 1 to 3600"),
            ("userOut,34,Spain,ES,EUR,0.02,0,60,3601,2025-01-01", "nextIncrement: expected 1 to 3600"),
            ("userOut,34,Spain,ES,XYZ,0.02,0,60,60,2025-01-01", "currency: expected an ISO 4217"),
            ("fax,34,Spain,ES,EUR,0.02,0,60,60,2025-01-01", "service: expected tollFreeIn"),
            ("userOut,34,Spain,ES,EUR,0.02,0,60,60,soon", "effectiveFrom: expected a date"),
            ("userOut,34,Spain,ES,EUR,0.02,0,60,60,2025-13-01", "effectiveFrom: expected a date"),
            ("userOut,33,France,FR,EUR,0.03,0,60,60,2025-01-01", "prefix: line 2 has 33"),
            (
                "userOut,33,France,FR,EUR,0.03,0,60,60,2025-01-01T00:00:00Z\nuserOut,32,,,EUR,1,0,1,1,2025-01-01",
                "prefix: line 2 has 33",
            ),
            ("userOut,34,Spain", "expected 10 cells, not 3"),
            ("userOut,34,Spain,ES,EUR,0.02,0,60,60,2025-01-01,,new", "\"new\" is in a column without a name"),
        ] {
            let BadDecks { rows, more } = read(format!("{HEADER}{GOOD}{bad}\n").as_bytes()).unwrap_err();
            assert_eq!((rows.len(), rows[0].line, more), (1, 3, 0), "{bad}");
            assert!(rows[0].detail.starts_with(said), "{bad}: {}", rows[0].detail);
        }
    }

    #[test]
    fn a_bad_header_is_named() {
        for (header, said) in [
            ("service,prefix", "missing columns: destination, country"),
            (&HEADER.replace("perMinute", "price"), "price: expected columns of these names"),
            (&HEADER.replace("country", "prefix"), "prefix: two columns have this name"),
        ] {
            let problem = read(format!("{header}\nuserOut,33").as_bytes()).unwrap_err();
            assert_eq!(problem.rows[0].line, 1);
            assert!(problem.rows[0].detail.starts_with(said), "{problem}");
        }
    }

    #[test]
    fn the_first_bad_rows_are_named_and_the_others_counted() {
        let bad = "userOut,x,France,FR,EUR,0.02,0,60,60,2025-01-01\n".repeat(NAMED + 3);
        let problem = read(format!("{HEADER}{GOOD}{bad}{GOOD}").as_bytes()).unwrap_err();
        assert_eq!((problem.rows.len(), problem.more), (NAMED, 4));
        assert!(problem.to_string().ends_with("\nand 4 more bad rows"));
    }

    #[test]
    fn bytes_that_are_no_text_are_one_bad_row() {
        let deck = [HEADER.as_bytes(), b"userOut,33,Fran\xe7e,FR,EUR,0.02,0,60,60,2025-01-01\nx\n"].concat();
        let lines: Vec<_> = read(&deck[..]).unwrap_err().rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 3]);
    }

    #[test]
    fn decks_are_read_as_operators_have_them() {
        let same = [("33".to_owned(), "0.02".to_owned()), ("336".to_owned(), "0.0190".to_owned())];
        let row =
            |prefix: &str, price: &str| format!("userOut,{prefix},France,FR,EUR,{price},0,60,60,2025-01-01");
        let trailing =
            format!("{},\n{},\n{}\n,,,,,,,,,,\n", HEADER.trim(), row("+33 6", "0.0190"), row("33", "0.02"));
        for deck in [
            format!("{HEADER}{}\n{}", row("33", "0.02"), row("336", "0.0190")),
            format!("\u{feff}{HEADER}{}\r\n\r\n{}\r\n", row("336", "0.0190"), row(" 33 ", "0.02")),
            trailing,
            format!("{HEADER}{}\n{}", row("\"=\"\"33\"\"\"", "0.02"), row("=\"33\"&\"6\"", "0.0190")),
        ] {
            assert_eq!(prices(&read(deck.as_bytes()).unwrap()), same, "{deck}");
        }
    }

    #[test]
    fn a_formula_that_gives_a_text_is_this_text() {
        for (cell, text) in [
            ("=\"33\"", "33"),
            ("=\"a \"\"b\"\"&\"&\"c\"", "a \"b\"&c"),
            ("=33", "=33"),
            ("=\"33", "=\"33"),
            ("=\"3\"3\"", "=\"3\"3\""),
            ("", ""),
        ] {
            assert_eq!(text_of(cell), text);
        }
    }

    #[test]
    fn columns_are_named_and_missing_ones_fixed() {
        let names = "prefix=Dial Code,destination=Name,perMinute=Rate";
        let fixed = "service=userOut,country=,currency=EUR,connectionFee=0,firstIncrement=60,nextIncrement=60,effectiveFrom=2025-01-01";
        let decks = |decks: &[(&str, &str)]| {
            let mut all = Decks::new(names.parse().unwrap(), fixed.parse().unwrap());
            for (name, deck) in decks {
                all.add(name, deck.as_bytes());
            }
            all
        };
        let one = ("one.csv", "Name,Rate,Notes,Dial Code\nFrance,0.02,new,33\n");
        let with_currency = ("two.csv", "Name,Rate,currency,Dial Code\nFrance,0.03,USD,33\n");
        let both = decks(&[one, with_currency]);
        assert_eq!(both.ignored(), ["one.csv: Notes"]);
        let sections: Vec<_> =
            both.build().unwrap().sections().map(|(_, currency, rows)| (currency.code(), rows)).collect();
        assert_eq!(sections, [("EUR", 1), ("USD", 1)]);

        let problem = decks(&[one, ("two.csv", "Name,Rate,Dial Code\nSpain,x,34\nFrance,0.03,33")]).build();
        let expected = "two.csv, line 2: Rate: expected a price of zero or more, below a million, with at most 12 decimals, not \"x\"\n\
            two.csv, line 3: prefix: line 2 of one.csv has 33 with the same service, currency and effectiveFrom";
        assert_eq!(problem.unwrap_err().to_string(), expected);
    }
}
