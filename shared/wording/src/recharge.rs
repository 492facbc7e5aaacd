//! The states of auto-recharge (R7) in words.

use domain::{Locale, Money};
use jiff::Timestamp;

use crate::glossary::unknown_state;
use crate::{amount, date, date_and_time, decline, one_line};

/// The state of auto-recharge, as the API's answers have it. A value that is not known is left out of the sentence.
///
/// # Example
///
/// ```
/// use domain::{Currency, Money};
/// use wording::Locale;
/// use wording::recharge::RechargeState;
///
/// let euros = |amount: &str| Money::new(amount.parse().unwrap(), Currency::parse("EUR").unwrap()).ok();
/// let on = RechargeState { state: "armed", amount: euros("100"), trigger: euros("50"), ..RechargeState::default() };
/// assert_eq!(on.tag(Locale::Fr), "Activée");
/// assert_eq!(on.sentence(Locale::En), "Adds EUR\u{a0}100.00 when the balance reaches EUR\u{a0}50.00.");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RechargeState<'a> {
    /// The API's name of the state.
    pub state: &'a str,
    /// Why it is held back: a limit, a safeguard, or the card processor's decline code.
    pub why: Option<&'a str>,
    /// The amount that it adds, or that is being charged.
    pub amount: Option<Money>,
    /// The trigger amount.
    pub trigger: Option<Money>,
    /// The instant until which it is held back.
    pub until: Option<Timestamp>,
    /// When the card was declined.
    pub failed_at: Option<Timestamp>,
    /// The card, as [`card`](crate::card) writes it.
    pub card: Option<&'a str>,
    /// Beyond how many amounts a day it is paused.
    pub a_day: Option<u32>,
}

impl RechargeState<'_> {
    /// The state in a word or two. A state that is not known is its raw name.
    pub fn tag(&self, locale: Locale) -> String {
        let tag = match self.state {
            "off" => off(locale),
            "armed" => on(locale),
            "charging" => charging(locale),
            "waiting" => waiting(locale),
            "needsAction" => needs_action(locale),
            "limited" => limited(locale),
            "paused" => paused(locale),
            "stopped" => stopped(locale),
            other => return one_line(other),
        };
        tag.to_owned()
    }

    /// The state in sentences.
    pub fn sentence(&self, locale: Locale) -> String {
        match self.state {
            "off" => says_off(locale).to_owned(),
            "armed" => self.armed(locale),
            "charging" => self.charging(locale),
            "waiting" => self.waiting(locale),
            "needsAction" => match self.amount {
                Some(asked) => says_needs_action(&amount(asked, locale), locale),
                None => says_needs_action_for_something(locale).to_owned(),
            },
            "limited" => self.limited(locale),
            "paused" => self.paused(locale),
            "stopped" => says_stopped(locale).to_owned(),
            other => unknown_state(&one_line(other), locale),
        }
    }

    fn armed(&self, locale: Locale) -> String {
        match self.amount.zip(self.trigger) {
            Some((added, trigger)) => says_armed(&amount(added, locale), &amount(trigger, locale), locale),
            None => says_on(locale).to_owned(),
        }
    }

    fn charging(&self, locale: Locale) -> String {
        match (self.card, self.amount) {
            (Some(card), Some(charged)) => says_charging(card, &amount(charged, locale), locale),
            _ => says_charging_something(locale).to_owned(),
        }
    }

    fn waiting(&self, locale: Locale) -> String {
        let mut said = match self.failed_at {
            Some(at) => declined_on(&date_and_time(at, locale), locale),
            None => declined(locale).to_owned(),
        };
        if let Some(code) = self.why {
            said = format!("{said} {}", decline(code, locale).why);
        }
        match self.until {
            Some(until) => format!("{said} {}", next_try(&date_and_time(until, locale), locale)),
            None => said,
        }
    }

    fn limited(&self, locale: Locale) -> String {
        match (self.why, self.until) {
            (Some("monthly"), Some(until)) => says_monthly_until(&date(until, locale), locale),
            (Some("monthly"), None) => says_monthly(locale).to_owned(),
            (Some("maximum"), _) => says_maximum(locale).to_owned(),
            (Some("lots"), _) => says_lots(locale).to_owned(),
            _ => says_limited(locale).to_owned(),
        }
    }

    fn paused(&self, locale: Locale) -> String {
        match (self.why, self.a_day) {
            (Some("runaway"), Some(count)) => says_runaway_after(&count.to_string(), locale),
            (Some("runaway"), None) => says_runaway(locale).to_owned(),
            (Some("refund"), _) => says_refund(locale).to_owned(),
            (Some("dispute"), _) => says_dispute(locale).to_owned(),
            _ => says_paused(locale).to_owned(),
        }
    }
}

