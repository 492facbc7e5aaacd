//! An OpenID Connect issuer, under `/_local/issuer/`: it signs in [demo people](crate::people) for one client, the portal, by
//! the authorization code flow with PKCE (RFC 7636). Nobody needs a password.
//!
//! Codes and refresh tokens are kept in memory. They end when the host stops, or when too many newer ones were issued.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::Context;
use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::Locale;
use jiff::Timestamp;
use jsonwebtoken::jwk::JwkSet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wording::glossary;

use crate::local::{Failure, read, wrong};
use crate::people::{PEOPLE, Person};
use crate::tokens::{Claims, TokenRequest, Tokens};

const PATH: &str = "/_local/issuer";

/// The path at which codes and refresh tokens are exchanged. It takes a form, as OAuth prescribes.
pub(crate) const TOKEN_PATH: &str = "/_local/issuer/token";

/// The only client. It is public, so it has no secret.
pub(crate) const CLIENT: &str = "portal";

/// The scopes that a client can ask for. They change nothing about the tokens.
const SCOPES: [&str; 3] = ["openid", "profile", "offline_access"];

/// How long a code can be redeemed, by the machine's clock.
const CODE_LIFETIME: Duration = Duration::from_mins(1);

const ID_TOKEN_SECONDS: i64 = 3600;

/// At most this many codes, and as many refresh tokens, are kept.
const MAX_KEPT: usize = 1_000;

/// The longest `state` or `nonce`.
const MAX_PARAMETER_BYTES: usize = 1_000;

/// The length of a code challenge: a SHA-256 hash in base64.
const CHALLENGE_BYTES: usize = 43;

const MAX_ACCESS_TOKEN_SECONDS: u32 = 12 * 3600;

const MAX_PADDING_BYTES: usize = 16 * 1024;

/// The URL of the issuer on the host with this URL.
pub fn url(host: &str) -> String {
    format!("{host}{PATH}")
}

/// The routes of the issuer on the host with this URL.
pub fn router(tokens: Arc<Tokens>, host: &str) -> Router {
    let issuer = Issuer { tokens, host: host.to_owned(), state: Mutex::default() };
    Router::new()
        .route(&format!("{PATH}/.well-known/openid-configuration"), get(configuration))
        .route(&format!("{PATH}/jwks"), get(keys))
        .route(&format!("{PATH}/authorize"), get(authorize))
        .route(TOKEN_PATH, post(token))
        .route(&format!("{PATH}/end-session"), get(end_session))
        .route(&format!("{PATH}/settings"), post(settings))
        .with_state(Arc::new(issuer))
}

struct Issuer {
    tokens: Arc<Tokens>,
    /// The host's URL.
    host: String,
    state: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    settings: Settings,
    codes: Secrets<Authorization>,
    refresh_tokens: Secrets<SignIn>,
}

/// The settings of sign-ins from now on. A field that is left out of a request has its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Settings {
    access_token_seconds: u32,
    /// The length of a further claim that makes access tokens large.
    claims_padding_bytes: usize,
    /// Whether sign-ins get refresh tokens. Without them, a session ends with its access token.
    refresh_tokens: bool,
    /// A role that access tokens have instead of the person's own.
    role: Option<OtherRole>,
}

/// A role that none of the demo people has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum OtherRole {
    /// The role of machines that send finished calls.
    Platform,
    /// A role that the API does not know.
    Unknown,
}

impl OtherRole {
    fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Unknown => "unknown",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { access_token_seconds: 3600, claims_padding_bytes: 0, refresh_tokens: true, role: None }
    }
}

/// A person who signed in. The settings are those at that time.
#[derive(Clone, Debug)]
struct SignIn {
    person: &'static Person,
    scope: String,
    settings: Settings,
}

/// The sign-in that a code stands for.
struct Authorization {
    sign_in: SignIn,
    nonce: String,
    challenge: String,
    at: Instant,
}

/// Values that are kept under random texts, of which each can be used once. The oldest make way for new ones.
struct Secrets<T>(VecDeque<(String, T)>);

