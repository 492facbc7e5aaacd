//! Statements, past balances and usage reports of an account with 10,000 calls in a month, and of one with 1,000,000, in one run:
//! `cargo xtask bench --reports`.
//!
//! The first statement and the first report of the month work out its days, in as many requests as that takes. Later ones read what was
//! kept. It prints times and the memory of the process, host and store included, and fails on no figure.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "times and sizes, not money")]

use std::time::{Duration, Instant};

use scenarios::World;
use serde_json::{Value, json};

/// The allocator of the host's own binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DAYS: usize = 30;
/// The records of a request: ten transactions.
const BATCH: usize = 990;
/// How often a later answer is asked for. The median of their times is printed.
const ASKED: usize = 7;
const USERS: usize = 1_000;
/// Numbers of countries that the sample rates have.
const NUMBERS: [&str; 6] =
    ["+33123456789", "+33612345678", "+4930123456", "+12025550123", "+442071838750", "+81312345678"];

#[tokio::main]
async fn main() {
    println!(
        "     calls  fill    answer                first s  requests  later ms  memory MB before  after"
    );
    for calls in [10_000, 1_000_000] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let world = World::on_disk(folder.path()).await;
        world.set_time("2026-11-01T00:00:00Z");
        world.account("a").await;
        let filling = Instant::now();
        fill(&world, calls).await;
        let filled = filling.elapsed();
        world.set_time("2026-12-02T12:00:00Z");
        // The lines of the account's last day hold until its next change, so the second statement sums that day up once more.
        print(&world, (calls, filled), "statement, last day", "statement?from=2026-11-01&to=2026-11-30")
            .await;
        world.operator.debit("a", &[record("december", "2026-12-02T10:00:00Z", 0)]).await.expect(200);
        for (name, path) in [
            ("statement", "statement?from=2026-11-01&to=2026-11-30"),
            ("past balance", "balance?at=2026-11-15"),
            ("balances by day", "balances?from=2026-11-01&to=2026-11-30"),
            ("usage by destination", "usage?month=2026-11&groupBy=destination"),
            ("usage by user", "usage?month=2026-11&groupBy=user"),
        ] {
            print(&world, (calls, filled), name, path).await;
        }
    }
}

/// Prints a line of the table.
async fn print(world: &World, (calls, filled): (usize, Duration), name: &str, path: &str) {
    let before = memory();
    let (first, requests) = whole(world, path).await;
    let mut later = Vec::new();
    for _ in 0..ASKED {
        later.push(whole(world, path).await.0);
    }
    later.sort_unstable();
    println!(
        "{calls:>10} {:>4.0} s  {name:<20} {:>8.2} {requests:>9} {:>9.1} {before:>17.0} {:>6.0}",
        filled.as_secs_f64(),
        first.as_secs_f64(),
        later[ASKED / 2].as_secs_f64() * 1_000.0,
        memory(),
    );
}

/// Sends so many calls, spread over the days of November.
async fn fill(world: &World, calls: usize) {
    let each = calls.div_ceil(DAYS);
    for day in 1..=DAYS {
        world.set_time(&format!("2026-11-{day:02}T12:00:00Z"));
        let start = format!("2026-11-{day:02}T08:00:00Z");
        let records: Vec<_> =
            (0..each).map(|number| record(&format!("{day}-{number}"), &start, number)).collect();
        for batch in records.chunks(BATCH) {
            // A machine that does other work, too, may take too long. Sent again, a batch is charged once.
            let mut answer = world.operator.debit("a", batch).await;
            while answer.status == 503 || answer.body["notReached"] != json!(0) {
                answer = world.operator.debit("a", batch).await;
            }
            assert_eq!(answer.expect(200)["rejected"], 0);
        }
    }
    world.drain().await;
}

fn record(id: &str, start: &str, number: usize) -> Value {
    json!({
        "id": id,
        "userId": format!("user-{}", number % USERS),
        "service": "userOut",
        "number": NUMBERS[number % NUMBERS.len()],
        "startedAt": start,
        "durationSeconds": 30 + number % 600,
    })
}

/// Asks until the answer is whole. Returns how long that took, and in how many requests.
async fn whole(world: &World, path: &str) -> (Duration, u32) {
    let began = Instant::now();
    for requests in 1.. {
        let answer = world.operator.get(&format!("/v1/accounts/a/{path}")).await;
        let is_whole = match answer.status {
            503 => false,
            _ => answer.expect(200).get("pending").is_none_or(|pending| *pending == json!([])),
        };
        if is_whole {
            return (began.elapsed(), requests);
        }
    }
    unreachable!("numbers go on")
}

/// The memory of this process, in MB.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a process has memory");
    let kilobytes = line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok());
    kilobytes.expect("a number of kilobytes") as f64 / 1_024.0
}
