//! The host is killed repeatedly while calls and purchases arrive. Nothing is lost, nothing is charged twice, and its state
//! survives (S2, F3, F5).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use reqwest::Method;
use rust_decimal::Decimal;
use scenarios::{Answer, Api, decimal, rated};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

const ROUNDS: usize = 6;
const CLIENTS: usize = 6;
const ACCOUNTS: [&str; 2] = ["a", "b"];
/// The host is killed after this many milliseconds of traffic.
const ALIVE_MILLISECONDS: std::ops::Range<u64> = 40..900;
/// The longest that a step may take, on a busy machine too.
const PATIENCE: Duration = Duration::from_mins(1);

/// A host in a process of its own, which is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    url: String,
    pub(crate) operator: Api,
}

impl Process {
    pub(crate) async fn start(folder: &Path) -> Self {
        let mut child = spawn(folder, Stdio::inherit());
        let output = child.stdout.take().expect("its output is a pipe");
        let mut lines = BufReader::new(output).lines();
        let url = timeout(PATIENCE, lines.next_line()).await.expect("in time").expect("a line");
        let url = url.expect("the host prints its address");
        let operator = Api::new(&url, &token(&url).await);
        Self { child, url, operator }
    }

    /// Creates accounts in euros without a card.
    pub(crate) async fn open(&self, accounts: &[&str]) {
        for account in accounts {
            let account = json!({ "accountId": account, "name": account, "currency": "EUR" });
            self.operator.post("/v1/accounts", account).await.expect(201);
        }
    }

    /// Kills the process, as `kill -9` does.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it is killed");
    }
}

fn spawn(folder: &Path, stderr: Stdio) -> Child {
    Command::new(env!("CARGO_BIN_EXE_host"))
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(stderr)
        .kill_on_drop(true)
        .spawn()
        .expect("the host's program runs")
}

async fn token(url: &str) -> String {
    let answer = Api::new(url, "").post("/_local/token", json!({ "role": "operator" })).await.expect(200);
    answer["token"].as_str().expect("a token").to_owned()
}

/// A request that can be sent repeatedly.
#[derive(Clone, Debug)]
struct Work {
    account: &'static str,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Debit(Vec<Value>),
    Purchase { key: String, body: Value },
}

impl Work {
    /// The next request of a client: a single record, a batch that repeats a record, or a purchase.
    fn next(client: usize, number: usize, random: &mut fastrand::Rng) -> Self {
        let account = ACCOUNTS[client % ACCOUNTS.len()];
        let what = match random.u8(0..10) {
            0..2 => {
                let method = random.choice(["pm_card_visa", "pm_sandbox_timeout", "pm_card_chargeDeclined"]);
                let amount = format!("{}.{:02}", random.u8(50..100), random.u8(0..100));
                let body = json!({ "amount": amount, "paymentMethod": method });
                What::Purchase { key: format!("{client}-{number}"), body }
            }
            2 => {
                let mut records: Vec<_> =
                    (0..random.usize(2..130)).map(|place| record(client, number, place, random)).collect();
                records.push(records[0].clone());
                What::Debit(records)
            }
            _ => What::Debit(vec![record(client, number, 0, random)]),
        };
        Self { account, what }
    }

    async fn send(&self, api: &Api) -> reqwest::Result<Answer> {
        let json = ("content-type", "application/json");
        let (path, headers, body) = match &self.what {
            What::Debit(records) => ("debits", vec![json], json!({ "records": records })),
            What::Purchase { key, body } => {
                ("purchases", vec![json, ("idempotency-key", key.as_str())], body.clone())
            }
        };
        let path = format!("/v1/accounts/{}/{path}", self.account);
        let sent = api.try_send(Method::POST, &path, &headers, body.to_string());
        timeout(PATIENCE, sent).await.expect("the host answers in time or is killed")
    }
}

fn record(client: usize, number: usize, place: usize, random: &mut fastrand::Rng) -> Value {
    let id = format!("{client}-{number}-{place}");
    let started_at = format!("2026-11-20T08:{:02}:{:02}Z", random.u8(0..60), random.u8(0..60));
    rated(&id, &started_at, &format!("0.{:04}", random.u16(1..=9_999)))
}

/// The requests sent, each with its answer unless that was lost.
#[derive(Default)]
struct Sent(Mutex<Vec<(Work, Option<Answer>)>>);

impl Sent {
    fn add(&self, work: Work) -> usize {
        let mut sent = self.0.lock().expect("no holder of this lock panics");
        sent.push((work, None));
        sent.len() - 1
    }

