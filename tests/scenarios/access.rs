//! Access rights (X1): every route with every role.

use local::tokens::TokenRequest;
use reqwest::Method;
use scenarios::{Answer, Api, World, rated};
use serde_json::{Value, json};

const NOW: &str = "2026-11-22T12:00:00Z";

/// The letters of the roles in [`Route::who`].
const ROLES: [(char, &str); 4] = [('O', "operator"), ('A', "admin"), ('V', "viewer"), ('P', "platform")];

struct Route {
    method: Method,
    path: &'static str,
    /// The letters of the roles that may use it.
    who: &'static str,
    body: Value,
    /// The status of the answer to these roles.
    answer: u16,
}

fn route(method: Method, path: &'static str, who: &'static str, body: Value, answer: u16) -> Route {
    Route { method, path, who, body, answer }
}

const REFUND: &str = "/v1/accounts/{account}/purchases/none/refund";
const CREDIT_NOTE: &str = "/v1/accounts/{account}/purchases/{purchase}/credit-notes/1";

/// All routes of the API. The parts in braces are filled in for each request.
fn routes() -> Vec<Route> {
    let get = |path, who| route(Method::GET, path, who, Value::Null, 200);
    vec![
        route(
            Method::POST,
            "/v1/accounts",
            "O",
            json!({ "accountId": "{new}", "name": "n", "currency": "EUR" }),
            201,
        ),
        get("/v1/accounts", "O"),
        get("/v1/accounts/{account}", "OAVP"),
        route(Method::PATCH, "/v1/accounts/{account}", "OA", json!({ "name": "{new}" }), 200),
        route(
            Method::PUT,
            "/v1/accounts/{account}/payment-method",
            "OA",
            json!({ "paymentMethod": "pm_card_mastercard" }),
            200,
        ),
        route(Method::POST, "/v1/accounts/{account}/payment-method/setup", "OA", json!({}), 200),
        route(Method::POST, "/v1/accounts/{account}/purchases", "OA", json!({ "amount": "50.00" }), 201),
        get("/v1/accounts/{account}/purchases", "OAV"),
        get("/v1/accounts/{account}/purchases/{purchase}", "OAV"),
        get("/v1/accounts/{account}/purchases/{purchase}/receipt", "OAV"),
        route(Method::POST, "/v1/accounts/{account}/purchases/{purchase}/confirm", "OA", Value::Null, 200),
        // There is nothing to refund and no credit note: those who may ask are told so.
        route(Method::POST, REFUND, "O", json!({ "reason": "r" }), 404),
        route(Method::GET, CREDIT_NOTE, "OAV", Value::Null, 404),
        route(
            Method::POST,
            "/v1/accounts/{account}/adjustments",
            "O",
            json!({ "amount": "5.00", "reason": "r" }),
            201,
        ),
        route(
            Method::POST,
            "/v1/accounts/{account}/debits",
            "OP",
            json!({ "records": [rated("{new}", NOW, "0.0100")] }),
            200,
        ),
        get("/v1/accounts/{account}/lots", "OAV"),
        get("/v1/accounts/{account}/balance?at=2026-11-22", "OAV"),
        get("/v1/accounts/{account}/balances?from=2026-11-22&to=2026-11-22", "OAV"),
        get("/v1/accounts/{account}/statement?from=2026-11-22&to=2026-11-22", "OAV"),
        get("/v1/accounts/{account}/invoices", "OAV"),
        // The account is prepaid and has no invoice: those who may ask are told so.
        route(Method::GET, "/v1/accounts/{account}/invoices/inv_2026-10", "OAV", Value::Null, 404),
        route(
            Method::POST,
            "/v1/accounts/{account}/invoices/inv_2026-10/paid",
            "O",
            json!({ "reference": "r", "paidAt": NOW }),
            404,
        ),
        route(
            Method::POST,
            "/v1/accounts/{account}/invoices/inv_2026-10/void",
            "O",
            json!({ "reason": "r" }),
            404,
        ),
        get("/v1/accounts/{account}/transactions", "OAV"),
        get("/v1/accounts/{account}/usage/before?startedAt=2026-11-22T12:00:00Z", "OAVP"),
        get("/v1/rates?service=userOut&number=33123456789&currency=EUR", "OAVP"),
        get("/v1/rates/list", "OAVP"),
        get("/v1/unrated", "O"),
        route(Method::POST, "/v1/unrated/rate", "O", Value::Null, 200),
        get("/v1/plans", "OAVP"),
        get("/v1/caller", "OAVP"),
        get("/v1/accounts/{account}/limits", "OAV"),
        route(
            Method::POST,
            "/v1/accounts/{account}/auto-recharge/preview",
            "OA",
            json!({ "enabled": false }),
            200,
        ),
        route(Method::PUT, "/v1/accounts/{account}/pools", "O", json!({ "pools": [] }), 200),
        route(
            Method::POST,
            "/v1/accounts/{account}/reversals?reason=r",
            "OP",
            json!({ "records": [{ "id": "{new}", "startedAt": NOW }] }),
            200,
        ),
        get("/v1/accounts/{account}/billing-model/preview", "OA"),
        // Nothing that follows needs a card.
        route(Method::DELETE, "/v1/accounts/{account}/payment-method/backup", "OA", Value::Null, 200),
        route(Method::DELETE, "/v1/accounts/{account}/payment-method", "OA", Value::Null, 200),
    ]
}

