//! The published rates, read beside other work.

use std::io::{self, Read};
use std::sync::{Arc, LazyLock};

use domain::RateTable;

use crate::RateFileError;

type Loaded = Result<RateTable, RateFileError>;
type Loader = Box<dyn FnOnce() -> Loaded + Send>;

/// The published rates, read once, on a thread of their own: a world-wide file must not slow a start.
#[derive(Clone)]
pub struct PublishedRates(Arc<LazyLock<Loaded, Loader>>);

impl PublishedRates {
    /// Begins to read a rate file.
    pub fn reading(file: impl Read + Send + 'static) -> Self {
        let load: Loader = Box::new(move || crate::read(Yielding(file)));
        let rates = Self(Arc::new(LazyLock::new(load)));
        let in_background = rates.clone();
        std::thread::spawn(move || LazyLock::force(&in_background.0).is_ok());
        rates
    }

    /// The rates. Waits until the file has been read.
    ///
    /// # Errors
    ///
    /// The file cannot be used; every call says so again.
    ///
    /// ```
    /// # use rates::PublishedRates;
    /// let rates = PublishedRates::reading(std::io::Cursor::new("service,price\nuserOut,1"));
    /// assert_eq!(rates.get().unwrap_err().line, 2);
    /// ```
    pub fn get(&self) -> Result<&RateTable, RateFileError> {
        LazyLock::force(&self.0).as_ref().map_err(Clone::clone)
    }
}

/// A file that lets other threads run before each piece of it is read, since a start comes first where there are few cores.
struct Yielding<F>(F);

impl<F: Read> Read for Yielding<F> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        std::thread::yield_now();
        self.0.read(piece)
    }
}
