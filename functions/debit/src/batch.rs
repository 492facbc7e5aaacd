//! The records of one request, each applied once (S2, S3).
//!
//! Records with the same key are grouped before anything is written (`duplicates.rs`): the first valid one leads, and the
//! others are judged by its outcome. Leaders are committed in order, as many at once as a transaction holds.
//!
//! A transaction that fails because a row exists still costs write units, and one account's rows are written at a limited
//! speed. So rows that exist already are *looked for*: read before a commit, and left out of it. A request that may need
//! to be sent more than once looks first. It goes on looking as long as it finds rows, and begins again when a commit
//! fails because a row exists.
//!
//! A request is answered before its deadline. Records that it does not reach by then have the verdict `NotReached`, and
//! the same request, sent again, goes on with them.
//!
//! No caller waits for the answer to a message, so its rejected records are written into the journal (`rejected.rs`).
//! Records that cannot be read are written in the same commits as their neighbours; records that a commit rejects are
//! written in a later commit.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::time::Duration;

use cdr::{MAX_RECORDS, Message, Row};
use domain::change::MAX_ITEMS_PER_COMMIT;
use domain::debit::{self, Outcome};
use domain::journal::JournalEntry;
use domain::journal_key::JournalKey;
use domain::rejected_record::{self, RejectedRecord};
use domain::{Account, AccountId, Currency, Decision, Money, RateTable, RecordId, UsageRecord};
use jiff::Timestamp;
use store::{Applied, ApplyError, Seen, Store, StoreError};
use telemetry::Causes;
use telemetry::metric::DEBITS_REJECTED;
use tokio::time::{Instant, timeout_at};

use crate::duplicates::Groups;
use crate::rejected::Rejected;
use crate::verdict::Verdict;

/// The most rows in one commit, which has the account as well.
const MAX_ROWS_PER_COMMIT: usize = MAX_ITEMS_PER_COMMIT - 1;

/// Rows that are looked for at once: as many as DynamoDB reads in one batch.
const ROWS_PER_LOOK: usize = 100;

/// A request of more records than this looks for their rows before its first commit. It may run out of time, so it may be
/// a repeat. A smaller request is usually new, and reads nothing.
const LOOKS_FIRST_ABOVE: usize = MAX_RECORDS;

/// The time that a commit may take. No commit begins when less than this is left before the deadline.
const FOR_THE_LAST_COMMIT: Duration = Duration::from_secs(1);

/// The result of a request.
#[derive(Debug)]
pub struct Done {
    /// One for each row, in order.
    pub verdicts: Vec<Verdict>,
    /// The account's balance after the request.
    pub balance: Money,
}

/// Why a request failed. Records that it committed before stay in the journal, and a repeat finds them there.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The records could not be applied.
    #[error(transparent)]
    Apply(#[from] ApplyError<Infallible>),
    /// Time was up before the first commit.
    #[error("time was up before the first commit")]
    OutOfTime,
}

impl From<StoreError> for BatchError {
    fn from(problem: StoreError) -> Self {
        Self::Apply(problem.into())
    }
}

impl BatchError {
    /// Whether the same request may succeed later.
    fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::OutOfTime
                | Self::Apply(ApplyError::Store(
                    StoreError::Contended { .. } | StoreError::Unavailable { .. }
                ))
        )
    }
}

/// The records of a request, on their way into the journal.
#[derive(Debug)]
pub struct Batch<'a> {
    rows: &'a [Row],
    currency: Currency,
    /// The deadline of a request that may be answered before every record is reached.
    until: Option<Instant>,
    verdicts: Vec<Option<Verdict>>,
    /// Records that are not decided on yet.
    groups: Groups,
    /// Whether leaders are looked for in the journal before they are committed.
    looks: bool,
    /// Whether each record's row was looked for.
    looked_for: Vec<bool>,
    /// Whether any commit was made or any row found.
    has_begun: bool,
    /// The balance after the last commit.
    balance: Option<Money>,
    /// The rejected records of a message, which are written into the journal. `None` for a request.
    rejected: Option<Rejected<'a>>,
}

/// The decisions of one commit, by the indexes of records.
struct Committed {
    outcomes: Vec<(usize, Outcome)>,
    /// The rejected records that it writes.
    kept: HashSet<usize>,
}

impl<'a> Batch<'a> {
    /// A batch of a request's rows, for an account of this currency.
    pub fn new(rows: &'a [Row], currency: Currency) -> Self {
        Self::with(rows, currency, vec![None; rows.len()])
    }

