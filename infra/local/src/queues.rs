//! Stands in for the rules of the bus and for SQS. An event is stored in each queue whose rule matches it before
//! `PutEvents` answers, and is handed to the queue's function until the function has handled it. A message that fails
//! comes back later, and becomes a dead letter after many tries.
//!
//! The queue of the card processor's messages is fed by the function `webhook`, as by SQS's `SendMessage`.
//!
//! The queue of `debit` is a FIFO queue, which no rule feeds: the platform sends to it. Messages of a group are handed to
//! the function in their order, and none while an earlier one waits to come back. A message that is sent twice within
//! five minutes is stored once.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use domain::Fingerprint;
use domain::event::Event;
use jiff::Timestamp;
use notices::notice;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::functions::Functions;
use crate::sqlite::{self, Sqlite};

/// A queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Events of accounts that are low.
    Recharge,
    /// Events that recipients are told of by mail.
    Notify,
    /// Finished calls, from a platform that sends bursts.
    Debits,
    /// Messages of the card processor.
    Processor,
}

impl Queue {
    /// Every queue.
    pub(crate) const ALL: [Self; 4] = [Self::Recharge, Self::Notify, Self::Debits, Self::Processor];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Recharge => "recharge",
            Self::Notify => "notify",
            Self::Debits => "debits",
            Self::Processor => "processor",
        }
    }

    /// The types of the events that its rule lets in.
    pub(crate) fn events(self) -> &'static [&'static str] {
        match self {
            Self::Recharge => &["BalanceLow"],
            Self::Notify => &notice::EVENTS,
            Self::Debits | Self::Processor => &[],
        }
    }
}

/// Messages handed to a function at once: the default of a mapping.
const MESSAGES_A_BATCH: usize = 10;
/// The number of tries after which a message is a dead letter.
const MAX_RECEIVES: u32 = 20;
/// The time after which a message comes back that failed once. It doubles with each failure.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
/// The longest time after which a message comes back.
const LONGEST_BACK_OFF: Duration = Duration::from_mins(5);

/// How long a FIFO queue remembers a message, so as not to store it twice.
const DEDUPLICATED_FOR: Duration = Duration::from_mins(5);

/// How often a queue is read if nothing wakes it.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// `visibleAt` and `until` are by the machine's clock, `sentAt` is by the host's, all in milliseconds since 1970.
const TABLE: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        queue TEXT NOT NULL,
        messageId TEXT NOT NULL,
        body TEXT NOT NULL,
        sentAt INTEGER NOT NULL,
        visibleAt INTEGER NOT NULL DEFAULT 0,
        receives INTEGER NOT NULL DEFAULT 0,
        dead INTEGER NOT NULL DEFAULT FALSE
    );
    CREATE INDEX IF NOT EXISTS messagesByQueue ON messages (queue, dead, visibleAt);
    CREATE TABLE IF NOT EXISTS deduplications (
        queue TEXT NOT NULL,
        deduplicationId TEXT NOT NULL,
        messageId TEXT NOT NULL,
        until INTEGER NOT NULL,
        PRIMARY KEY (queue, deduplicationId)
    );";

/// How events are delivered from now on: with the repeats and the disorder that SQS allows.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Delivery {
    /// The number of further copies of each event and of each message of the card processor. A message of a FIFO queue is delivered
    /// this many times more, in its place in the order.
    pub duplicates: u32,
    /// Messages are taken in random order, except those of a FIFO queue.
    pub shuffle: bool,
    /// A message that failed comes back at once.
    pub impatient: bool,
    /// Every event and every message of the card processor is lost, which SQS never does. It tests work that must not depend on
    /// them.
    pub lose: bool,
}

/// An event as the bus receives it.
pub(crate) struct Arrival {
    pub(crate) source: String,
    pub(crate) detail_type: String,
    pub(crate) at: Option<Timestamp>,
    pub(crate) detail: Value,
}

/// A message as it is sent to a FIFO queue.
pub(crate) struct Sent {
    pub(crate) group: String,
    /// If it is left out, the body's fingerprint.
    pub(crate) deduplication_id: Option<String>,
    pub(crate) body: String,
}

/// The queues.
pub struct Queues {
    messages: Sqlite,
    clock: Arc<Clock>,
    delivery: Mutex<Delivery>,
    arrived: [Notify; Queue::ALL.len()],
}

