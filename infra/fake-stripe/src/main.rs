//! The fake as a program of its own: it prints its URL, and ends with Ctrl-C.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use fake_stripe::{Endpoint, Fake, Options, Policy};

/// A fake of Stripe's HTTP API. Listens on 127.0.0.1 only.
#[derive(Parser)]
struct Arguments {
    /// The port; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Keep the objects in this file. Without it, they are lost when the process ends.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A key that is accepted; can be repeated. If there is none, every test key is accepted.
    #[arg(long = "key", value_name = "sk_test_…")]
    keys: Vec<String>,
    /// Where events are sent.
    #[arg(long, value_name = "URL", requires = "secrets")]
    webhook: Option<String>,
    /// A secret that deliveries are signed with; can be repeated.
    #[arg(long = "webhook-secret", value_name = "whsec_…")]
    secrets: Vec<String>,
    /// Deliver each event at once, and not only by request.
    #[arg(long)]
    deliver: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let secrets = arguments.secrets;
    let options = Options {
        port: arguments.port,
        file: arguments.file,
        keys: arguments.keys,
        webhook: arguments.webhook.map(|url| Endpoint { url, secrets }),
        policy: Policy { automatic: arguments.deliver, ..Policy::default() },
        ..Options::default()
    };
    let fake = Fake::start(options).await.context("the fake could not start")?;
    println!("{}", fake.url());
    tokio::signal::ctrl_c().await?;
    Ok(())
}
