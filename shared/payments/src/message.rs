//! A message of the card processor: one of its objects has changed.
//!
//! A message only names objects. It may come late, twice, in any order or not at all, so nothing is taken from it but where to look:
//! [`Cashier::handle_message`](crate::Cashier::handle_message) fetches the object and compares it with the books.

use domain::{AccountId, PaymentId};
use serde::{Deserialize, Serialize};

/// A message of the card processor, as the queue carries it.
///
/// ```
/// use payments::{ProcessorMessage, Subject};
///
/// let message = ProcessorMessage {
///     id: "evt_1".to_owned(),
///     kind: "payment_intent.succeeded".to_owned(),
///     is_live: false,
///     account: None,
///     payment: None,
///     subject: Subject::Charge { intent: "pi_1".to_owned() },
///     correlation_id: None,
/// };
/// let queued = serde_json::json!({
///     "id": "evt_1", "type": "payment_intent.succeeded", "isLive": false, "subject": "charge", "intent": "pi_1",
/// });
/// assert_eq!(serde_json::to_value(&message).unwrap(), queued);
/// assert_eq!(serde_json::from_value::<ProcessorMessage>(queued).unwrap(), message);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessorMessage {
    /// The processor's id of the message, for the log.
    pub id: String,
    /// The processor's name for what happened, for the log.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is about real money. A test key and a live key see different objects.
    pub is_live: bool,
    /// The account that the object was created for, if the message says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The payment that the object was created for, if the message says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentId>,
    /// The object to look at.
    #[serde(flatten)]
    pub subject: Subject,
    /// The correlation id of the request that brought the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

/// The object that a message is about, by the processor's ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "subject", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Subject {
    /// A charge.
    Charge {
        /// Its object.
        intent: String,
    },
    /// The refunds and disputes of a charge.
    Repayments {
        /// The charge's object.
        intent: String,
    },
    /// A set-up whose page is done with.
    SetUp {
        /// The set-up.
        set_up: String,
    },
    /// A saved card.
    Card {
        /// The customer that it is saved for, or was.
        customer: String,
        /// The token that it is charged by.
        token: String,
    },
    /// A customer that was deleted, with all its cards.
    DeletedCustomer {
        /// The customer.
        customer: String,
    },
}
