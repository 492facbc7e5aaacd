//! What people are told, in English.

use domain::event::{PoolShare, UnusedFunds};
use domain::recharge::{Limit, Safeguard, State};
use domain::{BillingModel, Locale, Money};
use jiff::Timestamp;

use crate::language::{Label, Language, Told, Word, Words, brand_name, first_and_last, one_line, parts_of};
use crate::notice::{Changed, Claim, Notice, Reader};

/// English.
pub(crate) struct English;

impl Language for English {
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
            Label::Amount => "Amount",
            Label::AutoRecharge => "Auto-recharge",
            Label::Available => "Available",
            Label::BackupCard => "Backup card",
            Label::Card => "Card",
            Label::Changed => "Changed",
            Label::ChangedAt => "When",
            Label::ChangedBy => "By",
            Label::Date => "Date",
            Label::Due => "Due",
            Label::ExpiredAt => "Expired",
            Label::FurtherLots => "Others",
            Label::Invoice => "Invoice number",
            Label::MonthlyLimit => "Monthly limit",
            Label::NextInvoice => "On the next invoice",
            Label::MinutesIncluded => "Minutes included",
            Label::MinutesUsed => "Minutes used",
            Label::Month => "Month (UTC)",
            Label::Owed => "Owed",
            Label::Plan => "Plan and country",
            Label::PoNumber => "PO number",
            Label::Receipt => "Receipt number",
            Label::RechargeAmount => "Adds",
            Label::Recipients => "Recipients",
            Label::TriedAgain => "Next try",
            Label::TriggerAmount => "When the balance reaches",
            Label::UsableUntil => "Usable until",
            Label::WarningAmount => "Warning amount",
        }
    }

    fn card(&self, brand: &str, last4: &str) -> String {
        format!("{} ending in {last4}", brand_name(brand))
    }

    fn changed(&self, changed: Changed) -> String {
        let names = [
            (changed.payment_method, "payment method"),
            (changed.auto_recharge, "auto-recharge"),
            (changed.recipients, "recipients of notices"),
        ];
        let names: Vec<_> = names.into_iter().filter_map(|(is, name)| is.then_some(name)).collect();
        names.join(", ")
    }

    fn word(&self, word: Word) -> &'static str {
        match word {
            Word::On => "on",
            Word::Off => "off",
            Word::Resumed => "resumed",
            Word::None | Word::Nobody => "none",
        }
    }

    fn colon(&self) -> &'static str {
        ":"
    }

    fn typeset(&self, text: &str) -> String {
        text.to_owned()
    }
}

/// Heading, body and button.
type Parts = (String, String, &'static str);

fn recharged(name: &str, amount: Money, times: Option<u32>, expires_at: Timestamp) -> Parts {
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
             This credit can be used for calls until {}.\n\
             \n\
             You need not do anything.\n\
             This is your receipt.",
            date_and_time(expires_at),
        ),
        "See the receipt",
    )
}

fn purchased(name: &str, amount: Money, expires_at: Timestamp) -> Parts {
    (
        format!("Your purchase of {}", money(amount)),
        format!(
            "Thank you.\n\
             Your card was charged, and {} was added to the Communications Credits of {name}.\n\
             It can be used for calls until {}; what is not used by then is lost.\n\
             \n\
             This is your receipt.",
            money(amount),
            date_and_time(expires_at),
        ),
        "See the receipt",
    )
}

fn recharge_failed(name: &str, amount: Money, reason: &str, retry_at: Timestamp) -> Parts {
    let (why, advice) = decline(reason);
    (
        "Auto-recharge could not charge your card".to_owned(),
        format!(
            "Auto-recharge tried to add {} to the Communications Credits of {name}, but the payment \
             was declined.\n\
             {why}\n\
             \n\
             {advice}\n\
             {}\n\
             When the credit is used up, calls that are paid from it cannot start.",
            money(amount),
            next_try(retry_at),
        ),
        "Check the payment method",
    )
}

fn needs_action(name: &str, amount: Money) -> Parts {
    (
        format!("Please confirm a payment of {}", money(amount)),
        format!(
            "Auto-recharge wants to add {} to the Communications Credits of {name}.\n\
             The bank asks the card’s owner to confirm this payment; nothing is charged before.\n\
             \n\
             If it is your card, confirm the payment on the page below.\n\
             If it is not, please forward this e-mail to the card’s owner, or save another card.",
            money(amount),
        ),
        "Confirm the payment",
    )
}

fn depleted(told: &Told<'_>, available: Money) -> Parts {
    let (name, heading) = (told.name, "Your credit is used up".to_owned());
    let owed = if available.is_negative() {
        format!("\n{} is owed: it is repaid first from the funds that you add.", money(-available))
    } else {
        String::new()
    };
    match told.billing {
        BillingModel::Prepaid | BillingModel::Switching => {
            let body = format!(
                "The Communications Credits of {name} are used up.\n\
                 Calls that are paid from credit cannot start until there are funds again.{owed}\n\
                 \n\
                 {}",
                about_recharge(told)
            );
            (heading, body, "Add funds")
        }
        BillingModel::PostUsage => {
            let body = format!(
                "The prepaid credit of {name} is used up.\n\
                 \n\
                 You need not do anything: calls go on, and are invoiced each month."
            );
            (heading, body, "See the account")
        }
    }
}

