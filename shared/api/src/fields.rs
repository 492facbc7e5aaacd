//! The fields of a JSON body. They are read one by one, so that a problem names every wrong field and not only the first.
//!
//! ```
//! use api::fields::anything;
//! use api::{Fields, Problem};
//! use contract::{Amount, Code, FieldError};
//!
//! let read = |body: &str| {
//!     let mut fields = Fields::read(body.as_bytes())?;
//!     let amount = fields.required("amount", anything::<Amount>);
//!     let reason = fields.optional("reason", |text: String| {
//!         if text.len() <= 3 { Ok(text) } else { Err(FieldError::new("reason", Code::TooLong, "expected at most 3 characters")) }
//!     });
//!     fields.finish(|| Some((amount?, reason)))
//! };
//! assert!(read(r#"{"amount": "1.50", "reason": null}"#).is_ok());
//! let Err(Problem::Invalid(errors)) = read(r#"{"amount": 1.5, "reason": "long", "colour": "blue"}"#) else { panic!() };
//! let codes: Vec<_> = errors.iter().map(|error| (error.field.as_str(), error.code)).collect();
//! assert_eq!(codes, [("amount", Code::WrongType), ("reason", Code::TooLong), ("colour", Code::Unknown)]);
//! ```

use std::fmt;
use std::ops::RangeInclusive;

use contract::{Code, FieldError};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::problem::Problem;

/// The most fields that a problem names. The limit keeps the answer small, however many fields a body has.
const MAX_ERRORS: usize = 100;

/// The most characters of an unknown field's name that a problem repeats.
const MAX_SHOWN_CHARS: usize = 64;

/// A requested change to an optional value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// The field is left out: the value stays.
    #[default]
    Keep,
    /// The value is set, or cleared by `None`.
    Set(Option<T>),
}

impl<T> Change<T> {
    /// The value after the change.
    pub fn of(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::Set(value) => value,
        }
    }
}

/// The fields of an object that have not been read yet, and the errors found so far.
#[derive(Debug, Default)]
pub struct Fields {
    values: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// Parses a body, which must be a JSON object.
    ///
    /// # Errors
    ///
    /// [`Problem::Unreadable`] if the body is not JSON, [`Problem::Invalid`] if it is not an object.
    pub fn read(body: &[u8]) -> Result<Self, Problem> {
        let broken = |error: serde_json::Error| Problem::Unreadable(format!("broken JSON: {error}"));
        serde_json::from_slice::<IgnoredAny>(body).map_err(broken)?;
        let not_an_object = |error: serde_json::Error| {
            if error.is_data() {
                Problem::field("body", Code::WrongType, "expected a JSON object")
            } else {
                broken(error)
            }
        };
        serde_json::from_slice(body).map_err(not_an_object)
    }

