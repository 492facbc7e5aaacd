//! The files of `tests/data`, compared with the numbers in its README.

use std::collections::HashMap;
use std::path::Path;

use cdr::{Format, read};
use domain::usage::Service;
use domain::{Currency, UsageRecord};
use rust_decimal::Decimal;

fn sample(format: Format, name: &str, rate_all: bool) -> Vec<UsageRecord> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let rates = std::fs::File::open(root.join("infra/rates/sample.csv")).unwrap();
    let body = std::fs::read(root.join("tests/data").join(name)).unwrap();
    let rates = rates::read(rates).unwrap();
    let context = cdr::Context { currency: Currency::parse("EUR").unwrap(), rates: &rates, rate_all };
    read(format, &body, &context).unwrap().into_iter().map(|row| row.record.unwrap()).collect()
}

#[test]
fn rows_charged_and_sums_are_those_of_the_readme() {
    for (format, name, rows, charged, sum) in [
        (Format::Csv, "PSTN.calls.2026-11-20.csv", 25, 15, "18.2639"),
        (Format::Csv, "PSTN.calls.new-columns.csv", 5, 4, "1.4000"),
        (Format::Zip, "PSTN.calls.zip", 6, 4, "1.3400"),
        (Format::Graph, "graph-page.json", 15, 11, "4.3582"),
        (Format::Graph, "graph-documented-row.json", 1, 0, "0"),
    ] {
        let records = sample(format, name, false);
        let charges: Vec<Decimal> = records.iter().map(|record| record.charge.unwrap()).collect();
        assert_eq!(records.len(), rows, "{name}");
        assert_eq!(charges.iter().filter(|charge| !charge.is_zero()).count(), charged, "{name}");
        assert_eq!(charges.iter().sum::<Decimal>(), sum.parse().unwrap(), "{name}");
    }
}

#[test]
fn our_own_records_are_left_to_be_rated() {
    let records = sample(Format::Json, "records.json", false);
    assert_eq!(records.len(), 9);
    let rated: Vec<_> = records.iter().filter(|record| record.charge.is_some()).collect();
    assert_eq!(rated.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ["rec-0008"]);
}

#[test]
fn s2_a_call_in_both_reports_is_one_record() {
    let eur = Currency::parse("EUR").unwrap();
    let csv = sample(Format::Csv, "PSTN.calls.2026-11-20.csv", false);
    let by_key: HashMap<String, UsageRecord> =
        csv.into_iter().map(|record| (record.key().to_string(), record)).collect();
    let graph = sample(Format::Graph, "graph-page.json", false);
    let shared: Vec<&str> = graph
        .iter()
        .filter_map(|record| by_key.get(&record.key().to_string()).map(|other| (record, other)))
        .inspect(|(record, other)| assert_eq!(record.fingerprint(eur), other.fingerprint(eur)))
        .map(|(record, _)| record.id.as_str())
        .collect();
    assert_eq!(shared, ["66c164e7-c859-40d2-a844-c762939ae232", "851bec1e-de27-487c-9ce4-aa5f0b4702d2"]);
}

#[test]
fn the_documented_row_is_as_documented() {
    for rate_all in [false, true] {
        let records = sample(Format::Graph, "graph-documented-row.json", rate_all);
        let [row] = &records[..] else { panic!("one row") };
        assert_eq!((row.id.as_str(), row.service), ("9c4984c7-6c3c-427d-a30c-bd0b2eacee90", Service::TollIn));
        assert_eq!((row.charge, row.currency.map(Currency::code)), (Some(Decimal::ZERO), Some("USD")));
        assert_eq!(
            (row.started_at.to_string().as_str(), row.duration_seconds),
            ("2019-11-01T00:00:08Z", 219)
        );
    }
}

#[test]
fn the_report_has_one_premium_call_and_rate_all_leaves_zeroes_to_be_rated() {
    let name = "PSTN.calls.2026-11-20.csv";
    let premium = |records: &[UsageRecord]| -> Vec<String> {
        let premium = records.iter().filter(|record| record.service == Service::Premium);
        premium.map(|record| record.number.as_str().to_owned()).collect()
    };
    assert_eq!(premium(&sample(Format::Csv, name, false)), ["+3389970****"]);
    let all = sample(Format::Csv, name, true);
    assert_eq!(all.iter().filter(|record| record.charge.is_some_and(|charge| !charge.is_zero())).count(), 15);
    assert!(all.iter().any(|record| record.charge.is_none()));
    assert!(
        all.iter()
            .filter(|record| record.charge == Some(Decimal::ZERO))
            .all(|record| record.service == Service::TollIn)
    );
}
