//! Single reads, all strongly consistent.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_get_items::{TransactGetItemsError, TransactGetItemsOutput};
use aws_sdk_dynamodb::types::{
    AttributeValue, Get, KeysAndAttributes, ReturnConsumedCapacity, TransactGetItem,
};
use domain::journal::JournalEntry;
use domain::journal_key::JournalKey;
use domain::lot::Began;
use domain::{Account, AccountId, Adjustment, CardPayment, LotId, Payment, PaymentId, Profile};

use crate::Store;
use crate::account_item::{core_from_item, profile_from_item};
use crate::backoff::pause;
use crate::commit::Condition;
use crate::entry_item::entry_from_item;
use crate::error::{StoreError, corrupt};
use crate::item::Item;
use crate::payment_item::{card_payment_to_item, payment_from_item};
use crate::tables::{ACCOUNT_ID, CORE, ENTRY, PART, PAYMENT_ID, PROFILE};

/// DynamoDB gives at most this many items to one batch request.
const BATCH: usize = 100;

/// How often a transaction or a batch that reads is tried: with the pauses between, two or three seconds.
const MAX_TRIES_TO_READ: u32 = 9;

impl Store {
    /// The account as it stands.
    ///
    /// # Errors
    ///
    /// The database is unavailable, or the item cannot be read.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let item = self.item(&self.tables.accounts, key(id, PART, CORE)).await?;
        item.as_ref().map(core_from_item).transpose()
    }

    /// The account as this process last saw it, or as it stands: for what never changes, such as its currency.
    pub async fn account_seen(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        if let Some(account) = self.recall(id) {
            return Ok(Some(account));
        }
        let account = self.account(id).await?;
        if let Some(account) = &account {
            self.remember(account);
        }
        Ok(account)
    }

    /// The account and its profile, at one instant.
    ///
    /// # Errors
    ///
    /// The database is unavailable, or the item cannot be read.
    pub async fn account_with_profile(
        &self,
        id: &AccountId,
    ) -> Result<Option<(Account, Profile)>, StoreError> {
        let profile = (self.tables.accounts.as_str(), key(id, PART, PROFILE));
        match self.core_and(id, profile).await? {
            (Some(core), Some(profile)) => Ok(Some((core_from_item(&core)?, profile_from_item(&profile)?))),
            (None, None) => Ok(None),
            _ => Err(corrupt("an account", "it lacks its core or its profile")),
        }
    }

    /// The account and one of its card payments, at one instant. `None` if there is no such account or payment.
    ///
    /// # Errors
    ///
    /// The database is unavailable, or an item cannot be read.
    pub async fn account_with_payment(
        &self,
        id: &AccountId,
        payment: &PaymentId,
    ) -> Result<Option<(Account, CardPayment)>, StoreError> {
        let row = (self.tables.payments.as_str(), key(id, PAYMENT_ID, payment.as_str()));
        let (Some(core), Some(row)) = self.core_and(id, row).await? else { return Ok(None) };
        let payment = payment_from_item(&row)?.card();
        payment.map(|payment| Ok((core_from_item(&core)?, payment))).transpose()
    }

    /// An account's core and another item, at one instant. A transaction that reads meets those that write, too: it is tried again,
    /// and never long.
    async fn core_and(
        &self,
        id: &AccountId,
        (table, other): (&str, Item),
    ) -> Result<(Option<Item>, Option<Item>), StoreError> {
        let get = |table: &str, key: &Item| {
            let get = Get::builder().table_name(table).set_key(Some(key.clone()));
            TransactGetItem::builder().get(get.build().expect("table and key are set")).build()
        };
        let core = key(id, PART, CORE);
        for tries in 1..=MAX_TRIES_TO_READ {
            let result = self
                .client
                .transact_get_items()
                .transact_items(get(&self.tables.accounts, &core))
                .transact_items(get(table, &other))
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await;
            match result {
                Ok(output) => return self.two_items(output),
                Err(error) if raced(&error) => tokio::time::sleep(pause(tries)).await,
                Err(error) => return Err(StoreError::from_sdk(error)),
            }
        }
        Err(StoreError::Contended { tries: MAX_TRIES_TO_READ })
    }

    fn two_items(&self, output: TransactGetItemsOutput) -> Result<(Option<Item>, Option<Item>), StoreError> {
        output.consumed_capacity().iter().for_each(|consumed| self.meter.read(Some(consumed)));
        let items: Vec<_> = output.responses.into_iter().flatten().map(|response| response.item).collect();
        let [core, other] = items
            .try_into()
            .map_err(|_| corrupt("a transactional read", "it did not answer for both items"))?;
        Ok((core, other))
    }

    /// One card payment.
    pub async fn card_payment(
        &self,
        account: &AccountId,
        id: &PaymentId,
    ) -> Result<Option<CardPayment>, StoreError> {
        Ok(self.payment(account, id).await?.and_then(Payment::card))
    }

    /// One adjustment.
    pub async fn adjustment(
        &self,
        account: &AccountId,
        id: &PaymentId,
    ) -> Result<Option<Adjustment>, StoreError> {
        Ok(self.payment(account, id).await?.and_then(Payment::adjustment))
    }

    pub(crate) async fn payment(
        &self,
        account: &AccountId,
        id: &PaymentId,
    ) -> Result<Option<Payment>, StoreError> {
        let item = self.item(&self.tables.payments, key(account, PAYMENT_ID, id.as_str())).await?;
        item.as_ref().map(payment_from_item).transpose()
    }

    /// What a lot began with, by the payment or adjustment that added it.
    ///
    /// # Errors
    ///
    /// The database is unavailable, or there is no such payment.
    pub async fn lot_began(&self, account: &AccountId, lot: &LotId) -> Result<Began, StoreError> {
        let payment = PaymentId::parse(lot.as_str()).ok();
        let payment = match payment {
            Some(id) => self.payment(account, &id).await?,
            None => None,
        };
        match payment {
            Some(Payment::Card(payment)) => {
                Ok(Began { purchased_at: payment.created_at, amount: payment.amount })
            }
            Some(Payment::Adjustment(adjustment)) => {
                Ok(Began { purchased_at: adjustment.created_at, amount: adjustment.amount })
            }
            Some(Payment::Invoice(_)) | None => Err(corrupt(&format!("lot {lot}"), "no payment added it")),
        }
    }

    /// Writes a card payment on its own, if it is still as it was read; `false` if it is not. This is how the
    /// processor's object is noted before it is confirmed: no money moves.
    pub async fn note_payment(&self, payment: &CardPayment) -> Result<bool, StoreError> {
        let (expression, before) = Condition::payment_follows(payment.revision).parts();
        let result = self
            .client
            .put_item()
            .table_name(&self.tables.payments)
            .set_item(Some(card_payment_to_item(payment)))
            .condition_expression(expression)
            .set_expression_attribute_values(
                before.map(|before| Item::from([(":before".to_owned(), before)])),
            )
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        match result {
            Ok(output) => {
                self.meter.write(output.consumed_capacity());
                Ok(true)
            }
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                // A write whose reply was lost is sent again by the SDK and finds itself.
                Ok(self.card_payment(&payment.account, &payment.id).await?.as_ref() == Some(payment))
            }
            Err(error) => Err(StoreError::from_sdk(error)),
        }
    }

    /// One row of the journal.
    pub async fn entry(
        &self,
        account: &AccountId,
        entry: &JournalKey,
    ) -> Result<Option<JournalEntry>, StoreError> {
        let item = self.item(&self.tables.journal, key(account, ENTRY, entry.as_str())).await?;
        item.as_ref().map(entry_from_item).transpose()
    }

    /// Those of these rows that exist, each once, in no order.
    pub async fn entries(
        &self,
        keys: &[(AccountId, JournalKey)],
    ) -> Result<Vec<(AccountId, JournalEntry)>, StoreError> {
        // DynamoDB refuses a key that is asked for twice.
        let distinct: HashSet<_> = keys.iter().collect();
        let keys: Vec<_> =
            distinct.into_iter().map(|(account, entry)| key(account, ENTRY, entry.as_str())).collect();
        let mut rows = Vec::new();
        for item in self.batch(&self.tables.journal, &keys).await? {
            let account = item.get(ACCOUNT_ID).and_then(|id| id.as_s().ok()).map(AccountId::parse);
            let account = account.and_then(Result::ok);
            rows.push((
                account.ok_or_else(|| corrupt("a journal row", "no account"))?,
                entry_from_item(&item)?,
            ));
        }
        Ok(rows)
    }

    /// Those of these accounts that there are, in the same order.
    ///
    /// # Errors
    ///
    /// The database is unavailable, or an item cannot be read.
    pub async fn accounts_named(&self, ids: &[AccountId]) -> Result<Vec<(Account, Profile)>, StoreError> {
        let keys: Vec<_> = ids.iter().flat_map(|id| [key(id, PART, CORE), key(id, PART, PROFILE)]).collect();
        let mut parts: HashMap<_, Item> = HashMap::new();
        for item in self.batch(&self.tables.accounts, &keys).await? {
            let text = |name| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
            parts.insert((text(ACCOUNT_ID), text(PART)), item);
        }
        let mut part = |id: &AccountId, part: &str| parts.remove(&(id.to_string(), part.to_owned()));
        let mut accounts = Vec::new();
        for id in ids {
            if let (Some(core), Some(profile)) = (part(id, CORE), part(id, PROFILE)) {
                accounts.push((core_from_item(&core)?, profile_from_item(&profile)?));
            }
        }
        Ok(accounts)
    }

    /// All of these accounts, in the same order.
    pub(crate) async fn accounts_with_profiles(
        &self,
        ids: &[AccountId],
    ) -> Result<Vec<(Account, Profile)>, StoreError> {
        let accounts = self.accounts_named(ids).await?;
        if accounts.len() == ids.len() {
            Ok(accounts)
        } else {
            Err(corrupt("an account", "it lacks its core or its profile"))
        }
    }

    /// The profile as it stands.
    pub(crate) async fn profile(&self, id: &AccountId) -> Result<Profile, StoreError> {
        let item = self.item(&self.tables.accounts, key(id, PART, PROFILE)).await?;
        profile_from_item(&item.ok_or_else(|| corrupt("an account", "it lacks its profile"))?)
    }

    /// Opens a connection, so that the first event need not: asks for an account that cannot be, since `#` is in no
    /// account's id.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        let nobody = key_of("#", PART, CORE);
        self.item(&self.tables.accounts, nobody).await.map(|_| ())
    }

    pub(crate) async fn item(&self, table: &str, key: Item) -> Result<Option<Item>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(table)
            .set_key(Some(key))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        self.meter.read(output.consumed_capacity());
        Ok(output.item)
    }

    /// Items under distinct keys, as many as there are.
    pub(crate) async fn batch(&self, table: &str, keys: &[Item]) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        for keys in keys.chunks(BATCH) {
            let mut wanted = keys.to_vec();
            let mut tries = 0;
            while !wanted.is_empty() {
                if tries > 0 {
                    tokio::time::sleep(pause(tries)).await;
                }
                tries += 1;
                if tries > MAX_TRIES_TO_READ {
                    return Err(StoreError::Contended { tries: MAX_TRIES_TO_READ });
                }
                let (found, left) = self.batch_once(table, wanted).await?;
                items.extend(found);
                wanted = left;
            }
        }
        Ok(items)
    }

    /// What was found, and the keys that were not looked at: the table was too busy.
    async fn batch_once(&self, table: &str, keys: Vec<Item>) -> Result<(Vec<Item>, Vec<Item>), StoreError> {
        let request = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let output = self
            .client
            .batch_get_item()
            .request_items(table, request.expect("keys are set"))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        output.consumed_capacity().iter().for_each(|consumed| self.meter.read(Some(consumed)));
        let found = output.responses.and_then(|mut found| found.remove(table)).unwrap_or_default();
        let left = output.unprocessed_keys.and_then(|mut left| left.remove(table));
        Ok((found, left.map(|left| left.keys).unwrap_or_default()))
    }
}

fn raced(error: &SdkError<TransactGetItemsError>) -> bool {
    let Some(TransactGetItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
    else {
        return false;
    };
    let transient = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    cancelled
        .cancellation_reasons()
        .iter()
        .any(|reason| transient.contains(&reason.code().unwrap_or_default()))
}

/// A full primary key.
pub(crate) fn key(account: &AccountId, sort_name: &str, sort: &str) -> Item {
    key_of(account.as_str(), sort_name, sort)
}

fn key_of(account: &str, sort_name: &str, sort: &str) -> Item {
    Item::from([
        (ACCOUNT_ID.to_owned(), AttributeValue::S(account.to_owned())),
        (sort_name.to_owned(), AttributeValue::S(sort.to_owned())),
    ])
}
