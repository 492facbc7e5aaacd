//! Capacity consumed, as DynamoDB reports it with every call: a metric, and tests assert costs with it.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::types::ConsumedCapacity;
use telemetry::Metric;
use telemetry::metric::{READ_UNITS, WRITE_UNITS};

/// Units come in halves, so halves are what is counted.
#[derive(Debug, Default)]
pub struct Meter {
    read_halves: AtomicU64,
    write_halves: AtomicU64,
}

/// A reading, in units: a strongly consistent read of 4 KB is 1, a transactional write of 1 KB is 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Units {
    /// Read units.
    pub read: f64,
    /// Write units.
    pub write: f64,
}

impl Meter {
    /// What has been consumed so far.
    pub fn units(&self) -> Units {
        Units { read: units(&self.read_halves), write: units(&self.write_halves) }
    }

    pub(crate) fn read(&self, consumed: Option<&ConsumedCapacity>) {
        add(&self.read_halves, &READ_UNITS, consumed);
    }

    pub(crate) fn write(&self, consumed: Option<&ConsumedCapacity>) {
        add(&self.write_halves, &WRITE_UNITS, consumed);
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    reason = "capacity, not money: halves below 2^52"
)]
fn units(halves: &AtomicU64) -> f64 {
    halves.load(Ordering::Relaxed) as f64 / 2.0
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_arithmetic,
    reason = "capacity, not money: small multiples of one half"
)]
fn add(halves: &AtomicU64, metric: &Metric, consumed: Option<&ConsumedCapacity>) {
    let units = consumed.and_then(ConsumedCapacity::capacity_units).unwrap_or_default();
    let consumed = (units * 2.0).round() as u64;
    halves.fetch_add(consumed, Ordering::Relaxed);
    metric.add(consumed);
}
