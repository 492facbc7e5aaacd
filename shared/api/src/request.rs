//! Reading an API Gateway v2 event: route, caller, instant, parameters and body.

use std::collections::HashSet;
use std::str::FromStr;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use contract::{Code, FieldError};
use domain::time::{cut_to_millisecond, in_range};
use domain::{AccountId, Fingerprint, PaymentId};
use http::HeaderMap;
use jiff::Timestamp;
use jiff::civil::Date;
use store::list::Cursor;
use utoipa::IntoParams;

use crate::access::{Caller, Role};
use crate::fields::Fields;
use crate::problem::{Problem, both};

/// The most bytes of a file or request, as sent (S3).
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// The most bytes of a body within the JSON event that carries it to a function. Lambda accepts events of 6 MB (S3).
pub const MAX_EVENT_BODY_BYTES: usize = 5_500_000;

/// The length of a page if the request gives no `limit`.
pub const DEFAULT_PAGE: usize = 50;

/// The greatest `limit`.
const LONGEST_PAGE: usize = 100;

/// The most characters of an `Idempotency-Key`.
const LONGEST_KEY: usize = 255;

/// The header of requests that change settings, for the OpenAPI document; [`Request::check_settings`] reads it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct SeenSettings {
    /// The `settingsVersion` that the caller saw: if the settings have been changed since, the request is refused with 412
    #[param(rename = "If-Match")]
    pub if_match: Option<String>,
}

/// The parameters of a page, for the OpenAPI document of every listing; [`Request::page`] reads them.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParameters {
    /// The `next` of the previous page
    #[param(nullable = false, min_length = 1)]
    pub cursor: Option<String>,
    /// 1 to 100; 50 by default
    #[param(nullable = false, minimum = 1, maximum = 100)]
    pub limit: Option<u8>,
}

/// A request that [`Request::read`] has accepted.
#[derive(Debug)]
pub struct Request {
    event: ApiGatewayV2httpRequest,
    /// The query as it was sent. The event's own map is not used: it splits values at commas, which may be part of an id.
    query: Vec<(String, String)>,
    body: Vec<u8>,
    caller: Caller,
    now: Timestamp,
}

impl Request {
    /// Reads an event: the caller, the instant, the query and the body's bytes. `parameters` are the names that the query may
    /// have.
    ///
    /// # Errors
    ///
    /// - [`Problem::Unauthorized`] if the event has no claims of a token.
    /// - [`Problem::Forbidden`] if the claims name no known role.
    /// - [`Problem::Invalid`] if a query parameter is not among `parameters`, or is given twice.
    /// - [`Problem::TooLarge`] if the body has more than [`MAX_BODY_BYTES`], or more than [`MAX_EVENT_BODY_BYTES`] in the event.
    /// - [`Problem::Unreadable`] if the body is marked as base64 and cannot be decoded.
    /// - [`Problem::Internal`] if the event's time is not an instant.
    ///
    /// # Example
    ///
    /// ```
    /// use api::Request;
    ///
    /// let event = serde_json::json!({
    ///     "rawQueryString": "limit=10",
    ///     "queryStringParameters": { "limit": "10" },
    ///     "requestContext": {
    ///         "authorizer": { "jwt": { "claims": { "sub": "ada", "role": "operator" } } },
    ///         "http": { "method": "GET" },
    ///         "timeEpoch": 1_764_064_800_123_u64,
    ///     },
    /// });
    /// let request = Request::read(serde_json::from_value(event).unwrap(), &["cursor", "limit"]).unwrap();
    /// let (cursor, limit) = request.page().unwrap();
    /// assert!(cursor.is_none());
    /// assert_eq!(limit, 10);
    /// ```
    pub fn read(mut event: ApiGatewayV2httpRequest, parameters: &[&str]) -> Result<Self, Problem> {
        let context = &event.request_context;
        let claims = context.authorizer.as_ref().and_then(|authorizer| authorizer.jwt.as_ref());
        let caller = Caller::from_claims(&claims.ok_or(Problem::Unauthorized)?.claims)?;
        let now = instant_of(&event)?;
        let query = decoded(event.raw_query_string.as_deref().unwrap_or_default());
        check_parameters(&query, parameters)?;
        let body = read_body(event.body.take().unwrap_or_default(), event.is_base64_encoded)?;
        Ok(Self { event, query, body, caller, now })
    }

