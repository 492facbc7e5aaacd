//! Microsoft Graph pages.

use cdr::{Format, MAX_ROWS, ReadError, Row, WHOLE_RECORD};
use domain::Service;

use crate::{charge, only, problem, read_in, record, refused, refused_field, rows};

const GOOD: [(&str, &str); 13] = [
    ("id", "\"a\""),
    ("callId", "\"c\""),
    ("userId", "\"u\""),
    ("callType", "\"user_out\""),
    ("inventoryType", "\"Subscriber\""),
    ("calleeNumber", "\"+33123****\""),
    ("startDateTime", "\"2026-11-20T08:12:31.2589935Z\""),
    ("duration", "219"),
    ("charge", "0.1"),
    ("connectionCharge", "0.2"),
    ("currency", "\"EUR\""),
    ("licenseCapability", "\"MCOPSTNPP\""),
    ("usageCountryCode", "\"FR\""),
];

/// A page of one row: the good one with these values in place of its own. An empty value leaves the field out.
fn with(values: &[(&str, &str)]) -> String {
    let known = GOOD.iter().filter(|(name, _)| values.iter().all(|(other, _)| other != name));
    let fields: Vec<String> = known
        .chain(values)
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("\"{name}\": {value}"))
        .collect();
    format!("{{\"@odata.context\": \"x\", \"value\": [{{{}}}]}}", fields.join(", "))
}

fn read(code: &str, rate_all: bool, values: &[(&str, &str)]) -> Row {
    only(read_in(code, rate_all, Format::Graph, with(values).as_bytes()).unwrap())
}

#[test]
fn every_field_of_a_row() {
    let row = record(only(rows(Format::Graph, with(&[]))));
    assert_eq!((row.id.as_str(), row.revision, row.number.as_str()), ("a", 1, "+33123****"));
    assert_eq!(row.started_at.to_string(), "2026-11-20T08:12:31Z");
    assert_eq!((row.service, row.duration_seconds), (Service::UserOut, 219));
    assert_eq!(row.currency.map(domain::Currency::code), Some("EUR"));
    let texts = [row.call_id, row.user_id, row.plan, row.user_country];
    assert_eq!(texts.map(Option::unwrap), ["c", "u", "MCOPSTNPP", "FR"]);
    assert_eq!((row.cost_centre, row.hold_id), (None, None));
}

#[test]
fn s6_the_charge_is_the_exact_sum_rounded_once() {
    for (code, charge_text, fee, sum) in [
        ("EUR", "0.1", "0.2", "0.3"),
        ("EUR", "5E-2", "0", "0.05"),
        ("EUR", "1e+1", "5.0e-1", "10.5"),
        ("EUR", "0.06250", "0", "0.0625"),
        ("EUR", "0.00003", "0.00002", "0.0001"),
        ("EUR", "0.00015", "0", "0.0002"),
        ("EUR", "0.00004", "", "0"),
        ("EUR", "\"0.5\"", "null", "0.5"),
        ("EUR", "-0.5", "0.7", "0.2"),
        ("JPY", "1.005", "0", "1.01"),
        ("KWD", "0.123455", "0.1", "0.22346"),
        ("EUR", "0.1000000000000000055", "0", "0.1"),
    ] {
        let currency = format!("\"{code}\"");
        // A row that names no currency has the account's.
        for (account, currency) in [(code, "null"), ("USD", currency.as_str())] {
            let values = [("charge", charge_text), ("connectionCharge", fee), ("currency", currency)];
            let record = record(read(account, false, &values));
            assert_eq!(charge(&record).as_deref(), Some(sum), "{charge_text} + {fee} {code}");
        }
    }
}

#[test]
fn a_charge_of_zero_is_no_charge_or_to_be_rated() {
    for (call_type, charge_text, with_rate_all) in [
        ("\"user_out\"", "0.00", None),
        ("\"conf_in\"", "0E0", None),
        ("\"never_seen\"", "0", None),
        ("\"user_in\"", "0.00", Some("0")),
        ("\"User_In\"", "0.00", Some("0")),
        ("\"user_out\"", "0.00001", Some("0")),
        ("\"user_in\"", "0.5", Some("0.5")),
    ] {
        let values = [("callType", call_type), ("charge", charge_text), ("connectionCharge", "0")];
        let plain = record(read("EUR", false, &values));
        assert!(plain.charge.is_some(), "{call_type} {charge_text}");
        let rated = record(read("EUR", true, &values));
        assert_eq!(charge(&rated).as_deref(), with_rate_all, "{call_type} {charge_text}");
    }
}

