//! An answer, and the API Gateway event it becomes.

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use aws_lambda_events::encodings::Body;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Option<String>,
}

impl Reply {
    /// JSON.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("what is shown is plain data");
        Self { status, headers: HeaderMap::new(), body: Some(body) }
            .with_header("content-type", "application/json")
    }

    /// CSV (RFC 4180).
    pub fn csv(body: String) -> Self {
        Self { status: 200, headers: HeaderMap::new(), body: Some(body) }
            .with_header("content-type", "text/csv; charset=utf-8")
    }

    /// With a header; one that cannot be sent is left out.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// As a Lambda function answers API Gateway.
    pub fn into_event(self) -> ApiGatewayV2httpResponse {
        let mut event = ApiGatewayV2httpResponse::default();
        event.status_code = i64::from(self.status);
        event.headers = self.headers;
        event.body = self.body.map(Body::Text);
        event
    }
}
