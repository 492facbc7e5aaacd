//! Events: something has changed at Stripe.
//!
//! An event says which object has changed. Its copy of the object is old by the time it is read, and events come late, twice and in
//! any order, so only ids are read from it. The handler then fetches the object.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::client::Client;
use crate::error::Error;
use crate::object::{Listed, Metadata};

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// `evt_…`
    pub id: String,
    /// `payment_intent.succeeded`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is of real cards.
    pub livemode: bool,
    /// When it happened, in seconds since 1970.
    pub created: i64,
    data: Data,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Data {
    object: Value,
    /// The former values of what has changed.
    #[serde(default)]
    previous_attributes: Value,
}

impl Event {
    /// The id of the object that has changed.
    pub fn object_id(&self) -> Option<&str> {
        self.data.object["id"].as_str()
    }

    /// The payment intent that has changed, or whose refund, dispute or charge has.
    pub fn payment_intent(&self) -> Option<&str> {
        if self.data.object["object"] == "payment_intent" {
            self.object_id()
        } else {
            self.reference("payment_intent")
        }
    }

    /// The customer that has changed, or whose object has. Of a payment method that was detached, it is the former one.
    pub fn customer(&self) -> Option<&str> {
        if self.data.object["object"] == "customer" {
            return self.object_id();
        }
        self.reference("customer").or_else(|| self.data.previous_attributes["customer"].as_str())
    }

    /// Our values on the object that has changed.
    pub fn metadata(&self) -> Metadata {
        Metadata::deserialize(&self.data.object["metadata"]).unwrap_or_default()
    }

    fn reference(&self, name: &str) -> Option<&str> {
        let value = &self.data.object[name];
        value.as_str().or(value["id"].as_str())
    }
}

impl Listed for Event {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Client {
    /// The events of these kinds, newest first and at most `limit`, that Stripe could not deliver, or has not delivered yet, from an
    /// instant on. Stripe keeps events for 30 days, and accepts up to 20 kinds.
    pub async fn undelivered_events(
        &self,
        kinds: &[&str],
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Event>, Error> {
        let mut query = vec![
            ("delivery_success".to_owned(), "false".to_owned()),
            ("created[gte]".to_owned(), since.as_second().to_string()),
        ];
        query.extend(kinds.iter().enumerate().map(|(n, kind)| (format!("types[{n}]"), (*kind).to_owned())));
        self.list("/v1/events", &query, limit).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(object: &str) -> Event {
        let text = format!(
            r#"{{"id": "evt_1", "type": "x", "livemode": false, "created": 1, "data": {{"object": {object}}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn an_event_of_an_intent_names_it() {
        let event = event(
            r#"{"id": "pi_1", "object": "payment_intent", "customer": "cus_1", "metadata": {"account": "a-1"}}"#,
        );
        assert_eq!(
            (event.object_id(), event.payment_intent(), event.customer()),
            (Some("pi_1"), Some("pi_1"), Some("cus_1"))
        );
        assert_eq!(event.metadata()["account"], "a-1");
    }

    #[test]
    fn an_event_of_a_dispute_names_its_intent() {
        let event = event(r#"{"id": "du_1", "object": "dispute", "payment_intent": {"id": "pi_1"}}"#);
        assert_eq!(
            (event.object_id(), event.payment_intent(), event.customer()),
            (Some("du_1"), Some("pi_1"), None)
        );
        assert!(event.metadata().is_empty());
    }

    #[test]
    fn an_event_of_a_detached_payment_method_names_its_former_customer() {
        let text = r#"{"id": "evt_1", "type": "payment_method.detached", "livemode": false, "created": 1, "data": {
            "object": {"id": "pm_1", "object": "payment_method", "customer": null},
            "previous_attributes": {"customer": "cus_1"}}}"#;
        let event: Event = serde_json::from_str(text).unwrap();
        assert_eq!((event.object_id(), event.customer()), (Some("pm_1"), Some("cus_1")));
    }

    #[test]
    fn an_event_of_a_customer_names_it() {
        assert_eq!(event(r#"{"id": "cus_1", "object": "customer"}"#).customer(), Some("cus_1"));
    }
}
