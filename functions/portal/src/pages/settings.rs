//! The common parts of the pages of settings. A form carries the settings that its page has shown. If somebody has changed them since, the
//! form is not saved: a page shows both side by side.

use askama::Template;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contract::{Account, LastChange};
use domain::{Fingerprint, Locale, Money};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::api::ApiError;
use crate::figures;
use crate::frame::{Frame, Notice, Place, Tone};
use crate::session::Visit;
use crate::words::SettingsWords;

/// The settings that a form's page has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Seen {
    /// The API's version of all settings of the account.
    #[serde(rename = "settingsVersion", default)]
    pub(super) version: String,
    /// Stands for the settings that the form is about.
    #[serde(rename = "settingsSeen", default)]
    pub(super) values: String,
}

/// The settings of an account that a form is about, as the API has them.
pub(super) type Values = fn(&Account) -> Vec<String>;

impl Seen {
    pub(super) fn of(account: &Account, values: Values) -> Self {
        let values = values(account);
        let values = Fingerprint::of(values.iter().map(String::as_str)).as_str().to_owned();
        Self { version: account.settings_version.clone(), values }
    }

    /// Whether the settings that the form is about are still as they were.
    fn still_holds(&self, account: &Account, values: Values) -> bool {
        Self::of(account, values).values == self.values
    }
}

/// The outcome of a change of settings.
pub(super) enum Outcome {
    Saved(Box<Account>),
    /// Somebody else has changed them. This is the account as it is now.
    Changed(Box<Account>),
}

/// Saves settings, unless somebody has changed them since the form's page was opened. Changes of settings that the form is not about
/// do not count. Settings that are as the form wants them, most likely since it was sent twice, count as saved. With `null` as its
/// body, the request has none.
pub(super) async fn save(
    visit: &Visit,
    method: Method,
    path: &[&str],
    body: Value,
    seen: &Seen,
    values: Values,
    is_as_wanted: impl Fn(&Account) -> bool,
) -> Result<Outcome, ApiError> {
    let send = async |version: &str| {
        let call = visit.api().call(method.clone(), path).header(header::IF_MATCH, version);
        let call = if body.is_null() { call } else { call.body(body.clone()) };
        match Box::pin(call.answer::<Account>()).await {
            Ok(account) => Ok(Some(Box::new(account))),
            Err(error) if error.status() == Some(412) => Ok(None),
            Err(error) => Err(error),
        }
    };
    if let Some(account) = send(&seen.version).await? {
        return Ok(Outcome::Saved(account));
    }
    let id = path.get(1).copied().unwrap_or_default();
    let account = Box::pin(visit.api().account(id)).await?;
    if is_as_wanted(&account) {
        return Ok(Outcome::Saved(Box::new(account)));
    }
    if seen.still_holds(&account, values)
        && let Some(account) = send(&account.settings_version).await?
    {
        return Ok(Outcome::Saved(account));
    }
    Ok(Outcome::Changed(Box::new(account)))
}

/// The last change of settings: its author and its time.
pub(super) struct LastChanged {
    pub(super) by: String,
    pub(super) at: String,
    /// The instant for programs.
    pub(super) instant: String,
}

impl LastChanged {
    pub(super) fn of(change: Option<&LastChange>, locale: Locale) -> Option<Self> {
        let change = change?;
        Some(Self {
            by: wording::author(&change.by, change.by_name.as_deref(), locale),
            at: figures::minute(change.at.into(), locale),
            instant: Timestamp::from(change.at).to_string(),
        })
    }
}

/// Makes the page that follows say once that the session had ended before its form was sent.
pub(super) const SIGNED_OUT: &str = "signed out";

/// The notice of a form that opens with a draft from before the session ended.
pub(super) fn signed_out(locale: Locale) -> Notice {
    let t = SettingsWords(locale);
    Notice::new(Tone::Warn, t.signed_out(), t.signed_out_text())
}

/// A setting as it is now, and as the form has it.
pub(super) struct Difference {
    pub(super) label: String,
    pub(super) now: String,
    pub(super) yours: String,
}

/// Settings that somebody else has changed, beside those of a form.
pub(super) struct Both {
    pub(super) place: Place,
    /// The address of the form.
    pub(super) path: String,
    pub(super) settings: Vec<Difference>,
    /// The fields of the form, to be sent again.
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) last: Option<LastChanged>,
}

