//! Sign-in with OpenID Connect: the authorization code flow with PKCE, at any issuer.
//!
//! `/sign-in` offers it, `/sign-in/start` leads to the issuer, who sends the person back to `/sign-in/return`. The nonce
//! and the verifier of an attempt are in an encrypted cookie of its own, so that two tabs that sign in do not break each other.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use cookie::Cookie;
use domain::Locale;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient};
use openidconnect::{
    AccessToken, AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, LanguageTag, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadataWithLogout, RedirectUrl,
    RefreshToken, RequestTokenError, Scope, TokenResponse,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::Portal;
use crate::address::with_query;
use crate::api::{ApiError, Http};
use crate::config::{Config, Person};
use crate::failure::Failure;
use crate::frame::Frame;
use crate::language::Language;
use crate::session::{Granted, Holder, set_cookies};
use crate::words::SignInWords;

/// How long the issuer's addresses and keys are kept.
const METADATA_KEPT: Duration = Duration::from_hours(1);

/// How long a sign-in may take.
const ATTEMPT_SECONDS: i64 = 10 * 60;

/// If the issuer does not say how long a token holds, it is taken for this long.
const USUAL_SECONDS: i64 = 3_600;

type IssuerClient = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The issuer, as its discovery describes it.
struct Issuer {
    client: IssuerClient,
    end_session: Option<String>,
}

/// The HTTP client, as the OpenID Connect library calls it.
struct Connection(Arc<Http>);

impl<'c> AsyncHttpClient<'c> for Connection {
    type Error = reqwest::Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, reqwest::Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async {
            let response = self.0.client().execute(request.try_into()?).await?;
            let mut answer = HttpResponse::default();
            *answer.status_mut() = response.status();
            response.headers().clone_into(answer.headers_mut());
            *answer.body_mut() = response.bytes().await?.to_vec();
            Ok(answer)
        })
    }
}

/// The sign-in at the issuer.
pub(crate) struct SignIn {
    connection: Connection,
    issuer: String,
    client_id: ClientId,
    client_secret: Option<ClientSecret>,
    scopes: Vec<String>,
    return_to: RedirectUrl,
    known: Mutex<Option<(Instant, Arc<Issuer>)>>,
}

/// Why a token was not renewed.
#[derive(Debug)]
pub(crate) enum RefreshError {
    /// The issuer says no: the person must sign in again.
    Refused,
    /// The issuer did not answer.
    NoAnswer,
}

/// Why nobody was signed in.
#[derive(Debug)]
enum SignInError {
    /// The issuer said no, with this code.
    Refused(String),
    /// The issuer did not answer.
    NoAnswer,
}

/// The data of an attempt to sign in, which is needed again when the person comes back.
#[derive(Serialize, Deserialize)]
struct Attempt {
    nonce: String,
    verifier: String,
    to: String,
}

impl SignIn {
    pub(crate) fn new(http: Arc<Http>, config: &Config) -> Self {
        let return_to = RedirectUrl::new(format!("{}/sign-in/return", config.url));
        Self {
            connection: Connection(http),
            issuer: config.issuer.clone(),
            client_id: ClientId::new(config.client_id.clone()),
            client_secret: config.client_secret.clone().map(ClientSecret::new),
            scopes: config.scopes.clone(),
            return_to: return_to.expect("the portal's address is a URL"),
            known: Mutex::default(),
        }
    }

