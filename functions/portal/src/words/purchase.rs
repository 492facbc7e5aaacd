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
    not_charged_before() "Nothing is charged until it is confirmed." "Rien n’est débité tant qu’il n’est pas confirmé.";
    perhaps_confirmed() "If you have just confirmed it, the bank’s answer can take a moment to arrive here." "Si vous venez de le confirmer, la réponse de la banque peut mettre un instant à arriver ici.";
    confirm_text(card) "The bank wants the owner of the card {card} to confirm the payment." "La banque demande au titulaire de la carte {card} de confirmer le paiement.";
    confirm_text_unnamed() "The bank wants the card’s owner to confirm the payment." "La banque demande au titulaire de la carte de confirmer le paiement.";
    until(instant) "It can be confirmed until {instant}. If it is not, it ends by itself, and nothing is charged." "Il peut être confirmé jusqu’au {instant}. Sinon, il prend fin de lui-même et rien n’est débité.";
    confirm_payment() "Confirm the payment" "Confirmer le paiement";
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
    refund_in_progress() "Refund in progress" "Remboursement en cours";
    refund_in_progress_text() "This payment is being given back, all of it or the part that was unspent. The bank has not confirmed it yet." "Ce paiement est en cours de remboursement, en entier ou pour la partie non utilisée. La banque ne l’a pas encore confirmé.";
    refunded_text() "This payment was given back, all of it or the part that was unspent." "Ce paiement a été remboursé, en entier ou pour la partie non utilisée.";
    refund_made() "The refund is made" "Le remboursement est effectué";
    refund_made_text() "The funds have left the account. The bank may take some days to show it." "Les fonds ont quitté le compte. La banque peut prendre quelques jours pour l’afficher.";
    refund_requested() "The refund is requested" "Le remboursement est demandé";
    refund_requested_text() "The funds have left the account. If the card cannot be paid back, they return." "Les fonds ont quitté le compte. Si la carte ne peut pas être remboursée, ils y reviennent.";
    refunded_at(amount, instant) "{amount} on {instant}" "{amount} le {instant}";
    refund_pending(amount, instant) "{amount} on {instant}, not confirmed yet" "{amount} le {instant}, pas encore confirmé";
    refund_failed(amount, instant) "{amount}, failed on {instant}: the funds are back" "{amount}, échec le {instant} : les fonds sont de retour";
    one_refund() "Refund" "Remboursement";
    credit_note_pdf(number) "Credit note {number}, PDF" "Avoir {number}, PDF";
    refund() "Refund" "Rembourser";
    disputed() "Disputed" "Litige en cours";
    disputed_text() "The card’s owner has disputed this payment with the bank." "Le titulaire de la carte a contesté ce paiement auprès de sa banque.";
    dispute_is_lost() "Dispute lost" "Litige perdu";
    dispute_is_lost_text() "The card’s owner disputed this payment with the bank, and the bank decided for the owner." "Le titulaire de la carte a contesté ce paiement auprès de sa banque, et la banque lui a donné raison.";
    dispute() "Dispute" "Litige";
    dispute_inquiry(amount, instant) "{amount}, the bank asked on {instant}: no funds have moved" "{amount}, demande de la banque le {instant} : aucun fonds n’a bougé";
    dispute_open(amount, instant, withheld) "{amount} since {instant}, {withheld} withheld" "{amount} depuis le {instant}, {withheld} retenus";
    dispute_won(amount, instant) "{amount}, ended on {instant}: the payment stands" "{amount}, terminé le {instant} : le paiement est maintenu";
    dispute_lost(amount, instant, lost) "{amount}, ended on {instant}: {lost} went back to the card" "{amount}, terminé le {instant} : {lost} sont revenus à la carte";
    dispute_closed(amount, instant) "{amount}, the bank asked on {instant}, and nothing followed: no funds have moved" "{amount}, demande de la banque le {instant}, restée sans suite : aucun fonds n’a bougé";
    other(state) "Payment: {state}" "Paiement : {state}";

    by_recharge() "Auto-recharge made this payment." "La recharge automatique a effectué ce paiement.";
    by_recharge_times(times) "Auto-recharge made this payment, {times} times its amount, so that the balance is above the trigger amount." "La recharge automatique a effectué ce paiement, de {times} fois son montant, pour que le solde dépasse le montant de déclenchement.";
    wanted_by_recharge() "Auto-recharge wanted to make this payment." "La recharge automatique voulait effectuer ce paiement.";
    wanted_by_recharge_times(times) "Auto-recharge wanted to make this payment, {times} times its amount, so that the balance would be above the trigger amount." "La recharge automatique voulait effectuer ce paiement, de {times} fois son montant, pour que le solde dépasse le montant de déclenchement.";
    recharge_abandoned() "The payment ended before the card was charged: auto-recharge was turned off, its card was changed, or nobody completed the payment in time." "Le paiement a pris fin avant tout débit : la recharge automatique a été désactivée, sa carte a été changée, ou le paiement n’a pas été terminé à temps.";
    requested() "Requested" "Demandé le";
    receipt_pdf(number) "Receipt {number}, PDF" "Reçu {number}, PDF";
}
