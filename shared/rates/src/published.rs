//! The published rates as a function has them.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use domain::RateTable;
use memmap2::Mmap;

use crate::RateFileError;

/// The published rates, or the reason why they cannot be used.
#[derive(Clone, Debug)]
pub struct PublishedRates(Arc<Result<RateTable, RateFileError>>);

impl PublishedRates {
    /// Opens a rate file. The file is mapped into memory and not read, so this takes as long for a large one as for a small
    /// one. Nobody may write to the file while it is in use; a new price list is a new file.
    ///
    /// # Errors
    ///
    /// The file cannot be opened. A file that is no rate file is an error of [`PublishedRates::get`].
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        #[expect(
            unsafe_code,
            reason = "a mapped file must not change: Lambda unpacks it where nobody can write"
        )]
        // SAFETY: The map is only read, and the file stays as it is: see the documentation above.
        let bytes = unsafe { Mmap::map(&file)? };
        Ok(Self(Arc::new(RateTable::open(bytes))))
    }

    /// The rates.
    ///
    /// # Errors
    ///
    /// [`RateFileError`] if the file cannot be used. Every call returns it again.
    ///
    /// ```
    /// use rates::{PublishedRates, RateFileError};
    /// let file = tempfile::NamedTempFile::new().unwrap();
    /// std::fs::write(&file, "service,prefix").unwrap();
    /// let rates = PublishedRates::open(file.path()).unwrap();
    /// assert_eq!(rates.get().unwrap_err(), RateFileError::Foreign);
    /// ```
    pub fn get(&self) -> Result<&RateTable, RateFileError> {
        (*self.0).as_ref().map_err(|error| *error)
    }
}

impl From<RateTable> for PublishedRates {
    fn from(table: RateTable) -> Self {
        Self(Arc::new(Ok(table)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_file_is_opened_from_disk() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let table = crate::read(&include_bytes!("../../../infra/rates/sample.csv")[..]).unwrap();
        std::fs::write(&file, table.as_bytes()).unwrap();
        let rates = PublishedRates::open(file.path()).unwrap();
        let opened = rates.get().unwrap();
        assert_eq!(opened.fingerprint(), table.fingerprint());
        opened.verify().unwrap();
    }

    #[test]
    fn an_unusable_file_is_an_error_of_each_call() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let rates = PublishedRates::open(file.path()).unwrap();
        for _ in 0..2 {
            assert_eq!(rates.get().unwrap_err(), RateFileError::Foreign);
        }
        assert!(PublishedRates::open(Path::new("/there/is/none")).is_err());
    }
}