struct Message {
    id: i64,
    message_id: String,
    body: String,
    sent_at: i64,
    receives: u32,
    /// The message group, in a FIFO queue.
    group: Option<String>,
}

impl Queues {
    /// Opens the queues in a file, or new ones in memory.
    pub(crate) fn open(file: Option<&Path>, clock: Arc<Clock>) -> rusqlite::Result<Self> {
        let messages = Sqlite::open(&sqlite::place(file), TABLE)?;
        messages.add_column("messages", "groupId", "TEXT")?;
        Ok(Self { messages, clock, delivery: Mutex::default(), arrived: Default::default() })
    }

    /// Sets how messages are delivered from now on.
    pub fn deliver(&self, delivery: Delivery) {
        *self.delivery.lock().expect("no holder of this lock panics") = delivery;
    }

    fn delivery(&self) -> Delivery {
        *self.delivery.lock().expect("no holder of this lock panics")
    }

    /// Stores events in the queues whose rules match them. Returns the events' ids.
    pub(crate) async fn put(&self, arrivals: Vec<Arrival>) -> rusqlite::Result<Vec<String>> {
        let now = self.clock.now();
        let copies = self.copies();
        let ids: Vec<_> = arrivals.iter().map(|_| random_id()).collect();
        let mut messages = Vec::new();
        for (arrival, id) in arrivals.iter().zip(&ids) {
            let queues =
                Queue::ALL.into_iter().filter(|queue| queue.events().contains(&&*arrival.detail_type));
            let queues: Vec<_> = queues.filter(|_| arrival.source == Event::SOURCE).collect();
            let body = envelope(arrival, id, now).to_string();
            for queue in queues {
                messages.extend((0..copies).map(|_| (queue, random_id(), body.clone())));
            }
        }
        self.store(messages, now).await?;
        Ok(ids)
    }

    /// Stores a message in the queue of the card processor's messages. Returns its id.
    pub(crate) async fn send_to_processor(&self, body: String) -> rusqlite::Result<String> {
        let id = random_id();
        let messages = (0..self.copies()).map(|_| (Queue::Processor, id.clone(), body.clone()));
        self.store(messages.collect(), self.clock.now()).await?;
        Ok(id)
    }

    /// The number of copies in which something is delivered that may come twice.
    fn copies(&self) -> u32 {
        let Delivery { duplicates, lose, .. } = self.delivery();
        if lose { 0 } else { 1 + duplicates }
    }

    async fn store(&self, messages: Vec<(Queue, String, String)>, now: Timestamp) -> rusqlite::Result<()> {
        let sent_at = now.as_millisecond();
        let stored = self.messages.run(move |connection| {
            let transaction = connection.transaction()?;
            for (queue, message_id, body) in messages {
                let insert = "INSERT INTO messages (queue, messageId, body, sentAt) VALUES (?1, ?2, ?3, ?4)";
                let mut insert = transaction.prepare_cached(insert)?;
                insert.execute(params![queue.name(), message_id, body, sent_at])?;
            }
            transaction.commit()
        });
        stored.await?;
        self.wake();
        Ok(())
    }

