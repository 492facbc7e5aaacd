//! The days whose usage has changed since it was last totalled. They tell which stored totals a usage report may rely on.
//!
//! A journal entry of a usage record changes the day (UTC) on which the call started. Consecutive days are kept as one span, so that
//! an account which is never reported on has a few spans, not a list that grows by a day each day. Spans that are too many are
//! merged: days in between then count as changed, which costs a totalling that was not needed and nothing else.

use jiff::civil::{Date, date};

/// The first day on which a call may start.
const FIRST_DAY: Date = date(2000, 1, 1);

/// An account has at most this many spans.
pub const MAX_SPANS: usize = 6;

/// Consecutive days (UTC), both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// The first day.
    pub first: Date,
    /// The last day, which is not before the first.
    pub last: Date,
}

impl Days {
    /// Whether the day is one of them.
    pub fn contain(self, day: Date) -> bool {
        (self.first..=self.last).contains(&day)
    }

    /// Each of them, in order.
    pub fn iter(self) -> impl Iterator<Item = Date> {
        self.first.series(jiff::Span::new().days(1)).take_while(move |day| *day <= self.last)
    }

    /// Those that are also among others.
    pub fn among(self, others: Self) -> Option<Self> {
        let (first, last) = (self.first.max(others.first), self.last.min(others.last));
        (first <= last).then_some(Self { first, last })
    }

    /// Those that are not among others: the ones before and the ones after.
    fn without(self, others: Self) -> [Option<Self>; 2] {
        if self.among(others).is_none() {
            return [Some(self), None];
        }
        let before = others.first.yesterday().ok().filter(|last| *last >= self.first);
        let after = others.last.tomorrow().ok().filter(|first| *first <= self.last);
        [before.map(|last| Self { last, ..self }), after.map(|first| Self { first, ..self })]
    }
}

/// Changed days that are next to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedSpan {
    /// The days.
    pub days: Days,
    /// The account's version with the last commit that changed one of them, or that merged spans into this one. Totals of a
    /// day that carry this version count every change of the day up to it.
    pub version: u64,
}

/// The changed days of an account, as spans: the oldest first, no two of them with a day in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedDays(Vec<ChangedSpan>);

impl ChangedDays {
    /// Every day up to this one, for an account of which it is not known what was totalled.
    pub fn all(until: Date, version: u64) -> Self {
        Self(vec![ChangedSpan { days: Days { first: FIRST_DAY, last: until.max(FIRST_DAY) }, version }])
    }

    /// These spans, if they are in order and no more than an account has.
    pub fn of(spans: Vec<ChangedSpan>) -> Option<Self> {
        let in_order = spans.iter().all(|span| span.days.first <= span.days.last)
            && spans.windows(2).all(|pair| pair[0].days.last < pair[1].days.first);
        (in_order && spans.len() <= MAX_SPANS).then_some(Self(spans))
    }

    /// The spans, the oldest first.
    pub fn spans(&self) -> &[ChangedSpan] {
        &self.0
    }

    /// The changed days among these, the oldest first.
    pub fn among(&self, days: Days) -> impl DoubleEndedIterator<Item = ChangedSpan> {
        self.0.iter().filter_map(move |span| {
            span.days.among(days).map(|days| ChangedSpan { days, version: span.version })
        })
    }

    /// Adds the day that a commit changes. `version` is the account's with this commit.
    pub fn add(&mut self, day: Date, version: u64) {
        let place = self.0.partition_point(|span| span.days.last < day);
        match self.0.get_mut(place) {
            Some(span) if span.days.contain(day) => span.version = version,
            _ => {
                let days = Days { first: day, last: day };
                self.0.insert(place, ChangedSpan { days, version });
                self.merge(version);
            }
        }
    }

    /// Removes days that were totalled from an account as of the version `read`. A span that was changed later stays. `version`
    /// is the account's with this commit.
    pub(crate) fn remove(&mut self, totalled: Days, read: u64, version: u64) {
        let cut = |span: &ChangedSpan| {
            let left =
                if span.version > read { [Some(span.days), None] } else { span.days.without(totalled) };
            left.into_iter().flatten().map(|days| ChangedSpan { days, ..*span }).collect::<Vec<_>>()
        };
        self.0 = self.0.iter().flat_map(cut).collect();
        self.merge(version);
    }

