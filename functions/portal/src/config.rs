//! The portal's settings.

use std::fmt;
use std::sync::Arc;

use cookie::Key;
use jiff::Timestamp;

/// The settings.
#[derive(Clone)]
pub struct Config {
    /// The address that people open, without a slash at its end, such as `https://portal.example.com`.
    pub url: String,
    /// The address of the HTTP API, without `/v1`.
    pub api_url: String,
    /// The issuer, as its tokens name it.
    pub issuer: String,
    /// The name under which the issuer knows the portal.
    pub client_id: String,
    /// The secret that the issuer has given to the portal, if it wants one.
    pub client_secret: Option<String>,
    /// The scopes to ask for besides `openid`.
    pub scopes: Vec<String>,
    /// The keys of the cookies.
    pub keys: SessionKeys,
    /// The time that pages are written at. The ends of sessions go by the machine's own time.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// The additions of a trial on one machine.
    pub local: Option<LocalTrial>,
}

impl Config {
    /// Whether people reach the portal through TLS only.
    pub(crate) fn is_secure(&self) -> bool {
        self.url.starts_with("https://")
    }
}

/// The additions of a trial on one machine.
#[derive(Clone)]
pub struct LocalTrial {
    /// The people whom one can be.
    pub people: Vec<Person>,
    /// The address of the mailbox.
    pub mailbox: String,
    /// The address of the page for developers.
    pub developers: String,
    /// The instant at which the clock stands, if it was set.
    pub clock: Arc<dyn Fn() -> Option<Timestamp> + Send + Sync>,
}

/// A person of the trial.
#[derive(Clone, Debug)]
pub struct Person {
    /// The issuer's hint for this person.
    pub login_hint: String,
    /// The name.
    pub name: String,
    /// `admin`, `viewer` or `operator`.
    pub role: String,
    /// The organization that the person belongs to. The operator's staff belong to none.
    pub organization: Option<String>,
}

/// The keys that cookies are encrypted with. Each is 64 bytes.
#[derive(Clone)]
pub struct SessionKeys {
    /// The key of new cookies.
    pub(crate) current: Key,
    /// The key before it, with which cookies are still read.
    pub(crate) previous: Option<Key>,
}

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("expected one or two keys separated by a comma, each of at least 64 bytes as base64")]
pub struct WrongKeys;

impl SessionKeys {
    /// Reads one or two keys as base64, separated by a comma: the current one, and the one before it.
    ///
    /// # Errors
    ///
    /// The text is not one or two keys.
    pub fn parse(text: &str) -> Result<Self, WrongKeys> {
        use base64::Engine;
        let key = |text: &str| {
            let bytes = base64::prelude::BASE64_STANDARD.decode(text.trim()).map_err(|_| WrongKeys)?;
            Key::try_from(&bytes[..]).map_err(|_| WrongKeys)
        };
        let mut keys = text.split(',');
        let current = key(keys.next().unwrap_or_default())?;
        let previous = keys.next().map(key).transpose()?;
        if keys.next().is_some() { Err(WrongKeys) } else { Ok(Self { current, previous }) }
    }

    /// A new random key.
    pub fn random() -> Self {
        Self { current: Key::generate(), previous: None }
    }
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKeys(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_one_or_two() {
        use base64::Engine;
        let key = |byte: u8, length| base64::prelude::BASE64_STANDARD.encode(vec![byte; length]);
        let (a, b) = (key(1, 64), key(2, 64));
        assert!(SessionKeys::parse(&a).unwrap().previous.is_none());
        let both = SessionKeys::parse(&format!("{a},{b}")).unwrap();
        assert_eq!(both.current.master(), [1; 64]);
        assert_eq!(both.previous.unwrap().master(), [2; 64]);
        for wrong in ["", ",", "nonsense", &key(1, 63), &format!("{a},"), &format!("{a},{b},{a}")] {
            assert!(SessionKeys::parse(wrong).is_err(), "{wrong}");
        }
    }
}
