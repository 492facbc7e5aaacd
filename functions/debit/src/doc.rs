//! The API's view of debits: request schemas for the `OpenAPI` document, and response bodies.

use cdr::{MAX_RECORDS, Row};
use contract::names::ServiceName;
use contract::{Code, Counts, Debits, FieldError, RecordProblem, RecordResult, RecordStatus, Why};
use utoipa::ToSchema;

use crate::batch::Done;
use crate::verdict::Verdict;

/// Usage records in the service's own format.
#[derive(ToSchema)]
pub struct Records {
    /// 1 to 1,000 records.
    #[schema(min_items = 1, max_items = 1000)]
    pub records: Vec<UsageRecord>,
}

/// One finished call. An unknown field makes the record `invalid`. A UUID as `id`, `callId` or `userId` is the same in
/// capitals and small letters. The texts `null`, `None`, `nil`, `undefined`, `n/a` and `-` are not names: as an `id` they
/// make the record `invalid`, and as any other name they are left out.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct UsageRecord {
    /// The record's id, given by its source: 1 to 128 visible ASCII characters without `#`.
    #[schema(example = "rec-0001", min_length = 1, max_length = 128)]
    pub id: String,
    /// The record's revision, from 1. A revision above 1 needs the reversal of the revision before; otherwise it is a conflict.
    #[schema(minimum = 1)]
    pub revision: Option<u32>,
    /// The call that the record belongs to; up to 128 characters.
    #[schema(max_length = 128)]
    pub call_id: Option<String>,
    /// The user whose usage it is; up to 128 characters.
    #[schema(max_length = 128)]
    pub user_id: Option<String>,
    /// The service that was used.
    #[schema(value_type = ServiceName, example = "userOut")]
    pub service: String,
    /// The number that decides the rate: the number dialled, or for an inbound call the number called. E.164; the last digits
    /// may be masked with `*`.
    #[schema(example = "+33123456***")]
    pub number: String,
    /// When the call started. It is cut to the second, and at most five minutes after now.
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T08:12:31Z")]
    pub started_at: String,
    /// How long the call took, up to 31 days.
    #[schema(maximum = 2_678_400)]
    pub duration_seconds: u32,
    /// What the call cost, if it is rated already.
    pub charge: Option<contract::Amount>,
    /// The charge's currency, which must be the account's unless the record costs nothing.
    pub currency: Option<String>,
    /// The plan that the call was made on, up to 64 characters. Its pools may include the call.
    #[schema(max_length = 64)]
    pub plan: Option<String>,
    /// The user's country, ISO 3166-1 alpha-2. Pools are of a plan and a country, so a call without either uses none.
    pub user_country: Option<String>,
    /// The cost centre that pays within the organization; up to 64 characters.
    #[schema(max_length = 64)]
    pub cost_centre: Option<String>,
    /// The hold that the call's authorization took, up to 64 characters. The record ends it. Without it, the record ends the hold of the
    /// same `callId`, `service` and `number`. A hold that is unknown or over changes nothing.
    #[schema(max_length = 64)]
    pub hold_id: Option<String>,
}

/// The values of the `rate` parameter.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub enum WhatIsRated {
    /// Rows that cost nothing are rated.
    All,
}

/// A zip file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "a type for the document")]
pub struct Zip(Vec<u8>);

/// The response body of a request. The response to a large file leaves out the ids of transactions: with them it might be
/// larger than the 6 MB that a function may answer.
pub fn show(rows: &[Row], done: &Done, with_basis: bool) -> Debits {
    let with_transaction = rows.len() <= MAX_RECORDS;
    let results: Vec<_> = rows
        .iter()
        .zip(&done.verdicts)
        .map(|(row, verdict)| show_result(row, verdict, with_basis, with_transaction))
        .collect();
    let mut counts = Counts::default();
    for result in &results {
        counts.add(result.status);
    }
    Debits {
        accepted: counts.accepted + counts.duplicate + counts.unrated,
        rejected: counts.conflict + counts.invalid,
        not_reached: counts.not_reached,
        counts,
        balance: done.balance.to_string(),
        results,
    }
}

