//! Mails: who gets them, in which language, and at which balance they warn.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use contract::Account;
use domain::Locale;
use domain::profile::MAX_NOTIFICATION_EMAILS;
use serde::Deserialize;
use serde_json::json;

use super::settings::{self, Both, Difference, LastChanged, Outcome, Seen, in_field, is_amount, save};
use crate::Portal;
use crate::api::{ApiError, Problem};
use crate::failure::Failure;
use crate::figures;
use crate::form::{Errors, Field, FieldKind, for_api, typed};
use crate::frame::{Frame, Notice, Place, Tone};
use crate::session::Visit;
use crate::words::{FormWords, NotificationsWords, SettingsWords};

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/accounts/{id}/notifications", get(show).post(send))
}

fn path_of(id: &str) -> String {
    format!("/accounts/{id}/notifications")
}

/// The form, as a person typed it.
#[derive(Clone, Debug, Deserialize)]
struct Typed {
    #[serde(flatten)]
    seen: Seen,
    #[serde(default)]
    recipients: String,
    #[serde(default)]
    locale: String,
    #[serde(default)]
    warning: String,
}

impl Typed {
    fn saved(account: &Account, locale: Locale) -> Self {
        Self {
            seen: Seen::of(account, values),
            recipients: account.notification_emails.join("\n"),
            locale: account.locale.clone(),
            warning: in_field(account.low_balance_amount.as_ref(), &account.currency, locale),
        }
    }
}

/// The settings that the form is about.
fn values(account: &Account) -> Vec<String> {
    let mut values = vec![account.locale.clone(), account.low_balance_amount.clone().unwrap_or_default()];
    values.extend(account.notification_emails.iter().cloned());
    values
}

/// An address, and the line on which it stands, from one on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Recipient {
    line: usize,
    address: String,
}

/// Reads addresses, one a line. People also set them apart by commas, semicolons and spaces. Says whether some stood there twice, in
/// upper or lower case.
fn read_recipients(text: &str) -> (Vec<Recipient>, bool) {
    let mut recipients: Vec<Recipient> = Vec::new();
    let mut are_merged = false;
    for (index, line) in text.lines().enumerate() {
        let parts = line.split(|letter: char| matches!(letter, ',' | ';') || letter.is_whitespace());
        for address in parts.filter(|part| !part.is_empty()) {
            if recipients.iter().any(|earlier| earlier.address.eq_ignore_ascii_case(address)) {
                are_merged = true;
            } else {
                recipients.push(Recipient { line: index + 1, address: address.to_owned() });
            }
        }
    }
    (recipients, are_merged)
}

#[derive(Template)]
#[template(path = "notifications.html")]
struct Page {
    frame: Frame,
    t: NotificationsWords,
    s: SettingsWords,
    id: String,
    errors: Errors,
    sent: [String; 12],
    /// The form, for people who may change it.
    form: Option<FormView>,
    /// The settings, for viewers.
    recipients: Vec<String>,
    language: &'static str,
    warning: String,
    last: Option<LastChanged>,
}

struct FormView {
    recipients: Field,
    languages: [Choice; 2],
    warning: Field,
    seen: Seen,
}

/// A language to choose.
struct Choice {
    code: &'static str,
    name: &'static str,
    is_chosen: bool,
}

/// A language by its own name.
fn language(locale: Locale) -> &'static str {
    match locale {
        Locale::En => "English",
        Locale::Fr => "Français",
    }
}

fn language_named(code: &str) -> &'static str {
    Locale::parse(code).map_or("", language)
}

async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let account = Box::pin(visit.api().account(&id)).await?;
    let draft = visit.draft::<Typed>().filter(|_| visit.may_change());
    let was_signed_out = draft.is_some();
    let form = draft.unwrap_or_else(|| Typed::saved(&account, visit.locale));
    let mut page = page(&visit, &account, &form, Errors::default());
    page.frame.notice = match visit.said() {
        Some(said) => Some(saved(&account, said, visit.locale)),
        None if was_signed_out => Some(settings::signed_out(visit.locale)),
        None => account.notification_emails.is_empty().then(|| {
            let t = NotificationsWords(visit.locale);
            Notice::new(Tone::Warn, t.nobody(), t.nobody_text())
        }),
    };
    Ok(crate::frame::show(&page))
}

/// The notice of the page after saving.
fn saved(account: &Account, said: &str, locale: Locale) -> Notice {
    let t = NotificationsWords(locale);
    let mut text = Vec::new();
    if said.contains("merged") {
        text.push(t.merged());
    }
    if said.contains("told") {
        text.push(t.told());
    }
    let mut notice = Notice::new(Tone::Good, SettingsWords(locale).saved(), text.join(" "));
    if account.notification_emails.is_empty() {
        notice.tone = Tone::Warn;
        notice.also.push(format!("{}.", t.nobody()));
    }
    notice
}

