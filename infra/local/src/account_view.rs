//! The content of an account's page: the API's answers about the account, put in words.

use anyhow::Context;
use askama::Template;
use axum::http::StatusCode;
use domain::time::Month;
use domain::{Currency, Locale, Money};
use jiff::Timestamp;
use payments::Sandbox;
use payments::sandbox::TestCard;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use crate::page::{PoolUse, text};

/// The parts of the page, by the ids that links name.
pub(crate) const FUNDS: &str = "funds";
pub(crate) const AUTO_RECHARGE: &str = "auto-recharge";
pub(crate) const PAYMENT_METHOD: &str = "payment-method";
pub(crate) const RECIPIENTS: &str = "recipients";

/// The messages after a form succeeded: the outcome's name in the address, the part of the page, and the text.
const DONE: [(&str, &str, &str); 6] = [
    ("bought", FUNDS, "The card was charged and the funds are there."),
    ("pending", FUNDS, "It is not decided yet: see the list of purchases below."),
    ("set", AUTO_RECHARGE, "Auto-recharge was saved."),
    ("resumed", AUTO_RECHARGE, "Auto-recharge was resumed."),
    ("saved", PAYMENT_METHOD, "The card was saved."),
    ("told", RECIPIENTS, "The recipients were saved."),
];

/// The page.
#[derive(Template)]
#[template(path = "account.html")]
pub(crate) struct Page {
    id: String,
    name: String,
    currency: String,
    status: String,
    now: String,
    clock_stands: bool,
    available: String,
    balance: String,
    held: Option<String>,
    owed: Option<String>,
    next_expiry: Option<String>,
    pub(crate) purchase: PurchaseForm,
    recharge: Recharge,
    pub(crate) settings: SettingsForm,
    card: Option<Card>,
    backup: Option<Card>,
    pub(crate) cards: CardsForm,
    pub(crate) recipients: RecipientsForm,
    test_cards: &'static [TestCard],
    pools: Vec<PoolUse>,
    purchases: Vec<Purchase>,
    has_more: bool,
    /// What the next invoice will ask for so far, if anything.
    to_invoice: Option<String>,
    invoices: Vec<Invoice>,
    pub(crate) outcome: Option<Outcome>,
}

/// The outcome of a form.
pub(crate) struct Outcome {
    part: &'static str,
    is_problem: bool,
    said: String,
    fields: Vec<(String, String)>,
}

/// The state of auto-recharge (R7), in words.
struct Recharge {
    state: String,
    meaning: &'static str,
    why: Option<String>,
    until: Option<String>,
    last_failure: Option<String>,
    what_leaves_it: &'static str,
    can_resume: bool,
}

struct Card {
    said: String,
    last4: String,
}

struct Purchase {
    id: String,
    at: String,
    kind: &'static str,
    amount: String,
    /// `3 × EUR 50.00`, if a recharge is more than one recharge amount (R3).
    parts: Option<String>,
    status: String,
    card: String,
    receipt_number: Option<String>,
    confirm_at: Option<String>,
}

struct Invoice {
    id: String,
    number: String,
    month: String,
    amount: String,
    due: String,
    state: &'static str,
}

/// Funds to buy. The key identifies the purchase, so that a form that is sent twice buys once (F3).
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct PurchaseForm {
    pub(crate) key: String,
    pub(crate) amount: String,
}

/// Auto-recharge's settings. Browsers do not send a box that is not ticked.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SettingsForm {
    pub(crate) enabled: Option<String>,
    pub(crate) recharge_amount: String,
    pub(crate) trigger_amount: String,
    pub(crate) monthly_limit: String,
}

/// The cards to save, by their tokens. An empty backup is no card.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct CardsForm {
    pub(crate) payment_method: String,
    pub(crate) backup: String,
}

/// The recipients of mails, one on each line.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct RecipientsForm {
    pub(crate) emails: String,
}

impl RecipientsForm {
    fn read(account: &Value) -> Self {
        let emails = account["notificationEmails"].as_array().into_iter().flatten();
        Self { emails: emails.map(text).collect::<Vec<_>>().join("\n") }
    }

    /// The addresses, which spaces, line ends, commas or semicolons separate.
    pub(crate) fn addresses(&self) -> Vec<&str> {
        let sets_apart = |letter: char| letter.is_whitespace() || matches!(letter, ',' | ';');
        self.emails.split(sets_apart).filter(|address| !address.is_empty()).collect()
    }
}

