//! Fields of forms, with their hints and errors.

use std::borrow::Borrow;

use domain::{Currency, Locale, Money};

use crate::api::Problem;
use crate::words::{FormWords, FrameWords};

/// A field that a person types into.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name in the form, and its id in the page.
    pub(crate) name: &'static str,
    pub(crate) label: String,
    pub(crate) hint: Option<String>,
    /// The text, as the person typed it.
    pub(crate) value: String,
    pub(crate) error: Option<String>,
    pub(crate) is_optional: bool,
    pub(crate) kind: FieldKind,
}

/// The kind of a field, which decides the keyboard of a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldKind {
    Amount,
    Text,
    Telephone,
    Date,
    /// A whole number.
    Count,
    /// Several lines.
    Lines,
}

impl Field {
    pub(crate) fn new(kind: FieldKind, name: &'static str, label: String) -> Self {
        Self { name, label, hint: None, value: String::new(), error: None, is_optional: false, kind }
    }

    pub(crate) fn hint(mut self, hint: String) -> Self {
        self.hint = Some(hint);
        self
    }

    pub(crate) fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    pub(crate) fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    pub(crate) fn error(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }

    /// The ids of the texts that describe the field to a screen reader.
    pub(crate) fn described_by(&self) -> String {
        let hint = self.hint.is_some().then(|| format!("{}-hint", self.name));
        let error = self.error.is_some().then(|| format!("{}-error", self.name));
        hint.into_iter().chain(error).collect::<Vec<_>>().join(" ")
    }

    /// The `inputmode`, if the usual keyboard is not the right one.
    pub(crate) fn input_mode(&self) -> Option<&'static str> {
        match self.kind {
            FieldKind::Amount => Some("decimal"),
            FieldKind::Telephone => Some("tel"),
            FieldKind::Count => Some("numeric"),
            FieldKind::Text | FieldKind::Date | FieldKind::Lines => None,
        }
    }

    /// The `type` of the input.
    pub(crate) fn input_type(&self) -> &'static str {
        match self.kind {
            FieldKind::Telephone => "tel",
            FieldKind::Date => "date",
            FieldKind::Amount | FieldKind::Text | FieldKind::Count | FieldKind::Lines => "text",
        }
    }
}

/// The errors of a form, each with the field that it leads to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Errors(pub(crate) Vec<(&'static str, String)>);

/// Reads an amount that a person typed. An empty field has none. The error is a sentence that says how to write it.
pub(crate) fn typed(text: &str, currency: &str, locale: Locale) -> Result<Option<Money>, String> {
    let Ok(currency) = Currency::parse(currency) else { return Err(FormWords(locale).wrong()) };
    if text.trim().is_empty() {
        return Ok(None);
    }
    match wording::typed_amount(text, currency, locale) {
        Ok(money) => Ok(Some(money)),
        Err(wrong) => Err(wrong.text(currency, locale)),
    }
}

/// An amount as the API takes it.
pub(crate) fn for_api(money: Money) -> String {
    money.amount().normalize().to_string()
}

impl Errors {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, field: &'static str, error: String) {
        self.0.push((field, error));
    }

    /// The first error of a field.
    pub(crate) fn of(&self, field: &str) -> Option<String> {
        self.0.iter().find(|(named, _)| *named == field).map(|(_, error)| error.clone())
    }

    /// The errors as the list on top of the page has them: each with the label of its field, since they stand apart from it there.
    pub(crate) fn labelled(self, labels: &[(&str, &str)], locale: Locale) -> Self {
        let with_label = |(field, error): (&'static str, String)| {
            let label = labels.iter().find(|(named, _)| *named == field).map(|(_, label)| label);
            (field, label.map_or(error.clone(), |label| wording::glossary::labelled(label, &error, locale)))
        };
        Self(self.0.into_iter().map(with_label).collect())
    }

    /// The API's errors, in the page's language. `fields` names the form's field for each of the API's; an error of any other
    /// field, or of none, leads to the first.
    pub(crate) fn of_problem(problem: &Problem, fields: &[(&str, &'static str)], locale: Locale) -> Self {
        let t = FormWords(locale);
        let first = fields.first().map_or("", |(_, name)| name);
        let place = |field: &str| {
            let found = fields
                .iter()
                .find(|(theirs, _)| field == *theirs || field.starts_with(&format!("{theirs}[")));
            found.map_or(first, |(_, name)| name)
        };
        let mut errors: Vec<_> =
            problem.errors.iter().map(|error| (place(&error.field), t.of_code(&error.code))).collect();
        if errors.is_empty() {
            errors.push((first, t.of_code(&problem.code)));
        }
        Self(errors)
    }

    /// The heading of the list.
    pub(crate) fn heading(&self, t: impl Borrow<FrameWords>) -> String {
        let t = t.borrow();
        if self.0.len() == 1 { t.correct_one() } else { t.correct_several(self.0.len()) }
    }
}
