//! Protection from other web sites: requests from their pages are refused, and the headers of every answer forbid features that
//! the pages do not need.
//!
//! A form has no secret token. A browser says itself where a request comes from, in `Sec-Fetch-Site` or in `Origin`; a request
//! that says nothing is refused. So a page may stay open for long, and may be compressed.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use crate::Portal;
use crate::address;
use crate::failure::Failure;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// No script, no frame, nothing from elsewhere. `form-action` also holds for where an answer to a form redirects to, so no
/// form leads to another site.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

const NO_PERMISSIONS: &str =
    "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

/// Refuses requests from pages of other web sites.
pub(crate) async fn guard(portal: State<Arc<Portal>>, request: Request, next: Next) -> Response {
    match other_address(&portal, &request) {
        Some(redirect) => redirect,
        None if request.method().is_safe() || is_own_form(request.headers(), &portal.config.url) => {
            next.run(request).await
        }
        None => Failure::FromElsewhere.into_response(),
    }
}

/// Adds the headers of every answer.
pub(crate) async fn headers(portal: State<Arc<Portal>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let is_page = content_type.is_none_or(|value| value.as_bytes().starts_with(b"text/html"));
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // With `no-referrer`, browsers send `Origin: null` with our own forms.
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if portal.config.is_secure() {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    // A document such as a receipt has no policy: the browser's own viewer needs styles, which the policy forbids.
    if is_page {
        set(header::CONTENT_SECURITY_POLICY, POLICY);
        set(HeaderName::from_static("permissions-policy"), NO_PERMISSIONS);
        headers.append(header::VARY, HeaderValue::from_static("cookie, accept-language"));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// On one machine, `localhost` and `127.0.0.1` are one site to people and two to cookies: a visit to one is sent on to the
/// other, which the issuer knows.
fn other_address(portal: &Portal, request: &Request) -> Option<Response> {
    let own = portal.config.url.strip_prefix("http://")?;
    let host = request.headers().get(header::HOST)?.to_str().ok()?;
    (host != own && request.method().is_safe()).then(|| {
        Redirect::temporary(&format!("{}{}", portal.config.url, address::of(request.uri()))).into_response()
    })
}

fn is_own_form(headers: &HeaderMap, url: &str) -> bool {
    match headers.get(SEC_FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => headers.get(header::ORIGIN).is_some_and(|origin| origin == url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_ours_if_the_browser_says_so() {
        let url = "https://portal.example.com";
        let sent = |headers: &[(&'static str, &'static str)]| {
            let headers = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            is_own_form(&headers.collect(), url)
        };
        assert!(sent(&[("sec-fetch-site", "same-origin")]));
        assert!(sent(&[("origin", url)]));
        for other in ["cross-site", "same-site", "none", ""] {
            assert!(!sent(&[("sec-fetch-site", other), ("origin", url)]), "{other}");
        }
        for other in ["null", "https://portal.example.com.evil.example", "http://portal.example.com", ""] {
            assert!(!sent(&[("origin", other)]), "{other}");
        }
        assert!(!sent(&[]), "a request that says nothing");
    }
}
