//! Spending limits, and how much of them is used. A limit below the present spending is saved only after the page has said so.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use contract::{Account, LimitsUse, UserSpending};
use domain::time::Month;
use domain::{Currency, Locale, Money};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::json;

use super::settings::{self, Both, Difference, LastChanged, Outcome, Seen, in_field, is_amount, save};
use crate::Portal;
use crate::api::ApiError;
use crate::failure::Failure;
use crate::figures;
use crate::form::{Errors, Field, FieldKind, for_api, typed};
use crate::frame::{Frame, Notice, Place, Tone};
use crate::session::Visit;
use crate::words::{LimitsWords, SettingsWords};

/// So many users at their limit are listed.
const LISTED: usize = 5;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/accounts/{id}/limits", get(show).post(send))
}

fn path_of(id: &str) -> String {
    format!("/accounts/{id}/limits")
}

/// The form, as a person typed it.
#[derive(Clone, Debug, Deserialize)]
struct Typed {
    #[serde(flatten)]
    seen: Seen,
    #[serde(rename = "perUser", default)]
    per_user: String,
    #[serde(rename = "perDay", default)]
    per_day: String,
    /// The limits of which the page has said that more is spent already.
    #[serde(default)]
    warned: String,
}

impl Typed {
    fn saved(account: &Account, locale: Locale) -> Self {
        let text = |amount: &Option<String>| in_field(amount.as_ref(), &account.currency, locale);
        Self {
            seen: Seen::of(account, values),
            per_user: text(&account.limits.per_user_monthly),
            per_day: text(&account.limits.per_day),
            warned: String::new(),
        }
    }
}

/// The settings that the form is about.
fn values(account: &Account) -> Vec<String> {
    let limits = &account.limits;
    let amount = |amount: &Option<String>| amount.clone().unwrap_or_default();
    vec![amount(&limits.per_user_monthly), amount(&limits.per_day), limits.margin_seconds.to_string()]
}

/// Limits as they are to be.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Asked {
    per_user: Option<Money>,
    per_day: Option<Money>,
}

impl Asked {
    fn read(form: &Typed, currency: &str, locale: Locale) -> Result<Self, Errors> {
        let mut errors = Errors::default();
        let mut read = |name: &'static str, text: &str| {
            let amount = typed(text, currency, locale).and_then(|amount| match amount {
                Some(amount) if !amount.is_positive() => Err(SettingsWords(locale).more_than_zero()),
                amount => Ok(amount),
            });
            amount.unwrap_or_else(|wrong| {
                errors.add(name, wrong);
                None
            })
        };
        let asked =
            Self { per_user: read("perUser", &form.per_user), per_day: read("perDay", &form.per_day) };
        if errors.is_empty() { Ok(asked) } else { Err(errors) }
    }

    /// Names these limits in the form, so that a warning holds for them and no others.
    fn name(self) -> String {
        let amount = |amount: Option<Money>| amount.map_or_else(|| "-".to_owned(), for_api);
        format!("{} {}", amount(self.per_user), amount(self.per_day))
    }

    /// Sentences about limits that are exceeded already. A new limit counts from now on, so it cannot be.
    fn already_spent(self, used: &LimitsUse, currency: &str, locale: Locale) -> Vec<String> {
        let t = LimitsWords(locale);
        let mut said = Vec::new();
        if let Some(limit) = self.per_user {
            let shown = wording::amount(limit, locale);
            let is_above = |user: &&UserSpending| total(user, currency).is_some_and(|spent| spent >= limit);
            match used.users.iter().filter(is_above).count() {
                0 => {}
                1 => said.push(t.one_above(shown)),
                count => said.push(t.many_above(count, shown)),
            }
        }
        let spent = used.limits.spent_today.as_deref();
        let spent = spent.and_then(|spent| figures::money(spent, currency));
        if let (Some(limit), Some(spent)) = (self.per_day, spent)
            && spent >= limit
        {
            said.push(t.day_above(wording::amount(spent, locale)));
        }
        said
    }
}

/// The spending of a user, with the holds of calls in progress.
fn total(user: &UserSpending, currency: &str) -> Option<Money> {
    let currency = Currency::parse(currency).ok()?;
    let decimal = |text: &str| text.parse::<Decimal>().ok();
    Money::sum(decimal(&user.spent)?.checked_add(decimal(&user.held)?)?, currency).ok()
}

#[derive(Template)]
#[template(path = "limits.html")]
struct Page {
    frame: Frame,
    t: LimitsWords,
    s: SettingsWords,
    id: String,
    errors: Errors,
    form: Option<FormView>,
    /// The limits, for viewers.
    limits: [(String, String); 2],
    happens: [String; 5],
    /// The use of the limits. None if it could not be loaded.
    used: Option<Used>,
    last: Option<LastChanged>,
}

struct FormView {
    per_user: Field,
    per_day: Field,
    seen: Seen,
    warned: String,
}

