//! Saving the card of a set-up (F10, X2). It goes by what the processor says, not by whether the person's browser comes back.

use domain::AccountId;
use domain::settings::{self, EnteredCard};
use jiff::Timestamp;
use store::{ApplyError, StoreError};

use crate::cashier::Cashier;
use crate::processor::{CompleteSetUp, ProcessorError, SetUpState};

/// Why the card of a set-up was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The processor knows no such set-up.
    #[error("the card processor knows no such set-up")]
    NoSetUp,
    /// The set-up is for an account that does not exist.
    #[error("there is no account {0}")]
    NoAccount(AccountId),
    /// The processor did not give the card to the account.
    #[error("the card processor did not save the card")]
    NotSaved(#[source] ProcessorError),
    /// The processor did not say what became of the set-up. The caller asks again later.
    #[error("the set-up could not be looked up")]
    Unknown(#[source] ProcessorError),
    /// The card may not have been written. The caller asks again later.
    #[error("the account could not be read or changed")]
    Store(#[from] StoreError),
}

impl Cashier<'_> {
    /// Saves the card of a set-up, once, if a card was entered. The processor's message that a set-up is complete leads here, and
    /// may come again.
    ///
    /// # Errors
    ///
    /// See [`SetUpError`]. Nothing is saved then, or all of it.
    pub async fn complete_set_up(&self, set_up: &str, now: Timestamp) -> Result<(), SetUpError> {
        let state = self.processor.look_up_set_up(set_up).await.map_err(|error| match error {
            ProcessorError::Refused { .. } => SetUpError::NoSetUp,
            unknown @ ProcessorError::Unknown(_) => SetUpError::Unknown(unknown),
        })?;
        let SetUpState::Complete(complete) = state else { return Ok(()) };
        let CompleteSetUp { account, customer, token, .. } = &complete;
        let saved = self.processor.save_method(account, Some(customer), token).await;
        let entered = EnteredCard {
            set_up: set_up.to_owned(),
            method: saved.map_err(SetUpError::NotSaved)?,
            card: complete.card,
            by: complete.by,
        };
        let saved = self.store.apply_with_profile(&complete.account, |account, profile| {
            Ok(settings::save_entered_card(account, profile, now, entered.clone()))
        });
        let saved = saved.await.map_err(|error: ApplyError<SetUpError>| match error {
            ApplyError::NoAccount => SetUpError::NoAccount(complete.account.clone()),
            ApplyError::Refused(refusal) => refusal,
            ApplyError::PaymentMoved => unreachable!("settings write no payment"),
            ApplyError::Store(problem) => SetUpError::Store(problem),
        })?;
        Ok(self.cancel_withdrawn(&saved.account, now).await?)
    }
}
