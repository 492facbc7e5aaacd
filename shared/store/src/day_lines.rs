//! The kept lines of an account's days: parts of the account beside its `core`, written by statements.
//!
//! The lines of a day are one item, or several if there are very many. Nothing is posted on a day before that of the account's last
//! change, so the lines of such a day never change, and every process writes the same items. The lines of the day of the last change
//! hold for one version of the account. Once the account has changed on a later day, they are written anew.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use domain::statement::{Destination, Line, LineKind, Lines};
use domain::time::{Days, day_of};
use domain::{Account, Currency, Service};
use jiff::civil::Date;

use crate::Store;
use crate::error::StoreError;
use crate::item::{Item, Reader, Writer};
use crate::tables::{ACCOUNT_ID, PART, lines_part, lines_range};

/// An item has at most this many lines: about 300 KB with the longest destinations. DynamoDB's limit for an item is 400 KB.
const LINES_AN_ITEM: usize = 500;

/// What messages call it.
const NAME: &str = "the lines of an account's day";

impl Store {
    /// Writes the lines of a day, up to the account's version.
    ///
    /// # Errors
    ///
    /// The database is unavailable. Some of the items may have been written.
    pub async fn write_day_lines(
        &self,
        account: &Account,
        day: Date,
        lines: &Lines,
    ) -> Result<(), StoreError> {
        for item in items_of(account, day, lines, LINES_AN_ITEM) {
            let output = self
                .client
                .put_item()
                .table_name(&self.tables.accounts)
                .set_item(Some(item))
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(StoreError::from_sdk)?;
            self.meter.write(output.consumed_capacity());
        }
        Ok(())
    }

    /// The lines of those of these days for which they are kept, and hold for the account's version.
    ///
    /// # Errors
    ///
    /// The database is unavailable, or an item cannot be read.
    pub async fn day_lines(
        &self,
        account: &Account,
        days: Days,
    ) -> Result<BTreeMap<Date, Lines>, StoreError> {
        let [first, last] = lines_range(days);
        let mut found = Found::of(account);
        let mut start = None;
        loop {
            let parts = self.parts_between(&account.id, &first, &last);
            let output = self.query(parts.set_exclusive_start_key(start)).await?;
            for item in output.items() {
                found.add(item)?;
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                return found.whole();
            }
        }
    }
}

/// The lines of each day, as far as its items were read.
struct Found<'a> {
    account: &'a Account,
    days: BTreeMap<Date, Items>,
}

#[derive(Default)]
struct Items {
    read: u32,
    count: u32,
    lines: Vec<(LineKind, Line)>,
}

impl<'a> Found<'a> {
    fn of(account: &'a Account) -> Self {
        Self { account, days: BTreeMap::new() }
    }

    fn add(&mut self, item: &Item) -> Result<(), StoreError> {
        let reader = Reader::versioned(item, NAME)?;
        let day = reader.parsed("day", str::parse)?;
        if reader.number_if("version")? != last_day_version(self.account, day) {
            return Ok(());
        }
        let items = self.days.entry(day).or_default();
        items.read += 1;
        items.count = reader.number("count")?;
        for map in reader.maps("lines")? {
            items.lines.push(line_from_map(&map, self.account.currency)?);
        }
        Ok(())
    }

    /// The days of which no item is missing.
    fn whole(self) -> Result<BTreeMap<Date, Lines>, StoreError> {
        let currency = self.account.currency;
        let whole = self.days.into_iter().filter(|(_, items)| items.read == items.count);
        whole
            .map(|(day, items)| {
                let too_many = |problem: domain::statement::TooManyLines| StoreError::Corrupt {
                    item: NAME.to_owned(),
                    detail: problem.to_string(),
                };
                Ok((day, Lines::kept(currency, items.lines).map_err(too_many)?))
            })
            .collect()
    }
}

/// The version of the account for which the lines of the day of its last change hold. `None` for the other days.
fn last_day_version(account: &Account, day: Date) -> Option<u64> {
    (day == day_of(account.as_of)).then_some(account.version)
}

