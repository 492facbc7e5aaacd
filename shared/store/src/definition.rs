//! The definition of a table: its keys, its indexes, its stream. Each table is defined once. The one-machine host and the tests
//! create it from there, and `docs/deployment.json`, which `infra/template.yaml` is held to, is written from there.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
    StreamSpecification, StreamViewType, TimeToLiveSpecification,
};

use crate::error::StoreError;

/// A table. All its keys are texts.
#[derive(Clone, Copy, Debug)]
pub struct TableDefinition {
    /// Its name on one machine, and what it is called in documents.
    pub name: &'static str,
    /// Its partition key.
    pub partition: &'static str,
    /// Its sort key, if it has one.
    pub sort: Option<&'static str>,
    /// Its indexes.
    pub indexes: &'static [IndexDefinition],
    /// Whether it has a stream of new images.
    pub has_stream: bool,
    /// The attribute with the second (since 1970) after which an item is deleted, if items are.
    pub expiry: Option<&'static str>,
}

/// A global secondary index, which has the items that carry its keys.
#[derive(Clone, Copy, Debug)]
pub struct IndexDefinition {
    /// Its name.
    pub name: &'static str,
    /// Its partition key.
    pub partition: &'static str,
    /// Its sort key.
    pub sort: &'static str,
    /// Whether it has whole items, or only their keys.
    pub has_whole_items: bool,
}

impl TableDefinition {
    /// A table without indexes, stream or expiry.
    pub const fn new(name: &'static str, partition: &'static str, sort: Option<&'static str>) -> Self {
        Self { name, partition, sort, indexes: &[], has_stream: false, expiry: None }
    }

    /// Its keys and those of its indexes, each once.
    pub fn key_attributes(&self) -> Vec<&'static str> {
        let mut attributes = vec![self.partition];
        attributes.extend(self.sort);
        attributes.extend(self.indexes.iter().flat_map(|index| [index.partition, index.sort]));
        attributes.sort_unstable();
        attributes.dedup();
        attributes
    }

    /// Creates it under this name unless it exists. A table that an older version made gets the stream and the indexes that it
    /// lacks.
    ///
    /// # Errors
    ///
    /// The database is unavailable, or refuses it.
    pub async fn create(&self, client: &Client, name: &str) -> Result<(), StoreError> {
        let indexes = self.indexes.iter().map(|index| {
            GlobalSecondaryIndex::builder()
                .index_name(index.name)
                .set_key_schema(Some(key_schema(index.partition, Some(index.sort))))
                .projection(index.projection())
                .build()
                .expect("name and keys are set")
        });
        let created = client
            .create_table()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(texts(&self.key_attributes())))
            .set_key_schema(Some(key_schema(self.partition, self.sort)))
            .set_stream_specification(self.stream())
            .set_global_secondary_indexes(
                Some(indexes.collect()).filter(|indexes: &Vec<_>| !indexes.is_empty()),
            )
            .send()
            .await;
        match created {
            Ok(_) => self.let_items_expire(client, name).await,
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception()) =>
            {
                self.complete(client, name).await
            }
            Err(error) => Err(StoreError::from_sdk(error)),
        }
    }

    async fn let_items_expire(&self, client: &Client, name: &str) -> Result<(), StoreError> {
        let Some(attribute) = self.expiry else { return Ok(()) };
        let expiry = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build();
        let update = client.update_time_to_live().table_name(name);
        let update = update.time_to_live_specification(expiry.expect("both are set"));
        update.send().await.map_err(StoreError::from_sdk)?;
        Ok(())
    }

    /// A new index has the items that carry its keys.
    async fn complete(&self, client: &Client, name: &str) -> Result<(), StoreError> {
        let described =
            client.describe_table().table_name(name).send().await.map_err(StoreError::from_sdk)?;
        let Some(found) = described.table() else { return Ok(()) };
        if let Some(stream) = self.stream().filter(|_| found.stream_specification().is_none()) {
            let update = client.update_table().table_name(name).stream_specification(stream);
            update.send().await.map_err(StoreError::from_sdk)?;
        }
        let has = |index: &IndexDefinition| {
            found.global_secondary_indexes().iter().any(|found| found.index_name() == Some(index.name))
        };
        for index in self.indexes.iter().filter(|index| !has(index)) {
            let create = CreateGlobalSecondaryIndexAction::builder()
                .index_name(index.name)
                .set_key_schema(Some(key_schema(index.partition, Some(index.sort))))
                .projection(index.projection())
                .build()
                .expect("name, keys and projection are set");
            let update = GlobalSecondaryIndexUpdate::builder().create(create).build();
            client
                .update_table()
                .table_name(name)
                .set_attribute_definitions(Some(texts(&[index.partition, index.sort])))
                .global_secondary_index_updates(update)
                .send()
                .await
                .map_err(StoreError::from_sdk)?;
        }
        Ok(())
    }

    fn stream(&self) -> Option<StreamSpecification> {
        let stream = StreamSpecification::builder().stream_enabled(true);
        let stream = stream.stream_view_type(StreamViewType::NewImage).build();
        self.has_stream.then(|| stream.expect("it is said whether it is on"))
    }
}

impl IndexDefinition {
    /// An index with the keys of its items.
    pub const fn of_keys(name: &'static str, partition: &'static str, sort: &'static str) -> Self {
        Self { name, partition, sort, has_whole_items: false }
    }

    /// An index with whole items.
    pub const fn of_items(name: &'static str, partition: &'static str, sort: &'static str) -> Self {
        Self { name, partition, sort, has_whole_items: true }
    }

    fn projection(&self) -> Projection {
        let items = if self.has_whole_items { ProjectionType::All } else { ProjectionType::KeysOnly };
        Projection::builder().projection_type(items).build()
    }
}

fn texts(attributes: &[&str]) -> Vec<AttributeDefinition> {
    let define = |name: &&str| {
        AttributeDefinition::builder()
            .attribute_name(*name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .expect("name and type are set")
    };
    attributes.iter().map(define).collect()
}

fn key_schema(partition: &str, sort: Option<&str>) -> Vec<KeySchemaElement> {
    let key = |name: &str, key_type| {
        let key = KeySchemaElement::builder().attribute_name(name).key_type(key_type);
        key.build().expect("name and type are set")
    };
    let sort = sort.map(|name| key(name, KeyType::Range));
    [key(partition, KeyType::Hash)].into_iter().chain(sort).collect()
}
