//! The records of one request, or of messages that follow each other, each applied once (S2, S3).
//!
//! Records with the same key are grouped before anything is written (`duplicates.rs`): the first valid one leads, and the
//! others are judged by its outcome. Leaders are committed in order, as many at once as a transaction holds, and beside those
//! of other requests to the same account (`commits.rs`).
//!
//! A transaction that fails because a row exists still costs write units, and one account's rows are written at a limited
//! speed. So rows that exist already are *looked for*: read before a commit, and left out of it. A request that may need
//! to be sent more than once looks first, and so does a message that is delivered again. A batch goes on looking as long as
//! it finds rows, and begins again when a commit fails because a row exists.
//!
//! A batch ends before its deadline. Records whose outcome is not known by then have the verdict `NotReached`, and the same
//! request or message, sent again, goes on with them.
//!
//! No caller waits for the answer to a message, so its rejected records are written into the journal (`rejected.rs`).
//! Records that cannot be read are written in the same commits as their neighbours; records that a commit rejects are
//! written in a later commit.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use cdr::{MAX_RECORDS, Row};
use domain::journal::JournalEntry;
use domain::journal_key::JournalKey;
use domain::rejected_record::{self, RejectedRecord};
use domain::{AccountId, Currency, Money, RecordId, UsageRecord};
use jiff::Timestamp;
use rates::RateFileError;
use store::{ApplyError, Store, StoreError};
use telemetry::metric::DEBITS_REJECTED;
use telemetry::{Causes, Correlation};
use tokio::time::{Instant, timeout_at};

use crate::Ports;
use crate::commits::{Caused, Committed, Finding, MAX_ROWS_PER_COMMIT, Submission};
use crate::duplicates::Groups;
use crate::rejected::Rejected;
use crate::verdict::Verdict;

/// Rows that are looked for at once: as many as DynamoDB reads in one batch.
const ROWS_PER_LOOK: usize = 100;

/// A request of more records than this looks for their rows before its first commit. It may run out of time, so it may be
/// a repeat. A smaller request is usually new, and reads nothing.
const LOOKS_FIRST_ABOVE: usize = MAX_RECORDS;

/// The time that a commit may take. No commit begins when less than this is left before the deadline.
pub(crate) const FOR_THE_LAST_COMMIT: Duration = Duration::from_secs(1);

/// The result of a batch.
#[derive(Debug)]
pub struct Done {
    /// One for each row, in order.
    pub verdicts: Vec<Verdict>,
    /// The balance after the last row that was charged for, or the account's if none was.
    pub balance: Money,
    /// The number of messages that are done, the first ones. 0 for a request.
    pub messages: usize,
    /// Why the other rows were not reached, if any was not.
    pub problem: Option<BatchError>,
}

/// Why a batch failed. Records that were committed before stay in the journal, and a repeat finds them there.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BatchError {
    /// The records could not be applied.
    #[error("the records could not be applied")]
    Apply(#[source] Arc<ApplyError<Infallible>>),
    /// There are no rates.
    #[error(transparent)]
    Rates(#[from] RateFileError),
    /// Time was up. A commit that is in flight may still be made.
    #[error("time was up")]
    OutOfTime,
    /// The task that makes the commit has panicked.
    #[error("the commit broke off")]
    Broken,
}

impl From<ApplyError<Infallible>> for BatchError {
    fn from(problem: ApplyError<Infallible>) -> Self {
        Self::Apply(Arc::new(problem))
    }
}

impl From<StoreError> for BatchError {
    fn from(problem: StoreError) -> Self {
        ApplyError::from(problem).into()
    }
}

impl BatchError {
    /// Whether the same batch may succeed later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::OutOfTime => true,
            Self::Apply(problem) => matches!(
                **problem,
                ApplyError::Store(StoreError::Contended { .. } | StoreError::Unavailable { .. })
            ),
            Self::Rates(_) | Self::Broken => false,
        }
    }
}

/// A message whose records are to be applied.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its records.
    pub body: &'a cdr::Message<'a>,
    /// Its id, and the instant at which it was sent.
    pub name: &'a rejected_record::Message,
    /// Its records that an earlier delivery rejected.
    pub kept: &'a [RejectedRecord],
    /// Whether it may have been delivered before.
    pub is_repeated: bool,
}

