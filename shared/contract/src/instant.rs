//! Instants in answers.

use std::borrow::Cow;

use domain::time::key_text;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// An instant as every answer writes it: RFC 3339 in UTC, always with milliseconds, so that texts sort as their instants.
///
/// ```
/// let instant: contract::Instant = "2026-11-22T07:43:00Z".parse::<jiff::Timestamp>().unwrap().into();
/// assert_eq!(serde_json::to_string(&instant).unwrap(), r#""2026-11-22T07:43:00.000Z""#);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct Instant(Timestamp);

impl From<Timestamp> for Instant {
    fn from(instant: Timestamp) -> Self {
        Self(instant)
    }
}

impl From<Instant> for Timestamp {
    fn from(Instant(instant): Instant) -> Self {
        instant
    }
}

impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&key_text(self.0))
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl PartialSchema for Instant {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some(
                "RFC 3339 in UTC, always with milliseconds, so that texts sort as their instants",
            ))
            .examples(["2026-11-22T07:43:00.000Z"])
            .into()
    }
}

impl ToSchema for Instant {
    fn name() -> Cow<'static, str> {
        "Instant".into()
    }
}
