//! The JSON form of values in plan and state.
//!
//! A value is written by its type: where the type says list, set or map, a plain array or object stands;
//! under `any`, what JSON cannot tell apart is tagged (`{"$list": [..]}`, `{"$set": ..}`, `{"$map": ..}`,
//! `{"$number": "0.1"}`, `{"$unknown": ..}`), and an object with a key that starts with `$` is wrapped in
//! `{"$object": ..}`. A known sensitive value has no JSON form: it is written as `{"$sensitive": true}` and
//! comes back as a sensitive null. Seal secrets before writing; see the planner.

use crate::value::{ForResidual, Kind};
use crate::{Number, Operator, Path, Recent, Residual, Text, Type, Value};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Value as Json, json};
use std::cell::RefCell;
use std::fmt;

/// Appends the JSON form of `value` to `out`.
pub fn encode(value: &Value, ty: &Type, out: &mut String) {
    if value.is_sensitive() && value.is_known() {
        out.push_str("{\"$sensitive\":true}");
        return;
    }
    match value.kind() {
        Kind::Null => out.push_str("null"),
        Kind::Bool(true) => out.push_str("true"),
        Kind::Bool(false) => out.push_str("false"),
        Kind::Number(number) => encode_number(number, out),
        Kind::String(text) => encode_text(text, out),
        Kind::Tuple(items) => match ty {
            Type::Tuple(types) => encode_items(items, |at| types.get(at).unwrap_or(&Type::Any), out),
            _ => encode_items(items, |_| &Type::Any, out),
        },
        Kind::List(items) => match ty {
            Type::List(element) => encode_items(items, |_| element, out),
            _ => tagged("$list", out, |out| encode_items(items, |_| &Type::Any, out)),
        },
        Kind::Set(items) => match ty {
            Type::Set(element) => encode_items(items, |_| element, out),
            _ => tagged("$set", out, |out| encode_items(items, |_| &Type::Any, out)),
        },
        Kind::Object(entries) => match ty {
            Type::Object(fields) => {
                encode_entries(entries, |key| fields.get(key).map_or(&Type::Any, |f| &f.ty), out);
            }
            _ if entries.iter().any(|(key, _)| key.starts_with('$')) => {
                tagged("$object", out, |out| encode_entries(entries, |_| &Type::Any, out));
            }
            _ => encode_entries(entries, |_| &Type::Any, out),
        },
        Kind::Map(entries) => match ty {
            Type::Map(element) if !entries.iter().any(|(key, _)| key.starts_with('$')) => {
                encode_entries(entries, |_| element, out);
            }
            _ => tagged("$map", out, |out| encode_entries(entries, |_| ty.element_or_any(), out)),
        },
        Kind::Unknown(unknown) => {
            let body = json!({
                "type": unknown.ty,
                "residual": residual_to_json(&unknown.residual),
                "sensitive": value.is_sensitive(),
            });
            tagged("$unknown", out, |out| out.push_str(&body.to_string()));
        }
    }
}

/// The JSON form of `value` as a text of its own.
#[must_use]
pub fn to_text(value: &Value, ty: &Type) -> String {
    let mut out = String::new();
    encode(value, ty, &mut out);
    out
}

fn tagged(tag: &str, out: &mut String, body: impl FnOnce(&mut String)) {
    out.push_str("{\"");
    out.push_str(tag);
    out.push_str("\":");
    body(out);
    out.push('}');
}

fn encode_number(number: &Number, out: &mut String) {
    match number {
        Number::Int(int) => out.push_str(&int.to_string()),
        Number::Ratio(ratio) => tagged("$number", out, |out| {
            let text = number.to_string();
            let is_exact = Number::parse(&text).as_ref() == Some(number);
            encode_text(&if is_exact { text } else { ratio.to_string() }, out);
        }),
    }
}

fn encode_text(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(text.get(plain..at).unwrap_or_default());
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            other => out.push_str(&format!("\\u{other:04x}")),
        }
        plain = at + 1;
    }
    out.push_str(text.get(plain..).unwrap_or_default());
    out.push('"');
}

fn encode_items<'t>(items: &[Value], ty: impl Fn(usize) -> &'t Type, out: &mut String) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        encode(item, ty(at), out);
    }
    out.push(']');
}

