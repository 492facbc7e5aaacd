//! Load, decide, commit, until it is done: the loop that every change to an account goes through.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;

use domain::change::Change;
use domain::hold::{Hold, HoldKey, Holds};
use domain::journal::JournalEntry;
use domain::journal_key::JournalKey;
use domain::limits::UserSpending;
use domain::time::Month;
use domain::{Account, AccountId, CardPayment, Decision, PaymentId, Pools, Profile};
use jiff::Timestamp;
use telemetry::Correlation;
use telemetry::metric::{COMMIT_RETRIES, COMMITS_GIVEN_UP};

use crate::Store;
use crate::backoff::pause;
use crate::commit::Refused;
use crate::error::StoreError;
use crate::mutex::Turn;

/// A contended commit is tried so often before it is given up: with the pauses, for about fifteen seconds, well below the
/// time of an API request.
const MAX_TRIES: u32 = 24;

/// Entries that earlier tries of a decision found in the journal, and holds that were in the way. The next try leaves them out.
#[derive(Debug, Default)]
pub struct Seen {
    existing: HashMap<JournalKey, JournalEntry>,
    missing: HashSet<JournalKey>,
    holds: Holds,
    /// Holds that were in the way before the account was read again. They are read again, too.
    outdated: HashSet<HoldKey>,
}

impl Seen {
    /// The row that stands under this key.
    pub fn row(&self, key: &JournalKey) -> Option<&JournalEntry> {
        self.existing.get(key)
    }

    /// Whether any row stood in the way.
    pub fn has_rows(&self) -> bool {
        !self.existing.is_empty()
    }

    /// Whether a row that must exist under this key does not.
    pub fn lacks(&self, key: &JournalKey) -> bool {
        self.missing.contains(key)
    }

    /// The live hold that was in the way of a new one.
    pub fn hold(&self, key: &HoldKey) -> Option<&Hold> {
        self.holds.get(key)
    }

    /// Whether any of this is new.
    fn add(&mut self, existing: Vec<JournalEntry>, missing: Vec<JournalKey>, holds: Vec<Hold>) -> bool {
        let before = self.len();
        self.missing.extend(missing);
        self.existing.extend(existing.into_iter().map(|row| (row.key.clone(), row)));
        self.holds.extend(holds.into_iter().map(|hold| (hold.key(), hold)));
        self.len() > before
    }

    /// Takes note that the account is read again, and that holds may have changed with it.
    fn reload(&mut self) {
        self.outdated.extend(self.holds.drain().map(|(key, _)| key));
    }

    fn len(&self) -> usize {
        self.existing.len() + self.missing.len() + self.holds.len()
    }
}

/// A decision that was committed, or that needed no commit.
#[derive(Debug)]
pub struct Applied<T> {
    /// The account after it.
    pub account: Account,
    /// The decision's answer.
    pub answer: T,
    /// Entries that were there already and were left out.
    pub seen: Seen,
    /// Entries that it wrote.
    pub written: Vec<JournalEntry>,
}

/// A decision on behalf of several requests.
#[derive(Debug)]
pub struct Combined<T> {
    /// The decision.
    pub decision: Decision<T>,
    /// The correlation id of the request that gave the commit its first event.
    pub cause: Option<Correlation>,
}

/// Why nothing was committed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError<R> {
    /// There is no such account.
    #[error("there is no such account")]
    NoAccount,
    /// The decision itself refused.
    #[error("it was refused: {0}")]
    Refused(R),
    /// The payment it writes exists already, or is no longer as it was read: read it again.
    #[error("its payment has moved")]
    PaymentMoved,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a decision needs beside the account's core.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs<'a> {
    Nothing,
    /// That the account is no older than what the caller has read before.
    Freshness,
    Pools,
    Profile,
    /// This card payment, read at the same instant as the account.
    Payment(&'a PaymentId),
}

/// What a decision wants to know beside the account, once that is read.
#[derive(Debug, Default)]
pub struct Wanted {
    /// The holds with these keys, at most a hundred.
    pub holds: Vec<HoldKey>,
    /// What this user has spent in the month, and since when the limit counts.
    pub spending: Option<(String, Month, Timestamp)>,
}

/// Whether the account that a decision is given was read for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// It is as this process remembers it. What is refused on it is decided again.
    Before,
    /// It was read for this decision.
    Now,
}

