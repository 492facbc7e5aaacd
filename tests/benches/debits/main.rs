//! Throughput and latency of debits over HTTP, with a sync for each commit: `cargo xtask bench`.
//!
//! Prints two tables: debits a second on a new store and on one with 50,000 debits, which should be equal; and many clients at one
//! account. It fails on no figure, since clients, host and other programs share the machine. The ratio is that of median
//! latencies, which other programs disturb less than rates. With `--anatomy` it prints the parts of the time of a single debit.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "rates and times, not money")]

mod anatomy;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use scenarios::{Api, World};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The allocator of the host's own binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The number of rounds, of which each figure is the median.
const ROUNDS: usize = 5;
/// The length of a round.
const ROUND: Duration = Duration::from_millis(500);
/// The debits in the filled store.
const DEBITS_AT_THE_END: usize = 50_000;
/// The records of a request, as many as a transaction holds.
const BATCH: usize = 99;
const MANY_CLIENTS: usize = 16;
const MANY_ACCOUNTS: usize = 16;

#[tokio::main]
async fn main() {
    if std::env::args().any(|argument| argument == "--anatomy") {
        return anatomy::print().await;
    }
    println!("debits a second, median of {ROUNDS} rounds of {ROUND:?}");
    println!("records  clients  accounts |   new store  50,000 later   ratio |  median ms     p99 ms  tries");
    for accounts in [1, MANY_ACCOUNTS] {
        for batch in [1, BATCH] {
            for clients in [1, MANY_CLIENTS] {
                compare(batch, clients, accounts).await;
            }
        }
    }

    println!("\nsingle debits on one account");
    println!("clients |  debits/s  median ms     p99 ms    last ms  tries  refused");
    for clients in [1, 4, 16, 64, 200] {
        let bench = Bench::start(1).await;
        let mut round = bench.round(1, clients).await;
        println!(
            "{clients:>7} | {:>9.0} {:>10.1} {:>10.1} {:>10.1} {:>6.2} {:>8}",
            round.debits_per_second(),
            round.latency(50),
            round.latency(99),
            round.latency(100),
            round.tries,
            round.refused,
        );
    }
}

/// Prints one line of the first table. Rounds on a new store and on the filled store alternate, so that other load on the machine
/// affects both.
async fn compare(batch: usize, clients: usize, accounts: usize) {
    let filled = Bench::start(accounts).await;
    filled.fill().await;
    let (mut new, mut late) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        new.push(Bench::start(accounts).await.round(batch, clients).await);
        late.push(filled.round(batch, clients).await);
    }
    let ratio = median_latency(&new) / median_latency(&late);
    let (new, mut late) = (median(new), median(late));
    println!(
        "{batch:>7} {clients:>8} {accounts:>9} | {:>11.0} {:>13.0} {:>7.2} | {:>10.1} {:>10.1} {:>6.2}",
        new.debits_per_second(),
        late.debits_per_second(),
        ratio,
        late.latency(50),
        late.latency(99),
        late.tries,
    );
}

/// A host on disk, and accounts with funds.
struct Bench {
    world: World,
    accounts: Vec<String>,
    calls: Arc<Calls>,
    _folder: TempDir,
}

/// A source of distinct calls.
struct Calls {
    started_at: Timestamp,
    next: AtomicU64,
}

impl Calls {
    fn take(&self, count: usize) -> Vec<Value> {
        let call = |_| {
            json!({
                "id": format!("call-{}", self.next.fetch_add(1, Ordering::Relaxed)),
                "userId": "ada@example.com",
                "service": "userOut",
                "number": "+33140000***",
                "startedAt": self.started_at,
                "durationSeconds": 185,
            })
        };
        (0..count).map(call).collect()
    }
}

/// The result of a round of requests.
struct Round {
    debits: usize,
    refused: usize,
    took: Duration,
    latencies: Vec<Duration>,
    /// Tries for each commit. Each try but the first begins with a read of one unit.
    tries: f64,
}

impl Round {
    fn debits_per_second(&self) -> f64 {
        self.debits as f64 / self.took.as_secs_f64()
    }

