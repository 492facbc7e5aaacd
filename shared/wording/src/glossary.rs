//! The words of the product. Pages, mails and documents name one thing with one word.
//!
//! The French words are those of the product's help pages. English says *funds* for what is bought, and *Communications Credits* for
//! the product.

use std::borrow::Cow;

use domain::{BillingModel, Locale, Service};
use jiff::Timestamp;

use crate::one_line;

crate::words! {
    /// The product.
    pub fn product() { "Communications Credits", "Crédits de communication" }
    /// The site.
    pub fn admin_center() { "Admin center", "Centre d’administration" }
    /// The page of products.
    pub fn your_products() { "Your products", "Vos produits" }
    /// The part of the product's page that has the settings of billing.
    pub fn billing_settings() { "Billing settings", "Paramètres de facturation" }
    /// Settings in general.
    pub fn settings() { "settings", "paramètres" }
    /// The link to the page [`auto_recharge_settings`].
    pub fn edit_auto_recharge() {
        "Edit auto-recharge settings", "Modifier les paramètres de recharge automatique",
    }
    /// The page of auto-recharge.
    pub fn auto_recharge_settings() { "Auto-recharge settings", "Paramètres de recharge automatique" }
    /// Auto-recharge.
    pub fn auto_recharge() { "Auto-recharge", "Recharge automatique" }
    /// The button that resumes auto-recharge.
    pub fn resume_auto_recharge() { "Resume auto-recharge", "Relancer la recharge automatique" }
    /// The button that turns auto-recharge off.
    pub fn turn_auto_recharge_off() { "Turn off auto-recharge", "Désactiver la recharge automatique" }
    /// The button that saves a form.
    pub fn save() { "Save", "Enregistrer" }
    /// The button that leaves a form.
    pub fn cancel() { "Cancel", "Annuler" }
    /// The page and the button that buy funds.
    pub fn add_funds() { "Add funds", "Ajouter des fonds" }
    /// The funds, which are bought, and which calls are paid from.
    pub fn funds() { "Funds", "Fonds" }
    /// The unspent funds less the owed amount.
    pub fn balance() { "Balance", "Solde" }
    /// The balance without funds that have expired.
    pub fn available_balance() { "Available balance", "Solde disponible" }
    /// The available balance, beside a word that names the balance.
    pub fn available() { "Available", "Disponible" }
    /// The amount that is reserved for calls in progress.
    pub fn reserved() { "Reserved for calls in progress", "Réservé aux appels en cours" }
    /// The owed amount.
    pub fn owed() { "Owed", "Montant dû" }
    /// The balance at which auto-recharge charges the card.
    pub fn trigger_amount() { "Trigger amount", "Montant de déclenchement" }
    /// The amount of one charge of auto-recharge, as the label of its field.
    pub fn add_this_amount() { "Add this amount", "Ajouter ce montant" }
    /// The trigger amount, as the label of its field.
    pub fn when_balance_reaches() { "When balance reaches", "Lorsque le solde atteint" }
    /// The most that auto-recharge charges in a month.
    pub fn monthly_limit() { "Monthly limit", "Limite mensuelle" }
    /// The balance at which recipients are warned.
    pub fn warning_amount() { "Warning amount", "Montant d’alerte" }
    /// The page of the saved cards.
    pub fn payment_method() { "Payment method", "Moyen de paiement" }
    /// A saved card.
    pub fn card() { "Card", "Carte" }
    /// The second card.
    pub fn backup_card() { "Backup card", "Carte de secours" }
    /// The card processor, as the author of a change.
    pub fn card_processor() { "the card processor", "le prestataire de paiement" }
    /// The number that the organization's purchasing wants on receipts.
    pub fn po_number() { "PO number", "Bon de commande" }
    /// The published rates.
    pub fn published_rates() { "Published rates", "Tarifs publiés" }
    /// The page of rates and plans.
    pub fn rates_and_plans() { "Rates and plans", "Tarifs et forfaits" }
    /// Until when funds can be used.
    pub fn usable_until() { "Usable until", "Utilisables jusqu’au" }
    /// The fate of unused funds.
    pub fn expire_and_are_lost() { "expire and are lost", "expirent et sont perdus" }
    /// When funds were bought.
    pub fn purchase_date() { "Purchase date", "Date d’achat" }
    /// When funds expire.
    pub fn expiry() { "Expires", "Expiration" }
    /// Paying for calls after use.
    pub fn post_usage_billing() { "Post-usage billing", "Facturation post-utilisation" }
    /// A plan with included minutes.
    pub fn calling_plan() { "Calling plan", "Forfait d’appels" }
    /// A plan without included minutes.
    pub fn pay_as_you_go_plan() { "Pay-as-you-go plan", "Forfait avec paiement à l’utilisation" }
    /// Conferences that people dial into.
    pub fn audio_conferencing() { "Audio conferencing", "Audioconférence" }
    /// The minutes that a plan includes in a month.
    pub fn monthly_minutes() { "Monthly minutes", "Allocation de minutes mensuelle" }
    /// The minutes that a plan includes.
    pub fn included_minutes() { "Included minutes", "Minutes incluses" }
    /// The minutes that calls have used.
    pub fn minutes_used() { "Minutes used", "Minutes utilisées" }
    /// A number that is free for the caller.
    pub fn toll_free_number() { "Toll-free number", "Numéro de téléphone gratuit" }
    /// The page of mails and their recipients.
    pub fn notifications() { "Notifications", "Notifications" }
    /// The people who get mails.
    pub fn recipients() { "Recipients", "Destinataires" }
    /// The page of journal entries.
    pub fn transactions() { "Transactions", "Opérations" }
    /// The page of usage reports.
    pub fn usage() { "Usage", "Consommation" }
    /// The page of documents.
    pub fn receipts_and_invoices() { "Receipts and invoices", "Reçus et factures" }
    /// The document of a payment.
    pub fn receipt() { "Receipt", "Reçu" }
    /// The document that asks for a month's charges.
    pub fn invoice() { "Invoice", "Facture" }
    /// The document of a refund.
    pub fn credit_note() { "Credit note", "Avoir" }
    /// The document of a period.
    pub fn statement() { "Statement", "Relevé" }
    /// The page of spending limits.
    pub fn spending_limits() { "Spending limits", "Limites de dépenses" }
    /// The account of an organization.
    pub fn account() { "Account", "Compte" }
    /// The organization.
    pub fn organization() { "Organization", "Organisation" }
    /// An amount.
    pub fn amount() { "Amount", "Montant" }
    /// A date.
    pub fn date() { "Date", "Date" }
    /// A calendar month in UTC.
    pub fn month() { "Month (UTC)", "Mois (UTC)" }
    /// A sum of all.
    pub fn total() { "Total", "Total" }
    /// A person who may change settings and buy.
    pub fn administrator() { "Administrator", "Administrateur" }
    /// A person who may look.
    pub fn viewer() { "Viewer", "Lecteur" }
    /// A person who runs the service.
    pub fn operator() { "Operator", "Opérateur" }

    /// A state without a word of its own.
    pub fn unknown_state(name: &str) { "State: {name}", "État : {name}" }
    /// A label that its value follows on the same line.
    pub fn labelled(label: &str, value: &str) { "{label}: {value}", "{label} : {value}" }

    fn in_1_day() { "in 1 day", "dans 1 jour" }
    fn in_many_days(days: i64) { "in {days} days", "dans {days} jours" }
    fn today() { "today", "aujourd’hui" }
    fn one_day() { "1 day", "1 jour" }
    fn many_days(days: i64) { "{days} days", "{days} jours" }

    fn purchase() { "Purchase", "Achat" }
    fn recharge() { "Recharge", "Recharge" }
    fn call() { "Call", "Appel" }
    fn reversal() { "Reversal", "Annulation" }
    fn expired_funds() { "Expired funds", "Fonds expirés" }
    fn adjustment() { "Adjustment", "Ajustement" }
    fn switch_of_billing() { "Switch to post-usage billing", "Passage à la facturation post-utilisation" }
    fn unrated_call() { "Call without a rate", "Appel sans tarif" }
    fn rejected_record() { "Rejected record", "Enregistrement refusé" }
    fn refund() { "Refund", "Remboursement" }
    fn dispute() { "Dispute", "Litige" }

    fn toll_free_in() { "Incoming calls, toll-free numbers", "Appels entrants, numéros gratuits" }
    fn toll_in() { "Incoming calls, toll numbers", "Appels entrants, numéros payants" }
    fn conference_out() { "Dial-out from conferences", "Appels sortants depuis une audioconférence" }
    fn user_out() { "Outgoing calls", "Appels sortants" }
    fn premium() { "Premium-rate numbers", "Numéros surtaxés" }

    fn pending() { "Not known yet", "Pas encore connu" }
    fn needs_action() { "Needs confirmation", "À confirmer" }
    fn succeeded() { "Paid", "Payé" }
    fn declined() { "Declined", "Refusé" }
    fn abandoned() { "Abandoned", "Abandonné" }
    fn refunded() { "Refunded", "Remboursé" }
    fn refund_in_progress() { "Refund in progress", "Remboursement en cours" }
    fn disputed() { "Disputed", "Litige en cours" }
    fn dispute_lost() { "Dispute lost", "Litige perdu" }

    fn active() { "Active", "Actif" }
    fn depleted() { "Depleted", "Épuisé" }
    fn post_usage() { "Post-usage", "Post-utilisation" }
    fn says_active() { "Paid calls can start.", "Les appels payants peuvent commencer." }
    fn says_depleted() {
        "Paid calls cannot start. Minutes included in your plans still work.",
        "Les appels payants ne peuvent pas commencer. Les minutes incluses dans vos forfaits restent utilisables.",
    }
    fn says_post_usage() {
        "Calls are invoiced each month, after use.",
        "Les appels sont facturés chaque mois, après utilisation.",
    }
}

