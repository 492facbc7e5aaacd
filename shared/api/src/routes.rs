//! The list of a function's routes. The calls of handlers, the function's part of the OpenAPI document, the permitted query
//! parameters and the router of the one-machine host are derived from it.

/// Routes, each with the parameters that its query may have: `("GET /v1/accounts", &["cursor", "limit"])`.
pub type Routes = &'static [(&'static str, &'static [&'static str])];

/// Declares a function's routes. Each has a handler and the parameters that its query may have.
///
/// The macro defines `ROUTES`, the OpenAPI document `Doc`, and a function `route` that calls the handler of a request's route.
/// Each handler is an async function of the request and a context, documented with `utoipa::path`.
///
/// ```
/// use api::{Problem, Reply, Request};
///
/// struct Ports;
///
/// /// Answer with nothing
/// #[utoipa::path(get, path = "/v1/nothing", params(("limit" = u32, Query)), responses((status = 200)))]
/// async fn nothing(_: &Request, _: &Ports) -> Result<Reply, Problem> {
///     Ok(Reply::json(200, &()))
/// }
///
/// api::routes! { &Ports;
///     "GET /v1/nothing" ("limit") => nothing,
/// }
///
/// assert_eq!(ROUTES, [("GET /v1/nothing", &["limit"][..])]);
/// # let _ = route;
/// ```
#[macro_export]
macro_rules! routes {
    ($context:ty; $($route:literal ($($parameter:literal),*) => $($handler:ident)::+),+ $(,)?) => {
        /// The routes that this function answers.
        pub const ROUTES: $crate::Routes = &[$(($route, &[$($parameter),*])),+];

        /// This function's part of the API's document.
        #[derive(utoipa::OpenApi)]
        #[openapi(paths($($($handler)::+),+))]
        pub struct Doc;

        /// Calls the handler of the request's route.
        async fn route(request: &$crate::Request, context: $context) -> Result<$crate::Reply, $crate::Problem> {
            match request.route() {
                $($route => $($handler)::+(request, context).await,)+
                _ => Err($crate::Problem::NotFound("route")),
            }
        }
    };
}