fn encode_entries<'t>(entries: &crate::Entries, ty: impl Fn(&str) -> &'t Type, out: &mut String) {
    out.push('{');
    for (at, (key, value)) in entries.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        encode_text(key, out);
        out.push(':');
        encode(value, ty(key), out);
    }
    out.push('}');
}

impl Type {
    fn element_or_any(&self) -> &Type {
        match self {
            Self::List(element) | Self::Set(element) | Self::Map(element) => element,
            _ => &Self::Any,
        }
    }
}

/// Reads values; short texts that come again are shared.
#[derive(Default)]
pub struct Decoder {
    texts: Option<RefCell<Recent>>,
    /// Entries of the objects that are being read, the innermost last.
    pairs: RefCell<Vec<(Text, Value)>>,
}

impl Decoder {
    /// A decoder for many values: texts are shared among them all.
    #[must_use]
    pub fn sharing() -> Self {
        Self { texts: Some(RefCell::default()), pairs: RefCell::default() }
    }

    /// Reads the JSON form of a value of type `ty`.
    ///
    /// # Errors
    /// When the text is no JSON, or has a tag that this version does not know.
    pub fn decode(&self, text: &str, ty: &Type) -> Result<Value, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = Seed { decoder: self, ty }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(value)
    }

    /// A seed that reads a value of type `ty` inside a larger document.
    #[must_use]
    pub fn seed<'a>(&'a self, ty: &'a Type) -> Seed<'a> {
        Seed { decoder: self, ty }
    }

    /// A text that says `text`, shared where it was read lately.
    #[must_use]
    pub fn text(&self, text: &str) -> Text {
        match &self.texts {
            Some(texts) => texts.borrow_mut().text(text),
            None => text.into(),
        }
    }

    fn json(&self, json: Json) -> Result<Value, serde_json::Error> {
        Seed { decoder: self, ty: &Type::Any }.deserialize(json)
    }
}

/// Reads one value of a type with serde.
pub struct Seed<'a> {
    decoder: &'a Decoder,
    ty: &'a Type,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of type {}", self.ty)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::NULL)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::int(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        Number::parse(&value.to_string()).map(Value::number).ok_or_else(|| E::custom("no number"))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::number).ok_or_else(|| E::custom("no finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::string(self.decoder.text(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let ty = match self.ty {
                Type::Tuple(types) => types.get(items.len()).unwrap_or(&Type::Any),
                other => other.element_or_any(),
            };
            let Some(item) = seq.next_element_seed(Seed { decoder: self.decoder, ty })? else { break };
            items.push(item);
        }
        Ok(match self.ty {
            Type::List(_) => Value::list(items),
            Type::Set(_) => Value::set(items),
            _ => Value::tuple(items),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let element = self.ty.element_or_any();
        let start = self.decoder.pairs.borrow().len();
        let mut is_first = true;
        while let Some(key) = map.next_key_seed(Key(self.decoder))? {
            if is_first && key.starts_with('$') {
                let value = self.tagged(&key, &mut map)?;
                return match map.next_key::<String>()? {
                    None => Ok(value),
                    Some(_) => Err(A::Error::custom("a tag has company")),
                };
            }
            is_first = false;
            let ty = match self.ty {
                Type::Object(fields) => fields.get(&*key).map_or(&Type::Any, |f| &f.ty),
                _ => element,
            };
            let value = map.next_value_seed(Seed { decoder: self.decoder, ty })?;
            self.decoder.pairs.borrow_mut().push((key, value));
        }
        let entries = crate::Entries::taken(&mut self.decoder.pairs.borrow_mut(), start);
        Ok(if matches!(self.ty, Type::Map(_)) { Kind::Map(entries) } else { Kind::Object(entries) }.into())
    }
}

/// Reads a key.
struct Key<'a>(&'a Decoder);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Text;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Text, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Text, E> {
        Ok(self.0.text(key))
    }
}