fn all_routes() -> Vec<Route> {
    call_routes().into_iter().chain(routes()).collect()
}

/// The routes of calls that are to start.
fn call_routes() -> Vec<Route> {
    vec![
        route(Method::PUT, "/v1/accounts/{account}/limits", "OA", json!({ "marginSeconds": 3 }), 200),
        route(
            Method::POST,
            "/v1/accounts/{account}/authorizations",
            "OP",
            json!({ "callId": "{new}", "service": "userOut", "number": "+33123456789" }),
            200,
        ),
        route(
            Method::PUT,
            "/v1/accounts/{account}/authorizations/hold_1",
            "OP",
            json!({ "maxDurationSeconds": 60 }),
            404,
        ),
        route(Method::DELETE, "/v1/accounts/{account}/authorizations/hold_1", "OP", Value::Null, 204),
        route(Method::DELETE, "/v1/accounts/{account}/authorizations?callId={new}", "OP", Value::Null, 204),
    ]
}

async fn world() -> (World, String) {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    world.account("b").await;
    let purchase = world.operator.buy("a", "k", json!({ "amount": "100.00" })).await.expect(201);
    world.operator.debit("a", &[rated("before", NOW, "0.0100")]).await.expect(200);
    (world, purchase["purchaseId"].as_str().expect("an id").to_owned())
}

/// Sends a request about an account. `new` is a name that no request used before.
async fn send(api: &Api, route: &Route, account: &str, purchase: &str, new: &str) -> Answer {
    let path = route.path.replace("{account}", account).replace("{purchase}", purchase);
    let body =
        if route.body.is_null() { String::new() } else { route.body.to_string().replace("{new}", new) };
    let headers = [("content-type", "application/json"), ("idempotency-key", new)];
    api.send_text(route.method.clone(), &path, &headers, body).await
}

