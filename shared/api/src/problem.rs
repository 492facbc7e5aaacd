//! Every error of the API, as `application/problem+json` (RFC 9457). One table gives status, type, title and code.

use std::fmt;

use contract::{Code, FieldError, ProblemBody, Purchase};
use payments::{ProcessorError, SetUpError};
use rates::RateFileError;
use store::{ApplyError, StoreError};
use telemetry::Causes;

use crate::reply::Reply;

/// An error of a request. The variants differ in what the caller can do about it.
#[derive(Clone, Debug)]
pub enum Problem {
    /// The body is not what its content type says.
    Unreadable(String),
    /// There is no valid token.
    Unauthorized,
    /// The caller's role may not do this.
    Forbidden,
    /// There is no such account, or it is another organization's.
    NoAccount,
    /// The thing that is named here, such as a purchase, does not exist.
    NotFound(&'static str),
    /// The card was declined (F4). Holds the declined purchase.
    Declined(Box<Purchase>),
    /// The account's state, or an earlier request, forbids it. Holds the code of the cause and a text for people.
    Conflict(Code, String),
    /// The settings are not those of the request's `If-Match` any more.
    SettingsChanged,
    /// The request has more bytes or records than are allowed at once.
    TooLarge(String),
    /// Fields are wrong.
    Invalid(Vec<FieldError>),
    /// The account is busy. The caller can try again.
    Contended,
    /// Not all of it could be worked out in the time of a request. The caller can try again, and the work goes on. Says what is left.
    Unfinished(String),
    /// A dependency is down. The caller can try again. Holds the cause, for the log.
    Unavailable(String),
    /// A fault of this software. Holds the cause, for the log.
    Internal(String),
}

/// Combines two results into one, so that a problem names the wrong fields of both.
///
/// # Errors
///
/// [`Problem::Invalid`] with the wrong fields of both. A problem of another kind is returned alone.
///
/// # Example
///
/// ```
/// use api::Problem;
/// use api::problem::both;
/// use contract::Code;
///
/// let from: Result<u32, Problem> = Err(Problem::field("from", Code::WrongFormat, "expected an instant"));
/// let limit: Result<u32, Problem> = Err(Problem::field("limit", Code::OutOfRange, "expected a number from 1 to 100"));
/// let Err(Problem::Invalid(errors)) = both(from, limit) else { panic!() };
/// assert_eq!(errors.len(), 2);
/// ```
pub fn both<A, B>(one: Result<A, Problem>, other: Result<B, Problem>) -> Result<(A, B), Problem> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(Problem::Invalid(mut errors)), Err(Problem::Invalid(more))) => {
            errors.extend(more);
            Err(Problem::Invalid(errors))
        }
        (Err(Problem::Invalid(_)) | Ok(_), Err(problem)) | (Err(problem), _) => Err(problem),
    }
}

/// The `Retry-After` of an answer with status 503.
const RETRY_AFTER_SECONDS: u32 = 5;

impl Problem {
    /// A problem with one wrong field.
    pub fn field(field: impl Into<String>, code: Code, detail: impl Into<String>) -> Self {
        FieldError::new(field, code, detail).into()
    }

    /// The problem of a payment method in this field that the card processor did not save. It is
    /// [`Problem::Invalid`] if the processor refused it, and [`Problem::Unavailable`] if its outcome is unknown.
    pub fn payment_method(field: &str, error: &ProcessorError) -> Self {
        match error {
            ProcessorError::Refused { reason } => {
                let expected = format!("expected a token that the card processor knows ({reason})");
                Self::field(field, Code::UnknownPaymentMethod, expected)
            }
            ProcessorError::Unknown(_) => Self::processor(error),
        }
    }

    /// The problem of a call to the card processor that no change of the request would help. It is [`Problem::Internal`] if
    /// the processor refused it, and [`Problem::Unavailable`] if its outcome is unknown.
    pub fn processor(error: &ProcessorError) -> Self {
        let said = Causes(error).to_string();
        match error {
            ProcessorError::Refused { .. } => Self::Internal(said),
            ProcessorError::Unknown(_) => Self::Unavailable(said),
        }
    }

    /// The problem of a text that is not a cursor.
    pub fn cursor() -> Self {
        Self::field("cursor", Code::WrongFormat, "expected the `next` of an earlier page of the same listing")
    }

