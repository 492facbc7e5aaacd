//! `cargo run`: the whole product on one machine, with demo organizations and a portal.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use local::{Config, Host, ProcessorChoice, Storage, deployment, document, events};
use stripe::SecretKey;

/// The embedded database allocates much and from several threads; the system's allocator slows down as its heap
/// gets fragmented.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Communications Credits on one machine: the API, an embedded database, a sandbox card processor and a token
/// issuer. Listens on 127.0.0.1 only.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The port; 0 picks a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where data is kept.
    #[arg(long, value_name = "DIR", default_value = "communications-credits-data")]
    data: PathBuf,
    /// Keep data in memory only.
    #[arg(long, conflicts_with = "data")]
    in_memory: bool,
    /// Leave the demo organizations out.
    #[arg(long)]
    no_demo: bool,
    /// The card processor.
    #[arg(long, value_enum, default_value_t)]
    processor: ProcessorName,
    #[command(flatten)]
    print: Print,
}

/// A card processor.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ProcessorName {
    /// A processor with test cards and pages of its own.
    #[default]
    Sandbox,
    /// A fake of Stripe's API, which the host starts.
    Fake,
    /// Stripe, with the test key in `STRIPE_SECRET_KEY`, and with the secret of its webhook in `STRIPE_WEBHOOK_SECRET`, if there is one.
    Stripe,
}

impl ProcessorName {
    fn choice(self) -> anyhow::Result<ProcessorChoice> {
        match self {
            Self::Sandbox => Ok(ProcessorChoice::Sandbox),
            Self::Fake => Ok(ProcessorChoice::Fake),
            Self::Stripe => {
                let key = std::env::var("STRIPE_SECRET_KEY").context("STRIPE_SECRET_KEY has no key")?;
                let key = SecretKey::new(&key);
                anyhow::ensure!(
                    !key.is_live(),
                    "STRIPE_SECRET_KEY is no test key, and this host is for trying"
                );
                let webhook_secret = std::env::var("STRIPE_WEBHOOK_SECRET").ok();
                Ok(ProcessorChoice::Stripe { key, webhook_secret })
            }
        }
    }
}

/// The document to print instead of running the host.
#[derive(clap::Args)]
struct Print {
    /// Print the API's document and leave.
    #[arg(long)]
    print_openapi: bool,
    /// Print the events' JSON Schema and leave.
    #[arg(long)]
    print_event_schema: bool,
    /// Print the tables and the events of queues that a deployment must have, and leave.
    #[arg(long)]
    print_deployment: bool,
}

/// The log's filter, unless `RUST_LOG` sets one. Below the level of errors, the database reports every refused condition,
/// such as a lost race or a record that was sent twice.
const LOG: &str = "warn,dynoxide=error";

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    if arguments.print.print_openapi {
        println!("{}", document::openapi().to_pretty_json()?);
        return Ok(());
    }
    if arguments.print.print_event_schema {
        println!("{:#}", events::schema());
        return Ok(());
    }
    if arguments.print.print_deployment {
        println!("{:#}", deployment::deployment());
        return Ok(());
    }
    let level = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(LOG));
    tracing_subscriber::fmt().with_env_filter(level).with_writer(std::io::stderr).init();

    let storage = if arguments.in_memory { Storage::Memory } else { Storage::Folder(arguments.data) };
    let config = Config {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port)),
        storage,
        demo: !arguments.no_demo,
        processor: arguments.processor.choice()?,
    };
    let host = Host::start(config).await.context("the host could not start")?;
    println!("Communications Credits is at {}", host.url());
    if let Some(stripe) = host.stripe() {
        println!("Cards are charged through {stripe}");
    }
    println!("Its API is described at {}/openapi.json; stop it with Ctrl-C.", host.url());
    tokio::signal::ctrl_c().await?;
    host.stop().await;
    Ok(())
}
