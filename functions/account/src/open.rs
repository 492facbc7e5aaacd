//! Creating an account (A1).

use api::view::Account;
use api::{Problem, Reply, Request, Role};
use domain::draft::Change;
use domain::{AccountId, BillingModel, Currency, Locale, Profile, account};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::Ports;
use crate::settings::{check_emails, check_name};

/// An account to create.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewAccount)]
pub struct Body {
    /// Chosen by the operator: 1 to 64 letters, digits, `-`, `_` or `.`.
    #[schema(example = "contoso")]
    account_id: String,
    /// The organization's name, 1 to 200 characters.
    name: String,
    /// ISO 4217; it never changes.
    #[schema(example = "EUR")]
    currency: String,
    /// Language of what is sent to it.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "en")]
    locale: Locale,
    /// `prepaid` unless it is said.
    #[schema(value_type = Option<String>, example = "prepaid")]
    billing_model: Option<BillingModel>,
    /// Up to 20 addresses, each once.
    #[serde(default)]
    notification_emails: Vec<String>,
}

/// Create an account
///
/// The same request again answers with the account as it is now, as long as nobody has changed its profile: send it
/// again after a 503 or a lost reply.
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
        (status = 409, description = "The id is taken", body = api::problem::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = api::problem::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn create(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    request.caller().is(&[Role::Operator])?;
    let body: Body = request.json()?;
    let id = AccountId::parse(&body.account_id)
        .map_err(|problem| Problem::field("accountId", problem.to_string()))?;
    let currency =
        Currency::parse(&body.currency).map_err(|problem| Problem::field("currency", problem.to_string()))?;
    let profile = Profile {
        name: check_name(&body.name)?,
        locale: body.locale,
        notification_emails: check_emails(body.notification_emails)?,
        ..Profile::default()
    };
    let model = body.billing_model.unwrap_or(BillingModel::Prepaid);
    let account = account::Account::open(id, currency, model, request.now());
    let shown = Account::show(&account, &profile, request.now());
    let change = Change {
        account,
        profile: Some(profile),
        postings: Vec::new(),
        payment: None,
        day_end: None,
        facts: Vec::new(),
    };
    if ports.store.create(&change).await? {
        Ok(Reply::json(201, &shown))
    } else {
        made_before(request, ports, &change).await
    }
}

/// The account that has the id already. The same request made it if it says the same of itself: then the reply to the
/// first was lost, and this is the answer. Otherwise the id is taken.
async fn made_before(request: &Request, ports: &Ports, wanted: &Change) -> Result<Reply, Problem> {
    let id = &wanted.account.id;
    let (account, profile) = ports.store.account_with_profile(id).await?.ok_or(Problem::NoAccount)?;
    let terms = |account: &account::Account| (account.currency, account.billing_model);
    if terms(&account) != terms(&wanted.account) || Some(&profile) != wanted.profile.as_ref() {
        return Err(Problem::Conflict(format!("accountId: {id} is taken")));
    }
    Ok(Reply::json(201, &Account::show(&account, &profile, request.now())))
}
