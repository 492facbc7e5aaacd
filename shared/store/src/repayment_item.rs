//! The refunds and disputes of a card payment, as lists of maps in its row of `payments`.

use domain::card_payment::Repayments;
use domain::dispute::{Dispute, DisputeState};
use domain::refund::{Origin, Payout, Refund, RefundState};
use domain::{Currency, Fingerprint, PaymentId};

use crate::error::StoreError;
use crate::item::{Reader, Writer};

pub(crate) fn repayments_to_item(item: Writer, repayments: &Repayments) -> Writer {
    item.maps("refunds", repayments.refunds.iter().map(refund_to_map))
        .maps("disputes", repayments.disputes.iter().map(dispute_to_map))
}

pub(crate) fn repayments_of(reader: &Reader<'_>, currency: Currency) -> Result<Repayments, StoreError> {
    let refunds = reader.maps("refunds")?;
    let disputes = reader.maps("disputes")?;
    Ok(Repayments {
        refunds: refunds.iter().map(|map| refund_from_map(map, currency)).collect::<Result<_, _>>()?,
        disputes: disputes.iter().map(|map| dispute_from_map(map, currency)).collect::<Result<_, _>>()?,
    })
}

fn refund_to_map(refund: &Refund) -> Writer {
    let map = Writer::default()
        .text("id", refund.id.as_str())
        .instant("createdAt", refund.created_at)
        .money("amount", refund.amount)
        .money("fromLot", refund.from_lot)
        .money_if("postUsage", Some(refund.post_usage).filter(|part| !part.is_zero()));
    let map = match &refund.origin {
        Origin::Operator { reason, author, fingerprint } => {
            map.text("reason", reason).text("author", author).text("content", fingerprint.as_str())
        }
        Origin::Processor => map,
    };
    match &refund.state {
        RefundState::Open => map.text("state", "open"),
        RefundState::Paid(payout) => payout_to_map(map.text("state", "paid"), payout),
        RefundState::Returned { paid, at, reason } => {
            let map = map.text("state", "returned").instant("returnedAt", *at).text("failure", reason);
            paid.iter().fold(map, payout_to_map)
        }
    }
}

fn payout_to_map(map: Writer, payout: &Payout) -> Writer {
    map.text("object", &payout.processor_id)
        .number("creditNote", payout.credit_note)
        .instant("paidAt", payout.at)
}

fn refund_from_map(map: &Reader<'_>, currency: Currency) -> Result<Refund, StoreError> {
    let payout = || {
        Ok::<_, StoreError>(Payout {
            processor_id: map.text("object")?.to_owned(),
            credit_note: map.number("creditNote")?,
            at: map.instant("paidAt")?,
        })
    };
    Ok(Refund {
        id: map.parsed("id", PaymentId::parse)?,
        created_at: map.instant("createdAt")?,
        amount: map.money("amount", currency)?,
        from_lot: map.money("fromLot", currency)?,
        post_usage: map.money_or_zero("postUsage", currency)?,
        origin: match map.text_if("content")? {
            Some(fingerprint) => Origin::Operator {
                reason: map.text("reason")?.to_owned(),
                author: map.text("author")?.to_owned(),
                fingerprint: Fingerprint::from_stored(fingerprint),
            },
            None => Origin::Processor,
        },
        state: match map.text("state")? {
            "open" => RefundState::Open,
            "paid" => RefundState::Paid(payout()?),
            "returned" => RefundState::Returned {
                paid: map.has("object").then(payout).transpose()?,
                at: map.instant("returnedAt")?,
                reason: map.text("failure")?.to_owned(),
            },
            other => return Err(map.corrupt(format_args!("a refund's state {other:?} is unknown"))),
        },
    })
}

fn dispute_to_map(dispute: &Dispute) -> Writer {
    let map = Writer::default()
        .text("id", dispute.id.as_str())
        .text("object", &dispute.processor_id)
        .instant("createdAt", dispute.created_at)
        .money("amount", dispute.amount)
        .text("reason", &dispute.reason);
    match dispute.state {
        DisputeState::Inquiry => map.text("state", "inquiry"),
        DisputeState::Dropped => map.text("state", "dropped"),
        DisputeState::Open { frozen } => map.text("state", "open").money("frozen", frozen),
        DisputeState::Won { frozen, at } => {
            map.text("state", "won").money("frozen", frozen).instant("endedAt", at)
        }
        DisputeState::Lost { frozen, lost, at } => {
            map.text("state", "lost").money("frozen", frozen).money("lost", lost).instant("endedAt", at)
        }
    }
}

fn dispute_from_map(map: &Reader<'_>, currency: Currency) -> Result<Dispute, StoreError> {
    let frozen = || map.money("frozen", currency);
    Ok(Dispute {
        id: map.parsed("id", PaymentId::parse)?,
        processor_id: map.text("object")?.to_owned(),
        created_at: map.instant("createdAt")?,
        amount: map.money("amount", currency)?,
        reason: map.text("reason")?.to_owned(),
        state: match map.text("state")? {
            "inquiry" => DisputeState::Inquiry,
            "dropped" => DisputeState::Dropped,
            "open" => DisputeState::Open { frozen: frozen()? },
            "won" => DisputeState::Won { frozen: frozen()?, at: map.instant("endedAt")? },
            "lost" => DisputeState::Lost {
                frozen: frozen()?,
                lost: map.money("lost", currency)?,
                at: map.instant("endedAt")?,
            },
            other => return Err(map.corrupt(format_args!("a dispute's state {other:?} is unknown"))),
        },
    })
}
