//! Running a function on AWS Lambda: its start, and the handling of each event.

use std::error::Error as StdError;
use std::io::{self, Write};
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join;
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use telemetry::{Causes, Emf};
use tokio::sync::Semaphore;
use tracing::{Instrument, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The longest time that a start waits for connections. The first event opens those that are still missing.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the warm-up lets the runtime go first: enough for it to connect and to send its request.
const YIELDS: usize = 8;

/// The filter directive that keeps the span of Lambda's runtime at every log level. The span carries an event's id.
const EVENT_SPAN: &str = "lambda_runtime::layers::trace=info";

/// A function on Lambda, with its logs and metrics set up.
pub struct Function {
    /// The name it is deployed under.
    name: String,
    /// None unless `METRICS_NAMESPACE` is set.
    metrics: Option<Emf>,
}

impl Function {
    /// Sets up logs and, if the setting `METRICS_NAMESPACE` names a namespace, metrics.
    ///
    /// # Errors
    ///
    /// The process has a log subscriber or a metrics recorder already.
    pub fn start() -> Result<Self, Error> {
        let level = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        tracing::subscriber::set_global_default(logs(level, io::stdout))?;
        let metrics = std::env::var("METRICS_NAMESPACE").ok().map(Emf::new);
        if let Some(metrics) = &metrics {
            metrics.install().map_err(|problem| problem.to_string())?;
        }
        Ok(Self { name: std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default(), metrics })
    }

    /// Handles events for as long as Lambda keeps the process. The warm-up runs while the runtime asks for the first event, which
    /// waits for its end. A warm-up that fails or takes more than a second is logged, and the function goes on. The counts of an
    /// event are written when it ends, even by a panic.
    ///
    /// # Errors
    ///
    /// The Lambda runtime fails. An error of `handle` fails its event only.
    pub fn run<T, R, E, W>(
        self,
        warm_up: impl Future<Output = Result<(), W>>,
        handle: impl AsyncFn(LambdaEvent<T>) -> Result<R, E>,
    ) -> impl Future<Output = Result<(), Error>>
    where
        T: DeserializeOwned,
        R: Serialize,
        E: Into<Error>,
        W: StdError + 'static,
    {
        let Self { name, metrics } = self;
        let life = async move {
            // Closed once the function is warm. It never has permits.
            let warmed_up = Semaphore::new(0);
            let (handle, metrics, warmed_up) = (&handle, metrics.as_ref(), &warmed_up);
            let answer = service_fn(async |event: LambdaEvent<T>| {
                // The wait ends with an error when the semaphore is closed; it never ends otherwise.
                let _ = warmed_up.acquire().await;
                let _at_the_end = Written { metrics, out: io::stdout() };
                handle(event).await.map_err(Into::into)
            });
            let warm_up = async {
                warm(warm_up).await;
                warmed_up.close();
            };
            join(lambda_runtime::run(answer), warm_up).await.0
        };
        // Boxed, since this future is large.
        Box::pin(life).instrument(tracing::error_span!("function", function = name))
    }
}

/// The instant at which work on an event must stop, so that `to_answer` is left before the Lambda deadline.
pub fn until(context: &Context, to_answer: Duration) -> tokio::time::Instant {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    tokio::time::Instant::now() + left.saturating_sub(to_answer)
}

/// Writes the metrics when it is dropped, also while a panic unwinds.
struct Written<'a, W: Write> {
    metrics: Option<&'a Emf>,
    out: W,
}

impl<W: Write> Drop for Written<'_, W> {
    fn drop(&mut self) {
        let Some(metrics) = self.metrics else { return };
        // Written in one piece, so that no log line comes between.
        let mut lines = Vec::new();
        let written = metrics.flush(SystemTime::now(), &mut lines);
        if let Err(problem) = written.and_then(|()| self.out.write_all(&lines)) {
            tracing::warn!(%problem, "metrics could not be written");
        }
    }
}

async fn warm<W: StdError + 'static>(warm_up: impl Future<Output = Result<(), W>>) {
    // The runtime's request for the first event goes first.
    for _ in 0..YIELDS {
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    match tokio::time::timeout(PATIENCE, warm_up).await {
        Ok(Ok(())) => {
            let microseconds =
                u64::try_from(begun.elapsed().as_micros()).expect("the warm-up takes at most a second");
            tracing::info!(microseconds, "warmed up");
        }
        Ok(Err(problem)) => tracing::warn!(problem = %Causes(&problem), "could not warm up"),
        Err(_) => tracing::warn!(?PATIENCE, "gave up warming up"),
    }
}

/// The log subscriber. It writes one JSON object per line, so that Lambda's log groups can be searched by field. Each line has
/// the name of the function, the event's `requestId`, and the `correlation` that it shares with lines of other functions.
pub fn logs<W>(level: EnvFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = level.add_directive(EVENT_SPAN.parse().expect("the directive is valid"));
    let json = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(false);
    json.with_env_filter(level).with_writer(writer).finish()
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use telemetry::metric::DEBITS;

    use super::*;

    #[test]
    fn a_panic_writes_what_was_counted() {
        let (metrics, mut out) = (Emf::new("n"), Vec::new());
        let outcome = catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _at_the_end = Written { metrics: Some(&metrics), out: &mut out };
            metrics::with_local_recorder(&metrics, || DEBITS.add(3));
            panic!("a bug in a handler");
        }));
        assert!(outcome.is_err());
        assert!(String::from_utf8(out).unwrap().starts_with(r#"{"Debits":3,"#));
    }
}
