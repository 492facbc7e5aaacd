//! One row of the table `payments`: everything that changes funds because somebody, or auto-recharge, asked for it.

use jiff::Timestamp;

use crate::card_payment::CardPayment;
use crate::id::{AccountId, Fingerprint, PaymentId};
use crate::money::Money;

/// A row of `payments`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a commit has one at most")]
pub enum Payment {
    /// A purchase or recharge, which charges a card.
    Card(CardPayment),
    /// The operator's correction.
    Adjustment(Adjustment),
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

impl Payment {
    /// Its id.
    pub fn id(&self) -> &PaymentId {
        match self {
            Self::Card(payment) => &payment.id,
            Self::Adjustment(adjustment) => &adjustment.id,
        }
    }

    /// Its amount.
    pub fn amount(&self) -> Money {
        match self {
            Self::Card(payment) => payment.amount,
            Self::Adjustment(adjustment) => adjustment.amount,
        }
    }

    /// The revision with which it is written: 1 the first time. An adjustment is written once.
    pub fn revision(&self) -> u64 {
        match self {
            Self::Card(payment) => payment.revision,
            Self::Adjustment(_) => 1,
        }
    }

    /// The card payment, unless this is an adjustment.
    pub fn card(self) -> Option<CardPayment> {
        match self {
            Self::Card(payment) => Some(payment),
            Self::Adjustment(_) => None,
        }
    }

    /// The adjustment, unless this is a card payment.
    pub fn adjustment(self) -> Option<Adjustment> {
        match self {
            Self::Adjustment(adjustment) => Some(adjustment),
            Self::Card(_) => None,
        }
    }
}
