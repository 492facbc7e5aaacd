//! Listings, page by page, and what is due. No scan anywhere: each reads one index or one key range.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::journal::{JournalEntry, LATE_AFTER};
use domain::journal_key::{EntryKind, JournalKey};
use domain::rejected_record::Message;
use domain::time::{FUTURE_TOLERANCE, cut_to_millisecond, key_text};
use domain::{Account, AccountId, CardPayment, PaymentId, Profile};
use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::account_item::LISTED_VALUE;
use crate::entry_item::{entry_from_item, marker_from_item};
use crate::error::{StoreError, corrupt};
use crate::item::Item;
use crate::payment_item::card_payment_from_item;
use crate::read::key;
use crate::tables::{
    ACCOUNT_ID, CORE, CREATED, CREATION_INDEX, Due, ENTRY, LATE_INDEX, LATE_POSTED, LISTED, LISTING_INDEX,
    PART, PAYMENT_ID, SHARDS, shard_of, unrated_partition,
};

/// Where the next page begins. Opaque to clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub(crate) String);

impl Cursor {
    /// What a client sent back; `None` if it is not a cursor.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        String::from_utf8(bytes).ok().map(Self)
    }

    /// What a client is given.
    pub fn encoded(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(&self.0)
    }
}

/// One page and where the next begins.
#[derive(Debug)]
pub struct Page<T> {
    /// At most as many as were asked for.
    pub items: Vec<T>,
    /// None after the last page.
    pub next: Option<Cursor>,
}

/// A period of the journal, by `at`; newest first.
#[derive(Clone, Debug, Default)]
pub struct Period {
    /// From this instant.
    pub from: Option<Timestamp>,
    /// Up to, not including.
    pub to: Option<Timestamp>,
    /// Only this kind.
    pub kind: Option<EntryKind>,
}

impl Period {
    /// Whether a cursor is the key of a row that may stand in this period: DynamoDB refuses any other.
    fn holds(&self, entry: &str) -> bool {
        is_journal_key(entry)
            && self.from.is_none_or(|from| *entry >= *key_text(from))
            && self.to.is_none_or(|to| *entry < *key_text(to))
    }
}

/// A period of the journal, by when its rows were posted: to the millisecond, as they were.
#[derive(Clone, Copy, Debug)]
pub struct Posted {
    from: Timestamp,
    to: Timestamp,
}

impl Posted {
    /// From an instant up to, not including, a later one.
    pub fn between(from: Timestamp, to: Timestamp) -> Option<Self> {
        let (from, to) = (cut_to_millisecond(from), cut_to_millisecond(to));
        (from < to).then_some(Self { from, to })
    }

    /// The keys of rows that were posted in it, but for late ones.
    fn keys(self) -> Period {
        Period {
            from: self.from.checked_sub(LATE_AFTER).ok(),
            // A key at the very last instant is in it.
            to: self.to.checked_add(FUTURE_TOLERANCE + SignedDuration::from_millis(1)).ok(),
            kind: None,
        }
    }

    /// Whether a page may begin at this place: DynamoDB refuses any other.
    fn holds(self, place: &PostedPlace) -> bool {
        let text = |name| place.after.as_ref()?.get(name)?.as_s().ok();
        let Some(entry) = text(ENTRY) else { return place.after.is_none() };
        if place.late {
            text(LATE_POSTED)
                .is_some_and(|posted| *posted >= key_text(self.from) && *posted < key_text(self.to))
        } else {
            self.keys().holds(entry)
        }
    }
}

/// Where a page of [`Store::posted`] begins; the first one by default.
#[derive(Clone, Debug, Default)]
pub struct PostedPlace {
    /// Among rows that were posted late, rather than those whose keys lie near the period.
    late: bool,
    /// After the row with this key.
    after: Option<Item>,
}

impl PostedPlace {
    /// The first page of the rows that were posted late.
    pub fn late() -> Self {
        Self { late: true, after: None }
    }

