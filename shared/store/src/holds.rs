//! Reads of holds, and of what users have spent. All of them are strongly consistent.

use domain::hold::{Hold, HoldKey, Holds};
use domain::limits::UserSpending;
use domain::time::Month;
use domain::{Account, AccountId};
use jiff::Timestamp;

use crate::Store;
use crate::apply::{Beside, Wanted};
use crate::error::StoreError;
use crate::hold_item::{hold_from_item, hold_item_key, spending_from_item, user_key, user_of};
use crate::tables::{holds_range, users_range};

impl Store {
    /// The holds of an account whose keys begin so, live or not, in the order of their keys: those of a call, or all of them.
    ///
    /// # Errors
    ///
    /// The database is unavailable, or an item cannot be read.
    pub async fn holds_beginning(
        &self,
        account: &AccountId,
        beginning: &str,
    ) -> Result<Vec<Hold>, StoreError> {
        let [first, last] = holds_range(beginning);
        let (mut holds, mut start) = (Vec::new(), None);
        loop {
            let parts = self.parts_between(account, &first, &last);
            let output = self.query(parts.set_exclusive_start_key(start)).await?;
            for item in output.items() {
                holds.push(hold_from_item(item)?);
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(holds);
            }
        }
    }

    /// Reads what a decision wants to know beside the account.
    pub(crate) async fn read_beside(&self, account: &Account, wanted: Wanted) -> Result<Beside, StoreError> {
        let holds = self.holds(&account.id, &wanted.holds).await?;
        let looked_for = wanted.holds.into_iter().collect();
        let Some((user_id, month, since)) = wanted.spending else {
            return Ok(Beside { looked_for, holds, spending: None });
        };
        let item = self.item(&self.tables.accounts, user_key(&account.id, &user_id)).await?;
        let spending = spending_from_item(item.as_ref(), account.currency, month, since)?;
        Ok(Beside { looked_for, holds, spending: Some(spending) })
    }

    /// What each user has spent in a month, and what is held for the user, since the instant from which on the limit counts. Users who
    /// have spent nothing since may be among them.
    ///
    /// # Errors
    ///
    /// The database is unavailable, or an item cannot be read.
    pub async fn spending_of_users(
        &self,
        account: &Account,
        month: Month,
        since: Timestamp,
    ) -> Result<Vec<(String, UserSpending)>, StoreError> {
        let [first, last] = users_range();
        let (mut users, mut start) = (Vec::new(), None);
        loop {
            let parts = self.parts_between(&account.id, &first, &last);
            let output = self.query(parts.set_exclusive_start_key(start)).await?;
            for item in output.items() {
                let spending = spending_from_item(Some(item), account.currency, month, since)?;
                users.push((user_of(item)?, spending));
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(users);
            }
        }
    }

    async fn holds(&self, account: &AccountId, wanted: &[HoldKey]) -> Result<Holds, StoreError> {
        if wanted.is_empty() {
            return Ok(Holds::new());
        }
        let mut wanted = wanted.to_vec();
        // DynamoDB refuses a key that is asked for twice.
        wanted.sort_unstable();
        wanted.dedup();
        let keys: Vec<_> = wanted.iter().map(|hold| hold_item_key(account, hold)).collect();
        let items = self.batch(&self.tables.accounts, &keys).await?;
        items.iter().map(|item| hold_from_item(item).map(|hold| (hold.key(), hold))).collect()
    }
}
