//! The texts of mails in English.

use domain::event::{PoolShare, UnusedFunds};
use domain::recharge::{Limit, State};
use domain::time::Month;
use domain::{BillingModel, Locale, Money};
use jiff::Timestamp;
use wording::{Decline, decline, glossary, one_line};

use crate::notice::{Changed, Claim, Decided, Reader};
use crate::told::{Parts, Texts, Told, first_and_last, parts_of};

/// English.
pub(crate) struct English;

impl Texts for English {
    fn recharged(&self, name: &str, amount: Money, times: Option<u32>, expires_at: Timestamp) -> Parts {
        let why_so_much = match parts_of(amount, times) {
            Some((times, part)) => format!(
                "\nOne recharge of {0} would not have lifted the balance above the trigger amount, so {times} × {0} were \
             charged at once.",
                money(part)
            ),
            None => String::new(),
        };
        (
            format!("{} added by auto-recharge", money(amount)),
            format!(
                "The balance of {name} had reached the trigger amount, so auto-recharge charged your card.{why_so_much}\n\
             These funds can be used for calls until {}.\n\
             \n\
             You need not do anything.\n\
             This is your receipt.",
                date_and_time(expires_at),
            ),
            "See the receipt",
        )
    }

    fn purchased(&self, name: &str, amount: Money, expires_at: Timestamp) -> Parts {
        (
            format!("Your purchase of {}", money(amount)),
            format!(
                "Thank you.\n\
             Your card was charged, and {} was added to the Communications Credits of {name}.\n\
             These funds can be used for calls until {}; what is not used by then is lost.\n\
             \n\
             This is your receipt.",
                money(amount),
                date_and_time(expires_at),
            ),
            "See the receipt",
        )
    }

    fn recharge_failed(&self, name: &str, amount: Money, reason: &str, retry_at: Timestamp) -> Parts {
        let Decline { why, advice } = decline(reason, Locale::En);
        (
            "Auto-recharge could not charge your card".to_owned(),
            format!(
                "Auto-recharge tried to add {} to the Communications Credits of {name}, but the payment \
             was declined.\n\
             {why}\n\
             \n\
             {advice}\n\
             A card that you save now is charged at once if the balance is still low.\n\
             {}\n\
             When the balance is used up, paid calls cannot start.",
                money(amount),
                next_try(retry_at),
            ),
            "Check the payment method",
        )
    }

    fn needs_action(&self, name: &str, amount: Money) -> Parts {
        (
            format!("Please confirm a payment of {}", money(amount)),
            format!(
                "Auto-recharge wants to add {} to the Communications Credits of {name}.\n\
             The bank asks the card’s owner to confirm this payment; nothing is charged before.\n\
             \n\
             If it is your card, confirm the payment on the page below.\n\
             If it is not, that page has the bank’s link for the card’s owner. You can also save another card.",
                money(amount),
            ),
            "Confirm the payment",
        )
    }

    fn depleted(&self, told: &Told<'_>, available: Money) -> Parts {
        let (name, heading) = (told.name, "Your balance is used up".to_owned());
        let owed = if available.is_negative() {
            format!("\n{} is owed: it is repaid first from the funds that you add.", money(-available))
        } else {
            String::new()
        };
        match told.billing {
            BillingModel::Prepaid | BillingModel::Switching => {
                let body = format!(
                    "The Communications Credits of {name} are used up.\n\
                 Paid calls cannot start until there are funds again.{owed}\n\
                 \n\
                 {}",
                    about_recharge(told)
                );
                (heading, body, glossary::add_funds(Locale::En))
            }
            BillingModel::PostUsage => {
                let body = format!(
                    "The prepaid funds of {name} are used up.\n\
                 \n\
                 You need not do anything: calls go on, and are invoiced each month."
                );
                (heading, body, "See the account")
            }
        }
    }

