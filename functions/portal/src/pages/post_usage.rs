//! The switch to post-usage billing: its steps, and the choice, which cannot be undone.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use contract::{Account, SwitchPreview};
use domain::time::Month;
use serde::Deserialize;
use serde_json::json;
use wording::glossary;

use super::settings::{self, LastChanged, Outcome, Seen, save};
use crate::Portal;
use crate::account_view;
use crate::api::ApiError;
use crate::failure::Failure;
use crate::figures;
use crate::form::Errors;
use crate::frame::{Frame, Notice, Place, Tone};
use crate::session::Visit;
use crate::words::{PostUsageWords, SettingsWords};

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/accounts/{id}/post-usage", get(show).post(send))
}

fn path_of(id: &str) -> String {
    format!("/accounts/{id}/post-usage")
}

/// The form, as a person filled it in.
#[derive(Clone, Debug, Deserialize)]
struct Chosen {
    #[serde(flatten)]
    seen: Seen,
    /// Sent if the box is ticked.
    understood: Option<String>,
}

/// The settings that the preview depends on.
fn values(account: &Account) -> Vec<String> {
    vec![
        account.auto_recharge.enabled.to_string(),
        account.billing_model.clone(),
        account.payment_term_days.to_string(),
    ]
}

/// How far the switch is.
enum Stage {
    /// It can be asked for.
    Open {
        steps: Vec<Vec<String>>,
        is_held_up: bool,
        is_understood: bool,
    },
    /// It was asked for, and waits until auto-recharge is off.
    Pending {
        steps: Vec<Vec<String>>,
    },
    Complete {
        text: String,
        label: String,
        amount: String,
    },
    /// For a viewer.
    Closed {
        text: String,
    },
}

#[derive(Template)]
#[template(path = "post_usage.html")]
struct Page {
    frame: Frame,
    t: PostUsageWords,
    s: SettingsWords,
    id: String,
    errors: Errors,
    stage: Stage,
    seen: Seen,
    last: Option<LastChanged>,
}

async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let (account, preview) = read(&visit, &id).await?;
    let chosen = visit.draft::<Chosen>().filter(|_| visit.may_change());
    let mut page = page(&visit, &account, preview.as_ref(), chosen.as_ref(), Errors::default());
    let t = page.t;
    page.frame.notice = match (visit.said(), &page.stage) {
        (Some("half"), Stage::Open { .. }) => {
            Some(Notice::new(Tone::Warn, t.half_done(), t.half_done_text()))
        }
        _ if chosen.is_some() => Some(settings::signed_out(visit.locale)),
        (_, Stage::Open { is_held_up: true, .. }) => {
            Some(Notice::new(Tone::Warn, t.held_up(), t.held_up_text()))
        }
        (_, Stage::Pending { .. }) => Some(Notice::new(Tone::Warn, t.pending(), t.pending_text())),
        _ => None,
    };
    Ok(crate::frame::show(&page))
}

/// The account, and the preview of the switch, which viewers may not read.
async fn read(visit: &Visit, id: &str) -> Result<(Account, Option<SwitchPreview>), ApiError> {
    let preview = async {
        if !visit.may_change() {
            return Ok(None);
        }
        let call = visit.api().get(&["accounts", id, "billing-model", "preview"]);
        call.answer::<SwitchPreview>().await.map(Some)
    };
    tokio::try_join!(Box::pin(visit.api().account(id)), Box::pin(preview))
}

fn page(
    visit: &Visit,
    account: &Account,
    preview: Option<&SwitchPreview>,
    chosen: Option<&Chosen>,
    errors: Errors,
) -> Page {
    let t = PostUsageWords(visit.locale);
    let mut frame = visit.frame_of(account, t.title(), Place::Elsewhere);
    frame.has_errors = !errors.is_empty();
    Page {
        frame,
        t,
        s: SettingsWords(visit.locale),
        id: account.account_id.clone(),
        errors,
        stage: stage(account, preview, chosen, t),
        seen: chosen.map_or_else(|| Seen::of(account, values), |chosen| chosen.seen.clone()),
        last: LastChanged::of(account.settings_changed.billing_model.as_ref(), visit.locale),
    }
}

