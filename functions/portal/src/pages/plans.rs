//! "Plans and licences", for the operator: the plans whose minutes an account's calls may use, and the number of their licences.
//!
//! The API replaces all pools of an account at once. Each form here changes one of them, and keeps the others as they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, Query};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use contract::{Account, Plans, Pool};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Portal;
use crate::address::with_query;
use crate::api::{ApiError, Problem};
use crate::failure::Failure;
use crate::form::{Errors, Field, FieldKind};
use crate::frame::{Frame, Notice, Place, Tone, show_form};
use crate::session::Visit;
use crate::words::{FormWords, PlansWords};

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/accounts/{id}/plans", get(show).post(add))
        .route("/accounts/{id}/plans/licences", get(show_licences).post(save_licences))
        .route("/accounts/{id}/plans/remove", post(remove))
}

/// The most licences of a plan.
const MAX_LICENCES: u32 = 1_000_000;

/// Tries to save pools that somebody else changes at the same time.
const TRIES: usize = 3;

/// The notices after saving.
const ADDED: &str = "added";
const SAVED: &str = "saved";
const REMOVED: &str = "removed";

fn plans_of(id: &str) -> String {
    format!("/accounts/{id}/plans")
}

/// The form that adds a plan.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct NewPlan {
    plan: String,
    country: String,
    licences: String,
}

#[derive(Template)]
#[template(path = "plans.html")]
struct Page {
    frame: Frame,
    t: PlansWords,
    id: String,
    errors: Errors,
    pools: Vec<PoolRow>,
    /// The plans of the catalogue, as records name them. None if they could not be read.
    catalogue: Option<Vec<String>>,
    plan: String,
    plan_error: Option<String>,
    country: Field,
    licences: Field,
}

struct PoolRow {
    plan: String,
    country: String,
    minutes: String,
    licences: String,
    href: String,
}

async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let typed = visit.draft().unwrap_or_default();
    page(&visit, &id, typed, Errors::default()).await
}

async fn page(visit: &Visit, id: &str, typed: NewPlan, errors: Errors) -> Result<Response, Failure> {
    let (account, plans) =
        tokio::join!(visit.api().account(id), visit.api().get(&["plans"]).answer::<Plans>());
    let account = account?;
    let (id, t) = (&account.account_id, PlansWords(visit.locale));
    let notice = match visit.said() {
        Some(ADDED) => Some(t.added()),
        Some(SAVED) => Some(t.saved()),
        Some(REMOVED) => Some(t.removed()),
        _ => None,
    };
    let notice = notice.map(|title| Notice::new(Tone::Good, title, t.saved_text()));
    let mut frame = visit.frame_of(&account, t.title(), Place::Elsewhere).noticing(notice);
    frame.has_errors = !errors.is_empty();
    let field = |kind, name, label: String, value: String| {
        Field::new(kind, name, label).value(value).error(errors.of(name))
    };
    let page = Page {
        frame,
        t,
        pools: listed(&account).map(|pool| PoolRow::of(id, pool, t)).collect(),
        catalogue: plans.ok().map(|plans| named(&plans)),
        plan: typed.plan,
        plan_error: errors.of("plan"),
        country: field(FieldKind::Text, "country", t.country(), typed.country).hint(t.country_hint()),
        licences: field(FieldKind::Count, "licences", t.licences(), typed.licences).hint(t.licences_hint()),
        id: id.clone(),
        errors: errors.labelled(
            &[("plan", &t.plan()), ("country", &t.country()), ("licences", &t.licences())],
            visit.locale,
        ),
    };
    Ok(show_form(&page, &page.errors))
}

/// The pools that are not removed.
fn listed(account: &Account) -> impl Iterator<Item = &Pool> {
    account.pools.iter().filter(|pool| !pool.removed)
}

/// Each plan of the catalogue once. The catalogue has an entry for each pool of a plan.
fn named(plans: &Plans) -> Vec<String> {
    let names: BTreeSet<_> = plans.plans.iter().map(|plan| plan.plan.clone()).collect();
    names.into_iter().collect()
}

impl PoolRow {
    fn of(id: &str, pool: &Pool, t: PlansWords) -> Self {
        let count = |number: u32| wording::count(number.into(), t.0);
        Self {
            plan: pool.plan.clone(),
            country: pool.country.clone(),
            minutes: count(pool.minutes_per_licence),
            licences: count(pool.licences),
            href: with_query(&format!("{}/licences", plans_of(id)), [("pool", pool.pool_id.as_str())]),
        }
    }
}

/// A number of licences as a person types it. Spaces may group its digits.
fn typed_licences(text: &str) -> Option<u32> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    digits.parse().ok().filter(|licences| *licences <= MAX_LICENCES)
}