    fn warning(&self, told: &Told<'_>, available: Money) -> Parts {
        let heading = format!("Your balance is down to {}", money(available));
        let reached =
            format!("The balance of {} has reached the amount at which you wanted to be warned.", told.name);
        match told.billing {
            BillingModel::Prepaid | BillingModel::Switching => {
                (heading, format!("{reached}\n\n{}", about_recharge(told)), glossary::add_funds(Locale::En))
            }
            BillingModel::PostUsage => {
                let advice =
                    "You need not do anything: when the funds are used up, calls are invoiced each month.";
                (heading, format!("{reached}\n\n{advice}"), "See the account")
            }
        }
    }

    fn expiring(&self, told: &Told<'_>, amount: Money, lots: &[UnusedFunds]) -> Parts {
        let name = told.name;
        let (first, last) = first_and_last(lots);
        let is_one_day = date(first) == date(last);
        let days = if is_one_day {
            format!("on {}", date(first))
        } else {
            format!("between {} and {}", date(first), date(last))
        };
        let heading = format!("Funds of {} expire {days}", money(amount));
        let when = if first == last { format!("on {}", date_and_time(first)) } else { days };
        let in_days = glossary::in_days(glossary::days_until(first, told.at), Locale::En);
        let in_days = if is_one_day { in_days } else { format!("the first of them {in_days}") };
        let body = format!(
            "Of the funds of {name}, {} have not been used yet.\n\
         They expire {when}, {in_days}; what is left of them then is lost.\n\
         \n\
         You need not do anything: calls use the funds that expire first.\n\
         Buying more does not extend them.",
            money(amount),
        );
        (heading, body, "See your funds")
    }

    fn expired(&self, name: &str, amount: Money, lots: &[UnusedFunds]) -> Parts {
        let (first, last) = first_and_last(lots);
        let when = if first == last { date_and_time(last) } else { date(last) };
        (
            format!("Funds of {} have expired", money(amount)),
            format!(
                "Of the funds of {name}, {} were not used by {when} and have expired.\n\
             They can no longer be used for calls.\n\
             \n\
             Smaller purchases, or auto-recharge with a smaller amount, leave less to expire.",
                money(amount),
            ),
            "See your funds",
        )
    }

    fn switch_pending(&self, name: &str) -> Parts {
        (
            "Auto-recharge holds up the switch to post-usage billing".to_owned(),
            format!(
                "{name} is to switch to post-usage billing, but auto-recharge is still on.\n\
             As long as it is on, it goes on charging your card, and the switch does not happen.\n\
             \n\
             To complete the switch, turn auto-recharge off on the page below, or remove the card.\n\
             Calls then use the funds that are left, until they are used up or expire, and all further calls are \
             invoiced each month."
            ),
            glossary::turn_auto_recharge_off(Locale::En),
        )
    }

    fn switch_completed(&self, name: &str, owed: Money, funds: Money) -> Parts {
        let first = if funds.reaches_minor_unit() {
            format!("Funds of {} are used first, until they are used up or expire.\n", money(funds))
        } else {
            String::new()
        };
        let owed = if owed.reaches_minor_unit() {
            format!("{} was owed, and is on the next invoice.\n", money(owed))
        } else {
            String::new()
        };
        (
            "Your calls are now invoiced after use".to_owned(),
            format!(
                "The switch of {name} to post-usage billing is complete.\n\
             \n\
             {first}{owed}Calls that funds do not pay for go on, and are invoiced each month.\n\
             Funds can no longer be bought, and auto-recharge can no longer be turned on."
            ),
            "See your billing",
        )
    }

    fn invoice_issued(&self, name: &str, claim: Claim) -> Parts {
        let (number, month) = (claim.number, wording::month(claim.month, Locale::En));
        let (amount, due) = (money(claim.amount), wording::date(claim.due_at, Locale::En));
        (
            format!("Invoice {number} for {month}"),
            format!(
                "{amount} is to be paid for {month}: what {name} used and its funds did not pay for.\n\
             Please pay by {due}.\n\
             \n\
             The page below has the invoice, with its calls by destination."
            ),
            "See the invoice",
        )
    }

