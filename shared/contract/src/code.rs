//! Stable error codes, for programs. The texts beside them may change; the codes do not.

use domain::money::MoneyError;
use domain::purchase::PurchaseRefusal;
use domain::recharge::WrongAmount;
use domain::rejected_record::RejectionStatus;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is wrong, for programs. A problem has one, and so has each of its `errors`. The text beside it is for people and may
/// change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Code {
    /// 400: the body is not what its content type says.
    Unreadable,
    /// 401: there is no valid token.
    Unauthorized,
    /// 402: the card was declined; `detail` is the card processor's reason.
    Declined,
    /// 403: the token's role may not do this.
    Forbidden,
    /// 404: there is no such account, or the token does not reach it.
    AccountNotFound,
    /// 404: the account has nothing with this id, or there is no such route.
    NotFound,
    /// 409: another account has this id.
    AccountIdTaken,
    /// 409: the amount is more than is available.
    BeyondAvailable,
    /// 409: the `Idempotency-Key` was used with another request.
    IdempotencyKeyReused,
    /// 409: there is no card to charge.
    NoPaymentMethod,
    /// 409: the account has switched to paying after use, or is about to, and cannot move back.
    NoWayBack,
    /// 409: the invoice is paid or void, so that it cannot be marked as asked for.
    InvoiceEnded,
    /// 409: the record cannot be reversed in one commit.
    NotReversible,
    /// 409: nothing of the purchase can be refunded: it is spent, held, expired or refunded, or was never charged.
    NothingToRefund,
    /// 409: a dispute of the purchase is open, and decides first.
    PurchaseDisputed,
    /// 409: the purchase has as many refunds and disputes as it may have.
    TooManyRefunds,
    /// 409: the card processor did not pay the card back, and the funds are back in the account.
    RefundFailed,
    /// 409: auto-recharge is neither paused nor stopped.
    NothingToResume,
    /// 409: the account pays after use, so it can neither buy funds nor recharge.
    PostUsageAccount,
    /// 409: the account has as many lots and pending purchases as it may have.
    TooManyLots,
    /// 409: charges were declined as often as they may be. Another card must be saved, or some time must pass.
    TooManyDeclines,
    /// 412: the settings have been changed since the caller saw them.
    SettingsChanged,
    /// 413: more bytes, records or rows than may be sent at once.
    TooLarge,
    /// 422: `errors` names what is wrong. Of a field of a record: it cannot be accepted.
    Invalid,
    /// 500: the service has a fault.
    Internal,
    /// 503: other changes to the account kept coming first.
    Contended,
    /// 503: not all of it could be worked out in the time of a request. Send the same request again, and the work goes on.
    Unfinished,
    /// 503: a dependency is down.
    Unavailable,
    /// Of a field: a value is needed.
    Missing,
    /// Of a field: there is no such field or parameter.
    Unknown,
    /// Of a field: given more than once.
    Repeated,
    /// Of a field: another JSON type is expected.
    WrongType,
    /// Of a field: the text has not the form that is expected.
    WrongFormat,
    /// Of a field: not one of the allowed values, or not allowed beside the other parameters.
    NotAllowed,
    /// Of a field: below the smallest or above the largest value.
    OutOfRange,
    /// Of a field: too many characters or elements.
    TooLong,
    /// Of a field: more decimals than the currency has.
    TooManyDecimals,
    /// Of a field: the card processor does not know this token.
    UnknownPaymentMethod,
    /// Of a field: the currency is no longer, or was never, in circulation.
    CurrencyNotInUse,
    /// Of the header `Content-Type`: this operation does not take it.
    UnsupportedContentType,
    /// Of a record: it was accepted with other content, or its revision is not due.
    RecordConflict,
}

/// A field that is wrong, and what was expected of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// The name of the field, parameter or header in the request.
    pub field: String,
    /// What is wrong with it, for programs.
    pub code: Code,
    /// What was expected, for people.
    pub detail: String,
}

impl FieldError {
    /// An error of `field`. `detail` says what was expected.
    pub fn new(field: impl Into<String>, code: Code, detail: impl Into<String>) -> Self {
        Self { field: field.into(), code, detail: detail.into() }
    }
}

impl From<FieldError> for Vec<FieldError> {
    fn from(error: FieldError) -> Self {
        vec![error]
    }
}

impl Code {
    /// The code of a rejected record.
    pub fn of_record(status: RejectionStatus) -> Self {
        match status {
            RejectionStatus::Invalid => Self::Invalid,
            RejectionStatus::Conflict => Self::RecordConflict,
        }
    }

    /// The code of a wrong amount of money.
    pub fn of_amount(wrong: &MoneyError) -> Self {
        match wrong {
            MoneyError::TooPrecise { .. } => Self::TooManyDecimals,
            MoneyError::TooLarge | MoneyError::SumTooLarge | MoneyError::AccountTooLarge => Self::OutOfRange,
        }
    }

    /// The code of a wrong amount in the settings of auto-recharge.
    pub fn of_setting(wrong: &WrongAmount) -> Self {
        match wrong {
            WrongAmount::Missing => Self::Missing,
            WrongAmount::NotChargeable(PurchaseRefusal::NotChargeable { .. }) => Self::TooManyDecimals,
            WrongAmount::NotChargeable(_) | WrongAmount::BelowRechargeAmount(_) => Self::OutOfRange,
        }
    }

    /// Returns a function that makes an error of `field` with this code. Its argument says what was expected.
    pub fn at<E: ToString>(self, field: &'static str) -> impl Fn(E) -> FieldError {
        move |expected| FieldError::new(field, self, expected.to_string())
    }
}