impl<T> Default for Secrets<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Secrets<T> {
    fn keep(&mut self, value: T) -> anyhow::Result<String> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).context("no randomness for a code or a refresh token")?;
        let secret = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        if self.0.len() >= MAX_KEPT {
            self.0.pop_front();
        }
        self.0.push_back((secret.clone(), value));
        Ok(secret)
    }

    fn take(&mut self, secret: &str) -> Option<T> {
        let place = self.0.iter().position(|(kept, _)| kept == secret)?;
        self.0.remove(place).map(|(_, value)| value)
    }
}

/// The parameters of a query or a form.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The value of a parameter. One that is empty or repeated counts as missing, since OAuth forbids to repeat one.
    fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let value = values.next().filter(|value| !value.is_empty())?;
        values.next().is_none().then_some(value)
    }

    /// The language of pages: the first one that the client asks for and that there is, or English.
    fn locale(&self) -> Locale {
        let mut asked = self.get("ui_locales").unwrap_or_default().split_whitespace();
        let language =
            |tag: &str| Locale::parse(&tag.split('-').next().unwrap_or_default().to_ascii_lowercase());
        asked.find_map(language).unwrap_or_default()
    }
}

/// An error of OAuth: its code, and a description for developers.
#[derive(Debug, PartialEq, Eq)]
struct OAuthError(&'static str, &'static str);

/// An authorization request that is in order.
#[derive(Debug)]
struct Asked {
    scope: String,
    nonce: String,
    challenge: String,
}

impl Asked {
    fn read(query: &Parameters) -> Result<Self, OAuthError> {
        let invalid = |description| OAuthError("invalid_request", description);
        match query.get("response_type") {
            Some("code") => {}
            Some(_) => return Err(OAuthError("unsupported_response_type", "response_type: expected code")),
            None => return Err(invalid("response_type: expected code")),
        }
        let asked: Vec<_> = query.get("scope").unwrap_or_default().split(' ').collect();
        if !asked.contains(&"openid") {
            return Err(OAuthError("invalid_scope", "scope: expected openid"));
        }
        let short = |text: &&str| text.len() <= MAX_PARAMETER_BYTES;
        query.get("state").filter(short).ok_or(invalid("state: expected 1 to 1000 bytes"))?;
        let nonce = query.get("nonce").filter(short).ok_or(invalid("nonce: expected 1 to 1000 bytes"))?;
        if query.get("code_challenge_method") != Some("S256") {
            return Err(invalid("code_challenge_method: expected S256"));
        }
        let challenge = query.get("code_challenge").filter(|text| text.len() == CHALLENGE_BYTES);
        let challenge = challenge.ok_or(invalid("code_challenge: expected 43 characters"))?;
        Ok(Self {
            scope: SCOPES.into_iter().filter(|scope| asked.contains(scope)).collect::<Vec<_>>().join(" "),
            nonce: nonce.to_owned(),
            challenge: challenge.to_owned(),
        })
    }
}

/// An access token with a claim that makes it large.
#[derive(Serialize)]
struct Padded {
    #[serde(flatten)]
    claims: Claims,
    #[serde(skip_serializing_if = "String::is_empty")]
    padding: String,
}

