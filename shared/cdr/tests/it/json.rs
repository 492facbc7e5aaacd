//! Records in the API's own format.

use cdr::{Format, MAX_RECORDS, ReadError, WHOLE_RECORD, read_message};
use domain::Service;

use crate::{charge, currency, only, problem, record, refused, refused_field, rows};

const GOOD: &str = r#""id": "a", "service": "userOut", "number": "+33123456789", "startedAt": "2026-11-20T08:12:31Z", "durationSeconds": 60"#;

/// A request of one record: the good one with these fields in place of its own, or in addition.
fn with(fields: &str) -> String {
    let replaced = |name: &str| fields.contains(&format!("\"{name}\":"));
    let kept: Vec<&str> = GOOD
        .split(", ")
        .filter(|field| !replaced(field.split('"').nth(1).unwrap()))
        .chain((!fields.is_empty()).then_some(fields))
        .collect();
    format!(r#"{{"records": [{{{}}}]}}"#, kept.join(", "))
}

#[test]
fn every_field_of_a_record() {
    let all = record(only(rows(
        Format::Json,
        with(
            r#""startedAt": "2026-11-20T09:12:31.9999999+01:00", "revision": 2, "callId": "c", "userId": "u",
               "charge": "0.12340", "currency": "EUR", "plan": "MCOPSTN1", "userCountry": "fr",
               "costCentre": "sales", "holdId": "h""#,
        ),
    )));
    assert_eq!((all.id.as_str(), all.revision, all.service), ("a", 2, Service::UserOut));
    assert_eq!((all.number.as_str(), all.duration_seconds), ("+33123456789", 60));
    assert_eq!(all.started_at.to_string(), "2026-11-20T08:12:31Z", "UTC, cut to the second");
    assert_eq!((charge(&all).as_deref(), all.currency), (Some("0.12340"), Some(currency("EUR"))));
    let texts = [all.call_id, all.user_id, all.plan, all.user_country, all.cost_centre, all.hold_id];
    assert_eq!(texts.map(Option::unwrap), ["c", "u", "MCOPSTN1", "FR", "sales", "h"]);
}

#[test]
fn what_is_optional_may_be_absent_null_or_empty() {
    let least = record(only(rows(Format::Json, with(""))));
    assert_eq!((least.revision, least.charge, least.currency), (1, None, None));
    let nulls = with(r#""revision": null, "callId": "", "charge": null, "currency": null, "plan": null"#);
    assert_eq!(record(only(rows(Format::Json, nulls))), least);
    let currency_alone = record(only(rows(Format::Json, with(r#""currency": "USD""#))));
    assert_eq!((currency_alone.currency, currency_alone.charge), (Some(currency("USD")), None));
}

#[test]
fn s4_whole_numbers_names_and_uuids_are_read_as_in_reports() {
    let plain = record(only(rows(Format::Json, with(r#""durationSeconds": 60, "revision": 2"#))));
    let floats = with(r#""durationSeconds": 60.0, "revision": 2.00, "userId": "None", "callId": "null""#);
    assert_eq!(record(only(rows(Format::Json, floats))), plain);
    let of = |id: &str| record(only(rows(Format::Json, with(&format!(r#""id": "{id}""#))))).key();
    let uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";
    assert_eq!(of(&uuid.to_ascii_uppercase()), of(uuid));
    assert_ne!(of("REC-A"), of("rec-a"));
}

#[test]
fn s2_a_record_of_ours_names_its_service() {
    for service in ["userOut", "premium"] {
        let record = record(only(rows(Format::Json, with(&format!(r#""service": "{service}""#)))));
        assert!(!record.service_by_rates, "{service}");
    }
}

#[test]
fn s3_a_bad_record_names_its_first_bad_field_and_keeps_its_id() {
    let long = |name: &str, chars| format!(r#""{name}": "{}""#, "é".repeat(chars));
    for (fields, field, said) in [
        (r#""colour": 1"#.into(), "colour", "unknown field"),
        (r#""plan": "a", "plan": "a""#.into(), "plan", "twice"),
        (r#""revision": 0"#.into(), "revision", "whole number from 1"),
        (r#""revision": "1""#.into(), "revision", "whole number from 1"),
        (r#""callId": 5"#.into(), "callId", "string"),
        (long("callId", 129), "callId", "at most 128"),
        (long("userId", 129), "userId", "at most 128"),
        (long("plan", 65), "plan", "at most 64"),
        (long("costCentre", 65), "costCentre", "at most 64"),
        (long("holdId", 65), "holdId", "at most 64"),
        (r#""service": "fax""#.into(), "service", "tollFreeIn, tollIn"),
        (r#""service": null"#.into(), "service", "missing"),
        (r#""number": "0123""#.into(), "number", "E.164"),
        (r#""number": """#.into(), "number", "E.164"),
        (r#""startedAt": "2026-11-20T08:12:31""#.into(), "startedAt", "offset"),
        (r#""startedAt": "2026-11-20""#.into(), "startedAt", "offset"),
        (r#""startedAt": "2026-13-20T08:12:31Z""#.into(), "startedAt", "offset"),
        (r#""startedAt": "1999-12-31T23:59:59Z""#.into(), "startedAt", "after the year 1999"),
        (r#""startedAt": "9999-12-30T21:00:00Z""#.into(), "startedAt", "after the year 1999"),
        (r#""startedAt": 1795161151"#.into(), "startedAt", "string"),
        (r#""startedAt": "\ud800""#.into(), "startedAt", "string"),
        (r#""durationSeconds": -1"#.into(), "durationSeconds", "from 0 to 2678400"),
        (r#""durationSeconds": 1.5"#.into(), "durationSeconds", "whole number"),
        (r#""durationSeconds": 60.01"#.into(), "durationSeconds", "whole number"),
        (r#""durationSeconds": 6e1"#.into(), "durationSeconds", "whole number"),
        (r#""durationSeconds": "60""#.into(), "durationSeconds", "whole number"),
        (r#""durationSeconds": 2678401"#.into(), "durationSeconds", "whole number"),
        (r#""durationSeconds": 99999999999"#.into(), "durationSeconds", "whole number"),
        (r#""charge": 0.1234"#.into(), "charge", "expected a string such as \"0.1234\""),
        (r#""charge": "-1""#.into(), "charge", "zero or more"),
        (r#""charge": "1e2""#.into(), "charge", "string such as"),
        (r#""charge": "0,5""#.into(), "charge", "string such as"),
        (r#""charge": """#.into(), "charge", "string such as"),
        (r#""currency": "eur""#.into(), "currency", "ISO 4217"),
        (r#""currency": "XAU""#.into(), "currency", "ISO 4217"),
        (r#""userCountry": "FRA""#.into(), "userCountry", "two letters"),
        (r#""userCountry": "F1""#.into(), "userCountry", "two letters"),
        (r#""holdId": {"a": 1}"#.into(), "holdId", "string"),
        (r#""plan": 1, "revision": -1"#.into(), "revision", "whole number"),
    ] {
        let row = only(rows(Format::Json, with(&fields)));
        assert_eq!(row.id.as_deref(), Some("a"), "{fields}");
        let problem = problem(row);
        assert_eq!(problem.field, field, "{fields}");
        assert!(problem.detail.contains(said), "{fields}: {problem}");
    }
}

#[test]
fn a_missing_field_is_named() {
    for name in ["id", "service", "number", "startedAt", "durationSeconds"] {
        let kept: Vec<&str> =
            GOOD.split(", ").filter(|field| !field.starts_with(&format!("\"{name}\""))).collect();
        let body = format!(r#"{{"records": [{{{}}}]}}"#, kept.join(", "));
        let problem = problem(only(rows(Format::Json, body)));
        assert_eq!(problem.to_string(), format!("{name}: expected a value: it is missing"));
    }
}

#[test]
fn a_bad_id_is_given_back_where_it_can_be() {
    for (id, kept) in [
        (r#""a#1""#.to_owned(), Some("a#1")),
        // Calls that start in the same second would share such an id, and all but the first would be lost as repeats.
        (r#""null""#.to_owned(), Some("null")),
        (r#""None""#.to_owned(), Some("None")),
        (r#""""#.to_owned(), None),
        ("5".to_owned(), None),
        (format!("\"{}\"", "x".repeat(129)), None),
    ] {
        let row = only(rows(Format::Json, with(&format!("\"id\": {id}"))));
        assert_eq!(row.id.as_deref(), kept, "{id}");
        assert_eq!(problem(row).field, "id");
    }
}

#[test]
fn s3_neighbours_of_a_bad_record_are_read_in_order() {
    let body = format!(r#"{{"records": [{{{GOOD}}}, 7, {{"id": "b"}}, null, [], {{{GOOD}}}]}}"#);
    let rows = rows(Format::Json, body);
    let fields: Vec<_> =
        rows.iter().map(|row| row.record.as_ref().err().map(|problem| &*problem.field)).collect();
    let whole = Some(WHOLE_RECORD);
    assert_eq!(fields, [None, whole, Some("service"), whole, whole, None]);
    assert!(rows.iter().all(|row| row.line.is_none()));
}

#[test]
fn a_request_that_is_no_list_of_records_is_refused() {
    for (body, field) in [
        (r#"{"records": [], "dryRun": true}"#, "dryRun"),
        (r#"{"records": []}"#, "records"),
        (r#"{"records": {}}"#, "records"),
        (r#"{"records": null}"#, "records"),
        (r#"{"records": [1], "records": [1]}"#, "records"),
        ("{}", "records"),
        ("[]", "records"),
        ("null", "records"),
    ] {
        assert_eq!(refused_field(Format::Json, body), field, "{body}");
    }
}

#[test]
fn what_is_not_json_says_where() {
    for (body, said) in [
        ("", "line 1 column 0"),
        ("{\"records\": [\n  {\"id\": }\n]}", "line 2 column 10"),
        (r#"{"records": [1]} x"#, "trailing characters at line 1 column 18"),
        (r#"{"records": [01]}"#, "line 1 column 15"),
        (r#"{"records": ["#, "EOF"),
    ] {
        let ReadError::Unreadable { detail } = refused(Format::Json, body) else { panic!("{body}") };
        assert!(detail.contains(said), "{body}: {detail}");
    }
    let problem = refused(Format::Json, b"{\n\"\xff\": 1}");
    assert_eq!(problem, ReadError::Unreadable { detail: "expected UTF-8: line 2 is not".into() });
}

#[test]
fn s3_a_thousand_records_and_no_more() {
    let of = |count: usize| format!(r#"{{"records": [{}]}}"#, vec!["0"; count].join(","));
    assert_eq!(rows(Format::Json, of(MAX_RECORDS)).len(), MAX_RECORDS);
    let problem = refused(Format::Json, of(1_234));
    assert_eq!(problem, ReadError::TooMany { limit: MAX_RECORDS, found: 1_234 });
    assert_eq!(problem.to_string(), "expected at most 1000 records, found 1234");
}

#[test]
fn a_message_names_its_account_and_keeps_the_text_of_each_record() {
    let body = format!(r#"{{"records": [{{{GOOD}}},  7 , {{ "id": "b" }}], "accountId": "a\u0062c"}}"#);
    let message = read_message(&body).unwrap();
    assert_eq!(message.account_id, "abc");
    let good = format!("{{{GOOD}}}");
    assert_eq!(message.texts, [good.as_str(), "7", r#"{ "id": "b" }"#]);
    assert_eq!(message.rows, rows(Format::Json, body.replace(r#", "accountId": "a\u0062c""#, "")));
}

#[test]
fn a_message_that_is_no_list_of_an_accounts_records_is_refused() {
    for (body, field) in [
        (r#"{"records": [1]}"#, "accountId"),
        (r#"{"accountId": 7, "records": [1]}"#, "accountId"),
        (r#"{"accountId": null, "records": [1]}"#, "accountId"),
        (r#"{"accountId": "a", "accountId": "a", "records": [1]}"#, "accountId"),
        (r#"{"accountId": "a"}"#, "records"),
        (r#"{"accountId": "a", "records": []}"#, "records"),
        (r#"{"accountId": "a", "records": {}}"#, "records"),
        (r#"{"accountId": "a", "records": [1], "dryRun": true}"#, "dryRun"),
        ("7", "records"),
    ] {
        let ReadError::Invalid { field: named, .. } = read_message(body).unwrap_err() else {
            panic!("{body}")
        };
        assert_eq!(named, field, "{body}");
    }
    assert!(matches!(read_message("{"), Err(ReadError::Unreadable { .. })));
    let many = format!(r#"{{"accountId": "a", "records": [{}]}}"#, vec!["0"; 1_001].join(","));
    assert_eq!(read_message(&many).unwrap_err(), ReadError::TooMany { limit: MAX_RECORDS, found: 1_001 });
}
