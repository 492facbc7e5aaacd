//! The published rates as files (S5): decks, which people write, and the rate file, which functions open.
//! `infra/rates/README.md` describes both.
//!
//! | file | what it is |
//! |---|---|
//! | [`deck`] | reads decks: CSV with one row for each price |
//! | [`published`] | opens the rate file |
//! | [`report`] | overlaps, gaps and missing country codes of a price list |
//! | [`diff`] | what changes between two price lists, and for whom |

pub mod deck;
pub mod diff;
pub mod published;
pub mod report;
mod text;

pub use deck::{BadDecks, Columns, Decks, read};
pub use domain::RateTable;
pub use domain::rate::RateFileError;
pub use published::PublishedRates;
