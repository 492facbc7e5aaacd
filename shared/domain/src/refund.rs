//! A refund: a part of a charge that goes back to its card (F9).
//!
//! Its purchase or recharge keeps it. The funds leave the lot when it opens. Once the card processor has taken it, it has a credit
//! note. If it fails, even weeks later, the funds return.

use jiff::{SignedDuration, Timestamp};

use crate::id::{AccountId, Fingerprint, PaymentId};
use crate::journal_key::{EntryKind, JournalKey};
use crate::money::Money;

/// The lease of a refund, from its beginning. Recovery looks at it no earlier, since the process that asked the card processor for
/// it may still wait for the answer.
pub const REFUND_LEASE: SignedDuration = SignedDuration::from_mins(2);

/// One refund of a purchase or recharge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Derived from the purchase and the `Idempotency-Key`, or from the processor's id where nobody asked us for it. The processor's
    /// idempotency key, too.
    pub id: PaymentId,
    /// When the funds left: it dates the journal entries.
    pub created_at: Timestamp,
    /// How much goes back to the card, in whole minor units (T3).
    pub amount: Money,
    /// The part that the lot gave.
    pub from_lot: Money,
    /// The part that was left to the next invoice. The rest was owed.
    pub post_usage: Money,
    /// Who asked for it.
    pub origin: Origin,
    /// Its state.
    pub state: RefundState,
}

/// Who asked for a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The operator, from us.
    Operator {
        /// Why.
        reason: String,
        /// By whom.
        author: String,
        /// The fingerprint of what the `Idempotency-Key` was used with.
        fingerprint: Fingerprint,
    },
    /// Somebody at the card processor, such as in its dashboard.
    Processor,
}

impl Origin {
    /// Why, as far as we know.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Operator { reason, .. } => Some(reason),
            Self::Processor => None,
        }
    }

    /// The fingerprint of what the `Idempotency-Key` was used with, if there was one.
    pub fn fingerprint(&self) -> Option<&Fingerprint> {
        match self {
            Self::Operator { fingerprint, .. } => Some(fingerprint),
            Self::Processor => None,
        }
    }

    /// By whom, as far as we know.
    pub fn author(&self) -> Option<&str> {
        match self {
            Self::Operator { author, .. } => Some(author),
            Self::Processor => None,
        }
    }
}

/// The state of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// The funds have left the lot. Whether the processor has taken the refund is not known.
    Open,
    /// The processor has taken it. It may still fail.
    Paid(Payout),
    /// The funds are back.
    Returned {
        /// The payout before it failed, if the processor had taken it.
        paid: Option<Payout>,
        /// When the funds returned.
        at: Timestamp,
        /// Why it failed: the processor's code.
        reason: String,
    },
}

/// A refund that the card processor has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// The processor's object.
    pub processor_id: String,
    /// The number of the credit note within the account. Credit notes are numbered without gaps, like receipts (F8).
    pub credit_note: u64,
    /// When that became known: the date of the credit note.
    pub at: Timestamp,
}

impl Refund {
    /// Its payout, if the processor took it.
    pub fn payout(&self) -> Option<&Payout> {
        match &self.state {
            RefundState::Open => None,
            RefundState::Paid(payout) => Some(payout),
            RefundState::Returned { paid, .. } => paid.as_ref(),
        }
    }

    /// Whether its funds are back.
    pub fn is_returned(&self) -> bool {
        matches!(self.state, RefundState::Returned { .. })
    }

    /// The part that neither the lot gave nor the next invoice asks for.
    pub fn owed(&self) -> Money {
        self.amount - self.from_lot - self.post_usage
    }

    /// The key of the entry that takes its funds.
    pub fn key(&self) -> JournalKey {
        JournalKey::payment(self.created_at, EntryKind::Refund, &self.id)
    }

    /// The fingerprint of its entries.
    pub fn fingerprint(id: &PaymentId) -> Fingerprint {
        Fingerprint::of([id.as_str()])
    }
}

/// A refund as the card processor has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRefund {
    /// The processor's id.
    pub id: String,
    /// The key that it was asked for with, if we asked for it: the id of our refund.
    pub key: Option<String>,
    /// How much goes back, in the charge's currency.
    pub amount: Money,
    /// How far it is.
    pub status: RefundStatus,
}

/// How far a refund is at the card processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundStatus {
    /// It is under way.
    Pending,
    /// The card has the money. It may still fail, weeks later.
    Succeeded,
    /// It failed, or was cancelled: the money is back at the processor.
    Failed {
        /// The processor's code.
        reason: String,
    },
}

impl PaymentId {
    /// The id of a refund that the operator asks for: the same purchase and `Idempotency-Key` always name the same.
    pub fn of_refund(account: &AccountId, payment: &Self, idempotency_key: &str) -> Self {
        Self::hashed("ref", [account.as_str(), "refund", payment.as_str(), idempotency_key])
    }

    /// The id of a refund that was asked for at the card processor.
    pub fn of_seen_refund(account: &AccountId, payment: &Self, processor_id: &str) -> Self {
        Self::hashed("ref", [account.as_str(), "refund at the processor", payment.as_str(), processor_id])
    }
}
