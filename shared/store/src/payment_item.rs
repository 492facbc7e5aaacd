//! One row of `payments`: a card payment, an adjustment or an invoice.

use domain::card_payment::{Backup, CardPayment, CardPaymentKind, CardPaymentState};
use domain::time::key_text;
use domain::{AccountId, Adjustment, Currency, Fingerprint, Payment, PaymentId, PaymentKind};

use crate::account_item::{method_from_map, method_to_map};
use crate::error::StoreError;
use crate::invoice_item::{INVOICE, invoice_to_item, read_invoice};
use crate::item::{Item, Reader, Schema, Writer};
use crate::repayment_item::{repayments_of, repayments_to_item};
use crate::tables::{ACCOUNT_ID, CREATED, PAYMENT_ID};

const WHAT: &str = "a payment";

/// The state, attempt and revision of every adjustment: it is posted by the commit that writes it.
const ADJUSTMENT: (&str, u32, u64) = ("posted", 0, 1);

pub(crate) fn payment_to_item(payment: &Payment) -> Item {
    match payment {
        Payment::Card(payment) => card_payment_to_item(payment),
        Payment::Adjustment(adjustment) => adjustment_to_item(adjustment),
        Payment::Invoice(invoice) => invoice_to_item(invoice),
    }
}

pub(crate) fn payment_from_item(item: &Item) -> Result<Payment, StoreError> {
    let reader = Reader::versioned(item, WHAT)?;
    if reader.text("kind")? == INVOICE {
        return Ok(read_invoice(&reader)?.into());
    }
    match CardPaymentKind::of(reader.named("kind", PaymentKind::parse)?) {
        Some(kind) => Ok(read_card_payment(&reader, kind)?.into()),
        None => Ok(read_adjustment(&reader)?.into()),
    }
}

pub(crate) fn card_payment_to_item(payment: &CardPayment) -> Item {
    let backup = match &payment.backup {
        Backup::Ready(method) => Some(method),
        Backup::None | Backup::Tried { .. } => None,
    };
    let has_repayments = payment.repayments().is_some_and(|repayments| !repayments.is_empty());
    let item = Writer::of(if has_repayments { Schema::Repayments } else { Schema::First })
        .text(ACCOUNT_ID, payment.account.as_str())
        .text(PAYMENT_ID, payment.id.as_str())
        .text("kind", payment.kind.as_str())
        .instant("createdAt", payment.created_at)
        .text(CREATED, format!("{}#{}", key_text(payment.created_at), payment.id))
        .text("currency", payment.amount.currency().code())
        .money("amount", payment.amount)
        .text("content", payment.fingerprint.as_str())
        .number("attempt", payment.attempt)
        .map("method", method_to_map(&payment.method))
        .map_if("backup", backup.map(method_to_map))
        .text_if("firstDecline", payment.backup.first_decline())
        .text_if("poNumber", payment.po_number.as_deref())
        .number("revision", payment.revision);
    let item = match payment.recharge_amounts {
        Some(times) => item.number("rechargeAmounts", times),
        None => item,
    };
    match &payment.state {
        CardPaymentState::Open { intent } => item.text("state", "open").text_if("intent", intent.as_deref()),
        CardPaymentState::NeedsAction { intent, url } => {
            item.text("state", "needsAction").text("intent", intent).text("url", url)
        }
        CardPaymentState::Succeeded { intent, receipt_number, repayments } => repayments_to_item(
            item.text("state", "succeeded").text("intent", intent).number("receipt", receipt_number),
            repayments,
        ),
        CardPaymentState::Declined { reason } => item.text("state", "declined").text("reason", reason),
    }
    .done()
}

/// Reads a row of the index of [`CREATED`], which holds card payments alone.
pub(crate) fn card_payment_from_item(item: &Item) -> Result<CardPayment, StoreError> {
    let reader = Reader::versioned(item, WHAT)?;
    read_card_payment(&reader, reader.named("kind", CardPaymentKind::parse)?)
}

fn read_card_payment(reader: &Reader<'_>, kind: CardPaymentKind) -> Result<CardPayment, StoreError> {
    let currency = reader.parsed("currency", Currency::parse)?;
    let intent = || reader.text("intent").map(str::to_owned);
    let state = match reader.text("state")? {
        "open" => CardPaymentState::Open { intent: reader.text_if("intent")? },
        "needsAction" => {
            CardPaymentState::NeedsAction { intent: intent()?, url: reader.text("url")?.to_owned() }
        }
        "succeeded" => {
            let (receipt_number, repayments) = (reader.number("receipt")?, repayments_of(reader, currency)?);
            CardPaymentState::Succeeded { intent: intent()?, receipt_number, repayments }
        }
        "declined" => CardPaymentState::Declined { reason: reader.text("reason")?.to_owned() },
        other => return Err(reader.corrupt(format_args!("state {other:?} is unknown"))),
    };
    let backup = match (reader.map_if("backup")?, reader.text_if("firstDecline")?) {
        (Some(method), _) => Backup::Ready(method_from_map(&method)?),
        (None, Some(first_decline)) => Backup::Tried { first_decline },
        (None, None) => Backup::None,
    };
    Ok(CardPayment {
        account: reader.parsed(ACCOUNT_ID, AccountId::parse)?,
        id: reader.parsed(PAYMENT_ID, PaymentId::parse)?,
        kind,
        created_at: reader.instant("createdAt")?,
        amount: reader.money("amount", currency)?,
        fingerprint: Fingerprint::from_stored(reader.text("content")?),
        attempt: reader.number("attempt")?,
        method: method_from_map(&reader.map("method")?)?,
        backup,
        po_number: reader.text_if("poNumber")?,
        recharge_amounts: reader
            .has("rechargeAmounts")
            .then(|| reader.number("rechargeAmounts"))
            .transpose()?,
        revision: reader.number("revision")?,
        state,
    })
}

/// An adjustment has the attributes of every payment, so that each version's readers find them.
fn adjustment_to_item(adjustment: &Adjustment) -> Item {
    let (state, attempt, revision) = ADJUSTMENT;
    Writer::versioned()
        .text(ACCOUNT_ID, adjustment.account.as_str())
        .text(PAYMENT_ID, adjustment.id.as_str())
        .text("kind", PaymentKind::Adjustment.as_str())
        .instant("createdAt", adjustment.created_at)
        .text("currency", adjustment.amount.currency().code())
        .money("amount", adjustment.amount)
        .text("content", adjustment.fingerprint.as_str())
        .text("state", state)
        .number("attempt", attempt)
        .number("revision", revision)
        .done()
}

fn read_adjustment(reader: &Reader<'_>) -> Result<Adjustment, StoreError> {
    let currency = reader.parsed("currency", Currency::parse)?;
    let written = (reader.text("state")?, reader.number("attempt")?, reader.number("revision")?);
    if written != ADJUSTMENT {
        return Err(reader.corrupt(format_args!("an adjustment has state, attempt and revision {written:?}")));
    }
    Ok(Adjustment {
        account: reader.parsed(ACCOUNT_ID, AccountId::parse)?,
        id: reader.parsed(PAYMENT_ID, PaymentId::parse)?,
        created_at: reader.instant("createdAt")?,
        amount: reader.money("amount", currency)?,
        fingerprint: Fingerprint::from_stored(reader.text("content")?),
    })
}
