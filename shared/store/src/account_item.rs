//! The parts of a stored account. `core` is written by every commit, so its names are short enough to
//! keep a usual account under 1 KB, which is what a write unit covers. `day#` parts are written once and stay.

use std::collections::BTreeMap;

use domain::account::{Account, BillingModel, DayEnd, OpenPayment, OpenRefund, PostUsage, Warning};
use domain::card_payment::CardPaymentKind;
use domain::changed_days::ChangedDays;
use domain::declines::Declines;
use domain::hold::HeldSums;
use domain::invoice::{PAYMENT_TERM_DAYS, UnpaidInvoice};
use domain::limits::{DayLimit, Limit, Limits, MARGIN_SECONDS};
use domain::lot::Lot;
use domain::movements::Movements;
use domain::profile::{Author, Card, LastChange, Locale, PaymentMethod, Profile, SettingGroup};
use domain::recharge::{Safeguard, State};
use domain::time::{FUTURE_TOLERANCE, Month, day_of, key_text};
use domain::{AccountId, Currency, EventDetails, LotId, Money, PaymentId};
use jiff::Timestamp;
use telemetry::Correlation;

use crate::changed_item::{changed_days_from_bytes, changed_days_to_bytes};
use crate::error::{StoreError, corrupt};
use crate::hold_item::{held_from_bytes, held_to_bytes};
use crate::item::{Item, Reader, Schema, Writer};
use crate::pool_item::{pool_use_from_bytes, pool_use_to_bytes, pools_of, pools_to_profile};
use crate::recharge_item::{recharge_from_map, recharge_to_map};
use crate::tables::{ACCOUNT_ID, CORE, Due, LISTED, PART, PROFILE, day_part, shard_of};

/// The value every core has in the listing index.
pub(crate) const LISTED_VALUE: &str = "account";

/// With what this commit tells, and, where that is anything, what it was because of.
pub(crate) fn core_to_item(account: &Account, events: &[EventDetails], cause: Option<&Correlation>) -> Item {
    let cause = cause.filter(|_| !events.is_empty());
    let schema = schema_of(account, events);
    let events = (!events.is_empty()).then(|| serde_json::to_string(events).expect("events are plain data"));
    let mut item = Writer::of(schema)
        .text(ACCOUNT_ID, account.id.as_str())
        .text(PART, CORE)
        .text(LISTED, LISTED_VALUE)
        .number("version", account.version)
        .text("currency", account.currency.code())
        .text("billing", billing_name(account.billing_model))
        .instant("createdAt", account.created_at)
        .instant("asOf", account.as_of)
        .money("owed", account.owed)
        .number("receipts", account.receipts)
        .flag("depletionTold", account.depletion_told)
        .text("postUsageMonth", account.post_usage.month.to_string())
        .money("postUsage", account.post_usage.amount)
        .money_if("carried", Some(account.post_usage.carried).filter(|carried| !carried.is_zero()))
        .number_if("invoices", Some(account.invoices).filter(|invoices| *invoices > 0))
        .number_if("voidInvoices", Some(account.void_invoices).filter(|void| *void > 0))
        .maps("unpaid", account.unpaid.iter().map(unpaid_to_map))
        .number_if("termDays", Some(account.payment_term_days).filter(|days| *days != PAYMENT_TERM_DAYS))
        .maps("lots", account.lots.iter().map(lot_to_map))
        .maps("open", account.open_payments.iter().map(open_to_map))
        .maps("refunds", account.open_refunds.iter().map(open_refund_to_map))
        .number_if("creditNotes", Some(account.credit_notes).filter(|notes| *notes > 0))
        .map_if("warning", account.warning.as_ref().map(warning_to_map))
        .map_if("recharge", recharge_to_map(&account.recharge))
        .number_if("pools", Some(account.pools_version).filter(|version| *version > 0))
        .bytes_if("poolUse", pool_use_to_bytes(&account.pool_use))
        .bytes_if("changed", changed_days_to_bytes(&account.changed_days))
        .bytes_if("held", held_to_bytes(&account.held))
        .map_if("limits", limits_to_map(&account.limits))
        .bytes_if("cards", ending_cards_to_bytes(&account.ending_cards))
        .bytes_if("declines", declines_to_bytes(&account.declines))
        .map_if("moved", account.movements.as_ref().map(movements_to_map))
        .text_if("facts", events)
        .text_if("correlation", cause.map(Correlation::as_str));
    for due in Due::ALL {
        let instant = match due {
            Due::Expire => account.due_for_expiry(),
            Due::Recharge => account.due_for_recharge(),
            Due::Invoice => account.due_for_invoice(),
        };
        if let Some(instant) = instant {
            item = item
                .text(due.shard_key(), shard_of(&account.id).to_string())
                .text(due.index(), key_text(instant));
        }
    }
    item.done()
}

