//! Records that wait for one account share a commit (S2, S3): those of requests that arrive while a commit is in flight, and
//! those of messages that the queue delivers together. Each request and each message gets the answer that it would get alone.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use local::faults::{Fault, Kind, Pause, Target};
use rust_decimal::Decimal;
use scenarios::{Answer, World, bounded, call, decimal, rated};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::queue_debits::{delivered, handed_to};

const START: &str = "2026-11-22T08:00:00Z";
const NOW: &str = "2026-11-22T12:00:00.000Z";

/// A debit function of its own, which has read the account `a`. It is held back at its next commit when a test asks for it.
struct Process {
    world: World,
    ports: Arc<debit::Ports>,
}

impl Process {
    async fn start() -> Self {
        let world = World::start().await;
        world.set_time(NOW);
        world.account("a").await;
        world.operator.buy("a", "funds", json!({ "amount": "100.00" })).await.expect(201);
        world.drain().await;
        let ports = Arc::new(world.debit_process());
        let process = Self { world, ports };
        process.request("first", NOW, &[rated("first", START, "1.0000")]).await.unwrap().expect(200);
        process
    }

    /// Sends a request that arrives at this instant.
    fn request(&self, id: &str, at: &str, records: &[Value]) -> JoinHandle<Answer> {
        self.request_until(Instant::now() + Duration::from_mins(1), id, at, records)
    }

    fn request_until(&self, until: Instant, id: &str, at: &str, records: &[Value]) -> JoinHandle<Answer> {
        let headers = json!({ "content-type": "application/json" });
        let body = json!({ "records": records }).to_string();
        let mut event = self.world.event("POST", "debits", "a", &headers, &body);
        event.request_context.request_id = Some(id.to_owned());
        event.request_context.time_epoch = at.parse::<Timestamp>().unwrap().as_millisecond();
        let ports = self.ports.clone();
        tokio::spawn(async move { Box::pin(debit::handle(event, &ports, until)).await.into() })
    }

    /// Sends a request whose commit is held back until the pause is dropped.
    async fn hold_a_commit(&self) -> (JoinHandle<Answer>, Pause) {
        let pause = self.world.faults().pause(0);
        let held = self.request("held", NOW, &[rated("held", START, "1.0000")]);
        bounded(pause.reached()).await;
        (held, pause)
    }

    /// Lets the commit go on that was held back, once all that was sent waits behind it. Returns the requests' answers.
    async fn release(&self, pause: Pause, requests: Vec<JoinHandle<Answer>>) -> Vec<Answer> {
        // On one thread, each request goes on until it waits for its commit.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        drop(pause);
        bounded(join_all(requests)).await.into_iter().map(|answer| answer.unwrap()).collect()
    }

    fn write_units(&self) -> f64 {
        self.ports.store.meter().units().write
    }

    async fn version(&self) -> u64 {
        self.world.operator.account("a").await["version"].as_u64().unwrap()
    }

    /// The ids of the records in the order of the journal.
    async fn order(&self) -> Vec<String> {
        let mut rows = self.world.operator.transactions("a").await;
        rows.retain(|row| row["recordId"].is_string());
        rows.retain(|row| row["kind"] != "rejected");
        rows.sort_by_key(|row| (row["version"].as_u64(), row["place"].as_u64()));
        rows.iter().map(|row| row["recordId"].as_str().unwrap().to_owned()).collect()
    }

    /// Puts a row that nobody can read under the key of a record.
    async fn damage(&self, record: &str) {
        let put = self.world.host.database().steady_client().put_item().table_name("journal");
        let [account, entry] = damaged_key(record);
        put.item("accountId", account).item("entry", entry).send().await.unwrap();
    }

    /// Takes the row away again.
    async fn repair(&self, record: &str) {
        let delete = self.world.host.database().steady_client().delete_item().table_name("journal");
        let [account, entry] = damaged_key(record);
        delete.key("accountId", account).key("entry", entry).send().await.unwrap();
    }
}

fn damaged_key(record: &str) -> [AttributeValue; 2] {
    ["a".to_owned(), format!("2026-11-22T08:00:00.000Z#usage#{record}#1")].map(AttributeValue::S)
}

fn status(answer: &Answer) -> &Value {
    &answer.body["results"][0]["status"]
}

