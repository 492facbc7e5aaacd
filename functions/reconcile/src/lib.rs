//! Reconciliation: compares each account's own numbers, its journal and its payments with one another
//! ([`domain::audit`]). It reads, account by account, and writes nothing.
//!
//! A run goes through the accounts in the order of their ids, at a bounded rate, until all are done or time is up. If time
//! is up, its summary names the account after which the next run goes on.

mod pace;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::audit::{Audit, DaySum, Finding};
use domain::changed_days::Days;
use domain::hold::HeldSums;
use domain::time::{self, day_of};
use domain::usage_report::{DayTotals, Dimension, Figures, Folding, ranked};
use domain::{Account, AccountId};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use store::list::Cursor;
use store::{Store, StoreError};
use telemetry::Causes;
use telemetry::metric::{ACCOUNTS_RECONCILED, BOOKS_DIFFER, BOOKS_UNREAD};
use tokio::time::Instant;

use pace::Pace;

/// The limits of a run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Read units a second.
    pub units_a_second: u32,
    /// Entries and payments of one account. An account that has more is not reconciled.
    pub max_rows: usize,
}

impl Default for Limits {
    /// A third of the read units of one DynamoDB partition, so that two thirds are left for other reads of the account that
    /// is reconciled; and as many rows as are sorted in some 100 MB.
    fn default() -> Self {
        Self { units_a_second: 1_000, max_rows: 1_000_000 }
    }
}

/// The most differences that a summary shows. All of them are in the log.
pub const MAX_SHOWN: usize = 100;

/// Ids listed at a time.
const IDS_A_PAGE: usize = 100;

/// How often the holds of an account are read, if it changes in between.
const LOOKS_AT_HOLDS: usize = 5;

/// Days whose stored totals are read at a time.
const DAYS_A_PAGE: usize = 31;

/// Rows read at a time: about 125 units.
const ROWS_A_PAGE: usize = 1_000;

/// A transaction becomes visible item by item, within milliseconds. A second look waits this long after it reads the
/// account, and again before it reads the account's version if rows are ahead of it. By then all items are visible.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// The ports of the handler.
#[derive(Clone)]
pub struct Ports {
    /// Accounts, journals and payments.
    pub store: Arc<Store>,
    /// The limits.
    pub limits: Limits,
    /// The clock that says which holds have lapsed. Nothing is decided by it.
    pub clock: Clock,
}

/// A clock.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The accounts to reconcile: all of them if every field is left out, as in a schedule's input.
///
/// ```
/// let input = r#"{"time": "2026-11-22T03:00:00Z", "id": "d32c5kddcf5bb8c3"}"#;
/// let request: reconcile::Request = serde_json::from_str(input).unwrap();
/// assert!(request.account_id.is_none());
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// This account only.
    pub account_id: Option<AccountId>,
    /// Accounts after this one.
    pub after: Option<AccountId>,
    /// Accounts up to this one.
    pub to: Option<AccountId>,
}

/// The result of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Accounts reconciled.
    pub accounts: usize,
    /// Entries and payments of these accounts.
    pub rows: usize,
    /// Accounts whose books differ.
    pub differing: usize,
    /// Differences found.
    pub differences: usize,
    /// Accounts that could not be read to the end. The log has the reasons.
    pub unread: usize,
    /// Set if the run ended before all accounts were done: `after` of the run that goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<AccountId>,
    /// The first differences.
    pub findings: Vec<Shown>,
}

/// A difference as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// The account.
    pub account_id: AccountId,
    /// The difference's name.
    pub finding: &'static str,
    /// The invariant or rule that does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static str>,
    /// A row's key, a payment's or lot's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// A description of the difference, with its numbers.
    pub detail: String,
}

/// A run that failed.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The accounts could not be listed.
    #[error("the accounts could not be listed")]
    Listing(#[source] StoreError),
    /// There is no such account.
    #[error("there is no account {0}")]
    NoAccount(AccountId),
}

