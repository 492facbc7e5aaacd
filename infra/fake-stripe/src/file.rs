//! The file that the state is kept in: one line of JSON for each change, which has the rows that the change left behind.
//!
//! A process that dies while it writes leaves an incomplete last line, whose change nobody was told of. That line is dropped when the
//! file is read. The file is then written anew with one line, under another name that replaces the old file in one step.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::state::Tables;

/// The open file.
#[derive(Debug)]
pub(crate) struct Log(File);

impl Log {
    /// Reads the file, if there is one, and writes it anew.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, Tables)> {
        let mut tables = Tables::default();
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            tables.absorb(serde_json::from_str(line)?);
        }
        let next = next_to(path);
        let mut log = Self(File::create(&next)?);
        log.append(&tables)?;
        log.0.sync_all()?;
        fs::rename(next, path)?;
        tables.keep();
        Ok((log, tables))
    }

    /// Appends the changed rows.
    pub(crate) fn append(&mut self, tables: &Tables) -> io::Result<()> {
        let mut line = serde_json::to_vec(tables)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }
}

fn next_to(path: &Path) -> PathBuf {
    let mut next = path.as_os_str().to_owned();
    next.push(".next");
    PathBuf::from(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customers::Customer;

    fn customer(id: &str) -> Customer {
        Customer { id: id.to_owned(), ..Customer::default() }
    }

    #[test]
    fn the_state_is_that_of_the_last_complete_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stripe.jsonl");
        let (mut log, mut tables) = Log::open(&path).unwrap();
        for id in ["cus_1", "cus_2"] {
            tables.customers.put(customer(id));
            log.append(&tables).unwrap();
            tables.keep();
        }
        let lines = fs::read_to_string(&path).unwrap();
        assert_eq!(lines.lines().filter(|line| line.contains("cus_1")).count(), 1, "{lines}");
        fs::write(&path, lines + "{\"customers\":[{\"id\":\"cus_3").unwrap();

        let (_, tables) = Log::open(&path).unwrap();
        let ids: Vec<_> = tables.customers.newest().map(|customer| customer.id.as_str()).collect();
        assert_eq!(ids, ["cus_2", "cus_1"]);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
    }
}
