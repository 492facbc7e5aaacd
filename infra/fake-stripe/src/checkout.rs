//! `/v1/checkout/sessions` in setup mode: pages where a person enters a card.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::amounts;
use crate::cards::TestCard;
use crate::customers;
use crate::form::Form;
use crate::payment_methods::{self, PaymentMethod};
use crate::refusal::Refusal;
use crate::setup_intents::{self, SetupIntent};
use crate::state::{State, created_in, new_id, page};
use crate::table::Row;

const HOUR_SECONDS: i64 = 3600;
/// How soon and how late a session can expire, counted from its creation.
const EXPIRY_SECONDS: std::ops::RangeInclusive<i64> = HOUR_SECONDS / 2..=24 * HOUR_SECONDS;
/// What a return URL may have in the place of the session's id.
const ID_TEMPLATE: &str = "{CHECKOUT_SESSION_ID}";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) expires_at: i64,
    pub(crate) customer: Option<String>,
    pub(crate) client_reference_id: Option<String>,
    pub(crate) currency: Option<String>,
    pub(crate) locale: Option<String>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) setup_intent: String,
    pub(crate) status: Status,
    pub(crate) success_url: String,
    pub(crate) cancel_url: Option<String>,
    pub(crate) url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Open,
    Complete,
    Expired,
}

impl Row for Session {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Session {
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "checkout.session",
            "after_expiration": null,
            "allow_promotion_codes": null,
            "amount_subtotal": null,
            "amount_total": null,
            "automatic_tax": { "enabled": false, "liability": null, "provider": null, "status": null },
            "billing_address_collection": null,
            "cancel_url": self.cancel_url,
            "client_reference_id": self.client_reference_id,
            "client_secret": null,
            "consent": null,
            "consent_collection": null,
            "created": self.created,
            "currency": self.currency,
            "custom_fields": [],
            "custom_text": {
                "after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null,
            },
            "customer": self.customer,
            "customer_creation": null,
            "customer_details": null,
            "customer_email": null,
            "discounts": null,
            "expires_at": self.expires_at,
            "invoice": null,
            "invoice_creation": null,
            "livemode": false,
            "locale": self.locale,
            "metadata": self.metadata,
            "mode": "setup",
            "payment_intent": null,
            "payment_link": null,
            "payment_method_collection": "always",
            "payment_method_options": {},
            "payment_method_types": ["card"],
            "payment_status": "no_payment_required",
            "phone_number_collection": { "enabled": false },
            "recovered_from": null,
            "setup_intent": self.setup_intent,
            "shipping_address_collection": null,
            "shipping_cost": null,
            "shipping_options": [],
            "status": self.status,
            "submit_type": null,
            "subscription": null,
            "success_url": self.success_url,
            "total_details": null,
            "ui_mode": "hosted_page",
            "url": (self.status == Status::Open).then_some(&self.url),
        })
    }

    /// Where the page leads to once a card was entered.
    pub(crate) fn back(&self) -> String {
        self.success_url.replace(ID_TEMPLATE, &self.id)
    }

    /// Where the page leads to without a card.
    pub(crate) fn back_without_card(&self) -> Option<String> {
        Some(self.cancel_url.as_ref()?.replace(ID_TEMPLATE, &self.id))
    }
}

