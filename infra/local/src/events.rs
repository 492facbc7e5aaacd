//! The JSON Schema of the events on the bus, generated from the code.

use domain::event::Event;
use schemars::schema_for;
use serde_json::Value;

/// The schema of an event's `detail`: one alternative for each type of event, titled with its name.
pub fn schema() -> Value {
    let mut schema = schema_for!(Event).to_value();
    let about = format!(
        "The `detail` of an event on the bus, whose `source` is `{}` and whose `detail-type` is the `type`. Events \
         arrive at least once, in any order: the same `id` is the same event. Readers must expect types and fields \
         that are not here. Letters and numbers in parentheses name rules of the product (docs/rules.md).",
        Event::SOURCE
    );
    schema["description"] = about.into();
    for event in schema["oneOf"].as_array_mut().into_iter().flatten() {
        let name = event["properties"]["type"]["const"].clone();
        event["title"] = name;
        event["properties"]["type"]["description"] = "What happened.".into();
    }
    polish(&mut schema);
    schema
}

/// Makes each description one line, and adds to those of instants the format that all instants have.
fn polish(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let is_instant = fields.get("format").is_some_and(|format| format == "date-time");
            if let Some(Value::String(description)) = fields.get_mut("description") {
                *description = description.replace('\n', " ");
                if is_instant {
                    description.push_str(" RFC 3339, in UTC.");
                }
            }
            fields.values_mut().for_each(polish);
        }
        Value::Array(values) => values.iter_mut().for_each(polish),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_title_and_every_field_is_described() {
        let schema = schema();
        let says_something = |value: &Value| value.as_str().is_some_and(|text| text.len() > 1);
        let events = schema["oneOf"].as_array().unwrap();
        assert!(events.len() >= 13);
        for event in events {
            assert!(says_something(&event["title"]) && says_something(&event["description"]), "{event}");
        }
        for described in events.iter().chain([&schema]) {
            for (name, field) in described["properties"].as_object().unwrap() {
                assert!(says_something(&field["description"]), "{name} of {}", described["title"]);
            }
        }
    }

    #[test]
    fn the_committed_schema_is_current() {
        let committed = include_str!("../../../docs/events.schema.json");
        assert_eq!(committed.trim(), format!("{:#}", schema()), "run `cargo xtask events`");
    }
}