impl Issuer {
    fn state(&self) -> MutexGuard<'_, Kept> {
        self.state.lock().expect("no holder of this lock panics")
    }

    /// Where the portal takes codes and errors.
    fn redirect_uri(&self) -> String {
        format!("{}/sign-in/return", self.host)
    }

    /// Where the portal takes people who signed out.
    fn post_logout_redirect_uri(&self) -> String {
        format!("{}/sign-in", self.host)
    }

    /// Sends the browser back to the portal.
    fn send_back(&self, query: &Parameters, answer: &[(&str, &str)]) -> Response {
        let state = query.get("state").map(|state| ("state", state));
        let answer =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(answer).extend_pairs(state).finish();
        no_store(Redirect::to(&format!("{}?{answer}", self.redirect_uri())))
    }

    /// A code for a person.
    fn authorize(&self, person: &'static Person, asked: Asked, at: Instant) -> anyhow::Result<String> {
        let Asked { scope, nonce, challenge } = asked;
        let mut state = self.state();
        let sign_in = SignIn { person, scope, settings: state.settings };
        state.codes.keep(Authorization { sign_in, nonce, challenge, at })
    }

    /// The sign-in that a request for tokens is about, with the nonce if it is the first one. The code or refresh token is
    /// used up, also if the request is refused.
    fn redeem(&self, form: &Parameters, now: Instant) -> Result<(SignIn, Option<String>), OAuthError> {
        if form.get("client_id") != Some(CLIENT) {
            return Err(OAuthError("invalid_client", "client_id: expected portal"));
        }
        match form.get("grant_type") {
            Some("authorization_code") => {
                let code = form.get("code").unwrap_or_default();
                let authorization = self.state().codes.take(code);
                let in_time = |kept: &Authorization| now.duration_since(kept.at) <= CODE_LIFETIME;
                let refused =
                    OAuthError("invalid_grant", "code: expected one that is neither used nor expired");
                let Authorization { sign_in, nonce, challenge, .. } =
                    authorization.filter(in_time).ok_or(refused)?;
                if form.get("redirect_uri") != Some(&self.redirect_uri()) {
                    return Err(OAuthError("invalid_grant", "redirect_uri: expected the one of the code"));
                }
                if form.get("code_verifier").is_none_or(|verifier| challenge_of(verifier) != challenge) {
                    return Err(OAuthError(
                        "invalid_grant",
                        "code_verifier: expected the one of the challenge",
                    ));
                }
                Ok((sign_in, Some(nonce)))
            }
            Some("refresh_token") => {
                let refresh_token = form.get("refresh_token").unwrap_or_default();
                let sign_in = self.state().refresh_tokens.take(refresh_token);
                let refused = OAuthError("invalid_grant", "refresh_token: expected one that is not used");
                Ok((sign_in.ok_or(refused)?, None))
            }
            Some(_) => Err(OAuthError(
                "unsupported_grant_type",
                "grant_type: expected authorization_code or refresh_token",
            )),
            None => Err(OAuthError("invalid_request", "grant_type: expected one")),
        }
    }

    /// The tokens of a sign-in.
    fn tokens(&self, sign_in: SignIn, nonce: Option<String>) -> anyhow::Result<Value> {
        let SignIn { person, settings, .. } = sign_in;
        let now = Timestamp::now().as_second();
        let mut id_claims = json!({
            "iss": self.tokens.issuer(),
            "aud": CLIENT,
            "sub": person.subject(),
            "name": person.name,
            "iat": now,
            "exp": now + ID_TOKEN_SECONDS,
        });
        if let Some(nonce) = nonce {
            id_claims["nonce"] = json!(nonce);
        }
        let access = self.tokens.claims_to_issue(TokenRequest {
            role: settings.role.map_or(person.role, OtherRole::as_str).to_owned(),
            accounts: person.accounts.iter().map(|&account| account.to_owned()).collect(),
            subject: Some(person.subject()),
            name: Some(person.name.to_owned()),
            expires_in_seconds: Some(settings.access_token_seconds.into()),
        });
        let access = Padded { claims: access, padding: "x".repeat(settings.claims_padding_bytes) };
        let mut answer = json!({
            "access_token": self.tokens.sign(&access)?,
            "token_type": "Bearer",
            "expires_in": settings.access_token_seconds,
            "id_token": self.tokens.sign(&id_claims)?,
            "scope": sign_in.scope,
        });
        if settings.refresh_tokens {
            answer["refresh_token"] = json!(self.state().refresh_tokens.keep(sign_in)?);
        }
        Ok(answer)
    }
}

/// The challenge of a code verifier (RFC 7636, section 4.6).
fn challenge_of(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// A response that nobody may store, since it has a secret or is about one.
fn no_store(response: impl IntoResponse) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], response).into_response()
}

/// The issuer's metadata (OpenID Connect Discovery 1.0).
async fn configuration(issuer: State<Arc<Issuer>>) -> Json<Value> {
    let url = issuer.tokens.issuer();
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{}{TOKEN_PATH}", issuer.host),
        "jwks_uri": format!("{url}/jwks"),
        "end_session_endpoint": format!("{url}/end-session"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": SCOPES,
        "claims_supported": ["iss", "aud", "sub", "name", "nonce", "iat", "exp"],
        "ui_locales_supported": Locale::ALL.map(Locale::as_str),
    }))
}

async fn keys(issuer: State<Arc<Issuer>>) -> Json<JwkSet> {
    Json(issuer.tokens.published())
}

