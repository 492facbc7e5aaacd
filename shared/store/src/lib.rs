//! The tables of Communications Credits and the one way to change them, on DynamoDB.
//!
//! | file | what |
//! |---|---|
//! | `definition` | the definition of a table, and its creation from it |
//! | [`tables`] | the tables of the books: names, keys and indexes |
//! | `item` | attribute values, written and read by hand so that money stays exact |
//! | `account_item`, `recharge_item`, `entry_item`, `payment_item`, `invoice_item`, `pool_item`, `hold_item`, `changed_item` | the stored shapes |
//! | `apply` | load, decide, commit, until it is done |
//! | `backoff` | pauses between tries |
//! | `commit` | one transaction, and the meaning of its refusal |
//! | `read` | single reads |
//! | `invoices` | reads of invoices |
//! | `holds` | reads of holds, and of what users have spent |
//! | `day_ends` | the ends of an account's days |
//! | `day_lines` | the kept lines of an account's days |
//! | [`list`] | listings with cursors, and what is due |
//! | [`books`] | an account's books, read item by item, damaged ones included |
//! | `usage_totals` | the totals of an account's days |
//! | [`stream`] | an item of the stream of accounts: the events of a commit |
//! | [`mail_leases`] | the mails that were sent, to whom |
//! | `rating_run` | how far the unrated records were gone through with a rate file |
//! | `tally` | the metrics of a commit |
//! | `mutex` | within one process, one change to an account after the other |
//! | [`meter`] | read and write units consumed |

mod account_item;
mod apply;
mod backoff;
pub mod books;
mod changed_item;
mod commit;
mod day_ends;
mod day_lines;
mod definition;
mod entry_item;
mod error;
#[cfg(test)]
mod extremes;
mod hold_item;
mod holds;
mod invoice_item;
mod invoices;
mod item;
pub mod list;
pub mod mail_leases;
pub mod meter;
mod mutex;
mod payment_item;
mod pool_item;
mod rating_run;
mod read;
mod recharge_item;
mod repayment_item;
#[cfg(test)]
mod shapes;
pub mod stream;
pub mod tables;
mod tally;
mod usage_totals;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use domain::{Account, AccountId, Pools, Profile};

pub use apply::{Applied, ApplyError, Beside, Combined, Read, Seen, Wanted};
pub use definition::{IndexDefinition, TableDefinition};
pub use error::StoreError;
use error::corrupt;
pub use mail_leases::MailLeases;
pub use meter::Meter;
use mutex::AccountMutexes;
pub use mutex::Turn;
pub use rating_run::RatingRuns;
pub use tables::Tables;

/// At most this many accounts are remembered between events.
const REMEMBERED_ACCOUNTS: usize = 1_000;

/// The store: a client, the names of the tables, and the units consumed.
#[derive(Debug)]
pub struct Store {
    client: Client,
    tables: Tables,
    meter: Arc<Meter>,
    /// Accounts as this process last committed or read them. A guess to decide on: the commit's condition
    /// on the version says whether it was right.
    remembered: Arc<Mutex<HashMap<AccountId, Account>>>,
    /// The pools of these accounts, in the version in which this process last read them.
    pools: Arc<Mutex<HashMap<AccountId, Arc<Pools>>>>,
    mutexes: Arc<AccountMutexes>,
}

impl Store {
    /// Over a client and tables that exist.
    pub fn new(client: Client, tables: Tables) -> Self {
        Self {
            client,
            tables,
            meter: Arc::default(),
            remembered: Arc::default(),
            pools: Arc::default(),
            mutexes: Arc::default(),
        }
    }

    /// A store that remembers accounts together with this one and takes turns with it, and counts what it consumes on its own.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self {
            client: self.client.clone(),
            tables: self.tables.clone(),
            meter: Arc::default(),
            remembered: self.remembered.clone(),
            pools: self.pools.clone(),
            mutexes: self.mutexes.clone(),
        }
    }

    /// What this store has consumed.
    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    fn remember(&self, account: &Account) {
        let mut remembered = self.remembered.lock().expect("no holder of this lock panics");
        if remembered.len() >= REMEMBERED_ACCOUNTS {
            remembered.clear();
        }
        let older = remembered.get(&account.id).is_none_or(|known| known.version < account.version);
        if older {
            remembered.insert(account.id.clone(), account.clone());
        }
    }

    /// The pools in the version that the account has, if they are remembered. An account that never had a pool has none.
    fn recall_pools(&self, account: &Account) -> Option<Arc<Pools>> {
        if account.pools_version == 0 {
            return Some(Arc::default());
        }
        let pools = self.pools.lock().expect("no holder of this lock panics");
        pools.get(&account.id).filter(|pools| pools.version == account.pools_version).cloned()
    }

    /// Remembers an account's pools, from a profile that was read with it.
    fn remember_pools(&self, account: &Account, profile: &Profile) -> Result<Arc<Pools>, StoreError> {
        if profile.pools.version != account.pools_version {
            return Err(corrupt(
                "an account",
                "its core and its profile have different versions of its pools",
            ));
        }
        let read = Arc::new(profile.pools.clone());
        let mut pools = self.pools.lock().expect("no holder of this lock panics");
        if pools.len() >= REMEMBERED_ACCOUNTS {
            pools.clear();
        }
        pools.insert(account.id.clone(), read.clone());
        Ok(read)
    }

    fn recall(&self, id: &AccountId) -> Option<Account> {
        self.remembered.lock().expect("no holder of this lock panics").get(id).cloned()
    }
}