    /// Stores a message for `debit`, unless the same was sent within five minutes. Returns the message's id, or the earlier
    /// message's.
    pub(crate) async fn send(&self, sent: Sent) -> rusqlite::Result<String> {
        let Sent { group, deduplication_id, body } = sent;
        let deduplication_id =
            deduplication_id.unwrap_or_else(|| Fingerprint::of([&*body]).as_str().to_owned());
        let message_id = random_id();
        let copies = 1 + self.delivery().duplicates;
        let sent_at = self.clock.now().as_millisecond();
        let stored = self.messages.run(move |connection| {
            let transaction = connection.transaction()?;
            let queue = Queue::Debits.name();
            let (now, until) = (machine_now(), machine_now() + millis(DEDUPLICATED_FOR));
            let prepare = |statement| transaction.prepare_cached(statement);
            prepare("DELETE FROM deduplications WHERE until <= ?1")?.execute([now])?;
            let earlier =
                prepare("SELECT messageId FROM deduplications WHERE queue = ?1 AND deduplicationId = ?2")?
                    .query_row(params![queue, deduplication_id], |row| row.get(0))
                    .optional()?;
            if let Some(earlier) = earlier {
                return Ok(earlier);
            }
            prepare(
                "INSERT INTO deduplications (queue, deduplicationId, messageId, until) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![queue, deduplication_id, message_id, until])?;
            for copy in 0..copies {
                // A further copy is a repeated delivery, after a first one whose result did not reach the queue.
                prepare(
                    "INSERT INTO messages (queue, messageId, body, sentAt, receives, groupId)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![queue, message_id, body, sent_at, copy.min(1), group])?;
            }
            transaction.commit()?;
            Ok(message_id)
        });
        let message_id = stored.await?;
        self.wake();
        Ok(message_id)
    }

    fn wake(&self) {
        for arrived in &self.arrived {
            arrived.notify_one();
        }
    }

    /// Whether messages wait for their functions, or are being handled.
    pub(crate) async fn are_busy(&self) -> rusqlite::Result<bool> {
        let waiting = self.messages.run(|connection| {
            let query = "SELECT 1 FROM messages WHERE NOT dead LIMIT 1";
            connection.query_row(query, [], |_| Ok(())).optional()
        });
        Ok(waiting.await?.is_some())
    }

    /// Messages that were tried too often, oldest first.
    pub(crate) async fn dead_letters(&self) -> rusqlite::Result<Vec<Value>> {
        let listed = self.messages.run(|connection| {
            let mut query = connection
                .prepare("SELECT queue, messageId, receives, body FROM messages WHERE dead ORDER BY id")?;
            let rows = query.query_map([], |row| {
                let body: String = row.get(3)?;
                Ok(json!({
                    "queue": row.get::<_, String>(0)?,
                    "messageId": row.get::<_, String>(1)?,
                    "receives": row.get::<_, u32>(2)?,
                    "event": serde_json::from_str::<Value>(&body).unwrap_or(Value::String(body)),
                }))
            })?;
            rows.collect()
        });
        listed.await
    }

    /// Sends the dead letters again. Returns their number.
    pub(crate) async fn redrive(&self) -> rusqlite::Result<usize> {
        let redriven = self.messages.run(|connection| {
            connection.execute("UPDATE messages SET dead = FALSE, receives = 0, visibleAt = 0 WHERE dead", [])
        });
        let redriven = redriven.await?;
        self.wake();
        Ok(redriven)
    }

    /// Hands messages to their functions until it is told to stop. Each queue stops between two batches.
    pub(crate) async fn run(self: Arc<Self>, functions: Arc<Functions>, stop: watch::Receiver<bool>) {
        let workers = Queue::ALL
            .map(|queue| tokio::spawn(self.clone().run_queue(queue, functions.clone(), stop.clone())));
        for worker in workers {
            if let Err(panic) = worker.await {
                tracing::error!(%panic, "a queue's worker ended");
            }
        }
    }

    async fn run_queue(
        self: Arc<Self>,
        queue: Queue,
        functions: Arc<Functions>,
        mut stop: watch::Receiver<bool>,
    ) {
        while !*stop.borrow() {
            match self.hand_on(queue, &functions).await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(problem) => tracing::error!(%problem, ?queue, "a queue cannot be read or changed"),
            }
            tokio::select! {
                () = tokio::time::sleep(POLL_EVERY) => {}
                () = self.arrived[queue as usize].notified() => {}
                // This also ends the wait when the host is dropped.
                _ = stop.changed() => break,
            }
        }
    }

    /// Hands one batch to the queue's function. Returns the number of its messages.
    async fn hand_on(&self, queue: Queue, functions: &Arc<Functions>) -> rusqlite::Result<usize> {
        let Delivery { shuffle, impatient, .. } = self.delivery();
        let batch = self.messages.run(move |connection| take(connection, queue, shuffle)).await?;
        if batch.is_empty() {
            return Ok(0);
        }
        let failed = functions.deliver(queue, event_of(queue, &batch)).await;
        let taken = batch.len();
        self.messages.run(move |connection| settle(connection, batch, &failed, impatient)).await?;
        Ok(taken)
    }
}

/// Takes the next messages of a queue, and counts each as received once more.
fn take(connection: &mut Connection, queue: Queue, shuffle: bool) -> rusqlite::Result<Vec<Message>> {
    let order = if shuffle && queue != Queue::Debits { "random()" } else { "id" };
    let transaction = connection.transaction()?;
    let batch = transaction
        .prepare_cached(&format!(
            "SELECT id, messageId, body, sentAt, receives + 1, groupId FROM messages
             WHERE queue = ?1 AND NOT dead AND visibleAt <= ?2 AND NOT EXISTS (
                 SELECT 1 FROM messages AS earlier
                 WHERE earlier.queue = ?1 AND NOT earlier.dead AND earlier.visibleAt > ?2
                 AND earlier.groupId = messages.groupId AND earlier.id < messages.id
             ) ORDER BY {order} LIMIT ?3"
        ))?
        .query_map(params![queue.name(), machine_now(), MESSAGES_A_BATCH], Message::from_row)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for message in &batch {
        let counted = "UPDATE messages SET receives = ?2 WHERE id = ?1";
        transaction.prepare_cached(counted)?.execute(params![message.id, message.receives])?;
    }
    transaction.commit()?;
    Ok(batch)
}

/// Deletes the messages that succeeded. Those that failed come back later or become dead letters.
fn settle(
    connection: &mut Connection,
    batch: Vec<Message>,
    failed: &[String],
    impatient: bool,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for message in batch {
        if failed.contains(&message.message_id) {
            let wait = if impatient { Duration::ZERO } else { back_off(message.receives) };
            let visible_at = machine_now() + millis(wait);
            transaction
                .prepare_cached("UPDATE messages SET visibleAt = ?2, dead = ?3 WHERE id = ?1")?
                .execute(params![message.id, visible_at, message.receives >= MAX_RECEIVES])?;
        } else {
            transaction.prepare_cached("DELETE FROM messages WHERE id = ?1")?.execute([message.id])?;
        }
    }
    transaction.commit()
}

fn back_off(receives: u32) -> Duration {
    let doubled = 2u32.saturating_pow(receives.saturating_sub(1));
    FIRST_BACK_OFF.saturating_mul(doubled).min(LONGEST_BACK_OFF)
}

impl Message {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            message_id: row.get(1)?,
            body: row.get(2)?,
            sent_at: row.get(3)?,
            receives: row.get(4)?,
            group: row.get(5)?,
        })
    }
}

