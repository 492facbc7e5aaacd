//! The published rates, read in the background.

use std::io::{self, Read};
use std::sync::{Arc, LazyLock};

use domain::RateTable;

use crate::RateFileError;

type Loaded = Result<RateTable, RateFileError>;
type Loader = Box<dyn FnOnce() -> Loaded + Send>;

/// The published rates. They are read once, on a thread of their own, so that a large file does not delay a start.
#[derive(Clone)]
pub struct PublishedRates(Arc<LazyLock<Loaded, Loader>>);

impl PublishedRates {
    /// Begins to read a rate file on a new thread.
    pub fn reading(file: impl Read + Send + 'static) -> Self {
        let load: Loader = Box::new(move || crate::read(Yielding(file)));
        let rates = Self(Arc::new(LazyLock::new(load)));
        let in_background = rates.clone();
        std::thread::spawn(move || LazyLock::force(&in_background.0).is_ok());
        rates
    }

    /// The rates. The call waits until the file has been read.
    ///
    /// # Errors
    ///
    /// [`RateFileError`] if the file cannot be used. Every call returns it again.
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

/// A file that yields to other threads before each read, so that the start of the function goes first where cores are few.
struct Yielding<F>(F);

impl<F: Read> Read for Yielding<F> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        std::thread::yield_now();
        self.0.read(piece)
    }
}
