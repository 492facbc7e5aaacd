//! Settling a card payment: the card processor's answer becomes exactly one lot, or none (F3-F5, F7, F8, F10).
//!
//! | the processor says | decision |
//! |---|---|
//! | charged | [`succeed`]: the lot, its journal entry and the receipt number |
//! | declined | [`decline_or_try_backup`]: one more attempt with the backup card, else [`decline`] |
//! | confirm with the owner | [`await_owner`]: stays open |
//! | nothing certain | [`still_unknown`]: stays open |

use jiff::Timestamp;

use crate::account::{Account, OpenPayment};
use crate::card_payment::{
    ABANDONED, Backup, CardPayment, CardPaymentKind, CardPaymentState, LEASE, Repayments,
};
use crate::change::Decision;
use crate::draft::{Draft, NewEntry};
use crate::event::EventDetails;
use crate::id::LotId;
use crate::journal::EntryDetails;
use crate::journal_key::JournalKey;
use crate::lot::Lot;
use crate::money::Money;
use crate::recharge::outcome;

/// Another process has closed the payment already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payment is not open on its account")]
pub struct NotOpen;

/// Closes the payment with its lot: the card was charged.
///
/// # Errors
///
/// [`NotOpen`] if another process has closed it already.
pub fn succeed(
    account: &Account,
    now: Timestamp,
    payment: &CardPayment,
    intent: &str,
) -> Result<Decision<CardPayment>, NotOpen> {
    let mut draft = Draft::on(account, now);
    let open = close(draft.account_mut(), payment)?;
    let expires_at = Lot::expiry_of_purchase(payment.created_at);
    draft.add_lot(LotId::of(&payment.id), payment.created_at, expires_at, payment.amount);
    draft.post(NewEntry {
        key: JournalKey::payment(payment.created_at, payment.kind.into(), &payment.id),
        at: payment.created_at,
        amount: payment.amount,
        draws: Vec::new(),
        post_usage: Money::zero(account.currency),
        fingerprint: payment.fingerprint.clone(),
        requires: None,
        unmarks: None,
        details: EntryDetails::Funds { kind: payment.kind, payment: payment.id.clone(), expires_at },
    });
    draft.account_mut().receipts += 1;
    let receipt_number = draft.account().receipts;
    draft.add_lasting_event(EventDetails::FundsAdded {
        kind: payment.kind.into(),
        payment_id: payment.id.clone(),
        amount: payment.amount,
        expires_at,
        receipt_number: Some(receipt_number),
        recharge_amounts: Some(open.recharge_amounts).filter(|_| payment.kind == CardPaymentKind::Recharge),
    });
    if payment.kind == CardPaymentKind::Recharge {
        outcome::charged(&mut draft, payment, open.recharge_amounts);
    }
    let closed = payment.moved_to(CardPaymentState::Succeeded {
        intent: intent.to_owned(),
        receipt_number,
        repayments: Repayments::default(),
    });
    Ok(draft.finish_payment(closed))
}

/// Closes the payment without a lot: nothing was charged.
///
/// # Errors
///
/// [`NotOpen`] if another process has closed it already.
pub fn decline(
    account: &Account,
    now: Timestamp,
    payment: &CardPayment,
    reason: &str,
) -> Result<Decision<CardPayment>, NotOpen> {
    let mut draft = Draft::on(account, now);
    let withdrawn = close(draft.account_mut(), payment)?.withdrawn;
    if reason != ABANDONED {
        count_decline(&mut draft);
    }
    // With both cards declined, the saved card is the one that people must act on.
    let reason = payment.backup.first_decline().filter(|_| reason != ABANDONED).unwrap_or(reason);
    if payment.kind == CardPaymentKind::Recharge {
        outcome::declined(&mut draft, payment, if withdrawn { ABANDONED } else { reason });
    } else {
        draft.add_event(EventDetails::PaymentDeclined {
            payment_id: payment.id.clone(),
            amount: payment.amount,
            reason: reason.to_owned(),
        });
    }
    let closed = payment.moved_to(CardPaymentState::Declined { reason: reason.to_owned() });
    Ok(draft.finish_payment(closed))
}

/// Keeps the payment open until the card's owner confirms it; recovery looks at it at `look_at`.
///
/// # Errors
///
/// [`NotOpen`] if another process has closed it already.
pub fn await_owner(
    account: &Account,
    now: Timestamp,
    payment: &CardPayment,
    intent: &str,
    url: &str,
    look_at: Timestamp,
) -> Result<Decision<CardPayment>, NotOpen> {
    let state = CardPaymentState::NeedsAction { intent: intent.to_owned(), url: url.to_owned() };
    let mut draft = Draft::on(account, now);
    if payment.kind == CardPaymentKind::Recharge {
        outcome::needs_action(&mut draft, payment, url);
    }
    look_later(draft, payment.moved_to(state), look_at)
}

/// Decides what follows a decline, once the processor's object is cancelled. A payment with a backup card that was not tried
/// yet has one more attempt (F10). Otherwise, or if it was withdrawn meanwhile, it closes as declined.
///
/// `next_begins_at` is the instant, by the machine's clock, at which the backup's attempt begins. Its lease runs from there.
///
/// # Errors
///
/// [`NotOpen`] if another process has closed it already.
pub fn decline_or_try_backup(
    account: &Account,
    now: Timestamp,
    payment: &CardPayment,
    reason: &str,
    next_begins_at: Timestamp,
) -> Result<Decision<CardPayment>, NotOpen> {
    let withdrawn = account.open_payments.iter().any(|open| open.id == payment.id && open.withdrawn);
    let backup = match &payment.backup {
        Backup::Ready(backup) if !withdrawn => backup.clone(),
        _ => return decline(account, now, payment, reason),
    };
    let mut draft = Draft::on(account, now);
    count_decline(&mut draft);
    outcome::retried_with_backup(&mut draft);
    let moved = CardPayment {
        attempt: payment.attempt + 1,
        method: backup,
        backup: Backup::Tried { first_decline: reason.to_owned() },
        ..payment.moved_to(CardPaymentState::Open { intent: None })
    };
    let look_at = draft.now().max(next_begins_at) + LEASE;
    look_later(draft, moved, look_at)
}

fn count_decline(draft: &mut Draft) {
    let now = draft.now();
    draft.account_mut().declines.add(now);
}

/// Keeps the payment open, since its outcome is unknown; recovery looks again at `look_at`.
///
/// # Errors
///
/// [`NotOpen`] if another process has closed it already.
pub fn still_unknown(
    account: &Account,
    now: Timestamp,
    payment: &CardPayment,
    look_at: Timestamp,
) -> Result<Decision<CardPayment>, NotOpen> {
    let draft = Draft::on(account, now);
    look_later(draft, payment.moved_to(payment.state.clone()), look_at)
}

fn look_later(
    mut draft: Draft,
    moved: CardPayment,
    look_at: Timestamp,
) -> Result<Decision<CardPayment>, NotOpen> {
    let open = draft.account_mut().open_payments.iter_mut().find(|open| open.id == moved.id);
    open.ok_or(NotOpen)?.recover_at = look_at;
    Ok(draft.finish_payment(moved))
}

fn close(account: &mut Account, payment: &CardPayment) -> Result<OpenPayment, NotOpen> {
    let open = account.open_payments.iter().position(|open| open.id == payment.id).ok_or(NotOpen)?;
    Ok(account.open_payments.remove(open))
}
