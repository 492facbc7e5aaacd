//! `/v1/payment_intents`: charges of cards, from their creation to their end.
//!
//! ```text
//! requires_confirmation ──> processing ──> succeeded
//!          │                    │
//!          ├──> requires_action ┤
//!          │                    ▼
//!          └──> requires_payment_method        (declined, and can be confirmed again with a card)
//! ```
//!
//! Each state but `succeeded` and `processing` can be cancelled.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::amounts;
use crate::cards::{self, Advice, Behaviour, Decline};
use crate::charges::{Charge, Failure};
use crate::customers;
use crate::disputes::{self, Opening};
use crate::form::Form;
use crate::payment_methods::{self, PaymentMethod};
use crate::refusal::Refusal;
use crate::state::{State, created_in, new_id, page};
use crate::table::Row;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PaymentIntent {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) amount_received: i64,
    pub(crate) currency: String,
    pub(crate) customer: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) payment_method: Option<String>,
    pub(crate) receipt_email: Option<String>,
    pub(crate) setup_future_usage: Option<String>,
    pub(crate) statement_descriptor_suffix: Option<String>,
    pub(crate) status: Status,
    pub(crate) latest_charge: Option<String>,
    pub(crate) last_payment_error: Option<Value>,
    /// The hosted page where the owner is asked, and where it leads back to.
    pub(crate) asks_owner: Option<AsksOwner>,
    pub(crate) canceled_at: Option<i64>,
    pub(crate) cancellation_reason: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AsksOwner {
    pub(crate) url: String,
    pub(crate) return_url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    RequiresCapture,
    Processing,
    Succeeded,
    Canceled,
}

impl Row for PaymentIntent {
    fn id(&self) -> &str {
        &self.id
    }
}

impl PaymentIntent {
    pub(crate) fn json(&self) -> Value {
        let next_action = self.asks_owner.as_ref().map(|page| match &page.return_url {
            Some(return_url) => json!({
                "type": "redirect_to_url",
                "redirect_to_url": { "url": page.url, "return_url": return_url },
            }),
            None => json!({ "type": "use_stripe_sdk", "use_stripe_sdk": {} }),
        });
        let is_capturable = self.status == Status::RequiresCapture;
        json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": if is_capturable { self.amount } else { 0 },
            "amount_details": { "tip": {} },
            "amount_received": self.amount_received,
            "application": null,
            "application_fee_amount": null,
            "automatic_payment_methods": null,
            "canceled_at": self.canceled_at,
            "cancellation_reason": self.cancellation_reason,
            "capture_method": "automatic_async",
            "client_secret": self.client_secret(),
            "confirmation_method": "automatic",
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "description": self.description,
            "last_payment_error": self.last_payment_error,
            "latest_charge": self.latest_charge,
            "livemode": false,
            "metadata": self.metadata,
            "next_action": next_action,
            "on_behalf_of": null,
            "payment_method": self.payment_method,
            "payment_method_configuration_details": null,
            "payment_method_options": {
                "card": { "installments": null, "mandate_options": null, "network": null, "request_three_d_secure": "automatic" },
            },
            "payment_method_types": ["card"],
            "processing": null,
            "receipt_email": self.receipt_email,
            "review": null,
            "setup_future_usage": self.setup_future_usage,
            "shipping": null,
            "statement_descriptor": null,
            "statement_descriptor_suffix": self.statement_descriptor_suffix,
            "status": self.status,
            "transfer_data": null,
            "transfer_group": null,
        })
    }

    fn client_secret(&self) -> String {
        format!("{}_secret_fake", self.id)
    }

    fn status_name(&self) -> String {
        json!(self.status).as_str().unwrap_or_default().to_owned()
    }

    /// Where the hosted page leads back to, with the parameters that Stripe adds.
    pub(crate) fn back(&self, return_url: &str) -> String {
        let joint = if return_url.contains('?') { '&' } else { '?' };
        let (id, secret) = (&self.id, self.client_secret());
        format!(
            "{return_url}{joint}payment_intent={id}&payment_intent_client_secret={secret}&source_type=card"
        )
    }
}

