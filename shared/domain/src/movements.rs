//! How the balance moved on a day (UTC), by posting (T2).
//!
//! The account keeps the sums of the day of its last change, and the end of that day keeps them for good. So a chart of many days needs
//! no journal entry.

use crate::journal::EntryDetails;
use crate::money::{Currency, Money};

/// The sums of a day's entries, by how they move the balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movements {
    /// The charges for calls that moved the balance, less those that reversals returned to it. Negative where these are more.
    pub spent: Money,
    /// The funds from purchases and recharges.
    pub added: Money,
    /// The funds that expired.
    pub expired: Money,
    /// What all other entries added: adjustments, refunds, disputes, and what was owed and became post-usage. Negative where they took more.
    pub other: Money,
}

impl Movements {
    /// A day without entries.
    pub fn none(currency: Currency) -> Self {
        let nothing = Money::zero(currency);
        Self { spent: nothing, added: nothing, expired: nothing, other: nothing }
    }

    /// The same with a further entry. `None` if a sum is too large to be kept.
    pub fn with(self, details: &EntryDetails, amount: Money) -> Option<Self> {
        let sum = |before: Money, more: Money| {
            let sum = before + more;
            Money::sum(sum.amount(), sum.currency()).ok()
        };
        let Self { spent, added, expired, other } = self;
        Some(match details {
            EntryDetails::Usage { .. } | EntryDetails::Reversal(_) => {
                Self { spent: sum(spent, -amount)?, ..self }
            }
            EntryDetails::Funds { .. } => Self { added: sum(added, amount)?, ..self },
            EntryDetails::Expiry { .. } => Self { expired: sum(expired, -amount)?, ..self },
            EntryDetails::Adjustment { .. }
            | EntryDetails::Refund { .. }
            | EntryDetails::RefundReturned { .. }
            | EntryDetails::Dispute { .. }
            | EntryDetails::DisputeEnded { .. }
            | EntryDetails::Switch
            | EntryDetails::Invoice { .. }
            | EntryDetails::Unrated { .. }
            | EntryDetails::Rejected(_) => Self { other: sum(other, amount)?, ..self },
        })
    }

    /// How much they changed the balance.
    pub fn total(&self) -> Money {
        let Self { spent, added, expired, other } = *self;
        added - spent - expired + other
    }
}
