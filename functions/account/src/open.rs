//! Creating an account (A1).

use api::fields::{anything, line};
use api::{Fields, Problem, Reply, Request, Role};
use contract::names::{BillingModelName, CurrencyCode, Emails, LocaleName};
use contract::{Account, Code, FieldError};
use domain::change::Change;
use domain::{AccountId, BillingModel, Currency, Locale, Profile, account};
use utoipa::ToSchema;

use crate::Ports;
use crate::settings::{LONGEST_NAME, check_emails};

/// An account to create.
#[derive(ToSchema)]
#[schema(as = NewAccount, rename_all = "camelCase")]
pub struct Body {
    /// The account's id, chosen by the operator: 1 to 64 letters, digits, `-`, `_` or `.`.
    #[schema(value_type = String, example = "contoso", pattern = "^[A-Za-z0-9._-]{1,64}$")]
    account_id: AccountId,
    /// The organization's name, 1 to 200 characters.
    #[schema(
        pattern = r"^[ \t\r\n]*[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]{0,198}[^\s\x00-\x1f\x7f-\x9f])?[ \t\r\n]*$"
    )]
    name: String,
    /// The account's currency, as the ISO 4217 code of a currency in circulation. It never changes.
    #[schema(value_type = CurrencyCode, example = "EUR")]
    currency: Currency,
    /// The language of the account's mails and receipts.
    #[schema(value_type = Option<LocaleName>)]
    locale: Option<Locale>,
    /// The billing model; `prepaid` by default.
    #[schema(value_type = Option<BillingModelName>)]
    billing_model: Option<BillingModel>,
    /// The recipients of mails: up to 20 addresses, none repeated.
    #[schema(value_type = Option<Emails>)]
    notification_emails: Option<Vec<String>>,
}

impl Body {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let account_id = fields.required("accountId", |id: String| {
            AccountId::parse(id).map_err(Code::WrongFormat.at("accountId"))
        });
        let name = fields.required("name", line("name", LONGEST_NAME));
        let currency = fields.required("currency", |code: String| check_currency(&code));
        let locale = fields.optional("locale", anything::<Locale>);
        let billing_model = fields.optional("billingModel", anything::<BillingModel>);
        let notification_emails = fields.optional("notificationEmails", check_emails);
        fields.finish(|| {
            Some(Self {
                account_id: account_id?,
                name: name?,
                currency: currency?,
                locale,
                billing_model,
                notification_emails,
            })
        })
    }
}

/// Checks that a new account can have the currency: it must be in circulation.
fn check_currency(code: &str) -> Result<Currency, FieldError> {
    let currency = Currency::parse(code).map_err(Code::NotAllowed.at("currency"))?;
    if currency.in_circulation() {
        return Ok(currency);
    }
    let expected = format!("expected a currency in circulation, which {currency} is not");
    Err(FieldError::new("currency", Code::CurrencyNotInUse, expected))
}

/// Create an account
///
/// Send the same request again after a 503 or a lost reply. It answers with the account as it is now, as long as nobody
/// has changed the account's profile.
///
/// For operator.
#[utoipa::path(
    post,
    path = "/v1/accounts",
    operation_id = "createAccount",
    tag = "Accounts",
    request_body = Body,
    responses(
        (status = 201, description = "The account", body = Account),
        (status = 409, description = "The id is taken", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn create(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    request.caller().is(&[Role::Operator])?;
    let body = Body::read(request.fields()?)?;
    let profile = Profile {
        name: body.name,
        locale: body.locale.unwrap_or_default(),
        notification_emails: body.notification_emails.unwrap_or_default(),
        ..Profile::default()
    };
    let model = body.billing_model.unwrap_or(BillingModel::Prepaid);
    let account = account::Account::open(body.account_id, body.currency, model, request.now());
    let shown = Account::show(&account, &profile, request.now(), &ports.policy);
    let change = Change { profile: Some(profile), ..Change::of(account) };
    if ports.store.create(&change).await? {
        Ok(Reply::json(201, &shown))
    } else {
        made_before(request, ports, &change).await
    }
}

/// Answers with the account that has the id already, if its currency, billing model and profile are as requested: the
/// same request has created it, and the reply was lost. Otherwise the id is taken.
async fn made_before(request: &Request, ports: &Ports, wanted: &Change) -> Result<Reply, Problem> {
    let id = &wanted.account.id;
    let (account, profile) = ports.store.account_with_profile(id).await?.ok_or(Problem::NoAccount)?;
    let terms = |account: &account::Account| (account.currency, account.billing_model);
    // A change of auto-recharge or limits leaves its author in the profile.
    let profile_is_wanted = wanted.profile.as_ref().is_some_and(|wanted| {
        let last_changes = profile.last_changes.clone();
        profile == Profile { last_changes, ..wanted.clone() }
    });
    if terms(&account) != terms(&wanted.account) || !profile_is_wanted {
        return Err(Problem::Conflict(Code::AccountIdTaken, format!("accountId: {id} is taken")));
    }
    Ok(Reply::json(201, &Account::show(&account, &profile, request.now(), &ports.policy)))
}