/// The oldest shape in which software loses nothing of the account. Software that knows no invoices would close a month without
/// one, and software that knows no holds or refunds would forget them.
fn schema_of(account: &Account, events: &[EventDetails]) -> Schema {
    let PostUsage { amount, carried, .. } = account.post_usage;
    let is_invoiced = !amount.is_zero()
        || !carried.is_zero()
        || account.invoices > 0
        || account.payment_term_days != PAYMENT_TERM_DAYS;
    let is_of_pools = account.pools_version > 0
        || account.billing_model == BillingModel::Switching
        || account.lots.iter().any(|lot| lot.id.is_of_reversal());
    let has_holds = account.held != HeldSums::default() || account.limits != Limits::default();
    let is_paused_by_one =
        matches!(account.recharge.state, State::Paused { why: Safeguard::Refund | Safeguard::Dispute });
    let has_repayments = !account.open_refunds.is_empty()
        || account.credit_notes > 0
        || is_paused_by_one
        || events.iter().any(is_of_repayment);
    match (has_repayments, has_holds, is_invoiced, is_of_pools) {
        (true, _, _, _) => Schema::Repayments,
        (false, true, _, _) => Schema::Holds,
        (false, false, true, _) => Schema::Invoices,
        (false, false, false, true) => Schema::Pools,
        (false, false, false, false) => Schema::First,
    }
}

/// Whether software that knows no refunds and disputes cannot publish the event.
fn is_of_repayment(event: &EventDetails) -> bool {
    matches!(
        event,
        EventDetails::FundsRefunded { .. }
            | EventDetails::RefundReturned { .. }
            | EventDetails::DisputeInquiry { .. }
            | EventDetails::DisputeOpened { .. }
            | EventDetails::DisputeEnded { .. }
    )
}

/// How the account stood at the end of a day, in the names of `core`.
pub(crate) fn day_end_to_item(account: &AccountId, day_end: &DayEnd) -> Item {
    Writer::versioned()
        .text(ACCOUNT_ID, account.as_str())
        .text(PART, day_part(day_end.day))
        .number("version", day_end.version)
        .text("currency", day_end.balance.currency().code())
        .instant("asOf", day_end.as_of)
        .money("balance", day_end.balance)
        .money("owed", day_end.owed)
        .text("postUsageMonth", day_end.post_usage.month.to_string())
        .money("postUsage", day_end.post_usage.amount)
        .money_if("carried", Some(day_end.post_usage.carried).filter(|carried| !carried.is_zero()))
        .maps("lots", day_end.lots.iter().map(lot_to_map))
        .map_if("moved", day_end.movements.as_ref().map(movements_to_map))
        .done()
}

pub(crate) fn day_end_from_item(item: &Item) -> Result<DayEnd, StoreError> {
    let reader = Reader::versioned(item, "the end of an account's day")?;
    let currency = reader.parsed("currency", Currency::parse)?;
    let as_of = reader.instant("asOf")?;
    Ok(DayEnd {
        day: day_of(as_of),
        as_of,
        version: reader.number("version")?,
        balance: reader.money("balance", currency)?,
        owed: reader.money("owed", currency)?,
        post_usage: post_usage_of(&reader, currency)?,
        lots: lots_of(&reader, currency)?,
        movements: movements_of(&reader, currency)?,
    })
}

/// What messages call it.
const CORE_NAME: &str = "an account's core";

pub(crate) fn core_from_item(item: &Item) -> Result<Account, StoreError> {
    let account = core_as_written(item)?;
    match account.unsound() {
        Some(problem) => Err(corrupt(CORE_NAME, &problem)),
        None => Ok(account),
    }
}

/// The account that was written, be it sound or not.
pub(crate) fn core_as_written(item: &Item) -> Result<Account, StoreError> {
    let reader = Reader::versioned(item, CORE_NAME)?;
    let currency = reader.parsed("currency", Currency::parse)?;
    let (as_of, version) = (reader.instant("asOf")?, reader.number("version")?);
    Ok(Account {
        id: reader.parsed(ACCOUNT_ID, AccountId::parse)?,
        currency,
        billing_model: reader.named("billing", billing_of)?,
        created_at: reader.instant("createdAt")?,
        as_of,
        version,
        lots: lots_of(&reader, currency)?,
        owed: reader.money("owed", currency)?,
        post_usage: post_usage_of(&reader, currency)?,
        open_payments: reader.maps("open")?.iter().map(open_from_map).collect::<Result<_, _>>()?,
        open_refunds: reader.maps("refunds")?.iter().map(open_refund_from_map).collect::<Result<_, _>>()?,
        credit_notes: reader.number_if("creditNotes")?.unwrap_or_default(),
        receipts: reader.number("receipts")?,
        invoices: reader.number_if("invoices")?.unwrap_or_default(),
        unpaid: unpaid_of(&reader, currency)?,
        void_invoices: reader.number_if("voidInvoices")?.unwrap_or_default(),
        payment_term_days: reader.number_if("termDays")?.unwrap_or(PAYMENT_TERM_DAYS),
        depletion_told: reader.flag("depletionTold")?,
        warning: reader.map_if("warning")?.map(|map| warning_from_map(&map, currency)).transpose()?,
        recharge: recharge_from_map(reader.map_if("recharge")?.as_ref(), currency)?,
        pools_version: if reader.has("pools") { reader.number("pools")? } else { 0 },
        pool_use: pool_use_from_bytes(reader.bytes("poolUse")?)
            .ok_or_else(|| reader.corrupt("poolUse cannot be unpacked"))?,
        changed_days: changed_days_of(&reader, as_of, version)?,
        held: held_from_bytes(reader.bytes("held")?, currency)
            .ok_or_else(|| reader.corrupt("held cannot be unpacked"))?,
        limits: limits_from_map(reader.map_if("limits")?.as_ref(), currency)?,
        ending_cards: ending_cards_of(&reader)?,
        declines: declines_of(&reader)?,
        movements: movements_of(&reader, currency)?,
    })
}

