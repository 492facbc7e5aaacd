//! Lists the published rates, page by page (S5).

use std::fmt;
use std::str::FromStr;

use api::fields::is_country;
use api::problem::both;
use api::request::DEFAULT_PAGE;
use api::{Problem, Reply, Request};
use contract::names::{CurrencyCode, ServiceName};
use contract::{Code, ListedRate, Rates};
use domain::rate::{Prefix, Rate};
use domain::{Currency, RateTable, Service};
use jiff::Timestamp;

use crate::rates::{currency, service};
use crate::{Ports, csv};

/// The greatest `limit`. So many rates, as JSON within the event that answers a request, are far below Lambda's 6 MB.
const LONGEST_PAGE: usize = 5_000;

/// List the published rates
///
/// The list has the rates that are in force now, and those that take effect later. Rates that others have replaced are left
/// out.
///
/// With `Accept: text/csv` the page is CSV in UTF-8 with a byte order mark, it has 5,000 rates unless `limit` says otherwise,
/// and a `Link` header leads to the next page. Its columns are those of the file that the rates are published from. A
/// destination that a spreadsheet would take for a number, a date or a formula is written as `="text"`, with its quotes
/// doubled.
///
/// For any role.
#[utoipa::path(
    get,
    path = "/v1/rates/list",
    operation_id = "listRates",
    tag = "Rates",
    params(
        ("service" = Option<ServiceName>, Query, nullable = false, description = "Only rates of this service"),
        ("currency" = Option<CurrencyCode>, Query, nullable = false, description = "Only rates in this currency, by its code in ISO 4217"),
        ("country" = Option<String>, Query, nullable = false, pattern = "^[A-Z]{2}$", description = "Only rates of this country, by its code in ISO 3166-1 alpha-2"),
        ("cursor" = Option<String>, Query, nullable = false, min_length = 1, description = "The `next` of the previous page"),
        ("limit" = Option<u16>, Query, nullable = false, minimum = 1, maximum = 5000, description = "1 to 5,000; 50 by default, 5,000 with CSV"),
    ),
    responses(
        (status = 200, description = "One page, by service, currency, prefix and `effectiveFrom`", content(
            (Rates = "application/json"),
            (String = "text/csv"),
        ), headers(("Link" = String, description = "Only with CSV: the address of the next page, as `rel=\"next\"`"))),
    )
)]
pub async fn rates(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let as_csv = request.header("accept").is_some_and(|accept| accept.starts_with("text/csv"));
    let limit = request.limit(if as_csv { LONGEST_PAGE } else { DEFAULT_PAGE }, LONGEST_PAGE);
    let filter = both(both(service(request), currency(request)), country(request));
    let cursor = request.query("cursor").map(str::parse).transpose();
    let ((((service, currency), country), cursor), limit) = both(both(filter, cursor), limit)?;
    let filter = Filter { service, currency, country };

    let mut rates = filter.rates(ports.rates.get()?, cursor, request.now());
    let page: Vec<_> = rates.by_ref().take(limit).collect();
    let next = rates.next().and(page.last()).map(|(service, currency, rate)| Cursor {
        service: *service,
        currency: *currency,
        prefix: rate.prefix,
        effective_from: rate.effective_from,
    });
    let listed = page.into_iter().map(|(service, currency, rate)| ListedRate::new(service, currency, rate));
    let page = Rates { rates: listed.collect(), next: next.map(|next| next.to_string()) };
    if !as_csv {
        return Ok(Reply::json(200, &page));
    }
    let reply = csv::rates(&page.rates)?;
    Ok(match page.next {
        Some(next) => reply.with_header("link", &filter.link_to_next(&next, limit)),
        None => reply,
    })
}

/// The rates that a request asks for.
struct Filter<'a> {
    service: Option<Service>,
    currency: Option<Currency>,
    country: Option<&'a str>,
}

