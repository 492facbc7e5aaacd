//! The OpenID Connect issuer of the one-machine host: a sign-in as a client of the standard makes it, which knows nothing
//! but the issuer's URL.

use std::collections::HashMap;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use reqwest::{Client, Url, redirect};
use scenarios::{Api, World};
use serde_json::{Value, json};

/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A client of the issuer. It follows no redirects.
struct Portal {
    http: Client,
    redirect_uri: String,
    /// The issuer's metadata.
    issuer: Value,
}

impl Portal {
    async fn discover(world: &World) -> Self {
        let http = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        let issuer = format!("{}/_local/issuer", world.host.url());
        let metadata = http.get(format!("{issuer}/.well-known/openid-configuration")).send().await.unwrap();
        let metadata: Value = metadata.json().await.unwrap();
        assert_eq!(metadata["issuer"], issuer);
        Self { http, redirect_uri: format!("{}/sign-in/return", world.host.url()), issuer: metadata }
    }

    fn endpoint(&self, name: &str) -> Url {
        self.issuer[name].as_str().unwrap().parse().unwrap()
    }

    /// Asks for a code for a person. Returns it.
    async fn code(&self, person: &str) -> String {
        let mut url = self.endpoint("authorization_endpoint");
        url.query_pairs_mut().extend_pairs([
            ("client_id", "portal"),
            ("redirect_uri", &self.redirect_uri),
            ("response_type", "code"),
            ("scope", "openid profile offline_access"),
            ("state", "the state"),
            ("nonce", "the nonce"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("login_hint", person),
        ]);
        let answer = self.http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 303);
        let location: Url = answer.headers()["location"].to_str().unwrap().parse().unwrap();
        assert!(location.as_str().starts_with(&format!("{}?", self.redirect_uri)), "{location}");
        let mut pairs: HashMap<_, _> = location.query_pairs().into_owned().collect();
        assert_eq!(pairs["state"], "the state");
        pairs.remove("code").unwrap()
    }

