//! The one-machine host as a process of its own, the load on it, and its engine alone.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dynoxide::Database;
use dynoxide::actions::transact_write_items::TransactWriteItemsRequest;
use dynoxide::types::AttributeValue;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use scenarios::{Api, World};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::MANY;
use crate::client::{self, Client};

pub(crate) struct Host {
    operator: Api,
    target: client::Target,
    next: Arc<AtomicU64>,
    /// A transaction of a single debit and one of 99, for the engine.
    samples: [Value; 2],
    process: Child,
    folder: TempDir,
}

impl Host {
    /// Starts a host on disk with accounts that have funds, and with accounts whose lots expired.
    pub(crate) async fn start((swept, lots_each): (usize, usize)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let samples = prepare(folder.path(), swept, lots_each).await;
        let mut process = Command::new(env!("CARGO_BIN_EXE_host"))
            .arg(folder.path())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the host's program runs");
        let output = process.stdout.take().expect("its output is a pipe");
        let url = BufReader::new(output).lines().next_line().await.expect("it prints").expect("its address");
        let token = Api::new(&url, "").post("/_local/token", json!({ "role": "operator" })).await.expect(200);
        let token = token["token"].as_str().expect("a token").to_owned();
        let operator = Api::new(&url, &token);
        let target = client::Target { authority: url.replace("http://", ""), token };
        Self { operator, target, next: Arc::default(), samples, process, folder }
    }

    /// Sends debits for a time. Returns the debits a second.
    pub(crate) async fn load(&self, clients: usize, accounts: usize, batch: usize, lasts: Duration) -> f64 {
        let begun = Instant::now();
        let clients = (0..clients).map(|client| {
            let (target, next) = (self.target.clone(), self.next.clone());
            tokio::spawn(async move {
                let send = async |mut connected: Client| {
                    let (mut done, mut number) = (0, client);
                    while begun.elapsed() < lasts {
                        let records: Vec<_> = (0..batch).map(|_| record(&next)).collect();
                        connected.debit(&account(number % accounts), &records).await;
                        done += batch;
                        number += 1;
                    }
                    done
                };
                target.connected(send).await
            })
        });
        let done: usize = join_all(clients).await.into_iter().map(|done| done.expect("a client ends")).sum();
        done as f64 / begun.elapsed().as_secs_f64()
    }

    /// Sends batches of debits until there are this many more entries.
    pub(crate) async fn fill(&self, entries: usize) {
        let clients = (0..MANY).map(async |number| {
            let send = async |mut client: Client| {
                for _ in 0..entries.div_ceil(MANY * 990) {
                    let records: Vec<_> = (0..990).map(|_| record(&self.next)).collect();
                    client.debit(&account(number), &records).await;
                }
            };
            self.target.connected(send).await;
        });
        join_all(clients).await;
    }

    /// The bytes of its folder, and the bytes of memory that it uses.
    pub(crate) fn size(&self) -> (u64, u64) {
        let files = std::fs::read_dir(self.folder.path()).expect("its folder").flatten();
        let disk = files.map(|file| file.metadata().map_or(0, |file| file.len())).sum();
        let id = self.process.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs on Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux gives it");
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        (disk, kilobytes * 1_024)
    }

    /// Has threads commit the same transactions to an engine of this process for a time. Returns the debits a second.
    pub(crate) async fn engine(&self, threads: usize, batch: usize, lasts: Duration) -> f64 {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let world = World::on_disk(folder.path()).await;
        let database = world.host.database().engine().clone();
        let sample = &self.samples[usize::from(batch > 1)];
        let begun = Instant::now();
        let threads = (0..threads).map(|thread| {
            let (database, sample) = (database.clone(), sample.clone());
            tokio::task::spawn_blocking(move || commit(&database, &sample, thread, begun, lasts))
        });
        let commits: usize =
            join_all(threads).await.into_iter().map(|done| done.expect("a thread ends")).sum();
        let rate = (commits * batch) as f64 / begun.elapsed().as_secs_f64();
        world.host.stop().await;
        rate
    }

