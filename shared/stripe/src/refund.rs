//! Refunds: money on its way back to a card.

use serde::Deserialize;

use crate::client::Client;
use crate::error::Error;
use crate::object::{Listed, Metadata, metadata_form, words};

/// A refund to be made.
#[derive(Clone, Debug)]
pub struct NewRefund<'a> {
    /// The charge that it pays back.
    pub payment_intent: &'a str,
    /// As Stripe counts it ([`crate::amount`]).
    pub amount: i64,
    /// Our values.
    pub metadata: &'a Metadata,
}

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refund {
    /// `re_…`
    pub id: String,
    /// How much.
    pub amount: i64,
    /// Three letters, in lower case.
    pub currency: String,
    /// How far it is. One that succeeded can still fail, weeks later.
    pub status: Option<RefundStatus>,
    /// Why it failed, if it did: `expired_or_canceled_card`, …
    pub failure_reason: Option<String>,
    /// Our values; one that was made in Stripe's dashboard has none.
    #[serde(default)]
    pub metadata: Metadata,
}

words! {
    /// How far a refund is.
    RefundStatus {
        /// The bank does not know yet.
        Pending = "pending",
        /// The customer is to do something.
        RequiresAction = "requires_action",
        /// The money was sent.
        Succeeded = "succeeded",
        /// The money came back.
        Failed = "failed",
        /// It was withdrawn before the money was sent.
        Canceled = "canceled",
    }
}

impl Listed for Refund {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Client {
    /// Pays back part or all of a charge, or gives the refund that was made under the same key.
    pub async fn create_refund(&self, new: &NewRefund<'_>, key: &str) -> Result<Refund, Error> {
        let mut form = vec![
            ("payment_intent".to_owned(), new.payment_intent.to_owned()),
            ("amount".to_owned(), new.amount.to_string()),
        ];
        form.extend(metadata_form("metadata", new.metadata));
        self.post("/v1/refunds", &form, key).await
    }

    /// All refunds of a charge.
    pub async fn refunds_of(&self, payment_intent: &str) -> Result<Vec<Refund>, Error> {
        let query = [("payment_intent".to_owned(), payment_intent.to_owned())];
        self.list("/v1/refunds", &query, usize::MAX).await
    }
}
