//! Reversals: taking a call's charge back (S11).
//!
//! A reversal returns what the charge took, to where it came from (see [`returning`](crate::returning)), but for what a void invoice
//! asked for. It gives minutes back to their pools, for calls of this month and last month. Later calls are not rated again.

use jiff::Timestamp;

use crate::account::Account;
use crate::change::{Decision, MAX_ITEMS_PER_COMMIT};
use crate::draft::{Draft, NewEntry};
use crate::id::Fingerprint;
use crate::journal::{EntryDetails, JournalEntry, Reversal};
use crate::lot::Draw;
use crate::money::{Money, MoneyError};
use crate::pool::{IncludedMinutes, minutes_used};
use crate::returning::{forfeit, is_over, return_to_lots, return_uncovered};
use crate::time::Month;

/// A charge that is to be taken back.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The entry of a record: its charge, or the entry of a record that is still unrated. Each of its draws says what its lot
    /// began with.
    pub entry: &'a JournalEntry,
    /// Whether a void invoice asked for what the charge left to it: then that part is credited nowhere (S8).
    pub on_void_invoice: bool,
    /// Why it is taken back.
    pub reason: &'a str,
    /// By whom.
    pub author: &'a str,
}

/// A reversal may leave an account with this many lots, beyond the number up to which funds can be added (F11).
const MAX_LOTS_AFTER_REVERSAL: usize = 1_500;

/// Why a charge cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReversalRefusal {
    /// More of its lots have expired than one commit can book.
    #[error("the call drew on more expired lots than one commit can book")]
    TooManyLots,
    /// The account would have so many lots that it could not be stored.
    #[error("the account would have over {MAX_LOTS_AFTER_REVERSAL} lots")]
    AccountTooLarge,
    /// The account would hold too much (S4).
    #[error(transparent)]
    Amount(#[from] MoneyError),
    /// A lot or a pool has no room for what the call took of it: the call has been taken back since its entry was read.
    #[error("its lots and pools have no room for what the call took of them")]
    NoRoom,
}

/// Takes charges back, in order, as many as one commit holds. Returns the result of each that it reached; the rest is for the
/// next commit.
///
/// Entries must be distinct charges or unrated entries of this account, none of them taken back before.
pub fn decide(
    account: &Account,
    now: Timestamp,
    targets: &[Target<'_>],
) -> Decision<Vec<Result<(), ReversalRefusal>>> {
    let mut draft = Draft::on(account, now);
    let mut results = Vec::with_capacity(targets.len());
    let mut reverses = false;
    for target in targets {
        let items = items_needed(&draft, target.entry);
        if 1 + items > MAX_ITEMS_PER_COMMIT {
            results.push(Err(ReversalRefusal::TooManyLots));
            continue;
        }
        let fits = draft.items() + items <= MAX_ITEMS_PER_COMMIT;
        if !fits && reverses {
            break;
        }
        if !fits {
            // The end of a day or an invoice takes the room, and nothing of this draft is committed.
            results.push(Err(ReversalRefusal::TooManyLots));
            continue;
        }
        let result = can_take(draft.account(), target.entry);
        if result.is_ok() {
            reverse(&mut draft, target);
            reverses = true;
        }
        results.push(result);
    }
    if reverses { draft.finish(results) } else { Decision::unchanged(results) }
}

/// Checks that the account can take back what a charge took.
fn can_take(account: &Account, entry: &JournalEntry) -> Result<(), ReversalRefusal> {
    account.can_hold(size_of(entry))?;
    // Every lot of the call may come back, and what was repaid makes one more.
    if account.lots.len() + entry.draws.len() >= MAX_LOTS_AFTER_REVERSAL {
        return Err(ReversalRefusal::AccountTooLarge);
    }
    let has_room = |draw: &Draw| {
        let lot = account.lots.iter().find(|lot| lot.id == draw.lot);
        lot.is_none_or(|lot| lot.remaining + draw.amount <= lot.amount)
    };
    let counts = |month: Month, included: &IncludedMinutes| {
        minutes_used(&account.pool_use, included.number, month) >= included.minutes
    };
    let minutes_are_counted = match &entry.details {
        EntryDetails::Usage { record, basis, .. } => {
            let month = Month::of(record.started_at);
            let is_over = month < Month::of(account.as_of).previous();
            is_over || basis.included().iter().all(|included| counts(month, included))
        }
        _ => true,
    };
    let fits = entry.draws.iter().all(has_room) && minutes_are_counted;
    if fits { Ok(()) } else { Err(ReversalRefusal::NoRoom) }
}

/// The items that the reversal of an entry takes at most.
fn items_needed(draft: &Draft, entry: &JournalEntry) -> usize {
    let forfeited = entry.draws.iter().filter(|draw| is_over(draw, draft.now())).count();
    let further = match &entry.details {
        EntryDetails::Usage { record, charge, .. } => {
            draft.items_of_charge(record.user_id.as_deref(), -*charge, entry.posted_at, None)
        }
        // The marker of an unrated record.
        _ => 1,
    };
    1 + forfeited + further
}

/// What a charge took of the balance.
fn size_of(entry: &JournalEntry) -> Money {
    -entry.amount
}

fn reverse(draft: &mut Draft, target: &Target<'_>) {
    let Target { entry, on_void_invoice, reason, author } = *target;
    let (record, charge, included) = match &entry.details {
        EntryDetails::Usage { record, charge, basis } => (record, Some(*charge), basis.included()),
        EntryDetails::Unrated { record } => (record, None, &[][..]),
        other => unreachable!("the caller gives entries of records, not of the kind {:?}", other.kind()),
    };
    let key = record.key().reversal();
    let included = draft.return_minutes(Month::of(record.started_at), included);
    if let Some(charge) = charge {
        draft.count_charge(record.user_id.as_deref(), -charge, entry.posted_at);
    }
    let nothing = Money::zero(entry.amount.currency());
    let drawn = entry.draws.iter().fold(nothing, |sum, draw| sum + draw.amount);
    let (to_credit, uncredited) =
        if on_void_invoice { (nothing, entry.post_usage) } else { (entry.post_usage, nothing) };
    let returned = return_uncovered(draft, &key, size_of(entry) - drawn, to_credit);
    let to_lots = return_to_lots(draft, &entry.draws);
    draft.post(NewEntry {
        key: key.clone(),
        at: record.started_at,
        amount: drawn + returned.to_balance,
        draws: Vec::new(),
        post_usage: -returned.to_invoice,
        fingerprint: Fingerprint::of([entry.key.as_str()]),
        requires: None,
        unmarks: charge.is_none().then(|| entry.key.clone()),
        details: EntryDetails::Reversal(Reversal {
            record: record.clone(),
            of: entry.key.clone(),
            charge,
            returned: to_lots.clone(),
            lot: returned.lot,
            included,
            on_void_invoice: uncredited,
            reason: reason.to_owned(),
            author: author.to_owned(),
        }),
    });
    forfeit(draft, &key, record.started_at, &to_lots);
}
