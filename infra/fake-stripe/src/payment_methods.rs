//! `/v1/payment_methods`: cards.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::cards::{self, TestCard};
use crate::customers;
use crate::form::Form;
use crate::refusal::Refusal;
use crate::state::{State, new_id, page};
use crate::table::Row;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PaymentMethod {
    pub(crate) id: String,
    pub(crate) created: i64,
    /// The token of the test card.
    pub(crate) token: String,
    pub(crate) brand: String,
    pub(crate) last4: String,
    pub(crate) exp_month: i64,
    pub(crate) exp_year: i64,
    pub(crate) customer: Option<String>,
    /// Whether it was attached before. It can then never be attached again.
    pub(crate) was_attached: bool,
    /// Whether its owner entered it on a page, so that charges may follow without the owner.
    pub(crate) is_set_up: bool,
    pub(crate) metadata: Map<String, Value>,
}

impl Row for PaymentMethod {
    fn id(&self) -> &str {
        &self.id
    }
}

impl PaymentMethod {
    /// A card that belongs to nobody yet.
    pub(crate) fn of(card: &TestCard, now: i64) -> Self {
        Self {
            id: new_id("pm"),
            created: now,
            token: card.token.to_owned(),
            brand: card.brand.to_owned(),
            last4: card.last4.to_owned(),
            exp_month: 12,
            exp_year: 2034,
            customer: None,
            was_attached: false,
            is_set_up: false,
            metadata: Map::new(),
        }
    }

    /// The test card that it behaves like.
    pub(crate) fn card(&self) -> &'static TestCard {
        // A row is only made of a card of the list, and the list never becomes shorter.
        cards::by_token(&self.token).unwrap_or(&cards::TEST_CARDS[0])
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": nobody(),
            "card": {
                "brand": self.brand,
                "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
                "country": "US",
                "display_brand": self.brand,
                "exp_month": self.exp_month,
                "exp_year": self.exp_year,
                "fingerprint": format!("fp{}", self.last4),
                "funding": "credit",
                "generated_from": null,
                "last4": self.last4,
                "networks": { "available": [self.brand], "preferred": null },
                "three_d_secure_usage": { "supported": true },
                "wallet": null,
            },
            "created": self.created,
            "customer": self.customer,
            "livemode": false,
            "metadata": self.metadata,
            "type": "card",
        })
    }
}

/// Billing details of which none is known.
pub(crate) fn nobody() -> Value {
    json!({
        "address": {
            "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null,
        },
        "email": null,
        "name": null,
        "phone": null,
        "tax_id": null,
    })
}

fn existing<'a>(state: &'a State, id: &str) -> Result<&'a PaymentMethod, Refusal> {
    state.tables.payment_methods.get(id).ok_or_else(|| Refusal::no_object("PaymentMethod", id, None))
}

/// The card of an id, or a new card of a test token.
pub(crate) fn named(state: &State, id: &str, param: Option<&str>) -> Result<PaymentMethod, Refusal> {
    match (state.tables.payment_methods.get(id), cards::by_token(id)) {
        (Some(method), _) => Ok(method.clone()),
        (None, Some(card)) => Ok(PaymentMethod::of(card, state.now())),
        (None, None) => Err(Refusal::no_object("PaymentMethod", id, param)),
    }
}

pub(crate) fn retrieve(state: &mut State, id: &str) -> Result<Value, Refusal> {
    let method = named(state, id, None)?;
    let answer = method.json();
    // The card of a test token is new, and can be attached by its own id from now on.
    if state.tables.payment_methods.get(&method.id).is_none() {
        state.tables.payment_methods.put(method);
    }
    Ok(answer)
}

pub(crate) fn update(state: &mut State, id: &str, form: &mut Form) -> Result<Value, Refusal> {
    let mut method = existing(state, id)?.clone();
    if method.customer.is_none() {
        let message = "You must save this PaymentMethod to a customer before you can update it.";
        return Err(Refusal::plain(message));
    }
    customers::update_metadata(&mut method.metadata, form.metadata("metadata")?);
    method.exp_month = form.integer("card[exp_month]")?.unwrap_or(method.exp_month);
    method.exp_year = form.integer("card[exp_year]")?.unwrap_or(method.exp_year);
    form.finish()?;
    Ok(changed(state, method, "payment_method.updated"))
}

pub(crate) fn attach(state: &mut State, id: &str, form: &mut Form) -> Result<Value, Refusal> {
    let customer = form.required("customer")?;
    form.finish()?;
    customers::existing(state, &customer, Some("customer"))?;
    let mut method = named(state, id, None)?;
    match &method.customer {
        Some(owner) if *owner == customer => return Ok(method.json()),
        Some(_) => {
            let message = "The payment method you provided has already been attached to a customer.";
            return Err(Refusal::plain(message));
        }
        None if method.was_attached => return Err(used_before()),
        None => {}
    }
    method.customer = Some(customer);
    method.was_attached = true;
    Ok(changed(state, method, "payment_method.attached"))
}

/// The refusal of a card that its customer has no more.
pub(crate) fn used_before() -> Refusal {
    let message = "This PaymentMethod was previously used without being attached to a Customer or was detached from a \
         Customer, and may not be used again.";
    Refusal::plain(message)
}

pub(crate) fn detach(state: &mut State, id: &str) -> Result<Value, Refusal> {
    let method = existing(state, id)?.clone();
    if method.customer.is_none() {
        let message =
            "The payment method you provided is not attached to a customer so detachment is impossible.";
        return Err(Refusal::plain(message));
    }
    Ok(detached(state, method))
}

/// Detaches all cards of a customer.
pub(crate) fn detach_all(state: &mut State, customer: &str) {
    let of_customer = |method: &&PaymentMethod| method.customer.as_deref() == Some(customer);
    let methods: Vec<_> = state.tables.payment_methods.oldest().filter(of_customer).cloned().collect();
    for method in methods {
        detached(state, method);
    }
}

/// Keeps a card without its customer, whom the event names as the former one.
fn detached(state: &mut State, mut method: PaymentMethod) -> Value {
    let former = json!({ "customer": method.customer.take() });
    let answer = method.json();
    state.tables.payment_methods.put(method);
    state.record_change("payment_method.detached", answer.clone(), Some(former));
    answer
}

/// Keeps a changed card, and records the change.
pub(crate) fn changed(state: &mut State, method: PaymentMethod, event: &str) -> Value {
    let answer = method.json();
    state.tables.payment_methods.put(method);
    state.record(event, answer.clone());
    answer
}

/// The cards of a customer.
pub(crate) fn list(state: &State, path: &str, customer: &str, form: &mut Form) -> Result<Value, Refusal> {
    form.one_of("type", &["card"])?;
    customers::existing(state, customer, Some("customer"))?;
    let of_customer = |method: &&PaymentMethod| method.customer.as_deref() == Some(customer);
    let methods = state.tables.payment_methods.newest().filter(of_customer);
    page(path, form, methods.map(PaymentMethod::json))
}

/// A card of a customer. That of another one is not found.
pub(crate) fn of_customer(state: &State, customer: &str, id: &str) -> Result<Value, Refusal> {
    customers::existing(state, customer, None)?;
    let method = existing(state, id)?;
    if method.customer.as_deref() == Some(customer) {
        Ok(method.json())
    } else {
        Err(Refusal::no_object("PaymentMethod", id, None))
    }
}
