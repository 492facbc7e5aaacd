//! Buying funds: from what is asked for to exactly one lot, or none (F1-F7, F11).

use std::collections::HashMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::account::{Account, BillingModel, OpenPayment};
use crate::draft::{Decision, Draft, NewEntry};
use crate::fact::Fact;
use crate::id::{Fingerprint, LotId, PaymentId};
use crate::journal::{EntryDetails, EntryKind, JournalKey};
use crate::lot::{Lot, MAX_LOTS};
use crate::money::{Currency, MAX_UNITS, Money, MoneyError};
use crate::payment::{ABANDONED, Backup, LEASE, Payment, PaymentKind, PaymentState};
use crate::profile::{PaymentMethod, Profile};
use crate::recharge;

/// Smallest and largest purchase, in units of the currency (F2).
#[derive(Clone, Debug)]
pub struct PurchaseLimits {
    default: (Decimal, Decimal),
    by_currency: HashMap<Currency, (Decimal, Decimal)>,
}

impl Default for PurchaseLimits {
    fn default() -> Self {
        let mut limits =
            Self { default: (Decimal::from(50), Decimal::from(100_000)), by_currency: HashMap::new() };
        if let Ok(yen) = Currency::parse("JPY") {
            limits.by_currency.insert(yen, (Decimal::from(5_000), Decimal::from(10_000_000)));
        }
        limits
    }
}

/// The operator's limits cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("purchase limits: expected a list such as EUR=50..100000,JPY=5000..10000000, not {0:?}")]
pub struct InvalidLimits(String);

impl PurchaseLimits {
    /// The defaults, changed by the operator's list: `EUR=50..100000,JPY=5000..10000000`.
    pub fn parse(list: &str) -> Result<Self, InvalidLimits> {
        let mut limits = Self::default();
        for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (currency, range) = Self::parse_one(item).ok_or_else(|| InvalidLimits(item.to_owned()))?;
            limits.by_currency.insert(currency, range);
        }
        Ok(limits)
    }

    fn parse_one(item: &str) -> Option<(Currency, (Decimal, Decimal))> {
        let (code, range) = item.split_once('=')?;
        let (min, max) = range.split_once("..")?;
        let (min, max): (Decimal, Decimal) = (min.parse().ok()?, max.parse().ok()?);
        let fits = Decimal::ZERO < min && min <= max && max < MAX_UNITS;
        fits.then_some((Currency::parse(code).ok()?, (min, max)))
    }

    /// The largest charge.
    pub fn largest(&self, currency: Currency) -> Money {
        let (_, max) = self.of(currency);
        Money::rounded(max, currency).expect("limits are below the largest amount")
    }

    fn of(&self, currency: Currency) -> (Decimal, Decimal) {
        self.by_currency.get(&currency).copied().unwrap_or(self.default)
    }

    /// An amount that may be charged, or why not.
    pub fn check(&self, amount: Decimal, currency: Currency) -> Result<Money, PurchaseRefusal> {
        let (min, max) = self.of(currency);
        if amount < min {
            return Err(PurchaseRefusal::BelowMinimum { min, currency });
        }
        if amount > max {
            return Err(PurchaseRefusal::AboveMaximum { max, currency });
        }
        Ok(Money::in_minor_units(amount, currency)?)
    }
}

/// Why a purchase cannot begin. Nothing was charged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PurchaseRefusal {
    /// F2.
    #[error("expected at least {min} {currency}")]
    BelowMinimum {
        /// The limit.
        min: Decimal,
        /// Its currency.
        currency: Currency,
    },
    /// F2.
    #[error("expected at most {max} {currency}")]
    AboveMaximum {
        /// The limit.
        max: Decimal,
        /// Its currency.
        currency: Currency,
    },
    /// T3: cards are charged in minor units.
    #[error("expected at most {digits} decimals, as a card is charged in {currency}")]
    NotChargeable {
        /// Decimals of the minor unit.
        digits: u32,
        /// The currency.
        currency: Currency,
    },
    /// F6.
    #[error("an account that pays after use cannot buy funds")]
    PostUsage,
    /// F11.
    #[error("the account has {MAX_LOTS} live lots and pending purchases, the most there may be")]
    TooManyLots,
    /// S4.
    #[error("{}", MoneyError::AccountTooLarge)]
    AccountTooLarge,
    /// There is nothing to charge.
    #[error("the account has no saved payment method and the request names none")]
    NoPaymentMethod,
}

