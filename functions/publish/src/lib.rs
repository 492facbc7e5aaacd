//! What commits tell the world goes to the world. A commit leaves its facts on the account item; the stream of
//! `accounts` brings them here, and each becomes one event on the bus. So there is no event without its commit, and
//! its id is the same however often the stream delivers it.
//!
//! The same function tells a period again ([`republish()`]).

mod bus;
mod entry;
mod republish;

use std::iter::repeat_n;
use std::sync::Arc;

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use aws_sdk_eventbridge::Client;
use store::Store;
use telemetry::Causes;

use bus::Bus;
use entry::{Entry, Unreadable};

pub use bus::BusError;
pub use republish::{Republish, RepublishError, Republished, republish};

/// What the handler works with.
#[derive(Clone)]
pub struct Ports {
    /// The event bus, …
    pub bus: Client,
    /// … and its name.
    pub bus_name: String,
    /// Accounts and their journals, to tell a period again.
    pub store: Arc<Store>,
}

/// Puts what a batch of the stream tells on the bus, in its order. What cannot be read or sent fails, and with it
/// all that follows, since the stream is ordered: it comes again from there. A batch is logged here, with what its
/// events are because of, and so is a failure, once.
pub async fn handle(batch: Event, ports: &Ports) -> DynamoDbEventResponse {
    let bus = Bus { client: &ports.bus, name: &ports.bus_name };
    let records = batch.records;
    let mut good = records.len();
    let (mut entries, mut owners) = (Vec::new(), Vec::new());
    for (place, record) in records.iter().enumerate() {
        match told_by(record) {
            Ok(told) => {
                owners.extend(repeat_n(place, told.len()));
                entries.extend(told);
            }
            Err(problem) => {
                let sequence = record.change.sequence_number.as_deref();
                tracing::error!(
                    sequence,
                    problem = %Causes(&problem),
                    "a record cannot be read"
                );
                good = place;
                break;
            }
        }
    }
    if let Err(unsent) = bus.put(&entries).await {
        good = owners[unsent.first];
        let sequence = records[good].change.sequence_number.as_deref();
        let problem = Causes(&unsent.problem);
        tracing::error!(sequence, %problem, "events could not be put on the bus");
    }
    let mut causes: Vec<_> = entries.iter().filter_map(|entry| entry.cause.as_deref()).collect();
    causes.dedup();
    let causes = causes.join(" ");
    tracing::info!(
        records = good,
        failed = records.len() - good,
        events = entries.len(),
        causes,
        "published"
    );
    let mut response = DynamoDbEventResponse::default();
    response.batch_item_failures = records[good..].iter().map(failure_of).collect();
    response
}

/// Opens a connection to the bus, so that the first event need not. The bus takes no empty request, and says so; that
/// it answers is all there is to it.
pub async fn warm_up(ports: &Ports) -> Result<(), BusError> {
    match ports.bus.put_events().send().await.map_err(bus::from_sdk) {
        Ok(_) | Err(BusError::Refused { .. }) => Ok(()),
        Err(problem) => Err(problem),
    }
}

fn told_by(record: &EventRecord) -> Result<Vec<Entry>, Unreadable> {
    let image = serde_json::to_value(&record.change.new_image);
    entry::of_image(&image.map_err(Unreadable::Image)?)
}

fn failure_of(record: &EventRecord) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier.clone_from(&record.change.sequence_number);
    failure
}
