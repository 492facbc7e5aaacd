//! Parts of an account as several pages show them.

use contract::{Account, Card};
use domain::time::Month;
use domain::{BillingModel, Locale};
use jiff::Timestamp;
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

/// How the account is billed. It is switching as long as auto-recharge holds up the switch to post-usage billing.
pub(crate) fn billing_model(account: &Account) -> BillingModel {
    match (account.billing_model.as_str(), account.switch.as_deref()) {
        ("postUsage", Some("pending")) => BillingModel::Switching,
        ("postUsage", _) => BillingModel::PostUsage,
        _ => BillingModel::Prepaid,
    }
}

/// Whether the switch to post-usage billing is complete.
pub(crate) fn is_post_usage(account: &Account) -> bool {
    billing_model(account) == BillingModel::PostUsage
}

/// The status of an account that is billed so, by the API's name of it: its tag, and the sentence beside it.
pub(crate) fn status(name: &str, billing: BillingModel, locale: Locale) -> (Tag, String) {
    let (tag, sentence) = wording::glossary::account_status(name, billing, locale);
    let tone = match (billing, name) {
        (BillingModel::PostUsage, _) => Tone::Info,
        (_, DEPLETED) => Tone::Bad,
        _ => Tone::Good,
    };
    (Tag { tone, text: tag.into_owned() }, sentence.into_owned())
}

/// The API's name of an account that has nothing available.
pub(crate) const DEPLETED: &str = "depleted";

/// How long a card can still be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CardLife {
    Long,
    /// It ends within 60 days.
    Short,
    Expired,
}

/// A card that ends sooner is to be replaced.
const SHORT_LIFE_DAYS: i64 = 60;

/// The last month in which a card can be charged. None if the card does not say it in a form that is known.
pub(crate) fn last_month(card: &Card) -> Option<Month> {
    Month::parse(&format!("{:04}-{:02}", card.exp_year, card.exp_month))
}

/// How long the card can still be charged. Of a card that does not say it, no end is known.
pub(crate) fn card_life(card: &Card, now: Timestamp) -> CardLife {
    let Some(month) = last_month(card) else { return CardLife::Long };
    match figures::days_until(now, month.end()) {
        None => CardLife::Expired,
        Some(days) if days < SHORT_LIFE_DAYS => CardLife::Short,
        Some(_) => CardLife::Long,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_can_be_charged_until_the_end_of_its_month() {
        let life = |exp_year, exp_month, now: &str| {
            let card = Card { brand: "visa".into(), last4: "4242".into(), exp_month, exp_year };
            card_life(&card, now.parse().unwrap())
        };
        assert_eq!(life(2026, 11, "2026-11-30T23:59:59Z"), CardLife::Short);
        assert_eq!(life(2026, 11, "2026-12-01T00:00:00Z"), CardLife::Expired);
        assert_eq!(life(2026, 12, "2026-11-02T00:00:00Z"), CardLife::Long);
        assert_eq!(life(2026, 12, "2026-11-03T00:00:00Z"), CardLife::Short);
        assert_eq!(life(2030, 13, "2026-11-03T00:00:00Z"), CardLife::Long);
    }
}
