//! The host's own `SQLite` files, which are used on threads that may block.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::{Connection, Result, TransactionBehavior};

/// How long a connection waits for another one's transaction to end.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// One connection, used by one piece of work at a time.
#[derive(Clone)]
pub(crate) struct Sqlite(Arc<Mutex<Connection>>);

impl Sqlite {
    /// Opens the database at this place, and runs the preparation.
    pub(crate) fn open(place: &str, preparation: &str) -> Result<Self> {
        let mut connection = Connection::open(place)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // A transaction that read before it writes would fail at once, without a wait, if another connection wrote in between.
        connection.set_transaction_behavior(TransactionBehavior::Immediate);
        connection.execute_batch(preparation)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Adds a column if the file is of an older version and lacks it.
    pub(crate) fn add_column(&self, table: &str, column: &str, kind: &str) -> Result<()> {
        let connection = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let known = "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2";
        if !connection.prepare(known)?.exists([table, column])? {
            connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {column} {kind}"))?;
        }
        Ok(())
    }

    /// Does `work` on a thread that may block.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let connection = self.0.clone();
        let done = tokio::task::spawn_blocking(move || {
            // Each piece of work is a transaction, which a panic rolls back.
            work(&mut connection.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
        });
        done.await.expect("work on a database does not panic")
    }
}

/// The place of a file, or of a new database in memory, as `SQLite` takes it. Connections of this process share a database
/// in memory, which is in an in-memory *file system* (`vfs=memdb`, up to 1 GB). Its locks are those of files, so a
/// connection waits for a lock; connections that share a cache instead fail at once if a table is locked.
pub(crate) fn place(file: Option<&Path>) -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    match file {
        Some(path) => path.to_string_lossy().into_owned(),
        None => format!("file:/in-memory-{}?vfs=memdb", MADE.fetch_add(1, Ordering::Relaxed)),
    }
}
