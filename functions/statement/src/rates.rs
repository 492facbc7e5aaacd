//! Finds the rates of a number (S5).

use api::problem::both;
use api::{Problem, Reply, Request};
use contract::names::{CurrencyCode, ServiceName};
use contract::{Code, ListedRate, RateFound};
use domain::usage::Number;
use domain::{Currency, Service};

use crate::Ports;

/// Find what a number costs
///
/// Without `service`, the answer has the rates of every service.
///
/// For any role.
#[utoipa::path(
    get,
    path = "/v1/rates",
    operation_id = "findRate",
    tag = "Rates",
    params(
        ("service" = Option<ServiceName>, Query, nullable = false, description = "The service that is used"),
        ("number" = String, Query, description = "The number in E.164, as `%2B33…` or without its `+`; the last digits may be masked", pattern = r"^\+?[0-9]([0-9]{0,14}|[0-9]{0,13}\*|[0-9]{0,12}\*{2}|[0-9]{0,11}\*{3}|[0-9]{0,10}\*{4})$"),
        ("currency" = CurrencyCode, Query, description = "ISO 4217"),
    ),
    responses(
        (status = 200, description = "The rate of the longest prefix in force now, for each service that was asked for", body = RateFound),
        (status = 404, description = "There is no rate for the number", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn rate(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let missing = |name| Problem::field(name, Code::Missing, "expected a value");
    let number = request.query("number").ok_or_else(|| missing("number")).and_then(|number| {
        // A `+` in a query reads as a space.
        let digits = number.trim().trim_start_matches('+');
        Ok(Number::parse(&format!("+{digits}")).map_err(Code::WrongFormat.at("number"))?)
    });
    let currency = currency(request).and_then(|currency| currency.ok_or_else(|| missing("currency")));
    let ((service, number), currency) = both(both(service(request), number), currency)?;
    let rates = ports.rates.get()?;
    let find = |service| rates.find(service, &number, currency, request.now());
    let found = match service {
        Some(service) => RateFound { rate: find(service).map(contract::Rate::from), ..RateFound::default() },
        None => {
            let listed = |service| Some(ListedRate::new(service, currency, find(service)?));
            RateFound { rates: Service::ALL.into_iter().filter_map(listed).collect(), ..RateFound::default() }
        }
    };
    if found.rate.is_none() && found.rates.is_empty() {
        return Err(Problem::NotFound("rate"));
    }
    Ok(Reply::json(200, &found))
}

/// The parameter `service`.
pub(crate) fn service(request: &Request) -> Result<Option<Service>, Problem> {
    let parse = |name| {
        let expected = "expected tollFreeIn, tollIn, conferenceOut, userOut or premium";
        Service::parse(name).ok_or_else(|| Problem::field("service", Code::NotAllowed, expected))
    };
    request.query("service").map(parse).transpose()
}

/// The parameter `currency`.
pub(crate) fn currency(request: &Request) -> Result<Option<Currency>, Problem> {
    let parse = |code| Ok(Currency::parse(code).map_err(Code::NotAllowed.at("currency"))?);
    request.query("currency").map(parse).transpose()
}
