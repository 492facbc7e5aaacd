//! Changing an account's profile, its cards, its warning amount, its billing model and the term of its invoices (A1, F10, N4, S8).

use api::fields::{anything, line};
use api::problem::both;
use api::{Change, Fields, Problem, Reply, Request, Role, SeenSettings};
use contract::names::{BillingModelName, Emails, LocaleName};
use contract::{Account, Amount, Code, FieldError, SwitchPreview};
use domain::account;
use domain::invoice::LONGEST_PAYMENT_TERM_DAYS;
use domain::profile::{MAX_NOTIFICATION_EMAILS, PaymentMethod};
use domain::settings::{self, NewSettings, NoWayBack};
use domain::{AccountId, BillingModel, Currency, Locale, Money, Profile};
use email_address::{EmailAddress, Options};
use jiff::Timestamp;
use payments::Cashier;
use utoipa::ToSchema;

use crate::Ports;
use crate::read::as_it_stands;

/// Names have at most this many characters.
pub(crate) const LONGEST_NAME: usize = 200;

/// PO numbers have at most this many characters.
const LONGEST_PO_NUMBER: usize = 64;

/// An address without a display name, and with a domain that mail can be sent to.
const BARE_ADDRESS: Options =
    Options { minimum_sub_domains: 2, allow_domain_literal: false, allow_display_text: false };

/// Changes of an account's profile. A field that is left out stays as it is. `null` removes an optional value, and is
/// refused for other fields.
#[derive(ToSchema)]
#[schema(as = AccountChange, rename_all = "camelCase")]
pub struct Changes {
    /// The organization's name, 1 to 200 characters.
    #[schema(
        nullable = false,
        pattern = r"^[ \t\r\n]*[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]{0,198}[^\s\x00-\x1f\x7f-\x9f])?[ \t\r\n]*$"
    )]
    name: Option<String>,
    /// The language of the account's mails and receipts.
    #[schema(value_type = LocaleName, required = false)]
    locale: Option<Locale>,
    /// All recipients of mails: up to 20 addresses, none repeated.
    #[schema(value_type = Emails, required = false)]
    notification_emails: Option<Vec<String>>,
    /// The purchase order number that is printed on receipts from now on, up to 64 characters. `null` or an empty text
    /// removes it.
    #[schema(value_type = Option<String>, pattern = r"^[ \t\r\n]*([^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]{0,62}[^\s\x00-\x1f\x7f-\x9f])?)?[ \t\r\n]*$")]
    po_number: Change<String>,
    /// The recipients are warned when the available amount falls to this amount or below, once until it is above again.
    /// `null` or an empty text turns the warning off.
    #[schema(value_type = Option<String>, example = "20.00", pattern = r"^(\d{1,15}(\.\d{1,10})?)?$")]
    low_balance_amount: Change<Money>,
    /// Only `postUsage`, unless the account is prepaid anyway: the account is to pay after use. While auto-recharge is on, the
    /// switch is `pending`, the account lives as a prepaid one, and auto-recharge goes on. Once it is off, the switch is
    /// `complete`: funds that are left pay first, and the rest is invoiced. Nobody moves back.
    #[schema(value_type = BillingModelName, required = false)]
    billing_model: Option<BillingModel>,
    /// The number of days after which an invoice is due, from the next invoice on. Only the operator may change it.
    #[schema(nullable = false, minimum = 1, maximum = 365, example = 30)]
    payment_term_days: Option<u16>,
}

impl Changes {
    fn read(mut fields: Fields, currency: Currency) -> Result<Self, Problem> {
        let name = fields.change_kept("name", line("name", LONGEST_NAME));
        let locale = fields.change_kept("locale", anything::<Locale>);
        let notification_emails = fields.change_kept("notificationEmails", check_emails);
        let po_number = fields.change("poNumber", |number: String| check_po_number(&number));
        let low_balance_amount =
            fields.change("lowBalanceAmount", |amount: String| check_warning(&amount, currency));
        let billing_model = fields.change_kept("billingModel", anything::<BillingModel>);
        let payment_term_days = fields.change_kept("paymentTermDays", check_payment_term);
        let changes = Self {
            name,
            locale,
            notification_emails,
            po_number,
            low_balance_amount,
            billing_model,
            payment_term_days,
        };
        fields.finish(|| Some(changes))
    }
}

