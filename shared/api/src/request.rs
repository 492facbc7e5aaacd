//! An API Gateway v2 event, read: route, caller, instant, parameters and body.

use std::str::FromStr;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::AccountId;
use domain::time::{cut_to_millisecond, in_range};
use jiff::Timestamp;
use serde::de::{DeserializeOwned, IgnoredAny};
use store::list::Cursor;

use crate::access::{Caller, Role};
use crate::problem::Problem;

/// A file or request may have this many bytes as sent (S3).
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// … and this many within the JSON event that carries it to a function, of which Lambda takes 6 MB (S3).
pub const MAX_EVENT_BODY_BYTES: usize = 5_500_000;

/// A page is this long unless the request says otherwise, …
const DEFAULT_PAGE: usize = 50;
/// … and at most this long.
const LONGEST_PAGE: usize = 100;

/// An `Idempotency-Key` has at most this many characters.
const LONGEST_KEY: usize = 255;

/// A request that was let in.
#[derive(Debug)]
pub struct Request {
    event: ApiGatewayV2httpRequest,
    body: Vec<u8>,
    caller: Caller,
    now: Timestamp,
}

impl Request {
    /// Reads an event: who calls, when, and the body's bytes.
    pub fn read(mut event: ApiGatewayV2httpRequest) -> Result<Self, Problem> {
        let context = &event.request_context;
        let claims = context.authorizer.as_ref().and_then(|authorizer| authorizer.jwt.as_ref());
        let caller = Caller::from_claims(&claims.ok_or(Problem::Unauthorized)?.claims)?;
        // Time comes in with the event; a handler never reads a clock.
        let now = Timestamp::from_millisecond(context.time_epoch)
            .map_err(|_| Problem::Internal("the event has no instant".to_owned()))?;
        let body = read_body(event.body.take().unwrap_or_default(), event.is_base64_encoded)?;
        Ok(Self { event, body, caller, now })
    }

    /// Its route key, such as `GET /v1/accounts/{id}`.
    pub fn route(&self) -> &str {
        self.event.route_key.as_deref().unwrap_or_default()
    }

    /// Who calls.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// When it arrived, to the millisecond.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The account of the path, if the caller reaches it with one of these roles (X1).
    pub fn account(&self, roles: &[Role]) -> Result<AccountId, Problem> {
        let id = self.path("id").and_then(|id| AccountId::parse(id).ok()).ok_or(Problem::NoAccount)?;
        self.caller.reaches(&id, roles)?;
        Ok(id)
    }

    /// A parameter of the path.
    pub fn path(&self, name: &str) -> Option<&str> {
        self.event.path_parameters.get(name).map(String::as_str)
    }