impl Page {
    /// The page of an account, from the API's account and its first pages of purchases and invoices.
    pub(crate) fn of(
        account: &Value,
        listed: &Value,
        invoices: &Value,
        now: Timestamp,
        clock_stands: bool,
    ) -> anyhow::Result<Self> {
        let purchases = listed["purchases"].as_array().context("a list of purchases")?;
        let invoices = invoices["invoices"].as_array().context("a list of invoices")?;
        let currency = text(&account["currency"]);
        let amount = |value: &Value| in_words(value, &currency);
        let held = money(&account["held"], &currency)?;
        let owed = money(&account["owed"], &currency)?;
        let to_invoice = money(&account["postUsage"]["amount"], &currency)?;
        let next = &account["nextExpiry"];
        let (card, backup) = (Card::read(&account["paymentMethod"]), Card::read(&account["backup"]));
        Ok(Self {
            id: text(&account["accountId"]),
            name: text(&account["name"]),
            status: text(&account["status"]),
            now: wording::date_and_time(now, Locale::En),
            clock_stands,
            available: amount(&account["available"])?,
            balance: amount(&account["balance"])?,
            held: held.is_positive().then(|| wording::amount(held, Locale::En)),
            owed: owed.is_positive().then(|| wording::amount(owed, Locale::En)),
            next_expiry: if next.is_object() {
                Some(format!("{} on {}", amount(&next["amount"])?, instant(&next["expiresAt"])?))
            } else {
                None
            },
            purchase: PurchaseForm { key: new_key()?, amount: String::new() },
            recharge: Recharge::read(&account["autoRecharge"])?,
            settings: SettingsForm::read(&account["autoRecharge"], &currency)?,
            cards: CardsForm { payment_method: token_of(card.as_ref()), backup: token_of(backup.as_ref()) },
            card,
            backup,
            recipients: RecipientsForm::read(account),
            test_cards: Sandbox::test_cards(),
            pools: PoolUse::of_account(account),
            purchases: purchases.iter().map(Purchase::read).collect::<anyhow::Result<_>>()?,
            has_more: listed["next"].is_string(),
            to_invoice: to_invoice.is_positive().then(|| wording::amount(to_invoice, Locale::En)),
            invoices: invoices.iter().map(Invoice::read).collect::<anyhow::Result<_>>()?,
            outcome: None,
            currency,
        })
    }

    /// The outcome of this part's form, if it is the form that was sent.
    fn outcome_in(&self, part: &str) -> Option<&Outcome> {
        self.outcome.as_ref().filter(|outcome| outcome.part == part)
    }

    /// Whether a purchase in the list is several recharge amounts at once.
    fn has_parts(&self) -> bool {
        self.purchases.iter().any(|purchase| purchase.parts.is_some())
    }

    /// Whether there is something to say of invoices.
    fn has_invoices(&self) -> bool {
        self.to_invoice.is_some() || !self.invoices.is_empty()
    }

    /// The error of a field, if it has one.
    fn wrong(&self, field: &str) -> Option<&str> {
        let fields = &self.outcome.as_ref()?.fields;
        fields.iter().find(|(name, _)| name == field).map(|(_, said)| said.as_str())
    }
}

impl Outcome {
    /// The outcome of a form that succeeded, by its name in the address.
    pub(crate) fn of_done(name: &str) -> Option<Self> {
        let &(_, part, said) = DONE.iter().find(|(known, ..)| *known == name)?;
        Some(Self { part, is_problem: false, said: said.to_owned(), fields: Vec::new() })
    }

    /// The outcome of a form that the API refused. An error of one of its fields is shown beside the field.
    pub(crate) fn of_problem(part: &'static str, problem: &Value) -> Self {
        let on_page: &[&str] = match part {
            FUNDS => &["amount"],
            AUTO_RECHARGE => &["triggerAmount", "rechargeAmount", "monthlyLimit"],
            RECIPIENTS => &["notificationEmails"],
            _ => &["paymentMethod", "backup"],
        };
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let errors = errors.iter().map(|error| of_list(text(&error["field"]), text(&error["detail"])));
        let (fields, others): (Vec<_>, Vec<_>) =
            errors.partition(|(field, _)| on_page.contains(&field.as_str()));
        let (title, detail) = (text(&problem["title"]), text(&problem["detail"]));
        let said = match others.first() {
            Some((_, said)) => said.clone(),
            None if !fields.is_empty() => "Nothing was changed: see below what is wrong.".to_owned(),
            None if detail.is_empty() => title,
            None => format!("{title}: {}", detail.replace('_', " ")),
        };
        Self { part, is_problem: true, said, fields }
    }
}

