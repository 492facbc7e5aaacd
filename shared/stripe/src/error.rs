//! The errors of a call, by what the caller does next.

use std::fmt;

use serde::Deserialize;

use crate::payment_intent::PaymentIntent;
use crate::secret::NoKey;

/// A failed call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Stripe refused the call for good, and did nothing.
    #[error("Stripe refused: {0}")]
    Refused(Box<Refusal>),
    /// The object, or what was sent before under the idempotency key, is not as the call assumed. The caller looks the object up.
    #[error("Stripe's object is in another state: {0}")]
    OtherState(Box<Refusal>),
    /// Stripe cannot be asked now: the key is wrong or lacks a right, there are too many requests, or the object is locked. This
    /// call did nothing.
    #[error("Stripe cannot be asked now: {0}")]
    Unavailable(Box<Refusal>),
    /// Stripe failed at this or an earlier try, or still carries out an earlier one. The call may have been carried out.
    #[error("Stripe failed: {0}")]
    Failed(Box<Refusal>),
    /// There is no answer, or none that can be read. The call may have been carried out.
    #[error("Stripe did not answer")]
    NoAnswer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no key to call with. If Stripe refused the former key, earlier tries of the call may have been carried out.
    #[error(transparent)]
    NoKey(#[from] NoKey),
}

impl Error {
    /// What Stripe said, if it answered.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal)
            | Self::OtherState(refusal)
            | Self::Unavailable(refusal)
            | Self::Failed(refusal) => Some(refusal),
            Self::NoAnswer(_) | Self::NoKey(_) => None,
        }
    }

    /// Whether the object does not exist, or belongs to another account of Stripe.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code.as_deref() == Some("resource_missing"))
    }
}

/// An answer that is an error. Stripe's message is left out, since it can hold what a person typed.
#[derive(Clone, Debug, Default)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// `card_error`, `invalid_request_error`, `idempotency_error` or `api_error`.
    pub kind: String,
    /// `card_declined`, `resource_missing`, …
    pub code: Option<String>,
    /// The issuer's reason for a decline: `insufficient_funds`, `lost_card`, …
    pub decline_code: Option<String>,
    /// The parameter that was wrong.
    pub param: Option<String>,
    /// Stripe's id of the request, which its support asks for.
    pub request_id: Option<String>,
}

impl Refusal {
    /// Whether a card was declined, and not the call refused.
    pub(crate) fn is_decline(&self) -> bool {
        self.status == 402
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        let kind = Some(self.kind.as_str()).filter(|kind| !kind.is_empty());
        let parts = [
            ("", kind),
            ("", self.code.as_deref()),
            ("decline code ", self.decline_code.as_deref()),
            ("parameter ", self.param.as_deref()),
            ("request ", self.request_id.as_deref()),
        ];
        parts.into_iter().try_for_each(|(name, part)| match part {
            Some(part) => write!(f, ", {name}{part}"),
            None => Ok(()),
        })
    }
}

/// The body of an error.
#[derive(Deserialize)]
pub(crate) struct ErrorBody {
    error: ErrorObject,
}

#[derive(Default, Deserialize)]
struct ErrorObject {
    #[serde(rename = "type", default)]
    kind: String,
    code: Option<String>,
    decline_code: Option<String>,
    param: Option<String>,
    payment_intent: Option<Box<PaymentIntent>>,
}

/// Codes that say that the object is in another state than the call needs.
const OTHER_STATE: [&str; 3] =
    ["payment_intent_unexpected_state", "charge_already_refunded", "intent_invalid_state"];

/// Reads an answer that is no success. The object of a declined payment intent comes only with the error.
pub(crate) fn read(
    status: u16,
    request_id: Option<String>,
    body: &[u8],
) -> (Error, Option<Box<PaymentIntent>>) {
    let object = serde_json::from_slice::<ErrorBody>(body).map(|body| body.error).unwrap_or_default();
    let refusal = Box::new(Refusal {
        status,
        kind: object.kind,
        code: object.code,
        decline_code: object.decline_code,
        param: object.param,
        request_id,
    });
    let code = refusal.code.as_deref().unwrap_or_default();
    let error = match status {
        _ if code == "idempotency_key_in_use" => Error::Failed(refusal),
        _ if OTHER_STATE.contains(&code) || refusal.kind == "idempotency_error" => Error::OtherState(refusal),
        401 | 403 | 409 | 429 => Error::Unavailable(refusal),
        // An error without Stripe's own body comes from something on the way.
        400 | 402 | 404 if !refusal.kind.is_empty() => Error::Refused(refusal),
        _ => Error::Failed(refusal),
    };
    (error, object.payment_intent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(status: u16, body: &str) -> Error {
        read(status, None, body.as_bytes()).0
    }

    #[test]
    fn an_error_is_told_by_what_is_to_be_done() {
        let card =
            r#"{"error": {"type": "card_error", "code": "card_declined", "decline_code": "lost_card"}}"#;
        assert!(matches!(read_text(402, card), Error::Refused(_)));
        let state =
            r#"{"error": {"type": "invalid_request_error", "code": "payment_intent_unexpected_state"}}"#;
        assert!(matches!(read_text(400, state), Error::OtherState(_)));
        let key = r#"{"error": {"type": "idempotency_error"}}"#;
        assert!(matches!(read_text(400, key), Error::OtherState(_)));
        let lock = r#"{"error": {"type": "invalid_request_error", "code": "lock_timeout"}}"#;
        for status in [401, 403, 409, 429] {
            assert!(matches!(read_text(status, lock), Error::Unavailable(_)), "{status}");
        }
        let same_call = r#"{"error": {"type": "idempotency_error", "code": "idempotency_key_in_use"}}"#;
        assert!(matches!(read_text(409, same_call), Error::Failed(_)));
        assert!(matches!(read_text(500, r#"{"error": {"type": "api_error"}}"#), Error::Failed(_)));
    }

    #[test]
    fn a_proxys_page_is_no_refusal() {
        assert!(matches!(read_text(404, "<html>Not found</html>"), Error::Failed(_)));
        assert!(matches!(read_text(402, ""), Error::Failed(_)));
    }

    #[test]
    fn a_missing_object_is_recognised() {
        let missing =
            r#"{"error": {"type": "invalid_request_error", "code": "resource_missing", "param": "intent"}}"#;
        let error = read_text(404, missing);
        assert!(error.is_missing());
        assert_eq!(
            error.to_string(),
            "Stripe refused: HTTP 404, invalid_request_error, resource_missing, parameter intent"
        );
    }
}
