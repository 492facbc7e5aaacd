//! `/v1/disputes`. Cardholders and their banks move disputes, here by request.
//!
//! The movements of funds are in the currency of settlement, which is US dollars, and have Stripe's fee. The rate of another currency
//! is 11 cents for 10 of its smallest units, which is nobody's real rate: an integration that took these amounts for the charge's would
//! be found out.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::charges::{self, Charge};
use crate::form::Form;
use crate::refusal::Refusal;
use crate::state::{State, asked_charge, created_in, new_id, page};
use crate::table::Row;

/// Stripe's fee for a dispute, in cents.
const FEE_CENTS: i64 = 1500;
/// How long evidence can be handed in.
const EVIDENCE_SECONDS: i64 = 14 * 24 * 3600;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) charge: String,
    pub(crate) payment_intent: String,
    pub(crate) brand: String,
    pub(crate) reason: String,
    pub(crate) status: Status,
    pub(crate) movements: Vec<Movement>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    WarningNeedsResponse,
    WarningClosed,
    NeedsResponse,
    Won,
    Lost,
}

/// Funds that were withdrawn (below zero) or given back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Movement {
    pub(crate) id: String,
    pub(crate) created: i64,
    /// In the charge's currency.
    pub(crate) amount: i64,
}

impl Row for Dispute {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Dispute {
    pub(crate) fn json(&self) -> Value {
        let is_inquiry = matches!(self.status, Status::WarningNeedsResponse | Status::WarningClosed);
        json!({
            "id": self.id,
            "object": "dispute",
            "amount": self.amount,
            "balance_transactions": self.movements.iter().map(|movement| self.movement(movement)).collect::<Vec<_>>(),
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "enhanced_eligibility_types": [],
            "evidence": evidence(),
            "evidence_details": {
                "due_by": self.created + EVIDENCE_SECONDS,
                "enhanced_eligibility": {},
                "has_evidence": false,
                "past_due": false,
                "submission_count": 0,
            },
            "is_charge_refundable": self.status == Status::WarningNeedsResponse,
            "livemode": false,
            "metadata": {},
            "payment_intent": self.payment_intent,
            "payment_method_details": {
                "card": {
                    "brand": self.brand,
                    "case_type": if is_inquiry { "inquiry" } else { "chargeback" },
                    "network_reason_code": "83",
                },
                "type": "card",
            },
            "reason": self.reason,
            "status": self.status,
        })
    }

    fn movement(&self, movement: &Movement) -> Value {
        let is_dollars = self.currency == "usd";
        let amount = if is_dollars { movement.amount } else { movement.amount * 11 / 10 };
        let fee = if amount < 0 { FEE_CENTS } else { 0 };
        let fee_details = json!({
            "amount": fee, "application": null, "currency": "usd", "description": "Dispute fee", "type": "stripe_fee",
        });
        let fee_details = if fee > 0 { vec![fee_details] } else { Vec::new() };
        let what = if amount < 0 { "withdrawal" } else { "reversal" };
        json!({
            "id": movement.id,
            "object": "balance_transaction",
            "amount": amount,
            "available_on": movement.created,
            "balance_type": "payments",
            "created": movement.created,
            "currency": "usd",
            "description": format!("Chargeback {what} for {}", self.charge),
            "exchange_rate": (!is_dollars).then_some(1.1),
            "fee": fee,
            "fee_details": fee_details,
            "net": amount - fee,
            "reporting_category": if amount < 0 { "dispute" } else { "dispute_reversal" },
            "source": self.id,
            "status": "available",
            "type": "adjustment",
        })
    }

    /// The sum of the movements: what is withdrawn now is below zero.
    fn moved(&self) -> i64 {
        self.movements.iter().map(|movement| movement.amount).sum()
    }
}

fn evidence() -> Value {
    let fields = "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure \
        cancellation_rebuttal customer_communication customer_email_address customer_name customer_purchase_ip \
        customer_signature duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id \
        product_description receipt refund_policy refund_policy_disclosure refund_refusal_explanation service_date \
        service_documentation shipping_address shipping_carrier shipping_date shipping_documentation \
        shipping_tracking_number uncategorized_file uncategorized_text";
    let mut evidence: serde_json::Map<_, _> =
        fields.split_ascii_whitespace().map(|field| (field.to_owned(), Value::Null)).collect();
    evidence.insert("enhanced_evidence".to_owned(), json!({}));
    evidence.into()
}

/// Whether a dispute of this charge has taken its funds, so that none are left to refund.
pub(crate) fn has_taken_funds(state: &State, charge: &str) -> bool {
    state.tables.disputes.oldest().any(|dispute| dispute.charge == charge && dispute.moved() < 0)
}

/// A dispute to be opened.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Opening {
    /// All of the charge, if it is left out.
    pub(crate) amount: Option<i64>,
    pub(crate) reason: Option<String>,
    /// Whether it is only an inquiry, which moves no funds.
    pub(crate) inquiry: bool,
}