/// Sends the browser back with a code for the person in `login_hint`, or shows the people. An unknown client or address is told on a
/// page, since the browser may not be sent to just any address.
async fn authorize(issuer: State<Arc<Issuer>>, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let query = Parameters::parse(query.unwrap_or_default().as_bytes());
    if let Some(page) = refusal(&query, "redirect_uri", &issuer.redirect_uri())? {
        return Ok(page);
    }
    let asked = match Asked::read(&query) {
        Ok(asked) => asked,
        Err(OAuthError(error, description)) => {
            let answer = [("error", error), ("error_description", description)];
            return Ok(issuer.send_back(&query, &answer));
        }
    };
    match query.get("login_hint").and_then(Person::find) {
        Some(person) => {
            let code = issuer.authorize(person, asked, Instant::now())?;
            Ok(issuer.send_back(&query, &[("code", &code)]))
        }
        None => Ok(no_store(Html(Page::of_people(&query).render()?))),
    }
}

/// Exchanges a code or a refresh token for tokens.
async fn token(issuer: State<Arc<Issuer>>, form: Bytes) -> Result<Response, Failure> {
    match issuer.redeem(&Parameters::parse(&form), Instant::now()) {
        Ok((sign_in, nonce)) => Ok(no_store(Json(issuer.tokens(sign_in, nonce)?))),
        Err(OAuthError(error, description)) => {
            let problem = json!({ "error": error, "error_description": description });
            Ok(no_store((StatusCode::BAD_REQUEST, Json(problem))))
        }
    }
}

/// Says that the person is signed out. The issuer itself remembers nobody who signed in, so it has nothing to end.
async fn end_session(issuer: State<Arc<Issuer>>, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let query = Parameters::parse(query.unwrap_or_default().as_bytes());
    let back = issuer.post_logout_redirect_uri();
    if let Some(page) = refusal(&query, "post_logout_redirect_uri", &back)? {
        return Ok(page);
    }
    Ok(no_store(Html(Page::of_signed_out(query.locale(), back).render()?)))
}

async fn settings(issuer: State<Arc<Issuer>>, body: String) -> Result<StatusCode, Failure> {
    let settings: Settings = read(&body)?;
    if !(1..=MAX_ACCESS_TOKEN_SECONDS).contains(&settings.access_token_seconds) {
        return Err(wrong("accessTokenSeconds", "expected 1 to 43200"));
    }
    if settings.claims_padding_bytes > MAX_PADDING_BYTES {
        return Err(wrong("claimsPaddingBytes", "expected at most 16384"));
    }
    issuer.state().settings = settings;
    Ok(StatusCode::NO_CONTENT)
}

/// The page for a request of an unknown client, or with another address to send the browser to than the client's own.
fn refusal(query: &Parameters, uri: &'static str, expected: &str) -> askama::Result<Option<Response>> {
    let parameter = if query.get("client_id") != Some(CLIENT) {
        "client_id"
    } else if query.get(uri) != Some(expected) {
        uri
    } else {
        return Ok(None);
    };
    let page = Page::of_refusal(query.locale(), parameter).render()?;
    Ok(Some(no_store((StatusCode::BAD_REQUEST, Html(page)))))
}

/// A page of the issuer.
#[derive(Template)]
#[template(path = "issuer.html")]
struct Page {
    language: &'static str,
    heading: &'static str,
    text: String,
    links: Vec<Link>,
}

struct Link {
    address: String,
    name: &'static str,
    about: String,
}

