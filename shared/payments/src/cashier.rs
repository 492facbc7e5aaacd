//! The steps of a charge. In this order a process may die between any two of them:
//!
//! 1. *open* (before this): account and payment row say that a payment is open;
//! 2. *create* the processor's object, unconfirmed, under the key `paymentId:attempt`;
//! 3. *note* its id on the payment row, if the row is still as it was: a process that lost the row never confirms;
//! 4. *confirm*: the card is charged;
//! 5. *cancel* the object if it was declined or refused: until then its customer can still confirm it with another
//!    card. If it was charged meanwhile, the payment closes as charged;
//! 6. *close*: lot, journal entry and outcome, in one transaction.
//!
//! A recharge whose card is declined has one more attempt when there is a backup (F10): steps 2 to 6 again.
//!
//! A process that dies between two steps leaves the payment open, for [`recovery`](crate::recovery).

use std::sync::Arc;

use domain::card_payment::{ABANDONED, CardPaymentState, LOOK_AGAIN};
use domain::settlement::{self, NotOpen};
use domain::{Account, CardPayment, CardPaymentKind, Decision};
use jiff::Timestamp;
use store::{ApplyError, Store, StoreError};
use telemetry::Causes;
use telemetry::metric::PAYMENTS_CONTRADICTED;

use crate::portal::Portal;
use crate::processor::{Confirmation, Intent, IntentState, NewIntent, Processor, ProcessorError};

/// Another process may move the payment while it is being closed, but seldom: each has one step to take.
pub(crate) const MAX_CLOSING_TRIES: u32 = 8;

/// The result of an attempt.
pub(crate) enum Settled {
    /// Nothing is left to do for now.
    Done(CardPayment),
    /// The outcome is unknown.
    Unknown(CardPayment),
    /// This process, and no other, is to try the payment's next card.
    NextAttempt(CardPayment),
}

impl Settled {
    pub(crate) fn payment(self) -> CardPayment {
        match self {
            Self::Done(payment) | Self::Unknown(payment) | Self::NextAttempt(payment) => payment,
        }
    }
}

/// A clock for leases. A lease is a time-out: it begins when an attempt does, however old the event is that the
/// attempt answers. Nothing else is decided by this clock.
pub type LeaseClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Takes a payment from open to closed.
#[derive(Clone, Copy)]
pub struct Cashier<'a> {
    /// Accounts and payments.
    pub store: &'a Store,
    /// The card processor.
    pub processor: &'a dyn Processor,
    /// The portal, to which the owner of a card comes back after confirming a payment.
    pub portal: &'a Portal,
    /// The clock that says when an attempt begins. Without one it begins at the event's instant, which is right for events that
    /// are handled as they arrive.
    pub lease_clock: Option<&'a LeaseClock>,
}

