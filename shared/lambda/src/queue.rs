//! Messages of a queue. A queue delivers them at least once and in any order.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::event::Event;
use jiff::Timestamp;
use payments::ProcessorMessage;
use serde::Deserialize;
use telemetry::correlation::because_of;
use telemetry::{Causes, Correlation};

/// The content of a message.
pub trait Content: Sized {
    /// Reads the body of a message.
    fn read(body: &str) -> serde_json::Result<Self>;

    /// Its id, for the log.
    fn id(&self) -> &str;

    /// The correlation id of its cause.
    fn cause(&self) -> Option<&str>;
}

/// An event of the bus.
impl Content for Event {
    fn read(body: &str) -> serde_json::Result<Self> {
        /// The envelope that EventBridge puts around an event.
        #[derive(Deserialize)]
        struct Envelope {
            detail: Event,
        }
        serde_json::from_str(body).map(|envelope: Envelope| envelope.detail)
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn cause(&self) -> Option<&str> {
        self.correlation_id.as_deref()
    }
}

/// A message of the card processor, from the function `webhook`.
impl Content for ProcessorMessage {
    fn read(body: &str) -> serde_json::Result<Self> {
        serde_json::from_str(body)
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn cause(&self) -> Option<&str> {
        self.correlation_id.as_deref()
    }
}

/// One message, as the queue delivers it.
#[derive(Clone, Debug)]
pub struct Delivery<T> {
    /// Its content.
    pub content: T,
    /// The instant at which the queue received it. The function decides as of this instant, so that a run can be replayed.
    pub now: Timestamp,
}

/// Why a message cannot be read.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("the body is not what the queue is for")]
    Body(#[from] serde_json::Error),
    #[error("the message has no valid SentTimestamp")]
    Time,
}

impl<T: Content> Delivery<T> {
    fn read(message: &SqsMessage) -> Result<Self, Unreadable> {
        let content = T::read(message.body.as_deref().unwrap_or_default())?;
        Ok(Self { content, now: sent_at(message).ok_or(Unreadable::Time)? })
    }
}

/// The instant at which the queue received a message. `None` if the message has no valid `SentTimestamp`.
pub fn sent_at(message: &SqsMessage) -> Option<Timestamp> {
    let millis = message.attributes.get("SentTimestamp")?.parse().ok()?;
    Timestamp::from_millisecond(millis).ok()
}

/// Handles each message of a batch on its own, in order. A message that fails or cannot be read is named in the partial-batch
/// response, so that the queue delivers it again and at last moves it to the dead-letter queue.
///
/// Each message is logged here in one line, a failure with its cause. A message inherits the correlation id of its cause.
///
/// # Example
///
/// ```
/// # use std::convert::Infallible;
/// # use domain::event::Event;
/// # use lambda::Delivery;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let batch = serde_json::json!({ "Records": [{ "messageId": "one", "body": "not an event" }] });
/// let batch = serde_json::from_value(batch).unwrap();
/// let response = lambda::queue::each(batch, async |_: Delivery<Event>| Ok::<_, Infallible>(())).await;
/// assert_eq!(response.batch_item_failures[0].item_identifier, "one");
/// # }
/// ```
pub async fn each<T: Content, E: std::error::Error + 'static, F: Future<Output = Result<(), E>>>(
    batch: SqsEvent,
    handle: impl Fn(Delivery<T>) -> F,
) -> SqsBatchResponse {
    let mut failed = Vec::new();
    for message in &batch.records {
        let id = message.message_id.as_deref().unwrap_or_default();
        let handled = match Delivery::<T>::read(message) {
            Ok(delivery) => {
                let cause = delivery.content.cause().and_then(Correlation::parse);
                because_of(cause, handle_one(id, delivery, &handle)).await
            }
            Err(problem) => log_failure(id, &problem),
        };
        if handled.is_err() {
            failed.push(id);
        }
    }
    coming_back(failed)
}

/// The partial-batch response that names these messages, so that the queue delivers them again.
pub fn coming_back<'a>(failed: impl IntoIterator<Item = &'a str>) -> SqsBatchResponse {
    let failure = |id: &str| {
        let mut failure = BatchItemFailure::default();
        id.clone_into(&mut failure.item_identifier);
        failure
    };
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed.into_iter().map(failure).collect();
    response
}

/// A message has failed, and the failure is logged.
struct Failed;

async fn handle_one<T: Content, E: std::error::Error + 'static, F: Future<Output = Result<(), E>>>(
    id: &str,
    delivery: Delivery<T>,
    handle: impl Fn(Delivery<T>) -> F,
) -> Result<(), Failed> {
    let event = delivery.content.id().to_owned();
    handle(delivery).await.or_else(|problem| log_failure(id, &problem))?;
    tracing::info!(messageId = id, event, "handled");
    Ok(())
}

fn log_failure(id: &str, problem: &(dyn std::error::Error + 'static)) -> Result<(), Failed> {
    tracing::error!(messageId = id, problem = %Causes(problem), "a message could not be handled");
    Err(Failed)
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
                    "correlationId": format!("cause-{number}"),
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
        let response = each(serde_json::from_value(batch).unwrap(), async |delivery: Delivery<Event>| {
            assert_eq!(delivery.now.as_millisecond(), 1_764_064_800_123);
            let cause = Correlation::current().map(|cause| cause.to_string());
            seen.borrow_mut().push((delivery.content.id, cause.unwrap()));
            Ok::<_, Infallible>(())
        });
        let failed = response.await.batch_item_failures;
        let failed: Vec<_> = failed.into_iter().map(|failure| failure.item_identifier).collect();
        assert_eq!(failed, ["poison", "timeless"]);
        let expected = [("a#7#0", "cause-0"), ("a#7#2", "cause-2")];
        assert_eq!(seen.into_inner(), expected.map(|(id, cause)| (id.to_owned(), cause.to_owned())));
    }
}
