//! How reports write prefixes and instants.

use domain::rate::Prefix;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The most prefixes of a list that are named. Others are only counted.
const NAMED: usize = 12;

/// The first prefixes of a list, and the number of others.
pub(crate) fn named(prefixes: &[Prefix]) -> String {
    let first: Vec<_> = prefixes.iter().take(NAMED).map(Prefix::to_string).collect();
    let more = prefixes.len() - first.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", first.join(", "))
}

/// An instant as a deck has it: a date if it is midnight in UTC.
pub(crate) fn shown(instant: Timestamp) -> String {
    let midnight = instant.to_zoned(TimeZone::UTC).date().to_zoned(TimeZone::UTC).map(|day| day.timestamp());
    match midnight {
        Ok(midnight) if midnight == instant => instant.strftime("%F").to_string(),
        _ => instant.to_string(),
    }
}
