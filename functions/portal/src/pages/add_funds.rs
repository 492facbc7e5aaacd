//! "Add funds": an amount, a page to review it, and the payment. The key of a payment stands in the address of the page that reviews it,
//! so that a reload, a second tab and a second click are the same payment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, Query};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use contract::{Account, UsageReport};
use domain::time::Month;
use domain::{AccountId, BillingModel, Currency, Locale, Lot, Money, PaymentId, PaymentKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::auto_recharge::Bounds;
use super::purchase::{ALREADY, PAID, Payment, Payments, State, path_of};
use super::settings;
use crate::Portal;
use crate::account_view::{self, CardLife};
use crate::address::with_query;
use crate::api::{ApiError, Problem};
use crate::failure::Failure;
use crate::figures;
use crate::form::{Errors, Field, FieldKind, typed};
use crate::frame::{Frame, Notice, Organization, Place, Tone};
use crate::random;
use crate::session::Visit;
use crate::words::AddFundsWords;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/accounts/{id}/funds/add", get(show))
        .route("/accounts/{id}/funds/review", get(review))
        .route("/accounts/{id}/purchases", get(come_back).post(pay))
}

/// A purchase of the same amount is pointed out for so many minutes.
const RECENT_MINUTES: i64 = 15;

/// How long a look at a payment may take before it is sent. The payment itself needs the rest of a request's time.
const LOOK_PATIENCE: Duration = Duration::from_secs(3);

/// A payment that is under way, most likely through a second click, is waited for until its form has taken so long.
const SETTLES_WITHIN: Duration = Duration::from_secs(8);
/// Between two looks.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The amounts that are suggested, in multiples of the smallest one.
const SUGGESTED: [u32; 4] = [1, 2, 4, 10];

/// A payment that is being prepared: its amount, as the API takes it, and the key that it is sent with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    pub(super) amount: String,
    pub(super) key: String,
}

impl Begun {
    /// With a key of its own.
    pub(super) fn new(amount: Money) -> Self {
        let mut digits = amount.amount();
        digits.rescale(amount.currency().minor_digits());
        Self { amount: digits.to_string(), key: random::text() }
    }

    /// This page with the payment in its address.
    pub(super) fn address(&self, page: &str) -> String {
        with_query(page, [("amount", self.amount.as_str()), ("key", &self.key)])
    }

    /// The address of the page of review.
    pub(super) fn review(&self, account: &str) -> String {
        self.address(&format!("/accounts/{account}/funds/review"))
    }

    /// The amount. None if somebody has edited the address so that it is no amount, or the key is none of ours.
    pub(super) fn amount(&self, currency: &str) -> Option<Money> {
        let is_digit = |c: char| c.is_ascii_digit() || c == '.';
        let is_plain = self.amount.chars().all(is_digit);
        let money = Money::in_minor_units(self.amount.parse().ok()?, Currency::parse(currency).ok()?).ok()?;
        (is_plain && self.has_key() && money.is_positive()).then_some(money)
    }

    fn has_key(&self) -> bool {
        let is_ours = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        (1..=64).contains(&self.key.len()) && self.key.chars().all(is_ours)
    }

    /// The id of the payment that this key stands for.
    fn payment_id(&self, account: &AccountId) -> PaymentId {
        PaymentId::derive(account, PaymentKind::Purchase, &self.key)
    }

    /// The amount as people read it.
    pub(super) fn amount_in(&self, currency: &str, locale: Locale) -> String {
        figures::amount(&self.amount, currency, locale)
    }

    fn is_amount(&self, amount: &str) -> bool {
        let [own, other] = [&self.amount, amount].map(str::parse::<rust_decimal::Decimal>);
        own.is_ok() && own == other
    }
}

/// The query of the pages before the payment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    amount: String,
    key: String,
}

/// The content of the page of the amount.
enum Choice {
    Form(Box<ChoiceForm>),
    /// For a viewer.
    ReadOnly,
    /// The switch to paying after use was asked for, and waits.
    Switching,
    PostUsage,
}

struct ChoiceForm {
    last_month: Option<String>,
    suggestions: Vec<(String, String)>,
    amount: Field,
    recommends_recharge: bool,
}

#[derive(Template)]
#[template(path = "add_funds.html")]
struct Page {
    frame: Frame,
    t: AddFundsWords,
    id: String,
    errors: Errors,
    available: String,
    choice: Choice,
}

