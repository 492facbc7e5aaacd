//! A mutex for each account: within one process, changes to one account are made one after the other, in the order they
//! came, so they do not race each other. Nothing relies on it. The condition on the account's version keeps the books
//! right, since other processes race for it as ever.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use domain::AccountId;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// A change that waits longer goes on without the mutex and replaces it, so a hanging change does not hold up those that come
/// later.
const PATIENCE: Duration = Duration::from_secs(3);

/// Mutexes that nobody holds or waits for are dropped when there are more than this.
const MANY: usize = 1_000;

/// A caller's turn to change an account. It ends when this is dropped.
#[derive(Debug)]
pub struct Turn {
    /// None if the caller's patience ran out.
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turn {
    /// Whether the caller's turn came before the caller's patience ran out.
    pub(crate) fn has_come(&self) -> bool {
        self.guard.is_some()
    }
}

/// A fair mutex for each account that is being changed.
#[derive(Debug, Default)]
pub(crate) struct AccountMutexes(Mutex<HashMap<AccountId, Weak<AsyncMutex<()>>>>);

impl AccountMutexes {
    /// Locks the account's mutex until the turn ends. A turn that takes too long to come begins without it.
    pub(crate) async fn lock(&self, account: &AccountId) -> Turn {
        let mutex = self.mutex(account);
        let guard = tokio::time::timeout(PATIENCE, mutex.clone().lock_owned()).await;
        if guard.is_err() {
            self.replace(account, &mutex);
        }
        Turn { guard: guard.ok() }
    }

    fn replace(&self, account: &AccountId, stuck: &Arc<AsyncMutex<()>>) {
        let mut mutexes = self.0.lock().expect("no holder of this lock panics");
        if mutexes.get(account).is_some_and(|mutex| mutex.as_ptr() == Arc::as_ptr(stuck)) {
            mutexes.remove(account);
        }
    }

    fn mutex(&self, account: &AccountId) -> Arc<AsyncMutex<()>> {
        let mut mutexes = self.0.lock().expect("no holder of this lock panics");
        if let Some(mutex) = mutexes.get(account).and_then(Weak::upgrade) {
            return mutex;
        }
        if mutexes.len() >= MANY {
            mutexes.retain(|_, mutex| mutex.strong_count() > 0);
        }
        let mutex = Arc::default();
        mutexes.insert(account.clone(), Arc::downgrade(&mutex));
        mutex
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str) -> AccountId {
        AccountId::parse(id).unwrap()
    }

    #[tokio::test]
    async fn one_at_a_time_and_each_account_for_itself() {
        let mutexes = AccountMutexes::default();
        let (a, b) = (account("a"), account("b"));
        let first = mutexes.lock(&a).await;
        let second = tokio::time::timeout(Duration::from_millis(20), mutexes.lock(&a));
        assert!(second.await.is_err(), "the second waits");
        assert!(mutexes.lock(&b).await.has_come(), "another account does not");
        drop(first);
        assert!(mutexes.lock(&a).await.has_come());
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_that_hangs_holds_up_only_those_that_wait_already() {
        let mutexes = AccountMutexes::default();
        let a = account("a");
        let _hanging = mutexes.lock(&a).await;
        assert!(!mutexes.lock(&a).await.has_come(), "it went on without");
        assert!(mutexes.lock(&a).await.has_come(), "the next has a mutex of its own");
    }

    #[tokio::test]
    async fn mutexes_that_nobody_holds_are_dropped() {
        let mutexes = AccountMutexes::default();
        for number in 0..2 * MANY {
            mutexes.lock(&account(&format!("account-{number}"))).await;
        }
        assert!(mutexes.0.lock().unwrap().len() <= MANY);
    }
}
