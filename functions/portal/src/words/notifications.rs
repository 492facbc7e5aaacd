super::texts! {
    /// Mails, and who gets them.
    pub(crate) struct NotificationsWords;
    glossary {
        title = notifications,
        recipients = recipients,
    }
    sent() "What is sent" "Ce qui est envoyé";
    sent_text() "The recipients get an e-mail when:" "Les destinataires reçoivent un e-mail lorsque :";
    funds_added() "auto-recharge has added funds (with the receipt)" "la recharge automatique a ajouté des fonds (avec le reçu)";
    recharge_failed() "auto-recharge has failed (with the reason and what to do)" "la recharge automatique a échoué (avec le motif et ce qu’il faut faire)";
    depleted() "the balance has reached zero" "le solde a atteint zéro";
    warning() "the balance has reached the amount chosen above" "le solde a atteint le montant choisi ci-dessus";
    expiring() "funds are about to expire, or have expired" "des fonds vont expirer ou ont expiré";
    card_expiring() "a saved card is about to expire" "une carte enregistrée va expirer";
    paid_back() "a payment was refunded or is disputed" "un paiement a été remboursé ou est contesté";
    bought() "funds were bought (with the receipt)" "des fonds ont été achetés (avec le reçu)";
    pools() "80% or all of a plan’s included minutes are used" "80 % ou la totalité des minutes incluses dans un forfait sont utilisées";
    settings() "auto-recharge, the payment method or the recipients were changed (and by whom)" "la recharge automatique, le moyen de paiement ou les destinataires ont été modifiés (et par qui)";
    held_back() "auto-recharge was paused, limited or stopped (with the reason, and how to resume it)" "la recharge automatique a été suspendue, limitée ou arrêtée (avec le motif et la façon de la relancer)";
    invoices() "an invoice is ready or overdue, or the switch to post-usage billing moves on" "une facture est disponible ou en retard, ou le passage à la facturation post-utilisation progresse";
    recipients_hint(count) "One address a line, at most {count}." "Une adresse par ligne, {count} au plus.";
    language() "Language of e-mails and receipts" "Langue des e-mails et des reçus";
    language_hint() "For all recipients. The language of these pages is chosen at the top, by each person." "Pour tous les destinataires. La langue de ces pages se choisit en haut, par chacun.";
    warn_at() "Warn me when the balance reaches" "M’avertir lorsque le solde atteint";
    warn_at_hint(currency) "In {currency}. One e-mail each time the balance falls to this amount." "En {currency}. Un e-mail chaque fois que le solde descend à ce montant.";
    not_an_address(line, address) "Line {line}: “{address}” is not an address." "Ligne {line} : « {address} » n’est pas une adresse.";
    too_many(count, most) "There are {count} addresses. Enter at most {most}." "Il y a {count} adresses. Saisissez-en {most} au plus.";
    nobody() "Nobody will be told when a payment fails" "Personne ne sera averti si un paiement échoue";
    nobody_text() "There are no recipients. Add at least one." "Il n’y a aucun destinataire. Ajoutez-en au moins un.";
    told() "All recipients are told of the change by e-mail, and so are those who were removed." "Tous les destinataires sont informés de la modification par e-mail, ainsi que ceux qui ont été retirés.";
    merged() "Addresses that you had entered twice are kept once." "Les adresses saisies deux fois ne sont conservées qu’une fois.";
}
