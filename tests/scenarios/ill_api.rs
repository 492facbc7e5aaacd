//! The portal while the API is ill: each call of each page is refused, cut off, garbled, or answered by a version that knows more words.
//!
//! The portal under test calls the API through a proxy, which spoils the answers to one address at a time.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::Timestamp;
use portal::{Config, Portal, SessionKeys};
use reqwest::{Client, redirect};
use scenarios::World;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// How an answer of the API is spoiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Illness {
    /// The API has met a bug.
    Broken,
    /// API Gateway answers in place of a function.
    Busy,
    /// The answer is no JSON.
    Garbled,
    /// The answer is JSON of another shape.
    Hollow,
    /// The connection ends within the answer. The call was carried out.
    CutOff,
    /// The API is of a later version, with further words and fields.
    Newer,
}

/// A text that no page may show.
const SECRET: &str = "for programmers";

/// The members whose words may become more.
const WORDS: [&str; 8] =
    ["status", "state", "kind", "service", "billingModel", "pausedFor", "limitedBy", "declineReason"];

/// The API's proxy.
struct Proxy {
    host: String,
    http: Client,
    /// What is spoiled: the method and the address.
    spoiled: Mutex<Option<(String, Illness)>>,
    asked: Mutex<BTreeSet<String>>,
}

async fn forward(
    State(proxy): State<Arc<Proxy>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = format!("{method} {uri}");
    proxy.asked.lock().unwrap().insert(call.clone());
    let spoiled = proxy.spoiled.lock().unwrap().clone();
    let illness = spoiled.filter(|(which, _)| *which == call).map(|(_, illness)| illness);
    let problem = |status: StatusCode, body: Value| (status, body.to_string()).into_response();
    match illness {
        Some(Illness::Broken) => {
            let body = json!({
                "type": "urn:x", "code": "internal", "title": SECRET, "status": 500, "detail": SECRET,
            });
            return problem(StatusCode::INTERNAL_SERVER_ERROR, body);
        }
        Some(Illness::Busy) => {
            return problem(StatusCode::SERVICE_UNAVAILABLE, json!({ "message": SECRET }));
        }
        Some(Illness::Garbled) => return format!("<p>{SECRET}</p>").into_response(),
        Some(Illness::Hollow) => return json!({ "message": SECRET }).to_string().into_response(),
        Some(Illness::CutOff | Illness::Newer) | None => {}
    }
    let mut headers = headers;
    headers.remove("host");
    let request = proxy.http.request(method, format!("{}{uri}", proxy.host)).headers(headers).body(body);
    let answer = request.send().await.expect("the host answers");
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    let bytes = answer.bytes().await.expect("the host answers");
    match illness {
        Some(Illness::CutOff) => {
            let parts = [Ok(bytes.slice(..bytes.len() / 2)), Err(io::Error::other("cut off"))];
            (status, Body::from_stream(stream::iter(parts))).into_response()
        }
        Some(Illness::Newer) => match serde_json::from_slice(&bytes) {
            Ok(mut body) => {
                make_newer(&mut body);
                headers.remove("content-length");
                (status, headers, body.to_string()).into_response()
            }
            Err(_) => (status, headers, bytes).into_response(),
        },
        _ => (status, headers, bytes).into_response(),
    }
}

fn make_newer(body: &mut Value) {
    match body {
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                match value {
                    Value::String(word) if WORDS.contains(&name.as_str()) => {
                        "somethingNew".clone_into(word);
                    }
                    value => make_newer(value),
                }
            }
            members.insert("aNewMember".to_owned(), json!({ "a": [1] }));
        }
        Value::Array(items) => items.iter_mut().for_each(make_newer),
        _ => {}
    }
}

/// A portal that reaches the API through the proxy, and a person who is signed in to it.
struct Visitor {
    proxy: Arc<Proxy>,
    http: Client,
    url: String,
    host: String,
    cookies: HashMap<String, String>,
}

