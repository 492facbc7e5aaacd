//! Changing an account's profile, its cards and its warning amount (A1, F10, N4).

use api::view::Account;
use api::{Amount, Problem, Reply, Request, Role};
use domain::account::{self, Warning};
use domain::draft::{Decision, Draft};
use domain::fact::{Fact, NewCards, NewValues, Setting, ShownCard};
use domain::profile::{MAX_NOTIFICATION_EMAILS, PaymentMethod};
use domain::{AccountId, Currency, Locale, Money, Profile, recharge};
use email_address::{EmailAddress, Options};
use payments::Cashier;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::Ports;

/// Names have at most this many characters.
const LONGEST_NAME: usize = 200;

/// PO numbers have at most this many characters.
const LONGEST_PO_NUMBER: usize = 64;

/// No name around it, and a domain that mail can be sent to.
const BARE_ADDRESS: Options =
    Options { minimum_sub_domains: 2, allow_domain_literal: false, allow_display_text: false };

/// What may be changed; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AccountChange)]
pub struct Changes {
    /// The organization's name, 1 to 200 characters.
    name: Option<String>,
    /// Language of what is sent to it.
    #[schema(value_type = Option<String>)]
    locale: Option<Locale>,
    /// All recipients, up to 20, each once.
    notification_emails: Option<Vec<String>>,
    /// Printed on receipts from now on, up to 64 characters; an empty one is none.
    po_number: Option<String>,
    /// People are warned when what is available falls to this or below, once until it is above again. An empty one
    /// is none.
    #[schema(value_type = Option<String>, example = "20.00")]
    low_balance_amount: Option<OptionalAmount>,
}

/// Change an account's profile
///
/// For operator and admin.
#[utoipa::path(
    patch,
    path = "/v1/accounts/{id}",
    operation_id = "changeAccount",
    tag = "Accounts",
    params(("id" = String, Path, description = "The account")),
    request_body = Changes,
    responses(
        (status = 200, description = "The account", body = Account),
        (status = 422, description = "A field is wrong", body = api::problem::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn change(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Admin])?;
    let changes: Changes = request.json()?;
    let name = changes.name.as_deref().map(check_name).transpose()?;
    let emails = changes.notification_emails.map(check_emails).transpose()?;
    let po_number = changes.po_number.as_deref().map(check_po_number).transpose()?;
    save(request, ports, &id, changes.low_balance_amount, |profile| Profile {
        name: name.clone().unwrap_or(profile.name),
        locale: changes.locale.unwrap_or(profile.locale),
        notification_emails: emails.clone().unwrap_or(profile.notification_emails),
        po_number: po_number.clone().unwrap_or(profile.po_number),
        ..profile
    })
    .await
}

/// The cards to save.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewPaymentMethod)]
pub struct Methods {
    /// The processor's token of the card.
    #[schema(example = "pm_card_visa")]
    payment_method: String,
    /// A second one, which auto-recharge charges once when the first is declined. Left out, there is none.
    backup: Option<String>,
}

/// Save a payment method
///
/// For operator and admin.
#[utoipa::path(
    put,
    path = "/v1/accounts/{id}/payment-method",
    operation_id = "setPaymentMethod",
    tag = "Accounts",
    params(("id" = String, Path, description = "The account")),
    request_body = Methods,
    responses(
        (status = 200, description = "The account", body = Account),
        (status = 422, description = "The processor does not know the token", body = api::problem::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn set_payment_method(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Admin])?;
    let methods: Methods = request.json()?;
    ports.store.account_seen(&id).await?.ok_or(Problem::NoAccount)?;
    let method = keep(ports, &id, "paymentMethod", &methods.payment_method).await?;
    let backup = match &methods.backup {
        Some(token) => Some(keep(ports, &id, "backup", token).await?),
        None => None,
    };
    save(request, ports, &id, None, |profile| Profile {
        payment_method: Some(method.clone()),
        backup: backup.clone(),
        ..profile
    })
    .await
}

async fn keep(ports: &Ports, id: &AccountId, field: &str, token: &str) -> Result<PaymentMethod, Problem> {
    let kept = ports.processor.save_method(id, token).await;
    kept.map_err(|error| Problem::payment_method(field, &error))
}

/// Commits changed settings, and tells who changed what (N9); nothing changed is no commit. A warning amount is
/// none, taken away, or set.
async fn save(
    request: &Request,
    ports: &Ports,
    id: &AccountId,
    warning: Option<OptionalAmount>,
    change: impl Fn(Profile) -> Profile + Send + Sync,
) -> Result<Reply, Problem> {
    let by = &request.caller().subject;
    let saved = ports.store.apply_with_profile(id, |account, before| {
        let after = change(before.clone());
        let before_warning = account.warning.map(|warning| warning.amount);
        let after_warning = match warning {
            Some(OptionalAmount(amount)) => check_warning(amount, account.currency)?,
            None => before_warning,
        };
        let mut fields = changed(before, &after);
        if after_warning != before_warning {
            fields.push(Setting::LowBalanceAmount);
        }
        if fields.is_empty() {
            return Ok::<_, Problem>(Decision::unchanged(()));
        }
        let mut draft = Draft::on(account, request.now());
        if fields.contains(&Setting::LowBalanceAmount) {
            let available = account.available(draft.now());
            // Setting it tells nobody: it waits for the next crossing (N4).
            draft.account_mut().warning =
                after_warning.map(|amount| Warning { amount, told: available <= amount });
        }
        if fields.contains(&Setting::PaymentMethod) {
            recharge::card_changed(&mut draft);
        }
        draft.say(told(fields, by, before, &after));
        draft.set_profile(after);
        Ok(draft.finish(()))
    });
    withdraw_and_show(request, ports, &saved.await?.account).await
}

