//! Debits and the nightly sweep beside others on the same machine: `cargo xtask bench --peers`.
//!
//! - *floor*: the least that Postgres does for a debit, in one transaction, statement by statement;
//! - *nostro*: hf-nostro, a ledger in functions of Postgres;
//! - *engine*: the embedded database alone, called in this process with the transaction of a single debit;
//! - *us*: the one-machine host, a process of its own, over HTTP.
//!
//! Postgres is loaded by pgbench, and the host by this program. All write to the same disk, and each commit waits for it. Rounds
//! alternate, and each figure is the median of its rounds. The ratios are of figures of one run.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "rates and times, not money")]

mod client;
mod host;
mod postgres;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use domain::Currency;
use domain::rate::RatingResult;

use host::Host;
use postgres::{Postgres, succeed};

/// The number of rounds, of which each figure is the median.
const ROUNDS: usize = 3;
/// The length of a round.
const ROUND: Duration = Duration::from_secs(3);
/// The accounts where it says *many*, and the clients where it is not one.
const MANY: usize = 16;
/// The entries after which debits should be as fast as before.
const ENTRIES: usize = 1_000_000;
/// The accounts of the sweep, and the lots of each.
const SWEPT: (usize, usize) = (300, 200);

#[tokio::main]
async fn main() {
    let python = std::env::args().skip(1).find(|argument| argument != "--bench").map(PathBuf::from);
    let Some(python) = python else {
        panic!("expected the Python that has hf-nostro: run cargo xtask bench --peers");
    };
    let postgres = Postgres::start();
    migrate(&python, &postgres);
    postgres.run("floor.sql", &[]);
    postgres.run("nostro.sql", &[]);
    let host = Host::start(SWEPT).await;
    print_machine(&postgres);
    debits(&postgres, &host).await;
    sweep(&postgres, &host).await;
    drop(postgres);
    rating();
    growth(&host).await;
}

fn migrate(python: &Path, postgres: &Postgres) {
    let mut migrate = Command::new(python);
    migrate.args(["-m", "nostro", "migrate", "--scale", "6", "--dsn", &postgres.url()]);
    succeed(migrate.stdout(Stdio::null()));
}

