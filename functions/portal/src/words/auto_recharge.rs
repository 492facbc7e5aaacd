super::texts! {
    /// The settings of auto-recharge.
    pub(crate) struct AutoRechargeWords;
    glossary {
        title = auto_recharge_settings,
        auto_recharge = auto_recharge,
        add_this_amount = add_this_amount,
        when_balance_reaches = when_balance_reaches,
        monthly_limit = monthly_limit,
        resume = resume_auto_recharge,
        payment_method = payment_method,
        add_funds = add_funds,
        usage = usage,
        available_balance = available_balance,
        usable_until = usable_until,
    }
    state() "Status" "État";
    on() "On" "Activée";
    off() "Off" "Désactivée";
    amount_hint(currency, minimum, maximum) "In {currency}, from {minimum} to {maximum}." "En {currency}, de {minimum} à {maximum}.";
    trigger_hint() "At this amount or below, the card is charged." "À ce montant ou en dessous, la carte est débitée.";
    limit_hint() "Per calendar month (UTC). What you buy yourself does not count." "Par mois civil (UTC). Vos propres achats ne comptent pas.";
    example(amount, trigger) "Example: add {amount} when the balance reaches {trigger}." "Exemple : ajouter {amount} lorsque le solde atteint {trigger}.";
    consent(card, times) "While it is on, {card} is charged this amount each time the available balance is at or below the amount of “When balance reaches”. If one amount is not enough, a multiple is charged in one payment. Charging stops at your monthly limit and, as a safeguard, after {times} amounts in a day. You can turn it off here at any time." "Tant qu’elle est activée, la carte {card} est débitée de ce montant chaque fois que le solde disponible est inférieur ou égal au montant de « Lorsque le solde atteint ». Si un seul montant ne suffit pas, un multiple est débité en un seul paiement. Les débits s’arrêtent à votre limite mensuelle et, par sécurité, après {times} montants en un jour. Vous pouvez la désactiver ici à tout moment.";
    consent_of(card, amount, trigger, times) "While it is on, {card} is charged {amount} each time the available balance is at or below {trigger}. If one amount is not enough, a multiple is charged in one payment. Charging stops at your monthly limit and, as a safeguard, after {times} amounts in a day. You can turn it off at any time." "Tant qu’elle est activée, la carte {card} est débitée de {amount} chaque fois que le solde disponible est inférieur ou égal à {trigger}. Si un seul montant ne suffit pas, un multiple est débité en un seul paiement. Les débits s’arrêtent à votre limite mensuelle et, par sécurité, après {times} montants en un jour. Vous pouvez la désactiver à tout moment.";
    limit_below_amount(amount) "The limit must leave room for one amount: enter at least {amount}." "La limite doit laisser place à un montant : saisissez au moins {amount}.";

    add_card_first() "Add a card first" "Ajoutez d’abord une carte";
    add_card() "Add a card" "Ajouter une carte";
    add_card_first_text() "Auto-recharge charges a saved card, and none is saved yet." "La recharge automatique débite une carte enregistrée, et aucune ne l’est encore.";
    not_available() "Auto-recharge is not available" "La recharge automatique n’est pas disponible";
    not_available_text() "Calls are invoiced after use, so no funds are added." "Les appels sont facturés après utilisation : aucun fonds n’est ajouté.";
    switching() "You are switching to post-usage billing: turning it off completes the switch." "Vous passez à la facturation post-utilisation : la désactiver achève le passage.";

    change_card() "Change payment method" "Modifier le moyen de paiement";
    confirm_payment() "Confirm the payment" "Confirmer le paiement";
    goes_on() "You need not do anything." "Vous n’avez rien à faire.";
    last_declined(instant, why) "Last declined on {instant}. {why}" "Dernier refus le {instant}. {why}";

    is_off() "Auto-recharge is off" "La recharge automatique est désactivée";
    no_longer_charged() "The card is no longer charged by itself." "La carte n’est plus débitée automatiquement.";
    balance_stays(balance) "Your balance of {balance} stays usable." "Votre solde de {balance} reste utilisable.";
    may_still_complete(time) "A charge begun at {time} UTC may still complete." "Un débit commencé à {time} UTC peut encore aboutir.";
    is_on() "Auto-recharge is on" "La recharge automatique est activée";
    still_held_back() "No card is charged by itself until auto-recharge is resumed." "Aucune carte n’est débitée automatiquement tant que la recharge automatique n’est pas relancée.";
    is_resumed() "Auto-recharge is resumed" "La recharge automatique est relancée";
    will_be_charged(card, amount) "{card} will be charged {amount}. In a moment you find the payment under “Receipts and invoices”." "La carte {card} va être débitée de {amount}. Dans un instant, le paiement figurera sous « Reçus et factures ».";

    confirm_title() "Saving charges your card now" "L’enregistrement débite votre carte maintenant";
    confirm_text() "The available balance is at or below the amount at which the card is charged. Nothing is saved or charged yet." "Le solde disponible est inférieur ou égal au montant auquel la carte est débitée. Rien n’est encore enregistré ni débité.";
    confirm_free_text() "Saving charges nothing now. Nothing is saved yet." "L’enregistrement ne débite rien maintenant. Rien n’est encore enregistré.";
    charged_now() "Charged now" "Débité maintenant";
    times_amount(times, amount) "{times} times {amount}, since one is not enough" "{times} fois {amount}, car un seul ne suffit pas";
    card_charged() "Card charged" "Carte débitée";
    lost() "Unused funds expire 12 months after purchase and are lost." "Les fonds non utilisés dans les 12 mois suivant la date d’achat expirent et sont perdus.";
    save_and_pay(amount) "Save and pay {amount}" "Enregistrer et payer {amount}";
    change_settings() "Change the settings" "Modifier les paramètres";
    amount_changed() "The amount has changed" "Le montant a changé";
    amount_changed_text(amount) "The balance has changed since you opened the page: {amount} would be charged now. Nothing was saved or charged." "Le solde a changé depuis que vous avez ouvert la page : {amount} seraient débités maintenant. Rien n’a été enregistré ni débité.";

    resume_charges(card, amount) "If you resume it, {card} is charged {amount} at once, since the available balance is low." "Si vous la relancez, la carte {card} est aussitôt débitée de {amount}, car le solde disponible est bas.";
    resume_charges_nothing(trigger) "If you resume it, nothing is charged now. The card is charged when the balance reaches {trigger}." "Si vous la relancez, rien n’est débité maintenant. La carte est débitée lorsque le solde atteint {trigger}.";
    resume_held_back() "If you resume it, nothing is charged now: a limit leaves no room." "Si vous la relancez, rien n’est débité maintenant : une limite ne laisse pas de place.";
    resume_and_pay(amount) "Resume and pay {amount}" "Relancer et payer {amount}";
    resume_amount_changed_text(amount) "The balance has changed since you opened the page: {amount} would be charged now. Nothing was resumed or charged." "Le solde a changé depuis que vous avez ouvert la page : {amount} seraient débités maintenant. Rien n’a été relancé ni débité.";
    leave_paused() "Leave it as it is" "Ne pas la relancer";
}