/// An error of one element of a list becomes an error of the list, with the element's number.
fn of_list(field: String, detail: String) -> (String, String) {
    let place = field.strip_suffix(']').and_then(|field| field.split_once('['));
    match place.and_then(|(list, index)| Some((list, index.parse::<usize>().ok()?))) {
        Some((list, index)) => (list.to_owned(), format!("number {}: {detail}", index + 1)),
        None => (field, detail),
    }
}

/// A key that no other purchase has.
fn new_key() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("no randomness for a key")?;
    Ok(format!("page-{:032x}", u128::from_be_bytes(bytes)))
}

fn money(value: &Value, currency: &str) -> anyhow::Result<Money> {
    let amount = value.as_str().context("an amount")?;
    Ok(Money::sum(amount.parse()?, Currency::parse(currency)?)?)
}

/// `EUR 1,234.50`.
fn in_words(value: &Value, currency: &str) -> anyhow::Result<String> {
    Ok(wording::amount(money(value, currency)?, Locale::En))
}

/// `1234.50`, as a form can send it back. No amount is an empty text.
fn in_a_form(value: &Value, currency: &str) -> anyhow::Result<String> {
    if value.is_null() {
        return Ok(String::new());
    }
    let money = money(value, currency)?;
    let mut amount = money.amount().normalize();
    amount.rescale(amount.scale().max(money.currency().minor_digits()));
    Ok(amount.to_string())
}

fn instant(value: &Value) -> anyhow::Result<String> {
    let instant = value.as_str().context("an instant")?.parse()?;
    Ok(wording::date_and_time(instant, Locale::En))
}

/// A code of the card processor, in words.
fn reason(value: &Value) -> Option<String> {
    value.as_str().map(|code| code.replace('_', " "))
}

impl PurchaseForm {
    /// The form as it is shown again after it failed. While the outcome is unknown, it stays the same purchase (F5). After a
    /// refusal, the next try is another purchase (F3).
    pub(crate) fn again(self, status: StatusCode, new_key: &str) -> Self {
        if status.is_server_error() { self } else { Self { key: new_key.to_owned(), ..self } }
    }
}

impl SettingsForm {
    fn read(recharge: &Value, currency: &str) -> anyhow::Result<Self> {
        Ok(Self {
            enabled: recharge["enabled"].as_bool().filter(|enabled| *enabled).map(|_| String::new()),
            recharge_amount: in_a_form(&recharge["rechargeAmount"], currency)?,
            trigger_amount: in_a_form(&recharge["triggerAmount"], currency)?,
            monthly_limit: in_a_form(&recharge["monthlyLimit"], currency)?,
        })
    }
}

impl Recharge {
    fn read(recharge: &Value) -> anyhow::Result<Self> {
        let state = text(&recharge["state"]);
        let (name, meaning, what_leaves_it) = match state.as_str() {
            "off" => ("Off", "No card is charged by itself.", "Tick the box below, and save."),
            "armed" => (
                "On",
                "The card is charged when the balance reaches the trigger.",
                "It stays so until it charges, or is turned off.",
            ),
            "charging" => (
                "Charging",
                "The card is being charged.",
                "It goes on by itself once the card processor has answered.",
            ),
            "waiting" => (
                "Waiting",
                "The card was declined. It is tried again, if the balance is still low.",
                "The next try, or at once: a new card, changed settings, or funds that you buy.",
            ),
            "needsAction" => (
                "Needs you",
                "The card wants its owner to confirm a charge.",
                "Confirm or refuse it in the list of purchases below, save another card, or turn it off.",
            ),
            "limited" => (
                "At a limit",
                "No charge fits the limit, so none is made.",
                "The limit's end, changed settings, or funds that you buy.",
            ),
            "paused" => (
                "Paused",
                "A safeguard has stopped charges: there were too many in one day.",
                "Resume it here, once you know why.",
            ),
            "stopped" => (
                "Stopped",
                "The card was declined for good, or too often.",
                "Save another card, change the settings, or resume it here.",
            ),
            other => (other, "", ""),
        };
        let why = match recharge["why"].as_str() {
            Some("monthly") => Some("the monthly limit".to_owned()),
            Some("maximum") => Some("the operator's largest charge is below the recharge amount".to_owned()),
            Some("lots") => Some("there are as many unspent purchases as there may be".to_owned()),
            Some("runaway") => Some("more recharges in a day than the operator allows".to_owned()),
            _ => reason(&recharge["why"]),
        };
        let until = &recharge["until"];
        let failure = &recharge["lastFailure"];
        let failed = reason(&failure["reason"]);
        Ok(Self {
            state: name.to_owned(),
            meaning,
            why,
            until: if until.is_null() { None } else { Some(instant(until)?) },
            last_failure: match failed {
                Some(reason) => Some(format!("{reason}, {}", instant(&failure["at"])?)),
                None => None,
            },
            what_leaves_it,
            can_resume: ["paused", "stopped"].contains(&state.as_str()),
        })
    }
}

