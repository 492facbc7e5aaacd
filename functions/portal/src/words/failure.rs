super::texts! {
    /// Texts of error pages.
    pub(crate) struct FailureWords;
    glossary {}
    signed_out() "Your session has ended" "Votre session a expiré";
    signed_out_advice() "Nothing was sent. Sign in again to go on where you were: what you typed is kept for 15 minutes." "Rien n’a été envoyé. Reconnectez-vous pour reprendre où vous en étiez : votre saisie est conservée 15 minutes.";
    sign_in_again() "Sign in again" "Se reconnecter";
    forbidden() "You do not have access" "Vous n’avez pas accès";
    forbidden_advice() "Only an administrator can do this. Ask an administrator of your organization." "Seul un administrateur peut faire cela. Adressez-vous à un administrateur de votre organisation.";
    not_found() "Page not found" "Page introuvable";
    not_found_advice() "There is no such page, or your sign-in does not reach it." "Cette page n’existe pas, ou votre compte n’y a pas accès.";
    busy() "The service is busy" "Le service est occupé";
    busy_advice() "Nothing was lost. Try again in a moment." "Rien n’a été perdu. Réessayez dans un instant.";
    try_again() "Try again" "Réessayer";
    broken() "Something went wrong" "Une erreur est survenue";
    broken_advice() "The page could not be shown. Tell your service provider if this happens again." "La page n’a pas pu être affichée. Signalez-le à votre fournisseur si cela se reproduit.";
    reference() "Reference:" "Référence :";
    sent_from_elsewhere() "This form was sent from elsewhere" "Ce formulaire a été envoyé depuis un autre site";
    sent_from_elsewhere_advice() "Nothing was changed. Open the page again, and send the form from there." "Rien n’a été modifié. Ouvrez de nouveau la page et envoyez le formulaire depuis celle-ci.";
    too_much() "You entered too much text" "Votre saisie est trop longue";
    too_much_advice() "Nothing was changed. Shorten what you typed." "Rien n’a été modifié. Raccourcissez votre saisie.";
    token_too_large() "Your sign-in carries too much" "Votre connexion est trop volumineuse";
    token_too_large_advice() "The sign-in service gives you a token that no cookie has room for. Ask your administrator for app roles instead of groups." "Le service de connexion vous donne un jeton trop grand pour un cookie. Demandez à votre administrateur des rôles d’application plutôt que des groupes.";
    to_products() "Your products" "Vos produits";
}
