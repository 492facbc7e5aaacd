//! One immutable row of `journal`, and the marker beside a row without a rate (S9).

use domain::card_payment::CardPaymentKind;
use domain::journal::{EntryDetails, JournalEntry, Lasting, ReturnedLot, Reversal};
use domain::journal_key::{EntryKind, JournalKey};
use domain::lot::{Began, Draw};
use domain::rejected_record::{Message, RejectedRecord, RejectionStatus};
use domain::time::{Month, key_text};
use domain::usage::{Number, Service, UsageRecord};
use domain::{AccountId, Currency, Fingerprint, LotId, MessageId, PaymentId, RecordId};
use jiff::Timestamp;

use crate::error::StoreError;
use crate::item::{Item, Reader, Schema, Writer};
use crate::tables::{ACCOUNT_ID, ENTRY, LATE_POSTED, shard_of, unrated_partition};

pub(crate) fn entry_to_item(account: &AccountId, entry: &JournalEntry) -> Item {
    let item = Writer::of(schema_of(entry))
        .text(ACCOUNT_ID, account.as_str())
        .text(ENTRY, entry.key.as_str())
        .text("kind", entry.details.kind().as_str())
        .instant("at", entry.at)
        .instant("postedAt", entry.posted_at)
        .text("currency", entry.amount.currency().code())
        .money("amount", entry.amount)
        .money("balance", entry.balance)
        .number("version", entry.version)
        .number("place", entry.sequence)
        .text("content", entry.fingerprint.as_str())
        .maps("lots", entry.draws.iter().map(draw_to_map));
    let late = entry.is_late().then(|| key_text(entry.posted_at));
    let item = item.text_if(LATE_POSTED, late);
    let item = if entry.post_usage.is_zero() { item } else { item.money("postUsage", entry.post_usage) };
    let item = match &entry.lasting {
        Some(Lasting { number, details }) => item
            .number("factNumber", number)
            .text("fact", serde_json::to_string(details).expect("an event is plain data")),
        None => item,
    };
    details_to_item(item, &entry.details).done()
}

/// The shape of an entry. Software of the first one knows neither reversals nor switches, and would count a charge under `#rated`
/// or a forfeit of returned funds as altered.
fn schema_of(entry: &JournalEntry) -> Schema {
    let is_of_pools = match &entry.details {
        EntryDetails::Reversal(reversal) if !reversal.on_void_invoice.is_zero() => return Schema::Invoices,
        EntryDetails::Reversal(_)
        | EntryDetails::Switch
        | EntryDetails::Expiry { returned_by: Some(_), .. } => true,
        EntryDetails::Usage { basis, .. } => entry.unmarks.is_some() || !basis.included().is_empty(),
        EntryDetails::Invoice { number, .. } if number.is_some() => return Schema::Invoices,
        EntryDetails::Refund { .. }
        | EntryDetails::RefundReturned { .. }
        | EntryDetails::Dispute { .. }
        | EntryDetails::DisputeEnded { .. } => return Schema::Repayments,
        _ => false,
    };
    if is_of_pools { Schema::Pools } else { Schema::First }
}

fn details_to_item(item: Writer, details: &EntryDetails) -> Writer {
    match details {
        EntryDetails::Usage { record, charge, basis } => item
            .map("record", record_to_map(record))
            .money("charge", *charge)
            .text("why", serde_json::to_string(basis).expect("a reason is plain data")),
        EntryDetails::Unrated { record } => item.map("record", record_to_map(record)),
        EntryDetails::Rejected(rejected) => item.map("rejection", rejected_to_map(rejected)),
        EntryDetails::Funds { payment, expires_at, .. } => {
            item.text("paymentId", payment.as_str()).instant("expiresAt", *expires_at)
        }
        EntryDetails::Adjustment { payment, reason, author, expires_at } => {
            let item = item.text("paymentId", payment.as_str()).text("reason", reason).text("author", author);
            match expires_at {
                Some(expires_at) => item.instant("expiresAt", *expires_at),
                None => item,
            }
        }
        EntryDetails::Refund { payment, refund, reason, author } => item
            .text("paymentId", payment.as_str())
            .text("refundId", refund.as_str())
            .text_if("reason", reason.as_deref())
            .text_if("author", author.as_deref()),
        EntryDetails::RefundReturned { payment, refund, reason, returned, lot } => item
            .text("paymentId", payment.as_str())
            .text("refundId", refund.as_str())
            .text("failure", reason)
            .maps("returned", returned.iter().map(draw_to_map))
            .map_if("lot", lot.as_ref().map(returned_lot_to_map)),
        EntryDetails::Dispute { payment, dispute, reason } => item
            .text("paymentId", payment.as_str())
            .text("disputeId", dispute.as_str())
            .text("reason", reason),
        EntryDetails::DisputeEnded { payment, dispute, lost, returned } => item
            .text("paymentId", payment.as_str())
            .text("disputeId", dispute.as_str())
            .money("lost", *lost)
            .maps("returned", returned.iter().map(draw_to_map)),
        EntryDetails::Reversal(reversal) => reversal_to_item(item, reversal),
        EntryDetails::Expiry { lot, returned_by } => item
            .text("lotId", lot.as_str())
            .text_if("returnedBy", returned_by.as_ref().map(JournalKey::as_str)),
        EntryDetails::Switch => item,
        EntryDetails::Invoice { month, number } => {
            item.text("month", month.to_string()).number_if("invoiceNumber", *number)
        }
    }
}