/// Each month is its number since the year 0, in two bytes. Software that does not know these months loses them, so that a mail about a
/// card is missing. That is no reason to refuse the account to it: the schema stays as it is.
fn ending_cards_to_bytes(months: &[Month]) -> Vec<u8> {
    let number = |month: &Month| {
        let (year, number) = month.year_and_number();
        let number = i32::from(year) * 12 + i32::from(number) - 1;
        u16::try_from(number).expect("cards end in this century")
    };
    months.iter().flat_map(|month| number(month).to_be_bytes()).collect()
}

fn ending_cards_of(reader: &Reader<'_>) -> Result<Vec<Month>, StoreError> {
    let (numbers, rest) = reader.bytes("cards")?.as_chunks();
    let month = |bytes: &[u8; 2]| {
        let number = u16::from_be_bytes(*bytes);
        Month::of_year(i16::try_from(number / 12).ok()?, i8::try_from(number % 12 + 1).ok()?)
    };
    let months = numbers.iter().map(month).collect::<Option<_>>();
    months.filter(|_| rest.is_empty()).ok_or_else(|| reader.corrupt("cards are not months"))
}

/// Software that does not know declines loses their count, so that it begins again. That is no reason to refuse the account to it.
fn declines_to_bytes(declines: &Declines) -> Vec<u8> {
    let second = |instant: &Timestamp| u32::try_from(instant.as_second()).expect("it is before 2106");
    declines.instants().iter().flat_map(|instant| second(instant).to_be_bytes()).collect()
}

fn declines_of(reader: &Reader<'_>) -> Result<Declines, StoreError> {
    let (seconds, rest) = reader.bytes("declines")?.as_chunks();
    let instant = |bytes: &[u8; 4]| Timestamp::from_second(u32::from_be_bytes(*bytes).into()).ok();
    let instants = seconds.iter().map(instant).collect::<Option<_>>();
    let instants = instants.filter(|_| rest.is_empty());
    Ok(Declines::from_stored(instants.ok_or_else(|| reader.corrupt("declines are not instants"))?))
}

/// Limits that are as those of a new account are left out.
fn limits_to_map(limits: &Limits) -> Option<Writer> {
    let Limits { per_user_monthly, per_day, margin_seconds } = limits;
    let limit = |map: Writer, limit: &Limit| map.money("amount", limit.amount).instant("since", limit.since);
    let day = |day: &DayLimit| {
        limit(Writer::default(), &day.limit).text("day", day.day.to_string()).money("spent", day.spent)
    };
    (*limits != Limits::default()).then(|| {
        Writer::default()
            .map_if("user", per_user_monthly.as_ref().map(|user| limit(Writer::default(), user)))
            .map_if("day", per_day.as_ref().map(day))
            .number_if("margin", Some(*margin_seconds).filter(|margin| *margin != MARGIN_SECONDS))
    })
}

fn limits_from_map(map: Option<&Reader<'_>>, currency: Currency) -> Result<Limits, StoreError> {
    let Some(map) = map else { return Ok(Limits::default()) };
    let limit = |map: &Reader<'_>| {
        Ok::<_, StoreError>(Limit { amount: map.money("amount", currency)?, since: map.instant("since")? })
    };
    let day = |map: &Reader<'_>| {
        let (day, spent) = (map.parsed("day", str::parse)?, map.money("spent", currency)?);
        Ok::<_, StoreError>(DayLimit { limit: limit(map)?, day, spent })
    };
    Ok(Limits {
        per_user_monthly: map.map_if("user")?.as_ref().map(limit).transpose()?,
        per_day: map.map_if("day")?.as_ref().map(day).transpose()?,
        margin_seconds: map.number_if("margin")?.unwrap_or(MARGIN_SECONDS),
    })
}

/// The changed days. Older software erases the attribute, so that an account without it may have changed on any day: at the
/// latest on the day after the commit's, since a call may start a little later than now (T1).
fn changed_days_of(reader: &Reader<'_>, as_of: Timestamp, version: u64) -> Result<ChangedDays, StoreError> {
    if !reader.has("changed") {
        return Ok(ChangedDays::all(day_of(as_of + FUTURE_TOLERANCE), version));
    }
    changed_days_from_bytes(reader.bytes("changed")?)
        .ok_or_else(|| reader.corrupt("changed cannot be unpacked"))
}

/// Sums of zero are left out. Without movements there is no map.
fn movements_to_map(movements: &Movements) -> Writer {
    let Movements { spent, added, expired, other } = *movements;
    let some = |money: Money| Some(money).filter(|money| !money.is_zero());
    Writer::default()
        .money_if("s", some(spent))
        .money_if("a", some(added))
        .money_if("x", some(expired))
        .money_if("o", some(other))
}

