//! Counts in CloudWatch's [embedded metric format]: lines of JSON on standard output, which CloudWatch reads from the function's
//! log. A function needs no client for them and waits for no call.
//!
//! [embedded metric format]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SetRecorderError, SharedString,
    Unit,
};
use serde_json::{Map, Value, json};

use crate::metric::Metric;

/// The counts since they were last written. Clones share their counts.
#[derive(Clone, Debug)]
pub struct Emf(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    namespace: String,
    counted: Mutex<BTreeMap<Labels, Counts>>,
}

/// Names and values of dimensions.
type Labels = Vec<(String, String)>;

type Counts = BTreeMap<String, u64>;

/// One metric of one set of dimensions.
struct Handle {
    counts: Arc<Inner>,
    labels: Labels,
    name: String,
}

impl Emf {
    /// A recorder without counts, for this namespace of CloudWatch.
    pub fn new(namespace: impl Into<String>) -> Self {
        Self(Arc::new(Inner { namespace: namespace.into(), counted: Mutex::default() }))
    }

    /// Makes this the recorder of all counts of the process.
    ///
    /// # Errors
    ///
    /// The process has a recorder already.
    pub fn install(&self) -> Result<(), SetRecorderError<Self>> {
        metrics::set_global_recorder(self.clone())
    }

    /// Writes the counts, one line for each set of dimensions, and clears them. A metric is written only if it was counted since
    /// the last time; a count of 0 is enough.
    ///
    /// # Errors
    ///
    /// The writer fails. The counts that it did not take are lost.
    pub fn flush(&self, at: SystemTime, writer: &mut impl Write) -> io::Result<()> {
        let counted = mem::take(&mut *self.0.counted.lock().expect("no holder of this lock panics"));
        let millisecond = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        for (labels, counts) in counted {
            writeln!(writer, "{}", line(&self.0.namespace, millisecond, labels, counts))?;
        }
        writer.flush()
    }
}

fn line(namespace: &str, millisecond: u128, labels: Labels, counts: Counts) -> Value {
    let dimensions: Vec<_> = labels.iter().map(|(name, _)| name.clone()).collect();
    let mut metrics = Vec::new();
    let mut line = Map::new();
    for (name, count) in counts {
        let known = Metric::named(&name);
        metrics.push(json!({ "Name": name, "Unit": known.map_or("None", Metric::unit) }));
        line.insert(name, known.map_or(count.into(), |metric| metric.value(count)));
    }
    line.extend(labels.into_iter().map(|(name, value)| (name, value.into())));
    let directive = json!({ "Namespace": namespace, "Dimensions": [dimensions], "Metrics": metrics });
    let millisecond = u64::try_from(millisecond).unwrap_or_default();
    line.insert("_aws".to_owned(), json!({ "Timestamp": millisecond, "CloudWatchMetrics": [directive] }));
    line.into()
}

impl CounterFn for Handle {
    fn increment(&self, value: u64) {
        let mut counted = self.counts.counted.lock().expect("no holder of this lock panics");
        let counts = counted.entry(self.labels.clone()).or_default();
        let count = counts.entry(self.name.clone()).or_default();
        *count = count.saturating_add(value);
    }

    fn absolute(&self, value: u64) {
        let mut counted = self.counts.counted.lock().expect("no holder of this lock panics");
        counted.entry(self.labels.clone()).or_default().insert(self.name.clone(), value);
    }
}

/// Records counters. Gauges and histograms are ignored, since nothing uses them.
impl Recorder for Emf {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned()));
        let handle = Handle { counts: self.0.clone(), labels: labels.collect(), name: key.name().to_owned() };
        Counter::from_arc(Arc::new(handle))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metric::{BOOKS_DIFFER, CHARGED, DEBITS, READ_UNITS, WRITE_UNITS};

    fn written(emf: &Emf) -> Vec<String> {
        let mut out = Vec::new();
        emf.flush(UNIX_EPOCH + Duration::from_millis(1_764_064_800_123), &mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_line_for_each_set_of_dimensions() {
        let emf = Emf::new("CommunicationsCredits/test");
        metrics::with_local_recorder(&emf, || {
            DEBITS.add(2);
            DEBITS.add(1);
            WRITE_UNITS.add(9);
            CHARGED.add_for("EUR", 12_345);
            CHARGED.add_for("JPY", 7);
            CHARGED.add_for("EUR", 5);
        });
        assert_eq!(
            written(&emf),
            [
                r#"{"Debits":3,"WriteUnits":4.5,"_aws":{"CloudWatchMetrics":[{"Dimensions":[[]],"Metrics":[{"Name":"Debits","Unit":"Count"},{"Name":"WriteUnits","Unit":"Count"}],"Namespace":"CommunicationsCredits/test"}],"Timestamp":1764064800123}}"#,
                r#"{"Charged":12350,"Currency":"EUR","_aws":{"CloudWatchMetrics":[{"Dimensions":[["Currency"]],"Metrics":[{"Name":"Charged","Unit":"None"}],"Namespace":"CommunicationsCredits/test"}],"Timestamp":1764064800123}}"#,
                r#"{"Charged":7,"Currency":"JPY","_aws":{"CloudWatchMetrics":[{"Dimensions":[["Currency"]],"Metrics":[{"Name":"Charged","Unit":"None"}],"Namespace":"CommunicationsCredits/test"}],"Timestamp":1764064800123}}"#,
            ]
        );
    }

    #[test]
    fn nothing_is_written_twice_and_none_only_where_it_was_said() {
        let emf = Emf::new("n");
        assert!(written(&emf).is_empty());
        metrics::with_local_recorder(&emf, || {
            let held = metrics::counter!("ReadUnits");
            READ_UNITS.add(1);
            assert!(written(&emf)[0].starts_with(r#"{"ReadUnits":0.5,"#));
            held.increment(2);
            BOOKS_DIFFER.report(0);
            DEBITS.add(0);
            CHARGED.add_for("EUR", 0);
        });
        assert!(written(&emf)[0].starts_with(r#"{"BooksDiffer":0,"ReadUnits":1,"#));
        assert!(written(&emf).is_empty());
    }

    #[test]
    fn without_a_recorder_counting_is_nothing() {
        DEBITS.add(1);
        CHARGED.add_for("EUR", 1);
    }
}
