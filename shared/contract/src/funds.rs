//! Lots, purchases and recharges as answers show them.

use domain::card_payment::{CardPayment, CardPaymentState};
use domain::dispute::DisputeState;
use domain::refund::RefundState;
use domain::{PaymentKind, dispute, refund};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::Card;
use crate::instant::Instant;

/// Funds that arrived at one instant and expire together.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lot {
    /// The lot's id.
    pub lot_id: String,
    /// The purchase or recharge that added the lot. It is left out if an adjustment did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_id: Option<String>,
    /// The instant at which the funds were requested.
    pub purchased_at: Instant,
    /// The instant of expiry. The funds are usable strictly before it.
    pub expires_at: Instant,
    /// The amount that was added.
    pub amount: String,
    /// The unspent amount.
    pub remaining: String,
}

impl From<&domain::Lot> for Lot {
    fn from(lot: &domain::Lot) -> Self {
        Self {
            lot_id: lot.id.to_string(),
            purchase_id: lot.id.purchase().map(|id| id.to_string()),
            purchased_at: lot.purchased_at.into(),
            expires_at: lot.expires_at.into(),
            amount: lot.amount.to_string(),
            remaining: lot.remaining.to_string(),
        }
    }
}

/// An account's lots.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Lots {
    /// The lots with funds, oldest expiry first. An expired lot is among them until its expiry is booked.
    pub lots: Vec<Lot>,
}

/// The status of a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PurchaseStatus {
    /// The outcome is not known yet; it resolves by itself.
    Pending,
    /// The card's owner must confirm the payment at `nextAction.url`.
    NeedsAction,
    /// The card was charged and the funds added.
    Succeeded,
    /// Nothing was charged.
    Declined,
    /// The card was charged, and `refundedAmount` went back to it.
    Refunded,
    /// The card was charged. A dispute about it is open, or was lost: see `disputes`.
    Disputed,
}

impl PurchaseStatus {
    /// Whether the card was charged, whatever became of that since.
    pub fn is_charged(self) -> bool {
        match self {
            Self::Succeeded | Self::Refunded | Self::Disputed => true,
            Self::Pending | Self::NeedsAction | Self::Declined => false,
        }
    }
}

/// The state of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RefundStatus {
    /// The funds have left the lot. Whether the card processor takes the refund is not known yet; it resolves by itself.
    Pending,
    /// The card processor pays it back. It may still fail.
    Succeeded,
    /// It failed, and the funds are back.
    Failed,
}

/// A part of a purchase that went back to its card.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    /// The refund's id.
    pub refund_id: String,
    /// Its state.
    pub status: RefundStatus,
    /// The amount that goes back to the card.
    pub amount: String,
    /// The instant at which the funds left the lot.
    pub at: Instant,
    /// The number of the credit note, once there is one. An account's credit notes are numbered without gaps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit_note_number: Option<u64>,
    /// Why it was made. It is left out if it was made at the card processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who made it, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Why it failed: the card processor's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// The instant at which the funds returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<Instant>,
}

impl From<&refund::Refund> for Refund {
    fn from(refund: &refund::Refund) -> Self {
        let (status, failure) = match &refund.state {
            RefundState::Open => (RefundStatus::Pending, None),
            RefundState::Paid(_) => (RefundStatus::Succeeded, None),
            RefundState::Returned { at, reason, .. } => (RefundStatus::Failed, Some((reason, *at))),
        };
        Self {
            refund_id: refund.id.to_string(),
            status,
            amount: refund.amount.to_string(),
            at: refund.created_at.into(),
            credit_note_number: refund.payout().map(|payout| payout.credit_note),
            reason: refund.origin.reason().map(str::to_owned),
            author: refund.origin.author().map(str::to_owned),
            failure_reason: failure.map(|(reason, _)| reason.clone()),
            failed_at: failure.map(|(_, at)| at.into()),
        }
    }
}

/// How far a dispute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum DisputeStatus {
    /// The bank of the card asks, and no funds have moved.
    Inquiry,
    /// The unspent part of the disputed amount has left the lot until the dispute ends.
    Open,
    /// The charge stands, and what had left the lot is back.
    Won,
    /// The card has `lostAmount` back.
    Lost,
    /// It ended before any funds had moved.
    Closed,
}

/// A dispute: the card's owner wants the charge back from the bank.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dispute {
    /// The dispute's id.
    pub dispute_id: String,
    /// How far it is.
    pub status: DisputeStatus,
    /// The disputed amount.
    pub amount: String,
    /// The instant at which it became known.
    pub at: Instant,
    /// Why: the card processor's code, such as `fraudulent`.
    pub reason: String,
    /// The amount that has left the lot because of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen_amount: Option<String>,
    /// The amount that the card has back for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_amount: Option<String>,
    /// The instant at which it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Instant>,
}

