//! Reversing records: one by its id, a list, or the very file that was sent (S11).

use api::fields::{anything, text};
use api::problem::both;
use api::{Fields, Problem, Reply, Request, Role};
use cdr::{Context, Format, MAX_RECORDS, Row};
use contract::{
    Code, FieldError, RecordProblem, ReversalCounts, ReversalResult, ReversalStatus, Reversals, Transaction,
};
use domain::journal_key::JournalKey;
use domain::time::{cut_to_second, in_range};
use domain::usage::InvalidRecord;
use domain::{AccountId, RecordId, UsageRecord};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::reversal_batch::{Because, Done, ReversalBatch, Verdict, Wanted};
use crate::{RETRY_AFTER_SECONDS, Timed, doc, failed, format_of, rate_all, unreadable};

/// A reason has at most this many characters.
const LONGEST_REASON: usize = 500;

/// The roles that may reverse records.
const REVERSERS: [Role; 2] = [Role::Operator, Role::Platform];

/// The reversal of a record.
#[derive(ToSchema)]
#[schema(as = NewReversal, rename_all = "camelCase")]
pub struct Body {
    /// When the record's call started.
    started_at: Timestamp,
    /// The record's revision; 1 by default.
    #[schema(nullable = false, minimum = 1)]
    revision: Option<u32>,
    /// The reason for the reversal, up to 500 characters.
    #[schema(pattern = r"^[ \t\r\n]*\S([\s\S]{0,498}\S)?[ \t\r\n]*$")]
    reason: String,
}

impl Body {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let started_at = fields.required("startedAt", check_start);
        let revision = fields.optional("revision", check_revision);
        let reason = fields.required("reason", text("reason", LONGEST_REASON));
        fields.finish(|| Some(Self { started_at: started_at?, revision, reason: reason? }))
    }
}

/// A list of records to reverse.
#[derive(ToSchema)]
#[schema(as = RecordsToReverse)]
pub struct List {
    /// 1 to 1,000 records.
    #[schema(min_items = 1, max_items = 1000)]
    records: Vec<RecordName>,
}

/// A record that is to be reversed, by what names it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordName {
    /// The record's id.
    #[schema(example = "rec-0001", pattern = "^[!-\"$-~]{1,128}$")]
    id: String,
    /// When its call started.
    started_at: Timestamp,
    /// Its revision; 1 by default.
    #[schema(minimum = 1)]
    revision: Option<u32>,
}

impl List {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let records = fields.required("records", anything::<Vec<RecordName>>);
        let list = fields.finish(|| Some(Self { records: records? }))?;
        match list.records.len() {
            0 => {
                Err(Problem::field("records", Code::Missing, format!("expected 1 to {MAX_RECORDS} records")))
            }
            1..=MAX_RECORDS => Ok(list),
            found => Err(Problem::TooLarge(format!("expected at most {MAX_RECORDS} records, found {found}"))),
        }
    }
}