impl Card {
    fn read(card: &Value) -> Option<Self> {
        let last4 = card["last4"].as_str()?.to_owned();
        let (month, year) = (&card["expMonth"], &card["expYear"]);
        Some(Self { said: format!("{} ending in {last4}, {month}/{year}", text(&card["brand"])), last4 })
    }
}

/// The token of the test card that a saved card is, since the API does not show tokens.
fn token_of(card: Option<&Card>) -> String {
    let known = card.and_then(|card| Sandbox::test_cards().iter().find(|test| test.last4 == card.last4));
    known.map_or_else(String::new, |test| test.token.to_owned())
}

impl Purchase {
    fn read(purchase: &Value) -> anyhow::Result<Self> {
        let card = &purchase["card"];
        let currency = text(&purchase["currency"]);
        let parts = match purchase["rechargeAmounts"].as_u64().filter(|times| *times > 1) {
            Some(times) => {
                let part = money(&purchase["amount"], &currency)?.amount() / Decimal::from(times);
                let part = Money::new(part, Currency::parse(&currency)?)?;
                Some(format!("{times} × {}", wording::amount(part, Locale::En)))
            }
            None => None,
        };
        let status = match purchase["status"].as_str() {
            Some("succeeded") => "charged".to_owned(),
            Some("needsAction") => "waits for its owner".to_owned(),
            Some("declined") => {
                format!("declined: {}", reason(&purchase["declineReason"]).unwrap_or_default())
            }
            _ => text(&purchase["status"]),
        };
        Ok(Self {
            id: text(&purchase["purchaseId"]),
            at: instant(&purchase["createdAt"])?,
            kind: if purchase["kind"] == "recharge" { "auto-recharge" } else { "purchase" },
            amount: in_words(&purchase["amount"], &currency)?,
            parts,
            status,
            card: format!("{} {}", text(&card["brand"]), text(&card["last4"])),
            receipt_number: purchase["receiptNumber"].as_u64().map(|number| number.to_string()),
            confirm_at: purchase["nextAction"]["url"].as_str().map(str::to_owned),
        })
    }
}

impl Invoice {
    fn read(invoice: &Value) -> anyhow::Result<Self> {
        let month = invoice["month"].as_str().and_then(Month::parse).context("a month")?;
        let due = invoice["dueAt"].as_str().context("an instant")?.parse()?;
        let state = match (invoice["state"].as_str(), invoice["overdue"].as_bool()) {
            (Some("open"), Some(true)) => "overdue",
            (Some("open"), _) => "open",
            (Some("paid"), _) => "paid",
            _ => "void",
        };
        Ok(Self {
            id: text(&invoice["invoiceId"]),
            number: invoice["number"].to_string(),
            month: wording::month(month, Locale::En),
            amount: in_words(&invoice["amount"], &text(&invoice["currency"]))?,
            due: wording::date(due, Locale::En),
            state,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f5_while_nobody_knows_what_became_of_it_it_is_the_same_purchase() {
        for (status, key) in [
            (StatusCode::SERVICE_UNAVAILABLE, "first"),
            (StatusCode::INTERNAL_SERVER_ERROR, "first"),
            (StatusCode::PAYMENT_REQUIRED, "second"),
            (StatusCode::UNPROCESSABLE_ENTITY, "second"),
        ] {
            let form = PurchaseForm { key: "first".to_owned(), amount: "50".to_owned() };
            let again = form.again(status, "second");
            assert_eq!((again.key.as_str(), again.amount.as_str()), (key, "50"), "{status}");
        }
    }
}
