//! `cargo xtask test`: every check, one after the other, each with the time it took.

use std::fmt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::package::{self, Options};
use crate::{cargo, licences, portal, root, succeed, tools};

type Step = (&'static str, fn() -> Result<()>);

/// The steps, in order. All up to `docs` use the dev profile, so that a step need not build again what an earlier one has
/// built. Then the functions are built as they ship.
const STEPS: [Step; 12] = [
    ("tools", || tools::install(&tools::TESTS)),
    ("format", || succeed(&mut cargo("fmt --all --check"))),
    ("clippy", || succeed(&mut cargo("clippy --workspace --all-targets -- -D warnings"))),
    ("licences", licences::check),
    ("tests", test_crates),
    ("contract", test_contract),
    ("stripe", test_stripe),
    ("portal", portal::test),
    ("docs", || succeed(cargo("doc --workspace --no-deps").env("RUSTDOCFLAGS", "-D warnings"))),
    ("package", || package::package(&Options::default())),
    ("checkov", scan_template),
    ("stack", test_stack),
];

/// Runs the tests of all crates. Most wait for a host in the same process half of the time, so there are two at a time on each core.
fn test_crates() -> Result<()> {
    let threads = 2 * thread::available_parallelism()?.get();
    succeed(cargo("test --workspace --no-fail-fast").env("RUST_TEST_THREADS", threads.to_string()))
}

/// Tests the host against docs/openapi.json, with requests that schemathesis makes from it and with a client that is
/// generated from it.
fn test_contract() -> Result<()> {
    let mut tests = Command::new(tools::python("tests/contract/contract.txt")?.join("python"));
    succeed(tests.args(["-m", "pytest", "tests/contract"]).current_dir(root()))
}

/// Tests the fake of Stripe with Stripe's own client and command line, and compares its calls and those of the product's client
/// with Stripe's document.
fn test_stripe() -> Result<()> {
    let mut tests = Command::new(tools::python("tests/stripe/stripe.txt")?.join("python"));
    let command_line = tools::node("tests/stripe")?.join("@stripe/cli-linux-x64/bin/stripe");
    tests.env("STRIPE_CLI", command_line);
    succeed(tests.args(["-m", "pytest", "tests/stripe"]).current_dir(root()))
}

/// Checks the template against a scanner's rules. infra/checkov.yaml lists the rules that are not followed, with reasons.
fn scan_template() -> Result<()> {
    let mut scan = Command::new(tools::python("tests/stack/checkov.txt")?.join("checkov"));
    scan.args(["--config-file", "infra/checkov.yaml"]).current_dir(root());
    // The scanner does not ask for the names of its rules over the network.
    succeed(scan.env("BC_SKIP_MAPPING", "TRUE"))
}

/// Tests the template against the project's own rules, and the stack as deployed: the functions that `package` has built,
/// on an emulator.
fn test_stack() -> Result<()> {
    let mut tests = Command::new(tools::python("tests/stack/requirements.txt")?.join("python"));
    succeed(tests.args(["-m", "pytest", "tests/stack"]).current_dir(root()))
}

/// The outcome of a step, with the time that it took.
#[derive(Debug)]
enum Outcome {
    Passed(Duration),
    Failed(Duration),
    NotRun,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed(time) => write!(f, "passed {time:>8.1?}"),
            Self::Failed(time) => write!(f, "FAILED {time:>8.1?}"),
            Self::NotRun => f.write_str("not run"),
        }
    }
}

/// Runs every check, up to the first that fails, and prints a summary in either case.
pub(crate) fn run_all() -> Result<()> {
    let start = Instant::now();
    let outcomes = run(&STEPS);

    println!("\n== summary");
    for ((name, _), outcome) in STEPS.iter().zip(&outcomes) {
        println!("{name:<10} {outcome}");
    }
    println!("{:<10} {:>15.1?}", "in all", start.elapsed());

    let all_passed = outcomes.iter().all(|outcome| matches!(outcome, Outcome::Passed(_)));
    ensure!(all_passed, "not every check has passed");
    Ok(())
}

/// Runs the steps in order, up to the first that fails. Returns the outcome of each.
fn run(steps: &[Step]) -> Vec<Outcome> {
    let mut go_on = true;
    let outcomes = steps.iter().map(|step| {
        let outcome = if go_on { run_one(step) } else { Outcome::NotRun };
        go_on = matches!(outcome, Outcome::Passed(_));
        outcome
    });
    outcomes.collect()
}

fn run_one((name, step): &Step) -> Outcome {
    println!("\n== {name}");
    let start = Instant::now();
    let result = step();
    let time = start.elapsed();
    match result {
        Ok(()) => {
            println!("== {name} passed in {time:.1?}");
            Outcome::Passed(time)
        }
        Err(error) => {
            println!("{error:#}\n== {name} FAILED after {time:.1?}");
            Outcome::Failed(time)
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn every_step_runs_when_all_pass() {
        let outcomes = run(&[("one", || Ok(())), ("two", || Ok(()))]);
        assert!(matches!(outcomes[..], [Outcome::Passed(_), Outcome::Passed(_)]), "{outcomes:?}");
    }

    #[test]
    fn nothing_runs_after_the_first_failure() {
        let steps: [Step; 3] = [
            ("good", || Ok(())),
            ("bad", || bail!("as it should")),
            ("late", || panic!("this must not run")),
        ];
        let outcomes = run(&steps);
        assert!(
            matches!(outcomes[..], [Outcome::Passed(_), Outcome::Failed(_), Outcome::NotRun]),
            "{outcomes:?}"
        );
    }

    #[test]
    fn the_summary_lines_up() {
        let passed = Outcome::Passed(Duration::from_millis(1_234)).to_string();
        let failed = Outcome::Failed(Duration::from_secs(75)).to_string();
        assert_eq!(passed, "passed     1.2s");
        assert_eq!(failed, "FAILED    75.0s");
    }
}
