//! One invoice, as a row of `payments`. Its copy of what it says never changes; its state does.

use domain::invoice::{ClosedMonth, Invoice, InvoiceState, Paid, Voided};
use domain::time::Month;
use domain::{AccountId, Currency};

use crate::error::StoreError;
use crate::item::{Item, Reader, Schema, Writer};
use crate::tables::{ACCOUNT_ID, PAYMENT_ID};

/// What the attribute `kind` says of an invoice. Other kinds are those of payments.
pub(crate) const INVOICE: &str = "invoice";

pub(crate) fn invoice_to_item(invoice: &Invoice) -> Item {
    let Invoice { account, closed, name, po_number, state, revision } = invoice;
    let item = Writer::of(Schema::Invoices)
        .text(ACCOUNT_ID, account.as_str())
        .text(PAYMENT_ID, invoice.id().as_str())
        .text("kind", INVOICE)
        .text("month", closed.month.to_string())
        .number("number", closed.number)
        .instant("issuedAt", closed.issued_at)
        .instant("dueAt", closed.due_at)
        .text("currency", closed.amount.currency().code())
        .money("carriedIn", closed.carried_in)
        .money("charges", closed.charges)
        .money("amount", closed.amount)
        .money("carriedOver", closed.carried_over)
        .text("name", name)
        .text_if("poNumber", po_number.as_deref())
        .number("revision", *revision);
    match state {
        InvoiceState::Open => item.text("state", "open"),
        InvoiceState::Paid(Paid { reference, at, by }) => {
            item.text("state", "paid").text("reference", reference).instant("paidAt", *at).text("by", by)
        }
        InvoiceState::Void(Voided { reason, at, by }) => {
            item.text("state", "void").text("reason", reason).instant("voidedAt", *at).text("by", by)
        }
    }
    .done()
}

pub(crate) fn read_invoice(reader: &Reader<'_>) -> Result<Invoice, StoreError> {
    let currency = reader.parsed("currency", Currency::parse)?;
    let text = |name| reader.text(name).map(str::to_owned);
    let state = match reader.text("state")? {
        "open" => InvoiceState::Open,
        "paid" => InvoiceState::Paid(Paid {
            reference: text("reference")?,
            at: reader.instant("paidAt")?,
            by: text("by")?,
        }),
        "void" => InvoiceState::Void(Voided {
            reason: text("reason")?,
            at: reader.instant("voidedAt")?,
            by: text("by")?,
        }),
        other => return Err(reader.corrupt(format_args!("state {other:?} is unknown"))),
    };
    Ok(Invoice {
        account: reader.parsed(ACCOUNT_ID, AccountId::parse)?,
        closed: ClosedMonth {
            month: reader.named("month", Month::parse)?,
            number: reader.number("number")?,
            issued_at: reader.instant("issuedAt")?,
            due_at: reader.instant("dueAt")?,
            carried_in: reader.money("carriedIn", currency)?,
            charges: reader.money("charges", currency)?,
            amount: reader.money("amount", currency)?,
            carried_over: reader.money("carriedOver", currency)?,
        },
        name: text("name")?,
        po_number: reader.text_if("poNumber")?,
        state,
        revision: reader.number("revision")?,
    })
}
