//! Verifying what Stripe delivers: each delivery has the header `Stripe-Signature: t=…,v1=…`, an HMAC-SHA256 of the instant and the
//! raw body under the endpoint's secret. Source: Stripe's documentation, "Verify webhook signatures manually".

use std::fmt;

use aws_lc_rs::hmac;
use jiff::{SignedDuration, Timestamp};

use crate::event::Event;

/// A signature that is older is not accepted, so that a recorded delivery cannot be sent again much later.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The secret of a webhook endpoint (`whsec_…`). It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointSecret(String);

impl EndpointSecret {
    /// The secret of this text. Spaces and line ends around it are dropped.
    pub fn new(secret: &str) -> Self {
        Self(secret.trim().to_owned())
    }

    /// The value of the header that signs a body at an instant.
    pub fn sign(&self, body: &[u8], at: Timestamp) -> String {
        let at = at.as_second();
        let tag = hmac::sign(&self.key(), &signed(&at.to_string(), body));
        format!("t={at},v1={}", hex::encode(tag))
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes())
    }
}

impl fmt::Debug for EndpointSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndpointSecret(…)")
    }
}

/// A delivery that is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Unverified {
    /// The header is missing, or is not of the form `t=…,v1=…`.
    #[error("expected a header Stripe-Signature of the form t=…,v1=…")]
    Header,
    /// No signature is of this body under one of the secrets.
    #[error("no signature in the header Stripe-Signature matches the body")]
    Signature,
    /// The signature matches, and is older than [`TOLERANCE`].
    #[error("the signature in the header Stripe-Signature is older than 5 minutes")]
    Old,
    /// The signature matches, and the body is not an event.
    #[error("the body is not an event")]
    Body(#[source] serde_json::Error),
}

/// The event of a delivery, if one of the secrets has signed it. While a secret is changed there are two.
pub fn verified_event(
    body: &[u8],
    header: Option<&str>,
    secrets: &[EndpointSecret],
    now: Timestamp,
) -> Result<Event, Unverified> {
    let parts = || header.unwrap_or_default().split(',').filter_map(|part| part.trim().split_once('='));
    let named =
        |wanted: &'static str| parts().filter(move |(name, _)| *name == wanted).map(|(_, value)| value);
    let at = named("t").next().ok_or(Unverified::Header)?;
    let seconds = at.parse().map_err(|_| Unverified::Header)?;
    let signed_at = Timestamp::from_second(seconds).map_err(|_| Unverified::Header)?;
    let signatures: Vec<_> = named("v1").collect();
    if signatures.is_empty() {
        return Err(Unverified::Header);
    }
    let message = signed(at, body);
    let matches = |secret: &EndpointSecret| {
        let key = secret.key();
        // The comparison takes the same time wherever they differ.
        let mut tags = signatures.iter().filter_map(|signature| hex::decode(signature).ok());
        tags.any(|tag| hmac::verify(&key, &message, &tag).is_ok())
    };
    // Anybody can sign with an empty secret.
    if !secrets.iter().filter(|secret| !secret.0.is_empty()).any(matches) {
        return Err(Unverified::Signature);
    }
    if now.duration_since(signed_at) > TOLERANCE {
        return Err(Unverified::Old);
    }
    serde_json::from_slice(body).map_err(Unverified::Body)
}

fn signed(at: &str, body: &[u8]) -> Vec<u8> {
    [at.as_bytes(), b".", body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] =
        br#"{"id": "evt_1", "type": "charge.refunded", "livemode": false, "created": 1, "data": {"object": {"id": "ch_1"}}}"#;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn secret() -> EndpointSecret {
        EndpointSecret::new("whsec_one")
    }

    fn verified(header: &str, now: i64) -> Result<Event, Unverified> {
        verified_event(BODY, Some(header), &[secret()], at(now))
    }

    #[test]
    fn a_signed_event_is_read() {
        let event = verified(&secret().sign(BODY, at(1_000)), 1_300).unwrap();
        assert_eq!((event.id.as_str(), event.kind.as_str()), ("evt_1", "charge.refunded"));
    }

    /// Signed by Python: `hmac.new(b"whsec_one", b"1000." + body, "sha256")`.
    #[test]
    fn the_signature_is_the_one_that_others_compute() {
        let body = br#"{"id": "evt_1"}"#;
        let header = secret().sign(body, at(1_000));
        assert_eq!(header, "t=1000,v1=688ae9ab79485b73a1a667ead3b2295a54240e184b4929c59ec76de40dd5f491");
    }

    #[test]
    fn while_secrets_change_both_are_accepted() {
        let (old, new) = (secret(), EndpointSecret::new("whsec_two"));
        let secrets = [new.clone(), old.clone()];
        for signer in [&old, &new] {
            let header = signer.sign(BODY, at(1_000));
            assert!(verified_event(BODY, Some(&header), &secrets, at(1_000)).is_ok());
        }
        // Stripe signs with both, and one of them is known here.
        let (first, second) = (new.sign(BODY, at(1_000)), old.sign(BODY, at(1_000)));
        let both = format!("{first},{}", second.split_once(',').unwrap().1);
        assert!(verified_event(BODY, Some(&both), &[old], at(1_000)).is_ok());
    }

    #[test]
    fn another_body_or_secret_is_refused() {
        let header = secret().sign(b"{}", at(1_000));
        assert!(matches!(verified(&header, 1_000), Err(Unverified::Signature)));
        let header = EndpointSecret::new("whsec_two").sign(BODY, at(1_000));
        assert!(matches!(verified(&header, 1_000), Err(Unverified::Signature)));
        let moved = secret().sign(BODY, at(1_000)).replace("t=1000", "t=2000");
        assert!(matches!(verified(&moved, 2_000), Err(Unverified::Signature)));
    }

    #[test]
    fn an_empty_secret_signs_nothing() {
        let empty = EndpointSecret::new("\n");
        let header = empty.sign(BODY, at(1_000));
        let result = verified_event(BODY, Some(&header), &[empty, secret()], at(1_000));
        assert!(matches!(result, Err(Unverified::Signature)));
    }

    #[test]
    fn an_old_signature_is_refused() {
        let header = secret().sign(BODY, at(1_000));
        assert!(matches!(verified(&header, 1_301), Err(Unverified::Old)));
    }

    #[test]
    fn other_headers_are_refused() {
        let signed = secret().sign(BODY, at(1_000));
        let v0 = signed.replace("v1", "v0");
        for header in ["", "t=1000", "v1=00", "t=soon,v1=00", v0.as_str()] {
            assert!(matches!(verified(header, 1_000), Err(Unverified::Header)), "{header}");
        }
        for header in ["t=1000,v1=0", "t=1000,v1=é0", "t=1000,v1=+1+1"] {
            assert!(matches!(verified(header, 1_000), Err(Unverified::Signature)), "{header}");
        }
        assert!(matches!(verified_event(BODY, None, &[secret()], at(1_000)), Err(Unverified::Header)));
    }

    #[test]
    fn a_signed_body_that_is_no_event_is_refused() {
        let header = secret().sign(b"[]", at(1_000));
        let result = verified_event(b"[]", Some(&header), &[secret()], at(1_000));
        assert!(matches!(result, Err(Unverified::Body(_))));
    }
}