    /// A percentile of the latency, in milliseconds.
    fn latency(&mut self, percent: usize) -> f64 {
        self.latencies.sort_unstable();
        let last = self.latencies.len() - 1;
        self.latencies[last * percent / 100].as_secs_f64() * 1_000.0
    }
}

/// The median latency of all requests of all rounds, in milliseconds.
fn median_latency(rounds: &[Round]) -> f64 {
    let mut all: Vec<_> = rounds.iter().flat_map(|round| &round.latencies).collect();
    all.sort_unstable();
    all[all.len() / 2].as_secs_f64() * 1_000.0
}

/// The round with the median rate.
fn median(mut rounds: Vec<Round>) -> Round {
    rounds.sort_by(|a, b| a.debits_per_second().total_cmp(&b.debits_per_second()));
    rounds.swap_remove(rounds.len() / 2)
}

impl Bench {
    async fn start(accounts: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let world = World::on_disk(folder.path()).await;
        let accounts: Vec<_> = (0..accounts).map(|number| format!("account-{number}")).collect();
        let calls = Calls {
            started_at: Timestamp::now() - SignedDuration::from_hours(1),
            next: AtomicU64::default(),
        };
        let bench = Self { world, accounts, calls: Arc::new(calls), _folder: folder };
        for account in &bench.accounts {
            fund(&bench.world.operator, account).await;
            bench.world.operator.debit(account, &bench.calls.take(1)).await.expect(200);
        }
        bench
    }

    /// Runs a round. Each client goes through the accounts, from a different one.
    async fn round(&self, batch: usize, clients: usize) -> Round {
        let reads_before = self.reads();
        let start = Instant::now();
        let clients = (0..clients).map(|client| {
            let api = self.world.operator.clone();
            let calls = self.calls.clone();
            let accounts: Vec<_> =
                self.accounts.iter().cycle().skip(client).take(self.accounts.len()).cloned().collect();
            tokio::spawn(client_of(api, accounts, calls, batch, start))
        });
        let ended = join_all(clients).await;
        let took = start.elapsed();
        let (mut latencies, mut refused) = (Vec::new(), 0);
        for client in ended {
            let (served, busy) = client.expect("a client ends");
            latencies.extend(served);
            refused += busy;
        }
        let commits = latencies.len();
        let tries = 1.0 + (self.reads() - reads_before) / commits as f64;
        Round { debits: commits * batch, refused, took, latencies, tries }
    }

    async fn fill(&self) {
        let each = DEBITS_AT_THE_END / self.accounts.len();
        join_all(self.accounts.iter().map(async |account| {
            for _ in 0..each.div_ceil(10 * BATCH) {
                self.world.operator.debit(account, &self.calls.take(10 * BATCH)).await.expect(200);
            }
        }))
        .await;
    }

    fn reads(&self) -> f64 {
        let metrics = self.world.host.machine().functions.metrics();
        metrics.iter().find(|metrics| metrics.name == "debit").expect("there is one").read_units
    }
}

async fn fund(operator: &Api, account: &str) {
    let new = json!({ "accountId": account, "name": account, "currency": "EUR" });
    operator.post("/v1/accounts", new).await.expect(201);
    let funds = json!({ "amount": "1000000.00", "reason": "benchmark" });
    operator.adjust(account, "funds", funds).await.expect(201);
}

/// Sends requests until the round is over. Returns the time of each, and the number that were refused as contended.
async fn client_of(
    api: Api,
    accounts: Vec<String>,
    calls: Arc<Calls>,
    batch: usize,
    start: Instant,
) -> (Vec<Duration>, usize) {
    let (mut latencies, mut refused) = (Vec::new(), 0);
    for account in accounts.iter().cycle() {
        if start.elapsed() >= ROUND {
            break;
        }
        let sent = Instant::now();
        let answer = api.debit(account, &calls.take(batch)).await;
        if answer.status == 503 {
            refused += 1;
            continue;
        }
        assert_eq!(answer.expect(200)["accepted"], batch);
        latencies.push(sent.elapsed());
    }
    (latencies, refused)
}
