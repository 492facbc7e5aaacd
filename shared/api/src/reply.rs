//! An answer, and its conversion to an API Gateway event.

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use aws_lambda_events::encodings::Body;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

/// An HTTP answer: status, headers and body.
#[derive(Debug)]
pub struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Option<Body>,
}

impl Reply {
    /// A JSON answer.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("an answer serializes to JSON");
        Self { status, headers: HeaderMap::new(), body: Some(Body::Text(body)) }
            .with_header("content-type", "application/json")
    }

    /// An answer without a body, with status 204.
    pub fn nothing() -> Self {
        Self { status: 204, headers: HeaderMap::new(), body: None }
    }

    /// A CSV answer (RFC 4180) with status 200.
    pub fn csv(body: String) -> Self {
        Self { status: 200, headers: HeaderMap::new(), body: Some(Body::Text(body)) }
            .with_header("content-type", "text/csv; charset=utf-8")
    }

    /// A PDF answer with status 200, to be shown in place. `file_name` is the name for saving it, and must not contain
    /// quotes.
    pub fn pdf(body: Vec<u8>, file_name: &str) -> Self {
        Self { status: 200, headers: HeaderMap::new(), body: Some(Body::Binary(body)) }
            .with_header("content-type", "application/pdf")
            .with_header("content-disposition", &format!("inline; filename=\"{file_name}\""))
    }

    /// Sets a header. A value that a header cannot have is left out.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The event with which a Lambda function answers API Gateway.
    pub fn into_event(self) -> ApiGatewayV2httpResponse {
        let mut event = ApiGatewayV2httpResponse::default();
        event.status_code = i64::from(self.status);
        event.headers = self.headers;
        // A binary body is written as base64 into the event's JSON.
        event.is_base64_encoded = matches!(self.body, Some(Body::Binary(_)));
        event.body = self.body;
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_text_goes_as_base64() {
        let pdf = Reply::pdf(b"%PDF-\xff".to_vec(), "receipt-A-0001.pdf").into_event();
        let pdf = serde_json::to_value(&pdf).unwrap();
        assert_eq!((&pdf["body"], &pdf["isBase64Encoded"]), (&json!("JVBERi3/"), &json!(true)));
        assert_eq!(pdf["headers"]["content-disposition"], "inline; filename=\"receipt-A-0001.pdf\"");
        let text = serde_json::to_value(Reply::json(200, &[1]).into_event()).unwrap();
        assert_eq!((&text["body"], &text["isBase64Encoded"]), (&json!("[1]"), &json!(false)));
    }
}
