//! A report in a zip.

use std::io::{Cursor, Write};

use cdr::{Format, MAX_UNZIPPED_BYTES, ReadError};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::{refused, refused_field, rows};

const REPORT: &str = "UsageId,Call Type,Destination Number,Start Time,Duration Seconds,Connection Fee,Charge,Currency\na,user_out,+331,2026-11-20T08:12:31Z,1,0,0.5,EUR\n";

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn the_report_is_found() {
    let report = REPORT.as_bytes();
    for members in [
        vec![("PSTN.calls.2026-11-20.csv", report)],
        vec![("export/pstn.CALLS.2026.CSV", report), ("other.csv", b"x"), ("readme.txt", b"x")],
        vec![("a\\PSTN.calls.csv", report), ("__MACOSX/._PSTN.calls.csv", b"x")],
        vec![("usage.csv", report), ("readme.txt", b"x")],
    ] {
        assert_eq!(rows(Format::Zip, zip(&members)), rows(Format::Csv, REPORT), "{:?}", members[0].0);
    }
}

#[test]
fn none_or_several_are_refused() {
    for names in [
        &[][..],
        &["readme.txt"],
        &["a.csv", "b.csv"],
        &["PSTN.calls.1.csv", "PSTN.calls.2.csv"],
        &["x/PSTN.calls.csv", "y/PSTN.calls.csv"],
        &["folder.csv/readme.txt"],
    ] {
        let members: Vec<_> = names.iter().map(|name| (*name, REPORT.as_bytes())).collect();
        assert_eq!(refused_field(Format::Zip, zip(&members)), "zip", "{names:?}");
    }
}

#[test]
fn what_is_no_zip_or_a_damaged_one_is_unreadable() {
    let good = zip(&[("PSTN.calls.csv", REPORT.as_bytes())]);
    let mut damaged = good.clone();
    for byte in &mut damaged[50..80] {
        *byte ^= 0x55;
    }
    for body in [&b""[..], b"PK\x03\x04", REPORT.as_bytes(), &good[..good.len() / 2], &damaged] {
        assert!(matches!(refused(Format::Zip, body), ReadError::Unreadable { .. }), "{} bytes", body.len());
    }
    let not_utf8 = zip(&[("PSTN.calls.csv", b"\xff")]);
    assert!(matches!(refused(Format::Zip, not_utf8), ReadError::Unreadable { .. }));
}

#[test]
fn s3_a_zip_bomb_is_cut_off() {
    let size = |bytes: u64| vec![b'\n'; usize::try_from(bytes).unwrap()];
    let bomb = zip(&[("PSTN.calls.csv", &size(MAX_UNZIPPED_BYTES + 1))]);
    assert!(bomb.len() < 100_000, "the body is small");
    assert_eq!(
        refused(Format::Zip, &bomb),
        ReadError::TooLarge { detail: "expected at most 16 MB unzipped".into() }
    );
    let mut largest = REPORT.as_bytes().to_vec();
    largest.resize(usize::try_from(MAX_UNZIPPED_BYTES).unwrap(), b'\n');
    assert_eq!(rows(Format::Zip, zip(&[("PSTN.calls.csv", &largest)])).len(), 1);

    // The same bomb, which declares a size of 100 bytes in its local header and in its directory.
    let mut liar = bomb;
    let claimed = u32::try_from(MAX_UNZIPPED_BYTES + 1).unwrap().to_le_bytes();
    let places: Vec<usize> = (0..liar.len() - 4).filter(|at| liar[*at..at + 4] == claimed).collect();
    assert_eq!(places.len(), 2);
    for at in places {
        liar[at..at + 4].copy_from_slice(&100_u32.to_le_bytes());
    }
    assert!(matches!(refused(Format::Zip, liar), ReadError::TooLarge { .. } | ReadError::Unreadable { .. }));
}
