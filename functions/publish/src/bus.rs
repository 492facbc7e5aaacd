//! The event bus: EventBridge's `PutEvents`, which takes a few entries at a time and may refuse some of them inside a 200.
//! Entries that it refuses for now are sent again. Entries that it refuses for good are reported, and do not delay others.

use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use domain::event::Event;
use telemetry::metric::{EVENTS_FAILED, EVENTS_PUBLISHED};

use crate::entry::Entry;

/// The most entries that `PutEvents` takes.
const MAX_ENTRIES: usize = 10;
/// The most bytes that `PutEvents` takes.
const MAX_BYTES: usize = 256 * 1024;
/// The bytes that an entry's time counts for.
const TIME_BYTES: usize = 14;

/// The number of tries of an entry before its failure is reported.
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
    /// The bus did not answer, or throttled the request, at every try. The caller tries again later.
    #[error("the bus is unavailable ({code})")]
    Unavailable {
        /// Its error code, or the kind of failure.
        code: String,
        /// The SDK's error.
        #[source]
        source: BoxError,
    },
    /// The bus answered, and refused entries at every try. The caller tries again later.
    #[error("the bus refused {count} entries ({code})")]
    Entries {
        /// The number of refused entries.
        count: usize,
        /// The error code of the first.
        code: String,
    },
    /// The bus finds the request invalid because of one of its entries, such as one that is too large.
    #[error("the bus finds the request invalid ({code})")]
    Invalid {
        /// Its error code.
        code: String,
        /// The SDK's error.
        #[source]
        source: BoxError,
    },
    /// The bus or a permission is missing, so no request can succeed. The caller tries again later, when that is mended.
    #[error("the bus refused the request ({code})")]
    Refused {
        /// Its error code.
        code: String,
        /// The SDK's error.
        #[source]
        source: BoxError,
    },
}

/// The result for entries.
#[derive(Debug, Default)]
pub(crate) struct Put {
    /// Entries that the bus refuses for good.
    pub(crate) refused: Vec<Refused>,
    /// Set if not all entries were sent. All entries before it are on the bus, or refused for good.
    pub(crate) unsent: Option<Unsent>,
}

/// An entry that the bus refuses for good.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Its index.
    pub(crate) place: usize,
    /// The bus's error code.
    pub(crate) code: String,
}

/// The entries that are not on the bus.
#[derive(Debug)]
pub(crate) struct Unsent {
    /// The index of the first of them.
    pub(crate) first: usize,
    /// Why.
    pub(crate) problem: BusError,
}

