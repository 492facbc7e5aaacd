//! Customers: Stripe's name for whom cards are saved.

use serde::Deserialize;

use crate::client::Client;
use crate::error::Error;
use crate::object::{Metadata, metadata_form};

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Customer {
    /// `cus_…`
    pub id: String,
    /// Whether it was deleted, and its cards with it.
    #[serde(default)]
    pub deleted: bool,
    /// Our values.
    #[serde(default)]
    pub metadata: Metadata,
}

impl Client {
    /// Creates a customer, or gives the one that was created under the same key.
    pub async fn create_customer(&self, metadata: &Metadata, key: &str) -> Result<Customer, Error> {
        self.post("/v1/customers", &metadata_form("metadata", metadata), key).await
    }

    /// A customer as Stripe has it, also one that was deleted.
    pub async fn customer(&self, id: &str) -> Result<Customer, Error> {
        self.get(&format!("/v1/customers/{id}"), &[]).await
    }
}
