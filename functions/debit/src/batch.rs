//! The records of one request, each applied once (S2, S3).
//!
//! Records with the same key are found before anything is written: the first valid one leads, the others
//! follow what becomes of it. Leaders are committed in order, as many at once as a transaction holds.

use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;

use cdr::Row;
use domain::debit::{self, Outcome};
use domain::posting::{Entry, JournalKey, MAX_ITEMS_PER_COMMIT, Posting};
use domain::rate::Why;
use domain::usage::InvalidRecord;
use domain::{Account, AccountId, Currency, Decision, Fingerprint, Money, RateTable, UsageRecord};
use jiff::Timestamp;
use store::{Applied, ApplyError, Seen, Store};
use telemetry::metric::DEBITS_REJECTED;

/// What became of one record.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is in the journal now.
    Accepted {
        /// What it cost.
        charge: Money,
        /// Why.
        why: Why,
    },
    /// It was in the journal already.
    Duplicate {
        /// What it cost, if it is rated.
        charge: Option<Money>,
    },
    /// It is kept in the journal, without a rate (S9).
    Unrated,
    /// Its key is taken by another content, or its revision is not due.
    Conflict(String),
    /// It cannot be accepted.
    Invalid(InvalidRecord),
}

/// What became of a request.
#[derive(Debug)]
pub struct Done {
    /// One for each row, in order.
    pub verdicts: Vec<Verdict>,
    /// The balance after it.
    pub balance: Money,
}

/// The records of a request, on their way into the journal.
#[derive(Debug)]
pub struct Batch<'a> {
    rows: &'a [Row],
    currency: Currency,
    verdicts: Vec<Option<Verdict>>,
    /// Rows to commit, in order; no two have the same key.
    leaders: VecDeque<usize>,
    /// Further rows with a leader's key, in order.
    followers: HashMap<JournalKey, VecDeque<usize>>,
}