/// Why an account could not be read to the end.
#[derive(Debug, thiserror::Error)]
enum Obstacle {
    #[error("time was up")]
    OutOfTime,
    #[error("the account has more than {0} rows and payments")]
    TooManyRows(usize),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result of one look at an account.
struct Look {
    rows: usize,
    findings: Vec<Finding>,
}

/// What the rows of each day came to: calls by the day of their start, and all rows by the day of their posting.
struct ByDay {
    usage: BTreeMap<Date, Figures>,
    posted: BTreeMap<Date, DaySum>,
}

/// A run in progress.
struct Run<'a> {
    store: &'a Store,
    max_rows: usize,
    pace: Pace,
    until: Instant,
    clock: Clock,
    summary: Summary,
}

/// Reconciles the requested accounts until all are done or time is up.
pub async fn handle(request: Request, ports: &Ports, until: Instant) -> Result<Summary, ReconcileError> {
    let store = &*ports.store;
    let mut run = Run {
        store,
        max_rows: ports.limits.max_rows,
        pace: Pace::start(store.meter().clone(), ports.limits.units_a_second),
        until,
        clock: ports.clock.clone(),
        summary: Summary::default(),
    };
    let ended = match &request.account_id {
        Some(id) => run.only(id).await,
        None => run.all(&request).await,
    };
    // The findings count even if the run could not go on.
    if ended.is_ok() || run.summary.has_begun() {
        run.summary.report();
    }
    ended.map(|()| run.summary)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).expect("a count fits in 64 bits")
}

