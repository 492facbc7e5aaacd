//! Charges for finished calls: `POST /v1/accounts/{id}/debits`, and messages of a FIFO queue (S1-S7, S9, S10). It also takes
//! charges back (S11): see [`reversal`], and charges later for records that had no rate: see [`unrated`].
//!
//! A request carries usage records in one of four formats. Each is accepted or rejected on its own, in order, and applied
//! exactly once, even if it is repeated within the request or in another one: see [`batch`]. A message carries records in
//! the service's own format: see [`queue`]. Records that wait for the same account are committed together (`commits.rs`).

pub mod batch;
mod commits;
pub mod doc;
mod duplicates;
pub mod queue;
mod rejected;
pub mod reversal;
mod reversal_batch;
pub mod unrated;
pub mod verdict;

use std::sync::Arc;

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse, Problem, Reply, Request, Role};
use cdr::{Context, Format, ReadError};
use contract::{Code, Debits};
use rates::PublishedRates;
use store::{ApplyError, Store};
use tokio::time::Instant;

use batch::{Batch, BatchError};
use commits::Commits;

/// The ports of the handler.
#[derive(Clone)]
pub struct Ports {
    /// Accounts and their journals.
    pub store: Arc<Store>,
    /// Published rates.
    pub rates: PublishedRates,
    commits: Arc<Commits>,
}

impl Ports {
    /// Ports over a store, at these rates.
    pub fn new(store: Arc<Store>, rates: PublishedRates) -> Self {
        let commits = Arc::new(Commits::new(store.clone(), rates.clone()));
        Self { store, rates, commits }
    }
}

/// The ports of the handler, and the instant by which a request must be answered.
#[derive(Clone, Copy)]
pub struct Timed<'a> {
    ports: &'a Ports,
    until: Instant,
}

api::routes! { Timed<'_>;
    "POST /v1/accounts/{id}/debits" ("rate") => debit,
    "POST /v1/accounts/{id}/usage/{recordId}/reversal" () => reversal::reverse_one,
    "POST /v1/accounts/{id}/reversals" ("reason", "rate") => reversal::reverse_many,
    "POST /v1/unrated/rate" ("cursor", "limit") => unrated::rate,
}

/// Seconds after which a caller repeats a request that did not reach every record.
const RETRY_AFTER_SECONDS: u32 = 1;

/// Answers one request, by `until`.
pub async fn handle(
    event: ApiGatewayV2httpRequest,
    ports: &Ports,
    until: Instant,
) -> ApiGatewayV2httpResponse {
    api::answer(event, ROUTES, async |request| route(request, Timed { ports, until }).await).await
}

/// Pay for finished calls
///
/// Each record is accepted or rejected on its own, in order. A record is applied exactly once, for ever: a repeat of it is
/// a `duplicate`, and a repeat with another duration, service, charge or currency is a `conflict`. A record without a
/// published rate is kept as `unrated`. Send the whole request again after a 503 or a lost reply: nothing is charged
/// twice.
///
/// One account takes about 500 records a second, and a request is answered within 29 seconds. Records whose outcome is not
/// known by then are `notReached`. Send the same request again after `Retry-After` seconds, until `notReached` is 0; it
/// goes on where it stopped.
///
/// For operator and platform.
#[utoipa::path(
    post,
    path = "/v1/accounts/{id}/debits",
    operation_id = "debitUsage",
    tag = "Usage",
    params(
        ("id" = String, Path, description = "The account"),
        ("rate" = inline(Option<doc::WhatIsRated>), Query, description = "`all`: rows that a report states to cost nothing are rated like records in the service's own format. A row that is sent once with `rate=all` and once without it has two different charges, so the second is a conflict"),
    ),
    request_body(content(
        (doc::Records = "application/json"),
        (Object = "application/vnd.microsoft.graph+json"),
        (String = "text/csv"),
        (inline(doc::Zip) = "application/zip"),
    ), description = "Up to 1,000 records in the service's own format; or a Graph page of `pstnCallLogRow` or a PSTN usage report, plain or zipped, of up to 20,000 rows. The body has at most 4 MiB as sent; a zip has at most 4,125,000 bytes"),
    responses(
        (status = 200, description = "The result of each record", body = Debits, headers(("Retry-After" = u32, description = "Seconds after which to send the same request again; only where records were not reached"))),
        (status = 400, description = "The body cannot be read", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Too many records or bytes", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field or column is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The service is busy or a dependency is down: send the same request again after `Retry-After` seconds. Records that are decided on by then are duplicates", body = contract::ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds after which to send the same request again"))),
    )
)]
pub async fn debit(request: &Request, Timed { ports, until }: Timed<'_>) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Platform])?;
    let format = format_of(request)?;
    let rate_all = rate_all(request)?;
    let account = ports.store.account_seen(&id).await?.ok_or(Problem::NoAccount)?;
    let rates = ports.rates.get()?;
    let context = Context { currency: account.currency, rates, rate_all };
    let rows = cdr::read(format, request.body(), &context).map_err(unreadable)?;

    let batch = Batch::new(&rows, account.currency).ending_holds(format == Format::Json).until(until);
    let done = batch.apply(ports, &id, request.now()).await.map_err(failed)?;
    let shown = doc::show(&rows, &done, format == Format::Json);
    let reply = Reply::json(200, &shown);
    Ok(match shown.not_reached {
        0 => reply,
        _ => reply.with_header("retry-after", &RETRY_AFTER_SECONDS.to_string()),
    })
}

/// The format of the request's body.
fn format_of(request: &Request) -> Result<Format, Problem> {
    Format::of_content_type(request.header("content-type")).ok_or_else(|| {
        let expected =
            "expected application/json, application/vnd.microsoft.graph+json, text/csv or application/zip";
        Problem::field("Content-Type", Code::UnsupportedContentType, expected)
    })
}

/// Whether rows that a report states to cost nothing are rated.
fn rate_all(request: &Request) -> Result<bool, Problem> {
    match request.query("rate") {
        None => Ok(false),
        Some("all") => Ok(true),
        Some(_) => Err(Problem::field("rate", Code::NotAllowed, "expected all")),
    }
}

fn failed(error: BatchError) -> Problem {
    match error {
        BatchError::Apply(error) => match &*error {
            ApplyError::NoAccount => Problem::NoAccount,
            ApplyError::Store(error) => error.into(),
            ApplyError::PaymentMoved => unreachable!("usage has no payment"),
            ApplyError::Refused(never) => match *never {},
        },
        BatchError::Rates(error) => error.into(),
        BatchError::OutOfTime => Problem::Unavailable(error.to_string()),
        BatchError::Broken => Problem::Internal(error.to_string()),
    }
}

fn unreadable(error: ReadError) -> Problem {
    match error {
        ReadError::Unreadable { detail } => Problem::Unreadable(detail),
        ReadError::Invalid { field, detail } => Problem::field(field, Code::Invalid, detail),
        error @ (ReadError::TooMany { .. } | ReadError::TooLarge { .. }) => {
            Problem::TooLarge(error.to_string())
        }
    }
}
