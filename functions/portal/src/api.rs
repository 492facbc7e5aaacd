//! The client of the HTTP API. Each call has the token of the person who is signed in, and shares the connections of all others.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How long a call may take. API Gateway gives up after 30 seconds, and the page has yet to be written then.
const PATIENCE: Duration = Duration::from_secs(26);

/// How long connecting may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The HTTP client. It is made at its first use, since reading the machine's root certificates takes time.
#[derive(Default)]
pub(crate) struct Http(OnceLock<reqwest::Client>);

impl Http {
    pub(crate) fn client(&self) -> &reqwest::Client {
        self.0.get_or_init(|| {
            let client = reqwest::Client::builder()
                // Neither the API nor an issuer has a reason to redirect a program.
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT_PATIENCE)
                .timeout(PATIENCE);
            client.build().expect("the settings are valid")
        })
    }
}

/// The API.
pub(crate) struct Api {
    http: Arc<Http>,
    base: Url,
}

/// The API, called with somebody's token.
#[derive(Clone, Copy)]
pub(crate) struct Client<'a> {
    api: &'a Api,
    token: &'a str,
}

/// Why there is no answer to go on with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The API refused, and said why.
    #[error("the API answered {}: {} {}", .0.status, .0.code, .0.detail)]
    Problem(Box<Problem>),
    /// No answer came, so a change may or may not have happened.
    #[error("the API did not answer")]
    NoAnswer(#[source] reqwest::Error),
    /// The answer is none of the API's.
    #[error("the API's answer cannot be read: {0}")]
    Unreadable(String),
}

/// A refusal of the API. Its texts are English and for programmers; pages go by the codes.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) detail: String,
    #[serde(default)]
    pub(crate) errors: Vec<FieldProblem>,
    #[serde(default)]
    pub(crate) purchase: Option<contract::Purchase>,
}

/// A field that the API refused.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct FieldProblem {
    pub(crate) field: String,
    #[serde(default)]
    pub(crate) code: String,
}

impl ApiError {
    /// The status of the API's refusal, if it is one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Problem(problem) => Some(problem.status),
            Self::NoAnswer(_) | Self::Unreadable(_) => None,
        }
    }

    /// Whether a change may have been made, although the API did not say so.
    pub(crate) fn is_outcome_open(&self) -> bool {
        self.status().is_none_or(|status| status >= 500)
    }
}

/// A request to the API.
pub(crate) struct Call<'a> {
    client: Client<'a>,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Value>,
}

/// An answer that is a document, such as a receipt.
pub(crate) struct Document {
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
    /// The name that the API gives to the file.
    pub(crate) file_name: Option<String>,
    /// The cursor of the next part of it.
    pub(crate) next: Option<String>,
}

impl Document {
    /// An answer with the document under the API's name, or else this one.
    pub(crate) fn into_named(self, disposition: &str, otherwise: &str) -> Response {
        let name = self.file_name.clone().unwrap_or_else(|| otherwise.to_owned());
        self.into_file(disposition, &name)
    }

    /// An answer with the document under this name. The disposition is `inline`, where the browser shows it, or `attachment`.
    pub(crate) fn into_file(self, disposition: &str, name: &str) -> Response {
        let disposition = format!("{disposition}; filename=\"{name}\"");
        ([(header::CONTENT_TYPE, self.content_type), (header::CONTENT_DISPOSITION, disposition)], self.body)
            .into_response()
    }
}

impl Api {
    pub(crate) fn new(http: Arc<Http>, base: &str) -> Self {
        Self { http, base: Url::parse(base).expect("the API's address is a URL") }
    }

    /// The API, called with this token.
    pub(crate) fn with<'a>(&'a self, token: &'a str) -> Client<'a> {
        Client { api: self, token }
    }
}

impl<'a> Client<'a> {
    /// A request to `/v1` and these segments of a path, which may hold any text.
    pub(crate) fn call(self, method: Method, path: &[&str]) -> Call<'a> {
        let mut url = self.api.base.clone();
        url.path_segments_mut().expect("the API's address has a path").pop_if_empty().push("v1").extend(path);
        Call { client: self, method, url, headers: HeaderMap::new(), body: None }
    }

    /// Reads what is at this path.
    pub(crate) fn get(self, path: &[&str]) -> Call<'a> {
        self.call(Method::GET, path)
    }

    /// Reads an account.
    pub(crate) async fn account(self, id: &str) -> Result<contract::Account, ApiError> {
        self.get(&["accounts", id]).answer().await
    }
}

