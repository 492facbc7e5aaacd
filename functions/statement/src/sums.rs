//! What was posted in a period, summed up by lines.
//!
//! Nothing is posted on a day before that of the account's last change, so the lines of such a day are worked out once and kept beside
//! the account. Those of the day of the last change are kept, too, and hold until the next change. The first statement of a period
//! reads the entries of all its days, the latest day first, and keeps the lines of each day as soon as all of its entries were read. If
//! the time of a request does not suffice, the next request goes on with the days that are left. Later statements read the kept lines.
//! Days whose lines cannot be kept yet come last, so that every request gets on.
//!
//! Lines are kept only if they lead from the balance at the end of the day before to that at the end of the day. They are kept from an
//! hour after the day's last change on, because late entries are found through an index, which follows the journal within moments.

use std::collections::BTreeMap;

use api::Problem;
use domain::account::DayEnd;
use domain::journal::LATE_AFTER;
use domain::statement::{Lines, TooManyLines};
use domain::time::{Days, day_of};
use domain::{Account, JournalEntry};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use store::list::{Posted, PostedPlace};
use store::{Store, StoreError};
use tokio::time::Instant;

/// The entries of one page; DynamoDB ends a page at 1 MB.
pub(crate) const ENTRIES_A_PAGE: usize = 1_000;

/// How long after its last change the lines of a day are not kept yet.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Why there are no lines of a period.
#[derive(Debug)]
pub(crate) enum NoSums {
    /// There are too many of them.
    TooMany(TooManyLines),
    /// Anything else.
    Problem(Problem),
}

impl From<TooManyLines> for NoSums {
    fn from(problem: TooManyLines) -> Self {
        Self::TooMany(problem)
    }
}

impl From<Problem> for NoSums {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<StoreError> for NoSums {
    fn from(problem: StoreError) -> Self {
        Self::Problem(problem.into())
    }
}

/// A period that is summed up.
pub(crate) struct Period<'a> {
    /// The account, as it was read before anything else.
    pub(crate) account: &'a Account,
    /// The days.
    pub(crate) days: Days,
    /// The account at the end of the day before.
    pub(crate) opening: DayEnd,
    /// The instant of the request.
    pub(crate) now: Timestamp,
    /// When the time of the request is up.
    pub(crate) until: Instant,
}

/// Sums up what was posted in a period, in commits up to the account's version.
pub(crate) async fn of_period(store: &Store, period: Period<'_>) -> Result<Lines, NoSums> {
    let Period { account, days, opening, now, until } = period;
    let mut total = Lines::none(account.currency);
    let kept = store.day_lines(account, days).await?;
    kept.values().try_for_each(|lines| total.merge(lines))?;
    let ends = ends_of(store, account, days, opening).await?;
    let mut run = Run { store, account, ends, now, until, total, left: 0 };
    let changed: Vec<_> = run.ends.keys().copied().filter(|day| days.contains(*day)).collect();
    let missing: Vec<_> = changed.into_iter().filter(|day| !kept.contains_key(day)).collect();
    run.left = missing.len();
    let (missing, unsettled): (Vec<_>, Vec<_>) = missing.into_iter().partition(|day| run.can_be_kept(*day));
    // Days without entries between two others do not divide them.
    let mut spans: Vec<Vec<Date>> = Vec::new();
    for day in missing {
        let last = spans.last().and_then(|span| span.last().copied());
        let follows = last.is_some_and(|last| kept.range(last..day).next().is_none());
        match spans.last_mut().filter(|_| follows) {
            Some(span) => span.push(day),
            None => spans.push(vec![day]),
        }
    }
    for span in spans.into_iter().rev() {
        run.sum_up(&span).await?;
    }
    if !unsettled.is_empty() {
        run.sum_up(&unsettled).await?;
    }
    Ok(run.total)
}

/// The account at the end of each day of the period on which it changed, and before the first of them. The account itself stands for the
/// day of its last change; what was stored since is of later commits.
async fn ends_of(
    store: &Store,
    account: &Account,
    days: Days,
    opening: DayEnd,
) -> Result<BTreeMap<Date, DayEnd>, NoSums> {
    let latest = DayEnd::of(account);
    let mut ends = BTreeMap::new();
    let mut after = None;
    loop {
        let (page, next) = store.day_ends(&account.id, days, after).await?;
        ends.extend(page.into_iter().filter(|end| end.day < latest.day).map(|end| (end.day, end)));
        after = next;
        if after.is_none() {
            break;
        }
    }
    if days.contains(latest.day) {
        ends.insert(latest.day, latest);
    }
    if opening.day < days.first() {
        ends.insert(opening.day, opening);
    }
    Ok(ends)
}

