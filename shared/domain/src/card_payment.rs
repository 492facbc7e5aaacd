//! A card payment: a purchase or a recharge, from the intention to charge a card to the outcome (F3-F5, F10).

use jiff::{SignedDuration, Timestamp};

use crate::dispute::Dispute;
use crate::id::{AccountId, Fingerprint, PaymentId, PaymentKind};
use crate::journal_key::EntryKind;
use crate::money::{Currency, Money};
use crate::profile::PaymentMethod;
use crate::refund::Refund;

/// The lease of an attempt, from its beginning. Recovery looks at the payment no earlier (F5), unless it was withdrawn. The
/// functions that charge cards have shorter time-outs (infra/template.yaml), so an attempt past its lease is dead.
pub const LEASE: SignedDuration = SignedDuration::from_mins(2);

/// A purchase whose card's owner does not confirm it is cancelled this long after it was asked for.
pub const PERSON_HAS: SignedDuration = SignedDuration::from_hours(24);

/// A recharge whose card's owner does not confirm it is cancelled this long after it began, and auto-recharge stops (R4).
pub const RECHARGE_WAITS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Recovery looks this often at a payment that waits for its owner, or whose outcome the processor does not know.
pub const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// Who asked for a card to be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardPaymentKind {
    /// A person, who buys funds (F1).
    Purchase,
    /// Auto-recharge (R2).
    Recharge,
}

impl CardPaymentKind {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        PaymentKind::from(self).as_str()
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::of(PaymentKind::parse(name)?)
    }

    /// The kind of card payment; an adjustment is none.
    pub fn of(kind: PaymentKind) -> Option<Self> {
        [Self::Purchase, Self::Recharge].into_iter().find(|card| PaymentKind::from(*card) == kind)
    }
}

impl From<CardPaymentKind> for PaymentKind {
    fn from(kind: CardPaymentKind) -> Self {
        match kind {
            CardPaymentKind::Purchase => Self::Purchase,
            CardPaymentKind::Recharge => Self::Recharge,
        }
    }
}

impl From<CardPaymentKind> for EntryKind {
    fn from(kind: CardPaymentKind) -> Self {
        match kind {
            CardPaymentKind::Purchase => Self::Purchase,
            CardPaymentKind::Recharge => Self::Recharge,
        }
    }
}

/// The decline reason of a card payment that closed without an attempt to charge (F3).
pub const ABANDONED: &str = "abandoned";

/// The state of a card payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardPaymentState {
    /// An attempt is under way. The processor's object is stored before it is confirmed.
    Open {
        /// The processor's object.
        intent: Option<String>,
    },
    /// The card's owner is to confirm it.
    NeedsAction {
        /// The processor's object.
        intent: String,
        /// Where the owner can confirm it.
        url: String,
    },
    /// The card was charged and the lot added.
    Succeeded {
        /// The processor's object.
        intent: String,
        /// The receipt's number within the account (F8).
        receipt_number: u64,
        /// Its refunds and disputes (F9).
        repayments: Repayments,
    },
    /// Nothing was charged.
    Declined {
        /// Why.
        reason: String,
    },
}

/// At most this many refunds and disputes of one card payment are kept.
pub const MAX_REPAYMENTS: usize = 100;

/// The refunds and disputes of a charge (F9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repayments {
    /// Refunds, oldest first.
    pub refunds: Vec<Refund>,
    /// Disputes, oldest first.
    pub disputes: Vec<Dispute>,
}

impl Repayments {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.refunds.is_empty() && self.disputes.is_empty()
    }

    /// Whether there is room for one more.
    pub fn has_room(&self) -> bool {
        self.refunds.len() + self.disputes.len() < MAX_REPAYMENTS
    }

    /// The refund with this id.
    pub fn refund(&self, id: &PaymentId) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.id == *id)
    }

    /// Whether a dispute is open.
    pub fn is_disputed(&self) -> bool {
        self.disputes.iter().any(Dispute::is_open)
    }

    /// The sum of the refunds that were paid or are under way.
    pub fn refunded(&self, currency: Currency) -> Money {
        let kept = self.refunds.iter().filter(|refund| !refund.is_returned());
        kept.fold(Money::zero(currency), |sum, refund| sum + refund.amount)
    }

    /// The sum that the card keeps by disputes that were lost.
    pub fn lost(&self, currency: Currency) -> Money {
        let lost = self.disputes.iter().filter_map(Dispute::lost);
        lost.fold(Money::zero(currency), |sum, lost| sum + lost)
    }
}

