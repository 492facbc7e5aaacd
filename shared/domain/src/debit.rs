//! Paying for usage: records in, entries out (S1-S6, S9, S10). Records that were refused before are kept along the
//! way, where nobody waits for them (S3).

use jiff::Timestamp;

use crate::account::Account;
use crate::draft::{Decision, Draft, NewEntry, Paid};
use crate::fact::Fact;
use crate::id::Fingerprint;
use crate::journal::{EntryDetails, MAX_ITEMS_PER_COMMIT};
use crate::journal_key::EntryKind;
use crate::money::{Money, MoneyError};
use crate::rate::{Price, RateTable, RatingBasis};
use crate::rejection::Rejection;
use crate::usage::{InvalidRecord, UsageRecord};

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was charged for.
    Charged {
        /// What it costs, however it is paid.
        charge: Money,
        /// Why it costs that.
        basis: RatingBasis,
    },
    /// It is kept, without a rate (S9).
    Unrated,
    /// It cannot be accepted on this account; nothing changes.
    Invalid(InvalidRecord),
    /// It had been refused, and is kept.
    Kept,
}

/// Decides on records, in order, as many as one commit holds: the answer has an outcome for each record it
/// came to, and the rest is for the next commit. Their keys must be distinct, and none of them may be in the
/// journal already: the caller has taken duplicates and conflicts out (S2).
///
/// The same holds for refused records that are to be kept, in the room that is left: the answer goes on with
/// [`Outcome::Kept`] for each of them that it came to.
pub fn decide(
    account: &Account,
    now: Timestamp,
    records: &[&UsageRecord],
    refused: &[&Rejection],
    rates: &RateTable,
) -> Decision<Vec<Outcome>> {
    let mut draft = Draft::on(account, now);
    let mut outcomes = Vec::with_capacity(records.len());
    let mut posts = false;
    for record in records {
        let priced = price(&draft, record, rates);
        let items = priced.as_ref().map_or(0, |price| items_needed(record, price));
        if draft.items() + items > MAX_ITEMS_PER_COMMIT {
            break;
        }
        posts |= priced.is_ok();
        outcomes.push(match priced {
            Ok(price) => post(&mut draft, record, price),
            Err(problem) => Outcome::Invalid(problem),
        });
    }
    let room = MAX_ITEMS_PER_COMMIT - draft.items();
    for rejection in refused.iter().take(room) {
        keep(&mut draft, rejection);
        posts = true;
        outcomes.push(Outcome::Kept);
    }
    if posts { draft.finish(outcomes) } else { Decision::unchanged(outcomes) }
}

fn price(draft: &Draft, record: &UsageRecord, rates: &RateTable) -> Result<Price, InvalidRecord> {
    let currency = draft.account().currency;
    let given = record.checked(currency, draft.now())?;
    let price = rates.price(record, given, currency);
    if let Price::Charge(charge, _) = &price {
        let refused = |problem: MoneyError| InvalidRecord::new("charge", problem.to_string());
        draft.account().can_be_charged(*charge).map_err(refused)?;
    }
    Ok(price)
}

/// What [`JournalEntry::items`](crate::journal::JournalEntry::items) will say of the record's row.
fn items_needed(record: &UsageRecord, price: &Price) -> usize {
    let kind = match price {
        Price::Charge(..) => EntryKind::Usage,
        Price::Unrated => EntryKind::Unrated,
    };
    kind.items() + usize::from(record.requires().is_some())
}

/// Lots that outlive the call pay first, and lots that are live now pay what is left: nothing is owed while there are
/// live funds (S1). There are such lots only for a call that by its clock has not ended yet, since what is live now was
/// live before.
fn pay(draft: &mut Draft, record: &UsageRecord, charge: Money) -> Paid {
    let now = draft.now();
    let mut paid = draft.draw(charge, record.draws_at(now));
    let rest = draft.draw(paid.uncovered, now);
    paid.draws.extend(rest.draws);
    Paid { uncovered: rest.uncovered, ..paid }
}

fn post(draft: &mut Draft, record: &UsageRecord, price: Price) -> Outcome {
    let zero = Money::zero(draft.account().currency);
    let (amount, post_usage, draws, details, outcome) = match price {
        Price::Charge(charge, basis) => {
            let paid = pay(draft, record, charge);
            let post_usage = draft.charge_uncovered(paid.uncovered);
            let details = EntryDetails::Usage { record: record.clone(), charge, basis: basis.clone() };
            (post_usage - charge, post_usage, paid.draws, details, Outcome::Charged { charge, basis })
        }
        Price::Unrated => {
            (zero, zero, Vec::new(), EntryDetails::Unrated { record: record.clone() }, Outcome::Unrated)
        }
    };
    draft.post(NewEntry {
        key: record.key(),
        at: record.started_at,
        amount,
        draws,
        post_usage,
        fingerprint: record.fingerprint(zero.currency()),
        requires: record.requires(),
        details,
    });
    outcome
}

/// Writes a rejected record into the journal, with its fact (S3). No money moves.
fn keep(draft: &mut Draft, rejection: &Rejection) {
    let zero = Money::zero(draft.account().currency);
    draft.post(NewEntry {
        key: rejection.key(),
        at: rejection.message.sent_at,
        amount: zero,
        draws: Vec::new(),
        post_usage: zero,
        fingerprint: Fingerprint::of([rejection.text.as_str()]),
        requires: None,
        details: EntryDetails::Rejected(rejection.clone()),
    });
    draft.say_of_row(Fact::UsageRejected {
        message_id: rejection.message.id.clone(),
        index: rejection.index,
        record_id: rejection.record_id.clone(),
        status: rejection.refusal,
        field: rejection.field.clone(),
        problem: rejection.detail.clone(),
    });
}