    /// Runs the sweep. Returns the time until the lots are booked, and until every event is through.
    pub(crate) async fn sweep(&self, lots: usize) -> (Duration, Duration) {
        let begun = Instant::now();
        let swept =
            self.operator.send(Method::POST, "/_local/run/expire", &[], Value::Null).await.expect(200);
        let booked = begun.elapsed();
        assert_eq!(swept["booked"], lots);
        self.operator.drain().await;
        (booked, begun.elapsed())
    }
}

fn account(number: usize) -> String {
    format!("account-{number}")
}

/// A call that ended before, which the published rates price.
pub(crate) fn record(next: &AtomicU64) -> String {
    let (number, started_at) =
        (next.fetch_add(1, Ordering::Relaxed), Timestamp::now() - SignedDuration::from_hours(1));
    format!(
        r#"{{"id":"call-{number}","userId":"ada@example.com","service":"userOut","number":"+33140000***","startedAt":"{started_at}","durationSeconds":185}}"#
    )
}

/// The same as a value.
fn record_value(next: &AtomicU64) -> Value {
    serde_json::from_str(&record(next)).expect("JSON")
}

/// Fills a folder. Returns the transactions of a single debit and of one of 99.
async fn prepare(folder: &Path, swept: usize, lots_each: usize) -> [Value; 2] {
    let world = World::on_disk(folder).await;
    let operator = &world.operator;
    let now = Timestamp::now();
    for number in 0..MANY {
        open(operator, &account(number)).await;
        let funds = json!({ "amount": "1000000.00", "reason": "benchmark" });
        operator.adjust(&account(number), "funds", funds).await.expect(201);
    }
    let next = AtomicU64::new(1 << 40);
    operator.debit(&account(0), &[record_value(&next)]).await.expect(200);
    let records: Vec<_> = (0..100).map(|_| record_value(&next)).collect();
    let samples = [
        world.commit_of(&account(0), &records[..1]).await,
        world.commit_of(&account(0), &records[1..]).await,
    ];

    // The lots of one account were bought over a year ago. The others are copies of it.
    let long_ago = now - SignedDuration::from_hours(24 * 370);
    world.set_time(&long_ago.to_string());
    open(operator, "swept").await;
    for place in 0..lots_each {
        let funds = json!({ "amount": "1.00", "reason": "benchmark" });
        operator.adjust("swept", &format!("funds-{place}"), funds).await.expect(201);
    }
    world.copy_account("swept", "swept", swept - 1);
    // The clock stands still, so that the sweep waits until it is asked for.
    world.set_time(&now.to_string());
    operator.drain().await;
    world.host.stop().await;
    samples
}

async fn open(operator: &Api, id: &str) {
    let new = json!({ "accountId": id, "name": id, "currency": "EUR" });
    operator.post("/v1/accounts", new).await.expect(201);
}

/// Commits a transaction again and again, under new keys, on an account of the thread's own.
fn commit(database: &Database, sample: &Value, thread: usize, begun: Instant, lasts: Duration) -> usize {
    let mut request: TransactWriteItemsRequest = serde_json::from_value(sample.clone()).expect("a request");
    let mut commits = 0;
    while begun.elapsed() < lasts {
        for (place, item) in request.transact_items.iter_mut().enumerate() {
            let put = item.put.as_mut().expect("it is a put");
            put.item.insert("accountId".to_owned(), AttributeValue::S(format!("engine-{thread}")));
            if place == 0 {
                put.item.insert("version".to_owned(), AttributeValue::N((commits + 1).to_string()));
                let before = (":before".to_owned(), AttributeValue::N(commits.to_string()));
                put.expression_attribute_values = Some([before].into());
                let condition = "attribute_not_exists(version) OR version = :before";
                put.condition_expression = Some(condition.to_owned());
            } else {
                let key = format!("2026-11-20T08:00:00.000Z#usage#{commits}-{place}#1");
                put.item.insert("entry".to_owned(), AttributeValue::S(key));
            }
        }
        database.transact_write_items(request.clone()).expect("it is committed");
        commits += 1;
    }
    commits
}
