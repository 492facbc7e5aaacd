//! Events of the bus, as a queue delivers them: at least once, in any order, some of them again and again.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::fact::Event;
use jiff::Timestamp;
use serde::Deserialize;

/// One event of the bus.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What happened.
    pub event: Event,
    /// When the queue got it: what the function decides at, so that a run can be replayed.
    pub now: Timestamp,
}

/// What EventBridge puts around an event.
#[derive(Deserialize)]
struct Envelope {
    detail: Event,
}

/// Why a message is not one of ours.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("it is not an event of ours")]
    Body(#[from] serde_json::Error),
    #[error("the queue does not say when it got it")]
    Time,
}

impl Delivery {
    fn read(message: &SqsMessage) -> Result<Self, Unreadable> {
        let envelope: Envelope = serde_json::from_str(message.body.as_deref().unwrap_or_default())?;
        Ok(Self { event: envelope.detail, now: sent_at(message).ok_or(Unreadable::Time)? })
    }
}

/// When the queue got a message, if it says so.
pub fn sent_at(message: &SqsMessage) -> Option<Timestamp> {
    let millis = message.attributes.get("SentTimestamp")?.parse().ok()?;
    Timestamp::from_millisecond(millis).ok()
}

/// Handles each message of a batch on its own. What fails comes back later, and at last lands in the dead-letter
/// queue; so does what cannot be read. A failure is logged here, once.
pub async fn each<E: std::error::Error + 'static, F: Future<Output = Result<(), E>>>(
    batch: SqsEvent,
    handle: impl Fn(Delivery) -> F,
) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in &batch.records {
        let id = message.message_id.clone().unwrap_or_default();
        let failure: Option<Box<dyn std::error::Error>> = match Delivery::read(message) {
            // On the heap: a handler's future is deep.
            Ok(delivery) => Box::pin(handle(delivery)).await.err().map(Into::into),
            Err(problem) => Some(problem.into()),
        };
        if let Some(problem) = failure {
            tracing::error!(message = id, problem = &*problem, "a message could not be handled");
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            response.batch_item_failures.push(failure);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::cell::RefCell;
    use std::convert::Infallible;

    #[tokio::test]
    async fn each_message_is_handled_on_its_own() {
        let event = |number: u32| {
            json!({
                "version": "0",
                "detail-type": "BalanceLow",
                "source": Event::SOURCE,
                "detail": {
                    "id": format!("a#7#{number}"),
                    "accountId": "a",
                    "version": 7,
                    "at": "2026-11-25T10:00:00Z",
                    "type": "BalanceLow",
                    "available": { "amount": "-1.2500", "currency": "EUR" },
                    "news": "from a later version",
                },
            })
        };
        let message = |id: &str, body: String| json!({ "messageId": id, "body": body, "attributes": { "SentTimestamp": "1764064800123" } });
        let batch = json!({ "Records": [
            message("one", event(0).to_string()),
            message("poison", "{}".to_owned()),
            { "messageId": "timeless", "body": event(1).to_string() },
            message("two", event(2).to_string()),
        ]});
        let seen = RefCell::new(Vec::new());
        let response = each(serde_json::from_value(batch).unwrap(), async |delivery| {
            assert_eq!(delivery.now.as_millisecond(), 1_764_064_800_123);
            seen.borrow_mut().push(delivery.event.id);
            Ok::<_, Infallible>(())
        });
        let failed = response.await.batch_item_failures;
        let failed: Vec<_> = failed.into_iter().map(|failure| failure.item_identifier).collect();
        assert_eq!(failed, ["poison", "timeless"]);
        assert_eq!(seen.into_inner(), ["a#7#0", "a#7#2"]);
    }
}
