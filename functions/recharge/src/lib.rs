//! Recovery: every five minutes, payments whose outcome is unknown are resolved to exactly one lot or none
//! (F5). What the processor has seen is looked up; what it never saw, or never charged, is cancelled.

use std::sync::Arc;

use api::Scheduled;
use domain::account::OpenPayment;
use domain::{Account, AccountId, Payment, PaymentId};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use payments::{Cashier, Processor};
use serde::Serialize;
use store::tables::Due;
use store::{Store, StoreError};

/// Accounts looked at at the same time; few, since each asks the card processor.
const RECOVERED_AT_ONCE: usize = 4;

/// What the handler works with.
#[derive(Clone)]
pub struct Ports {
    /// Accounts and payments.
    pub store: Arc<Store>,
    /// Who charged, or not.
    pub processor: Arc<dyn Processor>,
}

/// Whether a payment is left alone while its first process may still be at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leases {
    /// It is.
    Respected,
    /// It is not: whoever asks knows that nothing else runs.
    Ignored,
}

/// What a recovery did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Open payments looked at.
    pub looked_at: usize,
    /// Of those, payments closed with a lot or without.
    pub closed: usize,
}

/// A recovery that did not finish; what it did not come to stays due.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// What is due could not be read.
    #[error("the accounts that are due could not be read")]
    Due(#[source] StoreError),
    /// The others were recovered.
    #[error("{failed} of {due} accounts could not be recovered and stay due")]
    Accounts {
        /// How many were not.
        failed: usize,
        /// How many were due.
        due: usize,
    },
}

/// Recovers what is due.
pub async fn handle(event: Scheduled, ports: &Ports) -> Result<Summary, RecoverError> {
    recover(event.time, Leases::Respected, ports).await
}

/// Recovers what is due at `now`, or with leases ignored everything that is open.
pub async fn recover(now: Timestamp, leases: Leases, ports: &Ports) -> Result<Summary, RecoverError> {
    let until = (leases == Leases::Respected).then_some(now);
    let due = ports.store.due(Due::Recharge, until).await.map_err(RecoverError::Due)?;
    let accounts = due.len();
    let results: Vec<_> = stream::iter(due)
        .map(|id| async move { recover_account(ports, &id, now, leases).await })
        .buffer_unordered(RECOVERED_AT_ONCE)
        .collect()
        .await;
    let mut summary = Summary::default();
    let mut failed = 0;
    for result in results {
        match result {
            Ok(part) => {
                summary.looked_at += part.looked_at;
                summary.closed += part.closed;
            }
            Err(problem) => {
                tracing::error!(?problem, "an account could not be recovered");
                failed += 1;
            }
        }
    }
    tracing::info!(accounts, looked_at = summary.looked_at, closed = summary.closed, "recovered");
    if failed > 0 { Err(RecoverError::Accounts { failed, due: accounts }) } else { Ok(summary) }
}

async fn recover_account(
    ports: &Ports,
    id: &AccountId,
    now: Timestamp,
    leases: Leases,
) -> Result<Summary, StoreError> {
    let Some(account) = ports.store.account(id).await? else { return Ok(Summary::default()) };
    let (mut summary, mut failure) = (Summary::default(), None);
    for open in due_payments(&account, now, leases) {
        summary.looked_at += 1;
        match recover_payment(ports, id, &open.id, now.max(account.as_of)).await {
            Ok(after) => summary.closed += usize::from(after.is_none_or(|payment| !payment.is_open())),
            // The account's other payments are looked at all the same.
            Err(problem) => failure = Some(problem),
        }
    }
    failure.map_or(Ok(summary), Err)
}

/// Finds out what became of one payment; `None` if there is no such payment.
pub async fn recover_payment(
    ports: &Ports,
    account: &AccountId,
    id: &PaymentId,
    now: Timestamp,
) -> Result<Option<Payment>, StoreError> {
    let Some(payment) = ports.store.payment(account, id).await? else { return Ok(None) };
    if !payment.is_open() {
        return Ok(Some(payment));
    }
    let cashier = Cashier { store: &ports.store, processor: ports.processor.as_ref() };
    cashier.recover(payment, now).await.map(Some)
}

fn due_payments(account: &Account, now: Timestamp, leases: Leases) -> impl Iterator<Item = &OpenPayment> {
    let is_due = move |open: &&OpenPayment| leases == Leases::Ignored || open.recover_at <= now;
    account.open_payments.iter().filter(is_due)
}
