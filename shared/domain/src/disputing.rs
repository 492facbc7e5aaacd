//! Disputing: funds leave their lot while the card's owner disputes their purchase (F9).
//!
//! | the card processor says | decision |
//! |---|---|
//! | inquiry | it is noted, and nothing moves |
//! | open | the smaller of the lot's funds and the disputed amount leaves the lot, and auto-recharge pauses |
//! | won | what had left the lot returns (F7) |
//! | lost | what had not left the lot leaves it now; what the lot does not have is owed, or left to the invoice; what the card did not get returns |

use jiff::Timestamp;

use crate::account::Account;
use crate::card_payment::{CardPayment, Repayments};
use crate::change::Decision;
use crate::dispute::{Dispute, DisputePhase, DisputeState, SeenDispute};
use crate::draft::{Draft, NewEntry};
use crate::event::EventDetails;
use crate::funding::Funding;
use crate::id::{LotId, PaymentId};
use crate::journal::EntryDetails;
use crate::money::Money;
use crate::recharge::settings::pause;
use crate::recharge::state::Safeguard;
use crate::refunding::{Contradiction, draws_of, is_paused, with_repayments};
use crate::returning::{forfeit, return_to_lots};

/// Follows a dispute that the card processor has. Nothing changes if the books say the same or more, so it may be seen any number of
/// times, and in any order.
///
/// # Errors
///
/// What contradicts the books. Nothing changes.
pub fn follow(
    account: &Account,
    payment: &CardPayment,
    now: Timestamp,
    seen: &SeenDispute,
) -> Result<Decision<CardPayment>, Contradiction> {
    let repayments = payment.repayments().ok_or(Contradiction::NotCharged)?;
    let (amount, phase) = of_the_charge(payment, seen)?;
    let id = PaymentId::of_dispute(&payment.account, &payment.id, &seen.id);
    let kept = repayments.disputes.iter().find(|dispute| dispute.id == id);
    if kept.is_none() && !repayments.has_room() {
        return Err(Contradiction::TooMany);
    }
    let mut draft = Draft::on(account, now);
    let dispute = kept.cloned().unwrap_or_else(|| Dispute {
        id,
        processor_id: seen.id.clone(),
        created_at: draft.now(),
        amount,
        reason: seen.reason.clone(),
        state: DisputeState::Dropped,
    });
    // The bank may still change the disputed amount of an inquiry.
    let amount = if dispute.frozen().is_none() { amount } else { dispute.amount };
    let dispute = Dispute { amount, ..dispute };
    let unchanged = Ok(Decision::unchanged(payment.clone()));
    let state = match (dispute.state.clone(), phase) {
        (DisputeState::Dropped, DisputePhase::Inquiry) if kept.is_none() => {
            inquire(&mut draft, payment, &dispute);
            DisputeState::Inquiry
        }
        (DisputeState::Inquiry, DisputePhase::InquiryClosed | DisputePhase::Won) => DisputeState::Dropped,
        (DisputeState::Inquiry | DisputeState::Dropped, DisputePhase::Open) => {
            DisputeState::Open { frozen: freeze(&mut draft, payment, &dispute) }
        }
        (DisputeState::Inquiry | DisputeState::Dropped, DisputePhase::Lost { lost }) => {
            let frozen = freeze(&mut draft, payment, &dispute);
            end(&mut draft, payment, &dispute, frozen, lost);
            DisputeState::Lost { frozen, lost, at: draft.now() }
        }
        (DisputeState::Open { frozen }, DisputePhase::Won) => {
            end(&mut draft, payment, &dispute, frozen, Money::zero(frozen.currency()));
            DisputeState::Won { frozen, at: draft.now() }
        }
        (DisputeState::Open { frozen }, DisputePhase::Lost { lost }) => {
            end(&mut draft, payment, &dispute, frozen, lost);
            DisputeState::Lost { frozen, lost, at: draft.now() }
        }
        (DisputeState::Won { .. }, DisputePhase::Lost { .. })
        | (DisputeState::Lost { .. }, DisputePhase::Won) => {
            return Err(Contradiction::Ended);
        }
        (DisputeState::Lost { lost, .. }, DisputePhase::Lost { lost: seen }) if lost != seen => {
            return Err(Contradiction::Amount { seen, expected: lost });
        }
        // The processor was asked before the books came so far, or has nothing new.
        _ => return unchanged,
    };
    let moved = Dispute { state, ..dispute };
    let payment = with_repayments(payment, |Repayments { disputes, .. }| {
        match disputes.iter_mut().find(|kept| kept.id == moved.id) {
            Some(kept) => *kept = moved,
            None => disputes.push(moved),
        }
    });
    Ok(draft.finish_payment(payment))
}

