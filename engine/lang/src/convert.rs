//! Conversion of values between types, and the one type that several types have in common.
//!
//! The rules are Terraform's: text, numbers and bools become each other where the text reads so; lists, sets
//! and tuples become each other, maps and objects likewise; attributes that an object type does not have are
//! dropped, optional ones are filled in; `any` inside a collection means the one type its elements have in
//! common. Marks stay, null fits everywhere, unknown values carry the conversion along.

use std::collections::BTreeMap;
use terrane_core::types::Field;
use terrane_core::{Kind, Number, Path, PathStep, Residual, Text, Type, Value};

/// A value that has no form in the wanted type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertError {
    /// The part that does not fit.
    pub path: Path,
    /// What is wanted, in words.
    pub reason: String,
}

impl ConvertError {
    fn new(reason: impl Into<String>) -> Self {
        Self { path: Path::default(), reason: reason.into() }
    }

    fn inside(mut self, step: PathStep) -> Self {
        self.path.0.insert(0, step);
        self
    }

    /// Path and reason in one text.
    #[must_use]
    pub fn text(&self) -> String {
        if self.path.0.is_empty() { self.reason.clone() } else { format!("`{}`: {}", self.path, self.reason) }
    }
}

/// The value in the form of `ty`.
///
/// # Errors
/// The first part that does not fit.
pub fn convert(value: &Value, ty: &Type) -> Result<Value, ConvertError> {
    if matches!(value.kind(), Kind::Null) || matches!(ty, Type::Any) {
        return Ok(value.clone());
    }
    if let Some(unknown) = value.as_unknown() {
        return convert_unknown(value, &unknown.ty, ty);
    }
    if fits(value, ty) {
        return Ok(value.clone());
    }
    let converted = match ty {
        Type::Any => return Ok(value.clone()),
        Type::Bool => to_bool(value)?,
        Type::Number => to_number(value)?,
        Type::String => to_text(value)?,
        Type::List(element) => Value::list(to_items(value, element, ty)?),
        Type::Set(element) => Value::set(to_items(value, element, ty)?),
        Type::Tuple(types) => to_tuple(value, types)?,
        Type::Map(element) => to_map(value, element)?,
        Type::Object(fields) => to_object(value, fields)?,
    };
    Ok(converted.marked_like(value))
}

/// Whether a known value has the form already, so that converting it would make an equal one.
fn fits(value: &Value, ty: &Type) -> bool {
    match (value.kind(), ty) {
        (Kind::Bool(_), Type::Bool) | (Kind::Number(_), Type::Number) | (Kind::String(_), Type::String) => true,
        (Kind::Unknown(unknown), ty) => unknown.ty == *ty,
        (Kind::List(items), Type::List(element)) | (Kind::Set(items), Type::Set(element)) => {
            items.iter().all(|item| fits(item, element))
        }
        (Kind::Map(entries), Type::Map(element)) => entries.iter().all(|(_, item)| fits(item, element)),
        _ => false,
    }
}

fn convert_unknown(value: &Value, from: &Type, ty: &Type) -> Result<Value, ConvertError> {
    if from == ty {
        return Ok(value.clone());
    }
    if !may_convert(from, ty) {
        return Err(ConvertError::new(format!("{} is wanted, not {}", article(ty), article(from))));
    }
    let residual = Residual::Convert { value: value.clone(), ty: ty.clone() };
    Ok(Value::unknown(ty.clone(), residual).marked_like(value))
}