/// A pool as the API takes it.
fn kept(pool: &Pool) -> Value {
    let mut kept = json!({
        "plan": pool.plan,
        "country": pool.country,
        "licences": pool.licences,
        "minutesPerLicence": pool.minutes_per_licence,
        "services": pool.services,
    });
    if !pool.countries.is_empty() {
        kept["countries"] = json!(pool.countries);
    }
    kept
}

/// The outcome of a change of the pools.
enum Changed {
    Saved,
    /// There was nothing to save.
    Kept,
    /// The API has refused the pools.
    Refused(Box<Problem>),
}

/// Reads the pools, changes them, and saves them. If somebody else has changed the account's settings in between, it begins again.
/// `change` says that nothing is to be saved by None.
async fn change(
    visit: &Visit,
    id: &str,
    change: impl Fn(&Account) -> Option<Vec<Value>> + Sync,
) -> Result<Changed, Failure> {
    for _ in 0..TRIES {
        let account = Box::pin(visit.api().account(id)).await?;
        let Some(pools) = change(&account) else { return Ok(Changed::Kept) };
        let call = visit.api().call(Method::PUT, &["accounts", id, "pools"]);
        let call = call.header(header::IF_MATCH, &account.settings_version);
        match Box::pin(call.body(json!({ "pools": pools })).answer::<Account>()).await {
            Ok(_) => return Ok(Changed::Saved),
            Err(problem) if problem.status() == Some(412) => {}
            Err(ApiError::Problem(problem)) if problem.status == 422 => {
                return Ok(Changed::Refused(problem));
            }
            Err(problem) => return Err(problem.into()),
        }
    }
    Err(Failure::Busy)
}

async fn add(visit: Visit, Path(id): Path<String>, Form(typed): Form<NewPlan>) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let t = PlansWords(visit.locale);
    let (plan, country) = (typed.plan.trim(), typed.country.trim().to_uppercase());
    let mut errors = Errors::default();
    if plan.is_empty() {
        errors.add("plan", FormWords(visit.locale).missing());
    }
    if country.len() != 2 {
        errors.add("country", t.wrong_country());
    }
    let licences = typed_licences(&typed.licences);
    if licences.is_none() {
        errors.add("licences", t.wrong_licences());
    }
    let Some(licences) = licences.filter(|_| errors.is_empty()) else {
        return Box::pin(page(&visit, &id, typed, errors)).await;
    };
    let new = json!({ "plan": plan, "country": country, "licences": licences });
    let is_same = |pool: &&Pool| pool.plan == plan && pool.country == country;
    let with_new = |account: &Account| {
        let is_new = !listed(account).any(|pool| is_same(&pool));
        is_new.then(|| listed(account).map(kept).chain([new.clone()]).collect())
    };
    match Box::pin(change(&visit, &id, with_new)).await? {
        Changed::Saved => Ok(visit.lead_to(&plans_of(&id), ADDED)),
        // With the same number of licences, the plan is as the form wants it, most likely since it was sent twice.
        Changed::Kept => {
            let account = visit.api().account(&id).await?;
            if listed(&account).find(is_same).is_some_and(|pool| pool.licences == licences) {
                return Ok(visit.lead_to(&plans_of(&id), ADDED));
            }
            errors.add("plan", t.is_listed());
            Box::pin(page(&visit, &id, typed, errors)).await
        }
        Changed::Refused(problem) => {
            let is_country = problem.errors.iter().any(|error| error.field.ends_with(".country"));
            let (field, text) =
                if is_country { ("country", t.wrong_country()) } else { ("plan", t.wrong_plan()) };
            errors.add(field, text);
            Box::pin(page(&visit, &id, typed, errors)).await
        }
    }
}

/// A pool of an account, by its id.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Chosen {
    pool: String,
    /// Absent before it was typed.
    licences: Option<String>,
    /// The number that the page has shown.
    shown: Option<String>,
}

#[derive(Template)]
#[template(path = "plan_licences.html")]
struct LicencesPage {
    frame: Frame,
    t: PlansWords,
    id: String,
    errors: Errors,
    pool: String,
    shown: String,
    plan: String,
    country: String,
    licences: Field,
}

async fn show_licences(
    visit: Visit,
    Path(id): Path<String>,
    Query(asked): Query<Chosen>,
) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let chosen = visit.draft().unwrap_or(asked);
    let page = licences_page(&visit, &id, chosen, Errors::default()).await?;
    Ok(show_form(&page, &page.errors))
}

