//! The arguments of a kind of backend: one table a kind, from which checking and documentation come.

use std::collections::BTreeMap;
use terrane_core::{Kind, Text, Value};

/// What an argument takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A text.
    Text,
    /// True or false.
    Truth,
    /// A whole number from 0.
    Whole,
    /// Texts by name.
    Texts,
}

impl Form {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Truth => "true or false",
            Self::Whole => "a whole number from 0",
            Self::Texts => "an object of texts",
        }
    }
}

/// One argument of a kind of backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub form: Form,
    /// Whether the backend does not do without it.
    pub is_required: bool,
    /// Whether it is never shown and never remembered.
    pub is_secret: bool,
    /// What it says, in one sentence.
    pub doc: &'static str,
}

impl Argument {
    /// An argument that may be left out.
    #[must_use]
    pub const fn optional(name: &'static str, form: Form, doc: &'static str) -> Self {
        Self { name, form, is_required: false, is_secret: false, doc }
    }

    /// A text that has to be there.
    #[must_use]
    pub const fn required(name: &'static str, doc: &'static str) -> Self {
        Self { name, form: Form::Text, is_required: true, is_secret: false, doc }
    }

    /// A text that is a secret.
    #[must_use]
    pub const fn secret(name: &'static str, doc: &'static str) -> Self {
        Self { name, form: Form::Text, is_required: false, is_secret: true, doc }
    }

    /// `value` in the form of this argument; `None` where it has another one.
    #[must_use]
    pub fn convert(&self, value: &Value) -> Option<Value> {
        use terrane_core::Type;
        let ty = match self.form {
            Form::Text => Type::String,
            Form::Truth => Type::Bool,
            Form::Whole => Type::Number,
            Form::Texts => Type::map(Type::String),
        };
        let value = terrane_lang::convert::convert(value, &ty).ok()?;
        let fits = self.form != Form::Whole || value.as_i64().is_some_and(|number| number >= 0);
        fits.then_some(value)
    }
}

/// Arguments that were checked against their table. Their values may be secret.
#[derive(Clone, Default, PartialEq)]
pub struct Arguments(BTreeMap<Text, Value>);

/// Shows names only.
impl std::fmt::Debug for Arguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl FromIterator<(Text, Value)> for Arguments {
    /// Null is as if it were not written.
    fn from_iter<I: IntoIterator<Item = (Text, Value)>>(pairs: I) -> Self {
        Self(pairs.into_iter().filter(|(_, value)| !value.is_null()).collect())
    }
}

impl Arguments {
    /// The value of an argument; `None` where it is not given.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All that is given, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &Value)> {
        self.0.iter()
    }

    /// A text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// A truth; false where it is not given.
    #[must_use]
    pub fn truth(&self, name: &str) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A whole number.
    #[must_use]
    pub fn whole(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(Value::as_i64).and_then(|number| u64::try_from(number).ok())
    }

    /// A text out of texts by name: `endpoints = { s3 = ".." }`.
    #[must_use]
    pub fn text_in(&self, name: &str, key: &str) -> Option<&str> {
        match self.get(name)?.kind() {
            Kind::Map(entries) | Kind::Object(entries) => entries.get(key).and_then(Value::as_str),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_never_show() {
        let arguments: Arguments =
            [("password".into(), Value::string("hunter2")), ("user".into(), Value::NULL)].into_iter().collect();
        assert_eq!(format!("{arguments:?}"), "{\"password\"}");
    }

    #[test]
    fn values_take_the_form_of_their_argument() {
        let convert = |form, value: Value| Argument::optional("a", form, "").convert(&value);
        assert_eq!(convert(Form::Truth, Value::string("true")), Some(Value::bool(true)));
        assert_eq!(convert(Form::Whole, Value::string("5")), Some(Value::int(5)));
        assert_eq!(convert(Form::Whole, Value::int(-5)), None);
        assert_eq!(convert(Form::Text, Value::list(vec![])), None);
    }
}