    /// The route key, such as `GET /v1/accounts/{id}`.
    pub fn route(&self) -> &str {
        self.event.route_key.as_deref().unwrap_or_default()
    }

    /// The caller.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The instant at which the request arrived, to the millisecond.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The account that the path names, if the caller reaches it and has one of these roles (X1).
    ///
    /// # Errors
    ///
    /// [`Problem::NoAccount`] if the path has no valid account id, or the caller does not reach the account.
    /// [`Problem::Forbidden`] if the caller has none of the roles.
    pub fn account(&self, roles: &[Role]) -> Result<AccountId, Problem> {
        let id = self.path("id").and_then(|id| AccountId::parse(id).ok()).ok_or(Problem::NoAccount)?;
        self.caller.reaches(&id, roles)?;
        Ok(id)
    }

    /// A parameter of the path.
    pub fn path(&self, name: &str) -> Option<&str> {
        self.event.path_parameters.get(name).map(String::as_str)
    }

    /// The purchase or recharge that the path names as `purchaseId`. `None` if the text cannot be the id of one.
    pub fn purchase_id(&self) -> Option<PaymentId> {
        PaymentId::parse(self.path("purchaseId")?).ok()
    }

    /// Checks that the settings are those that the caller saw, if the header `If-Match` says which those were.
    ///
    /// # Errors
    ///
    /// [`Problem::SettingsChanged`] if they are others.
    pub fn check_settings(&self, settings: &Fingerprint) -> Result<(), Problem> {
        let seen = self.header("if-match").map(|tag| tag.trim().trim_matches('"'));
        let are_seen = seen.is_none_or(|seen| seen == "*" || seen == settings.as_str());
        if are_seen { Ok(()) } else { Err(Problem::SettingsChanged) }
    }

    /// A parameter of the query, which may be empty.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of the query, parsed. `expected` describes the form that it must have.
    ///
    /// # Errors
    ///
    /// [`Problem::Invalid`] if the parameter is given and cannot be parsed.
    pub fn query_as<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, Problem> {
        let wrong = || Problem::field(name, Code::WrongFormat, format!("expected {expected}"));
        let parse = |text: &str| text.parse().map_err(|_| wrong());
        self.query(name).map(parse).transpose()
    }

    /// A parameter of the query that is an instant, cut to the millisecond.
    ///
    /// # Errors
    ///
    /// [`Problem::Invalid`] if the parameter is given and is not an instant of the years 2000 to 9000.
    pub fn query_instant(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let expected = "an instant such as 2026-11-22T07:43:00Z";
        let instant = self.query_as(name, expected)?.map(cut_to_millisecond);
        if instant.is_some_and(|instant| !in_range(instant)) {
            let expected = format!("expected {expected}, of the years 2000 to 9000");
            return Err(Problem::field(name, Code::OutOfRange, expected));
        }
        Ok(instant)
    }

    /// A parameter of the query that is a day.
    ///
    /// # Errors
    ///
    /// [`Problem::Invalid`] if the parameter is given and is not a day of the years 2000 to 9000.
    pub fn query_day(&self, name: &str) -> Result<Option<Date>, Problem> {
        let expected = "expected a day such as 2026-11-22, of the years 2000 to 9000";
        let Some(text) = self.query(name) else { return Ok(None) };
        // The parser would also take the day of an instant.
        let day = text.parse().ok().filter(|_| text.len() == "2026-11-22".len());
        let day: Date = day.ok_or_else(|| Problem::field(name, Code::WrongFormat, expected))?;
        if (2000..=9000).contains(&day.year()) {
            Ok(Some(day))
        } else {
            Err(Problem::field(name, Code::OutOfRange, expected))
        }
    }

