//! The commits of a process. Records that arrive for an account while a commit of it is in flight wait together, and the next
//! commit takes as many of them as a transaction holds, in the order in which they arrived.
//!
//! Each commit is made by a task of its own, so a caller that goes away cancels nothing. Its records may be in the journal
//! later.

use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use domain::change::MAX_ITEMS_PER_COMMIT;
use domain::debit::{self, Decided, Outcome};
use domain::journal::JournalEntry;
use domain::journal_key::JournalKey;
use domain::{Account, AccountId, Decision, Money, RateTable, RejectedRecord, UsageRecord};
use jiff::Timestamp;
use rates::PublishedRates;
use store::{Applied, ApplyError, Combined, Seen, Store, Turn};
use telemetry::Correlation;
use tokio::sync::oneshot;

use crate::batch::BatchError;

/// The most rows in one commit, which has the account as well.
pub(crate) const MAX_ROWS_PER_COMMIT: usize = MAX_ITEMS_PER_COMMIT - 1;

/// A record, or a rejected one, with the correlation id of the request or message that it came with.
#[derive(Debug)]
pub(crate) struct Caused<T> {
    pub(crate) value: T,
    pub(crate) cause: Option<Correlation>,
}

/// Records that are to be committed: those of one request, or of messages that follow each other. No two of them have the
/// same key.
#[derive(Debug)]
pub(crate) struct Submission {
    /// The instant at which they arrived. Records that are committed together are decided on as of the latest.
    pub(crate) now: Timestamp,
    pub(crate) records: Vec<Caused<UsageRecord>>,
    /// Rejected records, which are written into the journal.
    pub(crate) rejected: Vec<Caused<RejectedRecord>>,
}

/// What a commit found out about a record.
#[derive(Debug)]
pub(crate) enum Finding {
    /// The commit decided on it.
    Decided(Outcome),
    /// A row has its key already.
    Taken(Box<JournalEntry>),
    /// It is a revision of a record that was not reversed.
    NotDue,
}

/// The result of a submission, all of which is committed.
#[derive(Debug)]
pub(crate) struct Committed {
    /// One for each record, in order.
    pub(crate) findings: Vec<Finding>,
    /// The balance after the last of its records that was charged for, or of the account if none was.
    pub(crate) balance: Money,
}

/// Commits what requests and messages submit.
pub(crate) struct Commits {
    store: Arc<Store>,
    rates: PublishedRates,
    lines: Mutex<HashMap<AccountId, Line>>,
}

/// The submissions of one account that wait for a commit.
#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Job>,
    /// Whether a task waits for its turn to commit them.
    is_attended: bool,
}

/// A submission, as far as it is committed, and the caller that waits for it.
#[derive(Debug)]
struct Job {
    now: Timestamp,
    records: Vec<Caused<UsageRecord>>,
    findings: Vec<Option<Finding>>,
    /// Rejected records that are not in the journal yet.
    rejected: Vec<Caused<RejectedRecord>>,
    balance: Option<Money>,
    caller: oneshot::Sender<Result<Committed, BatchError>>,
}

impl Commits {
    pub(crate) fn new(store: Arc<Store>, rates: PublishedRates) -> Self {
        Self { store, rates, lines: Mutex::default() }
    }

    /// Commits a submission, beside others that wait for the account.
    pub(crate) async fn submit(
        self: &Arc<Self>,
        account: &AccountId,
        submission: Submission,
    ) -> Result<Committed, BatchError> {
        let Submission { now, records, rejected } = submission;
        let (caller, committed) = oneshot::channel();
        let findings = records.iter().map(|_| None).collect();
        let job = Job { now, records, findings, rejected, balance: None, caller };
        self.wait(account, |waiting| waiting.push_back(job));
        committed.await.unwrap_or(Err(BatchError::Broken))
    }

    /// Adds to the line of an account, and has it attended to.
    fn wait(self: &Arc<Self>, account: &AccountId, add: impl FnOnce(&mut VecDeque<Job>)) {
        let mut lines = self.lines.lock().expect("no holder of this lock panics");
        let line = lines.entry(account.clone()).or_default();
        add(&mut line.waiting);
        if !line.is_attended {
            line.is_attended = true;
            tokio::spawn(self.clone().attend(account.clone()));
        }
    }

    /// Takes the first submissions of the line, up to one that fills a transaction.
    fn take(self: &Arc<Self>, account: &AccountId) -> Vec<Job> {
        let mut lines = self.lines.lock().expect("no holder of this lock panics");
        let mut line = lines.remove(account).unwrap_or_default();
        let mut rows = 0;
        let fits = |job: &&Job| {
            let has_room = rows < MAX_ROWS_PER_COMMIT;
            rows += job.open_rows();
            has_room
        };
        let count = line.waiting.iter().take_while(fits).count();
        let jobs = line.waiting.drain(..count).collect();
        if !line.waiting.is_empty() {
            // They wait for the turn that comes after this one.
            tokio::spawn(self.clone().attend(account.clone()));
            lines.insert(account.clone(), line);
        }
        jobs
    }

    /// Waits for a turn, and makes one commit with what has come together until then.
    async fn attend(self: Arc<Self>, account: AccountId) {
        let turn = self.store.turn(&account).await;
        let mut jobs = self.take(&account);
        match self.commit(&account, &turn, &mut jobs).await {
            Ok(()) => self.answer(&account, jobs),
            // What fails alone would fail with others again, and they must not fail with it.
            Err(problem) if jobs.len() > 1 && !problem.is_transient() => {
                for job in jobs {
                    let mut alone = [job];
                    let result = self.commit(&account, &turn, &mut alone).await;
                    match result {
                        Ok(()) => self.answer(&account, alone),
                        Err(problem) => fail(alone, &problem),
                    }
                }
            }
            Err(problem) => fail(jobs, &problem),
        }
    }

