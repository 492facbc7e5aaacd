use wording::{Locale, glossary};

super::texts! {
    /// Texts of the frame of every page.
    pub(crate) struct FrameWords;
    glossary {
        site = admin_center,
        products = your_products,
        communications_credits = product,
        add_funds = add_funds,
        funds = funds,
        transactions = transactions,
        usage = usage,
        receipts = receipts_and_invoices,
        notifications = notifications,
        limits = spending_limits,
        rates = rates_and_plans,
    }
    skip() "Skip to the content" "Aller au contenu";
    menu() "Menu" "Menu";
    billing() "Billing" "Facturation";
    way() "You are here" "Vous êtes ici";
    sign_out() "Sign out" "Se déconnecter";
    accounts() "Accounts" "Comptes";
    unrated() "Records without a rate" "Enregistrements sans tarif";
    as_operator() "You are acting as the operator for" "Vous agissez en tant qu’opérateur pour";
    recorded() "What you do is recorded with your name." "Vos actions sont enregistrées à votre nom.";
    also() "Also:" "À noter aussi :";
    error_title(title) "Error: {title}" "Erreur : {title}";
    correct_one() "There is one problem" "Il y a un point à corriger";
    correct_several(count) "There are {count} problems" "Il y a {count} points à corriger";
    optional() "(optional)" "(facultatif)";
    read_only() "Only an administrator can change this." "Seul un administrateur peut modifier ceci.";
    not_loaded() "This part could not be loaded." "Cette partie n’a pas pu être chargée.";
    try_again() "Try again" "Réessayer";
    local_trial() "Trial on this machine." "Essai sur cette machine.";
    clock(instant) "The clock stands at {instant}." "L’horloge est arrêtée au {instant}.";
    mailbox() "Sent e-mails" "E-mails envoyés";
    developers() "For developers" "Pour les développeurs";
}

/// A role by its name in the API.
pub(crate) fn role(name: &str, locale: Locale) -> String {
    let known = match name {
        "admin" => glossary::administrator(locale),
        "viewer" => glossary::viewer(locale),
        "operator" => glossary::operator(locale),
        other => other,
    };
    known.to_owned()
}
