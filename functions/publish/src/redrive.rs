//! Publishes undelivered records after the fault that kept them from the bus is mended. Each event has the id that it
//! would have had, so a record that is published twice is handled once.

use serde::{Deserialize, Serialize};
use telemetry::Causes;
use tokio::time::Instant;

use crate::Ports;
use crate::bucket::{BucketError, records_of};
use crate::bus::BusError;
use crate::tell::tell;

/// The undelivered records to publish.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Redrive {
    /// Only objects whose keys come after this one.
    pub after: Option<String>,
}

/// The result of a redrive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Redriven {
    /// Objects that were published and deleted.
    pub objects: usize,
    /// Events put on the bus.
    pub events: usize,
    /// Objects that stay, since they still cannot be published. The log has the reasons.
    pub left: usize,
    /// Set if time was up before the last object: `after` of the request that goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Not all undelivered records were published. The caller sends the request again.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// The bucket did not answer.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The bus did not accept the events.
    #[error("the events could not be put on the bus")]
    Bus(#[source] BusError),
}

/// Publishes undelivered records, object by object in the order of their keys, until all are published or time is up. An
/// object is deleted once its records are on the bus. If the process dies in between, the object is published again, with
/// the same ids.
pub async fn redrive(request: Redrive, ports: &Ports, until: Instant) -> Result<Redriven, RedriveError> {
    let mut done = Redriven::default();
    let mut after = request.after;
    loop {
        let keys = ports.undelivered.keys(after.as_deref()).await?;
        if keys.is_empty() {
            return Ok(done);
        }
        for key in keys {
            done.publish(&key, ports).await.inspect_err(|problem| {
                let problem = Causes(problem);
                tracing::error!(key, %problem, "this object and those after it were not published");
            })?;
            if Instant::now() >= until {
                done.next = Some(key);
                return Ok(done);
            }
            after = Some(key);
        }
    }
}

impl Redriven {
    /// Publishes the records of one object.
    async fn publish(&mut self, key: &str, ports: &Ports) -> Result<(), RedriveError> {
        let Some(object) = ports.undelivered.get(key).await? else { return Ok(()) };
        let records = match records_of(&object) {
            Ok(records) => records,
            Err(problem) => {
                tracing::error!(key, problem = %Causes(&problem), "an object cannot be read");
                self.left += 1;
                return Ok(());
            }
        };
        let told = tell(&records, ports).await;
        self.events += told.events;
        if let Some((_, problem)) = told.unsent {
            return Err(RedriveError::Bus(problem));
        }
        for (&place, why) in &told.poison {
            tracing::error!(key, place, why, "a record still cannot be published");
        }
        if !told.poison.is_empty() && records.len() == 1 {
            self.left += 1;
            return Ok(());
        }
        // Records of a batch that still cannot be published get objects of their own, which come later in this listing.
        for (&place, why) in &told.poison {
            ports.undelivered.store(&records[place], why).await?;
        }
        ports.undelivered.delete(key).await?;
        self.objects += 1;
        Ok(())
    }
}
