//! The settings of auto-recharge. Turning it off is never refused and asks nothing. Saving settings that charge the card at once says
//! how much first.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Form, Path, Query};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use contract::{Account, Purchase, PurchaseStatus, Purchases, RechargePreview};
use domain::{BillingModel, Locale, Lot, Money};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};
use wording::glossary;

use super::settings::{self, Both, Difference, LastChanged, Outcome, Seen, in_field, is_amount, save};
use crate::Portal;
use crate::account_view::{self, Tag, is_post_usage};
use crate::address::with_query;
use crate::api::ApiError;
use crate::failure::Failure;
use crate::figures;
use crate::form::{Errors, Field, FieldKind, for_api, typed};
use crate::frame::{Frame, Notice, Place, Tone};
use crate::session::Visit;
use crate::words::{AutoRechargeWords, SettingsWords};

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/accounts/{id}/auto-recharge", get(show).post(send))
        .route("/accounts/{id}/auto-recharge/confirm", get(show_confirm).post(confirm))
        .route("/accounts/{id}/auto-recharge/resume", get(show_resume).post(resume))
}

fn path_of(id: &str) -> String {
    format!("/accounts/{id}/auto-recharge")
}

/// The form, as a person typed it.
#[derive(Clone, Debug, Default, Deserialize)]
struct Typed {
    #[serde(flatten)]
    seen: Seen,
    /// Sent if the box is ticked.
    enabled: Option<String>,
    #[serde(default)]
    amount: String,
    #[serde(default)]
    trigger: String,
    #[serde(default)]
    limit: String,
}

/// Settings that turn it on, with amounts as the API takes them.
#[derive(Clone, Debug, Deserialize)]
struct Asked {
    #[serde(flatten)]
    seen: Seen,
    amount: String,
    trigger: String,
    limit: Option<String>,
}

impl Asked {
    fn body(&self) -> Value {
        let mut body =
            json!({ "enabled": true, "rechargeAmount": self.amount, "triggerAmount": self.trigger });
        if let Some(limit) = &self.limit {
            body["monthlyLimit"] = json!(limit);
        }
        body
    }

    /// Whether the account has these settings.
    fn is_saved(&self, account: &Account) -> bool {
        let recharge = &account.auto_recharge;
        let is = |saved: &Option<String>, wanted: Option<&String>| {
            let wanted = wanted.and_then(|wanted| figures::money(wanted, &account.currency));
            is_amount(saved.as_ref(), wanted, &account.currency)
        };
        recharge.enabled
            && is(&recharge.recharge_amount, Some(&self.amount))
            && is(&recharge.trigger_amount, Some(&self.trigger))
            && is(&recharge.monthly_limit, self.limit.as_ref())
    }

    /// A page of auto-recharge with these settings in its address.
    fn address(&self, path: &str) -> String {
        let parameters = [
            ("amount", self.amount.as_str()),
            ("trigger", &self.trigger),
            ("limit", self.limit.as_deref().unwrap_or_default()),
            ("settingsVersion", &self.seen.version),
            ("settingsSeen", &self.seen.values),
        ];
        with_query(path, parameters)
    }

    /// As a person would have typed them.
    fn as_typed(&self, currency: &str, locale: Locale) -> Typed {
        let text = |amount: &String| in_field(Some(amount), currency, locale);
        Typed {
            seen: self.seen.clone(),
            enabled: Some("on".to_owned()),
            amount: text(&self.amount),
            trigger: text(&self.trigger),
            limit: self.limit.as_ref().map(text).unwrap_or_default(),
        }
    }
}

/// The settings that the form is about.
fn values(account: &Account) -> Vec<String> {
    let recharge = &account.auto_recharge;
    let amount = |amount: &Option<String>| amount.clone().unwrap_or_default();
    vec![
        recharge.enabled.to_string(),
        amount(&recharge.recharge_amount),
        amount(&recharge.trigger_amount),
        amount(&recharge.monthly_limit),
        account.payment_method.as_ref().map(|card| card.last4.clone()).unwrap_or_default(),
        account.billing_model.clone(),
    ]
}

impl Typed {
    /// The settings of the account, as its form opens.
    fn saved(account: &Account, locale: Locale) -> Self {
        let recharge = &account.auto_recharge;
        let text = |amount: &Option<String>| in_field(amount.as_ref(), &account.currency, locale);
        Self {
            seen: Seen::of(account, values),
            enabled: recharge.enabled.then(|| "on".to_owned()),
            amount: text(&recharge.recharge_amount),
            trigger: text(&recharge.trigger_amount),
            limit: text(&recharge.monthly_limit),
        }
    }

