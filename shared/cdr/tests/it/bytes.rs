//! Reading never panics, whatever the bytes are.

use cdr::Format;
use proptest::prelude::*;

use crate::read_in;

const FORMATS: [Format; 4] = [Format::Json, Format::Graph, Format::Csv, Format::Zip];

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn read_everyway(body: &[u8]) {
    for format in FORMATS {
        for rate_all in [false, true] {
            let read = read_in("EUR", rate_all, format, body);
            // Every record that is read has a key, an end and a fingerprint.
            for record in read.into_iter().flatten().filter_map(|row| row.record.ok()) {
                let _ = (record.key(), record.ended_at());
                let _ = record.fingerprint(crate::currency("EUR"));
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes(body in prop::collection::vec(any::<u8>(), 0..400)) {
        read_everyway(&body);
    }

    #[test]
    fn a_sample_with_bytes_changed(
        name in prop::sample::select(vec![
            "PSTN.calls.new-columns.csv", "PSTN.calls.zip", "graph-page.json", "records.json",
        ]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut body = sample(name);
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        read_everyway(&body);
    }

    #[test]
    fn any_cells(start in ".{0,30}", charge in "[-+0-9.eE_]{0,12}", duration in "[-+0-9.]{0,6}", number in ".{0,20}") {
        let quote = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let body = format!(
            "UsageId,Call Type,Destination Number,Start Time,Duration Seconds,Connection Fee,Charge,Currency\n\
             a,user_out,{},{},{},0,{},EUR\n",
            quote(&number), quote(&start), quote(&duration), quote(&charge),
        );
        read_everyway(body.as_bytes());
    }

    #[test]
    fn any_instant(year in -9999..=9999_i32, rest in "-1[0-2]-[0-3][0-9]T[0-2][0-9]:59:5[0-9](Z|[+-][0-2][0-9]:00)") {
        let body = format!(
            "{{\"records\": [{{\"id\": \"a\", \"service\": \"userOut\", \"number\": \"+1\", \
             \"startedAt\": \"{year}{rest}\", \"durationSeconds\": 2678400}}]}}"
        );
        read_everyway(body.as_bytes());
    }
}
