//! Stands in for SES: keeps mails, with the instant of sending by the host's clock, for `/_local/mail` and the page of
//! mails. An address that begins with `bounce` is refused.

use std::path::Path;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::Clock;
use crate::queues::random_id;
use crate::sqlite::{self, Sqlite};

/// `at` is in milliseconds since 1970; attachments are a JSON list.
const TABLE: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS mails (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        recipient TEXT NOT NULL,
        subject TEXT NOT NULL,
        text TEXT NOT NULL,
        html TEXT NOT NULL,
        attachments TEXT NOT NULL,
        at INTEGER NOT NULL
    );";

/// A request of `SendEmail`, with the fields that are read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SendEmail {
    destination: Destination,
    content: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destination {
    #[serde(default)]
    to_addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    simple: Simple,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simple {
    subject: Text,
    body: Body,
    #[serde(default)]
    attachments: Vec<Attachment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    #[serde(default)]
    text: Text,
    #[serde(default)]
    html: Text,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Text {
    data: String,
}

/// A file that goes with a mail.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// Its name.
    #[serde(alias = "FileName")]
    pub file_name: String,
    /// Its content type.
    #[serde(default, alias = "ContentType")]
    pub content_type: String,
    /// Its content, in base64.
    #[serde(alias = "RawContent")]
    pub content: String,
}

/// A mail that was sent.
#[derive(Clone, Debug, Serialize)]
pub struct Mail {
    /// The recipient's address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text, for programs that show no HTML.
    pub text: String,
    /// The HTML, for all others.
    pub html: String,
    /// The files that go with it.
    pub attachments: Vec<Attachment>,
    /// When it was sent, by the host's clock.
    pub at: Timestamp,
}

/// All mails that were sent.
pub struct Mailbox {
    mails: Sqlite,
    clock: Arc<Clock>,
}

impl Mailbox {
    /// Opens the mailbox in a file, or a new one in memory.
    pub(crate) fn open(file: Option<&Path>, clock: Arc<Clock>) -> rusqlite::Result<Self> {
        Ok(Self { mails: Sqlite::open(&sqlite::place(file), TABLE)?, clock })
    }

    /// Carries out `SendEmail`.
    pub(crate) async fn send(&self, mail: SendEmail) -> rusqlite::Result<Response> {
        let SendEmail { destination: Destination { to_addresses }, content: Content { simple } } = mail;
        if to_addresses.is_empty() {
            return Ok(refusal("BadRequestException", "expected at least one address"));
        }
        if to_addresses.iter().any(|address| address.starts_with("bounce")) {
            return Ok(refusal("MessageRejected", "Email address is not accepted: it bounces."));
        }
        let at = self.clock.now().as_millisecond();
        let attachments = serde_json::to_string(&simple.attachments).expect("attachments are texts");
        let kept = self.mails.run(move |connection| {
            let transaction = connection.transaction()?;
            for address in to_addresses {
                transaction.execute(
                    "INSERT INTO mails (recipient, subject, text, html, attachments, at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![
                        address,
                        simple.subject.data,
                        simple.body.text.data,
                        simple.body.html.data,
                        attachments,
                        at
                    ],
                )?;
            }
            transaction.commit()
        });
        kept.await?;
        Ok(axum::Json(json!({ "MessageId": random_id() })).into_response())
    }

    /// Mails in the order they were sent, of one recipient or all.
    pub async fn list(&self, to: Option<String>) -> rusqlite::Result<Vec<Mail>> {
        let listed = self.mails.run(move |connection| {
            connection
                .prepare(
                    "SELECT recipient, subject, text, html, attachments, at FROM mails
                     WHERE ?1 IS NULL OR recipient = ?1 ORDER BY id",
                )?
                .query_map([to], Mail::from_row)?
                .collect()
        });
        listed.await
    }

    /// Deletes all mails.
    pub(crate) async fn empty(&self) -> rusqlite::Result<()> {
        self.mails.run(|connection| connection.execute("DELETE FROM mails", [])).await.map(|_| ())
    }
}

impl Mail {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let attachments: String = row.get(4)?;
        Ok(Self {
            to: row.get(0)?,
            subject: row.get(1)?,
            text: row.get(2)?,
            html: row.get(3)?,
            attachments: serde_json::from_str(&attachments).expect("attachments are stored as JSON"),
            at: Timestamp::from_millisecond(row.get(5)?).expect("the stored number is an instant"),
        })
    }
}

/// An error as SES answers it.
pub(crate) fn refusal(code: &'static str, message: &str) -> Response {
    let body = axum::Json(json!({ "message": message }));
    (StatusCode::BAD_REQUEST, [("x-amzn-errortype", code)], body).into_response()
}