    /// The parameters `cursor`, where the page begins, and `limit`, its length: 50 if it is left out.
    ///
    /// # Errors
    ///
    /// [`Problem::Invalid`] if `cursor` is not a cursor, or `limit` is not a number from 1 to 100.
    pub fn page(&self) -> Result<(Option<Cursor>, usize), Problem> {
        let parse = |text: &str| {
            let cursor = Cursor::parse(text).filter(|_| !text.is_empty());
            cursor.ok_or_else(Problem::cursor)
        };
        both(self.query("cursor").map(parse).transpose(), self.limit(DEFAULT_PAGE, LONGEST_PAGE))
    }

    /// The parameter `limit`, the length of a page: `default` if it is left out, and at most `longest`. [`Request::page`] reads
    /// it for listings whose pages come from the store.
    ///
    /// # Errors
    ///
    /// [`Problem::Invalid`] if it is not a number from 1 to `longest`.
    pub fn limit(&self, default: usize, longest: usize) -> Result<usize, Problem> {
        let expected = format!("a number from 1 to {longest}");
        let limit = self.query_as("limit", &expected)?.unwrap_or(default);
        if (1..=longest).contains(&limit) {
            Ok(limit)
        } else {
            Err(Problem::field("limit", Code::OutOfRange, format!("expected {expected}")))
        }
    }

    /// The value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.event.headers.get(name)?.to_str().ok()
    }

    /// The header `Idempotency-Key`, which this request must have (F3).
    ///
    /// # Errors
    ///
    /// [`Problem::Invalid`] if the header is missing, or is not 1 to 255 visible ASCII characters.
    pub fn idempotency_key(&self) -> Result<&str, Problem> {
        let given = self.event.headers.get("idempotency-key");
        let key = given.and_then(|key| key.to_str().ok()).unwrap_or_default();
        let valid = (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
        let expected = "expected a header of 1 to 255 visible ASCII characters";
        let code = if given.is_none_or(|key| key.is_empty()) { Code::Missing } else { Code::WrongFormat };
        if valid { Ok(key) } else { Err(Problem::field("Idempotency-Key", code, expected)) }
    }

    /// The body's bytes.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Reads the fields of the body, which must be a JSON object. A request without `Content-Type` counts as JSON.
    ///
    /// # Errors
    ///
    /// [`Problem::Invalid`] if the `Content-Type` is not `application/json`, or the body is not an object.
    /// [`Problem::Unreadable`] if the body is not JSON.
    pub fn fields(&self) -> Result<Fields, Problem> {
        let is_json = |content_type: &str| {
            let media_type = content_type.split(';').next().unwrap_or_default();
            media_type.trim().eq_ignore_ascii_case("application/json")
        };
        if !self.header("content-type").is_none_or(is_json) {
            let expected = "expected application/json";
            return Err(Problem::field("Content-Type", Code::UnsupportedContentType, expected));
        }
        Fields::read(&self.body)
    }
}

/// A request without a token, whose sender is known by a signature of the body.
#[derive(Debug)]
pub struct SignedRequest {
    headers: HeaderMap,
    body: Vec<u8>,
    now: Timestamp,
}

impl SignedRequest {
    /// Reads an event: the instant, the headers and the body's bytes.
    ///
    /// # Errors
    ///
    /// Those of [`Request::read`] about the body and the instant.
    pub fn read(mut event: ApiGatewayV2httpRequest) -> Result<Self, Problem> {
        let now = instant_of(&event)?;
        let body = read_body(event.body.take().unwrap_or_default(), event.is_base64_encoded)?;
        Ok(Self { headers: event.headers, body, now })
    }

    /// The value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body's bytes, as they were signed.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The instant at which the request arrived, to the millisecond.
    pub fn now(&self) -> Timestamp {
        self.now
    }
}

/// The time of a request comes from its event. A handler never reads a clock.
fn instant_of(event: &ApiGatewayV2httpRequest) -> Result<Timestamp, Problem> {
    Timestamp::from_millisecond(event.request_context.time_epoch)
        .map_err(|_| Problem::Internal("the event's time is not an instant".to_owned()))
}

