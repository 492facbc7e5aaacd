super::texts! {
    /// Common texts of the pages of settings.
    pub(crate) struct SettingsWords;
    glossary {
        save = save,
        cancel = cancel,
    }
    changed() "The settings have changed" "Les paramètres ont changé";
    changed_text() "Somebody has saved other settings since you opened the page. Yours are not saved yet." "D’autres paramètres ont été enregistrés depuis que vous avez ouvert la page. Les vôtres ne le sont pas encore.";
    setting() "Setting" "Paramètre";
    now() "Now" "Actuellement";
    yours() "Yours" "Votre saisie";
    save_again() "Save again" "Enregistrer de nouveau";
    save_again_text() "Saving again replaces the current settings with yours." "Un nouvel enregistrement remplace les paramètres actuels par les vôtres.";
    keep() "Keep the current settings" "Garder les paramètres actuels";
    signed_out() "You were signed out before this was sent" "Vous avez été déconnecté avant l’envoi";
    signed_out_text() "Nothing was changed. Check what you entered, and send it again." "Rien n’a été modifié. Vérifiez votre saisie et envoyez-la de nouveau.";
    last_changed_by() "Last changed by" "Dernière modification par";
    changed_on() "on" "le";
    saved() "The settings are saved" "Les paramètres sont enregistrés";
    none() "None" "Aucun";
    no_limit() "No limit" "Aucune limite";
    at_least(amount) "Enter at least {amount}." "Saisissez au moins {amount}.";
    at_most(amount) "Enter at most {amount}." "Saisissez au plus {amount}.";
    more_than_zero() "Enter more than zero, or leave it empty." "Saisissez un montant supérieur à zéro, ou laissez le champ vide.";
    enter_amount(amount) "Enter an amount, such as {amount}." "Saisissez un montant, par exemple {amount}.";
}
