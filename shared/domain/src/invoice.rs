//! Invoices: what an account that pays after use is asked for, month by month (S8, T3). How they come to be and end is in
//! [`invoicing`](crate::invoicing).

use jiff::{SignedDuration, Timestamp};

use crate::id::{AccountId, PaymentId};
use crate::money::Money;
use crate::profile::Profile;
use crate::time::{Month, day_of, last_instant_of};

/// An invoice is due this many days after it was issued, unless the operator sets another number.
pub const PAYMENT_TERM_DAYS: u16 = 30;

/// The most days that the operator may set.
pub const LONGEST_PAYMENT_TERM_DAYS: u16 = 365;

/// People are reminded of an open invoice this many days after it was due (N12).
pub const REMINDED_AFTER_DAYS: [u16; 2] = [14, 30];

/// A month as the commit that closes it leaves it to its invoice. The figures lead from what the month before carried over to
/// what this one does: `carried_in` + `charges` = `amount` + `carried_over`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedMonth {
    /// The month (UTC).
    pub month: Month,
    /// The invoice's number. An account's invoices are numbered without gaps, from 1.
    pub number: u64,
    /// The instant of the commit.
    pub issued_at: Timestamp,
    /// When the invoice is due: the last instant of a day (UTC).
    pub due_at: Timestamp,
    /// What rounding carried over from the invoice before, and what months without an invoice left.
    pub carried_in: Money,
    /// The charges that were posted in the month, less what was taken back.
    pub charges: Money,
    /// What the invoice asks for, in whole minor units.
    pub amount: Money,
    /// What rounding carries over to the next invoice.
    pub carried_over: Money,
}

impl ClosedMonth {
    /// The invoice's id within the account.
    pub fn invoice_id(&self) -> PaymentId {
        PaymentId::of_invoice(self.month)
    }
}

/// An invoice, with a copy of what it says: later changes of the account do not change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// The account that it asks.
    pub account: AccountId,
    /// The month, number, dates and amounts.
    pub closed: ClosedMonth,
    /// The organization's name when the month was closed.
    pub name: String,
    /// The PO number at that moment.
    pub po_number: Option<String>,
    /// Its state.
    pub state: InvoiceState,
    /// One more with every write; each write is conditional on the one before.
    pub revision: u64,
}

/// The state of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvoiceState {
    /// It is to be paid.
    Open,
    /// It was paid. It cannot be voided any more.
    Paid(Paid),
    /// The claim was cancelled. Nothing is credited for it.
    Void(Voided),
}

/// How an invoice was paid, as the operator says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// What names the payment: a bank's reference, for example.
    pub reference: String,
    /// When it was paid.
    pub at: Timestamp,
    /// Who marked it as paid.
    pub by: String,
}

/// How an invoice was cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voided {
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

impl Invoice {
    /// The invoice of a closed month.
    pub fn of(account: &AccountId, closed: &ClosedMonth, profile: &Profile) -> Self {
        Self {
            account: account.clone(),
            closed: closed.clone(),
            name: profile.name.clone(),
            po_number: profile.po_number.clone(),
            state: InvoiceState::Open,
            revision: 1,
        }
    }

    /// Its id within the account.
    pub fn id(&self) -> PaymentId {
        self.closed.invoice_id()
    }

    /// Whether it is still to be paid at `now`, and was due before.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.state == InvoiceState::Open && self.closed.due_at < now
    }

    pub(crate) fn moved_to(&self, state: InvoiceState) -> Self {
        Self { state, revision: self.revision + 1, ..self.clone() }
    }
}

/// An invoice of which people are still to be reminded: it is open, and they were not told for the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpaidInvoice {
    /// Its month, which names it.
    pub month: Month,
    /// Its number.
    pub number: u64,
    /// What it asks for.
    pub amount: Money,
    /// When it is due.
    pub due_at: Timestamp,
    /// The days after which people are reminded next: one of [`REMINDED_AFTER_DAYS`].
    pub next_reminder_days: u16,
}

impl UnpaidInvoice {
    pub(crate) fn of(closed: &ClosedMonth) -> Self {
        let [first, ..] = REMINDED_AFTER_DAYS;
        Self {
            month: closed.month,
            number: closed.number,
            amount: closed.amount,
            due_at: closed.due_at,
            next_reminder_days: first,
        }
    }

    /// When people are reminded next.
    pub fn next_reminder(&self) -> Timestamp {
        days_after(self.due_at, self.next_reminder_days)
    }
}

/// When an invoice that is issued at this instant is due: by the end of a day (UTC).
pub(crate) fn due_at(issued_at: Timestamp, payment_term_days: u16) -> Timestamp {
    last_instant_of(day_of(days_after(issued_at, payment_term_days)))
}

pub(crate) fn days_after(instant: Timestamp, days: u16) -> Timestamp {
    instant + SignedDuration::from_hours(24 * i64::from(days))
}

/// The amount that an invoice of this total asks for; `None` if there is no invoice.
pub(crate) fn amount_of(total: Money) -> Option<Money> {
    Some(total.to_minor_units_half_up()).filter(|amount| amount.is_positive())
}