    /// A batch of a message's rows, for an account of this currency. Its rejected records are written into the journal. A
    /// record that an earlier delivery rejected (`kept`) stays rejected even if it could be accepted now, since its event has
    /// been published.
    pub fn of_message(
        body: &'a Message<'a>,
        currency: Currency,
        message: &'a rejected_record::Message,
        kept: &[RejectedRecord],
    ) -> Self {
        let mut verdicts = vec![None; body.rows.len()];
        for rejected in kept {
            let verdict = verdicts.get_mut(rejected.index as usize);
            *verdict.expect("a message is the same with every delivery") = Some(Verdict::of_kept(rejected));
        }
        let mut batch = Self::with(&body.rows, currency, verdicts);
        batch.rejected = Some(Rejected::of(body, message, kept));
        batch.note_rejected();
        batch
    }

    /// A batch of rows, some of which have a verdict already.
    fn with(rows: &'a [Row], currency: Currency, mut verdicts: Vec<Option<Verdict>>) -> Self {
        for (row, verdict) in rows.iter().zip(&mut verdicts) {
            if let Err(problem) = &row.record {
                verdict.get_or_insert_with(|| Verdict::Invalid(problem.clone()));
            }
        }
        let undecided = rows.iter().zip(&verdicts).enumerate().filter_map(|(index, (row, verdict))| {
            let record = row.record.as_ref().ok().filter(|_| verdict.is_none())?;
            Some((index, record.key()))
        });
        let groups = Groups::of(undecided);
        Self {
            rows,
            currency,
            until: None,
            verdicts,
            looks: groups.len() > LOOKS_FIRST_ABOVE,
            groups,
            looked_for: vec![false; rows.len()],
            has_begun: false,
            balance: None,
            rejected: None,
        }
    }

    /// Sets the deadline. Records that are not reached by then are [`Verdict::NotReached`].
    #[must_use]
    pub fn until(mut self, until: Instant) -> Self {
        self.until = Some(until);
        self
    }

    /// Commits the records, and returns the outcome of each.
    ///
    /// If time is up, or the database is too busy or down, after some records were decided on, the others are
    /// [`Verdict::NotReached`]. Without a deadline, every record is decided on.
    pub async fn apply(
        mut self,
        store: &Store,
        account: &AccountId,
        now: Timestamp,
        rates: &RateTable,
    ) -> Result<Done, BatchError> {
        let until = self.until;
        // Boxed, since the future of two commits is large.
        let work = Box::pin(async {
            self.commit(store, account, now, rates).await?;
            self.tell_conflicts_of_currency(store, account).await?;
            self.note_rejected();
            self.commit(store, account, now, rates).await
        });
        match in_time(until, work).await {
            Ok(()) => {}
            Err(problem) if until.is_some() && self.has_begun && problem.is_transient() => {
                self.leave_the_rest(account, &problem);
            }
            Err(problem) => return Err(problem),
        }
        let balance = match self.balance {
            Some(balance) => balance,
            None => in_time(until, async { Ok(store.account(account).await?) })
                .await?
                .ok_or(ApplyError::NoAccount)?
                .balance(),
        };
        let verdicts = self.verdicts.into_iter().map(|verdict| verdict.expect("every row was decided on"));
        let verdicts: Vec<_> = verdicts.collect();
        DEBITS_REJECTED.add(verdicts.iter().filter(|verdict| verdict.refused().is_some()).count() as u64);
        Ok(Done { verdicts, balance })
    }

    /// Sets the verdict of undecided records to [`Verdict::NotReached`], and also of records that were refused for their
    /// currency, since those may be conflicts.
    fn leave_the_rest(&mut self, account: &AccountId, problem: &BatchError) {
        let mut not_reached = 0;
        for (row, verdict) in self.rows.iter().zip(&mut self.verdicts) {
            if verdict.as_ref().is_none_or(|verdict| row.record.is_ok() && verdict.is_for_currency()) {
                *verdict = Some(Verdict::NotReached);
                not_reached += 1;
            }
        }
        let problem = Causes(problem);
        tracing::warn!(%account, not_reached, %problem, "answered before every record was reached");
    }

    fn check_time(&self) -> Result<(), BatchError> {
        let is_up = self.until.is_some_and(|until| Instant::now() + FOR_THE_LAST_COMMIT > until);
        if is_up { Err(BatchError::OutOfTime) } else { Ok(()) }
    }

