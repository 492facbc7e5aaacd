//! A dispute: the owner of a card wants a charge back from the bank (F9).
//!
//! Its purchase or recharge keeps it. An inquiry moves nothing. When a dispute opens, the smaller of the unspent and the disputed
//! amount leaves the lot. It returns if the dispute is won. If it is lost, the rest is owed.

use jiff::Timestamp;

use crate::id::{AccountId, Fingerprint, PaymentId};
use crate::journal_key::{EntryKind, JournalKey};
use crate::money::Money;

/// One dispute of a purchase or recharge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// Derived from the processor's id.
    pub id: PaymentId,
    /// The processor's object.
    pub processor_id: String,
    /// When it became known: it dates the journal entries.
    pub created_at: Timestamp,
    /// The disputed amount, in the charge's currency.
    pub amount: Money,
    /// Why: the processor's code.
    pub reason: String,
    /// Its state.
    pub state: DisputeState,
}

/// The state of a dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisputeState {
    /// The bank asks, and no money has moved.
    Inquiry,
    /// The processor holds the disputed amount.
    Open {
        /// The amount that left the lot.
        frozen: Money,
    },
    /// The charge stands. What had left the lot is back.
    Won {
        /// The amount that had left the lot.
        frozen: Money,
        /// When it ended.
        at: Timestamp,
    },
    /// The card has money back.
    Lost {
        /// The amount that had left the lot.
        frozen: Money,
        /// How much the card has: at most the disputed amount.
        lost: Money,
        /// When it ended.
        at: Timestamp,
    },
    /// It ended before any money had moved.
    Dropped,
}

impl Dispute {
    /// The amount that left the lot when the dispute opened. An inquiry takes none, and has no entry.
    pub fn frozen(&self) -> Option<Money> {
        match self.state {
            DisputeState::Open { frozen }
            | DisputeState::Won { frozen, .. }
            | DisputeState::Lost { frozen, .. } => Some(frozen),
            DisputeState::Inquiry | DisputeState::Dropped => None,
        }
    }

    /// How much the card has for good, once it has ended.
    pub fn lost(&self) -> Option<Money> {
        match self.state {
            DisputeState::Won { frozen, .. } => Some(Money::zero(frozen.currency())),
            DisputeState::Lost { lost, .. } => Some(lost),
            DisputeState::Inquiry | DisputeState::Open { .. } | DisputeState::Dropped => None,
        }
    }

    /// Whether the processor holds money because of it.
    pub fn is_open(&self) -> bool {
        matches!(self.state, DisputeState::Open { .. })
    }

    /// The key of the entry that takes funds from the lot.
    pub fn key(&self) -> JournalKey {
        JournalKey::payment(self.created_at, EntryKind::Dispute, &self.id)
    }

    /// The fingerprint of its entries.
    pub fn fingerprint(id: &PaymentId) -> Fingerprint {
        Fingerprint::of([id.as_str()])
    }
}

/// A dispute as the card processor has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenDispute {
    /// The processor's id.
    pub id: String,
    /// The disputed amount, in the charge's currency.
    pub amount: Money,
    /// Why: the processor's code.
    pub reason: String,
    /// How far it is.
    pub phase: DisputePhase,
}

/// How far a dispute is at the card processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputePhase {
    /// The bank asks, and no money has moved.
    Inquiry,
    /// The bank has its answer, and no money has moved.
    InquiryClosed,
    /// The processor holds the disputed amount.
    Open,
    /// The charge stands, and the processor has given back what it held.
    Won,
    /// The card has money back.
    Lost {
        /// How much: a part of the disputed amount may have come back.
        lost: Money,
    },
}

impl PaymentId {
    /// The id of a dispute.
    pub fn of_dispute(account: &AccountId, payment: &Self, processor_id: &str) -> Self {
        Self::hashed("dsp", [account.as_str(), "dispute", payment.as_str(), processor_id])
    }
}
