//! What EventBridge Scheduler sends when a schedule's input is left empty.

use jiff::Timestamp;
use serde::Deserialize;
use telemetry::Correlation;
use telemetry::correlation::because_of;

/// A scheduled event. Its instant is when it was due, so a run can be replayed; most of the rest is not needed.
///
/// ```
/// let event = r#"{"version":"0","id":"6c5b","detail-type":"Scheduled Event","source":"aws.scheduler",
///     "account":"123456789012","time":"2026-11-22T00:15:00Z","region":"eu-west-1","resources":[],"detail":"{}"}"#;
/// let scheduled: api::Scheduled = serde_json::from_str(event).unwrap();
/// assert_eq!(scheduled.time.to_string(), "2026-11-22T00:15:00Z");
/// assert_eq!(scheduled.id.as_deref(), Some("6c5b"));
/// ```
#[derive(Clone, Debug, Deserialize)]
pub struct Scheduled {
    /// When the run was due.
    pub time: Timestamp,
    /// The Scheduler's id of it, for the log.
    pub id: Option<String>,
}

impl Scheduled {
    /// Does this because of the schedule.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        because_of(self.id.as_deref().and_then(Correlation::parse), work)
    }
}
