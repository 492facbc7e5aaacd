//! The messages that Stripe sends: which of its events tell that an object has changed, and what they are about.
//!
//! Source: docs.stripe.com/api/events/types.

use ::stripe::event::Event;
use domain::{AccountId, PaymentId};

use crate::message::{ProcessorMessage, Subject};

/// The types of the events from which something follows. The endpoint of the webhook is made for these (docs/aws.md), and those that
/// were not delivered are fetched.
pub const TYPES: [&str; 19] = [
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.requires_action",
    "payment_intent.amount_capturable_updated",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
    "checkout.session.completed",
    "payment_method.updated",
    "payment_method.automatically_updated",
    "payment_method.detached",
    "customer.deleted",
];

/// The message of an event. `None` if nothing follows from it.
///
/// ```
/// use payments::Subject;
/// use payments::stripe_message::message_of;
///
/// let event = r#"{"id": "evt_1", "type": "payment_intent.succeeded", "livemode": false, "created": 1795348800, "data": {
///     "object": {"id": "pi_1", "object": "payment_intent", "metadata": {"account": "contoso", "payment": "pur_1"}}}}"#;
/// let message = message_of(&serde_json::from_str(event).unwrap()).unwrap();
/// assert_eq!(message.subject, Subject::Charge { intent: "pi_1".to_owned() });
/// assert_eq!(message.account.unwrap().as_str(), "contoso");
/// ```
pub fn message_of(event: &Event) -> Option<ProcessorMessage> {
    let metadata = event.metadata();
    let account = metadata.get("account").and_then(|id| AccountId::parse(id.as_str()).ok());
    let payment = metadata.get("payment").and_then(|id| PaymentId::parse(id.as_str()).ok());
    let id = event.object_id()?.to_owned();
    let customer = || event.customer().map(str::to_owned);
    let subject = match event.kind.as_str() {
        "payment_intent.succeeded"
        | "payment_intent.payment_failed"
        | "payment_intent.canceled"
        | "payment_intent.requires_action"
        | "payment_intent.amount_capturable_updated" => Subject::Charge { intent: id },
        "charge.refunded"
        | "refund.created"
        | "refund.updated"
        | "refund.failed"
        | "charge.dispute.created"
        | "charge.dispute.updated"
        | "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated"
        | "charge.dispute.closed" => Subject::Repayments { intent: event.payment_intent()?.to_owned() },
        // Set-ups of this system have an account; other sessions are of others.
        "checkout.session.completed" if account.is_some() => Subject::SetUp { set_up: id },
        "payment_method.updated" | "payment_method.automatically_updated" | "payment_method.detached" => {
            Subject::Card { customer: customer()?, token: id }
        }
        "customer.deleted" => Subject::DeletedCustomer { customer: id },
        _ => return None,
    };
    let (kind, is_live) = (event.kind.clone(), event.livemode);
    Some(ProcessorMessage {
        id: event.id.clone(),
        kind,
        is_live,
        account,
        payment,
        subject,
        correlation_id: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn message(kind: &str, object: &Value) -> Option<ProcessorMessage> {
        let event = json!({ "id": "evt_1", "type": kind, "livemode": true, "created": 1, "data": { "object": object } });
        message_of(&serde_json::from_value(event).unwrap())
    }

    #[test]
    fn something_follows_from_each_of_the_types_and_from_no_other() {
        let object = json!({ "id": "x", "customer": "cus_1", "payment_intent": "pi_1", "metadata": { "account": "a" } });
        for kind in TYPES {
            let message = message(kind, &object).unwrap_or_else(|| panic!("{kind}"));
            assert!(message.is_live && message.kind == kind);
        }
        for kind in ["payment_intent.created", "invoice.paid", "of.a.later.year"] {
            assert!(message(kind, &object).is_none(), "{kind}");
        }
        assert!(
            message("checkout.session.completed", &json!({ "id": "cs_1" })).is_none(),
            "of another system"
        );
        assert!(message("payment_method.updated", &json!({ "id": "pm_1" })).is_none(), "of nobody");
    }

    #[test]
    fn the_document_on_deploying_lists_the_types() {
        let document = include_str!("../../../docs/aws.md");
        let listed = TYPES.map(|kind| format!("`{kind}`")).join(", ");
        assert!(document.contains(&listed), "docs/aws.md does not say: {listed}");
    }
}