fn show_result(row: &Row, verdict: &Verdict, with_basis: bool, with_transaction: bool) -> RecordResult {
    let (status, charge, basis) = match verdict {
        Verdict::Accepted { charge, basis, .. } => (RecordStatus::Accepted, Some(*charge), Some(basis)),
        Verdict::Duplicate { charge, .. } => (RecordStatus::Duplicate, *charge, None),
        Verdict::Unrated { .. } => (RecordStatus::Unrated, None, None),
        Verdict::Conflict { .. } => (RecordStatus::Conflict, None, None),
        Verdict::Invalid(_) => (RecordStatus::Invalid, None, None),
        Verdict::NotReached => (RecordStatus::NotReached, None, None),
    };
    RecordResult {
        id: row.id.clone(),
        status,
        transaction_id: verdict.row().filter(|_| with_transaction).map(ToString::to_string),
        charge: charge.map(|charge| charge.to_string()),
        why: basis.filter(|_| with_basis).map(Why::from),
        problem: verdict.refused().map(|(status, field, detail)| RecordProblem {
            line: row.line,
            error: FieldError::new(field, Code::of_record(status), detail),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cdr::{Context, Format, MAX_ROWS};
    use domain::rate::RatingBasis;
    use domain::{Currency, Money, RateTable};

    /// The largest response of a Lambda function, which is JSON that carries the body as a string.
    /// Source: AWS Lambda, "Lambda quotas": 6 MB for a synchronous invocation.
    const LARGEST_ANSWER: usize = 6 * 1024 * 1024;

    const HEADER: &str =
        "UsageId,Call Type,Destination Number,Start Time,Duration Seconds,Connection Fee,Charge,Currency";

    fn eur() -> Currency {
        Currency::parse("EUR").unwrap()
    }

    /// Rows of a report, each with its own UUID and this start time.
    fn rows(count: usize, start: &str) -> Vec<Row> {
        let row = |number: usize| {
            format!("0f8fad5b-d9cb-469f-a165-{number:012x},user_out,+33199001234,{start},60,0,999.9999,EUR\n")
        };
        let report = format!("{HEADER}\n{}", (0..count).map(row).collect::<String>());
        let context = Context { currency: eur(), rates: &RateTable::default(), rate_all: false };
        cdr::read(Format::Csv, report.as_bytes(), &context).unwrap()
    }

    fn accepted(row: &Row) -> Verdict {
        let record = row.record.as_ref().unwrap();
        let charge = Money::new(record.charge.unwrap(), eur()).unwrap();
        Verdict::Accepted { row: record.key(), charge, basis: RatingBasis::AsRated }
    }

    fn shown(rows: &[Row], verdicts: Vec<Verdict>) -> Debits {
        let done = Done { verdicts, balance: Money::zero(eur()), messages: 0, problem: None };
        show(rows, &done, false)
    }

    #[test]
    fn s3_the_answer_to_the_longest_file_fits_what_a_function_may_answer() {
        let good = rows(MAX_ROWS, "2026-11-20T08:00:00Z");
        // A spreadsheet has saved the file again.
        let bad = rows(MAX_ROWS, "11/20/2026 8:00:00 AM");
        let invalid = |row: &Row| Verdict::Invalid(row.record.clone().unwrap_err());
        for (rows, verdicts) in [
            (&good, good.iter().map(accepted).collect()),
            (&good, vec![Verdict::NotReached; MAX_ROWS]),
            (&bad, bad.iter().map(invalid).collect()),
        ] {
            let body = serde_json::to_string(&shown(rows, verdicts)).unwrap();
            let event = serde_json::to_string(&body).unwrap();
            assert!(event.len() < LARGEST_ANSWER, "{} bytes", event.len());
        }
    }

    #[test]
    fn a_result_names_its_transaction_unless_the_file_is_long() {
        for (count, named) in [(MAX_RECORDS, true), (MAX_RECORDS + 1, false)] {
            let rows = rows(count, "2026-11-20T08:00:00Z");
            let shown = shown(&rows, rows.iter().map(accepted).collect());
            let key = rows[7].record.as_ref().unwrap().key().to_string();
            assert_eq!(shown.results[7].transaction_id, named.then_some(key), "{count}");
        }
    }

    #[test]
    fn every_status_is_counted_once() {
        let rows = rows(6, "2026-11-20T08:00:00Z");
        let row = rows[0].record.as_ref().unwrap().key();
        let verdicts = vec![
            accepted(&rows[0]),
            Verdict::Duplicate { row: row.clone(), charge: None },
            Verdict::Unrated { row: row.clone() },
            Verdict::Conflict { row: Some(row), detail: "other".into() },
            Verdict::Invalid(domain::usage::InvalidRecord::new("f", "d")),
            Verdict::NotReached,
        ];
        let shown = shown(&rows, verdicts);
        assert_eq!((shown.accepted, shown.rejected, shown.not_reached), (3, 2, 1));
        let one_each =
            Counts { accepted: 1, duplicate: 1, unrated: 1, conflict: 1, invalid: 1, not_reached: 1 };
        assert_eq!(shown.counts, one_each);
    }
}