impl<'a> Batch<'a> {
    /// Rows as read, for an account of this currency.
    pub fn new(rows: &'a [Row], currency: Currency) -> Self {
        let mut batch = Self {
            rows,
            currency,
            verdicts: vec![None; rows.len()],
            leaders: VecDeque::new(),
            followers: HashMap::new(),
        };
        let mut led = HashSet::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            match &row.record {
                Err(problem) => batch.verdicts[index] = Some(Verdict::Invalid(problem.clone())),
                Ok(record) if led.insert(record.key()) => batch.leaders.push_back(index),
                Ok(record) => batch.followers.entry(record.key()).or_default().push_back(index),
            }
        }
        batch
    }

    /// Commits them, and says what became of each.
    pub async fn apply(
        mut self,
        store: &Store,
        account: &AccountId,
        now: Timestamp,
        rates: &RateTable,
    ) -> Result<Done, ApplyError<Infallible>> {
        let mut balance = None;
        while !self.leaders.is_empty() {
            let group: Vec<usize> = self.leaders.iter().copied().take(MAX_ITEMS_PER_COMMIT - 1).collect();
            let applied =
                store.apply(account, |a, seen| Ok(self.decide(a, now, &group, seen, rates))).await?;
            balance = Some(applied.account.balance());
            self.take_in(&group, applied);
        }
        self.tell_conflicts_of_currency(store, account).await?;
        let balance = match balance {
            Some(balance) => balance,
            None => store.account(account).await?.ok_or(ApplyError::NoAccount)?.balance(),
        };
        let verdicts = self.verdicts.into_iter().map(|verdict| verdict.expect("every row was decided on"));
        let verdicts: Vec<_> = verdicts.collect();
        let is_rejected = |verdict: &&Verdict| matches!(verdict, Verdict::Conflict(_) | Verdict::Invalid(_));
        DEBITS_REJECTED.add(verdicts.iter().filter(is_rejected).count() as u64);
        Ok(Done { verdicts, balance })
    }

    fn decide(
        &self,
        account: &Account,
        now: Timestamp,
        group: &[usize],
        seen: &Seen,
        rates: &RateTable,
    ) -> Decision<Vec<(usize, Outcome)>> {
        let is_free = |record: &UsageRecord| {
            seen.row(&record.key()).is_none() && record.requires().is_none_or(|key| !seen.lacks(&key))
        };
        let left: Vec<usize> = group.iter().copied().filter(|&index| is_free(self.record(index))).collect();
        let records: Vec<&UsageRecord> = left.iter().map(|&index| self.record(index)).collect();
        let Decision { change, answer } = debit::decide(account, now, &records, rates);
        Decision { change, answer: left.into_iter().zip(answer).collect() }
    }

    /// Notes what became of a group; rows that did not fit the transaction stay leaders.
    fn take_in(&mut self, group: &[usize], applied: Applied<Vec<(usize, Outcome)>>) {
        let mut outcomes: HashMap<usize, Outcome> = applied.answer.into_iter().collect();
        let mut freed = Vec::new();
        for &index in group {
            let record = self.record(index);
            let key = record.key();
            let content = record.fingerprint(self.currency);
            if let Some(row) = applied.seen.row(&key) {
                self.verdicts[index] = Some(compare(row, &content));
                self.compare_followers(&key, row);
                continue;
            }
            let verdict = if let Some(outcome) = outcomes.remove(&index) {
                verdict_of(outcome)
            } else if record.requires().is_some_and(|key| applied.seen.lacks(&key)) {
                Verdict::Conflict("revision: expected the one before to exist and be reversed".to_owned())
            } else {
                continue;
            };
            freed.extend(self.tell_followers(&key, &content, &verdict));
            self.verdicts[index] = Some(verdict);
        }
        self.leaders.retain(|&index| self.verdicts[index].is_none());
        for index in freed.into_iter().rev() {
            self.leaders.push_front(index);
        }
    }

    /// Followers of a record that was in the journal already are judged by the row, as it was.
    fn compare_followers(&mut self, key: &JournalKey, row: &Posting) {
        for follower in self.followers.remove(key).unwrap_or_default() {
            self.verdicts[follower] = Some(compare(row, &self.record(follower).fingerprint(self.currency)));
        }
    }

    /// Followers share their leader's fate, unless it was invalid: then the first of them leads.
    fn tell_followers(&mut self, key: &JournalKey, content: &Fingerprint, leader: &Verdict) -> Option<usize> {
        if matches!(leader, Verdict::Invalid(_)) {
            return self.followers.get_mut(key)?.pop_front();
        }
        for follower in self.followers.remove(key)? {
            let same = self.record(follower).fingerprint(self.currency) == *content;
            self.verdicts[follower] = Some(match leader {
                Verdict::Accepted { charge, .. } if same => Verdict::Duplicate { charge: Some(*charge) },
                Verdict::Unrated if same => Verdict::Duplicate { charge: None },
                Verdict::Conflict(detail) if same => Verdict::Conflict(detail.clone()),
                _ => other_content(),
            });
        }
        None
    }

    /// A record in another currency than the account's is invalid; but if its key is taken, what is wrong is
    /// that it differs from the record accepted (S2).
    async fn tell_conflicts_of_currency(
        &mut self,
        store: &Store,
        account: &AccountId,
    ) -> Result<(), ApplyError<Infallible>> {
        let is_currency = |verdict: &Option<Verdict>| matches!(verdict, Some(Verdict::Invalid(problem)) if problem.field == "currency");
        let invalid: Vec<usize> = (0..self.rows.len())
            .filter(|&index| self.rows[index].record.is_ok() && is_currency(&self.verdicts[index]))
            .collect();
        let keys: Vec<_> = invalid.iter().map(|&index| (account.clone(), self.record(index).key())).collect();
        let taken: HashSet<_> = store.postings(&keys).await?.into_iter().map(|(_, row)| row.key).collect();
        for index in invalid {
            if taken.contains(&self.record(index).key()) {
                self.verdicts[index] = Some(other_content());
            }
        }
        Ok(())
    }

    fn record(&self, index: usize) -> &'a UsageRecord {
        self.rows[index].record.as_ref().expect("only valid rows lead or follow")
    }
}

fn compare(row: &Posting, content: &Fingerprint) -> Verdict {
    if row.content != *content {
        return other_content();
    }
    let charge = match &row.entry {
        Entry::Usage { charge, .. } => Some(*charge),
        _ => None,
    };
    Verdict::Duplicate { charge }
}

fn verdict_of(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Charged { charge, why } => Verdict::Accepted { charge, why },
        Outcome::Unrated => Verdict::Unrated,
        Outcome::Invalid(problem) => Verdict::Invalid(problem),
    }
}

fn other_content() -> Verdict {
    Verdict::Conflict(
        "the same record was accepted with another duration, service, charge or currency".to_owned(),
    )
}
