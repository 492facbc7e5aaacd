//! Setting an account's pools of included minutes (S7).

use api::fields::is_country;
use api::{Fields, Problem, Reply, Request, Role, SeenSettings};
use contract::names::ServiceName;
use contract::{Account, Code, FieldError};
use domain::Service;
use domain::pool::{MAX_LICENCES, MAX_MINUTES_PER_LICENCE, MAX_POOLS, PoolTerms};
use domain::settings;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::read::as_it_stands;
use crate::{Ports, plans};

/// A plan's name has at most this many characters, like the plan of a record.
const LONGEST_PLAN: usize = 64;

/// The pools of an account, in the order in which calls use them.
#[derive(ToSchema)]
#[schema(as = NewPools, rename_all = "camelCase")]
pub struct NewPools {
    /// All pools: at most 50. Pools that are not listed are removed; their minutes of this month can still be used.
    #[schema(value_type = Vec<NewPool>, max_items = 50)]
    pools: Vec<PoolTerms>,
}

/// A pool, or the plan that it is of. `minutesPerLicence` and `services` are given together, or taken from the catalogue, which
/// may give a plan several pools (`GET /v1/plans`).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPool {
    /// The plan whose calls it includes, as records name it.
    #[schema(example = "MCOPSTN1", pattern = r"^[^\s/#\x00-\x1f\x7f-\x9f]{1,64}$")]
    plan: String,
    /// The country of the plan's users, ISO 3166-1 alpha-2.
    #[schema(example = "FR", pattern = "^[A-Z]{2}$")]
    country: String,
    /// The number of licences.
    #[schema(maximum = 1_000_000)]
    licences: u32,
    /// The minutes of one licence in a calendar month (UTC).
    #[schema(minimum = 1, maximum = 44_640)]
    minutes_per_licence: Option<u32>,
    /// The services that it includes.
    #[schema(value_type = Option<Vec<ServiceName>>, min_items = 1)]
    services: Option<Vec<Service>>,
    /// The countries of the destinations that it includes, ISO 3166-1 alpha-2. Without it, the pool includes all destinations.
    countries: Option<Vec<String>>,
}

impl NewPools {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let pools = fields.required("pools", check);
        fields.finish(|| Some(Self { pools: pools? }))
    }
}

fn check(given: Vec<NewPool>) -> Result<Vec<PoolTerms>, Vec<FieldError>> {
    let (mut pools, mut errors) = (Vec::new(), Vec::new());
    for (index, pool) in given.into_iter().enumerate() {
        match check_pool(&format!("pools[{index}]"), pool) {
            Ok(terms) => pools.extend(terms),
            Err(wrong) => errors.extend(wrong),
        }
    }
    if pools.len() > MAX_POOLS {
        errors.push(FieldError::new("pools", Code::TooLong, format!("expected at most {MAX_POOLS} pools")));
    }
    if errors.is_empty() { Ok(pools) } else { Err(errors) }
}

fn check_pool(name: &str, pool: NewPool) -> Result<Vec<PoolTerms>, Vec<FieldError>> {
    let NewPool { plan, country, licences, minutes_per_licence, services, countries } = pool;
    let mut errors = Vec::new();
    let mut expect = |is_right: bool, field: &str, code: Code, expected: String| {
        if !is_right {
            errors.push(FieldError::new(format!("{name}.{field}"), code, expected));
        }
    };
    expect(
        is_plan(&plan),
        "plan",
        Code::WrongFormat,
        format!("expected 1 to {LONGEST_PLAN} visible characters without '/' and '#'"),
    );
    let two_capitals = || "expected two capitals, ISO 3166-1 alpha-2".to_owned();
    expect(is_country(&country), "country", Code::WrongFormat, two_capitals());
    expect(
        licences <= MAX_LICENCES,
        "licences",
        Code::OutOfRange,
        format!("expected at most {MAX_LICENCES}"),
    );
    let minutes_are_right =
        minutes_per_licence.is_none_or(|minutes| (1..=MAX_MINUTES_PER_LICENCE).contains(&minutes));
    let expected = format!("expected 1 to {MAX_MINUTES_PER_LICENCE}");
    expect(minutes_are_right, "minutesPerLicence", Code::OutOfRange, expected);
    let is_empty = services.as_ref().is_some_and(Vec::is_empty);
    expect(!is_empty, "services", Code::Missing, "expected at least one service".to_owned());
    let wrong = countries.iter().flatten().position(|country| !is_country(country));
    if let Some(place) = wrong {
        expect(false, &format!("countries[{place}]"), Code::WrongFormat, two_capitals());
    }
    let from_catalogue = plans::pools_of(&plan, &country, licences);
    match (minutes_per_licence, services) {
        (Some(minutes_per_licence), Some(services)) if errors.is_empty() => {
            let countries = countries.unwrap_or_default();
            Ok(vec![PoolTerms { plan, country, minutes_per_licence, licences, services, countries }])
        }
        (None, None) if errors.is_empty() && countries.is_none() && !from_catalogue.is_empty() => {
            Ok(from_catalogue)
        }
        (minutes, services) => {
            let mut missing = |is_missing: bool, field: &str| {
                if is_missing && errors.is_empty() {
                    let expected = "expected a value: only a plan of the catalogue needs neither \
                                    minutesPerLicence, services nor countries";
                    errors.push(FieldError::new(format!("{name}.{field}"), Code::Missing, expected));
                }
            };
            missing(minutes.is_none(), "minutesPerLicence");
            missing(services.is_none(), "services");
            Err(errors)
        }
    }
}

fn is_plan(plan: &str) -> bool {
    let is_visible = |c: char| !c.is_whitespace() && !c.is_control() && c != '/' && c != '#';
    (1..=LONGEST_PLAN).contains(&plan.chars().count()) && plan.chars().all(is_visible)
}

/// Set the pools of included minutes
///
/// Replaces all pools. A pool keeps its use, and its size of this month never falls: a month's size is the largest that was in
/// force at any time of the month (UTC).
///
/// For operator.
#[utoipa::path(
    put,
    path = "/v1/accounts/{id}/pools",
    operation_id = "setPools",
    tag = "Accounts",
    params(
        ("id" = String, Path, description = "The account"),
        SeenSettings,
    ),
    request_body = NewPools,
    responses(
        (status = 200, description = "The account", body = Account),
        (status = 422, description = "A field is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn set(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator])?;
    let NewPools { pools } = NewPools::read(request.fields()?)?;
    let by = request.caller().author();
    let set = ports.store.apply_with_profile(&id, |account, profile| {
        request.check_settings(&settings::fingerprint(account, profile))?;
        Ok::<_, Problem>(settings::set_pools(account, profile, request.now(), pools.clone(), &by))
    });
    set.await?;
    as_it_stands(request, ports, &id).await
}
