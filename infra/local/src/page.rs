//! The home page, with the demo organization's funds, lots and latest transactions and commands to try next; and the page
//! of mails.

use anyhow::Context;
use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;

use crate::Machine;
use crate::demo::{self, Operator};
use crate::mail::Mail;

/// The most mails on the page of mails, which has the latest. All of them are at `/_local/mail`.
const MAILS_SHOWN: usize = 50;

/// The pages.
pub fn router(machine: &Machine) -> Router {
    Router::new().route("/", get(home)).route("/mail", get(mail)).with_state(machine.clone())
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    url: String,
    now: String,
    clock_stands: bool,
    account: Option<Account>,
}

struct Account {
    id: String,
    name: String,
    currency: String,
    status: String,
    available: String,
    balance: String,
    held: Option<String>,
    owed: Option<String>,
    card: Option<String>,
    lots: Vec<Lot>,
    pools: Vec<PoolUse>,
    transactions: Vec<Transaction>,
}

struct Lot {
    purchased: String,
    expires: String,
    amount: String,
    remaining: String,
    left_percent: String,
}

/// The minutes of a pool in a month.
pub(crate) struct PoolUse {
    pub(crate) pool: String,
    pub(crate) month: String,
    pub(crate) used: u64,
    pub(crate) minutes: u64,
}

impl PoolUse {
    /// The use of each pool of an account in each month in which it has minutes.
    pub(crate) fn of_account(account: &Value) -> Vec<Self> {
        let pools = account["pools"].as_array().into_iter().flatten();
        let of_pool = |pool: &Value| {
            let months = pool["months"].as_array().cloned().unwrap_or_default();
            let pool = text(&pool["poolId"]);
            months.into_iter().map(move |month| Self {
                pool: pool.clone(),
                month: text(&month["month"]),
                used: month["used"].as_u64().unwrap_or_default(),
                minutes: month["minutes"].as_u64().unwrap_or_default(),
            })
        };
        pools.flat_map(of_pool).filter(|pool_use| pool_use.minutes > 0).collect()
    }
}

struct Transaction {
    at: String,
    kind: String,
    what: String,
    why: String,
    amount: String,
    balance: String,
    is_credit: bool,
}

async fn home(machine: State<Machine>, headers: HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1:8080");
    answer(Box::pin(render(&machine, format!("http://{host}"))).await)
}

/// The page of mails, newest first.
#[derive(Template)]
#[template(path = "mail.html")]
struct Mailbox {
    mails: Vec<Mail>,
}

async fn mail(machine: State<Machine>) -> Response {
    let mails = async {
        let mut mails = machine.mailbox.list(None).await?;
        mails.reverse();
        mails.truncate(MAILS_SHOWN);
        for mail in &mut mails {
            mail.html = opening_links_beside(&mail.html);
        }
        Ok(Mailbox { mails }.render()?)
    };
    answer(mails.await)
}

/// Makes the links of a mail open new pages, since they open nothing in the mail's sandboxed frame.
fn opening_links_beside(html: &str) -> String {
    let base = "<base target=\"_blank\">";
    match html.split_once("<head>") {
        Some((before, after)) => format!("{before}<head>{base}{after}"),
        None => format!("{base}{html}"),
    }
}

fn answer(page: anyhow::Result<String>) -> Response {
    match page {
        Ok(page) => Html(page).into_response(),
        Err(problem) => broken(&problem),
    }
}

