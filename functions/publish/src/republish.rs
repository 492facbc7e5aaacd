//! A period, told again: for a reader that lost it, or is new. What lasts is kept on the rows of the journal, so
//! that each event is the one that was told the first time, with the same id; only what it was because of is not
//! kept.

use domain::AccountId;
use domain::posting::Posting;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::StoreError;
use store::list::Period;

use crate::Ports;
use crate::bus::{Bus, BusError};
use crate::entry::{Commit, Entry};

/// Accounts read at once.
const ACCOUNTS_A_PAGE: usize = 50;
/// Rows read at once.
const ROWS_A_PAGE: usize = 100;

/// What is to be told again.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Republish {
    /// Of whom; of everybody, if it is not said.
    pub account_id: Option<AccountId>,
    /// What happened from this instant, …
    pub from: Timestamp,
    /// … up to, not including, this one.
    pub to: Timestamp,
    /// Whether people who were not told are told, too: after events were lost. Otherwise it is for other readers of the
    /// bus, and nobody gets a mail, however long ago it happened and whoever has become a recipient since.
    #[serde(default)]
    pub notify: bool,
}

/// What was told again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Republished {
    /// Accounts whose journals were read.
    pub accounts: usize,
    /// Events put on the bus.
    pub events: usize,
}

/// A period was not, or not wholly, told again; the caller asks for it again.
#[derive(Debug, thiserror::Error)]
pub enum RepublishError {
    /// The period ends before it begins.
    #[error("expected from to be earlier than to")]
    Period,
    /// The journal could not be read.
    #[error("the journal could not be read")]
    Store(#[from] StoreError),
    /// The bus did not take it.
    #[error("the events could not be put on the bus")]
    Bus(#[source] BusError),
}

/// Tells a period again.
pub async fn republish(request: Republish, ports: &Ports) -> Result<Republished, RepublishError> {
    if request.from >= request.to {
        return Err(RepublishError::Period);
    }
    let period = Period { from: Some(request.from), to: Some(request.to), kind: None };
    let notify = request.notify;
    let mut done = Republished::default();
    if let Some(account) = request.account_id {
        done.accounts = 1;
        done.events = republish_account(ports, &account, &period, notify).await?;
        return Ok(done);
    }
    let mut cursor = None;
    loop {
        let page = ports.store.accounts(cursor.as_ref(), ACCOUNTS_A_PAGE).await?;
        for (account, _) in &page.items {
            done.accounts += 1;
            done.events += republish_account(ports, &account.id, &period, notify).await?;
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(done);
        }
    }
}

async fn republish_account(
    ports: &Ports,
    account: &AccountId,
    period: &Period,
    notify: bool,
) -> Result<usize, RepublishError> {
    let bus = Bus { client: &ports.bus, name: &ports.bus_name };
    let mut events = 0;
    let mut cursor = None;
    loop {
        let page = ports.store.transactions(account, period, cursor.as_ref(), ROWS_A_PAGE).await?;
        let entries: Vec<_> =
            page.items.iter().filter_map(|row| entry_of_row(account, row, notify)).collect();
        bus.put(&entries).await.map_err(|unsent| RepublishError::Bus(unsent.problem))?;
        events += entries.len();
        cursor = page.next;
        if cursor.is_none() {
            return Ok(events);
        }
    }
}

/// What was told of a row, if anything was.
fn entry_of_row(account: &AccountId, row: &Posting, notify: bool) -> Option<Entry> {
    let lasting = row.lasting.as_ref()?;
    let commit = Commit { account: account.as_str(), version: row.version, at: row.posted_at, cause: None };
    let Ok(Value::Object(mut fact)) = serde_json::to_value(&lasting.fact) else {
        unreachable!("a fact is an object with plain fields")
    };
    if !notify {
        fact.insert("republished".to_owned(), true.into());
    }
    Some(commit.entry(lasting.number, fact).expect("a fact says its type"))
}
