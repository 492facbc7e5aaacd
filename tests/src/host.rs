//! The one-machine host as a separate process: `host FOLDER` prints its address and runs until it is killed. `host FOLDER demo` begins
//! with the demo organizations.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use local::{Config, Host, ProcessorChoice, Storage};

/// The allocator of the host's own binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map(PathBuf::from).ok_or_else(|| anyhow::anyhow!("expected a folder"))?;
    let demo = arguments.next().is_some_and(|argument| argument == "demo");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let host = Host::start(Config {
        address,
        storage: Storage::Folder(folder),
        demo,
        processor: ProcessorChoice::default(),
    })
    .await?;
    println!("{}", host.url());
    tokio::signal::ctrl_c().await?;
    host.stop().await;
    Ok(())
}