pub(crate) fn entry_from_item(item: &Item) -> Result<JournalEntry, StoreError> {
    let reader = Reader::versioned(item, "a journal row")?;
    let currency = reader.parsed("currency", Currency::parse)?;
    Ok(JournalEntry {
        key: JournalKey::from_stored(reader.text(ENTRY)?),
        at: reader.instant("at")?,
        posted_at: reader.instant("postedAt")?,
        amount: reader.money("amount", currency)?,
        balance: reader.money("balance", currency)?,
        version: reader.number("version")?,
        sequence: reader.number("place")?,
        draws: draws_of(&reader, "lots", currency)?,
        post_usage: reader.money_or_zero("postUsage", currency)?,
        fingerprint: Fingerprint::from_stored(reader.text("content")?),
        requires: None,
        unmarks: None,
        lasting: reader.has("fact").then(|| lasting_from_item(&reader)).transpose()?,
        details: details_from_item(&reader, currency)?,
    })
}

fn lasting_from_item(reader: &Reader<'_>) -> Result<Lasting, StoreError> {
    Ok(Lasting {
        number: reader.number("factNumber")?,
        details: reader.parsed("fact", serde_json::from_str)?,
    })
}

fn details_from_item(reader: &Reader<'_>, currency: Currency) -> Result<EntryDetails, StoreError> {
    let record = || record_from_map(&reader.map("record")?);
    let payment = || reader.parsed("paymentId", PaymentId::parse);
    let funds = |kind| {
        Ok::<_, StoreError>(EntryDetails::Funds {
            kind,
            payment: payment()?,
            expires_at: reader.instant("expiresAt")?,
        })
    };
    Ok(match reader.named("kind", EntryKind::parse)? {
        EntryKind::Usage => EntryDetails::Usage {
            record: record()?,
            charge: reader.money("charge", currency)?,
            basis: reader.parsed("why", serde_json::from_str)?,
        },
        EntryKind::Unrated => EntryDetails::Unrated { record: record()? },
        EntryKind::Rejected => {
            EntryDetails::Rejected(rejected_from_map(&reader.map("rejection")?, reader.instant("at")?)?)
        }
        EntryKind::Purchase => funds(CardPaymentKind::Purchase)?,
        EntryKind::Recharge => funds(CardPaymentKind::Recharge)?,
        EntryKind::Adjustment => EntryDetails::Adjustment {
            payment: payment()?,
            reason: reader.text("reason")?.to_owned(),
            author: reader.text("author")?.to_owned(),
            expires_at: reader.instant_if("expiresAt")?,
        },
        EntryKind::Refund if reader.has("failure") => EntryDetails::RefundReturned {
            payment: payment()?,
            refund: reader.parsed("refundId", PaymentId::parse)?,
            reason: reader.text("failure")?.to_owned(),
            returned: draws_of(reader, "returned", currency)?,
            lot: reader.map_if("lot")?.map(|map| returned_lot_from_map(&map, currency)).transpose()?,
        },
        EntryKind::Refund => EntryDetails::Refund {
            payment: payment()?,
            refund: reader.parsed("refundId", PaymentId::parse)?,
            reason: reader.text_if("reason")?,
            author: reader.text_if("author")?,
        },
        EntryKind::Dispute if reader.has("lost") => EntryDetails::DisputeEnded {
            payment: payment()?,
            dispute: reader.parsed("disputeId", PaymentId::parse)?,
            lost: reader.money("lost", currency)?,
            returned: draws_of(reader, "returned", currency)?,
        },
        EntryKind::Dispute => EntryDetails::Dispute {
            payment: payment()?,
            dispute: reader.parsed("disputeId", PaymentId::parse)?,
            reason: reader.text("reason")?.to_owned(),
        },
        EntryKind::Reversal => EntryDetails::Reversal(reversal_from_item(reader, currency, record()?)?),
        EntryKind::Expiry => EntryDetails::Expiry {
            lot: reader.parsed("lotId", LotId::parse)?,
            returned_by: reader.text_if("returnedBy")?.map(JournalKey::from_stored),
        },
        EntryKind::Switch => EntryDetails::Switch,
        EntryKind::Invoice => EntryDetails::Invoice {
            month: reader.named("month", Month::parse)?,
            number: reader.number_if("invoiceNumber")?,
        },
    })
}

