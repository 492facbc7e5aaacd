//! Changing auto-recharge: its amounts, on and off, another card, and resuming it (R1, R5, R6, F10).

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::account::{Account, BillingModel};
use crate::card_payment::CardPaymentKind;
use crate::change::Decision;
use crate::draft::Draft;
use crate::event::{EventDetails, NewAutoRecharge, NewValues, Setting};
use crate::money::{Currency, Money};
use crate::profile::{Author, Profile};
use crate::purchase::{PurchaseLimits, PurchaseRefusal};
use crate::recharge::state::{Amounts, Safeguard, State};

/// New settings, as a person asks for them.
#[derive(Clone, Debug)]
pub struct NewSettings {
    /// On or off.
    pub enabled: bool,
    /// Required when on. When off, an amount that is left out stays.
    pub trigger: Option<Decimal>,
    /// Likewise.
    pub amount: Option<Decimal>,
    /// None is no limit.
    pub monthly_limit: Option<Decimal>,
    /// By whom.
    pub by: Author,
}

/// Why settings cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsRefusal {
    /// Amounts are missing or wrong: each with its name in the API.
    #[error("amounts are missing or wrong")]
    Amounts(Vec<(&'static str, WrongAmount)>),
    /// There is nothing to charge.
    #[error("the account has no saved payment method: save one first")]
    NoPaymentMethod,
    /// S8.
    #[error("an account that pays after use has no auto-recharge")]
    PostUsage,
}

/// Why an amount cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongAmount {
    /// It is left out.
    #[error("expected an amount when enabled")]
    Missing,
    /// A card cannot be charged so much.
    #[error(transparent)]
    NotChargeable(#[from] PurchaseRefusal),
    /// A monthly limit that no recharge fits.
    #[error("expected at least the rechargeAmount, {0}")]
    BelowRechargeAmount(Money),
}

/// Changes the settings (R1). Turning it off withdraws an open charge (R5). Changed amounts are a new start.
///
/// # Errors
///
/// Every amount that is wrong, or that there is no card to charge, or that the account pays after use.
pub fn configure(
    account: &Account,
    profile: &Profile,
    now: Timestamp,
    new: &NewSettings,
    limits: &PurchaseLimits,
) -> Result<Decision<()>, SettingsRefusal> {
    let before = &account.recharge;
    let amounts = match read_amounts(new, account.currency, limits)? {
        Some(amounts) => Some(amounts),
        None => before.amounts.clone(),
    };
    if new.enabled && account.billing_model == BillingModel::PostUsage {
        return Err(SettingsRefusal::PostUsage);
    }
    if new.enabled && profile.payment_method.is_none() {
        return Err(SettingsRefusal::NoPaymentMethod);
    }
    if new.enabled == before.enabled() && amounts == before.amounts {
        return Ok(Decision::unchanged(()));
    }
    let mut draft = Draft::on(account, now);
    draft.account_mut().recharge.amounts = amounts;
    if !new.enabled {
        turn_off(&mut draft);
    } else if draft.account().recharge.enabled() {
        draft.account_mut().recharge.start_anew();
    } else {
        let charging = draft.account().open_recharge().is_some();
        draft.account_mut().recharge.state =
            if charging { State::Charging { failures: 0 } } else { State::Armed };
    }
    let auto_recharge = Some(new_auto_recharge(draft.account()));
    let values = NewValues { auto_recharge, ..NewValues::default() };
    draft.change_settings(vec![Setting::AutoRecharge], &new.by, profile, profile.clone(), values);
    Ok(draft.finish(()))
}

/// Reads the amounts. Both of a recharge must be there, and every wrong one is named.
fn read_amounts(
    new: &NewSettings,
    currency: Currency,
    limits: &PurchaseLimits,
) -> Result<Option<Amounts>, SettingsRefusal> {
    let mut wrong = Vec::new();
    let mut check = |field, amount: Result<Option<Money>, WrongAmount>| {
        amount.unwrap_or_else(|why| {
            wrong.push((field, why));
            None
        })
    };
    let named = |given: Option<Decimal>| match given {
        Some(amount) => Ok(Some(limits.check(amount, currency)?)),
        None if new.enabled => Err(WrongAmount::Missing),
        None => Ok(None),
    };
    let trigger = check("triggerAmount", named(new.trigger));
    let amount = check("rechargeAmount", named(new.amount));
    let monthly_limit = check("monthlyLimit", read_limit(new.monthly_limit, amount, currency));
    if !wrong.is_empty() {
        return Err(SettingsRefusal::Amounts(wrong));
    }
    let (Some(trigger), Some(amount)) = (trigger, amount) else { return Ok(None) };
    Ok(Some(Amounts { trigger, amount, monthly_limit }))
}

fn read_limit(
    limit: Option<Decimal>,
    recharge_amount: Option<Money>,
    currency: Currency,
) -> Result<Option<Money>, WrongAmount> {
    let Some(limit) = limit else { return Ok(None) };
    let limit = Money::in_minor_units(limit, currency).map_err(PurchaseRefusal::from)?;
    match recharge_amount {
        Some(amount) if limit < amount => Err(WrongAmount::BelowRechargeAmount(amount)),
        _ => Ok(Some(limit)),
    }
}

/// Turns auto-recharge off, and withdraws an open charge (R5). The amounts stay.
pub(crate) fn turn_off(draft: &mut Draft) {
    let recharge = &mut draft.account_mut().recharge;
    recharge.state = State::Off;
    recharge.last_failure = None;
    withdraw_open(draft);
}

/// Starts anew with a new card, and withdraws a charge that is open with the old one (F10).
pub fn card_changed(draft: &mut Draft) {
    draft.account_mut().recharge.start_anew();
    withdraw_open(draft);
}

/// Starts anew with the same card, which has new data. A charge that is open goes on.
pub(crate) fn card_renewed(draft: &mut Draft) {
    draft.account_mut().recharge.start_anew();
}

/// Marks the open charge as withdrawn. The caller cancels it after its commit, or else recovery does.
fn withdraw_open(draft: &mut Draft) {
    let now = draft.now();
    let open = &mut draft.account_mut().open_payments;
    for payment in open.iter_mut().filter(|payment| payment.kind == CardPaymentKind::Recharge) {
        payment.withdrawn = true;
        payment.recover_at = now;
    }
}

/// Pauses auto-recharge until an administrator resumes it (R6, F9). A charge that is open goes on.
pub(crate) fn pause(draft: &mut Draft, why: Safeguard) {
    let recharge = &mut draft.account_mut().recharge;
    if !matches!(recharge.state, State::Off | State::Paused { .. }) {
        recharge.state = State::Paused { why };
        draft.add_event(EventDetails::RechargePaused { why });
    }
}

/// There is nothing to resume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("auto-recharge is neither paused nor stopped")]
pub struct NothingToResume;

/// Resumes auto-recharge that a safeguard paused or declines stopped (R6). People are told who did (N9), though no setting changes.
///
/// # Errors
///
/// [`NothingToResume`] in any other state.
pub fn resume(account: &Account, now: Timestamp, by: &str) -> Result<Decision<()>, NothingToResume> {
    if !matches!(account.recharge.state, State::Paused { .. } | State::Stopped) {
        return Err(NothingToResume);
    }
    let mut draft = Draft::on(account, now);
    // A refund or a dispute pauses it even while a charge is open.
    let charging = draft.account().open_recharge().is_some();
    let recharge = &mut draft.account_mut().recharge;
    recharge.state = if charging { State::Charging { failures: 0 } } else { State::Armed };
    recharge.counted = None;
    let auto_recharge = NewAutoRecharge { resumed: true, ..new_auto_recharge(draft.account()) };
    draft.add_event(EventDetails::SettingsChanged {
        fields: vec![Setting::AutoRecharge],
        by: by.to_owned(),
        added_recipients: Vec::new(),
        removed_recipients: Vec::new(),
        new: NewValues { auto_recharge: Some(auto_recharge), ..NewValues::default() },
    });
    Ok(draft.finish(()))
}

/// The settings of auto-recharge as they are now.
pub(crate) fn new_auto_recharge(account: &Account) -> NewAutoRecharge {
    let recharge = &account.recharge;
    let amounts = recharge.amounts.as_ref();
    NewAutoRecharge {
        enabled: recharge.enabled(),
        resumed: false,
        recharge_amount: amounts.map(|amounts| amounts.amount),
        trigger_amount: amounts.map(|amounts| amounts.trigger),
        monthly_limit: amounts.and_then(|amounts| amounts.monthly_limit),
    }
}
