//! Refunding: funds leave their lot, go back to the card, or return (F9).
//!
//! | occasion | decision |
//! |---|---|
//! | the operator asks for a refund | [`open`]: the funds leave the lot |
//! | the processor has taken it | [`follow`]: it has a credit note |
//! | the processor refused it, never saw it, or it failed | [`give_back`], [`follow`]: the funds return (F7) |
//! | somebody refunded at the processor | [`follow`]: the funds leave the lot, and what the lot does not have is owed |

use jiff::Timestamp;

use crate::account::{Account, OpenRefund};
use crate::card_payment::{CardPayment, CardPaymentState, MAX_REPAYMENTS, Repayments};
use crate::change::Decision;
use crate::draft::{Draft, NewEntry};
use crate::event::EventDetails;
use crate::funding::Funding;
use crate::id::{Fingerprint, LotId, PaymentId};
use crate::journal::EntryDetails;
use crate::lot::{Began, Draw, Lot};
use crate::money::Money;
use crate::purchase::{ChargedAmounts, card_digits};
use crate::recharge::settings::pause;
use crate::recharge::state::{Safeguard, State};
use crate::refund::{Origin, Payout, REFUND_LEASE, Refund, RefundState, RefundStatus, SeenRefund};
use crate::returning::{forfeit, return_to_lots, return_uncovered};

/// A refund as the operator asks for it.
#[derive(Clone, Debug)]
pub struct RefundRequest {
    /// Derived from the purchase and the `Idempotency-Key`.
    pub id: PaymentId,
    /// The fingerprint of what the key is used with.
    pub fingerprint: Fingerprint,
    /// Why.
    pub reason: String,
    /// By whom.
    pub author: String,
}

/// Why nothing can be refunded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefundRefusal {
    /// No card was charged.
    #[error("nothing was charged that could be refunded")]
    NotCharged,
    /// The bank decides first.
    #[error("a dispute of this purchase is open")]
    Disputed,
    /// All of it is spent, held, expired or refunded.
    #[error("nothing of this purchase is unspent")]
    NothingUnspent,
    /// It has been refunded very often.
    #[error("the purchase has {MAX_REPAYMENTS} refunds and disputes, the most there may be")]
    TooMany,
}

/// The books and the card processor say different things about a refund or a dispute. A person must look at it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// No card was charged.
    #[error("the payment was not charged")]
    NotCharged,
    /// The amounts or currencies differ.
    #[error("the processor says {seen}, the books say {expected}")]
    Amount {
        /// By the processor.
        seen: Money,
        /// By the books, or the most that it may be.
        expected: Money,
    },
    /// A refund or a dispute that has ended goes on at the processor.
    #[error("the processor goes back on the end that is in the books")]
    Ended,
    /// There is no room in the payment's row.
    #[error("the payment has {MAX_REPAYMENTS} refunds and disputes, the most there may be")]
    TooMany,
}

/// The amount that can be refunded now: the unspent part of the live lot, as far as it is spendable, and at most what of the charge
/// the card does not have back yet (T3, F9). It is rounded down to what the card processor pays back, which are whole minor units if
/// `charged` is `None`.
///
/// # Errors
///
/// Why nothing can be refunded.
pub fn refundable(
    account: &Account,
    payment: &CardPayment,
    now: Timestamp,
    charged: Option<ChargedAmounts>,
) -> Result<Money, RefundRefusal> {
    let now = now.max(account.as_of);
    let repayments = payment.repayments().ok_or(RefundRefusal::NotCharged)?;
    if repayments.is_disputed() {
        return Err(RefundRefusal::Disputed);
    }
    let lot_id = LotId::of(&payment.id);
    let lot = account.lots.iter().find(|lot| lot.id == lot_id && lot.usable_at(now));
    let unspent = lot.map_or(Money::zero(account.currency), |lot| lot.remaining);
    let spendable = account.available(now) - account.held(now);
    let digits = card_digits(account.currency, charged);
    let amount = unspent.min(spendable).min(left_of(payment, repayments)).rounded_down(digits);
    if amount.is_positive() { Ok(amount) } else { Err(RefundRefusal::NothingUnspent) }
}

/// The part of the charge that the card does not have back yet.
fn left_of(payment: &CardPayment, repayments: &Repayments) -> Money {
    let currency = payment.amount.currency();
    payment.amount - repayments.refunded(currency) - repayments.lost(currency)
}

