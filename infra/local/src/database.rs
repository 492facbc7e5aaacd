//! The embedded DynamoDB: dynoxide over a `SQLite` file, with a sync for each commit. The functions of this process call it
//! without a network (`engine.rs`); it is also served on loopback, for functions that run as processes of their own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use anyhow::anyhow;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, SharedHttpClient};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::faults::{Faults, Target, Watched, Wire};
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
                let listener = TcpListener::from_std(listener).expect("the listener is open");
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

    /// The URL that it is served at, for clients in other processes.
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

    /// A client of the real SDK over the engine, with these faults in between.
    pub fn client(&self, faults: &Arc<Faults>) -> Client {
        client(self.wire(faults))
    }

    /// A client with these faults in between, whose calls are those of the process that a test watches.
    pub fn watched_client(&self, faults: &Arc<Faults>) -> Client {
        client(SharedHttpClient::new(Watched(self.wire(faults))))
    }

    fn wire(&self, faults: &Arc<Faults>) -> SharedHttpClient {
        Wire::over(self.http(faults.clone()), faults.clone(), Target::Database)
    }

    fn http(&self, faults: Arc<Faults>) -> SharedHttpClient {
        SharedHttpClient::new(Engine::new(self.engine.clone(), self.stream.clone(), faults))
    }

    /// A client of the real SDK over the engine, without faults.
    pub fn steady_client(&self) -> Client {
        client(self.http(Arc::default()))
    }
}

fn client(http: SharedHttpClient) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("local"))
        .allow_no_auth()
        .http_client(http);
    Client::from_conf(config.build())
}
