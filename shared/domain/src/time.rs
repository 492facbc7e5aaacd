//! Instants and calendar months, always in UTC (T1, F1).

use std::borrow::Cow;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A start later than this after now is refused (T1).
pub const FUTURE_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// For how long after a call's end, and so after a lot's expiry, a late record may draw on it (S10, E1).
pub const LATE_RECORDS: SignedDuration = SignedDuration::from_hours(72);

/// The year 2000 begins.
const FIRST: Timestamp = Timestamp::constant(946_684_800, 0);
/// The year 9001 begins.
const AFTER_RANGE: Timestamp = Timestamp::constant(221_876_928_000, 0);
/// The year 9101 begins.
const AFTER_KEPT: Timestamp = Timestamp::constant(225_032_601_600, 0);

/// The instants that keys and calendar arithmetic can hold: years 2000 to 9000.
pub fn in_range(instant: Timestamp) -> bool {
    (FIRST..AFTER_RANGE).contains(&instant)
}

/// Whether an instant may be in the books: one in range, or one that follows from it, as an expiry does.
pub fn may_be_kept(instant: Timestamp) -> bool {
    (FIRST..AFTER_KEPT).contains(&instant)
}

/// `instant` plus calendar months, clamped to the month's last day (F1).
///
/// ```
/// use domain::time::plus_months;
/// let leap_day = "2028-02-29T12:00:00Z".parse().unwrap();
/// assert_eq!(plus_months(leap_day, 12).to_string(), "2029-02-28T12:00:00Z");
/// ```
pub fn plus_months(instant: Timestamp, months: i32) -> Timestamp {
    instant
        .to_zoned(TimeZone::UTC)
        .checked_add(months.months())
        .expect("instants are kept within years 2000 to 9000 at the edge")
        .timestamp()
}

/// Fixed width and sortable: what journal keys begin with. Milliseconds, UTC.
///
/// ```
/// let instant = "2026-11-22T07:43:00.5Z".parse().unwrap();
/// assert_eq!(domain::time::key_text(instant), "2026-11-22T07:43:00.500Z");
/// ```
pub fn key_text(instant: Timestamp) -> String {
    format!("{instant:.3}")
}

/// Cut to the second, as the start of a usage record is (S2).
pub fn cut_to_second(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second() - i64::from(instant.subsec_nanosecond() < 0))
        .expect("a second below a valid instant is valid")
}

/// Cut to the millisecond, as every event's instant is.
pub fn cut_to_millisecond(instant: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(instant.as_millisecond())
        .expect("a millisecond near a valid instant is valid")
}

/// The calendar day in UTC (R6).
pub fn day_of(instant: Timestamp) -> Date {
    instant.to_zoned(TimeZone::UTC).date()
}

/// The day before.
pub fn day_before(day: Date) -> Date {
    day.yesterday().expect("the day before a kept day exists")
}

/// Consecutive calendar days in UTC.
///
/// ```
/// use domain::time::Days;
/// let november = Days::between("2026-11-01".parse().unwrap(), "2026-11-30".parse().unwrap()).unwrap();
/// assert_eq!(november.count(), 30);
/// assert_eq!(november.start().to_string(), "2026-11-01T00:00:00Z");
/// assert_eq!(november.end().to_string(), "2026-12-01T00:00:00Z");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    first: Date,
    last: Date,
}

impl Days {
    /// From a first day to a last one, both included. `None` if the last is before the first.
    pub fn between(first: Date, last: Date) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The first day.
    pub fn first(self) -> Date {
        self.first
    }

    /// The last day.
    pub fn last(self) -> Date {
        self.last
    }

    /// The first instant of the first day.
    pub fn start(self) -> Timestamp {
        midnight(self.first)
    }

    /// The first instant after the last day.
    pub fn end(self) -> Timestamp {
        midnight(self.last.tomorrow().expect("the day after a kept day exists"))
    }

    /// Whether a day is one of them.
    pub fn contains(self, day: Date) -> bool {
        (self.first..=self.last).contains(&day)
    }

    /// The number of days.
    pub fn count(self) -> i32 {
        (self.last - self.first).get_days() + 1
    }
}

/// The first instant of a day.
fn midnight(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).expect("midnight UTC of a kept day exists").timestamp()
}

/// The last instant of a day, to the millisecond.
pub fn last_instant_of(day: Date) -> Timestamp {
    let next = day.tomorrow().expect("the day after a kept day exists");
    midnight(next) - SignedDuration::from_millis(1)
}

/// A calendar month in UTC (S8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    first_day: Date,
}

impl Month {
    /// The month an instant falls in.
    pub fn of(instant: Timestamp) -> Self {
        Self { first_day: instant.to_zoned(TimeZone::UTC).date().first_of_month() }
    }

    /// Reads `2026-11`.
    pub fn parse(text: &str) -> Option<Self> {
        let first_day: Date = format!("{text}-01").parse().ok()?;
        let begins = first_day.to_zoned(TimeZone::UTC).ok()?.timestamp();
        (text.len() == 7 && may_be_kept(begins)).then_some(Self { first_day })
    }