fn items_of(account: &Account, day: Date, lines: &Lines, lines_an_item: usize) -> Vec<Item> {
    let lines: Vec<_> = lines.iter().collect();
    let mut chunks: Vec<_> = lines.chunks(lines_an_item).collect();
    if chunks.is_empty() {
        chunks.push(&[]);
    }
    let item = |(number, chunk): (usize, &&[(&LineKind, &Line)])| {
        Writer::versioned()
            .text(ACCOUNT_ID, account.id.as_str())
            .text(PART, lines_part(day, number))
            .text("day", day.to_string())
            .number_if("version", last_day_version(account, day))
            .number("count", chunks.len())
            .maps("lines", chunk.iter().map(|(kind, line)| line_to_map(kind, line)))
            .done()
    };
    chunks.iter().enumerate().map(item).collect()
}

fn line_to_map(kind: &LineKind, line: &Line) -> Writer {
    let (name, service, destination) = match kind {
        LineKind::Purchase => ("purchase", None, None),
        LineKind::Recharge => ("recharge", None, None),
        LineKind::AdjustmentIn => ("adjustmentIn", None, None),
        LineKind::Usage(service, Destination::Named(name)) => ("usage", Some(*service), Some(name)),
        LineKind::Usage(service, Destination::Unnamed) => ("usage", Some(*service), None),
        LineKind::Reversal(service) => ("reversal", Some(*service), None),
        LineKind::Expiry => ("expiry", None, None),
        LineKind::AdjustmentOut => ("adjustmentOut", None, None),
        LineKind::Refund => ("refund", None, None),
        LineKind::RefundReturned => ("refundReturned", None, None),
        LineKind::Dispute => ("dispute", None, None),
        LineKind::DisputeReturned => ("disputeReturned", None, None),
        LineKind::DisputeLost => ("disputeLost", None, None),
        LineKind::Invoice => ("invoice", None, None),
        LineKind::Switch => ("switch", None, None),
        LineKind::Unrated => ("unrated", None, None),
        LineKind::Rejected => ("rejected", None, None),
    };
    let some = |money: domain::Money| Some(money).filter(|money| !money.is_zero());
    Writer::default()
        .text("k", name)
        .text_if("s", service.map(Service::as_str))
        .text_if("d", destination)
        .number("n", line.entries)
        .number_if("b", Some(line.billed_seconds).filter(|seconds| *seconds > 0))
        .number_if("i", Some(line.included_minutes).filter(|minutes| *minutes != 0))
        .money_if("c", some(line.charge))
        .money_if("a", some(line.amount))
        .money_if("u", some(line.post_usage))
}

