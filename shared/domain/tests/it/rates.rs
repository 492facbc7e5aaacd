//! Looking up rates (S5).

use domain::usage::Number;
use domain::{RateTable, Service};

use crate::given::currency;

const HEADER: &str = "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom\n";

fn table(rows: &str) -> RateTable {
    rates::read(format!("{HEADER}{rows}").as_bytes()).unwrap()
}

fn find(table: &RateTable, number: &str, at: &str) -> Option<String> {
    let number = Number::parse(number).unwrap();
    table
        .find(Service::UserOut, &number, currency("EUR"), at.parse().unwrap())
        .map(|rate| rate.destination.clone())
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