    /// The instant of the key at which it stands, among the rows whose keys lie near the period. The pages before it have all rows
    /// with later keys.
    pub fn near(&self) -> Option<Timestamp> {
        let entry = self.after.as_ref().filter(|_| !self.late)?.get(ENTRY)?.as_s().ok()?;
        JournalKey::from_stored(entry).instant()
    }

    /// The place as a cursor.
    pub fn cursor(&self) -> Cursor {
        let text = |name| self.after.as_ref()?.get(name)?.as_s().ok().cloned();
        // An instant has no `#`.
        let (late, entry) = (text(LATE_POSTED).unwrap_or_default(), text(ENTRY).unwrap_or_default());
        Cursor(format!("{}#{late}#{entry}", if self.late { "late" } else { "near" }))
    }

    /// The place of a cursor, if it is one of this account.
    pub fn of(account: &AccountId, Cursor(cursor): &Cursor) -> Option<Self> {
        let (which, rest) = cursor.split_once('#')?;
        let (late_posted, entry) = rest.split_once('#')?;
        let late = match which {
            "late" => true,
            "near" => false,
            _ => return None,
        };
        if late && late_posted.is_empty() && entry.is_empty() {
            return Some(Self { late, after: None });
        }
        let is_instant = late_posted.parse().is_ok_and(|instant| key_text(instant) == late_posted);
        let fits = if late { is_instant } else { late_posted.is_empty() };
        if !fits || !is_journal_key(entry) {
            return None;
        }
        let mut after = key(account, ENTRY, entry);
        if late {
            after.insert(LATE_POSTED.to_owned(), AttributeValue::S(late_posted.to_owned()));
        }
        Some(Self { late, after: Some(after) })
    }
}

/// A filtered listing looks at no more rows than this for one page; the page then ends early.
const MAX_ROWS_LOOKED_AT: usize = 5_000;