#[derive(Template)]
#[template(path = "settings_changed.html")]
struct Page {
    frame: Frame,
    s: SettingsWords,
    both: Both,
    seen: Seen,
}

/// The page that shows both side by side.
pub(super) fn changed(visit: &Visit, account: &Account, values: Values, both: Both) -> Response {
    let s = SettingsWords(visit.locale);
    let frame = visit.frame_of(account, s.changed(), both.place);
    let page = Page { frame, s, both, seen: Seen::of(account, values) };
    (StatusCode::CONFLICT, crate::frame::show(&page)).into_response()
}

/// Whether an amount of the API is this one, however it is written.
pub(super) fn is_amount(saved: Option<&String>, wanted: Option<Money>, currency: &str) -> bool {
    saved.and_then(|saved| figures::money(saved, currency)) == wanted
}

/// An amount of the API as it stands in a field.
pub(super) fn in_field(amount: Option<&String>, currency: &str, locale: Locale) -> String {
    let Some(amount) = amount else { return String::new() };
    crate::figures::money(amount, currency)
        .map_or_else(|| amount.clone(), |money| wording::number(money, locale))
}

/// An account for tests.
#[cfg(test)]
pub(super) mod example {
    use contract::Account;
    use serde_json::{Value, json};

    /// An account that differs in these values.
    pub(crate) fn account(changes: Value) -> Account {
        let mut account = json!({
            "accountId": "a", "name": "A", "currency": "EUR", "locale": "en", "billingModel": "prepaid",
            "status": "active", "balance": "145.5000", "available": "145.5000", "held": "0.0000",
            "owed": "0.0000", "notificationEmails": [], "paymentTermDays": 30, "pools": [],
            "paymentMethod": { "brand": "visa", "last4": "4242", "expMonth": 4, "expYear": 2030 },
            "autoRecharge": { "enabled": true, "state": "armed" },
            "postUsage": { "month": "2026-11", "amount": "12.0000" },
            "limits": {
                "marginSeconds": 2, "rechargesPerDay": 10,
                "purchase": { "minimum": "50.0000", "maximum": "100000.0000" },
            },
            "openPurchases": [], "settingsVersion": "v", "version": 1,
            "createdAt": "2026-01-01T00:00:00.000Z",
        });
        let Value::Object(changes) = changes else { panic!("changes are an object") };
        account.as_object_mut().expect("it is an object").extend(changes);
        serde_json::from_value(account).expect("it is an account")
    }
}

#[cfg(test)]
mod tests {
    use super::example::account;
    use super::*;
    use serde_json::json;

    fn values(account: &Account) -> Vec<String> {
        vec![account.auto_recharge.enabled.to_string()]
    }

    #[test]
    fn a_change_of_other_settings_does_not_count() {
        let seen = Seen::of(&account(json!({})), values);
        let other = account(json!({ "poNumber": "7", "settingsVersion": "w" }));
        assert!(seen.still_holds(&other, values));
        let own = account(json!({ "autoRecharge": { "enabled": false, "state": "off" } }));
        assert!(!seen.still_holds(&own, values));
        assert!(!Seen::default().still_holds(&other, values), "a form that has shown nothing");
    }

    #[test]
    fn amounts_are_equal_however_they_are_written() {
        let saved = |saved: &str, wanted: Option<&str>| {
            let wanted = wanted.and_then(|wanted| figures::money(wanted, "EUR"));
            is_amount(Some(&saved.to_owned()), wanted, "EUR")
        };
        assert!(saved("50.0000", Some("50")) && is_amount(None, None, "EUR"));
        assert!(!saved("50.0000", Some("50.01")) && !saved("50.0000", None));
    }

    #[test]
    fn the_author_has_the_name_of_the_token_or_else_its_subject() {
        let last = |by_name: Option<&str>| {
            let change = LastChange {
                at: "2026-11-28T09:05:00Z".parse::<Timestamp>().unwrap().into(),
                by: "ada".to_owned(),
                by_name: by_name.map(str::to_owned),
            };
            LastChanged::of(Some(&change), Locale::Fr).unwrap()
        };
        assert_eq!(last(None).by, "ada");
        let LastChanged { by, at, instant } = last(Some("Ada Lovelace"));
        assert_eq!((by.as_str(), instant.as_str()), ("Ada Lovelace", "2026-11-28T09:05:00Z"));
        assert_eq!(at, "28 novembre 2026 à 09:05\u{a0}UTC");
    }
}
