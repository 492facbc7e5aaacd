//! The words of an invoice, in English and in French.

use domain::Locale;

/// The words of an invoice in one language.
pub(crate) struct Words {
    pub(crate) language: &'static str,
    pub(crate) heading: &'static str,
    pub(crate) account: &'static str,
    pub(crate) month: &'static str,
    pub(crate) issued: &'static str,
    pub(crate) due: &'static str,
    pub(crate) po_number: &'static str,
    pub(crate) to_pay: &'static str,
    pub(crate) amount: &'static str,
    pub(crate) paid: &'static str,
    pub(crate) reference: &'static str,
    pub(crate) void: &'static str,
    /// The heading of the table that adds up.
    pub(crate) sum: &'static str,
    pub(crate) charges: &'static str,
    pub(crate) carried_in: &'static str,
    pub(crate) carried_over: &'static str,
    pub(crate) no_tax: &'static str,
    /// The month has more calls than the document can list.
    pub(crate) too_many: &'static str,
    pub(crate) amounts_in: &'static str,
    pub(crate) colon: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    heading: "Invoice",
    account: "Account",
    month: "Month (UTC)",
    issued: "Issued",
    due: "Due",
    po_number: "PO number",
    to_pay: "To pay",
    amount: "Amount of the invoice",
    paid: "Paid on",
    reference: "Reference",
    void: "Void since",
    sum: "How the amount comes about",
    charges: "Charges of the month",
    carried_in: "Carried over from the months before",
    carried_over: "Rounding, carried over to the next invoice",
    no_tax: "No tax is included.",
    too_many: "The month has too many calls to be summed up here; they are in the invoice’s CSV file.",
    amounts_in: "Amounts are in",
    colon: ":",
};

const FRENCH: Words = Words {
    language: "fr",
    heading: "Facture",
    account: "Compte",
    month: "Mois (UTC)",
    issued: "Émise le",
    due: "À régler au plus tard le",
    po_number: "Bon de commande",
    to_pay: "À payer",
    amount: "Montant de la facture",
    paid: "Payée le",
    reference: "Référence",
    void: "Annulée le",
    sum: "Calcul du montant",
    charges: "Coûts du mois",
    carried_in: "Report des mois précédents",
    carried_over: "Arrondi, reporté sur la prochaine facture",
    no_tax: "Aucune taxe n’est incluse.",
    too_many: "Le mois compte trop d’appels pour être détaillé ici\u{a0}; ils sont dans le fichier CSV de la facture.",
    amounts_in: "Les montants sont en",
    colon: "\u{a0}:",
};

impl Words {
    pub(crate) fn of(locale: Locale) -> &'static Self {
        match locale {
            Locale::En => &ENGLISH,
            Locale::Fr => &FRENCH,
        }
    }
}
