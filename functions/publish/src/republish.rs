//! Publishes the events of a period again, for a reader that lost them or is new. Lasting events are kept with their
//! journal entries, so each is the event that was published the first time, with the same id. Only its correlation id is
//! not kept.

use domain::AccountId;
use domain::journal::JournalEntry;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::StoreError;
use store::list::{Posted, PostedPlace};
use store::stream::Commit;
use telemetry::Causes;
use tokio::time::Instant;

use crate::Ports;
use crate::bus::{Bus, BusError, Refused};
use crate::entry::Entry;

/// Accounts read at once.
const ACCOUNTS_A_PAGE: usize = 50;
/// Rows read at once.
const ROWS_A_PAGE: usize = 100;

/// The period to publish again.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Republish {
    /// One account; all accounts if it is left out.
    pub account_id: Option<AccountId>,
    /// Only accounts whose ids come after this one.
    pub after: Option<AccountId>,
    /// The period begins at this instant. An event belongs to the instant at which its journal entry was posted.
    pub from: Timestamp,
    /// The period ends before this instant.
    pub to: Timestamp,
    /// Whether recipients who were not told yet get mails. It is set after events were lost. Otherwise the events are only for
    /// other readers of the bus, and no mail is sent, so that nobody is told of old events, nor a recipient added since.
    #[serde(default)]
    pub notify: bool,
}

/// The result of publishing a period again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Republished {
    /// Accounts whose journals were read.
    pub accounts: usize,
    /// Events put on the bus.
    pub events: usize,
    /// Accounts whose journals could not be read to the end. The log has the reasons.
    pub unread: usize,
    /// Events that the bus refuses for good. The log names them, and their rows stay in the journal.
    #[serde(skip_serializing_if = "is_zero")]
    pub refused: usize,
    /// Set if time was up before the end: `after` of the request that goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<AccountId>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A period was not published completely. The caller sends the request again.
#[derive(Debug, thiserror::Error)]
pub enum RepublishError {
    /// The period ends before it begins.
    #[error("expected from to be earlier than to")]
    Period,
    /// The request names one account, and accounts after another one.
    #[error("expected accountId or after, not both")]
    Both,
    /// One account has more events than there is time for.
    #[error("time was up in the middle of {0}; expected a shorter period")]
    OutOfTime(AccountId),
    /// The accounts, or a journal, could not be read.
    #[error("the accounts and their journals could not be read")]
    Store(#[from] StoreError),
    /// The bus did not accept the events.
    #[error("the events could not be put on the bus")]
    Bus(#[source] BusError),
}

/// Publishes a period again, account by account in the order of their ids, until all events are published or time is up. An
/// account whose journal cannot be read does not stop the others.
pub async fn republish(
    request: Republish,
    ports: &Ports,
    until: Instant,
) -> Result<Republished, RepublishError> {
    let posted = Posted::between(request.from, request.to).ok_or(RepublishError::Period)?;
    if request.account_id.is_some() && request.after.is_some() {
        return Err(RepublishError::Both);
    }
    let run = Run { ports, posted, notify: request.notify, until };
    match request.account_id {
        Some(id) => {
            let told = run.one(&id).await?;
            Ok(Republished {
                accounts: 1,
                events: told.events,
                refused: told.refused,
                ..Republished::default()
            })
        }
        None => run.all(request.after).await,
    }
}

/// The numbers of one account's events that were published and refused.
#[derive(Default)]
struct Told {
    events: usize,
    refused: usize,
}

/// A request that is being served.
struct Run<'a> {
    ports: &'a Ports,
    posted: Posted,
    notify: bool,
    until: Instant,
}

impl Run<'_> {
    async fn all(&self, mut after: Option<AccountId>) -> Result<Republished, RepublishError> {
        let mut done = Republished::default();
        loop {
            let ids = self.ports.store.account_ids(after.as_ref(), ACCOUNTS_A_PAGE).await;
            let ids = ids.map_err(|problem| broke_off(after.as_ref(), problem.into()))?;
            let is_last_page = ids.len() < ACCOUNTS_A_PAGE;
            for id in ids {
                match self.one(&id).await {
                    Ok(told) => {
                        done.accounts += 1;
                        done.events += told.events;
                        done.refused += told.refused;
                    }
                    // The next request publishes this account from its beginning, with the same ids.
                    Err(RepublishError::OutOfTime(_)) if done.has_begun() => {
                        done.next = after;
                        return Ok(done);
                    }
                    Err(RepublishError::Store(
                        problem @ (StoreError::Corrupt { .. } | StoreError::NewerSchema { .. }),
                    )) => {
                        let problem = Causes(&problem);
                        tracing::error!(account = %id, %problem, "an account's events could not be published again");
                        done.unread += 1;
                    }
                    Err(problem) => return Err(broke_off(after.as_ref(), problem)),
                }
                after = Some(id);
            }
            if is_last_page {
                return Ok(done);
            }
        }
    }

    async fn one(&self, account: &AccountId) -> Result<Told, RepublishError> {
        let bus = Bus { client: &self.ports.bus, name: &self.ports.bus_name };
        let mut told = Told::default();
        let mut place = Some(PostedPlace::default());
        while let Some(at) = place {
            if Instant::now() >= self.until {
                return Err(RepublishError::OutOfTime(account.clone()));
            }
            let (rows, next) = self.ports.store.posted(account, self.posted, at, ROWS_A_PAGE).await?;
            let entries: Vec<_> =
                rows.iter().filter_map(|row| entry_of_row(account, row, self.notify)).collect();
            let put = bus.put(&entries).await;
            if let Some(unsent) = put.unsent {
                return Err(RepublishError::Bus(unsent.problem));
            }
            for Refused { place, code } in &put.refused {
                let Entry { kind, at, .. } = &entries[*place];
                tracing::error!(%account, kind, %at, code, "the bus refuses an event for good");
            }
            told.refused += put.refused.len();
            told.events += entries.len() - put.refused.len();
            place = next;
        }
        Ok(told)
    }
}

/// Logs where the next request goes on, since the response to an error cannot contain it.
fn broke_off(after: Option<&AccountId>, problem: RepublishError) -> RepublishError {
    let after = after.map(AccountId::as_str);
    tracing::error!(after, "the accounts after this one were not published again");
    problem
}

impl Republished {
    fn has_begun(&self) -> bool {
        self.accounts + self.unread > 0
    }
}

/// The event that is kept with a journal entry, if there is one.
fn entry_of_row(account: &AccountId, row: &JournalEntry, notify: bool) -> Option<Entry> {
    let lasting = row.lasting.as_ref()?;
    let commit =
        Commit { account: account.to_string(), version: row.version, at: row.posted_at, cause: None };
    let Ok(Value::Object(mut event)) = serde_json::to_value(&lasting.details) else {
        unreachable!("an event is an object with plain fields")
    };
    if !notify {
        event.insert("republished".to_owned(), true.into());
    }
    Some(Entry::of_event(&commit, lasting.number, event).expect("an event has a type"))
}