    /// The issuer's addresses and keys. They are asked for at the first sign-in, not at the start.
    async fn issuer(&self) -> Result<Arc<Issuer>, SignInError> {
        let mut known = self.known.lock().await;
        if let Some((read_at, issuer)) = &*known
            && read_at.elapsed() < METADATA_KEPT
        {
            return Ok(issuer.clone());
        }
        let no_answer = |problem: &dyn std::fmt::Display| {
            tracing::warn!(%problem, "the issuer cannot be discovered");
            SignInError::NoAnswer
        };
        let url = IssuerUrl::new(self.issuer.clone()).map_err(|problem| no_answer(&problem))?;
        let metadata = Box::pin(ProviderMetadataWithLogout::discover_async(url, &self.connection)).await;
        let metadata = metadata.map_err(|problem| no_answer(&problem))?;
        let end_session = metadata.additional_metadata().end_session_endpoint.as_ref();
        let end_session = end_session.map(|url| url.to_string());
        let (id, secret) = (self.client_id.clone(), self.client_secret.clone());
        let client = CoreClient::from_provider_metadata(metadata, id, secret);
        let issuer =
            Arc::new(Issuer { client: client.set_redirect_uri(self.return_to.clone()), end_session });
        *known = Some((Instant::now(), issuer.clone()));
        Ok(issuer)
    }

    /// Exchanges a refresh token.
    pub(crate) async fn refresh(&self, token: String) -> Result<Granted, RefreshError> {
        let issuer = self.issuer().await.map_err(|_| RefreshError::NoAnswer)?;
        let token = RefreshToken::new(token);
        let request = issuer.client.exchange_refresh_token(&token).map_err(|_| RefreshError::Refused)?;
        let granted = Box::pin(request.request_async(&self.connection)).await;
        granted.map(|granted| granted_by(&granted)).map_err(|problem| match problem {
            RequestTokenError::ServerResponse(_) => RefreshError::Refused,
            problem => {
                tracing::warn!(%problem, "a token could not be renewed");
                RefreshError::NoAnswer
            }
        })
    }

    /// Exchanges the code that a person has brought back, and checks the ID token.
    async fn exchange(&self, code: String, attempt: &Attempt) -> Result<Granted, SignInError> {
        let issuer = self.issuer().await?;
        let refused = |problem: &dyn std::fmt::Display| {
            tracing::warn!(%problem, "a sign-in failed");
            SignInError::Refused("invalid_token".to_owned())
        };
        let request = issuer.client.exchange_code(AuthorizationCode::new(code));
        let request = request.map_err(|problem| refused(&problem))?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier.clone()));
        let granted =
            Box::pin(request.request_async(&self.connection)).await.map_err(|problem| match problem {
                RequestTokenError::ServerResponse(said) => SignInError::Refused(said.error().to_string()),
                problem => {
                    tracing::warn!(%problem, "the issuer gave no token");
                    SignInError::NoAnswer
                }
            })?;
        let id_token = granted.id_token().ok_or_else(|| refused(&"the issuer gave no ID token"))?;
        let verifier = issuer.client.id_token_verifier();
        let nonce = Nonce::new(attempt.nonce.clone());
        id_token.claims(&verifier, &nonce).map_err(|problem| refused(&problem))?;
        Ok(granted_by(&granted))
    }

    /// Begins an attempt: the issuer's address at which a person signs in, the state, and the data of the attempt.
    async fn begin(
        &self,
        to: String,
        locale: Locale,
        person: Option<&str>,
    ) -> Result<(String, String, Attempt), SignInError> {
        let issuer = self.issuer().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let mut request = issuer.client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        request =
            request.set_pkce_challenge(challenge).add_ui_locale(LanguageTag::new(locale.as_str().to_owned()));
        for scope in &self.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        if let Some(person) = person {
            request = request.add_extra_param("login_hint", person);
        }
        let (url, state, nonce) = request.url();
        let attempt = Attempt { nonce: nonce.secret().clone(), verifier: verifier.secret().clone(), to };
        Ok((url.to_string(), state.secret().clone(), attempt))
    }
}

fn granted_by(granted: &impl OAuth2TokenResponse) -> Granted {
    let seconds = granted.expires_in().and_then(|time| i64::try_from(time.as_secs()).ok());
    Granted {
        token: AccessToken::secret(granted.access_token()).clone(),
        expires_in_seconds: seconds.unwrap_or(USUAL_SECONDS),
        refresh: granted.refresh_token().map(|token| token.secret().clone()),
    }
}

/// A path of this site, as a place to go to after something. Anything that a browser could take for another site is none.
pub(crate) fn own_path(path: &str) -> Option<&str> {
    let is_plain = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    (is_plain && !path.chars().any(char::is_control)).then_some(path)
}

