//! Reading the journal: an account's transactions, one record's, and records without a rate (S9).

use api::problem::both;
use api::{PageParameters, Problem, Reply, Request, Role};
use contract::names::KindName;
use contract::{Code, FieldError, Transaction, Transactions, UnratedRecord, UnratedRecords};
use domain::id::InvalidId;
use domain::journal::JournalEntry;
use domain::journal_key::{EntryKind, JournalKey};
use domain::time::cut_to_second;
use domain::{AccountId, RecordId};
use jiff::Timestamp;
use store::list::{Cursor, Period};

use crate::{Ports, READERS, csv};

/// The roles that may read the result of a usage record.
const RECORD_READERS: [Role; 4] = [Role::Operator, Role::Admin, Role::Viewer, Role::Platform];

/// One CSV has at most this many transactions.
const MAX_WHOLE: usize = 10_000;

/// The transactions that are read at a time for it.
const ROWS_A_PAGE: usize = 1_000;

/// Ids of transactions have at most this many characters.
const LONGEST_TRANSACTION_ID: usize = 256;

/// List an account's transactions
///
/// To read one transaction, send `transactionId`, or `recordId` and `startedAt`; a record's id may have any characters
/// there. The page then has only this transaction, or none.
///
/// With `Accept: text/csv` the page is CSV in UTF-8 with a byte order mark, and a `Link` header leads to the next page. A
/// text that a spreadsheet would take for a number, a date or a formula is written as `="text"`, with its quotes doubled.
/// If it is longer than 127 characters, it is written in parts that are joined by `&`. With `whole=true`, the CSV has all
/// transactions of the period, up to 10,000; a period with more is refused with 413.
///
/// For operator, admin and viewer. A platform may read rejected records, with `kind=rejected`, and a single transaction of
/// a record.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/transactions",
    operation_id = "listTransactions",
    tag = "Journal",
    params(
        ("id" = String, Path, description = "The account"),
        ("from" = Option<Timestamp>, Query, nullable = false, description = "Only transactions whose `at` is this instant or later"),
        ("to" = Option<Timestamp>, Query, nullable = false, description = "Only transactions whose `at` is before this instant"),
        ("kind" = Option<KindName>, Query, nullable = false, description = "Only transactions of this kind"),
        PageParameters,
        ("whole" = Option<bool>, Query, nullable = false, description = "`true`: all of the period in one CSV; not allowed with `cursor` and `limit`, nor with JSON"),
        ("transactionId" = Option<String>, Query, nullable = false, pattern = "^[!-~]{1,256}$", description = "Only this transaction; not allowed with other parameters"),
        ("recordId" = Option<String>, Query, nullable = false, pattern = "^[!-\"$-~]{1,128}$", description = "Only the transaction of this usage record; needs `startedAt`, and allows no other parameter but `revision`"),
        ("startedAt" = Option<Timestamp>, Query, nullable = false, description = "When the record's call started"),
        ("revision" = Option<u32>, Query, nullable = false, minimum = 1, description = "The record's revision; 1 by default"),
    ),
    responses(
        (status = 200, description = "One page, newest first by `at`", content(
            (Transactions = "application/json"),
            (String = "text/csv"),
        ), headers(("Link" = String, description = "Only with CSV: the address of the next page, as `rel=\"next\"`"))),
        (status = 413, description = "The period has more transactions than one CSV can have: narrow it", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A parameter is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn transactions(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&RECORD_READERS)?;
    let asked = asked(request)?;
    let platform = request.caller().is(&READERS).is_err();
    let is_csv = request.header("accept").is_some_and(|accept| accept.starts_with("text/csv"));
    let (transactions, link) = match asked {
        Asked::One(keys) => {
            ports.store.account_seen(&id).await?.ok_or(Problem::NoAccount)?;
            let entry = first_of(ports, &id, &keys).await?;
            let entry = entry.filter(|entry| !platform || is_of_record(entry.details.kind()));
            let transactions = entry.iter().map(Transaction::from).collect();
            (Transactions { transactions, next: None }, None)
        }
        Asked::Page { period, .. } | Asked::Whole(period)
            if platform && period.kind != Some(EntryKind::Rejected) =>
        {
            return Err(Problem::Forbidden);
        }
        Asked::Whole(_) if !is_csv => {
            return Err(Problem::field("whole", Code::NotAllowed, "expected it with Accept: text/csv alone"));
        }
        Asked::Whole(period) => {
            ports.store.account_seen(&id).await?.ok_or(Problem::NoAccount)?;
            return csv::whole(&whole(ports, &id, &period).await?);
        }
        Asked::Page { period, cursor, limit } => {
            ports.store.account_seen(&id).await?.ok_or(Problem::NoAccount)?;
            let page = ports.store.transactions(&id, &period, cursor.as_ref(), limit).await?;
            let transactions = page.items.iter().map(Transaction::from).collect();
            let next = page.next.map(|next| next.encoded());
            let link = next.as_ref().map(|next| link_to_next(&period, limit, next));
            (Transactions { transactions, next }, link)
        }
    };
    if !is_csv {
        return Ok(Reply::json(200, &transactions));
    }
    let reply = csv::reply(&transactions.transactions)?;
    Ok(match link {
        Some(link) => reply.with_header("link", &link),
        None => reply,
    })
}

/// All transactions of a period, newest first.
async fn whole(ports: &Ports, id: &AccountId, period: &Period) -> Result<Vec<Transaction>, Problem> {
    let (mut transactions, mut cursor) = (Vec::new(), None);
    loop {
        let page = ports.store.transactions(id, period, cursor.as_ref(), ROWS_A_PAGE).await?;
        transactions.extend(page.items.iter().map(Transaction::from));
        cursor = page.next;
        if transactions.len() > MAX_WHOLE || transactions.len() == MAX_WHOLE && cursor.is_some() {
            let most = format!("more than {MAX_WHOLE} transactions; narrow the period with from and to");
            return Err(Problem::TooLarge(most));
        }
        if cursor.is_none() {
            return Ok(transactions);
        }
    }
}

/// The transactions that a request asks for.
enum Asked {
    /// One, under the first of these keys that has a row.
    One(Vec<JournalKey>),
    /// All of a period.
    Whole(Period),
    /// A page.
    Page { period: Period, cursor: Option<Cursor>, limit: usize },
}

fn asked(request: &Request) -> Result<Asked, Problem> {
    if let Some(text) = request.query("transactionId") {
        let key = transaction_key(text).ok_or_else(|| {
            let expected = format!("expected 1 to {LONGEST_TRANSACTION_ID} visible ASCII characters");
            Problem::field("transactionId", Code::WrongFormat, expected)
        });
        let others = ["from", "to", "kind", "cursor", "limit", "whole", "recordId", "startedAt", "revision"];
        let alone = alone(request, &others);
        return both(key, alone).map(|(key, ())| Asked::One(vec![key]));
    }
    if let Some(text) = request.query("recordId") {
        let ids = ids_of(text).map_err(|wrong| Code::WrongFormat.at("recordId")(wrong).into());
        let keys = both(ids, both(started_at(request), revision(request)));
        let keys = keys.map(|(ids, (started_at, revision))| keys_of(&ids, started_at, revision));
        return both(keys, alone(request, &["from", "to", "kind", "cursor", "limit", "whole"]))
            .map(|(keys, ())| Asked::One(keys));
    }
    let kind = request.query("kind").map(|name| EntryKind::parse(name).ok_or_else(unknown_kind)).transpose();
    let instants = both(request.query_instant("from"), request.query_instant("to")).and_then(in_order);
    let whole = request.query_as("whole", "true or false");
    let ((kind, (from, to)), (((cursor, limit), whole), ())) = both(
        both(kind, instants),
        both(both(request.page(), whole), alone(request, &["startedAt", "revision"])),
    )?;
    let period = Period { from, to, kind };
    if whole.unwrap_or(false) {
        return alone(request, &["cursor", "limit"]).map(|()| Asked::Whole(period));
    }
    Ok(Asked::Page { period, cursor, limit })
}

fn in_order(
    (from, to): (Option<Timestamp>, Option<Timestamp>),
) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
    match (from, to) {
        (Some(from), Some(to)) if from >= to => {
            Err(Problem::field("to", Code::OutOfRange, "expected an instant after from"))
        }
        _ => Ok((from, to)),
    }
}

