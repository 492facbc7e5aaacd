//! The operator's pages: the accounts, a new account, adjustments, and records without a rate. For everybody else they do not exist.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, Query};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use contract::{Account, Accounts, RatedNow, Transaction, UnratedRecords};
use domain::{BillingModel, Locale, Money, Service};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::json;
use wording::glossary;

use crate::Portal;
use crate::account_view;
use crate::address::with_query;
use crate::api::ApiError;
use crate::failure::Failure;
use crate::figures;
use crate::form::{self, Errors, Field, FieldKind};
use crate::frame::{Frame, Notice, Place, Tone, show_form};
use crate::pages::settings;
use crate::pages::transactions::duration;
use crate::random;
use crate::session::Visit;
use crate::words::{FormWords, OperatorWords, TransactionsWords};

/// Rows of a page.
const ROWS: &str = "50";

/// The digits by which records without a rate are counted.
const PREFIX_DIGITS: usize = 4;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/operator/accounts", get(accounts))
        .route("/operator/accounts/new", get(new_account).post(create))
        .route("/accounts/{id}/adjust", get(adjust).post(book))
        .route("/accounts/{id}/adjust/review", get(review))
        .route("/operator/unrated", get(unrated))
        .route("/operator/unrated/rate", post(rate))
}

// ---- Accounts

#[derive(Default, Deserialize)]
#[serde(default)]
struct AskedAccounts {
    id: String,
    cursor: String,
}

#[derive(Template)]
#[template(path = "operator_accounts.html")]
struct AccountsPage {
    frame: Frame,
    t: OperatorWords,
    errors: Errors,
    id: Field,
    rows: Vec<AccountRow>,
    next: Option<String>,
    is_first: bool,
}

struct AccountRow {
    id: String,
    name: String,
    status: account_view::Tag,
    available: String,
    recharge: account_view::Tag,
    billing: String,
}

async fn accounts(visit: Visit, Query(asked): Query<AskedAccounts>) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let t = OperatorWords(visit.locale);
    let mut errors = Errors::default();
    let id = asked.id.trim();
    if !id.is_empty() {
        match visit.api().account(id).await {
            Ok(account) => {
                return Ok(Redirect::to(&format!("/accounts/{}", account.account_id)).into_response());
            }
            Err(problem) if problem.status() == Some(404) => {
                errors.add("id", t.no_account(wording::one_line(id)));
            }
            Err(problem) => return Err(problem.into()),
        }
    }
    let call = visit.api().get(&["accounts"]).query("limit", ROWS);
    let listed: Accounts = call.query_if_given("cursor", &asked.cursor).answer().await?;
    let next = listed.next.map(|next| with_query("/operator/accounts", [("cursor", next.as_str())]));
    let mut frame = visit.frame(t.accounts(), Place::OperatorAccounts);
    frame.has_errors = !errors.is_empty();
    let page = AccountsPage {
        frame,
        t,
        id: Field::new(FieldKind::Text, "id", t.account_id()).value(asked.id.clone()).error(errors.of("id")),
        rows: listed.accounts.iter().map(|account| account_row(account, t)).collect(),
        next,
        is_first: asked.cursor.is_empty(),
        errors,
    };
    let status = if page.errors.is_empty() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    Ok((status, crate::frame::show(&page)).into_response())
}

fn account_row(account: &Account, t: OperatorWords) -> AccountRow {
    let billing = account_view::billing_model(account);
    AccountRow {
        id: account.account_id.clone(),
        name: account.name.clone(),
        status: account_view::status(&account.status, billing, t.0).0,
        available: figures::rounded(&account.available, &account.currency, t.0),
        recharge: account_view::recharge_state(account, t.0).0,
        billing: match billing {
            BillingModel::Prepaid => t.prepaid(),
            BillingModel::Switching => t.switching(),
            BillingModel::PostUsage => t.post_usage(),
        },
    }
}

