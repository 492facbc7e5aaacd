//! Included minutes: the pools of an organization's plans, and their use by month (S7).
//!
//! A pool gives its plan's minutes to the calls of users in one country. Its size in a month follows from the licences: the
//! largest number of minutes that was in force at any time of the month, so that returning a licence takes back nothing.
//! Definitions are part of the profile; the minutes used are part of the account, since every commit may change them.

use serde::{Deserialize, Serialize};

use crate::time::Month;
use crate::usage::{Service, UsageRecord};

/// An account has at most this many pools.
pub const MAX_POOLS: usize = 50;

/// A pool's minutes for one licence: at most the minutes of a month of 31 days.
pub const MAX_MINUTES_PER_LICENCE: u32 = 31 * 24 * 60;

/// A pool has at most this many licences.
pub const MAX_LICENCES: u32 = 1_000_000;

/// People are told when this share of a pool is used (N8), in percent.
const TOLD_AT: [u8; 2] = [80, 100];

/// A pool as the operator defines it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolTerms {
    /// The plan whose calls it includes, as records name it.
    pub plan: String,
    /// The country of the plan's users, ISO 3166-1 alpha-2.
    pub country: String,
    /// The minutes of one licence in a month.
    pub minutes_per_licence: u32,
    /// The number of licences.
    pub licences: u32,
    /// The services that it includes.
    pub services: Vec<Service>,
    /// The countries of the destinations that it includes; all of them if none is listed.
    pub countries: Vec<String>,
}

impl PoolTerms {
    /// The minutes of all licences in a month.
    fn minutes(&self) -> u64 {
        u64::from(self.minutes_per_licence) * u64::from(self.licences)
    }

    fn is_of_same_users(&self, other: &Self) -> bool {
        self.plan == other.plan && self.country == other.country
    }

    fn includes_same_calls(&self, other: &Self) -> bool {
        self.is_of_same_users(other) && self.services == other.services && self.countries == other.countries
    }

    fn differs_in_licences_only(&self, other: &Self) -> bool {
        self.includes_same_calls(other) && self.minutes_per_licence == other.minutes_per_licence
    }
}

/// A pool of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its number within the account. A call's minutes are counted under it.
    pub number: u16,
    /// Its name for people: plan and country, and a number if there are several pools of both, such as `MCOPSTN2/FR/2`. It
    /// keeps its name wherever it is listed.
    pub id: String,
    /// Its terms.
    pub terms: PoolTerms,
    /// Whether it is listed no more. It has no licences then.
    pub is_removed: bool,
    /// Its largest sizes.
    pub sizes: Sizes,
}

/// The largest sizes of a pool, in minutes, in the month (UTC) in which its terms last changed, and in the month before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// The month of the last change.
    pub changed_in: Month,
    /// The largest size in that month so far.
    pub largest: u64,
    /// The largest size in the month before it.
    pub before: u64,
}

impl Pool {
    /// Its size in a month, in minutes: the largest so far. Sizes are known for the month of the last change, the month
    /// before it, and all later months; calls of earlier months use no pool.
    pub fn size_in(&self, month: Month) -> u64 {
        let Sizes { changed_in, largest, before } = self.sizes;
        if month > changed_in {
            self.terms.minutes()
        } else if month == changed_in {
            largest
        } else if month == changed_in.previous() {
            before
        } else {
            0
        }
    }

    /// A pool with these terms that has no licences yet, with the smallest number and name that none of the others has.
    fn new(terms: &PoolTerms, others: &[Self], month: Month) -> Self {
        let is_free = |number: &u16| others.iter().all(|pool| pool.number != *number);
        let number = (0..=u16::MAX).find(is_free).expect("pools are few");
        let (plan, country) = (&terms.plan, &terms.country);
        let names = std::iter::once(format!("{plan}/{country}"))
            .chain((2_u32..).map(|number| format!("{plan}/{country}/{number}")));
        let id = names.into_iter().find(|name| others.iter().all(|pool| pool.id != *name));
        Self {
            number,
            id: id.expect("names do not end"),
            terms: PoolTerms { licences: 0, ..terms.clone() },
            is_removed: false,
            sizes: Sizes { changed_in: month, largest: 0, before: 0 },
        }
    }

