//! The nightly sweep. It books funds that are unused 72 h after their expiry as forfeited, and warns recipients of funds
//! and of saved cards that will expire (E1-E3, N13). It reads only the accounts that are due (E2). The result is the same if it runs twice, late,
//! in pieces or while debits arrive.

use std::convert::Infallible;
use std::sync::Arc;

use domain::AccountId;
use domain::expiry::{self, Swept};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use lambda::Scheduled;
use serde::Serialize;
use store::tables::Due;
use store::{ApplyError, Store, StoreError};
use telemetry::Causes;

/// Accounts swept at the same time.
const SWEPT_AT_ONCE: usize = 8;

/// The most commits that a run makes on one account. Each books up to 90 lots, so they book more than the 500 that may be
/// live at once.
const MAX_COMMITS_AN_ACCOUNT: usize = 20;

/// The ports of the handler.
#[derive(Clone)]
pub struct Ports {
    /// Accounts and their journals.
    pub store: Arc<Store>,
}

/// The result of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Accounts that were due.
    pub accounts: usize,
    /// Lots booked as forfeited.
    pub booked: usize,
    /// Warnings given.
    pub warned: usize,
}

/// A sweep that did not finish. Accounts that were not swept stay due.
#[derive(Debug, thiserror::Error)]
pub enum ExpireError {
    /// The due accounts could not be read.
    #[error("the accounts that are due could not be read")]
    Due(#[source] StoreError),
    /// Some due accounts could not be swept.
    #[error("{failed} of {due} accounts could not be swept and stay due")]
    Accounts {
        /// The number of accounts that were not swept.
        failed: usize,
        /// The number of accounts that were due.
        due: usize,
    },
}

/// Sweeps every account that is due.
pub async fn handle(event: Scheduled, ports: &Ports) -> Result<Summary, ExpireError> {
    event.run(sweep_all(event.time, ports)).await
}

async fn sweep_all(now: Timestamp, ports: &Ports) -> Result<Summary, ExpireError> {
    let due = ports.store.due(Due::Expire, now).await.map_err(ExpireError::Due)?;
    let accounts = due.len();
    let results: Vec<_> = stream::iter(due)
        .map(|id| async move { sweep(&ports.store, &id, now).await })
        .buffer_unordered(SWEPT_AT_ONCE)
        .collect()
        .await;
    let failed = results.iter().filter(|result| result.is_none()).count();
    if failed > 0 {
        return Err(ExpireError::Accounts { failed, due: accounts });
    }
    let swept = results.into_iter().flatten();
    let summary = swept.fold(Summary { accounts, ..Summary::default() }, |sum, swept| Summary {
        booked: sum.booked + swept.booked,
        warned: sum.warned + swept.warned,
        ..sum
    });
    tracing::info!(accounts, booked = summary.booked, warned = summary.warned, "swept");
    Ok(summary)
}

/// Sweeps one account until nothing is due, or until it has had [`MAX_COMMITS_AN_ACCOUNT`] commits. In the second case it
/// stays due for the next run. It also stays due after a failure, which is logged.
async fn sweep(store: &Store, id: &AccountId, now: Timestamp) -> Option<Swept> {
    let mut total = Swept::default();
    for _ in 0..MAX_COMMITS_AN_ACCOUNT {
        let swept = store.apply(id, |account, _| Ok::<_, Infallible>(expiry::sweep(account, now))).await;
        match swept {
            Ok(applied) => {
                total.booked += applied.answer.booked;
                total.warned += applied.answer.warned;
                // The committed account says whether anything is still due, so no second read is needed.
                let next = applied.account.due_for_expiry();
                if next.is_none_or(|next| next > now.max(applied.account.as_of)) {
                    return Some(total);
                }
            }
            Err(error) => {
                log_failure(id, &error);
                return None;
            }
        }
    }
    tracing::warn!(account = %id, booked = total.booked, "an account has more lots due than one run books");
    Some(total)
}

fn log_failure(id: &AccountId, problem: &ApplyError<Infallible>) {
    tracing::error!(account = %id, problem = %Causes(problem), "an account could not be swept");
}
