//! Invoices as answers show them.

use domain::invoice::{self, InvoiceState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::instant::Instant;

/// What an account that pays after use is asked for, for one month. It keeps a copy of what it says: later changes of the account
/// do not change it. `carriedIn` and `charges` add up to `amount` and `carriedOver`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    /// The invoice's id within the account.
    #[schema(example = "inv_2026-11")]
    pub invoice_id: String,
    /// The invoice's number. An account's invoices are numbered without gaps, from 1.
    pub number: u64,
    /// The month, in UTC. It counts what was posted in it.
    #[schema(example = "2026-11")]
    pub month: String,
    /// The currency's code in ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    /// What the months before carried over: the rest that rounding left, and months without an invoice. It may be negative.
    #[schema(example = "-0.0050")]
    pub carried_in: String,
    /// The charges that no funds covered, with the operator's corrections, less what reversals took back.
    #[schema(example = "87.6573")]
    pub charges: String,
    /// The amount to pay, rounded half up to the currency's minor unit. It has no tax in it.
    #[schema(example = "87.6500")]
    pub amount: String,
    /// What rounding leaves to the next invoice. It may be negative.
    #[schema(example = "0.0023")]
    pub carried_over: String,
    /// - `open`: it is to be paid.
    /// - `paid`: the operator marked it as paid.
    /// - `void`: the operator cancelled it. Nothing is to be paid for it, and nothing is credited.
    #[schema(example = "open")]
    pub state: String,
    /// Whether it is still open and was due before now. Nothing is cut off by that.
    pub overdue: bool,
    /// When it was issued.
    pub issued_at: Instant,
    /// When it is due.
    pub due_at: Instant,
    /// The organization's name when it was issued.
    pub name: String,
    /// The PO number at that moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub po_number: Option<String>,
    /// What names the payment, if it is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// When it was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Instant>,
    /// Why it was cancelled, if it is void.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voided_at: Option<Instant>,
    /// Who marked it as paid or cancelled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl Invoice {
    /// The invoice as it stands at `now`.
    pub fn show(invoice: &invoice::Invoice, now: Timestamp) -> Self {
        let closed = &invoice.closed;
        let open = Self {
            invoice_id: invoice.id().to_string(),
            number: closed.number,
            month: closed.month.to_string(),
            currency: closed.amount.currency().code().to_owned(),
            carried_in: closed.carried_in.to_string(),
            charges: closed.charges.to_string(),
            amount: closed.amount.to_string(),
            carried_over: closed.carried_over.to_string(),
            state: "open".to_owned(),
            overdue: invoice.is_overdue(now),
            issued_at: closed.issued_at.into(),
            due_at: closed.due_at.into(),
            name: invoice.name.clone(),
            po_number: invoice.po_number.clone(),
            reference: None,
            paid_at: None,
            reason: None,
            voided_at: None,
            by: None,
        };
        match &invoice.state {
            InvoiceState::Open => open,
            InvoiceState::Paid(paid) => Self {
                state: "paid".to_owned(),
                reference: Some(paid.reference.clone()),
                paid_at: Some(paid.at.into()),
                by: Some(paid.by.clone()),
                ..open
            },
            InvoiceState::Void(voided) => Self {
                state: "void".to_owned(),
                reason: Some(voided.reason.clone()),
                voided_at: Some(voided.at.into()),
                by: Some(voided.by.clone()),
                ..open
            },
        }
    }
}

/// A page of invoices.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Invoices {
    /// The invoices, newest first.
    pub invoices: Vec<Invoice>,
    /// The cursor of the next page. The last page has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
