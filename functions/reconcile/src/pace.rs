//! A pace: so many read units a second, however fast the tables answer.

use std::sync::Arc;
use std::time::Duration;

use store::Meter;
use tokio::time::Instant;

/// Holds a run back when it has read more than its time allows.
pub(crate) struct Pace {
    meter: Arc<Meter>,
    units_a_second: u32,
    began: Instant,
    /// What the meter said then.
    before: f64,
}

impl Pace {
    /// Begins now.
    pub(crate) fn start(meter: Arc<Meter>, units_a_second: u32) -> Self {
        let before = meter.units().read;
        Self { meter, units_a_second, began: Instant::now(), before }
    }

    /// Waits until what has been read so far may have been.
    pub(crate) async fn keep(&self) {
        tokio::time::sleep_until(self.began + self.earned()).await;
    }

    /// The time that what has been read takes at this pace.
    #[expect(clippy::float_arithmetic, reason = "capacity, not money")]
    fn earned(&self) -> Duration {
        let units = self.meter.units().read - self.before;
        Duration::from_secs_f64(units.max(0.0) / f64::from(self.units_a_second))
    }
}
