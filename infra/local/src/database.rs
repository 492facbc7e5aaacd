//! The embedded DynamoDB: dynoxide over a `SQLite` file (a sync per commit), served on loopback so that the
//! real SDK talks to it. It runs on threads of its own, since `SQLite` blocks.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use anyhow::anyhow;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents, SharedHttpClient,
};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_types::body::SdkBody;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::faults::Faults;
use crate::sqlite;
use crate::stream::Stream;

/// A database that runs until it is dropped.
pub struct Database {
    address: SocketAddr,
    engine: dynoxide::Database,
    stream: Stream,
    _stop: oneshot::Sender<()>,
}

impl Database {
    /// Opens a file, or a database in memory, and serves it.
    pub async fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        let place = sqlite::place(file);
        let cannot_be_opened = |problem: &dyn std::fmt::Display| {
            let name = file.map_or("in memory".to_owned(), |path| path.display().to_string());
            anyhow!("the database {name} cannot be opened: {problem}")
        };
        let database = dynoxide::Database::new(&place).map_err(|problem| cannot_be_opened(&problem))?;
        let stream = Stream::open(&place).map_err(|problem| cannot_be_opened(&problem))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let listener = listener.into_std()?;
        let engine = database.clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        thread::Builder::new().name("database".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).expect("a listener stays one");
                let served = dynoxide::server::serve_with_shutdown(listener, database, async {
                    let _ = stopped.await;
                });
                if let Err(problem) = served.await {
                    tracing::error!(problem, "the database's server ended");
                }
            });
        })?;
        Ok(Self { address, engine, stream, _stop: stop })
    }

    /// Where it is served, for clients in other processes.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The engine itself, for tests that fill a table faster than a client could.
    pub fn engine(&self) -> &dynoxide::Database {
        &self.engine
    }

    /// The stream of its `accounts`.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// A client over this HTTP client: real SDK, made-up credentials.
    pub fn client(&self, http: SharedHttpClient, faults: &Arc<Faults>) -> Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("local"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(self.url())
            .http_client(http)
            .interceptor(ForgetTokens { faults: faults.clone() });
        Client::from_conf(config.build())
    }
}

/// Sends transactions without their idempotency token. The engine remembers each token for ten minutes and goes
/// through all of them at every transaction, which at a thousand debits a second is soon all it does. A token
/// only serves a retry after a lost reply, and on loopback replies are lost on purpose only.
#[derive(Debug)]
struct ForgetTokens {
    faults: Arc<Faults>,
}

impl Intercept for ForgetTokens {
    fn name(&self) -> &'static str {
        "ForgetTokens"
    }

    // Once for all tries of a request: they must carry the same token.
    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.faults.any() {
            return Ok(());
        }
        let request = context.request_mut();
        let body = request.body().bytes().and_then(|bytes| std::str::from_utf8(bytes).ok());
        // The SDK writes it last, and makes one of its own where there is none.
        if let Some((before, _)) = body.and_then(|body| body.rsplit_once(r#","ClientRequestToken":""#)) {
            let body = format!("{before}}}");
            request.headers_mut().insert("content-length", body.len().to_string());
            *request.body_mut() = SdkBody::from(body);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};

    use super::*;
    use crate::faults::{Target, Wire};

    #[tokio::test]
    async fn a_transaction_is_sent_without_its_token() {
        let database = Database::open(None).await.unwrap();
        let faults = Arc::new(Faults::default());
        faults.start_record(Target::Database);
        // What looks like a token inside an item stays.
        let text = AttributeValue::S(r#","ClientRequestToken":"x""#.to_owned());
        let put = Put::builder().table_name("accounts").item("id", text).build().unwrap();
        let item = TransactWriteItem::builder().put(put).build();
        let client = database.client(Wire::shared(faults.clone(), Target::Database), &faults);
        let sent = client.transact_write_items().transact_items(item).send().await.unwrap_err();
        let code = sent.as_service_error().map(|error| error.is_resource_not_found_exception());
        assert_eq!(code, Some(true), "the engine could read it: {sent:?}");
        let expected = r#"{"TransactItems":[{"Put":{"Item":{"id":{"S":",\"ClientRequestToken\":\"x\""}},"TableName":"accounts"}}]}"#;
        assert_eq!(faults.take_record()[0].body, expected);
    }
}