    /// Answers the callers of jobs that are done. The others go back to the head of the line, in their order.
    fn answer(self: &Arc<Self>, account: &AccountId, jobs: impl IntoIterator<Item = Job>) {
        let (done, open): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.open_rows() == 0);
        if !open.is_empty() {
            self.wait(account, |waiting| {
                for job in open.into_iter().rev() {
                    waiting.push_front(job);
                }
            });
        }
        for job in done {
            job.succeed();
        }
    }

    /// Commits as much of the jobs as a transaction holds.
    async fn commit(&self, account: &AccountId, turn: &Turn, jobs: &mut [Job]) -> Result<(), BatchError> {
        let rates = self.rates.get()?;
        let now = jobs.iter().map(|job| job.now).max().expect("a commit is for somebody");
        let decide = |account: &Account, seen: &Seen| decide(account, now, jobs, seen, rates);
        let applied = self.store.apply_combined(account, turn, decide).await.map_err(Arc::new)?;
        if jobs.len() > 1 {
            let requests: Vec<_> = jobs.iter().filter_map(Job::cause).map(Correlation::as_str).collect();
            let (version, requests) = (applied.account.version, requests.join(" "));
            tracing::info!(%account, version, requests, "committed together");
        }
        take_in(jobs, applied);
        Ok(())
    }
}

/// A decision on several jobs.
struct Plan {
    /// The places of the records that were decided on, each a job and its record.
    places: Vec<(usize, usize)>,
    decided: Decided,
}

/// Decides on the open records of all jobs, in order. A record whose key an earlier job has is left out: it is told by the
/// row that the commit writes.
fn decide(account: &Account, now: Timestamp, jobs: &[Job], seen: &Seen, rates: &RateTable) -> Combined<Plan> {
    let mut keys = HashSet::new();
    let (mut places, mut records, mut causes) = (Vec::new(), Vec::new(), Vec::new());
    for (number, job) in jobs.iter().enumerate() {
        for (place, Caused { value: record, cause }) in job.open_records() {
            let key = record.key();
            let is_free = seen.row(&key).is_none() && record.requires().is_none_or(|key| !seen.lacks(&key));
            if is_free && keys.insert(key) {
                places.push((number, place));
                records.push(record);
                causes.push(cause);
            }
        }
    }
    let mut rejected = Vec::new();
    for Caused { value: record, cause } in jobs.iter().flat_map(|job| &job.rejected) {
        let key = record.key();
        if seen.row(&key).is_none() && keys.insert(key) {
            rejected.push(record);
            causes.push(cause);
        }
    }
    let Decision { change, answer: decided } = debit::decide(account, now, &records, &rejected, rates);
    let cause = decided.first_event.and_then(|place| causes[place].clone());
    Combined { decision: Decision { change, answer: Plan { places, decided } }, cause }
}

/// Notes what a commit decided on, and the rows that it met or wrote. Records that did not fit stay open.
fn take_in(jobs: &mut [Job], applied: Applied<Plan>) {
    let Applied { account, answer: Plan { places, decided }, seen, written } = applied;
    for ((number, place), (outcome, balance)) in
        places.into_iter().zip(decided.outcomes.into_iter().zip(decided.balances))
    {
        let job = &mut jobs[number];
        job.findings[place] = Some(Finding::Decided(outcome));
        job.balance = Some(balance);
    }
    let written: HashMap<_, _> = written.iter().map(|row| (&row.key, row)).collect();
    let row = |key: &JournalKey| seen.row(key).or_else(|| written.get(key).copied());
    for job in jobs {
        for (Caused { value: record, .. }, finding) in job.records.iter().zip(&mut job.findings) {
            if finding.is_some() {
                continue;
            }
            *finding = match row(&record.key()) {
                Some(row) => Some(Finding::Taken(Box::new(row.clone()))),
                None => record.requires().filter(|key| seen.lacks(key)).map(|_| Finding::NotDue),
            };
        }
        job.rejected.retain(|rejected| row(&rejected.value.key()).is_none());
        job.balance.get_or_insert(account.balance());
    }
}

fn fail(jobs: impl IntoIterator<Item = Job>, problem: &BatchError) {
    for job in jobs {
        // A caller whose time is up no longer waits.
        let _ = job.caller.send(Err(problem.clone()));
    }
}

impl Job {
    fn open_records(&self) -> impl Iterator<Item = (usize, &Caused<UsageRecord>)> {
        let records = self.records.iter().zip(&self.findings).enumerate();
        records.filter(|(_, (_, finding))| finding.is_none()).map(|(place, (record, _))| (place, record))
    }

    fn open_rows(&self) -> usize {
        self.open_records().count() + self.rejected.len()
    }

    /// The correlation id of its first record.
    fn cause(&self) -> Option<&Correlation> {
        let of_rejected = || self.rejected.first().map(|rejected| &rejected.cause);
        self.records.first().map(|record| &record.cause).or_else(of_rejected)?.as_ref()
    }

    fn succeed(self) {
        let findings = self.findings.into_iter().map(|finding| finding.expect("it is done"));
        let balance = self.balance.expect("a commit has come to it");
        // A caller whose time is up no longer waits.
        let _ = self.caller.send(Ok(Committed { findings: findings.collect(), balance }));
    }
}

impl From<Arc<ApplyError<Infallible>>> for BatchError {
    fn from(problem: Arc<ApplyError<Infallible>>) -> Self {
        Self::Apply(problem)
    }
}
