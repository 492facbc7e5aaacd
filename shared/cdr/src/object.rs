//! JSON objects and lists, field by field, so that a fault of one field or record does not hide the others (S3).

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
    /// The first field that none of the names is, cut to 64 characters.
    pub(crate) unknown: Option<String>,
    /// The first known field given twice: which of the two is meant cannot be told.
    pub(crate) twice: Option<&'static str>,
}

impl<'a, const N: usize> Object<'a, N> {
    /// The fields of a JSON object; none if it is something else.
    pub(crate) fn read(raw: &'a RawValue, names: &'static [&'static str; N]) -> Option<Self> {
        serde_json::Deserializer::from_str(raw.get()).deserialize_map(Fields { names }).ok()
    }

    /// The raw text of a field, one of the names. Absent and `null` are the same.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let place = self.names.iter().position(|known| *known == name);
        debug_assert!(place.is_some(), "{name} is none of {:?}", self.names);
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

/// The content of a JSON string; none if it is something else.
pub(crate) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(raw.get()).ok().map(|Text(text)| text)
}

/// The whole body, of which every byte is checked: after this only the shape can be wrong.
pub(crate) fn document(body: &str) -> Result<&RawValue, ReadError> {
    serde_json::from_str(body).map_err(|problem| ReadError::unreadable(format!("expected JSON: {problem}")))
}

/// The list under `name` in a request, its elements raw, at most `limit`.
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

/// Keeps so many elements and counts the others: a body full of `0,0,0` costs no memory.
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
