//! An account's spending limits, their use, and the margin of its calls (C1, C2).

use api::fields::whole;
use api::{Fields, Problem, Reply, Request, Role, SeenSettings};
use contract::{Account, Amount, Code, FieldError, LimitsUse, UserSpending};
use domain::Money;
use domain::limits::{MARGIN_SECONDS, MAX_MARGIN_SECONDS};
use domain::money::Currency;
use domain::settings::{self, NewLimits};
use domain::time::Month;
use rust_decimal::Decimal;
use utoipa::ToSchema;

use crate::Ports;
use crate::read::as_it_stands;

/// The limits of an account. One that is left out is not there any more.
#[derive(ToSchema)]
#[schema(as = NewLimits, rename_all = "camelCase")]
pub struct Limits {
    /// How much the calls of each user may cost in a calendar month (UTC).
    per_user_monthly: Option<Amount>,
    /// How much the calls of the account may cost in a day (UTC).
    per_day: Option<Amount>,
    /// How many seconds of what is held a call is not granted, because switches cut calls late.
    #[schema(minimum = 0, maximum = 60, default = 2)]
    margin_seconds: Option<u32>,
}

impl Limits {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let per_user_monthly = fields.optional("perUserMonthly", positive("perUserMonthly"));
        let per_day = fields.optional("perDay", positive("perDay"));
        let margin_seconds = fields.optional("marginSeconds", whole("marginSeconds", 0..=MAX_MARGIN_SECONDS));
        fields.finish(|| Some(Self { per_user_monthly, per_day, margin_seconds }))
    }
}

fn positive(field: &'static str) -> impl Fn(Amount) -> Result<Amount, FieldError> {
    move |Amount(amount)| {
        if amount > Decimal::ZERO {
            Ok(Amount(amount))
        } else {
            Err(FieldError::new(field, Code::OutOfRange, "expected more than zero"))
        }
    }
}

fn money(field: &'static str, amount: Option<Amount>, currency: Currency) -> Result<Option<Money>, Problem> {
    let money = amount.map(|Amount(amount)| Money::new(amount, currency)).transpose();
    money.map_err(|wrong| Problem::field(field, Code::of_amount(&wrong), wrong.to_string()))
}

/// At most this many users are shown.
const MAX_USERS: usize = 100;

/// Read the use of spending limits
///
/// The users are those who have spent most in the month so far, with what is held for their calls.
///
/// For operator, admin and viewer.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/limits",
    operation_id = "getLimits",
    tag = "Accounts",
    params(("id" = String, Path, description = "The account")),
    responses((status = 200, description = "The limits and their use", body = LimitsUse))
)]
pub async fn show(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Admin, Role::Viewer])?;
    let account = ports.store.account(&id).await?.ok_or(Problem::NoAccount)?;
    let now = request.now().max(account.as_of);
    let month = Month::of(now);
    let mut users = Vec::new();
    if let Some(limit) = account.limits.per_user_monthly {
        let mut spending = ports.store.spending_of_users(&account, month, limit.since).await?;
        spending.retain(|(_, spending)| !spending.total(now).is_zero());
        spending.sort_by(|(a, first), (b, second)| {
            second.total(now).amount().cmp(&first.total(now).amount()).then_with(|| a.cmp(b))
        });
        spending.truncate(MAX_USERS);
        users.extend(spending.into_iter().map(|(user_id, spending)| UserSpending {
            user_id,
            spent: spending.spent.to_string(),
            held: spending.held(now).to_string(),
            reached: spending.total(now) >= limit.amount,
        }));
    }
    let limits = contract::Limits::show(&account, now, &ports.policy);
    Ok(Reply::json(200, &LimitsUse { limits, month: month.to_string(), users }))
}

/// Set spending limits
///
/// A limit bounds the calls that a switch asks for: what is charged in the period, as it is posted, and what is held for calls in
/// progress. Minutes of pools are free. Usage records are charged for all the same. A new limit counts from now on; one that gets
/// another amount counts on.
///
/// For operator and admin.
#[utoipa::path(
    put,
    path = "/v1/accounts/{id}/limits",
    operation_id = "setLimits",
    tag = "Accounts",
    params(
        ("id" = String, Path, description = "The account"),
        SeenSettings,
    ),
    request_body = Limits,
    responses(
        (status = 200, description = "The account", body = Account),
        (status = 422, description = "A field is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn set(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Admin])?;
    let Limits { per_user_monthly, per_day, margin_seconds } = Limits::read(request.fields()?)?;
    let currency = ports.store.account_seen(&id).await?.ok_or(Problem::NoAccount)?.currency;
    let (per_user_monthly, per_day) = api::problem::both(
        money("perUserMonthly", per_user_monthly, currency),
        money("perDay", per_day, currency),
    )?;
    let margin_seconds = margin_seconds.unwrap_or(MARGIN_SECONDS);
    let new = NewLimits { per_user_monthly, per_day, margin_seconds };
    let by = request.caller().author();
    let set = ports.store.apply_with_profile(&id, |account, profile| {
        request.check_settings(&settings::fingerprint(account, profile))?;
        Ok::<_, Problem>(settings::set_limits(account, profile, request.now(), &new, &by))
    });
    set.await?;
    as_it_stands(request, ports, &id).await
}
