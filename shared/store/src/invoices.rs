//! Reads of invoices. They are rows of `payments` whose ids sort by month.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::id::OF_INVOICE;
use domain::time::Month;
use domain::{AccountId, Invoice, Payment, PaymentId};

use crate::Store;
use crate::error::{StoreError, corrupt};
use crate::item::Item;
use crate::list::{Cursor, Page, page_size, sort_text};
use crate::payment_item::payment_from_item;
use crate::read::key;
use crate::tables::PAYMENT_ID;

impl Store {
    /// One invoice.
    pub async fn invoice(&self, account: &AccountId, id: &PaymentId) -> Result<Option<Invoice>, StoreError> {
        Ok(self.payment(account, id).await?.and_then(Payment::invoice))
    }

    /// The invoices of an account, newest month first.
    pub async fn invoices(
        &self,
        account: &AccountId,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Invoice>, StoreError> {
        let start = cursor.map(|Cursor(id)| {
            let month = id.strip_prefix(OF_INVOICE).and_then(Month::parse).ok_or(StoreError::Cursor)?;
            Ok::<_, StoreError>(key(account, PAYMENT_ID, PaymentId::of_invoice(month).as_str()))
        });
        let query = self
            .rows_of_invoices(account, OF_INVOICE)
            .scan_index_forward(false)
            .set_exclusive_start_key(start.transpose()?)
            .limit(page_size(limit));
        let output = self.query(query).await?;
        let items = output.items().iter().map(invoice_of).collect::<Result<_, _>>()?;
        let next = output.last_evaluated_key.map(|key| sort_text(&key, PAYMENT_ID)).transpose()?.map(Cursor);
        Ok(Page { items, next })
    }

    /// The invoice that asks for what was posted in this month, once there is one: the first of this month or a later one, since a
    /// month without an invoice is carried over.
    pub async fn invoice_that_asks_for(
        &self,
        account: &AccountId,
        month: Month,
    ) -> Result<Option<Invoice>, StoreError> {
        let first = PaymentId::of_invoice(month);
        let output = self.query(self.rows_of_invoices(account, first.as_str()).limit(1)).await?;
        output.items().first().map(invoice_of).transpose()
    }

    /// The invoices from this id on.
    fn rows_of_invoices(&self, account: &AccountId, from: &str) -> QueryFluentBuilder {
        // `~` follows every digit, so the second text is greater than each id of an invoice.
        self.client
            .query()
            .table_name(&self.tables.payments)
            .consistent_read(true)
            .key_condition_expression("accountId = :account AND paymentId BETWEEN :from AND :last")
            .expression_attribute_values(":account", AttributeValue::S(account.to_string()))
            .expression_attribute_values(":from", AttributeValue::S(from.to_owned()))
            .expression_attribute_values(":last", AttributeValue::S(format!("{OF_INVOICE}~")))
    }
}

fn invoice_of(item: &Item) -> Result<Invoice, StoreError> {
    let payment = payment_from_item(item)?;
    payment.invoice().ok_or_else(|| corrupt("an invoice", "it is another kind of payment"))
}
