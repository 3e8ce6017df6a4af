//! The JSON Schema (draft 2020-12) of a resource type.
//!
//! It describes an object of all arguments and attributes. What the draft has no word for stands under
//! keys that begin with `x-terrane-`, which validators pass over.

use serde_json::{Map, Value, json};

use super::document::{AttributeSchema, BlockSchema, Change, Kind, Nesting, Role, TypeSchema};
use super::types::Type;
use crate::error::Failure;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of one type.
///
/// # Errors
/// When an attribute has a type that is none.
pub fn of_type(kind: Kind, schema: &TypeSchema) -> Result<Value, Failure> {
    let mut object = of_attributes(&schema.attributes)?;
    object.insert("$schema".to_owned(), json!(DRAFT));
    object.insert(
        "$id".to_owned(),
        json!(format!("urn:terrane:{}:{}:{}", kind.keyword(), schema.type_name, schema.version)),
    );
    object.insert("title".to_owned(), json!(schema.type_name));
    object.insert("description".to_owned(), json!(schema.doc));
    if let Some(gone) = &schema.gone {
        object.insert("x-terrane-gone-severity".to_owned(), json!(gone));
    }
    if !schema.rules.is_empty() {
        object.insert("x-terrane-rules".to_owned(), json!(schema.rules));
    }
    Ok(Value::Object(object))
}

fn of_attributes(attributes: &[AttributeSchema]) -> Result<Map<String, Value>, Failure> {
    let mut properties = Map::new();
    for attribute in attributes {
        properties.insert(attribute.name.clone(), Value::Object(of_attribute(attribute)?));
    }
    let is_required = |attribute: &&AttributeSchema| attribute.role == Role::Required;
    let required: Vec<&String> = attributes.iter().filter(is_required).map(|attribute| &attribute.name).collect();
    let mut object = Map::new();
    object.insert("type".to_owned(), json!("object"));
    object.insert("properties".to_owned(), Value::Object(properties));
    object.insert("required".to_owned(), json!(required));
    object.insert("additionalProperties".to_owned(), json!(false));
    Ok(object)
}

fn of_attribute(attribute: &AttributeSchema) -> Result<Map<String, Value>, Failure> {
    let mut schema = match (&attribute.block, &attribute.ty) {
        (Some(block), _) => of_block(block)?,
        (None, Some(ty)) => of_value(attribute, &Type::parse(ty)?),
        (None, None) => {
            let detail = "it has neither a type nor a block".to_owned();
            return Err(Failure::Malformed { what: format!("attribute `{}`", attribute.name), detail });
        }
    };
    if attribute.role != Role::Required {
        let is_repeated = attribute.block.as_ref().is_some_and(|block| block.nesting != Nesting::Single);
        if !is_repeated {
            allow_null(&mut schema);
        }
    }
    annotate(attribute, &mut schema);
    Ok(schema)
}

fn of_block(block: &BlockSchema) -> Result<Map<String, Value>, Failure> {
    let inner = of_attributes(&block.attributes)?;
    Ok(match block.nesting {
        Nesting::Single => inner,
        Nesting::List => {
            Map::from_iter([("type".to_owned(), json!("array")), ("items".to_owned(), Value::Object(inner))])
        }
        Nesting::Set => Map::from_iter([
            ("type".to_owned(), json!("array")),
            ("uniqueItems".to_owned(), json!(true)),
            ("items".to_owned(), Value::Object(inner)),
        ]),
    })
}

fn of_value(attribute: &AttributeSchema, ty: &Type) -> Map<String, Value> {
    let mut schema = ty.json_schema();
    match ty {
        Type::List(element) | Type::Set(element) => {
            let mut items = element.json_schema();
            limit(attribute, element, &mut items);
            schema.insert("items".to_owned(), Value::Object(items));
        }
        Type::Map(element) => {
            let mut values = element.json_schema();
            limit(attribute, element, &mut values);
            schema.insert("additionalProperties".to_owned(), Value::Object(values));
        }
        Type::Any | Type::String | Type::Number | Type::Bool | Type::Tuple(_) | Type::Object(_) => {
            limit(attribute, ty, &mut schema);
        }
    }
    schema
}