impl Call<'_> {
    /// With a parameter of the query.
    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// With a parameter of the query, unless its value is empty.
    pub(crate) fn query_if_given(self, name: &str, value: &str) -> Self {
        if value.is_empty() { self } else { self.query(name, value) }
    }

    /// With the key under which a repeat of this call changes nothing more.
    pub(crate) fn idempotency_key(self, key: &str) -> Self {
        self.header(IDEMPOTENCY_KEY, key)
    }

    /// With a header. A value that no header can have is left out.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = value.parse() {
            self.headers.insert(name, value);
        }
        self
    }

    /// With a JSON body.
    pub(crate) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Sends it, and reads the answer.
    pub(crate) async fn answer<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        let (_, bytes) = Box::pin(self.send()).await?;
        serde_json::from_slice(&bytes).map_err(|problem| ApiError::Unreadable(problem.to_string()))
    }

    /// Sends it. The answer is a document in the content type that was asked for.
    pub(crate) async fn document(self, content_type: &'static str) -> Result<Document, ApiError> {
        let call = self.header(header::ACCEPT, content_type);
        let (headers, body) = Box::pin(call.send()).await?;
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let answered = text(header::CONTENT_TYPE).unwrap_or_default();
        if !answered.starts_with(content_type) {
            return Err(ApiError::Unreadable(format!("expected {content_type}, not {answered:?}")));
        }
        Ok(Document {
            content_type: answered.to_owned(),
            body,
            file_name: text(header::CONTENT_DISPOSITION).and_then(file_name).map(str::to_owned),
            next: text(header::LINK).and_then(next_cursor).map(str::to_owned),
        })
    }

    async fn send(self) -> Result<(HeaderMap, Bytes), ApiError> {
        let request = self.client.api.http.client().request(self.method, self.url).headers(self.headers);
        let request = request.bearer_auth(self.client.token);
        let request = match &self.body {
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().await.map_err(ApiError::NoAnswer)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(ApiError::NoAnswer)?;
        if status.is_success() { Ok((headers, body)) } else { Err(refusal(status, &body)) }
    }
}

/// The name of `inline; filename="receipt.pdf"`.
fn file_name(disposition: &str) -> Option<&str> {
    let (_, name) = disposition.split_once("filename=\"")?;
    let name = name.strip_suffix('"')?;
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    (is_plain && !name.is_empty()).then_some(name)
}

/// The cursor of `<?cursor=abc>; rel="next"`.
fn next_cursor(link: &str) -> Option<&str> {
    let cursor = link.strip_prefix("<?cursor=")?.strip_suffix(">; rel=\"next\"")?;
    (!cursor.is_empty()).then_some(cursor)
}

/// API Gateway answers some errors itself, with a body of another form. They are told by their status.
fn refusal(status: StatusCode, body: &[u8]) -> ApiError {
    let problem = serde_json::from_slice(body).unwrap_or_else(|_| Problem {
        status: status.as_u16(),
        code: String::new(),
        detail: String::new(),
        errors: Vec::new(),
        purchase: None,
    });
    ApiError::Problem(Box::new(Problem { status: status.as_u16(), ..problem }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_segment_whatever_it_holds() {
        let api = Api::new(Arc::default(), "http://127.0.0.1:1/stage/");
        let call = api.with("t").get(&["accounts", "a/../b?c#d", "lots"]).query("kind", "a&b");
        assert_eq!(
            call.url.as_str(),
            "http://127.0.0.1:1/stage/v1/accounts/a%2F..%2Fb%3Fc%23d/lots?kind=a%26b"
        );
    }

    #[test]
    fn a_document_has_a_name_and_may_have_a_next_part() {
        assert_eq!(file_name("inline; filename=\"receipt-A-0015.pdf\""), Some("receipt-A-0015.pdf"));
        for unusable in ["attachment", "inline; filename=\"\"", "inline; filename=\"a\\\"b\"", "filename=x"] {
            assert_eq!(file_name(unusable), None, "{unusable}");
        }
        assert_eq!(next_cursor("<?cursor=abc>; rel=\"next\""), Some("abc"));
        assert_eq!((next_cursor("<?cursor=>; rel=\"next\""), next_cursor("<https://a>")), (None, None));
    }

    #[test]
    fn a_refusal_is_told_by_its_status_where_its_body_says_nothing() {
        for body in ["", "nonsense", r#"{"message": "Unauthorized"}"#, "[1]"] {
            assert_eq!(refusal(StatusCode::UNAUTHORIZED, body.as_bytes()).status(), Some(401), "{body}");
        }
        assert!(refusal(StatusCode::GATEWAY_TIMEOUT, b"").is_outcome_open());
        assert!(!refusal(StatusCode::CONFLICT, b"").is_outcome_open());
        let body = br#"{"type": "x", "code": "later", "title": "t", "status": 422, "errors": [
            {"field": "amount", "code": "alsoLater", "detail": "d"}], "more": 1}"#;
        let ApiError::Problem(problem) = refusal(StatusCode::UNPROCESSABLE_ENTITY, body) else { panic!() };
        assert_eq!((problem.code.as_str(), problem.errors[0].code.as_str()), ("later", "alsoLater"));
    }
}