impl Seed<'_> {
    fn tagged<'de, A: MapAccess<'de>>(&self, tag: &str, map: &mut A) -> Result<Value, A::Error> {
        let any = Type::Any;
        let of = |ty| Seed { decoder: self.decoder, ty };
        Ok(match tag {
            "$list" => map.next_value_seed(of(&Type::list(any)))?,
            "$set" => map.next_value_seed(of(&Type::set(any)))?,
            "$map" | "$object" => {
                let pairs: Vec<(Text, Value)> = map
                    .next_value::<serde_json::Map<String, Json>>()?
                    .into_iter()
                    .map(|(k, v)| Ok((self.decoder.text(&k), of(self.ty.element_or_any()).deserialize(v)?)))
                    .collect::<Result<_, serde_json::Error>>()
                    .map_err(A::Error::custom)?;
                if tag == "$map" { Value::map(pairs) } else { Value::object(pairs) }
            }
            "$number" => {
                let text = map.next_value::<String>()?;
                number_from_text(&text).ok_or_else(|| A::Error::custom("no number"))?
            }
            "$sensitive" => {
                map.next_value::<bool>()?;
                Value::NULL.sensitive()
            }
            "$unknown" => {
                let json = map.next_value::<Json>()?;
                self.unknown(&json).map_err(A::Error::custom)?
            }
            _ => return Err(A::Error::custom(format!("tag {tag} is not known to this version"))),
        })
    }

    fn unknown(&self, json: &Json) -> Result<Value, serde_json::Error> {
        let ty: Type = serde_json::from_value(field(json, "type")?.clone())?;
        let residual = self.decoder.residual(field(json, "residual")?)?;
        let value = Value::unknown(ty, residual);
        Ok(if json.get("sensitive") == Some(&Json::Bool(true)) { value.sensitive() } else { value })
    }
}

fn number_from_text(text: &str) -> Option<Value> {
    let number = match text.split_once('/') {
        Some((over, under)) => Number::parse(over)?.div(&Number::parse(under)?)?,
        None => Number::parse(text)?,
    };
    Some(Value::number(number))
}

fn field<'j>(json: &'j Json, name: &str) -> Result<&'j Json, serde_json::Error> {
    json.get(name).ok_or_else(|| serde_json::Error::custom(format!("`{name}` is missing")))
}

fn value_to_json(value: &Value) -> Json {
    serde_json::from_str(&to_text(value, &Type::Any)).unwrap_or(Json::Null)
}

fn values_to_json(values: &[Value]) -> Json {
    Json::Array(values.iter().map(value_to_json).collect())
}

fn residual_to_json(residual: &Residual) -> Json {
    match residual {
        Residual::Attribute { instance, path } => json!({ "attribute": instance, "path": path }),
        Residual::Variable(name) => json!({ "variable": &**name }),
        Residual::Call { function, arguments, is_spread } => {
            json!({ "call": &**function, "arguments": values_to_json(arguments), "spread": is_spread })
        }
        Residual::Operation { operator, operands } => {
            json!({ "operator": operator, "operands": values_to_json(operands) })
        }
        Residual::Conditional { condition, yes, no } => {
            json!({ "if": value_to_json(condition), "then": value_to_json(yes), "else": value_to_json(no) })
        }
        Residual::Template(parts) => json!({ "template": values_to_json(parts) }),
        Residual::Index { collection, key } => json!({ "index": value_to_json(collection), "key": value_to_json(key) }),
        Residual::Convert { value, ty } => json!({ "convert": value_to_json(value), "to": ty }),
        Residual::Local(number) => json!({ "local": number }),
        Residual::For(of) => json!({ "for": {
            "in": value_to_json(&of.collection),
            "key_local": of.key_local,
            "value_local": of.value_local,
            "if": of.condition.as_ref().map(value_to_json),
            "key": of.result_key.as_ref().map(value_to_json),
            "result": value_to_json(&of.result),
            "grouped": of.is_grouped,
            "splat": of.is_splat,
        } }),
    }
}

impl Decoder {
    fn values(&self, json: &Json) -> Result<Vec<Value>, serde_json::Error> {
        let items: Vec<Json> = serde_json::from_value(json.clone())?;
        items.into_iter().map(|item| self.json(item)).collect()
    }

