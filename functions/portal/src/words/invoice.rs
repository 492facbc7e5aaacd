super::texts! {
    /// An invoice's page, and the operator's forms that end one.
    pub(crate) struct InvoiceWords;
    glossary { all = receipts_and_invoices, po_number = po_number, month = month }
    title(number) "Invoice {number}" "Facture {number}";
    open() "To be paid" "À payer";
    overdue() "Overdue" "En retard";
    paid() "Paid" "Payée";
    void() "Cancelled" "Annulée";
    pdf(number) "Invoice {number}, PDF" "Facture {number}, PDF";
    csv(number) "Invoice {number}, calls (CSV)" "Facture {number}, appels (CSV)";
    charges(of_month) "Charges {of_month}" "Consommation {of_month}";
    carried_in() "Carried from earlier months" "Report des mois précédents";
    total() "Amount to pay" "Montant à payer";
    amount() "Amount of the invoice" "Montant de la facture";
    carried_over() "Carried to the next invoice" "Report sur la prochaine facture";
    without_tax() "The amount is without tax." "Le montant est hors taxes.";
    issued() "Issued on" "Émise le";
    due_on() "Due on" "Échéance";
    paid_at() "Paid on" "Payée le";
    voided_at() "Cancelled on" "Annulée le";
    name() "Name on the invoice" "Nom sur la facture";
    reference() "Payment reference" "Référence du paiement";
    reference_hint() "It names the payment, such as the bank’s reference. Up to 200 characters." "Elle identifie le paiement, par exemple la référence de la banque. 200 caractères au plus.";
    reason() "Reason" "Motif";
    reason_hint() "The customer sees it. Up to 500 characters." "Le client le voit. 500 caractères au plus.";
    by() "Recorded by" "Enregistré par";
    mark_paid(number) "Mark invoice {number} as paid" "Marquer la facture {number} comme payée";
    cancel_invoice(number) "Cancel invoice {number}" "Annuler la facture {number}";
    keep() "Leave it as it is" "La laisser telle quelle";
    day_hint() "Year-month-day (UTC), today or earlier." "Année-mois-jour (UTC), aujourd’hui au plus tard.";
    wrong_day() "Write the day as year-month-day. It is not later than today (UTC)." "Écrivez le jour sous la forme année-mois-jour. Il n’est pas postérieur à aujourd’hui (UTC).";
    paid_is_final() "A paid invoice can no longer be cancelled." "Une facture payée ne peut plus être annulée.";
    nothing_to_pay() "Nothing is to be paid for it any more." "Plus rien n’est à payer pour elle.";
    nothing_credited() "Nothing is credited: neither now, nor when one of its calls is taken back later." "Rien n’est crédité : ni maintenant, ni si l’un de ses appels est annulé plus tard.";
    void_is_final() "This cannot be undone." "Ce choix est définitif.";
    ended() "The invoice was paid or cancelled meanwhile. Open it to see its state." "La facture a été payée ou annulée entre-temps. Ouvrez-la pour voir son état.";
    marked_paid() "The invoice is marked as paid" "La facture est marquée comme payée";
    cancelled() "The invoice is cancelled" "La facture est annulée";

    too_large() "This file is too large" "Ce fichier est trop volumineux";
    too_large_text() "The invoice has more calls than one file can hold here. The invoice as a PDF has their sums; the API gives the calls page by page." "La facture contient plus d’appels qu’un fichier ne peut en contenir ici. La facture en PDF en donne les totaux ; l’API fournit les appels page par page.";
}