impl From<MoneyError> for PurchaseRefusal {
    fn from(problem: MoneyError) -> Self {
        match problem {
            MoneyError::TooPrecise { digits, currency } => Self::NotChargeable { digits, currency },
            MoneyError::AccountTooLarge => Self::AccountTooLarge,
            MoneyError::TooLarge | MoneyError::SumTooLarge => {
                unreachable!("limits are checked on amounts that fit")
            }
        }
    }
}

/// A purchase as asked for.
#[derive(Clone, Debug)]
pub struct PurchaseRequest {
    /// Derived from the `Idempotency-Key`.
    pub id: PaymentId,
    /// What the key is used with.
    pub fingerprint: Fingerprint,
    /// How much.
    pub amount: Decimal,
    /// The card, where it is not the saved one.
    pub method: Option<PaymentMethod>,
}

/// Opens the payment: the account says that it is open before anything is sent to the processor. Every
/// reason to refuse is looked at here, before a card is charged.
pub fn open(
    account: &Account,
    profile: &Profile,
    now: Timestamp,
    request: &PurchaseRequest,
    limits: &PurchaseLimits,
) -> Result<Decision<Payment>, PurchaseRefusal> {
    if account.billing_model == BillingModel::PostUsage {
        return Err(PurchaseRefusal::PostUsage);
    }
    let amount = limits.check(request.amount, account.currency)?;
    if !account.has_room_for_a_lot(now.max(account.as_of)) {
        return Err(PurchaseRefusal::TooManyLots);
    }
    account.can_hold(amount)?;
    let method = request.method.as_ref().or(profile.payment_method.as_ref());
    let method = method.ok_or(PurchaseRefusal::NoPaymentMethod)?.clone();

    let mut draft = Draft::on(account, now);
    let payment = Payment {
        account: account.id.clone(),
        id: request.id.clone(),
        kind: PaymentKind::Purchase,
        created_at: draft.now(),
        amount,
        fingerprint: request.fingerprint.clone(),
        attempt: 1,
        method: Some(method),
        backup: Backup::None,
        po_number: profile.po_number.clone(),
        recharge_amounts: None,
        revision: 1,
        state: PaymentState::Open { intent: None },
    };
    let recover_at = draft.now() + LEASE;
    draft.account_mut().open_payments.push(OpenPayment {
        id: payment.id.clone(),
        kind: payment.kind,
        recover_at,
        withdrawn: false,
        recharge_amounts: 0,
    });
    draft.set_payment(payment.clone());
    Ok(draft.finish(payment))
}

/// Somebody else has closed the payment already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payment is not open on its account")]
pub struct NotOpen;

/// Closes the payment with its lot: the card was charged.
pub fn succeed(
    account: &Account,
    now: Timestamp,
    payment: &Payment,
    intent: &str,
) -> Result<Decision<Payment>, NotOpen> {
    let mut draft = Draft::on(account, now);
    let open = close(draft.account_mut(), payment)?;
    let expires_at = Lot::expiry_of_purchase(payment.created_at);
    draft.add_lot(LotId::of(&payment.id), payment.created_at, expires_at, payment.amount);
    let kind = match payment.kind {
        PaymentKind::Purchase => EntryKind::Purchase,
        PaymentKind::Recharge => EntryKind::Recharge,
        PaymentKind::Adjustment => unreachable!("an adjustment charges no card"),
    };
    draft.post(NewEntry {
        key: JournalKey::payment(payment.created_at, kind, &payment.id),
        at: payment.created_at,
        amount: payment.amount,
        draws: Vec::new(),
        post_usage: Money::zero(account.currency),
        fingerprint: payment.fingerprint.clone(),
        requires: None,
        details: EntryDetails::Funds { kind, payment: payment.id.clone(), expires_at },
    });
    draft.account_mut().receipts += 1;
    let receipt_number = draft.account().receipts;
    draft.say_of_row(Fact::FundsAdded {
        kind: payment.kind,
        payment_id: payment.id.clone(),
        amount: payment.amount,
        expires_at,
        receipt_number: Some(receipt_number),
        recharge_amounts: Some(open.recharge_amounts).filter(|_| payment.kind == PaymentKind::Recharge),
    });
    if payment.kind == PaymentKind::Recharge {
        recharge::succeeded(&mut draft, payment, open.recharge_amounts);
    }
    let closed = payment.moved_to(PaymentState::Succeeded { intent: intent.to_owned(), receipt_number });
    draft.set_payment(closed.clone());
    Ok(draft.finish(closed))
}