    fn answered(&self, place: usize, answer: Answer) {
        self.0.lock().expect("no holder of this lock panics")[place].1 = Some(answer);
    }

    fn all(&self) -> Vec<(Work, Option<Answer>)> {
        self.0.lock().expect("no holder of this lock panics").clone()
    }
}

/// A client that sends requests until the host is killed.
async fn stream_work(api: Api, client: usize, mut number: usize, mut random: fastrand::Rng, sent: Arc<Sent>) {
    loop {
        let work = Work::next(client, number, &mut random);
        number += 1;
        let place = sent.add(work.clone());
        let Ok(answer) = work.send(&api).await else { return };
        if is_final(&answer) {
            sent.answered(place, answer);
        }
    }
}

/// Whether an answer is final. After a 503 the same request is sent again.
fn is_final(answer: &Answer) -> bool {
    assert!(matches!(answer.status, 200 | 201 | 202 | 402 | 503), "{answer:?}");
    answer.status != 503
}

/// Sends the chosen requests again, and asserts that their answers agree with the earlier ones.
async fn resend(api: &Api, sent: &Sent, chosen: impl Fn(&Option<Answer>) -> bool) {
    let works: Vec<_> =
        sent.all().into_iter().enumerate().filter(|(_, (_, before))| chosen(before)).collect();
    let answers: Vec<_> = stream::iter(works)
        .map(|(place, (work, before))| async move {
            let answer = work.send(api).await.expect("the host answers");
            (place, work, before, answer)
        })
        .buffer_unordered(CLIENTS)
        .collect()
        .await;
    for (place, work, before, answer) in answers {
        if !is_final(&answer) {
            continue;
        }
        if let Some(before) = before {
            assert_same_outcome(&work, &before, &answer);
        }
        sent.answered(place, answer);
    }
}

/// Asserts that accepted records are duplicates now, with the same charge, and that a purchase is the same one.
fn assert_same_outcome(work: &Work, before: &Answer, after: &Answer) {
    match &work.what {
        What::Debit(records) => {
            assert_eq!((before.status, after.status), (200, 200));
            let (before, after) = (&before.body["results"], &after.body["results"]);
            for (place, record) in records.iter().enumerate() {
                assert_eq!(after[place]["status"], "duplicate", "{record}");
                assert_eq!(after[place]["charge"], before[place]["charge"], "{record}");
            }
        }
        What::Purchase { .. } => {
            let shown = |answer: &Answer| match answer.status {
                402 => answer.body["purchase"].clone(),
                _ => answer.body.clone(),
            };
            assert_eq!(shown(before)["purchaseId"], shown(after)["purchaseId"]);
            if before.status != 202 {
                assert_eq!(shown(before), shown(after), "an outcome never changes");
            }
        }
    }
}

async fn recover(api: &Api) {
    api.post("/_local/run/recover", Value::Null).await.expect(200);
}

async fn recover_until_killed(api: Api) {
    loop {
        let run = api.try_send(Method::POST, "/_local/run/recover", &[], "");
        let Ok(answer) = timeout(PATIENCE, run).await.expect("the host answers in time or is killed") else {
            return;
        };
        answer.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_killed_at_any_moment_loses_nothing_and_charges_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(fastrand::u64(..));
    println!("seed {}", random.get_seed());
    let process = Process::start(folder.path()).await;
    process.open(&ACCOUNTS).await;
    process.kill().await;

    let sent = Arc::new(Sent::default());
    for round in 0..ROUNDS {
        let process = Process::start(folder.path()).await;
        let api = process.operator.clone();
        // In every other round recovery runs before lost requests are sent again. The books balance after it.
        if round % 2 == 1 {
            recover(&api).await;
            for account in ACCOUNTS {
                api.assert_books_balance(account).await;
            }
        }
        resend(&api, &sent, Option::is_none).await;
        let already = sent.all().len();
        // In the other rounds recovery runs beside the traffic, ignores leases and is killed with the host.
        let recovery = (round % 2 == 0).then(|| tokio::spawn(recover_until_killed(api.clone())));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let number = round * 1_000_000;
                tokio::spawn(stream_work(api.clone(), client, number, random.fork(), sent.clone()))
            })
            .collect();
        let alive = Duration::from_millis(random.u64(ALIVE_MILLISECONDS));
        tokio::time::sleep(alive).await;
        process.kill().await;
        for client in clients {
            timeout(PATIENCE, client).await.expect("a client stops with its host").expect("no panic");
        }
        if let Some(recovery) = recovery {
            timeout(PATIENCE, recovery).await.expect("it stops with its host").expect("no panic");
        }
        let new = &sent.all()[already..];
        let lost = new.iter().filter(|(_, answer)| answer.is_none()).count();
        println!("killed after {alive:?}: {} sent, {lost} answers lost", new.len());
    }

    let process = Process::start(folder.path()).await;
    let api = &process.operator;
    resend(api, &sent, |_| true).await;
    recover(api).await;
    resend(api, &sent, |_| true).await;
    for account in ACCOUNTS {
        assert_account_is_exact(api, account, &sent.all()).await;
    }
}