impl Page {
    /// The demo people to choose from. Each link is the same authorization request with a person in it.
    fn of_people(query: &Parameters) -> Self {
        let locale = query.locale();
        let asked = || query.0.iter().filter(|(name, _)| name != "login_hint");
        let link = |person: &'static Person| {
            let mut asked_again = form_urlencoded::Serializer::new(String::new());
            let asked_again = asked_again.extend_pairs(asked()).append_pair("login_hint", person.id).finish();
            let role = match person.role {
                "admin" => glossary::administrator(locale),
                "viewer" => glossary::viewer(locale),
                _ => glossary::operator(locale),
            };
            let organization = person.organization.unwrap_or(every_organization(locale));
            Link {
                address: format!("{PATH}/authorize?{asked_again}"),
                name: person.name,
                about: format!("{role}, {organization}"),
            }
        };
        Self {
            language: locale.as_str(),
            heading: choose(locale),
            text: demo_people(locale).to_owned(),
            links: PEOPLE.iter().map(link).collect(),
        }
    }

    /// Says that the person is signed out, with a link to this address.
    fn of_signed_out(locale: Locale, back: String) -> Self {
        let link = Link { address: back, name: sign_in(locale), about: String::new() };
        Self {
            language: locale.as_str(),
            heading: signed_out(locale),
            text: String::new(),
            links: vec![link],
        }
    }

    /// Says that a parameter has another value than the client's.
    fn of_refusal(locale: Locale, parameter: &str) -> Self {
        Self {
            language: locale.as_str(),
            heading: refused(locale),
            text: unexpected(parameter, locale),
            links: Vec::new(),
        }
    }
}