    fn invoice_overdue(&self, told: &Told<'_>, claim: Claim) -> Parts {
        let (name, number) = (told.name, claim.number);
        let (month, amount) = (wording::month(claim.month, Locale::En), money(claim.amount));
        let due = wording::date(claim.due_at, Locale::En);
        let days = glossary::days(glossary::days_since(claim.due_at, told.at), Locale::En);
        (
            format!("Invoice {number} is overdue by {days}"),
            format!(
                "Invoice {number} of {name} for {month}, of {amount}, was due on {due} and is not paid yet.\n\
             Calls go on as before.\n\
             \n\
             If you have paid in the last few days, nothing is left to do."
            ),
            "See the invoice",
        )
    }

    fn refunded(&self, told: &Told<'_>, amount: Money, beyond_lot: Option<Money>, paused: bool) -> Parts {
        let used = beyond_lot.map(|used| used_already(told, used)).unwrap_or_default();
        (
            format!("{} refunded", money(amount)),
            format!(
                "{} has left the Communications Credits of {} and goes back to the card that had paid for it.\n\
             The bank may take some days to show it.{used}{}\n\
             \n\
             This is your credit note.",
                money(amount),
                told.name,
                about_pause(paused),
            ),
            "See the credit note",
        )
    }

    fn refund_returned(&self, name: &str, amount: Money, credit_note: Option<u64>, paused: bool) -> Parts {
        let void = credit_note.map(|number| format!("\nCredit note {number} holds no more."));
        (
            format!("A refund of {} did not go through", money(amount)),
            format!(
                "The card could not be paid back, so {} is in the Communications Credits of {name} again.{}{}",
                money(amount),
                void.unwrap_or_default(),
                about_pause(paused),
            ),
            "See the payment",
        )
    }

    fn dispute_opened(&self, name: &str, amount: Money, frozen: Money, paused: bool) -> Parts {
        let withheld = if frozen.is_positive() {
            format!("{} of it was unspent and cannot be used until the bank has decided.", money(frozen))
        } else {
            "Nothing of it was unspent.".to_owned()
        };
        (
            format!("A payment of {} is disputed", money(amount)),
            format!(
                "The owner of the card has asked the bank to take back {} that was paid for the Communications Credits of \
             {name}.\n\
             {withheld}{}\n\
             \n\
             If that is a mistake, ask the card’s owner to have the bank withdraw the dispute.",
                money(amount),
                about_pause(paused),
            ),
            "See the payment",
        )
    }

    fn dispute_ended(&self, told: &Told<'_>, decided: Decided<'_>) -> Parts {
        let Decided { amount, lost, returned, beyond_lot, recharge_paused, .. } = decided;
        let decision = if lost.is_positive() {
            format!("The bank has given {} back to the card.", money(lost))
        } else {
            "The bank has decided that the payment stands.".to_owned()
        };
        let back = if returned.is_positive() {
            format!("\n{} that was withheld is back.", money(returned))
        } else {
            String::new()
        };
        let used = if beyond_lot.is_positive() { used_already(told, beyond_lot) } else { String::new() };
        (
            format!("The dispute about {} is over", money(amount)),
            format!(
                "A payment for the Communications Credits of {} was disputed.\n\
             {decision}{back}{used}{}",
                told.name,
                about_pause(recharge_paused),
            ),
            "See the payment",
        )
    }

    fn card_expiring(&self, name: &str, month: Month) -> Parts {
        let month = wording::month(month, Locale::En);
        (
            format!("A saved card expires at the end of {month}"),
            format!(
                "The card below, which is saved for the Communications Credits of {name}, expires at the end of {month}. From then on \
                 it cannot be charged, not even by auto-recharge.\n\
                 \n\
                 Many banks tell the card processor of the new card, and then nothing is left to do: you get another e-mail.\n\
                 Otherwise, please save the new card on the page below in time."
            ),
            "See the payment method",
        )
    }

