super::texts! {
    /// The page of funds.
    pub(crate) struct FundsWords;
    glossary {
        title = funds,
        add_funds = add_funds,
        amount = amount,
        expires = expiry,
        balance = balance,
        owed = owed,
    }
    order() "Calls use the funds that expire first. Buying more does not extend them." "Les appels utilisent d’abord les fonds qui expirent les premiers. Un nouvel achat ne les prolonge pas.";
    purchased() "Purchased" "Date d’achat";
    source() "Source" "Origine";
    remaining() "Remaining" "Restant";
    of(remaining, amount) "{remaining} of {amount}" "{remaining} sur {amount}";
    receipt(kind, number) "{kind}, receipt {number}" "{kind}, reçu {number}";
    soon() "Expires soon" "Expire bientôt";
    none() "There are no funds yet, or all are used up." "Il n’y a pas encore de fonds, ou tous sont épuisés.";
    empty_advice() "Unused funds expire 12 months after purchase and are lost." "Les fonds non utilisés dans les 12 mois suivant la date d’achat expirent et sont perdus.";
    expired_title() "Expired, still used for calls that ended before" "Expirés, encore utilisés pour les appels terminés avant";
    expired_advice() "Calls can be reported up to 72 hours late. What is left after that is lost." "Les appels peuvent être signalés avec un retard de 72 heures au plus. Ce qui reste ensuite est perdu.";
    more_expired(count) "Further expired funds that are not shown: {count}." "Autres fonds expirés, non affichés : {count}.";
    expired_on() "Expired" "Expirés le";
    used_until() "Used until" "Utilisés jusqu’au";
    sum() "How the balance is made up" "Composition du solde";
    unspent() "Unspent funds" "Fonds non dépensés";
    part_expired() "of which expired" "dont expirés";
    shown(first, last, count) "Funds {first} to {last} of {count}" "Fonds {first} à {last} sur {count}";
    sooner() "Funds that expire sooner" "Fonds qui expirent plus tôt";
    later() "Funds that expire later" "Fonds qui expirent plus tard";
}
