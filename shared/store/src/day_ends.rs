//! The ends of an account's days. A day has one if it had a change, and once a later day has one.

use domain::AccountId;
use domain::account::DayEnd;
use domain::time::Days;
use jiff::civil::Date;

use crate::Store;
use crate::account_item::day_end_from_item;
use crate::error::StoreError;
use crate::read::key;
use crate::tables::{DAY_PREFIX, PART, day_part};

impl Store {
    /// The end of this day (UTC), or of the last day before it that has one.
    pub async fn day_end_at_or_before(
        &self,
        account: &AccountId,
        day: Date,
    ) -> Result<Option<DayEnd>, StoreError> {
        let newest_first = self.parts_between(account, DAY_PREFIX, &day_part(day)).scan_index_forward(false);
        let output = self.query(newest_first.limit(1)).await?;
        output.items().first().map(day_end_from_item).transpose()
    }

    /// The ends of these days, oldest first: one page, and the day after which the next page begins. `after` is the day that
    /// the page before gave.
    pub async fn day_ends(
        &self,
        account: &AccountId,
        days: Days,
        after: Option<Date>,
    ) -> Result<(Vec<DayEnd>, Option<Date>), StoreError> {
        let start = after.map(|day| key(account, PART, &day_part(day)));
        let oldest_first = self.parts_between(account, &day_part(days.first()), &day_part(days.last()));
        let output = self.query(oldest_first.set_exclusive_start_key(start)).await?;
        let ends = output.items().iter().map(day_end_from_item).collect::<Result<Vec<_>, _>>()?;
        let next = output.last_evaluated_key.and(ends.last().map(|end| end.day));
        Ok((ends, next))
    }
}
