//! `/v1/setup_intents`: the cards that are being saved. A session of Checkout makes them; none is created by request.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::refusal::Refusal;
use crate::state::State;
use crate::table::Row;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SetupIntent {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) customer: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) payment_method: Option<String>,
    pub(crate) status: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    RequiresPaymentMethod,
    Succeeded,
    Canceled,
}

impl Row for SetupIntent {
    fn id(&self) -> &str {
        &self.id
    }
}

impl SetupIntent {
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "setup_intent",
            "application": null,
            "automatic_payment_methods": null,
            "cancellation_reason": null,
            "client_secret": format!("{}_secret_fake", self.id),
            "created": self.created,
            "customer": self.customer,
            "description": self.description,
            "flow_directions": null,
            "last_setup_error": null,
            "latest_attempt": null,
            "livemode": false,
            "mandate": null,
            "metadata": self.metadata,
            "next_action": null,
            "on_behalf_of": null,
            "payment_method": self.payment_method,
            "payment_method_options": { "card": { "mandate_options": null, "network": null, "request_three_d_secure": "automatic" } },
            "payment_method_types": ["card"],
            "single_use_mandate": null,
            "status": self.status,
            "usage": "off_session",
        })
    }
}

pub(crate) fn retrieve(state: &State, id: &str) -> Result<Value, Refusal> {
    let intent = state.tables.setup_intents.get(id);
    Ok(intent.ok_or_else(|| Refusal::no_object("setupintent", id, None))?.json())
}
