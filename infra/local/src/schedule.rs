//! What stands in for EventBridge Scheduler: the nightly sweep at 00:15 UTC, the recovery every five minutes, and
//! reconciling on Sundays at 03:00 UTC, by the machine's clock. While the clock is set, nothing runs by itself.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use recharge::Leases;
use reconcile::Request;

use crate::Machine;

/// How often the timetable is looked at.
const TICK: Duration = Duration::from_secs(10);

const RECOVER_EVERY: SignedDuration = SignedDuration::from_mins(5);
const SWEEP_EVERY: SignedDuration = SignedDuration::from_hours(24);
const SWEEP_AT: SignedDuration = SignedDuration::from_mins(15);
const RECONCILE_EVERY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// From a Thursday's midnight, as 1 January 1970 was one.
const RECONCILE_AT: SignedDuration = SignedDuration::from_hours(3 * 24 + 3);

/// What runs when, and when it was last looked at.
pub struct Timetable {
    machine: Machine,
    last: Option<Timestamp>,
}

impl Timetable {
    /// One that was never looked at: all of it is due.
    pub fn new(machine: Machine) -> Self {
        Self { machine, last: None }
    }

    /// Runs what has fallen due since the last look.
    pub async fn look(&mut self) {
        let Machine { clock, functions, .. } = &self.machine;
        if clock.set_to().is_some() {
            return;
        }
        let now = clock.now();
        if falls_due(self.last, now, RECOVER_EVERY, SignedDuration::ZERO) {
            log_failure("recover", functions.recover(now, Leases::Respected).await.err());
        }
        if falls_due(self.last, now, SWEEP_EVERY, SWEEP_AT) {
            log_failure("expire", functions.expire(now).await.err());
        }
        // Nobody waits for it, so it is not made up for, and holds up nothing.
        if self.last.is_some() && falls_due(self.last, now, RECONCILE_EVERY, RECONCILE_AT) {
            let functions = functions.clone();
            tokio::spawn(async move {
                if let Err(problem) = functions.reconcile(Request::default()).await {
                    tracing::error!(%problem, "reconciling came to nothing");
                }
            });
        }
        self.last = Some(now);
    }

    /// Looks at it for ever.
    pub async fn run(mut self) {
        loop {
            tokio::time::sleep(TICK).await;
            self.look().await;
        }
    }
}

/// Whether an instant of the timetable lies after `last` and not after `now`.
fn falls_due(last: Option<Timestamp>, now: Timestamp, every: SignedDuration, at: SignedDuration) -> bool {
    let turn = |instant: Timestamp| (instant.as_second() - at.as_secs()).div_euclid(every.as_secs());
    last.is_none_or(|last| turn(last) < turn(now))
}

fn log_failure(schedule: &str, problem: Option<impl std::error::Error>) {
    if let Some(problem) = problem {
        tracing::error!(schedule, %problem, "a scheduled run failed; what it left stays due");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sweep_is_due_once_a_night() {
        let at = |text: &str| text.parse().unwrap();
        let due = |last: &str, now: &str| falls_due(Some(at(last)), at(now), SWEEP_EVERY, SWEEP_AT);
        assert!(!due("2026-11-22T00:00:00Z", "2026-11-22T00:14:59Z"));
        assert!(due("2026-11-22T00:14:59Z", "2026-11-22T00:15:00Z"));
        assert!(!due("2026-11-22T00:15:00Z", "2026-11-22T23:59:59Z"));
        assert!(due("2026-11-20T00:15:00Z", "2026-11-22T12:00:00Z"), "missed nights are made up for");
        assert!(falls_due(None, at("2026-11-22T12:00:00Z"), SWEEP_EVERY, SWEEP_AT));
    }

    #[test]
    fn reconciling_is_due_on_sundays() {
        let at = |text: &str| text.parse().unwrap();
        let due = |last: &str, now: &str| falls_due(Some(at(last)), at(now), RECONCILE_EVERY, RECONCILE_AT);
        assert!(due("2026-11-22T02:59:59Z", "2026-11-22T03:00:00Z"));
        assert!(!due("2026-11-22T03:00:00Z", "2026-11-29T02:59:59Z"));
    }
}
