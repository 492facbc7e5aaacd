//! The one way to change money: a transaction that writes the account if its version is still the one read,
//! its journal rows if no row has their keys, and its payment if it is still as it was read. All or nothing.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsError, TransactWriteItemsOutput};
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, ReturnConsumedCapacity,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use domain::change::Change;
use domain::change::MAX_ITEMS_PER_COMMIT;
use domain::hold::{Hold, HoldChange};
use domain::journal::{EntryDetails, JournalEntry};
use domain::journal_key::JournalKey;
use domain::{AccountId, Invoice, Payment};
use jiff::Timestamp;
use telemetry::Correlation;

use crate::Store;
use crate::account_item::{core_to_item, day_end_to_item, profile_to_item};
use crate::entry_item::{entry_from_item, entry_to_item, marker_key, marker_to_item};
use crate::error::{StoreError, corrupt};
use crate::hold_item::{hold_from_item, hold_item_key, hold_to_item, spending_update};
use crate::item::Item;
use crate::payment_item::payment_to_item;
use crate::tables::{ACCOUNT_ID, ENTRY, Tables};
use crate::tally;

/// Why a transaction was refused. Nothing of it was written.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Another commit came between, or DynamoDB saw two transactions on one item: decide again.
    Raced,
    /// What stands in the way: decide again without it.
    InTheWay {
        /// Rows that exist under keys we meant to write.
        existing: Vec<JournalEntry>,
        /// Rows we rely on that do not exist, and unrated rows without a marker.
        missing: Vec<JournalKey>,
        /// Live holds where none was expected.
        holds: Vec<Hold>,
        /// Another commit came between, too: decide again on a fresh read.
        raced: bool,
    },
    /// The payment is not as it was read, or exists already.
    PaymentMoved,
    /// The database is slow or gone; whether it was written is unknown. Decide again on a fresh read.
    Failed(StoreError),
}

/// What one item of the transaction stands for, to read its refusal.
enum Role<'a> {
    Account,
    Side,
    Row(&'a JournalEntry),
    /// An entry that must exist, or an unrated entry whose marker must.
    Required(&'a JournalKey),
    Payment,
    /// A hold that is written where none lives.
    NewHold,
    /// A hold that is written instead of another, or removed.
    Hold,
}

impl Store {
    /// Writes a change, all of it or nothing. Its events carry `cause`.
    pub(crate) async fn commit(&self, change: &Change, cause: Option<&Correlation>) -> Result<(), Refused> {
        let invoice = self.invoice_of(change).await.map_err(Refused::Failed)?;
        let items = items_of(&self.tables, change, invoice, cause);
        let (roles, items): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        assert_eq!(items.len(), change.items(), "a change counts the items of its transaction");
        assert!(items.len() <= MAX_ITEMS_PER_COMMIT, "decisions fit one transaction");
        let result = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        match result {
            Ok(output) => {
                self.record(&output);
                self.remember(&change.account);
                tally::count(change);
                Ok(())
            }
            Err(error) => Err(read_refusal(error, &roles)),
        }
    }

    /// The invoice of the month that the change closes. Its copy of the name and the PO number is that of the account which the
    /// commit meets: every change of a profile gives the account a new version, so if one came since the account was read, the
    /// commit is refused.
    async fn invoice_of(&self, change: &Change) -> Result<Option<Invoice>, StoreError> {
        let Some(closed) = &change.closed else { return Ok(None) };
        let profile = self.profile(&change.account.id).await?;
        Ok(Some(Invoice::of(&change.account.id, closed, &profile)))
    }

    fn record(&self, output: &TransactWriteItemsOutput) {
        for consumed in output.consumed_capacity() {
            self.meter.write(Some(consumed));
        }
    }
}

fn items_of<'a>(
    tables: &Tables,
    change: &'a Change,
    invoice: Option<Invoice>,
    cause: Option<&Correlation>,
) -> Vec<(Role<'a>, TransactWriteItem)> {
    let account = &change.account.id;
    let mut items = vec![(Role::Account, put_core(tables, change, cause))];
    if let Some(profile) = &change.profile {
        items.push((Role::Side, put(&tables.accounts, profile_to_item(account, profile), None)));
    }
    if let Some(day_end) = &change.day_end {
        // The account's version lets one commit alone be the first on a later day.
        items.push((Role::Side, put(&tables.accounts, day_end_to_item(account, day_end), None)));
    }
    for entry in &change.entries {
        let row = put(&tables.journal, entry_to_item(account, entry), Some(Condition::absent()));
        items.push((Role::Row(entry), row));
        if let Some(required) = &entry.requires {
            items.push((Role::Required(required), require(&tables.journal, account, required)));
        }
        if let Some(unrated) = &entry.unmarks {
            items.push((Role::Required(unrated), unmark(&tables.journal, account, unrated)));
        }
        if matches!(entry.details, EntryDetails::Unrated { .. }) {
            items.push((Role::Side, put(&tables.journal, marker_to_item(account, &entry.key), None)));
        }
    }
    for hold in &change.holds {
        items.push(hold_item(tables, account, hold));
    }
    for spending in &change.spending {
        let update = spending_update(&tables.accounts, account, spending, change.account.as_of);
        items.push((Role::Side, TransactWriteItem::builder().update(update).build()));
    }
    if let Some(payment) = &change.payment {
        items.push((Role::Payment, put_payment(tables, payment)));
    }
    if let Some(invoice) = invoice {
        // The account's version lets one commit alone close a month.
        items.push((Role::Side, put_payment(tables, &invoice.into())));
    }
    items
}

