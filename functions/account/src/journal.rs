//! Reading the journal: an account's transactions, one record's, and records without a rate (S9).

use api::view::{Rejection, Transaction, Transactions};
use api::{Problem, Reply, Request, Role};
use domain::RecordId;
use domain::posting::{JournalKey, PostingKind};
use domain::time::cut_to_second;
use serde::Serialize;
use store::list::Period;
use utoipa::ToSchema;

use crate::{Ports, READERS};

/// List an account's transactions
///
/// With `Accept: text/csv` the page is CSV, and a `Link` header leads to the next.
///
/// For operator, admin and viewer.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/transactions",
    operation_id = "listTransactions",
    tag = "Journal",
    params(
        ("id" = String, Path, description = "The account"),
        ("from" = Option<String>, Query, description = "From this instant of `at`"),
        ("to" = Option<String>, Query, description = "Up to this instant of `at`, not including it"),
        ("kind" = Option<String>, Query, description = "Only this kind"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u8>, Query, description = "1 to 100, 50 unless it is said"),
    ),
    responses(
        (status = 200, description = "One page, newest first by `at`", content(
            (Transactions = "application/json"),
            (String = "text/csv"),
        )),
        (status = 422, description = "A parameter is wrong", body = api::problem::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn transactions(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&READERS)?;
    let (cursor, limit) = request.page()?;
    let kind =
        request.query("kind").map(|name| PostingKind::parse(name).ok_or_else(unknown_kind)).transpose()?;
    let period = Period { from: request.query_instant("from")?, to: request.query_instant("to")?, kind };
    if let (Some(from), Some(to)) = (period.from, period.to)
        && from >= to
    {
        return Err(Problem::field("to", "expected an instant after from"));
    }
    ports.store.account_seen(&id).await?.ok_or(Problem::NoAccount)?;
    let page = ports.store.transactions(&id, &period, cursor.as_ref(), limit).await?;
    let transactions: Vec<_> = page.items.iter().map(Transaction::from).collect();
    let next = page.next.map(|next| next.encoded());
    if request.header("accept").is_some_and(|accept| accept.starts_with("text/csv")) {
        let reply = Reply::csv(to_csv(&transactions)?);
        return Ok(match next {
            Some(next) => reply.with_header("link", &link_to_next(&period, limit, &next)),
            None => reply,
        });
    }
    Ok(Reply::json(200, &Transactions { transactions, next }))
}

/// The same listing from there on: a link's query replaces the one that was sent.
fn link_to_next(period: &Period, limit: usize, cursor: &str) -> String {
    let Period { from, to, kind } = period;
    let from = from.map(|from| format!("&from={from}")).unwrap_or_default();
    let to = to.map(|to| format!("&to={to}")).unwrap_or_default();
    let kind = kind.map(|kind| format!("&kind={}", kind.as_str())).unwrap_or_default();
    format!("<?cursor={cursor}&limit={limit}{from}{to}{kind}>; rel=\"next\"")
}

fn unknown_kind() -> Problem {
    let kinds = PostingKind::ALL.map(PostingKind::as_str).join(", ");
    Problem::field("kind", format!("expected one of {kinds}"))
}

const CSV_COLUMNS: [&str; 15] = [
    "transactionId",
    "at",
    "postedAt",
    "kind",
    "amount",
    "balance",
    "recordId",
    "userId",
    "service",
    "number",
    "durationSeconds",
    "charge",
    "costCentre",
    "reason",
    "purchaseId",
];

fn to_csv(transactions: &[Transaction]) -> Result<String, Problem> {
    let broken = |problem: String| Problem::Internal(format!("a page as CSV: {problem}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(CSV_COLUMNS).map_err(|problem| broken(problem.to_string()))?;
    for row in transactions {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let fields = [
            row.transaction_id.clone(),
            row.at.to_string(),
            row.posted_at.to_string(),
            row.kind.as_str().to_owned(),
            row.amount.clone(),
            row.balance.clone(),
            text(&row.record_id),
            text(&row.user_id),
            row.service.unwrap_or_default().to_owned(),
            text(&row.number),
            row.duration_seconds.map(|seconds| seconds.to_string()).unwrap_or_default(),
            text(&row.charge),
            text(&row.cost_centre),
            reason(row),
            text(&row.purchase_id),
        ];
        writer
            .write_record(fields.map(|field| harmless(&field)))
            .map_err(|problem| broken(problem.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|problem| broken(problem.to_string()))?;
    String::from_utf8(bytes).map_err(|problem| broken(problem.to_string()))
}

/// Why an adjustment was made, or a record refused.
fn reason(row: &Transaction) -> String {
    let refused = row.rejection.as_ref().map(|Rejection { status, problem, .. }| {
        format!("{}: {}: {}", status.as_str(), problem.field, problem.detail)
    });
    row.reason.clone().or(refused).unwrap_or_default()
}

/// A spreadsheet would run a text that begins like a formula; amounts and phone numbers stay as they are.
/// Source: OWASP, "CSV Injection".
fn harmless(field: &str) -> String {
    let is_number =
        field.trim_start_matches(['+', '-']).bytes().all(|b| b.is_ascii_digit() || b"*.xX".contains(&b));
    if field.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number {
        format!("'{field}")
    } else {
        field.to_owned()
    }
}

/// Read a record's transaction
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
        ("startedAt" = String, Query, description = "When the call started"),
        ("revision" = Option<u32>, Query, description = "1 unless it is said"),
    ),
    responses(
        (status = 200, description = "What became of it", body = Transaction),
        (status = 404, description = "It was never accepted", body = api::problem::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn usage_record(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Admin, Role::Viewer, Role::Platform])?;
    let none = || Problem::NotFound("record");
    let record = request.path("recordId").and_then(|id| RecordId::sent(id).ok()).ok_or_else(none)?;
    let started_at = request.query_instant("startedAt")?;
    let started_at =
        started_at.ok_or_else(|| Problem::field("startedAt", "expected when the call started"))?;
    let revision = request.query_as("revision", "a number from 1")?.unwrap_or(1);
    let key = JournalKey::usage(cut_to_second(started_at), &record, revision);
    let posting = ports.store.posting(&id, &key).await?.ok_or_else(none)?;
    Ok(Reply::json(200, &Transaction::from(&posting)))
}

/// A record without a rate, and whose it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnratedRecord {
    /// Whose.
    account_id: String,
    /// The record as it is kept.
    #[serde(flatten)]
    transaction: Transaction,
}

/// One page of records without a rate.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnratedRecords {
    /// Of all accounts.
    records: Vec<UnratedRecord>,
    /// The `cursor` of the next page; a page may be short or empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
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
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u8>, Query, description = "1 to 100, 50 unless it is said"),
    ),
    responses((status = 200, description = "One page", body = UnratedRecords))
)]
pub async fn unrated(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    request.caller().is(&[Role::Operator])?;
    let (cursor, limit) = request.page()?;
    let page = ports.store.unrated(cursor.as_ref(), limit).await?;
    let records = page.items.iter().map(|(account, posting)| UnratedRecord {
        account_id: account.to_string(),
        transaction: posting.into(),
    });
    Ok(Reply::json(
        200,
        &UnratedRecords { records: records.collect(), next: page.next.map(|next| next.encoded()) },
    ))
}
