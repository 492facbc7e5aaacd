//! A journal entry: one immutable row of the journal.

use jiff::{SignedDuration, Timestamp};

use crate::card_payment::CardPaymentKind;
use crate::event::EventDetails;
use crate::id::{Fingerprint, LotId, PaymentId};
use crate::journal_key::{EntryKind, JournalKey};
use crate::lot::Draw;
use crate::money::Money;
use crate::pool::IncludedMinutes;
use crate::rate::RatingBasis;
use crate::rejected_record::RejectedRecord;
use crate::time::Month;
use crate::usage::UsageRecord;

/// The details of an entry, by its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryDetails {
    /// A call that was charged for (or was free).
    Usage {
        /// The record as it came.
        record: UsageRecord,
        /// What it cost, however it was paid.
        charge: Money,
        /// Why it cost that.
        basis: RatingBasis,
    },
    /// A call without a rate (S9).
    Unrated {
        /// The record as it came.
        record: UsageRecord,
    },
    /// A record of a message that was rejected (S3).
    Rejected(RejectedRecord),
    /// Funds from a card.
    Funds {
        /// Purchase or recharge.
        kind: CardPaymentKind,
        /// Which.
        payment: PaymentId,
        /// When they expire.
        expires_at: Timestamp,
    },
    /// The operator's correction (F9).
    Adjustment {
        /// Its id.
        payment: PaymentId,
        /// Why.
        reason: String,
        /// By whom.
        author: String,
        /// When the funds expire, if it added any.
        expires_at: Option<Timestamp>,
    },
    /// Funds on their way back to a card (F9). What the lot does not give is owed.
    Refund {
        /// The purchase or recharge.
        payment: PaymentId,
        /// The refund.
        refund: PaymentId,
        /// Why, if the operator asked us for it.
        reason: Option<String>,
        /// By whom, likewise.
        author: Option<String>,
    },
    /// The funds of a refund that failed (F9).
    RefundReturned {
        /// The purchase or recharge.
        payment: PaymentId,
        /// The refund.
        refund: PaymentId,
        /// Why it failed.
        reason: String,
        /// The funds returned to the lot.
        returned: Vec<Draw>,
        /// The funds that had repaid what was owed because of it: a new lot of 12 months.
        lot: Option<ReturnedLot>,
    },
    /// Funds that left their lot because their purchase is disputed (F9).
    Dispute {
        /// The purchase or recharge.
        payment: PaymentId,
        /// The dispute.
        dispute: PaymentId,
        /// Why.
        reason: String,
    },
    /// The end of a dispute (F9): funds return to the lot, or what the lot could not give is owed.
    DisputeEnded {
        /// The purchase or recharge.
        payment: PaymentId,
        /// The dispute.
        dispute: PaymentId,
        /// How much the card has for good.
        lost: Money,
        /// The funds returned to the lot.
        returned: Vec<Draw>,
    },
    /// A call taken back (S11).
    Reversal(Reversal),
    /// Funds forfeited (E1), or forfeited on their return to a lot that has expired (S11, F9).
    Expiry {
        /// The lot they were in.
        lot: LotId,
        /// The entry that returned them, if one did.
        returned_by: Option<JournalKey>,
    },
    /// What was owed became post-usage, as the switch to paying after use was completed (S8).
    Switch,
    /// A month closed with an invoice (S8).
    Invoice {
        /// The month.
        month: Month,
        /// The invoice's number. Entries of earlier versions have none, and no invoice is kept for them.
        number: Option<u64>,
    },
}

impl EntryDetails {
    /// The API's kind.
    pub fn kind(&self) -> EntryKind {
        match self {
            Self::Usage { .. } => EntryKind::Usage,
            Self::Unrated { .. } => EntryKind::Unrated,
            Self::Rejected(_) => EntryKind::Rejected,
            Self::Funds { kind, .. } => (*kind).into(),
            Self::Adjustment { .. } => EntryKind::Adjustment,
            Self::Refund { .. } | Self::RefundReturned { .. } => EntryKind::Refund,
            Self::Dispute { .. } | Self::DisputeEnded { .. } => EntryKind::Dispute,
            Self::Reversal(_) => EntryKind::Reversal,
            Self::Expiry { .. } => EntryKind::Expiry,
            Self::Switch => EntryKind::Switch,
            Self::Invoice { .. } => EntryKind::Invoice,
        }
    }

