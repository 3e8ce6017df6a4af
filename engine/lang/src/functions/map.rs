//! Functions of maps and objects.

use super::ParameterType::{Any, String as S, StringList};
use super::{Function, Outcome, any, argument, is, items, nullable, p, text, wrong};
use crate::convert::convert;
use std::collections::BTreeMap;
use terrane_core::{Kind, Text, Type, Value};

/// The functions.
pub static TABLE: &[Function] = &[
    Function::new("keys", "The keys of a map or object, sorted.", &[p("map", Any)], keys_type, |a, _| {
        let Some(entries) = argument(a, 0).entries() else { return wrong(0, NO_MAP) };
        is(like(argument(a, 0), entries.iter().map(|(key, _)| Value::string(key.clone())).collect()))
    })
    .parts(),
    Function::new(
        "lookup",
        "The value of a key, or a default where there is none.",
        &[p("map", Any), p("key", S), nullable("default", Any)],
        any,
        |a, _| lookup(a),
    )
    .optional(1)
    .parts(),
    Function::new("merge", "Maps and objects put together; of equal keys the last stays.", &[], any, |a, _| merge(a))
        .variadic(nullable("map", Any))
        .parts(),
    Function::new(
        "transpose",
        "A map of lists turned round: each element becomes a key of a list of keys.",
        &[p("map", Any)],
        |_| Type::map(Type::list(Type::String)),
        |a, _| transpose(a),
    ),
    Function::new("values", "The values of a map or object, in the order of keys.", &[p("map", Any)], any, |a, _| {
        let Some(entries) = argument(a, 0).entries() else { return wrong(0, NO_MAP) };
        is(like(argument(a, 0), entries.iter().map(|(_, value)| value.clone()).collect()))
    })
    .parts(),
    Function::new(
        "zipmap",
        "A map or object of keys and values.",
        &[p("keys", StringList), p("values", Any)],
        any,
        |a, _| zip(a),
    )
    .parts(),
];

const NO_MAP: &str = "it has to be a map or an object";

/// A map gives a list, an object a tuple.
fn like(source: &Value, all: Vec<Value>) -> Value {
    if matches!(source.kind(), Kind::Map(_)) { Value::list(all) } else { Value::tuple(all) }
}

fn keys_type(arguments: &[Value]) -> Type {
    match argument(arguments, 0).as_unknown().map(|unknown| &unknown.ty) {
        Some(Type::Map(_)) => Type::list(Type::String),
        _ => Type::Any,
    }
}

fn lookup(arguments: &[Value]) -> Outcome {
    let map = argument(arguments, 0);
    let Some(entries) = map.entries() else { return wrong(0, NO_MAP) };
    let default = match (map.kind(), arguments.get(2)) {
        // All values of a map have one type, and the default is one of them.
        (Kind::Map(_), Some(default)) => match convert(default, &map.type_of().element()) {
            Ok(default) => Some(default),
            Err(_) => return wrong(2, "it has to be of the type of the values of the map"),
        },
        (_, default) => default.cloned(),
    };
    match entries.get(text(arguments, 1)).cloned().or(default) {
        Some(found) => is(found),
        None => wrong(1, format!("there is no key `{}`, and no default", text(arguments, 1))),
    }
}

fn merge(arguments: &[Value]) -> Outcome {
    let mut pairs = Vec::new();
    for (at, map) in arguments.iter().enumerate() {
        match map.entries() {
            Some(entries) => pairs.extend(entries.iter().map(|(key, value)| (key.clone(), value.clone()))),
            None if map.is_null() => {}
            None => return wrong(at, NO_MAP),
        }
    }
    let is_of_one_type = || pairs.windows(2).all(|w| matches!(w, [a, b] if a.1.type_of() == b.1.type_of()));
    let is_map =
        !arguments.is_empty() && arguments.iter().all(|map| matches!(map.kind(), Kind::Map(_))) && is_of_one_type();
    is(if is_map { Value::map(pairs) } else { Value::object(pairs) })
}

fn transpose(arguments: &[Value]) -> Outcome {
    let Ok(map) = convert(argument(arguments, 0), &Type::map(Type::list(Type::String))) else {
        return wrong(0, "it has to be a map of lists of texts");
    };
    let mut turned: BTreeMap<Text, Vec<Value>> = BTreeMap::new();
    for (key, list) in map.entries().into_iter().flat_map(|entries| entries.iter()) {
        for item in list.items().unwrap_or_default() {
            let Some(text) = item.as_text() else { return wrong(0, format!("the list of `{key}` holds null")) };
            turned.entry(text.clone()).or_default().push(Value::string(key.clone()));
        }
    }
    is(Value::map(turned.into_iter().map(|(key, list)| (key, Value::list(list))).collect()))
}

fn zip(arguments: &[Value]) -> Outcome {
    let (keys, source) = (items(arguments, 0), argument(arguments, 1));
    let (Kind::List(values) | Kind::Tuple(values)) = source.kind() else {
        return wrong(1, "it has to be a list or a tuple");
    };
    if keys.len() != values.len() {
        return wrong(1, format!("there are {} keys and {} values", keys.len(), values.len()));
    }
    if let Some(at) = keys.iter().position(Value::is_null) {
        return wrong(0, format!("element {at} is null"));
    }
    let names: Option<Vec<Text>> = keys.iter().map(|key| key.as_text().cloned()).collect();
    let Some(names) = names else { return Ok(None) };
    let pairs: Vec<(Text, Value)> = names.into_iter().zip(values.iter().cloned()).collect();
    let whole = if matches!(source.kind(), Kind::List(_)) { Value::map(pairs) } else { Value::object(pairs) };
    is(if keys.iter().any(Value::is_sensitive) { whole.sensitive() } else { whole })
}
