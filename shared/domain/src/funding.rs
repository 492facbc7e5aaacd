//! Funding: what pays for a charge (S1, S8, S10). Lots come first, oldest expiry first. What they do not cover is owed, or
//! asked for by the next invoice where the account pays after use. Funds that go back to a card come from their own lot (F9).

use crate::draft::Draft;
use crate::id::LotId;
use crate::lot::Draw;
use crate::money::{Currency, Money};
use crate::usage::UsageRecord;

/// What paid for a charge. Its parts add up to the charge. The journal entry keeps them: `draws` and `post_usage` as they
/// are, and `owed` as the rest of its amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funding {
    /// Taken from lots.
    pub draws: Vec<Draw>,
    /// Owed, until funds are added.
    pub owed: Money,
    /// Left to the next invoice.
    pub post_usage: Money,
}

impl Funding {
    /// Funds a call, and changes the account accordingly.
    ///
    /// Lots that outlive the call pay first, and lots that are live now pay the rest: nothing is owed while there are live
    /// funds (S1). The second kind differs from the first only for a call that by its clock has not ended yet, since a lot
    /// that is live now was live before.
    pub(crate) fn of_call(draft: &mut Draft, record: &UsageRecord, price: Money) -> Self {
        let now = draft.now();
        let (mut draws, uncovered) = draft.draw(price, record.draws_at(now));
        let (more, uncovered) = draft.draw(uncovered, now);
        draws.extend(more);
        Self::with_rest(draft, draws, uncovered)
    }

    /// The funding of an entry without a charge.
    pub(crate) fn nothing(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self { draws: Vec::new(), owed: zero, post_usage: zero }
    }

    /// Funds a negative adjustment of this size from the lots that are live now, and changes the account accordingly (F9).
    pub(crate) fn of_adjustment(draft: &mut Draft, size: Money) -> Self {
        let (draws, uncovered) = draft.draw(size, draft.now());
        Self::with_rest(draft, draws, uncovered)
    }

    /// Takes funds that go back to a card: from the lot that they came from, as far as it has them, whether it has expired or not.
    /// Changes the account accordingly (F9).
    pub(crate) fn of_lot(draft: &mut Draft, lot: &LotId, size: Money) -> Self {
        let (draws, uncovered) = draft.draw_on(lot, size);
        Self::with_rest(draft, draws, uncovered)
    }

    /// The effect on the balance: funds taken and debt added, but nothing that an invoice asks for.
    pub fn effect(&self) -> Money {
        self.draws.iter().fold(-self.owed, |sum, draw| sum - draw.amount)
    }

    fn with_rest(draft: &mut Draft, draws: Vec<Draw>, uncovered: Money) -> Self {
        let from_lots = Self { draws, ..Self::nothing(uncovered.currency()) };
        if draft.account().billing_model.owes() {
            draft.owe(uncovered);
            Self { owed: uncovered, ..from_lots }
        } else {
            draft.leave_to_invoice(uncovered);
            Self { post_usage: uncovered, ..from_lots }
        }
    }
}
