//! A calendar month in UTC, in which included minutes (S7) and post-usage charges (S8) are counted.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// A calendar month in UTC, written `2026-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    first_day: Date,
}

impl Month {
    /// The month that contains `instant`.
    pub fn of(instant: Timestamp) -> Self {
        Self { first_day: instant.to_zoned(TimeZone::UTC).date().first_of_month() }
    }

    /// The month before this one.
    #[must_use]
    pub fn previous(self) -> Self {
        Self { first_day: self.first_day.saturating_sub(1.month()) }
    }

    /// The month after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self { first_day: self.first_day.saturating_add(1.month()) }
    }

    /// The first instant of the month.
    pub fn start(self) -> Timestamp {
        let midnight = self.first_day.to_zoned(TimeZone::UTC).expect("UTC has every date");
        midnight.timestamp()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first_day.year(), self.first_day.month())
    }
}

impl FromStr for Month {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self { first_day: format!("{text}-01").parse()? })
    }
}

impl TryFrom<String> for Month {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}
