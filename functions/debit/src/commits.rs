//! The commits of a process. Records that arrive for an account while a commit of it is in flight wait together, and the next
//! commit takes as many of them as a transaction holds, in the order in which they arrived.
//!
//! Each commit is made by a task of its own, so a caller that goes away cancels nothing. Its records may be in the journal
//! later.

use std::collections::{HashMap, HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use domain::change::MAX_ITEMS_PER_COMMIT;
use domain::debit::{self, Decided, Outcome, Terms};
use domain::hold::{HoldKey, Holds};
use domain::journal::JournalEntry;
use domain::journal_key::JournalKey;
use domain::{Account, AccountId, Decision, Money, Pools, RejectedRecord, UsageRecord};
use futures_util::FutureExt;
use jiff::Timestamp;
use rates::PublishedRates;
use store::{Applied, Beside, Combined, Read, Seen, Store, Turn, Wanted};
use telemetry::Correlation;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Instrument;

use crate::batch::BatchError;

/// The most rows in one commit, which has the account as well.
pub(crate) const MAX_ROWS_PER_COMMIT: usize = MAX_ITEMS_PER_COMMIT - 1;

/// A record, or a rejected one, with the correlation id of the request or message that it came with.
#[derive(Debug)]
pub(crate) struct Caused<T> {
    pub(crate) value: T,
    pub(crate) cause: Option<Correlation>,
}

/// Records that are to be committed: those of one request, or of messages that follow each other.
#[derive(Debug)]
pub(crate) struct Submission {
    /// The instant at which they arrived. Records that are committed together are decided on as of the latest.
    pub(crate) now: Timestamp,
    /// When the caller's time is up. No commit is decided on for it afterwards, even if the process stood still in between:
    /// by then another process may have decided on the same message.
    pub(crate) until: Option<Instant>,
    /// No two of them have the same key.
    pub(crate) records: Vec<Caused<UsageRecord>>,
    /// Whether they are in the service's own format, whose records end the holds of their calls.
    pub(crate) ends_holds: bool,
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

/// The result of a submission, as far as it is committed.
#[derive(Debug, Default)]
pub(crate) struct Committed {
    /// One for each record, in order. `None` if the record was not decided on.
    pub(crate) findings: Vec<Option<Finding>>,
    /// The rejected records that are in the journal now.
    pub(crate) kept: HashSet<JournalKey>,
    /// The balance after the last of its records that was charged for, if any was.
    pub(crate) balance: Option<Money>,
    /// The account's balance after the last commit, which may have been of other records too.
    pub(crate) account_balance: Option<Money>,
    /// Why the rest was not decided on.
    pub(crate) problem: Option<BatchError>,
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

/// A submission, what was found out about it, and the caller that waits for it.
#[derive(Debug)]
struct Job {
    now: Timestamp,
    until: Option<Instant>,
    records: Vec<Caused<UsageRecord>>,
    ends_holds: bool,
    /// Rejected records that are not in the journal yet.
    rejected: Vec<Caused<RejectedRecord>>,
    committed: Committed,
    caller: oneshot::Sender<Committed>,
}

impl Commits {
    pub(crate) fn new(store: Arc<Store>, rates: PublishedRates) -> Self {
        Self { store, rates, lines: Mutex::default() }
    }

    /// Commits a submission, beside others that wait for the account.
    pub(crate) async fn submit(self: &Arc<Self>, account: &AccountId, submission: Submission) -> Committed {
        let Submission { now, until, records, ends_holds, rejected } = submission;
        let (caller, committed) = oneshot::channel();
        let findings = records.iter().map(|_| None).collect();
        let so_far = Committed { findings, ..Committed::default() };
        let job = Job { now, until, records, ends_holds, rejected, committed: so_far, caller };
        self.wait(account, |waiting| waiting.push_back(job));
        committed
            .await
            .unwrap_or_else(|_| Committed { problem: Some(BatchError::Broken), ..Committed::default() })
    }

    /// Adds to the line of an account, and has it attended to.
    fn wait(self: &Arc<Self>, account: &AccountId, add: impl FnOnce(&mut VecDeque<Job>)) {
        let mut lines = self.lines.lock().expect("no holder of this lock panics");
        let line = lines.entry(account.clone()).or_default();
        add(&mut line.waiting);
        if !line.is_attended {
            line.is_attended = true;
            self.spawn(account);
        }
    }

    /// Has a task of its own wait for the next turn. What it logs has the context of the request that it is begun for.
    fn spawn(self: &Arc<Self>, account: &AccountId) {
        tokio::spawn(self.clone().attend(account.clone()).in_current_span());
    }

    /// Takes the first submissions of the line: up to one that fills a transaction, or has rejected records, which come after
    /// all other records of a commit.
    fn take(self: &Arc<Self>, account: &AccountId) -> Vec<Job> {
        let mut lines = self.lines.lock().expect("no holder of this lock panics");
        let mut line = lines.remove(account).unwrap_or_default();
        let (mut jobs, mut rows) = (Vec::new(), 0);
        while rows < MAX_ROWS_PER_COMMIT
            && let Some(job) = line.waiting.pop_front()
        {
            rows += if job.rejected.is_empty() { job.open_rows() } else { MAX_ROWS_PER_COMMIT };
            jobs.push(job);
        }
        if !line.waiting.is_empty() {
            // They wait for the turn that comes after this one.
            self.spawn(account);
            lines.insert(account.clone(), line);
        }
        jobs
    }

    /// Waits for a turn, and makes one commit with what has come together until then.
    async fn attend(self: Arc<Self>, account: AccountId) {
        let turn = self.store.turn(&account).await;
        let (late, mut jobs): (Vec<_>, Vec<_>) = self.take(&account).into_iter().partition(Job::is_late);
        fail(late, &BatchError::OutOfTime);
        if jobs.is_empty() {
            return;
        }
        match self.try_commit(&account, &turn, &mut jobs).await {
            Ok(()) => self.answer(&account, jobs),
            // What fails alone would fail with others again, and they must not fail with it.
            Err(problem) if jobs.len() > 1 && !problem.is_transient() => {
                let mut committed = Vec::new();
                for job in jobs {
                    let mut alone = [job];
                    match self.try_commit(&account, &turn, &mut alone).await {
                        Ok(()) => committed.extend(alone),
                        Err(problem) => fail(alone, &problem),
                    }
                }
                self.answer(&account, committed);
            }
            Err(problem) => fail(jobs, &problem),
        }
    }

    /// Answers the callers of jobs that are done. The others go back to the head of the line, in their order.
    fn answer(self: &Arc<Self>, account: &AccountId, jobs: Vec<Job>) {
        let (done, open): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.open_rows() == 0);
        if !open.is_empty() {
            self.wait(account, |waiting| {
                for job in open.into_iter().rev() {
                    waiting.push_front(job);
                }
            });
        }
        for job in done {
            job.answer();
        }
    }

    /// Commits as much of the jobs as a transaction holds. A panic is an error.
    async fn try_commit(&self, account: &AccountId, turn: &Turn, jobs: &mut [Job]) -> Result<(), BatchError> {
        let commit = AssertUnwindSafe(self.commit(account, turn, jobs));
        commit.catch_unwind().await.unwrap_or(Err(BatchError::Broken))
    }

    async fn commit(&self, account: &AccountId, turn: &Turn, jobs: &mut [Job]) -> Result<(), BatchError> {
        let rates = self.rates.get()?;
        let now = jobs.iter().map(|job| job.now).max().expect("a commit is for somebody");
        let wanted = |account: &Account, seen: &Seen, _: Read| holds_wanted(account, now, jobs, seen);
        let decide = |account: &Account, pools: &Pools, seen: &Seen, beside: &Beside| {
            decide(account, now, jobs, seen, Terms { rates, pools }, beside)
        };
        let applied = self.store.apply_combined(account, turn, wanted, decide).await?;
        let requests = applied.answer.requests();
        if requests.len() > 1 {
            let (version, requests) = (applied.account.version, requests.join(" "));
            tracing::info!(%account, version, requests, "committed together");
        }
        take_in(jobs, applied);
        Ok(())
    }
}

/// A decision on several jobs.
struct Plan {
    /// The places of the records that may be decided on, each a job and its record.
    places: Vec<(usize, usize)>,
    decided: Decided,
    /// The correlation ids of these records, and then of the rejected ones.
    causes: Vec<Option<Correlation>>,
}

impl Plan {
    /// The correlation ids of what it commits, each once.
    fn requests(&self) -> Vec<&str> {
        let Decided { outcomes, kept, .. } = &self.decided;
        let (records, rejected) = self.causes.split_at(self.places.len());
        let causes = records[..outcomes.len()].iter().chain(&rejected[..*kept]).flatten();
        let mut requests: Vec<_> = causes.map(Correlation::as_str).collect();
        requests.sort_unstable();
        requests.dedup();
        requests
    }
}

/// The open records of all jobs whose callers wait, in order, as many as a commit may have. A record whose key an earlier job has is
/// left out: the row that the commit writes tells what becomes of it.
fn open_records<'a>(jobs: &'a [Job], seen: &Seen) -> Vec<((usize, usize), &'a Caused<UsageRecord>)> {
    let mut keys = HashSet::new();
    let in_time = jobs.iter().enumerate().filter(|(_, job)| !job.is_late());
    let records = in_time
        .flat_map(|(number, job)| job.open_records().map(move |(place, record)| ((number, place), record)));
    let is_free = |record: &UsageRecord| {
        seen.row(&record.key()).is_none() && record.requires().is_none_or(|key| !seen.lacks(&key))
    };
    records
        .filter(|(_, record)| is_free(&record.value) && keys.insert(record.value.key()))
        .take(MAX_ROWS_PER_COMMIT)
        .collect()
}

/// The holds that the records of a commit may end (C1). Only records in the service's own format end holds, and an account without
/// calls in progress has none.
fn holds_wanted(account: &Account, now: Timestamp, jobs: &[Job], seen: &Seen) -> Wanted {
    if !has_holds(account, now) {
        return Wanted::default();
    }
    let records = open_records(jobs, seen).into_iter();
    let records = records.filter(|((job, _), _)| jobs[*job].ends_holds);
    Wanted {
        holds: records.flat_map(|(_, record)| HoldKey::of_record(&record.value)).collect(),
        ..Wanted::default()
    }
}

/// Whether calls of the account are in progress that have holds.
fn has_holds(account: &Account, now: Timestamp) -> bool {
    account.held.count(now.max(account.as_of)) > 0
}

/// Decides on the open records of all jobs whose callers wait.
fn decide(
    account: &Account,
    now: Timestamp,
    jobs: &[Job],
    seen: &Seen,
    terms: Terms<'_>,
    beside: &Beside,
) -> Combined<Plan> {
    let (mut places, mut records, mut causes) = (Vec::new(), Vec::new(), Vec::new());
    let has_holds = has_holds(account, now);
    let mut ends_holds = None;
    for (place, Caused { value: record, cause }) in open_records(jobs, seen) {
        let own_format = jobs[place.0].ends_holds;
        // A commit of an account with holds has either records that end them or others. Since a job whose time is up drops out, holds
        // of the last records may not have been looked for: these wait for the next commit.
        let was_looked_for =
            !own_format || HoldKey::of_record(record).all(|key| beside.looked_for.contains(&key));
        if has_holds && (*ends_holds.get_or_insert(own_format) != own_format || !was_looked_for) {
            break;
        }
        places.push(place);
        records.push(record);
        causes.push(cause.clone());
    }
    let mut keys: HashSet<_> = records.iter().map(|record| record.key()).collect();
    let in_time = jobs.iter().filter(|job| !job.is_late());
    let mut rejected = Vec::new();
    for Caused { value: record, cause } in in_time.flat_map(|job| &job.rejected) {
        let key = record.key();
        if seen.row(&key).is_none() && keys.insert(key) {
            rejected.push(record);
            causes.push(cause.clone());
        }
    }
    let none = Holds::new();
    let holds = if ends_holds == Some(true) { &beside.holds } else { &none };
    let Decision { change, answer: decided } = debit::decide(account, now, &records, &rejected, terms, holds);
    let cause = decided.first_event.and_then(|place| causes[place].clone());
    Combined { decision: Decision { change, answer: Plan { places, decided, causes } }, cause }
}

/// Notes what a commit decided on, and the rows that it met or wrote. Records that did not fit stay open.
fn take_in(jobs: &mut [Job], applied: Applied<Plan>) {
    let Applied { account, answer: Plan { places, decided, .. }, seen, written } = applied;
    for ((number, place), (outcome, balance)) in
        places.into_iter().zip(decided.outcomes.into_iter().zip(decided.balances))
    {
        let committed = &mut jobs[number].committed;
        if !matches!(outcome, Outcome::Invalid(_)) {
            committed.balance = Some(balance);
        }
        committed.findings[place] = Some(Finding::Decided(outcome));
    }
    let written: HashMap<_, _> = written.iter().map(|row| (&row.key, row)).collect();
    let row = |key: &JournalKey| seen.row(key).or_else(|| written.get(key).copied());
    for Job { records, rejected, committed, .. } in jobs {
        for (Caused { value: record, .. }, finding) in records.iter().zip(&mut committed.findings) {
            if finding.is_none() {
                *finding = match row(&record.key()) {
                    Some(row) => Some(Finding::Taken(Box::new(row.clone()))),
                    None => record.requires().filter(|key| seen.lacks(key)).map(|_| Finding::NotDue),
                };
            }
        }
        rejected.retain(|rejected| {
            let key = rejected.value.key();
            let is_open = row(&key).is_none();
            if !is_open {
                committed.kept.insert(key);
            }
            is_open
        });
        committed.account_balance = Some(account.balance());
    }
}

fn fail(jobs: impl IntoIterator<Item = Job>, problem: &BatchError) {
    for mut job in jobs {
        job.committed.problem = Some(problem.clone());
        job.answer();
    }
}

impl Job {
    fn open_records(&self) -> impl Iterator<Item = (usize, &Caused<UsageRecord>)> {
        let records = self.records.iter().zip(&self.committed.findings).enumerate();
        records.filter(|(_, (_, finding))| finding.is_none()).map(|(place, (record, _))| (place, record))
    }

    fn open_rows(&self) -> usize {
        self.open_records().count() + self.rejected.len()
    }

    fn is_late(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() > until)
    }

    fn answer(self) {
        // A caller whose time is up no longer waits.
        let _ = self.caller.send(self.committed);
    }
}