// ---- A new account

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NewAccount {
    account_id: String,
    name: String,
    currency: String,
    locale: String,
    billing_model: String,
    notification_emails: String,
}

#[derive(Template)]
#[template(path = "operator_new_account.html")]
struct NewAccountPage {
    frame: Frame,
    t: OperatorWords,
    errors: Errors,
    id: Field,
    name: Field,
    currency: Field,
    recipients: Field,
    locale: String,
    billing_model: String,
}

async fn new_account(visit: Visit) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let typed = visit.draft().unwrap_or_default();
    Ok(new_account_page(&visit, typed, Errors::default()))
}

fn new_account_page(visit: &Visit, typed: NewAccount, errors: Errors) -> Response {
    let t = OperatorWords(visit.locale);
    let mut frame = visit.frame(t.new_account(), Place::OperatorAccounts);
    frame.has_errors = !errors.is_empty();
    let field = |kind, name, label: String, value: String| {
        Field::new(kind, name, label).value(value).error(errors.of(name))
    };
    let page = NewAccountPage {
        frame,
        t,
        id: field(FieldKind::Text, "accountId", t.account_id(), typed.account_id).hint(t.id_hint()),
        name: field(FieldKind::Text, "name", t.name(), typed.name),
        currency: field(FieldKind::Text, "currency", t.currency(), typed.currency).hint(t.currency_hint()),
        recipients: field(FieldKind::Lines, "notificationEmails", t.recipients(), typed.notification_emails)
            .hint(t.recipients_hint())
            .optional(),
        locale: typed.locale,
        billing_model: typed.billing_model,
        errors,
    };
    show_form(&page, &page.errors)
}

async fn create(visit: Visit, Form(typed): Form<NewAccount>) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let t = OperatorWords(visit.locale);
    let recipients: Vec<_> =
        typed.notification_emails.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let body = json!({
        "accountId": typed.account_id.trim(),
        "name": typed.name.trim(),
        "currency": typed.currency.trim().to_uppercase(),
        "locale": if typed.locale == "fr" { "fr" } else { "en" },
        "billingModel": if typed.billing_model == "postUsage" { "postUsage" } else { "prepaid" },
        "notificationEmails": recipients,
    });
    match visit.api().call(Method::POST, &["accounts"]).body(body).answer::<Account>().await {
        Ok(account) => Ok(visit.lead_to(&format!("/accounts/{}", account.account_id), "created")),
        Err(ApiError::Problem(problem)) if [409, 422].contains(&problem.status) => {
            let mut errors = Errors::default();
            if problem.status == 409 {
                errors.add("accountId", t.id_taken());
            }
            for wrong in &problem.errors {
                let field = wrong.field.split('[').next().unwrap_or_default();
                let (name, text) = match field {
                    "name" => ("name", FormWords(t.0).of_code(&wrong.code)),
                    "currency" => ("currency", t.wrong_currency()),
                    "notificationEmails" if wrong.code == "tooLong" => {
                        ("notificationEmails", t.too_many_recipients())
                    }
                    "notificationEmails" => ("notificationEmails", t.wrong_recipients()),
                    _ => ("accountId", t.wrong_id()),
                };
                errors.add(name, text);
            }
            Ok(new_account_page(&visit, typed, errors))
        }
        Err(problem) => Err(problem.into()),
    }
}

// ---- Adjustments

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Adjustment {
    direction: String,
    amount: String,
    reason: String,
    expires: String,
    allow_negative: Option<String>,
    key: String,
}

impl Adjustment {
    fn takes(&self) -> bool {
        self.direction == "take"
    }

    /// The page of the review, with the form in its address.
    fn review(&self, account: &str) -> String {
        self.address(&format!("/accounts/{account}/adjust/review"))
    }