/// A kind of transaction, by the API's name of it. The word for an unknown kind is its name.
///
/// # Example
///
/// ```
/// use wording::{Locale, glossary};
/// assert_eq!(glossary::transaction_kind("usage", Locale::Fr), "Appel");
/// assert_eq!(glossary::transaction_kind("bonus", Locale::Fr), "bonus");
/// ```
pub fn transaction_kind(name: &str, locale: Locale) -> Cow<'static, str> {
    Cow::Borrowed(match name {
        "purchase" => purchase(locale),
        "recharge" => recharge(locale),
        "usage" => call(locale),
        "reversal" => reversal(locale),
        "expiry" => expired_funds(locale),
        "adjustment" => adjustment(locale),
        "switch" => switch_of_billing(locale),
        "invoice" => invoice(locale),
        "unrated" => unrated_call(locale),
        "rejected" => rejected_record(locale),
        "refund" => refund(locale),
        "dispute" => dispute(locale),
        other => return Cow::Owned(one_line(other)),
    })
}

/// The status of a purchase, by the API's name of it. The names `abandoned`, `refundPending` and `disputeLost` say more than the API's.
/// The word for an unknown status is its name.
pub fn purchase_status(name: &str, locale: Locale) -> Cow<'static, str> {
    Cow::Borrowed(match name {
        "pending" => pending(locale),
        "needsAction" => needs_action(locale),
        "succeeded" => succeeded(locale),
        "declined" => declined(locale),
        "abandoned" => abandoned(locale),
        "refundPending" => refund_in_progress(locale),
        "refunded" => refunded(locale),
        "disputed" => disputed(locale),
        "disputeLost" => dispute_lost(locale),
        other => return Cow::Owned(one_line(other)),
    })
}

