//! The sandbox card processor's record of charges, and what its dashboard and the banks do by themselves: refunds, refunds that fail,
//! and disputes. What happens there is told to the functions at once, as a webhook of the processor would.

use axum::Json;
use axum::extract::{Path, State};
use contract::Amount;
use domain::dispute::DisputePhase;
use domain::refund::RefundStatus;
use domain::{AccountId, Money, PaymentId};
use payments::{IntentState, Processor, ProcessorError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Machine;
use crate::local::{Failure, read, wrong};
use api::Problem;

/// Lists the card processor's records of an account's payments, against which the books are checked.
pub(crate) async fn list(
    machine: State<Machine>,
    Path(account): Path<String>,
) -> Result<Json<Value>, Failure> {
    let account = AccountId::parse(account).map_err(|_| Failure(Problem::NoAccount))?;
    let sandbox = machine.functions.sandbox();
    let mut charges = Vec::new();
    for record in sandbox.records(&account).await?.iter().filter(|record| record.id.starts_with("pi_")) {
        let nothing = Money::zero(record.amount.currency());
        let (mut back, mut disputed) = (nothing, nothing);
        for refund in sandbox.refunds(&record.id).await? {
            if refund.status == RefundStatus::Succeeded {
                back += refund.amount;
            }
        }
        for dispute in sandbox.disputes(&record.id).await? {
            match dispute.phase {
                DisputePhase::Open => disputed += dispute.amount,
                DisputePhase::Lost { lost } => back += lost,
                DisputePhase::Inquiry | DisputePhase::InquiryClosed | DisputePhase::Won => {}
            }
        }
        charges.push(json!({
            "id": record.id,
            "key": record.key,
            "amount": record.amount.to_string(),
            "currency": record.amount.currency().code(),
            "charged": matches!(record.state, IntentState::Succeeded { .. }),
            "back": back.to_string(),
            "disputed": disputed.to_string(),
        }));
    }
    Ok(Json(json!({ "charges": charges })))
}

/// What happens to a charge.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Action {
    /// Somebody refunds it at the processor.
    Refund,
    /// Its latest refund fails.
    FailRefund,
    /// The bank asks about it, and no money moves.
    Inquire,
    /// It is disputed, or its inquiry becomes a dispute.
    Dispute,
    /// Its dispute is won.
    Win,
    /// Its dispute is lost.
    Lose,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    action: Action,
    /// Of a refund, inquiry or dispute: all of the charge, unless it is given. Of a lost dispute: all that is disputed.
    amount: Option<Amount>,
}

/// Lets something happen to the charge of a purchase.
pub(crate) async fn act(
    machine: State<Machine>,
    Path((account, purchase)): Path<(String, String)>,
    body: String,
) -> Result<Json<Value>, Failure> {
    let act: Act = read(&body)?;
    let none = || Failure(Problem::NotFound("charge"));
    let account = AccountId::parse(account).map_err(|_| Failure(Problem::NoAccount))?;
    let purchase = PaymentId::parse(purchase).map_err(|_| none())?;
    let payment = machine.functions.statement_ports().store.card_payment(&account, &purchase).await?;
    let payment = payment.filter(|payment| payment.repayments().is_some()).ok_or_else(none)?;
    let intent = payment.intent().ok_or_else(none)?;
    let amount = act.amount.map(|amount| Money::in_minor_units(amount.0, payment.amount.currency()));
    let amount = amount.transpose().map_err(|problem| wrong("amount", &problem.to_string()))?;
    let object = happen(&machine, intent, act.action, amount, payment.amount).await?;
    machine.functions.repayments_moved(&account, &purchase, machine.clock.now()).await?;
    Ok(Json(json!({ "id": object })))
}

/// Answers with the id of the refund or dispute.
async fn happen(
    machine: &Machine,
    intent: &str,
    action: Action,
    amount: Option<Money>,
    charged: Money,
) -> Result<String, Failure> {
    let sandbox = machine.functions.sandbox();
    let refused = |problem: ProcessorError| match problem {
        ProcessorError::Refused { reason } => wrong("action", &format!("the processor refused: {reason}")),
        unknown @ ProcessorError::Unknown(_) => unknown.into(),
    };
    let disputes = sandbox.disputes(intent).await?;
    let of_phase = |phase: DisputePhase| disputes.iter().find(|dispute| dispute.phase == phase);
    match action {
        Action::Refund => {
            sandbox.refund_in_dashboard(intent, amount.unwrap_or(charged)).await.map_err(refused)
        }
        Action::FailRefund => {
            let refunds = sandbox.refunds(intent).await?;
            let refund = refunds.into_iter().find(|refund| refund.status == RefundStatus::Succeeded);
            let refund = refund.ok_or_else(|| wrong("action", "expected a refund that can fail"))?;
            sandbox.fail_refund(&refund.id).await.map_err(refused)?;
            Ok(refund.id)
        }
        Action::Inquire => sandbox.dispute(intent, amount.unwrap_or(charged), true).await.map_err(refused),
        Action::Dispute => match of_phase(DisputePhase::Inquiry) {
            Some(inquiry) => {
                sandbox.escalate(&inquiry.id).await.map_err(refused)?;
                Ok(inquiry.id.clone())
            }
            None => sandbox.dispute(intent, amount.unwrap_or(charged), false).await.map_err(refused),
        },
        Action::Win | Action::Lose => {
            let open = of_phase(DisputePhase::Open);
            let open = open.ok_or_else(|| wrong("action", "expected a dispute that is open"))?;
            let lost = match action {
                Action::Win => Money::zero(charged.currency()),
                _ => amount.unwrap_or(open.amount),
            };
            sandbox.end_dispute(&open.id, lost).await.map_err(refused)?;
            Ok(open.id.clone())
        }
    }
}
