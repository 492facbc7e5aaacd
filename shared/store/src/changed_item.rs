//! The changed days in `core`, packed so that `core` stays small.

use domain::changed_days::{ChangedDays, ChangedSpan, Days};
use jiff::civil::{Date, date};
use jiff::{Span, Unit};

/// Days are counted from this one.
const FIRST_DAY: Date = date(2000, 1, 1);

/// The bytes of a span: its first day, how many days follow it, and its version, each with its most significant byte first.
const BYTES: usize = 3 + 3 + 6;

/// Packs changed days: a byte with the number of spans, then the spans. It is never empty, since an account without the attribute
/// is one of which it is not known what was totalled.
pub(crate) fn changed_days_to_bytes(changed: &ChangedDays) -> Vec<u8> {
    let spans = changed.spans();
    let mut bytes = Vec::with_capacity(1 + spans.len() * BYTES);
    bytes.push(u8::try_from(spans.len()).expect("an account has few spans"));
    for ChangedSpan { days, version } in spans {
        bytes.extend(&days_between(FIRST_DAY, days.first).to_be_bytes()[1..]);
        bytes.extend(&days_between(days.first, days.last).to_be_bytes()[1..]);
        bytes.extend(&version.to_be_bytes()[2..]);
    }
    bytes
}

/// Unpacks changed days. `None` if the bytes are damaged.
pub(crate) fn changed_days_from_bytes(bytes: &[u8]) -> Option<ChangedDays> {
    let (count, rest) = bytes.split_first()?;
    let (spans, rest) = rest.as_chunks::<BYTES>();
    let spans: Vec<_> = spans.iter().map(span).collect::<Option<_>>()?;
    if !rest.is_empty() || spans.len() != usize::from(*count) {
        return None;
    }
    ChangedDays::of(spans)
}

fn span(bytes: &[u8; BYTES]) -> Option<ChangedSpan> {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let first = after(FIRST_DAY, number(&bytes[..3]))?;
    let last = after(first, number(&bytes[3..6]))?;
    Some(ChangedSpan { days: Days { first, last }, version: number(&bytes[6..]) })
}

fn days_between(first: Date, last: Date) -> u32 {
    let span = first.until((Unit::Day, last)).expect("days of the books are near each other");
    u32::try_from(span.get_days()).expect("days of the books are from the year 2000 on, and in order")
}

fn after(day: Date, days: u64) -> Option<Date> {
    let days = i64::try_from(days).ok()?;
    day.checked_add(Span::new().try_days(days).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_days_survive_storing_and_damage_is_noticed() {
        let span = |first: &str, last: &str, version| {
            let days = Days { first: first.parse().unwrap(), last: last.parse().unwrap() };
            ChangedSpan { days, version }
        };
        let spans = vec![
            span("2000-01-01", "2000-01-01", 1),
            span("2026-11-01", "2026-11-28", 300),
            span("9000-12-31", "9001-01-01", (1 << 48) - 1),
        ];
        let changed = ChangedDays::of(spans).unwrap();
        let bytes = changed_days_to_bytes(&changed);
        assert_eq!(bytes.len(), 1 + 3 * BYTES);
        assert_eq!(changed_days_from_bytes(&bytes), Some(changed));
        let none = changed_days_to_bytes(&ChangedDays::default());
        assert_eq!(changed_days_from_bytes(&none), Some(ChangedDays::default()));
        for damaged in [&[][..], &bytes[1..], &bytes[..bytes.len() - 1], &[2, 0][..], &[1; 25][..]] {
            assert_eq!(changed_days_from_bytes(damaged), None, "{damaged:?}");
        }
    }
}
