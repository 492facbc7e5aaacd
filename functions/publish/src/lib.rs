//! Publishes the events of commits on the bus. A commit leaves its events on the account item; the stream of `accounts`
//! brings them here. So there is no event without its commit, and its id is the same however often the stream delivers it.
//!
//! No event is lost (N11): an outage is waited for, and a record that no further try helps is stored in a bucket, to be
//! published once its fault is mended ([`redrive()`]). The same function publishes a period again ([`republish()`]).

mod bucket;
mod bus;
mod entry;
mod redrive;
mod republish;
mod tell;

use std::sync::Arc;

use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use aws_sdk_eventbridge::Client;
use serde::Deserialize;
use serde_json::Value;
use store::Store;
use telemetry::Causes;
use telemetry::metric::RECORDS_PARKED;

use tell::{Told, tell};

pub use bucket::{Bucket, BucketError};
pub use bus::BusError;
pub use redrive::{Redrive, RedriveError, Redriven, redrive};
pub use republish::{Republish, RepublishError, Republished, republish};

/// The ports of the handler.
#[derive(Clone)]
pub struct Ports {
    /// The client of the event bus.
    pub bus: Client,
    /// The bus's name.
    pub bus_name: String,
    /// The bucket of records that cannot be published as they are.
    pub undelivered: Bucket,
    /// Accounts and their journals, to publish a period again.
    pub store: Arc<Store>,
}

/// A batch of the stream. Records are kept as they came, so that one that cannot be read can be stored whole.
#[derive(Clone, Debug, Deserialize)]
pub struct Batch {
    /// The records, in their order.
    #[serde(rename = "Records")]
    pub records: Vec<Value>,
}

/// Puts the events of a batch of the stream on the bus, in its order. At an outage of the bus or the bucket, a record fails
/// and so do all that follow, since the stream is ordered: the stream delivers them again from there. A record that no
/// further try helps is stored in the bucket, and the others go on. Each batch is logged here with the correlation ids of
/// its events, and each failure once.
pub async fn handle(batch: Batch, ports: &Ports) -> DynamoDbEventResponse {
    let records = batch.records;
    let told = tell(&records, ports).await;
    let mut good = records.len();
    if let Some((place, problem)) = &told.unsent {
        good = *place;
        let sequence = sequence_of(&records[good]);
        tracing::error!(sequence, problem = %Causes(problem), "events could not be put on the bus");
    }
    good = park(&records[..good], &told, ports).await;
    tracing::info!(
        records = good,
        failed = records.len() - good,
        events = told.events,
        causes = told.causes,
        "published"
    );
    let mut response = DynamoDbEventResponse::default();
    response.batch_item_failures = records[good..].iter().map(failure_of).collect();
    response
}

/// Stores the records that no further try helps. Returns the number of records that are dealt with: all, unless the bucket
/// fails.
async fn park(records: &[Value], told: &Told, ports: &Ports) -> usize {
    for (&place, why) in told.poison.range(..records.len()) {
        let sequence = sequence_of(&records[place]);
        match ports.undelivered.store(&records[place], why).await {
            Ok(key) => {
                RECORDS_PARKED.add(1);
                tracing::error!(
                    sequence,
                    key,
                    why,
                    "a record cannot be published, and is stored in the bucket"
                );
            }
            Err(problem) => {
                let problem = Causes(&problem);
                tracing::error!(sequence, why, %problem, "a record can be neither published nor stored");
                return place;
            }
        }
    }
    records.len()
}

/// Opens a connection to the bus ahead of the first event. The bus refuses the empty request, and any answer will do.
pub async fn warm_up(ports: &Ports) -> Result<(), BusError> {
    match ports.bus.put_events().send().await.map_err(bus::from_sdk) {
        Ok(_) | Err(BusError::Invalid { .. } | BusError::Refused { .. }) => Ok(()),
        Err(problem) => Err(problem),
    }
}

fn sequence_of(record: &Value) -> Option<&str> {
    record["dynamodb"]["SequenceNumber"].as_str()
}

fn failure_of(record: &Value) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = sequence_of(record).map(str::to_owned);
    failure
}
