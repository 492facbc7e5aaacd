//! Lots, purchases and recharges as answers show them.

use domain::PaymentKind;
use domain::card_payment::{CardPayment, CardPaymentState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::Card;
use crate::instant::Instant;

/// Funds that arrived at one instant and expire together.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lot {
    /// The id of what added them.
    pub lot_id: String,
    /// The purchase or recharge, unless the operator added them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_id: Option<String>,
    /// When they were asked for.
    pub purchased_at: Instant,
    /// Usable strictly before this instant.
    pub expires_at: Instant,
    /// What there was.
    pub amount: String,
    /// What is unspent.
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
    /// Oldest expiry first: those with funds, also expired ones until they are booked.
    pub lots: Vec<Lot>,
}

/// How far a purchase is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PurchaseStatus {
    /// The outcome is not known yet; it resolves by itself.
    Pending,
    /// The card wants its owner, at `nextAction.url`.
    NeedsAction,
    /// The card was charged and the funds added.
    Succeeded,
    /// Nothing was charged.
    Declined,
}

/// Funds bought by a person or by auto-recharge.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Purchase {
    /// The same account and `Idempotency-Key` always give the same.
    pub purchase_id: String,
    /// `purchase` or `recharge`.
    #[schema(example = "purchase")]
    pub kind: String,
    /// How far it is.
    pub status: PurchaseStatus,
    /// What is charged.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
    /// When it was asked for.
    pub created_at: Instant,
    /// When the funds expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Instant>,
    /// Why the card said no: `card_declined`, `expired_card`, `insufficient_funds`,
    /// `authentication_required`, …, or `abandoned`: it was never charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decline_reason: Option<String>,
    /// Receipts are numbered without gaps within the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_number: Option<u64>,
    /// The card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<Card>,
    /// The account's PO number at that moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub po_number: Option<String>,
    /// Of a recharge: how many times the recharge amount it is, so that it lifts the balance above the trigger amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recharge_amounts: Option<u32>,
    /// Where the person can act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_action: Option<NextAction>,
}

/// Where the card's owner can act.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NextAction {
    /// A page of the card processor.
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
            CardPaymentState::Succeeded { receipt_number, .. } => {
                shown.status = PurchaseStatus::Succeeded;
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
    /// Newest first.
    pub purchases: Vec<Purchase>,
    /// The `cursor` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