    /// The settings to ask for, or the errors of the form.
    fn read(&self, account: &Account, locale: Locale) -> Result<Asked, Errors> {
        let limits = Bounds::of(account, locale);
        let mut errors = Errors::default();
        let mut read = |name: &'static str, text: &str, check: &dyn Fn(Option<Money>) -> Option<String>| {
            let amount = typed(text, &account.currency, locale);
            let wrong = amount.as_ref().map_or_else(|wrong| Some(wrong.clone()), |amount| check(*amount));
            if let Some(wrong) = wrong {
                errors.add(name, wrong);
            }
            amount.ok().flatten()
        };
        let amount = read("amount", &self.amount, &|amount| limits.wrong(amount));
        let trigger = read("trigger", &self.trigger, &|amount| limits.wrong(amount));
        let limit = read("limit", &self.limit, &|limit| {
            let room = amount.filter(|amount| limit.is_some_and(|limit| limit < *amount))?;
            Some(AutoRechargeWords(locale).limit_below_amount(wording::amount(room, locale)))
        });
        let (Some(amount), Some(trigger), true) = (amount, trigger, errors.is_empty()) else {
            return Err(errors);
        };
        Ok(Asked {
            seen: self.seen.clone(),
            amount: for_api(amount),
            trigger: for_api(trigger),
            limit: limit.map(for_api),
        })
    }
}

/// Between which amounts a card can be charged.
pub(super) struct Bounds {
    pub(super) minimum: Option<Money>,
    pub(super) maximum: Option<Money>,
    locale: Locale,
}

impl Bounds {
    pub(super) fn of(account: &Account, locale: Locale) -> Self {
        let money = |amount: &str| figures::money(amount, &account.currency);
        let purchase = &account.limits.purchase;
        Self { minimum: money(&purchase.minimum), maximum: money(&purchase.maximum), locale }
    }

    /// The error of an amount that is needed.
    pub(super) fn wrong(&self, amount: Option<Money>) -> Option<String> {
        let s = SettingsWords(self.locale);
        let say = |money: Money| wording::amount(money, self.locale);
        match (amount, self.minimum, self.maximum) {
            (None, Some(minimum), _) => Some(s.enter_amount(say(minimum))),
            (Some(amount), Some(minimum), _) if amount < minimum => Some(s.at_least(say(minimum))),
            (Some(amount), _, Some(maximum)) if amount > maximum => Some(s.at_most(say(maximum))),
            _ => None,
        }
    }
}

