//! The reversals of one request, each made once (S11).
//!
//! A record's entries are read first: its charge, or the entry of a record that is still unrated, and its reversal if there is
//! one. Charges are then taken back in order, as many at once as a transaction holds. A reversal that another request made in
//! between is found by its key, and an unrated record that was charged for in between by its marker, which is gone then: its
//! entries are read again. So they are if the account has no room for what a call took, because a commit whose reply was lost
//! has returned it already. What a void invoice asked for is credited nowhere (S8).
//!
//! Like a batch of records, it ends before its deadline, and the same request sent again goes on where it stopped.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::convert::Infallible;

use domain::invoice::InvoiceState;
use domain::journal::{EntryDetails, JournalEntry};
use domain::journal_key::JournalKey;
use domain::reversal::{self, ReversalRefusal, Target};
use domain::time::Month;
use domain::usage::InvalidRecord;
use domain::{AccountId, Currency, Decision, Money, UsageRecord};
use jiff::Timestamp;
use store::{Applied, ApplyError, Seen, Store};
use tokio::time::Instant;

use crate::batch::{BatchError, FOR_THE_LAST_COMMIT, in_time};
use crate::verdict::OTHER_CONTENT;

/// The most entries that are read at once.
const ENTRIES_PER_LOOK: usize = 99;

/// A record that is to be reversed.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The keys under which the record may be in the journal. There are two for a UUID in capitals, which older versions kept.
    pub(crate) keys: Vec<JournalKey>,
    /// The record as a file has it. If it is not the record that was accepted, nothing is reversed.
    pub(crate) record: Option<UsageRecord>,
}

/// The reason of all reversals of a request, and their author.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Because<'a> {
    pub(crate) reason: &'a str,
    pub(crate) author: &'a str,
}

/// The verdict on one record.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// It is reversed now, by this entry.
    Reversed(Box<JournalEntry>),
    /// It was reversed before, by this entry.
    Duplicate(Box<JournalEntry>),
    /// It was never accepted.
    NotFound,
    /// It was accepted with other content.
    Conflict(&'static str),
    /// It cannot be read, or cannot be reversed.
    Invalid(InvalidRecord),
    /// The request was answered before the record was decided on.
    NotReached,
}

/// The result of a batch.
#[derive(Debug)]
pub(crate) struct Done {
    /// One for each record, in order.
    pub(crate) verdicts: Vec<Verdict>,
    /// The balance after the last commit, or the account's.
    pub(crate) balance: Money,
}

/// Records on their way to be reversed.
pub(crate) struct ReversalBatch<'a> {
    store: &'a Store,
    account: &'a AccountId,
    currency: Currency,
    now: Timestamp,
    until: Instant,
    because: Because<'a>,
    wanted: &'a [Result<Wanted, InvalidRecord>],
    verdicts: Vec<Option<Verdict>>,
    /// Charges that the account had no room for, and whose entries are read again.
    without_room: HashSet<JournalKey>,
    balance: Option<Money>,
}

impl<'a> ReversalBatch<'a> {
    /// A batch for an account of this currency, to be answered by `until`.
    pub(crate) fn new(
        store: &'a Store,
        (account, currency): (&'a AccountId, Currency),
        (now, until): (Timestamp, Instant),
        because: Because<'a>,
        wanted: &'a [Result<Wanted, InvalidRecord>],
    ) -> Self {
        let invalid = |wanted: &Result<Wanted, InvalidRecord>| wanted.clone().err().map(Verdict::Invalid);
        let verdicts = wanted.iter().map(invalid).collect();
        let without_room = HashSet::new();
        Self { store, account, currency, now, until, because, wanted, verdicts, without_room, balance: None }
    }

    /// Reverses the records, and returns the verdict on each. If time is up, or the database is too busy or down, after some
    /// were decided on, the others are [`Verdict::NotReached`].
    pub(crate) async fn apply(mut self) -> Result<Done, BatchError> {
        let until = Some(self.until);
        let begun_with = self.undecided().len();
        // Boxed, since the future of a commit is large.
        let work = Box::pin(self.reverse_all());
        if let Err(problem) = in_time(until, work).await {
            if !problem.is_transient() || self.undecided().len() == begun_with {
                return Err(problem);
            }
            tracing::warn!(account = %self.account, not_reached = self.undecided().len(), %problem, "answered before every record was reached");
        }
        let balance = match self.balance {
            Some(balance) => balance,
            None => {
                let account = in_time(until, async { Ok(self.store.account(self.account).await?) }).await?;
                account.ok_or(ApplyError::NoAccount)?.balance()
            }
        };
        let verdicts = self.verdicts.into_iter().map(|verdict| verdict.unwrap_or(Verdict::NotReached));
        Ok(Done { verdicts: verdicts.collect(), balance })
    }

    /// The indexes of records that are not decided on.
    fn undecided(&self) -> Vec<usize> {
        (0..self.verdicts.len()).filter(|&index| self.verdicts[index].is_none()).collect()
    }

    fn wanted(&self, index: usize) -> &'a Wanted {
        self.wanted[index].as_ref().expect("only readable records are undecided")
    }