    /// The table: status, last part of the URN, title and code.
    fn kind(&self) -> (u16, &'static str, &'static str, Code) {
        match self {
            Self::Unreadable(_) => (400, "unreadable", "The request cannot be read", Code::Unreadable),
            Self::Unauthorized => (401, "unauthorized", "A valid token is needed", Code::Unauthorized),
            Self::Declined(_) => (402, "declined", "The card was declined", Code::Declined),
            Self::Forbidden => (403, "forbidden", "This role may not do this", Code::Forbidden),
            Self::NoAccount => (404, "not-found", "There is no such account", Code::AccountNotFound),
            Self::NotFound(_) => (404, "not-found", "This does not exist", Code::NotFound),
            Self::Conflict(code, _) => (409, "conflict", "The request conflicts with existing data", *code),
            Self::SettingsChanged => {
                (412, "settings-changed", "The settings have been changed since", Code::SettingsChanged)
            }
            Self::TooLarge(_) => (413, "too-large", "The request is too large", Code::TooLarge),
            Self::Invalid(_) => (422, "invalid", "A field is wrong", Code::Invalid),
            Self::Internal(_) => (500, "internal", "An internal error occurred", Code::Internal),
            Self::Contended => (503, "contended", "The account is busy", Code::Contended),
            Self::Unfinished(_) => (503, "unfinished", "Not all of it is worked out yet", Code::Unfinished),
            Self::Unavailable(_) => (503, "unavailable", "A dependency is unavailable", Code::Unavailable),
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.kind().0
    }

    /// The answer to the caller. It leaves out the cause of an internal or unavailable problem, which is for the log.
    pub fn into_reply(self) -> Reply {
        let (status, urn, title, code) = self.kind();
        let (mut detail, mut errors, mut purchase) = (String::new(), Vec::new(), None);
        match self {
            Self::Unreadable(text)
            | Self::Conflict(_, text)
            | Self::TooLarge(text)
            | Self::Unfinished(text) => detail = text,
            Self::NotFound(what) => detail = format!("there is no such {what}"),
            Self::Declined(declined) => {
                detail = declined.decline_reason.clone().unwrap_or_default();
                purchase = Some(*declined);
            }
            Self::Invalid(fields) => {
                let said = fields.iter().map(|error| format!("{}: {}", error.field, error.detail));
                detail = said.collect::<Vec<_>>().join("; ");
                errors = fields;
            }
            Self::Contended => "other changes to the account came first; try again".clone_into(&mut detail),
            Self::SettingsChanged => "read the account again, and decide anew".clone_into(&mut detail),
            Self::Unavailable(_) => "nothing was lost; try again".clone_into(&mut detail),
            Self::Unauthorized | Self::Forbidden | Self::NoAccount | Self::Internal(_) => {}
        }
        let kind = format!("urn:communications-credits:problem:{urn}");
        let body = ProblemBody { kind, code, title: title.to_owned(), status, detail, errors, purchase };
        let reply = Reply::json(status, &body).with_header("content-type", "application/problem+json");
        if status == 503 { reply.with_header("retry-after", &RETRY_AFTER_SECONDS.to_string()) } else { reply }
    }
}

impl fmt::Display for Problem {
    /// Writes the status, the title and the cause, for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, _, title, _) = self.kind();
        write!(f, "{status} {title}")?;
        match self {
            Self::Unreadable(text) | Self::Conflict(_, text) | Self::TooLarge(text) => write!(f, ": {text}"),
            Self::Unavailable(cause) | Self::Internal(cause) => write!(f, ": {cause}"),
            _ => Ok(()),
        }
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::Invalid(vec![error])
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Contended { .. } => Self::Contended,
            StoreError::Cursor => Self::cursor(),
            StoreError::Unavailable { .. } | StoreError::NewerSchema { .. } => {
                Self::Unavailable(Causes(error).to_string())
            }
            StoreError::Corrupt { .. } | StoreError::Refused { .. } => {
                Self::Internal(Causes(error).to_string())
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        (&error).into()
    }
}

impl From<SetUpError> for Problem {
    fn from(error: SetUpError) -> Self {
        match error {
            SetUpError::NoSetUp => Self::NotFound("set-up"),
            SetUpError::NoAccount(_) => Self::NoAccount,
            SetUpError::NotSaved(error) => Self::payment_method("paymentMethod", &error),
            SetUpError::Unknown(error) => Self::processor(&error),
            SetUpError::Store(error) => error.into(),
        }
    }
}

impl From<RateFileError> for Problem {
    /// A rate file that cannot be used makes prices unavailable until it is corrected.
    fn from(error: RateFileError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl<R: Into<Self>> From<ApplyError<R>> for Problem {
    fn from(error: ApplyError<R>) -> Self {
        match error {
            ApplyError::NoAccount => Self::NoAccount,
            ApplyError::Refused(refusal) => refusal.into(),
            ApplyError::PaymentMoved => Self::Contended,
            ApplyError::Store(error) => error.into(),
        }
    }
}

impl From<std::convert::Infallible> for Problem {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::AccountId;
    use domain::card_payment::Backup;
    use domain::profile::{Card, PaymentMethod};
    use domain::{
        CardPayment, CardPaymentKind, CardPaymentState, Currency, Fingerprint, Money, PaymentId, PaymentKind,
    };

    fn body(problem: Problem) -> (i64, Option<String>, serde_json::Value) {
        let event = problem.into_reply().into_event();
        let header =
            |name: &str| event.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        assert_eq!(header("content-type").as_deref(), Some("application/problem+json"));
        let retry = header("retry-after");
        let Some(aws_lambda_events::encodings::Body::Text(text)) = event.body else {
            panic!("the body of a problem is text")
        };
        (event.status_code, retry, serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn every_error_has_its_status_and_says_what_to_do() {
        let cases = [
            (Problem::Unreadable("line 1".into()), 400, "unreadable"),
            (Problem::Unauthorized, 401, "unauthorized"),
            (Problem::Forbidden, 403, "forbidden"),
            (Problem::NoAccount, 404, "not-found"),
            (Problem::NotFound("purchase"), 404, "not-found"),
            (Problem::Conflict(Code::TooManyLots, "no".into()), 409, "conflict"),
            (Problem::SettingsChanged, 412, "settings-changed"),
            (Problem::TooLarge("1,001 records".into()), 413, "too-large"),
            (Problem::field("amount", Code::OutOfRange, "expected more"), 422, "invalid"),
            (Problem::Internal("secret".into()), 500, "internal"),
            (Problem::Contended, 503, "contended"),
            (Problem::Unavailable("secret".into()), 503, "unavailable"),
        ];
        for (problem, status, urn) in cases {
            let (code, retry, body) = body(problem);
            assert_eq!(code, status);
            assert_eq!(body["status"], status);
            assert_eq!(body["type"], format!("urn:communications-credits:problem:{urn}"));
            assert_eq!(retry.is_some(), status == 503, "{urn}");
            assert!(!body.to_string().contains("secret"), "causes are for the log");
        }
    }

    #[test]
    fn a_wrong_field_is_named() {
        let (_, _, body) = body(Problem::field("amount", Code::OutOfRange, "expected at least 50 EUR"));
        assert_eq!(
            body["errors"],
            serde_json::json!([{"field": "amount", "code": "outOfRange", "detail": "expected at least 50 EUR"}])
        );
    }

    #[test]
    fn the_code_tells_the_causes_of_one_status_apart() {
        for (problem, code) in [
            (Problem::Conflict(Code::IdempotencyKeyReused, "used".into()), "idempotencyKeyReused"),
            (Problem::Conflict(Code::AccountIdTaken, "taken".into()), "accountIdTaken"),
            (Problem::NoAccount, "accountNotFound"),
            (Problem::NotFound("purchase"), "notFound"),
            (Problem::Contended, "contended"),
            (Problem::Unavailable("down".into()), "unavailable"),
        ] {
            assert_eq!(body(problem).2["code"], code);
        }
    }

    #[test]
    fn f4_a_decline_carries_its_purchase() {
        let eur = Currency::parse("EUR").unwrap();
        let account = AccountId::parse("a").unwrap();
        let card = Card { brand: "visa".into(), last4: "4242".into(), exp_month: 12, exp_year: 2034 };
        let payment = CardPayment {
            id: PaymentId::derive(&account, PaymentKind::Purchase, "k"),
            account,
            kind: CardPaymentKind::Purchase,
            created_at: "2026-11-22T00:00:00Z".parse().unwrap(),
            amount: Money::of_minor_units(5_000, eur),
            fingerprint: Fingerprint::of(["x"]),
            attempt: 1,
            method: PaymentMethod { customer: "cus_1".into(), token: "pm_1".into(), card },
            backup: Backup::None,
            po_number: None,
            recharge_amounts: None,
            revision: 2,
            state: CardPaymentState::Declined { reason: "lost_card".into() },
        };
        let (code, _, body) = body(Problem::Declined(Box::new((&payment).into())));
        assert_eq!((code, &body["purchase"]["declineReason"]), (402, &"lost_card".into()));
    }
}