/// Prints the processor, and the time of a sync of the disk.
fn print_machine(postgres: &Postgres) {
    let about = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = about.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut file = File::create(postgres.folder().join("probe")).expect("a file");
    let mut times: Vec<_> = (0..500)
        .map(|_| {
            file.write_all(&[0; 4096]).expect("it is written");
            let begun = Instant::now();
            file.sync_data().expect("it is on the disk");
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!(
        "{processors} of{} · fdatasync of 4 KB: {} µs (median of {})",
        model.replace('\t', ""),
        times[250].as_micros(),
        times.len()
    );
}

/// The figures of one thing that is measured, a round each.
#[derive(Default)]
struct Rates(Vec<f64>);

impl Rates {
    fn median(&self) -> f64 {
        let mut rates = self.0.clone();
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    }
}

/// A line of the first table: clients, accounts, records of a request.
const LOADS: [(&str, usize, usize, usize); 5] = [
    ("1 client, 1 account", 1, 1, 1),
    ("16 clients, 16 accounts", MANY, MANY, 1),
    ("16 clients, 1 account", MANY, 1, 1),
    ("1 client, batches of 99", 1, 1, 99),
    ("16 clients, batches of 99", MANY, MANY, 99),
];

async fn debits(postgres: &Postgres, host: &Host) {
    println!("\ndebits a second, median of {ROUNDS} rounds of {ROUND:?}");
    println!(
        "{:<26} {:>8} {:>8} {:>8} {:>8} | {:>8} {:>8} {:>8}",
        "", "floor", "nostro", "engine", "us", "x floor", "x nostro", "x engine"
    );
    for (name, clients, accounts, batch) in LOADS {
        let (mut floor, mut nostro, mut engine, mut us) = <(Rates, Rates, Rates, Rates)>::default();
        for _ in 0..ROUNDS {
            // Neither has batches: their single debits are the measure.
            floor.0.push(postgres.load("floor-debit.sql", clients, accounts, ROUND));
            nostro.0.push(postgres.load("nostro-debit.sql", clients, accounts, ROUND));
            engine.0.push(host.engine(clients, batch, ROUND).await);
            us.0.push(host.load(clients, accounts, batch, ROUND).await);
        }
        let [floor, nostro, engine, us] = [floor, nostro, engine, us].map(|rates| rates.median());
        println!(
            "{name:<26} {floor:>8.0} {nostro:>8.0} {engine:>8.0} {us:>8.0} | {:>8.2} {:>8.2} {:>8.2}",
            us / floor,
            us / nostro,
            us / engine,
        );
    }
}

async fn sweep(postgres: &Postgres, host: &Host) {
    let (accounts, lots_each) = SWEPT;
    let lots = accounts * lots_each;
    let variables = [("accounts", accounts), ("lots_each", lots_each)];
    postgres.run("floor-lots.sql", &variables);
    postgres.run("nostro-lots.sql", &variables);
    let floor = postgres.run("floor-sweep.sql", &[]);
    let nostro = postgres.repeat("SELECT has_more FROM nostro.sweep_expired(1000)", lots / 1_000 + 1);
    let (booked, told) = host.sweep(lots).await;
    let rate = |took: Duration| lots as f64 / took.as_secs_f64();
    println!("\na sweep of {lots} lots of {accounts} accounts, lots a second");
    println!("floor, in one statement          {:>8.0}", rate(floor));
    println!("nostro, 1,000 a transaction      {:>8.0}", rate(nostro));
    println!(
        "us                               {:>8.0} | x nostro {:.2}",
        rate(booked),
        nostro.as_secs_f64() / booked.as_secs_f64()
    );
    println!("us, until every event is through {:>8.0}", rate(told));
}

/// The price of a call, looked up by one thread in the sample of the published rates.
fn rating() {
    let rates =
        rates::read(&include_bytes!("../../../infra/rates/sample.csv")[..]).expect("the sample is valid");
    let currency = Currency::parse("EUR").expect("a currency");
    let body = format!(r#"{{"records":[{}]}}"#, host::record(&AtomicU64::default()));
    let context = cdr::Context { currency, rates: &rates, rate_all: false };
    let rows = cdr::read(cdr::Format::Json, body.as_bytes(), &context).expect("records");
    let call = rows[0].record.as_ref().expect("a valid record");
    let (begun, mut count) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(1) {
        for _ in 0..1_000 {
            let result = rates.rate(call, None, currency, |_, _| Vec::new());
            assert!(matches!(std::hint::black_box(result), RatingResult::Rated(_)));
        }
        count += 1_000;
    }
    println!(
        "\nrating alone, one thread: {:.2} million calls a second",
        f64::from(count) / begun.elapsed().as_secs_f64() / 1e6
    );
}

/// Debits after many of them, beside those on a new host.
async fn growth(host: &Host) {
    let (disk_before, _) = host.size();
    let begun = Instant::now();
    host.fill(ENTRIES).await;
    let took = begun.elapsed();
    let new = Host::start((1, 1)).await;
    let (mut on_new, mut on_full) = (Rates::default(), Rates::default());
    for _ in 0..ROUNDS {
        on_new.0.push(new.load(1, 1, 1, ROUND).await);
        on_full.0.push(host.load(1, 1, 1, ROUND).await);
    }
    let (disk, memory) = host.size();
    let (on_new, on_full) = (on_new.median(), on_full.median());
    println!("\nafter {ENTRIES} more entries, which took {} s", took.as_secs());
    println!(
        "1 client, 1 account: {on_new:.0} debits a second on a new host, {on_full:.0} here ({:.2})",
        on_full / on_new
    );
    let an_entry = (disk - disk_before) as f64 / ENTRIES as f64 / 1e3;
    println!("{an_entry:.2} KB of disk an entry, {} MB of memory", memory / 1_000_000);
}
