//! The session: two encrypted cookies in the browser, and nothing on our side.
//!
//! One has the access token, the other the refresh token, since a cookie has room for one of them. A third one keeps the
//! draft of a form that was sent after the session had ended. It is never sent again by itself: the form opens with it after the
//! next sign-in.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use cookie::{Cookie, CookieJar, Key, SameSite};
use domain::Locale;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::address;
use crate::api::Client;
use crate::config::Config;
use crate::failure::Failure;
use crate::language::{Language, cookies};
use crate::sign_in::{self, RefreshError};
use crate::{Portal, SessionKeys, random};

/// Browsers drop a cookie of more than 4,096 bytes with its name and attributes, and API Gateway takes 10,240 bytes of all
/// headers of a request.
const MAX_COOKIE_BYTES: usize = 3_800;

/// A person signs in anew after this time, even if the issuer would renew the tokens.
const LONGEST_SECONDS: i64 = 8 * 3600;

/// A token that ends sooner is replaced before the page calls the API.
const REFRESHED_BEFORE_SECONDS: i64 = 60;

/// How long a draft is kept.
const KEPT_SECONDS: i64 = 15 * 60;

/// A longer draft is not kept.
const MAX_DRAFT_BYTES: usize = 1_024;

/// The largest form that is read.
const MAX_FORM_BYTES: usize = 64 * 1_024;

/// Reads and writes the cookies of sessions.
pub(crate) struct Sessions {
    keys: SessionKeys,
    is_secure: bool,
}

/// The part of a session that every page needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Ties the two cookies of a session together.
    id: String,
    /// The access token.
    pub(crate) token: String,
    expires_at: i64,
    /// The issuer's id of the person.
    pub(crate) subject: String,
    /// The name, if the issuer gives one.
    pub(crate) name: Option<String>,
    /// The roles that the token has at the API.
    pub(crate) roles: Vec<String>,
}

impl Session {
    /// Whether the person is of the operator's staff.
    pub(crate) fn is_operator(&self) -> bool {
        self.has_role("operator")
    }

    fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|has| has == role)
    }
}

/// The part of a session that outlives its access token.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Renewal {
    id: String,
    token: Option<String>,
    signed_in_at: i64,
}

/// The tokens of a sign-in or a refresh.
pub(crate) struct Granted {
    pub(crate) token: String,
    pub(crate) expires_in_seconds: i64,
    pub(crate) refresh: Option<String>,
}

/// The holder of a token, as the API describes it.
pub(crate) struct Holder {
    pub(crate) subject: String,
    pub(crate) name: Option<String>,
    pub(crate) roles: Vec<String>,
}

/// The access token does not fit into a cookie.
#[derive(Debug)]
pub(crate) struct TooLarge;

/// A form that was sent after the session had ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Draft {
    path: String,
    form: String,
    kept_until: i64,
}

impl Draft {
    /// The form, if it is one of this kind.
    fn form<F: DeserializeOwned>(&self) -> Option<F> {
        let address = format!("/?{}", self.form).parse().ok()?;
        // A query has the same form as the body of a POST.
        Query::try_from_uri(&address).ok().map(|Query(form)| form)
    }
}

impl Sessions {
    pub(crate) fn new(config: &Config) -> Self {
        Self { keys: config.keys.clone(), is_secure: config.is_secure() }
    }

    /// The name of a cookie. A browser takes `__Host-` only from a site with TLS, and keeps it from all other sites.
    fn name(&self, name: &str) -> String {
        if self.is_secure { format!("__Host-{name}") } else { format!("cc-{name}") }
    }

