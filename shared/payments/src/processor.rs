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
use domain::dispute::SeenDispute;
use domain::profile::{Author, CardUse, PaymentMethod};
use domain::refund::SeenRefund;
use domain::{AccountId, Money, PaymentId};
use jiff::Timestamp;

use crate::message::ProcessorMessage;

/// A card processor. A second call with the same arguments changes nothing, except that [`Processor::set_up`] begins another set-up.
#[async_trait]
pub trait Processor: Send + Sync {
    /// Begins a set-up: the processor shows a page where a person enters a card (X2).
    async fn set_up(&self, new: &NewSetUp<'_>) -> Result<SetUp, ProcessorError>;

    /// The set-up as the processor has it.
    async fn look_up_set_up(&self, set_up: &str) -> Result<SetUpState, ProcessorError>;

    /// Saves a card for an organization, by the token that the processor's own page made of it (X2). `customer` is the processor's
    /// name for the organization, if it has one already. A card of another organization is refused.
    async fn save_method(
        &self,
        account: &AccountId,
        customer: Option<&str>,
        token: &str,
    ) -> Result<PaymentMethod, ProcessorError>;

    /// A saved card as the processor has it now. `None` if it does not keep the card for this customer any more.
    async fn look_up_method(&self, saved: &PaymentMethod) -> Result<Option<PaymentMethod>, ProcessorError>;

    /// The account that a customer was made for. `None` if there is no such customer, or if it is not one of this system.
    async fn account_of(&self, customer: &str) -> Result<Option<AccountId>, ProcessorError>;

    /// Creates the object of a charge, unconfirmed, so no money moves. The same key gives the same object.
    async fn create(&self, new: &NewIntent<'_>) -> Result<Intent, ProcessorError>;

    /// Charges the card. An object that was charged or cancelled stays as it is. One that was declined, or that needs its owner, is
    /// charged again under a new key.
    async fn confirm(&self, confirmation: &Confirmation<'_>) -> Result<Intent, ProcessorError>;

    /// The object as the processor has it.
    async fn look_up(&self, intent: &str) -> Result<Intent, ProcessorError>;

    /// The object that was created under this key, if there is one. An adapter lists the customer's objects, since a search index
    /// lags. Sending the key again is no look-up: it would create the object.
    async fn find(&self, customer: &str, key: &str) -> Result<Option<Intent>, ProcessorError>;

    /// The account and the payment that the object was created for. `None` if there is no such object, or if it is not one of
    /// this system.
    async fn payment_of(&self, intent: &str) -> Result<Option<(AccountId, PaymentId)>, ProcessorError>;

    /// Makes sure that the object is never charged from now on. The answer is the object afterwards: `Cancelled`, or
    /// `Succeeded` where the card was charged before. Any other state means that it could not be cancelled yet.
    async fn cancel(&self, intent: &str) -> Result<Intent, ProcessorError>;

    /// Pays back part or all of a charge. The same key pays back once, as long as the processor remembers it: an old key is not
    /// sent again, but looked for among [`Processor::refunds`].
    async fn refund(&self, new: &NewRefund<'_>) -> Result<SeenRefund, ProcessorError>;

    /// All refunds of a charge, whoever made them, in any order.
    async fn refunds(&self, intent: &str) -> Result<Vec<SeenRefund>, ProcessorError>;

    /// All disputes of a charge, in any order. Amounts are in the charge's currency.
    async fn disputes(&self, intent: &str) -> Result<Vec<SeenDispute>, ProcessorError>;

    /// Whether it moves real money. A processor in test mode sees none of the objects of live mode, and the other way round.
    async fn is_live(&self) -> Result<bool, ProcessorError>;

    /// The messages since this instant that the processor could not deliver, or has not delivered yet, the latest first, and at most
    /// `limit` of them.
    async fn undelivered(
        &self,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<ProcessorMessage>, ProcessorError>;
}

/// A set-up to be begun.
#[derive(Clone, Debug)]
pub struct NewSetUp<'a> {
    /// Whose card it will be.
    pub account: &'a AccountId,
    /// The processor's name for the organization, if it has one already.
    pub customer: Option<&'a str>,
    /// Which card of the account it will be.
    pub card: CardUse,
    /// The person who begins the set-up, and will be the author of the change.
    pub by: &'a Author,
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

/// The card of a set-up, and the values that the set-up was begun with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompleteSetUp {
    /// Whose card it is.
    pub account: AccountId,
    /// The processor's name for the organization.
    pub customer: String,
    /// Which card of the account it is to be.
    pub card: CardUse,
    /// The person who began the set-up.
    pub by: Author,
    /// The processor's token of the card.
    pub token: String,
}

/// A charge to be created.
#[derive(Clone, Debug)]
pub struct NewIntent<'a> {
    /// `paymentId:attempt`.
    pub key: &'a str,
    /// Whose charge it is.
    pub account: &'a AccountId,
    /// The payment that it is for.
    pub payment: &'a PaymentId,
    /// The number of the payment's attempt.
    pub attempt: u32,
    /// In whole minor units.
    pub amount: Money,
    /// The card to charge.
    pub method: &'a PaymentMethod,
}

/// A charge to be confirmed.
#[derive(Clone, Debug)]
pub struct Confirmation<'a> {
    /// The processor's id of the object.
    pub intent: &'a str,
    /// The token of the object's card. Some processors take the card off an object that was declined.
    pub token: &'a str,
    /// The idempotency key of this confirmation: each has its own.
    pub key: &'a str,
    /// Where the page leads back to by GET, if the card's owner is to confirm the charge on one.
    pub return_url: &'a str,
    /// Whether the card's owner is there to confirm the charge. If nobody is, and the bank wants the owner, the object comes to
    /// [`IntentState::NeedsOwner`].
    pub owner_is_present: bool,
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
    /// The bank wants the card's owner, who was not there. Nothing was charged, and there is no page to confirm it on before the
    /// object is confirmed again with the owner present.
    NeedsOwner,
    /// The processor does not know yet.
    Processing,
    /// The card was charged.
    Succeeded {
        /// The amount that the processor received.
        received: Money,
    },
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
    /// The object is in a state that no call of this port leads to, so somebody else has changed it. Money may have moved.
    Irregular {
        /// What is wrong with it.
        what: String,
    },
}

/// A refund to be made.
#[derive(Clone, Debug)]
pub struct NewRefund<'a> {
    /// The id of our refund. The processor keeps it with its object: see [`SeenRefund::key`].
    pub key: &'a str,
    /// The processor's id of the charge.
    pub intent: &'a str,
    /// Whose charge it was.
    pub account: &'a AccountId,
    /// The payment that it was for.
    pub payment: &'a PaymentId,
    /// How much goes back, in whole minor units.
    pub amount: Money,
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
