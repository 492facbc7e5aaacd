//! Shortens a list of steps on which two implementations differ, and prints it.

use jiff::Timestamp;

use crate::Step;

/// A shorter list of steps that still fails: without any one of its steps, it does not fail.
///
/// `fails` must be true for `steps`. The steps keep their order and their instants. Runs are removed in halves,
/// quarters and so on, then one by one, until nothing can be removed (delta debugging, Zeller and Hildebrandt 2002).
pub fn minimise(
    steps: &[(Timestamp, Step)],
    fails: impl Fn(&[(Timestamp, Step)]) -> bool,
) -> Vec<(Timestamp, Step)> {
    let mut kept = steps.to_vec();
    let mut run = kept.len().div_ceil(2).max(1);
    loop {
        let shorter = remove_runs(&kept, run, &fails);
        let removed = shorter.len() < kept.len();
        kept = shorter;
        if run > 1 {
            run = run.div_ceil(2);
        } else if !removed {
            return kept;
        }
    }
}

/// Removes every run of so many steps without which the list still fails.
fn remove_runs(
    steps: &[(Timestamp, Step)],
    run: usize,
    fails: &impl Fn(&[(Timestamp, Step)]) -> bool,
) -> Vec<(Timestamp, Step)> {
    let mut kept = steps.to_vec();
    let mut start = 0;
    while start < kept.len() {
        let mut candidate = kept.clone();
        candidate.drain(start..(start + run).min(kept.len()));
        if fails(&candidate) {
            kept = candidate;
        } else {
            start += run;
        }
    }
    kept
}

/// The steps as JSON, one a line, in the format of `vectors.json`.
pub fn describe(steps: &[(Timestamp, Step)]) -> String {
    let line = |(at, step): &(Timestamp, Step)| {
        let step =
            serde_json::to_string(step).expect("a step has only text keys, so it can be written as JSON");
        format!(r#"{{"at": "{at}", "step": {step}}}"#)
    };
    steps.iter().map(line).collect::<Vec<_>>().join(",\n")
}
