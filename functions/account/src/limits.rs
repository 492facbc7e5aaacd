//! Setting an account's spending limits and the margin of its calls (C1, C2).

use api::{Fields, Problem, Reply, Request, Role};
use contract::{Account, Amount, Code, FieldError};
use domain::Money;
use domain::limits::{MARGIN_SECONDS, MAX_MARGIN_SECONDS};
use domain::money::Currency;
use domain::settings::{self, NewLimits};
use rust_decimal::Decimal;
use utoipa::ToSchema;

use crate::Ports;

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
    margin_seconds: u32,
}

impl Limits {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let per_user_monthly = fields.optional("perUserMonthly", positive("perUserMonthly"));
        let per_day = fields.optional("perDay", positive("perDay"));
        let margin = fields.optional("marginSeconds", |seconds: u32| {
            let expected = format!("expected a whole number from 0 to {MAX_MARGIN_SECONDS}");
            let wrong = || FieldError::new("marginSeconds", Code::OutOfRange, expected);
            (seconds <= MAX_MARGIN_SECONDS).then_some(seconds).ok_or_else(wrong)
        });
        let margin_seconds = margin.unwrap_or(MARGIN_SECONDS);
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
    params(("id" = String, Path, description = "The account")),
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
    let new = NewLimits { per_user_monthly, per_day, margin_seconds };
    let by = &request.caller().subject;
    let set = ports.store.apply_with_profile(&id, |account, profile| {
        Ok::<_, Problem>(settings::set_limits(account, profile, request.now(), &new, by))
    });
    set.await?;
    let (account, profile) = ports.store.account_with_profile(&id).await?.ok_or(Problem::NoAccount)?;
    Ok(Reply::json(200, &Account::show(&account, &profile, request.now())))
}
