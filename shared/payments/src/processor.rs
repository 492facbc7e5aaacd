//! The port to a card processor. Its words are those of Stripe's payment intents, which most processors
//! have an equal of: an object that is created, and then confirmed.
//!
//! A decline is not final. The customer may still confirm a declined object with another card, on a page that is
//! open already, until the object is cancelled. So nobody may count on a decline before [`Processor::cancel`]
//! has answered: see [`IntentState::Declined`].

use async_trait::async_trait;
use domain::profile::PaymentMethod;
use domain::{AccountId, Money};

/// A card processor. Every method may be called again with the same arguments: what was done is not done
/// twice.
#[async_trait]
pub trait Processor: Send + Sync {
    /// Keeps a card for an organization, given the token its own page made of it (X2).
    async fn save_method(&self, account: &AccountId, token: &str) -> Result<PaymentMethod, ProcessorError>;

    /// Creates the object of a charge, unconfirmed: no money moves. The same key gives the same object.
    async fn create(&self, new: &NewIntent<'_>) -> Result<Intent, ProcessorError>;

    /// Charges the card. An object that was charged or cancelled stays as it is; one that was declined is charged
    /// again.
    async fn confirm(&self, intent: &str) -> Result<Intent, ProcessorError>;

    /// The object as the processor has it.
    async fn look_up(&self, intent: &str) -> Result<Intent, ProcessorError>;

    /// The object created under this key, found by listing the customer's: a search index would lag, and
    /// sending the key again would create what was never created.
    async fn find(&self, customer: &str, key: &str) -> Result<Option<Intent>, ProcessorError>;

    /// Makes sure that the object is never charged from now on. The answer is the object afterwards: `Cancelled`, or
    /// `Succeeded` where the card was charged before. Any other state means that it could not be cancelled yet.
    async fn cancel(&self, intent: &str) -> Result<Intent, ProcessorError>;

    /// Pays back part or all of a charge. The same key pays back once.
    async fn refund(&self, intent: &str, amount: Money, key: &str) -> Result<Refund, ProcessorError>;
}

/// A charge to be created.
#[derive(Clone, Debug)]
pub struct NewIntent<'a> {
    /// `paymentId:attempt`.
    pub key: &'a str,
    /// In whole minor units.
    pub amount: Money,
    /// What is charged.
    pub method: &'a PaymentMethod,
}

/// A charge as the processor has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The processor's id.
    pub id: String,
    /// How far it is.
    pub state: IntentState,
}

/// How far a charge is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntentState {
    /// Nothing has been asked of the card.
    Unconfirmed,
    /// The card wants its owner.
    NeedsAction {
        /// Where the person can act.
        url: String,
    },
    /// The processor does not know yet.
    Processing,
    /// The card was charged.
    Succeeded,
    /// The card was declined. Until it is cancelled, the object can still be confirmed and charged.
    Declined {
        /// `card_declined`, `insufficient_funds`, … (F4)
        reason: String,
    },
    /// It can never be charged any more.
    Cancelled {
        /// Why the card was declined before that, if it was.
        decline: Option<String>,
    },
}

/// Money on its way back to a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The processor's id.
    pub id: String,
}

/// A call to the processor that came to nothing, by what the caller does about it.
#[derive(Debug, thiserror::Error)]
pub enum ProcessorError {
    /// It said no, for good: nothing was done.
    #[error("the card processor refused: {reason}")]
    Refused {
        /// Its code.
        reason: String,
    },
    /// No answer: it may have been done or not. Look it up later.
    #[error("the card processor did not answer")]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
}