    /// Whether it is listed, or has minutes of this month or the last.
    fn is_kept(&self, month: Month) -> bool {
        !self.is_removed || self.size_in(month) > 0 || self.size_in(month.previous()) > 0
    }

    /// The pool with new terms from a month on.
    fn changed(self, terms: PoolTerms, is_removed: bool, month: Month) -> Self {
        let sizes = Sizes {
            changed_in: month,
            largest: self.size_in(month).max(terms.minutes()),
            before: self.size_in(month.previous()),
        };
        Self { terms, is_removed, sizes, ..self }
    }

    /// Whether it includes a call to this country, ISO 3166-1 alpha-2.
    fn includes(&self, call: PoolCall<'_>, destination_country: &str) -> bool {
        let PoolTerms { plan, country, services, countries, .. } = &self.terms;
        call.plan == Some(plan)
            && call.user_country == Some(country)
            && services.contains(&call.service)
            && (countries.is_empty() || countries.iter().any(|listed| listed == destination_country))
    }
}

/// The pools of an account, in the order in which calls use them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pools {
    /// One more with every change; zero if there never was a pool. The account has the same number.
    pub version: u64,
    /// The pools.
    pub list: Vec<Pool>,
}

impl Pools {
    /// The pools with these terms instead, from a month on. Terms that are only listed at another place are those of the same
    /// pool, so its use and its sizes go with it. A pool that is listed no more stays, without licences and after the others,
    /// until the month and the one after it are over, because its minutes of this month are still there to use.
    pub(crate) fn replaced(&self, terms: Vec<PoolTerms>, month: Month) -> Self {
        let mut kept: Vec<&Pool> = self.list.iter().filter(|pool| pool.is_kept(month)).collect();
        let before = pools_before(&terms, &mut kept);
        let removed = kept.into_iter().map(|pool| {
            let terms = PoolTerms { licences: 0, ..pool.terms.clone() };
            pool.clone().changed(terms, true, month)
        });
        let removed: Vec<_> = removed.filter(|pool| pool.is_kept(month)).collect();
        let mut list: Vec<Pool> = before.iter().flatten().chain(&removed).cloned().collect();
        let listed: Vec<_> = before
            .into_iter()
            .zip(terms)
            .map(|(before, terms)| {
                let pool = before.unwrap_or_else(|| {
                    let new = Pool::new(&terms, &list, month);
                    list.push(new.clone());
                    new
                });
                pool.changed(terms, false, month)
            })
            .collect();
        Self { version: self.version + 1, list: listed.into_iter().chain(removed).collect() }
    }

    /// The terms of the listed pools.
    pub fn terms(&self) -> impl Iterator<Item = &PoolTerms> {
        self.list.iter().filter(|pool| !pool.is_removed).map(|pool| &pool.terms)
    }

    /// The pools that include a call, and the minutes that each gives it, in order: up to the call's billed minutes, as far as
    /// they have some left in the month of its start. `taken` gives the minutes of a pool that are not there any more.
    pub(crate) fn minutes_for(
        &self,
        call: PoolCall<'_>,
        destination_country: &str,
        billed_seconds: u64,
        taken: impl Fn(u16) -> u64,
    ) -> Vec<IncludedMinutes> {
        let mut wanted = billed_seconds.div_ceil(60);
        let mut given = Vec::new();
        for pool in self.list.iter().filter(|pool| pool.includes(call, destination_country)) {
            let left = pool.size_in(call.month).saturating_sub(taken(pool.number));
            let minutes = left.min(wanted);
            if minutes > 0 {
                wanted -= minutes;
                given.push(IncludedMinutes { pool: pool.id.clone(), number: pool.number, minutes });
            }
        }
        given
    }
}

/// The pool that each of these terms was of before, if any, taken out of `kept`: one with the same terms but for the licences,
/// else one that includes the same calls, else one of the same plan and country, the first that is left of each.
fn pools_before(terms: &[PoolTerms], kept: &mut Vec<&Pool>) -> Vec<Option<Pool>> {
    let mut before = vec![None; terms.len()];
    for is_like in
        [PoolTerms::differs_in_licences_only, PoolTerms::includes_same_calls, PoolTerms::is_of_same_users]
    {
        for (terms, before) in terms.iter().zip(&mut before).filter(|(_, before)| before.is_none()) {
            let place = kept.iter().position(|pool| is_like(&pool.terms, terms));
            *before = place.map(|place| kept.remove(place).clone());
        }
    }
    before
}

