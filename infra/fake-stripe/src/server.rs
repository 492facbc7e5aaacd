//! Connections.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::{Shared, api, control, pages};

/// Marks a response that is never sent: the connection is closed instead.
#[derive(Clone, Copy, Debug)]
struct Unsent;

/// A response that closes the connection without an answer.
pub(crate) fn close() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Unsent);
    response
}

/// Serves until the task ends, and its connections with it.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let router = Router::new()
        .merge(control::router())
        .merge(pages::router())
        .fallback(api::answer)
        .with_state(shared);
    let mut connections = JoinSet::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                continue;
            }
        };
        let router = router.clone();
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let router = router.clone();
            async move {
                let response =
                    router.oneshot(request.map(Body::new)).await.unwrap_or_else(|never| match never {});
                if response.extensions().get::<Unsent>().is_some() {
                    return Err("an injected fault closes the connection");
                }
                Ok(response)
            }
        });
        connections.spawn(async move {
            // A connection that ends with an error was closed by the client or by a fault.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}
