//! The parameters of a request, in the form encoding that Stripe uses: `metadata[account]=…`, `expand[]=…`.

use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// The parameters that no handler has taken yet. A handler takes those that it knows, and [`Form::finish`] refuses the others, as
/// Stripe does. A parameter that the fake ignored would be one that no test covers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn parse(encoded: &str) -> Self {
        Self(form_urlencoded::parse(encoded.as_bytes()).into_owned().collect())
    }

    /// A parameter, if it is there and not empty.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let place = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(place).1).filter(|value| !value.is_empty())
    }

    pub(crate) fn required(&mut self, name: &str) -> Result<String, Refusal> {
        self.text(name).ok_or_else(|| Refusal::missing(name))
    }

    pub(crate) fn integer(&mut self, name: &str) -> Result<Option<i64>, Refusal> {
        let parse = |text: String| {
            let wrong = || {
                Refusal::invalid("parameter_invalid_integer", &format!("Invalid integer: {text}")).at(name)
            };
            text.parse().map_err(|_| wrong())
        };
        self.text(name).map(parse).transpose()
    }

    pub(crate) fn boolean(&mut self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.text(name).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(text) => Err(Refusal::plain(&format!("Invalid boolean: {text}")).at(name)),
        }
    }

    /// A parameter that must be one of these words.
    pub(crate) fn one_of(&mut self, name: &str, words: &[&str]) -> Result<Option<String>, Refusal> {
        let value = self.text(name);
        match &value {
            Some(text) if !words.contains(&text.as_str()) => {
                let words = words.join(", ");
                Err(Refusal::plain(&format!("Invalid {name}: must be one of {words}")).at(name))
            }
            _ => Ok(value),
        }
    }

    /// The elements of `name[]=…` or `name[0]=…`.
    pub(crate) fn list(&mut self, name: &str) -> Vec<String> {
        let is_element = |key: &str| {
            let index = key.strip_prefix(name).and_then(|rest| rest.strip_prefix('['));
            let index = index.and_then(|rest| rest.strip_suffix(']'));
            index.is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
        };
        self.0.extract_if(.., |(key, _)| is_element(key)).map(|(_, value)| value).collect()
    }

    /// The pairs of `name[key]=value`. An empty value is kept: in an update it removes the key.
    pub(crate) fn map(&mut self, name: &str) -> Map<String, Value> {
        let key_of = |key: &str| {
            let key = key.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
            (!key.is_empty() && !key.contains(['[', ']'])).then(|| key.to_owned())
        };
        let pairs = self.0.extract_if(.., |(key, _)| key_of(key).is_some());
        pairs.filter_map(|(key, value)| Some((key_of(&key)?, Value::from(value)))).collect()
    }

    /// Metadata: at most 50 keys of at most 40 characters, with values of at most 500.
    pub(crate) fn metadata(&mut self, name: &str) -> Result<Map<String, Value>, Refusal> {
        let metadata = self.map(name);
        let fits = |(key, value): (&String, &Value)| {
            key.chars().count() <= 40 && value.as_str().is_some_and(|value| value.chars().count() <= 500)
        };
        if metadata.len() <= 50 && metadata.iter().all(fits) {
            Ok(metadata)
        } else {
            let limits =
                "Metadata can have up to 50 keys, with key names up to 40 characters and values up to 500";
            Err(Refusal::plain(limits).at(name))
        }
    }

    /// Refuses parameters that are left.
    pub(crate) fn finish(&self) -> Result<(), Refusal> {
        match self.0.first() {
            None => Ok(()),
            Some((key, _)) => {
                let message = format!("Received unknown parameter: {key}");
                Err(Refusal::invalid("parameter_unknown", &message).at(key))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_parameters_are_taken_by_their_names() {
        let mut form =
            Form::parse("amount=100&metadata%5Baccount%5D=a&metadata[b]=&expand[]=x&expand[1]=y.z");
        assert_eq!(form.integer("amount").unwrap(), Some(100));
        assert_eq!(form.list("expand"), ["x", "y.z"]);
        let metadata = form.metadata("metadata").unwrap();
        assert_eq!(Value::from(metadata), serde_json::json!({ "account": "a", "b": "" }));
        form.finish().unwrap();
    }

    #[test]
    fn a_parameter_that_nobody_took_is_refused() {
        let mut form = Form::parse("amount=1&colour=red");
        form.integer("amount").unwrap();
        let refusal = form.finish().unwrap_err();
        assert_eq!(refusal.code(), Some("parameter_unknown"));
        assert_eq!(refusal.body()["error"]["param"], "colour");
    }

    #[test]
    fn an_amount_is_an_integer() {
        for amount in ["1.5", "1e3", "ten", "99999999999999999999"] {
            let refusal = Form::parse(&format!("amount={amount}")).integer("amount").unwrap_err();
            assert_eq!(refusal.code(), Some("parameter_invalid_integer"), "{amount}");
        }
    }

    #[test]
    fn metadata_has_limits() {
        let long_key = format!("metadata[{}]=x", "k".repeat(41));
        let long_value = format!("metadata[k]={}", "v".repeat(501));
        let many: Vec<_> = (0..51).map(|number| format!("metadata[k{number}]=v")).collect();
        for encoded in [long_key, long_value, many.join("&")] {
            assert!(Form::parse(&encoded).metadata("metadata").is_err(), "{encoded}");
        }
    }
}