/// Asserts that the books are exactly those of the records and purchases sent.
async fn assert_account_is_exact(api: &Api, account: &str, sent: &[(Work, Option<Answer>)]) {
    let mut charges = BTreeMap::new();
    let mut bought = HashMap::new();
    for (work, answer) in sent.iter().filter(|(work, _)| work.account == account) {
        let answer = answer.as_ref().expect("every request has an answer");
        match &work.what {
            What::Debit(records) => {
                assert_eq!(answer.body["rejected"], 0);
                charges
                    .extend(records.iter().map(|record| (text(&record["id"]), decimal(&record["charge"]))));
            }
            What::Purchase { body, .. } => match answer.status {
                201 => {
                    bought.insert(text(&answer.body["purchaseId"]), decimal(&body["amount"]));
                }
                status => assert_eq!(status, 402, "no purchase stays open: {}", answer.body),
            },
        }
    }
    println!("{account}: {} records, {} purchases", charges.len(), bought.len());

    let rows = api.transactions(account).await;
    let usage: Vec<_> = rows.iter().filter(|row| row["kind"] == "usage").collect();
    assert_eq!(usage.len(), charges.len(), "each record is in the journal once");
    for row in usage {
        assert_eq!(charges.get(&text(&row["recordId"])), Some(&-decimal(&row["amount"])), "{row}");
    }
    let purchases: HashMap<_, _> = rows
        .iter()
        .filter(|row| row["kind"] == "purchase")
        .map(|row| (text(&row["purchaseId"]), decimal(&row["amount"])))
        .collect();
    assert_eq!(purchases, bought, "each purchase that succeeded is in the journal, and no other");
    assert_eq!(rows.len(), charges.len() + bought.len(), "there are no other entries");

    // The processor's key consists of the purchase's id and the attempt.
    let keys: Vec<_> = api.charges(account).await.iter().map(|charge| text(&charge["key"])).collect();
    let taken: Vec<_> = keys.iter().filter_map(|key| key.split(':').next()).collect();
    assert_eq!(taken.len(), bought.len(), "each purchase was charged once");
    assert!(taken.iter().all(|&purchase| bought.contains_key(purchase)), "there is no other charge");

    let shown = api.account(account).await;
    let expected = bought.values().sum::<Decimal>() - charges.values().sum::<Decimal>();
    assert_eq!(decimal(&shown["balance"]), expected);
    api.assert_books_balance(account).await;
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

#[tokio::test]
async fn data_tokens_and_the_clock_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path()).await;
    let token = token(&process.url).await;
    process.operator.post("/_local/time", json!({ "now": "2027-05-06T07:08:09Z" })).await.expect(200);
    let account = json!({ "accountId": "a", "name": "A", "currency": "EUR" });
    process.operator.post("/v1/accounts", account).await.expect(201);
    let body = json!({ "amount": "60.00", "paymentMethod": "pm_card_visa" });
    let purchase = process.operator.buy("a", "k", body.clone()).await.expect(201);
    let before = process.operator.account("a").await;
    process.kill().await;

    let process = Process::start(folder.path()).await;
    let api = Api::new(&process.url, &token);
    assert_eq!(api.account("a").await, before, "the token and the data are still valid");
    assert_eq!(api.buy("a", "k", body).await.expect(201), purchase);
    let time = api.get("/_local/time").await.expect(200);
    assert_eq!(time, json!({ "now": "2027-05-06T07:08:09Z", "set": true }));
    api.assert_books_balance("a").await;
}

#[tokio::test]
async fn a_folder_has_one_host_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = Process::start(folder.path()).await;

    let mut second = spawn(folder.path(), Stdio::piped());
    let status = timeout(PATIENCE, second.wait()).await.expect("it ends").expect("a status");
    let mut said = String::new();
    second.stderr.take().expect("a pipe").read_to_string(&mut said).await.unwrap();
    assert!(!status.success());
    assert!(said.contains(&format!("another host uses the folder {}", folder.path().display())), "{said}");

    first.operator.get("/v1/accounts").await.expect(200);
    first.kill().await;
    Process::start(folder.path()).await;
}
