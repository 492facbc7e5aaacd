//! The FIFO queue, for a platform that sends bursts (S3). A message carries records of one account. The account is its
//! message group, so that messages never cause competing commits of one account. Messages of a group that come in one batch
//! are applied together, so that they share commits.
//!
//! No caller waits for the answer, so rejected records are written into the journal and published.

use std::collections::{BTreeMap, HashSet};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use cdr::ReadError;
use domain::journal::EntryDetails;
use domain::{AccountId, MessageId, RejectedRecord, rejected_record};
use futures_util::future::join_all;
use lambda::queue::coming_back;
use store::StoreError;
use telemetry::correlation::because_of;
use telemetry::{Causes, Correlation};
use tokio::time::{Instant, timeout_at};

use crate::Ports;
use crate::batch::{Batch, BatchError, Done, Message};

/// Why a message comes back.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The message can never be handled. It comes back until it is a dead letter.
    #[error("the message cannot be read")]
    Unreadable(#[from] Unreadable),
    #[error("there is no account {0}")]
    NoAccount(AccountId),
    #[error("the account could not be read")]
    Store(#[from] StoreError),
    #[error("the message's records could not be applied")]
    Batch(#[from] BatchError),
    #[error("time was up; records that were applied are duplicates at the next delivery")]
    OutOfTime,
}

/// Why a message cannot be read.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Body(#[from] ReadError),
    #[error("accountId: expected an account's id, and the message group's")]
    Account,
    #[error("the queue does not say {0}")]
    Queue(&'static str),
}

/// A message that was read.
struct Prepared<'a> {
    account: AccountId,
    body: cdr::Message<'a>,
    name: rejected_record::Message,
    /// Its records that an earlier delivery rejected.
    kept: Vec<RejectedRecord>,
    is_repeated: bool,
}

/// The number of messages that were applied, the first ones, and why the next was not.
type Applied = (usize, Option<Failure>);

/// Handles the messages of a batch, those of a group in order, and answers by `until`. A message that fails comes back
/// later with all that follow in its group, until it becomes a dead letter; other groups go on. A message that cannot be
/// read comes back alone. It is never applied, so messages that waited for it would become dead letters as well. Each
/// message that was applied or failed is logged here, once.
pub async fn handle(batch: SqsEvent, ports: &Ports, until: Instant) -> SqsBatchResponse {
    let prepare = |message| prepare(message, ports);
    // Boxed, since applying messages makes a large future.
    let apply = |messages| Box::pin(apply(messages, ports, until));
    each_in_its_group(&batch.records, until, prepare, apply).await
}

/// Handles groups concurrently, so that a slow account does not delay the others.
async fn each_in_its_group<'a, P, F, G>(
    messages: &'a [SqsMessage],
    until: Instant,
    prepare: impl Fn(&'a SqsMessage) -> F,
    apply: impl Fn(Vec<P>) -> G,
) -> SqsBatchResponse
where
    F: Future<Output = Result<P, Failure>>,
    G: Future<Output = Applied>,
{
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for message in messages {
        groups.entry(attribute(message, "MessageGroupId")).or_default().push(message);
    }
    let groups = groups.into_values().map(|group| in_order(group, until, &prepare, &apply));
    let done: HashSet<_> = join_all(groups).await.into_iter().flatten().collect();
    let ids = messages.iter().map(|message| message.message_id.as_deref().unwrap_or_default());
    coming_back(ids.filter(|id| !done.contains(id)))
}

/// Handles the messages of a group up to the first that must come back. Returns the ids of those that are done.
async fn in_order<'a, P, F, G>(
    group: Vec<&'a SqsMessage>,
    until: Instant,
    prepare: impl Fn(&'a SqsMessage) -> F,
    apply: impl Fn(Vec<P>) -> G,
) -> Vec<&'a str>
where
    F: Future<Output = Result<P, Failure>>,
    G: Future<Output = Applied>,
{
    let prepared = group.iter().map(|message| {
        let cause = message.message_id.as_deref().and_then(Correlation::parse);
        timeout_at(until, because_of(cause, prepare(message)))
    });
    let prepared = join_all(prepared).await;
    let (mut ids, mut readable, mut failed) = (Vec::new(), Vec::new(), None);
    for (message, prepared) in group.into_iter().zip(prepared) {
        let id = message.message_id.as_deref();
        match prepared.unwrap_or(Err(Failure::OutOfTime)) {
            Ok(message) => {
                ids.push(id);
                readable.push(message);
            }
            Err(problem @ Failure::Unreadable(_)) => log(id, Some(&problem)).await,
            Err(problem) => {
                failed = Some((id, problem));
                break;
            }
        }
    }
    let (done, problem) = if readable.is_empty() { (0, None) } else { apply(readable).await };
    for &id in &ids[..done] {
        log(id, None).await;
    }
    // A message that was not read is not tried if one before it fails.
    let failed = problem.map(|problem| (ids[done], problem)).or(failed);
    if let Some((id, problem)) = failed {
        log(id, Some(&problem)).await;
    }
    ids[..done].iter().copied().flatten().collect()
}

async fn log(id: Option<&str>, problem: Option<&Failure>) {
    because_of(id.and_then(Correlation::parse), async {
        match problem.map(|problem| Causes(problem)) {
            None => tracing::info!(messageId = id, "handled"),
            Some(problem) => tracing::error!(messageId = id, %problem, "a message could not be handled"),
        }
    })
    .await;
}

/// Reads a message, and which of its records an earlier delivery rejected.
async fn prepare<'a>(message: &'a SqsMessage, ports: &Ports) -> Result<Prepared<'a>, Failure> {
    let body = cdr::read_message(message.body.as_deref().unwrap_or_default()).map_err(Unreadable::from)?;
    let account = AccountId::parse(&*body.account_id).ok();
    let account = account.filter(|id| attribute(message, "MessageGroupId") == Some(id.as_str()));
    let account = account.ok_or(Unreadable::Account)?;
    let name = name(message)?;
    // A record that an earlier delivery rejected stays rejected. The journal is always read, since the queue's own count
    // of deliveries is approximate.
    let kept = ports.store.rejected(&account, &name).await?;
    let kept = kept.into_iter().filter_map(|row| match row.details {
        EntryDetails::Rejected(rejected) => Some(rejected),
        _ => None,
    });
    let is_repeated = attribute(message, "ApproximateReceiveCount").is_some_and(|count| count != "1");
    Ok(Prepared { account, body, name, kept: kept.collect(), is_repeated })
}