wording::words! {
    fn choose() { "Choose who to be", "Choisissez une personne" }
    fn demo_people() {
        "These are demo people; no password.",
        "Ce sont des personnes de démonstration, sans mot de passe.",
    }
    fn every_organization() { "every organization", "toutes les organisations" }
    fn signed_out() { "You are signed out", "Vous êtes déconnecté" }
    fn sign_in() { "Sign in", "Se connecter" }
    fn refused() { "This request cannot be answered", "Impossible de répondre à cette demande" }
    fn unexpected(parameter: &str) {
        "Unexpected value of the parameter {parameter}.",
        "Valeur inattendue du paramètre {parameter}.",
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    const HOST: &str = "http://127.0.0.1:1";

    /// The example of RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    const ASKED: [(&str, &str); 8] = [
        ("client_id", "portal"),
        ("redirect_uri", "http://127.0.0.1:1/sign-in/return"),
        ("response_type", "code"),
        ("scope", "openid profile email"),
        ("state", "s&t"),
        ("nonce", "n"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];

    fn issuer() -> Issuer {
        let tokens = Arc::new(Tokens::open(None, &url(HOST)).unwrap());
        Issuer { tokens, host: HOST.to_owned(), state: Mutex::default() }
    }

    /// These parameters with one of another value. An empty value leaves it out.
    fn with<'a>(parameters: &[(&'a str, &'a str)], name: &'a str, value: &'a str) -> String {
        let others = parameters.iter().copied().filter(|(other, _)| *other != name);
        let parameter = Some((name, value)).filter(|(_, value)| !value.is_empty());
        form_urlencoded::Serializer::new(String::new()).extend_pairs(others.chain(parameter)).finish()
    }

    /// The status of the answer to a GET request, where it redirects to, and its page.
    async fn open(path: &str) -> (u16, Option<String>, String) {
        let tokens = Arc::new(Tokens::open(None, &url(HOST)).unwrap());
        let request = Request::get(format!("{PATH}{path}")).body(Body::empty()).unwrap();
        let answer = router(tokens, HOST).oneshot(request).await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        let page = to_bytes(answer.into_body(), 100_000).await.unwrap();
        (status, location, String::from_utf8(page.into()).unwrap())
    }

    fn code(issuer: &Issuer, at: Instant) -> String {
        let asked = Asked::read(&Parameters::parse(with(&ASKED, "login_hint", "ada").as_bytes())).unwrap();
        issuer.authorize(Person::find("ada").unwrap(), asked, at).unwrap()
    }

    /// The form that redeems a code, with one parameter of another value.
    fn form(code: &str, name: &str, value: &str) -> Parameters {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", "portal"),
            ("code", code),
            ("redirect_uri", "http://127.0.0.1:1/sign-in/return"),
            ("code_verifier", VERIFIER),
        ];
        Parameters::parse(with(&form, name, value).as_bytes())
    }

    #[tokio::test]
    async fn an_unknown_client_or_address_gets_a_page_and_no_redirect() {
        for (name, value) in [
            ("client_id", "other"),
            ("client_id", ""),
            ("redirect_uri", "https://evil.example/sign-in/return"),
            ("redirect_uri", "http://127.0.0.1:1/sign-in/return/"),
            ("redirect_uri", "http://127.0.0.1:1/sign-in/return?x=y"),
            ("redirect_uri", ""),
        ] {
            let (status, location, page) = open(&format!("/authorize?{}", with(&ASKED, name, value))).await;
            assert_eq!((status, location), (400, None), "{name}={value}");
            assert!(page.contains(&format!("the parameter {name}.")) && !page.contains("evil"), "{page}");
        }
        let twice = format!("/authorize?{}&client_id=portal", with(&ASKED, "login_hint", "ada"));
        assert_eq!(open(&twice).await.0, 400, "a repeated parameter counts as missing");
    }

    #[tokio::test]
    async fn other_errors_go_back_to_the_client() {
        let long = "x".repeat(MAX_PARAMETER_BYTES + 1);
        for (name, value, error) in [
            ("response_type", "token", "unsupported_response_type"),
            ("response_type", "", "invalid_request"),
            ("scope", "profile", "invalid_scope"),
            ("scope", "", "invalid_scope"),
            ("state", "", "invalid_request"),
            ("nonce", "", "invalid_request"),
            ("nonce", &long, "invalid_request"),
            ("code_challenge", "", "invalid_request"),
            ("code_challenge", "short", "invalid_request"),
            ("code_challenge_method", "plain", "invalid_request"),
            ("code_challenge_method", "", "invalid_request"),
        ] {
            let query = with(&ASKED, name, value) + "&login_hint=ada";
            let (status, location, _) = open(&format!("/authorize?{query}")).await;
            let location = location.unwrap();
            let expected =
                format!("{HOST}/sign-in/return?error={error}&error_description={name}%3A+expected");
            assert!(status == 303 && location.starts_with(&expected), "{name}={value}: {location}");
            assert_eq!(location.ends_with("&state=s%26t"), name != "state", "{location}");
        }
    }

    #[tokio::test]
    async fn a_known_person_is_signed_in_at_once() {
        let (status, location, _) = open(&format!("/authorize?{}", with(&ASKED, "login_hint", "ada"))).await;
        let location = location.unwrap();
        let rest = location.strip_prefix(&format!("{HOST}/sign-in/return?code=")).unwrap();
        assert_eq!((status, rest.len()), (303, 43 + "&state=s%26t".len()), "{location}");
    }

    #[tokio::test]
    async fn the_page_offers_everybody_in_the_language_asked_for() {
        for (locales, language, said) in [
            ("", "en", ["These are demo people; no password.", "Administrator", "every organization"]),
            ("de en-GB fr", "en", ["Choose who to be", "Viewer", "Operator"]),
            (
                "de FR-CA en",
                "fr",
                [
                    "Ce sont des personnes de démonstration, sans mot de passe.",
                    "Lecteur",
                    "toutes les organisations",
                ],
            ),
        ] {
            let query = with(&ASKED, "ui_locales", locales) + "&login_hint=nobody";
            let (status, location, page) = open(&format!("/authorize?{query}")).await;
            assert_eq!((status, location), (200, None));
            assert!(page.contains(&format!("<html lang=\"{language}\">")) && !page.contains("<script"));
            for text in said.into_iter().chain(PEOPLE.iter().map(|person| person.name)) {
                assert!(page.contains(text), "no {text} in {page}");
            }
            let links: Vec<_> =
                page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
            assert_eq!(links.len(), PEOPLE.len());
            let link = links[1].replace("&#38;", "&");
            assert!(link.starts_with("/_local/issuer/authorize?client_id=portal&"), "{link}");
            let (status, location, _) = open(link.strip_prefix(PATH).unwrap()).await;
            assert!(status == 303 && location.unwrap().contains("?code="), "{link}");
        }
    }

    #[tokio::test]
    async fn the_page_after_signing_out_leads_back_to_the_portal_only() {
        let back = "client_id=portal&post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fsign-in";
        let (status, _, page) = open(&format!("/end-session?{back}")).await;
        assert!(status == 200 && page.contains("You are signed out"));
        assert!(page.contains("href=\"http://127.0.0.1:1/sign-in\"><strong>Sign in</strong>"), "{page}");
        let (_, _, page) = open(&format!("/end-session?{back}&ui_locales=fr")).await;
        assert!(
            page.contains("Vous êtes déconnecté") && page.contains("<strong>Se connecter</strong>"),
            "{page}"
        );
        for wrong in ["", "client_id=portal&post_logout_redirect_uri=https://evil.example/sign-in"] {
            let (status, _, page) = open(&format!("/end-session?{wrong}")).await;
            assert!(status == 400 && !page.contains("href"), "{page}");
        }
    }

    #[test]
    fn a_code_is_redeemed_once_and_within_a_minute() {
        let (issuer, at) = (issuer(), Instant::now());
        let error = |form, at| issuer.redeem(&form, at).unwrap_err().0;

        let first = code(&issuer, at);
        let (sign_in, nonce) = issuer.redeem(&form(&first, "", ""), at + CODE_LIFETIME).unwrap();
        assert_eq!((sign_in.person.name, nonce.as_deref()), ("Ada Lefèvre", Some("n")));
        assert_eq!(sign_in.scope, "openid profile", "an unknown scope is left out");
        assert_eq!(error(form(&first, "", ""), at), "invalid_grant", "it is used");

        let late = code(&issuer, at);
        let too_late = at + CODE_LIFETIME + Duration::from_millis(1);
        assert_eq!(error(form(&late, "", ""), too_late), "invalid_grant");
    }

    #[test]
    fn a_code_is_redeemed_by_its_client_only() {
        let (issuer, at) = (issuer(), Instant::now());
        for (name, value, expected) in [
            ("client_id", "other", "invalid_client"),
            ("client_id", "", "invalid_client"),
            ("grant_type", "", "invalid_request"),
            ("grant_type", "password", "unsupported_grant_type"),
            ("code", "", "invalid_grant"),
            ("redirect_uri", "http://127.0.0.1:1/", "invalid_grant"),
            ("redirect_uri", "", "invalid_grant"),
            ("code_verifier", CHALLENGE, "invalid_grant"),
            ("code_verifier", "", "invalid_grant"),
        ] {
            let code = code(&issuer, at);
            let OAuthError(error, description) = issuer.redeem(&form(&code, name, value), at).unwrap_err();
            assert_eq!(error, expected, "{name}={value}");
            assert!(description.starts_with(name), "{description}");
            let used_up = issuer.redeem(&form(&code, "", ""), at).is_err();
            assert_eq!(used_up, ["redirect_uri", "code_verifier"].contains(&name), "{name}={value}");
        }
    }

    #[test]
    fn the_oldest_secrets_make_way() {
        let mut secrets = Secrets::default();
        let kept: Vec<_> = (0..=MAX_KEPT).map(|number| secrets.keep(number).unwrap()).collect();
        assert_eq!((secrets.take(&kept[0]), secrets.take(&kept[1])), (None, Some(1)));
        assert_eq!((secrets.take(&kept[1]), secrets.take(&kept[MAX_KEPT])), (None, Some(MAX_KEPT)));
    }

    #[test]
    fn settings_hold_for_sign_ins_that_follow() {
        let (issuer, at) = (issuer(), Instant::now());
        let before = code(&issuer, at);
        issuer.state().settings = Settings {
            access_token_seconds: 2,
            claims_padding_bytes: 5_000,
            refresh_tokens: false,
            role: None,
        };
        let after = code(&issuer, at);
        let answer = |code| {
            let (sign_in, nonce) = issuer.redeem(&form(code, "", ""), at).unwrap();
            issuer.tokens(sign_in, nonce).unwrap()
        };
        let (before, after) = (answer(&before), answer(&after));
        assert_eq!((&before["expires_in"], &after["expires_in"]), (&json!(3600), &json!(2)));
        assert!(before["refresh_token"].is_string() && after.get("refresh_token").is_none());
        let length = |answer: &Value| answer["access_token"].as_str().unwrap().len();
        assert!(length(&before) < 1_000 && length(&after) > 5_000);
        let claims = issuer.tokens.claims(after["access_token"].as_str().unwrap()).unwrap();
        assert_eq!((claims["role"].as_str(), claims["accounts"].as_str()), ("admin", "[demo]"));

        issuer.state().settings = Settings { role: Some(OtherRole::Platform), ..Settings::default() };
        let platform = answer(&code(&issuer, at));
        let claims = issuer.tokens.claims(platform["access_token"].as_str().unwrap()).unwrap();
        assert_eq!(claims["role"], "platform");
    }
}