async fn show(visit: Visit, Path(id): Path<String>, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let month = Month::of(visit.now).previous().to_string();
    let usage = visit.api().get(&["accounts", &id, "usage"]).query("month", &month).query("groupBy", "day");
    let (account, usage) = tokio::join!(visit.api().account(&id), usage.answer::<UsageReport>());
    let account = account?;
    // The sentence on last month is a help only, so the page does without it where it cannot be read.
    let last_month = usage.ok().filter(|usage| usage.pending.is_empty() && usage.total.calls > 0);
    let last_month = last_month.map(|usage| usage.total.charge);
    let amount = figures::money(&asked.amount, &account.currency);
    let amount = amount.map_or(asked.amount, |money| wording::number(money, visit.locale));
    let page = page(&visit, &account, &amount, Errors::default(), last_month.as_deref());
    Ok(crate::frame::show(&page))
}

fn page(visit: &Visit, account: &Account, amount: &str, errors: Errors, last_month: Option<&str>) -> Page {
    let t = AddFundsWords(visit.locale);
    let mut frame = visit.frame_of(account, t.title(), Place::AddFunds);
    let choice = if !visit.may_change() {
        Choice::ReadOnly
    } else if account_view::billing_model(account) == BillingModel::Switching {
        Choice::Switching
    } else if !is_prepaid(account) {
        Choice::PostUsage
    } else {
        frame.has_errors = !errors.is_empty();
        let read = |cost| t.last_month(figures::rounded(cost, &account.currency, t.0));
        Choice::Form(Box::new(ChoiceForm {
            last_month: last_month.map(read),
            suggestions: suggestions(account, t.0),
            amount: amount_field(account, amount, &errors, t),
            recommends_recharge: !account.auto_recharge.enabled,
        }))
    };
    let available = t.available_now(figures::rounded(&account.available, &account.currency, t.0));
    Page { frame, t, id: account.account_id.clone(), errors, available, choice }
}

fn is_prepaid(account: &Account) -> bool {
    account.billing_model == "prepaid"
}

/// The suggested amounts that can be bought, each with the address of its review.
fn suggestions(account: &Account, locale: Locale) -> Vec<(String, String)> {
    let bounds = Bounds::of(account, locale);
    let Some(minimum) = bounds.minimum else { return Vec::new() };
    let amounts = SUGGESTED.map(|times| minimum.times(times));
    let fitting = amounts.into_iter().filter(|amount| bounds.wrong(Some(*amount)).is_none());
    let link = |amount| (wording::amount(amount, locale), Begun::new(amount).review(&account.account_id));
    fitting.map(link).collect()
}

fn amount_field(account: &Account, amount: &str, errors: &Errors, t: AddFundsWords) -> Field {
    let Bounds { minimum, maximum, .. } = Bounds::of(account, t.0);
    let number = |money: Option<Money>| money.map(|money| wording::number(money, t.0)).unwrap_or_default();
    let hint = t.amount_hint(&account.currency, number(minimum), number(maximum));
    let field = Field::new(FieldKind::Amount, "amount", t.amount().to_owned());
    field.hint(hint).value(amount).error(errors.of("amount"))
}

/// The page of the amount, with its errors.
fn wrong(visit: &Visit, account: &Account, amount: &str, wrong: String) -> Response {
    let mut errors = Errors::default();
    errors.add("amount", wrong);
    let page = page(visit, account, amount, errors, None);
    (StatusCode::UNPROCESSABLE_ENTITY, crate::frame::show(&page)).into_response()
}

/// A line of the review.
struct Fact {
    label: String,
    value: String,
    /// The instant for programs, if it is one.
    instant: Option<String>,
    /// The address where it is changed, and the name of the thing that is changed there.
    change: Option<(String, String)>,
}

/// The content of the page of review.
enum Review {
    Pay(Box<Payable>),
    /// The key was used: there is nothing more to pay.
    Sent {
        text: String,
        payment: String,
        again: String,
    },
    NoCard {
        text: String,
        payment_method: String,
    },
}

struct Payable {
    facts: Vec<Fact>,
    sentences: Vec<String>,
    button: String,
    begun: Begun,
    currency: String,
}

#[derive(Template)]
#[template(path = "add_funds_review.html")]
struct ReviewPage {
    frame: Frame,
    t: AddFundsWords,
    id: String,
    change_amount: String,
    review: Review,
}