/// Range and allowed values; of a collection they hold for its elements.
fn limit(attribute: &AttributeSchema, ty: &Type, schema: &mut Map<String, Value>) {
    if let Some((low, high)) = attribute.range {
        let (least, most) = if *ty == Type::String { ("minLength", "maxLength") } else { ("minimum", "maximum") };
        schema.insert(least.to_owned(), json!(low));
        schema.insert(most.to_owned(), json!(high));
    }
    if let Some(one_of) = attribute.one_of.as_ref().filter(|one_of| !one_of.is_empty()) {
        schema.insert("enum".to_owned(), json!(one_of));
    }
}

/// What is not required may be null, which means that it is not written.
fn allow_null(schema: &mut Map<String, Value>) {
    if let Some(ty) = schema.get("type").cloned() {
        schema.insert("type".to_owned(), json!([ty, "null"]));
    }
    if let Some(Value::Array(allowed)) = schema.get_mut("enum") {
        allowed.push(Value::Null);
    }
}

fn annotate(attribute: &AttributeSchema, schema: &mut Map<String, Value>) {
    let mut put = |key: &str, value: Value| schema.insert(key.to_owned(), value);
    if !attribute.doc.is_empty() {
        put("description", json!(attribute.doc));
    }
    if let Some(default) = &attribute.default {
        put("default", default.clone());
    }
    if let Some(source) = &attribute.source {
        put("$comment", json!(format!("Source: {source}")));
    }
    if let Some(example) = &attribute.example {
        put("x-terrane-example", json!(example));
    }
    match attribute.role {
        Role::Computed => put("readOnly", json!(true)),
        Role::WriteOnly => put("writeOnly", json!(true)),
        Role::OptionalComputed => put("x-terrane-computed", json!(true)),
        Role::Required | Role::Optional => None,
    };
    if let Some(unit) = &attribute.unit {
        put("x-terrane-unit", json!(unit));
    }
    match attribute.change {
        Some(Change::Replaces) => put("x-terrane-change", json!("replaces")),
        Some(Change::Refused) => put("x-terrane-change", json!("refused")),
        Some(Change::InPlace) | None => None,
    };
    if let Some(disrupts) = &attribute.disrupts {
        put("x-terrane-disrupts", json!(disrupts));
    }
    if attribute.secret {
        put("x-terrane-secret", json!(true));
    }
    if let Some(severity) = &attribute.severity {
        put("x-terrane-drift-severity", json!(severity));
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::{Document, EXAMPLE};
    use super::*;

    fn property(name: &str) -> Value {
        let document = Document::parse(EXAMPLE).unwrap();
        let schema = of_type(Kind::Resource, document.types.get("demo_cluster").unwrap()).unwrap();
        schema["properties"][name].clone()
    }

    #[test]
    fn type_is_an_object_with_its_required_arguments() {
        let document = Document::parse(EXAMPLE).unwrap();
        let schema = of_type(Kind::Resource, document.types.get("demo_cluster").unwrap()).unwrap();
        assert_eq!(schema["$id"], "urn:terrane:resource:demo_cluster:2");
        assert_eq!(schema["required"], json!(["name"]));
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(schema["x-terrane-rules"], json!([{ "rule": "requires", "paths": ["token", "logs"] }]));
    }

    #[test]
    fn ranges_are_lengths_of_texts_and_bounds_of_numbers() {
        let name = property("name");
        assert_eq!((&name["minLength"], &name["maxLength"], &name["type"]), (&json!(1), &json!(100), &json!("string")));
        assert_eq!(name["x-terrane-change"], "replaces");
        let size = property("size");
        assert_eq!((&size["minimum"], &size["maximum"]), (&json!(1), &json!(64)));
        assert_eq!((&size["x-terrane-unit"], &size["x-terrane-computed"]), (&json!("GiB"), &json!(true)));
    }

    #[test]
    fn allowed_values_hold_for_elements() {
        assert_eq!(property("tier")["enum"], json!(["small", "large", null]));
        assert_eq!(property("tier")["type"], json!(["string", "null"]));
        assert_eq!(property("logs")["items"]["enum"], json!(["api", "audit"]));
        assert_eq!(property("logs")["x-terrane-drift-severity"], "high");
    }

    #[test]
    fn blocks_secrets_and_computed_attributes_are_marked() {
        assert_eq!(property("taints")["type"], "array");
        assert_eq!(property("taints")["items"]["required"], json!(["key"]));
        let token = property("token");
        assert_eq!((&token["writeOnly"], &token["x-terrane-secret"]), (&json!(true), &json!(true)));
        assert_eq!(property("arn")["readOnly"], json!(true));
    }
}
