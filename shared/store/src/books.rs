//! An account's books as they stand, whatever is wrong with them: what `reconcile` reads. Each item is read on its
//! own, so that one which cannot be read hides no other; no account is remembered, for nothing is decided here.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::journal::JournalEntry;
use domain::{Account, AccountId, Payment};

use crate::Store;
use crate::account_item::core_as_written;
use crate::entry_item::entry_from_item;
use crate::error::StoreError;
use crate::item::Item;
use crate::list::{Cursor, Page, Period, account_of, page_size, sort_text};
use crate::payment_item::payment_from_item;
use crate::read::key;
use crate::tables::{ACCOUNT_ID, CORE, ENTRY, PART, PAYMENT_ID};

/// An item that cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// The row's key, or the payment's id.
    pub key: String,
    /// What is wrong with it.
    pub problem: StoreError,
}

/// What stands in one place of the books.
pub type Found<T> = Result<T, Unreadable>;

impl Store {
    /// Ids of accounts after this one, in their order; fewer than asked for are the last.
    pub async fn account_ids(
        &self,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, StoreError> {
        self.query(self.listing(after, limit)).await?.items().iter().map(account_of).collect()
    }

    /// The account as it was written, be it sound or not.
    pub async fn account_as_written(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let item = self.item(&self.tables.accounts, key(id, PART, CORE)).await?;
        item.as_ref().map(core_as_written).transpose()
    }

    /// Rows of the journal, in any order.
    pub async fn rows(
        &self,
        account: &AccountId,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Found<JournalEntry>>, StoreError> {
        let start = cursor.map(|Cursor(entry)| entry.clone());
        let query = self.journal_range(account, &Period::default(), start);
        self.found(query, limit, ENTRY, entry_from_item).await
    }

    /// Payments and adjustments, in any order.
    pub async fn payments(
        &self,
        account: &AccountId,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Found<Payment>>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.payments)
            .consistent_read(true)
            .key_condition_expression("accountId = :account")
            .expression_attribute_values(":account", AttributeValue::S(account.to_string()))
            .set_exclusive_start_key(cursor.map(|Cursor(id)| {
                Item::from([
                    (ACCOUNT_ID.to_owned(), AttributeValue::S(account.to_string())),
                    (PAYMENT_ID.to_owned(), AttributeValue::S(id.clone())),
                ])
            }));
        self.found(query, limit, PAYMENT_ID, payment_from_item).await
    }

    async fn found<T>(
        &self,
        query: QueryFluentBuilder,
        limit: usize,
        sort_key: &str,
        read: fn(&Item) -> Result<T, StoreError>,
    ) -> Result<Page<Found<T>>, StoreError> {
        let output = self.query(query.limit(page_size(limit))).await?;
        let mut items = Vec::with_capacity(output.items().len());
        for item in output.items() {
            let key = sort_text(item, sort_key)?;
            items.push(read(item).map_err(|problem| Unreadable { key, problem }));
        }
        let last = output.last_evaluated_key();
        let next = last.map(|last| sort_text(last, sort_key)).transpose()?.map(Cursor);
        Ok(Page { items, next })
    }
}