fn warning(told: &Told<'_>, available: Money) -> Parts {
    let heading = format!("Your credit is down to {}", money(available));
    let reached = format!(
        "The Communications Credits of {} have reached the amount at which you wanted to be warned.",
        told.name
    );
    match told.billing {
        BillingModel::Prepaid | BillingModel::Switching => {
            (heading, format!("{reached}\n\n{}", about_recharge(told)), "Add funds")
        }
        BillingModel::PostUsage => {
            let advice =
                "You need not do anything: when the credit is used up, calls are invoiced each month.";
            (heading, format!("{reached}\n\n{advice}"), "See the account")
        }
    }
}

/// What auto-recharge does about it, and what the reader can do.
fn about_recharge(told: &Told<'_>) -> String {
    match told.recharge {
        State::Off => "Add funds on the page below.\n\
                       Auto-recharge can do this for you, before the credit is used up."
            .to_owned(),
        State::Armed | State::Charging { .. } => "Auto-recharge is on: it adds funds by itself when the balance \
                       reaches its trigger amount, and an e-mail tells you so.\n\
                       If your calls cannot wait, add funds on the page below."
            .to_owned(),
        State::Waiting { until, .. } => format!(
            "Auto-recharge is on, but your card was declined; it tries again on {}.\n\
             Add funds on the page below, or save another card: it is charged at once.",
            date_and_time(until)
        ),
        State::NeedsAction { .. } => "Auto-recharge is on, but waits for the card’s owner to confirm a payment.\n\
                       Ask them to confirm it, or add funds on the page below."
            .to_owned(),
        State::Limited { until, .. } => format!(
            "Auto-recharge is on, but a limit keeps it from charging your card; it tries again on {}.\n\
             The page below says which limit that is. You can also add funds there.",
            date_and_time(until)
        ),
        State::Paused { .. } => "Auto-recharge is paused as a safeguard, and charges nothing until it is resumed.\n\
                       Add funds on the page below, or resume auto-recharge there."
            .to_owned(),
        State::Stopped => "Auto-recharge has stopped, since your card was declined.\n\
                       Add funds on the page below, or save another card there: it starts auto-recharge again."
            .to_owned(),
    }
}

fn expiring(told: &Told<'_>, amount: Money, lots: &[UnusedFunds]) -> Parts {
    let name = told.name;
    let (first, last) = first_and_last(lots);
    let is_one_day = date(first) == date(last);
    let days = if is_one_day {
        format!("on {}", date(first))
    } else {
        format!("between {} and {}", date(first), date(last))
    };
    let heading = format!("{} expires {days}", money(amount));
    let when = if first == last { format!("on {}", date_and_time(first)) } else { days };
    let in_days = in_days(told.days_until(first));
    let in_days = if is_one_day { in_days } else { format!("the first of it {in_days}") };
    let body = format!(
        "{} of the credit of {name} has not been used yet.\n\
         It expires {when}, {in_days}; what is left of it then is lost.\n\
         \n\
         You need not do anything: calls use the credit that expires first.\n\
         Buying more credit does not extend it.",
        money(amount),
    );
    (heading, body, "See your credit")
}

fn expired(name: &str, amount: Money, lots: &[UnusedFunds]) -> Parts {
    let (first, last) = first_and_last(lots);
    let when = if first == last { date_and_time(last) } else { date(last) };
    (
        format!("{} has expired", money(amount)),
        format!(
            "{} of the credit of {name} was not used by {when} and has expired.\n\
             It can no longer be used for calls.\n\
             \n\
             Smaller purchases, or auto-recharge with a smaller amount, leave less to expire.",
            money(amount),
        ),
        "See your credit",
    )
}

fn switch_pending(name: &str) -> Parts {
    (
        "Auto-recharge keeps you from paying after use".to_owned(),
        format!(
            "{name} is to pay for its calls after use, but auto-recharge is still on.\n\
             As long as it is on, it goes on charging your card, and the account stays prepaid: it never switches.\n\
             \n\
             To complete the switch, turn auto-recharge off on the page below, or remove the card.\n\
             Calls then use the credit that is left, until it is used up or expires, and all further calls are \
             invoiced each month."
        ),
        "Turn auto-recharge off",
    )
}

fn switch_completed(name: &str, owed: Money, funds: Money) -> Parts {
    let first = if funds.reaches_minor_unit() {
        format!("The credit of {} is used first, until it is used up or expires.\n", money(funds))
    } else {
        String::new()
    };
    let owed = if owed.reaches_minor_unit() {
        format!("{} was owed, and is on the next invoice.\n", money(owed))
    } else {
        String::new()
    };
    (
        "You pay for calls after use now".to_owned(),
        format!(
            "The switch of {name} to paying after use is complete.\n\
             \n\
             {first}{owed}Calls that credit does not pay for go on, and are invoiced each month.\n\
             Credit can no longer be bought, and auto-recharge can no longer be turned on."
        ),
        "See the account",
    )
}