/// Change an account's profile
///
/// For operator and admin. Only an operator may change `paymentTermDays`.
#[utoipa::path(
    patch,
    path = "/v1/accounts/{id}",
    operation_id = "changeAccount",
    tag = "Accounts",
    params(
        ("id" = String, Path, description = "The account"),
        SeenSettings,
    ),
    request_body = Changes,
    responses(
        (status = 200, description = "The account", body = Account),
        (status = 409, description = "The account pays after use, or is about to, and cannot be prepaid again", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn change(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Admin])?;
    let account = ports.store.account_seen(&id).await?.ok_or(Problem::NoAccount)?;
    let changes = Changes::read(request.fields()?, account.currency)?;
    if changes.payment_term_days.is_some() {
        request.caller().is(&[Role::Operator])?;
    }
    let asked = Asked {
        warning: changes.low_balance_amount,
        billing_model: changes.billing_model,
        payment_term_days: changes.payment_term_days,
    };
    save(request, ports, &id, asked, |profile| Profile {
        name: changes.name.clone().unwrap_or(profile.name),
        locale: changes.locale.unwrap_or(profile.locale),
        notification_emails: changes.notification_emails.clone().unwrap_or(profile.notification_emails),
        po_number: changes.po_number.clone().of(profile.po_number),
        ..profile
    })
    .await
}

/// The cards to save.
#[derive(ToSchema)]
#[schema(as = NewPaymentMethod, rename_all = "camelCase")]
pub struct Methods {
    /// The processor's token of the card.
    #[schema(example = "pm_card_visa")]
    payment_method: String,
    /// The token of a backup card, which auto-recharge charges once when the first card is declined. If it is left out,
    /// there is no backup card.
    backup: Option<String>,
}

impl Methods {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let payment_method = fields.required("paymentMethod", anything::<String>);
        let backup = fields.optional("backup", anything::<String>);
        fields.finish(|| Some(Self { payment_method: payment_method?, backup }))
    }
}

/// Save a payment method
///
/// For operator and admin.
#[utoipa::path(
    put,
    path = "/v1/accounts/{id}/payment-method",
    operation_id = "setPaymentMethod",
    tag = "Accounts",
    params(
        ("id" = String, Path, description = "The account"),
        SeenSettings,
    ),
    request_body = Methods,
    responses(
        (status = 200, description = "The account", body = Account),
        (status = 422, description = "The processor does not know the token", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn set_payment_method(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Admin])?;
    let methods = Methods::read(request.fields()?)?;
    let (_, profile) = ports.store.account_with_profile(&id).await?.ok_or(Problem::NoAccount)?;
    let customer = profile.customer();
    let method = keep(ports, &id, customer, "paymentMethod", &methods.payment_method).await;
    let backup = match &methods.backup {
        Some(token) => keep(ports, &id, customer, "backup", token).await.map(Some),
        None => Ok(None),
    };
    let (method, backup) = both(method, backup)?;
    save(request, ports, &id, Asked::default(), |profile| Profile {
        payment_method: Some(method.clone()),
        backup: backup.clone(),
        ..profile
    })
    .await
}

/// Remove the card
///
/// Turns auto-recharge off, too, and completes a switch to paying after use that was pending. A backup card stays, and is charged
/// by nothing until there is a card again.
///
/// For operator and admin.
#[utoipa::path(
    delete,
    path = "/v1/accounts/{id}/payment-method",
    operation_id = "removePaymentMethod",
    tag = "Accounts",
    params(
        ("id" = String, Path, description = "The account"),
        SeenSettings,
    ),
    responses((status = 200, description = "The account", body = Account))
)]
pub async fn remove_payment_method(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Admin])?;
    let without = |profile| Profile { payment_method: None, ..profile };
    save(request, ports, &id, Asked::default(), without).await
}

/// Remove the backup card
///
/// For operator and admin.
#[utoipa::path(
    delete,
    path = "/v1/accounts/{id}/payment-method/backup",
    operation_id = "removeBackup",
    tag = "Accounts",
    params(
        ("id" = String, Path, description = "The account"),
        SeenSettings,
    ),
    responses((status = 200, description = "The account", body = Account))
)]
pub async fn remove_backup(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Admin])?;
    save(request, ports, &id, Asked::default(), |profile| Profile { backup: None, ..profile }).await
}

/// Preview the switch to paying after use
///
/// What `PATCH` with `{"billingModel": "postUsage"}` would do now. Nothing changes.
///
/// For operator and admin.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/billing-model/preview",
    operation_id = "previewSwitch",
    tag = "Accounts",
    params(("id" = String, Path, description = "The account")),
    responses((status = 200, description = "What the switch would do", body = SwitchPreview))
)]
pub async fn preview_switch(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Admin])?;
    let account = ports.store.account(&id).await?.ok_or(Problem::NoAccount)?;
    Ok(Reply::json(200, &SwitchPreview::show(&account, request.now())))
}

/// Settings that are not part of the profile.
#[derive(Default)]
struct Asked {
    warning: Change<Money>,
    billing_model: Option<BillingModel>,
    payment_term_days: Option<u16>,
}

/// A refusal of the domain, which becomes a problem.
struct Refusal(NoWayBack);

impl From<Refusal> for Problem {
    fn from(Refusal(refusal): Refusal) -> Self {
        Self::Conflict(Code::NoWayBack, refusal.to_string())
    }
}

async fn keep(
    ports: &Ports,
    id: &AccountId,
    customer: Option<&str>,
    field: &str,
    token: &str,
) -> Result<PaymentMethod, Problem> {
    let kept = ports.processor.save_method(id, customer, token).await;
    kept.map_err(|error| Problem::payment_method(field, &error))
}

