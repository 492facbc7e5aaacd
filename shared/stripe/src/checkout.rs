//! Checkout sessions in setup mode: Stripe's own page, where a person enters a card to be saved.

use jiff::Timestamp;
use serde::Deserialize;

use crate::client::Client;
use crate::error::Error;
use crate::object::{Expandable, Metadata, Reference, metadata_form, words};
use crate::payment_method::PaymentMethod;

/// A page for a card to be entered.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    /// Whose card it will be.
    pub customer: &'a str,
    /// Where the page leads back to, with or without a card.
    pub return_url: &'a str,
    /// When the page takes no card any more. Stripe accepts 30 minutes to 24 hours from now.
    pub expires_at: Timestamp,
    /// Our values.
    pub metadata: &'a Metadata,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Session {
    /// `cs_…`
    pub id: String,
    /// The page. One that is complete or has expired has none.
    pub url: Option<String>,
    /// How far it is.
    pub status: SessionStatus,
    /// Whose card it will be.
    pub customer: Option<Expandable<Reference>>,
    /// Our values.
    #[serde(default)]
    pub metadata: Metadata,
    /// The card, once it is entered.
    pub setup_intent: Option<Expandable<SetupIntent>>,
}

words! {
    /// How far a session is.
    SessionStatus {
        /// No card was entered yet.
        Open = "open",
        /// A card was entered.
        Complete = "complete",
        /// No card was entered in time.
        Expired = "expired",
    }
}

/// The saving of a card.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SetupIntent {
    /// The card.
    pub payment_method: Option<Expandable<PaymentMethod>>,
}

impl Session {
    /// The id of the customer whose card it will be.
    pub fn customer(&self) -> Option<&str> {
        self.customer.as_ref().map(Expandable::id)
    }

    /// The card, if it was entered.
    pub fn payment_method(&self) -> Option<&PaymentMethod> {
        self.setup_intent.as_ref()?.object()?.payment_method.as_ref()?.object()
    }
}

impl Client {
    /// Opens a page. Each key opens one page.
    pub async fn create_session(&self, new: &NewSession<'_>, key: &str) -> Result<Session, Error> {
        let mut form: Vec<(String, String)> = [
            ("mode", "setup"),
            ("payment_method_types[0]", "card"),
            ("customer", new.customer),
            ("success_url", new.return_url),
            ("cancel_url", new.return_url),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        form.push(("expires_at".to_owned(), new.expires_at.as_second().to_string()));
        form.extend(metadata_form("metadata", new.metadata));
        self.post("/v1/checkout/sessions", &form, key).await
    }

    /// A session as Stripe has it, with its card.
    pub async fn session(&self, id: &str) -> Result<Session, Error> {
        let expand = ("expand[0]".to_owned(), "setup_intent.payment_method".to_owned());
        self.get(&format!("/v1/checkout/sessions/{id}"), &[expand]).await
    }
}