/// Opens a refund: the funds leave the lot, auto-recharge pauses, and the account lists the refund for recovery. `begins_at` is
/// the instant, by the machine's clock, at which the card processor is asked; the lease runs from there.
///
/// # Errors
///
/// Why nothing can be refunded. Nothing changes.
pub fn open(
    account: &Account,
    payment: &CardPayment,
    now: Timestamp,
    request: &RefundRequest,
    begins_at: Timestamp,
    charged: Option<ChargedAmounts>,
) -> Result<Decision<CardPayment>, RefundRefusal> {
    let amount = refundable(account, payment, now, charged)?;
    if !payment.repayments().is_some_and(Repayments::has_room) {
        return Err(RefundRefusal::TooMany);
    }
    let mut draft = Draft::on(account, now);
    let RefundRequest { id, fingerprint, reason, author } = request.clone();
    let origin = Origin::Operator { reason, author, fingerprint };
    let refund = take(&mut draft, payment, id.clone(), amount, origin);
    let recover_at = draft.now().max(begins_at) + REFUND_LEASE;
    draft.account_mut().open_refunds.push(OpenRefund { id, payment: payment.id.clone(), recover_at });
    Ok(finish(draft, payment, refund))
}

/// Takes the funds of a refund and posts its entry.
fn take(draft: &mut Draft, payment: &CardPayment, id: PaymentId, amount: Money, origin: Origin) -> Refund {
    let Funding { draws, owed, post_usage } = Funding::of_lot(draft, &LotId::of(&payment.id), amount);
    let refund = Refund {
        id,
        created_at: draft.now(),
        amount,
        from_lot: amount - owed - post_usage,
        post_usage,
        origin,
        state: RefundState::Open,
    };
    draft.post(NewEntry {
        key: refund.key(),
        at: refund.created_at,
        amount: post_usage - amount,
        draws,
        post_usage,
        fingerprint: Refund::fingerprint(&refund.id),
        requires: None,
        unmarks: None,
        details: EntryDetails::Refund {
            payment: payment.id.clone(),
            refund: refund.id.clone(),
            reason: refund.origin.reason().map(str::to_owned),
            author: refund.origin.author().map(str::to_owned),
        },
    });
    pause(draft, Safeguard::Refund);
    refund
}

/// Follows a refund that the card processor has. Nothing changes if the books say the same, so it may be seen any number of times,
/// and in any order.
///
/// # Errors
///
/// What contradicts the books. Nothing changes.
pub fn follow(
    account: &Account,
    payment: &CardPayment,
    now: Timestamp,
    seen: &SeenRefund,
) -> Result<Decision<CardPayment>, Contradiction> {
    let repayments = payment.repayments().ok_or(Contradiction::NotCharged)?;
    let Some(refund) = find(payment, repayments, seen) else {
        return follow_unasked(account, payment, now, seen, repayments);
    };
    if seen.amount != refund.amount {
        return Err(Contradiction::Amount { seen: seen.amount, expected: refund.amount });
    }
    match (&refund.state, &seen.status) {
        (RefundState::Open, RefundStatus::Pending | RefundStatus::Succeeded) => {
            let mut draft = Draft::on(account, now);
            let paid = pay_out(&mut draft, payment, refund.clone(), &seen.id);
            Ok(finish(draft, payment, paid))
        }
        (RefundState::Open | RefundState::Paid(_), RefundStatus::Failed { reason }) => {
            Ok(give_back(account, payment, now, &refund.id, reason))
        }
        (RefundState::Paid(_) | RefundState::Returned { .. }, _) => Ok(Decision::unchanged(payment.clone())),
    }
}

/// The refund in the books. One that was given up as never sent is not it if the processor has it after all: then the funds have
/// returned, and leave once more.
fn find<'a>(payment: &CardPayment, repayments: &'a Repayments, seen: &SeenRefund) -> Option<&'a Refund> {
    let of_object = PaymentId::of_seen_refund(&payment.account, &payment.id, &seen.id);
    let is_same = |refund: &&Refund| {
        let is_of_object = refund.payout().is_some_and(|payout| payout.processor_id == seen.id);
        let has_key = seen.key.as_deref() == Some(refund.id.as_str());
        let awaits_object = match &refund.state {
            RefundState::Open => true,
            RefundState::Returned { paid: None, .. } => matches!(seen.status, RefundStatus::Failed { .. }),
            RefundState::Paid(_) | RefundState::Returned { paid: Some(_), .. } => false,
        };
        is_of_object || refund.id == of_object || has_key && awaits_object
    };
    // One that has this very object comes before one that waits for an object.
    repayments.refunds.iter().rev().find(is_same)
}

/// Posts a refund that nobody asked us for.
fn follow_unasked(
    account: &Account,
    payment: &CardPayment,
    now: Timestamp,
    seen: &SeenRefund,
    repayments: &Repayments,
) -> Result<Decision<CardPayment>, Contradiction> {
    if matches!(seen.status, RefundStatus::Failed { .. }) {
        return Ok(Decision::unchanged(payment.clone()));
    }
    if seen.amount.currency() != payment.amount.currency()
        || !seen.amount.is_positive()
        || seen.amount > payment.amount
    {
        return Err(Contradiction::Amount { seen: seen.amount, expected: payment.amount });
    }
    if !repayments.has_room() {
        return Err(Contradiction::TooMany);
    }
    let id = PaymentId::of_seen_refund(&payment.account, &payment.id, &seen.id);
    let mut draft = Draft::on(account, now);
    let refund = take(&mut draft, payment, id, seen.amount, Origin::Processor);
    let refund = pay_out(&mut draft, payment, refund, &seen.id);
    Ok(finish(draft, payment, refund))
}