/// Whether a value of type `from` may have a form in `ty`: false where no value has.
#[must_use]
pub fn may_convert(from: &Type, ty: &Type) -> bool {
    match (from, ty) {
        (Type::Any, _) | (_, Type::Any) => true,
        (Type::Bool | Type::String, Type::Bool) => true,
        (Type::Number | Type::String, Type::Number) => true,
        (Type::Bool | Type::Number | Type::String, Type::String) => true,
        (Type::List(a) | Type::Set(a), Type::List(b) | Type::Set(b)) | (Type::Map(a), Type::Map(b)) => {
            may_convert(a, b)
        }
        (Type::Tuple(items), Type::List(b) | Type::Set(b)) => items.iter().all(|a| may_convert(a, b)),
        (Type::Tuple(a), Type::Tuple(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| may_convert(a, b)),
        (Type::List(a) | Type::Set(a), Type::Tuple(b)) => b.iter().all(|b| may_convert(a, b)),
        (Type::Object(fields), Type::Map(b)) => fields.values().all(|a| may_convert(&a.ty, b)),
        (Type::Map(a), Type::Object(fields)) => fields.values().all(|b| may_convert(a, &b.ty)),
        (Type::Object(a), Type::Object(b)) => b.iter().all(|(name, field)| match a.get(name) {
            Some(given) => may_convert(&given.ty, &field.ty),
            None => field.is_optional,
        }),
        _ => false,
    }
}

/// The type with its article, for messages: `a number`, `a list(string)`.
#[must_use]
pub fn article(ty: &Type) -> String {
    match ty {
        Type::Any => String::from("any value"),
        Type::String => String::from("a text"),
        Type::Object(_) => format!("an {ty}"),
        Type::Bool | Type::Number | Type::List(_) | Type::Set(_) | Type::Map(_) | Type::Tuple(_) => format!("a {ty}"),
    }
}

/// What a value is, with its article, for messages. Never the value itself: it may be secret.
#[must_use]
pub fn describe(value: &Value) -> String {
    let name = match value.kind() {
        Kind::Null => "null",
        Kind::Bool(_) => "a bool",
        Kind::Number(_) => "a number",
        Kind::String(_) => "a text",
        Kind::Tuple(_) => "a tuple",
        Kind::List(_) => "a list",
        Kind::Set(_) => "a set",
        Kind::Object(_) => "an object",
        Kind::Map(_) => "a map",
        Kind::Unknown(unknown) => return article(&unknown.ty),
    };
    name.to_owned()
}

fn wanted(ty: &str, value: &Value) -> ConvertError {
    let shown = match value.kind() {
        Kind::String(text) if !value.has_sensitive() && text.chars().count() <= 40 => {
            format!("the text {}", terrane_core::path::quote(text))
        }
        _ => describe(value),
    };
    ConvertError::new(format!("{ty} is wanted, not {shown}"))
}

fn to_bool(value: &Value) -> Result<Value, ConvertError> {
    match value.kind() {
        Kind::Bool(_) => Ok(value.clone()),
        Kind::String(text) if matches!(&**text, "true" | "1") => Ok(Value::bool(true)),
        Kind::String(text) if matches!(&**text, "false" | "0") => Ok(Value::bool(false)),
        _ => Err(wanted("a bool", value)),
    }
}

fn to_number(value: &Value) -> Result<Value, ConvertError> {
    match value.kind() {
        Kind::Number(_) => Ok(value.clone()),
        Kind::String(text) => Number::parse(text).map(Value::number).ok_or_else(|| wanted("a number", value)),
        _ => Err(wanted("a number", value)),
    }
}

fn to_text(value: &Value) -> Result<Value, ConvertError> {
    match value.kind() {
        Kind::String(_) => Ok(value.clone()),
        Kind::Bool(truth) => Ok(Value::string(if *truth { "true" } else { "false" })),
        Kind::Number(number) => Ok(Value::string(number.to_string())),
        _ => Err(wanted("a text", value)),
    }
}

fn index_step(at: usize) -> PathStep {
    PathStep::Index(u64::try_from(at).unwrap_or(u64::MAX))
}

fn to_items(value: &Value, element: &Type, ty: &Type) -> Result<Vec<Value>, ConvertError> {
    let Some(items) = value.items() else { return Err(wanted(&article(ty), value)) };
    let common;
    let element = if has_any(element) {
        let types: Vec<Type> = items.iter().map(Value::type_of).collect();
        common = common_type(&types, element)?;
        &common
    } else {
        element
    };
    items.iter().enumerate().map(|(at, item)| convert(item, element).map_err(|e| e.inside(index_step(at)))).collect()
}

fn to_tuple(value: &Value, types: &[Type]) -> Result<Value, ConvertError> {
    let items = value.items().filter(|items| items.len() == types.len());
    let Some(items) = items else {
        return Err(wanted(&format!("a tuple of {}", types.len()), value));
    };
    let converted: Result<Vec<Value>, ConvertError> = items
        .iter()
        .zip(types)
        .enumerate()
        .map(|(at, (item, ty))| convert(item, ty).map_err(|e| e.inside(index_step(at))))
        .collect();
    Ok(Value::tuple(converted?))
}

fn to_map(value: &Value, element: &Type) -> Result<Value, ConvertError> {
    let Some(entries) = value.entries() else { return Err(wanted(&format!("a map({element})"), value)) };
    let common;
    let element = if has_any(element) {
        let types: Vec<Type> = entries.iter().map(|(_, v)| v.type_of()).collect();
        common = common_type(&types, element)?;
        &common
    } else {
        element
    };
    let converted: Result<Vec<(Text, Value)>, ConvertError> = entries
        .iter()
        .map(|(key, item)| {
            let item = convert(item, element).map_err(|e| e.inside(PathStep::Name(key.clone())))?;
            Ok((key.clone(), item))
        })
        .collect();
    Ok(Value::map(converted?))
}

fn to_object(value: &Value, fields: &BTreeMap<Text, Field>) -> Result<Value, ConvertError> {
    let Some(entries) = value.entries() else { return Err(wanted("an object", value)) };
    let mut pairs = Vec::with_capacity(fields.len());
    for (name, field) in fields {
        let given = match entries.get(name) {
            Some(given) if !given.is_null() => convert(given, &field.ty),
            Some(given) => Ok(field.default.clone().unwrap_or_else(|| given.clone())),
            None if field.is_optional => Ok(field.default.clone().unwrap_or(Value::NULL)),
            None => Err(ConvertError::new(format!("the attribute `{name}` is missing"))),
        };
        let given = match given {
            Ok(given) => given,
            Err(e) if entries.get(name).is_some() => return Err(e.inside(PathStep::Name(name.clone()))),
            Err(e) => return Err(e),
        };
        pairs.push((name.clone(), given));
    }
    Ok(Value::object(pairs))
}

/// Whether `any` stands somewhere inside, so that the type depends on the values.
fn has_any(ty: &Type) -> bool {
    match ty {
        Type::Any => true,
        Type::Bool | Type::Number | Type::String => false,
        Type::List(element) | Type::Set(element) | Type::Map(element) => has_any(element),
        Type::Tuple(items) => items.iter().any(has_any),
        Type::Object(fields) => fields.values().any(|f| has_any(&f.ty)),
    }
}

/// `wanted` with each `any` replaced by what `types` have in common there.
fn common_type(types: &[Type], wanted: &Type) -> Result<Type, ConvertError> {
    if !matches!(wanted, Type::Any) {
        return Ok(wanted.clone());
    }
    unify(types).ok_or_else(|| ConvertError::new("the elements have no common type"))
}

/// The type that all of `types` convert to; `None` where there is none. `Any` (null, and values whose type
/// is not known yet) goes along with everything.
#[must_use]
pub fn unify(types: &[Type]) -> Option<Type> {
    let mut known = types.iter().filter(|ty| !matches!(ty, Type::Any));
    let Some(first) = known.next() else { return Some(Type::Any) };
    known.try_fold(first.clone(), |common, ty| unify_two(&common, ty))
}

fn unify_two(a: &Type, b: &Type) -> Option<Type> {
    if a == b {
        return Some(a.clone());
    }
    match (a, b) {
        (Type::Any, other) | (other, Type::Any) => Some(other.clone()),
        (Type::String, Type::Bool | Type::Number) | (Type::Bool | Type::Number, Type::String) => Some(Type::String),
        (Type::Set(x), Type::Set(y)) => unify_two(x, y).map(Type::set),
        (Type::Set(x), Type::Tuple(items)) | (Type::Tuple(items), Type::Set(x)) => {
            unify_two(x, &unify(items)?).map(Type::set)
        }
        (Type::List(x) | Type::Set(x), Type::List(y) | Type::Set(y)) => unify_two(x, y).map(Type::list),
        (Type::List(x), Type::Tuple(items)) | (Type::Tuple(items), Type::List(x)) => {
            unify_two(x, &unify(items)?).map(Type::list)
        }
        (Type::Tuple(x), Type::Tuple(y)) => {
            let items = || x.iter().zip(y).map(|(x, y)| unify_two(x, y)).collect::<Option<Vec<Type>>>();
            match (x.len() == y.len()).then(items).flatten() {
                Some(items) => Some(Type::Tuple(items)),
                None => unify_two(&unify(x)?, &unify(y)?).map(Type::list),
            }
        }
        (Type::Map(x), Type::Map(y)) => unify_two(x, y).map(Type::map),
        (Type::Map(x), Type::Object(fields)) | (Type::Object(fields), Type::Map(x)) => {
            unify_two(x, &unify_fields(fields)?).map(Type::map)
        }
        (Type::Object(x), Type::Object(y)) => unify_objects(x, y),
        _ => None,
    }
}

fn unify_fields(fields: &BTreeMap<Text, Field>) -> Option<Type> {
    let types: Vec<Type> = fields.values().map(|f| f.ty.clone()).collect();
    unify(&types)
}

fn unify_objects(x: &BTreeMap<Text, Field>, y: &BTreeMap<Text, Field>) -> Option<Type> {
    let has_same_names = x.len() == y.len() && x.keys().zip(y.keys()).all(|(a, b)| a == b);
    if has_same_names {
        let fields: Option<BTreeMap<Text, Field>> = x
            .iter()
            .zip(y.values())
            .map(|((name, a), b)| {
                let mut field = Field::required(unify_two(&a.ty, &b.ty)?);
                field.is_optional = a.is_optional || b.is_optional;
                Some((name.clone(), field))
            })
            .collect();
        if let Some(fields) = fields {
            return Some(Type::Object(fields));
        }
    }
    unify_two(&unify_fields(x)?, &unify_fields(y)?).map(Type::map)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::string(value)
    }

    fn object(pairs: &[(&str, Value)]) -> Value {
        Value::object(pairs.iter().map(|(k, v)| (Text::from(*k), v.clone())).collect())
    }

    #[test]
    fn primitives_become_each_other_where_the_text_reads_so() {
        assert_eq!(convert(&text("5"), &Type::Number), Ok(Value::int(5)));
        assert_eq!(convert(&Value::int(5), &Type::String), Ok(text("5")));
        assert_eq!(convert(&text("1"), &Type::Bool), Ok(Value::bool(true)));
        assert_eq!(convert(&Value::bool(false), &Type::String), Ok(text("false")));
        for (value, ty) in [(text("yes"), Type::Bool), (text("a"), Type::Number), (Value::bool(true), Type::Number)] {
            assert!(convert(&value, &ty).is_err(), "{value:?} {ty}");
        }
    }

    #[test]
    fn a_set_of_mixed_primitives_is_of_texts_each_once() {
        let mixed = Value::tuple(vec![Value::int(1), text("1")]);
        assert_eq!(convert(&mixed, &Type::set(Type::Any)), Ok(Value::set(vec![text("1")])));
    }

    #[test]
    fn an_object_type_drops_fills_and_converts() {
        let mut size = Field::optional(Type::Number);
        size.default = Some(Value::int(3));
        let ty = Type::Object(BTreeMap::from([
            ("name".into(), Field::required(Type::String)),
            ("size".into(), size),
            ("zone".into(), Field::optional(Type::String)),
        ]));
        let given = object(&[("name", Value::int(7)), ("size", Value::NULL), ("extra", Value::int(1))]);
        let wanted = object(&[("name", text("7")), ("size", Value::int(3)), ("zone", Value::NULL)]);
        assert_eq!(convert(&given, &ty), Ok(wanted));
        let error = convert(&object(&[]), &ty).unwrap_err();
        assert_eq!(error.text(), "the attribute `name` is missing");
    }

    #[test]
    fn the_part_that_does_not_fit_is_named() {
        let value = object(&[("a", Value::tuple(vec![Value::int(1), text("x")]))]);
        let error = convert(&value, &Type::map(Type::list(Type::Number))).unwrap_err();
        assert_eq!(error.text(), "`a[1]`: a number is wanted, not the text \"x\"");
    }

    #[test]
    fn a_secret_is_not_shown_in_an_error() {
        let error = convert(&text("hunter2").sensitive(), &Type::Number).unwrap_err();
        assert!(!error.text().contains("hunter2"));
    }

    #[test]
    fn unknown_values_carry_the_conversion() {
        let unknown = Value::unknown(Type::Number, Residual::Variable("x".into()));
        let converted = convert(&unknown, &Type::String).unwrap();
        assert!(matches!(&converted.as_unknown().unwrap().residual, Residual::Convert { .. }));
        assert_eq!(converted.type_of(), Type::String);
        assert!(convert(&unknown, &Type::list(Type::String)).is_err());
        assert_eq!(convert(&unknown, &Type::Number), Ok(unknown));
    }

    #[test]
    fn marks_stay() {
        assert!(convert(&text("5").sensitive(), &Type::Number).unwrap().is_sensitive());
    }

    #[test]
    fn types_in_common() {
        let tuple = |types: &[Type]| Type::Tuple(types.to_vec());
        for (types, common) in [
            (vec![Type::Number, Type::String], Some(Type::String)),
            (vec![Type::Number, Type::Bool], None),
            (vec![Type::Any, Type::Bool], Some(Type::Bool)),
            (vec![tuple(&[Type::Number]), tuple(&[Type::String])], Some(tuple(&[Type::String]))),
            (vec![tuple(&[]), tuple(&[Type::Number])], Some(Type::list(Type::Number))),
            (vec![tuple(&[]), Type::list(Type::String)], Some(Type::list(Type::String))),
            (vec![tuple(&[Type::Number]), tuple(&[Type::Number])], Some(tuple(&[Type::Number]))),
            (vec![Type::list(Type::String), Type::set(Type::String)], Some(Type::list(Type::String))),
            (vec![Type::map(Type::String), Type::list(Type::String)], None),
        ] {
            assert_eq!(unify(&types), common, "{types:?}");
        }
    }
}
