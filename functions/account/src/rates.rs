//! What a number costs (S5).

use api::{Problem, Reply, Request};
use domain::usage::Number;
use domain::{Currency, Service};
use jiff::Timestamp;
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
    effective_from: Timestamp,
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
        ("service" = String, Query, description = "`tollFreeIn`, `tollIn`, `conferenceOut`, `userOut` or `premium`"),
        ("number" = String, Query, description = "E.164, as `%2B33…` or without its `+`"),
        ("currency" = String, Query, description = "ISO 4217"),
    ),
    responses(
        (status = 200, description = "The rate of the longest prefix in force now", body = RateFound),
        (status = 404, description = "There is none", body = api::problem::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub fn rate(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let expected = "expected tollFreeIn, tollIn, conferenceOut, userOut or premium";
    let service = request
        .query("service")
        .and_then(Service::parse)
        .ok_or_else(|| Problem::field("service", expected))?;
    // A `+` in a query reads as a space.
    let digits = request.query("number").unwrap_or_default().trim().trim_start_matches('+');
    let number = Number::parse(&format!("+{digits}"))
        .map_err(|problem| Problem::field("number", problem.to_string()))?;
    let currency = Currency::parse(request.query("currency").unwrap_or_default())
        .map_err(|problem| Problem::field("currency", problem.to_string()))?;
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
                effective_from: rate.effective_from,
            },
        },
    ))
}