    /// Reads a field that must be given. Returns `None` if it is missing, `null` or wrong; [`Fields::finish`] then returns the
    /// error.
    pub fn required<T: DeserializeOwned, U, E: Into<Vec<FieldError>>>(
        &mut self,
        name: &str,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U> {
        match self.values.remove(name) {
            None | Some(Value::Null) => self.wrong(FieldError::new(name, Code::Missing, "expected a value")),
            Some(value) => self.parse(name, value, parse),
        }
    }

    /// Reads a field that may be left out or `null`. Returns `None` then, and also if the value is wrong; in that case
    /// [`Fields::finish`] returns the error.
    pub fn optional<T: DeserializeOwned, U, E: Into<Vec<FieldError>>>(
        &mut self,
        name: &str,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U> {
        self.values
            .remove(name)
            .filter(|value| !value.is_null())
            .and_then(|value| self.parse(name, value, parse))
    }

    /// Reads a change to an optional value. A field that is left out keeps it. `null` clears it, and so does a value that
    /// `parse` maps to `None`.
    pub fn change<T: DeserializeOwned, U, E: Into<Vec<FieldError>>>(
        &mut self,
        name: &str,
        parse: impl FnOnce(T) -> Result<Option<U>, E>,
    ) -> Change<U> {
        match self.values.remove(name) {
            None => Change::Keep,
            Some(Value::Null) => Change::Set(None),
            Some(value) => self.parse(name, value, parse).map_or(Change::Keep, Change::Set),
        }
    }

    /// Reads a change to a value that cannot be cleared. A field that is left out keeps it, and `null` is wrong.
    pub fn change_kept<T: DeserializeOwned, U, E: Into<Vec<FieldError>>>(
        &mut self,
        name: &str,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U> {
        match self.values.remove(name)? {
            Value::Null => {
                let expected = "expected a value: this field cannot be cleared; left out, it stays as it is";
                self.wrong(FieldError::new(name, Code::Missing, expected))
            }
            value => self.parse(name, value, parse),
        }
    }

    /// Ends the reading: returns the value that `body` makes of the fields.
    ///
    /// # Errors
    ///
    /// [`Problem::Invalid`] if a field is wrong, or was given and never read. It lists the first 100 errors.
    /// [`Problem::Internal`] if `body` returns `None` although no field is wrong.
    pub fn finish<T>(mut self, body: impl FnOnce() -> Option<T>) -> Result<T, Problem> {
        let unknown =
            self.values.keys().map(|name| FieldError::new(shown(name), Code::Unknown, "unknown field"));
        self.errors.extend(unknown.take(MAX_ERRORS));
        self.errors.truncate(MAX_ERRORS);
        if !self.errors.is_empty() {
            return Err(Problem::Invalid(self.errors));
        }
        body().ok_or_else(|| Problem::Internal("a field without an error has no value".to_owned()))
    }

    fn wrong<T>(&mut self, error: FieldError) -> Option<T> {
        self.errors.push(error);
        None
    }

    fn parse<T: DeserializeOwned, U, E: Into<Vec<FieldError>>>(
        &mut self,
        name: &str,
        value: Value,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U> {
        let read = serde_path_to_error::deserialize(value).map_err(|error| wrong_value(name, &error).into());
        match read.and_then(|value| parse(value).map_err(Into::into)) {
            Ok(value) => Some(value),
            Err(errors) => {
                self.errors.extend(errors);
                None
            }
        }
    }
}

/// A `parse` function that accepts every value of the field's type.
///
/// # Errors
///
/// Never.
pub fn anything<T>(value: T) -> Result<T, FieldError> {
    Ok(value)
}

/// Whether a text has the form of a country's code in ISO 3166-1 alpha-2: two capitals.
pub fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Checks a whole number of a field against a range. In JSON, `60.0` is one.
///
/// ```
/// use api::fields::whole;
/// use serde_json::json;
///
/// let seconds = whole("seconds", 1..=60);
/// let check = |value: serde_json::Value| seconds(serde_json::from_value(value).unwrap());
/// assert_eq!(check(json!(60.0)).unwrap(), 60);
/// assert_eq!(check(json!(61)).unwrap_err().detail, "expected a whole number from 1 to 60");
/// assert!(check(json!(1.5)).is_err());
/// ```
pub fn whole(field: &'static str, range: RangeInclusive<u32>) -> impl Fn(Number) -> Result<u32, FieldError> {
    move |number| {
        let text = number.to_string();
        let digits = text.strip_suffix(".0").unwrap_or(&text);
        digits.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
            let expected = format!("expected a whole number from {} to {}", range.start(), range.end());
            FieldError::new(field, Code::OutOfRange, expected)
        })
    }
}

/// A `parse` function that trims a text, and accepts 1 to `longest` characters.
///
/// ```
/// let reason = api::fields::text("reason", 5);
/// assert_eq!(reason(" a\nb ".to_owned()).unwrap(), "a\nb");
/// assert_eq!(reason("  ".to_owned()).unwrap_err().detail, "expected 1 to 5 characters");
/// assert!(reason("abcdef".to_owned()).is_err());
/// ```
pub fn text(field: &'static str, longest: usize) -> impl Fn(String) -> Result<String, FieldError> {
    move |text| {
        let text = text.trim();
        let code = match text.chars().count() {
            0 => Code::Missing,
            count if count > longest => Code::TooLong,
            _ => return Ok(text.to_owned()),
        };
        Err(FieldError::new(field, code, format!("expected 1 to {longest} characters")))
    }
}

/// The same for a text on one line.
///
/// ```
/// let name = api::fields::line("name", 5);
/// assert_eq!(name(" a b ".to_owned()).unwrap(), "a b");
/// assert_eq!(name("a\nb".to_owned()).unwrap_err().detail, "expected 1 to 5 characters on one line");
/// ```
pub fn line(field: &'static str, longest: usize) -> impl Fn(String) -> Result<String, FieldError> {
    let text = text(field, longest);
    move |line| {
        let one_line =
            |error: FieldError| FieldError { detail: format!("{} on one line", error.detail), ..error };
        let line = text(line).map_err(one_line)?;
        if line.chars().any(char::is_control) {
            let expected = format!("expected 1 to {longest} characters on one line");
            return Err(FieldError::new(field, Code::WrongFormat, expected));
        }
        Ok(line)
    }
}

/// The part of a field's name that a problem repeats.
fn shown(name: &str) -> String {
    name.chars().take(MAX_SHOWN_CHARS).collect()
}

fn wrong_value(name: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> FieldError {
    let detail = error.inner().to_string();
    let field = match error.path().to_string() {
        path if path == "." => name.to_owned(),
        path if path.starts_with('[') => format!("{name}{path}"),
        path => format!("{name}.{path}"),
    };
    // serde distinguishes these errors only in its text.
    let code = match &detail {
        text if text.starts_with("invalid type") || text.starts_with("invalid value: map") => Code::WrongType,
        text if text.starts_with("unknown variant") => Code::NotAllowed,
        _ => Code::WrongFormat,
    };
    FieldError { field, code, detail }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if fields.values.contains_key(&name) {
                        fields.errors.push(FieldError::new(shown(&name), Code::Repeated, "given twice"));
                    }
                    fields.values.insert(name, value);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::Amount;

    /// A body with a required amount and optional sizes.
    fn read(json: &str) -> Result<(Amount, Option<Vec<u8>>), Problem> {
        let mut fields = Fields::read(json.as_bytes())?;
        let amount = fields.required("amount", anything);
        let sizes = fields.optional("sizes", anything);
        fields.finish(|| Some((amount?, sizes)))
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (json, status, named) in [
            ("{\"amount\": \"1\"", 400, vec![]),
            ("nonsense", 400, vec![]),
            ("", 400, vec![]),
            ("{\"amount\": \"1\"} x", 400, vec![]),
            ("[\"1\", null", 400, vec![]),
            ("{\"amount\": 1}", 422, vec![("amount", Code::WrongType)]),
            ("{\"amount\": \"one\"}", 422, vec![("amount", Code::WrongFormat)]),
            ("{\"amount\": \"1\", \"colour\": 1}", 422, vec![("colour", Code::Unknown)]),
            ("{}", 422, vec![("amount", Code::Missing)]),
            ("{\"amount\": null}", 422, vec![("amount", Code::Missing)]),
            ("{\"amount\": \"1\", \"amount\": \"2\"}", 422, vec![("amount", Code::Repeated)]),
            ("[]", 422, vec![("body", Code::WrongType)]),
            (" [\"1\", null]", 422, vec![("body", Code::WrongType)]),
            ("3", 422, vec![("body", Code::WrongType)]),
            ("{\"amount\": \"1\", \"sizes\": [1, 999]}", 422, vec![("sizes[1]", Code::WrongFormat)]),
            ("{\"amount\": \"1\", \"sizes\": {\"a\": 1}}", 422, vec![("sizes", Code::WrongType)]),
            (
                "{\"sizes\": true, \"colour\": 1, \"taste\": 2}",
                422,
                vec![
                    ("amount", Code::Missing),
                    ("sizes", Code::WrongType),
                    ("colour", Code::Unknown),
                    ("taste", Code::Unknown),
                ],
            ),
        ] {
            let problem = read(json).expect_err(json);
            assert_eq!(problem.status(), status, "{json}: {problem:?}");
            let errors = if let Problem::Invalid(errors) = problem { errors } else { Vec::new() };
            let found: Vec<_> = errors.iter().map(|error| (error.field.as_str(), error.code)).collect();
            assert_eq!(found, named, "{json}");
        }
    }

    #[test]
    fn a_problem_stays_small_whatever_a_body_has() {
        let names: Vec<_> = (0..10_000).map(|number| format!("\"{}{number}\": 0", "x".repeat(100))).collect();
        let Err(Problem::Invalid(errors)) = read(&format!("{{{}}}", names.join(","))) else {
            panic!("the fields are unknown")
        };
        assert_eq!(errors.len(), MAX_ERRORS);
        assert!(errors.iter().all(|error| error.field.len() <= MAX_SHOWN_CHARS));
    }

    #[test]
    fn null_takes_a_value_away_only_where_there_may_be_none() {
        let read = |json: &str| {
            let mut fields = Fields::read(json.as_bytes()).unwrap();
            let number = fields.change("poNumber", |number: String| anything(Some(number)));
            let name = fields.change_kept("name", anything::<String>);
            fields.finish(|| Some((number, name)))
        };
        assert_eq!(read("{}").unwrap(), (Change::Keep, None));
        assert_eq!(read("{\"poNumber\": null}").unwrap(), (Change::Set(None), None));
        assert_eq!(read("{\"poNumber\": \"7\"}").unwrap(), (Change::Set(Some("7".to_owned())), None));
        let Err(Problem::Invalid(errors)) = read("{\"name\": null}") else {
            panic!("a name cannot be cleared")
        };
        assert_eq!((errors[0].field.as_str(), errors[0].code), ("name", Code::Missing));
    }
}
