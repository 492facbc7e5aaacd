//! The text of a receipt, and that of a page like it.

use domain::CardPaymentKind;
use wording::{amount, card, date_and_time, glossary};

use crate::{Receipt, outside};

/// The text of a receipt or a credit note.
pub(crate) struct Words {
    /// The product's name.
    pub(crate) product: &'static str,
    /// The heading.
    pub(crate) heading: String,
    /// The label of the amount.
    pub(crate) label: &'static str,
    /// The amount.
    pub(crate) amount: String,
    /// The rows of the table, each a label and a value.
    pub(crate) rows: Vec<(&'static str, String)>,
    /// The note below the table.
    pub(crate) footer: String,
    /// The language's code, for the PDF.
    pub(crate) language: &'static str,
}

impl Words {
    pub(crate) fn of(receipt: &Receipt) -> Self {
        let Receipt { number, locale, .. } = *receipt;
        let expiry = date_and_time(receipt.expires_at, locale);
        let (what, id) = match receipt.kind {
            CardPaymentKind::Recharge => (recharged(locale), recharge(locale)),
            CardPaymentKind::Purchase => (bought(locale), purchase(locale)),
        };
        let organization = outside::organization(&receipt.organization, &receipt.account, locale);
        let po_number = receipt.po_number.as_deref().map(|number| outside::text(number, locale));
        let rows = [
            (glossary::date(locale), Some(date_and_time(receipt.at, locale))),
            (what_for(locale), Some(what.to_owned())),
            (glossary::organization(locale), Some(organization)),
            (glossary::account(locale), Some(receipt.account.to_string())),
            (glossary::po_number(locale), po_number),
            (glossary::card(locale), Some(card(&receipt.card.brand, &receipt.card.last4, locale))),
            (id, Some(receipt.payment.to_string())),
            (glossary::usable_until(locale), Some(expiry.clone())),
        ];
        Self {
            product: glossary::product(locale),
            heading: format!("{} {number}", glossary::receipt(locale)),
            label: paid(locale),
            amount: amount(receipt.amount, locale),
            rows: rows.into_iter().filter_map(|(label, value)| value.map(|value| (label, value))).collect(),
            footer: footer(&expiry, locale),
            language: locale.as_str(),
        }
    }
}

wording::words! {
    fn recharged() { "Funds added by auto-recharge", "Fonds ajoutés par la recharge automatique" }
    fn bought() { "Funds bought", "Achat de fonds" }
    fn recharge() { "Recharge", "Recharge" }
    fn purchase() { "Purchase", "Achat" }
    fn what_for() { "For", "Objet" }
    fn paid() { "Paid", "Payé" }
    fn footer(expiry: &str) {
        "These funds can be used until {expiry}. What is not used by then is lost. Calls use the funds that expire first; buying \
         more does not extend these.",
        "Ces fonds sont utilisables jusqu’au {expiry}. Ce qui n’aura pas été utilisé d’ici là sera perdu. Les appels utilisent \
         d’abord les fonds qui expirent les premiers ; un nouvel achat ne prolonge pas ceux-ci.",
    }
}