    /// A cookie whose content nobody else can read or change.
    pub(crate) fn sealed(&self, name: &str, content: &impl Serialize, kept_seconds: i64) -> Cookie<'static> {
        let text = serde_json::to_string(content).expect("the content is JSON");
        let name = self.name(name);
        let mut jar = CookieJar::new();
        jar.private_mut(&self.keys.current).add((name.clone(), text));
        let mut cookie = jar.get(&name).expect("it was just added").clone();
        cookie.set_path("/");
        cookie.set_http_only(true);
        cookie.set_secure(self.is_secure);
        // A strict cookie would not be sent when a bank or the card processor sends a person back to us.
        cookie.set_same_site(SameSite::Lax);
        cookie.set_max_age(cookie::time::Duration::seconds(kept_seconds));
        cookie
    }

    /// The content of a cookie of ours. None if there is no such cookie, or somebody has changed it.
    pub(crate) fn unsealed<T: DeserializeOwned>(&self, headers: &HeaderMap, name: &str) -> Option<T> {
        let name = self.name(name);
        let cookie = cookies(headers).find(|cookie| cookie.name() == name)?.into_owned();
        let mut jar = CookieJar::new();
        jar.add_original(cookie);
        let keys = [Some(&self.keys.current), self.keys.previous.as_ref()];
        let open = |key: &Key| jar.private(key).get(&name);
        let cookie = keys.into_iter().flatten().find_map(open)?;
        serde_json::from_str(cookie.value()).ok()
    }

    /// A cookie that removes this one.
    pub(crate) fn removed(&self, name: &str) -> Cookie<'static> {
        let mut cookie = Cookie::build((self.name(name), "")).path("/").http_only(true).build();
        cookie.set_secure(self.is_secure);
        cookie.set_same_site(SameSite::Lax);
        cookie.make_removal();
        cookie
    }

    /// The cookies of a new session. A refresh token that does not fit is left out: the person signs in again when the access
    /// token ends.
    pub(crate) fn begin(
        &self,
        granted: Granted,
        holder: Holder,
    ) -> Result<(Session, [Cookie<'static>; 2]), TooLarge> {
        let id = random::text();
        let renewal = Renewal { id: id.clone(), token: None, signed_in_at: Timestamp::now().as_second() };
        let Holder { subject, name, roles } = holder;
        let session = Session { id, token: String::new(), expires_at: 0, subject, name, roles };
        self.renewed(session, renewal, granted)
    }

    fn renewed(
        &self,
        session: Session,
        renewal: Renewal,
        granted: Granted,
    ) -> Result<(Session, [Cookie<'static>; 2]), TooLarge> {
        let now = Timestamp::now().as_second();
        let ends_at = renewal.signed_in_at + LONGEST_SECONDS;
        let expires_at = (now + granted.expires_in_seconds).min(ends_at);
        let session = Session { token: granted.token, expires_at, ..session };
        let renewal = Renewal { token: granted.refresh.or(renewal.token), ..renewal };
        let kept = (ends_at - now).max(0);
        let access = self.sealed(ACCESS, &session, kept);
        if access.value().len() > MAX_COOKIE_BYTES {
            return Err(TooLarge);
        }
        let mut refresh = self.sealed(RENEWAL, &renewal, kept);
        if refresh.value().len() > MAX_COOKIE_BYTES {
            refresh = self.sealed(RENEWAL, &Renewal { token: None, ..renewal }, kept);
        }
        Ok((session, [access, refresh]))
    }

    /// The session of a request, even if its token has ended.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Option<Session> {
        self.unsealed(headers, ACCESS)
    }

    fn renewal_of(&self, headers: &HeaderMap, session: &Session) -> Option<Renewal> {
        self.unsealed(headers, RENEWAL).filter(|renewal: &Renewal| renewal.id == session.id)
    }

    /// The cookies that end a session.
    pub(crate) fn ended(&self) -> [Cookie<'static>; 2] {
        [self.removed(ACCESS), self.removed(RENEWAL)]
    }
}

/// The cookie with the access token.
const ACCESS: &str = "session";
/// The cookie with the refresh token.
const RENEWAL: &str = "renewal";
/// The cookie with a draft.
const DRAFT: &str = "draft";
/// The cookie with the name of a notice for the next page.
const SAID: &str = "said";

/// The name of a notice that a page shows once, after the form that led to it. A reload does not show it again.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Said {
    path: String,
    what: String,
}

/// How long a page may take to open after its form was sent.
const SAID_SECONDS: i64 = 60;

