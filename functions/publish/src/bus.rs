//! The event bus: EventBridge's `PutEvents`, which takes a few entries at a time and may refuse some of them inside
//! a 200. Only those are sent again.

use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use domain::fact::Event;
use telemetry::metric::{EVENTS_FAILED, EVENTS_PUBLISHED};

use crate::entry::Entry;

/// `PutEvents` takes no more entries, …
const MAX_ENTRIES: usize = 10;
/// … and no more bytes.
const MAX_BYTES: usize = 256 * 1024;
/// What an entry's time counts for.
const TIME_BYTES: usize = 14;

/// How often an entry is sent before whoever called is told.
const TRIES: u32 = 4;
/// The pause before the second try; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A bus, by its name.
pub(crate) struct Bus<'a> {
    pub(crate) client: &'a Client,
    pub(crate) name: &'a str,
}

/// Entries could not be put on the bus.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The bus did not answer, or asked to slow down, more often than is tried. The caller comes back later.
    #[error("the bus is unavailable ({code})")]
    Unavailable {
        /// Its error code, or the kind of failure.
        code: String,
        /// What the SDK said.
        #[source]
        source: BoxError,
    },
    /// It answered, and refused entries more often than is tried. The caller comes back later.
    #[error("the bus refused {count} entries ({code})")]
    Entries {
        /// How many.
        count: usize,
        /// The error code of the first.
        code: String,
    },
    /// The request itself is wrong: a mistake of ours, or a missing bus or permission.
    #[error("the bus refused the request ({code})")]
    Refused {
        /// Its error code.
        code: String,
        /// What the SDK said.
        #[source]
        source: BoxError,
    },
}

/// What is not on the bus.
#[derive(Debug)]
pub(crate) struct Unsent {
    /// The place of the first that is not; all before it are.
    pub(crate) first: usize,
    /// Why.
    pub(crate) problem: BusError,
}

impl Bus<'_> {
    /// Puts entries on the bus, in their order, up to the first request that comes to nothing.
    pub(crate) async fn put(&self, entries: &[Entry]) -> Result<(), Unsent> {
        let mut sent = 0;
        while sent < entries.len() {
            let end = sent + how_many_fit(&entries[sent..]);
            self.put_together(&entries[sent..end])
                .await
                .map_err(|unsent| Unsent { first: sent + unsent.first, ..unsent })?;
            sent = end;
        }
        Ok(())
    }

    /// The entries of one request.
    async fn put_together(&self, entries: &[Entry]) -> Result<(), Unsent> {
        let mut pending: Vec<usize> = (0..entries.len()).collect();
        let mut pause = FIRST_PAUSE;
        let mut tries = 1;
        loop {
            let problem = match self.send(entries, &pending).await {
                Ok(refused) => {
                    let Some((_, code)) = refused.first() else { return Ok(()) };
                    let problem = BusError::Entries { count: refused.len(), code: code.clone() };
                    pending = refused.into_iter().map(|(place, _)| place).collect();
                    problem
                }
                Err(problem) => problem,
            };
            if tries == TRIES || matches!(problem, BusError::Refused { .. }) {
                return Err(Unsent { first: pending[0], problem });
            }
            tracing::warn!(%problem, tries, "the bus is asked again");
            tokio::time::sleep(jittered(pause)).await;
            pause *= 2;
            tries += 1;
        }
    }

    /// Sends these once; gives those that were refused, each with its error code.
    async fn send(&self, entries: &[Entry], places: &[usize]) -> Result<Vec<(usize, String)>, BusError> {
        let sent = places.iter().map(|&place| self.request_entry(&entries[place])).collect();
        let result = self.client.put_events().set_entries(Some(sent)).send().await;
        let output = result.map_err(|error| {
            EVENTS_FAILED.add(places.len() as u64);
            from_sdk(error)
        })?;
        let results = places.iter().zip(output.entries());
        let refused: Vec<_> =
            results.filter_map(|(&place, result)| Some((place, result.error_code()?.to_owned()))).collect();
        EVENTS_PUBLISHED.add((places.len() - refused.len()) as u64);
        EVENTS_FAILED.add(refused.len() as u64);
        Ok(refused)
    }

    fn request_entry(&self, entry: &Entry) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(self.name)
            .source(Event::SOURCE)
            .detail_type(&entry.kind)
            .detail(&entry.detail)
            .time(DateTime::from_millis(entry.at.as_millisecond()))
            .build()
    }
}

/// Half of it to all of it, so that those who were refused together do not come back together.
fn jittered(pause: Duration) -> Duration {
    let micros = u64::try_from(pause.as_micros()).expect("a pause is short");
    Duration::from_micros(fastrand::u64(micros / 2..=micros))
}

/// How many of these go into one request; at least one, since what is too large for any is for the bus to refuse.
fn how_many_fit(entries: &[Entry]) -> usize {
    let mut bytes = 0;
    let fitting = entries.iter().take(MAX_ENTRIES).take_while(|entry| {
        bytes += TIME_BYTES + Event::SOURCE.len() + entry.kind.len() + entry.detail.len();
        bytes <= MAX_BYTES
    });
    fitting.count().max(1)
}

/// Codes after which the same request may be sent again.
const TRANSIENT: [&str; 4] =
    ["InternalException", "InternalFailure", "ServiceUnavailable", "ThrottlingException"];

/// Maps what the SDK says, once, keeping its kind.
pub(crate) fn from_sdk<E>(error: SdkError<E>) -> BusError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let (code, transient) = match &error {
        SdkError::ServiceError(context) => {
            let code = context.err().code().unwrap_or("unknown").to_owned();
            let transient = TRANSIENT.contains(&code.as_str()) || context.raw().status().is_server_error();
            (code, transient)
        }
        SdkError::ConstructionFailure(_) => ("invalid request".to_owned(), false),
        SdkError::TimeoutError(_) => ("timeout".to_owned(), true),
        _ => ("no reply".to_owned(), true),
    };
    let source = error.into();
    if transient { BusError::Unavailable { code, source } } else { BusError::Refused { code, source } }
}
