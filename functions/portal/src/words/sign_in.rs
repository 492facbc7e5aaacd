super::texts! {
    /// The sign-in.
    pub(crate) struct SignInWords;
    glossary {}
    title() "Sign in to the Admin center" "Connectez-vous au Centre d’administration";
    sign_in() "Sign in" "Se connecter";
    choose() "Choose a person to sign in as. These are demo people, without passwords." "Choisissez la personne sous le nom de laquelle vous connecter. Ce sont des personnes de démonstration, sans mot de passe.";
    of_operator() "the service provider’s staff" "équipe de l’opérateur";
    developers() "For developers: the API’s reference, sent e-mails, and examples to try with curl" "Pour les développeurs : la référence de l’API, les e-mails envoyés et des exemples à essayer avec curl";
    refused() "You were not signed in" "Vous n’avez pas été connecté";
    refused_advice() "The sign-in service refused, or the attempt was given up. Try again, or ask your administrator." "Le service de connexion a refusé, ou la tentative a été abandonnée. Réessayez, ou adressez-vous à votre administrateur.";
    reason() "Reason:" "Motif :";
    no_role() "Your sign-in has no role here" "Votre compte n’a aucun rôle ici";
    no_role_advice() "Ask your administrator for the role admin or viewer." "Demandez à votre administrateur le rôle d’administrateur ou de lecteur.";
    for_machines() "This sign-in is for machines" "Cette connexion est réservée aux machines";
    for_machines_advice() "It sends finished calls and has no pages. Sign in as a person." "Elle transmet les appels terminés et n’a pas de pages. Connectez-vous en tant que personne.";
    signed_out() "You are signed out." "Vous êtes déconnecté.";
    signed_out_advice() "The sign-in service may still know you." "Le service de connexion vous connaît peut-être encore.";
    also_sign_out() "Also sign out there" "S’y déconnecter aussi";
}
