super::texts! {
    /// "Usage".
    pub(crate) struct UsageWords;
    glossary { title = usage }
    heading(month) "Usage, {month} (UTC)" "Consommation, {month} (UTC)";
    total(charge, calls, minutes) "{charge} for {calls}, {minutes}" "{charge} pour {calls}, {minutes}";
    count_call(count) "{count} call" "{count} appel";
    count_calls(count) "{count} calls" "{count} appels";
    count_minute(count) "{count} minute" "{count} minute";
    count_minutes(count) "{count} minutes" "{count} minutes";
    counted() "Calls count on the day they started (UTC). The balance changes when a call is charged, which can be a later day." "Les appels comptent le jour où ils ont commencé (UTC). Le solde change quand un appel est débité, parfois un autre jour.";
    previous(month) "Month before, {month}" "Mois précédent, {month}";
    next(month) "Next month, {month}" "Mois suivant, {month}";
    by_user() "By user" "Par utilisateur";
    by_destination() "By destination" "Par destination";
    by_country() "By country" "Par pays";
    by_service() "By service" "Par service";
    by_plan() "By plan" "Par forfait";
    by_cost_centre() "By cost centre" "Par centre de coûts";
    by_day() "By day" "Par jour";
    user() "User" "Utilisateur";
    destination() "Destination" "Destination";
    country() "Country" "Pays";
    service() "Service" "Service";
    plan() "Plan" "Forfait";
    cost_centre() "Cost centre" "Centre de coûts";
    day() "Day" "Jour";
    calls() "Calls" "Appels";
    minutes() "Minutes" "Minutes";
    covered() "Included minutes" "Minutes incluses";
    charge(currency) "Charge ({currency})" "Montant ({currency})";
    share() "Share" "Part";
    percent(share) "{share}%" "{share} %";
    others() "Others" "Autres";
    not_given() "Not given" "Non indiqué";
    without_plan() "Without a plan" "Sans forfait";
    csv() "Download CSV" "Télécharger (CSV)";
    none(month) "No calls in {month}." "Aucun appel en {month}.";
    pending() "Some days are still being summed up, and are missing here. Open the page again in a moment." "Certains jours sont encore en cours de calcul et manquent ici. Rouvrez la page dans un instant.";
    not_a_month() "There is no such month to show. Choose one that has begun." "Ce mois ne peut pas être affiché. Choisissez-en un qui a commencé.";
    chart(month) "Charges by day, {month}" "Montants par jour, {month}";
}
