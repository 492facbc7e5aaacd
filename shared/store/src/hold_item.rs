//! The stored shapes of holds: an item for each, their sums in `core`, packed so that `core` stays small, and what is held for a user
//! beside what the user has spent.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use domain::hold::{HeldMinutesOfMonth, HeldSum, HeldSums, Hold, HoldKey, Leg};
use domain::limits::{SpendingChange, UserSpending};
use domain::pool::HeldMinutes;
use domain::time::Month;
use domain::usage::Number;
use domain::{AccountId, Currency, Fingerprint, Money, Service};
use integer_encoding::VarInt;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::error::StoreError;
use crate::item::{Item, Reader, Schema, Writer};
use crate::read::key;
use crate::tables::{ACCOUNT_ID, EXPIRES_AT, PART, hold_part, user_part};

/// An item goes this long after its hold has lapsed.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The item of a user expires this long after its last change, when its month is over.
const SPENDING_KEPT_FOR: SignedDuration = SignedDuration::from_hours(24 * 62);

/// What messages call it.
const NAME: &str = "a hold";
const SPENDING_NAME: &str = "the spending of a user";

/// Writes a hold.
pub(crate) fn hold_to_item(account: &AccountId, hold: &Hold) -> Item {
    let minutes = hold
        .minutes
        .iter()
        .map(|held| Writer::default().number("number", held.number).number("minutes", held.minutes));
    Writer::of(Schema::Holds)
        .text(ACCOUNT_ID, account.as_str())
        .text(PART, hold_part(&hold.key()))
        .text("callId", &hold.leg.call_id)
        .text("service", hold.leg.service.as_str())
        .text("number", hold.leg.number.as_str())
        .text_if("userId", hold.user_id.as_deref())
        .text_if("plan", hold.plan.as_deref())
        .text_if("userCountry", hold.user_country.as_deref())
        .text_if("node", hold.node.as_deref())
        .instant("authorizedAt", hold.authorized_at)
        .number("asked", hold.asked_seconds)
        .number("granted", hold.granted_seconds)
        .text("currency", hold.amount.currency().code())
        .money("amount", hold.amount)
        .maps("minutes", minutes)
        .instant("lapsesAt", hold.lapses_at)
        .instant_if("countsSince", hold.counts_since)
        .number("version", hold.version)
        .number(EXPIRES_AT, (hold.lapses_at + KEPT_FOR).as_second())
        .done()
}

/// Reads a hold.
pub(crate) fn hold_from_item(item: &Item) -> Result<Hold, StoreError> {
    let reader = Reader::versioned(item, NAME)?;
    let currency = reader.parsed("currency", Currency::parse)?;
    let minutes = |map: &Reader<'_>| {
        Ok::<_, StoreError>(HeldMinutes { number: map.number("number")?, minutes: map.number("minutes")? })
    };
    Ok(Hold {
        leg: Leg {
            call_id: reader.text("callId")?.to_owned(),
            service: reader.named("service", Service::parse)?,
            number: reader.parsed("number", Number::parse)?,
        },
        user_id: reader.text_if("userId")?,
        plan: reader.text_if("plan")?,
        user_country: reader.text_if("userCountry")?,
        node: reader.text_if("node")?,
        authorized_at: reader.instant("authorizedAt")?,
        asked_seconds: reader.number("asked")?,
        granted_seconds: reader.number("granted")?,
        amount: reader.money("amount", currency)?,
        minutes: reader.maps("minutes")?.iter().map(minutes).collect::<Result<_, _>>()?,
        lapses_at: reader.instant("lapsesAt")?,
        counts_since: reader.instant_if("countsSince")?,
        version: reader.number("version")?,
    })
}

/// The key of the item of a hold.
pub(crate) fn hold_item_key(account: &AccountId, hold: &HoldKey) -> Item {
    key(account, PART, &hold_part(hold))
}

/// Lapses are full steps of five minutes.
const STEP_SECONDS: i64 = 300;

