//! Pages for developers: commands for curl, and every mail that was sent. The people's pages are the portal's.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use jiff::SignedDuration;
use serde_json::Value;

use crate::Machine;
use crate::demo;
use crate::mail::Mail;

/// The most mails on the page of mails, which has the latest. All of them are at `/_local/mail`.
const MAILS_SHOWN: usize = 50;

/// How long ago the call of the example started.
const EXAMPLE_AGE: SignedDuration = SignedDuration::from_hours(1);

/// The pages.
pub fn router(machine: &Machine) -> Router {
    Router::new().route("/developers", get(developers)).route("/mail", get(mail)).with_state(machine.clone())
}

#[derive(Template)]
#[template(path = "developers.html")]
struct Developers {
    url: String,
    now: String,
    clock_stands: bool,
    account: &'static str,
    call_at: String,
}

async fn developers(machine: State<Machine>, headers: HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1:8080");
    let now = machine.clock.now();
    let page = Developers {
        url: format!("http://{host}"),
        now: now.strftime("%-d %B %Y, %H:%M UTC").to_string(),
        clock_stands: machine.clock.set_to().is_some(),
        account: demo::ACCOUNT,
        call_at: (now - EXAMPLE_AGE).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    };
    answer(page.render().map_err(anyhow::Error::from))
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

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
