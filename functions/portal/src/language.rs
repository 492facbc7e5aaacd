//! The language of the pages: the one that was chosen, or else the one that the browser asks for.

use std::convert::Infallible;

use axum::extract::{Form, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect};
use cookie::{Cookie, SameSite};
use domain::Locale;
use serde::Deserialize;

use crate::sign_in::own_path;

/// The cookie with the language that was chosen. It is no secret.
const COOKIE: &str = "language";

/// How long the choice is kept.
const KEPT: cookie::time::Duration = cookie::time::Duration::days(365);

/// The language of the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Language(pub(crate) Locale);

impl Language {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self(wished(headers).unwrap_or(Locale::En))
    }
}

/// The language that the person has chosen in the portal, or else the one that the browser asks for. None if it asks for none of ours.
pub fn wished(headers: &HeaderMap) -> Option<Locale> {
    let chosen = cookies(headers).find(|cookie| cookie.name() == COOKIE);
    let chosen = chosen.and_then(|cookie| Locale::parse(cookie.value()));
    chosen.or_else(|| asked_for(headers))
}

impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// The cookies that a request carries.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = Cookie<'_>> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(Cookie::split_parse).flatten()
}

/// The first of our languages in the order of the browser's wishes. None if it wishes for neither.
fn asked_for(headers: &HeaderMap) -> Option<Locale> {
    let wishes = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let wishes = wishes.unwrap_or_default().split(',').filter_map(|wish| {
        let (tag, weight) = wish.split_once(";q=").unwrap_or((wish, "1"));
        let language = tag.trim().split('-').next().unwrap_or_default();
        // A weight has at most three decimals, so as a text it compares as it does as a number.
        Some((Locale::parse(&language.to_ascii_lowercase())?, weight.trim().to_owned()))
    });
    // The first of the largest: `max_by` gives the last, so the list is turned round.
    let wishes: Vec<_> = wishes.collect();
    let best = wishes
        .into_iter()
        .rev()
        .max_by(|(_, a), (_, b)| a.trim_end_matches('0').cmp(b.trim_end_matches('0')));
    best.map(|(locale, _)| locale)
}

#[derive(Deserialize)]
pub(crate) struct Choice {
    language: String,
    to: String,
}

/// Keeps the choice, and leads back to the page.
pub(crate) async fn choose(Form(choice): Form<Choice>) -> impl IntoResponse {
    let locale = Locale::parse(&choice.language).unwrap_or_default();
    let cookie = Cookie::build((COOKIE, locale.as_str()))
        .path("/")
        .same_site(SameSite::Lax)
        .http_only(true)
        .max_age(KEPT)
        .build();
    let back = Redirect::to(own_path(&choice.to).unwrap_or("/"));
    (AppendHeaders([(header::SET_COOKIE, cookie.to_string())]), back)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_is_asked_unless_a_person_has_chosen() {
        for (accept, cookie, expected) in [
            ("", "", Locale::En),
            ("fr", "", Locale::Fr),
            ("fr-CA,fr;q=0.9,en;q=0.8", "", Locale::Fr),
            ("de,en;q=0.7,fr;q=0.9", "", Locale::Fr),
            ("en,fr", "", Locale::En),
            ("en;q=0.50,fr;q=0.5", "", Locale::En),
            ("de", "", Locale::En),
            ("fr", "language=en", Locale::En),
            ("en", "a=b; language=fr", Locale::Fr),
            ("en", "language=xx", Locale::En),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, accept.parse().unwrap());
            headers.insert(header::COOKIE, cookie.parse().unwrap());
            assert_eq!(Language::of(&headers).0, expected, "{accept} {cookie}");
        }
    }
}
