//! Typed ids: an [`AccountId`] cannot pass for a [`LotId`]. Parsed at the edge, valid inside.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

use crate::time::Month;

/// An id that is not one: says what was expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct InvalidId {
    expected: &'static str,
}

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Accepts ", $expected, ".")]
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidId { expected: $expected }) }
            }

            /// The text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn is_token(text: &str, max_len: usize) -> bool {
    (1..=max_len).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

typed_id!(
    /// An organization's wallet; chosen by the operator (A1).
    AccountId,
    "1 to 64 letters, digits, '-', '_' or '.'",
    |text| is_token(text, 64)
);

typed_id!(
    /// A payment or adjustment, named before its first try, or a month's invoice.
    PaymentId,
    "an id such as pur_0123…",
    |text| is_token(text, 64)
);

typed_id!(
    /// A lot, which has the id of the payment or adjustment that added it, or an id derived from the reversal that did.
    LotId,
    "an id such as pur_0123…",
    |text| is_token(text, 64)
);

typed_id!(
    /// A usage record, as its source names it (S2). No `#`: keys are made of it. An id from outside goes through
    /// [`RecordId::sent`].
    RecordId,
    "1 to 128 visible ASCII characters without '#'",
    |text| (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
);

typed_id!(
    /// A message of a queue, as the queue names it: on SQS, a UUID.
    MessageId,
    "1 to 64 letters, digits, '-', '_' or '.'",
    |text| is_token(text, 64)
);

impl RecordId {
    /// The id of a record that is sent or asked for: a UUID is the same in capitals and small letters (S2), so it
    /// is kept in small ones. Rows that were written before this rule may have a UUID in capitals.
    ///
    /// ```
    /// use domain::RecordId;
    /// let id = RecordId::sent("9C4984C7-6C3C-427D-A30C-BD0B2EACEE90").unwrap();
    /// assert_eq!(id.as_str(), "9c4984c7-6c3c-427d-a30c-bd0b2eacee90");
    /// assert_eq!(RecordId::sent("Call-A").unwrap().as_str(), "Call-A");
    /// assert!(RecordId::sent("a#b").is_err());
    /// ```
    pub fn sent(text: &str) -> Result<Self, InvalidId> {
        Self::parse(in_small_letters_if_uuid(text))
    }
}

/// A UUID in small letters; any other text as it is, since its capitals may tell it from another.
pub fn in_small_letters_if_uuid(text: &str) -> Cow<'_, str> {
    if is_uuid(text) && text.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a text has a UUID's usual form: 8, 4, 4, 4 and 12 hexadecimal digits (RFC 9562, section 4).
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The kind of a payment, which changes an account's funds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PaymentKind {
    /// Funds bought by a person (F1).
    Purchase,
    /// Funds bought by auto-recharge.
    Recharge,
    /// The operator's correction (F9).
    Adjustment,
}

impl PaymentKind {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Recharge => "recharge",
            Self::Adjustment => "adjustment",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Purchase, Self::Recharge, Self::Adjustment].into_iter().find(|kind| kind.as_str() == name)
    }

    /// What ids of this kind begin with.
    pub fn id_prefix(self) -> &'static str {
        match self {
            Self::Purchase => "pur",
            Self::Recharge => "rch",
            Self::Adjustment => "adj",
        }
    }
}

impl PaymentId {
    /// The same account, kind and `Idempotency-Key` always name the same payment (F3).
    pub fn derive(account: &AccountId, kind: PaymentKind, idempotency_key: &str) -> Self {
        Self::hashed(kind.id_prefix(), [account.as_str(), kind.as_str(), idempotency_key])
    }

    /// An id that follows from its parts.
    pub(crate) fn hashed<'a>(prefix: &str, parts: impl IntoIterator<Item = &'a str>) -> Self {
        let Fingerprint(digest) = Fingerprint::of(parts);
        Self(format!("{prefix}_{digest}"))
    }
}

/// How the ids of invoices begin.
pub const OF_INVOICE: &str = "inv_";

impl PaymentId {
    /// The id of a month's invoice, such as `inv_2026-11`.
    pub fn of_invoice(month: Month) -> Self {
        Self(format!("{OF_INVOICE}{month}"))
    }
}

/// How the ids of lots begin that reversals add.
const OF_REVERSAL: &str = "rev_";

