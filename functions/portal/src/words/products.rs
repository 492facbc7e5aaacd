super::texts! {
    /// "Your products".
    pub(crate) struct ProductsWords;
    glossary {
        title = your_products,
        organization = organization,
        available = available,
        communications_credits = product,
        auto_recharge = auto_recharge,
    }
    product() "Product" "Produit";
    status() "Status" "État";
    none() "No product is assigned to you. Ask your service provider." "Aucun produit ne vous est attribué. Adressez-vous à votre fournisseur.";
    act() "Act" "Agir";
    calling_plans() "Calling plans" "Forfaits d’appels";
    plan() "Plan" "Forfait";
    country() "Country" "Pays";
    licences() "Licences" "Licences";
    use_of_minutes() "Included minutes" "Minutes incluses";
    minutes_used(used, minutes, month) "{used} of {minutes} minutes used in {month} (UTC)" "{used} minutes utilisées sur {minutes} en {month} (UTC)";
    of_first_accounts(count) "The plans of your first {count} organizations are shown." "Les forfaits de vos {count} premières organisations sont affichés.";
}
