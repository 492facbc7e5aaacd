super::texts! {
    /// The operator's page of a refund.
    pub(crate) struct RefundWords;
    glossary { cancel = cancel }
    title() "Refund" "Remboursement";
    goes_back(unspent, amount, card) "{unspent} of {amount} is unspent and goes back to {card}." "{unspent} sur {amount} ne sont pas utilisés et reviennent à la carte {card}.";
    goes_back_unnamed(unspent, amount) "{unspent} of {amount} is unspent and goes back to the card." "{unspent} sur {amount} ne sont pas utilisés et reviennent à la carte.";
    pauses() "Auto-recharge pauses until an administrator resumes it." "La recharge automatique est suspendue jusqu’à ce qu’un administrateur la relance.";
    reason() "Reason" "Motif";
    reason_hint() "The customer sees it." "Le client le voit.";
    refund(amount) "Refund {amount}" "Rembourser {amount}";
    nothing() "Nothing of this payment can be refunded now." "Rien de ce paiement ne peut être remboursé pour le moment.";
    disputed() "A dispute of this payment is open. The bank decides first." "Un litige est en cours sur ce paiement. La banque décide d’abord.";
    too_many() "This payment was refunded too often." "Ce paiement a été remboursé trop de fois.";
    failed() "The card could not be paid back. The funds are back in the account." "La carte n’a pas pu être remboursée. Les fonds sont de retour sur le compte.";
    key_reused() "This page was used for another refund. Start again." "Cette page a servi pour un autre remboursement. Recommencez.";
    changed() "The amount has changed" "Le montant a changé";
    changed_text() "What is unspent of the payment has changed since you opened the page. Nothing was refunded." "La part inutilisée du paiement a changé depuis que vous avez ouvert la page. Rien n’a été remboursé.";
    back() "Back to the payment" "Retour au paiement";
}