fn reversal_to_item(item: Writer, reversal: &Reversal) -> Writer {
    let Reversal { record, of, charge, returned, lot, included, on_void_invoice, reason, author } = reversal;
    let item = item
        .map("record", record_to_map(record))
        .text("reversed", of.as_str())
        .money_if("charge", *charge)
        .maps("returned", returned.iter().map(draw_to_map))
        .map_if("lot", lot.as_ref().map(returned_lot_to_map))
        .money_if("onVoidInvoice", Some(*on_void_invoice).filter(|part| !part.is_zero()))
        .text("reason", reason)
        .text("author", author);
    match included.as_slice() {
        [] => item,
        list => item.text("included", serde_json::to_string(list).expect("minutes are plain data")),
    }
}

fn reversal_from_item(
    reader: &Reader<'_>,
    currency: Currency,
    record: UsageRecord,
) -> Result<Reversal, StoreError> {
    Ok(Reversal {
        record,
        of: JournalKey::from_stored(reader.text("reversed")?),
        charge: reader.money_if("charge", currency)?,
        returned: draws_of(reader, "returned", currency)?,
        lot: reader.map_if("lot")?.map(|map| returned_lot_from_map(&map, currency)).transpose()?,
        included: if reader.has("included") {
            reader.parsed("included", serde_json::from_str)?
        } else {
            Vec::new()
        },
        on_void_invoice: reader.money_or_zero("onVoidInvoice", currency)?,
        reason: reader.text("reason")?.to_owned(),
        author: reader.text("author")?.to_owned(),
    })
}

fn returned_lot_to_map(lot: &ReturnedLot) -> Writer {
    Writer::default().text("id", lot.id.as_str()).money("a", lot.amount).instant("e", lot.expires_at)
}

fn returned_lot_from_map(map: &Reader<'_>, currency: Currency) -> Result<ReturnedLot, StoreError> {
    Ok(ReturnedLot {
        id: map.parsed("id", LotId::parse)?,
        amount: map.money("a", currency)?,
        expires_at: map.instant("e")?,
    })
}

fn draw_to_map(draw: &Draw) -> Writer {
    let map =
        Writer::default().text("id", draw.lot.as_str()).money("a", draw.amount).instant("e", draw.expires_at);
    match draw.began {
        Some(Began { purchased_at, amount }) => map.instant("p", purchased_at).money("of", amount),
        None => map,
    }
}

fn draws_of(reader: &Reader<'_>, field: &str, currency: Currency) -> Result<Vec<Draw>, StoreError> {
    reader.maps(field)?.iter().map(|map| draw_from_map(map, currency)).collect()
}

fn draw_from_map(map: &Reader<'_>, currency: Currency) -> Result<Draw, StoreError> {
    Ok(Draw {
        lot: map.parsed("id", LotId::parse)?,
        amount: map.money("a", currency)?,
        expires_at: map.instant("e")?,
        began: match map.instant_if("p")? {
            Some(purchased_at) => Some(Began { purchased_at, amount: map.money("of", currency)? }),
            None => None,
        },
    })
}

fn record_to_map(record: &UsageRecord) -> Writer {
    let map = Writer::default()
        .text("id", record.id.as_str())
        .number("revision", record.revision)
        .text_if("callId", record.call_id.as_deref())
        .text_if("userId", record.user_id.as_deref())
        .text("service", record.service.as_str())
        .flag_if("byRates", record.service_by_rates)
        .text("number", record.number.as_str())
        .instant("startedAt", record.started_at)
        .number("seconds", record.duration_seconds)
        .text_if("currency", record.currency.map(Currency::code))
        .text_if("plan", record.plan.as_deref())
        .text_if("country", record.user_country.as_deref())
        .text_if("costCentre", record.cost_centre.as_deref())
        .text_if("holdId", record.hold_id.as_deref());
    match record.charge {
        Some(charge) => map.number("charge", charge.normalize()),
        None => map,
    }
}

