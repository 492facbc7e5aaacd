//! The entries of a commit's events on the bus. Events are handled as JSON, so events of a newer writer, and their unknown
//! fields, arrive as they were written.

use domain::event::Event;
use jiff::Timestamp;
use serde_json::{Map, Value};
use store::stream::{self, Commit, ImageError};

/// An event, ready for the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its type.
    pub(crate) kind: String,
    /// [`Event`] as JSON.
    pub(crate) detail: String,
    /// The instant of its commit.
    pub(crate) at: Timestamp,
    /// The correlation id of its commit.
    pub(crate) cause: Option<String>,
}

/// Why an image cannot be published.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error(transparent)]
    Image(#[from] ImageError),
    /// An event lacks its type.
    #[error("an event has no type")]
    Type,
}

impl Entry {
    /// The entry of the event with this number among those of a commit.
    pub(crate) fn of_event(
        commit: &Commit,
        number: u32,
        details: Map<String, Value>,
    ) -> Result<Self, Unreadable> {
        let kind = details.get("type").and_then(Value::as_str).ok_or(Unreadable::Type)?.to_owned();
        let mut detail = details;
        detail.insert("id".to_owned(), Event::id(&commit.account, commit.version, number).into());
        detail.insert("accountId".to_owned(), commit.account.as_str().into());
        detail.insert("version".to_owned(), commit.version.into());
        detail.insert("at".to_owned(), commit.at.to_string().into());
        if let Some(cause) = &commit.cause {
            detail.insert("correlationId".to_owned(), cause.as_str().into());
        }
        let detail = Value::Object(detail).to_string();
        Ok(Self { kind, detail, at: commit.at, cause: commit.cause.clone() })
    }
}

/// The entries of an image of the stream: one for each event.
pub(crate) fn of_image(image: &Value) -> Result<Vec<Entry>, Unreadable> {
    let Some((commit, events)) = stream::read(image)? else { return Ok(Vec::new()) };
    (0..).zip(events).map(|(number, event)| Entry::of_event(&commit, number, event)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{EventDetails, Money};
    use serde_json::json;

    fn image(events: &str) -> Value {
        json!({
            "accountId": { "S": "contoso" },
            "part": { "S": "core" },
            "version": { "N": "7" },
            "asOf": { "N": "1764064800123" },
            "facts": { "S": events },
            "correlation": { "S": "JKJaXmPLvHcESHA=" },
        })
    }

    #[test]
    fn each_event_is_one_of_the_domain() {
        let available =
            Money::new("-1.25".parse().unwrap(), domain::Currency::parse("EUR").unwrap()).unwrap();
        let events = [EventDetails::BalanceDepleted { available }, EventDetails::BalanceLow { available }];
        let entries = of_image(&image(&serde_json::to_string(&events).unwrap())).unwrap();
        let kinds: Vec<_> = entries.iter().map(|entry| entry.kind.as_str()).collect();
        assert_eq!(kinds, ["BalanceDepleted", "BalanceLow"]);
        for (number, (entry, details)) in (0..).zip(entries.iter().zip(events)) {
            let event = Event {
                id: format!("contoso#7#{number}"),
                account_id: "contoso".to_owned(),
                version: 7,
                at: Timestamp::from_millisecond(1_764_064_800_123).unwrap(),
                correlation_id: Some("JKJaXmPLvHcESHA=".to_owned()),
                republished: false,
                details,
            };
            assert_eq!(serde_json::from_str::<Event>(&entry.detail).unwrap(), event);
            let written: Value = serde_json::from_str(&entry.detail).unwrap();
            assert_eq!(written, serde_json::to_value(&event).unwrap(), "the event has no other fields");
            assert_eq!(entry.at, event.at);
        }
    }

    #[test]
    fn what_a_newer_writer_says_arrives_as_it_was_written() {
        let events = r#"[{"type":"CardExpiring","in":{"days":"12"}},{"type":"BalanceLow","available":{"amount":"1","currency":"EUR","held":"2"}}]"#;
        let entries = of_image(&image(events)).unwrap();
        let details: Vec<Value> =
            entries.iter().map(|entry| serde_json::from_str(&entry.detail).unwrap()).collect();
        assert_eq!(details[0]["in"], json!({ "days": "12" }));
        assert_eq!(details[1]["available"]["held"], "2");
        assert_eq!(entries[0].kind, "CardExpiring");
    }

    #[test]
    fn other_parts_and_silent_commits_tell_nothing() {
        let mut silent = image("[]");
        silent.as_object_mut().unwrap().remove("facts");
        let profile = json!({ "accountId": { "S": "a" }, "part": { "S": "profile" }, "facts": { "S": "?" } });
        for image in [silent, profile, json!({})] {
            assert_eq!(of_image(&image).unwrap(), []);
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let without = |field: &str| {
            let mut image = image("[]");
            image.as_object_mut().unwrap().remove(field);
            image
        };
        let cases = [
            (without("version"), "its version cannot be read"),
            (without("asOf"), "its asOf cannot be read"),
            (without("accountId"), "its accountId cannot be read"),
            (image("[7]"), "its facts cannot be read"),
            (image("{"), "its facts cannot be read"),
            (image(r#"[{"amount":"1"}]"#), "an event has no type"),
        ];
        for (image, expected) in cases {
            assert_eq!(of_image(&image).unwrap_err().to_string(), expected);
        }
    }
}