/// Adds cookies to an answer.
pub(crate) fn set_cookies(response: &mut Response, cookies: impl IntoIterator<Item = Cookie<'static>>) {
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
}

/// Leads every request of a page to its session. Without one, a page leads to the sign-in and back, and a form is kept.
pub(crate) async fn carry(portal: State<Arc<Portal>>, request: Request, next: Next) -> Response {
    let path = address::of(request.uri()).to_owned();
    let (session, renewed) = match current(&portal, request.headers()).await {
        Ok(Some(current)) => current,
        Ok(None) if request.method() == Method::POST => return keep(&portal, path, request).await,
        Ok(None) => {
            return Redirect::to(&sign_in::address(&path)).into_response();
        }
        Err(failure) => return failure.into_response(),
    };
    let draft = portal.sessions.unsealed::<Draft>(request.headers(), DRAFT);
    let draft = draft.filter(|draft| request.method() == Method::GET && draft.path == request.uri().path());
    let draft = draft.filter(|draft| draft.kept_until > Timestamp::now().as_second());
    let said = portal.sessions.unsealed::<Said>(request.headers(), SAID);
    let said = said.filter(|said| request.method() == Method::GET && said.path == path);
    let (had_draft, had_said) = (draft.is_some(), said.is_some());
    let (mut request, sent) = match read_form(request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    request.extensions_mut().insert(Arc::new(Carried {
        session,
        draft,
        said: said.map(|said| said.what),
        path: path.clone(),
    }));
    let mut response = next.run(request).await;
    set_cookies(&mut response, renewed.into_iter().flatten());
    let read = [had_draft.then_some(DRAFT), had_said.then_some(SAID)];
    set_cookies(&mut response, read.into_iter().flatten().map(|name| portal.sessions.removed(name)));
    // The API may have refused the token that we took for good.
    if let (StatusCode::UNAUTHORIZED, Some(form)) = (response.status(), sent) {
        set_cookies(&mut response, portal.sessions.draft(&path, &form));
    }
    response
}

/// The session with a token that still holds, and the cookies that the browser must get if it was renewed.
async fn current(
    portal: &Portal,
    headers: &HeaderMap,
) -> Result<Option<(Session, Option<[Cookie<'static>; 2]>)>, Failure> {
    let Some(session) = portal.sessions.of(headers) else { return Ok(None) };
    let left = session.expires_at - Timestamp::now().as_second();
    if left > REFRESHED_BEFORE_SECONDS {
        return Ok(Some((session, None)));
    }
    let usable = |session| Ok((left > 0).then_some((session, None)));
    let Some(renewal) = portal.sessions.renewal_of(headers, &session) else { return usable(session) };
    let is_over =
        renewal.signed_in_at + LONGEST_SECONDS <= Timestamp::now().as_second() + REFRESHED_BEFORE_SECONDS;
    let Some(token) = renewal.token.clone().filter(|_| !is_over) else { return usable(session) };
    match Box::pin(portal.sign_in.refresh(token)).await {
        Ok(granted) => {
            let renewed = portal.sessions.renewed(session, renewal, granted);
            let (session, cookies) = renewed.map_err(|TooLarge| Failure::TokenTooLarge)?;
            Ok(Some((session, Some(cookies))))
        }
        // Another tab may have used the refresh token already.
        Err(RefreshError::Refused) => usable(session),
        Err(RefreshError::NoAnswer) if left > 0 => usable(session),
        Err(RefreshError::NoAnswer) => Err(Failure::Busy),
    }
}

/// Reads the form of a POST, so that it can be kept if the session turns out to have ended.
async fn read_form(request: Request) -> Result<(Request, Option<String>), Response> {
    if request.method() != Method::POST {
        return Ok((request, None));
    }
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_FORM_BYTES).await else {
        return Err(Failure::TooMuch.into_response());
    };
    let form = String::from_utf8_lossy(&bytes).into_owned();
    Ok((Request::from_parts(parts, Body::from(bytes)), Some(form)))
}

async fn keep(portal: &Portal, path: String, request: Request) -> Response {
    let (_, form) = match read_form(request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let mut response = Failure::SignedOut.into_response();
    set_cookies(&mut response, portal.sessions.draft(&path, &form.unwrap_or_default()));
    response
}

impl Sessions {
    fn draft(&self, path: &str, form: &str) -> Option<Cookie<'static>> {
        let path = path.split('?').next().unwrap_or_default().to_owned();
        let kept_until = Timestamp::now().as_second() + KEPT_SECONDS;
        let draft = Draft { path, form: form.to_owned(), kept_until };
        (form.len() <= MAX_DRAFT_BYTES).then(|| self.sealed(DRAFT, &draft, KEPT_SECONDS))
    }
}

/// The data that `carry` adds to a request for its page.
struct Carried {
    session: Session,
    draft: Option<Draft>,
    said: Option<String>,
    path: String,
}

/// A signed-in person's visit of a page. Every handler of a page starts from it.
pub(crate) struct Visit {
    portal: Arc<Portal>,
    carried: Arc<Carried>,
    /// The language of the page.
    pub(crate) locale: Locale,
    /// The instant that the page is written at.
    pub(crate) now: Timestamp,
}

impl FromRequestParts<Arc<Portal>> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, Infallible> {
        let carried = parts.extensions.get::<Arc<Carried>>().expect("every page is behind `carry`").clone();
        let Language(locale) = Language::of(&parts.headers);
        Ok(Self { portal: portal.clone(), carried, locale, now: portal.now() })
    }
}

