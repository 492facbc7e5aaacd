//! The secret key of the API.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;

/// A secret key (`sk_…`) or a restricted key (`rk_…`). It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(String);

impl SecretKey {
    /// The key of this text. Spaces and line ends around it are dropped, since secrets are often pasted.
    pub fn new(key: &str) -> Self {
        Self(key.trim().to_owned())
    }

    /// Whether it charges real cards. A test key has `_test_` in its prefix.
    pub fn is_live(&self) -> bool {
        !self.0.contains("_test_")
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// Where the key comes from. It is read at the first call, and again once after Stripe answers 401, so a rotated key needs no restart.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// Reads the key.
    async fn read(&self) -> Result<SecretKey, NoKey>;
}

/// The key could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the card processor's secret key could not be read")]
pub struct NoKey(#[source] pub Box<dyn Error + Send + Sync>);

/// A key that never changes.
#[async_trait]
impl KeySource for SecretKey {
    async fn read(&self) -> Result<SecretKey, NoKey> {
        Ok(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_printed() {
        assert_eq!(format!("{:?}", SecretKey::new("sk_test_123")), "SecretKey(…)");
    }

    #[test]
    fn a_key_says_whether_it_is_live() {
        assert!(SecretKey::new("sk_live_123").is_live());
        assert!(SecretKey::new("rk_live_123\n").is_live());
        assert!(!SecretKey::new("rk_test_123").is_live());
    }
}
