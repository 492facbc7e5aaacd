//! The `portal` function on AWS Lambda.

use std::convert::Infallible;
use std::sync::Arc;

use jiff::Timestamp;
use lambda::Function;
use lambda::aws::secret;
use lambda::settings::setting;
use lambda_http::Adapter;
use lambda_http::request::LambdaRequest;
use lambda_runtime::{Error, LambdaEvent, Service};
use portal::{Config, Portal, SessionKeys};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let router = portal::router(Portal::new(config_from_env().await?));
    let answer = async |event: LambdaEvent<LambdaRequest>| Adapter::from(router.clone()).call(event).await;
    let nothing_to_warm_up = async { Ok::<_, Infallible>(()) };
    function.run(nothing_to_warm_up, answer).await
}

/// The settings, from the environment and from the secrets that it names.
async fn config_from_env() -> Result<Config, Error> {
    let keys = secret(&setting("SESSION_KEYS_SECRET")?).await?;
    let client_secret = match std::env::var("OIDC_CLIENT_SECRET") {
        Ok(name) if !name.is_empty() => Some(secret(&name).await?),
        _ => None,
    };
    Ok(Config {
        url: without_slash(&setting("PORTAL_URL")?),
        api_url: without_slash(&setting("API_URL")?),
        issuer: setting("OIDC_ISSUER")?,
        client_id: setting("OIDC_CLIENT_ID")?,
        client_secret,
        scopes: setting("OIDC_SCOPES")?.split_whitespace().map(str::to_owned).collect(),
        keys: SessionKeys::parse(&keys)?,
        now: Arc::new(Timestamp::now),
        local: None,
    })
}

fn without_slash(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}
