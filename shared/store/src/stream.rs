//! The stream of `accounts`: each account item as a commit left it, with the events of the commit. Events stay JSON here, so
//! those of a newer writer, and their unknown fields, are read as they were written.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::tables::{ACCOUNT_ID, CORE, PART};

/// The parts of a commit that its events share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The account's id.
    pub account: String,
    /// The account's version after the commit.
    pub version: u64,
    /// The instant of the commit.
    pub at: Timestamp,
    /// Its correlation id.
    pub cause: Option<String>,
}

/// The events of a commit, in their order.
pub type Events = Vec<Map<String, Value>>;

/// An image that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// An attribute is missing, or has a shape that no version writes.
    #[error("its {0} cannot be read")]
    Attribute(&'static str),
    /// The events are no list of objects.
    #[error("its facts cannot be read")]
    Events(#[source] serde_json::Error),
}

/// Reads the image of an item, in DynamoDB's own JSON. Gives none for a part of an account that carries no events, and for a
/// commit without any.
///
/// # Errors
///
/// The first attribute that cannot be read:
///
/// ```
/// let image = serde_json::json!({
///     "accountId": { "S": "contoso" },
///     "part": { "S": "core" },
///     "asOf": { "N": "1764064800123" },
///     "facts": { "S": "[]" },
/// });
/// let problem = store::stream::read(&image).unwrap_err();
/// assert_eq!(problem.to_string(), "its version cannot be read");
/// ```
pub fn read(image: &Value) -> Result<Option<(Commit, Events)>, ImageError> {
    if image[PART]["S"] != CORE || image["facts"].is_null() {
        return Ok(None);
    }
    let text = |name| image[name]["S"].as_str().ok_or(ImageError::Attribute(name));
    let digits = |name| image[name]["N"].as_str().ok_or(ImageError::Attribute(name));
    let millisecond = digits("asOf")?.parse().map_err(|_| ImageError::Attribute("asOf"))?;
    let commit = Commit {
        account: text(ACCOUNT_ID)?.to_owned(),
        version: digits("version")?.parse().map_err(|_| ImageError::Attribute("version"))?,
        at: Timestamp::from_millisecond(millisecond).map_err(|_| ImageError::Attribute("asOf"))?,
        cause: image["correlation"]["S"].as_str().map(str::to_owned),
    };
    let events = serde_json::from_str(text("facts")?).map_err(ImageError::Events)?;
    Ok(Some((commit, events)))
}
