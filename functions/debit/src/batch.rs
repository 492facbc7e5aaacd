//! The records of one request, each applied once (S2, S3).
//!
//! Records with the same key are found before anything is written: the first valid one leads, the others
//! follow what becomes of it. Leaders are committed in order, as many at once as a transaction holds.
//!
//! Where nobody waits for the answer, what is refused is kept in the journal (S3): records that cannot be read in the
//! same commits as their neighbours, those that are found out by the commits in one after them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;

use cdr::{Message, Row};
use domain::debit::{self, Outcome};
use domain::posting::{Entry, JournalKey, MAX_ITEMS_PER_COMMIT, Posting};
use domain::rate::Why;
use domain::rejection::{self, Refusal, Rejection, kept_text};
use domain::usage::InvalidRecord;
use domain::{Account, AccountId, Currency, Decision, Money, RateTable, UsageRecord};
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

impl Verdict {
    /// How it was refused, the field and what was expected of it; none if it was not.
    pub fn refused(&self) -> Option<(Refusal, &str, &str)> {
        match self {
            Self::Accepted { .. } | Self::Duplicate { .. } | Self::Unrated => None,
            Self::Conflict(detail) => Some((Refusal::Conflict, "id", detail)),
            Self::Invalid(problem) => Some((Refusal::Invalid, &problem.field, &problem.detail)),
        }
    }
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
    /// Where what is refused is kept, if nobody waits for the answer.
    keeper: Option<Keeper<'a>>,
}

/// What it takes to keep what is refused of a message.
#[derive(Debug)]
struct Keeper<'a> {
    message: &'a rejection::Message,
    /// Of each row.
    texts: &'a [&'a str],
    /// Refused, and to be kept.
    refused: Vec<Rejection>,
    /// Rows that are among those, or are kept.
    settled: HashSet<usize>,
}

/// What one commit came to.
struct Decided {
    outcomes: Vec<(usize, Outcome)>,
    /// Rows whose refusal is kept.
    kept: HashSet<usize>,
}

impl<'a> Batch<'a> {
    /// Rows as read, for an account of this currency.
    pub fn new(rows: &'a [Row], currency: Currency) -> Self {
        Self::with(rows, currency, vec![None; rows.len()])
    }

    /// Rows of a message, for an account of this currency; what is refused of them is kept. What was refused when the
    /// message was delivered before stays so, whatever has become of the account: it has been told.
    pub fn of_message(
        body: &'a Message<'a>,
        currency: Currency,
        message: &'a rejection::Message,
        kept: &[Rejection],
    ) -> Self {
        let mut verdicts = vec![None; body.rows.len()];
        for rejection in kept {
            let verdict = verdicts.get_mut(rejection.index as usize);
            *verdict.expect("a message is the same with every delivery") = Some(verdict_of_kept(rejection));
        }
        let settled = kept.iter().map(|rejection| rejection.index as usize).collect();
        let mut batch = Self::with(&body.rows, currency, verdicts);
        batch.keeper = Some(Keeper { message, texts: &body.texts, refused: Vec::new(), settled });
        batch.note_refused();
        batch
    }