    /// This page with the form in its address.
    fn address(&self, page: &str) -> String {
        let fields = [
            ("direction", self.direction.as_str()),
            ("amount", &self.amount),
            ("reason", &self.reason),
            ("expires", &self.expires),
            ("allowNegative", self.allow_negative.as_deref().unwrap_or_default()),
            ("key", &self.key),
        ];
        with_query(page, fields)
    }

    /// The adjustment to ask for, or the errors of the form.
    fn check(&self, account: &Account, now: Timestamp, t: OperatorWords) -> Result<Checked, Errors> {
        let mut errors = Errors::default();
        let amount = match form::typed(&self.amount, &account.currency, t.0) {
            Ok(Some(amount)) if !amount.is_zero() => Some(amount),
            Ok(_) => {
                errors.add("amount", FormWords(t.0).missing());
                None
            }
            Err(text) => {
                errors.add("amount", text);
                None
            }
        };
        let reason = self.reason.trim();
        if reason.is_empty() {
            errors.add("reason", FormWords(t.0).missing());
        }
        let expires = match self.expires.trim() {
            "" => None,
            text => {
                let end = text.parse::<Date>().ok().and_then(|day| day.to_zoned(TimeZone::UTC).ok());
                let end = end.map(|zoned| zoned.timestamp()).filter(|end| *end > now);
                if end.is_none() {
                    errors.add("expires", t.not_a_date());
                }
                end
            }
        };
        match amount.filter(|_| errors.is_empty()) {
            Some(amount) => {
                Ok(Checked { amount, reason: reason.to_owned(), expires: expires.filter(|_| !self.takes()) })
            }
            None => Err(errors),
        }
    }
}

/// An adjustment that can be asked for.
struct Checked {
    amount: Money,
    reason: String,
    expires: Option<Timestamp>,
}

#[derive(Template)]
#[template(path = "operator_adjust.html")]
struct AdjustPage {
    frame: Frame,
    t: OperatorWords,
    id: String,
    errors: Errors,
    takes: bool,
    amount: Field,
    reason: Field,
    expires: Field,
    allows_negative: bool,
}

async fn adjust(
    visit: Visit,
    Path(id): Path<String>,
    Query(typed): Query<Adjustment>,
) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    // The key of the draft goes on: the adjustment may have been sent before the session ended.
    if let Some(draft) = visit.draft::<Adjustment>() {
        return Ok(visit.lead_to(&draft.review(&id), settings::SIGNED_OUT));
    }
    let account = visit.api().account(&id).await?;
    Ok(adjust_page(&visit, &account, typed, Errors::default()))
}

fn adjust_page(visit: &Visit, account: &Account, typed: Adjustment, errors: Errors) -> Response {
    let t = OperatorWords(visit.locale);
    let mut frame = visit.frame_of(account, t.adjustment(), Place::Elsewhere);
    frame.has_errors = !errors.is_empty();
    let takes = typed.takes();
    let field = |kind, name, label: String, value: String| {
        Field::new(kind, name, label).value(value).error(errors.of(name))
    };
    let page = AdjustPage {
        frame,
        t,
        id: account.account_id.clone(),
        takes,
        amount: field(FieldKind::Amount, "amount", t.amount().to_owned(), typed.amount)
            .hint(t.amount_hint(&account.currency)),
        reason: field(FieldKind::Text, "reason", t.reason(), typed.reason).hint(t.reason_hint()),
        expires: field(FieldKind::Date, "expires", t.expires(), typed.expires)
            .hint(t.expires_hint())
            .optional(),
        allows_negative: typed.allow_negative.is_some(),
        errors,
    };
    show_form(&page, &page.errors)
}

#[derive(Template)]
#[template(path = "operator_adjust_review.html")]
struct ReviewPage {
    frame: Frame,
    t: OperatorWords,
    id: String,
    typed: Adjustment,
    reason: String,
    before: String,
    after: String,
    /// The amount that the next invoice asks for, if it does.
    invoiced: Option<String>,
    usable_until: Option<String>,
    button: String,
    back: String,
}