    /// Commits leaders and pending rejected records until none is left.
    async fn commit(
        &mut self,
        store: &Store,
        account: &AccountId,
        now: Timestamp,
        rates: &RateTable,
    ) -> Result<(), BatchError> {
        while self.groups.len() > 0 || !self.pending_rejected().is_empty() {
            self.check_time()?;
            if let Some(sought) = self.to_look_for(now) {
                self.look(store, account, &sought).await?;
                continue;
            }
            let group: Vec<usize> = self.groups.leaders().take(MAX_ROWS_PER_COMMIT).collect();
            let applied =
                store.apply(account, |a, seen| Ok(self.decide(a, now, &group, seen, rates))).await?;
            self.take_in(&group, applied);
        }
        Ok(())
    }

    /// The leaders whose rows are to be looked for next. `None` if no leader of the next commit needs it.
    fn to_look_for(&self, now: Timestamp) -> Option<Vec<usize>> {
        let is_sought = |index: usize| {
            let may_look = !self.looked_for[index] && (self.looks || self.key_as_sent(index).is_some());
            may_look && self.may_have_a_row(index, now)
        };
        let mut next = self.groups.leaders().take(MAX_ROWS_PER_COMMIT);
        let sought = || self.groups.leaders().filter(|&index| is_sought(index)).take(ROWS_PER_LOOK);
        next.any(is_sought).then(|| sought().collect())
    }

    /// Whether a row under the record's key would decide its verdict. An invalid record stays invalid, unless its currency
    /// alone is wrong: then a row makes it a conflict.
    fn may_have_a_row(&self, index: usize, now: Timestamp) -> bool {
        let checked = self.record(index).checked(self.currency, now);
        checked.map_or_else(|problem| Verdict::Invalid(problem).is_for_currency(), |_| true)
    }

    /// Reads the rows of these leaders, and decides on the leaders that have one. If none has a row, the next leaders are
    /// committed without looking for theirs.
    async fn look(&mut self, store: &Store, account: &AccountId, sought: &[usize]) -> Result<(), StoreError> {
        let keys = sought.iter().flat_map(|&index| self.keys(index)).map(|key| (account.clone(), key));
        let rows = store.entries(&keys.collect::<Vec<_>>()).await?;
        let rows: HashMap<_, _> = rows.into_iter().map(|(_, row)| (row.key.clone(), row)).collect();
        for &index in sought {
            self.looked_for[index] = true;
            if let Some(row) = self.keys(index).find_map(|key| rows.get(&key)) {
                self.compare_with(row, index);
            }
        }
        self.looks &= !rows.is_empty();
        self.has_begun |= !rows.is_empty();
        self.groups.go_on(|index| self.verdicts[index].is_none(), Vec::new());
        Ok(())
    }

    /// The keys that a record's row may have.
    fn keys(&self, index: usize) -> impl Iterator<Item = JournalKey> + use<> {
        [Some(self.record(index).key()), self.key_as_sent(index)].into_iter().flatten()
    }

    /// The key with the record's id as it was sent, if that differs from the id that is kept now. A UUID in capitals was
    /// once kept as it was sent, and the record's row may be from that time.
    fn key_as_sent(&self, index: usize) -> Option<JournalKey> {
        let record = self.record(index);
        let sent = self.rows[index].id.as_deref().filter(|sent| *sent != record.id.as_str())?;
        let id = RecordId::parse(sent).ok()?;
        Some(JournalKey::usage(record.started_at, &id, record.revision))
    }

    fn decide(
        &self,
        account: &Account,
        now: Timestamp,
        group: &[usize],
        seen: &Seen,
        rates: &RateTable,
    ) -> Decision<Committed> {
        let is_free = |record: &UsageRecord| {
            seen.row(&record.key()).is_none() && record.requires().is_none_or(|key| !seen.lacks(&key))
        };
        let left: Vec<usize> = group.iter().copied().filter(|&index| is_free(self.record(index))).collect();
        let records: Vec<&UsageRecord> = left.iter().map(|&index| self.record(index)).collect();
        let rejected: Vec<&RejectedRecord> =
            self.pending_rejected().iter().filter(|rejected| seen.row(&rejected.key()).is_none()).collect();
        let Decision { change, answer } = debit::decide(account, now, &records, &rejected, rates);
        let kept = rejected[..answer.kept].iter().map(|rejected| rejected.index as usize).collect();
        Decision {
            change,
            answer: Committed { outcomes: left.into_iter().zip(answer.outcomes).collect(), kept },
        }
    }