fn page(visit: &Visit, account: &Account, form: &Typed, errors: Errors) -> Page {
    let locale = visit.locale;
    let t = NotificationsWords(locale);
    let s = SettingsWords(locale);
    let mut frame = visit.frame_of(account, t.title(), Place::Notifications);
    frame.has_errors = !errors.is_empty();
    let view = visit.may_change().then(|| FormView {
        recipients: Field::new(FieldKind::Lines, "recipients", t.recipients().to_owned())
            .hint(t.recipients_hint(MAX_NOTIFICATION_EMAILS))
            .value(form.recipients.clone())
            .error(all_of(&errors, "recipients"))
            .optional(),
        languages: Locale::ALL.map(|choice| Choice {
            code: choice.as_str(),
            name: language(choice),
            is_chosen: choice.as_str() == form.locale,
        }),
        warning: Field::new(FieldKind::Amount, "warning", t.warn_at())
            .hint(t.warn_at_hint(&account.currency))
            .value(form.warning.clone())
            .error(errors.of("warning"))
            .optional(),
        seen: form.seen.clone(),
    });
    let errors = errors.labelled(&[("warning", &t.warn_at())], locale);
    Page {
        frame,
        t,
        s,
        id: account.account_id.clone(),
        errors,
        sent: [
            t.funds_added(),
            t.recharge_failed(),
            t.depleted(),
            t.warning(),
            t.expiring(),
            t.card_expiring(),
            t.bought(),
            t.paid_back(),
            t.pools(),
            t.settings(),
            t.held_back(),
            t.invoices(),
        ],
        form: view,
        recipients: account.notification_emails.clone(),
        language: language_named(&account.locale),
        warning: warning_of(account, locale),
        last: LastChanged::of(account.settings_changed.notifications.as_ref(), locale),
    }
}

/// Every error of a field, in one text.
fn all_of(errors: &Errors, field: &str) -> Option<String> {
    let of_field = errors.0.iter().filter(|(named, _)| *named == field).map(|(_, error)| error.as_str());
    let all = of_field.collect::<Vec<_>>().join(" ");
    (!all.is_empty()).then_some(all)
}

fn warning_of(account: &Account, locale: Locale) -> String {
    match &account.low_balance_amount {
        Some(amount) => figures::amount(amount, &account.currency, locale),
        None => SettingsWords(locale).none(),
    }
}

async fn send(visit: Visit, Path(id): Path<String>, Form(form): Form<Typed>) -> Result<Response, Failure> {
    visit.must_change()?;
    let account = Box::pin(visit.api().account(&id)).await?;
    let t = NotificationsWords(visit.locale);
    let (recipients, are_merged) = read_recipients(&form.recipients);
    let mut errors = Errors::default();
    if recipients.len() > MAX_NOTIFICATION_EMAILS {
        errors.add("recipients", t.too_many(recipients.len(), MAX_NOTIFICATION_EMAILS));
    }
    let warning = typed(&form.warning, &account.currency, visit.locale).unwrap_or_else(|wrong| {
        errors.add("warning", wrong);
        None
    });
    if !errors.is_empty() {
        return Ok(again(&visit, &account, &form, errors));
    }
    let addresses: Vec<_> = recipients.iter().map(|recipient| recipient.address.clone()).collect();
    let are_told = addresses != account.notification_emails;
    let body = json!({
        "notificationEmails": &addresses,
        "locale": form.locale,
        "lowBalanceAmount": warning.map(for_api),
    });
    let path = ["accounts", id.as_str()];
    let is_as_wanted = |account: &Account| {
        account.notification_emails == addresses
            && account.locale == form.locale
            && is_amount(account.low_balance_amount.as_ref(), warning, &account.currency)
    };
    let saved = save(&visit, Method::PATCH, &path, body, &form.seen, values, is_as_wanted);
    match Box::pin(saved).await {
        Ok(Outcome::Saved(_)) => {
            let said = [Some("saved"), are_merged.then_some("merged"), are_told.then_some("told")];
            Ok(visit.lead_to(&path_of(&id), &said.into_iter().flatten().collect::<Vec<_>>().join(" ")))
        }
        Ok(Outcome::Changed(account)) => Ok(changed(&visit, &account, &form)),
        Err(ApiError::Problem(problem)) if matches!(problem.status, 409 | 422) => {
            let errors = corrections(&problem, &recipients, visit.locale);
            Ok(again(&visit, &account, &form, errors))
        }
        Err(error) => Err(error.into()),
    }
}

