//! The text of a type, as configurations write it, and its JSON Schema.

use serde_json::{Map, Value, json};

use crate::error::Failure;

/// A type of the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    Any,
    String,
    Number,
    Bool,
    List(Box<Type>),
    Set(Box<Type>),
    Map(Box<Type>),
    Tuple(Vec<Type>),
    /// Name, type, whether it may be missing.
    Object(Vec<(String, Type, bool)>),
}

impl Type {
    /// Reads `list(string)`, `object({ a = string, b = optional(number) })` and so on.
    ///
    /// # Errors
    /// When the text is no type.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let mut reader = Reader { rest: text };
        match reader.ty() {
            Some(ty) if reader.rest.trim().is_empty() => Ok(ty),
            _ => Err(Failure::Malformed { what: format!("type `{text}`"), detail: "cannot be read".to_owned() }),
        }
    }

    /// The JSON Schema of values of this type.
    #[must_use]
    pub fn json_schema(&self) -> Map<String, Value> {
        let schema = match self {
            Self::Any => json!({}),
            Self::String => json!({ "type": "string" }),
            Self::Number => json!({ "type": "number" }),
            Self::Bool => json!({ "type": "boolean" }),
            Self::List(element) => json!({ "type": "array", "items": element.json_schema() }),
            Self::Set(element) => json!({ "type": "array", "uniqueItems": true, "items": element.json_schema() }),
            Self::Map(element) => json!({ "type": "object", "additionalProperties": element.json_schema() }),
            Self::Tuple(items) => {
                let prefix: Vec<Value> = items.iter().map(|item| Value::Object(item.json_schema())).collect();
                json!({ "type": "array", "prefixItems": prefix, "items": false, "minItems": items.len() })
            }
            Self::Object(fields) => {
                let properties: Map<String, Value> =
                    fields.iter().map(|(name, ty, _)| (name.clone(), Value::Object(ty.json_schema()))).collect();
                let required: Vec<&String> =
                    fields.iter().filter(|(.., is_optional)| !is_optional).map(|f| &f.0).collect();
                json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
            }
        };
        match schema {
            Value::Object(schema) => schema,
            _ => Map::new(),
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn ty(&mut self) -> Option<Type> {
        let word = self.word()?;
        match word.as_str() {
            "any" => Some(Type::Any),
            "string" => Some(Type::String),
            "number" => Some(Type::Number),
            "bool" => Some(Type::Bool),
            "list" => Some(Type::List(Box::new(self.element()?))),
            "set" => Some(Type::Set(Box::new(self.element()?))),
            "map" => Some(Type::Map(Box::new(self.element()?))),
            "tuple" => self.tuple(),
            "object" => self.object(),
            _ => None,
        }
    }

    fn element(&mut self) -> Option<Type> {
        self.take('(')?;
        let ty = self.ty()?;
        self.take(')')?;
        Some(ty)
    }

    fn tuple(&mut self) -> Option<Type> {
        self.take('(')?;
        self.take('[')?;
        let mut items = Vec::new();
        while self.take(']').is_none() {
            items.push(self.ty()?);
            let _comma = self.take(',');
        }
        self.take(')')?;
        Some(Type::Tuple(items))
    }

    fn object(&mut self) -> Option<Type> {
        self.take('(')?;
        self.take('{')?;
        let mut fields = Vec::new();
        while self.take('}').is_none() {
            let name = self.word()?;
            self.take('=')?;
            fields.push(match self.rest.trim_start().strip_prefix("optional") {
                Some(rest) if rest.trim_start().starts_with('(') => {
                    self.rest = rest;
                    (name, self.element()?, true)
                }
                _ => (name, self.ty()?, false),
            });
            let _comma = self.take(',');
        }
        self.take(')')?;
        Some(Type::Object(fields))
    }

    fn word(&mut self) -> Option<String> {
        let text = self.rest.trim_start();
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end)?;
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }

    fn take(&mut self, c: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(c)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, schema: &Value) {
        assert_eq!(Value::Object(Type::parse(text).unwrap().json_schema()), *schema, "{text}");
    }

    #[test]
    fn types_become_schemas() {
        check("any", &json!({}));
        check("bool", &json!({ "type": "boolean" }));
        check(
            "map(list(number))",
            &json!({
                "type": "object", "additionalProperties": { "type": "array", "items": { "type": "number" } }
            }),
        );
        check(
            "tuple([string, set(bool)])",
            &json!({
                "type": "array", "items": false, "minItems": 2,
                "prefixItems": [
                    { "type": "string" },
                    { "type": "array", "uniqueItems": true, "items": { "type": "boolean" } }
                ]
            }),
        );
        check(
            "object({ a = string, b = optional(number) })",
            &json!({
                "type": "object", "additionalProperties": false, "required": ["a"],
                "properties": { "a": { "type": "string" }, "b": { "type": "number" } }
            }),
        );
        check(
            "object({})",
            &json!({ "type": "object", "additionalProperties": false, "required": [], "properties": {} }),
        );
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "text", "list", "list(string", "list(string) x", "object({ a })", "tuple([x])"] {
            assert!(Type::parse(text).is_err(), "{text}");
        }
    }
}