async fn review(
    visit: Visit,
    Path(id): Path<String>,
    Query(typed): Query<Adjustment>,
) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let t = OperatorWords(visit.locale);
    let account = visit.api().account(&id).await?;
    let checked = match typed.check(&account, visit.now, t) {
        Ok(checked) => checked,
        Err(errors) => return Ok(adjust_page(&visit, &account, typed, errors)),
    };
    if typed.key.is_empty() {
        // The key is part of the address, so a reload of this page stands for the same adjustment. The amount has a form that is read
        // alike in every language.
        let keyed = Adjustment { key: random::text(), amount: form::for_api(checked.amount), ..typed };
        return Ok(Redirect::to(&keyed.review(&id)).into_response());
    }
    let mut page = review_page(&visit, &account, typed, checked);
    page.frame.notice =
        (visit.said() == Some(settings::SIGNED_OUT)).then(|| settings::signed_out(visit.locale));
    Ok(crate::frame::show(&page))
}

/// The balance after an adjustment, and the amount of it that the next invoice asks for. Where the account pays after use, the funds
/// give what they have, and the rest is invoiced (F9).
fn effect(account: &Account, takes: bool, amount: Money) -> Option<(Money, Money)> {
    let money = |amount: &str| figures::money(amount, &account.currency);
    let (balance, available) = (money(&account.balance)?, money(&account.available)?);
    let zero = Money::zero(amount.currency());
    if !takes {
        return Some((balance + amount, zero));
    }
    let funds = if available.is_positive() { available } else { zero };
    let given = if account_view::is_post_usage(account) { amount.min(funds) } else { amount };
    Some((balance - given, amount - given))
}

fn review_page(visit: &Visit, account: &Account, typed: Adjustment, checked: Checked) -> ReviewPage {
    let t = OperatorWords(visit.locale);
    let locale = visit.locale;
    let amount = wording::amount(checked.amount, locale);
    let before = figures::money(&account.balance, &account.currency);
    let (after, invoiced) = effect(account, typed.takes(), checked.amount).unzip();
    let shown = |money: Option<Money>| money.map(|money| wording::amount(money, locale)).unwrap_or_default();
    let back = Adjustment { key: String::new(), ..typed.clone() };
    ReviewPage {
        frame: visit.frame_of(account, t.review_title(), Place::Elsewhere),
        t,
        id: account.account_id.clone(),
        reason: checked.reason,
        before: shown(before),
        after: shown(after),
        invoiced: invoiced.filter(|invoiced| !invoiced.is_zero()).map(|_| shown(invoiced)),
        usable_until: (!typed.takes()).then(|| {
            checked.expires.map_or_else(|| t.in_twelve_months(), |end| figures::minute(end, locale))
        }),
        button: if typed.takes() { t.confirm_take(amount) } else { t.confirm_add(amount) },
        back: back.address(&format!("/accounts/{}/adjust", account.account_id)),
        typed: Adjustment { amount: form::for_api(checked.amount), ..typed },
    }
}

