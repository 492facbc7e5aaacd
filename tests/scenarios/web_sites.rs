//! Protection of the one-machine host from other web sites: requests that they make a browser on this machine send are refused.

use reqwest::Method;
use scenarios::{Answer, World};
use serde_json::{Value, json};

const NOON: &str = "2026-11-22T12:00:00Z";

/// Posts a form as a page of another site does.
async fn cross_site_form(world: &World, path: &str, body: &str) -> Answer {
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    world.operator.send_text(Method::POST, path, &headers, body.to_owned()).await
}

#[track_caller]
fn assert_refused(answer: Answer, header: &str) {
    let problem = answer.problem(403);
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(detail.starts_with(&format!("{header}: expected ")), "{problem}");
}

/// An account without purchases, and a clock that stands at noon.
async fn world() -> World {
    let world = World::start().await;
    world.set_time(NOON);
    world.account("a").await;
    world
}

async fn assert_untouched(world: &World) {
    let time = world.operator.get("/_local/time").await.expect(200);
    assert_eq!(time["now"], NOON);
    assert!(world.operator.charges("a").await.is_empty());
    assert_eq!(world.operator.account("a").await["autoRecharge"]["enabled"], false);
}

#[tokio::test]
async fn a_form_of_another_site_buys_nothing_and_sets_nothing() {
    let world = world().await;
    for (path, body) in [
        ("/accounts/a/purchases", "key=evil&amount=100"),
        ("/accounts/a/auto-recharge", "enabled=on&rechargeAmount=50&triggerAmount=50"),
        ("/accounts/a/payment-method", "paymentMethod=pm_card_mastercard"),
        ("/_local/authenticate/pi_1", "decision=approve"),
        ("/_local/cards/cs_1", "card=pm_card_mastercard"),
        ("/_local/run/expire", ""),
        ("/_local/drain", ""),
    ] {
        assert_refused(cross_site_form(&world, path, body).await, "Origin");
    }
    // JSON with the content type of a form, from a browser that sends neither of the headers.
    let form = [("content-type", "text/plain")];
    let time = r#"{"now": "2030-01-01T00:00:00Z"}"#;
    let answer = world.operator.send_text(Method::POST, "/_local/time", &form, time).await;
    let problem = answer.problem(415);
    assert_eq!(problem["detail"], "Content-Type: expected application/json");
    assert_untouched(&world).await;
}

#[tokio::test]
async fn a_script_of_another_site_changes_nothing() {
    let world = world().await;
    let json = ("content-type", "application/json");
    for (origin, site, header) in [
        (Some("https://evil.example"), Some("cross-site"), "Origin"),
        (Some("null"), None, "Origin"),
        (Some("http://127.0.0.1:1"), Some("same-site"), "Origin"),
        (None, Some("cross-site"), "Sec-Fetch-Site"),
        (None, Some("same-site"), "Sec-Fetch-Site"),
    ] {
        let mut headers = vec![json];
        headers.extend(origin.map(|origin| ("origin", origin)));
        headers.extend(site.map(|site| ("sec-fetch-site", site)));
        for (method, path, body) in [
            (Method::POST, "/_local/time", json!({ "now": "2030-01-01T00:00:00Z" })),
            (Method::POST, "/_local/token", json!({ "role": "operator" })),
            (Method::DELETE, "/_local/mail", Value::Null),
            (Method::POST, "/v1/accounts/a/purchases", json!({ "amount": "100" })),
        ] {
            assert_refused(world.operator.send(method, path, &headers, body).await, header);
        }
    }
    assert_untouched(&world).await;
}

#[tokio::test]
async fn another_host_name_that_resolves_to_this_machine_reads_nothing() {
    let world = world().await;
    let rebound = [("host", "evil.example:8080"), ("content-type", "application/json")];
    for path in
        ["/", "/mail", "/rates", "/accounts/a", "/_local/mail", "/v1/accounts", "/openapi.json", "/nowhere"]
    {
        assert_refused(world.operator.send_text(Method::GET, path, &rebound, "").await, "Host");
    }
    let token = json!({ "role": "operator" });
    let answer = world.operator.send(Method::POST, "/_local/token", &rebound[..1], token).await;
    assert!(answer.body.get("token").is_none());
    assert_refused(answer, "Host");
}

#[tokio::test]
async fn the_hosts_own_pages_and_programs_are_served() {
    let world = world().await;
    let own = world.host.url().to_owned();
    let form = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", own.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    let body = "language=fr&to=/sign-in";
    let page = world.operator.send_text(Method::POST, "/language", &form, body).await.expect(200);
    assert!(page.as_str().is_some_and(|page| page.contains("Sign in")), "the form leads back to its page");
    let port = own.rsplit(':').next().expect("a port");
    let named = format!("localhost:{port}");
    world.operator.send_text(Method::GET, "/_local/time", &[("host", named.as_str())], "").await.expect(200);
    let framed = world.operator.get("/sign-in").await;
    assert_eq!(framed.headers["x-frame-options"], "DENY", "no other site can frame the page");
}
