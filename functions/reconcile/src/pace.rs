//! A pace: so many read units a second, however fast the tables answer.

use std::sync::Arc;
use std::time::Duration;

use store::Meter;
use tokio::time::Instant;

/// Time that a run may make up for: what it was slow at before does not let it read all the faster later.
const MAX_CREDIT: Duration = Duration::from_secs(1);

/// Holds a run back when it has read more than its time allows.
pub(crate) struct Pace {
    meter: Arc<Meter>,
    units_a_second: u32,
    /// When it began, or would have begun had it never been slow.
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
    pub(crate) async fn keep(&mut self) {
        let turn = self.began + self.earned();
        let lost = Instant::now().saturating_duration_since(turn).saturating_sub(MAX_CREDIT);
        self.began += lost;
        tokio::time::sleep_until(turn).await;
    }

    /// The time that what has been read takes at this pace.
    #[expect(clippy::float_arithmetic, reason = "capacity, not money")]
    fn earned(&self) -> Duration {
        let units = self.meter.units().read - self.before;
        Duration::from_secs_f64(units.max(0.0) / f64::from(self.units_a_second))
    }
}
