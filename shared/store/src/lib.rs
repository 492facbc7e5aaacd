//! The tables of Communications Credits and the one way to change them, on DynamoDB.
//!
//! | file | what |
//! |---|---|
//! | `definition` | the definition of a table, and its creation from it |
//! | [`tables`] | the tables of the books: names, keys and indexes |
//! | `item` | attribute values, written and read by hand so that money stays exact |
//! | `account_item`, `recharge_item`, `entry_item`, `payment_item` | the stored shapes |
//! | `apply` | load, decide, commit, until it is done |
//! | `backoff` | pauses between tries |
//! | `commit` | one transaction, and the meaning of its refusal |
//! | `read` | single reads |
//! | [`list`] | listings with cursors, and what is due |
//! | [`books`] | an account's books, read item by item, damaged ones included |
//! | [`stream`] | an item of the stream of accounts: the events of a commit |
//! | [`mail_leases`] | the mails that were sent, to whom |
//! | `tally` | the metrics of a commit |
//! | `mutex` | within one process, one change to an account after the other |
//! | [`meter`] | read and write units consumed |

mod account_item;
mod apply;
mod backoff;
pub mod books;
mod commit;
mod definition;
mod entry_item;
mod error;
#[cfg(test)]
mod extremes;
mod item;
pub mod list;
pub mod mail_leases;
pub mod meter;
mod mutex;
mod payment_item;
mod read;
mod recharge_item;
#[cfg(test)]
mod shapes;
pub mod stream;
pub mod tables;
mod tally;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use domain::{Account, AccountId};

pub use apply::{Applied, ApplyError, Combined, Seen};
pub use definition::{IndexDefinition, TableDefinition};
pub use error::StoreError;
pub use mail_leases::MailLeases;
pub use meter::Meter;
use mutex::AccountMutexes;
pub use mutex::Turn;
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
    remembered: Mutex<HashMap<AccountId, Account>>,
    mutexes: AccountMutexes,
}

impl Store {
    /// Over a client and tables that exist.
    pub fn new(client: Client, tables: Tables) -> Self {
        Self {
            client,
            tables,
            meter: Arc::default(),
            remembered: Mutex::default(),
            mutexes: AccountMutexes::default(),
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

    fn recall(&self, id: &AccountId) -> Option<Account> {
        self.remembered.lock().expect("no holder of this lock panics").get(id).cloned()
    }
}
