//! The catalogue of usual plans: which minutes a licence of a plan includes, by the user's country (S7).
//!
//! It is the file `infra/rates/plans.csv`, which the operator may change; it is built into the function. `infra/rates/README.md`
//! describes it.

use std::sync::LazyLock;

use api::fields::is_country;
use api::{Problem, Reply, Request};
use contract::{Plan, Plans};
use domain::Service;
use domain::pool::PoolTerms;
use serde::Deserialize;

use crate::Ports;

static CATALOGUE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    read(include_str!("../../../infra/rates/plans.csv")).expect("a test reads the file that is built in")
});

/// A row of the catalogue: the minutes of one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    plan: String,
    name: String,
    /// The users' countries; any other that the plan does not name in another row, if it is empty.
    user_countries: Vec<String>,
    minutes_per_licence: u32,
    services: Vec<Service>,
    destinations: Destinations,
}

/// The destinations of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Destinations {
    /// The user's own country.
    Domestic,
    /// All countries, the user's own included: a pool before this one usually includes it already.
    International,
    /// These countries, ISO 3166-1 alpha-2.
    Listed(Vec<String>),
}

/// The columns of the file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Columns {
    plan: String,
    name: String,
    user_countries: String,
    minutes_per_licence: u32,
    services: String,
    destinations: String,
}

fn read(file: &str) -> Result<Vec<Row>, String> {
    let mut reader = csv::Reader::from_reader(file.as_bytes());
    let rows = reader.deserialize().enumerate().map(|(number, row)| {
        let at_line = |problem: String| format!("plans, line {}: {problem}", number + 2);
        row.map_err(|problem| problem.to_string()).and_then(Row::of).map_err(at_line)
    });
    rows.collect()
}

impl Row {
    fn of(columns: Columns) -> Result<Self, String> {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let countries = |column: &str, text: &str| {
            let list = words(text);
            if list.iter().all(|country| is_country(country)) {
                Ok(list)
            } else {
                Err(format!("{column}: expected countries of two capitals"))
            }
        };
        let services =
            words(&columns.services).iter().map(|name| Service::parse(name)).collect::<Option<Vec<_>>>();
        let services = services.filter(|services| !services.is_empty());
        Ok(Self {
            user_countries: countries("userCountries", &columns.user_countries)?,
            minutes_per_licence: columns.minutes_per_licence,
            services: services.ok_or("services: expected at least one service")?,
            destinations: match columns.destinations.as_str() {
                "domestic" => Destinations::Domestic,
                "international" => Destinations::International,
                "" => {
                    return Err(
                        "destinations: expected domestic, international or a list of countries".to_owned()
                    );
                }
                list => Destinations::Listed(countries("destinations", list)?),
            },
            plan: columns.plan,
            name: columns.name,
        })
    }

    fn terms(&self, country: &str, licences: u32) -> PoolTerms {
        PoolTerms {
            plan: self.plan.clone(),
            country: country.to_owned(),
            minutes_per_licence: self.minutes_per_licence,
            licences,
            services: self.services.clone(),
            countries: match &self.destinations {
                Destinations::Domestic => vec![country.to_owned()],
                Destinations::International => Vec::new(),
                Destinations::Listed(countries) => countries.clone(),
            },
        }
    }
}

/// The pools of a plan for users in a country, in the order in which calls use them. There are none if the catalogue does not
/// have the plan.
pub(crate) fn pools_of(plan: &str, country: &str, licences: u32) -> Vec<PoolTerms> {
    rows_of(&CATALOGUE, plan, country).into_iter().map(|row| row.terms(country, licences)).collect()
}

/// The rows of a plan that apply to users in a country. A row that names the country stands for those of the same destinations
/// that name none.
fn rows_of<'a>(catalogue: &'a [Row], plan: &str, country: &str) -> Vec<&'a Row> {
    let of_plan = || catalogue.iter().filter(|row| row.plan == plan);
    let names = |row: &Row| row.user_countries.iter().any(|named| named == country);
    let is_replaced =
        |row: &Row| of_plan().any(|other| names(other) && other.destinations == row.destinations);
    of_plan().filter(|row| names(row) || row.user_countries.is_empty() && !is_replaced(row)).collect()
}

/// List the catalogue of plans
///
/// The minutes that one licence of each usual plan includes. `PUT /v1/accounts/{id}/pools` takes the terms of a plan from here if
/// it gives none.
///
/// For any role.
#[utoipa::path(
    get,
    path = "/v1/plans",
    operation_id = "listPlans",
    tag = "Rates",
    responses((status = 200, description = "All plans", body = Plans))
)]
pub async fn list(_: &Request, _: &Ports) -> Result<Reply, Problem> {
    let plans = CATALOGUE.iter().map(|row| Plan {
        plan: row.plan.clone(),
        name: row.name.clone(),
        user_countries: row.user_countries.clone(),
        minutes_per_licence: row.minutes_per_licence,
        services: row.services.iter().map(|service| service.as_str().to_owned()).collect(),
        destinations: match &row.destinations {
            Destinations::Domestic => "domestic".to_owned(),
            Destinations::International => "international".to_owned(),
            Destinations::Listed(countries) => countries.join(" "),
        },
    });
    Ok(Reply::json(200, &Plans { plans: plans.collect() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s7_the_catalogue_gives_the_minutes_of_a_plan_by_the_users_country() {
        let minutes = |plan: &str, country: &str| -> Vec<_> {
            let pools = pools_of(plan, country, 1);
            pools.iter().map(|terms| (terms.minutes_per_licence, terms.countries.len())).collect()
        };
        assert_eq!(minutes("MCOPSTN1", "US"), [(3000, 1)]);
        assert_eq!(minutes("MCOPSTN1", "FR"), [(1200, 1)]);
        assert_eq!(minutes("MCOPSTN2", "FR"), [(1200, 1), (600, 0)]);
        assert_eq!(minutes("MCOPSTN2", "US"), [(3000, 1), (600, 0)]);
        assert_eq!(minutes("MCOMEETADD", "FR").len(), 1);
        assert_eq!(minutes("none", "FR"), []);
    }

    #[test]
    fn a_bad_row_names_its_line_and_column() {
        let header = "plan,name,userCountries,minutesPerLicence,services,destinations\n";
        for (row, said) in [
            ("P,n,fr,60,userOut,domestic", "line 2: userCountries: expected countries"),
            ("P,n,,60,fax,domestic", "line 2: services: expected"),
            ("P,n,,60,,domestic", "line 2: services: expected"),
            ("P,n,,60,userOut,", "line 2: destinations: expected"),
            ("P,n,,60,userOut,FR Germany", "line 2: destinations: expected"),
            ("P,n,,many,userOut,FR", "line 2:"),
        ] {
            let problem = read(&format!("{header}{row}\n")).unwrap_err();
            assert!(problem.contains(said), "{row}: {problem}");
        }
    }
}
