//! Charging for unrated records once a rate is published (S9).
//!
//! A schedule runs every five minutes. It does nothing until it meets a rate file that it does not know; then it goes through all
//! unrated records. Functions that were started before the new file was there may find records unrated for some minutes more, so
//! runs go on for an hour.

use std::collections::BTreeMap;

use api::{PageParameters, Problem, Reply, Request, Role};
use contract::RatedNow;
use domain::debit::Terms;
use domain::journal::{EntryDetails, JournalEntry};
use domain::unrated::{self, Outcome};
use domain::{AccountId, Decision, Pools, RateTable, UsageRecord};
use jiff::{SignedDuration, Timestamp};
use lambda::Scheduled;
use serde::Serialize;
use store::list::Cursor;
use store::{Applied, RatingRuns, Seen};
use tokio::time::Instant;

use crate::batch::{BatchError, FOR_THE_LAST_COMMIT};
use crate::{Ports, Timed, failed};

/// Records of one page of a run.
const PAGE: usize = 100;

/// For how long after the first run with a rate file further runs go through the unrated records.
const RUNS_FOR: SignedDuration = SignedDuration::from_hours(1);

/// What was done for a page of unrated records.
#[derive(Debug, Default)]
pub(crate) struct Rated {
    /// Records that are charged for now.
    pub(crate) rated: usize,
    /// Records that still have no rate, or whose account failed.
    pub(crate) still_unrated: usize,
    /// Accounts whose records could not be charged for, or not all of them.
    pub(crate) failed: usize,
    /// Where the next page begins.
    pub(crate) next: Option<Cursor>,
}

/// Charge for unrated records
///
/// Charges for the records of one page that have a published rate by now, each once. Each is charged as if it came now: from lots
/// and pools as they are. The service does this by itself within five minutes after new rates are in use; call this to have it
/// done at once, page by page, until there is no `next`.
///
/// For operator.
#[utoipa::path(
    post,
    path = "/v1/unrated/rate",
    operation_id = "rateUnratedRecords",
    tag = "Rates",
    params(PageParameters),
    responses(
        (status = 200, description = "What was done, and where the next page begins", body = RatedNow),
        (status = 422, description = "A parameter is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn rate(request: &Request, Timed { ports, .. }: Timed<'_>) -> Result<Reply, Problem> {
    request.caller().is(&[Role::Operator])?;
    let (cursor, limit) = request.page()?;
    let Rated { rated, still_unrated, next, .. } =
        rate_page(ports, request.now(), cursor.as_ref(), limit).await.map_err(failed)?;
    Ok(Reply::json(200, &RatedNow { rated, still_unrated, next: next.map(|next| next.encoded()) }))
}

/// The result of a scheduled run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Records that are charged for now.
    pub rated: usize,
    /// Records that still have no rate, or whose account failed.
    pub still_unrated: usize,
    /// Accounts whose records could not be charged for, or not all of them. Further runs try again.
    pub failed: usize,
}

/// Goes through all unrated records, if the rate file is newer than the last run. A run that is not through by `until` is
/// followed by another one.
///
/// # Errors
///
/// The database is unavailable, or there are no rates. The next run does what is left.
pub async fn handle(event: Scheduled, ports: &Ports, until: Instant) -> Result<Summary, BatchError> {
    event.run(rate_all(ports, event.time, until)).await
}

async fn rate_all(ports: &Ports, now: Timestamp, until: Instant) -> Result<Summary, BatchError> {
    let rates = ports.rates.get()?.fingerprint();
    let before = ports.store.rating_runs().await?.filter(|runs| runs.rates == rates);
    if before.as_ref().is_some_and(|runs| runs.are_over) {
        return Ok(Summary::default());
    }
    let first_run_at = before.map_or(now, |runs| runs.first_run_at);
    let mut summary = Summary::default();
    let mut cursor = None;
    let is_through = loop {
        if Instant::now() + FOR_THE_LAST_COMMIT > until {
            break false;
        }
        let page = rate_page(ports, now, cursor.as_ref(), PAGE).await?;
        summary.rated += page.rated;
        summary.still_unrated += page.still_unrated;
        summary.failed += page.failed;
        cursor = page.next;
        if cursor.is_none() {
            break true;
        }
    };
    let are_over = is_through && summary.failed == 0 && now.duration_since(first_run_at) >= RUNS_FOR;
    ports.store.note_rating_runs(&RatingRuns { rates, first_run_at, are_over }).await?;
    let Summary { rated, still_unrated, failed } = summary;
    tracing::info!(rated, still_unrated, failed, is_through, "went through the unrated records");
    Ok(summary)
}

/// Charges for the records of one page that have a rate.
pub(crate) async fn rate_page(
    ports: &Ports,
    now: Timestamp,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Rated, BatchError> {
    let rates = ports.rates.get()?;
    let page = ports.store.unrated(cursor, limit).await?;
    let of_page = page.items.len();
    let mut by_account: BTreeMap<AccountId, Vec<UsageRecord>> = BTreeMap::new();
    for (account, entry) in page.items {
        if let Some(record) = with_rate(entry, rates) {
            by_account.entry(account).or_default().push(record);
        }
    }
    let (mut charged, mut failed) = (0, 0);
    for (account, records) in by_account {
        match rate_account(ports, &account, now, records).await {
            Ok(of_account) => charged += of_account,
            // The records of other accounts do not wait for this one.
            Err(problem) => {
                failed += 1;
                tracing::error!(%account, %problem, "unrated records were not charged for");
            }
        }
    }
    Ok(Rated { rated: charged, still_unrated: of_page - charged, failed, next: page.next })
}

/// The record of an unrated entry, if it has a rate.
fn with_rate(entry: JournalEntry, rates: &RateTable) -> Option<UsageRecord> {
    let currency = entry.amount.currency();
    let EntryDetails::Unrated { record } = entry.details else { return None };
    rates.find(record.service, &record.number, currency, record.started_at)?;
    Some(record)
}

/// Charges for records of an account. Returns how many it charged for. Records whose marker is gone were charged for, or
/// reversed, by somebody else.
async fn rate_account(
    ports: &Ports,
    account: &AccountId,
    now: Timestamp,
    mut records: Vec<UsageRecord>,
) -> Result<usize, BatchError> {
    let rates = ports.rates.get()?;
    let mut charged = 0;
    while !records.is_empty() {
        let decide = |account: &domain::Account, pools: &Pools, seen: &Seen| {
            let open: Vec<_> = records.iter().filter(|record| is_open(record, seen)).collect();
            let Decision { change, answer } = unrated::decide(account, now, &open, Terms { rates, pools });
            let keys = open.into_iter().map(UsageRecord::key);
            Decision { change, answer: keys.zip(answer).collect::<Vec<_>>() }
        };
        let Applied { answer: outcomes, seen, .. } = ports.store.apply_with_pools(account, decide).await?;
        charged += outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Charged).count();
        let is_decided = |record: &UsageRecord| outcomes.iter().any(|(key, _)| *key == record.key());
        records.retain(|record| is_open(record, &seen) && !is_decided(record));
    }
    Ok(charged)
}

/// Whether nobody else has charged for the record or reversed it, as far as earlier tries have found.
fn is_open(record: &UsageRecord, seen: &Seen) -> bool {
    let key = record.key();
    !seen.lacks(&key) && seen.row(&key.rated()).is_none()
}