#[test]
fn call_types_are_services() {
    use Service::{ConferenceOut, Premium, TollFreeIn, TollIn, UserOut};
    let premium = "\"+33899701234\"";
    let ordinary = "\"+33123456789\"";
    for (call_type, number_type, number, service) in [
        ("user_in", "TollFree", premium, TollIn),
        ("user_out", "Subscriber", ordinary, UserOut),
        ("user_out", "Subscriber", premium, Premium),
        ("user_out_transfer", "Subscriber", premium, Premium),
        ("user_out_forwarding", "Subscriber", premium, Premium),
        ("ucap_out", "Service", premium, Premium),
        ("ucap_out", "TollFree", ordinary, UserOut),
        ("user_out_conf", "Toll", premium, ConferenceOut),
        ("conf_out", "Toll", premium, ConferenceOut),
        ("CONF_OUT", "Toll", ordinary, ConferenceOut),
        ("conf_in", "Toll", ordinary, TollIn),
        ("conf_in", "TollFree", ordinary, TollFreeIn),
        ("ucap_in", "Toll-Free (shared)", ordinary, TollFreeIn),
        ("unassigned_in", "Service toll free", premium, TollFreeIn),
        ("unassigned_in", "", ordinary, TollIn),
        // Unknown call types.
        ("user_out_of_band", "Subscriber", ordinary, UserOut),
        ("userOut", "Subscriber", premium, Premium),
        ("route_in", "Toll", ordinary, TollIn),
        ("bot", "TollFree", ordinary, TollFreeIn),
    ] {
        let (call_type_json, number_type_json) = (format!("\"{call_type}\""), format!("\"{number_type}\""));
        let values = [
            ("callType", call_type_json.as_str()),
            ("inventoryType", number_type_json.as_str()),
            ("calleeNumber", number),
        ];
        assert_eq!(record(read("EUR", false, &values)).service, service, "{call_type} {number_type}");
    }
    let dollars = [("calleeNumber", premium), ("currency", "\"USD\"")];
    assert_eq!(record(read("EUR", false, &dollars)).service, UserOut, "there is no premium rate in dollars");
}

#[test]
fn what_is_absent_null_or_empty_is_none() {
    for value in ["", "null", "\"\"", "\" \""] {
        let names = ["callId", "userId", "calleeNumber", "licenseCapability", "usageCountryCode", "currency"];
        let row = record(read("EUR", false, &names.map(|name| (name, value))));
        assert_eq!((row.call_id, row.user_id, row.plan, row.user_country), (None, None, None, None));
        assert_eq!((row.number.as_str(), row.currency), ("", None));
    }
    let unknown_country = record(read("EUR", false, &[("usageCountryCode", "\"Other\"")]));
    assert_eq!(unknown_country.user_country, None);
}

#[test]
fn s3_a_bad_row_names_its_field() {
    let long = |chars| format!("\"{}\"", "x".repeat(chars));
    let (long_129, long_65) = (long(129), long(65));
    for (name, value, said) in [
        ("id", "\"a b\"", "visible ASCII"),
        ("id", "", "visible ASCII"),
        ("callId", &long_129, "at most 128"),
        ("userId", &long_129, "at most 128"),
        ("userId", "[1]", "a string or a number"),
        ("licenseCapability", &long_65, "at most 64"),
        ("callType", "null", "call type"),
        ("calleeNumber", &long_65, "at most 64"),
        ("startDateTime", "\"soon\"", "instant"),
        ("startDateTime", "\"2026-11-20\"", "instant"),
        ("startDateTime", "null", "instant"),
        ("startDateTime", "\"1998-01-01T00:00:00Z\"", "after the year 1999"),
        ("duration", "1.5", "whole seconds"),
        ("duration", "-1", "whole seconds"),
        ("duration", "3000000", "whole seconds"),
        ("duration", "true", "a string or a number"),
        ("charge", "null", "an amount"),
        ("charge", "", "an amount"),
        ("charge", "\"free\"", "an amount"),
        ("charge", "-1", "zero or more"),
        ("charge", "1E20", "below"),
        ("charge", "79228162514264337593543950335", "below"),
        ("charge", "1e-300", "an amount"),
        ("connectionCharge", "\"none\"", "an amount"),
        ("currency", "\"EURO\"", "ISO 4217"),
    ] {
        let row = read("EUR", false, &[(name, value)]);
        assert!(row.id.is_some() || value.is_empty(), "{name} {value}");
        let problem = problem(row);
        assert_eq!(problem.field, name, "{value}: {problem}");
        assert!(problem.detail.contains(said), "{name} {value}: {problem}");
    }
    let twice = problem(only(rows(Format::Graph, with(&[("charge", "1, \"charge\": 2")]))));
    assert_eq!(twice.to_string(), "charge: given twice");
    let page = rows(Format::Graph, r#"{"value": [null, "x"]}"#);
    assert!(page.into_iter().all(|row| problem(row).field == WHOLE_RECORD));
}

#[test]
fn a_page_that_is_none_is_refused() {
    for body in [r#"{"records": []}"#, r#"{"value": 1}"#, r#"{"value": null}"#, "[]", "7"] {
        assert_eq!(refused_field(Format::Graph, body), "value", "{body}");
    }
    assert!(matches!(refused(Format::Graph, "{\"value\": [}"), ReadError::Unreadable { .. }));
    assert_eq!(rows(Format::Graph, r#"{"value": [], "@odata.nextLink": "y"}"#), []);
}

#[test]
fn s3_twenty_thousand_rows_and_no_more() {
    let of = |count: usize| format!("{{\"value\": [{}]}}", vec!["0"; count].join(","));
    assert_eq!(rows(Format::Graph, of(MAX_ROWS)).len(), MAX_ROWS);
    let problem = refused(Format::Graph, of(MAX_ROWS + 1));
    assert_eq!(problem, ReadError::TooMany { limit: MAX_ROWS, found: MAX_ROWS + 1 });
}
