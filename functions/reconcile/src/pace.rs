//! A limit to the read units that a run consumes in a second, however fast the tables answer.

use std::sync::Arc;
use std::time::Duration;

use store::Meter;
use tokio::time::Instant;

/// The most time that a slow run may make up for later. It bounds how fast a run reads after a slow phase.
const MAX_CREDIT: Duration = Duration::from_secs(1);

/// Delays a run that has read more than the pace allows.
pub(crate) struct Pace {
    meter: Arc<Meter>,
    units_a_second: u32,
    /// When the run began, moved later by the time that it was slow beyond [`MAX_CREDIT`].
    began: Instant,
    /// The meter's count when the run began.
    before: f64,
}

impl Pace {
    /// Begins now.
    pub(crate) fn start(meter: Arc<Meter>, units_a_second: u32) -> Self {
        let before = meter.units().read;
        Self { meter, units_a_second, began: Instant::now(), before }
    }

    /// Waits until the pace allows the units read so far.
    pub(crate) async fn keep(&mut self) {
        let turn = self.turn_after(self.read_so_far(), Instant::now());
        tokio::time::sleep_until(turn).await;
    }

    #[expect(clippy::float_arithmetic, reason = "capacity, not money")]
    fn read_so_far(&self) -> f64 {
        (self.meter.units().read - self.before).max(0.0)
    }

    /// The instant from which this many units may have been read.
    #[expect(clippy::float_arithmetic, reason = "capacity, not money")]
    fn turn_after(&mut self, units: f64, now: Instant) -> Instant {
        let turn = self.began + Duration::from_secs_f64(units / f64::from(self.units_a_second));
        self.began += now.saturating_duration_since(turn).saturating_sub(MAX_CREDIT);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_slow_before_does_not_let_it_read_faster_later() {
        let mut pace = Pace::start(Arc::default(), 100);
        let began = pace.began;
        let at = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(pace.turn_after(100.0, at(1)), at(1), "a hundred units take a second");
        assert_eq!(pace.turn_after(300.0, at(1)), at(3), "three hundred take three");
        assert!(pace.turn_after(300.0, at(60)) <= at(60), "after a long pause it may read at once");
        // 500 units take five seconds, of which one was saved up.
        assert_eq!(pace.turn_after(800.0, at(60)), at(64));
    }
}
