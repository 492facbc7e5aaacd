super::texts! {
    /// A payment, in every state it can be in.
    pub(crate) struct PurchaseWords;
    glossary {
        amount = amount,
        card = card,
        po_number = po_number,
        usable_until = usable_until,
        available = available_balance,
        auto_recharge_settings = auto_recharge_settings,
        communications_credits = product,
        receipts = receipts_and_invoices,
    }
    received() "Payment received" "Paiement reçu";
    already() "Already paid" "Déjà payé";
    already_text(instant) "This payment was made on {instant}. You were not charged again." "Ce paiement a été effectué le {instant}. Vous n’avez pas été débité une deuxième fois.";
    funds_are_here() "The funds are added and can be used at once." "Les fonds sont ajoutés et utilisables immédiatement.";
    receipt_goes_to(count) "The receipt is sent to {count} recipients." "Le reçu est envoyé à {count} destinataires.";
    receipt_goes_to_one() "The receipt is sent to one recipient." "Le reçu est envoyé à un destinataire.";
    receipt_goes_to_nobody() "Nobody is set to get receipts by e-mail." "Aucun destinataire ne reçoit les reçus par e-mail.";
    add_recipients() "Add recipients" "Ajouter des destinataires";

    confirm() "Confirm the payment with your bank" "Confirmez le paiement auprès de votre banque";
    not_charged_yet() "Nothing is charged yet." "Rien n’est encore débité.";
    confirm_text(card) "The bank wants the owner of the card {card} to confirm the payment." "La banque demande au titulaire de la carte {card} de confirmer le paiement.";
    confirm_text_unnamed() "The bank wants the card’s owner to confirm the payment." "La banque demande au titulaire de la carte de confirmer le paiement.";
    until(instant) "It can be confirmed until {instant}. If it is not, it ends by itself, and nothing is charged." "Il peut être confirmé jusqu’au {instant}. Sinon, il prend fin de lui-même et rien n’est débité.";
    go_to_bank() "Go to your bank" "Accéder à votre banque";
    not_your_card() "Not your card? Send this address to its owner:" "Ce n’est pas votre carte ? Envoyez cette adresse à son titulaire :";
    administrator_confirms() "An administrator, or the card’s owner, confirms it." "Un administrateur, ou le titulaire de la carte, le confirme.";

    unknown() "We do not know yet" "Nous ne le savons pas encore";
    unknown_text() "The bank has not answered. It is settled by itself, usually within five minutes: either the funds are here or nothing is charged. Do not pay again." "La banque n’a pas répondu. Cela se règle automatiquement, en général en moins de cinq minutes : soit les fonds arrivent, soit rien n’est débité. Ne payez pas de nouveau.";
    check_again() "Check again" "Vérifier de nouveau";

    declined() "The card was declined: nothing was charged" "La carte a été refusée : rien n’a été débité";
    abandoned() "Nothing was charged" "Rien n’a été débité";
    try_again() "Try again" "Réessayer";
    other_card() "Use another card" "Utiliser une autre carte";

    refunded() "Refunded" "Remboursé";
    refunded_text() "This payment was given back." "Ce paiement a été remboursé.";
    disputed() "Disputed" "Litige en cours";
    disputed_text() "The card’s owner has disputed this payment with the bank." "Le titulaire de la carte a contesté ce paiement auprès de sa banque.";
    other(state) "Payment: {state}" "Paiement : {state}";

    by_recharge() "Auto-recharge made this payment." "La recharge automatique a effectué ce paiement.";
    by_recharge_times(times) "Auto-recharge made this payment, {times} times its amount, so that the balance is above the trigger amount." "La recharge automatique a effectué ce paiement, de {times} fois son montant, pour que le solde dépasse le montant de déclenchement.";
    requested() "Requested" "Demandé le";
    receipt_pdf(number) "Receipt {number}, PDF" "Reçu {number}, PDF";
}
