//! The steps of a refund, and what the card processor says about refunds and disputes (F9). In this order a process may die
//! between any two of them:
//!
//! 1. *open* (before this): the funds leave the lot, and account and payment say that a refund is open;
//! 2. *send*: the processor pays the card back, under the refund's id as key;
//! 3. *close*: the refund has its credit note, or the funds return, if the processor refused.
//!
//! A process that dies leaves the refund open. Recovery looks for it at the processor, and never sends it again: processors forget
//! keys, and the person who asked has gone. A refund that the processor never saw returns its funds.
//!
//! What happens at the processor by itself comes through [`Cashier::repayments_moved`]: refunds from its dashboard, refunds that fail
//! later, and disputes. It compares all that the processor has with the books, so neither the order nor the number of messages
//! matters.

use domain::account::OpenRefund;
use domain::refund::{RefundState, SeenRefund};
use domain::refunding::{self, Contradiction};
use domain::{Account, AccountId, CardPayment, Decision, PaymentId, disputing};
use jiff::Timestamp;
use store::{ApplyError, StoreError};
use telemetry::Causes;
use telemetry::metric::PAYMENTS_CONTRADICTED;

use crate::cashier::Cashier;
use crate::handle_message::MessageError;
use crate::processor::{NewRefund, ProcessorError};
use crate::recovery::Recovery;

/// Why a refund returns that the processor never saw.
pub const NEVER_SENT: &str = "never_sent";

impl Cashier<'_> {
    /// Sends an open refund to the card processor, and closes it. If the outcome is unknown, it stays open for recovery.
    ///
    /// # Errors
    ///
    /// The store failed. The refund is open, and recovery finds out what became of it.
    pub async fn refund(
        &self,
        payment: CardPayment,
        id: &PaymentId,
        now: Timestamp,
    ) -> Result<CardPayment, StoreError> {
        let refund = payment.repayments().and_then(|repayments| repayments.refund(id));
        let (Some(refund), Some(intent)) = (refund, payment.intent()) else { return Ok(payment) };
        let new = NewRefund {
            key: id.as_str(),
            intent,
            account: &payment.account,
            payment: &payment.id,
            amount: refund.amount,
        };
        match self.processor.refund(&new).await {
            Ok(seen) => self.follow_refund(payment, now, &seen).await,
            Err(ProcessorError::Refused { reason }) => self.return_refund(payment, id, now, &reason).await,
            Err(unknown @ ProcessorError::Unknown(_)) => {
                tracing::warn!(refund = %id, problem = %Causes(&unknown), "the outcome of a refund is unknown");
                Ok(payment)
            }
        }
    }

    /// Recovers a refund that its account lists as open.
    ///
    /// # Errors
    ///
    /// The store failed. The refund stays due.
    pub async fn recover_refund(
        &self,
        account: &AccountId,
        open: &OpenRefund,
        now: Timestamp,
    ) -> Result<Recovery, StoreError> {
        let payment = self.store.card_payment(account, &open.payment).await?;
        let Some(payment) = payment.filter(|payment| is_open(payment, &open.id)) else {
            return Ok(Recovery::Closed);
        };
        let refunds = match payment.intent() {
            Some(intent) => self.processor.refunds(intent).await,
            None => return Ok(Recovery::Closed),
        };
        let refunds = match refunds {
            Ok(refunds) => refunds,
            Err(problem) => {
                tracing::warn!(refund = %open.id, problem = %Causes(&problem), "a refund cannot be looked for");
                return Ok(Recovery::Pending);
            }
        };
        let seen = refunds.iter().find(|seen| seen.key.as_deref() == Some(open.id.as_str()));
        let after = match seen {
            Some(seen) => self.follow_refund(payment, now, seen).await?,
            None => self.return_refund(payment, &open.id, now, NEVER_SENT).await?,
        };
        Ok(if is_open(&after, &open.id) { Recovery::Pending } else { Recovery::Closed })
    }

    /// Follows all refunds and disputes that the card processor has of a payment. What contradicts the books is an error in the log,
    /// for a person to look at, and changes nothing.
    ///
    /// # Errors
    ///
    /// The store failed, or the processor cannot be asked, or the payment is still open although its charge has been paid back or
    /// disputed. No account is due because of it, so the caller comes back.
    pub async fn repayments_moved(
        &self,
        account: &AccountId,
        id: &PaymentId,
        now: Timestamp,
    ) -> Result<(), MessageError> {
        let Some(mut payment) = self.store.card_payment(account, id).await? else { return Ok(()) };
        if payment.is_open() {
            // It has no lot yet from which funds could leave. Recovery closes it before long.
            return Err(MessageError::NotSettled(id.clone()));
        }
        let Some(intent) = payment.repayments().and_then(|_| payment.intent()).map(str::to_owned) else {
            return Ok(());
        };
        let refunds = self.processor.refunds(&intent).await?;
        let disputes = self.processor.disputes(&intent).await?;
        for seen in &refunds {
            payment = self.follow_refund(payment, now, seen).await?;
        }
        for seen in &disputes {
            payment = self.follow(payment, &seen.id, |a, p| disputing::follow(a, p, now, seen)).await?;
        }
        Ok(())
    }

    async fn follow_refund(
        &self,
        payment: CardPayment,
        now: Timestamp,
        seen: &SeenRefund,
    ) -> Result<CardPayment, StoreError> {
        self.follow(payment, &seen.id, |a, p| refunding::follow(a, p, now, seen)).await
    }

    async fn return_refund(
        &self,
        payment: CardPayment,
        id: &PaymentId,
        now: Timestamp,
        reason: &str,
    ) -> Result<CardPayment, StoreError> {
        self.follow(payment, id.as_str(), |a, p| {
            // The processor may have taken it while nobody knew: then it stays paid.
            let decision = is_open(p, id).then(|| refunding::give_back(a, p, now, id, reason));
            Ok(decision.unwrap_or_else(|| Decision::unchanged(p.clone())))
        })
        .await
    }

    /// Commits a decision on a payment, which is read together with its account. What others have done meanwhile is in both, or in
    /// neither.
    async fn follow(
        &self,
        payment: CardPayment,
        object: &str,
        decide: impl Fn(&Account, &CardPayment) -> Result<Decision<CardPayment>, Contradiction> + Send,
    ) -> Result<CardPayment, StoreError> {
        match self.store.apply_with_payment(&payment.account, &payment.id, decide).await {
            Ok(applied) => Ok(applied.answer),
            Err(ApplyError::Store(problem)) => Err(problem),
            Err(ApplyError::NoAccount) => unreachable!("accounts and payments are never removed"),
            Err(ApplyError::PaymentMoved) => unreachable!("a payment that has moved is read again"),
            Err(ApplyError::Refused(contradiction)) => {
                tracing::error!(
                    account = %payment.account, payment = %payment.id, object, problem = %contradiction,
                    "the card processor contradicts the books"
                );
                PAYMENTS_CONTRADICTED.add(1);
                Ok(payment)
            }
        }
    }
}

fn is_open(payment: &CardPayment, refund: &PaymentId) -> bool {
    let refund = payment.repayments().and_then(|repayments| repayments.refund(refund));
    refund.is_some_and(|refund| refund.state == RefundState::Open)
}