/// Packs the sums of holds. Numbers are in base 128 (LEB128). The first is the earliest month for which minutes of pools are held, or
/// zero. For each sum follow: the steps of five minutes from the lapse before it, or from 1970; the number of holds; the amount in the
/// smallest unit of the books; the number of pools; and for each pool its number and the months after the earliest one, as one number
/// (four times the first and the second), and its minutes.
pub(crate) fn held_to_bytes(held: &HeldSums) -> Vec<u8> {
    if held.iter().next().is_none() {
        return Vec::new();
    }
    let mut bytes = Vec::new();
    let mut put = |number: u64| bytes.extend(number.encode_var_vec());
    let months = held.iter().flat_map(|sum| &sum.minutes).map(|held| months_of(held.month));
    let first_month = months.min().unwrap_or_default();
    put(first_month);
    let mut before = 0;
    for HeldSum { lapses_at, holds, amount, minutes } in held.iter() {
        let steps = lapses_at.as_second() / STEP_SECONDS;
        put(u64::try_from(steps - before).expect("lapses are after 1970 and in order"));
        before = steps;
        put((*holds).into());
        put(u64::try_from(amount.ledger_units()).expect("5,000 calls of a day cost less than that"));
        put(minutes.len() as u64);
        for HeldMinutesOfMonth { month, number, minutes } in minutes {
            put(4 * u64::from(*number) + (months_of(*month) - first_month));
            put(*minutes);
        }
    }
    bytes
}

/// Unpacks the sums of holds. `None` if the bytes are damaged.
pub(crate) fn held_from_bytes(mut bytes: &[u8], currency: Currency) -> Option<HeldSums> {
    if bytes.is_empty() {
        return Some(HeldSums::default());
    }
    let first_month = take(&mut bytes)?;
    let (mut sums, mut steps) = (Vec::new(), 0_i64);
    while !bytes.is_empty() {
        steps = steps.checked_add(i64::try_from(take(&mut bytes)?).ok()?)?;
        let lapses_at = Timestamp::from_second(steps.checked_mul(STEP_SECONDS)?).ok()?;
        let holds = u32::try_from(take(&mut bytes)?).ok()?;
        let units = i64::try_from(take(&mut bytes)?).ok()?;
        let amount = Money::sum(Decimal::new(units, currency.ledger_digits()), currency).ok()?;
        let pools = take(&mut bytes)?;
        let minutes = (0..pools).map(|_| {
            let pool = take(&mut bytes)?;
            let month = month_of(first_month.checked_add(pool % 4)?)?;
            let number = u16::try_from(pool / 4).ok()?;
            Some(HeldMinutesOfMonth { month, number, minutes: take(&mut bytes)? })
        });
        let minutes = minutes.collect::<Option<_>>()?;
        sums.push(HeldSum { lapses_at, holds, amount, minutes });
    }
    HeldSums::from_stored(sums)
}

/// The number of a month, counted from January of the year 0.
fn months_of(month: Month) -> u64 {
    let (year, number) = month.year_and_number();
    u64::try_from(i32::from(year) * 12 + i32::from(number) - 1).expect("years are after 0")
}

fn month_of(months: u64) -> Option<Month> {
    Month::of_year(i16::try_from(months / 12).ok()?, i8::try_from(months % 12 + 1).ok()?)
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let (number, length) = u64::decode_var(bytes)?;
    *bytes = &bytes[length..];
    Some(number)
}

/// The name of what a user has spent in a month, since the instant from which on the limit counts.
fn spent_name(month: Month, since: Timestamp) -> String {
    format!("spent#{month}#{}", since.as_millisecond())
}

/// The name of what is held for a user until an instant, since the instant from which on the limit counts.
fn held_name(lapses_at: Timestamp, since: Timestamp) -> String {
    format!("held#{}#{}", since.as_millisecond(), lapses_at.as_second())
}

/// The key of the item of a user.
pub(crate) fn user_key(account: &AccountId, user_id: &str) -> Item {
    key(account, PART, &user_part(&Fingerprint::of([user_id])))
}