fn invoice_issued(name: &str, claim: Claim<'_>) -> Parts {
    let (number, month) = (claim.number, wording::month(claim.month, Locale::En));
    let (amount, due) = (money(claim.amount), wording::date(claim.due_at, Locale::En));
    (
        format!("Invoice {number} for {month}"),
        format!(
            "{amount} is to be paid for {month}: what {name} used and no credit paid for.\n\
             Please pay by {due}.\n\
             \n\
             The page below shows the invoice, with its calls by destination."
        ),
        "See the invoice",
    )
}

fn invoice_overdue(told: &Told<'_>, claim: Claim<'_>) -> Parts {
    let (name, number) = (told.name, claim.number);
    let (month, amount) = (wording::month(claim.month, Locale::En), money(claim.amount));
    let (due, days) = (wording::date(claim.due_at, Locale::En), told.days_since(claim.due_at));
    (
        format!("Invoice {number} is overdue by {days} days"),
        format!(
            "Invoice {number} of {name} for {month}, of {amount}, was due on {due} and is not paid yet.\n\
             Calls go on as before.\n\
             \n\
             If you have paid in the last few days, nothing is left to do."
        ),
        "See the invoice",
    )
}

fn pool_used(told: &Told<'_>, share: &PoolShare) -> Parts {
    let (name, plan) = (told.name, one_line(&share.pool));
    let month = wording::month(share.month, Locale::En);
    let used = wording::count(share.used, Locale::En);
    let size = wording::count(share.size, Locale::En);
    let paid = match told.billing {
        BillingModel::Prepaid | BillingModel::Switching => "paid from the credit, at the published rates",
        BillingModel::PostUsage => {
            "charged at the published rates: credit pays first, and the rest is invoiced"
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

fn settings_changed(told: &Told<'_>, changed: Changed) -> Parts {
    let name = told.name;
    let (heading, button) = match changed {
        Changed { payment_method: true, auto_recharge: false, recipients: false } => {
            ("The payment method was changed", "See the payment method")
        }
        Changed { payment_method: false, auto_recharge: true, recipients: false } => {
            ("Auto-recharge was changed", "See auto-recharge")
        }
        Changed { payment_method: false, auto_recharge: false, recipients: true } => {
            ("The recipients of notices were changed", "See the recipients")
        }
        Changed { .. } => ("Settings were changed", "See the settings"),
    };
    let reader = match told.reader {
        Reader::Added => "\nYou are a recipient of its notices from now on.",
        Reader::Removed => {
            "\nYou are no longer a recipient of its notices: this is the last e-mail that you get about this account."
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

fn paused(name: &str) -> Parts {
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
        "Resume auto-recharge",
    )
}

fn limited(name: &str, why: Limit, until: Timestamp) -> Parts {
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
            "the account has the largest number of purchases with unused credit that it may have",
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
    (heading.to_owned(), body, "Change auto-recharge")
}

fn stopped(name: &str, reason: &str) -> Parts {
    let (why, _) = decline(reason);
    (
        "Auto-recharge has stopped".to_owned(),
        format!(
            "Auto-recharge of {name} could not charge the card, and does not try again by itself.\n\
             {why}\n\
             \n\
             To start it again, save another card, change the auto-recharge settings, or resume it on \
             the page below.\n\
             Until then, calls that are paid from credit cannot start once it is used up."
        ),
        "Resume auto-recharge",
    )
}

/// Why the bank declined, and what to do. Source of the codes: docs.stripe.com/declines/codes.
fn decline(code: &str) -> (String, &'static str) {
    const OTHER_CARD: &str = "Please save another card: it is charged at once if the balance is still low.";
    let (why, advice) = match code {
        "card_declined" => (
            "The bank declined the card and did not say why.",
            "Please ask the bank, or save another card: it is charged at once if the balance is still low.",
        ),
        "insufficient_funds" => (
            "There is not enough money on the card’s account, or its limit is reached.",
            "Please see to it that the card can be charged, or save another one.",
        ),
        "expired_card" => ("The card has expired.", OTHER_CARD),
        "lost_card" => ("The card was reported as lost.", OTHER_CARD),
        "stolen_card" => ("The card was reported as stolen.", OTHER_CARD),
        "authentication_required" => (
            "The bank wanted the card’s owner to confirm the payment, and it was not confirmed.",
            "Please add funds yourself and confirm the payment, or save another card.",
        ),
        "processing_error" => (
            "There was a technical error while the card was processed.",
            "Please check that the card is still right, or save another one.",
        ),
        other => return (format!("The reason given is \u{201c}{}\u{201d}.", one_line(other)), OTHER_CARD),
    };
    (why.to_owned(), advice)
}

fn next_try(retry_at: Timestamp) -> String {
    format!("Otherwise the same card is tried again on {}.", date_and_time(retry_at))
}

fn in_days(days: i64) -> String {
    if days == 1 { "in 1 day".to_owned() } else { format!("in {days} days") }
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
