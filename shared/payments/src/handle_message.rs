//! Handling messages of the card processor. A message says where to look. The objects and the books decide what follows:
//!
//! | the message is about | then |
//! |---|---|
//! | the object of an open payment | the payment is settled, as by recovery |
//! | the object of a payment that succeeded | nothing: its lot is there |
//! | an object that is not its payment's, and was not charged | nothing |
//! | an object that is not its payment's, and was charged | an alarm, since no lot stands for the charge; if the payment was declined, the card is paid back |
//! | the refunds and disputes of a charge | the books follow them (F9) |
//! | a set-up | its card is saved, once |
//! | a saved card | the account has the card's new data, or the card is removed |
//!
//! A message that comes late, twice or after a later one therefore changes nothing, and one that fails is handled whole when it comes
//! again.

use domain::profile::PaymentMethod;
use domain::settings::{self, SeenCard};
use domain::{AccountId, CardPayment, CardPaymentState, Money, PaymentId};
use jiff::Timestamp;
use std::convert::Infallible;
use store::{ApplyError, StoreError};
use telemetry::Causes;
use telemetry::metric::CHARGES_WITHOUT_LOT;

use crate::cashier::Cashier;
use crate::message::{ProcessorMessage, Subject};
use crate::processor::{IntentState, NewRefund, ProcessorError};
use crate::set_up::SetUpError;