/// The rows of a message within a batch.
#[derive(Debug)]
struct Part<'a> {
    rows: Range<usize>,
    cause: Option<Correlation>,
    /// Its rejected records, on their way into the journal.
    rejected: Rejected<'a>,
}

/// Records on their way into the journal.
#[derive(Debug)]
pub struct Batch<'a> {
    rows: Vec<&'a Row>,
    currency: Currency,
    /// The deadline of a batch that may be answered before every record is reached.
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
    /// The balance after the last record that was charged for.
    balance: Option<Money>,
    /// The account's balance after the last commit.
    account_balance: Option<Money>,
    /// The messages that the rows came in, if any.
    parts: Vec<Part<'a>>,
    /// Whether the records end the holds of their calls (C1).
    ends_holds: bool,
}

impl<'a> Batch<'a> {
    /// A batch of a request's rows, for an account of this currency.
    pub fn new(rows: &'a [Row], currency: Currency) -> Self {
        Self::with(rows.iter().collect(), currency, vec![None; rows.len()])
    }

    /// A batch of the rows of messages, for an account of this currency. Rejected records are written into the journal. A
    /// record that an earlier delivery rejected stays rejected even if it could be accepted now, since its event has been
    /// published.
    pub fn of_messages(messages: &[Message<'a>], currency: Currency) -> Self {
        let (mut rows, mut verdicts, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        for message in messages {
            let begin = rows.len();
            rows.extend(&message.body.rows);
            verdicts.resize(rows.len(), None);
            for rejected in message.kept {
                let verdict = verdicts[begin..].get_mut(rejected.index as usize);
                *verdict.expect("a message is the same with every delivery") =
                    Some(Verdict::of_kept(rejected));
            }
            parts.push(Part {
                rows: begin..rows.len(),
                cause: Correlation::parse(message.name.id.as_str()),
                rejected: Rejected::of(message.body, message.name, message.kept),
            });
        }
        let mut batch = Self::with(rows, currency, verdicts);
        batch.looks |= messages.iter().any(|message| message.is_repeated);
        batch.parts = parts;
        batch.ends_holds = true;
        batch.note_rejected();
        batch
    }

    /// A batch of rows, some of which have a verdict already.
    fn with(rows: Vec<&'a Row>, currency: Currency, mut verdicts: Vec<Option<Verdict>>) -> Self {
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
            currency,
            until: None,
            verdicts,
            looks: groups.len() > LOOKS_FIRST_ABOVE,
            groups,
            looked_for: vec![false; rows.len()],
            has_begun: false,
            balance: None,
            account_balance: None,
            parts: Vec::new(),
            ends_holds: false,
            rows,
        }
    }

    /// Lets the records end the holds of their calls, as those in the service's own format do.
    #[must_use]
    pub fn ending_holds(mut self, ends_holds: bool) -> Self {
        self.ends_holds = ends_holds;
        self
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
        ports: &Ports,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<Done, BatchError> {
        let until = self.until;
        // Boxed, since the future of two commits is large.
        let work = Box::pin(async {
            self.commit(ports, account, now).await?;
            self.tell_conflicts_of_currency(&ports.store, account).await?;
            self.note_rejected();
            self.commit(ports, account, now).await
        });
        let problem = match in_time(until, work).await {
            Ok(()) => None,
            Err(problem) if until.is_some() && self.has_begun && problem.is_transient() => {
                self.leave_the_rest(account, &problem);
                // Rejected records that are not in the journal yet keep their messages from being done.
                self.note_rejected();
                Some(problem)
            }
            Err(problem) => return Err(problem),
        };
        let balance = match self.balance.or(self.account_balance) {
            Some(balance) => balance,
            None => in_time(until, async { Ok(ports.store.account(account).await?) })
                .await?
                .ok_or(ApplyError::NoAccount)?
                .balance(),
        };
        let verdicts = self.verdicts.into_iter().map(|verdict| verdict.expect("every row was decided on"));
        let verdicts: Vec<_> = verdicts.collect();
        DEBITS_REJECTED.add(verdicts.iter().filter(|verdict| verdict.refused().is_some()).count() as u64);
        let is_done = |part: &&Part<'_>| {
            let reached = |verdict: &Verdict| !matches!(verdict, Verdict::NotReached);
            part.rejected.pending().is_empty() && verdicts[part.rows.clone()].iter().all(reached)
        };
        let messages = self.parts.iter().take_while(is_done).count();
        Ok(Done { verdicts, balance, messages, problem })
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
    async fn commit(&mut self, ports: &Ports, account: &AccountId, now: Timestamp) -> Result<(), BatchError> {
        while self.groups.len() > 0 || self.pending_rejected().next().is_some() {
            self.check_time()?;
            if let Some(sought) = self.to_look_for(now) {
                self.look(&ports.store, account, &sought).await?;
                continue;
            }
            let group: Vec<usize> = self.groups.leaders().take(MAX_ROWS_PER_COMMIT).collect();
            let committed = ports.commits.submit(account, self.submission(now, &group)).await;
            self.take_in(&group, committed)?;
        }
        Ok(())
    }

    /// These leaders, and as many rejected records as fit beside them.
    fn submission(&self, now: Timestamp, group: &[usize]) -> Submission {
        let record = |&index: &usize| Caused { value: self.record(index).clone(), cause: self.cause(index) };
        let room = MAX_ROWS_PER_COMMIT - group.len();
        let rejected = self.pending_rejected().take(room);
        let rejected =
            rejected.map(|(cause, rejected)| Caused { value: rejected.clone(), cause: cause.clone() });
        let records = group.iter().map(record).collect();
        Submission {
            now,
            until: self.until,
            records,
            ends_holds: self.ends_holds,
            rejected: rejected.collect(),
        }
    }

    /// The correlation id of the request, or of the message that a row came in.
    fn cause(&self, index: usize) -> Option<Correlation> {
        match self.parts.iter().find(|part| part.rows.contains(&index)) {
            Some(part) => part.cause.clone(),
            None => Correlation::current(),
        }
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

    /// Notes what was found out about these leaders, and about the rejected records beside them.
    fn take_in(&mut self, group: &[usize], committed: Committed) -> Result<(), BatchError> {
        let Committed { findings, kept, balance, account_balance, problem } = committed;
        self.has_begun |= !kept.is_empty() || findings.iter().any(Option::is_some);
        self.balance = balance.or(self.balance);
        self.account_balance = account_balance.or(self.account_balance);
        for part in &mut self.parts {
            part.rejected.retain(|pending| !kept.contains(&pending.key()));
        }
        let mut successors = Vec::new();
        for (&index, finding) in group.iter().zip(findings) {
            let Some(finding) = finding else { continue };
            let record = self.record(index);
            let key = record.key();
            let verdict = match finding {
                Finding::Decided(outcome) => Verdict::of_outcome(outcome, key.clone()),
                Finding::NotDue => Verdict::revision_not_due(),
                Finding::Taken(row) => {
                    self.looks = true;
                    self.compare_with(&row, index);
                    continue;
                }
            };
            successors.extend(self.tell_followers(&key, record, &verdict));
            self.verdicts[index] = Some(verdict);
        }
        self.groups.go_on(|index| self.verdicts[index].is_none(), successors);
        problem.map_or(Ok(()), Err)
    }

    /// Notes the records of messages that are rejected by now, so that they are written.
    fn note_rejected(&mut self) {
        for Part { rows, rejected, .. } in &mut self.parts {
            for (place, index) in rows.clone().enumerate() {
                if let Some(verdict) = &self.verdicts[index] {
                    rejected.note(place, self.rows[index], verdict);
                }
            }
        }
    }

    /// Rejected records that are still to be committed, each with the correlation id of its message.
    fn pending_rejected(&self) -> impl Iterator<Item = (&Option<Correlation>, &RejectedRecord)> {
        self.parts
            .iter()
            .flat_map(|part| part.rejected.pending().iter().map(|rejected| (&part.cause, rejected)))
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
        let is_settled = |index: usize| {
            let part = self.parts.iter().find(|part| part.rows.contains(&index));
            part.is_some_and(|part| part.rejected.has(index - part.rows.start))
        };
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
pub(crate) async fn in_time<T>(
    until: Option<Instant>,
    work: impl Future<Output = Result<T, BatchError>>,
) -> Result<T, BatchError> {
    match until {
        Some(until) => timeout_at(until, work).await.unwrap_or(Err(BatchError::OutOfTime)),
        None => work.await,
    }
}