/// A condition on the item as it stands.
pub(crate) struct Condition {
    expression: &'static str,
    before: Option<u64>,
}

impl Condition {
    fn absent() -> Self {
        Self { expression: "attribute_not_exists(accountId)", before: None }
    }

    /// The counter that every write raises by one is the one before `next`; the first write finds nothing.
    fn follows(next: u64, expression: &'static str) -> Self {
        match next {
            1 => Self::absent(),
            _ => Self { expression, before: Some(next - 1) },
        }
    }

    /// The payment is as it was read, if it is to be written with this revision.
    pub(crate) fn payment_follows(revision: u64) -> Self {
        Self::follows(revision, "revision = :before")
    }

    /// The expression, and the value it refers to.
    pub(crate) fn parts(&self) -> (&'static str, Option<AttributeValue>) {
        (self.expression, self.before.map(|before| AttributeValue::N(before.to_string())))
    }
}

fn put_core(tables: &Tables, change: &Change, cause: Option<&Correlation>) -> TransactWriteItem {
    let item = core_to_item(&change.account, &change.events, cause);
    put(&tables.accounts, item, Some(Condition::follows(change.account.version, "version = :before")))
}

fn put_payment(tables: &Tables, payment: &Payment) -> TransactWriteItem {
    put(&tables.payments, payment_to_item(payment), Some(Condition::payment_follows(payment.revision())))
}

fn put(table: &str, item: Item, condition: Option<Condition>) -> TransactWriteItem {
    let mut put = Put::builder().table_name(table).set_item(Some(item));
    if let Some(condition) = condition {
        let (expression, before) = condition.parts();
        put = put
            .condition_expression(expression)
            .set_expression_attribute_values(
                before.map(|before| Item::from([(":before".to_owned(), before)])),
            )
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    }
    TransactWriteItem::builder().put(put.build().expect("table and item are set")).build()
}

fn hold_item<'a>(tables: &Tables, account: &AccountId, change: &HoldChange) -> (Role<'a>, TransactWriteItem) {
    let table = &tables.accounts;
    match change {
        HoldChange::New(hold) => {
            let put = Put::builder()
                .table_name(table)
                .set_item(Some(hold_to_item(account, hold)))
                .condition_expression("attribute_not_exists(accountId) OR lapsesAt <= :now")
                .expression_attribute_values(":now", milliseconds(hold.authorized_at))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let put = put.build().expect("table and item are set");
            (Role::NewHold, TransactWriteItem::builder().put(put).build())
        }
        HoldChange::Instead(hold, before) => {
            let put = Put::builder()
                .table_name(table)
                .set_item(Some(hold_to_item(account, hold)))
                .condition_expression("version = :before")
                .expression_attribute_values(":before", AttributeValue::N(before.to_string()));
            let put = put.build().expect("table and item are set");
            (Role::Hold, TransactWriteItem::builder().put(put).build())
        }
        HoldChange::Gone(hold) => {
            let delete = Delete::builder()
                .table_name(table)
                .set_key(Some(hold_item_key(account, &hold.key())))
                .condition_expression("version = :before")
                .expression_attribute_values(":before", AttributeValue::N(hold.version.to_string()));
            let delete = delete.build().expect("table and key are set");
            (Role::Hold, TransactWriteItem::builder().delete(delete).build())
        }
    }
}

