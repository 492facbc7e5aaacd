//! Pools: included minutes by plan, country and month (S7).

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{Month, Pool, Record};

/// Every list of pools that was ever set, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct PoolLists {
    lists: Vec<(Timestamp, Vec<(String, Pool)>)>,
}

impl PoolLists {
    /// Replaces the whole list from `now` on.
    pub(crate) fn set(&mut self, now: Timestamp, pools: Vec<Pool>) {
        let named = self.with_ids(pools, Month::of(now));
        self.lists.push((now, named));
    }

    /// Whether these are the pools of the present list.
    pub(crate) fn is_present(&self, pools: &[Pool]) -> bool {
        let present = self.lists.last().map_or(&[][..], |(_, list)| list);
        present.iter().map(|(_, pool)| pool).eq(pools)
    }

    /// A month's size: the largest that was in force at any time of the month. A list is in force in a month if it
    /// was set in it, or if it is the last one that was set before it.
    pub(crate) fn size(&self, id: &str, month: Month) -> u64 {
        let carried = self.lists.iter().rfind(|(set_at, _)| *set_at < month.start());
        let set_within = self.lists.iter().filter(|(set_at, _)| Month::of(*set_at) == month);
        let in_force = carried.into_iter().chain(set_within).flat_map(|(_, list)| list);
        in_force.filter(|(other, _)| other == id).map(|(_, pool)| pool.size()).max().unwrap_or(0)
    }

    /// Every pool as it was last listed: first those of the present list, in its order, then those of the list before
    /// that are not in it, and so on.
    pub(crate) fn in_order(&self) -> Vec<(String, &Pool)> {
        let mut pools: Vec<(String, &Pool)> = Vec::new();
        for (_, list) in self.lists.iter().rev() {
            for (id, pool) in list {
                if !pools.iter().any(|(other, _)| other == id) {
                    pools.push((id.clone(), pool));
                }
            }
        }
        pools
    }

    /// A pool keeps its id. A pool of the new list is the one that differs at most in its licences; if there is none, the
    /// first that includes the same calls; if there is none, the first of the same plan and country. A pool that was removed
    /// counts as long as it has minutes of this month or the last. Any other pool is new.
    fn with_ids(&self, pools: Vec<Pool>, month: Month) -> Vec<(String, Pool)> {
        let present = self.lists.last().map_or(&[][..], |(_, list)| list);
        let is_kept = |id: &String| {
            present.iter().any(|(other, _)| other == id)
                || self.size(id, month) > 0
                || self.size(id, month.previous()) > 0
        };
        let mut kept = self.in_order();
        kept.retain(|(id, _)| is_kept(id));
        let taken: Vec<String> = kept.iter().map(|(id, _)| id.clone()).collect();
        let mut ids: Vec<Option<String>> = vec![None; pools.len()];
        for likeness in [3, 2, 1] {
            for (pool, id) in pools.iter().zip(&mut ids).filter(|(_, id)| id.is_none()) {
                let place = kept.iter().position(|(_, before)| like(before, pool) >= likeness);
                *id = place.map(|place| kept.remove(place).0);
            }
        }
        let mut named: Vec<(String, Pool)> = Vec::new();
        for (id, pool) in ids.into_iter().zip(pools) {
            let is_free = |id: &String| !taken.contains(id) && named.iter().all(|(other, _)| other != id);
            let id = id.unwrap_or_else(|| {
                let first = format!("{}/{}", pool.plan, pool.country);
                let mut others = (2..).map(|number| format!("{first}/{number}"));
                if is_free(&first) { first.clone() } else { others.find(is_free).expect("there is another") }
            });
            named.push((id, pool));
        }
        named
    }
}

/// How much two pools are alike: 1 have one plan and country, 2 also include the same calls, 3 differ at most in licences.
fn like(one: &Pool, other: &Pool) -> u8 {
    let same_users = one.plan == other.plan && one.country == other.country;
    let same_calls =
        one.services == other.services && one.destination_countries == other.destination_countries;
    match (same_users, same_calls, one.minutes_per_licence == other.minutes_per_licence) {
        (false, ..) => 0,
        (true, false, _) => 1,
        (true, true, false) => 2,
        (true, true, true) => 3,
    }
}

/// S7: the minutes that a call takes, by pool id. The pools, with what each has left, are used in listed order, and combined.
pub(crate) fn take_minutes(pools: &[(String, u64)], needed: u64) -> BTreeMap<String, u64> {
    let mut minutes = BTreeMap::new();
    let mut missing = needed;
    for (id, left) in pools {
        let part = missing.min(*left);
        if part > 0 {
            minutes.insert(id.clone(), part);
            missing -= part;
        }
    }
    minutes
}

/// S7: whether a call may use the pool.
pub(crate) fn matches(pool: &Pool, record: &Record, destination: &str) -> bool {
    record.plan.as_ref() == Some(&pool.plan)
        && record.user_country.as_ref() == Some(&pool.country)
        && pool.services.contains(&record.service)
        && (pool.destination_countries.is_empty()
            || pool.destination_countries.iter().any(|country| country == destination))
}