struct Page {
    status: StatusCode,
    text: String,
    location: Option<String>,
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

impl Visitor {
    async fn sign_in(world: &World, person: &str) -> Self {
        let http = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        let host = world.host.url().to_owned();
        let proxy = Arc::new(Proxy {
            host: host.clone(),
            http: http.clone(),
            spoiled: Mutex::default(),
            asked: Mutex::default(),
        });
        let api_url = serve(Router::new().fallback(forward).with_state(proxy.clone())).await;
        let clock = world.host.machine().clock.clone();
        let config = Config {
            url: host.clone(),
            api_url,
            issuer: format!("{host}/_local/issuer"),
            client_id: "portal".to_owned(),
            client_secret: None,
            scopes: vec!["profile".to_owned(), "offline_access".to_owned()],
            keys: SessionKeys::random(),
            now: Arc::new(move || -> Timestamp { clock.now() }),
            local: None,
        };
        let url = serve(portal::router(Portal::new(config))).await;
        let mut visitor = Self { proxy, http, url, host, cookies: HashMap::new() };
        let start = visitor.get(&format!("/sign-in/start?to=%2Frates&person={person}")).await;
        let authorize = start.location.expect("the sign-in leads to the issuer");
        let back = visitor.http.get(authorize).send().await.unwrap();
        let back = back.headers()["location"].to_str().unwrap().replace(&visitor.host, "");
        let signed_in = visitor.get(&back).await;
        assert_eq!(signed_in.location.as_deref(), Some("/rates"), "{}", signed_in.text);
        visitor
    }

    async fn get(&mut self, path: &str) -> Page {
        let request = self.http.get(format!("{}{path}", self.url));
        self.send(request).await
    }

