//! The totals of an account's days, by dimension: parts of the account beside its `core`, written by usage reports.
//!
//! The totals of a day and a dimension are one item, or several if they have very many groups. Each says as of which version of the
//! account the day was last changed, and how many items there are. An item is only replaced by one of the same or a later version,
//! so a slow process cannot undo the work of a later one. Whether the totals of a day hold is for
//! [`ChangedDays`](domain::changed_days::ChangedDays) to say.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use domain::changed_days::Days;
use domain::usage_report::{DayTotals, Dimension, Figures, Groups, add_groups};
use domain::{Account, AccountId, Currency};
use jiff::civil::Date;

use crate::Store;
use crate::error::StoreError;
use crate::item::{Item, Reader, Writer};
use crate::tables::{ACCOUNT_ID, PART, usage_part, usage_range};

/// The groups of one item have at most about this many bytes. DynamoDB's limit for an item is 400 KB.
const MAX_ITEM_BYTES: usize = 300_000;

/// A group has at most this many bytes beside its key.
const GROUP_BYTES: usize = 100;

/// What messages call it.
const NAME: &str = "the totals of an account's day";

impl Store {
    /// Writes the totals of a day that was last changed in this version of the account. Returns `false` if totals of a later
    /// version are there already.
    ///
    /// # Errors
    ///
    /// The database is unavailable. Some of the items may have been written.
    pub async fn write_usage_totals(
        &self,
        account: &AccountId,
        totals: &DayTotals,
        version: u64,
    ) -> Result<bool, StoreError> {
        for dimension in Dimension::ALL {
            for item in items_of(account, totals, dimension, version, MAX_ITEM_BYTES) {
                if !self.write_totals_item(item, version).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    async fn write_totals_item(&self, item: Item, version: u64) -> Result<bool, StoreError> {
        let result = self
            .client
            .put_item()
            .table_name(&self.tables.accounts)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(accountId) OR version <= :version")
            .expression_attribute_values(":version", AttributeValue::N(version.to_string()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        match result {
            Ok(output) => {
                self.meter.write(output.consumed_capacity());
                Ok(true)
            }
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(StoreError::from_sdk(error)),
        }
    }

    /// The stored totals of an account's days by a dimension. A day without an entry has none; `None` stands for a day of which a
    /// process is writing other totals.
    ///
    /// # Errors
    ///
    /// The database is unavailable, or an item cannot be read.
    pub async fn usage_totals(
        &self,
        account: &Account,
        dimension: Dimension,
        days: Days,
    ) -> Result<BTreeMap<Date, Option<Groups>>, StoreError> {
        let [first, last] = usage_range(dimension, days);
        let mut found: BTreeMap<Date, Parts> = BTreeMap::new();
        let mut start = None;
        loop {
            let parts = self.parts_between(&account.id, &first, &last);
            let output = self.query(parts.set_exclusive_start_key(start)).await?;
            for item in output.items() {
                let (day, part) = part_from_item(item, account.currency)?;
                found.entry(day).or_default().add(part);
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(found.into_iter().map(|(day, parts)| (day, parts.whole())).collect());
            }
        }
    }
}

/// One of the items that have the totals of a day by a dimension.
struct Part {
    number: u32,
    count: u32,
    version: u64,
    groups: Groups,
}

/// The items of a day that belong together, in their order.
#[derive(Default)]
struct Parts {
    first: Option<Part>,
    /// How many of them were read.
    read: u32,
}

impl Parts {
    /// Adds the next item. One of another version belongs to totals that are being replaced, or were.
    fn add(&mut self, part: Part) {
        match &mut self.first {
            None if part.number == 0 => {
                self.read = 1;
                self.first = Some(part);
            }
            Some(first) if part.number == self.read && part.version == first.version => {
                self.read += 1;
                add_groups(&mut first.groups, part.groups);
            }
            _ => {}
        }
    }

    /// The groups of all items, if none is missing.
    fn whole(self) -> Option<Groups> {
        self.first.filter(|first| self.read >= first.count).map(|first| first.groups)
    }
}

fn items_of(
    account: &AccountId,
    totals: &DayTotals,
    dimension: Dimension,
    version: u64,
    max_bytes: usize,
) -> Vec<Item> {
    let chunks = chunks_of(totals.by(dimension), max_bytes);
    let item = |(number, chunk): (usize, &Vec<(Option<&str>, &Figures)>)| {
        Writer::versioned()
            .text(ACCOUNT_ID, account.as_str())
            .text(PART, usage_part(dimension, totals.day, number))
            .text("day", totals.day.to_string())
            .number("version", version)
            .number("number", number)
            .number("count", chunks.len())
            .maps("groups", chunk.iter().map(|(key, figures)| group_to_map(*key, figures)))
            .done()
    };
    chunks.iter().enumerate().map(item).collect()
}

/// The groups in pieces that fit an item. A day without calls has one piece, which replaces what was there.
fn chunks_of(groups: &Groups, max_bytes: usize) -> Vec<Vec<(Option<&str>, &Figures)>> {
    let mut chunks = vec![Vec::new()];
    let mut bytes = 0;
    for (key, figures) in groups {
        let key = key.as_deref();
        let size = GROUP_BYTES + key.map_or(0, str::len);
        if bytes + size > max_bytes && bytes > 0 {
            chunks.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        chunks.last_mut().expect("there is one").push((key, figures));
    }
    chunks
}

fn part_from_item(item: &Item, currency: Currency) -> Result<(Date, Part), StoreError> {
    let reader = Reader::versioned(item, NAME)?;
    let groups =
        reader.maps("groups")?.iter().map(|map| group_from_map(map, currency)).collect::<Result<_, _>>()?;
    let part = Part {
        number: reader.number("number")?,
        count: reader.number("count")?,
        version: reader.number("version")?,
        groups,
    };
    Ok((reader.parsed("day", str::parse)?, part))
}

fn group_to_map(key: Option<&str>, figures: &Figures) -> Writer {
    Writer::default()
        .text_if("k", key)
        .number("c", figures.calls)
        .number("s", figures.seconds)
        .number("b", figures.billed_seconds)
        .number("i", figures.included_minutes)
        .money("a", figures.charge)
}

fn group_from_map(map: &Reader<'_>, currency: Currency) -> Result<(Option<String>, Figures), StoreError> {
    let figures = Figures {
        calls: map.number("c")?,
        seconds: map.number("s")?,
        billed_seconds: map.number("b")?,
        included_minutes: map.number("i")?,
        charge: map.money("a", currency)?,
    };
    Ok((map.text_if("k")?, figures))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes;
    use domain::Money;
    use domain::journal::EntryDetails;
    use domain::rate::RatingBasis;
    use domain::usage_report::Folding;

    fn eur() -> Currency {
        Currency::parse("EUR").unwrap()
    }

    /// The totals of a day with this many users.
    fn totals(users: usize) -> DayTotals {
        let mut folding = Folding::new(eur());
        for number in (0..users).rev() {
            let [_, bare] = shapes::records();
            let id = domain::RecordId::parse(format!("rec-{number:04}")).unwrap();
            let user_id = (number > 0).then(|| format!("user-{number:04}"));
            let record = domain::UsageRecord { id, user_id, ..bare };
            let charge = Money::sum("999.0001".parse().unwrap(), eur()).unwrap();
            let key = record.key();
            let details = EntryDetails::Usage { record, charge, basis: RatingBasis::AsRated };
            let entry = domain::JournalEntry { key, ..shapes::row(details) };
            assert_eq!(folding.add(&entry), None);
        }
        folding.end().unwrap()
    }

    fn account() -> AccountId {
        AccountId::parse("contoso").unwrap()
    }

    fn read(items: &[Item]) -> Option<Groups> {
        let mut parts = Parts::default();
        for item in items {
            let (day, part) = part_from_item(item, eur()).unwrap();
            assert_eq!(day.to_string(), "2026-11-21");
            parts.add(part);
        }
        parts.whole()
    }

    #[test]
    fn totals_survive_storing_in_one_item_and_in_several() {
        let totals = totals(100);
        for dimension in Dimension::ALL {
            for (max_bytes, most) in [(MAX_ITEM_BYTES, 1), (1_000, 12), (1, 100)] {
                let items = items_of(&account(), &totals, dimension, 7, max_bytes);
                assert!((1..=most).contains(&items.len()), "{} items", items.len());
                assert_eq!(read(&items).as_ref(), Some(totals.by(dimension)));
            }
        }
        let [first, ..] = &items_of(&account(), &totals, Dimension::CostCentre, 7, 1)[..] else { panic!() };
        assert_eq!(first[PART], AttributeValue::S("usage#costCentre#2026-11-21#0000".into()));
    }

    #[test]
    fn items_of_two_versions_are_not_taken_together() {
        let of_version = |version, users| items_of(&account(), &totals(users), Dimension::User, version, 1);
        let (older, newer) = (of_version(7, 4), of_version(8, 3));
        // A process has replaced the first item only.
        assert_eq!(read(&[newer[..1].to_vec(), older[1..].to_vec()].concat()), None);
        assert_eq!(read(&older[..3]), None, "an item is missing");
        // An item is left over from totals that had more of them.
        let groups = read(&[newer.clone(), older[3..].to_vec()].concat());
        assert_eq!(groups.as_ref(), Some(totals(3).by(Dimension::User)));
    }

    #[test]
    fn a_group_is_no_larger_than_reckoned() {
        let figures = Figures {
            calls: u64::MAX,
            seconds: u64::MAX,
            billed_seconds: u64::MAX,
            included_minutes: u64::MAX,
            charge: Money::sum("99999999999999999.0001".parse().unwrap(), eur()).unwrap(),
        };
        let map = group_to_map(Some(""), &figures).done();
        // A number takes a byte for two digits, and two more; each attribute one for its type.
        let size: usize = map
            .iter()
            .map(|(name, value)| 1 + name.len() + value.as_n().map_or(0, |digits| digits.len() / 2 + 2))
            .sum();
        assert!(3 + 1 + size <= GROUP_BYTES, "{size} bytes");
    }
}
