//! The portal in a real browser: its tests, and pictures of its pages.

use std::process::Command;

use anyhow::Result;

use crate::{root, succeed, tools};

/// Tests the pages of the one-machine host in a browser, without scripts, as a person uses them.
pub(crate) fn test() -> Result<()> {
    let mut tests = python()?;
    succeed(tests.args(["-m", "pytest", "tests/portal"]))
}

/// Writes pictures of every page into `target/screens`, for a person to look through.
pub(crate) fn screens() -> Result<()> {
    tools::install(&tools::TESTS)?;
    let mut screens = python()?;
    succeed(screens.args(["tests/portal/screens.py", "target/screens"]))
}

/// Python with the packages that drive the browser, and the path of the checks of accessibility that run in it.
fn python() -> Result<Command> {
    let mut python = Command::new(tools::python("tests/portal/portal.txt")?.join("python"));
    python.current_dir(root()).env("AXE", tools::node("tests/portal")?.join("axe-core/axe.min.js"));
    Ok(python)
}
