//! Returning funds: what an entry took goes back to where it came from (S11, F9).
//!
//! | the entry took | its return |
//! |---|---|
//! | an amount that was owed | takes it from what is owed; what was repaid since becomes a lot of 12 months |
//! | an amount that was left to the invoice | takes it from the open month |
//! | funds of lots | repays what is still owed, oldest expiry first; the rest goes back to these lots |
//!
//! Funds that go back to a lot whose late records are over are forfeited in the same commit, in an entry of their own.

use jiff::Timestamp;

use crate::draft::{Draft, NewEntry};
use crate::id::{Fingerprint, LotId};
use crate::journal::{EntryDetails, ReturnedLot};
use crate::journal_key::JournalKey;
use crate::lot::{Draw, Lot};
use crate::money::Money;
use crate::time::LATE_RECORDS;

/// Where the part of an entry went back that no lot had covered.
pub(crate) struct Uncovered {
    /// The part that changes the balance.
    pub(crate) to_balance: Money,
    /// The part that the next invoice asks for no more.
    pub(crate) to_invoice: Money,
    /// The lot of what had been repaid.
    pub(crate) lot: Option<ReturnedLot>,
}

/// Returns the part that was owed and the part that was left to the invoice. An account that pays after use owes nothing: all
/// of it is taken from the open month. `key` is that of the returning entry.
pub(crate) fn return_uncovered(
    draft: &mut Draft,
    key: &JournalKey,
    owed: Money,
    post_usage: Money,
) -> Uncovered {
    if !draft.account().billing_model.owes() {
        let to_invoice = owed + post_usage;
        draft.leave_to_invoice(-to_invoice);
        return Uncovered { to_balance: Money::zero(owed.currency()), to_invoice, lot: None };
    }
    draft.leave_to_invoice(-post_usage);
    let was_repaid = owed - draft.repay(owed);
    let lot = was_repaid.is_positive().then(|| {
        let (id, now) = (LotId::of_reversal(key.as_str()), draft.now());
        let expires_at = Lot::expiry_of_purchase(now);
        draft.add_lot(id.clone(), now, expires_at, was_repaid);
        ReturnedLot { id, amount: was_repaid, expires_at }
    });
    Uncovered { to_balance: owed, to_invoice: post_usage, lot }
}

/// Returns what lots gave. What is still owed is repaid first, by the parts whose lots expire first (F7). Returns the parts
/// that went back to their lots.
pub(crate) fn return_to_lots(draft: &mut Draft, draws: &[Draw]) -> Vec<Draw> {
    let mut draws: Vec<_> = draws.iter().collect();
    draws.sort_by(|a, b| (a.expires_at, &a.lot).cmp(&(b.expires_at, &b.lot)));
    let mut returned = Vec::new();
    for draw in draws {
        let amount = draw.amount - draft.repay(draw.amount);
        if amount.is_positive() {
            let part = Draw { amount, ..draw.clone() };
            let began = draw.began.expect("the caller has looked up what the lot began with");
            draft.return_to_lot(&part, began);
            returned.push(part);
        }
    }
    returned
}

/// Whether the late records of the draw's lot are over, so that nothing can be kept in it.
pub(crate) fn is_over(draw: &Draw, now: Timestamp) -> bool {
    draw.expires_at + LATE_RECORDS <= now
}

/// Books what went back to lots whose late records are over. `key` and `at` are those of the returning entry.
pub(crate) fn forfeit(draft: &mut Draft, key: &JournalKey, at: Timestamp, returned: &[Draw]) {
    let now = draft.now();
    for draw in returned.iter().filter(|draw| is_over(draw, now)) {
        draft.take_from_lot(&draw.lot, draw.amount);
        draft.post(NewEntry {
            key: key.forfeit(&draw.lot),
            at,
            amount: -draw.amount,
            draws: Vec::new(),
            post_usage: Money::zero(draw.amount.currency()),
            fingerprint: Fingerprint::of([draw.lot.as_str()]),
            requires: None,
            unmarks: None,
            details: EntryDetails::Expiry { lot: draw.lot.clone(), returned_by: Some(key.clone()) },
        });
    }
}
