//! The correlation id: it ties together the log lines, commits and events that follow from one API request or scheduled run. A
//! commit with events carries it, each event inherits it, and the work on that event as well. One search over all logs finds
//! a debit, the recharge that it led to, and the mail.
//!
//! It is task-local rather than an argument, since it serves diagnosis only and no decision reads it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use tracing::Instrument;

/// The most characters of an id. The ids of API Gateway have 16, those of Lambda, Scheduler and SQS 36.
const LONGEST: usize = 64;

/// A correlation id: 1 to 64 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correlation(Arc<str>);

tokio::task_local! {
    static CURRENT: Option<Correlation>;
}

impl Correlation {
    /// Reads an id that another service made. Returns `None` if it is not 1 to 64 visible ASCII characters.
    ///
    /// ```
    /// use telemetry::Correlation;
    /// assert_eq!(Correlation::parse("JKJaXmPLvHcESHA=").unwrap().as_str(), "JKJaXmPLvHcESHA=");
    /// assert!(["", "two words", "é"].into_iter().all(|text| Correlation::parse(text).is_none()));
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let valid = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        valid.then(|| Self(text.into()))
    }

    /// The correlation id of the current task, if it has one.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok().flatten()
    }

    /// The text of the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Correlation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Runs `work` with `cause` as its correlation id. Its log lines show the id, and its commits pass it on.
pub fn because_of<T>(cause: Option<Correlation>, work: impl Future<Output = T>) -> impl Future<Output = T> {
    // A span of level ERROR is kept at every log level.
    let span = match &cause {
        Some(cause) => tracing::error_span!("because", correlation = %cause),
        None => tracing::Span::none(),
    };
    // Boxed, since a handler's future is large and moved often.
    CURRENT.scope(cause, Box::pin(work).instrument(span))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Option<Correlation> {
        Correlation::parse(text)
    }

    #[tokio::test]
    async fn it_holds_within_the_work_and_not_beyond() {
        assert_eq!(Correlation::current(), None);
        because_of(id("outer"), async {
            assert_eq!(Correlation::current(), id("outer"));
            because_of(id("inner"), async {
                tokio::task::yield_now().await;
                assert_eq!(Correlation::current(), id("inner"));
            })
            .await;
            because_of(None, async { assert_eq!(Correlation::current(), None) }).await;
            assert_eq!(Correlation::current(), id("outer"));
        })
        .await;
        assert_eq!(Correlation::current(), None);
    }

    #[test]
    fn what_is_too_long_is_none() {
        assert!(id(&"x".repeat(64)).is_some());
        assert!(id(&"x".repeat(65)).is_none());
    }
}
