//! The programs that tests run besides cargo's. Missing ones are installed.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::{root, succeed};

/// A command that must run, and its Debian package.
type Program = (&'static [&'static str], &'static str);

/// The programs of the tests. The tours run as printed, with curl. The portal is tested in a browser, with checks from npm. The
/// deployed stack is tested from Python, under a clock that can be put forward.
pub(crate) const TESTS: [Program; 6] = [
    (&["bash", "--version"], "bash"),
    (&["chromium", "--version"], "chromium"),
    (&["curl", "--version"], "curl"),
    (&["faketime", "--version"], "faketime"),
    (&["npm", "--version"], "npm"),
    (&["python3", "-c", "import ensurepip, venv"], "python3-venv"),
];

/// The programs of the comparison with others. Debian leaves the server's programs out of `PATH`, so they are looked for in
/// their folder.
pub(crate) const POSTGRES: [Program; 2] = [
    (&["sh", "-c", "ls /usr/lib/postgresql/*/bin/initdb"], "postgresql"),
    (&["python3", "-c", "import ensurepip, venv"], "python3-venv"),
];

/// Installs missing programs on a machine with apt, for a user who may. Without apt, the error names what to install.
pub(crate) fn install(programs: &[Program]) -> Result<()> {
    let missing: Vec<_> =
        programs.iter().filter(|(command, _)| !runs(command)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        println!("everything is there");
        return Ok(());
    }
    ensure!(
        runs(&["apt-get", "--version"]),
        "install {} first: there is no apt-get to do it with",
        missing.join(", ")
    );
    succeed(Command::new("apt-get").args(["update", "--quiet"]))?;
    succeed(Command::new("apt-get").args(["install", "--yes", "--quiet"]).args(missing))
}

fn runs(command: &[&str]) -> bool {
    let mut program = Command::new(command[0]);
    program.args(&command[1..]).stdout(Stdio::null()).stderr(Stdio::null());
    program.status().is_ok_and(|status| status.success())
}

/// The folder of the programs of a Python environment under `target/python`, which has the packages of this requirements
/// file of the project. It is made anew when the file changes.
pub(crate) fn python(requirements: &str) -> Result<PathBuf> {
    let requirements = root().join(requirements);
    let name = requirements.file_stem().context("requirements are a file")?;
    let folder = root().join("target/python").join(name);
    let programs = folder.join("bin");
    let wanted = fs::read_to_string(&requirements)?;
    // The stamp is written last: an environment without it is not complete.
    let stamp = folder.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(programs);
    }
    println!("installing what {} asks for", requirements.display());
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = Command::new(programs.join("python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    succeed(install.arg(&requirements))?;
    fs::write(stamp, wanted)?;
    Ok(programs)
}

/// The folder of the npm packages that the `package.json` of a folder of the project asks for. It is made anew when the file
/// changes.
pub(crate) fn node(folder: &str) -> Result<PathBuf> {
    let wanted = fs::read_to_string(root().join(folder).join("package.json"))?;
    let installed = root().join("target/node").join(folder);
    let packages = installed.join("node_modules");
    // The stamp is written last: a folder without it is not complete.
    let stamp = installed.join("installed.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(packages);
    }
    println!("installing what {folder}/package.json asks for");
    fs::create_dir_all(&installed)?;
    fs::write(installed.join("package.json"), &wanted)?;
    let mut install = Command::new("npm");
    install.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]);
    succeed(install.current_dir(&installed))?;
    fs::write(stamp, wanted)?;
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_does_not_run() {
        assert!(runs(&["cargo", "--version"]));
        assert!(!runs(&["no-such-program"]));
        assert!(!runs(&["cargo", "no-such-command"]));
    }
}