impl Bus<'_> {
    /// Puts entries on the bus, in their order, up to the first request that fails.
    pub(crate) async fn put(&self, entries: &[Entry]) -> Put {
        let mut put = Put::default();
        let mut next = 0;
        while next < entries.len() && put.unsent.is_none() {
            let end = next + how_many_fit(&entries[next..]);
            put.unsent = self.put_together(entries, (next..end).collect(), &mut put.refused).await.err();
            next = end;
        }
        put
    }

    /// Puts the entries of one request on the bus, by their indexes.
    async fn put_together(
        &self,
        entries: &[Entry],
        mut pending: Vec<usize>,
        refused: &mut Vec<Refused>,
    ) -> Result<(), Unsent> {
        let mut pause = FIRST_PAUSE;
        let mut tries = 1;
        loop {
            let problem = match self.send(entries, &pending).await {
                Ok(failed) => {
                    let (for_good, for_now): (Vec<_>, Vec<_>) =
                        failed.into_iter().partition(|failed| PERMANENT.contains(&failed.code.as_str()));
                    refused.extend(for_good);
                    let Some(first) = for_now.first() else { return Ok(()) };
                    let problem = BusError::Entries { count: for_now.len(), code: first.code.clone() };
                    pending = for_now.into_iter().map(|failed| failed.place).collect();
                    problem
                }
                Err(BusError::Invalid { code, .. }) => {
                    let [place] = pending[..] else { return self.put_each(entries, pending, refused).await };
                    refused.push(Refused { place, code });
                    return Ok(());
                }
                Err(problem) => problem,
            };
            if tries == TRIES || matches!(problem, BusError::Refused { .. }) {
                return Err(Unsent { first: pending[0], problem });
            }
            tracing::warn!(%problem, tries, "entries are sent to the bus again");
            tokio::time::sleep(jittered(pause)).await;
            pause *= 2;
            tries += 1;
        }
    }

    /// Sends one entry in each request, since the bus found a request invalid and does not say which of its entries is.
    async fn put_each(
        &self,
        entries: &[Entry],
        places: Vec<usize>,
        refused: &mut Vec<Refused>,
    ) -> Result<(), Unsent> {
        for place in places {
            Box::pin(self.put_together(entries, vec![place], refused)).await?;
        }
        Ok(())
    }

    /// Sends these entries once, and returns those that were refused.
    async fn send(&self, entries: &[Entry], places: &[usize]) -> Result<Vec<Refused>, BusError> {
        let sent = places.iter().map(|&place| self.request_entry(&entries[place])).collect();
        let result = self.client.put_events().set_entries(Some(sent)).send().await;
        let output = result.map_err(|error| {
            EVENTS_FAILED.add(places.len() as u64);
            from_sdk(error)
        })?;
        let results = places.iter().zip(output.entries());
        let refused: Vec<_> = results
            .filter_map(|(&place, result)| Some(Refused { place, code: result.error_code()?.to_owned() }))
            .collect();
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

/// A random time from half of the pause to all of it, so that entries refused together are not sent again together.
fn jittered(pause: Duration) -> Duration {
    let micros = u64::try_from(pause.as_micros()).expect("a pause is short");
    Duration::from_micros(fastrand::u64(micros / 2..=micros))
}

/// The number of entries that fit one request; at least one, since the bus itself refuses an entry that is too large.
fn how_many_fit(entries: &[Entry]) -> usize {
    let mut bytes = 0;
    let fitting = entries.iter().take(MAX_ENTRIES).take_while(|entry| {
        bytes += TIME_BYTES + Event::SOURCE.len() + entry.kind.len() + entry.detail.len();
        bytes <= MAX_BYTES
    });
    fitting.count().max(1)
}

/// Codes of entries that no further try helps. Source: EventBridge's API reference, `PutEventsResultEntry`. Its other codes
/// that are not to be tried again stand for a missing permission, which is an outage of the service and no fault of the
/// entry.
const PERMANENT: [&str; 3] = ["InvalidArgument", "MalformedDetail", "RedactionFailure"];

/// Codes of requests whose entries are at fault.
const INVALID: [&str; 4] =
    ["InvalidArgument", "RequestEntityTooLargeException", "SerializationException", "ValidationException"];

/// Codes after which the same request may be sent again.
const TRANSIENT: [&str; 4] =
    ["InternalException", "InternalFailure", "ServiceUnavailable", "ThrottlingException"];

/// The error code of a call that failed, or the kind of failure.
pub(crate) fn code_of<E: ProvideErrorMetadata>(error: &SdkError<E>) -> &str {
    match error {
        SdkError::ServiceError(context) => context.err().code().unwrap_or("unknown"),
        SdkError::ConstructionFailure(_) => "invalid request",
        SdkError::TimeoutError(_) => "timeout",
        _ => "no reply",
    }
}

/// Maps the SDK's error, keeping its kind.
pub(crate) fn from_sdk<E>(error: SdkError<E>) -> BusError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = code_of(&error).to_owned();
    let invalid = INVALID.contains(&code.as_str());
    let transient = match &error {
        SdkError::ServiceError(context) => {
            TRANSIENT.contains(&code.as_str()) || context.raw().status().is_server_error()
        }
        SdkError::ConstructionFailure(_) => false,
        _ => true,
    };
    let source = error.into();
    if transient {
        BusError::Unavailable { code, source }
    } else if invalid {
        BusError::Invalid { code, source }
    } else {
        BusError::Refused { code, source }
    }
}