    /// Merges the two spans with the fewest days between them, the oldest such pair first, until there are few enough. The commit
    /// that merges counts as a change of both, so that totals read before it do not make it unchanged.
    fn merge(&mut self, version: u64) {
        while self.0.len() > MAX_SPANS {
            let gap = |place: &usize| self.0[*place].days.first.duration_since(self.0[place - 1].days.last);
            let later = (1..self.0.len()).min_by_key(gap).expect("there are several spans");
            let removed = self.0.remove(later);
            let merged = &mut self.0[later - 1];
            merged.days.last = removed.days.last;
            merged.version = version;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(number: i32) -> Date {
        FIRST_DAY.checked_add(jiff::Span::new().days(number)).unwrap()
    }

    fn days(first: i32, last: i32) -> Days {
        Days { first: day(first), last: day(last) }
    }

    fn shown(changed: &ChangedDays) -> Vec<(Date, Date, u64)> {
        changed.spans().iter().map(|span| (span.days.first, span.days.last, span.version)).collect()
    }

    #[test]
    fn days_that_follow_one_another_stay_few_spans_and_the_latest_stand_alone() {
        let mut changed = ChangedDays::default();
        for number in 0..400 {
            changed.add(day(number), u64::try_from(number).unwrap() + 1);
        }
        let mut expected = vec![(day(0), day(394), 400)];
        expected
            .extend((395..400).map(|number| (day(number), day(number), u64::try_from(number).unwrap() + 1)));
        assert_eq!(shown(&changed), expected);
    }

    #[test]
    fn a_day_that_is_there_already_takes_the_later_version() {
        let mut changed = ChangedDays::all(day(10), 3);
        changed.add(day(10), 4);
        changed.add(day(12), 5);
        assert_eq!(shown(&changed), [(day(0), day(10), 4), (day(12), day(12), 5)]);
    }

    #[test]
    fn totalled_days_go_unless_their_span_was_changed_since() {
        let mut changed = ChangedDays::all(day(20), 3);
        changed.add(day(22), 9);
        changed.remove(days(5, 22), 8, 10);
        assert_eq!(shown(&changed), [(day(0), day(4), 3), (day(22), day(22), 9)]);
        changed.remove(days(0, 22), 10, 11);
        assert_eq!(changed, ChangedDays::default());
    }

    #[test]
    fn a_merge_counts_as_a_change_of_both_spans() {
        let mut changed = ChangedDays::default();
        for number in [0, 10, 12, 20, 30, 40] {
            changed.add(day(number), 1);
        }
        // Totals were read as of version 1, and then a commit merged two of the spans.
        changed.add(day(50), 2);
        assert_eq!(shown(&changed)[1], (day(10), day(12), 2));
        changed.remove(days(0, 60), 1, 3);
        assert_eq!(shown(&changed), [(day(10), day(12), 2), (day(50), day(50), 2)]);
    }

    #[test]
    fn spans_that_are_not_in_order_are_refused() {
        let span = |first, last| ChangedSpan { days: days(first, last), version: 1 };
        assert!(ChangedDays::of(vec![span(1, 2), span(3, 3)]).is_some());
        for damaged in [vec![span(2, 1)], vec![span(1, 3), span(3, 4)], vec![span(5, 5), span(1, 1)]] {
            assert_eq!(ChangedDays::of(damaged), None);
        }
        assert_eq!(ChangedDays::of((0..7).map(|number| span(2 * number, 2 * number)).collect()), None);
    }

    proptest! {
        /// No day that changed after it was read is ever lost, whatever is added, merged and removed.
        #[test]
        fn a_changed_day_stays_until_it_is_totalled(steps in prop::collection::vec((0..60i32, 0..60i32, any::<bool>()), 1..80)) {
            let mut changed = ChangedDays::default();
            let mut versions = std::collections::BTreeMap::new();
            for (version, (a, b, removes)) in (1u64..).zip(steps) {
                if removes {
                    let (first, last) = (a.min(b), a.max(b));
                    let read = version.saturating_sub(3);
                    changed.remove(days(first, last), read, version);
                    versions.retain(|number, changed_at| !((first..=last).contains(number) && *changed_at <= read));
                } else {
                    changed.add(day(a), version);
                    versions.insert(a, version);
                }
                prop_assert!(changed.spans().len() <= MAX_SPANS);
                prop_assert!(ChangedDays::of(changed.spans().to_vec()).is_some());
                for (number, changed_at) in &versions {
                    let span = changed.spans().iter().find(|span| span.days.contain(day(*number)));
                    prop_assert!(span.is_some_and(|span| span.version >= *changed_at), "day {}", number);
                }
            }
        }
    }
}
