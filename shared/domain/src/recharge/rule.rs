//! The rule of auto-recharge: whether a charge is wanted and fits the limits, and opening it (R2, R3, R6).

use jiff::{SignedDuration, Timestamp};
use rust_decimal::prelude::ToPrimitive;

use crate::account::Account;
use crate::card_payment::{Backup, CardPayment, CardPaymentKind, CardPaymentState};
use crate::change::Decision;
use crate::draft::Draft;
use crate::event::EventDetails;
use crate::id::{Fingerprint, PaymentId, PaymentKind};
use crate::money::Money;
use crate::profile::Profile;
use crate::purchase::PurchaseLimits;
use crate::recharge::settings::{NewSettings, SettingsRefusal, configure, resume};
use crate::recharge::state::{Amounts, Limit, Safeguard, State};
use crate::time::{Month, day_of};

/// A charge that the operator's limits or the limit of lots hold back is looked at again after this long.
const NO_ROOM_FOR: SignedDuration = SignedDuration::from_hours(24);

/// What the operator allows.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Smallest and largest charge (F2).
    pub limits: PurchaseLimits,
    /// The most recharge amounts in a day (UTC); beyond them it pauses (R6).
    pub a_day: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { limits: PurchaseLimits::default(), a_day: 10 }
    }
}

/// Applies the rule (R2): opens a charge if one is wanted and fits the limits, and ends waits and limits whose time is up.
/// Changes nothing if there is nothing to do.
///
/// `begins_at` is the instant, by the machine's clock, at which the charge would begin. Its lease runs from there. `now` may be
/// much earlier, since a repeated message carries the instant at which it was first sent.
pub fn look(
    account: &Account,
    profile: &Profile,
    now: Timestamp,
    begins_at: Timestamp,
    policy: &Policy,
) -> Decision<Option<CardPayment>> {
    let due = account.due_for_attention().is_some_and(|due| due <= now.max(account.as_of));
    let mut draft = Draft::on(account, now);
    let now = draft.now();
    let available = draft.account().available(now);
    let Some(amounts) = draft.account().recharge.ready(now).cloned() else {
        // A lot that has expired by now may have emptied the account: finishing says so (N3, N4).
        return if due { draft.finish(None) } else { Decision::unchanged(None) };
    };
    if available > amounts.trigger {
        // A state other than armed is over by now, so the account was due.
        draft.account_mut().recharge.state = State::Armed;
        return if due { draft.finish(None) } else { Decision::unchanged(None) };
    }
    let payment = match fitting(draft.account(), &amounts, available, now, policy) {
        Ok(times) => Some(open(&mut draft, profile, &amounts, times, begins_at)),
        Err(held_back) => {
            hold_back(&mut draft, &held_back);
            None
        }
    };
    draft.finish(payment)
}

/// What new settings would do at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The amount that would be charged, if the account is low.
    pub charge: Option<Money>,
    /// The name of the limit or safeguard that would hold back a charge that is wanted.
    pub held_back: Option<&'static str>,
    /// If auto-recharge would still be waiting, paused or stopped: the amount that would be charged if it then began anew, as it does
    /// with a new card (F10) or when it is resumed (R6).
    pub charge_if_resumed: Option<Money>,
}

/// What new settings would do if they were saved now (R2, R3), and what a new start would do then (R6, F10).
///
/// # Errors
///
/// As saving them would be refused.
pub fn preview(
    account: &Account,
    profile: &Profile,
    now: Timestamp,
    new: &NewSettings,
    policy: &Policy,
) -> Result<Preview, SettingsRefusal> {
    let saved = configure(account, profile, now, new, &policy.limits)?;
    let account = saved.change.map_or_else(|| account.clone(), |change| change.account);
    let Decision { change, answer: payment } = look(&account, profile, now, now, policy);
    let held_back = change.and_then(|change| match change.account.recharge.state {
        State::Limited { why, .. } => Some(why.as_str()),
        State::Paused { why } => Some(why.as_str()),
        _ => None,
    });
    let begun_anew = if matches!(account.recharge.state, State::Waiting { .. }) {
        let mut anew = account.clone();
        anew.recharge.start_anew();
        Some(anew)
    } else {
        let resumed = resume(&account, now, &new.by.subject).ok().and_then(|decision| decision.change);
        resumed.map(|change| change.account)
    };
    let charge_if_resumed = begun_anew.and_then(|account| look(&account, profile, now, now, policy).answer);
    Ok(Preview {
        charge: payment.map(|payment| payment.amount),
        held_back,
        charge_if_resumed: charge_if_resumed.map(|payment| payment.amount),
    })
}

