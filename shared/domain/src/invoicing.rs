//! How invoices come to be and end (S8, N12).
//!
//! The first commit on an account after a month's end closes the month, whatever that commit is about
//! ([`Draft::on`](crate::Draft::on)). Its transaction writes the invoice with the next number. The nightly run closes the months
//! that no other commit closed, and reminds people of invoices that are overdue ([`look`]). The operator marks an invoice as paid
//! ([`pay`]) or cancels it ([`void`]).
//!
//! A month whose total rounds to zero or less has no invoice: its total is carried over whole.

use jiff::Timestamp;

use crate::account::Account;
use crate::change::Decision;
use crate::draft::Draft;
use crate::event::EventDetails;
use crate::id::PaymentId;
use crate::invoice::{Invoice, InvoiceState, Paid, REMINDED_AFTER_DAYS, Voided, days_after};

/// What the nightly run did to an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Whether it closed a month with an invoice.
    pub issued: bool,
    /// How many reminders it gave.
    pub reminded: usize,
}

/// Closes the account's month if it is over and nothing has closed it, and reminds people of invoices that are overdue. If
/// several reminders of an invoice are due, people get the last one alone.
pub fn look(account: &Account, now: Timestamp) -> Decision<Looked> {
    let now = now.max(account.as_of);
    if account.due_for_invoice().is_none_or(|due| due > now) {
        return Decision::unchanged(Looked::default());
    }
    let mut draft = Draft::on(account, now);
    let mut looked = Looked { issued: draft.account().invoices > account.invoices, reminded: 0 };
    let mut still_unpaid = Vec::new();
    for mut invoice in std::mem::take(&mut draft.account_mut().unpaid) {
        let due = REMINDED_AFTER_DAYS
            .into_iter()
            .filter(|days| *days >= invoice.next_reminder_days && days_after(invoice.due_at, *days) <= now);
        let Some(days) = due.max() else {
            still_unpaid.push(invoice);
            continue;
        };
        looked.reminded += 1;
        draft.add_event(EventDetails::InvoiceOverdue {
            invoice_id: PaymentId::of_invoice(invoice.month),
            number: invoice.number,
            month: invoice.month,
            amount: invoice.amount,
            due_at: invoice.due_at,
            days,
        });
        if let Some(next) = REMINDED_AFTER_DAYS.into_iter().find(|next| *next > days) {
            invoice.next_reminder_days = next;
            still_unpaid.push(invoice);
        }
    }
    draft.account_mut().unpaid = still_unpaid;
    draft.finish(looked)
}

/// Why an invoice cannot be marked as paid or void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceRefusal {
    /// It was marked as paid with another reference or instant.
    #[error("the invoice was marked as paid before, with another reference or instant")]
    PaidOtherwise,
    /// It is paid, so that it cannot be voided.
    #[error("the invoice is paid, and a paid invoice cannot be voided")]
    Paid,
    /// It is void, so that it cannot be paid, or not voided again for another reason.
    #[error("the invoice is void")]
    Void,
    /// The instant of the payment is later than now.
    #[error("expected an instant that is not later than now")]
    NotYet,
}

/// Whether the account was read before the invoice was issued. A decision on it would close the month again, so nothing may be
/// decided.
fn is_older(account: &Account, invoice: &Invoice) -> bool {
    account.post_usage.month <= invoice.closed.month
}

/// Marks an invoice as paid. Marked as paid in the same way before, nothing changes. Nor does it on an account that was read before the
/// invoice was issued: the caller reads it again.
///
/// # Errors
///
/// Why it cannot be marked. Nothing changes then.
pub fn pay(
    account: &Account,
    invoice: &Invoice,
    now: Timestamp,
    reference: &str,
    paid_at: Timestamp,
    by: &str,
) -> Result<Decision<Invoice>, InvoiceRefusal> {
    match &invoice.state {
        InvoiceState::Paid(paid) if paid.reference == reference && paid.at == paid_at => {
            return Ok(Decision::unchanged(invoice.clone()));
        }
        InvoiceState::Paid(_) => return Err(InvoiceRefusal::PaidOtherwise),
        InvoiceState::Void(_) => return Err(InvoiceRefusal::Void),
        InvoiceState::Open if is_older(account, invoice) => return Ok(Decision::unchanged(invoice.clone())),
        InvoiceState::Open if paid_at > now.max(account.as_of) => return Err(InvoiceRefusal::NotYet),
        InvoiceState::Open => {}
    }
    let paid = Paid { reference: reference.to_owned(), at: paid_at, by: by.to_owned() };
    let event = EventDetails::InvoicePaid {
        invoice_id: invoice.id(),
        number: invoice.closed.number,
        amount: invoice.closed.amount,
        paid_at,
    };
    Ok(ended(Draft::on(account, now), invoice, event, InvoiceState::Paid(paid)))
}

/// Cancels the claim of an invoice. Nothing is credited: neither now, nor when a call on it is reversed later. Cancelled for the
/// same reason before, nothing changes. Nor does it on an account that was read before the invoice was issued.
///
/// # Errors
///
/// Why it cannot be cancelled. Nothing changes then.
pub fn void(
    account: &Account,
    invoice: &Invoice,
    now: Timestamp,
    reason: &str,
    by: &str,
) -> Result<Decision<Invoice>, InvoiceRefusal> {
    match &invoice.state {
        InvoiceState::Void(voided) if voided.reason == reason => {
            return Ok(Decision::unchanged(invoice.clone()));
        }
        InvoiceState::Void(_) => return Err(InvoiceRefusal::Void),
        InvoiceState::Paid(_) => return Err(InvoiceRefusal::Paid),
        InvoiceState::Open if is_older(account, invoice) => return Ok(Decision::unchanged(invoice.clone())),
        InvoiceState::Open => {}
    }
    let (reason, by) = (reason.to_owned(), by.to_owned());
    let event = EventDetails::InvoiceVoided {
        invoice_id: invoice.id(),
        number: invoice.closed.number,
        amount: invoice.closed.amount,
        reason: reason.clone(),
    };
    let mut draft = Draft::on(account, now);
    draft.account_mut().void_invoices += 1;
    let voided = Voided { reason, at: draft.now(), by };
    Ok(ended(draft, invoice, event, InvoiceState::Void(voided)))
}

/// Ends a draft with an invoice in its last state. Nobody is reminded of the invoice any more.
fn ended(mut draft: Draft, invoice: &Invoice, event: EventDetails, state: InvoiceState) -> Decision<Invoice> {
    draft.account_mut().unpaid.retain(|unpaid| unpaid.month != invoice.closed.month);
    let invoice = invoice.moved_to(state);
    draft.add_event(event);
    draft.set_payment(invoice.clone());
    draft.finish(invoice)
}
