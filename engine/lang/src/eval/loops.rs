//! What `for` expressions and splats do to values, once for evaluation and for finishing residuals.

use super::fault::Fault;
use super::operate::truth;
use crate::convert::{convert, describe};
use crate::diag;
use std::collections::BTreeMap;
use terrane_core::{Kind, Number, Text, Type, Value};

/// Keys and values of a known collection in the order they are walked.
pub(crate) fn pairs(collection: &Value) -> Result<Vec<(Value, Value)>, Fault> {
    let pairs: Vec<(Value, Value)> = match collection.kind() {
        Kind::List(items) | Kind::Tuple(items) => {
            items.iter().enumerate().map(|(at, item)| (Value::number(Number::from(at)), item.clone())).collect()
        }
        Kind::Set(items) => items.iter().map(|item| (item.clone(), item.clone())).collect(),
        Kind::Object(entries) | Kind::Map(entries) => {
            entries.iter().map(|(key, item)| (Value::string(key.clone()), item.clone())).collect()
        }
        Kind::Null => return Err(Fault::new(&diag::NULL_VALUE, "`for` walks a collection, and this is null")),
        _ => {
            let detail = format!("`for` walks a list, set, tuple, map or object, not {}", describe(collection));
            return Err(Fault::new(&diag::NOT_A_COLLECTION, detail));
        }
    };
    if !collection.is_sensitive() {
        return Ok(pairs);
    }
    Ok(pairs.into_iter().map(|(key, value)| (key.sensitive(), value.sensitive())).collect())
}

/// Types of key and value of a collection that is not known.
pub(crate) fn pair_types(collection: &Type) -> Result<(Type, Type), Fault> {
    Ok(match collection {
        Type::List(element) => (Type::Number, (**element).clone()),
        Type::Tuple(_) => (Type::Number, Type::Any),
        Type::Set(element) => ((**element).clone(), (**element).clone()),
        Type::Map(element) => (Type::String, (**element).clone()),
        Type::Object(_) => (Type::String, Type::Any),
        Type::Any => (Type::Any, Type::Any),
        Type::Bool | Type::Number | Type::String => {
            let detail = format!("`for` walks a list, set, tuple, map or object, not a {collection}");
            return Err(Fault::new(&diag::NOT_A_COLLECTION, detail));
        }
    })
}

/// The elements that a splat walks: of a list, set or tuple each; of null none; of anything else itself.
pub(crate) fn splat_items(of: &Value) -> Vec<Value> {
    match of.kind() {
        Kind::Null => Vec::new(),
        Kind::List(items) | Kind::Set(items) | Kind::Tuple(items) => {
            items.iter().map(|item| item.clone().marked_like(of)).collect()
        }
        _ => vec![of.clone()],
    }
}

/// The result of a splat over `of`.
pub(crate) fn splat_result(of: &Value, results: Vec<Value>) -> Value {
    let result = match of.kind() {
        Kind::List(_) | Kind::Set(_) => Value::list(results),
        _ => Value::tuple(results),
    };
    result.marked_like(of)
}

/// Whether an element stays.
pub(crate) enum Filter {
    Keep,
    Drop,
    /// The condition is not known, so the result cannot be built yet.
    Open,
}

/// What a `for` expression makes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `[for ..]`
    Tuple,
    /// `{for ..}`
    Object,
    /// `{for .. => ..value...}`
    Grouped,
}

impl Form {
    pub fn of<K>(key: Option<&K>, is_grouped: bool) -> Self {
        match (key, is_grouped) {
            (None, _) => Self::Tuple,
            (Some(_), false) => Self::Object,
            (Some(_), true) => Self::Grouped,
        }
    }
}

/// What a `for` expression has made so far.
pub(crate) struct Collector {
    form: Form,
    is_sensitive: bool,
    items: Vec<Value>,
    entries: BTreeMap<Text, Vec<Value>>,
}

impl Collector {
    pub fn new(collection: &Value, form: Form) -> Self {
        let is_sensitive = collection.is_sensitive();
        Self { form, is_sensitive, items: Vec::new(), entries: BTreeMap::new() }
    }

    pub fn filter(&mut self, condition: &Value) -> Result<Filter, Fault> {
        self.is_sensitive |= condition.is_sensitive();
        Ok(match truth(condition)? {
            Some(true) => Filter::Keep,
            Some(false) => Filter::Drop,
            None => Filter::Open,
        })
    }

    pub fn push(&mut self, result: Value) {
        self.items.push(result);
    }

    /// Adds a result under a key; false where the key is not known, so that the result cannot be built yet.
    pub fn insert(&mut self, key: &Value, result: Value) -> Result<bool, Fault> {
        if key.is_null() {
            return Err(Fault::new(&diag::NULL_VALUE, "a key of the result is null"));
        }
        self.is_sensitive |= key.is_sensitive();
        let text = convert(key, &Type::String)
            .map_err(|error| Fault::new(&diag::WRONG_OPERAND, format!("a key of the result: {}", error.reason)))?;
        let Some(text) = text.as_text() else { return Ok(false) };
        let values = self.entries.entry(text.clone()).or_default();
        if !values.is_empty() && self.form != Form::Grouped {
            let shown = if key.is_sensitive() { "(sensitive)" } else { &**text };
            return Err(Fault::new(&diag::DUPLICATE_FOR_KEY, format!("two elements have the key `{shown}`")));
        }
        values.push(result);
        Ok(true)
    }

    pub fn finish(self) -> Value {
        let one = |mut values: Vec<Value>| values.pop().unwrap_or(Value::NULL);
        let entries = self.entries.into_iter();
        let result = match self.form {
            Form::Tuple => Value::tuple(self.items),
            Form::Object => Value::object(entries.map(|(key, values)| (key, one(values))).collect()),
            Form::Grouped => Value::object(entries.map(|(key, values)| (key, Value::tuple(values))).collect()),
        };
        if self.is_sensitive { result.sensitive() } else { result }
    }
}
