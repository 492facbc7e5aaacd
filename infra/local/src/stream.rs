//! Stands in for the stream of `accounts` and its mapping to `publish`: hands records to the function in their order, in
//! batches, and again until they are handled. Records that fail until they are `GIVEN_UP_AFTER` old are stored in the
//! bucket of undelivered records, as Lambda does for the mapping's on-failure destination.
//!
//! The engine keeps its stream in a table of its file. Published records are deleted from it, so that the remaining records
//! are the saved position: a record that was not published is still there after `kill -9`.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use memchr::memmem;
use publish::Batch;
use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::bucket::Bucket;
use crate::functions::Functions;
use crate::queues::random_id;
use crate::sqlite::Sqlite;

/// The engine finds the next sequence number by this index; without it, the engine goes through all records at each write.
/// A trim that is lost in a crash is only repeated, so it need not wait for the disk.
const PREPARATION: &str = "
    CREATE INDEX IF NOT EXISTS _stream_records_in_order
        ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
    PRAGMA synchronous = NORMAL;";

/// Records read at once.
const RECORDS_A_READ: usize = 1_000;
/// Records handed to `publish` at once: the default of a mapping.
const RECORDS_A_BATCH: usize = 100;
/// The number of consumed records after which they are deleted.
const TRIM_AFTER_RECORDS: usize = 500;
/// The time after which consumed records are deleted. It is not zero, since each deletion delays writers.
const TRIM_AFTER: Duration = Duration::from_millis(500);

/// How often the stream is read if nothing wakes it.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// The age at which the mapping gives up a record (`MaximumRecordAgeInSeconds` of infra/template.yaml).
const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_secs(82_800);

/// Pauses between two tries of the same batch.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The stream of `accounts`.
#[derive(Clone)]
pub struct Stream {
    records: Sqlite,
    /// The last consumed record, by the order of insertion. Sequence numbers follow the machine's clock, which may be set
    /// back.
    position: Arc<AtomicI64>,
    /// Notified when an item with events was written.
    news: Arc<Notify>,
}

/// What an item with events has, in DynamoDB's JSON. A quote within a text is escaped, so this is the name of an attribute.
/// `publish` ignores other items that have such an attribute.
const EVENTS: &str = r#""facts":"#;

struct Record {
    id: i64,
    sequence: String,
    created_at: Timestamp,
    /// The record as `publish` gets it. `None` if the commit has no events.
    event: Option<Value>,
}

impl Stream {
    /// Opens the stream over a second connection to the engine's file, which must exist.
    pub(crate) fn open(place: &str) -> rusqlite::Result<Self> {
        Ok(Self {
            records: Sqlite::open(place, PREPARATION)?,
            position: Arc::default(),
            news: Arc::default(),
        })
    }

    /// Reads the stream soon if this request to the database wrote an item with events. A record without events, which most
    /// debits leave, waits for the next reading.
    pub(crate) fn was_written(&self, request: &[u8]) {
        if memmem::find(request, EVENTS.as_bytes()).is_some() {
            self.wake();
        }
    }

    /// Reads the stream soon.
    pub(crate) fn wake(&self) {
        self.news.notify_one();
    }

    /// Whether there are events that have not been published.
    pub(crate) async fn is_behind(&self) -> rusqlite::Result<bool> {
        let position = self.position.load(Ordering::SeqCst);
        let newer = self.records.run(move |connection| {
            let query = "SELECT 1 FROM _stream_records WHERE id > ?1 AND instr(new_image, ?2) > 0 LIMIT 1";
            connection.prepare_cached(query)?.query_row(params![position, EVENTS], |_| Ok(())).optional()
        });
        Ok(newer.await?.is_some())
    }

    /// The number of records, for tests of the deletion of consumed ones.
    pub async fn count(&self) -> rusqlite::Result<u64> {
        let count = |connection: &mut rusqlite::Connection| {
            connection.query_row("SELECT count(*) FROM _stream_records", [], |row| row.get(0))
        };
        self.records.run(count).await
    }

    /// Makes all records older, for tests.
    pub async fn age(&self, by: SignedDuration) -> rusqlite::Result<()> {
        let age = move |connection: &mut rusqlite::Connection| {
            let update = "UPDATE _stream_records SET created_at = created_at - ?1";
            connection.execute(update, [by.as_secs()])
        };
        self.records.run(age).await.map(|_| ())
    }