#[tokio::test]
async fn s3_requests_that_wait_share_a_commit_in_the_order_of_their_arrival() {
    let process = Process::start().await;
    let (held, pause) = process.hold_a_commit().await;
    let (version, before) = (process.version().await, process.write_units());
    let requests = (0..40).map(|number| {
        // The clocks of the hosts of an API differ.
        let at = NOW.parse::<Timestamp>().unwrap() + SignedDuration::from_millis(number * 7 % 40);
        let record = rated(&format!("r{number}"), START, "0.0100");
        process.request(&format!("request-{number}"), &at.to_string(), &[record])
    });
    let requests = std::iter::once(held).chain(requests).collect();
    let answers = process.release(pause, requests).await;
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(status(answer), "accepted", "{answer:?}");
        let expected = Decimal::from(98) - Decimal::new(i64::try_from(number).unwrap(), 2);
        assert_eq!(decimal(&answer.body["balance"]), expected, "the balance after the request's own record");
    }
    assert_eq!(process.version().await, version + 2, "the commit that was held, and one for the others");
    let together = 2.0 * (1.0 + 40.0);
    assert!((process.write_units() - before - 4.0 - together).abs() < 0.1, "{}", process.write_units());
    let before = ["first", "held"].map(str::to_owned).into_iter();
    let expected: Vec<_> = before.chain((0..40).map(|number| format!("r{number}"))).collect();
    assert_eq!(process.order().await, expected);
    let rows = process.world.operator.transactions("a").await;
    let latest = rows.iter().find(|row| row["recordId"] == "r0").unwrap();
    assert_eq!(
        latest["postedAt"], "2026-11-22T12:00:00.039Z",
        "they are decided on as of the latest arrival"
    );
    process.world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn s2_a_record_in_two_requests_that_wait_is_charged_once() {
    let process = Process::start().await;
    let (held, pause) = process.hold_a_commit().await;
    let other_charge = rated("r", START, "0.0900");
    let requests = vec![
        held,
        process.request("one", NOW, &[rated("r", START, "0.0100")]),
        process.request("two", NOW, &[rated("r", START, "0.0100"), rated("s", START, "0.0100")]),
        process.request("three", NOW, &[other_charge]),
        process.request("four", NOW, &[rated("held", START, "1.0000")]),
    ];
    let answers = process.release(pause, requests).await;
    let statuses: Vec<_> = answers.iter().map(|answer| status(answer).as_str().unwrap()).collect();
    assert_eq!(statuses, ["accepted", "accepted", "duplicate", "conflict", "duplicate"]);
    assert_eq!(answers[2].body["results"][1]["status"], "accepted");
    let balances: Vec<_> = answers.iter().map(|answer| decimal(&answer.body["balance"])).collect();
    let after_all = Decimal::new(9798, 2);
    assert_eq!(balances[..3], [Decimal::from(98), Decimal::new(9799, 2), after_all]);
    assert_eq!(balances[3..], [after_all; 2], "the account's, since nothing was charged for");
    assert_eq!(answers[2].body["results"][0]["charge"], "0.0100");
    assert_eq!(process.order().await, ["first", "held", "r", "s"]);
    process.world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn more_records_than_a_transaction_holds_are_committed_in_their_order() {
    let process = Process::start().await;
    let (held, pause) = process.hold_a_commit().await;
    let version = process.version().await;
    // Each record takes two items of a transaction, since nobody has a rate for it.
    let batch = |name: char, count: usize| -> Vec<Value> {
        (0..count).map(|number| call(&format!("{name}{number:02}"), START, "+999123456", 60)).collect()
    };
    let requests = vec![
        held,
        process.request("one", NOW, &batch('a', 30)),
        process.request("two", NOW, &batch('b', 30)),
        process.request("three", NOW, &batch('c', 30)),
        process.request("four", NOW, &[rated("last", START, "0.0100")]),
    ];
    let answers = process.release(pause, requests).await;
    for (answer, accepted) in answers.iter().zip([1, 30, 30, 30, 1]) {
        assert_eq!(answer.body["accepted"], accepted, "{answer:?}");
    }
    assert_eq!(process.version().await, version + 3, "49 and 42 records follow the one that was held");
    let ids = |name: char| (0..30).map(move |number| format!("{name}{number:02}"));
    let before = ["first", "held"].map(str::to_owned).into_iter();
    let expected: Vec<_> =
        before.chain(ids('a')).chain(ids('b')).chain(ids('c')).chain(["last".to_owned()]).collect();
    assert_eq!(process.order().await, expected);
    process.world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn a_record_that_cannot_be_decided_on_fails_its_own_request_alone() {
    let process = Process::start().await;
    process.damage("bad").await;
    let (held, pause) = process.hold_a_commit().await;
    let requests = vec![
        held,
        process.request("one", NOW, &[rated("r1", START, "0.0100")]),
        process.request("two", NOW, &[rated("bad", START, "0.0100"), rated("r2", START, "0.0100")]),
        process.request("three", NOW, &[rated("r3", START, "0.0100")]),
    ];
    let answers = process.release(pause, requests).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 500, 200]);
    assert_eq!(decimal(&answers[3].body["balance"]), Decimal::new(9798, 2));
    process.repair("bad").await;
    process.world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn the_first_request_with_an_event_gives_the_commit_its_correlation() {
    let process = Process::start().await;
    let warning = json!({ "lowBalanceAmount": "97.50" });
    process.world.operator.send(reqwest::Method::PATCH, "/v1/accounts/a", &[], warning).await.expect(200);
    process.world.drain().await;
    let (held, pause) = process.hold_a_commit().await;
    let requests = std::iter::once(held).chain((0..9).map(|number| {
        let record = rated(&format!("r{number}"), START, "0.1000");
        process.request(&format!("request-{number}"), NOW, &[record])
    }));
    let requests = requests.collect();
    process.world.faults().start_record_watched(Target::Database);
    process.release(pause, requests).await;
    let calls = process.world.faults().take_record();
    let commits: Vec<_> = calls.iter().filter(|call| call.operation == "TransactWriteItems").collect();
    let told = commits.last().unwrap();
    let body: Value = serde_json::from_str(&told.body).unwrap();
    let account = &body["TransactItems"][0]["Put"]["Item"];
    assert!(account["facts"]["S"].as_str().unwrap().contains("BalanceWarning"), "{account}");
    // The fifth of them brings the balance from 98 to 97.5.
    assert_eq!(account["correlation"]["S"], "request-4");
}

#[tokio::test]
async fn a_caller_that_goes_away_cancels_nothing() {
    let process = Process::start().await;
    let (held, pause) = process.hold_a_commit().await;
    let waiting = process.request("one", NOW, &[rated("r", START, "0.0100")]);
    tokio::task::yield_now().await;
    held.abort();
    waiting.abort();
    assert!(held.await.unwrap_err().is_cancelled());
    let after = process.request("two", NOW, &[rated("s", START, "0.0100")]);
    process.release(pause, vec![after]).await;
    assert_eq!(process.order().await, ["first", "held", "r", "s"]);
}

#[tokio::test]
async fn s3_a_request_whose_time_is_up_is_answered_503_and_may_be_done_if_its_commit_was_made() {
    let process = Process::start().await;
    let pause = process.world.faults().pause(0);
    let soon = Instant::now() + Duration::from_millis(1_200);
    let made = [rated("made", START, "0.0100")];
    let held = process.request_until(soon, "held", NOW, &made);
    bounded(pause.reached()).await;
    let waiting = [rated("waiting", START, "0.0100")];
    let waits = process.request_until(soon, "waits", NOW, &waiting);
    for answer in [held.await.unwrap(), waits.await.unwrap()] {
        assert_eq!(answer.headers["retry-after"], "5");
        answer.expect(503);
    }
    drop(pause);
    let again = |records: &[Value]| process.request("again", NOW, records);
    assert_eq!(status(&again(&made).await.unwrap()), "duplicate", "its commit was in flight");
    assert_eq!(
        status(&again(&waiting).await.unwrap()),
        "accepted",
        "no commit is made for a caller that is gone"
    );
    process.world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn a_commit_that_hangs_holds_up_nobody_for_good() {
    let process = Process::start().await;
    let (held, pause) = process.hold_a_commit().await;
    let waiting = process.request("one", NOW, &[rated("r", START, "0.0100")]);
    assert_eq!(status(&bounded(waiting).await.unwrap()), "accepted");
    let answers = process.release(pause, vec![held]).await;
    assert_eq!(status(&answers[0]), "accepted");
    assert_eq!(process.order().await, ["first", "r", "held"]);
    process.world.operator.assert_books_balance("a").await;
}

/// Messages with one record each, whose ids are those of the records.
fn messages(ids: &[&str]) -> Vec<Value> {
    let message = |id: &&str| {
        let body = json!({ "accountId": "a", "records": [rated(id, START, "0.0100")] });
        delivered(id, &body, NOW)
    };
    ids.iter().map(message).collect()
}

#[tokio::test]
async fn s3_ten_messages_of_an_account_cost_22_write_units() {
    let process = Process::start().await;
    let ids: Vec<_> = (0..10).map(|number| format!("message-{number}")).collect();
    let sent = messages(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let before = process.write_units();
    assert!(handed_to(&process.ports, &sent).await.is_empty());
    assert!((process.write_units() - before - 22.0).abs() < 0.1, "{}", process.write_units() - before);
    assert_eq!(process.order().await[1..], ids);
    process.world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn s3_a_message_that_is_delivered_again_is_looked_for_before_anything_is_written() {
    let process = Process::start().await;
    let mut sent = messages(&["m0", "m1"]);
    assert!(handed_to(&process.ports, &sent).await.is_empty());
    sent[1]["attributes"]["ApproximateReceiveCount"] = json!("2");
    process.world.faults().start_record_watched(Target::Database);
    assert!(handed_to(&process.ports, &sent).await.is_empty());
    let calls = process.world.faults().take_record();
    assert!(calls.iter().any(|call| call.operation == "BatchGetItem"));
    assert!(
        calls.iter().all(|call| call.operation != "TransactWriteItems"),
        "a refused one would cost as much"
    );
    assert_eq!(process.order().await, ["first", "m0", "m1"]);
}

#[tokio::test]
async fn s3_a_message_that_fails_comes_back_and_those_before_it_are_done() {
    let process = Process::start().await;
    process.damage("m2").await;
    let sent = messages(&["m0", "m1", "m2", "m3"]);
    assert_eq!(handed_to(&process.ports, &sent).await, ["m2", "m3"]);
    process.repair("m2").await;
    assert_eq!(process.order().await, ["first", "m0", "m1"]);
    assert!(handed_to(&process.ports, &sent[2..]).await.is_empty());
    process.world.operator.assert_books_balance("a").await;
}

/// Takes the database down for the process once it has committed.
fn outage_after_a_commit(process: &Process, messages: usize) {
    // Each message is looked up first.
    let fault =
        Fault { target: Some(Target::Database), kind: Kind::Down, skip: messages + 1, count: usize::MAX };
    process.world.faults().arm_watched(fault);
}

#[tokio::test]
async fn s3_messages_that_are_done_before_an_outage_do_not_come_back() {
    let process = Process::start().await;
    let message = |id: &str, count: usize| {
        let call = |number| call(&format!("{id}-{number}"), START, "+999123456", 60);
        let records: Vec<_> = (0..count).map(call).collect();
        delivered(id, &json!({ "accountId": "a", "records": records }), NOW)
    };
    let sent = [message("m0", 30), message("m1", 30), message("m2", 30)];
    // Records without a rate take two items each, so the first commit has 19 records of the second message.
    outage_after_a_commit(&process, sent.len());
    assert_eq!(handed_to(&process.ports, &sent).await, ["m1", "m2"]);
    process.world.faults().disarm();
    assert_eq!(process.order().await.len(), 1 + 49);
    assert!(handed_to(&process.ports, &sent[1..]).await.is_empty());
    assert_eq!(process.order().await.len(), 1 + 90);
    process.world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn s3_a_message_comes_back_until_its_rejected_record_is_in_the_journal() {
    let process = Process::start().await;
    let good: Vec<_> = (0..120).map(|number| rated(&format!("r{number}"), START, "0.0001")).collect();
    let ahead = rated("ahead", "2026-11-22T12:10:00Z", "0.0100");
    let message =
        |id: &str, records: &[Value]| delivered(id, &json!({ "accountId": "a", "records": records }), NOW);
    let sent = [message("m0", &[ahead]), message("m1", &good)];
    outage_after_a_commit(&process, sent.len());
    assert_eq!(handed_to(&process.ports, &sent).await, ["m0", "m1"]);
    process.world.faults().disarm();
    assert!(handed_to(&process.ports, &sent).await.is_empty());
    let rows = process.world.operator.transactions("a").await;
    assert_eq!(rows.iter().filter(|row| row["kind"] == "rejected").count(), 1);
    assert_eq!(process.order().await.len(), 1 + 120);
    process.world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn s2_a_record_in_two_messages_is_charged_once_and_rejected_where_it_differs() {
    let process = Process::start().await;
    let message =
        |id: &str, records: &[Value]| delivered(id, &json!({ "accountId": "a", "records": records }), NOW);
    let sent = [
        message("m0", &[rated("r", START, "0.0100"), json!({ "id": "unreadable" })]),
        message("m1", &[rated("r", START, "0.0100"), rated("r", START, "0.0200")]),
        message("m2", &[json!({ "id": "unreadable" }), rated("s", START, "0.0100")]),
    ];
    for _ in 0..2 {
        assert!(handed_to(&process.ports, &sent).await.is_empty());
        let rows = process.world.operator.transactions("a").await;
        let rejected: Vec<_> = rows.iter().filter(|row| row["kind"] == "rejected").collect();
        let mut places: Vec<_> = rejected.iter().map(|row| row["transactionId"].as_str().unwrap()).collect();
        places.sort_unstable();
        let place = |message: &str, index: u32| format!("{NOW}#rejected#{message}#{index:03}");
        assert_eq!(places, [place("m0", 1), place("m1", 1), place("m2", 0)]);
        assert_eq!(process.order().await, ["first", "r", "s"]);
    }
    process.world.operator.assert_books_balance("a").await;
}