/// Why a message is to come again.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The card processor did not answer, or refused.
    #[error("the card processor did not say what became of the object")]
    Processor(#[from] ProcessorError),
    /// The payment is open as before, although its charge is over, or was paid back or disputed.
    #[error("the payment {0} was not settled")]
    NotSettled(PaymentId),
    /// The card of a set-up was not saved.
    #[error("the card of a set-up was not saved")]
    SetUp(#[source] SetUpError),
    /// The books could not be read or changed.
    #[error("the account could not be read or changed")]
    Store(#[from] StoreError),
}

impl Cashier<'_> {
    /// Handles a message. It may come any number of times.
    ///
    /// # Errors
    ///
    /// See [`MessageError`]: the message is to come again.
    pub async fn handle_message(
        &self,
        message: &ProcessorMessage,
        now: Timestamp,
    ) -> Result<(), MessageError> {
        if message.is_live != self.processor.is_live().await? {
            // The webhook's secret is of one mode, and the key of the other.
            tracing::error!(
                message = message.id,
                "a message of the other mode, live or test, was left alone"
            );
            return Ok(());
        }
        match &message.subject {
            Subject::Charge { intent } => self.charge_moved(message, intent, now).await,
            Subject::Repayments { intent } => match self.payment_meant(message, intent).await? {
                Some((account, id)) => self.repayments_moved(&account, &id, now).await,
                None => leave(message, "the charge is not one of this system"),
            },
            Subject::SetUp { set_up } => match self.complete_set_up(set_up, now).await {
                Ok(()) => Ok(()),
                Err(problem @ (SetUpError::NoSetUp | SetUpError::NoAccount(_))) => {
                    leave(message, &problem.to_string())
                }
                Err(problem) => Err(MessageError::SetUp(problem)),
            },
            Subject::Card { customer, token } => match self.processor.account_of(customer).await? {
                Some(account) => self.cards_moved(&account, now, |saved| saved.token == *token).await,
                None => leave(message, "the customer is not one of this system"),
            },
            Subject::DeletedCustomer { customer } => match &message.account {
                Some(account) => self.cards_moved(account, now, |saved| saved.customer == *customer).await,
                None => leave(message, "the customer is not one of this system"),
            },
        }
    }

    /// Settles the payment whose object may have moved. An object that was charged, and is not the payment's, has no lot.
    async fn charge_moved(
        &self,
        message: &ProcessorMessage,
        intent: &str,
        now: Timestamp,
    ) -> Result<(), MessageError> {
        let Some((account, id)) = self.payment_meant(message, intent).await? else {
            return leave(message, "the charge is not one of this system");
        };
        if self.store.card_payment(&account, &id).await?.is_none() {
            // Another system with the same key at the card processor, such as a further stack for tests.
            return leave(message, "there is no such payment");
        }
        let state = self.processor.look_up(intent).await?.state;
        self.payment_moved(&account, &id, now).await?;
        let payment = self.store.card_payment(&account, &id).await?.expect("payments are never removed");
        let is_over = match &state {
            IntentState::Succeeded { received } => *received == payment.amount,
            state => matches!(state, IntentState::Cancelled { .. }),
        };
        match (&payment.state, state) {
            // The processor was asked again, and did not answer.
            (CardPaymentState::NeedsAction { intent: noted, .. }, _) if noted == intent && is_over => {
                Err(MessageError::NotSettled(id))
            }
            _ if payment.intent() == Some(intent) => Ok(()),
            (_, IntentState::Succeeded { received }) => {
                self.charged_without_lot(&payment, intent, received).await
            }
            _ => Ok(()),
        }
    }

    /// The payment that an object was created for: as the message says, or else as the processor does.
    async fn payment_meant(
        &self,
        message: &ProcessorMessage,
        intent: &str,
    ) -> Result<Option<(AccountId, PaymentId)>, ProcessorError> {
        match (&message.account, &message.payment) {
            (Some(account), Some(payment)) => Ok(Some((account.clone(), payment.clone()))),
            _ => self.processor.payment_of(intent).await,
        }
    }

    /// Raises the alarm for a charge that no lot stands for. If the payment was declined, people were told so, and the card is paid back,
    /// once. Otherwise the operator decides.
    async fn charged_without_lot(
        &self,
        payment: &CardPayment,
        intent: &str,
        received: Money,
    ) -> Result<(), MessageError> {
        let was_declined = matches!(payment.state, CardPaymentState::Declined { .. });
        tracing::error!(account = %payment.account, payment = %payment.id, intent, was_declined,
            "a card was charged, and no lot stands for the charge");
        CHARGES_WITHOUT_LOT.add(1);
        if !was_declined {
            return Ok(());
        }
        let new = NewRefund {
            key: &format!("{intent}:no-lot"),
            intent,
            account: &payment.account,
            payment: &payment.id,
            amount: received,
        };
        match self.processor.refund(&new).await {
            Ok(_) => Ok(()),
            // The charge was paid back before: by this very refund, whose key the processor has forgotten since, or by hand.
            Err(problem @ ProcessorError::Refused { .. }) => {
                tracing::warn!(payment = %payment.id, problem = %Causes(&problem), "the charge was not paid back");
                Ok(())
            }
            Err(unknown) => Err(unknown.into()),
        }
    }

    /// Saves what has become of those of the account's saved cards that are meant.
    async fn cards_moved(
        &self,
        account: &AccountId,
        now: Timestamp,
        is_meant: impl Fn(&PaymentMethod) -> bool,
    ) -> Result<(), MessageError> {
        let Some((_, profile)) = self.store.account_with_profile(account).await? else { return Ok(()) };
        let mut seen = Vec::new();
        for saved in [&profile.payment_method, &profile.backup].into_iter().flatten() {
            if is_meant(saved) {
                let method = self.processor.look_up_method(saved).await?;
                seen.push(SeenCard { token: saved.token.clone(), method });
            }
        }
        let followed = self.store.apply_with_profile(account, |account, profile| {
            Ok::<_, Infallible>(settings::follow_processor(account, profile, now, &seen))
        });
        match followed.await {
            Ok(followed) => Ok(self.cancel_withdrawn(&followed.account, now).await?),
            Err(ApplyError::Store(problem)) => Err(problem.into()),
            Err(ApplyError::NoAccount) => unreachable!("accounts are never removed"),
            Err(ApplyError::PaymentMoved) => unreachable!("settings write no payment"),
            Err(ApplyError::Refused(never)) => match never {},
        }
    }
}

/// Leaves a message alone that is not about this system.
#[expect(clippy::unnecessary_wraps, reason = "a message that is left alone is handled")]
fn leave(message: &ProcessorMessage, why: &str) -> Result<(), MessageError> {
    tracing::warn!(
        message = message.id,
        kind = message.kind,
        why,
        "a message of the card processor was left alone"
    );
    Ok(())
}