impl Cashier<'_> {
    /// Charges an open payment. If the outcome is unknown, it stays open for recovery.
    ///
    /// # Errors
    ///
    /// The store failed. The payment is open, and recovery finds out what became of it.
    pub async fn charge(&self, payment: CardPayment, now: Timestamp) -> Result<CardPayment, StoreError> {
        // Boxed, since the futures of the steps are large.
        let settled = Box::pin(self.attempt(payment, now)).await?;
        Ok(self.go_on(settled, now).await?.payment())
    }

    /// The instant at which an attempt begins if it begins now.
    pub fn begins_at(&self, now: Timestamp) -> Timestamp {
        self.lease_clock.map_or(now, |clock| clock().max(now))
    }

    /// Tries the payment's backup card, if this process is to. No other attempt follows.
    pub(crate) async fn go_on(&self, settled: Settled, now: Timestamp) -> Result<Settled, StoreError> {
        match settled {
            Settled::NextAttempt(payment) => Box::pin(self.attempt(payment, now)).await,
            settled => Ok(settled),
        }
    }

    async fn attempt(&self, payment: CardPayment, now: Timestamp) -> Result<Settled, StoreError> {
        let key = payment.processor_key();
        let new = NewIntent {
            key: &key,
            account: &payment.account,
            payment: &payment.id,
            attempt: payment.attempt,
            amount: payment.amount,
            method: &payment.method,
        };
        let intent = match self.processor.create(&new).await {
            Ok(intent) => intent,
            Err(problem) => return Box::pin(self.failed(payment, now, problem)).await,
        };
        let noted = payment.moved_to(CardPaymentState::Open { intent: Some(intent.id.clone()) });
        if !self.store.note_payment(&noted).await? {
            return self.give_way(payment, &intent).await.map(Settled::Done);
        }
        let key = noted.confirmation_key();
        Box::pin(self.confirm(noted, now, &intent.id, &key, payment.kind == CardPaymentKind::Purchase)).await
    }

    /// Confirms the payment's object, and settles the payment by its state after that.
    pub(crate) async fn confirm(
        &self,
        payment: CardPayment,
        now: Timestamp,
        intent: &str,
        key: &str,
        owner_is_present: bool,
    ) -> Result<Settled, StoreError> {
        let return_url = self.portal.purchase(&payment.account, &payment.id);
        let token = &payment.method.token;
        let confirmation = Confirmation { intent, token, key, return_url: &return_url, owner_is_present };
        match self.processor.confirm(&confirmation).await {
            Ok(intent) => self.settle(payment, now, intent).await,
            Err(problem) => Box::pin(self.failed(payment, now, problem)).await,
        }
    }

    /// Settles the payment by the state of the processor's object. A declined object is cancelled first, and its state after that
    /// decides, since the customer may have paid with another card meanwhile. A payment whose object contradicts it stays open, for
    /// people to look into.
    pub(crate) async fn settle(
        &self,
        payment: CardPayment,
        now: Timestamp,
        mut intent: Intent,
    ) -> Result<Settled, StoreError> {
        let mut declined = None;
        if let IntentState::Declined { reason } = intent.state {
            intent = match self.processor.cancel(&intent.id).await {
                Ok(cancelled) => cancelled,
                Err(problem) => return Ok(still_unknown(payment, &problem)),
            };
            declined = Some(reason);
        }
        match &intent.state {
            IntentState::Succeeded { received } if *received != payment.amount => {
                let problem = format!("{received} was received, and not {}", payment.amount);
                self.contradicted(payment, now, &intent.id, &problem).await
            }
            IntentState::Irregular { what } => self.contradicted(payment, now, &intent.id, what).await,
            IntentState::Succeeded { .. } => {
                self.close(payment, |a, p| settlement::succeed(a, now, p, &intent.id)).await
            }
            IntentState::Cancelled { decline } => match decline.as_ref().or(declined.as_ref()) {
                Some(reason) => self.decline(payment, now, reason).await,
                None => self.close(payment, |a, p| settlement::decline(a, now, p, ABANDONED)).await,
            },
            IntentState::NeedsAction { url } => self.await_owner(payment, now, &intent.id, url).await,
            IntentState::NeedsOwner => {
                let page = self.portal.purchase(&payment.account, &payment.id);
                self.await_owner(payment, now, &intent.id, &page).await
            }
            IntentState::Unconfirmed | IntentState::Processing | IntentState::Declined { .. } => {
                self.look_later(payment, now).await
            }
        }
    }

    /// Keeps the payment open until the card's owner confirms it on the page at `url`.
    async fn await_owner(
        &self,
        payment: CardPayment,
        now: Timestamp,
        intent: &str,
        url: &str,
    ) -> Result<Settled, StoreError> {
        let look_again = (now + LOOK_AGAIN).min(payment.owner_has_until().max(now));
        self.close(payment, |a, p| settlement::await_owner(a, now, p, intent, url, look_again)).await
    }

    /// Keeps a payment open whose object contradicts it. The error in the log is for people, who must look into it.
    async fn contradicted(
        &self,
        payment: CardPayment,
        now: Timestamp,
        intent: &str,
        problem: &str,
    ) -> Result<Settled, StoreError> {
        tracing::error!(payment = %payment.id, intent, problem, "a charge contradicts its payment");
        PAYMENTS_CONTRADICTED.add(1);
        self.look_later(payment, now).await
    }

    /// Keeps the payment open, since its outcome is unknown.
    async fn look_later(&self, payment: CardPayment, now: Timestamp) -> Result<Settled, StoreError> {
        self.close(payment, |a, p| settlement::still_unknown(a, now, p, now + LOOK_AGAIN)).await
    }

    /// Settles a call that the processor refused, or whose outcome is unknown. A refusal is a decline of the object
    /// that there is; where there is none, nothing can be charged.
    async fn failed(
        &self,
        payment: CardPayment,
        now: Timestamp,
        problem: ProcessorError,
    ) -> Result<Settled, StoreError> {
        let reason = match problem {
            ProcessorError::Refused { reason } => reason,
            unknown @ ProcessorError::Unknown(_) => return Ok(still_unknown(payment, &unknown)),
        };
        match payment.intent().map(str::to_owned) {
            Some(id) => {
                let intent = Intent { id, state: IntentState::Declined { reason } };
                self.settle(payment, now, intent).await
            }
            None => self.decline(payment, now, &reason).await,
        }
    }

    /// Closes the payment as declined, or moves it on to its backup card.
    async fn decline(
        &self,
        payment: CardPayment,
        now: Timestamp,
        reason: &str,
    ) -> Result<Settled, StoreError> {
        let next_begins_at = self.begins_at(now);
        self.close(payment, |a, p| settlement::decline_or_try_backup(a, now, p, reason, next_begins_at)).await
    }

    /// Gives up an object whose row another process has moved: it must never be confirmed.
    async fn give_way(&self, payment: CardPayment, intent: &Intent) -> Result<CardPayment, StoreError> {
        if let Err(problem) = self.processor.cancel(&intent.id).await {
            tracing::warn!(payment = %payment.id, %problem, "an object that nobody will confirm was not cancelled");
        }
        self.stored(&payment).await
    }

    /// Commits a decision on the payment. A payment that another process has closed stays closed. One that has another object by
    /// now is left as it is, since the decision is about the object before.
    pub(crate) async fn close(
        &self,
        mut payment: CardPayment,
        decide: impl Fn(&Account, &CardPayment) -> Result<Decision<CardPayment>, NotOpen> + Sync,
    ) -> Result<Settled, StoreError> {
        for _ in 0..MAX_CLOSING_TRIES {
            match self.store.apply(&payment.account, |account, _| decide(account, &payment)).await {
                Ok(applied) if applied.answer.attempt > payment.attempt => {
                    return Ok(Settled::NextAttempt(applied.answer));
                }
                Ok(applied) => return Ok(Settled::Done(applied.answer)),
                Err(ApplyError::Store(problem)) => return Err(problem),
                Err(ApplyError::NoAccount) => unreachable!("accounts are never removed"),
                Err(ApplyError::PaymentMoved | ApplyError::Refused(NotOpen)) => {}
            }
            let stored = self.stored(&payment).await?;
            if !stored.is_open() || !is_same_attempt(&stored, &payment) {
                return Ok(Settled::Done(stored));
            }
            payment = stored;
        }
        Ok(Settled::Done(payment))
    }

    pub(crate) async fn stored(&self, payment: &CardPayment) -> Result<CardPayment, StoreError> {
        let stored = self.store.card_payment(&payment.account, &payment.id).await?;
        Ok(stored.expect("an opened payment has its row"))
    }
}

/// Whether both are the same attempt, with the same object at the processor.
pub(crate) fn is_same_attempt(one: &CardPayment, other: &CardPayment) -> bool {
    (one.attempt, one.intent()) == (other.attempt, other.intent())
}

/// Leaves the payment open and due, so that the next recovery looks again. A processor that refuses to look up or to cancel
/// counts as unknown, too: it may have charged.
pub(crate) fn still_unknown(payment: CardPayment, problem: &ProcessorError) -> Settled {
    tracing::warn!(payment = %payment.id, problem = %Causes(problem), "the outcome of a charge is unknown");
    Settled::Unknown(payment)
}
