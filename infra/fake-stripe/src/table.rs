//! The rows of one kind of object, in the order of their creation.

use std::collections::{BTreeSet, HashMap};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A row, which has an id that never changes.
pub(crate) trait Row: Serialize + DeserializeOwned {
    fn id(&self) -> &str;
}

/// The rows of one kind. It is serialized as those rows alone that were changed since [`Table::keep`].
#[derive(Debug)]
pub(crate) struct Table<T> {
    rows: Vec<T>,
    places: HashMap<String, usize>,
    changed: BTreeSet<usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), places: HashMap::new(), changed: BTreeSet::new() }
    }
}

impl<T: Row> Table<T> {
    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        Some(&self.rows[*self.places.get(id)?])
    }

    /// The row, which counts as changed from now on.
    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        let place = *self.places.get(id)?;
        self.changed.insert(place);
        Some(&mut self.rows[place])
    }

    /// Adds a row, or replaces the one with its id.
    pub(crate) fn put(&mut self, row: T) {
        if let Some(old) = self.get_mut(row.id()) {
            *old = row;
            return;
        }
        self.places.insert(row.id().to_owned(), self.rows.len());
        self.changed.insert(self.rows.len());
        self.rows.push(row);
    }

    /// All rows, from the newest to the oldest, as Stripe lists them.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().rev()
    }

    /// All rows, from the oldest to the newest.
    pub(crate) fn oldest(&self) -> impl Iterator<Item = &T> {
        self.rows.iter()
    }

    pub(crate) fn is_unchanged(&self) -> bool {
        self.changed.is_empty()
    }

    /// Adds the rows of a later state of the table.
    pub(crate) fn absorb(&mut self, later: Self) {
        later.rows.into_iter().for_each(|row| self.put(row));
    }

    /// Takes every row for unchanged.
    pub(crate) fn keep(&mut self) {
        self.changed.clear();
    }
}

impl<T: Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.changed.iter().map(|place| &self.rows[*place]))
    }
}

impl<'de, T: Row> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut table = Self::default();
        Vec::<T>::deserialize(deserializer)?.into_iter().for_each(|row| table.put(row));
        Ok(table)
    }
}
