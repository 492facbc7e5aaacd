//! Charging for unrated records once a rate is published (S9).

use std::collections::BTreeMap;

use api::{PageParameters, Problem, Reply, Request, Role};
use contract::RatedNow;
use domain::debit::Terms;
use domain::journal::{EntryDetails, JournalEntry};
use domain::unrated::{self, Outcome};
use domain::{AccountId, Decision, Pools, RateTable, UsageRecord};
use jiff::Timestamp;
use store::list::Cursor;
use store::{Applied, Seen};

use crate::batch::BatchError;
use crate::{Ports, Timed, failed};

/// What was done for a page of unrated records.
#[derive(Debug, Default)]
pub(crate) struct Rated {
    /// Records that are charged for now.
    pub(crate) rated: usize,
    /// Records that still have no rate.
    pub(crate) still_unrated: usize,
    /// Where the next page begins.
    pub(crate) next: Option<Cursor>,
}

/// Charge for unrated records
///
/// Charges for the records of one page that have a published rate by now, each once. Each is charged as if it came now: from lots
/// and pools as they are. The service does this by itself within an hour after new rates were published; call this to have it
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
    let Rated { rated, still_unrated, next } =
        rate_page(ports, request.now(), cursor.as_ref(), limit).await.map_err(failed)?;
    Ok(Reply::json(200, &RatedNow { rated, still_unrated, next: next.map(|next| next.encoded()) }))
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
    let mut rated = 0;
    for (account, records) in by_account {
        rated += rate_account(ports, &account, now, records).await?;
    }
    Ok(Rated { rated, still_unrated: of_page - rated, next: page.next })
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
    let mut rated = 0;
    while !records.is_empty() {
        let decide = |account: &domain::Account, pools: &Pools, seen: &Seen| {
            let open: Vec<_> = records.iter().filter(|record| is_open(record, seen)).collect();
            let Decision { change, answer } = unrated::decide(account, now, &open, Terms { rates, pools });
            let keys = open.into_iter().map(UsageRecord::key);
            Decision { change, answer: keys.zip(answer).collect::<Vec<_>>() }
        };
        let Applied { answer: outcomes, seen, .. } = ports.store.apply_with_pools(account, decide).await?;
        rated += outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Charged).count();
        let is_decided = |record: &UsageRecord| outcomes.iter().any(|(key, _)| *key == record.key());
        records.retain(|record| is_open(record, &seen) && !is_decided(record));
    }
    Ok(rated)
}

/// Whether nobody else has charged for the record or reversed it, as far as earlier tries have found.
fn is_open(record: &UsageRecord, seen: &Seen) -> bool {
    let key = record.key();
    !seen.lacks(&key) && seen.row(&key.rated()).is_none()
}
