//! The leaves in which two objects of one type differ.

use terrane_core::schema::{Attribute, Block, Nesting, Shape};
use terrane_core::value::Kind;
use terrane_core::{Path, PathStep, Value};

/// A leaf that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The leaf.
    pub path: Path,
    /// On the left; null where it is missing.
    pub left: Value,
    /// On the right; null where it is missing.
    pub right: Value,
}

/// Compares two objects of `block`, attribute by attribute; `wanted` says which attributes count. Maps differ by
/// key, nested blocks by attribute, lists and sets as a whole.
pub fn differences(block: &Block, left: &Value, right: &Value, wanted: &dyn Fn(&Attribute) -> bool) -> Vec<Difference> {
    let mut found = Vec::new();
    compare_block(block, left, right, &Path::default(), &mut Collect { wanted, found: &mut found });
    found
}

struct Collect<'c> {
    wanted: &'c dyn Fn(&Attribute) -> bool,
    found: &'c mut Vec<Difference>,
}

fn compare_block(block: &Block, left: &Value, right: &Value, at: &Path, out: &mut Collect<'_>) {
    for attribute in &block.attributes {
        if !(out.wanted)(attribute) {
            continue;
        }
        let (a, b) = (left.get(&attribute.name), right.get(&attribute.name));
        if a.unwrap_or(&Value::NULL).is_same(b.unwrap_or(&Value::NULL)) {
            continue;
        }
        let path = at.child(attribute.name.clone());
        compare(attribute, a.unwrap_or(&Value::NULL), b.unwrap_or(&Value::NULL), path, out);
    }
}

fn compare(attribute: &Attribute, left: &Value, right: &Value, path: Path, out: &mut Collect<'_>) {
    match (&attribute.shape, left.kind(), right.kind()) {
        (
            Shape::Block { block, nesting: Nesting::Single },
            Kind::Object(_) | Kind::Map(_) | Kind::Null,
            Kind::Object(_) | Kind::Map(_) | Kind::Null,
        ) => compare_block(block, left, right, &path, out),
        (
            Shape::Block { block, nesting: Nesting::List },
            Kind::List(a) | Kind::Tuple(a),
            Kind::List(b) | Kind::Tuple(b),
        ) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b.iter()).enumerate() {
                let step = PathStep::Index(u64::try_from(index).unwrap_or(u64::MAX));
                compare_block(block, a, b, &path.join(step), out);
            }
        }
        (Shape::Value(_), Kind::Object(a) | Kind::Map(a), Kind::Object(b) | Kind::Map(b)) => {
            let keys: std::collections::BTreeSet<_> = a.iter().chain(b.iter()).map(|(key, _)| key.clone()).collect();
            for key in keys {
                let (a, b) = (a.get(&key).unwrap_or(&Value::NULL), b.get(&key).unwrap_or(&Value::NULL));
                if !a.is_same(b) {
                    let path = path.join(PathStep::Name(key));
                    out.found.push(Difference { path, left: a.clone(), right: b.clone() });
                }
            }
        }
        _ => out.found.push(Difference { path, left: left.clone(), right: right.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrane_core::{Role, Type};

    fn block() -> Block {
        let inner = Block { attributes: vec![Attribute::new("min", Shape::Value(Type::Number), Role::Required)] };
        Block {
            attributes: vec![
                Attribute::new("tags", Shape::Value(Type::map(Type::String)), Role::Optional),
                Attribute::new("size", Shape::Block { block: inner, nesting: Nesting::Single }, Role::Optional),
            ],
        }
    }

    fn object(tag: &str, min: i64) -> Value {
        Value::object(vec![
            ("tags".into(), Value::map(vec![("team".into(), Value::string(tag)), ("x".into(), Value::int(1))])),
            ("size".into(), Value::object(vec![("min".into(), Value::int(min))])),
        ])
    }

    #[test]
    fn maps_differ_by_key_and_blocks_by_attribute() {
        let found = differences(&block(), &object("a", 1), &object("b", 2), &|_| true);
        let paths: Vec<String> = found.iter().map(|d| d.path.to_string()).collect();
        assert_eq!(paths, ["tags.team", "size.min"]);
    }

    #[test]
    fn an_object_does_not_differ_from_itself() {
        assert!(differences(&block(), &object("a", 1), &object("a", 1), &|_| true).is_empty());
    }
}