/// How much of the limits is used.
struct Used {
    today: String,
    /// Spent, near the limit, and limit of the day, as numbers.
    meter: Option<(String, String, String)>,
    users: String,
    listed: Vec<UserRow>,
    /// How many users are not listed.
    more: Option<String>,
}

struct UserRow {
    name: String,
    spent: String,
    held: String,
}

/// Four fifths of a limit.
fn near(limit: &str) -> String {
    let four_fifths = limit.parse().map(|limit: Decimal| limit * Decimal::new(8, 1));
    four_fifths.map_or_else(|_| limit.to_owned(), |near| near.normalize().to_string())
}

impl Used {
    fn of(used: &LimitsUse, currency: &str, t: LimitsWords) -> Self {
        let locale = t.0;
        let amount = |amount: &str| figures::amount(amount, currency, locale);
        let limits = &used.limits;
        let day = limits.per_day.as_deref().zip(limits.spent_today.as_deref());
        let reached: Vec<_> = used.users.iter().filter(|user| user.reached).collect();
        let month = Month::parse(&used.month)
            .map_or_else(|| used.month.clone(), |month| wording::month(month, locale));
        let users = match (limits.per_user_monthly.as_deref().map(amount), reached.len()) {
            (None, _) => t.no_user_limit(),
            (Some(limit), 0) => t.nobody_at_limit(month, limit),
            (Some(limit), 1) => t.one_at_limit(month, limit),
            (Some(limit), count) => t.many_at_limit(month, limit, count),
        };
        let listed = reached.iter().take(LISTED).map(|user| UserRow {
            name: user.user_id.clone(),
            spent: amount(&user.spent),
            held: amount(&user.held),
        });
        Self {
            today: day.map_or_else(
                || t.no_day_limit(),
                |(limit, spent)| t.spent_today(amount(spent), amount(limit)),
            ),
            meter: day.map(|(limit, spent)| (spent.to_owned(), near(limit), limit.to_owned())),
            users,
            listed: listed.collect(),
            more: (reached.len() > LISTED).then(|| t.more(reached.len() - LISTED)),
        }
    }
}

async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let (account, used) = tokio::join!(Box::pin(visit.api().account(&id)), Box::pin(read_use(&visit, &id)));
    let account = account?;
    let draft = visit.draft::<Typed>().filter(|_| visit.may_change());
    let was_signed_out = draft.is_some();
    let form = draft.unwrap_or_else(|| Typed::saved(&account, visit.locale));
    let mut page = page(&visit, &account, used.ok().as_ref(), &form, Errors::default());
    page.frame.notice = match visit.said() {
        Some(_) => Some(Notice::new(Tone::Good, page.s.saved(), String::new())),
        None => was_signed_out.then(|| settings::signed_out(visit.locale)),
    };
    Ok(crate::frame::show(&page))
}

async fn read_use(visit: &Visit, id: &str) -> Result<LimitsUse, ApiError> {
    visit.api().get(&["accounts", id, "limits"]).answer().await
}

fn page(visit: &Visit, account: &Account, used: Option<&LimitsUse>, form: &Typed, errors: Errors) -> Page {
    let locale = visit.locale;
    let t = LimitsWords(locale);
    let mut frame = visit.frame_of(account, t.title(), Place::Limits);
    frame.has_errors = !errors.is_empty();
    let field = |name, label, hint, value: &str| {
        let field = Field::new(FieldKind::Amount, name, label).hint(hint).value(value);
        field.error(errors.of(name)).optional()
    };
    let view = visit.may_change().then(|| FormView {
        per_user: field("perUser", t.per_user(), t.per_user_hint(&account.currency), &form.per_user),
        per_day: field("perDay", t.per_day(), t.per_day_hint(&account.currency), &form.per_day),
        seen: form.seen.clone(),
        warned: form.warned.clone(),
    });
    let errors = errors.labelled(&[("perUser", &t.per_user()), ("perDay", &t.per_day())], locale);
    Page {
        frame,
        t,
        s: SettingsWords(locale),
        id: account.account_id.clone(),
        errors,
        form: view,
        limits: limits_of(account, t),
        happens: [t.refused(), t.not_cut(), t.late(), t.included(), t.emergency()],
        used: used.map(|used| Used::of(used, &account.currency, t)),
        last: LastChanged::of(account.settings_changed.limits.as_ref(), locale),
    }
}

/// The limits with their labels.
fn limits_of(account: &Account, t: LimitsWords) -> [(String, String); 2] {
    let amount = |amount: &Option<String>| match amount {
        Some(amount) => figures::amount(amount, &account.currency, t.0),
        None => SettingsWords(t.0).no_limit(),
    };
    let limits = &account.limits;
    [(t.per_user(), amount(&limits.per_user_monthly)), (t.per_day(), amount(&limits.per_day))]
}