/// The calls of a service.
pub fn service(service: Service, locale: Locale) -> &'static str {
    match service {
        Service::TollFreeIn => toll_free_in(locale),
        Service::TollIn => toll_in(locale),
        Service::ConferenceOut => conference_out(locale),
        Service::UserOut => user_out(locale),
        Service::Premium => premium(locale),
    }
}

/// The status of an account in a word and in a sentence, by the API's name of it and how the account pays. An unknown status is its
/// name.
pub fn account_status(
    name: &str,
    billing: BillingModel,
    locale: Locale,
) -> (Cow<'static, str>, Cow<'static, str>) {
    let (tag, sentence) = match (name, billing) {
        (_, BillingModel::PostUsage) => (post_usage(locale), says_post_usage(locale)),
        ("active", _) => (active(locale), says_active(locale)),
        ("depleted", _) => (depleted(locale), says_depleted(locale)),
        (other, _) => {
            let name = one_line(other);
            let sentence = unknown_state(&name, locale);
            return (Cow::Owned(name), Cow::Owned(sentence));
        }
    };
    (Cow::Borrowed(tag), Cow::Borrowed(sentence))
}

/// So many days: `1 day`, `12 days`.
pub fn days(days: i64, locale: Locale) -> String {
    if days == 1 { one_day(locale).to_owned() } else { many_days(days, locale) }
}

