//! What a number costs (S5).

use api::names::{CurrencyCode, ServiceName};
use api::problem::both;
use api::{Code, Instant, Problem, Reply, Request};
use domain::usage::Number;
use domain::{Currency, Service};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Ports;

/// A published rate.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// E.164 digits that the number begins with.
    prefix: String,
    /// Its destination.
    destination: String,
    /// ISO 3166-1 alpha-2; empty where there is none.
    country: String,
    /// Price of 60 seconds.
    #[schema(example = "0.0190")]
    per_minute: String,
    /// Price of the connection.
    connection_fee: String,
    /// Seconds billed at least.
    first_increment: u32,
    /// Seconds billed at a time after those.
    next_increment: u32,
    /// Since when it is in force.
    effective_from: Instant,
}

/// The rate found.
#[derive(Debug, Serialize, ToSchema)]
pub struct RateFound {
    /// The rate in force now.
    rate: Rate,
}

/// Find what a number costs
///
/// For any role.
#[utoipa::path(
    get,
    path = "/v1/rates",
    operation_id = "findRate",
    tag = "Rates",
    params(
        ("service" = ServiceName, Query, description = "What is used"),
        ("number" = String, Query, description = "E.164, as `%2B33…` or without its `+`; the last digits may be masked", pattern = r"^\+?[0-9]([0-9]{0,14}|[0-9]{0,13}\*|[0-9]{0,12}\*{2}|[0-9]{0,11}\*{3}|[0-9]{0,10}\*{4})$"),
        ("currency" = CurrencyCode, Query, description = "ISO 4217"),
    ),
    responses(
        (status = 200, description = "The rate of the longest prefix in force now", body = RateFound),
        (status = 404, description = "There is none", body = api::problem::ProblemBody, content_type = "application/problem+json"),
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
    Ok(Reply::json(
        200,
        &RateFound {
            rate: Rate {
                prefix: rate.prefix.clone(),
                destination: rate.destination.clone(),
                country: rate.country.clone(),
                per_minute: rate.per_minute.to_string(),
                connection_fee: rate.connection_fee.to_string(),
                first_increment: rate.first_increment,
                next_increment: rate.next_increment,
                effective_from: rate.effective_from.into(),
            },
        },
    ))
}