    /// The usage record that was charged for, kept without a rate, or taken back.
    pub fn record(&self) -> Option<&UsageRecord> {
        match self {
            Self::Usage { record, .. }
            | Self::Unrated { record }
            | Self::Reversal(Reversal { record, .. }) => Some(record),
            Self::Rejected(_)
            | Self::Funds { .. }
            | Self::Adjustment { .. }
            | Self::Refund { .. }
            | Self::RefundReturned { .. }
            | Self::Dispute { .. }
            | Self::DisputeEnded { .. }
            | Self::Expiry { .. }
            | Self::Invoice { .. }
            | Self::Switch => None,
        }
    }
}

/// A call taken back: what its charge took is returned. The rest of the entry's amount repaid what was owed (F7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reversal {
    /// The record whose charge is taken back.
    pub record: UsageRecord,
    /// The entry with the charge, or the unrated entry.
    pub of: JournalKey,
    /// What the call had cost; `None` if it was unrated.
    pub charge: Option<Money>,
    /// The funds returned to the lots that they came from. What a lot that has expired forfeits again is a further entry.
    pub returned: Vec<Draw>,
    /// The funds that had repaid the call's debt: a new lot of 12 months.
    pub lot: Option<ReturnedLot>,
    /// The minutes returned to pools.
    pub included: Vec<IncludedMinutes>,
    /// The part of the charge that a void invoice asked for. It is credited nowhere (S8).
    pub on_void_invoice: Money,
    /// Why it was taken back.
    pub reason: String,
    /// By whom.
    pub author: String,
}

/// A lot that a reversal adds, or the return of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnedLot {
    /// The lot.
    pub id: LotId,
    /// Its funds.
    pub amount: Money,
    /// When they expire.
    pub expires_at: Timestamp,
}

/// An entry that is posted later than this after its key's instant is [late](JournalEntry::is_late).
pub const LATE_AFTER: SignedDuration = SignedDuration::from_hours(72);

impl JournalEntry {
    /// Whether it was posted over three days after its key's instant, as expiries always are. A range of keys near the instant
    /// of its posting does not find it.
    pub fn is_late(&self) -> bool {
        self.key.instant().is_some_and(|instant| self.posted_at.duration_since(instant) > LATE_AFTER)
    }

    /// The items of a transaction that it takes: those of its kind, a check that the entry it requires exists, and the marker
    /// that it removes.
    pub fn items(&self) -> usize {
        let others = usize::from(self.requires.is_some()) + usize::from(self.unmarks.is_some());
        self.details.kind().items() + others
    }
}

/// A journal entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// Unique within the account, for ever.
    pub key: JournalKey,
    /// When it happened.
    pub at: Timestamp,
    /// When it was committed.
    pub posted_at: Timestamp,
    /// Its effect on the balance.
    pub amount: Money,
    /// The balance after it.
    pub balance: Money,
    /// The account's version with this commit.
    pub version: u64,
    /// Its sequence within the commit, from 0.
    pub sequence: u32,
    /// Its draws on lots.
    pub draws: Vec<Draw>,
    /// The part that the next invoice asks for (S8); an invoice takes it back.
    pub post_usage: Money,
    /// The fingerprint of what the key was used with, which tells a repeat from a conflict (S2).
    pub fingerprint: Fingerprint,
    /// The entry that must exist for this one to be accepted: a revision follows the reversal of the one before (S2).
    pub requires: Option<JournalKey>,
    /// The unrated entry whose marker goes with this commit, on condition that it is there: an unrated record is rated or
    /// taken back once (S9, S11).
    pub unmarks: Option<JournalKey>,
    /// The event that is kept with it, to be published again on demand.
    pub lasting: Option<Lasting>,
    /// The details of its kind.
    pub details: EntryDetails,
}

/// An event that is kept with its journal entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lasting {
    /// Its number among the events of the commit, from 0: part of the event's id.
    pub number: u32,
    /// The event.
    pub details: EventDetails,
}