/// Notes that the processor has taken a refund: it has a credit note, and the account lists it as open no more.
fn pay_out(draft: &mut Draft, payment: &CardPayment, refund: Refund, processor_id: &str) -> Refund {
    let now = draft.now();
    let account = draft.account_mut();
    account.open_refunds.retain(|open| open.id != refund.id);
    account.credit_notes += 1;
    let credit_note = account.credit_notes;
    draft.add_event(EventDetails::FundsRefunded {
        payment_id: payment.id.clone(),
        refund_id: refund.id.clone(),
        amount: refund.amount,
        credit_note_number: credit_note,
        beyond_lot: Some(refund.amount - refund.from_lot).filter(|part| part.is_positive()),
        recharge_paused: is_paused(draft.account()),
    });
    let payout = Payout { processor_id: processor_id.to_owned(), credit_note, at: now };
    Refund { state: RefundState::Paid(payout), ..refund }
}

/// Returns the funds of a refund that the card processor refused, never saw, or could not carry out. What is owed is repaid first
/// (F7). Nothing changes if they are back.
///
/// # Panics
///
/// If the payment does not keep this refund.
pub fn give_back(
    account: &Account,
    payment: &CardPayment,
    now: Timestamp,
    refund: &PaymentId,
    reason: &str,
) -> Decision<CardPayment> {
    let kept = payment.repayments().and_then(|repayments| repayments.refund(refund));
    let refund = kept.expect("the payment keeps the refund").clone();
    if refund.is_returned() {
        return Decision::unchanged(payment.clone());
    }
    let mut draft = Draft::on(account, now);
    draft.account_mut().open_refunds.retain(|open| open.id != refund.id);
    let key = refund.key().refund_return();
    let returned = return_uncovered(&mut draft, &key, refund.owed(), refund.post_usage);
    let to_lots = return_to_lots(&mut draft, &draws_of(payment, refund.from_lot));
    draft.post(NewEntry {
        key: key.clone(),
        at: refund.created_at,
        amount: refund.from_lot + returned.to_balance,
        draws: Vec::new(),
        post_usage: -returned.to_invoice,
        fingerprint: Refund::fingerprint(&refund.id),
        requires: None,
        unmarks: None,
        details: EntryDetails::RefundReturned {
            payment: payment.id.clone(),
            refund: refund.id.clone(),
            reason: reason.to_owned(),
            returned: to_lots.clone(),
            lot: returned.lot,
        },
    });
    let recharge_paused = is_paused(draft.account());
    draft.add_lasting_event(EventDetails::RefundReturned {
        payment_id: payment.id.clone(),
        refund_id: refund.id.clone(),
        amount: refund.amount,
        credit_note_number: refund.payout().map(|payout| payout.credit_note),
        reason: reason.to_owned(),
        recharge_paused,
    });
    forfeit(&mut draft, &key, refund.created_at, &to_lots);
    let (paid, at) = (refund.payout().cloned(), draft.now());
    let state = RefundState::Returned { paid, at, reason: reason.to_owned() };
    finish(draft, payment, Refund { state, ..refund })
}

/// So much of the payment's lot, as a draw that can be returned.
pub(crate) fn draws_of(payment: &CardPayment, amount: Money) -> Vec<Draw> {
    let draw = Draw {
        lot: LotId::of(&payment.id),
        amount,
        expires_at: Lot::expiry_of_purchase(payment.created_at),
        began: Some(Began { purchased_at: payment.created_at, amount: payment.amount }),
    };
    if amount.is_positive() { vec![draw] } else { Vec::new() }
}

/// Whether auto-recharge waits for an administrator because of a refund or a dispute.
pub(crate) fn is_paused(account: &Account) -> bool {
    matches!(account.recharge.state, State::Paused { why: Safeguard::Refund | Safeguard::Dispute })
}

/// Ends the draft with the payment that keeps this refund as it is now.
fn finish(draft: Draft, payment: &CardPayment, refund: Refund) -> Decision<CardPayment> {
    let moved = with_repayments(payment, |Repayments { refunds, .. }| {
        match refunds.iter_mut().find(|kept| kept.id == refund.id) {
            Some(kept) => *kept = refund,
            None => refunds.push(refund),
        }
    });
    draft.finish_payment(moved)
}

/// The payment with changed repayments, and its next revision.
pub(crate) fn with_repayments(payment: &CardPayment, change: impl FnOnce(&mut Repayments)) -> CardPayment {
    let mut state = payment.state.clone();
    let CardPaymentState::Succeeded { repayments, .. } = &mut state else {
        unreachable!("only a payment that was charged has refunds and disputes")
    };
    change(repayments);
    payment.moved_to(state)
}
