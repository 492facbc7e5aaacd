//! What tests run that is not cargo's: installed when it is missing.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use crate::succeed;

/// Programs, each with the Debian package that brings it. The README's tour is run as printed, with curl.
const PROGRAMS: [(&str, &str); 2] = [("bash", "bash"), ("curl", "curl")];

/// Installs what is missing, on a machine with apt and for a user who may; elsewhere says what to install.
pub(crate) fn install() -> Result<()> {
    let missing: Vec<_> =
        PROGRAMS.iter().filter(|(program, _)| !runs(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        println!("everything is there");
        return Ok(());
    }
    ensure!(runs("apt-get"), "install {} first: there is no apt-get to do it with", missing.join(", "));
    succeed(Command::new("apt-get").args(["update", "--quiet"]))?;
    succeed(Command::new("apt-get").args(["install", "--yes", "--quiet"]).args(missing))
}

fn runs(program: &str) -> bool {
    let mut version = Command::new(program);
    version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_does_not_run() {
        assert!(runs("cargo"));
        assert!(!runs("no-such-program"));
    }
}
