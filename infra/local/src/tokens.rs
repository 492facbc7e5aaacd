//! Signs tokens, and checks them as the API's authorizer does: JWTs with a role and the accounts it reaches (X1). They are
//! signed with ES256, so that any library can check them with the public key. Tokens expire by the machine's clock, even
//! while the host's clock is set.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, anyhow};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jiff::Timestamp;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::replace_file;

/// The audience of tokens for the API.
const AUDIENCE: &str = "communications-credits";

/// How long a token is valid by default.
const LIFETIME_SECONDS: i64 = 12 * 3600;

/// Issues and checks tokens.
pub struct Tokens {
    private_key: EncodingKey,
    public_key: DecodingKey,
    /// The public key as the issuer publishes it.
    published: Jwk,
    header: Header,
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

/// The claims of a token for the API.
#[derive(Serialize)]
pub(crate) struct Claims {
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
    /// Opens the private key in this file. If there is no file, a key is made and written to it. The tokens are those of the
    /// issuer with this URL.
    pub fn open(file: Option<&Path>, issuer: &str) -> anyhow::Result<Self> {
        let (private_key, mut published) = match file {
            Some(path) if path.exists() => read_key(path)?,
            _ => {
                let key = new_key()?;
                if let Some(path) = file {
                    replace_file(path, &key)
                        .with_context(|| format!("{} cannot be written", path.display()))?;
                }
                key_pair(&key)?
            }
        };
        let key_id = published.thumbprint(ThumbprintHash::SHA256)?;
        published.common.key_id = Some(key_id.clone());
        published.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self {
            private_key,
            public_key: DecodingKey::from_jwk(&published)?,
            published,
            header: Header { kid: Some(key_id), ..Header::new(Algorithm::ES256) },
            issuer: issuer.to_owned(),
            valid: Mutex::default(),
        })
    }

    /// The URL of the issuer.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The public key, with which anybody can check tokens.
    pub(crate) fn published(&self) -> JwkSet {
        JwkSet { keys: vec![self.published.clone()] }
    }

    /// Issues a token for the API.
    pub fn issue(&self, request: TokenRequest) -> anyhow::Result<String> {
        self.sign(&self.claims_to_issue(request))
    }

    /// The claims of the token that [`Self::issue`] returns.
    pub(crate) fn claims_to_issue(&self, request: TokenRequest) -> Claims {
        let now = Timestamp::now().as_second();
        Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE,
            sub: request.subject.unwrap_or_else(|| format!("{}@local", request.role)),
            name: request.name,
            iat: now,
            exp: now + request.expires_in_seconds.unwrap_or(LIFETIME_SECONDS),
            role: request.role,
            accounts: request.accounts,
        }
    }

    /// Signs a token with any claims.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> anyhow::Result<String> {
        Ok(encode(&self.header, claims, &self.private_key)?)
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
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[AUDIENCE]);
        // The issuer is not checked: it is named after the port, which may change between two runs on the same data.
        validation.leeway = 0;
        let claims = decode::<HashMap<String, Value>>(token, &self.public_key, &validation).ok()?.claims;
        let expires_at = claims.get("exp")?.as_i64()?;
        let claims = claims.into_iter().map(|(name, value)| (name, as_text(value))).collect();
        Some(Valid { expires_at, claims })
    }
}

/// A new private key, as the bytes of a file (PKCS #8).
fn new_key() -> anyhow::Result<Vec<u8>> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).context("no key could be made")?;
    Ok(key.to_pkcs8v1().context("the key cannot be written")?.as_ref().to_vec())
}

/// The private key in these bytes, and its public key.
fn key_pair(pkcs8: &[u8]) -> anyhow::Result<(EncodingKey, Jwk)> {
    let private_key = EncodingKey::from_ec_der(pkcs8);
    let public_key = Jwk::from_encoding_key(&private_key, Algorithm::ES256)?;
    Ok((private_key, public_key))
}

fn read_key(path: &Path) -> anyhow::Result<(EncodingKey, Jwk)> {
    let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    key_pair(&bytes).map_err(|_| {
        anyhow!("{} holds no key; without it a new one is made, and old tokens are refused", path.display())
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

    #[test]
    fn x1_a_token_for_another_audience_is_none() {
        let tokens = tokens();
        let mut claims =
            tokens.claims_to_issue(TokenRequest { role: "operator".into(), ..TokenRequest::default() });
        assert!(tokens.claims(&tokens.sign(&claims).unwrap()).is_some());
        claims.aud = "portal";
        assert!(tokens.claims(&tokens.sign(&claims).unwrap()).is_none());
    }

    #[test]
    fn tokens_stay_valid_after_a_restart_on_another_port() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token-key");
        let open = |issuer| Tokens::open(Some(&file), issuer).unwrap();
        let token = open("http://127.0.0.1:1")
            .issue(TokenRequest { role: "operator".into(), ..TokenRequest::default() })
            .unwrap();
        let restarted = open("http://127.0.0.1:2");
        assert_eq!(restarted.claims(&token).unwrap()["iss"], "http://127.0.0.1:1");
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!(header.alg, Algorithm::ES256);
        assert!(restarted.published().find(&header.kid.unwrap()).is_some());
    }
}
