//! What a settled charge does to auto-recharge: it is armed again, retries later, stops, or waits for the card's owner
//! (R3, R4, R6, F10).

use jiff::SignedDuration;

use crate::card_payment::{ABANDONED, CardPayment};
use crate::draft::Draft;
use crate::event::EventDetails;
use crate::recharge::state::{Failure, State};
use crate::time::{Month, day_of};

/// A failed charge is tried again this long after each attempt; then no more (R4).
pub const RETRY_AFTER: [SignedDuration; 4] = [
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(6),
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(72),
];

/// Declines after which no further try can succeed (R4): the card is lost, stolen, closed or expired, its owner or bank has revoked the
/// permission to charge it, or the processor blocks it as fraud.
/// Sources: docs.stripe.com/declines/codes, and the list of hard declines at docs.stripe.com/billing/revenue-recovery/smart-retries.
const HARD_DECLINES: [&str; 16] = [
    "account_closed",
    DO_NOT_TRY_AGAIN,
    "expired_card",
    "fraudulent",
    "highest_risk_level",
    "incorrect_number",
    "invalid_account",
    "lost_card",
    "merchant_blacklist",
    "pickup_card",
    "restricted_card",
    "revocation_of_all_authorizations",
    "revocation_of_authorization",
    "stolen_card",
    "stop_payment_order",
    "transaction_not_allowed",
];

/// A decline after which the card's network, or a rule of the processor, forbids another try.
pub const DO_NOT_TRY_AGAIN: &str = "do_not_try_again";

/// Whether no further try can succeed after this decline (R4).
pub fn is_hard_decline(reason: &str) -> bool {
    HARD_DECLINES.contains(&reason)
}

/// The decline of a card whose owner did not confirm the charge. A retry without the owner cannot succeed.
pub const AUTHENTICATION_REQUIRED: &str = "authentication_required";

/// Arms the rule again after a charge. It counts towards the limits of the month and day in which it closed (R3, R6).
pub(crate) fn charged(draft: &mut Draft, payment: &CardPayment, amounts: u32) {
    let currency = payment.amount.currency();
    let (month, day) = (Month::of(draft.now()), day_of(draft.now()));
    let recharge = &mut draft.account_mut().recharge;
    recharge.charged = Some((month, recharge.charged_in(month, currency) + payment.amount));
    recharge.counted = Some((day, recharge.counted_on(day).saturating_add(amounts)));
    recharge.last_failure = None;
    if matches!(recharge.state, State::Charging { .. } | State::NeedsAction { .. }) {
        recharge.state = State::Armed;
    }
}

/// Decides what follows a charge that failed. One that was never confirmed counts as no failure, and the rule applies again at
/// once. A decline is retried later, a few times, unless no retry can succeed (R4).
pub(crate) fn declined(draft: &mut Draft, payment: &CardPayment, reason: &str) {
    let now = draft.now();
    let recharge = &mut draft.account_mut().recharge;
    let (State::Charging { failures } | State::NeedsAction { failures }) = recharge.state else { return };
    if reason == ABANDONED {
        recharge.state = if failures == 0 { State::Armed } else { State::Waiting { until: now, failures } };
        return;
    }
    recharge.last_failure = Some(Failure { at: now, reason: reason.to_owned() });
    let for_good = is_hard_decline(reason) || reason == AUTHENTICATION_REQUIRED;
    let retry_at = if for_good { None } else { RETRY_AFTER.get(failures).map(|&after| now + after) };
    recharge.state = match retry_at {
        Some(until) => State::Waiting { until, failures: failures + 1 },
        None => State::Stopped,
    };
    draft.add_event(EventDetails::RechargeFailed {
        payment_id: payment.id.clone(),
        amount: payment.amount,
        reason: reason.to_owned(),
        retry_at,
    });
    if retry_at.is_none() {
        draft.add_event(EventDetails::RechargeStopped {
            reason: reason.to_owned(),
            payment_id: Some(payment.id.clone()),
            amount: Some(payment.amount),
        });
    }
}

/// Goes back to charging, with the backup card, if the first card was waiting for its owner.
pub(crate) fn retried_with_backup(draft: &mut Draft) {
    let recharge = &mut draft.account_mut().recharge;
    if let State::NeedsAction { failures } = recharge.state {
        recharge.state = State::Charging { failures };
    }
}

/// Waits for the card's owner, and adds the event that says so: once for each card.
pub(crate) fn needs_action(draft: &mut Draft, payment: &CardPayment, url: &str) {
    let recharge = &mut draft.account_mut().recharge;
    let State::Charging { failures } = recharge.state else { return };
    recharge.state = State::NeedsAction { failures };
    draft.add_event(EventDetails::RechargeNeedsAction {
        payment_id: payment.id.clone(),
        amount: payment.amount,
        url: url.to_owned(),
    });
}
