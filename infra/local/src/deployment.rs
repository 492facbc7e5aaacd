//! The tables, and the events of each queue, that `infra/template.yaml` must deploy, as the code defines them. The tests of
//! the template read them from docs/deployment.json.

use payments::sandbox::SANDBOX;
use serde_json::{Map, Value, json};
use store::mail_leases::NOTICES;
use store::tables::{ACCOUNTS, JOURNAL, PAYMENTS};
use store::{IndexDefinition, TableDefinition};

use crate::queues::Queue;

/// Every table of the system.
const TABLES: [TableDefinition; 5] = [ACCOUNTS, JOURNAL, PAYMENTS, NOTICES, SANDBOX];

/// The tables by name, each with its `CloudFormation` properties, and the types of the events that each queue gets
/// from the bus.
pub fn deployment() -> Value {
    let tables: Map<_, _> = TABLES.iter().map(|table| (table.name.to_owned(), properties(table))).collect();
    let queues = Queue::ALL.into_iter().filter(|queue| !queue.events().is_empty());
    let queues: Map<_, _> = queues.map(|queue| (queue.name().to_owned(), json!(queue.events()))).collect();
    json!({ "tables": tables, "queues": queues })
}

fn properties(table: &TableDefinition) -> Value {
    let attributes = table.key_attributes();
    let attributes: Vec<_> =
        attributes.iter().map(|name| json!({ "AttributeName": name, "AttributeType": "S" })).collect();
    let mut properties = json!({
        "AttributeDefinitions": attributes,
        "KeySchema": key_schema(table.partition, table.sort),
    });
    if !table.indexes.is_empty() {
        properties["GlobalSecondaryIndexes"] = table.indexes.iter().map(index).collect();
    }
    if table.has_stream {
        properties["StreamSpecification"] = json!({ "StreamViewType": "NEW_IMAGE" });
    }
    if let Some(attribute) = table.expiry {
        properties["TimeToLiveSpecification"] = json!({ "AttributeName": attribute, "Enabled": true });
    }
    properties
}

fn index(index: &IndexDefinition) -> Value {
    json!({
        "IndexName": index.name,
        "KeySchema": key_schema(index.partition, Some(index.sort)),
        "Projection": { "ProjectionType": if index.has_whole_items { "ALL" } else { "KEYS_ONLY" } },
    })
}

fn key_schema(partition: &str, sort: Option<&str>) -> Value {
    let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    let sort = sort.map(|name| key(name, "RANGE"));
    [key(partition, "HASH")].into_iter().chain(sort).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_is_current() {
        let committed = include_str!("../../../docs/deployment.json");
        assert_eq!(committed.trim(), format!("{:#}", deployment()), "run `cargo xtask deployment`");
    }
}
