//! `cargo xtask rates`: makes the rate file of decks, and says what people should know before they publish it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use rates::{Columns, Decks, RateFileError, RateTable, diff, report};

use crate::root;

/// The decks to read, how to read them, and what to compare them with.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Decks that together make the price list, or one rate file [default: infra/rates/sample.csv]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the rate file is written
    #[arg(long, value_name = "PATH", default_value = "target/rates.bin")]
    out: PathBuf,
    /// The names that the decks have for columns, such as `prefix=Dial Code,perMinute=Rate`
    #[arg(long, value_name = "COLUMN=NAME,...", default_value_t)]
    columns: Columns,
    /// The values of columns that the decks lack, such as `currency=EUR,service=userOut`
    #[arg(long, value_name = "COLUMN=VALUE,...", default_value_t)]
    default: Columns,
    /// Say what changes since this price list, and for whom: a rate file, or a deck with the same names of columns
    #[arg(long, value_name = "OLD")]
    diff: Option<PathBuf>,
}

/// Makes the rate file, unless a row is bad. Then nothing is written.
pub(crate) fn make(options: &Options) -> Result<()> {
    let old = options.diff.as_slice();
    let read = |files: &[PathBuf]| read(files, &options.columns, &options.default);
    let (new, old) = (read(&options.files)?, old.first().map(|_| read(old)).transpose()?);
    for warning in report::warnings(&new) {
        println!("{warning}");
    }
    if let Some(old) = old {
        let changes = diff::changes(&old, &new);
        for change in &changes {
            println!("{change}");
        }
        println!("changed prefixes: {}", diff::counts(&changes));
    }
    write(&options.out, new.as_bytes())?;
    let rows: usize = new.sections().map(|(_, _, rows)| rows).sum();
    let (bytes, fingerprint) = (new.as_bytes().len(), new.fingerprint());
    println!("{}: {rows} rows, {bytes} bytes, fingerprint {}", options.out.display(), fingerprint.as_str());
    Ok(())
}

/// The price list of decks or of one rate file, whose every byte is checked. Without files it is the sample.
pub(crate) fn read(files: &[PathBuf], names: &Columns, fixed: &Columns) -> Result<RateTable> {
    let sample = [root().join("infra/rates/sample.csv")];
    let files = if files.is_empty() { &sample } else { files };
    let mut decks = Decks::new(names.clone(), fixed.clone());
    for file in files {
        let bytes = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        match RateTable::open(bytes.clone()) {
            Err(RateFileError::Foreign) => decks.add(&file.display().to_string(), bytes.as_slice()),
            opened => {
                ensure!(files.len() == 1, "{} is a rate file: give it alone, or give decks", file.display());
                let table = opened.and_then(|table| table.verify().map(|()| table));
                return table.with_context(|| format!("{} cannot be used", file.display()));
            }
        }
    }
    for ignored in decks.ignored() {
        println!("column passed over: {ignored}");
    }
    Ok(decks.build()?)
}

/// Writes a file whole or not at all, since a function may have the old one mapped into its memory.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let unfinished = path.with_extension("unfinished");
        fs::write(&unfinished, bytes)?;
        fs::rename(unfinished, path)
    };
    written().with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom\n";

    fn options(files: &[&Path], out: &Path, diff: Option<&Path>) -> Options {
        Options {
            files: files.iter().map(|file| file.to_path_buf()).collect(),
            out: out.to_owned(),
            columns: Columns::default(),
            default: Columns::default(),
            diff: diff.map(Path::to_owned),
        }
    }

    #[test]
    fn decks_become_a_rate_file_that_can_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two, out, again] =
            ["one.csv", "two.csv", "new/rates.bin", "again.bin"].map(|name| folder.path().join(name));
        fs::write(&one, format!("{HEADER}userOut,33,France,FR,EUR,0.02,0,60,60,2025-01-01\n")).unwrap();
        fs::write(&two, format!("{HEADER}userOut,34,Spain,ES,EUR,0.02,0,60,60,2025-01-01\n")).unwrap();
        make(&options(&[&one, &two], &out, Some(&one))).unwrap();
        make(&options(&[&out], &again, Some(&out))).unwrap();
        assert_eq!(fs::read(&out).unwrap(), fs::read(&again).unwrap());

        let error = make(&options(&[&out, &one], &again, None)).unwrap_err().to_string();
        assert!(error.ends_with("rates.bin is a rate file: give it alone, or give decks"), "{error}");
        let mut damaged = fs::read(&out).unwrap();
        *damaged.last_mut().unwrap() ^= 1;
        fs::write(&again, damaged).unwrap();
        let error = format!("{:#}", make(&options(&[&again], &out, None)).unwrap_err());
        assert!(error.ends_with("again.bin cannot be used: the rate file is damaged"), "{error}");
    }

    #[test]
    fn a_bad_row_is_named_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let [deck, out] = ["deck.csv", "rates.bin"].map(|name| folder.path().join(name));
        fs::write(&deck, format!("{HEADER}userOut,33,France,FR,EUR,free,0,60,60,2025-01-01\n")).unwrap();
        let error = make(&options(&[&deck], &out, None)).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{}, line 2: perMinute: expected a price", deck.display())),
            "{error}"
        );
        assert!(!out.exists());
    }

    #[test]
    fn without_files_it_is_the_sample() {
        let sample = read(&[], &Columns::default(), &Columns::default()).unwrap();
        assert_eq!(sample.sections().count(), 15);
    }
}
