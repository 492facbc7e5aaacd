//! Auto-recharge, recovery of payments, and the card processor's messages: the work on accounts that no request asks for.
//!
//! - When an event says that an account is low, the auto-recharge rule is evaluated, and the card is charged (R2, R3).
//! - Every five minutes, due work is done: payments whose outcome is unknown are resolved to exactly one lot or none (F5), refunds whose
//!   outcome is unknown are paid or returned (F9),
//!   retries begin (R4), and the rule is evaluated for accounts whose event was lost or whose lot expires (R2, N3, N4).
//! - When the card processor says that one of its objects has changed, the payment, set-up or card is looked up. The message comes
//!   from the function `webhook`, or was not delivered and is fetched by the five-minute run.
//!
//! An account with due work is a *due account*: `handle_due_account`.

mod undelivered;

use std::convert::Infallible;
use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::account::{OpenPayment, OpenRefund};
use domain::card_payment::PERSON_HAS;
use domain::event::Event;
use domain::recharge::{self, Policy};
use domain::{Account, AccountId, CardPaymentKind, EventDetails};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use lambda::queue::Content;
use lambda::{Delivery, Scheduled};
use payments::{
    Cashier, LeaseClock, MessageError, Portal, Processor, ProcessorError, ProcessorMessage, Recovery,
};
use serde::Serialize;
use store::tables::Due;
use store::{ApplyError, Store, StoreError};
use telemetry::Causes;
use telemetry::metric::PAYMENTS_PENDING;

/// Due accounts handled at the same time: few, since each one calls the card processor.
const RECOVERED_AT_ONCE: usize = 4;

/// The most payments of one account at once. A payment that succeeds may leave the account low, if a limit made it smaller.
/// Then the rule is evaluated again, up to this number of payments. Further ones are left to the next event.
const MAX_CHARGES_AT_ONCE: usize = 3;

/// The ports of the handler.
#[derive(Clone)]
pub struct Ports {
    /// Accounts and payments.
    pub store: Arc<Store>,
    /// The card processor.
    pub processor: Arc<dyn Processor>,
    /// The portal, to which the processor's pages lead back.
    pub portal: Portal,
    /// The operator's policy for auto-recharge.
    pub policy: Policy,
    /// The clock that tells when an attempt begins, for its lease.
    pub lease_clock: LeaseClock,
}

impl Ports {
    /// The cashier, with this function's clock for leases.
    pub fn cashier(&self) -> Cashier<'_> {
        Cashier {
            store: &self.store,
            processor: self.processor.as_ref(),
            portal: &self.portal,
            lease_clock: Some(&self.lease_clock),
        }
    }
}

/// Whether recovery respects the leases of payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leases {
    /// A payment whose lease has not ended is left to its process.
    Respected,
    /// Every open payment is recovered. The caller knows that nothing else runs.
    Ignored,
}

impl Leases {
    /// Whether recovery looks now at a payment or refund whose lease ends at `recover_at`.
    fn allow(self, recover_at: Timestamp, now: Timestamp) -> bool {
        self == Self::Ignored || recover_at <= now
    }
}

/// The result of a scheduled run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Open payments and refunds that were due.
    pub looked_at: usize,
    /// Those of them that were closed: with a lot or without, paid or returned.
    pub closed: usize,
    /// Recharges begun.
    pub begun: usize,
    /// Messages that the card processor could not deliver, and that were handled.
    pub fetched: usize,
}

impl Summary {
    /// Counts what became of an open payment or refund. A failure does not stop the account's others.
    fn count(&mut self, recovered: Result<Recovery, StoreError>, failure: &mut Option<StoreError>) {
        match recovered {
            Ok(Recovery::Closed) => self.closed += 1,
            Ok(Recovery::WaitsForOwner) => {}
            Ok(Recovery::Pending) => PAYMENTS_PENDING.add(1),
            Err(problem) => {
                PAYMENTS_PENDING.add(1);
                *failure = Some(problem);
            }
        }
    }
}