    /// Sends a form to the token endpoint, as a program does, without the headers of browsers.
    async fn exchange(&self, form: &[(&str, &str)]) -> (u16, Value) {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(self.endpoint("token_endpoint")).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn redeem(&self, code: &str, verifier: &str) -> (u16, Value) {
        self.exchange(&[
            ("grant_type", "authorization_code"),
            ("client_id", "portal"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", verifier),
        ])
        .await
    }

    async fn refresh(&self, refresh_token: &Value) -> (u16, Value) {
        let refresh_token = refresh_token.as_str().unwrap();
        self.exchange(&[
            ("grant_type", "refresh_token"),
            ("client_id", "portal"),
            ("refresh_token", refresh_token),
        ])
        .await
    }

    /// Signs a person in. Returns the tokens.
    async fn sign_in(&self, person: &str) -> Value {
        let (status, tokens) = self.redeem(&self.code(person).await, VERIFIER).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    /// The claims of a token, after a check with the published key that its header names.
    async fn claims(&self, token: &Value, audience: &str) -> Value {
        let token = token.as_str().unwrap();
        let keys = self.http.get(self.endpoint("jwks_uri")).send().await.unwrap();
        let keys: JwkSet = keys.json().await.unwrap();
        let key = keys.find(&decode_header(token).unwrap().kid.unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[audience]);
        validation.set_issuer(&[self.issuer["issuer"].as_str().unwrap()]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap().claims
    }
}

fn assert_refused((status, answer): (u16, Value), error: &str) {
    assert_eq!((status, &answer["error"]), (400, &json!(error)), "{answer}");
    assert!(answer["error_description"].is_string() && answer.get("access_token").is_none(), "{answer}");
}

#[tokio::test]
async fn x1_a_person_signs_in_and_calls_the_api() {
    let world = World::demo().await;
    let portal = Portal::discover(&world).await;
    let tokens = portal.sign_in("ada").await;
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert_eq!(tokens["scope"], "openid profile offline_access");

    let identity = portal.claims(&tokens["id_token"], "portal").await;
    assert_eq!((&identity["nonce"], &identity["name"]), (&json!("the nonce"), &json!("Ada Lefèvre")));
    let access = portal.claims(&tokens["access_token"], "communications-credits").await;
    assert_eq!((&access["sub"], &identity["sub"]), (&json!("ada@example.com"), &json!("ada@example.com")));

    let client = |token: &Value| Api::new(world.host.url(), token.as_str().unwrap());
    let ada = client(&tokens["access_token"]);
    let caller = ada.get("/v1/caller").await.expect(200);
    assert_eq!((&caller["roles"], &caller["name"]), (&json!(["admin"]), &json!("Ada Lefèvre")), "{caller}");
    ada.buy("demo", "by-ada", json!({ "amount": "50.00" })).await.expect(201);
    client(&tokens["id_token"]).get("/v1/caller").await.problem(401);

    let viewer = portal.sign_in("victor").await;
    let viewer = client(&viewer["access_token"]);
    viewer.account("demo").await;
    viewer.buy("demo", "by-victor", json!({ "amount": "50.00" })).await.problem(403);
    client(&portal.sign_in("olivia").await["access_token"]).get("/v1/accounts/demo").await.problem(404);
    client(&portal.sign_in("otto").await["access_token"]).get("/v1/accounts").await.expect(200);
}

#[tokio::test]
async fn codes_and_refresh_tokens_work_once() {
    let world = World::start().await;
    let portal = Portal::discover(&world).await;

    let code = portal.code("ada").await;
    assert_refused(portal.redeem(&code, CHALLENGE).await, "invalid_grant");
    assert_refused(portal.redeem(&code, VERIFIER).await, "invalid_grant");
    let code = portal.code("ada").await;
    let (_, first) = portal.redeem(&code, VERIFIER).await;
    assert_refused(portal.redeem(&code, VERIFIER).await, "invalid_grant");

    let (status, second) = portal.refresh(&first["refresh_token"]).await;
    assert_eq!(status, 200, "{second}");
    assert_eq!(portal.claims(&second["access_token"], "communications-credits").await["role"], "admin");
    let identity = portal.claims(&second["id_token"], "portal").await;
    assert_eq!((&identity["sub"], identity.get("nonce")), (&json!("ada@example.com"), None));
    assert_refused(portal.refresh(&first["refresh_token"]).await, "invalid_grant");
    assert_eq!(portal.refresh(&second["refresh_token"]).await.0, 200);
    assert_refused(portal.exchange(&[("grant_type", "refresh_token")]).await, "invalid_client");
}

#[tokio::test]
async fn settings_make_sessions_short_and_tokens_large() {
    let world = World::demo().await;
    let portal = Portal::discover(&world).await;
    for (settings, field) in [
        (json!({ "accessTokenSeconds": 0 }), "accessTokenSeconds"),
        (json!({ "accessTokenSeconds": 43_201 }), "accessTokenSeconds"),
        (json!({ "claimsPaddingBytes": 16_385 }), "claimsPaddingBytes"),
        (json!({ "unknown": 1 }), "body"),
    ] {
        let problem = world.operator.post("/_local/issuer/settings", settings).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], field);
    }
    let set = async |settings: Value| {
        world.operator.post("/_local/issuer/settings", settings).await.expect(204);
        portal.sign_in("ada").await
    };

    let tokens =
        set(json!({ "accessTokenSeconds": 1, "claimsPaddingBytes": 5_000, "refreshTokens": false })).await;
    assert!(tokens["access_token"].as_str().unwrap().len() > 5_000);
    assert!(tokens.get("refresh_token").is_none());
    let ada = Api::new(world.host.url(), tokens["access_token"].as_str().unwrap());
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    ada.get("/v1/caller").await.problem(401);

    let tokens = set(json!({})).await;
    assert!(tokens["access_token"].as_str().unwrap().len() < 1_000 && tokens["refresh_token"].is_string());
}
