//! Paying for usage: usage records in, journal entries out (S1-S7, S9, S10).
//!
//! Each record is checked, rated ([`RateTable::rate`]) with the minutes that pools give it, funded ([`Funding`]) and posted. Records that were rejected before
//! are written into the room that is left, if nobody waits for the answer (S3).

use jiff::Timestamp;

use crate::account::Account;
use crate::change::Decision;
use crate::change::MAX_ITEMS_PER_COMMIT;
use crate::draft::{Draft, NewEntry};
use crate::event::EventDetails;
use crate::funding::Funding;
use crate::hold::{Hold, HoldKey, Holds};
use crate::id::Fingerprint;
use crate::journal::EntryDetails;
use crate::journal_key::EntryKind;
use crate::money::{Money, MoneyError};
use crate::pool::{PoolCall, Pools, minutes_used};
use crate::rate::{RateTable, RatedCall, RatingBasis, RatingResult};
use crate::rejected_record::RejectedRecord;
use crate::time::Month;
use crate::usage::{InvalidRecord, UsageRecord};

/// The outcome of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was charged for.
    Charged {
        /// What it costs, however it is paid.
        charge: Money,
        /// Why it costs that.
        basis: RatingBasis,
    },
    /// It is in the journal without a rate (S9).
    Unrated,
    /// It cannot be accepted on this account; nothing changes.
    Invalid(InvalidRecord),
}

/// What one commit reached of the records it was given. The rest is for the next commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The outcomes of the first records, in order.
    pub outcomes: Vec<Outcome>,
    /// The balance after each of these records.
    pub balances: Vec<Money>,
    /// How many rejected records it writes: the first ones.
    pub kept: usize,
    /// Which of the records gave the commit its first event, if it has any. Rejected records count on after the others.
    pub first_event: Option<usize>,
}

/// What charges are worked out from.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The published rates.
    pub rates: &'a RateTable,
    /// The account's pools, in the version that the account has (S7).
    pub pools: &'a Pools,
}

/// Decides on records, in order, and writes rejected records, as many as one commit holds.
///
/// The keys of records must be distinct, and none of them may be in the journal: the caller has taken duplicates and
/// conflicts out (S2). The same is true of rejected records. A record that is accepted ends its hold, if that is among `holds` (C1).
pub fn decide(
    account: &Account,
    now: Timestamp,
    records: &[&UsageRecord],
    rejected: &[&RejectedRecord],
    terms: Terms<'_>,
    holds: &Holds,
) -> Decision<Decided> {
    let mut draft = Draft::on(account, now);
    let (mut outcomes, mut balances) = (Vec::with_capacity(records.len()), Vec::with_capacity(records.len()));
    let mut posts = false;
    let mut first_event = None;
    for (place, record) in records.iter().enumerate() {
        let result = rate(&draft, record, terms);
        let hold = hold_of(&draft, record, holds);
        let items = result.as_ref().map_or(0, |result| items_needed(&draft, record, result, hold));
        if draft.items() + items > MAX_ITEMS_PER_COMMIT {
            break;
        }
        outcomes.push(match result {
            Ok(result) => {
                posts = true;
                let outcome = post(&mut draft, record, result, terms.pools);
                if let Some(hold) = hold {
                    draft.end_hold(hold);
                }
                first_event = first_event.or_else(|| draft.has_event().then_some(place));
                outcome
            }
            Err(problem) => Outcome::Invalid(problem),
        });
        balances.push(draft.account().balance());
    }
    let kept = rejected.len().min(MAX_ITEMS_PER_COMMIT - draft.items());
    for rejected in &rejected[..kept] {
        keep(&mut draft, rejected);
    }
    first_event = first_event.or_else(|| (kept > 0).then_some(records.len()));
    let decided = Decided { outcomes, balances, kept, first_event };
    if posts || kept > 0 { draft.finish(decided) } else { Decision::unchanged(decided) }
}

/// The live hold that a record ends.
fn hold_of<'a>(draft: &Draft, record: &UsageRecord, holds: &'a Holds) -> Option<&'a Hold> {
    if holds.is_empty() {
        return None;
    }
    HoldKey::of_record(record).filter_map(|key| holds.get(&key)).find(|hold| draft.can_end(hold))
}