impl LotId {
    /// The lot that this payment adds.
    pub fn of(payment: &PaymentId) -> Self {
        Self(payment.0.clone())
    }

    /// The lot that the reversal with this journal key adds (S11).
    pub fn of_reversal(key: &str) -> Self {
        Self(format!("{OF_REVERSAL}{}", Fingerprint::of([key]).as_str()))
    }

    /// Whether a reversal added the lot.
    pub fn is_of_reversal(&self) -> bool {
        self.0.starts_with(OF_REVERSAL)
    }

    /// The payment that added it, if money came from a card: the prefix says so.
    pub fn purchase(&self) -> Option<PaymentId> {
        [PaymentKind::Purchase, PaymentKind::Recharge]
            .iter()
            .any(|kind| self.0.strip_prefix(kind.id_prefix()).is_some_and(|rest| rest.starts_with('_')))
            .then(|| PaymentId(self.0.clone()))
    }
}

/// What a key was used with: two requests with the same key must have the same fingerprint (S2, F3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Half a SHA-256 over the parts, each preceded by its length so that no two lists read alike.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let digest: [u8; 32] = hasher.finalize().into();
        let (half, _) = digest.split_first_chunk::<16>().expect("32 bytes have a first 16");
        Self(format!("{:032x}", u128::from_be_bytes(*half)))
    }

    /// As it was stored.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_say_what_they_expect() {
        assert!(AccountId::parse("contoso-eu.1").is_ok());
        for bad in ["", "a b", "a#b", "é", &"x".repeat(65)] {
            assert_eq!(
                AccountId::parse(bad).unwrap_err().to_string(),
                "expected 1 to 64 letters, digits, '-', '_' or '.'"
            );
        }
        assert!(RecordId::parse("1835317186_112562680@61.221.3.176").is_ok());
        assert!(RecordId::parse("a#1").is_err(), "keys are made of it");
    }

    #[test]
    fn s2_only_a_uuid_is_the_same_in_capitals_and_small_letters() {
        for (sent, kept) in [
            ("0F8FAD5B-D9CB-469F-A165-70867728950E", "0f8fad5b-d9cb-469f-a165-70867728950e"),
            ("0f8FAD5b-d9cb-469f-A165-70867728950e", "0f8fad5b-d9cb-469f-a165-70867728950e"),
            ("0F8FAD5B-D9CB-469F-A165-70867728950", "0F8FAD5B-D9CB-469F-A165-70867728950"),
            ("0F8FAD5B-D9CB-469F-A165-70867728950G", "0F8FAD5B-D9CB-469F-A165-70867728950G"),
            ("0F8FAD5BD9CB469FA16570867728950E", "0F8FAD5BD9CB469FA16570867728950E"),
            ("0F8FAD5BD-9CB-469F-A165-70867728950E", "0F8FAD5BD-9CB-469F-A165-70867728950E"),
            ("REC-1", "REC-1"),
        ] {
            assert_eq!(RecordId::sent(sent).unwrap().as_str(), kept);
        }
        let stored = RecordId::parse("0F8FAD5B-D9CB-469F-A165-70867728950E").unwrap();
        assert_eq!(stored.as_str(), "0F8FAD5B-D9CB-469F-A165-70867728950E", "older rows stay as they are");
    }

    #[test]
    fn f3_a_payment_is_named_by_account_kind_and_key() {
        let account = AccountId::parse("a").unwrap();
        let id = PaymentId::derive(&account, PaymentKind::Purchase, "k");
        assert_eq!(id, PaymentId::derive(&account, PaymentKind::Purchase, "k"));
        assert_ne!(id, PaymentId::derive(&account, PaymentKind::Adjustment, "k"));
        assert_ne!(id, PaymentId::derive(&AccountId::parse("b").unwrap(), PaymentKind::Purchase, "k"));
        assert!(id.as_str().starts_with("pur_") && id.as_str().len() == 36);
        assert_eq!(LotId::of(&id).purchase(), Some(id));
        assert_eq!(LotId::of(&PaymentId::derive(&account, PaymentKind::Adjustment, "k")).purchase(), None);
    }

    #[test]
    fn fingerprints_keep_parts_apart() {
        assert_ne!(Fingerprint::of(["ab", "c"]), Fingerprint::of(["a", "bc"]));
    }
}
