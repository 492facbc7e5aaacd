//! The port to a card processor. Its terms are those of Stripe's payment intents, which most processors have an equivalent of:
//! an object is created, and then confirmed.
//!
//! A decline is not final. The customer may still confirm a declined object with another card, on a page that is
//! open already, until the object is cancelled. Nothing may follow from a decline before [`Processor::cancel`] has
//! answered: see [`IntentState::Declined`].
//!
//! A card is entered on the processor's own page, in a *set-up*. Its terms are those of a Stripe Checkout session in setup mode,
//! whose metadata has the account, the card that is meant and the author.

use async_trait::async_trait;
use domain::profile::{CardUse, PaymentMethod};
use domain::{AccountId, Money};
use jiff::Timestamp;

/// A card processor. A second call with the same arguments changes nothing, except that [`Processor::confirm`] charges a declined
/// object again, and that [`Processor::set_up`] begins another set-up.
#[async_trait]
pub trait Processor: Send + Sync {
    /// Begins a set-up: the processor shows a page where a person enters a card (X2).
    async fn set_up(&self, new: &NewSetUp<'_>) -> Result<SetUp, ProcessorError>;

    /// The set-up as the processor has it.
    async fn look_up_set_up(&self, set_up: &str) -> Result<SetUpState, ProcessorError>;

    /// Saves a card for an organization, by the token that the processor's own page made of it (X2).
    async fn save_method(&self, account: &AccountId, token: &str) -> Result<PaymentMethod, ProcessorError>;

    /// Creates the object of a charge, unconfirmed, so no money moves. The same key gives the same object.
    async fn create(&self, new: &NewIntent<'_>) -> Result<Intent, ProcessorError>;

    /// Charges the card. An object that was charged or cancelled stays as it is; one that was declined is charged
    /// again. If the card's owner is to confirm the charge, the page for that leads back to `return_url` by GET.
    async fn confirm(&self, intent: &str, return_url: &str) -> Result<Intent, ProcessorError>;

    /// The object as the processor has it.
    async fn look_up(&self, intent: &str) -> Result<Intent, ProcessorError>;

    /// The object that was created under this key, if there is one. An adapter lists the customer's objects, since a search index
    /// lags. Sending the key again is no look-up: it would create the object.
    async fn find(&self, customer: &str, key: &str) -> Result<Option<Intent>, ProcessorError>;

    /// Makes sure that the object is never charged from now on. The answer is the object afterwards: `Cancelled`, or
    /// `Succeeded` where the card was charged before. Any other state means that it could not be cancelled yet.
    async fn cancel(&self, intent: &str) -> Result<Intent, ProcessorError>;

    /// Pays back part or all of a charge. The same key pays back once.
    async fn refund(&self, intent: &str, amount: Money, key: &str) -> Result<Refund, ProcessorError>;
}

/// A set-up to be begun.
#[derive(Clone, Debug)]
pub struct NewSetUp<'a> {
    /// Whose card it will be.
    pub account: &'a AccountId,
    /// Which card of the account it will be.
    pub card: CardUse,
    /// Who begins the set-up, and will be the author of the change.
    pub by: &'a str,
    /// Where the page leads back to by GET, with or without a card.
    pub return_url: &'a str,
    /// When the page takes no card any more.
    pub expires_at: Timestamp,
}

/// A set-up that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetUp {
    /// The processor's id.
    pub id: String,
    /// The page where the card is entered.
    pub url: String,
}

/// The state of a set-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetUpState {
    /// No card has been entered yet.
    Open,
    /// A card was entered.
    Complete(CompleteSetUp),
    /// No card was entered in time.
    Expired,
}

/// The card of a set-up, and what the set-up was begun with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompleteSetUp {
    /// Whose card it is.
    pub account: AccountId,
    /// Which card of the account it is to be.
    pub card: CardUse,
    /// Who began the set-up.
    pub by: String,
    /// The processor's token of the card.
    pub token: String,
}

/// A charge to be created.
#[derive(Clone, Debug)]
pub struct NewIntent<'a> {
    /// `paymentId:attempt`.
    pub key: &'a str,
    /// In whole minor units.
    pub amount: Money,
    /// The card to charge.
    pub method: &'a PaymentMethod,
}

/// A charge as the processor has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The processor's id.
    pub id: String,
    /// Its state.
    pub state: IntentState,
}

/// The state of a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntentState {
    /// The card has not been charged yet.
    Unconfirmed,
    /// The card's owner is to confirm it.
    NeedsAction {
        /// Where the owner can confirm it.
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
    /// It can never be charged.
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

/// A failed call to the processor. The variants differ in what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum ProcessorError {
    /// The processor refused it for good, and did nothing.
    #[error("the card processor refused: {reason}")]
    Refused {
        /// Its code.
        reason: String,
    },
    /// There is no answer, so it may have been done. The caller looks it up later.
    #[error("the card processor did not answer")]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
}