/// What pools know of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolCall<'a> {
    /// The plan or licence that it is made on.
    pub(crate) plan: Option<&'a String>,
    /// The user's country, ISO 3166-1 alpha-2.
    pub(crate) user_country: Option<&'a String>,
    /// Its service.
    pub(crate) service: Service,
    /// The month (UTC) of its start.
    pub(crate) month: Month,
}

impl<'a> PoolCall<'a> {
    /// What pools know of a finished call.
    pub(crate) fn of(record: &'a UsageRecord) -> Self {
        Self {
            plan: record.plan.as_ref(),
            user_country: record.user_country.as_ref(),
            service: record.service,
            month: Month::of(record.started_at),
        }
    }
}

/// Minutes of a pool that are held for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldMinutes {
    /// The pool's number within the account.
    pub number: u16,
    /// The minutes, above zero.
    pub minutes: u64,
}

/// Minutes that a pool gave to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncludedMinutes {
    /// The pool's name for people.
    pub pool: String,
    /// The pool's number within the account.
    pub number: u16,
    /// The minutes, above zero.
    pub minutes: u64,
}

/// The use of a pool in a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUse {
    /// The month (UTC) in which the calls started.
    pub month: Month,
    /// The pool's number.
    pub number: u16,
    /// The minutes that calls used.
    pub minutes: u64,
    /// The share that people were told of, in percent; zero if they were not told (N8).
    pub told: u8,
}

/// The minutes used of a pool in a month.
pub fn minutes_used(used: &[PoolUse], number: u16, month: Month) -> u64 {
    let of_pool = used.iter().find(|used| used.number == number && used.month == month);
    of_pool.map_or(0, |used| used.minutes)
}

/// The share of a pool of this size that people are told of now: 80 or 100, if that much is used and they were told of less
/// (N8).
pub(crate) fn share_to_tell(used: &PoolUse, size: u64) -> Option<u8> {
    let reached = share_reached(used.minutes, size);
    (reached > used.told).then_some(reached)
}

