//! Disputes: a card's owner takes a charge back through the bank.

use serde::Deserialize;

use crate::client::Client;
use crate::error::Error;
use crate::object::{Listed, words};

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Dispute {
    /// `du_…` or `dp_…`
    pub id: String,
    /// How much is disputed, in the charge's currency.
    pub amount: i64,
    /// The charge's currency: three letters, in lower case.
    pub currency: String,
    /// How far it is.
    pub status: DisputeStatus,
    /// Why: `fraudulent`, `product_not_received`, …
    pub reason: String,
    /// Movements of money between Stripe and us, in the currency of settlement and with fees. They say whether money has moved,
    /// not how much of the charge.
    #[serde(default)]
    pub balance_transactions: Vec<Movement>,
}

/// A movement of money between Stripe and us.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Movement {
    /// Below zero if Stripe took it from us.
    pub amount: i64,
}

words! {
    /// How far a dispute is.
    DisputeStatus {
        /// An inquiry, which moves no money: an answer is wanted.
        WarningNeedsResponse = "warning_needs_response",
        /// An inquiry, which moves no money: the bank reads the answer.
        WarningUnderReview = "warning_under_review",
        /// An inquiry that ended without a dispute.
        WarningClosed = "warning_closed",
        /// An answer is wanted.
        NeedsResponse = "needs_response",
        /// The bank reads the answer.
        UnderReview = "under_review",
        /// The money came back to us.
        Won = "won",
        /// The money went to the card's owner.
        Lost = "lost",
        /// Stripe settled it before it became a dispute.
        Prevented = "prevented",
    }
}

impl Listed for Dispute {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Client {
    /// All disputes of a charge.
    pub async fn disputes_of(&self, payment_intent: &str) -> Result<Vec<Dispute>, Error> {
        let query = [("payment_intent".to_owned(), payment_intent.to_owned())];
        self.list("/v1/disputes", &query, usize::MAX).await
    }
}
