//! An account: one organization's wallet (A1-A3, T2, N3, N4).

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::card_payment::CardPaymentKind;
use crate::changed_days::ChangedDays;
use crate::declines::Declines;
use crate::hold::HeldSums;
use crate::id::{AccountId, PaymentId};
use crate::invoice::{self, PAYMENT_TERM_DAYS, UnpaidInvoice};
use crate::limits::Limits;
use crate::lot::{Lot, MAX_LOTS};
use crate::money::{Currency, MAX_UNITS, Money, MoneyError};
use crate::movements::Movements;
use crate::pool::PoolUse;
use crate::recharge::state::Recharge;
use crate::time::{Month, day_before, day_of};

/// People are told so long before the end of a saved card's last month (N13).
const TOLD_OF_CARD: SignedDuration = SignedDuration::from_hours(30 * 24);

/// When people are told of a saved card whose last month this is.
pub(crate) fn told_of_card_at(last_month: Month) -> Timestamp {
    last_month.end() - TOLD_OF_CARD
}

/// How an organization pays (A1, S8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BillingModel {
    /// Funds pay first, and the rest is owed.
    Prepaid,
    /// The switch to [`PostUsage`](Self::PostUsage) was asked for while auto-recharge was on. Until auto-recharge is off, the
    /// account lives as a prepaid one, but cannot buy funds.
    #[serde(skip)]
    Switching,
    /// The newer commerce model: old funds pay first, and the rest is invoiced after use.
    PostUsage,
}

impl BillingModel {
    /// The models that a request may name.
    pub const ALL: [Self; 2] = [Self::Prepaid, Self::PostUsage];

    /// The API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prepaid => "prepaid",
            Self::Switching | Self::PostUsage => "postUsage",
        }
    }

    /// Whether charges that no funds cover are owed, and no paid call may start without funds. Otherwise they are invoiced.
    pub fn owes(self) -> bool {
        match self {
            Self::Prepaid | Self::Switching => true,
            Self::PostUsage => false,
        }
    }
}

/// Whether paid calls may start (A3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// They may.
    Active,
    /// An account that is not invoiced after use, with nothing available.
    Depleted,
}

impl Status {
    /// The API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Depleted => "depleted",
        }
    }
}

/// Charges of a month still to be invoiced (S8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostUsage {
    /// The month (UTC) they were posted in.
    pub month: Month,
    /// Their sum, and what the month before carried over.
    pub amount: Money,
    /// What the month before carried over, which is part of the amount.
    pub carried: Money,
}

impl PostUsage {
    /// Nothing, in the month of this instant.
    pub fn nothing(currency: Currency, now: Timestamp) -> Self {
        let nothing = Money::zero(currency);
        Self { month: Month::of(now), amount: nothing, carried: nothing }
    }
}

/// A card payment without an outcome yet (F5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPayment {
    /// The payment.
    pub id: PaymentId,
    /// Purchase or recharge.
    pub kind: CardPaymentKind,
    /// When recovery looks at it: when the lease of its attempt ends, or when its owner has had time to confirm.
    pub recover_at: Timestamp,
    /// It is to be cancelled, even while its process works on it: auto-recharge was turned off, or there is a new card (R5,
    /// F10).
    pub withdrawn: bool,
    /// How many recharge amounts it is, for the operator's limit (R6); none for a purchase.
    pub recharge_amounts: u32,
}

/// A refund of which it is not known yet whether the card processor has taken it (F9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRefund {
    /// The refund.
    pub id: PaymentId,
    /// The purchase or recharge that keeps it.
    pub payment: PaymentId,
    /// When recovery looks at it.
    pub recover_at: Timestamp,
}

/// The amount at which people are warned that funds run low (N4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning {
    /// People are warned when the available balance is at or below this amount.
    pub amount: Money,
    /// Whether they were warned since it was last above.
    pub told: bool,
}

/// An account at the end of a UTC day, as the first commit on a later day found it. Journal keys begin with when something
/// happened, and balances follow the order of posting, so no range of journal keys gives these figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayEnd {
    /// The day (UTC) of the account's last change before.
    pub day: Date,
    /// The instant of that change.
    pub as_of: Timestamp,
    /// The version that it gave the account.
    pub version: u64,
    /// The balance.
    pub balance: Money,
    /// The amount owed.
    pub owed: Money,
    /// The amount that the next invoice would have asked for.
    pub post_usage: PostUsage,
    /// The lots with funds, oldest expiry first.
    pub lots: Vec<Lot>,
    /// How the balance moved on the day, as far as it is known: see [`Account::movements`].
    pub movements: Option<Movements>,
}

impl DayEnd {
    /// The end of the day of the account's last change, as long as no later change comes.
    pub fn of(account: &Account) -> Self {
        Self {
            day: day_of(account.as_of),
            as_of: account.as_of,
            version: account.version,
            balance: account.balance(),
            owed: account.owed,
            post_usage: account.post_usage,
            lots: account.lots.clone(),
            movements: account.movements,
        }
    }

