//! Look-ups a second, start and memory of a rate file, beside a plain hash map and a sorted slice: `cargo xtask bench --rates`.
//!
//! The price list is made up, always the same one: 60,000 rows for each service and currency, with prefixes as deep as those of
//! operators. Each structure looks up the same numbers in turn, and each figure is the median of the rounds. It fails on no
//! figure, since other programs share the machine.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "rates and times, not money")]

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use domain::rate::Rate;
use domain::usage::Number;
use domain::{Currency, RateTable, Service};
use jiff::Timestamp;
use rates::PublishedRates;
use rust_decimal::Decimal;

/// The rows of a service in a currency.
const ROWS: usize = 60_000;
/// The numbers that are looked up, over and over.
const NUMBERS: usize = 1 << 14;
/// The rounds, of which each figure is the median.
const ROUNDS: usize = 7;
/// The length of a round.
const ROUND: Duration = Duration::from_millis(300);

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    println!(
        "look-ups on one core, median of {ROUNDS} rounds of {ROUND:?}; start to the first answer, files in the page cache"
    );
    compare(folder.path(), &[Service::UserOut], &["EUR"]);
    compare(folder.path(), &Service::ALL, &["EUR", "JPY", "USD"]);
}

/// Prints a table of the three structures for a price list of these services and currencies.
fn compare(folder: &Path, services: &[Service], currencies: &[&str]) {
    let currencies: Vec<_> =
        currencies.iter().map(|code| Currency::parse(code).expect("a currency")).collect();
    let prefixes = prefixes();
    let deck = deck(&prefixes, services, &currencies);
    let calls = calls(&prefixes, services, &currencies);
    let rows = ROWS * services.len() * currencies.len();
    let (table, build) = timed(|| rates::read(deck.as_bytes()).expect("a valid deck"));
    let path = folder.join("rates.bin");
    fs::write(&path, table.as_bytes()).expect("the file can be written");
    println!("\n{rows} rows; cargo xtask rates would take {:.1} s", build.as_secs_f64());
    println!("              million/s   x slice     start ms   bytes/row");

    let opening = median((0..101).map(|_| first_answer(&path, &calls[0])).collect());
    let published = PublishedRates::open(&path).expect("the file is there");
    let file = published.get().expect("a rate file");
    let start = memory();
    let (map, of_map) = timed(|| HashedRates::of(&rates::read(deck.as_bytes()).expect("a valid deck")));
    let with_map = memory();
    let (slice, of_slice) = timed(|| SortedRates::of(&rates::read(deck.as_bytes()).expect("a valid deck")));
    let with_slice = memory();

    let mut speeds = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        speeds[0].push(speed(&calls, |call| {
            file.find(call.service, &call.number, call.currency, call.at).map(|rate| rate.per_minute)
        }));
        speeds[1].push(speed(&calls, |call| map.find(call)));
        speeds[2].push(speed(&calls, |call| slice.find(call)));
    }
    for call in &calls {
        let found = file.find(call.service, &call.number, call.currency, call.at).map(|rate| rate.per_minute);
        assert_eq!((found, found), (map.find(call), slice.find(call)), "all find the same");
    }
    let [of_file, by_map, by_slice] = speeds.map(median_of);
    let bytes = table.as_bytes().len();
    let line = |name: &str, speed: f64, start: Duration, bytes: usize| {
        let (times, start, bytes) = (speed / by_slice, start.as_secs_f64() * 1e3, bytes as f64 / rows as f64);
        println!("{name:<12} {:>10.2} {times:>9.1} {start:>12.3} {bytes:>11.0}", speed / 1e6);
    };
    line("rate file", of_file, opening, bytes);
    line("hash map", by_map, of_map, with_map - start);
    line("sorted slice", by_slice, of_slice, with_slice - with_map);
}

/// A call to look up.
struct Call {
    service: Service,
    currency: Currency,
    number: Number,
    at: Timestamp,
}

/// Distinct prefixes: country codes, and within them digits that go deeper and deeper. Country codes begin with the same digits
/// as real ones do, and have as many.
fn prefixes() -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(33);
    let codes: Vec<_> = ["1", "7", "20", "27", "30", "33", "39", "44", "49", "61", "81", "86", "91"]
        .into_iter()
        .map(str::to_owned)
        .chain((210..=299).chain(350..=389).chain(500..=599).chain(670..=692).map(|code| code.to_string()))
        .collect();
    let mut all: Vec<_> = codes.clone();
    let mut known: HashSet<_> = codes.into_iter().collect();
    while all.len() < ROWS {
        // A prefix of any depth gets a child, so a few are deep and most have five to eight digits.
        let parent = &all[random.usize(..all.len())];
        let longer = (0..random.usize(1..=3)).fold(parent.clone(), |prefix, _| prefix + digit(&mut random));
        if longer.len() <= 11 && known.insert(longer.clone()) {
            all.push(longer);
        }
    }
    all
}

fn digit(random: &mut fastrand::Rng) -> &'static str {
    ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"][random.usize(..10)]
}

