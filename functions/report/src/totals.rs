//! The totals of a period. Days that have not changed since they were stored are read as they were stored. The others are folded
//! from the journal, the latest first, until the time is up, and stored if they are over.
//!
//! 1. The account is read. It says which days have changed, and its version is the one that the totals are as of.
//! 2. The entries of changed days are read and folded, and the totals of each day are stored.
//! 3. The stored totals of the other days are read.
//! 4. A commit removes the stored days from the changed ones, unless they were changed again since the first step.
//!
//! A process that dies in between leaves the days as changed, so the next report totals them again. A debit that comes in between
//! changes the day again, so that the fourth step leaves it. [The decision](../../../docs/decisions/totals-by-need.md) says why a
//! report does this and no job.

use std::convert::Infallible;
use std::time::Duration;

use domain::changed_days::{ChangedSpan, Days};
use domain::time::day_of;
use domain::usage_report::{self, DayTotals, Dimension, Folding, Groups, add_groups};
use domain::{Account, AccountId, JournalEntry};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use store::list::{Cursor, Page, Period};
use store::{Seen, Store, StoreError};
use telemetry::Causes;
use tokio::time::{Instant, timeout};

/// The entries of a page of the journal.
const ENTRIES_A_PAGE: usize = 1_000;

/// How long the commit that removes stored days may take. If it takes longer, they stay changed, and the next report totals them
/// again.
const LONGEST_SETTLING: Duration = Duration::from_secs(3);

/// The totals of a period by a dimension.
#[derive(Debug)]
pub struct Totals {
    /// The account as it was read.
    pub account: Account,
    /// The groups.
    pub groups: Groups,
    /// The days that are not counted, in order.
    pub pending: Vec<Date>,
}

/// Totals a period. `None` if there is no such account.
///
/// # Errors
///
/// The store failed.
pub async fn of_period(
    store: &Store,
    id: &AccountId,
    days: Days,
    dimension: Dimension,
    now: Timestamp,
    until: Instant,
) -> Result<Option<Totals>, StoreError> {
    let Some(account) = store.account(id).await? else { return Ok(None) };
    let changed: Vec<_> = account.changed_days.among(days).collect();
    let today = day_of(now.max(account.as_of));
    let mut run = Run {
        store,
        account,
        dimension,
        today,
        until,
        groups: Groups::new(),
        pending: Vec::new(),
        stored: Vec::new(),
    };
    for span in changed.iter().rev() {
        run.total(*span).await?;
    }
    for (day, groups) in store.usage_totals(&run.account, dimension, days).await? {
        match groups {
            _ if changed.iter().any(|span| span.days.contain(day)) => {}
            Some(groups) => add_groups(&mut run.groups, groups),
            None => run.pending.push(day),
        }
    }
    settle(store, &run.account, now, &run.stored).await;
    let Run { account, groups, mut pending, .. } = run;
    pending.sort();
    Ok(Some(Totals { account, groups, pending }))
}

/// The totalling of an account's changed days.
struct Run<'a> {
    store: &'a Store,
    account: Account,
    dimension: Dimension,
    today: Date,
    until: Instant,
    groups: Groups,
    pending: Vec<Date>,
    /// Days whose totals are stored.
    stored: Vec<Days>,
}

impl Run<'_> {
    /// Totals a span of changed days, the last day first. Days that are not reached are pending.
    async fn total(&mut self, span: ChangedSpan) -> Result<(), StoreError> {
        let mut folding = Folding::new(self.account.currency);
        let (mut cursor, mut is_stored, mut pending) = (None, true, Some(span.days));
        'pages: while Instant::now() < self.until {
            let page = self.page(span.days, cursor.as_ref()).await?;
            for entry in &page.items {
                let Some(totals) = folding.add(entry) else { continue };
                is_stored &= self.count(totals, span.version).await?;
                if Instant::now() >= self.until {
                    break 'pages;
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                if let Some(totals) = folding.end() {
                    is_stored &= self.count(totals, span.version).await?;
                }
                pending = None;
                break;
            }
        }
        // The days after the one that is being folded are totalled.
        let pending = pending.map(|days| Days { last: folding.day().unwrap_or(days.last), ..days });
        self.pending.extend(pending.into_iter().flat_map(Days::iter));
        let first = pending.map_or(Ok(span.days.first), |pending| pending.last.tomorrow());
        let over = self.today.yesterday().ok().zip(first.ok());
        let over = over.and_then(|(last, first)| span.days.among(Days { first, last }));
        self.stored.extend(over.filter(|_| is_stored));
        Ok(())
    }

    async fn page(&self, days: Days, cursor: Option<&Cursor>) -> Result<Page<JournalEntry>, StoreError> {
        let midnight = |day: Date| day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
        let to = days.last.tomorrow().ok().and_then(midnight);
        let period = Period { from: midnight(days.first), to, kind: None };
        self.store.transactions(&self.account.id, &period, cursor, ENTRIES_A_PAGE).await
    }

    /// Counts the totals of a day, and stores them if the day is over. Returns `false` if another process has stored later ones.
    async fn count(&mut self, totals: DayTotals, version: u64) -> Result<bool, StoreError> {
        let is_stored = totals.day >= self.today
            || self.store.write_usage_totals(&self.account.id, &totals, version).await?;
        add_groups(&mut self.groups, totals.into_groups(self.dimension));
        Ok(is_stored)
    }
}

/// Removes the stored days from the account's changed ones. If that fails, they stay, and the next report totals them again.
async fn settle(store: &Store, account: &Account, now: Timestamp, stored: &[Days]) {
    if stored.is_empty() {
        return;
    }
    let decide = |current: &Account, _: &Seen| {
        Ok::<_, Infallible>(usage_report::settle(current, now, account.version, stored))
    };
    match timeout(LONGEST_SETTLING, store.apply(&account.id, decide)).await {
        Ok(Ok(_)) => {}
        Ok(Err(problem)) => {
            tracing::warn!(account = %account.id, problem = %Causes(&problem), "totalled days stay changed");
        }
        Err(_) => {
            tracing::warn!(account = %account.id, "totalled days stay changed: other changes kept coming first");
        }
    }
}