crate::words! {
    fn off() { "Off", "Désactivée" }
    fn on() { "On", "Activée" }
    fn charging() { "Charging", "Débit en cours" }
    fn waiting() { "Waiting", "En attente" }
    fn needs_action() { "Needs you", "Action requise" }
    fn limited() { "At its limit", "Limite atteinte" }
    fn paused() { "Paused", "Suspendue" }
    fn stopped() { "Stopped", "Arrêtée" }

    fn says_off() { "No card is charged by itself.", "Aucune carte n’est débitée automatiquement." }
    fn says_on() {
        "The card is charged when the balance reaches the trigger amount.",
        "La carte est débitée lorsque le solde atteint le montant de déclenchement.",
    }
    fn says_armed(amount: &str, trigger: &str) {
        "Adds {amount} when the balance reaches {trigger}.",
        "Ajoute {amount} lorsque le solde atteint {trigger}.",
    }
    fn says_charging(card: &str, amount: &str) {
        "{card} is being charged {amount}.",
        "La carte {card} est débitée de {amount}.",
    }
    fn says_charging_something() { "The card is being charged.", "La carte est en cours de débit." }
    fn declined_on(instant: &str) { "The card was declined on {instant}.", "La carte a été refusée le {instant}." }
    fn declined() { "The card was declined.", "La carte a été refusée." }
    fn next_try(instant: &str) {
        "Next try on {instant}, if the balance is still low.",
        "Nouvel essai le {instant}, si le solde est encore bas.",
    }
    fn says_needs_action(amount: &str) {
        "The bank wants the card’s owner to confirm {amount}. Nothing is charged before.",
        "La banque demande au titulaire de la carte de confirmer {amount}. Rien n’est débité avant.",
    }
    fn says_needs_action_for_something() {
        "The bank wants the card’s owner to confirm a payment. Nothing is charged before.",
        "La banque demande au titulaire de la carte de confirmer un paiement. Rien n’est débité avant.",
    }
    fn says_monthly_until(date: &str) {
        "The monthly limit leaves no room until {date} (UTC).",
        "La limite mensuelle ne laisse plus de place jusqu’au {date} (UTC).",
    }
    fn says_monthly() { "The monthly limit leaves no room.", "La limite mensuelle ne laisse plus de place." }
    fn says_maximum() {
        "The amount is larger than a single charge may be.",
        "Le montant dépasse ce qui peut être débité en une fois.",
    }
    fn says_lots() {
        "There are as many purchases with unused funds as there may be; there is room when one is used up or has expired.",
        "Il y a déjà autant d’achats avec des fonds inutilisés que possible ; la place se libère lorsque l’un d’eux est épuisé \
         ou a expiré.",
    }
    fn says_limited() {
        "A limit keeps it from charging the card.",
        "Une limite l’empêche de débiter la carte.",
    }
    fn says_runaway_after(count: &str) {
        "As a safeguard: {count} amounts were charged in a day. Check your calls, then resume.",
        "Par sécurité : {count} montants ont été débités en un jour. Vérifiez vos appels, puis relancez-la.",
    }
    fn says_runaway() {
        "As a safeguard: the card was charged too often in a day. Check your calls, then resume.",
        "Par sécurité : la carte a été débitée trop souvent en un jour. Vérifiez vos appels, puis relancez-la.",
    }
    fn says_refund() {
        "A refund paused it until an administrator resumes it.",
        "Un remboursement l’a suspendue jusqu’à ce qu’un administrateur la relance.",
    }
    fn says_dispute() {
        "A dispute paused it until an administrator resumes it.",
        "Un litige l’a suspendue jusqu’à ce qu’un administrateur la relance.",
    }
    fn says_paused() {
        "No card is charged until an administrator resumes it.",
        "Aucune carte n’est débitée jusqu’à ce qu’un administrateur la relance.",
    }
    fn says_stopped() {
        "The card was declined for good or too often. It is not tried again by itself.",
        "La carte a été refusée définitivement ou trop souvent. Elle n’est plus essayée automatiquement.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Currency;

    const STATES: [&str; 8] =
        ["off", "armed", "charging", "waiting", "needsAction", "limited", "paused", "stopped"];

    fn state(state: &str) -> RechargeState<'_> {
        RechargeState { state, ..RechargeState::default() }
    }

    fn plain(text: &str) -> String {
        text.replace(['\u{a0}', '\u{202f}'], " ")
    }

    #[test]
    fn every_state_has_words_even_where_nothing_else_is_known() {
        for locale in Locale::ALL {
            for name in STATES {
                assert_ne!(state(name).tag(locale), name);
                assert!(state(name).sentence(locale).ends_with('.'), "{name}");
            }
        }
        assert_eq!(state("dreaming").tag(Locale::Fr), "dreaming");
        assert_eq!(state("dreaming").sentence(Locale::Fr), "État\u{a0}: dreaming");
        assert_eq!(state("dreaming").sentence(Locale::En), "State: dreaming");
    }

    #[test]
    fn sentences_name_amounts_and_instants() {
        let euros = |amount: &str| Money::new(amount.parse().unwrap(), Currency::parse("EUR").unwrap()).ok();
        let instant = |text: &str| Some(text.parse().unwrap());
        let known = RechargeState {
            amount: euros("100"),
            trigger: euros("50"),
            card: Some("Visa ending in 4242"),
            until: instant("2026-12-01T00:00:00Z"),
            failed_at: instant("2026-11-25T09:05:00Z"),
            a_day: Some(10),
            ..state("")
        };
        for (state, why, english) in [
            ("armed", None, "Adds EUR 100.00 when the balance reaches EUR 50.00."),
            ("charging", None, "Visa ending in 4242 is being charged EUR 100.00."),
            (
                "waiting",
                Some("expired_card"),
                "The card was declined on 25 November 2026, 09:05 UTC. The card has expired. Next try on 1 December 2026, 00:00 \
                 UTC, if the balance is still low.",
            ),
            ("limited", Some("monthly"), "The monthly limit leaves no room until 1 December 2026 (UTC)."),
            ("limited", Some("other"), "A limit keeps it from charging the card."),
            (
                "paused",
                Some("runaway"),
                "As a safeguard: 10 amounts were charged in a day. Check your calls, then resume.",
            ),
            ("paused", Some("dispute"), "A dispute paused it until an administrator resumes it."),
        ] {
            assert_eq!(plain(&RechargeState { state, why, ..known }.sentence(Locale::En)), english);
        }
        let waiting = RechargeState { state: "waiting", why: Some("expired_card"), ..known };
        assert_eq!(
            plain(&waiting.sentence(Locale::Fr)),
            "La carte a été refusée le 25 novembre 2026 à 09:05 UTC. La carte a expiré. Nouvel essai le 1er décembre 2026 à \
             00:00 UTC, si le solde est encore bas."
        );
    }
}
