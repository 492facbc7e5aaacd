//! Stands in for API Gateway: makes a genuine v2 event of an HTTP request, invokes the function of the route with it, and
//! sends the function's answer. The token is checked here, and its claims are part of the event.

use aws_lambda_events::encodings::Body as EventBody;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse, Problem};

use crate::Machine;
use crate::functions::ApiFunction;

/// The header of an answer that has its request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");

/// The largest body that API Gateway takes.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// Every route of every function.
pub fn router(machine: &Machine) -> Router {
    let mut router = Router::new().fallback(async || no_route());
    for function in ApiFunction::ALL {
        for &(route, _) in function.routes() {
            let (method, path) = route.split_once(' ').expect("a route is a method and a path");
            let method = method.parse::<axum::http::Method>().expect("routes have HTTP methods");
            let filter = MethodFilter::try_from(method).expect("routes have methods that can be filtered");
            let handler =
                on(filter, async move |machine: State<Machine>, path: PathParameters, request: Request| {
                    // A path that is not UTF-8 is no route.
                    let Ok(path) = path else { return no_route() };
                    forward(&machine, function, route, &path, request).await
                });
            router = router.route(path, handler);
        }
    }
    // A route is a method and a path. A path with a method that it does not have is no route, as on API Gateway.
    router.method_not_allowed_fallback(async || no_route()).with_state(machine.clone())
}

type PathParameters = Result<RawPathParams, RawPathParamsRejection>;

fn no_route() -> Response {
    respond(Problem::NotFound("route").into_reply().into_event())
}

async fn forward(
    machine: &Machine,
    function: ApiFunction,
    route: &'static str,
    path: &RawPathParams,
    request: Request,
) -> Response {
    let id = request_id();
    let mut response = answer(machine, function, route, path, request, &id).await;
    // API Gateway sends the id with every answer, so that a caller can name the request when something goes wrong.
    response.headers_mut().extend(HeaderValue::from_str(&id).ok().map(|id| (REQUEST_ID, id)));
    response
}

async fn answer(
    machine: &Machine,
    function: ApiFunction,
    route: &'static str,
    path: &RawPathParams,
    request: Request,
    id: &str,
) -> Response {
    let (parts, body) = request.into_parts();
    let Some(claims) = bearer(&parts.headers).and_then(|token| machine.tokens.claims(token)) else {
        let reply = Problem::Unauthorized.into_reply().with_header("www-authenticate", "Bearer");
        return respond(reply.into_event());
    };
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return respond(Problem::TooLarge("expected at most 10 MB".to_owned()).into_reply().into_event());
    };
    let now = machine.clock.now();
    let path_parameters: Map<_, _> =
        path.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let (body, is_base64) = event_body(&parts.headers, &body);
    let event = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": parts.uri.path(),
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": joined_headers(&parts.headers),
        "queryStringParameters": query_parameters(&parts.uri),
        "pathParameters": path_parameters,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "authorizer": { "jwt": { "claims": claims, "scopes": null } },
            "domainName": "127.0.0.1",
            "domainPrefix": "127",
            "http": {
                "method": parts.method.as_str(),
                "path": parts.uri.path(),
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "",
            },
            "requestId": id,
            "routeKey": route,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "body": body,
        "isBase64Encoded": is_base64,
    });
    // Through JSON, as Lambda's runtime reads it.
    match serde_json::from_value::<ApiGatewayV2httpRequest>(event) {
        Ok(event) => respond(machine.functions.answer(function, event).await),
        Err(problem) => {
            let problem = Problem::Internal(format!("the event could not be made: {problem}"));
            tracing::error!(%problem, route, "a request failed");
            respond(problem.into_reply().into_event())
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// Headers of the same name are joined with commas.
fn joined_headers(headers: &HeaderMap) -> Map<String, Value> {
    let join = |name| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.collect::<Vec<_>>().join(",")
    };
    headers.keys().map(|name| (name.as_str().to_owned(), join(name).into())).collect()
}

/// Parameters of the same name are joined with commas, too.
fn query_parameters(uri: &Uri) -> Map<String, Value> {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri).map(|pairs| pairs.0);
    let mut parameters = Map::<String, Value>::new();
    for (name, value) in pairs.unwrap_or_default() {
        let joined = match parameters.get(&name).and_then(Value::as_str) {
            Some(earlier) => format!("{earlier},{value}"),
            None => value,
        };
        parameters.insert(name, joined.into());
    }
    parameters
}

/// The body of the event: text as it is, everything else as base64.
fn event_body(headers: &HeaderMap, body: &Bytes) -> (Value, bool) {
    if body.is_empty() {
        return (Value::Null, false);
    }
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_text =
        content_type.is_empty() || content_type.starts_with("text/") || content_type.contains("json");
    match std::str::from_utf8(body) {
        Ok(text) if is_text => (text.into(), false),
        _ => (BASE64_STANDARD.encode(body).into(), true),
    }
}

fn request_id() -> String {
    let mut bytes = [0; 12];
    // The id is for the log only. Without randomness it is the same each time.
    let _ = getrandom::fill(&mut bytes);
    BASE64_STANDARD.encode(bytes)
}

/// A function's answer as an HTTP response.
pub fn respond(event: ApiGatewayV2httpResponse) -> Response {
    let status = u16::try_from(event.status_code).ok().and_then(|code| StatusCode::from_u16(code).ok());
    let body = match event.body {
        Some(EventBody::Text(text)) if event.is_base64_encoded => {
            BASE64_STANDARD.decode(text).map(Body::from).unwrap_or_default()
        }
        Some(EventBody::Text(text)) => Body::from(text),
        Some(EventBody::Binary(bytes)) => Body::from(bytes),
        _ => Body::empty(),
    };
    let mut response = (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body).into_response();
    response.headers_mut().extend(event.headers);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