#[tokio::test]
async fn x1_every_route_lets_in_the_roles_of_the_contract_and_no_others() {
    let (world, purchase) = world().await;
    let before = world.operator.account("a").await;
    // The roles without the right come first, so that the test sees that nothing changes.
    for route in all_routes() {
        for (letter, role) in ROLES.into_iter().filter(|(letter, _)| !route.who.contains(*letter)) {
            let api = world.client(role, &["a", "b"]);
            let answer = send(&api, &route, "a", &purchase, &format!("not-{letter}")).await;
            assert_eq!(answer.status, 403, "{} {} as {role}: {}", route.method, route.path, answer.body);
            answer.problem(403);
        }
        assert_eq!(world.operator.account("a").await, before, "{} {}", route.method, route.path);
    }
    for (number, route) in all_routes().iter().enumerate() {
        for (letter, role) in ROLES.into_iter().filter(|(letter, _)| route.who.contains(*letter)) {
            let api = world.client(role, if letter == 'O' { &[] } else { &["a"] });
            let answer = send(&api, route, "a", &purchase, &format!("new-{number}-{letter}")).await;
            let what = format!("{} {} as {role}: {}", route.method, route.path, answer.body);
            assert_eq!(answer.status, route.answer, "{what}");
        }
    }
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn x1_the_account_of_another_organization_is_not_found() {
    let (world, purchase) = world().await;
    let before = world.operator.account("a").await;
    let routes: Vec<_> = routes().into_iter().filter(|route| route.path.contains("{account}")).collect();
    for role in ["admin", "viewer", "platform"] {
        for accounts in [&["b"][..], &[], &["A"], &["a2", "aa"], &["*"]] {
            let api = world.client(role, accounts);
            for route in &routes {
                let theirs = send(&api, route, "a", &purchase, "new").await;
                let nobodys = send(&api, route, "nobody", &purchase, "new").await;
                let what = format!("{} {} as {role} of {accounts:?}", route.method, route.path);
                assert_eq!(theirs.status, 404, "{what}: {}", theirs.body);
                assert_eq!(theirs.problem(404), nobodys.problem(404), "{what}: as for an unknown account");
            }
        }
    }
    assert_eq!(world.operator.account("a").await, before);
    // The operator asks about accounts that do not exist, or whose id is invalid.
    for account in ["nobody", "A", "a%20", "a%23core", "a%2Fb", "%FF", &"x".repeat(65)] {
        for route in &routes {
            let answer = send(&world.operator, route, account, &purchase, "new").await;
            assert_eq!(answer.status, 404, "{} {} of {account}: {}", route.method, route.path, answer.body);
            answer.problem(404);
        }
    }
}

#[tokio::test]
async fn x1_without_a_valid_token_every_route_answers_401() {
    let (world, purchase) = world().await;
    let before = world.operator.account("a").await;
    let tokens = &world.host.machine().tokens;
    let token = |expires_in_seconds| {
        let request = TokenRequest { role: "operator".into(), expires_in_seconds, ..TokenRequest::default() };
        tokens.issue(request).expect("a token")
    };
    let valid = token(None);
    let another_hosts = World::start().await;
    let forged = another_hosts
        .host
        .machine()
        .tokens
        .issue(TokenRequest { role: "operator".into(), ..TokenRequest::default() });
    let without_signature = valid.rsplit_once('.').expect("a JWT has three parts").0;
    for (what, token) in [
        ("no token", ""),
        ("garbage", "garbage"),
        ("an expired token", &token(Some(-1))),
        ("another issuer's token", &forged.expect("a token")),
        ("a token without its signature", without_signature),
        ("a token whose claims were changed", &valid.replacen('.', ".e", 1)),
        ("a token and more", &format!("{valid} x")),
    ] {
        let api = Api::new(world.host.url(), token);
        for route in all_routes() {
            let answer = send(&api, &route, "a", &purchase, "new").await;
            assert_eq!(answer.status, 401, "{what} on {} {}: {}", route.method, route.path, answer.body);
            assert_eq!(answer.headers["www-authenticate"], "Bearer", "{what}");
            answer.problem(401);
        }
    }
    assert_eq!(world.operator.account("a").await, before);

    let bare = reqwest::get(format!("{}/v1/accounts/a", world.host.url())).await.expect("an answer");
    assert_eq!(bare.status(), 401, "no Authorization header");
}

#[tokio::test]
async fn x1_an_unknown_role_may_use_no_route() {
    let (world, purchase) = world().await;
    for role in ["", "root", "Operator", "operator "] {
        let api = world.client(role, &["a"]);
        for route in all_routes() {
            let answer = send(&api, &route, "a", &purchase, "new").await;
            assert_eq!(answer.status, 403, "{} {} as {role:?}: {}", route.method, route.path, answer.body);
            answer.problem(403);
        }
    }
}

#[tokio::test]
async fn an_unknown_route_is_not_found() {
    let (world, _) = world().await;
    let before = world.operator.account("a").await;
    for (method, path) in [
        (Method::GET, "/v1"),
        (Method::GET, "/v1/nothing"),
        (Method::GET, "/v1/accounts/"),
        (Method::GET, "/v1/accounts/a/"),
        (Method::GET, "/v1/accounts/a/nothing"),
        (Method::GET, "/v1/accounts/a/usages"),
        // Known paths with another method.
        (Method::GET, "/v1/accounts/a/debits"),
        (Method::DELETE, "/v1/accounts/a"),
        (Method::PUT, "/v1/accounts/a"),
        (Method::POST, "/v1/accounts/a/lots"),
        (Method::DELETE, "/v1/accounts"),
        (Method::POST, "/v1/rates"),
    ] {
        let answer = world.operator.send(method.clone(), path, &[], json!({})).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.body);
        answer.problem(404);
    }
    assert_eq!(world.operator.account("a").await, before);
}
