//! Deliveries of events to the webhook endpoint.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Shared;
use crate::events::Delivery;

/// How long the endpoint may take for its answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A webhook endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Where events are sent by POST.
    pub url: String,
    /// The secrets that deliveries are signed with: two during a rotation.
    pub secrets: Vec<String>,
}

/// How events are delivered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Whether an event is delivered as soon as it happened. Otherwise `/_fake/deliveries/run` delivers it.
    pub automatic: bool,
    /// How often each event is delivered again.
    pub duplicates: usize,
    /// Whether events that wait are delivered in any order.
    pub shuffle: bool,
    /// The number of events to come that are lost.
    pub lose: usize,
    /// How long an automatic delivery waits.
    pub delay_milliseconds: u64,
}

/// The header `Stripe-Signature` of a delivery.
pub(crate) fn signature(secrets: &[String], now: i64, body: &str) -> String {
    let mut header = format!("t={now}");
    for secret in secrets {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, format!("{now}.{body}").as_bytes());
        let bytes = tag.as_ref().iter();
        // Writing to a string cannot fail.
        header += &bytes.fold(",v1=".to_owned(), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        });
    }
    header
}

/// The events to deliver now.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Run {
    /// Their ids, in the order of delivery. An id can be there twice, and that of an event that was delivered or lost. All that
    /// wait are delivered as the policy says, if this is left out.
    events: Option<Vec<String>>,
}

/// Delivers events, one after the other, and reports each delivery.
pub(crate) async fn deliver(shared: &Arc<Shared>, run: Run) -> Vec<Value> {
    let mut report = Vec::new();
    let Some(endpoint) = shared.endpoint() else { return report };
    let chosen = match run.events {
        Some(ids) => ids,
        None => shared.change(|state| state.due_events()),
    };
    for id in chosen {
        let event = shared.change(|state| Some((state.tables.events.get(&id)?.json(), state.now())));
        let Some((event, now)) = event else {
            report.push(json!({ "event": id, "status": null }));
            continue;
        };
        let body = event.to_string();
        let status = send(&shared.client, &endpoint, now, body).await;
        if status.is_some_and(|status| (200..300).contains(&status)) {
            shared.change(|state| {
                if let Some(event) = state.tables.events.get_mut(&id) {
                    event.delivery = Delivery::Delivered;
                }
            });
        }
        report.push(json!({ "event": id, "type": event["type"], "status": status }));
    }
    report
}

/// The status of the endpoint's answer, if it answered.
async fn send(client: &reqwest::Client, endpoint: &Endpoint, now: i64, body: String) -> Option<u16> {
    let request = client
        .post(&endpoint.url)
        .timeout(TIMEOUT)
        .header("content-type", "application/json; charset=utf-8")
        .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .header("stripe-signature", signature(&endpoint.secrets, now, &body))
        .body(body);
    let answer =
        request.send().await.inspect_err(|error| tracing::warn!(%error, "a delivery failed")).ok()?;
    Some(answer.status().as_u16())
}

/// Delivers events as they happen, while the policy is automatic. An event that the endpoint did not take is delivered again with the
/// next one, or after a minute.
pub(crate) async fn deliver_automatically(shared: Arc<Shared>) {
    const AGAIN: Duration = Duration::from_mins(1);
    loop {
        // Either way there may be events to deliver.
        let _ = tokio::time::timeout(AGAIN, shared.happened.notified()).await;
        let policy = shared.policy();
        if policy.automatic {
            tokio::time::sleep(Duration::from_millis(policy.delay_milliseconds)).await;
            deliver(&shared, Run::default()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_signed_with_every_secret() {
        let secrets = ["whsec_old".to_owned(), "whsec_new".to_owned()];
        let header = signature(&secrets, 1_700_000_000, "{}");
        // The digests are those of `openssl dgst -sha256 -hmac whsec_old` over `1700000000.{}`.
        let digests = [
            "2a630fb62d83c712b7c3b6fc1dec6df3ef803228a2223a912c109f39e17c6983",
            "dfd0c4ddb107e3a391f1dc89c9ba0bec585e31e42f82d6c6673f3d9b3a3429a8",
        ];
        assert_eq!(header, format!("t=1700000000,v1={},v1={}", digests[0], digests[1]));
    }
}