/// The form, or the content in its place.
enum Body {
    Form(Box<FormView>),
    /// For a viewer.
    Values(Vec<(&'static str, String)>),
    NoCard,
    NotAvailable,
}

/// The form.
struct FormView {
    is_on: bool,
    amount: Field,
    trigger: Field,
    limit: Field,
    seen: Seen,
    example: Option<String>,
    consent: String,
    is_switching: bool,
}

#[derive(Template)]
#[template(path = "auto_recharge.html")]
struct Page {
    frame: Frame,
    t: AutoRechargeWords,
    s: SettingsWords,
    id: String,
    errors: Errors,
    tag: Tag,
    sentence: String,
    details: Vec<String>,
    links: Vec<(String, String)>,
    can_resume: bool,
    card: Option<String>,
    body: Body,
    last: Option<LastChanged>,
}

async fn show(
    visit: Visit,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Failure> {
    let account = Box::pin(visit.api().account(&id)).await?;
    let draft = visit.draft::<Typed>();
    let was_signed_out = draft.is_some();
    let typed = match (draft, asked) {
        (Some(draft), _) => draft,
        (None, Ok(Query(asked))) => asked.as_typed(&account.currency, visit.locale),
        (None, Err(_)) => Typed::saved(&account, visit.locale),
    };
    let open = open_recharge(&visit, &account).await;
    let mut page = page(&visit, &account, &typed, Errors::default(), open.as_ref());
    page.frame.notice = match visit.said() {
        Some(said) => notice(&account, said, open.as_ref(), visit.locale),
        None if was_signed_out && visit.may_change() => Some(settings::signed_out(visit.locale)),
        None => None,
    };
    Ok(crate::frame::show(&page))
}

/// The recharge that has no outcome yet, if there is one and it can be read.
async fn open_recharge(visit: &Visit, account: &Account) -> Option<Purchase> {
    if account.open_purchases.is_empty() {
        return None;
    }
    let call = visit.api().get(&["accounts", &account.account_id, "purchases"]).query("limit", "20");
    let purchases = Box::pin(call.answer::<Purchases>()).await.ok()?.purchases;
    let is_open = |purchase: &Purchase| {
        purchase.kind == "recharge"
            && matches!(purchase.status, PurchaseStatus::Pending | PurchaseStatus::NeedsAction)
    };
    purchases.into_iter().find(is_open)
}

fn page(visit: &Visit, account: &Account, form: &Typed, errors: Errors, open: Option<&Purchase>) -> Page {
    let locale = visit.locale;
    let t = AutoRechargeWords(locale);
    let mut frame = visit.frame_of(account, t.title(), Place::Elsewhere);
    frame.has_errors = !errors.is_empty();
    let (tag, sentence) =
        account_view::recharge_state_with(account, open.map(|open| open.amount.as_str()), locale);
    let body = if is_post_usage(account) {
        Body::NotAvailable
    } else if !visit.may_change() {
        Body::Values(read_only(account, t))
    } else if let Some(card) = &account.payment_method {
        let card = account_view::card(card, locale);
        Body::Form(Box::new(form_view(account, form, &errors, &card, t)))
    } else {
        Body::NoCard
    };
    let labels = [
        ("amount", t.add_this_amount()),
        ("trigger", t.when_balance_reaches()),
        ("limit", t.monthly_limit()),
    ];
    let errors =
        if matches!(body, Body::Form(_)) { errors.labelled(&labels, locale) } else { Errors::default() };
    Page {
        frame,
        t,
        s: SettingsWords(locale),
        id: account.account_id.clone(),
        errors,
        tag,
        sentence,
        details: details(account, t),
        links: if visit.may_change() { links(account, open, t) } else { Vec::new() },
        can_resume: visit.may_change() && is_held_back(account),
        card: account
            .payment_method
            .as_ref()
            .map(|card| glossary::labelled(t.payment_method(), &account_view::card(card, locale), locale)),
        body,
        last: LastChanged::of(account.settings_changed.auto_recharge.as_ref(), locale),
    }
}

/// Whether somebody must resume it.
fn is_held_back(account: &Account) -> bool {
    matches!(account.auto_recharge.state.as_str(), "paused" | "stopped")
}

fn form_view(account: &Account, form: &Typed, errors: &Errors, card: &str, t: AutoRechargeWords) -> FormView {
    let locale = t.0;
    let Bounds { minimum, maximum, .. } = Bounds::of(account, locale);
    let number = |money: Option<Money>| money.map(|money| wording::number(money, locale)).unwrap_or_default();
    let field = |name, label: &str, hint, value: &str| {
        Field::new(FieldKind::Amount, name, label.to_owned()).hint(hint).value(value).error(errors.of(name))
    };
    let hint = t.amount_hint(&account.currency, number(minimum), number(maximum));
    let is_first_time = account.auto_recharge.recharge_amount.is_none();
    let example = minimum.filter(|_| is_first_time).map(|minimum| {
        t.example(wording::amount(minimum.times(2), locale), wording::amount(minimum, locale))
    });
    FormView {
        is_on: form.enabled.is_some(),
        amount: field("amount", t.add_this_amount(), hint, &form.amount),
        trigger: field("trigger", t.when_balance_reaches(), t.trigger_hint(), &form.trigger),
        limit: field("limit", t.monthly_limit(), t.limit_hint(), &form.limit).optional(),
        seen: form.seen.clone(),
        example,
        consent: t.consent(card, account.limits.recharges_per_day),
        is_switching: account_view::billing_model(account) == BillingModel::Switching,
    }
}

/// The settings for a viewer.
fn read_only(account: &Account, t: AutoRechargeWords) -> Vec<(&'static str, String)> {
    let s = SettingsWords(t.0);
    let recharge = &account.auto_recharge;
    let amount = |amount: &Option<String>, none: String| match amount {
        Some(amount) => figures::amount(amount, &account.currency, t.0),
        None => none,
    };
    vec![
        (t.auto_recharge(), if recharge.enabled { t.on() } else { t.off() }),
        (t.add_this_amount(), amount(&recharge.recharge_amount, s.none())),
        (t.when_balance_reaches(), amount(&recharge.trigger_amount, s.none())),
        (t.monthly_limit(), amount(&recharge.monthly_limit, s.no_limit())),
    ]
}

/// Further sentences about the state.
fn details(account: &Account, t: AutoRechargeWords) -> Vec<String> {
    let recharge = &account.auto_recharge;
    let failure = recharge.last_failure.as_ref();
    let advice = || failure.map(|failure| wording::decline(&failure.reason, t.0).advice.to_owned());
    match recharge.state.as_str() {
        "charging" => vec![t.goes_on()],
        "waiting" => advice().into_iter().collect(),
        "stopped" => failure.map_or_else(Vec::new, |failure| {
            let decline = wording::decline(&failure.reason, t.0);
            let at = figures::minute(failure.at.into(), t.0);
            vec![t.last_declined(at, decline.why), decline.advice.to_owned()]
        }),
        _ => Vec::new(),
    }
}

/// Links to the actions that leave the state, beside the form.
fn links(account: &Account, open: Option<&Purchase>, t: AutoRechargeWords) -> Vec<(String, String)> {
    let of = |path: &str| format!("/accounts/{}{path}", account.account_id);
    let change_card = || (t.change_card(), of("/payment-method"));
    let add_funds = || (t.add_funds().to_owned(), of("/funds/add"));
    let recharge = &account.auto_recharge;
    match (recharge.state.as_str(), recharge.why.as_deref()) {
        ("waiting", _) => vec![change_card(), add_funds()],
        ("needsAction", _) => {
            let confirm =
                open.map(|open| (t.confirm_payment(), of(&format!("/purchases/{}", open.purchase_id))));
            confirm.into_iter().chain([change_card()]).collect()
        }
        ("limited", Some("monthly")) => vec![add_funds()],
        ("paused", Some("runaway")) => vec![(t.usage().to_owned(), of("/usage"))],
        ("stopped", _) => vec![change_card()],
        _ => Vec::new(),
    }
}

/// The notice of the page after a form was saved.
fn notice(account: &Account, said: &str, open: Option<&Purchase>, locale: Locale) -> Option<Notice> {
    let t = AutoRechargeWords(locale);
    let is_running = matches!(account.auto_recharge.state.as_str(), "armed" | "charging");
    let (what, charged) = said.split_once(' ').map_or((said, None), |(what, amount)| (what, Some(amount)));
    let card = account.payment_method.as_ref().map(|card| account_view::card(card, locale));
    let charge = charged
        .zip(card)
        .filter(|_| is_running)
        .map(|(amount, card)| t.will_be_charged(card, figures::amount(amount, &account.currency, locale)));
    match what {
        "off" => {
            let mut text = vec![t.no_longer_charged()];
            if figures::is_positive(&account.available) {
                text.push(t.balance_stays(figures::rounded(&account.available, &account.currency, locale)));
            }
            text.extend(open.map(|open| t.may_still_complete(time(open.created_at.into()))));
            Some(Notice::new(Tone::Good, t.is_off(), text.join(" ")))
        }
        "on" if is_held_back(account) => {
            let resume = format!("{}/resume", path_of(&account.account_id));
            let notice = Notice::new(Tone::Warn, SettingsWords(locale).saved(), t.still_held_back());
            Some(notice.link(t.resume().to_owned(), resume))
        }
        "on" => Some(Notice::new(Tone::Good, t.is_on(), charge.unwrap_or_default())),
        "resumed" => Some(Notice::new(Tone::Good, t.is_resumed(), charge.unwrap_or_default())),
        _ => None,
    }
}

/// The time of day in UTC, to the minute.
fn time(instant: Timestamp) -> String {
    instant.strftime("%H:%M").to_string()
}

async fn send(visit: Visit, Path(id): Path<String>, Form(form): Form<Typed>) -> Result<Response, Failure> {
    visit.must_change()?;
    if form.enabled.is_none() {
        return turn_off(&visit, &id).await;
    }
    let account = Box::pin(visit.api().account(&id)).await?;
    if is_post_usage(&account) || account.payment_method.is_none() {
        return Ok(refused(&visit, &account, &form, Errors::default(), StatusCode::CONFLICT));
    }
    let asked = match form.read(&account, visit.locale) {
        Ok(asked) => asked,
        Err(errors) => {
            return Ok(refused(&visit, &account, &form, errors, StatusCode::UNPROCESSABLE_ENTITY));
        }
    };
    if is_low(&account, &asked) {
        match Box::pin(preview(&visit, &id, asked.body())).await {
            Ok(RechargePreview { charges_now: Some(_), .. }) => {
                let confirm = asked.address(&format!("{}/confirm", path_of(&id)));
                return Ok(Redirect::to(&confirm).into_response());
            }
            Ok(_) => {}
            Err(error) => return corrected(&visit, &account, &form, error),
        }
    }
    match Box::pin(put(&visit, &id, &asked)).await {
        Ok(Outcome::Saved(_)) => Ok(visit.lead_to(&path_of(&id), "on")),
        Ok(Outcome::Changed(account)) => Ok(changed(&visit, &account, &asked)),
        Err(error) => corrected(&visit, &account, &form, error),
    }
}

/// Turns auto-recharge off. The other fields of the form do not count, nor do changes by others: the saved amounts stay as they are.
async fn turn_off(visit: &Visit, id: &str) -> Result<Response, Failure> {
    let call = visit.api().call(Method::PUT, &["accounts", id, "auto-recharge"]);
    Box::pin(call.body(json!({ "enabled": false })).answer::<Account>()).await?;
    Ok(visit.lead_to(&path_of(id), "off"))
}

/// Whether the balance is so low that the card would be charged.
fn is_low(account: &Account, asked: &Asked) -> bool {
    let money = |amount: &str| figures::money(amount, &account.currency);
    money(&account.available)
        .zip(money(&asked.trigger))
        .is_none_or(|(available, trigger)| available <= trigger)
}

async fn preview(visit: &Visit, id: &str, body: Value) -> Result<RechargePreview, ApiError> {
    let call = visit.api().call(Method::POST, &["accounts", id, "auto-recharge", "preview"]);
    call.body(body).answer().await
}

async fn put(visit: &Visit, id: &str, asked: &Asked) -> Result<Outcome, ApiError> {
    let path = ["accounts", id, "auto-recharge"];
    let is_saved = |account: &Account| asked.is_saved(account);
    save(visit, Method::PUT, &path, asked.body(), &asked.seen, values, is_saved).await
}

fn refused(visit: &Visit, account: &Account, form: &Typed, errors: Errors, status: StatusCode) -> Response {
    let page = page(visit, account, form, errors, None);
    (status, crate::frame::show(&page)).into_response()
}

/// The form again, with the errors of the API.
fn corrected(visit: &Visit, account: &Account, form: &Typed, error: ApiError) -> Result<Response, Failure> {
    match error {
        ApiError::Problem(problem) if matches!(problem.status, 409 | 422) => {
            let fields =
                [("rechargeAmount", "amount"), ("triggerAmount", "trigger"), ("monthlyLimit", "limit")];
            let errors = Errors::of_problem(&problem, &fields, visit.locale);
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            Ok(refused(visit, account, form, errors, status))
        }
        error => Err(error.into()),
    }
}

/// The page that shows the settings of now beside those of the form.
fn changed(visit: &Visit, account: &Account, asked: &Asked) -> Response {
    let (locale, currency) = (visit.locale, &account.currency);
    let t = AutoRechargeWords(locale);
    let s = SettingsWords(locale);
    let yours = |amount: &str| figures::amount(amount, currency, locale);
    let yours = [
        t.on(),
        yours(&asked.amount),
        yours(&asked.trigger),
        asked.limit.as_deref().map_or_else(|| s.no_limit(), yours),
    ];
    let now = read_only(account, t);
    let differences = now.into_iter().zip(yours).map(|((label, now), yours)| Difference {
        label: label.to_owned(),
        now,
        yours,
    });
    let both = Both {
        place: Place::Elsewhere,
        path: path_of(&account.account_id),
        settings: differences.collect(),
        fields: vec![
            ("enabled", "on".to_owned()),
            ("amount", asked.amount.clone()),
            ("trigger", asked.trigger.clone()),
            ("limit", asked.limit.clone().unwrap_or_default()),
        ],
        last: LastChanged::of(account.settings_changed.auto_recharge.as_ref(), locale),
    };
    settings::changed(visit, account, values, both)
}

/// The amount that a person was shown beside the button that charges the card.
#[derive(Debug, Deserialize)]
struct Shown {
    /// The amount, or nothing if nothing would be charged.
    #[serde(default)]
    charges: String,
}

impl Shown {
    /// Whether the card would now be charged more than was shown.
    fn is_exceeded_by(&self, charge: Option<&str>) -> bool {
        let decimal = |amount: &str| amount.parse::<Decimal>().ok();
        charge.is_some_and(|charge| match (decimal(&self.charges), decimal(charge)) {
            (Some(shown), Some(charge)) => charge > shown,
            _ => true,
        })
    }
}

#[derive(Template)]
#[template(path = "auto_recharge_confirm.html")]
struct ConfirmPage {
    frame: Frame,
    t: AutoRechargeWords,
    s: SettingsWords,
    /// The address of this page, with the settings.
    address: String,
    back: String,
    /// The amount that is charged at once, for the API.
    charges: String,
    /// The same for people.
    charge: Option<String>,
    facts: Vec<(String, String)>,
    consent: String,
}

async fn show_confirm(
    visit: Visit,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Failure> {
    let back = || Ok(Redirect::to(&path_of(&id)).into_response());
    let Some(Query(asked)) = asked.ok().filter(|_| visit.may_change()) else { return back() };
    let account = Box::pin(visit.api().account(&id));
    let (account, preview) = tokio::join!(account, Box::pin(preview(&visit, &id, asked.body())));
    let account = account?;
    match preview {
        Ok(preview) => {
            let mut page = confirm_page(&visit, &account, &asked, &preview);
            page.frame.notice = visit.draft::<Shown>().map(|_| settings::signed_out(visit.locale));
            Ok(crate::frame::show(&page))
        }
        // The address was changed by hand, or there is no card any more: the settings say so.
        Err(error) if matches!(error.status(), Some(409 | 422)) => back(),
        Err(error) => Err(error.into()),
    }
}

fn confirm_page(visit: &Visit, account: &Account, asked: &Asked, preview: &RechargePreview) -> ConfirmPage {
    let locale = visit.locale;
    let (t, s) = (AutoRechargeWords(locale), SettingsWords(locale));
    let amount = |amount: &str| figures::amount(amount, &account.currency, locale);
    let card = account.payment_method.as_ref().map(|card| account_view::card(card, locale));
    let card = card.unwrap_or_default();
    let charge = preview.charges_now.as_deref();
    let mut facts = vec![
        (t.available_balance().to_owned(), figures::rounded(&account.available, &account.currency, locale)),
        (t.when_balance_reaches().to_owned(), amount(&asked.trigger)),
        (t.add_this_amount().to_owned(), amount(&asked.amount)),
        (t.monthly_limit().to_owned(), asked.limit.as_deref().map_or_else(|| s.no_limit(), amount)),
    ];
    if let Some(charge) = charge {
        let many = times(charge, &asked.amount).map(|times| t.times_amount(times, amount(&asked.amount)));
        let said = many.map_or_else(|| amount(charge), |many| format!("{} ({many})", amount(charge)));
        facts.push((t.charged_now(), said));
        facts.push((t.card_charged(), card.clone()));
        let until = Lot::expiry_of_purchase(visit.now);
        facts.push((t.usable_until().to_owned(), wording::date(until, locale)));
    }
    let heading = if charge.is_some() { t.confirm_title() } else { t.title().to_owned() };
    let path = path_of(&account.account_id);
    ConfirmPage {
        frame: visit.frame_of(account, heading, Place::Elsewhere),
        t,
        s,
        address: asked.address(&format!("{path}/confirm")),
        back: asked.address(&path),
        charges: charge.unwrap_or_default().to_owned(),
        charge: charge.map(amount),
        facts,
        consent: t.consent_of(
            card,
            amount(&asked.amount),
            amount(&asked.trigger),
            account.limits.recharges_per_day,
        ),
    }
}

/// How many amounts a charge is, if it is several.
fn times(charge: &str, amount: &str) -> Option<Decimal> {
    let decimal = |text: &str| text.parse::<Decimal>().ok();
    let times = decimal(charge)?.checked_div(decimal(amount)?)?.normalize();
    (times.is_integer() && times > Decimal::ONE).then_some(times)
}

async fn confirm(
    visit: Visit,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
    Form(shown): Form<Shown>,
) -> Result<Response, Failure> {
    visit.must_change()?;
    let Ok(Query(asked)) = asked else { return Ok(Redirect::to(&path_of(&id)).into_response()) };
    let preview = match Box::pin(preview(&visit, &id, asked.body())).await {
        Ok(preview) => preview,
        Err(error) if matches!(error.status(), Some(409 | 422)) => {
            return Ok(Redirect::to(&path_of(&id)).into_response());
        }
        Err(error) => return Err(error.into()),
    };
    if shown.is_exceeded_by(preview.charges_now.as_deref()) {
        let account = Box::pin(visit.api().account(&id)).await?;
        let mut page = confirm_page(&visit, &account, &asked, &preview);
        let charge = page.charge.clone().unwrap_or_default();
        let t = page.t;
        page.frame.notice = Some(Notice::new(Tone::Warn, t.amount_changed(), t.amount_changed_text(charge)));
        return Ok((StatusCode::CONFLICT, crate::frame::show(&page)).into_response());
    }
    match Box::pin(put(&visit, &id, &asked)).await? {
        Outcome::Saved(_) => Ok(visit.lead_to(&path_of(&id), &said("on", preview.charges_now.as_deref()))),
        Outcome::Changed(account) => Ok(changed(&visit, &account, &asked)),
    }
}

/// The notice that the page of the settings shows, and the charge that it is about.
fn said(what: &str, charge: Option<&str>) -> String {
    charge.map_or_else(|| what.to_owned(), |charge| format!("{what} {charge}"))
}

#[derive(Template)]
#[template(path = "auto_recharge_resume.html")]
struct ResumePage {
    frame: Frame,
    t: AutoRechargeWords,
    path: String,
    tag: Tag,
    sentence: String,
    details: Vec<String>,
    what_happens: String,
    charges: String,
    button: String,
}

async fn show_resume(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let account = Box::pin(visit.api().account(&id)).await?;
    if !visit.may_change() || !is_held_back(&account) {
        return Ok(Redirect::to(&path_of(&id)).into_response());
    }
    let charge = Box::pin(charge_if_resumed(&visit, &account)).await?;
    let mut page = resume_page(&visit, &account, charge);
    page.frame.notice = visit.draft::<Shown>().map(|_| settings::signed_out(visit.locale));
    Ok(crate::frame::show(&page))
}

/// The amount that resuming would charge at once.
async fn charge_if_resumed(visit: &Visit, account: &Account) -> Result<Option<String>, ApiError> {
    Ok(Box::pin(preview_again(visit, account)).await?.and_then(|preview| preview.charges_if_resumed))
}

/// The preview of the present settings, as if they were saved again. None unless the balance is low.
pub(super) async fn preview_again(
    visit: &Visit,
    account: &Account,
) -> Result<Option<RechargePreview>, ApiError> {
    let recharge = &account.auto_recharge;
    let (Some(amount), Some(trigger)) = (&recharge.recharge_amount, &recharge.trigger_amount) else {
        return Ok(None);
    };
    let asked = Asked {
        seen: Seen::default(),
        amount: amount.clone(),
        trigger: trigger.clone(),
        limit: recharge.monthly_limit.clone(),
    };
    if !is_low(account, &asked) {
        return Ok(None);
    }
    Box::pin(preview(visit, &account.account_id, asked.body())).await.map(Some)
}

fn resume_page(visit: &Visit, account: &Account, charge: Option<String>) -> ResumePage {
    let locale = visit.locale;
    let t = AutoRechargeWords(locale);
    let amount = |amount: &str| figures::amount(amount, &account.currency, locale);
    let (tag, sentence) = account_view::recharge_state(account, locale);
    let card = account.payment_method.as_ref().map(|card| account_view::card(card, locale));
    let trigger = account.auto_recharge.trigger_amount.as_deref();
    let is_low = figures::money(&account.available, &account.currency)
        .zip(trigger.and_then(|trigger| figures::money(trigger, &account.currency)))
        .is_some_and(|(available, trigger)| available <= trigger);
    let what_happens = match &charge {
        Some(charge) => t.resume_charges(card.unwrap_or_default(), amount(charge)),
        None if is_low => t.resume_held_back(),
        None => t.resume_charges_nothing(trigger.map(amount).unwrap_or_default()),
    };
    ResumePage {
        frame: visit.frame_of(account, t.resume(), Place::Elsewhere),
        t,
        path: path_of(&account.account_id),
        tag,
        sentence,
        details: details(account, t),
        what_happens,
        button: match &charge {
            Some(charge) => t.resume_and_pay(amount(charge)),
            None => t.resume().to_owned(),
        },
        charges: charge.unwrap_or_default(),
    }
}

async fn resume(visit: Visit, Path(id): Path<String>, Form(shown): Form<Shown>) -> Result<Response, Failure> {
    visit.must_change()?;
    let account = Box::pin(visit.api().account(&id)).await?;
    if !is_held_back(&account) {
        return Ok(Redirect::to(&path_of(&id)).into_response());
    }
    let charge = Box::pin(charge_if_resumed(&visit, &account)).await?;
    if shown.is_exceeded_by(charge.as_deref()) {
        let mut page = resume_page(&visit, &account, charge.clone());
        let charge = figures::amount(charge.as_deref().unwrap_or_default(), &account.currency, visit.locale);
        let t = page.t;
        page.frame.notice =
            Some(Notice::new(Tone::Warn, t.amount_changed(), t.resume_amount_changed_text(charge)));
        return Ok((StatusCode::CONFLICT, crate::frame::show(&page)).into_response());
    }
    let call = visit.api().call(Method::POST, &["accounts", &id, "auto-recharge", "resume"]);
    match Box::pin(call.answer::<Account>()).await {
        Ok(_) => Ok(visit.lead_to(&path_of(&id), &said("resumed", charge.as_deref()))),
        // Somebody else has resumed it: the page says how it stands.
        Err(error) if error.status() == Some(409) => Ok(Redirect::to(&path_of(&id)).into_response()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::settings::example::account;
    use super::*;

    fn typed(amount: &str, trigger: &str, limit: &str) -> Typed {
        let [amount, trigger, limit] = [amount, trigger, limit].map(str::to_owned);
        Typed { enabled: Some("on".to_owned()), amount, trigger, limit, ..Typed::default() }
    }

    #[test]
    fn amounts_are_read_in_the_language_of_the_page() {
        let account = account(json!({}));
        let asked = typed("1 234,50", "50", "").read(&account, Locale::Fr).unwrap();
        assert_eq!((asked.amount.as_str(), asked.trigger.as_str(), asked.limit), ("1234.5", "50", None));
        let asked = typed("1,234.50", "50.00", "2,000").read(&account, Locale::En).unwrap();
        assert_eq!(asked.body()["monthlyLimit"], "2000");
        let again = asked.as_typed("EUR", Locale::Fr);
        assert_eq!(again.amount, "1\u{202f}234,50");
        assert_eq!(again.read(&account, Locale::Fr).unwrap().amount, "1234.5");
    }

    #[test]
    fn every_wrong_amount_is_named_with_what_is_allowed() {
        let account = account(json!({}));
        let errors = |amount, trigger, limit| {
            let errors = typed(amount, trigger, limit).read(&account, Locale::En).unwrap_err();
            ["amount", "trigger", "limit"].map(|field| errors.of(field).unwrap_or_default())
        };
        let none = String::new();
        assert_eq!(
            errors("49.99", "", "5,5"),
            ["Enter at least EUR\u{a0}50.00.", "Enter an amount, such as EUR\u{a0}50.00.", "Write 5.50."]
        );
        assert_eq!(errors("100000.01", "50", "")[0], "Enter at most EUR\u{a0}100,000.00.");
        let [amount, trigger, limit] = errors("100", "50", "99.99");
        assert_eq!((amount, trigger), (none.clone(), none));
        assert!(limit.contains("at least EUR\u{a0}100.00"), "{limit}");
    }

    #[test]
    fn amounts_of_hidden_fields_are_read_alike_in_every_language() {
        let account = account(json!({}));
        for written in ["1,234.50", "1,234", "50.05"] {
            let asked = typed(written, "50", "").read(&account, Locale::En).unwrap();
            for locale in Locale::ALL {
                let again = typed(&asked.amount, &asked.trigger, "").read(&account, locale).unwrap();
                assert_eq!(again.amount, asked.amount, "{written}");
            }
        }
    }

    #[test]
    fn settings_that_the_account_has_are_saved() {
        let recharge = json!({
            "enabled": true, "state": "armed", "rechargeAmount": "100.0000", "triggerAmount": "50.0000",
        });
        let account = account(json!({ "autoRecharge": recharge }));
        let is_saved =
            |amount, limit| typed(amount, "50", limit).read(&account, Locale::En).unwrap().is_saved(&account);
        assert!(is_saved("100", ""));
        assert!(!is_saved("100.01", "") && !is_saved("100", "200"));
    }

    #[test]
    fn settings_that_are_saved_while_it_is_held_back_lead_to_resuming_it() {
        let title = |state: &str| {
            let account = account(json!({ "autoRecharge": { "enabled": true, "state": state } }));
            notice(&account, "on", None, Locale::En).unwrap().title
        };
        assert_eq!(title("armed"), "Auto-recharge is on");
        assert_eq!([title("paused"), title("stopped")], ["The settings are saved", "The settings are saved"]);
    }

    #[test]
    fn a_balance_at_the_trigger_is_low() {
        let account = account(json!({ "available": "60.0000" }));
        let asked = |trigger| typed("50", trigger, "").read(&account, Locale::En).unwrap();
        assert!(is_low(&account, &asked("60")) && is_low(&account, &asked("60.01")));
        assert!(!is_low(&account, &asked("59.99")));
    }

    #[test]
    fn a_person_pays_no_more_than_was_shown() {
        let shown = |charges: &str| Shown { charges: charges.to_owned() };
        assert!(!shown("100.0000").is_exceeded_by(Some("100.00")));
        assert!(!shown("100.0000").is_exceeded_by(Some("50")) && !shown("100").is_exceeded_by(None));
        assert!(shown("100").is_exceeded_by(Some("100.01")));
        assert!(shown("").is_exceeded_by(Some("50")) && shown("nonsense").is_exceeded_by(Some("50")));
    }

    #[test]
    fn a_charge_says_of_how_many_amounts_it_is() {
        assert_eq!(times("150.0000", "50"), Some(3.into()));
        assert_eq!((times("50", "50.00"), times("50", "0"), times("75", "50")), (None, None, None));
    }

    #[test]
    fn what_leaves_a_state_stands_beside_it() {
        let t = AutoRechargeWords(Locale::En);
        let links = |recharge: Value| {
            let account = account(json!({ "autoRecharge": recharge }));
            links(&account, None, t).into_iter().map(|(_, href)| href).collect::<Vec<_>>()
        };
        assert_eq!(links(json!({ "enabled": true, "state": "armed" })), Vec::<String>::new());
        assert_eq!(
            links(json!({ "enabled": true, "state": "waiting", "why": "card_declined" })),
            ["/accounts/a/payment-method", "/accounts/a/funds/add"]
        );
        assert_eq!(
            links(json!({ "enabled": true, "state": "paused", "why": "runaway" })),
            ["/accounts/a/usage"]
        );
    }
}