    /// The month before.
    #[must_use]
    pub fn previous(self) -> Self {
        Self { first_day: day_before(self.first_day).first_of_month() }
    }

    /// Its year and its number in the year, from 1.
    pub fn year_and_number(self) -> (i16, i8) {
        (self.first_day.year(), self.first_day.month())
    }

    /// The month of a year with this number, from 1.
    pub fn of_year(year: i16, number: i8) -> Option<Self> {
        Self::parse(&format!("{year:04}-{number:02}"))
    }

    /// The first instant of the month.
    pub fn start(self) -> Timestamp {
        midnight(self.first_day)
    }

    /// The first instant after the month.
    pub fn end(self) -> Timestamp {
        plus_months(self.start(), 1)
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("expected a month such as 2026-11"))
    }
}

impl JsonSchema for Month {
    fn schema_name() -> Cow<'static, str> {
        "Month".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$", "description": "A month in UTC" })
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.first_day.strftime("%Y-%m"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_and_the_last_instants_are_those_of_their_years() {
        for (first, last, is_within) in [
            ("2000-01-01T00:00:00Z", "9000-12-31T23:59:59.999Z", in_range as fn(Timestamp) -> bool),
            ("2000-01-01T00:00:00Z", "9100-12-31T23:59:59.999Z", may_be_kept),
        ] {
            let millisecond = jiff::SignedDuration::from_millis(1);
            assert!(is_within(at(first)) && is_within(at(last)));
            assert!(!is_within(at(first) - millisecond) && !is_within(at(last) + millisecond));
        }
    }

    #[test]
    fn s2_an_instant_is_cut_to_the_second_or_the_millisecond_before_it() {
        for (instant, second, millisecond) in [
            ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z"),
            ("2026-11-22T10:00:00.9999Z", "2026-11-22T10:00:00Z", "2026-11-22T10:00:00.999Z"),
            ("1969-12-31T23:59:58Z", "1969-12-31T23:59:58Z", "1969-12-31T23:59:58Z"),
            ("1969-12-31T23:59:58.25Z", "1969-12-31T23:59:58Z", "1969-12-31T23:59:58.25Z"),
        ] {
            assert_eq!(cut_to_second(at(instant)), at(second), "{instant}");
            assert_eq!(cut_to_millisecond(at(instant)), at(millisecond), "{instant}");
        }
    }

    #[test]
    fn f1_twelve_months_clamp_to_the_last_day() {
        for (from, to) in [
            ("2028-02-29T00:00:00Z", "2029-02-28T00:00:00Z"),
            ("2027-02-28T23:59:59Z", "2028-02-28T23:59:59Z"),
            ("2026-12-31T10:00:00Z", "2027-12-31T10:00:00Z"),
        ] {
            assert_eq!(plus_months(at(from), 12), at(to), "{from}");
        }
        assert_eq!(plus_months(at("2026-01-31T00:00:00Z"), 1), at("2026-02-28T00:00:00Z"));
    }

    #[test]
    fn s2_a_start_is_cut_to_the_second() {
        assert_eq!(cut_to_second(at("2019-11-01T00:00:08.2589935Z")), at("2019-11-01T00:00:08Z"));
        assert_eq!(cut_to_second(at("1969-12-31T23:59:58.5Z")), at("1969-12-31T23:59:58Z"));
    }

    #[test]
    fn days_are_whole_and_include_the_last() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let leap_day = Days::between(day("2028-02-29"), day("2028-02-29")).unwrap();
        assert_eq!(
            (leap_day.start(), leap_day.end()),
            (at("2028-02-29T00:00:00Z"), at("2028-03-01T00:00:00Z"))
        );
        assert_eq!(leap_day.count(), 1);
        assert_eq!(Days::between(day("2026-12-31"), day("2028-01-01")).unwrap().count(), 367);
        assert_eq!(Days::between(day("2026-11-02"), day("2026-11-01")), None);
        assert_eq!(last_instant_of(day("2026-12-31")), at("2026-12-31T23:59:59.999Z"));
        assert_eq!(day_before(day("2027-01-01")), day("2026-12-31"));
    }

    #[test]
    fn keys_sort_as_their_instants() {
        let instants = ["2026-11-22T07:43:00Z", "2026-11-22T07:43:00.001Z", "2026-12-01T00:00:00Z"].map(at);
        assert!(instants.map(key_text).is_sorted());
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let december = Month::of(at("2026-12-31T23:59:59Z"));
        assert_eq!(december.to_string(), "2026-12");
        assert_eq!(december.end(), at("2027-01-01T00:00:00Z"));
        assert_eq!(Month::parse("2026-12"), Some(december));
        assert_eq!(Month::parse("2026-13"), None);
        assert_eq!(Month::parse("2026-1"), None);
        assert_eq!(Month::parse("9999-12"), None, "it has no end");
    }
}