/// Cancels a recharge that a new card or turning it off has withdrawn; what cannot be cancelled now is left to
/// recovery. Answers with the account as it is then.
pub(crate) async fn withdraw_and_show(
    request: &Request,
    ports: &Ports,
    account: &account::Account,
) -> Result<Reply, Problem> {
    let now = request.now().max(account.as_of);
    if let Some(open) = account.open_recharge().filter(|open| open.withdrawn)
        && let Some(payment) = ports.store.payment(&account.id, &open.id).await?
        && payment.is_open()
    {
        let cashier = Cashier { store: &ports.store, processor: ports.processor.as_ref(), lease_clock: None };
        cashier.recover(payment, now, true).await?;
    }
    let (account, profile) =
        ports.store.account_with_profile(&account.id).await?.ok_or(Problem::NoAccount)?;
    Ok(Reply::json(200, &Account::show(&account, &profile, request.now())))
}

/// A warning amount is zero or more; an empty one is none.
fn check_warning(amount: Option<Amount>, currency: Currency) -> Result<Option<Money>, Problem> {
    let check = |Amount(amount)| {
        let amount = Money::new(amount, currency)
            .map_err(|problem| Problem::field("lowBalanceAmount", problem.to_string()))?;
        if amount.is_negative() {
            return Err(Problem::field("lowBalanceAmount", "expected zero or more"));
        }
        Ok(amount)
    };
    amount.map(check).transpose()
}

/// An amount, or an empty text for none.
#[derive(Clone, Copy)]
struct OptionalAmount(Option<Amount>);

impl<'de> Deserialize<'de> for OptionalAmount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self(None));
        }
        let expected = "expected a decimal string such as \"12.34\", or an empty one";
        Amount::parse(&text)
            .map(|amount| Self(Some(amount)))
            .ok_or_else(|| serde::de::Error::custom(expected))
    }
}

fn changed(before: &Profile, after: &Profile) -> Vec<Setting> {
    let cards_differ = before.payment_method != after.payment_method || before.backup != after.backup;
    [
        (Setting::Name, before.name != after.name),
        (Setting::Locale, before.locale != after.locale),
        (Setting::NotificationEmails, before.notification_emails != after.notification_emails),
        (Setting::PoNumber, before.po_number != after.po_number),
        (Setting::PaymentMethod, cards_differ),
    ]
    .into_iter()
    .filter_map(|(setting, differs)| differs.then_some(setting))
    .collect()
}

/// Who changed what, and how it is now (N9).
fn told(fields: Vec<Setting>, by: &str, before: &Profile, after: &Profile) -> Fact {
    let missing_in = |there: &Profile, here: &Profile| {
        let emails = here.notification_emails.iter();
        emails.filter(|email| !there.notification_emails.contains(email)).cloned().collect::<Vec<_>>()
    };
    let shown = |method: &Option<PaymentMethod>| {
        let card = method.as_ref().map(|method| &method.card);
        card.map(|card| ShownCard { brand: card.brand.clone(), last4: card.last4.clone() })
    };
    let cards = || NewCards { card: shown(&after.payment_method), backup: shown(&after.backup) };
    let new = NewValues {
        notification_emails: fields
            .contains(&Setting::NotificationEmails)
            .then(|| after.notification_emails.clone()),
        payment_method: fields.contains(&Setting::PaymentMethod).then(cards),
        auto_recharge: None,
    };
    Fact::SettingsChanged {
        fields,
        by: by.to_owned(),
        added_recipients: missing_in(before, after),
        removed_recipients: missing_in(after, before),
        new,
    }
}

/// A name that can be shown.
pub(crate) fn check_name(name: &str) -> Result<String, Problem> {
    let expected = format!("expected 1 to {LONGEST_NAME} characters on one line");
    one_line(name, LONGEST_NAME)
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Problem::field("name", expected))
}

fn check_po_number(number: &str) -> Result<Option<String>, Problem> {
    let expected = format!("expected at most {LONGEST_PO_NUMBER} characters on one line");
    let number = one_line(number, LONGEST_PO_NUMBER).ok_or_else(|| Problem::field("poNumber", expected))?;
    Ok(Some(number).filter(|number| !number.is_empty()))
}

fn one_line(text: &str, longest: usize) -> Option<String> {
    let text = text.trim();
    let fits = text.chars().count() <= longest && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// Recipients: each a full address, none twice.
pub(crate) fn check_emails(emails: Vec<String>) -> Result<Vec<String>, Problem> {
    if emails.len() > MAX_NOTIFICATION_EMAILS {
        let expected = format!("expected at most {MAX_NOTIFICATION_EMAILS} addresses");
        return Err(Problem::field("notificationEmails", expected));
    }
    for (index, email) in emails.iter().enumerate() {
        let field = || format!("notificationEmails[{index}]");
        if EmailAddress::parse_with_options(email, BARE_ADDRESS).is_err() {
            return Err(Problem::field(field(), "expected an address such as ada@example.com"));
        }
        if emails[..index].iter().any(|earlier| earlier.eq_ignore_ascii_case(email)) {
            return Err(Problem::field(field(), "expected each address once"));
        }
    }
    Ok(emails)
}