    /// Notes the outcomes of a commit. Records that did not fit the transaction stay leaders.
    fn take_in(&mut self, group: &[usize], applied: Applied<Committed>) {
        let Committed { outcomes, kept } = applied.answer;
        self.has_begun = true;
        self.balance = Some(applied.account.balance());
        self.looks |= applied.seen.has_rows();
        if let Some(rejected) = &mut self.rejected {
            rejected.retain(|rejected| {
                !kept.contains(&(rejected.index as usize)) && applied.seen.row(&rejected.key()).is_none()
            });
        }
        let mut outcomes: HashMap<usize, Outcome> = outcomes.into_iter().collect();
        let mut successors = Vec::new();
        for &index in group {
            let record = self.record(index);
            let key = record.key();
            if let Some(row) = applied.seen.row(&key) {
                self.compare_with(row, index);
                continue;
            }
            let verdict = if let Some(outcome) = outcomes.remove(&index) {
                Verdict::of_outcome(outcome, key.clone())
            } else if record.requires().is_some_and(|key| applied.seen.lacks(&key)) {
                Verdict::revision_not_due()
            } else {
                continue;
            };
            successors.extend(self.tell_followers(&key, record, &verdict));
            self.verdicts[index] = Some(verdict);
        }
        self.groups.go_on(|index| self.verdicts[index].is_none(), successors);
    }

    /// Notes the records of a message that are rejected by now, so that they are written.
    fn note_rejected(&mut self) {
        let Some(rejected) = &mut self.rejected else { return };
        for (index, (row, verdict)) in self.rows.iter().zip(&self.verdicts).enumerate() {
            if let Some(verdict) = verdict {
                rejected.note(index, row, verdict);
            }
        }
    }

    fn pending_rejected(&self) -> &[RejectedRecord] {
        self.rejected.as_ref().map_or(&[], Rejected::pending)
    }

    /// Decides on a leader whose key has a row, and on its followers, by that row.
    fn compare_with(&mut self, row: &JournalEntry, leader: usize) {
        let followers = self.groups.take_followers(&self.record(leader).key());
        for index in std::iter::once(leader).chain(followers) {
            self.verdicts[index] = Some(Verdict::compare(self.record(index), row, self.currency));
        }
    }

    /// Decides on the followers of a leader by its verdict. If the leader is invalid, decides nothing and returns the first
    /// follower, which leads in its place.
    fn tell_followers(&mut self, key: &JournalKey, leader: &UsageRecord, verdict: &Verdict) -> Option<usize> {
        if matches!(verdict, Verdict::Invalid(_)) {
            return self.groups.successor(key);
        }
        for follower in self.groups.take_followers(key) {
            let same = self.record(follower).repeats(leader, self.currency);
            self.verdicts[follower] = Some(Verdict::of_follower(same, verdict));
        }
        None
    }

    /// Turns records that are invalid because of their currency into conflicts if their key is taken, since they differ from
    /// the accepted record (S2).
    async fn tell_conflicts_of_currency(
        &mut self,
        store: &Store,
        account: &AccountId,
    ) -> Result<(), BatchError> {
        let is_settled = |index: usize| self.rejected.as_ref().is_some_and(|rejected| rejected.has(index));
        let of_currency: Vec<usize> = (0..self.rows.len())
            .filter(|&index| self.rows[index].record.is_ok() && !self.looked_for[index] && !is_settled(index))
            .filter(|&index| self.verdicts[index].as_ref().is_some_and(Verdict::is_for_currency))
            .collect();
        for indexes in of_currency.chunks(ROWS_PER_LOOK) {
            self.check_time()?;
            let keys: Vec<_> =
                indexes.iter().map(|&index| (account.clone(), self.record(index).key())).collect();
            let rows = store.entries(&keys).await?;
            let taken: HashSet<_> = rows.into_iter().map(|(_, row)| row.key).collect();
            for &index in indexes {
                let key = self.record(index).key();
                if taken.contains(&key) {
                    self.verdicts[index] = Some(Verdict::other_content(key));
                }
            }
        }
        Ok(())
    }

    fn record(&self, index: usize) -> &'a UsageRecord {
        self.rows[index].record.as_ref().expect("only valid rows lead or follow")
    }
}

/// Does `work` before `until`, if there is a deadline.
async fn in_time<T>(
    until: Option<Instant>,
    work: impl Future<Output = Result<T, BatchError>>,
) -> Result<T, BatchError> {
    match until {
        Some(until) => timeout_at(until, work).await.unwrap_or(Err(BatchError::OutOfTime)),
        None => work.await,
    }
}