async fn send(visit: Visit, Path(id): Path<String>, Form(form): Form<Typed>) -> Result<Response, Failure> {
    visit.must_change()?;
    let locale = visit.locale;
    let (account, used) =
        tokio::try_join!(Box::pin(visit.api().account(&id)), Box::pin(read_use(&visit, &id)))?;
    let asked = match Asked::read(&form, &account.currency, locale) {
        Ok(asked) => asked,
        Err(errors) => {
            let page = page(&visit, &account, Some(&used), &form, errors);
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, crate::frame::show(&page)).into_response());
        }
    };
    let spent = asked.already_spent(&used, &account.currency, locale);
    if !spent.is_empty() && form.warned != asked.name() {
        let warned = Typed { warned: asked.name(), ..form };
        let mut page = page(&visit, &account, Some(&used), &warned, Errors::default());
        let text = format!("{} {}", spent.join(" "), page.t.save_all_the_same());
        page.frame.notice = Some(Notice::new(Tone::Warn, page.t.below(), text));
        return Ok((StatusCode::CONFLICT, crate::frame::show(&page)).into_response());
    }
    let mut body = json!({ "marginSeconds": account.limits.margin_seconds });
    for (name, limit) in [("perUserMonthly", asked.per_user), ("perDay", asked.per_day)] {
        if let Some(limit) = limit {
            body[name] = json!(for_api(limit));
        }
    }
    let path = ["accounts", &id, "limits"];
    let is_as_wanted = |account: &Account| {
        is_amount(account.limits.per_user_monthly.as_ref(), asked.per_user, &account.currency)
            && is_amount(account.limits.per_day.as_ref(), asked.per_day, &account.currency)
    };
    let saved = save(&visit, Method::PUT, &path, body, &form.seen, values, is_as_wanted);
    match Box::pin(saved).await {
        Ok(Outcome::Saved(_)) => Ok(visit.lead_to(&path_of(&id), "saved")),
        Ok(Outcome::Changed(account)) => Ok(changed(&visit, &account, asked)),
        Err(ApiError::Problem(problem)) if matches!(problem.status, 409 | 422) => {
            let fields = [("perUserMonthly", "perUser"), ("perDay", "perDay")];
            let errors = Errors::of_problem(&problem, &fields, locale);
            let page = page(&visit, &account, Some(&used), &form, errors);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, crate::frame::show(&page)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// The page that shows the settings of now beside those of the form.
fn changed(visit: &Visit, account: &Account, asked: Asked) -> Response {
    let locale = visit.locale;
    let t = LimitsWords(locale);
    let yours = [asked.per_user, asked.per_day].map(|limit| {
        limit.map_or_else(|| SettingsWords(locale).no_limit(), |limit| wording::amount(limit, locale))
    });
    let settings = limits_of(account, t).into_iter().zip(yours);
    let both = Both {
        place: Place::Limits,
        path: path_of(&account.account_id),
        settings: settings.map(|((label, now), yours)| Difference { label, now, yours }).collect(),
        fields: [("perUser", asked.per_user), ("perDay", asked.per_day)]
            .map(|(name, limit)| (name, limit.map(for_api).unwrap_or_default()))
            .into(),
        last: LastChanged::of(account.settings_changed.limits.as_ref(), locale),
    };
    settings::changed(visit, account, values, both)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(users: &[(&str, &str)], spent_today: Option<&str>) -> LimitsUse {
        let users: Vec<_> = users
            .iter()
            .map(|(spent, held)| json!({ "userId": "u", "spent": spent, "held": held, "reached": false }))
            .collect();
        let mut limits = json!({
            "marginSeconds": 2, "rechargesPerDay": 10,
            "purchase": { "minimum": "50.0000", "maximum": "100000.0000" },
        });
        if let Some(spent) = spent_today {
            limits["spentToday"] = json!(spent);
        }
        serde_json::from_value(json!({ "limits": limits, "month": "2026-11", "users": users })).unwrap()
    }

    fn asked(per_user: &str, per_day: &str) -> Result<Asked, Errors> {
        let form = Typed {
            seen: Seen::default(),
            per_user: per_user.to_owned(),
            per_day: per_day.to_owned(),
            warned: String::new(),
        };
        Asked::read(&form, "EUR", Locale::En)
    }

    #[test]
    fn a_limit_is_more_than_zero_or_not_there() {
        assert_eq!(asked("", " ").unwrap(), Asked { per_user: None, per_day: None });
        let errors = asked("0", "12,5").unwrap_err();
        assert_eq!(errors.0.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["perUser", "perDay"]);
        assert_ne!(asked("10", "").unwrap().name(), asked("", "10").unwrap().name());
    }

    #[test]
    fn a_limit_below_what_is_spent_is_said_before_it_is_saved() {
        let used = used(&[("20", "0"), ("9", "1"), ("9.9999", "0")], Some("40"));
        let said =
            |per_user, per_day| asked(per_user, per_day).unwrap().already_spent(&used, "EUR", Locale::En);
        assert!(said("10", "40.01")[0].starts_with("2 users"), "what is held counts");
        assert!(said("20", "")[0].starts_with("1 user "));
        assert_eq!(said("20.01", "40.01"), Vec::<String>::new());
        assert!(said("", "40")[0].contains("40.00"));
        assert_eq!(said("", ""), Vec::<String>::new());
    }
}