impl Run<'_> {
    async fn only(&mut self, id: &AccountId) -> Result<(), ReconcileError> {
        if let Ok(None) = self.store.account_as_written(id).await {
            return Err(ReconcileError::NoAccount(id.clone()));
        }
        let reconciled = self.reconcile(id).await;
        self.add(id, reconciled);
        Ok(())
    }

    async fn all(&mut self, request: &Request) -> Result<(), ReconcileError> {
        let mut after = request.after.clone();
        loop {
            let ids = match self.store.account_ids(after.as_ref(), IDS_A_PAGE).await {
                Ok(ids) => ids,
                Err(problem) => {
                    self.summary.next = after;
                    return Err(ReconcileError::Listing(problem));
                }
            };
            let is_last_page = ids.len() < IDS_A_PAGE;
            for id in ids {
                if request.to.as_ref().is_some_and(|to| id > *to) {
                    return Ok(());
                }
                let reconciled = self.reconcile(&id).await;
                // If time is up in the first account of a run, the account is skipped, or no run would ever get past it.
                if matches!(reconciled, Err(Obstacle::OutOfTime)) && self.summary.has_begun() {
                    self.summary.next = after;
                    return Ok(());
                }
                self.add(&id, reconciled);
                after = Some(id);
            }
            if is_last_page {
                return Ok(());
            }
        }
    }

    /// The findings that two looks have in common. One look is enough if it finds nothing.
    async fn reconcile(&mut self, id: &AccountId) -> Result<Look, Obstacle> {
        let first = self.look(id, None).await?;
        if first.findings.is_empty() { Ok(first) } else { self.look(id, Some(&first.findings)).await }
    }

    /// Reads the account, then its payments, its rows and its stored totals: see [`domain::audit`] for why in this order.
    async fn look(&mut self, id: &AccountId, first: Option<&[Finding]>) -> Result<Look, Obstacle> {
        self.may_go_on().await?;
        let account = match self.store.account_as_written(id).await {
            Ok(Some(account)) => account,
            Ok(None) => return Ok(Look::at_no_account("it is not there")),
            Err(problem @ (StoreError::Corrupt { .. } | StoreError::NewerSchema { .. })) => {
                return Ok(Look::at_no_account(&problem.to_string()));
            }
            Err(problem) => return Err(problem.into()),
        };
        let mut audit = match first {
            None => Audit::of(&account),
            Some(first) => {
                tokio::time::sleep(SETTLED_AFTER).await;
                Audit::again(&account, first)
            }
        };
        self.enter_payments(id, &mut audit).await?;
        let days = self.enter_rows(&account, &mut audit).await?;
        self.enter_totals(&account, &days.usage, &mut audit).await?;
        self.enter_lines(&account, &days.posted, &mut audit).await?;
        self.enter_holds(account.clone(), &mut audit).await?;
        let latest = if audit.is_behind() {
            if first.is_some() {
                tokio::time::sleep(SETTLED_AFTER).await;
            }
            self.version(id).await?
        } else {
            account.version
        };
        Ok(Look { rows: audit.size(), findings: audit.finish(latest) })
    }

    async fn enter_payments(&mut self, id: &AccountId, audit: &mut Audit<'_>) -> Result<(), Obstacle> {
        let mut cursor: Option<Cursor> = None;
        loop {
            self.may_go_on().await?;
            let page = self.store.payments(id, cursor.as_ref(), ROWS_A_PAGE).await?;
            for found in page.items {
                match found {
                    Ok(payment) => audit.payment(&payment),
                    Err(unreadable) => audit.unreadable(unreadable.key, unreadable.problem.to_string()),
                }
            }
            self.bound(audit)?;
            cursor = page.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    /// Returns what each day came to, by the rows up to the account's version.
    async fn enter_rows(&mut self, account: &Account, audit: &mut Audit<'_>) -> Result<ByDay, Obstacle> {
        let mut cursor: Option<Cursor> = None;
        let (mut folding, mut days) = (Folding::new(account.currency), BTreeMap::new());
        let mut posted: BTreeMap<Date, DaySum> = BTreeMap::new();
        let mut keep = |totals: Option<DayTotals>| {
            let totals = totals.map(|totals| (totals.day, totals.into_groups(Dimension::Day)));
            days.extend(totals.map(|(day, groups)| (day, ranked(groups, account.currency, 0).total)));
        };
        loop {
            self.may_go_on().await?;
            let page = self.store.rows(&account.id, cursor.as_ref(), ROWS_A_PAGE).await?;
            for found in page.items {
                match found {
                    Ok(row) => {
                        audit.row(&row);
                        if row.version <= account.version && row.amount.currency() == account.currency {
                            keep(folding.add(&row));
                            posted.entry(day_of(row.posted_at)).or_default().add(&row);
                        }
                    }
                    Err(unreadable) => audit.unreadable(unreadable.key, unreadable.problem.to_string()),
                }
            }
            self.bound(audit)?;
            cursor = page.next;
            if cursor.is_none() {
                keep(folding.end());
                return Ok(ByDay { usage: days, posted });
            }
        }
    }

    /// Compares the stored totals of days that have not changed since with those of their rows.
    async fn enter_totals(
        &mut self,
        account: &Account,
        days: &BTreeMap<Date, Figures>,
        audit: &mut Audit<'_>,
    ) -> Result<(), Obstacle> {
        let has_changed = |day: Date| account.changed_days.spans().iter().any(|span| span.days.contain(day));
        let days: Vec<_> = days.iter().filter(|(day, _)| !has_changed(**day)).collect();
        for page in days.chunks(DAYS_A_PAGE) {
            let [first, last] = [page.first(), page.last()].map(|day| *day.expect("a page has days").0);
            for dimension in Dimension::ALL {
                self.may_go_on().await?;
                let mut stored = match self.store.usage_totals(account, dimension, Days { first, last }).await
                {
                    Err(problem @ (StoreError::Corrupt { .. } | StoreError::NewerSchema { .. })) => {
                        audit.unreadable(format!("{}#{first}", dimension.as_str()), problem.to_string());
                        continue;
                    }
                    stored => stored?,
                };
                for (day, journal) in page {
                    let stored = stored.remove(day).flatten();
                    let stored = stored.map(|groups| ranked(groups, account.currency, 0).total);
                    audit.usage_totals(**day, dimension, journal, stored.as_ref());
                }
            }
        }
        Ok(())
    }

    /// Compares the kept lines of days with their rows.
    async fn enter_lines(
        &mut self,
        account: &Account,
        posted: &BTreeMap<Date, DaySum>,
        audit: &mut Audit<'_>,
    ) -> Result<(), Obstacle> {
        let days: Vec<_> = posted.iter().collect();
        for page in days.chunks(DAYS_A_PAGE) {
            let [first, last] = [page.first(), page.last()].map(|day| *day.expect("a page has days").0);
            self.may_go_on().await?;
            let days = time::Days::between(first, last).expect("days are in order");
            let mut kept = match self.store.day_lines(account, days).await {
                Err(problem @ (StoreError::Corrupt { .. } | StoreError::NewerSchema { .. })) => {
                    audit.unreadable(format!("lines#{first}"), problem.to_string());
                    continue;
                }
                kept => kept?,
            };
            for (day, journal) in page {
                if let Some(kept) = kept.remove(day) {
                    audit.day_lines(**day, **journal, DaySum::of(&kept));
                }
            }
        }
        Ok(())
    }

    /// Compares the account's sums of holds with its holds. Both change together, so they are read until no change comes between. An
    /// account that changes all the time is left to the next run.
    async fn enter_holds(&mut self, mut account: Account, audit: &mut Audit<'_>) -> Result<(), Obstacle> {
        for _ in 0..LOOKS_AT_HOLDS {
            self.may_go_on().await?;
            let holds = match self.store.holds_beginning(&account.id, "").await {
                Err(problem @ (StoreError::Corrupt { .. } | StoreError::NewerSchema { .. })) => {
                    audit.unreadable("hold#".to_owned(), problem.to_string());
                    return Ok(());
                }
                holds => holds?,
            };
            if holds.is_empty() && account.held == HeldSums::default() {
                return Ok(());
            }
            let Some(now) = self.store.account_as_written(&account.id).await? else { return Ok(()) };
            if now.version == account.version {
                audit.holds(&account, &holds, (self.clock)());
                return Ok(());
            }
            account = now;
        }
        Ok(())
    }

    fn bound(&self, audit: &Audit<'_>) -> Result<(), Obstacle> {
        if audit.size() > self.max_rows { Err(Obstacle::TooManyRows(self.max_rows)) } else { Ok(()) }
    }

    /// The account's version by now; 0 if there is no account.
    async fn version(&self, id: &AccountId) -> Result<u64, Obstacle> {
        let account = self.store.account_as_written(id).await?;
        Ok(account.map_or(0, |account| account.version))
    }

    /// Waits until the pace allows the next read. Fails if time is up.
    async fn may_go_on(&mut self) -> Result<(), Obstacle> {
        if Instant::now() >= self.until {
            return Err(Obstacle::OutOfTime);
        }
        self.pace.keep().await;
        Ok(())
    }

    fn add(&mut self, id: &AccountId, reconciled: Result<Look, Obstacle>) {
        let summary = &mut self.summary;
        let look = match reconciled {
            Ok(look) => look,
            Err(obstacle) => {
                tracing::error!(account = %id, problem = %Causes(&obstacle), "an account could not be reconciled");
                summary.unread += 1;
                return;
            }
        };
        summary.accounts += 1;
        summary.rows += look.rows;
        summary.differing += usize::from(!look.findings.is_empty());
        summary.differences += look.findings.len();
        for finding in look.findings {
            let shown = Shown::new(id, &finding);
            let Shown { finding, rule, key, detail, .. } = &shown;
            tracing::error!(account = %id, finding, rule, key, detail, "the books differ");
            if summary.findings.len() < MAX_SHOWN {
                summary.findings.push(shown);
            }
        }
    }
}

impl Look {
    /// The result of a look at an account that cannot be read.
    fn at_no_account(problem: &str) -> Self {
        let problem = problem.to_owned();
        Self { rows: 0, findings: vec![Finding::Unreadable { item: "core".to_owned(), problem }] }
    }
}

impl Summary {
    fn report(&self) {
        let Self { accounts, rows, differing, differences, unread, .. } = *self;
        tracing::info!(accounts, rows, differing, differences, unread, "reconciled");
        ACCOUNTS_RECONCILED.add(count(accounts));
        BOOKS_DIFFER.report(count(differences));
        BOOKS_UNREAD.report(count(unread + usize::from(self.next.is_some())));
        if let Some(next) = &self.next {
            tracing::error!(%next, "the run ended before every account was reconciled; go on after this one");
        }
    }

    fn has_begun(&self) -> bool {
        self.accounts + self.unread > 0
    }
}

impl Shown {
    fn new(id: &AccountId, finding: &Finding) -> Self {
        Self {
            account_id: id.clone(),
            finding: finding.name(),
            rule: finding.rule(),
            key: finding.key(),
            detail: finding.to_string(),
        }
    }
}