async fn book(
    visit: Visit,
    Path(id): Path<String>,
    Form(typed): Form<Adjustment>,
) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let t = OperatorWords(visit.locale);
    let account = match visit.api().account(&id).await {
        Ok(account) => account,
        // The review has the key. It is kept, since an earlier press of the button may have booked the adjustment.
        Err(error) if error.is_outcome_open() => {
            return Ok(Redirect::to(&typed.review(&id)).into_response());
        }
        Err(error) => return Err(error.into()),
    };
    let checked = match typed.check(&account, visit.now, t) {
        Ok(checked) => checked,
        Err(errors) => return Ok(adjust_page(&visit, &account, typed, errors)),
    };
    let sign = if typed.takes() { "-" } else { "" };
    let mut body = json!({
        "amount": format!("{sign}{}", form::for_api(checked.amount)),
        "reason": checked.reason,
    });
    if let Some(expires) = checked.expires {
        body["expiresAt"] = expires.to_string().into();
    }
    if typed.takes() {
        body["allowNegative"] = typed.allow_negative.is_some().into();
    }
    let call = visit.api().call(Method::POST, &["accounts", &id, "adjustments"]);
    match call.idempotency_key(&typed.key).body(body).answer::<Transaction>().await {
        Ok(_) => Ok(visit.lead_to(&format!("/accounts/{id}"), "adjusted")),
        Err(ApiError::Problem(problem)) if [409, 422].contains(&problem.status) => {
            let mut errors = Errors::default();
            match problem.code.as_str() {
                "beyondAvailable" => errors.add("amount", t.beyond()),
                "idempotencyKeyReused" => errors.add("amount", t.key_reused()),
                _ => {
                    let fields = [("amount", "amount"), ("reason", "reason"), ("expiresAt", "expires")];
                    errors = Errors::of_problem(&problem, &fields, visit.locale);
                }
            }
            Ok(adjust_page(&visit, &account, typed, errors))
        }
        Err(error) if error.is_outcome_open() => {
            tracing::warn!(%error, "the outcome of an adjustment is not known");
            let address = typed.review(&id);
            let mut page = review_page(&visit, &account, typed, checked);
            page.frame.address = address;
            page.frame.notice = Some(Notice::new(Tone::Warn, t.unknown(), t.unknown_text()));
            Ok((StatusCode::SERVICE_UNAVAILABLE, crate::frame::show(&page)).into_response())
        }
        Err(problem) => Err(problem.into()),
    }
}

/// The notice of the account's page after one of the operator's forms.
pub(crate) fn said(what: &str, locale: Locale) -> Option<Notice> {
    let t = OperatorWords(locale);
    let text = match what {
        "created" => t.created(),
        "adjusted" => t.adjusted(),
        _ => return None,
    };
    Some(Notice::new(Tone::Good, text, String::new()))
}

// ---- Records without a rate

#[derive(Default, Deserialize)]
#[serde(default)]
struct AskedUnrated {
    cursor: String,
}

#[derive(Template)]
#[template(path = "operator_unrated.html")]
struct UnratedPage {
    frame: Frame,
    t: OperatorWords,
    prefixes: Vec<(String, String)>,
    rows: Vec<UnratedRow>,
    cursor: String,
    next: Option<String>,
}

struct UnratedRow {
    account: String,
    at: String,
    machine_at: String,
    kind: String,
    number: String,
    duration: String,
}

async fn unrated(visit: Visit, Query(asked): Query<AskedUnrated>) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let t = OperatorWords(visit.locale);
    let call = visit.api().get(&["unrated"]).query("limit", ROWS);
    let listed: UnratedRecords = call.query_if_given("cursor", &asked.cursor).answer().await?;
    let numbers = listed.records.iter().filter_map(|record| record.transaction.number.as_deref());
    let next = listed.next.as_deref().map(|next| with_query("/operator/unrated", [("cursor", next)]));
    let notice = visit
        .said()
        .and_then(|said| said.split_once('/'))
        .map(|(rated, left)| Notice::new(Tone::Good, t.rated(rated, left), String::new()));
    let rows = listed.records.iter().map(|record| {
        let (row, at) = (&record.transaction, Timestamp::from(record.transaction.at));
        let service = row.service.as_deref().unwrap_or_default();
        UnratedRow {
            account: record.account_id.clone(),
            at: figures::minute(at, visit.locale),
            machine_at: at.to_string(),
            kind: Service::parse(service)
                .map_or(service, |service| glossary::service(service, visit.locale))
                .to_owned(),
            number: row.number.clone().unwrap_or_default(),
            duration: duration(row.duration_seconds.unwrap_or_default(), TransactionsWords(visit.locale)),
        }
    });
    let page = UnratedPage {
        frame: visit.frame(t.unrated(), Place::Unrated).noticing(notice),
        t,
        prefixes: by_prefix(numbers)
            .into_iter()
            .map(|(prefix, count)| (prefix, if count == 1 { t.one_record() } else { t.records(count) }))
            .collect(),
        rows: rows.collect(),
        cursor: asked.cursor,
        next,
    };
    Ok(crate::frame::show(&page))
}