    async fn reverse_all(&mut self) -> Result<(), BatchError> {
        loop {
            let next = self.next_to_look_for();
            if next.is_empty() {
                return Ok(());
            }
            self.check_time()?;
            let entries = self.look(&next).await?;
            let targets = self.judge(&next, &entries);
            self.reverse(targets).await?;
        }
    }

    /// The first undecided records whose entries can be read at once.
    fn next_to_look_for(&self) -> Vec<usize> {
        let mut room = ENTRIES_PER_LOOK;
        let fits = |&index: &usize| {
            let entries = 3 * self.wanted(index).keys.len();
            room.checked_sub(entries).is_some_and(|left| {
                room = left;
                true
            })
        };
        self.undecided().into_iter().take_while(fits).collect()
    }

    /// The entries of these records, by key.
    async fn look(&self, indexes: &[usize]) -> Result<HashMap<JournalKey, JournalEntry>, BatchError> {
        let keys = indexes.iter().flat_map(|&index| &self.wanted(index).keys);
        let keys = keys.flat_map(|key| [key.clone(), key.rated(), key.reversal()]);
        let keys: Vec<_> = keys.map(|key| (self.account.clone(), key)).collect();
        let entries = self.store.entries(&keys).await?;
        Ok(entries.into_iter().map(|(_, entry)| (entry.key.clone(), entry)).collect())
    }

    /// Decides on the records that need no commit. Returns the entries of the others, each with the indexes of its records.
    fn judge(
        &mut self,
        indexes: &[usize],
        entries: &HashMap<JournalKey, JournalEntry>,
    ) -> Vec<(JournalEntry, Vec<usize>)> {
        let mut targets: Vec<(JournalEntry, Vec<usize>)> = Vec::new();
        for &index in indexes {
            let Wanted { keys, record } = self.wanted(index);
            let Some(key) = keys.iter().find(|key| entries.contains_key(*key)) else {
                self.verdicts[index] = Some(Verdict::NotFound);
                continue;
            };
            let entry = entries.get(&key.rated()).unwrap_or(&entries[key]);
            let (EntryDetails::Usage { record: accepted, .. } | EntryDetails::Unrated { record: accepted }) =
                &entry.details
            else {
                unreachable!("the key of a usage record has the entry of one: {}", entry.key)
            };
            if record.as_ref().is_some_and(|record| !record.repeats(accepted, self.currency)) {
                self.verdicts[index] = Some(Verdict::Conflict(OTHER_CONTENT));
            } else if let Some(reversal) = entries.get(&key.reversal()) {
                self.verdicts[index] = Some(Verdict::Duplicate(Box::new(reversal.clone())));
            } else {
                match targets.iter_mut().find(|(target, _)| target.key == entry.key) {
                    Some((_, indexes)) => indexes.push(index),
                    None => targets.push((entry.clone(), vec![index])),
                }
            }
        }
        targets
    }

    /// Finds which of these charges void invoices asked for.
    async fn on_void_invoices(
        &self,
        targets: &[(JournalEntry, Vec<usize>)],
    ) -> Result<OnVoidInvoices, BatchError> {
        let months = targets.iter().map(|(entry, _)| entry).filter(|entry| entry.post_usage.is_positive());
        let months: BTreeSet<_> = months.map(|entry| Month::of(entry.posted_at)).collect();
        if months.is_empty() {
            return Ok(OnVoidInvoices::default());
        }
        let account = self.store.account(self.account).await?.ok_or(ApplyError::NoAccount)?;
        let mut found =
            OnVoidInvoices { void_invoices: Some(account.void_invoices), months: BTreeSet::new() };
        if account.void_invoices > 0 {
            for month in months {
                let invoice = self.store.invoice_that_asks_for(self.account, month).await?;
                if invoice.is_some_and(|invoice| matches!(invoice.state, InvoiceState::Void(_))) {
                    found.months.insert(month);
                }
            }
        }
        Ok(found)
    }

