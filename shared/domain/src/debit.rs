//! Paying for usage: records in, postings out (S1-S6, S9, S10).

use jiff::Timestamp;

use crate::account::Account;
use crate::draft::{Decision, Draft, NewPosting, Paid};
use crate::money::Money;
use crate::posting::Entry;
use crate::rate::{Price, RateTable, Why};
use crate::usage::{InvalidRecord, UsageRecord};

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It costs this, and why.
    Charged {
        /// What it costs, however it is paid.
        charge: Money,
        /// Why.
        why: Why,
    },
    /// It is kept until a rate is published (S9).
    Unrated,
    /// It cannot be accepted on this account; nothing changes.
    Invalid(InvalidRecord),
}

/// Decides on records, in order; the answer has one outcome per record. Their keys must be distinct, and
/// none of them may be in the journal already: the caller has taken duplicates and conflicts out (S2).
pub fn decide(
    account: &Account,
    now: Timestamp,
    records: &[&UsageRecord],
    rates: &RateTable,
) -> Decision<Vec<Outcome>> {
    let mut draft = Draft::on(account, now);
    let outcomes: Vec<_> = records.iter().map(|record| decide_one(&mut draft, record, rates)).collect();
    if outcomes.iter().all(|outcome| matches!(outcome, Outcome::Invalid(_))) {
        return Decision::unchanged(outcomes);
    }
    draft.finish(outcomes)
}

fn decide_one(draft: &mut Draft, record: &UsageRecord, rates: &RateTable) -> Outcome {
    let currency = draft.account().currency;
    let given = match record.checked(currency, draft.now()) {
        Ok(given) => given,
        Err(problem) => return Outcome::Invalid(problem),
    };
    match rates.price(record, given, currency) {
        Price::Charge(charge, why) => {
            post_charge(draft, record, charge, why.clone());
            Outcome::Charged { charge, why }
        }
        Price::Unrated => {
            let zero = Money::zero(currency);
            let paid = Paid { draws: Vec::new(), uncovered: zero };
            post(draft, record, zero, zero, paid, Entry::Unrated { record: record.clone() });
            Outcome::Unrated
        }
    }
}

fn post_charge(draft: &mut Draft, record: &UsageRecord, charge: Money, why: Why) {
    let paid = draft.draw(charge, record.draws_at(draft.now()));
    let post_usage = draft.charge_uncovered(paid.uncovered);
    let entry = Entry::Usage { record: record.clone(), charge, why };
    post(draft, record, -(charge - post_usage), post_usage, paid, entry);
}

fn post(
    draft: &mut Draft,
    record: &UsageRecord,
    amount: Money,
    post_usage: Money,
    paid: Paid,
    entry: Entry,
) {
    draft.post(NewPosting {
        key: record.key(),
        at: record.started_at,
        amount,
        draws: paid.draws,
        post_usage,
        content: record.fingerprint(amount.currency()),
        requires: record.requires(),
        entry,
    });
}
