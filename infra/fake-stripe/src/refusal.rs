//! Answers that refuse a request, in Stripe's form: `{"error": {"type": …, "code": …}}`.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

/// A refused request.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    error: Map<String, Value>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, kind: &str, code: Option<&str>, message: &str) -> Self {
        let mut refusal = Self { status, error: Map::new() }.with("type", kind).with("message", message);
        if let Some(code) = code {
            let page = format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-"));
            refusal = refusal.with("code", code).with("doc_url", page);
        }
        refusal
    }

    /// An invalid request, with a code.
    pub(crate) fn invalid(code: &str, message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", Some(code), message)
    }

    /// An invalid request, for which Stripe has no code.
    pub(crate) fn plain(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", None, message)
    }

    /// A parameter that is not there.
    pub(crate) fn missing(name: &str) -> Self {
        Self::invalid("parameter_missing", &format!("Missing required param: {name}.")).at(name)
    }

    /// An object that does not exist. The status is 404 if the object is in the path, and 400 if it is in a parameter.
    pub(crate) fn no_object(kind: &str, id: &str, param: Option<&str>) -> Self {
        let status = if param.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::NOT_FOUND };
        let message = format!("No such {kind}: '{id}'");
        Self::new(status, "invalid_request_error", Some("resource_missing"), &message)
            .at(param.unwrap_or("id"))
    }

    /// A card that was declined.
    pub(crate) fn card(code: &str, message: &str) -> Self {
        Self::new(StatusCode::PAYMENT_REQUIRED, "card_error", Some(code), message)
    }

    /// The parameter that is meant.
    pub(crate) fn at(self, param: &str) -> Self {
        self.with("param", param)
    }

    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.error.insert(field.to_owned(), value.into());
        self
    }

    pub(crate) fn code(&self) -> Option<&str> {
        self.error.get("code")?.as_str()
    }

    pub(crate) fn body(&self) -> Value {
        json!({ "error": self.error })
    }

    /// Whether the endpoint began to work. Only then is the answer kept under the request's idempotency key.
    pub(crate) fn is_result(&self) -> bool {
        !self.code().is_some_and(|code| code.starts_with("parameter_"))
    }
}
