super::texts! {
    /// "Usage".
    pub(crate) struct UsageWords;
    glossary { title = usage }
    heading(month) "Usage, {month} (UTC)" "Consommation, {month} (UTC)";
    total(charge, calls, minutes) "{charge} in {calls} calls, {minutes} minutes" "{charge} en {calls} appels, {minutes} minutes";
    previous(month) "Earlier: {month}" "Avant : {month}";
    next(month) "Later: {month}" "Après : {month}";
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
    covered() "Covered by plans (min)" "Incluses dans les forfaits (min)";
    charge() "Charge" "Montant";
    share() "Share" "Part";
    percent(share) "{share}%" "{share} %";
    others() "Others" "Autres";
    not_given() "Not given" "Non indiqué";
    csv() "Download CSV" "Télécharger (CSV)";
    none(month) "No calls in {month}." "Aucun appel en {month}.";
    pending() "Some days are still being summed up, and are missing here. Open the page again in a moment." "Certains jours sont encore en cours de calcul et manquent ici. Rouvrez la page dans un instant.";
    not_a_month() "There is no such month to show. Choose one that has begun." "Ce mois ne peut pas être affiché. Choisissez-en un qui a commencé.";
    chart(month) "Charges by day, {month}" "Montants par jour, {month}";
}