    fn pool_used(&self, told: &Told<'_>, share: &PoolShare) -> Parts {
        let (name, plan) = (told.name, one_line(&share.pool));
        let month = wording::month(share.month, Locale::En);
        let used = wording::count(share.used, Locale::En);
        let size = wording::count(share.size, Locale::En);
        let paid = match told.billing {
            BillingModel::Prepaid | BillingModel::Switching => "paid from funds, at the published rates",
            BillingModel::PostUsage => {
                "charged at the published rates: funds pay first, and the rest is invoiced"
            }
        };
        let (heading, now) = if share.used >= share.size {
            (
                format!("All included minutes of {plan} are used"),
                format!("Further calls of {month} on this plan are {paid}."),
            )
        } else {
            (
                format!("{}% of the included minutes of {plan} are used", share.share),
                format!("Once all of them are used, calls on this plan are {paid}."),
            )
        };
        let body = format!(
            "In {month}, calls of {name} have used {used} of the {size} minutes that the plan {plan} includes.\n\
         \n\
         {now}\n\
         The next month has its own minutes."
        );
        (heading, body, "See the included minutes")
    }

    fn settings_changed(&self, told: &Told<'_>, changed: Changed) -> Parts {
        let name = told.name;
        let (heading, button) = match changed {
            Changed { payment_method: true, auto_recharge: false, recipients: false } => {
                ("The payment method was changed", "See the payment method")
            }
            Changed { payment_method: false, auto_recharge: true, recipients: false } => {
                ("Auto-recharge was changed", "See auto-recharge")
            }
            Changed { payment_method: false, auto_recharge: false, recipients: true } => {
                ("The recipients of notifications were changed", "See the recipients")
            }
            Changed { .. } => ("Settings were changed", "See the settings"),
        };
        let reader = match told.reader {
            Reader::Added => "\nYou are a recipient of its notifications from now on.",
            Reader::Removed => {
                "\nYou are no longer a recipient of its notifications: this is the last e-mail that you get about this account."
            }
            Reader::Recipient => "",
        };
        let body = format!(
            "Settings of the Communications Credits of {name} were changed.{reader}\n\
         \n\
         If you did not expect this, ask the person who did it, and check the settings on the page below."
        );
        (heading.to_owned(), body, button)
    }

    fn cards_followed(&self, name: &str, has_card: bool) -> Parts {
        let then = if has_card {
            "You need not do anything if the cards below are the right ones."
        } else {
            "There is no card now, so funds cannot be bought, and auto-recharge is off.\n\
             Please save a card on the page below, and turn auto-recharge on again."
        };
        (
            "A saved card has changed".to_owned(),
            format!(
                "A card that is saved for the Communications Credits of {name} has changed at the card processor: its bank has \
                 renewed it, or the processor does not keep it any more.\n\
                 \n\
                 {then}"
            ),
            "See the payment method",
        )
    }

    fn paused(&self, name: &str) -> Parts {
        (
            "Auto-recharge is paused".to_owned(),
            format!(
                "Auto-recharge of {name} has charged the card as often as is allowed in one day, and more was \
             needed.\n\
             As a safeguard it is paused: the card is not charged again until an administrator resumes \
             it.\n\
             \n\
             Please check that the calls of the last days are what you expect.\n\
             Then resume auto-recharge on the page below, perhaps with a larger recharge amount."
            ),
            glossary::resume_auto_recharge(Locale::En),
        )
    }

