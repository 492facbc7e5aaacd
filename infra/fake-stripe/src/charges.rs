//! `/v1/charges`: what became of each attempt to charge a card.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::cards::{Advice, Decline};
use crate::form::Form;
use crate::payment_intents::PaymentIntent;
use crate::payment_methods::{PaymentMethod, nobody};
use crate::refusal::Refusal;
use crate::state::{State, created_in, new_id, page};
use crate::table::Row;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) amount_refunded: i64,
    pub(crate) currency: String,
    pub(crate) customer: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) payment_intent: String,
    pub(crate) payment_method: PaymentMethod,
    /// Why it failed. A charge without a failure has succeeded.
    pub(crate) failure: Option<Failure>,
    pub(crate) is_disputed: bool,
}

/// A decline, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) reason: Option<String>,
    pub(crate) advice_code: Option<String>,
    /// Whether Stripe blocked it, so that the issuer was never asked.
    pub(crate) is_blocked: bool,
}

impl From<Decline> for Failure {
    fn from(decline: Decline) -> Self {
        let advice_code = match decline.advice {
            Advice::TryAgainLater => Some("try_again_later"),
            Advice::ConfirmCardData => Some("confirm_card_data"),
            Advice::DoNotTryAgain => Some("do_not_try_again"),
            Advice::Blocked => None,
        };
        Self {
            code: decline.code.to_owned(),
            message: decline.message.to_owned(),
            reason: decline.decline_code.map(str::to_owned),
            advice_code: advice_code.map(str::to_owned),
            is_blocked: decline.advice == Advice::Blocked,
        }
    }
}

impl Row for Charge {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Charge {
    pub(crate) fn of(
        intent: &PaymentIntent,
        method: &PaymentMethod,
        decline: Option<Decline>,
        now: i64,
    ) -> Self {
        Self {
            id: new_id("ch"),
            created: now,
            amount: intent.amount,
            amount_refunded: 0,
            currency: intent.currency.clone(),
            customer: intent.customer.clone(),
            description: intent.description.clone(),
            metadata: intent.metadata.clone(),
            payment_intent: intent.id.clone(),
            payment_method: method.clone(),
            failure: decline.map(Failure::from),
            is_disputed: false,
        }
    }

    pub(crate) fn json(&self) -> Value {
        let is_paid = self.failure.is_none();
        let method = &self.payment_method;
        let failure = self.failure.as_ref();
        json!({
            "id": self.id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": if is_paid { self.amount } else { 0 },
            "amount_refunded": self.amount_refunded,
            "application": null,
            "application_fee": null,
            "application_fee_amount": null,
            "balance_transaction": null,
            "billing_details": nobody(),
            "calculated_statement_descriptor": "FAKE",
            "captured": is_paid,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "description": self.description,
            "disputed": self.is_disputed,
            "failure_balance_transaction": null,
            "failure_code": failure.map(|failure| &failure.code),
            "failure_message": failure.map(|failure| &failure.message),
            "fraud_details": {},
            "livemode": false,
            "metadata": self.metadata,
            "on_behalf_of": null,
            "outcome": self.outcome(),
            "paid": is_paid,
            "payment_intent": self.payment_intent,
            "payment_method": method.id,
            "payment_method_details": {
                "card": {
                    "amount_authorized": is_paid.then_some(self.amount),
                    "brand": method.brand,
                    "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
                    "country": "US",
                    "exp_month": method.exp_month,
                    "exp_year": method.exp_year,
                    "fingerprint": format!("fp{}", method.last4),
                    "funding": "credit",
                    "installments": null,
                    "last4": method.last4,
                    "mandate": null,
                    "network": method.brand,
                    "three_d_secure": null,
                    "wallet": null,
                },
                "type": "card",
            },
            "receipt_email": null,
            "receipt_number": null,
            "receipt_url": null,
            "refunded": is_paid && self.amount_refunded == self.amount,
            "review": null,
            "shipping": null,
            "source_transfer": null,
            "statement_descriptor": null,
            "statement_descriptor_suffix": null,
            "status": if is_paid { "succeeded" } else { "failed" },
            "transfer_data": null,
            "transfer_group": null,
        })
    }

    fn outcome(&self) -> Value {
        let (network_status, kind, message) = match &self.failure {
            None => ("approved_by_network", "authorized", "Payment complete."),
            Some(failure) if failure.is_blocked => {
                ("not_sent_to_network", "blocked", "Stripe blocked this payment as too risky.")
            }
            Some(_) => ("declined_by_network", "issuer_declined", "The bank declined the payment."),
        };
        let is_blocked = kind == "blocked";
        let reason = match &self.failure {
            Some(_) if is_blocked => Some("highest_risk_level"),
            failure => failure.as_ref().and_then(|failure| failure.reason.as_deref()),
        };
        json!({
            "advice_code": self.failure.as_ref().and_then(|failure| failure.advice_code.as_deref()),
            "network_advice_code": null,
            "network_decline_code": null,
            "network_status": network_status,
            "reason": reason,
            "risk_level": if is_blocked { "highest" } else { "normal" },
            "risk_score": if is_blocked { 95 } else { 12 },
            "seller_message": message,
            "type": kind,
        })
    }
}

pub(crate) fn retrieve(state: &State, id: &str) -> Result<Value, Refusal> {
    let charge = state.tables.charges.get(id).ok_or_else(|| Refusal::no_object("charge", id, None))?;
    Ok(charge.json())
}

pub(crate) fn list(state: &State, form: &mut Form) -> Result<Value, Refusal> {
    let customer = form.text("customer");
    let intent = form.text("payment_intent");
    let is_in = created_in(form)?;
    let charges = state.tables.charges.newest().filter(|charge| {
        is_in(charge.created)
            && (customer.is_none() || charge.customer == customer)
            && intent.as_ref().is_none_or(|intent| charge.payment_intent == *intent)
    });
    page("/v1/charges", form, charges.map(Charge::json))
}

/// The charge that succeeded, by its own id or its payment intent's.
pub(crate) fn paid<'a>(state: &'a State, id: &str) -> Option<&'a Charge> {
    let of_intent = || state.tables.payment_intents.get(id)?.latest_charge.as_deref();
    let charge = state.tables.charges.get(of_intent().unwrap_or(id))?;
    charge.failure.is_none().then_some(charge)
}