fn again(visit: &Visit, account: &Account, form: &Typed, errors: Errors) -> Response {
    let page = page(visit, account, form, errors);
    (StatusCode::UNPROCESSABLE_ENTITY, crate::frame::show(&page)).into_response()
}

/// The errors of the API, with the numbers of the lines that have wrong addresses.
fn corrections(problem: &Problem, recipients: &[Recipient], locale: Locale) -> Errors {
    let (t, form) = (NotificationsWords(locale), FormWords(locale));
    let mut errors = Errors::default();
    for error in &problem.errors {
        let index = error.field.strip_prefix("notificationEmails[").and_then(|rest| rest.strip_suffix(']'));
        let recipient = index.and_then(|index| recipients.get(index.parse::<usize>().ok()?));
        match (recipient, error.field.as_str()) {
            (Some(Recipient { line, address }), _) => {
                errors.add("recipients", t.not_an_address(line, wording::one_line(address)));
            }
            (None, "lowBalanceAmount") => errors.add("warning", form.of_code(&error.code)),
            (None, "locale") => errors.add("locale-en", form.of_code(&error.code)),
            (None, _) => errors.add("recipients", form.of_code(&error.code)),
        }
    }
    if errors.is_empty() {
        errors.add("recipients", form.of_code(&problem.code));
    }
    errors
}

/// The page that shows the settings of now beside those of the form.
fn changed(visit: &Visit, account: &Account, form: &Typed) -> Response {
    let locale = visit.locale;
    let (t, s) = (NotificationsWords(locale), SettingsWords(locale));
    let listed = |addresses: Vec<String>| {
        if addresses.is_empty() { s.none() } else { addresses.join(", ") }
    };
    let (yours, _) = read_recipients(&form.recipients);
    let warning = typed(&form.warning, &account.currency, locale).ok().flatten();
    let settings = vec![
        Difference {
            label: t.recipients().to_owned(),
            now: listed(account.notification_emails.clone()),
            yours: listed(yours.into_iter().map(|recipient| recipient.address).collect()),
        },
        Difference {
            label: t.language(),
            now: language_named(&account.locale).to_owned(),
            yours: language_named(&form.locale).to_owned(),
        },
        Difference {
            label: t.warn_at(),
            now: warning_of(account, locale),
            yours: warning.map_or_else(|| s.none(), |money| wording::amount(money, locale)),
        },
    ];
    let both = Both {
        place: Place::Notifications,
        path: path_of(&account.account_id),
        settings,
        fields: vec![
            ("recipients", form.recipients.clone()),
            ("locale", form.locale.clone()),
            ("warning", warning.map(for_api).unwrap_or_default()),
        ],
        last: LastChanged::of(account.settings_changed.notifications.as_ref(), locale),
    };
    settings::changed(visit, account, values, both)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<(usize, String)>, bool) {
        let (recipients, are_merged) = read_recipients(text);
        (recipients.into_iter().map(|recipient| (recipient.line, recipient.address)).collect(), are_merged)
    }

    #[test]
    fn addresses_keep_the_line_on_which_they_stand() {
        let (recipients, are_merged) = read("ada@example.com\r\n\r\n  bob@example.com ; eve@example.com,\n");
        let expected = [(1, "ada@example.com"), (3, "bob@example.com"), (3, "eve@example.com")];
        assert_eq!(recipients, expected.map(|(line, address)| (line, address.to_owned())));
        assert!(!are_merged);
        assert_eq!(read(" \n ,"), (Vec::new(), false));
    }

    #[test]
    fn an_address_that_stands_there_twice_is_one_recipient() {
        let (recipients, are_merged) = read("ada@example.com\nADA@example.com");
        assert_eq!(recipients, [(1, "ada@example.com".to_owned())]);
        assert!(are_merged);
    }

    #[test]
    fn a_wrong_address_is_named_with_its_line() {
        let (recipients, _) = read_recipients("ada@example.com\n\nada@");
        let problem: Problem = serde_json::from_value(json!({
            "status": 422, "code": "invalid",
            "errors": [
                { "field": "notificationEmails[1]", "code": "wrongFormat" },
                { "field": "lowBalanceAmount", "code": "outOfRange" },
            ],
        }))
        .unwrap();
        let errors = corrections(&problem, &recipients, Locale::En);
        assert_eq!(errors.of("recipients").as_deref(), Some("Line 3: “ada@” is not an address."));
        assert!(errors.of("warning").is_some());
    }
}
