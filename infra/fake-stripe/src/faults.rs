//! Faults that are injected into calls, by request.

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// Calls that are to fail.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// `GET`, `POST` or `DELETE`; any, if it is left out.
    #[serde(default)]
    method: Option<String>,
    /// Such as `/v1/payment_intents/*/confirm`, where `*` is any one segment; any path, if it is left out.
    #[serde(default)]
    path: Option<String>,
    /// The number of such calls that go through first.
    #[serde(default)]
    skip: usize,
    /// The number of such calls that fail.
    #[serde(default = "once")]
    count: usize,
    /// When the call fails.
    pub(crate) moment: Moment,
    /// How it fails.
    pub(crate) kind: Kind,
}

const fn once() -> usize {
    1
}

/// When a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Moment {
    /// It is not carried out.
    Before,
    /// It is carried out.
    After,
}

/// How a call fails.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Nobody answers, until `/_fake/release`. The connection is then closed.
    Timeout,
    /// The connection is closed without an answer.
    Close,
    /// The call waits for `/_fake/release`, and then goes on as if nothing had happened.
    Hold,
    /// It is refused.
    Answer(Answer),
}

/// An answer that refuses a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    status: u16,
    /// The code of the error, such as `lock_timeout`; the usual one of the status, if it is left out.
    #[serde(default)]
    code: Option<String>,
    /// The header `Stripe-Should-Retry`, if there is to be one.
    #[serde(default)]
    pub(crate) should_retry: Option<bool>,
    /// Whether the answer is kept under the idempotency key, as Stripe does with an error that it met halfway.
    #[serde(default)]
    pub(crate) kept: bool,
}

impl Answer {
    pub(crate) fn refusal(&self) -> Refusal {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (kind, usual, message) = match status.as_u16() {
            401 => ("invalid_request_error", None, "Invalid API Key provided"),
            403 => ("invalid_request_error", None, "The provided key does not have the required permissions"),
            409 => {
                ("invalid_request_error", Some("lock_timeout"), "This object cannot be accessed right now")
            }
            429 => ("invalid_request_error", Some("rate_limit"), "Request rate limit exceeded."),
            500.. => ("api_error", None, "An unknown error occurred"),
            _ => ("invalid_request_error", None, "An injected refusal"),
        };
        Refusal::new(status, kind, self.code.as_deref().or(usual), message)
    }
}

impl Fault {
    fn concerns(&self, method: &Method, path: &str) -> bool {
        let is_path = |pattern: &String| {
            let same = |(wanted, segment): (&str, &str)| wanted == "*" || wanted == segment;
            pattern.split('/').count() == path.split('/').count()
                && pattern.split('/').zip(path.split('/')).all(same)
        };
        self.method.as_ref().is_none_or(|wanted| wanted == method.as_str())
            && self.path.as_ref().is_none_or(is_path)
    }
}

/// The faults that are still to happen. One is over when its count is used up.
#[derive(Debug, Default)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl Faults {
    /// The fault that this call meets, if any. The first one that concerns the call is the one that counts it.
    pub(crate) fn meet(&mut self, method: &Method, path: &str) -> Option<Fault> {
        let place = self.0.iter().position(|fault| fault.concerns(method, path))?;
        let fault = &mut self.0[place];
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        fault.count = fault.count.saturating_sub(1);
        let met = fault.clone();
        if fault.count == 0 {
            self.0.remove(place);
        }
        Some(met)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(skip: usize, count: usize, path: Option<&str>) -> Fault {
        Fault {
            method: Some("POST".to_owned()),
            path: path.map(str::to_owned),
            skip,
            count,
            moment: Moment::Before,
            kind: Kind::Close,
        }
    }

    #[test]
    fn a_fault_concerns_the_calls_that_it_names() {
        let mut faults = Faults(vec![fault(1, 2, Some("/v1/payment_intents/*/confirm"))]);
        let mut meets = |method: Method, path: &str| faults.meet(&method, path).is_some();
        assert!(!meets(Method::POST, "/v1/payment_intents"));
        assert!(!meets(Method::GET, "/v1/payment_intents/pi_1/confirm"));
        let confirmations: Vec<_> =
            (0..4).map(|_| meets(Method::POST, "/v1/payment_intents/pi_1/confirm")).collect();
        assert_eq!(confirmations, [false, true, true, false], "one is skipped, two fail, and it is over");
    }
}