/// The address of the sign-in that leads to this path afterwards.
pub(crate) fn address(to: &str) -> String {
    with_query("/sign-in", [("to", to)])
}

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/sign-in", get(offer))
        .route("/sign-in/start", get(start))
        .route("/sign-in/return", get(come_back))
        .route("/sign-out", post(sign_out))
}

/// The page that offers to sign in.
#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    frame: Frame,
    t: SignInWords,
    /// A message above the sign-in.
    said: Option<Said>,
    start: String,
    people: Vec<ShownPerson>,
    developers: Option<String>,
}

/// A person of the trial, with the address that signs in as this person.
struct ShownPerson {
    name: String,
    role: String,
    organization: Option<String>,
    start: String,
}

/// A message above the sign-in.
struct Said {
    is_good: bool,
    title: String,
    text: String,
    /// A reason in the issuer's own code.
    code: Option<String>,
    link: Option<(String, String)>,
}

fn start_address(to: &str, person: Option<&str>) -> String {
    with_query("/sign-in/start", [("to", to), ("person", person.unwrap_or_default())])
}

fn page(portal: &Portal, locale: Locale, to: &str, said: Option<Said>) -> Response {
    let t = SignInWords(locale);
    let local = portal.config.local.as_ref();
    let shown = |person: &Person| ShownPerson {
        name: person.name.clone(),
        role: crate::words::role(&person.role, locale),
        organization: person.organization.clone(),
        start: start_address(to, Some(&person.login_hint)),
    };
    let page = Page {
        frame: Frame::outside(portal, locale, t.title(), "/sign-in"),
        t,
        said,
        start: start_address(to, None),
        people: local.iter().flat_map(|local| &local.people).map(shown).collect(),
        developers: local.map(|local| local.developers.clone()),
    };
    crate::frame::show(&page)
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    to: String,
    person: Option<String>,
}

/// The site's root leads to the first page of the person who is signed in.
pub(crate) async fn home(portal: State<Arc<Portal>>, headers: HeaderMap) -> Redirect {
    match portal.sessions.of(&headers) {
        Some(session) if session.is_operator() => Redirect::to("/operator/accounts"),
        Some(_) => Redirect::to("/products"),
        None => Redirect::to("/sign-in"),
    }
}

async fn offer(
    portal: State<Arc<Portal>>,
    Language(locale): Language,
    Query(asked): Query<Asked>,
) -> Response {
    page(&portal, locale, own_path(&asked.to).unwrap_or("/"), None)
}

async fn start(
    portal: State<Arc<Portal>>,
    Language(locale): Language,
    Query(asked): Query<Asked>,
) -> Response {
    let to = own_path(&asked.to).unwrap_or("/").to_owned();
    match Box::pin(portal.sign_in.begin(to, locale, asked.person.as_deref())).await {
        Ok((url, state, attempt)) => {
            let mut response = Redirect::to(&url).into_response();
            set_cookies(
                &mut response,
                [portal.sessions.sealed(&attempt_name(&state), &attempt, ATTEMPT_SECONDS)],
            );
            response
        }
        Err(_) => Failure::Busy.into_response(),
    }
}

/// The name of an attempt's cookie. A state that somebody else made up may hold anything, so only letters are taken.
fn attempt_name(state: &str) -> String {
    let state: String = state.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    format!("sign-in-{state}")
}

#[derive(Deserialize)]
struct Returned {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
}

async fn come_back(
    portal: State<Arc<Portal>>,
    Language(locale): Language,
    headers: HeaderMap,
    Query(returned): Query<Returned>,
) -> Response {
    let cookie = attempt_name(&returned.state);
    let Some(attempt) = portal.sessions.unsealed::<Attempt>(&headers, &cookie) else {
        // The attempt is over, such as after a reload of this address. A person who is signed in goes on.
        return match portal.sessions.of(&headers) {
            Some(_) => Redirect::to("/").into_response(),
            None => Redirect::to("/sign-in").into_response(),
        };
    };
    let mut response = match (returned.code, returned.error) {
        (Some(code), None) => Box::pin(enter(&portal, locale, code, &attempt)).await,
        (_, error) => refused(&portal, locale, &attempt, error.unwrap_or_default()),
    };
    set_cookies(&mut response, [portal.sessions.removed(&cookie)]);
    response
}

