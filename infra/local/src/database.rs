//! The embedded DynamoDB: dynoxide over a `SQLite` file (a sync per commit), served on loopback so that the
//! real SDK talks to it. It runs on threads of its own, since `SQLite` blocks.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread;

use anyhow::anyhow;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeSerializationInterceptorContextMut;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents, SharedHttpClient,
};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsInput;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A database that runs until it is dropped.
pub struct Database {
    address: SocketAddr,
    engine: dynoxide::Database,
    _stop: oneshot::Sender<()>,
}

impl Database {
    /// Opens a file, or a database in memory, and serves it.
    pub async fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        let database = match file {
            Some(path) => dynoxide::Database::new(&path.to_string_lossy()),
            None => dynoxide::Database::memory(),
        };
        let database = database.map_err(|problem| {
            let name = file.map_or("in memory".to_owned(), |path| path.display().to_string());
            anyhow!("the database {name} cannot be opened: {problem}")
        })?;
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
        Ok(Self { address, engine, _stop: stop })
    }

    /// The engine itself, for tests that fill a table faster than a client could.
    pub fn engine(&self) -> &dynoxide::Database {
        &self.engine
    }

    /// A client over this HTTP client: real SDK, made-up credentials.
    pub fn client(&self, http: SharedHttpClient) -> Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("local"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(format!("http://{}", self.address))
            .http_client(http)
            .interceptor(ForgetTokens);
        Client::from_conf(config.build())
    }
}

/// Sends transactions without their idempotency token. The engine remembers each token for ten minutes and goes
/// through all of them at every transaction, which at a thousand debits a second is soon all it does. A token
/// serves a retry after a lost reply, which then has to be told apart by what it wrote, as from another process.
#[derive(Debug)]
struct ForgetTokens;

impl Intercept for ForgetTokens {
    fn name(&self) -> &'static str {
        "ForgetTokens"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(transaction) = context.input_mut().downcast_mut::<TransactWriteItemsInput>() {
            transaction.client_request_token = None;
        }
        Ok(())
    }
}
