//! Paying for usage: usage records in, journal entries out (S1-S6, S9, S10).
//!
//! Each record is checked, rated ([`RateTable::rate`]), funded ([`Funding`]) and posted. Records that were rejected before
//! are written into the room that is left, if nobody waits for the answer (S3).

use jiff::Timestamp;

use crate::account::Account;
use crate::change::Decision;
use crate::change::MAX_ITEMS_PER_COMMIT;
use crate::draft::{Draft, NewEntry};
use crate::event::EventDetails;
use crate::funding::Funding;
use crate::id::Fingerprint;
use crate::journal::EntryDetails;
use crate::journal_key::EntryKind;
use crate::money::{Money, MoneyError};
use crate::rate::{RateTable, RatedCall, RatingBasis, RatingResult};
use crate::rejected_record::RejectedRecord;
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

/// Decides on records, in order, and writes rejected records, as many as one commit holds.
///
/// The keys of records must be distinct, and none of them may be in the journal: the caller has taken duplicates and
/// conflicts out (S2). The same holds for rejected records.
pub fn decide(
    account: &Account,
    now: Timestamp,
    records: &[&UsageRecord],
    rejected: &[&RejectedRecord],
    rates: &RateTable,
) -> Decision<Decided> {
    let mut draft = Draft::on(account, now);
    let (mut outcomes, mut balances) = (Vec::with_capacity(records.len()), Vec::with_capacity(records.len()));
    let mut posts = false;
    let mut first_event = None;
    for (place, record) in records.iter().enumerate() {
        let result = rate(&draft, record, rates);
        let items = result.as_ref().map_or(0, |result| items_needed(record, result));
        if draft.items() + items > MAX_ITEMS_PER_COMMIT {
            break;
        }
        outcomes.push(match result {
            Ok(result) => {
                posts = true;
                let outcome = post(&mut draft, record, result);
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

/// Rates a record, if it can be accepted with that price.
fn rate(draft: &Draft, record: &UsageRecord, rates: &RateTable) -> Result<RatingResult, InvalidRecord> {
    let currency = draft.account().currency;
    let given = record.checked(currency, draft.now())?;
    let result = rates.rate(record, given, currency);
    if let RatingResult::Rated(RatedCall { price, .. }) = &result {
        let too_much = |problem: MoneyError| InvalidRecord::new("charge", problem.to_string());
        draft.account().can_be_charged(*price).map_err(too_much)?;
    }
    Ok(result)
}

/// The items that the record's entry takes, as [`JournalEntry::items`](crate::journal::JournalEntry::items) counts them.
fn items_needed(record: &UsageRecord, rated: &RatingResult) -> usize {
    let kind = match rated {
        RatingResult::Rated(_) => EntryKind::Usage,
        RatingResult::Unrated => EntryKind::Unrated,
    };
    kind.items() + usize::from(record.requires().is_some())
}

fn post(draft: &mut Draft, record: &UsageRecord, rated: RatingResult) -> Outcome {
    let currency = draft.account().currency;
    let (funding, details, outcome) = match rated {
        RatingResult::Rated(RatedCall { price, basis }) => {
            let funding = Funding::of_call(draft, record, price);
            let details = EntryDetails::Usage { record: record.clone(), charge: price, basis: basis.clone() };
            (funding, details, Outcome::Charged { charge: price, basis })
        }
        RatingResult::Unrated => {
            let funding = Funding::nothing(currency);
            (funding, EntryDetails::Unrated { record: record.clone() }, Outcome::Unrated)
        }
    };
    draft.post(NewEntry {
        key: record.key(),
        at: record.started_at,
        amount: funding.effect(),
        draws: funding.draws,
        post_usage: funding.post_usage,
        fingerprint: record.fingerprint(currency),
        requires: record.requires(),
        details,
    });
    outcome
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