fn stage(
    account: &Account,
    preview: Option<&SwitchPreview>,
    chosen: Option<&Chosen>,
    t: PostUsageWords,
) -> Stage {
    let invoiced = |amount: &str| figures::invoiced(amount, &account.currency, t.0);
    let funds = |amount: &str| figures::rounded(amount, &account.currency, t.0);
    match (account.switch.as_deref(), preview) {
        (Some("complete"), _) => {
            let open = &account.post_usage;
            let month =
                Month::parse(&open.month).map_or(open.month.clone(), |month| wording::month(month, t.0));
            let is_draining = figures::is_positive(&account.available);
            let text = if is_draining { t.draining(funds(&account.available)) } else { t.complete_text() };
            Stage::Complete { text, label: t.to_be_invoiced(month), amount: invoiced(&open.amount) }
        }
        (Some(_), Some(preview)) => Stage::Pending { steps: steps(account, preview, t) },
        (Some(_), None) => Stage::Closed { text: t.pending_text() },
        (None, Some(preview)) => Stage::Open {
            steps: steps(account, preview, t),
            is_held_up: preview.held_up_by_auto_recharge,
            is_understood: chosen.is_some_and(|chosen| chosen.understood.is_some()),
        },
        (None, None) => Stage::Closed { text: t.now_prepaid() },
    }
}

/// The steps of the switch, as sentences.
fn steps(account: &Account, preview: &SwitchPreview, t: PostUsageWords) -> Vec<Vec<String>> {
    let amount = |amount: &str| figures::amount(amount, &account.currency, t.0);
    let rounded = |amount: &str| figures::rounded(amount, &account.currency, t.0);
    let card = account.payment_method.as_ref().map(|card| account_view::card(card, t.0));
    let auto_recharge = match card {
        _ if !preview.held_up_by_auto_recharge => t.is_off_already(),
        Some(card) => t.turned_off(card),
        None => t.turned_off_without_card(),
    };
    let funds = if figures::is_positive(&preview.funds) {
        let next = preview
            .lots
            .first()
            .map(|lot| t.still_expire(rounded(&lot.remaining), wording::date(lot.expires_at.into(), t.0)));
        [t.funds_first(rounded(&preview.funds))].into_iter().chain(next).collect()
    } else {
        vec![t.no_funds()]
    };
    let owed =
        if figures::is_positive(&preview.owed) { t.owed(amount(&preview.owed)) } else { t.nothing_owed() };
    vec![
        vec![auto_recharge],
        funds,
        vec![owed],
        vec![t.invoiced(), t.due(glossary::days(account.payment_term_days.into(), t.0))],
        vec![t.no_way_back()],
    ]
}

async fn send(visit: Visit, Path(id): Path<String>, Form(chosen): Form<Chosen>) -> Result<Response, Failure> {
    visit.must_change()?;
    let (account, preview) = read(&visit, &id).await?;
    match account.switch.as_deref() {
        Some("complete") => return Ok(Redirect::to(&path_of(&id)).into_response()),
        // The choice was made before. Turning auto-recharge off is never refused.
        Some(_) => {
            let call = visit.api().call(Method::PUT, &["accounts", &id, "auto-recharge"]);
            Box::pin(call.body(json!({ "enabled": false })).answer::<Account>()).await?;
            return Ok(visit.lead_to(&path_of(&id), "done"));
        }
        None => {}
    }
    if chosen.understood.is_none() {
        let mut errors = Errors::default();
        errors.add("understood", PostUsageWords(visit.locale).must_understand());
        let page = page(&visit, &account, preview.as_ref(), Some(&chosen), errors);
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, crate::frame::show(&page)).into_response());
    }
    Box::pin(switch(&visit, &account, preview.as_ref(), chosen.seen)).await
}

/// Whether nothing has changed since the form's page was opened but that auto-recharge is off, most likely since the form was sent
/// twice. The form asks for that, too.
fn was_turned_off(account: &Account, seen: &Seen) -> bool {
    let mut before = account.clone();
    before.auto_recharge.enabled = true;
    !account.auto_recharge.enabled && Seen::of(&before, values).values == seen.values
}