impl Store {
    /// Journal entries of an account, newest first.
    pub async fn transactions(
        &self,
        account: &AccountId,
        period: &Period,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<JournalEntry>, StoreError> {
        let mut start = match cursor {
            None => None,
            Some(Cursor(entry)) if period.holds(entry) => Some(entry.clone()),
            Some(_) => return Err(StoreError::Cursor),
        };
        let mut items: Vec<JournalEntry> = Vec::new();
        let mut looked_at = 0;
        loop {
            let wanted = if period.kind.is_some() { 500 } else { limit - items.len() };
            let query = self.journal_range(account, period, start.take()).limit(page_size(wanted));
            let output = self.query(query).await?;
            looked_at += output.items().len();
            for item in output.items() {
                let entry = entry_from_item(item)?;
                if period.kind.is_none_or(|kind| entry.details.kind() == kind) {
                    items.push(entry);
                    if items.len() == limit {
                        let more = output.last_evaluated_key.is_some() || output.items().last() != Some(item);
                        let next = items.last().filter(|_| more).map(|last| Cursor(last.key.to_string()));
                        return Ok(Page { items, next });
                    }
                }
            }
            let Some(last) = output.last_evaluated_key else { return Ok(Page { items, next: None }) };
            let last = sort_text(&last, ENTRY)?;
            if looked_at >= MAX_ROWS_LOOKED_AT {
                return Ok(Page { items, next: Some(Cursor(last)) });
            }
            start = Some(last);
        }
    }

    /// Records of a message that were refused and are kept, by their place in it.
    pub async fn rejected(
        &self,
        account: &AccountId,
        message: &Message,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        let prefix = JournalKey::prefix_of_rejected(message.sent_at, &message.id);
        let mut rows = Vec::new();
        let mut start = None;
        loop {
            let query = self
                .client
                .query()
                .table_name(&self.tables.journal)
                .consistent_read(true)
                .key_condition_expression("accountId = :account AND begins_with(entry, :message)")
                .expression_attribute_values(":account", AttributeValue::S(account.to_string()))
                .expression_attribute_values(":message", AttributeValue::S(prefix.clone()))
                .set_exclusive_start_key(start);
            let output = self.query(query).await?;
            for item in output.items() {
                rows.push(entry_from_item(item)?);
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(rows);
            }
        }
    }

    /// What was posted to an account in a period, whenever it happened: first the rows whose keys lie near it, then
    /// those that were posted late, each page on its own. `at` is the place where the page before ended.
    ///
    /// Rows posted in `[from, to)` have keys from three days before `from` to five minutes after `to` (a call may start
    /// that much later than now, T1), except late ones, which an index lists by their posting. An older version wrote late
    /// rows without the index's key: those are found only if their keys lie in that range.
    pub async fn posted(
        &self,
        account: &AccountId,
        posted: Posted,
        at: PostedPlace,
        limit: usize,
    ) -> Result<(Vec<JournalEntry>, Option<PostedPlace>), StoreError> {
        if !posted.holds(&at) {
            return Err(StoreError::Cursor);
        }
        let query = if at.late {
            self.posted_late(account, posted, at.after)
        } else {
            self.posted_near(account, posted, at.after)
        };
        let output = self.query(query.limit(page_size(limit))).await?;
        let rows = output.items().iter().map(entry_from_item).collect::<Result<_, _>>()?;
        let next = match output.last_evaluated_key {
            Some(last) => Some(PostedPlace { late: at.late, after: Some(last) }),
            None => (!at.late).then_some(PostedPlace { late: true, after: None }),
        };
        Ok((rows, next))
    }

    fn posted_near(&self, account: &AccountId, posted: Posted, start: Option<Item>) -> QueryFluentBuilder {
        let keys = posted.keys();
        let milliseconds = |instant: Timestamp| AttributeValue::N(instant.as_millisecond().to_string());
        self.journal_range(account, &keys, None)
            .set_exclusive_start_key(start)
            .filter_expression(
                "postedAt >= :posted AND postedAt < :before AND attribute_not_exists(latePosted)",
            )
            .expression_attribute_values(":posted", milliseconds(posted.from))
            .expression_attribute_values(":before", milliseconds(posted.to))
    }

    fn posted_late(&self, account: &AccountId, posted: Posted, start: Option<Item>) -> QueryFluentBuilder {
        // Both bounds of BETWEEN are in it, and instants are whole milliseconds.
        let last = posted.to - SignedDuration::from_millis(1);
        self.client
            .query()
            .table_name(&self.tables.journal)
            .index_name(LATE_INDEX)
            .key_condition_expression("accountId = :account AND latePosted BETWEEN :from AND :last")
            .expression_attribute_values(":account", AttributeValue::S(account.to_string()))
            .expression_attribute_values(":from", AttributeValue::S(key_text(posted.from)))
            .expression_attribute_values(":last", AttributeValue::S(key_text(last)))
            .set_exclusive_start_key(start)
    }

    pub(crate) fn journal_range(
        &self,
        account: &AccountId,
        period: &Period,
        start: Option<String>,
    ) -> QueryFluentBuilder {
        let query = self
            .client
            .query()
            .table_name(&self.tables.journal)
            .scan_index_forward(false)
            .consistent_read(true)
            .expression_attribute_values(":account", AttributeValue::S(account.to_string()))
            .set_exclusive_start_key(start.map(|entry| {
                Item::from([
                    (ACCOUNT_ID.to_owned(), AttributeValue::S(account.to_string())),
                    (ENTRY.to_owned(), AttributeValue::S(entry)),
                ])
            }));
        // A key is longer than its instant, so one at `to` sorts after the bare text of `to`.
        let bound = |instant: Timestamp| AttributeValue::S(key_text(instant));
        match (period.from, period.to) {
            (None, None) => query.key_condition_expression("accountId = :account"),
            (Some(from), None) => query
                .key_condition_expression("accountId = :account AND entry >= :from")
                .expression_attribute_values(":from", bound(from)),
            (None, Some(to)) => query
                .key_condition_expression("accountId = :account AND entry < :to")
                .expression_attribute_values(":to", bound(to)),
            (Some(from), Some(to)) => query
                .key_condition_expression("accountId = :account AND entry BETWEEN :from AND :to")
                .expression_attribute_values(":from", bound(from))
                .expression_attribute_values(":to", bound(to)),
        }
    }

    /// Purchases and recharges of an account, newest first.
    pub async fn purchases(
        &self,
        account: &AccountId,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<CardPayment>, StoreError> {
        let start = cursor.map(|Cursor(created)| {
            let id = after_instant(created).ok_or(StoreError::Cursor)?;
            let id = PaymentId::parse(id).map_err(|_| StoreError::Cursor)?;
            Ok::<_, StoreError>(Item::from([
                (ACCOUNT_ID.to_owned(), AttributeValue::S(account.to_string())),
                (CREATED.to_owned(), AttributeValue::S(created.clone())),
                (PAYMENT_ID.to_owned(), AttributeValue::S(id.to_string())),
            ]))
        });
        let start = start.transpose()?;
        let query = self
            .client
            .query()
            .table_name(&self.tables.payments)
            .index_name(CREATION_INDEX)
            .scan_index_forward(false)
            .key_condition_expression("accountId = :account")
            .expression_attribute_values(":account", AttributeValue::S(account.to_string()))
            .set_exclusive_start_key(start)
            .limit(page_size(limit));
        let output = self.query(query).await?;
        let items = output.items().iter().map(card_payment_from_item).collect::<Result<_, _>>()?;
        let next = output.last_evaluated_key.map(|key| sort_text(&key, CREATED)).transpose()?.map(Cursor);
        Ok(Page { items, next })
    }

    /// All accounts, by id.
    pub async fn accounts(
        &self,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<(Account, Profile)>, StoreError> {
        let after =
            cursor.map(|Cursor(id)| AccountId::parse(id).map_err(|_| StoreError::Cursor)).transpose()?;
        let output = self.query(self.listing(after.as_ref(), limit)).await?;
        let ids = output.items().iter().map(account_of).collect::<Result<Vec<_>, _>>()?;
        let items = self.accounts_with_profiles(&ids).await?;
        let next = output.last_evaluated_key.map(|key| sort_text(&key, ACCOUNT_ID)).transpose()?.map(Cursor);
        Ok(Page { items, next })
    }

    /// The ids of all accounts, in their order.
    pub(crate) fn listing(&self, after: Option<&AccountId>, limit: usize) -> QueryFluentBuilder {
        let start = after.map(|id| {
            Item::from([
                (LISTED.to_owned(), AttributeValue::S(LISTED_VALUE.to_owned())),
                (ACCOUNT_ID.to_owned(), AttributeValue::S(id.to_string())),
                (PART.to_owned(), AttributeValue::S(CORE.to_owned())),
            ])
        });
        self.client
            .query()
            .table_name(&self.tables.accounts)
            .index_name(LISTING_INDEX)
            .key_condition_expression("listed = :listed")
            .expression_attribute_values(":listed", AttributeValue::S(LISTED_VALUE.to_owned()))
            .set_exclusive_start_key(start)
            .limit(page_size(limit))
    }

    /// Accounts that need attention by `until`. Reads what is due and nothing else (E2).
    pub async fn due(&self, due: Due, until: Timestamp) -> Result<Vec<AccountId>, StoreError> {
        let mut accounts = Vec::new();
        for shard in 0..SHARDS {
            let mut start = None;
            loop {
                let output = self.query(self.due_in_shard(due, shard, until, start)).await?;
                for item in output.items() {
                    accounts.push(account_of(item)?);
                }
                start = output.last_evaluated_key;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(accounts)
    }

    fn due_in_shard(&self, due: Due, shard: u8, until: Timestamp, start: Option<Item>) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.tables.accounts)
            .index_name(due.index())
            .key_condition_expression("#shard = :shard AND #due <= :until")
            .expression_attribute_names("#shard", due.shard_key())
            .expression_attribute_values(":shard", AttributeValue::S(shard.to_string()))
            .expression_attribute_names("#due", due.index())
            .expression_attribute_values(":until", AttributeValue::S(key_text(until)))
            .set_exclusive_start_key(start)
    }

    /// Records without a rate, of all accounts (S9). A page never spans two shards, so it may be short.
    pub async fn unrated(
        &self,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<(AccountId, JournalEntry)>, StoreError> {
        let (first_shard, mut start) = match cursor {
            None => (0, None),
            Some(Cursor(entry)) => {
                let (account, key) = entry.split_once('#').ok_or(StoreError::Cursor)?;
                let account = AccountId::parse(account).ok().filter(|_| is_journal_key(key));
                (shard_of(&account.ok_or(StoreError::Cursor)?), Some(entry.clone()))
            }
        };
        for shard in first_shard..SHARDS {
            let partition = unrated_partition(shard);
            let query = self
                .client
                .query()
                .table_name(&self.tables.journal)
                .consistent_read(true)
                .key_condition_expression("accountId = :partition")
                .expression_attribute_values(":partition", AttributeValue::S(partition.clone()))
                .set_exclusive_start_key(start.take().map(|entry| {
                    Item::from([
                        (ACCOUNT_ID.to_owned(), AttributeValue::S(partition)),
                        (ENTRY.to_owned(), AttributeValue::S(entry)),
                    ])
                }))
                .limit(page_size(limit));
            let output = self.query(query).await?;
            if output.items().is_empty() {
                continue;
            }
            let marked = output.items().iter().map(marker_from_item).collect::<Result<Vec<_>, _>>()?;
            let rows = self.in_order(&marked).await?;
            let last = output.items().last().map(|item| sort_text(item, ENTRY)).transpose()?;
            return Ok(Page { items: rows, next: last.map(Cursor) });
        }
        Ok(Page { items: Vec::new(), next: None })
    }

    async fn in_order(
        &self,
        marked: &[(AccountId, JournalKey)],
    ) -> Result<Vec<(AccountId, JournalEntry)>, StoreError> {
        let mut rows = self.entries(marked).await?;
        rows.sort_by(|(a, left), (b, right)| (a, &left.key).cmp(&(b, &right.key)));
        Ok(rows)
    }

    /// The parts of an account from one text to another, both included.
    pub(crate) fn parts_between(&self, account: &AccountId, first: &str, last: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.tables.accounts)
            .consistent_read(true)
            .key_condition_expression("accountId = :account AND part BETWEEN :first AND :last")
            .expression_attribute_values(":account", AttributeValue::S(account.to_string()))
            .expression_attribute_values(":first", AttributeValue::S(first.to_owned()))
            .expression_attribute_values(":last", AttributeValue::S(last.to_owned()))
    }

    pub(crate) async fn query(
        &self,
        query: QueryFluentBuilder,
    ) -> Result<aws_sdk_dynamodb::operation::query::QueryOutput, StoreError> {
        let output = query
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        self.meter.read(output.consumed_capacity());
        Ok(output)
    }
}

/// What follows the instant that a key begins with.
fn after_instant(key: &str) -> Option<&str> {
    let (instant, rest) = key.split_once('#')?;
    let parsed: Timestamp = instant.parse().ok()?;
    (key_text(parsed) == instant).then_some(rest)
}

/// DynamoDB's limit for a sort key.
const LONGEST_KEY_BYTES: usize = 1_024;

fn is_journal_key(text: &str) -> bool {
    text.len() <= LONGEST_KEY_BYTES && after_instant(text).is_some()
}

pub(crate) fn page_size(limit: usize) -> i32 {
    i32::try_from(limit).expect("pages are short")
}

pub(crate) fn account_of(item: &Item) -> Result<AccountId, StoreError> {
    AccountId::parse(sort_text(item, ACCOUNT_ID)?)
        .map_err(|problem| corrupt("an index entry", &problem.to_string()))
}

pub(crate) fn sort_text(item: &Item, field: &str) -> Result<String, StoreError> {
    let text = item.get(field).and_then(|value| value.as_s().ok());
    text.cloned().ok_or_else(|| corrupt("a key", &format!("it has no {field}")))
}