    fn limited(&self, name: &str, why: Limit, until: Timestamp) -> Parts {
        let until = date_and_time(until);
        let (heading, why, advice) = match why {
            Limit::Monthly => (
                "Auto-recharge has reached its monthly limit",
                "the monthly limit that was set leaves no room for another recharge",
                "To go on sooner, raise the monthly limit on the page below, or add funds yourself.",
            ),
            Limit::Maximum => (
                "Auto-recharge cannot charge its amount",
                "its recharge amount is larger than a single charge may be",
                "To go on sooner, choose a smaller recharge amount on the page below, or add funds yourself.",
            ),
            Limit::Lots => (
                "Auto-recharge has no room for more purchases",
                "the account has the largest number of purchases with unused funds that it may have",
                "There is room again once the oldest of them are used up or have expired.\n\
             A larger recharge amount, which you choose on the page below, makes fewer of them.",
            ),
        };
        let body = format!(
            "Auto-recharge of {name} would add funds now, but {why}.\n\
         It tries again by itself on {until}.\n\
         \n\
         {advice}"
        );
        (heading.to_owned(), body, glossary::edit_auto_recharge(Locale::En))
    }

    fn stopped(&self, name: &str, reason: &str) -> Parts {
        let Decline { why, .. } = decline(reason, Locale::En);
        (
            "Auto-recharge has stopped".to_owned(),
            format!(
                "Auto-recharge of {name} could not charge the card, and does not try again by itself.\n\
             {why}\n\
             \n\
             To start it again, save another card, change the auto-recharge settings, or resume it on \
             the page below.\n\
             Until then, paid calls cannot start once the balance is used up."
            ),
            glossary::resume_auto_recharge(Locale::En),
        )
    }
}

/// What auto-recharge does about it, and what the reader can do.
fn about_recharge(told: &Told<'_>) -> String {
    match told.recharge {
        State::Off => "Add funds on the page below.\n\
                       Auto-recharge can do this for you, before the balance is used up."
            .to_owned(),
        State::Armed | State::Charging { .. } => {
            "Auto-recharge is on: it adds funds by itself when the balance \
                       reaches the trigger amount, and an e-mail tells you so.\n\
                       If your calls cannot wait, add funds on the page below."
                .to_owned()
        }
        State::Waiting { until, .. } => format!(
            "Auto-recharge is on, but your card was declined; it tries again on {}.\n\
             Add funds on the page below, or save another card: it is charged at once.",
            date_and_time(until)
        ),
        State::NeedsAction { .. } => {
            "Auto-recharge is on, but waits for the card’s owner to confirm a payment.\n\
                       Ask them to confirm it, or add funds on the page below."
                .to_owned()
        }
        State::Limited { until, .. } => format!(
            "Auto-recharge is on, but a limit keeps it from charging your card; it tries again on {}.\n\
             The auto-recharge settings say which limit that is. You can also add funds on the page below.",
            date_and_time(until)
        ),
        State::Paused { .. } => {
            "Auto-recharge is paused as a safeguard, and charges nothing until it is resumed.\n\
                       Add funds on the page below, or resume auto-recharge in its settings."
                .to_owned()
        }
        State::Stopped => "Auto-recharge has stopped, since your card was declined.\n\
                       Add funds on the page below, or save another card: it starts auto-recharge again."
            .to_owned(),
    }
}

fn next_try(retry_at: Timestamp) -> String {
    format!("Otherwise the same card is tried again on {}.", date_and_time(retry_at))
}

fn money(amount: Money) -> String {
    wording::amount(amount, Locale::En)
}

fn date(instant: Timestamp) -> String {
    wording::date(instant, Locale::En)
}

fn date_and_time(instant: Timestamp) -> String {
    wording::date_and_time(instant, Locale::En)
}

/// What follows from funds of this amount that were used before the card had them back.
fn used_already(told: &Told<'_>, used: Money) -> String {
    let used = money(used);
    match told.billing {
        BillingModel::Prepaid | BillingModel::Switching => {
            format!(
                "\nCalls had used {used} of it. That is owed, and is repaid first from the funds that you add."
            )
        }
        BillingModel::PostUsage => format!("\nCalls had used {used} of it. That is on the next invoice."),
    }
}

fn about_pause(paused: bool) -> &'static str {
    if paused {
        "\n\nAuto-recharge is paused: the card is not charged again until an administrator resumes it."
    } else {
        ""
    }
}
