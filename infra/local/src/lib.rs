//! The one-machine host: the very functions that run on Lambda, in one process, over an embedded DynamoDB
//! that the real SDK talks to on loopback. For trying and developing: it charges no real card. Data survives
//! `kill -9`.
//!
//! | file | stands in for |
//! |---|---|
//! | [`database`] | DynamoDB: an embedded one, in a `SQLite` file |
//! | [`faults`] | a bad day: conflicts, throttling, lost replies, dead processes |
//! | [`gateway`] | API Gateway: HTTP in, genuine v2 events to the functions |
//! | [`tokens`] | the OIDC issuer and the JWT authorizer |
//! | [`functions`] | Lambda: which function answers what, with which ports |
//! | [`schedule`] | EventBridge Scheduler |
//! | [`clock`] | time, which can be set |
//! | [`local`] | what only this host has, under `/_local/` |
//! | [`demo`], [`page`] | something to look at |
//! | [`account_page`] | the portal, where links in mails lead |
//! | [`document`] | the API's `OpenAPI` document |

pub mod account_page;
mod account_view;
pub mod clock;
pub mod database;
pub mod demo;
pub mod document;
pub mod faults;
pub mod functions;
pub mod gateway;
pub mod local;
pub mod page;
pub mod schedule;
pub mod tokens;

use std::fs::{self, File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use clock::Clock;
use database::Database;
use faults::Faults;
use functions::Functions;
use schedule::Timetable;
use tokens::Tokens;

/// How to start a host.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 picks a free one.
    pub address: SocketAddr,
    /// Where data is kept.
    pub storage: Storage,
    /// Whether an empty store starts with the demo organization.
    pub demo: bool,
}

/// Where data is kept.
#[derive(Clone, Debug)]
pub enum Storage {
    /// Nowhere: it goes with the process.
    Memory,
    /// In a folder, which one host at a time may use.
    Folder(PathBuf),
}

impl Storage {
    fn file(&self, name: &str) -> Option<PathBuf> {
        match self {
            Self::Memory => None,
            Self::Folder(folder) => Some(folder.join(name)),
        }
    }
}

/// What the host's own routes work with.
#[derive(Clone)]
pub struct Machine {
    /// Time.
    pub clock: Arc<Clock>,
    /// Who may call.
    pub tokens: Arc<Tokens>,
    /// What answers.
    pub functions: Arc<Functions>,
    /// What goes wrong.
    pub faults: Arc<Faults>,
}

/// A host that runs.
pub struct Host {
    url: String,
    machine: Machine,
    server: JoinHandle<()>,
    schedules: JoinHandle<()>,
    database: Database,
    _lock: Option<File>,
}

impl Host {
    /// Starts it; once this returns, it answers.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let lock = lock_folder(&config.storage)?;
        let listener = TcpListener::bind(config.address)
            .await
            .with_context(|| format!("{} cannot be listened on; --port takes another", config.address))?;
        let url = format!("http://{}", listener.local_addr()?);

        let faults = Arc::new(Faults::default());
        let database = Database::open(config.storage.file("database.sqlite").as_deref()).await?;
        let functions = Functions::connect(&database, &faults, &url).await?;
        let machine = Machine {
            clock: Arc::new(Clock::open(config.storage.file("clock"))?),
            tokens: Arc::new(Tokens::open(config.storage.file("token-secret").as_deref(), &url)?),
            functions: Arc::new(functions),
            faults,
        };
        if config.demo {
            demo::set_up(&machine).await.context("the demo organization could not be set up")?;
        }
        // What fell due while the host was down is done before anybody is answered.
        let mut timetable = Timetable::new(machine.clone());
        timetable.look().await;
        let router = Router::new()
            .merge(gateway::router(&machine))
            .merge(local::router(&machine))
            .merge(page::router(&machine))
            .merge(account_page::router(&machine));
        let server = tokio::spawn(async move {
            if let Err(problem) = axum::serve(listener, router).await {
                tracing::error!(%problem, "the HTTP front ended");
            }
        });
        let schedules = tokio::spawn(timetable.run());
        Ok(Self { url, machine, server, schedules, database, _lock: lock })
    }

    /// Where it listens: `http://127.0.0.1:8080`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its parts, for tests that reach behind the API.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// What it keeps data in, for tests that reach behind the functions.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Stops it, after what is in flight.
    pub async fn stop(self) {
        self.schedules.abort();
        self.machine.functions.drain().await;
        self.server.abort();
    }
}

fn lock_folder(storage: &Storage) -> anyhow::Result<Option<File>> {
    let Storage::Folder(folder) = storage else { return Ok(None) };
    fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let lock = File::create(folder.join("lock"))
        .with_context(|| format!("the folder {} cannot be written to", folder.display()))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => bail!("another host uses the folder {}", folder.display()),
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("the folder {} cannot be locked", folder.display()));
        }
    }
    Ok(Some(lock))
}

/// Replaces a file whole, so that a crash leaves the old one or the new one.
fn replace_file(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, content)?;
    File::open(&new)?.sync_all()?;
    fs::rename(new, path)
}