/// The largest share that is told of and that this use has reached of a pool of this size; zero if it has reached none.
pub(crate) fn share_reached(minutes: u64, size: u64) -> u8 {
    TOLD_AT.into_iter().rfind(|&share| minutes * 100 >= size * u64::from(share)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        Month::parse(text).unwrap()
    }

    fn terms(plan: &str, licences: u32) -> PoolTerms {
        PoolTerms {
            plan: plan.into(),
            country: "FR".into(),
            minutes_per_licence: 60,
            licences,
            services: vec![Service::UserOut],
            countries: Vec::new(),
        }
    }

    /// The pools after these lists of terms, each from a month on.
    fn pools(lists: &[(&str, &[(&str, u32)])]) -> Pools {
        lists.iter().fold(Pools::default(), |pools, (since, list)| {
            pools.replaced(list.iter().map(|(plan, licences)| terms(plan, *licences)).collect(), month(since))
        })
    }

    #[test]
    fn s7_the_size_of_a_month_is_the_largest_so_far() {
        for (lists, sizes) in [
            // V4: 2, 5 and then 3 licences within a month.
            (
                &[("2026-01", 2), ("2026-01", 5), ("2026-01", 3)][..],
                [("2025-12", 0), ("2026-01", 300), ("2026-02", 180)],
            ),
            // The licences of the month before are in force until the change.
            (&[("2025-11", 4), ("2026-01", 1)], [("2025-12", 240), ("2026-01", 240), ("2026-02", 60)]),
            (
                &[("2025-12", 5), ("2025-12", 2), ("2026-01", 3)],
                [("2025-12", 300), ("2026-01", 180), ("2026-02", 180)],
            ),
        ] {
            let lists: Vec<_> = lists.iter().map(|(since, licences)| (*since, [("P1", *licences)])).collect();
            let lists: Vec<_> = lists.iter().map(|(since, list)| (*since, &list[..])).collect();
            let pools = pools(&lists);
            for (in_month, size) in sizes {
                assert_eq!(pools.list[0].size_in(month(in_month)), size, "{lists:?}: {in_month}");
            }
        }
    }

    #[test]
    fn s7_use_goes_with_the_terms_when_pools_are_listed_in_another_order() {
        let domestic = PoolTerms { countries: vec!["FR".into()], minutes_per_licence: 1200, ..terms("P", 1) };
        let international = PoolTerms { minutes_per_licence: 600, ..terms("P", 1) };
        let pools =
            Pools::default().replaced(vec![domestic.clone(), international.clone()], month("2026-01"));
        let swapped = pools.replaced(vec![international.clone(), domestic.clone()], month("2026-01"));
        let shown = |pools: &Pools| -> Vec<_> {
            let size = |pool: &Pool| pool.size_in(month("2026-01"));
            pools.list.iter().map(|pool| (pool.id.clone(), pool.number, size(pool))).collect()
        };
        assert_eq!(shown(&pools), [("P/FR".to_owned(), 0, 1200), ("P/FR/2".to_owned(), 1, 600)]);
        assert_eq!(shown(&swapped), [("P/FR/2".to_owned(), 1, 600), ("P/FR".to_owned(), 0, 1200)]);
        // One more in front of them is a new one, and one that is left out is removed.
        let conference = PoolTerms { services: vec![Service::ConferenceOut], ..terms("P", 2) };
        let with_another =
            pools.replaced(vec![conference, domestic.clone(), international.clone()], month("2026-01"));
        let numbers = |pools: &Pools| pools.list.iter().map(|pool| pool.number).collect::<Vec<_>>();
        assert_eq!(numbers(&with_another), [2, 0, 1]);
        assert_eq!(numbers(&pools.replaced(vec![international], month("2026-01"))), [1, 0]);
    }

    #[test]
    fn a_removed_pool_stays_until_its_last_month_and_the_next_are_over() {
        let lists: &[(&str, &[(&str, u32)])] =
            &[("2026-01", &[("P1", 2), ("P2", 1)]), ("2026-01", &[("P2", 1)])];
        let removed = pools(lists);
        let shown = |pools: &Pools| -> Vec<_> {
            pools.list.iter().map(|pool| (pool.id.clone(), pool.number, pool.terms.licences)).collect()
        };
        assert_eq!(shown(&removed), [("P2/FR".to_owned(), 1, 1), ("P1/FR".to_owned(), 0, 0)]);
        assert_eq!(removed.list[1].size_in(month("2026-01")), 120);
        assert_eq!(removed.list[1].size_in(month("2026-02")), 0);
        let in_february = removed.replaced(vec![terms("P3", 1)], month("2026-02"));
        let expected = [("P3/FR", 2, 1), ("P2/FR", 1, 0), ("P1/FR", 0, 0)];
        assert_eq!(
            shown(&in_february),
            expected.map(|(id, number, licences)| (id.to_owned(), number, licences))
        );
        let in_march = in_february.replaced(vec![terms("P3", 1)], month("2026-03"));
        let expected = [("P3/FR", 2, 1), ("P2/FR", 1, 0)];
        assert_eq!(
            shown(&in_march),
            expected.map(|(id, number, licences)| (id.to_owned(), number, licences))
        );
        let back = in_march.replaced(vec![terms("P3", 1), terms("P1", 1)], month("2026-04"));
        assert_eq!(
            shown(&back)[1],
            ("P1/FR".to_owned(), 0, 1),
            "a number is given again once nothing refers to it"
        );
    }

    #[test]
    fn several_pools_of_a_plan_and_country_have_ids_by_their_place() {
        let several =
            Pools::default().replaced(vec![terms("P1", 1), terms("P1", 2), terms("P2", 1)], month("2026-01"));
        let ids: Vec<_> = several.list.iter().map(|pool| pool.id.as_str()).collect();
        assert_eq!(ids, ["P1/FR", "P1/FR/2", "P2/FR"]);
    }

    #[test]
    fn n8_each_share_is_told_once() {
        let used = |minutes, told| PoolUse { month: month("2026-01"), number: 0, minutes, told };
        for (minutes, told, share) in [
            (79, 0, None),
            (80, 0, Some(80)),
            (99, 80, None),
            (100, 80, Some(100)),
            (100, 0, Some(100)),
            (100, 100, None),
        ] {
            assert_eq!(share_to_tell(&used(minutes, told), 100), share, "{minutes} of 100, told {told}");
        }
    }
}
