//! The project's own commands: `cargo xtask <command>`.
//!
//! They call plain `cargo` in the right order, and install the programs that the tests need.

mod bench;
mod checks;
mod licences;
mod mutants;
mod package;
mod portal;
mod price_list;
mod tools;

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;

/// The project's own commands.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Xtask {
    /// Run every check, as CI does, up to the first that fails
    Test,
    /// Check that what ships is under accepted licences, and that the domain is pure
    Licences,
    /// Write docs/openapi.json anew
    Openapi,
    /// Write docs/events.schema.json anew
    Events,
    /// Write docs/deployment.json anew
    Deployment,
    /// Make the rate file of decks, with a report of overlaps, gaps and missing country codes
    Rates(price_list::Options),
    /// Build all functions and zip them for Lambda, into target/lambda
    Package(package::Options),
    /// Write pictures of every page of the portal into target/screens, in both languages, two widths and two colour schemes
    Screens,
    /// Measure each function's size, start and memory against an empty one's; fail past the budget
    Budget,
    /// Change the domain and the store in one place after the other, and name the changes that no test notices
    Mutants {
        /// Passed on to cargo-mutants as they are, such as `--file shared/domain/src/lot.rs`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Measure how fast calls are charged for, or rates found
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let result = match Xtask::parse() {
        Xtask::Test => checks::run_all(),
        Xtask::Licences => licences::check(),
        Xtask::Openapi => write_document("--print-openapi", "openapi.json"),
        Xtask::Events => write_document("--print-event-schema", "events.schema.json"),
        Xtask::Deployment => write_document("--print-deployment", "deployment.json"),
        Xtask::Rates(options) => price_list::make(&options),
        Xtask::Package(options) => package::package(&options),
        Xtask::Screens => portal::screens(),
        Xtask::Budget => package::budget(),
        Xtask::Mutants { options } => mutants::run(&options),
        Xtask::Bench(options) => bench::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Writes a document that the host prints. Nothing is written unless the host succeeds.
fn write_document(option: &str, file: &str) -> Result<()> {
    let mut describe = cargo("run --quiet -p local --");
    describe.arg(option);
    let output = describe.stderr(Stdio::inherit()).output().context("cargo could not be started")?;
    ensure!(output.status.success(), "{describe:?} ended with {}", output.status);

    let path = root().join("docs").join(file);
    fs::write(&path, output.stdout).with_context(|| format!("{} could not be written", path.display()))
}

/// The project's folder.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The same cargo that started this program, given `arguments` separated by spaces.
///
/// It runs in the caller's directory, where a relative `CARGO_TARGET_DIR` means what the caller meant.
fn cargo(arguments: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments.split(' '));
    command
}

/// Runs a command to its end. Fails unless the command succeeds.
fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?} could not be started"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
