//! "Rates and plans": the price of a call to a number, and the minutes that plans include.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::Query;
use axum::response::Response;
use axum::routing::get;
use contract::{Account, ListedRate, Pool, Rate, RateFound};
use domain::usage::Number;
use domain::{Currency, Locale};
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::Portal;
use crate::api::ApiError;
use crate::failure::Failure;
use crate::figures;
use crate::form::{Errors, Field, FieldKind};
use crate::frame::{Frame, Place, show_form};
use crate::session::Visit;
use crate::words::RatesWords;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/rates", get(show))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    account: String,
    number: String,
    currency: String,
}

#[derive(Template)]
#[template(path = "rates.html")]
struct Page {
    frame: Frame,
    t: RatesWords,
    account: String,
    errors: Errors,
    number: Field,
    /// Asked for only where no account gives it.
    currency: Option<Field>,
    found: Option<Found>,
    has_account: bool,
    pools: Vec<PoolRow>,
}

/// The rates of a number.
struct Found {
    heading: String,
    rates: Vec<RateRow>,
}

struct RateRow {
    kind: String,
    destination: String,
    per_minute: String,
    fee: String,
    billed: String,
    since: String,
    ten_minutes: String,
}

struct PoolRow {
    plan: String,
    /// A sentence about a plan that was removed this month.
    removed: Option<String>,
    country: String,
    services: String,
    countries: String,
    minutes: String,
    used: u64,
    size: u64,
    used_words: String,
}

async fn show(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let t = RatesWords(visit.locale);
    let account = match asked.account.as_str() {
        "" => None,
        id => Some(visit.api().account(id).await?),
    };
    let mut errors = Errors::default();
    let code =
        account.as_ref().map_or(asked.currency.trim().to_uppercase(), |account| account.currency.clone());
    let currency = Currency::parse(&code).ok();
    let number = typed_number(&asked.number);
    let is_asked = !asked.number.trim().is_empty();
    if is_asked && number.is_none() {
        errors.add("number", t.not_a_number());
    }
    if is_asked && currency.is_none() {
        errors.add("currency", t.not_a_currency());
    }
    let found = match (number, currency) {
        (Some(number), Some(currency)) if is_asked => Some(find(&visit, &number, currency).await?),
        _ => None,
    };
    let mut frame = match &account {
        Some(account) => visit.frame_of(account, t.title().to_owned(), Place::Rates),
        None => visit.frame(t.title().to_owned(), Place::Rates),
    };
    frame.has_errors = !errors.is_empty();
    let page = Page {
        frame,
        t,
        number: Field::new(FieldKind::Telephone, "number", t.number())
            .hint(t.number_hint())
            .value(asked.number)
            .error(errors.of("number")),
        currency: account.is_none().then(|| {
            let shown = if code.is_empty() { "EUR".to_owned() } else { code };
            Field::new(FieldKind::Text, "currency", t.currency()).value(shown).error(errors.of("currency"))
        }),
        errors,
        found,
        has_account: account.is_some(),
        pools: account
            .iter()
            .flat_map(pools)
            .filter(|pool| serves_this_month(pool))
            .map(|pool| pool_row(pool, t))
            .collect(),
        account: asked.account,
    };
    Ok(show_form(&page, &page.errors))
}

fn pools(account: &Account) -> &[Pool] {
    &account.pools
}

/// Whether calls of this month have minutes of the pool. A pool that was removed keeps those of the month.
fn serves_this_month(pool: &Pool) -> bool {
    !pool.removed || pool.months.first().is_some_and(|month| month.minutes > 0)
}

/// A number as people type it: with spaces, dots, hyphens and brackets, and with `00` in place of `+`.
fn typed_number(text: &str) -> Option<Number> {
    let text: String =
        text.chars().filter(|c| !c.is_whitespace() && !"-./()\u{2066}\u{2069}".contains(*c)).collect();
    let digits = text.strip_prefix('+').or_else(|| text.strip_prefix("00")).unwrap_or(&text);
    Number::parse(&format!("+{digits}")).ok()
}

async fn find(visit: &Visit, number: &Number, currency: Currency) -> Result<Found, Failure> {
    let t = RatesWords(visit.locale);
    let call =
        visit.api().get(&["rates"]).query("number", number.as_str()).query("currency", currency.code());
    let rates = match call.answer::<RateFound>().await {
        Ok(found) if !found.rates.is_empty() => found.rates,
        Ok(_) => return Err(ApiError::Unreadable("there is neither a rate nor a problem".to_owned()).into()),
        Err(ApiError::Problem(problem)) if problem.status == 404 => Vec::new(),
        Err(problem) => return Err(problem.into()),
    };
    let mut rates: Vec<_> = rates.iter().collect();
    rates.sort_by_key(|rate| KINDS.iter().position(|kind| *kind == rate.service).unwrap_or(KINDS.len()));
    Ok(Found {
        // The isolates keep the number in its order in a page of any direction.
        heading: t.prices(format!("\u{2066}{}\u{2069}", number.as_str())),
        rates: rates.into_iter().map(|rate| rate_row(rate, t)).collect(),
    })
}

/// The kinds of calls, in the order in which people look for them.
const KINDS: [&str; 5] = ["userOut", "conferenceOut", "tollFreeIn", "tollIn", "premium"];

fn kind(service: &str, t: RatesWords) -> String {
    match service {
        "userOut" => t.outgoing(),
        "conferenceOut" => t.conference(),
        "tollFreeIn" => t.toll_free(),
        "tollIn" => t.toll(),
        "premium" => t.premium(),
        other => other.to_owned(),
    }
}