pub(crate) fn create(state: &mut State, form: &mut Form) -> Result<Value, Refusal> {
    let now = state.now();
    let amount = form.integer("amount")?.ok_or_else(|| Refusal::missing("amount"))?;
    let currency = amounts::currency(&form.required("currency")?)?;
    amounts::check(amount, &currency)?;
    let customer = form.text("customer");
    if let Some(customer) = &customer {
        customers::existing(state, customer, Some("customer"))?;
    }
    let method = form.text("payment_method");
    let method = method.map(|id| usable_method(state, customer.as_deref(), &id)).transpose()?;
    // The fake has cards alone, which are charged at once.
    form.one_of("capture_method", &["automatic", "automatic_async"])?;
    form.one_of("confirmation_method", &["automatic"])?;
    if form.list("payment_method_types").iter().any(|kind| kind != "card") {
        let message = "The fake knows no payment method but card";
        return Err(Refusal::plain(message).at("payment_method_types"));
    }
    let confirm = form.boolean("confirm")?.unwrap_or_default();
    let confirmation = Confirmation::read(form)?;
    if confirmation.off_session && !confirm {
        let message = "You can only provide `off_session` when `confirm=true`.";
        return Err(Refusal::plain(message).at("off_session"));
    }
    let intent = PaymentIntent {
        id: new_id("pi"),
        created: now,
        amount,
        amount_received: 0,
        currency,
        customer,
        description: form.text("description"),
        metadata: form.metadata("metadata")?,
        payment_method: method.as_ref().map(|method| method.id.clone()),
        receipt_email: form.text("receipt_email"),
        setup_future_usage: form.one_of("setup_future_usage", &["off_session", "on_session"])?,
        statement_descriptor_suffix: form.text("statement_descriptor_suffix"),
        status: if method.is_some() { Status::RequiresConfirmation } else { Status::RequiresPaymentMethod },
        latest_charge: None,
        last_payment_error: None,
        asks_owner: None,
        canceled_at: None,
        cancellation_reason: None,
    };
    form.finish()?;
    if confirm && method.is_none() {
        return Err(no_method(&intent));
    }
    if let Some(method) = &method {
        state.tables.payment_methods.put(method.clone());
    }
    let answer = intent.json();
    state.tables.payment_intents.put(intent.clone());
    state.record("payment_intent.created", answer.clone());
    match method {
        Some(method) if confirm => charge(state, intent, &method, &confirmation),
        _ => Ok(answer),
    }
}

/// The card, if the customer can be charged with it.
fn usable_method(state: &State, customer: Option<&str>, id: &str) -> Result<PaymentMethod, Refusal> {
    let method = payment_methods::named(state, id, Some("payment_method"))?;
    match (&method.customer, customer) {
        (Some(owner), Some(customer)) if owner == customer => Ok(method),
        (Some(_), Some(_)) => {
            let message = format!(
                "The customer does not have a payment method with the ID {id}. The payment method must be attached to the \
                 customer."
            );
            Err(Refusal::plain(&message).at("payment_method"))
        }
        (Some(_), None) => {
            let message = "The payment method you provided is attached to a customer so for security purposes you must provide the \
                 customer in the request.";
            Err(Refusal::plain(message).at("payment_method"))
        }
        (None, _) if method.was_attached => Err(payment_methods::used_before().at("payment_method")),
        (None, _) => Ok(method),
    }
}

/// The parameters of a confirmation.
struct Confirmation {
    off_session: bool,
    return_url: Option<String>,
}

impl Confirmation {
    fn read(form: &mut Form) -> Result<Self, Refusal> {
        Ok(Self {
            off_session: form.boolean("off_session")?.unwrap_or_default(),
            return_url: form.text("return_url"),
        })
    }
}

pub(crate) fn existing<'a>(state: &'a State, id: &str) -> Result<&'a PaymentIntent, Refusal> {
    state.tables.payment_intents.get(id).ok_or_else(|| Refusal::no_object("payment_intent", id, None))
}

pub(crate) fn retrieve(state: &State, id: &str) -> Result<Value, Refusal> {
    Ok(existing(state, id)?.json())
}

pub(crate) fn list(state: &State, form: &mut Form) -> Result<Value, Refusal> {
    let customer = form.text("customer");
    let is_in = created_in(form)?;
    let intents = state
        .tables
        .payment_intents
        .newest()
        .filter(|intent| is_in(intent.created) && (customer.is_none() || intent.customer == customer));
    page("/v1/payment_intents", form, intents.map(PaymentIntent::json))
}

/// The refusal of what the object's state does not allow.
fn unexpected_state(intent: &PaymentIntent, message: &str) -> Refusal {
    Refusal::invalid("payment_intent_unexpected_state", message).with("payment_intent", intent.json())
}

fn no_method(intent: &PaymentIntent) -> Refusal {
    let message = "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the \
         PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method \
         or ConfirmationToken.";
    unexpected_state(intent, message)
}

