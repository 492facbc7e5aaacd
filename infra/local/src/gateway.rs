//! Stands in for API Gateway: makes a genuine v2 event of an HTTP request, invokes the function of the route with it, and
//! sends the function's answer. The token is checked here, and its claims are part of the event.

use std::collections::HashMap;

use aws_lambda_events::apigw::{ApiGatewayRequestAuthorizer, ApiGatewayRequestAuthorizerJwtDescription};
use aws_lambda_events::encodings::Body as EventBody;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, any, on, post};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse, Problem};

use crate::Machine;
use crate::functions::ApiFunction;

/// The header of an answer that has its request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");

/// The largest body that API Gateway takes.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// Every route of every function.
pub fn router(machine: &Machine) -> Router {
    let mut router = Router::new()
        .route("/v1", any(async || no_route()))
        .route("/v1/{*rest}", any(async || no_route()))
        .route("/_local/{*rest}", any(async || no_route()));
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
    let (_, path) = webhook::ROUTE.split_once(' ').expect("a route is a method and a path");
    router = router.route(path, post(take_message));
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

/// Hands a message of the card processor to `webhook`. The route needs no token.
async fn take_message(machine: State<Machine>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return respond(Problem::TooLarge("expected at most 10 MB".to_owned()).into_reply().into_event());
    };
    let path = HashMap::new();
    let event = event(webhook::ROUTE, &request_id(), machine.clock.now(), None, path, &parts, &body);
    respond(machine.functions.take_message(event).await)
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
    let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let event = event(route, id, machine.clock.now(), Some(claims), path, &parts, &body);
    respond(machine.functions.answer(function, event).await)
}

/// The event that API Gateway makes of a request. It is made as a value: the JSON in which Lambda would send it gives an equal one.
fn event(
    route: &str,
    id: &str,
    now: Timestamp,
    claims: Option<HashMap<String, String>>,
    path: HashMap<String, String>,
    parts: &Parts,
    body: &Bytes,
) -> ApiGatewayV2httpRequest {
    let text = |text: &str| Some(text.to_owned());
    let mut event = ApiGatewayV2httpRequest::default();
    event.version = text("2.0");
    event.route_key = text(route);
    event.raw_path = text(parts.uri.path());
    event.raw_query_string = text(parts.uri.query().unwrap_or_default());
    event.headers = joined_headers(&parts.headers);
    event.query_string_parameters = query_parameters(&parts.uri).into();
    event.path_parameters = path;
    (event.body, event.is_base64_encoded) = event_body(&parts.headers, body);

    let context = &mut event.request_context;
    context.account_id = text("000000000000");
    context.apiid = text("local");
    if let Some(claims) = claims {
        let mut jwt = ApiGatewayRequestAuthorizerJwtDescription::default();
        jwt.claims = claims;
        context.authorizer.insert(ApiGatewayRequestAuthorizer::default()).jwt = Some(jwt);
    }
    context.domain_name = text("127.0.0.1");
    context.domain_prefix = text("127");
    context.http.method = parts.method.clone();
    context.http.path = text(parts.uri.path());
    context.http.protocol = text("HTTP/1.1");
    context.http.source_ip = text("127.0.0.1");
    context.http.user_agent = text("");
    context.request_id = text(id);
    context.route_key = text(route);
    context.stage = text("$default");
    context.time = Some(now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string());
    context.time_epoch = now.as_millisecond();
    event
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// Headers of the same name are joined with commas.
fn joined_headers(headers: &HeaderMap) -> HeaderMap {
    let join = |name: &HeaderName| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        HeaderValue::try_from(values.collect::<Vec<_>>().join(",")).ok()
    };
    headers.keys().filter_map(|name| Some((name.clone(), join(name)?))).collect()
}

