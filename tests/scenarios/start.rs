//! The error of a host that cannot start names the reason and the file or port.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use local::{Config, Host, ProcessorChoice, Storage};
use scenarios::World;

async fn refusal(address: SocketAddr, folder: &Path) -> String {
    let config = Config {
        address,
        storage: Storage::Folder(folder.to_owned()),
        demo: false,
        processor: ProcessorChoice::default(),
    };
    let error = Host::start(config).await.err().expect("it cannot start");
    format!("{error:#}")
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named() {
    let cases = [
        ("clock", "tomorrow", "holds no instant; without it, time is the machine's"),
        ("token-key", "short", "holds no key; without it a new one is made, and old tokens are refused"),
        ("database.sqlite", "sixteen bytes and more of no database", "cannot be opened"),
    ];
    for (name, content, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        let said = refusal(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), folder.path()).await;
        assert!(said.contains(&format!("{} {expected}", file.display())), "{said}");
    }
}

#[tokio::test]
async fn a_folder_with_the_secret_of_earlier_versions_gets_a_key() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("token-secret"), [7; 32]).unwrap();
    let world = World::on_disk(folder.path()).await;
    world.operator.get("/v1/accounts").await.expect(200);
    assert!(folder.path().join("token-key").exists());
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named() {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let folder = tempfile::tempdir().unwrap();

    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let said = refusal(any_port, &file).await;
    assert!(said.contains(&format!("the folder {} cannot be made", file.display())), "{said}");

    // A folder in the place of the file prevents even root from writing it.
    fs::create_dir(folder.path().join("lock")).unwrap();
    let said = refusal(any_port, folder.path()).await;
    assert!(said.contains(&format!("the folder {} cannot be written to", folder.path().display())), "{said}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let world = World::start().await;
    let address: SocketAddr = world.host.url().trim_start_matches("http://").parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let said = refusal(address, folder.path()).await;
    assert!(said.contains(&format!("{address} cannot be listened on; --port takes another")), "{said}");
}
