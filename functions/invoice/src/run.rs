//! The nightly run. It closes the months that are over and that no other commit closed, and reminds people of invoices that are
//! overdue. It reads only the accounts that are due. The result is the same if it runs twice, late, or while debits arrive: what
//! it does to an account is one commit, which tells what it did.

use std::convert::Infallible;

use domain::AccountId;
use domain::invoicing::{self, Looked};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use lambda::Scheduled;
use serde::Serialize;
use store::StoreError;
use store::tables::Due;
use telemetry::Causes;
use telemetry::metric::MONTHS_CLOSED;

use crate::Ports;

/// Accounts looked at at the same time.
const LOOKED_AT_AT_ONCE: usize = 8;

/// The result of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Accounts that were due.
    pub accounts: usize,
    /// Months closed with an invoice.
    pub issued: usize,
    /// Reminders of invoices that are overdue.
    pub reminded: usize,
}

/// A run that did not finish. Accounts that were not looked at stay due.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The due accounts could not be read.
    #[error("the accounts that are due could not be read")]
    Due(#[source] StoreError),
    /// Some due accounts could not be looked at.
    #[error("{failed} of {due} accounts could not be invoiced and stay due")]
    Accounts {
        /// The number of accounts that were not looked at.
        failed: usize,
        /// The number of accounts that were due.
        due: usize,
    },
}

/// Looks at every account that is due.
pub async fn handle(event: Scheduled, ports: &Ports) -> Result<Summary, RunError> {
    event.run(look_at_all(event.time, ports)).await
}

async fn look_at_all(now: Timestamp, ports: &Ports) -> Result<Summary, RunError> {
    let due = ports.store.due(Due::Invoice, now).await.map_err(RunError::Due)?;
    MONTHS_CLOSED.report(0);
    let accounts = due.len();
    let results: Vec<_> = stream::iter(due)
        .map(|id| async move { look_at(ports, &id, now).await })
        .buffer_unordered(LOOKED_AT_AT_ONCE)
        .collect()
        .await;
    let failed = results.iter().filter(|result| result.is_none()).count();
    if failed > 0 {
        return Err(RunError::Accounts { failed, due: accounts });
    }
    let looked = results.into_iter().flatten();
    let summary = looked.fold(Summary { accounts, ..Summary::default() }, |sum, looked| Summary {
        issued: sum.issued + usize::from(looked.issued),
        reminded: sum.reminded + looked.reminded,
        ..sum
    });
    tracing::info!(accounts, issued = summary.issued, reminded = summary.reminded, "invoiced");
    Ok(summary)
}

/// Looks at one account. It stays due after a failure, which is logged.
async fn look_at(ports: &Ports, id: &AccountId, now: Timestamp) -> Option<Looked> {
    let looked = ports.store.apply(id, |account, _| Ok::<_, Infallible>(invoicing::look(account, now))).await;
    match looked {
        Ok(applied) => {
            MONTHS_CLOSED.add(u64::from(applied.answer.issued));
            Some(applied.answer)
        }
        Err(problem) => {
            tracing::error!(account = %id, problem = %Causes(&problem), "an account could not be invoiced");
            None
        }
    }
}