/// Checks that the query has none of these parameters, which are not allowed with the others.
fn alone(request: &Request, others: &[&str]) -> Result<(), Problem> {
    let given = others.iter().filter(|name| request.query(name).is_some());
    let errors: Vec<_> = given
        .map(|name| FieldError::new(*name, Code::NotAllowed, "expected none with the other parameters"))
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(Problem::Invalid(errors)) }
}

fn transaction_key(text: &str) -> Option<JournalKey> {
    let valid = (1..=LONGEST_TRANSACTION_ID).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    valid.then(|| JournalKey::from_stored(text))
}

/// Whether transactions of this kind are of usage records, which a platform sends.
fn is_of_record(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Usage | EntryKind::Unrated | EntryKind::Rejected | EntryKind::Reversal)
}

/// The link to the next page. It repeats the other parameters, since a link's query replaces the request's query.
fn link_to_next(period: &Period, limit: usize, cursor: &str) -> String {
    let Period { from, to, kind } = period;
    let from = from.map(|from| format!("&from={from}")).unwrap_or_default();
    let to = to.map(|to| format!("&to={to}")).unwrap_or_default();
    let kind = kind.map(|kind| format!("&kind={}", kind.as_str())).unwrap_or_default();
    format!("<?cursor={cursor}&limit={limit}{from}{to}{kind}>; rel=\"next\"")
}