    /// The end of the day of the account's last change, if `now` is on a later day.
    pub fn before(account: &Account, now: Timestamp) -> Option<Self> {
        (day_of(account.as_of) < day_of(now)).then(|| Self::of(account))
    }

    /// The end of a day before the account was created: nothing.
    pub fn before_creation(account: &Account) -> Self {
        let nothing = Money::zero(account.currency);
        Self {
            day: day_before(day_of(account.created_at)),
            as_of: account.created_at,
            version: 0,
            balance: nothing,
            owed: nothing,
            post_usage: PostUsage::nothing(account.currency, account.created_at),
            lots: Vec::new(),
            movements: Some(Movements::none(account.currency)),
        }
    }

    /// The balance without lots expired at this instant (T2).
    pub fn available(&self, instant: Timestamp) -> Money {
        let expired = self.lots.iter().filter(|lot| !lot.usable_at(instant));
        expired.fold(self.balance, |available, lot| available - lot.remaining)
    }
}

/// The part of an account that every decision about money reads and writes: `core` in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Chosen by the operator.
    pub id: AccountId,
    /// Fixed at creation.
    pub currency: Currency,
    /// How it pays.
    pub billing_model: BillingModel,
    /// When it was created.
    pub created_at: Timestamp,
    /// The instant of its last change; *now* is never earlier (T1).
    pub as_of: Timestamp,
    /// One more with every commit.
    pub version: u64,
    /// Lots with funds, oldest expiry first.
    pub lots: Vec<Lot>,
    /// The charges of finished calls that no funds covered (A2); never negative.
    pub owed: Money,
    /// The amount that the next invoice will ask for.
    pub post_usage: PostUsage,
    /// Card payments without an outcome yet.
    pub open_payments: Vec<OpenPayment>,
    /// Refunds without an outcome yet.
    pub open_refunds: Vec<OpenRefund>,
    /// Credit notes given so far: they are numbered without gaps (F8, F9).
    pub credit_notes: u64,
    /// Receipts given so far: they are numbered without gaps (F8).
    pub receipts: u64,
    /// Invoices issued so far: they are numbered without gaps (S8).
    pub invoices: u64,
    /// Open invoices of which people are still to be reminded, oldest first (N12).
    pub unpaid: Vec<UnpaidInvoice>,
    /// The number of invoices that are void. A reversal that relied on which are void is decided again if it has changed (S8).
    pub void_invoices: u64,
    /// The number of days after which an invoice is due.
    pub payment_term_days: u16,
    /// Whether people were told that it is depleted since it was last above zero (N3).
    pub depletion_told: bool,
    /// When to warn that funds run low, if at all (N4).
    pub warning: Option<Warning>,
    /// Auto-recharge.
    pub recharge: Recharge,
    /// The version of the pools in its profile: a decision that used others is made again (S7).
    pub pools_version: u64,
    /// The minutes that calls used of pools, by month and number: this month's and last month's, in this order.
    pub pool_use: Vec<PoolUse>,
    /// The days whose usage has changed since it was last totalled.
    pub changed_days: ChangedDays,
    /// The sums of its holds (C1).
    pub held: HeldSums,
    /// Its spending limits, and the margin of its calls (C1, C2).
    pub limits: Limits,
    /// The last months of saved cards that people are still to be told of, in order, each once (N13). Cards that were saved by
    /// earlier software are not among them.
    pub ending_cards: Vec<Month>,
    /// The latest declines of its cards (F4).
    pub declines: Declines,
    /// How the balance moved on the day (UTC) of its last change. `None` if earlier software, which does not count it, changed the
    /// account on that day, or if a sum was too large to be kept.
    pub movements: Option<Movements>,
}

impl Account {
    /// A new wallet, empty.
    pub fn open(id: AccountId, currency: Currency, billing_model: BillingModel, now: Timestamp) -> Self {
        Self {
            id,
            currency,
            billing_model,
            created_at: now,
            as_of: now,
            version: 1,
            lots: Vec::new(),
            owed: Money::zero(currency),
            post_usage: PostUsage::nothing(currency, now),
            open_payments: Vec::new(),
            open_refunds: Vec::new(),
            credit_notes: 0,
            receipts: 0,
            invoices: 0,
            unpaid: Vec::new(),
            void_invoices: 0,
            payment_term_days: PAYMENT_TERM_DAYS,
            // It has never had funds, so there is no crossing to tell of.
            depletion_told: true,
            warning: None,
            recharge: Recharge::default(),
            pools_version: 0,
            pool_use: Vec::new(),
            changed_days: ChangedDays::default(),
            held: HeldSums::default(),
            limits: Limits::default(),
            ending_cards: Vec::new(),
            declines: Declines::default(),
            movements: Some(Movements::none(currency)),
        }
    }

    /// Unspent funds, expired or not, less what is owed (T2). The sum of the journal.
    pub fn balance(&self) -> Money {
        self.sum_of_lots(|_| true) - self.owed
    }

