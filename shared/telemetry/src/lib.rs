//! Logs and metrics for operators. No decision depends on them.
//!
//! | file | what |
//! |---|---|
//! | [`metric`] | all metrics, by name |
//! | [`emf`] | counts, in the format that CloudWatch reads from a log |
//! | [`correlation`] | the id that ties together the log lines, commits and events of one cause |
//! | [`causes`] | an error with its causes, for the log |

pub mod causes;
pub mod correlation;
pub mod emf;
pub mod metric;

pub use causes::Causes;
pub use correlation::Correlation;
pub use emf::Emf;
pub use metric::Metric;