/// Why a wanted charge cannot begin.
enum HeldBack {
    Limited(Limit, Timestamp),
    Paused(Safeguard),
}

/// The number of recharge amounts to charge at once: the fewest that lift the balance above the trigger, or as many of them as
/// the limits allow (R3).
fn fitting(
    account: &Account,
    amounts: &Amounts,
    available: Money,
    now: Timestamp,
    policy: &Policy,
) -> Result<u32, HeldBack> {
    if !account.has_room_for_a_lot(now) {
        return Err(HeldBack::Limited(Limit::Lots, now + NO_ROOM_FOR));
    }
    let wanted = times_in(amounts.trigger - available, amounts.amount).saturating_add(1);
    let month = Month::of(now);
    let limit = amounts.monthly_limit.unwrap_or(Money::largest_sum(account.currency));
    let monthly = times_in(limit - account.recharge.charged_in(month, account.currency), amounts.amount);
    let at_once = times_in(policy.limits.largest(account.currency), amounts.amount);
    let today = policy.a_day.saturating_sub(account.recharge.counted_on(day_of(now)));
    if monthly == 0 {
        Err(HeldBack::Limited(Limit::Monthly, month.end()))
    } else if at_once == 0 {
        Err(HeldBack::Limited(Limit::Maximum, now + NO_ROOM_FOR))
    } else if today == 0 {
        Err(HeldBack::Paused(Safeguard::Runaway))
    } else {
        Ok(wanted.min(monthly).min(at_once).min(today))
    }
}

/// How often `amount` fits into `whole`; not at all if that is negative.
fn times_in(whole: Money, amount: Money) -> u32 {
    let times = (whole.amount() / amount.amount()).floor();
    if times.is_sign_negative() { 0 } else { times.to_u32().unwrap_or(u32::MAX) }
}

fn hold_back(draft: &mut Draft, held_back: &HeldBack) {
    let before = draft.account().recharge.state;
    let recharge = &mut draft.account_mut().recharge;
    match *held_back {
        HeldBack::Limited(why, until) => {
            recharge.state = State::Limited { until, why };
            // Said once, however often it is looked at again.
            if !matches!(before, State::Limited { why: told, .. } if told == why) {
                draft.add_event(EventDetails::RechargeLimited { why, until });
            }
        }
        HeldBack::Paused(why) => {
            recharge.state = State::Paused { why };
            draft.add_event(EventDetails::RechargePaused { why });
        }
    }
}

fn open(
    draft: &mut Draft,
    profile: &Profile,
    amounts: &Amounts,
    times: u32,
    begins_at: Timestamp,
) -> CardPayment {
    let (now, account) = (draft.now(), draft.account());
    let failures = account.recharge.failures();
    // The version is this commit's alone, so the id names this charge and no other; and the instant is, where books that
    // were restored count versions once more, which the card processor has seen before.
    let occasion = format!("{} {now}", account.version);
    let method = profile.payment_method.clone().expect("auto-recharge is on only with a card, which stays");
    let payment = CardPayment {
        account: account.id.clone(),
        id: PaymentId::derive(&account.id, PaymentKind::Recharge, &occasion),
        kind: CardPaymentKind::Recharge,
        created_at: now,
        amount: amounts.amount.times(times),
        fingerprint: Fingerprint::of([occasion.as_str()]),
        attempt: 1,
        method,
        backup: profile.backup.clone().map_or(Backup::None, Backup::Ready),
        po_number: profile.po_number.clone(),
        recharge_amounts: Some(times),
        revision: 1,
        state: CardPaymentState::Open { intent: None },
    };
    draft.open_payment(payment.clone(), now.max(begins_at));
    draft.account_mut().recharge.state = State::Charging { failures };
    payment
}