pub(crate) fn create(state: &mut State, form: &mut Form) -> Result<Value, Refusal> {
    let now = state.now();
    match form.required("mode")?.as_str() {
        "setup" => {}
        mode => return Err(Refusal::plain(&format!("The fake knows no mode but setup: {mode}")).at("mode")),
    }
    form.one_of("ui_mode", &["hosted_page"])?;
    let success_url = form.required("success_url")?;
    let cancel_url = form.text("cancel_url");
    for (name, url) in [("success_url", Some(&success_url)), ("cancel_url", cancel_url.as_ref())] {
        if !url.is_none_or(|url| is_url(url)) {
            return Err(Refusal::invalid("url_invalid", "Not a valid URL").at(name));
        }
    }
    let types = form.list("payment_method_types");
    if types.iter().any(|kind| kind != "card") {
        let message = "The fake knows no payment method but card";
        return Err(Refusal::plain(message).at("payment_method_types"));
    }
    let currency = form.text("currency").map(|code| amounts::currency(&code)).transpose()?;
    if types.is_empty() && currency.is_none() {
        return Err(Refusal::missing("currency"));
    }
    let expires_at = form.integer("expires_at")?.unwrap_or(now + EXPIRY_SECONDS.end());
    if !EXPIRY_SECONDS.contains(&(expires_at - now)) {
        let message = "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout Session creation.";
        return Err(Refusal::plain(message).at("expires_at"));
    }
    let customer = form.text("customer");
    if let Some(customer) = &customer {
        customers::existing(state, customer, Some("customer"))?;
    }
    let intent = SetupIntent {
        id: new_id("seti"),
        created: now,
        customer: customer.clone(),
        description: form.text("setup_intent_data[description]"),
        metadata: form.metadata("setup_intent_data[metadata]")?,
        payment_method: None,
        status: setup_intents::Status::RequiresPaymentMethod,
    };
    let id = new_id("cs_test");
    let session = Session {
        created: now,
        expires_at,
        customer,
        client_reference_id: form.text("client_reference_id"),
        currency,
        locale: form.text("locale"),
        metadata: form.metadata("metadata")?,
        setup_intent: intent.id.clone(),
        status: Status::Open,
        success_url,
        cancel_url,
        url: page_url(&state.url, &id),
        id,
    };
    form.finish()?;
    state.record("setup_intent.created", intent.json());
    state.tables.setup_intents.put(intent);
    let answer = session.json();
    state.tables.sessions.put(session);
    Ok(answer)
}

/// The hosted page of a session.
pub(crate) fn page_url(fake: &str, id: &str) -> String {
    format!("{fake}/c/pay/{id}")
}

fn is_url(text: &str) -> bool {
    let text = text.replace(ID_TEMPLATE, "id");
    text.parse::<http::Uri>().is_ok_and(|url| {
        matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty())
    })
}

/// The session as it is now. One whose time is over has expired.
pub(crate) fn current(state: &mut State, id: &str) -> Result<Session, Refusal> {
    let session = state.tables.sessions.get(id);
    let session = session.ok_or_else(|| Refusal::no_object("checkout.session", id, None))?.clone();
    if session.status == Status::Open && session.expires_at <= state.now() {
        return Ok(close(state, session));
    }
    Ok(session)
}

pub(crate) fn retrieve(state: &mut State, id: &str) -> Result<Value, Refusal> {
    Ok(current(state, id)?.json())
}

pub(crate) fn list(state: &State, form: &mut Form) -> Result<Value, Refusal> {
    let customer = form.text("customer");
    let is_in = created_in(form)?;
    let sessions = state
        .tables
        .sessions
        .newest()
        .filter(|session| is_in(session.created) && (customer.is_none() || session.customer == customer));
    page("/v1/checkout/sessions", form, sessions.map(Session::json))
}

pub(crate) fn expire(state: &mut State, id: &str) -> Result<Value, Refusal> {
    let session = current(state, id)?;
    if session.status == Status::Open {
        return Ok(close(state, session).json());
    }
    let message = "Only Checkout Sessions with a status in [\"open\"] can be expired.";
    Err(Refusal::plain(message).at("session"))
}

fn close(state: &mut State, mut session: Session) -> Session {
    session.status = Status::Expired;
    state.tables.sessions.put(session.clone());
    if let Some(intent) = state.tables.setup_intents.get_mut(&session.setup_intent) {
        intent.status = setup_intents::Status::Canceled;
        let intent = intent.json();
        state.record("setup_intent.canceled", intent);
    }
    state.record("checkout.session.expired", session.json());
    session
}

/// Carries out what a person does at the page of a session: enters a card. The answer is the session afterwards, which stays as it
/// is unless it was open.
pub(crate) fn enter(state: &mut State, id: &str, card: &TestCard) -> Result<Session, Refusal> {
    let mut session = current(state, id)?;
    if session.status != Status::Open {
        return Ok(session);
    }
    let mut method = PaymentMethod::of(card, state.now());
    method.is_set_up = true;
    method.was_attached = session.customer.is_some();
    method.customer.clone_from(&session.customer);
    let method_id = method.id.clone();
    payment_methods::changed(state, method, "payment_method.attached");
    if let Some(intent) = state.tables.setup_intents.get_mut(&session.setup_intent) {
        intent.payment_method = Some(method_id);
        intent.status = setup_intents::Status::Succeeded;
        let intent = intent.json();
        state.record("setup_intent.succeeded", intent);
    }
    session.status = Status::Complete;
    state.tables.sessions.put(session.clone());
    state.record("checkout.session.completed", session.json());
    Ok(session)
}