/// How many records there are by the first digits of the number, the most first.
fn by_prefix<'a>(numbers: impl Iterator<Item = &'a str>) -> Vec<(String, usize)> {
    let mut counts = BTreeMap::new();
    for number in numbers {
        let prefix: String = number.chars().take(PREFIX_DIGITS).collect();
        *counts.entry(prefix).or_insert(0) += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

async fn rate(visit: Visit, Form(asked): Form<AskedUnrated>) -> Result<Response, Failure> {
    visit.must_be_operator()?;
    let call = visit.api().call(Method::POST, &["unrated", "rate"]).query("limit", ROWS);
    let done: RatedNow = call.query_if_given("cursor", &asked.cursor).answer().await?;
    Ok(visit.lead_to("/operator/unrated", &format!("{}/{}", done.rated, done.still_unrated)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::settings::example::account;

    fn typed(direction: &str, amount: &str, reason: &str, expires: &str) -> Adjustment {
        Adjustment {
            direction: direction.into(),
            amount: amount.into(),
            reason: reason.into(),
            expires: expires.into(),
            ..Adjustment::default()
        }
    }

    #[test]
    fn an_adjustment_has_an_amount_and_a_reason() {
        let (account, now) = (account(json!({})), "2026-11-28T12:00:00Z".parse().unwrap());
        let t = OperatorWords(Locale::Fr);
        let check = |typed: Adjustment| typed.check(&account, now, t);
        let good = check(typed("add", "1 234,50", " a gift ", "2027-01-01")).unwrap();
        assert_eq!((form::for_api(good.amount).as_str(), good.reason.as_str()), ("1234.5", "a gift"));
        assert_eq!(good.expires, Some("2027-01-01T00:00:00Z".parse().unwrap()));
        assert_eq!(
            check(typed("take", "5", "r", "2027-01-01")).unwrap().expires,
            None,
            "nothing new to expire"
        );
        for (wrong, field) in [
            (typed("add", "", "r", ""), "amount"),
            (typed("add", "0", "r", ""), "amount"),
            (typed("add", "-5", "r", ""), "amount"),
            (typed("add", "5", "  ", ""), "reason"),
            (typed("add", "5", "r", "2026-11-28"), "expires"),
            (typed("add", "5", "r", "tomorrow"), "expires"),
        ] {
            assert!(check(wrong.clone()).err().unwrap().of(field).is_some(), "{wrong:?}");
        }
    }

    #[test]
    fn f9_an_account_that_pays_after_use_never_owes_an_adjustment() {
        let euros = |amount: &str| figures::money(amount, "EUR").unwrap();
        let effect = |changes: serde_json::Value, takes| {
            effect(&account(changes), takes, euros("40")).map(|(after, invoiced)| [after, invoiced])
        };
        let funds = json!({ "balance": "10.0000", "available": "10.0000" });
        assert_eq!(effect(funds.clone(), true), Some([euros("-30"), euros("0")]));
        assert_eq!(effect(funds, false), Some([euros("50"), euros("0")]));
        let draining = json!({
            "balance": "10.0000", "available": "10.0000", "billingModel": "postUsage", "switch": "complete",
        });
        assert_eq!(effect(draining, true), Some([euros("0"), euros("30")]));
    }

    #[test]
    fn records_are_counted_by_the_first_digits() {
        let numbers = ["+88112345***", "+33140000***", "+88199999***"];
        assert_eq!(by_prefix(numbers.into_iter()), [("+881".to_owned(), 2), ("+331".to_owned(), 1)]);
    }
}
