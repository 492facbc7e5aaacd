//! Idempotency (F3): an `Idempotency-Key` belongs to one body. A request that is sent again stands for the same payment,
//! and is answered with the payment as it is now.

use api::Problem;
use contract::Code;
use domain::{AccountId, Fingerprint, PaymentId, PaymentKind};
use store::ApplyError;

/// The identity of a request: its key and its body.
pub(crate) struct Keyed {
    /// The payment's id, which follows from the account, the kind and the key.
    pub id: PaymentId,
    /// The fingerprint of the body.
    pub fingerprint: Fingerprint,
}

/// The payment of a request.
pub(crate) enum Once<T> {
    /// This request made it.
    Made(T),
    /// It was made before: by an earlier request with the same key and body, or by an earlier try of this one whose reply was lost.
    Before(T),
}

impl Keyed {
    pub(crate) fn new(account: &AccountId, kind: PaymentKind, key: &str, fingerprint: Fingerprint) -> Self {
        Self { id: PaymentId::derive(account, kind, key), fingerprint }
    }

    /// Refuses a key that was used with another body. `stored` is the fingerprint of the body that it was first used with.
    pub(crate) fn check(&self, stored: &Fingerprint) -> Result<(), Problem> {
        if self.fingerprint == *stored {
            Ok(())
        } else {
            let detail = "the Idempotency-Key was used with another request".to_owned();
            Err(Problem::Conflict(Code::IdempotencyKeyReused, detail))
        }
    }
}

/// Returns the result of a commit or, if the commit was refused, the payment that `find` returns. Of two identical requests
/// at the same instant, the second may be refused because of the first.
pub(crate) async fn once<T, R>(
    made: Result<T, ApplyError<R>>,
    find: impl Future<Output = Result<Option<T>, Problem>>,
) -> Result<Once<T>, Problem>
where
    Problem: From<ApplyError<R>>,
{
    match made {
        Ok(made) => Ok(Once::Made(made)),
        Err(error @ (ApplyError::PaymentMoved | ApplyError::Refused(_))) => {
            find.await?.map(Once::Before).ok_or_else(|| error.into())
        }
        Err(error) => Err(error.into()),
    }
}
