//! An entry: one immutable row of the journal. A record's key is fixed before the first try and contains no
//! *now*, which is what makes it exactly once (S2); a payment's row dates its journal key.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::fact::Fact;
use crate::id::{Fingerprint, LotId, PaymentId, RecordId};
use crate::lot::Draw;
use crate::money::Money;
use crate::rate::RatingBasis;
use crate::rejection::{Message, Rejection};
use crate::time::{Month, key_text};
use crate::usage::UsageRecord;

/// One commit is one transaction: the account, its rows and what they stand on, at most this many items.
pub const MAX_ITEMS_PER_COMMIT: usize = 100;

/// What an entry is, as the API names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// Funds bought by a person.
    Purchase,
    /// Funds bought by auto-recharge.
    Recharge,
    /// A call.
    Usage,
    /// A lot's unused funds, forfeited.
    Expiry,
    /// The operator's correction.
    Adjustment,
    /// A month of post-usage charges, closed.
    Invoice,
    /// A call without a published rate, kept (S9).
    Unrated,
    /// A record from the queue that was refused, kept (S3).
    Rejected,
}

impl EntryKind {
    /// Every kind, for filters.
    pub const ALL: [Self; 8] = [
        Self::Purchase,
        Self::Recharge,
        Self::Usage,
        Self::Expiry,
        Self::Adjustment,
        Self::Invoice,
        Self::Unrated,
        Self::Rejected,
    ];

    /// The API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Recharge => "recharge",
            Self::Usage => "usage",
            Self::Expiry => "expiry",
            Self::Adjustment => "adjustment",
            Self::Invoice => "invoice",
            Self::Unrated => "unrated",
            Self::Rejected => "rejected",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The items of a transaction that a row of this kind takes: the row, and the marker of a record without a
    /// rate.
    pub fn items(self) -> usize {
        1 + usize::from(self == Self::Unrated)
    }
}

/// Where an entry stands in its account's journal: `instant#kind#id`, sorted by instant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JournalKey(String);

impl JournalKey {
    /// A record's key, the same whatever becomes of it: start to the second, id and revision (S2).
    pub fn usage(started_at: Timestamp, record: &RecordId, revision: u32) -> Self {
        Self::new(started_at, EntryKind::Usage, &format!("{record}#{revision}"))
    }

    /// The key of what a payment or adjustment posts: its creation and id.
    pub fn payment(created_at: Timestamp, kind: EntryKind, payment: &PaymentId) -> Self {
        Self::new(created_at, kind, payment.as_str())
    }

    /// The key of a lot's forfeit: its expiry and id.
    pub fn expiry(expires_at: Timestamp, lot: &LotId) -> Self {
        Self::new(expires_at, EntryKind::Expiry, lot.as_str())
    }

    /// The key of a month's invoice: its end, the month.
    pub fn invoice(month: Month) -> Self {
        Self::new(month.end(), EntryKind::Invoice, &month.to_string())
    }

    /// The key of a refused record: its message, and its place there.
    pub fn rejected(message: &Message, index: u32) -> Self {
        Self::new(message.sent_at, EntryKind::Rejected, &format!("{}#{index:03}", message.id))
    }

    /// What the keys of all refused records of a message begin with.
    pub fn of_rejected(message: &Message) -> String {
        Self::new(message.sent_at, EntryKind::Rejected, &format!("{}#", message.id)).0
    }

    /// The key of the reversal of what stands under this key, which a further revision requires (S2).
    #[must_use]
    pub fn reversal(&self) -> Self {
        Self(format!("{}#reversal", self.0))
    }

    /// The instant that it begins with.
    pub fn instant(&self) -> Option<Timestamp> {
        self.0.split_once('#')?.0.parse().ok()
    }

    /// As it was stored.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn new(at: Timestamp, kind: EntryKind, id: &str) -> Self {
        Self(format!("{}#{}#{id}", key_text(at), kind.as_str()))
    }
}

impl fmt::Display for JournalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for JournalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an entry is about; each kind with what only it has.
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
    /// A record that was refused while nobody waited for the answer (S3).
    Rejected(Rejection),
    /// Funds from a card.
    Funds {
        /// Purchase or recharge.
        kind: EntryKind,
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
    /// Funds forfeited (E1).
    Expiry {
        /// The lot they were in.
        lot: LotId,
    },
    /// A month closed (S8).
    Invoice {
        /// Which.
        month: Month,
    },
}

impl EntryDetails {
    /// The API's kind.
    pub fn kind(&self) -> EntryKind {
        match self {
            Self::Usage { .. } => EntryKind::Usage,
            Self::Unrated { .. } => EntryKind::Unrated,
            Self::Rejected(_) => EntryKind::Rejected,
            Self::Funds { kind, .. } => *kind,
            Self::Adjustment { .. } => EntryKind::Adjustment,
            Self::Expiry { .. } => EntryKind::Expiry,
            Self::Invoice { .. } => EntryKind::Invoice,
        }
    }
}

/// A row that is posted later than this after its key's instant is [late](JournalEntry::is_late).
pub const LATE_AFTER: SignedDuration = SignedDuration::from_hours(72);

impl JournalEntry {
    /// Whether it was posted over three days after its key's instant, as expiries always are: a range of keys near the
    /// instant of its posting does not find it.
    pub fn is_late(&self) -> bool {
        self.key.instant().is_some_and(|instant| self.posted_at.duration_since(instant) > LATE_AFTER)
    }

    /// The items of a transaction that it takes: those of its kind, and a check that the row it requires exists.
    pub fn items(&self) -> usize {
        self.details.kind().items() + usize::from(self.requires.is_some())
    }
}

/// One row of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// Unique within the account, for ever.
    pub key: JournalKey,
    /// When it happened.
    pub at: Timestamp,
    /// When it was committed.
    pub posted_at: Timestamp,
    /// What it did to the balance.
    pub amount: Money,
    /// The balance after it.
    pub balance: Money,
    /// The account's version with this commit, …
    pub version: u64,
    /// … and the place within it, from 0.
    pub sequence: u32,
    /// What it took from which lots.
    pub draws: Vec<Draw>,
    /// The part that the next invoice asks for (S8); an invoice takes it back.
    pub post_usage: Money,
    /// What the key was used with, to tell a repeat from a conflict (S2).
    pub fingerprint: Fingerprint,
    /// The row of the same journal that must exist for this one to be accepted (S2: a revision follows
    /// the reversal of the one before).
    pub requires: Option<JournalKey>,
    /// What the world was told of it, to be told again on demand.
    pub lasting: Option<Lasting>,
    /// What it is about.
    pub details: EntryDetails,
}

/// A fact that is kept with its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lasting {
    /// Its place among the facts of the commit, from 0: part of the event's id.
    pub number: u32,
    /// What was told.
    pub fact: Fact,
}
