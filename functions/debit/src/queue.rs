//! The FIFO queue, for a platform that sends bursts (S3). A message carries records of one account. The account is its
//! message group, so that messages never cause competing commits of one account.
//!
//! No caller waits for the answer, so rejected records are written into the journal and published.

use std::collections::{BTreeMap, HashSet};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use cdr::ReadError;
use domain::journal::EntryDetails;
use domain::rejected_record::Message;
use domain::{AccountId, MessageId};
use futures_util::future::join_all;
use lambda::queue::coming_back;
use store::{ApplyError, StoreError};
use telemetry::correlation::because_of;
use telemetry::{Causes, Correlation};
use tokio::time::{Instant, timeout_at};

use crate::Ports;
use crate::batch::{Batch, BatchError};

/// Why a message comes back.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The message can never be handled. It comes back until it is a dead letter.
    #[error("the message cannot be read")]
    Unreadable(#[from] Unreadable),
    #[error("there is no account {0}")]
    NoAccount(AccountId),
    #[error("there are no rates: {0}")]
    Rates(String),
    #[error("the message's records could not be applied")]
    Store(#[from] StoreError),
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

/// Handles the messages of a batch, those of a group in order, and answers by `until`. A message that fails comes back
/// later with all that follow in its group, until it becomes a dead letter; other groups go on. A message that cannot be
/// read comes back alone. It is never applied, so messages that waited for it would become dead letters as well. Each
/// message that was tried is logged here, once.
pub async fn handle(batch: SqsEvent, ports: &Ports, until: Instant) -> SqsBatchResponse {
    // Boxed, since applying a message makes a large future.
    each_in_its_group(&batch.records, until, |message| Box::pin(apply(message, ports))).await
}

/// Handles groups concurrently, so that a slow account does not delay the others.
async fn each_in_its_group<'a, F: Future<Output = Result<(), Failure>>>(
    messages: &'a [SqsMessage],
    until: Instant,
    apply: impl Fn(&'a SqsMessage) -> F,
) -> SqsBatchResponse {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for message in messages {
        groups.entry(attribute(message, "MessageGroupId")).or_default().push(message);
    }
    let groups = groups.into_values().map(|group| in_order(group, until, &apply));
    let done: HashSet<_> = join_all(groups).await.into_iter().flatten().collect();
    let ids = messages.iter().map(|message| message.message_id.as_deref().unwrap_or_default());
    coming_back(ids.filter(|id| !done.contains(id)))
}

/// Handles the messages of a group up to the first that must come back. Returns the ids of those that are done.
async fn in_order<'a, F: Future<Output = Result<(), Failure>>>(
    group: Vec<&'a SqsMessage>,
    until: Instant,
    apply: impl Fn(&'a SqsMessage) -> F,
) -> Vec<&'a str> {
    let mut done = Vec::new();
    for message in group {
        let id = message.message_id.as_deref();
        let applied = because_of(id.and_then(Correlation::parse), async {
            let applied = timeout_at(until, apply(message)).await.unwrap_or(Err(Failure::OutOfTime));
            match &applied {
                Ok(()) => tracing::info!(messageId = id, "handled"),
                Err(problem) => {
                    let problem = Causes(problem);
                    tracing::error!(messageId = id, %problem, "a message could not be handled");
                }
            }
            applied
        });
        match applied.await {
            Ok(()) => done.extend(id),
            Err(Failure::Unreadable(_)) => {}
            Err(_) => break,
        }
    }
    done
}

/// Applies the records of a message as those of a request, and writes rejected records into the journal.
async fn apply(message: &SqsMessage, ports: &Ports) -> Result<(), Failure> {
    let body = cdr::read_message(message.body.as_deref().unwrap_or_default()).map_err(Unreadable::from)?;
    let id = AccountId::parse(&*body.account_id).ok();
    let id = id.filter(|id| attribute(message, "MessageGroupId") == Some(id.as_str()));
    let id = id.ok_or(Unreadable::Account)?;
    let named = name(message)?;

    let account = ports.store.account_seen(&id).await?.ok_or_else(|| Failure::NoAccount(id.clone()))?;
    let rates = ports.rates.get().map_err(|problem| Failure::Rates(problem.to_string()))?;
    // A record that an earlier delivery rejected stays rejected. The journal is always read, since the queue's own count
    // of deliveries is approximate.
    let kept = ports.store.rejected(&id, &named).await?;
    let kept: Vec<_> = kept
        .into_iter()
        .filter_map(|row| match row.details {
            EntryDetails::Rejected(rejected) => Some(rejected),
            _ => None,
        })
        .collect();
    let batch = Batch::of_message(&body, account.currency, &named, &kept);
    match batch.apply(&ports.store, &id, named.sent_at, rates).await {
        Ok(_) => Ok(()),
        Err(BatchError::OutOfTime) => Err(Failure::OutOfTime),
        Err(BatchError::Apply(ApplyError::NoAccount)) => Err(Failure::NoAccount(id)),
        Err(BatchError::Apply(ApplyError::Store(problem))) => Err(problem.into()),
        Err(BatchError::Apply(ApplyError::PaymentMoved)) => unreachable!("usage has no payment"),
        Err(BatchError::Apply(ApplyError::Refused(never))) => match never {},
    }
}

/// The message's id, and the instant at which the queue received it. Its records are decided on as of that instant, so
/// that a run can be replayed.
fn name(message: &SqsMessage) -> Result<Message, Unreadable> {
    let id = message.message_id.as_deref().and_then(|id| MessageId::parse(id).ok());
    Ok(Message {
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

    /// A message's id and group, and its failure, if it fails.
    type Handed<'a> = (&'a str, &'a str, Option<fn() -> Failure>);

    /// The messages of a batch that were tried, group by group, and those that come back.
    async fn handed(batch: &[Handed<'_>]) -> (Vec<String>, Vec<String>) {
        let messages: Vec<_> = batch.iter().map(|(id, group, _)| message(id, group, &json!({}))).collect();
        let tried = RefCell::new(Vec::new());
        let response = each_in_its_group(&messages, soon(), |message| {
            let id = message.message_id.clone().unwrap();
            let (_, _, failure) = batch.iter().find(|(known, _, _)| *known == id).unwrap();
            tried.borrow_mut().push(id);
            ready(failure.map_or(Ok(()), |failure| Err(failure())))
        });
        let failed = response.await.batch_item_failures;
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
        assert_eq!(tried, ["a1", "a2", "b1", "c1", "c2"]);
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
        assert_eq!(tried, ["a1", "a2", "a3", "b1"]);
        assert_eq!(failed, ["a1", "a3"]);
    }

    #[tokio::test]
    async fn a_message_that_takes_too_long_holds_up_its_group_alone() {
        let messages: Vec<_> =
            ["a1", "b1", "a2", "b2", "c1"].map(|id| message(id, &id[..1], &json!({}))).into_iter().collect();
        let response = each_in_its_group(&messages, Instant::now(), async |message: &SqsMessage| {
            if message.message_id.as_deref() == Some("a1") {
                std::future::pending::<()>().await;
            }
            Ok(())
        });
        let failed = response.await.batch_item_failures;
        let failed: Vec<_> = failed.into_iter().map(|failure| failure.item_identifier).collect();
        assert_eq!(failed, ["a1", "a2"]);
    }

    #[tokio::test]
    async fn what_cannot_be_read_never_comes_to_the_store() {
        let client = aws_sdk_dynamodb::Client::from_conf(
            aws_sdk_dynamodb::Config::builder()
                .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::v2026_01_12())
                .build(),
        );
        let store = store::Store::new(client, store::Tables::default());
        let rates = rates::PublishedRates::reading(std::io::empty());
        let ports = Ports { store: store.into(), rates };
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
            let Err(Failure::Unreadable(problem)) = apply(&message, &ports).await else { panic!("{said}") };
            assert_eq!(problem.to_string(), said);
        }
    }
}