impl<'a> Filter<'a> {
    /// The rates that are in force at `now` or later, after the cursor.
    fn rates(
        &self,
        table: &'a RateTable,
        cursor: Option<Cursor>,
        now: Timestamp,
    ) -> impl Iterator<Item = (Service, Currency, Rate<'a>)> {
        let Self { service, currency, country } = *self;
        let is_asked = move |(of, of_currency): &(Service, Currency)| {
            service.is_none_or(|service| service == *of)
                && currency.is_none_or(|currency| currency == *of_currency)
                && cursor.is_none_or(|cursor| cursor.section() <= (*of, of_currency.code()))
        };
        let sections = table.sections().map(|(service, currency, _)| (service, currency)).filter(is_asked);
        sections.flat_map(move |(service, currency)| {
            let within = cursor.filter(|cursor| cursor.section() == (service, currency.code()));
            let rates = table.rates(service, currency, within.map(|cursor| cursor.prefix));
            in_force_or_later(rates, now)
                .filter(move |rate| {
                    within.is_none_or(|cursor| {
                        (cursor.prefix, cursor.effective_from) < (rate.prefix, rate.effective_from)
                    }) && country.is_none_or(|country| country == rate.country)
                })
                .map(move |rate| (service, currency, rate))
        })
    }

    /// The link to the next page. It repeats the other parameters, since a link's query replaces the request's query.
    fn link_to_next(&self, cursor: &str, limit: usize) -> String {
        let service =
            self.service.map(|service| format!("&service={}", service.as_str())).unwrap_or_default();
        let currency = self.currency.map(|currency| format!("&currency={currency}")).unwrap_or_default();
        let country = self.country.map(|country| format!("&country={country}")).unwrap_or_default();
        format!("<?cursor={cursor}&limit={limit}{service}{currency}{country}>; rel=\"next\"")
    }
}

/// Leaves out the rates that another one of the same prefix has replaced by now. Rates come by prefix and date.
fn in_force_or_later<'a>(
    rates: impl Iterator<Item = Rate<'a>>,
    now: Timestamp,
) -> impl Iterator<Item = Rate<'a>> {
    let mut rates = rates.peekable();
    std::iter::from_fn(move || {
        loop {
            let rate = rates.next()?;
            let replaces = |next: &Rate<'_>| next.prefix == rate.prefix && next.effective_from <= now;
            if !rates.peek().is_some_and(replaces) {
                return Some(rate);
            }
        }
    })
}

fn country(request: &Request) -> Result<Option<&str>, Problem> {
    let Some(country) = request.query("country") else { return Ok(None) };
    if is_country(country) {
        return Ok(Some(country));
    }
    let expected = "expected two capital letters of ISO 3166-1, such as FR";
    Err(Problem::field("country", Code::WrongFormat, expected))
}

/// The last rate of a page. Rates that are published meanwhile change the pages that follow, but no page repeats a rate.
#[derive(Clone, Copy)]
struct Cursor {
    service: Service,
    currency: Currency,
    prefix: Prefix,
    effective_from: Timestamp,
}

impl Cursor {
    fn section(&self) -> (Service, &'static str) {
        (self.service, self.currency.code())
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let cursor = Self {
            service: Service::parse(parts.next()?)?,
            currency: Currency::parse(parts.next()?).ok()?,
            prefix: Prefix::parse(parts.next()?).ok()?,
            effective_from: Timestamp::from_nanosecond(parts.next()?.parse().ok()?).ok()?,
        };
        parts.next().is_none().then_some(cursor)
    }
}

impl FromStr for Cursor {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let expected = "expected the `next` of an earlier page of the same listing";
        Self::read(text).ok_or_else(|| Problem::field("cursor", Code::WrongFormat, expected))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, currency, prefix, effective_from } = self;
        write!(f, "{}.{currency}.{prefix}.{}", service.as_str(), effective_from.as_nanosecond())
    }
}
