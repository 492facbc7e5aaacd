super::texts! {
    /// The switch to post-usage billing.
    pub(crate) struct PostUsageWords;
    glossary {
        receipts = receipts_and_invoices,
        edit_auto_recharge = edit_auto_recharge,
    }
    title() "Switch to post-usage billing" "Passer à la facturation post-utilisation";
    intro() "Pay for calls after you make them, by monthly invoice." "Payez vos appels après les avoir passés, sur facture mensuelle.";
    preview() "Preview" "Aperçu";
    turned_off(card) "Auto-recharge is turned off: {card} is no longer charged." "La recharge automatique est désactivée : la carte {card} n’est plus débitée.";
    turned_off_without_card() "Auto-recharge is turned off: no card is charged any more." "La recharge automatique est désactivée : aucune carte n’est plus débitée.";
    is_off_already() "Auto-recharge is already off." "La recharge automatique est déjà désactivée.";
    funds_first(funds) "Your {funds} are used first, before any invoice. Nothing is lost by switching." "Vos {funds} sont utilisés d’abord, avant toute facture. Le passage ne fait rien perdre.";
    still_expire(amount, date) "Unused funds still expire ({amount} on {date})." "Les fonds non utilisés continuent d’expirer ({amount} le {date}).";
    no_funds() "You have no funds left to use first." "Il ne vous reste aucun fonds à utiliser d’abord.";
    owed(amount) "The {amount} that you owe go on the first invoice." "Le montant dû ({amount}) figure sur la première facture.";
    nothing_owed() "You owe nothing now." "Vous ne devez rien actuellement.";
    invoiced() "Then calls are invoiced each month, from the first call that your funds do not cover." "Ensuite, les appels sont facturés chaque mois, à partir du premier appel que vos fonds ne couvrent pas.";
    due(days) "An invoice is due {days} after it was issued." "Une facture est due {days} après son émission.";
    no_way_back() "Funds can no longer be bought. This cannot be undone." "Les fonds ne peuvent plus être achetés. Ce choix est définitif.";
    held_up() "Auto-recharge is on" "La recharge automatique est activée";
    held_up_text() "While auto-recharge is on, your balance is recharged indefinitely and the switch does not happen." "Tant que la recharge automatique est activée, votre solde se recharge indéfiniment et le passage n’a pas lieu.";
    understood() "I understand that funds can no longer be bought" "J’ai compris que les fonds ne peuvent plus être achetés";
    must_understand() "Tick the box to say that you have understood this." "Cochez la case pour indiquer que vous avez compris ce point.";
    turn_off_and_switch() "Turn off auto-recharge and switch" "Désactiver la recharge automatique et passer à la post-utilisation";
    switch() "Switch" "Passer à la post-utilisation";
    keep() "Keep prepaying" "Rester en prépayé";
    pending() "The switch waits for auto-recharge" "Le passage attend la recharge automatique";
    pending_text() "The switch was asked for, and auto-recharge is still on: the card goes on being charged, and calls are not invoiced. Turn auto-recharge off to complete the switch." "Le passage a été demandé et la recharge automatique est encore activée : la carte continue d’être débitée, et les appels ne sont pas facturés. Désactivez la recharge automatique pour achever le passage.";
    turn_off_and_complete() "Turn off auto-recharge and complete the switch" "Désactiver la recharge automatique et achever le passage";
    complete() "The switch is complete" "Le passage est achevé";
    draining(funds) "Your {funds} are used first; then calls are invoiced monthly." "Vos {funds} sont utilisés d’abord ; ensuite, les appels sont facturés chaque mois.";
    complete_text() "Calls are invoiced each month." "Les appels sont facturés chaque mois.";
    to_be_invoiced(month) "To be invoiced for {month}" "À facturer pour {month}";
    half_done() "Auto-recharge is off, and the switch is not done yet" "La recharge automatique est désactivée, et le passage n’a pas encore eu lieu";
    half_done_text() "The service did not answer the second step. No card is charged any more. Select Switch to go on." "Le service n’a pas répondu à la deuxième étape. Aucune carte n’est plus débitée. Sélectionnez « Passer à la post-utilisation » pour continuer.";
    changed() "The settings have changed meanwhile" "Les paramètres ont changé entre-temps";
    changed_text() "Nothing was switched. Read the preview again before you switch." "Le passage n’a pas eu lieu. Relisez l’aperçu avant de continuer.";
    now_prepaid() "Calls are paid from funds that are bought before." "Les appels sont payés avec des fonds achetés d’avance.";
}
