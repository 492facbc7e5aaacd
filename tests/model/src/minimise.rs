//! Shortens a list of steps on which two implementations differ, and prints it.

use jiff::Timestamp;

use crate::Step;

/// A shorter list of steps that still fails: without any one of its steps, rates or pools, it does not fail.
///
/// `fails` must be true for `steps`. The steps keep their order and their instants. Runs are removed in halves,
/// quarters and so on, then one by one, until nothing can be removed (delta debugging, Zeller and Hildebrandt 2002). Rates and pools follow one by one.
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
            return shorten_lists(kept, &fails);
        }
    }
}

/// Removes every rate and every pool without which the list of steps still fails.
fn shorten_lists(
    steps: Vec<(Timestamp, Step)>,
    fails: &impl Fn(&[(Timestamp, Step)]) -> bool,
) -> Vec<(Timestamp, Step)> {
    let mut kept = steps;
    for index in 0..kept.len() {
        let mut entry = 0;
        while let Some(shorter) = without_entry(&kept[index].1, entry) {
            let mut candidate = kept.clone();
            candidate[index].1 = shorter;
            if fails(&candidate) {
                kept = candidate;
            } else {
                entry += 1;
            }
        }
    }
    kept
}

/// The step without one rate or pool, or none if it has no such entry.
fn without_entry(step: &Step, entry: usize) -> Option<Step> {
    let mut shorter = step.clone();
    match &mut shorter {
        Step::Publish(rates) if entry < rates.len() => drop(rates.remove(entry)),
        Step::SetPools(pools) if entry < pools.len() => drop(pools.remove(entry)),
        _ => return None,
    }
    Some(shorter)
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
