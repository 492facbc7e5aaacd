super::texts! {
    /// "Rates and plans".
    pub(crate) struct RatesWords;
    glossary { title = rates_and_plans }
    number() "Phone number" "Numéro de téléphone";
    number_hint() "With the country code, such as +49 30 901820. Masked digits may be written as *." "Avec l’indicatif du pays, par exemple +49 30 901820. Les chiffres masqués peuvent s’écrire *.";
    currency() "Currency" "Devise";
    find() "Find the price" "Rechercher le tarif";
    not_a_number() "Write the number with its country code, such as +49 30 901820." "Écrivez le numéro avec l’indicatif du pays, par exemple +49 30 901820.";
    not_a_currency() "Choose a currency, by its three letters." "Choisissez une devise, par ses trois lettres.";
    prices(number) "Prices for {number}" "Tarifs pour {number}";
    no_rate() "There is no published rate for this number. Such a call is kept, and charged once a rate is published." "Il n’y a pas de tarif publié pour ce numéro. Un tel appel est conservé, et débité dès qu’un tarif est publié.";
    kind() "Kind of call" "Type d’appel";
    destination() "Destination" "Destination";
    per_minute() "Per minute" "Par minute";
    fee() "Connection fee" "Frais de connexion";
    no_fee() "none" "sans frais";
    billed() "Billed in" "Facturation";
    whole_minutes() "whole minutes" "par minute entière";
    seconds(first, next) "the first {first} s, then each {next} s" "les {first} premières secondes, puis par {next} s";
    single_seconds() "single seconds" "à la seconde";
    since() "In force since" "En vigueur depuis";
    ten_minutes(price) "A 10-minute call costs {price}." "Un appel de 10 minutes coûte {price}.";
    plans() "What your plans include" "Ce que vos forfaits incluent";
    no_plans() "No plan with included minutes is assigned to your organization: funds pay for every call of the list below." "Aucun forfait avec minutes incluses n’est attribué à votre organisation : les fonds paient tous les appels de la liste ci-dessous.";
    plan() "Plan" "Forfait";
    country() "Country" "Pays";
    covers() "Covers" "Couvre";
    all_countries() "all countries" "tous les pays";
    more_countries(shown, count) "{shown} and {count} more" "{shown} et {count} autres";
    which_applies() "The kind of the call decides which line applies. The line of premium-rate numbers applies only to numbers that are one." "Le type d’appel détermine la ligne qui s’applique. Celle des numéros surtaxés ne vaut que pour ces numéros.";
    minutes() "Minutes a month" "Minutes par mois";
    licences(minutes, licences) "{minutes} × {licences} licences" "{minutes} × {licences} licences";
    used() "Used this month (UTC)" "Utilisées ce mois-ci (UTC)";
    used_of(used, size) "{used} of {size}" "{used} sur {size}";
    pay() "What funds pay for" "Ce que les fonds paient";
    pay_intro() "Funds pay for what no plan includes:" "Les fonds paient ce qu’aucun forfait n’inclut :";
    pay_toll_free() "incoming calls to your toll-free numbers, each minute" "les appels entrants vers vos numéros gratuits, à la minute";
    pay_conference() "dial-out from a conference, beyond the included minutes" "les appels sortants depuis une audioconférence, au-delà des minutes incluses";
    pay_international() "international calls, beyond the included minutes" "les appels internationaux, au-delà des minutes incluses";
    pay_domestic() "domestic calls, beyond the included minutes" "les appels nationaux, au-delà des minutes incluses";
    pay_go() "every outgoing call on a pay-as-you-go plan" "tous les appels sortants d’un forfait avec paiement à l’utilisation";
    pay_premium() "premium-rate numbers, which no plan includes" "les numéros surtaxés, qu’aucun forfait n’inclut";
    outgoing() "Outgoing call" "Appel sortant";
    conference() "Dial-out from a conference" "Appel sortant depuis une audioconférence";
    toll_free() "Incoming, toll-free number" "Appel entrant, numéro gratuit";
    toll() "Incoming, toll number" "Appel entrant, numéro payant";
    premium() "Premium-rate number" "Numéro surtaxé";
}
