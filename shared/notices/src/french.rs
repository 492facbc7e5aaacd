//! What people are told, in French. Written with plain spaces; [`French::typeset`] puts those that do not break.

use domain::event::{PoolShare, UnusedFunds};
use domain::recharge::{Limit, Safeguard, State};
use domain::{BillingModel, Locale, Money};
use jiff::Timestamp;

use crate::language::{Label, Language, Told, Word, Words, brand_name, first_and_last, one_line, parts_of};
use crate::notice::{Changed, Claim, Notice, Reader};

/// French.
pub(crate) struct French;

/// A space that does not break, before the marks that French sets apart, and within its quotation marks.
const SPACES: [(&str, &str); 7] = [
    (" :", "\u{a0}:"),
    (" ;", "\u{a0};"),
    (" !", "\u{a0}!"),
    (" ?", "\u{a0}?"),
    (" %", "\u{a0}%"),
    ("« ", "«\u{a0}"),
    (" »", "\u{a0}»"),
];

impl Language for French {
    fn words(&self, told: &Told<'_>) -> Words {
        let name = told.name;
        let (heading, body, button) = match told.notice {
            Notice::FundsAdded { by_recharge: true, amount, expires_at, times, .. } => {
                recharged(name, amount, times, expires_at)
            }
            Notice::FundsAdded { by_recharge: false, amount, expires_at, .. } => {
                purchased(name, amount, expires_at)
            }
            Notice::RechargeFailed { amount, reason, retry_at, .. } => {
                recharge_failed(name, amount, reason, retry_at)
            }
            Notice::RechargeNeedsAction { amount, .. } => needs_action(name, amount),
            Notice::BalanceDepleted { available } => depleted(told, available),
            Notice::BalanceWarning { available, .. } => warning(told, available),
            Notice::FundsExpiring { amount, lots } => expiring(told, amount, lots),
            Notice::FundsExpired { amount, lots } => expired(name, amount, lots),
            Notice::PoolUsed(share) => pool_used(told, share),
            Notice::SwitchPending => switch_pending(name),
            Notice::SwitchCompleted { owed, funds } => switch_completed(name, owed, funds),
            Notice::InvoiceIssued(claim) => invoice_issued(name, claim),
            Notice::InvoiceOverdue(claim) => invoice_overdue(told, claim),
            Notice::SettingsChanged { changed, .. } => settings_changed(told, changed),
            Notice::RechargePaused { why: Safeguard::Runaway } => paused(name),
            Notice::RechargeLimited { why, until } => limited(name, why, until),
            Notice::RechargeStopped { reason, .. } => stopped(name, reason),
        };
        Words { heading, body, button }
    }

    fn label(&self, label: Label) -> &'static str {
        match label {
            Label::Amount => "Montant",
            Label::AutoRecharge => "Recharge automatique",
            Label::Available => "Disponible",
            Label::BackupCard => "Carte de secours",
            Label::Card => "Carte",
            Label::Changed => "Modification",
            Label::ChangedAt | Label::Date => "Date",
            Label::ChangedBy => "Par",
            Label::Due => "Échéance",
            Label::ExpiredAt => "Expiration",
            Label::FurtherLots => "Autres",
            Label::Invoice => "Numéro de facture",
            Label::MonthlyLimit => "Limite mensuelle",
            Label::NextInvoice => "Sur la prochaine facture",
            Label::MinutesIncluded => "Minutes incluses",
            Label::MinutesUsed => "Minutes utilisées",
            Label::Month => "Mois (UTC)",
            Label::Owed => "À régler",
            Label::Plan => "Forfait et pays",
            Label::PoNumber => "Bon de commande",
            Label::Receipt => "Numéro de reçu",
            Label::RechargeAmount => "Montant ajouté",
            Label::Recipients => "Destinataires",
            Label::TriedAgain => "Prochain essai",
            Label::TriggerAmount => "Quand le solde atteint",
            Label::UsableUntil => "Utilisable jusqu’au",
            Label::WarningAmount => "Montant d’alerte",
        }
    }

    fn card(&self, brand: &str, last4: &str) -> String {
        format!("{} se terminant par {last4}", brand_name(brand))
    }

    fn changed(&self, changed: Changed) -> String {
        let names = [
            (changed.payment_method, "moyen de paiement"),
            (changed.auto_recharge, "recharge automatique"),
            (changed.recipients, "destinataires des avis"),
        ];
        let names: Vec<_> = names.into_iter().filter_map(|(is, name)| is.then_some(name)).collect();
        names.join(", ")
    }

    fn word(&self, word: Word) -> &'static str {
        match word {
            Word::On => "activée",
            Word::Off => "désactivée",
            Word::Resumed => "relancée",
            Word::None => "aucune",
            Word::Nobody => "aucun",
        }
    }

    fn colon(&self) -> &'static str {
        "\u{a0}:"
    }

    fn typeset(&self, text: &str) -> String {
        SPACES.iter().fold(text.to_owned(), |text, (plain, set)| text.replace(plain, set))
    }
}