impl From<&dispute::Dispute> for Dispute {
    fn from(dispute: &dispute::Dispute) -> Self {
        let (status, ended_at) = match dispute.state {
            DisputeState::Inquiry => (DisputeStatus::Inquiry, None),
            DisputeState::Open { .. } => (DisputeStatus::Open, None),
            DisputeState::Won { at, .. } => (DisputeStatus::Won, Some(at)),
            DisputeState::Lost { at, .. } => (DisputeStatus::Lost, Some(at)),
            DisputeState::Dropped => (DisputeStatus::Closed, None),
        };
        Self {
            dispute_id: dispute.id.to_string(),
            status,
            amount: dispute.amount.to_string(),
            at: dispute.created_at.into(),
            reason: dispute.reason.clone(),
            frozen_amount: dispute.frozen().map(|frozen| frozen.to_string()),
            lost_amount: dispute.lost().map(|lost| lost.to_string()),
            ended_at: ended_at.map(Into::into),
        }
    }
}

/// Funds bought by a person or by auto-recharge.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Purchase {
    /// The purchase's id. The same account and `Idempotency-Key` always give the same id.
    pub purchase_id: String,
    /// `purchase` or `recharge`.
    #[schema(example = "purchase")]
    pub kind: String,
    /// The status of the purchase.
    pub status: PurchaseStatus,
    /// The amount that is charged.
    pub amount: String,
    /// The currency's code in ISO 4217.
    pub currency: String,
    /// The instant at which it was requested.
    pub created_at: Instant,
    /// The instant at which the funds expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Instant>,
    /// The card processor's decline code, such as `card_declined`, `expired_card`, `insufficient_funds` or
    /// `authentication_required`; or `abandoned` for a purchase that nobody completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decline_reason: Option<String>,
    /// The number of the receipt. An account's receipts are numbered without gaps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_number: Option<u64>,
    /// The card that is charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<Card>,
    /// The account's PO number when the purchase was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub po_number: Option<String>,
    /// The multiple of the recharge amount that a recharge charges, so that it lifts the balance above the trigger amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recharge_amounts: Option<u32>,
    /// The amount that went back to the card by refunds, those under way included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunded_amount: Option<String>,
    /// The amount that a refund would return to the card now. It is given with a single purchase, if anything can be refunded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refundable_amount: Option<String>,
    /// The refunds, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Refund>,
    /// The disputes, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disputes: Vec<Dispute>,
    /// The page where the card's owner can confirm the payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_action: Option<NextAction>,
}

/// The page where a card's owner can confirm a payment.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NextAction {
    /// The address of a page of the card processor. If the bank wants the owner, and the owner was not there when the card was charged,
    /// it is the address of the purchase's page in the portal, which confirms the purchase and leads to the card processor.
    pub url: String,
}

impl From<&CardPayment> for Purchase {
    fn from(payment: &CardPayment) -> Self {
        let mut shown = Self {
            purchase_id: payment.id.to_string(),
            kind: PaymentKind::from(payment.kind).as_str().to_owned(),
            status: PurchaseStatus::Pending,
            amount: payment.amount.to_string(),
            currency: payment.amount.currency().code().to_owned(),
            created_at: payment.created_at.into(),
            expires_at: None,
            decline_reason: None,
            receipt_number: None,
            card: Some((&payment.method.card).into()),
            po_number: payment.po_number.clone(),
            recharge_amounts: payment.recharge_amounts,
            refunded_amount: None,
            refundable_amount: None,
            refunds: Vec::new(),
            disputes: Vec::new(),
            next_action: None,
        };
        match &payment.state {
            CardPaymentState::Open { .. } => {}
            CardPaymentState::NeedsAction { url, .. } => {
                shown.status = PurchaseStatus::NeedsAction;
                shown.next_action = Some(NextAction { url: url.clone() });
            }
            CardPaymentState::Declined { reason } => {
                shown.status = PurchaseStatus::Declined;
                shown.decline_reason = Some(reason.clone());
            }
            CardPaymentState::Succeeded { receipt_number, repayments, .. } => {
                let currency = payment.amount.currency();
                let (refunded, lost) = (repayments.refunded(currency), repayments.lost(currency));
                shown.status = if repayments.is_disputed() || lost.is_positive() {
                    PurchaseStatus::Disputed
                } else if refunded.is_positive() {
                    PurchaseStatus::Refunded
                } else {
                    PurchaseStatus::Succeeded
                };
                shown.refunded_amount = refunded.is_positive().then(|| refunded.to_string());
                shown.refunds = repayments.refunds.iter().map(Refund::from).collect();
                shown.disputes = repayments.disputes.iter().map(Dispute::from).collect();
                shown.expires_at = Some(domain::Lot::expiry_of_purchase(payment.created_at).into());
                shown.receipt_number = Some(*receipt_number);
            }
        }
        shown
    }
}

/// One page of purchases and recharges.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Purchases {
    /// Purchases and recharges, newest first.
    pub purchases: Vec<Purchase>,
    /// The `cursor` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