/// Rates a record, if it can be accepted with that price.
pub(crate) fn rate(
    draft: &Draft,
    record: &UsageRecord,
    terms: Terms<'_>,
) -> Result<RatingResult, InvalidRecord> {
    let account = draft.account();
    let currency = account.currency;
    let given = record.checked(currency, draft.now())?;
    let is_recent = Month::of(record.started_at) >= Month::of(draft.now()).previous();
    let minutes_for = |country: &str, billed_seconds| {
        // A call of a month before the last uses no pool (S7).
        let pools = Some(terms.pools).filter(|_| is_recent);
        pools.map_or_else(Vec::new, |pools| {
            let call = PoolCall::of(record);
            let used = |number| minutes_used(&account.pool_use, number, call.month);
            pools.minutes_for(call, country, billed_seconds, used)
        })
    };
    let result = terms.rates.rate(record, given, currency, minutes_for);
    if let RatingResult::Rated(RatedCall { price, .. }) = &result {
        let too_much = |problem: MoneyError| InvalidRecord::new("charge", problem.to_string());
        account.can_be_charged(*price).map_err(too_much)?;
    }
    Ok(result)
}

/// The items that the record's entry takes, as [`JournalEntry::items`](crate::journal::JournalEntry::items) counts them, and those
/// of its user's spending and of the hold that it ends.
fn items_needed(draft: &Draft, record: &UsageRecord, rated: &RatingResult, hold: Option<&Hold>) -> usize {
    let (kind, charge) = match rated {
        RatingResult::Rated(call) => (EntryKind::Usage, call.price),
        RatingResult::Unrated => (EntryKind::Unrated, Money::zero(draft.account().currency)),
    };
    kind.items()
        + usize::from(record.requires().is_some())
        + draft.items_of_charge(record.user_id.as_deref(), charge, draft.now(), hold)
}

fn post(draft: &mut Draft, record: &UsageRecord, rated: RatingResult, pools: &Pools) -> Outcome {
    match rated {
        RatingResult::Rated(call) => {
            let entry = NewEntry { requires: record.requires(), ..charge(draft, record, &call, pools) };
            draft.post(entry);
            Outcome::Charged { charge: call.price, basis: call.basis }
        }
        RatingResult::Unrated => {
            let currency = draft.account().currency;
            let zero = Money::zero(currency);
            draft.post(NewEntry {
                key: record.key(),
                at: record.started_at,
                amount: zero,
                draws: Vec::new(),
                post_usage: zero,
                fingerprint: record.fingerprint(currency),
                requires: record.requires(),
                unmarks: None,
                details: EntryDetails::Unrated { record: record.clone() },
            });
            Outcome::Unrated
        }
    }
}

/// Charges for a call: counts its included minutes, and funds the rest. Returns its entry, under the record's key.
pub(crate) fn charge(draft: &mut Draft, record: &UsageRecord, call: &RatedCall, pools: &Pools) -> NewEntry {
    let RatedCall { price, basis } = call;
    draft.use_minutes(pools, Month::of(record.started_at), basis.included());
    draft.count_charge(record.user_id.as_deref(), *price, draft.now());
    let funding = Funding::of_call(draft, record, *price);
    NewEntry {
        key: record.key(),
        at: record.started_at,
        amount: funding.effect(),
        draws: funding.draws,
        post_usage: funding.post_usage,
        fingerprint: record.fingerprint(draft.account().currency),
        requires: None,
        unmarks: None,
        details: EntryDetails::Usage { record: record.clone(), charge: *price, basis: basis.clone() },
    }
}

/// Writes a rejected record into the journal, with its event (S3). No money moves.
fn keep(draft: &mut Draft, rejected: &RejectedRecord) {
    let zero = Money::zero(draft.account().currency);
    draft.post(NewEntry {
        key: rejected.key(),
        at: rejected.message.sent_at,
        amount: zero,
        draws: Vec::new(),
        post_usage: zero,
        fingerprint: Fingerprint::of([rejected.text.as_str()]),
        requires: None,
        unmarks: None,
        details: EntryDetails::Rejected(rejected.clone()),
    });
    draft.add_lasting_event(EventDetails::UsageRejected {
        message_id: rejected.message.id.clone(),
        index: rejected.index,
        record_id: rejected.record_id.clone(),
        status: rejected.status,
        field: rejected.field.clone(),
        problem: rejected.detail.clone(),
    });
}