    /// The balance without lots expired at `now` (T2).
    pub fn available(&self, now: Timestamp) -> Money {
        self.sum_of_lots(|lot| lot.usable_at(now)) - self.owed
    }

    /// The funds that live holds set aside (C1).
    pub fn held(&self, now: Timestamp) -> Money {
        self.held.amount(self.currency, now)
    }

    /// The funds that may pay for a further call that ends at `end`: those of lots that outlive it, less the owed amount and the amount
    /// that other calls hold (T2, C1).
    pub(crate) fn spendable_until(&self, end: Timestamp, held: Money) -> Money {
        self.available(end) - held
    }

    /// Whether paid calls may start at `now` (A3).
    pub fn status(&self, now: Timestamp) -> Status {
        let depleted = self.billing_model.owes() && !self.available(now).is_positive();
        if depleted { Status::Depleted } else { Status::Active }
    }

    /// Whether another lot fits: live lots and pending purchases have a limit (F11).
    pub fn has_room_for_a_lot(&self, now: Timestamp) -> bool {
        let live = self.lots.iter().filter(|lot| lot.usable_at(now)).count();
        live + self.open_payments.len() < MAX_LOTS
    }

    /// Checks that the sum of its lots stays below [`MAX_UNITS`] when this amount is added (S4).
    ///
    /// # Errors
    ///
    /// [`MoneyError::AccountTooLarge`] if it would not.
    pub fn can_hold(&self, amount: Money) -> Result<(), MoneyError> {
        stays_small(self.sum_of_lots(|_| true), amount)
    }

    /// Checks that the amount owed and the next invoice's amount stay below [`MAX_UNITS`] with this charge (S4).
    ///
    /// # Errors
    ///
    /// [`MoneyError::AccountTooLarge`] if they would not.
    pub fn can_be_charged(&self, amount: Money) -> Result<(), MoneyError> {
        stays_small(self.owed, amount)?;
        stays_small(self.post_usage.amount, amount)
    }

    /// The live lot that expires next, if any.
    pub fn next_expiry(&self, now: Timestamp) -> Option<&Lot> {
        self.lots.iter().find(|lot| lot.usable_at(now))
    }

    /// When the nightly sweep must look at it next: a warning or a booking (E1, E3), or a saved card that ends (N13).
    pub fn due_for_expiry(&self) -> Option<Timestamp> {
        let cards = self.ending_cards.iter().map(|month| told_of_card_at(*month));
        self.lots.iter().map(Lot::due_at).chain(cards).min()
    }

    /// When the invoice run must look at it next: a month that ends with an invoice, or a reminder (S8, N12).
    pub fn due_for_invoice(&self) -> Option<Timestamp> {
        let month_end = invoice::amount_of(self.post_usage.amount).map(|_| self.post_usage.month.end());
        month_end.into_iter().chain(self.unpaid.iter().map(UnpaidInvoice::next_reminder)).min()
    }

    /// When recovery must look at it next: an open payment (F5) or refund (F9), auto-recharge (R3, R4), or a lot that expires and
    /// may leave it low (R2, N3, N4).
    pub fn due_for_recharge(&self) -> Option<Timestamp> {
        let payments = self.open_payments.iter().map(|payment| payment.recover_at).min();
        let refunds = self.open_refunds.iter().map(|refund| refund.recover_at).min();
        payments.into_iter().chain(refunds).chain(self.due_for_attention()).min()
    }

    /// The same without open payments and refunds.
    pub fn due_for_attention(&self) -> Option<Timestamp> {
        let expiry = self.next_expiry(self.as_of).map(|lot| lot.expires_at);
        expiry.into_iter().chain(self.recharge.due()).min()
    }

    /// The recharge that is open, if one is: there is never more than one (R3).
    pub fn open_recharge(&self) -> Option<&OpenPayment> {
        self.open_payments.iter().find(|payment| payment.kind == CardPaymentKind::Recharge)
    }

    /// The first violated invariant of a single account (invariant 4), if any.
    pub fn unsound(&self) -> Option<String> {
        let out_of_bounds = |lot: &&Lot| !lot.remaining.is_positive() || lot.remaining > lot.amount;
        if let Some(lot) = self.lots.iter().find(out_of_bounds) {
            return Some(format!("lot {} has {} left of {}", lot.id, lot.remaining, lot.amount));
        }
        if !self.lots.is_sorted_by_key(|lot| lot.expires_at) {
            return Some("lots are not oldest expiry first".to_owned());
        }
        self.owed.is_negative().then(|| "owed is negative".to_owned())
    }

    fn sum_of_lots(&self, counts: impl Fn(&Lot) -> bool) -> Money {
        let zero = Money::zero(self.currency);
        self.lots.iter().filter(|lot| counts(lot)).fold(zero, |sum, lot| sum + lot.remaining)
    }
}

fn stays_small(sum: Money, amount: Money) -> Result<(), MoneyError> {
    if (sum + amount).amount() < MAX_UNITS { Ok(()) } else { Err(MoneyError::AccountTooLarge) }
}