/// An event in the envelope that EventBridge puts around it.
fn envelope(arrival: &Arrival, id: &str, now: Timestamp) -> Value {
    let at = arrival.at.unwrap_or(now);
    json!({
        "version": "0",
        "id": id,
        "detail-type": arrival.detail_type,
        "source": arrival.source,
        "account": "000000000000",
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": "local",
        "resources": [],
        "detail": arrival.detail,
    })
}

/// A batch as SQS hands it to a function.
fn event_of(queue: Queue, batch: &[Message]) -> SqsEvent {
    let records: Vec<_> = batch
        .iter()
        .map(|message| {
            let mut attributes = json!({
                "SentTimestamp": message.sent_at.to_string(),
                "ApproximateReceiveCount": message.receives.to_string(),
            });
            if let Some(group) = &message.group {
                attributes["MessageGroupId"] = group.as_str().into();
                attributes["SequenceNumber"] = format!("{:020}", message.id).into();
            }
            json!({
                "messageId": message.message_id,
                "receiptHandle": message.id.to_string(),
                "body": message.body,
                "attributes": attributes,
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": format!("arn:aws:sqs:local:000000000000:{}", queue.name()),
                "awsRegion": "local",
            })
        })
        .collect();
    serde_json::from_value(json!({ "Records": records })).expect("a batch is an event")
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).expect("the duration is short")
}

/// The instant by the machine's clock. Messages wait in real time, even while the host's clock is set.
fn machine_now() -> i64 {
    Timestamp::now().as_millisecond()
}

