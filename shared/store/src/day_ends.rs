//! The ends of an account's days. A day has one if it had a change, and once a later day has one.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
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
        let newest_first = self.day_parts(account, DAY_PREFIX, day).scan_index_forward(false);
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
        let oldest_first = self.day_parts(account, &day_part(days.first()), days.last());
        let output = self.query(oldest_first.set_exclusive_start_key(start)).await?;
        let ends = output.items().iter().map(day_end_from_item).collect::<Result<Vec<_>, _>>()?;
        let next = output.last_evaluated_key.and(ends.last().map(|end| end.day));
        Ok((ends, next))
    }

    /// The parts from this one to that of this day.
    fn day_parts(&self, account: &AccountId, from: &str, last: Date) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.tables.accounts)
            .consistent_read(true)
            .key_condition_expression("accountId = :account AND part BETWEEN :from AND :last")
            .expression_attribute_values(":account", AttributeValue::S(account.to_string()))
            .expression_attribute_values(":from", AttributeValue::S(from.to_owned()))
            .expression_attribute_values(":last", AttributeValue::S(day_part(last)))
    }
}
