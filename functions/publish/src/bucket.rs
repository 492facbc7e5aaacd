//! The bucket of undelivered records: records of the stream that cannot be published as they are. `publish` stores a record
//! that it cannot read, or that the bus refuses for good. The stream's mapping stores a batch that it gives up (its
//! on-failure destination). Objects of both kinds have the records in `payload.Records`.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use domain::Fingerprint;
use serde_json::{Value, json};

use crate::bus::code_of;

/// The prefix of the keys of single records. They sort after the mapping's, `aws/lambda/...`, so that a record that is
/// taken out of a batch comes up later in the same listing.
const PREFIX: &str = "records/";

/// Keys listed at once.
const KEYS_A_PAGE: i32 = 100;

/// A bucket, by its name.
#[derive(Clone)]
pub struct Bucket {
    client: Client,
    name: String,
}

/// The request to the bucket failed. The caller tries again later.
#[derive(Debug, thiserror::Error)]
#[error("the bucket of undelivered records is unavailable ({code})")]
pub struct BucketError {
    /// Its error code, or the kind of failure.
    code: String,
    /// The SDK's error.
    #[source]
    source: BoxError,
}

/// An object that holds no list of records.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoRecords {
    /// The object is not JSON, or its payload is a text that is not JSON.
    #[error("it is not JSON")]
    Json(#[from] serde_json::Error),
    /// The object has no records.
    #[error("it has no payload.Records")]
    Payload,
}

impl Bucket {
    /// The bucket of this name.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }

    /// Stores a record, and returns its key. The key is the same each time, so that a record that is delivered again is
    /// stored once.
    pub(crate) async fn store(&self, record: &Value, why: &str) -> Result<String, BucketError> {
        let key = key_of(record);
        let object = json!({ "why": why, "payload": { "Records": [record] } });
        self.client
            .put_object()
            .bucket(&self.name)
            .key(&key)
            .content_type("application/json")
            .body(ByteStream::from(object.to_string().into_bytes()))
            .send()
            .await
            .map_err(from_sdk)?;
        Ok(key)
    }

    /// A page of keys after this one, in their order. An empty page means that none are left.
    pub(crate) async fn keys(&self, after: Option<&str>) -> Result<Vec<String>, BucketError> {
        let list = self.client.list_objects_v2().bucket(&self.name).max_keys(KEYS_A_PAGE);
        let page = list.set_start_after(after.map(str::to_owned)).send().await.map_err(from_sdk)?;
        Ok(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect())
    }

    /// An object's content; `None` if it was deleted.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BucketError> {
        let object = match self.client.get_object().bucket(&self.name).key(key).send().await {
            Ok(object) => object,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => {
                return Ok(None);
            }
            Err(error) => return Err(from_sdk(error)),
        };
        let read = object.body.collect().await;
        let body =
            read.map_err(|source| BucketError { code: "no reply".to_owned(), source: source.into() })?;
        Ok(Some(body.to_vec()))
    }

    /// Deletes an object, if it is still there.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), BucketError> {
        self.client.delete_object().bucket(&self.name).key(key).send().await.map_err(from_sdk)?;
        Ok(())
    }
}

/// The records of an object.
pub(crate) fn records_of(object: &[u8]) -> Result<Vec<Value>, NoRecords> {
    let mut object: Value = serde_json::from_slice(object)?;
    // Lambda's documentation shows the mapping's payload as a text, and its examples read it as an object.
    let mut payload = match object.get_mut("payload").map(Value::take) {
        Some(Value::String(text)) => serde_json::from_str(&text)?,
        payload => payload.unwrap_or_default(),
    };
    match payload.get_mut("Records").map(Value::take) {
        Some(Value::Array(records)) if !records.is_empty() => Ok(records),
        _ => Err(NoRecords::Payload),
    }
}

/// The key of a record: its sequence number, by which people find it, and its fingerprint, which makes the key unique.
fn key_of(record: &Value) -> String {
    let sequence = record["dynamodb"]["SequenceNumber"].as_str().unwrap_or_default();
    let sequence: String = sequence.chars().filter(char::is_ascii_alphanumeric).collect();
    let fingerprint = Fingerprint::of([record.to_string().as_str()]);
    format!("{PREFIX}{sequence:0>40}-{}.json", fingerprint.as_str())
}

fn from_sdk<E>(error: SdkError<E>) -> BucketError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    BucketError { code: code_of(&error).to_owned(), source: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_the_mapping_are_read_whether_their_payload_is_a_text_or_not() {
        let payload = json!({ "Records": [{ "eventID": "1" }, { "eventID": "2" }] });
        // An object as in Lambda's guide, "Retain discarded records for a DynamoDB event source".
        let around = |payload: Value| {
            json!({
                "requestContext": { "requestId": "r", "functionArn": "f", "condition": "RecordAgeExceeded" },
                "responseContext": { "statusCode": 200, "executedVersion": "$LATEST" },
                "version": "1.0",
                "timestamp": "2026-11-27T00:13:49.717Z",
                "DDBStreamBatchInfo": { "shardId": "s", "batchSize": 2 },
                "payload": payload,
            })
            .to_string()
        };
        for object in [around(payload.clone()), around(payload.to_string().into())] {
            assert_eq!(records_of(object.as_bytes()).unwrap(), *payload["Records"].as_array().unwrap());
        }
        for object in ["", "{}", "[]", r#"{"payload":"["}"#, r#"{"payload":{"Records":[]}}"#] {
            assert!(records_of(object.as_bytes()).is_err(), "{object}");
        }
    }

    #[test]
    fn a_record_has_one_key_and_shares_it_with_none() {
        let record =
            |sequence: &str, id: &str| json!({ "eventID": id, "dynamodb": { "SequenceNumber": sequence } });
        let key = key_of(&record("1170000000002", "a"));
        assert_eq!(key, key_of(&record("1170000000002", "a")));
        assert!(key.starts_with("records/0000000000000000000000000001170000000002-"), "{key}");
        assert_ne!(key, key_of(&record("1170000000002", "b")));
        assert!(key < key_of(&record("11170000000002", "a")), "keys sort by sequence number");
        assert!(key_of(&json!(7)).starts_with("records/"), "any value has a key");
    }
}
