//! Cards, and why a bank declines one.

use domain::Locale;

use crate::one_line;

/// A card's brand as its company writes it, by the card processor's name for it. An unknown name stays as it is.
pub fn card_brand(name: &str) -> &str {
    match name {
        "amex" => "American Express",
        "cartes_bancaires" => "CB",
        "diners" => "Diners Club",
        "discover" => "Discover",
        "jcb" => "JCB",
        "mastercard" => "Mastercard",
        "unionpay" => "UnionPay",
        "visa" => "Visa",
        other => other,
    }
}

/// A card, by its brand and last four digits (X2).
///
/// # Example
///
/// ```
/// use wording::{Locale, card};
/// assert_eq!(card("visa", "4242", Locale::En), "Visa ending in 4242");
/// assert_eq!(card("visa", "4242", Locale::Fr), "Visa se terminant par 4242");
/// ```
pub fn card(brand: &str, last4: &str, locale: Locale) -> String {
    let (brand, last4) = (one_line(card_brand(brand)), one_line(last4));
    ending_in(&brand, &last4, locale)
}

/// Why a payment was declined, in whole sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decline {
    /// The reason.
    pub why: String,
    /// Advice to the reader.
    pub advice: &'static str,
}

/// Why a payment was declined, by the card processor's code. The code of an unknown reason is quoted.
///
/// Source of the codes: <https://docs.stripe.com/declines/codes>. The code `abandoned` is ours.
///
/// # Example
///
/// ```
/// use wording::{Locale, decline};
/// assert_eq!(decline("expired_card", Locale::En).why, "The card has expired.");
/// assert_eq!(decline("expired_card", Locale::Fr).advice, "Utilisez une autre carte.");
/// ```
pub fn decline(code: &str, locale: Locale) -> Decline {
    let (why, advice) = match code {
        "card_declined" | "generic_decline" => (declined_without_reason(locale), ask_the_bank(locale)),
        "insufficient_funds" => (insufficient_funds(locale), make_chargeable(locale)),
        "expired_card" => (expired(locale), use_another_card(locale)),
        "lost_card" => (lost(locale), use_another_card(locale)),
        "stolen_card" => (stolen(locale), use_another_card(locale)),
        "do_not_try_again"
        | "fraudulent"
        | "highest_risk_level"
        | "merchant_blacklist"
        | "pickup_card"
        | "restricted_card"
        | "transaction_not_allowed" => (not_chargeable(locale), use_another_card(locale)),
        "authentication_required" => (not_confirmed(locale), confirm(locale)),
        "processing_error" => (processing_error(locale), check_the_card(locale)),
        "abandoned" => (abandoned(locale), pay_again(locale)),
        other => {
            return Decline { why: other_reason(&one_line(other), locale), advice: use_another_card(locale) };
        }
    };
    Decline { why: why.to_owned(), advice }
}

crate::words! {
    fn ending_in(brand: &str, last4: &str) { "{brand} ending in {last4}", "{brand} se terminant par {last4}" }

    fn declined_without_reason() {
        "The bank declined the card and did not say why.",
        "La banque a refusé la carte sans dire pourquoi.",
    }
    fn insufficient_funds() {
        "There is not enough money on the card’s account, or its limit is reached.",
        "La provision de la carte est insuffisante, ou son plafond est atteint.",
    }
    fn expired() { "The card has expired.", "La carte a expiré." }
    fn lost() { "The card was reported as lost.", "La carte a été déclarée perdue." }
    fn stolen() { "The card was reported as stolen.", "La carte a été déclarée volée." }
    fn not_chargeable() {
        "The bank does not allow this card to be charged.",
        "La banque n’autorise pas le débit de cette carte.",
    }
    fn not_confirmed() {
        "The bank wanted the card’s owner to confirm the payment, and it was not confirmed.",
        "La banque voulait que le titulaire de la carte confirme le paiement, et il n’a pas été confirmé.",
    }
    fn processing_error() {
        "There was a technical error while the card was processed.",
        "Une erreur technique s’est produite pendant le traitement de la carte.",
    }
    fn abandoned() { "Nobody completed the payment in time.", "Le paiement n’a pas été terminé à temps." }
    fn other_reason(code: &str) { "The reason given is “{code}”.", "La raison donnée est « {code} »." }

    fn ask_the_bank() {
        "Please ask the bank, or use another card.",
        "Renseignez-vous auprès de la banque ou utilisez une autre carte.",
    }
    fn make_chargeable() {
        "Please see to it that the card can be charged, or use another one.",
        "Faites en sorte que la carte puisse être débitée, ou utilisez-en une autre.",
    }
    fn use_another_card() { "Please use another card.", "Utilisez une autre carte." }
    fn confirm() {
        "Please add funds and confirm the payment with the bank, or use another card.",
        "Ajoutez des fonds en confirmant le paiement auprès de la banque, ou utilisez une autre carte.",
    }
    fn check_the_card() {
        "Please check that the card is still right, or use another one.",
        "Vérifiez que la carte est toujours la bonne, ou utilisez-en une autre.",
    }
    fn pay_again() { "Add funds again to pay.", "Ajoutez de nouveau des fonds pour payer." }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_codes_are_explained_and_others_quoted() {
        for locale in Locale::ALL {
            for code in [
                "card_declined",
                "generic_decline",
                "insufficient_funds",
                "expired_card",
                "lost_card",
                "stolen_card",
                "do_not_try_again",
                "authentication_required",
                "processing_error",
                "abandoned",
            ] {
                assert!(!decline(code, locale).why.contains(code), "{code} in {locale:?}");
            }
            assert!(decline("do_not_honor", locale).why.contains("do_not_honor"));
        }
        assert_eq!(decline("a\r\nb", Locale::Fr).why, "La raison donnée est «\u{a0}a b\u{a0}».");
    }

    #[test]
    fn an_unknown_brand_stays_as_it_is() {
        assert_eq!(card("elo", "1234", Locale::En), "elo ending in 1234");
        assert_eq!(card("cartes_bancaires", "1234", Locale::Fr), "CB se terminant par 1234");
    }
}