/// A second card, for a charge that the first declines (F10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backup {
    /// There is none.
    None,
    /// There is one, not tried yet.
    Ready(PaymentMethod),
    /// It is the one being charged.
    Tried {
        /// Why the first card was declined: that decides what follows if the backup is declined, too.
        first_decline: String,
    },
}

impl Backup {
    /// Why the first card was declined, if the backup had to be tried.
    pub fn first_decline(&self) -> Option<&str> {
        match self {
            Self::Tried { first_decline } => Some(first_decline),
            Self::None | Self::Ready(_) => None,
        }
    }
}

/// One card payment of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardPayment {
    /// The account that it belongs to.
    pub account: AccountId,
    /// Derived from the account, the kind and the `Idempotency-Key` (F3).
    pub id: PaymentId,
    /// Purchase or recharge.
    pub kind: CardPaymentKind,
    /// The instant it was asked for: it dates the lot and its journal row (F1).
    pub created_at: Timestamp,
    /// How much, in whole minor units (T3).
    pub amount: Money,
    /// The fingerprint of what the key was used with (F3).
    pub fingerprint: Fingerprint,
    /// The number of the attempt, from 1: the processor's idempotency key is `id:attempt`.
    pub attempt: u32,
    /// The card that this attempt charges.
    pub method: PaymentMethod,
    /// The card that is tried once if that one is declined (F10).
    pub backup: Backup,
    /// The account's PO number at that moment (F8).
    pub po_number: Option<String>,
    /// Of a recharge: the multiple of the recharge amount that it is (R3). Rows of earlier versions lack it.
    pub recharge_amounts: Option<u32>,
    /// One more with every write; each write is conditional on the one before.
    pub revision: u64,
    /// Its state.
    pub state: CardPaymentState,
}

impl CardPayment {
    /// The idempotency key of this attempt at the processor.
    pub fn processor_key(&self) -> String {
        format!("{}:{}", self.id, self.attempt)
    }

    /// The idempotency key of this attempt's own confirmation.
    pub fn confirmation_key(&self) -> String {
        format!("{}:confirm", self.processor_key())
    }

    /// The idempotency key with which the card's owner confirms the payment as it is now, by however many presses of a button.
    pub fn owners_confirmation_key(&self) -> String {
        format!("{}:{}", self.confirmation_key(), self.revision)
    }

    /// The instant from which the payment no longer waits for the card's owner.
    pub fn owner_has_until(&self) -> Timestamp {
        match self.kind {
            CardPaymentKind::Purchase => self.created_at + PERSON_HAS,
            CardPaymentKind::Recharge => self.created_at + RECHARGE_WAITS,
        }
    }

    /// The processor's object, once known.
    pub fn intent(&self) -> Option<&str> {
        match &self.state {
            CardPaymentState::Open { intent } => intent.as_deref(),
            CardPaymentState::NeedsAction { intent, .. } | CardPaymentState::Succeeded { intent, .. } => {
                Some(intent)
            }
            CardPaymentState::Declined { .. } => None,
        }
    }

    /// Its refunds and disputes; none unless it was charged.
    pub fn repayments(&self) -> Option<&Repayments> {
        match &self.state {
            CardPaymentState::Succeeded { repayments, .. } => Some(repayments),
            CardPaymentState::Open { .. }
            | CardPaymentState::NeedsAction { .. }
            | CardPaymentState::Declined { .. } => None,
        }
    }

    /// Whether its outcome is still unknown.
    pub fn is_open(&self) -> bool {
        matches!(self.state, CardPaymentState::Open { .. } | CardPaymentState::NeedsAction { .. })
    }

    /// The payment in its next state, with the next revision.
    #[must_use]
    pub fn moved_to(&self, state: CardPaymentState) -> Self {
        Self { state, revision: self.revision + 1, ..self.clone() }
    }
}