/// Commits changed settings (N9), if any of them differs.
async fn save(
    request: &Request,
    ports: &Ports,
    id: &AccountId,
    asked: Asked,
    change: impl Fn(Profile) -> Profile + Send + Sync,
) -> Result<Reply, Problem> {
    let by = request.caller().author();
    let saved = ports.store.apply_with_profile(id, |account, before| {
        request.check_settings(&settings::fingerprint(account, before))?;
        let warning = asked.warning.clone().of(account.warning.map(|warning| warning.amount));
        let new = NewSettings {
            profile: change(before.clone()),
            warning,
            billing_model: asked.billing_model,
            payment_term_days: asked.payment_term_days.unwrap_or(account.payment_term_days),
            by: by.clone(),
        };
        settings::change(account, before, request.now(), new)
            .map_err(|refusal| Problem::from(Refusal(refusal)))
    });
    withdraw_and_show(request, ports, &saved.await?.account).await
}

/// Cancels a recharge that was withdrawn, and answers with the account as it is afterwards.
pub(crate) async fn withdraw_and_show(
    request: &Request,
    ports: &Ports,
    account: &account::Account,
) -> Result<Reply, Problem> {
    withdraw(ports, account, request.now()).await?;
    as_it_stands(request, ports, &account.id).await
}

/// Cancels a recharge that a new card or turning auto-recharge off has withdrawn. A recharge that cannot be cancelled now is left to
/// recovery.
async fn withdraw(ports: &Ports, account: &account::Account, now: Timestamp) -> Result<(), Problem> {
    let cashier = Cashier {
        store: &ports.store,
        processor: ports.processor.as_ref(),
        portal: &ports.portal,
        lease_clock: None,
    };
    Ok(cashier.cancel_withdrawn(account, now).await?)
}

/// Reads a warning amount, which is zero or more. An empty text is no amount.
fn check_warning(text: &str, currency: Currency) -> Result<Option<Money>, FieldError> {
    let wrong = |code, expected: &str| FieldError::new("lowBalanceAmount", code, expected);
    if text.is_empty() {
        return Ok(None);
    }
    let expected = "expected a decimal string such as \"12.34\", or an empty one";
    let Amount(amount) = Amount::parse(text).ok_or_else(|| wrong(Code::WrongFormat, expected))?;
    let amount = Money::new(amount, currency)
        .map_err(|problem| wrong(Code::of_amount(&problem), &problem.to_string()))?;
    if amount.is_negative() {
        return Err(wrong(Code::OutOfRange, "expected zero or more"));
    }
    Ok(Some(amount))
}

fn check_payment_term(days: u16) -> Result<u16, FieldError> {
    if (1..=LONGEST_PAYMENT_TERM_DAYS).contains(&days) {
        return Ok(days);
    }
    let expected = format!("expected 1 to {LONGEST_PAYMENT_TERM_DAYS} days");
    Err(FieldError::new("paymentTermDays", Code::OutOfRange, expected))
}

/// Checks a PO number. An empty text is no number.
fn check_po_number(number: &str) -> Result<Option<String>, FieldError> {
    let expected = format!("expected at most {LONGEST_PO_NUMBER} characters on one line");
    let number = one_line(number, LONGEST_PO_NUMBER);
    let number = number.map_err(|code| FieldError::new("poNumber", code, expected))?;
    Ok(Some(number).filter(|number| !number.is_empty()))
}

/// Trims the text, and checks that it is one line of at most `longest` characters.
fn one_line(text: &str, longest: usize) -> Result<String, Code> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        Err(Code::WrongFormat)
    } else if text.chars().count() > longest {
        Err(Code::TooLong)
    } else {
        Ok(text.to_owned())
    }
}

/// Checks recipients: each is a full address, and none is repeated. Every invalid one is reported.
pub(crate) fn check_emails(emails: Vec<String>) -> Result<Vec<String>, Vec<FieldError>> {
    if emails.len() > MAX_NOTIFICATION_EMAILS {
        let expected = format!("expected at most {MAX_NOTIFICATION_EMAILS} addresses");
        return Err(FieldError::new("notificationEmails", Code::TooLong, expected).into());
    }
    let mut errors = Vec::new();
    for (index, email) in emails.iter().enumerate() {
        let mut wrong = |code, expected| {
            errors.push(FieldError::new(format!("notificationEmails[{index}]"), code, expected));
        };
        if EmailAddress::parse_with_options(email, BARE_ADDRESS).is_err() {
            wrong(Code::WrongFormat, "expected an address such as ada@example.com");
        } else if emails[..index].iter().any(|earlier| earlier.eq_ignore_ascii_case(email)) {
            wrong(Code::Repeated, "expected each address once");
        }
    }
    if errors.is_empty() { Ok(emails) } else { Err(errors) }
}
