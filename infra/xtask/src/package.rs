//! `cargo xtask package` builds and zips every function as `target/lambda/NAME.zip`, where `infra/template.yaml` looks for
//! it. `cargo xtask budget` measures the functions.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use cargo_metadata::MetadataCommand;
use clap::Args;
use rates::Columns;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::{cargo, price_list, root, succeed};

/// The options of packaging.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// The published rates, which go with the functions that need them: a rate file, or decks of which one is made
    /// [default: infra/rates/sample.csv]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    rates: Vec<PathBuf>,
    /// Build for another machine, such as aarch64-unknown-linux-gnu, whose toolchain must be installed
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
}

/// Functions that look up published rates: `RATES_FILE` is `rates.bin` there.
const WITH_RATES: [&str; 3] = ["authorize", "debit", "statement"];

/// The largest zip that Lambda takes from an upload. A function's zip has a tenth of it.
const LARGEST_ZIP_BYTES: u64 = 10_000_000;

/// The minor version of glibc 2 that `provided.al2023` has.
const GLIBC_MINOR: u32 = 34;

/// Builds and zips all functions, and prints the machine that they are for, which the template's parameter `Architecture`
/// must name.
pub(crate) fn package(options: &Options) -> Result<()> {
    // Bad rates end this before the long build.
    let rates = price_list::read(&options.rates, &Columns::default(), &Columns::default())?;
    let names = functions()?;
    build(&names, options.target.as_deref())?;
    let built = built_in(options.target.as_deref())?;
    fs::create_dir_all(zips())?;
    let mut architectures = BTreeSet::new();
    for name in &names {
        let (binary, zip) = (built.join(name), zips().join(name).with_extension("zip"));
        let program = fs::read(&binary).with_context(|| format!("{} cannot be read", binary.display()))?;
        architectures.insert(runs_on_lambda(&program).with_context(|| format!("{name} would not start"))?);
        let rates = WITH_RATES.contains(&name.as_str()).then(|| rates.as_bytes());
        let size = write_zip(&zip, &program, rates)
            .with_context(|| format!("{} cannot be written", zip.display()))?;
        ensure!(size <= LARGEST_ZIP_BYTES, "{name}.zip has {size} bytes, {LARGEST_ZIP_BYTES} are allowed");
        println!("{:<30} {size:>9} bytes", format!("target/lambda/{name}.zip"));
    }
    for architecture in architectures {
        println!("deploy with Architecture={architecture}");
    }
    Ok(())
}

/// Packages all functions, and measures them against the empty one.
pub(crate) fn budget() -> Result<()> {
    package(&Options::default())?;
    build(&["empty".to_owned()], None)?;
    let mut measure = cargo("bench --package scenarios --bench starts --");
    succeed(measure.arg(built_in(None)?).arg(zips().canonicalize()?))
}

/// The folder of the zips, which does not depend on where cargo builds.
fn zips() -> PathBuf {
    root().join("target/lambda")
}

fn build(names: &[String], target: Option<&str>) -> Result<()> {
    let mut build = cargo("build --release --bins");
    build.args(names.iter().flat_map(|name| ["--package", name]));
    build.args(target.iter().flat_map(|target| ["--target", target]));
    succeed(&mut build)
}

/// The crates under `functions/`: one Lambda each, of the same name.
fn functions() -> Result<Vec<String>> {
    let mut names = fs::read_dir(root().join("functions"))?
        .map(|entry| entry?.file_name().into_string().ok().context("a function's name is not UTF-8"))
        .collect::<Result<Vec<_>>>()?;
    names.sort_unstable();
    ensure!(!names.is_empty(), "there are no functions");
    Ok(names)
}

/// The folder that cargo leaves programs in.
fn built_in(target: Option<&str>) -> Result<PathBuf> {
    let metadata = MetadataCommand::new().no_deps().exec()?;
    Ok(metadata.target_directory.into_std_path_buf().join(target.unwrap_or_default()).join("release"))
}

