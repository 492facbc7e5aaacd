//! The labels and short values of a mail's table, and the footer. Words that pages have, too, are in [`wording::glossary`].

use domain::Locale;

use crate::notice::Changed;

wording::words! {
    /// An amount that another one follows in a list.
    pub(crate) fn further_lots() { "Others", "Autres" }
    pub(crate) fn changed() { "Changed", "Modification" }
    pub(crate) fn changed_at() { "When", "Date" }
    pub(crate) fn changed_by() { "By", "Par" }
    /// The amount that a card's owner has back after a dispute.
    pub(crate) fn back_on_the_card() { "Back on the card", "Rendu à la carte" }
    pub(crate) fn credit_note_number() { "Credit note number", "Numéro d’avoir" }
    pub(crate) fn disputed() { "Disputed", "Montant contesté" }
    pub(crate) fn withheld() { "Withheld", "Montant retenu" }
    pub(crate) fn due() { "Due", "Échéance" }
    pub(crate) fn expired_at() { "Expired", "Expiration" }
    pub(crate) fn invoice_number() { "Invoice number", "Numéro de facture" }
    pub(crate) fn next_invoice() { "On the next invoice", "Sur la prochaine facture" }
    pub(crate) fn plan_and_country() { "Plan and country", "Forfait et pays" }
    pub(crate) fn receipt_number() { "Receipt number", "Numéro de reçu" }
    pub(crate) fn next_try() { "Next try", "Prochain essai" }

    pub(crate) fn on() { "on", "activée" }
    pub(crate) fn off() { "off", "désactivée" }
    pub(crate) fn resumed() { "resumed", "relancée" }
    /// No card, or no limit.
    pub(crate) fn none() { "none", "aucune" }
    /// No recipient.
    pub(crate) fn nobody() { "none", "aucun" }

    fn payment_method() { "payment method", "moyen de paiement" }
    fn auto_recharge() { "auto-recharge", "recharge automatique" }
    fn recipients() { "recipients of notifications", "destinataires des notifications" }

    /// The separator of a label and its value on one line.
    pub(crate) fn colon() { ":", " :" }
    /// The reason why the reader gets the mail.
    pub(crate) fn footer(name: &str) {
        "This e-mail goes to the recipients of Communications Credits notifications for {name}.",
        "Cet e-mail est envoyé aux destinataires des notifications de {name} pour les Crédits de communication.",
    }
    /// The link to the page of notifications.
    pub(crate) fn edit_recipients() { "Edit the recipients", "Modifier les destinataires" }
}

/// The changed settings, as a list.
pub(crate) fn list_of(changed: Changed, locale: Locale) -> String {
    let names = [
        (changed.payment_method, payment_method(locale)),
        (changed.auto_recharge, auto_recharge(locale)),
        (changed.recipients, recipients(locale)),
    ];
    let names: Vec<_> = names.into_iter().filter_map(|(is, name)| is.then_some(name)).collect();
    names.join(", ")
}
