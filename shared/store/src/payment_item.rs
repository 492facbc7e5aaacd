//! One row of `payments`: a purchase, recharge or adjustment from intent to outcome.

use domain::payment::{Backup, Payment, PaymentKind, PaymentState};
use domain::time::key_text;
use domain::{AccountId, Currency, Fingerprint, PaymentId};

use crate::account_item::{method_from_map, method_to_map};
use crate::error::StoreError;
use crate::item::{Item, Reader, Writer};
use crate::tables::{ACCOUNT_ID, CREATED, PAYMENT_ID};

pub(crate) fn payment_to_item(payment: &Payment) -> Item {
    let backup = match &payment.backup {
        Backup::Ready(method) => Some(method),
        Backup::None | Backup::Tried { .. } => None,
    };
    let item = Writer::versioned()
        .text(ACCOUNT_ID, payment.account.as_str())
        .text(PAYMENT_ID, payment.id.as_str())
        .text("kind", payment.kind.as_str())
        .instant("createdAt", payment.created_at)
        .text("currency", payment.amount.currency().code())
        .money("amount", payment.amount)
        .text("content", payment.fingerprint.as_str())
        .number("attempt", payment.attempt)
        .map_if("method", payment.method.as_ref().map(method_to_map))
        .map_if("backup", backup.map(method_to_map))
        .text_if("firstDecline", payment.backup.first_decline())
        .text_if("poNumber", payment.po_number.as_deref())
        .number("revision", payment.revision);
    let item = match payment.recharge_amounts {
        Some(times) => item.number("rechargeAmounts", times),
        None => item,
    };
    let item = match payment.kind {
        PaymentKind::Purchase | PaymentKind::Recharge => {
            item.text(CREATED, format!("{}#{}", key_text(payment.created_at), payment.id))
        }
        PaymentKind::Adjustment => item,
    };
    match &payment.state {
        PaymentState::Open { intent } => item.text("state", "open").text_if("intent", intent.as_deref()),
        PaymentState::NeedsAction { intent, url } => {
            item.text("state", "needsAction").text("intent", intent).text("url", url)
        }
        PaymentState::Succeeded { intent, receipt_number } => {
            item.text("state", "succeeded").text("intent", intent).number("receipt", receipt_number)
        }
        PaymentState::Declined { reason } => item.text("state", "declined").text("reason", reason),
        PaymentState::Posted => item.text("state", "posted"),
    }
    .done()
}

pub(crate) fn payment_from_item(item: &Item) -> Result<Payment, StoreError> {
    let reader = Reader::versioned(item, "a payment")?;
    let currency = reader.parsed("currency", Currency::parse)?;
    let intent = || reader.text("intent").map(str::to_owned);
    let state = match reader.text("state")? {
        "open" => PaymentState::Open { intent: reader.text_if("intent")? },
        "needsAction" => PaymentState::NeedsAction { intent: intent()?, url: reader.text("url")?.to_owned() },
        "succeeded" => {
            PaymentState::Succeeded { intent: intent()?, receipt_number: reader.number("receipt")? }
        }
        "declined" => PaymentState::Declined { reason: reader.text("reason")?.to_owned() },
        "posted" => PaymentState::Posted,
        other => return Err(reader.corrupt(format_args!("state {other:?} is unknown"))),
    };
    let backup = match (reader.map_if("backup")?, reader.text_if("firstDecline")?) {
        (Some(method), _) => Backup::Ready(method_from_map(&method)?),
        (None, Some(first_decline)) => Backup::Tried { first_decline },
        (None, None) => Backup::None,
    };
    Ok(Payment {
        account: reader.parsed(ACCOUNT_ID, AccountId::parse)?,
        id: reader.parsed(PAYMENT_ID, PaymentId::parse)?,
        kind: reader.named("kind", PaymentKind::parse)?,
        created_at: reader.instant("createdAt")?,
        amount: reader.money("amount", currency)?,
        fingerprint: Fingerprint::from_stored(reader.text("content")?),
        attempt: reader.number("attempt")?,
        method: reader.map_if("method")?.as_ref().map(method_from_map).transpose()?,
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
