super::texts! {
    /// "Receipts and invoices", and the page of the PO number.
    pub(crate) struct ReceiptsWords;
    glossary {
        title = receipts_and_invoices,
        po_number = po_number,
        date = date,
        amount = amount,
        card = card,
        total = total,
        month = month,
        save = save,
        cancel = cancel,
    }
    change() "Change" "Modifier";
    of_po_number() "the PO number" "le bon de commande";
    no_po_number() "None" "Aucun";
    printed() "Printed on receipts and invoices from now on." "Imprimé sur les prochains reçus et factures.";
    po_number_hint() "Up to 64 characters. Leave it empty to print none." "64 caractères au plus. Laissez le champ vide pour n’en imprimer aucun.";
    po_number_too_long() "Enter at most 64 characters." "Saisissez 64 caractères au plus.";
    po_number_saved() "The PO number is saved" "Le bon de commande est enregistré";
    po_number_saved_text() "It is printed on receipts and invoices from now on. Earlier ones stay as they are." "Il est imprimé sur les prochains reçus et factures. Les précédents restent inchangés.";
    po_number_removed() "The PO number is removed" "Le bon de commande est supprimé";
    po_number_removed_text() "None is printed from now on. Earlier receipts and invoices stay as they are." "Aucun n’est imprimé désormais. Les reçus et factures précédents restent inchangés.";

    payments() "Payments" "Paiements";
    no_payments() "There are no payments yet. Each payment will appear here, with its receipt." "Aucun paiement pour l’instant. Chaque paiement figurera ici, avec son reçu.";
    number() "No." "N°";
    kind() "Kind" "Type";
    state() "Status" "État";
    receipt_pdf() "Receipt (PDF)" "Reçu (PDF)";
    receipt_link(number) "Receipt {number}, PDF" "Reçu {number}, PDF";
    credit_note_link(number) "Credit note {number}, PDF" "Avoir {number}, PDF";
    no_receipt() "None" "Aucun";
    older() "Older payments" "Paiements plus anciens";
    newest() "Newest payments" "Paiements les plus récents";

    invoices() "Invoices" "Factures";
    no_invoices() "There are no invoices yet. Each month’s invoice will appear here." "Aucune facture pour l’instant. La facture de chaque mois figurera ici.";
    invoice_link(number) "Invoice {number}" "Facture {number}";
    files() "Files" "Fichiers";
    due(date) "due on {date}" "échéance le {date}";
    paid_on(date) "on {date}" "le {date}";
    older_invoices() "Older invoices" "Factures plus anciennes";
    newest_invoices() "Newest invoices" "Factures les plus récentes";
}
