//! Records of one request that have the same key (S2). The first valid one leads; the others follow, and are judged by its
//! outcome.

use std::collections::{HashMap, HashSet, VecDeque};

use domain::JournalKey;

/// Records by their indexes in the request, grouped by key.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// Records to commit, in order; no two have the same key.
    leaders: VecDeque<usize>,
    /// Further records with a leader's key, in order.
    followers: HashMap<JournalKey, VecDeque<usize>>,
}

impl Groups {
    /// Groups these records, each an index and its key.
    pub(crate) fn of(records: impl Iterator<Item = (usize, JournalKey)>) -> Self {
        let mut groups = Self::default();
        let mut led = HashSet::with_capacity(records.size_hint().0);
        for (index, key) in records {
            if led.insert(key.clone()) {
                groups.leaders.push_back(index);
            } else {
                groups.followers.entry(key).or_default().push_back(index);
            }
        }
        groups
    }

    /// The leaders, in order.
    pub(crate) fn leaders(&self) -> impl Iterator<Item = usize> {
        self.leaders.iter().copied()
    }

    /// The number of groups.
    pub(crate) fn len(&self) -> usize {
        self.leaders.len()
    }

    /// Removes and returns the followers of the leader with this key.
    pub(crate) fn take_followers(&mut self, key: &JournalKey) -> VecDeque<usize> {
        self.followers.remove(key).unwrap_or_default()
    }

    /// Removes and returns the first follower with this key, which leads in place of its leader.
    pub(crate) fn successor(&mut self, key: &JournalKey) -> Option<usize> {
        self.followers.get_mut(key)?.pop_front()
    }

    /// Keeps the leaders that are undecided, and puts the successors before them.
    pub(crate) fn go_on(&mut self, is_undecided: impl Fn(usize) -> bool, successors: Vec<usize>) {
        self.leaders.retain(|&index| is_undecided(index));
        for index in successors.into_iter().rev() {
            self.leaders.push_front(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> JournalKey {
        JournalKey::from_stored(name)
    }

    #[test]
    fn s2_the_first_of_a_key_leads_and_a_follower_takes_its_place() {
        let keys = ["a", "b", "a", "c", "a"];
        let mut groups = Groups::of(keys.into_iter().map(key).enumerate());
        assert_eq!(groups.leaders().collect::<Vec<_>>(), [0, 1, 3]);

        let successor = groups.successor(&key("a"));
        groups.go_on(|index| index != 0, successor.into_iter().collect());
        assert_eq!((groups.leaders().collect::<Vec<_>>(), groups.len()), (vec![2, 1, 3], 3));
        assert_eq!(groups.take_followers(&key("a")), [4]);
        assert_eq!(groups.successor(&key("a")), None);
        assert!(groups.take_followers(&key("b")).is_empty());
    }
}
