//! The token issuer and the authorizer that checks its tokens: JWTs with a role and the accounts it reaches
//! (X1). Issuer and authorizer are this process, so one secret serves both. Tokens expire by the machine's clock, even
//! while the host's clock is set.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::replace_file;

/// The audience of tokens.
const AUDIENCE: &str = "communications-credits";

/// How long a token is valid by default.
const LIFETIME_SECONDS: i64 = 12 * 3600;

const SECRET_BYTES: usize = 32;

/// Issues and checks tokens.
pub struct Tokens {
    secret: [u8; SECRET_BYTES],
    issuer: String,
    /// Tokens that were checked, so that a client that sends the same one with each request costs one check.
    valid: Mutex<HashMap<String, Valid>>,
}

/// The claims of a valid token, and the second in which it expires.
#[derive(Clone)]
struct Valid {
    expires_at: i64,
    claims: HashMap<String, String>,
}

/// At most this many valid tokens are kept.
const KEPT_TOKENS: usize = 1_000;

/// The claims of a token to issue.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenRequest {
    /// `operator`, `admin`, `viewer` or `platform`.
    pub role: String,
    /// The accounts it reaches, for roles below operator.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// The caller, who is the author of changes.
    pub subject: Option<String>,
    /// The caller's name.
    pub name: Option<String>,
    /// How long the token is valid. With a negative number it has expired already.
    pub expires_in_seconds: Option<i64>,
}

#[derive(Serialize)]
struct Claims {
    iss: String,
    aud: &'static str,
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    iat: i64,
    exp: i64,
    role: String,
    accounts: Vec<String>,
}

impl Tokens {
    /// Opens the issuer with the secret in this file. If there is no file, a secret is made and written to it.
    pub fn open(file: Option<&Path>, issuer: &str) -> anyhow::Result<Self> {
        let secret = match file {
            Some(path) if path.exists() => read_secret(path)?,
            _ => {
                let mut secret = [0; SECRET_BYTES];
                getrandom::fill(&mut secret).context("no randomness for a secret")?;
                if let Some(path) = file {
                    replace_file(path, &secret)
                        .with_context(|| format!("{} cannot be written", path.display()))?;
                }
                secret
            }
        };
        Ok(Self { secret, issuer: issuer.to_owned(), valid: Mutex::default() })
    }

    /// Issues a signed token.
    pub fn issue(&self, request: TokenRequest) -> anyhow::Result<String> {
        let now = Timestamp::now().as_second();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE,
            sub: request.subject.unwrap_or_else(|| format!("{}@local", request.role)),
            name: request.name,
            iat: now,
            exp: now + request.expires_in_seconds.unwrap_or(LIFETIME_SECONDS),
            role: request.role,
            accounts: request.accounts,
        };
        Ok(encode(&Header::default(), &claims, &EncodingKey::from_secret(&self.secret))?)
    }

    /// A token's claims as API Gateway hands them on: every value is a text, and a list is `[a b]`. `None` if the token was not
    /// issued here, or has expired.
    pub fn claims(&self, token: &str) -> Option<HashMap<String, String>> {
        let mut valid = self.valid.lock().expect("no holder of this lock panics");
        if let Some(Valid { expires_at, claims }) = valid.get(token) {
            return (*expires_at >= Timestamp::now().as_second()).then(|| claims.clone());
        }
        let checked = self.check(token)?;
        if valid.len() >= KEPT_TOKENS {
            valid.clear();
        }
        valid.insert(token.to_owned(), checked.clone());
        Some(checked.claims)
    }

    fn check(&self, token: &str) -> Option<Valid> {
        let mut validation = Validation::default();
        validation.set_audience(&[AUDIENCE]);
        // The issuer is not checked: it is named after the port, which may change between two runs on the same data.
        validation.leeway = 0;
        let key = DecodingKey::from_secret(&self.secret);
        let claims = decode::<HashMap<String, Value>>(token, &key, &validation).ok()?.claims;
        let expires_at = claims.get("exp")?.as_i64()?;
        let claims = claims.into_iter().map(|(name, value)| (name, as_text(value))).collect();
        Some(Valid { expires_at, claims })
    }
}

fn read_secret(path: &Path) -> anyhow::Result<[u8; SECRET_BYTES]> {
    let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    bytes.try_into().map_err(|_| {
        anyhow!(
            "{} holds no secret; without it a new one is made, and old tokens are refused",
            path.display()
        )
    })
}

fn as_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Array(list) => {
            let texts: Vec<_> = list.into_iter().map(as_text).collect();
            format!("[{}]", texts.join(" "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens::open(None, "http://127.0.0.1:1").unwrap()
    }

    #[test]
    fn claims_are_texts_as_api_gateway_writes_them() {
        let tokens = tokens();
        let request = TokenRequest {
            role: "viewer".into(),
            accounts: vec!["a".into(), "b".into()],
            ..TokenRequest::default()
        };
        let claims = tokens.claims(&tokens.issue(request).unwrap()).unwrap();
        assert_eq!(claims["role"], "viewer");
        assert_eq!(claims["accounts"], "[a b]");
        assert_eq!(claims["sub"], "viewer@local");
    }

    #[test]
    fn x1_a_token_that_was_valid_expires() {
        let tokens = tokens();
        let token =
            tokens.issue(TokenRequest { role: "operator".into(), ..TokenRequest::default() }).unwrap();
        assert!(tokens.claims(&token).is_some() && tokens.claims(&token).is_some());
        tokens.valid.lock().unwrap().get_mut(&token).unwrap().expires_at = Timestamp::now().as_second() - 1;
        assert!(tokens.claims(&token).is_none());
    }

    #[test]
    fn x1_an_expired_or_forged_token_is_none() {
        let tokens = tokens();
        let expired =
            TokenRequest { role: "operator".into(), expires_in_seconds: Some(-1), ..TokenRequest::default() };
        assert!(tokens.claims(&tokens.issue(expired).unwrap()).is_none());
        let forged =
            self::tokens().issue(TokenRequest { role: "operator".into(), ..TokenRequest::default() });
        assert!(tokens.claims(&forged.unwrap()).is_none());
        assert!(tokens.claims("nonsense").is_none());
    }
}
