//! Takes the messages of the card processor: verifies the signature, and queues what the message is about for `recharge`.
//!
//! The processor sends a message again, for three days, until it is answered with 200. A message is answered so once it is in the
//! queue, or if nothing follows from its type.

use std::sync::Arc;

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse, Problem, Reply, SignedRequest};
use payments::stripe_message::message_of;
use stripe::webhook::{EndpointSecret, verified_event};
use telemetry::{Causes, Correlation};

/// The route, which needs no token. It is not part of the API's document, since only the card processor calls it.
pub const ROUTE: &str = "POST /v1/webhooks/stripe";

/// The ports of the handler.
#[derive(Clone)]
pub struct Ports {
    /// The secrets that messages are signed with. While a secret is replaced, there are two.
    pub secrets: Arc<[EndpointSecret]>,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// The URL of the queue.
    pub queue_url: String,
}

/// The secrets of a text that has one, or the current one and, after a comma, the one before. An empty secret is none, since anybody
/// could sign with it.
///
/// ```
/// assert_eq!(webhook::secrets("whsec_new, whsec_old").len(), 2);
/// assert_eq!(webhook::secrets("whsec_new,").len(), 1);
/// assert_eq!(webhook::secrets("").len(), 0);
/// ```
pub fn secrets(text: &str) -> Arc<[EndpointSecret]> {
    text.split(',').filter(|secret| !secret.trim().is_empty()).map(EndpointSecret::new).collect()
}

/// Answers one message.
pub async fn handle(event: ApiGatewayV2httpRequest, ports: &Ports) -> ApiGatewayV2httpResponse {
    api::answer_signed(event, async |request| take(request, ports).await).await
}

async fn take(request: &SignedRequest, ports: &Ports) -> Result<Reply, Problem> {
    let signature = request.header("stripe-signature");
    let event = verified_event(request.body(), signature, &ports.secrets, request.now())
        .map_err(|problem| Problem::Unreadable(Causes(&problem).to_string()))?;
    let Some(mut message) = message_of(&event) else {
        tracing::info!(message = event.id, kind = event.kind, "nothing follows from a message of this type");
        return Ok(taken());
    };
    message.correlation_id = Correlation::current().map(|correlation| correlation.to_string());
    let body = serde_json::to_string(&message).expect("a message serializes to JSON");
    let sent = ports.sqs.send_message().queue_url(&ports.queue_url).message_body(body).send().await;
    sent.map_err(|problem| Problem::Unavailable(Causes(&problem).to_string()))?;
    tracing::info!(message = message.id, kind = message.kind, "queued");
    Ok(taken())
}

/// The answer after which the card processor does not send the message again.
fn taken() -> Reply {
    Reply::json(200, &serde_json::json!({ "received": true }))
}
