//! The connection to Stripe: one call, with its key, its time-outs and its repeats.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use tokio::sync::RwLock;

use crate::VERSION;
use crate::error::{self, Error};
use crate::object::{Listed, Page};
use crate::payment_intent::PaymentIntent;
use crate::secret::{KeySource, NoKey, SecretKey};

/// The most objects on a page of a list, which Stripe sets.
const PAGE: &str = "100";

/// The most pages of one list. A charge has few refunds, and a customer with more charges than this has older ones that are settled.
const MAX_PAGES: usize = 50;

/// How long a call may take, and how often it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most time for one answer.
    pub one_try: Duration,
    /// No try begins after this time, and none lasts beyond it.
    pub all_tries: Duration,
    /// The most tries.
    pub tries: u32,
    /// The pause before the second try. It doubles with each further one; a random part of it, at least half, is waited.
    pub pause: Duration,
}

/// A purchase makes two calls, within the 29 seconds that its function has to answer.
impl Default for Limits {
    fn default() -> Self {
        Self {
            one_try: Duration::from_secs(8),
            all_tries: Duration::from_secs(12),
            tries: 3,
            pause: Duration::from_millis(500),
        }
    }
}

/// A client. Its connections are kept between calls.
#[derive(Clone)]
pub struct Client {
    base: String,
    http: Arc<OnceLock<reqwest::Client>>,
    keys: Arc<dyn KeySource>,
    key: Arc<RwLock<Option<SecretKey>>>,
    limits: Limits,
}

/// One request, which can be sent more than once.
struct Request<'a> {
    method: Method,
    path: &'a str,
    form: &'a [(String, String)],
    idempotency_key: Option<&'a str>,
}

