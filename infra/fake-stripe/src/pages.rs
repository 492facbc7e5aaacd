//! The hosted pages: where a card is entered, and where its owner confirms a charge. They need no scripts.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, State as Extract};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::Shared;
use crate::cards::{self, TEST_CARDS, TestCard};
use crate::checkout::{self, Session};
use crate::payment_intents::{self, PaymentIntent};
use crate::refusal::Refusal;

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/c/pay/{session}", get(ask_for_card).post(card_entered))
        .route("/authenticate/{intent}", get(ask_owner).post(owner_decides))
}

/// The language of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    English,
    French,
}

impl Language {
    /// That of the session, or else the one that the browser prefers.
    fn of(locale: Option<&str>, headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let wished = locale.filter(|locale| *locale != "auto").or(accepted).unwrap_or_default();
        if wished.starts_with("fr") { Self::French } else { Self::English }
    }

    fn code(self) -> &'static str {
        self.pick("en", "fr")
    }

    fn pick<'a>(self, english: &'a str, french: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::French => french,
        }
    }

    fn words(self, card: &TestCard) -> &'static str {
        card.words[usize::from(self == Self::French)]
    }
}

/// A page with a title, a text and buttons.
#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    language: &'static str,
    title: &'a str,
    text: String,
    /// The name of the field that a button sends.
    field: &'static str,
    buttons: Vec<Button>,
    /// Where the person can go instead.
    link: Option<(String, &'a str)>,
}

struct Button {
    value: &'static str,
    label: String,
}

impl Page<'_> {
    fn answer(&self) -> Response {
        match self.render() {
            Ok(page) => Html(page).into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

async fn ask_for_card(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let session = shared.change(|state| checkout::current(state, &id))?;
    Ok(entry_page(&session, &headers))
}

/// The page of a session, which asks for no card unless the session is open.
fn entry_page(session: &Session, headers: &HeaderMap) -> Response {
    let language = Language::of(session.locale.as_deref(), headers);
    let is_open = session.status == checkout::Status::Open;
    let text = match session.status {
        checkout::Status::Open => language.pick(
            "This is a fake of Stripe's page. No real card is asked for: choose a test card.",
            "Ceci est une imitation de la page de Stripe. Aucune vraie carte n'est demandée : choisissez une carte de test.",
        ),
        checkout::Status::Complete => language.pick("A card has been saved.", "Une carte a été enregistrée."),
        checkout::Status::Expired => language.pick("This page has expired.", "Cette page a expiré."),
    };
    let label = |card: &TestCard| {
        let (brand, last4) = (card.brand, card.last4);
        format!("{brand} •••• {last4} — {}", language.words(card))
    };
    let buttons = TEST_CARDS.iter().map(|card| Button { value: card.token, label: label(card) }).collect();
    let back = if is_open { session.back_without_card() } else { Some(session.back()) };
    let page = Page {
        language: language.code(),
        title: language.pick("Save a card", "Enregistrer une carte"),
        text: text.to_owned(),
        field: "card",
        buttons: if is_open { buttons } else { Vec::new() },
        link: back.map(|url| (url, language.pick("Go back", "Retour"))),
    };
    page.answer()
}

#[derive(Deserialize)]
struct Chosen {
    card: String,
}

/// Takes the card, and leads back. A session that was not open shows its page as it is.
async fn card_entered(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Refusal> {
    let card = cards::by_token(&chosen.card);
    let card = card.ok_or_else(|| Refusal::no_object("PaymentMethod", &chosen.card, Some("card")))?;
    let session = shared.change(|state| checkout::enter(state, &id, card))?;
    Ok(match session.status {
        checkout::Status::Complete => Redirect::to(&session.back()).into_response(),
        _ => entry_page(&session, &headers),
    })
}

async fn ask_owner(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let intent = shared.change(|state| payment_intents::existing(state, &id).cloned())?;
    Ok(authentication_page(&intent, &headers))
}

/// The page of a charge, which asks nothing unless the charge waits for the card's owner.
fn authentication_page(intent: &PaymentIntent, headers: &HeaderMap) -> Response {
    let language = Language::of(None, headers);
    let (amount, currency) = (intent.amount, intent.currency.to_uppercase());
    let (text, buttons) = match intent.status {
        payment_intents::Status::RequiresAction => {
            let question = language.pick(
                "This is a fake of a bank's page. Your bank asks whether you approve this payment, in the smallest unit:",
                "Ceci est une imitation de la page d'une banque. Votre banque demande si vous acceptez ce paiement, dans la plus \
                 petite unité :",
            );
            let approve = language.pick("Approve", "Accepter").to_owned();
            let refuse = language.pick("Refuse", "Refuser").to_owned();
            let buttons =
                vec![Button { value: "approve", label: approve }, Button { value: "refuse", label: refuse }];
            (format!("{question} {amount} {currency}"), buttons)
        }
        payment_intents::Status::Succeeded => {
            (language.pick("The payment was made.", "Le paiement a été effectué.").to_owned(), Vec::new())
        }
        _ => (
            language.pick("The payment was not made.", "Le paiement n'a pas été effectué.").to_owned(),
            Vec::new(),
        ),
    };
    let page = Page {
        language: language.code(),
        title: language.pick("Confirm a payment", "Confirmer un paiement"),
        text,
        field: "decision",
        buttons,
        link: None,
    };
    page.answer()
}

#[derive(Deserialize)]
struct Decision {
    decision: Decided,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Decided {
    Approve,
    Refuse,
}

/// Takes the decision of the card's owner, and leads back.
async fn owner_decides(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(Decision { decision }): Form<Decision>,
) -> Result<Response, Refusal> {
    let (return_url, intent) = shared.change(|state| {
        let before = payment_intents::existing(state, &id)?;
        let return_url = before.asks_owner.as_ref().and_then(|page| page.return_url.clone());
        Ok::<_, Refusal>((
            return_url,
            payment_intents::authenticate(state, &id, decision == Decided::Approve)?,
        ))
    })?;
    Ok(match return_url {
        Some(return_url) => Redirect::to(&intent.back(&return_url)).into_response(),
        None => authentication_page(&intent, &headers),
    })
}