async fn enter(portal: &Portal, locale: Locale, code: String, attempt: &Attempt) -> Response {
    let granted = match Box::pin(portal.sign_in.exchange(code, attempt)).await {
        Ok(granted) => granted,
        Err(SignInError::Refused(code)) => return refused(portal, locale, attempt, code),
        Err(SignInError::NoAnswer) => return Failure::Busy.into_response(),
    };
    let caller = portal.api.with(&granted.token).call(Method::GET, &["caller"]);
    let caller: contract::Caller = match Box::pin(caller.answer()).await {
        Ok(caller) => caller,
        Err(ApiError::Problem(problem)) if problem.status == 403 => {
            return says(portal, locale, attempt, StatusCode::FORBIDDEN, |t| {
                (t.no_role(), t.no_role_advice())
            });
        }
        Err(problem) => return Failure::from(problem).into_response(),
    };
    if caller.roles.iter().all(|role| role == "platform") {
        let machine = |t: SignInWords| (t.for_machines(), t.for_machines_advice());
        return says(portal, locale, attempt, StatusCode::FORBIDDEN, machine);
    }
    let holder = Holder { subject: caller.subject, name: caller.name, roles: caller.roles };
    match portal.sessions.begin(granted, holder) {
        Ok((_, cookies)) => {
            let mut response = Redirect::to(&attempt.to).into_response();
            set_cookies(&mut response, cookies);
            response
        }
        Err(_) => Failure::TokenTooLarge.into_response(),
    }
}

fn refused(portal: &Portal, locale: Locale, attempt: &Attempt, code: String) -> Response {
    let t = SignInWords(locale);
    let said = Said {
        is_good: false,
        title: t.refused(),
        text: t.refused_advice(),
        code: (!code.is_empty()).then_some(code),
        link: None,
    };
    let page = page(portal, locale, &attempt.to, Some(said));
    (StatusCode::FORBIDDEN, page).into_response()
}

fn says(
    portal: &Portal,
    locale: Locale,
    attempt: &Attempt,
    status: StatusCode,
    words: impl FnOnce(SignInWords) -> (String, String),
) -> Response {
    let (title, text) = words(SignInWords(locale));
    let said = Said { is_good: false, title, text, code: None, link: None };
    (status, page(portal, locale, &attempt.to, Some(said))).into_response()
}

/// Ends the session. The issuer's own session goes on, so a link leads to its end: a form may not redirect to another site.
async fn sign_out(portal: State<Arc<Portal>>, Language(locale): Language) -> Response {
    let t = SignInWords(locale);
    let issuer = portal.sign_in.issuer().await.ok();
    let end_session = issuer.and_then(|issuer| issuer.end_session.clone()).map(|address| {
        let back = format!("{}/sign-in", portal.config.url);
        let client = portal.config.client_id.as_str();
        with_query(&address, [("client_id", client), ("post_logout_redirect_uri", &back)])
    });
    let said = Said {
        is_good: true,
        title: t.signed_out(),
        text: t.signed_out_advice(),
        code: None,
        link: end_session.map(|address| (t.also_sign_out(), address)),
    };
    let mut response = page(&portal, locale, "/", Some(said));
    let cookies: [Cookie<'static>; 2] = portal.sessions.ended();
    set_cookies(&mut response, cookies);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_ours_is_a_place_to_go_to() {
        for path in ["/", "/accounts/a/funds?x=1#y", "/é"] {
            assert_eq!(own_path(path), Some(path));
        }
        for other in [
            "",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil",
            "https://evil.example",
            "evil",
            "/a\r\nb",
            "/\t/evil.example",
        ] {
            assert_eq!(own_path(other), None, "{other}");
        }
    }
}
