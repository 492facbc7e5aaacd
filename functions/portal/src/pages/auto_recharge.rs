use std::sync::Arc;

use axum::Router;

use crate::Portal;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
}