/// Heading, body and button.
type Parts = (String, String, &'static str);

fn recharged(name: &str, amount: Money, times: Option<u32>, expires_at: Timestamp) -> Parts {
    let why_so_much = match parts_of(amount, times) {
        Some((times, part)) => format!(
            "\nUne seule recharge de {0} n’aurait pas suffi à ramener le solde au-dessus du seuil : {times} × {0} ont \
             été débités en une fois.",
            money(part)
        ),
        None => String::new(),
    };
    (
        format!("{} ajoutés par la recharge automatique", money(amount)),
        format!(
            "Le solde de {name} avait atteint le seuil de déclenchement : la recharge automatique a débité \
             votre carte.{why_so_much}\n\
             Ce crédit peut servir à vos appels jusqu’au {}.\n\
             \n\
             Vous n’avez rien à faire.\n\
             Cet e-mail est votre reçu.",
            date_and_time(expires_at),
        ),
        "Voir le reçu",
    )
}

fn purchased(name: &str, amount: Money, expires_at: Timestamp) -> Parts {
    (
        format!("Votre achat de {}", money(amount)),
        format!(
            "Merci.\n\
             Votre carte a été débitée et {} ont été ajoutés au crédit Communications Credits de {name}.\n\
             Ce crédit peut servir à vos appels jusqu’au {} ; ce qui n’est pas utilisé d’ici là est perdu.\n\
             \n\
             Cet e-mail est votre reçu.",
            money(amount),
            date_and_time(expires_at),
        ),
        "Voir le reçu",
    )
}

fn recharge_failed(name: &str, amount: Money, reason: &str, retry_at: Timestamp) -> Parts {
    let (why, advice) = decline(reason);
    (
        "La recharge automatique n’a pas pu débiter votre carte".to_owned(),
        format!(
            "La recharge automatique a voulu ajouter {} au crédit Communications Credits de {name}, \
             mais le paiement a été refusé.\n\
             {why}\n\
             \n\
             {advice}\n\
             {}\n\
             Une fois le crédit épuisé, les appels qu’il paie ne peuvent plus commencer.",
            money(amount),
            next_try(retry_at),
        ),
        "Vérifier le moyen de paiement",
    )
}

fn needs_action(name: &str, amount: Money) -> Parts {
    (
        format!("Veuillez confirmer un paiement de {}", money(amount)),
        format!(
            "La recharge automatique veut ajouter {} au crédit Communications Credits de {name}.\n\
             La banque demande au titulaire de la carte de confirmer ce paiement ; rien n’est débité \
             avant.\n\
             \n\
             Si c’est votre carte, confirmez le paiement sur la page ci-dessous.\n\
             Sinon, transférez cet e-mail au titulaire de la carte ou enregistrez une autre carte.",
            money(amount),
        ),
        "Confirmer le paiement",
    )
}

fn depleted(told: &Told<'_>, available: Money) -> Parts {
    let (name, heading) = (told.name, "Votre crédit est épuisé".to_owned());
    let owed = if available.is_negative() {
        format!(
            "\nIl reste {} à régler : cette somme est d’abord prélevée sur le crédit que vous ajoutez.",
            money(-available)
        )
    } else {
        String::new()
    };
    match told.billing {
        BillingModel::Prepaid | BillingModel::Switching => {
            let body = format!(
                "Le crédit Communications Credits de {name} est épuisé.\n\
                 Les appels payés par le crédit ne peuvent plus commencer tant qu’il n’y a pas de nouveau crédit.{owed}\n\
                 \n\
                 {}",
                about_recharge(told)
            );
            (heading, body, "Ajouter du crédit")
        }
        BillingModel::PostUsage => {
            let body = format!(
                "Le crédit prépayé de {name} est épuisé.\n\
                 \n\
                 Vous n’avez rien à faire : les appels continuent et sont facturés chaque mois."
            );
            (heading, body, "Voir le compte")
        }
    }
}

fn warning(told: &Told<'_>, available: Money) -> Parts {
    let heading = format!("Il vous reste {} de crédit", money(available));
    let reached = format!(
        "Le crédit Communications Credits de {} a atteint le montant auquel vous vouliez être alerté.",
        told.name
    );
    match told.billing {
        BillingModel::Prepaid | BillingModel::Switching => {
            (heading, format!("{reached}\n\n{}", about_recharge(told)), "Ajouter du crédit")
        }
        BillingModel::PostUsage => {
            let advice =
                "Vous n’avez rien à faire : une fois le crédit épuisé, les appels sont facturés chaque mois.";
            (heading, format!("{reached}\n\n{advice}"), "Voir le compte")
        }
    }
}

/// What auto-recharge does about it, and what the reader can do.
fn about_recharge(told: &Told<'_>) -> String {
    match told.recharge {
        State::Off => "Ajoutez du crédit sur la page ci-dessous.\n\
                       La recharge automatique peut le faire pour vous, avant que le crédit soit épuisé."
            .to_owned(),
        State::Armed | State::Charging { .. } => "La recharge automatique est activée : elle ajoute du crédit \
                       d’elle-même quand le solde atteint son seuil de déclenchement, et un e-mail vous en informe.\n\
                       Si vos appels ne peuvent pas attendre, ajoutez du crédit sur la page ci-dessous."
            .to_owned(),
        State::Waiting { until, .. } => format!(
            "La recharge automatique est activée, mais votre carte a été refusée ; un nouvel essai aura lieu le {}.\n\
             Ajoutez du crédit sur la page ci-dessous ou enregistrez une autre carte : elle est débitée aussitôt.",
            date_and_time(until)
        ),
        State::NeedsAction { .. } => "La recharge automatique est activée, mais attend que le titulaire de la carte \
                       confirme un paiement.\n\
                       Demandez-lui de le confirmer ou ajoutez du crédit sur la page ci-dessous."
            .to_owned(),
        State::Limited { until, .. } => format!(
            "La recharge automatique est activée, mais une limite l’empêche de débiter votre carte ; un nouvel essai aura \
             lieu le {}.\n\
             La page ci-dessous indique de quelle limite il s’agit. Vous pouvez aussi y ajouter du crédit.",
            date_and_time(until)
        ),
        State::Paused { .. } => "La recharge automatique est suspendue par précaution et ne débite rien tant qu’elle \
                       n’est pas relancée.\n\
                       Ajoutez du crédit sur la page ci-dessous ou relancez-y la recharge automatique."
            .to_owned(),
        State::Stopped => "La recharge automatique s’est arrêtée, car votre carte a été refusée.\n\
                       Ajoutez du crédit sur la page ci-dessous ou enregistrez-y une autre carte : la recharge \
                       automatique repart alors."
            .to_owned(),
    }
}

fn expiring(told: &Told<'_>, amount: Money, lots: &[UnusedFunds]) -> Parts {
    let name = told.name;
    let (first, last) = first_and_last(lots);
    let is_one_day = date(first) == date(last);
    let days = if is_one_day {
        format!("le {}", date(first))
    } else {
        format!("entre le {} et le {}", date(first), date(last))
    };
    let heading = format!("Un crédit de {} expire {days}", money(amount));
    let when = if first == last { format!("le {}", date_and_time(first)) } else { days };
    let in_days = in_days(told.days_until(first));
    let in_days = if is_one_day { in_days } else { format!("la première partie {in_days}") };
    let body = format!(
        "Une partie du crédit de {name}, soit {}, n’a pas encore été utilisée.\n\
         Elle expire {when}, {in_days} ; ce qui en restera alors sera perdu.\n\
         \n\
         Vous n’avez rien à faire : les appels utilisent d’abord le crédit qui expire le premier.\n\
         Un nouvel achat ne prolonge pas ce crédit.",
        money(amount),
    );
    (heading, body, "Voir votre crédit")
}

fn expired(name: &str, amount: Money, lots: &[UnusedFunds]) -> Parts {
    let (first, last) = first_and_last(lots);
    let when = if first == last { date_and_time(last) } else { date(last) };
    (
        format!("Un crédit de {} a expiré", money(amount)),
        format!(
            "Une partie du crédit de {name}, soit {}, n’a pas été utilisée avant le {when} et a expiré.\n\
             Elle ne peut plus servir aux appels.\n\
             \n\
             Des achats plus petits, ou une recharge automatique d’un montant plus faible, laissent moins \
             de crédit expirer.",
            money(amount),
        ),
        "Voir votre crédit",
    )
}

fn switch_pending(name: &str) -> Parts {
    (
        "La recharge automatique empêche le passage au paiement après utilisation".to_owned(),
        format!(
            "{name} doit payer ses appels après utilisation, mais la recharge automatique est encore activée.\n\
             Tant qu’elle l’est, elle continue de débiter votre carte et le compte reste prépayé : le passage n’a jamais \
             lieu.\n\
             \n\
             Pour terminer le passage, désactivez la recharge automatique sur la page ci-dessous, ou supprimez la carte.\n\
             Les appels utilisent alors le crédit restant, jusqu’à son épuisement ou son expiration, et tous les autres \
             appels sont facturés chaque mois."
        ),
        "Désactiver la recharge automatique",
    )
}

fn switch_completed(name: &str, owed: Money, funds: Money) -> Parts {
    let first = if funds.reaches_minor_unit() {
        format!("Le crédit de {} sert d’abord, jusqu’à son épuisement ou son expiration.\n", money(funds))
    } else {
        String::new()
    };
    let owed = if owed.reaches_minor_unit() {
        format!("{} restaient à régler et figurent sur la prochaine facture.\n", money(owed))
    } else {
        String::new()
    };
    (
        "Vous payez désormais vos appels après utilisation".to_owned(),
        format!(
            "Le passage de {name} au paiement après utilisation est terminé.\n\
             \n\
             {first}{owed}Les appels que le crédit ne paie pas continuent et sont facturés chaque mois.\n\
             Il n’est plus possible d’acheter du crédit ni d’activer la recharge automatique."
        ),
        "Voir le compte",
    )
}

fn invoice_issued(name: &str, claim: Claim<'_>) -> Parts {
    let (number, month) = (claim.number, wording::month(claim.month, Locale::Fr));
    let (amount, due) = (money(claim.amount), wording::date(claim.due_at, Locale::Fr));
    (
        format!("Facture {number} pour {month}"),
        format!(
            "{amount} sont à régler pour {month} : ce que {name} a utilisé et qu’aucun crédit n’a payé.\n\
             Merci de régler cette facture au plus tard le {due}.\n\
             \n\
             La page ci-dessous montre la facture, avec ses appels par destination."
        ),
        "Voir la facture",
    )
}

fn invoice_overdue(told: &Told<'_>, claim: Claim<'_>) -> Parts {
    let (name, number) = (told.name, claim.number);
    let (month, amount) = (wording::month(claim.month, Locale::Fr), money(claim.amount));
    let (due, days) = (wording::date(claim.due_at, Locale::Fr), told.days_since(claim.due_at));
    (
        format!("Facture {number} en retard de {days} jours"),
        format!(
            "La facture {number} de {name} pour {month}, d’un montant de {amount}, était à régler au plus tard le {due} et \
             n’est pas encore payée.\n\
             Les appels continuent comme avant.\n\
             \n\
             Si vous l’avez réglée ces derniers jours, il n’y a rien à faire."
        ),
        "Voir la facture",
    )
}

fn pool_used(told: &Told<'_>, share: &PoolShare) -> Parts {
    let (name, plan) = (told.name, one_line(&share.pool));
    let month = wording::month(share.month, Locale::Fr);
    let used = wording::count(share.used, Locale::Fr);
    let size = wording::count(share.size, Locale::Fr);
    let paid = match told.billing {
        BillingModel::Prepaid | BillingModel::Switching => "payés par le crédit, aux tarifs publiés",
        BillingModel::PostUsage => {
            "comptés aux tarifs publiés : le crédit paie d’abord, et le reste est facturé"
        }
    };
    let (heading, now) = if share.used >= share.size {
        (
            format!("Toutes les minutes incluses de {plan} sont utilisées"),
            format!("Les autres appels du mois ({month}) avec ce forfait sont {paid}."),
        )
    } else {
        (
            format!("{} % des minutes incluses de {plan} sont utilisées", share.share),
            format!("Une fois toutes ces minutes utilisées, les appels avec ce forfait sont {paid}."),
        )
    };
    let body = format!(
        "En {month}, les appels de {name} ont utilisé {used} des {size} minutes que le forfait {plan} comprend.\n\
         \n\
         {now}\n\
         Le mois suivant a ses propres minutes."
    );
    (heading, body, "Voir les minutes incluses")
}

fn settings_changed(told: &Told<'_>, changed: Changed) -> Parts {
    let name = told.name;
    let (heading, button) = match changed {
        Changed { payment_method: true, auto_recharge: false, recipients: false } => {
            ("Le moyen de paiement a été modifié", "Voir le moyen de paiement")
        }
        Changed { payment_method: false, auto_recharge: true, recipients: false } => {
            ("La recharge automatique a été modifiée", "Voir la recharge automatique")
        }
        Changed { payment_method: false, auto_recharge: false, recipients: true } => {
            ("Les destinataires des avis ont été modifiés", "Voir les destinataires")
        }
        Changed { .. } => ("Des réglages ont été modifiés", "Voir les réglages"),
    };
    let reader = match told.reader {
        Reader::Added => "\nVous êtes désormais destinataire de ses avis.",
        Reader::Removed => {
            "\nVous n’êtes plus destinataire de ses avis : ceci est le dernier e-mail que vous recevez au sujet de ce \
             compte."
        }
        Reader::Recipient => "",
    };
    let body = format!(
        "Des réglages du compte Communications Credits de {name} ont été modifiés.{reader}\n\
         \n\
         Si vous ne vous y attendiez pas, renseignez-vous auprès de l’auteur de la modification et vérifiez les \
         réglages sur la page ci-dessous."
    );
    (heading.to_owned(), body, button)
}

fn paused(name: &str) -> Parts {
    (
        "La recharge automatique est suspendue".to_owned(),
        format!(
            "La recharge automatique de {name} a débité la carte aussi souvent qu’il est permis en un jour, \
             et cela n’a pas suffi.\n\
             Par précaution, elle est suspendue : la carte n’est plus débitée tant qu’un administrateur ne \
             la relance pas.\n\
             \n\
             Vérifiez que les appels des derniers jours sont bien ceux que vous attendez.\n\
             Relancez ensuite la recharge automatique sur la page ci-dessous, au besoin avec un montant \
             plus élevé."
        ),
        "Relancer la recharge automatique",
    )
}

fn limited(name: &str, why: Limit, until: Timestamp) -> Parts {
    let until = date_and_time(until);
    let (heading, why, advice) = match why {
        Limit::Monthly => (
            "La recharge automatique a atteint sa limite mensuelle",
            "la limite mensuelle fixée ne laisse plus de place pour une autre recharge",
            "Pour la relancer plus tôt, relevez la limite mensuelle sur la page ci-dessous ou ajoutez vous-même du crédit.",
        ),
        Limit::Maximum => (
            "Le montant de la recharge automatique dépasse le maximum autorisé",
            "son montant dépasse ce qui peut être débité en une fois",
            "Pour la relancer plus tôt, choisissez un montant plus faible sur la page ci-dessous ou ajoutez vous-même du crédit.",
        ),
        Limit::Lots => (
            "La recharge automatique n’a plus de place pour d’autres achats",
            "le compte a atteint le nombre maximal d’achats dont le crédit n’est pas épuisé",
            "La place se libère une fois les plus anciens épuisés ou expirés.\n\
             Un montant de recharge plus élevé, à choisir sur la page ci-dessous, réduit le nombre d’achats.",
        ),
    };
    let body = format!(
        "La recharge automatique de {name} ajouterait du crédit maintenant, mais {why}.\n\
         Elle fera d’elle-même un autre essai le {until}.\n\
         \n\
         {advice}"
    );
    (heading.to_owned(), body, "Modifier la recharge automatique")
}

fn stopped(name: &str, reason: &str) -> Parts {
    let (why, _) = decline(reason);
    (
        "La recharge automatique s’est arrêtée".to_owned(),
        format!(
            "La recharge automatique de {name} n’a pas pu débiter la carte et ne fera pas d’autre essai \
             d’elle-même.\n\
             {why}\n\
             \n\
             Pour la relancer, enregistrez une autre carte, modifiez les réglages de la recharge \
             automatique ou relancez-la sur la page ci-dessous.\n\
             D’ici là, les appels payés par le crédit ne pourront plus commencer une fois celui-ci \
             épuisé."
        ),
        "Relancer la recharge automatique",
    )
}

/// Why the bank declined, and what to do. Source of the codes: docs.stripe.com/declines/codes.
fn decline(code: &str) -> (String, &'static str) {
    const OTHER_CARD: &str =
        "Enregistrez une autre carte : elle est débitée aussitôt si le solde est encore trop bas.";
    let (why, advice) = match code {
        "card_declined" => (
            "La banque a refusé la carte sans dire pourquoi.",
            "Renseignez-vous auprès de la banque ou enregistrez une autre carte : elle est débitée aussitôt si le \
             solde est encore trop bas.",
        ),
        "insufficient_funds" => (
            "La provision de la carte est insuffisante, ou son plafond est atteint.",
            "Faites en sorte que la carte puisse être débitée, ou enregistrez-en une autre.",
        ),
        "expired_card" => ("La carte a expiré.", OTHER_CARD),
        "lost_card" => ("La carte a été déclarée perdue.", OTHER_CARD),
        "stolen_card" => ("La carte a été déclarée volée.", OTHER_CARD),
        "authentication_required" => (
            "La banque voulait que le titulaire de la carte confirme le paiement, et il n’a pas été confirmé.",
            "Ajoutez vous-même du crédit en confirmant le paiement, ou enregistrez une autre carte.",
        ),
        "processing_error" => (
            "Une erreur technique s’est produite pendant le traitement de la carte.",
            "Vérifiez que la carte est toujours la bonne, ou enregistrez-en une autre.",
        ),
        other => return (format!("La raison donnée est « {} ».", one_line(other)), OTHER_CARD),
    };
    (why.to_owned(), advice)
}

fn next_try(retry_at: Timestamp) -> String {
    format!("Sinon, la même carte sera essayée de nouveau le {}.", date_and_time(retry_at))
}

fn in_days(days: i64) -> String {
    if days == 1 { "dans 1 jour".to_owned() } else { format!("dans {days} jours") }
}

fn money(amount: Money) -> String {
    wording::amount(amount, Locale::Fr)
}

fn date(instant: Timestamp) -> String {
    wording::date(instant, Locale::Fr)
}

fn date_and_time(instant: Timestamp) -> String {
    wording::date_and_time(instant, Locale::Fr)
}
