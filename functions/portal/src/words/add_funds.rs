super::texts! {
    /// "Add funds", and the pages that lead to a payment.
    pub(crate) struct AddFundsWords;
    glossary {
        title = add_funds,
        amount = amount,
        po_number = po_number,
        usable_until = usable_until,
        edit_auto_recharge = edit_auto_recharge,
        rates = rates_and_plans,
        cards = payment_method,
    }
    available_now(amount) "Available now: {amount}." "Disponible : {amount}.";
    last_month(amount) "Last month your calls cost {amount}." "Le mois dernier, vos appels ont coûté {amount}.";
    choose() "Choose an amount, or enter another. You see everything before you pay." "Choisissez un montant ou saisissez-en un autre. Vous vérifiez tout avant de payer.";
    suggestions() "Suggestions" "Suggestions";
    amount_hint(currency, minimum, maximum) "In {currency}, from {minimum} to {maximum}." "En {currency}, de {minimum} à {maximum}.";
    review() "Review" "Vérifier";
    what_for() "Funds pay for the calls that your plans do not include." "Les fonds paient les appels que vos forfaits n’incluent pas.";
    lost() "Unused funds expire 12 months after purchase and are lost." "Les fonds non utilisés dans les 12 mois suivant la date d’achat expirent et sont perdus.";
    recommend() "We recommend auto-recharge, so that you need not remember to add funds. Without it, your balance may fall to zero." "Nous vous recommandons la recharge automatique, afin de ne pas avoir à ajouter des fonds vous-même. Sans elle, votre solde risque de tomber à zéro.";
    switching() "Funds can no longer be bought: the switch to post-usage billing was asked for. It waits until auto-recharge is off; until then, auto-recharge goes on adding funds." "Les fonds ne peuvent plus être achetés : le passage à la facturation post-utilisation a été demandé. Il attend que la recharge automatique soit désactivée ; d’ici là, elle continue d’ajouter des fonds.";
    complete_switch() "Complete the switch" "Achever le passage";
    post_usage() "Funds can no longer be bought: calls are invoiced after use. What you have stays usable." "Les fonds ne sont plus disponibles à l’achat : les appels sont facturés après utilisation. Ceux que vous avez restent utilisables.";

    review_title() "Review and pay" "Vérifier et payer";
    nothing_yet() "Nothing is charged until you select Pay." "Rien n’est débité avant que vous ne sélectionniez « Payer ».";
    funds_added() "Funds added" "Fonds ajoutés";
    total() "Total to pay" "Total à payer";
    card_charged() "Card charged" "Carte débitée";
    balance_after() "Balance after payment" "Solde après le paiement";
    change() "Change" "Modifier";
    of_card() "the card" "la carte";
    of_po_number() "the PO number" "le bon de commande";
    no_po_number() "None" "Aucun";
    repays(amount) "{amount} of it repays what is owed." "Sur ce montant, {amount} remboursent ce qui est dû.";
    expired() "This card has expired." "Cette carte a expiré.";
    recharge_is_off() "Auto-recharge: off. This purchase does not turn it on." "Recharge automatique : désactivée. Cet achat ne l’active pas.";
    recharge_is_on() "Auto-recharge: on. This purchase does not change its settings." "Recharge automatique : activée. Cet achat ne modifie pas ses paramètres.";
    pay(amount) "Pay {amount}" "Payer {amount}";
    change_amount() "Change the amount" "Modifier le montant";
    patience() "This can take up to 30 seconds. Selecting twice charges once." "Cela peut prendre jusqu’à 30 secondes. Sélectionner deux fois ne débite qu’une fois.";
    add_card_first() "Add a card first" "Ajoutez d’abord une carte";
    add_card_text(amount) "No card is saved yet, so {amount} cannot be charged. Once you have added a card, you come back here." "Aucune carte n’est encore enregistrée : {amount} ne peuvent pas être débités. Une fois la carte ajoutée, vous reviendrez ici.";
    add_card() "Add a card" "Ajouter une carte";

    seconds_ago() "less than a minute ago" "il y a moins d’une minute";
    one_minute_ago() "one minute ago" "il y a une minute";
    minutes_ago(minutes) "{minutes} minutes ago" "il y a {minutes} minutes";
    bought_before() "The same amount was bought just now" "Le même montant vient d’être acheté";
    bought(amount, ago, number) "Funds of {amount} were bought {ago} (receipt {number}). Select Pay only if you want to buy again." "{amount} de fonds ont été achetés {ago} (reçu {number}). Sélectionnez « Payer » seulement si vous voulez acheter de nouveau.";
    begun(amount, ago) "A payment of {amount} was begun {ago}, and its outcome is not known yet. Select Pay only if you want to buy again." "Un paiement de {amount} a été commencé {ago}, et son résultat n’est pas encore connu. Sélectionnez « Payer » seulement si vous voulez acheter de nouveau.";
    see_payment() "See this payment" "Voir ce paiement";

    was_signed_out() "You were signed out before this was sent" "Vous avez été déconnecté avant l’envoi";
    was_signed_out_text() "Nothing was charged. Check it and send again." "Rien n’a été débité. Vérifiez et envoyez de nouveau.";

    paid_already() "Already paid" "Déjà payé";
    paid_already_text(instant) "This payment was made on {instant}. You were not charged again." "Ce paiement a été effectué le {instant}. Vous n’avez pas été débité une deuxième fois.";
    sent_already() "This payment was sent already" "Ce paiement a déjà été envoyé";
    sent_already_text(state) "Its status: {state}. It is not sent again from here." "Son état : {state}. Il n’est pas envoyé une deuxième fois d’ici.";
    start_again() "Start a new purchase" "Commencer un nouvel achat";
    other_amount() "This page was used for another amount" "Cette page a servi pour un autre montant";
    other_amount_text(amount) "This page was used for {amount}. Start again for another amount. Nothing more was charged." "Cette page a servi pour {amount}. Recommencez pour un autre montant. Rien de plus n’a été débité.";
    other_amount_unknown() "This page was used for another amount. Start again. Nothing more was charged." "Cette page a servi pour un autre montant. Recommencez. Rien de plus n’a été débité.";

    unknown() "We do not know yet whether your card was charged" "Nous ne savons pas encore si votre carte a été débitée";
    unknown_text() "The service did not answer in time. Please do not start another purchase." "Le service n’a pas répondu à temps. Ne commencez pas un autre achat.";
    unknown_check(amount) "Check sends this same payment of {amount} once more. If it went through, you see it; if it never arrived, it is made now. Your card is charged once at most." "« Vérifier » envoie de nouveau ce même paiement de {amount}. S’il a abouti, vous le voyez ; s’il n’est jamais arrivé, il est effectué maintenant. Votre carte est débitée une fois au plus.";
    check() "Check" "Vérifier";

    nothing_charged() "Nothing was charged" "Rien n’a été débité";
    too_many_lots() "There are 500 purchases with unused funds already, the most there may be. There is room when one of them is used up or expires." "Il y a déjà 500 achats avec des fonds inutilisés, le maximum possible. Il y aura de la place quand l’un d’eux sera épuisé ou expirera.";
    too_many_declines() "Charges of this organization’s cards were declined 15 times within 30 days, so no purchase is possible for now. Save another card to go on." "Des débits des cartes de cette organisation ont été refusés 15 fois en 30 jours : aucun achat n’est possible pour l’instant. Enregistrez une autre carte pour continuer.";
    refused() "This purchase is not possible in this form." "Cet achat n’est pas possible sous cette forme.";
    to_overview() "Back to Communications Credits" "Retour aux Crédits de communication";
}
