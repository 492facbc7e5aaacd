super::texts! {
    /// "Your products".
    pub(crate) struct ProductsWords;
    glossary {
        title = your_products,
        organization = organization,
        available = available,
        communications_credits = product,
    }
    product() "Product" "Produit";
    status() "Status" "État";
    none() "No product is assigned to you. Ask your service provider." "Aucun produit ne vous est attribué. Adressez-vous à votre fournisseur.";
    active() "Active" "Actif";
    depleted() "Depleted" "Épuisé";
    act() "Act" "Agir";
}
