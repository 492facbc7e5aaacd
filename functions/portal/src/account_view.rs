//! Parts of an account as several pages show them.

use contract::{Account, Card};
use domain::Locale;
use wording::recharge::RechargeState;

use crate::figures;
use crate::frame::Tone;

/// A word with its colour.
pub(crate) struct Tag {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// `Visa ending in 4242`.
pub(crate) fn card(card: &Card, locale: Locale) -> String {
    wording::card(&card.brand, &card.last4, locale)
}

/// The state of auto-recharge: its tag, and the sentence beside it.
pub(crate) fn recharge_state(account: &Account, locale: Locale) -> (Tag, String) {
    recharge_state_with(account, None, locale)
}

/// The same, with the amount of the recharge that has no outcome yet, which may be a multiple of the amount of the settings.
pub(crate) fn recharge_state_with(account: &Account, open: Option<&str>, locale: Locale) -> (Tag, String) {
    let recharge = &account.auto_recharge;
    let money = |amount: &Option<String>| figures::money(amount.as_deref()?, &account.currency);
    let saved = account.payment_method.as_ref().map(|saved| card(saved, locale));
    let state = RechargeState {
        state: &recharge.state,
        why: recharge.why.as_deref(),
        amount: match open {
            Some(open) => figures::money(open, &account.currency),
            None => money(&recharge.recharge_amount),
        },
        trigger: money(&recharge.trigger_amount),
        until: recharge.until.map(Into::into),
        failed_at: recharge.last_failure.as_ref().map(|failure| failure.at.into()),
        card: saved.as_deref(),
        a_day: Some(account.limits.recharges_per_day),
    };
    let tone = match recharge.state.as_str() {
        "armed" => Tone::Good,
        "waiting" | "limited" | "needsAction" => Tone::Warn,
        "paused" | "stopped" => Tone::Bad,
        _ => Tone::Info,
    };
    (Tag { tone, text: state.tag(locale) }, state.sentence(locale))
}