/// A period on its way to be summed up.
struct Run<'a> {
    store: &'a Store,
    account: &'a Account,
    ends: BTreeMap<Date, DayEnd>,
    now: Timestamp,
    until: Instant,
    total: Lines,
    /// The number of days that are not summed up yet.
    left: usize,
}

impl Run<'_> {
    /// Sums up days that follow one another, but for days without entries.
    async fn sum_up(&mut self, span: &[Date]) -> Result<(), NoSums> {
        let days = span.first().zip(span.last()).and_then(|(first, last)| Days::between(*first, *last));
        let days = days.expect("a span has days, in their order");
        let posted = Posted::between(days.start(), days.end()).expect("a day has some length");
        let none = || Lines::none(self.account.currency);
        let mut open: BTreeMap<Date, Lines> = span.iter().map(|day| (*day, none())).collect();
        let mut at = PostedPlace::default();
        loop {
            let (entries, next) = self.page(posted, at).await?;
            self.add(&mut open, &entries)?;
            let reached = next.as_ref().and_then(PostedPlace::near);
            while let Some((&day, _)) = open.last_key_value() {
                if reached.is_some_and(|reached| reached >= one(day).start() - LATE_AFTER) {
                    break;
                }
                self.add_late(&mut open, day).await?;
                let lines = open.remove(&day).expect("it is the last of them");
                self.end(day, &lines).await?;
            }
            match next.filter(|_| reached.is_some()) {
                Some(next) => at = next,
                None => return Ok(()),
            }
        }
    }

    /// Adds the entries of a day that were posted late.
    async fn add_late(&self, open: &mut BTreeMap<Date, Lines>, day: Date) -> Result<(), NoSums> {
        let posted = Posted::between(one(day).start(), one(day).end()).expect("a day has some length");
        let mut place = Some(PostedPlace::late());
        while let Some(at) = place {
            let (entries, next) = self.page(posted, at).await?;
            self.add(open, &entries)?;
            place = next;
        }
        Ok(())
    }

    /// A page of what was posted. Fails if the time is up.
    async fn page(
        &self,
        posted: Posted,
        at: PostedPlace,
    ) -> Result<(Vec<JournalEntry>, Option<PostedPlace>), NoSums> {
        if Instant::now() >= self.until {
            let left = self.left;
            return Err(Problem::Unfinished(format!(
                "{left} days are left to be summed up; send the same request again"
            ))
            .into());
        }
        Ok(self.store.posted(&self.account.id, posted, at, ENTRIES_A_PAGE).await?)
    }

    fn add(&self, open: &mut BTreeMap<Date, Lines>, entries: &[JournalEntry]) -> Result<(), TooManyLines> {
        for entry in entries.iter().filter(|entry| entry.version <= self.account.version) {
            if let Some(lines) = open.get_mut(&day_of(entry.posted_at)) {
                lines.add(entry)?;
            }
        }
        Ok(())
    }

    /// Whether the late entries of a day on which the account changed have had time to be found.
    fn can_be_kept(&self, day: Date) -> bool {
        self.ends[&day].as_of + SETTLED_AFTER <= self.now
    }

    /// Checks the lines of a day, adds them to those of the period, and keeps them if they are settled.
    async fn end(&mut self, day: Date, lines: &Lines) -> Result<(), NoSums> {
        let mut ends = self.ends.range(..=day).rev().map(|(_, end)| end);
        let closing = ends.next().expect("the account changed on the day");
        let before_creation = DayEnd::before_creation(self.account);
        let opening = ends.next().unwrap_or(&before_creation);
        lines.lead(opening, closing).map_err(|problem| {
            Problem::Unavailable(format!(
                "the entries of {} on {day} do not add up: {problem}",
                self.account.id
            ))
        })?;
        self.total.merge(lines)?;
        self.left -= 1;
        if self.can_be_kept(day) {
            self.store.write_day_lines(self.account, day, lines).await?;
        }
        Ok(())
    }
}

/// A day as a period.
fn one(day: Date) -> Days {
    Days::between(day, day).expect("a day is one day")
}
