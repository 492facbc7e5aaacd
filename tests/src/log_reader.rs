//! Reads the lines that a host of the tests logs, at the level of production: none may have a secret, a card's token, or a phone number
//! with its `+` (X2). A test that takes the log of its own thread reads that itself. A build without debug assertions reads nothing.

use std::io::{self, Write};
use std::sync::Once;

use tracing_subscriber::EnvFilter;

/// What begins a secret or a card's token.
const SECRETS: [&str; 8] =
    ["pm_", "sk_test_", "sk_live_", "rk_test_", "rk_live_", "whsec_", "_secret_", "Bearer "];

/// From so many digits after a `+` on, a number is somebody's.
const DIGITS_OF_A_NUMBER: usize = 8;

/// Reads the log of this process from now on. Benchmarks are built without it.
pub(crate) fn begin() {
    static BEGUN: Once = Once::new();
    if cfg!(debug_assertions) {
        BEGUN.call_once(|| {
            let logs = lambda::logs(EnvFilter::new("info"), || Reader);
            tracing::subscriber::set_global_default(logs)
                .expect("no test sets a subscriber for the whole process");
        });
    }
}

/// What a line may not have. `None` if it has nothing of that kind.
fn found_in(line: &str) -> Option<&'static str> {
    let secret = SECRETS.into_iter().find(|secret| line.contains(secret));
    let is_number = |after: &str| after.bytes().take_while(u8::is_ascii_digit).count() >= DIGITS_OF_A_NUMBER;
    secret.or_else(|| line.split('+').skip(1).any(is_number).then_some("a phone number"))
}

/// Takes one line at a time. The process ends at a bad one, since a panic here would only end the thread that logs.
struct Reader;

impl Write for Reader {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if let Some(found) = found_in(&text) {
            // Not by `eprintln`, which a test's thread captures.
            writeln!(io::stderr(), "X2: {found} was logged: {text}")?;
            std::process::abort();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_tokens_and_phone_numbers_are_found() {
        for (line, found) in [
            (r#"{"message":"charged","token":"pm_card_visa"}"#, Some("pm_")),
            ("key sk_live_4eC39", Some("sk_live_")),
            ("pi_3_secret_abc", Some("_secret_")),
            ("authorization: Bearer eyJ", Some("Bearer ")),
            ("to +33142687654", Some("a phone number")),
            ("1+1 and then +33142687654", Some("a phone number")),
            (r#"{"payment":"pur_0f34","at":"2026-11-22T10:00:00+00:00"}"#, None),
            ("destinations that begin with +3314", None),
        ] {
            assert_eq!(found_in(line), found, "{line}");
        }
    }
}