    fn optional(&self, json: &Json, name: &str) -> Result<Option<Value>, serde_json::Error> {
        match json.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(value) => self.json(value.clone()).map(Some),
        }
    }

    fn residual(&self, json: &Json) -> Result<Residual, serde_json::Error> {
        let read = |name: &str| self.json(field(json, name)?.clone());
        let number = |json: &Json, name: &str| serde_json::from_value::<u32>(field(json, name)?.clone());
        if let Some(instance) = json.get("attribute") {
            let path: Path = serde_json::from_value(field(json, "path")?.clone())?;
            return Ok(Residual::Attribute { instance: serde_json::from_value(instance.clone())?, path });
        }
        if let Some(name) = json.get("variable") {
            return Ok(Residual::Variable(serde_json::from_value::<String>(name.clone())?.into()));
        }
        if let Some(function) = json.get("call") {
            return Ok(Residual::Call {
                function: serde_json::from_value::<String>(function.clone())?.into(),
                arguments: self.values(field(json, "arguments")?)?,
                is_spread: serde_json::from_value(field(json, "spread")?.clone())?,
            });
        }
        if let Some(operator) = json.get("operator") {
            let operator: Operator = serde_json::from_value(operator.clone())?;
            return Ok(Residual::Operation { operator, operands: self.values(field(json, "operands")?)? });
        }
        if json.get("then").is_some() {
            return Ok(Residual::Conditional { condition: read("if")?, yes: read("then")?, no: read("else")? });
        }
        if let Some(parts) = json.get("template") {
            return Ok(Residual::Template(self.values(parts)?));
        }
        if json.get("index").is_some() {
            return Ok(Residual::Index { collection: read("index")?, key: read("key")? });
        }
        if json.get("convert").is_some() {
            let ty = serde_json::from_value(field(json, "to")?.clone())?;
            return Ok(Residual::Convert { value: read("convert")?, ty });
        }
        if json.get("local").is_some() {
            return number(json, "local").map(Residual::Local);
        }
        let of = field(json, "for")?;
        Ok(Residual::For(Box::new(ForResidual {
            collection: self.json(field(of, "in")?.clone())?,
            key_local: number(of, "key_local")?,
            value_local: number(of, "value_local")?,
            condition: self.optional(of, "if")?,
            result_key: self.optional(of, "key")?,
            result: self.json(field(of, "result")?.clone())?,
            is_grouped: serde_json::from_value(field(of, "grouped")?.clone())?,
            is_splat: serde_json::from_value(field(of, "splat")?.clone())?,
        })))
    }
}

/// Written under `any`; see the module.
impl serde::Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw =
            serde_json::value::RawValue::from_string(to_text(self, &Type::Any)).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Decoder::default().seed(&Type::Any).deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Field;
    use std::collections::BTreeMap;

    fn round(value: &Value, ty: &Type) -> Value {
        Decoder::default().decode(&to_text(value, ty), ty).unwrap()
    }

    #[test]
    fn kinds_survive_under_any_and_under_their_type() {
        let third = Number::Int(1).div(&Number::Int(3)).unwrap();
        let value = Value::object(vec![
            ("list".into(), Value::list(vec![Value::int(1)])),
            ("set".into(), Value::set(vec![Value::string("b"), Value::string("a\n\"")])),
            ("map".into(), Value::map(vec![("$k".into(), Value::bool(true))])),
            ("tuple".into(), Value::tuple(vec![Value::NULL, Value::number(third)])),
        ]);
        assert_eq!(round(&value, &Type::Any), value);
        assert_eq!(round(&value, &value.type_of()), value);
    }

    #[test]
    fn the_default_of_an_optional_attribute_survives_in_a_conversion() {
        let field = Field { ty: Type::Number, is_optional: true, default: Some(Value::int(3)) };
        let ty = Type::Object(BTreeMap::from([("size".into(), field)]));
        let instance = "eks_cluster.a".parse().unwrap();
        let inner = Value::unknown(Type::Any, Residual::Attribute { instance, path: Path::attr("arn") });
        let value = Value::unknown(ty.clone(), Residual::Convert { value: inner, ty });
        assert_eq!(round(&value, &Type::Any), value);
    }

    #[test]
    fn residuals_survive() {
        let instance = "eks_cluster.a[\"k\"]".parse().unwrap();
        let inner = Value::unknown(Type::String, Residual::Attribute { instance, path: Path::attr("arn") });
        let value = Value::unknown(
            Type::Any,
            Residual::Call {
                function: "upper".into(),
                arguments: vec![inner.clone(), Value::set(vec![])],
                is_spread: false,
            },
        );
        assert_eq!(round(&value, &Type::String), value);
        let sealed = Value::unknown(Type::String, Residual::Template(vec![inner, Value::string("x")])).sensitive();
        assert!(round(&sealed, &Type::Any).is_sensitive());
    }

    #[test]
    fn a_known_secret_has_no_text() {
        let text = to_text(&Value::tuple(vec![Value::string("hunter2").sensitive()]), &Type::Any);
        assert_eq!(text, "[{\"$sensitive\":true}]");
    }
}