/// One row for each prefix, and for one in ten the row of an earlier date too, in place of another prefix.
fn deck(prefixes: &[String], services: &[Service], currencies: &[Currency]) -> String {
    let mut random = fastrand::Rng::with_seed(44);
    let mut deck = "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom\n".to_owned();
    let rows = ROWS * 10 / 11;
    for (service, currency) in
        services.iter().flat_map(|service| currencies.iter().map(move |currency| (service, currency)))
    {
        let mut written = 0;
        for (place, prefix) in prefixes.iter().enumerate().take(rows + 1) {
            let dates: &[&str] =
                if place % 10 == 0 { &["2025-01-01", "2026-01-01"] } else { &["2025-01-01"] };
            for date in dates.iter().take(ROWS - written) {
                let (price, destination) =
                    (random.u32(10..5_000), prefix.chars().take(4).collect::<String>());
                writeln!(
                    deck,
                    "{},{prefix},Destination {destination},FR,{currency},0.{price:04},0.0000,60,60,{date}",
                    service.as_str()
                )
                .expect("a text can be written to");
                written += 1;
            }
        }
    }
    deck
}

/// Numbers below random prefixes.
fn calls(prefixes: &[String], services: &[Service], currencies: &[Currency]) -> Vec<Call> {
    let mut random = fastrand::Rng::with_seed(55);
    let call = |_| {
        let mut number = format!("+{}", prefixes[random.usize(..prefixes.len())]);
        while number.len() < 12 {
            number += digit(&mut random);
        }
        Call {
            service: services[random.usize(..services.len())],
            currency: currencies[random.usize(..currencies.len())],
            number: Number::parse(&number).expect("a number"),
            at: "2026-11-20T08:00:00Z".parse().expect("an instant"),
        }
    };
    (0..NUMBERS).map(call).collect()
}

/// A rate that owns its texts.
struct Owned {
    effective_from: Timestamp,
    per_minute: Decimal,
    _destination: String,
    _country: String,
    _terms: (Decimal, u32, u32),
}

impl Owned {
    fn of(rate: &Rate<'_>) -> Self {
        Self {
            effective_from: rate.effective_from,
            per_minute: rate.per_minute,
            _destination: rate.destination.to_owned(),
            _country: rate.country.to_owned(),
            _terms: (rate.connection_fee, rate.first_increment, rate.next_increment),
        }
    }
}

/// A plain hash map: it is asked for each prefix of the number, longest first.
struct HashedRates(HashMap<(Service, Currency), HashMap<String, Vec<Owned>>>);

impl HashedRates {
    fn of(table: &RateTable) -> Self {
        let mut sections = HashMap::<_, HashMap<_, Vec<_>>>::new();
        for (service, currency, _) in table.sections() {
            let section = sections.entry((service, currency)).or_default();
            for rate in table.rates(service, currency, None) {
                section.entry(rate.prefix.to_string()).or_default().push(Owned::of(&rate));
            }
        }
        Self(sections)
    }

    fn find(&self, call: &Call) -> Option<Decimal> {
        let (section, digits) = (self.0.get(&(call.service, call.currency))?, call.number.e164_digits()?);
        (1..=digits.len()).rev().find_map(|length| {
            let rates = section.get(&digits[..length])?;
            rates.iter().rev().find(|rate| rate.effective_from <= call.at).map(|rate| rate.per_minute)
        })
    }
}

/// A sorted slice: it is searched for each prefix of the number, longest first. This is how rates were found before.
struct SortedRates(HashMap<(Service, Currency), Vec<(String, Owned)>>);

impl SortedRates {
    fn of(table: &RateTable) -> Self {
        let rates = |(service, currency, _)| {
            let rates = table.rates(service, currency, None);
            ((service, currency), rates.map(|rate| (rate.prefix.to_string(), Owned::of(&rate))).collect())
        };
        Self(table.sections().map(rates).collect())
    }

    fn find(&self, call: &Call) -> Option<Decimal> {
        let (rates, digits) = (self.0.get(&(call.service, call.currency))?, call.number.e164_digits()?);
        (1..=digits.len()).rev().find_map(|length| {
            let prefix = &digits[..length];
            let later = rates
                .partition_point(|(other, rate)| (other.as_str(), rate.effective_from) <= (prefix, call.at));
            rates[..later].last().filter(|(other, _)| other == prefix).map(|(_, rate)| rate.per_minute)
        })
    }
}

/// Opens the file and finds one rate.
fn first_answer(path: &Path, call: &Call) -> Duration {
    let (found, took) = timed(|| {
        let rates = PublishedRates::open(path).expect("the file is there");
        rates.get().expect("a rate file").find(call.service, &call.number, call.currency, call.at).is_some()
    });
    assert!(found);
    took
}

/// The time that this thread has had a core, which leaves out the time that other programs had it.
fn on_core() -> Duration {
    let status = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux has it");
    let nanoseconds = status.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a number of nanoseconds"))
}

/// The look-ups of a second on a core.
fn speed(calls: &[Call], find: impl Fn(&Call) -> Option<Decimal>) -> f64 {
    let (begun, mut count) = (on_core(), 0_u32);
    while on_core().saturating_sub(begun) < ROUND {
        for call in &calls[count as usize % NUMBERS..][..NUMBERS / 16] {
            black_box(find(black_box(call)));
        }
        count += u32::try_from(NUMBERS / 16).expect("a part of the numbers");
    }
    f64::from(count) / on_core().saturating_sub(begun).as_secs_f64()
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    (work(), begun.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn median_of(mut speeds: Vec<f64>) -> f64 {
    speeds.sort_by(f64::total_cmp);
    speeds[speeds.len() / 2]
}

/// The bytes of memory that this process holds.
fn memory() -> usize {
    const PAGE_BYTES: usize = 4096;
    let status = fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages = status.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("a number of pages") * PAGE_BYTES
}