    /// A parameter of the query; an empty one is none.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.event.query_string_parameters.first(name).filter(|value| !value.is_empty())
    }

    /// A parameter of the query, read as what it must be.
    pub fn query_as<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, Problem> {
        let parse =
            |text: &str| text.parse().map_err(|_| Problem::field(name, format!("expected {expected}")));
        self.query(name).map(parse).transpose()
    }

    /// An instant of the query.
    pub fn query_instant(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let expected = "an instant such as 2026-11-22T07:43:00Z";
        let instant = self.query_as(name, expected)?.map(cut_to_millisecond);
        if instant.is_some_and(|instant| !in_range(instant)) {
            return Err(Problem::field(name, format!("expected {expected}, of the years 2000 to 9000")));
        }
        Ok(instant)
    }

    /// Where the page begins, and how long it is.
    pub fn page(&self) -> Result<(Option<Cursor>, usize), Problem> {
        let parse = |text| Cursor::parse(text).ok_or_else(Problem::cursor);
        let cursor = self.query("cursor").map(parse).transpose()?;
        let expected = format!("a number from 1 to {LONGEST_PAGE}");
        let limit = self.query_as("limit", &expected)?.unwrap_or(DEFAULT_PAGE);
        if !(1..=LONGEST_PAGE).contains(&limit) {
            return Err(Problem::field("limit", format!("expected {expected}")));
        }
        Ok((cursor, limit))
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.event.headers.get(name)?.to_str().ok()
    }

    /// The `Idempotency-Key`, which this request must have (F3).
    pub fn idempotency_key(&self) -> Result<&str, Problem> {
        let key = self.header("idempotency-key").unwrap_or_default();
        let valid = (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
        let expected = "expected a header of 1 to 255 visible ASCII characters";
        if valid { Ok(key) } else { Err(Problem::field("Idempotency-Key", expected)) }
    }

    /// The body's bytes.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON: broken JSON is unreadable; an unknown, missing or wrong field is named.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        read_json(&self.body)
    }
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let broken = |error: serde_json::Error| Problem::Unreadable(format!("broken JSON: {error}"));
    // serde would read a list as an object's fields, in the order they happen to be declared.
    if body.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice::<IgnoredAny>(body).map_err(broken)?;
        return Err(Problem::field("body", "expected a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| wrong_json(&error))?;
    deserializer.end().map_err(broken)?;
    Ok(value)
}

fn wrong_json(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let detail = error.inner().to_string();
    if !error.inner().is_data() {
        return Problem::Unreadable(format!("broken JSON: {detail}"));
    }
    // serde names unknown and missing fields in its text only.
    let named = ["unknown field `", "missing field `", "duplicate field `"]
        .iter()
        .find_map(|start| detail.strip_prefix(start)?.split('`').next().map(str::to_owned));
    let at = error.path().to_string();
    let field = match named {
        Some(name) if at == "." || at == name => name,
        Some(name) if at.ends_with(&format!(".{name}")) => at,
        Some(name) => format!("{at}.{name}"),
        None if at == "." => "body".to_owned(),
        None => at,
    };
    let detail = detail.split(" at line ").next().unwrap_or_default().to_owned();
    Problem::field(field, detail)
}

fn read_body(body: String, is_base64: bool) -> Result<Vec<u8>, Problem> {
    if !is_base64 {
        check_size(body.len(), size_in_json(&body))?;
        return Ok(body.into_bytes());
    }
    check_size(0, body.len())?;
    let bytes = BASE64_STANDARD.decode(&body);
    let bytes =
        bytes.map_err(|_| Problem::Unreadable("the body is not the base64 it is said to be".into()))?;
    check_size(bytes.len(), 0)?;
    Ok(bytes)
}

fn check_size(sent: usize, in_event: usize) -> Result<(), Problem> {
    if sent > MAX_BODY_BYTES {
        return Err(Problem::TooLarge(format!("expected at most {MAX_BODY_BYTES} bytes, not {sent}")));
    }
    if in_event > MAX_EVENT_BODY_BYTES {
        return Err(Problem::TooLarge(format!(
            "expected at most {MAX_EVENT_BODY_BYTES} bytes once written into the event that carries it, not {in_event}"
        )));
    }
    Ok(())
}

/// How many bytes a text has inside a JSON string.
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
    use serde::Deserialize;

    #[test]
    fn s3_what_is_too_large_is_refused() {
        assert!(read_body("x".repeat(MAX_BODY_BYTES), false).is_ok());
        assert_eq!(read_body("x".repeat(MAX_BODY_BYTES + 1), false).unwrap_err().status(), 413);
        let quotes = "\"".repeat(3_000_000);
        assert_eq!(read_body(quotes, false).unwrap_err().status(), 413, "6 MB as an event");
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
    fn a_wrong_field_is_named() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only read")]
        struct Body {
            amount: crate::Amount,
            inner: Option<Inner>,
        }
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only read")]
        struct Inner {
            size: u8,
        }
        for (json, status, field) in [
            ("{\"amount\": \"1\"", 400, ""),
            ("nonsense", 400, ""),
            ("", 400, ""),
            ("{\"amount\": \"1\"} x", 400, ""),
            ("{\"amount\": 1}", 422, "amount"),
            ("{\"amount\": \"1\", \"colour\": 1}", 422, "colour"),
            ("{}", 422, "amount"),
            ("{\"amount\": \"1\", \"amount\": \"2\"}", 422, "amount"),
            ("[]", 422, "body"),
            (" [\"1\", null]", 422, "body"),
            ("[\"1\", null", 400, ""),
            ("3", 422, "body"),
            ("{\"amount\": \"1\", \"inner\": {\"size\": 999}}", 422, "inner.size"),
            ("{\"amount\": \"1\", \"inner\": {\"sise\": 9}}", 422, "inner.sise"),
        ] {
            let problem = read_json::<Body>(json.as_bytes()).expect_err(json);
            assert_eq!(problem.status(), status, "{json}: {problem:?}");
            if let Problem::Invalid(errors) = problem {
                assert_eq!(errors[0].field, field, "{json}: {}", errors[0].detail);
            }
        }
    }
}
