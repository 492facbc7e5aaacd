//! The page of the published rates: which rate applies to a number, and the whole list, page by page. It is read through the
//! API's own handlers; it works without scripting.

use anyhow::ensure;
use askama::Template;
use aws_lambda_events::encodings::Body;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use contract::{Code, ListedRate, ProblemBody, RateFound, Rates};
use domain::Service;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Machine;
use crate::demo::Operator;
use crate::page::broken;

/// The currency unless one is chosen.
const CURRENCY: &str = "EUR";

/// The page.
pub fn router(machine: &Machine) -> Router {
    Router::new().route("/rates", get(show)).with_state(machine.clone())
}

/// The query of the page's address. A field that is left empty in the form is an empty text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    number: String,
    service: String,
    currency: String,
    country: String,
    cursor: String,
}

impl Asked {
    /// The query of a request to the API, with those of these fields that are not empty.
    fn query(&self, names: &[&str]) -> String {
        let fields = [
            ("number", &self.number),
            ("service", &self.service),
            ("currency", &self.currency),
            ("country", &self.country),
            ("cursor", &self.cursor),
        ];
        let given = fields.iter().filter(|(name, value)| names.contains(name) && !value.is_empty());
        form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish()
    }
}

#[derive(Template)]
#[template(path = "rates.html")]
struct Page {
    now: String,
    clock_stands: bool,
    asked: Asked,
    services: [&'static str; Service::ALL.len()],
    /// The rates of the number, if one was asked for. There are none if no rate applies.
    of_number: Option<Vec<Row>>,
    listed: Vec<Row>,
    /// The address of the next page of the list.
    next: Option<String>,
    /// The fields that are wrong, and what was expected.
    wrong: Vec<(String, String)>,
}

impl Page {
    fn wrong(&self, field: &str) -> Option<&str> {
        self.wrong.iter().find(|(name, _)| name == field).map(|(_, detail)| detail.as_str())
    }
}

struct Row {
    service: String,
    prefix: String,
    destination: String,
    country: String,
    per_minute: String,
    connection_fee: String,
    increments: String,
    from: String,
}

impl From<ListedRate> for Row {
    fn from(ListedRate { service, currency, rate }: ListedRate) -> Self {
        Self {
            service,
            prefix: rate.prefix,
            destination: rate.destination,
            country: rate.country,
            per_minute: format!("{} {currency}", rate.per_minute),
            connection_fee: format!("{} {currency}", rate.connection_fee),
            increments: format!("{}/{}", rate.first_increment, rate.next_increment),
            from: rate
                .effective_from
                .to_string()
                .chars()
                .take("2026-01-01T00:00".len())
                .collect::<String>()
                .replace('T', " "),
        }
    }
}

async fn show(machine: State<Machine>, Query(mut asked): Query<Asked>) -> Response {
    for field in [&mut asked.number, &mut asked.service, &mut asked.currency, &mut asked.country] {
        *field = field.trim().to_owned();
    }
    asked.country.make_ascii_uppercase();
    asked.currency.make_ascii_uppercase();
    if asked.currency.is_empty() {
        CURRENCY.clone_into(&mut asked.currency);
    }
    match Box::pin(render(&machine, asked)).await {
        Ok((status, page)) => (status, Html(page)).into_response(),
        Err(problem) => broken(&problem),
    }
}

async fn render(machine: &Machine, asked: Asked) -> anyhow::Result<(StatusCode, String)> {
    let mut wrong = Vec::new();
    let of_number =
        if asked.number.is_empty() { None } else { Some(of_number(machine, &asked, &mut wrong).await?) };
    let query = asked.query(&["service", "currency", "country", "cursor"]);
    let list = ask::<Rates>(machine, &format!("GET /v1/rates/list?{query}"), &mut wrong).await?;
    let list = list.unwrap_or(Rates { rates: Vec::new(), next: None });
    let next = list.next.map(|cursor| {
        let next = Asked { cursor, ..asked.clone() };
        format!("/rates?{}", next.query(&["number", "service", "currency", "country", "cursor"]))
    });
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = Page {
        now: machine.clock.now().strftime("%-d %B %Y, %H:%M UTC").to_string(),
        clock_stands: machine.clock.set_to().is_some(),
        services: Service::ALL.map(Service::as_str),
        of_number: of_number.filter(|_| wrong.is_empty()),
        listed: list.rates.into_iter().map(Row::from).collect(),
        next,
        wrong,
        asked,
    };
    Ok((status, page.render()?))
}

/// The rates that apply to the number now.
async fn of_number(
    machine: &Machine,
    asked: &Asked,
    wrong: &mut Vec<(String, String)>,
) -> anyhow::Result<Vec<Row>> {
    let query = asked.query(&["number", "service", "currency"]);
    let found = ask::<RateFound>(machine, &format!("GET /v1/rates?{query}"), wrong).await?;
    let RateFound { rate, mut rates } = found.unwrap_or_default();
    let (service, currency) = (asked.service.clone(), asked.currency.clone());
    rates.extend(rate.map(|rate| ListedRate { service, currency, rate }));
    Ok(rates.into_iter().map(Row::from).collect())
}

/// A function's answer. There is none if what was asked for does not exist, or if fields are wrong, which are added to `wrong`.
async fn ask<T: DeserializeOwned>(
    machine: &Machine,
    route: &str,
    wrong: &mut Vec<(String, String)>,
) -> anyhow::Result<Option<T>> {
    let operator = Operator { machine, at: machine.clock.now(), account: "" };
    let answer = operator.answer(route, json!({}), "", Value::Null).await?;
    let Some(Body::Text(body)) = &answer.body else { return Ok(None) };
    if answer.status_code < 300 {
        return Ok(Some(serde_json::from_str(body)?));
    }
    let problem: ProblemBody = serde_json::from_str(body)?;
    let is_expected = [Code::NotFound, Code::Invalid].contains(&problem.code);
    ensure!(is_expected, "{route} answered {}: {body}", answer.status_code);
    for error in problem.errors {
        if !wrong.iter().any(|(field, _)| *field == error.field) {
            wrong.push((error.field, error.detail));
        }
    }
    Ok(None)
}
