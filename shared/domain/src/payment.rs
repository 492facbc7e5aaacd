//! One row of the table `payments`: everything that changes funds because somebody, or auto-recharge, asked for it, and invoices.

use jiff::Timestamp;

use crate::card_payment::CardPayment;
use crate::id::{AccountId, Fingerprint, PaymentId};
use crate::invoice::Invoice;
use crate::money::Money;

/// A row of `payments`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payment {
    /// A purchase or recharge, which charges a card.
    Card(CardPayment),
    /// The operator's correction.
    Adjustment(Adjustment),
    /// An invoice, which asks for what was used.
    Invoice(Invoice),
}

/// An adjustment (F9). It is posted in the commit that writes this row, so it has no other state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// The account that it corrects.
    pub account: AccountId,
    /// Derived from the account and the `Idempotency-Key`.
    pub id: PaymentId,
    /// The instant that dates its journal entry.
    pub created_at: Timestamp,
    /// Signed.
    pub amount: Money,
    /// What the key was used with.
    pub fingerprint: Fingerprint,
}

impl From<CardPayment> for Payment {
    fn from(payment: CardPayment) -> Self {
        Self::Card(payment)
    }
}

impl From<Adjustment> for Payment {
    fn from(adjustment: Adjustment) -> Self {
        Self::Adjustment(adjustment)
    }
}

impl From<Invoice> for Payment {
    fn from(invoice: Invoice) -> Self {
        Self::Invoice(invoice)
    }
}

impl Payment {
    /// Its id.
    pub fn id(&self) -> PaymentId {
        match self {
            Self::Card(payment) => payment.id.clone(),
            Self::Adjustment(adjustment) => adjustment.id.clone(),
            Self::Invoice(invoice) => invoice.id(),
        }
    }

    /// Its amount.
    pub fn amount(&self) -> Money {
        match self {
            Self::Card(payment) => payment.amount,
            Self::Adjustment(adjustment) => adjustment.amount,
            Self::Invoice(invoice) => invoice.closed.amount,
        }
    }

    /// The revision with which it is written: 1 the first time. An adjustment is written once.
    pub fn revision(&self) -> u64 {
        match self {
            Self::Card(payment) => payment.revision,
            Self::Adjustment(_) => 1,
            Self::Invoice(invoice) => invoice.revision,
        }
    }

    /// The card payment, if it is one.
    pub fn card(self) -> Option<CardPayment> {
        match self {
            Self::Card(payment) => Some(payment),
            Self::Adjustment(_) | Self::Invoice(_) => None,
        }
    }

    /// The adjustment, if it is one.
    pub fn adjustment(self) -> Option<Adjustment> {
        match self {
            Self::Adjustment(adjustment) => Some(adjustment),
            Self::Card(_) | Self::Invoice(_) => None,
        }
    }

    /// The invoice, if it is one.
    pub fn invoice(self) -> Option<Invoice> {
        match self {
            Self::Invoice(invoice) => Some(invoice),
            Self::Card(_) | Self::Adjustment(_) => None,
        }
    }
}