/// The parameters of a query, decoded.
fn decoded(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// Checks that every parameter of the query is known, and given once.
fn check_parameters(query: &[(String, String)], known: &[&str]) -> Result<(), Problem> {
    let mut errors = Vec::new();
    let mut seen = HashSet::new();
    for (name, _) in query {
        if !known.contains(&name.as_str()) {
            errors.push(FieldError::new(name, Code::Unknown, "unknown parameter"));
        } else if !seen.insert(name) {
            errors.push(FieldError::new(name, Code::Repeated, "given twice"));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Problem::Invalid(errors)) }
}

fn read_body(body: String, is_base64: bool) -> Result<Vec<u8>, Problem> {
    if !is_base64 {
        check_size(body.len(), size_in_json(&body))?;
        return Ok(body.into_bytes());
    }
    check_size(0, body.len())?;
    let bytes = BASE64_STANDARD.decode(&body);
    let bytes =
        bytes.map_err(|_| Problem::Unreadable("the body is marked as base64 and is not valid".into()))?;
    check_size(bytes.len(), 0)?;
    Ok(bytes)
}

fn check_size(sent: usize, in_event: usize) -> Result<(), Problem> {
    if sent > MAX_BODY_BYTES {
        return Err(Problem::TooLarge(format!("expected at most {MAX_BODY_BYTES} bytes, not {sent}")));
    }
    if in_event > MAX_EVENT_BODY_BYTES {
        return Err(Problem::TooLarge(format!(
            "expected at most {MAX_EVENT_BODY_BYTES} bytes in the JSON event that carries the body, not {in_event}"
        )));
    }
    Ok(())
}

/// The number of bytes that a text takes inside a JSON string.
fn size_in_json(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..=31 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_is_part_of_a_parameter() {
        let event = serde_json::json!({
            "rawQueryString": "recordId=a%2Cb,c&limit=10,20",
            "queryStringParameters": { "recordId": "a,b,c", "limit": "10,20" },
            "requestContext": {
                "authorizer": { "jwt": { "claims": { "sub": "o", "role": "operator" } } },
                "http": { "method": "GET" },
                "timeEpoch": 1_764_064_800_123_u64,
            },
        });
        let event = serde_json::from_value(event).unwrap();
        let request = Request::read(event, &["recordId", "limit"]).unwrap();
        assert_eq!(request.query("recordId"), Some("a,b,c"));
        assert!(request.page().is_err(), "`10,20` is not a number");
    }

    #[test]
    fn s3_what_is_too_large_is_refused() {
        assert!(read_body("x".repeat(MAX_BODY_BYTES), false).is_ok());
        assert_eq!(read_body("x".repeat(MAX_BODY_BYTES + 1), false).unwrap_err().status(), 413);
        let quotes = "\"".repeat(3_000_000);
        assert_eq!(read_body(quotes, false).unwrap_err().status(), 413, "6 MB in the event");
        let zip = BASE64_STANDARD.encode(vec![0; MAX_BODY_BYTES + 1]);
        assert_eq!(read_body(zip, true).unwrap_err().status(), 413);
        assert_eq!(read_body("%%%".into(), true).unwrap_err().status(), 400);
    }

    #[test]
    fn size_in_json_is_what_serde_writes() {
        for text in ["plain", "\"\\\n\r\t\u{8}\u{c}\u{1}é€", ""] {
            assert_eq!(size_in_json(text) + 2, serde_json::to_string(text).unwrap().len(), "{text:?}");
        }
    }

    #[test]
    fn a_parameter_is_known_and_given_once() {
        let check = |query: &str| check_parameters(&decoded(query), &["limit", "kind"]);
        for good in ["", "limit=1", "kind=usage&limit=2", "limit="] {
            assert!(check(good).is_ok(), "{good}");
        }
        for (query, named) in [
            ("colour=blue", vec![("colour", Code::Unknown)]),
            ("limit=1&limit=1", vec![("limit", Code::Repeated)]),
            ("lim%69t=1&limit=2", vec![("limit", Code::Repeated)]),
            ("Limit=1&=2", vec![("Limit", Code::Unknown), ("", Code::Unknown)]),
        ] {
            let Err(Problem::Invalid(errors)) = check(query) else { panic!("{query}") };
            let found: Vec<_> = errors.iter().map(|error| (error.field.as_str(), error.code)).collect();
            assert_eq!(found, named, "{query}");
        }
    }
}
