//! The key of a journal entry. A usage record's key is fixed before the first try and contains no *now*, so the record
//! is applied exactly once (S2); a payment's creation dates its key.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{LotId, MessageId, PaymentId, RecordId};
use crate::time::{Month, key_text};

/// The kind of a journal entry, as the API names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// Funds bought by a person.
    Purchase,
    /// Funds bought by auto-recharge.
    Recharge,
    /// A call.
    Usage,
    /// A call taken back (S11).
    Reversal,
    /// A lot's unused funds, forfeited.
    Expiry,
    /// The operator's correction.
    Adjustment,
    /// Funds that went back to a card, or came back since that failed (F9).
    Refund,
    /// Funds that a card's owner disputes, and the end of that (F9).
    Dispute,
    /// What was owed, left to the invoice as the switch to paying after use was completed (S8).
    Switch,
    /// A month of post-usage charges, closed.
    Invoice,
    /// A call without a published rate, kept (S9).
    Unrated,
    /// A record from the queue that was rejected (S3).
    Rejected,
}

impl EntryKind {
    /// Every kind, for filters.
    pub const ALL: [Self; 12] = [
        Self::Purchase,
        Self::Recharge,
        Self::Usage,
        Self::Reversal,
        Self::Expiry,
        Self::Adjustment,
        Self::Refund,
        Self::Dispute,
        Self::Switch,
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
            Self::Reversal => "reversal",
            Self::Expiry => "expiry",
            Self::Adjustment => "adjustment",
            Self::Refund => "refund",
            Self::Dispute => "dispute",
            Self::Switch => "switch",
            Self::Invoice => "invoice",
            Self::Unrated => "unrated",
            Self::Rejected => "rejected",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The items of a transaction that an entry of this kind takes: the entry, and the marker of a record without a rate.
    pub fn items(self) -> usize {
        1 + usize::from(self == Self::Unrated)
    }
}

/// The key of an entry in its account's journal: `instant#kind#id`, sorted by instant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JournalKey(String);

impl JournalKey {
    /// The key of a record, whatever its outcome: start to the second, id and revision (S2).
    pub fn usage(started_at: Timestamp, record: &RecordId, revision: u32) -> Self {
        Self::new(started_at, EntryKind::Usage, &format!("{record}#{revision}"))
    }

    /// The key of the entry of a payment, adjustment, refund or dispute: its creation and id.
    pub fn payment(created_at: Timestamp, kind: EntryKind, payment: &PaymentId) -> Self {
        Self::new(created_at, kind, payment.as_str())
    }

    /// The key of a lot's forfeit: its expiry and id.
    pub fn expiry(expires_at: Timestamp, lot: &LotId) -> Self {
        Self::new(expires_at, EntryKind::Expiry, lot.as_str())
    }

    /// The key of the switch to paying after use: the account's last change before it, and the version that this gave.
    pub fn switch(changed_before: Timestamp, version_before: u64) -> Self {
        Self::new(changed_before, EntryKind::Switch, &version_before.to_string())
    }

    /// The key of a month's invoice: its end, the month.
    pub fn invoice(month: Month) -> Self {
        Self::new(month.end(), EntryKind::Invoice, &month.to_string())
    }

    /// The key of a rejected record: the message it came in, when the queue got that, and the record's index in it.
    pub fn rejected(sent_at: Timestamp, message: &MessageId, index: u32) -> Self {
        Self::new(sent_at, EntryKind::Rejected, &format!("{message}#{index:03}"))
    }

    /// The prefix that the keys of all rejected records of a message share.
    pub fn prefix_of_rejected(sent_at: Timestamp, message: &MessageId) -> String {
        Self::new(sent_at, EntryKind::Rejected, &format!("{message}#")).0
    }

    /// The key of a record's charge if the record had no rate when it came. `self` is the record's key (S9).
    #[must_use]
    pub fn rated(&self) -> Self {
        Self(format!("{}#rated", self.0))
    }

    /// The key of a record's reversal, whether it was rated at once or later. `self` is the record's key. A further revision
    /// requires it (S2).
    #[must_use]
    pub fn reversal(&self) -> Self {
        Self(format!("{}#reversal", self.0))
    }

    /// The key of the return of a refund's funds. `self` is the refund's key (F9).
    #[must_use]
    pub fn refund_return(&self) -> Self {
        Self(format!("{}#return", self.0))
    }

    /// The key of a dispute's end. `self` is the dispute's key (F9).
    #[must_use]
    pub fn dispute_end(&self) -> Self {
        Self(format!("{}#end", self.0))
    }

    /// The key of what a lot forfeits of the funds that the entry with this key has returned to it (S11).
    #[must_use]
    pub fn forfeit(&self, lot: &LotId) -> Self {
        Self(format!("{}#expiry#{lot}", self.0))
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