/// A run that did not finish. Accounts that it did not reach stay due.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The due accounts could not be read.
    #[error("the accounts that are due could not be read")]
    Due(#[source] StoreError),
    /// Some due accounts could not be handled. The others were.
    #[error("{failed} of {due} due accounts could not be handled and stay due")]
    Accounts {
        /// The number of accounts that were not handled.
        failed: usize,
        /// The number of accounts that were due.
        due: usize,
    },
    /// The messages that the card processor could not deliver could not be read. The next run reads them.
    #[error("the messages that the card processor could not deliver could not be read")]
    Undelivered(#[source] ProcessorError),
    /// Some of the messages that the card processor could not deliver could not be handled. The next run handles them.
    #[error("{failed} of {fetched} messages that the card processor could not deliver could not be handled")]
    Messages {
        /// The number of messages that were not handled.
        failed: usize,
        /// The number of messages that were read.
        fetched: usize,
    },
}

/// A message of one of the function's queues.
#[derive(Debug)]
enum Message {
    Event(Box<Event>),
    Processor(ProcessorMessage),
}

impl Content for Message {
    fn read(body: &str) -> serde_json::Result<Self> {
        // Neither can be read as the other.
        ProcessorMessage::read(body)
            .map(Self::Processor)
            .or_else(|_| Event::read(body).map(|event| Self::Event(Box::new(event))))
    }

    fn id(&self) -> &str {
        match self {
            Self::Event(event) => event.id(),
            Self::Processor(message) => message.id(),
        }
    }

    fn cause(&self) -> Option<&str> {
        match self {
            Self::Event(event) => event.cause(),
            Self::Processor(message) => message.cause(),
        }
    }
}

/// Why a message is to come again.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum HandleError {
    Store(#[from] StoreError),
    Message(#[from] MessageError),
}

/// Handles the events that say that an account is low, ignores other events, and handles the messages of the card processor.
pub async fn handle_queue(batch: SqsEvent, ports: &Ports) -> SqsBatchResponse {
    lambda::queue::each(batch, |Delivery { content, now }| async move {
        match content {
            Message::Event(event) => {
                let EventDetails::BalanceLow { .. } = event.details else { return Ok(()) };
                let Ok(id) = AccountId::parse(event.account_id) else { return Ok(()) };
                look(ports, &id, now).await?;
            }
            Message::Processor(message) => ports.cashier().handle_message(&message, now).await?,
        }
        Ok::<_, HandleError>(())
    })
    .await
}

/// Handles due accounts, and the messages that the card processor could not deliver, as of the schedule's instant.
pub async fn handle(event: Scheduled, ports: &Ports) -> Result<Summary, RecoverError> {
    event.run(run(event.time, Leases::Respected, ports)).await
}

/// Handles due accounts, and then the messages that the card processor could not deliver. Neither waits for the success of the
/// other.
pub async fn run(now: Timestamp, leases: Leases, ports: &Ports) -> Result<Summary, RecoverError> {
    let recovered = recover(now, leases, ports).await;
    let fetched = undelivered::handle(now, ports).await;
    Ok(Summary { fetched: fetched?, ..recovered? })
}

/// Handles the accounts that are due at `now`. With leases ignored, every open payment is due, since none is leased for
/// longer than a day.
pub async fn recover(now: Timestamp, leases: Leases, ports: &Ports) -> Result<Summary, RecoverError> {
    let until = if leases == Leases::Respected { now } else { now + PERSON_HAS };
    let due = ports.store.due(Due::Recharge, until).await.map_err(RecoverError::Due)?;
    let accounts = due.len();
    let results: Vec<_> = stream::iter(due)
        .map(|id| async move {
            handle_due_account(ports, &id, now, leases).await.map_err(|problem| (id, problem))
        })
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
                summary.begun += part.begun;
            }
            Err((id, problem)) => {
                tracing::error!(account = %id, problem = %Causes(&problem), "a due account could not be handled");
                failed += 1;
            }
        }
    }
    PAYMENTS_PENDING.report(0);
    let Summary { looked_at, closed, begun, .. } = summary;
    tracing::info!(accounts, looked_at, closed, begun, "due accounts handled");
    if failed > 0 { Err(RecoverError::Accounts { failed, due: accounts }) } else { Ok(summary) }
}

/// Resolves the account's open payments and refunds that are due, and evaluates its auto-recharge rule if needed.
async fn handle_due_account(
    ports: &Ports,
    id: &AccountId,
    now: Timestamp,
    leases: Leases,
) -> Result<Summary, StoreError> {
    let Some(account) = ports.store.account(id).await? else { return Ok(Summary::default()) };
    let now = now.max(account.as_of);
    let (mut summary, mut failure) = (Summary::default(), None);
    let mut needs_a_look = account.due_for_attention().is_some_and(|due| due <= now);
    for open in due_payments(&account, now, leases) {
        summary.looked_at += 1;
        needs_a_look |= open.kind == CardPaymentKind::Recharge;
        let recovered = ports.cashier().recover_open(id, open, now).await;
        summary.count(recovered, &mut failure);
    }
    for open in due_refunds(&account, now, leases) {
        summary.looked_at += 1;
        let recovered = ports.cashier().recover_refund(id, open, now).await;
        summary.count(recovered, &mut failure);
    }
    if needs_a_look {
        match look(ports, id, now).await {
            Ok(begun) => summary.begun += begun,
            Err(problem) => failure = Some(problem),
        }
    }
    failure.map_or(Ok(summary), Err)
}

/// Evaluates the auto-recharge rule and makes the payment that it asks for, again while a payment leaves the account low.
/// Returns the number of payments that were begun.
async fn look(ports: &Ports, id: &AccountId, now: Timestamp) -> Result<usize, StoreError> {
    let cashier = ports.cashier();
    for begun in 0..MAX_CHARGES_AT_ONCE {
        let looked = ports.store.apply_with_profile(id, |account, profile| {
            let begins_at = cashier.begins_at(now);
            Ok::<_, Infallible>(recharge::look(account, profile, now, begins_at, &ports.policy))
        });
        let opened = match looked.await {
            Ok(looked) => looked.answer,
            // Another process has committed the same payment. That process, or recovery, goes on with it.
            Err(ApplyError::PaymentMoved | ApplyError::NoAccount) => None,
            Err(ApplyError::Store(problem)) => return Err(problem),
            Err(ApplyError::Refused(never)) => match never {},
        };
        let Some(payment) = opened else { return Ok(begun) };
        // A payment that cannot be closed stays open, for recovery.
        cashier.charge(payment, now).await?;
    }
    Ok(MAX_CHARGES_AT_ONCE)
}

fn due_payments(account: &Account, now: Timestamp, leases: Leases) -> impl Iterator<Item = &OpenPayment> {
    account.open_payments.iter().filter(move |open| leases.allow(open.recover_at, now))
}

fn due_refunds(account: &Account, now: Timestamp, leases: Leases) -> impl Iterator<Item = &OpenRefund> {
    account.open_refunds.iter().filter(move |open| leases.allow(open.recover_at, now))
}
