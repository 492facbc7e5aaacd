//! The PSTN usage report as CSV.

use cdr::{Format, MAX_ROWS, ReadError, WHOLE_RECORD};
use domain::Service;

use crate::{charge, currency, only, problem, record, refused, refused_field, rows};

const HEADER: &str = "UsageId,Call ID,User Location,AAD ObjectId,Call Type,Number Type,Destination Number,Start Time,Duration Seconds,Connection Fee,Charge,Currency,Capability";
const GOOD: &str = "a,c,FR,u,user_out,Subscriber,+33123****,2026-11-20T08:12:31Z,219,0.2,0.1,EUR,MCOPSTNPP";

/// The good row with this text in one column.
fn with(column: &str, text: &str) -> String {
    let place = HEADER.split(',').position(|name| name == column).unwrap();
    let mut cells: Vec<&str> = GOOD.split(',').collect();
    cells[place] = text;
    cells.join(",")
}

fn file(rows: &[&str]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

#[test]
fn every_column_of_a_row() {
    let row = only(rows(Format::Csv, file(&[GOOD])));
    assert_eq!((row.id.as_deref(), row.line), (Some("a"), Some(2)));
    let row = record(row);
    assert_eq!((row.id.as_str(), row.number.as_str()), ("a", "+33123****"));
    assert_eq!((row.service, row.duration_seconds), (Service::UserOut, 219));
    assert_eq!(
        (charge(&row).as_deref(), row.currency.map(domain::Currency::code)),
        (Some("0.3"), Some("EUR"))
    );
    let texts = [row.call_id, row.user_id, row.plan, row.user_country];
    assert_eq!(texts.map(Option::unwrap), ["c", "u", "MCOPSTNPP", "FR"]);
}

#[test]
fn bom_line_breaks_blank_lines_header_case_and_order_do_not_matter() {
    let plain = record(only(rows(Format::Csv, file(&[GOOD]))));
    let reversed = |line: &str| line.split(',').rev().collect::<Vec<_>>().join(",");
    for body in [
        format!("\u{feff}{HEADER}\r\n{GOOD}\r\n"),
        format!("{HEADER}\n\n{GOOD}"),
        format!("{}\n{GOOD}", HEADER.to_uppercase()),
        format!("{}\n{GOOD}", HEADER.replace(',', " , ")),
        format!("New Column,{HEADER}\n\"a\n\"\"new\"\" thing, quoted\",{GOOD}\n"),
        format!("{}\n{}\n", reversed(HEADER), reversed(GOOD)),
        format!("\"{}\"\n\"{}\"\n", HEADER.replace(',', "\",\""), GOOD.replace(',', "\",\"")),
    ] {
        assert_eq!(record(only(rows(Format::Csv, &body))), plain, "{body}");
    }
}

#[test]
fn a_start_may_be_written_in_several_ways() {
    for text in [
        "2026-11-20T08:12:31Z",
        "2026-11-20T08:12:31.0000000Z",
        "2026-11-20T08:12:31.9999999Z",
        "2026-11-20T09:12:31.12+01:00",
        "2026-11-20T08:12:31",
        "2026-11-20 08:12:31",
        "2026-11-20 08:12:31.1234567",
        " 2026-11-20 08:12:31Z ",
    ] {
        let row = record(only(rows(Format::Csv, file(&[&with("Start Time", text)]))));
        assert_eq!(row.started_at.to_string(), "2026-11-20T08:12:31Z", "{text}");
    }
}

#[test]
fn what_a_report_leaves_empty() {
    let row = record(only(rows(Format::Csv, file(&[&with("Connection Fee", "")]))));
    assert_eq!(charge(&row).as_deref(), Some("0.1"), "an empty fee is zero");
    let row = record(only(rows(Format::Csv, file(&[&with("Currency", "")]))));
    assert_eq!(row.currency, None);
    let row = record(only(rows(Format::Csv, file(&[&with("User Location", "France")]))));
    assert_eq!(row.user_country, None, "a country's name is not its code");
}

#[test]
fn s4_a_whole_number_may_have_a_fraction_of_zero() {
    for text in ["219", "219.0", "219.00", "0219.000"] {
        let row = record(only(rows(Format::Csv, file(&[&with("Duration Seconds", text)]))));
        assert_eq!(row.duration_seconds, 219, "{text}");
    }
}

#[test]
fn s4_what_says_that_there_is_no_value_is_no_name() {
    for text in ["", "null", "NULL", "None", "none", "nil", "undefined", "N/A", "-", " None "] {
        let columns = ["Call ID", "AAD ObjectId", "Capability", "User Location", "Destination Number"];
        for column in columns {
            let row = record(only(rows(Format::Csv, file(&[&with(column, text)]))));
            let shown = match column {
                "Call ID" => row.call_id,
                "AAD ObjectId" => row.user_id,
                "Capability" => row.plan,
                "User Location" => row.user_country,
                _ => Some(row.number.as_str().to_owned()).filter(|number| !number.is_empty()),
            };
            assert_eq!(shown, None, "{column} {text}");
        }
    }
    // Calls that start in the same second would share such an id, and all but the first would be lost as repeats.
    for text in ["null", "None", "-"] {
        let row = only(rows(Format::Csv, file(&[&with("UsageId", text)])));
        assert_eq!(row.id.as_deref(), Some(text));
        let expected = format!("UsageId: expected the record's own id, not \"{text}\"");
        assert_eq!(problem(row).to_string(), expected);
    }
    // A text that only resembles these is a value.
    for text in ["nullius", "Nonesuch", "NA", "--", "nan", "0"] {
        let row = record(only(rows(Format::Csv, file(&[&with("AAD ObjectId", text)]))));
        assert_eq!(row.user_id.as_deref(), Some(text));
    }
}

#[test]
fn s2_a_uuid_in_capitals_is_the_same_call() {
    const SMALL: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let capitals = SMALL.to_ascii_uppercase();
    let of = |text: &str| {
        let row = only(rows(Format::Csv, file(&[&with("UsageId", text)])));
        (row.id.clone(), record(row).key())
    };
    let (sent, key) = of(&capitals);
    assert_eq!(sent.as_deref(), Some(capitals.as_str()), "an answer has the id as it was sent");
    assert_eq!(key, of(SMALL).1);
    assert_ne!(of("REC-A").1, of("rec-a").1, "only a UUID is the same in capitals");
    for column in ["Call ID", "AAD ObjectId"] {
        let row = record(only(rows(Format::Csv, file(&[&with(column, &capitals)]))));
        let kept = if column == "Call ID" { row.call_id } else { row.user_id };
        assert_eq!(kept.as_deref(), Some(SMALL), "{column}");
    }
}

#[test]
fn s2_a_masked_number_and_the_whole_one_are_the_same_call() {
    let of = |number| record(only(rows(Format::Csv, file(&[&with("Destination Number", number)]))));
    // With its last digits masked, the number is shorter than the premium prefix 3389.
    let (whole, masked) = (of("+33899701234"), of("+338********"));
    assert_eq!((whole.service, masked.service), (Service::Premium, Service::UserOut));
    assert!(whole.repeats(&masked, currency("EUR")) && masked.repeats(&whole, currency("EUR")));
    assert_eq!(whole.fingerprint(currency("EUR")), masked.fingerprint(currency("EUR")));
}

#[test]
fn s3_a_bad_row_names_its_line_and_column() {
    for (column, text, said) in [
        ("UsageId", "", "visible ASCII"),
        ("Duration Seconds", "3:39", "whole seconds"),
        ("Duration Seconds", "219.5", "whole seconds"),
        ("Duration Seconds", "219.", "whole seconds"),
        ("Duration Seconds", ".0", "whole seconds"),
        ("Duration Seconds", "219.0e1", "whole seconds"),
        ("Duration Seconds", "219.0.0", "whole seconds"),
        ("Call Type", "None", "call type"),
        ("Start Time", "2026-11-20", "instant"),
        ("Start Time", "20/11/2026 08:12:31", "slashes do not say which number is the month"),
        ("Start Time", "11/20/2026 08:12:31", "slashes do not say which number is the month"),
        ("Start Time", "11/20/2026 8:12:31 AM", "slashes do not say which number is the month"),
        ("Start Time", "5/11/2026 8:12:31 AM", "slashes do not say which number is the month"),
        ("Start Time", "2026/11/20 08:12:31", "slashes do not say which number is the month"),
        ("Start Time", "2026-11-20T08:12:31[Europe/Paris]", "instant"),
        ("Start Time", "2026-11-20T08:12:31 +01:00", "instant"),
        ("Charge", "1.234,50", "cells"),
        ("Charge", "", "an amount"),
        ("Charge", "0x10", "an amount"),
        ("Charge", "1_000", "an amount"),
        ("Charge", "-0.3", "zero or more"),
        ("Connection Fee", "-", "an amount"),
        ("Currency", "eur", "ISO 4217"),
        ("Call Type", "", "call type"),
    ] {
        let body = file(&[GOOD, &with(column, text), GOOD]);
        let [before, bad, after] = <[_; 3]>::try_from(rows(Format::Csv, body)).unwrap();
        assert!(before.record.is_ok() && after.record.is_ok(), "{column} {text}");
        assert_eq!((bad.line, after.line), (Some(3), Some(4)));
        let is_whole = said == "cells";
        assert_eq!(bad.id.is_some(), !is_whole && column != "UsageId", "{column} {text}");
        let problem = problem(bad);
        assert_eq!(problem.field, if is_whole { WHOLE_RECORD } else { column }, "{text}: {problem}");
        assert!(problem.detail.contains(said), "{column} {text}: {problem}");
    }
}

#[test]
fn s3_a_broken_row_takes_no_other_with_it() {
    for broken in
        ["a,b", "a,\"c,FR", &format!("{GOOD},x"), "\"", &with("Capability", "\"MCOPSTNPP"), "x \"y\" z"]
    {
        let body = file(&[GOOD, broken, GOOD, &with("Call ID", "\"quoted\""), GOOD]);
        let rows = rows(Format::Csv, &body);
        let read: Vec<_> = rows.iter().map(|row| (row.line.unwrap(), row.record.is_ok())).collect();
        assert_eq!(read, [(2, true), (3, false), (4, true), (5, true), (6, true)], "{broken}");
        assert_eq!(
            (rows[1].id.as_deref(), &*rows[1].record.as_ref().unwrap_err().field),
            (None, WHOLE_RECORD)
        );
    }
}

#[test]
fn a_missing_column_is_named() {
    let without = |name: &str| {
        let kept: Vec<&str> = HEADER.split(',').filter(|column| *column != name).collect();
        format!("{}\n{}\n", kept.join(","), vec!["x"; kept.len()].join(","))
    };
    for name in [
        "UsageId",
        "Call Type",
        "Destination Number",
        "Start Time",
        "Duration Seconds",
        "Charge",
        "Connection Fee",
        "Currency",
    ] {
        assert_eq!(refused_field(Format::Csv, without(name)), name);
    }
    for name in ["Call ID", "AAD ObjectId", "Number Type", "Capability", "User Location"] {
        assert_eq!(rows(Format::Csv, without(name)).len(), 1, "{name} may be missing");
    }
    assert_eq!(refused_field(Format::Csv, ""), "UsageId");
    assert_eq!(refused_field(Format::Csv, "hello"), "UsageId");
    assert_eq!(refused_field(Format::Csv, format!("{HEADER},Charge\n")), "Charge", "given twice");
    assert_eq!(refused_field(Format::Csv, ",".repeat(1000)), "header");
}

#[test]
fn what_is_not_the_csv_it_should_be() {
    assert!(matches!(refused(Format::Csv, "\"UsageId,Charge\n"), ReadError::Unreadable { .. }));
    let latin_1 = [file(&[GOOD]).as_bytes(), b"Zo\xeb"].concat();
    assert_eq!(
        refused(Format::Csv, latin_1),
        ReadError::Unreadable { detail: "expected UTF-8: line 3 is not".into() }
    );
}

#[test]
fn s3_twenty_thousand_rows_and_no_more() {
    let of = |count: usize| file(&vec![GOOD; count]);
    assert_eq!(rows(Format::Csv, of(0)), []);
    let all = rows(Format::Csv, of(MAX_ROWS));
    assert_eq!((all.len(), all.last().and_then(|row| row.line)), (MAX_ROWS, Some(20_001)));
    let problem = refused(Format::Csv, of(MAX_ROWS + 2));
    assert_eq!(problem, ReadError::TooMany { limit: MAX_ROWS, found: MAX_ROWS + 2 });
}