fn record_from_map(map: &Reader<'_>) -> Result<UsageRecord, StoreError> {
    Ok(UsageRecord {
        id: map.parsed("id", RecordId::parse)?,
        revision: map.number("revision")?,
        call_id: map.text_if("callId")?,
        user_id: map.text_if("userId")?,
        service: map.named("service", Service::parse)?,
        service_by_rates: map.has("byRates") && map.flag("byRates")?,
        number: map.parsed("number", Number::as_reported)?,
        started_at: map.instant("startedAt")?,
        duration_seconds: map.number("seconds")?,
        charge: if map.has("charge") { Some(map.decimal("charge")?) } else { None },
        currency: if map.has("currency") { Some(map.parsed("currency", Currency::parse)?) } else { None },
        plan: map.text_if("plan")?,
        user_country: map.text_if("country")?,
        cost_centre: map.text_if("costCentre")?,
        hold_id: map.text_if("holdId")?,
    })
}

fn rejected_to_map(rejected: &RejectedRecord) -> Writer {
    Writer::default()
        .text("messageId", rejected.message.id.as_str())
        .number("index", rejected.index)
        .text_if("id", rejected.record_id.as_deref())
        .text("status", rejected.status.as_str())
        .text("field", &rejected.field)
        .text("detail", &rejected.detail)
        .text("text", &rejected.text)
}

/// The row's own instant is when its message was sent.
fn rejected_from_map(map: &Reader<'_>, sent_at: Timestamp) -> Result<RejectedRecord, StoreError> {
    Ok(RejectedRecord {
        message: Message { id: map.parsed("messageId", MessageId::parse)?, sent_at },
        index: map.number("index")?,
        record_id: map.text_if("id")?,
        status: map.named("status", RejectionStatus::parse)?,
        field: map.text("field")?.to_owned(),
        detail: map.text("detail")?.to_owned(),
        text: map.text("text")?.to_owned(),
    })
}

/// The marker that finds a record without a rate among all accounts'.
pub(crate) fn marker_to_item(account: &AccountId, key: &JournalKey) -> Item {
    let mut item = Writer::versioned().done();
    item.extend(marker_key(account, key));
    item
}

/// The primary key of a marker.
pub(crate) fn marker_key(account: &AccountId, key: &JournalKey) -> Item {
    Writer::default()
        .text(ACCOUNT_ID, unrated_partition(shard_of(account)))
        .text(ENTRY, format!("{account}#{key}"))
        .done()
}

/// Whose row a marker marks.
pub(crate) fn marker_from_item(item: &Item) -> Result<(AccountId, JournalKey), StoreError> {
    let reader = Reader::versioned(item, "a marker of an unrated record")?;
    let (account, key) =
        reader.text(ENTRY)?.split_once('#').ok_or_else(|| reader.corrupt("it names no account"))?;
    let account = AccountId::parse(account).map_err(|problem| reader.corrupt(problem))?;
    Ok((account, JournalKey::from_stored(key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes;
    use domain::Money;
    use domain::rate::RatingBasis;

    /// The row of a record that came with its charge.
    fn entry(record: UsageRecord) -> JournalEntry {
        let eur = Currency::parse("EUR").unwrap();
        let (key, fingerprint) = (record.key(), record.fingerprint(eur));
        let charge = Money::new("0.5".parse().unwrap(), eur).unwrap();
        JournalEntry {
            key,
            fingerprint,
            ..shapes::row(EntryDetails::Usage { record, charge, basis: RatingBasis::AsRated })
        }
    }

    /// A record with everything that one may have.
    fn record() -> UsageRecord {
        let [full, _] = shapes::records();
        full
    }

    #[test]
    fn a_usage_row_survives_storing() {
        let account = AccountId::parse("contoso").unwrap();
        for service in Service::ALL {
            for service_by_rates in [true, false] {
                let entry = entry(UsageRecord { service, service_by_rates, ..record() });
                assert_eq!(entry_from_item(&entry_to_item(&account, &entry)).unwrap(), entry);
            }
        }
    }

    #[test]
    fn a_row_of_before_is_read_as_it_was_written() {
        let account = AccountId::parse("contoso").unwrap();
        let id = RecordId::parse("0F8FAD5B-D9CB-469F-A165-70867728950E").unwrap();
        let before = entry(UsageRecord { id, service_by_rates: false, ..record() });
        let item = entry_to_item(&account, &before);
        assert!(!item["record"].as_m().unwrap().contains_key("byRates"), "the attribute is left out");
        let read = entry_from_item(&item).unwrap();
        assert_eq!(read, before);
        let EntryDetails::Usage { record: kept, .. } = &read.details else { panic!("a call") };
        assert_eq!((kept.key(), kept.fingerprint(read.amount.currency())), (read.key, read.fingerprint));
        // The same row of a report, sent once more, whatever the rates say by now.
        for service in [Service::Premium, Service::UserOut] {
            assert!(UsageRecord { service, ..record() }.repeats(kept, Currency::parse("EUR").unwrap()));
        }
    }
}
