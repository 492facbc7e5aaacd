//! `/v1/events`: what happened, and how far the webhook endpoint knows of it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::form::Form;
use crate::refusal::Refusal;
use crate::state::{Cause, State, created_in, page};
use crate::table::Row;
use crate::version::VERSION;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) created: i64,
    /// The object as it was then.
    pub(crate) object: Value,
    /// The former values of what has changed, as far as the fake knows them.
    #[serde(default)]
    pub(crate) previous: Option<Value>,
    pub(crate) cause: Cause,
    pub(crate) delivery: Delivery,
}

/// How far the delivery to the endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Delivery {
    /// There was no endpoint.
    NoEndpoint,
    /// The endpoint has not taken it yet.
    Pending,
    /// The endpoint has answered with a success.
    Delivered,
    /// It is never delivered: it was lost by request.
    Lost,
}

impl Row for Event {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Event {
    pub(crate) fn json(&self) -> Value {
        let mut data = json!({ "object": self.object });
        if let Some(previous) = &self.previous {
            data["previous_attributes"] = previous.clone();
        }
        json!({
            "id": self.id,
            "object": "event",
            "api_version": VERSION,
            "created": self.created,
            "data": data,
            "livemode": false,
            "pending_webhooks": u8::from(!self.is_delivered()),
            "request": self.cause,
            "type": self.kind,
        })
    }

    /// Whether nobody waits for it.
    fn is_delivered(&self) -> bool {
        matches!(self.delivery, Delivery::NoEndpoint | Delivery::Delivered)
    }
}

pub(crate) fn retrieve(state: &State, id: &str) -> Result<Value, Refusal> {
    let event = state.tables.events.get(id).ok_or_else(|| Refusal::no_object("event", id, None))?;
    Ok(event.json())
}

pub(crate) fn list(state: &State, form: &mut Form) -> Result<Value, Refusal> {
    let is_delivered = form.boolean("delivery_success")?;
    let mut types = form.list("types");
    if types.len() > 20 {
        return Err(Refusal::plain("Array types exceeded maximum 20 allowed elements.").at("types"));
    }
    types.extend(form.text("type"));
    let is_in = created_in(form)?;
    let events = state.tables.events.newest().filter(|event| {
        is_in(event.created)
            && is_delivered.is_none_or(|is_delivered| event.is_delivered() == is_delivered)
            && (types.is_empty() || types.iter().any(|kind| matches(kind, &event.kind)))
    });
    page("/v1/events", form, events.map(Event::json))
}

/// Whether a type of event is meant by a name such as `charge.refunded` or `charge.*`.
fn matches(wanted: &str, kind: &str) -> bool {
    wanted.strip_suffix('*').map_or(wanted == kind, |prefix| kind.starts_with(prefix))
}
