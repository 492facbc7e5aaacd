//! The card processor's own pages: where a person enters a card, and where a card's owner confirms a payment. They are in the
//! language of the person's pages in the portal, or else the account's, as its mails are. What a person does there is told to the functions at once, as a webhook of the processor
//! would, and does not depend on whether the person goes back to the portal.

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::HeaderMap;
use axum::response::{Html, Redirect};
use axum::routing::get;
use domain::profile::CardUse;
use domain::{AccountId, Locale};
use payments::sandbox::{Record, SetUpRecord, TestCard};
use payments::{IntentState, ProcessorError, Sandbox, SetUpState};
use serde::Deserialize;
use serde_json::Value;

use crate::Machine;
use crate::demo::Operator;
use crate::functions::{AUTHENTICATION_PATH, CARDS_PATH};
use crate::local::{Failure, wrong};
use crate::page::text;
use api::Problem;

/// The pages.
pub fn router(machine: &Machine) -> Router {
    Router::new()
        .route(&format!("{CARDS_PATH}/{{set_up}}"), get(ask_for_card).post(card_entered))
        .route(&format!("{AUTHENTICATION_PATH}/{{intent}}"), get(ask_owner).post(owner_decides))
        .with_state(machine.clone())
}

/// The organization that a page is for.
struct Organization {
    name: String,
    locale: Locale,
}

impl Organization {
    async fn of(machine: &Machine, account: &AccountId, headers: &HeaderMap) -> Result<Self, Failure> {
        let operator = Operator { machine, at: machine.clock.now(), account: account.as_str() };
        let account = operator.call("GET /v1/accounts/{id}", "", Value::Null).await?;
        let of_account = || account["locale"].as_str().and_then(Locale::parse);
        let locale = portal::wished_language(headers).or_else(of_account);
        Ok(Self { name: text(&account["name"]), locale: locale.unwrap_or_default() })
    }
}

/// The page where a person enters a card.
#[derive(Template)]
#[template(path = "cards.html")]
struct CardEntry {
    organization: Organization,
    is_backup: bool,
    state: SetUpState,
    action: String,
    return_url: String,
    test_cards: &'static [TestCard],
}

/// The page that the `url` of a set-up leads to.
async fn ask_for_card(
    machine: State<Machine>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let sandbox = machine.functions.sandbox();
    let record = sandbox.set_up_record(&id, machine.clock.now()).await.map_err(unless_known("set-up"))?;
    entry_page(&machine, record, &headers).await
}

/// The page as it is now. It asks for no card if there is one, or if it is too late.
async fn entry_page(
    machine: &Machine,
    record: SetUpRecord,
    headers: &HeaderMap,
) -> Result<Html<String>, Failure> {
    let page = CardEntry {
        organization: Organization::of(machine, &record.account, headers).await?,
        is_backup: record.card == CardUse::Backup,
        state: record.state,
        action: format!("{CARDS_PATH}/{}", record.id),
        return_url: record.return_url,
        test_cards: Sandbox::test_cards(),
    };
    Ok(Html(page.render()?))
}

/// The card that a person has chosen.
#[derive(Deserialize)]
struct Chosen {
    card: String,
}

/// Takes the card, saves it at once, and leads back.
async fn card_entered(
    machine: State<Machine>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(chosen): Form<Chosen>,
) -> Result<Result<Redirect, Html<String>>, Failure> {
    if !Sandbox::test_cards().iter().any(|card| card.token == chosen.card) {
        return Err(wrong("card", "expected one of the test cards"));
    }
    let now = machine.clock.now();
    let entered = machine.functions.sandbox().enter_card(&id, &chosen.card, now).await;
    let record = entered.map_err(unless_known("set-up"))?;
    if let SetUpState::Complete(_) = record.state {
        machine.functions.complete_set_up(id, now).await.map_err(Failure)?;
        Ok(Ok(Redirect::to(&record.return_url)))
    } else {
        Ok(Err(entry_page(&machine, record, &headers).await?))
    }
}

/// The page where a card's owner confirms or refuses a payment.
#[derive(Template)]
#[template(path = "authentication.html")]
struct Authentication {
    organization: Organization,
    amount: String,
    action: String,
    /// Whether the card was charged. `None` while the payment waits for the card's owner.
    charged: Option<bool>,
    return_url: Option<String>,
}

/// The page that `nextAction.url` leads to.
async fn ask_owner(
    machine: State<Machine>,
    Path(intent): Path<String>,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let record = machine.functions.sandbox().record(&intent).await.map_err(unless_known("payment"))?;
    authentication_page(&machine, record, &headers).await
}

/// The page as it is now. It does not ask again about a payment that was decided.
async fn authentication_page(
    machine: &Machine,
    record: Record,
    headers: &HeaderMap,
) -> Result<Html<String>, Failure> {
    let organization = Organization::of(machine, &record.account, headers).await?;
    let page = Authentication {
        amount: wording::amount(record.amount, organization.locale),
        organization,
        action: format!("{AUTHENTICATION_PATH}/{}", record.id),
        charged: match record.state {
            IntentState::NeedsAction { .. } => None,
            state => Some(matches!(state, IntentState::Succeeded { .. })),
        },
        return_url: record.return_url,
    };
    Ok(Html(page.render()?))
}

/// Takes the decision of the card's owner, and updates the payment at once.
async fn owner_decides(
    machine: State<Machine>,
    Path(intent): Path<String>,
    headers: HeaderMap,
    form: String,
) -> Result<Html<String>, Failure> {
    let approved = match form.as_str() {
        "decision=approve" => true,
        "decision=refuse" => false,
        _ => return Err(wrong("decision", "expected approve or refuse")),
    };
    let decided = machine.functions.sandbox().authenticate(&intent, approved).await;
    let decided = decided.map_err(unless_known("payment"))?;
    let payment = decided.payment().ok_or(Failure(Problem::NotFound("payment")))?;
    machine.functions.payment_moved(&decided.account, &payment, machine.clock.now()).await?;
    authentication_page(&machine, decided, &headers).await
}

/// The failure if the sandbox does not know the thing that is asked for.
fn unless_known(what: &'static str) -> impl Fn(ProcessorError) -> Failure {
    move |error| match error {
        ProcessorError::Refused { .. } => Failure(Problem::NotFound(what)),
        ProcessorError::Unknown(_) => error.into(),
    }
}