/// Closes the payment without a lot: nothing was charged.
pub fn decline(
    account: &Account,
    now: Timestamp,
    payment: &Payment,
    reason: &str,
) -> Result<Decision<Payment>, NotOpen> {
    let mut draft = Draft::on(account, now);
    let withdrawn = close(draft.account_mut(), payment)?.withdrawn;
    // With both cards declined, it is the first that people must do something about.
    let reason = payment.backup.first_decline().filter(|_| reason != ABANDONED).unwrap_or(reason);
    if payment.kind == PaymentKind::Recharge {
        recharge::declined(&mut draft, payment, if withdrawn { ABANDONED } else { reason });
    } else {
        draft.say(Fact::PaymentDeclined {
            payment_id: payment.id.clone(),
            amount: payment.amount,
            reason: reason.to_owned(),
        });
    }
    let closed = payment.moved_to(PaymentState::Declined { reason: reason.to_owned() });
    draft.set_payment(closed.clone());
    Ok(draft.finish(closed))
}

/// The card wants its owner: the payment stays open, and recovery looks at it later.
pub fn await_person(
    account: &Account,
    now: Timestamp,
    payment: &Payment,
    intent: &str,
    url: &str,
    look_at: Timestamp,
) -> Result<Decision<Payment>, NotOpen> {
    let state = PaymentState::NeedsAction { intent: intent.to_owned(), url: url.to_owned() };
    let mut draft = Draft::on(account, now);
    if payment.kind == PaymentKind::Recharge {
        recharge::needs_action(&mut draft, payment, url);
    }
    look_later(draft, payment.moved_to(state), look_at)
}

/// The card was declined, and its object is cancelled: the backup is tried, once (F10), which is another attempt of
/// the same payment; without one, or where the payment was withdrawn meanwhile, it closes.
///
/// `next_begins_at` is when the backup's attempt begins by the machine's clock: its lease runs from there.
pub fn decline_or_try_backup(
    account: &Account,
    now: Timestamp,
    payment: &Payment,
    reason: &str,
    next_begins_at: Timestamp,
) -> Result<Decision<Payment>, NotOpen> {
    let withdrawn = account.open_payments.iter().any(|open| open.id == payment.id && open.withdrawn);
    let backup = match &payment.backup {
        Backup::Ready(backup) if !withdrawn => backup.clone(),
        _ => return decline(account, now, payment, reason),
    };
    let mut draft = Draft::on(account, now);
    recharge::goes_on(&mut draft);
    let moved = Payment {
        attempt: payment.attempt + 1,
        method: Some(backup),
        backup: Backup::Tried { first_decline: reason.to_owned() },
        ..payment.moved_to(PaymentState::Open { intent: None })
    };
    let look_at = draft.now().max(next_begins_at) + LEASE;
    look_later(draft, moved, look_at)
}

/// The outcome is still unknown: recovery looks again at `look_at`.
pub fn still_unknown(
    account: &Account,
    now: Timestamp,
    payment: &Payment,
    look_at: Timestamp,
) -> Result<Decision<Payment>, NotOpen> {
    let draft = Draft::on(account, now);
    look_later(draft, payment.moved_to(payment.state.clone()), look_at)
}

fn look_later(mut draft: Draft, moved: Payment, look_at: Timestamp) -> Result<Decision<Payment>, NotOpen> {
    let open = draft.account_mut().open_payments.iter_mut().find(|open| open.id == moved.id);
    open.ok_or(NotOpen)?.recover_at = look_at;
    draft.set_payment(moved.clone());
    Ok(draft.finish(moved))
}

fn close(account: &mut Account, payment: &Payment) -> Result<OpenPayment, NotOpen> {
    let open = account.open_payments.iter().position(|open| open.id == payment.id).ok_or(NotOpen)?;
    Ok(account.open_payments.remove(open))
}
