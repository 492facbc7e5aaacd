//! What stands in for EventBridge Scheduler: the nightly sweep at 00:15 UTC and the recovery every five
//! minutes, by the machine's clock. While the clock is set, nothing runs by itself.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use recharge::Leases;

use crate::Machine;

/// How often the timetable is looked at.
const TICK: Duration = Duration::from_secs(10);

const RECOVER_EVERY: SignedDuration = SignedDuration::from_mins(5);
const SWEEP_EVERY: SignedDuration = SignedDuration::from_hours(24);
const SWEEP_AT: SignedDuration = SignedDuration::from_mins(15);

/// Runs what is due, for ever. What fell due while the host was down runs at once.
pub async fn run(machine: Machine) {
    let mut last = None;
    loop {
        if machine.clock.set_to().is_none() {
            let now = machine.clock.now();
            if falls_due(last, now, RECOVER_EVERY, SignedDuration::ZERO) {
                log_failure("recover", machine.functions.recover(now, Leases::Respected).await.err());
            }
            if falls_due(last, now, SWEEP_EVERY, SWEEP_AT) {
                log_failure("expire", machine.functions.expire(now).await.err());
            }
            last = Some(now);
        }
        tokio::time::sleep(TICK).await;
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
}
