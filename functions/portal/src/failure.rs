//! Error pages. A handler answers with a [`Failure`]; the page is written where its language and the
//! session are known.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Portal;
use crate::address;
use crate::api::ApiError;
use crate::frame::{Frame, Place};
use crate::language::Language;
use crate::sign_in;
use crate::words::FailureWords;

/// The reason for an error page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nobody is signed in any more.
    SignedOut,
    /// The person's role does not permit it.
    Forbidden,
    /// There is no such page, or it is another organization's.
    NotFound,
    /// The API or the issuer does not answer, or asks to come later.
    Busy,
    /// The API has a bug, or the portal has one.
    Broken,
    /// Another web site has sent the form.
    FromElsewhere,
    /// The form is larger than any of ours.
    TooMuch,
    /// The issuer's token does not fit into a cookie.
    TokenTooLarge,
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::FromElsewhere => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TooMuch => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TokenTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        match error.status() {
            Some(401) => Self::SignedOut,
            Some(403) => Self::Forbidden,
            Some(404) => Self::NotFound,
            Some(429 | 502 | 503 | 504) => Self::Busy,
            None if matches!(error, ApiError::NoAnswer(_)) => {
                tracing::warn!(%error, "the API does not answer");
                Self::Busy
            }
            _ => {
                tracing::error!(%error, "the API's answer is not one that the portal expects");
                Self::Broken
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The page of a failure.
#[derive(Template)]
#[template(path = "failure.html")]
struct Page {
    frame: Frame,
    text: String,
    link: (String, String),
    /// The label and the id of the request that failed.
    reference: Option<(String, String)>,
}

/// Writes the page of a failure that a handler has answered with.
pub(crate) async fn show(portal: State<Arc<Portal>>, request: Request, next: Next) -> Response {
    let (uri, headers) = (request.uri().clone(), request.headers().clone());
    let response = next.run(request).await;
    let Some(failure) = response.extensions().get::<Failure>().cloned() else { return response };
    let Language(locale) = Language::of(&headers);
    let path = address::of(&uri);
    let t = FailureWords(locale);
    let products = || (t.to_products(), "/".to_owned());
    let (title, text, link) = match failure {
        Failure::SignedOut => {
            (t.signed_out(), t.signed_out_advice(), (t.sign_in_again(), sign_in::address(path)))
        }
        Failure::Forbidden => (t.forbidden(), t.forbidden_advice(), products()),
        Failure::NotFound => (t.not_found(), t.not_found_advice(), products()),
        Failure::Busy => (t.busy(), t.busy_advice(), (t.try_again(), path.to_owned())),
        Failure::Broken => (t.broken(), t.broken_advice(), products()),
        Failure::FromElsewhere => (t.sent_from_elsewhere(), t.sent_from_elsewhere_advice(), products()),
        Failure::TooMuch => (t.too_much(), t.too_much_advice(), products()),
        Failure::TokenTooLarge => (t.token_too_large(), t.token_too_large_advice(), products()),
    };
    let id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let reference = id.filter(|_| failure == Failure::Broken).map(|id| (t.reference(), id.to_owned()));
    let frame = match portal.sessions.of(&headers) {
        Some(session) if failure != Failure::SignedOut => {
            Frame::inside(&portal, &session, locale, title, Place::Elsewhere, path)
        }
        _ => Frame::outside(&portal, locale, title, path),
    };
    let page = crate::frame::show(&Page { frame, text, link, reference });
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let (shown, body) = page.into_parts();
    parts.headers.extend(shown.headers);
    Response::from_parts(parts, body)
}

/// The header in which API Gateway gives a request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");

/// The answer under `/v1` where the API has no route: a problem in the API's form, not a page.
pub(crate) async fn no_such_route() -> Response {
    let problem = serde_json::json!({
        "type": "urn:communications-credits:problem:not-found",
        "code": "notFound",
        "title": "Not found",
        "status": 404,
        "detail": "there is no such route",
    });
    let content_type = [(header::CONTENT_TYPE, "application/problem+json")];
    (StatusCode::NOT_FOUND, content_type, problem.to_string()).into_response()
}