/// What was read of that.
#[derive(Debug, Default)]
pub struct Beside {
    /// The keys of the holds that were looked for.
    pub looked_for: HashSet<HoldKey>,
    /// The holds that there are.
    pub holds: Holds,
    /// What the user has spent, if it was wanted.
    pub spending: Option<UserSpending>,
}

impl Beside {
    fn is_empty(&self) -> bool {
        self.looked_for.is_empty() && self.spending.is_none()
    }
}

/// The state that a try decides on.
struct Loaded {
    account: Account,
    /// The pools in the version that the account has; none if the decision does not need them.
    pools: Arc<Pools>,
    profile: Option<Profile>,
    payment: Option<CardPayment>,
    /// From a consistent read, not from memory.
    fresh: bool,
}

/// A commit that may have been made, since its reply was lost.
///
/// A commit with rows answers for itself: the next try meets its rows, or reads its payment and its holds again. One that writes nothing
/// but the account and its profile is recognised by what it left there.
struct Uncertain<T> {
    change: Change,
    answer: T,
}

impl<T> Uncertain<T> {
    fn of(change: Change, answer: T) -> Option<Self> {
        let writes_rows = !change.entries.is_empty() || change.payment.is_some() || !change.holds.is_empty();
        (!writes_rows).then_some(Self { change, answer })
    }

    fn answer_if_made(self, loaded: &Loaded) -> Option<T> {
        let same_profile = self.change.profile.is_none() || self.change.profile == loaded.profile;
        (self.change.account == loaded.account && same_profile).then_some(self.answer)
    }
}

fn nothing_wanted(_: &Account, _: &Seen, _: Read) -> Wanted {
    Wanted::default()
}

/// A decision that the current request alone asks for.
fn of_this_request<T>(decision: Decision<T>) -> Combined<T> {
    Combined { decision, cause: Correlation::current() }
}

impl Store {
    /// Writes a new account; `false` if its id is taken. After a lost reply it may be this very account that took it.
    ///
    /// # Errors
    ///
    /// The store failed, or the account is contended. The account may have been created all the same if a reply was lost.
    pub async fn create(&self, change: &Change) -> Result<bool, StoreError> {
        assert_eq!(change.account.version, 1, "only a new account is created");
        for tries in 1..=MAX_TRIES {
            match self.commit(change, Correlation::current().as_ref()).await {
                Ok(()) => return Ok(true),
                Err(Refused::Raced) => {}
                Err(Refused::Failed(problem)) => return Err(problem),
                Err(Refused::InTheWay { .. } | Refused::PaymentMoved) => {
                    unreachable!("a new account has neither rows nor payments")
                }
            }
            if self.account(&change.account.id).await?.is_some() {
                return Ok(false);
            }
            COMMIT_RETRIES.add(1);
            tokio::time::sleep(pause(tries)).await;
        }
        COMMITS_GIVEN_UP.add(1);
        Err(StoreError::Contended { tries: MAX_TRIES })
    }

    /// Decides on an account and commits, again and again until no other commit comes between.
    ///
    /// `decide` is called once for each try, with the account as it stands then, and with the rows that earlier tries met.
    ///
    /// # Errors
    ///
    /// [`ApplyError::NoAccount`]; what `decide` refused with; [`ApplyError::PaymentMoved`] if the payment that it writes is no longer
    /// as it was read; or the store failed. A commit whose reply was lost is recognised by the next try.
    ///
    /// ```no_run
    /// # use domain::adjustment::{self, AdjustmentRefusal, AdjustmentRequest};
    /// # use domain::{AccountId, JournalEntry};
    /// # use jiff::Timestamp;
    /// # use store::{ApplyError, Store};
    /// # async fn adjust(
    /// #     store: &Store, id: &AccountId, now: Timestamp, request: AdjustmentRequest,
    /// # ) -> Result<JournalEntry, ApplyError<AdjustmentRefusal>> {
    /// let applied = store.apply(id, |account, _| adjustment::decide(account, now, &request)).await?;
    /// println!("the balance is {}", applied.account.balance());
    /// # Ok(applied.answer)
    /// # }
    /// ```
    pub async fn apply<T, R>(
        &self,
        id: &AccountId,
        decide: impl FnMut(&Account, &Seen) -> Result<Decision<T>, R> + Send,
    ) -> Result<Applied<T>, ApplyError<R>> {
        self.run_on_account(id, Needs::Nothing, decide).await
    }