/// Reverse a record
///
/// Takes the charge of a call back. Each part of it returns to where it came from: included minutes to their pools, funds to
/// their lots, and what is still owed is repaid first. A record that is still unrated is never charged for. A record is reversed
/// once: a repeat answers with the same transaction. A corrected record may then follow as the next `revision`.
///
/// Behind some proxies, a record whose id has a `/` cannot be named here. Send it in a list instead.
///
/// For operator and platform.
#[utoipa::path(
    post,
    path = "/v1/accounts/{id}/usage/{recordId}/reversal",
    operation_id = "reverseUsageRecord",
    tag = "Usage",
    params(
        ("id" = String, Path, description = "The account"),
        ("recordId" = String, Path, description = "The record"),
    ),
    request_body = Body,
    responses(
        (status = 200, description = "The reversal's transaction", body = Transaction),
        (status = 404, description = "The record was never accepted", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn reverse_one(request: &Request, timed: Timed<'_>) -> Result<Reply, Problem> {
    let account = request.account(&REVERSERS)?;
    let Body { started_at, revision, reason } = Body::read(request.fields()?)?;
    let none = || Problem::NotFound("record");
    let id = request.path("recordId").ok_or_else(none)?;
    let wanted = wanted(id, started_at, revision.unwrap_or(1)).map_err(|_| none())?;
    let done = reverse(request, timed, &account, &reason, &[Ok(wanted)]).await?;
    match done.verdicts.into_iter().next() {
        Some(Verdict::Reversed(entry) | Verdict::Duplicate(entry)) => {
            Ok(Reply::json(200, &Transaction::from(&*entry)))
        }
        Some(Verdict::Invalid(problem)) => Err(Problem::Conflict(Code::NotReversible, problem.detail)),
        _ => Err(none()),
    }
}

/// Reverse a list of records, or a whole file
///
/// Each record is reversed on its own, in order. Send a list of records, or the very file that was sent to
/// `/v1/accounts/{id}/debits`, with the same `rate`. A record of a file is reversed only if it is the record that was accepted.
///
/// A request is answered within 29 seconds. Records whose outcome is not known by then are `notReached`. Send the same request
/// again after `Retry-After` seconds, until `notReached` is 0; nothing is taken back twice.
///
/// For operator and platform.
#[utoipa::path(
    post,
    path = "/v1/accounts/{id}/reversals",
    operation_id = "reverseUsage",
    tag = "Usage",
    params(
        ("id" = String, Path, description = "The account"),
        ("reason" = String, Query, description = "The reason for the reversals, up to 500 characters", pattern = r"^[ \t\r\n]*\S([\s\S]{0,498}\S)?[ \t\r\n]*$"),
        ("rate" = inline(Option<doc::WhatIsRated>), Query, description = "`all` if the file was sent with it"),
    ),
    request_body(content(
        (List = "application/json"),
        (Object = "application/vnd.microsoft.graph+json"),
        (String = "text/csv"),
        (inline(doc::Zip) = "application/zip"),
    ), description = "Up to 1,000 records by id and start; or a Graph page of `pstnCallLogRow` or a PSTN usage report, plain or zipped, of up to 20,000 rows"),
    responses(
        (status = 200, description = "The result of each record", body = Reversals, headers(("Retry-After" = u32, description = "Seconds after which to send the same request again; only where records were not reached"))),
        (status = 400, description = "The body cannot be read", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Too many records or bytes", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field, column or parameter is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn reverse_many(request: &Request, timed: Timed<'_>) -> Result<Reply, Problem> {
    let account = request.account(&REVERSERS)?;
    let reason =
        request.query("reason").ok_or_else(|| FieldError::new("reason", Code::Missing, "expected a reason"));
    let reason =
        reason.and_then(|reason| text("reason", LONGEST_REASON)(reason.to_owned())).map_err(Problem::from);
    let (reason, (format, rate_all)) = both(reason, both(format_of(request), rate_all(request)))?;
    let named: Vec<Named> = if format == Format::Json {
        List::read(request.fields()?)?.records.into_iter().map(Named::of_list).collect()
    } else {
        let ports = timed.ports;
        let currency = ports.store.account_seen(&account).await?.ok_or(Problem::NoAccount)?.currency;
        let context = Context { currency, rates: ports.rates.get()?, rate_all };
        let rows = cdr::read(format, request.body(), &context).map_err(unreadable)?;
        rows.into_iter().map(Named::of_file).collect()
    };
    let wanted: Vec<_> = named.iter().map(|named| named.wanted.clone()).collect();
    let done = reverse(request, timed, &account, &reason, &wanted).await?;
    let shown = show(&named, &done, format == Format::Json);
    let reply = Reply::json(200, &shown);
    Ok(match shown.not_reached {
        0 => reply,
        _ => reply.with_header("retry-after", &RETRY_AFTER_SECONDS.to_string()),
    })
}

async fn reverse(
    request: &Request,
    Timed { ports, until }: Timed<'_>,
    account: &AccountId,
    reason: &str,
    wanted: &[Result<Wanted, InvalidRecord>],
) -> Result<Done, Problem> {
    let currency = ports.store.account_seen(account).await?.ok_or(Problem::NoAccount)?.currency;
    let because = Because { reason, author: &request.caller().subject };
    let batch =
        ReversalBatch::new(&ports.store, (account, currency), (request.now(), until), because, wanted);
    batch.apply().await.map_err(failed)
}

/// A record of a request, as its result names it.
struct Named {
    id: Option<String>,
    line: Option<u64>,
    wanted: Result<Wanted, InvalidRecord>,
}

impl Named {
    fn of_list(record: RecordName) -> Self {
        let RecordName { id, started_at, revision } = record;
        let wanted = match (revision.unwrap_or(1), in_range(started_at)) {
            (0, _) => Err(InvalidRecord::new("revision", "expected a number from 1")),
            (_, false) => Err(InvalidRecord::new("startedAt", "expected an instant after the year 1999")),
            (revision, true) => wanted(&id, started_at, revision),
        };
        Self { id: Some(id), line: None, wanted }
    }

    fn of_file(row: Row) -> Self {
        let Row { id, line, record } = row;
        let wanted = record.and_then(|record| {
            let sent = id.as_deref().unwrap_or(record.id.as_str());
            let by_id = wanted(sent, record.started_at, record.revision)?;
            Ok(Wanted { record: Some(record), ..by_id })
        });
        Self { id, line, wanted }
    }
}

/// The record with this id, start and revision.
fn wanted(id: &str, started_at: Timestamp, revision: u32) -> Result<Wanted, InvalidRecord> {
    let wrong = |problem: domain::id::InvalidId| InvalidRecord::new("id", problem.to_string());
    let (kept, sent) = (RecordId::sent(id).map_err(wrong)?, RecordId::parse(id).map_err(wrong)?);
    let started_at = cut_to_second(started_at);
    let mut keys = vec![JournalKey::usage(started_at, &kept, revision)];
    if sent != kept {
        keys.push(JournalKey::usage(started_at, &sent, revision));
    }
    Ok(Wanted { keys, record: None::<UsageRecord> })
}

fn check_start(started_at: Timestamp) -> Result<Timestamp, FieldError> {
    let expected = "expected an instant after the year 1999";
    if in_range(started_at) {
        Ok(started_at)
    } else {
        Err(FieldError::new("startedAt", Code::OutOfRange, expected))
    }
}

fn check_revision(revision: u32) -> Result<u32, FieldError> {
    match revision {
        0 => Err(FieldError::new("revision", Code::OutOfRange, "expected a number from 1")),
        revision => Ok(revision),
    }
}

/// The response body. Like the response to debits, it leaves out the ids of transactions for a large file, so that it is not
/// larger than a function may answer.
fn show(named: &[Named], done: &Done, with_returned: bool) -> Reversals {
    let with_transaction = named.len() <= MAX_RECORDS;
    let results: Vec<_> = named
        .iter()
        .zip(&done.verdicts)
        .map(|(named, verdict)| show_result(named, verdict, with_returned, with_transaction))
        .collect();
    let mut counts = ReversalCounts::default();
    for result in &results {
        counts.add(result.status);
    }
    Reversals {
        accepted: counts.reversed + counts.duplicate,
        rejected: counts.not_found + counts.conflict + counts.invalid,
        not_reached: counts.not_reached,
        counts,
        balance: done.balance.to_string(),
        results,
    }
}

fn show_result(
    named: &Named,
    verdict: &Verdict,
    with_returned: bool,
    with_transaction: bool,
) -> ReversalResult {
    let (status, entry, problem) = match verdict {
        Verdict::Reversed(entry) => (ReversalStatus::Reversed, Some(&**entry), None),
        Verdict::Duplicate(entry) => (ReversalStatus::Duplicate, Some(&**entry), None),
        Verdict::NotFound => {
            let detail = "expected a record that was accepted on this account";
            (ReversalStatus::NotFound, None, Some(FieldError::new("id", Code::NotFound, detail)))
        }
        Verdict::Conflict(detail) => {
            (ReversalStatus::Conflict, None, Some(FieldError::new("id", Code::RecordConflict, *detail)))
        }
        Verdict::Invalid(problem) => {
            let problem = FieldError::new(problem.field.clone(), Code::Invalid, problem.detail.clone());
            (ReversalStatus::Invalid, None, Some(problem))
        }
        Verdict::NotReached => (ReversalStatus::NotReached, None, None),
    };
    let transaction = entry.map(Transaction::from);
    ReversalResult {
        id: named.id.clone(),
        status,
        transaction_id: entry.filter(|_| with_transaction).map(|entry| entry.key.to_string()),
        amount: entry.map(|entry| entry.amount.to_string()),
        returned: transaction.and_then(|transaction| transaction.returned).filter(|_| with_returned),
        problem: problem.map(|error| RecordProblem { line: named.line, error }),
    }
}