    async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Page {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(format!("{}{path}", self.url)).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(request.header("sec-fetch-site", "same-origin")).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Page {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        // The portal leads visitors of other addresses to its own.
        let request = request.header("host", self.host.trim_start_matches("http://"));
        let request = request.header("cookie", cookies.join("; ")).header("accept-language", "fr");
        let answer = request.send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = cookie.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let location = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        let status = answer.status();
        Page { status, text: answer.text().await.unwrap(), location }
    }

    fn spoil(&self, call: &str, illness: Illness) {
        *self.proxy.spoiled.lock().unwrap() = Some((call.to_owned(), illness));
    }

    fn heal(&self) {
        *self.proxy.spoiled.lock().unwrap() = None;
    }

    /// The page while nothing is spoiled, and the calls of the API that it made.
    async fn healthy(&mut self, path: &str) -> (Page, BTreeSet<String>) {
        self.heal();
        self.proxy.asked.lock().unwrap().clear();
        let page = self.get(path).await;
        let asked = self.proxy.asked.lock().unwrap().clone();
        (page, asked)
    }
}

impl Page {
    fn heading(&self) -> &str {
        let (_, rest) = self.text.split_once("<h1>").unwrap_or_else(|| panic!("no heading: {}", self.text));
        rest.split_once("</h1>").expect("the heading ends").0
    }
}

const ADMINS_PAGES: [&str; 20] = [
    "/products",
    "/accounts/demo",
    "/accounts/demo/funds/add",
    "/accounts/demo/funds/review?amount=200.00&key=0123456789abcdef01234567",
    "/accounts/demo/auto-recharge",
    "/accounts/demo/payment-method",
    "/accounts/demo/payment-method/remove",
    "/accounts/demo/funds",
    "/accounts/demo/transactions",
    "/accounts/demo/usage",
    "/accounts/demo/usage?groupBy=day",
    "/accounts/demo/receipts",
    "/accounts/demo/receipts/po-number",
    "/accounts/demo/notifications",
    "/accounts/demo/limits",
    "/accounts/demo/post-usage",
    "/rates?account=demo&number=%2B4930901820",
    "/accounts/demo/transactions.csv",
    "/accounts/demo/usage.csv",
    "/accounts/demo/auto-recharge/confirm?enabled=on&amount=100&trigger=50",
];

const OPERATORS_PAGES: [&str; 7] = [
    "/operator/accounts",
    "/operator/unrated",
    "/accounts/demo/adjust",
    "/accounts/demo/adjust/review?direction=add&amount=5&reason=r&key=k",
    "/accounts/demo/plans",
    "/accounts/demo-post",
    "/accounts/demo-post/receipts",
];

const ILLNESSES: [Illness; 6] =
    [Illness::Broken, Illness::Busy, Illness::Garbled, Illness::Hollow, Illness::CutOff, Illness::Newer];

/// Calls for hints that a page may do without: what calls have cost last month, and the links to receipts.
const HINTS: [&str; 2] =
    ["GET /v1/accounts/demo/usage?month=2026-10&groupBy=day", "GET /v1/accounts/demo/purchases?limit=100"];

/// What a page may not say as long as it cannot know it, and what no French page says at all.
const NEVER: [&str; 7] =
    [SECRET, "Paiement reçu", "rien n’a été débité", "undefined", "null", "notLoaded", "Could not be loaded"];

#[tokio::test]
async fn every_page_bears_an_ill_api() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::demo_at(folder.path(), "2026-11-28T12:00:00Z").await;
    let mut wrong = Vec::new();
    for (person, pages) in [("ada", &ADMINS_PAGES[..]), ("otto", &OPERATORS_PAGES[..])] {
        let mut visitor = Visitor::sign_in(&world, person).await;
        for path in pages {
            let (healthy, calls) = visitor.healthy(path).await;
            assert!(healthy.status.is_success(), "{path}: {}", healthy.status);
            assert!(!calls.is_empty(), "{path} shows something of the API");
            for call in &calls {
                for illness in ILLNESSES {
                    visitor.spoil(call, illness);
                    let page = visitor.get(path).await;
                    let needs_all = !HINTS.contains(&call.as_str());
                    wrong.extend(
                        faults(&healthy, &page, illness, needs_all)
                            .map(|fault| format!("{path}, {call}, {illness:?}: {} {fault}", page.status)),
                    );
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with a page of an ill API.
fn faults(
    healthy: &Page,
    page: &Page,
    illness: Illness,
    needs_all: bool,
) -> impl Iterator<Item = String> + use<> {
    let is_page = healthy.text.contains("<h1>");
    let said = NEVER.iter().filter(|text| page.text.contains(**text) && !healthy.text.contains(**text));
    let mut faults: Vec<_> = said.map(|text| format!("says {text}")).collect();
    let is_error_page = [500, 503].contains(&page.status.as_u16());
    if !is_error_page && page.status != healthy.status {
        faults.push("is neither the page nor an error page".to_owned());
    }
    if illness == Illness::Newer && is_error_page {
        faults.push("does not bear new words".to_owned());
    }
    if illness != Illness::Newer && is_page && page.status.is_success() {
        let has_all = page.text.len() >= healthy.text.len();
        let says_so = page.text.contains("pas pu être chargé");
        if needs_all && !has_all && !says_so {
            faults.push("leaves something out without a word".to_owned());
        }
        if healthy.text.contains("Solde disponible") && !page.text.contains("Solde disponible") {
            faults.push("has no balance".to_owned());
        }
    }
    if is_error_page && !page.text.contains("lang=\"fr\"") {
        faults.push("is no page in French".to_owned());
    }
    if page.text.contains("<h1>") && page.heading().is_empty() {
        faults.push("has no heading".to_owned());
    }
    faults.into_iter()
}

/// The pages of a payment, by what the API says of it.
#[tokio::test]
async fn f5_a_payment_whose_answer_is_lost_is_not_called_paid_or_unpaid() {
    for illness in [Illness::Broken, Illness::Busy, Illness::Garbled, Illness::Hollow, Illness::CutOff] {
        let world = World::start().await;
        world.account("demo").await;
        let mut visitor = Visitor::sign_in(&world, "ada").await;
        let form = [("amount", "200.00"), ("key", "0123456789abcdef01234567"), ("currency", "EUR")];
        visitor.spoil("POST /v1/accounts/demo/purchases", illness);
        let page = visitor.post("/accounts/demo/purchases", &form).await;
        let text = page.text.to_lowercase();
        assert!(text.contains("nous ne savons pas encore"), "{illness:?}: {} {}", page.status, page.text);
        for claim in NEVER {
            assert!(!page.text.contains(claim), "{illness:?} says {claim}");
        }
        // The button sends the same key again, and finds or makes that one purchase.
        visitor.heal();
        let page = visitor.post("/accounts/demo/purchases", &form).await;
        let purchase = page.location.unwrap_or_else(|| panic!("{illness:?}: {}", page.text));
        let heading = if illness == Illness::CutOff { "Déjà payé" } else { "Paiement reçu" };
        assert_eq!(visitor.get(&purchase).await.heading(), heading, "{illness:?}");
        assert_eq!(world.operator.charges("demo").await.len(), 1, "{illness:?}");
    }
}

/// A form whose saving fails says that it may not be saved, and keeps what was typed.
#[tokio::test]
async fn settings_whose_answer_is_lost_are_not_called_saved() {
    let world = World::start().await;
    world.account("demo").await;
    let mut visitor = Visitor::sign_in(&world, "ada").await;
    for illness in ILLNESSES.into_iter().filter(|illness| *illness != Illness::Newer) {
        visitor.spoil("PATCH /v1/accounts/demo", illness);
        let form = [("poNumber", "PO-7")];
        let page = visitor.post("/accounts/demo/receipts/po-number", &form).await;
        assert!([500, 503].contains(&page.status.as_u16()), "{illness:?}: {}", page.status);
        assert!(!page.text.contains("enregistré"), "{illness:?}");
        assert!(!page.text.contains(SECRET), "{illness:?}");
    }
}
