//! Looking up rates (S5).

use domain::rate::{Prefix, Rate, RateFileError, RateTableBuilder};
use domain::usage::Number;
use domain::{Currency, RateTable, Service};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::given::currency;

const HEADER: &str = "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom\n";

fn table(rows: &str) -> RateTable {
    rates::read(format!("{HEADER}{rows}").as_bytes()).unwrap()
}

fn find(table: &RateTable, number: &str, at: &str) -> Option<String> {
    let number = Number::parse(number).unwrap();
    table
        .find(Service::UserOut, &number, currency("EUR"), at.parse().unwrap())
        .map(|rate| rate.destination.to_owned())
}

#[test]
fn s5_the_longest_prefix_in_force_at_the_start_of_the_call_is_found() {
    let mut rows = [
        "userOut,33,France,FR,EUR,0.02,0,60,60,2025-01-01\n",
        "userOut,33,France 2026,FR,EUR,0.03,0,60,60,2026-01-01T00:00:00Z\n",
        "userOut,336,France mobile,FR,EUR,0.1,0,60,60,20260601\n",
        "userOut,4,Not France,,EUR,0.02,0,60,60,2025-01-01\n",
        "userOut,33,France in dollars,FR,USD,0.02,0,60,60,2025-01-01\n",
        "premium,33,Premium,FR,EUR,9,0,60,60,2025-01-01\n",
    ];
    let in_order = table(&rows.concat());
    rows.reverse();
    let reversed = table(&rows.concat());
    for (number, at, destination) in [
        ("+33123", "2025-01-01T00:00:00Z", Some("France")),
        ("+33123", "2024-12-31T23:59:59Z", None),
        ("+33123", "2026-01-01T00:00:00Z", Some("France 2026")),
        ("+33612", "2026-06-01T00:00:00Z", Some("France mobile")),
        ("+33612", "2026-05-31T00:00:00Z", Some("France 2026")),
        ("+336**", "2026-07-01T00:00:00Z", Some("France mobile")),
        ("+33***", "2026-07-01T00:00:00Z", Some("France 2026")),
        ("+34123", "2026-07-01T00:00:00Z", None),
    ] {
        assert_eq!(find(&in_order, number, at).as_deref(), destination, "{number} {at}");
        assert_eq!(find(&reversed, number, at).as_deref(), destination, "{number} {at}, rows reversed");
    }
}

#[test]
fn a_number_is_premium_if_its_premium_prefix_is_longer() {
    let table = table(
        "userOut,33,France,FR,EUR,0.02,0,60,60,2025-01-01\n\
         premium,33,France,FR,EUR,0.02,0,60,60,2025-01-01\n\
         premium,3389,France premium,FR,EUR,2,0,60,60,2025-01-01\n",
    );
    let eur = currency("EUR");
    let is = |number| {
        table.is_premium(&Number::parse(number).unwrap(), eur, "2026-01-01T00:00:00Z".parse().unwrap())
    };
    assert!(is("+33899000000"));
    assert!(!is("+33123456789"));
    assert!(!is("+49123456789"));
}

/// A row of a random price list. Its destination is its place in the list.
#[derive(Clone, Debug)]
struct Row {
    service: Service,
    currency: Currency,
    prefix: String,
    price: Decimal,
    increment: u32,
    effective_from: Timestamp,
    destination: String,
}

fn day(day: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * day)
}

/// Few digits and days, so that prefixes cover each other and dates meet.
fn row() -> impl Strategy<Value = Row> {
    let service = prop::sample::select(vec![Service::UserOut, Service::Premium]);
    let currency = prop::sample::select(vec![currency("EUR"), currency("JPY")]);
    let price =
        (0..999_999_u32, 0..=12_u32).prop_map(|(digits, decimals)| Decimal::new(digits.into(), decimals));
    (service, currency, "[03]{1,5}|[0-9]{1,15}", price, 1..=3600_u32, -3..4_i64).prop_map(
        |(service, currency, prefix, price, increment, from)| Row {
            service,
            currency,
            prefix,
            price,
            increment,
            effective_from: day(from),
            destination: String::new(),
        },
    )
}

/// A price list without two rows that take effect at once.
fn list() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(row(), 0..60).prop_map(|mut rows| {
        let key = |row: &Row| (row.service, row.currency.code(), row.prefix.clone(), row.effective_from);
        rows.sort_by_key(key);
        rows.dedup_by_key(|row| key(row));
        for (place, row) in rows.iter_mut().enumerate() {
            row.destination = place.to_string();
        }
        rows
    })
}

fn rate(row: &Row) -> Rate<'_> {
    Rate {
        prefix: Prefix::parse(&row.prefix).unwrap(),
        destination: &row.destination,
        country: if row.increment.is_multiple_of(2) { "FR" } else { "" },
        per_minute: row.price,
        connection_fee: row.price,
        first_increment: row.increment,
        next_increment: row.increment,
        effective_from: row.effective_from,
    }
}

fn built<'a>(rows: impl IntoIterator<Item = &'a Row>) -> RateTable {
    let mut builder = RateTableBuilder::default();
    for row in rows {
        builder.add(row.service, row.currency, &rate(row)).unwrap();
    }
    builder.build().unwrap()
}