impl Visit {
    /// The API, called as this person.
    pub(crate) fn api(&self) -> Client<'_> {
        self.portal.api.with(&self.carried.session.token)
    }

    /// The portal.
    pub(crate) fn portal(&self) -> &Portal {
        &self.portal
    }

    /// The person.
    pub(crate) fn person(&self) -> &Session {
        &self.carried.session
    }

    /// The path and the query of the page.
    pub(crate) fn path(&self) -> &str {
        &self.carried.path
    }

    /// The draft of this page's form, if its session had ended before it was sent.
    pub(crate) fn draft<F: DeserializeOwned>(&self) -> Option<F> {
        self.carried.draft.as_ref()?.form()
    }

    /// The name of the notice that this page is to show once: see [`Visit::lead_to`].
    pub(crate) fn said(&self) -> Option<&str> {
        self.carried.said.as_deref()
    }

    /// The answer to a form that was carried out: it leads to a page of ours, which shows the notice of this name once.
    pub(crate) fn lead_to(&self, path: &str, what: &str) -> Response {
        let said = Said { path: path.to_owned(), what: what.to_owned() };
        let mut response = Redirect::to(path).into_response();
        set_cookies(&mut response, [self.portal.sessions.sealed(SAID, &said, SAID_SECONDS)]);
        response
    }

    /// Whether the person is of the operator's staff.
    pub(crate) fn is_operator(&self) -> bool {
        self.person().is_operator()
    }

    /// Whether the person may change an account.
    pub(crate) fn may_change(&self) -> bool {
        self.is_operator() || self.person().has_role("admin")
    }

    /// Refuses viewers.
    pub(crate) fn must_change(&self) -> Result<(), Failure> {
        if self.may_change() { Ok(()) } else { Err(Failure::Forbidden) }
    }

    /// Hides the operator's pages from everybody else.
    pub(crate) fn must_be_operator(&self) -> Result<(), Failure> {
        if self.is_operator() { Ok(()) } else { Err(Failure::NotFound) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(keys: SessionKeys) -> Sessions {
        Sessions { keys, is_secure: true }
    }

    fn granted(token_bytes: usize, refresh_bytes: usize) -> Granted {
        Granted {
            token: "t".repeat(token_bytes),
            expires_in_seconds: 3600,
            refresh: Some("r".repeat(refresh_bytes)),
        }
    }

    fn ada() -> Holder {
        Holder { subject: "ada".into(), name: Some("Ada Lovelace".into()), roles: vec!["admin".into()] }
    }

    fn sent_back(cookies: &[Cookie<'static>]) -> HeaderMap {
        let pairs: Vec<_> = cookies.iter().map(|cookie| cookie.stripped().to_string()).collect();
        [(header::COOKIE, pairs.join("; ").parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn a_session_comes_back_as_it_was_sent() {
        let sessions = sessions(SessionKeys::random());
        let (session, cookies) = sessions.begin(granted(1_500, 900), ada()).unwrap();
        for cookie in &cookies {
            let text = cookie.to_string();
            assert!(text.starts_with("__Host-"), "{text}");
            for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
                assert!(text.contains(attribute), "{attribute}: {text}");
            }
            assert!(!text.contains("ttt") && !text.contains("rrr"), "tokens are encrypted");
        }
        let headers = sent_back(&cookies);
        let read = sessions.of(&headers).unwrap();
        assert_eq!((&read.token, &read.roles), (&session.token, &session.roles));
        let renewal = sessions.renewal_of(&headers, &read).unwrap();
        assert_eq!(renewal.token.unwrap().len(), 900);
    }

    #[test]
    fn cookies_of_two_sessions_do_not_mix() {
        let sessions = sessions(SessionKeys::random());
        let (session, [_, _]) = sessions.begin(granted(10, 10), ada()).unwrap();
        let (_, [_, other]) = sessions.begin(granted(10, 10), ada()).unwrap();
        assert!(sessions.renewal_of(&sent_back(&[other]), &session).is_none());
    }

    #[test]
    fn a_changed_cookie_is_none_and_so_is_one_under_another_name() {
        let sessions = sessions(SessionKeys::random());
        let (_, [mut access, renewal]) = sessions.begin(granted(10, 10), ada()).unwrap();
        let mut value = access.value().to_owned().into_bytes();
        value[20] = if value[20] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(value).unwrap();
        let swapped = Cookie::new(access.name().to_owned(), renewal.value().to_owned());
        access.set_value(changed);
        assert!(sessions.of(&sent_back(&[access])).is_none());
        assert!(sessions.of(&sent_back(&[swapped])).is_none());
    }

    #[test]
    fn the_key_before_still_reads_and_an_older_one_does_not() {
        let (old, new) = (SessionKeys::random(), SessionKeys::random());
        let (_, cookies) = sessions(old.clone()).begin(granted(10, 10), ada()).unwrap();
        let rotated = SessionKeys { previous: Some(old.current), ..new.clone() };
        assert!(sessions(rotated).of(&sent_back(&cookies)).is_some());
        assert!(sessions(new).of(&sent_back(&cookies)).is_none());
    }

    #[test]
    fn a_token_too_large_is_told_and_a_refresh_token_too_large_is_left_out() {
        let sessions = sessions(SessionKeys::random());
        assert!(sessions.begin(granted(4_000, 10), ada()).is_err());
        let (session, cookies) = sessions.begin(granted(10, 4_000), ada()).unwrap();
        let renewal = sessions.renewal_of(&sent_back(&cookies), &session).unwrap();
        assert_eq!(renewal.token, None);
        assert!(cookies.iter().all(|cookie| cookie.to_string().len() <= 4_096));
    }

    #[test]
    fn a_draft_is_kept_unless_it_is_long() {
        #[derive(Deserialize)]
        struct Typed {
            amount: String,
            box_ticked: Option<String>,
        }
        let sessions = sessions(SessionKeys::random());
        let cookie = sessions.draft("/accounts/a/auto-recharge?x=1", "amount=1%E2%80%AF000%2C50").unwrap();
        let draft: Draft = sessions.unsealed(&sent_back(&[cookie]), DRAFT).unwrap();
        assert_eq!(draft.path, "/accounts/a/auto-recharge");
        let typed: Typed = draft.form().unwrap();
        assert_eq!((typed.amount.as_str(), typed.box_ticked), ("1\u{202f}000,50", None));
        assert!(sessions.draft("/a", &"x".repeat(1_025)).is_none());
    }
}