/// Applies messages of one account together. If one of them can never be applied, each is applied alone, up to that one.
async fn apply(messages: Vec<Prepared<'_>>, ports: &Ports, until: Instant) -> Applied {
    match apply_together(&messages, ports, until).await {
        Ok(Done { messages, problem, .. }) => (messages, problem.map(Failure::Batch)),
        Err(Failure::Batch(problem)) if messages.len() > 1 && !problem.is_transient() => {
            for (number, message) in messages.chunks(1).enumerate() {
                match apply_together(message, ports, until).await {
                    Ok(Done { problem: None, .. }) => {}
                    Ok(Done { problem: Some(problem), .. }) => return (number, Some(problem.into())),
                    Err(problem) => return (number, Some(problem)),
                }
            }
            (messages.len(), None)
        }
        Err(problem) => (0, Some(problem)),
    }
}

/// Applies the records of messages as those of one request, as of the instant of the latest message, and writes rejected
/// records into the journal.
async fn apply_together(messages: &[Prepared<'_>], ports: &Ports, until: Instant) -> Result<Done, Failure> {
    let account = &messages[0].account;
    let read = timeout_at(until, ports.store.account_seen(account)).await.map_err(|_| Failure::OutOfTime)?;
    let currency = read?.ok_or_else(|| Failure::NoAccount(account.clone()))?.currency;
    let sent_at = messages.iter().map(|message| message.name.sent_at).max().expect("there is a message");
    let messages = messages.iter().map(|Prepared { body, name, kept, is_repeated, .. }| Message {
        body,
        name,
        kept,
        is_repeated: *is_repeated,
    });
    let batch = Batch::of_messages(&messages.collect::<Vec<_>>(), currency).until(until);
    Ok(batch.apply(ports, account, sent_at).await?)
}

/// The message's id, and the instant at which the queue received it. Its records are decided on as of that instant, so
/// that a run can be replayed.
fn name(message: &SqsMessage) -> Result<rejected_record::Message, Unreadable> {
    let id = message.message_id.as_deref().and_then(|id| MessageId::parse(id).ok());
    Ok(rejected_record::Message {
        id: id.ok_or(Unreadable::Queue("what the message is called"))?,
        sent_at: lambda::queue::sent_at(message).ok_or(Unreadable::Queue("when it got the message"))?,
    })
}

fn attribute<'a>(message: &'a SqsMessage, name: &str) -> Option<&'a str> {
    message.attributes.get(name).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::cell::RefCell;
    use std::future::ready;
    use std::time::Duration;

    fn message(id: &str, group: &str, body: &Value) -> SqsMessage {
        let attributes = json!({ "MessageGroupId": group, "SentTimestamp": "1764064800123" });
        let message = json!({ "messageId": id, "body": body.to_string(), "attributes": attributes });
        serde_json::from_value(message).unwrap()
    }

    /// A message's id and group, and its failure when it is applied, if it fails.
    type Handed<'a> = (&'a str, &'a str, Option<fn() -> Failure>);

    /// The messages of a batch that were applied together, group by group, and those that come back.
    async fn handed(batch: &[Handed<'_>]) -> (Vec<String>, Vec<String>) {
        let messages: Vec<_> = batch.iter().map(|(id, group, _)| message(id, group, &json!({}))).collect();
        let tried = RefCell::new(Vec::new());
        let failure =
            |id: &str| batch.iter().find(|(known, ..)| *known == id).and_then(|(_, _, failure)| *failure);
        let prepare = |message: &SqsMessage| {
            let id = message.message_id.clone().unwrap();
            ready(match failure(&id).map(|failure| failure()) {
                Some(problem @ Failure::Unreadable(_)) => Err(problem),
                _ => Ok(id),
            })
        };
        let apply = |ids: Vec<String>| {
            tried.borrow_mut().push(ids.join(" "));
            let failed = ids.iter().position(|id| failure(id).is_some());
            ready(match failed {
                None => (ids.len(), None),
                Some(number) => (number, failure(&ids[number]).map(|failure| failure())),
            })
        };
        let failed = each_in_its_group(&messages, soon(), prepare, apply).await.batch_item_failures;
        (tried.into_inner(), failed.into_iter().map(|failure| failure.item_identifier).collect())
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    fn contended() -> Failure {
        StoreError::Contended { tries: 24 }.into()
    }

    fn unknown() -> Failure {
        Failure::NoAccount(AccountId::parse("b").unwrap())
    }

    fn poison() -> Failure {
        Unreadable::Account.into()
    }

    #[tokio::test]
    async fn a_message_that_fails_comes_back_with_all_that_follow_in_its_group() {
        let (tried, failed) = handed(&[
            ("a1", "a", None),
            ("b1", "b", Some(unknown)),
            ("a2", "a", Some(contended)),
            ("c1", "c", None),
            ("b2", "b", None),
            ("a3", "a", None),
            ("c2", "c", None),
            ("a4", "a", Some(poison)),
        ])
        .await;
        assert_eq!(tried, ["a1 a2 a3", "b1 b2", "c1 c2"]);
        assert_eq!(failed, ["b1", "a2", "b2", "a3", "a4"]);
    }

    #[tokio::test]
    async fn a_message_that_cannot_be_read_comes_back_alone() {
        let (tried, failed) = handed(&[
            ("a1", "a", Some(poison)),
            ("a2", "a", None),
            ("b1", "b", None),
            ("a3", "a", Some(poison)),
        ])
        .await;
        assert_eq!(tried, ["a2", "b1"]);
        assert_eq!(failed, ["a1", "a3"]);
    }

    #[tokio::test]
    async fn a_message_that_cannot_be_looked_up_in_time_holds_up_its_group_alone() {
        let ids = ["a1", "b1", "a2", "a3", "b2", "c1"];
        let messages: Vec<_> = ids.map(|id| message(id, &id[..1], &json!({}))).into_iter().collect();
        let prepare = |message: &SqsMessage| {
            let hangs = message.message_id.as_deref() == Some("a2");
            async move {
                if hangs {
                    std::future::pending::<()>().await;
                }
                Ok(())
            }
        };
        let apply = |messages: Vec<()>| ready((messages.len(), None));
        let failed = each_in_its_group(&messages, Instant::now(), prepare, apply).await.batch_item_failures;
        let failed: Vec<_> = failed.into_iter().map(|failure| failure.item_identifier).collect();
        assert_eq!(failed, ["a2", "a3"]);
    }

    #[tokio::test]
    async fn what_cannot_be_read_never_comes_to_the_store() {
        let client = aws_sdk_dynamodb::Client::from_conf(
            aws_sdk_dynamodb::Config::builder()
                .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::v2026_01_12())
                .build(),
        );
        let store = store::Store::new(client, store::Tables::default());
        let rates = rates::PublishedRates::from(domain::RateTable::default());
        let ports = Ports::new(store.into(), rates);
        let body = json!({ "accountId": "a", "records": [{ "id": "r" }] });
        let without = |attribute: &str| {
            let mut message = message("m", "a", &body);
            message.attributes.remove(attribute);
            message
        };
        let mut nameless = message("m", "a", &body);
        nameless.message_id = None;
        for (message, said) in [
            (message("m", "a", &json!({})), "accountId: expected a string"),
            (
                message("m", "a", &json!({ "accountId": "a", "records": [] })),
                "records: expected 1 to 1000 records",
            ),
            (message("m", "b", &body), "accountId: expected an account's id, and the message group's"),
            (
                message("m", "a#", &json!({ "accountId": "a#", "records": [1] })),
                "accountId: expected an account's id, and the message group's",
            ),
            (without("MessageGroupId"), "accountId: expected an account's id, and the message group's"),
            (without("SentTimestamp"), "the queue does not say when it got the message"),
            (nameless, "the queue does not say what the message is called"),
        ] {
            let Err(Failure::Unreadable(problem)) = prepare(&message, &ports).await else { panic!("{said}") };
            assert_eq!(problem.to_string(), said);
        }
    }
}
