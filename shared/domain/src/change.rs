//! A change: what one commit writes, all of it or nothing.

use crate::account::{Account, DayEnd};
use crate::event::EventDetails;
use crate::hold::HoldChange;
use crate::invoice::ClosedMonth;
use crate::journal::JournalEntry;
use crate::limits::SpendingChange;
use crate::payment::Payment;
use crate::profile::Profile;

/// DynamoDB writes at most this many items in one transaction.
pub const MAX_ITEMS_PER_COMMIT: usize = 100;

/// The result of deciding: what to commit, if anything, and the answer once that is done.
#[derive(Clone, Debug)]
pub struct Decision<T> {
    /// What to commit; `None` when nothing changes.
    pub change: Option<Change>,
    /// What the caller is told.
    pub answer: T,
}

impl<T> Decision<T> {
    /// Nothing changes.
    pub fn unchanged(answer: T) -> Self {
        Self { change: None, answer }
    }
}

/// What one commit writes.
#[derive(Clone, Debug)]
pub struct Change {
    /// The account as decided: its version is one more than the one read.
    pub account: Account,
    /// The profile, where it changes.
    pub profile: Option<Profile>,
    /// New journal entries.
    pub entries: Vec<JournalEntry>,
    /// The payment that opens, moves on or closes.
    pub payment: Option<Payment>,
    /// The month that it closes with an invoice. The store completes the invoice with the profile as the commit finds it.
    pub closed: Option<ClosedMonth>,
    /// How the account stood at the end of the day of its last change, if this is the first change on a later day.
    pub day_end: Option<DayEnd>,
    /// Holds that are written or removed.
    pub holds: Vec<HoldChange>,
    /// What is added to the spending of users, each of them once.
    pub spending: Vec<SpendingChange>,
    /// The events that follow from it.
    pub events: Vec<EventDetails>,
}

impl Change {
    /// A change of nothing but the account.
    pub fn of(account: Account) -> Self {
        Self {
            account,
            profile: None,
            entries: Vec::new(),
            payment: None,
            closed: None,
            day_end: None,
            holds: Vec::new(),
            spending: Vec::new(),
            events: Vec::new(),
        }
    }

    /// The items of the transaction that commits it, at most [`MAX_ITEMS_PER_COMMIT`]: the account, each entry with what
    /// it needs, holds, the spending of users, the profile, the payment, the invoice and the end of a day. They are counted here alone.
    pub fn items(&self) -> usize {
        let entries: usize = self.entries.iter().map(JournalEntry::items).sum();
        let others =
            [self.profile.is_some(), self.payment.is_some(), self.closed.is_some(), self.day_end.is_some()];
        1 + entries
            + self.holds.len()
            + self.spending.len()
            + others.into_iter().filter(|is_there| *is_there).count()
    }
}