    /// Hands records to `publish` until it is told to stop. It stops between two batches.
    pub(crate) async fn run(
        self,
        functions: Arc<Functions>,
        bucket: Arc<Bucket>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut pause = FIRST_PAUSE;
        let (mut consumed, mut trimmed_at) = (0, Instant::now());
        while !*stop.borrow() {
            let wait = match self.hand_on(&functions, &bucket).await {
                Ok(Progress::All(records)) => {
                    consumed += records;
                    pause = FIRST_PAUSE;
                    if records > 0 { Duration::ZERO } else { POLL_EVERY }
                }
                Ok(Progress::Stuck) => {
                    pause = LONGEST_PAUSE.min(pause * 2);
                    pause
                }
                Err(problem) => {
                    tracing::error!(%problem, "the stream cannot be read");
                    LONGEST_PAUSE
                }
            };
            let late = consumed > 0 && trimmed_at.elapsed() >= TRIM_AFTER;
            if late || consumed >= TRIM_AFTER_RECORDS {
                if let Err(problem) = self.trim().await {
                    tracing::warn!(%problem, "the stream could not be trimmed");
                }
                (consumed, trimmed_at) = (0, Instant::now());
            }
            let wait = if consumed > 0 { wait.min(TRIM_AFTER) } else { wait };
            let retrying = pause > FIRST_PAUSE;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.news.notified(), if !retrying => {}
                // This also ends the wait when the host is dropped.
                _ = stop.changed() => break,
            }
        }
        if let Err(problem) = self.trim().await {
            tracing::warn!(%problem, "the stream could not be trimmed");
        }
    }

    /// Hands the records to `publish`, up to the first batch that fails.
    async fn hand_on(&self, functions: &Arc<Functions>, bucket: &Bucket) -> rusqlite::Result<Progress> {
        let records = self.read().await?;
        for batch in records.chunks(RECORDS_A_BATCH) {
            let told: Vec<_> = batch.iter().filter_map(|record| record.event.clone()).collect();
            let mut good = batch.len();
            if !told.is_empty() {
                let failed = functions.publish(Batch { records: told }).await;
                good = batch.iter().position(|record| failed.contains(&record.sequence)).unwrap_or(good);
                good += give_up(&batch[good..], bucket).await?;
            }
            if let Some(last) = batch[..good].last() {
                self.position.store(last.id, Ordering::SeqCst);
            }
            if good < batch.len() {
                return Ok(Progress::Stuck);
            }
        }
        Ok(Progress::All(records.len()))
    }

    async fn read(&self) -> rusqlite::Result<Vec<Record>> {
        let position = self.position.load(Ordering::SeqCst);
        let read = self.records.run(move |connection| {
            let mut query = connection.prepare_cached(
                "SELECT id, event_name, keys_json, new_image, sequence_number, created_at, event_id
                 FROM _stream_records WHERE id > ?1 ORDER BY id LIMIT ?2",
            )?;
            query.query_map(params![position, RECORDS_A_READ], read_record)?.collect()
        });
        read.await
    }

    async fn trim(&self) -> rusqlite::Result<()> {
        let position = self.position.load(Ordering::SeqCst);
        let trimmed = self.records.run(move |connection| {
            connection.prepare_cached("DELETE FROM _stream_records WHERE id <= ?1")?.execute([position])
        });
        trimmed.await.map(|_| ())
    }
}

/// Stores the failed records that are too old to be tried again. Returns their number; they are the first of `failed`.
async fn give_up(failed: &[Record], bucket: &Bucket) -> rusqlite::Result<usize> {
    let oldest_tried = Timestamp::now() - GIVEN_UP_AFTER;
    let old = failed.iter().take_while(|record| record.created_at < oldest_tried).count();
    let events: Vec<_> = failed[..old].iter().filter_map(|record| record.event.as_ref()).collect();
    if !events.is_empty() {
        let now = Timestamp::now();
        let key =
            format!("aws/lambda/local/local/{}-{}", now.strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S"), random_id());
        let object = json!({
            "requestContext": { "condition": "RecordAgeExceeded" },
            "version": "1.0",
            "timestamp": now,
            "DDBStreamBatchInfo": { "batchSize": events.len() },
            "payload": { "Records": events },
        });
        tracing::error!(key, records = events.len(), "records are given up, and stored in the bucket");
        bucket.put(key, object.to_string().into_bytes()).await?;
    }
    Ok(old)
}

/// The result of a round.
enum Progress {
    /// All records that were read are consumed. This is their number.
    All(usize),
    /// A record is to be tried again.
    Stuck,
}

fn read_record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let image: Option<String> = row.get(3)?;
    let sequence: String = row.get(4)?;
    // Only the records that the mapping's filter lets through on AWS.
    let image = image.filter(|image| image.contains(EVENTS));
    let event = image.map(|image| {
        let parsed = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        let keys: String = row.get(2)?;
        Ok::<_, rusqlite::Error>(json!({
            "eventID": row.get::<_, Option<String>>(6)?.unwrap_or_default(),
            "eventName": row.get::<_, String>(1)?,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "local",
            "eventSourceARN": "arn:aws:dynamodb:local:000000000000:table/accounts/stream/local",
            "dynamodb": {
                "ApproximateCreationDateTime": row.get::<_, i64>(5)?,
                "Keys": parsed(&keys),
                "NewImage": parsed(&image),
                "SequenceNumber": sequence,
                "SizeBytes": keys.len() + image.len(),
                "StreamViewType": "NEW_IMAGE",
            },
        }))
    });
    let created_at = Timestamp::from_second(row.get(5)?).unwrap_or(Timestamp::MAX);
    Ok(Record { id: row.get(0)?, event: event.transpose()?, sequence, created_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::place;

    #[tokio::test]
    async fn the_engine_finds_the_next_sequence_number_by_the_index() {
        let place = place(None);
        let _engine = dynoxide::Database::new(&place).unwrap();
        let stream = Stream::open(&place).unwrap();
        let plan = stream.records.run(|connection| {
            let asked = "EXPLAIN QUERY PLAN
                SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = ?1";
            connection.query_row(asked, ["accounts"], |row| row.get::<_, String>(3))
        });
        let plan = plan.await.unwrap();
        assert!(plan.contains("INDEX _stream_records_in_order"), "{plan}");
    }
}
