//! The portal: the pages that an administrator and the operator use, in English and French, written on the server and
//! without scripts. It is a client of the same API as everybody, with the token of the person who is signed in. It has no
//! table and no secret of the card processor.
//!
//! | file | what |
//! |---|---|
//! | `config` | its settings |
//! | `sign_in` | sign-in with OpenID Connect, sign-out |
//! | `session` | the encrypted cookies, and the visit of a signed-in person |
//! | `browser` | protection from other web sites, and the headers of every answer |
//! | `api` | the client of the HTTP API |
//! | `failure` | error pages |
//! | `frame` | the frame of every page: header, menu, path, notice |
//! | `form` | fields, with their hints and errors |
//! | `account_view` | parts of an account as several pages show them |
//! | `address`, `random` | addresses with a query, and random texts |
//! | `figures` | amounts and instants of the API as people read them |
//! | `words` | the texts, in both languages |
//! | `pages` | the pages, one file each |

mod account_view;
mod address;
mod api;
mod assets;
mod browser;
mod config;
mod failure;
mod figures;
mod form;
mod frame;
mod language;
mod pages;
mod random;
mod session;
mod sign_in;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use jiff::Timestamp;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

pub use language::wished as wished_language;

pub use config::{Config, LocalTrial, Person, SessionKeys};

use api::Api;
use failure::Failure;
use session::Sessions;
use sign_in::SignIn;

/// Answers of fewer bytes are not compressed: they fit into one packet as they are.
const COMPRESSED_FROM_BYTES: u16 = 1_400;

/// The portal, ready to answer.
pub struct Portal {
    config: Config,
    api: Api,
    sign_in: SignIn,
    sessions: Sessions,
}

impl Portal {
    /// Makes the portal. It connects to nothing yet.
    pub fn new(config: Config) -> Arc<Self> {
        let http = Arc::new(api::Http::default());
        Arc::new(Self {
            api: Api::new(http.clone(), &config.api_url),
            sign_in: SignIn::new(http, &config),
            sessions: Sessions::new(&config),
            config,
        })
    }

    fn now(&self) -> Timestamp {
        (self.config.now)()
    }
}

/// The routes of the portal, at the root of its site.
pub fn router(portal: Arc<Portal>) -> Router {
    let signed_in = pages::router().layer(middleware::from_fn_with_state(portal.clone(), session::carry));
    Router::new()
        .merge(sign_in::router())
        .route("/", get(sign_in::home))
        .route("/language", post(language::choose))
        .route(assets::STYLESHEET, get(assets::stylesheet))
        .route(assets::ICON, get(assets::icon))
        .route("/v1", any(failure::no_such_route))
        .route("/v1/{*rest}", any(failure::no_such_route))
        .merge(signed_in)
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(middleware::from_fn_with_state(portal.clone(), browser::guard))
        .layer(middleware::from_fn_with_state(portal.clone(), failure::show))
        .layer(middleware::from_fn_with_state(portal.clone(), browser::headers))
        .layer(CompressionLayer::new().compress_when(SizeAbove::new(COMPRESSED_FROM_BYTES)))
        .with_state(portal)
}

async fn not_found() -> Response {
    Failure::NotFound.into_response()
}