/// The update that adds to the spending of a user.
pub(crate) fn spending_update(
    table: &str,
    account: &AccountId,
    change: &SpendingChange,
    now: Timestamp,
) -> Update {
    let mut sums: BTreeMap<String, Money> = BTreeMap::new();
    let spent = change.spent.iter().map(|(month, since, amount)| (spent_name(*month, *since), *amount));
    let held = change.held.iter().map(|(lapses_at, since, amount)| (held_name(*lapses_at, *since), *amount));
    for (name, amount) in spent.chain(held) {
        let sum = sums.entry(name).or_insert(Money::zero(amount.currency()));
        *sum += amount;
    }
    let number = |number: String| AttributeValue::N(number);
    let mut update = Update::builder()
        .table_name(table)
        .set_key(Some(user_key(account, &change.user_id)))
        .expression_attribute_names("#schema", "schema")
        .expression_attribute_values(":schema", number((Schema::Holds as u32).to_string()))
        .expression_attribute_names("#user", "userId")
        .expression_attribute_values(":user", AttributeValue::S(change.user_id.clone()))
        .expression_attribute_names("#expires", EXPIRES_AT)
        .expression_attribute_values(":expires", number((now + SPENDING_KEPT_FOR).as_second().to_string()));
    let mut added = Vec::new();
    for (place, (name, amount)) in sums.into_iter().enumerate() {
        update = update.expression_attribute_names(format!("#a{place}"), name).expression_attribute_values(
            format!(":a{place}"),
            number(amount.amount().normalize().to_string()),
        );
        added.push(format!("#a{place} :a{place}"));
    }
    let mut forgotten = Vec::new();
    for (place, (lapses_at, since)) in change.lapsed.iter().enumerate() {
        update = update.expression_attribute_names(format!("#f{place}"), held_name(*lapses_at, *since));
        forgotten.push(format!("#f{place}"));
    }
    let mut expression =
        format!("SET #schema = :schema, #user = :user, #expires = :expires ADD {}", added.join(", "));
    if !forgotten.is_empty() {
        expression.push_str(" REMOVE ");
        expression.push_str(&forgotten.join(", "));
    }
    update.update_expression(expression).build().expect("table, key and expression are set")
}

/// The user whose spending an item has.
pub(crate) fn user_of(item: &Item) -> Result<String, StoreError> {
    Ok(Reader::versioned(item, SPENDING_NAME)?.text("userId")?.to_owned())
}