/// Turns auto-recharge off if it is on, and then switches.
async fn switch(
    visit: &Visit,
    account: &Account,
    preview: Option<&SwitchPreview>,
    mut seen: Seen,
) -> Result<Response, Failure> {
    let id = account.account_id.as_str();
    let is_held_up = account.auto_recharge.enabled;
    let is_switched = |account: &Account| account.switch.is_some();
    if was_turned_off(account, &seen) {
        seen = Seen::of(account, values);
    }
    if is_held_up {
        let path = ["accounts", id, "auto-recharge"];
        let body = json!({ "enabled": false });
        let is_off = |account: &Account| is_switched(account) || was_turned_off(account, &seen);
        let off = save(visit, Method::PUT, &path, body, &seen, values, is_off);
        match Box::pin(off).await? {
            Outcome::Saved(account) if is_switched(&account) => {
                return Ok(visit.lead_to(&path_of(id), "done"));
            }
            Outcome::Saved(account) => seen = Seen::of(&account, values),
            Outcome::Changed(account) => return Ok(read_again(visit, &account, preview)),
        }
    }
    let body = json!({ "billingModel": "postUsage" });
    let path = ["accounts", id];
    match Box::pin(save(visit, Method::PATCH, &path, body, &seen, values, is_switched)).await {
        Ok(Outcome::Saved(_)) => Ok(visit.lead_to(&path_of(id), "done")),
        Ok(Outcome::Changed(account)) if !is_held_up => Ok(read_again(visit, &account, preview)),
        Err(error) if !is_held_up => Err(error.into()),
        Ok(Outcome::Changed(_)) | Err(_) => Ok(visit.lead_to(&path_of(id), "half")),
    }
}

/// The page again, since the account has changed.
fn read_again(visit: &Visit, account: &Account, preview: Option<&SwitchPreview>) -> Response {
    let preview = preview
        .cloned()
        .map(|preview| SwitchPreview { held_up_by_auto_recharge: account.auto_recharge.enabled, ..preview });
    let mut page = page(visit, account, preview.as_ref(), None, Errors::default());
    page.frame.notice = Some(Notice::new(Tone::Warn, page.t.changed(), page.t.changed_text()));
    (StatusCode::CONFLICT, crate::frame::show(&page)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Locale;

    fn account(switch: Option<&str>) -> Account {
        let changes = switch.map_or_else(|| json!({}), |switch| json!({ "switch": switch }));
        settings::example::account(changes)
    }

    fn preview(funds: &str, is_held_up: bool) -> SwitchPreview {
        serde_json::from_value(json!({
            "billingModel": "prepaid", "becomes": "pending", "heldUpByAutoRecharge": is_held_up,
            "funds": funds, "lots": [], "owed": "0.0000",
        }))
        .unwrap()
    }

    #[test]
    fn the_steps_say_what_is_lost_and_what_is_not() {
        let t = PostUsageWords(Locale::En);
        let said =
            |funds, is_held_up| steps(&account(None), &preview(funds, is_held_up), t).concat().join(" ");
        let low = said("145.5000", true);
        assert!(low.contains("Visa ending in 4242 is no longer charged"), "{low}");
        assert!(low.contains("Your EUR\u{a0}145.50 are used first"), "{low}");
        let none = said("0.0000", false);
        assert!(none.contains("already off") && none.contains("no funds left"), "{none}");
    }

    #[test]
    fn auto_recharge_that_was_turned_off_meanwhile_does_not_count() {
        let seen = Seen::of(&account(None), values);
        let mut now = account(None);
        assert!(!was_turned_off(&now, &seen), "it is on");
        now.auto_recharge.enabled = false;
        assert!(was_turned_off(&now, &seen));
        assert!(!was_turned_off(&now, &Seen::of(&now, values)), "it was off before");
        now.payment_term_days += 1;
        assert!(!was_turned_off(&now, &seen), "something else has changed, too");
    }

    #[test]
    fn a_switch_that_is_complete_cannot_be_asked_for() {
        let t = PostUsageWords(Locale::En);
        let preview = preview("145.5000", false);
        let stage = |switch| stage(&account(switch), Some(&preview), None, t);
        assert!(matches!(stage(None), Stage::Open { .. }));
        assert!(matches!(stage(Some("pending")), Stage::Pending { .. }));
        let Stage::Complete { text, amount, .. } = stage(Some("complete")) else { panic!() };
        assert!(text.contains("145.50") && amount.contains("12.00"));
    }
}
