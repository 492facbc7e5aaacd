super::texts! {
    /// "Payment method", and the pages that change it.
    pub(crate) struct PaymentMethodWords;
    glossary {
        title = payment_method,
        card = card,
        backup = backup_card,
        edit_auto_recharge = edit_auto_recharge,
    }
    numbers_stay_away() "Card numbers are entered on the page of the card processor. They never reach us." "Le numéro de carte se saisit sur la page du prestataire de paiement. Il ne nous parvient jamais.";
    no_card() "No card is saved. Without one, funds cannot be bought, and auto-recharge cannot be turned on." "Aucune carte n’est enregistrée. Sans carte, aucun fonds ne peut être acheté et la recharge automatique ne peut pas être activée.";
    no_card_needed() "No card is saved. None is needed: calls are invoiced after use." "Aucune carte n’est enregistrée. Elle n’est pas nécessaire : les appels sont facturés après utilisation.";
    no_backup() "No backup card is saved." "Aucune carte de secours n’est enregistrée.";
    what_backup_does() "Tried once by auto-recharge when the first card is declined." "Essayée une fois par la recharge automatique lorsque la première carte est refusée.";
    backup_alone() "It is not charged until a first card is added." "Elle n’est pas débitée tant qu’une première carte n’est pas ajoutée.";
    backup_needs_card() "Add a first card before a backup card." "Ajoutez une première carte avant une carte de secours.";
    valid_until(month) "Valid until the end of {month}" "Valable jusqu’à fin {month}";
    expired_since(month) "Expired at the end of {month}" "Expirée depuis fin {month}";
    expired() "Expired" "Expirée";
    expires_soon() "Expires soon" "Expire bientôt";
    add() "Add a card" "Ajouter une carte";
    replace() "Replace the card" "Remplacer la carte";
    add_backup() "Add a backup card" "Ajouter une carte de secours";
    replace_backup() "Replace the backup card" "Remplacer la carte de secours";
    remove() "Remove the card" "Supprimer la carte";
    remove_backup() "Remove the backup card" "Supprimer la carte de secours";
    continue_purchase(amount) "Continue with the purchase of {amount}" "Continuer l’achat de {amount}";

    card_expired() "The card has expired" "La carte a expiré";
    card_expired_text(card) "{card} can no longer be charged. Replace it, so that funds can be added." "La carte {card} ne peut plus être débitée. Remplacez-la pour pouvoir ajouter des fonds.";
    card_expires() "The card expires soon" "La carte expire bientôt";
    card_expires_text(card, month) "{card} can be charged until the end of {month}. Replace it before that." "La carte {card} peut être débitée jusqu’à fin {month}. Remplacez-la avant cette date.";
    last_declined() "The last charge by auto-recharge was declined" "Le dernier débit de la recharge automatique a été refusé";
    last_declined_text(instant, why, advice) "This was on {instant}. {why} {advice}" "C’était le {instant}. {why} {advice}";

    to_processor() "Continue to the card processor" "Continuer vers le prestataire de paiement";
    to_processor_text() "You enter the card there, and come back here afterwards." "Vous y saisissez la carte, puis vous revenez ici.";
    entering_is_free() "Entering a card does not charge it." "La saisie d’une carte ne débite rien.";
    charged_at_once(amount) "A charge by auto-recharge was declined. A new card is charged {amount} as soon as it is saved." "Un débit de la recharge automatique a été refusé. Une nouvelle carte est débitée de {amount} dès qu’elle est enregistrée.";
    charged_at_once_or_more(amount) "A charge by auto-recharge was declined. A new card is charged {amount}, or a multiple of it, as soon as it is saved." "Un débit de la recharge automatique a été refusé. Une nouvelle carte est débitée de {amount}, ou d’un multiple, dès qu’elle est enregistrée.";
    withdrawn_and_charged(amount) "A charge by auto-recharge is in progress. A new card withdraws it and is charged {amount}, or a multiple of it, as soon as it is saved, unless the bank has taken the first charge already." "Un débit de la recharge automatique est en cours. Une nouvelle carte le retire et est débitée de {amount}, ou d’un multiple, dès qu’elle est enregistrée, sauf si la banque a déjà accepté le premier débit.";
    to_processor_late() "If the page does not open by itself, select the link." "Si la page ne s’ouvre pas d’elle-même, sélectionnez le lien.";
    back_without() "Back without a card" "Revenir sans carte";

    saved() "The card is saved" "La carte est enregistrée";
    saved_text(card) "Card saved: {card}." "Carte enregistrée : {card}.";
    backup_saved_text(card) "Backup card saved: {card}." "Carte de secours enregistrée : {card}.";
    not_saved() "No card was saved" "Aucune carte n’a été enregistrée";
    not_saved_still(card) "The card is {card}, as before." "La carte est {card}, comme auparavant.";
    not_saved_yet() "If you have entered a card, it can take a moment to arrive here." "Si vous avez saisi une carte, son arrivée ici peut prendre un instant.";
    check_again() "Check again" "Vérifier de nouveau";
    back_from_processor() "You are back from the card processor" "Vous êtes de retour du prestataire de paiement";
    back_with_card(card) "The card that is saved now: {card}." "La carte enregistrée actuellement : {card}.";
    back_without_card() "No card is saved now." "Aucune carte n’est enregistrée actuellement.";

    remove_card(card) "Remove {card}" "Supprimer {card}";
    keep() "Keep the card" "Garder la carte";
    consequences() "What happens" "Ce qui se passe";
    recharge_turns_off() "Auto-recharge turns off: no card is charged by itself any more." "La recharge automatique est désactivée : aucune carte n’est plus débitée automatiquement.";
    recharge_is_off() "Auto-recharge is off already." "La recharge automatique est déjà désactivée.";
    switch_completes() "Your switch to post-usage billing completes: funds can no longer be bought, and this cannot be undone." "Votre passage à la facturation post-utilisation s’achève : les fonds ne peuvent plus être achetés, et ce choix est définitif.";
    charge_withdrawn() "A charge in progress is withdrawn, unless the bank has taken it already." "Un débit en cours est retiré, sauf si la banque l’a déjà accepté.";
    no_purchases() "Funds cannot be bought until a card is added." "Aucun fonds ne peut être acheté tant qu’une carte n’est pas ajoutée.";
    balance_stays(amount) "Your balance of {amount} stays usable until its funds expire." "Votre solde de {amount} reste utilisable jusqu’à l’expiration de ses fonds.";
    receipts_stay() "Past receipts stay available." "Les reçus passés restent disponibles.";
    backup_stays(card) "The backup card, {card}, stays saved, but is not charged until a first card is added." "La carte de secours, {card}, reste enregistrée, mais n’est pas débitée tant qu’une première carte n’est pas ajoutée.";
    backup_goes() "When the first card is declined, no other card is tried." "Lorsque la première carte est refusée, aucune autre carte n’est essayée.";
    card_stays(card) "The first card, {card}, stays." "La première carte, {card}, est conservée.";
    nothing_to_remove() "There is no such card: it has been removed already." "Cette carte n’existe pas : elle a déjà été supprimée.";
    back() "Back to the payment method" "Retour au moyen de paiement";
    changed() "The settings have changed" "Les paramètres ont changé";
    changed_text() "Somebody has changed the cards or auto-recharge since you opened the page. Nothing was removed. Check again what happens." "Les cartes ou la recharge automatique ont été modifiées depuis que vous avez ouvert la page. Rien n’a été supprimé. Vérifiez de nouveau les conséquences.";
    removed() "The card is removed" "La carte est supprimée";
    removed_text() "It is no longer charged. Auto-recharge is off." "Elle n’est plus débitée. La recharge automatique est désactivée.";
    backup_removed() "The backup card is removed" "La carte de secours est supprimée";
}
