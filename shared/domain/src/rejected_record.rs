//! A rejected record of a message. Nobody waits for a message's answer, so the record is written into the journal with what was
//! expected of it, once however often its message is delivered, and can be corrected and sent again (S3).

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::MessageId;
use crate::journal_key::JournalKey;

/// The most characters of a record's text that are stored: enough for one whose fields are as long as they may be.
pub const MAX_KEPT_CHARS: usize = 1_024;

/// The message that records came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The queue's id of it, the same with every delivery.
    pub id: MessageId,
    /// When the queue got it.
    pub sent_at: Timestamp,
}

/// Why a record was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RejectionStatus {
    /// It cannot be accepted.
    Invalid,
    /// It was accepted with other content, or its revision is not due.
    Conflict,
}

impl RejectionStatus {
    /// The API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Conflict => "conflict",
        }
    }

    /// The status of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Invalid, Self::Conflict].into_iter().find(|status| status.as_str() == name)
    }
}

/// A rejected record, with all that is needed to correct it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRecord {
    /// The message that it came in.
    pub message: Message,
    /// Its index in the message, from 0.
    pub index: u32,
    /// Its id, if it could be read.
    pub record_id: Option<String>,
    /// Why it was rejected.
    pub status: RejectionStatus,
    /// The wrong field.
    pub field: String,
    /// What was expected of the field.
    pub detail: String,
    /// As it was sent: see [`kept_text`].
    pub text: String,
}

/// The part of a record's text that is stored: [`MAX_KEPT_CHARS`], and `…` for the rest.
///
/// ```
/// use domain::rejected_record::{MAX_KEPT_CHARS, kept_text};
/// assert_eq!(kept_text(r#"{"id":"a"}"#), r#"{"id":"a"}"#);
/// assert_eq!(kept_text(&"é".repeat(2_000)).chars().count(), MAX_KEPT_CHARS + 1);
/// ```
pub fn kept_text(text: &str) -> String {
    match text.char_indices().nth(MAX_KEPT_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl RejectedRecord {
    /// The key of its journal entry, fixed before the first try.
    pub fn key(&self) -> JournalKey {
        JournalKey::rejected(self.message.sent_at, &self.message.id, self.index)
    }
}