/// The response if a page cannot be made.
pub(crate) fn broken(problem: &anyhow::Error) -> Response {
    tracing::error!(problem = format!("{problem:#}"), "the page could not be made");
    (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made; the log says why.").into_response()
}

async fn render(machine: &Machine, url: String) -> anyhow::Result<String> {
    let home = Home {
        url,
        now: machine.clock.now().strftime("%-d %B %Y, %H:%M UTC").to_string(),
        clock_stands: machine.clock.set_to().is_some(),
        account: read_account(machine).await?,
    };
    Ok(home.render()?)
}

async fn read_account(machine: &Machine) -> anyhow::Result<Option<Account>> {
    let operator = Operator { machine, at: machine.clock.now(), account: demo::ACCOUNT };
    let read = async |route| operator.call(route, "", Value::Null).await;
    let listed = read("GET /v1/accounts").await?;
    let known = listed["accounts"].as_array().context("a list of accounts")?;
    if !known.iter().any(|account| account["accountId"] == demo::ACCOUNT) {
        return Ok(None);
    }
    let account = read("GET /v1/accounts/{id}").await?;
    let lots = read("GET /v1/accounts/{id}/lots").await?;
    let transactions = read("GET /v1/accounts/{id}/transactions").await?;
    let rows = |list: &Value, name: &str| list[name].as_array().cloned().unwrap_or_default();
    let card = &account["paymentMethod"];
    let (held, owed) = (text(&account["held"]), text(&account["owed"]));
    Ok(Some(Account {
        id: text(&account["accountId"]),
        name: text(&account["name"]),
        currency: text(&account["currency"]),
        status: text(&account["status"]),
        available: text(&account["available"]),
        balance: text(&account["balance"]),
        held: has_value(&held).then_some(held),
        owed: has_value(&owed).then_some(owed),
        card: card
            .is_object()
            .then(|| format!("{} ending in {}", text(&card["brand"]), text(&card["last4"]))),
        lots: rows(&lots, "lots").iter().map(Lot::from).collect(),
        pools: PoolUse::of_account(&account),
        transactions: rows(&transactions, "transactions").iter().take(16).map(Transaction::from).collect(),
    }))
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Whether an amount of the API is not zero.
fn has_value(amount: &str) -> bool {
    amount.contains(|digit: char| ('1'..='9').contains(&digit))
}

/// `2026-11-22T07:43:00Z` as `2026-11-22 07:43`.
fn minute(value: &Value) -> String {
    text(value).chars().take(16).collect::<String>().replace('T', " ")
}

impl From<&Value> for Lot {
    fn from(lot: &Value) -> Self {
        let whole_units =
            |value: &Value| text(value).split('.').next().and_then(|units| units.parse::<u64>().ok());
        let (amount, remaining) = (whole_units(&lot["amount"]), whole_units(&lot["remaining"]));
        let left = remaining.unwrap_or_default() * 100 / amount.unwrap_or_default().max(1);
        Self {
            purchased: minute(&lot["purchasedAt"]),
            expires: minute(&lot["expiresAt"]),
            amount: text(&lot["amount"]),
            remaining: text(&lot["remaining"]),
            left_percent: left.to_string(),
        }
    }
}

impl From<&Value> for Transaction {
    fn from(row: &Value) -> Self {
        let amount = text(&row["amount"]);
        let destination = text(&row["why"]["destination"]);
        let what = match row["kind"].as_str() {
            Some("usage") if destination.is_empty() => text(&row["number"]),
            Some("usage") => {
                format!("{}, {} s to {destination}", text(&row["userId"]), row["durationSeconds"])
            }
            Some("purchase" | "recharge") => "funds from the card".to_owned(),
            Some("expiry") => "unused funds, forfeited".to_owned(),
            Some("rejected") => {
                let problem = &row["rejection"]["problem"];
                format!("refused: {}: {}", text(&problem["field"]), text(&problem["detail"]))
            }
            Some("unrated") => text(&row["number"]),
            _ => text(&row["reason"]),
        };
        Self {
            at: minute(&row["at"]),
            kind: text(&row["kind"]),
            what,
            why: why(row),
            balance: text(&row["balance"]),
            is_credit: !amount.starts_with('-') && has_value(&amount),
            amount,
        }
    }
}

/// Why a transaction has its amount, as its charge says it.
fn why(row: &Value) -> String {
    let minutes = |list: &Value| {
        let pools = list.as_array().into_iter().flatten();
        let of_pool = |pool: &Value| format!("{} min of {}", pool["minutes"], text(&pool["pool"]));
        pools.map(of_pool).collect::<Vec<_>>()
    };
    let mut parts = match row["kind"].as_str() {
        Some("usage") => minutes(&row["why"]["includedMinutes"]),
        Some("reversal") => minutes(&row["returned"]["includedMinutes"]),
        Some("unrated") => vec!["no published rate yet".to_owned()],
        _ => Vec::new(),
    };
    match row["why"]["rule"].as_str() {
        Some("rated") if has_value(&text(&row["charge"])) => {
            let billed = row["why"]["billedSeconds"].as_u64().unwrap_or_default();
            let paid = billed.saturating_sub(60 * row["includedMinutes"].as_u64().unwrap_or_default());
            parts.push(format!("{paid} s at {} a minute", text(&row["why"]["perMinute"])));
        }
        Some("asRated") => parts.push("came with its charge".to_owned()),
        Some("zeroDuration") => parts.push("no duration".to_owned()),
        _ => {}
    }
    parts.join(", then ")
}
