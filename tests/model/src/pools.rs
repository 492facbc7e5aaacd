//! Pools: included minutes by plan, country and month (S7).

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
        self.lists.push((now, with_ids(pools)));
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
}

/// A pool's id is its plan, its country and its place among the pools of the same plan and country.
fn with_ids(pools: Vec<Pool>) -> Vec<(String, Pool)> {
    let mut named: Vec<(String, Pool)> = Vec::new();
    for pool in pools {
        let same = |(_, other): &&(String, Pool)| other.plan == pool.plan && other.country == pool.country;
        let id = match named.iter().filter(same).count() {
            0 => format!("{}/{}", pool.plan, pool.country),
            before => format!("{}/{}/{}", pool.plan, pool.country, before + 1),
        };
        named.push((id, pool));
    }
    named
}

/// S7: whether a call may use the pool.
pub(crate) fn matches(pool: &Pool, record: &Record, destination: &str) -> bool {
    record.plan.as_ref() == Some(&pool.plan)
        && record.user_country.as_ref() == Some(&pool.country)
        && pool.services.contains(&record.service)
        && (pool.destination_countries.is_empty()
            || pool.destination_countries.iter().any(|country| country == destination))
}