    fn with(rows: &'a [Row], currency: Currency, verdicts: Vec<Option<Verdict>>) -> Self {
        let mut batch = Self {
            rows,
            currency,
            verdicts,
            leaders: VecDeque::new(),
            followers: HashMap::new(),
            keeper: None,
        };
        let mut led = HashSet::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            match &row.record {
                _ if batch.verdicts[index].is_some() => {}
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
        let mut balance = self.commit(store, account, now, rates).await?;
        self.tell_conflicts_of_currency(store, account).await?;
        self.note_refused();
        balance = self.commit(store, account, now, rates).await?.or(balance);
        let balance = match balance {
            Some(balance) => balance,
            None => store.account(account).await?.ok_or(ApplyError::NoAccount)?.balance(),
        };
        let verdicts = self.verdicts.into_iter().map(|verdict| verdict.expect("every row was decided on"));
        let verdicts: Vec<_> = verdicts.collect();
        DEBITS_REJECTED.add(verdicts.iter().filter(|verdict| verdict.refused().is_some()).count() as u64);
        Ok(Done { verdicts, balance })
    }

    /// Commits leaders and what is to be kept until there is none left; gives the balance after the last commit.
    async fn commit(
        &mut self,
        store: &Store,
        account: &AccountId,
        now: Timestamp,
        rates: &RateTable,
    ) -> Result<Option<Money>, ApplyError<Infallible>> {
        let mut balance = None;
        while !self.leaders.is_empty() || !self.refused().is_empty() {
            let group: Vec<usize> = self.leaders.iter().copied().take(MAX_ITEMS_PER_COMMIT - 1).collect();
            let applied =
                store.apply(account, |a, seen| Ok(self.decide(a, now, &group, seen, rates))).await?;
            balance = Some(applied.account.balance());
            self.take_in(&group, applied);
        }
        Ok(balance)
    }

    fn decide(
        &self,
        account: &Account,
        now: Timestamp,
        group: &[usize],
        seen: &Seen,
        rates: &RateTable,
    ) -> Decision<Decided> {
        let is_free = |record: &UsageRecord| {
            seen.row(&record.key()).is_none() && record.requires().is_none_or(|key| !seen.lacks(&key))
        };
        let left: Vec<usize> = group.iter().copied().filter(|&index| is_free(self.record(index))).collect();
        let records: Vec<&UsageRecord> = left.iter().map(|&index| self.record(index)).collect();
        let refused: Vec<&Rejection> =
            self.refused().iter().filter(|rejection| seen.row(&rejection.key()).is_none()).collect();
        let Decision { change, answer } = debit::decide(account, now, &records, &refused, rates);
        let (kept, outcomes): (Vec<_>, Vec<_>) =
            answer.into_iter().partition(|outcome| matches!(outcome, Outcome::Kept));
        let kept = refused.iter().zip(kept).map(|(rejection, _)| rejection.index as usize).collect();
        Decision { change, answer: Decided { outcomes: left.into_iter().zip(outcomes).collect(), kept } }
    }

    /// Notes what became of a group; rows that did not fit the transaction stay leaders.
    fn take_in(&mut self, group: &[usize], applied: Applied<Decided>) {
        let Decided { outcomes, kept } = applied.answer;
        if let Some(keeper) = &mut self.keeper {
            keeper.refused.retain(|rejection| {
                !kept.contains(&(rejection.index as usize)) && applied.seen.row(&rejection.key()).is_none()
            });
        }
        let mut outcomes: HashMap<usize, Outcome> = outcomes.into_iter().collect();
        let mut freed = Vec::new();
        for &index in group {
            let record = self.record(index);
            let key = record.key();
            if let Some(row) = applied.seen.row(&key) {
                self.verdicts[index] = Some(compare(row, record, self.currency));
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
            freed.extend(self.tell_followers(&key, record, &verdict));
            self.verdicts[index] = Some(verdict);
        }
        self.leaders.retain(|&index| self.verdicts[index].is_none());
        for index in freed.into_iter().rev() {
            self.leaders.push_front(index);
        }
    }

    /// What is refused by now is to be kept, if nobody waits for the answer.
    fn note_refused(&mut self) {
        let Some(keeper) = &mut self.keeper else { return };
        for (index, verdict) in self.verdicts.iter().enumerate() {
            let Some((refusal, field, detail)) = verdict.as_ref().and_then(Verdict::refused) else {
                continue;
            };
            if !keeper.settled.insert(index) {
                continue;
            }
            keeper.refused.push(Rejection {
                message: keeper.message.clone(),
                index: u32::try_from(index).expect("a message has at most 1,000 records"),
                record_id: self.rows[index].id.clone(),
                refusal,
                field: field.to_owned(),
                detail: detail.to_owned(),
                text: kept_text(keeper.texts[index]),
            });
        }
    }

    fn refused(&self) -> &[Rejection] {
        self.keeper.as_ref().map_or(&[], |keeper| &keeper.refused)
    }

    /// Followers of a record that was in the journal already are judged by the row, as it was.
    fn compare_followers(&mut self, key: &JournalKey, row: &Posting) {
        for follower in self.followers.remove(key).unwrap_or_default() {
            self.verdicts[follower] = Some(compare(row, self.record(follower), self.currency));
        }
    }

    /// Followers share their leader's fate, unless it was invalid: then the first of them leads.
    fn tell_followers(&mut self, key: &JournalKey, leader: &UsageRecord, verdict: &Verdict) -> Option<usize> {
        if matches!(verdict, Verdict::Invalid(_)) {
            return self.followers.get_mut(key)?.pop_front();
        }
        for follower in self.followers.remove(key)? {
            let same = self.record(follower).repeats(leader, self.currency);
            self.verdicts[follower] = Some(match verdict {
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
            .filter(|index| self.keeper.as_ref().is_none_or(|keeper| !keeper.settled.contains(index)))
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

/// A record whose key has a row already: the same one again, or a conflict (S2).
fn compare(row: &Posting, record: &UsageRecord, currency: Currency) -> Verdict {
    match &row.entry {
        Entry::Usage { record: accepted, charge, .. } if record.repeats(accepted, currency) => {
            Verdict::Duplicate { charge: Some(*charge) }
        }
        Entry::Unrated { record: accepted } if record.repeats(accepted, currency) => {
            Verdict::Duplicate { charge: None }
        }
        _ => other_content(),
    }
}

fn verdict_of(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Charged { charge, why } => Verdict::Accepted { charge, why },
        Outcome::Unrated => Verdict::Unrated,
        Outcome::Invalid(problem) => Verdict::Invalid(problem),
        Outcome::Kept => unreachable!("what is kept had its verdict"),
    }
}

fn verdict_of_kept(rejection: &Rejection) -> Verdict {
    let Rejection { refusal, field, detail, .. } = rejection.clone();
    match refusal {
        Refusal::Invalid => Verdict::Invalid(InvalidRecord::new(field, detail)),
        Refusal::Conflict => Verdict::Conflict(detail),
    }
}

fn other_content() -> Verdict {
    Verdict::Conflict(
        "the same record was accepted with another duration, service, charge or currency".to_owned(),
    )
}
