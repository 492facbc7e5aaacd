super::texts! {
    /// The product's own page.
    pub(crate) struct OverviewWords;
    glossary {
        title = product,
        available_balance = available_balance,
        reserved = reserved,
        add_funds = add_funds,
        billing_settings = billing_settings,
        auto_recharge = auto_recharge,
        edit_auto_recharge = edit_auto_recharge,
        payment_method = payment_method,
        backup_card = backup_card,
        po_number = po_number,
        recipients = recipients,
        receipts = receipts_and_invoices,
        post_usage_billing = post_usage_billing,
    }
    owed() "Owed, repaid first by your next purchase" "Dû, remboursé d’abord par votre prochain achat";
    owed_on_invoice() "Owed, goes on the next invoice" "Dû, porté sur la prochaine facture";
    next_expiry() "Next expiry" "Prochaine expiration";
    on() "on" "le";
    to_be_invoiced(month) "To be invoiced for {month}" "À facturer pour {month}";
    these_funds_first() "These funds are used first; then calls are invoiced monthly." "Ces fonds sont utilisés d’abord ; ensuite, les appels sont facturés chaque mois.";
    no_funds() "No funds" "Aucun fonds";
    no_funds_yet() "You have not added funds yet. Calls that your plans do not include cannot start." "Vous n’avez pas encore ajouté de fonds. Les appels non inclus dans vos forfaits ne peuvent pas commencer.";
    or_auto_recharge() "Or set up auto-recharge" "Ou configurer la recharge automatique";
    billing() "Billing" "Facturation";
    switch_waits() "The switch to post-usage billing waits until auto-recharge is off." "Le passage à la facturation post-utilisation attend que la recharge automatique soit désactivée.";
    no_card() "No card" "Aucune carte";
    card_until(card, month, year) "{card}, expires {month}/{year}" "{card}, expire {month}/{year}";
    no_po_number() "None" "Aucun";
    no_recipients() "None" "Aucun";
    more_recipients(count) "and {count} more" "et {count} de plus";
    change_payment_method() "Change payment method" "Modifier le moyen de paiement";
    change_recipients() "Change recipients" "Modifier les destinataires";
    switch_to_post_usage() "Switch to post-usage billing" "Passer à la facturation post-utilisation";
    latest() "Latest transactions" "Dernières opérations";
    all_transactions() "All transactions" "Toutes les opérations";

    operator() "Operator" "Opérateur";
    account_id() "Account id" "Identifiant du compte";
    version() "Version" "Version";
    created() "Created" "Création";
    adjust() "Adjust the funds" "Ajuster les fonds";
    plans() "Plans and licences" "Forfaits et licences";
}

super::texts! {
    /// Texts of notices.
    pub(crate) struct ConcernWords;
    glossary {
        resume_auto_recharge = resume_auto_recharge,
        edit_auto_recharge = edit_auto_recharge,
        add_funds = add_funds,
    }
    confirm() "A payment waits for confirmation" "Un paiement attend d’être confirmé";
    confirm_advice(amount) "The bank wants the card’s owner to confirm {amount}. Nothing is charged before." "La banque demande au titulaire de la carte de confirmer {amount}. Rien n’est débité avant.";
    see_payment() "See the payment" "Voir le paiement";
    depleted() "Your balance is used up" "Votre solde est épuisé";
    stopped() "Auto-recharge has stopped" "La recharge automatique s’est arrêtée";
    paused() "Auto-recharge is paused" "La recharge automatique est suspendue";
    waiting() "The last automatic charge failed" "La dernière recharge automatique a échoué";
    limited() "Auto-recharge is at its limit" "La recharge automatique a atteint une limite";
    pending() "The outcome of a payment is not known yet" "Le résultat d’un paiement n’est pas encore connu";
    pending_advice(amount) "The bank has not answered yet about {amount}. The outcome comes by itself: do not pay again." "La banque n’a pas encore répondu pour {amount}. Le résultat arrivera de lui-même : ne payez pas une deuxième fois.";
    low() "Your balance is low" "Votre solde est bas";
    low_advice(available, amount) "{available} are available. You asked to be warned at {amount}." "Il reste {available}. Vous avez demandé à être averti à {amount}.";
    switch_waits() "The switch to post-usage billing is not complete" "Le passage à la facturation post-utilisation n’est pas achevé";
    switch_waits_advice() "While auto-recharge is on, your balance is recharged indefinitely and the switch does not happen." "Tant que la recharge automatique est activée, votre solde se recharge indéfiniment et le passage n’a pas lieu.";
    complete_switch() "Complete the switch" "Achever le passage";
    expiring() "Funds expire soon" "Des fonds expirent bientôt";
    expiring_advice(amount, date, in_days) "{amount} expire on {date} ({in_days}). Calls use these funds first; what is not used by then is lost." "{amount} expirent le {date} ({in_days}). Les appels utilisent d’abord ces fonds ; ce qui n’est pas utilisé d’ici là est perdu.";
    see_funds() "See the funds" "Voir les fonds";
    nobody() "Nobody gets e-mail notifications" "Personne ne reçoit les notifications par e-mail";
    nobody_advice() "Nobody is told when a payment fails or the balance is low." "Personne n’est averti lorsqu’un paiement échoue ou que le solde est bas.";
    add_recipients() "Add recipients" "Ajouter des destinataires";
    no_card() "No card is saved" "Aucune carte n’est enregistrée";
    no_card_advice() "Funds and auto-recharge are paid by card." "Les fonds et la recharge automatique se paient par carte.";
    add_card() "Add a card" "Ajouter une carte";
    change_card() "Change payment method" "Modifier le moyen de paiement";
    see_usage() "Check your calls" "Vérifier vos appels";
}