    /// The same for a decision that goes by entries which the caller has read before. They may be newer than the account as this
    /// process remembers it, and say of a lot what is not true of it there yet. So it is decided on a consistent read, and never on
    /// memory.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn apply_afresh<T, R>(
        &self,
        id: &AccountId,
        decide: impl FnMut(&Account, &Seen) -> Result<Decision<T>, R> + Send,
    ) -> Result<Applied<T>, ApplyError<R>> {
        self.run_on_account(id, Needs::Freshness, decide).await
    }

    /// The same for a decision on the account and one of its card payments, which are read at one instant for each try: a payment that
    /// is older than the account would have funds return once more that have returned already.
    ///
    /// # Errors
    ///
    /// The same, but never [`ApplyError::PaymentMoved`]: a payment that has moved is read again. [`ApplyError::NoAccount`] stands for
    /// a payment that is not there, too.
    pub async fn apply_with_payment<T, R>(
        &self,
        id: &AccountId,
        payment: &PaymentId,
        mut decide: impl FnMut(&Account, &CardPayment) -> Result<Decision<T>, R> + Send,
    ) -> Result<Applied<T>, ApplyError<R>> {
        let turn = self.turn(id).await;
        self.run(id, &turn, Needs::Payment(payment), nothing_wanted, |loaded, _, _| {
            let payment = loaded.payment.as_ref().expect("it was loaded with its payment");
            decide(&loaded.account, payment).map(of_this_request)
        })
        .await
    }

    /// The same as [`apply`](Self::apply) for a decision that needs the account's pools too.
    ///
    /// # Errors
    ///
    /// The same. A decision of this kind never refuses.
    pub async fn apply_with_pools<T>(
        &self,
        id: &AccountId,
        mut decide: impl FnMut(&Account, &Pools, &Seen) -> Decision<T> + Send,
    ) -> Result<Applied<T>, ApplyError<Infallible>> {
        let turn = self.turn(id).await;
        let decide = |loaded: &Loaded, seen: &Seen, _: &Beside| {
            Ok(of_this_request(decide(&loaded.account, &loaded.pools, seen)))
        };
        self.run(id, &turn, Needs::Pools, nothing_wanted, decide).await
    }

    /// The same for a decision that needs holds or the spending of a user, which are read for each try once it has the account.
    ///
    /// # Errors
    ///
    /// The same. A decision of this kind never refuses.
    pub async fn apply_with_holds<T>(
        &self,
        id: &AccountId,
        wanted: impl Fn(&Account, &Seen, Read) -> Wanted + Send + Sync,
        mut decide: impl FnMut(&Account, &Pools, &Seen, &Beside) -> Decision<T> + Send,
    ) -> Result<Applied<T>, ApplyError<Infallible>> {
        let turn = self.turn(id).await;
        let decide = |loaded: &Loaded, seen: &Seen, beside: &Beside| {
            Ok(of_this_request(decide(&loaded.account, &loaded.pools, seen, beside)))
        };
        self.run(id, &turn, Needs::Pools, wanted, decide).await
    }

    /// The same on behalf of several requests, at a turn that they share ([`Store::turn`]).
    ///
    /// # Errors
    ///
    /// The same. A decision of this kind never refuses.
    pub async fn apply_combined<T>(
        &self,
        id: &AccountId,
        turn: &Turn,
        wanted: impl Fn(&Account, &Seen, Read) -> Wanted + Send + Sync,
        mut decide: impl FnMut(&Account, &Pools, &Seen, &Beside) -> Combined<T> + Send,
    ) -> Result<Applied<T>, ApplyError<Infallible>> {
        let decide = |loaded: &Loaded, seen: &Seen, beside: &Beside| {
            Ok(decide(&loaded.account, &loaded.pools, seen, beside))
        };
        self.run(id, turn, Needs::Pools, wanted, decide).await
    }

    /// Waits until it is this caller's turn to change the account. Within one process, changes to an account are made one
    /// after the other, in the order in which their callers began to wait.
    pub async fn turn(&self, id: &AccountId) -> Turn {
        let turn = self.mutexes.lock(id).await;
        if !turn.has_come() {
            tracing::warn!(account = %id, "did not wait for the end of the change before");
        }
        turn
    }

    /// The same for a decision that needs the profile too.
    pub async fn apply_with_profile<T, R>(
        &self,
        id: &AccountId,
        mut decide: impl FnMut(&Account, &Profile) -> Result<Decision<T>, R> + Send,
    ) -> Result<Applied<T>, ApplyError<R>> {
        let turn = self.turn(id).await;
        self.run(id, &turn, Needs::Profile, nothing_wanted, |loaded, _, _| {
            let profile = loaded.profile.as_ref().expect("it was loaded with its profile");
            decide(&loaded.account, profile).map(of_this_request)
        })
        .await
    }

    /// Runs a decision on the account alone.
    async fn run_on_account<T, R>(
        &self,
        id: &AccountId,
        needs: Needs<'_>,
        mut decide: impl FnMut(&Account, &Seen) -> Result<Decision<T>, R> + Send,
    ) -> Result<Applied<T>, ApplyError<R>> {
        let turn = self.turn(id).await;
        let decide =
            |loaded: &Loaded, seen: &Seen, _: &Beside| decide(&loaded.account, seen).map(of_this_request);
        self.run(id, &turn, needs, nothing_wanted, decide).await
    }

    /// Boxed, so that the futures of all callers stay small.
    async fn run<T, R>(
        &self,
        id: &AccountId,
        _turn: &Turn,
        needs: Needs<'_>,
        wanted: impl Fn(&Account, &Seen, Read) -> Wanted + Send + Sync,
        decide: impl FnMut(&Loaded, &Seen, &Beside) -> Result<Combined<T>, R> + Send,
    ) -> Result<Applied<T>, ApplyError<R>> {
        Box::pin(self.decide_and_commit(id, needs, wanted, decide)).await
    }

    async fn decide_and_commit<T, R>(
        &self,
        id: &AccountId,
        needs: Needs<'_>,
        wanted: impl Fn(&Account, &Seen, Read) -> Wanted + Send + Sync,
        mut decide: impl FnMut(&Loaded, &Seen, &Beside) -> Result<Combined<T>, R> + Send,
    ) -> Result<Applied<T>, ApplyError<R>> {
        let mut seen = Seen::default();
        let mut tries = 0;
        let mut uncertain: Option<Uncertain<T>> = None;
        let mut loaded = match self.recall_for(id, needs) {
            Some(remembered) => remembered,
            None => self.load(id, needs).await?,
        };
        loop {
            if let Some(answer) = uncertain.take().and_then(|commit| commit.answer_if_made(&loaded)) {
                return Ok(Applied { account: loaded.account, answer, seen, written: Vec::new() });
            }
            // Holds and spending change with the account's version alone, and are read after the account. If the account changes between
            // the two reads, the commit is refused. A hold that was written since must not be decided on beside the older account.
            let read = if loaded.fresh { Read::Now } else { Read::Before };
            let mut wanted = wanted(&loaded.account, &seen, read);
            wanted.holds.extend(seen.outdated.iter().cloned());
            let beside = self.read_beside(&loaded.account, wanted).await?;
            if beside.holds.values().any(|hold| hold.version > loaded.account.version) {
                loaded = self.load(id, needs).await?;
                seen.reload();
                continue;
            }
            let Combined { decision, cause } = match decide(&loaded, &seen, &beside) {
                // What is refused, or writes nothing, is decided on a consistent read, never on memory.
                Ok(Combined { decision: Decision { change: None, .. }, .. }) | Err(_) if !loaded.fresh => {
                    loaded = self.load(id, needs).await?;
                    seen.reload();
                    continue;
                }
                decided => decided.map_err(ApplyError::Refused)?,
            };
            let Some(change) = decision.change else {
                // No commit shows whether the account was still the same when the holds and the spending were read.
                if !beside.is_empty() {
                    let again = self.load(id, needs).await?;
                    if again.account.version != loaded.account.version {
                        loaded = again;
                        seen.reload();
                        continue;
                    }
                }
                let (account, answer) = (loaded.account, decision.answer);
                return Ok(Applied { account, answer, seen, written: Vec::new() });
            };
            let failure = match self.commit(&change, cause.as_ref()).await {
                Ok(()) => {
                    let (account, answer) = (change.account, decision.answer);
                    return Ok(Applied { account, answer, seen, written: change.entries });
                }
                Err(Refused::InTheWay { existing, missing, holds, raced }) => {
                    let learned = seen.add(existing, missing, holds);
                    // The version held, and fewer rows are left, so this ends.
                    if learned && !raced {
                        continue;
                    }
                    // A row that the decision itself adds, such as a month's end or a lot's, was written by the
                    // commit that came between: only a fresh read leaves it out.
                    StoreError::Contended { tries: tries + 1 }
                }
                Err(Refused::PaymentMoved) if matches!(needs, Needs::Payment(_)) => {
                    StoreError::Contended { tries: tries + 1 }
                }
                Err(Refused::PaymentMoved) => return Err(ApplyError::PaymentMoved),
                Err(Refused::Raced) => {
                    uncertain = Uncertain::of(change, decision.answer);
                    StoreError::Contended { tries: tries + 1 }
                }
                Err(Refused::Failed(problem @ StoreError::Unavailable { .. })) => {
                    uncertain = Uncertain::of(change, decision.answer);
                    problem
                }
                Err(Refused::Failed(problem)) => return Err(problem.into()),
            };
            tries += 1;
            if tries >= MAX_TRIES {
                tracing::warn!(account = %id, tries, "gave up on a commit");
                COMMITS_GIVEN_UP.add(1);
                return Err(failure.into());
            }
            COMMIT_RETRIES.add(1);
            tokio::time::sleep(pause(tries)).await;
            loaded = self.load(id, needs).await?;
            seen.reload();
        }
    }

    /// The account as this process last saw it, with what the decision needs, if all of that is remembered.
    fn recall_for(&self, id: &AccountId, needs: Needs<'_>) -> Option<Loaded> {
        if matches!(needs, Needs::Profile | Needs::Freshness | Needs::Payment(_)) {
            return None;
        }
        let account = self.recall(id)?;
        let pools = if needs == Needs::Pools { self.recall_pools(&account)? } else { Arc::default() };
        Some(Loaded { account, pools, profile: None, payment: None, fresh: false })
    }

    /// Whether it is known that the account has pools which are not remembered. They are read together with it.
    fn lacks_pools(&self, id: &AccountId) -> bool {
        self.recall(id).is_some_and(|account| self.recall_pools(&account).is_none())
    }

    async fn load<R>(&self, id: &AccountId, needs: Needs<'_>) -> Result<Loaded, ApplyError<R>> {
        if let Needs::Payment(payment) = needs {
            let read = self.account_with_payment(id, payment).await?;
            let (account, payment) = read.ok_or(ApplyError::NoAccount)?;
            self.remember(&account);
            let (pools, payment) = (Arc::default(), Some(payment));
            return Ok(Loaded { account, pools, profile: None, payment, fresh: true });
        }
        let is_without_profile = match needs {
            Needs::Nothing | Needs::Freshness => true,
            Needs::Pools => !self.lacks_pools(id),
            Needs::Profile | Needs::Payment(_) => false,
        };
        if is_without_profile {
            let account = self.account(id).await?.ok_or(ApplyError::NoAccount)?;
            self.remember(&account);
            let pools =
                if needs == Needs::Pools { self.recall_pools(&account) } else { Some(Arc::default()) };
            if let Some(pools) = pools {
                return Ok(Loaded { account, pools, profile: None, payment: None, fresh: true });
            }
        }
        let (account, profile) = self.account_with_profile(id).await?.ok_or(ApplyError::NoAccount)?;
        self.remember(&account);
        let pools = self.remember_pools(&account, &profile)?;
        Ok(Loaded { account, pools, profile: Some(profile), payment: None, fresh: true })
    }
}
