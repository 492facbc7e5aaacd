//! The input of a schedule's run, as `infra/template.yaml` names it.

use jiff::Timestamp;
use serde::Deserialize;
use telemetry::Correlation;
use telemetry::correlation::because_of;

/// A scheduled run, by its instant and EventBridge Scheduler's id of it. The instant is when the run was due, so that a
/// run can be replayed.
///
/// ```
/// let input = r#"{"time": "2026-11-22T00:15:00Z", "id": "d32c5kddcf5bb8c3"}"#;
/// let scheduled: lambda::Scheduled = serde_json::from_str(input).unwrap();
/// assert_eq!(scheduled.time.to_string(), "2026-11-22T00:15:00Z");
/// assert_eq!(scheduled.id.as_deref(), Some("d32c5kddcf5bb8c3"));
///
/// // By hand, an instant is enough.
/// let scheduled: lambda::Scheduled = serde_json::from_str(r#"{"time": "2026-11-22T00:15:00Z"}"#).unwrap();
/// assert!(scheduled.id.is_none());
/// ```
#[derive(Clone, Debug, Deserialize)]
pub struct Scheduled {
    /// When the run was due.
    pub time: Timestamp,
    /// Scheduler's id of the attempt, for the log.
    pub id: Option<String>,
}

impl Scheduled {
    /// Does this because of the schedule.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        because_of(self.id.as_deref().and_then(Correlation::parse), work)
    }
}