fn line_from_map(map: &Reader<'_>, currency: Currency) -> Result<(LineKind, Line), StoreError> {
    let service = || map.named("s", |name| Service::ALL.into_iter().find(|one| one.as_str() == name));
    let kind = match map.text("k")? {
        "purchase" => LineKind::Purchase,
        "recharge" => LineKind::Recharge,
        "adjustmentIn" => LineKind::AdjustmentIn,
        "usage" => {
            let destination = map.text_if("d")?.map_or(Destination::Unnamed, Destination::Named);
            LineKind::Usage(service()?, destination)
        }
        "reversal" => LineKind::Reversal(service()?),
        "expiry" => LineKind::Expiry,
        "adjustmentOut" => LineKind::AdjustmentOut,
        "refund" => LineKind::Refund,
        "refundReturned" => LineKind::RefundReturned,
        "dispute" => LineKind::Dispute,
        "disputeReturned" => LineKind::DisputeReturned,
        "disputeLost" => LineKind::DisputeLost,
        "invoice" => LineKind::Invoice,
        "switch" => LineKind::Switch,
        "unrated" => LineKind::Unrated,
        "rejected" => LineKind::Rejected,
        other => return Err(map.corrupt(format_args!("a line of the kind {other:?} is unknown"))),
    };
    let line = Line {
        entries: map.number("n")?,
        billed_seconds: map.number_if("b")?.unwrap_or_default(),
        included_minutes: map.number_if("i")?.unwrap_or_default(),
        charge: map.money_or_zero("c", currency)?,
        amount: map.money_or_zero("a", currency)?,
        post_usage: map.money_or_zero("u", currency)?,
    };
    Ok((kind, line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::AttributeValue;
    use domain::{AccountId, BillingModel, Money};

    fn eur() -> Currency {
        Currency::parse("EUR").unwrap()
    }

    /// An account that last changed after the day.
    fn account() -> Account {
        let day_after = Days::between(day(), day()).unwrap().end();
        Account::open(AccountId::parse("contoso").unwrap(), eur(), BillingModel::Prepaid, day_after)
    }

    fn day() -> Date {
        "2026-11-20".parse().unwrap()
    }

    /// A line of every kind, with figures that differ.
    fn lines() -> Lines {
        let kinds = [
            LineKind::Purchase,
            LineKind::Recharge,
            LineKind::AdjustmentIn,
            LineKind::Usage(Service::UserOut, Destination::Named("France".into())),
            LineKind::Usage(Service::UserOut, Destination::Unnamed),
            LineKind::Reversal(Service::Premium),
            LineKind::Expiry,
            LineKind::AdjustmentOut,
            LineKind::Refund,
            LineKind::RefundReturned,
            LineKind::Dispute,
            LineKind::DisputeReturned,
            LineKind::DisputeLost,
            LineKind::Invoice,
            LineKind::Switch,
            LineKind::Unrated,
            LineKind::Rejected,
        ];
        let money =
            |units: u64| Money::sum(rust_decimal::Decimal::new(units.try_into().unwrap(), 4), eur()).unwrap();
        let line = |(kind, number): (LineKind, u64)| {
            let line = Line {
                entries: number,
                billed_seconds: 10 * (number - 1),
                included_minutes: 3 - i64::try_from(number).unwrap(),
                charge: money(number - 1),
                amount: -money(2 * number),
                post_usage: money(3 * (number - 1)),
            };
            (kind, line)
        };
        Lines::kept(eur(), kinds.into_iter().zip(1..).map(line)).unwrap()
    }

    fn read(account: &Account, items: &[Item]) -> BTreeMap<Date, Lines> {
        let mut found = Found::of(account);
        for item in items {
            found.add(item).unwrap();
        }
        found.whole().unwrap()
    }

    #[test]
    fn lines_survive_storing_in_one_item_and_in_several() {
        for (most, items) in [(LINES_AN_ITEM, 1), (5, 4), (1, 17)] {
            let stored = items_of(&account(), day(), &lines(), most);
            assert_eq!(stored.len(), items);
            assert_eq!(read(&account(), &stored), BTreeMap::from([(day(), lines())]));
            assert!(items == 1 || read(&account(), &stored[1..]).is_empty(), "an item is missing");
        }
        let none = Lines::none(eur());
        let stored = items_of(&account(), day(), &none, LINES_AN_ITEM);
        assert_eq!(stored[0][PART], AttributeValue::S("lines#2026-11-20#0000".into()));
        assert_eq!(read(&account(), &stored), BTreeMap::from([(day(), none)]));
    }

    #[test]
    fn the_lines_of_the_last_day_hold_for_one_version() {
        let changed_on_the_day = |version| {
            let mut account = account();
            account.as_of -= jiff::SignedDuration::from_hours(1);
            account.version = version;
            account
        };
        let stored = items_of(&changed_on_the_day(7), day(), &lines(), 5);
        let kept = BTreeMap::from([(day(), lines())]);
        assert_eq!(read(&changed_on_the_day(7), &stored), kept);
        for other in [changed_on_the_day(8), account()] {
            assert!(read(&other, &stored).is_empty(), "version {}", other.version);
        }
        let (final_lines, after) = (items_of(&account(), day(), &lines(), 5), changed_on_the_day(7));
        assert!(read(&after, &final_lines).is_empty(), "they may hold more than the account as it was read");
        let mixed = [&stored[..1], &final_lines[1..]].concat();
        assert!(read(&account(), &mixed).is_empty(), "an item is missing");
    }

    #[test]
    fn a_damaged_line_is_an_error_that_names_what_is_wrong() {
        for (name, value, problem) in [
            ("k", AttributeValue::S("gift".into()), "a line of the kind \"gift\" is unknown"),
            ("n", AttributeValue::N("-1".into()), "n is not such a number"),
            ("a", AttributeValue::S("1".into()), "a is not such a number"),
        ] {
            let mut item = items_of(&account(), day(), &lines(), LINES_AN_ITEM).remove(0);
            let Some(AttributeValue::L(maps)) = item.get_mut("lines") else { panic!("a list") };
            let AttributeValue::M(map) = &mut maps[0] else { panic!("a map") };
            map.insert(name.to_owned(), value);
            let found = Found::of(&account()).add(&item).unwrap_err().to_string();
            assert_eq!(found, format!("the lines of an account's day is corrupt: {problem}"));
        }
    }
}