pub(crate) fn open(state: &mut State, charge: Charge, opening: Opening) -> Value {
    let dispute = Dispute {
        id: new_id("du"),
        created: state.now(),
        amount: opening.amount.unwrap_or(charge.amount),
        currency: charge.currency.clone(),
        charge: charge.id.clone(),
        payment_intent: charge.payment_intent.clone(),
        brand: charge.payment_method.brand.clone(),
        reason: opening.reason.unwrap_or_else(|| "fraudulent".to_owned()),
        status: if opening.inquiry { Status::WarningNeedsResponse } else { Status::NeedsResponse },
        movements: Vec::new(),
    };
    state.tables.charges.put(Charge { is_disputed: true, ..charge });
    let dispute = changed(state, dispute, "charge.dispute.created");
    if opening.inquiry { dispute.json() } else { move_funds(state, dispute, Funds::Withdrawn, None) }
}

/// The charge that is disputed.
pub(crate) fn paid(state: &State, id: &str) -> Result<Charge, Refusal> {
    charges::paid(state, id).cloned().ok_or_else(|| Refusal::no_object("charge", id, None))
}

fn changed(state: &mut State, dispute: Dispute, event: &str) -> Dispute {
    state.tables.disputes.put(dispute.clone());
    state.record(event, dispute.json());
    dispute
}

#[derive(Clone, Copy)]
enum Funds {
    Withdrawn,
    Reinstated,
}

/// Moves funds: the disputed amount, unless another one is given.
fn move_funds(state: &mut State, mut dispute: Dispute, funds: Funds, amount: Option<i64>) -> Value {
    let amount = amount.unwrap_or(dispute.amount);
    let (amount, event) = match funds {
        Funds::Withdrawn => (-amount, "charge.dispute.funds_withdrawn"),
        Funds::Reinstated => (amount, "charge.dispute.funds_reinstated"),
    };
    dispute.movements.push(Movement { id: new_id("txn"), created: state.now(), amount });
    changed(state, dispute, event).json()
}

/// The latest dispute of a charge.
fn latest(state: &State, id: &str) -> Result<Dispute, Refusal> {
    let charge = paid(state, id)?;
    let of_charge = |dispute: &&Dispute| dispute.charge == charge.id;
    let dispute = state.tables.disputes.newest().find(of_charge);
    dispute.cloned().ok_or_else(|| Refusal::no_object("dispute of charge", id, None))
}

/// Withdraws the funds: an inquiry becomes a dispute.
pub(crate) fn withdraw(state: &mut State, id: &str) -> Result<Value, Refusal> {
    let mut dispute = latest(state, id)?;
    dispute.status = Status::NeedsResponse;
    let dispute = changed(state, dispute, "charge.dispute.updated");
    Ok(move_funds(state, dispute, Funds::Withdrawn, None))
}

/// Funds that are given back.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Reinstatement {
    amount: Option<i64>,
}

/// Gives funds back before the dispute is closed.
pub(crate) fn reinstate(state: &mut State, id: &str, funds: Reinstatement) -> Result<Value, Refusal> {
    let dispute = latest(state, id)?;
    Ok(move_funds(state, dispute, Funds::Reinstated, funds.amount))
}

/// How a dispute is closed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Closing {
    outcome: ClosingOutcome,
    /// The part that comes back although the dispute is lost.
    returned: Option<i64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClosingOutcome {
    Won,
    Lost,
    WarningClosed,
}

/// Closes a dispute. The funds of one that is won come back, unless they did before.
pub(crate) fn close(state: &mut State, id: &str, closing: &Closing) -> Result<Value, Refusal> {
    let mut dispute = latest(state, id)?;
    let (status, back) = match closing.outcome {
        ClosingOutcome::Won => (Status::Won, -dispute.moved()),
        ClosingOutcome::Lost => (Status::Lost, closing.returned.unwrap_or_default()),
        ClosingOutcome::WarningClosed => (Status::WarningClosed, 0),
    };
    dispute.status = status;
    let dispute = changed(state, dispute, "charge.dispute.closed");
    if back > 0 {
        return Ok(move_funds(state, dispute, Funds::Reinstated, Some(back)));
    }
    Ok(dispute.json())
}

pub(crate) fn retrieve(state: &State, id: &str) -> Result<Value, Refusal> {
    let dispute = state.tables.disputes.get(id).ok_or_else(|| Refusal::no_object("dispute", id, None))?;
    Ok(dispute.json())
}

pub(crate) fn list(state: &State, form: &mut Form) -> Result<Value, Refusal> {
    let is_of = asked_charge(form);
    let is_in = created_in(form)?;
    let disputes = state.tables.disputes.newest();
    let disputes =
        disputes.filter(|dispute| is_in(dispute.created) && is_of(&dispute.charge, &dispute.payment_intent));
    page("/v1/disputes", form, disputes.map(Dispute::json))
}
