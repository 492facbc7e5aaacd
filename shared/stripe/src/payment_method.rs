//! Payment methods: saved cards.

use serde::Deserialize;

use crate::client::Client;
use crate::error::Error;
use crate::object::{Expandable, Reference};

/// A saved card.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PaymentMethod {
    /// `pm_…`
    pub id: String,
    /// Whose card it is. One that was detached has no customer.
    pub customer: Option<Expandable<Reference>>,
    /// The card; other kinds of payment methods have none.
    pub card: Option<Card>,
}

impl PaymentMethod {
    /// The id of the customer whose card it is.
    pub fn customer(&self) -> Option<&str> {
        self.customer.as_ref().map(Expandable::id)
    }
}

/// What people know of a card.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Card {
    /// `visa`, `mastercard`, …
    pub brand: String,
    /// Its last four digits.
    pub last4: String,
    /// 1 to 12.
    pub exp_month: u8,
    /// Four digits.
    pub exp_year: u16,
}

impl Client {
    /// A saved card as Stripe has it.
    pub async fn payment_method(&self, id: &str) -> Result<PaymentMethod, Error> {
        self.get(&format!("/v1/payment_methods/{id}"), &[]).await
    }

    /// Saves a card for a customer. A card that another customer has is refused.
    pub async fn attach_payment_method(
        &self,
        id: &str,
        customer: &str,
        key: &str,
    ) -> Result<PaymentMethod, Error> {
        let form = [("customer".to_owned(), customer.to_owned())];
        self.post(&format!("/v1/payment_methods/{id}/attach"), &form, key).await
    }
}
