//! A Postgres of its own on loopback, loaded by pgbench.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The folder of the SQL files.
const SQL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers");

pub(crate) struct Postgres {
    programs: PathBuf,
    port: u16,
    server: Child,
    folder: TempDir,
}

impl Postgres {
    /// Starts a new server with the settings of Debian's package, so that a commit waits for the disk.
    pub(crate) fn start() -> Self {
        let programs = programs();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        if is_root() {
            // Postgres does not run as root.
            succeed(Command::new("chown").arg("postgres:").arg(folder.path()));
        }
        let mut init = as_postgres(&programs.join("initdb"));
        succeed(
            init.args(["--auth=trust", "--username=postgres", "--pgdata"]).arg(&data).stdout(Stdio::null()),
        );
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = free.expect("a port is free").port();
        let mut server = as_postgres(&programs.join("postgres"));
        server.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        server.args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
            "-c",
            "max_wal_size=4GB",
        ]);
        let server = server.stderr(Stdio::null()).spawn().expect("the server starts");
        let postgres = Self { programs, port, server, folder };
        let begun = Instant::now();
        while !postgres
            .psql(&["-c", "SELECT 1"])
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|ready| ready.success())
        {
            assert!(begun.elapsed() < Duration::from_mins(1), "Postgres answers within a minute");
            sleep(Duration::from_millis(100));
        }
        postgres
    }

    pub(crate) fn url(&self) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// A folder on the disk that it writes to.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn client(&self, program: &str) -> Command {
        let mut client = Command::new(self.programs.join(program));
        client.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres"]);
        client
    }

    fn psql(&self, arguments: &[&str]) -> Command {
        let mut psql = self.client("psql");
        psql.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]).args(arguments).arg("postgres");
        psql
    }

    /// Runs an SQL file with these variables. Returns the time that it took.
    pub(crate) fn run(&self, file: &str, variables: &[(&str, usize)]) -> Duration {
        let mut psql = self.psql(&["--file", &format!("{SQL}/{file}")]);
        for (name, value) in variables {
            psql.args(["--set", &format!("{name}={value}")]);
        }
        let begun = Instant::now();
        succeed(psql.stdout(Stdio::null()));
        begun.elapsed()
    }

    /// Runs a statement until it answers `f`, each time as a transaction. Returns the time that it took.
    pub(crate) fn repeat(&self, statement: &str, times: usize) -> Duration {
        let mut psql = self.psql(&["--tuples-only", "--no-align"]);
        psql.args(["--command", statement].repeat(times));
        let begun = Instant::now();
        let output = psql.output().expect("psql runs");
        let took = begun.elapsed();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answers = String::from_utf8_lossy(&output.stdout);
        assert_eq!(answers.lines().last(), Some("f"), "nothing is left");
        took
    }

    /// Runs a script of pgbench for a time. Returns its transactions a second.
    pub(crate) fn load(&self, script: &str, clients: usize, accounts: usize, lasts: Duration) -> f64 {
        let mut pgbench = self.client("pgbench");
        pgbench.args(["--no-vacuum", "--protocol=prepared", "--file", &format!("{SQL}/{script}")]);
        pgbench.args(["--define", &format!("accounts={accounts}"), "--time", &lasts.as_secs().to_string()]);
        pgbench.args(["--client", &clients.to_string(), "--jobs", "1", "postgres"]);
        let output = pgbench.output().expect("pgbench runs");
        let report = String::from_utf8_lossy(&output.stdout);
        let rate =
            report.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        rate.unwrap_or_else(|| panic!("{report}{}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = Command::new("kill");
        // An interrupt ends it at once, with its processes.
        let _ = stop.args(["-INT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

/// The folder of the newest server's programs, where Debian puts them.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.map(|version| version.path().join("bin")).max();
    newest.filter(|programs| programs.join("initdb").exists()).expect("the package postgresql is installed")
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// A program of the server, as a user who may run it.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"])
        .arg(program)
        .current_dir("/");
    command
}

pub(crate) fn succeed(command: &mut Command) {
    let status = command.status().expect("the program runs");
    assert!(status.success(), "{command:?} ended with {status}");
}