fn movements_of(reader: &Reader<'_>, currency: Currency) -> Result<Option<Movements>, StoreError> {
    let Some(map) = reader.map_if("moved")? else { return Ok(None) };
    Ok(Some(Movements {
        spent: map.money_or_zero("s", currency)?,
        added: map.money_or_zero("a", currency)?,
        expired: map.money_or_zero("x", currency)?,
        other: map.money_or_zero("o", currency)?,
    }))
}

fn lots_of(reader: &Reader<'_>, currency: Currency) -> Result<Vec<Lot>, StoreError> {
    reader.maps("lots")?.iter().map(|map| lot_from_map(map, currency)).collect()
}

fn post_usage_of(reader: &Reader<'_>, currency: Currency) -> Result<PostUsage, StoreError> {
    Ok(PostUsage {
        month: reader.named("postUsageMonth", Month::parse)?,
        amount: reader.money("postUsage", currency)?,
        carried: reader.money_or_zero("carried", currency)?,
    })
}

fn unpaid_to_map(unpaid: &UnpaidInvoice) -> Writer {
    Writer::default()
        .text("month", unpaid.month.to_string())
        .number("number", unpaid.number)
        .money("a", unpaid.amount)
        .instant("due", unpaid.due_at)
        .number("days", unpaid.next_reminder_days)
}

fn unpaid_of(reader: &Reader<'_>, currency: Currency) -> Result<Vec<UnpaidInvoice>, StoreError> {
    let of_map = |map: &Reader<'_>| {
        Ok(UnpaidInvoice {
            month: map.named("month", Month::parse)?,
            number: map.number("number")?,
            amount: map.money("a", currency)?,
            due_at: map.instant("due")?,
            next_reminder_days: map.number("days")?,
        })
    };
    reader.maps("unpaid")?.iter().map(of_map).collect()
}

fn lot_to_map(lot: &Lot) -> Writer {
    let map = Writer::default()
        .text("id", lot.id.as_str())
        .instant("p", lot.purchased_at)
        .instant("e", lot.expires_at)
        .money("a", lot.amount)
        .money("r", lot.remaining);
    match lot.next_warning_days {
        Some(days) => map.number("w", days),
        None => map,
    }
}

fn lot_from_map(map: &Reader<'_>, currency: Currency) -> Result<Lot, StoreError> {
    Ok(Lot {
        id: map.parsed("id", LotId::parse)?,
        purchased_at: map.instant("p")?,
        expires_at: map.instant("e")?,
        amount: map.money("a", currency)?,
        remaining: map.money("r", currency)?,
        next_warning_days: if map.has("w") { Some(map.number("w")?) } else { None },
    })
}

fn open_to_map(open: &OpenPayment) -> Writer {
    Writer::default()
        .text("id", open.id.as_str())
        .text("kind", open.kind.as_str())
        .instant("at", open.recover_at)
        .flag_if("withdrawn", open.withdrawn)
        .number("times", open.recharge_amounts)
}

fn open_from_map(map: &Reader<'_>) -> Result<OpenPayment, StoreError> {
    Ok(OpenPayment {
        id: map.parsed("id", PaymentId::parse)?,
        kind: map.named("kind", CardPaymentKind::parse)?,
        recover_at: map.instant("at")?,
        withdrawn: map.has("withdrawn"),
        recharge_amounts: map.number("times")?,
    })
}

fn open_refund_to_map(open: &OpenRefund) -> Writer {
    Writer::default()
        .text("id", open.id.as_str())
        .text("of", open.payment.as_str())
        .instant("at", open.recover_at)
}

fn open_refund_from_map(map: &Reader<'_>) -> Result<OpenRefund, StoreError> {
    Ok(OpenRefund {
        id: map.parsed("id", PaymentId::parse)?,
        payment: map.parsed("of", PaymentId::parse)?,
        recover_at: map.instant("at")?,
    })
}

fn warning_to_map(warning: &Warning) -> Writer {
    Writer::default().money("amount", warning.amount).flag("told", warning.told)
}

fn warning_from_map(map: &Reader<'_>, currency: Currency) -> Result<Warning, StoreError> {
    Ok(Warning { amount: map.money("amount", currency)?, told: map.flag("told")? })
}

fn billing_name(model: BillingModel) -> &'static str {
    match model {
        BillingModel::Prepaid => "prepaid",
        BillingModel::Switching => "switching",
        BillingModel::PostUsage => "postUsage",
    }
}

fn billing_of(name: &str) -> Option<BillingModel> {
    [BillingModel::Prepaid, BillingModel::Switching, BillingModel::PostUsage]
        .into_iter()
        .find(|model| billing_name(*model) == name)
}

pub(crate) fn profile_to_item(account: &AccountId, profile: &Profile) -> Item {
    let locale = match profile.locale {
        Locale::En => "en",
        Locale::Fr => "fr",
    };
    let item = Writer::of(if profile.pools.version > 0 { Schema::Pools } else { Schema::First })
        .text(ACCOUNT_ID, account.as_str())
        .text(PART, PROFILE)
        .text("name", &profile.name)
        .text("locale", locale)
        .texts("emails", profile.notification_emails.iter().cloned())
        .text_if("poNumber", profile.po_number.as_deref())
        .map_if("card", profile.payment_method.as_ref().map(method_to_map))
        .map_if("backup", profile.backup.as_ref().map(method_to_map));
    let item = item.map_if("lastChanges", last_changes_to_map(profile));
    let item =
        if profile.set_ups.is_empty() { item } else { item.texts("setUps", profile.set_ups.iter().cloned()) };
    pools_to_profile(item, &profile.pools).done()
}

