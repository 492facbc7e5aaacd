//! The texts of mails in French. They are written with plain spaces; [`wording::typeset`] puts those that do not break.

use domain::event::{PoolShare, UnusedFunds};
use domain::recharge::{Limit, State};
use domain::time::Month;
use domain::{BillingModel, Locale, Money};
use jiff::Timestamp;
use wording::{Decline, decline, glossary, one_line};

use crate::notice::{Changed, Claim, Decided, Reader};
use crate::told::{Parts, Texts, Told, first_and_last, parts_of};

/// French.
pub(crate) struct French;

impl Texts for French {
    fn recharged(&self, name: &str, amount: Money, times: Option<u32>, expires_at: Timestamp) -> Parts {
        let why_so_much = match parts_of(amount, times) {
            Some((times, part)) => format!(
                "\nUne seule recharge de {0} n’aurait pas suffi à ramener le solde au-dessus du montant de déclenchement : {times} × {0} ont \
             été débités en une fois.",
                money(part)
            ),
            None => String::new(),
        };
        (
            format!("{} ajoutés par la recharge automatique", money(amount)),
            format!(
                "Le solde de {name} avait atteint le montant de déclenchement : la recharge automatique a débité \
             votre carte.{why_so_much}\n\
             Ces fonds peuvent servir à vos appels jusqu’au {}.\n\
             \n\
             Vous n’avez rien à faire.\n\
             Cet e-mail est votre reçu.",
                date_and_time(expires_at),
            ),
            "Voir le reçu",
        )
    }

    fn purchased(&self, name: &str, amount: Money, expires_at: Timestamp) -> Parts {
        (
            format!("Votre achat de {}", money(amount)),
            format!(
                "Merci.\n\
             Votre carte a été débitée et {} ont été ajoutés aux Crédits de communication de {name}.\n\
             Ces fonds peuvent servir à vos appels jusqu’au {} ; ce qui n’est pas utilisé d’ici là est perdu.\n\
             \n\
             Cet e-mail est votre reçu.",
                money(amount),
                date_and_time(expires_at),
            ),
            "Voir le reçu",
        )
    }

    fn recharge_failed(&self, name: &str, amount: Money, reason: &str, retry_at: Timestamp) -> Parts {
        let Decline { why, advice } = decline(reason, Locale::Fr);
        (
            "La recharge automatique n’a pas pu débiter votre carte".to_owned(),
            format!(
                "La recharge automatique a voulu ajouter {} aux Crédits de communication de {name}, \
             mais le paiement a été refusé.\n\
             {why}\n\
             \n\
             {advice}\n\
             Une carte enregistrée maintenant est débitée aussitôt si le solde est encore bas.\n\
             {}\n\
             Une fois le solde épuisé, les appels payants ne peuvent plus commencer.",
                money(amount),
                next_try(retry_at),
            ),
            "Vérifier le moyen de paiement",
        )
    }

    fn needs_action(&self, name: &str, amount: Money) -> Parts {
        (
            format!("Veuillez confirmer un paiement de {}", money(amount)),
            format!(
                "La recharge automatique veut ajouter {} aux Crédits de communication de {name}.\n\
             La banque demande au titulaire de la carte de confirmer ce paiement ; rien n’est débité \
             avant.\n\
             \n\
             Si c’est votre carte, confirmez le paiement sur la page ci-dessous.\n\
             Sinon, cette page donne le lien de la banque pour le titulaire. Vous pouvez aussi enregistrer une autre carte.",
                money(amount),
            ),
            "Confirmer le paiement",
        )
    }

    fn depleted(&self, told: &Told<'_>, available: Money) -> Parts {
        let (name, heading) = (told.name, "Votre solde est épuisé".to_owned());
        let owed = if available.is_negative() {
            format!(
                "\nLe montant dû est de {} : il est d’abord remboursé par les fonds que vous ajoutez.",
                money(-available)
            )
        } else {
            String::new()
        };
        match told.billing {
            BillingModel::Prepaid | BillingModel::Switching => {
                let body = format!(
                    "Les Crédits de communication de {name} sont épuisés.\n\
                 Les appels payants ne peuvent pas commencer tant qu’il n’y a pas de nouveaux fonds.{owed}\n\
                 \n\
                 {}",
                    about_recharge(told)
                );
                (heading, body, glossary::add_funds(Locale::Fr))
            }
            BillingModel::PostUsage => {
                let body = format!(
                    "Les fonds prépayés de {name} sont épuisés.\n\
                 \n\
                 Vous n’avez rien à faire : les appels continuent et sont facturés chaque mois."
                );
                (heading, body, "Voir le compte")
            }
        }
    }

