super::texts! {
    /// "Transactions".
    pub(crate) struct TransactionsWords;
    glossary { title = transactions, amount = amount }
    first_day() "From" "Du";
    last_day() "To" "Au";
    date_hint() "Year-month-day, such as 2026-11-28 (UTC)." "Année-mois-jour, par exemple 2026-11-28 (UTC).";
    kind() "Kind" "Type";
    all_kinds() "All" "Tous";
    show() "Show" "Afficher";
    this_month() "This month" "Ce mois-ci";
    last_month() "Last month" "Le mois dernier";
    csv() "Download CSV" "Télécharger (CSV)";
    too_long_for_csv() "There are too many transactions for one file. Choose a shorter period." "Il y a trop d’opérations pour un seul fichier. Choisissez une période plus courte.";
    date() "Date (UTC)" "Date (UTC)";
    what() "What" "Opération";
    balance_after() "Balance after" "Solde après";
    older() "Older" "Plus anciennes";
    newest() "Newest" "Les plus récentes";
    why() "Why this charge" "Pourquoi ce montant";
    details() "Details" "Détails";
    none() "No transactions yet." "Aucune opération pour l’instant.";
    none_of_these() "No transactions match this filter." "Aucune opération ne correspond à ce filtre.";
    clear() "Show all transactions" "Afficher toutes les opérations";
    not_a_date() "Write the date as year-month-day, such as 2026-11-28." "Écrivez la date sous la forme année-mois-jour, par exemple 2026-11-28.";
    days_out_of_order() "The first day is after the last day." "Le premier jour est après le dernier.";
    call_to(destination) "Call to {destination}" "Appel vers {destination}";
    call_from(number) "Call from {number}" "Appel depuis {number}";
    call_with(number) "Call, {number}" "Appel, {number}";
    receipt() "See the payment" "Voir le paiement";
    by_plan(minutes, pool) "{minutes} included minutes of {pool}" "{minutes} minutes incluses de {pool}";
    by_rate(minutes, price) "{minutes} minutes at {price} a minute" "{minutes} minutes à {price} la minute";
    connection(fee) "connection fee {fee}" "frais de connexion {fee}";
    prefix(prefix, destination) "Published rate of +{prefix} ({destination})" "Tarif publié de +{prefix} ({destination})";
    in_force(date) "in force since {date}" "en vigueur depuis le {date}";
    increments(increments) "billed in seconds: {increments}" "facturation en secondes : {increments}";
    as_rated() "The charge came with the call record." "Le montant a été fourni avec l’enregistrement d’appel.";
    zero_duration() "The call had no duration: no charge." "L’appel n’a pas eu de durée : aucun montant.";
    no_rate_yet() "No rate yet: not charged" "Pas encore de tarif : non débité";
    funds_used(amount, lot) "{amount} of the funds {lot}" "{amount} des fonds {lot}";
    post_usage(amount) "{amount} goes on the invoice" "{amount} est porté sur la facture";
    record(id) "Record {id}" "Enregistrement {id}";
    reason() "Reason:" "Motif :";
    minutes_seconds(minutes, seconds) "{minutes} min {seconds} s" "{minutes} min {seconds} s";
    hours_minutes(hours, minutes, seconds) "{hours} h {minutes} min {seconds} s" "{hours} h {minutes} min {seconds} s";
    only_seconds(seconds) "{seconds} s" "{seconds} s";
    not_accepted() "The record was not accepted." "L’enregistrement n’a pas été accepté.";
}