pub(crate) fn profile_from_item(item: &Item) -> Result<Profile, StoreError> {
    let reader = Reader::versioned(item, "an account's profile")?;
    Ok(Profile {
        name: reader.text("name")?.to_owned(),
        locale: reader.named("locale", Locale::parse)?,
        notification_emails: reader.texts("emails")?,
        po_number: reader.text_if("poNumber")?,
        payment_method: reader.map_if("card")?.as_ref().map(method_from_map).transpose()?,
        backup: reader.map_if("backup")?.as_ref().map(method_from_map).transpose()?,
        set_ups: if reader.has("setUps") { reader.texts("setUps")? } else { Vec::new() },
        pools: pools_of(&reader)?,
        last_changes: last_changes_of(&reader)?,
    })
}

fn last_changes_to_map(profile: &Profile) -> Option<Writer> {
    let change = |LastChange { at, by }: &LastChange| {
        Writer::default().instant("at", *at).text("by", &by.subject).text_if("name", by.name.as_deref())
    };
    let changes = &profile.last_changes;
    (!changes.is_empty()).then(|| {
        let map = Writer::default();
        changes.iter().fold(map, |map, (group, last)| map.map(group.as_str(), change(last)))
    })
}

/// Groups that only newer software knows are left out.
fn last_changes_of(reader: &Reader<'_>) -> Result<BTreeMap<SettingGroup, LastChange>, StoreError> {
    let Some(map) = reader.map_if("lastChanges")? else { return Ok(BTreeMap::new()) };
    let mut changes = BTreeMap::new();
    for group in SettingGroup::ALL {
        if let Some(last) = map.map_if(group.as_str())? {
            let by = Author { subject: last.text("by")?.to_owned(), name: last.text_if("name")? };
            changes.insert(group, LastChange { at: last.instant("at")?, by });
        }
    }
    Ok(changes)
}

pub(crate) fn method_to_map(method: &PaymentMethod) -> Writer {
    Writer::default()
        .text("customer", &method.customer)
        .text("token", &method.token)
        .text("brand", &method.card.brand)
        .text("last4", &method.card.last4)
        .number("month", method.card.exp_month)
        .number("year", method.card.exp_year)
}

