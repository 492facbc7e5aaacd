//! Errors of the tables. The variants differ in what the caller does next.

use aws_sdk_dynamodb::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;

/// A table could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The account is too busy; every try lost its race. The caller comes back later.
    #[error("the account is contended; every one of {tries} tries lost its race")]
    Contended {
        /// How often it was tried.
        tries: u32,
    },
    /// The database did not answer, or asked to slow down, more often than is tried. The caller comes back later.
    #[error("the database is unavailable ({code})")]
    Unavailable {
        /// Its error code, or the kind of failure.
        code: String,
        /// What the SDK said.
        #[source]
        source: BoxError,
    },
    /// The item was written by a newer version of this software. It is left alone rather than losing fields.
    #[error("{item} has schema {found}, newer than this software knows")]
    NewerSchema {
        /// Which item.
        item: String,
        /// Its schema number.
        found: u32,
    },
    /// An item has a shape that no version writes. Nothing can be decided on it.
    #[error("{item} is corrupt: {detail}")]
    Corrupt {
        /// Which item.
        item: String,
        /// What is wrong.
        detail: String,
    },
    /// The cursor is none of this listing's: the caller begins with the first page.
    #[error("the cursor is not one of this listing")]
    Cursor,
    /// The request itself is wrong: a mistake of ours, or a missing table or permission.
    #[error("the database refused the request ({code})")]
    Refused {
        /// Its error code.
        code: String,
        /// What the SDK said.
        #[source]
        source: BoxError,
    },
}

/// Codes after which the same request may be sent again.
const TRANSIENT: [&str; 9] = [
    "InternalServerError",
    "InternalFailure",
    "ServiceUnavailable",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionInProgressException",
    "TransactionConflictException",
    "LimitExceededException",
];

impl StoreError {
    /// Maps what the SDK says, once, keeping its kind.
    pub(crate) fn from_sdk<E>(error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let request = error.request_id().map(str::to_owned);
        let (code, transient) = match &error {
            SdkError::ServiceError(context) => {
                let code = context.err().code().unwrap_or("unknown").to_owned();
                let transient =
                    TRANSIENT.contains(&code.as_str()) || context.raw().status().is_server_error();
                (code, transient)
            }
            SdkError::ConstructionFailure(_) => ("invalid request".to_owned(), false),
            SdkError::TimeoutError(_) => ("timeout".to_owned(), true),
            _ => ("no reply".to_owned(), true),
        };
        tracing::debug!(code, request, "a database call failed");
        let source = error.into();
        if transient { Self::Unavailable { code, source } } else { Self::Refused { code, source } }
    }
}

/// An item that cannot be read, and why.
pub(crate) fn corrupt(item: &str, detail: &str) -> StoreError {
    StoreError::Corrupt { item: item.to_owned(), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::http::HttpResponse;
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::get_item::GetItemError;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn answered(status: u16, code: &str) -> StoreError {
        let error = GetItemError::generic(ErrorMetadata::builder().code(code).build());
        let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        StoreError::from_sdk(SdkError::service_error(error, response))
    }

    #[test]
    fn a_request_that_may_succeed_later_is_unavailable_and_any_other_is_refused() {
        for (status, code, may_succeed_later) in [
            (400, "ThrottlingException", true),
            (400, "TransactionInProgressException", true),
            (500, "InternalServerError", true),
            (503, "anything", true),
            (400, "ValidationException", false),
            (400, "AccessDeniedException", false),
        ] {
            match answered(status, code) {
                StoreError::Unavailable { code: found, .. } if may_succeed_later => assert_eq!(found, code),
                StoreError::Refused { code: found, .. } if !may_succeed_later => assert_eq!(found, code),
                other => panic!("{status} {code}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_request_without_an_answer_says_how_it_failed() {
        let of = StoreError::from_sdk::<GetItemError>;
        assert!(
            matches!(of(SdkError::timeout_error("slow")), StoreError::Unavailable { code, .. } if code == "timeout")
        );
        let broken = of(SdkError::construction_failure("broken"));
        assert!(matches!(broken, StoreError::Refused { code, .. } if code == "invalid request"));
        let response = HttpResponse::new(200.try_into().unwrap(), SdkBody::empty());
        let unreadable = of(SdkError::response_error("no JSON", response));
        assert!(matches!(unreadable, StoreError::Unavailable { code, .. } if code == "no reply"));
    }
}
