//! Stands in for EventBridge Scheduler: runs the nightly sweep at 00:15 UTC, the invoices at 06:00 UTC, the recovery and the rating of unrated records every
//! five minutes, and the reconciliation on Sundays at 03:00 UTC, by the machine's clock. While the clock is set, no schedule runs by itself.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use recharge::Leases;
use reconcile::Request;

use crate::Machine;

/// How often the timetable is checked.
const TICK: Duration = Duration::from_secs(10);

const RECOVER_EVERY: SignedDuration = SignedDuration::from_mins(5);
const SWEEP_EVERY: SignedDuration = SignedDuration::from_hours(24);
const SWEEP_AT: SignedDuration = SignedDuration::from_mins(15);
const INVOICE_EVERY: SignedDuration = SignedDuration::from_hours(24);
const INVOICE_AT: SignedDuration = SignedDuration::from_hours(6);
const RECONCILE_EVERY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Counted from a Thursday's midnight, since 1 January 1970 was a Thursday.
const RECONCILE_AT: SignedDuration = SignedDuration::from_hours(3 * 24 + 3);

/// The timetable of the schedules, and when it was last checked.
pub struct Timetable {
    machine: Machine,
    last: Option<Timestamp>,
}

impl Timetable {
    /// A timetable that was never checked, so the sweep and the recovery are due.
    pub fn new(machine: Machine) -> Self {
        Self { machine, last: None }
    }

    /// Runs the schedules that have fallen due since the last check.
    pub async fn look(&mut self) {
        let Machine { clock, functions, .. } = &self.machine;
        if clock.set_to().is_some() {
            return;
        }
        let now = clock.now();
        if falls_due(self.last, now, RECOVER_EVERY, SignedDuration::ZERO) {
            log_failure("recover", functions.recover(now, Leases::Respected).await.err());
            log_failure("rate", functions.rate(now).await.err());
        }
        if falls_due(self.last, now, SWEEP_EVERY, SWEEP_AT) {
            log_failure("expire", functions.expire(now).await.err());
        }
        if falls_due(self.last, now, INVOICE_EVERY, INVOICE_AT) {
            log_failure("invoice", functions.invoice(now).await.err());
        }
        // Reconciliation is not urgent: a missed run is not made up for, and a run does not delay the other schedules.
        if self.last.is_some() && falls_due(self.last, now, RECONCILE_EVERY, RECONCILE_AT) {
            let functions = functions.clone();
            tokio::spawn(async move {
                if let Err(problem) = functions.reconcile(Request::default()).await {
                    tracing::error!(%problem, "the reconciliation failed");
                }
            });
        }
        self.last = Some(now);
    }

    /// Checks the timetable for ever.
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
        tracing::error!(schedule, %problem, "a scheduled run failed; accounts that it did not finish stay due");
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
