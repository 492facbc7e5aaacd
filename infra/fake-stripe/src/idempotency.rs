//! Answers that are kept under an `Idempotency-Key`.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::state::State;
use crate::table::Row;

/// How long a key is known. After that, another request can use it.
const KEPT_SECONDS: i64 = 24 * 3600;

/// An answer that was given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) key: String,
    /// The method and path.
    pub(crate) endpoint: String,
    /// The parameters as they were sent.
    pub(crate) parameters: String,
    pub(crate) at: i64,
    pub(crate) request_id: String,
    pub(crate) status: u16,
    pub(crate) answer: String,
}

impl Row for Kept {
    fn id(&self) -> &str {
        &self.key
    }
}

/// The answer that was given before, if there was one. Another request under the same key is refused.
pub(crate) fn replay(
    state: &State,
    key: &str,
    endpoint: &str,
    parameters: &str,
) -> Result<Option<Kept>, Refusal> {
    let kept = state.tables.kept.get(key).filter(|kept| state.now() < kept.at + KEPT_SECONDS);
    let refused = |only: &str| {
        let message = format!(
            "Keys for idempotent requests can only be used {only} they were first used with. Try using a key other than \
             '{key}' if you meant to execute a different request."
        );
        Refusal::new(StatusCode::BAD_REQUEST, "idempotency_error", None, &message)
    };
    match kept {
        Some(kept) if kept.endpoint != endpoint => Err(refused("for the same endpoint")),
        Some(kept) if kept.parameters != parameters => Err(refused("with the same parameters")),
        kept => Ok(kept.cloned()),
    }
}

/// The refusal of a request while another one with its key is being carried out.
pub(crate) fn in_use(key: &str) -> Refusal {
    let message = format!(
        "There is currently another in-progress request using this Idempotent Key: {key}. Try again later."
    );
    Refusal::new(StatusCode::CONFLICT, "idempotency_error", Some("idempotency_key_in_use"), &message)
}
