//! The configuration that all clients of AWS's services share: region, credentials and endpoints from the environment, and
//! one HTTP client, so that they share its connections. Secrets are read here, too.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use lambda_runtime::Error;
use tokio::sync::OnceCell;

/// The root certificates that AWS's endpoints chain to, as Mozilla publishes them. Reading all 150 of Lambda's image would add over a
/// millisecond to each start. Source: Amazon Trust Services, "Repository".
const ROOTS: &[u8] = include_bytes!("roots.pem");

/// Variables of the environment that name other root certificates. If one is set, those are read.
const OTHER_ROOTS: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The configuration, which is made once in a process.
pub async fn config() -> &'static SdkConfig {
    static CONFIG: OnceCell<SdkConfig> = OnceCell::const_new();
    CONFIG
        .get_or_init(async || {
            let config = aws_config::defaults(BehaviorVersion::v2026_01_12());
            let has_other_roots = OTHER_ROOTS.iter().any(|name| std::env::var_os(name).is_some());
            if has_other_roots { config } else { config.http_client(client()) }.load().await
        })
        .await
}

/// The text of a secret in Secrets Manager.
///
/// # Errors
///
/// The secret cannot be read, or has no text.
pub async fn secret(name: &str) -> Result<String, Error> {
    let client = aws_sdk_secretsmanager::Client::new(config().await);
    let answer = client.get_secret_value().secret_id(name).send().await?;
    Ok(answer.secret_string.ok_or_else(|| format!("the secret {name} has no text"))?)
}

fn client() -> SharedHttpClient {
    let roots = TrustStore::empty().with_pem_certificate(ROOTS);
    let tls = TlsContext::builder().with_trust_store(roots).build().expect("the certificates are valid");
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(tls).build_https()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    use sha2::{Digest, Sha256};

    use super::*;

    /// The SHA-256 fingerprints of Amazon Root CA 1 to 4 and Starfield Services Root Certificate Authority – G2.
    /// Source: Amazon Trust Services, "Repository".
    const PUBLISHED: [&str; 5] = [
        "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
        "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
        "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
        "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
    ];

    #[test]
    fn the_root_certificates_are_those_that_amazon_publishes() {
        let hex = |bytes: &[u8]| {
            bytes.iter().fold(String::new(), |mut hex, byte| {
                write!(hex, "{byte:02x}").expect("a text takes everything");
                hex
            })
        };
        let found = CertificateDer::pem_slice_iter(ROOTS)
            .map(|certificate| hex(&Sha256::digest(certificate.expect("a certificate"))));
        assert_eq!(found.collect::<Vec<_>>(), PUBLISHED);
    }

    #[tokio::test]
    async fn a_client_that_trusts_them_can_be_made() {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(aws_sdk_dynamodb::config::Region::new("local"))
            .allow_no_auth()
            .http_client(client())
            // Nothing listens there. The connection fails after its settings for TLS are made.
            .endpoint_url("https://127.0.0.1:1");
        let error =
            aws_sdk_dynamodb::Client::from_conf(config.build()).list_tables().send().await.unwrap_err();
        assert!(matches!(error, aws_sdk_dynamodb::error::SdkError::DispatchFailure(_)), "{error:?}");
    }
}
