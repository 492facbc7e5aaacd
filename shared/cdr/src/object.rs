//! JSON objects and lists. They are read field by field, so that a fault in one field or record does not hide the others (S3).

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::ReadError;

/// The most characters of an unknown name that a problem repeats.
const SHOWN_CHARS: usize = 64;

/// An object whose known fields are still raw text.
pub(crate) struct Object<'a, const N: usize> {
    names: &'static [&'static str; N],
    values: [Option<&'a RawValue>; N],
    /// The name of the first unknown field, cut to 64 characters.
    pub(crate) unknown: Option<String>,
    /// The first known field that is given twice. It is unclear which of the two values is meant.
    pub(crate) twice: Option<&'static str>,
}

impl<'a, const N: usize> Object<'a, N> {
    /// Reads the fields of a JSON object. Returns `None` if the value is not an object.
    pub(crate) fn read(raw: &'a RawValue, names: &'static [&'static str; N]) -> Option<Self> {
        serde_json::Deserializer::from_str(raw.get()).deserialize_map(Fields { names }).ok()
    }

    /// The raw text of a field, whose name must be one of `names`. Returns `None` if the field is absent or `null`.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let place = self.names.iter().position(|known| *known == name);
        debug_assert!(place.is_some(), "{name} is not one of {:?}", self.names);
        self.values[place?].filter(|raw| raw.get() != "null")
    }
}

struct Fields<const N: usize> {
    names: &'static [&'static str; N],
}

impl<'a, const N: usize> Visitor<'a> for Fields<N> {
    type Value = Object<'a, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut object = Object { names: self.names, values: [None; N], unknown: None, twice: None };
        while let Some((Text(name), value)) = map.next_entry::<Text<'a>, &'a RawValue>()? {
            match self.names.iter().position(|known| *known == name) {
                Some(place) if object.values[place].is_some() => {
                    object.twice.get_or_insert(self.names[place]);
                }
                Some(place) => object.values[place] = Some(value),
                None => {
                    object.unknown.get_or_insert_with(|| name.chars().take(SHOWN_CHARS).collect());
                }
            }
        }
        Ok(object)
    }
}

/// A string, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The content of a JSON string. Returns `None` if the value is not a string.
pub(crate) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(raw.get()).ok().map(|Text(text)| text)
}

/// Parses a whole body and checks its syntax to the end. After this, only the shape can be wrong.
pub(crate) fn document(body: &str) -> Result<&RawValue, ReadError> {
    serde_json::from_str(body).map_err(|problem| ReadError::unreadable(format!("expected JSON: {problem}")))
}

/// The raw elements of the list under `name` in a request, at most `limit` of them.
pub(crate) fn list<'a, const N: usize>(
    request: &Object<'a, N>,
    name: &'static str,
    limit: usize,
) -> Result<Vec<&'a RawValue>, ReadError> {
    if request.twice == Some(name) {
        return Err(ReadError::invalid(name, "given twice"));
    }
    let raw = request.get(name).ok_or_else(|| ReadError::invalid(name, "expected a list: it is missing"))?;
    let Elements { kept, found } = serde_json::Deserializer::from_str(raw.get())
        .deserialize_seq(AtMost(limit))
        .map_err(|_| ReadError::invalid(name, "expected a list"))?;
    if found > limit { Err(ReadError::TooMany { limit, found }) } else { Ok(kept) }
}

struct Elements<'a> {
    kept: Vec<&'a RawValue>,
    found: usize,
}

/// Keeps up to this many elements and only counts the rest, so that a body full of `0,0,0` takes little memory.
struct AtMost(usize);

impl<'a> Visitor<'a> for AtMost {
    type Value = Elements<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < self.0 {
            let Some(element) = list.next_element()? else { break };
            kept.push(element);
        }
        let mut found = kept.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            found += 1;
        }
        Ok(Elements { kept, found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["a", "b"];

    fn raw(text: &str) -> &RawValue {
        document(text).unwrap()
    }

    #[test]
    fn fields_stay_as_written() {
        let object = Object::read(raw(r#"{"b": 0.10, "\u0061": null, "c": 1, "d": 2}"#), &NAMES).unwrap();
        assert_eq!(object.get("b").map(RawValue::get), Some("0.10"));
        assert!(object.get("a").is_none(), "null is absent");
        assert_eq!(object.unknown.as_deref(), Some("c"));
        assert_eq!(object.twice, None);
        assert_eq!(Object::read(raw(r#"{"b":1,"b":null}"#), &NAMES).unwrap().twice, Some("b"));
        for other in ["[]", "1", "null", r#""a""#] {
            assert!(Object::read(raw(other), &NAMES).is_none(), "{other}");
        }
    }

    #[test]
    fn an_unknown_name_is_cut() {
        let body = format!(r#"{{"{}": 1}}"#, "é".repeat(1000));
        assert_eq!(Object::read(raw(&body), &NAMES).unwrap().unknown, Some("é".repeat(SHOWN_CHARS)));
    }

    #[test]
    fn a_list_is_counted_to_its_end() {
        let list = |body, limit| list(&Object::read(raw(body), &NAMES).unwrap(), "a", limit);
        assert_eq!(
            list(r#"{"a":[1,{"x":2},3]}"#, 3).unwrap().iter().map(|raw| raw.get()).collect::<Vec<_>>(),
            ["1", r#"{"x":2}"#, "3"]
        );
        assert_eq!(list(r#"{"a":[1,2,3]}"#, 2).unwrap_err(), ReadError::TooMany { limit: 2, found: 3 });
        for body in [r#"{"a":{}}"#, r#"{"a":null}"#, "{}", r#"{"a":[],"a":[]}"#] {
            assert!(matches!(list(body, 2), Err(ReadError::Invalid { field, .. }) if field == "a"), "{body}");
        }
    }
}
