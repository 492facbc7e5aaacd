super::texts! {
    /// The operator's page of a refund.
    pub(crate) struct RefundWords;
    glossary { cancel = cancel }
    title() "Refund" "Remboursement";
    goes_back(unspent, amount, card) "{unspent} of {amount} is unspent and goes back to {card}." "{unspent} sur {amount} ne sont pas utilisés et reviennent à {card}.";
    goes_back_unnamed(unspent, amount) "{unspent} of {amount} is unspent and goes back to the card." "{unspent} sur {amount} ne sont pas utilisés et reviennent à la carte.";
    pauses() "Auto-recharge pauses until an administrator resumes it." "La recharge automatique est suspendue jusqu’à ce qu’un administrateur la relance.";
    reason() "Reason" "Motif";
    reason_hint() "The customer sees it." "Le client le voit.";
    refund(amount) "Refund {amount}" "Rembourser {amount}";
    nothing() "Nothing of this payment is unspent, so nothing can be refunded." "Ce paiement est entièrement utilisé : il n’y a rien à rembourser.";
    disputed() "A dispute of this payment is open. The bank decides first." "Un litige est en cours sur ce paiement. La banque décide d’abord.";
    too_many() "This payment was refunded too often." "Ce paiement a été remboursé trop de fois.";
    failed() "The card could not be paid back. The funds are back in the account." "La carte n’a pas pu être remboursée. Les fonds sont de retour sur le compte.";
    key_reused() "This page was used for another refund. Start again." "Cette page a servi pour un autre remboursement. Recommencez.";
    back() "Back to the payment" "Retour au paiement";
}
