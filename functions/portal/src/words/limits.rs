super::texts! {
    /// Spending limits.
    pub(crate) struct LimitsWords;
    glossary {
        title = spending_limits,
    }
    now() "Now" "Actuellement";
    per_user() "Per user and month" "Par utilisateur et par mois";
    per_day() "Per day, whole organization" "Par jour, pour toute l’organisation";
    per_user_hint(currency) "In {currency}, by calendar month (UTC). What each user’s calls may cost." "En {currency}, par mois civil (UTC). Ce que les appels de chaque utilisateur peuvent coûter.";
    per_day_hint(currency) "In {currency}, by day (UTC). What all calls together may cost." "En {currency}, par jour (UTC). Ce que tous les appels ensemble peuvent coûter.";
    what_happens() "What happens at a limit" "Ce qui se passe à la limite";
    refused() "New paid calls are refused, with the reason." "Les nouveaux appels payants sont refusés, avec le motif.";
    not_cut() "A call in progress is not cut." "Un appel en cours n’est pas coupé.";
    late() "Calls reported late are still charged." "Les appels signalés en retard sont tout de même débités.";
    emergency() "Emergency numbers always work." "Les numéros d’urgence restent toujours accessibles.";
    included() "Minutes that your plans include do not count." "Les minutes incluses dans vos forfaits ne comptent pas.";
    spent_today(spent, limit) "Today (UTC), {spent} of {limit} are spent." "Aujourd’hui (UTC), {spent} sur {limit} sont dépensés.";
    no_day_limit() "There is no limit per day." "Il n’y a pas de limite par jour.";
    no_user_limit() "There is no limit per user." "Il n’y a pas de limite par utilisateur.";
    nobody_at_limit(month, limit) "In {month} (UTC), no user has reached {limit}." "En {month} (UTC), aucun utilisateur n’a atteint {limit}.";
    one_at_limit(month, limit) "In {month} (UTC), 1 user has reached {limit}:" "En {month} (UTC), 1 utilisateur a atteint {limit} :";
    many_at_limit(month, limit, count) "In {month} (UTC), {count} users have reached {limit}:" "En {month} (UTC), {count} utilisateurs ont atteint {limit} :";
    user() "User" "Utilisateur";
    spent() "Spent" "Dépensé";
    reserved() "Reserved for calls in progress" "Réservé aux appels en cours";
    more(count) "and {count} more" "et {count} de plus";
    see_usage() "Usage by user" "Consommation par utilisateur";
    below() "This amount is already spent" "Ce montant est déjà atteint";
    one_above(limit) "1 user has already spent {limit} or more this month. New paid calls of this user are refused as soon as you save." "1 utilisateur a déjà dépensé {limit} ou plus ce mois-ci. Ses nouveaux appels payants seront refusés dès l’enregistrement.";
    many_above(count, limit) "{count} users have already spent {limit} or more this month. New paid calls of these users are refused as soon as you save." "{count} utilisateurs ont déjà dépensé {limit} ou plus ce mois-ci. Leurs nouveaux appels payants seront refusés dès l’enregistrement.";
    day_above(spent) "{spent} are already spent today. New paid calls of the whole organization are refused until midnight (UTC) as soon as you save." "{spent} sont déjà dépensés aujourd’hui. Les nouveaux appels payants de toute l’organisation seront refusés jusqu’à minuit (UTC) dès l’enregistrement.";
    save_all_the_same() "Nothing is saved yet. To save it all the same, select Save again." "Rien n’est encore enregistré. Pour enregistrer malgré tout, sélectionnez de nouveau « Enregistrer ».";
    counts_from_now() "A new limit counts only what is spent from now on." "Une nouvelle limite ne compte que ce qui est dépensé à partir de maintenant.";
}