    fn warning(&self, told: &Told<'_>, available: Money) -> Parts {
        let heading = format!("Votre solde n’est plus que de {}", money(available));
        let reached =
            format!("Le solde de {} a atteint le montant auquel vous vouliez être averti.", told.name);
        match told.billing {
            BillingModel::Prepaid | BillingModel::Switching => {
                (heading, format!("{reached}\n\n{}", about_recharge(told)), glossary::add_funds(Locale::Fr))
            }
            BillingModel::PostUsage => {
                let advice = "Vous n’avez rien à faire : une fois les fonds épuisés, les appels sont facturés chaque mois.";
                (heading, format!("{reached}\n\n{advice}"), "Voir le compte")
            }
        }
    }

    fn expiring(&self, told: &Told<'_>, amount: Money, lots: &[UnusedFunds]) -> Parts {
        let name = told.name;
        let (first, last) = first_and_last(lots);
        let is_one_day = date(first) == date(last);
        let days = if is_one_day {
            format!("le {}", date(first))
        } else {
            format!("entre le {} et le {}", date(first), date(last))
        };
        let heading = format!("Des fonds de {} expirent {days}", money(amount));
        let when = if first == last { format!("le {}", date_and_time(first)) } else { days };
        let in_days = glossary::in_days(glossary::days_until(first, told.at), Locale::Fr);
        let in_days = if is_one_day { in_days } else { format!("la première partie {in_days}") };
        let body = format!(
            "Une partie des fonds de {name}, soit {}, n’a pas encore été utilisée.\n\
         Elle expire {when}, {in_days} ; ce qui en restera alors sera perdu.\n\
         \n\
         Vous n’avez rien à faire : les appels utilisent d’abord les fonds qui expirent les premiers.\n\
         Un nouvel achat ne les prolonge pas.",
            money(amount),
        );
        (heading, body, "Voir vos fonds")
    }

    fn expired(&self, name: &str, amount: Money, lots: &[UnusedFunds]) -> Parts {
        let (first, last) = first_and_last(lots);
        let when = if first == last { date_and_time(last) } else { date(last) };
        (
            format!("Des fonds de {} ont expiré", money(amount)),
            format!(
                "Une partie des fonds de {name}, soit {}, n’a pas été utilisée avant le {when} et a expiré.\n\
             Elle ne peut plus servir aux appels.\n\
             \n\
             Des achats plus petits, ou une recharge automatique d’un montant plus faible, laissent moins \
             de fonds expirer.",
                money(amount),
            ),
            "Voir vos fonds",
        )
    }

    fn switch_pending(&self, name: &str) -> Parts {
        (
            "La recharge automatique empêche le passage à la facturation post-utilisation".to_owned(),
            format!(
                "{name} doit passer à la facturation post-utilisation, mais la recharge automatique est encore activée.\n\
             Tant qu’elle l’est, elle continue de débiter votre carte et le passage n’a pas lieu.\n\
             \n\
             Pour terminer le passage, désactivez la recharge automatique sur la page ci-dessous, ou supprimez la carte.\n\
             Les appels utilisent alors les fonds restants, jusqu’à leur épuisement ou leur expiration, et tous les autres \
             appels sont facturés chaque mois."
            ),
            glossary::turn_auto_recharge_off(Locale::Fr),
        )
    }

    fn switch_completed(&self, name: &str, owed: Money, funds: Money) -> Parts {
        let first = if funds.reaches_minor_unit() {
            format!(
                "Des fonds de {} sont utilisés d’abord, jusqu’à leur épuisement ou leur expiration.\n",
                money(funds)
            )
        } else {
            String::new()
        };
        let owed = if owed.reaches_minor_unit() {
            format!("Le montant dû de {} figure sur la prochaine facture.\n", money(owed))
        } else {
            String::new()
        };
        (
            "Vos appels sont désormais facturés après utilisation".to_owned(),
            format!(
                "Le passage de {name} à la facturation post-utilisation est terminé.\n\
             \n\
             {first}{owed}Les appels que les fonds ne paient pas continuent et sont facturés chaque mois.\n\
             Il n’est plus possible d’ajouter des fonds ni d’activer la recharge automatique."
            ),
            "Voir votre facturation",
        )
    }

