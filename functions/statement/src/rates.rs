//! Finds the rate of a number (S5).

use api::problem::both;
use api::{Problem, Reply, Request};
use contract::names::{CurrencyCode, ServiceName};
use contract::{Code, RateFound};
use domain::usage::Number;
use domain::{Currency, Service};

use crate::Ports;

/// Find what a number costs
///
/// For any role.
#[utoipa::path(
    get,
    path = "/v1/rates",
    operation_id = "findRate",
    tag = "Rates",
    params(
        ("service" = ServiceName, Query, description = "The service that is used"),
        ("number" = String, Query, description = "The number in E.164, as `%2B33…` or without its `+`; the last digits may be masked", pattern = r"^\+?[0-9]([0-9]{0,14}|[0-9]{0,13}\*|[0-9]{0,12}\*{2}|[0-9]{0,11}\*{3}|[0-9]{0,10}\*{4})$"),
        ("currency" = CurrencyCode, Query, description = "ISO 4217"),
    ),
    responses(
        (status = 200, description = "The rate of the longest prefix in force now", body = RateFound),
        (status = 404, description = "There is no rate for the number", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn rate(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let given =
        |name| request.query(name).ok_or_else(|| Problem::field(name, Code::Missing, "expected a value"));
    let service = given("service").and_then(|name| {
        let expected = "expected tollFreeIn, tollIn, conferenceOut, userOut or premium";
        Service::parse(name).ok_or_else(|| Problem::field("service", Code::NotAllowed, expected))
    });
    let number = given("number").and_then(|number| {
        // A `+` in a query reads as a space.
        let digits = number.trim().trim_start_matches('+');
        Ok(Number::parse(&format!("+{digits}")).map_err(Code::WrongFormat.at("number"))?)
    });
    let currency = given("currency")
        .and_then(|code| Ok(Currency::parse(code).map_err(Code::NotAllowed.at("currency"))?));
    let ((service, number), currency) = both(both(service, number), currency)?;
    let rate = ports.rates.get()?.find(service, &number, currency, request.now());
    let rate = rate.ok_or(Problem::NotFound("rate"))?;
    Ok(Reply::json(200, &RateFound { rate: rate.into() }))
}