/// Writes a zip with the program as `bootstrap`, which Lambda runs. The zip is the same whenever it is made, since its
/// entries have no time.
fn write_zip(path: &Path, program: &[u8], rates: Option<&[u8]>) -> Result<u64> {
    let entry = SimpleFileOptions::default();
    let mut zip = ZipWriter::new(File::create(path)?);
    zip.start_file("bootstrap", entry.unix_permissions(0o755))?;
    zip.write_all(program)?;
    if let Some(rates) = rates {
        zip.start_file("rates.bin", entry.unix_permissions(0o644))?;
        zip.write_all(rates)?;
    }
    let file = zip.finish()?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// Checks that Lambda can start a program. Returns the `Architecture` that it has to run on.
fn runs_on_lambda(program: &[u8]) -> Result<&'static str> {
    ensure!(program.starts_with(b"\x7fELF"), "it is no program for Linux");
    let needed = glibc_minor(program);
    if needed > GLIBC_MINOR {
        bail!(
            "it needs glibc 2.{needed}, and provided.al2023 has 2.{GLIBC_MINOR}: build it on an older system"
        );
    }
    architecture(program)
}

/// The latest version of glibc 2 that a program needs. A program names each version that it needs.
fn glibc_minor(program: &[u8]) -> u32 {
    const VERSION: &[u8] = b"GLIBC_2.";
    let minor = |place: usize| {
        let digits = program[place + VERSION.len()..].iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0u32, |number, digit| number.saturating_mul(10) + u32::from(digit - b'0'))
    };
    let places = program.windows(VERSION.len()).enumerate().filter(|(_, bytes)| *bytes == VERSION);
    places.map(|(place, _)| minor(place)).max().unwrap_or_default()
}

/// Lambda's name for the machine that a program is for, which is `e_machine` of its ELF header.
fn architecture(program: &[u8]) -> Result<&'static str> {
    const E_MACHINE: usize = 18;
    const EM_X86_64: u16 = 62;
    const EM_AARCH64: u16 = 183;
    // Both are little-endian.
    match program.get(E_MACHINE..).and_then(<[u8]>::first_chunk).map(|bytes| u16::from_le_bytes(*bytes)) {
        Some(EM_X86_64) => Ok("x86_64"),
        Some(EM_AARCH64) => Ok("arm64"),
        _ => bail!("it is for a machine that Lambda does not have"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a program for a machine that the checks read.
    fn program(machine: u16, rest: &[u8]) -> Vec<u8> {
        let mut program = b"\x7fELF".to_vec();
        program.resize(18, 0);
        program.extend(machine.to_le_bytes());
        program.extend(rest);
        program
    }

    #[test]
    fn a_program_that_needs_a_later_glibc_is_refused() {
        assert!(runs_on_lambda(&program(62, b"..GLIBC_2.2.5\0GLIBC_2.34\0")).is_ok());
        let problem = runs_on_lambda(&program(62, b"..GLIBC_2.34\0GLIBC_2.38\0")).unwrap_err().to_string();
        assert!(problem.starts_with("it needs glibc 2.38"), "{problem}");
        assert!(runs_on_lambda(b"MZ").is_err());
    }

    #[test]
    fn a_program_says_which_architecture_to_deploy_with() {
        assert_eq!(runs_on_lambda(&program(62, b"")).unwrap(), "x86_64");
        assert_eq!(runs_on_lambda(&program(183, b"")).unwrap(), "arm64");
        assert!(runs_on_lambda(&program(40, b"")).is_err());
        assert!(runs_on_lambda(b"\x7fELF").is_err());
        // The test itself is a program for this machine.
        let this = fs::read(std::env::current_exe().unwrap()).unwrap();
        let expected = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        assert_eq!(architecture(&this).unwrap(), expected);
    }

    #[test]
    fn a_zip_holds_a_program_that_may_run_and_the_rates() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.zip");
        let size = write_zip(&path, b"program", Some(b"rates")).unwrap();
        let first = fs::read(&path).unwrap();
        assert_eq!(first.len() as u64, size);

        let mut zip = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
        let program = zip.by_name("bootstrap").unwrap();
        assert_eq!(program.unix_mode().map(|mode| mode & 0o777), Some(0o755));
        assert_eq!(std::io::read_to_string(program).unwrap(), "program");
        assert_eq!(std::io::read_to_string(zip.by_name("rates.bin").unwrap()).unwrap(), "rates");

        write_zip(&path, b"program", Some(b"rates")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);
    }

    #[test]
    fn functions_with_rates_exist() {
        let functions = functions().unwrap();
        assert!(WITH_RATES.iter().all(|name| functions.iter().any(|function| function == name)));
    }
}
