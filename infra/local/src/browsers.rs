//! Keeps other web sites out. Any page that a browser on this machine shows can send requests to 127.0.0.1, so each
//! request is checked before a route reads it:
//!
//! - `Host` must be a loopback name. A page whose own name was pointed at 127.0.0.1 (DNS rebinding) counts as the same
//!   origin for the browser, and would read every answer. `Host` then has that page's name.
//! - A request that can change something must not come from a page of another origin. Browsers name the origin in
//!   `Sec-Fetch-Site` and in `Origin`; programs such as curl send neither.
//! - A body under `/_local/` must be JSON. A page of another origin can send a form or plain text without asking first, but
//!   not JSON. The card processor's pages, where a card is entered or a payment confirmed, are forms of this host, and OAuth
//!   prescribes forms for tokens, so these are exempt.
//!
//! Answers may not be shown in a frame, since a page of another origin could trick a person into clicking in them.

use std::net::Ipv4Addr;

use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::functions::{AUTHENTICATION_PATH, CARDS_PATH};
use crate::issuer::TOKEN_PATH;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request is refused: the header that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Host,
    Origin,
    SecFetchSite,
    ContentType,
}

/// Checks the requests of every route of the host.
pub(crate) async fn keep_out(request: Request, next: Next) -> Response {
    let mut response = match check(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    response.headers_mut().insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

fn check(request: &Request) -> Result<(), Refusal> {
    let headers = request.headers();
    // A request line may name a host as well, and the two may differ.
    let named = request.uri().authority().map(Authority::as_str);
    let host = text(headers, &header::HOST).filter(|host| is_loopback(host)).ok_or(Refusal::Host)?;
    if named.is_some_and(|named| !is_loopback(named)) {
        return Err(Refusal::Host);
    }
    if request.method().is_safe() {
        return Ok(());
    }
    check_origin(headers, host)?;
    check_content_type(request)
}

/// Checks each of the two headers if it is present: which of them a browser sends depends on its version.
fn check_origin(headers: &HeaderMap, host: &str) -> Result<(), Refusal> {
    let same_origin = format!("http://{host}");
    for origin in headers.get_all(header::ORIGIN) {
        if !origin.as_bytes().eq_ignore_ascii_case(same_origin.as_bytes()) {
            return Err(Refusal::Origin);
        }
    }
    for site in headers.get_all(SEC_FETCH_SITE) {
        if site != "same-origin" && site != "none" {
            return Err(Refusal::SecFetchSite);
        }
    }
    Ok(())
}

fn check_content_type(request: &Request) -> Result<(), Refusal> {
    let path = request.uri().path();
    let is_page = [AUTHENTICATION_PATH, CARDS_PATH].iter().any(|page| path.starts_with(&format!("{page}/")));
    let exempt = !path.starts_with("/_local/") || path == TOKEN_PATH || is_page;
    if exempt || request.body().size_hint().exact() == Some(0) {
        return Ok(());
    }
    let content_type = text(request.headers(), &header::CONTENT_TYPE).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(Refusal::ContentType) }
}

/// The value of a header that is present exactly once.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether the host is a loopback name, with any port.
fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let known =
        name.eq_ignore_ascii_case("localhost") || name == "[::1]" || name.parse() == Ok(Ipv4Addr::LOCALHOST);
    known && !host.contains('@')
}

impl Refusal {
    fn detail(self) -> &'static str {
        match self {
            Self::Host => "Host: expected 127.0.0.1, localhost or [::1], with any port",
            Self::Origin => "Origin: expected this host's own; other web sites may change nothing here",
            Self::SecFetchSite => {
                "Sec-Fetch-Site: expected same-origin or none; other web sites may change nothing here"
            }
            Self::ContentType => "Content-Type: expected application/json",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Host | Self::Origin | Self::SecFetchSite => StatusCode::FORBIDDEN,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let problem = json!({
            "type": "urn:communications-credits:problem:web-site",
            "code": "webSite",
            "title": "The one-machine host answers this machine only",
            "status": status.as_u16(),
            "detail": self.detail(),
        });
        (status, [(header::CONTENT_TYPE, "application/problem+json")], problem.to_string()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Method;

    use super::*;

    fn request(method: &Method, path: &str, headers: &[(&str, &str)], body: &'static str) -> Request {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::from(body)).unwrap()
    }

    #[test]
    fn the_host_is_this_machine() {
        for host in ["127.0.0.1", "127.0.0.1:8080", "localhost:1", "LocalHost", "[::1]", "[::1]:8080"] {
            assert_eq!(check(&request(&Method::GET, "/", &[("host", host)], "")), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "127.0.0.1@evil.example",
            "evil.example@127.0.0.1",
            "127.0.0.2",
            "0.0.0.0:8080",
            "",
        ] {
            let refused = check(&request(&Method::GET, "/", &[("host", host)], ""));
            assert_eq!(refused, Err(Refusal::Host), "{host}");
        }
        let two = [("host", "127.0.0.1"), ("host", "evil.example")];
        assert_eq!(check(&request(&Method::GET, "/", &two, "")), Err(Refusal::Host));
        assert_eq!(check(&request(&Method::GET, "/", &[], "")), Err(Refusal::Host));
        let elsewhere = request(&Method::GET, "http://evil.example/", &[("host", "127.0.0.1")], "");
        assert_eq!(check(&elsewhere), Err(Refusal::Host));
    }

    #[test]
    fn what_changes_something_comes_from_no_other_origin() {
        let host = ("host", "127.0.0.1:8080");
        let sent = |method: &Method, header: (&str, &str)| {
            check(&request(method, "/accounts/a/purchases", &[host, header], "a=b"))
        };
        for header in [
            ("origin", "http://127.0.0.1:8080"),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
            ("accept", "*/*"),
        ] {
            assert_eq!(sent(&Method::POST, header), Ok(()), "{header:?}");
        }
        for origin in ["null", "https://evil.example", "http://127.0.0.1:3000", "http://localhost:8080", ""] {
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                assert_eq!(sent(&method, ("origin", origin)), Err(Refusal::Origin), "{origin}");
            }
            assert_eq!(
                sent(&Method::GET, ("origin", origin)),
                Ok(()),
                "a GET changes nothing, and the other page cannot read the answer"
            );
        }
        for site in ["cross-site", "same-site", "nonsense"] {
            assert_eq!(sent(&Method::POST, ("sec-fetch-site", site)), Err(Refusal::SecFetchSite), "{site}");
        }
    }

    #[test]
    fn a_body_under_local_is_json() {
        let sent = |path, content_type: &str, body| {
            let headers = [("host", "localhost"), ("content-type", content_type)];
            check(&request(&Method::POST, path, &headers, body))
        };
        for json in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
            assert_eq!(sent("/_local/time", json, "{}"), Ok(()), "{json}");
        }
        for simple in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "",
            "text/json",
        ] {
            assert_eq!(sent("/_local/time", simple, "{}"), Err(Refusal::ContentType), "{simple}");
            assert_eq!(sent("/_local/drain", simple, ""), Ok(()), "without a body");
        }
        let form = "application/x-www-form-urlencoded";
        assert_eq!(sent("/_local/authenticate/pi_1", form, "decision=approve"), Ok(()));
        assert_eq!(sent("/_local/cards/cs_1", form, "card=pm_card_visa"), Ok(()));
        assert_eq!(sent("/_local/issuer/token", form, "grant_type=refresh_token"), Ok(()));
        assert_eq!(sent("/_local/issuer/settings", form, "a=b"), Err(Refusal::ContentType));
        assert_eq!(sent("/accounts/a/purchases", form, "amount=50"), Ok(()));
    }
}
