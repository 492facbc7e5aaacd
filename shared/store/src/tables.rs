//! Tables, keys and indexes. [`Tables::create`] serves the one-machine host and the tests; a deployment's
//! template creates the same ones.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
    StreamSpecification, StreamViewType,
};
use domain::{AccountId, Fingerprint};
use jiff::civil::Date;

use crate::error::StoreError;

/// Names of the tables.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Wallets: `accountId`, `part`.
    pub accounts: String,
    /// Journal entries: `accountId`, `entry`.
    pub journal: String,
    /// Payments: `accountId`, `paymentId`.
    pub payments: String,
}

/// Partition key of every table.
pub(crate) const ACCOUNT_ID: &str = "accountId";
/// Sort key of `accounts`.
pub(crate) const PART: &str = "part";
/// Sort key of `journal`: `instant#kind#id`.
pub(crate) const ENTRY: &str = "entry";
/// Sort key of `payments`.
pub(crate) const PAYMENT_ID: &str = "paymentId";

/// The part of an account that every decision reads.
pub(crate) const CORE: &str = "core";
/// The part with name, recipients and cards.
pub(crate) const PROFILE: &str = "profile";

/// The part that says how the account stood at the end of a day (UTC).
pub(crate) fn day_part(day: Date) -> String {
    format!("day#{day}")
}

/// Lists account ids: every core has `listed` = [`LISTED`].
pub(crate) const LISTING_INDEX: &str = "listing";
/// Partition key of [`LISTING_INDEX`].
pub(crate) const LISTED: &str = "listed";

/// Newest-first purchases and recharges; an adjustment has no `created` and is not in it.
pub(crate) const CREATION_INDEX: &str = "creation";
/// Sort key of [`CREATION_INDEX`]: instant and id.
pub(crate) const CREATED: &str = "created";

/// Rows posted over three days after their key's instant; others have no `latePosted` and are not in it.
pub(crate) const LATE_INDEX: &str = "latePosted";
/// Sort key of [`LATE_INDEX`]: the instant of the posting.
pub(crate) const LATE_POSTED: &str = "latePosted";

/// Accounts that need attention by an instant, spread over shards so that no partition is hot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Bookings and warnings, read by the nightly `expire`.
    Expire,
    /// Everything else, read by the five-minute recovery.
    Recharge,
}

impl Due {
    pub(crate) const ALL: [Self; 2] = [Self::Expire, Self::Recharge];

    /// The index's name, which is also its sort key's.
    pub(crate) fn index(self) -> &'static str {
        match self {
            Self::Expire => "dueExpire",
            Self::Recharge => "dueRecharge",
        }
    }

    /// Its partition key's name.
    pub(crate) fn shard_key(self) -> &'static str {
        match self {
            Self::Expire => "dueExpireShard",
            Self::Recharge => "dueRechargeShard",
        }
    }
}

/// How many partitions a sharded index or marker has.
pub(crate) const SHARDS: u8 = 8;

/// The shard of an account: the same one for ever, since it is stored.
pub(crate) fn shard_of(account: &AccountId) -> u8 {
    let digest = Fingerprint::of([account.as_str()]);
    digest.as_str().bytes().fold(0u8, |sum, digit| sum.wrapping_mul(31).wrapping_add(digit)) % SHARDS
}

/// The partition of `journal` that marks records without a rate. `#` cannot be in an account's id.
pub(crate) fn unrated_partition(shard: u8) -> String {
    format!("unrated#{shard}")
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            accounts: "accounts".to_owned(),
            journal: "journal".to_owned(),
            payments: "payments".to_owned(),
        }
    }
}

impl Tables {
    /// The names in the settings `ACCOUNTS_TABLE`, `JOURNAL_TABLE` and `PAYMENTS_TABLE`; the error is the name
    /// of the one that is missing.
    pub fn from_env() -> Result<Self, &'static str> {
        let name = |setting: &'static str| std::env::var(setting).map_err(|_| setting);
        Ok(Self {
            accounts: name("ACCOUNTS_TABLE")?,
            journal: name("JOURNAL_TABLE")?,
            payments: name("PAYMENTS_TABLE")?,
        })
    }

    /// Creates those that do not exist, and gives those that do the stream and the indexes that they lack.
    pub async fn create(&self, client: &Client) -> Result<(), StoreError> {
        let mut due_indexes =
            Vec::from(Due::ALL.map(|due| Index::sparse(due.index(), due.shard_key(), due.index())));
        due_indexes.push(Index::sparse(LISTING_INDEX, LISTED, ACCOUNT_ID));
        create(client, &self.accounts, PART, &due_indexes, Some(facts_stream())).await?;
        let late = Index::sparse(LATE_INDEX, ACCOUNT_ID, LATE_POSTED).with_whole_items();
        create(client, &self.journal, ENTRY, &[late], None).await?;
        let creation = Index::sparse(CREATION_INDEX, ACCOUNT_ID, CREATED).with_whole_items();
        create(client, &self.payments, PAYMENT_ID, &[creation], None).await
    }
}