async fn licences_page(
    visit: &Visit,
    id: &str,
    chosen: Chosen,
    errors: Errors,
) -> Result<LicencesPage, Failure> {
    let account = visit.api().account(id).await?;
    let t = PlansWords(visit.locale);
    let pool = listed(&account).find(|pool| pool.pool_id == chosen.pool).ok_or(Failure::NotFound)?;
    let mut frame = visit.frame_of(&account, t.licences_of(&pool.plan), Place::Elsewhere);
    frame.has_errors = !errors.is_empty();
    let licences = chosen.licences.unwrap_or_else(|| pool.licences.to_string());
    Ok(LicencesPage {
        frame,
        t,
        id: account.account_id.clone(),
        pool: chosen.pool,
        shown: chosen.shown.unwrap_or_else(|| pool.licences.to_string()),
        plan: pool.plan.clone(),
        country: pool.country.clone(),
        licences: Field::new(FieldKind::Count, "licences", t.licences())
            .hint(t.licences_hint())
            .value(licences)
            .error(errors.of("licences")),
        errors,
    })
}

async fn save_licences(
    visit: Visit,
    Path(id): Path<String>,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let mut errors = Errors::default();
    let Some(licences) = chosen.licences.as_deref().and_then(typed_licences) else {
        errors.add("licences", PlansWords(visit.locale).wrong_licences());
        let page = Box::pin(licences_page(&visit, &id, chosen, errors)).await?;
        return Ok(show_form(&page, &page.errors));
    };
    // Nothing is saved if somebody has chosen another number since the page was opened, or has removed the plan.
    let resized = |account: &Account| {
        let mut pools: Vec<_> = listed(account).cloned().collect();
        let pool = pools.iter_mut().find(|pool| pool.pool_id == chosen.pool)?;
        let is_as_shown = chosen.shown.as_ref().is_none_or(|shown| *shown == pool.licences.to_string());
        if !is_as_shown && pool.licences != licences {
            return None;
        }
        pool.licences = licences;
        Some(pools.iter().map(kept).collect())
    };
    match Box::pin(change(&visit, &id, resized)).await? {
        Changed::Saved => Ok(visit.lead_to(&plans_of(&id), SAVED)),
        Changed::Kept => {
            let chosen = Chosen { shown: None, ..chosen };
            let mut page = Box::pin(licences_page(&visit, &id, chosen, Errors::default())).await?;
            let text = page.t.changed_text(&page.shown);
            page.frame.notice = Some(Notice::new(Tone::Warn, page.t.changed(), text));
            Ok((StatusCode::CONFLICT, crate::frame::show(&page)).into_response())
        }
        Changed::Refused(problem) => {
            let errors = Errors::of_problem(&problem, &[("licences", "licences")], visit.locale);
            let page = Box::pin(licences_page(&visit, &id, chosen, errors)).await?;
            Ok(show_form(&page, &page.errors))
        }
    }
}

async fn remove(
    visit: Visit,
    Path(id): Path<String>,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let without = |account: &Account| {
        Some(listed(account).filter(|pool| pool.pool_id != chosen.pool).map(kept).collect())
    };
    match Box::pin(change(&visit, &id, without)).await? {
        Changed::Saved | Changed::Kept => Ok(visit.lead_to(&plans_of(&id), REMOVED)),
        Changed::Refused(problem) => Err(ApiError::Problem(problem).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::settings::example::account;

    fn pool(changes: Value) -> Value {
        let mut pool = json!({
            "poolId": "P/FR", "plan": "P", "country": "FR", "minutesPerLicence": 1200, "licences": 5,
            "services": ["userOut"], "countries": ["FR"], "months": [], "removed": false,
        });
        let Value::Object(changes) = changes else { panic!("changes are an object") };
        pool.as_object_mut().unwrap().extend(changes);
        pool
    }

    #[test]
    fn licences_are_a_whole_number() {
        for (typed, licences) in [("5", Some(5)), (" 1 200 ", Some(1200)), ("0", Some(0)), ("1000001", None)]
        {
            assert_eq!(typed_licences(typed), licences, "{typed}");
        }
        for typed in ["", "five", "1.5", "-1", "1,200"] {
            assert_eq!(typed_licences(typed), None, "{typed}");
        }
    }

    #[test]
    fn pools_that_stay_keep_their_terms() {
        let pools = [
            pool(json!({})),
            pool(json!({ "poolId": "P/FR/2", "countries": [] })),
            pool(json!({ "poolId": "Q/FR", "removed": true })),
        ];
        let account = account(json!({ "pools": pools }));
        let sent: Vec<_> = listed(&account).map(kept).collect();
        assert_eq!(sent.len(), 2, "a removed pool is not listed again");
        assert_eq!(
            sent[0],
            json!({
                "plan": "P", "country": "FR", "licences": 5, "minutesPerLicence": 1200,
                "services": ["userOut"], "countries": ["FR"],
            })
        );
        assert_eq!(sent[1].get("countries"), None, "no countries stand for all");
    }
}
