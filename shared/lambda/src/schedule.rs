//! The input of a scheduled run, as `infra/template.yaml` defines it.

use jiff::Timestamp;
use serde::Deserialize;
use telemetry::Correlation;
use telemetry::correlation::because_of;

/// A scheduled run: its instant, and the id that EventBridge Scheduler gives it. The function decides as of the instant at which
/// the run was due, so that a run can be replayed.
///
/// ```
/// let input = r#"{"time": "2026-11-22T00:15:00Z", "id": "d32c5kddcf5bb8c3"}"#;
/// let scheduled: lambda::Scheduled = serde_json::from_str(input).unwrap();
/// assert_eq!(scheduled.time.to_string(), "2026-11-22T00:15:00Z");
/// assert_eq!(scheduled.id.as_deref(), Some("d32c5kddcf5bb8c3"));
///
/// // A run that is started by hand needs only the instant.
/// let scheduled: lambda::Scheduled = serde_json::from_str(r#"{"time": "2026-11-22T00:15:00Z"}"#).unwrap();
/// assert!(scheduled.id.is_none());
/// ```
#[derive(Clone, Debug, Deserialize)]
pub struct Scheduled {
    /// The instant at which the run was due.
    pub time: Timestamp,
    /// Scheduler's id of the attempt. It becomes the correlation id.
    pub id: Option<String>,
}

impl Scheduled {
    /// Runs `work` with the id of this run as its correlation id.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        because_of(self.id.as_deref().and_then(Correlation::parse), work)
    }
}
