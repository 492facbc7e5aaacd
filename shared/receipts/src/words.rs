//! The text of a receipt, in English and in French.

use domain::{CardPaymentKind, Locale};
use wording::{amount, date_and_time};

use crate::Receipt;

/// The product's name, which is the same in all languages.
pub(crate) const PRODUCT: &str = "Communications Credits";

/// The text of a receipt.
pub(crate) struct Words {
    /// The heading.
    pub(crate) heading: String,
    /// The label of the amount.
    pub(crate) paid: &'static str,
    /// The amount.
    pub(crate) amount: String,
    /// The rows of the table, each a label and a value.
    pub(crate) rows: Vec<(&'static str, String)>,
    /// The note on how funds expire.
    pub(crate) footer: String,
    /// The language's code, for the PDF.
    pub(crate) language: &'static str,
}

impl Words {
    pub(crate) fn of(receipt: &Receipt) -> Self {
        match receipt.locale {
            Locale::En => english(receipt),
            Locale::Fr => french(receipt),
        }
    }
}

fn english(receipt: &Receipt) -> Words {
    let Receipt { number, locale, .. } = *receipt;
    let expiry = date_and_time(receipt.expires_at, locale);
    let (what, id) = match receipt.kind {
        CardPaymentKind::Recharge => ("Funds added by auto-recharge", "Recharge"),
        CardPaymentKind::Purchase => ("Funds bought", "Purchase"),
    };
    let card = format!("{} ending in {}", brand(&receipt.card.brand), receipt.card.last4);
    let rows = [
        ("Date", Some(date_and_time(receipt.at, locale))),
        ("For", Some(what.to_owned())),
        ("Organization", Some(receipt.organization.clone())),
        ("Account", Some(receipt.account.to_string())),
        ("PO number", receipt.po_number.clone()),
        ("Card", Some(card)),
        (id, Some(receipt.payment.to_string())),
        ("Funds expire", Some(expiry.clone())),
    ];
    Words {
        heading: format!("Receipt {number}"),
        paid: "Paid",
        amount: amount(receipt.amount, locale),
        rows: rows.into_iter().filter_map(said).collect(),
        footer: format!(
            "These funds can be used until {expiry}. What is not used by then is lost. Calls are paid from the \
             funds that expire first; buying more does not extend these."
        ),
        language: "en",
    }
}

fn french(receipt: &Receipt) -> Words {
    let Receipt { number, locale, .. } = *receipt;
    let expiry = date_and_time(receipt.expires_at, locale);
    let (what, id) = match receipt.kind {
        CardPaymentKind::Recharge => ("Crédit ajouté par recharge automatique", "Recharge"),
        CardPaymentKind::Purchase => ("Achat de crédit", "Achat"),
    };
    let card = format!("{} se terminant par {}", brand(&receipt.card.brand), receipt.card.last4);
    let rows = [
        ("Date", Some(date_and_time(receipt.at, locale))),
        ("Objet", Some(what.to_owned())),
        ("Organisation", Some(receipt.organization.clone())),
        ("Compte", Some(receipt.account.to_string())),
        ("Bon de commande", receipt.po_number.clone()),
        ("Carte", Some(card)),
        (id, Some(receipt.payment.to_string())),
        ("Expiration", Some(expiry.clone())),
    ];
    Words {
        heading: format!("Reçu {number}"),
        paid: "Payé",
        amount: amount(receipt.amount, locale),
        rows: rows.into_iter().filter_map(said).collect(),
        footer: format!(
            "Ce crédit est utilisable jusqu’au {expiry}. Ce qui n’aura pas été utilisé d’ici là sera perdu. Les \
             appels sont payés sur le crédit qui expire en premier\u{a0}; un nouvel achat ne prolonge pas celui-ci."
        ),
        language: "fr",
    }
}

fn said((label, value): (&'static str, Option<String>)) -> Option<(&'static str, String)> {
    value.map(|value| (label, value))
}

/// A card's brand as its company writes it. An unknown brand gets a capital.
fn brand(name: &str) -> String {
    match name {
        "amex" => "American Express".to_owned(),
        "diners" => "Diners Club".to_owned(),
        "jcb" => "JCB".to_owned(),
        "unionpay" => "UnionPay".to_owned(),
        _ => {
            let mut letters = name.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
    }
}