/// In so many days: `today`, `in 1 day`, `in 12 days`.
pub fn in_days(days: i64, locale: Locale) -> String {
    match days {
        ..=0 => today(locale).to_owned(),
        1 => in_1_day(locale).to_owned(),
        _ => in_many_days(days, locale),
    }
}

/// Days until that instant, begun ones included; none for one that is past.
pub fn days_until(instant: Timestamp, now: Timestamp) -> i64 {
    let seconds = instant.duration_since(now).as_secs().max(0);
    (seconds + SECONDS_A_DAY - 1) / SECONDS_A_DAY
}

/// Whole days since that instant; none for one to come.
pub fn days_since(instant: Timestamp, now: Timestamp) -> i64 {
    now.duration_since(instant).as_secs().max(0) / SECONDS_A_DAY
}

const SECONDS_A_DAY: i64 = 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_api_have_words_and_unknown_names_stay() {
        for locale in Locale::ALL {
            for kind in domain::EntryKind::ALL {
                assert_ne!(transaction_kind(kind.as_str(), locale), kind.as_str());
            }
            for status in [
                "pending",
                "needsAction",
                "succeeded",
                "declined",
                "abandoned",
                "refundPending",
                "refunded",
                "disputed",
                "disputeLost",
            ] {
                assert_ne!(purchase_status(status, locale), status);
            }
            for status in ["active", "depleted"] {
                assert_ne!(account_status(status, BillingModel::Prepaid, locale).0, status);
            }
        }
        assert_eq!(purchase_status("lost", Locale::Fr), "lost");
        let (tag, sentence) = account_status("frozen", BillingModel::Switching, Locale::Fr);
        assert_eq!((&*tag, &*sentence), ("frozen", "État\u{a0}: frozen"));
        assert_eq!(account_status("active", BillingModel::PostUsage, Locale::Fr).0, "Post-utilisation");
    }

    #[test]
    fn days_are_counted_and_said() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-25T09:00:00Z");
        for (instant, until, since, said) in [
            ("2026-11-25T09:00:00Z", 0, 0, "today"),
            ("2026-11-25T09:00:01Z", 1, 0, "in 1 day"),
            ("2026-11-27T09:00:00Z", 2, 0, "in 2 days"),
            ("2026-11-23T08:59:59Z", 0, 2, "today"),
        ] {
            assert_eq!((days_until(at(instant), now), days_since(at(instant), now)), (until, since));
            assert_eq!(in_days(until, Locale::En), said);
        }
        assert_eq!(in_days(3, Locale::Fr), "dans 3 jours");
        assert_eq!((days(1, Locale::Fr), days(14, Locale::En)), ("1 jour".to_owned(), "14 days".to_owned()));
    }
}