fn rate_row(listed: &ListedRate, t: RatesWords) -> RateRow {
    let (rate, locale) = (&listed.rate, t.0);
    let amount = |amount: &str| figures::amount(amount, &listed.currency, locale);
    let ten_minutes = ten_minutes(rate).map(|price| t.ten_minutes(amount(&price.to_string())));
    RateRow {
        kind: kind(&listed.service, t),
        destination: wording::destination(&rate.destination, locale),
        per_minute: amount(&rate.per_minute),
        fee: if figures::is_positive(&rate.connection_fee) {
            amount(&rate.connection_fee)
        } else {
            t.no_fee()
        },
        billed: match (rate.first_increment, rate.next_increment) {
            (60, 60) => t.whole_minutes(),
            (1, 1) => t.single_seconds(),
            (first, next) => t.seconds(first, next),
        },
        since: wording::date(rate.effective_from.into(), locale),
        ten_minutes: ten_minutes.unwrap_or_default(),
    }
}

/// The seconds of the example.
const TEN_MINUTES: u32 = 600;

/// The price of a call of ten minutes, which is billed in whole increments.
fn ten_minutes(rate: &Rate) -> Option<Decimal> {
    let rest = TEN_MINUTES.saturating_sub(rate.first_increment);
    let billed = rate.first_increment + rest.div_ceil(rate.next_increment.max(1)) * rate.next_increment;
    let (per_minute, fee): (Decimal, Decimal) =
        (rate.per_minute.parse().ok()?, rate.connection_fee.parse().ok()?);
    Some((per_minute * Decimal::from(billed) / Decimal::from(60) + fee).round_dp(6).normalize())
}

fn pool_row(pool: &Pool, t: RatesWords) -> PoolRow {
    let locale = t.0;
    let (used, size) = pool.months.first().map_or((0, 0), |month| (month.used, month.minutes));
    let count = |number: u64| wording::count(number, locale);
    let (per_licence, licences) = (count(pool.minutes_per_licence.into()), count(pool.licences.into()));
    PoolRow {
        plan: pool.plan.clone(),
        country: wording::country(&pool.country, locale).to_owned(),
        services: pool.services.iter().map(|service| kind(service, t)).collect::<Vec<_>>().join(", "),
        countries: if pool.countries.is_empty() {
            t.all_countries()
        } else {
            listed(&pool.countries, locale)
        },
        minutes: if pool.removed {
            count(size)
        } else if figures::is_singular(pool.licences, locale) {
            t.licence(per_licence, licences)
        } else {
            t.licences(per_licence, licences)
        },
        removed: pool.removed.then(|| t.removed()),
        used,
        size,
        used_words: t.used_of(count(used), count(size)),
    }
}

/// The first countries of a list, and how many more there are.
fn listed(countries: &[String], locale: Locale) -> String {
    const SHOWN: usize = 8;
    let shown = countries
        .iter()
        .take(SHOWN)
        .map(|code| wording::country(code, locale))
        .collect::<Vec<_>>()
        .join(", ");
    match countries.len().saturating_sub(SHOWN) {
        0 => shown,
        1 => RatesWords(locale).one_more_country(shown),
        more => RatesWords(locale).more_countries(shown, wording::count(more as u64, locale)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::PoolMonth;

    #[test]
    fn a_number_is_read_as_people_write_it() {
        for typed in ["+49 30 901820", "0049-30-901820", "49 (30) 90 18 20", " +4930901820 "] {
            assert_eq!(typed_number(typed).unwrap().as_str(), "+4930901820", "{typed}");
        }
        assert_eq!(typed_number("+49 30 901***").unwrap().as_str(), "+4930901***");
        for typed in ["", "+", "call me", "030 901820 ext", "+49 30 90 18 20 11 22 33 44"] {
            assert!(typed_number(typed).is_none(), "{typed}");
        }
    }

    #[test]
    fn s7_a_removed_plan_is_listed_as_long_as_its_minutes_serve() {
        let pool = |removed: bool, minutes: u64| Pool {
            pool_id: "MCOPSTN1/FR".into(),
            plan: "MCOPSTN1".into(),
            country: "FR".into(),
            minutes_per_licence: 1_200,
            licences: u32::from(!removed),
            removed,
            services: Vec::new(),
            countries: Vec::new(),
            months: vec![PoolMonth { month: "2026-11".into(), minutes, used: 0 }],
        };
        let t = RatesWords(Locale::En);
        assert!(serves_this_month(&pool(true, 1_200)) && !serves_this_month(&pool(true, 0)));
        assert!(serves_this_month(&pool(false, 0)));
        assert_eq!(pool_row(&pool(false, 1_200), t).minutes, "1,200 × 1 licence");
        let removed = pool_row(&pool(true, 1_200), t);
        assert_eq!(removed.minutes, "1,200");
        assert!(removed.removed.is_some_and(|text| text.starts_with("Removed")));
    }

    #[test]
    fn ten_minutes_are_billed_in_increments() {
        let rate = |first_increment, next_increment, fee: &str| Rate {
            prefix: "49".into(),
            destination: "Germany".into(),
            country: "DE".into(),
            per_minute: "0.0400".into(),
            connection_fee: fee.into(),
            first_increment,
            next_increment,
            effective_from: "2026-01-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap().into(),
        };
        let price = |rate| ten_minutes(&rate).unwrap().to_string();
        assert_eq!(price(rate(60, 60, "0.05")), "0.45");
        assert_eq!(price(rate(30, 6, "0")), "0.4");
        assert_eq!(price(rate(180, 180, "0")), "0.48");
    }
}
