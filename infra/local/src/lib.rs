//! The one-machine host: the very functions that run on Lambda, in one process, over an embedded DynamoDB
//! that the real SDK talks to on loopback. For trying and developing: it charges no real card. Data survives
//! `kill -9`.
//!
//! | file | stands in for |
//! |---|---|
//! | [`database`] | DynamoDB: an embedded one, in a `SQLite` file |
//! | [`stream`] | its stream, and the mapping to `publish` |
//! | [`aws`] | the endpoint of EventBridge, SES and S3 |
//! | [`queues`] | EventBridge's rules, and SQS |
//! | [`mail`] | SES: a mailbox |
//! | [`bucket`] | S3: the bucket of undelivered records |
//! | [`faults`] | a bad day: conflicts, throttling, lost replies, dead processes |
//! | `browsers` | no AWS service: it refuses requests that other web sites send |
//! | [`gateway`] | API Gateway: HTTP in, genuine v2 events to the functions |
//! | [`tokens`] | the OIDC issuer and the JWT authorizer |
//! | [`functions`] | Lambda: which function answers what, with which ports |
//! | [`schedule`] | EventBridge Scheduler |
//! | [`clock`] | time, which can be set |
//! | [`local`] | what only this host has, under `/_local/` |
//! | [`demo`], [`page`] | something to look at |
//! | [`account_page`] | the portal, where links in mails lead |
//! | [`document`], [`events`] | the API's `OpenAPI` document, the events' JSON Schema |

pub mod account_page;
mod account_view;
pub mod aws;
mod browsers;
pub mod bucket;
pub mod clock;
pub mod database;
pub mod demo;
pub mod deployment;
pub mod document;
pub mod events;
pub mod faults;
pub mod functions;
pub mod gateway;
pub mod local;
pub mod mail;
pub mod page;
pub mod queues;
pub mod schedule;
mod sqlite;
pub mod stream;
pub mod tokens;

use std::fs::{self, File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::{Router, middleware};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use aws::Aws;
use bucket::Bucket;
use clock::Clock;
use database::Database;
use faults::Faults;
use functions::Functions;
use mail::Mailbox;
use queues::Queues;
use schedule::Timetable;
use stream::Stream;
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
    /// What is told.
    pub stream: Stream,
    /// Who is told.
    pub queues: Arc<Queues>,
    /// Mails.
    pub mailbox: Arc<Mailbox>,
    /// Undelivered records.
    pub bucket: Arc<Bucket>,
}

/// How often it is looked whether everything is done.
const LOOK_EVERY: Duration = Duration::from_millis(10);

impl Machine {
    /// Waits until everything in flight is done, and what follows from it: runs, what the stream has to tell, and
    /// messages of queues, those that come back later included. Dead letters wait for somebody.
    pub async fn drain(&self) -> anyhow::Result<()> {
        loop {
            let begun = self.functions.begun();
            self.functions.land().await;
            let quiet = !self.stream.is_behind().await? && !self.queues.are_busy().await?;
            // A run that began meanwhile may have written what was looked at before.
            if quiet && self.functions.begun() == begun {
                return Ok(());
            }
            self.functions.wake();
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// A host that runs.
pub struct Host {
    url: String,
    machine: Machine,
    server: JoinHandle<()>,
    schedules: JoinHandle<()>,
    deliveries: [JoinHandle<()>; 2],
    stop_deliveries: watch::Sender<bool>,
    aws: Aws,
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
        let clock = Arc::new(Clock::open(config.storage.file("clock"))?);
        let queues = config.storage.file("queues.sqlite");
        let (queues, mailbox, bucket) = open_queues(queues.as_deref(), &clock)?;
        let aws = Aws::serve(queues.clone(), mailbox.clone(), bucket.clone(), faults.clone()).await?;
        let functions = Functions::connect(&database, &aws, &faults, clock.clone(), &url).await?;
        let machine = Machine {
            clock,
            tokens: Arc::new(Tokens::open(config.storage.file("token-secret").as_deref(), &url)?),
            functions: Arc::new(functions),
            faults,
            stream: database.stream().clone(),
            queues,
            mailbox,
            bucket,
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
            .merge(account_page::router(&machine))
            .layer(middleware::from_fn(browsers::keep_out));
        let server = tokio::spawn(async move {
            if let Err(problem) = axum::serve(listener, router).await {
                tracing::error!(%problem, "the HTTP front ended");
            }
        });
        let schedules = tokio::spawn(timetable.run());
        let (stop_deliveries, stop) = watch::channel(false);
        let deliveries = [
            tokio::spawn(machine.stream.clone().run(
                machine.functions.clone(),
                machine.bucket.clone(),
                stop.clone(),
            )),
            tokio::spawn(machine.queues.clone().run(machine.functions.clone(), stop)),
        ];
        Ok(Self { url, machine, server, schedules, deliveries, stop_deliveries, aws, database, _lock: lock })
    }

    /// Where it listens: `http://127.0.0.1:8080`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its parts, for tests that reach behind the API.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// What its functions call besides, for tests that call it themselves.
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// What it keeps data in, for tests that reach behind the functions.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Stops it, after what is in flight. What has not been told or delivered yet is when it starts again.
    pub async fn stop(self) {
        self.schedules.abort();
        self.machine.functions.land().await;
        self.stop_deliveries.send_replace(true);
        for delivery in self.deliveries {
            if let Err(panic) = delivery.await {
                tracing::error!(%panic, "the stream or the queues ended");
            }
        }
        self.machine.functions.land().await;
        self.server.abort();
    }
}

type OnTheWay = (Arc<Queues>, Arc<Mailbox>, Arc<Bucket>);

fn open_queues(file: Option<&Path>, clock: &Arc<Clock>) -> anyhow::Result<OnTheWay> {
    let open = || {
        let queues = Queues::open(file, clock.clone())?;
        let (mailbox, bucket) = (Mailbox::open(file, clock.clone())?, Bucket::open(file, clock.clone())?);
        Ok::<_, rusqlite::Error>((Arc::new(queues), Arc::new(mailbox), Arc::new(bucket)))
    };
    open().with_context(|| {
        let name = file.map_or("in memory".to_owned(), |path| path.display().to_string());
        format!("the queues {name} cannot be opened")
    })
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