pub(crate) fn method_from_map(map: &Reader<'_>) -> Result<PaymentMethod, StoreError> {
    Ok(PaymentMethod {
        customer: map.text("customer")?.to_owned(),
        token: map.text("token")?.to_owned(),
        card: Card {
            brand: map.text("brand")?.to_owned(),
            last4: map.text("last4")?.to_owned(),
            exp_month: map.number("month")?,
            exp_year: map.number("year")?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::AttributeValue;
    use domain::changed_days::{Days, MAX_SPANS};
    use domain::hold::{HeldMinutesOfMonth, HeldSum};
    use domain::pool::{Pool, PoolTerms, PoolUse, Pools, Sizes};
    use domain::recharge::{Amounts, Failure, Recharge, State};
    use domain::time::day_of;
    use domain::usage::Service;

    fn account() -> Account {
        let eur = Currency::parse("EUR").unwrap();
        let now = "2026-11-22T07:43:00.123Z".parse().unwrap();
        let mut account =
            Account::open(AccountId::parse("contoso").unwrap(), eur, BillingModel::Prepaid, now);
        account.version = 7;
        account.movements = Some(Movements {
            spent: Money::new("12.3456".parse().unwrap(), eur).unwrap(),
            added: Money::new("100".parse().unwrap(), eur).unwrap(),
            ..Movements::none(eur)
        });
        account.owed = Money::new("0.1234".parse().unwrap(), eur).unwrap();
        account.open_payments.push(OpenPayment {
            id: PaymentId::parse("pur_1").unwrap(),
            kind: CardPaymentKind::Purchase,
            recover_at: now,
            withdrawn: true,
            recharge_amounts: 3,
        });
        account.warning = Some(Warning { amount: account.owed, told: true });
        account.recharge = Recharge {
            amounts: Some(Amounts {
                trigger: account.owed,
                amount: account.owed,
                monthly_limit: Some(account.owed),
            }),
            state: State::Waiting { until: now, failures: 1 },
            charged: Some((account.post_usage.month, account.owed)),
            counted: Some((day_of(now), 1)),
            last_failure: Some(Failure { at: now, reason: "insufficient_funds".into() }),
            look_at: None,
        };
        account.ending_cards = vec![Month::parse("2034-12").unwrap()];
        account.declines = Declines::from_stored(vec![Timestamp::from_second(1_795_348_800).unwrap()]);
        account.pools_version = 3;
        for month in ["2026-10", "2026-11"] {
            let month = Month::parse(month).unwrap();
            let of_pool = |number| PoolUse { month, number, minutes: 123_456, told: 80 };
            account.pool_use.extend((0..3).map(of_pool));
        }
        for number in 0..2 {
            let id = LotId::parse(format!("pur_{number:032}")).unwrap();
            let amount = Money::new("100.0001".parse().unwrap(), eur).unwrap();
            account.lots.push(Lot::new(id, now, Lot::expiry_of_purchase(now), amount, now));
        }
        // An account that is never reported on has as many spans as it may have.
        for (version, day) in (1..).zip(day_of(now).series(-jiff::Span::new().days(2)).take(MAX_SPANS)) {
            account.changed_days.add(day, version);
        }
        account
    }

    /// The same account with calls in progress that lapse at 16 instants and use three pools, and with limits.
    fn with_holds() -> Account {
        let mut account = account();
        let month = Month::of(account.as_of);
        let sum = |number: i64| HeldSum {
            lapses_at: "2026-11-22T08:00:00Z".parse::<Timestamp>().unwrap()
                + jiff::SignedDuration::from_mins(5 * number),
            holds: 125,
            amount: Money::new("12.3456".parse().unwrap(), account.currency).unwrap(),
            minutes: vec![HeldMinutesOfMonth {
                month,
                number: u16::try_from(number % 3).unwrap(),
                minutes: 1_234,
            }],
        };
        account.held = HeldSums::from_stored((0..16).map(sum).collect()).unwrap();
        account
    }

    fn pools() -> Pools {
        let terms = PoolTerms {
            plan: "MCOPSTN2".into(),
            country: "FR".into(),
            minutes_per_licence: 600,
            licences: 7,
            services: vec![Service::UserOut, Service::ConferenceOut],
            countries: vec!["FR".into(), "DE".into()],
        };
        let sizes = Sizes { changed_in: Month::parse("2026-11").unwrap(), largest: 4200, before: 3000 };
        Pools {
            version: 3,
            list: vec![Pool { number: 1, id: "MCOPSTN2/FR".into(), terms, is_removed: true, sizes }],
        }
    }

    /// What DynamoDB counts: names and values.
    fn size(value: &AttributeValue) -> usize {
        match value {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(number) => size_of_number(number),
            AttributeValue::M(map) => {
                3 + map.iter().map(|(name, value)| 1 + name.len() + size(value)).sum::<usize>()
            }
            AttributeValue::B(bytes) => bytes.as_ref().len(),
            AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + size(value)).sum::<usize>(),
            _ => 1,
        }
    }

    /// A byte for two significant digits on either side of the decimal point, one more, and another for the sign.
    fn size_of_number(number: &str) -> usize {
        let (digits, sign) = number.strip_prefix('-').map_or((number, 0), |digits| (digits, 1));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        whole.trim_start_matches('0').len().div_ceil(2) + fraction.len().div_ceil(2) + 1 + sign
    }

    #[test]
    fn a_core_survives_storing() {
        let account = account();
        assert_eq!(core_from_item(&core_to_item(&account, &[], None)).unwrap(), account);
    }

    #[test]
    fn the_last_months_of_cards_survive_storing() {
        for months in [&[][..], &["2026-12"], &["2026-01", "2099-12"]] {
            let ending_cards = months.iter().map(|month| Month::parse(month).unwrap()).collect();
            let account = Account { ending_cards, ..account() };
            assert_eq!(core_from_item(&core_to_item(&account, &[], None)).unwrap(), account);
        }
        let mut item = core_to_item(&account(), &[], None);
        item.insert("cards".into(), AttributeValue::B(vec![1, 2, 3].into()));
        let problem = core_from_item(&item).unwrap_err().to_string();
        assert_eq!(problem, "an account's core is corrupt: cards are not months");
    }

    #[test]
    fn declines_survive_storing() {
        let instants = (0..15).map(|hour| Timestamp::from_second(1_795_348_800 + 3_600 * hour).unwrap());
        let account = Account { declines: Declines::from_stored(instants.collect()), ..account() };
        assert_eq!(core_from_item(&core_to_item(&account, &[], None)).unwrap(), account);
        let mut item = core_to_item(&account, &[], None);
        item.insert("declines".into(), AttributeValue::B(vec![1, 2, 3].into()));
        let problem = core_from_item(&item).unwrap_err().to_string();
        assert_eq!(problem, "an account's core is corrupt: declines are not instants");
    }

    #[test]
    fn the_end_of_a_day_survives_storing() {
        let account = account();
        let tomorrow = account.as_of + jiff::SignedDuration::from_hours(24);
        let day_end = DayEnd::before(&account, tomorrow).unwrap();
        let item = day_end_to_item(&account.id, &day_end);
        assert_eq!(item["part"], AttributeValue::S("day#2026-11-22".into()));
        assert_eq!(day_end_from_item(&item).unwrap(), day_end);
    }

    #[test]
    fn a_core_with_holds_and_limits_survives_storing() {
        let mut account = with_holds();
        let limit = Limit { amount: account.owed, since: account.as_of };
        for limits in [
            Limits { margin_seconds: 3, ..Limits::default() },
            Limits { per_user_monthly: Some(limit), ..Limits::default() },
            Limits {
                per_day: Some(DayLimit { limit, day: day_of(account.as_of), spent: account.owed }),
                margin_seconds: 0,
                ..Limits::default()
            },
        ] {
            account.limits = limits;
            let item = core_to_item(&account, &[], None);
            assert_eq!(item["schema"], AttributeValue::N("4".into()));
            assert_eq!(core_from_item(&item).unwrap(), account);
        }
        account.held = HeldSums::default();
        let mut item = core_to_item(&account, &[], None);
        assert_eq!(core_from_item(&item).unwrap(), account);
        assert_eq!(item["schema"], AttributeValue::N("4".into()));
        item.insert("held".into(), AttributeValue::B(vec![1, 2].into()));
        let problem = core_from_item(&item).unwrap_err().to_string();
        assert_eq!(problem, "an account's core is corrupt: held cannot be unpacked");
    }

    #[test]
    fn a_usual_core_fits_a_write_unit() {
        let available = account().available(account().as_of);
        let cause = Correlation::parse("0f8fad5b-d9cb-469f-a165-70867728950e");
        let calm = Recharge { state: State::Armed, last_failure: None, ..account().recharge };
        let paying = Account { recharge: calm.clone(), declines: Declines::default(), ..account() };
        let in_calls = Account {
            recharge: calm,
            declines: Declines::default(),
            open_payments: Vec::new(),
            ..with_holds()
        };
        for (account, events, with) in [
            (account(), vec![], "a decline and an open payment"),
            (paying, vec![EventDetails::BalanceLow { available }], "an open payment and an event"),
            (in_calls, vec![], "16 sums of holds"),
        ] {
            let item = core_to_item(&account, &events, cause.as_ref());
            let bytes: usize = item.iter().map(|(name, value)| name.len() + size(value)).sum();
            assert!(
                bytes < 1024,
                "a core with two lots, three pools in two months and {with} has {bytes} bytes"
            );
        }
    }

    #[test]
    fn an_account_that_older_software_wrote_may_have_changed_on_any_day() {
        let mut item = core_to_item(&account(), &[], None);
        item.remove("changed");
        let read = core_from_item(&item).unwrap();
        let days = Days { first: "2000-01-01".parse().unwrap(), last: "2026-11-22".parse().unwrap() };
        let spans: Vec<_> = read.changed_days.spans().iter().map(|span| (span.days, span.version)).collect();
        assert_eq!(spans, [(days, 7)]);
        item.insert("changed".into(), AttributeValue::B(vec![1, 2].into()));
        let problem = core_from_item(&item).unwrap_err().to_string();
        assert_eq!(problem, "an account's core is corrupt: changed cannot be unpacked");
    }

    #[test]
    fn the_events_of_a_commit_are_stored_and_no_list_without_events() {
        let account = account();
        let events = [EventDetails::BalanceLow { available: account.available(account.as_of) }];
        let stored = |events: &[EventDetails]| core_to_item(&account, events, None).remove("facts");
        assert_eq!(stored(&[]), None);
        let json = serde_json::to_string(&events).unwrap();
        assert_eq!(stored(&events), Some(AttributeValue::S(json)));
    }

    #[test]
    fn the_cause_goes_with_what_is_told() {
        let account = account();
        let cause = Correlation::parse("JKJaXmPLvHcESHA=");
        let stored =
            |events: &[EventDetails]| core_to_item(&account, events, cause.as_ref()).remove("correlation");
        assert_eq!(stored(&[]), None);
        let available = account.available(account.as_of);
        let expected = AttributeValue::S("JKJaXmPLvHcESHA=".to_owned());
        assert_eq!(stored(&[EventDetails::BalanceLow { available }]), Some(expected));
    }

    #[test]
    fn a_newer_schema_is_left_alone() {
        let mut item = core_to_item(&account(), &[], None);
        item.insert("schema".into(), AttributeValue::N("6".into()));
        assert!(matches!(core_from_item(&item), Err(StoreError::NewerSchema { found: 6, .. })));
    }

    #[test]
    fn an_account_with_refunds_is_of_the_schema_that_knows_them() {
        let plain = account();
        let [id, payment] = ["ref_1", "pur_1"].map(|id| PaymentId::parse(id).unwrap());
        let open = OpenRefund { id: id.clone(), payment: payment.clone(), recover_at: plain.as_of };
        let paused = |why| Recharge { state: State::Paused { why }, ..plain.recharge.clone() };
        for with_refunds in [
            Account { open_refunds: vec![open], ..plain.clone() },
            Account { credit_notes: 7, ..plain.clone() },
            Account { recharge: paused(Safeguard::Refund), ..plain.clone() },
            Account { recharge: paused(Safeguard::Dispute), ..plain.clone() },
        ] {
            let item = core_to_item(&with_refunds, &[], None);
            assert_eq!(item["schema"], AttributeValue::N("5".into()));
            assert_eq!(core_from_item(&item).unwrap(), with_refunds);
        }
        let nothing = Money::zero(plain.currency);
        let event = EventDetails::FundsRefunded {
            payment_id: payment,
            refund_id: id,
            amount: nothing,
            credit_note_number: 1,
            beyond_lot: None,
            recharge_paused: false,
        };
        let item = core_to_item(&plain, &[event], None);
        assert_eq!(item["schema"], AttributeValue::N("5".into()), "an event that older software cannot read");
    }

    #[test]
    fn only_an_account_with_pools_is_of_the_schema_that_older_software_refuses() {
        let schema = |account: &Account| core_to_item(account, &[], None).remove("schema");
        assert_eq!(schema(&account()), Some(AttributeValue::N("2".into())));
        let without_pools = Account { pools_version: 0, pool_use: Vec::new(), ..account() };
        assert_eq!(schema(&without_pools), Some(AttributeValue::N("1".into())));
        let item = core_to_item(&without_pools, &[], None);
        assert_eq!(core_from_item(&item).unwrap(), without_pools);
    }

    #[test]
    fn an_account_with_charges_to_invoice_is_of_the_schema_that_knows_invoices() {
        let plain = Account { pools_version: 0, pool_use: Vec::new(), ..account() };
        let cent = Money::of_minor_units(1, plain.currency);
        let PostUsage { month, amount: nothing, .. } = plain.post_usage;
        let unpaid = UnpaidInvoice {
            month: month.previous(),
            number: 1,
            amount: cent,
            due_at: plain.as_of,
            next_reminder_days: 14,
        };
        for invoiced in [
            Account { post_usage: PostUsage { month, amount: cent, carried: nothing }, ..plain.clone() },
            Account { post_usage: PostUsage { month, amount: nothing, carried: -cent }, ..plain.clone() },
            Account { invoices: 1, void_invoices: 1, unpaid: vec![unpaid], ..plain.clone() },
            Account { payment_term_days: 1, ..plain },
        ] {
            let item = core_to_item(&invoiced, &[], None);
            assert_eq!(item["schema"], AttributeValue::N("3".into()));
            assert_eq!(core_from_item(&item).unwrap(), invoiced);
            let due = invoiced.due_for_invoice().map(|due| AttributeValue::S(key_text(due)));
            assert_eq!(item.get("dueInvoice"), due.as_ref());
            let tomorrow = invoiced.as_of + jiff::SignedDuration::from_hours(24);
            let day_end = DayEnd::before(&invoiced, tomorrow).unwrap();
            assert_eq!(day_end_from_item(&day_end_to_item(&invoiced.id, &day_end)).unwrap(), day_end);
        }
    }

    #[test]
    fn a_corrupt_item_says_where() {
        let mut item = core_to_item(&account(), &[], None);
        item.insert("owed".into(), AttributeValue::S("lots".into()));
        let problem = core_from_item(&item).unwrap_err().to_string();
        assert_eq!(problem, "an account's core is corrupt: owed is not such a number");
    }

    #[test]
    fn an_unsound_account_is_corrupt_and_not_a_panic() {
        let mut item = core_to_item(&account(), &[], None);
        item.insert("owed".into(), AttributeValue::N("-1".into()));
        let problem = core_from_item(&item).unwrap_err().to_string();
        assert_eq!(problem, "an account's core is corrupt: owed is negative");
    }

    fn last_change((group, name): (SettingGroup, Option<&str>)) -> (SettingGroup, LastChange) {
        let at = "2026-11-22T07:43:00.123Z".parse().unwrap();
        (group, LastChange { at, by: Author::new(group.as_str(), name) })
    }

    #[test]
    fn what_moved_the_balance_survives_storing_and_earlier_software_leaves_it_unknown() {
        let mut account = account();
        let cent = Money::of_minor_units(1, account.currency);
        let none = Movements::none(account.currency);
        let all = Movements { spent: -cent, added: cent, expired: cent, other: -cent };
        for movements in [None, Some(none), Some(all)] {
            account.movements = movements;
            assert_eq!(core_from_item(&core_to_item(&account, &[], None)).unwrap(), account);
            let end = DayEnd::of(&account);
            assert_eq!(day_end_from_item(&day_end_to_item(&account.id, &end)).unwrap(), end);
        }
        let mut item = core_to_item(&account, &[], None);
        item.remove("moved");
        assert_eq!(core_from_item(&item).unwrap(), Account { movements: None, ..account });
    }

    #[test]
    fn a_profile_survives_storing() {
        let card = Card { brand: "visa".into(), last4: "4242".into(), exp_month: 12, exp_year: 2030 };
        let method = PaymentMethod { customer: "cus_1".into(), token: "pm_card_visa".into(), card };
        let id = AccountId::parse("contoso").unwrap();
        for locale in Locale::ALL {
            let profile = Profile { locale, ..Profile::default() };
            assert_eq!(profile_from_item(&profile_to_item(&id, &profile)).unwrap(), profile);
        }
        let profile = Profile {
            name: "Contoso".into(),
            locale: Locale::Fr,
            notification_emails: vec!["a@example.com".into()],
            po_number: Some("PO 1".into()),
            payment_method: Some(method.clone()),
            backup: Some(method),
            set_ups: vec!["cs_1".into(), "cs_2".into()],
            pools: pools(),
            last_changes: SettingGroup::ALL
                .into_iter()
                .zip([Some("Ada"), None].into_iter().cycle())
                .map(last_change)
                .collect(),
        };
        assert_eq!(profile_from_item(&profile_to_item(&id, &profile)).unwrap(), profile);
    }
}
