//! `cargo xtask mutants`: mutation testing of the domain, the rate file and the store. It changes one expression after the
//! other, and names each change that no test of the crate notices. A full run takes hours, so it is no part of
//! `cargo xtask test`. `.cargo/mutants.toml` lists the code that it leaves out, with reasons.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{cargo, root, succeed};

/// The version of cargo-mutants that `.cargo/mutants.toml` is written for.
const VERSION: &str = "27.1.0";

/// The crates that it changes.
const CRATES: [&str; 3] = ["domain", "rates", "store"];

/// Runs cargo-mutants with `options`, such as `--file shared/domain/src/lot.rs`, over [`CRATES`].
pub(crate) fn run(options: &[String]) -> Result<()> {
    let mut mutants = Command::new(installed()?);
    mutants.args(["mutants", "--output", "target"]);
    mutants.args(CRATES.iter().flat_map(|name| ["--package", name]));
    succeed(mutants.args(options).current_dir(root()))
}

/// The path of the program, which is installed below target/ if it is missing.
fn installed() -> Result<PathBuf> {
    let folder = root().join("target/tools").join(format!("cargo-mutants-{VERSION}"));
    let program = folder.join("bin/cargo-mutants");
    if !program.exists() {
        let mut install = cargo("install cargo-mutants --locked --version");
        succeed(install.arg(VERSION).arg("--root").arg(&folder))?;
    }
    Ok(program)
}
