//! Whose turn it is: within one process, changes to one account go one after the other, in the order they
//! came, so that they do not race each other. Nothing relies on it: what keeps the books right is the
//! condition on the version, which other processes race for as ever.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use domain::AccountId;
use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

/// Whoever waits longer goes on without, and leaves the queue for good: one hanging change does not hold up
/// those that come later.
const PATIENCE: Duration = Duration::from_secs(3);

/// Queues that nobody is in are dropped when there are more than this.
const MANY: usize = 1_000;

/// A queue, fair, for each account that is being changed.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<AccountId, Weak<Queue<()>>>>);

impl Turns {
    /// Waits for the account's turn, which lasts until what is returned is dropped.
    pub(crate) async fn take(&self, account: &AccountId) -> Option<OwnedMutexGuard<()>> {
        let queue = self.queue(account);
        let turn = tokio::time::timeout(PATIENCE, queue.clone().lock_owned()).await;
        if turn.is_err() {
            self.close(account, &queue);
        }
        turn.ok()
    }

    fn close(&self, account: &AccountId, stuck: &Arc<Queue<()>>) {
        let mut queues = self.0.lock().expect("no holder of this lock panics");
        if queues.get(account).is_some_and(|queue| queue.as_ptr() == Arc::as_ptr(stuck)) {
            queues.remove(account);
        }
    }

    fn queue(&self, account: &AccountId) -> Arc<Queue<()>> {
        let mut queues = self.0.lock().expect("no holder of this lock panics");
        if let Some(queue) = queues.get(account).and_then(Weak::upgrade) {
            return queue;
        }
        if queues.len() >= MANY {
            queues.retain(|_, queue| queue.strong_count() > 0);
        }
        let queue = Arc::default();
        queues.insert(account.clone(), Arc::downgrade(&queue));
        queue
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
        let turns = Turns::default();
        let (a, b) = (account("a"), account("b"));
        let first = turns.take(&a).await;
        let second = tokio::time::timeout(Duration::from_millis(20), turns.take(&a));
        assert!(second.await.is_err(), "the second waits");
        assert!(turns.take(&b).await.is_some(), "another account does not");
        drop(first);
        assert!(turns.take(&a).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_that_hangs_holds_up_only_those_that_wait_already() {
        let turns = Turns::default();
        let a = account("a");
        let _hanging = turns.take(&a).await;
        assert!(turns.take(&a).await.is_none(), "it went on without");
        assert!(turns.take(&a).await.is_some(), "the next has its turn");
    }

    #[tokio::test]
    async fn queues_that_nobody_is_in_are_dropped() {
        let turns = Turns::default();
        for number in 0..2 * MANY {
            turns.take(&account(&format!("account-{number}"))).await;
        }
        assert!(turns.0.lock().unwrap().len() <= MANY);
    }
}
