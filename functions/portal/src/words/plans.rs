super::texts! {
    /// "Plans and licences", the operator's.
    pub(crate) struct PlansWords;
    glossary { cancel = cancel, save = save }
    title() "Plans and licences" "Forfaits et licences";
    intro() "The included minutes of a month are those of one licence, times the largest number of licences in the month. Fewer licences count from the next month on." "Les minutes incluses d’un mois sont celles d’une licence, multipliées par le plus grand nombre de licences du mois. Une baisse compte à partir du mois suivant.";
    none() "The account has no plan with included minutes." "Le compte n’a aucun forfait avec minutes incluses.";
    plan() "Plan" "Forfait";
    country() "Country of the users" "Pays des utilisateurs";
    country_hint() "Two letters, such as FR." "Deux lettres, par exemple FR.";
    wrong_country() "Write the two letters of a country, such as FR." "Écrivez les deux lettres d’un pays, par exemple FR.";
    minutes() "Minutes of a licence" "Minutes par licence";
    licences() "Licences" "Licences";
    licences_hint() "A whole number, up to 1,000,000." "Un nombre entier, jusqu’à 1 000 000.";
    wrong_licences() "Write a whole number from 0 to 1,000,000." "Écrivez un nombre entier de 0 à 1 000 000.";
    change() "Change" "Modifier";
    licences_of(plan) "Licences of {plan}" "Licences de {plan}";
    add() "Add a plan" "Ajouter un forfait";
    add_hint() "A plan of the catalogue brings its minutes and countries. Other terms can be set with the API." "Un forfait du catalogue apporte ses minutes et ses pays. D’autres conditions se définissent avec l’API.";
    choose() "Choose a plan" "Choisissez un forfait";
    no_catalogue() "The catalogue could not be loaded." "Le catalogue n’a pas pu être chargé.";
    is_listed() "The account has this plan for this country already. Change its licences instead." "Le compte a déjà ce forfait pour ce pays. Modifiez plutôt ses licences.";
    wrong_plan() "This plan cannot be added for this country." "Ce forfait ne peut pas être ajouté pour ce pays.";
    remove() "Remove the plan" "Supprimer le forfait";
    remove_hint() "Its minutes of this month can still be used. Calls of later months are paid from funds." "Ses minutes de ce mois restent utilisables. Les appels des mois suivants sont payés avec les fonds.";
    added() "The plan is added" "Le forfait est ajouté";
    saved() "The licences are saved" "Les licences sont enregistrées";
    removed() "The plan is removed" "Le forfait est supprimé";
    changed() "The licences have changed" "Les licences ont changé";
    changed_text(licences) "Somebody has changed the number since you opened the page: it is {licences} now. Yours is not saved yet." "Le nombre a été modifié depuis que vous avez ouvert la page : il est maintenant de {licences}. Le vôtre n’est pas encore enregistré.";
    saved_text() "Calls that are rated from now on go by it." "Les appels tarifés désormais en tiennent compte.";
}
