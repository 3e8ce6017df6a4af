//! A request body against the table of its operation: no unknown field, right kinds, ranges, what is required.
//!
//! # Source
//! Amazon EKS API Reference, "Request Body" of each operation (valid values, length and range constraints).

use serde_json::{Map, Value};

use crate::aws::error::AwsError;

/// One field of an object.
#[derive(Debug)]
pub(super) struct Field {
    name: &'static str,
    is_required: bool,
    kind: Kind,
}

/// What a value may be.
#[derive(Debug)]
pub(super) enum Kind {
    /// Text of so many characters.
    Text(usize, usize),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// True or false.
    Flag,
    /// A whole number in this range.
    Number(i64, i64),
    /// Text by text.
    Map,
    /// An object.
    Object(&'static [Field]),
    /// At most so many of a kind.
    List(&'static Kind, usize),
}

/// Text that the API reference sets no limits for.
pub(super) const ANY_TEXT: Kind = Kind::Text(0, 4096);

/// A field that has to be there.
pub(super) const fn must(name: &'static str, kind: Kind) -> Field {
    Field { name, is_required: true, kind }
}

/// A field that may be left out.
pub(super) const fn may(name: &'static str, kind: Kind) -> Field {
    Field { name, is_required: false, kind }
}

/// Refuses a body that the operation does not have; `null` counts as left out.
pub(super) fn body(value: &Value, fields: &'static [Field]) -> Result<(), AwsError> {
    match value {
        Value::Object(map) => object(map, fields, ""),
        _ => Err(wrong_kind("", "a JSON object")),
    }
}

fn wrong_kind(path: &str, expected: &str) -> AwsError {
    AwsError::new(400, "SerializationException", format!("'{path}' must be {expected}"))
}

fn object(map: &Map<String, Value>, fields: &'static [Field], path: &str) -> Result<(), AwsError> {
    for name in map.keys() {
        if !fields.iter().any(|field| field.name == name) {
            return Err(AwsError::parameter(format!("Unknown field in the request: '{path}{name}'")));
        }
    }
    for field in fields {
        let here = format!("{path}{}", field.name);
        match map.get(field.name).filter(|value| !value.is_null()) {
            Some(value) => check(value, &field.kind, &here)?,
            None if field.is_required => {
                return Err(AwsError::parameter(format!("Missing required field '{here}'")));
            }
            None => {}
        }
    }
    Ok(())
}

fn check(value: &Value, kind: &Kind, path: &str) -> Result<(), AwsError> {
    let range = |what: &str, low: i64, high: i64| {
        Err(AwsError::parameter(format!("{what} of '{path}' must be between {low} and {high}")))
    };
    match (kind, value) {
        (Kind::Text(low, high), Value::String(text)) => {
            if (*low..=*high).contains(&text.chars().count()) {
                return Ok(());
            }
            Err(AwsError::parameter(format!("Length of '{path}' must be between {low} and {high}")))
        }
        (Kind::OneOf(allowed), Value::String(text)) => {
            if allowed.contains(&text.as_str()) {
                return Ok(());
            }
            Err(AwsError::parameter(format!("Value '{text}' of '{path}' must be one of [{}]", allowed.join(", "))))
        }
        (Kind::Flag, Value::Bool(_)) => Ok(()),
        (Kind::Number(low, high), Value::Number(number)) => match number.as_i64() {
            Some(number) if (*low..=*high).contains(&number) => Ok(()),
            Some(_) => range("Value", *low, *high),
            None => Err(wrong_kind(path, "a whole number")),
        },
        (Kind::Map, Value::Object(map)) => match map.iter().find(|(_, value)| !value.is_string()) {
            Some((key, _)) => Err(wrong_kind(&format!("{path}.{key}"), "a string")),
            None => Ok(()),
        },
        (Kind::Object(fields), Value::Object(map)) => object(map, fields, &format!("{path}.")),
        (Kind::List(kind, most), Value::Array(items)) => {
            if items.len() > *most {
                return Err(AwsError::parameter(format!("'{path}' has more than {most} members")));
            }
            items.iter().try_for_each(|item| check(item, kind, &format!("{path}[]")))
        }
        (Kind::Text(..) | Kind::OneOf(_), _) => Err(wrong_kind(path, "a string")),
        (Kind::Flag, _) => Err(wrong_kind(path, "true or false")),
        (Kind::Number(..), _) => Err(wrong_kind(path, "a whole number")),
        (Kind::Map | Kind::Object(_), _) => Err(wrong_kind(path, "an object")),
        (Kind::List(..), _) => Err(wrong_kind(path, "a list")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FIELDS: &[Field] = &[must("name", Kind::Text(1, 3)), may("size", Kind::Number(0, 5))];

    fn code(value: &Value) -> String {
        body(value, FIELDS).map_or_else(|error| error.code, |()| "ok".to_owned())
    }

    #[test]
    fn what_the_api_does_not_have_is_refused() {
        assert_eq!(code(&json!({"name": "a", "size": 2})), "ok");
        assert_eq!(code(&json!({"name": "a", "colour": "red"})), "InvalidParameterException");
        assert_eq!(code(&json!({"size": 2})), "InvalidParameterException");
        assert_eq!(code(&json!({"name": "abcd"})), "InvalidParameterException");
        assert_eq!(code(&json!({"name": "a", "size": 6})), "InvalidParameterException");
        assert_eq!(code(&json!({"name": 1})), "SerializationException");
    }
}
