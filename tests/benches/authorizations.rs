//! How long a switch waits for an authorization, and how many a second one account can bear: `cargo xtask bench --authorizations`.
//!
//! The first table has waiting times over HTTP at a fixed rate, while as many usage records a second end the holds of earlier calls. A
//! time begins when the request is due, so that a request that waits for others counts in full. The second table has what one account
//! bears of clients that ask one request after the other: through one process, and through processes that share nothing, as on Lambda.
//! It prints times and rates, and fails on no figure.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "times and rates, not money")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use scenarios::{Answer, Api, World};
use serde_json::{Value, json};
use store::{Store, Tables};
use tokio::time::{Instant, sleep_until};

/// The allocator of the host's own binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: &str = "2026-11-22T12:00:00Z";
const NUMBER: &str = "+33123456789";
/// Authorizations a second.
const RATE: u32 = 50;
/// How many are asked for at that rate.
const ASKED: u32 = 1_500;
/// A call's record comes after so many further calls have begun.
const LASTS: u32 = 100;
/// The calls of each line of the second table: fewer than the holds that an account may have.
const CALLS: u32 = 4_000;

#[tokio::main]
async fn main() {
    println!("{RATE} a second beside {RATE} debits a second");
    println!("  accounts   p50 ms   p95 ms   p99 ms   max ms");
    for accounts in [1, 10] {
        at_a_rate(accounts).await;
    }
    println!("one account, clients that ask one after the other");
    println!("  clients  processes  decided/s  no answer  p50 ms   p99 ms");
    for (clients, processes) in [(1, 1), (8, 1), (2, 2), (8, 8), (20, 20)] {
        as_many_as_possible(clients, processes).await;
    }
}

async fn world(folder: &tempfile::TempDir, accounts: u32) -> Arc<World> {
    let world = World::on_disk(folder.path()).await;
    world.set_time(NOW);
    for number in 0..accounts {
        let account = format!("account-{number}");
        world.account(&account).await;
        world.operator.buy(&account, "k", json!({ "amount": "9000" })).await.expect(201);
    }
    Arc::new(world)
}

fn request(call_id: u32) -> Value {
    json!({ "callId": call_id.to_string(), "service": "userOut", "number": NUMBER, "maxDurationSeconds": 60 })
}

async fn debit(api: &Api, account: &str, call_id: u32) {
    let record = json!({
        "id": format!("record-{call_id}"), "callId": call_id.to_string(), "service": "userOut", "number": NUMBER,
        "startedAt": NOW, "durationSeconds": 30,
    });
    let answer = api.debit(account, &[record]).await.expect(200);
    assert_eq!(answer["accepted"], 1, "{answer}");
}

async fn at_a_rate(accounts: u32) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let world = world(&folder, accounts).await;
    let begin = Instant::now();
    let calls = (0..ASKED + LASTS).map(|number| {
        let world = world.clone();
        tokio::spawn(async move {
            let due = begin + Duration::from_secs(1) * number / RATE;
            sleep_until(due).await;
            let account = |call: u32| format!("account-{}", call % accounts);
            let ended = async {
                if let Some(call) = number.checked_sub(LASTS) {
                    debit(&world.operator, &account(call), call).await;
                }
            };
            let asked = async {
                if number >= ASKED {
                    return None;
                }
                let path = format!("/v1/accounts/{}/authorizations", account(number));
                let answer = world.operator.send(Method::POST, &path, &[], request(number)).await.expect(200);
                assert_eq!(answer["allowed"], true, "{answer}");
                Some(due.elapsed())
            };
            tokio::join!(asked, ended).0
        })
    });
    let times = join_all(calls).await.into_iter().filter_map(|time| time.expect("no panic"));
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    let [p50, p95, p99, max] = [0.5, 0.95, 0.99, 1.0].map(|share| percentile(&times, share));
    println!("{accounts:>10} {p50:>8.1} {p95:>8.1} {p99:>8.1} {max:>8.1}");
}

/// The time in milliseconds that so large a share of the times does not exceed.
fn percentile(times: &[Duration], share: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
    let place = ((times.len() - 1) as f64 * share).round() as usize;
    times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

async fn as_many_as_possible(clients: u32, processes: u32) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let world = world(&folder, 1).await;
    let machine = world.host.machine();
    let ports = (0..processes).map(|_| {
        let client = world.host.database().client(&machine.faults);
        let rates = machine.functions.authorize_ports().rates.clone();
        authorize::Ports { store: Store::new(client, Tables::default()).into(), rates }
    });
    let ports: Vec<_> = ports.collect();
    let unanswered = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let callers = (0..clients).map(|client| {
        let (world, unanswered) = (world.clone(), unanswered.clone());
        let ports = ports[(client % processes) as usize].clone();
        tokio::spawn(async move {
            let mut times = Vec::new();
            for number in 0..CALLS / clients {
                let begin = Instant::now();
                let body = request(client * 1_000_000 + number).to_string();
                let json = json!({ "content-type": "application/json" });
                let event = world.event("POST", "authorizations", "account-0", &json, &body);
                let answer: Answer = Box::pin(authorize::handle(event, &ports)).await.into();
                match answer.status {
                    503 => {
                        unanswered.fetch_add(1, Ordering::Relaxed);
                    }
                    _ => {
                        assert_eq!(answer.expect(200)["allowed"], true);
                        times.push(begin.elapsed());
                    }
                }
            }
            times
        })
    });
    let times = join_all(callers).await;
    let took = begin.elapsed();
    let mut times: Vec<_> = times.into_iter().flat_map(|times| times.expect("no panic")).collect();
    times.sort_unstable();
    println!(
        "{clients:>9} {processes:>10} {:>10.0} {:>10} {:>7.1} {:>8.1}",
        times.len() as f64 / took.as_secs_f64(),
        unanswered.load(Ordering::Relaxed),
        percentile(&times, 0.5),
        percentile(&times, 0.99),
    );
}