    /// Takes these charges back. Records whose entries have changed in between stay undecided.
    async fn reverse(&mut self, mut targets: Vec<(JournalEntry, Vec<usize>)>) -> Result<(), BatchError> {
        for (entry, _) in &mut targets {
            self.look_up_lots(entry).await?;
        }
        while !targets.is_empty() {
            self.check_time()?;
            let on_void = self.on_void_invoices(&targets).await?;
            let because = self.because;
            let decide = |account: &domain::Account, seen: &Seen| {
                if on_void.void_invoices.is_some_and(|count| count != account.void_invoices) {
                    // An invoice was cancelled since they were read. All of it is decided again.
                    return Ok(Decision::unchanged(HashMap::new()));
                }
                let open: Vec<_> =
                    targets.iter().map(|(entry, _)| entry).filter(|entry| is_open(entry, seen)).collect();
                let wanted = open.iter().map(|entry| {
                    let Because { reason, author } = because;
                    let on_void_invoice = on_void.months.contains(&Month::of(entry.posted_at));
                    Target { entry, on_void_invoice, reason, author }
                });
                let Decision { change, answer } =
                    reversal::decide(account, self.now, &wanted.collect::<Vec<_>>());
                let keys = open.into_iter().map(|entry| entry.key.clone());
                Ok::<_, Infallible>(Decision { change, answer: keys.zip(answer).collect::<HashMap<_, _>>() })
            };
            let applied = self.store.apply_afresh(self.account, decide).await?;
            self.take_in(&mut targets, &applied);
        }
        Ok(())
    }

    /// Notes the outcome of a commit, and keeps the targets that it did not reach.
    fn take_in(
        &mut self,
        targets: &mut Vec<(JournalEntry, Vec<usize>)>,
        applied: &Applied<HashMap<JournalKey, Result<(), ReversalRefusal>>>,
    ) {
        let Applied { account, answer: results, seen, written } = applied;
        self.balance = Some(account.balance());
        let written: HashMap<_, _> = written.iter().map(|entry| (&entry.key, entry)).collect();
        targets.retain(|(entry, indexes)| {
            let key = reversal_of(entry);
            let verdict = match (results.get(&entry.key), seen.row(&key)) {
                (_, Some(reversal)) => Verdict::Duplicate(Box::new(reversal.clone())),
                (Some(Ok(())), None) => {
                    let reversal = written.get(&key).expect("a decision that reverses writes the entry");
                    Verdict::Reversed(Box::new((*reversal).clone()))
                }
                // It is decided on again, unless its entries were read again already.
                (Some(Err(ReversalRefusal::NoRoom)), None) if self.without_room.insert(entry.key.clone()) => {
                    return false;
                }
                (Some(Err(refusal)), None) => {
                    Verdict::Invalid(InvalidRecord::new("record", refusal.to_string()))
                }
                // The commit did not reach it, unless its marker is gone: then its entries are read again.
                (None, None) => return !seen.lacks(&entry.key),
            };
            let (first, others) = indexes.split_first().expect("a target is of a record");
            for &index in others {
                self.verdicts[index] = Some(match &verdict {
                    Verdict::Reversed(reversal) => Verdict::Duplicate(reversal.clone()),
                    other => other.clone(),
                });
            }
            self.verdicts[*first] = Some(verdict);
            false
        });
    }

    /// Completes the draws of an entry of an earlier version, which do not say what their lots began with.
    async fn look_up_lots(&self, entry: &mut JournalEntry) -> Result<(), BatchError> {
        for draw in entry.draws.iter_mut().filter(|draw| draw.began.is_none()) {
            draw.began = Some(self.store.lot_began(self.account, &draw.lot).await?);
        }
        Ok(())
    }

    fn check_time(&self) -> Result<(), BatchError> {
        if Instant::now() + FOR_THE_LAST_COMMIT > self.until { Err(BatchError::OutOfTime) } else { Ok(()) }
    }
}

/// The months whose charges void invoices asked for.
#[derive(Default)]
struct OnVoidInvoices {
    /// How many invoices of the account were void before they were looked for; none if that does not matter.
    void_invoices: Option<u64>,
    months: BTreeSet<Month>,
}

/// The key of the reversal of an entry.
fn reversal_of(entry: &JournalEntry) -> JournalKey {
    match &entry.details {
        EntryDetails::Usage { record, .. } | EntryDetails::Unrated { record } => record.key().reversal(),
        _ => unreachable!("a target is the entry of a record"),
    }
}

/// Whether no other request has reversed the record or charged for it, as far as earlier tries have found.
fn is_open(entry: &JournalEntry, seen: &Seen) -> bool {
    seen.row(&reversal_of(entry)).is_none() && !seen.lacks(&entry.key)
}