/// What [`RateTable::find`] must give, found by looking at every row.
fn found_in<'a>(
    rows: &'a [Row],
    service: Service,
    digits: &str,
    currency: Currency,
    at: Timestamp,
) -> Option<Rate<'a>> {
    let candidates = rows.iter().filter(|row| {
        (row.service, row.currency) == (service, currency)
            && digits.starts_with(&row.prefix)
            && row.effective_from <= at
    });
    candidates.max_by_key(|row| (row.prefix.len(), row.effective_from)).map(rate)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn s5_a_look_up_finds_what_a_look_at_every_row_finds(
        rows in list(),
        numbers in prop::collection::vec(("[03]{1,6}|[0-9]{1,15}", 0..5_usize), 1..20),
    ) {
        let table = built(&rows);
        table.verify().unwrap();
        let reopened = RateTable::open(table.as_bytes().to_vec()).unwrap();
        let reversed = built(rows.iter().rev());
        prop_assert_eq!(reversed.as_bytes(), table.as_bytes());
        // The prefixes themselves, and numbers one digit longer, are the interesting ones.
        let near = rows.iter().flat_map(|row| [(row.prefix.clone(), 0), (format!("{}3", row.prefix), 0)]);
        for (digits, masked) in numbers.into_iter().chain(near) {
            let masked = masked.min(15_usize.saturating_sub(digits.len()));
            let Ok(number) = Number::parse(&format!("+{digits}{}", "*".repeat(masked))) else { continue };
            for (service, currency) in rows.iter().map(|row| (row.service, row.currency)).take(2) {
                for at in (-4..5).map(day) {
                    let expected = found_in(&rows, service, &digits, currency, at);
                    prop_assert_eq!(table.find(service, &number, currency, at), expected);
                    prop_assert_eq!(reopened.find(service, &number, currency, at), expected);
                }
            }
        }
    }

    #[test]
    fn a_table_lists_every_row_in_order(rows in list(), from in "[0-9]{1,3}") {
        let table = built(&rows);
        let from = Prefix::parse(&from).unwrap();
        let mut count = 0;
        for (service, currency, section_rows) in table.sections() {
            let mut expected: Vec<_> =
                rows.iter().filter(|row| (row.service, row.currency) == (service, currency)).map(rate).collect();
            expected.sort_by_key(|rate| (rate.prefix.to_string(), rate.effective_from));
            let listed: Vec<_> = table.rates(service, currency, None).collect();
            prop_assert_eq!(&listed, &expected);
            prop_assert_eq!(listed.len(), section_rows);
            expected.retain(|rate| rate.prefix >= from);
            prop_assert_eq!(table.rates(service, currency, Some(from)).collect::<Vec<_>>(), expected);
            count += section_rows;
        }
        prop_assert_eq!(count, rows.len());
    }

    #[test]
    fn a_damaged_rate_file_never_panics(
        rows in list(),
        length in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..8),
        number in "[03]{1,6}|[0-9]{1,15}",
    ) {
        let table = built(&rows);
        let bytes = table.as_bytes();
        let cut = RateTable::open(bytes[..length.index(bytes.len())].to_vec());
        let is_refused = matches!(cut, Err(RateFileError::Foreign | RateFileError::Length { .. }));
        prop_assert!(is_refused);

        let mut flipped = bytes.to_vec();
        for (place, mask) in flips {
            flipped[place.index(bytes.len())] ^= mask;
        }
        let is_same = flipped == bytes;
        let Ok(damaged) = RateTable::open(flipped) else { return Ok(()) };
        prop_assert_eq!(damaged.verify().is_ok(), is_same);
        let number = Number::parse(&format!("+{number}")).unwrap();
        let at_most = u64::MAX / 4;
        for (service, currency, _) in damaged.sections() {
            for rate in damaged.rates(service, currency, None).chain(damaged.find(service, &number, currency, day(1))) {
                let seconds = rate.billed_seconds(u32::MAX);
                prop_assert!(seconds < at_most);
                let _ = rate.charge(rate.billed_seconds(domain::usage::MAX_DURATION_SECONDS), 0, currency);
            }
        }
    }
}

#[test]
fn a_file_of_another_kind_or_version_is_refused() {
    let table = table("userOut,33,France,FR,EUR,0.02,0,60,60,2025-01-01\n");
    let altered = |place: usize, byte: u8| {
        let mut bytes = table.as_bytes().to_vec();
        bytes[place] = byte;
        RateTable::open(bytes).unwrap_err().to_string()
    };
    assert_eq!(
        altered(0, b'c'),
        "the rate file does not begin as one does; `cargo xtask rates` makes one from CSV"
    );
    assert_eq!(
        altered(8, 2),
        "the rate file has version 2 of the layout, not 1; make it anew with `cargo xtask rates`"
    );
    let longer = [table.as_bytes(), b"x"].concat();
    let [expected, found] = [table.as_bytes(), &longer].map(<[u8]>::len);
    assert_eq!(
        RateTable::open(longer).unwrap_err().to_string(),
        format!("the rate file has {found} bytes, not {expected}")
    );
    // The first section's service.
    assert_eq!(altered(48, 9), "the rate file is damaged");
}