/// 32 hexadecimal digits.
pub(crate) fn random_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::schema;

    #[test]
    fn rules_name_events_that_there_are() {
        let schema = schema();
        let known: Vec<_> = schema["oneOf"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["title"].as_str().unwrap())
            .collect();
        for event in Queue::ALL.iter().flat_map(|queue| queue.events()) {
            assert!(known.contains(event), "{event}");
        }
    }

    #[test]
    fn what_failed_waits_twice_as_long_each_time_up_to_five_minutes() {
        let seconds = |receives| back_off(receives).as_secs();
        assert_eq!([1, 2, 3, 9, 10, 20].map(seconds), [1, 2, 4, 256, 300, 300]);
    }

    async fn queues(bodies: &[(&str, &str)]) -> Queues {
        let queues = Queues::open(None, Arc::new(Clock::open(None).unwrap())).unwrap();
        for (group, body) in bodies {
            let (group, body) = ((*group).to_owned(), (*body).to_owned());
            queues.send(Sent { group, deduplication_id: None, body }).await.unwrap();
        }
        queues
    }

    async fn taken(queues: &Queues) -> Vec<Message> {
        queues.messages.run(|connection| take(connection, Queue::Debits, true)).await.unwrap()
    }

    async fn settled(queues: &Queues, batch: Vec<Message>, failed: &[&str], impatient: bool) {
        let ids = batch.iter().filter(|message| failed.contains(&&*message.body));
        let failed: Vec<_> = ids.map(|message| message.message_id.clone()).collect();
        queues.messages.run(move |connection| settle(connection, batch, &failed, impatient)).await.unwrap();
    }

    fn bodies(batch: &[Message]) -> Vec<&str> {
        batch.iter().map(|message| &*message.body).collect()
    }

    #[tokio::test]
    async fn messages_of_a_group_are_taken_in_order_and_wait_for_one_that_is_to_come_back() {
        let sent = [("a", "a1"), ("b", "b1"), ("a", "a2"), ("c", "c1"), ("b", "b2")];
        let queues = queues(&sent).await;
        let batch = taken(&queues).await;
        assert_eq!(bodies(&batch), ["a1", "b1", "a2", "c1", "b2"]);
        settled(&queues, batch, &["a1", "a2", "b2"], false).await;

        // While `a1` and `b2` wait, no message of their groups is taken.
        for (group, body) in [("a", "a3"), ("c", "c2"), ("b", "b3")] {
            let sent = Sent { group: group.to_owned(), deduplication_id: None, body: body.to_owned() };
            queues.send(sent).await.unwrap();
        }
        let batch = taken(&queues).await;
        assert_eq!(bodies(&batch), ["c2"]);
        settled(&queues, batch, &[], false).await;
        let come = "UPDATE messages SET visibleAt = 0";
        queues.messages.run(|connection| connection.execute(come, [])).await.unwrap();
        let batch = taken(&queues).await;
        assert_eq!(bodies(&batch), ["a1", "a2", "b2", "a3", "b3"]);
        let attributes = event_of(Queue::Debits, &batch).records.remove(0).attributes;
        assert_eq!((&*attributes["MessageGroupId"], &*attributes["ApproximateReceiveCount"]), ("a", "2"));
    }

    #[tokio::test]
    async fn what_is_sent_twice_is_taken_once() {
        let queues = queues(&[]).await;
        let send = async |deduplication_id: Option<&str>, body: &str| {
            let deduplication_id = deduplication_id.map(str::to_owned);
            let sent = Sent { group: "a".to_owned(), deduplication_id, body: body.to_owned() };
            queues.send(sent).await.unwrap()
        };
        let first = send(Some("one"), "x").await;
        assert_eq!(send(Some("one"), "y").await, first);
        let second = send(None, "x").await;
        assert_eq!(send(None, "x").await, second);
        assert_ne!(first, second);
        let past = "UPDATE deduplications SET until = 0";
        queues.messages.run(|connection| connection.execute(past, [])).await.unwrap();
        assert_ne!(send(None, "x").await, second, "after five minutes it is a new message");
        assert_eq!(bodies(&taken(&queues).await), ["x", "x", "x"]);
    }

    #[tokio::test]
    async fn a_delivery_repeated_is_the_same_message_again() {
        let queues = queues(&[]).await;
        queues.deliver(Delivery { duplicates: 2, ..Delivery::default() });
        let sent = Sent { group: "a".to_owned(), deduplication_id: None, body: "x".to_owned() };
        let id = queues.send(sent).await.unwrap();
        let batch = taken(&queues).await;
        let seen: Vec<_> = batch.iter().map(|message| (&*message.message_id, message.receives)).collect();
        assert_eq!(seen, [(&*id, 1), (&*id, 2), (&*id, 2)]);
    }

    #[test]
    fn a_file_that_was_made_before_there_were_groups_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("queues.sqlite");
        let connection = Connection::open(&file).unwrap();
        connection.execute_batch(TABLE).unwrap();
        drop(connection);
        for _ in 0..2 {
            Queues::open(Some(&file), Arc::new(Clock::open(None).unwrap())).unwrap();
        }
    }
}