/// Parameters of the same name are joined with commas too, and the event's reader parts them there.
fn query_parameters(uri: &Uri) -> HashMap<String, Vec<String>> {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri).map(|pairs| pairs.0);
    let mut parameters = HashMap::<_, Vec<_>>::new();
    for (name, value) in pairs.unwrap_or_default() {
        parameters.entry(name).or_default().extend(value.split(',').map(str::to_owned));
    }
    parameters
}

/// The body of the event: text as it is, everything else as base64.
fn event_body(headers: &HeaderMap, body: &Bytes) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_text =
        content_type.is_empty() || content_type.starts_with("text/") || content_type.contains("json");
    match std::str::from_utf8(body) {
        Ok(text) if is_text => (Some(text.to_owned()), false),
        _ => (Some(BASE64_STANDARD.encode(body)), true),
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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tower::ServiceExt;

    use super::*;

    /// The event that is made of this request.
    async fn event_of(request: Request) -> ApiGatewayV2httpRequest {
        let (sender, mut made) = tokio::sync::mpsc::unbounded_channel();
        let gateway = async move |path: RawPathParams, request: Request| {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, MAX_BODY_BYTES).await.unwrap();
            let claims = HashMap::from([("role".to_owned(), "viewer".to_owned())]);
            let now = "2026-11-22T09:08:07.006Z".parse().unwrap();
            let route = "POST /v1/accounts/{id}/debits";
            let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            sender.send(event(route, "JKJaXmPLvHcESHA=", now, Some(claims), path, &parts, &body)).unwrap();
        };
        let router = Router::new().route("/v1/accounts/{id}/debits", axum::routing::post(gateway));
        router.oneshot(request).await.unwrap();
        made.recv().await.unwrap()
    }

    #[tokio::test]
    async fn an_event_is_the_one_that_lambda_would_send_as_json() {
        let request = Request::post("/v1/accounts/con%20toso/debits?rate=all&rate=a,b&empty=&x=%C3%A9")
            .header("content-type", "application/json")
            .header("x-several", "one")
            .header("x-several", "two")
            .body(Body::from(r#"{"records": []}"#));
        let as_sent = json!({
            "version": "2.0",
            "routeKey": "POST /v1/accounts/{id}/debits",
            "rawPath": "/v1/accounts/con%20toso/debits",
            "rawQueryString": "rate=all&rate=a,b&empty=&x=%C3%A9",
            "headers": { "content-type": "application/json", "x-several": "one,two" },
            "queryStringParameters": { "rate": "all,a,b", "empty": "", "x": "é" },
            "pathParameters": { "id": "con toso" },
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "local",
                "authorizer": { "jwt": { "claims": { "role": "viewer" }, "scopes": null } },
                "domainName": "127.0.0.1",
                "domainPrefix": "127",
                "http": {
                    "method": "POST",
                    "path": "/v1/accounts/con%20toso/debits",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "",
                },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": "POST /v1/accounts/{id}/debits",
                "stage": "$default",
                "time": "22/Nov/2026:09:08:07 +0000",
                "timeEpoch": 1_795_338_487_006_u64,
            },
            "body": r#"{"records": []}"#,
            "isBase64Encoded": false,
        });
        assert_eq!(event_of(request.unwrap()).await, serde_json::from_value(as_sent).unwrap());
    }

    #[tokio::test]
    async fn a_body_that_is_no_text_is_base64_and_an_empty_one_is_none() {
        for (content_type, body, expected) in [
            ("application/zip", &b"PK"[..], (Some("UEs="), true)),
            ("text/csv", b"a,b", (Some("a,b"), false)),
            ("text/csv", b"\xff", (Some("/w=="), true)),
            ("application/json", b"", (None, false)),
        ] {
            let request = Request::post("/v1/accounts/a/debits").header("content-type", content_type);
            let event = event_of(request.body(Body::from(body)).unwrap()).await;
            assert_eq!((event.body.as_deref(), event.is_base64_encoded), expected, "{content_type}");
        }
    }
}
