//! Unrated records: calls that had no published rate when they came, and are charged for once a rate is published (S9).
//!
//! The charge is worked out as if the record came now. Its entry has the record's key with `#rated`, and its commit removes the
//! marker of the unrated entry on condition that it is there, so that a record is charged for once.

use jiff::Timestamp;

use crate::account::Account;
use crate::change::{Decision, MAX_ITEMS_PER_COMMIT};
use crate::debit::{Terms, charge, rate};
use crate::draft::{Draft, NewEntry};
use crate::rate::RatingResult;
use crate::usage::UsageRecord;

/// The items of an entry that charges for an unrated record: the entry, and the marker that goes. Its user's spending may be one more.
const ITEMS: usize = 2;

/// The outcome of an unrated record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is charged for.
    Charged,
    /// It still has no rate, or its charge would be too large for the account.
    StillUnrated,
}

/// Charges for the unrated records that have a rate now, in order, as many as one commit holds. Returns the outcome of each
/// that it reached; the rest is for the next commit.
///
/// Records must be distinct and unrated.
pub fn decide(
    account: &Account,
    now: Timestamp,
    records: &[&UsageRecord],
    terms: Terms<'_>,
) -> Decision<Vec<Outcome>> {
    let mut draft = Draft::on(account, now);
    let mut outcomes = Vec::with_capacity(records.len());
    let mut charges = false;
    for record in records {
        let Ok(RatingResult::Rated(call)) = rate(&draft, record, terms) else {
            outcomes.push(Outcome::StillUnrated);
            continue;
        };
        let of_user = draft.items_of_charge(record.user_id.as_deref(), call.price, draft.now(), None);
        if draft.items() + ITEMS + of_user > MAX_ITEMS_PER_COMMIT {
            break;
        }
        let entry = charge(&mut draft, record, &call, terms.pools);
        draft.post(NewEntry { key: record.key().rated(), unmarks: Some(record.key()), ..entry });
        charges = true;
        outcomes.push(Outcome::Charged);
    }
    if charges { draft.finish(outcomes) } else { Decision::unchanged(outcomes) }
}