fn unknown_kind() -> Problem {
    let kinds = EntryKind::ALL.map(EntryKind::as_str).join(", ");
    Problem::field("kind", Code::NotAllowed, format!("expected one of {kinds}"))
}

/// Read a record's transaction
///
/// Behind some proxies, a record whose id has a `/` cannot be read here. List transactions with its `recordId` instead.
///
/// For operator, admin, viewer and platform.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/usage/{recordId}",
    operation_id = "getUsageRecord",
    tag = "Usage",
    params(
        ("id" = String, Path, description = "The account"),
        ("recordId" = String, Path, description = "The record"),
        ("startedAt" = Timestamp, Query, description = "When the call started"),
        ("revision" = Option<u32>, Query, nullable = false, minimum = 1, description = "The record's revision; 1 by default"),
    ),
    responses(
        (status = 200, description = "The record's transaction", body = Transaction),
        (status = 404, description = "The record was never accepted", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn usage_record(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&RECORD_READERS)?;
    let none = || Problem::NotFound("record");
    let ids = request.path("recordId").and_then(|id| ids_of(id).ok()).ok_or_else(none)?;
    let (started_at, revision) = both(started_at(request), revision(request))?;
    let entry = first_of(ports, &id, &keys_of(&ids, started_at, revision)).await?.ok_or_else(none)?;
    Ok(Reply::json(200, &Transaction::from(&entry)))
}

/// The ids under which a record may be in the journal. A UUID is kept in small letters; rows of earlier versions have it
/// as it was sent.
fn ids_of(text: &str) -> Result<Vec<RecordId>, InvalidId> {
    let (kept, sent) = (RecordId::sent(text)?, RecordId::parse(text)?);
    Ok(if kept == sent { vec![kept] } else { vec![kept, sent] })
}

fn keys_of(ids: &[RecordId], started_at: Timestamp, revision: u32) -> Vec<JournalKey> {
    ids.iter().map(|id| JournalKey::usage(started_at, id, revision)).collect()
}

/// The row under the first of these keys that has one. A record that had no rate when it came, and is charged for since, has a
/// second row: its charge.
async fn first_of(
    ports: &Ports,
    account: &AccountId,
    keys: &[JournalKey],
) -> Result<Option<JournalEntry>, Problem> {
    for key in keys {
        if let Some(entry) = ports.store.entry(account, key).await? {
            let charge = match entry.details.kind() {
                EntryKind::Unrated => ports.store.entry(account, &key.rated()).await?,
                _ => None,
            };
            return Ok(Some(charge.unwrap_or(entry)));
        }
    }
    Ok(None)
}

/// When a record's call started, cut to the second as in the record's key.
fn started_at(request: &Request) -> Result<Timestamp, Problem> {
    let missing = || Problem::field("startedAt", Code::Missing, "expected when the call started");
    Ok(cut_to_second(request.query_instant("startedAt")?.ok_or_else(missing)?))
}

fn revision(request: &Request) -> Result<u32, Problem> {
    let expected = "a number from 1";
    let revision = request.query_as("revision", expected)?.unwrap_or(1);
    if revision == 0 {
        return Err(Problem::field("revision", Code::OutOfRange, format!("expected {expected}")));
    }
    Ok(revision)
}

/// List records without a rate
///
/// For operator.
#[utoipa::path(
    get,
    path = "/v1/unrated",
    operation_id = "listUnratedRecords",
    tag = "Rates",
    params(
        PageParameters,
    ),
    responses((status = 200, description = "One page", body = UnratedRecords))
)]
pub async fn unrated(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    request.caller().is(&[Role::Operator])?;
    let (cursor, limit) = request.page()?;
    let page = ports.store.unrated(cursor.as_ref(), limit).await?;
    let records = page.items.iter().map(|(account, entry)| UnratedRecord::show(account, entry)).collect();
    Ok(Reply::json(200, &UnratedRecords { records, next: page.next.map(|next| next.encoded()) }))
}