pub(crate) fn confirm(state: &mut State, id: &str, form: &mut Form) -> Result<Value, Refusal> {
    let mut intent = existing(state, id)?.clone();
    let confirmation = Confirmation::read(form)?;
    let method = form.text("payment_method");
    form.finish()?;
    if !matches!(
        intent.status,
        Status::RequiresConfirmation | Status::RequiresPaymentMethod | Status::RequiresAction
    ) {
        let message = format!(
            "You cannot confirm this PaymentIntent because it has already {} after being previously confirmed.",
            match intent.status {
                Status::Succeeded => "succeeded".to_owned(),
                _ => format!("reached the status {}", intent.status_name()),
            }
        );
        return Err(unexpected_state(&intent, &message));
    }
    let method = method.or_else(|| intent.payment_method.clone());
    let method = method.ok_or_else(|| no_method(&intent))?;
    let method = usable_method(state, intent.customer.as_deref(), &method)?;
    state.tables.payment_methods.put(method.clone());
    intent.payment_method = Some(method.id.clone());
    charge(state, intent, &method, &confirmation)
}

/// The hosted page where the owner of a card is asked about a charge.
pub(crate) fn page_url(fake: &str, id: &str) -> String {
    format!("{fake}/authenticate/{id}")
}

/// The outcome of a confirmation.
enum Outcome {
    Succeeded,
    Declined(Decline),
    AskOwner,
    Processing,
}

fn outcome(method: &PaymentMethod, off_session: bool, now: i64) -> Outcome {
    if is_expired(method, now) {
        return Outcome::Declined(Decline {
            code: "expired_card",
            decline_code: Some("expired_card"),
            message: "Your card has expired.",
            advice: Advice::DoNotTryAgain,
        });
    }
    match method.card().behaviour {
        Behaviour::Succeeds | Behaviour::RefundsLate | Behaviour::IsDisputed { .. } => Outcome::Succeeded,
        Behaviour::Declines(decline) => Outcome::Declined(decline),
        Behaviour::StaysInProcessing => Outcome::Processing,
        Behaviour::WantsItsOwnerUnlessSetUp if off_session && method.is_set_up => Outcome::Succeeded,
        Behaviour::WantsItsOwner(_) | Behaviour::WantsItsOwnerUnlessSetUp if off_session => {
            Outcome::Declined(cards::OWNER_ABSENT)
        }
        Behaviour::WantsItsOwner(_) | Behaviour::WantsItsOwnerUnlessSetUp => Outcome::AskOwner,
    }
}

/// Whether the card's last month is over.
fn is_expired(method: &PaymentMethod, now: i64) -> bool {
    let today = Timestamp::from_second(now).unwrap_or_default().to_zoned(TimeZone::UTC).date();
    (i64::from(today.year()), i64::from(today.month())) > (method.exp_year, method.exp_month)
}

/// Charges the card, and answers with the object afterwards, which is in the error if the card was declined.
fn charge(
    state: &mut State,
    mut intent: PaymentIntent,
    method: &PaymentMethod,
    confirmation: &Confirmation,
) -> Result<Value, Refusal> {
    intent.last_payment_error = None;
    intent.asks_owner = None;
    match outcome(method, confirmation.off_session, state.now()) {
        Outcome::Succeeded => Ok(succeed(state, intent, method)),
        Outcome::Declined(decline) => Err(fail(state, intent, method, decline)),
        Outcome::AskOwner => {
            let url = page_url(&state.url, &intent.id);
            intent.asks_owner = Some(AsksOwner { url, return_url: confirmation.return_url.clone() });
            intent.status = Status::RequiresAction;
            Ok(changed(state, intent, "payment_intent.requires_action"))
        }
        Outcome::Processing => {
            intent.status = Status::Processing;
            Ok(changed(state, intent, "payment_intent.processing"))
        }
    }
}

fn changed(state: &mut State, intent: PaymentIntent, event: &str) -> Value {
    let answer = intent.json();
    state.tables.payment_intents.put(intent);
    state.record(event, answer.clone());
    answer
}

fn succeed(state: &mut State, mut intent: PaymentIntent, method: &PaymentMethod) -> Value {
    let charge = Charge::of(&intent, method, None, state.now());
    intent.status = Status::Succeeded;
    intent.amount_received = intent.amount;
    intent.latest_charge = Some(charge.id.clone());
    intent.asks_owner = None;
    state.record("charge.succeeded", charge.json());
    state.tables.charges.put(charge.clone());
    let answer = changed(state, intent, "payment_intent.succeeded");
    if let Behaviour::IsDisputed { is_inquiry } = method.card().behaviour {
        disputes::open(state, charge, Opening { inquiry: is_inquiry, ..Opening::default() });
    }
    answer
}

/// Ends an attempt without a charge. The object has no card from now on, and can be confirmed with one.
fn fail(state: &mut State, intent: PaymentIntent, method: &PaymentMethod, decline: Decline) -> Refusal {
    let charge = Charge::of(&intent, method, Some(decline), state.now());
    let Failure { code, message, reason, advice_code, .. } = Failure::from(decline);
    let refusal = [("decline_code", reason), ("advice_code", advice_code)]
        .into_iter()
        .filter_map(|(field, value)| Some((field, value?)))
        .fold(Refusal::card(&code, &message), |refusal, (field, value)| refusal.with(field, value))
        .with("charge", charge.id.clone());
    let intent = PaymentIntent { latest_charge: Some(charge.id.clone()), ..intent };
    state.record("charge.failed", charge.json());
    state.tables.charges.put(charge);
    end_attempt(state, intent, method, refusal)
}

