//! Small readings and changes of JSON values that cannot fail.

use serde_json::{Map, Value};

/// The text at a pointer, or nothing.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number at a pointer.
pub(crate) fn number(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer).and_then(Value::as_i64)
}

/// The flag at a pointer.
pub(crate) fn flag(value: &Value, pointer: &str) -> Option<bool> {
    value.pointer(pointer).and_then(Value::as_bool)
}

/// The texts of the list at a pointer.
pub(crate) fn texts(value: &Value, pointer: &str) -> Vec<String> {
    let list = value.pointer(pointer).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// The object at a pointer, made if it is not there or something else.
pub(crate) fn object_at<'a>(value: &'a mut Value, pointer: &str) -> Option<&'a mut Map<String, Value>> {
    if !value.pointer(pointer).is_some_and(Value::is_object) {
        set(value, pointer, Value::Object(Map::new()));
    }
    value.pointer_mut(pointer).and_then(Value::as_object_mut)
}

/// Puts a value at a pointer and makes the objects on the way; `null` removes. False when the way leads through
/// something that is no object, or to a list position that does not exist.
pub(crate) fn set(target: &mut Value, pointer: &str, value: Value) -> bool {
    let Some(path) = pointer.strip_prefix('/') else {
        return false;
    };
    let mut parts: Vec<String> = path.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    let Some(last) = parts.pop() else {
        return false;
    };
    let mut here = target;
    for part in parts {
        if here.is_null() {
            *here = Value::Object(Map::new());
        }
        let next = match here {
            Value::Object(fields) => Some(fields.entry(part).or_insert(Value::Null)),
            Value::Array(items) => part.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
            _ => None,
        };
        let Some(next) = next else {
            return false;
        };
        here = next;
    }
    put(here, last, value)
}

fn put(here: &mut Value, last: String, value: Value) -> bool {
    if here.is_null() {
        *here = Value::Object(Map::new());
    }
    match here {
        Value::Object(fields) if value.is_null() => fields.remove(&last).is_some(),
        Value::Object(fields) => {
            fields.insert(last, value);
            true
        }
        Value::Array(items) if last == "-" => {
            items.push(value);
            true
        }
        Value::Array(items) => {
            let slot = last.parse::<usize>().ok().and_then(|index| items.get_mut(index));
            slot.map(|slot| *slot = value).is_some()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_on_the_way_are_made_and_null_removes() {
        let mut value = json!({});
        assert!(set(&mut value, "/labels/a~1b", json!("c")));
        assert_eq!(value, json!({"labels": {"a/b": "c"}}));
        assert!(set(&mut value, "/labels/a~1b", Value::Null));
        assert_eq!(value, json!({"labels": {}}));
        assert!(!set(&mut value, "/labels/x/0/y", Value::Null) || value.pointer("/labels/x").is_some());
    }

    #[test]
    fn a_way_through_text_is_refused() {
        let mut value = json!({"name": "a"});
        assert!(!set(&mut value, "/name/x", json!(1)));
    }
}