/// An answer that was read.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Client {
    /// Of the API at `base`: `https://api.stripe.com`, or the address of a fake. Only an address of this machine may begin with
    /// `http:`; calls to others fail. Nothing is read or connected before the first call.
    pub fn new(base: &str, keys: Arc<dyn KeySource>, limits: Limits) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            http: Arc::default(),
            keys,
            key: Arc::default(),
            limits,
        }
    }

    /// Whether the key charges real cards.
    pub async fn is_live(&self) -> Result<bool, NoKey> {
        Ok(self.key().await?.is_live())
    }

    /// Reads an object, or a page of a list.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(String, String)],
    ) -> Result<T, Error> {
        let request = Request { method: Method::GET, path, form: query, idempotency_key: None };
        self.answer(&request).await.map_err(|(error, _)| error)
    }

    /// Changes something, once for each key.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &[(String, String)],
        key: &str,
    ) -> Result<T, Error> {
        let request = Request { method: Method::POST, path, form, idempotency_key: Some(key) };
        self.answer(&request).await.map_err(|(error, _)| error)
    }

    /// Changes a payment intent. A decline is an error of Stripe's, HTTP 402, that has the object, which is the answer. Other errors
    /// have the object as it was before the call, and stay errors.
    pub(crate) async fn post_intent(
        &self,
        path: &str,
        form: &[(String, String)],
        key: &str,
    ) -> Result<PaymentIntent, Error> {
        let request = Request { method: Method::POST, path, form, idempotency_key: Some(key) };
        match self.answer(&request).await {
            Err((Error::Refused(refusal), Some(intent))) if refusal.is_decline() => Ok(*intent),
            other => other.map_err(|(error, _)| error),
        }
    }

    /// All objects of a list, or the first `limit`.
    pub(crate) async fn list<T: DeserializeOwned + Listed>(
        &self,
        path: &str,
        query: &[(String, String)],
        limit: usize,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        self.pages(path, query, |page| {
            all.extend(page);
            all.len() >= limit
        })
        .await?;
        all.truncate(limit);
        Ok(all)
    }

    /// The first object of a list that is wanted.
    pub(crate) async fn find<T: DeserializeOwned + Listed>(
        &self,
        path: &str,
        query: &[(String, String)],
        is_wanted: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, Error> {
        let mut found = None;
        self.pages(path, query, |page: Vec<T>| {
            found = page.into_iter().find(&is_wanted);
            found.is_some()
        })
        .await?;
        Ok(found)
    }

    /// Reads the pages of a list until one is the last or `is_enough`.
    async fn pages<T: DeserializeOwned + Listed>(
        &self,
        path: &str,
        query: &[(String, String)],
        mut is_enough: impl FnMut(Vec<T>) -> bool,
    ) -> Result<(), Error> {
        let mut query = query.to_vec();
        query.push(("limit".to_owned(), PAGE.to_owned()));
        let position = query.len();
        for _ in 0..MAX_PAGES {
            let page: Page<T> = self.get(path, &query).await?;
            let last = page.data.last().map(|object| object.id().to_owned());
            let Some(last) = last.filter(|_| page.has_more) else {
                is_enough(page.data);
                return Ok(());
            };
            if is_enough(page.data) {
                return Ok(());
            }
            query.truncate(position);
            query.push(("starting_after".to_owned(), last));
        }
        Err(Error::NoAnswer(format!("{path} has more than {MAX_PAGES} pages").into()))
    }

    /// Sends a request until it has an answer that another try would not change.
    async fn answer<T: DeserializeOwned>(
        &self,
        request: &Request<'_>,
    ) -> Result<T, (Error, Option<Box<PaymentIntent>>)> {
        let began = Instant::now();
        let mut read_the_key_again = false;
        let mut may_be_done = false;
        let mut tries = 0;
        loop {
            tries += 1;
            let key = self.key().await.map_err(|error| (error.into(), None))?;
            let left = self.limits.all_tries.saturating_sub(began.elapsed());
            let sent = self.send(request, &key, left.min(self.limits.one_try)).await;
            if let Ok(answer) = &sent
                && answer.status == StatusCode::UNAUTHORIZED
                && !read_the_key_again
            {
                read_the_key_again = true;
                self.read_key().await.map_err(|error| (error.into(), None))?;
                continue;
            }
            let again = match &sent {
                Ok(answer) => is_worth_another_try(answer),
                Err(_) => true,
            };
            let longest = self.limits.pause.saturating_mul(1 << (tries - 1).min(16));
            let pause = longest * fastrand::u32(50..=100) / 100;
            if again && tries < self.limits.tries && began.elapsed() + pause < self.limits.all_tries {
                may_be_done |= sent.as_ref().map_or(true, |answer| answer.status.is_server_error());
                tokio::time::sleep(pause).await;
                continue;
            }
            return read(sent).map_err(|(error, intent)| match error {
                Error::Unavailable(refusal) if may_be_done => (Error::Failed(refusal), intent),
                error => (error, intent),
            });
        }
    }

    /// The key as it was read last.
    async fn key(&self) -> Result<SecretKey, NoKey> {
        let known = self.key.read().await.clone();
        match known {
            Some(key) => Ok(key),
            None => self.read_key().await,
        }
    }

    async fn read_key(&self) -> Result<SecretKey, NoKey> {
        let key = self.keys.read().await?;
        *self.key.write().await = Some(key.clone());
        Ok(key)
    }

    async fn send(
        &self,
        request: &Request<'_>,
        key: &SecretKey,
        time: Duration,
    ) -> Result<Answer, reqwest::Error> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(request.form).finish();
        let url = format!("{}{}", self.base, request.path);
        let is_get = request.method == Method::GET;
        let url = if is_get && !form.is_empty() { format!("{url}?{form}") } else { url };
        let mut sent = self
            .http()?
            .request(request.method.clone(), url)
            .timeout(time)
            .header("stripe-version", VERSION)
            .bearer_auth(key.expose());
        if let Some(key) = request.idempotency_key {
            sent = sent.header("idempotency-key", key);
        }
        if !is_get {
            let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
            sent = sent.header(reqwest::header::CONTENT_TYPE, form_type).body(form);
        }
        let answer = sent.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok(Answer { status, headers, body: answer.bytes().await?.into() })
    }

    /// The connections, made at the first call, so that a function's start does not wait for root certificates. Without root
    /// certificates there are none.
    fn http(&self) -> Result<&reqwest::Client, reqwest::Error> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .https_only(!is_this_machine(&self.base))
            .build()?;
        Ok(self.http.get_or_init(|| http))
    }
}

/// Whether an address is of this machine. The key is sent unencrypted to no other one.
fn is_this_machine(base: &str) -> bool {
    let url = reqwest::Url::parse(base).ok();
    let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// Whether the same request is worth another try: Stripe says so, or else its status does.
fn is_worth_another_try(answer: &Answer) -> bool {
    match answer.headers.get("stripe-should-retry").and_then(|value| value.to_str().ok()) {
        Some("true") => true,
        Some("false") => false,
        _ => {
            matches!(answer.status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS)
                || answer.status.is_server_error()
        }
    }
}

fn read<T: DeserializeOwned>(
    sent: Result<Answer, reqwest::Error>,
) -> Result<T, (Error, Option<Box<PaymentIntent>>)> {
    // An address can have an id in it, which is no secret, but no more than that.
    let answer = sent.map_err(|error| (Error::NoAnswer(Box::new(error.without_url())), None))?;
    if answer.status.is_success() {
        return serde_json::from_slice(&answer.body)
            .map_err(|error| (Error::NoAnswer(Box::new(error)), None));
    }
    let request_id = answer.headers.get("request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    Err(error::read(answer.status.as_u16(), request_id, &answer.body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_of_this_machine() {
        for base in ["http://127.0.0.1:4000", "http://[::1]:4000", "http://localhost:4000"] {
            assert!(is_this_machine(base), "{base}");
        }
        for base in
            ["http://api.stripe.com", "http://10.0.0.1", "http://127.0.0.1@stripe.example", "127.0.0.1"]
        {
            assert!(!is_this_machine(base), "{base}");
        }
    }
}
