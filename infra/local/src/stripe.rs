//! Stripe as the card processor of a host: Stripe itself in test mode, or a fake of it, which tells the host of its events by the
//! webhook.

use std::sync::Arc;

use ::stripe::{Client, Limits, SecretKey};
use anyhow::Context;
use fake_stripe::{Endpoint, Fake, Options, Policy};
use payments::Processor;

use crate::Storage;
use crate::clock::Clock;
use crate::functions::WEBHOOK_SECRET;

/// The address of Stripe's API.
const REAL: &str = "https://api.stripe.com";

/// A key that the fake accepts.
const FAKE_KEY: &str = "sk_test_fake";

/// Stripe's API, and the fake behind it if it is not Stripe's own.
pub struct Stripe {
    url: String,
    key: SecretKey,
    webhook_secret: String,
    /// Ends when the host does.
    _fake: Option<Fake>,
}

impl Stripe {
    /// Starts a fake, which keeps its objects beside the host's data and goes by the host's clock.
    pub(crate) async fn fake(storage: &Storage, host: &str, clock: Arc<Clock>) -> anyhow::Result<Self> {
        let path = webhook::ROUTE.trim_start_matches("POST ");
        let endpoint = Endpoint { url: format!("{host}{path}"), secrets: vec![WEBHOOK_SECRET.to_owned()] };
        let options = Options {
            file: storage.file("stripe"),
            webhook: Some(endpoint),
            policy: Policy { automatic: true, ..Policy::default() },
            clock: fake_stripe::Clock::new(move || clock.now()),
            ..Options::default()
        };
        let fake = Fake::start(options).await.context("the fake of Stripe could not start")?;
        let (url, key) = (fake.url().to_owned(), SecretKey::new(FAKE_KEY));
        Ok(Self { url, key, webhook_secret: WEBHOOK_SECRET.to_owned(), _fake: Some(fake) })
    }

    /// Stripe itself. Without a secret, no message of its verifies.
    pub(crate) fn real(key: SecretKey, webhook_secret: Option<String>) -> Self {
        Self { url: REAL.to_owned(), key, webhook_secret: webhook_secret.unwrap_or_default(), _fake: None }
    }

    /// The secret that messages are signed with.
    pub(crate) fn webhook_secret(&self) -> &str {
        &self.webhook_secret
    }

    /// The address of the API.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Stripe as a card processor.
    pub(crate) fn processor(&self) -> Arc<dyn Processor> {
        let client = Client::new(&self.url, Arc::new(self.key.clone()), Limits::default());
        Arc::new(payments::Stripe::new(client))
    }
}