fn milliseconds(instant: Timestamp) -> AttributeValue {
    AttributeValue::N(instant.as_millisecond().to_string())
}

fn require(table: &str, account: &AccountId, key: &JournalKey) -> TransactWriteItem {
    let check = ConditionCheck::builder()
        .table_name(table)
        .key(ACCOUNT_ID, AttributeValue::S(account.to_string()))
        .key(ENTRY, AttributeValue::S(key.to_string()))
        .condition_expression("attribute_exists(accountId)")
        .build()
        .expect("table, key and condition are set");
    TransactWriteItem::builder().condition_check(check).build()
}

/// Removes the marker of an unrated entry, on condition that it is there.
fn unmark(table: &str, account: &AccountId, key: &JournalKey) -> TransactWriteItem {
    let delete = Delete::builder()
        .table_name(table)
        .set_key(Some(marker_key(account, key)))
        .condition_expression("attribute_exists(accountId)")
        .build()
        .expect("table and key are set");
    TransactWriteItem::builder().delete(delete).build()
}

fn read_refusal(error: SdkError<TransactWriteItemsError>, roles: &[Role<'_>]) -> Refused {
    let reasons = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons()
        }
        Some(other) if other.code() == Some("TransactionInProgressException") => return Refused::Raced,
        _ => return Refused::Failed(StoreError::from_sdk(error)),
    };
    match read_reasons(reasons, roles) {
        Ok(Some(refused)) => refused,
        Ok(None) => Refused::Failed(StoreError::from_sdk(error)),
        Err(problem) => Refused::Failed(problem),
    }
}

fn read_reasons(reasons: &[CancellationReason], roles: &[Role<'_>]) -> Result<Option<Refused>, StoreError> {
    let (mut existing, mut missing, mut holds) = (Vec::new(), Vec::new(), Vec::new());
    let (mut raced, mut payment_moved) = (false, false);
    for (reason, role) in reasons.iter().zip(roles) {
        match (reason.code().unwrap_or("None"), role) {
            ("None", _) => {}
            ("ConditionalCheckFailed", Role::Row(entry)) => {
                let item = reason.item().ok_or_else(|| row_withheld(entry))?;
                existing.push(entry_from_item(item)?);
            }
            ("ConditionalCheckFailed", Role::Required(key)) => missing.push((*key).clone()),
            ("ConditionalCheckFailed", Role::Payment) => payment_moved = true,
            ("ConditionalCheckFailed", Role::NewHold) => {
                let item = reason
                    .item()
                    .ok_or_else(|| corrupt("a hold", "the refusal of its key did not return it"))?;
                holds.push(hold_from_item(item)?);
            }
            (
                "ConditionalCheckFailed"
                | "TransactionConflict"
                | "ThrottlingError"
                | "ProvisionedThroughputExceeded",
                _,
            ) => raced = true,
            // A mistake of ours, such as an item too large: no second try would help.
            _ => return Ok(None),
        }
    }
    // A payment that somebody else closed brings its row along: what matters is that it moved.
    Ok(if payment_moved {
        Some(Refused::PaymentMoved)
    } else if !existing.is_empty() || !missing.is_empty() || !holds.is_empty() {
        Some(Refused::InTheWay { existing, missing, holds, raced })
    } else {
        raced.then_some(Refused::Raced)
    })
}

fn row_withheld(entry: &JournalEntry) -> StoreError {
    StoreError::Corrupt {
        item: format!("journal row {}", entry.key),
        detail: "the refusal of its key did not return it".to_owned(),
    }
}