/// What a user has spent in a month and what is held, since the instant from which on the limit counts.
pub(crate) fn spending_from_item(
    item: Option<&Item>,
    currency: Currency,
    month: Month,
    since: Timestamp,
) -> Result<UserSpending, StoreError> {
    let mut spending = UserSpending { spent: Money::zero(currency), held: Vec::new() };
    let Some(item) = item else { return Ok(spending) };
    let reader = Reader::versioned(item, SPENDING_NAME)?;
    spending.spent = reader.money_or_zero(&spent_name(month, since), currency)?;
    let of_limit = format!("held#{}#", since.as_millisecond());
    for name in item.keys() {
        let Some(second) = name.strip_prefix(&of_limit) else { continue };
        let lapses_at = second.parse().ok().and_then(|second| Timestamp::from_second(second).ok());
        let lapses_at = lapses_at.ok_or_else(|| reader.corrupt(format_args!("{name} has no instant")))?;
        spending.held.push((lapses_at, reader.money(name, currency)?));
    }
    spending.held.sort_unstable_by_key(|(lapses_at, _)| *lapses_at);
    Ok(spending)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn money(text: &str, code: &str) -> Money {
        Money::new(text.parse().unwrap(), Currency::parse(code).unwrap()).unwrap()
    }

    fn account() -> AccountId {
        AccountId::parse("contoso").unwrap()
    }

    fn hold() -> Hold {
        Hold {
            leg: Leg {
                call_id: "a call".into(),
                service: Service::UserOut,
                number: Number::parse("+33123456789").unwrap(),
            },
            user_id: Some("ada".into()),
            plan: Some("P1".into()),
            user_country: Some("FR".into()),
            node: Some("sbc-1".into()),
            authorized_at: at("2026-11-28T12:00:00.123Z"),
            asked_seconds: 3_600,
            granted_seconds: 118,
            amount: money("0.0900", "EUR"),
            minutes: vec![HeldMinutes { number: 3, minutes: 2 }],
            lapses_at: at("2026-11-28T12:20:00Z"),
            counts_since: Some(at("2026-11-01T00:00:00Z")),
            version: 7,
        }
    }

    #[test]
    fn a_hold_survives_storing() {
        let bare = Hold {
            user_id: None,
            plan: None,
            user_country: None,
            node: None,
            minutes: Vec::new(),
            counts_since: None,
            ..hold()
        };
        for hold in [hold(), bare] {
            let item = hold_to_item(&account(), &hold);
            assert_eq!(hold_from_item(&item).unwrap(), hold);
            assert_eq!(item[PART], AttributeValue::S(format!("hold#{}", hold.key().as_str())));
            assert_eq!(
                item[EXPIRES_AT],
                AttributeValue::N(at("2026-11-29T12:20:00Z").as_second().to_string())
            );
        }
    }

    #[test]
    fn sums_survive_storing_and_damage_is_noticed() {
        for code in ["EUR", "JPY", "KWD"] {
            let sum = |minute: i64, amount: &str, pools: u16| HeldSum {
                lapses_at: at("2026-11-28T12:00:00Z") + SignedDuration::from_mins(minute),
                holds: 300,
                amount: money(amount, code),
                minutes: (0..pools)
                    .map(|number| HeldMinutesOfMonth {
                        month: Month::parse("2026-12").unwrap(),
                        number: 100 * number,
                        minutes: u64::from(number) + 127,
                    })
                    .collect(),
            };
            let sums = vec![sum(0, "0", 3), sum(5, "12.34", 0), sum(60 * 25, "999999999", 1)];
            let held = HeldSums::from_stored(sums.clone()).unwrap();
            let bytes = held_to_bytes(&held);
            let currency = Currency::parse(code).unwrap();
            assert_eq!(held_from_bytes(&bytes, currency), Some(held));
            assert_eq!(held_from_bytes(&bytes[..bytes.len() - 1], currency), None);
            let backwards = HeldSums::from_stored(sums.into_iter().rev().collect());
            assert_eq!(backwards, None);
        }
        assert_eq!(held_from_bytes(&[], Currency::parse("EUR").unwrap()), Some(HeldSums::default()));
    }

    #[test]
    fn what_a_user_has_spent_is_read_for_the_month_and_the_limit() {
        let [november, december] = ["2026-11", "2026-12"].map(|month| Month::parse(month).unwrap());
        let (since, earlier) = (at("2026-11-28T12:00:00Z"), at("2026-11-01T00:00:00Z"));
        let lapse = at("2026-11-28T12:20:00Z");
        let number = |text: &str| AttributeValue::N(text.into());
        let mut item = Writer::of(Schema::Holds).done();
        item.extend([
            (spent_name(november, since), number("1.5")),
            (spent_name(december, since), number("2.5")),
            (spent_name(november, earlier), number("3.5")),
            (held_name(lapse, since), number("0.07")),
            (held_name(lapse, earlier), number("0.08")),
        ]);
        let eur = Currency::parse("EUR").unwrap();
        let read = |month, since| spending_from_item(Some(&item), eur, month, since).unwrap();
        let expected = |spent: &str, held: &str| UserSpending {
            spent: money(spent, "EUR"),
            held: vec![(lapse, money(held, "EUR"))],
        };
        assert_eq!(read(november, since), expected("1.5", "0.07"));
        assert_eq!(read(december, since), expected("2.5", "0.07"));
        assert_eq!(read(november, earlier), expected("3.5", "0.08"));
        let nothing = spending_from_item(None, eur, november, since).unwrap();
        assert_eq!(nothing, UserSpending { spent: Money::zero(eur), held: Vec::new() });
    }
}
