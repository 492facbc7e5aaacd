//! Where the time of a single debit goes: `cargo xtask bench --anatomy`. Each line does one step more than the one before.

use std::time::{Duration, Instant};

use cdr::{Context, Format};
use debit::batch::Batch;
use domain::AccountId;
use dynoxide::Database;
use dynoxide::actions::transact_write_items::TransactWriteItemsRequest;
use jiff::Timestamp;
use scenarios::{Api, World};
use serde_json::{Value, json};

use crate::{Bench, Calls, fund};

/// How often each step is done.
const TIMES: u32 = 3_000;

const ACCOUNT: &str = "account-0";

pub(crate) async fn print() {
    println!(
        "where the time of a single debit goes: microseconds, mean of {TIMES} by one client, one after the other"
    );
    let disk = Bench::start(1).await;
    let world = &disk.world;
    let memory = World::start().await;
    fund(&memory.operator, ACCOUNT).await;
    memory.operator.debit(ACCOUNT, &disk.calls.take(1)).await.expect(200);
    let (engine_in_memory, engine) = (engine(&memory, &disk.calls).await, engine(world, &disk.calls).await);
    let ports = world.debit_process();
    let records = async || records(&ports, &disk).await;
    let function = async || function(&ports, &disk).await;
    let http = async |api: &Api| drop(api.debit(ACCOUNT, &disk.calls.take(1)).await.expect(200));
    let lines = [
        ("the engine, in memory", engine_in_memory),
        ("the engine, on disk", engine),
        ("+ the SDK, the store and the decision", mean(records).await),
        ("+ the function: event, token's claims, JSON", mean(function).await),
        ("+ HTTP and the front", mean(async || http(&world.operator).await).await),
        ("the same, in memory", mean(async || http(&memory.operator).await).await),
    ];
    println!("{:<46} {:>6} {:>10}", "", "time", "processor");
    for (what, Took { time, processor }) in lines {
        println!("{what:<46} {:>6.0} {:>10.0}", time.as_secs_f64() * 1e6, processor.as_secs_f64() * 1e6);
    }
}

/// The means of a step.
struct Took {
    time: Duration,
    /// The time of all processors together. What is below `time` is waiting; what is above is done beside it.
    processor: Duration,
}

async fn mean(work: impl AsyncFn()) -> Took {
    let (start, before) = (Instant::now(), processor_time());
    for _ in 0..TIMES {
        work().await;
    }
    Took { time: start.elapsed() / TIMES, processor: processor_time().saturating_sub(before) / TIMES }
}

/// The processor time that this process has used. Linux counts it in hundredths of a second.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("it runs on Linux");
    let fields: Vec<_> = stat.rsplit(") ").next().expect("the name is in brackets").split(' ').collect();
    let ticks = |place: usize| fields[place].parse::<u64>().expect("a number");
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

/// The time that the engine takes for the very transactions of single debits, called by one thread.
async fn engine(world: &World, calls: &Calls) -> Took {
    let mut sample = world.commit_of(ACCOUNT, &calls.take(1)).await;
    let database: Database = world.host.database().engine().clone();
    let work = tokio::task::spawn_blocking(move || {
        let version = |value: &Value| -> u64 { value["N"].as_str().expect("a number").parse().expect("one") };
        let first = version(&sample["TransactItems"][0]["Put"]["Item"]["version"]);
        let mut requests = Vec::new();
        for number in 1..=u64::from(TIMES) {
            let items = &mut sample["TransactItems"];
            let number_of = |version: u64| json!({ "N": version.to_string() });
            items[0]["Put"]["Item"]["version"] = number_of(first + number);
            items[0]["Put"]["ExpressionAttributeValues"][":before"] = number_of(first + number - 1);
            items[1]["Put"]["Item"]["entry"] =
                json!({ "S": format!("2026-11-20T08:00:00.000Z#usage#e{number}#1") });
            let request = serde_json::from_value::<TransactWriteItemsRequest>(sample.clone());
            requests.push(request.expect("a request"));
        }
        let (start, before) = (Instant::now(), processor_time());
        for request in requests {
            database.transact_write_items(request).expect("it is committed");
        }
        Took { time: start.elapsed() / TIMES, processor: processor_time().saturating_sub(before) / TIMES }
    });
    work.await.expect("it ends")
}

/// Applies a record as the function does once it has read the request.
async fn records(ports: &debit::Ports, bench: &Bench) {
    let rates = ports.rates.get().expect("rates");
    let account = AccountId::parse(ACCOUNT).expect("an id");
    let currency =
        ports.store.account_seen(&account).await.expect("the store").expect("the account").currency;
    let body = json!({ "records": bench.calls.take(1) }).to_string();
    let context = Context { currency, rates, rate_all: false };
    let rows = cdr::read(Format::Json, body.as_bytes(), &context).expect("records");
    Batch::new(&rows, currency).apply(ports, &account, Timestamp::now()).await.expect("it is applied");
}

/// Calls the function with an event.
async fn function(ports: &debit::Ports, bench: &Bench) {
    let body = json!({ "records": bench.calls.take(1) }).to_string();
    let headers = json!({ "content-type": "application/json" });
    let event = bench.world.event("POST", "debits", ACCOUNT, &headers, &body);
    let until = tokio::time::Instant::now() + Duration::from_mins(1);
    assert_eq!(debit::handle(event, ports, until).await.status_code, 200);
}