fn end_attempt(
    state: &mut State,
    mut intent: PaymentIntent,
    method: &PaymentMethod,
    refusal: Refusal,
) -> Refusal {
    let refusal = refusal.with("payment_method", method.json());
    intent.status = Status::RequiresPaymentMethod;
    intent.payment_method = None;
    intent.asks_owner = None;
    intent.last_payment_error = Some(refusal.body()["error"].take());
    let intent = changed(state, intent, "payment_intent.payment_failed");
    refusal.with("payment_intent", intent)
}

pub(crate) fn cancel(state: &mut State, id: &str, form: &mut Form) -> Result<Value, Refusal> {
    let reasons = ["abandoned", "duplicate", "fraudulent", "requested_by_customer"];
    let reason = form.one_of("cancellation_reason", &reasons)?;
    form.finish()?;
    let mut intent = existing(state, id)?.clone();
    if matches!(intent.status, Status::Succeeded | Status::Canceled | Status::Processing) {
        let message = format!(
            "You cannot cancel this PaymentIntent because it has a status of {}. Only a PaymentIntent with one of the following \
             statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, requires_action.",
            intent.status_name()
        );
        return Err(unexpected_state(&intent, &message));
    }
    intent.status = Status::Canceled;
    intent.canceled_at = Some(state.now());
    intent.cancellation_reason = reason;
    intent.last_payment_error = None;
    intent.asks_owner = None;
    Ok(changed(state, intent, "payment_intent.canceled"))
}

/// Carries out what the owner did at the hosted page. The answer is the object afterwards, which stays as it is unless it waited
/// for its owner.
pub(crate) fn authenticate(state: &mut State, id: &str, approved: bool) -> Result<PaymentIntent, Refusal> {
    let intent = existing(state, id)?.clone();
    let method =
        intent.payment_method.as_deref().and_then(|id| state.tables.payment_methods.get(id)).cloned();
    if let (Status::RequiresAction, Some(method)) = (intent.status, method) {
        if approved {
            decide(state, intent, &method, owners_decline(&method));
        } else {
            let message = "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new \
                 PaymentMethod to attempt to fulfill this PaymentIntent again.";
            let refusal = Refusal::invalid("payment_intent_authentication_failure", message);
            end_attempt(state, intent, &method, refusal);
        }
    }
    existing(state, id).cloned()
}

/// How a card is declined after its owner has approved the charge.
fn owners_decline(method: &PaymentMethod) -> Option<Decline> {
    match method.card().behaviour {
        Behaviour::WantsItsOwner(decline) => decline,
        _ => None,
    }
}

/// Ends an attempt that waited. A decline is in the object, since nobody waits for an answer.
fn decide(state: &mut State, intent: PaymentIntent, method: &PaymentMethod, decline: Option<Decline>) {
    match decline {
        None => {
            succeed(state, intent, method);
        }
        Some(decline) => {
            fail(state, intent, method, decline);
        }
    }
}

/// Decides a charge that is in `processing`.
pub(crate) fn settle(state: &mut State, id: &str, is_declined: bool) -> Result<Value, Refusal> {
    let intent = existing(state, id)?.clone();
    let method =
        intent.payment_method.as_deref().and_then(|id| state.tables.payment_methods.get(id)).cloned();
    let (Status::Processing, Some(method)) = (intent.status, method) else {
        return Err(unexpected_state(&intent, "Only a PaymentIntent in processing can be settled."));
    };
    let generic = Decline {
        code: "card_declined",
        decline_code: Some("generic_decline"),
        message: "Your card was declined.",
        advice: Advice::TryAgainLater,
    };
    decide(state, intent, &method, is_declined.then_some(generic));
    retrieve(state, id)
}

/// Fields of an object that contradict what it was created with, which no integration should ever see.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contradiction {
    status: Option<Status>,
    amount: Option<i64>,
    amount_received: Option<i64>,
    currency: Option<String>,
}

pub(crate) fn contradict(state: &mut State, id: &str, new: Contradiction) -> Result<Value, Refusal> {
    let mut intent = existing(state, id)?.clone();
    intent.status = new.status.unwrap_or(intent.status);
    intent.amount = new.amount.unwrap_or(intent.amount);
    intent.amount_received = new.amount_received.unwrap_or(intent.amount_received);
    intent.currency = new.currency.unwrap_or(intent.currency);
    let answer = intent.json();
    state.tables.payment_intents.put(intent);
    Ok(answer)
}
