super::texts! {
    /// Texts of errors, by the API's code.
    pub(crate) struct FormWords;
    glossary {}
    missing() "Enter something here." "Remplissez ce champ.";
    out_of_range() "This value is outside the allowed limits." "Cette valeur est hors des limites permises.";
    too_long() "This is too long." "C’est trop long.";
    too_many_decimals() "This has more decimals than the currency." "Il y a plus de décimales que n’en a la devise.";
    repeated() "This value is there twice." "Cette valeur figure deux fois.";
    wrong() "This value cannot be used." "Cette valeur ne peut pas être utilisée.";
    no_payment_method() "Add a card first." "Ajoutez d’abord une carte.";
    post_usage() "Funds can no longer be bought: calls are invoiced after use." "Les fonds ne sont plus disponibles à l’achat : les appels sont facturés après utilisation.";
    too_many_lots() "There are 500 purchases with unused funds; there is room when one is used up." "Il y a déjà 500 achats avec des fonds inutilisés ; il y aura de la place quand l’un d’eux sera épuisé.";
    too_many_declines() "Cards were declined too often. Save another card." "Des cartes ont été refusées trop souvent. Enregistrez une autre carte.";
    key_reused() "This page was used for another amount. Start again." "Cette page a servi pour un autre montant. Recommencez.";
    beyond_available() "This is more than there is." "C’est plus que ce qui est disponible.";
    id_taken() "An account has this id already." "Un compte porte déjà cet identifiant.";
    nothing_to_resume() "Auto-recharge is neither paused nor stopped." "La recharge automatique n’est ni suspendue ni arrêtée.";
    settings_changed() "The settings have been changed meanwhile." "Les paramètres ont été modifiés entre-temps.";
}

impl FormWords {
    /// The text of a code. A code that is not known has a general text.
    pub(crate) fn of_code(self, code: &str) -> String {
        match code {
            "missing" => self.missing(),
            "outOfRange" => self.out_of_range(),
            "tooLong" => self.too_long(),
            "tooManyDecimals" => self.too_many_decimals(),
            "repeated" => self.repeated(),
            "noPaymentMethod" => self.no_payment_method(),
            "postUsageAccount" => self.post_usage(),
            "tooManyLots" => self.too_many_lots(),
            "tooManyDeclines" => self.too_many_declines(),
            "idempotencyKeyReused" => self.key_reused(),
            "beyondAvailable" => self.beyond_available(),
            "accountIdTaken" => self.id_taken(),
            "nothingToResume" => self.nothing_to_resume(),
            "settingsChanged" => self.settings_changed(),
            _ => self.wrong(),
        }
    }
}
