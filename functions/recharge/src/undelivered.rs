//! Messages that the card processor could not deliver, or has not delivered yet. Recovery finds out by itself what became of a
//! payment, but nothing else here would ever hear of a refund, a dispute or a card if its message were lost.
//!
//! No position is kept. A run reads the messages of the last hour, and the first run of an hour reads those of the last three days,
//! so that each message is handled in time and a run that fails leaves nothing out. A message is handled again by every run
//! that reads it, which changes nothing.

use std::collections::HashSet;

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use telemetry::Causes;

use crate::{Ports, RECOVERED_AT_ONCE, RecoverError};

/// How far a run looks back.
const USUALLY: SignedDuration = SignedDuration::from_hours(1);

/// How far the first run of an hour looks back: as long as Stripe goes on trying to deliver a message.
const HOURLY: SignedDuration = SignedDuration::from_hours(3 * 24);

/// The most messages that a run reads. More are an outage of the webhook, after which the processor delivers them itself.
const MOST: usize = 300;

/// Handles them as of this instant. Answers with their number.
pub(crate) async fn handle(now: Timestamp, ports: &Ports) -> Result<usize, RecoverError> {
    let since = now - look_back(now);
    let messages = ports.processor.undelivered(since, MOST).await.map_err(RecoverError::Undelivered)?;
    let fetched = messages.len();
    if fetched == MOST {
        tracing::error!(fetched, %since, "the card processor has more undelivered messages than a run reads");
    }
    // What is true of an object now is the same for all of its messages.
    let mut seen = HashSet::new();
    let once = messages.into_iter().filter(|message| seen.insert(message.subject.clone()));
    let failed = stream::iter(once)
        .map(|message| async move {
            let handled = ports.cashier().handle_message(&message, now).await;
            handled.map_err(|problem| {
                let problem = Causes(&problem).to_string();
                tracing::error!(message = message.id, problem, "an undelivered message could not be handled");
            })
        })
        .buffer_unordered(RECOVERED_AT_ONCE)
        .filter(|handled| std::future::ready(handled.is_err()))
        .count()
        .await;
    if failed > 0 { Err(RecoverError::Messages { failed, fetched }) } else { Ok(fetched) }
}

/// How far a run looks back. The schedule runs every five minutes.
fn look_back(now: Timestamp) -> SignedDuration {
    let minute = now.as_second().rem_euclid(3_600) / 60;
    if minute < 5 { HOURLY } else { USUALLY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_in_an_hour_looks_further_back() {
        let at = |minute: i64| look_back(Timestamp::from_second(1_795_320_000 + minute * 60).unwrap());
        let runs: Vec<_> = (0..12).map(|run| at(2 + run * 5)).collect();
        assert_eq!(runs.iter().filter(|back| **back == HOURLY).count(), 1, "{runs:?}");
        assert!(runs.iter().all(|back| *back >= USUALLY));
    }
}