    fn invoice_issued(&self, name: &str, claim: Claim) -> Parts {
        let (number, month) = (claim.number, wording::month(claim.month, Locale::Fr));
        let (amount, due) = (money(claim.amount), wording::date(claim.due_at, Locale::Fr));
        (
            format!("Facture {number} pour {month}"),
            format!(
                "{amount} sont à régler pour {month} : ce que {name} a utilisé et que ses fonds n’ont pas payé.\n\
             Merci de régler cette facture au plus tard le {due}.\n\
             \n\
             La page ci-dessous donne la facture, avec ses appels par destination."
            ),
            "Voir la facture",
        )
    }

    fn invoice_overdue(&self, told: &Told<'_>, claim: Claim) -> Parts {
        let (name, number) = (told.name, claim.number);
        let (month, amount) = (wording::month(claim.month, Locale::Fr), money(claim.amount));
        let due = wording::date(claim.due_at, Locale::Fr);
        let days = glossary::days(glossary::days_since(claim.due_at, told.at), Locale::Fr);
        (
            format!("Facture {number} en retard de {days}"),
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

    fn refunded(&self, told: &Told<'_>, amount: Money, beyond_lot: Option<Money>, paused: bool) -> Parts {
        let used = beyond_lot.map(|used| used_already(told, used)).unwrap_or_default();
        (
            format!("{} remboursés", money(amount)),
            format!(
                "{} ont quitté les Crédits de communication de {} et reviennent à la carte qui les avait payés.\n\
             La banque peut prendre quelques jours pour l’afficher.{used}{}\n\
             \n\
             Ceci est votre avoir.",
                money(amount),
                told.name,
                about_pause(paused),
            ),
            "Voir l’avoir",
        )
    }

    fn refund_returned(&self, name: &str, amount: Money, credit_note: Option<u64>, paused: bool) -> Parts {
        let void = credit_note.map(|number| format!("\nL’avoir {number} n’est plus valable."));
        (
            format!("Un remboursement de {} n’a pas abouti", money(amount)),
            format!(
                "La carte n’a pas pu être remboursée : {} sont de nouveau dans les Crédits de communication de {name}.{}{}",
                money(amount),
                void.unwrap_or_default(),
                about_pause(paused),
            ),
            "Voir le paiement",
        )
    }

    fn dispute_opened(&self, name: &str, amount: Money, frozen: Money, paused: bool) -> Parts {
        let withheld = if frozen.is_positive() {
            format!(
                "{} n’étaient pas utilisés et ne peuvent plus l’être jusqu’à la décision de la banque.",
                money(frozen)
            )
        } else {
            "Ces fonds étaient déjà entièrement utilisés.".to_owned()
        };
        (
            format!("Un paiement de {} est contesté", money(amount)),
            format!(
                "Le titulaire de la carte a demandé à sa banque de reprendre {} payés pour les Crédits de communication de \
             {name}.\n\
             {withheld}{}\n\
             \n\
             S’il s’agit d’une erreur, demandez au titulaire de la carte de faire retirer la contestation par sa banque.",
                money(amount),
                about_pause(paused),
            ),
            "Voir le paiement",
        )
    }

    fn dispute_ended(&self, told: &Told<'_>, decided: Decided<'_>) -> Parts {
        let Decided { amount, lost, returned, beyond_lot, recharge_paused, .. } = decided;
        let decision = if lost.is_positive() {
            format!("La banque a rendu {} à la carte.", money(lost))
        } else {
            "La banque a décidé que le paiement est maintenu.".to_owned()
        };
        let back = if returned.is_positive() {
            format!("\n{} qui étaient retenus sont de retour.", money(returned))
        } else {
            String::new()
        };
        let used = if beyond_lot.is_positive() { used_already(told, beyond_lot) } else { String::new() };
        (
            format!("Le litige sur {} est terminé", money(amount)),
            format!(
                "Un paiement pour les Crédits de communication de {} était contesté.\n\
             {decision}{back}{used}{}",
                told.name,
                about_pause(recharge_paused),
            ),
            "Voir le paiement",
        )
    }

    fn card_expiring(&self, name: &str, month: Month) -> Parts {
        let month = wording::month(month, Locale::Fr);
        (
            format!("Une carte enregistrée expire fin {month}"),
            format!(
                "La carte ci-dessous, enregistrée pour les Crédits de communication de {name}, expire fin {month}. Elle ne pourra plus \
                 être débitée ensuite, même par la recharge automatique.\n\
                 \n\
                 Beaucoup de banques communiquent la nouvelle carte au prestataire de paiement : vous n’avez alors rien à faire et \
                 recevez un autre e-mail.\n\
                 Sinon, enregistrez à temps la nouvelle carte sur la page ci-dessous."
            ),
            "Voir le moyen de paiement",
        )
    }

    fn pool_used(&self, told: &Told<'_>, share: &PoolShare) -> Parts {
        let (name, plan) = (told.name, one_line(&share.pool));
        let month = wording::month(share.month, Locale::Fr);
        let used = wording::count(share.used, Locale::Fr);
        let size = wording::count(share.size, Locale::Fr);
        let paid = match told.billing {
            BillingModel::Prepaid | BillingModel::Switching => "payés par les fonds, aux tarifs publiés",
            BillingModel::PostUsage => {
                "comptés aux tarifs publiés : les fonds paient d’abord, et le reste est facturé"
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
            "En {month}, les appels de {name} ont utilisé {used} des {size} minutes que le forfait {plan} inclut.\n\
         \n\
         {now}\n\
         Le mois suivant a ses propres minutes."
        );
        (heading, body, "Voir les minutes incluses")
    }

    fn settings_changed(&self, told: &Told<'_>, changed: Changed) -> Parts {
        let name = told.name;
        let (heading, button) = match changed {
            Changed { payment_method: true, auto_recharge: false, recipients: false } => {
                ("Le moyen de paiement a été modifié", "Voir le moyen de paiement")
            }
            Changed { payment_method: false, auto_recharge: true, recipients: false } => {
                ("La recharge automatique a été modifiée", "Voir la recharge automatique")
            }
            Changed { payment_method: false, auto_recharge: false, recipients: true } => {
                ("Les destinataires des notifications ont été modifiés", "Voir les destinataires")
            }
            Changed { .. } => ("Des paramètres ont été modifiés", "Voir les paramètres"),
        };
        let reader = match told.reader {
            Reader::Added => "\nVous êtes désormais destinataire de ses notifications.",
            Reader::Removed => {
                "\nVous n’êtes plus destinataire de ses notifications : ceci est le dernier e-mail que vous recevez au sujet de ce \
             compte."
            }
            Reader::Recipient => "",
        };
        let body = format!(
            "Des paramètres des Crédits de communication de {name} ont été modifiés.{reader}\n\
         \n\
         Si vous ne vous y attendiez pas, renseignez-vous auprès de l’auteur de la modification et vérifiez les \
         paramètres sur la page ci-dessous."
        );
        (heading.to_owned(), body, button)
    }

    fn cards_followed(&self, name: &str, has_card: bool) -> Parts {
        let then = if has_card {
            "Vous n’avez rien à faire si les cartes ci-dessous sont les bonnes."
        } else {
            "Il n’y a plus de carte : aucun achat n’est possible, et la recharge automatique est désactivée.\n\
             Enregistrez une carte sur la page ci-dessous, puis réactivez la recharge automatique."
        };
        (
            "Une carte enregistrée a changé".to_owned(),
            format!(
                "Une carte enregistrée pour les Crédits de communication de {name} a changé chez le prestataire de paiement : sa \
                 banque l’a renouvelée, ou le prestataire ne la conserve plus.\n\
                 \n\
                 {then}"
            ),
            "Voir le moyen de paiement",
        )
    }

    fn paused(&self, name: &str) -> Parts {
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
            glossary::resume_auto_recharge(Locale::Fr),
        )
    }

    fn limited(&self, name: &str, why: Limit, until: Timestamp) -> Parts {
        let until = date_and_time(until);
        let (heading, why, advice) = match why {
            Limit::Monthly => (
                "La recharge automatique a atteint sa limite mensuelle",
                "la limite mensuelle fixée ne laisse plus de place pour une autre recharge",
                "Pour la relancer plus tôt, relevez la limite mensuelle sur la page ci-dessous ou ajoutez vous-même des fonds.",
            ),
            Limit::Maximum => (
                "Le montant de la recharge automatique dépasse le maximum autorisé",
                "son montant dépasse ce qui peut être débité en une fois",
                "Pour la relancer plus tôt, choisissez un montant plus faible sur la page ci-dessous ou ajoutez vous-même des fonds.",
            ),
            Limit::Lots => (
                "La recharge automatique n’a plus de place pour d’autres achats",
                "le compte a atteint le nombre maximal d’achats dont les fonds ne sont pas épuisés",
                "La place se libère une fois les plus anciens épuisés ou expirés.\n\
             Un montant de recharge plus élevé, à choisir sur la page ci-dessous, réduit le nombre d’achats.",
            ),
        };
        let body = format!(
            "La recharge automatique de {name} ajouterait des fonds maintenant, mais {why}.\n\
         Elle fera d’elle-même un autre essai le {until}.\n\
         \n\
         {advice}"
        );
        (heading.to_owned(), body, glossary::edit_auto_recharge(Locale::Fr))
    }

    fn stopped(&self, name: &str, reason: &str) -> Parts {
        let Decline { why, .. } = decline(reason, Locale::Fr);
        (
            "La recharge automatique s’est arrêtée".to_owned(),
            format!(
                "La recharge automatique de {name} n’a pas pu débiter la carte et ne fera pas d’autre essai \
             d’elle-même.\n\
             {why}\n\
             \n\
             Pour la relancer, enregistrez une autre carte, modifiez les paramètres de recharge \
             automatique ou relancez-la sur la page ci-dessous.\n\
             D’ici là, les appels payants ne pourront plus commencer une fois le solde épuisé."
            ),
            glossary::resume_auto_recharge(Locale::Fr),
        )
    }
}

/// What auto-recharge does about it, and what the reader can do.
fn about_recharge(told: &Told<'_>) -> String {
    match told.recharge {
        State::Off => "Ajoutez des fonds sur la page ci-dessous.\n\
                       La recharge automatique peut le faire pour vous, avant que le solde soit épuisé."
            .to_owned(),
        State::Armed | State::Charging { .. } => "La recharge automatique est activée : elle ajoute des fonds \
                       d’elle-même lorsque le solde atteint le montant de déclenchement, et un e-mail vous en informe.\n\
                       Si vos appels ne peuvent pas attendre, ajoutez des fonds sur la page ci-dessous."
            .to_owned(),
        State::Waiting { until, .. } => format!(
            "La recharge automatique est activée, mais votre carte a été refusée ; un nouvel essai aura lieu le {}.\n\
             Ajoutez des fonds sur la page ci-dessous ou enregistrez une autre carte : elle est débitée aussitôt.",
            date_and_time(until)
        ),
        State::NeedsAction { .. } => "La recharge automatique est activée, mais attend que le titulaire de la carte \
                       confirme un paiement.\n\
                       Demandez-lui de le confirmer ou ajoutez des fonds sur la page ci-dessous."
            .to_owned(),
        State::Limited { until, .. } => format!(
            "La recharge automatique est activée, mais une limite l’empêche de débiter votre carte ; un nouvel essai aura \
             lieu le {}.\n\
             Les paramètres de recharge automatique indiquent de quelle limite il s’agit. Vous pouvez aussi ajouter des fonds sur \
             la page ci-dessous.",
            date_and_time(until)
        ),
        State::Paused { .. } => "La recharge automatique est suspendue par précaution et ne débite rien tant qu’elle \
                       n’est pas relancée.\n\
                       Ajoutez des fonds sur la page ci-dessous ou relancez la recharge automatique dans ses paramètres."
            .to_owned(),
        State::Stopped => "La recharge automatique s’est arrêtée, car votre carte a été refusée.\n\
                       Ajoutez des fonds sur la page ci-dessous ou enregistrez une autre carte : la recharge \
                       automatique repart alors."
            .to_owned(),
    }
}

fn next_try(retry_at: Timestamp) -> String {
    format!("Sinon, la même carte sera essayée de nouveau le {}.", date_and_time(retry_at))
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

/// What follows from funds of this amount that were used before the card had them back.
fn used_already(told: &Told<'_>, used: Money) -> String {
    let used = money(used);
    match told.billing {
        BillingModel::Prepaid | BillingModel::Switching => format!(
            "\nLes appels en avaient déjà utilisé {used}. Ce montant est dû et sera réglé d’abord avec les fonds que vous ajouterez."
        ),
        BillingModel::PostUsage => {
            format!("\nLes appels en avaient déjà utilisé {used}. Ce montant est sur la prochaine facture.")
        }
    }
}

fn about_pause(paused: bool) -> &'static str {
    if paused {
        "\n\nLa recharge automatique est suspendue : la carte n’est plus débitée tant qu’un administrateur ne la relance pas."
    } else {
        ""
    }
}
