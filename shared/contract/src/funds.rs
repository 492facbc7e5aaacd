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
    /// The page where the card's owner can confirm the payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_action: Option<NextAction>,
}

/// The page where a card's owner can confirm a payment.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NextAction {
    /// The address of a page of the card processor.
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
    /// Purchases and recharges, newest first.
    pub purchases: Vec<Purchase>,
    /// The `cursor` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
