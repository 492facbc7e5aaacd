//! Pauses between tries of what lost a race.

use std::time::Duration;

/// The first pause is up to this long, and each further one up to twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(16);

/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(1_500);

/// The pause after so many tries, with "full jitter": anything from nothing to the bound, so that racers spread out.
/// Source: Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
pub(crate) fn pause(tries: u32) -> Duration {
    let bound = FIRST_PAUSE.saturating_mul(1 << (tries - 1).min(16)).min(LONGEST_PAUSE);
    Duration::from_micros(fastrand::u64(0..=u64::try_from(bound.as_micros()).expect("a pause is short")))
}