struct Index {
    name: &'static str,
    partition: &'static str,
    sort: &'static str,
    projection: ProjectionType,
}

impl Index {
    fn sparse(name: &'static str, partition: &'static str, sort: &'static str) -> Self {
        Self { name, partition, sort, projection: ProjectionType::KeysOnly }
    }

    fn with_whole_items(self) -> Self {
        Self { projection: ProjectionType::All, ..self }
    }

    fn key_schema(&self) -> Vec<KeySchemaElement> {
        key_schema(self.partition, self.sort)
    }

    fn projection(&self) -> Projection {
        Projection::builder().projection_type(self.projection.clone()).build()
    }
}

async fn create(
    client: &Client,
    table: &str,
    sort_key: &str,
    indexes: &[Index],
    stream: Option<StreamSpecification>,
) -> Result<(), StoreError> {
    let mut attributes = vec![ACCOUNT_ID, sort_key];
    let mut request = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(ACCOUNT_ID, sort_key)))
        .set_stream_specification(stream.clone());
    for index in indexes {
        attributes.extend([index.partition, index.sort]);
        request = request.global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name(index.name)
                .set_key_schema(Some(index.key_schema()))
                .projection(index.projection())
                .build()
                .expect("name and keys are set"),
        );
    }
    attributes.sort_unstable();
    attributes.dedup();
    match request.set_attribute_definitions(Some(definitions(&attributes))).send().await {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception()) => {
            complete(client, table, indexes, stream).await
        }
        Err(error) => Err(StoreError::from_sdk(error)),
    }
}

/// Gives a table that an older version made the stream and the indexes that it lacks. A new index has the rows that carry
/// its key.
async fn complete(
    client: &Client,
    table: &str,
    indexes: &[Index],
    stream: Option<StreamSpecification>,
) -> Result<(), StoreError> {
    let described = client.describe_table().table_name(table).send().await.map_err(StoreError::from_sdk)?;
    let Some(found) = described.table() else { return Ok(()) };
    if let Some(stream) = stream.filter(|_| found.stream_specification().is_none()) {
        let update = client.update_table().table_name(table).stream_specification(stream);
        update.send().await.map_err(StoreError::from_sdk)?;
    }
    let has = |index: &Index| {
        found.global_secondary_indexes().iter().any(|found| found.index_name() == Some(index.name))
    };
    for index in indexes.iter().filter(|index| !has(index)) {
        let create = CreateGlobalSecondaryIndexAction::builder()
            .index_name(index.name)
            .set_key_schema(Some(index.key_schema()))
            .projection(index.projection())
            .build()
            .expect("name, keys and projection are set");
        let update = GlobalSecondaryIndexUpdate::builder().create(create).build();
        client
            .update_table()
            .table_name(table)
            .set_attribute_definitions(Some(definitions(&[index.partition, index.sort])))
            .global_secondary_index_updates(update)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
    }
    Ok(())
}

/// All keys are texts.
fn definitions(attributes: &[&str]) -> Vec<AttributeDefinition> {
    let define = |name: &&str| {
        AttributeDefinition::builder()
            .attribute_name(*name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .expect("name and type are set")
    };
    attributes.iter().map(define).collect()
}

/// What `publish` reads: each account as a commit left it, with what it tells.
fn facts_stream() -> StreamSpecification {
    let stream = StreamSpecification::builder().stream_enabled(true);
    stream.stream_view_type(StreamViewType::NewImage).build().expect("it is said whether it is on")
}

fn key_schema(partition: &str, sort: &str) -> Vec<KeySchemaElement> {
    [(partition, KeyType::Hash), (sort, KeyType::Range)]
        .into_iter()
        .map(|(name, key_type)| {
            KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(key_type)
                .build()
                .expect("name and type are set")
        })
        .collect()
}
