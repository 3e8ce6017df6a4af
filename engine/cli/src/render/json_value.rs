//! Values as plain JSON, and the two shadows that Terraform's JSON has of them: what is unknown, what is sensitive.
//!
//! A sensitive value is `null` here and `true` in the sensitive shadow; it is never written in clear. An unknown
//! value is left out of objects, is `null` in lists, and is `true` in the unknown shadow.

use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::value::RawValue;
use terrane_core::value::Kind;
use terrane_core::{Number, Value};

/// The value itself.
pub struct Plain<'a>(pub &'a Value);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_sensitive() {
            return serializer.serialize_unit();
        }
        match self.0.kind() {
            Kind::Null | Kind::Unknown(_) => serializer.serialize_unit(),
            Kind::Bool(truth) => serializer.serialize_bool(*truth),
            Kind::Number(number) => serialize_number(number, serializer),
            Kind::String(text) => serializer.serialize_str(text),
            Kind::Tuple(items) | Kind::List(items) | Kind::Set(items) => {
                serializer.collect_seq(items.iter().map(Plain))
            }
            Kind::Object(entries) | Kind::Map(entries) => {
                let known = entries.iter().filter(|(_, value)| value.is_known() || value.is_sensitive());
                serializer.collect_map(known.map(|(key, value)| (&**key, Plain(value))))
            }
        }
    }
}

fn serialize_number<S: Serializer>(number: &Number, serializer: S) -> Result<S::Ok, S::Error> {
    if let Some(int) = number.to_i64() {
        return serializer.serialize_i64(int);
    }
    match RawValue::from_string(number.to_string()) {
        Ok(raw) => raw.serialize(serializer),
        Err(_) => serializer.serialize_f64(number.to_f64()),
    }
}

/// `true` where the value is unknown; objects and lists without the rest.
pub struct UnknownShadow<'a>(pub &'a Value);

/// `true` where the value is sensitive; objects and lists without the rest.
pub struct SensitiveShadow<'a>(pub &'a Value);

impl Serialize for UnknownShadow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_unknown = |value: &Value| !value.is_known() && !value.is_sensitive();
        let has_unknown = |value: &Value| !value.is_sensitive() && !value.is_wholly_known();
        shadow(self.0, &is_unknown, &has_unknown, serializer)
    }
}

impl Serialize for SensitiveShadow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        shadow(self.0, &Value::is_sensitive, &Value::has_sensitive, serializer)
    }
}

type Test<'t> = &'t dyn Fn(&Value) -> bool;

/// One part of a shadow.
struct Part<'a, 't> {
    value: &'a Value,
    is: Test<'t>,
    has: Test<'t>,
}

impl Serialize for Part<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        shadow(self.value, self.is, self.has, serializer)
    }
}

fn shadow<S: Serializer>(value: &Value, is: Test<'_>, has: Test<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    if is(value) {
        return serializer.serialize_bool(true);
    }
    match value.kind() {
        _ if value.is_sensitive() => serializer.serialize_bool(false),
        Kind::Tuple(items) | Kind::List(items) | Kind::Set(items) => {
            let mut seq = serializer.serialize_seq(Some(items.len()))?;
            for value in items.iter() {
                seq.serialize_element(&Part { value, is, has })?;
            }
            seq.end()
        }
        Kind::Object(entries) | Kind::Map(entries) => {
            let mut map = serializer.serialize_map(None)?;
            for (key, value) in entries.iter().filter(|(_, value)| has(value)) {
                map.serialize_entry(&**key, &Part { value, is, has })?;
            }
            map.end()
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) | Kind::Unknown(_) => {
            serializer.serialize_bool(false)
        }
    }
}

/// A type as Terraform's JSON writes it: `"string"`, `["list", "string"]`, `["object", {..}]`.
pub fn type_json(ty: &terrane_core::Type) -> serde_json::Value {
    use serde_json::json;
    use terrane_core::Type;
    match ty {
        Type::Any => json!("dynamic"),
        Type::Bool => json!("bool"),
        Type::Number => json!("number"),
        Type::String => json!("string"),
        Type::List(element) => json!(["list", type_json(element)]),
        Type::Set(element) => json!(["set", type_json(element)]),
        Type::Map(element) => json!(["map", type_json(element)]),
        Type::Tuple(items) => json!(["tuple", items.iter().map(type_json).collect::<Vec<_>>()]),
        Type::Object(fields) => {
            let fields: serde_json::Map<_, _> =
                fields.iter().map(|(name, field)| (name.to_string(), type_json(&field.ty))).collect();
            json!(["object", fields])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrane_core::{Residual, Type};

    #[test]
    fn secrets_and_unknowns_live_in_the_shadows() {
        let value = Value::object(vec![
            ("a".into(), Value::string("s3cret").sensitive()),
            ("b".into(), Value::unknown(Type::String, Residual::Local(0))),
            ("c".into(), Value::list(vec![Value::int(1), Value::unknown(Type::Number, Residual::Local(0))])),
        ]);
        let text = |value: &dyn erased::Json| value.text();
        assert_eq!(text(&Plain(&value)), r#"{"a":null,"c":[1,null]}"#);
        assert_eq!(text(&UnknownShadow(&value)), r#"{"b":true,"c":[false,true]}"#);
        assert_eq!(text(&SensitiveShadow(&value)), r#"{"a":true}"#);
    }

    mod erased {
        pub trait Json {
            fn text(&self) -> String;
        }
        impl<T: serde::Serialize> Json for T {
            fn text(&self) -> String {
                serde_json::to_string(self).unwrap()
            }
        }
    }
}
