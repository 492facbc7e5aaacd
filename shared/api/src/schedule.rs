//! What EventBridge Scheduler sends when a schedule's input is left empty.

use jiff::Timestamp;
use serde::Deserialize;

/// A scheduled event. Its instant is when it was due, so a run can be replayed; the rest is not needed.
///
/// ```
/// let event = r#"{"version":"0","id":"6c5b","detail-type":"Scheduled Event","source":"aws.scheduler",
///     "account":"123456789012","time":"2026-11-22T00:15:00Z","region":"eu-west-1","resources":[],"detail":"{}"}"#;
/// let scheduled: api::Scheduled = serde_json::from_str(event).unwrap();
/// assert_eq!(scheduled.time.to_string(), "2026-11-22T00:15:00Z");
/// ```
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Scheduled {
    /// When the run was due.
    pub time: Timestamp,
}
