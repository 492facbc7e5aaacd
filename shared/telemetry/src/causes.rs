//! An error with the chain of its causes, for the log. An error's own text leaves its causes out.

use std::error::Error;
use std::fmt;

/// Shows an error and the chain of its causes, joined by colons.
///
/// ```
/// let problem = std::str::from_utf8(&[0xff]).map_err(std::io::Error::other).unwrap_err();
/// # #[derive(Debug)] struct Outer(std::io::Error);
/// # impl std::fmt::Display for Outer { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("no name") } }
/// # impl std::error::Error for Outer { fn source(&self) -> Option<&(dyn std::error::Error + 'static)> { Some(&self.0) } }
/// let shown = telemetry::Causes(&Outer(problem)).to_string();
/// assert_eq!(shown, "no name: invalid utf-8 sequence of 1 bytes from index 0");
/// ```
pub struct Causes<'a>(pub &'a dyn Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cause = Some(self.0);
        let mut before = "";
        while let Some(error) = cause {
            write!(f, "{before}{error}")?;
            before = ": ";
            cause = error.source();
        }
        Ok(())
    }
}
