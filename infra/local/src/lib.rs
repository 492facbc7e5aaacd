//! The one-machine host: the same functions that run on Lambda, in one process, over an embedded DynamoDB that they call
//! with the real SDK. It is for trying and developing, and charges no real card. Data survives `kill -9`.
//!
//! | file | stands in for |
//! |---|---|
//! | [`database`] | DynamoDB: an embedded one, in a `SQLite` file |
//! | [`stream`] | its stream, and the mapping to `publish` |
//! | [`aws`] | the endpoint of EventBridge, SQS, SES and S3 |
//! | [`queues`] | EventBridge's rules, and SQS |
//! | [`mail`] | SES: a mailbox |
//! | [`bucket`] | S3: the bucket of undelivered records |
//! | [`faults`] | failures: conflicts, throttling, lost replies, dead processes |
//! | `browsers` | no AWS service: it refuses requests that other web sites send |
//! | [`gateway`] | API Gateway: HTTP in, genuine v2 events to the functions |
//! | [`tokens`] | the JWT authorizer, and the keys of the issuer |
//! | [`issuer`], [`people`] | the OpenID Connect issuer, and the people it signs in |
//! | [`functions`] | Lambda: invokes the functions, each with its ports |
//! | [`schedule`] | EventBridge Scheduler |
//! | [`clock`] | the clock, which can be set |
//! | [`local`] | no AWS service: the routes that only this host has, under `/_local/` |
//! | [`card_pages`] | the card processor's own pages |
//! | [`demo`], [`page`] | no AWS service: the demo organizations, and the pages for developers |
//! | `portal_site` | no AWS service: the portal's own routes, with its settings for this host |
//! | [`document`], [`events`] | no AWS service: the API's `OpenAPI` document and the events' JSON Schema |

pub mod aws;
mod browsers;
pub mod bucket;
pub mod card_pages;
mod charges;
pub mod clock;
pub mod database;
pub mod demo;
pub mod deployment;
pub mod document;
mod engine;
pub mod events;
pub mod faults;
pub mod functions;
pub mod gateway;
pub mod issuer;
pub mod local;
pub mod mail;
pub mod page;
pub mod people;
mod portal_site;
pub mod queues;
pub mod schedule;
mod sqlite;
pub mod stream;
mod stripe;
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

use ::stripe::SecretKey;
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
use stripe::Stripe;
use tokens::Tokens;

/// How to start a host.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address to listen on. Port 0 picks a free port.
    pub address: SocketAddr,
    /// Where data is kept.
    pub storage: Storage,
    /// Whether an empty store starts with the demo organizations.
    pub demo: bool,
    /// The card processor.
    pub processor: ProcessorChoice,
}

/// The card processor of a host.
#[derive(Clone, Debug, Default)]
pub enum ProcessorChoice {
    /// The sandbox, in this process.
    #[default]
    Sandbox,
    /// A fake of Stripe's API on 127.0.0.1, which the host starts, reached as Stripe itself is.
    Fake,
    /// Stripe in test mode.
    Stripe {
        /// A test key.
        key: SecretKey,
        /// The secret that its messages are signed with.
        webhook_secret: Option<String>,
    },
}

/// Where data is kept.
#[derive(Clone, Debug)]
pub enum Storage {
    /// In memory: it is lost when the process ends.
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

/// The parts of the host that its routes use.
#[derive(Clone)]
pub struct Machine {
    /// The clock.
    pub clock: Arc<Clock>,
    /// The signer and authorizer of tokens.
    pub tokens: Arc<Tokens>,
    /// The functions.
    pub functions: Arc<Functions>,
    /// The faults that are injected.
    pub faults: Arc<Faults>,
    /// The stream of `accounts`.
    pub stream: Stream,
    /// The queues of events and of finished calls.
    pub queues: Arc<Queues>,
    /// The mails that were sent.
    pub mailbox: Arc<Mailbox>,
    /// The bucket of undelivered records.
    pub bucket: Arc<Bucket>,
}

/// How often `drain` checks whether everything is done.
const LOOK_EVERY: Duration = Duration::from_millis(10);

impl Machine {
    /// Waits until everything in flight is done, and all that follows from it: runs, records of the stream, and messages of
    /// queues, including those that come back later. Dead letters do not count.
    pub async fn drain(&self) -> anyhow::Result<()> {
        loop {
            let begun = self.functions.begun();
            self.functions.land().await;
            let quiet = !self.stream.is_behind().await? && !self.queues.are_busy().await?;
            // A run that began meanwhile may have written after the checks.
            if quiet && self.functions.begun() == begun {
                return Ok(());
            }
            self.stream.wake();
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// A running host.
pub struct Host {
    url: String,
    machine: Machine,
    server: JoinHandle<()>,
    schedules: JoinHandle<()>,
    deliveries: [JoinHandle<()>; 2],
    stop_deliveries: watch::Sender<bool>,
    aws: Aws,
    database: Database,
    stripe: Option<Stripe>,
    _lock: Option<File>,
}

impl Host {
    /// Starts the host. Once this returns, the host answers requests.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let lock = lock_folder(&config.storage)?;
        demo::discard_unfinished(&config.storage)?;
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
        let stripe = match &config.processor {
            ProcessorChoice::Sandbox => None,
            ProcessorChoice::Fake => Some(Stripe::fake(&config.storage, &url, clock.clone()).await?),
            ProcessorChoice::Stripe { key, webhook_secret } => {
                Some(Stripe::real(key.clone(), webhook_secret.clone()))
            }
        };
        let functions =
            Functions::connect(&database, &aws, &faults, clock.clone(), &url, stripe.as_ref()).await?;
        let machine = Machine {
            clock,
            tokens: Arc::new(Tokens::open(config.storage.file("token-key").as_deref(), &issuer::url(&url))?),
            functions: Arc::new(functions),
            faults,
            stream: database.stream().clone(),
            queues,
            mailbox,
            bucket,
        };
        if config.demo {
            let made = demo::set_up(&machine, &config.storage).await;
            made.context("the demo organizations could not be made")?;
        }
        // Schedules that fell due while the host was down run before the first request is answered.
        let mut timetable = Timetable::new(machine.clone());
        timetable.look().await;
        let portal = portal_site::router(&machine, &url, config.storage.file("session-key").as_deref())?;
        let router = Router::new()
            .merge(gateway::router(&machine))
            .merge(local::router(&machine))
            .merge(card_pages::router(&machine))
            .merge(issuer::router(machine.tokens.clone(), &url))
            .merge(page::router(&machine))
            .fallback_service(portal)
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
        Ok(Self {
            url,
            machine,
            server,
            schedules,
            deliveries,
            stop_deliveries,
            aws,
            database,
            stripe,
            _lock: lock,
        })
    }

    /// The URL that it listens at, such as `http://127.0.0.1:8080`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its parts, for tests that reach behind the API.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The endpoint of EventBridge, SQS, SES and S3, for tests that call it themselves.
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// The address of Stripe's API, if the host uses it: of a fake, or Stripe's own.
    pub fn stripe(&self) -> Option<&str> {
        self.stripe.as_ref().map(Stripe::url)
    }

    /// The database, for tests that reach behind the functions.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Stops the host after the runs in flight. Events that are not published or delivered yet are so when it starts again.
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

/// Replaces a file as a whole, so that a crash leaves either the old file or the new one.
fn replace_file(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, content)?;
    File::open(&new)?.sync_all()?;
    fs::rename(new, path)
}