/// The amount and the phase of a dispute, at most those of the whole charge. A bank may dispute more than was charged, since exchange
/// rates move: the organization answers for what it paid, and the operator for the rest.
fn of_the_charge(payment: &CardPayment, seen: &SeenDispute) -> Result<(Money, DisputePhase), Contradiction> {
    let at_most = |amount: Money, most: Money| {
        if amount.currency() == most.currency() && !amount.is_negative() {
            Ok(amount.min(most))
        } else {
            Err(Contradiction::Amount { seen: amount, expected: most })
        }
    };
    let amount = at_most(seen.amount, payment.amount)?;
    let phase = match seen.phase {
        DisputePhase::Lost { lost } => DisputePhase::Lost { lost: at_most(lost, amount)? },
        other => other,
    };
    Ok((amount, phase))
}

fn inquire(draft: &mut Draft, payment: &CardPayment, dispute: &Dispute) {
    draft.add_event(EventDetails::DisputeInquiry {
        payment_id: payment.id.clone(),
        dispute_id: dispute.id.clone(),
        amount: dispute.amount,
        reason: dispute.reason.clone(),
    });
}

/// Takes out of the lot what it has of the disputed amount.
fn freeze(draft: &mut Draft, payment: &CardPayment, dispute: &Dispute) -> Money {
    let lot = LotId::of(&payment.id);
    let (draws, uncovered) = draft.draw_on(&lot, dispute.amount);
    let frozen = dispute.amount - uncovered;
    draft.post(NewEntry {
        key: dispute.key(),
        at: dispute.created_at,
        amount: -frozen,
        draws,
        post_usage: Money::zero(frozen.currency()),
        fingerprint: Dispute::fingerprint(&dispute.id),
        requires: None,
        unmarks: None,
        details: EntryDetails::Dispute {
            payment: payment.id.clone(),
            dispute: dispute.id.clone(),
            reason: dispute.reason.clone(),
        },
    });
    pause(draft, Safeguard::Dispute);
    let recharge_paused = is_paused(draft.account());
    draft.add_lasting_event(EventDetails::DisputeOpened {
        payment_id: payment.id.clone(),
        dispute_id: dispute.id.clone(),
        amount: dispute.amount,
        frozen,
        reason: dispute.reason.clone(),
        recharge_paused,
    });
    frozen
}

/// Ends a dispute of which the card keeps `lost`. If the lot gave more than that, the difference returns to it. If it gave less, it gives
/// what it has by now, such as funds of a refund that failed meanwhile, and the rest is owed.
fn end(draft: &mut Draft, payment: &CardPayment, dispute: &Dispute, frozen: Money, lost: Money) {
    let zero = Money::zero(frozen.currency());
    let key = dispute.key().dispute_end();
    let (back, beyond) = if lost < frozen { (frozen - lost, zero) } else { (zero, lost - frozen) };
    let funding = Funding::of_lot(draft, &LotId::of(&payment.id), beyond);
    let (effect, beyond_lot) = (funding.effect(), funding.owed + funding.post_usage);
    let Funding { draws, post_usage, .. } = funding;
    let returned = return_to_lots(draft, &draws_of(payment, back));
    draft.post(NewEntry {
        key: key.clone(),
        at: dispute.created_at,
        amount: back + effect,
        draws,
        post_usage,
        fingerprint: Dispute::fingerprint(&dispute.id),
        requires: None,
        unmarks: None,
        details: EntryDetails::DisputeEnded {
            payment: payment.id.clone(),
            dispute: dispute.id.clone(),
            lost,
            returned: returned.clone(),
        },
    });
    let recharge_paused = is_paused(draft.account());
    draft.add_lasting_event(EventDetails::DisputeEnded {
        payment_id: payment.id.clone(),
        dispute_id: dispute.id.clone(),
        amount: dispute.amount,
        lost,
        returned: back,
        beyond_lot,
        recharge_paused,
    });
    forfeit(draft, &key, dispute.created_at, &returned);
}
