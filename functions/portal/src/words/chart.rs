super::texts! {
    /// The chart of balance and spending.
    pub(crate) struct ChartWords;
    glossary {
        balance = balance,
    }
    title(month) "Balance and spending, {month} (UTC)" "Solde et dépenses, {month} (UTC)";
    month_before(month) "Month before, {month}" "Mois précédent, {month}";
    month_after(month) "Next month, {month}" "Mois suivant, {month}";
    nothing(month) "There is no balance and no spending to show in {month}." "Il n’y a ni solde ni dépenses à afficher pour {month}.";
    funds_used_up() "Your funds are used up, so there is no balance to show. The cost of calls is on the page Usage, and on each month’s invoice." "Vos fonds sont épuisés : il n’y a pas de solde à afficher. Le coût des appels figure sur la page Consommation et sur la facture de chaque mois.";
    not_bought() "The balance and what you spend will be shown here once you have funds." "Le solde et vos dépenses s’afficheront ici dès que vous aurez des fonds.";
    in_currency(what, currency) "{what} ({currency})" "{what} ({currency})";
    spending() "Spending" "Dépenses";
    added() "Funds added" "Fonds ajoutés";
    expired() "Funds expired" "Fonds expirés";
    trigger(amount) "Trigger amount {amount}" "Montant de déclenchement {amount}";
    name(first, last) "Balance and spending from {first} to {last}" "Solde et dépenses du {first} au {last}";
    describe_balance(first, first_day, last, last_day) "The balance was {first} on {first_day} and {last} on {last_day}." "Le solde était de {first} le {first_day} et de {last} le {last_day}.";
    describe_one(balance, day) "The balance was {balance} on {day}." "Le solde était de {balance} le {day}.";
    describe_extremes(least, most) "It lay between {least} and {most}." "Il a varié entre {least} et {most}.";
    describe_movements(spent, added, expired) "Spent: {spent}. Added: {added}. Expired: {expired}." "Dépensé : {spent}. Ajouté : {added}. Expiré : {expired}.";
    spent_so_far(spent, days) "You spent {spent} in {days}." "Vous avez dépensé {spent} en {days}.";
    spent_and_pace(spent, days, available, left) "You spent {spent} in {days}. At this pace, {available} last {left}." "Vous avez dépensé {spent} en {days}. À ce rythme, {available} suffisent pour {left}.";
    drawn_so_far(spent, days) "Calls used {spent} of your funds in {days}." "Les appels ont utilisé {spent} de vos fonds en {days}.";
    drawn_in(spent, month) "Calls used {spent} of your funds in {month}." "Les appels ont utilisé {spent} de vos fonds en {month}.";
    spent_in(spent, month) "You spent {spent} in {month}." "Vous avez dépensé {spent} en {month}.";
    less_than_a_day() "less than a day" "moins d’un jour";
    about_days(days) "about {days}" "environ {days}";
    about_weeks(count) "about {count} weeks" "environ {count} semaines";
    about_months(count) "about {count} months" "environ {count} mois";
    more_than_two_years() "more than two years" "plus de deux ans";
    show_table() "Show as a table" "Afficher sous forme de tableau";
    table_caption(month, currency) "{month}, by day (UTC), in {currency}" "{month}, par jour (UTC), en {currency}";
    day() "Day" "Jour";
    spent() "Spent" "Dépensé";
    other_changes() "Other changes" "Autres mouvements";
    change_added(amount) "{amount} added" "{amount} ajoutés";
    change_expired(amount) "{amount} expired" "{amount} expirés";
    change_other(amount) "{amount} adjusted" "{amount} ajustés";
}