async fn review(
    visit: Visit,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let begun = Begun { amount: asked.amount, key: asked.key };
    if !begun.has_key() {
        return Box::pin(begin(&visit, &id, &begun.amount)).await;
    }
    let account_id = AccountId::parse(id.as_str()).map_err(|_| Failure::NotFound)?;
    let payment_id = begun.payment_id(&account_id);
    let recent = visit.api().get(&["accounts", &id, "purchases"]).query("limit", "10");
    let own = async {
        match visit.api().get(&["accounts", &id, "purchases", payment_id.as_str()]).answer().await {
            Ok(payment) => Ok(Some(payment)),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    };
    let (account, recent, own): (Account, Payments, Option<Payment>) =
        Box::pin(async { tokio::try_join!(visit.api().account(&id), recent.answer(), own) }).await?;
    if !visit.may_change() || !is_prepaid(&account) && own.is_none() {
        return Ok(crate::frame::show(&page(&visit, &account, "", Errors::default(), None)));
    }
    let Some(amount) = begun.amount(&account.currency) else {
        return Box::pin(begin(&visit, &id, &begun.amount)).await;
    };
    if let Some(payment) = own {
        return Ok(sent_already(&visit, &account, &begun, &payment));
    }
    if let Some(problem) = Bounds::of(&account, visit.locale).wrong(Some(amount)) {
        return Ok(wrong(&visit, &account, &wording::number(amount, visit.locale), problem));
    }
    let page = review_page(&visit, &account, &begun, amount, &recent.purchases);
    Ok(crate::frame::show(&page))
}

/// Reads the amount that a person typed, and leads to its review with a key.
async fn begin(visit: &Visit, id: &str, text: &str) -> Result<Response, Failure> {
    let account = visit.api().account(id).await?;
    if !visit.may_change() || !is_prepaid(&account) {
        return Ok(crate::frame::show(&page(visit, &account, text, Errors::default(), None)));
    }
    let problem = match typed(text, &account.currency, visit.locale) {
        Ok(amount) => match (Bounds::of(&account, visit.locale).wrong(amount), amount) {
            (None, Some(amount)) => {
                return Ok(Redirect::to(&Begun::new(amount).review(&account.account_id)).into_response());
            }
            (problem, _) => problem.unwrap_or_default(),
        },
        Err(problem) => problem,
    };
    Ok(wrong(visit, &account, text, problem))
}

/// The page of review of a key that was used already.
fn sent_already(visit: &Visit, account: &Account, begun: &Begun, payment: &Payment) -> Response {
    let t = AddFundsWords(visit.locale);
    let id = &account.account_id;
    if !begun.is_amount(&payment.amount) {
        return other_amount(visit, Organization::of(account), Some(payment));
    }
    let is_paid = payment.state() == State::Succeeded;
    let text = if is_paid {
        t.paid_already_text(figures::minute(payment.created_at.into(), t.0))
    } else {
        t.sent_already_text(payment.tag(t.0).text)
    };
    let amount = figures::money(&payment.amount, &payment.currency).map(Begun::new);
    let heading = if is_paid { t.paid_already() } else { t.sent_already() };
    let page = ReviewPage {
        frame: visit.frame_of(account, heading, Place::AddFunds),
        id: id.clone(),
        change_amount: add_funds_with(id, &begun.amount),
        review: Review::Sent {
            text,
            payment: path_of(id, &payment.purchase_id),
            again: amount.map_or_else(|| add_funds_with(id, ""), |begun| begun.review(id)),
        },
        t,
    };
    crate::frame::show(&page)
}

/// The page of the amount, with this one in its field.
fn add_funds_with(id: &str, amount: &str) -> String {
    with_query(&format!("/accounts/{id}/funds/add"), [("amount", amount)])
}

fn review_page(
    visit: &Visit,
    account: &Account,
    begun: &Begun,
    amount: Money,
    recent: &[Payment],
) -> ReviewPage {
    let t = AddFundsWords(visit.locale);
    let id = &account.account_id;
    let shown = wording::amount(amount, t.0);
    let payment_method = begun.address(&format!("/accounts/{id}/payment-method"));
    let frame = visit.frame_of(account, t.review_title(), Place::AddFunds);
    let (notice, review) = match &account.payment_method {
        None => (None, Review::NoCard { text: t.add_card_text(&shown), payment_method }),
        Some(card) => {
            let life = account_view::card_life(card, visit.now);
            let card = account_view::card(card, t.0);
            let card = if life == CardLife::Expired { format!("{card}. {}", t.expired()) } else { card };
            let po_number = begun.address(&format!("/accounts/{id}/receipts/po-number"));
            let changes = Changes { card, payment_method, po_number };
            let payable = Payable {
                facts: facts(account, amount, changes, visit.now, t),
                sentences: sentences(account, amount, t),
                button: t.pay(&shown),
                begun: begun.clone(),
                currency: account.currency.clone(),
            };
            let notice = if visit.said() == Some(settings::SIGNED_OUT) {
                Some(Notice::new(Tone::Warn, t.was_signed_out(), t.was_signed_out_text()))
            } else {
                bought_before(account, begun, recent, visit.now, t)
            };
            (notice, Review::Pay(Box::new(payable)))
        }
    };
    ReviewPage {
        frame: frame.noticing(notice),
        id: id.clone(),
        change_amount: add_funds_with(id, &begun.amount),
        review,
        t,
    }
}

/// The card that is charged, and where the card and the PO number are changed.
struct Changes {
    card: String,
    payment_method: String,
    po_number: String,
}

fn facts(account: &Account, amount: Money, changes: Changes, now: Timestamp, t: AddFundsWords) -> Vec<Fact> {
    let shown = wording::amount(amount, t.0);
    let after = figures::money(&account.available, &account.currency).map(|available| available + amount);
    let after = after.map(|after| figures::rounded(&after.to_string(), &account.currency, t.0));
    let expires_at = Lot::expiry_of_purchase(now);
    let plain = |label, value| Fact { label, value, instant: None, change: None };
    let po_number = account.po_number.clone().unwrap_or_else(|| t.no_po_number());
    let facts = [
        Some(plain(t.funds_added(), shown.clone())),
        Some(plain(t.total(), shown)),
        Some(Fact {
            change: Some((changes.payment_method, t.of_card())),
            ..plain(t.card_charged(), changes.card)
        }),
        Some(Fact {
            change: Some((changes.po_number, t.of_po_number())),
            ..plain(t.po_number().to_owned(), po_number)
        }),
        after.map(|after| plain(t.balance_after(), after)),
        Some(Fact {
            instant: Some(expires_at.to_string()),
            ..plain(t.usable_until().to_owned(), figures::minute(expires_at, t.0))
        }),
    ];
    facts.into_iter().flatten().collect()
}

fn sentences(account: &Account, amount: Money, t: AddFundsWords) -> Vec<String> {
    let owed = figures::money(&account.owed, &account.currency).filter(|owed| owed.is_positive());
    let repaid = owed.map(|owed| t.repays(wording::amount(owed.min(amount), t.0)));
    let recharge = if account.auto_recharge.enabled { t.recharge_is_on() } else { t.recharge_is_off() };
    [Some(t.lost()), repaid, Some(recharge)].into_iter().flatten().collect()
}

/// Points out a purchase of the same amount a few minutes ago.
fn bought_before(
    account: &Account,
    begun: &Begun,
    recent: &[Payment],
    now: Timestamp,
    t: AddFundsWords,
) -> Option<Notice> {
    let minutes = |payment: &Payment| now.duration_since(payment.created_at.into()).as_mins().max(0);
    let counts = |payment: &&Payment| {
        !payment.is_recharge()
            && (payment.is_open() || payment.state() == State::Succeeded)
            && begun.is_amount(&payment.amount)
            && minutes(payment) < RECENT_MINUTES
    };
    let payment = recent.iter().find(counts)?;
    let ago = match minutes(payment) {
        0 => t.seconds_ago(),
        1 => t.one_minute_ago(),
        minutes => t.minutes_ago(minutes),
    };
    let amount = payment.amount_in(t.0);
    let text = match payment.receipt_number {
        Some(number) => t.bought(amount, ago, number),
        None => t.begun(amount, ago),
    };
    let href = path_of(&account.account_id, &payment.purchase_id);
    Some(Notice::new(Tone::Warn, t.bought_before(), text).link(t.see_payment(), href))
}

/// The form of the button that pays.
#[derive(Clone, Debug, Deserialize)]
struct Pay {
    #[serde(flatten)]
    begun: Begun,
    /// For the amount in a sentence, where the account cannot be read.
    #[serde(default)]
    currency: String,
    /// The organization's name, likewise.
    #[serde(default)]
    organization: String,
    /// Set by the button that asks for the outcome of a payment.
    check: Option<String>,
}

/// The sign-in leads here after a payment was not sent, since the session had ended. Nothing is sent by coming back.
async fn come_back(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = AccountId::parse(id).map_err(|_| Failure::NotFound)?;
    Ok(match visit.draft::<Pay>() {
        Some(pay) if pay.begun.has_key() => {
            visit.lead_to(&pay.begun.review(id.as_str()), settings::SIGNED_OUT)
        }
        _ => Redirect::to(&format!("/accounts/{id}/receipts")).into_response(),
    })
}

async fn pay(visit: Visit, Path(id): Path<String>, Form(form): Form<Pay>) -> Result<Response, Failure> {
    visit.must_change()?;
    let account = AccountId::parse(id).map_err(|_| Failure::NotFound)?;
    let Pay { begun, currency, organization, check } = form;
    let organization = named(&account, organization);
    if !begun.has_key() {
        return Ok(Redirect::to(&add_funds_with(account.as_str(), &begun.amount)).into_response());
    }
    let id = begun.payment_id(&account);
    // The API answers a payment that is sent again like one that is sent first, so it is looked for before.
    let until = Instant::now() + SETTLES_WITHIN;
    if let Some(payment) = Box::pin(look(&visit, &account, &id)).await {
        let payment = Box::pin(settled(&visit, &account, &id, payment, until)).await;
        if !begun.is_amount(&payment.amount) {
            return Ok(other_amount(&visit, organization, Some(&payment)));
        }
        let what = if check.is_some() { PAID } else { ALREADY };
        return Ok(visit.lead_to(&path_of(account.as_str(), &payment.purchase_id), what));
    }
    let call = visit.api().call(Method::POST, &["accounts", account.as_str(), "purchases"]);
    let call = call.idempotency_key(&begun.key).body(json!({ "amount": begun.amount }));
    match Box::pin(call.answer::<Payment>()).await {
        Ok(payment) => {
            let payment = Box::pin(settled(&visit, &account, &id, payment, until)).await;
            Ok(visit.lead_to(&path_of(account.as_str(), &payment.purchase_id), PAID))
        }
        Err(ApiError::Problem(problem)) => {
            Box::pin(refused(&visit, organization, &account, &begun, &currency, &problem)).await
        }
        Err(error) => {
            tracing::warn!(%error, "the outcome of a payment is not known");
            Ok(unknown(&visit, organization, &begun, &currency))
        }
    }
}

/// The payment of this id, if it was sent before. If that cannot be known, it counts as not sent: the key sees to it that it is paid
/// once at most.
async fn look(visit: &Visit, account: &AccountId, id: &PaymentId) -> Option<Payment> {
    let path = ["accounts", account.as_str(), "purchases", id.as_str()];
    let call = visit.api().get(&path).answer::<Payment>();
    tokio::time::timeout(LOOK_PATIENCE, call).await.ok()?.ok()
}

/// The payment as it ended, if it ends in time.
async fn settled(
    visit: &Visit,
    account: &AccountId,
    id: &PaymentId,
    payment: Payment,
    until: Instant,
) -> Payment {
    let mut payment = payment;
    while payment.state() == State::Pending && Instant::now() + LOOK_AGAIN_AFTER < until {
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        payment = look(visit, account, id).await.unwrap_or(payment);
    }
    payment
}

/// The answer to a payment that the API refused.
async fn refused(
    visit: &Visit,
    organization: Organization,
    account: &AccountId,
    begun: &Begun,
    currency: &str,
    problem: &Problem,
) -> Result<Response, Failure> {
    let t = AddFundsWords(visit.locale);
    let id = account.as_str();
    let is = |code: &str| problem.code == code || problem.errors.iter().any(|error| error.code == code);
    match problem.status {
        402 => {
            let named = problem.purchase.as_ref().map(|purchase| purchase.purchase_id.clone());
            let purchase = named.unwrap_or_else(|| begun.payment_id(account).to_string());
            Ok(Redirect::to(&path_of(id, &purchase)).into_response())
        }
        401 => Err(Failure::SignedOut),
        403 => Err(Failure::Forbidden),
        404 => Err(Failure::NotFound),
        409 if is("idempotencyKeyReused") => Ok(other_amount(visit, organization, None)),
        // These pages say why nothing can be bought.
        409 if is("postUsageAccount") => Ok(Redirect::to(&add_funds_with(id, "")).into_response()),
        422 if problem.errors.iter().any(|error| error.field != "amount") => {
            Ok(Redirect::to(&begun.review(id)).into_response())
        }
        422 => {
            let account = Box::pin(visit.api().account(id)).await?;
            let bounds = Bounds::of(&account, visit.locale);
            let amount = begun.amount(&account.currency);
            let problem = amount.and_then(|amount| bounds.wrong(Some(amount))).unwrap_or_else(|| t.refused());
            let typed = amount.map(|amount| wording::number(amount, t.0));
            Ok(wrong(visit, &account, typed.as_ref().unwrap_or(&begun.amount), problem))
        }
        409 => {
            let overview = (t.to_overview(), format!("/accounts/{id}"));
            let (text, links) = if is("tooManyLots") {
                (t.too_many_lots(), vec![overview])
            } else if is("tooManyDeclines") {
                let cards = (t.cards().to_owned(), format!("/accounts/{id}/payment-method"));
                (t.too_many_declines(), vec![cards, overview])
            } else {
                (t.refused(), vec![overview])
            };
            let stop = Stop {
                status: StatusCode::CONFLICT,
                heading: t.nothing_charged(),
                texts: vec![text],
                links,
                check: None,
            };
            Ok(stop.show(visit, organization))
        }
        status => {
            tracing::warn!(status, "the outcome of a payment is not known");
            Ok(unknown(visit, organization, begun, currency))
        }
    }
}

/// A page instead of the payment's own.
struct Stop {
    status: StatusCode,
    heading: String,
    texts: Vec<String>,
    links: Vec<(String, String)>,
    /// The payment to ask for again, and its currency.
    check: Option<(Begun, String)>,
}

#[derive(Template)]
#[template(path = "add_funds_stop.html")]
struct StopPage {
    frame: Frame,
    t: AddFundsWords,
    id: String,
    texts: Vec<String>,
    links: Vec<(String, String)>,
    check: Option<(Begun, String)>,
}

impl Stop {
    fn show(self, visit: &Visit, organization: Organization) -> Response {
        let id = organization.id.clone();
        let mut frame = visit.frame(self.heading, Place::AddFunds).of(visit, organization, Place::AddFunds);
        // The choice of a language leads to the review of the same payment, which can be sent again from there.
        if let Some((begun, _)) = &self.check {
            frame.address = begun.review(&id);
        }
        let t = AddFundsWords(visit.locale);
        let page = StopPage { frame, t, id, texts: self.texts, links: self.links, check: self.check };
        (self.status, crate::frame::show(&page)).into_response()
    }
}

/// Nobody knows whether the card was charged. The same payment can be sent again, which charges it once at most.
fn unknown(visit: &Visit, organization: Organization, begun: &Begun, currency: &str) -> Response {
    let t = AddFundsWords(visit.locale);
    let stop = Stop {
        status: StatusCode::SERVICE_UNAVAILABLE,
        heading: t.unknown(),
        texts: vec![t.unknown_text(), t.unknown_check(begun.amount_in(currency, t.0))],
        links: Vec::new(),
        check: Some((begun.clone(), currency.to_owned())),
    };
    stop.show(visit, organization)
}

/// The key belongs to a payment of another amount.
fn other_amount(visit: &Visit, organization: Organization, payment: Option<&Payment>) -> Response {
    let t = AddFundsWords(visit.locale);
    let id = organization.id.clone();
    let text = payment
        .map_or_else(|| t.other_amount_unknown(), |payment| t.other_amount_text(payment.amount_in(t.0)));
    let own = payment.map(|payment| (t.see_payment(), path_of(&id, &payment.purchase_id)));
    let again = (t.start_again(), add_funds_with(&id, ""));
    let stop = Stop {
        status: StatusCode::CONFLICT,
        heading: t.other_amount(),
        texts: vec![text],
        links: [Some(again), own].into_iter().flatten().collect(),
        check: None,
    };
    stop.show(visit, organization)
}

/// An organization that could not be read, with the name that the page of the form has shown.
fn named(account: &AccountId, name: String) -> Organization {
    let name = if name.is_empty() { account.to_string() } else { name };
    Organization { id: account.to_string(), name, may_buy: true }
}

#[cfg(test)]
mod tests {
    use super::super::settings::example::account;
    use super::*;

    fn euros(amount: &str) -> Money {
        Money::new(amount.parse().unwrap(), Currency::parse("EUR").unwrap()).unwrap()
    }

    fn begun(amount: &str) -> Begun {
        Begun { amount: amount.to_owned(), key: "k".repeat(24) }
    }

    #[test]
    fn an_address_stands_for_one_payment() {
        let first = Begun::new(euros("200"));
        assert_eq!(first.amount, "200.00");
        assert_eq!(first.amount("EUR"), Some(euros("200")));
        let review = first.review("a");
        let Query(read) = Query::<Begun>::try_from_uri(&review.parse().unwrap()).unwrap();
        assert_eq!(read, first, "{review}");
        assert_ne!(first.key, Begun::new(euros("200")).key);
    }

    #[test]
    fn an_edited_address_is_no_payment() {
        for amount in ["", "-5", "+5", "1e3", "0", "50,00", "50.001", "1 000", "nonsense"] {
            assert_eq!(begun(amount).amount("EUR"), None, "{amount}");
        }
        assert_eq!(begun("5000.5").amount("JPY"), None);
        assert!(begun("1.500").amount("KWD").is_some());
        for key in ["", "with a space", "über", "a/b", &"k".repeat(65)] {
            assert_eq!(Begun { key: key.to_owned(), ..begun("50") }.amount("EUR"), None, "{key}");
        }
    }

    #[test]
    fn amounts_are_equal_however_they_are_written() {
        assert!(begun("200.00").is_amount("200.0000") && begun("200").is_amount("200"));
        assert!(!begun("200.00").is_amount("200.0100") && !begun("x").is_amount("x"));
    }

    #[test]
    fn suggestions_are_amounts_that_can_be_bought() {
        let labels = |account: &Account| {
            suggestions(account, Locale::En).into_iter().map(|(label, _)| label).collect::<Vec<_>>()
        };
        let usual = account(json!({}));
        assert_eq!(labels(&usual).join(" ").replace('\u{a0}', ""), "EUR50.00 EUR100.00 EUR200.00 EUR500.00");
        let mut narrow = usual;
        narrow.limits.purchase.maximum = "150.0000".to_owned();
        assert_eq!(labels(&narrow).len(), 2);
    }

    fn payments(changes: serde_json::Value) -> Vec<Payment> {
        let mut payment = json!({
            "purchaseId": "pur_1", "kind": "purchase", "status": "succeeded", "amount": "200.0000",
            "currency": "EUR", "createdAt": "2026-11-25T09:00:00.000Z", "receiptNumber": 15,
        });
        let serde_json::Value::Object(changes) = changes else { panic!("changes are an object") };
        payment.as_object_mut().unwrap().extend(changes);
        vec![serde_json::from_value(payment).unwrap()]
    }

    #[test]
    fn a_purchase_of_a_few_minutes_ago_is_pointed_out() {
        let notice = |changes, now: &str| {
            let recent = payments(changes);
            let now = now.parse().unwrap();
            let t = AddFundsWords(Locale::En);
            bought_before(&account(json!({})), &begun("200.00"), &recent, now, t).map(|notice| notice.text)
        };
        let same = || json!({});
        let text = notice(same(), "2026-11-25T09:04:59Z").unwrap();
        assert!(text.contains("4 minutes ago (receipt 15)"), "{text}");
        assert!(notice(same(), "2026-11-25T09:00:00Z").unwrap().contains("less than a minute ago"));
        assert!(notice(same(), "2026-11-25T09:14:59Z").is_some());
        assert_eq!(notice(same(), "2026-11-25T09:15:00Z"), None);
        let soon = "2026-11-25T09:01:30Z";
        assert_eq!(notice(json!({ "amount": "100.0000" }), soon), None);
        assert_eq!(notice(json!({ "kind": "recharge" }), soon), None);
        assert_eq!(notice(json!({ "status": "declined" }), soon), None);
        let open = notice(json!({ "status": "pending", "receiptNumber": null }), soon).unwrap();
        assert!(open.contains("not known yet") && open.contains("one minute ago"), "{open}");
    }

    #[test]
    fn what_is_owed_is_repaid_up_to_the_amount() {
        let t = AddFundsWords(Locale::En);
        let said = |owed: &str| sentences(&account(json!({ "owed": owed })), euros("50"), t).join(" ");
        assert!(said("3.2000").contains("EUR\u{a0}3.20 of it repays"));
        assert!(said("80.0000").contains("EUR\u{a0}50.00 of it repays"));
        assert!(!said("0.0000").contains("repays"));
    }
}
