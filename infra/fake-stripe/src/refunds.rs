//! `/v1/refunds`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::amounts;
use crate::cards::Behaviour;
use crate::charges::{self, Charge};
use crate::form::Form;
use crate::refusal::Refusal;
use crate::state::{State, asked_charge, created_in, new_id, page};
use crate::table::Row;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) charge: String,
    pub(crate) payment_intent: String,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) reason: Option<String>,
    pub(crate) status: Status,
    pub(crate) failure_reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Pending,
    Succeeded,
    Failed,
    Canceled,
}

impl Row for Refund {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Refund {
    pub(crate) fn json(&self) -> Value {
        let mut refund = json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": null,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "destination_details": {
                "card": { "reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund" },
                "type": "card",
            },
            "metadata": self.metadata,
            "payment_intent": self.payment_intent,
            "reason": self.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": self.status,
            "transfer_reversal": null,
        });
        if let Some(reason) = &self.failure_reason {
            refund["failure_reason"] = reason.as_str().into();
        }
        if self.status == Status::Pending {
            refund["pending_reason"] = "processing".into();
        }
        refund
    }
}

pub(crate) fn create(state: &mut State, form: &mut Form) -> Result<Value, Refusal> {
    let charge = match (form.text("payment_intent"), form.text("charge")) {
        (Some(intent), None) => {
            let intents = &state.tables.payment_intents;
            let known = intents.get(&intent);
            known.ok_or_else(|| Refusal::no_object("payment_intent", &intent, Some("payment_intent")))?;
            let charge = charges::paid(state, &intent);
            charge.ok_or_else(|| {
                let message =
                    format!("This PaymentIntent ({intent}) does not have a successful charge to refund.");
                Refusal::plain(&message).at("payment_intent")
            })?
        }
        (None, Some(charge)) => {
            let no_charge = || Refusal::no_object("charge", &charge, Some("charge"));
            charges::paid(state, &charge).filter(|paid| paid.id == charge).ok_or_else(no_charge)?
        }
        _ => {
            let message =
                "One of the following params should be provided for this request: payment_intent or charge.";
            return Err(Refusal::invalid("parameter_missing", message));
        }
    };
    let charge = charge.clone();
    let amount = form.integer("amount")?;
    let reason = form.one_of("reason", &["duplicate", "fraudulent", "requested_by_customer"])?;
    let metadata = form.metadata("metadata")?;
    form.finish()?;
    make(state, charge, amount, reason, metadata)
}

/// Refunds a charge: all that is left of it, unless an amount is given.
pub(crate) fn make(
    state: &mut State,
    mut charge: Charge,
    amount: Option<i64>,
    reason: Option<String>,
    metadata: Map<String, Value>,
) -> Result<Value, Refusal> {
    let left = charge.amount - charge.amount_refunded;
    if left == 0 {
        let message = format!("Charge {} has already been refunded.", charge.id);
        return Err(Refusal::invalid("charge_already_refunded", &message));
    }
    if crate::disputes::has_taken_funds(state, &charge.id) {
        let message = format!("Charge {} has been charged back; cannot issue a refund.", charge.id);
        return Err(Refusal::invalid("charge_disputed", &message));
    }
    let amount = amount.unwrap_or(left);
    if amount < 1 {
        return Err(Refusal::invalid("parameter_invalid_integer", "Invalid positive integer").at("amount"));
    }
    amounts::check_step(amount, &charge.currency)?;
    if amount > left {
        let message = format!(
            "Refund amount ({amount} {currency}) is greater than unrefunded amount on charge ({left} {currency})",
            currency = charge.currency
        );
        return Err(Refusal::plain(&message).at("amount"));
    }
    let is_late = charge.payment_method.card().behaviour == Behaviour::RefundsLate;
    let refund = Refund {
        id: new_id("re"),
        created: state.now(),
        amount,
        currency: charge.currency.clone(),
        charge: charge.id.clone(),
        payment_intent: charge.payment_intent.clone(),
        metadata,
        reason,
        status: if is_late { Status::Pending } else { Status::Succeeded },
        failure_reason: None,
    };
    charge.amount_refunded += amount;
    let answer = refund.json();
    state.tables.refunds.put(refund);
    state.record("refund.created", answer.clone());
    state.record("charge.refunded", charge.json());
    state.tables.charges.put(charge);
    Ok(answer)
}

/// Moves a refund to another status by request. One that fails or is cancelled gives the amount back to the charge.
pub(crate) fn move_on(
    state: &mut State,
    id: &str,
    status: Status,
    failure_reason: Option<String>,
) -> Result<Value, Refusal> {
    let mut refund = existing(state, id)?.clone();
    let is_possible = match status {
        Status::Succeeded | Status::Canceled => refund.status == Status::Pending,
        Status::Failed => matches!(refund.status, Status::Pending | Status::Succeeded),
        Status::Pending => false,
    };
    if !is_possible {
        return Err(Refusal::plain(&format!("The refund {id} has a status that cannot become this one.")));
    }
    refund.status = status;
    refund.failure_reason = failure_reason;
    if let (Status::Failed | Status::Canceled, Some(charge)) =
        (status, state.tables.charges.get_mut(&refund.charge))
    {
        charge.amount_refunded -= refund.amount;
    }
    let answer = refund.json();
    state.tables.refunds.put(refund);
    state.record("refund.updated", answer.clone());
    state.record("charge.refund.updated", answer.clone());
    if status == Status::Failed {
        state.record("refund.failed", answer.clone());
    }
    Ok(answer)
}

fn existing<'a>(state: &'a State, id: &str) -> Result<&'a Refund, Refusal> {
    state.tables.refunds.get(id).ok_or_else(|| Refusal::no_object("refund", id, None))
}

pub(crate) fn retrieve(state: &State, id: &str) -> Result<Value, Refusal> {
    Ok(existing(state, id)?.json())
}

pub(crate) fn list(state: &State, form: &mut Form) -> Result<Value, Refusal> {
    let is_of = asked_charge(form);
    let is_in = created_in(form)?;
    let refunds = state.tables.refunds.newest();
    let refunds =
        refunds.filter(|refund| is_in(refund.created) && is_of(&refund.charge, &refund.payment_intent));
    page("/v1/refunds", form, refunds.map(Refund::json))
}

/// The newest refunds of a charge, as they are in an expanded charge.
pub(crate) fn of_charge(state: &State, charge: &str) -> Value {
    let refunds: Vec<_> =
        state.tables.refunds.newest().filter(|refund| refund.charge == charge).map(Refund::json).collect();
    let shown = 10;
    json!({
        "object": "list",
        "url": format!("/v1/charges/{charge}/refunds"),
        "has_more": refunds.len() > shown,
        "data": refunds.into_iter().take(shown).collect::<Vec<_>>(),
    })
}
