//! Stands in for S3: the bucket of undelivered records. Its objects survive `kill -9`, since each is stored before the
//! request is answered.

use std::path::Path;
use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use serde_json::Value;

use crate::clock::Clock;
use crate::sqlite::{self, Sqlite};

/// The bucket's name.
pub(crate) const NAME: &str = "undelivered";

/// `at` is in milliseconds since 1970.
const TABLE: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS objects (
        key TEXT PRIMARY KEY,
        body BLOB NOT NULL,
        at INTEGER NOT NULL
    ) WITHOUT ROWID;";

/// The most keys that S3 lists at once.
const MAX_KEYS: u32 = 1_000;

/// An object, as `/_local/undelivered` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// When it was stored, by the host's clock.
    pub at: Timestamp,
    /// Its content, which is JSON.
    pub content: Value,
}

/// The bucket.
pub struct Bucket {
    objects: Sqlite,
    clock: Arc<Clock>,
}

impl Bucket {
    /// Opens the bucket in a file, or a new one in memory.
    pub(crate) fn open(file: Option<&Path>, clock: Arc<Clock>) -> rusqlite::Result<Self> {
        Ok(Self { objects: Sqlite::open(&sqlite::place(file), TABLE)?, clock })
    }

    /// All objects, in the order of their keys.
    pub async fn list(&self) -> rusqlite::Result<Vec<Object>> {
        let listed = self.objects.run(|connection| {
            let mut query = connection.prepare("SELECT key, at, body FROM objects ORDER BY key")?;
            let object = |row: &rusqlite::Row<'_>| {
                let body: Vec<u8> = row.get(2)?;
                Ok(Object {
                    key: row.get(0)?,
                    at: Timestamp::from_millisecond(row.get(1)?).expect("the stored number is an instant"),
                    content: serde_json::from_slice(&body).unwrap_or(Value::Null),
                })
            };
            query.query_map([], object)?.collect()
        });
        listed.await
    }

    /// Stores an object, and replaces one that has its key.
    pub(crate) async fn put(&self, key: String, body: Vec<u8>) -> rusqlite::Result<()> {
        let at = self.clock.now().as_millisecond();
        let stored = self.objects.run(move |connection| {
            let insert = "INSERT OR REPLACE INTO objects (key, body, at) VALUES (?1, ?2, ?3)";
            connection.execute(insert, params![key, body, at])
        });
        stored.await.map(|_| ())
    }

    /// Carries out `GetObject`.
    pub(crate) async fn get_object(&self, key: String) -> rusqlite::Result<Response> {
        let found = self.objects.run(move |connection| {
            let query = "SELECT body FROM objects WHERE key = ?1";
            connection.query_row(query, [key], |row| row.get::<_, Vec<u8>>(0)).optional()
        });
        Ok(match found.await? {
            Some(body) => body.into_response(),
            None => xml(StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>".to_owned()),
        })
    }

    /// Carries out `DeleteObject`.
    pub(crate) async fn delete_object(&self, key: String) -> rusqlite::Result<Response> {
        self.objects
            .run(move |connection| connection.execute("DELETE FROM objects WHERE key = ?1", [key]))
            .await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    /// Carries out `ListObjectsV2`.
    pub(crate) async fn list_objects(&self, after: Option<String>, limit: u32) -> rusqlite::Result<Response> {
        let limit = limit.min(MAX_KEYS);
        let keys = self.objects.run(move |connection| {
            let query = "SELECT key FROM objects WHERE key > ?1 ORDER BY key LIMIT ?2";
            let mut query = connection.prepare(query)?;
            let keys = query.query_map(params![after.unwrap_or_default(), limit + 1], |row| row.get(0))?;
            keys.collect::<rusqlite::Result<Vec<String>>>()
        });
        let keys = keys.await?;
        let limit = limit as usize;
        // Keys have only letters, digits and marks that need no escaping in XML.
        let contents: Vec<_> =
            keys.iter().take(limit).map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect();
        let contents = contents.concat();
        let more = keys.len() > limit;
        Ok(xml(
            StatusCode::OK,
            format!("<ListBucketResult><IsTruncated>{more}</IsTruncated>{contents}</ListBucketResult>"),
        ))
    }
}

fn xml(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}
